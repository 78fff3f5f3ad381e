"""Every kind of event: when it is told, and what is in its `data`.

A notice's kind is told as it stands but for RENAMED. What is in `data` may grow; what is listed here stays. A kind that
isn't here is told all the same, so that a forgotten line loses nothing; a test finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# One word outwards for what staff and ledger call otherwise.
RENAMED = {"payout.paid": "payout.made"}
TEST = "endpoint.test"

_WORDS: dict[str, tuple[str, str, Any]] = {
    # name: (JSON type, what it is, an example)
    "act": ("string", "What was done: ask, approve, place, ship, deliver …", "ship"),
    "agreement_id": ("string", "Which version of an agreement.", "agr_01j8z0"),
    "amount": ("integer", "Minor units of `currency`.", 600),
    "answer": ("string", "What became of it, like accepted, declined, withdrawn, expired, sent_back.", "accepted"),
    "approval_id": ("string", "Which content that was handed in for a flat fee.", "cap_01j8z0"),
    "answer_by": ("string", "Without an answer it is approved then.", "2026-12-08T09:00:00+00:00"),
    "appeal_until": ("string", "Until when the creator may say what speaks against it.", "2026-12-15T09:00:00+00:00"),
    "believed": ("integer", "Followers as they count.", 900),
    "content_id": ("string", "By which video or post; absent where none is known.", "cnt_01j8z0"),
    "content_url": ("string", "Where anybody can see it; absent where the app told none.", "https://app.example/v/4711"),
    "creator_id": ("string", "Which creator.", "crt_01j8z0"),
    "currency": ("string", "ISO 4217.", "EUR"),
    "decision_id": ("string", "Which decision about taking part.", "eld_01j8z0"),
    "due_at": ("string", "Until when the next step has to be made.", "2026-12-15T09:00:00+00:00"),
    "due_on": ("string", "The day it is due.", "2026-12-15"),
    "ends_at": ("string", "When it ends by itself.", "2027-01-01T00:00:00+00:00"),
    "entry_id": ("string", "The ledger entry.", "ent_01j8z0"),
    "expires_at": ("string", "Until when it can be accepted.", "2026-12-08T09:00:00+00:00"),
    "falls_at": ("string", "From then on the lower rate holds for those who kept the old one.", "2026-12-15T09:00:00Z"),
    "fee_currency": ("string", "Of the flat fee, ISO 4217; empty without one.", "EUR"),
    "flag": ("string", "A code: what is flagged.", "followers_jumped"),
    "flat_fee": ("integer", "Minor units of `fee_currency`, once for approved content; 0: none.", 9000),
    "followers": ("integer", "As they were said.", 45000),
    "freeze_id": ("string", "Which freeze.", "frz_01j8z0"),
    "how": ("string", "How it ended.", "lifted"),
    "in_force_at": ("string", "From when payouts go there.", "2026-12-15T09:00:00+00:00"),
    "invoice_id": ("string", "Which invoice.", "inv_01j8z0"),
    "line_ref": ("string", "The line, as the store calls it.", "1"),
    "listing_id": ("string", "Which product.", "lst_01j8z0"),
    "message_number": ("integer", "Which message of the thread.", 3),
    "negotiation_id": ("string", "Which negotiation.", "neg_01j8z0"),
    "number": ("string", "The order's or the invoice's own number.", "#1001"),
    "offer_number": ("integer", "Which offer of the negotiation.", 2),
    "order_id": ("string", "Which order.", "ord_01j8z0"),
    "order_ref": ("string", "The store's id of it.", "7001"),
    "payee_id": ("string", "Which version of the payment details.", "pye_01j8z0"),
    "payout_id": ("string", "Which payout.", "pay_01j8z0"),
    "period": ("string", "The closed period.", "2026-11"),
    "pilot_until": ("string", "Until then a newcomer has limits.", "2026-12-27T09:00:00+00:00"),
    "placed_at": ("string", "When the order was placed.", "2026-11-20T12:00:00+00:00"),
    "policy_version": ("integer", "Of the eligibility policy.", 2),
    "product_ref": ("string", "The store's id of the product.", "8001"),
    "rate_bp": ("integer", "Basis points.", 1500),
    "reason": ("string", "A code: why.", "rate_open"),
    "remedy": ("string", "What to do about it, in words.", "Take the word out of the description."),
    "rule": ("string", "The rule's code.", "claims_cure"),
    "sample": ("boolean", "Is a sample part of it?", True),
    "sample_id": ("string", "Which sample.", "smp_01j8z0"),
    "sample_kind": ("string", "free or refundable.", "free"),
    "shop_id": ("string", "Which shop.", "shp_01j8z0"),
    "shown": ("object", "Payment details, masked.", {"iban": "3000"}),
    "starts_at": ("string", "From when it counts.", "2026-12-01T09:00:00+00:00"),
    "statement_id": ("string", "Which statement.", "stm_01j8z0"),
    "status": ("string", "What it is now.", "shipped"),
    "terms_id": ("string", "Which terms.", "trm_01j8z0"),
    "terms_version": ("integer", "Which version of the terms of use.", 2),
    "to": ("string", "Whom to tell: merchant or creator.", "creator"),
    "total": ("integer", "Minor units of `currency`.", 12600),
    "version": ("integer", "Which version.", 1),
    "violation_id": ("string", "Which violation.", "vio_01j8z0"),
    "why": ("string", "In words.", "Many orders by one buyer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """When it is told, what its `data` always has, and what it may have."""

    when: str
    always: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = field(default=())


_LINE = ("shop_id", "order_id", "line_ref", "creator_id", "amount", "currency", "reason", "entry_id")
_BESIDE = ("shop_id", "creator_id", "amount", "currency", "reason", "entry_id")
_FEE = ("creator_id", "shop_id", "to", "approval_id", "negotiation_id", "content_id", "amount", "currency")
_ORDER = ("content_id", "order_ref", "number", "placed_at")

KINDS: dict[str, Kind] = {
    "order.attributed": Kind("An order line was credited to a creator, and commission booked, pending.", _LINE, _ORDER),
    "commission.changed": Kind(
        "What a line earned changed: a refund, an edit, a decision. `amount` is the difference.", _LINE, _ORDER
    ),
    "commission.cleared": Kind(
        "Commission cleared: the hold is over. A bonus names no order.",
        ("shop_id", "creator_id", "amount", "currency", "reason", "entry_id"),
        ("order_id", "line_ref", *_ORDER),
    ),
    "creator.accepted": Kind(
        "A creator takes part: by the sign-up, or again.",
        ("creator_id", "decision_id", "reason", "policy_version"),
        ("pilot_until",),
    ),
    "creator.held": Kind(
        "A creator adds nothing new until a count that jumped has stood.",
        ("creator_id", "decision_id", "reason", "policy_version"),
    ),
    "creator.refused": Kind(
        "A creator adds nothing new any more; what they promote goes on.",
        ("creator_id", "decision_id", "reason", "policy_version"),
    ),
    "creator.flagged": Kind("A count isn't believed yet.", ("creator_id", "flag", "followers", "believed")),
    "creator.status": Kind("A creator's status changed.", ("creator_id",), ("status", "reason")),
    "offer.made": Kind(
        "An offer or a counter-offer was made.",
        ("creator_id", "shop_id", "to", "negotiation_id", "offer_number", "rate_bp", "expires_at"),
        ("flat_fee", "fee_currency"),
    ),
    "offer.answered": Kind(
        "An offer was accepted, declined, withdrawn or expired.",
        ("creator_id", "shop_id", "to", "negotiation_id", "offer_number", "answer"),
    ),
    "collaboration.agreed": Kind(
        "A shop and a creator agreed on terms of their own, or on a change of them.",
        (
            "creator_id",
            "shop_id",
            "negotiation_id",
            "agreement_id",
            "version",
            "rate_bp",
            "starts_at",
            "ends_at",
            "sample",
        ),
        ("flat_fee", "fee_currency"),
    ),
    "content.handed_in": Kind(
        "A creator handed content in for the flat fee of an agreement.", _FEE, ("answer_by", "content_url")
    ),
    "content.answered": Kind(
        "Content for a flat fee was approved (by the shop or by its time), sent back, or withdrawn.",
        (*_FEE, "answer"),
        ("content_url",),
    ),
    "content.appealed": Kind("A side asked support about content for a flat fee.", _FEE, ("content_url",)),
    "content.decided": Kind(
        "Support decided about content for a flat fee: approved, refused or taken_back.",
        (*_FEE, "answer"),
        ("content_url",),
    ),
    "flat_fee.owed": Kind("A flat fee is owed, or (an amount below zero) was taken back.", _BESIDE, ("content_id",)),
    "reimbursement.owed": Kind(
        "A refundable sample is paid back, or (an amount below zero) that was taken back.",
        _BESIDE,
        ("order_id", *_ORDER),
    ),
    "message.received": Kind(
        "A message came in a negotiation.", ("creator_id", "shop_id", "to", "negotiation_id", "message_number")
    ),
    "sample.moved": Kind(
        "A sample went a step on: `status` says how it stands now, `act` what was done, `due_at` until when the next "
        "step has to be made. Where it goes is never told.",
        ("creator_id", "shop_id", "sample_id", "sample_kind", "status", "act"),
        ("product_ref", "due_at", "reason", "amount", "currency"),
    ),
    "listing.refused": Kind("The rules keep a product out of the list.", ("shop_id", "listing_id", "rule", "remedy")),
    "listing.permitted": Kind("Support let a refused product in.", ("shop_id", "listing_id", "rule")),
    "violation.recorded": Kind(
        "A breach of the rules was recorded.",
        ("violation_id", "rule", "why", "appeal_until"),
        ("creator_id", "shop_id"),
    ),
    "violation.ended": Kind("A recorded breach counts no more.", ("violation_id", "how"), ("creator_id", "shop_id")),
    "payout.made": Kind(
        "A payout reached the creator.", ("creator_id", "shop_id", "payout_id", "amount", "currency"), ("reason",)
    ),
    "payout.failed": Kind(
        "A payout didn't reach the creator.", ("creator_id", "shop_id", "payout_id", "amount", "currency"), ("reason",)
    ),
    "payout.returned": Kind(
        "A payout came back.", ("creator_id", "shop_id", "payout_id", "amount", "currency"), ("reason",)
    ),
    "payout.held": Kind("A payout was kept back.", ("creator_id",), ("shop_id", "amount", "currency", "reason")),
    "payout.unmatched": Kind("The rail told of a payout that a person has to look at.", ("payout_id", "why")),
    "payee.changed": Kind(
        "Payment details were changed; the code that confirms them is in the notice.",
        ("creator_id", "payee_id", "shown"),
    ),
    "payee.confirmed": Kind(
        "Changed payment details were confirmed.", ("creator_id", "payee_id", "shown", "in_force_at")
    ),
    "payee.refused": Kind("Changed payment details were refused.", ("creator_id", "payee_id", "shown")),
    "statement.ready": Kind(
        "A creator's statement of a closed period is there.",
        ("creator_id", "shop_id"),
        ("statement_id", "period", "currency"),
    ),
    "invoice.issued": Kind(
        "A merchant's invoice was given out.",
        ("shop_id", "invoice_id", "number", "period", "currency", "total", "due_on"),
    ),
    "invoice.overdue": Kind("A merchant's invoice is past its due day.", ("shop_id", "invoice_id")),
    "freeze.made": Kind(
        "A creator's money was frozen.", ("creator_id", "freeze_id", "why", "appeal_until", "ends_at"), ("shop_id",)
    ),
    "freeze.ended": Kind("A freeze ended.", ("creator_id", "freeze_id", "how"), ("shop_id",)),
    "terms.cut": Kind(
        "Two days before a rate that the creator keeps falls.", ("creator_id", "shop_id", "terms_id", "falls_at")
    ),
    TEST: Kind("An operator tried an endpoint.", ("why",)),
}


def said_as(notice_kind: str) -> str:
    """The kind of event that a notice is told as."""
    return RENAMED.get(notice_kind, notice_kind)


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of the whole body of an event of a kind."""
    known = KINDS[kind]
    names = (*known.always, *known.sometimes)
    data = {
        "type": "object",
        "properties": {name: {"type": _WORDS[name][0], "description": _WORDS[name][1]} for name in names},
        "required": list(known.always),
    }
    return {
        "type": "object",
        "description": known.when,
        "properties": {
            "type": {"const": kind},
            "id": {"type": "string", "description": "As in the header `webhook-id`: equal whenever it is sent again."},
            "sequence": {"type": "integer", "description": "Greater is later. Numbers may be left out."},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
            "notice_id": {
                "type": ["string", "null"],
                "description": "Its notice: `GET /api/v1/notices/{id}` has what is for the addressee alone.",
            },
            "data": data,
        },
        "required": ["type", "id", "sequence", "timestamp", "notice_id", "data"],
        "examples": [example(kind)],
    }


def example(kind: str) -> dict[str, Any]:
    """A whole body, made up."""
    known = KINDS[kind]
    of_notice = not kind.startswith(("order.", "commission.", "endpoint.", "flat_fee.", "reimbursement."))
    return {
        "type": kind,
        "id": "evt_01j8z3k5m7",
        "sequence": 4711,
        "timestamp": "2026-11-20T12:00:05+00:00",
        "notice_id": "ntc_01j8z3k5m6" if of_notice else None,
        "data": {name: _WORDS[name][2] for name in (*known.always, *known.sometimes)},
    }


def missing(kind: str, data: Mapping[str, Any]) -> list[str]:
    """What `data` lacks of what its kind always has; for tests."""
    return [name for name in KINDS[kind].always if data.get(name) is None]


def takes(kinds: list[Any], kind: str) -> bool:
    """Does an endpoint with that list of kinds want an event of `kind`?"""
    return not kinds or any(kind == one or (one.endswith(".*") and kind.startswith(one[:-1])) for one in kinds)
