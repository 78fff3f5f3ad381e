"""Webhook deliveries: signed bytes, headers, repeats, and the losses and disorder that are asked for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.shopify.deliveries import signature, topic_name
from sandbox.store.misbehaviour import Share
from tests.sandbox.stand import SAMPLES, SECRET, SHOP, Stand, operation

VECTORS = json.loads((SAMPLES / "vectors.json").read_text())
LINE = {"title": "Thing", "price": "5.00"}


@pytest.mark.parametrize(("name", "expected"), sorted(VECTORS["bodies"].items()))
def test_signature_vectors(name: str, expected: str) -> None:
    assert signature(VECTORS["secret"], (SAMPLES / name).read_bytes()) == expected


def test_signature_is_over_bytes() -> None:
    body = VECTORS["text"]["body"]
    assert signature(VECTORS["secret"], body.encode()) == VECTORS["text"]["hmac"]
    assert signature(VECTORS["secret"], json.dumps(json.loads(body)).encode()) != VECTORS["text"]["hmac"]


@pytest.mark.parametrize(
    ("enum", "topic"),
    [
        ("ORDERS_CREATE", "orders/create"),
        ("ORDER_TRANSACTIONS_CREATE", "order_transactions/create"),
        ("APP_UNINSTALLED", "app/uninstalled"),
        ("APP_SCOPES_UPDATE", "app/scopes_update"),
        ("BULK_OPERATIONS_FINISH", "bulk_operations/finish"),
        ("ORDERS_PARTIALLY_FULFILLED", "orders/partially_fulfilled"),
    ],
)
def test_topic_names(enum: str, topic: str) -> None:
    assert topic_name(enum) == topic


def test_headers_and_signature(stand: Stand) -> None:
    stand.subscribe("ORDERS_CREATE", "ORDERS_PAID", name="main")
    stand.order(LINE)
    stand.quiesce()
    assert sorted(stand.receiver.topics()) == ["orders/create", "orders/paid"]
    for headers, body in stand.receiver.received:
        made = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        assert headers["x-shopify-hmac-sha256"] == made
        assert headers["x-shopify-shop-domain"] == SHOP
        assert headers["x-shopify-api-version"] == "2026-10"
        assert headers["x-shopify-name"] == "main"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", headers["x-shopify-triggered-at"])
    first, second = (headers for headers, _ in stand.receiver.received)
    assert first["x-shopify-event-id"] == second["x-shopify-event-id"]
    assert first["x-shopify-webhook-id"] != second["x-shopify-webhook-id"]


def test_failures_are_repeated_with_the_same_bytes(stand: Stand) -> None:
    stand.receiver.answer = lambda count: 503 if count < 4 else 200
    stand.subscribe("ORDERS_CREATE")
    stand.order(LINE)
    counts = stand.quiesce()
    assert len({body for _, body in stand.receiver.received}) == 1
    assert len({headers["x-shopify-webhook-id"] for headers, _ in stand.receiver.received}) == 1
    assert (counts["sent"], counts["delivered"]) == (4, 1)


def test_eight_failures_delete_the_subscription(stand: Stand) -> None:
    stand.receiver.answer = lambda _count: 500
    stand.subscribe("ORDERS_CREATE", "ORDERS_PAID")
    stand.order(LINE, payment="pending")
    counts = stand.quiesce()
    assert (counts["sent"], counts["failed"]) == (8, 1)
    left = stand.ask(operation("HookList"), {"first": 10})["webhookSubscriptions"]["nodes"]
    assert [s["topic"] for s in left] == ["ORDERS_PAID"]


def test_redirects_do_not_count(stand: Stand) -> None:
    stand.receiver.answer = lambda count: 302 if count == 1 else 204
    stand.subscribe("ORDERS_CREATE")
    stand.order(LINE)
    assert stand.quiesce()["sent"] == 2


def test_shares_are_kept_from_below() -> None:
    share = Share("seed")
    picked = 0
    for count in range(1, 400):
        picked += share.pick(0.2)
        assert picked >= int(0.2 * count)
    assert picked < 0.35 * 400
    one, other = Share("seed"), Share("seed")
    assert [one.pick(0.2) for _ in range(50)] == [other.pick(0.2) for _ in range(50)]


def test_loss_doubles_and_disorder(stand: Stand) -> None:
    stand.control(
        "PUT", "/misbehaviour", {"seed": 4, "drop": 0.05, "duplicate": 0.1, "reorder": 0.2, "hold_seconds": 2}
    )
    stand.subscribe("ORDERS_CREATE", "ORDERS_PAID", "ORDERS_UPDATED")
    for _ in range(30):
        stand.order(LINE)
    counts = stand.quiesce()
    assert counts["deliveries"] == 90
    assert counts["dropped"] >= 4
    assert counts["duplicated"] >= 9
    assert counts["reordered"] >= 17  # the last ones may find nobody to be overtaken by
    assert counts["waiting"] == counts["failed"] == 0
    assert counts["delivered"] == 90 - counts["dropped"]
    assert len(stand.receiver.received) == counts["sent"] == counts["delivered"] + counts["duplicated"]
    rows = stand.control("GET", "/deliveries")["deliveries"]
    got = [headers["x-shopify-webhook-id"] for headers, _ in stand.receiver.received]
    dropped = {row["webhook_id"] for row in rows if "dropped" in row["marks"]}
    assert not dropped & set(got)
    for row in rows:
        if "duplicated" in row["marks"]:
            assert got.count(row["webhook_id"]) == 2
    triggered = {row["webhook_id"]: row["id"] for row in rows}
    order = [triggered[webhook_id] for webhook_id in got]
    overtaken = [row for row in rows if "reordered" in row["marks"]]
    assert all(any(later > row["id"] for later in order[: order.index(row["id"])]) for row in overtaken)


def test_every_delivery_of_an_order_can_be_lost(stand: Stand) -> None:
    stand.control("PUT", "/misbehaviour", {"drop_orders": 1.0})
    stand.subscribe("ORDERS_CREATE", "ORDERS_UPDATED", "PRODUCTS_CREATE")
    stand.product()
    order = stand.order(LINE)
    stand.act(order["id"], "fulfil")
    stand.quiesce()
    assert stand.receiver.topics() == ["products/create"]


def test_repeats_may_carry_a_new_id(stand: Stand) -> None:
    stand.control("PUT", "/misbehaviour", {"duplicate": 1.0, "new_id_on_retry": True})
    stand.subscribe("ORDERS_CREATE")
    stand.order(LINE)
    stand.quiesce()
    ids = {headers["x-shopify-webhook-id"] for headers, _ in stand.receiver.received}
    events = {headers["x-shopify-event-id"] for headers, _ in stand.receiver.received}
    assert (len(ids), len(events)) == (2, 1)


def test_subscriptions_through_the_api(stand: Stand) -> None:
    (first,) = stand.subscribe("ORDERS_CREATE", includeFields=["id", "line_items.id"])
    same = stand.ask(operation("HookCreate"), {"topic": "ORDERS_CREATE", "sub": {"uri": stand.receiver.url}})
    assert "already been taken" in same["webhookSubscriptionCreate"]["userErrors"][0]["message"]
    for uri in ("http://shop.example/hook", "ftp://127.0.0.1/", "nonsense"):
        made = stand.ask(operation("HookCreate"), {"topic": "ORDERS_PAID", "sub": {"uri": uri}})
        assert made["webhookSubscriptionCreate"]["userErrors"], uri
    stand.order(LINE)
    stand.quiesce()
    body = json.loads(stand.receiver.received[0][1])
    assert set(body) == {"id", "line_items"}
    assert set(body["line_items"][0]) == {"id"}
    gone = stand.ask(operation("HookDelete"), {"id": first})["webhookSubscriptionDelete"]
    assert gone["deletedWebhookSubscriptionId"] == first
    again = stand.ask(operation("HookDelete"), {"id": first})["webhookSubscriptionDelete"]
    assert again["userErrors"]
    assert stand.ask(operation("HookList"), {"first": 5})["webhookSubscriptions"]["nodes"] == []


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact", "shop/redact"])
def test_compliance_topics_need_no_subscription(stand: Stand, topic: str) -> None:
    stand.shop("POST", "/compliance", {"topic": topic, "orders": [1], "customer": {"id": 1, "email": "a@example.com"}})
    stand.quiesce()
    headers, body = stand.receiver.received[0]
    recorded = json.loads((SAMPLES / f"compliance_{topic.replace('/', '_')}.json").read_text())
    assert headers["x-shopify-topic"] == topic
    assert set(json.loads(body)) == set(recorded)


def test_a_redact_comes_48_hours_after_the_app_was_removed(stand: Stand) -> None:
    stand.control("PUT", "/deliveries/settings", {"retry_compression": 48 * 3600 / 0.3})
    stand.shop("POST", "/uninstall", {"redact": True})
    stand.quiesce()
    headers, _ = stand.receiver.received[-1]
    assert headers["x-shopify-topic"] == "shop/redact"
    later = datetime.fromisoformat(headers["x-shopify-triggered-at"][:26] + "+00:00") - datetime.now(UTC)
    assert timedelta(hours=47) < later < timedelta(hours=49)


def test_any_body_can_be_sent_rightly_signed(stand: Stand) -> None:
    sent = stand.shop("POST", "/send", {"topic": "odd/topic", "raw": "{not json", "uri": stand.receiver.url})
    headers, body = stand.receiver.received[0]
    assert sent["status"] == 200
    assert body == b"{not json"
    assert headers["x-shopify-hmac-sha256"] == signature(SECRET, body)
