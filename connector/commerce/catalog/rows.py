"""Catalog rows in batches: what is known, what is upserted, what is settled.

Written below the ORM, since this is the path on which 600,000 rows go: `executemany` on SQLite, COPY and one INSERT on
PostgreSQL (Core's upserts are three times slower). Values are exactly what the mapped classes would store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from connector import events
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Moment
from connector.events import Product, Variant

Row = tuple[Any, ...]
FEW = 100  # up to so many rows a plain executemany is quicker than COPY

# What an upsert of a head changes in a listing that is there. Its prices, status and images follow from other rows.
_HEAD = (
    "title", "handle", "vendor", "category", "description", "url", "image_url", "tags", "currency", "store_status",
    "published", "gift_card", "brand", "taxonomy_ref", "taxonomy_name", "condition", "content_hash",
    "store_changed_at", "seen_run", "gone_at", "updated_at",
)  # fmt: skip
LISTING_COLUMNS = (
    "id", "shop_id", "product_ref", *_HEAD, "images", "price_from", "price_to", "available", "variant_count",
    "refused", "status", "reason", "whole_at", "created_at",
)  # fmt: skip
_VARIANT = (
    "product_ref", "title", "sku", "barcode", "price", "compare_at", "available", "stock", "position", "options",
    "image_url", "requires_shipping", "gtin", "mpn", "item_ref", "content_hash", "seen_run", "gone_at", "updated_at",
)  # fmt: skip
VARIANT_COLUMNS = ("id", "shop_id", "variant_ref", *_VARIANT)

# What follows from a listing's variants and its own facts, with PostgreSQL's types.
SETTLED = {
    "price_from": "bigint", "price_to": "bigint", "available": "boolean", "variant_count": "bigint", "refused": "text",
    "status": "text", "reason": "text",
}  # fmt: skip

UNSETTLED: Row = (0, 0, False, 0, "", "not_shoppable", "syncing")

_json = msgspec.json.Encoder().encode


def images_json(images: Sequence[str]) -> str:
    """The text that the column `images` holds."""
    return _json(images).decode()


class Weighed(msgspec.Struct, frozen=True, gc=False):
    """A product's head or a variant, ready to be compared: its content hash and its size as JSON."""

    value: Any  # Product | Variant
    content_hash: str
    size: int


def weigh_head(product: Product) -> Weighed:
    """What the listing's own row says: without variants, images, and the time of a change that changed nothing."""
    return _weigh(product, msgspec.structs.replace(product, variants=(), images=(), changed_at=None), b"")


def weigh_variant(variant: Variant, product_ref: str) -> Weighed:
    return _weigh(variant, variant, product_ref.encode()[:64])


def _weigh(value: Product | Variant, compared: Product | Variant, key: bytes) -> Weighed:
    encoded = events.encode(compared)
    if b"\\u0000" in encoded:
        value = _without_nul(value)  # PostgreSQL stores no such character
    return Weighed(value, hashlib.blake2b(encoded, digest_size=16, key=key).hexdigest(), len(encoded))


def _without_nul(value: Product | Variant) -> Product | Variant:
    def strip(part: Any) -> Any:
        if isinstance(part, str):
            return part.replace("\0", "")
        if isinstance(part, list | tuple):
            return [strip(item) for item in part]
        return {name: strip(item) for name, item in part.items()} if isinstance(part, dict) else part

    return msgspec.convert(strip(msgspec.to_builtins(value)), type(value))


class Rows:
    """Turns products and variants of one shop into rows of its database's kind."""

    def __init__(self, session: Session, shop_id: str, run_id: str, now: datetime) -> None:
        self.shop_id = shop_id
        self.run_id = run_id
        self.moment = moments(session)
        self.at = now
        self.now = self.moment(now)

    def listing(self, key: str, head: Weighed, settled: Row = UNSETTLED, whole_at: datetime | None = None) -> Row:
        """`settled`: what follows from the variants (SETTLED), where they are known already."""
        product: Product = head.value
        return (
            key, self.shop_id, product.product_ref,
            product.title, product.handle, product.vendor, product.category, product.description, product.url,
            product.image_url or (product.images[0] if product.images else ""), _json(product.tags).decode(),
            product.currency, product.status, product.published, product.gift_card, product.brand or product.vendor,
            product.taxonomy_ref, product.taxonomy_name, product.condition, head.content_hash,
            self.moment(product.changed_at), self.run_id, None, self.now,
            images_json(product.images), *settled, self.moment(whole_at), self.now,
        )  # fmt: skip

    def variant(self, key: str, weighed: Weighed, product_ref: str) -> Row:
        variant: Variant = weighed.value
        return (
            key, self.shop_id, variant.variant_ref, product_ref,
            variant.title, variant.sku, variant.barcode, variant.price, variant.compare_at, variant.available,
            variant.stock, variant.position, _json(variant.options).decode(), variant.image_url,
            variant.requires_shipping, variant.gtin, variant.mpn, variant.item_ref, weighed.content_hash, self.run_id,
            None, self.now,
        )  # fmt: skip


def upsert_listings(session: Session, rows: Sequence[Row], *, seen: bool = False) -> None:
    """`seen`: the rows come from a sync run, which leaves its mark; a webhook in its midst must not take that away."""
    _upsert(session, Listing.__tablename__, LISTING_COLUMNS, _HEAD if seen else _without_mark(_HEAD), rows)


def upsert_whole(session: Session, rows: Sequence[Row], *, seen: bool = False) -> None:
    """Listings whose variants are known: their images, prices and status go along. `whole_at` only without `seen`."""
    changed = (*_HEAD, "images", *SETTLED) if seen else (*_without_mark(_HEAD), "images", *SETTLED, "whole_at")
    _upsert(session, Listing.__tablename__, LISTING_COLUMNS, changed, rows)


