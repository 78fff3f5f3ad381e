"""Sync runs: moving or stuck, how long yet, was anything lost? Live progress, stop, start again, refusals by reason."""

from __future__ import annotations

import csv
import io
from typing import Any, Literal

import sqlalchemy as sa
from flask import Response, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.ids import listing_id as id_of
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.payouts.rails import defused
from connector.errors import NotFound
from connector.faces.console import saved_views
from connector.faces.console.face import WHY, blueprint
from connector.sync import products as sync_products
from connector.sync import queries as sync_queries
from connector.sync import resume as sync_resume
from connector.sync import runs as sync_runs
from connector.sync.tables import SyncRefusal, SyncRun
from connector.web import guards, keyset, progress, stores, words
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 20
PER_PAGE = 50
KINDS = {"full": "Full", "changed": "What changed", "products": "Single products", "dry": "Dry runs"}
_FILTERS = ("shop", "status", "kind")


@blueprint.get("/runs")
@staff("support")
def runs() -> str:
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in _FILTERS}
    shop_id, status = asked["shop"], asked["status"]
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "runs", matching(session, asked), (SyncRun.queued_at, SyncRun.id))
        shops = shops_by_id(session, {run.shop_id for run in found.rows} | {shop_id})
        numbers = {
            row[0]: row[1]
            for row in session.execute(sa.select(SyncRun.status, sa.func.count()).group_by(SyncRun.status))
        }
        letters = sync_queries.dead_letter_count(session)
        bar = saved_views.bar(session, "runs")
    chips = [("Shop", name_of(shops.get(shop_id)), url_for(".runs", status=status or None, kind=asked["kind"] or None))]
    rest = {name: value for name, value in asked.items() if value and name != "status"}
    saved: list[tuple[str, str, int | None, bool]] = [("All", url_for(".runs", **rest), None, not status)]
    saved += [
        (badge.word, url_for(".runs", status=value, **rest), numbers.get(value, 0), status == value)
        for value, badge in words.statuses("run").items()
        if numbers.get(value) or status == value
    ]
    return page(
        "console/runs.html", lines=[(run, progress.view(run), shops.get(run.shop_id)) for run in found.rows],
        found=found, saved=saved, chips_shown=chips if shop_id else [], filtered=any(asked.values()), bar=bar,
        letters=letters, kinds_of=KINDS, asked=asked, kind_views=_kinds(asked),
    )  # fmt: skip


def _kinds(asked: dict[str, Any]) -> list[tuple[str, str, None, bool]]:
    rest = {name: value for name, value in asked.items() if value and name != "kind"}
    found: list[tuple[str, str, None, bool]] = [("Every kind", url_for(".runs", **rest), None, not asked["kind"])]
    return found + [
        (word, url_for(".runs", **rest, kind=kind), None, asked["kind"] == kind) for kind, word in KINDS.items()
    ]


def matching(session: Session, asked: dict[str, Any]) -> sa.Select[SyncRun]:
    query = sa.select(SyncRun)
    for name, column in (("shop", SyncRun.shop_id), ("status", SyncRun.status), ("kind", SyncRun.kind)):
        if asked[name] == "dry" and name == "kind":
            query = query.where(SyncRun.dry.is_(True))
        elif asked[name]:
            query = query.where(column == asked[name])
    return query


@blueprint.get("/runs/<run_id>")
@staff("support")
def run(run_id: str) -> str:
    return page("console/run.html", **_shown(run_id))


@blueprint.get("/runs/<run_id>/part")
@staff("support")
def run_part(run_id: str) -> str:
    """The live part of a run's page, asked for again every 2 s while it runs."""
    return page("console/run_part.html", **_shown(run_id))


def _shown(run_id: str) -> dict[str, Any]:
    kind = request.args.get("difference", "")
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
        resumable = found.status == "stopped" and not sync_resume.why_not(session, found)
        counts = sync_queries.difference_counts(session, run_id) if found.dry else {}
        after = request.args.get("after", "")
        rows = sync_queries.differences(session, run_id, kind=kind, after=after, limit=PER_PAGE + 1) if counts else []
    more = rows[PER_PAGE - 1].product_ref if len(rows) > PER_PAGE else ""
    return {
        "run": found, "seen": progress.view(found), "shop": shop, "by_reason": by_reason, "samples": samples,
        "notes": notes, "live_elsewhere": live if live is not None and live.id != run_id else None,
        "counts": counts, "differences": rows[:PER_PAGE], "more": more, "difference": kind, "resumable": resumable,
        "kinds_of": KINDS, "difference_views": _differences(run_id, kind, counts),
        "listing_of": lambda ref: id_of(found.shop_id, ref),
    }  # fmt: skip


