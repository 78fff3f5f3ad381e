"""A merchant's test click: does tracking work in my theme? A token that credits nobody goes the way of a buyer's.

It is watched until an order brings it back, in whichever carriers; what an order with it pays is nothing, whether the
store calls it a test or not: no creator stands behind the token.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import hints, tokens
from connector.earnings.attribution.tables import TrialClick
from connector.errors import NotFound
from connector.platforms.contract import Way
from connector.platforms.roster import platform

# A theme is tested in one sitting; after that an order with the token is nobody's question any more.
WATCHED = timedelta(hours=24)
_LOOKED_AT = 200


class Arrival(msgspec.Struct, frozen=True):
    """One carrier of the platform, as far as a test click shows it."""

    name: str
    # arrived | mended: characters lost or added | lost | waiting: no order yet | not_sent | not_needed: others came
    state: str
    shown_as: str
    lost_when: str
    remedy: str


class Seen(msgspec.Struct, frozen=True):
    """How a test click stands. `order` is the one that brought it back, or the test order that came without it."""

    order_id: str = ""
    number: str = ""
    test: bool = False
    came: bool = False  # it brought the token in at least one carrier
    arrivals: tuple[Arrival, ...] = ()


def make(session: Session, listing: Listing, variant_ref: str, way: Way, now: datetime | None = None) -> TrialClick:
    """A test click on that product; the one before it is put away."""
    now = now or clock.now()
    for before in session.scalars(
        sa.select(TrialClick).where(TrialClick.shop_id == listing.shop_id, TrialClick.ended_at.is_(None))
    ):
        before.ended_at = now
    made = TrialClick(
        id=new_id("trl"), shop_id=listing.shop_id, token=tokens.make(), product_ref=listing.product_ref,
        variant_ref=variant_ref, title=listing.title, way=way, made_at=now, ended_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def get(session: Session, shop_id: str, trial_id: str) -> TrialClick:
    """Errors: NotFound, for another shop's too."""
    found = session.get(TrialClick, trial_id)
    if found is None or found.shop_id != shop_id:
        raise NotFound(f"shop {shop_id} has no test click {trial_id[:40]!r}")
    return found


def end(session: Session, click: TrialClick, now: datetime | None = None) -> None:
    """Put it away: nothing is watched any more."""
    click.ended_at = click.ended_at or now or clock.now()


def over(click: TrialClick, now: datetime | None = None) -> bool:
    return click.ended_at is not None or (now or clock.now()) > click.made_at + WATCHED


def newest(session: Session, shop_id: str) -> TrialClick | None:
    return session.scalar(
        sa.select(TrialClick).where(TrialClick.shop_id == shop_id).order_by(TrialClick.made_at.desc()).limit(1)
    )


def among(session: Session, shop_id: str, candidates: Collection[str]) -> frozenset[str]:
    """Those of these tokens that are the shop's test clicks."""
    return frozenset(
        session.scalars(
            sa.select(TrialClick.token).where(TrialClick.shop_id == shop_id, TrialClick.token.in_(list(candidates)))
        )
    )


def look(session: Session, shop: Shop, click: TrialClick) -> Seen:
    """What became of it: the first order that brings its token, else a test order of the store that came meanwhile."""
    until = min(click.made_at + WATCHED, click.ended_at or click.made_at + WATCHED)
    heard = session.scalars(
        sa.select(Order)
        .where(Order.shop_id == shop.id, Order.first_seen_at >= click.made_at, Order.first_seen_at <= until)
        .order_by(Order.first_seen_at, Order.id)
        .limit(_LOOKED_AT)
    ).all()
    for order in heard:
        brought = _brought(session, shop, order, click.token)
        if brought:
            test = orders.facts(order).snapshot.test
            return Seen(order.id, order.number, test, True, _arrivals(shop, click, brought, came=True))
    for order in heard:
        snapshot = orders.facts(order).snapshot
        if snapshot.test and any(line.product_ref == click.product_ref for line in snapshot.lines):
            return Seen(order.id, order.number, True, False, _arrivals(shop, click, {}, came=True))
    return Seen(arrivals=_arrivals(shop, click, {}, came=False))


def _brought(session: Session, shop: Shop, order: Order, token: str) -> dict[str, bool]:
    """Carrier's name → did it arrive as it was sent?"""
    facts = orders.facts(order)
    snapshot = msgspec.structs.replace(facts.snapshot, carriers=tuple(facts.carriers))
    found: dict[str, bool] = {}
    carried: Sequence[tuple[str, str]] = platform(shop.platform).checkout.tokens(snapshot)
    for value, carrier in [*carried, *hints.of_order(session, order.id)]:
        read = tokens.read(value)
        if read is not None and read.token == token:
            found[carrier] = found.get(carrier, False) or not read.mended
    return found


def _arrivals(shop: Shop, click: TrialClick, brought: dict[str, bool], *, came: bool) -> tuple[Arrival, ...]:
    made = []
    for carrying in platform(shop.platform).checkout.carriers:
        if carrying.name in brought:
            state = "arrived" if brought[carrying.name] else "mended"
        elif click.way not in carrying.ways:
            state = "not_sent"
        elif carrying.fallback and brought:
            state = "not_needed"
        else:
            state = "lost" if came else "waiting"
        made.append(Arrival(carrying.name, state, carrying.shown_as, carrying.lost_when, carrying.remedy))
    return tuple(made)
