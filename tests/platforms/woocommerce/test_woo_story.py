"""A store from its approval to the ledger: joined, hooked, bought from, given back to; through the application."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connector import clock, db, outbound
from connector.commerce.catalog import read_again
from connector.commerce.catalog.ids import listing_id
from connector.db import Database, Scope
from connector.earnings.attribution import touches
from connector.earnings.ledger import queries as ledger
from connector.oauth import handover
from connector.platforms import roster
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.sync.reconcile import reconcile
from connector.webhooks import drain, subscribe, wanted
from tests.attribution.world import app_settings
from tests.conftest import wired
from tests.platforms.woocommerce.case import sign
from tests.platforms.woocommerce.kit import DOMAIN, KEY, SECRET_KEY, Shop, make_settings

ORIGIN = "http://127.0.0.1:8080"


class World:
    """The application, a store of ours, and a creator who tapped."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.settings = app_settings()
        self.client = wired(self.settings).test_client()
        self.shop_id = ""

    def join(self) -> None:
        """As the merchant does: the store's page, and the keys that its server posts meanwhile."""
        address = handover.begin("woocommerce", f"https://{DOMAIN}/", "browser", ORIGIN)
        state = address.partition("user_id=")[2].partition("&")[0]
        keys = {"key_id": 1, "user_id": state, "consumer_key": KEY, "consumer_secret": SECRET_KEY}
        answer = self.client.post(f"/oauth/woocommerce/handover/{state}", data=json.dumps(keys))
        assert answer.status_code == 200
        self.shop_id = handover.handed("woocommerce", state, json.dumps(keys).encode())  # a second click
        assert len(subscribe.ensure(self.shop_id, self.shop, public_url=ORIGIN)) == 8  # type: ignore[arg-type]

    def tap(self, product_ref: str) -> str:
        read_again.read_part(self.shop_id, [product_ref], self.shop)  # type: ignore[arg-type]
        at = self.shop.now() - timedelta(hours=1)
        opened = at - timedelta(days=1)
        with db.write(Scope.system("test")) as session:
            terms.open_terms(session, self.shop_id, 1000, starts_at=opened, by="t", now=opened)
            creator = register.register(session, "mina", "Mina", 5000, opened)
            tapped = touches.Tapped(self.shop_id, creator.id, listing_id(self.shop_id, product_ref), product_ref)
            return touches.record(session, tapped, kind="link", journey=None, at=at, now=at).token

    def post(self, body: Any, tail: str = "order") -> str:
        """A delivery as the store sends it, signed with what we gave it; what it was answered."""
        hook = next(each for each in self.shop.sent if each.method == "POST" and b'"secret"' in (each.body or b""))
        given = json.loads(hook.body or b"")
        address = given["delivery_url"].rpartition("/")[0].removeprefix(ORIGIN)
        raw = json.dumps(body).replace("/", "\\/").encode()
        answer = self.client.post(f"{address}/{tail}", data=raw, headers=dict(sign("", raw, given["secret"])))
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def settle(self) -> int:
        """What is waiting is done; what the creator is owed then."""
        while drain.drain_once("test", self.settings):
            pass
        wanted.read_wanted(self.shop_id, self.shop)  # type: ignore[arg-type]
        with db.read(Scope.shop(self.shop_id)) as session:
            return sum(balance.owed for balance in ledger.balances(session, shop_id=self.shop_id))


def test_a_store_from_its_approval_to_the_ledger(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    shop._at = clock.now().replace(microsecond=0)
    monkeypatch.setattr(outbound, "current", lambda: shop)
    monkeypatch.setattr(roster, "settings_of", lambda slug: make_settings(env="dev"))
    world = World(shop)
    world.join()
    token = world.tap(product := shop.product("Candle", [4000]))
    ref = shop.order(product, 2, token)
    sold = json.loads(json.dumps(shop.orders[int(ref)]))
    # order.updated comes before order.created, with one body: the second is a repeat.
    assert [world.post(sold), world.post(sold)] == ["kept", "repeat"]
    assert world.settle() == 800

    shop.refund(ref, 1)
    world.post(shop.orders[int(ref)])
    assert world.settle() == 400
    world.post({**sold, "customer_note": "late"})  # from before, heard after
    assert world.settle() == 400

    shop.refund(ref, 1)  # its delivery is lost, and never sent again: the poll has it
    looked = reconcile(world.shop_id, as_of=clock.now(), http=shop)  # type: ignore[arg-type]
    assert (looked.status, looked.fetched, world.settle()) == ("done", 1, 0)

    shop.delete_refund(ref, shop.refunds[int(ref)][-1]["id"])  # nothing is posted, and no time moves
    looked = reconcile(world.shop_id, as_of=clock.now() + timedelta(days=1), http=shop)  # type: ignore[arg-type]
    assert (looked.status, looked.reread, world.settle()) == ("done", 1, 400)

    other = shop.order(product, 1, token)
    world.post(shop.orders[int(other)])
    assert world.settle() == 400 + 400
    shop.orders[int(other)] |= {"status": "trash", "date_modified_gmt": shop._stamp()}
    world.post({"id": int(other)})
    assert world.settle() == 400
