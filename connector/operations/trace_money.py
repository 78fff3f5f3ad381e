"""The later half of a trace: when a line's money clears and what holds it, statements, invoices, reserves, payouts.

Shapes as `trace.py` describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.earnings.commission import clearance, freezes
from connector.earnings.commission.tables import Clearance, ClearanceBlock, Freeze
from connector.earnings.ledger.queries import BookedEntry
from connector.earnings.payouts import queries as payouts
from connector.earnings.payouts import reached
from connector.earnings.payouts.tables import Payout, PayoutEvent
from connector.earnings.settlement import funding, periods
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.queries import SettledLine
from connector.earnings.settlement.tables import Invoice, InvoiceLine

Named = Mapping[str, dict[str, Any]]


def time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clearances(session: Session, order_id: str) -> dict[str, dict[str, Any]]:
    """Line → when it clears and why then, how that stood before, and everything that held it."""
    blocks: dict[str, list[dict[str, Any]]] = {}
    for block in session.scalars(sa.select(ClearanceBlock).where(ClearanceBlock.order_id == order_id)):
        blocks.setdefault(block.line_ref, []).append(
            {
                "kind": block.kind, "ref": block.ref, "opened_at": time(block.opened_at),
                "closed_at": time(block.closed_at),
            }
        )  # fmt: skip
    past, held = clearance.history(session, order_id), freezes.of_lines(session, order_id)
    paid = reached.paid_lines(session, [order_id])
    return {
        row.line_ref: {
            "state": row.state, "clears_at": time(row.clears_at), "cleared_at": time(row.cleared_at), "why": row.why,
            "blocked": row.blocked.split(), "paid_at": time(paid.get((order_id, row.line_ref))),
            "blocks": blocks.get(row.line_ref, []),
            "freezes": [_freeze(each) for each in held.get(row.line_ref, [])],
            "history": [
                {
                    "clears_at": time(each.clears_at), "why": each.why, "blocked": each.blocked.split(),
                    "until": time(each.until),
                }
                for each in past.get(row.line_ref, [])
            ],
        }
        for row in session.scalars(sa.select(Clearance).where(Clearance.order_id == order_id))
    }  # fmt: skip


def _freeze(row: Freeze) -> dict[str, Any]:
    return {
        "id": row.id, "scope": row.scope, "reason": row.reason, "frozen_at": time(row.frozen_at),
        "frozen_by": row.frozen_by, "appeal_until": time(row.appeal_until), "ends_at": time(row.ends_at),
        "appealed_at": time(row.appealed_at), "ended_at": time(row.ended_at), "ended_why": row.ended_why,
    }  # fmt: skip


def fee(entries: Iterable[BookedEntry]) -> int:
    """The app's fee as it stands on this order."""
    return -sum(amount for entry in entries if entry.kind == "fee" for account, amount in entry.sides
                if account == "app_fee")  # fmt: skip


def absorbed(entries: Iterable[BookedEntry]) -> int:
    """What the app bears of refunds that came after a payout."""
    return sum(amount for entry in entries if entry.kind == "absorption" for account, amount in entry.sides
               if account == "loss_absorbed")  # fmt: skip


def statements(
    session: Session, order: Order, settled: Sequence[SettledLine], people: Named, videos: Named
) -> list[dict[str, Any]]:
    """Each line of a statement; `waits` is what of the whole statement waits for the merchant's money."""
    waiting = _waiting(session, order, settled)
    return [
        {
            "id": line.statement.id, "period": line.statement.period, "closed_at": time(line.statement.closed_at),
            "creator": people.get(line.statement.creator_id), "line_ref": line.line_ref,
            "content": videos.get(line.content_id or ""), "amount": line.amount, "total": line.statement.total,
            "carried": line.statement.carried, "reserved": line.statement.reserved,
            "released": line.statement.released,
            "waits": waiting.get((line.statement.id, line.statement.creator_id), 0),
        }
        for line in settled
    ]  # fmt: skip


def _waiting(session: Session, order: Order, settled: Sequence[SettledLine]) -> dict[tuple[str, str], int]:
    if not settled:
        return {}
    if not funding.gated(session, shops.get(session, order.shop_id), clock.now()):
        return {}
    return funding.unfunded_statements(session, order.shop_id, order.currency)


def invoices(session: Session, order: Order) -> list[dict[str, Any]]:
    """The merchant's invoices that name this order: what each asks for it, and what is paid of the whole."""
    rows = settlement.invoiced(session, order.id)
    if not rows:
        return []
    today = _today(session, order)
    account = funding.account(session, order.shop_id, order.currency, today)
    stands = {each.invoice.id: each for each in account.standings}
    return [_invoice(invoice, line, stands.get(invoice.id)) for invoice, line in rows]


def _today(session: Session, order: Order) -> date:
    return clock.now().astimezone(periods.zone_of(shops.get(session, order.shop_id).time_zone)).date()


def _invoice(invoice: Invoice, line: InvoiceLine, stands: funding.Standing | None) -> dict[str, Any]:
    return {
        "id": invoice.id, "number": invoice.number, "period": invoice.period, "issued_at": time(invoice.issued_at),
        "due_on": invoice.due_on.isoformat(), "total": invoice.total, "commission": line.commission,
        "absorbed": line.absorbed, "fee": line.fee, "paid": stands.paid if stands else 0,
        "state": stands.state if stands else "due",
    }  # fmt: skip


def reserves(session: Session, settled: Sequence[SettledLine], people: Named) -> list[dict[str, Any]]:
    """What is kept back of the statements that this order is in: a share of the whole, never of one order."""
    rows = settlement.reserves_of(session, {line.statement.id for line in settled}) if settled else []
    return [
        {
            "statement_id": row.statement_id, "creator": people.get(row.creator_id), "amount": row.amount,
            "due_at": time(row.due_at), "released_in": row.released_in,
        }
        for row in rows
    ]  # fmt: skip


def paid_out(session: Session, order: Order, settled: Sequence[SettledLine], people: Named) -> list[dict[str, Any]]:
    """Payouts that may hold some of this order's money: those after the first statement it is in."""
    since: dict[str, datetime] = {}
    for line in settled:
        since.setdefault(line.statement.creator_id, line.statement.closed_at)
    if not since:
        return []
    rows = [
        row for row in payouts.of_creators(session, order.shop_id, since, order.currency)
        if row.created_at >= since[row.creator_id]
    ]  # fmt: skip
    heard = payouts.events_of(session, {row.id for row in rows})
    return [_payout(row, people, heard.get(row.id, [])) for row in rows]


def _payout(row: Payout, people: Named, heard: Sequence[PayoutEvent]) -> dict[str, Any]:
    converted = None
    if row.pay_currency and row.pay_currency != row.currency:
        converted = {
            "currency": row.pay_currency, "amount": row.pay_amount, "rate": row.rate, "source": row.rate_source,
            "at": time(row.rate_at),
        }  # fmt: skip
    return {
        "id": row.id, "batch_id": row.batch_id, "creator": people.get(row.creator_id), "amount": row.amount,
        "status": row.status, "created_at": time(row.created_at), "paid_at": time(row.paid_at),
        "converted": converted, "reason": row.outcome_reason, "rail_ref": row.rail_ref,
        "events": [
            {"outcome": each.outcome, "reason": each.reason, "detail": each.detail, "at": time(each.occurred_at)}
            for each in heard
        ],
    }  # fmt: skip
