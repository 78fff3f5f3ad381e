"""A shop's feeds: made, found by their address, built anew, removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, jobs, vault
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import InputRefused, NotFound
from connector.insight.feeds.channels import FORMATS
from connector.insight.feeds.findings import WORDS
from connector.insight.feeds.tables import Feed, FeedBuild, FeedFinding
from connector.insight.feeds.writing import KINDS

JOB = "feeds.build"
EVERY_HOURS = 24
_PURPOSE = "feed"
UNDER_WAY = ("queued", "running")
# A build that was not heard of for so long is given up: its job is gone, or stands behind a very long queue.
SILENT = timedelta(hours=2)
# What was written shortly before a build began may have been committed behind it.
LATE_COMMIT = timedelta(minutes=10)


class Told(msgspec.Struct, frozen=True):
    """A code of a build with its words, how often it came, and the first few items."""

    code: str
    title: str
    remedy: str
    count: int
    items: tuple[FeedFinding, ...]


def create(
    session: Session, shop_id: str, channel: str, kind: str = "", *, every_hours: int = EVERY_HOURS, by: str
) -> Feed:
    """The shop's feed for that channel and format; asked for again, it is the same one. Its first build is queued.

    Errors: NotFound (shop); InputRefused for a channel or format that there isn't, or hours out of bounds.
    """
    shop = shops.get(session, shop_id)
    if channel not in FORMATS:
        raise InputRefused("channel", f"{channel[:40]!r} is no channel.", f"Use {', '.join(FORMATS)}.")
    kind = kind or FORMATS[channel][0]
    if kind not in FORMATS[channel]:
        raise InputRefused(
            "format", f"{kind[:40]!r} is no format that {channel} reads.", f"Use {', '.join(FORMATS[channel])}."
        )
    if not 0 <= every_hours <= 24 * 30:
        raise InputRefused("every_hours", "is out of bounds.", "Give 0 (only when asked) to 720.")
    feed = session.scalar(sa.select(Feed).where(Feed.shop_id == shop.id, Feed.channel == channel, Feed.format == kind))
    if feed is None:
        feed = Feed(
            id=new_id("fed"), shop_id=shop.id, channel=channel, format=kind, generation=1, every_hours=every_hours,
            built_id=None, created_at=clock.now(), removed_at=None,
        )  # fmt: skip
        session.add(feed)
        audit.record(session, by, "feed.create", feed.id, shop_id=shop.id, channel=channel, format=kind)
    elif feed.removed_at is not None:
        # The address that was out stays void.
        feed.removed_at, feed.generation, feed.every_hours = None, feed.generation + 1, every_hours
        audit.record(session, by, "feed.create", feed.id, shop_id=shop.id, channel=channel, format=kind)
    session.flush()
    if feed.built_id is None:
        asked_by = by.partition(":")[0]
        start(session, feed, asked_by if asked_by in ("app", "merchant") else "command")
    return feed


def get(session: Session, feed_id: str) -> Feed:
    """Errors: NotFound, for a removed one too."""
    feed = session.get(Feed, feed_id)
    if feed is None or feed.removed_at is not None:
        raise NotFound(f"no feed has the id {feed_id[:40]!r}")
    return feed


def of_shop(session: Session, shop_id: str | None = None) -> Sequence[Feed]:
    asked = sa.select(Feed).where(Feed.removed_at.is_(None)).order_by(Feed.shop_id, Feed.channel, Feed.format)
    return session.scalars(asked if shop_id is None else asked.where(Feed.shop_id == shop_id)).all()


def key(feed: Feed) -> str:
    """The secret part of its address: 96 bits that only the holder of the hash key can make."""
    return vault.current().sign(_PURPOSE, f"{feed.id}.{feed.generation}")


def path(feed: Feed) -> str:
    return f"/feeds/{feed.id}/{key(feed)}/{feed.channel}.{KINDS[feed.format][0]}"


def opened(session: Session, feed_id: str, given: str) -> Feed:
    """The feed of an address. Errors: NotFound, the same for a wrong id, a wrong key (compared in constant time) and a
    shop that left: nobody may go on to advertise its goods."""
    feed = session.get(Feed, feed_id)
    fits = feed is not None and vault.current().signed_by_us(_PURPOSE, f"{feed.id}.{feed.generation}", given)
    if feed is None or not fits or feed.removed_at is not None or shops.get(session, feed.shop_id).status == "left":
        raise NotFound("no feed has that address")
    return feed


def renew(session: Session, feed: Feed, *, by: str) -> None:
    """A new address; the one that is out leads nowhere from now on."""
    feed.generation += 1
    audit.record(session, by, "feed.renew", feed.id, shop_id=feed.shop_id)


def remove(session: Session, feed: Feed, *, by: str) -> None:
    """No longer built or given out. Its files go when the transaction is over: call `files.drop_all` behind it."""
    feed.removed_at, feed.built_id = clock.now(), None
    audit.record(session, by, "feed.remove", feed.id, shop_id=feed.shop_id)


def forget_shop(session: Session, shop_id: str) -> list[str]:
    """Take away all that is kept of a shop's feeds, as its erasure asks; the ids whose files must go (`drop_all`)."""
    ids = list(session.scalars(sa.select(Feed.id).where(Feed.shop_id == shop_id)))
    builds_of = sa.select(FeedBuild.id).where(FeedBuild.shop_id == shop_id)
    session.execute(sa.delete(FeedFinding).where(FeedFinding.build_id.in_(builds_of)))
    session.execute(sa.delete(FeedBuild).where(FeedBuild.shop_id == shop_id))
    session.execute(sa.delete(Feed).where(Feed.shop_id == shop_id))
    return ids


