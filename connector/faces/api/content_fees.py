"""Content for the flat fee of an agreement: handed in by its creator, answered by its shop, asked about at support.

The app acts for the side that it names. Each act says what it is about and is harmless when repeated: the same content
handed in again is given back, and so is the same answer. Support decides appeals in its console.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from connector import db
from connector.db import Scope
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.faces.api.negotiations import Side
from connector.faces.api.shapes import Asked, Given, Ident, Text, example
from connector.operations import content_fees
from connector.programme.collaborations import approvals
from connector.programme.collaborations.tables import ContentApproval
from connector.web.guards import actor, app_scope

State = Literal[
    "waiting", "approved", "sent_back", "withdrawn", "appealed", "contested", "refused", "taken_back"
]  # fmt: skip
LISTED = "content-approvals"
_LONG = 10_000


class HandInAsked(Asked):
    model_config = example(content_id="cnt_01j8…")

    content_id: Ident = Field(description="The video or post that fulfils the agreement, with a product of it.")


class ReplyAsked(Asked):
    model_config = example(answer="send_back", reason="The product is never shown.")

    answer: Literal["approve", "send_back"]
    reason: Annotated[Text, Field(max_length=_LONG)] = Field(
        "", description="Needed where it is sent back: the creator reads it.", examples=["The product is never shown."]
    )


class AppealAsked(Asked):
    model_config = example(side="creator", words="It is shown from 0:12 on.")

    side: Side = Field(description="creator: after it was sent back; merchant: after it was approved.")
    words: Annotated[Text, Field(max_length=_LONG)] = Field(examples=["It is shown from 0:12 on."])


class ApprovalShown(Given):
    id: str
    negotiation_id: str
    agreement_id: str = Field(description="The version of the agreement that it was handed in for.")
    shop_id: str
    creator_id: str
    content_id: str
    fee: shapes.Money
    owed: bool = Field(description="Is the fee owed as it stands?")
    product_refs: list[str] = Field(description="Products of the agreement that were in it.")
    state: State
    handed_in_at: datetime
    answer_by: datetime = Field(description="Without an answer it is approved then.")
    answered_at: datetime | None
    answered_by: str = Field(description="The actor; `clock` where its time was over.")
    reason: str = Field(description="Why it was sent back.")
    again_until: datetime | None = Field(description="Sent back: until then it may be handed in anew in any case.")
    appeal_side: str = Field(description="Who asked support; empty: nobody.")
    appealed_at: datetime | None
    appeal: str
    decided_at: datetime | None = Field(description="When support decided.")
    note: str = Field(description="Support's words.")


class ApprovalPage(Given):
    items: list[ApprovalShown]
    next: str | None


class ApprovalsAsked(shapes.Page):
    shop_id: Ident | None = None
    creator_id: Ident | None = None
    negotiation_id: Ident | None = None
    state: State | None = None


@blueprint.post("/negotiations/<negotiation_id>/content")
@app_scope("collaborations:write")
@blueprint.input(HandInAsked)
@blueprint.output(ApprovalShown, status_code=201)
def hand_in_content(negotiation_id: str, json_data: HandInAsked) -> ApprovalShown:
    """Hand in content for the flat fee of an agreement

    The shop hears of it by the notice `content.handed_in`. 409 where the agreement has no fee or is over, where content
    stands for the fee already, or where no product of the agreement is in the content.
    """
    with db.write(Scope.app()) as session:
        return _shown(content_fees.hand_in(session, negotiation_id, json_data.content_id, by=actor()))


@blueprint.get("/content-approvals")
@app_scope("collaborations:read")
@blueprint.input(ApprovalsAsked, location="query")
@blueprint.output(ApprovalPage)
def list_content_approvals(query_data: ApprovalsAsked) -> ApprovalPage:
    """Content that was handed in for flat fees, the newest first"""
    with db.read(Scope.app()) as session:
        rows = approvals.page(
            session, shop_id=query_data.shop_id, creator_id=query_data.creator_id, state=query_data.state,
            negotiation_id=query_data.negotiation_id, before=id_after(LISTED, query_data.cursor),
            limit=query_data.limit + 1,
        )  # fmt: skip
        shown, more = page(LISTED, rows, query_data.limit, lambda row: [row.id])
        return ApprovalPage(items=[_shown(row) for row in shown], next=more)


@blueprint.get("/content-approvals/<approval_id>")
@app_scope("collaborations:read")
@blueprint.output(ApprovalShown)
def read_content_approval(approval_id: str) -> ApprovalShown:
    """Content that was handed in for a flat fee, with what became of it"""
    with db.read(Scope.app()) as session:
        return _shown(approvals.find(session, approval_id))


@blueprint.post("/content-approvals/<approval_id>/answer")
@app_scope("collaborations:write")
@blueprint.input(ReplyAsked)
@blueprint.output(ApprovalShown)
def answer_content(approval_id: str, json_data: ReplyAsked) -> ApprovalShown:
    """Approve content for the shop, or send it back with a reason

    Approved, the flat fee is owed at once. From `answer_by` on it is approved by itself, and this gives 409.
    """
    with db.write(Scope.app()) as session:
        return _shown(
            content_fees.answer(session, approval_id, json_data.answer, by=actor(), reason=json_data.reason)
        )  # fmt: skip


@blueprint.post("/content-approvals/<approval_id>/withdraw")
@app_scope("collaborations:write")
@blueprint.output(ApprovalShown)
def withdraw_content(approval_id: str) -> ApprovalShown:
    """Take content out before it was answered, for its creator"""
    with db.write(Scope.app()) as session:
        return _shown(content_fees.withdraw(session, approval_id, by=actor()))


@blueprint.post("/content-approvals/<approval_id>/appeal")
@app_scope("collaborations:write")
@blueprint.input(AppealAsked)
@blueprint.output(ApprovalShown)
def appeal_content(approval_id: str, json_data: AppealAsked) -> ApprovalShown:
    """Ask support about an answer, once and within 30 days

    What is owed stays so until support has decided.
    """
    with db.write(Scope.app()) as session:
        return _shown(content_fees.appeal(session, approval_id, json_data.side, json_data.words, by=actor()))


def _shown(row: ContentApproval) -> ApprovalShown:
    worked_out = {"fee", "owed"}
    return ApprovalShown(
        **{name: getattr(row, name) for name in ApprovalShown.model_fields if name not in worked_out},
        fee=shapes.as_money(row.flat_fee, row.fee_currency), owed=approvals.owed(row),
    )  # fmt: skip
