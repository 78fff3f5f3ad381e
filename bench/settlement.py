"""Settlement: a period of 100,000 cleared commissions of 10,000 creators is closed, on both databases.

    python -m bench.settlement [--database sqlite|postgresql|both] [--lines 100000] [--creators 10000] [--rounds 3]

While it is booked in its pieces another writer goes on, as deliveries do; the longest of its waits is told. Beside it,
in the same run, the limit: the rows that a closing writes (entries, postings, statements and their lines,
the invoice and its lines), inserted again as they are by bare executemany into copies of the tables without a rule.
The world is built by set-based SQL: a line that was accrued and cleared, with the app's fee of its order.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench import world
from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, new_id
from connector.earnings.commission.tables import Clearance
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, line_subject, moved, owed
from connector.earnings.settlement import close, plan
from connector.programme.creators.tables import Creator

# A hundred thousand lines reach back twelve days from here: all of them cleared in November.
CLEARED, CLOSED = datetime(2026, 11, 29, 12, tzinfo=UTC), datetime(2026, 12, 1, 6, tzinfo=UTC)
PERIOD, AMOUNT = "2026-11", 617
WRITTEN = (
    "ledger_entries", "ledger_postings", "ledger_unsealed", "statements", "statement_lines", "invoices",
    "invoice_lines",
)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--lines", type=int, default=100_000)
    options.add_argument("--creators", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    print("| database | look first s | close s | lines /s | another writer waited s | the same rows barely s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        found = [_round(name, chosen.lines, chosen.creators) for _ in range(chosen.rounds)]
        look, took, waited, bare = (statistics.median(times) for times in zip(*found, strict=True))
        print(
            f"| {name} | {look:.1f} | **{took:.1f}** | {chosen.lines / took:,.0f} | {waited:.2f} | {bare:.1f} | "
            f"{bare / took:.2f} |",
            flush=True,
        )


def _round(name: str, lines: int, creators: int) -> tuple[float, float, float, float]:
    """(seconds to look, to close, that another writer waited at most, to insert the same rows barely)."""
    with world.kept(name, f"settlement_{lines}_{creators}", lambda: _build(lines, creators)) as url:
        db.current().close()
        with _copy(name, url) as copied:
            database = db.use(Database(copied))
            shop_id = _shop(database)
            began = time.monotonic()
            with database.read(world.SYSTEM) as session:
                token = plan.token_of(close.planned(session, shop_id, PERIOD, CLOSED))
            look = time.monotonic() - began
            began = time.monotonic()
            with _writing(database) as waits:
                [closing] = close.in_pieces(shop_id, PERIOD, CLOSED, "bench", token=token)
            assert closing.total == AMOUNT * lines
            took = time.monotonic() - began
            bare = _barely(database)
            database.close()
        return look, took, max(waits), bare


@contextmanager
def _writing(database: Database) -> Iterator[list[float]]:
    """A second writer meanwhile, as a delivery is one: how long each of its writes took, with its wait."""
    waits, stop = [0.0], threading.Event()

    def write() -> None:
        while not stop.wait(0.02):
            began = time.monotonic()
            with database.write(world.SYSTEM) as session:
                session.execute(sa.update(Shop).values(name="Sample"))
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


@contextmanager
def _copy(name: str, url: str) -> Iterator[str]:
    """A copy of the kept world, to be closed once."""
    if name == "sqlite":
        path = Path(str(sa.make_url(url).database))
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            shutil.copy(path, Path(folder) / "copy.db")
            yield f"sqlite:///{folder}/copy.db"
        return
    there = sa.make_url(url).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(there.set(database="postgres"), isolation_level="AUTOCOMMIT")
    copied = f"{there.database}_copy"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {copied} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {copied} TEMPLATE {there.database}")
    try:
        yield there.set(database=copied).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {copied} WITH (FORCE)")
        admin.dispose()


def _barely(database: Database) -> float:
    """Insert what the closing wrote once more, into tables without keys or indexes."""
    total = 0.0
    with database.engine.begin() as connection:
        for table, rows in _written(connection).items():
            names = list(rows[0])
            connection.exec_driver_sql(f"CREATE TABLE bare_{table} AS SELECT * FROM {table} WHERE 1 = 0")
            marks = ", ".join(f":{name}" for name in names)
            statement = sa.text(f"INSERT INTO bare_{table} ({', '.join(names)}) VALUES ({marks})")
            began = time.monotonic()
            connection.execute(statement, rows)
            total += time.monotonic() - began
        began = time.monotonic()
    return total + time.monotonic() - began  # with its commit


def _written(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    new = "SELECT id FROM ledger_entries WHERE kind = 'settlement'"
    which = {"ledger_entries": f" WHERE id IN ({new})"}
    which |= dict.fromkeys(("ledger_postings", "ledger_unsealed"), f" WHERE entry_id IN ({new})")
    return {
        table: [
            dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}{which.get(table, '')}")).mappings()
        ]
        for table in WRITTEN
    }


def _shop(database: Database) -> str:
    with database.read(world.SYSTEM) as session:
        return str(session.execute(sa.select(Shop.id)).scalar_one())


def _build(lines: int, creators: int) -> None:
    """One cleared line with its fee, multiplied: creators take turns, times move back by ten seconds each."""
    early = CLEARED - timedelta(days=300)
    with db.write(world.SYSTEM) as session:
        shop = Shop(id=new_id("shp"), platform="shopify", domain="sample.myshopify.com", name="Sample", currency="USD",
                    time_zone="UTC", installed_at=early, created_at=early)  # fmt: skip
        session.add(shop)
        session.add_all(
            Creator(id=new_id("crt"), handle=f"creator{n}", name=f"Creator {n}", followers=1, created_at=early)
            for n in range(creators)
        )
    before = world.everything()
    with db.write(world.SYSTEM) as session:
        creator_id = str(session.execute(sa.select(Creator.id).order_by(Creator.id).limit(1)).scalar_one())
        _line(session, shop.id, creator_id)
    who = world._ids("creators")
    world.multiply(world.left_behind(before), lines - 1, {"creator_id": who})
    with db.current().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _line(session: Session, shop_id: str, creator_id: str) -> None:
    placed, order_id = CLEARED - timedelta(days=20), new_id("ord")
    session.add(
        Order(id=order_id, shop_id=shop_id, order_ref="9000", number="#1001", currency="USD", placed_at=placed,
              changed_at=placed, triggered_at=placed, content_hash="h", evaluated_hash="h", snapshot="{}", refunds="[]",
              carriers="[]", added_units={}, lines_first_seen={}, line_products={}, oldest_changed_at=placed,
              first_seen_at=placed)
    )  # fmt: skip
    session.add(
        Clearance(order_id=order_id, line_ref="1", shop_id=shop_id, clears_at=CLEARED, why="delivered", state="cleared",
                  cleared_at=CLEARED, updated_at=CLEARED)
    )  # fmt: skip
    session.flush()
    subject = line_subject(order_id, "1")
    about: dict[str, Any] = {"shop_id": shop_id, "currency": "USD", "order_id": order_id}
    line: dict[str, Any] = {**about, "line_ref": "1", "creator_id": creator_id, "subject": subject}
    journal.post_all(
        session,
        [
            Draft(reference=f"due:{subject}", kind="accrual", reason="due_changed", occurred_at=placed, **line,
                  postings=(DraftPosting("merchant_receivable", AMOUNT), owed("creator_pending", AMOUNT, creator_id))),
            Draft(reference=f"fee:{order_id}", subject=f"fee:{order_id}", kind="fee", reason="app_fee",
                  occurred_at=placed, **about,
                  postings=(DraftPosting("merchant_receivable", 31), DraftPosting("app_fee", -31))),
            Draft(reference=f"clear:{subject}", kind="clearance", reason="delivered", occurred_at=CLEARED, **line,
                  postings=moved("creator_pending", "creator_cleared", AMOUNT, creator_id)),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
