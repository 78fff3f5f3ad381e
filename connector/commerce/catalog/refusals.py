"""Products that could not be taken in, kept until they can: the dead letters of the catalog, grouped by cause.

A run or a read that meets one writes it down; the read that takes the product in whole, or finds it gone, drops it. So
the list says what is wrong now, whatever run met it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog import rows
from connector.commerce.catalog.tables import RefusedProduct


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with a group of products, and what the merchant (or we) can do about it."""

    title: str
    remedy: str


CAUSES: dict[str, Cause] = {
    "title_missing": Cause("It has no title.", "Give it a title at the store."),
    "price_missing": Cause("A variant has no price.", "Give each variant a price at the store."),
    "price_unreadable": Cause(
        "A variant's price is no plain amount of the store's currency.",
        "Correct the price at the store: digits like 12.34, with no more decimals than the currency has.",
    ),
    "price_negative": Cause("A variant's price is below zero.", "Correct the price at the store."),
    "status_unknown": Cause(
        "The store gives it a state that we don't know.",
        "Nothing at the store: tell us, the platform has a state that is new to us.",
    ),
    "unreadable": Cause(
        "A part of it has another shape than the platform promises.",
        "Save it again at the store; if it comes back, send us the detail that stands with it.",
    ),
    "product_missing": Cause(
        "Its variants came without the product itself.", "Read it again from here; the store's export was incomplete."
    ),
    "too_many_variants": Cause("It has more variants than we take in.", "Split it into several products at the store."),
    "sold_elsewhere": Cause(
        "It is sold on another site, so an order of it never comes through this store.",
        "Nothing to do: such products can't earn commission here.",
    ),
    "group_of_products": Cause(
        "It only groups other products, which are listed by themselves.", "Nothing to do: show the products in it."
    ),
    "type_unknown": Cause(
        "It is of a type that a plug-in made, and which we don't know how to sell.",
        "Sell it as a simple or variable product, or ask us to learn its type.",
    ),
    "line_unreadable": Cause(
        "A line of the store's export was no JSON, or had no end.",
        "Start the sync again: the store makes a new export. Nothing was removed meanwhile.",
    ),
}
UNKNOWN = Cause("It could not be read.", "Open the sync run for the detail, and read the product again from here.")


def cause(reason: str) -> Cause:
    return CAUSES.get(reason, UNKNOWN)


def note(session: Session, shop_id: str, items: Iterable[Sequence[str]], now: datetime, run_id: str = "") -> None:
    """Write refused products down: (ref, title, reason, detail) each. One that is there is met once more."""
    for ref, title, reason, detail in items:
        insert = db.insert(session, RefusedProduct).values(
            shop_id=shop_id, product_ref=ref, title=title, reason=reason, detail=detail, run_id=run_id, times=1,
            first_at=now, last_at=now,
        )  # fmt: skip
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["shop_id", "product_ref"],
                set_={
                    "title": sa.case((insert.excluded.title == "", RefusedProduct.title), else_=insert.excluded.title),
                    "reason": insert.excluded.reason,
                    "detail": insert.excluded.detail,
                    "run_id": insert.excluded.run_id,
                    "times": RefusedProduct.times + 1,
                    "last_at": insert.excluded.last_at,
                },
            )
        )


def drop(session: Session, shop_id: str, refs: Sequence[str]) -> None:
    """These were taken in whole, or are gone."""
    if refs:
        session.execute(
            sa.delete(RefusedProduct)
            .where(RefusedProduct.shop_id == shop_id, rows.among(session, RefusedProduct.product_ref, refs))
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Refused products of one cause; `items` are the first of them by shop and ref."""

    reason: str
    title: str
    remedy: str
    count: int
    items: Sequence[RefusedProduct]


def groups(session: Session, shop_id: str | None = None, *, sample: int = 20) -> list[Group]:
    """What is refused now, the most frequent cause first."""
    where = [RefusedProduct.shop_id == shop_id] if shop_id is not None else []
    counted = session.execute(
        sa.select(RefusedProduct.reason, sa.func.count())
        .where(*where)
        .group_by(RefusedProduct.reason)
        .order_by(sa.func.count().desc(), RefusedProduct.reason)
    ).all()
    found: list[Group] = []
    for reason, count in counted:
        items = listed(session, shop_id, reason=reason, limit=sample)
        found.append(Group(reason, cause(reason).title, cause(reason).remedy, count, items))
    return found


def listed(
    session: Session,
    shop_id: str | None = None,
    *,
    reason: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> Sequence[RefusedProduct]:
    """Refused products by shop and ref, behind `after` (shop id, product ref)."""
    asked = sa.select(RefusedProduct).order_by(RefusedProduct.shop_id, RefusedProduct.product_ref).limit(limit)
    if shop_id is not None:
        asked = asked.where(RefusedProduct.shop_id == shop_id)
    if reason is not None:
        asked = asked.where(RefusedProduct.reason == reason)
    if after is not None:
        asked = asked.where(sa.tuple_(RefusedProduct.shop_id, RefusedProduct.product_ref) > sa.tuple_(*after))
    return session.scalars(asked).all()
