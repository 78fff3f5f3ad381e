"""Saved views: a list with its filters under a name, for oneself or for all staff."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import clock
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound
from connector.operations.tables import SavedView

MOST = 40  # of one person and list
LONGEST_NAME = 60
LONGEST_QUERY = 1000
# Where one stands in a list is not what it shows.
_NOT_KEPT = frozenset({"older", "newer", "after", "view"})


def kept_query(query: str) -> str:
    """The filters of an address's query, in a fixed order, without cursors and empty ones."""
    pairs = parse_qsl(query[:LONGEST_QUERY], keep_blank_values=False)
    return urlencode(sorted((name, value.strip()) for name, value in pairs if name not in _NOT_KEPT and value.strip()))


def save(session: Session, place: str, name: str, query: str, owner: str, *, shared: bool) -> SavedView:
    """Keep the filters under a name. Errors: InputRefused for no name, no filter or too many views; Conflict for a name
    that is taken."""
    name = " ".join(name.split())
    kept = kept_query(query)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InputRefused("name", f"is empty or longer than {LONGEST_NAME} characters.", "Give the view a short name.")
    if not kept:
        raise InputRefused("query", "has no filter.", "Set a filter first: a view of everything is the list itself.")
    mine = sa.select(sa.func.count()).where(SavedView.place == place, SavedView.owner == owner)
    if (session.scalar(mine) or 0) >= MOST:
        raise InputRefused("name", f"would be view number {MOST + 1} of this list.", "Remove one that you don't use.")
    row = SavedView(
        id=new_id("viw"), place=place, name=name, query=kept, owner=owner, shared=shared, created_at=clock.wall()
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict(
            f"{owner} has a view {name!r} of {place}", public="You have a view of that name. Choose another name."
        ) from None
    return row


def of(session: Session, place: str, owner: str) -> Sequence[SavedView]:
    """One's own views of a list and those that others share, by name."""
    return session.scalars(
        sa.select(SavedView)
        .where(SavedView.place == place, sa.or_(SavedView.owner == owner, SavedView.shared))
        .order_by(sa.func.lower(SavedView.name), SavedView.id)
    ).all()


def remove(session: Session, view_id: str, owner: str, *, admin: bool = False) -> SavedView:
    """Errors: NotFound; NotAllowed for another's."""
    row = session.get(SavedView, view_id)
    if row is None or not (row.owner == owner or row.shared):
        raise NotFound(f"no saved view has the id {view_id[:40]!r}")
    if row.owner != owner and not admin:
        raise NotAllowed(
            "another's view", public="This view is somebody else's: who saved it, or an admin, can remove it."
        )
    session.delete(row)
    return row
