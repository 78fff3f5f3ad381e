"""Each line's decision is made, kept, and pinned once no tap can reach us any more (COMMISSION.md, F3 and F4)."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import candidates
from connector.earnings.attribution.rules import Decision, decide
from connector.earnings.attribution.tables import DecisionRow, DueForPin, Touch

# What of a decision moves money or says whose it is; evidence and reasons may grow after the pin.
_PINNED_FIELDS = ("creator_id", "content_id", "touch_id", "rate_bp", "terms_id")
_FIELDS = ("credit_reason", "rate_reason", *_PINNED_FIELDS, "evidence")
# Built once, run for every order.
_INSERT = sa.insert(DecisionRow)
_WAITS_NO_MORE = sa.delete(DueForPin).where(DueForPin.order_id == sa.bindparam("of"))


def credit_lines(
    session: Session,
    shop: Shop,
    order: Order,
    facts: OrderFacts,
    as_of: datetime | None = None,
    *,
    created: bool = False,
) -> dict[str, Decision]:
    """Decide every line of the newest snapshot; line ref → decision.

    Until placed time + grace a decision is provisional and made anew with every delivery. The first evaluation after
    that of an order that was paid, wholly or in part, pins it; lines seen later are pinned when seen. A pinned decision
    never changes: an evaluation that would differ only leaves a note (`drift`). The caller holds the order's row, and
    says `created` when it has just been made: then nothing can be kept of it.
    """
    as_of = as_of or clock.now()
    gathered = candidates.gather(session, shop, order, facts)
    pin_at = gathered.order.placed_at + gathered.order.grace
    pins = facts.collected and as_of >= pin_at
    held = {} if created else _held(session, order.id)
    decided: dict[str, Decision] = {}
    fresh: list[Decision] = []
    for line in gathered.lines:
        decision = decide(gathered.order, line, gathered.candidates)
        row = held.get(line.line_ref)
        if row is None:
            decided[line.line_ref] = decision = msgspec.structs.replace(decision, pinned=pins)
            fresh.append(decision)
            continue
        if row.pinned_at is None:
            _take_over(row, decision, as_of)
            row.pinned_at = as_of if pins else None
        else:
            _note_drift(session, row, decision)
        decided[line.line_ref] = as_decision(row)
    if fresh:
        session.connection().execute(_INSERT, [_columns(order, decision, as_of) for decision in fresh])
    _follow_due(session, order, pin_at if facts.collected and not pins else None, created=created)
    session.flush()
    return decided


def _held(session: Session, order_id: str) -> dict[str, DecisionRow]:
    rows = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order_id))
    return {row.line_ref: row for row in rows}


def not_decided(session: Session, order: Order) -> None:
    """The order turned out to be none (a test, a sample): nothing of it waits for its pin any more."""
    _follow_due(session, order, None)


def as_decision(row: DecisionRow) -> Decision:
    return Decision(
        line_ref=row.line_ref,
        credit_reason=row.credit_reason,
        rate_reason=row.rate_reason,
        creator_id=row.creator_id,
        content_id=row.content_id,
        touch_id=row.touch_id,
        rate_bp=row.rate_bp,
        terms_id=row.terms_id,
        pinned=row.pinned_at is not None,
        evidence=row.evidence,
    )


def _columns(order: Order, decision: Decision, as_of: datetime) -> dict[str, Any]:
    return {
        "id": new_id("dec"),
        "order_id": order.id,
        "shop_id": order.shop_id,
        "line_ref": decision.line_ref,
        **{name: getattr(decision, name) for name in _FIELDS},
        "decided_at": as_of,
        "pinned_at": as_of if decision.pinned else None,
        "drift": "",
    }


def _take_over(row: DecisionRow, fresh: Decision, as_of: datetime) -> None:
    """A provisional decision becomes the fresh one; an equal one is left as it is, time and all."""
    changed = [name for name in _FIELDS if getattr(row, name) != getattr(fresh, name)]
    for name in changed:
        setattr(row, name, getattr(fresh, name))
    if changed:
        row.decided_at = as_of


def _note_drift(session: Session, row: DecisionRow, fresh: Decision) -> None:
    """What an evaluation after the pin says otherwise (`decision_changed`); "" when it says the same (again)."""
    changed = [name for name in _PINNED_FIELDS if getattr(row, name) != getattr(fresh, name)]
    if changed and _erased(session, row):
        return
    said = "; ".join(f"{name} {getattr(row, name)} would be {getattr(fresh, name)}" for name in changed)
    drift = f"decision_changed: {said}" if changed else ""
    if row.drift != drift:
        row.drift = drift


def _erased(session: Session, row: DecisionRow) -> bool:
    """Was the pinned touch found by a journey that has since been erased? Forgotten isn't changed (F9)."""
    touch = session.get(Touch, row.touch_id) if row.touch_id is not None else None
    if touch is None or touch.journey is not None:
        return False
    found = next((c for c in row.evidence["candidates"] if c["touch_id"] == touch.id), None)
    return found is not None and found["via"] == [candidates.JOURNEY]


def _follow_due(session: Session, order: Order, pin_at: datetime | None, *, created: bool = False) -> None:
    """Let the pin job know: a paid order with provisional decisions waits for `pin_at`; any other doesn't."""
    connection = session.connection()
    if pin_at is not None:
        waits = {"order_id": order.id, "shop_id": order.shop_id, "pin_at": pin_at}
        connection.execute(_wait(connection.dialect.name), waits)
    elif not created:
        connection.execute(_WAITS_NO_MORE, {"of": order.id})


@cache
def _wait(dialect: str) -> sa.Insert:
    insert = postgresql.insert(DueForPin) if dialect == "postgresql" else sqlite.insert(DueForPin)
    return insert.on_conflict_do_update(index_elements=["order_id"], set_={"pin_at": insert.excluded.pin_at})
