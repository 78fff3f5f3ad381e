"""Messages that somebody reported as abuse: read with what stood around them, and closed with what was found."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.programme.collaborations import messages, negotiation
from connector.programme.collaborations.tables import MessageReport
from connector.programme.creators import queries as creators
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

AROUND = 5  # messages before the reported one, and after it
SHOW = {"open": "To read", "closed": "Closed"}


@blueprint.get("/reports")
@staff("support")
def reports() -> str:
    show = request.args.get("show", "open")
    show = show if show in SHOW else "open"
    with db.read(Scope.system(WHY)) as session:
        asked = messages.reports(session, open_ones=show == "open")
        found = keyset.read(session, f"reports:{show}", asked, (MessageReport.reported_at, MessageReport.id))
    tabs = [(word, url_for(".reports", show=name), None, name == show) for name, word in SHOW.items()]
    return page("console/reports.html", found=found, tabs=tabs, show=show)


@blueprint.get("/reports/<report_id>")
@staff("support")
def report(report_id: str) -> str:
    return _shown(report_id)


@blueprint.post("/reports/<report_id>/close")
@staff("support")
def close_report(report_id: str) -> str | AnyResponse:
    note = request.form.get("note", "")
    try:
        with db.write(Scope.system(WHY)) as session:
            messages.close_report(session, report_id, note, by=guards.actor())
    except InputRefused as refused:
        return _shown(report_id, note, f"The note {refused.problem} {refused.remedy}".strip())
    except Conflict as late:
        return _shown(report_id, note, late.public)
    flash("The report is closed.")
    return redirect(url_for(".reports"), code=303)


def _shown(report_id: str, note: str = "", problem: str = "") -> str:
    with db.read(Scope.system(WHY)) as session:
        row = session.get(MessageReport, report_id)
        if row is None:
            raise NotFound(f"no report has the id {report_id[:40]!r}")
        thread = negotiation.find(session, row.negotiation_id)
        around = messages.page(session, thread.id, after=max(0, row.number - 1 - AROUND), limit=2 * AROUND + 1)
        shop, creator = session.get_one(Shop, thread.shop_id), creators.get(session, thread.creator_id)
    return page(
        "console/report.html", row=row, thread=thread, around=around, shop=shop, creator=creator, note=note,
        problem=problem,
    )  # fmt: skip
