"""Prices by the buyer's country: asked for when somebody wants one, kept beside the shop's own, never mixed with them.

Asking for every country of every variant would cost more than the whole sync. So a product's prices for a country are
read when they are first shown, and again when a day has gone or the variant changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.catalog import rows
from connector.commerce.catalog.tables import MarketPriceRow, VariantRow
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.platforms import roster
from connector.platforms.contract import Http, MarketPrice

FRESH = timedelta(days=1)
_COUNTRY = re.compile(r"[A-Z]{2}")


def prices(
    session: Session, shop_id: str, product_ref: str, country: str, now: datetime | None = None
) -> dict[str, MarketPriceRow]:
    """variant ref → price for buyers of a country, of the live variants whose price is known and fresh.

    A variant that is absent is sold at the shop's own price as far as we know; `want` has it asked for.
    """
    now = now or clock.wall()
    found = session.execute(
        sa.select(MarketPriceRow)
        .join(
            VariantRow,
            sa.and_(VariantRow.shop_id == MarketPriceRow.shop_id, VariantRow.variant_ref == MarketPriceRow.variant_ref),
        )
        .where(
            VariantRow.shop_id == shop_id, VariantRow.product_ref == product_ref, VariantRow.gone_at.is_(None),
            MarketPriceRow.country == country, MarketPriceRow.of_hash == VariantRow.content_hash,
            MarketPriceRow.read_at > now - FRESH,
        )
    )  # fmt: skip
    return {row.variant_ref: row for row in found.scalars()}


def want(session: Session, shop_id: str, product_ref: str, country: str, now: datetime | None = None) -> bool:
    """Have a product's prices for a country read, unless all are known and fresh; whether a job was started.

    Errors: ValueError for what is no country code.
    """
    if not _COUNTRY.fullmatch(country):
        raise ValueError("a country is two capital letters (ISO 3166-1)")
    now = now or clock.wall()
    live = sa.select(sa.func.count()).select_from(VariantRow)
    count = session.scalar(
        live.where(
            VariantRow.shop_id == shop_id, VariantRow.product_ref == product_ref, VariantRow.gone_at.is_(None)
        )
    )  # fmt: skip
    if not count or len(prices(session, shop_id, product_ref, country, now)) >= count:
        return False
    # The hour in the key: a page that is looked at a thousand times asks once.
    key = f"{shop_id}:{product_ref}:{country}:{now:%Y%m%dT%H}"
    jobs.enqueue(session, "catalog.market_prices", key, shop_id=shop_id, product_ref=product_ref, country=country)
    return True


@jobs.workflow("catalog.market_prices")
def read(shop_id: str, product_ref: str, country: str, http: Http | None = None) -> int:
    """Read a product's prices for a country; how many there were. Nothing where the platform has none.

    HTTP: never inside `db.write()`. Errors: those of the platform.
    """
    with db.read(Scope.shop(shop_id)) as session:
        platform = roster.platform(shops.get(session, shop_id).platform)
        refs = list(session.scalars(_live(shop_id, product_ref)))
    if not platform.can("market_prices") or not refs:
        return 0
    found = grants.calling(shop_id, lambda client: platform.catalog.market_prices(client, refs, country), http)
    with db.write(Scope.shop(shop_id)) as session:
        keep(session, shop_id, product_ref, found, clock.wall())
    return len(found)


def keep(session: Session, shop_id: str, product_ref: str, found: Sequence[MarketPrice], read_at: datetime) -> None:
    """Write prices down, each with the content of the variant that it belongs to."""
    refs = [price.variant_ref for price in found]
    held = session.execute(
        sa.select(VariantRow.variant_ref, VariantRow.content_hash).where(
            VariantRow.shop_id == shop_id, rows.among(session, VariantRow.variant_ref, refs)
        )
    )
    hashes = {ref: content_hash for ref, content_hash in held}  # noqa: C416  a Row is no pair to dict()
    for price in found:
        values = {
            "product_ref": product_ref, "currency": price.currency, "price": price.price,
            "compare_at": price.compare_at, "of_hash": hashes.get(price.variant_ref, ""), "read_at": read_at,
        }  # fmt: skip
        insert = db.insert(session, MarketPriceRow).values(
            shop_id=shop_id, variant_ref=price.variant_ref, country=price.country, **values
        )
        session.execute(insert.on_conflict_do_update(index_elements=["shop_id", "variant_ref", "country"], set_=values))


def _live(shop_id: str, product_ref: str) -> sa.Select[Any]:
    return (
        sa.select(VariantRow.variant_ref)
        .where(VariantRow.shop_id == shop_id, VariantRow.product_ref == product_ref, VariantRow.gone_at.is_(None))
        .order_by(VariantRow.position, VariantRow.variant_ref)
    )
