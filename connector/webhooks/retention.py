"""Bodies don't stay: they hold people. What the inbox says about a delivery stays without them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connector import clock, db
from connector.config import Settings
from connector.db import Scope, base32
from connector.webhooks.tables import DeliveryRow

# A store that installs us may be heard before it is connected; one that never comes isn't waited for (D1).
UNKNOWN_STORE_DAYS = 7
BATCH = 500


def drop_bodies(settings: Settings, now: datetime | None = None) -> int:
    """Drop the bodies whose time is over, a batch a transaction; how many. `now` is wall time.

    A delivery that still waits, failed or is parked loses its body too: the store can be read instead.
    """
    now = now or clock.wall()
    dropped = _drop(_before(now - timedelta(days=settings.body_retention_days)))
    unknown = sa.and_(DeliveryRow.shop_id.is_(None), _before(now - timedelta(days=UNKNOWN_STORE_DAYS)))
    # Nobody waits for a store that never came: what it sent leaves the list of open things with its body.
    return dropped + _drop(unknown, status="ignored", reason="unknown_store_gone", done_at=now)


def _before(moment: datetime) -> sa.ColumnElement[bool]:
    # Ids begin with the time of receipt, so the primary key finds the old ones.
    return DeliveryRow.id < "dlv_" + base32(int(moment.timestamp() * 1000) << 80, 26)


def _drop(old: sa.ColumnElement[bool], **more: Any) -> int:
    dropped = 0
    while True:
        with db.write(Scope.system("bodies past their retention, of all shops")) as session:
            ids = session.scalars(
                sa.select(DeliveryRow.id).where(old, DeliveryRow.body_sealed.is_not(None)).limit(BATCH)
            ).all()
            if not ids:
                return dropped
            session.execute(
                sa.update(DeliveryRow)
                .where(DeliveryRow.id.in_(ids))
                .values(body_sealed=None, body_gone="retention", **more)
            )
        dropped += len(ids)
