"""Content for flat fees: what a side asked support about, and deciding it; what was ever handed in, beneath."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.operations import content_fees as fees
from connector.operations.content_fees import Preview
from connector.programme.collaborations import approvals, approving
from connector.programme.collaborations.approving import ApprovalRefused, Verdict
from connector.programme.collaborations.tables import ContentApproval
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators_of
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

SHOW = {"asked": "To be decided", "owed": "Owed", "all": "All"}
_STATES = {"asked": ("appealed", "contested"), "owed": tuple(approving.OWED)}


@blueprint.get("/content-fees")
@staff("support")
def content_fees() -> str:
    show = request.args.get("show", "asked")
    show = show if show in SHOW else "asked"
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(ContentApproval)
        waiting = session.scalar(
            sa.select(sa.func.count()).where(ContentApproval.state.in_(_STATES["asked"]))
        ) or 0  # fmt: skip
        if show in _STATES:
            asked = asked.where(ContentApproval.state.in_(_STATES[show]))
        found = keyset.read(session, f"content-fees:{show}", asked, (ContentApproval.handed_in_at, ContentApproval.id))
        shops = shops_by_id(session, {row.shop_id for row in found.rows})
        people = creators_of.some(session, {row.creator_id for row in found.rows})
        videos = contents.some(session, {row.content_id for row in found.rows})
    tabs = [
        (word, url_for(".content_fees", show=name), waiting if name == "asked" else None, name == show)
        for name, word in SHOW.items()
    ]
    return page(
        "console/content_fees.html", found=found, shops=shops, people=people, videos=videos, tabs=tabs, name_of=name_of,
        waiting=waiting,
    )  # fmt: skip


@blueprint.get("/content-fees/<approval_id>")
@staff("support")
def content_fee(approval_id: str) -> str:
    return _shown(approval_id)


@blueprint.post("/content-fees/<approval_id>")
@staff("support")
def decide_content_fee(approval_id: str) -> str | AnyResponse:
    """For the creator, or for the shop; a second person where a closed statement has the fee."""
    note, said = request.form.get("note", ""), request.form.get("verdict", "")
    if said not in ("owed", "not_owed"):
        return _shown(approval_id, {"form": "Say whether it is owed."}, note=note)
    verdict: Verdict = "owed" if said == "owed" else "not_owed"
    try:
        with db.write(Scope.system(WHY)) as session:
            row = fees.decide(
                session, approval_id, verdict, note, by=guards.actor(), token=request.form.get("token", "")
            )
            decided = row.decided_at is not None
    except InputRefused as refused:
        return _shown(approval_id, {"note": f"The note {refused.problem} {refused.remedy}".strip()}, note=note)
    except Conflict as moved:
        return _shown(approval_id, {"form": moved.public}, note=note)
    flash("Decided. Both sides read your note." if decided else "Kept: a second person of the team takes it back.")
    return redirect(url_for(".content_fee", approval_id=approval_id), code=303)


def _shown(approval_id: str, errors: dict[str, str] | None = None, note: str = "") -> str:
    previews: dict[str, Preview] = {}
    with db.read(Scope.system(WHY)) as session:
        row = approvals.find(session, approval_id)
        try:
            previews = {"owed": fees.preview(session, row.id, "owed"),
                        "not_owed": fees.preview(session, row.id, "not_owed")}  # fmt: skip
        except ApprovalRefused:
            previews = {}
        shop = shops_by_id(session, {row.shop_id})[row.shop_id]
        person = creators_of.get(session, row.creator_id)
        videos = contents.some(session, {row.content_id})
    return page(
        "console/content_fee.html", row=row, shop=shop, person=person, videos=videos, previews=previews,
        name_of=name_of, errors=errors or {}, note=note or row.note, mine=row.proposed_by == guards.actor(),
    )  # fmt: skip
