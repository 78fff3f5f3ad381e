"""One worker a shop: a claim is a lease, renewed by every batch in the batch's own transaction.

Renewing locks the claim's row (PostgreSQL) or the database's only writer (SQLite) until the batch is committed. So a
claim can run out between two batches, when its worker was killed or hangs, and never in the middle of one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import Scope
from connector.errors import Conflict
from connector.webhooks.tables import ShopClaim

Work = Literal["drain", "read"]
# A batch is over in two seconds; what a killed worker held waits so long.
LEASE = timedelta(seconds=10)
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


class ClaimLost(Conflict):
    """Another worker has the shop: whatever this one was about to commit is undone."""


@dataclass(frozen=True, slots=True)
class Claim:
    shop_id: str
    work: Work
    owner: str

    def hold(self, session: Session) -> None:
        """Renew inside the caller's transaction, first thing. Errors: ClaimLost."""
        held = session.execute(self._mine().values(until=clock.wall() + LEASE).returning(ShopClaim.owner)).first()
        if held is None:
            raise ClaimLost(f"{self.shop_id}: another worker claimed it")

    def renew(self) -> None:
        """A heartbeat of its own, for work between transactions. Errors: ClaimLost."""
        with db.write(Scope.shop(self.shop_id)) as session:
            self.hold(session)

    def release(self) -> None:
        with db.write(Scope.shop(self.shop_id)) as session:
            session.execute(self._mine().values(until=_NEVER))

    def _mine(self) -> sa.Update:
        return sa.update(ShopClaim).where(
            ShopClaim.shop_id == self.shop_id, ShopClaim.work == self.work, ShopClaim.owner == self.owner
        )


def take(shop_id: str, work: Work, owner: str) -> Claim | None:
    """The shop's claim, or None while another worker has it. Never waits for that worker.

    The owner gets a random part, so that two threads of one process are two owners.
    """
    claim = Claim(shop_id, work, f"{owner}/{secrets.token_hex(4)}")
    now = clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        blank = db.insert(session, ShopClaim).values(shop_id=shop_id, work=work, owner="", until=_NEVER)
        session.execute(blank.on_conflict_do_nothing(index_elements=["shop_id", "work"]))
        free = session.scalar(
            sa.select(ShopClaim.shop_id)
            .where(ShopClaim.shop_id == shop_id, ShopClaim.work == work, ShopClaim.until < now)
            .with_for_update(skip_locked=True)
        )
        if free is None:
            return None
        session.execute(
            sa.update(ShopClaim)
            .where(ShopClaim.shop_id == shop_id, ShopClaim.work == work)
            .values(owner=claim.owner, until=now + LEASE)
        )
    return claim
