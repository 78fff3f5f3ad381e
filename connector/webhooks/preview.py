"""What a replay would change: deliveries are taken in as ever, and the transaction is undone.

An order's deliveries are taken in together and in their order, so that what they change together is counted once. The
writer is held for one order at a time. Nothing of a preview stays but its own lines.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.orders import queries as orders
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.errors import Conflict, NotFound
from connector.webhooks import drain, replay
from connector.webhooks.tables import DeliveryRow, Replay, ReplayLine
from connector.webhooks.translate import Read

WHY = "a preview may be of deliveries of any shop"
_TRIES = 3
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What would become of one delivery."""

    delivery_id: str
    outcome: str  # a status of deliveries
    reason: str
    detail: str
    effects: dict[str, Any]
    entries: int


@dataclass(frozen=True, slots=True)
class Change:
    """What an order's deliveries would change together. `moves`: only accounts that differ, in minor units."""

    lines: tuple[Line, ...]
    entries: int
    moves: tuple[dict[str, Any], ...]


def one(delivery_id: str) -> Change:
    """Look ahead at one delivery. Errors: NotFound; Conflict where it can't be replayed; OperationalError."""
    with db.read(Scope.system(WHY)) as session:
        replay.refuse_hopeless(session, delivery_id)
        row = session.get_one(DeliveryRow, delivery_id)
        shop_id, order_ref = row.shop_id or "", row.order_ref
    return _look(shop_id, order_ref, [delivery_id])


def _look(shop_id: str, order_ref: str | None, ids: Sequence[str]) -> Change:
    read = drain.understood(
        shop_id, sa.select(DeliveryRow).where(DeliveryRow.id.in_(ids)).order_by(DeliveryRow.received_at, DeliveryRow.id)
    )
    for tries in range(_TRIES):
        try:
            return _undone(shop_id, order_ref, read)
        except sa.exc.OperationalError:
            # Crossed by the drain (a deadlock, a busy writer): nothing stayed, so it may be looked at again.
            if tries + 1 == _TRIES:
                raise
            time.sleep(0.1 * (tries + 1))
    raise AssertionError("unreachable")


class _Undo(Exception):
    """Leaves the transaction, so that it is undone."""


def _undone(shop_id: str, order_ref: str | None, read: Sequence[Read]) -> Change:
    lines: list[Line] = []
    before: dict[tuple[str, str], int] = {}
    after: dict[tuple[str, str], int] = {}
    booked = [0, 0]
    try:
        with db.write(Scope.shop(shop_id)) as session:
            booked[0], before = _stands(session, shop_id, order_ref)
            for each in read:
                outcome = drain.one(session, shop_id, each)
                ref = outcome.order_ref or order_ref
                lines.append(
                    Line(each.id, outcome.status, outcome.reason, outcome.detail, outcome.effects,
                         int(outcome.effects.get("entries", 0)))
                )  # fmt: skip
                order_ref = ref
            session.flush()
            booked[1], after = _stands(session, shop_id, order_ref)
            raise _Undo
    except _Undo:
        pass
    moves = tuple(
        {"account": account, "currency": currency, "before": before.get((account, currency), 0), "after": value}
        for (account, currency), value in sorted(after.items())
        if value != before.get((account, currency), 0)
    )
    return Change(tuple(lines), booked[1] - booked[0], moves)


def _stands(session: Session, shop_id: str, order_ref: str | None) -> tuple[int, dict[tuple[str, str], int]]:
    """How many entries the order has, and its accounts."""
    order = orders.by_ref(session, shop_id, order_ref) if order_ref else None
    if order is None:
        return 0, {}
    accounts: dict[tuple[str, str], int] = {}
    entries = ledger.entries(session, order.id)
    for entry in entries:
        for account, amount in entry.sides:
            accounts[account, entry.currency] = accounts.get((account, entry.currency), 0) + amount
    return len(entries), accounts


def run_it(session: Session, preview_id: str, *, by: str) -> Replay:
    """Run exactly what was looked at. Errors: NotFound; Conflict when it isn't over, or something of it moved since."""
    preview = replay.get(session, preview_id)
    if preview.kind != "preview" or preview.status != "done":
        raise Conflict(f"{preview_id} is no finished preview", public="The preview has not ended: wait, or start anew.")
    lines = session.scalars(
        sa.select(ReplayLine).where(ReplayLine.replay_id == preview_id).order_by(ReplayLine.number)
    ).all()
    if moved := _moved(session, preview, lines):
        raise Conflict(
            f"{moved} of {preview_id} moved",
            public=f"Something changed, look again: {moved} of these moved since the preview. Nothing was done.",
        )
    rows = [(line.delivery_id, line.shop_id, line.order_ref) for line in lines]
    return replay.fix(session, rows, preview.asked, "run", by, preview_id)


