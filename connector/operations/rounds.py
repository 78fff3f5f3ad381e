"""The rounds of the money over all shops: pin what is final, clear what is due, close a month. A transaction a batch.

A worker does the first two by itself, in a loop that listens to its stop; commands call all three, with a moment of
their own. Shops that left are walked too: their pending money matures on the last known facts (R16). Each batch is
small, so that deliveries get in between, and one that another transaction crossed is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.intake import take_in
from connector.earnings.settlement import clear, close
from connector.earnings.settlement.tables import Closing
from connector.errors import Conflict

T = TypeVar("T")
TRIES = 5


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of a shop's month: its closings, one a currency, or why it wasn't closed."""

    shop_id: str
    domain: str
    closings: tuple[Closing, ...] = ()
    refused: str = ""


def pin_due(as_of: datetime, shop_id: str | None = None) -> int:
    """Make the decisions final whose grace is over; how many orders."""
    return sum(_until_none(one, partial(take_in.pin_due, shop_id=one, as_of=as_of)) for one in _walk(shop_id))


def clear_due(as_of: datetime, shop_id: str | None = None) -> int:
    """Clear every line that is due; how many."""
    return sum(_until_none(one, partial(clear.clear_due, shop_id=one, as_of=as_of)) for one in _walk(shop_id))


def close_period(period: str, as_of: datetime, by: str, shop_id: str | None = None) -> list[Closed]:
    """Close a month of one shop or of all, each in its own transaction; one that refuses doesn't stop the rest."""
    done = []
    for one in _walk(shop_id):
        with db.read(Scope.shop(one)) as session:
            domain = shops.get(session, one).domain
        try:
            closings = _again(one, partial(close.close_period, shop_id=one, name=period, as_of=as_of, by=by))
        except Conflict as refused:
            done.append(Closed(one, domain, refused=refused.public))
        else:
            done.append(Closed(one, domain, tuple(closings)))
    return done


def _walk(shop_id: str | None) -> list[str]:
    if shop_id is not None:
        return [shop_id]
    with db.read(Scope.system("the rounds of the money walk all shops")) as session:
        return [shop.id for shop in shops.every(session)]


def _until_none(shop_id: str, act: Callable[[Session], int]) -> int:
    total = 0
    while done := _again(shop_id, act):
        total += done
    return total


def _again(shop_id: str, act: Callable[[Session], T]) -> T:
    """Run `act` in a transaction; where another one crossed it (a deadlock, a number taken), repeat it a few times."""
    for _ in range(TRIES - 1):
        try:
            with db.write(Scope.shop(shop_id)) as session:
                return act(session)
        except OperationalError:
            continue
        except Conflict as crossed:
            if not isinstance(crossed.__cause__, IntegrityError):
                raise
    with db.write(Scope.shop(shop_id)) as session:
        return act(session)
