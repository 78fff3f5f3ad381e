"""A negotiation as one of its two sides sees it: its offers, what was agreed, and a page of its thread."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response, request
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, InputRefused
from connector.programme.collaborations import agreements, approvals, approving, dossier, messages, negotiation, rates
from connector.programme.collaborations.moves import Side
from connector.programme.collaborations.offer import rate_at
from connector.programme.collaborations.tables import Agreement, ContentApproval, Message, Negotiation, Offer
from connector.programme.content import queries as contents
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators
from connector.web import rate_words
from connector.web.words import lowered

SHOWN = 50  # messages on a page
CHOICES = 50  # products that a form offers


@dataclass(frozen=True, slots=True)
class View:
    row: Negotiation
    side: Side
    other: str  # what the other side is called
    shop: Shop
    offers: Sequence[Offer]
    agreements: Sequence[Agreement]
    titles: Mapping[str, str]
    known: Sequence[tuple[str, str]]  # products for the form
    messages: Sequence[Message]
    read: int  # up to which message this side had read before
    reported: set[int]
    earlier: int  # the message before which earlier ones stand; 0: none do
    latest: bool  # does this page end with the newest message?
    usual: str  # what the creator earns without it, today; "" where that isn't one rate
    lower: bool  # does the standing offer pay less than that?
    content: Sequence[ContentApproval]  # what was handed in for the flat fee, newest first
    videos: Mapping[str, Content]
    hindrance: str  # why nothing can be handed in now, a code; "": it can
    candidates: Sequence[Content]  # what the creator may hand in

    def may_appeal(self, row: ContentApproval) -> bool:
        """May this side ask support about an answer?"""
        try:
            approving.appeal(approvals.standing(row), self.side, clock.now())
        except Conflict:
            return False
        return True

    def waits(self, row: ContentApproval) -> bool:
        return row.state == "waiting" and clock.now() < row.answer_by

    @property
    def open(self) -> bool:
        return self.row.state == "open" and self.row.expires_at is not None and self.row.expires_at > clock.now()

    @property
    def may_offer(self) -> bool:
        return self.open or self.row.state == "agreed"

    @staticmethod
    def short(basis_points: int) -> str:
        return rate_words.short(basis_points)


def of(session: Session, row: Negotiation, side: Side) -> View:
    """The request's `before` says where its thread goes on to earlier messages."""
    shop, creator = session.get_one(Shop, row.shop_id), creators.get(session, row.creator_id)
    before = _before()
    shown = messages.page(session, row.id, before=before or row.messages + 1, limit=SHOWN)
    offers = negotiation.offers(session, [row.id])[row.id]
    usual = _usual(session, row, offers[-1])
    content = approvals.of_negotiation(session, row.id)
    hindrance = approvals.hindrance(session, row, clock.now())
    refs = {ref for each in offers for ref in each.product_refs}
    titles = catalog.titles(session, shop.id, refs)
    known = [(ref, titles.get(ref) or ref) for ref in sorted(refs, key=lambda ref: titles.get(ref) or ref)]
    listed = catalog.by_title(session, shop_id=shop.id, limit=CHOICES)
    known += [(each.product_ref, each.title) for each in listed if each.product_ref not in refs]
    return View(
        row=row, side=side, other=(shop.name or shop.domain) if side == "creator" else f"@{creator.handle}", shop=shop,
        offers=offers, agreements=agreements.versions(session, row.id), titles=titles, known=known, messages=shown,
        read=row.merchant_read if side == "merchant" else row.creator_read,
        reported=messages.reported(session, row.id),
        earlier=shown[0].number if shown and shown[0].number > 1 else 0,
        latest=not shown or shown[-1].number == row.messages,
        usual=rate_words.short(usual) if usual is not None else "", lower=(usual or 0) > offers[-1].rate_bp,
        content=content, videos=contents.some(session, {each.content_id for each in content}), hindrance=hindrance,
        candidates=() if hindrance or side == "merchant" else approvals.candidates(session, row, clock.now(), CHOICES),
    )  # fmt: skip


def _usual(session: Session, row: Negotiation, offer: Offer) -> int | None:
    """What the creator earns now on the product of an offer, or in the whole shop; None where several may differ."""
    if len(offer.product_refs) > 1:
        return None
    ref = offer.product_refs[0] if offer.product_refs else ""
    found = rates.offers(session, row.shop_id, [ref], [row.creator_id])
    rate = rate_at(found, creator_id=row.creator_id, product_ref=ref, moment=clock.now())
    return rate.rate_bp if rate is not None else 0


def _before() -> int:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def number(name: str) -> int:
    """A number that a form carries. Errors: InputRefused."""
    text = request.form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputRefused(name, "is missing.", "Open the page again.")
    return int(text)


def in_words(refused: InputRefused) -> str:
    """A refusal of a message, as a sentence under its field."""
    return f"The message {lowered(refused.problem)} {refused.remedy}".strip()


def export(session: Session, row: Negotiation, kind: str) -> Response:
    """The whole of it as a file: `csv` or `json`."""
    whole = dossier.of(session, row)
    text = dossier.table(whole) if kind == "csv" else json.dumps(whole, indent=2, ensure_ascii=False)
    return Response(
        text, mimetype="text/csv" if kind == "csv" else "application/json",
        headers={"Content-Disposition": f'attachment; filename="{row.id}.{kind}"'},
    )  # fmt: skip
