"""Content that fulfils an agreement's flat fee: handed in by the creator, answered by the shop or by its time, decided
by support where a side asks. Money is booked above (`operations.content_fees`), in the same transaction.

A fee is owed once for all versions of an agreement: while content stands for it (`approving.STANDING`) no other is
handed in, and no version with another fee is agreed on. Each act locks the shop's row, as those of a negotiation do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import NotFound
from connector.programme.collaborations import agreements, approving, terms
from connector.programme.collaborations.approving import ApprovalRefused, Reply, Standing, Verdict
from connector.programme.collaborations.moves import Side, other
from connector.programme.collaborations.offer import in_effect
from connector.programme.collaborations.tables import Agreement, ContentApproval, Negotiation, Offer, Terms
from connector.programme.collaborations.wording import cleaned
from connector.programme.content import queries as contents
from connector.programme.content import sightings
from connector.programme.content.tables import Anchor, Content
from connector.programme.creators import queries as creators

HANDED_IN, ANSWERED, APPEALED, DECIDED = "content.handed_in", "content.answered", "content.appealed", "content.decided"
LONGEST_REASON = 2000
CLOCK = "clock"
NOT_SEEN = (
    "Nobody answered, and by then nobody could see a product of the agreement in it: it was taken down, or they were"
    " taken out. Put it right and hand it in anew."
)


def find(
    session: Session, approval_id: str, *, shop_id: str | None = None, creator_id: str | None = None
) -> ContentApproval:  # fmt: skip
    """Errors: NotFound, for another shop's or another creator's too."""
    row = session.get(ContentApproval, approval_id)
    if row is None or shop_id not in (None, row.shop_id) or creator_id not in (None, row.creator_id):
        raise NotFound(f"no content was handed in as {approval_id[:40]!r}", public="There is no such content.")
    return row


def of_negotiation(session: Session, negotiation_id: str) -> Sequence[ContentApproval]:
    """All that was ever handed in for an agreement, newest first."""
    asked = sa.select(ContentApproval).where(ContentApproval.negotiation_id == negotiation_id)
    return session.scalars(asked.order_by(ContentApproval.number.desc())).all()


def page(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, state: str | None = None,
    negotiation_id: str | None = None, before: str | None = None, limit: int,
) -> Sequence[ContentApproval]:  # fmt: skip
    """What was handed in, the newest first; `before`: the id of the last one seen."""
    asked = sa.select(ContentApproval).order_by(ContentApproval.id.desc()).limit(limit)
    for column, value in (
        (ContentApproval.shop_id, shop_id), (ContentApproval.creator_id, creator_id), (ContentApproval.state, state),
        (ContentApproval.negotiation_id, negotiation_id),
    ):  # fmt: skip
        if value is not None:
            asked = asked.where(column == value)
    if before is not None:
        asked = asked.where(ContentApproval.id < before)
    return session.scalars(asked).all()


def waiting(session: Session, shop_id: str) -> tuple[int, datetime | None]:
    """How much content waits for a shop's answer, and when the first of it is approved by itself."""
    asked = sa.select(sa.func.count(), sa.func.min(ContentApproval.answer_by)).where(
        ContentApproval.shop_id == shop_id, ContentApproval.state == "waiting"
    )
    number, first = session.execute(asked).one()
    return number, first


def standing(row: ContentApproval) -> Standing:
    return Standing(row.state, row.answer_by, row.answered_at, row.decided_at is not None)


def owed(row: ContentApproval) -> bool:
    """Is its fee owed as it stands?"""
    return row.state in approving.OWED


def stands_for(session: Session, negotiation_ids: Collection[str]) -> dict[str, ContentApproval]:
    """Negotiation → the content that stands for its fee."""
    asked = sa.select(ContentApproval).where(
        ContentApproval.negotiation_id.in_(list(negotiation_ids)), ContentApproval.state.in_(approving.STANDING)
    )
    return {row.negotiation_id: row for row in session.scalars(asked)}


def fee_in_the_way(session: Session, negotiation_id: str, flat_fee: int, fee_currency: str) -> bool:
    """Does content stand for another fee than an offer would make it?"""
    row = stands_for(session, [negotiation_id]).get(negotiation_id)
    return row is not None and (row.flat_fee, row.fee_currency) != (flat_fee, fee_currency)


# ------------------------------------------------------------------ acts


