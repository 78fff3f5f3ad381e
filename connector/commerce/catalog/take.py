"""Taking whole products in, as webhooks and reads bring them; and taking note that some are gone.

A product is applied whole or not at all. An older body than the one we hold changes nothing; what did not change by
content is not written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import changes, rows
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.settle import settle
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.events import Product


@dataclass(frozen=True, slots=True)
class Counts:
    """How many products were written, were the same, or came in a body older than what we hold."""

    written: int = 0
    same: int = 0
    stale: int = 0


def apply_products(
    session: Session, shop: Shop, products: Sequence[Product], run_id: str = "", now: datetime | None = None
) -> Counts:
    """Upsert products with all their variants; variants that a product no longer has get a tombstone.

    Errors: ValueError for a product whose variants are cut: it must be read again first.
    """
    now = now or clock.now()
    session.flush()
    fresh = _newest(products)
    held = _held(session, shop.id, fresh)
    current = {ref: product for ref, product in fresh.items() if not _stale(held.get(ref), product)}
    stale = len(fresh) - len(current)
    if not current:
        return Counts(stale=stale)
    changed = _write_heads(session, shop, current, run_id, now) | _write_variants(session, shop, current, run_id, now)
    refs = list(current)
    session.execute(
        sa.update(Listing)
        .where(Listing.shop_id == shop.id, rows.among(session, Listing.product_ref, refs))
        .values(whole_at=now)
        .execution_options(synchronize_session=False)
    )
    settle(session, shop, refs, now, refused={})
    changes.note(session, shop.id, changed)
    _forget(session)
    return Counts(written=len(changed), same=len(current) - len(changed), stale=stale)


def mark_gone(session: Session, shop_id: str, product_refs: Iterable[str], now: datetime | None = None) -> int:
    """Give listings and their variants a tombstone; how many were live. Unknown refs are no error.

    `now` is the store's own moment where one is known: a body of the product older than it will not revive it.
    """
    now = now or clock.now()
    refs = list(product_refs)
    live = (Listing.shop_id == shop_id, rows.among(session, Listing.product_ref, refs), Listing.gone_at.is_(None))
    count = session.scalar(sa.select(sa.func.count()).select_from(Listing).where(*live)) or 0
    bury(session, shop_id, refs, now, whole_at=max(now, clock.now()))
    return count


def bury(
    session: Session, shop_id: str, refs: Sequence[str], now: datetime, *, whole_at: datetime | None = None
) -> None:
    """Tombstones for the live listings of `refs` and for their live variants."""
    values: dict[str, object] = {"status": "gone", "reason": "deleted", "available": False, "gone_at": now}
    if whole_at is not None:
        values["whole_at"] = whole_at
    session.execute(
        sa.update(Listing)
        .where(Listing.shop_id == shop_id, rows.among(session, Listing.product_ref, refs), Listing.gone_at.is_(None))
        .values(**values, updated_at=now, variant_count=0)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.update(VariantRow)
        .where(
            VariantRow.shop_id == shop_id,
            rows.among(session, VariantRow.product_ref, refs),
            VariantRow.gone_at.is_(None),
        )
        .values(gone_at=now, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    changes.note(session, shop_id, refs)
    _forget(session)


def refuse(session: Session, shop: Shop, reasons: Mapping[str, str], now: datetime | None = None) -> None:
    """These products can't be read whole any more (ref → reason): nothing of them is sold until they can."""
    if reasons:
        settle(session, shop, list(reasons), now or clock.now(), refused=reasons)
        _forget(session)


def shop_changed(session: Session, shop: Shop, now: datetime | None = None) -> int:
    """The shop left or came back: decide every live listing anew; how many changed."""
    now = now or clock.now()
    after, changed = "", 0
    while True:
        refs = list(
            session.scalars(
                sa.select(Listing.product_ref)
                .where(Listing.shop_id == shop.id, Listing.product_ref > after, Listing.gone_at.is_(None))
                .order_by(Listing.product_ref)
                .limit(2000)
            )
        )
        if not refs:
            _forget(session)
            return changed
        changed += settle(session, shop, refs, now)
        after = refs[-1]


