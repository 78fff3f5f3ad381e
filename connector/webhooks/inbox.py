"""The inbox: a delivery whose signature is right becomes a row before it is answered.

A repeat (COMMISSION.md, D2) makes no row: unique keys over (shop, topic, delivery ref) and, for a body that carries the
whole thing, over (shop, topic, body) turn it into `repeats + 1`. The event id never makes a repeat: one act sends
several topics under one. A repeated body with a later trigger time is news all the same: that version of the order
counts again (3b), so the row goes back to the drain with the later time.

One durable commit a delivery would be one fsync each, and on SQLite one writer after another. Requests of one process
that arrive together are therefore written in one transaction (group commit): the first of them writes for all that
stand in line, each is answered when its own row is durable. If a group fails, its rows are tried one by one.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry, vault
from connector.commerce.shops.tables import Shop
from connector.db import Database, new_id
from connector.platforms.contract import Delivery, Envelope, Platform
from connector.webhooks.tables import DeliveryRow, RejectedCount

Status = Literal["waiting", "failed", "parked", "done", "ignored"]
STATUSES: tuple[Status, ...] = ("waiting", "failed", "parked", "done", "ignored")
# Events whose body is the whole thing: an equal body is the same news.
_WHOLE = frozenset({"OrderSeen", "ProductSeen"})
_SECRET_HEADERS = ("hmac", "signature", "token", "secret")
# A platform gives us five seconds in all; one that waits longer for the database's writer is better sent again.
LOCK_WAIT_MS = 3500
GROUP = 64

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery. `repeat`: no new row."""

    delivery_id: str
    repeat: bool


def record(platform: Platform, envelope: Envelope, delivery: Delivery, *, now: datetime | None = None) -> Receipt:
    """Keep a verified delivery, durably, or raise: whoever gets a receipt may answer 200.

    Errors: SQLAlchemy's OperationalError and its like when the database is away or busy beyond LOCK_WAIT_MS.
    """
    order_ref, product_ref = platform.webhooks.subject(envelope, delivery.body)
    digest = hashlib.sha256(delivery.body).hexdigest()
    row = {
        "id": new_id("dlv"),
        "platform": platform.slug,
        "domain": envelope.domain,
        "topic": envelope.topic,
        "delivery_key": _key(platform.slug, envelope, "delivery", envelope.delivery_ref),
        "body_key": _key(platform.slug, envelope, "body", digest if _whole(platform, envelope.topic) else None),
        "delivery_ref": envelope.delivery_ref,
        "event_ref": envelope.event_ref,
        "triggered_at": envelope.triggered_at,
        "api_version": envelope.api_version,
        "received_at": now or clock.wall(),
        "headers": named_headers(platform.slug, delivery.headers),
        "body_sealed": vault.current().seal(zlib.compress(delivery.body, 1)),
        "body_hash": digest,
        "body_size": len(delivery.body),
        "order_ref": order_ref,
        "product_ref": product_ref,
    }
    return _line(db.current()).put(row)


def reject(platform_slug: str, reason: str) -> None:
    """Count a delivery that was refused before it was kept. Never raises: the refusal stands without the count.

    At most one write a second: a flood of bad requests must not take the writer from the good ones.
    """
    _line(db.current()).count(platform_slug, reason)


def body_of(row: DeliveryRow) -> bytes | None:
    """The bytes as received; None after retention or erasure."""
    return None if row.body_sealed is None else zlib.decompress(vault.current().open(row.body_sealed))


def envelope_of(row: DeliveryRow) -> Envelope:
    return Envelope(
        domain=row.domain,
        topic=row.topic,
        delivery_ref=row.delivery_ref,
        event_ref=row.event_ref,
        triggered_at=row.triggered_at,
        api_version=row.api_version,
    )


def releasable(session: Session) -> bool:
    """Is there a parked delivery whose shop is connected now?"""
    return session.execute(_parked_of_connected().limit(1)).first() is not None


def release_parked(session: Session, *, limit: int = 1000) -> int:
    """Hand deliveries of shops that were not known at receipt, or had left, to the drain once the shop is connected."""
    waiting = session.execute(_parked_of_connected().order_by(DeliveryRow.id).limit(limit)).all()
    for delivery_id, shop_id in waiting:
        session.execute(
            sa.update(DeliveryRow)
            .where(DeliveryRow.id == delivery_id, DeliveryRow.status == "parked")
            .values(shop_id=shop_id, status="waiting", reason="", detail="", tries=0, next_try_at=None)
        )
    return len(waiting)


