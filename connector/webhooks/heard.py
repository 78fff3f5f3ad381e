"""Do a shop's deliveries arrive? Asked of shops that post to an address of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders.tables import Order
from connector.webhooks.tables import DeliveryRow

# Orders that polling brought this long after the last delivery say that the hook went silent, not that it is late.
SILENT_AFTER = timedelta(hours=6)

State = Literal["new", "arrives", "never", "silent"]


@dataclass(frozen=True, slots=True)
class Heard:
    """new: nothing came, and no order either; never: orders come by polling, and no delivery ever; silent: they came
    once, and orders since then only by polling. Times are of the wall clock."""

    state: State
    delivery: datetime | None
    order: datetime | None


def of(session: Session, shop_id: str) -> Heard:
    # Receipts count, not what became of them: a parked one arrived as well.
    delivery = session.scalar(sa.select(sa.func.max(DeliveryRow.received_at)).where(DeliveryRow.shop_id == shop_id))
    seen = session.scalar(sa.select(sa.func.max(Order.first_seen_at)).where(Order.shop_id == shop_id))
    order = None if seen is None else seen - (clock.now() - clock.wall())  # first_seen_at is business time
    return Heard(_state(delivery, order), delivery, order)


def _state(delivery: datetime | None, order: datetime | None) -> State:
    if delivery is None:
        return "new" if order is None else "never"
    return "silent" if order is not None and order - delivery > SILENT_AFTER else "arrives"
