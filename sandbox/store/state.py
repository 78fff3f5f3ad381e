"""What the stand-in store remembers: one SQLite file in the state directory, so a restart loses nothing.

One connection, one lock. `with state.writing():` is a transaction; it may be nested. Long reads (the bulk export)
take a connection of their own with `state.reader()`, which sees the last committed state.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.store import wire

Doc = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (kind TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shops (name TEXT PRIMARY KEY, doc BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY, shop TEXT NOT NULL, handle TEXT NOT NULL, title TEXT NOT NULL, status TEXT NOT NULL,
    vendor TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, doc BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS products_shop ON products (shop, id);
CREATE INDEX IF NOT EXISTS products_updated ON products (shop, updated_at, id);
CREATE UNIQUE INDEX IF NOT EXISTS products_handle ON products (shop, handle);
CREATE TABLE IF NOT EXISTS variants (
    id INTEGER PRIMARY KEY, shop TEXT NOT NULL, product_id INTEGER NOT NULL, position INTEGER NOT NULL,
    sku TEXT, updated_at TEXT NOT NULL, doc BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS variants_product ON variants (product_id, position);
CREATE INDEX IF NOT EXISTS variants_shop ON variants (shop, product_id, position);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, shop TEXT NOT NULL, name TEXT NOT NULL, token TEXT NOT NULL, email TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, financial_status TEXT NOT NULL, deleted INTEGER NOT NULL,
    doc BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS orders_updated ON orders (shop, updated_at, id);
CREATE UNIQUE INDEX IF NOT EXISTS orders_token ON orders (token);
CREATE TABLE IF NOT EXISTS order_parts (
    kind TEXT NOT NULL, id INTEGER NOT NULL, order_id INTEGER NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, shop TEXT NOT NULL, doc BLOB NOT NULL, PRIMARY KEY (kind, key));
CREATE INDEX IF NOT EXISTS documents_shop ON documents (kind, shop);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, shop TEXT NOT NULL, topic TEXT NOT NULL, subscription TEXT NOT NULL, uri TEXT NOT NULL,
    subject TEXT, headers BLOB NOT NULL, body BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    marks TEXT NOT NULL, last_status TEXT, triggered_at TEXT NOT NULL, sent_at REAL);
CREATE INDEX IF NOT EXISTS deliveries_open ON deliveries (state) WHERE state IN ('waiting', 'held');
CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, doc BLOB NOT NULL);
"""

# First id of each kind: long numbers of the length that Shopify's have, so that nobody gets away with 32 bits.
FIRST_ID = {
    "shop": 10_000_000_001,
    "product": 8_000_000_000_001,
    "variant": 45_000_000_000_001,
    "inventory_item": 46_000_000_000_001,
    "option": 11_000_000_000_001,
    "media": 37_000_000_000_001,
    "order": 7_100_000_000_001,
    "draft_order": 1_100_000_000_001,
    "line_item": 15_000_000_000_001,
    "shipping_line": 4_900_000_000_001,
    "transaction": 8_100_000_000_001,
    "refund": 910_000_000_001,
    "refund_line": 7_700_000_000_001,
    "refund_shipping": 440_000_000_001,
    "adjustment": 330_000_000_001,
    "fulfillment": 5_500_000_000_001,
    "fulfillment_line": 5_600_000_000_001,
    "edit": 520_000_000_001,
    "dispute": 1_052_000_000,
    "customer": 6_600_000_000_001,
    "checkout": 37_000_000_000_001,
    "subscription": 1_200_000_000_001,
    "bulk": 147_000_000_001,
    "delivery": 1,
    "note": 1,
}


