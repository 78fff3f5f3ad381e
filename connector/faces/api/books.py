"""Money: balances, accounts, statements, payouts. Every sum is a query over the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.queries import BESIDE
from connector.earnings.payouts import outcomes
from connector.earnings.payouts import queries as payouts
from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.queries import StatementHead
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, key_after, page, paged
from connector.insight.reports import engine
from connector.insight.reports.asked import Asked
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.web.guards import app_scope

_SUMS = ("pending", "cleared", "settled", "reserve", "in_transit", "paid", "owed")


@blueprint.get("/creators/<creator_id>/earnings")
@app_scope("earnings:read")
@blueprint.output(shapes.EarningsShown)
@paged("read_earnings")
def read_earnings(creator_id: str) -> shapes.EarningsShown:
    """What a creator earned: one balance a currency over all shops, the same by shop, and by video or live session"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        rows = ledger.balances(session, creator_id=creator_id)
        return shapes.EarningsShown(
            account=_account(rows), items=_balances(session, rows), by_content=_by_content(session, creator_id)
        )


@blueprint.get("/earnings")
@app_scope("earnings:read")
@blueprint.input(shapes.EarningsAsked, location="query")
@blueprint.output(shapes.BalanceList)
def list_balances(query_data: shapes.EarningsAsked) -> shapes.BalanceList:
    """Balances of all creators per shop and currency"""
    with db.read(Scope.app()) as session:
        if query_data.shop_id is not None:
            shops.get(session, query_data.shop_id)
        key = key_after("list_balances", query_data.cursor, str, str, str)
        after = None if key is None else (str(key[0]), str(key[1]), str(key[2]))
        rows = ledger.balances_behind(session, after, query_data.limit + 1, shop_id=query_data.shop_id)
        shown, more = page(
            "list_balances", rows, query_data.limit, lambda row: [row.shop_id, row.creator_id, row.currency]
        )
        return shapes.BalanceList(items=_balances(session, shown), next=more)


@blueprint.get("/shops/<shop_id>/accounts")
@app_scope("earnings:read")
@blueprint.output(shapes.AccountList)
@paged("list_accounts")
def list_accounts(shop_id: str) -> shapes.AccountList:
    """A shop's ledger accounts per currency; each currency's sum to zero"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        found = sorted(ledger.accounts(session, shop_id=shop.id).items())
        return shapes.AccountList(
            items=[
                shapes.AccountShown(shop_id=of, currency=currency, account=account, amount=amount)
                for (of, currency, account), amount in found
            ]
        )


@blueprint.get("/statements")
@app_scope("earnings:read")
@blueprint.input(shapes.StatementsAsked, location="query")
@blueprint.output(shapes.StatementPage)
def list_statements(query_data: shapes.StatementsAsked) -> shapes.StatementPage:
    """Statements of a shop or a creator, newest first"""
    with db.read(Scope.app()) as session:
        rows = settlement.statements(
            session,
            shop_id=query_data.shop_id,
            creator_id=query_data.creator_id,
            before=id_after("statements", query_data.cursor),
            limit=query_data.limit + 1,
        )
        shown, more = page("statements", rows, query_data.limit, lambda row: [row.id])
        return shapes.StatementPage(items=[shapes.StatementShown(**_statement(row)) for row in shown], next=more)


@blueprint.get("/statements/<statement_id>")
@app_scope("earnings:read")
@blueprint.output(shapes.StatementWhole)
def read_statement(statement_id: str) -> shapes.StatementWhole:
    """One statement with its lines"""
    with db.read(Scope.app()) as session:
        head = settlement.statement(session, statement_id)
        lines = [
            shapes.StatementLineShown(
                kind=line.kind,
                correction=line.correction,
                order_id=line.order_id,
                line_ref=line.line_ref,
                content_id=line.content_id,
                amount=shapes.as_money(line.amount, head.currency),
            )
            for line in settlement.lines(session, head.id)
        ]
        return shapes.StatementWhole(**_statement(head), lines=lines)


@blueprint.get("/payout-batches")
@app_scope("earnings:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(shapes.BatchPage)
def list_payout_batches(query_data: shapes.Page) -> shapes.BatchPage:
    """Payout batches, newest first"""
    with db.read(Scope.app()) as session:
        before = id_after("batches", query_data.cursor)
        rows = payouts.batches(session, before=before, limit=query_data.limit + 1)
        shown, more = page("batches", rows, query_data.limit, lambda row: [row.id])
        return shapes.BatchPage(items=[shapes.BatchShown(**_batch(row)) for row in shown], next=more)


@blueprint.get("/payout-batches/<batch_id>")
@app_scope("earnings:read")
@blueprint.output(shapes.BatchWhole)
def read_payout_batch(batch_id: str) -> shapes.BatchWhole:
    """One payout batch with its payouts, and what it left out and why"""
    with db.read(Scope.app()) as session:
        row = payouts.batch(session, batch_id)
        return shapes.BatchWhole(
            **_batch(row),
            payouts=[_payout(each) for each in payouts.rows(session, row.id)],
            set_aside=[_set_aside(each) for each in payouts.set_aside(session, row.id)],
        )


@blueprint.get("/creators/<creator_id>/payouts")
@app_scope("earnings:read")
@blueprint.input(shapes.LongPage, location="query")
@blueprint.output(shapes.PayoutList)
def list_payouts(creator_id: str, query_data: shapes.LongPage) -> shapes.PayoutList:
    """A creator's payouts, newest first"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        before = id_after("list_payouts", query_data.cursor)
        rows = payouts.of_creator(session, creator_id, before=before, limit=query_data.limit + 1)
        shown, more = page("list_payouts", rows, query_data.limit, lambda row: [row.id])
        return shapes.PayoutList(items=[_payout(row) for row in shown], next=more)


