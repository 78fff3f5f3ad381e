"""A shop and a creator about terms of their own: offers, counter-offers and answers, each by the rules of `moves`.

An act locks the shop's row (as the recording of terms does), then reads how the negotiation stands; so of two answers
at once the second sees the first. Each is audited, and the other side is told by a notice in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, notices
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import acceptance, agreements, approvals, moves, proposals
from connector.programme.collaborations.moves import Answer, MoveRefused, Side, Standing
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import Negotiation, Offer
from connector.programme.creators import queries as creators
from connector.programme.policies import use_terms

MADE, ANSWERED = "offer.made", "offer.answered"
# Who was turned down doesn't ask again so soon.
QUIET = timedelta(days=30)
CLOCK = "clock"

# Why a negotiation can't begin with a creator, as the one who asks reads it; the codes stand with a batch's rows too.
REFUSALS = {
    "creator_not_active": "The creator can't take offers now: the account is suspended or closed.",
    "own_terms_stand": "The creator has terms of their own for these products in that time. Change those, or choose "
    "another time.",
    "offer_open": "There is an open offer with this creator. Answer it, or make another one in its place.",
    "fee_stands": "Content stands for the flat fee that was agreed on: a change of the agreement keeps that fee. For "
    "another fee begin a new negotiation, about other products or after this agreement.",
    "fee_currency_changed": "The shop's currency isn't that of the flat fee any more. Make a new offer.",
    "declined_lately": f"The other side declined less than {QUIET.days} days ago.",
}


_FIELDS = {"own_terms_stand": "product_refs", "fee_stands": "flat_fee", "fee_currency_changed": "flat_fee"}


class BeginRefused(Conflict):
    """No negotiation begins; `code` is one of REFUSALS, `field` what stands in its way."""

    def __init__(self, code: str) -> None:
        super().__init__(code, public=REFUSALS[code])
        self.code, self.field = code, _FIELDS.get(code, "creator_id")


def find(
    session: Session, negotiation_id: str, *, shop_id: str | None = None, creator_id: str | None = None
) -> Negotiation:  # fmt: skip
    """Errors: NotFound, for another shop's or another creator's too."""
    row = session.get(Negotiation, negotiation_id)
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise NotFound(f"no negotiation has the id {negotiation_id[:40]!r}", public="There is no such negotiation.")
    if creator_id is not None and row.creator_id != creator_id:
        raise NotFound(f"negotiation {row.id} is another creator's", public="There is no such negotiation.")
    return row


def offers(session: Session, negotiation_ids: Collection[str]) -> dict[str, list[Offer]]:
    """Negotiation → its offers, oldest first."""
    found: dict[str, list[Offer]] = defaultdict(list)
    asked = sa.select(Offer).where(Offer.negotiation_id.in_(list(negotiation_ids)))
    for row in session.scalars(asked.order_by(Offer.number)):
        found[row.negotiation_id].append(row)
    return found


def living(now: datetime) -> sa.ColumnElement[bool]:
    """Whether a negotiation's last offer can still be answered."""
    return sa.and_(Negotiation.state == "open", Negotiation.expires_at > now)


def waits_for(side: Side, now: datetime) -> sa.ColumnElement[bool]:
    """Whether a negotiation waits for this side's answer, which can still be given."""
    return sa.and_(living(now), Negotiation.turn == side)


def standing(row: Negotiation) -> Standing:
    return Standing(row.state, row.number, row.turn, row.expires_at, row.agreed)


def begin(
    session: Session, shop_id: str, creator_id: str, side: Side, given: Proposal, *, by: str,
    now: datetime | None = None,
) -> Negotiation:  # fmt: skip
    """Make the first offer. The same one, made again while it stands, is given back.

    Errors: NotFound (shop, creator); InputRefused by field; BeginRefused; TermsOwed.
    """
    now = now or clock.now()
    _lock_shop(session, shop_id)
    creators.living(session, creator_id)
    use_terms.hold(session, side, creator_id if side == "creator" else shop_id, now)
    given = proposals.checked(session, shop_id, given, now)
    made, refused = begin_many(session, shop_id, {creator_id: given}, side, by=by, now=now)
    if creator_id in made:
        row = session.get_one(Negotiation, made[creator_id])
        return _accept_by_rule(session, row, given, now) if side == "creator" else row
    if refused[creator_id] == "offer_open":
        row = session.scalars(_open(shop_id, [creator_id])).one()
        stands = _offer(session, row)
        if stands.side == side and proposals.of(stands) == given:
            return row
    raise BeginRefused(refused[creator_id])


