"""Products with all their variations: those that changed, some by id, or a whole catalog by pages.

A simple product is one thing to buy and its own only variant; a variable one has variations, asked for by themselves.
What the store itself doesn't sell (no price, switched off) is no variant; types that are sold elsewhere or in a way we
don't know are refused with the reason. Never writes to the store. Source: the fact sheet, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from connector import money
from connector.errors import MoneyRefused, NotFound, PayloadUnreadable
from connector.events import Product, Variant
from connector.platforms.contract import BulkState, Client, MarketPrice, ProductPage, RefusedItem, StockLevel
from connector.platforms.reading import clean, decode, gtin, kept, plain_text
from connector.platforms.rest import Answered
from connector.platforms.woocommerce import walk
from connector.platforms.woocommerce.bodies import moment_or_none, name_of, plain
from connector.platforms.woocommerce.client import PAGE, Invalid, Query, Store
from connector.platforms.woocommerce.payloads import (
    PRODUCT_FIELDS,
    VARIATION_FIELDS,
    ChangeBody,
    ImageBody,
    ProductBody,
    VariationBody,
)

PRODUCTS = 50  # a page; each of its variable products is a question more
_DECIMAL = re.compile(r"-?\d{1,15}\.\d{1,15}", re.ASCII)
MOST_STOCK = 10**9  # more is no stock, and no number that every database keeps
SIMPLE, VARIABLE = "simple", "variable"
# A type that we don't offer → (reason, what the merchant reads).
NOT_OFFERED = {
    "external": ("sold_elsewhere", "It is sold on another site, so an order of it never comes through this store."),
    "grouped": ("group_of_products", "It only groups other products, which are listed by themselves."),
}


class OddRow(msgspec.Struct):
    """A product in a shape that we can't read: it must not take its page with it."""

    id: int
    name: Any = None
    date_modified_gmt: str | None = None
    problem: str = ""


Row = ProductBody | OddRow