def _account(rows: Sequence[ledger.Balance]) -> list[shapes.CreatorAccount]:
    """Currencies are never added to each other; within one the shops are."""
    found: list[shapes.CreatorAccount] = []
    for currency in sorted({row.currency for row in rows}):
        of_it = [row for row in rows if row.currency == currency]
        sums = {name: shapes.as_money(sum(getattr(row, name) for row in of_it), currency) for name in _SUMS}
        found.append(shapes.CreatorAccount(currency=currency, shops=len({row.shop_id for row in of_it}), **sums))
    return found


def _balances(session: Session, rows: Sequence[ledger.Balance]) -> list[shapes.BalanceShown]:
    people = creators.some(session, {row.creator_id for row in rows})
    return [
        shapes.BalanceShown(
            shop_id=row.shop_id,
            creator_id=row.creator_id,
            handle=people[row.creator_id].handle if row.creator_id in people else "",
            currency=row.currency,
            **{name: shapes.as_money(getattr(row, name), row.currency) for name in _SUMS},
        )
        for row in rows
    ]


def _by_content(session: Session, creator_id: str) -> list[shapes.ContentEarned]:
    found = [
        (row.key, place.currency, row.total.earned)
        for place in engine.read(session, Asked(creator_id=creator_id), ["shop", "content"])
        for row in place.rows
    ]
    known = contents.some(session, {key[1] for key, _, _ in found if key[1] is not None and key[1] not in BESIDE})
    shown = []
    for (shop_id, part), currency, amount in sorted(found, key=lambda each: (each[0][0], each[0][1] or "")):
        content_id, kind = (None, part) if part in BESIDE else (part, None)
        content = known.get(content_id) if content_id is not None else None
        shown.append(
            shapes.ContentEarned(
                shop_id=shop_id,
                content_id=content_id,
                network=content.network if content else None,
                content_ref=content.content_ref if content else None,
                title=content.title if content else None,
                kind=kind,
                earned=shapes.as_money(amount, currency),
            )
        )
    return shown


def _statement(row: StatementHead) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in ("id", "shop_id", "creator_id", "period", "starts_at", "ends_at")}
    return {
        **plain,
        "closed_at": row.closed_at,
        **{
            name: shapes.as_money(getattr(row, name), row.currency)
            for name in ("total", "carried", "corrections", "opening", "reserved", "released", "payable")
        },
    }


def _batch(row: PayoutBatch) -> dict[str, Any]:
    names = ("id", "key", "rail", "status", "rows", "file_name", "prepared_at", "handed_at", "sent_at", "paid_at")
    return {**{name: getattr(row, name) for name in names}, "total": shapes.as_money(row.total, row.currency)}


def _payout(row: Payout) -> shapes.PayoutShown:
    names = ("id", "batch_id", "shop_id", "creator_id", "status", "created_at", "paid_at", "rate_at")
    return shapes.PayoutShown(
        **{name: getattr(row, name) for name in names},
        amount=shapes.as_money(row.amount, row.currency),
        leaves=shapes.as_money(*outcomes.leaves(row)),
        rate=row.rate or None,
        rate_source=row.rate_source or None,
        reason=row.outcome_reason or None,
    )


def _set_aside(row: SetAside) -> shapes.SetAsideShown:
    return shapes.SetAsideShown(
        shop_id=row.shop_id,
        creator_id=row.creator_id,
        amount=shapes.as_money(row.amount, row.currency),
        missing=shapes.as_money(row.missing, row.currency),
        reason=row.reason,
        until=row.until,
    )
