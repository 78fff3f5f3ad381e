"""Products: a whole catalog as one streamed bulk file, some products by id, and those that changed since a moment.

A bulk file holds one JSON object a line; children name their parent and come anywhere after it. A product that can't be
taken whole is refused with a reason, in the bulk file as in the live API, and the two give equal products.
Source: bulk-operations/queries on shopify.dev and the fact sheet, section 3. Never writes to the store.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import nh3

from connector import clock
from connector.errors import HostRefused, MoneyRefused, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import Product, Variant
from connector.platforms.contract import BulkNode, BulkState, Client, ProductPage, RefusedItem
from connector.platforms.shopify import documents
from connector.platforms.shopify.client import TooDear, ask, refuse_user_errors
from connector.platforms.shopify.orders import instant, next_checkpoint
from connector.platforms.shopify.payloads import (
    AnyLine,
    BulkCancelAnswer,
    BulkLine,
    BulkStartAnswer,
    BulkStateAnswer,
    ImageNode,
    MediaImageNode,
    MediaNode,
    ProductNode,
    ProductNodesAnswer,
    ProductRestAnswer,
    ProductRestNode,
    ProductsAnswer,
    VariantNode,
)
from connector.platforms.shopify.reading import gid, price, ref
from connector.platforms.shopify.settings import ShopifySettings

PRODUCTS = 8  # a page with their first variants and images costs about 700 points
VARIANTS = 20
MEDIA = 10
VARIANTS_REST = 200  # of one product: about 600 points
MEDIA_REST = 200
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
_BREAKS = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^>]*>", re.I)
_TAGS = re.compile(r"""</?[a-z](?:[^<>"']|"[^"]*"|'[^']*')*>""", re.I)
_RAW = re.compile(r"<(?:!|\?|script|style|template|textarea|title|iframe|noscript|xmp|svg|math|plaintext)", re.I)
SIMPLE_LENGTH = 8192  # bounds what a hostile text costs the pattern

_read_line = msgspec.json.Decoder(BulkLine).decode
_read_any = msgspec.json.Decoder(AnyLine).decode


class Catalog:
    """The contract's `Catalog` for Shopify."""

    def bulk_start(self, client: Client) -> str:
        """Errors: PlatformBusy while Shopify runs as many exports for the shop as it allows."""
        answer = ask(client, documents.BULK_START, {"query": documents.BULK_CATALOG}, BulkStartAnswer, cost=10)
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
        while wanted:
            ids = [gid("Product", number) for number in wanted[:size]]
            try:
                nodes = ask(
                    client,
                    documents.PRODUCTS,
                    {"ids": ids, "variants": VARIANTS, "media": MEDIA},
                    ProductNodesAnswer,
                    cost=90 * len(ids),
                ).nodes
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
        while True:
            variables = {"first": size, "after": cursor, "query": search, "variants": VARIANTS, "media": MEDIA}
            try:
                answer = ask(client, documents.PRODUCTS_CHANGED, variables, ProductsAnswer, cost=90 * size).products
                break
            except TooDear:
                if size == 1:
                    raise
                size //= 2
        products: list[Product] = []
        refused: list[RefusedItem] = []
        _sort_out(client, answer.nodes, products, refused)
        last = clock.parse(answer.nodes[-1].updated_at) if answer.nodes and answer.nodes[-1].updated_at else None
        return ProductPage(products, refused, next_checkpoint(page, start, answer.cursor, last))


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
            raise PayloadUnreadable(f"line {number}", "isn't a JSON object in UTF-8: the file is cut") from None
        reference = node.id.rpartition("/")[2]
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
    title = (node.title or "").strip()
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
        vendor=node.vendor or "",
        category=node.product_type or "",
        description=plain_text(node.description_html) if node.description_html else "",
        url=node.online_store_url or "",
        image_url=_image_url(featured.image) if featured else "",
        images=images,
        tags=tuple(node.tags),
        published=node.published_at is not None,
        gift_card=node.is_gift_card,
    )


def to_variant(node: VariantNode, reference: str, product_ref: str, currency: str) -> Variant | RefusedItem:
    """Availability is Shopify's own rule; stock counts only where it is tracked (else it is whatever it was)."""
    if not node.price:
        return RefusedItem(product_ref, "", "price_missing", f"Variant {node.title or reference} has no price.")
    try:
        cost = price(node.price, currency)
        compare = price(node.compare_at_price, currency) if node.compare_at_price else None
    except MoneyRefused as error:
        return RefusedItem(product_ref, "", "price_unreadable", f"Variant {node.title or reference}: {error.problem}")
    item = node.inventory_item
    tracked = item is None or item.tracked
    return Variant(
        reference,
        cost,
        node.title or "",
        node.sku or "",
        node.barcode or "",
        compare,
        node.available_for_sale,
        node.inventory_quantity if tracked else None,
        node.position,
        _options(tuple((option.name, option.value) for option in node.selected_options)),
        "",
        item is None or item.requires_shipping,
    )


@lru_cache(maxsize=4096)
def _options(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """One copy of what thousands of variants share."""
    return pairs


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    return clock.parse(text)


def plain_text(markup: str) -> str:
    """HTML as lines of text, without scripts and styles; entities become characters.

    Plain markup, which nearly all descriptions are, loses its tags to a pattern (ten times quicker); what holds raw
    text or is long goes through the real parser. The result is text: whoever shows it escapes it.
    """
    if "<" in markup:
        text = _BREAKS.sub("\n", markup)
        if len(text) > SIMPLE_LENGTH or _RAW.search(text):
            text = nh3.clean(text, tags=set())
        else:
            text = _TAGS.sub("", text)
    else:
        text = markup
    if "&" in text:
        text = html.unescape(text)
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.splitlines())))


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
        page = _rest(client, documents.PRODUCT_VARIANTS, node.id, VARIANTS_REST, page.cursor).variants
    raise PlatformBusy(f"{client.domain}: a product went while it was read", retry_after=2.0)


def _all_media(client: Client, node: ProductNode) -> Iterator[MediaNode]:
    page = node.media
    while page is not None:
        yield from page.nodes
        if page.cursor is None:
            return
        page = _rest(client, documents.PRODUCT_MEDIA, node.id, MEDIA_REST, page.cursor).media
    raise PlatformBusy(f"{client.domain}: a product went while it was read", retry_after=2.0)


def _rest(client: Client, document: str, product_id: str, size: int, after: str | None) -> ProductRestNode:
    while True:
        variables: dict[str, Any] = {"id": product_id, "first": size, "after": after}
        try:
            found = ask(client, document, variables, ProductRestAnswer, cost=3 * size + 3).product
        except TooDear:
            if size == 1:
                raise
            size //= 2
            continue
        return found if found is not None else ProductRestNode()
