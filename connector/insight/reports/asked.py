"""What a report is asked for: whose sales, of what, in which time. A filter narrows what is shown, never a balance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.queries import BESIDE
from connector.errors import InputRefused, NotFound
from connector.programme.collaborations.tables import Terms
from connector.programme.content import queries as contents

DIMENSIONS = ("creator", "content", "product", "collaboration", "shop", "day")
# What a filter says for a line that has none: no video (a link), no product (a line that the store made up), no terms.
NONE = "none"
LONGEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose, of what, when. Times are of the orders and the taps; `until` is not in it. None: not narrowed by that.

    `zone` says what a day is: the shop's for a merchant, UTC where several shops are asked for together.
    """

    shop_id: str | None = None
    creator_id: str | None = None
    content_id: str | None = None
    listing_id: str | None = None
    terms_ids: frozenset[str] | None = None  # all versions of one collaboration; empty: lines without terms
    kind: str | None = None  # only what is owed beside orders, of that kind (`ledger.queries.BESIDE`)
    currency: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    zone: tzinfo = field(default=UTC)

    def on(self, day: date) -> Asked:
        """The same of one day only."""
        return replace(self, since=_start(day, self.zone), until=_start(day + timedelta(days=1), self.zone))


def days(asked: Asked, first: date, last: date) -> Asked:
    """The same from the first to the last day, both in it. Errors: InputRefused for days in the wrong order, or more
    than `LONGEST_DAYS` of them."""
    if last < first:
        raise InputRefused("until", "is before the first day.", "Give the later day as the last one.")
    if (last - first).days >= LONGEST_DAYS:
        raise InputRefused("since", f"is more than {LONGEST_DAYS} days before the last day.", "Ask for a shorter time.")
    return replace(asked, since=_start(first, asked.zone), until=_start(last + timedelta(days=1), asked.zone))


def of_month(asked: Asked, now: datetime, number: int = 30) -> Asked:
    """The same of the `number` days up to and with today."""
    today = now.astimezone(asked.zone).date()
    return days(asked, today - timedelta(days=number - 1), today)


def span(asked: Asked) -> list[date]:
    """Every day of it, the empty ones too. None where it has no beginning or no end."""
    if asked.since is None or asked.until is None:
        return []
    first = asked.since.astimezone(asked.zone).date()
    last = (asked.until - timedelta(microseconds=1)).astimezone(asked.zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def narrowed(session: Session, asked: Asked, **to: str) -> Asked:
    """The same of one creator, video, product, collaboration or shop; `to` may say "none" for a line without one, and a
    kind of what is owed beside orders for that kind's own row.

    A product is named by its listing's id, a collaboration by the id of any of its versions. A video's creator is
    added, so that their index is used.
    Errors: NotFound for a video or terms that aren't there, or aren't theirs who ask.
    """
    for name, value in to.items():
        if value in BESIDE:
            asked = _of_kind(asked, name, value)
        elif name == "content":
            if value != NONE:
                content = contents.get(session, value)
                if asked.creator_id not in (None, content.creator_id):
                    raise NotFound(f"content {value[:40]!r} is another creator's")
                asked = replace(asked, creator_id=content.creator_id)
            asked = replace(asked, content_id=value)
        elif name == "product":
            asked = replace(asked, listing_id=value)
        elif name == "collaboration":
            asked = replace(asked, terms_ids=frozenset() if value == NONE else versions(session, asked, value))
        elif name in ("creator", "shop"):
            held = getattr(asked, f"{name}_id")
            if held not in (None, value):
                raise NotFound(f"{name} {value[:40]!r} isn't theirs who ask")
            asked = replace(asked, creator_id=value) if name == "creator" else replace(asked, shop_id=value)
        else:
            raise AssertionError(f"no report is narrowed by {name}")
    return asked


def _of_kind(asked: Asked, name: str, kind: str) -> Asked:
    """What a report by `name` has in the row of a kind: what has no value there. Errors: NotFound for another kind's,
    and where each has one."""
    if name not in ("content", "product", "collaboration") or asked.kind not in (None, kind):
        raise NotFound(f"no {name} is called {kind}")
    if name == "content":
        asked = replace(asked, content_id=NONE)
    elif name == "collaboration":
        asked = replace(asked, terms_ids=frozenset())
    return replace(asked, kind=kind)


def in_time(asked: Asked, other: Asked) -> Asked:
    """The same of the time of another question."""
    return replace(asked, since=other.since, until=other.until)


def in_currency(asked: Asked, currency: str) -> Asked:
    """The same of one currency's orders; taps have none, and stay."""
    return replace(asked, currency=currency)


def versions(session: Session, asked: Asked, terms_id: str) -> frozenset[str]:
    """All versions of the collaboration that a version belongs to. Errors: NotFound."""
    row = session.get(Terms, terms_id)
    if row is None or asked.shop_id not in (None, row.shop_id):
        raise NotFound(f"no terms have the id {terms_id[:40]!r}")
    if row.creator_id is not None and asked.creator_id not in (None, row.creator_id):
        raise NotFound(f"terms {terms_id[:40]!r} are another creator's")
    other = sa.orm.aliased(Terms)
    return frozenset(session.scalars(sa.select(other.id).join(Terms, _same(other)).where(Terms.id == terms_id)))


def collaborations(session: Session, terms_ids: Collection[str]) -> dict[str, str]:
    """Version → the id that its collaboration goes by: its first version's."""
    found: dict[str, str] = {}
    wanted = sorted(terms_ids)
    other = sa.orm.aliased(Terms)
    for start in range(0, len(wanted), 500):
        query = (
            sa.select(Terms.id, sa.func.min(other.id))
            .join(other, _same(other))
            .where(Terms.id.in_(wanted[start : start + 500]))
            .group_by(Terms.id)
        )
        found.update((terms_id, first) for terms_id, first in session.execute(query))
    return found


def _same(other: Any) -> sa.ColumnElement[bool]:
    """`other` is a version of what `Terms` is a version of: an event's by its id, all others by what they cover."""
    return sa.and_(
        other.shop_id == Terms.shop_id, other.kind == Terms.kind, other.product_ref == Terms.product_ref,
        other.creator_id.is_not_distinct_from(Terms.creator_id), other.event_id.is_not_distinct_from(Terms.event_id),
    )  # fmt: skip


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)
