"""A closing is booked in pieces of some thousand rows, a transaction each, so that deliveries get in between.

    begin    the period is taken: what will be booked is written down, to the last amount, in one short transaction
    book     a piece: ledger entries, lines of statements, lines of the invoice. Booked once, by whoever comes
    finish   when no piece is left: closing, statements, reserves and the numbered invoice appear, in one transaction

What is written down is what is booked, whatever is heard meanwhile: a refund that comes between two pieces is a new
line of the next statement, as one after the closing (F6). Killed anywhere, whoever comes next goes on with the first
piece that isn't booked; the result is the same. Until the finish nobody sees a statement or an invoice, and no payout
is made from the shop's balances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.ledger import journal, outstanding
from connector.earnings.ledger.entry import Draft, line_subject, moved
from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement import invoices, reserves
from connector.earnings.settlement.invoices import Row
from connector.earnings.settlement.plan import Part, Plan
from connector.earnings.settlement.reserves import Release
from connector.earnings.settlement.tables import (
    Closing,
    ClosingPiece,
    ClosingRun,
    InvoiceLine,
    Reserve,
    Statement,
    StatementLine,
)
from connector.errors import Conflict

ROWS = 1_000  # of a piece: a tenth of a second on SQLite, whose only writer it holds
_CHUNK = 500
_FIELDS = attrgetter(*(each.name for each in fields(Unsettled)))


class BalancesMoved(Conflict):
    """A balance that the plan starts from is another one now: plan again, and begin with that."""


# ------------------------------------------------------------------ begin


@dataclass(frozen=True, slots=True)
class Cut:
    """A plan and its pieces, as they will be written down: made before the transaction, as it takes a second."""

    plan: Plan
    pieces: list[dict[str, Any]]


def cut(plans: Sequence[Plan]) -> list[Cut]:
    return [Cut(plan, list(_cut(plan))) for plan in plans]


def begin(session: Session, cuts: Sequence[Cut], by: str) -> list[ClosingRun]:
    """Take the period: write down what will be booked. The caller holds the shop's row and has checked the period.

    Errors: BalancesMoved when somebody was paid since the plans were made, or brought a balance along.
    """
    runs = []
    for plan, made in ((each.plan, each.pieces) for each in cuts):
        settled = outstanding.settled_at(session, plan.shop_id, plan.currency)
        if any(settled.get(part.creator_id, 0) != part.carried + part.opening for part in plan.parts):
            raise BalancesMoved("a balance has changed since the closing was worked out: work it out again")
        run = ClosingRun(
            id=new_id("cls"), shop_id=plan.shop_id, currency=plan.currency, period=plan.period.name,
            starts_at=plan.period.starts_at, ends_at=plan.period.ends_at, closed_at=plan.as_of, closed_by=by,
            total=plan.total, invoice_id=new_id("inv") if plan.bill.rows else None, bill=plan.bill.sums(),
            reserve_days=settings.whole(session, plan.shop_id, "reserve_days", plan.period.ends_at),
            begun_at=clock.wall(),
        )  # fmt: skip
        session.add(run)
        session.flush()
        rows = [{"run_id": run.id, "number": n, "booked_at": None, **piece} for n, piece in enumerate(made, 1)]
        if rows:
            session.connection().execute(sa.insert(ClosingPiece), rows)
        runs.append(run)
    return runs


def _cut(plan: Plan) -> Iterator[dict[str, Any]]:
    """The plan in pieces. A statement's head stands in the piece in which its lines begin."""
    pending = {(bonus.creator_id, bonus.subject, bonus.content_id) for bonus in plan.bonuses}
    heads: list[Any] = []
    lines: list[Any] = []
    for part in plan.parts:
        statement_id = new_id("stm")
        heads.append(_head(statement_id, part))
        for line in part.lines:
            if len(lines) >= ROWS:
                yield {"statements": heads, "lines": lines, "bill": []}
                heads, lines = [], []
            clears = (line.creator_id, line.subject, line.content_id) in pending
            lines.append([statement_id, clears, *_FIELDS(line)])
    if heads or lines:
        yield {"statements": heads, "lines": lines, "bill": []}
    rows = [[row.subject, row.kind, row.order_id, row.commission, row.absorbed, row.fee] for row in plan.bill.rows]
    for start in range(0, len(rows), ROWS):
        yield {"statements": [], "lines": [], "bill": rows[start : start + ROWS]}


def _head(statement_id: str, part: Part) -> dict[str, Any]:
    return {
        "id": statement_id, "creator_id": part.creator_id, "total": part.total, "carried": part.carried,
        "corrections": part.corrections, "opening": part.opening, "reserved": part.reserved, "released": part.released,
        "releases": [[release.statement_id, release.amount] for release in part.releases],
    }  # fmt: skip


