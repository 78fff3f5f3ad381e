"""Products that a creator may take up, each with what they would earn by it; one press and the link is there."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing
from connector.earnings.attribution import taking_up
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.studio import links, offered, samples
from connector.faces.studio.face import blueprint, nothing_new, reading, writing
from connector.faces.studio.offered import Offered
from connector.insight.market import search as market
from connector.insight.market.keys import step_bounds
from connector.insight.market.search import Count
from connector.insight.reports import table
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import eligibility
from connector.programme.creators.eligibility import NotEligible
from connector.web import amounts, csp, cursors, rate_words
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 30
OWN = 12  # products with a rate of their own, above the list
RATES = (500, 1000, 1500, 2000, 3000)  # basis points: what "at least" may ask for
_LIST = "studio-products"
_STEP = re.compile(r"[A-Z]{3}:\d\d")
_WORDS = {"q": "Search", "shop": "Shop", "category": "Category", "rate": "You earn at least", "price": "Price"}


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
    except NotEligible as refused:
        return _shown(nothing_new(refused))
    except Conflict as conflict:
        return _shown(conflict.public)
    flash("It is in your list. Share your link." if is_new else "You have it already. Here is your link.")
    return redirect(url_for(".link", link_id=link_id), code=303)


@blueprint.get("/products/<listing_id>")
@creator
def product(listing_id: str) -> str | AnyResponse:
    """One product before it is taken up; who has it already is on its link's page."""
    csp.may_show_images_of_stores()
    with reading() as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            raise NotFound(f"no listing has the id {listing_id[:40]!r}", public="There is no such product.")
        (found,) = offered.of(session, [row])
        link = links.main_of(session, row.id)
        decision = eligibility.newest(session, g.creator_id)
        sample = samples.offer_of(session, row)
    if link is not None and found.mine:
        return redirect(url_for(".link", link_id=link.id), code=303)
    return page("studio/product.html", each=found, decision=decision, sample=sample, words=rate_words)


def _shown(problem: str) -> str:
    csp.may_show_images_of_stores()
    given = request.args.get("after", "")
    asked = _asked()
    key = cursors.unpack(_LIST, given) if given else None
    now = clock.now()
    with reading() as session:
        alone = _alone(session)
        question = _question(asked, everything=asked["shop"] in alone)
        found = market.search(session, question, cursor=key, limit=SHOWN, facets=("shop", "category", "price"))
        # What only others can earn by isn't shown; a page may be a little shorter for it.
        shown = [each for each in offered.of(session, found.listings) if each.rate is not None]
        plain = not any(asked.values()) and not given
        own = _own(session, alone) if plain else []
        decision = eligibility.newest(session, g.creator_id)
        shops = table.names(session, "shop", {*alone, asked["shop"]} - {""})
    pilot = decision.pilot_until if decision is not None else None
    return page(
        "studio/products.html", offered=shown, own=own, asked=asked, problem=problem, words=rate_words,
        decision=decision, chips=_chips(asked, shops), choices=_choices(asked, found.facets, shops), rates=RATES,
        after=cursors.pack(_LIST, found.next) if found.next else "", first=not given, total=found.total,
        alone=[(shop_id, shops.get(shop_id, "A shop")) for shop_id in alone] if plain else [],
        pilot=pilot if pilot is not None and pilot > now else None,
    )  # fmt: skip


def _asked() -> dict[str, str]:
    """The filters of the address; a rate or a price that no choice stands for is left out."""
    asked = {name: request.args.get(name, "").strip()[:200] for name in _WORDS}
    if asked["rate"] not in {str(rate) for rate in RATES}:
        asked["rate"] = ""
    if not _bounds(asked["price"])[0]:
        asked["price"] = ""
    return asked


def _question(asked: dict[str, str], *, everything: bool) -> market.Asked:
    """`everything`: of a shop whose every product is open to this creator alone, whatever is open to others."""
    least = int(asked["rate"]) if asked["rate"] else 1
    currency, low, beyond = _bounds(asked["price"])
    return market.Asked(
        asked["q"], status="shoppable", shop_id=asked["shop"] or None, category=asked["category"] or None,
        currency=currency or None, price_from=low if currency else None,
        price_to=beyond - 1 if currency and beyond is not None else None,
        rate_from=None if everything and not asked["rate"] else least,
    )  # fmt: skip


def _bounds(step: str) -> tuple[str, int, int | None]:
    if _STEP.fullmatch(step) is None or int(step[4:]) > market.LAST_STEP:
        return "", 0, None
    return step_bounds(step)


def _alone(session: Session) -> dict[str, list[str]]:
    """Shop → the products for which this creator has terms of their own now; [""] for the whole shop."""
    now = clock.now()
    rows = session.execute(
        sa.select(Terms.shop_id, Terms.product_ref)
        .where(
            Terms.creator_id == g.creator_id, Terms.kind == "targeted", Terms.starts_at <= now,
            Terms.ends_at > now, Terms.rate_bp.is_not(None),
        )
        .distinct()
        .order_by(Terms.shop_id, Terms.product_ref)
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for shop_id, ref in rows:
        found.setdefault(shop_id, []).append(ref)
    return found


def _own(session: Session, alone: dict[str, list[str]]) -> list[Offered]:
    """Products with a rate that was agreed with this creator, and that aren't in the list yet."""
    rows: list[Listing] = []
    for shop_id, refs in alone.items():
        named = [ref for ref in refs if ref][:OWN]
        if named:
            rows += session.scalars(
                sa.select(Listing).where(
                    Listing.shop_id == shop_id, Listing.product_ref.in_(named), Listing.status == "shoppable"
                )
            )
    return [each for each in offered.of(session, rows) if each.rate is not None and not each.mine][:OWN]


def _chips(asked: dict[str, str], shops: dict[str, str]) -> list[tuple[str, str, str]]:
    """(label, value, address without it) of each filter in use."""
    found = []
    for name, value in asked.items():
        if value:
            said = shops.get(value, value) if name == "shop" else _said(name, value)
            found.append((_WORDS[name], said, _with(asked, **{name: ""})))
    return found


def _said(name: str, value: str) -> str:
    if name == "rate":
        return rate_words.short(int(value))
    if name != "price":
        return value
    currency, low, beyond = _bounds(value)
    least = amounts.plain(low, currency)
    return f"{least} and more" if beyond is None else f"{least} to {amounts.plain(beyond - 1, currency)}"


def _choices(
    asked: dict[str, str], facets: dict[str, list[Count]], shops: dict[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """Filter → (value, words) that it can be set to: what the search has found, and what is set."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in ("shop", "category", "price"):
        rows = [
            (each.value, f"{_said(name, each.value) if name == 'price' else each.label} ({amounts.count(each.count)})")
            for each in facets.get(name, [])
        ]
        if asked[name] and asked[name] not in {value for value, _ in rows}:
            rows.insert(0, (asked[name], shops.get(asked[name], _said(name, asked[name]))))
        found[name] = rows
    return found


def _with(asked: dict[str, str], **changes: str) -> str:
    wanted: dict[str, Any] = {name: value for name, value in {**asked, **changes}.items() if value}
    return url_for(".products", **wanted)
