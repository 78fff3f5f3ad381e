"""A shop's API budget as one row, fed by the platform's own answer and shared by all workers.

Between two answers the bucket refills at the rate that the platform named. A call reserves its cost before it is sent;
the platform's next answer corrects the row. Two workers may be a call apart, so this keeps near the bucket, not exactly
at it; what goes over is answered with "throttled", which the platform's client waits out.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops.tables import ApiBudget
from connector.db import Scope


@dataclass(frozen=True, slots=True)
class SharedBudget:
    """`contract.Budget` over `api_budgets`. Never call it inside `db.write()`: it opens its own, and it sleeps."""

    shop_id: str

    def wait(self, cost: float) -> None:
        """Block until `cost` points are there, and take them. Returns at once where the platform has not spoken yet."""
        while (pause := self._take(cost)) > 0:
            time.sleep(pause + random.random() * 0.1)  # noqa: S311  # spreads the workers, nothing secret

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        with db.write(Scope.shop(self.shop_id)) as session:
            values = {
                "available": available,
                "maximum": maximum,
                "restore_rate": restore_rate,
                "heard_at": clock.wall(),
            }
            insert = db.insert(session, ApiBudget).values(shop_id=self.shop_id, **values)
            session.execute(insert.on_conflict_do_update(index_elements=["shop_id"], set_=values))

    def _take(self, cost: float) -> float:
        """0 when the points were taken, else the seconds to wait."""
        with db.write(Scope.shop(self.shop_id)) as session:
            row = _locked(session, self.shop_id)
            if row is None or row.restore_rate <= 0:
                return 0.0
            now = clock.wall()
            there = row.available + row.restore_rate * max(0.0, (now - row.heard_at) / timedelta(seconds=1))
            there = min(row.maximum, there)
            wanted = min(cost, row.maximum)
            if there < wanted:
                return min(30.0, (wanted - there) / row.restore_rate)
            row.available, row.heard_at = there - wanted, now
            return 0.0


def _locked(session: Session, shop_id: str) -> ApiBudget | None:
    return session.scalar(sa.select(ApiBudget).where(ApiBudget.shop_id == shop_id).with_for_update())
