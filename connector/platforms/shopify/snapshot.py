"""The one meaning of an order's words, whichever side told them. Both sides end in `sealed`, so they end equal.

A webhook body and an API read of one version must give equal snapshots (COMMISSION.md, Notes). So what only one side
knows stays out, and each rule below uses facts that both have:

- delivered_at  the fulfilment's own change time while its status is "delivered". `deliveredAt` is in the API only.
- paid_at       the order's processed time once money came in. Payment times are in the API's transactions only.
- referral      `source_identifier`, into which Shopify writes the buyer's `ref`. The landing page itself is in bodies
                only (the API has it in the journey, later and in another form), so it isn't a carrier of ours.
- disputes      beside the snapshot: only the API and the topics disputes/* know them.
- returns       beside the snapshot: only the API tells of them (topics returns/* would need read_returns), as one
                status of the whole order.
- product_ref   None once the product is deleted: the API can't tell it any more.
Notes and attributes of the buyer may hold personal data, so an attribute is taken only under our own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connector.errors import PayloadUnreadable
from connector.events import (
    AdjustmentKind,
    Carrier,
    CarrierKind,
    OrderSnapshot,
    PaymentStatus,
    Refund,
    TransactionStatus,
)
from connector.platforms.reading import by_ref

SAMPLE_TAG = "sample_order"  # COMMISSION.md: marks an order that is a creator's sample
GIFT_CARD = "gift_card"  # the gateway's name, in bodies and in the API
TIP_TITLE = "Tip"  # … and a line without a product and with this title is a tip
KEPT = re.compile(r"[A-Za-z0-9_-]{1,48}")  # a token, with what may have been added to it
LEAST_TOKEN = 26  # shorter words in an address are somebody else's
AROUND = " \t\r\n.,;:!?'\"()<>[]{}*/\\"
OUR_NAME = re.compile(r"_{0,2}[a-z][a-z0-9]{1,19}_touch")  # any prefix: a changed setting loses no token

_STATUSES: dict[str, PaymentStatus] = {
    "pending": "pending",
    "authorized": "authorized",
    "partially_paid": "partially_paid",
    "paid": "paid",
    "partially_refunded": "partially_refunded",
    "refunded": "refunded",
    "voided": "voided",
    "expired": "expired",
}
_MONEY_CAME = frozenset({"partially_paid", "paid", "partially_refunded", "refunded"})
# Fulfilments that never happened.
NOT_FULFILLED = frozenset({"cancelled", "canceled", "error", "failure"})


def payment_status(word: str | None, path: str) -> PaymentStatus:
    if word is None:
        return "none"
    try:
        return _STATUSES[word.lower()]
    except KeyError:
        raise PayloadUnreadable(path, f"{word[:40]!r} isn't a payment status we know") from None


def paid_at(status: PaymentStatus, processed_at: datetime | None) -> datetime | None:
    return processed_at if status in _MONEY_CAME else None


def is_sample(tags: Iterable[str]) -> bool:
    return any(tag.strip().casefold() == SAMPLE_TAG for tag in tags)


def by_gift_card(gateways: Iterable[str]) -> bool:
    """A gift card is among the ways of payment. How much of it neither side tells in the order."""
    return any(name.strip().lower() == GIFT_CARD for name in gateways)


def return_status(word: str) -> Literal["open", "closed"]:
    """Goods asked to be sent back, or on their way. Once they were looked at, what follows is a refund or nothing.

    A word that we don't know holds no money: unlike a dispute's it would hold every order of a store.
    """
    return "open" if word.upper() in ("RETURN_REQUESTED", "IN_PROGRESS") else "closed"


def is_tip(product_ref: str | None, title: str) -> bool:
    return product_ref is None and title == TIP_TITLE


def adjustment_kind(kind: str | None, reason: str | None) -> AdjustmentKind:
    """What a refund's adjustment is about.

    Bodies have a `kind` (refund_discrepancy, shipping_refund) and a `reason` in words; the API has a reason from an
    enum, or none. The enum's values are the reasons of a discrepancy, so CUSTOMER, DAMAGE and RESTOCK are money given
    or kept without an item; the API gives no reason where bodies say shipping_refund.
    """
    words = {re.sub(r"[^a-z]+", "_", text.strip().lower()) for text in (kind, reason) if text}
    if not words or "shipping_refund" in words:
        return "shipping"
    if any(word.startswith("pending") for word in words):
        return "pending"
    if any("balancing" in word for word in words):
        return "balancing"
    if words & {"refund_discrepancy", "customer", "damage", "restock", "other"}:
        return "discrepancy"
    return "other"


def transaction_status(word: str) -> TransactionStatus:
    """Final words as they are; whatever else (awaiting_response, unknown) is still on its way."""
    match word.lower():
        case "success":
            return "success"
        case "failure":
            return "failure"
        case "error":
            return "error"
        case _:
            return "pending"


def dispute_status(word: str) -> Literal["open", "won", "lost", "closed"]:
    """An accepted chargeback is a lost one. A word that we don't know leaves the money where it is: still open."""
    match word.lower():
        case "won":
            return "won"
        case "lost" | "accepted":
            return "lost"
        case "charge_refunded" | "prevented":
            return "closed"
        case _:
            return "open"


