"""A store from its install to a creator's balance: callback, sync, cart, thin deliveries in two layers, uninstall."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db, outbound
from connector.checkout import cart
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import touches
from connector.earnings.ledger import queries as ledger
from connector.platforms import roster
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.sync import first, runs
from connector.web import pace
from connector.webhooks import drain, subscribe, wanted
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import app_settings
from tests.conftest import wired
from tests.platforms.bigcommerce.case import sign
from tests.platforms.bigcommerce.kit import (
    DOMAIN,
    SECRET,
    BigCommerce,
    candle,
    item,
    refunded,
    reply,
    sample,
    settings,
    sold,
)
from tests.platforms.bigcommerce.test_authorize import made

SYSTEM = Scope.system("tests")
PUBLIC = "https://connector.example"


class World:
    """The store, our web process and a worker's turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = BigCommerce()
        self.settings = app_settings()
        monkeypatch.setattr(outbound, "_current", self.store)
        monkeypatch.setattr(roster, "settings_of", lambda _slug: settings())
        pace._rates.storage.reset()
        self.web = wired(self.settings).test_client()
        self.number = 0
        self.at = int(clock.wall().timestamp())

    def join(self) -> Shop:
        answer = self.web.get("/oauth/bigcommerce/callback", query_string=sample("auth_callback_query"))
        assert answer.status_code == 200, answer.text
        with db.read(SYSTEM) as session:
            shop = shops.find(session, "bigcommerce", DOMAIN)
            assert shop is not None
            session.expunge(shop)
            return shop

    def hear(
        self, scope: str, data: dict[str, Any], *, secret: str = SECRET, other: bytes = b"", again: bool = False
    ) -> int:
        """A delivery of the store's, as the subscription says it; `again`: the one before, once more."""
        self.number += not again
        body = json.dumps({
            "scope": scope, "store_id": "1009001", "data": data, "hash": f"{self.number:040x}",
            "created_at": self.at, "producer": "stores/demo1hash",
        }).encode()  # fmt: skip
        hook = next(each for each in self.store.hooks.values() if each["scope"] == scope)
        signed = sign(scope, body, secret, f"msg_{self.number}")
        headers = {name.lower(): value for name, value in signed.items()} | hook["headers"]
        answer = self.web.post(hook["destination"].removeprefix(PUBLIC), data=other or body, headers=headers)
        return int(answer.status_code)

    def work(self, shop_id: str) -> None:
        drain.drain_once("tests", self.settings)
        wanted.read_wanted(shop_id)

    def owed(self, shop_id: str) -> int:
        with db.read(SYSTEM) as session:
            return sum(balance.owed for balance in ledger.balances(session, shop_id=shop_id))


def test_from_the_install_to_the_balance(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    store = world.store
    candle(store)
    shop = world.join()
    assert (shop.status, shop.currency, shop.shop_ref, shop.joined_by) == ("connected", "USD", "demo1hash", "platform")
    assert world.join().id == shop.id, "an app accepted anew is the same shop"
    with db.write(SYSTEM) as session:
        run = runs.start(session, shop.id, "command")
    assert first.first(run.id) == "done"
    assert len(subscribe.ensure(shop.id, public_url=PUBLIC)) == len(store.hooks)

    at = clock.now() - timedelta(minutes=5)
    with db.write(SYSTEM) as session:
        listing = session.scalars(sa.select(Listing)).one()
        assert (listing.product_ref, listing.status) == ("188", "shoppable")
        terms.open_terms(session, shop.id, 1000, starts_at=at, by="tests", now=at)
        creator = register.register(session, "maya", "Maya", 5000, at)
        tapped = touches.Tapped(shop.id, creator.id, listing.id, "188")
        touch = touches.record(session, tapped, kind="link", journey=None, at=at, now=at)
        way = cart.opening(session, session.get_one(Shop, shop.id), touch)
    opened = cart.open_cart(way)
    assert opened.way == "storefront_cart"
    ((made_cart, fields),) = store.metafields.items()
    assert (made_cart in opened.url, fields[0]["value"]) == (True, touch.token)

    now = format_datetime(clock.now())
    sold(store, cart_id=made_cart, status_id=0, date_created=now, date_modified=now)
    assert world.hear("store/order/created", {"type": "order", "id": 250}) == 200
    world.work(shop.id)
    assert world.owed(shop.id) == 0, "the buyer reached payment and didn't pay"
    store.orders[250] |= {"status_id": 11, "date_modified": format_datetime(clock.now() + timedelta(seconds=1))}
    assert world.hear("store/cart/converted", {"type": "cart", "id": made_cart, "orderId": 250}) == 200
    assert world.hear("store/order/updated", {"type": "order", "id": 250}) == 200
    world.work(shop.id)
    assert world.owed(shop.id) == 720

    for number, (units, left) in enumerate(((1, 360), (2, 0)), start=3):
        later = clock.now() + timedelta(seconds=number)
        refunded(store, number, item("PRODUCT", 116, 39.2, 1), total=39.2, tax=3.2, created=later.isoformat())
        store.lines[250][0]["quantity_refunded"] = units
        store.orders[250] |= {"status_id": 14 if left else 4, "date_modified": format_datetime(later)}
        refund = {"type": "order", "id": 250, "refund": {"refund_id": number}}
        for again in (False, True):
            assert world.hear("store/order/refund/created", refund, again=again) == 200
            world.work(shop.id)
            assert world.owed(shop.id) == left

    assert world.hear("store/order/updated", {"type": "order", "id": 250}, secret="another") == 401
    assert world.hear("store/order/updated", {"type": "order", "id": 250}, other=b"{}") == 401
    with db.read(SYSTEM) as session:
        kept = session.scalars(sa.select(DeliveryRow).where(DeliveryRow.shop_id == shop.id)).all()
        assert [(row.status, row.repeats) for row in kept[-2:]] == [("done", 1)] * 2, "what comes again is kept once"
        shared = next(iter(store.hooks.values()))["headers"]["x-connector-secret"]
        assert not any(shared in str(row.headers) for row in kept)

    early = made({"iat": int(shop.installed_at.timestamp()) - 60, "exp": int(clock.wall().timestamp()) + 9, "nbf": 1})
    assert world.web.get("/oauth/bigcommerce/farewell", query_string={"signed_payload_jwt": early}).status_code == 200
    assert world.join().status == "connected", "a farewell from before the last install is a late one"
    wall = int(clock.wall().timestamp()) + 1
    late = made({"iat": wall, "exp": wall + 9, "nbf": 1})
    for opens in (True, False):  # a load link of the same day is signed alike, so the store is asked
        store.answers = [None] if opens else [reply({}, 401)] * 2
        assert (
            world.web.get("/oauth/bigcommerce/farewell", query_string={"signed_payload_jwt": late}).status_code == 200
        )
        with db.read(SYSTEM) as session:
            assert session.get_one(Shop, shop.id).status == ("connected" if opens else "left")
