"""Events as they were told, in their order; and having them sent again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from connector import db
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, page
from connector.operations.telling import endpoints, queries, replay
from connector.operations.telling.tables import Told
from connector.web import cursors
from connector.web.guards import actor, app_scope


class EventsAsked(shapes.Page):
    kind: Annotated[shapes.Text, Field(max_length=60)] | None = Field(None, description="Only of this kind.")


class EventShown(shapes.Given):
    """An event as it is sent; the schema of `data` by kind stands under `webhooks` of this document."""

    id: str
    sequence: int = Field(description="Greater is later.")
    type: str
    timestamp: datetime
    notice_id: str | None
    data: dict[str, Any]


class EventPage(shapes.Given):
    items: list[EventShown]
    next: str | None


class ReplayAsked(shapes.Asked):
    """Which events: by id, or everything since a moment. One of the two."""

    endpoint: shapes.Ident = Field(description="Its id or name.", examples=["app"])
    event_ids: Annotated[list[shapes.Ident], Field(max_length=1000)] = Field([], examples=[["evt_01j8z3k5m7"]])
    since: shapes.Moment | None = Field(None, examples=["2026-11-20T14:00:00Z"])


class Replayed(shapes.Given):
    events: int = Field(description="How many are sent again, each with the id that it had.")


@blueprint.get("/events")
@app_scope("events:read")
@blueprint.input(EventsAsked, location="query")
@blueprint.output(EventPage)
def list_events(query_data: EventsAsked) -> EventPage:
    """Events in their order, for 90 days

    For whoever missed some: read on from the last `sequence` that was taken. `next` is given also at the end, so that
    it can be kept and asked with again.
    """
    with db.read(Scope.app()) as session:
        rows = queries.after(session, _after(query_data.cursor), query_data.limit + 1, query_data.kind)
        shown, more = page("events", rows, query_data.limit, lambda row: [row.seq])
    if more is None and shown:
        more = cursors.pack("events", [shown[-1].seq])
    return EventPage(items=[_shown(row) for row in shown], next=more)


@blueprint.get("/events/<event_id>")
@app_scope("events:read")
@blueprint.output(EventShown)
def read_event(event_id: str) -> EventShown:
    """One event"""
    with db.read(Scope.app()) as session:
        return _shown(queries.event(session, event_id))


@blueprint.post("/events/replay")
@app_scope("events:write")
@blueprint.input(ReplayAsked)
@blueprint.output(Replayed)
def replay_events(json_data: ReplayAsked) -> Replayed:
    """Have events sent to an endpoint again

    Asking again is safe: the ids are the same.
    """
    if bool(json_data.event_ids) == (json_data.since is not None):
        raise InputRefused("event_ids", "or `since` is needed, and not both.")
    with db.write(Scope.app()) as session:
        row = endpoints.named(session, json_data.endpoint)
        if json_data.since is not None:
            return Replayed(events=replay.since(session, row, json_data.since, actor()))
        return Replayed(events=replay.some(session, row, json_data.event_ids, actor()))


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    key = cursors.unpack("events", cursor)
    if len(key) != 1 or not isinstance(key[0], int):
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
    return key[0]


def _shown(row: Told) -> EventShown:
    return EventShown(
        id=row.id, sequence=row.seq, type=row.kind, timestamp=row.at, notice_id=row.notice_id, data=row.data
    )  # fmt: skip
