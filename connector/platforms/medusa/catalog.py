"""Products: all of a store, some by id, and those that changed. Never writes to the store.

A whole catalog is walked by id, each page overlapping the one before by a product, so that one that was deleted
meanwhile can't pull another past us. What changed stands in three places: a rename moves the product's own time, a
price the variant's, and stock neither, so the stock levels are asked too (NOTES.md).

Prices: the variant's own price in the shop's currency; with a publishable key also what the store really asks for
(`calculated_price`), in which its price lists are worked out. Stock: over all locations, less what is reserved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal
from urllib.parse import quote

import msgspec

from connector import money
from connector.errors import MoneyRefused, PayloadUnreadable, PlatformRefused
from connector.events import Product, Variant
from connector.platforms.contract import BulkNode, BulkState, Client, MarketPrice, ProductPage, RefusedItem, StockLevel
from connector.platforms.medusa.calls import admin, read, storefront
from connector.platforms.medusa.orders import instant, next_place, next_row
from connector.platforms.medusa.payloads import (
    CalculatedNode,
    ChangedItemsAnswer,
    ChangedProductsAnswer,
    ChangedVariantsAnswer,
    OddProduct,
    OwnerNode,
    PricedProductsAnswer,
    PriceNode,
    ProductNode,
    ProductsAnswer,
    RawProductsAnswer,
    TimeNode,
    VariantNode,
)
from connector.platforms.medusa.snapshot import MOST_DIGITS, digits_behind, each
from connector.platforms.reading import clean, decode, gtin, kept, moment, moment_or_none, plain_text
from connector.platforms.rest import Answered, payload_down

AT_ONCE = 50  # products named in one address
MOST_STOCK = 10**9  # more is no stock, and no number that every database keeps
FIELDS = ",".join(
    (
        "id", "title", "handle", "status", "description", "thumbnail", "updated_at", "is_giftcard", "type.value",
        "collection.title", "categories.name", "tags.value", "images.url", "images.rank", "sales_channels.id",
        "variants.id", "variants.title", "variants.sku", "variants.barcode", "variants.ean", "variants.upc",
        "variants.manage_inventory", "variants.allow_backorder", "variants.variant_rank", "variants.thumbnail",
        "variants.prices.amount", "variants.prices.currency_code", "variants.prices.min_quantity",
        "variants.prices.price_rules.attribute", "variants.prices.price_rules.value",
        "variants.options.value", "variants.options.option.title",
        "variants.inventory_items.inventory_item_id", "variants.inventory_items.required_quantity",
        "variants.inventory_items.inventory.id", "variants.inventory_items.inventory.requires_shipping",
        "variants.inventory_items.inventory.location_levels.stocked_quantity",
        "variants.inventory_items.inventory.location_levels.reserved_quantity",
    )
)  # fmt: skip
_STATUSES: dict[str, Literal["active", "draft", "archived"]] = {
    "published": "active",
    "draft": "draft",
    "proposed": "draft",
    "rejected": "archived",
}
Prices = dict[str, CalculatedNode]


class Catalog:
    """The contract's `Catalog` for Medusa."""

    def bulk_start(self, client: Client) -> str:
        raise PlatformRefused("Medusa has no export of a whole catalog")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise PlatformRefused("Medusa has no export of a whole catalog")

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        return

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        raise PlatformRefused("Medusa has no export of a whole catalog")

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        products: list[Product] = []
        refused: list[RefusedItem] = []
        wanted = list(dict.fromkeys(refs))
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            query: list[tuple[str, str | int]] = [("fields", FIELDS), ("limit", len(part))]
            query += [("id[]", ref) for ref in part]
            answered = admin(client).get("/admin/products", query, cost=2.0)
            asked = frozenset(part)
            nodes = [node for node in _nodes(answered) if node.id in asked]
            _sort_out(client, nodes, products, refused)
        return ProductPage(products, refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """All by id; or by the three lists, the first two oldest change first, the stock newest first."""
        if since is None:
            return _walk(client, checkpoint)
        kind, _, place = (checkpoint or f"products|{instant(since)}|0").partition("|")
        if kind == "stock":
            refs, onward = _by_stock(client, since, place)
        else:
            refs, following = _by_time(client, since, kind, place)
            rest = f"variants|{instant(since)}|0" if kind == "products" else "stock|0"
            onward = f"{kind}|{following}" if following is not None else rest
        found = self.products(client, refs)
        return ProductPage(found.products, found.refused, onward)

    def newest_change(self, client: Client) -> datetime | None:
        query: dict[str, str | int] = {"order": "-updated_at", "limit": 1, "fields": "id,updated_at"}
        calls = admin(client)
        times = [
            moment(p.updated_at, "$.products.updated_at")
            for p in read(calls.get("/admin/products", query), ChangedProductsAnswer).products
        ]
        variants = read(calls.get("/admin/product-variants", query), ChangedVariantsAnswer).variants
        times += [moment(variant.updated_at, "$.variants.updated_at") for variant in variants]
        times += _level_times(client)
        return max(times, default=None)

    def stock(self, client: Client, item_refs: Sequence[str]) -> Sequence[StockLevel]:
        """A set of items is a variant's stock in Medusa, so the products of the items are read whole."""
        wanted = frozenset(item_refs)
        refs: dict[str, None] = {}
        items = list(dict.fromkeys(item_refs))
        for start in range(0, len(items), AT_ONCE):
            part = items[start : start + AT_ONCE]
            query: list[tuple[str, str | int]] = [
                ("fields", "id,variants.id,variants.product_id"),
                ("limit", len(part)),
            ]
            query += [("id[]", ref) for ref in part]
            found = read(admin(client).get("/admin/inventory-items", query), ChangedItemsAnswer)
            refs |= dict.fromkeys(
                owner.product_id
                for item in found.inventory_items
                if item.id in wanted
                for owner in each(item.variants)
                if owner.product_id is not None
            )
        return [
            StockLevel(variant.item_ref, variant.variant_ref, product.product_ref, variant.stock, variant.available)
            for product in self.products(client, list(refs)).products
            for variant in product.variants
            if variant.item_ref in wanted
        ]

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> Sequence[MarketPrice]:
        return ()


# --- the lists --------------------------------------------------------------------------------------------------------


def _walk(client: Client, checkpoint: str | None) -> ProductPage:
    """A page by id; `offset|id` of the last product seen. The page begins at that product, which shows that none moved.

    Where it isn't there, products before it went: the page is looked for further in front.
    """
    limit = client.settings.page
    offset, _, last = (checkpoint or "0|").partition("|")
    at = max(0, int(offset) - 1) if last else int(offset)
    while True:
        query: dict[str, str | int] = {"order": "id", "limit": limit + 1, "offset": at, "fields": FIELDS}
        nodes = _nodes(admin(client).get("/admin/products", query, cost=2.0, timeout=60.0))
        if not last or at == 0 or (nodes and nodes[0].id <= last):
            break
        at = max(0, at - limit)
    fresh = [node for node in nodes if node.id > last] if last else nodes
    if not fresh and len(nodes) > limit:
        raise PlatformRefused(f"{client.domain}: the store gives the same page again and again")
    if len({node.id for node in nodes}) != len(nodes):
        raise PlatformRefused(f"{client.domain}: the store gives a product twice on one page")
    products: list[Product] = []
    refused: list[RefusedItem] = []
    _sort_out(client, fresh, products, refused)
    more = len(nodes) > limit
    return ProductPage(products, refused, f"{at + len(nodes)}|{nodes[-1].id}" if more else None)


def _by_time(client: Client, since: datetime, kind: str, place: str) -> tuple[list[str], str | None]:
    """Refs of products on a page of products or variants by their time, and the place behind it.

    A product that an earlier list of this walk named is left out: what moved since then, the next walk finds.
    """
    start, _, offset = place.partition("|")
    limit = client.settings.page
    fields = "id,updated_at" if kind == "products" else "id,updated_at,product_id,product.updated_at"
    query: dict[str, str | int] = {
        "updated_at[$gte]": start, "order": "updated_at", "limit": limit, "offset": int(offset), "fields": fields,
    }  # fmt: skip
    if kind == "products":
        found = read(admin(client).get("/admin/products", query), ChangedProductsAnswer).products
        pairs = [(node.id, node.updated_at) for node in found]
    else:
        rows = read(admin(client).get("/admin/product-variants", query), ChangedVariantsAnswer).variants
        pairs = [("" if _moved(since, row.product) else row.product_id or "", row.updated_at) for row in rows]
    refs = list(dict.fromkeys(ref for ref, _ in pairs if ref))
    if len(pairs) < limit:
        return refs, None
    return refs, next_place(client.domain, start, [at for _, at in pairs], int(offset))


def _by_stock(client: Client, since: datetime, place: str) -> tuple[list[str], str | None]:
    """Refs of products whose stock moved since, newest first. Medusa can't filter by it, but it can sort.

    Items that no location keeps come before all others, and say nothing.
    """
    limit = client.settings.page
    rows = _levels(client, limit, int(place.partition("|")[0]), since)
    refs: dict[str, None] = {}
    for row in rows:
        if row.moved is not None and row.moved < since:
            return list(refs), None
        if row.moved is not None:
            refs |= dict.fromkeys(row.products)
    if len(rows) < limit:
        return list(refs), None
    return list(refs), f"stock|{next_row(client.domain, place, [row.item for row in rows])}"


def _level_times(client: Client) -> list[datetime]:
    """The time of the newest movement of stock, if there is one."""
    for offset in range(0, 10_000, 100):
        rows = _levels(client, 100, offset)
        times = [row.moved for row in rows if row.moved is not None]
        if times or len(rows) < 100:
            return times[:1]
    return []


@dataclass(frozen=True, slots=True)
class _Level:
    item: str
    moved: datetime | None
    products: list[str]


def _moved(since: datetime, *nodes: TimeNode | OwnerNode | None) -> bool:
    """Did any of these move itself, so that its own list names it?"""
    times = [node.updated_at for node in nodes if node is not None and node.updated_at]
    return any(moment(time, "$.inventory_items.variants.updated_at") >= since for time in times)


def _levels(client: Client, limit: int, offset: int, since: datetime | None = None) -> list[_Level]:
    query: dict[str, str | int] = {
        "order": "-location_levels.updated_at", "limit": limit, "offset": offset,
        "fields": "id,location_levels.updated_at,variants.id,variants.product_id,variants.updated_at,"
        "variants.product.updated_at",
    }  # fmt: skip
    found = read(admin(client).get("/admin/inventory-items", query), ChangedItemsAnswer).inventory_items
    rows = []
    for item in found:
        moved = [level.updated_at for level in each(item.location_levels) if level.updated_at]
        times = [moment(time, "$.inventory_items.location_levels.updated_at") for time in moved]
        owners = [own for own in each(item.variants) if since is None or not _moved(since, own, own.product)]
        products = [own.product_id for own in owners if own.product_id]
        rows.append(_Level(item.id, max(times, default=None), products))
    return rows


# --- a product --------------------------------------------------------------------------------------------------------


def _nodes(answered: Answered) -> list[ProductNode | OddProduct]:
    """The products of an answer; one in another shape is named by itself.

    Errors: PlatformDown for an answer that is no list of products at all.
    """
    try:
        return list(answered.read(ProductsAnswer).products)
    except PayloadUnreadable:
        return [_node(raw, answered.domain) for raw in read(answered, RawProductsAnswer).products]


def _node(raw: msgspec.Raw, domain: str) -> ProductNode | OddProduct:
    try:
        return decode(raw, ProductNode)
    except PayloadUnreadable as error:
        try:
            odd = decode(raw, OddProduct)
        except PayloadUnreadable as worse:
            raise payload_down(worse, domain) from None
        odd.problem = f"{error.path}: {error.problem}"[:200]
        return odd


def _sort_out(
    client: Client, nodes: Sequence[ProductNode | OddProduct], products: list[Product], refused: list[RefusedItem]
) -> None:
    sound = [node.id for node in nodes if isinstance(node, ProductNode) and node.status == "published"]
    asked_for = _asked_for(client, sound)
    for node in nodes:
        try:
            made = _refused(node) if isinstance(node, OddProduct) else to_product(node, client, asked_for)
        except PayloadUnreadable as error:
            made = RefusedItem(node.id, clean(node.title or ""), "unreadable", f"{error.path}: {error.problem}"[:200])
        if isinstance(made, Product):
            products.append(made)
        else:
            refused.append(made)


def _refused(odd: OddProduct) -> RefusedItem:
    title = clean(odd.title.strip()) if isinstance(odd.title, str) else ""
    return RefusedItem(odd.id, title, "unreadable", odd.problem)


def _asked_for(client: Client, refs: Sequence[str]) -> Prices:
    """What the store asks a buyer for, by variant: with its price lists, in the region of the shop's currency."""
    key, region = client.grant.details.get("publishable_key", ""), client.grant.details.get("region", "")
    prices: Prices = {}
    if not key or not region:
        return prices
    for start in range(0, len(refs), AT_ONCE):
        part = refs[start : start + AT_ONCE]
        query: list[tuple[str, str | int]] = [
            ("region_id", region), ("fields", "id,variants.id,*variants.calculated_price"), ("limit", len(part)),
        ]  # fmt: skip
        query += [("id[]", ref) for ref in part]
        for product in read(storefront(client, key).get("/store/products", query), PricedProductsAnswer).products:
            for variant in product.variants or ():
                if variant.calculated_price is not None:
                    prices[variant.id] = variant.calculated_price
    return prices


def to_product(node: ProductNode, client: Client, asked_for: Prices) -> Product | RefusedItem:
    """A product whole; or why it can't be listed."""
    title = clean((node.title or "").strip())
    if not title:
        return RefusedItem(node.id, "", "title_missing", "The product has no title.")
    status = _STATUSES.get(node.status or "")
    if status is None:
        return RefusedItem(node.id, title, "status_unknown", f"Medusa says {str(node.status)[:40]!r}.")
    variants = []
    for position, child in enumerate(sorted(node.variants or (), key=lambda child: child.variant_rank or 0)):
        made = to_variant(child, node.id, title, client.currency, position, asked_for.get(child.id))
        if isinstance(made, RefusedItem):
            return made
        variants.append(made)
    details = client.grant.details
    channels = _channels(details.get("channels", ""))
    listed = sorted(node.images, key=lambda image: image.rank or 0) if node.images else ()
    images = tuple([image.url for image in listed if image.url])
    return Product(
        product_ref=node.id,
        title=title,
        status=status,
        currency=client.currency,
        variants=tuple(variants),
        changed_at=moment_or_none(node.updated_at, "$.updated_at"),
        handle=node.handle or "",
        category=kept(_category(node)),
        description=plain_text(node.description) if node.description else "",
        url=page_of(details, node.handle or "", node.id),
        image_url=node.thumbnail or (images[0] if images else ""),
        images=images,
        tags=tuple([kept(tag.value) for tag in node.tags or () if tag.value]),
        published=not channels or any(channel.id in channels for channel in each(node.sales_channels)),
        gift_card=node.is_giftcard,
    )


@lru_cache(maxsize=1024)
def _channels(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


def _category(node: ProductNode) -> str:
    """The product's type, else its first category, else its collection."""
    if node.type is not None and node.type.value:
        return node.type.value
    for category in node.categories or ():
        if category.name:
            return category.name
    return (node.collection.title or "") if node.collection is not None else ""


def page_of(details: Mapping[str, str], handle: str, ref: str) -> str:
    """The product's page in the storefront; "" where the storefront isn't known."""
    storefront_, pattern = details.get("storefront", ""), details.get("product_page", "")
    if not storefront_ or not pattern:
        return ""
    path = pattern.replace("{handle}", quote(handle, safe="")).replace("{id}", quote(ref, safe=""))
    return f"{storefront_}{path}"


def to_variant(
    node: VariantNode, product_ref: str, title: str, currency: str, position: int, asked: CalculatedNode | None
) -> Variant | RefusedItem:
    try:
        price, before = _price(node, currency, asked)
    except MoneyRefused as error:
        return RefusedItem(product_ref, title, "price_unreadable", f"Variant {_name(node)}: {error.problem}")
    if price is None:
        return RefusedItem(product_ref, title, "price_missing", f"Variant {_name(node)} has no price in {currency}.")
    if price < 0 or (before is not None and before < 0):
        return RefusedItem(product_ref, title, "price_negative", f"Variant {_name(node)} has a price below zero.")
    stock = _stock(node)
    items = node.inventory_items or ()
    barcode = clean(node.barcode) if node.barcode else ""
    first = next(filter(None, items), None)
    return Variant(
        node.id,
        price,
        kept(node.title) if node.title else "",
        clean(node.sku) if node.sku else "",
        barcode,
        before if before is not None and before > price else None,
        stock is None or stock > 0 or node.allow_backorder,
        stock,
        position,
        _options(tuple([(o.option.title if o.option else "", o.value) for o in node.options or ()])),
        node.thumbnail or "",
        first is None or any(i.inventory is None or i.inventory.requires_shipping for i in items if i is not None),
        _trade_number(node.ean, node.upc, barcode) if barcode or node.ean or node.upc else "",
        "",
        first.inventory_item_id if first is not None else "",
    )


def _trade_number(*codes: str | None) -> str:
    return next(filter(None, (gtin(code) for code in codes if code)), "")


def _name(node: VariantNode) -> str:
    return clean(node.title or node.id, 80)


def _price(node: VariantNode, currency: str, asked: CalculatedNode | None) -> tuple[int | None, int | None]:
    """The price in minor units, and the one before a sale. Errors: MoneyRefused."""
    code = currency.lower()
    if asked is not None and asked.calculated_amount is not None and asked.currency_code == code:
        now, before = asked.calculated_amount, asked.original_amount
        old = None if before is None else minor(str(before).encode(), currency)
        return minor(str(now).encode(), currency), old
    for price in node.prices or ():
        if price.currency_code == code and _general(price):
            return minor(bytes(price.amount), currency), None
    return None, None


def _general(price: PriceNode) -> bool:
    """A price with rules is another region's, one with a least quantity isn't a single piece's."""
    return not price.rules and not price.price_rules and (price.min_quantity is None or price.min_quantity <= 1)


@lru_cache(maxsize=65536)
def minor(text: bytes, currency: str) -> int:
    """Minor units of a JSON number. Medusa keeps any number of decimals; shown and charged is what the currency has.

    Errors: MoneyRefused.
    """
    try:
        amount = Decimal(text.decode())
    except (ArithmeticError, UnicodeDecodeError):
        raise MoneyRefused("price", "isn't an amount.") from None
    if not amount.is_finite() or abs(amount) > money.LARGEST or digits_behind(amount) > MOST_DIGITS:
        raise MoneyRefused("price", "isn't an amount.")
    return money.round_half_up(Fraction(amount) * 10 ** money.exponent(currency))


def _stock(node: VariantNode) -> int | None:
    """How many can be bought: of a set, as many as its scarcest part allows. None: the store doesn't count."""
    if not node.manage_inventory:
        return None
    least: float | None = None
    for item in node.inventory_items or ():
        if item is None or item.inventory is None or item.required_quantity <= 0:
            continue
        free = 0.0
        for level in item.inventory.location_levels or ():
            if level is not None:
                free += level.stocked_quantity - level.reserved_quantity
        sets = free // item.required_quantity
        least = sets if least is None or sets < least else least
    return int(least or 0) if -MOST_STOCK < (least or 0) < MOST_STOCK else None


@lru_cache(maxsize=4096)
def _options(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """One copy of what thousands of variants share."""
    return tuple((kept(name), kept(value)) for name, value in pairs)
