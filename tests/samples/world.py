"""A shop whose store takes sample orders, and loses answers on demand; a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector import clock
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import grants
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import Scope
from connector.earnings.intake import take_in
from connector.earnings.ledger import queries as ledger
from connector.errors import PlatformDown
from connector.events import Buyer, FulfilledLine, Fulfilment, Line, OrderSeen, OrderSnapshot
from connector.operations.sampling import following, placing
from connector.platforms import roster
from connector.platforms.contract import Client, Grant, PlacedSample, Platform, SampleOrder
from connector.programme.content import anchors, attach
from connector.programme.samples import offers, queries
from connector.programme.samples.tables import Sample
from tests.attribution import world as attribution
from tests.attribution.world import DAY, OPENED

NOW = OPENED + 40 * DAY
ALL = Scope.system("test")
HOME = {"name": "Mira Okafor", "address1": "Lindenweg 4", "city": "Köln", "country": "DE", "postal_code": "50667"}


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Store:
    """Takes an order once a reference, as far as anybody knows: it counts what it was asked to place."""

    orders: dict[str, PlacedSample] = field(default_factory=dict)
    asked: list[SampleOrder] = field(default_factory=list)
    finds: list[str] = field(default_factory=list)
    away: Exception | None = None  # what every call ends in
    refuses: Exception | None = None  # what `place` ends in, before anything is placed
    loses: BaseException | None = None  # what `place` ends in once it has placed
    on_its_way: bool = False

    def may_place(self, scopes: Sequence[str]) -> bool:
        return "write_samples" in scopes

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        self.finds.append(reference)
        if self.away is not None:
            raise self.away
        return self.orders.get(reference)

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        self.asked.append(asked)
        if self.refuses is not None:
            raise self.refuses
        made = PlacedSample(f"9{len(self.asked):03d}", f"#S{len(self.asked)}")
        self.orders[asked.reference] = made
        if self.loses is not None:
            raise self.loses
        return made

    def cancel(self, client: Client, order_ref: str) -> bool:
        if self.away is not None:
            raise self.away
        return not self.on_its_way


def put_on_roster(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    none = SimpleNamespace()
    plain = Platform(
        "plain", "Plain", frozenset({"cart_links", "sample_orders"}), attribution._Settings,
        authorize=none, catalog=none, orders=none, webhooks=none, checkout=attribution._Checkout(), samples=store,
    )  # type: ignore[arg-type]  # fmt: skip
    monkeypatch.setattr(roster, "platforms", lambda: {"plain": plain})
    roster.settings_of.cache_clear()
    client = Client("one.plain.example", "EUR", Grant("t"), None, None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(grants, "client_for", lambda shop_id, http=None, refused=None: client)


class World(attribution.World):
    """`now` is both clocks. The shop gives free and refundable samples of everything; x and y are creators."""

    store: Store
    now: datetime
    monkeypatch: pytest.MonkeyPatch

    def open(self, monkeypatch: pytest.MonkeyPatch) -> World:
        self.now = NOW
        self.monkeypatch = monkeypatch
        self.use(Store())
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(clock, "wall", lambda: self.now)
        self.begin()
        with self.database.write(ALL) as session:
            session.add(
                GrantRow(shop_id=self.shop_id, access_sealed="", scopes="read_orders write_samples", renewed_at=NOW,
                         generation=1)
            )  # fmt: skip
            offers.add(session, self.shop_id, "free", by="test")
            offers.add(session, self.shop_id, "refundable", by="test")
        return self

    def do(self, act: Any, *args: Any, **named: Any) -> Sample:
        with self.database.write(ALL) as session:
            made: Sample = act(session, *args, **{"by": "test", "now": self.now} | named)
            return made

    def sample(self, sample_id: str) -> Sample:
        with self.database.read(ALL) as session:
            return queries.one(session, sample_id)

    def place(self, sample_id: str) -> str:
        return placing.go_on(self.shop_id, sample_id)

    def follow(self, after: timedelta = timedelta(0)) -> int:
        self.now += after
        return following.follow_due(self.now)

    def snapshot(self, ref: str, *, at: datetime | None = None, **changes: Any) -> OrderSnapshot:
        """An order of one A, in another version than before whenever it is made anew."""
        line = Line("1", 1, 1, changes.pop("price", 2000), product_ref="A", variant_ref="A1")
        return OrderSnapshot(**{
            "order_ref": ref, "number": f"#{ref}", "created_at": at or self.now, "changed_at": self.now,
            "currency": "EUR", "payment_status": "paid", "paid_at": at or self.now, "taxes_included": True,
            "lines": (line,),
        } | changes)  # fmt: skip

    def heard(self, snapshot: OrderSnapshot, customer: str | None = None) -> None:
        with self.database.write(Scope.shop(self.shop_id)) as session:
            shop = session.get_one(Shop, self.shop_id)
            take_in.take_in(
                session, shop, OrderSeen(snapshot, Buyer(customer)), triggered_at=snapshot.changed_at,
                source="read:test", as_of=self.now,
            )  # fmt: skip

    def video(self, handle: str, ref: str = "v1", kind: str = "video") -> str:
        """Content of a creator with A in it, from now on."""
        with self.database.write(ALL) as session:
            content = attach.ensure(session, self.creators[handle], "app", ref, kind, now=self.now)
            wanted = [anchors.Wanted(self.listing_id("A"))]
            anchors.put(session, content, wanted, by="test", now=self.now)
            return content.id

    def use(self, store: Store) -> None:
        """From now on the shop's store is this one."""
        self.store = store
        put_on_roster(self.monkeypatch, store)

    def listing_id(self, product_ref: str) -> str:
        return listing_id(self.shop_id, product_ref)

    def balances(self, handle: str) -> dict[str, int]:
        with self.database.read(ALL) as session:
            found = ledger.balances(session, creator_id=self.creators[handle])
            return {each.currency: each.cleared for each in found}


def fulfilment(at: datetime, delivered_at: datetime | None = None) -> Fulfilment:
    return Fulfilment("f1", at, delivered_at, (FulfilledLine("1", 1),))


DOWN = PlatformDown("the answer was lost")
