"""Which products a creator promotes, and since when: what R5 calls "already promoted".

Making a link, attaching content to a product, or taking it into the list promotes it. Removing it ends that, and with
it the protection of an older rate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import new_id
from connector.errors import InputRefused, NotFound
from connector.programme.collaborations.tables import PromotionRow

_STANDING = sa.select(PromotionRow.id).where(
    PromotionRow.creator_id == sa.bindparam("creator_id"),
    PromotionRow.shop_id == sa.bindparam("shop_id"),
    PromotionRow.product_ref == sa.bindparam("product_ref"),
    PromotionRow.ends_at.is_(None),
)
# An app reports what its creators do; its clock may run a little ahead of ours.
_AHEAD = timedelta(seconds=60)


def promote(session: Session, creator_id: str, shop_id: str, product_ref: str, at: datetime | None = None) -> None:
    """The creator has the product in the list or in content from `at` on (default: now). A repeat changes nothing."""
    asked = {"creator_id": creator_id, "shop_id": shop_id, "product_ref": product_ref}
    if session.connection().execute(_STANDING, asked).first() is not None:
        return
    now = clock.now()
    row = db.insert(session, PromotionRow).values(
        id=new_id("prm"), **asked, starts_at=at or now, ends_at=None, recorded_at=now
    )
    session.execute(
        row.on_conflict_do_nothing(
            index_elements=["creator_id", "shop_id", "product_ref"], index_where=sa.text("ends_at IS NULL")
        )
    )


def withdraw_promotion(
    session: Session, creator_id: str, shop_id: str, product_ref: str, at: datetime | None = None
) -> None:
    """The creator removed the product, from list and content. An older rate that was kept is lost from then on.

    Errors: NotFound when the creator doesn't promote it; InputRefused for a time before it was promoted, or to come.
    """
    now = clock.now()
    at = at or now
    row = session.scalar(
        sa.select(PromotionRow).where(
            PromotionRow.creator_id == creator_id,
            PromotionRow.shop_id == shop_id,
            PromotionRow.product_ref == product_ref,
            PromotionRow.ends_at.is_(None),
        )
    )
    if row is None:
        raise NotFound("the creator doesn't promote that product")
    if at > now + _AHEAD:
        raise InputRefused("at", "is in the future.", "Send it when the product is removed.")
    if at < row.starts_at:
        raise InputRefused("at", "is before the product was promoted.", f"It was from {clock.said(row.starts_at)} on.")
    row.ends_at = at
    session.flush()


def stands(session: Session, creator_id: str, shop_id: str, product_ref: str) -> bool:
    """Does the creator promote the product now?"""
    asked = {"creator_id": creator_id, "shop_id": shop_id, "product_ref": product_ref}
    return session.connection().execute(_STANDING, asked).first() is not None


def held(session: Session, creator_id: str, shop_id: str, product_refs: Collection[str]) -> set[str]:
    """Which of these products the creator promotes now."""
    return set(
        session.scalars(
            sa.select(PromotionRow.product_ref).where(
                PromotionRow.creator_id == creator_id, PromotionRow.shop_id == shop_id,
                PromotionRow.product_ref.in_(list(product_refs)), PromotionRow.ends_at.is_(None),
            )
        )
    )  # fmt: skip


def counts(session: Session, creator_id: str, *, since: datetime) -> tuple[int, int]:
    """(products that the creator promotes now, products taken up after `since`, those removed again too)."""
    mine = PromotionRow.creator_id == creator_id
    standing, fresh = session.execute(
        sa.select(
            sa.func.count().filter(PromotionRow.ends_at.is_(None)),
            sa.func.count().filter(PromotionRow.starts_at > since),
        ).where(mine)
    ).one()
    return int(standing), int(fresh)


def page_of(
    session: Session, creator_id: str, *, after: tuple[str | int, ...] | None, limit: int
) -> Sequence[PromotionRow]:
    """What a creator promotes now, by shop, newest first in each; `after`: (shop, promotion) of the last one seen."""
    asked = sa.select(PromotionRow).where(PromotionRow.creator_id == creator_id, PromotionRow.ends_at.is_(None))
    if after is not None:
        shop_id, row_id = str(after[0]), str(after[-1])
        asked = asked.where(
            sa.or_(PromotionRow.shop_id > shop_id, sa.and_(PromotionRow.shop_id == shop_id, PromotionRow.id < row_id))
        )
    return session.scalars(asked.order_by(PromotionRow.shop_id, PromotionRow.id.desc()).limit(limit)).all()


def of_creator(session: Session, creator_id: str) -> Sequence[PromotionRow]:
    """What a creator promotes now, by shop and product."""
    return session.scalars(
        sa.select(PromotionRow)
        .where(PromotionRow.creator_id == creator_id, PromotionRow.ends_at.is_(None))
        .order_by(PromotionRow.shop_id, PromotionRow.starts_at, PromotionRow.id)
    ).all()
