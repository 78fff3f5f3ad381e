"""A shop's API budget as one row, fed by the platform's own answer and shared by all workers.

Between two answers the bucket refills at the rate that the platform named. A call reserves its cost before it is sent
and stays "in flight" until its answer comes. The platform's figure may or may not hold what is in flight, so that all
of it is taken off. It may also be older than answers that overtook it: then what they cost is taken off too, unless the
row's own reckoning knows better. So the row is never above the bucket, in whatever order answers come. A call whose
answer never came is forgotten after a while. Clocks of two machines may differ, so "throttled" is still possible; the
platform's client waits it out.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops.tables import ApiBudget
from connector.db import Scope, new_id

FLIGHT = 45.0  # seconds after which an answer is not waited for any more; a call's time-out is shorter
SILENT = -1.0  # the size of a bucket that the platform doesn't speak of: it holds nobody up
FIRST_LOOK = 0.2  # seconds between looks while the first call of all, which tells how large the bucket is, is under way


class SharedBudget:
    """`contract.Budget` over `api_budgets`. Never call it inside `db.write()`: it opens its own, and it sleeps."""

    def __init__(self, shop_id: str) -> None:
        self.shop_id = shop_id
        self._silent = False  # the platform doesn't speak of points: not asked again by this client
        self._mine: list[str] = []  # flights of ours whose answer has not come

    def __repr__(self) -> str:
        return f"<SharedBudget {self.shop_id}>"

    def wait(self, cost: float) -> None:
        """Block until `cost` points are there, and take them. The first call of all goes alone, and tells the size."""
        while not self._silent and (pause := self._take(cost)) > 0:
            time.sleep(pause + random.random() * 0.1)  # noqa: S311  # spreads the workers, nothing secret

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        self._silent = False
        with db.write(Scope.shop(self.shop_id)) as session:
            row = _locked(session, self.shop_id)
            now = clock.wall()
            flights, overtaken = _landed(row, self._mine, now)
            there = available - sum(flight[1] for flight in flights)
            if overtaken and row is not None:
                there = min(there, max(_reckoned(row, now), there - overtaken))
            values: dict[str, Any] = {
                "available": there,
                "maximum": maximum,
                "restore_rate": restore_rate,
                "flights": flights,
                "heard_at": now,
            }
            insert = db.insert(session, ApiBudget).values(shop_id=self.shop_id, **values)
            session.execute(insert.on_conflict_do_update(index_elements=["shop_id"], set_=values))
        self._mine.clear()

    def served(self, version: str) -> None:
        """Another API version answered than was asked: kept for `doctor`, at most one write in ten minutes."""
        now = clock.wall()
        with db.read(Scope.shop(self.shop_id)) as session:
            row = session.get(ApiBudget, self.shop_id)
            if (
                row is not None
                and row.served_version == version
                and row.served_at is not None
                and now - row.served_at < timedelta(minutes=10)
            ):
                return
        with db.write(Scope.shop(self.shop_id)) as session:
            said = {"served_version": version, "served_at": now}
            values = {"available": 0.0, "maximum": 0.0, "restore_rate": 0.0, "heard_at": now, **said}
            insert = db.insert(session, ApiBudget).values(shop_id=self.shop_id, **values)
            session.execute(insert.on_conflict_do_update(index_elements=["shop_id"], set_=said))

    def landed(self) -> None:
        if not self._mine:
            return
        with db.write(Scope.shop(self.shop_id)) as session:
            row = _locked(session, self.shop_id)
            if row is not None:
                row.flights, _ = _landed(row, self._mine, clock.wall())
                if row.restore_rate <= 0:
                    row.maximum = SILENT
        self._mine.clear()

    def _take(self, cost: float) -> float:
        """0 when the points were taken, else the seconds to wait."""
        with db.write(Scope.shop(self.shop_id)) as session:
            now = clock.wall()
            row = _row(session, self.shop_id, now)
            if row.maximum == SILENT:
                self._silent = True
                return 0.0
            flights = _flying(row, now)
            if row.restore_rate <= 0:
                if flights:
                    return FIRST_LOOK
            else:
                there = _reckoned(row, now)
                wanted = min(cost, row.maximum)
                if there < wanted:
                    return min(30.0, (wanted - there) / row.restore_rate)
                row.available, row.heard_at = there - wanted, now
            flight = new_id("flt")
            row.flights = [*flights, [flight, cost, now.timestamp() + FLIGHT, 0.0]]
            self._mine.append(flight)
            return 0.0


def _reckoned(row: ApiBudget, now: datetime) -> float:
    """Points by what was heard last, what was taken since, and what flowed back."""
    refilled = row.restore_rate * max(0.0, (now - row.heard_at) / timedelta(seconds=1))
    return min(row.maximum, row.available + refilled)


def _landed(row: ApiBudget | None, mine: list[str], now: datetime) -> tuple[list[list[Any]], float]:
    """What is still in flight once `mine` has landed; and what the calls cost that overtook it. Each flight carries
    what landed since it began: its own answer may not hold that."""
    flying = _flying(row, now)
    down = [flight for flight in flying if flight[0] in mine]
    cost = sum(flight[1] for flight in down)
    others = [[*flight[:3], flight[3] + cost] for flight in flying if flight[0] not in mine]
    return others, max((flight[3] for flight in down), default=0.0)


def _flying(row: ApiBudget | None, now: datetime) -> list[list[Any]]:
    """[id, cost, until when its answer is waited for, cost of what landed since it began] a call."""
    return [flight for flight in row.flights if flight[2] > now.timestamp()] if row is not None else []


def _row(session: Session, shop_id: str, now: datetime) -> ApiBudget:
    """The row, held; made where there is none."""
    found = _locked(session, shop_id)
    if found is None:
        made = {"available": 0.0, "maximum": 0.0, "restore_rate": 0.0, "flights": [], "heard_at": now}
        insert = db.insert(session, ApiBudget).values(shop_id=shop_id, **made)
        session.execute(insert.on_conflict_do_nothing(index_elements=["shop_id"]))
        found = _locked(session, shop_id)
    if found is None:
        raise LookupError(f"the budget of {shop_id} can't be seen")
    return found


def _locked(session: Session, shop_id: str) -> ApiBudget | None:
    return session.scalar(sa.select(ApiBudget).where(ApiBudget.shop_id == shop_id).with_for_update())