def _moved(session: Session, preview: Replay, lines: Sequence[ReplayLine]) -> int:
    """How many were drained since, or stand on an order whose balances are not what was shown."""
    drained = session.scalar(
        sa.select(sa.func.count())
        .select_from(ReplayLine)
        .join(DeliveryRow, DeliveryRow.id == ReplayLine.delivery_id)
        .where(ReplayLine.replay_id == preview.id, DeliveryRow.done_at > preview.asked_at)
    )
    other = 0
    for line in lines:
        if line.moves:
            _, stands = _stands(session, line.shop_id, line.order_ref)
            other += any(stands.get((move["account"], move["currency"]), 0) != move["before"] for move in line.moves)
    return int(drained or 0) + other


@jobs.workflow("webhooks.preview")
def preview(replay_id: str) -> int:
    """The job: look at every line; how many. Repeated after a kill it goes on behind the last line that was kept."""
    if not _begin(replay_id):
        return 0
    try:
        taken = _walk(replay_id)
    except Exception as error:
        _log.error("preview.failed", replay_id=replay_id, exc_info=error)
        _end(replay_id, "failed", f"It broke: {type(error).__name__}. Start it again.")
        return 0
    return taken


def _walk(replay_id: str) -> int:
    taken = 0
    while True:
        jobs.check()
        with db.read(Scope.system(WHY)) as session:
            stopping = replay.get(session, replay_id).status == "stopping"
            lines = session.scalars(
                sa.select(ReplayLine)
                .where(ReplayLine.replay_id == replay_id, ReplayLine.taken_at.is_(None))
                .order_by(ReplayLine.number)
                .limit(200)
            ).all()
        if stopping or not lines:
            _end(replay_id, "stopped" if stopping else "done", "")
            return taken
        groups = [list(group) for _, group in groupby(lines, key=_together)]
        if len(groups) > 1 and len(lines) == 200:
            groups.pop()  # its order may go on in the next lot
        for group in groups:
            taken += len(group)
            _keep(replay_id, group, _safely(group))


def _together(line: ReplayLine) -> tuple[str, str]:
    return line.shop_id, line.order_ref or line.delivery_id


def _safely(group: Sequence[ReplayLine]) -> Change | None:
    """None: they could not be looked at; their lines say `skipped`."""
    try:
        return _look(group[0].shop_id, group[0].order_ref, [line.delivery_id for line in group])
    except (sa.exc.OperationalError, NotFound) as error:
        _log.warning("preview.skipped", delivery_id=group[0].delivery_id, problem=type(error).__name__)
        return None


def _keep(replay_id: str, group: Sequence[ReplayLine], change: Change | None) -> None:
    now = clock.wall()
    seen = {line.delivery_id: line for line in change.lines} if change else {}
    with db.write(Scope.system(WHY)) as session:
        for number, line in enumerate(group):
            found = seen.get(line.delivery_id)
            session.execute(
                sa.update(ReplayLine)
                .where(ReplayLine.replay_id == replay_id, ReplayLine.number == line.number)
                .values(
                    taken_at=now,
                    outcome=found.outcome if found else "skipped",
                    reason=found.reason if found else "",
                    entries=found.entries if found else 0,
                    # What they change together stands at the last of them.
                    moves=list(change.moves) if change and number == len(group) - 1 else [],
                )
            )
        session.execute(
            sa.update(Replay)
            .where(Replay.id == replay_id)
            .values(
                taken=Replay.taken + len(group),
                entries=Replay.entries + (change.entries if change else 0),
                heard_at=now,
            )
        )


@jobs.workflow("webhooks.replay")
def run(replay_id: str) -> int:
    """The job: put the lines back, so many at a time that live deliveries get in between; how many."""
    if not _begin(replay_id):
        return 0
    put = 0
    while True:
        jobs.check()
        with db.write(Scope.system(WHY)) as session:
            row = replay.get(session, replay_id, lock=True)
            lines = session.execute(
                sa.select(ReplayLine.number, ReplayLine.delivery_id)
                .where(ReplayLine.replay_id == replay_id, ReplayLine.taken_at.is_(None))
                .order_by(ReplayLine.number)
                .limit(replay.AT_ONCE)
            ).all()
            if row.status == "stopping" or not lines:
                row.status, row.finished_at = ("stopped" if row.status == "stopping" else "done"), clock.wall()
                return put
            waiting = replay.progress(session, replay_id).get("waiting", 0)
            if waiting < replay.AT_ONCE:
                put += replay.put_back(session, [line.delivery_id for line in lines])
                session.execute(
                    sa.update(ReplayLine)
                    .where(ReplayLine.replay_id == replay_id, ReplayLine.number.in_([line.number for line in lines]))
                    .values(taken_at=clock.wall())
                )
                row.taken += len(lines)
            row.heard_at = clock.wall()
        if waiting >= replay.AT_ONCE:
            jobs.pause(0.5)


def _begin(replay_id: str) -> bool:
    with db.write(Scope.system(WHY)) as session:
        row = replay.get(session, replay_id, lock=True)
        if row.status in replay.FINAL:
            return False
        row.started_at = row.started_at or clock.wall()
        row.heard_at = clock.wall()
        if row.status == "queued":
            row.status = "running"
    return True


def _end(replay_id: str, status: str, problem: str) -> None:
    with db.write(Scope.system(WHY)) as session:
        row = replay.get(session, replay_id, lock=True)
        row.status, row.problem, row.finished_at = status, problem, clock.wall()
