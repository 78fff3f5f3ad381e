"""Deliveries beyond the conformance suite: keys of repeats, whose body it is, and the subscriptions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import BodyOfAnotherShop, PayloadUnreadable, PlatformDown, PlatformRefused, SignatureRejected
from connector.events import Ignored, OrderStub, ProductStub, StockSeen
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.bigcommerce.webhooks import SECRET_HEADER, TOPICS
from connector.platforms.contract import Delivery, Envelope, Hook
from connector.webhooks.inbox import named_headers
from tests.platforms.bigcommerce.case import FOLDER, sign
from tests.platforms.bigcommerce.kit import DOMAIN, HASH, SECRET, BigCommerce, Reply, client, settings

HOOKS = PLATFORM.webhooks
HOOK = Hook("https://connector.example/webhooks/bigcommerce/kEy", "0123456789abcdef" * 4)
WANTED = len(TOPICS) - 1  # store/order/statusUpdated only repeats store/order/updated
CREATED = (FOLDER / "order_created.one.json").read_bytes()


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


def delivered(body: bytes, *, domain: str = DOMAIN, secrets: tuple[str, ...] = (SECRET,), **headers: str) -> Envelope:
    given = headers or {SECRET_HEADER: SECRET}
    made = {name.replace("_", "-").lower(): value for name, value in given.items()}
    return HOOKS.verify(Delivery(made, body, domain=domain, secrets=secrets), settings())


def signed(body: bytes) -> dict[str, str]:
    return {name.lower(): value for name, value in sign("", body, SECRET).items()}


# --- deliveries -------------------------------------------------------------------------------------------------------


def test_the_envelope_is_the_bodys_own_word() -> None:
    plain = delivered(CREATED)
    assert (plain.topic, plain.domain) == ("store/order/created", DOMAIN)
    assert plain.triggered_at == datetime(2025, 11, 21, 20, 0, tzinfo=UTC)
    assert plain.delivery_ref == "hash:8714a08271df44f4c6e6db0c3c42ee0e2b96a1e0"
    both = HOOKS.verify(Delivery(signed(CREATED), CREATED, domain=DOMAIN, secrets=(SECRET,)), settings())
    assert both == replace(plain, delivery_ref="msg_demo_0002"), "the delivery's own id, where it has one"


@pytest.mark.parametrize(
    ("changes", "ref"),
    [({"hash": ""}, None), ({"hash": "x" * 40}, None), ({"hash": "A" * 40}, None), ({"hash": 7}, None)],
)
def test_a_hash_that_is_none_makes_nothing_a_repeat(changes: Any, ref: str | None) -> None:
    assert delivered(json.dumps(json.loads(CREATED) | changes).encode()).delivery_ref is ref


@pytest.mark.parametrize("at", [None, -1, 0, 10**15, "soon"])
def test_a_time_that_cannot_be_read_loses_no_delivery(at: Any) -> None:
    envelope = delivered(json.dumps(json.loads(CREATED) | {"created_at": at}).encode())
    assert envelope.triggered_at is None


def test_a_secret_counts_only_at_the_address_of_its_shop() -> None:
    for given in (
        {"domain": ""}, {"secrets": ()}, {"secrets": ("",)}, {"secrets": ("another",)},
    ):  # fmt: skip
        with pytest.raises(SignatureRejected):
            delivered(CREATED, **given)  # type: ignore[arg-type]
    with pytest.raises(SignatureRejected):
        HOOKS.verify(Delivery(signed(CREATED), CREATED, domain=DOMAIN, secrets=(SECRET,)), settings(""))
    assert delivered(CREATED, secrets=("new", SECRET)).domain == DOMAIN, "two while one is changed"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-timestamp", "1763755300.5"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "٣"),
        ("webhook-id", "a b"),
        ("webhook-id", ""),
        ("webhook-id", "x" * 201),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1a,AAAA"),
        ("webhook-signature", " ".join(["v1," + "A" * 43 + "="] * 200)),
    ],
)
def test_a_signature_of_another_form_is_refused(name: str, value: str) -> None:
    bent = signed(CREATED) | {name: value}
    with pytest.raises(SignatureRejected):
        HOOKS.verify(Delivery(bent, CREATED, domain=DOMAIN, secrets=(SECRET,)), settings())


def test_no_secret_is_kept_with_a_delivery() -> None:
    kept = named_headers(PLATFORM, signed(CREATED) | {"cookie": "c", "content-type": "application/json"})
    assert kept == {"webhook-id": "msg_demo_0002", "webhook-timestamp": "1763755300"}


@pytest.mark.parametrize("producer", ["stores/other2hash", "stores/Demo1hash", "demo1hash", "", None, 7])
def test_a_body_of_another_store_is_set_aside(producer: Any) -> None:
    body = json.dumps(json.loads(CREATED) | {"producer": producer}).encode()
    with pytest.raises(PayloadUnreadable) as refused:
        HOOKS.translate(delivered(body), body, "USD")
    assert refused.value.path == "$.producer"
    assert isinstance(refused.value, BodyOfAnotherShop) == isinstance(producer, str)


@pytest.mark.parametrize(
    ("file", "event"),
    [
        ("cart_converted.one", OrderStub("250")), ("order_refund_created.one_unit", OrderStub("250")),
        ("order_transaction_created.capture", Ignored("store/order/transaction/created")),
        ("order_transaction_updated.refund_declined", OrderStub("250")), ("sku_deleted.one", ProductStub("188")),
        ("sku_inventory_order_updated.sold", StockSeen("188", None)),
    ],
)  # fmt: skip
def test_thin_bodies_name_what_is_to_be_read(file: str, event: Any) -> None:
    body = (FOLDER / f"{file}.json").read_bytes()
    assert HOOKS.translate(delivered(body), body, "USD") == [event]


@pytest.mark.parametrize("number", [0, -1, "0250", "x", "2 50", None, 10**19, "٣"])
def test_what_is_no_id_is_read_nowhere(number: Any) -> None:
    body = json.dumps(json.loads(CREATED) | {"data": {"type": "order", "id": number}}).encode()
    with pytest.raises(PayloadUnreadable):
        HOOKS.translate(delivered(body), body, "USD")
    assert HOOKS.subject(delivered(body), body) == (None, None)


# --- subscriptions ----------------------------------------------------------------------------------------------------


def test_every_topic_is_subscribed_once(store: BigCommerce) -> None:
    put = HOOKS.subscribe(client(store), HOOK)
    assert len(put) == len(set(put)) == WANTED
    assert "store/order/statusUpdated" not in put
    for hook in store.hooks.values():
        assert (hook["destination"], hook["is_active"]) == (HOOK.address, True)
        assert hook["headers"] == {SECRET_HEADER: HOOK.secret}
    asked = len(store.asked)
    assert HOOKS.subscribe(client(store), HOOK) == []
    assert all(each.method == "GET" for each in store.asked[asked:]), "what stands is left as it is"


def test_what_was_switched_off_is_switched_on_and_a_new_secret_is_handed_over(store: BigCommerce) -> None:
    HOOKS.subscribe(client(store), HOOK)
    off = store.hooks[1003]
    off["is_active"] = False
    store.hooks[1004]["headers"] = {"X-Connector-Secret": HOOK.secret}
    store.hooks[1005]["headers"] = None
    assert HOOKS.subscribe(client(store), HOOK) == [off["scope"], store.hooks[1005]["scope"]]
    assert (off["is_active"], len(store.hooks)) == (True, WANTED)
    assert [each.method for each in store.asked[-2:]] == ["PUT", "PUT"]
    changed = replace(HOOK, secret="f" * 64)
    assert len(HOOKS.subscribe(client(store), changed)) == WANTED
    assert {hook["headers"][SECRET_HEADER] for hook in store.hooks.values()} == {"f" * 64}


def test_those_of_an_address_that_we_left_go_once_the_new_ones_stand(store: BigCommerce) -> None:
    HOOKS.subscribe(client(store), replace(HOOK, address="https://old.example/webhooks/bigcommerce/kEy"))
    store.hooks[5] = {
        "id": 5,
        "scope": "store/order/created",
        "destination": "https://erp.example/in",
        "is_active": True,
    }
    store.hooks[6] = {**store.hooks[1002], "id": 6}
    store.asked.clear()
    assert len(HOOKS.subscribe(client(store), HOOK)) == WANTED
    assert {hook["destination"] for hook in store.hooks.values()} == {HOOK.address, "https://erp.example/in"}
    methods = [each.method for each in store.asked if each.method != "GET"]
    assert methods == ["POST"] * WANTED + ["DELETE"] * (WANTED + 1)


def test_a_second_one_to_the_same_address_goes(store: BigCommerce) -> None:
    HOOKS.subscribe(client(store), HOOK)
    store.hooks[9] = {**store.hooks[1001], "id": 9}
    assert HOOKS.subscribe(client(store), HOOK) == []
    assert len(store.hooks) == WANTED


def test_a_refused_topic_is_named_and_the_others_stand(store: BigCommerce) -> None:
    store.refused_scopes = {"store/order/created", "store/cart/converted"}
    with pytest.raises(PlatformRefused, match=r"store/order/created: .*store/cart/converted: ") as refused:
        HOOKS.subscribe(client(store), HOOK)
    assert len(store.hooks) == WANTED - 2
    assert "private" not in str(refused.value)
    assert HOOK.secret not in str(refused.value)
    store.answers = [Reply(503)]
    with pytest.raises(PlatformDown):
        HOOKS.subscribe(client(store), HOOK)


def test_two_who_subscribe_at_once_refuse_each_other_nothing(store: BigCommerce) -> None:
    HOOKS.subscribe(client(store), HOOK)
    store.answers = [store._page([], {"limit": "250"})]  # what the slower one saw
    assert HOOKS.subscribe(client(store), HOOK) == []
    assert len(store.hooks) == WANTED


def test_bigcommerce_delivers_to_https_on_443_only(store: BigCommerce) -> None:
    for address in ("http://connector.example/webhooks/bigcommerce/k", "https://connector.example:8443/webhooks/x/k"):
        with pytest.raises(PlatformRefused, match="CONNECTOR_PUBLIC_URL"):
            HOOKS.subscribe(client(store), replace(HOOK, address=address))
    assert store.asked == []
    dev = settings(env="dev")
    assert HOOKS.subscribe(client(store, settings=dev), replace(HOOK, address="http://127.0.0.1:9/webhooks/b/k"))


def test_parting_takes_away_what_we_put(store: BigCommerce) -> None:
    assert PLATFORM.parting is not None
    HOOKS.subscribe(client(store), HOOK)
    store.hooks[5] = {
        "id": 5,
        "scope": "store/order/created",
        "destination": "https://erp.example/in",
        "is_active": True,
    }
    PLATFORM.parting.part(client(store), HOOK)
    assert list(store.hooks) == [5]
    PLATFORM.parting.part(client(store), HOOK)
    assert not HOOKS.greeting(Delivery({}, b""))
    assert HASH in DOMAIN
