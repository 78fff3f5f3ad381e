"""Each credited line's clearance: follows the newest facts until the line has cleared, and keeps what blocks it.

Clearing itself is booked by settlement, which claims rows that are open, due and not blocked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.commission.hold import HoldTerms, matures
from connector.earnings.commission.rate import Assessment
from connector.earnings.commission.tables import Clearance, ClearanceBlock

# Flags of a line that keep it from clearing until a person has looked.
BLOCKING = frozenset({"refund_amount_unknown"})
# … and what else follows from the order's facts alone, whoever opened or closed a block beside it.
DISPUTE = "dispute"
DERIVED = BLOCKING | {DISPUTE}
Held = Mapping[str, Mapping[Any, Any]]

_ROWS = sa.select(
    Clearance.line_ref, Clearance.clears_at, Clearance.why, Clearance.blocked, Clearance.state
).where(Clearance.order_id == sa.bindparam("order_id"))  # fmt: skip
_OPEN_BLOCKS = sa.select(ClearanceBlock.line_ref, ClearanceBlock.kind).where(
    ClearanceBlock.order_id == sa.bindparam("order_id"), ClearanceBlock.closed_at.is_(None)
)
_INSERT = sa.insert(Clearance)
_UPDATE = (
    sa.update(Clearance)
    .where(Clearance.order_id == sa.bindparam("b_order"), Clearance.line_ref == sa.bindparam("b_line"))
    .values(
        clears_at=sa.bindparam("b_clears_at", type_=Clearance.__table__.c.clears_at.type),
        why=sa.bindparam("b_why"),
        blocked=sa.bindparam("b_blocked"),
        updated_at=sa.bindparam("b_at", type_=Clearance.__table__.c.updated_at.type),
    )
)


def held(session: Session, order_id: str) -> Held:
    """Line ref → its clearance as it stands."""
    return {row["line_ref"]: row for row in session.execute(_ROWS, {"order_id": order_id}).mappings()}


def follow(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, assessment: Assessment, as_of: datetime,
    *, rows: Held | None = None,
) -> None:  # fmt: skip
    """Bring the clearances of an order's credited lines up to date. A line that has cleared stays cleared (F6)."""
    rows = held(session, order.id) if rows is None else rows
    blocks = _open_blocks(session, order.id) if rows else {}
    terms = _terms(session, shop, facts.placed_at)
    lines = {line.line_ref: line for line in facts.snapshot.lines}
    disputed = {DISPUTE} if facts.under_dispute else set()
    new, changed = [], []
    for assessed in assessment.lines:
        row = rows.get(assessed.line_ref)
        if row is None and assessed.creator_id is None:
            continue
        if row is not None and row["state"] == "cleared":
            continue
        maturity = matures(lines[assessed.line_ref], facts.snapshot, assessment.reason, terms)
        open_facts = (BLOCKING & set(assessed.flags)) | disputed
        blocked = " ".join(sorted(blocks.get(assessed.line_ref, set()) | open_facts))
        if row is None:
            new.append(
                {
                    "order_id": order.id, "line_ref": assessed.line_ref, "shop_id": shop.id,
                    "clears_at": maturity.clears_at, "why": maturity.why, "blocked": blocked, "state": "open",
                    "cleared_at": None, "updated_at": as_of,
                }
            )  # fmt: skip
        elif (row["clears_at"], row["why"], row["blocked"]) != (maturity.clears_at, maturity.why, blocked):
            changed.append(
                {
                    "b_order": order.id, "b_line": assessed.line_ref, "b_clears_at": maturity.clears_at,
                    "b_why": maturity.why, "b_blocked": blocked, "b_at": as_of,
                }
            )  # fmt: skip
    if new:
        session.connection().execute(_INSERT, new)
    if changed:
        session.connection().execute(_UPDATE, changed)


def block(session: Session, order: Order, line_ref: str, kind: str, ref: str, opened_at: datetime) -> None:
    """Something is open about a line (return, review, freeze): it doesn't clear. The same again changes nothing."""
    known: ClearanceBlock | None = session.execute(_one_block(order.id, line_ref, kind, ref)).scalar_one_or_none()
    if known is None:
        session.add(
            ClearanceBlock(
                id=new_id("blk"), order_id=order.id, line_ref=line_ref, shop_id=order.shop_id, kind=kind, ref=ref,
                opened_at=opened_at, closed_at=None,
            )
        )  # fmt: skip
        session.flush()
    _refresh(session, order.id, line_ref, opened_at)


def unblock(session: Session, order: Order, line_ref: str, kind: str, ref: str, closed_at: datetime) -> None:
    """It is closed: the line clears when its hold is over and nothing else is open."""
    known: ClearanceBlock | None = session.execute(_one_block(order.id, line_ref, kind, ref)).scalar_one_or_none()
    if known is not None and known.closed_at is None:
        known.closed_at = closed_at
        session.flush()
        _refresh(session, order.id, line_ref, closed_at)


def _refresh(session: Session, order_id: str, line_ref: str, at: datetime) -> None:
    row = session.get(Clearance, (order_id, line_ref), populate_existing=True, with_for_update=True)
    if row is None or row.state == "cleared":
        return
    flags = DERIVED & set(row.blocked.split())
    blocked = " ".join(sorted(_open_blocks(session, order_id).get(line_ref, set()) | flags))
    if row.blocked != blocked:
        row.blocked, row.updated_at = blocked, at
        session.flush()


def _open_blocks(session: Session, order_id: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line_ref, kind in session.execute(_OPEN_BLOCKS, {"order_id": order_id}):
        found.setdefault(line_ref, set()).add(kind)
    return found


def _one_block(order_id: str, line_ref: str, kind: str, ref: str) -> sa.Select[Any]:
    return sa.select(ClearanceBlock).where(
        ClearanceBlock.order_id == order_id, ClearanceBlock.line_ref == line_ref,
        ClearanceBlock.kind == kind, ClearanceBlock.ref == ref,
    )  # fmt: skip


def _terms(session: Session, shop: Shop, placed_at: datetime) -> HoldTerms:
    def number(name: str) -> int:
        return settings.whole(session, shop.id, name, placed_at)

    return HoldTerms(
        hold=timedelta(days=number("hold_days")),
        no_signal=timedelta(days=number("no_signal_days")),
        wait_for_signal=bool(number("wait_for_signal")),
        grace=timedelta(hours=number("touch_grace_hours")),
    )
