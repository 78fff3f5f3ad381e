"""What a shop gives as samples: dated, per product or for all that it opened, never edited but for its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.creators import followers
from connector.programme.samples.tables import Sample, SampleOffer

KINDS = ("free", "refundable")
MOST = 500  # that stand, of a shop
_MOST_A_MONTH = 100_000


def add(
    session: Session, shop_id: str, kind: str, *, product_ref: str = "", per_month: int | None = None,
    auto_followers: int | None = None, auto_score: int | None = None, starts_at: datetime | None = None,
    ends_at: datetime | None = None, by: str, now: datetime | None = None,
) -> SampleOffer:  # fmt: skip
    """Give samples from `starts_at` on (default: now). What stood for that product and kind ends then.

    The same, asked for again while it stands, is given back. Errors: NotFound (shop); InputRefused by field; Conflict
    where the shop has MOST.
    """
    now = now or clock.now()
    shops.get(session, shop_id)
    if kind not in KINDS:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of sample.", f"Use {' or '.join(KINDS)}.")
    if product_ref and catalog.by_ref(session, shop_id, product_ref) is None:
        raise InputRefused("product_ref", "is no product of the shop.", "Take it from the list.")
    _whole("per_month", per_month, 1, _MOST_A_MONTH)
    _whole("auto_followers", auto_followers, 0, followers.MOST)
    _whole("auto_score", auto_score, 0, 100)
    starts = starts_at or now
    if starts < now:
        raise InputRefused("starts_at", "has passed.", "It is never backdated: give a time from now on.")
    if ends_at is not None and ends_at <= starts:
        raise InputRefused("ends_at", "isn't after the start.", "Give a later time, or none.")
    living = [row for row in of_shop(session, shop_id) if row.ends_at is None or row.ends_at > now]
    same = (kind, product_ref)
    before = [row for row in living if (row.kind, row.product_ref) == same]
    wanted = (per_month, auto_followers, auto_score, ends_at)
    for row in before:
        if (row.per_month, row.auto_followers, row.auto_score, row.ends_at) == wanted and row.starts_at <= starts:
            return row
    if len(living) - len(before) >= MOST:
        raise Conflict(f"shop {shop_id} has {MOST} sample offers", public=f"You have {MOST}. End one first.")
    for row in before:
        row.ends_at = max(row.starts_at, starts)
    made = SampleOffer(
        id=new_id("sof"), shop_id=shop_id, product_ref=product_ref, kind=kind, per_month=per_month,
        auto_followers=auto_followers, auto_score=auto_score, starts_at=starts, ends_at=ends_at, recorded_at=now,
        recorded_by=by,
    )  # fmt: skip
    session.add(made)
    audit.record(
        session, by, "sample_offer.add", made.id, shop_id=shop_id, kind=kind, product_ref=product_ref,
        per_month=per_month, auto_followers=auto_followers, auto_score=auto_score,
    )  # fmt: skip
    session.flush()
    return made


def end(
    session: Session, offer_id: str, *, shop_id: str | None, by: str, now: datetime | None = None
) -> SampleOffer:  # fmt: skip
    """Give none by it from now on; what was asked for goes on. Errors: NotFound, another shop's included."""
    now = now or clock.now()
    row = session.get(SampleOffer, offer_id, with_for_update=True)
    if row is None or shop_id not in (None, row.shop_id):
        raise NotFound(f"no sample offer has the id {offer_id[:40]!r}", public="There is no such offer of samples.")
    if row.ends_at is None or row.ends_at > now:
        row.ends_at = max(row.starts_at, now)
        audit.record(session, by, "sample_offer.end", row.id, shop_id=row.shop_id)
        session.flush()
    return row


def of_shop(session: Session, shop_id: str) -> Sequence[SampleOffer]:
    """Every one that a shop ever had, newest first."""
    asked = sa.select(SampleOffer).where(SampleOffer.shop_id == shop_id)
    return session.scalars(asked.order_by(SampleOffer.id.desc())).all()


def standing(session: Session, shop_id: str, moment: datetime) -> list[SampleOffer]:
    """Those of a shop that count at `moment`, newest first."""
    return [row for row in of_shop(session, shop_id) if _counts(row, moment)]


def for_product(session: Session, shop_id: str, product_ref: str, kind: str, moment: datetime) -> SampleOffer | None:
    """By which a product is given then: its own before the shop's. None: it isn't."""
    return chosen(standing(session, shop_id, moment), product_ref, kind)


def chosen(rows: Sequence[SampleOffer], product_ref: str, kind: str) -> SampleOffer | None:
    """As `for_product`, of offers that are at hand."""
    fits = [row for row in rows if row.kind == kind and row.product_ref in ("", product_ref)]
    return max(fits, key=lambda row: (row.product_ref != "", row.starts_at, row.id), default=None)


def kinds_of(session: Session, shop_id: str, product_refs: Collection[str], moment: datetime) -> dict[str, list[str]]:
    """Product → the kinds of samples that it is given as now; [] where none."""
    rows = standing(session, shop_id, moment)
    return {ref: [kind for kind in KINDS if chosen(rows, ref, kind) is not None] for ref in product_refs}


def takes_by_itself(offer: SampleOffer, *, follower_count: int, percent: int | None) -> bool:
    """Does its rule approve a request without a person? A score that nobody knows yet meets no demand. Pure."""
    if offer.auto_followers is None and offer.auto_score is None:
        return False
    if offer.auto_followers is not None and follower_count < offer.auto_followers:
        return False
    return offer.auto_score is None or (percent is not None and percent >= offer.auto_score)


def left_this_month(session: Session, offer: SampleOffer, now: datetime) -> int | None:
    """How many more may be approved in this month of the shop's zone; None: as many as come."""
    if offer.per_month is None:
        return None
    used = session.scalar(
        sa.select(sa.func.count())
        .select_from(Sample)
        .join(SampleOffer, SampleOffer.id == Sample.offer_id)
        .where(
            SampleOffer.shop_id == offer.shop_id, SampleOffer.kind == offer.kind,
            SampleOffer.product_ref == offer.product_ref, Sample.approved_at >= _month(session, offer.shop_id, now),
        )
    )  # fmt: skip
    return max(0, offer.per_month - (used or 0))


def lock(session: Session, offer: SampleOffer) -> None:
    """One approval by it at a time, so that together they don't exceed a month's number. (Not FOR UPDATE: two requests
    that have each written a row which refers to it would wait for one another.)"""
    session.execute(sa.select(SampleOffer.id).where(SampleOffer.id == offer.id).with_for_update(key_share=True))


def _month(session: Session, shop_id: str, now: datetime) -> datetime:
    try:
        zone = ZoneInfo(shops.get(session, shop_id).time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _counts(row: SampleOffer, moment: datetime) -> bool:
    return row.starts_at <= moment and (row.ends_at is None or moment < row.ends_at)


def _whole(field: str, value: int | None, least: int, most: int) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most):
        raise InputRefused(field, f"isn't a whole number from {least} to {most}.", "Leave it out for no limit.")
