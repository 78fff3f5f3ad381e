"""The job that carries a sync run, whatever its kind: a whole catalog by the store's export, or pages of products.

    whole, by export    export at the store → stream → rows → settled listings (`load`, `finish`)
    changed, by pages   the products that changed at the store since the last run (`paged`)
    dry, of either      the same, and what would change is written down instead (`dry`)

The run's row is the checkpoint. The export's id is stored before it is polled, so that a kill does not start a second
one; the file is read on from the line after the last committed batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError

from connector import clock, db, jobs, telemetry
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import connect, grants
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import ConnectorError, PayloadUnreadable, PlatformBusy, PlatformDown, RunRefused
from connector.platforms import roster
from connector.platforms.contract import BulkState, Platform
from connector.sync import dry, finish, load, paged, runs
from connector.sync.patience import PATIENCE, patiently
from connector.sync.runs import start, stop
from connector.sync.tables import SyncRun

__all__ = ["first", "start", "stop"]

_log = telemetry.logger(__name__)

POLLS = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0)  # seconds between looks at the export; the last one repeats
EXPORT_LIMIT = timedelta(hours=24)
MOST_HOLES = 20  # lines of one file that may be left out: each costs another download


@jobs.workflow("sync.first")
def first(run_id: str) -> str:
    """Carry the run to its end from wherever it stands; its final status.

    What the store does wrong ends the run with a sentence for the merchant; a fault of ours does too, and is an error
    of the job besides. A database that is away ends nothing: the run is taken up again at its checkpoint.
    """
    shop_id = _shop_of(run_id)
    if shop_id is None:
        return "missing"
    try:
        _carry_on(run_id, shop_id)
    except runs.Stopped:
        _end(run_id, shop_id, "stopped", "")
        _cancel_export(run_id, shop_id)
    except runs.Paused:
        _rest(run_id, shop_id)
    except runs.Asks as question:
        _end(run_id, shop_id, "asks", str(question))
    except ConnectorError as error:
        _end(run_id, shop_id, "failed", str(error))
    except Exception as error:
        _end(run_id, shop_id, "failed", f"an error on our side ({type(error).__name__})")
        raise
    with db.read(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id)
        return run.status if run is not None else "missing"


def _carry_on(run_id: str, shop_id: str) -> None:
    """Until the run is through, or someone stops it, or the worker is stopped: then another one goes on."""
    wait = 1.0
    while True:
        try:
            return _carry(run_id, shop_id)
        except (OperationalError, InterfaceError) as error:
            _log.error("sync.database_away", run_id=run_id, shop_id=shop_id, exc_info=error)
        jobs.pause(wait)
        wait = min(wait * 2, 60.0)


def _shop_of(run_id: str) -> str | None:
    with db.read(Scope.system("a sync run's own job asks which shop it is for")) as session:
        run = session.get(SyncRun, run_id)
        return run.shop_id if run is not None else None


def _carry(run_id: str, shop_id: str) -> None:
    platform = _platform(shop_id)
    task = _take_up(run_id, shop_id)
    kind = task.kind
    if task.watermark is None and not task.stage:
        kind = _note_shop(run_id, shop_id, platform)
        _note_watermark(run_id, shop_id, platform)
    if kind == "changed" or not platform.can("bulk_catalog"):
        paged.pull(run_id, shop_id, platform)
        return
    if task.stage != "settle":
        state = _export(run_id, shop_id, platform)
        _load(run_id, shop_id, platform, state)
    if task.dry:
        dry.finish(run_id, shop_id)
    else:
        finish.finish(run_id, shop_id)


def _note_shop(run_id: str, shop_id: str, platform: Platform) -> str:
    """What the store says of itself now, and the kind of run that follows from it.

    Prices come without a currency: one that changed, and of which no message told us, would put a wrong sign on every
    price. A catalog that is held in another currency than the store's is read whole.
    """
    asked_at = clock.now()
    profile = patiently(run_id, shop_id, platform.authorize.profile, "asking for its currency")
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        shop = shops.get(session, shop_id)
        connect.refresh_profile(session, shop, profile, asked_at)
        if run.kind == "changed" and catalog.in_another_currency(session, shop_id, shop.currency):
            run.kind = "full"
            runs.note(session, run.id, f"The store sells in {shop.currency} now: the whole catalog is read.")
        return run.kind


def _note_watermark(run_id: str, shop_id: str, platform: Platform) -> None:
    """How new the store's newest change is before anything is read: the next incremental run goes on from it.

    The store's own word, so that its clock and ours may differ, and a search that lags its writes loses nothing.
    """
    newest = patiently(run_id, shop_id, platform.catalog.newest_change, "asking for its newest change")
    # An empty store has no change yet: whatever comes is newer than this, by any clock.
    newest = newest or clock.now() - timedelta(days=1)
    with db.write(Scope.shop(shop_id)) as session:
        runs.hold(session, run_id).watermark = newest


def _platform(shop_id: str) -> Platform:
    with db.read(Scope.shop(shop_id)) as session:
        return roster.platform(shops.get(session, shop_id).platform)


@dataclass(frozen=True, slots=True)
class _Task:
    """What a run is to do, and where it stands."""

    kind: str
    stage: str
    dry: bool
    watermark: datetime | None


def _take_up(run_id: str, shop_id: str) -> _Task:
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        now = clock.now()
        if run.started_at is not None:
            runs.note(session, run.id, f"Taken up again after {run.lines_read:,} lines.")
        if run.started_at is None:
            run.started_at, run.fresh = now, not catalog.live_refs(session, shop_id, limit=1)
            run.settle_all = not runs.settled_before(session, run)
        run.status, run.heard_at = "running", now
        return _Task(run.kind, run.stage, run.dry, run.watermark)


def _export(run_id: str, shop_id: str, platform: Platform) -> BulkState:
    """The finished export. Errors: RunRefused when it failed or never ends; those of the platform."""
    operation_ref = _asked_for(run_id, shop_id, platform)
    began, tries = clock.wall(), 0
    while True:
        state = patiently(
            run_id, shop_id, lambda client: platform.catalog.bulk_state(client, operation_ref), "looking at the export"
        )
        _heard(run_id, shop_id, state)
        if state.status == "done":
            return state
        if state.status != "running":
            raise RunRefused(f"the store's export {state.status}: {state.problem or 'it gave no reason'}")
        if clock.wall() - began > EXPORT_LIMIT:
            raise RunRefused("the store's export did not end within a day")
        jobs.pause(POLLS[min(tries, len(POLLS) - 1)])
        tries += 1


def _asked_for(run_id: str, shop_id: str, platform: Platform) -> str:
    """The export's id: the stored one, or a fresh export's, stored at once."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        if run.operation_ref:
            return run.operation_ref
        # Before the request: what a webhook brings from now on is newer than the export.
        run.exported_at = run.exported_at or clock.now()
        run.stage = "export"
    operation_ref = patiently(run_id, shop_id, platform.catalog.bulk_start, "asking for an export")
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        run.operation_ref, run.status = operation_ref, "waiting"
        runs.note(session, run.id, "Asked the store for an export of its catalog.")
    return operation_ref