def _forget(session: Session) -> None:
    """Rows were written below the ORM: what the session holds of them is read again when asked for."""
    for held in list(session.identity_map.values()):
        if isinstance(held, Listing | VariantRow):
            session.expire(held)


def _newest(products: Sequence[Product]) -> dict[str, Product]:
    """One body a product: the newest of those that came together, the later one where times are equal."""
    found: dict[str, Product] = {}
    for product in products:
        if not product.variants_complete:
            raise ValueError(f"product {product.product_ref} is cut: read it again first")
        other = found.get(product.product_ref)
        if other is None or not _older(product.changed_at, other.changed_at):
            found[product.product_ref] = product
    return found


def _held(
    session: Session, shop_id: str, products: Iterable[str]
) -> dict[str, tuple[datetime | None, datetime | None]]:
    """product ref → (the store's time of the version we hold, when it went)."""
    found = session.execute(
        sa.select(Listing.product_ref, Listing.store_changed_at, Listing.gone_at)
        .where(Listing.shop_id == shop_id, rows.among(session, Listing.product_ref, list(products)))
        .with_for_update()
    )
    return {ref: (changed_at, gone_at) for ref, changed_at, gone_at in found}


def _stale(held: tuple[datetime | None, datetime | None] | None, product: Product) -> bool:
    if held is None or product.changed_at is None:
        return False
    changed_at, gone_at = held
    return _older(product.changed_at, changed_at) or (gone_at is not None and product.changed_at <= gone_at)


def _older(left: datetime | None, right: datetime | None) -> bool:
    return left is not None and right is not None and left < right


def _write_heads(session: Session, shop: Shop, products: dict[str, Product], run_id: str, now: datetime) -> set[str]:
    """Refs of the products whose own row changed."""
    make = rows.Rows(session, shop.id, run_id, now)
    known = rows.known(session, Listing, [listing_id(shop.id, ref) for ref in products])
    images = {
        ref: tuple(held)
        for ref, held in session.execute(
            sa.select(Listing.product_ref, Listing.images).where(
                Listing.shop_id == shop.id, rows.among(session, Listing.product_ref, list(products))
            )
        )
    }
    changed: set[str] = set()
    written: list[rows.Row] = []
    for ref, product in products.items():
        head = rows.weigh_head(product)
        key = listing_id(shop.id, ref)
        if known.get(key) != head.content_hash or images.get(ref) != product.images:
            changed.add(ref)
            written.append(make.listing(key, head))
    rows.upsert_listings(session, written)
    for ref, product in products.items():
        values: dict[str, object] = {"store_changed_at": product.changed_at}
        if ref in changed:
            values["images"] = list(product.images)
        session.execute(
            sa.update(Listing)
            .where(Listing.shop_id == shop.id, Listing.product_ref == ref)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    return changed


def _write_variants(session: Session, shop: Shop, products: dict[str, Product], run_id: str, now: datetime) -> set[str]:
    """Refs of the products of which a variant came, changed or went."""
    make = rows.Rows(session, shop.id, run_id, now)
    changed: set[str] = set()
    for ref, product in products.items():
        held = {
            row.variant_ref: row.content_hash
            for row in session.execute(
                sa.select(VariantRow.variant_ref, VariantRow.content_hash).where(
                    VariantRow.shop_id == shop.id, VariantRow.product_ref == ref, VariantRow.gone_at.is_(None)
                )
            )
        }
        weighed = {variant.variant_ref: rows.weigh_variant(variant, ref) for variant in product.variants}
        written = [
            make.variant(variant_id(shop.id, variant_ref), variant, ref)
            for variant_ref, variant in weighed.items()
            if held.get(variant_ref) != variant.content_hash
        ]
        lost = [variant_ref for variant_ref in held if variant_ref not in weighed]
        rows.upsert_variants(session, written)
        if lost:
            session.execute(
                sa.update(VariantRow)
                .where(VariantRow.shop_id == shop.id, rows.among(session, VariantRow.variant_ref, lost))
                .values(gone_at=now, updated_at=now)
                .execution_options(synchronize_session=False)
            )
        if written or lost:
            changed.add(ref)
    return changed
