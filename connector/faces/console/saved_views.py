"""Saved views of the console's lists: a name for filters, for oneself or for all staff, with how many match now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.console.face import WHY, blueprint
from connector.operations import saved_views
from connector.operations.tables import SavedView
from connector.web import guards
from connector.web.guards import staff

COUNTED = 1000  # more are told as "more than 1,000"

Narrow = Callable[[Session, dict[str, Any]], "sa.Select[Any]"]


@dataclass(frozen=True, slots=True)
class Place:
    """A list whose filters can be kept: its page, the names of its filters, and the rows that they leave."""

    endpoint: str
    filters: tuple[str, ...]
    narrow: Narrow


_places: dict[str, Place] = {}


def keep(name: str, endpoint: str, filters: tuple[str, ...], narrow: Narrow) -> None:
    """Let the views of a list be saved; each list's module says it of itself."""
    _places[name] = Place(endpoint, filters, narrow)


@dataclass(frozen=True, slots=True)
class Shown:
    """A saved view as a link: `number` is None where there are more than `COUNTED`."""

    id: str
    name: str
    url: str
    number: int | None
    current: bool
    shared: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """What a list shows of views: those there are, and whether what stands in the address could be one more."""

    place: str
    views: list[Shown]
    query: str  # what would be saved, "" when there is no filter or it is saved already
    back: str


def bar(session: Session, place: str) -> Bar:
    """The saved views of the list that is being shown."""
    here = saved_views.kept_query(_query())
    shown = [_shown(session, place, row, here) for row in saved_views.of(session, place, g.staff.id)]
    known = any(view.current for view in shown)
    return Bar(place, shown, "" if known else here, request.full_path.rstrip("?"))


def _query() -> str:
    return request.query_string.decode("utf-8", "replace")


def _shown(session: Session, place: str, row: SavedView, here: str) -> Shown:
    known = _places[place]
    filters: dict[str, Any] = dict(parse_qsl(row.query))
    asked: dict[str, Any] = {name: filters.get(name, "") for name in known.filters}
    rows = known.narrow(session, asked).with_only_columns(sa.literal(1)).order_by(None).limit(COUNTED + 1)
    number = session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0
    return Shown(
        row.id, row.name, url_for(known.endpoint, **filters), number if number <= COUNTED else None, row.query == here,
        row.shared, row.owner == g.staff.id,
    )  # fmt: skip


@blueprint.post("/views/<place>")
@staff("support")
def save_view(place: str) -> AnyResponse:
    """Keep the filters of a list under a name. A list that is not one of ours is not found."""
    known = _place(place)
    name, query = request.form.get("name", ""), request.form.get("query", "")
    shared = request.form.get("shared") == "1"
    only = {part: value for part, value in parse_qsl(query) if part in known.filters}
    with db.write(Scope.system(WHY)) as session:
        row = saved_views.save(session, place, name, urlencode(only), g.staff.id, shared=shared)
        audit.record(session, guards.actor(), "view.save", row.id, place=place, name=row.name, shared=shared)
        kept: dict[str, Any] = dict(parse_qsl(row.query))
        url = url_for(known.endpoint, **kept)
    flash(f"The view “{row.name}” is saved.")
    return redirect(url, code=303)


@blueprint.post("/views/<place>/<view_id>/remove")
@staff("support")
def remove_view(place: str, view_id: str) -> AnyResponse:
    known = _place(place)
    with db.write(Scope.system(WHY)) as session:
        row = saved_views.remove(session, view_id, g.staff.id, admin=g.staff.may("admin"))
        audit.record(session, guards.actor(), "view.remove", row.id, place=place, name=row.name)
    flash(f"The view “{row.name}” is removed. What it showed is not touched.")
    return redirect(url_for(known.endpoint), code=303)


def _place(name: str) -> Place:
    known = _places.get(name)
    if known is None:
        raise NotFound(f"no list is called {name[:40]!r}")
    return known