def upsert_variants(session: Session, rows: Sequence[Row], *, seen: bool = False) -> None:
    _upsert(session, VariantRow.__tablename__, VARIANT_COLUMNS, _VARIANT if seen else _without_mark(_VARIANT), rows)


def _without_mark(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in columns if name != "seen_run")


def known(session: Session, kind: type[Listing] | type[VariantRow], ids: Iterable[str]) -> dict[str, str]:
    """id → content hash of the rows that are there and not gone."""
    driver: Any = session.connection().connection.driver_connection  # whose rows are plain pairs
    found = driver.execute(
        f"SELECT id, content_hash FROM {kind.__tablename__} WHERE id {_among(session)} AND gone_at IS NULL",  # noqa: S608
        _listed(session, ids),
    )
    return dict(found.fetchall())


def settle_listings(session: Session, changes: Sequence[Row], now: datetime) -> None:
    """Write what follows from the variants: (id, *SETTLED) a listing."""
    if not changes:
        return
    moment = moments(session)(now)
    connection = session.connection()
    if _sqlite(session):
        connection.exec_driver_sql(
            f"UPDATE listings SET {', '.join(f'{name} = ?' for name in SETTLED)}, updated_at = ? WHERE id = ?",  # noqa: S608
            [(*values, moment, key) for key, *values in changes],
        )
        return
    names = ", ".join(("id", *SETTLED))
    arrays = ", ".join(f"%s::{kind}[]" for kind in ("text", *SETTLED.values()))
    connection.exec_driver_sql(
        f"UPDATE listings SET {', '.join(f'{name} = v.{name}' for name in SETTLED)}, updated_at = %s "  # noqa: S608
        f"FROM unnest({arrays}) AS v({names}) WHERE listings.id = v.id",
        (moment, *(list(column) for column in zip(*changes, strict=True))),
    )


def touch(session: Session, shop_id: str, product_refs: Iterable[str], now: datetime) -> None:
    """Something that these listings are shown by changed in their variants alone: who asks for changes hears of it."""
    refs = list(product_refs)
    if refs:
        session.execute(
            sa.update(Listing)
            .where(Listing.shop_id == shop_id, among(session, Listing.product_ref, refs))
            .values(updated_at=now)
            .execution_options(synchronize_session=False)
        )


def note_times(session: Session, changed: dict[str, datetime | None], whole_at: datetime | None) -> None:
    """The store's times of listings (id → time) that are the same otherwise, and when they came whole."""
    if not changed:
        return
    moment = moments(session)
    connection = session.connection()
    whole = moment(whole_at)
    if _sqlite(session):
        connection.exec_driver_sql(
            "UPDATE listings SET store_changed_at = ?, whole_at = coalesce(?, whole_at) WHERE id = ?",
            [(moment(at), whole, key) for key, at in changed.items()],
        )
        return
    connection.exec_driver_sql(
        "UPDATE listings SET store_changed_at = v.at, whole_at = coalesce(%s::timestamptz, whole_at) "
        "FROM unnest(%s::text[], %s::timestamptz[]) AS v(id, at) WHERE listings.id = v.id",
        (whole, list(changed), [moment(at) for at in changed.values()]),
    )


def among(session: Session, column: Any, values: Iterable[str]) -> sa.ColumnElement[bool]:
    """`column IN values` with one parameter, however many there are: thousands of marks cost more than the query."""
    if _sqlite(session):
        listed = sa.func.json_each(_json(list(values)).decode()).table_valued("value")
        found: sa.ColumnElement[bool] = column.in_(sa.select(listed.c.value))
        return found
    return cast(sa.ColumnElement[bool], column == sa.any_(sa.literal(list(values), ARRAY(sa.Text()))))


def _sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _mark(session: Session) -> str:
    return "?" if _sqlite(session) else "%s"


def _among(session: Session) -> str:
    """`IN (…)` of any length as one parameter, so that the statement is prepared once."""
    return "IN (SELECT value FROM json_each(?))" if _sqlite(session) else "= ANY(%s)"


def _listed(session: Session, ids: Iterable[str]) -> tuple[Any]:
    listed = list(ids)
    return (_json(listed).decode(),) if _sqlite(session) else (listed,)


def moments(session: Session) -> Callable[[datetime | None], Any]:
    """How this database stores an instant, by the column type's own rule."""
    dialect = session.get_bind().dialect
    process = Moment().dialect_impl(dialect).bind_processor(dialect)
    return process if process is not None else lambda value: value


def append(session: Session, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Add rows that nothing is compared with."""
    if not rows:
        return
    connection = session.connection()
    names = ", ".join(columns)
    if _sqlite(session):
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # noqa: S608
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _upsert(
    session: Session, table: str, columns: tuple[str, ...], changed: tuple[str, ...], rows: Sequence[Row]
) -> None:
    if not rows:
        return
    assignments = ", ".join(f"{name} = excluded.{name}" for name in changed)
    names = ", ".join(columns)
    connection = session.connection()
    if _sqlite(session) or len(rows) <= FEW:
        marks = ", ".join([_mark(session)] * len(columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {assignments}",  # noqa: S608
            list(rows),
        )
        return
    stage = f"stage_{table}"
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE IF NOT EXISTS {stage} (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP"
    )
    connection.exec_driver_sql(f"TRUNCATE {stage}")
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {stage} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {stage} "  # noqa: S608
        f"ON CONFLICT (id) DO UPDATE SET {assignments}"
    )
