"""Taps by the dimensions of a report: what a funnel begins with.

A tap is a touch that led a buyer to a product: what was put into a cart is none, nor is one beyond the rate that a
person taps at. Taps are counted by when they happened, orders by when they were placed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.attribution.tables import Touch
from connector.insight.reports import asked as asking
from connector.insight.reports.asked import NONE, Asked
from connector.insight.reports.engine import Key

_COLUMNS = {
    "creator": Touch.creator_id, "content": Touch.content_id, "product": Touch.listing_id,
    "collaboration": Touch.terms_id, "shop": Touch.shop_id,
}  # fmt: skip


def count(session: Session, asked: Asked, by: Sequence[str] = ()) -> dict[Key, int]:
    """Taps by each value of `by`; without any, all of them under (). What has none is absent."""
    if asked.kind is not None:  # what is owed beside orders comes of no tap
        return {}
    if "day" in by:
        return _by_day(session, asked, by)
    columns = [_COLUMNS[name] for name in by]
    query: sa.Select[*tuple[Any, ...]] = sa.select(*columns, sa.func.count()).where(*_taps(asked))
    if columns:
        query = query.group_by(*columns)
    rows = session.connection().execute(query).all()
    if len(columns) == 1:  # a report by video has a hundred thousand
        found: dict[Key, int] = {(row[0],): row[1] for row in rows}
    else:
        found = {tuple(row[:-1]): int(row[-1]) for row in rows if row[-1]}
    return _by_collaboration(session, found, by) if "collaboration" in by else found


def _by_day(session: Session, asked: Asked, by: Sequence[str]) -> dict[Key, int]:
    """A day is the zone's, which databases don't agree on how to reckon with: each is asked for by its two ends."""
    place = by.index("day")
    rest = [name for name in by if name != "day"]
    found: dict[Key, int] = {}
    for day in asking.span(asked):
        for key, number in count(session, asked.on(day), rest).items():
            found[(*key[:place], day, *key[place:])] = number
    return found


def _by_collaboration(session: Session, found: dict[Key, int], by: Sequence[str]) -> dict[Key, int]:
    place = by.index("collaboration")
    known = asking.collaborations(session, {key[place] for key in found if key[place]})
    folded: dict[Key, int] = {}
    for key, number in found.items():
        whole = (*key[:place], known.get(key[place]), *key[place + 1 :])
        folded[whole] = folded.get(whole, 0) + number
    return folded


def _taps(asked: Asked) -> list[sa.ColumnElement[bool]]:
    wanted: list[sa.ColumnElement[bool]] = [
        Touch.kind != "cart", sa.cast(Touch.flags, sa.Text).not_like("%over_rate%")
    ]  # fmt: skip
    if asked.shop_id is not None:
        wanted.append(Touch.shop_id == asked.shop_id)
    if asked.creator_id is not None:
        wanted.append(Touch.creator_id == asked.creator_id)
    for column, value in ((Touch.content_id, asked.content_id), (Touch.listing_id, asked.listing_id)):
        if value is not None:
            wanted.append(column.is_(None) if value == NONE else column == value)
    if asked.terms_ids is not None:
        wanted.append(Touch.terms_id.in_(asked.terms_ids) if asked.terms_ids else Touch.terms_id.is_(None))
    if asked.since is not None:
        wanted.append(Touch.at >= asked.since)
    if asked.until is not None:
        wanted.append(Touch.at < asked.until)
    return wanted
