"""An offer as a form has it, for both sides: read, refused beside its field, and shown again as it was typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from connector import clock, money
from connector.errors import ConnectorError, InputRefused, MoneyRefused
from connector.programme.collaborations.moves import Side
from connector.programme.collaborations.proposals import LONGEST_WAIT, Proposal
from connector.programme.collaborations.tables import Message, Negotiation, Offer
from connector.web import moments, rate_words, words
from connector.web.words import Badge

WAITS = (3, 7, 14, 30)  # days that an offer may wait
_WAIT = 7
# Names of fields as the rooms below have them, and as the form does.
_FIELDS = {
    "rate_bp": "rate", "product_refs": "products", "starts_at": "starts", "ends_at": "last_day", "expires_at": "wait",
    "flat_fee": "fee", "fee_currency": "fee",
}  # fmt: skip
_LABELS = {
    "rate": "The rate", "products": "The products", "starts": "The first day", "last_day": "The last day",
    "wait": "The time to answer", "note": "The note", "fee": "The flat fee",
}  # fmt: skip


@dataclass(slots=True)
class Typed:
    """What a form says, as it was typed; `errors` by the id of the field."""

    rate: str = ""
    products: list[str] = field(default_factory=list)
    starts: str = ""
    last_day: str = ""
    wait: str = str(_WAIT)
    sample: bool = False
    fee: str = ""
    note: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def typed(form: MultiDict[str, str]) -> Typed:
    return Typed(
        rate=form.get("rate", "").strip()[:20], products=[ref for ref in form.getlist("products") if ref],
        starts=form.get("starts", "").strip()[:20], last_day=form.get("last_day", "").strip()[:20],
        wait=form.get("wait", str(_WAIT)), sample=bool(form.get("sample")),
        fee=form.get("fee", "").strip()[:30], note=form.get("note", "")[:10_000],
    )  # fmt: skip


def of_offer(offer: Offer, now: datetime) -> Typed:
    """An offer as the other side's form begins, to be changed: what has passed is left out."""
    starts = offer.starts_at if offer.starts_at is not None and offer.starts_at > now else None
    return Typed(
        rate=rate_words.as_typed(offer.rate_bp), products=list(offer.product_refs),
        starts=_day(starts) if starts is not None else "", last_day=_day(last_moment(offer)),
        sample=offer.sample, fee=money.text(offer.flat_fee, offer.fee_currency) if offer.flat_fee else "",
    )  # fmt: skip


def proposal(asked: Typed, currency: str, now: datetime | None = None) -> Proposal:
    """What it offers, in the zone of this page; `currency`: the shop's. Errors: InputRefused, each naming the field of
    the form."""
    now = now or clock.now()
    rate_bp, starts, ends, flat_fee = together(
        lambda: _rate(asked.rate),
        lambda: moments.first_of(asked.starts, "starts") if asked.starts else None,
        lambda: _end(asked.last_day),
        lambda: fee_typed(asked.fee, currency),
    )
    if starts is not None and starts <= now < starts + timedelta(days=1):
        starts = None  # today: from its acceptance on
    days = int(asked.wait) if asked.wait.isascii() and asked.wait.isdigit() and len(asked.wait) < 4 else _WAIT
    return Proposal(
        rate_bp=rate_bp, ends_at=ends,
        expires_at=max(min(now + min(timedelta(days=days), LONGEST_WAIT), ends), now + timedelta(minutes=1)),
        product_refs=tuple(sorted(set(asked.products))), starts_at=starts, sample=asked.sample, note=asked.note,
        flat_fee=flat_fee,
    )  # fmt: skip


def _rate(text: str) -> int:
    if not text:
        raise InputRefused("rate", "is missing.", "Write per cent, like 12.5.")
    return rate_words.typed(text, "rate")


def _end(text: str) -> datetime:
    """The first moment after the last day."""
    if not text:
        raise InputRefused("last_day", "is missing.", "Terms of one creator have an end.")
    first = moments.first_of(text, "last_day")
    return moments.first_of((first.date() + timedelta(days=1)).isoformat(), "last_day")


class SeveralRefused(InputRefused):
    """All fields of a form that can't be taken: it is itself the first of them."""

    def __init__(self, every: Sequence[InputRefused]) -> None:
        super().__init__(every[0].field, every[0].problem, every[0].remedy)
        self.every = every


def together(*reads: Callable[[], Any]) -> list[Any]:
    """What each of them reads. Errors: SeveralRefused with all that any of them refuses, so that a form is mended at
    once and not field by field."""
    read, refused = [], []
    for each in reads:
        try:
            read.append(each())
        except InputRefused as wrong:
            refused.append(wrong)
    if refused:
        raise SeveralRefused(refused)
    return read


def said(refused: InputRefused, label: str = "This") -> str:
    """A refusal beside its field. A sum says itself what is wrong with it."""
    if isinstance(refused, MoneyRefused):
        return f"{refused.problem[:1].upper()}{refused.problem[1:]} {refused.remedy}".strip()
    return f"{label} {refused.problem} {refused.remedy}".strip()


def fee_typed(text: str, currency: str, field: str = "fee") -> int:
    """A flat fee as somebody wrote it, in minor units; 0 for nothing. Errors: InputRefused(field)."""
    if not text:
        return 0
    if not currency:
        raise InputRefused(field, "has no currency: the store hasn't told its own.", "Leave it empty.")
    return money.parse(text, currency, field)


def put(asked: Typed, refused: ConnectorError) -> None:
    """Beside its field, in words of the form; what is about none stands above."""
    if not isinstance(refused, InputRefused):
        asked.errors["form"] = refused.public
        return
    for each in refused.every if isinstance(refused, SeveralRefused) else (refused,):
        name = _FIELDS.get(each.field, each.field)
        if each.field == "rate_bp":
            asked.errors[name] = "Write a rate from 1 to 80 per cent."
        else:
            asked.errors[name] = said(each, _LABELS.get(name, "This"))


def last_moment(offer: Offer) -> datetime:
    """Inside the last day of an offer: its end is the first moment after it."""
    return offer.ends_at - timedelta(microseconds=1)


def _day(moment: datetime) -> str:
    return moment.astimezone(moments.zone()).date().isoformat()


def badge_of(row: Negotiation, side: Side) -> Badge:
    """How a negotiation stands for one of its sides."""
    if row.state == "open":
        if row.expires_at is not None and row.expires_at <= clock.now():
            return words.status("negotiation", "expired")
        return words.status("negotiation", "yours" if row.turn == side else "theirs")
    return words.status("negotiation", row.state)


def said_by(row: Offer | Message, side: Side, other: str) -> str:
    """Who made an offer, or wrote a message, as one of the sides reads it."""
    return "You" if row.side == side else other