def _differences(run_id: str, kind: str, counts: dict[str, int]) -> list[tuple[str, str, int | None, bool]]:
    views: list[tuple[str, str, int | None, bool]] = [
        ("All", url_for(".run", run_id=run_id) + "#differences", sum(counts.values()), not kind)
    ]
    for value, word in (("new", "Would be added"), ("changed", "Would change"), ("gone", "Would go")):
        if counts.get(value):
            url = url_for(".run", run_id=run_id, difference=value) + "#differences"
            views.append((word, url, counts[value], kind == value))
    return views


@blueprint.post("/runs/<run_id>/<any(stop, pause, resume):act>")
@staff("support")
def change_run(run_id: str, act: str) -> AnyResponse:
    """Stop a run safely, let it rest at its next checkpoint, or let it go on. What was read stays."""
    with db.write(Scope.system(WHY)) as session:
        {"stop": sync_runs.stop, "pause": sync_runs.pause, "resume": sync_resume.resume}[act](
            session, run_id, guards.actor()
        )
    flash(
        {
            "stop": "The run was asked to stop. What was read stays.",
            "pause": "The run was asked to pause. It rests at its next checkpoint.",
            "resume": "The run goes on where it stood.",
        }[act]
    )
    return redirect(url_for(".run", run_id=run_id), code=303)


@blueprint.post("/shops/<shop_id>/sync")
@staff("support")
def start_run(shop_id: str) -> AnyResponse:
    """Start a sync, or show the one that is under way. `dry`: it only says what it would do."""
    kind: Literal["full", "changed"] = "changed" if request.form.get("kind") == "changed" else "full"
    with db.write(Scope.system(WHY)) as session:
        started = sync_runs.start(
            session, shop_id, guards.actor(), kind=kind, large_sweep=bool(request.form.get("large_sweep")),
            dry=bool(request.form.get("dry")),
        )  # fmt: skip
        audit.record(session, guards.actor(), "run.start", started.id, shop_id=shop_id, kind=kind, dry=started.dry)
    return redirect(url_for(".run", run_id=started.id), code=303)


@blueprint.post("/shops/<shop_id>/schedule")
@staff("support")
def change_schedule(shop_id: str) -> AnyResponse:
    """Let no scheduled run of the shop begin, or take that back. A run under way goes on."""
    paused = request.form.get("paused") == "1"
    with db.write(Scope.system(WHY)) as session:
        sync_runs.pause_schedule(session, shops_of.get(session, shop_id).id, guards.actor(), paused=paused)
    flash("Scheduled syncs are paused." if paused else "Scheduled syncs begin again.")
    return redirect(url_for(".shop", shop_id=shop_id), code=303)


@blueprint.post("/products/<listing_id>/sync")
@staff("support")
def read_product(listing_id: str) -> AnyResponse:
    """Read one product again and write it, whatever is held."""
    with db.write(Scope.system(WHY)) as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            raise NotFound(f"no product has the id {listing_id[:40]!r}")
        started = sync_products.start(session, row.shop_id, [row.product_ref], guards.actor())
    return redirect(url_for(".run", run_id=started.id), code=303)


@blueprint.get("/refused")
@staff("support")
def refused() -> str:
    """What can't be taken in now, of all shops or one, by cause with its remedy: the dead letters of the catalogs."""
    shop_id = request.args.get("shop", "").strip()
    with db.read(Scope.system(WHY)) as session:
        groups = sync_queries.dead_letters(session, shop_id or None, sample=SHOWN)
        shops = shops_by_id(session, {item.shop_id for group in groups for item in group.items} | {shop_id})
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
    chips = [("Shop", name_of(shops.get(shop_id)), url_for(".refused"))] if shop_id else []
    return page(
        "console/refused.html", groups=groups, shops=shops, every=every, shop_id=shop_id, chips_shown=chips,
        number=sum(group.count for group in groups), at_store=stores.product_url,
    )  # fmt: skip


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


saved_views.keep("runs", "console.runs", _FILTERS, matching)
