"""Commission in the merchant's hands: what is offered to whom, since when, what comes, and a change seen beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, ConnectorError, InputRefused
from connector.faces.dashboard.face import blueprint
from connector.insight.market import search as market
from connector.programme.collaborations import events, preview, rates, terms
from connector.programme.collaborations.preview import Preview
from connector.programme.collaborations.tables import PromotionRow, Terms
from connector.programme.collaborations.terms import Conditions, Wanted
from connector.programme.creators import queries as creators
from connector.web import guards, moments, rate_words, term_lines
from connector.web.guards import merchant
from connector.web.layout import page

OFFERED = 100
KINDS = term_lines.KINDS


@dataclass(slots=True)
class Asked:
    """What the form says, as it was typed; `errors` by the id of the field."""

    kind: str
    product: str = ""
    handle: str = ""
    name: str = ""
    rate: str = ""
    ads: str = ""
    new_buyer: str = ""
    codes: str = ""
    tiers: str = ""
    starts: str = ""
    last_day: str = ""
    agreed: bool = False
    replaces: str = ""
    nothing: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/terms")
@merchant
def terms_page() -> str:
    """What is open at which rate for whom, since when, and what comes."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        lines, more = term_lines.standing_lines(session, shop, now)
        promoted = session.scalar(
            sa.select(sa.func.count(PromotionRow.creator_id.distinct())).where(
                PromotionRow.shop_id == shop.id, PromotionRow.ends_at.is_(None)
            )
        )
        history = rates.newest(session, shop.id, term_lines.SHOWN)
        names = term_lines.names(session, shop, history)
    by_kind = {kind: [line for line in lines if line.kind == kind] for kind in KINDS}
    whole = next((line for line in by_kind["open"] if line.now is not None and not line.now.product_ref), None)
    return page(
        "dashboard/terms.html", shop=shop, by_kind=by_kind, whole=whole, promoted=promoted or 0, more=more,
        history=history, names=names, words=rate_words, kinds=rate_words.KINDS, now=now,
    )  # fmt: skip


@blueprint.get("/terms/change")
@merchant
def change_terms() -> str:
    """The form; with a rate in it also what the change would do."""
    return _form(_asked(request.args), look="look" in request.args)


@blueprint.post("/terms")
@merchant
def make_terms() -> AnyResponse | str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    asked = _asked(request.form)
    try:
        with db.write(Scope.shop(shop.id)) as session:
            wanted = _wanted(session, shop, asked)
            if request.form.get("token", "") != _token(session, wanted):
                raise Conflict("terms moved", public="Something changed, look again. Nothing was changed by you.")
            row = terms.record(session, wanted, by=guards.actor())
    except (InputRefused, Conflict) as refused:
        _put(asked, refused)
        return _form(asked, look=True)
    flash(f"{_said(row)} Creators see it in their rates.")
    return redirect(url_for(".terms_page"), code=303)


@blueprint.post("/terms/events/<event_id>/raise")
@merchant
def raise_event(event_id: str) -> AnyResponse:
    """An event may rise while it is live, and never fall."""
    rate = rate_words.typed(request.form.get("rate", ""), "rate")
    with db.write(Scope.shop(g.shop.id)) as session:
        row = events.raise_event(session, event_id, rate, by=guards.actor(), shop_id=g.shop.id)
    flash(f"The event now gives {rate_words.short(row.rate_bp)}.")
    return redirect(url_for(".terms_page"), code=303)


