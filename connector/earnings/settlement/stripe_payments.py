"""Merchants' payments as Stripe tells them: by its webhook as they happen, by a poll for what a webhook missed.

A payment belongs to us when its metadata names an invoice (`invoice`: INV-000001); others are left alone. Each is one
receipt under `stripe:<payment>`, whichever way and however often it is heard of; a refund of it is one below zero.

    payment_intent.succeeded                amount_received, currency, metadata.invoice, created
    refund.created, refund.updated          status succeeded; its payment intent must be a receipt of ours

Units:  Stripe's smallest unit is ISO 4217's but for ISK and UGX (hundredths that don't exist) and MGA (whole ariary).
Source: docs.stripe.com/api/payment_intents, /api/refunds, /currencies, /webhooks, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, money
from connector.earnings.settlement import invoices, receipts
from connector.earnings.settlement.receipts import Coming
from connector.earnings.settlement.tables import Receipt
from connector.errors import (
    ConfigurationWrong,
    ConnectorError,
    InputRefused,
    MoneyRefused,
    PayloadUnreadable,
    PlatformDown,
    SignatureRejected,
)

# currency → what one unit of Stripe is of ours, as (times, by)
_UNITS = {"ISK": (1, 100), "UGX": (1, 100), "MGA": (100, 1)}
_REFUNDS = ("refund.created", "refund.updated")
BY = "connector"


@dataclass(frozen=True, slots=True)
class Told:
    """Money that Stripe says has moved. `amount` in minor units; below zero it went back."""

    ref: str  # pi_… | re_…
    amount: int
    currency: str
    on: date
    invoice: str = ""  # of a payment: as its metadata names it
    payment: str = ""  # of a refund: the payment that it gives back


def verify(body: bytes, header: str, secret: str) -> None:
    """Errors: SignatureRejected; ConfigurationWrong where the extra isn't installed."""
    stripe = _library()
    try:
        stripe.WebhookSignature.verify_header(body.decode(), header, secret, 300)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        raise SignatureRejected("a Stripe event whose signature is wrong or old") from None


def of_event(event: Mapping[str, Any]) -> Told | None:
    """What an event says of money; None for what is none of our business. Errors: PayloadUnreadable, MoneyRefused."""
    try:
        kind, thing = event["type"], event["data"]["object"]
    except (KeyError, TypeError):
        raise PayloadUnreadable("$.data.object", "isn't there") from None
    if kind == "payment_intent.succeeded":
        return of_payment(thing)
    return of_refund(thing) if kind in _REFUNDS else None


def of_payment(thing: Mapping[str, Any]) -> Told | None:
    try:
        invoice = str((thing.get("metadata") or {}).get("invoice", ""))
        if thing["status"] != "succeeded" or not invoice:
            return None
        currency = str(thing["currency"]).upper()
        return Told(thing["id"], ours(thing["amount_received"], currency), currency, _day(thing), invoice=invoice)
    except (KeyError, TypeError, AttributeError) as error:
        raise PayloadUnreadable(f"$.data.object.{error}", "isn't there, or of another type") from None


def of_refund(thing: Mapping[str, Any]) -> Told | None:
    try:
        if thing["status"] != "succeeded" or not thing.get("payment_intent"):
            return None
        currency = str(thing["currency"]).upper()
        amount = -ours(thing["amount"], currency)
        return Told(thing["id"], amount, currency, _day(thing), payment=thing["payment_intent"])
    except (KeyError, TypeError, AttributeError) as error:
        raise PayloadUnreadable(f"$.data.object.{error}", "isn't there, or of another type") from None


def ours(amount: int, currency: str) -> int:
    """Stripe's smallest units in minor units of ISO 4217. Errors: MoneyRefused for hundredths that don't exist."""
    money.exponent(currency)
    times, by = _UNITS.get(currency, (1, 1))
    whole, rest = divmod(amount * times, by)
    if rest:
        raise MoneyRefused("amount", f"{amount} isn't a whole {currency}.")
    return whole


