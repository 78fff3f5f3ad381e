"""Dry runs: what a run would change, product by product, as a person reads it. Nothing of the catalog is written.

The same stream as of a real run, compared with the rows that are held by the same hashes. A difference is kept a
product, with what was and what would be; what came is noted, so that at the end what did not come is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, money
from connector.commerce.catalog import rows
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Scope
from connector.errors import RunRefused
from connector.events import Product, Variant
from connector.sync import runs
from connector.sync.tables import SEEN, SyncDifference, SyncRefusal, SyncRun

MOST_DETAILS = 40  # of one product; more are counted in a last line
LONGEST = 120  # characters of a text that is shown
GONE_AT_ONCE = 10_000  # each looks through all that came

# What is told of a product's own row: our column, the event's field, what a person calls it.
_HEAD = (
    ("title", "title", "title"), ("handle", "handle", "handle"), ("vendor", "vendor", "vendor"),
    ("category", "category", "type"), ("taxonomy_name", "taxonomy_name", "category"),
    ("condition", "condition", "condition"), ("store_status", "status", "status"),
    ("published", "published", "published"), ("gift_card", "gift_card", "gift card"),
    ("currency", "currency", "currency"), ("url", "url", "address"), ("image_url", "image_url", "main image"),
    ("description", "description", "description"),
)  # fmt: skip
_VARIANT = (
    ("title", "title"), ("sku", "SKU"), ("barcode", "barcode"), ("price", "price"), ("compare_at", "price before"),
    ("available", "for sale"), ("stock", "stock"), ("position", "place"), ("gtin", "GTIN"), ("mpn", "part number"),
)  # fmt: skip
Detail = list[str]  # what, before, after


class _Found:
    """Differences of a part of the stream, a product each."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.titles: dict[str, str] = {}
        self.details: dict[str, list[Detail]] = {}

    def add(self, ref: str, kind: str, title: str, details: Iterable[Detail] = ()) -> None:
        if self.kinds.get(ref) in (None, "changed"):
            self.kinds[ref] = kind
        self.titles[ref] = title or self.titles.get(ref, "")
        self.details.setdefault(ref, []).extend(details)


def note_batch(
    session: Session, run: SyncRun, heads: Sequence[rows.Weighed], variants: Sequence[tuple[rows.Weighed, str]]
) -> None:
    """A part of a bulk file, whose heads and variants come apart."""
    found = _Found()
    _compare_heads(session, run, [head.value for head in heads], found)
    _compare_variants(session, run, [(weighed.value, ref) for weighed, ref in variants], found)
    _keep(session, run, found)


def note_products(session: Session, run: SyncRun, products: Sequence[Product]) -> None:
    """Whole products of a page: a variant that isn't there would go."""
    found = _Found()
    variants = [(variant, product.product_ref) for product in products for variant in product.variants]
    _compare_heads(session, run, products, found, images=True)
    _compare_variants(session, run, variants, found)
    came = {variant_id(run.shop_id, variant.variant_ref) for variant, _ in variants}
    held = session.execute(
        sa.select(VariantRow.id, VariantRow.product_ref, VariantRow.title).where(
            VariantRow.shop_id == run.shop_id, VariantRow.gone_at.is_(None),
            rows.among(session, VariantRow.product_ref, [product.product_ref for product in products]),
        )
    )  # fmt: skip
    titles = {product.product_ref: product.title for product in products}
    for key, ref, title in held:
        if key not in came:
            found.add(ref, "changed", titles[ref], [[f"variant {title}", "for sale at the store", "gone"]])
    _keep(session, run, found)


def _compare_heads(
    session: Session, run: SyncRun, products: Sequence[Product], found: _Found, *, images: bool = False
) -> None:
    by_key = {listing_id(run.shop_id, product.product_ref): product for product in products}
    held = _held(session, Listing, by_key, ("content_hash", "gone_at", "images", *(name for name, _, _ in _HEAD)))
    for key, product in by_key.items():
        before = held.get(key)
        if before is None or before["gone_at"] is not None:
            found.add(product.product_ref, "new", product.title)
            continue
        details = []
        if before["content_hash"] != rows.weigh_head(product).content_hash:
            details = _head_details(before, product)
        if images and list(before["images"]) != list(product.images):
            details.append(["images", f"{len(before['images'])} images", f"{len(product.images)} images"])
        if details:
            found.add(product.product_ref, "changed", product.title, details)
    _seen(session, run, "product", by_key)


def _head_details(before: Mapping[str, Any], product: Product) -> list[Detail]:
    details = []
    for column, name, said in _HEAD:
        after = getattr(product, name)
        if column == "image_url" and not after:
            continue  # the first of the images, which come apart
        if before[column] != after:
            details.append([said, _text(before[column]), _text(after)])
    return details or [["other facts", "as held", "as the store has them"]]


def _compare_variants(session: Session, run: SyncRun, variants: Sequence[tuple[Variant, str]], found: _Found) -> None:
    by_key = {variant_id(run.shop_id, variant.variant_ref): (variant, ref) for variant, ref in variants}
    names = ("content_hash", "gone_at", *(name for name, _ in _VARIANT))
    held = _held(session, VariantRow, by_key, names)
    listed = _listed(session, run.shop_id, {ref for _, ref in by_key.values()})
    for key, (variant, ref) in by_key.items():
        if ref not in listed:
            continue  # its product is new: said once
        title, currency = listed[ref]
        name = f"variant {variant.title or variant.variant_ref}"
        before = held.get(key)
        if before is None or before["gone_at"] is not None:
            found.add(ref, "changed", title, [[name, "not there", _price(variant.price, currency)]])
        elif before["content_hash"] != rows.weigh_variant(variant, ref).content_hash:
            found.add(ref, "changed", title, _variant_details(name, before, variant, currency))
    _seen(session, run, "variant", by_key)


