"""Products with their variants: all of them, those that changed, some by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from connector.conformance.template.platform import payloads
from connector.conformance.template.platform.client import api
from connector.errors import MoneyRefused, NotFound
from connector.events import Product, Variant
from connector.platforms.contract import (
    BulkNode,
    BulkState,
    Client,
    MarketPrice,
    ProductPage,
    RefusedItem,
    StockLevel,
)
from connector.platforms.reading import clean, kept, moment, price
from connector.platforms.rest import Repeats


class Catalog:
    """The contract's `Catalog` for Example."""

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        reply = api(client).get("/products", {"ids": ",".join(refs)}).read(payloads.ProductsReply)
        return _page(reply, client.currency, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        query = {"page": checkpoint or "1", **({"changed_after": since.isoformat()} if since else {})}
        reply = api(client).get("/products", query).read(payloads.ProductsReply)
        Repeats(client.domain).look((checkpoint or "1",) if reply.next == checkpoint else ())
        return _page(reply, client.currency, reply.next)

    def newest_change(self, client: Client) -> datetime | None:
        reply = api(client).get("/products", {"page": "newest"}).read(payloads.ProductsReply)
        return max((moment(each.changed_at, "$.changed_at") for each in reply.products), default=None)

    # What the platform can't do is not among its capabilities, so that nobody asks.

    def bulk_start(self, client: Client) -> str:
        raise NotFound("Example has no bulk export")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise NotFound("Example has no bulk export")

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        raise NotFound("Example has no bulk export")

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        raise NotFound("Example has no bulk export")

    def stock(self, client: Client, item_refs: Sequence[str]) -> Sequence[StockLevel]:
        raise NotFound("Example's variants carry their stock")

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> Sequence[MarketPrice]:
        raise NotFound("Example has one price for all")


def _page(reply: payloads.ProductsReply, currency: str, checkpoint: str | None) -> ProductPage:
    found: list[Product] = []
    refused: list[RefusedItem] = []
    for each in reply.products:
        made = _product(each, currency)
        if isinstance(made, RefusedItem):
            refused.append(made)
        else:
            found.append(made)
    return ProductPage(found, refused, checkpoint)


def _product(given: payloads.Product, currency: str) -> Product | RefusedItem:
    """Whole, or refused with a reason that a merchant understands; never a part of it."""
    title = clean(given.title)
    if not title.strip():
        return RefusedItem(given.id, "", "title_missing", "The product has no title.")
    variants = []
    for position, each in enumerate(given.variants):
        try:
            amount = price(each.price, currency)
        except MoneyRefused as error:
            return RefusedItem(given.id, title, "price_unreadable", f"{clean(each.title, 80)}: {error.problem}")
        variants.append(
            Variant(
                variant_ref=each.id,
                price=amount,
                title=kept(each.title),
                sku=clean(each.sku),
                available=each.stock is None or each.stock > 0,
                stock=each.stock,
                position=position,
                image_url=given.image,
            )
        )
    return Product(
        product_ref=given.id,
        title=title,
        status="active" if given.active else "draft",
        currency=currency,
        variants=tuple(variants),
        changed_at=moment(given.changed_at, "$.changed_at"),
        url=given.url,
        image_url=given.image,
        images=(given.image,) if given.image else (),
    )
