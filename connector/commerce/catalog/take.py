"""Taking whole products in, as webhooks and reads bring them; and taking note that some are gone.

A product is applied whole or not at all. An older body than the one we hold changes nothing; what did not change by
content is not written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import changes, refusals, rows
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.settle import settle
from connector.commerce.catalog.shoppable import Facts, decide
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.events import Product
from connector.platforms.contract import RefusedItem


@dataclass(frozen=True, slots=True)
class Counts:
    """How many products were written, were the same, or came in a body older than what we hold."""

    written: int = 0
    same: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold of a listing, as far as taking the product in asks."""

    changed_at: datetime | None  # the store's time of it
    gone_at: datetime | None
    content_hash: str
    images: str
    rule: str  # that keeps it out
    settled: rows.Row


def apply_products(
    session: Session,
    shop: Shop,
    products: Sequence[Product],
    run_id: str = "",
    now: datetime | None = None,
    *,
    force: bool = False,
) -> Counts:
    """Upsert products with all their variants; variants that a product no longer has get a tombstone.

    `run_id`: a sync run brings them, which leaves its mark on what it writes. `force`: what we hold is not believed, so
    that all of it is written again. A few statements a call, however many products: hundreds at once are cheapest.
    Errors: ValueError for a product whose variants are cut: it must be read again first.
    """
    now = now or clock.now()
    session.flush()
    fresh = _newest(products)
    held = _held(session, shop.id, fresh)
    current = {
        ref: product for ref, product in fresh.items() if force or not _stale(held.get(ref), product)
    }  # fmt: skip
    stale = len(fresh) - len(current)
    if not current:
        return Counts(stale=stale)
    believed = {} if force else held
    make = rows.Rows(session, shop.id, run_id, now)
    moved = _write_variants(session, shop, current, make, force=force)
    ruled = {ref: each.rule for ref, each in held.items()}  # a verdict outlives what isn't believed
    heads = _write_heads(session, shop, current, make, believed, ruled, None if run_id else now)
    rows.touch(session, shop.id, sorted(moved - heads), now)
    changed = moved | heads
    refusals.drop(session, shop.id, list(current))
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
    refusals.drop(session, shop_id, refs)
    return count


def bury(
    session: Session, shop_id: str, refs: Sequence[str], now: datetime, *, whole_at: datetime | None = None
) -> None:
    """Tombstones for the live listings of `refs` and for their live variants."""
    values: dict[str, object] = {"status": "gone", "reason": "deleted", "available": False, "gone_at": now}
    # `now` may be the store's moment, and long past: that it changed here is news of this minute.
    told = max(now, clock.now())
    if whole_at is not None:
        values["whole_at"] = whole_at
    session.execute(
        sa.update(Listing)
        .where(Listing.shop_id == shop_id, rows.among(session, Listing.product_ref, refs), Listing.gone_at.is_(None))
        .values(**values, updated_at=told, variant_count=0)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.update(VariantRow)
        .where(
            VariantRow.shop_id == shop_id,
            rows.among(session, VariantRow.product_ref, refs),
            VariantRow.gone_at.is_(None),
        )
        .values(gone_at=now, updated_at=told)
        .execution_options(synchronize_session=False)
    )
    changes.note(session, shop_id, refs)
    _forget(session)


def refuse(
    session: Session, shop: Shop, items: Sequence[RefusedItem], now: datetime | None = None, run_id: str = ""
) -> None:
    """These products can't be read whole any more: nothing of them is sold until they can, and they are listed."""
    if items:
        now = now or clock.now()
        reasons = {item.product_ref: item.reason for item in items}
        refusals.note(
            session, shop.id, [(item.product_ref, item.title, item.reason, item.detail) for item in items], now, run_id
        )
        settle(session, shop, list(reasons), now, refused=reasons)
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


def _held(session: Session, shop_id: str, products: Iterable[str]) -> dict[str, Held]:
    found = session.execute(
        sa.select(
            Listing.product_ref, Listing.store_changed_at, Listing.gone_at, Listing.content_hash,
            sa.cast(Listing.images, sa.Text), Listing.rule,
            *(getattr(Listing, name) for name in rows.SETTLED),
        )
        .where(rows.among(session, Listing.id, [listing_id(shop_id, ref) for ref in products]))
        .with_for_update()
    )  # fmt: skip
    return {row[0]: Held(row[1], row[2], row[3], row[4], row[5], tuple(row[6:])) for row in found}


