"""Rates as they stood at a moment (F1). Nothing here reads "now"."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.programme.collaborations.offer import Offers, Promotion, Rate, Version, in_force
from connector.programme.collaborations.tables import PromotionRow, Terms

_VERSION = (
    Terms.id, Terms.product_ref, Terms.rate_bp, Terms.version, Terms.starts_at, Terms.ends_at, Terms.kind,
    Terms.creator_id, Terms.ads_bp, Terms.new_buyer_bp, Terms.code_rates, Terms.calls_off,
)  # fmt: skip
_OF_ALL = sa.select(*_VERSION).where(
    Terms.shop_id == sa.bindparam("shop_id"),
    Terms.kind.in_(("open", "event", "store")),
    db.among(Terms.product_ref, "scopes"),
)
_TARGETED = sa.select(*_VERSION).where(
    db.among(Terms.creator_id, "creators"),
    Terms.shop_id == sa.bindparam("shop_id"),
    Terms.kind == "targeted",
    db.among(Terms.product_ref, "scopes"),
)
_BOTH = sa.union_all(_OF_ALL, _TARGETED)
_PROMOTED = sa.select(
    PromotionRow.creator_id, PromotionRow.product_ref, PromotionRow.starts_at, PromotionRow.ends_at
).where(
    db.among(PromotionRow.creator_id, "creators"),
    PromotionRow.shop_id == sa.bindparam("shop_id"),
    db.among(PromotionRow.product_ref, "products"),
)


def offers(session: Session, shop_id: str, product_refs: Collection[str], creator_ids: Collection[str]) -> Offers:
    """All that bears on these products and creators, at every moment: two queries, whatever their number.

    The second one, for promotions, is asked only where a rate was ever replaced: nothing else is protected.
    """
    found = _offers(session, shop_id, product_refs, creator_ids)
    other: Callable[[Offers], Offers] | None = session.info.get(_overlay_key(shop_id))
    return found if other is None else other(found)


def _offers(session: Session, shop_id: str, product_refs: Collection[str], creator_ids: Collection[str]) -> Offers:
    products, creators = sorted(set(product_refs)), sorted(set(creator_ids))
    ahead = db.known(session, _Ahead)
    if ahead is not None and ahead.covers(shop_id, products, creators):
        return ahead.offers(products, creators)
    connection = session.connection()
    asked = {"shop_id": shop_id, "scopes": ["", *products]}
    if creators:
        rows = connection.execute(_BOTH, {**asked, "creators": creators}).all()
    else:
        rows = connection.execute(_OF_ALL, asked).all()
    versions = [Version(*row) for row in rows]
    if not creators or not _replaced(versions):
        return Offers(versions)
    promoted = connection.execute(_PROMOTED, {"shop_id": shop_id, "creators": creators, "products": products})
    return Offers(versions, [Promotion(*row) for row in promoted])


@dataclass(frozen=True, slots=True)
class _Ahead:
    """All versions and promotions of a batch's products and creators; (kind's creator or None, product) → versions."""

    shop_id: str
    products: frozenset[str]
    creators: frozenset[str]
    versions: dict[tuple[str | None, str], list[Version]]
    promotions: dict[tuple[str, str], list[Promotion]] | None  # None: nothing was ever replaced

    def covers(self, shop_id: str, products: Collection[str], creators: Collection[str]) -> bool:
        return shop_id == self.shop_id and self.products.issuperset(products) and self.creators.issuperset(creators)

    def offers(self, products: Sequence[str], creators: Sequence[str]) -> Offers:
        wanted = ((whose, scope) for whose in (None, *creators) for scope in ("", *products))
        versions = [version for key in wanted for version in self.versions.get(key, ())]
        if self.promotions is None or not creators or not _replaced(versions):
            return Offers(versions)
        pairs = ((creator, product) for creator in creators for product in products)
        return Offers(versions, [each for pair in pairs for each in self.promotions.get(pair, ())])


def read_ahead(session: Session, shop_id: str, product_refs: Collection[str], creator_ids: Collection[str]) -> None:
    """Ask for all that bears on a whole batch's products and creators at once (`db.known`)."""
    products, creators = frozenset(product_refs), frozenset(creator_ids)
    connection = session.connection()
    asked = {"shop_id": shop_id, "scopes": ["", *sorted(products)], "creators": sorted(creators)}
    rows = [Version(*row) for row in connection.execute(_BOTH, asked)]
    versions: dict[tuple[str | None, str], list[Version]] = {}
    for version in rows:
        whose = version.creator_id if version.kind == "targeted" else None
        versions.setdefault((whose, version.product_ref), []).append(version)
    promotions: dict[tuple[str, str], list[Promotion]] | None = None
    if _replaced(rows):
        promotions = {}
        asked = {"shop_id": shop_id, "creators": sorted(creators), "products": sorted(products)}
        for row in connection.execute(_PROMOTED, asked):
            promotions.setdefault((row.creator_id, row.product_ref), []).append(Promotion(*row))
    db.know(session, _Ahead(shop_id, products, creators, versions, promotions))


