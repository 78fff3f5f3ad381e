"""Products: pages of 250 with their variants and images, all of a store or those that changed since a moment.

The whole catalog is walked by id (`id:greater`), so that products which come or go meanwhile move nobody past the
reader; changes are walked by their time. A page is decoded as one; where a single product of it can't be, only that one
is refused, with the reason. Prices are JSON numbers, read as they are written.
Source: reference/catalog/products_catalog.v3.yml and product-variants_catalog.v3.yml of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec

from connector import clock, money
from connector.errors import MoneyRefused, NotFound, PayloadUnreadable, PlatformRefused
from connector.events import Product, Variant
from connector.platforms.bigcommerce import ids
from connector.platforms.bigcommerce.authorize import store
from connector.platforms.bigcommerce.client import PAGE, Envelope, all_data, rest
from connector.platforms.bigcommerce.payloads import BrandNode, ImageNode, ProductNode, ProductStamp, VariantNode
from connector.platforms.contract import BulkNode, BulkState, Client, MarketPrice, ProductPage, RefusedItem, StockLevel
from connector.platforms.reading import clean, gtin, kept, plain_text
from connector.platforms.rest import Answered, Rest

IDS = 100  # products asked for by id at once: an address that every proxy takes
# So many variants inside a product may be all there are, or a page of them: only their own list says.
MAY_BE_CUT = frozenset({10, 50, 100, 200})
MOST_STOCK = 10**9  # more is no stock, and no number that every database keeps
LARGEST_EXPONENT = 18  # of a price; 1e999999 is none
STORE_KEPT = 900.0  # seconds that a store's own facts are believed
BRANDS_KEPT = 3600.0
OVERLAP = timedelta(seconds=1)  # nobody says whether `date_modified:min` takes that second in
_PARTS = "variants,images"
_CONDITIONS: dict[str, Literal["new", "refurbished", "used"]] = {
    "new": "new",
    "refurbished": "refurbished",
    "used": "used",
}

Stamp = ProductNode | ProductStamp  # what names a product of a page, and says when it changed

_read_page = msgspec.json.Decoder(Envelope[list[ProductNode]]).decode
_read_one = msgspec.json.Decoder(ProductNode).decode
_read_stamp = msgspec.json.Decoder(ProductStamp).decode


class Catalog:
    """The contract's `Catalog` for BigCommerce."""

    def bulk_start(self, client: Client) -> str:
        raise NotFound("BigCommerce has no export of a whole catalog")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise NotFound("BigCommerce has no export of a whole catalog")

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        raise NotFound("BigCommerce has no export of a whole catalog")

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        raise NotFound("BigCommerce has no export of a whole catalog")

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        made = _Made(client, rest(client))
        for part in _parts(refs):
            query: dict[str, str | int] = {"id:in": ",".join(part), "include": _PARTS, "limit": PAGE}
            made.take(made.api.get("/v3/catalog/products", query))
        return ProductPage(made.products, made.refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        made = _Made(client, rest(client))
        if since is None:
            return _by_id(made, checkpoint)
        return _by_time(made, since, checkpoint)

    def newest_change(self, client: Client) -> datetime | None:
        query: dict[str, str | int] = {
            "sort": "date_modified",
            "direction": "desc",
            "limit": 1,
            "include_fields": "date_modified",
        }
        found = rest(client).get("/v3/catalog/products", query).read(Envelope[list[ProductStamp]])
        return _moment(found.data[0].date_modified) if found.data else None

    def stock(self, client: Client, item_refs: Sequence[str]) -> list[StockLevel]:
        """`item_refs` are products: what BigCommerce tells of stock is about a product or one of its variants."""
        page = self.products(client, item_refs)
        return [
            StockLevel(product.product_ref, variant.variant_ref, product.product_ref, variant.stock, variant.available)
            for product in page.products
            for variant in product.variants
        ]

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> list[MarketPrice]:
        raise NotFound("BigCommerce has price lists of customer groups, not of countries")


def _parts(refs: Sequence[str]) -> Iterator[list[str]]:
    wanted = [ref for ref in dict.fromkeys(refs) if ref.isascii() and ref.isdigit()]
    for start in range(0, len(wanted), IDS):
        yield wanted[start : start + IDS]


# --- walking ----------------------------------------------------------------------------------------------------------


def _by_id(made: _Made, checkpoint: str | None) -> ProductPage:
    """Checkpoint: `i|<the last id>`."""
    last = int(checkpoint.partition("|")[2]) if checkpoint else 0
    query: dict[str, str | int] = {
        "include": _PARTS, "limit": PAGE, "sort": "id", "direction": "asc", "id:greater": last,
    }  # fmt: skip
    stamps, more = made.take(made.api.get("/v3/catalog/products", query))
    if stamps and stamps[-1].id <= last:
        raise PlatformRefused(f"{made.client.domain}: the store gives the same page of products again and again")
    return ProductPage(made.products, made.refused, f"i|{stamps[-1].id}" if stamps and more else None)


def _by_time(made: _Made, since: datetime, checkpoint: str | None) -> ProductPage:
    """Checkpoint: `d|<from>|<page>|<mark of the page before>`. A new window begins at the last change seen, one second
    earlier; only where a whole page lies within that second are pages turned by number."""
    start, page, before = instant(since), 1, ""
    if checkpoint:
        _, start, number, before = checkpoint.split("|")
        page = int(number)
    query: dict[str, str | int] = {
        "include": _PARTS, "limit": PAGE, "page": page, "sort": "date_modified", "direction": "asc",
        "date_modified:min": start,
    }  # fmt: skip
    stamps, more = made.take(made.api.get("/v3/catalog/products", query))
    mark = _mark(stamps)
    if before and mark == before:
        raise PlatformRefused(f"{made.client.domain}: the store gives the same page of products again and again")
    if not stamps or not more:
        return ProductPage(made.products, made.refused, None)
    return ProductPage(made.products, made.refused, "|".join(("d", *next_window(stamps, start, page), mark)))


def next_window(stamps: Sequence[Stamp], start: str, page: int) -> tuple[str, str]:
    """From when, and which page of it, the walk by time goes on."""
    first, last = _moment(stamps[0].date_modified), _moment(stamps[-1].date_modified)
    if first is not None and last is not None:
        again = last - OVERLAP
        if first < again and instant(again) > start:
            return instant(again), "1"
    return start, str(page + 1)


def instant(moment: datetime) -> str:
    """With the time of day: to a bare date BigCommerce adds the time of the request."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _mark(stamps: Sequence[Stamp]) -> str:
    text = ",".join(f"{stamp.id}@{stamp.date_modified}" for stamp in stamps)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


class _Made:
    """What came of some answers."""

    def __init__(self, client: Client, api: Rest) -> None:
        self.client, self.api = client, api
        self.products: list[Product] = []
        self.refused: list[RefusedItem] = []

    def take(self, answer: Answered) -> tuple[Sequence[Stamp], bool]:
        """Take a page in; its products by id and time, and whether there are more."""
        nodes, refused, stamps, total = _decoded(answer)
        self.refused += refused
        if nodes:
            base = _storefront(self.client)
            brands = _brands(self.client, self.api, nodes)
            for node in nodes:
                made = _whole(self.client, self.api, node, base, brands)
                if isinstance(made, Product):
                    self.products.append(made)
                else:
                    self.refused.append(made)
        more = total > len(stamps) if total is not None else len(stamps) >= PAGE
        return stamps, more


def _decoded(answer: Answered) -> tuple[list[ProductNode], list[RefusedItem], Sequence[Stamp], int | None]:
    """As one; or, where one product breaks it, each by itself. Errors: PlatformDown, PayloadUnreadable for what is no
    list of products."""
    try:
        page = _read_page(answer.content)
    except msgspec.ValidationError:
        return _apart(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = answer.read(Envelope[list[ProductNode]])  # mends half characters, or says what is wrong
    return page.data, [], page.data, page.left


def _apart(answer: Answered) -> tuple[list[ProductNode], list[RefusedItem], Sequence[Stamp], int | None]:
    page = answer.read(Envelope[list[msgspec.Raw]])
    nodes: list[ProductNode] = []
    refused: list[RefusedItem] = []
    stamps: list[Stamp] = []
    for raw in page.data:
        stamp = _read_stamp_of(raw)
        stamps.append(stamp)
        try:
            nodes.append(_read_one(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            refused.append(RefusedItem(str(stamp.id), clean(stamp.name or ""), "unreadable", str(error)[:200]))
    return nodes, refused, stamps, page.left


def _read_stamp_of(raw: msgspec.Raw) -> ProductStamp:
    """Errors: PayloadUnreadable for a product that can't even be named."""
    try:
        return _read_stamp(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadUnreadable("$.data[].id", str(error)[:200]) from None


# --- what a product needs beside itself -------------------------------------------------------------------------------

_stores: dict[tuple[str, str], tuple[float, str]] = {}
_brand_names: dict[tuple[str, str], tuple[float, dict[int, str]]] = {}
_MOST_KEPT = 10_000


def _storefront(client: Client) -> str:
    """Where the store's pages are, as the store says itself. Asked once in a quarter of an hour and process."""
    key = (client.domain, client.grant.access_token)
    held = _stores.get(key)
    if held is not None and time.monotonic() < held[0]:
        return held[1]
    found: str = client.settings.storefront(ids.store_hash(client.domain))
    with suppress(PlatformRefused):  # without the scope to read them, the canonical address leads to the store as well
        found = store(client).secure_url.rstrip("/") or found
    if len(_stores) > _MOST_KEPT:
        _stores.clear()
    _stores[key] = (time.monotonic() + STORE_KEPT, found)
    return found


def _brands(client: Client, api: Rest, nodes: Sequence[ProductNode]) -> Mapping[int, str]:
    """The names of a page's brands: products hold only their numbers. Each is asked for once an hour and process."""
    key = (client.domain, client.grant.access_token)
    held = _brand_names.get(key)
    if held is None or time.monotonic() >= held[0]:
        if len(_brand_names) > _MOST_KEPT:
            _brand_names.clear()
        held = _brand_names[key] = (time.monotonic() + BRANDS_KEPT, {})
    names = held[1]
    unknown = sorted({node.brand_id for node in nodes if node.brand_id and node.brand_id > 0} - names.keys())
    for start in range(0, len(unknown), IDS):
        part = unknown[start : start + IDS]
        query: dict[str, str | int] = {"id:in": ",".join(map(str, part)), "include_fields": "name", "limit": PAGE}
        found = api.get("/v3/catalog/brands", query).read(Envelope[list[BrandNode]])
        names.update(dict.fromkeys(part, ""))
        names.update({brand.id: kept(brand.name.strip()) for brand in found.data})
    return names


def _all_variants(api: Rest, node: ProductNode) -> Sequence[VariantNode]:
    """Those inside the product, or their own list where that may hold more."""
    count = len(node.variants)
    if count and count < PAGE and count not in MAY_BE_CUT:
        return node.variants
    listed = list(all_data(api, f"/v3/catalog/products/{node.id}/variants", {}, VariantNode))
    found = {variant.id: variant for variant in (*node.variants, *listed)}
    return list(found.values())


# --- translating ------------------------------------------------------------------------------------------------------


def _whole(client: Client, api: Rest, node: ProductNode, base: str, brands: Mapping[int, str]) -> Product | RefusedItem:
    reference = str(node.id)
    title = clean((node.name or "").strip())
    if not title:
        return RefusedItem(reference, "", "title_missing", "The product has no name.")
    variants: list[Variant] = []
    for position, child in enumerate(_all_variants(api, node)):
        made = to_variant(node, child, position, client.currency)
        if isinstance(made, RefusedItem):
            return msgspec.structs.replace(made, title=title)
        variants.append(made)
    return to_product(node, title, tuple(variants), client.currency, base, brands)


def to_product(
    node: ProductNode, title: str, variants: tuple[Variant, ...], currency: str, base: str, brands: Mapping[int, str]
) -> Product:
    """A hidden product is there, and not published; one that can't be bought has variants that can't."""
    pictures = [image for image in node.images if image.url_standard]
    if len(pictures) > 1:
        pictures.sort(key=_place)
    images = tuple([image.url_standard or "" for image in pictures])
    page = node.custom_url.url if node.custom_url is not None else ""
    return Product(
        product_ref=str(node.id),
        title=title,
        status="active",
        currency=currency,
        variants=variants,
        changed_at=_moment(node.date_modified),
        handle=page.strip("/")[:255],
        description=plain_text(node.description) if node.description else "",
        url=f"{base}/{page.lstrip('/')}" if page else "",
        image_url=images[0] if images else "",
        images=images,
        published=node.is_visible,
        brand=brands.get(node.brand_id or 0, ""),
        condition=_CONDITIONS.get((node.condition or "").strip().lower(), "new"),
    )


def _place(image: ImageNode) -> tuple[bool, int]:
    return not image.is_thumbnail, image.sort_order


def to_variant(product: ProductNode, node: VariantNode, position: int, currency: str) -> Variant | RefusedItem:
    """A price that is null is the product's. What the storefront asks is `calculated_price`, where it is told."""
    name, options = _chosen(tuple([(value.option_display_name, value.label) for value in node.option_values]))
    regular = product.price if node.price is None else node.price
    sale = product.sale_price if node.sale_price is None else node.sale_price
    asked = node.calculated_price if node.calculated_price is not None else (sale or regular)
    reference, product_ref = str(node.id), str(product.id)
    if asked is None:
        return RefusedItem(product_ref, "", "price_missing", f"Variant {clean(name, 80) or reference} has no price.")
    try:
        cost = _price(asked, currency)
        before = _price(regular, currency) if regular is not None else None
    except MoneyRefused as error:
        return RefusedItem(
            product_ref, "", "price_unreadable", f"Variant {clean(name, 80) or reference}: {error.problem}"
        )
    if cost < 0:
        return RefusedItem(product_ref, "", "price_negative", f"Variant {clean(name, 80) or reference} is below zero.")
    stock = _stock(product, node)
    code = (node.gtin or node.upc or product.gtin or product.upc or "").strip()
    number = (node.mpn or product.mpn or "").strip()
    sku = node.sku or product.sku or ""
    return Variant(
        reference,
        cost,
        name,
        clean(sku) if sku else "",
        clean(code) if code else "",
        before if before is not None and before > cost else None,
        not node.purchasing_disabled and product.availability != "disabled" and (stock is None or stock > 0),
        stock,
        position,
        options,
        node.image_url or "",
        product.type != "digital",
        gtin(code) if code else "",
        clean(number) if number else "",
        product_ref,
    )


def _stock(product: ProductNode, node: VariantNode) -> int | None:
    """None where the store doesn't track it, or says a number that no stock has."""
    match product.inventory_tracking:
        case "variant":
            level = node.inventory_level
        case "product":
            level = product.inventory_level
        case _:
            return None
    return level if level is not None and -MOST_STOCK < level < MOST_STOCK else None


@lru_cache(maxsize=65536)
def _price(value: Decimal, currency: str) -> int:
    """Errors: MoneyRefused."""
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT:
        raise MoneyRefused("price", "the price isn't an amount.")
    return money.parse(value, currency)


@lru_cache(maxsize=16384)
def _chosen(pairs: tuple[tuple[str, str], ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A variant's title and options. One copy of what thousands of variants share."""
    shown = tuple((clean(name), clean(value)) for name, value in pairs)
    return clean(" / ".join(value for _, value in shown if value)), shown


@lru_cache(maxsize=4096)
def _moment(text: str | None) -> datetime | None:
    """None for a time that can't be read: of a product it only says how new we know it to be."""
    try:
        return clock.parse(text) if text else None
    except ValueError:
        return None
