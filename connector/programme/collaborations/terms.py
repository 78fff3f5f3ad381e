"""Opening and withdrawing terms. A change is a new version; a version is never edited and never backdated."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations.tables import Terms

LEAST_BP, MOST_BP = 100, 8000
# A start that a caller wrote down a moment before we look at our clock: taken as now.
_JUST_NOW = timedelta(seconds=60)


def open_terms(
    session: Session,
    shop_id: str,
    rate_bp: int,
    *,
    product_ref: str = "",
    starts_at: datetime | None = None,
    by: str,
    now: datetime | None = None,
) -> Terms:
    """Offer `rate_bp` to every creator, for one product or (`product_ref` "") the whole shop, from `starts_at` on.

    The rate that stands already, asked for again, makes no new version: the standing one is given back.
    Errors: NotFound (shop); InputRefused for a rate outside 100-8000 bp or a start that has passed; Conflict when a
    version with a later or equal start was recorded before: it would be overruled without a word.
    """
    if isinstance(rate_bp, bool) or not isinstance(rate_bp, int) or not LEAST_BP <= rate_bp <= MOST_BP:
        raise InputRefused(
            "rate_bp", "is outside 1 % to 80 %.", f"Send basis points, a whole number from {LEAST_BP} to {MOST_BP}."
        )
    return _next(session, shop_id, rate_bp, product_ref, starts_at, by, now or clock.now())


def withdraw(
    session: Session,
    shop_id: str,
    *,
    product_ref: str = "",
    starts_at: datetime | None = None,
    by: str,
    now: datetime | None = None,
) -> Terms:
    """Offer nothing for that scope from `starts_at` on. Clicks made before keep their rate (D18).

    Errors: as `open_terms`; NotFound also when nothing is offered for the scope.
    """
    return _next(session, shop_id, None, product_ref, starts_at, by, now or clock.now())


def _next(
    session: Session, shop_id: str, rate_bp: int | None, product_ref: str, starts_at: datetime | None, by: str,
    now: datetime,
) -> Terms:  # fmt: skip
    starts = now if starts_at is None or now - _JUST_NOW <= starts_at < now else starts_at
    if starts < now:
        raise InputRefused("starts_at", "has passed.", "Terms are never backdated: give a time from now on.")
    # The shop's row is the lock that keeps two versions from getting one number (SQLite has one writer anyway).
    if session.scalar(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update()) is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")
    last = session.scalar(
        sa.select(Terms)
        .where(Terms.shop_id == shop_id, Terms.kind == "open", Terms.product_ref == product_ref)
        .order_by(Terms.version.desc())
        .limit(1)
    )
    if last is None and rate_bp is None:
        raise NotFound("nothing is offered for that scope")
    if last is not None:
        if last.rate_bp == rate_bp and last.starts_at <= starts and last.ends_at is None:
            return last
        if last.starts_at >= starts:
            raise Conflict(
                f"terms {last.id} start at {last.starts_at.isoformat()}",
                public=f"Version {last.version} starts at {last.starts_at.isoformat()}: give a later start.",
            )
    row = Terms(
        id=new_id("trm"), shop_id=shop_id, kind="open", creator_id=None, product_ref=product_ref, rate_bp=rate_bp,
        version=1 if last is None else last.version + 1, starts_at=starts, ends_at=None, recorded_at=now,
        recorded_by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row