def _variant_details(name: str, before: Mapping[str, Any], variant: Variant, currency: str) -> list[Detail]:
    details = []
    for column, said in _VARIANT:
        was, is_now = before[column], getattr(variant, column)
        if was != is_now:
            shown = (_price(was, currency), _price(is_now, currency)) if column in ("price", "compare_at") else (
                _text(was), _text(is_now),
            )  # fmt: skip
            details.append([f"{name}: {said}", *shown])
    return details or [[f"{name}: other facts", "as held", "as the store has them"]]


def _held(
    session: Session, kind: type[Listing] | type[VariantRow], keys: Iterable[str], names: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    found = session.execute(
        sa.select(kind.id, *(getattr(kind, name) for name in names)).where(rows.among(session, kind.id, list(keys)))
    )
    return {row.id: dict(row._mapping) for row in found}


def _listed(session: Session, shop_id: str, refs: set[str]) -> dict[str, tuple[str, str]]:
    found = session.execute(
        sa.select(Listing.product_ref, Listing.title, Listing.currency).where(
            rows.among(session, Listing.id, [listing_id(shop_id, ref) for ref in refs]), Listing.gone_at.is_(None)
        )
    )
    return {ref: (title, currency) for ref, title, currency in found}


def _seen(session: Session, run: SyncRun, kind: str, keys: Iterable[str]) -> None:
    rows.append(session, SEEN.name, ("run_id", "kind", "key"), [(run.id, kind, key) for key in keys])


def _keep(session: Session, run: SyncRun, found: _Found) -> None:
    """Add to what earlier parts of the stream said of the same products."""
    if not found.kinds:
        return
    held = {
        row.product_ref: row
        for row in session.scalars(
            sa.select(SyncDifference).where(
                SyncDifference.run_id == run.id, rows.among(session, SyncDifference.product_ref, list(found.kinds))
            )
        )
    }
    for ref, kind in found.kinds.items():
        row = held.get(ref)
        if row is None:
            row = SyncDifference(run_id=run.id, product_ref=ref, kind=kind, title="", details=[])
            session.add(row)
        row.title = found.titles[ref] or row.title
        row.details = [*row.details, *found.details[ref]][:MOST_DETAILS]
    session.flush()


def finish(run_id: str, shop_id: str) -> str:
    """The end of a dry run: what did not come would go. Errors: RunRefused when the file wasn't whole; runs.Stopped."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        if run.expected is not None and run.lines_read != run.expected:
            raise RunRefused(f"the store announced {run.expected:,} objects and its file had {run.lines_read:,}")
        whole = run.kind == "full" and not run.holes
    after = ""
    while whole and (after := _note_gone(run_id, shop_id, after)):
        jobs.check()
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        kinds = sa.select(SyncDifference.kind, sa.func.count()).where(SyncDifference.run_id == run_id)
        counted: dict[str, int] = {row[0]: row[1] for row in session.execute(kinds.group_by(SyncDifference.kind))}
        refused = sa.select(sa.func.count()).select_from(SyncRefusal).where(SyncRefusal.run_id == run_id)
        run.refused = session.scalar(refused) or 0
        run.written = counted.get("new", 0) + counted.get("changed", 0)
        run.gone = counted.get("gone", 0)
        run.same = max(0, run.products_in - run.refused - run.written)
        runs.end(session, run, "refusals" if run.refused else "done")
        return run.status


def _note_gone(run_id: str, shop_id: str, after: str) -> str:
    """Listings that did not come, and variants of those that did; the last product looked at, "" at the end."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        refused = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run_id)
        page = session.execute(
            sa.select(Listing.id, Listing.product_ref, Listing.title)
            .where(Listing.shop_id == shop_id, Listing.gone_at.is_(None), Listing.product_ref > after)
            .order_by(Listing.product_ref)
            .limit(GONE_AT_ONCE)
        ).all()
        if not page:
            return ""
        came = _came(session, run_id, "product")
        refs = [row.product_ref for row in page]
        left_out = set(session.scalars(refused.where(rows.among(session, SyncRefusal.product_ref, refs))))
        found = _Found()
        there: dict[str, str] = {}
        for key, ref, title in page:
            if ref in left_out:
                continue
            if key in came:
                there[ref] = title
            else:
                found.add(ref, "gone", title)
        variants = session.execute(
            sa.select(VariantRow.product_ref, VariantRow.title).where(
                VariantRow.shop_id == shop_id, VariantRow.gone_at.is_(None),
                rows.among(session, VariantRow.product_ref, list(there)),
                VariantRow.id.not_in(sa.select(SEEN.c.key).where(SEEN.c.run_id == run_id, SEEN.c.kind == "variant")),
            )
        )  # fmt: skip
        for ref, title in variants:
            found.add(ref, "changed", there[ref], [[f"variant {title}", "for sale at the store", "gone"]])
        _keep(session, run, found)
        run.heard_at = clock.now()
        last: str = refs[-1]
        return last


def _came(session: Session, run_id: str, kind: str) -> set[str]:
    return set(session.scalars(sa.select(SEEN.c.key).where(SEEN.c.run_id == run_id, SEEN.c.kind == kind)))


def _price(amount: int | None, currency: str) -> str:
    return "none" if amount is None else f"{money.text(amount, currency)} {currency}"


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
