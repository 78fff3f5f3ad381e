"""What a change of terms would do: who earns how much from its start on, and who keeps the old rate until when."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations import calendar, rates
from connector.programme.collaborations.calendar import Span
from connector.programme.collaborations.offer import Offers, Promotion, Version
from connector.programme.collaborations.tables import PromotionRow, Terms

# Pairs of a creator and a product that are worked out; the number left out is said.
MOST = 2000
_NAMED = 5


class Group(msgspec.Struct, frozen=True):
    """Creators, each with a product, for whom the change means the same."""

    before: tuple[Span, ...]  # from the change's start on, without it
    after: tuple[Span, ...]  # with it
    creators: int
    products: int
    named: tuple[str, ...]  # ids of the first few

    @property
    def changed(self) -> bool:
        return _figures(self.before) != _figures(self.after)


class Preview(msgspec.Struct, frozen=True):
    starts_at: datetime
    before: tuple[Span, ...]  # for whoever begins with the product then
    after: tuple[Span, ...]
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
    versions: Sequence[Version], promotions: Sequence[Promotion], row: Terms, pairs: Sequence[tuple[str, str]],
    left_out: int = 0,
) -> Preview:  # fmt: skip
    """`of` without a database. Pure."""
    known = [version for version in versions if version.terms_id != row.id]
    old, new = Offers(known, promotions), Offers([*known, rates.as_version(row)], promotions)

    def both(creator_id: str | None, product_ref: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        asked: dict[str, Any] = {"creator_id": creator_id, "product_ref": product_ref, "since": row.starts_at}
        return tuple(calendar.spans(old, **asked)), tuple(calendar.spans(new, **asked))

    told: dict[Hashable, tuple[tuple[Span, ...], tuple[Span, ...]]] = {}
    groups: dict[Hashable, list[tuple[str, str]]] = {}
    spans: dict[Hashable, tuple[tuple[Span, ...], tuple[Span, ...]]] = {}
    for creator_id, product_ref in pairs:
        alike = _alike(new, creator_id, product_ref)
        if alike not in told:
            told[alike] = both(creator_id, product_ref)
        before, after = told[alike]
        key = (_figures(before), _figures(after))
        spans[key] = told[alike]
        groups.setdefault(key, []).append((creator_id, product_ref))
    found = [_group(*spans[key], held) for key, held in groups.items()]
    ordered = tuple(sorted(found, key=lambda group: (-group.creators, group.named)))
    return Preview(row.starts_at, *both(row.creator_id, row.product_ref), ordered, left_out)


def _alike(offers: Offers, creator_id: str, product_ref: str) -> Hashable:
    """Pairs that are alike have one calendar: thousands promote a product, and few have terms of their own."""
    bearing = calendar.bearing(offers.versions, creator_id, product_ref)
    own = creator_id if any(version.kind == "targeted" for version in bearing) else ""
    changes = [version.starts_at for version in bearing]
    held = [(p.starts_at, p.ends_at) for p in offers.promotions_of(creator_id, product_ref)]
    return own, product_ref, tuple((sum(start < c for c in changes), end) for start, end in sorted(held, key=str))


def _figures(spans: Sequence[Span]) -> Hashable:
    """What a reader sees of a calendar."""
    return tuple((span.ends_at, span.rate and (span.rate.rate_bp, span.rate.kind), span.why) for span in spans)


def _group(before: tuple[Span, ...], after: tuple[Span, ...], held: Sequence[tuple[str, str]]) -> Group:
    creators = sorted({creator for creator, _ in held})
    products = len({product for _, product in held})
    return Group(before, after, len(creators), products, tuple(creators[:_NAMED]))


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
