"""What creators are owed that no order's line earned: bonuses, flat fees, reimbursements, balances brought along.

They stand in the reports beside the sales, by when they were booked for, so that a report's sum is the ledger's. What
belongs to a creator, a video or a collaboration is in that one's row; what has no such thing, in a row of its kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger import sums
from connector.earnings.ledger.sums import Beside, BesidePlace
from connector.insight.reports.asked import NONE, Asked
from connector.programme.collaborations.tables import Terms

# The kinds, as rows are called.
NAMES = {
    "bonus": "Event bonuses", "flat_fee": "Flat fees", "opening": "Balances brought along",
    "reimbursement": "Reimbursed samples",
}  # fmt: skip
ONE = {
    "bonus": "Event bonus", "flat_fee": "Flat fee", "opening": "Balance brought along",
    "reimbursement": "Reimbursed sample",
}  # fmt: skip
SHOWN = 50  # of them on a page
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Owed:
    """An entry of it, and the id that its collaboration goes by in reports; None: it belongs to none."""

    entry: Beside
    collaboration: str | None = None


def read(session: Session, asked: Asked) -> list[Owed]:
    """What a report has of it, the newest first."""
    return list(_some(session, asked, None, None))


def page(
    session: Session, asked: Asked, *, behind: BesidePlace | None = None, limit: int = SHOWN
) -> tuple[list[Owed], BesidePlace | None]:
    """A page of the same, and where the next one begins (None: nowhere). No more is read than is shown, but for what
    has no video or no collaboration and isn't of the kind that was asked for."""
    found = list(islice(_some(session, asked, behind, limit + 1), limit + 1))
    return found[:limit], found[limit - 1].entry.place if len(found) > limit else None


def _some(session: Session, asked: Asked, behind: BesidePlace | None, at_once: int | None) -> Iterator[Owed]:
    """What follows behind a place, `at_once` read at a time (None: all of it)."""
    if asked.listing_id is not None:
        return  # none of it belongs to a product, and a line without one is an order's
    events: list[str | None] = [None]
    if asked.terms_ids:  # of what is agreed only an event's bonuses stand here
        named = sa.select(Terms.event_id).where(Terms.id.in_(asked.terms_ids), Terms.event_id.is_not(None)).distinct()
        events = list(session.scalars(named))
        if len(events) > 1:
            raise AssertionError("the versions of one collaboration are one event's")
    while events:
        found = sums.beside(
            session, shop_id=asked.shop_id, creator_id=asked.creator_id, currency=asked.currency, since=asked.since,
            until=asked.until, kind=asked.kind, content_id=None if asked.content_id == NONE else asked.content_id,
            event_id=events[0], behind=behind, limit=at_once,
        )  # fmt: skip
        versions = _events(session, found)
        for each in found:
            terms_ids = versions.get(_event(each), [])
            if _wanted(asked, each, terms_ids):
                yield Owed(each, min(terms_ids, default=None))
        if at_once is None or len(found) < at_once:
            return
        behind = found[-1].place


def _wanted(asked: Asked, each: Beside, terms_ids: Collection[str]) -> bool:
    """What has no video or no collaboration isn't among the orders' lines without one: it is in the row of its kind."""
    if asked.kind not in (None, each.kind):
        return False
    if asked.content_id == NONE:
        if asked.kind is None or each.content_id is not None:
            return False
    elif asked.content_id not in (None, each.content_id):
        return False
    if asked.terms_ids is None:
        return True
    if not asked.terms_ids:
        return asked.kind is not None and not terms_ids
    return not asked.terms_ids.isdisjoint(terms_ids)


def _event(each: Beside) -> str:
    return each.subject.split(":")[1] if each.kind == "bonus" else ""


def _events(session: Session, found: Collection[Beside]) -> dict[str, list[str]]:
    """Event → its versions, of those that have a bonus here."""
    wanted = sorted({event for each in found if (event := _event(each))})
    shops = sorted({each.shop_id for each in found if each.kind == "bonus"})
    versions: dict[str, list[str]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = sa.select(Terms.event_id, Terms.id).where(
            Terms.shop_id.in_(shops), Terms.kind == "event", Terms.event_id.in_(wanted[start : start + _AT_ONCE])
        )
        for event_id, terms_id in session.execute(query):
            versions.setdefault(str(event_id), []).append(terms_id)
    return versions
