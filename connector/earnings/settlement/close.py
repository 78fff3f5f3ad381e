"""Closing a period: cleared money becomes statements for creators and an invoice for the merchant, once.

A line belongs to the period, in the shop's own zone, in which it cleared. A closing names its instant: amounts are what
occurred up to then, so a refund between the end of the period and its closing is taken off at once, and one after it
is a new negative line of the next statement (F6). A total below zero is settled too and carried forward (E25). Nothing
is ever reopened.

`planned` works everything out and writes nothing: a person looks at it first, and the closing itself books just that.
Everything of a shop's closing is one transaction: killed in between, nothing of it stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit
from connector.commerce.orders.tables import Order
from connector.commerce.shops import connect, settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.commission import frozen
from connector.earnings.ledger import journal, outstanding
from connector.earnings.ledger.entry import Draft, line_subject, moved
from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement import invoices, periods, reserves
from connector.earnings.settlement.invoices import Bill
from connector.earnings.settlement.periods import Period
from connector.earnings.settlement.reserves import Release
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.errors import Conflict, NotFound

_CHUNK = 500


@dataclass(slots=True)
class Part:
    """What one creator's statement will say, in minor units."""

    creator_id: str
    lines: list[Unsettled] = field(default_factory=list)
    carried: int = 0
    opening: int = 0
    reserved: int = 0
    releases: list[Release] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def corrections(self) -> int:
        return sum(line.amount for line in self.lines if line.again)

    @property
    def released(self) -> int:
        return sum(release.amount for release in self.releases)


@dataclass(slots=True)
class Plan:
    """What a closing will book in one currency."""

    shop_id: str
    currency: str
    period: Period
    as_of: datetime
    parts: list[Part]
    bonuses: list[Unsettled]  # still pending: they clear with the closing
    bill: Bill

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts)


def close_period(
    session: Session, shop_id: str, name: str, as_of: datetime, by: str, *, token: str = ""
) -> list[Closing]:
    """Close a shop's period in each of its currencies; the closings, one a currency, also where nothing had cleared.

    Two at once: the second waits for the first and is refused.
    Errors: NotFound for the shop; InputRefused for a name that is no period; Conflict when the shop has no such period,
    when it isn't over at `as_of`, when it or a later one is closed already, when the books were closed after `as_of`,
    when the shop's currency changed and nobody has looked at that yet, or when `token` is that of another plan.
    """
    shop = _locked(session, shop_id)
    plans = planned(session, shop_id, name, as_of, ours=True)
    if token and token != token_of(plans):
        raise Conflict("Something changed since the preview: look again. Nothing was booked.")
    closings = [_book(session, plan, shop, by) for plan in plans]
    for closing in closings:
        audit.record(
            session, by, "period.close", closing.id, shop_id=shop_id, period=name, currency=closing.currency,
            total=closing.total, as_of=as_of.isoformat(),
        )  # fmt: skip
    session.flush()
    return closings


def planned(session: Session, shop_id: str, name: str, as_of: datetime, *, ours: bool = False) -> list[Plan]:
    """What closing the period would book, a plan a currency; nothing is written. Errors: as `close_period`.

    `ours`: the caller books it, so the orders are locked and read once more.
    """
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id!r}")
    if changed := connect.currency_sentence(shop):
        raise Conflict(f"{changed} Run `connector shop accept-currency {shop.domain}` when it is right.")
    found = periods.named(name, shop.time_zone, rules(session, shop_id))
    span = _refuse(session, shop_id, found, as_of)
    currencies = sorted({*outstanding.currencies(session, shop_id), shop.currency} - {""})
    return [_plan(session, shop, currency, span, as_of, ours) for currency in currencies]


def rules(session: Session, shop_id: str) -> periods.Changes:
    """A shop's changes of how it closes."""
    return settings.changes(session, shop_id, "closing")


def due(session: Session, shop: Shop, as_of: datetime) -> list[Period]:
    """The periods that are over at `as_of` and not closed yet, oldest first, from the last closing on.

    A shop that was never closed begins with the period in which it joined.
    """
    last = _last(session, shop.id)
    since = last.ends_at if last is not None else shop.installed_at
    closed = set(session.scalars(sa.select(Closing.period).where(Closing.shop_id == shop.id)))
    found: list[Period] = []
    for one in periods.following(since, shop.time_zone, rules(session, shop.id)):
        if one.ends_at > as_of:
            return found
        if one.name not in closed:
            found.append(one)
    return found