# ------------------------------------------------------------------ book


def under_way(session: Session, shop_id: str | None = None) -> list[ClosingRun]:
    """Closings that have begun and not finished, of one shop or of all; by shop and currency."""
    query = sa.select(ClosingRun).order_by(ClosingRun.shop_id, ClosingRun.currency)
    return list(session.scalars(query if shop_id is None else query.where(ClosingRun.shop_id == shop_id)))


def being_closed(session: Session) -> set[str]:
    """The shops whose closing is under way."""
    return set(session.scalars(sa.select(ClosingRun.shop_id).distinct()))


def statements_to_be(session: Session) -> set[str]:
    """Ids of the statements of closings under way: entries and lines may name them, and they aren't there yet."""
    return {head["id"] for heads in session.scalars(sa.select(ClosingPiece.statements)) for head in heads}


def progress(session: Session, shop_id: str) -> tuple[int, int]:
    """(pieces booked, pieces) of a shop's closing under way; (0, 0): none is."""
    query = (
        sa.select(sa.func.count(ClosingPiece.booked_at), sa.func.count())
        .join(ClosingRun, ClosingRun.id == ClosingPiece.run_id)
        .where(ClosingRun.shop_id == shop_id)
    )
    booked, pieces = session.execute(query).one()
    return int(booked), int(pieces)


def waiting(session: Session, run_id: str) -> list[int]:
    """The numbers of the pieces that aren't booked yet."""
    query = sa.select(ClosingPiece.number).where(ClosingPiece.run_id == run_id, ClosingPiece.booked_at.is_(None))
    return list(session.scalars(query.order_by(ClosingPiece.number)))


class Ready:
    """A piece, read and made into rows before the transaction that books it."""

    def __init__(self, run: ClosingRun, piece: ClosingPiece) -> None:
        self.run_id, self.number = run.id, piece.number
        self.lines: list[dict[str, Any]] = []
        self.drafts: list[Draft] = []
        self.order_ids: set[str] = set()
        for statement_id, clears, *said in piece.lines:
            line = Unsettled(*said)
            self.lines.append(_line(statement_id, line))
            if clears:
                self.drafts.append(_bonus_clears(run, line))
            self.drafts.append(_settles(run, statement_id, line))
            if line.order_id:
                self.order_ids.add(line.order_id)
        for head in piece.statements:
            self.drafts.extend(
                reserves.drafts(
                    run, head["id"], head["creator_id"], head["reserved"],
                    [Release(kept_by, head["creator_id"], amount) for kept_by, amount in head["releases"]],
                )
            )  # fmt: skip
        self.bill = [invoices.line_of(run.invoice_id or "", Row(*row)) for row in piece.bill]


def ready(session: Session, run: ClosingRun, number: int) -> Ready | None:
    """A piece as it will be booked; None when it was, or the closing has finished."""
    piece = session.get(ClosingPiece, (run.id, number))
    return None if piece is None or piece.booked_at is not None else Ready(run, piece)


def book(session: Session, piece: Ready) -> bool:
    """Book a piece in the caller's transaction; False when another had it first.

    Errors: Conflict when a delivery took the next number of a line's entries meanwhile: repeat it.
    """
    query = sa.select(ClosingPiece.booked_at).where(
        ClosingPiece.run_id == piece.run_id, ClosingPiece.number == piece.number
    )
    held = session.execute(query.with_for_update()).one_or_none()
    if held is None or held[0] is not None:
        return False
    _lock_orders(session, piece.order_ids)
    connection = session.connection()  # past the unit of work: a large shop has a hundred thousand lines
    if piece.lines:
        connection.execute(sa.insert(StatementLine), piece.lines)
    if piece.bill:
        connection.execute(sa.insert(InvoiceLine), piece.bill)
    journal.post_all(session, piece.drafts)
    session.execute(
        sa.update(ClosingPiece)
        .where(ClosingPiece.run_id == piece.run_id, ClosingPiece.number == piece.number)
        .values(booked_at=clock.wall())
    )
    return True


def _lock_orders(session: Session, order_ids: set[str]) -> None:
    """As intake does: nobody else numbers entries of these lines now. SQLite has one writer, and that is us."""
    if session.get_bind().dialect.name == "sqlite":
        return
    ordered = sorted(order_ids)
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        session.execute(sa.select(Order.id).where(Order.id.in_(chunk)).order_by(Order.id).with_for_update())


def _line(statement_id: str, line: Unsettled) -> dict[str, Any]:
    return {
        "id": new_id("stl"), "statement_id": statement_id, "kind": invoices.kind_of(line),
        "order_id": line.order_id, "line_ref": line.subject or line.line_ref, "content_id": line.content_id,
        "amount": line.amount, "correction": line.again,
    }  # fmt: skip