@contextmanager
def overlaid(session: Session, shop_id: str, other: Callable[[Offers], Offers]) -> Iterator[None]:
    """Inside it this session's `offers` of the shop are what `other` makes of them; nothing is written."""
    session.info[_overlay_key(shop_id)] = other
    try:
        yield
    finally:
        session.info.pop(_overlay_key(shop_id), None)


def _overlay_key(shop_id: str) -> str:
    return f"offers:{shop_id}"


def _replaced(versions: Sequence[Version]) -> bool:
    """Has any of these taken the place of another of its kind? A product's own takes the place of the shop's too."""
    kinds = [(version.kind, version.creator_id) for version in versions]
    return len(set(kinds)) < len(kinds)


def open_rate(session: Session, shop_id: str, product_ref: str, moment: datetime) -> Rate | None:
    """What anybody earns on a product at `moment`, with the version it comes from. None: nothing was offered then."""
    return in_force(open_versions(session, shop_id, [product_ref]), product_ref, moment)


def has_own_terms(session: Session, shop_id: str, creator_id: str, moment: datetime) -> bool:
    """Has the shop made terms with this creator that hold at `moment`?"""
    found = sa.select(Terms.id).where(
        Terms.shop_id == shop_id, Terms.creator_id == creator_id, Terms.kind == "targeted", Terms.starts_at <= moment,
        Terms.ends_at > moment, Terms.rate_bp.is_not(None),
    )  # fmt: skip
    return session.execute(found.limit(1)).first() is not None


def open_versions(session: Session, shop_id: str, product_refs: Collection[str]) -> list[Version]:
    """Every version that the shop offers to anybody, for these products and for the whole shop: one query."""
    rows = session.connection().execute(_OF_ALL, {"shop_id": shop_id, "scopes": ["", *product_refs]})
    return [Version(*row) for row in rows]


def as_version(row: Terms) -> Version:
    """A row as the rules read it; one that is kept nowhere too."""
    return Version(
        row.id, row.product_ref, row.rate_bp, row.version, row.starts_at, row.ends_at, row.kind, row.creator_id,
        row.ads_bp, row.new_buyer_bp, dict(row.code_rates), row.calls_off,
    )  # fmt: skip


def history(session: Session, shop_id: str, creator_id: str | None = None) -> Sequence[Terms]:
    """Every version of a shop's terms, by scope and version; of what one creator is offered where one is named."""
    return session.scalars(_every(shop_id, creator_id)).all()


def history_behind(
    session: Session, shop_id: str, creator_id: str | None, after: Sequence[str | int] | None, limit: int
) -> Sequence[Terms]:
    """As many of the same, behind one by its `place`."""
    asked = _every(shop_id, creator_id)
    if after is not None:
        # The first two as well by themselves: they are in an index.
        asked = asked.where(sa.tuple_(*_PLACE[:2]) >= sa.tuple_(*after[:2]), sa.tuple_(*_PLACE) > sa.tuple_(*after))
    return session.scalars(asked.limit(limit)).all()


def place(row: Terms) -> list[str | int]:
    """Where a version stands in its shop's history."""
    return [row.kind, row.product_ref, row.creator_id or "", row.version, row.id]


# By scope and version; two events may cover the same. No creator is before all creators, on both databases.
_PLACE: Any = (Terms.kind, Terms.product_ref, sa.func.coalesce(Terms.creator_id, ""), Terms.version, Terms.id)


def _every(shop_id: str, creator_id: str | None) -> sa.Select[Terms]:
    asked = sa.select(Terms).where(Terms.shop_id == shop_id)
    if creator_id is not None:
        asked = asked.where(sa.or_(Terms.creator_id.is_(None), Terms.creator_id == creator_id))
    return asked.order_by(*_PLACE)


def newest(session: Session, shop_id: str, limit: int) -> Sequence[Terms]:
    """What was recorded last, newest first."""
    return session.scalars(
        sa.select(Terms)
        .where(Terms.shop_id == shop_id)
        .order_by(Terms.recorded_at.desc(), Terms.id.desc())
        .limit(limit)
    ).all()


def living(session: Session, shop_id: str, moment: datetime, limit: int) -> Sequence[Terms]:
    """Every version of the scopes in which something stands at `moment` or comes after it, each scope in its order.

    Of one creator each: the `limit` scopes whose terms end last.
    """
    everybodys = session.scalars(
        sa.select(Terms)
        .where(Terms.shop_id == shop_id, Terms.kind != "targeted")
        .order_by(Terms.kind, Terms.product_ref, Terms.version)
    ).all()
    scopes = session.execute(
        sa.select(Terms.creator_id, Terms.product_ref)
        .where(Terms.shop_id == shop_id, Terms.kind == "targeted", Terms.ends_at > moment)
        .group_by(Terms.creator_id, Terms.product_ref)
        .order_by(sa.func.max(Terms.ends_at).desc(), Terms.creator_id, Terms.product_ref)
        .limit(limit)
    ).all()
    if not scopes:
        return everybodys
    asked = sa.tuple_(Terms.creator_id, Terms.product_ref).in_([tuple(scope) for scope in scopes])
    own = session.scalars(
        sa.select(Terms)
        .where(Terms.shop_id == shop_id, Terms.kind == "targeted", asked)
        .order_by(Terms.creator_id, Terms.product_ref, Terms.version)
    ).all()
    return [*everybodys, *own]
