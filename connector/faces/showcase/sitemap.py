"""What search engines are told of: robots.txt, and sitemaps of every product that can be bought.

A part holds the listings whose ids begin alike: 256 parts, each a range of the primary key, so that no part walks the
whole list and a part of ten million products is still below the 50,000 addresses that the protocol allows.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from flask import Response, url_for
from markupsafe import escape

from connector import db
from connector.commerce.catalog.tables import Listing
from connector.db import Scope
from connector.faces.showcase.face import WHY, blueprint, file, missing, public_url
from connector.web.guards import public

_XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MOST = 50_000


@blueprint.get("/robots.txt")
@public(WHY)
def robots() -> Response:
    lines = ("User-agent: *", "Allow: /products", "Allow: /shops/", "Allow: /creators/", "Disallow: /")
    return file("\n".join((*lines, f"Sitemap: {public_url(url_for('.index'))}", "")), "text/plain")


@blueprint.get("/sitemap.xml")
@public(WHY)
def index() -> Response:
    begun = sa.func.substr(Listing.id, 5, 2)
    with db.read(Scope.app()) as session:
        parts = session.scalars(sa.select(begun).where(Listing.status == "shoppable").distinct().order_by(begun)).all()
    places = (f"<sitemap><loc>{escape(public_url(url_for('.part', part=part)))}</loc></sitemap>" for part in parts)
    return _xml("sitemapindex", places)


@blueprint.get("/sitemap-<part>.xml")
@public(WHY)
def part(part: str) -> Response:
    if len(part) != 2 or not set(part) <= set("0123456789abcdef"):
        return missing(404, "There is no such part", "The sitemap has no part of this name.")
    with db.read(Scope.app()) as session:
        rows = session.execute(
            sa.select(Listing.id, Listing.updated_at)
            .where(Listing.id >= f"lst_{part}", Listing.id < f"lst_{part}~", Listing.status == "shoppable")
            .limit(_MOST)
        ).all()
    return _xml(
        "urlset",
        (
            f"<url><loc>{escape(public_url(url_for('.product', listing_id=row.id)))}</loc>"
            f"<lastmod>{row.updated_at.date().isoformat()}</lastmod></url>"
            for row in rows
        ),
    )


def _xml(root: str, entries: Iterable[str]) -> Response:
    body = "\n".join(entries)
    return file(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_XMLNS}">\n{body}\n</{root}>\n', "application/xml"
    )