def _heard(run_id: str, shop_id: str, state: BulkState) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        now = clock.now()
        run.expected, run.heard_at = state.objects, now
        if state.status == "done":
            if run.stage != "load":
                runs.note(session, run.id, f"The export is ready: {state.objects:,} objects.")
            load.started(session, run, now)
        else:
            run.status = "waiting"


def _load(run_id: str, shop_id: str, platform: Platform, state: BulkState) -> None:
    """Stream the file in; a cut stream is asked for again behind what came, as long as more comes each time.

    Errors: RunRefused when the file stays cut or holds a line that can't be read.
    """
    if state.url is None:
        return
    url, stuck, busy_since = state.url, 0, None
    while True:
        before = _lines(run_id, shop_id)
        try:
            nodes = platform.catalog.bulk_nodes(grants.client_for(shop_id), url, skip_lines=before)
            load.load(run_id, shop_id, nodes, before)
            problem, unreadable = "it ended early", False
        except PlatformBusy as error:
            busy_since = (busy_since if _lines(run_id, shop_id) == before else None) or clock.wall()
            if clock.wall() - busy_since > PATIENCE:
                raise RunRefused("the store was too busy for half an hour to hand its file over") from error
            with db.write(Scope.shop(shop_id)) as session:
                runs.hold(session, run_id).heard_at = clock.now()
            jobs.pause(min(max(1.0, error.retry_after), 60.0))
            continue
        except (PlatformDown, PayloadUnreadable) as error:
            problem, unreadable = str(error), isinstance(error, PayloadUnreadable)
        after = _lines(run_id, shop_id)
        if after == state.objects and problem == "it ended early":
            return
        stuck = 0 if after > before else stuck + 1
        if stuck and unreadable and after < state.objects and _passed_over(run_id, shop_id, problem):
            continue
        if stuck or after > state.objects:
            raise RunRefused(
                f"the store's file is not whole: {after:,} of {state.objects:,} objects could be read ({problem}). "
                "Nothing was removed"
            )
        jobs.pause(1.0)


def _passed_over(run_id: str, shop_id: str, problem: str) -> bool:
    """One broken line doesn't cost the merchant the whole sync; a file full of them does."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        if run.holes >= MOST_HOLES:
            return False
        load.pass_over(session, run, problem)
        return True


def _lines(run_id: str, shop_id: str) -> int:
    with db.read(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id)
        return run.lines_read if run is not None else 0


def _end(run_id: str, shop_id: str, status: str, problem: str) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id, with_for_update=True)
        if run is not None and run.status not in runs.ENDED:
            runs.end(session, run, status, problem)


def _rest(run_id: str, shop_id: str) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id, with_for_update=True)
        if run is not None and run.status == "pausing":
            runs.paused(session, run)


def _cancel_export(run_id: str, shop_id: str) -> None:
    """Nobody will fetch the file of a stopped run: the store need not go on. Best effort, since it ends by itself."""
    with db.read(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id)
        if run is None or not run.operation_ref or run.stage != "export":
            return
        operation_ref = run.operation_ref
    platform = _platform(shop_id)
    with db.write(Scope.shop(shop_id)) as session:
        stopped = session.get(SyncRun, run_id, with_for_update=True)
        if stopped is not None and stopped.status == "stopped":
            # Resumed, it asks for another one: nothing of this one was read.
            stopped.operation_ref, stopped.exported_at, stopped.stage = "", None, ""
    try:
        grants.calling(shop_id, lambda client: platform.catalog.bulk_cancel(client, operation_ref))
    except ConnectorError as error:
        _log.info("sync.export_not_cancelled", run_id=run_id, shop_id=shop_id, problem=type(error).__name__)
