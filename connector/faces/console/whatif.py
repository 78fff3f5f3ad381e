"""What would it pay, for staff: an order, a creator's month or a shop's quarter. Nothing is written."""

from __future__ import annotations

from flask import request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.operations import trace
from connector.operations.whatif import forms, price
from connector.operations.whatif.asked import stretch
from connector.operations.whatif.forms import Question
from connector.programme.creators import queries as creators
from connector.web import moments, shop_settings, words
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/whatif")
@staff("support")
def whatif() -> str:
    asked, answer, shop = forms.read(request.args), None, None
    with db.read(Scope.system(WHY)) as session:
        shop = _shop(session, asked)
        zone = shop.time_zone if shop else str(moments.zone())
        change = forms.change(asked, zone, shop.currency if shop else "")
        scope = _scope(session, asked, shop, zone) if change is not None and not asked.errors else None
        if scope is not None and change is not None:
            answer = price.price(session, scope, change, seconds=forms.SECONDS)
        shown = forms.shown(answer) if answer is not None else None
        named = {each[0] for each in shown.creators} if shown else set()
        if answer is not None:
            sides = {one for line in answer.lines for one in (line.creator_before, line.creator_after)}
            named |= {one for one in sides if one is not None}
        people = creators.some(session, named)
    return page(
        "console/whatif.html", asked=asked, shown=shown, shop=shop, choices=forms.periods(clock.now(), zone),
        who=forms.WHO, fields=forms.fields(shop.currency if shop else ""), setting_words=shop_settings,
        name_of={each.id: f"@{each.handle}" for each in people.values()},
        said=lambda code: words.reason(code, "support") if code else "",
        order_url=lambda order_id: url_for(".order", order_id=order_id),
    )  # fmt: skip


def _shop(session: Session, asked: Question) -> Shop | None:
    if not asked.shop:
        return None
    try:
        return shops.by_name(session, asked.shop)
    except NotFound:
        asked.errors["shop"] = "No shop has this host or id."
        return None


def _scope(session: Session, asked: Question, shop: Shop | None, zone: str) -> price.Scope | None:
    """What is priced; None with the reason beside its field."""
    try:
        if asked.order:
            return price.Scope(order_id=trace.find(session, asked.order, shop.id if shop else None).id)
    except (NotFound, InputRefused) as refused:
        asked.errors["order"] = refused.public
        return None
    if shop is None and not asked.creator:
        asked.errors["shop"] = "Name a shop, a creator or an order."
        return None
    creator_id = None
    try:
        if asked.creator:
            found = creators.by_handle(session, asked.creator)
            if found is None:
                raise InputRefused("creator", "is nobody's handle.")
            creator_id = found.id
        since, until = stretch(asked.period or f"{clock.now():%Y-%m}", zone)
    except InputRefused as refused:
        name = "period" if refused.field == "period" else "creator"
        asked.errors[name] = f"That {refused.problem} {refused.remedy}".strip()
        return None
    return price.Scope(creator_id=creator_id, shop_id=shop.id if shop else None, since=since, until=until)
