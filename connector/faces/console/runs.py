"""Sync runs: moving or stuck, how long yet, was anything lost? Live progress, stop, start again, refusals by reason."""

from __future__ import annotations

import csv
import io

import sqlalchemy as sa
from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.payouts.rails import defused
from connector.errors import NotFound
from connector.faces.console.face import blueprint
from connector.faces.console.health import WHY
from connector.sync import queries as sync_queries
from connector.sync import resume as sync_resume
from connector.sync import runs as sync_runs
from connector.sync.tables import SyncRefusal, SyncRun
from connector.web import guards, keyset, progress, words
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 20


@blueprint.get("/runs")
@staff("support")
def runs() -> str:
    shop_id, status = request.args.get("shop", ""), request.args.get("status", "")
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(SyncRun)
        if shop_id:
            asked = asked.where(SyncRun.shop_id == shop_id)
        if status:
            asked = asked.where(SyncRun.status == status)
        found = keyset.read(session, "runs", asked, (SyncRun.queued_at, SyncRun.id))
        shops = shops_by_id(session, {run.shop_id for run in found.rows} | {shop_id})
        numbers = {
            row[0]: row[1]
            for row in session.execute(sa.select(SyncRun.status, sa.func.count()).group_by(SyncRun.status))
        }
    chips = []
    if shop_id:
        name = name_of(shops.get(shop_id))
        chips.append(("Shop", name, url_for(".runs", status=status or None)))
    saved: list[tuple[str, str, int | None, bool]] = [("All", url_for(".runs", shop=shop_id or None), None, not status)]
    saved += [
        (badge.word, url_for(".runs", status=value, shop=shop_id or None), numbers.get(value, 0), status == value)
        for value, badge in words.statuses("run").items()
        if numbers.get(value) or status == value
    ]
    return page(
        "console/runs.html", lines=[(run, progress.view(run), shops.get(run.shop_id)) for run in found.rows],
        found=found, saved=saved, chips_shown=chips, filtered=bool(shop_id or status),
    )  # fmt: skip


@blueprint.get("/runs/<run_id>")
@staff("support")
def run(run_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        found = _run(session, run_id)
        shop = shops_of.get(session, found.shop_id)
        by_reason = sorted(sync_queries.refusal_reasons(session, run_id).items(), key=lambda each: -each[1])
        samples = {
            reason: session.scalars(
                sa.select(SyncRefusal)
                .where(SyncRefusal.run_id == run_id, SyncRefusal.reason == reason)
                .order_by(SyncRefusal.product_ref)
                .limit(SHOWN)
            ).all()
            for reason, _ in by_reason
        }
        notes = list(reversed(sync_queries.notes(session, run_id)))[:200]
        live = sync_runs.live(session, found.shop_id)
        resumable = not sync_resume.why_not(session, found)
    return page(
        "console/run.html", run=found, seen=progress.view(found), shop=shop, by_reason=by_reason, samples=samples,
        notes=notes, resumable=resumable, live_elsewhere=live if live is not None and live.id != run_id else None,
    )  # fmt: skip


@blueprint.get("/runs/<run_id>/part")
@staff("support")
def run_part(run_id: str) -> str:
    """The live part of a run's page, asked for again every 2 s while it runs."""
    with db.read(Scope.system(WHY)) as session:
        return page("console/run_part.html", seen=progress.view(_run(session, run_id)))


@blueprint.post("/runs/<run_id>/stop")
@staff("support")
def stop_run(run_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        sync_runs.stop(session, run_id, guards.actor())
    flash("The run was asked to stop. What was read stays.")
    return redirect(url_for(".run", run_id=run_id), code=303)


@blueprint.post("/runs/<run_id>/resume")
@staff("support")
def resume_run(run_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        sync_resume.resume(session, run_id, guards.actor())
    flash("The run goes on where it stopped.")
    return redirect(url_for(".run", run_id=run_id), code=303)


@blueprint.post("/shops/<shop_id>/sync")
@staff("support")
def start_run(shop_id: str) -> AnyResponse:
    """Start a full sync, or show the one that is under way."""
    with db.write(Scope.system(WHY)) as session:
        started = sync_runs.start(session, shop_id, guards.actor(), large_sweep=bool(request.form.get("large_sweep")))
        audit.record(session, guards.actor(), "run.start", started.id, shop_id=shop_id)
    return redirect(url_for(".run", run_id=started.id), code=303)


@blueprint.get("/runs/<run_id>/refusals.csv")
@staff("support")
def refusals_csv(run_id: str) -> Response:
    with db.read(Scope.system(WHY)) as session:
        _run(session, run_id)
        rows = sync_queries.refusals(session, run_id, limit=100_000)
    return csv_of_refusals(run_id, [(r.product_ref, r.title, r.reason, r.detail) for r in rows])


def csv_of_refusals(run_id: str, rows: list[tuple[str, str, str, str]]) -> Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["product", "title", "code", "reason", "what to do", "detail"])
    for ref, title, code, detail in rows:
        said, remedy = words.reason(code, "merchant"), words.remedy(code)
        writer.writerow([defused(part) for part in (ref, title, code, said, remedy, detail)])
    return Response(
        out.getvalue(), mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="refused-{run_id}.csv"'},
    )  # fmt: skip


def _run(session: Session, run_id: str) -> SyncRun:
    found = sync_queries.run(session, run_id)
    if found is None:
        raise NotFound(f"no sync run has the id {run_id[:40]!r}")
    return found


def shops_by_id(session: Session, ids: set[str]) -> dict[str, Shop]:
    return {shop.id: shop for shop in session.scalars(sa.select(Shop).where(Shop.id.in_(ids)))}


def name_of(shop: Shop | None) -> str:
    return (shop.name or shop.domain) if shop else "Not known"
