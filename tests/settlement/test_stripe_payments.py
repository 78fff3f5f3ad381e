"""Merchants' payments by Stripe: signed, once a payment, refunds below zero. Bodies are those of Stripe's public API
reference (payment intents, refunds, events), read 2026-11, with other ids."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from flask.testing import FlaskClient

from connector import db
from connector.access import links
from connector.audit import AuditRow
from connector.earnings.settlement import funding, stripe_payments
from connector.earnings.settlement.stripe_payments import Told, of_event, ours
from connector.earnings.settlement.tables import Invoice, Receipt
from connector.errors import InputRefused, MoneyRefused, PayloadUnreadable, PlatformDown
from tests.conftest import wired
from tests.settlement.books import SYSTEM, Books, utc
from tests.web.conftest import settings

SECRET = "whsec_test"
CREATED = 1_700_000_000  # 14 November 2023


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "object": "payment_intent", "amount": 600, "amount_received": 600,
        "currency": "usd", "status": "succeeded", "created": CREATED, "metadata": {"invoice": "INV-000001"},
    } | changes  # fmt: skip


def refund(**changes: Any) -> dict[str, Any]:
    return {
        "id": "re_1Nispe2eZvKYlo2Cd31jOCgZ", "object": "refund", "amount": 150, "currency": "usd", "created": CREATED,
        "payment_intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "status": "succeeded", "metadata": {},
    } | changes  # fmt: skip


def event(kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "type": kind, "created": CREATED, "data": {"object": thing}}


def test_an_event_says_what_moved_or_is_none_of_our_business() -> None:
    told = of_event(event("payment_intent.succeeded", payment()))
    assert told is not None
    assert (told.ref, told.amount, told.currency, str(told.on), told.invoice) == (
        "pi_3MtwBwLkdIwHu7ix28a3tqPa", 600, "USD", "2023-11-14", "INV-000001",
    )  # fmt: skip
    back = of_event(event("refund.updated", refund()))
    assert back is not None
    assert (back.amount, back.payment) == (-150, "pi_3MtwBwLkdIwHu7ix28a3tqPa")
    for kind, thing in (
        ("payment_intent.succeeded", payment(metadata={})), ("payment_intent.succeeded", payment(status="processing")),
        ("refund.created", refund(status="pending")), ("refund.created", refund(payment_intent=None)),
        ("charge.succeeded", payment()),
    ):  # fmt: skip
        assert of_event(event(kind, thing)) is None
    for broken in ({}, {"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"invoice": "1"}}}}):
        with pytest.raises(PayloadUnreadable):
            of_event(broken)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [(500, "JPY", 500), (1234, "EUR", 1234), (12_340, "KWD", 12_340), (120_000, "ISK", 1200), (7, "MGA", 700)],
)
def test_stripes_units_become_ours(amount: int, currency: str, minor: int) -> None:
    assert ours(amount, currency) == minor


def test_hundredths_that_dont_exist_are_refused() -> None:
    with pytest.raises(MoneyRefused):
        ours(150, "ISK")


def signed(body: bytes, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    at = at or int(time.time())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}", "Content-Type": "application/json"}


def test_a_payment_is_recorded_once_and_its_refund_opens_the_invoice_again(books: Books) -> None:
    shop, mira = books.shop(advance=False), books.creator("mira")
    books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    client = wired(settings(stripe_webhook_secret=SECRET)).test_client()

    def post(kind: str, thing: dict[str, Any], **how: Any) -> tuple[int, str]:
        body = json.dumps(event(kind, thing)).encode()
        answer = client.post("/hooks/stripe", data=body, headers=signed(body, **how))
        return answer.status_code, answer.text

    assert post("payment_intent.succeeded", payment(), secret="whsec_other")[0] == 401
    assert post("payment_intent.succeeded", payment(), at=int(time.time()) - 3600)[0] == 401
    assert books.rows(Receipt) == []
    # in two parts, the first of them twice
    assert post("payment_intent.succeeded", payment(amount_received=400)) == (200, "recorded")
    assert post("payment_intent.succeeded", payment(amount_received=400)) == (200, "repeat")
    assert post("payment_intent.succeeded", payment(id="pi_2", amount_received=250)) == (200, "recorded")
    with books.database.read(SYSTEM) as session:
        account = funding.account(session, shop, "USD", utc("2026-12-05").date())
        assert (account.received, account.open, account.credit) == (650, 0, 50)
    assert post("refund.created", refund()) == (200, "recorded")
    assert post("refund.updated", refund()) == (200, "repeat")
    with books.database.read(SYSTEM) as session:
        assert funding.account(session, shop, "USD", utc("2026-12-05").date()).open == 100
        assert funding.funded(session, shop, "USD", utc("2026-12-05")).payable(mira, 600) == 500
    # what belongs to nothing of ours is kept for a person
    for thing in (payment(id="pi_3", metadata={"invoice": "INV-000099"}), payment(id="pi_4", currency="eur")):
        assert post("payment_intent.succeeded", thing) == (200, "looked at by a person")
    assert [row.subject for row in books.rows(AuditRow) if row.act == "receipt.unmatched"] == ["pi_3", "pi_4"]
    assert wired(settings()).test_client().post("/hooks/stripe", data=b"{}").status_code == 401


@responses.activate
def test_a_merchant_pays_an_invoice_by_card_from_its_page(books: Books) -> None:
    """The invoice, the page that says what happens, Stripe's, its word by webhook, and the invoice that is paid."""
    db.use(books.database)
    shop, mira = books.shop(advance=False), books.creator("mira")
    books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    [invoice] = books.rows(Invoice)
    where = f"/dashboard/money/{invoice.id}"

    def signed_in(**more: str) -> FlaskClient:
        client = wired(settings(stripe_webhook_secret=SECRET, **more)).test_client()
        with books.database.write(SYSTEM) as session:
            path = f"/dashboard/sign-in/link/{links.issue(session, 'merchant', shop)}"
        assert press(client, path, path).status_code == 303
        return client

    def press(client: FlaskClient, page: str, path: str) -> Any:
        token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(page).text)[-1]
        return client.post(path, data={"csrf_token": token})

    without = signed_in()
    assert "Pay by card" not in without.get(where).text
    client = signed_in(stripe_key="sk_test_1")
    assert "Pay" in client.get(where).text
    url = "https://api.stripe.com/v1/checkout/sessions"
    responses.post(url, status=401, json={"error": {"type": "invalid_request_error", "message": "Invalid API Key"}})
    down = press(client, where, f"{where}/pay")
    assert (down.status_code, "Nothing was charged" in down.text, "bank transfer" in down.text) == (200, True, True)
    assert "AuthenticationError" not in down.text, "a merchant can do nothing about it"
    made = {"id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_1"}
    responses.replace(responses.POST, url, json=made)
    page = press(client, where, f"{where}/pay").text
    assert "USD\xa06.00" in page or "$6.00" in page
    assert 'href="https://checkout.stripe.com/c/pay/cs_1"' in page
    sent = parse_qs(str(responses.calls[-1].request.body))
    assert (sent["line_items[0][price_data][unit_amount]"], sent["success_url"][0].endswith(where)) == (["600"], True)
    body = json.dumps(event("payment_intent.succeeded", payment())).encode()
    assert client.post("/hooks/stripe", data=body, headers=signed(body)).text == "recorded"
    paid = client.get(where).text
    assert "Paid" in paid
    assert "Pay by card" not in paid
    assert "paid already" in press(client, "/dashboard/money", f"{where}/pay").text


