"""If the rate were 12 %: what the shop's orders would pay under other terms or rules. Nothing is written."""

from __future__ import annotations

from flask import g, request, url_for

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.dashboard.face import blueprint
from connector.operations import trace
from connector.operations.whatif import forms, price
from connector.operations.whatif.asked import stretch
from connector.operations.whatif.price import Answer
from connector.programme.creators import queries as creators
from connector.web import moments, shop_settings, words
from connector.web.guards import merchant
from connector.web.layout import page

OFFERED = 100


@blueprint.get("/whatif")
@merchant
def whatif() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    asked = forms.read(request.args)
    choices = forms.periods(now, shop.time_zone)
    asked.period = asked.period or choices[0][0]
    change = forms.change(asked, shop.time_zone, shop.currency)
    answer: Answer | None = None
    with db.read(Scope.shop(shop.id)) as session:
        if change is not None:
            try:
                if asked.order:
                    scope = price.Scope(order_id=trace.find(session, asked.order, shop.id).id)
                else:
                    since, until = stretch(asked.period, shop.time_zone)
                    scope = price.Scope(shop_id=shop.id, since=since, until=until)
                answer = price.price(session, scope, change, seconds=forms.SECONDS)
            except NotFound:
                asked.errors["order"] = "No order of yours has this number."
            except InputRefused as refused:
                asked.errors[refused.field] = f"That {refused.problem} {refused.remedy}"
        shown = forms.shown(answer) if answer is not None else None
        people = creators.some(session, {each[0] for each in shown.creators}) if shown else {}
        people |= creators.some(session, _named(answer)) if answer else {}
        known = [(each.product_ref, each.title) for each in catalog.by_title(session, shop_id=shop.id, limit=OFFERED)]
        stands = forms.stands(session, shop.id, shop.currency, now)
    return page(
        "dashboard/whatif.html", shop=shop, asked=asked, shown=shown, choices=choices, who=forms.WHO, known=known,
        fields=forms.fields(shop.currency), stands=stands, setting_words=shop_settings,
        name_of={each.id: f"@{each.handle}" for each in people.values()},
        said=lambda code: words.reason(code, "merchant") if code else "",
        order_url=lambda order_id: url_for(".order", order_id=order_id),
    )  # fmt: skip


def _named(answer: Answer) -> set[str]:
    found = {one for line in answer.lines for one in (line.creator_before, line.creator_after)}
    return {one for one in found if one is not None}
