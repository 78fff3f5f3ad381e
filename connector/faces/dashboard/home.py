"""The merchant's first page: am I live, what must I do next, does it pay? And the sync page behind it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Response, flash, g, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts.rails import defused
from connector.earnings.settlement import funding, invoices
from connector.faces.dashboard import needs, programme, sales
from connector.faces.dashboard.face import blueprint
from connector.platforms import roster
from connector.programme.collaborations import rates
from connector.sync import queries as sync_queries
from connector.sync import runs as sync_runs
from connector.sync.tables import SyncRefusal, SyncRun
from connector.web import moments, outcomes, progress, reports, words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.progress import RunView
from connector.web.words import Badge

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One step of setting up. `url` is where to do it; "" when there is nothing to do for the merchant."""

    done: bool
    text: str
    url: str = ""
    act: str = ""


@dataclass(slots=True)
class Owed:
    """What this shop owes its creators in one currency, in minor units."""

    currency: str
    pending: int = 0
    cleared: int = 0
    settled: int = 0
    under_way: int = 0
    paid: int = 0


@blueprint.get("", strict_slashes=False)
@merchant
def home() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        run = newest_run(session, shop.id)
        listings = catalog.counts(session, shop.id)
        reasons = sorted(catalog.reasons(session, shop.id).items(), key=lambda each: -each[1])
        rate = rates.open_rate(session, shop.id, "", clock.now())
        steps = _steps(session, shop, run, listings.get("shoppable", 0))
        owed = _owed(session, shop.id)
        today = clock.now().astimezone(moments.zone()).date()
        waiting = [each for account in funding.accounts(session, today, shop_id=shop.id, only_open=True)
                   for each in account.standings if each.open]  # fmt: skip
        recent = session.scalars(
            sa.select(Order).where(Order.shop_id == shop.id).order_by(Order.placed_at.desc(), Order.id.desc()).limit(8)
        ).all()
        came = outcomes.of(session, recent, by_line=True)
        sold = sales.this_month(session, shop, 5)
        wanted = needs.of(session, shop.id, clock.now())
    seen = progress.view(run) if run else None
    kind, sentence = _sentence(shop, run, seen, listings.get("shoppable", 0))
    return page(
        "dashboard/home.html", shop=shop, run=run, seen=seen, kind=kind, sentence=sentence, listings=listings,
        waiting=waiting, number=invoices.number_text,
        reasons=reasons, steps=steps, steps_done=sum(step.done for step in steps), owed=owed,
        lines=[(order, came[order.id]) for order in recent], rate=rate, days=reports.DAYS, next_step=_next(steps),
        shown=sold, needs=wanted,
    )  # fmt: skip


def _next(steps: Sequence[Step]) -> int:
    """Which step is the merchant's turn: the first that isn't done. -1 when all are."""
    return next((place for place, step in enumerate(steps) if not step.done), -1)


def own_runs(session: Session, shop_id: str, limit: int) -> Sequence[SyncRun]:
    """Runs that read the merchant's catalog, newest first: none that only looks, or reads single products."""
    return session.scalars(
        sa.select(SyncRun)
        .where(SyncRun.shop_id == shop_id, SyncRun.dry.is_(False), SyncRun.kind != "products")
        .order_by(SyncRun.queued_at.desc(), SyncRun.id.desc())
        .limit(limit)
    ).all()


def newest_run(session: Session, shop_id: str) -> SyncRun | None:
    return next(iter(own_runs(session, shop_id, 1)), None)


def _sentence(shop: Shop, run: SyncRun | None, seen: RunView | None, shoppable: int) -> tuple[Badge, str]:
    if shop.status == "needs_reconnect":
        return words.status("shop", "needs_reconnect"), (
            f"Your shop needs you: the permission to read it was withdrawn. {_again(shop)} No order is lost: we fetch "
            "them afterwards."
        )
    products = "1 product can" if shoppable == 1 else f"{shoppable:,} products can"
    if run is None:
        return Badge("info", "Connected"), "Your shop is connected. Reading your catalog starts in a moment."
    if seen is not None and not seen.final and shoppable == 0:
        return seen.state, "We are reading your catalog. You can close this page; it goes on."
    if run.status == "failed" and shoppable == 0:
        return seen.state if seen else Badge("bad", "Failed"), f"Your catalog could not be read: {run.problem}."
    if shoppable == 0:
        return Badge(
            "warn", "Needs you"
        ), "Your shop is connected, but no product can be sold yet. The reasons are below."
    return Badge("good", "Live"), f"Your shop is live. {products} be sold."


