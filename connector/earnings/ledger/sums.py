"""Sums over the ledger that other rooms' records are held against: by order line, by statement, by payout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.entry import CREATOR_ACCOUNTS
from connector.earnings.ledger.queries import EARNING, Key
from connector.earnings.ledger.tables import BESIDE, Entry, Posting


def earned(session: Session, order_ids: Collection[str]) -> dict[str, dict[Key, int]]:
    """What stands as earned about some orders: {order: {(line, creator, content): accrued less reversed}}, no zeros."""
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id)
    total = sa.func.sum(Posting.amount)
    query = (
        sa.select(*key, total)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(
            Entry.order_id.in_(list(order_ids)),
            Entry.line_ref.is_not(None),
            Entry.kind.in_(EARNING),
            Posting.account == "merchant_receivable",
        )
        .group_by(*key)
        .having(total != 0)
    )
    found: dict[str, dict[Key, int]] = defaultdict(dict)
    for order_id, line_ref, creator_id, content_id, amount in session.execute(query):
        found[str(order_id)][(str(line_ref), creator_id, content_id)] = int(amount)
    return found


@dataclass(slots=True)
class Booked:
    """What stands about some orders: no zeros in any of it."""

    lines: dict[str, dict[Key, int]]  # order → {(line, creator, content): accrued less reversed}
    fees: dict[str, int]  # order → the app's fee
    absorbed: dict[str, dict[Key, int]]  # order → {(line, creator, content): what the app bears}


def booked(session: Session, after: str, until: str | None) -> Booked:
    """The same of all orders whose id lies behind `after` and up to `until` (None: all that follow), known or not."""
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id, Posting.account)
    total = sa.func.sum(Posting.amount)
    earning = sa.and_(
        Entry.kind.in_(EARNING), Posting.account == "merchant_receivable", Entry.line_ref.is_not(None)
    )  # fmt: skip
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(*key, total)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.order_id > after, sa.or_(earning, Posting.account.in_(("app_fee", "loss_absorbed"))))
        .group_by(*key)
        .having(total != 0)
    )
    found = Booked({}, {}, {})
    query = query if until is None else query.where(Entry.order_id <= until)
    for order_id, line_ref, creator_id, content_id, account, amount in session.connection().execute(query).all():
        if account == "app_fee":
            found.fees[order_id] = found.fees.get(order_id, 0) - int(amount)
            continue
        where = found.lines if account == "merchant_receivable" else found.absorbed
        where.setdefault(order_id, {})[(str(line_ref), creator_id, content_id)] = int(amount)
    return found


def settled_by_statement(session: Session) -> dict[str, tuple[str, str, str, int]]:
    """Statement → (shop, creator, currency, what its entries settled)."""
    total = sa.func.sum(Posting.amount)
    key = (Entry.statement_id, Posting.shop_id, Posting.creator_id, Posting.currency)
    query = (
        sa.select(*key, total)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind == "settlement", Posting.account == "creator_settled")
        .group_by(*key)
    )
    return {
        str(statement): (shop, str(creator), currency, -int(amount))
        for statement, shop, creator, currency, amount in session.execute(query)
    }


def by_payout(session: Session) -> dict[str, dict[tuple[str, str], int]]:
    """Payout → {(account, currency): sum}, with the ledger's own signs."""
    query = (
        sa.select(Entry.subject, Posting.account, Posting.currency, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind.in_(("payout", "payout_paid", "payout_failed", "conversion")))
        .group_by(Entry.subject, Posting.account, Posting.currency)
    )
    found: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for subject, account, currency, amount in session.execute(query):
        found[subject.removeprefix("payout:")][account, currency] = int(amount)
    return found


def by_exchange(session: Session) -> dict[tuple[str, str], dict[tuple[str, str], int]]:
    """(exchange, shop) → {(account, currency): sum}, without zeros."""
    query = (
        sa.select(Entry.subject, Posting.account, Posting.currency, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind == "exchange")
        .group_by(Entry.subject, Posting.account, Posting.currency)
    )
    found: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(dict)
    for subject, account, currency, amount in session.execute(query):
        _, exchange_id, shop_id = str(subject).split(":")
        if amount:
            found[exchange_id, shop_id][account, currency] = int(amount)
    return found


