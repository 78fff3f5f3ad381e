"""kill -9 of a worker at points of the drain: what is left goes on by itself, and ends as if nothing had happened.

One shop a point: all shops get the same history, each shop's worker is killed at another point, one shop is left alone.
Afterwards one worker (SQLite) or two (PostgreSQL) find the work. Every shop must end with the counts and balances of
the one that was left alone, within 30 seconds of the last kill.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.catalog import take as catalog
from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders.tables import LooseFact, Order, OrderVersion
from connector.commerce.shops import connect
from connector.config import Settings
from connector.db import Database, Scope
from connector.earnings.attribution import links, touches
from connector.earnings.commission import accrual
from connector.earnings.ledger.tables import Entry, Posting
from connector.events import Product, ShopProfile, Variant
from connector.platforms import roster
from connector.platforms.contract import Delivery, Grant
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.settings import ShopifySettings
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.webhooks import claim, drain, effect, inbox, translate
from connector.webhooks.tables import DeliveryRow, WantedRead
from tests.kills.dying import die, run, start, wait

pytestmark = [pytest.mark.kill, pytest.mark.timeout(180)]
SECRET = "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"
PLACED = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
# where, before or after its n-th call
POINTS: dict[str, tuple[Any, str, str, int]] = {
    "the shop is claimed, nothing is read": (claim, "take", "after", 1),
    "in the middle of translating a batch": (translate, "read", "before", 4),
    "the first effects are written, not committed": (effect, "apply", "after", 3),
    "between a booking and the end of its delivery": (accrual, "accrue", "after", 4),
    "a batch is marked done, not committed": (drain, "_mark", "after", 1),
    "a batch is committed, the next not begun": (drain, "_commit", "after", 1),
    "all is done, the claim is not given back": (claim.Claim, "release", "before", 1),
}


@pytest.fixture
def settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shopify = ShopifySettings(client_id="id", client_secret=SECRET, _env_file=None)
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    return Settings(
        env="dev", public_url="http://127.0.0.1:8080", sealing_keys="k", hash_key="h" * 32, session_key="s" * 32,
        drain_batch=6, _env_file=None,
    )  # fmt: skip


def test_what_a_killed_worker_left_goes_on_as_if_nothing_had_happened(database: Database, settings: Settings) -> None:
    url = database.url.render_as_string(hide_password=False)
    shops = {point: make_shop(f"shop-{number}.myshopify.com") for number, point in enumerate(["undisturbed", *POINTS])}
    database.engine.dispose()  # nothing of this process's connections goes into the children
    assert run(lambda: work(url, settings, [shops["undisturbed"]])) == 0
    expected = facts(shops["undisturbed"])
    assert expected["accounts"], "the history must move money, or this test shows nothing"
    assert expected["statuses"] == [
        ("done", "", 1, 20),
        ("done", "parked_orphan", 1, 1),
        ("parked", "unreadable", 1, 1),
    ]
    for point, where in POINTS.items():
        database.engine.dispose()
        killed = run(lambda where=where, shop=shops[point]: work(url, settings, [shop], kill=where))  # type: ignore[misc]
        assert killed == -signal.SIGKILL, f"{point}: the worker was not killed there"
    began = time.monotonic()
    database.engine.dispose()
    survivors = 1 if database.is_sqlite else 2
    started = [start(lambda: work(url, settings, None)) for _ in range(survivors)]
    assert [wait(child) for child in started] == [0] * survivors
    assert time.monotonic() - began < 30
    for point, shop_id in shops.items():
        assert facts(shop_id) == expected, point


# --- one shop's history -----------------------------------------------------------------------------------------------


def make_shop(domain: str) -> str:
    """A connected shop with a product that a creator shows, and a history of deliveries in its inbox."""
    handle = "ann_" + domain.split(".")[0].replace("-", "_")
    with db.write(Scope.system("test")) as session:
        profile = ShopProfile(shop_ref="1", domain=domain, name=domain, currency="USD", time_zone="UTC")
        shop = connect.connect(session, "shopify", profile, Grant("a"), PLACED - timedelta(days=9))
        product = Product("11", "Mug", "active", "USD", (Variant("12", 2000),))
        catalog.apply_products(session, shop, [product])
        creator = register.register(session, handle, "Ann", 5000, PLACED - timedelta(days=9))
        early = PLACED - timedelta(days=8)
        terms.open_terms(session, shop.id, 1500, by="test", starts_at=early, now=early)
        link = links.create(session, creator.id, listing_id(shop.id, "11"), now=early)
        clicked = PLACED - timedelta(hours=1)
        touch = touches.record(session, touches.on_link(link), kind="link", at=clicked, now=clicked)
        shop_id, token = shop.id, touch.token
    for topic, body in history(token, 1000 * int(domain.split(".")[0].split("-")[1])):
        tag = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        headers = {
            "x-shopify-topic": topic, "x-shopify-shop-domain": domain, "x-shopify-hmac-sha256": tag,
            "x-shopify-webhook-id": hashlib.sha256(topic.encode() + body).hexdigest(),
            "x-shopify-triggered-at": "2026-11-20T12:00:05Z",
        }  # fmt: skip
        delivery = Delivery(headers, body)
        envelope = PLATFORM.webhooks.verify(delivery, roster.settings_of("shopify"))
        inbox.record(PLATFORM, envelope, delivery)
    return shop_id


def history(token: str, base: int) -> list[tuple[str, bytes]]:
    """Seven orders, each created and paid, some refunded; a refund without its order; a body that can't be read.

    Their ids follow `base`: no two shops of a platform have one in common.
    """
    found = []
    for number in range(base + 1, base + 8):
        body = order(number, token)
        refunded = order(number, token, "2026-11-20T13:00:00Z", refunds=[refund(number)])
        found += [("orders/create", body), ("orders/paid", body)]
        found.append(
            ("orders/updated", refunded if (number - base) % 2 else order(number, token, "2026-11-20T13:00:00Z"))
        )
    found.insert(9, ("orders/updated", b'{"id": 9, "line_items": ['))
    found.insert(2, ("refunds/create", json.dumps({**refund(base + 77), "order_id": base + 77}).encode()))
    return found[:22]


def order(number: int, token: str, changed: str = "2026-11-20T12:00:01Z", **more: Any) -> bytes:
    lines = [
        {
            "id": number * 10 + k, "quantity": 2, "current_quantity": 2, "price": "20.00", "title": "Mug",
            "product_id": 11, "variant_id": 12, "gift_card": False, "requires_shipping": True, "properties": [],
            "tax_lines": [], "discount_allocations": [], "sku": "", "total_discount": "0.00",
        }
        for k in range(3)
    ]  # fmt: skip
    body = {
        "id": number, "name": f"#{number}", "currency": "USD", "created_at": "2026-11-20T12:00:00Z",
        "updated_at": changed, "processed_at": "2026-11-20T12:00:00Z", "financial_status": "paid", "test": False,
        "taxes_included": False, "line_items": lines, "refunds": [], "fulfillments": [], "shipping_lines": [],
        "note_attributes": [{"name": "connector_touch", "value": token}], "discount_codes": [],
        "discount_applications": [], "total_discounts": "0.00", "total_price": "120.00", "cancelled_at": None,
        "customer": None, "landing_site": None, "source_name": "web", "tags": "",
    }  # fmt: skip
    return json.dumps({**body, **more}).encode()


def refund(number: int) -> dict[str, Any]:
    return {
        "id": number * 100, "order_id": number, "created_at": "2026-11-20T12:59:00Z", "order_adjustments": [],
        "transactions": [], "refund_line_items": [
            {"id": number * 1000, "line_item_id": number * 10, "quantity": 1, "subtotal": 20.00, "total_tax": 0.00}
        ],
    }  # fmt: skip


def facts(shop_id: str) -> dict[str, Any]:
    """Counts and balances of a shop, without ids and times."""

    def count(session: Any, table: Any, *where: Any) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0

    with db.read(Scope.shop(shop_id)) as session:
        orders = sa.select(Order.id).where(Order.shop_id == shop_id)
        return {
            "statuses": sorted(
                tuple(row)
                for row in session.execute(
                    sa.select(DeliveryRow.status, DeliveryRow.reason, DeliveryRow.tries, sa.func.count())
                    .where(DeliveryRow.shop_id == shop_id)
                    .group_by(DeliveryRow.status, DeliveryRow.reason, DeliveryRow.tries)
                )
            ),
            "orders": count(session, Order, Order.shop_id == shop_id),
            "versions": count(session, OrderVersion, OrderVersion.order_id.in_(orders)),
            "facts": count(session, LooseFact, LooseFact.shop_id == shop_id),
            "wishes": count(session, WantedRead, WantedRead.shop_id == shop_id),
            "entries": sorted(
                tuple(row)
                for row in session.execute(
                    sa.select(Entry.kind, sa.func.count()).where(Entry.shop_id == shop_id).group_by(Entry.kind)
                )
            ),
            "accounts": sorted(
                tuple(row)
                for row in session.execute(
                    sa.select(Posting.account, sa.func.count(), sa.func.sum(Posting.amount))
                    .where(Posting.shop_id == shop_id)
                    .group_by(Posting.account)
                )
            ),
        }


# --- workers as children that can be killed ---------------------------------------------------------------------------


def work(url: str, settings: Settings, only: list[str] | None, kill: tuple[Any, str, str, int] | None = None) -> None:
    """Drain until nothing waits; only some shops when `only` is given."""
    db.use(Database(url))
    if only is not None:
        every = drain.shops_with_work
        drain.shops_with_work = lambda: [shop for shop in every() if shop in only]
    if kill is not None:
        die(*kill)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not drain.drain_once("worker", settings) and not any(waiting() if only is None else []):
            return
        time.sleep(0.05)
    raise TimeoutError("there is still work")


def waiting() -> list[str]:
    with db.read(Scope.system("test")) as session:
        return list(session.scalars(sa.select(DeliveryRow.id).where(DeliveryRow.status == "waiting").limit(1)))