def _again(shop: Shop) -> str:
    platform = roster.platforms().get(shop.platform)
    if platform is None or platform.can("embedded") or platform.can("joins_from_platform"):
        return "Open the app in your store to connect it."
    return "Connect it again, from the page Connection under Setup."


def _steps(session: Session, shop: Shop, run: SyncRun | None, shoppable: int) -> Sequence[Step]:
    read = bool(shoppable) or (run is not None and run.status in ("done", "refusals"))
    steps = programme.done(session, shop.id)
    refused = f", {run.refused:,} refused" if run is not None and run.refused else ""
    return (
        Step(shop.status == "connected", "Shop connected"),
        Step(read, f"Catalog read{refused}", url_for(".sync"), "See"),
        Step(
            steps["open"], "Products opened at a commission",
            *((url_for(".programme"), "See") if steps["open"] else (url_for(".set_up_programme", step=1), "Set it up")),
        ),
        Step(
            steps["rules"], "Rules of acceptance and samples",
            *((url_for(".acceptance_rules"), "See") if steps["rules"]
              else (url_for(".set_up_programme", step=2), "Set them")),
        ),
        Step(
            steps["invite"], "Creators invited",
            *((url_for(".creators"), "See") if steps["invite"]
              else (url_for(".set_up_programme", step=3), "Invite")),
        ),
    )  # fmt: skip


def _owed(session: Session, shop_id: str) -> list[Owed]:
    found: dict[str, Owed] = {}
    for each in ledger.balances(session, shop_id=shop_id):
        row = found.setdefault(each.currency, Owed(each.currency))
        row.pending += each.pending
        row.cleared += each.cleared
        row.settled += each.settled
        row.under_way += each.in_transit
        row.paid += each.paid
    return [found[currency] for currency in sorted(found)]


@blueprint.get("/sync")
@merchant
def sync() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        runs = own_runs(session, shop.id, 10)
        newest = runs[0] if runs else None
        by_reason: list[tuple[str, int]] = []
        samples: dict[str, Sequence[SyncRefusal]] = {}
        if newest is not None:
            by_reason = sorted(sync_queries.refusal_reasons(session, newest.id).items(), key=lambda each: -each[1])
            samples = {reason: _refused(session, newest.id, reason, SHOWN) for reason, _ in by_reason}
    return page(
        "dashboard/sync.html", shop=shop, newest=newest, seen=progress.view(newest) if newest else None,
        runs=[(run, progress.view(run)) for run in runs[1:]], by_reason=by_reason, samples=samples,
    )  # fmt: skip


@blueprint.get("/sync/part")
@merchant
def sync_part() -> str:
    """The live part of the newest run, asked for again every 2 s while it runs."""
    with db.read(Scope.shop(g.shop.id)) as session:
        run = newest_run(session, g.shop.id)
    return page("dashboard/sync_part.html", seen=progress.view(run) if run else None)


@blueprint.post("/sync")
@merchant
def sync_again() -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        sync_runs.start(session, g.shop.id, "merchant")
    flash("We read your catalog again.")
    return redirect(url_for(".sync"), code=303)


@blueprint.get("/sync/refused.csv")
@merchant
def refused_csv() -> Response:
    """The newest run's refused items, with what to do about each."""
    with db.read(Scope.shop(g.shop.id)) as session:
        run = newest_run(session, g.shop.id)
        rows = sync_queries.refusals(session, run.id, limit=100_000) if run else ()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["product", "title", "reason", "what to do", "detail"])
    for row in rows:
        said = words.reason(row.reason, "merchant")
        cells = (row.product_ref, row.title, said, words.remedy(row.reason), row.detail)
        writer.writerow([defused(part) for part in cells])
    return Response(
        out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="refused.csv"'}
    )


def _refused(session: Session, run_id: str, reason: str, limit: int) -> Sequence[SyncRefusal]:
    return session.scalars(
        sa.select(SyncRefusal)
        .where(SyncRefusal.run_id == run_id, SyncRefusal.reason == reason)
        .order_by(SyncRefusal.product_ref)
        .limit(limit)
    ).all()