def _parked_of_connected() -> sa.Select[str, str]:
    return (
        sa.select(DeliveryRow.id, Shop.id)
        .join(Shop, sa.and_(Shop.platform == DeliveryRow.platform, Shop.domain == DeliveryRow.domain))
        .where(
            DeliveryRow.status == "parked",
            DeliveryRow.reason.in_(("unknown_store", "store_disconnected")),
            Shop.status == "connected",
        )
    )


def counts(session: Session, *, shop_id: str | None = None) -> list[tuple[str, str, int]]:
    """(status, reason, number), every status named, for the command and the health page."""
    query = sa.select(DeliveryRow.status, DeliveryRow.reason, sa.func.count()).group_by(
        DeliveryRow.status, DeliveryRow.reason
    )
    if shop_id is not None:
        query = query.where(DeliveryRow.shop_id == shop_id)
    found = {(status, reason): number for status, reason, number in session.execute(query)}
    for status in STATUSES:
        if not any(known == status for known, _ in found):
            found[status, ""] = 0
    return [
        (status, reason, found[status, reason])
        for status, reason in sorted(found, key=lambda pair: (STATUSES.index(pair[0]), pair[1]))
    ]


def named_headers(slug: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The platform's own headers (`x-<slug>-…`), without its signature. No cookies, no addresses."""
    prefix = f"x-{slug}-"
    return {
        name: value[:500]
        for name, value in headers.items()
        if name.startswith(prefix) and not any(secret in name for secret in _SECRET_HEADERS)
    }


def _whole(platform: Platform, topic: str) -> bool:
    return platform.webhooks.topics.get(topic) in _WHOLE


def _key(slug: str, envelope: Envelope, kind: str, part: str | None) -> str | None:
    if part is None:
        return None
    text = "\x00".join((slug, envelope.domain, envelope.topic, kind, part))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


# ------------------------------------------------------------------ group commit


class _Waiting:
    """One request's row, and what became of it."""

    __slots__ = ("error", "receipt", "row")

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.receipt: Receipt | None = None
        self.error: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.receipt is not None or self.error is not None


class _Line:
    """The requests of one process that wait for one database."""

    def __init__(self, database: Database) -> None:
        self._engine = _own_engine(database)
        self._insert = _insert_statement(self._engine)
        self._standing: list[_Waiting] = []
        self._standing_lock = threading.Lock()
        self._writer = threading.Lock()
        # Shops are never deleted and keep their id, so what was found once stays true.
        self._shops: dict[tuple[str, str], str] = {}
        self._rejected: dict[tuple[str, str, str], int] = {}
        self._rejected_lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def put(self, row: dict[str, Any]) -> Receipt:
        mine = _Waiting(row)
        with self._standing_lock:
            self._standing.append(mine)
        while not mine.settled:
            with self._writer:
                # Whoever wrote before us has mostly written for us too.
                if not mine.settled:
                    with self._standing_lock:
                        group, self._standing = self._standing[:GROUP], self._standing[GROUP:]
                    self._settle(group)
        if mine.receipt is None:
            raise mine.error or RuntimeError("a delivery left the line without an answer")
        return mine.receipt

    def _settle(self, group: list[_Waiting]) -> None:
        """Write a group; every one of them gets a receipt or an error."""
        try:
            self._write(group)
        except Exception as error:
            if len(group) == 1 or _away(error):
                for each in group:
                    each.error = error
                return
            for each in group:
                self._settle([each])

    def _write(self, group: list[_Waiting]) -> None:
        with self._engine.connect().execution_options(begin="immediate") as connection:
            receipts = [self._one(connection, each.row) for each in group]
            connection.commit()
        for each, receipt in zip(group, receipts, strict=True):
            each.receipt = receipt

    def _one(self, connection: sa.Connection, row: dict[str, Any]) -> Receipt:
        shop_id = self._shop(connection, row["platform"], row["domain"])
        known = {
            "shop_id": shop_id,
            "status": "waiting" if shop_id else "parked",
            "reason": "" if shop_id else "unknown_store",
        }
        written = connection.execute(self._insert, {**row, **known}).scalar_one_or_none()
        if written is not None:
            return Receipt(written, repeat=False)
        return Receipt(_repeat(connection, row), repeat=True)

    def _shop(self, connection: sa.Connection, platform: str, domain: str) -> str | None:
        known = self._shops.get((platform, domain))
        if known is None:
            known = connection.execute(
                sa.select(Shop.id).where(Shop.platform == platform, Shop.domain == domain)
            ).scalar_one_or_none()
            if known is not None:
                self._shops[platform, domain] = known
        return known

    def count(self, platform_slug: str, reason: str) -> None:
        key = (platform_slug, clock.wall().strftime("%Y-%m-%d"), reason)
        with self._rejected_lock:
            self._rejected[key] = self._rejected.get(key, 0) + 1
            if self._timer is not None:
                return
            self._timer = threading.Timer(1.0, self._after_a_second)
            self._timer.daemon = True
            self._timer.start()
        self.write_counts()

    def _after_a_second(self) -> None:
        with self._rejected_lock:
            self._timer = None
        self.write_counts()

    def write_counts(self) -> None:
        with self._rejected_lock:
            counted, self._rejected = self._rejected, {}
        if not counted:
            return
        try:
            with Session(self._engine) as session:
                session.connection(execution_options={"begin": "immediate"})
                for (platform, day, reason), number in counted.items():
                    insert = db.insert(session, RejectedCount).values(
                        platform=platform, day=day, reason=reason, count=number
                    )
                    session.execute(
                        insert.on_conflict_do_update(
                            index_elements=["platform", "day", "reason"], set_={"count": RejectedCount.count + number}
                        )
                    )
                session.commit()
        except sa.exc.SQLAlchemyError as error:
            _log.warning("rejections.not_counted", error=str(error).splitlines()[0], number=sum(counted.values()))
            with self._rejected_lock:
                for key, number in counted.items():
                    self._rejected[key] = self._rejected.get(key, 0) + number


_lines: WeakKeyDictionary[Database, _Line] = WeakKeyDictionary()
_lines_lock = threading.Lock()


def _line(database: Database) -> _Line:
    line = _lines.get(database)
    if line is None:
        with _lines_lock:
            line = _lines.get(database)
            if line is None:
                line = _lines[database] = _Line(database)
    return line


def _own_engine(database: Database) -> sa.Engine:
    """On SQLite a connection of our own, which gives up on the writer before the platform gives up on us."""
    if not database.is_sqlite:
        return database.engine
    engine = Database(database.url.render_as_string(hide_password=False), pool_size=1).engine

    @sa.event.listens_for(engine, "connect")
    def wait_less(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")

    return engine


def _insert_statement(engine: sa.Engine) -> Any:
    with engine.connect() as connection:
        return db.insert(connection, DeliveryRow).on_conflict_do_nothing().returning(DeliveryRow.id)


def _away(error: Exception) -> bool:
    """The database itself is the trouble, so that trying rows one by one makes everybody wait. A deadlock isn't."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError):
        return False
    return getattr(getattr(error, "orig", None), "sqlstate", None) != "40P01"


def _repeat(connection: sa.Connection, row: dict[str, Any]) -> str:
    """Count a repeat on the row that was first. A later trigger time of the same body puts it back to the drain."""
    keys = [
        column == row[name]
        for name, column in (("delivery_key", DeliveryRow.delivery_key), ("body_key", DeliveryRow.body_key))
        if row[name] is not None
    ]
    first = connection.execute(
        sa.select(DeliveryRow.id, DeliveryRow.triggered_at, DeliveryRow.body_hash, DeliveryRow.status)
        .where(sa.or_(*keys))
        .order_by(DeliveryRow.id)
        .limit(1)
        .with_for_update()
    ).one()
    values: dict[str, Any] = {"repeats": DeliveryRow.repeats + 1}
    heard = row["triggered_at"]
    if heard and first.body_hash == row["body_hash"] and (first.triggered_at is None or heard > first.triggered_at):
        values["triggered_at"] = heard
        if first.status == "done" and row["body_key"] is not None:
            values |= {"status": "waiting", "tries": 0, "next_try_at": None}
    connection.execute(sa.update(DeliveryRow).where(DeliveryRow.id == first.id).values(**values))
    return str(first.id)


def due_again(tries: int) -> timedelta:
    """How long a failed delivery waits before its next try: 5 s, growing fourfold, at most an hour."""
    return min(timedelta(seconds=5 * 4 ** max(0, tries - 1)), timedelta(hours=1))
