"""The public list with its search, and a product's own page."""

from __future__ import annotations

import re
from collections import Counter

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.checkout import cart
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import links
from connector.earnings.attribution.tables import Link
from connector.faces.showcase import cards, structured
from connector.faces.showcase.face import WHY, blueprint, missing, picture, public_url, shown
from connector.insight.market import search as market
from connector.insight.market.keys import step_bounds
from connector.insight.market.search import Count
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.web import amounts, cursors
from connector.web.guards import public

PER_PAGE = 24
_STEP = re.compile(r"^[A-Z]{3}:\d\d$")
_MOST_CHIPS = 8
CONDITIONS = {"new": "New", "refurbished": "Refurbished", "used": "Used"}


@blueprint.get("/products")
@public(WHY)
def search() -> Response:
    """What can be bought: by words, narrowed by category and price."""
    text, category = request.args.get("q", "").strip()[:200], request.args.get("category", "")[:200]
    step = request.args.get("price", "")
    asked = _asked(text, category, step if _STEP.match(step) else "")
    after = request.args.get("after", "")
    cursor = cursors.unpack("showcase", after) if after else None
    with db.read(Scope.app()) as session:
        found = market.search(session, asked, cursor=cursor, limit=PER_PAGE, facets=("category", "price"))
        rows = cards.cards(session, found.listings)
    more = cursors.pack("showcase", found.next) if found.next else ""
    return shown(
        "showcase/search.html", text=text, rows=rows, total=found.total, after=more, first=not after,
        categories=_chips("category", found.facets["category"], category),
        prices=_chips("price", found.facets["price"], step),
        chips_shown=_chosen(text, category, step), narrowed=bool(text or category or step),
    )  # fmt: skip


def _asked(text: str, category: str, step: str) -> market.Asked:
    if not step:
        return market.Asked(text, status="shoppable", category=category or None)
    currency, low, beyond = step_bounds(step) if int(step[4:]) <= market.LAST_STEP else (step[:3], 0, 1)
    return market.Asked(
        text, status="shoppable", category=category or None, currency=currency, price_from=low,
        price_to=None if beyond is None else beyond - 1,
    )  # fmt: skip


def _chips(name: str, counted: list[Count], chosen: str) -> list[tuple[str, str, int]]:
    """(word, address, number) of values that would narrow it further."""
    if chosen:
        return []
    shown_ones = _steps(counted) if name == "price" else counted[:_MOST_CHIPS]
    if len(shown_ones) < 2:
        return []
    return [
        (_step_words(each.value) if name == "price" else each.label, _with(**{name: each.value}), each.count)
        for each in shown_ones
    ]


def _steps(counted: list[Count]) -> list[Count]:
    """The steps that most products are in, by currency: the one that most of them are sold in comes first."""
    most = sorted(counted, key=lambda each: (-each.count, each.value))[:_MOST_CHIPS]
    of_currency: Counter[str] = Counter()
    for each in most:
        of_currency[each.value[:3]] += each.count
    return sorted(most, key=lambda each: (-of_currency[each.value[:3]], each.value))


def _step_words(step: str) -> str:
    if not _STEP.match(step) or int(step[4:]) > market.LAST_STEP:
        return step
    currency, low, beyond = step_bounds(step)
    least = amounts.plain(low, currency)
    return f"{least} and more" if beyond is None else f"{least} to {amounts.plain(beyond - 1, currency)}"


def _chosen(text: str, category: str, step: str) -> list[tuple[str, str, str]]:
    words = (("Search", "q", text, text), ("Category", "category", category, category))
    found = [(label, value, _with(**{name: None})) for label, name, used, value in words if used]
    return [*found, ("Price", _step_words(step), _with(price=None))] if step else found


def _with(**changes: str | None) -> str:
    wanted = {**request.args.to_dict(), "after": None, **changes}
    return url_for("showcase.search", **{key: value for key, value in wanted.items() if value})  # type: ignore[arg-type]


@blueprint.get("/products/<listing_id>")
@public(WHY)
def product(listing_id: str) -> Response:
    """One product. With a creator's code it says who recommends it, and the way to buy is the creator's link."""
    with db.read(Scope.app()) as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            return _unknown()
        shop = session.get_one(Shop, row.shop_id)
        if not cards.is_public(row) or shop.status == "left":
            return _not_shown(row, shop)
        variants = catalog.variants(session, row.shop_id, row.product_ref)
        link, creator = _recommended(session, row, request.args.get("by", ""))
        earns = creator is not None and cards.earns(session, row)
    images = list(dict.fromkeys(filter(None, map(picture, (row.image_url, *map(str, row.images))))))
    text = cards.paragraphs(row.description)
    url = public_url(url_for(".product", listing_id=row.id))
    sells = row.status == "shoppable"
    return shown(
        "showcase/product.html", row=row, shop=shop, images=images[:12], text=text, canonical=url, creator=creator,
        earns=earns, sells=sells, buy=_way_to_buy(row, shop, link) if sells else "", was=_was(row, variants),
        options=_options(variants), condition=CONDITIONS.get(row.condition, ""),
        gtin=variants[0].gtin if len(variants) == 1 else "",
        data=structured.product(row, variants, shop, url, images[:12], "\n".join(text)),
    )  # fmt: skip


def _recommended(session: Session, row: Listing, code: str) -> tuple[Link | None, Creator | None]:
    """The link of a code that stands for this very product, and its creator while active."""
    link = links.by_code(session, code) if code and len(code) <= 64 else None
    if link is None or link.listing_id != row.id:
        return None, None
    if creators.status_at(session, link.creator_id, clock.now()) != creators.ACTIVE:
        return None, None
    return link, creators.get(session, link.creator_id)


def _way_to_buy(row: Listing, shop: Shop, link: Link | None) -> str:
    return cards.buy_address(link) if link is not None else cart.shop_window(row, shop)


def _was(row: Listing, variants: list[VariantRow]) -> int | None:
    """The price before, where every variant costs the same and is reduced alike."""
    before = {each.compare_at for each in variants}
    if row.price_from != row.price_to or len(before) != 1:
        return None
    (value,) = before
    return value if value is not None and value > row.price_from else None


def _options(variants: list[VariantRow]) -> dict[str, list[tuple[str, bool]]]:
    """Option → its values, each with whether any variant of it can be bought. A store's stand-in option is left out."""
    found: dict[str, dict[str, bool]] = {}
    for each in variants:
        for name, value in each.options:
            held = found.setdefault(str(name), {})
            held[str(value)] = held.get(str(value), False) or each.available
    return {
        name: list(values.items())
        for name, values in found.items()
        if not (name == "Title" and list(values) == ["Default Title"])
    }


def _unknown() -> Response:
    return missing(
        404,
        "There is no such product",
        "Its address is not one that we gave out: a part of it may have been lost when it was copied.",
    )


def _not_shown(row: Listing, shop: Shop) -> Response:
    """Gone for good is said; what was never shown to the public is not told apart from what never was."""
    if row.status == "gone" or row.reason == "archived" or shop.status == "left":
        name = shop.name or shop.domain
        left = shop.status == "left"
        return missing(
            410,
            "This product is no longer sold here",
            f"{name} doesn't sell here any more." if left else f"{name} has taken it out of its catalog.",
        )
    return _unknown()