def in_fx(session: Session) -> dict[tuple[str, str], int]:
    """(shop, currency) → what `fx` holds."""
    key = (Posting.shop_id, Posting.currency)
    query = sa.select(*key, sa.func.sum(Posting.amount)).where(Posting.account == "fx").group_by(*key)
    return {(shop_id, currency): int(amount) for shop_id, currency, amount in session.execute(query)}


class Absorbed(msgspec.Struct, frozen=True):
    """What the platform bears of a line that was refunded after its payout: the creator keeps it. Minor units."""

    line_ref: str
    creator_id: str
    content_id: str | None
    amount: int


def absorbed(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None
) -> dict[str, list[Absorbed]]:  # fmt: skip
    """Order → what is borne of its lines; few orders have any, and they have an index of their own."""
    named = {"shop_id": shop_id, "creator_id": creator_id}
    values = {name: value for name, value in named.items() if value is not None}
    found: dict[str, list[Absorbed]] = defaultdict(list)
    rows = session.connection().execute(_absorbed(frozenset(values)), values)
    for order_id, line_ref, creator, content_id, amount in rows:
        found[str(order_id)].append(Absorbed(str(line_ref), str(creator), content_id, int(amount)))
    return found


@cache
def _absorbed(narrowed: frozenset[str]) -> sa.Select[*tuple[Any, ...]]:
    """Put together once a way of asking: every report of sales asks."""
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id)
    total = sa.func.sum(Posting.amount)
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(*key, total)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Posting.account == sa.literal_column("'loss_absorbed'"), Entry.line_ref.is_not(None))
        .group_by(*key)
        .having(total != 0)
        .order_by(*key)
    )
    if "shop_id" in narrowed:
        query = query.where(Posting.shop_id == sa.bindparam("shop_id"))
    if "creator_id" in narrowed:
        # So that the few are gone through: SQLite would go through every entry there is, by order.
        query = query.where(sa.func.coalesce(Entry.creator_id, "") == sa.bindparam("creator_id"))
    return query


@dataclass(slots=True)
class OfSubject:
    """What stands of a subject that isn't an order's line: (currency, creator, content) → minor units, no zeros."""

    last: int = 0  # number of its newest entry
    amounts: dict[tuple[str, str, str | None], int] = field(default_factory=dict)
    first: dict[tuple[str, str, str | None], str] = field(
        default_factory=dict
    )  # the entry that what is taken back undoes


def of_subject(session: Session, subject: str) -> OfSubject:
    """What a merchant owes by the entries of one subject."""
    query = (
        sa.select(Entry.id, Entry.currency, Entry.creator_id, Entry.content_id, Posting.amount)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.subject == subject, Posting.account == "merchant_receivable")
        .order_by(Entry.sequence)
    )
    found = OfSubject(last=session.scalar(sa.select(sa.func.max(Entry.sequence)).where(Entry.subject == subject)) or 0)
    for entry_id, currency, creator_id, content_id, amount in session.execute(query):
        key = (currency, str(creator_id), content_id)
        found.first.setdefault(key, entry_id)
        found.amounts[key] = found.amounts.get(key, 0) + int(amount)
    found.amounts = {key: amount for key, amount in found.amounts.items() if amount}
    return found


def by_subject(session: Session, subjects: Collection[str]) -> dict[str, tuple[int, dict[str, int]]]:
    """Subject → (its last number, {currency: what merchants owe by its entries}), of those that have any."""
    wanted = sorted(subjects)
    found: dict[str, tuple[int, dict[str, int]]] = {}
    owed = sa.func.sum(sa.case((Posting.account == "merchant_receivable", Posting.amount), else_=0))
    for start in range(0, len(wanted), 500):
        query = (
            sa.select(Entry.subject, Entry.currency, sa.func.max(Entry.sequence), owed)
            .join(Posting, Posting.entry_id == Entry.id)
            .where(Entry.subject.in_(wanted[start : start + 500]))
            .group_by(Entry.subject, Entry.currency)
        )
        for subject, currency, number, amount in session.execute(query):
            last, amounts = found.get(subject, (0, {}))
            found[subject] = (max(last, int(number)), {**amounts, currency: int(amount)})
    return found