def _settles(run: ClosingRun, statement_id: str, line: Unsettled) -> Draft:
    subject = line.subject or line_subject(line.order_id, line.line_ref)
    return Draft(
        reference=f"settle:{run.id}:{subject}:{line.creator_id}:{line.content_id or '-'}", subject=subject,
        kind="settlement", shop_id=run.shop_id, currency=run.currency, reason="period_closed",
        occurred_at=run.closed_at, order_id=line.order_id or None, line_ref=line.line_ref or None,
        creator_id=line.creator_id, content_id=line.content_id, statement_id=statement_id,
        postings=moved("creator_cleared", "creator_settled", line.amount, line.creator_id, line.content_id),
    )  # fmt: skip


def _bonus_clears(run: ClosingRun, bonus: Unsettled) -> Draft:
    """A bonus was counted when its event closed: no hold is left for it."""
    return Draft(
        reference=f"clear:{bonus.subject}:{run.period}:{bonus.creator_id}:{bonus.content_id or '-'}",
        subject=bonus.subject, kind="clearance", shop_id=run.shop_id, currency=run.currency, reason="bonus",
        occurred_at=run.closed_at, creator_id=bonus.creator_id, content_id=bonus.content_id,
        postings=moved("creator_pending", "creator_cleared", bonus.amount, bonus.creator_id, bonus.content_id),
    )  # fmt: skip


# ------------------------------------------------------------------ finish


def finish(session: Session, shop: Shop) -> list[Closing]:
    """Let a shop's booked closing appear, one a currency. The caller holds the shop's row. []: another finished it.

    Errors: Conflict when a piece isn't booked yet.
    """
    runs = under_way(session, shop.id)
    if any(waiting(session, run.id) for run in runs):
        raise Conflict("the closing isn't booked to its end yet: go on with it")
    done = [_appear(session, run) for run in runs]
    # Last: the number series is locked from here to the end of the transaction.
    for run, closing in zip(runs, done, strict=True):
        if run.invoice_id is not None:
            made = invoices.issue(session, closing, run.invoice_id, run.bill, shop.time_zone)
            notices.say(
                session, "invoice.issued", shop_id=shop.id, invoice_id=made.id,
                number=invoices.number_text(made.number),
                period=run.period, currency=run.currency, total=made.total, due_on=made.due_on.isoformat(),
            )  # fmt: skip
        audit.record(
            session, run.closed_by, "period.close", closing.id, shop_id=shop.id, period=run.period,
            currency=run.currency, total=run.total, as_of=run.closed_at.isoformat(),
        )  # fmt: skip
        session.execute(sa.delete(ClosingPiece).where(ClosingPiece.run_id == run.id))
        session.delete(run)
    session.flush()
    return done


def _appear(session: Session, run: ClosingRun) -> Closing:
    closing = Closing(
        id=run.id, shop_id=run.shop_id, currency=run.currency, period=run.period, starts_at=run.starts_at,
        ends_at=run.ends_at, closed_at=run.closed_at, closed_by=run.closed_by, total=run.total,
    )  # fmt: skip
    session.add(closing)
    session.flush()
    query = sa.select(ClosingPiece.statements).where(ClosingPiece.run_id == run.id).order_by(ClosingPiece.number)
    heads = [head for some in session.scalars(query) for head in some]
    connection = session.connection()
    if heads:
        connection.execute(sa.insert(Statement), [_statement(run, head) for head in heads])
    kept = [_reserve(run, head) for head in heads if head["reserved"]]
    if kept:
        connection.execute(sa.insert(Reserve), kept)
    ready = [
        {
            "creator_id": head["creator_id"], "shop_id": run.shop_id, "statement_id": head["id"], "period": run.period,
            "currency": run.currency, "total": head["total"],
        }
        for head in heads
    ]  # fmt: skip
    notices.say_all(session, "statement.ready", ready)
    for head in heads:
        reserves.let_go(session, head["id"], [kept_by for kept_by, _ in head["releases"]])
    return closing


def _statement(run: ClosingRun, head: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in head.items() if name != "releases"}
    return {
        **told, "closing_id": run.id, "shop_id": run.shop_id, "currency": run.currency, "created_at": run.closed_at,
    }  # fmt: skip


def _reserve(run: ClosingRun, head: Mapping[str, Any]) -> dict[str, Any]:
    due_at: datetime = run.ends_at + timedelta(days=run.reserve_days)
    return {
        "statement_id": head["id"], "shop_id": run.shop_id, "creator_id": head["creator_id"], "currency": run.currency,
        "amount": head["reserved"], "due_at": due_at, "released_in": None,
    }  # fmt: skip
