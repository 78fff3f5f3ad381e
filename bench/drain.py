"""Orders with three lines from the inbox to the ledger, a second, and where the time goes.

    python -m bench.drain [--database sqlite|postgresql|both] [--orders 1000]

Every order is new, carries a touch token on its cart, and ends in six postings or more: all eight stops are passed. The
limit beside it, in the same run: the same kept bodies opened and parsed with orjson, and nothing else done.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from cryptography.fernet import Fernet

from bench.acceptance import SECRET, SHOP, database_of
from connector import db, vault
from connector.commerce.catalog import take as catalog
from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders import record
from connector.commerce.shops import connect
from connector.config import Settings
from connector.db import Database, Scope
from connector.earnings.attribution import credit, links, touches
from connector.earnings.commission import accrual, clearance
from connector.earnings.ledger import journal
from connector.earnings.ledger.tables import Entry, Posting
from connector.events import Product, ShopProfile, Variant
from connector.jobs import prepare
from connector.migrations.run import migrate
from connector.platforms import roster
from connector.platforms.contract import Delivery, Envelope, Grant
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.settings import ShopifySettings
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.webhooks import drain, inbox, translate
from connector.webhooks.tables import DeliveryRow

PLACED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stop, each without those of the stops inside it."""

    seconds: dict[str, float] = field(default_factory=dict)
    inner: list[float] = field(default_factory=list)

    def watch(self, place: Any, name: str, stop: str) -> None:
        real: Callable[..., Any] = getattr(place, name)

        def timed(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            self.inner.append(0.0)
            try:
                return real(*args, **named)
            finally:
                whole = time.perf_counter() - began
                self.seconds[stop] = self.seconds.get(stop, 0.0) + whole - self.inner.pop()
                if self.inner:
                    self.inner[-1] += whole

        setattr(place, name, timed)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--orders", type=int, default=1000)
    chosen = options.parse_args()
    databases = ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]
    watch = Stopwatch()
    _watch_the_stops(watch)
    print("| database | orders /s | read and parse only /s | ratio | share of time by stop |")
    print("|---|---:|---:|---:|---|")
    for database in databases:
        watch.seconds.clear()
        with database_of(database, "drain", _prepare) as url:
            print(_measure(database, url, chosen.orders, watch), flush=True)


def _watch_the_stops(watch: Stopwatch) -> None:
    watch.watch(translate, "read", "4 translate")
    watch.watch(record, "apply", "5 orders.record")
    watch.watch(credit, "credit_lines", "6 credit")
    watch.watch(accrual, "accrue", "7 accrue")
    watch.watch(clearance, "follow", "7 clearance")
    watch.watch(journal, "post_all", "8 journal.post")
    watch.watch(drain, "_mark", "mark done")
    watch.watch(drain, "_commit", "savepoints, flushes, commit")
    watch.watch(drain, "_next", "claim and read rows")


def _measure(name: str, url: str, orders: int, watch: Stopwatch) -> str:
    database = db.use(Database(url))
    settings = _settings(url)
    shopify: dict[str, Any] = {"client_id": "id", "client_secret": SECRET, "_env_file": None}
    roster.settings_of = lambda _slug: ShopifySettings(**shopify)  # type: ignore[assignment]
    token = _world()
    _fill(token, orders)
    limit = _parse_only()
    began = time.perf_counter()
    handled = 0
    while done := drain.drain_once("bench", settings):
        handled += done
    seconds = time.perf_counter() - began
    _check(orders, handled)
    database.close()
    spent = sum(watch.seconds.values())
    shares = ", ".join(f"{stop} {100 * part / spent:.0f} %" for stop, part in sorted(watch.seconds.items()))
    return f"| {name} | {handled / seconds:.0f} | {limit:.0f} | {handled / seconds / limit:.3f} | {shares} |"


def _prepare(url: str) -> None:
    database = Database(url)
    migrate(database)
    prepare(database)
    database.close()


