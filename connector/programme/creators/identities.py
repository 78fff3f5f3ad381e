"""What a creator buys by, as keyed hashes: an order of their own earns nothing (D17). No address is ever stored.

A match is hard where the fact names one person: the e-mail address, or the store's own customer. It is soft where two
people may share it: the telephone of a household, or a mailbox under another spelling. Soft ones go to a person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.orders import buyers
from connector.db import new_id
from connector.errors import InputRefused
from connector.programme.creators import queries
from connector.programme.creators.tables import CreatorIdentity

HARD = frozenset({"email", "customer"})

_MATCHES = sa.select(CreatorIdentity.creator_id, CreatorIdentity.kind).where(
    db.among(CreatorIdentity.hash, "hashes"),
    db.among(CreatorIdentity.creator_id, "creators"),
    CreatorIdentity.starts_at <= sa.bindparam("moment"),
)
_EVERY_MATCH = sa.select(
    CreatorIdentity.hash, CreatorIdentity.creator_id, CreatorIdentity.kind, CreatorIdentity.starts_at
).where(
    db.among(CreatorIdentity.hash, "hashes"),
    db.among(CreatorIdentity.creator_id, "creators"),
)


def learn(
    session: Session, creator_id: str, *, email: str | None = None, phone: str | None = None,
    customer: tuple[str, str] | None = None, now: datetime | None = None,
) -> int:  # fmt: skip
    """Remember what the creator buys by, from now on; how many facts are new. `customer` is (shop id, customer id).

    What was said before stays: an address that was theirs once tells an own purchase too.
    Errors: NotFound; Conflict when they were erased; InputRefused for an address without @ or a number without a digit.
    """
    queries.living(session, creator_id)
    found: list[tuple[str, str]] = []
    if email is not None and email.strip():
        local, at, host = email.strip().rpartition("@")
        if not (local and at and host):
            raise InputRefused("email", "is no e-mail address.", "Send it as the creator types it at a checkout.")
        found += [("email", buyers.email(email)), ("mailbox", buyers.mailbox(email))]
    if phone is not None and phone.strip():
        hashed = buyers.phone(phone)
        if hashed is None:
            raise InputRefused("phone", "has no digit.", "Send it with its country code, like +31 20 123 4567.")
        found.append(("phone", hashed))
    if customer is not None:
        found.append(("customer", buyers.customer(*customer)))
    if not found:
        return 0
    now = now or clock.now()
    once = ["creator_id", "kind", "hash"]
    made = 0
    for kind, hashed in found:
        values = {"id": new_id("cid"), "creator_id": creator_id, "kind": kind, "hash": hashed, "starts_at": now}
        insert = db.insert(session, CreatorIdentity).values(values).on_conflict_do_nothing(index_elements=once)
        made += session.execute(insert.returning(CreatorIdentity.id)).first() is not None
    return made


def matches(session: Session, hashes: Sequence[str], creator_ids: Collection[str], moment: datetime) -> dict[str, str]:
    """Creator → hard | soft, of these creators, by what was known of them at `moment`: one query."""
    asked = {"hashes": list(hashes), "creators": sorted(creator_ids), "moment": moment}
    found: dict[str, str] = {}
    ahead = db.known(session, _Ahead)
    if ahead is not None and ahead.covers(hashes, creator_ids):
        rows: Iterable[Any] = ahead.matches(hashes, creator_ids, moment)
    else:
        rows = session.connection().execute(_MATCHES, asked)
    for creator_id, kind in rows:
        if kind in HARD or creator_id not in found:
            found[creator_id] = "hard" if kind in HARD else "soft"
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Of a batch's buyers and creators: hash → (creator, kind, start) of those who have it."""

    hashes: frozenset[str]
    creators: frozenset[str]
    held: dict[str, list[tuple[str, str, datetime]]]

    def covers(self, hashes: Sequence[str], creator_ids: Collection[str]) -> bool:
        return self.hashes.issuperset(hashes) and self.creators.issuperset(creator_ids)

    def matches(
        self, hashes: Sequence[str], creator_ids: Collection[str], moment: datetime
    ) -> Iterator[tuple[str, str]]:
        for hashed in hashes:
            for creator_id, kind, starts_at in self.held.get(hashed, ()):
                if creator_id in creator_ids and starts_at <= moment:
                    yield creator_id, kind


def read_ahead(session: Session, hashes: Collection[str], creator_ids: Collection[str]) -> None:
    """Ask for the likeness of a whole batch's buyers and creators at once (`db.known`)."""
    held: dict[str, list[tuple[str, str, datetime]]] = {}
    asked = {"hashes": sorted(hashes), "creators": sorted(creator_ids)}
    for hashed, creator_id, kind, starts_at in session.connection().execute(_EVERY_MATCH, asked):
        held.setdefault(hashed, []).append((creator_id, kind, starts_at))
    db.know(session, _Ahead(frozenset(hashes), frozenset(creator_ids), held))


def known(session: Session, creator_id: str) -> list[str]:
    """Which kinds of facts are known of a creator; never the facts."""
    asked = sa.select(CreatorIdentity.kind).where(CreatorIdentity.creator_id == creator_id).distinct()
    return sorted(session.scalars(asked))


def forget(session: Session, creator_id: str) -> int:
    """Drop all of them, on the creator's own wish; how many. Pinned decisions stay (F9)."""
    gone = session.execute(sa.delete(CreatorIdentity).where(CreatorIdentity.creator_id == creator_id))
    return int(gone.rowcount)  # type: ignore[attr-defined]
