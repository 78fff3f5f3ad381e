"""What a shop and a creator write to each other about their offer: sent, read, reported, exported."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response, g
from pydantic import Field

from connector import db
from connector.db import Scope
from connector.earnings.attribution.touches import request_key
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.faces.api.negotiations import Key, Number, Side
from connector.faces.api.shapes import Asked, Given, Text, example
from connector.programme.collaborations import dossier, messages, negotiation
from connector.web.guards import actor, app_scope

_CSV: dict[int | str, Any] = {200: {"description": "The negotiation as CSV", "content": {"text/csv": {}}}}


class MessageAsked(Asked):
    model_config = example(side="merchant", text="Could you show it in daylight?")

    side: Side = Field(description="Who writes.")
    text: Annotated[Text, Field(max_length=10_000)] = Field(
        description=f"Plain text of up to {messages.LONGEST} characters; HTML is shown as it was typed.",
        examples=["Could you add a sample?"],
    )


class ReadAsked(Asked):
    model_config = example(side="creator", number=7)

    side: Side = Field(description="Who has read.")
    number: Number = Field(description="Up to which message.", examples=[7])


class AbuseAsked(Asked):
    model_config = example(side="creator", words="Insulting")

    side: Side = Field(description="Who reports a message of the other side.")
    words: Annotated[Text, Field(max_length=10_000)] = Field(examples=["Insulting"])


class MessageShown(Given):
    number: int
    side: Side
    text: str
    at: datetime


class MessagePage(Given):
    items: list[MessageShown]
    next: str | None


class UnreadShown(Given):
    unread_by_merchant: int
    unread_by_creator: int


class AbuseShown(Given):
    id: str
    number: int
    side: Side
    reported_at: datetime
    closed_at: datetime | None


class DossierShown(Given):
    negotiation_id: str
    state: Literal["open", "agreed", "declined", "expired", "withdrawn"]
    shop: dict[str, str]
    creator: dict[str, str]
    begun_at: datetime
    exported_at: datetime
    offers: list[dict[str, Any]]
    agreements: list[dict[str, Any]]
    content: list[dict[str, Any]]
    messages: list[dict[str, Any]]


@blueprint.post("/negotiations/<negotiation_id>/messages")
@app_scope("messages:write")
@blueprint.input(MessageAsked)
@blueprint.input(Key, location="headers")
@blueprint.output(MessageShown, status_code=201)
def send_message(negotiation_id: str, json_data: MessageAsked, headers_data: Key) -> MessageShown:
    """Write to the other side

    It hears of it by the notice `message.received`. 30 messages an hour in a thread, 500 a day in all: then 429 with
    Retry-After. Send an Idempotency-Key.
    """
    sent = headers_data.idempotency_key
    key = None if sent is None else request_key(g.app_token.id, sent)
    with db.write(Scope.app()) as session:
        row = messages.post(session, negotiation_id, json_data.side, json_data.text, by=actor(), key=key)
        return MessageShown.model_validate(row)


@blueprint.get("/negotiations/<negotiation_id>/messages")
@app_scope("messages:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(MessagePage)
def list_messages(negotiation_id: str, query_data: shapes.Page) -> MessagePage:
    """The thread of a negotiation, oldest first"""
    listing = f"thread:{negotiation_id}"
    with db.read(Scope.app()) as session:
        negotiation.find(session, negotiation_id)
        after = id_after(listing, query_data.cursor)
        rows = messages.page(session, negotiation_id, after=int(after or 0), limit=query_data.limit + 1)
        shown, more = page(listing, rows, query_data.limit, lambda row: [str(row.number)])
        return MessagePage(items=[MessageShown.model_validate(row) for row in shown], next=more)


@blueprint.post("/negotiations/<negotiation_id>/read")
@app_scope("messages:write")
@blueprint.input(ReadAsked)
@blueprint.output(UnreadShown)
def mark_read(negotiation_id: str, json_data: ReadAsked) -> UnreadShown:
    """Say how far a side has read its thread"""
    with db.write(Scope.app()) as session:
        row = messages.read(session, negotiation_id, json_data.side, json_data.number)
        return UnreadShown(
            unread_by_merchant=messages.unread(row, "merchant"), unread_by_creator=messages.unread(row, "creator")
        )


@blueprint.post("/negotiations/<negotiation_id>/messages/<int:number>/report")
@app_scope("messages:write")
@blueprint.input(AbuseAsked)
@blueprint.output(AbuseShown, status_code=201)
def report_message(negotiation_id: str, number: int, json_data: AbuseAsked) -> AbuseShown:
    """Report a message of the other side as abuse: support reads it

    A second report of a message is the first one.
    """
    with db.write(Scope.app()) as session:
        row = messages.report(session, negotiation_id, number, json_data.side, json_data.words, by=actor())
        return AbuseShown.model_validate(row)


@blueprint.get("/negotiations/<negotiation_id>/export")
@app_scope("messages:read")
@blueprint.output(DossierShown)
def export_negotiation(negotiation_id: str) -> dict[str, Any]:
    """A negotiation whole, for a dispute: offers, answers, agreements, messages"""
    with db.read(Scope.app()) as session:
        return dossier.of(session, negotiation.find(session, negotiation_id))


@blueprint.get("/negotiations/<negotiation_id>/export.csv")
@app_scope("messages:read")
@blueprint.doc(responses=_CSV)
def export_negotiation_table(negotiation_id: str) -> Response:
    """The same as CSV: a row an event, in the order in which they happened"""
    with db.read(Scope.app()) as session:
        text = dossier.table(dossier.of(session, negotiation.find(session, negotiation_id)))
    return Response(
        text, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{negotiation_id}.csv"'}
    )
