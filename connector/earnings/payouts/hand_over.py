"""Handing a batch to its rail, as often as it takes: a crash in between is mended by doing it once more.

A file rail gives the same files each time. An API rail is called a row at a time: before a row's first call its
`tried_at` is committed, so that after a crash its fate is asked for before anything is sent again. An answer that
doesn't come makes the row unknown; `ask` finds out, and never sends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs
from connector.db import Scope
from connector.earnings.payouts import batch, outcomes, rails
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.rails import Head, Told, Transfer
from connector.earnings.payouts.rails.contract import ApiRail, FileRail
from connector.earnings.payouts.tables import Payout
from connector.errors import Conflict
from connector.programme.creators import payees

_WHY = "a payout batch covers all shops"
AT_ONCE = 50
# Another hand-over of the same batch may be waiting for an answer about a row; its calls end well before that.
_LEAVE_ALONE = timedelta(minutes=10)
API_RAILS = ("stripe",)


@dataclass(slots=True)
class Handed:
    """What a hand-over did: files, or how many rows ended how."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    waiting: int = 0  # rows that another hand-over is at


def files(session: Session, batch_id: str, as_of: datetime, by: str) -> list[tuple[str, bytes]]:
    """A batch's files. The first time is noted in the batch and stamped on the files; each time goes to the audit log.

    Errors: NotFound; Conflict when it may not be handed over, or its rail takes no files; ConfigurationWrong.
    """
    if batch.fresh(session, batch_id).rail in API_RAILS:
        raise Conflict(f"batch {batch_id} goes by calls: there is no file")
    found = batch.mark_handed(session, batch_id, as_of)
    rail = _file_rail(found.rail)
    paid_to = set(session.scalars(sa.select(Payout.payee_id).where(Payout.batch_id == batch_id)))
    if payees.erased(session, {payee_id for payee_id in paid_to if payee_id}):
        raise Conflict(f"a creator of batch {batch_id} was erased: its files can't be made again")
    made = rail.files(Head(found.id, found.handed_at or as_of), batch.transfers(session, batch_id))
    if made and not found.file_name:
        found.file_name = ", ".join(name for name, _ in made)
    audit.record(session, by, "payout.file", batch_id, files=[name for name, _ in made])
    session.flush()
    return made


def write(folder: Path, made: Sequence[tuple[str, bytes]]) -> list[Path]:
    """Put files into a folder, readable by their owner alone; each is written beside its place and renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in made:
        draft = folder.joinpath(f".{name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            paths.append(draft.replace(folder.joinpath(name)))
        finally:
            draft.unlink(missing_ok=True)
    return paths


def call(batch_id: str, by: str) -> Handed:
    """Send what is left of a batch through its API rail, some rows at a time; in transactions of its own.

    Errors: NotFound; Conflict when it may not be handed over, or its rail takes files; ConfigurationWrong,
    PlatformBusy, PlatformDown: what was sent until then is kept, start it again.
    """
    with db.write(Scope.system(_WHY)) as session:
        found = batch.mark_handed(session, batch_id, clock.now())
        rail = _api_rail(found.rail)
        audit.record(session, by, "payout.call", batch_id)
    done = Handed()
    while rows := _claimed(batch_id):
        heard: list[Heard] = []
        try:
            for transfer, is_new in rows:
                heard.append(Heard(transfer.payout_id, _sent(rail, transfer, is_new)))
        finally:
            _take(heard, by, done)
    with db.read(Scope.system(_WHY)) as session:
        left = sa.select(sa.func.count()).where(Payout.batch_id == batch_id, Payout.status == "prepared")
        done.waiting = session.scalar(left) or 0
    return done


def ask(batch_id: str, by: str) -> Handed:
    """Ask the rail about every row whose outcome isn't known. Sends nothing. Errors: as `call`."""
    with db.read(Scope.system(_WHY)) as session:
        rail = _api_rail(batch.fresh(session, batch_id).rail)
        rows = batch.transfers(session, batch_id, statuses=("unknown",))
    done = Handed()
    for start in range(0, len(rows), AT_ONCE):
        heard: list[Heard] = []
        try:
            for transfer in rows[start : start + AT_ONCE]:
                told = rail.ask(transfer)
                if told is not None:
                    heard.append(Heard(transfer.payout_id, told))
                else:
                    done.waiting += 1
        finally:
            _take(heard, by, done)
    return done


@jobs.workflow("payouts.call")
def job(batch_id: str, by: str) -> None:
    """`call`, by a worker. It keeps its own checkpoint, row by row."""
    call(batch_id, by)


@jobs.workflow("payouts.ask")
def ask_job(batch_id: str, by: str) -> None:
    """`ask`, by a worker."""
    ask(batch_id, by)


def _sent(rail: ApiRail, transfer: Transfer, is_new: bool) -> Told:
    if is_new:
        return rail.send(transfer)
    # An earlier hand-over was about to call and never said how it went.
    found = rail.ask(transfer)
    if found is not None:
        return found
    return Told("unknown", "rail_knows_nothing", "the rail has no such transfer, and it may still be under way")


def _claimed(batch_id: str) -> list[tuple[Transfer, bool]]:
    """Some rows that are ours to call, and whether each is called for the first time."""
    now = clock.wall()
    with db.write(Scope.system(_WHY)) as session:
        free = sa.or_(Payout.tried_at.is_(None), Payout.tried_at < now - _LEAVE_ALONE)
        query = sa.select(Payout.id, Payout.tried_at).where(
            Payout.batch_id == batch_id, Payout.status == "prepared", free
        )
        found = session.execute(query.order_by(Payout.id).limit(AT_ONCE).with_for_update(skip_locked=True)).all()
        if not found:
            return []
        new = {payout_id for payout_id, tried_at in found if tried_at is None}
        ids = [payout_id for payout_id, _ in found]
        session.execute(sa.update(Payout).where(Payout.id.in_(ids)).values(tried_at=now))
        rows = batch.transfers(session, batch_id, payout_ids=ids)
        return [(transfer, transfer.payout_id in new) for transfer in rows]


def _take(heard: list[Heard], by: str, done: Handed) -> None:
    if not heard:
        return
    with db.write(Scope.system(_WHY)) as session:
        taken = outcomes.take(session, heard, clock.now(), by)
    for outcome, number in taken.counts.items():
        done.counts[outcome] = done.counts.get(outcome, 0) + number


def _file_rail(slug: str) -> FileRail:
    found = rails.named(slug)
    if not isinstance(found, rails.BankFile | rails.Sepa | rails.MassPayment):
        raise Conflict("this rail takes no files")
    return found


def _api_rail(slug: str) -> ApiRail:
    found = rails.named(slug)
    if not isinstance(found, rails.StripeTransfers):
        raise Conflict("this rail takes a file, which a person carries to the bank")
    return found
