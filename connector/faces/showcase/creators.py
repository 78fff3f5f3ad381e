"""A creator's public page: name, handle, and what they recommend. Nothing of what they earn, nor of their content."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, redirect, request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution.tables import Link
from connector.errors import InputRefused
from connector.faces.showcase import cards, structured
from connector.faces.showcase.face import WHY, blueprint, missing, public_url, shown
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.web import cursors
from connector.web.guards import public

PER_PAGE = 24


@blueprint.get("/creators/<handle>")
@public(WHY)
def creator(handle: str) -> Response:
    after = request.args.get("after", "")
    with db.read(Scope.app()) as session:
        row = _creator(session, handle)
        if row is None:
            return missing(404, "There is no such creator", "Nobody here has this handle. Check how it is written.")
        if row.handle != handle:
            return redirect(url_for(".creator", handle=row.handle), 301)  # type: ignore[return-value]
        if creators.status_at(session, row.id, clock.now()) != creators.ACTIVE:
            return missing(410, "This page is closed", "This creator recommends nothing here at the moment.")
        behind = str(cursors.unpack(f"creator:{row.id}", after)[0]) if after else ""
        found = _recommended(session, row.id, behind, PER_PAGE + 1)
        rows = cards.of_links(session, found[:PER_PAGE])
    more = cursors.pack(f"creator:{row.id}", [found[PER_PAGE - 1][0].id]) if len(found) > PER_PAGE else ""
    url = public_url(url_for(".creator", handle=row.handle))
    items = [(each.listing.title, public_url(cards.address(each.listing.id))) for each in rows]
    return shown(
        "showcase/creator.html", row=row, rows=rows, after=more, first=not after, canonical=url,
        earning=any(each.earns for each in rows), data=structured.creator_page(row.name, row.handle, url, items),
    )  # fmt: skip


def _creator(session: Session, handle: str) -> Creator | None:
    try:
        return creators.once_called(session, handle)
    except InputRefused:
        return None


def _recommended(session: Session, creator_id: str, behind: str, limit: int) -> list[tuple[Link, Listing]]:
    """The newest link of each product that may be shown, newest first, behind a link's id."""
    newest = (
        sa.select(sa.func.max(Link.id)).where(Link.creator_id == creator_id).group_by(Link.listing_id).scalar_subquery()
    )
    asked = (
        sa.select(Link, Listing)
        .join(Listing, Listing.id == Link.listing_id)
        .join(Shop, Shop.id == Listing.shop_id)
        .where(
            Link.id.in_(newest),
            Shop.status != "left",
            sa.or_(Listing.status == "shoppable", Listing.reason == cards.SOLD_OUT),
        )
        .order_by(Link.id.desc())
        .limit(limit)
    )
    if behind:
        asked = asked.where(Link.id < behind)
    return [(link, row) for link, row in session.execute(asked)]
