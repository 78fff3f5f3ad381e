"""Newest-first lists by a keyset: 50 a page, "Older" and "Newer", both stable while rows arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from flask import request
from sqlalchemy.orm import InstrumentedAttribute, Session

from connector.db import Moment
from connector.web import cursors

PER_PAGE = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    rows: Sequence[T]
    newer: str  # cursor, "" at the newest end
    older: str  # cursor, "" at the oldest end


def read(
    session: Session,
    listing: str,
    asked: sa.Select[T],
    order: Sequence[InstrumentedAttribute[Any]],
    *,
    per_page: int = PER_PAGE,
) -> Page[T]:
    """One page of `asked`, by `order` descending. `order` ends in a unique column, so that no row is met twice.

    The request's `older` or `newer` says where to go on. Errors: InputRefused for a cursor of another list.
    """
    back = request.args.get("newer", "")
    cursor = back or request.args.get("older", "")
    if cursor:
        key = [
            cursors.moment(part) if isinstance(column.type, Moment) else part
            for part, column in zip(cursors.unpack(listing, cursor), order, strict=True)
        ]
        here = sa.tuple_(*order)
        there = sa.tuple_(*(sa.bindparam(None, part, column.type) for part, column in zip(key, order, strict=True)))
        asked = asked.where(here > there if back else here < there)
    ordered = asked.order_by(*(column.asc() if back else column.desc() for column in order))
    found = list(session.scalars(ordered.limit(per_page + 1)))
    more = len(found) > per_page
    found = found[:per_page]
    if back:
        found.reverse()
    if not found:
        return Page((), "", "")
    names = [column.key for column in order]
    first, last = ([getattr(row, name) for name in names] for row in (found[0], found[-1]))
    newer = cursors.pack(listing, first) if (more if back else cursor) else ""
    older = cursors.pack(listing, last) if (back or more) else ""
    return Page(found, newer, older)
