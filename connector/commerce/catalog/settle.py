"""What follows from a product's rows: price range, availability, number of variants, status and its reason.

The same pass ends a webhook's product and a sync run's chunk, so that both ways lead to equal listings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import changes as followed
from connector.commerce.catalog import rows
from connector.commerce.catalog.shoppable import Facts, decide
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop

_LISTING = (
    Listing.id, Listing.product_ref, Listing.store_status, Listing.published, Listing.gift_card, Listing.refused,
    Listing.price_from, Listing.price_to, Listing.available, Listing.variant_count, Listing.status, Listing.reason,
    Listing.gone_at, Listing.rule,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sum:
    """A product's variants in figures. Prices are minor units over the live ones."""

    variants: int = 0
    price_from: int = 0
    price_to: int = 0
    available: bool = False
    missed: int = 0  # live ones with the given mark


def sums(session: Session, shop_id: str, refs: Sequence[str], mark: str = "") -> dict[str, Sum]:
    """product ref → figures, for products that have any variant. `mark` is a sync run's for what it missed."""
    live = VariantRow.gone_at.is_(None)
    found = session.execute(
        sa.select(
            VariantRow.product_ref,
            sa.func.count(sa.case((live, 1))),
            sa.func.min(sa.case((live, VariantRow.price))),
            sa.func.max(sa.case((live, VariantRow.price))),
            sa.func.max(sa.case((sa.and_(live, VariantRow.available), 1), else_=0)),
            sa.func.count(sa.case((sa.and_(live, VariantRow.seen_run == mark), 1))),
        )
        .where(VariantRow.shop_id == shop_id, rows.among(session, VariantRow.product_ref, refs))
        .group_by(VariantRow.product_ref)
    ).all()
    return {
        ref: Sum(count, low or 0, high or 0, bool(available), missed)
        for ref, count, low, high, available, missed in found
    }


def settle(
    session: Session,
    shop: Shop,
    refs: Sequence[str],
    now: datetime,
    *,
    refused: Mapping[str, str] | None = None,
    figures: Mapping[str, Sum] | None = None,
) -> int:
    """Bring the listings of `refs` in line with their variants; how many changed. Gone ones stay as they are.

    Shape:  `refused` gives the reason of each product that could not be read whole; the others lose an earlier one.
            None leaves refusals as they are. `figures` are `sums` of the same refs, where the caller has them.
    """
    found = session.execute(
        sa.select(*_LISTING).where(Listing.shop_id == shop.id, rows.among(session, Listing.product_ref, refs))
    ).all()
    figures = sums(session, shop.id, refs) if figures is None else figures
    changes: list[rows.Row] = []
    changed: list[str] = []
    for row in found:
        if row.gone_at is not None:
            continue
        total = figures.get(row.product_ref, Sum())
        problem = row.refused if refused is None else refused.get(row.product_ref, "")
        status, reason = decide(
            Facts(
                shop.status != "left", bool(problem), row.store_status, row.published, row.gift_card,
                total.variants, total.price_to, total.available, bool(row.rule),
            )
        )  # fmt: skip
        after = (total.price_from, total.price_to, total.available, total.variants, problem, status, reason)
        before = (
            row.price_from, row.price_to, row.available, row.variant_count, row.refused, row.status, row.reason,
        )  # fmt: skip
        if after != before:
            changes.append((row.id, *after))
            changed.append(row.product_ref)
    rows.settle_listings(session, changes, now)
    followed.note(session, shop.id, changed)
    return len(changes)
