"""The scheduled looks over all shops: which codes have leaked, whose customers buyers have become (F8).

What they find are dated records: they act on orders placed from then on, and never change an earlier one. A shop a
transaction, so that one that fails stops no other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import buyers, leaks

# So many transactions of one shop a round: the rest comes with the next.
MOST_PORTIONS = 50
_log = telemetry.logger(__name__)


def codes(now: datetime | None = None, shop_id: str | None = None) -> int:
    """Flag the codes that have leaked; how many."""
    return _over_shops(leaks.look, now or clock.now(), shop_id, again=False)


def customers(now: datetime | None = None, shop_id: str | None = None) -> int:
    """Write down who has become a returning customer, and whose; how many orders were looked at."""
    return _over_shops(buyers.look, now or clock.now(), shop_id, again=True)


def _over_shops(
    look: Callable[[Session, str, datetime], int], now: datetime, shop_id: str | None, *, again: bool
) -> int:
    with db.read(Scope.system("which shops are looked over")) as session:
        every = [shop_id] if shop_id else list(session.scalars(sa.select(Shop.id).order_by(Shop.id)))
    total = 0
    for each in every:
        try:
            for _ in range(MOST_PORTIONS if again else 1):
                with db.write(Scope.shop(each)) as session:
                    done = look(session, each, now)
                total += done
                if not done:
                    break
        except Exception:
            # The others are looked over all the same; this one is tried again with the next round.
            _log.exception("look.failed", shop_id=each)
    return total