def token_of(plans: Sequence[Plan]) -> str:
    """Names what a person saw: another amount anywhere is another token."""
    digest = hashlib.blake2b(digest_size=16)
    for plan in plans:
        digest.update(f"{plan.currency} {plan.period.name} {plan.as_of.isoformat()} {plan.bill}\n".encode())
        for part in plan.parts:
            digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def _locked(session: Session, shop_id: str) -> Shop:
    # FOR NO KEY UPDATE: one closing of a shop at a time, while orders that refer to the shop still come in.
    query = sa.select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    shop = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id!r}")
    return shop


def _last(session: Session, shop_id: str) -> Closing | None:
    query = sa.select(Closing).where(Closing.shop_id == shop_id).order_by(Closing.ends_at.desc()).limit(1)
    return session.execute(query).scalar_one_or_none()


def _refuse(session: Session, shop_id: str, asked: Period, as_of: datetime) -> Period:
    """The span that the closing covers: from the last closing's end, so that spans never overlap or leave a gap."""
    if as_of < asked.ends_at:
        raise Conflict(f"{asked.name} isn't over yet: it ends at {asked.ends_at.isoformat()}")
    last = _last(session, shop_id)
    if last is None:
        return asked
    same = sa.select(Closing).where(Closing.shop_id == shop_id, Closing.period == asked.name).limit(1)
    if (closed := session.execute(same).scalar_one_or_none()) is not None:
        raise Conflict(f"{asked.name} is closed already, at {closed.closed_at.isoformat()}")
    if last.ends_at >= asked.ends_at:
        raise Conflict(f"{last.period} is closed already, and {asked.name} lies before it")
    if as_of < last.closed_at:
        raise Conflict(f"the books were closed at {last.closed_at.isoformat()}; no closing may lie before that")
    return Period(asked.name, last.ends_at, asked.ends_at)


def _plan(session: Session, shop: Shop, currency: str, span: Period, as_of: datetime, ours: bool) -> Plan:
    held = frozen.lines(session, shop.id)  # they come with the closing after the freeze has ended
    lines = _unsettled(session, shop.id, currency, span, as_of, ours)
    lines = [line for line in lines if (line.order_id, line.line_ref) not in held]
    bonuses = outstanding.bonuses(session, shop.id, currency, before=span.ends_at, until=as_of)
    bonuses = [bonus for bonus in bonuses if not frozen.is_frozen(session, bonus.creator_id, shop.id)]
    parts: dict[str, Part] = {}

    def part(creator_id: str) -> Part:
        return parts.setdefault(creator_id, Part(creator_id))

    both = sorted([*lines, *bonuses], key=lambda line: line.creator_id)
    for creator_id, own in groupby(both, key=lambda line: line.creator_id):
        part(creator_id).lines.extend(own)
    for release in reserves.due(session, shop.id, currency, span.ends_at):
        part(release.creator_id).releases.append(release)
    opened = invoices.new_openings(session, shop.id, currency, as_of)
    for creator_id, amount in opened.items():
        part(creator_id).opening = amount
    settled = outstanding.settled_at(session, shop.id, currency)
    share = settings.whole(session, shop.id, "reserve_bp", span.ends_at)
    for one in parts.values():
        one.carried = settled.get(one.creator_id, 0) - one.opening
        one.reserved = reserves.share_of(one.total, share)
    bill = invoices.bill(session, shop.id, currency, both, opened, span.ends_at, as_of)
    ordered = [parts[creator_id] for creator_id in sorted(parts)]
    return Plan(shop.id, currency, span, as_of, ordered, bonuses, bill)


def _unsettled(
    session: Session, shop_id: str, currency: str, span: Period, as_of: datetime, ours: bool
) -> list[Unsettled]:
    """What the period settles; where it is booked, read again once its orders are ours: nothing moves them then."""
    first = outstanding.cleared(session, shop_id, currency, cleared_before=span.ends_at, until=as_of)
    if not ours or session.get_bind().dialect.name == "sqlite":
        return first  # SQLite has one writer, and that is us
    order_ids = sorted({line.order_id for line in first})
    for start in range(0, len(order_ids), _CHUNK):
        chunk = order_ids[start : start + _CHUNK]
        session.execute(sa.select(Order.id).where(Order.id.in_(chunk)).order_by(Order.id).with_for_update())
    held = set(order_ids)
    again = outstanding.cleared(session, shop_id, currency, cleared_before=span.ends_at, until=as_of)
    return [line for line in again if line.order_id in held]


