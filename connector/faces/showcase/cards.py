"""A product as lists show it, and who earns by it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution.tables import Link
from connector.faces.showcase.face import picture
from connector.insight.market.words import plain_text
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import in_force

SOLD_OUT = "sold_out"
_BLOCKS = re.compile(r"<(?:br|/p|/div|/li|/h\d|/tr)\b[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Card:
    listing: Listing
    url: str
    shop: str
    picture: str
    buy: str = ""  # the creator's link; "" where it is shown without one
    earns: bool = False  # is there a rate, so that the creator earns by it?


def is_public(row: Listing) -> bool:
    """May anybody see it? What can be bought, and what is only sold out just now."""
    return row.status == "shoppable" or (row.status == "not_shoppable" and row.reason == SOLD_OUT)


def cards(session: Session, listings: Sequence[Listing]) -> list[Card]:
    shops = shop_names(session, {row.shop_id for row in listings})
    return [Card(row, address(row.id), shops.get(row.shop_id, ""), picture(row.image_url)) for row in listings]


def of_links(session: Session, found: Sequence[tuple[Link, Listing]]) -> list[Card]:
    """Cards of what a creator shows: each with the creator's own link, where it can be bought."""
    shops = shop_names(session, {row.shop_id for _, row in found})
    earning = _earning(session, [row for _, row in found])
    return [
        Card(
            row,
            address(row.id, link.code),
            shops.get(row.shop_id, ""),
            picture(row.image_url),
            buy_address(link) if row.status == "shoppable" else "",
            row.id in earning,
        )
        for link, row in found
    ]


def earns(session: Session, row: Listing) -> bool:
    """Does a creator earn by it now? Without a rate nobody is told that somebody does."""
    return rates.open_rate(session, row.shop_id, row.product_ref, clock.now()) is not None


def address(listing_id: str, code: str = "") -> str:
    """The path of a product's page; with a creator's code it is about that creator's recommendation."""
    return url_for("showcase.product", listing_id=listing_id, by=code or None)


def buy_address(link: Link) -> str:
    return url_for("checkout.go", code=link.code)


def shop_names(session: Session, shop_ids: Iterable[str]) -> dict[str, str]:
    found = session.execute(sa.select(Shop.id, Shop.name, Shop.domain).where(Shop.id.in_(list(shop_ids))))
    return {row.id: row.name or row.domain for row in found}


def paragraphs(markup: str, longest: int = 5_000) -> list[str]:
    """A store's description as plain paragraphs: none of its HTML reaches our page."""
    lines = plain_text(_BLOCKS.sub("\n", markup[: longest * 4])).splitlines()
    told, length = [], 0
    for line in lines:
        text = " ".join(line.split())
        if text and length < longest:
            told.append(text[: longest - length])
            length += len(text)
    return told


def _earning(session: Session, listings: Sequence[Listing]) -> set[str]:
    now = clock.now()
    by_shop: dict[str, list[Listing]] = defaultdict(list)
    for row in listings:
        by_shop[row.shop_id].append(row)
    found = set()
    for shop_id, some in by_shop.items():
        versions = rates.open_versions(session, shop_id, [row.product_ref for row in some])
        found |= {row.id for row in some if in_force(versions, row.product_ref, now) is not None}
    return found