def theirs(amount: int, currency: str) -> int | None:
    """Minor units of ISO 4217 in Stripe's smallest; None where Stripe can't charge that amount exactly."""
    times, by = _UNITS.get(currency, (1, 1))
    whole, rest = divmod(amount * by, times)
    # Of three decimals Stripe charges two: the last digit has to be 0.
    if rest or (money.exponent(currency) == 3 and whole % 10):
        return None
    return whole


def payment_page(key: str, number: str, amount: int, currency: str, back: str, on: date) -> str:
    """Address of a page of Stripe's on which a merchant pays `amount` of an invoice. HTTP: never inside `db.write()`.

    Asked again on the same day for the same amount it is the same page, so a double click pays once.
    Errors: InputRefused for an amount that Stripe can't charge; PlatformDown when it doesn't answer or refuses.
    """
    charged = theirs(amount, currency)
    if charged is None:
        raise InputRefused("amount", f"{currency} can't be charged to its last digit.", "Pay by bank transfer.")
    stripe = _library()
    asked: Any = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(), "unit_amount": charged, "product_data": {"name": f"Invoice {number}"},
                },
            }
        ],
        "payment_intent_data": {"metadata": {"invoice": number}, "description": f"Invoice {number}"},
        "success_url": back,
        "cancel_url": back,
    }  # fmt: skip
    try:
        client = stripe.StripeClient(key, max_network_retries=2)
        made = client.v1.checkout.sessions.create(asked, {"idempotency_key": f"{number}:{amount}:{on.isoformat()}"})
    except stripe.StripeError as error:
        raise PlatformDown(f"Stripe made no payment page ({type(error).__name__})") from None
    return str(made.url)


def take(session: Session, told: Told, as_of: datetime) -> tuple[Receipt, bool] | None:
    """Record it; the receipt and whether it is new. None, with a row in the audit log, where no invoice or payment of
    ours is meant: a person looks."""
    reference = f"stripe:{told.ref}"
    try:
        shop_id, undoes = _whose(session, told)
        coming = Coming(shop_id, told.currency, told.amount, reference, told.on, "stripe", told.invoice, undoes)
        with session.begin_nested():
            return receipts.record(session, coming, BY, as_of)
    except ConnectorError as refused:
        again = session.execute(sa.select(Receipt).where(Receipt.reference == reference)).scalar_one_or_none()
        if again is not None and (again.currency, again.amount) == (told.currency, told.amount):
            return again, False  # the webhook and the poll at once
        audit.record(session, BY, "receipt.unmatched", told.ref, why=refused.public[:300], amount=told.amount)
        return None


def _whose(session: Session, told: Told) -> tuple[str, str | None]:
    """The shop, and of a refund the receipt that it gives back. Errors: NotFound, InputRefused, MoneyRefused."""
    if told.payment:
        query = sa.select(Receipt).where(Receipt.reference == f"stripe:{told.payment}")
        paid = session.execute(query).scalar_one_or_none()
        if paid is None:
            raise PayloadUnreadable("payment_intent", f"{told.payment} is no receipt of ours")
        return paid.shop_id, paid.id
    invoice = invoices.by_number(session, invoices.number_of(told.invoice))
    if invoice.currency != told.currency:
        raise MoneyRefused("currency", f"{told.invoice} is in {invoice.currency}, {told.currency} was paid.")
    return invoice.shop_id, None


def poll(key: str, since: datetime) -> Iterator[Told]:
    """Payments and refunds since a moment, payments first. HTTP: never inside `db.write()`."""
    client = _library().StripeClient(key, max_network_retries=2)
    window: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    for thing in client.v1.payment_intents.list(window).auto_paging_iter():
        if (told := of_payment(thing.to_dict())) is not None:
            yield told
    for thing in client.v1.refunds.list(window).auto_paging_iter():
        if (told := of_refund(thing.to_dict())) is not None:
            yield told


def _day(thing: Mapping[str, Any]) -> date:
    return datetime.fromtimestamp(int(thing["created"]), UTC).date()


def _library() -> Any:
    try:
        import stripe
    except ModuleNotFoundError:
        remedy = "Install the extra: pip install connector[stripe]."
        raise ConfigurationWrong("stripe", "isn't installed", remedy) from None
    return stripe
