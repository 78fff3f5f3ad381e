"""A creator's own products, with what came of each; and their links, each with its address to copy, a text to share it
with, and its QR code to print or to show in a video."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import segno
import sqlalchemy as sa
from flask import Response, current_app, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.ids import listing_id as id_of
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import Link
from connector.errors import NotFound
from connector.faces.studio import offered, samples
from connector.faces.studio.face import blueprint, reading, writing
from connector.faces.studio.offered import Offered
from connector.insight.reports import asked as asking
from connector.insight.reports import table
from connector.insight.reports.asked import Asked
from connector.insight.reports.table import Row
from connector.programme.collaborations import promotions
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.programme.policies import screening
from connector.web import csp, cursors, moments, rate_words, reports
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 30
_LIST, _EVERY = "studio-own", "studio-links"
_SCALE, _QUIET = 8, 4  # pixels a module; modules of white around it, as the standard asks
_KINDS = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class Own:
    """A product in the creator's list, with what came of it lately. `each` None: nothing is known of it any more."""

    title: str
    each: Offered | None
    link: Link | None
    came: Row


@blueprint.get("/links")
@creator
def links() -> str:
    """The products in the creator's list; or every link that there ever was."""
    every = request.args.get("show") == "links"
    given = request.args.get("after", "")
    with reading() as session:
        if every:
            after = str(cursors.unpack(_EVERY, given)[0]) if given else None
            found = attribution.links_of(session, g.creator_id, after=after, limit=SHOWN + 1)
            rows, own = _named(session, found[:SHOWN]), []
            more = cursors.pack(_EVERY, [found[SHOWN - 1].id]) if len(found) > SHOWN else ""
        else:
            key = cursors.unpack(_LIST, given) if given else None
            held = promotions.page_of(session, g.creator_id, after=key, limit=SHOWN + 1)
            rows, own = [], _own(session, [(row.shop_id, row.product_ref) for row in held[:SHOWN]])
            last = held[SHOWN - 1] if len(held) > SHOWN else None
            more = cursors.pack(_LIST, [last.shop_id, last.id]) if last is not None else ""
    csp.may_show_images_of_stores()
    tabs = [
        ("Products", url_for(".links"), None, not every), ("Every link", url_for(".links", show="links"), None, every),
    ]  # fmt: skip
    return page(
        "studio/links.html", rows=rows, own=own, after=more, first=not given, tabs=tabs, every=every, days=reports.DAYS,
        address=address,
    )  # fmt: skip


def _own(session: Session, products: list[tuple[str, str]]) -> list[Own]:
    ids = [id_of(shop_id, ref) for shop_id, ref in products]
    listings = {row.id: row for row in session.scalars(sa.select(Listing).where(Listing.id.in_(ids)))}
    known = {each.row.id: each for each in offered.of(session, list(listings.values()))}
    mine = attribution.main_links(session, g.creator_id, ids)
    came = table.read(session, asking.of_month(_asked(), clock.now()), "product")
    return [
        Own(
            listings[each].title if each in listings else "A product that the shop took away", known.get(each),
            mine.get(each), came.row(each),
        )
        for each in ids
    ]  # fmt: skip


def _named(session: Session, rows: Sequence[Link]) -> list[tuple[Link, str, str]]:
    """(link, product's title, content's title) each."""
    titles = table.names(session, "product", {row.listing_id for row in rows})
    videos = contents.some(session, {row.content_id for row in rows if row.content_id})
    return [
        (
            row, titles.get(row.listing_id, "A product that the shop took away"),
            (videos[row.content_id].title or videos[row.content_id].content_ref) if row.content_id in videos else "",
        )
        for row in rows
    ]  # fmt: skip


@blueprint.get("/links/<link_id>")
@creator
def link(link_id: str) -> str:
    with reading() as session:
        row = _mine(session, link_id)
        listing = catalog.listing(session, row.listing_id)
        (each,) = offered.of(session, [listing]) if listing is not None else (None,)
        shop = shops.get(session, row.shop_id)
        held = promotions.stands(session, g.creator_id, row.shop_id, row.product_ref)
        month = asking.narrowed(session, asking.of_month(_asked(), clock.now()), product=row.listing_id)
        came = table.read(session, month, "day").whole
        said = screening.disclosure(session)
        language = creators.get(session, g.creator_id).language.split("-")[0]
        sample = samples.offer_of(session, listing) if listing is not None else None
        content = contents.some(session, [row.content_id]).get(row.content_id) if row.content_id else None
    csp.may_show_images_of_stores()
    first = [name for name in (language, "en") if name in said]
    return page(
        "studio/link.html", row=row, each=each, shop=shop, url=address(row), words=rate_words, held=held, came=came,
        title=each.row.title if each else "A product that the shop took away", days=reports.DAYS, content=content,
        sample=sample,
        disclosures=[(name, said[name]) for name in dict.fromkeys([*first, *said])],
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


def main_of(session: Session, listing_id: str) -> Link | None:
    """The creator's link for a product as a whole; None: there is none yet."""
    return attribution.main_links(session, g.creator_id, [listing_id]).get(listing_id)


def _asked() -> Asked:
    return Asked(creator_id=g.creator_id, zone=moments.zone())


def _mine(session: Session, link_id: str) -> Link:
    """Errors: NotFound, another creator's included."""
    row = session.get(Link, link_id)
    if row is None or row.creator_id != g.creator_id:
        raise NotFound(f"no link of yours has the id {link_id[:40]!r}")
    return row
