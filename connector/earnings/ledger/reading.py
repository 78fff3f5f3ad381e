"""Entries whole, as they stand in the tables: a page at a time for the chain and the exports, nobody holds all.

Whoever reads several pages wants `db.snapshot`: one moment for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.earnings.ledger.chain import Link, Written, WrittenPosting, moment
from connector.earnings.ledger.tables import Entry, Posting, Seal

PAGE = 500
_ENTRY = (
    Entry.id, Entry.reference, Entry.subject, Entry.sequence, Entry.kind, Entry.shop_id, Entry.currency,
    Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id, Entry.reverses, Entry.evaluation_id,
    Entry.statement_id, Entry.reason,
)  # fmt: skip
_POSTING = (
    Posting.entry_id, Posting.account, Posting.amount, Posting.creator_id, Posting.content_id, Posting.shop_id,
    Posting.currency,
)  # fmt: skip


def _in_sqlite(at: Any) -> Any:
    """`chain.moment` of a stored moment, made by the database: reading it as a time takes longer than hashing it."""
    return sa.func.replace(sa.type_coerce(at, sa.Text), " ", "T").concat("Z")


def _in_postgresql(at: Any) -> Any:
    return sa.func.to_char(sa.func.timezone("UTC", at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"', type_=sa.Text)


_SAID = (("sqlite", _in_sqlite), ("postgresql", _in_postgresql))
# Built once, run for every page.
_BY_ID = {
    name: sa.select(*_ENTRY, said(Entry.occurred_at), said(Entry.booked_at)).where(db.among(Entry.id, "ids"))
    for name, said in _SAID
}
_FIELDS = len(_ENTRY) + 2  # of `Written`, but for its postings
_SIDES = sa.select(*_POSTING).where(db.among(Posting.entry_id, "ids")).order_by(Posting.entry_id, Posting.number)
# Links with their entries at once: five hundred ids to look for cost more than the entries do. Their sides by id, as a
# join would walk the links again.
_LINKS: dict[str, sa.Select[*tuple[Any, ...]]] = {
    name: sa.select(*_ENTRY, said(Entry.occurred_at), said(Entry.booked_at), Seal.position, Seal.entry_id, Seal.hash)
    .select_from(Seal)
    .join(Entry, Entry.id == Seal.entry_id, isouter=True)
    .where(Seal.shop_id == sa.bindparam("shop_id"), Seal.position > sa.bindparam("after"))
    .order_by(Seal.position)
    .limit(sa.bindparam("page"))
    for name, said in _SAID
}


class Filter:
    """Which entries: of a currency, and of a span of business time, half open. A shop is named by the caller."""

    def __init__(
        self, currency: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        self.currency = currency
        self.since = moment(since) if since else None
        self.until = moment(until) if until else None

    def takes(self, entry: Written) -> bool:
        return (
            (self.currency is None or entry.currency == self.currency)
            and (self.since is None or entry.occurred_at >= self.since)
            and (self.until is None or entry.occurred_at < self.until)
        )


def whole(session: Session, entry_ids: Sequence[str]) -> dict[str, Written]:
    """These entries with their sides, by id; one that isn't there isn't in it."""
    found: dict[str, Written] = {}
    for start in range(0, len(entry_ids), PAGE):
        ids = entry_ids[start : start + PAGE]
        connection = session.connection()
        rows = connection.execute(_BY_ID[connection.dialect.name], {"ids": ids}).all()
        found.update(_with_sides(connection, rows))
    return found


def _with_sides(connection: sa.Connection, rows: Sequence[Any]) -> dict[str, Written]:
    shops = {row[0]: (row[5], row[6]) for row in rows}
    sides: dict[str, list[WrittenPosting]] = {entry_id: [] for entry_id in shops}
    for entry_id, account, amount, creator_id, content_id, shop_id, currency in connection.execute(
        _SIDES, {"ids": list(shops)}
    ).all():
        said = shops[entry_id]
        sides[entry_id].append(
            WrittenPosting(account, amount, creator_id, content_id)
            if said == (shop_id, currency)
            else WrittenPosting(
                account, amount, creator_id, content_id, None if said[0] == shop_id else shop_id,
                None if said[1] == currency else currency,
            )
        )  # fmt: skip
    return {row[0]: Written(*(*row[:_FIELDS], tuple(sides[row[0]]))) for row in rows}


def chained(session: Session, shop_id: str) -> Iterator[list[Link]]:
    """A shop's chain from its first link on, a page at a time, each link with its entry."""
    after = 0
    while True:
        connection = session.connection()
        rows = connection.execute(
            _LINKS[connection.dialect.name], {"shop_id": shop_id, "after": after, "page": PAGE}
        ).all()
        if not rows:
            return
        entries = _with_sides(connection, [row for row in rows if row[0] is not None])
        yield [Link(row[-3], row[-2], row[-1], entries.get(row[-2])) for row in rows]
        after = rows[-1][-3]


def loose(session: Session, shop_id: str) -> Iterator[list[Written]]:
    """A shop's entries that no link is of: those that wait for their seal, and what somebody put in by hand."""
    after: tuple[datetime, str] | None = None
    sealed = sa.exists().where(Seal.entry_id == Entry.id)
    while True:
        query = sa.select(Entry.id, Entry.booked_at).where(Entry.shop_id == shop_id, ~sealed)
        if after is not None:
            at = sa.literal(after[0], Entry.booked_at.type)
            query = query.where(
                Entry.booked_at >= at, sa.tuple_(Entry.booked_at, Entry.id) > sa.tuple_(at, sa.literal(after[1]))
            )
        rows = session.execute(query.order_by(Entry.booked_at, Entry.id).limit(PAGE)).all()
        if not rows:
            return
        entries = whole(session, [row[0] for row in rows])
        yield [entries[row[0]] for row in rows]
        after = (rows[-1][1], rows[-1][0])


def shops(session: Session) -> list[str]:
    """The shops that have entries."""
    return _each(session, Entry.shop_id)


def chained_shops(session: Session) -> list[str]:
    """The shops that have a chain."""
    return _each(session, Seal.shop_id)


def _each(session: Session, column: Any) -> list[str]:
    # One look into the index a shop: a DISTINCT reads all of it.
    found: list[str] = []
    last = ""
    while True:
        one = session.scalar(sa.select(sa.func.min(column)).where(column > last))
        if one is None:
            return found
        found.append(one)
        last = one