def _book(session: Session, plan: Plan, shop: Shop, by: str) -> Closing:
    closing = Closing(
        id=new_id("cls"), shop_id=plan.shop_id, currency=plan.currency, period=plan.period.name,
        starts_at=plan.period.starts_at, ends_at=plan.period.ends_at, closed_at=plan.as_of, closed_by=by,
        total=plan.total,
    )  # fmt: skip
    session.add(closing)
    session.flush()
    statements: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    drafts = [_bonus_clears(plan, bonus) for bonus in plan.bonuses]
    held: list[tuple[str, Part]] = []
    for part in plan.parts:
        statement_id = new_id("stm")
        statements.append(_statement(closing, statement_id, part))
        rows.extend(_rows(statement_id, part.lines))
        drafts.extend(_transfers(closing, statement_id, part.lines))
        drafts.extend(reserves.drafts(closing, statement_id, part.creator_id, part.reserved, part.releases))
        held.append((statement_id, part))
    connection = session.connection()  # past the unit of work: a large shop has a hundred thousand lines
    if statements:
        connection.execute(sa.insert(Statement), statements)
    if rows:
        connection.execute(sa.insert(StatementLine), rows)
    days = settings.whole(session, shop.id, "reserve_days", plan.period.ends_at)
    for statement_id, part in held:
        reserves.keep(session, closing, statement_id, part.creator_id, part.reserved, days)
        reserves.let_go(session, statement_id, part.releases)
    journal.post_all(session, drafts)
    # Last: the number series is locked from here to the end of the transaction.
    invoices.issue(session, closing, plan.bill, shop.time_zone)
    return closing


def _statement(closing: Closing, statement_id: str, part: Part) -> dict[str, object]:
    return {
        "id": statement_id, "closing_id": closing.id, "shop_id": closing.shop_id, "creator_id": part.creator_id,
        "currency": closing.currency, "total": part.total, "carried": part.carried, "corrections": part.corrections,
        "opening": part.opening, "reserved": part.reserved, "released": part.released, "created_at": closing.closed_at,
    }  # fmt: skip


def _rows(statement_id: str, lines: Sequence[Unsettled]) -> Iterator[dict[str, object]]:
    for line in lines:
        yield {
            "id": new_id("stl"), "statement_id": statement_id, "kind": "bonus" if line.subject else "commission",
            "order_id": line.order_id, "line_ref": line.subject or line.line_ref, "content_id": line.content_id,
            "amount": line.amount, "correction": line.again,
        }  # fmt: skip


def _transfers(closing: Closing, statement_id: str, lines: Sequence[Unsettled]) -> Iterator[Draft]:
    for line in lines:
        subject = line.subject or line_subject(line.order_id, line.line_ref)
        yield Draft(
            reference=f"settle:{closing.id}:{subject}:{line.creator_id}:{line.content_id or '-'}", subject=subject,
            kind="settlement", shop_id=closing.shop_id, currency=closing.currency, reason="period_closed",
            occurred_at=closing.closed_at, order_id=line.order_id or None, line_ref=line.line_ref or None,
            creator_id=line.creator_id, content_id=line.content_id, statement_id=statement_id,
            postings=moved("creator_cleared", "creator_settled", line.amount, line.creator_id, line.content_id),
        )  # fmt: skip


def _bonus_clears(plan: Plan, bonus: Unsettled) -> Draft:
    """A bonus was counted when its event closed: no hold is left for it."""
    return Draft(
        reference=f"clear:{bonus.subject}:{plan.period.name}:{bonus.creator_id}:{bonus.content_id or '-'}",
        subject=bonus.subject, kind="clearance", shop_id=plan.shop_id, currency=plan.currency, reason="bonus",
        occurred_at=plan.as_of, creator_id=bonus.creator_id, content_id=bonus.content_id,
        postings=moved("creator_pending", "creator_cleared", bonus.amount, bonus.creator_id, bonus.content_id),
    )  # fmt: skip