@responses.activate
def test_a_poll_walks_all_pages_of_payments_and_refunds() -> None:
    url = "https://api.stripe.com/v1/"
    pages = [
        {"object": "list", "url": "/v1/payment_intents", "has_more": True, "data": [payment()]},
        {
            "object": "list",
            "url": "/v1/payment_intents",
            "has_more": False,
            "data": [payment(id="pi_2"), payment(metadata={})],
        },
    ]
    for page in pages:
        responses.get(url + "payment_intents", json=page)
    responses.get(url + "refunds", json={"object": "list", "url": "/v1/refunds", "has_more": False, "data": [refund()]})
    found = list(stripe_payments.poll("sk_test_1", utc("2026-12-01")))
    assert [(told.ref, told.amount) for told in found] == [
        ("pi_3MtwBwLkdIwHu7ix28a3tqPa", 600), ("pi_2", 600), ("re_1Nispe2eZvKYlo2Cd31jOCgZ", -150),
    ]  # fmt: skip
    assert isinstance(found[0], Told)
    assert f"created%5Bgte%5D={int(utc('2026-12-01').timestamp())}" in str(responses.calls[0].request.url)


@responses.activate
def test_a_payment_page_charges_what_is_open_and_names_the_invoice() -> None:
    url = "https://api.stripe.com/v1/checkout/sessions"
    responses.post(
        url, json={"id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_1"}
    )
    back, today = "https://connector.example/dashboard/money/inv_1", utc("2026-12-03").date()
    made = stripe_payments.payment_page("sk_test_1", "INV-000012", 1200, "ISK", back, today)
    assert made == "https://checkout.stripe.com/c/pay/cs_1"
    [call] = responses.calls
    sent = parse_qs(str(call.request.body))
    assert sent["line_items[0][price_data][unit_amount]"] == ["120000"]
    assert sent["payment_intent_data[metadata][invoice]"] == ["INV-000012"]
    assert call.request.headers["Idempotency-Key"] == "INV-000012:1200:2026-12-03"
    responses.replace(
        responses.POST, url, status=400, json={"error": {"type": "invalid_request_error", "message": "no"}}
    )
    with pytest.raises(PlatformDown):
        stripe_payments.payment_page("sk_test_1", "INV-000012", 1200, "ISK", back, today)
    with pytest.raises(InputRefused, match="last digit"):
        stripe_payments.payment_page("sk_test_1", "INV-000012", 1235, "KWD", back, today)


@pytest.mark.parametrize("currency", ["JPY", "EUR", "ISK", "MGA", "KWD"])
def test_units_go_there_and_back(currency: str) -> None:
    for amount in (100, 1200, 99_900):
        charged = stripe_payments.theirs(amount, currency)
        assert charged is not None
        assert ours(charged, currency) == amount
