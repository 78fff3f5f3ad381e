"""A shop, creators and lines put straight into the tables, for tests of what happens after intake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop, ShopSetting
from connector.db import Database, Scope, new_id
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance
from connector.earnings.ledger import journal, queries
from connector.earnings.ledger.entry import Draft, DraftPosting, line_subject, owed
from connector.earnings.ledger.queries import Balance
from connector.earnings.payouts import batch
from connector.earnings.payouts.tables import PayoutBatch
from connector.earnings.settlement import clear, close
from connector.earnings.settlement.periods import Period, period
from connector.earnings.settlement.tables import Closing
from connector.programme.creators import register
from tests.payees.details import payable

Row = TypeVar("Row")
SYSTEM = Scope.system("tests")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def month_of(moment: datetime, time_zone: str) -> Period:
    """The month that `moment` lies in, by the zone's own calendar."""
    local = moment.astimezone(ZoneInfo(time_zone))
    return period(f"{local.year:04d}-{local.month:02d}", time_zone)


@dataclass(frozen=True)
class LineOfOrder:
    order_id: str
    line_ref: str
    shop_id: str
    creator_id: str
    currency: str


class Books:
    """Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def shop(self, currency: str = "USD", time_zone: str = "UTC", *, advance: bool = True) -> str:
        """A shop whose creators are paid in advance of its merchant's money, or else once it came."""
        shop_id = new_id("shp")
        at = utc("2026-01-01")
        with self.database.write(SYSTEM) as session:
            session.add(
                Shop(id=shop_id, platform="shopify", domain=f"{shop_id[-8:]}.myshopify.com", name="Harbour & Pine",
                     currency=currency, time_zone=time_zone, installed_at=at, created_at=at)
            )  # fmt: skip
            session.flush()
            if advance:
                session.add(
                    ShopSetting(id=new_id("set"), shop_id=shop_id, name="payout_when", value="advance", starts_at=at,
                                recorded_at=at, recorded_by="test")
                )  # fmt: skip
        return shop_id

    def creator(self, handle: str) -> str:
        with self.database.write(SYSTEM) as session:
            creator = register.register(session, handle, handle.title(), 5000, utc("2026-01-01"))
            payable(session, creator.id)
            return creator.id

    def line(
        self,
        shop_id: str,
        creator_id: str,
        amount: int,
        *,
        clears_at: datetime | None,
        currency: str = "USD",
        placed_at: datetime | None = None,
        pinned: bool = True,
        blocked: str = "",
        why: str = "delivered",
    ) -> LineOfOrder:
        """An order of one line that earned `amount`, pending."""
        placed_at = placed_at or (clears_at or utc("2026-11-01")) - timedelta(days=15)
        line = LineOfOrder(new_id("ord"), "1", shop_id, creator_id, currency)
        with self.database.write(SYSTEM) as session:
            session.add(
                Order(id=line.order_id, shop_id=shop_id, order_ref=line.order_id[4:], number="#1", currency=currency,
                      placed_at=placed_at, changed_at=placed_at, triggered_at=placed_at, content_hash="h",
                      snapshot="{}", refunds="[]", carriers="[]", added_units={}, lines_first_seen={},
                      line_products={},
                      oldest_changed_at=placed_at, first_seen_at=placed_at)
            )  # fmt: skip
            session.add(
                DecisionRow(id=new_id("dec"), order_id=line.order_id, shop_id=shop_id, line_ref="1",
                            credit_reason="last_click_direct", rate_reason="rate_open", creator_id=creator_id,
                            rate_bp=1000, evidence={}, decided_at=placed_at,
                            pinned_at=placed_at + timedelta(hours=24) if pinned else None)
            )  # fmt: skip
            session.add(
                Clearance(order_id=line.order_id, line_ref="1", shop_id=shop_id, clears_at=clears_at, why=why,
                          blocked=blocked, updated_at=placed_at)
            )  # fmt: skip
        self.earn(line, amount, placed_at)
        return line

    def earn(self, line: LineOfOrder, amount: int, at: datetime) -> None:
        """What accrual does with a change of a line's due (F6): pending while it is open, cleared from then on."""
        with self.database.write(SYSTEM) as session:
            clearance = session.get_one(Clearance, (line.order_id, line.line_ref))
            account = "creator_cleared" if clearance.state == "cleared" else "creator_pending"
            subject = line_subject(line.order_id, line.line_ref)
            journal.post(
                session,
                Draft(
                    reference=f"due:{new_id('x')}", subject=subject, kind="accrual" if amount > 0 else "reversal",
                    shop_id=line.shop_id, currency=line.currency, reason="due_changed", occurred_at=at,
                    order_id=line.order_id, line_ref=line.line_ref, creator_id=line.creator_id,
                    postings=(DraftPosting("merchant_receivable", amount), owed(account, amount, line.creator_id)),
                ),
            )  # fmt: skip

    def follow(self, line: LineOfOrder, at: datetime, **facts: object) -> None:
        """What `clearance.follow` does when the facts of a line change."""
        with self.database.write(SYSTEM) as session:
            clearance = session.get_one(Clearance, (line.order_id, line.line_ref))
            for name, value in facts.items():
                setattr(clearance, name, value)
            clearance.updated_at = at

    def clear(self, shop_id: str, as_of: datetime, limit: int = clear.BATCH) -> int:
        with self.database.write(SYSTEM) as session:
            return clear.clear_due(session, shop_id, as_of, limit)

    def close(self, shop_id: str, period: str, as_of: datetime) -> list[Closing]:
        with self.database.write(SYSTEM) as session:
            return close.close_period(session, shop_id, period, as_of, "staff:jo")

    def pay(self, key: str, as_of: datetime, currency: str = "USD", minimum: int | None = None) -> PayoutBatch:
        with self.database.write(SYSTEM) as session:
            return batch.prepare(session, key, currency, as_of, "staff:jo", minimum=minimum)

    def paid(self, batch_id: str, as_of: datetime) -> PayoutBatch:
        with self.database.write(SYSTEM) as session:
            batch.mark_sent(session, batch_id, as_of, "staff:jo")
            return batch.mark_paid(session, batch_id, as_of, "staff:jo")

    def balance(self, creator_id: str, shop_id: str | None = None) -> Balance:
        with self.database.read(SYSTEM) as session:
            found = queries.balances(session, creator_id=creator_id, shop_id=shop_id)
        assert len(found) <= 1, found
        return found[0] if found else Balance(shop_id or "", creator_id, "USD")

    def rows(self, kind: type[Row]) -> list[Row]:
        with self.database.read(SYSTEM) as session:
            # Ids are made in order; without it a database that was used before gives rows as its pages happen to be.
            found = list(session.scalars(sa.select(kind).order_by(*sa.inspect(kind).primary_key)))
            session.expunge_all()
        return found
