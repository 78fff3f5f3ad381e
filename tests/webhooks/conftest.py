"""What the inbox's tests share: a connected shop, signed deliveries through the whole application, a drain."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.shops import connect
from connector.config import Settings
from connector.db import Database, Scope
from connector.events import ShopProfile
from connector.platforms import roster
from connector.platforms.contract import Grant
from connector.platforms.shopify.settings import ShopifySettings
from connector.webhooks import drain
from connector.webhooks.tables import DeliveryRow
from tests.conftest import KEY, wired

SECRET, DOMAIN = "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", "sample-shop.myshopify.com"
PAYLOADS = Path(__file__).parents[1] / "platforms" / "shopify" / "payloads"
TRIGGERED = "2026-11-20T12:00:00.123456Z"


def sample(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def order(ref: int, **changed: Any) -> bytes:
    """The recorded order under another id, with fields changed."""
    body = json.loads(sample("orders_create.with_code"))
    return json.dumps({**body, "id": ref, "name": f"#{ref}", **changed}).encode()


@pytest.fixture
def settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shopify = ShopifySettings(client_id="id", client_secret=SECRET, _env_file=None)
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    return Settings(
        env="dev", public_url="http://127.0.0.1:8080", sealing_keys=KEY, hash_key="h" * 32,
        session_key="s" * 32, body_limit=100_000, database_url=str(database.url), _env_file=None,
    )  # fmt: skip


@pytest.fixture
def shop_id(database: Database) -> str:
    return join(DOMAIN)


def join(domain: str, now: datetime | None = None) -> str:
    shop_ref = "1" if domain == DOMAIN else domain
    profile = ShopProfile(shop_ref=shop_ref, domain=domain, name="Sample", currency="USD", time_zone="UTC")
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(
            session, "shopify", profile, Grant("access", "refresh"), now or moment(TRIGGERED, -86400)
        )
        return shop.id


def moment(text: str, seconds: int = 0) -> datetime:
    return clock.parse(text) + timedelta(seconds=seconds)


@dataclass
class Store:
    """A store that posts deliveries, rightly signed unless told otherwise."""

    client: Any
    number: int = 0

    def post(
        self, topic: str, body: bytes, *, ref: str | None = "", event: str = "act", triggered: str = TRIGGERED,
        domain: str = DOMAIN, signature: str | None = None, secret: str = SECRET, **more: Any,
    ) -> Any:  # fmt: skip
        self.number += 1
        tag = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        headers = {
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": domain,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Event-Id": event,
            "X-Shopify-Triggered-At": triggered,
            "X-Shopify-Hmac-Sha256": tag if signature is None else signature,
            "Cookie": "secret=1",
            "Content-Type": "application/json",
        }
        if ref is not None:
            headers["X-Shopify-Webhook-Id"] = ref or f"delivery-{self.number}"
        if signature == "":
            del headers["X-Shopify-Hmac-Sha256"]
        return self.client.post("/webhooks/shopify", data=body, headers=headers, **more)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(wired(settings).test_client())


def rows(*order_by: Any) -> list[DeliveryRow]:
    with db.read(Scope.system("test")) as session:
        found = list(session.scalars(sa.select(DeliveryRow).order_by(DeliveryRow.id)))
        session.expunge_all()
        return found


def one() -> DeliveryRow:
    (row,) = rows()
    return row


@pytest.fixture
def run_drain(settings: Settings) -> Callable[[], int]:
    def run() -> int:
        """Until nothing is left to do."""
        total = 0
        while handled := drain.drain_once("test", settings):
            total += handled
        return total

    return run


@pytest.fixture
def sooner(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Wall time moves on."""
    ahead = [timedelta(0)]
    real = clock.wall
    monkeypatch.setattr(clock, "wall", lambda: real() + ahead[0])

    def move(by: timedelta) -> None:
        ahead[0] += by

    return move