def start(
    session: Session, feed: Feed, cause: str, now: datetime | None = None, *, by_worker: bool = True
) -> FeedBuild:
    """Queue a build; the one that is under way, where there is one. Without a worker the caller builds it."""
    now = now or clock.now()
    newest = newest_build(session, feed.id)
    if newest is not None and newest.status in UNDER_WAY:
        if (newest.heard_at or newest.queued_at) > now - SILENT:
            return newest
        newest.status, newest.problem, newest.finished_at = "failed", "nothing was heard of it for two hours", now
    build = FeedBuild(
        id=new_id("fbd"), feed_id=feed.id, shop_id=feed.shop_id, status="queued", cause=cause, queued_at=now,
        started_at=None, heard_at=None, finished_at=None, problem="", products=0, items=0, written=0, refused=0,
        warned=0, counts={}, size=0, etag="",
    )  # fmt: skip
    session.add(build)
    session.flush()
    if by_worker:
        jobs.enqueue(session, JOB, build.id, shop_id=feed.shop_id, build_id=build.id)
    return build


def newest_build(session: Session, feed_id: str) -> FeedBuild | None:
    return next(iter(builds(session, feed_id, 1)), None)


def builds(session: Session, feed_id: str, limit: int = 20) -> Sequence[FeedBuild]:
    """Newest first."""
    asked = sa.select(FeedBuild).where(FeedBuild.feed_id == feed_id)
    return session.scalars(asked.order_by(FeedBuild.queued_at.desc(), FeedBuild.id.desc()).limit(limit)).all()


def told(session: Session, build: FeedBuild) -> list[Told]:
    """What was found in a build, by code, most often first."""
    rows = session.scalars(
        sa.select(FeedFinding).where(FeedFinding.build_id == build.id).order_by(FeedFinding.number)
    ).all()
    return [
        Told(code, WORDS[code].title, WORDS[code].remedy, count, tuple(row for row in rows if row.code == code))
        for code, count in sorted(build.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        if code in WORDS
    ]


def start_due(session: Session, now: datetime | None = None) -> int:
    """Queue builds of the feeds whose time has come and whose catalog changed since; how many."""
    now, count = now or clock.now(), 0
    asked = sa.select(Feed).join(Shop, Shop.id == Feed.shop_id)
    asked = asked.where(Feed.removed_at.is_(None), Feed.every_hours > 0, Shop.status != "left")
    for feed in session.scalars(asked).all():
        newest = newest_build(session, feed.id)
        if newest is not None and newest.queued_at > now - timedelta(hours=feed.every_hours):
            continue
        if newest is None or newest.status == "failed" or _changed(session, feed.shop_id, newest.queued_at):
            start(session, feed, "schedule", now)
            count += 1
    return count


def _changed(session: Session, shop_id: str, queued_at: datetime) -> bool:
    since = queued_at - LATE_COMMIT
    found = session.scalar(
        sa.select(sa.literal(True)).where(sa.exists().where(Listing.shop_id == shop_id, Listing.updated_at > since))
    )
    return bool(found)
