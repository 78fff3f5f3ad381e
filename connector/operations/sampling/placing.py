"""A sample order is placed at the store, or called off there. Durable, and never two orders.

One try, by one job at a time (`place_at` is its lease while it runs, and afterwards the time of the next):

    1  written down, committed   the store is about to be asked: `unknown` from here on
    2  `find`                    an order with our reference is there: it is the answer that was lost
    3  `place`                   only where there is none
    4  written down, committed   placed, refused, or known not to be placed

A kill anywhere between 1 and 4 leaves `unknown`, which people see as such; the next try begins with `find`. What the
store surely didn't take (a limit, a permission, a call that wasn't sent) is `waiting` again. A try that may have gone
through isn't repeated within a minute: a store's own search may show a new order only after some seconds.

The address is opened for the call and goes nowhere else: not into the step, the log or an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from traceback import format_tb
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import (
    ConnectorError,
    GrantLost,
    HostRefused,
    InputRefused,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
)
from connector.operations.sampling import acts
from connector.platforms import roster
from connector.platforms.contract import Client, Http, PlacedSample, Recipient, SampleOrder, Samples
from connector.programme.creators import queries as creators
from connector.programme.samples import moves, recipients, steps
from connector.programme.samples.tables import Sample

Outcome = Literal["nothing", "placed", "refused", "waiting", "unknown", "ended", "goes_on"]
# How long a try may take before another one begins; a store's answer is waited for much shorter.
LEASE = timedelta(minutes=3)
# After a try that came to nothing, by how many there were.
AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))
_PROBLEMS: tuple[tuple[type[ConnectorError], str], ...] = (
    (GrantLost, "grant_lost"),
    (PlatformBusy, "store_limits_us"),
    (PlatformDown, "store_down"),
    (HostRefused, "store_down"),
    (PlatformRefused, "store_refused"),
)
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Task:
    """One try, as it was written down before it."""

    sample_id: str
    shop_id: str
    number: int  # of the try
    before: str  # what `placing` said before it: an `unknown` one may have an order that nobody has found yet
    ending: str
    order_ref: str | None
    asked: SampleOrder | None = field(repr=False)


@dataclass(slots=True)
class _Call:
    """How far a try came. `placing`: `place` was called, so that what it didn't answer isn't known."""

    placing: bool = False


@jobs.workflow(acts.PLACE)
def place_job(shop_id: str, sample_id: str) -> str:
    """The job: one try. What is left to do afterwards a worker's round starts again in its time."""
    return go_on(shop_id, sample_id)


def start_due(wall: datetime, limit: int = 200) -> int:
    """Start the job of every sample whose time has come; how many. One a minute each."""
    with db.write(Scope.system("sample orders of all shops that are to be placed or called off")) as session:
        rows = session.execute(
            sa.select(Sample.id, Sample.shop_id)
            .where(Sample.place_at <= wall)
            .order_by(Sample.place_at, Sample.id)
            .limit(limit)
        ).all()
        for sample_id, shop_id in rows:
            key = f"{sample_id}:{wall:%Y%m%dT%H%M}"
            jobs.enqueue(session, acts.PLACE, key, shop_id=shop_id, sample_id=sample_id)
    return len(rows)


def go_on(shop_id: str, sample_id: str, http: Http | None = None) -> Outcome:
    """One try to place a sample's order, or to call it off; what became of it. May be repeated, and killed, anywhere.

    HTTP: never inside `db.write()`.
    """
    task = _begin(shop_id, sample_id)
    if task is None:
        return "nothing"
    if task.ending:
        return _end(task, http)
    if task.asked is None:
        return _refused(task, "address_gone", "", "")
    return _place(task, task.asked, http)


def _begin(shop_id: str, sample_id: str) -> _Task | None:
    """Take the try, and write down that the store is about to be asked. None: there is nothing to do, or not yet."""
    wall = clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        row = steps.locked(session, sample_id, shop_id=shop_id)
        if row.place_at is None or row.place_at > wall:
            return None
        before = row.placing
        if not row.ending:
            if row.state != "approved" or before not in ("waiting", "unknown"):
                row.place_at = None
                return None
            stands = moves.asked_store(steps.standing(row))
            row.placing = stands.placing
        row.place_at = wall + LEASE
        row.place_tries += 1
        return _Task(row.id, shop_id, row.place_tries, before, row.ending, row.order_ref, _asked(session, row))