class State:
    """Everything that outlives a request.

    Shape:  documents are plain dicts with snake_case keys, money in minor units, times as UTC text to the second.
    Errors: KeyError for a shop, product or order that is not there.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.file = directory / "state.db"
        self.lock = threading.RLock()
        self._depth = 0
        self._after: list[Any] = []
        self._counters: dict[str, int] = {}
        self.con = self._connect()
        self.con.executescript(SCHEMA)
        self._counters = dict(self.con.execute("SELECT kind, last FROM counters"))

    def _connect(self) -> sqlite3.Connection:
        con = sqlite3.connect(self.file, check_same_thread=False, isolation_level=None, timeout=30)
        con.execute("PRAGMA journal_mode=WAL")
        con.execute("PRAGMA synchronous=NORMAL")
        return con

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection for a long read, with a steady view of what is committed now."""
        con = self._connect()
        try:
            con.execute("BEGIN")
            yield con
        finally:
            con.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction under the lock; inner ones join the outer. What `after` was given runs once it is committed."""
        with self.lock:
            if self._depth:
                self._depth += 1
                try:
                    yield self.con
                finally:
                    self._depth -= 1
                return
            self.con.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self.con
            except BaseException:
                self.con.execute("ROLLBACK")
                self._after.clear()
                self._counters = dict(self.con.execute("SELECT kind, last FROM counters"))
                raise
            else:
                self.con.execute("COMMIT")
                waiting, self._after = self._after, []
            finally:
                self._depth = 0
        for call in waiting:
            call()

    def after(self, call: Any) -> None:
        """Run `call()` when the transaction that is open now has been committed."""
        self._after.append(call)

    def close(self) -> None:
        with self.lock:
            self.con.close()

    # --- ids ---

    def next_id(self, kind: str, count: int = 1) -> int:
        """The first of `count` fresh ids of a kind. Call inside `writing()`."""
        with self.lock:
            first = self._counters.get(kind, FIRST_ID[kind] - 1) + 1
            self._counters[kind] = first + count - 1
            self.con.execute(
                "INSERT INTO counters VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET last = excluded.last",
                (kind, first + count - 1),
            )
            return first

    # --- settings and small documents ---

    def setting(self, name: str, default: Doc) -> Doc:
        with self.lock:
            row = self.con.execute("SELECT doc FROM settings WHERE name = ?", (name,)).fetchone()
        return {**default, **wire.loads(row[0])} if row else dict(default)

    def put_setting(self, name: str, doc: Doc) -> None:
        with self.writing() as con:
            con.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, wire.dumps(doc)))

    def document(self, kind: str, key: str) -> Doc | None:
        with self.lock:
            row = self.con.execute("SELECT doc FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return wire.loads(row[0]) if row else None

    def documents(self, kind: str, shop: str | None = None) -> list[Doc]:
        with self.lock:
            if shop is None:
                rows = self.con.execute("SELECT doc FROM documents WHERE kind = ? ORDER BY rowid", (kind,)).fetchall()
            else:
                rows = self.con.execute(
                    "SELECT doc FROM documents WHERE kind = ? AND shop = ? ORDER BY rowid", (kind, shop)
                ).fetchall()
        return [wire.loads(row[0]) for row in rows]

    def put_document(self, kind: str, key: str, shop: str, doc: Doc) -> None:
        with self.writing() as con:
            con.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, key) DO UPDATE SET doc = excluded.doc, shop = excluded.shop",
                (kind, key, shop, wire.dumps(doc)),
            )

    def drop_document(self, kind: str, key: str) -> bool:
        with self.writing() as con:
            return con.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0

    # --- shops ---

    def shop(self, name: str) -> Doc:
        with self.lock:
            row = self.con.execute("SELECT doc FROM shops WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(f"no shop {name}")
        doc: Doc = wire.loads(row[0])
        return doc

    def shops(self) -> list[Doc]:
        with self.lock:
            return [wire.loads(row[0]) for row in self.con.execute("SELECT doc FROM shops ORDER BY name").fetchall()]

    def put_shop(self, shop: Doc) -> None:
        with self.writing() as con:
            con.execute("INSERT OR REPLACE INTO shops VALUES (?, ?)", (shop["name"], wire.dumps(shop)))

    # --- products ---

    def put_products(self, shop: str, items: Iterable[tuple[Doc, list[Doc]]]) -> int:
        """Write products with all their variants (the old variants go). Streams in batches; returns the count."""
        count = 0
        iterator = iter(items)
        while batch := list(itertools.islice(iterator, 500)):
            with self.writing() as con:
                con.executemany(
                    "INSERT OR REPLACE INTO products VALUES (?,?,?,?,?,?,?,?,?)",
                    [
                        (
                            p["id"],
                            shop,
                            p["handle"],
                            p["title"],
                            p["status"],
                            p["vendor"],
                            p["created_at"],
                            p["updated_at"],
                            wire.dumps(p),
                        )
                        for p, _ in batch
                    ],
                )
                con.executemany("DELETE FROM variants WHERE product_id = ?", [(p["id"],) for p, _ in batch])
                con.executemany(
                    "INSERT INTO variants VALUES (?,?,?,?,?,?,?)",
                    [
                        (v["id"], shop, p["id"], v["position"], v["sku"], v["updated_at"], wire.dumps(v))
                        for p, variants in batch
                        for v in variants
                    ],
                )
            count += len(batch)
        return count

    def product(self, shop: str, product_id: int) -> Doc:
        with self.lock:
            row = self.con.execute("SELECT doc FROM products WHERE id = ? AND shop = ?", (product_id, shop)).fetchone()
        if row is None:
            raise KeyError(f"no product {product_id}")
        doc: Doc = wire.loads(row[0])
        return doc

    def product_by_handle(self, shop: str, handle: str) -> Doc | None:
        with self.lock:
            row = self.con.execute("SELECT doc FROM products WHERE shop = ? AND handle = ?", (shop, handle)).fetchone()
        return wire.loads(row[0]) if row else None

    def variants(self, product_id: int) -> list[Doc]:
        with self.lock:
            rows = self.con.execute(
                "SELECT doc FROM variants WHERE product_id = ? ORDER BY position, id", (product_id,)
            ).fetchall()
        return [wire.loads(row[0]) for row in rows]

    def variant(self, shop: str, variant_id: int) -> Doc:
        with self.lock:
            row = self.con.execute("SELECT doc FROM variants WHERE id = ? AND shop = ?", (variant_id, shop)).fetchone()
        if row is None:
            raise KeyError(f"no variant {variant_id}")
        doc: Doc = wire.loads(row[0])
        return doc

    def variant_of_item(self, shop: str, item_id: int) -> Doc | None:
        """The variant whose stock this inventory item is."""
        with self.lock:
            rows = self.con.execute("SELECT doc FROM variants WHERE shop = ?", (shop,)).fetchall()
        return next((doc for row in rows if (doc := wire.loads(row[0]))["inventory_item_id"] == item_id), None)

    def delete_product(self, shop: str, product_id: int) -> None:
        with self.writing() as con:
            if not con.execute("DELETE FROM products WHERE id = ? AND shop = ?", (product_id, shop)).rowcount:
                raise KeyError(f"no product {product_id}")
            con.execute("DELETE FROM variants WHERE product_id = ?", (product_id,))

    # --- orders ---

    def order(self, shop: str, order_id: int) -> Doc:
        with self.lock:
            row = self.con.execute("SELECT doc FROM orders WHERE id = ? AND shop = ?", (order_id, shop)).fetchone()
        if row is None:
            raise KeyError(f"no order {order_id}")
        doc: Doc = wire.loads(row[0])
        return doc

    def put_order(self, order: Doc, financial_status: str) -> None:
        with self.writing() as con:
            con.execute(
                "INSERT OR REPLACE INTO orders VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    order["id"],
                    order["shop"],
                    order["name"],
                    order["token"],
                    (order["customer"] or {}).get("email"),
                    order["created_at"],
                    order["updated_at"],
                    financial_status,
                    int(order["deleted_at"] is not None),
                    wire.dumps(order),
                ),
            )
            con.executemany(
                "INSERT OR IGNORE INTO order_parts VALUES (?, ?, ?)",
                [
                    (kind, row["id"], order["id"])
                    for kind, rows in (("Refund", order["refunds"]), ("Fulfillment", order["fulfillments"]))
                    for row in rows
                ],
            )

    def order_with(self, kind: str, number: int) -> int | None:
        """The id of the order that has this refund or fulfilment."""
        with self.lock:
            row = self.con.execute(
                "SELECT order_id FROM order_parts WHERE kind = ? AND id = ?", (kind, number)
            ).fetchone()
        return None if row is None else int(row[0])

    def exists(self, table: str, shop: str, number: int | None) -> bool:
        """Whether a product or variant is still in the shop; `table` is products or variants."""
        if number is None:
            return False
        with self.lock:
            row = self.con.execute(f"SELECT 1 FROM {table} WHERE id = ? AND shop = ?", (number, shop)).fetchone()
        return row is not None

    def orders(self, shop: str) -> list[Doc]:
        with self.lock:
            rows = self.con.execute("SELECT doc FROM orders WHERE shop = ? ORDER BY id", (shop,)).fetchall()
        return [wire.loads(row[0]) for row in rows]
