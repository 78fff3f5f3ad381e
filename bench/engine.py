"""Attribution, commission and posting of new orders from a warm inbox, beside the same rows inserted and nothing done.

    python -m bench.engine [--database sqlite|postgresql|both] [--orders 100000] [--held 10000]
    python -m bench.engine --flat 10000,100000,1000000 [--orders 3000] [--rounds 3]

The worker's own drain takes kept bodies (opened, translated, recorded, credited, accrued, posted, marked done) in a
world that holds `--held` orders. The peer: the very rows that it wrote, under other keys, by the driver's executemany
into the same tables, as many orders a commit. `--flat` does so in worlds of those sizes by turns, `--orders` each time,
so that what else the machine does falls on all of them, and prints each one's median: the rates should be within 20 %.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bench import world
from connector import db, heap
from connector.commerce.orders.tables import Order
from connector.db import Database
from connector.earnings.ledger.tables import Entry, Posting
from connector.migrations.schema import METADATA
from connector.webhooks import drain
from connector.webhooks.tables import DeliveryRow

# Orders that are put into the inbox and drained at a time, so that a million postings never wait in one transaction.
PORTION = 5_000
# Rows that an order leaves: what the peer inserts. The inbox's own row is the warm part of both.
_NOT_ROWS = frozenset({"deliveries"})


@dataclass(slots=True)
class Measured:
    held: int = 0  # before it
    orders: int = 0
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of this process; what PostgreSQL's took is not in it
    rows: int = 0
    peer_seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.orders / self.seconds

    @property
    def peer_rate(self) -> float:
        return self.orders / self.peer_seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--orders", type=int, default=0, help="100,000, or with --flat 3,000 a round")
    options.add_argument("--held", type=int, default=10_000)
    options.add_argument("--flat", default="", help="in worlds of so many orders, by turns: 10000,100000,1000000")
    options.add_argument("--rounds", type=int, default=3, help="how often, with --flat")
    options.add_argument("--profile", action="store_true", help="where the time goes, by function")
    chosen = options.parse_args()
    heap.keep_what_stands()
    print("| database | orders held | orders /s | CPU an order | rows an order | bare executemany, orders /s | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        if chosen.flat:
            _flat(database, [int(size) for size in chosen.flat.split(",")], chosen.orders or 3_000, chosen.rounds)
        else:
            found = measure(database, chosen.held, chosen.orders or 100_000, profile=chosen.profile)
            print(_line(database, found), flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}")


def _flat(database: str, sizes: list[int], orders: int, rounds: int) -> None:
    found: dict[int, list[Measured]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            found[size].append(measure(database, size, orders))
    middle = [sorted(each, key=lambda one: one.rate)[len(each) // 2] for each in found.values()]
    for one in middle:
        print(_line(database, one), flush=True)
    rates, cpu = [one.rate for one in middle], [one.cpu / one.orders for one in middle]
    print(f"{database}: the slowest has {min(rates) / max(rates):.0%} of the fastest's rate, by CPU time "
          f"{min(cpu) / max(cpu):.0%}", flush=True)  # fmt: skip


def _line(database: str, found: Measured) -> str:
    return (
        f"| {database} | {found.held:,} | {found.rate:,.0f} | {1000 * found.cpu / found.orders:.2f} ms "
        f"| {found.rows / found.orders:.1f} | {found.peer_rate:,.0f} | **{found.rate / found.peer_rate:.3f}** |"
    )


def measure(name: str, held: int, orders: int, *, profile: bool = False) -> Measured:
    found = Measured()
    profiler = cProfile.Profile() if profile else None
    with world.held(name, held) as url:
        settings = world.settings(url)
        number, found.held = _next_number(), _orders()
        for start in range(0, orders, PORTION):
            portion = min(PORTION, orders - start)
            _fill(number + start, portion)
            before = _counts()
            began, cpu = time.perf_counter(), time.process_time()
            if profiler:
                profiler.enable()
            handled = 0
            while done := drain.drain_once("bench", settings):
                handled += done
            if profiler:
                profiler.disable()
            found.seconds += time.perf_counter() - began
            found.cpu += time.process_time() - cpu
            found.orders += portion
            _check(before, portion, handled)
            _again(db.current(), number + start, portion, found, settings.drain_batch)
    if profiler:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    return found


def _orders() -> int:
    with db.read(world.SYSTEM) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Order)) or 0


def _next_number() -> int:
    """Above every order that a run before this one left in the kept world."""
    with db.read(world.SYSTEM) as session:
        refs = session.scalars(
            sa.select(Order.order_ref).where(sa.func.length(Order.order_ref) == 9, Order.order_ref.like("1%"))
        )
        return max((int(ref) for ref in refs), default=100_000_000) + 1


def _fill(first: int, orders: int) -> None:
    """Done deliveries of earlier portions go, so that every portion meets the same inbox."""
    with db.write(world.SYSTEM) as session:
        session.execute(sa.delete(DeliveryRow))
    world.deliver(first, orders)


def _counts() -> tuple[int, int]:
    with db.read(world.SYSTEM) as session:
        entries = session.scalar(sa.select(sa.func.count()).select_from(Entry)) or 0
        return entries, session.scalar(sa.select(sa.func.count()).select_from(Posting)) or 0


def _check(before: tuple[int, int], orders: int, handled: int) -> None:
    """What was measured must have happened. Errors: RuntimeError."""
    entries, postings = _counts()
    made = (entries - before[0], postings - before[1])
    with db.read(world.SYSTEM) as session:
        open_ones = session.scalar(
            sa.select(sa.func.count()).select_from(DeliveryRow).where(DeliveryRow.status != "done")
        )
    if handled != orders or open_ones or made[0] < orders or made[1] < 2 * made[0]:
        raise RuntimeError(f"{orders} orders: {handled} handled, {open_ones} not done, {made} entries and postings")


# The peer


def _again(database: Database, first: int, orders: int, found: Measured, at_once: int) -> None:
    """Insert the rows of these orders once more, under other keys, by the driver's own executemany."""
    raw: Any = database.engine.raw_connection()
    try:
        mark = "?" if database.is_sqlite else "%s"
        there = set(sa.inspect(database.engine).get_table_names())
        for start in range(0, orders, at_once):
            refs = [str(n) for n in range(first + start, first + min(start + at_once, orders))]
            groups = _rows(raw.cursor(), refs, mark, there)
            cursor = raw.cursor()
            began = time.perf_counter()
            if database.is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            for table, columns, rows in groups:
                marks = ", ".join([mark] * len(columns))
                cursor.executemany(f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({marks})', rows)
                found.rows += len(rows)
            raw.driver_connection.execute("COMMIT") if database.is_sqlite else raw.commit()
            found.peer_seconds += time.perf_counter() - began
    finally:
        raw.rollback()
        raw.close()


_Group = tuple[str, list[str], list[tuple[Any, ...]]]


def _rows(cursor: Any, refs: list[str], mark: str, there: set[str]) -> list[_Group]:
    """(table, columns, rows) of everything that these orders left, as the driver gives them, keys made new."""
    marks = ", ".join([mark] * len(refs))
    cursor.execute(f"SELECT id, order_ref FROM orders WHERE order_ref IN ({marks})", refs)
    orders = dict(cursor.fetchall())
    ids = list(orders)
    in_ids = ", ".join([mark] * len(ids))
    entries = f"SELECT id FROM ledger_entries WHERE order_id IN ({in_ids})"
    found: list[_Group] = []
    for table in METADATA.sorted_tables:
        if table.name in _NOT_ROWS or table.name not in there:
            continue
        key = "id" if table.name == "orders" else "order_id" if "order_id" in table.c else None
        if key is None and "entry_id" not in table.c:
            continue
        where = f"{key} IN ({in_ids})" if key else f"entry_id IN ({entries})"
        columns = [column.name for column in table.columns]
        listed = [f'"{name}"' for name in columns]
        chosen = [
            f'CAST("{column.name}" AS text)'
            if isinstance(column.type, sa.JSON) and mark == "%s"
            else f'"{column.name}"'
            for column in table.columns
        ]
        cursor.execute(f'SELECT {", ".join(chosen)} FROM "{table.name}" WHERE {where}', ids)
        own = [_is_own(column) for column in table.columns]
        rows = [
            tuple(
                _renamed(value) if mine and value is not None else value for mine, value in zip(own, row, strict=True)
            )
            for row in cursor.fetchall()
        ]
        if rows:
            found.append((table.name, listed, rows))
    return found


# Columns whose values are keys of the order's own rows.
_OWN = frozenset({"id", "order_id", "entry_id", "evaluation_id", "order_ref", "reference", "subject", "reverses"})


def _is_own(column: sa.Column[Any]) -> bool:
    return column.name in _OWN


def _renamed(value: str) -> str:
    return value + "~"


if __name__ == "__main__":
    main()
