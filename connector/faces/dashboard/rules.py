"""What the rules keep out of the merchant's list, breaches that were recorded, appeals against both, terms of use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.dashboard.face import blueprint
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, use_terms, violations
from connector.programme.policies.rules_tables import ListingRefusal
from connector.web import guards, moments
from connector.web.guards import merchant
from connector.web.layout import page

ANSWERS = timedelta(days=90)  # how long an answer stands here


@blueprint.get("/rules")
@merchant
def rules() -> str:
    return _page()


def _page(wrong: str = "", words: str = "", problem: str = "") -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        refused = screening.standing(session, shop.id)
        answered = _answered(session, shop.id)
        by_code = {rule.code: rule for each in screening.versions(session) for rule in policy.breakable(each)}
        breaches = violations.of(session, shop.id)
        owed = use_terms.owed(session, "merchant", shop.id)
        accepted = use_terms.accepted(session, "merchant", shop.id)
    return page(
        "dashboard/rules.html", shop=shop, refused=refused, answered=answered, rules=by_code, breaches=breaches,
        owed=owed, accepted=accepted, wrong=wrong, words=words, problem=problem, now=now, counts=violations.counts,
    )  # fmt: skip


def _answered(session: Session, shop_id: str) -> Sequence[ListingRefusal]:
    """Appeals by which a product was let in: it is kept out no more, and the answer can still be read."""
    return session.scalars(
        sa.select(ListingRefusal)
        .where(
            ListingRefusal.shop_id == shop_id, ListingRefusal.decided_at > clock.now() - ANSWERS,
            ListingRefusal.ended_at.is_not(None),
        )
        .order_by(ListingRefusal.decided_at.desc(), ListingRefusal.id)
        .limit(50)
    ).all()  # fmt: skip


@blueprint.post("/rules/products/<refusal_id>/appeal")
@merchant
def appeal_refusal(refusal_id: str) -> str | AnyResponse:
    words = request.form.get("words", "")
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            screening.appeal(session, g.shop.id, refusal_id, words, guards.actor())
    except (InputRefused, Conflict) as refused:
        return _page(refusal_id, words, _said(refused))
    return _heard()


@blueprint.post("/rules/breaches/<violation_id>/appeal")
@merchant
def appeal_breach(violation_id: str) -> str | AnyResponse:
    words = request.form.get("words", "")
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            violations.appeal(session, g.shop.id, violation_id, words, guards.actor())
    except (InputRefused, Conflict) as refused:
        return _page(violation_id, words, _said(refused))
    return _heard()


@blueprint.post("/rules/terms")
@merchant
def accept_use_terms() -> AnyResponse:
    version = request.form.get("version", "")
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            use_terms.accept(session, "merchant", g.shop.id, int(version) if version.isdecimal() else 0, guards.actor())
    except Conflict as moved:
        flash(f"Not accepted: {moved.public}.")
    else:
        flash("Accepted. The version that you accepted stays on this page.")
    return redirect(url_for(".rules"), code=303)


def _said(refused: InputRefused | Conflict) -> str:
    if isinstance(refused, InputRefused):
        return f"Your words {refused.problem} {refused.remedy}".strip()
    return f"{refused.public[:1].upper()}{refused.public[1:]}."


def _heard() -> AnyResponse:
    flash("We have your words. Support reads them and answers on this page.")
    return redirect(url_for(".rules"), code=303)
