"""Share links: `GET /go/<code>` records the touch and sends the buyer into the store's own cart."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Response, current_app, redirect, request

from connector import clock, db, telemetry
from connector.checkout import cart
from connector.checkout.visitors import visitor
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.config import Settings
from connector.db import Scope
from connector.earnings.attribution import gaps, journeys, links, touches
from connector.earnings.attribution.touches import Tapped
from connector.errors import Conflict
from connector.web import problems
from connector.web.guards import public

blueprint = Blueprint("checkout", __name__)
_log = telemetry.logger(__name__)

COOKIE = "connector_journey"
# The longest window that a shop can set.
_COOKIE_KEPT = timedelta(days=90)
# Beyond so many times the permitted rate clicks aren't even written down: a machine must not fill the table.
_FLOOD = 10


@blueprint.get("/go/<path:code>")
@public("buyers come from videos and bios; nobody knows who they are")
def go(code: str) -> Response:
    """Read the code, see who asks, record the touch, redirect. Nothing of the query decides where to."""
    now = clock.now()
    with db.read(Scope.app()) as session:
        found = links.resolve(session, code)
        if found.link is None:
            # What a link lost on its way is worth a person's look: somebody's followers end here.
            _log.warning("link.unknown", code=found.code, nearest=found.nearest)
            if visitor(request.method, request.headers) not in ("machine", "look_ahead"):
                with db.write(Scope.app()) as write:
                    gaps.note(write, found.code, found.nearest, now)
            return _unknown()
        if found.mended:
            _log.info("link.mended", code=found.code, link_id=found.link.id)
        tapped = touches.on_link(found.link)
        shop = shops.get(session, tapped.shop_id)
        listing = session.get(Listing, tapped.listing_id)
        window = cart.shop_window(listing, shop)
        try:
            cart.buyable(session, shop, tapped.product_ref, tapped.variant_ref)
        except Conflict as error:
            return _not_for_sale(error.public)
    who = visitor(request.method, request.headers)
    if who == "look_ahead":
        # Not a 2xx: the browser throws it away and asks again when the person really comes.
        return _headers(Response("Nothing to read ahead here.\n", status=403, mimetype="text/plain"))
    if who == "machine":
        return _headers(redirect(window, 302))  # type: ignore[arg-type]
    return _touched(tapped, window, now)


def _touched(tapped: Tapped, window: str, now: datetime) -> Response:
    settings: Settings = current_app.config["CONNECTOR"]
    cookie = request.cookies.get(COOKIE)
    returning = journeys.usable(cookie)
    value = cookie if returning and cookie is not None else journeys.new_cookie()
    journey = journeys.of_cookie(value)
    device = journeys.of_device(request.remote_addr or "", request.headers.get("User-Agent", ""))
    with db.write(Scope.shop(tapped.shop_id)) as session:
        recent = touches.recent(session, journey, device, now)
        if recent >= _FLOOD * settings.touches_per_minute:
            _log.warning("touch.flood", link_id=tapped.link_id, recent=recent)
            return _headers(redirect(window, 302))  # type: ignore[arg-type]
        shop = shops.get(session, tapped.shop_id)
        touch = touches.record(
            session, tapped, kind="link", journey=journey, device=device, per_minute=settings.touches_per_minute,
            at_checkout=cart.from_the_store(shop, request.headers.get("Referer", "")), now=now,
        )  # fmt: skip
        how = cart.opening(session, shop, touch)
    opened = cart.open_cart(how)
    if opened.way != touch.way:
        with db.write(Scope.shop(tapped.shop_id)) as session:
            touches.went(session, touch.id, opened.way)
    answer = _headers(redirect(opened.url, 302))  # type: ignore[arg-type]
    answer.set_cookie(
        COOKIE, value, max_age=_COOKIE_KEPT, path="/go", httponly=True, samesite="Lax", secure=not settings.dev
    )
    return answer


def _headers(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    # The store needn't know on which page the link stood: the token says all that counts.
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _unknown() -> Response:
    return _headers(
        problems.page(
            404,
            "This link doesn't lead anywhere",
            "Its code isn't one that we gave out: a part of it may have been lost when it was copied.",
            "Open the link where you found it, or ask the creator for a new one.",
        )
    )


def _not_for_sale(sentence: str) -> Response:
    return _headers(
        problems.page(410, "This product can't be bought here now", sentence, "Look what else the creator shows.")
    )