@blueprint.post("/terms/<terms_id>/call-off")
@merchant
def call_off_terms(terms_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        terms.call_off(session, terms_id, by=guards.actor(), shop_id=g.shop.id)
    flash("It is called off. What stands today goes on.")
    return redirect(url_for(".terms_page"), code=303)


def _form(asked: Asked, *, look: bool) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    shown: Preview | None = None
    row: Terms | None = None
    token = ""
    with db.read(Scope.shop(shop.id)) as session:
        if look and not asked.errors:
            try:
                wanted = _wanted(session, shop, asked)
                row = terms.draft(session, wanted, by=guards.actor())
                shown, token = preview.of(session, row), _token(session, wanted)
            except (InputRefused, Conflict) as refused:
                _put(asked, refused)
        find = request.args.get("find", "").strip()[:200]
        offered = (
            market.search(session, market.Asked(find, shop_id=shop.id), cursor=None, limit=OFFERED).listings
            if find
            else catalog.by_title(session, shop_id=shop.id, limit=OFFERED)
        )
        known = [(each.product_ref, each.title) for each in offered]
        if asked.product and asked.product not in dict(known):
            titles = catalog.titles(session, shop.id, [asked.product])
            known.insert(0, (asked.product, titles.get(asked.product) or asked.product))
        people = creators.some(session, {one for group in shown.groups for one in group.named}) if shown else {}
    return page(
        "dashboard/terms_change.html", shop=shop, asked=asked, shown=shown, row=row, token=token, known=known,
        find=find, people=people, words=rate_words, kinds=rate_words.KINDS, full=len(offered) == OFFERED,
    )  # fmt: skip


def _asked(form: Mapping[str, str]) -> Asked:
    kind = form.get("kind", "open")
    asked = Asked(kind if kind in KINDS else "open")
    for name in ("product", "handle", "name", "rate", "ads", "new_buyer", "codes", "tiers", "starts", "last_day"):
        setattr(asked, name, form.get(name, "").strip())
    asked.replaces = form.get("replaces", "")
    asked.agreed, asked.nothing = bool(form.get("agreed")), bool(form.get("nothing"))
    return asked


def _wanted(session: Session, shop: Shop, asked: Asked) -> Wanted:
    """Errors: InputRefused, each naming the field of the form."""
    now = clock.now()
    conditions = _conditions(asked)
    starts = moments.first_of(asked.starts, "starts") if asked.starts else None
    if starts is not None and starts <= now < starts + timedelta(days=1):
        starts = None  # today: from this moment on
    ends = _day_after(asked.last_day) if asked.last_day else None
    creator_id = None
    if asked.kind == "targeted":
        found = creators.by_handle(session, asked.handle) if asked.handle else None
        if found is None:
            raise InputRefused("handle", "is no creator we know.", "Write the handle as the creator has it in the app.")
        creator_id = found.id
    if asked.kind == "event" and not asked.nothing:
        if ends is None:
            raise InputRefused("last_day", "is missing.", "An event has a last day.")
        if asked.replaces:
            raise InputRefused("rate", "can't be changed here.", "Raise the event on the page of your terms.")
        wanted = events.wanted_event(
            shop.id, asked.name, conditions, starts_at=starts or now, ends_at=ends, product_ref=asked.product,
            tiers=_tiers(asked.tiers),
        )  # fmt: skip
        events.check(session, wanted, now)
        return wanted
    return Wanted(
        shop_id=shop.id, kind=asked.kind, conditions=conditions, starts_at=starts,
        product_ref="" if asked.kind == "store" else asked.product, creator_id=creator_id,
        ends_at=ends if asked.kind == "targeted" and not asked.nothing else None, replaces=asked.replaces or None,
        accepted_by=guards.actor() if asked.agreed else "",
    )  # fmt: skip


def _day_after(last_day: str) -> datetime:
    """The first moment after a day, in the shop's zone, whatever the clocks do that night."""
    first = moments.first_of(last_day, "last_day")
    return moments.first_of((first.date() + timedelta(days=1)).isoformat(), "last_day")


def _conditions(asked: Asked) -> Conditions:
    if asked.nothing:
        return Conditions(None)
    optional = {name: rate_words.typed(text, name) if (text := getattr(asked, name)) else None
                for name in ("ads", "new_buyer")}  # fmt: skip
    codes = {}
    for line in asked.codes.splitlines():
        if line.strip():
            code, _, rate = line.rpartition(":")
            codes[code.strip()] = rate_words.typed(rate, "codes")
    return Conditions(rate_words.typed(asked.rate, "rate"), optional["ads"], optional["new_buyer"], codes)


def _tiers(text: str) -> list[tuple[int, int]]:
    """`10: 18` a line: after 10 orders, 18 %."""
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        orders, _, rate = line.partition(":")
        if not orders.strip().isascii() or not orders.strip().isdigit():
            raise InputRefused("tiers", f"{line[:30]!r} is no tier.", "Write orders and rate, like 10: 18.")
        found.append((int(orders), rate_words.typed(rate, "tiers")))
    return found


# Names of fields, as the rooms below and as the form have them.
_FIELDS = {
    "rate_bp": "rate", "ads_bp": "ads", "new_buyer_bp": "new_buyer", "code_rates": "codes", "starts_at": "starts",
    "ends_at": "last_day", "accepted_by": "agreed", "product_ref": "product",
}  # fmt: skip


def _put(asked: Asked, refused: ConnectorError) -> None:
    """Beside its field, in words of the form."""
    if not isinstance(refused, InputRefused):
        asked.errors["form"] = refused.public
        return
    name = _FIELDS.get(refused.field, refused.field)
    said = {
        "accepted_by": "Without these terms the creator earns more. Tick this only if the creator agreed to less.",
        "rate_bp": "Write a rate from 1 to 80 per cent." if "outside" in refused.problem else "",
    }.get(refused.field, "")
    asked.errors[name] = said or f"{_LABELS.get(name, 'This')} {refused.problem} {refused.remedy}".strip()


_LABELS = {
    "rate": "The rate", "ads": "The rate for ads", "new_buyer": "The rate for new buyers", "codes": "A code's rate",
    "starts": "The first day", "last_day": "The last day", "handle": "The handle", "tiers": "The tiers",
    "name": "The name", "product": "The product",
}  # fmt: skip


def _token(session: Session, wanted: Wanted) -> str:
    """Of the versions that a preview rests on: another one in between is noticed."""
    newest = session.scalars(
        sa.select(Terms.id).where(Terms.shop_id == wanted.shop_id).order_by(Terms.id.desc()).limit(1)
    )
    parts = (wanted.shop_id, wanted.kind, wanted.product_ref, wanted.creator_id or "", newest.first() or "")
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def _said(row: Terms) -> str:
    when = "now" if row.starts_at <= clock.now() else moments.day(row.starts_at)
    if row.rate_bp is None:
        return f"Withdrawn from {when} on."
    return f"{rate_words.short(row.rate_bp)} from {when} on."
