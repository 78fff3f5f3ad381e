"""Back-pressure: say "later" while everything still works, instead of taking what can't be kept or worked off.

    line_too_long      who stands in line now would wait longer than the platform waits for an answer
    database_slow      the last commits took so long that the next one would be late
    disk_full          less than the reserve is free where SQLite lives
    database_away      SQLite's file is gone or another one: what is written now would be lost with the old one
    inbox_full         more deliveries wait for a worker than the setting lets; shops that wait with less than their
                       share are still taken, until twice as many wait

A platform sends again what was answered with 503, over hours; a delivery that was taken and lost is lost. `Retry-After`
says when it is worth it.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from prometheus_client import Counter

from connector import db, telemetry
from connector.config import Settings
from connector.db import Database, Scope
from connector.webhooks import line
from connector.webhooks.tables import DeliveryRow

# A platform gives five seconds in all, some of them for the network.
PATIENCE = 3.0
# A slow commit counts so long: then one delivery is let through to see whether it is better.
SLOW_COUNTS = 5.0
LOOK_EVERY = 1.0  # at the disk
COUNT_EVERY = 5.0  # the deliveries that wait
_log = telemetry.logger(__name__)
TURNED_AWAY = Counter(
    "connector_deliveries_turned_away_total", "Deliveries answered with 503, by cause.", ["cause"],
    registry=telemetry.REGISTRY,
)  # fmt: skip
_RETRY_AFTER = {"line_too_long": 5, "database_slow": 10, "disk_full": 300, "database_away": 30, "inbox_full": 60}


# The platform and the host that a delivery is of, verified.
Whose = Callable[[], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    cause: str

    @property
    def retry_after(self) -> int:
        """Seconds."""
        return _RETRY_AFTER[self.cause]


class Gauge:
    """What one web process knows of how it stands. Looked at by every delivery, so each look costs microseconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file = Path(database.url.database) if database.is_sqlite and database.url.database else None
        self._inode = line.inode(self._file)
        self._looked = self._counted = 0.0
        self._disk: str | None = None
        self._waiting = 0
        self._crowding: frozenset[str] | None = frozenset()  # shops with more than their share; None: all of them
        self._lock = threading.Lock()

    def refusal(self, settings: Settings, whose: Whose, now: float | None = None) -> Refusal | None:
        """Why this delivery should not be taken right now; None: go on. `now` is monotonic.

        `whose` says whom a delivery is of; it is asked under pressure only. Errors: those of `whose`.
        """
        now = time.monotonic() if now is None else now
        cause = self._of_line(now) or self._of_disk(settings, now) or self._of_inbox(settings, now)
        if cause is None:
            return None
        sender = whose()
        if cause == "inbox_full" and self._crowding is not None:
            # Only here is the database asked: where it is away, SQLite would make an empty file in its place.
            shop_id = line.of(self._database).shop(*sender)
            if shop_id not in self._crowding:
                return None
        TURNED_AWAY.labels(cause=cause).inc()
        return Refusal(cause)

    def _of_line(self, now: float) -> str | None:
        standing, group_seconds, measured_at = line.of(self._database).load()
        if standing and group_seconds * (1 + standing / line.GROUP) > PATIENCE:
            return "line_too_long"
        return "database_slow" if group_seconds > PATIENCE and now - measured_at < SLOW_COUNTS else None

    def _of_disk(self, settings: Settings, now: float) -> str | None:
        if self._file is None:
            return None
        # The line looks before every write whether the file is still the one that is open, and says so: a delivery that
        # is written to a file which was exchanged is answered with 200 and lost.
        if now - self._looked >= LOOK_EVERY or line.of(self._database).exchanged:
            self._looked = now
            was, self._disk = self._disk, self._look(self._file, settings.disk_reserve_mb * 1_000_000)
            if self._disk != was:
                _log.warning("inbox.disk", state=self._disk or "well again")
        return self._disk

    def _look(self, file: Path, reserve: int) -> str | None:
        found = line.inode(file)
        if found is None:
            return "database_away"
        if self._inode is not None and found != self._inode:
            # Put back from a backup, or moved: the connections still hold the old file, so they are made anew.
            line.forget(self._database)
            self._database.engine.dispose()
        self._inode = found
        try:
            return "disk_full" if shutil.disk_usage(file.parent).free < reserve else None
        except OSError:
            return "database_away"

    def _of_inbox(self, settings: Settings, now: float) -> str | None:
        if now - self._counted >= COUNT_EVERY and self._lock.acquire(blocking=False):
            # One request in five seconds counts, and only so far as it matters.
            try:
                self._counted, self._waiting = now, _waiting(settings.inbox_limit)
                if self._waiting > settings.inbox_limit:
                    self._crowding = _crowding(settings.inbox_limit)
            except sa.exc.SQLAlchemyError as error:
                _log.warning("inbox.not_counted", error=type(error).__name__)
            finally:
                self._lock.release()
        return "inbox_full" if self._waiting > settings.inbox_limit else None


def _waiting(limit: int) -> int:
    some = sa.select(DeliveryRow.id).where(DeliveryRow.status == "waiting").limit(limit + 1).subquery()
    with db.read(Scope.system("how many deliveries wait")) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def _crowding(limit: int) -> frozenset[str] | None:
    """Shops that wait with more than an equal share of `limit`: one shop's flood must not turn the others away.

    None: twice the limit waits, so that nobody may add to it.
    """
    with db.read(Scope.system("whose deliveries wait")) as session:
        query = (
            sa.select(DeliveryRow.shop_id, sa.func.count())
            .where(DeliveryRow.status == "waiting", DeliveryRow.shop_id.is_not(None))
            .group_by(DeliveryRow.shop_id)
        )
        waiting = {str(shop_id): number for shop_id, number in session.execute(query)}
    if sum(waiting.values()) >= 2 * limit:
        return None
    return frozenset(shop_id for shop_id, number in waiting.items() if number * len(waiting) > limit)


_gauges: WeakKeyDictionary[Database, Gauge] = WeakKeyDictionary()


def of(database: Database) -> Gauge:
    """The gauge of this process for `database`."""
    gauge = _gauges.get(database)
    if gauge is None:
        gauge = _gauges.setdefault(database, Gauge(database))
    return gauge
