"""Money that stands still longer than it should, at every stage of its way: the fourth of the standing checks.

    pending    the hold is over and the line has not cleared; what holds it explains it for a while, not for ever
    cleared    its period is over and not closed
               or its closing began and stands
    settled    the merchant's invoice is overdue, so the statements that it funds wait
    in transit a batch waits for its second person or its sending; a payout left and nobody knows what became of it
    frozen     a freeze whose end has come and that still stands
    not owed   content for a flat fee that should have been approved by its time; an appeal about it that nobody decided

Each finding names what it is about, since when it stands, and a reason code that says whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.earnings.commission.tables import Clearance, Freeze
from connector.earnings.ledger import outstanding, running
from connector.earnings.payouts.stripe_events import IN_PART
from connector.earnings.payouts.tables import Payout, PayoutBatch, PayoutEvent
from connector.earnings.settlement import close, funding, pieces
from connector.programme.collaborations.tables import ContentApproval

# A living worker clears within minutes; a store that can't be asked is tried for a day before a person looks.
PENDING = timedelta(days=3)
# What holds a line (a return, a dispute, a review) explains it for so long.
HELD = timedelta(days=60)
# After its end a period waits for late refunds and for whoever closes it.
CLOSING = timedelta(days=10)
# A hundred thousand lines are booked in half a minute, and a worker goes on with what a kill left.
BOOKED_WITHIN = timedelta(minutes=10)
SECOND_PERSON = timedelta(days=2)
UNSENT = timedelta(days=3)
IN_TRANSIT = timedelta(days=5)
# A living worker approves content within minutes after its time.
APPROVED_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stuck:
    """One sum that stands still. `amount` in minor units of `currency`; None where it is not one sum."""

    reason: str
    since: datetime
    shop_id: str | None
    about: str
    explained: bool = False
    order_id: str | None = None
    number: str = ""
    creator_id: str | None = None
    amount: int | None = None
    currency: str = ""
    detail: str = ""


def stuck(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    """All of it, stage by stage, of one shop or of all."""
    yield from _pending(session, now, shop_id)
    yield from _cleared(session, now, shop_id)
    yield from _closing(session, shop_id)
    yield from _unfunded(session, now, shop_id)
    yield from _batches(session, now, shop_id)
    yield from _in_transit(session, now, shop_id)
    yield from _frozen(session, now, shop_id)
    yield from _content(session, now, shop_id)


def _pending(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    query = (
        sa.select(Clearance, Order.number, Order.currency)
        .join(Order, Order.id == Clearance.order_id)
        .where(Clearance.state == "open", Clearance.clears_at <= now - PENDING)
        .order_by(Clearance.clears_at, Clearance.order_id, Clearance.line_ref)
    )
    if shop_id is not None:
        query = query.where(Clearance.shop_id == shop_id)
    for row, number, currency in session.execute(query):
        since = row.clears_at or now
        yield Stuck(
            "pending_past_its_time", since, row.shop_id, f"line {row.line_ref}",
            explained=bool(row.blocked) and since > now - HELD, order_id=row.order_id, number=number,
            currency=currency, detail=row.blocked.replace(" ", ", "),
        )  # fmt: skip


def _cleared(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    waiting: dict[str, set[str]] = {}
    for one in running.running(session, shop_id=shop_id):
        if one.account == "creator_cleared" and one.amount:
            waiting.setdefault(one.shop_id, set()).add(one.currency)
    for shop in shops.every(session):
        if shop.id not in waiting:
            continue
        over = [period for period in close.due(session, shop, now) if period.ends_at <= now - CLOSING]
        for currency in sorted(waiting[shop.id]) if over else ():
            last = over[-1]
            lines = outstanding.cleared(session, shop.id, currency, cleared_before=last.ends_at, until=now)
            if lines:
                amount = sum(line.amount for line in lines)
                yield Stuck("period_not_closed", last.ends_at, shop.id, last.name, amount=amount, currency=currency)


def _closing(session: Session, shop_id: str | None) -> Iterator[Stuck]:
    for run in pieces.under_way(session, shop_id):
        if run.begun_at <= clock.wall() - BOOKED_WITHIN:
            yield Stuck(
                "closing_stands", run.begun_at, run.shop_id, run.period, amount=run.total, currency=run.currency
            )


def _unfunded(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    by_id = {shop.id: shop for shop in shops.every(session)}
    # One day for all shops: whose day has begun is a matter of hours, and this is about weeks.
    for account in funding.accounts(session, now.date(), shop_id=shop_id, only_open=True):
        shop = by_id.get(account.shop_id)
        if shop is None or not funding.gated(session, shop, now):
            continue
        for each in account.standings:
            if each.open and each.invoice.due_on < now.date():
                due = datetime.combine(each.invoice.due_on, datetime.min.time(), UTC)
                yield Stuck(
                    "invoice_overdue", due, account.shop_id, f"invoice {each.invoice.number}", amount=each.open,
                    currency=account.currency, detail=each.invoice.period,
                )  # fmt: skip


def _batches(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    waits = sa.or_(
        sa.and_(PayoutBatch.status == "awaiting", PayoutBatch.prepared_at <= now - SECOND_PERSON),
        sa.and_(
            PayoutBatch.status == "prepared", PayoutBatch.prepared_at <= now - UNSENT,
            PayoutBatch.rows > 0,  # one that found nothing to pay has nothing to send
        ),
    )  # fmt: skip
    query = sa.select(PayoutBatch).where(waits).order_by(PayoutBatch.prepared_at, PayoutBatch.id)
    if shop_id is not None:
        query = query.where(sa.exists().where(Payout.batch_id == PayoutBatch.id, Payout.shop_id == shop_id))
    for batch in session.scalars(query):
        yield Stuck(
            "batch_awaits_second" if batch.status == "awaiting" else "batch_not_sent", batch.prepared_at, shop_id,
            batch.id, amount=batch.total, currency=batch.currency,
        )  # fmt: skip


def _in_transit(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    since = sa.func.coalesce(PayoutBatch.sent_at, PayoutBatch.handed_at, PayoutBatch.prepared_at)
    in_part = sa.select(PayoutEvent.payout_id).where(PayoutEvent.reason == IN_PART)
    query = (
        sa.select(Payout, sa.type_coerce(since, PayoutBatch.prepared_at.type))
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .where(
            sa.or_(
                Payout.status == "unknown",
                # By its event: that it was paid may be heard of after that a part of it came back.
                sa.and_(Payout.status == "paid", Payout.id.in_(in_part)),
                sa.and_(Payout.status == "sent", since <= sa.literal(now - IN_TRANSIT, PayoutBatch.prepared_at.type)),
            )
        )
        .order_by(since, Payout.id)
    )
    if shop_id is not None:
        query = query.where(Payout.shop_id == shop_id)
    for payout, at in session.execute(query):
        reason = {"unknown": "payout_unknown", "paid": IN_PART}.get(payout.status, "payout_not_confirmed")
        yield Stuck(
            reason, at, payout.shop_id, payout.id,
            creator_id=payout.creator_id, amount=payout.amount, currency=payout.currency, detail=payout.outcome_reason,
        )  # fmt: skip


def _frozen(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    query = sa.select(Freeze).where(Freeze.ended_at.is_(None)).order_by(Freeze.ends_at, Freeze.id)
    if shop_id is not None:
        query = query.where(sa.or_(Freeze.shop_id == shop_id, Freeze.shop_id.is_(None)))
    for freeze in session.scalars(query):
        late = freeze.ends_at <= now
        # An appeal that nobody answers stalls the money as surely as an end that nobody keeps.
        unheard = freeze.appealed_at is not None and freeze.appealed_at <= now - PENDING
        if late or unheard:
            yield Stuck(
                "freeze_past_its_end" if late else "appeal_unanswered",
                freeze.ends_at if late or freeze.appealed_at is None else freeze.appealed_at, freeze.shop_id, freeze.id,
                order_id=freeze.order_id, creator_id=freeze.creator_id,
            )  # fmt: skip


def _content(session: Session, now: datetime, shop_id: str | None) -> Iterator[Stuck]:
    late = sa.and_(ContentApproval.state == "waiting", ContentApproval.answer_by <= now - APPROVED_WITHIN)
    asked = sa.and_(
        ContentApproval.state.in_(("appealed", "contested")), ContentApproval.appealed_at <= now - PENDING
    )  # fmt: skip
    query = sa.select(ContentApproval).where(sa.or_(late, asked)).order_by(ContentApproval.id)
    if shop_id is not None:
        query = query.where(ContentApproval.shop_id == shop_id)
    for row in session.scalars(query):
        waits = row.state == "waiting"
        yield Stuck(
            "content_past_its_time" if waits else "fee_undecided",
            row.answer_by if waits or row.appealed_at is None else row.appealed_at, row.shop_id, row.id,
            creator_id=row.creator_id, amount=row.flat_fee, currency=row.fee_currency,
        )  # fmt: skip
