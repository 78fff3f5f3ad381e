"""The rules of the shop in words: what decides who earns and when money moves, since when, and how to change it."""

from __future__ import annotations

from flask import flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.dashboard.face import blueprint
from connector.web import guards, moments, setting_pages, shop_settings
from connector.web.guards import merchant
from connector.web.layout import page


@blueprint.get("/settings", endpoint="settings")
@merchant
def settings_page() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        groups = shop_settings.rows(session, shop.id, shop.currency, clock.now())
    return page("dashboard/settings.html", shop=shop, groups=groups)


@blueprint.get("/settings/<setting_name>")
@merchant
def setting(setting_name: str) -> str:
    return _shown(setting_pages.known(setting_name), {})


@blueprint.post("/settings/<setting_name>")
@merchant
def change_setting(setting_name: str) -> AnyResponse | str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.write(Scope.shop(shop.id)) as session:
        errors = setting_pages.change(
            session, shop, setting_pages.known(setting_name), request.form, by=guards.actor(), as_merchant=True
        )
    if errors:
        return _shown(setting_name, errors)
    flash(f"Changed: {shop_settings.name(setting_name)}. What was decided before keeps what stood then.")
    return redirect(url_for(".settings"), code=303)


def _shown(name: str, errors: dict[str, str]) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        stands = settings.at(session, shop.id, name, now)
        past = shop_settings.history(session, shop.id, name, shop.currency)
    typed = request.form.get("value")
    field = shop_settings.field(name, stands, shop.currency, typed=typed)
    return page(
        "dashboard/setting.html", shop=shop, name=name, title=shop_settings.name(name), does=shop_settings.does(name),
        value=shop_settings.value(name, stands, shop.currency), field=field, past=past, now=now, errors=errors,
        staff_only=name in settings.STAFF_ONLY, starts=request.form.get("starts", ""),
    )  # fmt: skip
