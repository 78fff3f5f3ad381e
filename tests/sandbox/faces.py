"""A WooCommerce and a BigCommerce shop of the stand-in, and clients that speak their APIs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.sandbox.stand import CLIENT_ID, SECRET, Stand

# The story that all fact sheets share: two candles at 40.00, ten per cent off by a code, tax on top, shipping 5.00.
STORY = {
    "currency": "USD", "tax_rate": "0.0889", "tax_shipping": False, "shipping_price": "5.00", "title": "Lantern",
}  # fmt: skip


class Shop:
    """One shop of a platform: the control API, and a buyer."""

    platform = ""
    name = ""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        stand.control("POST", "/shops", {"shop": self.name, "platform": self.platform, **STORY})
        self.control("PATCH", "", {"discount_codes": {"MAYA10": {"type": "percentage", "value": "10"}}})
        self.home = self.control("GET", "")["origin"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.stand.control(method, f"/shops/{self.name}{path}", body)

    def own(self, method: str, path: str, body: Any = None) -> Any:
        """The platform's own part of the control API."""
        return self.stand.control(method, f"/{self.platform}/{self.name}{path}", body)

    def candle(self, **wanted: Any) -> Any:
        return self.control("POST", "/products", {"title": "Candle", "price": "40.00", **wanted})

    def story(self, **wanted: Any) -> Any:
        """The order of the story; its line is the first."""
        variant = self.candle()["variants"][0]["id"]
        lines = [{"variant_id": variant, "quantity": 2}]
        discounts = [{"code": "MAYA10"}]
        return self.control(
            "POST", "/orders", {"lines": lines, "discounts": discounts, "shipping": "5.00", "payment": "paid", **wanted}
        )

    def act(self, order: Any, act: str, **body: Any) -> Any:
        return self.control("POST", f"/orders/{order['id']}/{act}", body)


def bought(page: requests.Response, buyer: requests.Session) -> Any:
    """Pay at the checkout where the buyer has come to; the order as the journal has it."""
    form = {
        "email": "mina@buyer.example",
        "last_name": "Lee",
        "address1": "Row 1",
        "city": "Town",
        "country_code": "US",
    }
    done = buyer.post(page.url, data=form, headers={"Accept": "application/json"}, timeout=10)
    assert done.status_code == 201, done.text
    return done.json()["order"]


class Woo(Shop):
    platform, name = "woocommerce", "lantern"

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.key = self.own("POST", "/keys", {"permissions": "read_write"})

    def call(self, method: str, path: str, body: Any = None, key: Any = None, **query: Any) -> requests.Response:
        auth = ((key or self.key)["key"], (key or self.key)["secret"])
        return requests.request(
            method, f"{self.home}/wp-json/wc/v3{path}", params=query, json=body, auth=auth, timeout=10
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hook(self, topic: str = "order.updated", secret: str = "s3cret") -> Any:
        address = self.stand.receiver.url
        made = self.call(
            "POST", "/webhooks", {"topic": topic, "delivery_url": address, "secret": secret, "name": "ours"}
        )
        assert made.status_code == 201, made.text
        return made.json()


class Big(Shop):
    platform, name = "bigcommerce", "k1ln8works"

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand)
        self.token = self.exchange(self.code()).json()["access_token"]

    def code(self) -> dict[str, str]:
        """Agree to the installation; what the app's callback is given."""
        page = f"{self.stand.base}/bigcommerce-login/app/{CLIENT_ID}/install"
        answer = requests.post(page, data={"shop": self.name}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def exchange(self, given: dict[str, str], **bent: str) -> requests.Response:
        form = {
            "client_id": CLIENT_ID, "client_secret": SECRET, "code": given["code"], "context": given["context"],
            "scope": given["scope"], "grant_type": "authorization_code",
            "redirect_uri": "http://127.0.0.1:9/oauth/bigcommerce/callback", **bent,
        }  # fmt: skip
        return requests.post(f"{self.stand.base}/bigcommerce-login/oauth2/token", json=form, timeout=10)

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        headers = {"X-Auth-Token": self.token, "Accept": "application/json"}
        return requests.request(
            method, f"{self.stand.base}/bigcommerce-api/stores/{self.name}{path}", params=query, json=body,
            headers=headers, timeout=10,
        )  # fmt: skip

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hook(self, scope: str, **headers: str) -> requests.Response:
        entry = {"scope": scope, "destination": self.stand.receiver.url, "is_active": True, "headers": headers}
        return self.call("POST", "/v3/hooks", entry)