def hand_in(
    session: Session, negotiation_id: str, content_id: str, *, by: str, now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """The creator says which content fulfils the agreement. The same content, handed in again while it stands, is given
    back.

    Errors: NotFound (negotiation, content); ApprovalRefused.
    """
    now = now or clock.now()
    row = _locked(session, negotiation_id)
    content = contents.get(session, content_id)
    if content.creator_id != row.creator_id:
        raise NotFound(f"content {content.id} is another creator's", public="There is no such content.")
    before = of_negotiation(session, row.id)
    stood = next((each for each in before if each.state in approving.STANDING), None)
    if stood is not None:
        if stood.content_id == content.id and stood.state == "waiting":
            return stood
        raise ApprovalRefused("fee_taken")
    if code := hindrance(session, row, now):
        raise ApprovalRefused(code)
    if any(each.content_id == content.id and each.state in approving.DECIDED_AGAINST for each in before):
        raise ApprovalRefused("fee_decided")
    agreement = agreements.versions(session, row.id)[0]
    made = ContentApproval(
        id=new_id("cap"), negotiation_id=row.id, number=len(before) + 1, agreement_id=agreement.id, shop_id=row.shop_id,
        creator_id=row.creator_id, content_id=content.id, flat_fee=agreement.flat_fee,
        fee_currency=agreement.fee_currency, product_refs=_products(session, row, agreement, content.id, now),
        state="waiting", handed_in_at=now, handed_in_by=by,
        answer_by=now + timedelta(days=settings.whole(session, row.shop_id, "approval_days", now)),
    )  # fmt: skip
    session.add(made)
    audit.record(session, by, "content.hand_in", made.id, shop_id=row.shop_id, content_id=content.id)
    _tell(session, made, HANDED_IN, "merchant", answer_by=made.answer_by.isoformat())
    session.flush()
    return made


def answer(
    session: Session, approval_id: str, what: Reply, *, by: str, reason: str = "", now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """The shop approves it, or sends it back with a reason. The same answer, once more, changes nothing.

    Errors: NotFound; ApprovalRefused; InputRefused("reason").
    """
    now = now or clock.now()
    row = lock(session, approval_id)
    text = cleaned("reason", reason, LONGEST_REASON, empty=what == "approve")
    becomes = "approved" if what == "approve" else "sent_back"
    if row.state == becomes and row.decided_at is None and row.answered_by != CLOCK:
        return row
    _answered(session, row, approving.answer(standing(row), what, now), by=by, at=now, reason=text)
    return row


def withdraw(session: Session, approval_id: str, *, by: str, now: datetime | None = None) -> ContentApproval:
    """The creator takes it out before an answer. Errors: NotFound; ApprovalRefused."""
    now = now or clock.now()
    row = lock(session, approval_id)
    if row.state == "withdrawn":
        return row
    row.state, row.answered_at, row.answered_by = approving.withdraw(standing(row), now), now, by
    audit.record(session, by, "content.withdraw", row.id, shop_id=row.shop_id)
    _tell(session, row, ANSWERED, "merchant", answer="withdrawn")
    session.flush()
    return row


def lapse(session: Session, approval_id: str, now: datetime) -> ContentApproval | None:
    """Approve what nobody answered in time, as of the moment at which its time was over. What nobody could see any more
    then, since it was taken down or its products were taken out, is sent back: silence doesn't pay for nothing. None:
    it was answered."""
    row = lock(session, approval_id)
    if not approving.lapsed(standing(row), now):
        return None
    becomes, reason = ("approved", "") if _seen(session, row, row.answer_by) else ("sent_back", NOT_SEEN)
    _answered(session, row, becomes, by=CLOCK, at=row.answer_by, reason=reason)
    return row


def lapsed(session: Session, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(shop, approval) of what nobody answered in time, the longest first; of shops that left, too."""
    asked = (
        sa.select(ContentApproval.shop_id, ContentApproval.id)
        .where(ContentApproval.state == "waiting", ContentApproval.answer_by <= now)
        .order_by(ContentApproval.answer_by, ContentApproval.id)
        .limit(limit)
    )
    return [(shop_id, approval_id) for shop_id, approval_id in session.execute(asked)]


def appeal(
    session: Session, approval_id: str, side: Side, words: str, *, by: str, now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """A side asks support about an answer that went against it.

    Errors: NotFound; ApprovalRefused; InputRefused("words").
    """
    now = now or clock.now()
    row = lock(session, approval_id)
    text = cleaned("words", words, LONGEST_REASON)
    if row.state in ("appealed", "contested") and row.appeal_side == side:
        return row
    row.state = approving.appeal(standing(row), side, now)
    row.appeal_side, row.appealed_at, row.appealed_by, row.appeal = side, now, by, text
    audit.record(session, by, "content.appeal", row.id, shop_id=row.shop_id, side=side)
    _tell(session, row, APPEALED, other(side))
    session.flush()
    return row


def decide(
    session: Session, approval_id: str, verdict: Verdict, note: str, *, by: str, second: bool,
    now: datetime | None = None,
) -> ContentApproval:  # fmt: skip
    """Support decides an appeal. `second`: taking it back needs two people, since a closed statement has the fee (F4);
    the first one proposes, and another one does it. Deciding for the creator needs one, and ends a proposal.

    Errors: NotFound; ApprovalRefused; InputRefused("note").
    """
    now = now or clock.now()
    row = lock(session, approval_id)
    text = cleaned("note", note, LONGEST_REASON)
    becomes = approving.decide(standing(row), verdict)
    if becomes == "taken_back" and second:
        if row.proposed_at is None:
            row.proposed_at, row.proposed_by, row.note = now, by, text
            audit.record(session, by, "content.propose_taking_back", row.id, shop_id=row.shop_id)
            session.flush()
            return row
        if row.proposed_by == by:
            raise ApprovalRefused("fee_second_person")
    row.state, row.decided_at, row.decided_by, row.note = becomes, now, by, text
    audit.record(session, by, "content.decide", row.id, shop_id=row.shop_id, verdict=verdict, state=becomes)
    for side in ("merchant", "creator"):
        _tell(session, row, DECIDED, side, answer=becomes)
    session.flush()
    return row


# ------------------------------------------------------------------ what they rest on


def agreement_stands(session: Session, agreement: Agreement, now: datetime) -> bool:
    """Has it neither ended nor been taken back? Terms of it that were withdrawn end before their time."""
    if now >= agreement.ends_at:
        return False
    rows = session.scalars(sa.select(Terms).where(Terms.id.in_(agreement.terms_ids), Terms.rate_bp.is_not(None))).all()
    for row in rows:
        chain = terms.chain_of(session, row.shop_id, row.kind, row.creator_id, row.product_ref)
        if any(each.id == row.id and until > now for each, until in terms.spans(in_effect(chain))):
            return True
    return False


def hindrance(session: Session, row: Negotiation, now: datetime) -> str:
    """Why no content can be handed in for the fee of an agreement now, a code; "" where it can."""
    before = of_negotiation(session, row.id)
    if any(each.state in approving.STANDING for each in before):
        return "fee_taken"
    agreement = agreements.newest(session, row.id)
    if agreement is None or not agreement.flat_fee:
        return "fee_none"
    if session.get_one(Shop, row.shop_id).status == "left":
        return "fee_shop_left"
    if creators.status_at(session, row.creator_id, now) != creators.ACTIVE:
        return "creator_not_active"
    # What was sent back late is handed in anew, though the agreement has ended meanwhile.
    again = any(each.again_until is not None and now < each.again_until for each in before[:1])
    return "" if again or agreement_stands(session, agreement, now) else "fee_too_late"


@dataclass(frozen=True, slots=True)
class Open:
    """A flat fee for which content can be handed in now. Minor units."""

    negotiation_id: str
    shop_id: str
    flat_fee: int
    fee_currency: str
    until: datetime
    sent_back: bool  # content was, and may be handed in anew


def to_hand_in(session: Session, creator_id: str, now: datetime, limit: int = 10) -> list[Open]:
    """A creator's flat fees for which nothing stands, the one whose time is over first in front."""
    newest = sa.and_(Agreement.negotiation_id == Negotiation.id, Agreement.version == Negotiation.agreed)
    stands = sa.select(ContentApproval.negotiation_id).where(
        ContentApproval.creator_id == creator_id, ContentApproval.state.in_(approving.STANDING)
    )
    query = (
        sa.select(Negotiation, Agreement)
        .join(Agreement, newest)
        .where(
            Negotiation.creator_id == creator_id, Agreement.flat_fee > 0, Negotiation.id.not_in(stands),
            Agreement.ends_at > now - timedelta(days=settings.BOUNDS["approval_days"][1]),
        )
        .order_by(Agreement.ends_at, Agreement.id)
        .limit(limit)
    )  # fmt: skip
    found = []
    for row, agreement in session.execute(query).all():
        if hindrance(session, row, now):
            continue
        last = next(iter(of_negotiation(session, row.id)), None)
        again = last.again_until if last is not None and last.state == "sent_back" else None
        until = max(agreement.ends_at, again or agreement.ends_at)
        sent_back = last is not None and last.state == "sent_back"
        found.append(Open(row.id, row.shop_id, agreement.flat_fee, agreement.fee_currency, until, sent_back))
    return found


def candidates(session: Session, row: Negotiation, now: datetime, limit: int) -> Sequence[Content]:
    """The creator's content that can be handed in: with a product of the agreement in it now, the newest first."""
    agreement = agreements.newest(session, row.id)
    if agreement is None:
        return ()
    used = sa.select(ContentApproval.content_id).where(
        ContentApproval.shop_id == row.shop_id, ContentApproval.state.in_(approving.STANDING)
    )
    against = sa.select(ContentApproval.content_id).where(
        ContentApproval.negotiation_id == row.id, ContentApproval.state.in_(approving.DECIDED_AGAINST)
    )
    shown = _shown(session, row, agreement, now).with_only_columns(Anchor.content_id)
    asked = sa.select(Content).where(
        Content.creator_id == row.creator_id, Content.id.in_(shown), Content.id.not_in(used), Content.id.not_in(against)
    )  # fmt: skip
    return session.scalars(asked.order_by(Content.id.desc()).limit(limit)).all()


def _shown(session: Session, row: Negotiation, agreement: Agreement, now: datetime) -> sa.Select[str]:
    """Products of the agreement that stand in content now."""
    refs = session.get_one(Offer, agreement.offer_id).product_refs
    asked = sa.select(Anchor.product_ref).where(
        Anchor.shop_id == row.shop_id, Anchor.starts_at <= now,
        sa.or_(Anchor.ends_at.is_(None), Anchor.ends_at > now),
    )  # fmt: skip
    return asked.where(Anchor.product_ref.in_(refs)) if refs else asked


def _products(
    session: Session, row: Negotiation, agreement: Agreement, content_id: str, now: datetime
) -> list[str]:  # fmt: skip
    """Products of the agreement that are in the content now. Errors: ApprovalRefused."""
    used = sa.select(ContentApproval.id).where(
        ContentApproval.content_id == content_id, ContentApproval.shop_id == row.shop_id,
        ContentApproval.negotiation_id != row.id, ContentApproval.state.in_(approving.STANDING),
    )  # fmt: skip
    if session.scalars(used).first() is not None:
        raise ApprovalRefused("fee_content_used")
    asked = _shown(session, row, agreement, now).where(Anchor.content_id == content_id)
    found = sorted(set(session.scalars(asked)))
    if not found:
        raise ApprovalRefused("fee_product_missing")
    return found


def _seen(session: Session, row: ContentApproval, at: datetime) -> bool:
    """Could people see one of the products for which it was handed in, then? What a store deleted stays in."""
    inside = sa.select(Anchor.id).where(
        Anchor.content_id == row.content_id, Anchor.shop_id == row.shop_id, Anchor.product_ref.in_(row.product_refs),
        Anchor.starts_at <= at, sa.or_(Anchor.ends_at.is_(None), Anchor.ends_at > at),
    )  # fmt: skip
    changes = sightings.of(session, [row.content_id])[row.content_id].changes
    visible = next((visible for moment, visible in reversed(changes) if moment <= at), True)
    return visible and session.scalar(inside.limit(1)) is not None


def _answered(session: Session, row: ContentApproval, state: str, *, by: str, at: datetime, reason: str) -> None:
    row.state, row.answered_at, row.answered_by, row.reason = state, at, by, reason
    if state == "sent_back":
        days = settings.whole(session, row.shop_id, "approval_days", at)
        row.again_until = at + timedelta(days=days)
    audit.record(session, by, f"content.{state}", row.id, shop_id=row.shop_id)
    for side in ("creator",) if by != CLOCK else ("creator", "merchant"):
        _tell(session, row, ANSWERED, side, answer=state)
    session.flush()


def _tell(session: Session, row: ContentApproval, kind: str, to: str, **said: str) -> None:
    if url := contents.get(session, row.content_id).url:
        said["content_url"] = url
    notices.say(
        session, kind, creator_id=row.creator_id, shop_id=row.shop_id, to=to, approval_id=row.id,
        negotiation_id=row.negotiation_id, content_id=row.content_id, amount=row.flat_fee, currency=row.fee_currency,
        **said,
    )  # fmt: skip


def _locked(session: Session, negotiation_id: str) -> Negotiation:
    """Errors: NotFound."""
    row = session.get(Negotiation, negotiation_id)
    if row is None:
        raise NotFound(f"no negotiation has the id {negotiation_id[:40]!r}", public="There is no such negotiation.")
    session.execute(sa.select(Shop.id).where(Shop.id == row.shop_id).with_for_update())
    session.refresh(row)
    return row


def lock(session: Session, approval_id: str) -> ContentApproval:
    """The row as it stands, under the shop's lock. Errors: NotFound."""
    row = find(session, approval_id)
    session.execute(sa.select(Shop.id).where(Shop.id == row.shop_id).with_for_update())
    session.refresh(row)
    return row
