"""Each line's decision is made, kept, and pinned once no tap can reach us any more (COMMISSION.md, F3 and F4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import acted, candidates, leaks, passed_over
from connector.earnings.attribution.candidates import Gathered, Pinned
from connector.earnings.attribution.rules import ActSeen, Decision, LineAsked, Personal, decide, involved
from connector.earnings.attribution.tables import DecisionPast, DecisionRow, DueForPin, Touch

# What of a decision moves money or says whose it is; evidence and reasons may grow after the pin.
_PINNED_FIELDS = ("creator_id", "content_id", "touch_id", "rate_bp", "terms_id")
_FIELDS = ("credit_reason", "rate_reason", *_PINNED_FIELDS, "evidence")
# Built once, run for every order.
_INSERT = sa.insert(DecisionRow)
_KEEP_PAST = sa.insert(DecisionPast)
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
    changes by a recorded act alone, and by no more than the act is about (`acted`): another evaluation that would
    differ only leaves a note (`drift`). What a decision was before each of its changes is kept (`DecisionPast`). The
    caller holds the order's row, and says `created` when it has just been made: then nothing can be kept of it.
    """
    as_of = as_of or clock.now()
    held = {} if created else _held(session, order.id)
    gathered = candidates.gather(session, shop, order, facts, created=created, personal=_pinned_personal(held))
    pin_at = gathered.order.placed_at + gathered.order.grace
    pins = facts.collected and as_of >= pin_at
    stands = _returned(gathered, held)
    decided: dict[str, Decision] = {}
    fresh: list[Decision] = []
    changed: list[Decision] = []
    past: list[dict[str, Any]] = []
    for line_ref, decision in _decided(gathered, held):
        row = held.get(line_ref)
        if row is None:
            decided[line_ref] = decision = msgspec.structs.replace(decision, pinned=pins)
            fresh.append(decision)
            continue
        if row.pinned_at is None:
            changed += _take_over(row, decision, as_of, past)
            row.pinned_at = as_of if pins else None
        else:
            if _by_act(row, decision):
                by_act = acted.decided(session, facts, gathered, as_decision(row), stands.get(line_ref))
                changed += _take_over(row, by_act, as_of, past)
            _note_drift(session, row, decision, buyer_known=facts.buyer_hash is not None)
        decided[line_ref] = as_decision(row)
    db.later(session, _INSERT, [_columns(order, decision, as_of) for decision in fresh], unread=created)
    if past:
        session.connection().execute(_KEEP_PAST, past)
    passed_over.note(session, order.id, gathered.order.placed_at, fresh, changed, created=created)
    if not any(row.pinned_at is not None for row in held.values()):
        _note_codes(session, order, gathered)
    _follow_due(session, order, pin_at if facts.collected and not pins else None, created=created)
    session.flush()
    return decided


def with_act(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, act: ActSeen
) -> tuple[dict[str, Decision], dict[str, Decision]]:
    """(what is decided, what would be with that act), line by line. Nothing is written."""
    held = _held(session, order.id)
    gathered = candidates.gather(session, shop, order, facts, personal=_pinned_personal(held), also=act)
    before, stands = {line_ref: as_decision(row) for line_ref, row in held.items()}, _returned(gathered, held)
    after = {}
    for line_ref, decision in _decided(gathered, held):
        row = held.get(line_ref)
        after[line_ref] = decision
        if row is not None and row.pinned_at is not None:
            after[line_ref] = before[line_ref]
            if _by_act(row, decision):
                after[line_ref] = acted.decided(session, facts, gathered, before[line_ref], stands.get(line_ref))
    return before, after


def anew(session: Session, shop: Shop, order: Order, facts: OrderFacts) -> dict[str, Decision]:
    """Every line as the rules decide it from what is kept, as if nothing were pinned. Nothing is written.

    The pin is read only for what was drawn from personal data (F9): its outcomes, and a winner who was found by a
    journey or a customer that has been erased since.
    """
    held = _held(session, order.id)
    gathered = candidates.gather(session, shop, order, facts, personal=_pinned_personal(held), note=False)
    made = {}
    for line_ref, decision in _decided(gathered, {}):
        row = held.get(line_ref)
        pinned = row is not None and row.pinned_at is not None
        differs = row is not None and any(getattr(row, name) != getattr(decision, name) for name in _PINNED_FIELDS)
        if row is not None and pinned and differs and _erased(session, row, buyer_known=facts.buyer_hash is not None):
            decision = as_decision(row)
        made[line_ref] = decision
    return made


def as_if(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, bend: Callable[[Gathered], Gathered]
) -> tuple[dict[str, Decision], dict[str, Decision]]:
    """(what is decided, what would be if the facts were as `bend` makes them), line by line. Nothing is written.

    A line whose deciding touch is found no more, since its journey was erased, stays as it is: nothing else is known.
    """
    held = _held(session, order.id)
    gathered = candidates.gather(session, shop, order, facts, personal=_pinned_personal(held), note=False)
    before = {line_ref: as_decision(row) for line_ref, row in held.items()}
    found = {touch.touch_id for touch in gathered.candidates}
    lost = {ref: each for ref, each in before.items() if each.touch_id is not None and each.touch_id not in found}
    return before, {ref: lost.get(ref, decision) for ref, decision in _decided(bend(gathered), {})}


def _decided(gathered: Gathered, held: dict[str, DecisionRow]) -> list[tuple[str, Decision]]:
    """A decision of each line. One that was given for a returned line comes after that, by what stands for it (R8)."""
    made: dict[str, Decision] = {}
    stands = _returned(gathered, held)
    for line in in_turn(gathered.lines):
        returned = stands.get(line.line_ref) or made.get(line.exchange_of)
        made[line.line_ref] = decide(gathered.order, line, gathered.candidates, returned)
    return [(line.line_ref, made[line.line_ref]) for line in gathered.lines]


