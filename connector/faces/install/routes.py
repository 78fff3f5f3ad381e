"""Where a merchant begins, on whatever platform the store is: what each needs, and each one's own way in.

    /install                  the platforms there are
    /install/<slug>           one of them: what to have at hand, what works, its ways in
    /install/<slug>/go        an address was typed (or none is asked): on to the page where the merchant agrees
    /install/<slug>/keys      keys were pasted: they are tried on the store at once
    /install/<slug>/plugin.zip  our plug-in for the store, where its platform needs one

Every way ends on the page that shows the first sync. Nothing that was pasted into a secret field is shown again.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from connector import telemetry
from connector.config import Settings
from connector.errors import (
    ConfigurationWrong,
    Conflict,
    ConnectorError,
    GrantLost,
    HostRefused,
    InputRefused,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
)
from connector.oauth import begin, handover, pasted
from connector.platforms import roster
from connector.platforms.contract import Pasted, Platform
from connector.web import archives, pace, platform_words, sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path

blueprint = Blueprint("install", __name__, url_prefix="/install", template_folder="templates")
FIRST_SYNC = "/dashboard/sync"
# Tries of one address in five minutes: each makes us ask a store.
LOOKS, TRIES = 20, 12
_log = telemetry.logger(__name__)


@blueprint.get("", strict_slashes=False)
@public("where a merchant begins: nobody is known yet")
def platforms() -> str:
    keep_way_back()
    found = sorted(roster.platforms().values(), key=lambda each: each.title.lower())
    shown = [(each, platform_words.ways(each), platform_words.not_set_up(each)) for each in found]
    return page("install/platforms.html", shown=shown, ready=sum(not problem for _, _, problem in shown))


@blueprint.get("/<slug>")
@public("where a merchant begins: nobody is known yet")
def platform(slug: str) -> str:
    keep_way_back()
    return _shown(roster.platform(slug), typed=request.args.get("shop", "").strip()[:300])


@blueprint.post("/<slug>/go")
@public("it only finds out where the merchant agrees; nothing is connected by it")
def go(slug: str) -> str | tuple[str, int]:
    """To the platform's page of agreement, or the store's. A form may not redirect to another host under our policy, a
    page that moves on may."""
    chosen, typed = roster.platform(slug), request.form.get("shop", "").strip()[:300]
    browser, origin = sessions.browser_id(), _settings().public_url
    try:
        if chosen.can("joins_by_handover"):
            pace.hold("handover.begin", LOOKS, 5)
            url = handover.begin(slug, typed, browser, origin)
        else:
            url = begin.begin(slug, typed, browser, origin)
    except ConfigurationWrong as wrong:
        return _shown(chosen, typed, problem=f"{wrong.setting} {wrong.problem}."), 503
    except (HostRefused, InputRefused, PlatformDown, PlatformBusy, PlatformRefused, GrantLost) as refused:
        return _shown(chosen, typed, {"shop": in_words(refused, "Your store's address")}), 422
    return page("web/onward.html", url=url, where=typed or chosen.title)


@blueprint.post("/<slug>/keys")
@public("whoever holds a store's keys runs the store: they are tried on it before anybody is signed in")
def keys(slug: str) -> Response | tuple[str, int]:
    chosen, part = roster.platform(slug), pasted.part_of(slug)
    pace.hold("keys", TRIES, 5)
    try:
        shop_id = pasted.enter(slug, request.form)
    except ConnectorError as refused:
        _log.info("install.refused", platform=slug, kind=type(refused).__name__)
        if isinstance(refused, ConfigurationWrong):
            return _shown(chosen, problem=f"{refused.setting} {refused.problem}."), 503
        name = _field(part, refused)
        title = next((field.title for field in part.fields if field.name == name), "")
        return _shown(chosen, errors={f"key-{name}": in_words(refused, title)}), 422
    sessions.sign_in_merchant(shop_id)
    return redirect(safe_path(sessions.way_back()) or FIRST_SYNC, code=303)


@blueprint.get("/<slug>/plugin.zip")
@public("our plug-in for a store holds no secret: who builds a merchant's store takes it from here")
def plugin(slug: str) -> Response:
    name, content = archives.plugin(slug)
    answer = Response(content, mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return answer


def keep_way_back() -> None:
    """The page of the dashboard that somebody who wasn't signed in had asked for."""
    way_back = safe_path(request.args.get("next", ""))
    if way_back.startswith("/dashboard"):
        sessions.keep_way_back(way_back)


def in_words(error: ConnectorError, title: str) -> str:
    """What a merchant reads beside the field `title`: what happened, and what to do about it."""
    own = error.public if error.public != str(error) else ""
    match error:
        case InputRefused():
            return f"{_sentence(title, error.problem)} {error.remedy}".strip()
        case HostRefused():
            return own or (
                f"We don't connect to this address: {error}. Give the public address of your store, as buyers see it, "
                "beginning with https://."
            )
        case PlatformBusy():
            return own or "Your store is busy just now. Wait a minute, then try again. Nothing was kept."
        case PlatformDown():
            return own or (
                f"Your store can't be read: {error}. See whether its address opens in your browser, and whether a "
                "firewall or a security plug-in stops programs there; then try again. Nothing was kept."
            )
        case GrantLost():
            return own or (
                "Your store does not know this key. Make a new one there, copy it whole, and paste it again. Nothing "
                "was kept."
            )
        case PlatformRefused():
            return own or (
                f"Your store did not let us read what we need: {error}. Give the key the rights named above. Nothing "
                "was kept."
            )
        case Conflict():
            return error.public
        case _:
            return own or f"{error.title}. Nothing was kept."


def _sentence(title: str, problem: str) -> str:
    """A problem is told of its field ("doesn't open the store."), or is a sentence of its own."""
    whole = problem if problem[:1].isupper() else f"{title} {problem}"
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def _field(part: Pasted, error: ConnectorError) -> str:
    """Which field a problem belongs to: the one that it names; a key's for what keys do; else the first, the store's
    address."""
    names = [field.name for field in part.fields]
    if isinstance(error, InputRefused) and error.field in names:
        return error.field
    if isinstance(error, GrantLost | PlatformRefused):
        return next((field.name for field in part.fields if field.secret), names[0])
    return names[0]


def _shown(chosen: Platform, typed: str = "", errors: dict[str, str] | None = None, *, problem: str = "") -> str:
    part = chosen.pasted if chosen.can("joins_by_credentials") else None
    given: dict[str, Any] = {
        field.name: request.form.get(field.name, "") for field in (part.fields if part else ()) if not field.secret
    }
    return page(
        "install/platform.html", platform=chosen, typed=typed, errors=errors or {}, pasted=part, given=given,
        problem=problem or platform_words.not_set_up(chosen), ways=platform_words.ways(chosen),
        install_url=platform_words.install_url(chosen), asks=not begin.asks_nobody(chosen),
        goes=chosen.can("joins_by_code") or chosen.can("joins_by_handover"), can=platform_words.abilities(chosen),
        open_points=platform_words.promises(chosen, "unproven", "absent"),
        open_keys=bool(errors) and "shop" not in (errors or {}),
    )  # fmt: skip


def _settings() -> Settings:
    settings: Settings = current_app.config["CONNECTOR"]
    return settings
