"""Pending becomes cleared once the hold is over, nothing is open, and the decision is final (R9, F3).

Nor does anything clear on what deliveries alone told: the store must have been asked for the order since it became due
(`reread_before_clearing`, a dated setting read at the clearing). A shop that left can't be asked any more: its money
matures on the last known facts (R16).

The clearance row says that a line has cleared, and its transfer is booked in the same transaction. Orders are locked
first, as intake does, so that a delivery and a clearing of one line never go by the same balances at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops import settings
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance, ClearanceBlock
from connector.earnings.intake import portion
from connector.earnings.intake.portion import Portion
from connector.earnings.ledger import journal, queries
from connector.earnings.ledger.entry import Draft, line_subject, moved
from connector.errors import Conflict

BATCH = 200  # orders looked at for one transaction
AT_ONCE = 25  # orders booked together
# A look at the store that is older proves nothing: a worker that was down for a week asks again.
READ_IS_GOOD_FOR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class _Due:
    """A line that may clear, and when it first could: hold over, facts known, decision final."""

    order_id: str
    line_ref: str
    why: str
    occurred_at: datetime


def clear_due(session: Session, shop_id: str, as_of: datetime, limit: int = BATCH) -> int:
    """Clear the lines of up to `limit` orders that are due at `as_of`; how many lines. 0: nothing is left to clear."""
    return clear_portion(session, shop_id, as_of, limit).done


def clear_portion(
    session: Session, shop_id: str, as_of: datetime, limit: int = BATCH, *, skip: Collection[str] = ()
) -> Portion:
    """Clear due lines, as many orders as a transaction may take; `done` counts lines.

    An order that another transaction holds right now is left for the next call, and those in `skip` too. A line that
    earns nothing clears too, without an entry: from then on what it still gains or loses is booked as cleared (F6).
    An order whose lines moved although it was locked, or that the ledger refuses, is undone alone and named.
    """
    due_now = [*_is_due(shop_id, as_of), *_was_read(session, shop_id, as_of)]
    waiting = sa.select(Clearance.order_id).where(*due_now, Clearance.order_id.not_in(skip)).distinct()
    order_ids = session.execute(waiting.order_by(Clearance.order_id).limit(limit)).scalars().all()
    currencies = _locked(session, order_ids)

    def clear(group: Sequence[str]) -> int:
        due = _due(session, due_now, as_of, group)
        _mark(session, due, as_of)
        drafts = []
        for order_id, lines in due.items():
            drafts.extend(_transfers(session, shop_id, order_id, currencies[order_id], lines))
        journal.post_all(session, drafts, unbooked=True)
        return sum(len(lines) for lines in due.values())

    return portion.take(session, list(currencies), clear, name="clear", at_once=AT_ONCE)


def unread(
    session: Session, shop_id: str, as_of: datetime, limit: int, *, skip: Collection[str] = ()
) -> list[tuple[str, str, datetime]]:
    """Orders that would clear had the store been asked: (order id, the store's ref, due since), the longest first."""
    if not must_be_read(session, shop_id, as_of):
        return []
    since = sa.func.min(_became_due())
    query = (
        sa.select(Order.id, Order.order_ref, sa.type_coerce(since, db.Moment()))
        .join(Clearance, Clearance.order_id == Order.id)
        .where(*_is_due(shop_id, as_of), sa.not_(_fresh(as_of)), Order.id.not_in(skip))
        .group_by(Order.id, Order.order_ref)
        .order_by(since, Order.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def must_be_read(session: Session, shop_id: str, as_of: datetime) -> bool:
    """Must the store be asked before anything of this shop clears at `as_of`?"""
    if not settings.whole(session, shop_id, "reread_before_clearing", as_of):
        return False
    return shops.get(session, shop_id).status != "left"


def _was_read(session: Session, shop_id: str, as_of: datetime) -> list[sa.ColumnElement[bool]]:
    if not must_be_read(session, shop_id, as_of):
        return []
    read = sa.exists().where(Order.id == Clearance.order_id, _fresh(as_of))
    return [read.correlate(Clearance)]


def _fresh(as_of: datetime) -> sa.ColumnElement[bool]:
    since_due = sa.or_(Order.read_at >= _became_due(), Order.read_at >= as_of)
    return sa.and_(Order.read_at.is_not(None), since_due, Order.read_at >= as_of - READ_IS_GOOD_FOR)


def _became_due() -> sa.ColumnElement[datetime]:
    """When the hold was over and nothing was open any more."""
    later = sa.case((Clearance.updated_at > Clearance.clears_at, Clearance.updated_at), else_=Clearance.clears_at)
    return sa.type_coerce(later, db.Moment())


def _is_due(shop_id: str, as_of: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    # The pin is what F3 means by "nothing clears before": it comes at placed + grace.
    decision = sa.exists().where(
        DecisionRow.order_id == Clearance.order_id,
        DecisionRow.line_ref == Clearance.line_ref,
        DecisionRow.pinned_at.is_not(None),
    )
    # `blocked` says so too, but for a delivery that crossed a freeze while it was made.
    held = sa.exists().where(
        ClearanceBlock.order_id == Clearance.order_id,
        ClearanceBlock.line_ref == Clearance.line_ref,
        ClearanceBlock.closed_at.is_(None),
    )
    return (
        Clearance.shop_id == shop_id,
        Clearance.state == "open",
        Clearance.blocked == "",
        Clearance.clears_at <= as_of,
        decision.correlate(Clearance),
        sa.not_(held.correlate(Clearance)),
    )


def _locked(session: Session, order_ids: Collection[str]) -> dict[str, str]:
    """The orders that are ours until the end of the transaction, with their currency."""
    query = sa.select(Order.id, Order.currency).where(Order.id.in_(order_ids)).order_by(Order.id)
    found = session.execute(query.with_for_update(skip_locked=True))
    return {row.id: row.currency for row in found}


def _due(
    session: Session, due_now: Sequence[sa.ColumnElement[bool]], as_of: datetime, order_ids: Sequence[str]
) -> dict[str, list[_Due]]:
    """Read under the lock: who came second finds nothing."""
    query = (
        sa.select(
            Clearance.order_id, Clearance.line_ref, Clearance.why, Clearance.clears_at, Clearance.updated_at,
            DecisionRow.pinned_at,
        )
        .join(
            DecisionRow,
            sa.and_(DecisionRow.order_id == Clearance.order_id, DecisionRow.line_ref == Clearance.line_ref),
        )
        .where(*due_now, Clearance.order_id.in_(order_ids))
        .order_by(Clearance.order_id, Clearance.line_ref)
    )  # fmt: skip
    found: dict[str, list[_Due]] = defaultdict(list)
    for order_id, line_ref, why, *moments in session.execute(query):
        # A worker that was down for a day doesn't move a line into the next month: what counts is when it could clear.
        occurred_at = min(as_of, max(moment for moment in moments if moment is not None))
        found[order_id].append(_Due(order_id, line_ref, why, occurred_at))
    return found


def _mark(session: Session, due: dict[str, list[_Due]], as_of: datetime) -> None:
    for order_id, lines in due.items():
        marked = session.execute(
            sa.update(Clearance)
            .where(
                Clearance.order_id == order_id,
                Clearance.line_ref.in_([line.line_ref for line in lines]),
                Clearance.state == "open",
            )
            .values(state="cleared", cleared_at=as_of)
        )
        if marked.rowcount != len(lines):  # type: ignore[attr-defined]
            raise Conflict(f"lines of {order_id} moved while they were being cleared; read again and repeat")


def _transfers(session: Session, shop_id: str, order_id: str, currency: str, lines: list[_Due]) -> list[Draft]:
    standing = queries.standing(session, order_id)
    drafts = []
    for line in lines:
        subject = line_subject(order_id, line.line_ref)
        for (line_ref, creator_id, content_id), accounts in standing.accounts.items():
            amount = -accounts.get("creator_pending", 0)
            if line_ref != line.line_ref or creator_id is None or amount == 0:
                continue
            standing.sequences[subject] = sequence = standing.sequences.get(subject, 0) + 1
            drafts.append(
                Draft(
                    reference=f"clear:{subject}:{creator_id}:{content_id or '-'}", subject=subject, sequence=sequence,
                    kind="clearance", shop_id=shop_id, currency=currency, reason=line.why,
                    occurred_at=line.occurred_at, order_id=order_id, line_ref=line_ref, creator_id=creator_id,
                    content_id=content_id,
                    postings=moved("creator_pending", "creator_cleared", amount, creator_id, content_id),
                )
            )  # fmt: skip
    return drafts
