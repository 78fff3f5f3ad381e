"""An event's bonus: counted when it has closed, booked as an entry of its own, and counted anew when more is heard of.

Nothing of it is decided by the order in which orders were heard of: all orders of the event go in, with what the store
gave back up to its close. Counting only reads, so that deliveries come in meanwhile; booking is a short transaction of
its own, and what moved in between is found by the next count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import accrual, rate
from connector.earnings.commission.rate import AmountRules, Credited
from connector.earnings.commission.tables import Evaluation, EventBonus, EventClose
from connector.earnings.commission.tiers import EventLine, EventOrder, Reckoned, reckon
from connector.earnings.ledger import journal, sums
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.programme.collaborations import events
from connector.programme.collaborations.events import Event

# How long after its close an event is counted anew when something of it is heard of.
LOOKED_AT_FOR = timedelta(days=400)
# An evaluation may commit a little after the moment that it names.
_OVERLAP = timedelta(minutes=10)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Count:
    """What an event came to: (creator, currency) → figures."""

    event: Event
    counted_at: datetime
    by_creator: dict[tuple[str, str], Reckoned]
    orders: int


class _Credit:
    """What the arithmetic reads of a decision, of the lines that the event's terms credit."""

    __slots__ = ("content_id", "creator_id", "credit_reason", "rate_bp", "rate_reason", "terms_id", "touch_id")

    def __init__(self, row: DecisionRow) -> None:
        self.creator_id, self.content_id, self.touch_id = row.creator_id, row.content_id, row.touch_id
        self.terms_id, self.rate_bp = row.terms_id, row.rate_bp
        self.credit_reason, self.rate_reason = row.credit_reason, row.rate_reason


def subject(event_id: str, creator_id: str) -> str:
    return f"bonus:{event_id}:{creator_id}"


def due(session: Session, shop_id: str, as_of: datetime) -> list[Event]:
    """Events of a shop to count: over since the taps may no longer come in, with tiers, and not counted yet or with
    something heard of since."""
    grace = timedelta(hours=settings.whole(session, shop_id, "touch_grace_hours", as_of))
    over = [e for e in events.ended(session, shop_id, as_of - LOOKED_AT_FOR, as_of - grace) if e.tiers]
    known = {close.event_id: close for close in session.scalars(_closes(shop_id))}
    return [event for event in over if event.id not in known or moved(session, event, known[event.id].counted_at)]


def counted(session: Session, shop_id: str) -> list[tuple[Event, datetime]]:
    """The shop's events whose bonuses were counted, with when they last were."""
    closes = session.execute(sa.select(EventClose.event_id, EventClose.counted_at).where(EventClose.shop_id == shop_id))
    return [(events.get(session, event_id), counted_at) for event_id, counted_at in closes.all()]


def kept(session: Session, event_id: str) -> dict[tuple[str, str], EventBonus]:
    """(creator, currency) → what was last counted."""
    rows = session.scalars(sa.select(EventBonus).where(EventBonus.event_id == event_id))
    return {(row.creator_id, row.currency): row for row in rows}


def is_booked(session: Session, event_id: str, known: Mapping[tuple[str, str], int]) -> bool:
    """Is the bonus of each (creator, currency) what stands in the ledger?"""
    stands = sums.by_subject(session, {subject(event_id, creator_id) for creator_id, _ in known})
    booked = {
        (name.rpartition(":")[2], currency): amount
        for name, (_, amounts) in stands.items()
        for currency, amount in amounts.items()
    }
    return all(bonus == booked.get(key, 0) for key, bonus in known.items())


def _closes(shop_id: str) -> sa.Select[EventClose]:
    return sa.select(EventClose).where(EventClose.shop_id == shop_id)


def moved(session: Session, event: Event, counted_at: datetime) -> bool:
    """Was anything of its orders heard of since the last count? Then the next round counts anew."""
    since = counted_at - _OVERLAP
    query = (
        sa.select(Evaluation.id)
        .join(Order, Order.id == Evaluation.order_id)
        .where(*_of_event(event), Evaluation.at > since)
        .limit(1)
    )
    return session.execute(query).first() is not None


def _of_event(event: Event) -> tuple[sa.ColumnElement[bool], ...]:
    return (Order.shop_id == event.shop_id, Order.placed_at >= event.starts_at, Order.placed_at < event.ends_at)


def count(session: Session, event: Event, as_of: datetime) -> Count:
    """Work it out; nothing is written. An order is the event's when it was placed while the event ran and a line of it
    is credited by the event's terms."""
    credited: dict[str, dict[str, _Credit]] = defaultdict(dict)
    query = (
        sa.select(DecisionRow)
        .join(Order, Order.id == DecisionRow.order_id)
        .where(*_of_event(event), DecisionRow.terms_id.in_(event.terms_ids), DecisionRow.creator_id.is_not(None))
    )
    for row in session.scalars(query):
        credited[row.order_id][row.line_ref] = _Credit(row)
    by_creator: dict[tuple[str, str], list[EventOrder]] = defaultdict(list)
    for order in _orders(session, sorted(credited)):
        for creator_id, one in _shares(session, order, credited[order.id], event):
            by_creator[creator_id, order.currency].append(one)
    figures = {key: reckon(found, event.tiers) for key, found in by_creator.items()}
    return Count(event, as_of, figures, len(credited))


