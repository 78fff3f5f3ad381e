"""What Shopify's tests share: settings with the fact sheet's made-up secret, a scripted way out, a running stand-in."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import requests
from pydantic import SecretStr

from connector.conformance.answers import Reply
from connector.outbound import Outbound
from connector.platforms.contract import Client, Grant
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.settings import ShopifySettings

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = "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"
CLIENT_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
DOMAIN = "sample-shop.myshopify.com"
CALLBACK = "https://connector.example/oauth/shopify/callback"


def make_settings(**given: Any) -> ShopifySettings:
    """Settings of exactly these values: neither the environment's nor a file's."""
    values = {"client_id": CLIENT_ID, "client_secret": SecretStr(SECRET), **given}
    return ShopifySettings(_env_file=None, **values)


class Budget:
    """Remembers what it was asked and told; never waits."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.told: list[tuple[float, float, float]] = []
        self.versions: list[str] = []

    def wait(self, cost: float) -> None:
        self.asked.append(cost)

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        self.told.append((available, maximum, restore_rate))

    def landed(self) -> None:
        pass

    def served(self, version: str) -> None:
        self.versions.append(version)


def graphql(data: Any = None, **more: Any) -> Reply:
    return Reply(content=msgspec.json.encode({"data": data, **more}))


@dataclass
class Sent:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    form: Mapping[str, str] | None

    @property
    def variables(self) -> dict[str, Any]:
        variables: dict[str, Any] = msgspec.json.decode(self.body or b"")["variables"]
        return variables

    @property
    def operation(self) -> str:
        """`Order` of `query Order($id…`."""
        return str(msgspec.json.decode(self.body or b"")["query"]).split()[1].partition("(")[0]


class Script:
    """A way out that gives the prepared answers in order, or what a function makes of the request."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.sent: list[Sent] = []

    def send(self, method: str, url: str, **given: Any) -> Any:
        request = Sent(method, url, given.get("headers") or {}, given.get("body"), given.get("form"))
        self.sent.append(request)
        reply = self.replies[0] if callable(self.replies[0]) else self.replies.pop(0)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        return reply


def make_client(http: Any, settings: ShopifySettings | None = None, **given: Any) -> Client:
    grant = Grant(
        access_token="shpat_secret_access", refresh_token="shprt_secret_refresh", scopes=given.pop("scopes", ())
    )
    values: dict[str, Any] = {"domain": DOMAIN, "currency": "USD", "grant": grant, "budget": Budget()}
    return Client(http=http, **(values | {"settings": settings or make_settings()} | given))


# --- the stand-in -----------------------------------------------------------------------------------------------------


class StandIn:
    """A stand-in Shopify on a local port, driven through its control API."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.http = Outbound(allow_private=True)
        self.settings = make_settings(
            env="dev",
            origin_template=f"{self.base}/shops/{{shop}}",
            scopes="read_products,read_orders,read_fulfillments",
        )

    def control(self, method: str, path: str, given: Any = None) -> Any:
        answer = requests.request(method, f"{self.base}/control{path}", json=given, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def join(self, shop: str, settings: ShopifySettings | None = None) -> Client:
        """Through the consent page, as a merchant's browser goes."""
        chosen = settings or self.settings
        start = PLATFORM.authorize.begin(shop, "n0nce", CALLBACK, chosen)
        browser = requests.Session()
        page = browser.get(start.url, timeout=10)
        assert page.status_code == 200, page.text
        hidden = dict(_inputs(page.text))
        answer = browser.post(
            page.url.partition("?")[0], data={**hidden, "decision": "install"}, allow_redirects=False, timeout=10
        )
        query = urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.headers["location"]).query, keep_blank_values=True)
        joined = PLATFORM.authorize.complete(query, CALLBACK, chosen, self.http, datetime.now(UTC))
        client = Client(joined.domain, "", joined.grant, self.http, Budget(), chosen)
        profile = PLATFORM.authorize.profile(client)
        return Client(joined.domain, profile.currency, joined.grant, self.http, Budget(), chosen)


def _inputs(page: str) -> Iterator[tuple[str, str]]:
    import html
    import re

    for tag in re.findall(r"<input[^>]+>", page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value:
            yield html.unescape(name[1]), html.unescape(value[1])
