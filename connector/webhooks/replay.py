"""Put deliveries back to the drain: one, many, or a filter; and look first at what would come of it.

Replaying one that is done is harmless: everything behind the inbox converges. A filter is fixed when the replay is
made: its deliveries become lines, oldest first, and neither a look ahead nor a run takes any other.

    estimate   how many deliveries, shops and orders a filter names
    preview    each order's deliveries are taken in together, and undone: entries and balances before and after
    run        lines are put back a few at a time, so that live deliveries get in between; it can be stopped
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, jobs
from connector.commerce.orders.tables import Order
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.webhooks.inbox import STATUSES
from connector.webhooks.tables import DeliveryRow, Replay, ReplayLine

AT_MOST = 10_000
# So many are put back at once and in the act's own transaction; a longer replay is a job.
AT_ONCE = 200
JOB = {"preview": "webhooks.preview", "run": "webhooks.replay"}
LIVE, FINAL = ("queued", "running", "stopping"), ("stopped", "done", "failed")
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries; each part that is given narrows. Times are wall times of receipt."""

    delivery_id: str | None = None
    status: str | None = None
    reason: str | None = None
    topic: str | None = None
    order_ref: str | None = None
    shop_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Errors: InputRefused for a status that isn't one."""
        if self.status is not None and self.status not in STATUSES:
            raise InputRefused("status", f"is one of {', '.join(STATUSES)}.")

    @property
    def narrow(self) -> bool:
        """Does anything but the kind of message narrow it? A whole inbox is never replayed by accident."""
        return any(getattr(self, each.name) is not None for each in fields(self) if each.name != "reason")

    def where(self, query: Any) -> Any:
        """A SELECT over deliveries, narrowed."""
        for column, value in (
            (DeliveryRow.id, self.delivery_id), (DeliveryRow.status, self.status), (DeliveryRow.reason, self.reason),
            (DeliveryRow.topic, self.topic), (DeliveryRow.order_ref, self.order_ref),
            (DeliveryRow.shop_id, self.shop_id),
        ):  # fmt: skip
            if value is not None:
                query = query.where(column == value)
        if self.since is not None:
            query = query.where(DeliveryRow.received_at >= self.since)
        return query if self.until is None else query.where(DeliveryRow.received_at < self.until)

    def named(self) -> dict[str, str]:
        """Only what is given, as the audit log and a replay's row keep it."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    deliveries: int
    shops: int
    orders: int
    hopeless: int  # match, and can't be replayed: no body, no shop, or waiting anyway


def estimate(session: Session, asked: Filter) -> Estimate:
    """How much a filter names. Errors: InputRefused when nothing narrows it down."""
    _refuse_wide(asked)
    inner = _able(asked.where(sa.select(DeliveryRow))).subquery()
    deliveries, shops, orders = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.distinct(inner.c.shop_id)),
            sa.func.count(sa.distinct(inner.c.shop_id + ":" + inner.c.order_ref)),
        ).select_from(inner)
    ).one()
    every = session.scalar(sa.select(sa.func.count()).select_from(asked.where(sa.select(DeliveryRow.id)).subquery()))
    return Estimate(deliveries, shops, orders, int(every or 0) - deliveries)


def replay(session: Session, *, by: str, asked: Filter | None = None, **named: Any) -> int:
    """Let the deliveries that match wait again at once, oldest effects first as ever; how many, at most AT_MOST.

    `named` are parts of a `Filter`. One whose body is gone, or whose shop isn't known, stays as it is. Written to the
    audit log. Errors: InputRefused when nothing narrows it down; NotFound for an id that isn't there; Conflict when the
    one that was named can't be replayed.
    """
    asked = asked or Filter(**named)
    _refuse_wide(asked)
    if asked.delivery_id is not None:
        refuse_hopeless(session, asked.delivery_id)
    ids = session.scalars(_able(asked.where(sa.select(DeliveryRow.id))).order_by(DeliveryRow.id).limit(AT_MOST)).all()
    for start in range(0, len(ids), 500):
        put_back(session, ids[start : start + 500])
    said = {name: value for name, value in asked.named().items() if name not in ("delivery_id", "shop_id")}
    subject = asked.delivery_id or "several"
    audit.record(session, by, "delivery.replay", subject, shop_id=asked.shop_id, deliveries=len(ids), **said)
    return len(ids)


def begin(session: Session, asked: Filter, *, kind: str, by: str, preview_id: str | None = None) -> Replay:
    """Fix what a filter names now as the lines of a preview or a run, and start its job.

    Errors: InputRefused when nothing narrows the filter down; Conflict when nothing of it can be replayed.
    """
    _refuse_wide(asked)
    chosen = _able(asked.where(sa.select(DeliveryRow.id, DeliveryRow.shop_id, DeliveryRow.order_ref)))
    rows = session.execute(chosen.order_by(DeliveryRow.id).limit(AT_MOST)).all()
    return fix(session, [tuple(row) for row in rows], asked.named(), kind, by, preview_id)


def fix(
    session: Session, rows: list[tuple[str, str, str | None]], asked: Mapping[str, str], kind: str, by: str,
    preview_id: str | None,
) -> Replay:  # fmt: skip
    """Make a replay of these (delivery, shop, order ref). Errors: Conflict when there is none."""
    if not rows:
        raise Conflict(
            "nothing to replay",
            public="None of them can be replayed: their bodies are gone, their shop is not connected, or they wait.",
        )
    now = clock.wall()
    made = Replay(
        id=new_id("rpl"), kind=kind, preview_id=preview_id, asked=dict(asked), asked_by=by, asked_at=now,
        status="queued", total=len(rows), taken=0, entries=0,
    )  # fmt: skip
    session.add(made)
    session.flush()
    # By shop and order, so that an order's deliveries are looked at together; each in the order of receipt.
    rows.sort(key=lambda row: (row[1], row[2] or "", row[0]) if kind == "preview" else ("", "", row[0]))
    lines: list[dict[str, Any]] = [
        {"replay_id": made.id, "number": number, "delivery_id": delivery_id, "shop_id": shop_id, "order_ref": ref,
         "outcome": "", "reason": "", "entries": 0, "moves": []}
        for number, (delivery_id, shop_id, ref) in enumerate(rows, 1)
    ]  # fmt: skip
    for start in range(0, len(lines), 500):
        session.execute(sa.insert(ReplayLine), lines[start : start + 500])
    shops = {row[1] for row in rows}
    act = "delivery.preview" if kind == "preview" else "delivery.replay"
    one = next(iter(shops)) if len(shops) == 1 else None
    named = {name: value for name, value in asked.items() if name != "shop_id"}
    audit.record(session, by, act, made.id, shop_id=one, deliveries=len(rows), **named)
    if kind == "run" and len(rows) <= AT_ONCE:
        put_back(session, [row[0] for row in rows])
        session.execute(sa.update(ReplayLine).where(ReplayLine.replay_id == made.id).values(taken_at=now))
        made.status, made.taken, made.started_at, made.finished_at = "done", len(rows), now, now
    else:
        jobs.enqueue(session, JOB[kind], made.id, replay_id=made.id)
    session.flush()
    return made


def put_back(session: Session, ids: Sequence[str]) -> int:
    """Let these wait again; how many did not wait already. One whose body went meanwhile stays."""
    done = session.execute(
        sa.update(DeliveryRow)
        .where(DeliveryRow.id.in_(ids), DeliveryRow.body_sealed.is_not(None), DeliveryRow.shop_id.is_not(None))
        .where(DeliveryRow.status.not_in(("waiting", "quarantined")))
        .values(status="waiting", reason="", detail="", tries=0, next_try_at=None, done_at=None)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def stop(session: Session, replay_id: str, *, by: str) -> None:
    """Ask a preview or a run to stop: what was put back stays put back. Errors: NotFound; Conflict when it is over."""
    row = get(session, replay_id, lock=True)
    if row.status in FINAL:
        raise Conflict(f"{replay_id} is {row.status}", public="It has ended already.")
    row.status = "stopping"
    audit.record(session, by, "replay.stop", row.id, taken=row.taken)


def get(session: Session, replay_id: str, *, lock: bool = False) -> Replay:
    """Errors: NotFound."""
    row = session.get(Replay, replay_id, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFound(f"no replay has the id {replay_id[:40]!r}")
    return row


def progress(session: Session, replay_id: str) -> dict[str, int]:
    """{status: how many of its deliveries}: what became of them so far."""
    rows = session.execute(
        sa.select(DeliveryRow.status, sa.func.count())
        .join(ReplayLine, ReplayLine.delivery_id == DeliveryRow.id)
        .where(ReplayLine.replay_id == replay_id, ReplayLine.taken_at.is_not(None))
        .group_by(DeliveryRow.status)
    )
    return {str(row[0]): int(row[1]) for row in rows}


def order_ref_of(session: Session, named: str, shop_id: str | None = None) -> str:
    """The store's id of an order that is named by it, by our id, or by its number.

    An order that we never heard of can be named by the store's id alone. Errors: InputRefused for a number of several.
    """
    number = named.lstrip("#")
    found = session.execute(
        sa.select(Order.order_ref, Order.id)
        .where(sa.or_(Order.id == named, Order.order_ref == named, Order.number.in_([number, f"#{number}"])))
        .where(sa.true() if shop_id is None else Order.shop_id == shop_id)
        .limit(3)
    ).all()
    for order_ref, order_id in found:
        if named in (order_ref, order_id):
            return str(order_ref)
    if len(found) > 1:
        raise InputRefused("order", f"several orders are called {named[:40]!r}.", "Name the shop, or the order's id.")
    return str(found[0].order_ref) if found else named


def _able(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.where(
        DeliveryRow.body_sealed.is_not(None), DeliveryRow.shop_id.is_not(None),
        DeliveryRow.status.not_in(("waiting", "quarantined")),
    )  # fmt: skip


def _refuse_wide(asked: Filter) -> None:
    if not asked.narrow:
        raise InputRefused(
            "filter", "is too wide to replay.", "Name a delivery, a status, a topic, an order, a shop or a time."
        )


def refuse_hopeless(session: Session, delivery_id: str) -> None:
    """Errors: NotFound; Conflict that says why this one can't be replayed."""
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    if row.body_sealed is None and row.body_gone == "erased":
        raise Conflict("Its body was erased on a privacy request: run `connector reconcile` to read the store instead.")
    if row.body_sealed is None:
        raise Conflict("Its body went with its retention: run `connector reconcile` to read the store instead.")
    if row.status == "quarantined":
        raise Conflict("It is in quarantine: release it there, with a reason.")
    if row.shop_id is None:
        raise Conflict(f"No shop is known for {row.domain}: it goes on by itself once the shop is connected.")
