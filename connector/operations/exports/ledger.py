"""`connector export ledger`: the journal as a file, a page of entries at a time, whatever its size.

All that goes into a file is read as of one moment (`db.snapshot`): the entries shop by shop in the order of their
chains, those that aren't sealed yet behind them, and at the end what the database itself says they come to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.orm import Session

from connector import clock, money
from connector.commerce.shops.tables import Shop
from connector.earnings.ledger import reading, running
from connector.earnings.ledger.reading import Filter
from connector.errors import InputRefused
from connector.operations.exports import files
from connector.operations.exports.files import About, Head, Kind, Known, Row, Sum, Totals
from connector.programme.creators import queries as creators


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries: all, or of a shop, a currency, a span of business time (half open)."""

    shop_id: str | None = None
    currency: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def check(self) -> None:
        """Errors: InputRefused for a span that ends before it begins; MoneyRefused for a currency that is none."""
        if self.currency is not None:
            money.exponent(self.currency)
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise InputRefused("until", "isn't after since.", "Give a span like 2026-11-01 to 2026-12-01.")


def write(session: Session, kind: Kind, asked: Asked, out: Callable[[str], object]) -> Totals:
    """Write the file by `out`, piece by piece; what went into it. The session sees one moment (`db.snapshot`).

    Errors: as `Asked.check`, before the first piece.
    """
    totals = Totals()
    for piece in pieces(session, kind, asked, totals):
        out(piece)
    return totals


def pieces(session: Session, kind: Kind, asked: Asked, totals: Totals | None = None) -> Iterator[str]:
    """The file as text, a page of entries a piece; `totals` is kept along the way. Errors: as `Asked.check`."""
    asked.check()
    totals = totals if totals is not None else Totals()
    # A writer pushes and a response pulls: what was pushed for one page is handed on before the next page is read.
    pushed: list[str] = []
    known = Known()
    about = About(clock.now(), asked.shop_id, asked.currency, asked.since, asked.until)
    file = files.begin(kind, about, known, pushed.append)
    wanted = Filter(asked.currency, asked.since, asked.until)
    for shop_id in [asked.shop_id] if asked.shop_id is not None else reading.shops(session):
        _name_shop(session, known, shop_id)
        for rows in _rows(session, shop_id):
            taken = [row for row in rows if wanted.takes(row.entry)]
            _name_creators(session, known, taken)
            for row in taken:
                file.entry(row)
                totals.entries += 1
                totals.postings += len(row.entry.postings)
                totals.unsealed += row.position is None
            yield "".join(pushed)
            pushed.clear()
    file.end(_sums(session, asked), _heads(session, asked), totals)
    yield "".join(pushed)


def to_file(session: Session, kind: Kind, asked: Asked, path: Path) -> Totals:
    """Write it beside its place and rename it, readable by its owner alone: nobody reads half of one.

    Errors: as `write`; OSError for a place that can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.{os.getpid()}"
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            totals = write(session, kind, asked, file.write)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return totals


def _rows(session: Session, shop_id: str) -> Iterator[list[Row]]:
    """The chain first, then what waits for its link. An entry that is gone is the audit's to name."""
    for links in reading.chained(session, shop_id):
        yield [Row(link.entry, link.position, link.hash) for link in links if link.entry is not None]
    for entries in reading.loose(session, shop_id):
        yield [Row(entry) for entry in entries]


def _name_shop(session: Session, known: Known, shop_id: str) -> None:
    shop = session.get(Shop, shop_id)
    known.names.shops[shop_id] = shop.domain if shop is not None else ""
    with suppress(ZoneInfoNotFoundError, ValueError):  # a zone that isn't one: days are those of UTC
        known.zones[shop_id] = ZoneInfo(shop.time_zone if shop is not None else "UTC")


def _name_creators(session: Session, known: Known, rows: Sequence[Row]) -> None:
    met = {side.creator_id for row in rows for side in row.entry.postings if side.creator_id}
    met |= {row.entry.creator_id for row in rows if row.entry.creator_id}
    new = sorted(met - known.names.creators.keys())
    if new:
        found = creators.some(session, new)
        known.names.creators.update((one, found[one].handle if one in found else "") for one in new)
        # What a page names is text from here on; the session needn't keep the rows.
        session.expunge_all()


def _sums(session: Session, asked: Asked) -> Iterator[Sum]:
    """What the exported entries come to: the running balances where nothing is left out, else sums of postings."""
    if asked.since is None and asked.until is None:
        found = running.running(session, shop_id=asked.shop_id, currency=asked.currency)
    else:
        found = running.summed(
            session, shop_id=asked.shop_id, currency=asked.currency, since=asked.since, until=asked.until
        )
    return (Sum(one.shop_id, one.currency, one.account, one.creator_id, one.amount) for one in found)


def _heads(session: Session, asked: Asked) -> Iterator[Head]:
    found = running.chains(session, shop_id=asked.shop_id)
    return (Head(one.shop_id, one.position, one.hash) for _, one in sorted(found.items()) if one.position)
