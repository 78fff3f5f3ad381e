"""Money for finance: what each shop owes, closings with their statements, payout batches. Reading only."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts.tables import PayoutBatch
from connector.earnings.settlement import funding, invoices
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.funding import BUCKETS, Bucket
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.errors import NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.programme.creators import queries as creators_of
from connector.web import keyset, moments
from connector.web.guards import staff
from connector.web.layout import page

MOST = 500  # statements on the page of a closing


@dataclass(slots=True)
class Owed:
    """One shop's sums in one currency."""

    shop_id: str
    currency: str
    pending: int = 0
    cleared: int = 0
    settled: int = 0
    in_transit: int = 0
    paid: int = 0


@blueprint.get("/money")
@staff("finance")
def money() -> str:
    with db.read(Scope.system(WHY)) as session:
        owed = _owed(ledger.balances(session))
        apart = {currency: total for currency, total in _sums(ledger.accounts(session)).items() if total != 0}
        closings = keyset.read(session, "closings", sa.select(Closing), (Closing.closed_at, Closing.id), per_page=20)
        batches = session.scalars(sa.select(PayoutBatch).order_by(PayoutBatch.prepared_at.desc()).limit(20)).all()
        shops = shops_by_id(session, {each.shop_id for each in owed} | {each.shop_id for each in closings.rows})
        owing = _owing(session)
    return page(
        "console/money.html", owed=owed, apart=apart, closings=closings, batches=batches, shops=shops, owing=owing
    )


def _owing(session: Session) -> dict[str, dict[Bucket, int]]:
    """Currency → what merchants still owe, by how late."""
    today = clock.now().astimezone(moments.zone()).date()
    sums: dict[str, dict[Bucket, int]] = {}
    for account in funding.accounts(session, today, only_open=True):
        total = sums.setdefault(account.currency, dict.fromkeys(BUCKETS, 0))
        for name, amount in account.ageing(today).items():
            total[name] += amount
    return sums


def _owed(balances: list[ledger.Balance]) -> list[Owed]:
    found: dict[tuple[str, str], Owed] = {}
    for each in balances:
        row = found.setdefault((each.shop_id, each.currency), Owed(each.shop_id, each.currency))
        row.pending += each.pending
        row.cleared += each.cleared
        row.settled += each.settled
        row.in_transit += each.in_transit
        row.paid += each.paid
    return list(found.values())


def _sums(accounts: dict[tuple[str, str, str], int]) -> dict[str, int]:
    """currency → sum over all accounts, which must be zero."""
    totals: dict[str, int] = {}
    for (_, currency, _), amount in accounts.items():
        totals[currency] = totals.get(currency, 0) + amount
    return totals


@blueprint.get("/money/closings/<closing_id>")
@staff("finance")
def closing(closing_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        found = session.get(Closing, closing_id)
        if found is None:
            raise NotFound(f"no closing has the id {closing_id[:40]!r}")
        own = sa.select(Statement).where(Statement.closing_id == closing_id)
        statements = session.scalars(own.order_by(Statement.total.desc(), Statement.id).limit(MOST)).all()
        every = session.scalar(sa.select(sa.func.count()).select_from(own.subquery())) or 0
        invoice = settlement.invoice_of(session, closing_id)
        lines: dict[str, int] = {
            row[0]: row[1]
            for row in session.execute(
                sa.select(StatementLine.statement_id, sa.func.count())
                .where(StatementLine.statement_id.in_([each.id for each in statements]))
                .group_by(StatementLine.statement_id)
            )
        }
        people = creators_of.some(session, {each.creator_id for each in statements})
        shops = shops_by_id(session, {found.shop_id})
    return page(
        "console/closing.html", closing=found, statements=statements, lines=lines, people=people,
        shop=shops.get(found.shop_id), invoice=invoice, number=invoices.number_text, more=every - len(statements),
    )  # fmt: skip
