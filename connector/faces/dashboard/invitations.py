"""Inviting creators: one by handle, or a list; how far a list is and what was refused; rules that accept by
themselves."""

from __future__ import annotations

import csv
import io

import sqlalchemy as sa
from flask import Response, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.dashboard import rule_forms
from connector.faces.dashboard.face import blueprint
from connector.insight.market import search as market
from connector.programme.collaborations import acceptance, batches, invitations, negotiation
from connector.programme.collaborations.tables import OfferBatch
from connector.programme.creators import queries as creators
from connector.web import guards, keyset, moments, negotiation_view, offer_forms, rate_words, words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.offer_forms import Typed

SHOWN = 200
# What became of the invitations of a list, in this order.
BECAME = {
    "agreed": "Accepted", "countered": "Asked for other terms", "waits": "Not answered yet", "declined": "Declined",
    "expired": "Expired", "withdrawn": "Taken back",
}  # fmt: skip


@blueprint.get("/offers/invite")
@merchant
def invite() -> str:
    return _form(Typed(), request.args.get("handle", "")[:100])


@blueprint.post("/offers/invite")
@merchant
def send_invitations() -> str | AnyResponse:
    """One creator by handle, or each of a file."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    typed, handle = offer_forms.typed(request.form), request.form.get("handle", "").strip()[:100]
    sent = request.files.get("file")
    try:
        given = offer_forms.proposal(typed, shop.currency)
        if sent is not None and sent.filename:
            rows = invitations.read(sent.stream, shop.currency)
            with db.write(Scope.shop(shop.id)) as session:
                batch = batches.invite(session, shop.id, rows, given, by=guards.actor(), file_name=sent.filename)
                if batch.rows > batches.SMALL:
                    batches.start(session, batch)
            if batch.rows <= batches.SMALL:
                batches.work(batch.id, shop.id)
            return redirect(url_for(".offer_batch", batch_id=batch.id), code=303)
        if not handle:
            raise InputRefused("handle", "is missing.", "Write one, or choose a file.")
        with db.write(Scope.shop(shop.id)) as session:
            person = creators.named(session, handle)
            row = negotiation.begin(session, shop.id, person.id, "merchant", given, by=guards.actor())
    except NotFound:
        typed.errors["handle"] = "We know no creator of this handle. Write it as the creator has it in the app."
        return _form(typed, handle)
    except (InputRefused, Conflict) as refused:
        offer_forms.put(typed, refused)
        if isinstance(refused, offer_forms.SeveralRefused) and not handle and (sent is None or not sent.filename):
            typed.errors["handle"] = "The handle is missing. Write one, or choose a file."
        if isinstance(refused, InputRefused) and refused.field in ("handle", "file"):
            typed.errors[refused.field] = f"The {refused.field} {refused.problem} {refused.remedy}".strip()
        return _form(typed, handle)
    flash("Your offer is sent. The creator is told in the app.")
    return redirect(url_for(".offer_page", negotiation_id=row.id), code=303)


def _form(typed: Typed, handle: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    find = request.args.get("find", "").strip()[:200]
    with db.read(Scope.shop(shop.id)) as session:
        listed = (
            market.search(
                session, market.Asked(find, shop_id=shop.id), cursor=None, limit=negotiation_view.CHOICES
            ).listings
            if find
            else catalog.by_title(session, shop_id=shop.id, limit=negotiation_view.CHOICES)
        )
        titles = catalog.titles(session, shop.id, typed.products)
        known = [(ref, titles.get(ref) or ref) for ref in typed.products]
        known += [(each.product_ref, each.title) for each in listed if each.product_ref not in typed.products]
    return page(
        "dashboard/invite.html", shop=shop, typed=typed, handle=handle, known=known, waits=offer_forms.WAITS,
        most=invitations.MOST, find=find, full=len(listed) == negotiation_view.CHOICES,
    )  # fmt: skip


@blueprint.get("/offers/lists")
@merchant
def offer_lists() -> str:
    """Every list of invitations and every answer to many, newest first."""
    moments.use_zone(g.shop.time_zone)
    with db.read(Scope.shop(g.shop.id)) as session:
        asked = sa.select(OfferBatch).where(OfferBatch.shop_id == g.shop.id)
        found = keyset.read(session, f"offer-lists:{g.shop.id}", asked, (OfferBatch.began_at, OfferBatch.id))
        came = batches.outcomes(session, [each.id for each in found.rows])
    return page("dashboard/offer_lists.html", shop=g.shop, found=found, came=came)


@blueprint.get("/offers/lists/<batch_id>")
@merchant
def offer_batch(batch_id: str) -> str:
    """How far a list is; what was refused, by line."""
    moments.use_zone(g.shop.time_zone)
    with db.read(Scope.shop(g.shop.id)) as session:
        batch = batches.get(session, batch_id, shop_id=g.shop.id)
        came = batches.outcomes(session, [batch.id])[batch.id]
        refused = batches.rows_of(session, batch.id, outcome=batches.REFUSED, limit=SHOWN)
        became = batches.became(session, batch.id, clock.now()) if batch.act == "invite" else {}
    return page(
        "dashboard/offer_batch.html", shop=g.shop, batch=batch, came=came, refused=refused, words=words,
        became=became, becomes=BECAME,
    )  # fmt: skip


@blueprint.post("/offers/lists/<batch_id>/withdraw")
@merchant
def withdraw_list(batch_id: str) -> AnyResponse:
    """Take back the invitations of a list that nobody has answered yet."""
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            made = batches.withdraw(session, batch_id, shop_id=g.shop.id, by=guards.actor())
            if made.rows > batches.SMALL:
                batches.start(session, made)
    except Conflict as late:
        flash(late.public)
        return redirect(url_for(".offer_batch", batch_id=batch_id), code=303)
    if made.rows <= batches.SMALL:
        batches.work(made.id, g.shop.id)
    return redirect(url_for(".offer_batch", batch_id=made.id), code=303)


@blueprint.get("/offers/lists/<batch_id>/part")
@merchant
def offer_batch_part(batch_id: str) -> str:
    """The live part of a list's page."""
    with db.read(Scope.shop(g.shop.id)) as session:
        batch = batches.get(session, batch_id, shop_id=g.shop.id)
        came = batches.outcomes(session, [batch.id])[batch.id]
    return page("dashboard/offer_batch_part.html", batch=batch, came=came)


