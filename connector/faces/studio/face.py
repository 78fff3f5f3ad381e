"""The studio's blueprint: what a creator sees of their own earnings, and of nobody else's.

How a page joins: a module beside this one registers its views on `blueprint` under `web.guards.creator`, is imported in
`routes.py`, reads with `reading()` and binds every query to `g.creator_id`. Its template extends `studio/studio.html`,
sets `here` to its place in `PLACES` and, where it is or belongs to one of the place's pages, `tab` to that one's name.
The bar and the tabs show a page as soon as its endpoint exists.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, g, url_for
from sqlalchemy.orm import Session

from connector import db
from connector.db import Scope
from connector.programme.creators.eligibility import NotEligible
from connector.web import words

blueprint = Blueprint("studio", __name__, url_prefix="/studio", template_folder="templates")


@dataclass(frozen=True, slots=True)
class Place:
    """One of the four places of the bottom bar, with the pages that stand as tabs in it: (word, endpoint's name)."""

    name: str  # what a page's `here` says
    word: str
    icon: str
    pages: tuple[tuple[str, str], ...]

    @property
    def endpoint(self) -> str:
        return f"studio.{self.pages[0][1]}"


PLACES = (
    Place("home", "Home", "house-door", (("Home", "home"),)),
    Place(
        "products", "Products", "shop",
        (("Find", "products"), ("Yours", "links"), ("Videos", "content_list"), ("Samples", "samples")),
    ),
    Place(
        "earnings", "Earnings", "wallet2",
        (
            ("Earnings", "earnings"), ("Sales", "sales"), ("Statements", "statements"), ("Rates", "rates"),
            ("Payments", "payee"),
        ),
    ),
    Place("messages", "Messages", "chat-dots", (("Messages", "messages"), ("Offers", "offers"), ("News", "news"))),
)  # fmt: skip


@blueprint.app_template_global("studio_places")
def places() -> list[tuple[Place, str]]:
    """The places that exist, with their addresses."""
    return [(each, url_for(each.endpoint)) for each in PLACES if each.endpoint in current_app.view_functions]


@blueprint.app_template_global("studio_tabs")
def tabs(here: str) -> list[tuple[str, str, str]]:
    """(word, name, address) of a place's pages; none where there is only one."""
    place = next((each for each in PLACES if each.name == here), PLACES[0])
    there = [(word, name) for word, name in place.pages if f"studio.{name}" in current_app.view_functions]
    return [(word, name, url_for(f"studio.{name}")) for word, name in there] if len(there) > 1 else []


@blueprint.app_template_global("address_of")
def address_of(endpoint: str, **values: Any) -> str:
    """The address of a page that may not exist (yet): "" then, and nothing leads there."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""


def reading() -> AbstractContextManager[Session]:
    """A session for this request's creator."""
    return db.read(Scope.creator(g.creator_id))


def writing() -> AbstractContextManager[Session]:
    return db.write(Scope.creator(g.creator_id))


def nothing_new(refused: NotEligible) -> str:
    """Why this creator can add nothing now, in words to them."""
    return f"You can add nothing new now. {words.reason(refused.code, 'creator')}."
