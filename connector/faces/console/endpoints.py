"""Where the app hears of events: endpoints and their secrets, events on their way, each attempt, sending again."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.operations.telling import catalogue, queries, replay
from connector.operations.telling import endpoints as rooms
from connector.operations.telling.tables import Endpoint, Send, Told
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

_FORM = ("name", "url", "kinds")


@blueprint.get("/endpoints")
@staff("support")
def endpoints() -> str:
    return _list({}, {})


def _list(typed: dict[str, str], errors: dict[str, str]) -> str:
    with db.read(Scope.system(WHY)) as session:
        rows = session.scalars(sa.select(Endpoint).where(Endpoint.status != "removed").order_by(Endpoint.name)).all()
        figures = queries.figures(session, [row.id for row in rows])
    return page(
        "console/endpoints.html", rows=rows, figures=figures, stands=stands, typed=typed, errors=errors,
        catalogue=catalogue.KINDS, host=host,
    )  # fmt: skip


def stands(row: Endpoint) -> str:
    """The key of its badge."""
    if row.status == "off":
        return "off" if row.off_why == "operator" else "switched_off"
    return "failing" if row.status == "on" and row.failing_since is not None else row.status


def host(url: str) -> str:
    return urlsplit(url).netloc


@blueprint.post("/endpoints")
@staff("admin")
def make_endpoint() -> str:
    typed = _typed()
    try:
        with db.write(Scope.system(WHY)) as session:
            row, secret = rooms.make(session, typed["name"], typed["url"], _kinds(typed["kinds"]), guards.actor())
    except InputRefused as refused:
        return _list(typed, {refused.field: _said(refused)})
    return _page(row.id, secret=secret)


@blueprint.get("/endpoints/<endpoint_id>")
@staff("support")
def endpoint(endpoint_id: str) -> str:
    return _page(endpoint_id)


def _page(
    endpoint_id: str, *, secret: str = "", typed: dict[str, str] | None = None, errors: dict[str, str] | None = None
) -> str:
    status = request.args.get("status", "")
    with db.read(Scope.system(WHY)) as session:
        row = queries.endpoint(session, endpoint_id)
        figures = queries.figures(session, [row.id])[row.id]
        asked = sa.select(Send).where(Send.endpoint_id == row.id)
        if status in ("waiting", "delivered", "given_up"):
            asked = asked.where(Send.status == status)
        found = keyset.read(session, "sends", asked, (Send.seq,))
        seqs = [each.seq for each in found.rows]
        events = {each.seq: each for each in session.scalars(sa.select(Told).where(Told.seq.in_(seqs)))}
    views = [
        (word, url_for(".endpoint", endpoint_id=row.id, status=key or None), number, status == key)
        for word, key, number in (
            ("All", "", None), ("Waiting", "waiting", figures.waiting), ("Given up", "given_up", figures.given_up),
            ("Delivered", "delivered", figures.delivered),
        )
    ]  # fmt: skip
    return page(
        "console/endpoint.html", row=row, figures=figures, found=found, events=events, views_shown=views,
        stands=stands(row), host=host(row.url), secret=secret, errors=errors or {}, now=clock.wall(),
        typed=typed or {"url": row.url, "kinds": " ".join(row.kinds)}, catalogue=catalogue.KINDS,
    )  # fmt: skip


@blueprint.post("/endpoints/<endpoint_id>")
@staff("admin")
def change_endpoint(endpoint_id: str) -> str | AnyResponse:
    typed = _typed()
    try:
        with db.write(Scope.system(WHY)) as session:
            rooms.change(session, endpoint_id, typed["url"], _kinds(typed["kinds"]), guards.actor())
    except InputRefused as refused:
        return _page(endpoint_id, typed=typed, errors={refused.field: _said(refused)})
    return _back(endpoint_id, "Changed. What waits goes there.")


@blueprint.post("/endpoints/<endpoint_id>/secret")
@staff("admin")
def rotate_endpoint(endpoint_id: str) -> str | AnyResponse:
    ends = request.form.get("end") == "yes"
    try:
        with db.write(Scope.system(WHY)) as session:
            if ends:
                rooms.end_rotation(session, endpoint_id, guards.actor())
            else:
                secret = rooms.rotate(session, endpoint_id, guards.actor())
    except Conflict as error:
        return _back(endpoint_id, f"Nothing was changed: {error.public}.")
    return _back(endpoint_id, "The former secret signs no more.") if ends else _page(endpoint_id, secret=secret)


@blueprint.post("/endpoints/<endpoint_id>/switch")
@staff("admin")
def switch_endpoint(endpoint_id: str) -> AnyResponse:
    on = request.form.get("on") == "yes"
    with db.write(Scope.system(WHY)) as session:
        waiting = rooms.switch(session, endpoint_id, on=on, by=guards.actor())
    if not on:
        return _back(endpoint_id, "Off. Events are kept for it until it is on again.")
    return _back(endpoint_id, f"On. {waiting:,} events wait and leave now." if waiting else "On. Nothing waits.")


@blueprint.post("/endpoints/<endpoint_id>/remove")
@staff("admin")
def remove_endpoint(endpoint_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        rooms.remove(session, endpoint_id, guards.actor())
    flash("Removed. Nothing more goes there.")
    return redirect(url_for(".endpoints"), code=303)


@blueprint.post("/endpoints/<endpoint_id>/try")
@staff("support")
def try_endpoint(endpoint_id: str) -> AnyResponse:
    try:
        with db.write(Scope.system(WHY)) as session:
            rooms.try_out(session, endpoint_id, guards.actor())
    except Conflict as error:
        return _back(endpoint_id, f"Not sent: {error.public}.")
    return _back(endpoint_id, "A test is in line. It stands first in the list below, with what was answered.")


@blueprint.post("/endpoints/<endpoint_id>/replay")
@staff("support")
def replay_events(endpoint_id: str) -> str | AnyResponse:
    """The event that the form names, or everything since its moment (UTC)."""
    event_ids, since = request.form.getlist("event"), request.form.get("since", "").strip()
    try:
        with db.write(Scope.system(WHY)) as session:
            row = rooms.get(session, endpoint_id)
            if event_ids:
                count = replay.some(session, row, event_ids, guards.actor())
            else:
                count = replay.since(session, row, _moment(since), guards.actor())
    except InputRefused as refused:
        return _page(endpoint_id, errors={refused.field: _said(refused)})
    return _back(endpoint_id, "1 event is sent again." if count == 1 else f"{count:,} events are sent again.")


@blueprint.get("/told/<event_id>")
@staff("support")
def told(event_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = queries.event(session, event_id)
        sends = queries.sends_of(session, row.seq)
        attempts = queries.attempts_of(session, row.seq)
        named = {each.id: each for each in session.scalars(sa.select(Endpoint))}
    known = catalogue.KINDS.get(row.kind)
    return page(
        "console/told.html", row=row, sends=sends, attempts=attempts, endpoints=named, when=known.when if known else ""
    )  # fmt: skip


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in _FORM}


def _kinds(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _said(refused: InputRefused) -> str:
    return f"It {refused.problem} {refused.remedy}".strip().rstrip(".")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("since", "isn't a day or a time.", "Write it like 2026-11-20 or 2026-11-20T14:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _back(endpoint_id: str, said: str) -> AnyResponse:
    flash(said)
    return redirect(url_for(".endpoint", endpoint_id=endpoint_id), code=303)
