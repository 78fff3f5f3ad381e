"""The whole client against the stand-in, over real HTTP: joining, catalog, orders, subscriptions, carriers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connector import events
from connector.errors import GrantLost, PayloadUnreadable, PlatformDown, PlatformRefused
from connector.events import Product, Variant
from connector.platforms import reading
from connector.platforms.contract import CartLine, Client, Hook
from connector.platforms.shopify import PLATFORM, bodies, payloads
from tests.platforms.shopify.kit import Budget

pytestmark = pytest.mark.end_to_end

TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"


def shop(stand_in: Any, name: str, **given: Any) -> Client:
    stand_in.control("POST", "/shops", {"shop": name, **given})
    return stand_in.join(f"{name}.myshopify.com")


def body_snapshot(stand_in: Any, client: Client, number: int) -> events.OrderSnapshot:
    answer = requests.get(f"{stand_in.base}/control/shops/{client.domain}/orders/{number}/body", timeout=10)
    return bodies.to_snapshot(reading.decode(answer.content, payloads.OrderBody))


def same_on_both_sides(stand_in: Any, client: Client, number: int) -> events.OrderSnapshot:
    told = body_snapshot(stand_in, client, number)
    read = PLATFORM.orders.one(client, str(number))
    assert read is not None
    assert read.snapshot == told
    assert events.content_hash(read.snapshot) == events.content_hash(told)
    return told


def test_a_merchant_joins_and_the_grant_is_renewed(stand_in: Any) -> None:
    client = shop(stand_in, "joins", currency="EUR", timezone="Europe/Madrid", taxes_included=True)
    assert client.grant.refresh_token is not None
    assert client.grant.expires_at is not None
    profile = PLATFORM.authorize.profile(client)
    assert (profile.domain, profile.currency, profile.time_zone) == ("joins.myshopify.com", "EUR", "Europe/Madrid")
    assert profile.taxes_included
    assert PLATFORM.authorize.scopes(client) == ("read_fulfillments", "read_orders", "read_products")

    now = datetime.now(UTC)
    renewed = PLATFORM.authorize.renew(client.domain, client.grant, client.settings, client.http, now)
    again = PLATFORM.authorize.renew(client.domain, client.grant, client.settings, client.http, now)
    assert renewed.access_token != client.grant.access_token
    assert again.access_token != client.grant.access_token  # a lost answer: the same refresh token still works

    stand_in.control("POST", f"/shops/{client.domain}/expire-tokens", {"refresh": True})
    with pytest.raises(GrantLost):
        PLATFORM.authorize.profile(client)
    with pytest.raises(GrantLost) as lost:
        PLATFORM.authorize.renew(client.domain, client.grant, client.settings, client.http, now)
    assert lost.value.fatal


def test_the_bulk_file_and_the_live_api_give_equal_products(stand_in: Any) -> None:
    client = shop(stand_in, "catalog", currency="USD")
    stand_in.control("POST", f"/shops/{client.domain}/products/generate", {"count": 30, "large": 1})
    operation = PLATFORM.catalog.bulk_start(client)
    for _ in range(100):
        state = PLATFORM.catalog.bulk_state(client, operation)
        if state.status == "done":
            break
    assert state.url is not None
    heads: dict[str, Product] = {}
    variants: dict[str, list[Variant]] = {}
    images: dict[str, list[str]] = {}
    lines = 0
    for node in PLATFORM.catalog.bulk_nodes(client, state.url):
        lines += 1
        if node.kind == "product":
            heads[node.ref] = node.value
        elif node.kind == "variant":
            variants.setdefault(node.parent_ref or "", []).append(node.value)
        elif node.kind == "image":
            images.setdefault(node.parent_ref or "", []).append(node.value)
    assert lines == state.objects
    assert len(heads) == state.roots == 30
    page = PLATFORM.catalog.products(client, list(heads))
    assert not page.refused
    assert {p.product_ref for p in page.products} == set(heads)
    for product in page.products:
        assert product.variants == tuple(sorted(variants[product.product_ref], key=lambda v: v.position))
        assert sorted(product.images) == sorted(images.get(product.product_ref, []))
    changed: list[Product] = []
    checkpoint = None
    while True:
        more = PLATFORM.catalog.changed(client, datetime.now(UTC) - timedelta(hours=1), checkpoint)
        changed.extend(more.products)
        checkpoint = more.checkpoint
        if checkpoint is None:
            break
    assert {p.product_ref for p in changed} == set(heads)
    rest = list(PLATFORM.catalog.bulk_nodes(client, state.url, skip_lines=lines - 2))
    assert len(rest) == 2


@pytest.mark.parametrize(
    ("currency", "price", "taxes_included"),
    [("USD", "19.99", False), ("GBP", "24.00", True), ("JPY", "3980", True), ("KWD", "12.345", False)],
)
def test_an_order_reads_equal_at_every_step_of_its_life(
    stand_in: Any, currency: str, price: str, taxes_included: bool
) -> None:
    client = shop(
        stand_in,
        f"life-{currency.lower()}",
        currency=currency,
        taxes_included=taxes_included,
        tax_rate="0.2",
        shipping_price=price,
    )
    path = f"/shops/{client.domain}"
    product = stand_in.control("POST", f"{path}/products", {"title": "Mug", "price": price})
    variant = product["variants"][0]["id"]
    order = stand_in.control(
        "POST", f"{path}/orders",
        {
            "lines": [
                {"variant_id": variant, "quantity": 3, "properties": {"_connector_touch": TOKEN, "Engraving": "Ana"}},
                {"variant_id": variant, "quantity": 1},
                {"title": "Tip", "price": price, "quantity": 1},
            ],
            "discounts": [{"code": "MIA10", "value": "10"}, {"type": "shipping", "value": "100", "code": "FREESHIP"}],
            "shipping": price,
            "note_attributes": {"connector_touch": TOKEN, "gift_message": "for Ana"},
            "landing_site": f"/products/mug?ref={TOKEN}",
            "tags": ["vip", "Sample_Order"],
            "customer": {"email": "ana@example.com"},
        },
    )  # fmt: skip
    number = int(order["id"])
    placed = same_on_both_sides(stand_in, client, number)
    assert placed.sample
    assert any(line.tip for line in placed.lines)
    assert placed.shipping == 0
    assert placed.shipping_discounts > 0
    assert (
        sum(a.amount for line in placed.lines for a in line.allocations) + placed.shipping_discounts
        == placed.total_discounts
    )
    assert {(c.kind, c.value) for c in placed.carriers} == {
        ("cart_attribute", TOKEN),
        ("line_property", TOKEN),
        ("referral", TOKEN),
        ("code", "MIA10"),
        ("code", "FREESHIP"),
    }
    assert {carrier for token, carrier in PLATFORM.checkout.tokens(placed) if token == TOKEN} == {
        "cart_attribute", "line_property", "referral",
    }  # fmt: skip
    first = int(placed.lines[0].line_ref)
    if placed.payment_status == "pending":
        stand_in.control("POST", f"{path}/orders/{number}/pay")
        assert same_on_both_sides(stand_in, client, number).payment_status == "paid"
    stand_in.control("POST", f"{path}/orders/{number}/fulfil", {"lines": [{"line_item_id": first, "quantity": 2}]})
    assert same_on_both_sides(stand_in, client, number).fulfilments[0].delivered_at is None
    stand_in.control("POST", f"{path}/orders/{number}/deliver")
    assert same_on_both_sides(stand_in, client, number).fulfilments[0].delivered_at is not None
    stand_in.control("POST", f"{path}/orders/{number}/refund", {"lines": [{"line_item_id": first, "quantity": 1}]})
    assert same_on_both_sides(stand_in, client, number).refunds[0].lines[0].quantity == 1
    stand_in.control(
        "POST",
        f"{path}/orders/{number}/edit",
        {
            "add": [{"variant_id": variant, "quantity": 1}],
            "remove": [{"line_item_id": int(placed.lines[1].line_ref), "quantity": 1}],
        },
    )
    edited = same_on_both_sides(stand_in, client, number)
    assert len(edited.lines) == 4
    assert edited.lines[1].current_quantity == 0
    stand_in.control("POST", f"{path}/orders/{number}/cancel", {"refund": True})
    assert same_on_both_sides(stand_in, client, number).cancelled_at is not None

    heads = PLATFORM.orders.changed(client, datetime.now(UTC) - timedelta(hours=1), None)
    assert [head.order_ref for head in heads.heads] == [str(number)]
    assert heads.checkpoint is None


@pytest.mark.parametrize("taxes_included", [False, True])
def test_refunds_of_every_kind_read_equal(stand_in: Any, taxes_included: bool) -> None:
    client = shop(stand_in, f"refunds-{taxes_included}".lower(), taxes_included=taxes_included, tax_rate="0.21")
    path = f"/shops/{client.domain}"
    product = stand_in.control("POST", f"{path}/products", {"title": "Mug", "price": "19.99"})
    lines = [{"variant_id": product["variants"][0]["id"], "quantity": 9}]
    order = stand_in.control("POST", f"{path}/orders", {"lines": lines, "shipping": "10.00"})
    number, line = int(order["id"]), int(order["lines"][0]["id"])
    one = {"lines": [{"line_item_id": line, "quantity": 1}]}
    for wanted in (
        one,
        {"amount": "5.00"},
        {"shipping": "3.00"},
        {**one, "amount": "1.00"},
        {"shipping": "1.00", "status": "pending"},
        {**one, "status": "failure"},
        {**one, "adjustments": [{"kind": "full_return_balancing_adjustment", "amount": "-1.00"}]},
        {**one, "adjustments": [{"kind": "pending_refund_discrepancy", "amount": "-1.00"}]},
        one,
    ):
        stand_in.control("POST", f"{path}/orders/{number}/refund", wanted)
        told = same_on_both_sides(stand_in, client, number)
    assert len(told.refunds) == 9  # more than one question holds
    kinds = [a.kind for refund in told.refunds for a in refund.adjustments]
    assert {"discrepancy", "balancing", "pending"} <= set(kinds)
    assert {t.status for refund in told.refunds for t in refund.transactions} == {"success", "pending", "failure"}


def test_more_fulfilments_than_one_question_holds(stand_in: Any) -> None:
    client = shop(stand_in, "parcels")
    path = f"/shops/{client.domain}"
    product = stand_in.control("POST", f"{path}/products", {"title": "Mug", "price": "10.00"})
    lines = [{"variant_id": product["variants"][0]["id"], "quantity": 7}]
    order = stand_in.control("POST", f"{path}/orders", {"lines": lines})
    number, line = int(order["id"]), int(order["lines"][0]["id"])
    for _ in range(7):
        stand_in.control("POST", f"{path}/orders/{number}/fulfil", {"lines": [{"line_item_id": line, "quantity": 1}]})
    assert len(same_on_both_sides(stand_in, client, number).fulfilments) == 7


def test_an_order_of_a_deleted_product_reads_equal(stand_in: Any) -> None:
    client = shop(stand_in, "deleted")
    path = f"/shops/{client.domain}"
    product = stand_in.control("POST", f"{path}/products", {"title": "Mug", "price": "10.00"})
    order = stand_in.control("POST", f"{path}/orders", {"lines": [{"variant_id": product["variants"][0]["id"]}]})
    assert same_on_both_sides(stand_in, client, int(order["id"])).lines[0].product_ref == str(product["id"])
    stand_in.control("DELETE", f"{path}/products/{product['id']}")
    assert same_on_both_sides(stand_in, client, int(order["id"])).lines[0].product_ref is None


def test_an_empty_bucket_is_waited_for(stand_in: Any) -> None:
    client = shop(stand_in, "throttled")
    bucket = {"maximum": 1000, "restore_rate": 500, "drain": True}
    stand_in.control("PUT", f"/shops/{client.domain}/bucket", bucket)
    assert PLATFORM.orders.changed(client, datetime.now(UTC), None).heads == []
    assert isinstance(client.budget, Budget)
    assert any(maximum == 1000 for _, maximum, _ in client.budget.told)


@pytest.mark.parametrize("mode", ["file", "connection"])
def test_a_cut_file_is_not_taken_for_a_whole_one(stand_in: Any, mode: str) -> None:
    client = shop(stand_in, f"cut-{mode}")
    stand_in.control("POST", f"/shops/{client.domain}/products/generate", {"count": 40})
    stand_in.control("PUT", f"/misbehaviour?shop={client.domain}", {"truncate_bulk": 0.5, "truncate_mode": mode})
    operation = PLATFORM.catalog.bulk_start(client)
    state = PLATFORM.catalog.bulk_state(client, operation)
    while state.status == "running":
        state = PLATFORM.catalog.bulk_state(client, operation)
    assert state.url is not None
    lines = 0
    try:
        for _ in PLATFORM.catalog.bulk_nodes(client, state.url):
            lines += 1
    except (PlatformDown, PayloadUnreadable):
        pass
    else:
        assert lines < state.objects  # cut at the end of a line: the count tells
    assert lines < state.objects


def test_subscriptions_are_made_once_and_put_back(stand_in: Any) -> None:
    client = shop(stand_in, "hooks")
    address = "http://127.0.0.1:9/webhooks/shopify"
    put = PLATFORM.webhooks.subscribe(client, Hook(address))
    assert "orders/create" in put
    assert "fulfillments/update" in put
    assert "inventory_levels/update" not in put  # read_inventory isn't asked for
    assert not {"customers/redact", "shop/redact"} & set(put)
    assert PLATFORM.webhooks.subscribe(client, Hook(address)) == []
    standing = stand_in.control("GET", f"/shops/{client.domain}/subscriptions")["subscriptions"]
    dropped = next(row for row in standing if row["topic"] == "refunds/create")
    stand_in.control("DELETE", f"/shops/{client.domain}/subscriptions/{dropped['id']}")
    assert PLATFORM.webhooks.subscribe(client, Hook(address)) == ["refunds/create"]


def test_a_cart_link_carries_its_token_to_the_cart(stand_in: Any) -> None:
    client = shop(stand_in, "carts", currency="USD")
    product = stand_in.control("POST", f"/shops/{client.domain}/products", {"title": "Mug", "price": "10.00"})
    link = PLATFORM.checkout.cart_link(
        client.domain, [CartLine(str(product["variants"][0]["id"]), 2)], TOKEN, client.settings
    )
    browser = requests.Session()
    page = browser.get(link, timeout=10)
    assert page.status_code == 200
    cart = browser.get(f"{client.settings.origin(client.domain)}/cart.js", timeout=10).json()
    assert cart["attributes"] == {"connector_touch": TOKEN}
    assert cart["items"][0]["properties"] == {"_connector_touch": TOKEN}
    assert cart["items"][0]["quantity"] == 2


def buy(address: str, payment: str = "card") -> Any:
    browser = requests.Session()
    page = browser.get(address, timeout=10)
    buyer = {"email": "b@example.com", "last_name": "L", "address1": "S 1", "city": "T", "country_code": "US"}
    done = browser.post(
        page.url, data={**buyer, "payment": payment}, headers={"Accept": "application/json"}, timeout=10
    )
    assert done.status_code == 201, done.text
    return done.json()["order"]


def test_a_storefront_cart_carries_its_token_to_the_order(stand_in: Any) -> None:
    client = shop(stand_in, "storefront", currency="USD")
    product = stand_in.control("POST", f"/shops/{client.domain}/products", {"title": "Mug", "price": "10.00"})
    lines = [CartLine(str(product["variants"][0]["id"]), 2)]
    address = PLATFORM.checkout.make_cart(client, lines, TOKEN)
    order = same_on_both_sides(stand_in, client, int(buy(address)["id"]))
    assert sorted(PLATFORM.checkout.tokens(order)) == [(TOKEN, "cart_attribute"), (TOKEN, "line_property")]
    with pytest.raises(PlatformRefused):
        PLATFORM.checkout.make_cart(client, [CartLine("1")], TOKEN)


def test_the_way_is_read_where_the_cart_lost_everything(stand_in: Any) -> None:
    client = shop(stand_in, "loses", currency="USD")
    product = stand_in.control("POST", f"/shops/{client.domain}/products", {"title": "Mug", "price": "10.00"})
    lines = [CartLine(str(product["variants"][0]["id"]))]
    link = PLATFORM.checkout.cart_link(client.domain, lines, TOKEN, client.settings, landing="newsletter")
    lost = {"lose_carriers": ["attributes", "properties"]}
    stand_in.control("PATCH", f"/misbehaviour?shop={client.domain}", lost)
    number = int(buy(link)["id"])
    read = PLATFORM.orders.one(client, str(number))
    assert read is not None
    assert PLATFORM.checkout.tokens(read.snapshot) == [("newsletter", "referral")]
    body = requests.get(f"{stand_in.base}/control/shops/{client.domain}/orders/{number}/body", timeout=10)
    told = bodies.to_hints(reading.decode(body.content, payloads.OrderBody))
    assert {(hint.kind, hint.value) for hint in told} == {("landing_page", TOKEN)}
