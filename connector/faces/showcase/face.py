"""The showcase's blueprint: pages that anybody may read. Nobody is asked who they are, and no cookie is set."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request

from connector.config import Settings
from connector.web import csp
from connector.web.layout import page

blueprint = Blueprint("showcase", __name__, template_folder="templates")

WHY = "public pages of what can be bought, of shops and of creators"


def shown(template: str, **values: Any) -> Response:
    """A page that a browser may keep, and asks about each time: what was removed is gone at once."""
    csp.may_show_images_of_stores()
    answer = Response(page(template, public_url=public_url, picture=picture, **values), mimetype="text/html")
    return _kept(answer)


def missing(status: int, title: str, sentence: str) -> Response:
    """What was asked for isn't here, said in words, with the search at hand. Nothing of it is kept."""
    return Response(page("showcase/missing.html", title=title, sentence=sentence), status=status, mimetype="text/html")


def file(body: str, mimetype: str) -> Response:
    return _kept(Response(body, mimetype=mimetype))


def _kept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "public, no-cache"
    answer.headers["Vary"] = "Cookie"  # the theme
    answer.add_etag(weak=True)
    answer.make_conditional(request)  # which makes a 304 of it where the browser has it
    return answer


def public_url(path: str) -> str:
    """The whole address of one of our pages, never by the Host header."""
    settings: Settings = current_app.config["CONNECTOR"]
    return settings.public_url + path


def picture(url: str) -> str:
    """A store's image as pages may show it; "" for what our policy would not load."""
    dev: bool = current_app.config["CONNECTOR"].dev
    return url if url.startswith("https://") or (dev and url.startswith("http://127.0.0.1:")) else ""
