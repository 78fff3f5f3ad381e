"""Reads of the shoppable list."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.tables import Listing, VariantRow


def listing(session: Session, known_id: str) -> Listing | None:
    return session.get(Listing, known_id)


def by_ref(session: Session, shop_id: str, product_ref: str) -> Listing | None:
    return session.get(Listing, listing_id(shop_id, product_ref))


def titles(session: Session, shop_id: str, product_refs: Collection[str]) -> dict[str, str]:
    """Product ref → title, of gone ones too; those that were never known are absent."""
    rows = session.execute(
        sa.select(Listing.product_ref, Listing.title).where(
            Listing.shop_id == shop_id, Listing.product_ref.in_(list(product_refs))
        )
    )
    return {row[0]: row[1] for row in rows}


def in_another_currency(session: Session, shop_id: str, currency: str) -> bool:
    """Is a live listing of the shop held in another currency than that one?"""
    other = sa.exists().where(Listing.shop_id == shop_id, Listing.gone_at.is_(None), Listing.currency != currency)
    return bool(session.scalar(sa.select(sa.literal(True)).where(other)))


def variant(session: Session, shop_id: str, variant_ref: str) -> VariantRow | None:
    """A variant by the platform's id, gone ones too."""
    return session.get(VariantRow, variant_id(shop_id, variant_ref))


def variants(session: Session, shop_id: str, product_ref: str, *, gone: bool = False) -> list[VariantRow]:
    """A product's variants in the store's order; live ones only unless `gone`."""
    asked = sa.select(VariantRow).where(VariantRow.shop_id == shop_id, VariantRow.product_ref == product_ref)
    if not gone:
        asked = asked.where(VariantRow.gone_at.is_(None))
    return list(session.scalars(asked.order_by(VariantRow.position, VariantRow.variant_ref)))


def first_buyable(session: Session, shop_id: str, product_ref: str) -> VariantRow | None:
    """The variant that a link to the product as a whole puts into the cart."""
    return session.scalar(
        sa.select(VariantRow)
        .where(
            VariantRow.shop_id == shop_id,
            VariantRow.product_ref == product_ref,
            VariantRow.gone_at.is_(None),
            VariantRow.available,
        )
        .order_by(VariantRow.position, VariantRow.variant_ref)
        .limit(1)
    )


def by_title(
    session: Session,
    *,
    shop_id: str | None = None,
    status: str | None = None,
    reason: str | None = None,
    cursor: tuple[str, str] | None = None,
    limit: int = 50,
) -> list[Listing]:
    """Listings in the order of their titles. (Words are looked up in `insight.market.search`.)

    Shape:  at most `limit`, ordered by (lower-case beginning of the title, id); go on with `cursor` = `place(last)`. A
            listing that is added or changed meanwhile moves nobody else, so no item comes twice or is left out.
            `status` None leaves out the gone ones.
    """
    asked = sa.select(Listing)
    if shop_id is not None:
        asked = asked.where(Listing.shop_id == shop_id)
    asked = asked.where(Listing.status == status) if status else asked.where(Listing.status != "gone")
    if reason:
        asked = asked.where(Listing.reason == reason)
    title = _title(session)
    if cursor is not None:
        asked = asked.where(sa.tuple_(title, Listing.id) > sa.tuple_(sa.literal(cursor[0]), sa.literal(cursor[1])))
    return list(session.scalars(asked.order_by(title, Listing.id).limit(limit)))


def place(session: Session, row: Listing) -> tuple[str, str]:
    """The cursor behind `row`, by the database's own idea of lower case."""
    folded = session.scalar(sa.select(_title(session)).where(Listing.id == row.id))
    return (folded or "", row.id)


def _title(session: Session) -> sa.ColumnElement[str]:
    """The same order on both: bytes of the lower-case title, not a locale's idea of it. As the indexes have it.

    Its beginning only: an entry of an index on PostgreSQL has its limit at 2.7 kB. The numbers are literals, since an
    index on an expression is used for that very expression.
    """
    folded = sa.func.lower(sa.func.substr(Listing.title, sa.literal_column("1"), sa.literal_column("80")))
    return folded if session.get_bind().dialect.name == "sqlite" else sa.collate(folded, "C")


def counts(session: Session, shop_id: str) -> dict[str, int]:
    """status → number of listings."""
    rows = session.execute(
        sa.select(Listing.status, sa.func.count()).where(Listing.shop_id == shop_id).group_by(Listing.status)
    )
    return {row[0]: row[1] for row in rows}


def reasons(session: Session, shop_id: str) -> dict[str, int]:
    """reason → number of listings that aren't shoppable for it."""
    rows = session.execute(
        sa.select(Listing.reason, sa.func.count())
        .where(Listing.shop_id == shop_id, Listing.status == "not_shoppable")
        .group_by(Listing.reason)
    )
    return {row[0]: row[1] for row in rows}


def live_refs(session: Session, shop_id: str, after: str = "", limit: int = 2000) -> Sequence[str]:
    """Product refs of the shop's live listings, in order, behind `after`."""
    return session.scalars(
        sa.select(Listing.product_ref)
        .where(Listing.shop_id == shop_id, Listing.gone_at.is_(None), Listing.product_ref > after)
        .order_by(Listing.product_ref)
        .limit(limit)
    ).all()


def whole(
    session: Session, shop_id: str, product_refs: Sequence[str]
) -> tuple[list[Listing], dict[str, list[VariantRow]]]:
    """Some products with their live variants, in two queries; heads by product ref, variants in the store's order."""
    heads = session.scalars(
        sa.select(Listing)
        .where(Listing.shop_id == shop_id, Listing.product_ref.in_(product_refs))
        .order_by(Listing.product_ref)
    ).all()
    rows: dict[str, list[VariantRow]] = {head.product_ref: [] for head in heads}
    for row in session.scalars(
        sa.select(VariantRow)
        .where(VariantRow.shop_id == shop_id, VariantRow.product_ref.in_(list(rows)), VariantRow.gone_at.is_(None))
        .order_by(VariantRow.position, VariantRow.variant_ref)
    ):
        rows[row.product_ref].append(row)
    return list(heads), rows
