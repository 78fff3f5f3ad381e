"""Staff come in: by OpenID Connect where it is configured, else by a single-use link that a command prints.

A link is two steps, so that a mail scanner or a chat preview that opens it spends nothing: GET shows a page with one
button, its POST spends the link. Both work without script.
"""

from __future__ import annotations

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, current_app, redirect, request, session, url_for
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response as AnyResponse

from connector import db, telemetry
from connector.access import links, staff
from connector.access.tables import Staff
from connector.config import Settings
from connector.db import Scope
from connector.errors import NotSignedIn
from connector.faces.console.face import blueprint
from connector.web import sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path

_log = telemetry.logger(__name__)
_WHY = "signing in as staff: nobody is known yet"


def install_oidc(app: Flask) -> None:
    """Authlib's client for the configured issuer: discovery, PKCE, state and nonce are its work."""
    settings: Settings = app.config["CONNECTOR"]
    if not settings.staff_oidc_issuer:
        return
    oauth = OAuth(app)
    oauth.register(
        "staff",
        client_id=settings.staff_oidc_client_id,
        client_secret=settings.staff_oidc_client_secret.get_secret_value(),
        server_metadata_url=settings.staff_oidc_issuer.rstrip("/") + "/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256", "default_timeout": 10},
    )
    app.extensions["staff_oidc"] = oauth


@blueprint.get("/sign-in")
@public("where staff sign in")
def sign_in() -> str:
    settings: Settings = current_app.config["CONNECTOR"]
    session["staff_next"] = safe_path(request.args.get("next", ""))
    return page("console/sign_in.html", oidc=bool(settings.staff_oidc_issuer), issuer=settings.staff_oidc_issuer)


@blueprint.get("/sign-in/link/<token>")
@public("shows the button that spends a single-use link")
def sign_in_link(token: str) -> str:
    with db.read(Scope.system(_WHY)) as read:
        person = staff.get(read, links.look(read, "staff", token))
    return page("console/sign_in_link.html", token=token, name=person.name, role=person.role)


@blueprint.post("/sign-in/link/<token>")
@public("spends a single-use link")
def spend_link(token: str) -> AnyResponse:
    with db.write(Scope.system(_WHY)) as write:
        person = staff.get(write, links.spend(write, "staff", token))
        if not person.active:
            raise NotSignedIn("switched off", public="This name may not sign in any more.")
        staff.note_sign_in(write, person, "link")
    return _enter(person)


@blueprint.post("/sign-in/openid")
@public("goes to the sign-in service of the staff")
def sign_in_openid() -> AnyResponse:
    settings: Settings = current_app.config["CONNECTOR"]
    oauth = _oidc()
    target = settings.public_url + url_for("console.openid_callback")
    answer: AnyResponse = oauth.staff.authorize_redirect(target)
    # A form may not be answered with a redirect to another host under our policy (form-action): a page goes there.
    return Response(page("web/onward.html", url=answer.location, where=settings.staff_oidc_issuer))


@blueprint.get("/sign-in/openid/callback")
@public("the sign-in service sends the browser back here")
def openid_callback() -> AnyResponse:
    oauth = _oidc()
    try:
        info = oauth.staff.authorize_access_token()["userinfo"]
    except (OAuthError, JoseError, RequestException, KeyError, ValueError) as error:
        _log.warning("staff.openid_refused", kind=type(error).__name__, error=str(error))
        raise NotSignedIn(
            "an OpenID Connect answer that can't be taken",
            public="The sign-in service's answer could not be taken: it was too old, or did not belong to this "
            "browser. Start again from the sign-in page.",
        ) from None
    # Only an address that the issuer has verified names a person: user names and display names are theirs to change.
    names = [str(info["email"])] if info.get("email") and info.get("email_verified") is True else []
    with db.write(Scope.system(_WHY)) as write:
        person = staff.by_identity(write, str(info["sub"]), names)
        staff.note_sign_in(write, person, "openid")
    return _enter(person)


@blueprint.post("/sign-out")
@public("signing out needs no one to be known")
def sign_out() -> AnyResponse:
    sessions.sign_out("staff")
    return redirect(url_for("console.sign_in"), code=303)


def _enter(person: Staff) -> AnyResponse:
    way_back = str(session.pop("staff_next", "") or "")
    sessions.sign_in_staff(person)
    return redirect(way_back if way_back.startswith("/console") else "/console", code=303)


def _oidc() -> OAuth:
    known = current_app.extensions.get("staff_oidc")
    if known is None:
        raise NotSignedIn("no issuer", public="No sign-in service is configured; ask for a link.")
    return known
