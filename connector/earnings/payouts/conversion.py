"""Conversion at payout (R12): the ledger stays in the order's currency, what leaves may be in another.

A rate is entered by finance, one at a time or as CSV, with its source and the time that it was quoted at. It is never
guessed: not from its inverse, not through a third currency, not from an old one. A payout keeps the rate it went at.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, money
from connector.db import new_id
from connector.earnings.payouts.tables import FxRate
from connector.errors import Conflict, ConnectorError, InputRefused

_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?")
COLUMNS = ("base", "quote", "rate", "source", "quoted_at")
_MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of `quote` one `base` is worth, in major units, and where that comes from."""

    base: str
    quote: str
    rate: str
    source: str
    quoted_at: datetime


def converted(amount: int, rate: Rate) -> int:
    """Minor units of `base` as minor units of `quote`, rounded half up once: 500 EUR cents at 1.0842 are 542 USD cents.

    Pure. Errors: InputRefused for a rate that is none.
    """
    scale = Fraction(10) ** (money.exponent(rate.quote) - money.exponent(rate.base))
    return money.round_half_up(amount * fraction(rate.rate) * scale)


def fraction(text: str) -> Fraction:
    """A rate as an exact number. Errors: InputRefused for other than a plain decimal above zero."""
    if not _RATE.fullmatch(text) or Fraction(text) == 0:
        raise InputRefused("rate", f"{text[:40]!r} isn't a rate.", "Send a plain decimal above zero, like 1.0842.")
    return Fraction(text)


def enter(session: Session, rate: Rate, by: str, now: datetime | None = None) -> FxRate:
    """Keep a rate. The same once more changes nothing.

    Errors: MoneyRefused for a currency; InputRefused for a rate, no source, or a time to come; Conflict when another
    rate of that moment stands: enter the right one with a later moment.
    """
    now = now or clock.now()
    money.exponent(rate.base)
    money.exponent(rate.quote)
    if rate.base == rate.quote:
        raise InputRefused("quote", "is the same currency.")
    fraction(rate.rate)
    source = " ".join(rate.source.split())
    if not source or len(source) > 200:
        raise InputRefused("source", "is empty or longer than 200 characters.", "Say whose rate it is, like ECB.")
    if rate.quoted_at > now:
        raise InputRefused("quoted_at", "lies ahead.", "Give the time at which the rate was quoted.")
    known = session.scalar(
        sa.select(FxRate).where(
            FxRate.base == rate.base, FxRate.quote == rate.quote, FxRate.quoted_at == rate.quoted_at
        )
    )
    if known is not None:
        if fraction(known.rate) != fraction(rate.rate):
            raise Conflict(f"a rate of that moment stands already: {known.rate} {rate.quote} for one {rate.base}")
        return known
    row = FxRate(
        id=new_id("fxr"), base=rate.base, quote=rate.quote, rate=rate.rate, source=source, quoted_at=rate.quoted_at,
        recorded_at=clock.wall(), recorded_by=by,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "rate.enter", row.id, base=row.base, quote=row.quote, rate=row.rate, source=source)
    session.flush()
    return row


def read(text: str) -> list[tuple[int, Rate | str]]:
    """A CSV of rates: (line, rate or what is wrong with it) of each. Columns base, quote, rate, source, quoted_at.

    Errors: InputRefused when it isn't such a file at all.
    """
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if not set(COLUMNS) <= {(name or "").strip().lower() for name in rows.fieldnames or ()}:
        raise InputRefused("file", "lacks a column.", f"Its first line names {', '.join(COLUMNS)}.")
    found: list[tuple[int, Rate | str]] = []
    for line, row in enumerate(rows, 2):
        if line > _MOST_ROWS + 1:
            raise InputRefused("file", f"has more than {_MOST_ROWS} rows.")
        cells = {(name or "").strip().lower(): (cell or "").strip() for name, cell in row.items() if name}
        try:
            moment = clock.parse(cells["quoted_at"])
        except ValueError:
            found.append((line, "quoted_at isn't a time with its offset, like 2026-11-27T16:00:00+01:00"))
            continue
        found.append(
            (line, Rate(cells["base"].upper(), cells["quote"].upper(), cells["rate"], cells["source"], moment))
        )
    return found


def enter_all(session: Session, text: str, by: str) -> tuple[int, list[tuple[int, str]]]:
    """Keep every good rate of a CSV: (how many, the lines that were refused and why). Errors: as `read`."""
    taken, refused = 0, []
    for line, rate in read(text):
        if isinstance(rate, str):
            refused.append((line, rate))
            continue
        try:
            enter(session, rate, by)
            taken += 1
        except ConnectorError as error:
            refused.append((line, error.public))
    return taken, refused


def newest(session: Session, base: str, quotes: Collection[str], as_of: datetime) -> dict[str, Rate]:
    """quote → the newest rate of `base` that was quoted by `as_of`; those without any are absent."""
    found: dict[str, Rate] = {}
    if not quotes:
        return found
    query = sa.select(FxRate).where(FxRate.base == base, FxRate.quote.in_(list(quotes)), FxRate.quoted_at <= as_of)
    for row in session.scalars(query.order_by(FxRate.quoted_at)):
        found[row.quote] = Rate(row.base, row.quote, row.rate, row.source, row.quoted_at)
    return found


def is_good(rate: Rate, as_of: datetime, for_: timedelta) -> bool:
    """May a rate still be paid by at `as_of`?"""
    return rate.quoted_at <= as_of < rate.quoted_at + for_


def latest(session: Session, limit: int = 50) -> Sequence[FxRate]:
    """The rates that were quoted last."""
    return session.scalars(sa.select(FxRate).order_by(FxRate.quoted_at.desc(), FxRate.id).limit(limit)).all()