class Catalog:
    """The contract's `Catalog` for WooCommerce."""

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        """By id, drafts too; trashed and deleted ones are absent."""
        store = Store.of(client)
        wanted = [each for each in dict.fromkeys(refs) if each.isascii() and each.isdigit()]
        products: list[Product] = []
        refused: list[RefusedItem] = []
        for start in range(0, len(wanted), PAGE):
            ids = ",".join(wanted[start : start + PAGE])
            query: Query = [("include", ids), ("per_page", PAGE), ("_fields", PRODUCT_FIELDS)]
            _sort_out(client, store, listed(store.get("/products", query)), products, refused)
        return ProductPage(products, refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """In the order of their ids; every status, so that what isn't sold is listed with its reason.

        A full walk asks for no change time: rows that were put in by SQL may have none, and would be missed.
        """
        store = Store.of(client)
        query: Query = [("_fields", PRODUCT_FIELDS), *(walk.changed_since(since) if since is not None else ())]
        part: walk.Part[Row] = walk.by_id(store, "/products", query, listed, checkpoint, PRODUCTS)
        products: list[Product] = []
        refused: list[RefusedItem] = []
        _sort_out(client, store, part.rows, products, refused)
        return ProductPage(products, refused, part.checkpoint)

    def newest_change(self, client: Client) -> datetime | None:
        """Where a store can't sort by change (it is old), its clock's time of now: nothing changed later."""
        store = Store.of(client)
        one: Query = [("per_page", 1), ("_fields", "id,date_modified_gmt")]
        try:
            rows = store.get("/products", [("orderby", "modified"), ("order", "desc"), *one]).read(list[ChangeBody])
        except Invalid:
            return _clock(store.get("/products", one))
        return moment_or_none(rows[0].date_modified_gmt, "$[0].date_modified_gmt") if rows else None

    def stock(self, client: Client, item_refs: Sequence[str]) -> list[StockLevel]:
        """A product's own delivery tells its stock: nothing is asked for by item."""
        return []

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> list[MarketPrice]:
        """One price for everybody, but for plug-ins."""
        return []

    def bulk_start(self, client: Client) -> str:
        raise NotFound("WooCommerce exports no catalog as one file")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise NotFound("WooCommerce exports no catalog as one file")

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        raise NotFound("WooCommerce exports no catalog as one file")

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Any:
        raise NotFound("WooCommerce exports no catalog as one file")


def _clock(answer: Answered) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None


def listed(answer: Answered) -> list[Row]:
    """A page's products. One that can't be read is found alone, and named."""
    try:
        return [*answer.read(list[ProductBody])]
    except PayloadUnreadable:
        return [_row(raw) for raw in answer.read(list[msgspec.Raw])]


def _row(raw: msgspec.Raw) -> Row:
    try:
        return decode(raw, ProductBody)
    except PayloadUnreadable as error:
        odd = decode(raw, OddRow)
        odd.problem = str(error)[:200]
        return odd


def _sort_out(
    client: Client, store: Store, rows: Sequence[Row], products: list[Product], refused: list[RefusedItem]
) -> None:
    for row in rows:
        made = _whole(client, store, row)
        if isinstance(made, Product):
            products.append(made)
        else:
            refused.append(made)


def _whole(client: Client, store: Store, row: Row) -> Product | RefusedItem:
    if isinstance(row, OddRow):
        return RefusedItem(
            str(row.id), name_of(row.name) if isinstance(row.name, str) else "", "unreadable", row.problem
        )
    variations: list[VariationBody] = []
    if row.type == VARIABLE and row.variations:
        query: Query = [("orderby", "id"), ("order", "asc"), ("_fields", VARIATION_FIELDS)]
        try:
            for page in store.pages(f"/products/{row.id}/variations", query):
                variations += page.read(list[VariationBody])
        except PayloadUnreadable as error:
            return RefusedItem(str(row.id), name_of(row.name), "unreadable", f"A variation: {error}"[:200])
    return to_product(row, client.currency, variations)


# --- a product, however it came ---------------------------------------------------------------------------------------


def to_product(body: ProductBody, currency: str, variations: Sequence[VariationBody] = ()) -> Product | RefusedItem:
    """A product with everything of it that can be bought; or why it can't be listed."""
    reference, title = str(body.id), name_of(body.name)
    if not title:
        return RefusedItem(reference, "", "title_missing", "The product has no name.")
    status = _status(body)
    if status in ("active", "unlisted") and body.type not in (SIMPLE, VARIABLE):
        reason, detail = NOT_OFFERED.get(
            body.type, ("type_unknown", f"It is of the type {clean(body.type, 40)}, which a plug-in made.")
        )
        return RefusedItem(reference, title, reason, detail)
    try:
        variants = _variants(body, currency, variations)
    except MoneyRefused as error:
        return RefusedItem(reference, title, "price_unreadable", error.problem)
    if not variants and body.type == SIMPLE and status in ("active", "unlisted"):
        return RefusedItem(reference, title, "price_missing", "The product has no price.")
    images = tuple(url for image in body.images if (url := _image(image)))
    try:
        changed_at = moment_or_none(body.date_modified_gmt, "$.date_modified_gmt")
    except PayloadUnreadable:
        changed_at = None
    return Product(
        product_ref=reference,
        title=title,
        status=status,
        currency=currency,
        variants=variants,
        changed_at=changed_at,
        handle=clean(body.slug, 200),
        category=kept(plain(body.categories[0].name)) if body.categories else "",
        description=plain_text(body.description or body.short_description or ""),
        url=_page(body),
        image_url=images[0] if images else "",
        images=images,
        tags=tuple(kept(plain(tag.name)) for tag in body.tags if tag.name),
        published=body.status == "publish",
        brand=kept(plain(body.brands[0].name)) if body.brands else "",
    )


def _status(body: ProductBody) -> Literal["active", "draft", "archived", "unlisted"]:
    """Published and in the catalog or its search; published and hidden, or behind a password; everything else."""
    if body.status != "publish":
        return "archived" if body.status == "trash" else "draft"
    return "unlisted" if body.catalog_visibility == "hidden" or body.post_password else "active"


def _page(body: ProductBody) -> str:
    """A draft's address is `?post_type=product&p=…`, which nobody is sent to."""
    url = body.permalink or ""
    return url if body.status == "publish" and url.startswith(("https://", "http://127.0.0.1:")) else ""


def _variants(body: ProductBody, currency: str, variations: Sequence[VariationBody]) -> tuple[Variant, ...]:
    """Errors: MoneyRefused."""
    if body.type != VARIABLE:
        price = _price(body.price, currency)
        if price is None:
            return ()
        code = clean(body.global_unique_id or "")
        return (
            Variant(
                variant_ref=str(body.id), price=price, title="", sku=clean(body.sku or ""), barcode=code,
                compare_at=_compare_at(body.regular_price, price, currency),
                available=body.purchasable and _in_stock(body.stock_status),
                stock=_stock(body.stock_quantity) if body.manage_stock is True else None,
                requires_shipping=_ships(body.shipping_required, body.virtual), gtin=gtin(code) if code else "",
            ),
        )  # fmt: skip
    choices = [each.name for each in body.attributes if each.variation]
    sold = [each for each in variations if each.status == "publish"]
    ordered = sorted(sold, key=lambda each: (each.menu_order, each.id))
    made = (_variant(body, each, choices, position, currency) for position, each in enumerate(ordered))
    return tuple(each for each in made if each is not None)


def _variant(
    body: ProductBody, row: VariationBody, choices: Sequence[str], position: int, currency: str
) -> Variant | None:
    """None for one without a price, which the store doesn't show either."""
    price = _price(row.price, currency)
    if price is None:
        return None
    code = clean(row.global_unique_id or "")
    options = _options(tuple(choices), tuple((each.name, each.option or "") for each in row.attributes))
    held = body.stock_quantity if row.manage_stock == "parent" else row.stock_quantity
    tracked = row.manage_stock is True or (row.manage_stock == "parent" and body.manage_stock is True)
    return Variant(
        variant_ref=str(row.id),
        price=price,
        title=_title(options),
        sku=clean(row.sku or ""),
        barcode=code,
        compare_at=_compare_at(row.regular_price, price, currency),
        available=row.purchasable and _in_stock(row.stock_status),
        stock=_stock(held) if tracked else None,
        position=position,
        options=options,
        image_url=_image(row.image) if isinstance(row.image, ImageBody) else "",
        requires_shipping=_ships(row.shipping_required, row.virtual),
        gtin=gtin(code) if code else "",
    )


ANY = "Any"


@lru_cache(maxsize=4096)
def _options(choices: tuple[str, ...], chosen: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """(name, value) for each choice of the product. One that a variation leaves out stands for all of its values: the
    buyer chooses in the store."""
    known = {name: value for name, value in chosen if value}
    names = list(dict.fromkeys([*choices, *known]))
    return tuple((name_of(name), name_of(known[name]) if name in known else ANY) for name in names)


@lru_cache(maxsize=4096)
def _title(options: tuple[tuple[str, str], ...]) -> str:
    return clean(", ".join(value for _, value in options if value != ANY))


def _price(text: str | None, currency: str) -> int | None:
    """Minor units; None where unset. A shop may type more decimals than its currency has (a net price that comes to a
    round one with tax): it shows them rounded half up, and so do we. Errors: MoneyRefused."""
    return _rounded(text, currency) if text else None


@lru_cache(maxsize=65536)
def _rounded(text: str, currency: str) -> int:
    try:
        price = money.parse(text, currency)
    except MoneyRefused:
        if not _DECIMAL.fullmatch(text):
            raise
        step = Decimal(1).scaleb(-money.exponent(currency))
        price = money.parse(f"{Decimal(text).quantize(step, ROUND_HALF_UP):f}", currency)
    if price < 0:
        raise MoneyRefused("price", f"{text[:40]!r} is below zero.")
    return price


def _compare_at(regular: str | None, price: int, currency: str) -> int | None:
    """What it costs when it isn't on sale. An odd one is left out: nobody is charged by it."""
    try:
        before = _price(regular, currency)
    except MoneyRefused:
        return None
    return before if before is not None and before > price else None


def _in_stock(word: str) -> bool:
    return word in ("instock", "onbackorder")


def _stock(quantity: Decimal | None) -> int | None:
    """Whole units; may be negative. None for a number that no stock has."""
    if quantity is None or not quantity.is_finite() or abs(quantity) >= MOST_STOCK:
        return None
    return int(quantity)


def _ships(required: bool | None, virtual: bool) -> bool:
    return not virtual if required is None else required


def _image(image: ImageBody) -> str:
    return image.src if image.src and image.src.startswith(("https://", "http://")) else ""
