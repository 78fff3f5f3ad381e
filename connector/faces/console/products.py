"""A product as the list has it: can it be sold, why not, its variants, where it stands at the store, who sold it."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.attribution.tables import Link, Touch
from connector.earnings.commission import exclusions
from connector.errors import NotFound
from connector.faces.console.face import WHY, blueprint
from connector.programme.collaborations import rates
from connector.programme.creators import queries as creators_of
from connector.sync.tables import SyncRun
from connector.web import guards, stores, words
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 100


@blueprint.get("/products/<listing_id>")
@staff("support")
def product(listing_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            raise NotFound(f"no product has the id {listing_id[:40]!r}")
        shop = shops_of.get(session, row.shop_id)
        variants = catalog.variants(session, row.shop_id, row.product_ref, gone=True)
        rate = rates.open_rate(session, row.shop_id, row.product_ref, clock.now())
        counted = session.execute(
            sa.select(Touch.creator_id, sa.func.count(), sa.func.max(Touch.at))
            .where(Touch.listing_id == row.id, Touch.shop_id == row.shop_id)
            .group_by(Touch.creator_id)
            .order_by(sa.func.count().desc())
            .limit(20)
        ).all()
        links = session.scalar(
            sa.select(sa.func.count()).select_from(Link).where(Link.listing_id == row.id, Link.shop_id == row.shop_id)
        )
        excluded = exclusions.standing(session, row.shop_id, row.product_ref)
        run = session.get(SyncRun, row.seen_run)
        people = creators_of.some(session, {each[0] for each in counted})
    sentence = "It can be sold."
    if row.status == "gone":
        sentence = "It was removed at the store, or is no longer in its catalog."
    elif row.reason:
        sentence = f"It cannot be sold: {words.lowered(words.reason(row.reason, 'support'))}."
    return page(
        "console/product.html", row=row, shop=shop, variants=variants[:SHOWN], number=len(variants), rate=rate,
        counted=[(people.get(each[0]), each[0], each[1], each[2]) for each in counted], links=links or 0,
        sentence=sentence, run=run, excluded=excluded, at_store=stores.product_url(shop, row.product_ref),
    )  # fmt: skip


@blueprint.post("/products/<listing_id>/exclude")
@staff("finance")
def exclude_product(listing_id: str) -> AnyResponse:
    """Pay no commission on it, for orders placed from now on."""
    return _excluded(listing_id, True)


@blueprint.post("/products/<listing_id>/include")
@staff("finance")
def include_product(listing_id: str) -> AnyResponse:
    return _excluded(listing_id, False)


def _excluded(listing_id: str, out: bool) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            raise NotFound(f"no product has the id {listing_id[:40]!r}")
        act = exclusions.exclude if out else exclusions.include
        act(session, row.shop_id, row.product_ref, by=guards.actor())
    said = "pay no commission on it" if out else "pay commission on it again"
    flash(f"Orders placed from now on {said}. Earlier ones stay as they are.")
    return redirect(url_for(".product", listing_id=listing_id), code=303)