def _asked(session: Session, row: Sample) -> SampleOrder | None:
    if row.recipient_sealed is None:
        return None
    recipient: Recipient = recipients.opened(row.recipient_sealed)
    listing = catalog.by_ref(session, row.shop_id, row.product_ref)
    variant = catalog.variant(session, row.shop_id, row.variant_ref)
    parts = [listing.title if listing else row.product_ref, variant.title if variant else ""]
    handle = creators.get(session, row.creator_id).handle
    return SampleOrder(
        reference=row.id, variant_ref=row.variant_ref, product_ref=row.product_ref,
        title=" · ".join(part for part in parts if part), recipient=recipient,
        note=f"A creator's sample, free of charge, for @{handle}. Sample request {row.id}.",
    )  # fmt: skip


# ------------------------------------------------------------------ placing


def _place(task: _Task, asked: SampleOrder, http: Http | None) -> Outcome:
    call = _Call()
    try:
        samples = _samples(task.shop_id)
        placed = grants.calling(task.shop_id, lambda client: _find_or_place(asked, samples, client, call), http)
    except ConnectorError as error:
        # Refused is what `place` was told: then `find` has just said that there is no order.
        if call.placing and isinstance(error, InputRefused):
            return _refused(task, "store_refused", error.field, f"{error.problem} {error.remedy}".strip())
        if call.placing and isinstance(error, PlatformRefused):
            return _refused(task, "store_refused", "", str(error))
        # Nothing was placed where `place` wasn't reached, or where the store said so itself.
        sure = not call.placing or isinstance(error, GrantLost | PlatformBusy | HostRefused)
        return _not_yet(task, error, known=sure and task.before != "unknown")
    except Exception as error:
        # A fault of ours: its words may repeat the address, so they go nowhere. Where it arose is enough to mend it.
        _log.error("sample.placing_broke", kind=type(error).__name__, at=format_tb(error.__traceback__)[-1])
        return _not_yet(task, error, known=not call.placing and task.before != "unknown")
    return _placed(task, placed)


def _find_or_place(asked: SampleOrder, samples: Samples, client: Client, call: _Call) -> PlacedSample:
    call.placing = False  # asked again with a renewed token: the call before did nothing
    found = samples.find(client, asked.reference)
    if found is not None:
        return found
    call.placing = True
    return samples.place(client, asked)


def _placed(task: _Task, placed: PlacedSample) -> Outcome:
    with db.write(Scope.shop(task.shop_id)) as session:
        row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
        now = clock.now()
        if row.order_ref is not None:
            return "placed"  # another try wrote it down: the reference is the same, so the order is
        row.order_ref, row.order_number = placed.order_ref, placed.number
        row.problem, row.problem_field, row.problem_words = "", "", ""
        stands = moves.ordered(steps.standing(row))
        steps.take(
            session, row, stands, "place", side="store", by="worker", now=now, order_ref=placed.order_ref,
            number=placed.number,
        )  # fmt: skip
        if placed.cancelled:
            steps.take(
                session, row, moves.lost_at_store(steps.standing(row)), "store_cancel", side="store", by="worker",
                now=now, reason="cancelled_at_store",
            )  # fmt: skip
            return "ended"
        row.place_at = clock.wall() if row.ending else None
    return "placed"


def _refused(task: _Task, problem: str, where: str, words: str) -> Outcome:
    """The store takes no such order: the shop, or the creator where it is the address, has to do something."""
    with db.write(Scope.shop(task.shop_id)) as session:
        row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
        if not _still(row, task):
            return "nothing"
        row.problem, row.problem_field, row.place_at = problem, where[:80], None
        row.problem_words = words if task.asked is None else recipients.without(words, task.asked.recipient)
        ends = row.ending  # it was called off meanwhile, and there is no order
        stands = moves.refused_by_store(steps.standing(row))
        steps.take(
            session, row, stands, "place_refused", side="store", by="worker", now=clock.now(), reason=problem,
            field=row.problem_field,
        )  # fmt: skip
        if ends:
            _called_off(session, row, "never_placed")
            return "ended"
    _log.warning("sample.refused_by_store", sample_id=task.sample_id, problem=problem, field=where[:80])
    return "refused"


