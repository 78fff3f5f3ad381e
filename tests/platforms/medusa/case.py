"""Medusa's case for the conformance suite. Bodies: payloads/PROVENANCE.md."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector import clock
from connector.conformance import Case, Read, Vector
from connector.platforms.medusa import PLATFORM
from connector.platforms.medusa.settings import MedusaSettings
from tests.platforms.medusa.kit import DOMAIN, PAYLOADS, SECRET, Shop, answering, make_settings, recorded

HEADER = "x-medusa-signature"


def settings(current: str, previous: str) -> MedusaSettings:
    """The secrets are the shop's, with the delivery: the settings have none."""
    return make_settings()


def signature(secret: str, identity: str, topic: str, stamp: str, body: bytes) -> str:
    """As `plugin/…/lib/outbox.js` makes it."""
    signed = f"{identity}\n{topic}\n{stamp}\n".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def sign(topic: str, body: bytes, secret: str, *, age: int = 0) -> Mapping[str, str]:
    """As a delivery looks now, or looked a while ago."""
    stamp = str(int(clock.wall().timestamp()) - age)
    identity = "0b7f3a52-6d5f-4c8e-9a53-3f1f0c6a2d11"
    return {
        "content-type": "application/json",
        "user-agent": "connector-medusa/1",
        "x-medusa-id": identity,
        "x-medusa-topic": topic,
        "x-medusa-timestamp": stamp,
        HEADER: signature(secret, identity, topic, stamp, body),
    }


BODY = (PAYLOADS / "order_placed.news.json").read_bytes()


class Vectors(Sequence[Vector]):
    """Signed when they are looked at: a signature is good for five minutes, and a run of all tests takes longer."""

    def __len__(self) -> int:
        return len(_vectors())

    def __getitem__(self, index: Any) -> Any:
        return _vectors()[index]

    def __iter__(self) -> Iterator[Vector]:
        return iter(_vectors())


def _vectors() -> list[Vector]:
    right = sign("order.placed", BODY, SECRET)
    return [
        Vector("of now", right, BODY, accepted=True),
        Vector("of two minutes ago", sign("order.placed", BODY, SECRET, age=120), BODY, accepted=True),
        Vector("of an hour ago", sign("order.placed", BODY, SECRET, age=3600), BODY, accepted=False),
        Vector("of an hour ahead", sign("order.placed", BODY, SECRET, age=-3600), BODY, accepted=False),
        Vector("with another id", {**right, "x-medusa-id": "another"}, BODY, accepted=False),
        Vector("with another topic", {**right, "x-medusa-topic": "order.canceled"}, BODY, accepted=False),
        Vector("with another time",
               {**right, "x-medusa-timestamp": str(int(right["x-medusa-timestamp"]) + 1)}, BODY, accepted=False),
        Vector("without a time", {**right, "x-medusa-timestamp": ""}, BODY, accepted=False),
        Vector("without its scheme", {**right, HEADER: right[HEADER].removeprefix("sha256=")}, BODY, accepted=False),
        Vector("over the body alone",
               {**right, HEADER: "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()}, BODY, False),
    ]  # fmt: skip


def ref_of(name: str) -> str:
    return str(recorded(name)["orders"][0]["id"])


def event_of(topic: str) -> str:
    return topic.replace("inventory.inventory-level", "inventory_level").replace(".", "_").replace("-", "_")


STORIES = ("order.story", "order.story_returned", "order.goodwill", "order.tax_included", "order.exchanged")
CASE = Case(
    platform=PLATFORM,
    folder=PAYLOADS,
    topics={event_of(topic): topic for topic in PLATFORM.webhooks.topics},
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=SECRET,
    settings=settings,
    vectors=Vectors(),
    reads=[Read("order_placed.news.json", ref_of(name), lambda name=name: answering(name)) for name in STORIES],
    hosts={
        "API.Candles.Example": DOMAIN,
        f"https://{DOMAIN}": DOMAIN,
        f"HTTPS://{DOMAIN}/": DOMAIN,
        f"https://{DOMAIN}:443": DOMAIN,
        f"{DOMAIN}:9000": f"{DOMAIN}:9000",
        f"https://{DOMAIN}/medusa/": f"{DOMAIN}/medusa",
        "shop.xn--caf-dma.example": "shop.xn--caf-dma.example",
    },
    not_hosts=[
        "candles", "candles.1", "10.0.0.1", "candles.example:0", "candles.example:65536", "candles.example:",
        "ftp://candles.example", "https://", "https:///candles", "candles.example//x", "candles.example/./x",
        "candles.example/%2e%2e/", "caf\u00e9.example", "candles.example/a b", "http://https://candles.example",
        "127.0.0.1:9000", "localhost:9000", "http://candles.example", "candles.example?x=1", "candles.example#x",
    ],
    path="/webhooks/medusa/k3y",
    any_host=True,
    stand_in=Shop,
    no_order="order_999999",
    personal=["@example.test", "cus_"],
)  # fmt: skip
