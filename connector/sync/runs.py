"""A sync run's life: started, stopped, ended, and how far it is.

    queued → running → (waiting → running) → done | refusals | failed | asks
    any of the first three → pausing → paused → (queued again, where it stood)
    any of these → stopping → stopped → (queued again, at its checkpoint)

A run is a row that its job carries forward; the row says where to go on, so a killed worker's run goes on elsewhere,
and a stopped one when a person says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.errors import Conflict, NotFound
from connector.sync.tables import SEEN, SyncDifference, SyncImage, SyncNote, SyncRun, SyncState

Kind = Literal["full", "changed"]

LIVE = ("queued", "running", "waiting", "pausing", "paused", "stopping")
ENDED = ("done", "refusals", "failed", "stopped", "asks")
SILENT = timedelta(minutes=2)  # a run that was not heard of for so long may be ended by hand


class Stopped(Exception):  # noqa: N818  an ending, not an error
    """A person asked the run to stop; what was read stays, nothing is tombstoned."""


class Paused(Exception):  # noqa: N818  an ending for now, not an error
    """A person asked the run to pause; it goes on where it stands when they say so."""


class Asks(Exception):  # noqa: N818  an ending, not an error
    """The run would remove most of the catalog: it ends, and a person says whether that is right."""


def start(
    session: Session,
    shop_id: str,
    trigger: str,
    *,
    kind: Kind = "full",
    large_sweep: bool = False,
    dry: bool = False,
) -> SyncRun:
    """Queue a run; the one under way (or paused), where there is one.

    `kind`: the whole catalog, or what changed at the store since the last run (the whole one where there was none).
    `large_sweep`: a person agreed that this run may remove most of the catalog. `dry`: it only says what it would do.
    Errors: NotFound for an unknown shop; Conflict when the shop isn't connected.
    """
    shop = session.scalar(sa.select(Shop).where(Shop.id == shop_id).with_for_update())
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id}")
    if shop.status != "connected":
        raise Conflict(f"{shop.domain} is not connected ({shop.status}): connect it first")
    under_way = live(session, shop_id)
    if under_way is not None:
        return under_way
    if kind == "changed" and watermark(session, shop_id) is None:
        kind = "full"
    run = SyncRun(
        id=new_id("run"), shop_id=shop_id, kind=kind, trigger=trigger, status="queued", large_sweep=large_sweep,
        dry=dry, queued_at=clock.now(),
    )  # fmt: skip
    if dry:
        _forget_differences(session, shop_id)
    session.add(run)
    session.flush()
    _forget_stopped(session, shop_id)
    note(session, run.id, f"Queued ({trigger}).")
    enqueue(session, run)
    return run


def enqueue(session: Session, run: SyncRun) -> None:
    """Have a worker carry it on. A key runs once, so one that was resumed has another."""
    key = f"{run.id}:{run.resumed}" if run.resumed else run.id
    jobs.enqueue(session, "sync.first", key, shop_id=run.shop_id, run_id=run.id)


def watermark(session: Session, shop_id: str) -> datetime | None:
    """The store's own time up to which all its changes are in; None before a run has ended well."""
    state = session.get(SyncState, shop_id)
    return state.watermark if state is not None else None


@jobs.workflow("sync.start")
def start_for(shop_id: str, trigger: str = "joined") -> str:
    """`start` as a job, for rooms beside this one: a shop that joined. The run's id."""
    with db.write(Scope.shop(shop_id)) as session:
        return start(session, shop_id, trigger).id


def live(session: Session, shop_id: str) -> SyncRun | None:
    return session.scalar(
        sa.select(SyncRun).where(SyncRun.shop_id == shop_id, SyncRun.status.in_(LIVE)).order_by(SyncRun.queued_at)
    )


def settled_before(session: Session, run: SyncRun) -> bool:
    """Did the shop's run before this one settle what it took in?"""
    before = session.scalars(
        sa.select(SyncRun.status)
        .where(
            SyncRun.shop_id == run.shop_id,
            SyncRun.id != run.id,
            SyncRun.started_at.is_not(None),
            SyncRun.dry.is_(False),
            SyncRun.kind != "products",
        )
        .order_by(SyncRun.started_at.desc())
        .limit(1)
    ).first()
    return before in ("done", "refusals")


def stop(session: Session, run_id: str, by: str) -> SyncRun:
    """Ask a run to stop safely: at its next checkpoint, or at once where no worker carries it.

    Errors: NotFound; Conflict when it has ended.
    """
    run = _held(session, run_id)
    silent = run.status == "paused" or _silent(run)
    run.status = "stopping"
    note(session, run.id, f"{by} asked it to stop.")
    audit.record(session, by, "run.stop", run.id, shop_id=run.shop_id)
    if silent:
        end(session, run, "stopped", "It was stopped before a worker took it up.")
    session.flush()
    return run


def pause(session: Session, run_id: str, by: str) -> SyncRun:
    """Ask a run to pause: at its next checkpoint, or at once where no worker carries it. What was read stays.

    Errors: NotFound; Conflict when it has ended, or is being stopped.
    """
    run = _held(session, run_id)
    if run.status in ("paused", "pausing"):
        return run
    if run.status == "stopping":
        raise Conflict("the run is being stopped")
    waits = run.status == "queued" or _silent(run)
    run.status = "paused" if waits else "pausing"
    note(session, run.id, f"{by} asked it to pause.")
    audit.record(session, by, "run.pause", run.id, shop_id=run.shop_id)
    session.flush()
    return run


