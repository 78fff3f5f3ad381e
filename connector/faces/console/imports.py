"""Bringing data along: a file of codes, links or open balances is looked at, its report read, and then taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db, jobs
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.operations.imports import report, run
from connector.operations.imports.rows import SHAPES
from connector.operations.imports.tables import Import
from connector.web import cursors, guards
from connector.web.guards import staff
from connector.web.layout import page

KINDS = {"codes": "Creators' codes", "links": "Bio links", "balances": "Open balances"}
ABOUT = {
    "codes": "A code and whose it is. It counts for orders from the taking on.",
    "links": "An old address and what it leads to. It goes on working at /go/ and is never given to another link.",
    "balances": "What a shop still owes a creator from before. It is booked as an opening entry and goes into the next "
    "statement and invoice.",
}
# A hundred thousand links are about ten million bytes; larger files go by the command.
LARGEST_FILE = 20_000_000
SHOWN = 100


@blueprint.before_request
def take_files_in_whole() -> None:
    """A file may be larger than a message of a store. Nothing of it is read before the guard knows who sends it."""
    if request.endpoint == f"{blueprint.name}.bring_file":
        request.max_content_length = LARGEST_FILE


@blueprint.get("/imports")
@staff("finance")
def imports() -> str:
    return _asked({}, {})


def _asked(typed: dict[str, str], errors: dict[str, str]) -> str:
    with db.read(Scope.system(WHY)) as session:
        found = run.newest(session)
        every = session.scalars(sa.select(Shop).where(Shop.status != "left").order_by(Shop.name).limit(500)).all()
        shops = shops_by_id(session, {row.shop_id for row in found})
    shapes = {
        kind: (", ".join(shape.needed), ", ".join(shape.optional)) for kind, shape in SHAPES.items()
    }  # fmt: skip
    return page(
        "console/imports.html", found=found, every=every, shops=shops, kinds=KINDS, about=ABOUT, shapes=shapes,
        typed=typed, errors=errors, largest=LARGEST_FILE,
    )  # fmt: skip


@blueprint.post("/imports")
@staff("finance")
def bring_file() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in ("shop", "kind")}
    sent = request.files.get("file")
    errors = {}
    if not typed["shop"]:
        errors["shop"] = "Choose the shop"
    if typed["kind"] not in KINDS:
        errors["kind"] = "Choose what the file holds"
    if sent is None or not sent.filename:
        errors["file"] = "Choose a file"
    if errors or sent is None:
        return _asked(typed, errors)
    with db.read(Scope.system(WHY)) as session:
        shop_id = shops_of.get(session, typed["shop"]).id
    try:
        import_id = run.receive(
            sent.stream, kind=typed["kind"], shop_id=shop_id, file_name=sent.filename or "", by=guards.actor()
        )  # fmt: skip
    except InputRefused as refused:
        return _asked(typed, {"file": f"The file {refused.problem} {refused.remedy}".strip().rstrip(".")})
    if _small(import_id):
        run.judge_all(import_id, shop_id)
    else:
        _job("imports.look", import_id, shop_id)
    return redirect(url_for(".import_report", import_id=import_id), code=303)


def _small(import_id: str) -> bool:
    """Is the file done with while its page waits? A larger one is a job's, and its page shows how far it is."""
    with db.read(Scope.system(WHY)) as session:
        return run.get(session, import_id).rows <= run.BATCH


def _job(name: str, import_id: str, shop_id: str) -> None:
    with db.write(Scope.system(WHY)) as session:
        # The minute in the key: asked again later, where a job was lost, it is begun again.
        jobs.enqueue(session, name, f"{import_id}:{clock.wall():%Y%m%dT%H%M}", shop_id=shop_id, import_id=import_id)


@blueprint.get("/imports/<import_id>/part")
@staff("finance")
def import_part(import_id: str) -> str:
    """The live part of an import's page."""
    with db.read(Scope.system(WHY)) as session:
        row = run.get(session, import_id)
        return page("console/import_part.html", row=row, way=_way(row, run.counts(session, import_id)))


