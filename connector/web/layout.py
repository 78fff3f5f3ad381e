"""What every page stands on: templates, stylesheet, script, icons, theme, and what templates may call."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Blueprint, Flask, Response, g, redirect, render_template, request, url_for
from flask_bootstrap import Bootstrap5
from markupsafe import Markup

from connector.config import Settings
from connector.programme.content import addresses
from connector.programme.creators import networks
from connector.web import amounts, embedded, icons, moments, reasons, words
from connector.web.guards import public

THEMES = ("auto", "light", "dark")
_YEAR = 365 * 86400

blueprint = Blueprint("web", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")


def install(app: Flask, settings: Settings) -> None:
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        # Assets carry their content's hash in the URL, so a browser may keep them.
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    Bootstrap5(app)
    app.register_blueprint(blueprint)
    for static in ("bootstrap.static", "web.static"):
        app.view_functions[static] = public("stylesheets, scripts")(app.view_functions[static])  # type: ignore[assignment]
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        amount=amounts.amount, money=amounts.plain, rate=amounts.rate, count=amounts.count, size=amounts.size,
        time=moments.tag, day=moments.day, date=moments.date_words, month=moments.month_words, pay_day=moments.pay_day,
        lasting=moments.lasting, plain_json=_plain_json, language=_language,
    )  # fmt: skip
    app.jinja_env.globals.update(
        status=words.status, statuses=words.statuses, reason=words.reason, remedy=words.remedy, icon=icon, asset=asset,
        theme=theme, zones=moments.ZONES, zone_name=lambda: str(moments.zone().key), staff_seen=lambda: g.get("staff"),
        shop_seen=lambda: g.get("shop"), creator_seen=lambda: g.get("creator"), dev=settings.dev, kinds=icons.KINDS,
        here_at=_here, frame=embedded.frame, reason_known=reasons.known, network_title=networks.title,
        content_host=addresses.host_of,
    )  # fmt: skip


def page(template: str, **values: Any) -> str:
    """A whole page; `render_template` under the name that routes read well with."""
    return render_template(template, **values)


def _language(code: str) -> str:
    """`English` of `en`, `Portuguese` of `pt-BR`; a code that isn't known stays as it is."""
    return str(amounts.LOCALE.languages.get(code.split("-")[0].lower(), code))


def icon(name: str) -> Markup:
    """An icon beside a word. It is hidden from screen readers: the word says it."""
    if name not in icons.NAMES:
        raise KeyError(f"icon {name!r} isn't in web.icons.NAMES")
    href = f"{url_for('web.sprite')}?v={_sprite_version()}#{name}"
    return Markup(
        '<svg class="icon" aria-hidden="true" focusable="false" width="16" height="16"><use href="{}"/></svg>'
    ).format(href)


def asset(name: str) -> str:
    """The URL of a file in `static/`, with a version so that a changed file is a new URL."""
    return url_for("web.static", filename=name, v=_file_version(name))


def theme() -> str:
    """In a platform's frame as light as the platform's own pages around it."""
    if embedded.frame() is not None:
        return "light"
    chosen = request.cookies.get("theme", "auto")
    return chosen if chosen in THEMES else "auto"


def _here(**changes: str | None) -> str:
    """This page's address with some of its query changed (None removes one): filters and chips are links."""
    wanted: dict[str, Any] = {**_own_args(), **changes, **(request.view_args or {})}
    return url_for(str(request.endpoint), **{key: value for key, value in wanted.items() if value})


def _own_args() -> dict[str, str]:
    """The query without what a platform's frame added: a token must not ride along in links."""
    if embedded.frame() is None:
        return request.args.to_dict()
    return {name: value for name, value in request.args.items() if name not in embedded.PASSING}


def _plain_json(value: Any) -> str:
    """JSON as text for a page: what `tojson` gives is for scripts."""
    return json.dumps(value, ensure_ascii=False)


@cache
def _sprite_version() -> str:
    return hashlib.blake2b(icons.sprite(), digest_size=4).hexdigest()


@cache
def _file_version(name: str) -> str:
    data = (files("connector.web") / "static" / name).read_bytes()
    return hashlib.blake2b(data, digest_size=4).hexdigest()


@blueprint.get("/assets/icons.svg", endpoint="sprite")
@public("icons")
def _sprite() -> Response:
    response = Response(icons.sprite(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response


@blueprint.post("/view")
@public("how pages look in this browser: theme and time zone, kept in two cookies")
def view() -> Response:
    """Take the theme and the zone of times from the foot of a page, and go back there."""
    response = redirect(_back(), code=303)
    for name, allowed in (("theme", THEMES), ("zone", moments.ZONES)):
        chosen = request.form.get(name, "")
        if chosen in allowed:
            response.set_cookie(
                name, chosen, max_age=_YEAR, path="/", samesite="Lax", httponly=name == "zone",
                secure=not bool(request.host.startswith(("127.", "localhost"))),
            )  # fmt: skip
    return response  # type: ignore[return-value]


def _back() -> str:
    return safe_path(request.form.get("back", "")) or "/"


def safe_path(path: str) -> str:
    """`path` when it is one of ours, else nothing: never a way to another host."""
    if path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable():
        return path
    return ""
