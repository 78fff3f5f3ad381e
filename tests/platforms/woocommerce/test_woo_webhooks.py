"""Deliveries and the webhooks that bring them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.errors import PayloadUnreadable, PlatformRefused, SignatureRejected
from connector.events import Ignored, OrderSeen, OrderStub, ProductSeen, ProductStub, Unrecognised
from connector.platforms.contract import Delivery, Envelope, Hook
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce.webhooks import WANTED
from tests.platforms.woocommerce.kit import DOMAIN, HOOK, SECRET, Shop, error, make_settings, page, recorded

hooks = PLATFORM.webhooks
MINE = Hook(HOOK, "a" * 40)


def delivery(body: bytes, tail: str = "order", secret: str = SECRET, **headers: str) -> Delivery:
    made = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return Delivery(
        {"x-wc-webhook-signature": made, "content-type": "application/json", **headers}, body,
        f"/webhooks/woocommerce/k3y/{tail}", f"{HOOK}/{tail}", DOMAIN, (SECRET,),
    )  # fmt: skip


def taken(body: bytes, tail: str = "order", **headers: str) -> list[Any]:
    envelope = hooks.verify(delivery(body, tail, **headers), make_settings())
    return hooks.translate(envelope, body, "USD")


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vector", json.loads(recorded("api/signature_vectors.json"))["webhook"], ids=lambda v: v["name"]
)
def test_every_vector_holds(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    assert len(body) == vector["body_len"]
    given = Delivery({"x-wc-webhook-signature": vector["x_wc_webhook_signature"]}, body, "/x/order", "", DOMAIN)
    assert hooks.verify(replace(given, secrets=(vector["secret"],)), make_settings()).domain == DOMAIN
    assert hooks.verify(replace(given, secrets=("other", vector["secret"])), make_settings())
    for secrets in ((), ("",), ("other",)):
        with pytest.raises(SignatureRejected):
            hooks.verify(replace(given, secrets=secrets), make_settings())


def test_a_body_written_anew_has_another_signature() -> None:
    vectors = {each["name"]: each for each in json.loads(recorded("api/signature_vectors.json"))["webhook"]}
    escaped = vectors["escaped slash and accent"]
    anew = json.dumps(json.loads(escaped["body"]), ensure_ascii=False).encode()
    given = Delivery(
        {"x-wc-webhook-signature": escaped["x_wc_webhook_signature"]}, anew, "/x/product", "", DOMAIN, (SECRET,)
    )
    with pytest.raises(SignatureRejected):
        hooks.verify(given, make_settings())


def test_what_is_not_signed_is_not_believed() -> None:
    """The topic's header, the source's, and the delivery id, which two deliveries of one second share."""
    body = recorded("order.created.json")
    lies = {
        "x-wc-webhook-topic": "order.deleted", "x-wc-webhook-source": "https://evil.example/",
        "x-wc-webhook-delivery-id": "d" * 32,
    }  # fmt: skip
    envelope = hooks.verify(delivery(body, **lies), make_settings())
    assert envelope == Envelope(DOMAIN, "order")
    assert isinstance(hooks.translate(envelope, body, "USD")[0], OrderSeen)


# --- what a body is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tail", "kind"),
    [
        ("order.created.json", "order", OrderSeen), ("order_refunded.partial.json", "order", OrderStub),
        ("order_deleted.trashed.json", "order", OrderStub), ("product.simple.json", "product", ProductSeen),
        ("product_variations.variable.json", "product", ProductStub),
        ("product_variations.variation.json", "product", ProductStub),
        ("product_deleted.trashed.json", "product", ProductStub),
    ],
)  # fmt: skip
def test_a_body_says_itself_what_it_is(name: str, tail: str, kind: type) -> None:
    (event,) = taken(recorded(name), tail)
    assert type(event) is kind


def test_a_variation_is_its_parents_news() -> None:
    body = recorded("product_variations.variation.json")
    envelope = hooks.verify(delivery(body, "product"), make_settings())
    assert hooks.subject(envelope, body) == (None, "510")
    assert taken(body, "product") == [ProductStub("510")]


def test_the_wrong_address_makes_no_event_of_another_thing() -> None:
    """A right signature proves the body, not the address that it came to."""
    with pytest.raises(PayloadUnreadable):
        taken(recorded("product.simple.json"), "order")
    assert taken(recorded("order.created.json"), "product") == [ProductStub("9120")]  # looked up, and not there


def test_an_offer_that_is_refused_is_read_again() -> None:
    body = json.dumps(json.loads(recorded("product.simple.json")) | {"price": ""}).encode()
    assert taken(body, "product") == [ProductStub("501")]


def test_a_signed_error_is_parked_with_words() -> None:
    body = recorded("api/webhook_body_error.json")
    for tail in ("order", "product"):
        with pytest.raises(PayloadUnreadable) as parked:
            taken(body, tail)
        assert "woocommerce_rest_cannot_view" in str(parked.value)
        assert "Connecting the store again" in str(parked.value)


def test_other_addresses_and_topics() -> None:
    body = recorded("order.created.json")
    assert taken(body, "elsewhere", **{"x-wc-webhook-topic": "cart.made"}) == [Unrecognised("cart.made")]
    assert taken(body, "elsewhere", **{"x-wc-webhook-topic": "coupon.created"}) == [Ignored("coupon.created")]
    assert hooks.subject(Envelope(DOMAIN, "coupon.created"), body) == (None, None)


def test_the_ping_is_a_greeting_and_nothing_else_is() -> None:
    ping = Delivery(
        {"content-type": "application/x-www-form-urlencoded"}, b"webhook_id=12", "/webhooks/woocommerce/k3y/order"
    )
    assert hooks.greeting(ping)
    for other in (
        replace(ping, body=b"webhook_id=12&a=b"), replace(ping, body=b"webhook_id="), replace(ping, body=b"\xff"),
        replace(ping, headers={"content-type": "application/json"}), replace(ping, headers={}),
        replace(ping, headers={**ping.headers, "x-wc-webhook-signature": "x"}), delivery(b"{}"),
    ):  # fmt: skip
        assert not hooks.greeting(other)
    with pytest.raises(SignatureRejected):
        hooks.verify(replace(ping, secrets=(SECRET,)), make_settings())


# --- webhooks at the store --------------------------------------------------------------------------------------------


def standing(shop: Shop) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in shop.webhooks.values():
        assert each["topic"] not in found, "twice"
        found[each["topic"]] = each
    return found


def test_each_topic_has_its_address_and_our_own_secret() -> None:
    shop = Shop()
    assert hooks.subscribe(shop.client, MINE) == list(WANTED)
    assert {each["topic"]: each["delivery_url"] for each in shop.webhooks.values()} == {
        topic: f"{HOOK}/{tail}" for topic, tail in WANTED.items()
    }
    made = [json.loads(each.body or b"") for each in shop.sent if each.method == "POST"]
    assert {each["secret"] for each in made} == {"a" * 40}
    assert all("a" * 40 not in each["name"] and "cs_" not in each["name"] for each in made)
    assert len(shop.pings) == 8
    shop.sent.clear()
    assert hooks.subscribe(shop.client, MINE) == []
    assert [each.method for each in shop.sent] == ["GET"]


def bend(shop: Shop, how: str) -> None:
    first = next(iter(shop.webhooks.values()))
    match how:
        case "disabled" | "paused":
            first["status"] = how
        case "gone":
            del shop.webhooks[first["id"]]
        case "twice":
            shop.webhooks[7000] = first | {"id": 7000}
        case "renamed":
            first["name"] = "Connector"


@pytest.mark.parametrize(("how", "put"), [("disabled", 1), ("paused", 1), ("gone", 1), ("twice", 0), ("renamed", 1)])
def test_what_the_store_did_to_a_webhook_is_mended(how: str, put: int) -> None:
    shop = Shop()
    hooks.subscribe(shop.client, MINE)
    bend(shop, how)
    assert len(hooks.subscribe(shop.client, MINE)) == put
    assert set(standing(shop)) == set(WANTED)
    assert {each["status"] for each in shop.webhooks.values()} == {"active"}


@pytest.mark.parametrize("what", ["secret", "key", "host"])
def test_another_secret_key_or_host_makes_them_anew(what: str) -> None:
    """The store tells no secret, and delivers in the name of the user whose key made the webhook."""
    shop = Shop()
    foreign = {"id": 9000, "name": "theirs", "topic": "order.created", "status": "active",
               "delivery_url": "https://other.example/webhooks/woocommerce/k3yother/order"}  # fmt: skip
    shop.webhooks[9000] = foreign
    hooks.subscribe(shop.client, MINE)
    before = set(shop.webhooks)
    client, hook = shop.client, MINE
    match what:
        case "secret":
            hook = replace(MINE, secret="b" * 40)
        case "key":
            shop.keys = ("ck_" + "7" * 40, "cs_" + "7" * 40)
            client = replace(client, grant=replace(client.grant, access_token=":".join(shop.keys)))
        case "host":
            hook = replace(MINE, address=HOOK.replace("connector.example", "new.example"))
    assert len(hooks.subscribe(client, hook)) == 8
    assert set(shop.webhooks) & before == {9000}
    del shop.webhooks[9000]
    assert set(standing(shop)) == set(WANTED)


def test_hosts_that_let_no_delete_through() -> None:
    shop = Shop()
    hooks.subscribe(shop.client, MINE)
    shop.before = lambda request: page(status=405) if request.method == "DELETE" else None
    bend(shop, "twice")
    hooks.subscribe(shop.client, MINE)
    assert set(standing(shop)) == set(WANTED)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: error(401, "woocommerce_rest_authentication_error"), "Read/Write"),
        (lambda: error(400, "woocommerce_rest_invalid_param"), "order.created"),
    ],
)
def test_a_refused_webhook_leaves_the_others_and_says_which(answer: Callable[[], Any], says: str) -> None:
    shop = Shop()
    hooks.subscribe(shop.client, MINE)
    bend(shop, "gone")
    bend(shop, "renamed")
    shop.before = lambda request: answer() if request.method == "POST" else None
    with pytest.raises(PlatformRefused, match=says):
        hooks.subscribe(shop.client, MINE)
    assert len(shop.webhooks) == 7  # nothing was taken away for what could not be put


def test_parting_takes_ours_away_and_leaves_others() -> None:
    shop = Shop()
    hooks.subscribe(shop.client, MINE)
    shop.webhooks[9000] = {"id": 9000, "name": "theirs", "topic": "order.created", "status": "active",
                           "delivery_url": "https://other.example/hook"}  # fmt: skip
    assert PLATFORM.parting is not None
    PLATFORM.parting.part(shop.client, MINE)
    assert set(shop.webhooks) == {9000}