def _way(row: Import, came: dict[str, int]) -> tuple[int, int]:
    """(rows done with, rows) of a file that is being read or taken."""
    left = came.get(run.UNREAD, 0) if row.status == "looking" else came.get("new", 0)
    whole = row.rows if row.status == "looking" else came.get("new", 0) + came.get("taken", 0)
    return whole - left, whole


@blueprint.get("/imports/<import_id>")
@staff("finance")
def import_report(import_id: str) -> str:
    return _report(import_id)


def _report(import_id: str, moved: str = "") -> str:
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in report.WORDS else ""
    listing = f"import:{import_id}:{outcome}"
    cursor = request.args.get("after", "")
    after = int(cursors.unpack(listing, cursor)[0]) if cursor else 0
    with db.read(Scope.system(WHY)) as session:
        row = run.get(session, import_id)
        came = run.counts(session, import_id)
        rows = run.rows_of(session, import_id, outcome=outcome, after=after, limit=SHOWN + 1)
        values: dict[str, Any] = {
            "row": row, "came": came, "reasons": run.reasons(session, import_id),
            "shop": shops_of.get(session, row.shop_id), "sums": _sums(session, row), "way": _way(row, came),
            "live": row.status in ("looking", "taking"), "me": guards.actor(),
        }  # fmt: skip
        more = cursors.pack(listing, [rows[SHOWN - 1].number]) if len(rows) > SHOWN else ""
    views = [("All", url_for(".import_report", import_id=import_id), sum(came.values()), not outcome)]
    views += [
        (report.WORDS[name].capitalize(), url_for(".import_report", import_id=import_id, outcome=name), came[name],
         outcome == name)
        for name in report.ORDER if came.get(name)
    ]  # fmt: skip
    return page(
        "console/import_report.html", **values, rows=rows[:SHOWN], views=views, after=more, kinds=KINDS, moved=moved,
        columns=SHAPES[row.kind].columns, first=not after,
    )  # fmt: skip


def _sums(session: Session, row: Import) -> list[tuple[str, int, int]]:
    """(currency, rows, sum) of balances that would be, or were, booked."""
    if row.kind != "balances":
        return []
    found: dict[str, list[int]] = {}
    for outcome in ("new", "taken"):
        for rows in run.every_row(session, row.id, outcome):
            for each in rows:
                found.setdefault(str(each.said["currency"]), []).append(int(each.said["amount"]))
    return [(currency, len(amounts), sum(amounts)) for currency, amounts in sorted(found.items())]


@blueprint.post("/imports/<import_id>")
@staff("finance")
def take_import(import_id: str) -> str | AnyResponse:
    with db.read(Scope.system(WHY)) as session:
        shop_id = run.get(session, import_id).shop_id
    act, token = request.form.get("act", "take"), request.form.get("token", "")
    try:
        if act == "refuse":
            run.refuse(import_id, shop_id, by=guards.actor())
            flash("Not taken. The report stands.")
        elif act == "approve":
            run.approve(import_id, shop_id, token, by=guards.actor())
            _take(import_id, shop_id)
        elif run.agree(import_id, shop_id, token, by=guards.actor()) == "asks":
            flash("Its sum asks for a second person: somebody else looks at this page and approves it.")
        else:
            _take(import_id, shop_id)
    except Conflict as conflict:
        return _report(import_id, conflict.public)
    return redirect(url_for(".import_report", import_id=import_id), code=303)


def _take(import_id: str, shop_id: str) -> None:
    """Errors: Conflict when something changed since the report."""
    if _small(import_id):
        came = run.work(import_id, shop_id)
        flash(f"{came.get('taken', 0)} rows were taken.")
    else:
        _job("imports.take", import_id, shop_id)


@blueprint.get("/imports/<import_id>/report.csv")
@staff("finance")
def import_csv(import_id: str) -> Response:
    with db.read(Scope.system(WHY)) as session:
        row = run.get(session, import_id)
        session.expunge(row)

    def lines() -> Iterator[str]:
        with db.read(Scope.system(WHY)) as session:
            yield from report.as_csv(session, row)

    answer = Response(lines(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{import_id}.csv"'
    return answer