class Beside(msgspec.Struct, frozen=True):
    """What a creator is owed by no order's line: an event's bonus, a flat fee, a reimbursed sample, a balance brought
    along. Minor units; below zero: taken back."""

    entry_id: str
    kind: str  # `queries.BESIDE`
    subject: str  # `bonus:<event>:<creator>`, `flat_fee:<negotiation>` …
    shop_id: str
    creator_id: str
    content_id: str | None
    currency: str
    amount: int
    at: datetime  # business time
    number: int = 1  # of its posting within the entry

    @property
    def place(self) -> BesidePlace:
        return BesidePlace(self.at, self.entry_id, self.number)


class BesidePlace(NamedTuple):
    """Where one stands among them: the newest first."""

    at: datetime
    entry_id: str
    number: int


def beside(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, currency: str | None = None,
    since: datetime | None = None, until: datetime | None = None, kind: str | None = None,
    content_id: str | None = None, event_id: str | None = None, behind: BesidePlace | None = None,
    limit: int | None = None,
) -> list[Beside]:  # fmt: skip
    """Each entry of it, of a span of business time (half open), the newest first; of one kind or video, or of
    the bonuses of one event. `behind`, `limit`: a part of it, behind that place."""
    named = {
        "shop_id": shop_id, "creator_id": creator_id, "currency": currency, "since": since, "until": until,
        "kind": kind, "content_id": content_id, "event": None if event_id is None else f"bonus:{event_id}:",
    }  # fmt: skip
    values: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if behind is not None:
        values |= {"at": behind.at, "entry_id": behind.entry_id, "number": behind.number}
    query = _beside(frozenset(values))
    rows = session.connection().execute(query if limit is None else query.limit(limit), values)
    return [Beside(*row) for row in rows]


@cache
def _beside(named: frozenset[str]) -> sa.Select[*tuple[Any, ...]]:
    """Put together once a way of asking: every report of sales asks."""
    content = sa.func.coalesce(Entry.content_id, Posting.content_id)
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            Entry.id, Entry.kind, Entry.subject, Entry.shop_id, Posting.creator_id, content, Entry.currency,
            -Posting.amount, Entry.occurred_at, Posting.number,
        )
        .join(Posting, Posting.entry_id == Entry.id)
        .where(BESIDE, Posting.account.in_(sorted(CREATOR_ACCOUNTS)))
        .order_by(Entry.occurred_at.desc(), Entry.id.desc(), Posting.number.desc())
    )  # fmt: skip
    bound, event = sa.bindparam, sa.bindparam("event", type_=sa.Text)
    bounds: dict[str, sa.ColumnElement[bool]] = {
        "shop_id": Entry.shop_id == bound("shop_id"), "creator_id": Entry.creator_id == bound("creator_id"),
        "currency": Entry.currency == bound("currency"), "since": Entry.occurred_at >= bound("since"),
        "until": Entry.occurred_at < bound("until"), "kind": Entry.kind == bound("kind"),
        "content_id": content == bound("content_id"),
        "event": sa.and_(
            Entry.kind == "bonus", sa.func.substr(Entry.subject, 1, sa.func.length(event)) == event
        ),
        "at": sa.and_(
            Entry.occurred_at <= bound("at"),  # what an index knows
            sa.or_(
                Entry.occurred_at < bound("at"), Entry.id < bound("entry_id"),
                sa.and_(Entry.id == bound("entry_id"), Posting.number < bound("number")),
            ),
        ),
    }  # fmt: skip
    return query.where(*[wanted for name, wanted in bounds.items() if name in named])
