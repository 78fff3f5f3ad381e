"""Where creators' money goes, and notices: what the app's back end tells its people.

The app passes on what a creator typed into it; the code that confirms a change comes back to the app alone, in a
notice, so that it reaches the creator by the app's own way and not by the page that the change was asked on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from connector import clock, db, notices
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.programme.creators import payees
from connector.programme.creators import queries as creators
from connector.programme.creators.payees import Details, Standing
from connector.programme.creators.tables import Payee
from connector.web import cursors
from connector.web.guards import actor, app_scope

_Short = Annotated[shapes.Text, Field(max_length=120)]


class PayeeAsked(shapes.Asked):
    """Payment details: at least one way to pay, whole."""

    model_config = shapes.example(name="Mira Osei", country="DE", iban="DE89370400440532013000", currency="EUR")

    name: Annotated[shapes.Text, Field(min_length=1, max_length=120)] = Field(
        description="The account's holder, as their bank writes it; at most 70 characters."
    )
    country: Annotated[shapes.Text, Field(min_length=2, max_length=2)] = Field(description="ISO 3166, of the account.")
    iban: _Short = ""
    bic: _Short = ""
    account: _Short = Field("", description="Where there is no IBAN; with `routing`.")
    routing: _Short = Field("", description="A US routing number, a sort code, a branch.")
    email: Annotated[shapes.Text, Field(max_length=254)] = Field("", description="For a mass payment.")
    stripe_account: _Short = Field("", description="Of a connected account: acct_….")
    currency: Annotated[shapes.Text, Field(max_length=3)] = Field(
        "", description="ISO 4217, to be paid in. Empty: in the currency that was earned."
    )


class PayeeShown(shapes.Given):
    """Whether and where a creator is paid. Whole account numbers are never given out."""

    status: Literal["in_force", "payee_held", "payee_unconfirmed", "payee_missing"]
    payee_id: str | None
    shown: dict[str, str] = Field(
        description="Masked: the last four of an account, an e-mail address without its name."
    )
    until: datetime | None = Field(description="When the hold ends, or when details that nobody confirms lapse.")


class ConfirmationAsked(shapes.Asked):
    model_config = shapes.example(code="481920")

    code: Annotated[shapes.Text, Field(min_length=1, max_length=20)] = Field(
        description="From the notice `payee.changed`."
    )


class NoticeShown(shapes.Given):
    id: str
    at: datetime
    kind: str = Field(description="`payee.changed`, `payee.confirmed`, `payee.refused`, `payout.failed` …")
    creator_id: str | None = Field(description="Whom to tell.")
    shop_id: str | None
    detail: dict[str, Any]
    secret: str = Field(description="For the addressee alone, like a code; empty once it was used.")


class NoticePage(shapes.Given):
    items: list[NoticeShown]
    next: str | None


@blueprint.get("/creators/<creator_id>/payee")
@app_scope("payees:read")
@blueprint.output(PayeeShown)
def read_payee(creator_id: str) -> PayeeShown:
    """Whether and where a creator is paid, masked"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        return _shown(payees.standing(session, creator_id, clock.now()))


@blueprint.put("/creators/<creator_id>/payee")
@app_scope("payees:write")
@blueprint.input(PayeeAsked)
@blueprint.output(PayeeShown)
def change_payee(creator_id: str, json_data: PayeeAsked) -> PayeeShown:
    """Give a creator's payment details

    They are announced by a notice with a code, and in force 72 hours after the creator confirmed them; until then
    payouts wait. The same details once more change nothing.
    """
    details = Details(**json_data.model_dump())
    with db.write(Scope.app()) as session:
        payees.propose(session, creator_id, details, actor())
        return _shown(payees.standing(session, creator_id, clock.now()))


@blueprint.post("/creators/<creator_id>/payee/confirm")
@app_scope("payees:write")
@blueprint.input(ConfirmationAsked)
@blueprint.output(PayeeShown)
def confirm_payee(creator_id: str, json_data: ConfirmationAsked) -> PayeeShown:
    """Confirm a change of payment details with the code of its notice"""
    with db.write(Scope.app()) as session:
        right = payees.confirm(session, creator_id, json_data.code, actor()) is not None
        found = payees.standing(session, creator_id, clock.now())
    if not right:
        raise InputRefused("code", "isn't the one that was sent.", f"{payees.WRONG_CODES} wrong ones void it.")
    return _shown(found)


@blueprint.post("/creators/<creator_id>/payee/refuse")
@app_scope("payees:write")
@blueprint.output(PayeeShown)
def refuse_payee(creator_id: str) -> PayeeShown:
    """Refuse a change that waits or is held: the details before it stand again"""
    with db.write(Scope.app()) as session:
        payees.refuse(session, creator_id, actor())
        return _shown(payees.standing(session, creator_id, clock.now()))


@blueprint.get("/notices")
@app_scope("notices:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(NoticePage)
def list_notices(query_data: shapes.Page) -> NoticePage:
    """What to tell creators and merchants, in the order in which it was written

    Keep `next`, and ask with it again later: it is given while there is something to read, also at the end.
    """
    with db.read(Scope.app()) as session:
        before = id_after("notices", query_data.cursor)
        rows = notices.after(session, before, query_data.limit + 1)
        shown, more = page("notices", rows, query_data.limit, lambda row: [row.id])
        items = [
            NoticeShown(
                id=row.id, at=row.at, kind=row.kind, creator_id=row.creator_id, shop_id=row.shop_id, detail=row.detail,
                secret=notices.secret(row),
            )
            for row in shown
        ]  # fmt: skip
        if more is None and shown:
            more = cursors.pack("notices", [shown[-1].id])
        return NoticePage(items=items, next=more)


@blueprint.get("/notices/<notice_id>")
@app_scope("notices:read")
@blueprint.output(NoticeShown)
def read_notice(notice_id: str) -> NoticeShown:
    """One notice, with what is for its addressee alone: an event names it and doesn't carry that"""
    with db.read(Scope.app()) as session:
        row = notices.get(session, notice_id)
        return NoticeShown(
            id=row.id, at=row.at, kind=row.kind, creator_id=row.creator_id, shop_id=row.shop_id, detail=row.detail,
            secret=notices.secret(row),
        )  # fmt: skip


def _shown(stands: Standing[Payee]) -> PayeeShown:
    payee = stands.payee
    return PayeeShown(
        status=stands.reason or "in_force",  # type: ignore[arg-type]  # one of the codes of `standing_of`
        payee_id=payee.id if payee else None,
        shown=payee.shown if payee else {},
        until=stands.until,
    )
