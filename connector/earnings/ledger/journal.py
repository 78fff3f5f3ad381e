"""Booking: the only place that writes to the ledger. Entries are added, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import new_id
from connector.earnings.ledger.entry import Draft, check
from connector.earnings.ledger.tables import Entry, Posting, Unsealed
from connector.errors import Conflict, LedgerRefused

# Parameters of one statement: SQLite and PostgreSQL both take 30,000; an IN list stays well below.
_CHUNK = 500
_POSTINGS = sa.insert(Posting)
# What the sealing job takes up (`seal.py`): on PostgreSQL it must know which transaction an entry came with. There one
# statement with arrays takes half the time of a row each.
_WAIT = sa.insert(Unsealed).values(xid=sa.text("0"))
_WAIT_ALL = sa.text(
    "INSERT INTO ledger_unsealed (entry_id, shop_id, xid) SELECT entry, shop, pg_current_xact_id()::text::bigint"
    " FROM unnest(CAST(:entries AS text[]), CAST(:shops AS text[])) AS waits (entry, shop)"
)


def post(session: Session, draft: Draft) -> Entry:
    """Book one entry, or find it: a reference that was booked before gives the entry that stands, unchanged.

    Errors: LedgerRefused when the draft breaks a rule, or when its reference stands for another entry; Conflict when
    another writer took the subject's next number first (read again and repeat).
    """
    found = post_all(session, [draft])[0]
    entry = session.get(Entry, found)
    if entry is None:
        raise LedgerRefused(f"entry {draft.reference!r} was booked and can't be read")
    return entry


def post_all(session: Session, drafts: Sequence[Draft], *, unbooked: bool = False, unread: bool = False) -> list[str]:
    """Book several entries in a few statements; their ids, in the drafts' order. All of them or none.

    `unbooked` says that the caller has just read the subjects' entries, under the lock of what they are about, and
    numbered these itself: nothing is looked up again. The unique keys still stand behind it. `unread`: nor does anybody
    read them before a batch's end (`db.later`); then Conflict comes from there.
    Errors: as `post`.
    """
    for draft in drafts:
        check(draft)
    if not drafts:
        return []
    booked = {} if unbooked else _booked(session, drafts)
    numbers = {} if unbooked else _last_numbers(session, [d for d in drafts if d.reference not in booked])
    ids: list[str] = []
    entries: list[dict[str, Any]] = []
    postings: list[dict[str, Any]] = []
    now = clock.now()
    for draft in drafts:
        if draft.reference in booked:
            ids.append(booked[draft.reference])
            continue
        sequence = draft.sequence
        if sequence is None:
            sequence = numbers[draft.subject] = numbers.get(draft.subject, 0) + 1
        entry_id = new_id("ent")
        booked[draft.reference] = entry_id
        ids.append(entry_id)
        entries.append(
            {
                "id": entry_id, "reference": draft.reference, "subject": draft.subject, "sequence": sequence,
                "kind": draft.kind, "shop_id": draft.shop_id, "currency": draft.currency, "order_id": draft.order_id,
                "line_ref": draft.line_ref, "creator_id": draft.creator_id, "content_id": draft.content_id,
                "reverses": draft.reverses, "evaluation_id": draft.evaluation_id, "statement_id": draft.statement_id,
                "reason": draft.reason, "occurred_at": draft.occurred_at, "booked_at": now,
            }
        )  # fmt: skip
        postings.extend(
            {
                "entry_id": entry_id, "number": number, "shop_id": draft.shop_id, "currency": draft.currency,
                "account": posting.account, "creator_id": posting.creator_id, "content_id": posting.content_id,
                "amount": posting.amount,
            }
            for number, posting in enumerate(draft.postings, 1)
        )  # fmt: skip
    db.later(session, _book, entries, unread=unread)
    db.later(session, _POSTINGS, postings, unread=unread)
    return ids


def _book(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    try:
        db.add_rows(connection, Entry.__table__, entries)
        _wait(connection, entries)
    except IntegrityError as error:
        raise Conflict(f"another writer booked about {entries[0]['subject']} first; read again and repeat") from error


def _wait(connection: sa.Connection, entries: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        waits = {"entries": [entry["id"] for entry in entries], "shops": [entry["shop_id"] for entry in entries]}
        connection.execute(_WAIT_ALL, waits)
    else:
        connection.execute(_WAIT, [{"entry_id": entry["id"], "shop_id": entry["shop_id"]} for entry in entries])


def _booked(session: Session, drafts: Sequence[Draft]) -> dict[str, str]:
    """Entries that already stand under these references, checked to be the same ones."""
    by_reference: dict[str, Draft] = {}
    for draft in drafts:
        if by_reference.setdefault(draft.reference, draft) != draft:
            raise LedgerRefused(f"reference {draft.reference!r} is given to two different entries")
    found: dict[str, str] = {}
    for chunk in _chunks(list(by_reference)):
        rows = session.execute(sa.select(Entry).where(Entry.reference.in_(chunk))).scalars().all()
        sides = _sides(session, [row.id for row in rows])
        for row in rows:
            if not _same(row, sides[row.id], by_reference[row.reference]):
                raise LedgerRefused(f"reference {row.reference!r} already stands for another entry ({row.id})")
            found[row.reference] = row.id
    return found


def _sides(session: Session, entry_ids: list[str]) -> dict[str, list[tuple[str, int, str | None]]]:
    sides: dict[str, list[tuple[str, int, str | None]]] = {entry_id: [] for entry_id in entry_ids}
    if entry_ids:
        columns = sa.select(Posting.entry_id, Posting.account, Posting.amount, Posting.creator_id)
        for entry_id, account, amount, creator_id in session.execute(columns.where(Posting.entry_id.in_(entry_ids))):
            sides[entry_id].append((account, amount, creator_id))
    return sides


def _same(row: Entry, sides: list[tuple[str, int, str | None]], draft: Draft) -> bool:
    wanted = [(posting.account, posting.amount, posting.creator_id) for posting in draft.postings]
    return (
        (row.subject, row.kind, row.shop_id, row.currency) == (draft.subject, draft.kind, draft.shop_id, draft.currency)
        and sorted(sides, key=str) == sorted(wanted, key=str)
    )  # fmt: skip


def _last_numbers(session: Session, drafts: Sequence[Draft]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for chunk in _chunks(sorted({draft.subject for draft in drafts if draft.sequence is None})):
        last = sa.select(Entry.subject, sa.func.max(Entry.sequence)).where(Entry.subject.in_(chunk))
        numbers.update({subject: int(number) for subject, number in session.execute(last.group_by(Entry.subject))})
    return numbers


def _chunks(items: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
