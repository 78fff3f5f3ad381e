"""`POST /touches`: a tap inside the app becomes a touch, and the app gets the cart to open."""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app, g
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.checkout import cart
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution import gaps, journeys, links, touches
from connector.earnings.attribution.tables import Touch
from connector.earnings.attribution.touches import Tapped
from connector.errors import InputRefused, NotFound
from connector.faces.api import shapes
from connector.faces.api.face import blueprint
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.web.guards import app_scope

_log = telemetry.logger(__name__)


@blueprint.post("/touches")
@app_scope("touches:write")
@blueprint.input(shapes.TouchAsked)
@blueprint.input(shapes.IdempotencyAsked, location="headers")
@blueprint.output(shapes.TouchShown, status_code=201)
def record_touch(json_data: shapes.TouchAsked, headers_data: shapes.IdempotencyAsked) -> shapes.TouchShown:
    """Record a tap inside the app

    Name a share link by its code, or a listing and the creator who shows it. The answer has the token and the link that
    opens the store's cart with it. Where a request may be sent twice, give it an Idempotency-Key: the second gets the
    touch of the first.
    """
    key = headers_data.idempotency_key
    request_key = None if key is None else touches.request_key(g.app_token.id, key)
    try:
        return _record(json_data, request_key)
    except NotFound:
        note_unknown([json_data.link_code])
        raise
    except IntegrityError:
        if request_key is None:
            raise
        # The same request was sent twice at once and the other one was first: its touch is there now.
        return _record(json_data, request_key)


def _record(asked: shapes.TouchAsked, request_key: str | None) -> shapes.TouchShown:
    journey = None if asked.buyer is None else journeys.of_buyer(asked.buyer)
    with db.write(Scope.app()) as session:
        tapped = tapped_of(session, asked)
        kind = asked.kind or kind_of(session, tapped)
        shop = shops.get(session, tapped.shop_id)
        listing = catalog.by_ref(session, shop.id, tapped.product_ref)  # held, so that it is read once
        touch = None if request_key is None else touches.repeated(session, request_key, tapped, kind, journey)
        if touch is None:
            # What can't be bought earns nobody anything: said before a touch is recorded.
            cart.buyable(session, shop, tapped.product_ref, tapped.variant_ref)
            touch = touches.record(
                session,
                tapped,
                kind=kind,
                journey=journey,
                request_key=request_key,
                per_minute=current_app.config["CONNECTOR"].touches_per_minute,
                at=asked.at,
            )
        how = cart.opening(session, shop, touch)
        landing = cart.landing_for(shop, listing, touch.token)
    opened = cart.open_cart(how)
    if opened.way != touch.way:
        with db.write(Scope.app()) as session:
            touches.went(session, touch.id, opened.way)
    return _shown(touch, opened.url, landing)


def note_unknown(codes: Iterable[str | None]) -> None:
    """Codes that no link has are kept with their nearest match, as those that come to `/go`: somebody's followers end
    here. Asked when the tap was refused, in a transaction of its own."""
    now = clock.now()
    with db.read(Scope.app()) as session:
        found = [links.resolve(session, code) for code in codes if code is not None]
    lost = [each for each in found if each.link is None]
    if not lost:
        return
    with db.write(Scope.app()) as session:
        for each in lost:
            _log.warning("link.unknown", code=each.code, nearest=each.nearest)
            gaps.note(session, each.code, each.nearest, now)


def tapped_of(session: Session, asked: shapes.Tap) -> Tapped:
    """What a tap names, checked. Errors: InputRefused(field), NotFound."""
    if asked.link_code is not None:
        if asked.creator_id or asked.listing_id or asked.variant_ref or asked.content_id:
            raise InputRefused(
                "link_code", "comes with what the link already says.",
                "Send the link's code alone, or creator and listing without it.",
            )  # fmt: skip
        link = links.by_code(session, asked.link_code)
        if link is None:
            raise NotFound("no such link code", public="No link has this code.")
        return touches.on_link(link)
    if asked.creator_id is None or asked.listing_id is None:
        raise InputRefused(
            "creator_id" if asked.creator_id is None else "listing_id",
            "is missing.",
            "Send creator_id and listing_id, or the code of a share link.",
        )
    creators.get(session, asked.creator_id)
    listing = catalog.listing(session, asked.listing_id)
    if listing is None:
        raise NotFound(f"no listing has the id {asked.listing_id[:40]!r}")
    if asked.variant_ref is not None:
        links.check_variant(session, listing.shop_id, listing.product_ref, asked.variant_ref)
    if asked.content_id is not None:
        links.check_content(session, asked.creator_id, asked.content_id)
    return touches.on_listing(listing, asked.creator_id, variant_ref=asked.variant_ref, content_id=asked.content_id)


def kind_of(session: Session, tapped: Tapped) -> str:
    return "link" if tapped.content_id is None else contents.get(session, tapped.content_id).kind


def _shown(touch: Touch, cart_link: str, landing_link: str) -> shapes.TouchShown:
    return shapes.TouchShown(
        id=touch.id,
        token=touch.token,
        cart_link=cart_link,
        landing_link=landing_link,
        shop_id=touch.shop_id,
        creator_id=touch.creator_id,
        content_id=touch.content_id,
        listing_id=touch.listing_id,
        variant_ref=touch.variant_ref,
        kind=touch.kind,
        at=touch.at,
        received_at=touch.received_at,
        eligible=touch.eligible and "over_rate" not in touch.flags,
        flags=touch.flags,
    )
