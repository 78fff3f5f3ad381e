"""A shop's settings as staff see and change them, those too that a merchant can't."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops import settings
from connector.db import Scope
from connector.faces.console.face import WHY, blueprint
from connector.web import guards, setting_pages, shop_settings
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/shops/<shop_id>/settings", endpoint="shop_settings")
@staff("support")
def shop_settings_page(shop_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        groups = shop_settings.rows(session, shop.id, shop.currency, clock.now())
    return page("console/shop_settings.html", shop=shop, groups=groups)


@blueprint.get("/shops/<shop_id>/settings/<setting_name>")
@staff("support")
def shop_setting(shop_id: str, setting_name: str) -> str:
    return _shown(shop_id, setting_pages.known(setting_name), {})


@blueprint.post("/shops/<shop_id>/settings/<setting_name>")
@staff("admin")
def change_shop_setting(shop_id: str, setting_name: str) -> AnyResponse | str:
    with db.write(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        errors = setting_pages.change(
            session, shop, setting_pages.known(setting_name), request.form, by=guards.actor(), as_merchant=False
        )
    if errors:
        return _shown(shop_id, setting_name, errors)
    flash(f"Changed: {shop_settings.name(setting_name)}. What was decided before keeps what stood then.")
    return redirect(url_for(".shop_settings", shop_id=shop_id), code=303)


def _shown(shop_id: str, name: str, errors: dict[str, str]) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        stands = settings.at(session, shop.id, name, now)
        past = shop_settings.history(session, shop.id, name, shop.currency)
    field = shop_settings.field(name, stands, shop.currency, typed=request.form.get("value"))
    return page(
        "console/shop_setting.html", shop=shop, name=name, title=shop_settings.name(name),
        does=shop_settings.does(name), value=shop_settings.value(name, stands, shop.currency), field=field, past=past,
        now=now, errors=errors, tiers=settings.HOLD_TIERS if name == "hold_days" else (),
        starts=request.form.get("starts", ""),
    )  # fmt: skip
