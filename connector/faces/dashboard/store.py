"""How the store is joined to us: by which way, whether its messages arrive, what its plug-in needs, and the way out."""

from __future__ import annotations

from flask import Response, current_app, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db, jobs
from connector.commerce.shops.tables import GrantRow, Shop
from connector.config import Settings
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.dashboard.face import blueprint
from connector.oauth import revoke
from connector.platforms import roster
from connector.web import guards, moments, platform_words, sessions
from connector.web.guards import merchant
from connector.web.layout import page
from connector.webhooks import heard, hooks, subscribe


@blueprint.get("/store")
@merchant
def store() -> str:
    return _shown("")


@blueprint.post("/store/secret")
@merchant
def hook_secret() -> AnyResponse:
    """Show the secret of the shop's own address, or make a new one and show that: on this answer alone."""
    shop: Shop = g.shop
    if not roster.platform(shop.platform).can("plugin"):
        raise NotFound("this platform's secret is ours to set")
    if request.form.get("act") == "change":
        hooks.hook_of(shop.id, _settings().public_url)
        with db.write(Scope.shop(shop.id)) as session:
            secret = hooks.change_secret(session, shop.id, guards.actor())
            if roster.platform(shop.platform).can("webhooks_by_api"):  # the plug-in may be told through the API
                key = f"{shop.id}:secret:{clock.wall():%Y%m%dT%H%M%S%f}"
                jobs.enqueue(session, subscribe.JOB, key, shop_id=shop.id)
    else:
        secret = hooks.hook_of(shop.id, _settings().public_url).secret
        with db.write(Scope.shop(shop.id)) as session:
            audit.record(session, guards.actor(), "webhooks.secret_shown", shop.id, shop_id=shop.id)
    answer = Response(_shown(secret), mimetype="text/html")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/store/disconnect")
@merchant
def ask_disconnect() -> str:
    shop: Shop = g.shop
    return page("dashboard/disconnect.html", shop=shop, platform=roster.platform(shop.platform))


@blueprint.post("/store/disconnect")
@merchant
def disconnect() -> AnyResponse:
    shop: Shop = g.shop
    parted = subscribe.part(shop.id, public_url=_settings().public_url)
    with db.write(Scope.shop(shop.id)) as session:
        revoke.disconnect(session, shop.id, guards.actor(), parted=parted)
    sessions.sign_out("merchant")
    flash(f"{shop.name or shop.domain} is disconnected.")
    return redirect(url_for("install.platforms"), code=303)


def _shown(secret: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    platform = roster.platform(shop.platform)
    plugin = platform.can("plugin")
    hook = hooks.hook_of(shop.id, _settings().public_url) if plugin else None
    with db.read(Scope.shop(shop.id)) as session:
        arrives = heard.of(session, shop.id)
        grant = session.get(GrantRow, shop.id)
        sample = str(grant.details.get("sample", "")) if grant is not None else ""
    return page(
        "dashboard/store.html", shop=shop, platform=platform, way=platform_words.WAYS.get(shop.joined_by, ("", ""))[0],
        heard=arrives, sample=sample, plugin=plugin, hook_address=hook.address if hook else "", secret=secret,
        every=moments.every(platform.orders_every),
    )  # fmt: skip


def _settings() -> Settings:
    settings: Settings = current_app.config["CONNECTOR"]
    return settings
