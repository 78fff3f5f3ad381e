"""The demo's hand on the stand-in stores: the control API, and buyers with a browser of their own."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

Doc = dict[str, Any]

# Distinct people have distinct devices: a share link counts the taps of each.
_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{0} like Mac OS X) AppleWebKit/605.1.15 Mobile/22{0:02d}",
    "Mozilla/5.0 (Linux; Android 15; Phone {0}) AppleWebKit/537.36 Chrome/140.0.{0}.1 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.{0} Safari/605.1.15",
)


class Refused(RuntimeError):
    """A call that should have worked did not: the answer is in the message."""


def answered(answer: requests.Response, *codes: int) -> Any:
    if answer.status_code not in (codes or (200, 201, 202)):
        raise Refused(f"{answer.request.method} {answer.url} → {answer.status_code}: {answer.text[:500]}")
    return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text


class Clock:
    """Business time of connector and stores: real time plus the seconds in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        path.write_text("0")

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def forward(self, by: timedelta) -> None:
        self.offset += int(by.total_seconds())
        swap = self.path.with_suffix(".new")
        swap.write_text(str(self.offset))
        swap.replace(self.path)


@dataclass
class Stores:
    """The control API of all stand-in stores."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, **body: Any) -> Any:
        return answered(self.http.request(method, f"{self.url}/control{path}", json=body or None, timeout=120))

    def act(self, shop: str, order_id: int, act: str, **body: Any) -> Doc:
        done: Doc = self.call("POST", f"/shops/{shop}/orders/{order_id}/{act}", **body)
        return done

    def note(self, **seen: Any) -> None:
        self.call("POST", "/journal/notes", **seen)

    def journal(self, *parts: str) -> Doc:
        wanted = f"?parts={','.join(parts)}" if parts else ""
        found: Doc = self.call("GET", f"/journal{wanted}")
        return found

    def quiesce(self, timeout: float = 60) -> Doc:
        quiet: Doc = self.call("POST", "/quiesce", timeout=timeout)
        return quiet


class Buyer:
    """One person with cookies and a device, who taps links and pays at the store's checkout."""

    def __init__(self, number: int) -> None:
        self.label = f"buyer-{number}"
        self.number = number
        self.http = requests.Session()
        self.http.headers["User-Agent"] = _BROWSERS[number % len(_BROWSERS)].format(number)

    def tap(self, link: str) -> str:
        """Open a share link; the cart link that the connector sends us to."""
        answer = self.http.get(link, allow_redirects=False, timeout=30)
        if answer.status_code != 302:
            raise Refused(f"GET {link} → {answer.status_code}: {answer.text[:300]}")
        return urljoin(link, answer.headers["Location"])

    def add(self, cart_link: str) -> str:
        """Open a cart link; the address of the checkout where it ends."""
        page = self.http.get(cart_link, timeout=30)
        answered(page, 200)
        return page.url

    def pay(self, checkout: str, payment: str = "card", **more: str) -> Doc:
        """Post the checkout's form as the page would; the order as the store keeps it."""
        form = {
            "email": f"{self.label}@example.com", "first_name": "Sam", "last_name": f"Buyer {self.number}",
            "address1": f"{self.number} Market Street", "city": "Springfield", "zip": "12345", "country_code": "US",
            "payment": payment, "buyer": self.label, **more,
        }  # fmt: skip
        done = answered(self.http.post(checkout, data=form, headers={"Accept": "application/json"}, timeout=60), 201)
        order: Doc = done["order"]
        return order


def chances(seed: int) -> random.Random:
    """The same day of trade again for the same seed."""
    return random.Random(seed)  # noqa: S311
