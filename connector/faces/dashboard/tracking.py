"""Does tracking work in my theme? A test click that the merchant places, and what of it came back with the order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.checkout import cart
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import trial
from connector.earnings.attribution.tables import TrialClick
from connector.earnings.attribution.trial import Seen
from connector.errors import InputRefused
from connector.faces.dashboard.face import blueprint
from connector.platforms.contract import Way
from connector.web import moments, words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.words import Badge

OFFERED = 50
# What the merchant chooses → how the click goes to the store.
WAYS: dict[str, Way] = {"cart": "permalink", "page": "landing"}

# The platform's carriers in a merchant's words.
PLACES = {
    "cart_attribute": "On the cart",
    "line_property": "On the product's line",
    "referral": "Referral code",
    "landing_page": "First page of the visit",
    "store_journey": "Your store's analytics",
    "order_metadata": "A field of the order",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One carrier as the page shows it."""

    name: str
    state: Badge
    note: str  # what it means, or what to do


@dataclass(frozen=True, slots=True)
class View:
    """How a test click stands, in one sentence and a row a carrier."""

    kind: Badge
    sentence: str
    rows: tuple[Row, ...]
    order_id: str
    number: str
    final: bool


@blueprint.get("/tracking")
@merchant
def tracking() -> str:
    """Choose a product and begin; the last test stands beneath."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        offered = catalog.by_title(session, shop_id=shop.id, status="shoppable", limit=OFFERED)
        last = trial.newest(session, shop.id)
        seen = _view(session, last) if last is not None else None
    return page("dashboard/tracking.html", shop=shop, offered=offered, last=last, seen=seen)


@blueprint.post("/tracking")
@merchant
def place_trial() -> AnyResponse:
    """Make a test click. It opens nothing by itself: the next page has the link."""
    way = WAYS.get(request.form.get("way", "cart"))
    if way is None:
        raise InputRefused("way", "isn't one of the two.", "Choose the checkout or the product's page.")
    with db.write(Scope.shop(g.shop.id)) as session:
        listing = catalog.listing(session, request.form.get("listing_id", ""))
        if listing is None or listing.shop_id != g.shop.id:
            raise InputRefused("listing_id", "is no product of yours.", "Choose one from the list.")
        shop = shops.get(session, g.shop.id)
        variant_ref = cart.buyable(session, shop, listing.product_ref, None)
        made = trial.make(session, listing, variant_ref, way)
    return redirect(url_for(".watch_trial", trial_id=made.id), code=303)


@blueprint.get("/tracking/<trial_id>")
@merchant
def watch_trial(trial_id: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        click = trial.get(session, shop.id, trial_id)
        seen = _view(session, click)
        listing = catalog.by_ref(session, shop.id, click.product_ref)
        link = _link(session, shop, click, listing)
    return page(
        "dashboard/trial.html", shop=shop, click=click, seen=seen, link=link, until=click.made_at + trial.WATCHED
    )


@blueprint.get("/tracking/<trial_id>/part")
@merchant
def trial_part(trial_id: str) -> str:
    """The live part, asked for again every 2 s until an order came."""
    with db.read(Scope.shop(g.shop.id)) as session:
        return page("dashboard/trial_part.html", seen=_view(session, trial.get(session, g.shop.id, trial_id)))


@blueprint.post("/tracking/<trial_id>/end")
@merchant
def end_trial(trial_id: str) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        trial.end(session, trial.get(session, g.shop.id, trial_id))
    return redirect(url_for(".tracking"), code=303)


def _link(session: Session, shop: Shop, click: TrialClick, listing: Listing | None) -> str:
    if click.way == "landing":
        return cart.landing_for(shop, listing, click.token)
    return cart.trial_link(session, shop, click.variant_ref, click.token)


def _view(session: Session, click: TrialClick, now: datetime | None = None) -> View:
    shop = shops.get(session, click.shop_id)
    seen = trial.look(session, shop, click)
    over = trial.over(click, now or clock.now())
    came = bool(seen.order_id)
    rows = tuple(
        Row(
            PLACES.get(each.name, each.name.replace("_", " ").capitalize()),
            Badge("idle", "No order came") if over and each.state == "waiting" else words.status("carrier", each.state),
            _note(each, over),
        )
        for each in seen.arrivals
    )
    kind, sentence = _sentence(seen, over)
    return View(kind, sentence, rows, seen.order_id, seen.number, came or over)


def _note(each: trial.Arrival, over: bool) -> str:
    if each.state == "lost":
        return f"{each.remedy} Usual causes: {each.lost_when}."
    if each.state == "mended":
        return (
            "Something on the way changed it. We could still read it; look for an app or a theme that shortens values."
        )
    if each.state == "not_sent":
        return "This way to the store doesn't use it."
    if each.state == "not_needed":
        return "Read only where nothing else came."
    if each.state == "waiting":
        return "" if over else f"Comes as: {each.shown_as}."
    return f"Came as: {each.shown_as}."


def _sentence(seen: Seen, over: bool) -> tuple[Badge, str]:
    good = [each for each in seen.arrivals if each.state in ("arrived", "mended")]
    lost = [each for each in seen.arrivals if each.state == "lost"]
    if seen.came and not lost:
        places = "place that this way uses" if any(each.state == "not_sent" for each in seen.arrivals) else "place"
        return Badge("good", "Works"), f"Tracking works: order {seen.number} brought the test click in every {places}."
    if seen.came:
        return Badge("warn", "Works in part"), (
            f"Order {seen.number} brought the test click in {len(good)} of {len(good) + len(lost)} places. "
            "Creators are credited; each place that is missing makes a loss more likely."
        )
    if seen.order_id:
        return Badge("bad", "Lost"), (
            f"Test order {seen.number} came without the test click: your theme or an app lost it everywhere. "
            "Creators would get nothing. What to do stands beside each place."
        )
    if over:
        return Badge("idle", "Ended"), "No order came while we watched. Place another test click to try again."
    return Badge("info", "Waiting"), "We wait for your test order. It appears here seconds after you placed it."
