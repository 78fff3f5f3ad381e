"""Products: a whole catalog as one streamed bulk file, some products by id, and those that changed since a moment.

A bulk file holds one JSON object a line; children name their parent and come anywhere after it. A product that can't be
taken whole is refused with a reason, in the bulk file as in the live API, and the two give equal products.
Source: bulk-operations/queries on shopify.dev and the fact sheet, section 3. Never writes to the store.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from connector import clock
from connector.errors import HostRefused, MoneyRefused, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import Product, Variant
from connector.outbound import LINE_LIMIT
from connector.platforms.contract import BulkNode, BulkState, Client, MarketPrice, ProductPage, RefusedItem, StockLevel
from connector.platforms.reading import amount, clean, gtin, kept, mended, plain_text, price
from connector.platforms.shopify import documents
from connector.platforms.shopify.client import TooDear, ask, refuse_user_errors
from connector.platforms.shopify.ids import gid, ref
from connector.platforms.shopify.orders import instant
from connector.platforms.shopify.payloads import (
    AnyLine,
    BulkCancelAnswer,
    BulkLine,
    BulkStartAnswer,
    BulkStateAnswer,
    ImageNode,
    MarketPricesAnswer,
    MediaImageNode,
    MediaNode,
    NewestChangeAnswer,
    ProductNode,
    ProductNodesAnswer,
    ProductRestAnswer,
    ProductRestNode,
    ProductsAnswer,
    PublicationAnswer,
    StockAnswer,
    StockItemNode,
    StockVariantNode,
    VariantNode,
)
from connector.platforms.shopify.settings import ShopifySettings

PRODUCTS = 7  # a page with their first variants and images costs 919 points at most
VARIANTS = 20
MEDIA = 10
PRODUCT_COST = 132  # points of one of them, as Shopify counts before it looks
VARIANTS_REST = 150  # of one product: 753 points
VARIANT_COST, MEDIA_COST = 5, 3
MEDIA_REST = 200
STOCK_ITEMS = 100  # 700 points
PRICES = 100  # 400 points
WINDOW_PAGES = 3_000  # of seven products: a search's cursors end at 25,000
MOST_STOCK = 10**9  # more is no stock, and no number that every database keeps
PUBLICATION_KEPT = 3600.0  # seconds that a shop's answer about our publication is believed
FILE_TIMEOUT = 60.0
_BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_STATES: dict[str, Literal["running", "done", "failed", "cancelled"]] = {
    "CREATED": "running",
    "RUNNING": "running",
    "CANCELING": "running",
    "COMPLETED": "done",
    "CANCELED": "cancelled",
    "FAILED": "failed",
    "EXPIRED": "failed",
}
_STATUSES: dict[str, Literal["active", "draft", "archived", "unlisted"]] = {
    "ACTIVE": "active",
    "DRAFT": "draft",
    "ARCHIVED": "archived",
    "UNLISTED": "unlisted",
}
_CONDITIONS: dict[str, Literal["new", "refurbished", "used"]] = {
    "new": "new",
    "refurbished": "refurbished",
    "used": "used",
}

_read_line = msgspec.json.Decoder(BulkLine).decode
_read_any = msgspec.json.Decoder(AnyLine).decode


class Catalog:
    """The contract's `Catalog` for Shopify."""

    def bulk_start(self, client: Client) -> str:
        """Errors: PlatformBusy while Shopify runs as many exports for the shop as it allows."""
        query = documents.bulk_catalog(publication(client))
        answer = ask(client, documents.BULK_START, {"query": query}, BulkStartAnswer, cost=10)
        made = answer.bulk_operation_run_query
        if any(error.code in _BUSY for error in made.user_errors):
            raise PlatformBusy(f"{client.domain}: other exports are running", retry_after=60.0)
        refuse_user_errors(made.user_errors, f"{client.domain}: the export wasn't started")
        if made.bulk_operation is None:
            raise PlatformRefused(f"{client.domain}: the export wasn't started, and no reason was given")
        return ref(made.bulk_operation.id, "$.bulkOperationRunQuery.bulkOperation.id")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        variables = {"id": gid("BulkOperation", operation_ref)}
        node = ask(client, documents.BULK_STATE, variables, BulkStateAnswer, cost=1).bulk_operation
        if node is None:
            raise PlatformRefused(f"{client.domain}: Shopify has no export {operation_ref}")
        status = _STATES.get(node.status)
        if status is None:
            raise PayloadUnreadable("$.bulkOperation.status", f"{node.status[:40]!r} isn't a state we know")
        return BulkState(
            operation_ref=operation_ref,
            status=status,
            objects=int(node.object_count),
            roots=None if node.root_object_count is None else int(node.root_object_count),
            size=None if node.file_size is None else int(node.file_size),
            url=node.url if status == "done" else None,
            problem=(node.error_code or node.status) if status == "failed" else "",
        )

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        """Ask Shopify to stop; one that is over already is fine."""
        variables = {"id": gid("BulkOperation", operation_ref)}
        answer = ask(client, documents.BULK_CANCEL, variables, BulkCancelAnswer, cost=10).bulk_operation_cancel
        if answer.user_errors and self.bulk_state(client, operation_ref).status == "running":
            refuse_user_errors(answer.user_errors, f"{client.domain}: the export goes on")

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        _check_file_host(url, client.settings)
        # No token goes along: the address itself is signed, and the host isn't Shopify's.
        answer = client.http.send("GET", url, stream=True, timeout=FILE_TIMEOUT)
        try:
            if answer.status >= 500 or answer.status == 429:
                raise PlatformDown(f"the file's host answered {answer.status}")
            if answer.status != 200:
                raise PlatformRefused(f"the file's host answered {answer.status}: the address is old or cut")
            lines = filter(None, answer.lines())
            yield from _nodes(islice(lines, skip_lines, None), client.currency, skip_lines)
        finally:
            answer.close()

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        products: list[Product] = []
        refused: list[RefusedItem] = []
        wanted = list(dict.fromkeys(refs))
        size = PRODUCTS
        parts = _parts(client)
        while wanted:
            ids = [gid("Product", number) for number in wanted[:size]]
            try:
                cost = 2 + PRODUCT_COST * len(ids)
                nodes = ask(client, documents.PRODUCTS, {"ids": ids, **parts}, ProductNodesAnswer, cost=cost).nodes
            except TooDear:
                if size == 1:
                    raise
                size //= 2
                continue
            del wanted[:size]
            _sort_out(client, [node for node in nodes if node is not None], products, refused)
        return ProductPage(products, refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """By change time, oldest first, every status; all products where `since` is None."""
        page, start, cursor = _checkpoint(checkpoint, since)
        search = "status:active,draft,archived,unlisted" + (f" AND updated_at:>='{start}'" if start else "")
        size = PRODUCTS
        parts = _parts(client)
        while True:
            variables = {"first": size, "after": cursor, "query": search, **parts}
            cost = 2 + PRODUCT_COST * size
            try:
                answer = ask(client, documents.PRODUCTS_CHANGED, variables, ProductsAnswer, cost=cost).products
                break
            except TooDear:
                if size == 1:
                    raise
                size //= 2
        products: list[Product] = []
        refused: list[RefusedItem] = []
        _sort_out(client, answer.nodes, products, refused)
        last = clock.parse(answer.nodes[-1].updated_at) if answer.nodes and answer.nodes[-1].updated_at else None
        return ProductPage(products, refused, _next_window(page, start, answer.cursor, last))

    def newest_change(self, client: Client) -> datetime | None:
        found = ask(client, documents.NEWEST_CHANGE, {}, NewestChangeAnswer, cost=3).products.nodes
        return clock.parse(found[0].updated_at) if found and found[0].updated_at else None

    def stock(self, client: Client, item_refs: Sequence[str]) -> list[StockLevel]:
        levels: list[StockLevel] = []
        wanted = list(dict.fromkeys(item_refs))
        for start in range(0, len(wanted), STOCK_ITEMS):
            ids = [gid("InventoryItem", number) for number in wanted[start : start + STOCK_ITEMS]]
            for item in ask(client, documents.STOCK, {"ids": ids}, StockAnswer, cost=7 * len(ids)).nodes:
                if item is not None and item.id is not None and item.variants is not None:
                    item_ref = ref(item.id, "$.nodes.id")
                    levels += [_stock_level(item, item_ref, variant) for variant in item.variants.nodes]
        return levels

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> list[MarketPrice]:
        """Errors: PayloadUnreadable for a price that can't be read; PlatformRefused for a country Shopify has not."""
        prices: list[MarketPrice] = []
        wanted = list(dict.fromkeys(variant_refs))
        for start in range(0, len(wanted), PRICES):
            ids = [gid("ProductVariant", number) for number in wanted[start : start + PRICES]]
            variables = {"ids": ids, "country": country}
            for node in ask(client, documents.MARKET_PRICES, variables, MarketPricesAnswer, cost=4 * len(ids)).nodes:
                found = node.contextual_pricing if node is not None else None
                if node is None or node.id is None or found is None:
                    continue
                currency = found.price.currency_code
                before = found.compare_at_price
                path = "$.nodes.contextualPricing"
                prices.append(
                    MarketPrice(
                        ref(node.id, "$.nodes.id"),
                        country,
                        currency,
                        amount(found.price.amount, currency, f"{path}.price"),
                        amount(before.amount, currency, f"{path}.compareAtPrice")
                        if before is not None and before.currency_code == currency
                        else None,
                    )
                )
        return prices


def _stock_level(item: StockItemNode, item_ref: str, variant: StockVariantNode) -> StockLevel:
    return StockLevel(
        item_ref,
        ref(variant.id, "$.nodes.variants.id"),
        ref(variant.product.id, "$.nodes.variants.product.id"),
        _stock(variant.inventory_quantity) if item.tracked else None,
        variant.available_for_sale,
    )


_publications: dict[tuple[str, str], tuple[float, str]] = {}


def publication(client: Client) -> str:
    """The GID of our app's own publication in the shop, "" for the online store's.

    Only a sales channel app has one, and only read_publications shows it. Asked once an hour and process.
    """
    if "read_publications" not in client.grant.scopes:
        return ""
    key = (client.domain, client.grant.access_token)
    held = _publications.get(key)
    if held is not None and time.monotonic() < held[0]:
        return held[1]
    answer = ask(client, documents.PUBLICATION, {}, PublicationAnswer, cost=229)
    app = answer.current_app_installation.app.id
    found = ""
    for node in answer.publications.nodes:
        apps = node.catalog.apps.nodes if node.catalog is not None and node.catalog.apps is not None else []
        if any(owner.id == app for owner in apps):
            found = f"gid://shopify/Publication/{ref(node.id, '$.publications.nodes.id')}"
    if len(_publications) > 10_000:
        _publications.clear()
    _publications[key] = (time.monotonic() + PUBLICATION_KEPT, found)
    return found


def _parts(client: Client) -> dict[str, Any]:
    """Variables that say how much of each product is asked for."""
    own = publication(client)
    return {
        "variants": VARIANTS, "media": MEDIA, "publication": own or "gid://shopify/Publication/0",
        "byPublication": bool(own),
    }  # fmt: skip


def _next_window(page: int, start: str, cursor: str | None, last: datetime | None) -> str | None:
    """Where to go on. A search's cursors end at 25,000 products, so that now and then a new window begins at the last
    change seen; its first rows come twice. Never where the old one began: a burst in one second would never end."""
    if cursor is None:
        return None
    if page + 1 >= WINDOW_PAGES and last is not None and instant(last) > start:
        return f"0|{instant(last)}|"
    return f"{page + 1}|{start}|{cursor}"


def _checkpoint(text: str | None, since: datetime | None) -> tuple[int, str, str | None]:
    if text is None:
        return 0, "" if since is None else instant(since), None
    page, start, cursor = text.split("|", 2)
    return int(page), start, cursor or None


def _check_file_host(url: str, settings: ShopifySettings) -> None:
    """Only a host on the list, by https; in dev also the stand-in's own. Errors: HostRefused."""
    parts = urlsplit(url)
    if settings.dev:
        own = urlsplit(settings.origin("x"))
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return
    if parts.scheme != "https" or parts.netloc.lower() not in settings.bulk_hosts.split(","):
        raise HostRefused("the export's file lies on a host that isn't on the list (SHOPIFY_BULK_HOSTS)")


# --- the bulk file ----------------------------------------------------------------------------------------------------


def _nodes(lines: Iterator[bytes], currency: str, number: int) -> Iterator[BulkNode]:
    """The hot loop: a typed decode and one struct a line. 200,000 lines take some two seconds."""
    for line in lines:
        number += 1
        try:
            node = _read_line(line)
        except msgspec.ValidationError as error:
            yield _odd_line(line, number, str(error))
            continue
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if len(line) >= LINE_LIMIT:
                raise PayloadUnreadable(f"line {number}", f"is longer than {LINE_LIMIT:,} bytes") from None
            sound = mended(line)
            if sound is None:
                raise PayloadUnreadable(f"line {number}", "isn't a JSON object in UTF-8: the file is cut") from None
            yield from _nodes(iter((sound,)), currency, number - 1)
            continue
        reference = node.id.rpartition("/")[2]
        if not reference.isdecimal() or len(reference) > 20:
            raise PayloadUnreadable(f"line {number}.id", f"{node.id[:60]!r} isn't a Shopify id")
        if type(node) is VariantNode:
            if node.parent_id is None:
                raise PayloadUnreadable(f"line {number}.__parentId", "is absent")
            parent = node.parent_id.rpartition("/")[2]
            yield BulkNode("variant", reference, parent, to_variant(node, reference, parent, currency))
        elif type(node) is ProductNode:
            yield BulkNode("product", reference, None, to_product(node, reference, currency))
        elif type(node) is MediaImageNode:
            parent = (node.parent_id or "").rpartition("/")[2]
            yield BulkNode("image", reference, parent or None, _image_url(node.image))


def _odd_line(line: bytes, number: int, problem: str) -> BulkNode:
    """A line in another shape than ours: a video is no harm; a product or a variant refuses its whole product."""
    try:
        found = _read_any(line)
    except msgspec.DecodeError:
        raise PayloadUnreadable(f"line {number}", problem[:200]) from None
    if found.id is None and found.typename in ("Product", "ProductVariant"):
        raise PayloadUnreadable(f"line {number}.id", "is absent")
    reference = (found.id or "").rpartition("/")[2]
    parent = (found.parent_id or "").rpartition("/")[2] or None
    kind: Literal["product", "variant"]
    match found.typename:
        case "Product":
            kind, product_ref = "product", reference
        case "ProductVariant" if parent is not None:
            kind, product_ref = "variant", parent
        case _:
            return BulkNode("other", reference, parent, None)
    title = found.title if isinstance(found.title, str) and kind == "product" else ""
    return BulkNode(kind, reference, parent, RefusedItem(product_ref, title, "unreadable", problem[:200]))


# --- a product's parts, the same for both ways ------------------------------------------------------------------------


def to_product(
    node: ProductNode, reference: str, currency: str, variants: tuple[Variant, ...] = (), images: tuple[str, ...] = ()
) -> Product | RefusedItem:
    """A product's head with what is known of its children; or why it can't be listed."""
    title = clean((node.title or "").strip())
    if not title:
        return RefusedItem(reference, "", "title_missing", "The product has no title.")
    status = _STATUSES.get(node.status or "")
    if status is None:
        return RefusedItem(reference, title, "status_unknown", f"Shopify says {str(node.status)[:40]!r}.")
    featured = node.featured_media.preview if node.featured_media else None
    return Product(
        product_ref=reference,
        title=title,
        status=status,
        currency=currency,
        variants=variants,
        changed_at=_moment(node.updated_at) if node.updated_at else None,
        handle=node.handle or "",
        vendor=kept(node.vendor) if node.vendor else "",
        category=kept(node.product_type) if node.product_type else "",
        description=plain_text(node.description_html) if node.description_html else "",
        url=node.online_store_url or "",
        image_url=_image_url(featured.image) if featured else "",
        images=images,
        tags=tuple(node.tags),
        published=node.published_at is not None if node.on_publication is None else node.on_publication,
        gift_card=node.is_gift_card,
        brand=kept(node.brand.value.strip()) if node.brand and node.brand.value else "",
        taxonomy_ref=node.category.id.rpartition("/")[2][:60] if node.category else "",
        taxonomy_name=kept(node.category.full_name) if node.category and node.category.full_name else "",
        condition=_CONDITIONS.get(node.condition.value.strip().lower(), "new")
        if node.condition and node.condition.value
        else "new",
    )


def to_variant(node: VariantNode, reference: str, product_ref: str, currency: str) -> Variant | RefusedItem:
    """Availability is Shopify's own rule; stock counts only where it is tracked (else it is whatever it was)."""
    if not node.price:
        return RefusedItem(product_ref, "", "price_missing", f"Variant {node.title or reference} has no price.")
    try:
        cost = price(node.price, currency)
        compare = price(node.compare_at_price, currency) if node.compare_at_price else None
    except MoneyRefused as error:
        name = clean(node.title or reference, 80)
        return RefusedItem(product_ref, "", "price_unreadable", f"Variant {name}: {error.problem}")
    if cost < 0 or (compare is not None and compare < 0):
        name = clean(node.title or reference, 80)
        return RefusedItem(product_ref, "", "price_negative", f"Variant {name} has a price below zero.")
    item = node.inventory_item
    barcode = clean(node.barcode) if node.barcode else ""
    written = node.gtin.value if node.gtin is not None else None
    return Variant(
        reference,
        cost,
        kept(node.title) if node.title else "",
        clean(node.sku) if node.sku else "",
        barcode,
        compare,
        node.available_for_sale,
        _stock(node.inventory_quantity) if item is None or item.tracked else None,
        node.position if 0 <= node.position < MOST_STOCK else 0,
        _options(tuple((option.name, option.value) for option in node.selected_options)),
        "",
        item is None or item.requires_shipping,
        (gtin(barcode) if barcode else "") or (gtin(written.strip()) if written else ""),
        clean(node.mpn.value.strip()) if node.mpn is not None and node.mpn.value else "",
        item.id.rpartition("/")[2][:40] if item is not None else "",
    )


def _stock(quantity: int | None) -> int | None:
    """None for a number that no stock has."""
    return quantity if quantity is not None and -MOST_STOCK < quantity < MOST_STOCK else None


@lru_cache(maxsize=4096)
def _options(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """One copy of what thousands of variants share."""
    return pairs


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    return clock.parse(text)


def _image_url(image: ImageNode | None) -> str:
    """ "" while Shopify still works on the image."""
    return (image.url or "") if image else ""


# --- the live API -----------------------------------------------------------------------------------------------------


def _sort_out(
    client: Client, nodes: Sequence[ProductNode], products: list[Product], refused: list[RefusedItem]
) -> None:
    for node in nodes:
        made = _whole(client, node)
        if isinstance(made, Product):
            products.append(made)
        else:
            refused.append(made)


def _whole(client: Client, node: ProductNode) -> Product | RefusedItem:
    """A product with all its variants (up to 2,048) and images, paged to the end."""
    reference = ref(node.id, "$.nodes.id")
    variants: list[Variant] = []
    for child in _all_variants(client, node):
        made = to_variant(child, ref(child.id, "$.variants.id"), reference, client.currency)
        if isinstance(made, RefusedItem):
            return msgspec.structs.replace(made, title=(node.title or "").strip())
        variants.append(made)
    images = tuple(filter(None, (_image_url(media.image) for media in _all_media(client, node))))
    return to_product(node, reference, client.currency, tuple(variants), images)


def _all_variants(client: Client, node: ProductNode) -> Iterator[VariantNode]:
    page = node.variants
    while page is not None:
        yield from page.nodes
        if page.cursor is None:
            return
        page = _rest(client, documents.PRODUCT_VARIANTS, node.id, VARIANTS_REST, VARIANT_COST, page.cursor).variants
    raise PlatformBusy(f"{client.domain}: a product went while it was read", retry_after=2.0)


def _all_media(client: Client, node: ProductNode) -> Iterator[MediaNode]:
    page = node.media
    while page is not None:
        yield from page.nodes
        if page.cursor is None:
            return
        page = _rest(client, documents.PRODUCT_MEDIA, node.id, MEDIA_REST, MEDIA_COST, page.cursor).media
    raise PlatformBusy(f"{client.domain}: a product went while it was read", retry_after=2.0)


def _rest(client: Client, document: str, product_id: str, size: int, each: int, after: str | None) -> ProductRestNode:
    """`each`: points of one child."""
    while True:
        variables: dict[str, Any] = {"id": product_id, "first": size, "after": after}
        try:
            found = ask(client, document, variables, ProductRestAnswer, cost=each * size + 3).product
        except TooDear:
            if size == 1:
                raise
            size //= 2
            continue
        return found if found is not None else ProductRestNode()