def _orders(session: Session, ids: Sequence[str]) -> Iterator[Order]:
    for start in range(0, len(ids), _CHUNK):
        yield from session.scalars(sa.select(Order).where(Order.id.in_(ids[start : start + _CHUNK])))


def _shares(
    session: Session, order: Order, decisions: Mapping[str, _Credit], event: Event
) -> Iterator[tuple[str, EventOrder]]:
    """(creator, their part of the order) with what the store had given back when the event closed."""
    facts = orders.facts(order)
    rules = accrual.amount_rules(session, order.shop_id, facts.placed_at)
    yield from shares(session, facts, decisions, event, rules, accrual.forfeited(session, order.id, facts))


def shares(
    session: Session, facts: OrderFacts, decisions: Mapping[str, Credited], event: Event, rules: AmountRules,
    taken: Collection[str],
) -> Iterator[tuple[str, EventOrder]]:  # fmt: skip
    """Of an order placed while the event ran: (creator, their part), of lines that the event's terms credit, as the
    store had the order when the event closed: an edit or a void of later leaves the bonus, as a refund does."""
    mine = {
        ref: each for ref, each in decisions.items() if each.creator_id is not None and each.terms_id in event.terms_ids
    }
    if not mine or not event.starts_at <= facts.placed_at < event.ends_at:
        return
    stood = facts
    if facts.snapshot.changed_at > event.ends_at:
        stood = rate.as_stood(facts, orders.snapshots(session, facts.order_id), event.ends_at)
    assessed = rate.assess(stood, mine, rules, taken, until=event.ends_at)
    found: dict[str, list[EventLine]] = defaultdict(list)
    for line in assessed.lines:
        if line.creator_id is not None and line.line_ref not in taken:
            found[line.creator_id].append(EventLine(line.base, line.base - line.refunded_base, line.rate_bp))
    for creator_id, lines in found.items():
        order_ref = facts.snapshot.order_ref
        yield creator_id, EventOrder(order_ref, facts.placed_at, tuple(lines), bool(assessed.reason))


def book(session: Session, counted: Count) -> int:
    """Book what differs from what stands, and keep the figures; how many entries.

    Errors: Conflict when another worker booked about the same event first: the next round does it.
    """
    event = counted.event
    subjects = {subject(event.id, creator_id): creator_id for creator_id, _ in counted.by_creator}
    kept = session.scalars(sa.select(EventBonus).where(EventBonus.event_id == event.id)).all()
    subjects |= {subject(event.id, row.creator_id): row.creator_id for row in kept}
    stands = sums.by_subject(session, subjects)
    drafts: list[Draft] = []
    for name, creator_id in sorted(subjects.items()):
        number, posted = stands.get(name, (0, {}))
        wanted = {currency: one.bonus for (whose, currency), one in counted.by_creator.items() if whose == creator_id}
        for currency in sorted({*wanted, *posted}):
            difference = wanted.get(currency, 0) - posted.get(currency, 0)
            if difference:
                number += 1
                first = not posted.get(currency)
                drafts.append(_draft(counted, name, number, creator_id, currency, difference, first))
    journal.post_all(session, drafts, unbooked=True)
    _keep(session, counted)
    return len(drafts)


def _draft(
    counted: Count, name: str, number: int, creator_id: str, currency: str, difference: int, first: bool
) -> Draft:  # fmt: skip
    return Draft(
        reference=f"{name}#{number}", subject=name, sequence=number, kind="bonus", shop_id=counted.event.shop_id,
        currency=currency, creator_id=creator_id, reason="event_bonus" if first else "event_counted_anew",
        occurred_at=counted.counted_at,
        postings=(DraftPosting("merchant_receivable", difference), owed("creator_pending", difference, creator_id)),
    )  # fmt: skip


def _keep(session: Session, counted: Count) -> None:
    event = counted.event
    creators = sum(1 for one in counted.by_creator.values() if one.bonus)
    rows = [
        {
            "event_id": event.id, "creator_id": creator_id, "currency": currency, "shop_id": event.shop_id,
            "orders": one.orders, "base": one.base, "commission": one.commission,
            "tier_commission": one.tier_commission, "bonus": one.bonus, "tier_bp": one.tier_bp,
        }
        for (creator_id, currency), one in sorted(counted.by_creator.items())
    ]  # fmt: skip
    session.execute(sa.delete(EventBonus).where(EventBonus.event_id == event.id))
    if rows:
        session.execute(sa.insert(EventBonus), rows)
    close = {
        "event_id": event.id, "shop_id": event.shop_id, "closed_at": event.ends_at, "counted_at": counted.counted_at,
        "orders": counted.orders, "creators": creators,
    }  # fmt: skip
    insert = db.insert(session, EventClose)
    news = {name: insert.excluded[name] for name in ("counted_at", "orders", "creators", "closed_at")}
    session.execute(insert.on_conflict_do_update(index_elements=["event_id"], set_=news), close)
