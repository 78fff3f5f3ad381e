"""Sample orders at the faces: our platforms' own code orders at the stand-in, which tells of what it then does.

The suite's checks of samples run over WooCommerce's and BigCommerce's face here; over Shopify's they run as its case.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector import money
from connector.conformance import SAMPLE_CHECKS, Case
from connector.conformance.sample_checks import RECIPIENT
from connector.errors import PlatformDown, PlatformRefused
from connector.events import OrderSeen
from connector.outbound import Outbound
from connector.platforms.bigcommerce import ids
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.contract import Client, Envelope, Grant, SampleOrder
from connector.platforms.rest import NoBudget
from connector.platforms.woocommerce.settings import WooCommerceSettings
from tests.platforms.bigcommerce.case import CASE as BIGCOMMERCE
from tests.platforms.woocommerce.case import CASE as WOOCOMMERCE
from tests.sandbox.faces import Big, Shop, Woo
from tests.sandbox.stand import Receiver, Stand

WRITES = ("store_v2_orders", "store_v2_products_read_only")
WAY = Outbound(allow_private=True)


def woo_client(shop: Woo, currency: str) -> Client:
    details = {"api": f"{shop.home}/wp-json", "home": shop.home}
    grant = Grant(f"{shop.key['key']}:{shop.key['secret']}", scopes=("read", "write"), details=details)
    domain = shop.home.partition("://")[2]
    settings = WooCommerceSettings(_env_file=None, env="dev")  # type: ignore[call-arg]
    return Client(domain, currency, grant, WAY, NoBudget(), settings)


def big_client(shop: Big, currency: str) -> Client:
    settings = BigCommerceSettings(  # type: ignore[call-arg]
        _env_file=None, env="dev", api_origin=f"{shop.stand.base}/bigcommerce-api",
        storefront_template=f"{shop.stand.base}/bigcommerce/{{hash}}",
    )  # fmt: skip
    grant = Grant(shop.token, scopes=WRITES)
    return Client(ids.canonical(shop.name), currency, grant, WAY, NoBudget(), settings)


class Counter:
    """`conformance.StandIn` over a face, as far as the checks of samples drive it."""

    def __init__(self, shop: Shop, client: Client) -> None:
        self.shop, self.client = shop, client

    def now(self) -> datetime:
        return datetime.now(UTC)

    def product(self, title: str, prices: Sequence[int]) -> str:
        price = money.text(prices[0], self.client.currency)
        return str(self.shop.control("POST", "/products", {"title": title, "price": price})["id"])

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        line = {"variant_id": self._first(product_ref), "quantity": quantity}
        return str(self.shop.control("POST", "/orders", {"lines": [line]})["id"])

    def sell_out(self, product_ref: str) -> None:
        first = {"id": self._first(product_ref), "inventory_quantity": 0}
        self.shop.control("PATCH", f"/products/{product_ref}", {"variants": [first]})

    def send_off(self, order_ref: str) -> None:
        self.shop.control("POST", f"/orders/{order_ref}/fulfil", {})

    def _first(self, product_ref: str) -> int:
        return int(self.shop.control("GET", f"/products/{product_ref}")["variants"][0]["id"])


def named(kind: type[Any], stand: Stand, currency: str) -> Any:
    """A shop of its own name and currency on a stand-in that others use too."""

    class Own(kind):  # type: ignore[misc]
        name = f"s{secrets.token_hex(6)}"

    made = Own(stand)
    made.control("PATCH", "", {"currency": currency, "tax_rate": "0", "shipping_price": "0"})
    return made


@pytest.mark.parametrize("check", SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_woocommerce_s_face_takes_samples(bare: Stand, check: Callable[[Case], None]) -> None:
    def stand_in(currency: str) -> Any:
        shop = named(Woo, bare, currency)
        return Counter(shop, woo_client(shop, currency))

    check(replace(WOOCOMMERCE, stand_in=stand_in))


@pytest.mark.parametrize("check", SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_bigcommerce_s_face_takes_samples(bare: Stand, check: Callable[[Case], None]) -> None:
    def stand_in(currency: str) -> Any:
        shop = named(Big, bare, currency)
        return Counter(shop, big_client(shop, currency))

    check(replace(BIGCOMMERCE, stand_in=stand_in))


def asked(shop: Shop, product: Any) -> SampleOrder:
    variant = product["variants"][0]["id"]
    return SampleOrder(
        f"smp_{secrets.token_hex(13)}", str(variant), str(product["id"]), "Candle", RECIPIENT, "For Mira, sample 7."
    )


def test_what_the_merchant_does_with_a_sample_is_told_by_webhook(woo: Woo, receiver: Receiver) -> None:
    """Placed, sent, delivered: each body says that it is a sample, and how far it is; the API reads the same."""
    client, samples = woo_client(woo, "USD"), WOOCOMMERCE.platform.samples
    assert samples is not None
    woo.hook("order.created")
    woo.hook("order.updated")
    product = woo.candle(inventory_quantity=5)
    placed = samples.place(client, asked(woo, product))
    woo.stand.quiesce()
    woo.control("POST", f"/orders/{placed.order_ref}/fulfil", {})
    woo.stand.quiesce()
    told = [json.loads(body) for _, body in receiver.received if body[:1] == b"{"]
    assert (told[0]["status"], told[-1]["status"]) == ("processing", "completed")
    assert told[0]["customer_note"] == "For Mira, sample 7."
    assert woo.control("GET", f"/products/{product['id']}")["variants"][0]["inventory_quantity"] == 4
    envelope = Envelope(client.domain, "order")
    seen = [
        event.snapshot
        for body in told
        for event in WOOCOMMERCE.platform.webhooks.translate(envelope, json.dumps(body).encode(), "USD")
        if isinstance(event, OrderSeen)
    ]
    assert all(each.sample for each in seen)
    assert len(seen) == len(told) >= 2
    read = WOOCOMMERCE.platform.orders.one(client, placed.order_ref)
    assert read is not None
    assert read.snapshot == seen[-1]
    assert read.snapshot.fulfilments


def test_a_cancelled_sample_goes_back_to_stock(big: Big) -> None:
    client, samples = big_client(big, "USD"), BIGCOMMERCE.platform.samples
    assert samples is not None
    product = big.candle(inventory_quantity=1)
    wanted = asked(big, product)
    placed = samples.place(client, wanted)
    order = big.get(f"/v2/orders/{placed.order_ref}")
    assert (order["external_order_id"], order["total_inc_tax"]) == (wanted.reference, "0.0000")
    assert order["staff_notes"] == "sample_order: For Mira, sample 7."
    assert samples.cancel(client, placed.order_ref)
    assert big.control("GET", f"/products/{product['id']}")["variants"][0]["inventory_quantity"] == 1


def test_without_the_scope_a_face_refuses_and_a_store_in_trouble_is_waited_for(woo: Woo, big: Big) -> None:
    reads = woo.own("POST", "/keys", {"permissions": "read"})
    client = woo_client(woo, "USD")
    poor = replace(client, grant=replace(client.grant, access_token=f"{reads['key']}:{reads['secret']}"))
    samples = WOOCOMMERCE.platform.samples
    assert samples is not None
    with pytest.raises(Exception, match="may not do this"):
        samples.place(poor, asked(woo, woo.candle()))
    big.stand.store.shared.faces["bigcommerce"].oauth.app = replace(  # type: ignore[attr-defined]
        big.stand.store.shared.faces["bigcommerce"].oauth.app,
        scopes="store_v2_products_read_only",  # type: ignore[attr-defined]
    )
    big.token = big.exchange(big.code()).json()["access_token"]
    others = BIGCOMMERCE.platform.samples
    assert others is not None
    with pytest.raises(PlatformRefused, match="lacks the scope"):
        others.place(big_client(big, "USD"), asked(big, big.candle()))
    woo.stand.control("PATCH", "/misbehaviour", {"api_fail": 1})
    with pytest.raises(PlatformDown):
        samples.place(client, asked(woo, woo.candle()))