def _not_yet(task: _Task, error: Exception, *, known: bool) -> Outcome:
    """Try again later. `known`: the store took nothing."""
    problem = next((code for kind, code in _PROBLEMS if isinstance(error, kind)), "store_unclear")
    outcome: Outcome = "waiting" if known else "unknown"
    with db.write(Scope.shop(task.shop_id)) as session:
        row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
        if not _still(row, task):
            return "nothing"
        row.problem, row.problem_field, row.problem_words = problem, "", ""
        row.place_at = clock.wall() + _pause(task, error)
        if known:
            row.placing = moves.not_placed(steps.standing(row)).placing
            if row.ending:
                _called_off(session, row, "never_placed")
                return "ended"
    _log.warning("sample.not_placed", sample_id=task.sample_id, problem=problem, outcome=outcome, tries=task.number)
    return outcome


def _still(row: Sample, task: _Task) -> bool:
    """Is this try still the newest, and is its answer awaited?"""
    return row.place_tries == task.number and row.state == "approved" and row.placing == "unknown"


def _pause(task: _Task, error: Exception) -> timedelta:
    pause = AGAIN[min(task.number, len(AGAIN)) - 1]
    if isinstance(error, PlatformBusy):
        return max(pause, timedelta(seconds=error.retry_after))
    return AGAIN[3] if isinstance(error, GrantLost) else pause


# ------------------------------------------------------------------ calling off


def _end(task: _Task, http: Http | None) -> Outcome:
    """Call the order off at the store: there is none, it was cancelled, or it is on its way already."""
    with db.read(Scope.shop(task.shop_id)) as session:
        if session.get_one(Shop, task.shop_id).status == "left":
            return _ended(task, "store_gone", None)
    try:
        samples = _samples(task.shop_id)
        placed, cancelled = grants.calling(task.shop_id, lambda client: _find_and_cancel(task, samples, client), http)
    except ConnectorError as error:
        with db.write(Scope.shop(task.shop_id)) as session:
            row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
            if row.ending and row.place_tries == task.number:
                row.place_at = clock.wall() + _pause(task, error)
        _log.warning("sample.not_called_off", sample_id=task.sample_id, problem=type(error).__name__)
        return "unknown"
    if placed is None:
        return _ended(task, "never_placed", None)
    if cancelled:
        return _ended(task, "cancelled_at_store", placed)
    return _goes_on(task, placed)


def _find_and_cancel(task: _Task, samples: Samples, client: Client) -> tuple[PlacedSample | None, bool]:
    placed = PlacedSample(task.order_ref, "") if task.order_ref else samples.find(client, task.sample_id)
    if placed is None:
        return None, True
    return placed, placed.cancelled or samples.cancel(client, placed.order_ref)


def _ended(task: _Task, how: str, placed: PlacedSample | None) -> Outcome:
    with db.write(Scope.shop(task.shop_id)) as session:
        row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
        if not row.ending:
            return "nothing"
        if placed is not None and row.order_ref is None:
            row.order_ref, row.order_number = placed.order_ref, placed.number
        _called_off(session, row, how)
    return "ended"


def _called_off(session: Session, row: Sample, how: str) -> None:
    stands = moves.called_off(steps.standing(row))
    act = "withdraw" if row.ending == "withdrawn" else "cancel"
    steps.take(session, row, stands, act, side="store", by="worker", now=clock.now(), reason=row.reason, store=how)


def _goes_on(task: _Task, placed: PlacedSample) -> Outcome:
    """The store says that it is on its way: nobody can call it off any more."""
    with db.write(Scope.shop(task.shop_id)) as session:
        row = steps.locked(session, task.sample_id, shop_id=task.shop_id)
        if not row.ending:
            return "nothing"
        now = clock.now()
        stands = moves.not_called_off(steps.standing(row))
        if row.order_ref is None:
            row.order_ref, row.order_number = placed.order_ref, placed.number
            stands = moves.ordered(stands)
        steps.take(session, row, stands, "not_called_off", side="store", by="worker", now=now, reason="on_its_way")
        row.place_at = None
    return "goes_on"


def _samples(shop_id: str) -> Samples:
    with db.read(Scope.shop(shop_id)) as session:
        platform = roster.platform(session.get_one(Shop, shop_id).platform)
    if platform.samples is None:
        raise PlatformRefused(f"{platform.slug} takes no sample orders")
    return platform.samples
