"""What a change of terms would do: who earns how much from its start on, and who keeps the old rate until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import Offers, Promotion, Rate, Version, rate_at
from connector.programme.collaborations.tables import PromotionRow, Terms

# Pairs of a creator and a product that are worked out; the number left out is said.
MOST = 2000
_NAMED = 5


class Group(msgspec.Struct, frozen=True):
    """Creators, each with a product, for whom the change means the same. Rates are basis points, None: nothing."""

    before_bp: int | None  # at the change's start, without it
    after_bp: int | None  # with it
    kept_until: datetime | None  # an older rate is kept until then
    then_bp: int | None  # after that
    targeted: bool  # their own terms count, before and after
    creators: int
    products: int
    named: tuple[str, ...]  # ids of the first few


class Preview(msgspec.Struct, frozen=True):
    starts_at: datetime
    before: Rate | None  # for whoever begins with the product then
    after: Rate | None
    groups: tuple[Group, ...]  # of those who promote it now, most creators first
    left_out: int  # pairs beyond `MOST`


def of(session: Session, row: Terms) -> Preview:
    """What the version `row` would do, kept or not."""
    pairs, left_out = _pairs(session, row)
    products = sorted({product for _, product in pairs} | ({row.product_ref} if row.product_ref else set()))
    creators = {creator for creator, _ in pairs}
    offers = rates.offers(session, row.shop_id, products, creators)
    promotions = _promotions(session, row.shop_id, creators, products)
    return worked_out(offers.versions, promotions, row, pairs, left_out)


def worked_out(
    versions: Sequence[Version], promotions: Sequence[Promotion], row: Terms,
    pairs: Sequence[tuple[str, str]], left_out: int = 0,
) -> Preview:  # fmt: skip
    """`of` without a database. Pure."""
    known = [version for version in versions if version.terms_id != row.id]
    old, new = Offers(known, promotions), Offers([*known, rates.as_version(row)], promotions)
    starts = row.starts_at
    groups: dict[tuple[int | None, int | None, datetime | None, int | None, bool], list[tuple[str, str]]] = {}
    for creator_id, product_ref in pairs:
        before = rate_at(old, creator_id=creator_id, product_ref=product_ref, moment=starts)
        after = rate_at(new, creator_id=creator_id, product_ref=product_ref, moment=starts)
        kept = after.kept_until if after is not None else None
        then = None
        if kept is not None:
            found = rate_at(new, creator_id=creator_id, product_ref=product_ref, moment=kept)
            then = None if found is None else found.rate_bp
        key = (
            None if before is None else before.rate_bp, None if after is None else after.rate_bp, kept, then,
            after is not None and after.kind == "targeted" and row.kind != "targeted",
        )  # fmt: skip
        groups.setdefault(key, []).append((creator_id, product_ref))
    anybody = row.creator_id
    return Preview(
        starts,
        rate_at(old, creator_id=anybody, product_ref=row.product_ref, moment=starts),
        rate_at(new, creator_id=anybody, product_ref=row.product_ref, moment=starts),
        tuple(sorted((_group(key, held) for key, held in groups.items()), key=lambda g: (-g.creators, g.named))),
        left_out,
    )


def _group(
    key: tuple[int | None, int | None, datetime | None, int | None, bool], held: Sequence[tuple[str, str]]
) -> Group:
    creators = sorted({creator for creator, _ in held})
    return Group(*key, len(creators), len({product for _, product in held}), tuple(creators[:_NAMED]))


def _pairs(session: Session, row: Terms) -> tuple[list[tuple[str, str]], int]:
    """(creator, product) of everyone whom the change may concern, and how many more there are."""
    asked = sa.select(PromotionRow.creator_id, PromotionRow.product_ref).where(
        PromotionRow.shop_id == row.shop_id, PromotionRow.ends_at.is_(None)
    )
    if row.product_ref:
        asked = asked.where(PromotionRow.product_ref == row.product_ref)
    if row.creator_id is not None:
        asked = asked.where(PromotionRow.creator_id == row.creator_id)
    number = session.scalar(sa.select(sa.func.count()).select_from(asked.subquery())) or 0
    found = session.execute(asked.order_by(PromotionRow.starts_at, PromotionRow.id).limit(MOST)).all()
    pairs = [(creator, product) for creator, product in found]
    if row.creator_id is not None and not pairs:
        pairs = [(row.creator_id, row.product_ref)]
    return pairs, max(0, number - len(found))


def _promotions(
    session: Session, shop_id: str, creators: Collection[str], products: Collection[str]
) -> list[Promotion]:
    """Those that the kept rates rest on. `rates.offers` may leave them out: before the change nothing is replaced."""
    found = session.execute(
        sa.select(
            PromotionRow.creator_id, PromotionRow.product_ref, PromotionRow.starts_at, PromotionRow.ends_at
        ).where(
            PromotionRow.shop_id == shop_id,
            PromotionRow.creator_id.in_(sorted(creators)),
            PromotionRow.product_ref.in_(list(products)),
        )
    )
    return [Promotion(*each) for each in found]
