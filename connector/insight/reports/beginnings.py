"""From joining to the first link to the first sale: how long it takes creators to begin.

A creator joins the app when they are registered, and a shop when they first take up one of its products. The first sale
is the first order that a report of sales would count for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.attribution.tables import Link
from connector.insight.reports import sold
from connector.insight.reports.asked import Asked
from connector.programme.collaborations.tables import PromotionRow
from connector.programme.creators.tables import Creator


@dataclass(frozen=True, slots=True)
class Beginning:
    """When one creator joined, made a first link and sold first. None: not yet."""

    joined: datetime
    linked: datetime | None = None
    sold: datetime | None = None


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Those who joined in a time: how many of them have come how far, and how long half of those took at most."""

    joined: int
    linked: int
    sold: int
    to_link: timedelta | None  # from joining; None: nobody has yet
    to_sale: timedelta | None  # from the first link, or from joining where a sale came by a code alone


def read(session: Session, asked: Asked) -> Beginnings:
    """Of the creators who joined in the time that is asked for: the shop where one is named, else the app."""
    return summed(each(session, asked))


def summed(begun: Mapping[str, Beginning]) -> Beginnings:
    """As `read`, of what is known: pure. A link from before joining (it was brought along) took no time."""
    none = timedelta(0)
    to_link = [max(none, one.linked - one.joined) for one in begun.values() if one.linked is not None]
    to_sale = [max(none, one.sold - (one.linked or one.joined)) for one in begun.values() if one.sold is not None]
    return Beginnings(len(begun), len(to_link), len(to_sale), _middle(to_link), _middle(to_sale))


def _middle(spans: list[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(each.total_seconds() for each in spans)) if spans else None


def each(session: Session, asked: Asked) -> dict[str, Beginning]:
    """Creator → how they began, of those who joined in the time that is asked for."""
    joined = _joined(asked)
    known = {creator_id: Beginning(at) for creator_id, at in session.execute(joined)}
    cohort = sa.select(joined.subquery().c[0])
    links = sa.select(Link.creator_id, sa.func.min(Link.created_at)).where(Link.creator_id.in_(cohort))
    if asked.shop_id is not None:
        links = links.where(Link.shop_id == asked.shop_id)
    linked = {row[0]: row[1] for row in session.execute(links.group_by(Link.creator_id))}
    first = sold.first(session, cohort, asked.shop_id)
    return {
        creator_id: Beginning(one.joined, linked.get(creator_id), first.get(creator_id))
        for creator_id, one in known.items()
    }


def _joined(asked: Asked) -> sa.Select[str, datetime]:
    if asked.shop_id is None:
        query = sa.select(Creator.id, Creator.created_at)
        begins: sa.ColumnElement[datetime] = Creator.created_at.expression
        if asked.creator_id is not None:
            query = query.where(Creator.id == asked.creator_id)
        for bound in _bounds(begins, asked):
            query = query.where(bound)
        return query
    begins = sa.func.min(PromotionRow.starts_at)
    query = (
        sa.select(PromotionRow.creator_id, begins)
        .where(PromotionRow.shop_id == asked.shop_id)
        .group_by(PromotionRow.creator_id)
    )
    if asked.creator_id is not None:
        query = query.where(PromotionRow.creator_id == asked.creator_id)
    for bound in _bounds(begins, asked):
        query = query.having(bound)
    return query


def _bounds(begins: sa.ColumnElement[datetime], asked: Asked) -> list[sa.ColumnElement[bool]]:
    found = []
    if asked.since is not None:
        found.append(begins >= asked.since)
    if asked.until is not None:
        found.append(begins < asked.until)
    return found
