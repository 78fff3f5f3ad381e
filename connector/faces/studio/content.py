"""The creator's videos, posts and live sessions: what is in each, and what came of it."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog.ids import listing_id
from connector.earnings.attribution import taking_up
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.studio.face import blueprint, nothing_new, reading, writing
from connector.insight.reports import asked as asking
from connector.insight.reports import table
from connector.insight.reports.asked import Asked
from connector.programme import collaborations
from connector.programme.collaborations import promotions
from connector.programme.content import anchors, places, views
from connector.programme.content import queries as contents
from connector.programme.content.anchors import Wanted
from connector.programme.content.tables import Content
from connector.programme.creators import networks
from connector.programme.creators.eligibility import NotEligible
from connector.web import cursors, moments, reports
from connector.web.guards import actor, creator
from connector.web.layout import page

SHOWN = 25
# Offered to be put in: the creator's own products, the newest of each shop first.
OFFERED = 200
_LIST = "studio-content"


@blueprint.get("/content")
@creator
def content_list() -> str:
    given = request.args.get("older", "")
    before = str(cursors.unpack(_LIST, given)[0]) if given else ""
    now = clock.now()
    with reading() as session:
        rows = contents.newest(session, g.creator_id, before=before, limit=SHOWN + 1)
        shown, more = rows[:SHOWN], len(rows) > SHOWN
        ids = [row.id for row in shown]
        month = asking.of_month(_mine(), now)
        came = table.read(session, month, "content")
        seen = views.between(session, ids, None, None)
        inside = anchors.active(session, ids, now)
    lines = [(row, came.row(row.id), seen.get(row.id), inside.get(row.id, 0)) for row in shown]
    older = cursors.pack(_LIST, [shown[-1].id]) if more else ""
    return page(
        "studio/content_list.html", lines=lines, older=older, first=not given, days=reports.DAYS,
        network=networks.title,
    )  # fmt: skip


@blueprint.get("/content/<content_id>")
@creator
def content(content_id: str) -> str:
    return _shown(content_id, {})


@blueprint.post("/content/<content_id>/products")
@creator
def put_product(content_id: str) -> str | AnyResponse:
    """Put a product in, until it is taken out or through a last day."""
    now = clock.now()
    listing, last_day = request.form.get("listing", "")[:64], request.form.get("last_day", "").strip()[:20]
    try:
        ends_at = moments.first_of(last_day, "last_day") + timedelta(days=1) if last_day else None
        with writing() as session:
            row = _own(session, content_id)
            (placed,) = anchors.put(session, row, [Wanted(listing, ends_at=ends_at)], by=actor(), now=now)
            taking_up.may_promote(session, g.creator_id, [(placed.shop_id, placed.product_ref)], now)
            collaborations.promote(session, g.creator_id, placed.shop_id, placed.product_ref, now)
    except InputRefused as refused:
        days = refused.field in ("last_day", "ends_at")
        said = "The last day " if days else "Products "
        problem = {"last_day" if days else "listing": f"{said}{refused.problem} {refused.remedy}"}
        return _shown(content_id, problem, listing, last_day)
    except NotEligible as refused:
        return _shown(content_id, {"listing": nothing_new(refused)}, listing, last_day)
    except Conflict as conflict:
        return _shown(content_id, {"listing": conflict.public}, listing, last_day)
    flash("It is in your list of this content.")
    return redirect(url_for(".content", content_id=content_id), code=303)


@blueprint.post("/content/<content_id>/products/<placed_id>/end")
@creator
def take_product_out(content_id: str, placed_id: str) -> AnyResponse:
    """Sales by taps from before still count."""
    with writing() as session:
        anchors.take_out(session, _own(session, content_id), placed_id)
    flash("Taken out. Sales by earlier taps still count.")
    return redirect(url_for(".content", content_id=content_id), code=303)


def _shown(content_id: str, problem: dict[str, str], chosen: str = "", last_day: str = "") -> str:
    now = clock.now()
    with reading() as session:
        row = _own(session, content_id)
        inside = anchors.of_content(session, row.id, now)
        month = asking.narrowed(session, asking.of_month(_mine(), now), content=row.id)
        came = table.read(session, month, "content").whole
        came.views = views.between(session, [row.id], month.since, month.until).get(row.id)
        there = {each.anchor.listing_id for each in inside if each.state != "ended"}
        offered = _offered(session, there)
    return page(
        "studio/content.html", content=row, inside=inside, came=came, offered=offered, problem=problem,
        days=reports.DAYS, most=places.MOST, network=networks.title, chosen=chosen, last_day=last_day,
    )  # fmt: skip


def _own(session: Session, content_id: str) -> Content:
    """Errors: NotFound for another creator's too: nobody learns that it is there."""
    row = contents.get(session, content_id)
    if row.creator_id != g.creator_id:
        raise NotFound(f"content {content_id[:40]!r} is another creator's", public="You have no such video or post.")
    return row


def _mine() -> Asked:
    return Asked(creator_id=g.creator_id, zone=moments.zone())


def _offered(session: Session, there: set[str]) -> list[tuple[str, str]]:
    """(listing, title) of what the creator promotes and isn't in it yet, by title."""
    rows = promotions.page_of(session, g.creator_id, after=None, limit=OFFERED)
    ids = {listing_id(row.shop_id, row.product_ref) for row in rows} - there
    return sorted(table.names(session, "product", ids).items(), key=lambda each: each[1].casefold())