def _returned(gathered: Gathered, held: dict[str, DecisionRow]) -> dict[str, Decision]:
    """Line → the pinned decision of the returned line that it was given for."""
    found = {}
    for line in gathered.lines:
        row = held.get(line.exchange_of) if line.exchange_of else None
        if row is not None and row.pinned_at is not None:
            found[line.line_ref] = as_decision(row)
    return found


def in_turn(lines: Sequence[LineAsked]) -> list[LineAsked]:
    """Every line behind the one that it was given for, however a store lists them: exchanges may follow exchanges."""
    given_for = {line.line_ref: line.exchange_of for line in lines}

    def steps(line: LineAsked) -> int:
        number, ref = 0, line.exchange_of
        while ref and number < len(lines):  # a ring is nothing that a store says; it mustn't hang us
            number, ref = number + 1, given_for.get(ref, "")
        return number

    return sorted(lines, key=steps)


def _pinned_personal(held: dict[str, DecisionRow]) -> Pinned | None:
    """What was drawn from the buyer's data when lines were pinned: read from then on, whatever is erased (F9).

    A line that was pinned later may hold more: of a creator whom only an edit or an act brought.
    """
    pins = [row for row in held.values() if row.pinned_at is not None and "personal" in row.evidence]
    if not pins:
        return None
    said = [msgspec.convert(row.evidence["personal"], Personal) for row in pins]
    people = {row.creator_id for row in pins} | {each.bound for each in said}
    for row in pins:
        people |= {each["creator_id"] for name in ("candidates", "codes") for each in row.evidence.get(name, ())}
    personal = Personal(
        self_match={who: how for each in said for who, how in each.self_match.items()},
        returning=next((each.returning for each in said if each.returning is not None), None),
        bound=next((each.bound for each in said if each.bound is not None), None),
    )
    return Pinned(personal, frozenset(who for who in people if who is not None))


def _by_act(row: DecisionRow, fresh: Decision) -> bool:
    """Has an act taken effect that this pinned decision doesn't know?"""
    return bool(set(fresh.evidence["acts"]) - set(row.evidence.get("acts", ())))


def _note_codes(session: Session, order: Order, gathered: Gathered) -> None:
    """Keep which creators' codes the order has, and whether its buyer had tapped before: by it a leak is found."""
    asked = gathered.order
    known = {code.text: code for code in asked.codes.values() if code.creator_id is not None}
    if known:
        touched = {code.code_id: involved(asked, gathered.candidates, code.creator_id or "") for code in known.values()}
        leaks.note(session, order.shop_id, order.id, asked.placed_at, touched, gathered.referrer)


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
        "changes": 0,
    }


def _take_over(row: DecisionRow, fresh: Decision, as_of: datetime, past: list[dict[str, Any]]) -> list[Decision]:
    """A decision becomes the fresh one, which is given back; an equal one is left as it is, time and all. What it was
    goes to `past`."""
    changed = [name for name in _FIELDS if getattr(row, name) != getattr(fresh, name)]
    if not changed:
        return []
    row.changes += 1
    past.append(
        {
            "order_id": row.order_id, "line_ref": row.line_ref, "number": row.changes, "decided_at": row.decided_at,
            "until": as_of, "pinned": row.pinned_at is not None, **{name: getattr(row, name) for name in _FIELDS},
        }
    )  # fmt: skip
    for name in changed:
        setattr(row, name, getattr(fresh, name))
    row.decided_at = as_of
    return [fresh]


def _note_drift(session: Session, row: DecisionRow, fresh: Decision, *, buyer_known: bool) -> None:
    """What an evaluation after the pin says otherwise (`decision_changed`); "" when it says the same (again)."""
    changed = [name for name in _PINNED_FIELDS if getattr(row, name) != getattr(fresh, name)]
    if changed and _erased(session, row, buyer_known=buyer_known):
        return
    said = "; ".join(f"{name} {getattr(row, name)} would be {getattr(fresh, name)}" for name in changed)
    drift = f"decision_changed: {said}" if changed else ""
    if row.drift != drift:
        row.drift = drift


def _erased(session: Session, row: DecisionRow, *, buyer_known: bool) -> bool:
    """Was the pinned touch found by a journey or a customer, since erased? Forgotten isn't changed (F9)."""
    touch = session.get(Touch, row.touch_id) if row.touch_id is not None else None
    found = next((c for c in row.evidence["candidates"] if c["touch_id"] == row.touch_id), None)
    if touch is None or found is None or not set(found["via"]) <= {candidates.JOURNEY, candidates.CUSTOMER}:
        return False
    return touch.journey is None or not buyer_known


def _follow_due(session: Session, order: Order, pin_at: datetime | None, *, created: bool = False) -> None:
    """Let the pin job know: a paid order with provisional decisions waits for `pin_at`; any other doesn't."""
    if pin_at is not None:
        waits = {"order_id": order.id, "shop_id": order.shop_id, "pin_at": pin_at}
        db.later(session, _wait_for, [waits], unread=created)
    elif not created:
        session.connection().execute(_WAITS_NO_MORE, {"of": order.id})


def _wait_for(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_wait(connection.dialect.name), rows)


@cache
def _wait(dialect: str) -> sa.Insert:
    insert = postgresql.insert(DueForPin) if dialect == "postgresql" else sqlite.insert(DueForPin)
    return insert.on_conflict_do_update(index_elements=["order_id"], set_={"pin_at": insert.excluded.pin_at})
