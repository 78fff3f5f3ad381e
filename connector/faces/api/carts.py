"""`POST /carts`: what a buyer has in the app's cart, of one store or of many, becomes one checkout link a store."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flask import current_app, g
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import db, telemetry
from connector.checkout import cart
from connector.checkout.cart import Opened, Opening
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import journeys, touches
from connector.earnings.attribution.tables import Touch
from connector.earnings.attribution.touches import Tapped
from connector.errors import Conflict, ConnectorError, InputRefused, NotFound
from connector.faces.api import shapes, taps
from connector.faces.api.face import blueprint
from connector.web.guards import app_scope

AT_ONCE = 8  # stores whose carts are made side by side: the buyer waits for the slowest of them
_log = telemetry.logger(__name__)


@dataclass(slots=True)
class _Line:
    """A line of the request, and what became of it. `how` and `touch` are None where it can't be bought now."""

    number: int
    tapped: Tapped
    quantity: int
    touch: Touch | None = None
    how: Opening | None = None
    landing: str = ""
    problem: str = ""


@dataclass(slots=True)
class _Store:
    shop: Shop
    lines: list[_Line]
    opened: Opened | None = None
    problem: str = ""

    @property
    def wanted(self) -> list[_Line]:
        return [line for line in self.lines if line.how is not None]

    @property
    def brought(self) -> list[_Line]:
        """The lines that the link brings: all of them, or the last alone."""
        return self.wanted[-self.opened.brings :] if self.opened is not None else []


@blueprint.post("/carts")
@app_scope("touches:write")
@blueprint.input(shapes.CartAsked)
@blueprint.input(shapes.IdempotencyAsked, location="headers")
@blueprint.output(shapes.CartShown, status_code=201)
def record_cart(json_data: shapes.CartAsked, headers_data: shapes.IdempotencyAsked) -> shapes.CartShown:
    """Open the carts of all stores that an app cart has goods of

    Each line names who showed it, as a tap does, and gets a touch of its own, so that a cart with goods of several
    creators pays each for theirs. The stores' orders are their own: the answer has one checkout link a store. A store
    that can't be reached, or a line that is sold out, is named with the reason, and the others go on.

    All touches of one cart belong to one journey: whichever of their tokens reaches the order brings the others along,
    and each order line goes to the latest tap on its own product. Of two lines with the same product by two creators
    the later one in the list is the later tap. Send an Idempotency-Key: a request repeated with it makes no second
    touch, and carts at stores anew.
    """
    try:
        stores = _record(json_data, headers_data.idempotency_key)
    except NotFound:
        taps.note_unknown({line.link_code for line in json_data.lines})
        raise
    except IntegrityError:
        if headers_data.idempotency_key is None:
            raise
        stores = _record(json_data, headers_data.idempotency_key)  # the same request, sent twice at once
    _open(stores)
    lines = sorted((line for store in stores for line in store.lines), key=lambda line: line.number)
    return shapes.CartShown(stores=[_store_shown(store) for store in stores], lines=[_line_shown(x) for x in lines])


def _record(asked: shapes.CartAsked, key: str | None) -> list[_Store]:
    """One touch a line, all in one transaction; the stores in the order in which the request names them first."""
    request_key = None if key is None else touches.request_key(g.app_token.id, key)
    if asked.buyer is not None:
        journey = journeys.of_buyer(asked.buyer)
    else:
        journey = journeys.of_cookie(f"cart:{request_key or journeys.new_cookie()}")
    per_minute = current_app.config["CONNECTOR"].touches_per_minute + len(asked.lines)
    found: dict[str, _Store] = {}
    with db.write(Scope.app()) as session:
        for number, each in enumerate(asked.lines):
            line = _Line(number, _tapped(session, number, each), each.quantity)
            store = found.get(line.tapped.shop_id)
            if store is None:
                store = found[line.tapped.shop_id] = _Store(shops.get(session, line.tapped.shop_id), [])
            store.lines.append(line)
            kind, own_key = each.kind or taps.kind_of(session, line.tapped), None
            if request_key is not None:
                own_key = touches.request_key(request_key, f"{number} {each.quantity}")
                line.touch = touches.repeated(session, own_key, line.tapped, kind, journey)
            try:
                cart.buyable(session, store.shop, line.tapped.product_ref, line.tapped.variant_ref)
            except Conflict as refused:
                line.problem = refused.public
                continue
            if line.touch is None:
                line.touch = touches.record(
                    session, line.tapped, kind=kind, journey=journey, request_key=own_key, per_minute=per_minute,
                    at=each.at,
                )  # fmt: skip
            line.how = cart.opening(session, store.shop, line.touch, quantity=line.quantity)
            listing = catalog.by_ref(session, store.shop.id, line.touch.product_ref)
            line.landing = cart.landing_for(store.shop, listing, line.touch.token)
    return list(found.values())


def _tapped(session: Session, number: int, asked: shapes.CartLineAsked) -> Tapped:
    """Errors: InputRefused and NotFound that say which line."""
    try:
        return taps.tapped_of(session, asked)
    except InputRefused as refused:
        raise InputRefused(f"lines[{number}].{refused.field}", refused.problem, refused.remedy) from None
    except NotFound as missing:
        raise NotFound(f"lines[{number}]: {missing}", public=f"lines[{number}]: {missing.public}") from None


def _open(stores: Sequence[_Store]) -> None:
    """Ask the stores for their carts, side by side; write down by which way each touch went."""
    asked = [store for store in stores if store.wanted]
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, max(1, len(asked)))) as pool:
        list(pool.map(_open_one, asked))
    moved = [
        (line.touch.id, store.opened.way)
        for store in asked
        if store.opened is not None
        for line in store.wanted
        if line.touch is not None and line.touch.way != store.opened.way
    ]
    if moved:
        with db.write(Scope.app()) as session:
            for touch_id, way in moved:
                touches.went(session, touch_id, way)
    for store in stores:
        if not store.wanted:
            store.problem = store.lines[0].problem


def _open_one(store: _Store) -> None:
    try:
        whole = cart.together([line.how for line in store.wanted if line.how is not None])
        store.opened = cart.open_cart(whole, strict=True)
    except Exception as error:  # whatever one store does, the others' goods are bought
        level = _log.warning if isinstance(error, ConnectorError) else _log.exception
        level("cart.not_opened", shop_id=store.shop.id, problem=type(error).__name__)
        store.problem = "The store can't be reached just now. Try again in a moment."


def _store_shown(store: _Store) -> shapes.CartStore:
    brought = [line.number for line in store.brought]
    opened = store.opened
    return shapes.CartStore(
        shop_id=store.shop.id, name=store.shop.name or store.shop.domain, currency=store.shop.currency,
        checkout_link=opened.url if opened else None, way=opened.way if opened else None, lines=brought,
        apart=[line.number for line in store.wanted if opened is not None and line.number not in brought],
        problem=store.problem or None,
    )  # fmt: skip


def _line_shown(line: _Line) -> shapes.CartLineShown:
    touch = shapes.CartTouch.model_validate(line.touch) if line.touch is not None and line.how else None
    return shapes.CartLineShown(
        line=line.number, shop_id=line.tapped.shop_id, listing_id=line.tapped.listing_id,
        variant_ref=line.how.lines[0].variant_ref if line.how else line.tapped.variant_ref, quantity=line.quantity,
        touch=touch, landing_link=line.landing or None, problem=line.problem or None,
    )  # fmt: skip
