"""A store in memory that speaks the platform contract: its catalog, its export, its orders, and how it misbehaves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connector import db
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.errors import PlatformDown
from connector.events import OrderSnapshot, Product, ShopProfile, Variant
from connector.platforms import roster
from connector.platforms.contract import (
    BulkNode,
    BulkState,
    Client,
    Grant,
    OrderHead,
    OrderPage,
    OrderRead,
    Platform,
    ProductPage,
    RefusedItem,
)  # fmt: skip

THEN = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def product(ref: int | str, *prices: int, **facts: Any) -> Product:
    """A product with a variant a price; its variants are called after it."""
    variants = tuple(
        Variant(
            variant_ref=f"{ref}{n:04d}", price=price, title=f"No. {n}", sku=f"S-{ref}-{n}", position=n, stock=5,
            options=(("Size", str(n)),),
        )
        for n, price in enumerate(prices or (1000,), start=1)
    )  # fmt: skip
    return Product(
        **{
            "product_ref": str(ref), "title": f"Product {ref}", "status": "active", "currency": "USD",
            "variants": variants, "changed_at": THEN, **facts,
        }
    )  # fmt: skip


class _Authorize:
    def __init__(self, store: Store) -> None:
        self.store = store

    def profile(self, client: Client) -> ShopProfile:
        return ShopProfile("", client.domain, "", self.store.currency, "", "")


@dataclass
class Store:
    """`cut` ends the file after so many lines; `refused` holds refs of products or variants that can't be read."""

    products: dict[str, Product] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    currency: str = "USD"
    images: bool = False
    seed: int = 1
    cut: int | None = None
    cut_quietly: bool = False
    polls: int = 0
    asked: list[str] = field(default_factory=list)
    on_line: Callable[[int], None] = lambda line: None
    on_state: Callable[[], None] = lambda: None
    orders: list[OrderRead] = field(default_factory=list)
    listed: list[OrderHead] = field(default_factory=list)
    away: Exception | None = None  # what every question about orders ends in
    broken: dict[str, Exception] = field(default_factory=dict)  # … and about this one order
    export: list[BulkNode] = field(default_factory=list)
    page: int = 3
    capabilities: set[Any] = field(default_factory=lambda: {"bulk_catalog", "stock", "market_prices"})

    def put(self, *products: Product) -> None:
        self.products |= {item.product_ref: item for item in products}

    # --- the Catalog part

    def bulk_start(self, client: Client) -> str:
        self.asked.append("start")
        self.export = list(self.nodes())
        return f"op-{len(self.asked)}"

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        self.asked.append("state")
        self.on_state()
        if self.polls > 0:
            self.polls -= 1
            return BulkState(operation_ref, "running", objects=1)
        url = "https://files.example/export.jsonl" if self.export else None
        return BulkState(operation_ref, "done", objects=len(self.export), url=url)

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        self.asked.append(f"file from {skip_lines}")
        for number, node in enumerate(self.export, start=1):
            if self.cut is not None and number > self.cut:
                if self.cut_quietly:
                    return
                raise PlatformDown("the file was cut")
            if number > skip_lines:
                self.on_line(number)
                yield node

    def newest_change(self, client: Client) -> datetime | None:
        return max((item.changed_at for item in self.products.values() if item.changed_at), default=None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """`page` products by change time; the checkpoint is how many came."""
        at = int(checkpoint or 0)
        self.asked.append(f"changed from {at}")
        self.on_line(at)
        found = [
            item
            for item in sorted(self.products.values(), key=lambda item: (item.changed_at or THEN, item.product_ref))
            if since is None or (item.changed_at is not None and item.changed_at >= since)
        ]
        page = found[at : at + self.page]
        bad = {ref for item in page for ref in (item.product_ref, *(v.variant_ref for v in item.variants))}
        bad &= self.refused.keys()
        refused = [
            RefusedItem(item.product_ref, item.title, self.refused[ref], "said")
            for item in page
            for ref in [next((r for r in (item.product_ref, *(v.variant_ref for v in item.variants)) if r in bad), "")]
            if ref
        ]
        out = {item.product_ref for item in refused}
        more = at + self.page < len(found)
        whole = [item for item in page if item.product_ref not in out]
        return ProductPage(whole, refused, str(at + self.page) if more else None)

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        self.asked.append(f"cancel {operation_ref}")

    def products_of(self, client: Client, refs: Sequence[str]) -> ProductPage:
        self.asked.append(f"products {len(refs)}")
        found = [self.products[ref] for ref in refs if ref in self.products and ref not in self.refused]
        refused = [RefusedItem(ref, f"Product {ref}", self.refused[ref]) for ref in refs if ref in self.refused]
        return ProductPage(found, refused, None)

    def nodes(self) -> Iterator[BulkNode]:
        """Heads in order, children anywhere behind the first of them, far from their parents."""
        heads, children = [], []
        for item in self.products.values():
            head: Any = msgspec.structs.replace(item, variants=(), images=() if self.images else item.images)
            if item.product_ref in self.refused:
                head = RefusedItem(item.product_ref, item.title, self.refused[item.product_ref])
            heads.append(BulkNode("product", item.product_ref, None, head))
            for variant in item.variants:
                value: Any = variant
                if variant.variant_ref in self.refused:
                    value = RefusedItem(item.product_ref, "", self.refused[variant.variant_ref])
                children.append(BulkNode("variant", variant.variant_ref, item.product_ref, value))
            for url in item.images if self.images else ():
                children.append(BulkNode("image", f"m{len(children)}", item.product_ref, url))
        order = random.Random(self.seed)
        images = [node for node in children if node.kind == "image"]
        others = [node for node in children if node.kind != "image"]
        order.shuffle(others)
        lines = [*heads, *others, *images]
        if self.seed % 2:  # even a child before its parent
            lines = [*others, *heads, *images]
        return iter(lines)


class _Catalog:
    def __init__(self, store: Store) -> None:
        self.bulk_start, self.bulk_state = store.bulk_start, store.bulk_state
        self.bulk_nodes, self.products = store.bulk_nodes, store.products_of
        self.newest_change, self.changed, self.bulk_cancel = store.newest_change, store.changed, store.bulk_cancel


class _Orders:
    def __init__(self, store: Store) -> None:
        self.store = store

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """Two a page."""
        at = int(checkpoint or 0)
        heads = [head for head in self.store.listed if head.changed_at >= since]
        self.store.asked.append(f"orders from {at}")
        return OrderPage(heads[at : at + 2], str(at + 2) if at + 2 < len(heads) else None)

    def some(self, client: Client, order_refs: Sequence[str]) -> dict[str, OrderRead | None]:
        return {order_ref: self.one(client, order_ref) for order_ref in order_refs}

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        at = int(checkpoint or 0)
        heads = [head for head in self.store.listed if since <= head.created_at < until]
        self.store.asked.append(f"placed from {at}")
        if self.store.away:
            raise self.store.away
        return OrderPage(heads[at : at + 2], str(at + 2) if at + 2 < len(heads) else None)

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        self.store.asked.append(f"order {order_ref}")
        if self.store.away:
            raise self.store.away
        if order_ref in self.store.broken:
            raise self.store.broken[order_ref]
        return next((read for read in self.store.orders if read.snapshot.order_ref == order_ref), None)


class _Checkout:
    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return []


def platform_of(store: Store) -> Platform:
    part: Any = None
    return Platform(
        slug="fake", title="Fake", capabilities=frozenset(store.capabilities), settings=part,
        authorize=_Authorize(store), catalog=_Catalog(store), orders=_Orders(store),
        webhooks=part, checkout=_Checkout(),
    )  # type: ignore[arg-type]  # fmt: skip


def open_store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    client = Client("fake.example", "USD", Grant("t"), None, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(roster, "platforms", lambda: {"fake": platform_of(store)})
    monkeypatch.setattr(grants, "client_for", lambda shop_id, http=None: client)
    return store


def new_shop(domain: str = "fake.example", status: str = "connected") -> str:
    with db.write(Scope.system("tests")) as session:
        shop = Shop(
            id=new_id("shp"), platform="fake", domain=domain, currency="USD", status=status, installed_at=THEN,
            created_at=THEN, left_at=None,
        )  # fmt: skip
        session.add(shop)
        return shop.id