def is_refund_transaction(kind: str) -> bool:
    """Only these move money back; a void, for one, never had it."""
    return kind.lower() == "refund"


def token_carrier(name: str, value: object, line_ref: str | None = None) -> Carrier | None:
    """An attribute or property under our name with a value of a token's shape; anything else isn't ours to keep.

    Spaces and punctuation around it were added on the way, and a few characters behind it may have been.
    """
    if not isinstance(value, str) or not OUR_NAME.fullmatch(name):
        return None
    value = value.strip(AROUND)
    if not KEPT.fullmatch(value):
        return None
    return Carrier(
        kind="cart_attribute" if line_ref is None else "line_property", value=value, name=name, line_ref=line_ref
    )


def referral_carrier(source_identifier: str | None) -> Carrier | None:
    value = (source_identifier or "").strip(AROUND)
    if not KEPT.fullmatch(value):
        return None
    return Carrier(kind="referral", value=value, name="source_identifier")


def landing_carriers(address: str | None, kind: CarrierKind = "landing_page") -> list[Carrier]:
    """What rides in the query of a visit's first page: `ref`, `utm_content`, and a permalink's own attributes.

    Never the address itself, and nothing that can't be a token: the rest of it may say who somebody is.
    """
    if not address:
        return []
    try:
        pairs = parse_qsl(urlsplit(address[:4000]).query, keep_blank_values=False)
    except ValueError:
        return []
    found = []
    for name, value in pairs:
        ours = name in ("ref", "utm_content") or OUR_NAME.fullmatch(name.removeprefix("attributes[").removesuffix("]"))
        bare = value.strip(AROUND)
        if ours and KEPT.fullmatch(bare) and len(bare) >= LEAST_TOKEN:
            found.append(Carrier(kind=kind, value=bare, name=name))
    return found


def referrer_carrier(referring_site: str | None) -> Carrier | None:
    """The host of the page before the visit, without the rest of it."""
    try:
        host = urlsplit(referring_site or "").hostname
    except ValueError:
        host = None
    return Carrier(kind="referrer", value=host) if host else None


def code_carrier(code: str | None) -> Carrier | None:
    return Carrier(kind="code", value=code) if code else None


def sealed(snapshot: OrderSnapshot, carriers: Iterable[Carrier | None]) -> OrderSnapshot:
    """Lists in the order of Shopify's ids, carriers as a sorted set: sides that list them otherwise end equal."""
    kept = {carrier for carrier in carriers if carrier is not None}
    return msgspec.structs.replace(
        snapshot,
        lines=tuple(sorted(snapshot.lines, key=lambda line: by_ref(line.line_ref))),
        refunds=tuple(sealed_refund(r) for r in sorted(snapshot.refunds, key=lambda r: by_ref(r.refund_ref))),
        fulfilments=tuple(
            msgspec.structs.replace(f, lines=tuple(sorted(f.lines, key=lambda line: by_ref(line.line_ref))))
            for f in sorted(snapshot.fulfilments, key=lambda f: by_ref(f.fulfilment_ref))
        ),
        carriers=tuple(sorted(kept, key=lambda c: (c.kind, by_ref(c.line_ref or ""), c.name, c.value))),
    )


def sealed_refund(refund: Refund) -> Refund:
    return msgspec.structs.replace(
        refund,
        lines=tuple(sorted(refund.lines, key=lambda line: by_ref(line.refund_line_ref))),
        adjustments=tuple(sorted(refund.adjustments, key=lambda a: by_ref(a.adjustment_ref))),
        transactions=tuple(sorted(refund.transactions, key=lambda t: by_ref(t.transaction_ref))),
    )