def paused(session: Session, run: SyncRun) -> None:
    """The run reached a checkpoint and rests there."""
    run.status, run.heard_at = "paused", clock.now()
    note(session, run.id, f"Paused after {run.lines_read:,} lines.")
    session.flush()


def pause_schedule(session: Session, shop_id: str, by: str, *, paused: bool = True) -> SyncState:
    """No scheduled run of the shop begins until this is taken back. A run under way goes on."""
    state = state_of(session, shop_id)
    state.paused_at, state.paused_by = (clock.wall(), by) if paused else (None, "")
    audit.record(session, by, "schedule.pause" if paused else "schedule.resume", shop_id, shop_id=shop_id)
    session.flush()
    return state


def state_of(session: Session, shop_id: str) -> SyncState:
    """The shop's row, made where there is none."""
    state = session.get(SyncState, shop_id, with_for_update=True)
    if state is None:
        state = SyncState(shop_id=shop_id, watermark=None, full_at=None, changed_at=None, paused_at=None)
        session.add(state)
        session.flush()
    return state


def remember(session: Session, run: SyncRun) -> None:
    """A run ended well: the next incremental one goes on from where the store stood when this one began.

    Not where lines could not be read: what they held would never be asked for again.
    """
    if run.dry or run.holes:
        return
    state = state_of(session, run.shop_id)
    if run.watermark is not None and (state.watermark is None or run.watermark > state.watermark):
        state.watermark = run.watermark
    state.changed_at = clock.wall()
    if run.kind == "full":
        state.full_at = state.changed_at


def hold(session: Session, run_id: str) -> SyncRun:
    """The run's row, for one transaction of the job that carries it.

    Errors: Stopped when a person asked it to stop, or somebody ended it; Paused when they asked it to pause.
    """
    run = session.get(SyncRun, run_id, with_for_update=True)
    if run is None or run.status not in LIVE or run.status == "stopping":
        raise Stopped(run_id)
    if run.status in ("pausing", "paused"):
        raise Paused(run_id)
    return run


def _held(session: Session, run_id: str) -> SyncRun:
    run = session.get(SyncRun, run_id, with_for_update=True)
    if run is None:
        raise NotFound(f"no sync run has the id {run_id}")
    if run.status in ENDED:
        raise Conflict(f"the run has ended already ({run.status})")
    return run


def _silent(run: SyncRun) -> bool:
    return run.heard_at is None or run.heard_at < clock.now() - SILENT


def end(session: Session, run: SyncRun, status: str, problem: str = "") -> None:
    """Write a run's end down, with its log line. What a stopped one noted stays: it may go on."""
    run.status, run.problem, run.finished_at = status, problem, clock.now()
    run.heard_at = run.finished_at
    if status != "stopped":
        _forget(session, [run.id])
    if status in ("done", "refusals"):
        remember(session, run)
    note(session, run.id, _closing_line(run))
    session.flush()


def _forget_stopped(session: Session, shop_id: str) -> None:
    """A newer run takes their place: the stopped ones can't go on any more."""
    stopped = sa.select(SyncRun.id).where(SyncRun.shop_id == shop_id, SyncRun.status == "stopped")
    _forget(session, session.scalars(stopped).all())


def _forget_differences(session: Session, shop_id: str) -> None:
    """What an earlier dry run said of the shop is old news."""
    earlier = sa.select(SyncRun.id).where(SyncRun.shop_id == shop_id, SyncRun.dry)
    found = session.scalars(earlier).all()
    session.execute(
        sa.delete(SyncDifference).where(SyncDifference.run_id.in_(found)).execution_options(synchronize_session=False)
    )


def _forget(session: Session, run_ids: Sequence[str]) -> None:
    if run_ids:
        session.execute(sa.delete(SyncImage).where(SyncImage.run_id.in_(run_ids)))
        session.execute(sa.delete(SEEN).where(SEEN.c.run_id.in_(run_ids)))


def _closing_line(run: SyncRun) -> str:
    figures = (
        f"{run.products_in:,} products in = {run.written:,} written + {run.same:,} the same + {run.refused:,} refused; "
        f"{run.gone:,} removed."
    )
    if run.dry and run.status in ("done", "refusals"):
        return (
            f"Dry run: nothing was written. Of {run.products_in:,} products {run.written:,} would be written, "
            f"{run.same:,} are the same, {run.refused:,} would be refused; {run.gone:,} would be removed."
        )
    if run.status == "done":
        return f"Done. {figures}"
    if run.status == "refusals":
        return f"Done, with items that could not be taken in. {figures}"
    if run.status == "stopped":
        return f"Stopped after {run.lines_read:,} lines. What was read stays; nothing was removed."
    if run.status == "asks":
        return f"Asks you: {run.problem}"
    return f"Failed: {run.problem}"


def note(session: Session, run_id: str, text: str) -> None:
    session.add(SyncNote(id=new_id("nte"), run_id=run_id, at=clock.now(), text=text))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `rate` is objects a second; unknown figures are None."""

    status: str
    stage: str
    done: int
    expected: int | None
    rate: float | None


def progress(run: SyncRun) -> Progress:
    rate = None
    if run.loading_at is not None and run.lines_read and run.heard_at is not None:
        seconds = (run.heard_at - run.loading_at).total_seconds()
        rate = run.lines_read / seconds if seconds > 0 else None
    return Progress(run.status, run.stage, run.lines_read, run.expected, rate)
