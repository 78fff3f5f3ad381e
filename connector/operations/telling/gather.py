"""From what is written already to events: notices that weren't told, and ledger entries behind the seals.

The act pays nothing for it. A notice bears `untold` until the transaction that makes its event; a shop's chain is read
from the position up to which it was told. One gatherer at a time, so that numbers are given in the order in which they
become visible. While there is no endpoint nothing is gathered, and the first one begins with what comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.orders.tables import Order
from connector.db import Scope, new_id
from connector.earnings.ledger import follow
from connector.earnings.ledger.follow import Booked
from connector.notices import Notice
from connector.operations.telling import catalogue
from connector.operations.telling.tables import ChainRead, Endpoint, Send, Told

PAGE = 500
_LOCK = 0x746F6C64  # "told": an advisory lock of this job alone
_WHY = "events of all shops are told to the app's back end"


def gather() -> int:
    """Make events of what came since; how many. 0: nothing is new, nobody listens, or another worker does it."""
    with db.read(Scope.system(_WHY)) as session:
        if not endpoints(session):
            return 0
        untold = session.scalar(sa.select(Notice.id).where(Notice.untold.is_(True)).limit(1))
        if untold is None and not _moved(session):
            return 0
    with db.write(Scope.system(_WHY)) as session:
        listening = endpoints(session)
        if not listening or not _alone(session):
            return 0
        made = _of_notices(session)
        for shop_id, position in _moved(session).items():
            if made >= PAGE:
                break
            made += _of_chain(session, listening, shop_id, position)
        return made


def begin(session: Session) -> None:
    """Everything up to now counts as told: the first endpoint is made."""
    session.execute(sa.update(Notice).where(Notice.untold.is_(True)).values(untold=False))
    session.execute(sa.delete(ChainRead))
    rows = [{"shop_id": shop_id, "position": position} for shop_id, position in follow.heads(session).items()]
    if rows:
        session.execute(sa.insert(ChainRead), rows)


def endpoints(session: Session) -> Sequence[Endpoint]:
    """Those that events are kept for: off ones too, which get them once they are on again."""
    return session.scalars(sa.select(Endpoint).where(Endpoint.status != "removed")).all()


def tell(
    session: Session, listening: Sequence[Endpoint], events: list[dict[str, Any]], *, whatever: bool = False
) -> int:
    """Write events (without `seq`, `id`, `made_at`) and their sends; how many events. `whatever`: of any kind."""
    now = clock.wall()
    for event in events:
        event |= {"id": new_id("evt"), "made_at": now}
    if not events:
        return 0
    made = session.execute(
        sa.insert(Told).returning(Told.seq, Told.kind, sort_by_parameter_order=True), events
    ).all()  # fmt: skip
    sends = [
        _send(endpoint.id, seq, now)
        for endpoint in listening
        for seq, kind in made
        if whatever or catalogue.takes(endpoint.kinds, kind)
    ]
    if sends:
        session.execute(sa.insert(Send), sends)
    return len(events)


def _send(endpoint_id: str, seq: int, now: datetime) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint_id, "seq": seq, "status": "waiting", "due_at": now, "attempts": 0, "first_at": None,
        "delivered_at": None,
    }  # fmt: skip


def _alone(session: Session) -> bool:
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


def _of_notices(session: Session) -> int:
    rows = session.scalars(
        sa.select(Notice).where(Notice.untold.is_(True)).order_by(Notice.id).limit(PAGE)
    ).all()  # fmt: skip
    if not rows:
        return 0
    events = [
        {
            "kind": catalogue.said_as(row.kind), "source": row.id, "at": row.at, "creator_id": row.creator_id,
            "shop_id": row.shop_id, "notice_id": row.id, "data": _known(row.creator_id, row.shop_id) | row.detail,
        }
        for row in rows
    ]  # fmt: skip
    ids = [row.id for row in rows]
    session.execute(sa.update(Notice).where(Notice.id.in_(ids)).values(untold=False))
    return tell(session, endpoints(session), events)


def _known(creator_id: str | None, shop_id: str | None) -> dict[str, Any]:
    return {name: value for name, value in (("creator_id", creator_id), ("shop_id", shop_id)) if value is not None}


def _moved(session: Session) -> dict[str, int]:
    """shop → up to where it was told, for shops whose chain went on since."""
    read = {row.shop_id: row.position for row in session.scalars(sa.select(ChainRead))}
    return {
        shop_id: read.get(shop_id, 0)
        for shop_id, position in follow.heads(session).items()
        if position > read.get(shop_id, 0)
    }


def _of_chain(session: Session, listening: Sequence[Endpoint], shop_id: str, position: int) -> int:
    reached, entries = follow.after(session, shop_id, position, PAGE)
    orders = _orders(session, {entry.order_id for entry in entries if entry.order_id})
    made = tell(session, listening, [_event(shop_id, entry, orders) for entry in entries])
    add = db.insert(session, ChainRead).values(shop_id=shop_id, position=reached)
    session.execute(add.on_conflict_do_update(index_elements=["shop_id"], set_={"position": reached}))
    return made


def _orders(session: Session, ids: set[str]) -> dict[str, dict[str, Any]]:
    rows = session.execute(
        sa.select(Order.id, Order.order_ref, Order.number, Order.placed_at).where(Order.id.in_(ids))
    )  # fmt: skip
    return {row[0]: {"order_ref": row[1], "number": row[2], "placed_at": row[3].isoformat()} for row in rows}


def kind_of(entry_kind: str) -> str:
    """The kind of event that a ledger entry is told as."""
    return {
        "accrual": "order.attributed", "clearance": "commission.cleared", "flat_fee": "flat_fee.owed",
        "reimbursement": "reimbursement.owed",
    }.get(entry_kind, "commission.changed")  # fmt: skip


def _event(shop_id: str, entry: Booked, orders: dict[str, dict[str, Any]]) -> dict[str, Any]:
    facts = {
        "shop_id": shop_id, "order_id": entry.order_id, "line_ref": entry.line_ref, "creator_id": entry.creator_id,
        "content_id": entry.content_id, "amount": entry.amount, "currency": entry.currency, "reason": entry.reason,
        "entry_id": entry.entry_id, **orders.get(entry.order_id or "", {}),
    }  # fmt: skip
    return {
        "kind": kind_of(entry.kind), "source": entry.entry_id, "at": entry.occurred_at,
        "creator_id": entry.creator_id, "shop_id": shop_id, "notice_id": None,
        "data": {name: value for name, value in facts.items() if value is not None},
    }  # fmt: skip
