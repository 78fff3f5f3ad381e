"""What a creator paid for a refundable sample comes back once its content counts; and what counts is found here.

The price comes back beside the order's lines, owed by the shop (`commission.fees`): what is due by the order as it
stands is compared with what was booked, so a later refund of the order takes its part back by an entry of its own.
Commission that the creator earns by that very purchase is taken off: nobody is paid for what they were given back.
Like a line's commission it waits for the shop's hold (R9): content counts after three days, and for longer than that
what was bought may go back to the store.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import buyers
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.earnings.attribution import tokens
from connector.earnings.attribution.tables import TokenBuyer, Touch
from connector.earnings.commission import fees
from connector.earnings.commission.rate import Sold
from connector.earnings.commission.tables import Evaluation
from connector.programme.content import sightings
from connector.programme.content.tables import Anchor, Content
from connector.programme.creators import identities
from connector.programme.samples import bought, evidence, steps
from connector.programme.samples.evidence import Judged, Seen
from connector.programme.samples.tables import Sample

REASON = "sample_paid_back"


def counted(session: Session, row: Sample, now: datetime) -> Judged | None:
    """The content that counts first for a sample, now or at a moment to come; None: none does."""
    if row.state not in ("shipped", "delivered") or row.approved_at is None:
        return None
    due_at = row.due_at if row.state == "delivered" else None
    numbers = steps.numbers_of(session, row)
    judged = [
        evidence.judge(each, approved_at=row.approved_at, due_at=due_at, now=now, numbers=numbers)
        for each in seen(session, row)
    ]
    return evidence.first(judged)


def seen(session: Session, row: Sample) -> list[Seen]:
    """The creator's content in which the product was or is, as it is known now."""
    rows = session.execute(
        sa.select(Content, Anchor.starts_at, Anchor.ends_at)
        .join(Anchor, Anchor.content_id == Content.id)
        .where(
            Anchor.shop_id == row.shop_id, Anchor.product_ref == row.product_ref,
            Content.creator_id == row.creator_id, Content.created_at >= (row.approved_at or row.asked_at),
        )
        .order_by(Content.id, Anchor.starts_at)
    ).all()  # fmt: skip
    found: dict[str, Content] = {content.id: content for content, _, _ in rows}
    told = sightings.of(session, found)
    return [
        Seen(
            content_id=content.id, kind=content.kind, known_at=content.created_at,
            with_product=tuple((start, end) for each, start, end in rows if each.id == content.id),
            visible=evidence.visible_spans(content.created_at, told[content.id].changes),
            live_seconds=told[content.id].live_seconds,
        )
        for content in found.values()
    ]  # fmt: skip


def theirs(session: Session, row: Sample, order: Order, now: datetime) -> bool:
    """Is the order's buyer known to be the creator? By what they are known to buy by (D17), a hard match alone."""
    hashes = [each for each in (order.buyer_hash, *buyers.of_text(order.buyer_hashes)) if each]
    return bool(hashes) and identities.matches(session, hashes, [row.creator_id], now).get(row.creator_id) == "hard"


def by_token(session: Session, row: Sample, typed: str) -> tuple[Order, bool] | None:
    """The order that a token of a tap on the creator's own link or content led to, and whether it is proven by it to be
    theirs; None: no such token, or no order.

    A token is given out to one buyer at one tap and can't be guessed. But whoever got it can pass its address on: one
    by which several orders came proves nothing of any of them.
    """
    read = tokens.read(typed)
    if read is None:
        return None
    found = session.scalars(
        sa.select(Order)
        .join(TokenBuyer, TokenBuyer.order_id == Order.id)
        .join(Touch, Touch.id == TokenBuyer.touch_id)
        .where(Touch.token == read.token, Touch.creator_id == row.creator_id, Order.shop_id == row.shop_id)
        .order_by(Order.placed_at.desc())
        .limit(2)
    ).all()
    return (found[0], len(found) == 1) if found else None


def earned_by_it(session: Session, row: Sample, order_id: str) -> int:
    """What the creator earns by lines of this product in the order, minor units, as it stands: a purchase of their own
    that nobody knew for one."""
    newest = session.execute(
        sa.select(Evaluation.sold, Evaluation.reason)
        .where(Evaluation.order_id == order_id)
        .order_by(Evaluation.sequence.desc())
        .limit(1)
    ).first()
    if newest is None or newest.reason:  # nothing of the order earns
        return 0
    lines = msgspec.json.decode(newest.sold or "[]", type=list[Sold])
    return sum(line.due for line in lines if line.creator_id == row.creator_id and line.product_ref == row.product_ref)


def held_until(session: Session, row: Sample, order: Order) -> datetime:
    """When what was paid may come back: the shop's hold as it stood at the order's time, from the day it arrived. Where
    nobody said that day, from the one on which its content counted: the creator had it by then."""
    hold = timedelta(days=settings.whole(session, row.shop_id, "hold_days", order.placed_at))
    return (row.delivered_at or row.ended_at or order.placed_at) + hold


def waits_until(session: Session, row: Sample, now: datetime) -> datetime | None:
    """For a page: until when what is to come back waits for its hold; None: it doesn't."""
    if row.kind != "refundable" or row.state != "fulfilled" or row.paid_back is not None or not row.confirmed:
        return None
    order = orders.by_ref(session, row.shop_id, row.order_ref or "")
    until = held_until(session, row, order) if order is not None else now
    return until if until > now else None


def owed(session: Session, row: Sample, now: datetime) -> int | None:
    """What is due back by the order as it stands; None: not known, nobody has confirmed whose order it is, its hold
    isn't over, or a return or a dispute of it is open. What was paid back once is held no more: its order is followed.
    """
    if row.state != "fulfilled":
        return 0
    if not row.confirmed or row.order_ref is None or row.agreed_amount is None:
        return None
    order = orders.by_ref(session, row.shop_id, row.order_ref)
    if order is None:
        return None
    if order.gone_at is not None:
        return 0
    if row.paid_back is None and now < held_until(session, row, order):
        return None
    facts = orders.facts(order)
    line = bought.line_of(facts.snapshot, row.product_ref, row.variant_ref)
    if facts.under_dispute or (line is not None and facts.on_its_way_back(line.line_ref)):
        return None  # as a line's commission waits for it (R9)
    paid = bought.paid(facts.snapshot, facts.refunds, row.product_ref, row.variant_ref)
    return None if paid is None else bought.comes_back(row.agreed_amount, paid, earned_by_it(session, row, order.id))


def settle(session: Session, row: Sample, now: datetime) -> bool:
    """Book what differs between what is due back and what was booked; whether anything did. A repeat books nothing.

    The caller has locked the row.
    """
    if row.kind != "refundable":
        return False
    amount = owed(session, row, now)
    if amount is None or amount == (row.paid_back or 0):
        return False
    order = orders.by_ref(session, row.shop_id, row.order_ref or "")
    fees.owe(
        session, subject=fees.reimbursement(row.id), kind="reimbursement", shop_id=row.shop_id,
        creator_id=row.creator_id, currency=row.currency, amount=amount, reason=REASON,
        order_id=order.id if order is not None else None, at=now,
    )  # fmt: skip
    row.paid_back = amount
    steps.take(
        session, row, steps.standing(row), "pay_back", side="clock", by="clock", now=now, reason=REASON,
        amount=amount, currency=row.currency,
    )  # fmt: skip
    return True
