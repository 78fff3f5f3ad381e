"""Payouts for finance: ask, preview, result; the second person; the file or the calls; what became of each transfer."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from typing import Any

import sqlalchemy as sa
from flask import Response, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db, jobs, money
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts import batch as batches
from connector.earnings.payouts import hand_over, policy, queries, rails
from connector.earnings.payouts.plan import Aside, Plan, Row
from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.errors import Conflict, ConnectorError
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.payouts_heard import said
from connector.faces.console.runs import shops_by_id
from connector.programme.creators import payees
from connector.programme.creators import queries as creators_of
from connector.web import guards, keyset
from connector.web.amounts import plain
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import paid_to

SHOWN = 200
STATUSES = ("awaiting", "prepared", "sent", "finished", "paid", "refused")


@blueprint.get("/payouts")
@staff("finance")
def payouts() -> str:
    status = request.args.get("status", "")
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(PayoutBatch)
        if status in STATUSES:
            asked = asked.where(PayoutBatch.status == status)
        found = keyset.read(session, "batches", asked, (PayoutBatch.prepared_at, PayoutBatch.id))
        counts = queries.batch_counts(session)
        unknown = queries.unknown_count(session)
        owed = _owed(session)
    views = [("All", url_for(".payouts"), sum(counts.values()), not status)]
    views += [
        (name, url_for(".payouts", status=name), counts[name], status == name) for name in STATUSES if counts.get(name)
    ]
    return page(
        "console/payouts.html", found=found, views_shown=views, unknown=unknown, owed=owed, titles=rails.TITLES,
        status_asked=status, actor=telling.actor_words,
    )  # fmt: skip


def _owed(session: Session) -> dict[str, int]:
    """Currency → what is settled and above zero or below, over all shops."""
    found: Counter[str] = Counter()
    for (_, currency, account), total in ledger.accounts(session).items():
        if account == "creator_settled":
            found[currency] -= total
    return {currency: total for currency, total in sorted(found.items()) if total}


@blueprint.get("/payouts/new")
@staff("finance")
def payout_new() -> str:
    """Without a currency the question, with one what it would do."""
    return _asked({name: request.args.get(name, "").strip() for name in ("currency", "rail", "key", "minimum")})


def _asked(asked: dict[str, str], moved: str = "") -> str:
    asked["currency"] = asked["currency"].upper()
    asked["rail"] = asked["rail"] or "csv"
    errors: dict[str, str] = {}
    plan, now = None, clock.now()
    people: dict[str, Any] = {}
    shops: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    with db.read(Scope.system(WHY)) as session:
        owed = _owed(session)
        if asked["currency"]:
            asked["key"] = asked["key"] or queries.key_of_day(session, now.date(), asked["currency"], asked["rail"])
            try:
                least = money.parse(asked["minimum"], asked["currency"], "minimum") if asked["minimum"] else None
                plan = batches.preview(session, asked["currency"], now, minimum=least, rail=asked["rail"])
            except ConnectorError as refused:
                errors[getattr(refused, "field", "rail")] = said(refused)
        if plan is not None:
            listed: list[Row | Aside] = [*plan.pay[:SHOWN], *plan.aside[:SHOWN]]
            people = creators_of.some(session, {each.creator_id for each in listed})
            shops = shops_by_id(session, {each.shop_id for each in listed})
            shown = payees.some(session, {row.payee_id for row in plan.pay[:SHOWN]})
        known = queries.by_key(session, asked["key"]) if asked["key"] else None
    return page(
        "console/payout_new.html", asked=asked, errors=errors, plan=plan, people=people, shops=shops,
        shown=shown, titles=rails.TITLES, moved=moved, known=known, paid_to=paid_to, at_most=SHOWN,
        owed_words=", ".join(plain(total, code, "code") for code, total in owed.items()) or "nothing",
        second=plan is not None and _second(plan), reasons=_reasons(plan.aside) if plan is not None else [],
    )  # fmt: skip


def _second(plan: Plan) -> bool:
    return plan.total > 0 and policy.current().needs_second(plan.total, plan.currency)


def _reasons(aside: Any) -> list[tuple[str, int]]:
    return Counter(each.reason for each in aside).most_common()


@blueprint.post("/payouts")
@staff("finance")
def book_payout() -> str | AnyResponse:
    asked = {name: request.form.get(name, "").strip() for name in ("currency", "rail", "key", "minimum")}
    try:
        least = money.parse(asked["minimum"], asked["currency"], "minimum") if asked["minimum"] else None
        with db.write(Scope.system(WHY)) as session:
            made = batches.prepare(
                session, asked["key"], asked["currency"], clock.now(), guards.actor(), minimum=least,
                rail=asked["rail"], seen=request.form.get("seen", ""),
            )  # fmt: skip
    except Conflict as moved:
        return _asked(asked, moved=moved.public)
    flash("The batch is booked. Nothing has left yet.")
    return redirect(url_for(".batch", batch_id=made.id), code=303)


@blueprint.get("/money/batches/<batch_id>")
@staff("finance")
def batch(batch_id: str) -> str:
    status = request.args.get("status", "")
    with db.read(Scope.system(WHY)) as session:
        found = queries.batch(session, batch_id)
        asked = sa.select(Payout).where(Payout.batch_id == batch_id)
        if status:
            asked = asked.where(Payout.status == status)
        rows = keyset.read(session, f"payouts-{batch_id}", asked, (Payout.id,), per_page=100)
        counts, sums = queries.row_counts(session, batch_id), queries.row_sums(session, batch_id)
        leaves = queries.leaves(session, batch_id)
        reasons = queries.aside_counts(session, batch_id)
        aside = session.scalars(
            sa.select(SetAside).where(SetAside.batch_id == batch_id).order_by(SetAside.reason, SetAside.id).limit(SHOWN)
        ).all()
        left_out = {each.creator_id for each in aside}
        people = creators_of.some(session, {each.creator_id for each in rows.rows} | left_out)
        shops = shops_by_id(session, {each.shop_id for each in rows.rows} | {each.shop_id for each in aside})
        shown = payees.some(session, {each.payee_id for each in rows.rows if each.payee_id})
    views = [("All", url_for(".batch", batch_id=batch_id), found.rows, not status)]
    views += [
        (name, url_for(".batch", batch_id=batch_id, status=name), number, status == name)
        for name, number in sorted(counts.items())
    ]
    return page(
        "console/batch.html", batch=found, payouts=rows, counts=counts, sums=sums, aside=aside, reasons=reasons,
        people=people, shops=shops, shown=shown, leaves=leaves, titles=rails.TITLES, paid_to=paid_to, views_shown=views,
        by_calls=found.rail in hand_over.API_RAILS, mine=found.prepared_by == f"staff:{g.staff.name}",
        limit=policy.current().limit(found.currency), actor=telling.actor_words,
    )  # fmt: skip


def _back(batch_id: str, said: str) -> AnyResponse:
    flash(said)
    return redirect(url_for(".batch", batch_id=batch_id), code=303)


@blueprint.post("/payouts/<batch_id>/approve")
@staff("finance")
def approve_batch(batch_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        batches.approve(session, batch_id, clock.now(), guards.actor())
    return _back(batch_id, "Approved. It may be handed over now.")


@blueprint.post("/payouts/<batch_id>/refuse")
@staff("finance")
def refuse_batch(batch_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        batches.refuse(session, batch_id, clock.now(), guards.actor(), request.form.get("why", ""))
    return _back(batch_id, "Called off. Its money is settled again and waits for the next batch.")


@blueprint.post("/payouts/<batch_id>/file")
@staff("finance")
def batch_file(batch_id: str) -> Response:
    """The files of a batch, whole account numbers in them: each fetch goes to the audit log."""
    with db.write(Scope.system(WHY)) as session:
        made = hand_over.files(session, batch_id, clock.now(), guards.actor())
    if not made:
        raise Conflict("the batch has no transfers: there is no file")
    if len(made) == 1:
        name, content = made[0]
        kind = "application/xml" if name.endswith(".xml") else "text/csv; charset=utf-8"
    else:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for each, data in made:
                archive.writestr(each, data)
        name, content, kind = f"{batch_id}.zip", packed.getvalue(), "application/zip"
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/payouts/<batch_id>/call")
@staff("finance")
def call_batch(batch_id: str) -> AnyResponse:
    """A worker sends it: calls take longer than a page waits."""
    with db.write(Scope.system(WHY)) as session:
        batches.mark_handed(session, batch_id, clock.now())
        key = f"{batch_id}:{clock.wall():%Y%m%d%H%M}"
        jobs.enqueue(session, "payouts.call", key, batch_id=batch_id, by=guards.actor())
    return _back(batch_id, "A worker sends it now. Outcomes appear here.")


@blueprint.post("/payouts/<batch_id>/ask")
@staff("finance")
def ask_batch(batch_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        queries.batch(session, batch_id)
        audit.record(session, guards.actor(), "payout.ask", batch_id)
        key = f"{batch_id}:{clock.wall():%Y%m%d%H%M}"
        jobs.enqueue(session, "payouts.ask", key, batch_id=batch_id, by=guards.actor())
    return _back(batch_id, "A worker asks the service about every unknown transfer. Nothing is sent.")


@blueprint.post("/payouts/<batch_id>/sent")
@staff("finance")
def batch_sent(batch_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        batches.mark_sent(session, batch_id, clock.now(), guards.actor())
    return _back(batch_id, "Marked as sent.")


@blueprint.post("/payouts/<batch_id>/paid")
@staff("finance")
def batch_paid(batch_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        batches.mark_paid(session, batch_id, clock.now(), guards.actor())
    return _back(batch_id, "Every transfer that was sent is booked as paid.")
