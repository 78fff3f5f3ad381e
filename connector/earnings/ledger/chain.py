"""The hash chain over a shop's entries: what is hashed, and how a link follows from the one before. Pure.

    canonical(entry)     JSON: UTF-8, keys sorted, no white space, no floats; moments in UTC with six decimals
    link(previous, entry) = sha256(previous + "\\n" + canonical(entry)), hex

The first link follows from `genesis(shop_id)`. Whoever holds an export can compute all of it with any language's JSON
and SHA-256 (docs/ledger.md has the recipe, and a test that follows it with nothing of ours).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode


class WrittenPosting(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One side as it stands in the table, in minor units. Positive is debit, negative is credit."""

    account: str
    amount: int
    creator_id: str | None
    content_id: str | None
    # Told only where they differ from the entry's own, which no booking of ours makes: so the link breaks there.
    shop_id: str | None = None
    currency: str | None = None


class Written(msgspec.Struct, frozen=True):
    """An entry as it stands in the tables, with its postings in their order. The order of the fields is that of the
    columns that `reading` asks for."""

    id: str
    reference: str
    subject: str
    sequence: int
    kind: str
    shop_id: str
    currency: str
    order_id: str | None
    line_ref: str | None
    creator_id: str | None
    content_id: str | None
    reverses: str | None
    evaluation_id: str | None
    statement_id: str | None
    reason: str
    occurred_at: str
    booked_at: str
    postings: tuple[WrittenPosting, ...]


class Link(msgspec.Struct, frozen=True, gc=False):
    """A seal as it is kept, beside the entry that it is of. `entry` None: the entry is gone."""

    position: int
    entry_id: str
    hash: str
    entry: Written | None


class Broken(msgspec.Struct, frozen=True):
    """The first link of a chain that doesn't hold, and why."""

    position: int
    entry_id: str
    why: str


def moment(at: datetime) -> str:
    """`2026-11-14T20:07:14.000000Z`: one text for one instant, whatever the database gave."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def canonical(entry: Written) -> bytes:
    """The bytes that are hashed: equal for equal entries on every database and in every language."""
    return _encode(entry)


def genesis(shop_id: str) -> str:
    """What the first link of a shop's chain is linked to."""
    return hashlib.sha256(f"connector ledger 1 {shop_id}".encode()).hexdigest()


def link(previous: str, entry: Written) -> str:
    """The hash of the link that `entry` becomes after `previous`."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(entry)).hexdigest()


def links(previous: str, entries: Iterable[Written]) -> Iterator[str]:
    """The hashes of entries that follow one another, the first after `previous`."""
    for entry in entries:
        previous = link(previous, entry)
        yield previous


class Walk:
    """Holds a chain against its entries, link by link; ends at the first that doesn't hold."""

    def __init__(self, shop_id: str) -> None:
        self.position, self.hash = 0, genesis(shop_id)
        self.broken: Broken | None = None

    def take(self, chained: Iterable[Link]) -> bool:
        """Go on over these links. False when one is broken: `broken` has it then, and nothing more is taken."""
        for one in chained:
            if self.broken is not None:
                return False
            why = self._wrong(one)
            if why:
                self.broken = Broken(one.position, one.entry_id, why)
                return False
            self.position, self.hash = one.position, one.hash
        return self.broken is None

    def ends_at(self, position: int, head: str) -> str:
        """Is that where the chain says it ends? What is wrong, or ""."""
        if (position, head) == (self.position, self.hash):
            return ""
        if position != self.position:
            return f"the chain ends at {self.position}, its head says {position}"
        return "the head has another hash than the last link"

    def _wrong(self, one: Link) -> str:
        if one.position != self.position + 1:
            return f"link {self.position + 1} is missing"
        if one.entry is None:
            return "the entry is gone"
        if link(self.hash, one.entry) != one.hash:
            return "the entry isn't what was sealed"
        return ""


def as_plain(entry: Written) -> dict[str, Any]:
    """The entry as JSON-able values, as `canonical` encodes it."""
    found: dict[str, Any] = msgspec.to_builtins(entry)
    return found
