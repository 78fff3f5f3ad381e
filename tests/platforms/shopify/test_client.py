"""One call to the Admin API: what Shopify may answer, and what the caller is told to do. Fact sheet, section 4."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from connector.errors import GrantLost, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms.contract import Client, Grant
from connector.platforms.shopify import client as calls
from connector.platforms.shopify.client import TooDear, ask
from connector.platforms.shopify.payloads import OrderHeadsAnswer, ShopAnswer
from tests.platforms.shopify.kit import DOMAIN, PAYLOADS, Budget, Reply, Script, graphql, make_client

HEADS = {"orders": {"pageInfo": {"hasNextPage": False}, "nodes": []}}


def api(name: str) -> Reply:
    return Reply(content=(PAYLOADS / "api" / name).read_bytes())


def heads(client: Client, **given: Any) -> OrderHeadsAnswer:
    return ask(client, "query Heads { orders }", {"first": 1}, OrderHeadsAnswer, cost=3, **given)


def test_the_call_has_version_token_and_variables() -> None:
    http = Script(graphql(HEADS))
    heads(make_client(http))
    sent = http.sent[0]
    assert (sent.method, sent.url) == ("POST", f"https://{DOMAIN}/admin/api/2026-10/graphql.json")
    assert sent.headers["X-Shopify-Access-Token"] == "shpat_secret_access"
    assert json.loads(sent.body or b"") == {"query": "query Heads { orders }", "variables": {"first": 1}}


def test_the_budget_is_asked_before_and_told_after() -> None:
    throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": 1978, "restoreRate": 100.0}
    cost = {"requestedQueryCost": 178, "actualQueryCost": 22, "throttleStatus": throttle}
    client = make_client(Script(graphql(HEADS, extensions={"cost": cost})))
    heads(client)
    assert isinstance(client.budget, Budget)
    assert client.budget.asked == [3]
    assert client.budget.told == [(1978.0, 2000.0, 100.0)]


def test_throttled_waits_as_long_as_the_answer_says_and_asks_again() -> None:
    pauses: list[float] = []
    http = Script(api("graphql_throttled.json"), api("graphql_throttled.json"), graphql(HEADS))
    heads(make_client(http), sleep=pauses.append)
    assert len(http.sent) == 3
    assert len(pauses) == 2
    for pause in pauses:  # (178 - 120) / 100, and some jitter
        assert 0.58 < pause < 1.1


def test_throttling_without_end_is_busy() -> None:
    pauses: list[float] = []
    http = Script(lambda request: api("graphql_throttled.json"))
    with pytest.raises(PlatformBusy) as busy:
        heads(make_client(http), sleep=pauses.append)
    assert busy.value.retry_after > 0
    assert len(http.sent) == calls.THROTTLED_TRIES == len(pauses) + 1


def test_too_dear_is_told_apart_since_waiting_never_helps() -> None:
    answer = graphql(None, errors=[{"message": "too much", "extensions": {"code": "MAX_COST_EXCEEDED"}}])
    with pytest.raises(TooDear):
        heads(make_client(Script(answer)))


def test_a_missing_scope_is_refused_with_its_name() -> None:
    with pytest.raises(PlatformRefused, match="read_orders"):
        heads(make_client(Script(api("graphql_access_denied.json"))))


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        (["orders", "nodes", 0, "customer"], True),
        (["orders", "nodes", 0, "customer", "id"], True),
        (["orders", "nodes", 0, "customers"], False),
        (["orders"], False),
        (None, False),
    ],
)
def test_an_error_beside_data_hurts_only_where_we_need_it(path: Any, taken: bool) -> None:
    error = {
        "message": "not approved to access the Customer object",
        "path": path,
        "extensions": {"code": "ACCESS_DENIED"},
    }
    client = make_client(Script(graphql(HEADS, errors=[error])))
    if taken:
        assert heads(client, spare=("orders.nodes.customer",)).orders.nodes == []
    else:
        with pytest.raises(PlatformRefused):
            heads(client, spare=("orders.nodes.customer",))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("INTERNAL_SERVER_ERROR", PlatformDown),
        ("TIMEOUT", PlatformDown),
        ("SHOP_INACTIVE", PlatformRefused),
        ("X", PlatformRefused),
    ],
)
def test_errors_by_their_code(code: str, error: type) -> None:
    answer = graphql(None, errors=[{"message": "no", "extensions": {"code": code}}])
    with pytest.raises(error):
        heads(make_client(Script(answer)))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, PlatformRefused) for status in (301, 400, 402, 403, 404, 423)),
        (401, GrantLost),
        *((status, PlatformBusy) for status in (429, 430)),
        *((status, PlatformDown) for status in (500, 502, 503, 520)),
    ],
)
def test_errors_by_their_status(status: int, error: type) -> None:
    reply = Reply(status, b'{"errors": "[API] Invalid API key or access token shpat_secret_access"}')
    with pytest.raises(error) as raised:
        heads(make_client(Script(reply)))
    assert "shpat_secret" not in str(raised.value)
    assert reply.closed
    if error is GrantLost:
        assert not raised.value.fatal  # renewing may help


def test_a_token_that_never_expires_is_refused_for_good() -> None:
    with pytest.raises(GrantLost) as lost:
        heads(make_client(Script(Reply(403)), grant=Grant(access_token="x")))
    assert lost.value.fatal


@pytest.mark.parametrize(("given", "wait"), [("7", 7.0), ("", 2.0), ("soon", 2.0), ("-5", 0.0), ("1e9", 3600.0)])
def test_retry_after_is_read_with_care(given: str, wait: float) -> None:
    with pytest.raises(PlatformBusy) as busy:
        heads(make_client(Script(Reply(429, b"", {"Retry-After": given}))))
    assert busy.value.retry_after == wait


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"data": null}', b"{}", b"\xff"])
def test_an_answer_that_is_none_is_down(content: bytes) -> None:
    with pytest.raises(PlatformDown):
        heads(make_client(Script(Reply(200, content))))


def test_an_answer_of_another_shape_names_the_field() -> None:
    with pytest.raises(PayloadUnreadable) as unreadable:
        ask(make_client(Script(graphql({"shop": {"id": 5}}))), "query S", {}, ShopAnswer, cost=1)
    assert unreadable.value.path == "$.shop.id"


def test_errors_that_are_a_text_are_refused() -> None:
    with pytest.raises(PlatformRefused):
        heads(make_client(Script(graphql(None, errors="Not Found"))))


def test_another_version_than_asked_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    calls._warn_version.cache_clear()
    replies = [graphql(HEADS), graphql(HEADS), graphql(HEADS)]
    for reply, served in zip(replies, ("2026-10", "2026-01", "2026-01"), strict=True):
        reply.headers = {"X-Shopify-API-Version": served}
    client = make_client(Script(*replies))
    with caplog.at_level(logging.WARNING):
        for _ in replies:
            heads(client)
    assert len(caplog.records) == 1
    assert "SHOPIFY_API_VERSION" in caplog.records[0].message
    assert client.budget.versions == ["2026-01", "2026-01"], "and kept for people each time"  # type: ignore[attr-defined]
