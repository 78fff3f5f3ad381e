"""Creators come in by a link that the app gives them. Here nobody can ask for one: we don't know who is who there.

Two steps, so that a preview that opens the link spends nothing: GET shows a page with one button, its POST spends it.
"""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.access import links, studio
from connector.db import Scope
from connector.faces.studio.face import blueprint
from connector.programme.creators import queries as creators
from connector.web import sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path

_WHY = "a single-use link names its creator"


@blueprint.get("/sign-in")
@public("says to creators where they get in")
def sign_in() -> str:
    return page("studio/sign_in.html")


@blueprint.get("/sign-in/link/<token>")
@public("shows the button that spends a creator's single-use link")
def sign_in_link(token: str) -> str:
    with db.read(Scope.system(_WHY)) as read:
        row = creators.get(read, links.look(read, "creator", token))
        name = row.name
    return page("studio/sign_in_link.html", token=token, name=name, to=way_in(request.args.get("to", "")))


@blueprint.post("/sign-in/link/<token>")
@public("spends a creator's single-use link")
def spend_link(token: str) -> AnyResponse:
    with db.write(Scope.system(_WHY)) as write:
        row = creators.get(write, links.spend(write, "creator", token))
        audit.record(write, f"creator:{row.id}", "creator.sign_in", row.id, way="link")
        creator_id, epoch = row.id, studio.epoch(write, row.id)
    sessions.sign_in_creator(creator_id, epoch)
    return redirect(way_in(request.form.get("to", "")) or url_for(".home"), code=303)


@blueprint.post("/sign-out")
@public("signing out needs no one to be known")
def sign_out() -> AnyResponse:
    sessions.sign_out("creator")
    return redirect(url_for(".sign_in"), code=303)


def way_in(path: str) -> str:
    """A page of the studio that a link leads to, else nothing."""
    path = safe_path(path)
    return path if path == "/studio" or path.startswith(("/studio/", "/studio?")) else ""
