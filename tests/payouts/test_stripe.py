"""Stripe transfers against recorded answers: each row ends as paid, failed or unknown, and nothing is sent twice.

The bodies are those of Stripe's public API reference (transfers, errors), read 2026-11, with other ids.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
import requests
import responses

from connector.earnings.payouts.rails import StripeTransfers, Told, Transfer
from connector.errors import ConfigurationWrong, PlatformBusy, PlatformDown
from connector.programme.creators.payees import Details

URL = "https://api.stripe.com/v1/transfers"
ROW = Transfer(
    "pay_01j8qq6jvd0000000000000001", "harbour.myshopify.com", "mira", 60000, "USD",
    Details(name="Mira", country="US", stripe_account="acct_1MTfjCQ9PRzxEwkZ"),
)  # fmt: skip


def transfer(**changes: object) -> dict[str, object]:
    return {
        "id": "tr_1MiN3gLkdIwHu7ixNCZvFdgA", "object": "transfer", "amount": 60000, "amount_reversed": 0,
        "created": 1678043844, "currency": "usd", "destination": "acct_1MTfjCQ9PRzxEwkZ", "livemode": False,
        "metadata": {"payout": ROW.payout_id}, "reversed": False, "transfer_group": ROW.payout_id,
    } | changes  # fmt: skip


def error(kind: str, code: str) -> dict[str, object]:
    return {"error": {"type": kind, "code": code, "message": "Something about acct_1MTfjCQ9PRzxEwkZ"}}


@pytest.fixture
def rail(monkeypatch: pytest.MonkeyPatch) -> StripeTransfers:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between the library's own repeats
    return StripeTransfers("sk_test_1")


@responses.activate
def test_a_transfer_is_made_under_the_payouts_id(rail: StripeTransfers) -> None:
    responses.post(URL, json=transfer())
    assert rail.send(ROW) == Told("paid", "rail_confirmed", ref="tr_1MiN3gLkdIwHu7ixNCZvFdgA")
    [call] = responses.calls
    assert call.request.headers["Idempotency-Key"] == ROW.payout_id
    body = parse_qs(str(call.request.body))
    assert {name: body[name] for name in ("amount", "currency", "destination", "transfer_group")} == {
        "amount": ["60000"], "currency": ["usd"], "destination": ["acct_1MTfjCQ9PRzxEwkZ"],
        "transfer_group": [ROW.payout_id],
    }  # fmt: skip
    assert "Mira" not in str(call.request.body)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "balance_insufficient", "rail_out_of_money"),
        (400, "account_invalid", "account_refused"),
        (404, "resource_missing", "account_refused"),
        (400, "insufficient_capabilities_for_transfer", "account_refused"),
        (400, "amount_too_small", "amount_refused"),
        (403, "something_new", "rail_refused"),
    ],
)
@responses.activate
def test_what_stripe_refuses_has_failed(rail: StripeTransfers, status: int, code: str, reason: str) -> None:
    responses.post(URL, json=error("invalid_request_error", code), status=status)
    told = rail.send(ROW)
    assert (told.outcome, told.reason) == ("failed", reason)
    assert told.detail in (code, "PermissionError")  # of a 403 the library keeps no code


@responses.activate
def test_what_isnt_answered_is_unknown_and_asked_for_by_the_payouts_id(rail: StripeTransfers) -> None:
    responses.post(URL, json=error("api_error", ""), status=500)
    assert rail.send(ROW).outcome == "unknown"
    keys = {call.request.headers["Idempotency-Key"] for call in responses.calls}
    assert keys == {ROW.payout_id}  # the library's own repeats too
    responses.reset()
    responses.post(URL, body=requests.ConnectionError("gone"))
    assert rail.send(ROW).outcome == "unknown"
    responses.reset()
    responses.post(URL, json=error("idempotency_error", "idempotency_key_in_use"), status=409)
    assert rail.send(ROW).outcome == "unknown"
    responses.reset()
    responses.post(URL, json=error("idempotency_error", ""), status=400)  # the key stands for other parameters
    assert rail.send(ROW).outcome == "unknown"

    responses.reset()
    answer = {"object": "list", "url": "/v1/transfers", "has_more": False, "data": [transfer()]}
    responses.get(URL, json=answer, match=[responses.matchers.query_param_matcher(
        {"transfer_group": ROW.payout_id, "limit": "1"})])  # fmt: skip
    assert rail.ask(ROW) == Told("paid", "rail_confirmed", ref="tr_1MiN3gLkdIwHu7ixNCZvFdgA")
    responses.reset()
    responses.get(URL, json=answer | {"data": [transfer(reversed=True)]})
    found = rail.ask(ROW)
    assert found is not None
    assert found.outcome == "returned"
    responses.reset()
    responses.get(URL, json=answer | {"data": []})
    assert rail.ask(ROW) is None
    assert not [call for call in responses.calls if call.request.method == "POST"]


@responses.activate
def test_what_was_certainly_not_sent_stops_the_hand_over(rail: StripeTransfers) -> None:
    responses.post(URL, json=error("invalid_request_error", ""), status=401)
    with pytest.raises(ConfigurationWrong, match="STRIPE_KEY"):
        rail.send(ROW)
    responses.reset()
    responses.post(URL, json=error("invalid_request_error", "rate_limit"), status=429)
    with pytest.raises(PlatformBusy):
        rail.send(ROW)
    responses.reset()
    responses.get(URL, json=error("api_error", ""), status=500)
    with pytest.raises(PlatformDown) as down:
        rail.ask(ROW)
    assert "acct_" not in str(down.value)
