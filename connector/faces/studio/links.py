"""A creator's links: each with its address to copy and its QR code to print or to show in a video."""

from __future__ import annotations

import io

import segno
from flask import Response, current_app, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import Link
from connector.errors import NotFound
from connector.faces.studio.face import blueprint, reading, writing
from connector.programme.collaborations import promotions, rates
from connector.programme.collaborations.offer import rate_at
from connector.web import cursors, rate_words
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 50
_LIST = "studio-links"
_SCALE, _QUIET = 8, 4  # pixels a module; modules of white around it, as the standard asks
_KINDS = {"svg": "image/svg+xml", "png": "image/png"}


@blueprint.get("/links")
@creator
def links() -> str:
    given = request.args.get("after", "")
    with reading() as session:
        after = str(cursors.unpack(_LIST, given)[0]) if given else None
        found = attribution.links_of(session, g.creator_id, after=after, limit=SHOWN + 1)
        shown = found[:SHOWN]
        titles: dict[tuple[str, str], str] = {}
        for shop_id in {row.shop_id for row in shown}:
            refs = {row.product_ref for row in shown if row.shop_id == shop_id}
            titles |= {(shop_id, ref): title for ref, title in catalog.titles(session, shop_id, refs).items()}
    more = cursors.pack(_LIST, [shown[-1].id]) if len(found) > SHOWN else ""
    rows = [(row, titles.get((row.shop_id, row.product_ref), ""), address(row)) for row in shown]
    return page("studio/links.html", rows=rows, after=more, first=not given)


@blueprint.get("/links/<link_id>")
@creator
def link(link_id: str) -> str:
    with reading() as session:
        row = _mine(session, link_id)
        listing = catalog.listing(session, row.listing_id)
        shop = shops.get(session, row.shop_id)
        held = promotions.stands(session, g.creator_id, row.shop_id, row.product_ref)
        offers = rates.offers(session, row.shop_id, [row.product_ref], [g.creator_id])
        rate = rate_at(offers, creator_id=g.creator_id, product_ref=row.product_ref, moment=clock.now())
    return page(
        "studio/link.html", row=row, listing=listing, shop=shop, url=address(row), rate=rate, words=rate_words,
        held=held, title=listing.title if listing else "A product that the shop took away",
    )  # fmt: skip


@blueprint.get("/links/<link_id>/qr.svg")
@creator
def qr_svg(link_id: str) -> Response:
    return _drawn(link_id, "svg")


@blueprint.get("/links/<link_id>/qr.png")
@creator
def qr_png(link_id: str) -> Response:
    return _drawn(link_id, "png")


def _drawn(link_id: str, kind: str) -> Response:
    """The link as QR code: a quarter of it may be dirty or covered and it is still read (error level Q)."""
    with reading() as session:
        row = _mine(session, link_id)
    out = io.BytesIO()
    segno.make_qr(address(row), error="q").save(out, kind=kind, scale=_SCALE, border=_QUIET, light="#ffffff")
    name = f'{"attachment" if "save" in request.args else "inline"}; filename="{row.code}.{kind}"'
    headers = {"Content-Disposition": name, "Cache-Control": "private, max-age=86400"}
    return Response(out.getvalue(), mimetype=_KINDS[kind], headers=headers)


@blueprint.post("/links/<link_id>/remove")
@creator
def remove_product(link_id: str) -> AnyResponse:
    """Take the product out of the creator's list; the link itself goes on leading to it."""
    with writing() as session:
        row = _mine(session, link_id)
        promotions.withdraw_promotion(session, g.creator_id, row.shop_id, row.product_ref)
    flash("It is out of your list. Your link still leads to it.")
    return redirect(url_for(".link", link_id=link_id), code=303)


def address(row: Link) -> str:
    return f"{current_app.config['CONNECTOR'].public_url}/go/{row.code}"


def _mine(session: Session, link_id: str) -> Link:
    """Errors: NotFound, another creator's included."""
    row = session.get(Link, link_id)
    if row is None or row.creator_id != g.creator_id:
        raise NotFound(f"no link of yours has the id {link_id[:40]!r}")
    return row
