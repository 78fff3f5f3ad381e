"""Products are put into content and taken out of it. Each has its time; what was is never edited away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.content import places
from connector.programme.content.places import MOST, Span, State
from connector.programme.content.tables import Anchor, Content

# A start or an end that a caller wrote down a moment before we look at our clock: taken as now.
_JUST_NOW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product that a creator puts into a content. `starts_at` None: now."""

    listing_id: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A product in a content, with what it is called and whether it can be tapped now."""

    anchor: Anchor
    title: str
    state: State
    reason: str  # why the listing isn't shoppable: a code of `shoppable.REASONS`; "" where it is


def put(
    session: Session, content: Content, wanted: Sequence[Wanted], *, by: str, now: datetime | None = None
) -> list[Anchor]:
    """Put products into a content: all of them, or none. A product that is there for that time already is a repeat.

    Errors: InputRefused(field) for a product named twice, one that isn't known or can't be bought, a time that has
    passed or ends before it begins, or more than 30 products at one moment; Conflict for a product that is there in a
    part of the time.
    """
    now = now or clock.now()
    if not 1 <= len(wanted) <= MOST:
        raise InputRefused("products", f"are {len(wanted)}.", f"Send 1 to {MOST} products.")
    listings = _listings(session, [each.listing_id for each in wanted])
    # Two requests for one content at once stand in line, so that together they don't exceed what it holds.
    session.execute(sa.select(Content.id).where(Content.id == content.id).with_for_update())
    standing = list(_rows(session, content.id))
    found = []
    for each in wanted:
        listing = listings[each.listing_id]
        span = _span(each, now)
        same = [row for row in standing if row.listing_id == listing.id and places.overlap(_of(row), span)]
        repeated = next((row for row in same if _repeats(row, each, span)), None)
        if repeated is not None:
            found.append(repeated)
            continue
        if same:
            raise Conflict(
                f"listing {listing.id} is in content {content.id} as {same[0].id}",
                public=f"“{listing.title[:80]}” is in this content for a part of that time already. End that first.",
            )
        if places.at_once([_of(row) for row in standing], span) > MOST:
            raise InputRefused(
                "products", f"would be more than {MOST} at once.", "Take one out first, or let it end before.",
            )  # fmt: skip
        row = Anchor(
            id=new_id("anc"), content_id=content.id, listing_id=listing.id, shop_id=listing.shop_id,
            product_ref=listing.product_ref, starts_at=span[0], ends_at=span[1], recorded_at=now, recorded_by=by,
        )  # fmt: skip
        session.add(row)
        standing.append(row)
        found.append(row)
    session.flush()
    return found


def take_out(
    session: Session, content: Content, anchor_id: str, *, ends_at: datetime | None = None, now: datetime | None = None
) -> Anchor:
    """End a product's time in a content, now or at a moment to come. Taps that it led to stay what they are.

    Errors: NotFound; InputRefused("ends_at") for a moment that has passed, or before its beginning; Conflict where it
    ended already.
    """
    now = now or clock.now()
    row = session.scalar(
        sa.select(Anchor).where(Anchor.id == anchor_id, Anchor.content_id == content.id).with_for_update()
    )
    if row is None:
        raise NotFound(f"content {content.id} has no product placed as {anchor_id[:40]!r}")
    if row.ends_at is not None and row.ends_at <= now:
        if ends_at is None or ends_at == row.ends_at:
            return row
        raise Conflict(f"{row.id} ended at {row.ends_at}", public="It has ended already; put the product in anew.")
    end = now if ends_at is None else ends_at
    if end < now - _JUST_NOW:
        raise InputRefused("ends_at", "has passed.", "Leave it out to end it now.")
    # What hasn't begun is called off: it was there for no time at all.
    row.ends_at = max(end, row.starts_at) if ends_at is None else end
    if row.ends_at < row.starts_at:
        raise InputRefused("ends_at", "is before it begins.", f"It begins at {row.starts_at.isoformat()}.")
    session.flush()
    return row


def of_content(session: Session, content_id: str, now: datetime | None = None) -> list[Placed]:
    """Every product that is or was in a content, in the order in which they begin."""
    now = now or clock.now()
    rows = sorted(_rows(session, content_id), key=lambda row: (row.starts_at, row.id))
    return shown(session, rows, now)


def shown(session: Session, rows: Collection[Anchor], now: datetime) -> list[Placed]:
    listings = {
        row.id: row
        for row in session.scalars(sa.select(Listing).where(Listing.id.in_({each.listing_id for each in rows})))
    }
    return [_placed(row, listings.get(row.listing_id), now) for row in rows]


def active(session: Session, content_ids: Collection[str], now: datetime) -> dict[str, int]:
    """Content → how many of its products can be tapped now; content without any is absent."""
    query = (
        sa.select(Anchor.content_id, sa.func.count())
        .join(Listing, Listing.id == Anchor.listing_id)
        .where(
            Anchor.content_id.in_(list(content_ids)), Anchor.starts_at <= now,
            sa.or_(Anchor.ends_at.is_(None), Anchor.ends_at > now), Listing.status == "shoppable",
        )
        .group_by(Anchor.content_id)
    )  # fmt: skip
    return {content_id: int(number) for content_id, number in session.execute(query)}


def _placed(row: Anchor, listing: Listing | None, now: datetime) -> Placed:
    status = None if listing is None else listing.status
    reason = "" if listing is None or status == "shoppable" else listing.reason
    return Placed(row, listing.title if listing else row.product_ref, places.state(_of(row), status, now), reason)


def _rows(session: Session, content_id: str) -> Sequence[Anchor]:
    return session.scalars(sa.select(Anchor).where(Anchor.content_id == content_id)).all()


def _of(row: Anchor) -> Span:
    return row.starts_at, row.ends_at


def _repeats(row: Anchor, asked: Wanted, span: Span) -> bool:
    """Sent again: the same time; or no beginning was named, and it is there now, until the same end."""
    if row.ends_at != span[1]:
        return False
    return row.starts_at == span[0] or (asked.starts_at is None and row.starts_at <= span[0])


def _span(asked: Wanted, now: datetime) -> Span:
    starts_at = asked.starts_at or now
    if starts_at < now - _JUST_NOW:
        raise InputRefused("starts_at", "has passed.", "Leave it out to begin now.")
    if asked.ends_at is not None and asked.ends_at <= starts_at:
        raise InputRefused("ends_at", "isn't after the beginning.", "Send a later end, or none.")
    return starts_at, asked.ends_at


def _listings(session: Session, ids: Sequence[str]) -> dict[str, Listing]:
    if len(set(ids)) != len(ids):
        twice = next(each for each in ids if ids.count(each) > 1)
        raise InputRefused("products", f"name {twice[:40]!r} twice.", "Name each product once.")
    found = {row.id: row for row in session.scalars(sa.select(Listing).where(Listing.id.in_(ids)))}
    for each in ids:
        if each not in found:
            raise InputRefused("products", f"name {each[:40]!r}, which is no listing.", "Take ids from the list.")
        row = found[each]
        # What is sold out comes back by itself, and a video outlives an afternoon without stock.
        if row.status == "gone" or (row.status != "shoppable" and row.reason != "sold_out"):
            raise InputRefused(
                "products", f"name “{row.title[:80]}”, which can't be bought ({row.reason or row.status}).",
                "Take it out of the list; it can be put in when it is sold again.",
            )  # fmt: skip
    return found
