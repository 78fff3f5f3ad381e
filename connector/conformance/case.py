"""What a platform's tests hand to the suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.conformance.stand_in import StandIn
from connector.platforms.contract import Delivery, Envelope, Http, Platform

ORIGIN = "https://connector.example"  # where the platform under test is told that we are


class Nonconformity(AssertionError):
    """A platform doesn't do what the product relies on; the message says with which input."""


def expect(holds: bool, what: str) -> None:
    """Errors: Nonconformity. (A plain `assert` would vanish under `python -O`.)"""
    if not holds:
        raise Nonconformity(what)


@dataclass(frozen=True)
class Vector:
    """A delivery, and whether its signature is right. Headers in lower case."""

    name: str
    headers: Mapping[str, str]
    body: bytes
    accepted: bool


@dataclass(frozen=True)
class Read:
    """A recorded body and the recorded answers of the API to reading that very version of that order."""

    payload: str  # file name
    order_ref: str
    http: Callable[[], Http]  # a fresh way out that gives the answers


@dataclass(frozen=True)
class Case:
    """One platform under test.

    `folder` holds `<event>.<variant>.json` bodies, exactly as received, and `expected.json`: file name → the events as
    JSON. `topics` maps the `<event>` of a file's name to the platform's own word.
    """

    platform: Platform
    folder: Path
    topics: Mapping[str, str]
    domain: str
    currency: str
    sign: Callable[[str, bytes, str], Mapping[str, str]]  # (topic, body, secret) → headers of a delivery
    signature_header: str
    secret: str
    settings: Callable[[str, str], Any]  # (current secret, previous secret) → the platform's settings
    vectors: Sequence[Vector] = ()
    reads: Sequence[Read] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)  # what a merchant may type → the canonical host
    not_hosts: Sequence[str] = ()  # beside the disguises that the suite makes of `domain` itself
    bought: Callable[[str], tuple[Envelope, bytes]] | None = None  # a followed cart link → the order's delivery
    # (host, now, secret) → a session token of a person of that shop, where the platform shows us in a frame
    session_token: Callable[[str, datetime, str], str] | None = None
    stand_in: Callable[[str], StandIn] | None = None  # currency → an empty store that sells in it
    currencies: Sequence[str] = ("USD", "JPY", "KWD")  # that the stand-in can have: of two, no and three decimals
    no_order: str = "999999999"  # a ref that the platform's orders may have, and none has
    path: str = ""  # of our address, where it is longer than `/webhooks/<slug>`
    tails: Mapping[str, str] = field(default_factory=dict)  # topic → what its address has behind `path`
    any_host: bool = False  # a store is at an address of its own: any public host, with a port and a folder
    personal: Sequence[str] = ()  # words of people in the payloads, which no snapshot may hold

    def payloads(self) -> dict[str, tuple[str, bytes]]:
        """File name → (topic, body), sorted by name. Errors: Nonconformity for a file whose event has no topic."""
        found: dict[str, tuple[str, bytes]] = {}
        for path in sorted(self.folder.glob("*.*.json")):
            event = path.name.split(".", 1)[0]
            expect(event in self.topics, f"{path.name}: no topic is known for the event {event!r}")
            found[path.name] = (self.topics[event], path.read_bytes())
        expect(bool(found), f"there is no recorded payload in {self.folder}")
        return found

    def expected(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())
        return found

    def envelope(self, topic: str) -> Envelope:
        return Envelope(domain=self.domain, topic=topic)

    def delivery(self, topic: str, body: bytes, secret: str | None = None) -> Delivery:
        headers = {name.lower(): value for name, value in self.sign(topic, body, secret or self.secret).items()}
        return self.received(headers, body, topic)

    def received(self, headers: Mapping[str, str], body: bytes, topic: str = "") -> Delivery:
        """A delivery to our address, as the web process would make it of a request."""
        path = (self.path or f"/webhooks/{self.platform.slug}") + self.tails.get(topic, "")
        return Delivery(headers, body, path, f"{ORIGIN}{path}")

    def verify(self, delivery: Delivery, secret: str, previous: str = "") -> Envelope:
        """With exactly these live secrets, wherever this platform keeps them. Errors: SignatureRejected."""
        settings = self.settings(secret, previous)
        if self.platform.can("shop_secrets"):
            live = tuple(each for each in (secret, previous) if each)
            delivery = replace(delivery, domain=self.domain, secrets=live)
        return self.platform.webhooks.verify(delivery, settings)
