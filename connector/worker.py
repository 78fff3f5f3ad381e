"""The worker: holds a seat, runs the durable jobs, drains the inbox, keeps the house.

    heartbeat      renews the seat's lease; a worker that lost its seat ends at once
    drain          waiting deliveries → effects
    watch          takes over what a dead worker left
    search index   follows the changes of the list
    telling        events to the app's back end
    housekeeping   pins and clears what is due; wakes reads, passes and renewals; drops what is old

As many as needed on PostgreSQL, one on SQLite. After kill -9 the seat is free when its lease runs out (15 s): then
another worker, or the next one that starts, goes on with its jobs at their checkpoints. SIGTERM and SIGINT let each
thing reach its checkpoint and give the seat up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.exc import IntegrityError, OperationalError

from connector import clock, db, heap, jobs, notices, telemetry
from connector.access import answers
from connector.commerce.catalog import markets
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.config import Settings
from connector.db import Scope
from connector.earnings.attribution import gaps, touches
from connector.earnings.payouts import hand_over
from connector.errors import Conflict, ConnectorError
from connector.insight.feeds import build, feeds
from connector.insight.market import index
from connector.oauth import farewell
from connector.operations import content_fees, rounds, sealing
from connector.operations.crediting import looks
from connector.operations.imports import run as imports
from connector.operations.privacy import erase, export
from connector.operations.privacy import requests as privacy
from connector.operations.ruling import screen
from connector.operations.sampling import following, placing, promised
from connector.operations.telling import gather, sending
from connector.platforms import roster
from connector.programme.collaborations import batches
from connector.sync import first, products, proof, reconcile, reread, schedule
from connector.sync import queries as sync_queries
from connector.webhooks import drain, preview, retention, subscribe, wanted

# Imported for the jobs that they register.
JOBS = (
    first.first,
    products.refetch,
    products.resync,
    markets.read,
    reconcile.job,
    subscribe.subscribe,
    farewell.look_again,
    wanted.read_wanted,
    preview.preview,
    preview.run,
    privacy.answer,
    privacy.resume,
    build.build,
    reread.job,
    proof.job,
    hand_over.job,
    hand_over.ask_job,
    rounds.carry_on_job,
    imports.look_job,
    imports.take_job,
    batches.job,
    placing.place_job,
    promised.job,
)

BEAT = 3.0
DRAIN_ENDS_WITHIN, JOBS_END_WITHIN = 15.0, 20
FIRST_PASS_AFTER = timedelta(minutes=10)
FILE_STANDS = timedelta(minutes=10)  # a page reads a small file while it waits, a job a larger one
CLOSING_STANDS = timedelta(minutes=2)  # who began it, a page or a command, is booking it until then
M_ARENA_MAX = -8  # malloc.h
LOST_SEAT = 75  # exit code: start me again

_log = telemetry.logger(__name__)


def run(settings: Settings) -> int:
    """Work until a signal; the exit code. The caller has opened the process (`operations.starting.open_process`).

    Errors: Conflict when another worker lives and the database takes only one.
    """
    telemetry.configure(settings.log_level, settings.log_format)
    _one_arena()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    owner = jobs.owner_name()
    slot = take_seat(owner, many=not db.current().is_sqlite, stop=stop)
    if slot is None:
        return 0
    telemetry.bind(worker=slot)
    threads = [
        threading.Thread(target=target, args=(settings, slot, owner, stop), name=name, daemon=True)
        for name, target in (
            ("heartbeat", _heartbeat),
            ("drain", _drain),
            ("watch", _watch),
            ("search index", _follow_list),
            ("telling", _tell),
            ("housekeeping", _housekeeping),
        )
    ]
    threads[0].start()
    jobs.launch(settings, db.current(), slot)
    _log.info("worker.started", slot=slot, jobs=sorted(jobs.names()))
    # A full collection went through all of it every second of a drain, an eighth of the drain's time.
    heap.keep_what_stands()
    for thread in threads[1:]:
        thread.start()
    stop.wait()
    _log.info("worker.stopping", slot=slot)
    for thread in threads[1:]:
        thread.join(DRAIN_ENDS_WITHIN)
    jobs.shutdown(JOBS_END_WITHIN)
    with db.write(Scope.system("a worker gives its seat up")) as session:
        jobs.leave_slot(session, slot, owner, clock.wall())
    _log.info("worker.stopped", slot=slot)
    return 0


def _one_arena() -> None:
    """Let all threads share one heap: glibc gives each its own, which keeps some 10 MB more."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def leave(code: int) -> None:
    """End the process now. A job that hangs in a store's answer must not hold it: its checkpoint is in the database."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def take_seat(owner: str, *, many: bool, stop: threading.Event) -> str | None:
    """A seat; waits for a dead worker's lease to run out. None when a signal came first.

    Errors: Conflict as soon as the holder of the only seat is seen to be alive.
    """
    before = None
    while not stop.is_set():
        try:
            with db.write(Scope.system("a worker takes its seat")) as session:
                slot = jobs.take_slot(session, owner, clock.wall(), many=many)
                if slot is not None:
                    return slot
                holder = jobs.holder(session)
        except IntegrityError:
            continue  # another worker took the same new seat: look again
        if before is not None and holder is not None and holder.until > before:
            raise Conflict(
                f"a worker is running already ({holder.owner.rsplit(':', 1)[0]}): SQLite takes one. "
                "Stop it first, or set CONNECTOR_DATABASE_URL to PostgreSQL for more"
            )
        before = holder.until if holder is not None else None
        stop.wait(1.0)
    return None


def _heartbeat(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    # Goes on while the worker stops: until the seat is given up its jobs are still ours.
    while True:
        time.sleep(BEAT)
        try:
            with db.write(Scope.system("a worker's heartbeat")) as session:
                jobs.beat(session, slot, owner, clock.wall())
        except Conflict as error:
            if stop.is_set():
                return
            _log.error("worker.lost_its_seat", slot=slot, problem=str(error))  # noqa: TRY400
            leave(LOST_SEAT)
        except OperationalError as error:
            _log.warning("worker.database_away", problem=type(error).__name__)


def _drain(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    telemetry.bind(worker=slot)
    while not stop.is_set():
        handled = 0
        try:
            handled = drain.drain_once(owner, settings, stop=stop.is_set)
        except Exception:
            # The deliveries are where they were. Whatever it was, the next round must be tried.
            _log.exception("drain.failed")
            stop.wait(2.0)
        stop.wait(drain.wait_between(handled).total_seconds())


def syncing() -> bool:
    """Is a sync run under way right now, on whatever worker?"""
    with db.read(Scope.system("is any shop being synced")) as session:
        return sync_queries.under_way(session, clock.now())


def _follow_list(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    # A thread of its own: a whole catalog takes a minute. Of several workers one writes, the others find nothing to do.
    telemetry.bind(worker=slot)
    chores = (
        _Chore("index changed listings", 2.0, lambda: index.follow(stop.is_set, syncing=syncing)),
        _Chore("compare index and list", 3600.0, index.check, due=time.monotonic() + 20),
    )
    while not stop.wait(0.5):
        for chore in chores:
            if not stop.is_set():
                chore.do(time.monotonic())


def _tell(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    # A thread of its own: an endpoint that doesn't answer must hold up nothing but itself.
    telemetry.bind(worker=slot)
    while not stop.is_set():
        done = 0
        try:
            done = gather.gather() + sending.send_due(owner)
        except Exception:
            _log.exception("telling.failed")
            stop.wait(5.0)
        stop.wait(0.05 if done else 1.0)


def _watch(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    # A thread of its own: a chore may take minutes, and a dead worker's jobs shall go on within seconds.
    telemetry.bind(worker=slot)
    chore = _Chore("take over dead workers' jobs", 0.0, lambda: take_over(slot, owner))
    while not stop.wait(2.0):
        chore.do(time.monotonic())


@dataclass(slots=True)
class _Chore:
    """Something done every so often. One that fails is logged and done again at its next time."""

    name: str
    every: float
    act: Callable[[], int]
    due: float = field(default=0.0)

    def do(self, now: float) -> None:
        if now < self.due:
            return
        self.due = now + self.every
        try:
            done = self.act()
        except Exception:
            _log.exception("chore.failed", chore=self.name)
        else:
            if done:
                _log.info("chore.done", chore=self.name, count=done)


def _housekeeping(settings: Settings, slot: str, owner: str, stop: threading.Event) -> None:
    telemetry.bind(worker=slot)
    passes, money = _Passes(), Money()
    chores = (
        _Chore("wake wanted reads", 15.0, wanted.wake_due),
        _Chore("pin and clear", 30.0, lambda: money.mature(stop.is_set)),
        _Chore("seal the ledger", 5.0, lambda: sealing.seal_waiting(stop.is_set)),
        _Chore("go on with closings", 60.0, carry_on_closings, due=time.monotonic() + 15),
        _Chore(
            "read left files",
            300.0,
            lambda: rounds.read_left_files(clock.now() - FILE_STANDS),
            due=time.monotonic() + 50,
        ),
        _Chore("end freezes", 600.0, lambda: rounds.end_freezes(clock.now()), due=time.monotonic() + 45),
        _Chore("count events", 3600.0, lambda: rounds.close_events(clock.now()), due=time.monotonic() + 75),
        _Chore("tell of cuts", 3600.0, lambda: rounds.tell_of_cuts(clock.now()), due=time.monotonic() + 105),
        _Chore("approve content", 300.0, lambda: content_fees.approve_lapsed(clock.now()), due=time.monotonic() + 130),
        _Chore("place samples", 15.0, lambda: placing.start_due(clock.wall()), due=time.monotonic() + 25),
        _Chore("move samples on", 15.0, lambda: following.follow_due(clock.now()), due=time.monotonic() + 35),
        _Chore("keep promised samples", 3600.0, lambda: promised.keep_owed(clock.now()), due=time.monotonic() + 60),
        _Chore("forget samples' addresses", 3600.0, lambda: following.forget_addresses(clock.now())),
        _Chore("end offers", 60.0, lambda: rounds.end_offers(clock.now()), due=time.monotonic() + 100),
        _Chore("go on with openings", 30.0, lambda: rounds.open_products(clock.now()), due=time.monotonic() + 20),
        _Chore(
            "look at creators",
            600.0,
            lambda: rounds.look_at_creators(clock.now(), stop.is_set),
            due=time.monotonic() + 165,
        ),
        _Chore("tell of overdue bills", 3600.0, tell_of_overdue, due=time.monotonic() + 135),
        _Chore("start reconciliation passes", 60.0, passes.start),
        _Chore("screen the list", 2.0, lambda: screen.screen_changed(stop.is_set), due=time.monotonic() + 10),
        _Chore("start due syncs", 60.0, schedule.start_due, due=time.monotonic() + 30),
        _Chore("start looks and proofs", 300.0, start_looks, due=time.monotonic() + FIRST_PASS_AFTER.total_seconds()),
        _Chore("keep idle grants alive", 3600.0, keep_alive, due=time.monotonic() + 300),
        _Chore("drop old bodies", 3600.0, lambda: retention.drop_bodies(settings), due=time.monotonic() + 60),
        _Chore("find leaked codes", 3600.0, looks.codes, due=time.monotonic() + 240),
        _Chore("know customers", 3600.0, looks.customers, due=time.monotonic() + 210),
        _Chore("build feeds", 600.0, feeds_due, due=time.monotonic() + 120),
        _Chore("answer privacy requests", 60.0, privacy.wake_due),
        _Chore("keep erased people forgotten", 3600.0, erase.keep_forgotten, due=time.monotonic() + 150),
        _Chore("drop privacy files", 3600.0, export.drop_expired, due=time.monotonic() + 180),
        _Chore("forget devices", 3600.0, forget_devices, due=time.monotonic() + 90),
        _Chore("forget old events", 3600.0, sending.forget_old, due=time.monotonic() + 270),
        _Chore("forget old jobs", 3600.0, lambda: jobs.forget_finished(db.current(), clock.wall())),
    )
    while not stop.is_set():
        for chore in chores:
            if not stop.is_set():
                chore.do(time.monotonic())
        stop.wait(1.0)


def take_over(own: str, owner: str) -> int:
    """Put the jobs of dead workers back into their queues; how many. Each seat is held meanwhile."""
    now = clock.wall()
    with db.read(Scope.system("which workers are dead")) as session:
        dead = jobs.dead_slots(session, now, own)
    count = 0
    for slot in dead:
        with db.write(Scope.system("a worker holds a dead one's seat")) as session:
            held = jobs.hold_dead_slot(session, slot, owner, now)
        if held:
            count += jobs.recover([slot])
            with db.write(Scope.system("a worker gives a dead one's seat free")) as session:
                jobs.release_dead_slot(session, slot, owner, clock.wall())
            _log.info("worker.took_over", dead=slot)
    return count


def _connected() -> list[str]:
    with db.read(Scope.system("which shops the house is kept for")) as session:
        return [shop.id for shop in shops.connected(session)]


class Money:
    """Pins the decisions whose grace is over, then clears the lines whose hold is over.

    Shops that left too: their pending commission matures on the last known facts (R16). An order that failed is left
    out for a while, longer each time, so that it doesn't cost every round its log and its time.
    """

    def __init__(self) -> None:
        self._waits: dict[str, tuple[float, int]] = {}  # order or shop → until when, after how many failures

    def mature(self, stop: Callable[[], bool]) -> int:
        """How many orders and lines."""
        count = 0
        failed: dict[str, str] = {}
        before = self._waits
        self._waits = {subject: wait for subject, wait in before.items() if time.monotonic() < wait[0]}
        skip = frozenset(self._waits)
        for act in (rounds.pin_due, rounds.clear_due):
            if act is rounds.clear_due:
                rounds.start_rereads(clock.now())  # what they read clears in a later round
            done = act(clock.now(), stop=stop, skip=skip)
            count, failed = count + done.done, failed | done.failed
        for subject in failed:
            tries = before.get(subject, (0.0, 0))[1] + 1
            self._waits[subject] = (time.monotonic() + min(3600.0, 30.0 * 2**tries), tries)
        return count


class _Passes:
    """When each shop's orders are compared next. Wall time, whatever the demo does to business time.

    A shop seen for the first time goes on from its last pass, so that a worker that restarts often compares too.
    """

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def start(self) -> int:
        now, started = time.monotonic(), 0
        for shop_id in _connected():
            if shop_id not in self._next:
                self._next[shop_id] = now + until_pass(shop_id).total_seconds()
            if now < self._next[shop_id]:
                continue
            with db.write(Scope.shop(shop_id)) as session:
                every = roster.platform(shops.get(session, shop_id).platform).orders_every.total_seconds()
                # The hour, or what the platform has instead, in the key: several workers start it once.
                key = f"{shop_id}:{clock.wall().timestamp() // every:.0f}"
                jobs.enqueue(session, "sync.reconcile", key, shop_id=shop_id)
            self._next[shop_id] = now + every
            started += 1
        return started


def start_looks() -> int:
    """Start the daily and weekly looks whose time has come, and the proofs of days that are due; how many jobs."""
    started = 0
    for shop_id in _connected():
        now = clock.now()
        with db.read(Scope.shop(shop_id)) as session:
            shop = shops.get(session, shop_id)
            week = sync_queries.last_begun(session, shop_id, ("week",)) or shop.installed_at
            day = sync_queries.last_begun(session, shop_id, ("day", "week")) or shop.installed_at
            days = proof.days_due(session, shop, now)
        look = "week" if now - week >= timedelta(days=7) else "day" if now - day >= timedelta(days=1) else ""
        with db.write(Scope.shop(shop_id)) as session:
            # Day and hour in the keys: several workers start each once.
            if look:
                key = f"{shop_id}:{look}:{clock.wall():%Y%m%d}"
                jobs.enqueue(session, "sync.reconcile", key, shop_id=shop_id, look=look)
            for name in days:
                jobs.enqueue(
                    session, proof.JOB, f"{shop_id}:{name}:{clock.wall():%Y%m%dT%H}", shop_id=shop_id, day=name
                )
        started += bool(look) + len(days)
    return started


def until_pass(shop_id: str) -> timedelta:
    """How long until the shop's next pass: as its platform has it after its last one began, ten minutes after it
    joined."""
    with db.read(Scope.shop(shop_id)) as session:
        last, shop = sync_queries.last_begun(session, shop_id), shops.get(session, shop_id)
        after = roster.platform(shop.platform).orders_every if last is not None else FIRST_PASS_AFTER
        due = (last or shop.installed_at) + after
    return min(max(due - clock.now(), timedelta(0)), after)


def carry_on_closings() -> int:
    """Go on with the closings that somebody began minutes ago and that stand since; how many."""
    return rounds.carry_on_closings(clock.wall() - CLOSING_STANDS)


def tell_of_overdue() -> int:
    """Tell of the invoices that are past their due day; how many."""
    return rounds.tell_of_overdue(clock.now())


def forget_devices() -> int:
    """Drop the device hashes, the unknown codes, the notices, the answers by key and the untaken imports whose time is
    over; how many."""
    with db.write(Scope.system("device hashes whose time is over")) as session:
        forgotten = touches.forget_devices(session) + gaps.forget(session)
        forgotten += notices.forget(session, clock.wall() - notices.KEPT)
        forgotten += answers.forget_old(session, clock.wall())
        return forgotten + imports.forget_untaken(session, clock.now() - imports.KEPT)


def feeds_due() -> int:
    """Queue builds of the feeds whose time has come; how many."""
    with db.write(Scope.system("feeds of all shops whose time has come")) as session:
        return feeds.start_due(session)


def keep_alive() -> int:
    """Renew the grants that nobody used for a month; how many. One that can't be renewed says so on its shop."""
    with db.read(Scope.system("which grants are idle")) as session:
        idle = grants.idle(session)
    kept = 0
    for shop_id in idle:
        try:
            grants.keep_alive(shop_id)
            kept += 1
        except ConnectorError as error:
            _log.warning("grant.not_renewed", shop_id=shop_id, problem=type(error).__name__)
    return kept