@blueprint.get("/offers/lists/<batch_id>/refused.csv")
@merchant
def offer_batch_refused(batch_id: str) -> Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("line", "handle", "reason", "detail", "remedy"))
    with db.read(Scope.shop(g.shop.id)) as session:
        batch = batches.get(session, batch_id, shop_id=g.shop.id)
        for row in batches.rows_of(session, batch.id, outcome=batches.REFUSED, limit=batch.rows):
            said = f"'{row.said}" if row.said.startswith(("=", "+", "-", "@", "\t")) else row.said
            writer.writerow(
                (row.number, said, words.reason(row.reason, "merchant"), row.detail, words.remedy(row.reason))
            )  # fmt: skip
    return Response(
        out.getvalue(), mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="refused.csv"'}
    )


@blueprint.get("/offers/rules")
@merchant
def acceptance_rules() -> str:
    return _rules({}, {})


@blueprint.post("/offers/rules")
@merchant
def add_rule() -> str | AnyResponse:
    moments.use_zone(g.shop.time_zone)
    typed = rule_forms.typed(request.form)
    try:
        given = rule_forms.rule(typed, g.shop.currency)
        with db.write(Scope.shop(g.shop.id)) as session:
            acceptance.add(session, g.shop.id, given.pop("most_bp"), by=guards.actor(), **given)
    except (InputRefused, Conflict) as refused:
        return _rules(typed, rule_forms.wrong(refused))
    flash("From now on such offers are accepted by themselves.")
    return redirect(url_for(".acceptance_rules"), code=303)


@blueprint.post("/offers/rules/<rule_id>/end")
@merchant
def end_rule(rule_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        acceptance.end(session, rule_id, shop_id=g.shop.id, by=guards.actor())
    flash("The rule has ended. What it accepted stands.")
    return redirect(url_for(".acceptance_rules"), code=303)


def _rules(typed: dict[str, str], errors: dict[str, str]) -> str:
    moments.use_zone(g.shop.time_zone)
    with db.read(Scope.shop(g.shop.id)) as session:
        rules = acceptance.of_shop(session, g.shop.id)
    return page(
        "dashboard/acceptance_rules.html", shop=g.shop, rules=rules, typed=typed, errors=errors, words=rate_words,
        now=clock.now(),
    )  # fmt: skip
