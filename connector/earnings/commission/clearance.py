"""Each credited line's clearance: follows the newest facts until the line has cleared, and keeps what blocks it.

What blocks is of two sorts: facts of the order (an open dispute, an open return, a refund of unknown amount, a decision
under review), which are worked out anew each time, and blocks that somebody opened (a freeze), which are rows. How a
clearance stood before each of its changes is kept. Clearing itself is booked by settlement, which claims rows that are
open, due and not blocked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.commission import frozen
from connector.earnings.commission.hold import HoldTerms, matures
from connector.earnings.commission.rate import Assessment
from connector.earnings.commission.tables import Clearance, ClearanceBlock, ClearancePast
from connector.events import OrderSnapshot

# Flags of a line that keep it from clearing until a person has looked.
BLOCKING = frozenset({"refund_amount_unknown"})
# … and what else keeps it, by the order's facts or its decision alone.
DISPUTE, RETURN, REVIEW = "dispute", "return", "review"
Held = Mapping[str, Mapping[Any, Any]]

_ROWS = sa.select(
    Clearance.line_ref, Clearance.clears_at, Clearance.why, Clearance.blocked, Clearance.state, Clearance.changes,
    Clearance.paid_at, Clearance.cleared_at,
).where(Clearance.order_id == sa.bindparam("order_id"))  # fmt: skip
_OPEN_BLOCKS = sa.select(ClearanceBlock.line_ref, ClearanceBlock.kind).where(
    ClearanceBlock.order_id == sa.bindparam("order_id"), ClearanceBlock.closed_at.is_(None)
)
_INSERT, _BLOCK, _PAST = sa.insert(Clearance), sa.insert(ClearanceBlock), sa.insert(ClearancePast)
UPDATE = (
    sa.update(Clearance)
    .where(Clearance.order_id == sa.bindparam("b_order"), Clearance.line_ref == sa.bindparam("b_line"))
    .values(
        clears_at=sa.bindparam("b_clears_at", type_=Clearance.__table__.c.clears_at.type),
        why=sa.bindparam("b_why"),
        blocked=sa.bindparam("b_blocked"),
        changes=sa.bindparam("b_changes"),
        updated_at=sa.bindparam("b_at", type_=Clearance.__table__.c.updated_at.type),
    )
)


def held(session: Session, order_id: str) -> Held:
    """Line ref → its clearance as it stands."""
    return {row["line_ref"]: row for row in session.connection().execute(_ROWS, {"order_id": order_id}).mappings()}


def follow(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, assessment: Assessment, as_of: datetime,
    *, rows: Held | None = None, reviewed: Collection[str] = (),
) -> None:  # fmt: skip
    """Bring the clearances of an order's credited lines up to date. A line that has cleared stays cleared (F6).

    `reviewed`: refs of lines whose decision waits for a person (D17).
    """
    rows = held(session, order.id) if rows is None else rows
    blocks = _open_blocks(session, order.id) if rows else {}
    terms = _terms(session, shop, facts.placed_at)
    lines = {line.line_ref: line for line in facts.snapshot.lines}
    new: list[dict[str, Any]] = []
    freezes: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    past: list[dict[str, Any]] = []
    for assessed in assessment.lines:
        line_ref = assessed.line_ref
        row = rows.get(line_ref)
        if row is None and assessed.creator_id is None:
            continue
        if row is not None and row["state"] == "cleared":
            continue
        maturity = matures(lines[line_ref], facts.snapshot, assessment.reason, terms)
        open_facts = _of_facts(facts, line_ref, assessed.flags, reviewed)
        if row is None:
            under = frozen.standing(session).of(shop.id, order.id, assessed.creator_id)
            freezes.extend(_freeze(order, line_ref, ref, as_of) for ref in under)
            blocked = " ".join(sorted(open_facts | ({frozen.FREEZE} if under else set())))
            new.append(
                {
                    "order_id": order.id, "line_ref": line_ref, "shop_id": shop.id, "clears_at": maturity.clears_at,
                    "why": maturity.why, "blocked": blocked, "state": "open", "cleared_at": None, "changes": 0,
                    "updated_at": as_of, "paid_at": None,
                }
            )  # fmt: skip
            continue
        blocked = " ".join(sorted(blocks.get(line_ref, set()) | open_facts))
        if (row["clears_at"], row["why"], row["blocked"]) != (maturity.clears_at, maturity.why, blocked):
            past.append(before(order.id, line_ref, row, as_of))
            changed.append(
                {
                    "b_order": order.id, "b_line": line_ref, "b_clears_at": maturity.clears_at, "b_why": maturity.why,
                    "b_blocked": blocked, "b_changes": row["changes"] + 1, "b_at": as_of,
                }
            )  # fmt: skip
    db.later(session, _INSERT, new, unread=not rows and not freezes)
    for statement, values in ((_BLOCK, freezes), (_PAST, past), (UPDATE, changed)):
        if values:
            session.connection().execute(statement, values)


def anew(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, assessment: Assessment, reviewed: Collection[str]
) -> dict[str, tuple[datetime | None, str, str]]:
    """Line ref → (clears at, why, what blocks it), as it follows from the facts: of a line that has not cleared."""
    terms, blocks = _terms(session, shop, facts.placed_at), _open_blocks(session, order.id)
    lines = {line.line_ref: line for line in facts.snapshot.lines}
    found = {}
    for assessed in assessment.lines:
        maturity = matures(lines[assessed.line_ref], facts.snapshot, assessment.reason, terms)
        open_facts = _of_facts(facts, assessed.line_ref, assessed.flags, reviewed)
        blocked = blocks.get(assessed.line_ref, set()) | open_facts
        found[assessed.line_ref] = (maturity.clears_at, maturity.why, " ".join(sorted(blocked)))
    return found


def could_have(
    session: Session, shop: Shop, versions: Sequence[OrderSnapshot], line_ref: str, stop: Callable[[OrderSnapshot], str]
) -> list[tuple[datetime | None, str]]:
    """(clears at, why) of a line by each version of its order, the newest last. `stop`: what stops a whole version."""
    found = []
    for version in versions:
        line = next((each for each in version.lines if each.line_ref == line_ref), None)
        if line is not None:
            maturity = matures(line, version, stop(version), _terms(session, shop, version.created_at))
            found.append((maturity.clears_at, maturity.why))
    return found


def held_at(session: Session, order_id: str, line_ref: str, moment: datetime) -> list[str]:
    """Kinds of what somebody had opened on the line before that moment and not closed by then."""
    query = sa.select(ClearanceBlock.kind).where(
        ClearanceBlock.order_id == order_id, ClearanceBlock.line_ref == line_ref, ClearanceBlock.opened_at < moment,
        sa.or_(ClearanceBlock.closed_at.is_(None), ClearanceBlock.closed_at > moment),
    )  # fmt: skip
    return sorted(session.scalars(query))


def _of_facts(facts: OrderFacts, line_ref: str, flags: Collection[str], reviewed: Collection[str]) -> set[str]:
    """What of the order itself keeps the line from clearing."""
    found = BLOCKING & set(flags)
    if facts.under_dispute:
        found |= {DISPUTE}
    if facts.returns and facts.on_its_way_back(line_ref):
        found |= {RETURN}
    if line_ref in reviewed:
        found |= {REVIEW}
    return set(found)


def _freeze(order: Order, line_ref: str, ref: str, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id("blk"), "order_id": order.id, "line_ref": line_ref, "shop_id": order.shop_id,
        "kind": frozen.FREEZE, "ref": ref, "opened_at": at, "closed_at": None,
    }  # fmt: skip


def before(order_id: str, line_ref: str, row: Mapping[Any, Any], until: datetime) -> dict[str, Any]:
    """How a clearance stood, as a row of its history."""
    return {
        "order_id": order_id, "line_ref": line_ref, "number": row["changes"] + 1, "clears_at": row["clears_at"],
        "why": row["why"], "blocked": row["blocked"], "until": until,
    }  # fmt: skip


def history(session: Session, order_id: str) -> dict[str, list[ClearancePast]]:
    """Line ref → how its clearance stood before each of its changes, oldest first."""
    found: dict[str, list[ClearancePast]] = {}
    query = sa.select(ClearancePast).where(ClearancePast.order_id == order_id)
    for row in session.scalars(query.order_by(ClearancePast.line_ref, ClearancePast.number)):
        found.setdefault(row.line_ref, []).append(row)
    return found


def _open_blocks(session: Session, order_id: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line_ref, kind in session.connection().execute(_OPEN_BLOCKS, {"order_id": order_id}):
        found.setdefault(line_ref, set()).add(kind)
    return found


def _terms(session: Session, shop: Shop, placed_at: datetime) -> HoldTerms:
    def number(name: str) -> int:
        return settings.whole(session, shop.id, name, placed_at)

    return HoldTerms(
        hold=timedelta(days=number("hold_days")),
        no_signal=timedelta(days=number("no_signal_days")),
        wait_for_signal=bool(number("wait_for_signal")),
        grace=timedelta(hours=number("touch_grace_hours")),
    )
