"""Products: some by id, those that changed since a moment, and all of them.

Vendure has no export, so the whole catalog is a walk by ascending ids. Variants are asked for apart, for a page of
products at once and to their end: a product's own list ends at the store's limit and doesn't say so.

The trap of Vendure: a new price or stock moves the *variant's* time of change and not the product's. So `changed` walks
over the products first and then over the variants, whose products it reads whole. A product that was deleted is in no
list: the sweep of a whole run finds it, or our plug-in tells.
Source: NOTES.md. Never writes to the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connector.errors import MoneyRefused, PlatformRefused
from connector.events import Product, Variant
from connector.platforms.contract import BulkState, Client, MarketPrice, ProductPage, RefusedItem, StockLevel
from connector.platforms.reading import clean, kept, moment, plain_text
from connector.platforms.vendure import documents
from connector.platforms.vendure.amounts import Scale
from connector.platforms.vendure.client import ask, precision
from connector.platforms.vendure.paging import ById, ByTime, taking
from connector.platforms.vendure.payloads import (
    AssetNode,
    ChangedAnswer,
    ChangeNode,
    NewestAnswer,
    OptionNode,
    ProductNode,
    ProductsAnswer,
    StockRules,
    VariantNode,
    VariantsAnswer,
)

PRODUCTS = 100  # of one page
VARIANTS = 500
CHANGES = 200  # rows of a list of what changed
MOST_VARIANTS = 20_000  # of one page of products: more is a store that repeats itself
MOST_STOCK = 10**9
_NO_EXPORT = "Vendure has no export of a catalog"


class Catalog:
    """The contract's `Catalog` for Vendure."""

    def bulk_start(self, client: Client) -> str:
        raise PlatformRefused(_NO_EXPORT)

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise PlatformRefused(_NO_EXPORT)

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        raise PlatformRefused(_NO_EXPORT)

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Any:
        raise PlatformRefused(_NO_EXPORT)

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        wanted = list(dict.fromkeys(refs))
        products: list[Product] = []
        refused: list[RefusedItem] = []
        for start in range(0, len(wanted), PRODUCTS):
            _sort_out(client, _some(client, wanted[start : start + PRODUCTS]), products, refused)
        return ProductPage(products, refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """All products by id where `since` is None. Else those whose own time moved, then those of variants' times.

        The checkpoint is `skip|last id`, or `p|…` and `v|…` with where the walk by time stands.
        """
        if since is None:
            return _whole_walk(client, checkpoint)
        kind, _, at = (checkpoint or "").partition("|")
        walk = ByTime.read(at) if checkpoint else ByTime.since(since)
        rows, onward = _changes(client, kind or "p", walk)
        refs = list(dict.fromkeys(row.product_id or row.id for row in rows))
        page = self.products(client, refs) if refs else ProductPage([], [], None)
        if onward is not None:
            return ProductPage(page.products, page.refused, f"{kind or 'p'}|{onward}")
        return ProductPage(page.products, page.refused, f"v|{ByTime.since(since)}" if kind != "v" else None)

    def newest_change(self, client: Client) -> datetime | None:
        found = ask(client, documents.NEWEST_CHANGE, {}, NewestAnswer)
        times = [row.updated_at for row in (*found.products.items, *found.product_variants.items)]
        return max(moment(time, "$.updatedAt") for time in times) if times else None

    def stock(self, client: Client, item_refs: Sequence[str]) -> list[StockLevel]:
        """An item is a variant: the store counts by variant, over all its locations."""
        wanted = list(dict.fromkeys(item_refs))
        levels: list[StockLevel] = []
        for start in range(0, len(wanted), VARIANTS):
            nodes, rules, _ = _variants(client, {"id": {"in": wanted[start : start + VARIANTS]}})
            levels += [StockLevel(node.id, node.id, node.product_id, *stock_of(node, rules)) for node in nodes]
        return levels

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> list[MarketPrice]:
        """Prices are by currency here, and no country has one of its own."""
        return []


# --- asking -----------------------------------------------------------------------------------------------------------


def _whole_walk(client: Client, checkpoint: str | None) -> ProductPage:
    tax: list[bool] = []

    def listed(take: int, skip: int) -> tuple[Sequence[ProductNode], int]:
        options = {"take": take, "skip": skip, "sort": {"id": "ASC"}}
        answer = ask(client, documents.PRODUCTS, {"options": options}, ProductsAnswer)
        tax.append(answer.active_channel.prices_include_tax)
        return answer.products.items, answer.products.total_items

    walk = ById.read(checkpoint)
    nodes, onward = taking(PRODUCTS, lambda size: walk.page(client.domain, size, listed, lambda node: node.id))
    products: list[Product] = []
    refused: list[RefusedItem] = []
    _sort_out(client, (nodes, tax[-1]), products, refused)
    return ProductPage(products, refused, onward)


def _some(client: Client, refs: Sequence[str]) -> tuple[list[ProductNode], bool]:
    """These products as far as the store has them, and whether its prices contain tax."""
    found: list[ProductNode] = []
    waiting = list(refs)
    tax = False
    size = len(waiting)

    def part(take: int) -> tuple[int, ProductsAnswer]:
        options = {"take": take, "sort": {"id": "ASC"}, "filter": {"id": {"in": waiting[:take]}}}
        return take, ask(client, documents.PRODUCTS, {"options": options}, ProductsAnswer)

    while waiting:
        size, answer = taking(min(size, len(waiting)), part)
        found += answer.products.items
        tax = answer.active_channel.prices_include_tax
        waiting = waiting[size:]
    return found, tax


def _changes(client: Client, kind: str, walk: ByTime) -> tuple[Sequence[ChangeNode], ByTime | None]:
    """A page of rows of products (`p`) or variants (`v`) that changed, oldest first, and where to go on."""
    document = documents.PRODUCTS_CHANGED if kind == "p" else documents.VARIANTS_CHANGED

    def page(take: int) -> ChangedAnswer:
        later = {"updatedAt": {"after": walk.start}}
        options = {"take": take, "skip": walk.skip, "sort": {"updatedAt": "ASC"}, "filter": later}
        return ask(client, document, {"options": options}, ChangedAnswer)

    found = taking(CHANGES, page).changed
    rows = [(row.id, row.updated_at) for row in found.items]
    return found.items, walk.behind(client.domain, rows, found.total_items)


def _variants(client: Client, wanted: Mapping[str, Any]) -> tuple[list[VariantNode], StockRules, bool]:
    """All variants that the filter names, paged to their end; the store's rules of stock; do prices contain tax?"""
    found: list[VariantNode] = []
    walk: str | None = ""
    last: VariantsAnswer | None = None
    while walk is not None:

        def listed(take: int, skip: int) -> tuple[Sequence[VariantNode], int]:
            nonlocal last
            options = {"take": take, "skip": skip, "sort": {"id": "ASC"}, "filter": wanted}
            last = ask(client, documents.VARIANTS, {"options": options}, VariantsAnswer)
            return last.product_variants.items, last.product_variants.total_items

        at = ById.read(walk)
        rows, walk = taking(VARIANTS, lambda size: at.page(client.domain, size, listed, lambda node: node.id))  # noqa: B023
        found += rows
        if len(found) > MOST_VARIANTS:
            raise PlatformRefused(f"{client.domain}: more than {MOST_VARIANTS:,} variants for {PRODUCTS} products")
    if last is None:
        return found, StockRules(), False
    return found, last.global_settings, last.active_channel.prices_include_tax


# --- translating ------------------------------------------------------------------------------------------------------


def _sort_out(
    client: Client, read: tuple[Sequence[ProductNode], bool], products: list[Product], refused: list[RefusedItem]
) -> None:
    nodes, tax_in_price = read
    if not nodes:
        return
    children, rules, _ = _variants(client, {"productId": {"in": [node.id for node in nodes]}})
    of: dict[str, list[VariantNode]] = {}
    for child in children:
        of.setdefault(child.product_id, []).append(child)
    place = Place.of(client, tax_in_price, rules)
    for node in nodes:
        made = to_product(node, of.get(node.id, ()), place)
        if isinstance(made, Product):
            products.append(made)
        else:
            refused.append(made)


class Place(msgspec.Struct, frozen=True):
    """What of a store bears on each of its products."""

    currency: str
    scale: Scale
    tax_in_price: bool
    rules: StockRules
    page: str  # of a product at the storefront, with {slug} or {id}

    @classmethod
    def of(cls, client: Client, tax_in_price: bool, rules: StockRules) -> Place:
        """Errors: MoneyRefused for a currency that isn't one."""
        scale = Scale.of(client.currency, precision(client))
        return cls(client.currency, scale, tax_in_price, rules, client.grant.details.get("product_page", ""))


def to_product(node: ProductNode, children: Sequence[VariantNode], place: Place) -> Product | RefusedItem:
    """A product with its variants in the order of their ids; refused whole, with a reason, where one can't be priced.

    Prices are as the store lists them: with tax where the channel's prices contain it. A product that is switched off
    is a draft, and so is a variant that is: it can't be bought.
    """
    title = clean(node.name.strip())
    if not title:
        return RefusedItem(node.id, "", "title_missing", "The product has no name in the channel's language.")
    if not children:
        return RefusedItem(node.id, title, "price_missing", "The product has no variant, so nothing can be bought.")
    variants: list[Variant] = []
    newest = node.updated_at
    for position, child in enumerate(children, 1):
        made = _variant(child, place, position, node.id, title)
        if isinstance(made, RefusedItem):
            return made
        variants.append(made)
        newest = max(newest, child.updated_at)  # all of one form, so that texts order as moments do
    facets = [(value.facet.code if value.facet else "", value.name) for value in node.facet_values]
    brand = next((kept(name) for code, name in facets if code in ("brand", "manufacturer")), "")
    images = tuple(dict.fromkeys(filter(None, map(_image, (node.featured_asset, *node.assets)))))
    return Product(
        product_ref=node.id,
        title=title,
        status="active" if node.enabled else "draft",
        currency=place.currency,
        variants=tuple(variants),
        changed_at=moment(newest, "$.products.items.updatedAt"),
        handle=clean(node.slug),
        vendor=brand,
        category=next((kept(name) for code, name in facets if code == "category"), ""),
        description=plain_text(node.description),
        url=product_url(place.page, node.slug, node.id),
        image_url=images[0] if images else "",
        images=images,
        tags=tuple(kept(name) for _, name in facets),
        published=node.enabled,
        brand=brand,
    )


def _variant(node: VariantNode, place: Place, position: int, product_ref: str, title: str) -> Variant | RefusedItem:
    value = node.price_with_tax if place.tax_in_price else node.price
    if node.currency_code != place.currency:
        found = next((price.price for price in node.prices if price.currency_code == place.currency), None)
        if found is None:
            name = clean(node.name or node.id, 80)
            return RefusedItem(product_ref, title, "price_missing", f"Variant {name} has no price in {place.currency}.")
        value = found
    name = clean(node.name or node.sku or node.id, 80)
    try:
        cost = place.scale.exact(value)
    except MoneyRefused as error:
        return RefusedItem(product_ref, title, "price_unreadable", f"Variant {name}: {error.problem} {error.remedy}")
    if cost < 0:
        return RefusedItem(product_ref, title, "price_negative", f"Variant {name} has a price below zero.")
    stock, available = stock_of(node, place.rules)
    return Variant(
        variant_ref=node.id,
        price=cost,
        title=kept(" / ".join(option.name for option in node.options if option.name)),
        sku=clean(node.sku),
        available=available,
        stock=stock,
        position=position,
        options=_options(node.options),
        image_url=_image(node.featured_asset),
        item_ref=node.id,
    )


def stock_of(node: VariantNode, rules: StockRules) -> tuple[int | None, bool]:
    """(saleable units, may it be bought now?) by Vendure's own rule: on hand, less allocated, less the threshold.

    None for one that isn't tracked. A threshold below zero lets a store sell what it hasn't got yet.
    """
    tracked = node.track_inventory == "TRUE" or (node.track_inventory == "INHERIT" and rules.track_inventory)
    if not tracked:
        return None, node.enabled
    threshold = rules.out_of_stock_threshold if node.use_global_out_of_stock_threshold else node.out_of_stock_threshold
    there = sum(level.stock_on_hand - level.stock_allocated for level in node.stock_levels)
    saleable = there - threshold
    return (there if -MOST_STOCK < there < MOST_STOCK else None), node.enabled and saleable > 0


def _options(nodes: Sequence[OptionNode]) -> tuple[tuple[str, str], ...]:
    pairs = ((node.group.name if node.group is not None else "", node.name) for node in nodes)
    return tuple((kept(name), kept(value)) for name, value in pairs if value)


def _image(asset: AssetNode | None) -> str:
    """Only an absolute address: a store may keep its pictures elsewhere and name them by a path alone."""
    preview = asset.preview if asset is not None else ""
    return preview if preview.startswith(("https://", "http://")) else ""


def product_url(page: str, slug: str, product_ref: str) -> str:
    """The product's page at the storefront: Vendure has no storefront of its own, so the merchant told how it looks."""
    return page.replace("{slug}", slug).replace("{id}", product_ref)