def _settings(url: str) -> Settings:
    values: dict[str, Any] = {
        "env": "dev", "public_url": "http://127.0.0.1:8080", "sealing_keys": "k", "hash_key": "h" * 32,
        "session_key": "s" * 32, "database_url": url, "_env_file": None,
    }  # fmt: skip
    return Settings(**values)


def _world() -> str:
    """A shop with a product that a creator shows; the token of a click on it."""
    vault.use(vault.Vault([Fernet.generate_key().decode()], "k" * 40))
    early, clicked = PLACED - timedelta(days=8), PLACED - timedelta(hours=1)
    with db.write(Scope.system("bench")) as session:
        profile = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="USD", time_zone="UTC")
        shop = connect.connect(session, "shopify", profile, Grant("none"), early)
        catalog.apply_products(session, shop, [Product("7", "Mug", "active", "USD", (Variant("8", 1999),))])
        creator = register.register(session, "ann", "Ann", 5000, early)
        terms.open_terms(session, shop.id, 1500, by="bench", starts_at=early, now=early)
        link = links.create(session, creator.id, listing_id(shop.id, "7"), now=early)
        return touches.record(session, touches.on_link(link), kind="link", at=clicked, now=clicked).token


def _fill(token: str, orders: int) -> None:
    for number in range(1, orders + 1):
        body = _order(number, token)
        envelope = Envelope(SHOP, "orders/create", f"d{number}", f"e{number}", PLACED, "2026-10")
        inbox.record(PLATFORM, envelope, Delivery({}, body))


def _order(number: int, token: str) -> bytes:
    lines = [
        {
            "id": number * 10 + k, "quantity": 1, "current_quantity": 1, "price": "19.99", "title": "Mug", "sku": "M",
            "product_id": 7, "variant_id": 8, "gift_card": False, "requires_shipping": True, "properties": [],
            "tax_lines": [{"price": "1.60", "rate": 0.08, "title": "Tax"}], "discount_allocations": [],
            "total_discount": "0.00",
        }
        for k in range(3)
    ]  # fmt: skip
    return orjson.dumps(
        {
            "id": number, "name": f"#{number}", "currency": "USD", "created_at": "2026-11-20T12:00:00Z",
            "updated_at": "2026-11-20T12:00:01Z", "processed_at": "2026-11-20T12:00:00Z", "financial_status": "paid",
            "test": False, "taxes_included": False, "line_items": lines, "refunds": [], "fulfillments": [],
            "note_attributes": [{"name": "connector_touch", "value": token}], "shipping_lines": [], "tags": "",
            "discount_codes": [], "discount_applications": [], "total_discounts": "0.00", "total_price": "64.77",
            "cancelled_at": None, "customer": {"id": number}, "landing_site": None, "source_name": "web",
            "note": "x" * 5000,
        }
    )  # fmt: skip


def _parse_only() -> float:
    """Rows of the inbox read, opened and parsed, a second: what no drain can beat."""
    with db.read(Scope.system("bench")) as session:
        began = time.perf_counter()
        rows = session.scalars(sa.select(DeliveryRow)).all()
        for row in rows:
            orjson.loads(inbox.body_of(row) or b"")
        return len(rows) / (time.perf_counter() - began)


def _check(orders: int, handled: int) -> None:
    """What was measured must have happened. Errors: RuntimeError."""
    with db.read(Scope.system("bench")) as session:
        done = session.scalar(sa.select(sa.func.count()).where(DeliveryRow.status == "done"))
        entries = session.scalar(sa.select(sa.func.count()).select_from(Entry))
        total = session.scalar(sa.select(sa.func.sum(Posting.amount)))
    if (done, handled, entries, total) != (orders, orders, 3 * orders, 0):
        raise RuntimeError(f"{orders} orders: {done} done, {handled} handled, {entries} entries, sum {total}")


if __name__ == "__main__":
    main()
