"""Products that a creator may take up, each with what they would earn by it; one press and the link is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import taking_up
from connector.errors import Conflict, InputRefused
from connector.faces.studio.face import blueprint, reading, writing
from connector.insight.market import search as market
from connector.programme.collaborations import promotions, rates
from connector.programme.collaborations.offer import Rate, rate_at
from connector.programme.creators import eligibility
from connector.web import csp, cursors, rate_words
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 30
_LIST = "studio-products"


@dataclass(frozen=True, slots=True)
class Offered:
    """One product; `mine`: the creator has it already."""

    row: Listing
    shop: str
    picture: str
    rate: Rate | None
    mine: bool

    @property
    def each(self) -> int:
        """What one sale of its cheapest variant would earn, in minor units, rounded down."""
        return self.row.price_from * self.rate.rate_bp // 10_000 if self.rate else 0


@blueprint.get("/products")
@creator
def products() -> str:
    return _shown("")


@blueprint.post("/products")
@creator
def add_product() -> str | AnyResponse:
    try:
        with writing() as session:
            taken = taking_up.take_up(session, g.creator_id, request.form.get("listing_id", ""))
            link_id, is_new = taken.link.id, taken.is_new
    except InputRefused as refused:
        return _shown(f"This product {refused.problem} {refused.remedy}")
    except Conflict as conflict:
        return _shown(conflict.public)
    flash("It is in your list. Share your link." if is_new else "You have it already. Here is your link.")
    return redirect(url_for(".link", link_id=link_id), code=303)


def _shown(problem: str) -> str:
    csp.may_show_images_of_stores()
    text, given = request.args.get("q", "").strip()[:200], request.args.get("after", "")
    key = cursors.unpack(_LIST, given) if given else None
    asked = market.Asked(text, status="shoppable", rate_from=1)
    now = clock.now()
    with reading() as session:
        found = market.search(session, asked, cursor=key, limit=SHOWN)
        offered = _offered(session, found.listings)
        decision = eligibility.newest(session, g.creator_id)
    pilot = decision.pilot_until if decision is not None else None
    return page(
        "studio/products.html", offered=offered, text=text, problem=problem, words=rate_words, decision=decision,
        after=cursors.pack(_LIST, found.next) if found.next else "", first=not given,
        pilot=pilot if pilot is not None and pilot > now else None,
    )  # fmt: skip


def _offered(session: Session, found: Sequence[Listing]) -> list[Offered]:
    now, made = clock.now(), {}
    shops = {row.id: row for row in session.scalars(sa.select(Shop).where(Shop.id.in_({x.shop_id for x in found})))}
    for shop_id, shop in shops.items():
        refs = [row.product_ref for row in found if row.shop_id == shop_id]
        offers = rates.offers(session, shop_id, refs, [g.creator_id])
        mine = promotions.held(session, g.creator_id, shop_id, refs)
        for row in found:
            if row.shop_id == shop_id:
                rate = rate_at(offers, creator_id=g.creator_id, product_ref=row.product_ref, moment=now)
                name = shop.name or shop.domain
                made[row.id] = Offered(row, name, _picture(row.image_url), rate, row.product_ref in mine)
    return [made[row.id] for row in found if row.id in made]


def _picture(url: str) -> str:
    dev: bool = current_app.config["CONNECTOR"].dev
    return url if url.startswith("https://") or (dev and url.startswith("http://127.0.0.1:")) else ""