def _stale(held: Held | None, product: Product) -> bool:
    if held is None or product.changed_at is None:
        return False
    return _older(product.changed_at, held.changed_at) or (
        held.gone_at is not None and product.changed_at <= held.gone_at
    )


def _older(left: datetime | None, right: datetime | None) -> bool:
    return left is not None and right is not None and left < right


def _write_heads(
    session: Session,
    shop: Shop,
    products: dict[str, Product],
    make: rows.Rows,
    held: Mapping[str, Held],
    ruled: Mapping[str, str],
    whole_at: datetime | None,
) -> set[str]:
    """Refs of the products whose own row changed, in itself or in what follows from its variants.

    `whole_at`: set on all of them. A run leaves it alone: only one runs at a time, so none overtakes another.
    """
    changed: set[str] = set()
    written: list[rows.Row] = []
    followed: list[rows.Row] = []
    same: dict[str, datetime | None] = {}
    for ref, product in products.items():
        key = listing_id(shop.id, ref)
        head = rows.weigh_head(product)
        after = _settled(shop, product, ruled.get(ref, ""))
        before = held.get(ref)
        if (
            before is None
            or before.gone_at is not None
            or before.content_hash != head.content_hash
            or not _same_images(before.images, product.images)
        ):
            changed.add(ref)
            written.append(make.listing(key, head, after, whole_at))
            continue
        if before.settled != after:
            changed.add(ref)
            followed.append((key, *after))
        if before.changed_at != product.changed_at or whole_at is not None:
            same[key] = product.changed_at
    rows.upsert_whole(session, written, seen=whole_at is None)
    rows.settle_listings(session, followed, make.at)
    rows.note_times(session, same, whole_at)
    return changed


def _settled(shop: Shop, product: Product, rule: str) -> rows.Row:
    """What follows from a whole product, in the order of rows.SETTLED."""
    prices = [variant.price for variant in product.variants]
    low, high = (min(prices), max(prices)) if prices else (0, 0)
    available = any(variant.available for variant in product.variants)
    status, reason = decide(
        Facts(
            shop.status != "left", False, product.status, product.published, product.gift_card, len(prices), high,
            available, bool(rule),
        )
    )  # fmt: skip
    return (low, high, available, len(prices), "", status, reason)


def _same_images(held: str, images: tuple[str, ...]) -> bool:
    return held == rows.images_json(images) or tuple(msgspec.json.decode(held)) == images


def _write_variants(
    session: Session, shop: Shop, products: dict[str, Product], make: rows.Rows, *, force: bool
) -> set[str]:
    """Refs of the products of which a variant came, changed or went."""
    held = {
        key: (ref, content_hash)
        for key, ref, content_hash in session.execute(
            sa.select(VariantRow.id, VariantRow.product_ref, VariantRow.content_hash).where(
                VariantRow.shop_id == shop.id,
                rows.among(session, VariantRow.product_ref, list(products)),
                VariantRow.gone_at.is_(None),
            )
        )
    }
    changed: set[str] = set()
    written: dict[str, rows.Row] = {}
    for ref, product in products.items():
        for variant in product.variants:
            weighed = rows.weigh_variant(variant, ref)
            key = variant_id(shop.id, variant.variant_ref)
            before = held.pop(key, None)
            if force or before is None or before[1] != weighed.content_hash:
                changed.add(ref)
                written[key] = make.variant(key, weighed, ref)
    rows.upsert_variants(session, list(written.values()), seen=bool(make.run_id))
    lost = [key for key in held if key not in written]
    if lost:
        changed.update(held[key][0] for key in lost)
        session.execute(
            sa.update(VariantRow)
            .where(rows.among(session, VariantRow.id, lost))
            .values(gone_at=make.at, updated_at=make.at)
            .execution_options(synchronize_session=False)
        )
    return changed
