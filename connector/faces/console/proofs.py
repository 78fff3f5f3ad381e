"""Daily proofs: for each shop and day, orders at the store = seen = evaluated, with the gaps by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db, jobs
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.settlement import clear
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.sync import proof as proving
from connector.sync import queries as sync
from connector.sync.tables import DailyProof
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import Badge

UNPROVED = ("gaps", "failed")
SHOWN = 5  # gaps under a day in the list; the day's page has them all
MANY = 1000  # orders that wait for their store are counted so far


@dataclass(frozen=True, slots=True)
class Stands:
    """How one shop's comparison stands."""

    shop: Shop
    state: Badge
    standing: sync.Standing
    wait: int  # orders whose commission waits until their store was asked


@blueprint.get("/proofs")
@staff("support")
def proofs() -> str:
    shop_id, only = request.args.get("shop", ""), request.args.get("only", "")
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(DailyProof)
        if shop_id:
            asked = asked.where(DailyProof.shop_id == shop_id)
        counts = _counts(session, shop_id)
        if only == "open":
            asked = asked.where(DailyProof.status.in_(UNPROVED))
        found = keyset.read(session, "proofs", asked, (DailyProof.day, DailyProof.shop_id))
        stands = [_stands(session, shop, clock.now()) for shop in _shown(session, shop_id)]
        shops = shops_by_id(session, {row.shop_id for row in found.rows} | {shop_id})
    chips = [("Shop", name_of(shops.get(shop_id)), url_for(".proofs", only=only or None))] if shop_id else []
    views = [
        ("All days", url_for(".proofs", shop=shop_id or None), sum(counts.values()), not only),
        ("Not proved", url_for(".proofs", shop=shop_id or None, only="open"), _open(counts), only == "open"),
    ]
    return page(
        "console/proofs.html", found=found, shops=shops, stands=stands, saved=views, chips_shown=chips, shown=SHOWN,
        filtered=bool(shop_id or only), open_days=_open(counts), all_days=sum(counts.values()), again=_again,
    )  # fmt: skip


@blueprint.get("/proofs/<shop_id>/<day>")
@staff("support")
def proof(shop_id: str, day: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        shop, row = shops_of.get(session, shop_id), _row(session, shop_id, day)
        refs = [gap["order_ref"] for gap in row.gaps]
        known = sa.select(Order.order_ref, Order.id).where(Order.shop_id == shop_id, Order.order_ref.in_(refs))
        orders = {row[0]: row[1] for row in session.execute(known)}
    return page("console/proof.html", row=row, shop=shop, orders=orders, again=_again(row))


@blueprint.post("/proofs/<shop_id>/<day>/again")
@staff("support")
def prove_again(shop_id: str, day: str) -> AnyResponse:
    """Let a worker compare the day again, now."""
    with db.write(Scope.system(WHY)) as session:
        _row(session, shop_id, day)
        jobs.enqueue(session, proving.JOB, f"{shop_id}:{day}:{clock.wall():%Y%m%dT%H%M%S}", shop_id=shop_id, day=day)
        audit.record(session, guards.actor(), "proof.again", day, shop_id=shop_id)
    flash("A worker compares the day again. This page shows the result in a moment.")
    return redirect(url_for(".proof", shop_id=shop_id, day=day), code=303)


def _row(session: Session, shop_id: str, day: str) -> DailyProof:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise InputRefused("day", "is no day.", "Write it as 2026-11-20.") from None
    row = session.get(DailyProof, (shop_id, day))
    if row is None:
        raise NotFound(f"no proof of {day[:10]} is kept for the shop {shop_id[:40]!r}")
    return row


def _shown(session: Session, shop_id: str) -> list[Shop]:
    """The shop of the filter, or all that are not gone."""
    query = sa.select(Shop).where(Shop.id == shop_id) if shop_id else sa.select(Shop).where(Shop.status != "left")
    return list(session.scalars(query.order_by(Shop.name, Shop.id).limit(200)))


def _stands(session: Session, shop: Shop, now: datetime) -> Stands:
    standing = sync.standing(session, shop, now)
    if shop.status != "connected":
        state = Badge("warn", "Needs you") if shop.status == "needs_reconnect" else Badge("idle", "Left")
    elif standing.last is None and not standing.stuck:
        state = Badge("idle", "Not compared yet")
    elif standing.stuck:
        state = Badge("bad", "Stuck")
    elif standing.last is not None and standing.last.status == "failed":
        state = Badge("warn", "Failing")
    elif standing.last is not None and standing.last.status == "gaps":
        state = Badge("warn", "Gaps")
    else:
        state = Badge("good", "Well")
    return Stands(shop, state, standing, len(clear.unread(session, shop.id, now, MANY)))


def _counts(session: Session, shop_id: str) -> dict[str, int]:
    query = sa.select(DailyProof.status, sa.func.count()).group_by(DailyProof.status)
    rows = session.execute(query.where(DailyProof.shop_id == shop_id) if shop_id else query)
    return {row[0]: row[1] for row in rows}


def _open(counts: dict[str, int]) -> int:
    return sum(counts.get(status, 0) for status in UNPROVED)


def _again(row: DailyProof) -> datetime:
    """When a worker tries the day again by itself."""
    return row.tried_at + proving.next_try(row.tries)
