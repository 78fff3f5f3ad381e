"""The flat fee of an agreement: content handed in and answered, and what is owed by it, in one transaction each.

Every act ends with the same question: what is due by the agreement now? It is the fee of the content that stands as
approved, or nothing; the difference to what is booked is booked (`fees.owe`). So repeats, crossings and any order of
answers, appeals and closings end in the same books.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.db import Scope
from connector.earnings.commission import fees
from connector.earnings.settlement.tables import StatementLine
from connector.errors import Conflict
from connector.programme.collaborations import approvals, approving
from connector.programme.collaborations.approving import Reply, Verdict
from connector.programme.collaborations.moves import Side
from connector.programme.collaborations.tables import ContentApproval, Negotiation

_AT_ONCE = 2000  # of one round; a round comes every few minutes
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a decision of support would do. Minor units; `token` names what was seen."""

    row: ContentApproval
    owed: int  # before
    then: int  # after
    in_statement: bool  # a closed statement has the fee: taking it back is a line of a later one, by a second person
    token: str

    @property
    def change(self) -> int:
        return self.then - self.owed


def hand_in(
    session: Session, negotiation_id: str, content_id: str, *, by: str, now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """Errors: as `approvals.hand_in`."""
    return approvals.hand_in(session, negotiation_id, content_id, by=by, now=now)


def answer(
    session: Session, approval_id: str, what: Reply, *, by: str, reason: str = "", now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """The shop approves, and owes the fee, or sends back. Errors: as `approvals.answer`."""
    now = now or clock.now()
    row = approvals.answer(session, approval_id, what, by=by, reason=reason, now=now)
    _owe(session, row, now)
    return row


def withdraw(session: Session, approval_id: str, *, by: str, now: datetime | None = None) -> ContentApproval:
    """The creator takes it out before an answer. Errors: as `approvals.withdraw`."""
    return approvals.withdraw(session, approval_id, by=by, now=now)


def appeal(
    session: Session, approval_id: str, side: Side, words: str, *, by: str, now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """A side asks support. What is owed stays so until it is decided. Errors: as `approvals.appeal`."""
    return approvals.appeal(session, approval_id, side, words, by=by, now=now)


def preview(session: Session, approval_id: str, verdict: Verdict) -> Preview:
    """What support's decision would do; nothing is written. Errors: NotFound; ApprovalRefused."""
    row = approvals.find(session, approval_id)
    becomes = approving.decide(approvals.standing(row), verdict)
    owed, then = (row.flat_fee if state in approving.OWED else 0 for state in (row.state, becomes))
    stated = in_statement(session, row.negotiation_id)
    token = f"{row.state}.{row.proposed_by}.{owed}.{stated:d}"
    return Preview(row, owed, then, stated, token)


def decide(
    session: Session, approval_id: str, verdict: Verdict, note: str, *, by: str, token: str, now: datetime | None = None
) -> ContentApproval:  # fmt: skip
    """Support decides, having seen the preview of `token`. A second person takes back a fee in a closed statement.

    Errors: as `approvals.decide`; Conflict when something moved since the preview.
    """
    now = now or clock.now()
    # The lock first: what is seen then is what is decided.
    approvals.lock(session, approval_id)
    shown = preview(session, approval_id, verdict)
    if shown.token != token:
        raise Conflict("an appeal moved since its preview", public="Something changed, look again: nothing was booked.")
    row = approvals.decide(session, approval_id, verdict, note, by=by, second=shown.in_statement, now=now)
    _owe(session, row, now)
    return row


def approve_lapsed(now: datetime) -> int:
    """Approve what nobody answered in time, or send back what nobody can see any more; how many. One that fails is
    tried next time and stops no other."""
    done = 0
    with db.read(Scope.system("content of all shops that nobody answered in time")) as session:
        due = approvals.lapsed(session, now, _AT_ONCE)
    for shop_id, approval_id in due:
        try:
            with db.write(Scope.shop(shop_id)) as session:
                row = approvals.lapse(session, approval_id, now)
                if row is not None:
                    _owe(session, row, row.answer_by)
                    done += 1
        except Exception:
            _log.exception("content.not_approved", shop_id=shop_id, approval_id=approval_id)
    return done


def in_statement(session: Session, negotiation_id: str) -> bool:
    """Does a closed statement have the fee of this agreement?"""
    asked = sa.select(StatementLine.id).where(StatementLine.line_ref == fees.flat_fee(negotiation_id))
    return session.scalars(asked.limit(1)).first() is not None


def _owe(session: Session, row: ContentApproval, at: datetime) -> None:
    """Book what is due by the agreement now, less what is booked."""
    whose = session.get_one(Negotiation, row.negotiation_id)
    stands = next(
        (each for each in approvals.of_negotiation(session, row.negotiation_id) if each.state in approving.OWED), None
    )
    fees.owe(
        session, subject=fees.flat_fee(row.negotiation_id), kind="flat_fee", shop_id=whose.shop_id,
        creator_id=whose.creator_id, currency=row.fee_currency, amount=stands.flat_fee if stands else 0,
        reason="flat_fee" if stands else "flat_fee_withdrawn", at=at,
        content_id=stands.content_id if stands else row.content_id,
    )  # fmt: skip
