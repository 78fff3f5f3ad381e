"""What settlement and payouts did, as their own records tell it: inputs of a rebuild, added to its balances."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.payouts.tables import BankExchange, BankExchangePart, Payout
from connector.earnings.settlement.tables import Receipt, Reserve, Statement, StatementLine
from connector.operations.imports.tables import ImportRow, ImportTaken
from connector.operations.rebuild.difference import Verified
from connector.operations.rebuild.tally import Tally
from connector.programme.creators import queries as creators


def add_up(session: Session, tally: Tally, done: Verified, shop_id: str | None) -> None:
    """Everything that carries money on after it was earned, of one shop or of all. Sums: one row a creator and kind."""
    _statements(session, tally, shop_id)
    _reserves(session, tally, shop_id)
    _receipts(session, tally, shop_id)
    _openings(session, tally, done, shop_id)
    _payouts(session, tally, shop_id)
    _exchanges(session, tally, shop_id)


def _statements(session: Session, tally: Tally, shop_id: str | None) -> None:
    key = (Statement.shop_id, Statement.currency, Statement.creator_id, StatementLine.kind)
    query = (
        sa.select(*key, sa.func.sum(StatementLine.amount))
        .join(StatementLine, StatementLine.statement_id == Statement.id)
        .group_by(*key)
    )
    for shop, currency, creator_id, kind, amount in session.execute(_of(query, Statement.shop_id, shop_id)):
        if kind == "bonus":
            tally.bonus_cleared(shop, currency, creator_id, int(amount))
        tally.settled(shop, currency, creator_id, int(amount))


def _reserves(session: Session, tally: Tally, shop_id: str | None) -> None:
    key = (Reserve.shop_id, Reserve.currency, Reserve.creator_id)
    query = sa.select(*key, sa.func.sum(Reserve.amount)).where(Reserve.released_in.is_(None)).group_by(*key)
    for shop, currency, creator_id, amount in session.execute(_of(query, Reserve.shop_id, shop_id)):
        tally.reserved(shop, currency, creator_id, int(amount))


def _receipts(session: Session, tally: Tally, shop_id: str | None) -> None:
    key = (Receipt.shop_id, Receipt.currency)
    query = sa.select(*key, sa.func.sum(Receipt.amount)).group_by(*key)
    for shop, currency, amount in session.execute(_of(query, Receipt.shop_id, shop_id)):
        tally.received(shop, currency, int(amount))


def _openings(session: Session, tally: Tally, done: Verified, shop_id: str | None) -> None:
    query = (
        sa.select(ImportTaken.shop_id, ImportRow.said)
        .join(
            ImportRow, sa.and_(ImportRow.import_id == ImportTaken.import_id, ImportRow.number == ImportTaken.number)
        )
        .where(ImportTaken.kind == "balances")
    )  # fmt: skip
    for shop, said in session.execute(_of(query, ImportTaken.shop_id, shop_id)):
        creator = creators.by_handle(session, said["creator"])
        if creator is None:
            done.leave_out("opening balances of creators whose handle is another one now")
            continue
        tally.opening(shop, said["currency"], creator.id, int(said["amount"]))


def _payouts(session: Session, tally: Tally, shop_id: str | None) -> None:
    key = (
        Payout.shop_id, Payout.currency, Payout.creator_id, Payout.status, Payout.through_fx, Payout.pay_currency,
    )  # fmt: skip
    query = sa.select(*key, sa.func.sum(Payout.amount), sa.func.sum(Payout.pay_amount)).group_by(*key)
    rows = session.execute(_of(query, Payout.shop_id, shop_id))
    for shop, currency, creator_id, status, through_fx, paid_in, amount, left in rows:
        if through_fx and status == "paid":
            tally.converted(shop, creator_id, (int(amount), currency), (int(left), paid_in))
        else:
            tally.payout(shop, currency, creator_id, int(amount), status)


def _exchanges(session: Session, tally: Tally, shop_id: str | None) -> None:
    part, of = BankExchangePart, BankExchange
    key = (part.shop_id, of.sold_currency, of.bought_currency)
    sums = (sa.func.sum(part.sold), sa.func.sum(part.bought), sa.func.sum(part.covers))
    query = sa.select(*key, *sums).join(of, of.id == part.exchange_id).group_by(*key)
    for shop, sold_in, bought_in, sold, bought, covers in session.execute(_of(query, part.shop_id, shop_id)):
        tally.exchanged(shop, (int(sold), sold_in), (int(bought), bought_in), int(covers))


def _of(query: Any, column: Any, shop_id: str | None) -> Any:
    return query if shop_id is None else query.where(column == shop_id)
