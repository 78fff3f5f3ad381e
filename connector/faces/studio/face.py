"""The studio's blueprint: what a creator sees of their own earnings, and of nobody else's.

How a page joins: a module beside this one registers its views on `blueprint` under `web.guards.creator`, is imported in
`routes.py`, reads with `reading()` and binds every query to `g.creator_id`. Its template extends `studio/studio.html`
and sets `here` to its place in `PLACES`. The bar shows a place as soon as its endpoint exists.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, g, url_for
from sqlalchemy.orm import Session

from connector import db
from connector.db import Scope

blueprint = Blueprint("studio", __name__, url_prefix="/studio", template_folder="templates")


@dataclass(frozen=True, slots=True)
class Place:
    """One of the few places of the bottom bar."""

    name: str  # what a page's `here` says
    word: str
    endpoint: str
    icon: str


PLACES = (
    Place("home", "Home", "studio.home", "house-door"),
    Place("products", "Products", "studio.products", "shop"),
    Place("offers", "Offers", "studio.offers", "chat-dots"),
    Place("earnings", "Earnings", "studio.earnings", "wallet2"),
    Place("rates", "Rates", "studio.rates", "percent"),
    Place("payments", "Payments", "studio.payee", "bank"),
)


@blueprint.app_template_global("studio_places")
def places() -> list[tuple[Place, str]]:
    """The places that exist, with their addresses."""
    return [(each, url_for(each.endpoint)) for each in PLACES if each.endpoint in current_app.view_functions]


@blueprint.app_template_global("address_of")
def address_of(endpoint: str, **values: Any) -> str:
    """The address of a page that may not exist (yet): "" then, and nothing leads there."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else ""


def reading() -> AbstractContextManager[Session]:
    """A session for this request's creator."""
    return db.read(Scope.creator(g.creator_id))


def writing() -> AbstractContextManager[Session]:
    return db.write(Scope.creator(g.creator_id))
