"""A negotiation as support sees it in a dispute: every offer with its answer, each agreement word for word, what was
handed in for a fee, and who reported what. What the two wrote to each other is read with a reason, which is audited."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.programme.collaborations import agreements, approvals, messages, negotiation
from connector.programme.collaborations.tables import MessageReport, Negotiation
from connector.programme.collaborations.wording import cleaned
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.programme.samples.tables import Sample
from connector.web import guards, negotiation_view, offer_forms, words
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 200  # messages of a page, the newest; a file has all of them
LONGEST = 500  # of a reason


@blueprint.get("/negotiations/<negotiation_id>")
@staff("support")
def support_negotiation(negotiation_id: str) -> str:
    return _shown(negotiation_id)


@blueprint.get("/negotiations/<negotiation_id>/messages")
@staff("support")
def unread_thread(negotiation_id: str) -> str:
    """Where a page of the thread is opened anew: without its reason it shows no message."""
    return _shown(negotiation_id)


@blueprint.post("/negotiations/<negotiation_id>/messages")
@staff("support")
def read_thread(negotiation_id: str) -> str | AnyResponse:
    """Show the thread, or give the whole negotiation as a file (`as` csv or json): with a reason, each time."""
    kind, why = request.form.get("as", ""), request.form.get("why", "")
    try:
        said = cleaned("why", why, LONGEST)
    except InputRefused as refused:
        return _shown(negotiation_id, why=why, problem=f"The reason {refused.problem} {refused.remedy}".strip())
    with db.write(Scope.system(WHY)) as session:
        row = negotiation.find(session, negotiation_id)
        act = "message.export" if kind else "message.read"
        audit.record(session, guards.actor(), act, row.id, shop_id=row.shop_id, why=said, messages=row.messages)
        if kind:
            made: Response = negotiation_view.export(session, row, "json" if kind == "json" else "csv")
            return made
    return _shown(negotiation_id, why=said, read=True)


def _shown(negotiation_id: str, *, why: str = "", problem: str = "", read: bool = False) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = negotiation.find(session, negotiation_id)
        offers = negotiation.offers(session, [row.id])[row.id]
        versions = agreements.versions(session, row.id)
        content = approvals.of_negotiation(session, row.id)
        refs = {ref for each in offers for ref in each.product_refs}
        thread = messages.page(session, row.id, before=row.messages + 1, limit=SHOWN) if read else ()
        shown: dict[str, Any] = {
            "shop": session.get_one(Shop, row.shop_id), "creator": creators.get(session, row.creator_id),
            "titles": catalog.titles(session, row.shop_id, refs), "content": content,
            "videos": contents.some(session, {each.content_id for each in content}),
            "reports": _reports(session, row), "reported": messages.reported(session, row.id),
            "samples": _samples(session, [each.id for each in versions]),
        }  # fmt: skip
    state = words.status("negotiation", row.state)
    return page(
        "console/negotiation.html", row=row, offers=offers, agreements=versions, thread=thread, read=read, why=why,
        problem=problem, state=state, last_moment=offer_forms.last_moment, longest=LONGEST, **shown,
    )  # fmt: skip


def _reports(session: Session, row: Negotiation) -> list[MessageReport]:
    asked = sa.select(MessageReport).where(MessageReport.negotiation_id == row.id)
    return list(session.scalars(asked.order_by(MessageReport.number)))


def _samples(session: Session, agreement_ids: list[str]) -> list[Sample]:
    """What its agreements promised."""
    return list(session.scalars(sa.select(Sample).where(Sample.agreement_id.in_(agreement_ids)).order_by(Sample.id)))