def begin_many(
    session: Session, shop_id: str, given: Mapping[str, Proposal], side: Side, *, by: str, now: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    """First offers to many creators, all checked before (`proposals.checked`): (creator → negotiation, creator → code
    of REFUSALS). A handful of statements, whatever their number; the caller has locked the shop."""
    refused = _refusals(session, shop_id, given, side, now)
    wanted = [creator_id for creator_id in given if creator_id not in refused]
    if not wanted:
        return {}, refused
    rows: list[dict[str, Any]] = []
    for creator_id in wanted:
        stands = moves.begin(side, given[creator_id].expires_at)
        rows.append(
            {
                "id": new_id("neg"), "shop_id": shop_id, "creator_id": creator_id, "ended_by": "", "messages": 0,
                "merchant_read": 0, "creator_read": 0, "begun_at": now, "begun_by": by, "moved_at": now,
                **msgspec.structs.asdict(stands),
            }
        )  # fmt: skip
    insert = db.insert(session, Negotiation).on_conflict_do_nothing(
        index_elements=["shop_id", "creator_id"], index_where=sa.text("state = 'open'")
    )
    session.connection().execute(insert, rows)
    ids = [row["id"] for row in rows]
    kept = set(session.scalars(sa.select(Negotiation.id).where(Negotiation.id.in_(ids))))
    made = {row["creator_id"]: row["id"] for row in rows if row["id"] in kept}
    refused |= {creator_id: "offer_open" for creator_id in wanted if creator_id not in made}
    _write_offers(session, shop_id, [(made[c], c, 1, given[c]) for c in made], side, by=by, now=now)
    return made, refused


def offer(
    session: Session, negotiation_id: str, side: Side, number: int, given: Proposal, *, agreed: int = 0, by: str,
    now: datetime | None = None,
) -> Negotiation:  # fmt: skip
    """Another offer in the place of number `number`: a counter-offer, a better one of one's own, or a change of version
    `agreed` of the agreement. The same one, made again while it stands, is given back. A creator's may be accepted by a
    rule of the shop.

    Errors: NotFound; MoveRefused; InputRefused by field; BeginRefused where something stands in its way; TermsOwed.
    """
    now = now or clock.now()
    row = _locked(session, negotiation_id)
    use_terms.hold(session, side, row.creator_id if side == "creator" else row.shop_id, now)
    given = proposals.checked(session, row.shop_id, given, now)
    before = _offer(session, row)
    if row.state == "open" and number == row.number - 1 and before.side == side and proposals.of(before) == given:
        return row  # the same request once more
    stands = moves.offer(standing(row), side, number, given.expires_at, now, agreed=agreed)
    code = _in_the_way(session, row, given, now)
    if code:
        raise BeginRefused(code)
    if row.state == "open":
        before.outcome, before.answered_at, before.answered_by = "countered", now, by
    elif session.scalars(_open(row.shop_id, [row.creator_id])).first() is not None:
        raise BeginRefused("offer_open")
    _move(row, stands, now)
    session.flush()
    offered = [(row.id, row.creator_id, stands.number, given)]
    _write_offers(session, row.shop_id, offered, side, by=by, now=now)
    return _accept_by_rule(session, row, given, now) if side == "creator" else row


def answer(
    session: Session, negotiation_id: str, side: Side, what: Answer, number: int, *, by: str,
    now: datetime | None = None,
) -> Negotiation:  # fmt: skip
    """Accept or decline offer `number`, or withdraw one's own. The same answer of the same side, once more, changes
    nothing.

    Errors: NotFound; MoveRefused; BeginRefused, Conflict or InputRefused where the terms can't be made: then the offer
    stands. TermsOwed for who would accept.
    """
    now = now or clock.now()
    row = _locked(session, negotiation_id)
    if what == "accept":
        use_terms.hold(session, side, row.creator_id if side == "creator" else row.shop_id, now)
    stood = _offer(session, row)
    by_them = stood.side == side if what == "withdraw" else stood.side != side
    if number == row.number and stood.outcome == moves.OUTCOMES[what] and by_them:
        return row
    stands = moves.answer(standing(row), side, what, number, now)
    _answer(session, row, stood, stands, side, moves.OUTCOMES[what], by=by, now=now)
    return row


def expire_due(session: Session, now: datetime, limit: int = 200) -> int:
    """End the offers whose time has passed without an answer; how many. A pass may be repeated, and crossed by an
    answer."""
    due = session.execute(
        sa.select(Negotiation.id, Negotiation.shop_id)
        .where(Negotiation.state == "open", Negotiation.expires_at <= now)
        .order_by(Negotiation.expires_at, Negotiation.id)
        .limit(limit)
    ).all()
    for shop_id in sorted({shop_id for _, shop_id in due}):  # in one order, so that two passes don't wait in a circle
        _lock_shop(session, shop_id)
        ids = [each for each, whose in due if whose == shop_id]
        for row in session.scalars(sa.select(Negotiation).where(Negotiation.id.in_(ids)).execution_options(**_FRESH)):
            stands = moves.expire(standing(row), now)
            if stands != standing(row):
                _answer(session, row, _offer(session, row), stands, "", "expired", by=CLOCK, now=now)
    session.flush()
    return len(due)


def page(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, state: str | None = None,
    before: str | None = None, limit: int,
) -> Sequence[Negotiation]:  # fmt: skip
    """Negotiations, the newest begun first; `before`: the id of the last one seen."""
    asked = sa.select(Negotiation).order_by(Negotiation.id.desc()).limit(limit)
    for column, value in ((Negotiation.shop_id, shop_id), (Negotiation.creator_id, creator_id)):
        if value is not None:
            asked = asked.where(column == value)
    if state is not None:
        asked = asked.where(Negotiation.state == state)
    if before is not None:
        asked = asked.where(Negotiation.id < before)
    return session.scalars(asked).all()


def _refusals(
    session: Session, shop_id: str, given: Mapping[str, Proposal], side: Side, now: datetime
) -> dict[str, str]:
    """Creator → why no negotiation begins."""
    ids = list(given)
    found = dict.fromkeys(session.scalars(sa.select(Negotiation.creator_id).where(
        Negotiation.shop_id == shop_id, Negotiation.creator_id.in_(ids), Negotiation.state == "declined",
        Negotiation.ended_by == moves.other(side), Negotiation.moved_at > now - QUIET,
    )), "declined_lately")  # fmt: skip
    spans = {(each.scopes(), each.starts_at or now, each.ends_at) for each in given.values()}
    for scopes, starts, ends in spans:
        some = [c for c in ids if (given[c].scopes(), given[c].starts_at or now, given[c].ends_at) ==
                (scopes, starts, ends)]  # fmt: skip
        taken = proposals.standing_terms(session, shop_id, some, scopes, starts, ends)
        found |= dict.fromkeys(taken, "own_terms_stand")
    found |= {row.creator_id: "offer_open" for row in session.scalars(_open(shop_id, ids))}
    statuses = creators.statuses_at(session, ids, now)
    return found | {c: "creator_not_active" for c in ids if statuses[c] != creators.ACTIVE}


def _in_the_way(session: Session, row: Negotiation, given: Proposal, now: datetime) -> str:
    """Why an offer of a negotiation that goes on can't be made; "" where nothing is. Its own agreement gives way."""
    if creators.status_at(session, row.creator_id, now) != creators.ACTIVE:
        return "creator_not_active"
    if row.agreed and approvals.fee_in_the_way(session, row.id, given.flat_fee, given.fee_currency):
        return "fee_stands"
    own = agreements.versions(session, row.id) if row.agreed else ()
    taken = proposals.standing_terms(
        session, row.shop_id, [row.creator_id], given.scopes(), given.starts_at or now, given.ends_at,
        but=[terms_id for version in own for terms_id in version.terms_ids],
    )  # fmt: skip
    return "own_terms_stand" if taken else ""


def _accept_by_rule(session: Session, row: Negotiation, given: Proposal, now: datetime) -> Negotiation:
    """Accept a creator's offer where a rule of the shop takes it; where its terms can't be made a person looks."""
    rule = acceptance.match(session, row.shop_id, row.creator_id, given, now)
    if rule is None:
        return row
    stands = moves.answer(standing(row), "merchant", "accept", row.number, now)
    try:
        with session.begin_nested():
            by = f"rule:{rule.id}"
            _answer(session, row, _offer(session, row), stands, "merchant", "accepted", by=by, now=now)
    except (Conflict, InputRefused):
        session.refresh(row)
    return row


def _answer(
    session: Session, row: Negotiation, stood: Offer, stands: Standing, side: str, outcome: str, *, by: str,
    now: datetime,
) -> None:  # fmt: skip
    """Stamp the offer, move the negotiation on, tell who made the offer (both of an end by the clock)."""
    if outcome == "accepted":
        if creators.status_at(session, row.creator_id, now) != creators.ACTIVE:
            raise BeginRefused("creator_not_active")
        if row.agreed and approvals.fee_in_the_way(session, row.id, stood.flat_fee, stood.fee_currency):
            raise BeginRefused("fee_stands")
        if stood.flat_fee and session.get_one(Shop, row.shop_id).currency != stood.fee_currency:
            raise BeginRefused("fee_currency_changed")
        agreements.conclude(session, row, stood, side=side, by=by, version=stands.agreed, now=now)
    stood.outcome, stood.answered_at, stood.answered_by = outcome, now, by
    _move(row, stands, now)
    row.ended_by = side if outcome in ("declined", "withdrawn") else ""
    said: dict[str, Any] = {"negotiation_id": row.id, "offer_number": stood.number, "answer": outcome}
    audit.record(session, by, f"offer.{outcome}", row.id, shop_id=row.shop_id, number=stood.number)
    tells = [moves.other(side)] if side else ["merchant", "creator"]
    for each in tells:
        notices.say(
            session, ANSWERED, creator_id=row.creator_id, shop_id=row.shop_id, to=each,
            **said,
        )  # fmt: skip
    session.flush()


def _write_offers(
    session: Session, shop_id: str, made: Sequence[tuple[str, str, int, Proposal]], side: Side, *, by: str,
    now: datetime,
) -> None:  # fmt: skip
    """Offers with their audit rows and notices; `made`: (negotiation, creator, number, proposal) each."""
    to = moves.other(side)
    told = []
    for negotiation_id, creator_id, number, given in made:
        row = Offer(
            id=new_id("ofr"), negotiation_id=negotiation_id, number=number, side=side, **proposals.columns(given),
            made_at=now, made_by=by, outcome="", answered_by="",
        )  # fmt: skip
        session.add(row)
        audit.record(session, by, "offer.make", negotiation_id, shop_id=shop_id, number=number, rate_bp=given.rate_bp)
        told.append(
            {
                "creator_id": creator_id, "shop_id": shop_id, "to": to,
                "negotiation_id": negotiation_id, "offer_number": number, "rate_bp": given.rate_bp,
                "flat_fee": given.flat_fee, "fee_currency": given.fee_currency,
                "expires_at": given.expires_at.isoformat(),
            }
        )  # fmt: skip
    session.flush()
    notices.say_all(session, MADE, told)


def _move(row: Negotiation, stands: Standing, now: datetime) -> None:
    row.state, row.number, row.turn = stands.state, stands.number, stands.turn
    row.expires_at, row.agreed, row.moved_at = stands.expires_at, stands.agreed, now


def _offer(session: Session, row: Negotiation) -> Offer:
    """The newest offer."""
    asked = sa.select(Offer).where(Offer.negotiation_id == row.id, Offer.number == row.number)
    return session.scalars(asked.execution_options(**_FRESH)).one()


def _open(shop_id: str, creator_ids: Collection[str]) -> sa.Select[Negotiation]:
    return sa.select(Negotiation).where(
        Negotiation.shop_id == shop_id, Negotiation.creator_id.in_(list(creator_ids)), Negotiation.state == "open"
    )


# What another transaction wrote while this one waited for the lock is seen, whatever was read before.
_FRESH: dict[str, Any] = {"populate_existing": True}


def _locked(session: Session, negotiation_id: str) -> Negotiation:
    """The negotiation as it stands, with its shop's row locked and its own. Errors: NotFound."""
    row = find(session, negotiation_id)
    _lock_shop(session, row.shop_id)
    asked = sa.select(Negotiation).where(Negotiation.id == negotiation_id).with_for_update()
    return session.scalars(asked.execution_options(**_FRESH)).one()


def _lock_shop(session: Session, shop_id: str) -> None:
    if session.scalar(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update()) is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")


__all__ = [
    "BeginRefused",
    "MoveRefused",
    "answer",
    "begin",
    "begin_many",
    "expire_due",
    "find",
    "offer",
    "offers",
    "page",
]
