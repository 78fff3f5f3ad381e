"""The demo in small: every proof holds, and each one fails and names what broke when something is broken.

Nothing is broken through the product: a row is changed behind its back, in its SQLite file, or a stage is left out.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.demo.run import MISBEHAVIOUR, Demo, Plan
from sandbox.demo.show import Screen

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

SMALL = {"products": 24, "buyers": 20, "seed": 5}
LEDGER, CATALOG, LINES = "ledger sums to zero", "catalog equal item by item", "commission line by line"
ORDERS, CREATORS = "orders at the store = seen = evaluated", "commission by creator"


def broken(demo: Demo) -> dict[str, str]:
    """{name: detail} of the proofs that don't hold."""
    return {one["name"]: one["detail"] for one in demo.proofs if not one["holds"]}


def sql(demo: Demo, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(demo.home / "connector.db", timeout=30) as connection:
        return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A whole day in small, still up."""
    demo = Demo(Plan("sqlite", directory=tmp_path_factory.mktemp("demo"), **SMALL), Screen())
    try:
        assert demo.day(), broken(demo)
        yield demo
    finally:
        demo.processes.stop()


def test_every_proof_holds_and_the_trouble_was_real(done: Demo) -> None:
    report = done.plan.directory / "demo-report.json"
    assert report.exists()
    counts = done.stores.journal("orders")["counts"]
    assert counts["dropped"] > 0
    assert counts["duplicated"] > 0
    assert counts["reordered"] > 0
    assert sum(done.running.counts.get(f"buyers: {kind}", 0) for kind in ("one", "two creators", "nobody")) > 0


def test_a_cent_off_in_one_posting_is_named(done: Demo) -> None:
    [(entry, shop, currency)] = sql(
        done, "SELECT id, shop_id, currency FROM ledger_entries WHERE kind = 'accrual' ORDER BY id LIMIT 1"
    )

    def post(number: int, amount: int) -> None:
        sql(
            done,
            "INSERT INTO ledger_postings (entry_id, number, shop_id, currency, account, amount) "
            "VALUES (?, ?, ?, ?, 'merchant_receivable', ?)",
            entry, number, shop, currency, amount,
        )  # fmt: skip

    post(98, 1)
    assert not done.prove()
    assert str(entry) in broken(done)[LEDGER]
    post(99, -1)
    assert done.prove(), broken(done)


def test_a_lost_product_is_named(done: Demo) -> None:
    [(listing, ref)] = sql(done, "SELECT id, product_ref FROM listings WHERE status = 'shoppable' ORDER BY id LIMIT 1")
    sql(done, "UPDATE listings SET status = 'gone' WHERE id = ?", listing)
    assert not done.prove()
    assert set(broken(done)) == {CATALOG}
    assert str(ref) in broken(done)[CATALOG]
    sql(done, "UPDATE listings SET status = 'shoppable' WHERE id = ?", listing)


class Sabotaged(Demo):
    """No repair, and one touch gets another creator before the decisions are pinned."""

    swapped = ""

    def _reconcile(self) -> None:
        super()._reconcile()
        [(touch, old, self.swapped)] = sql(
            self,
            "SELECT d.touch_id, d.creator_id, o.number FROM decisions d JOIN orders o ON o.id = d.order_id "
            "WHERE d.credit_reason = 'last_click_direct' AND d.rate_bp > 0 AND d.pinned_at IS NULL LIMIT 1",
        )
        sql(
            self,
            "UPDATE touches SET creator_id = (SELECT id FROM creators WHERE id <> ? LIMIT 1) WHERE id = ?", old, touch,
        )  # fmt: skip


def test_lost_deliveries_without_repair_and_a_swapped_touch_are_named(tmp_path: Path) -> None:
    trouble = {**MISBEHAVIOUR, "drop_orders": 0.15}
    demo = Sabotaged(Plan("sqlite", directory=tmp_path, repair=False, misbehaviour=trouble, **SMALL), Screen())
    try:
        assert not demo.day()
        found = broken(demo)
        assert "was never seen" in found[ORDERS]
        assert demo.swapped.lstrip("#") in found[LINES]
        assert CREATORS in found
        assert LEDGER not in found
        assert CATALOG not in found
    finally:
        demo.processes.stop()


def test_nothing_stays_behind_after_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.demo", "--products", "24", "--buyers", "12", "--directory", str(tmp_path)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Reading their catalogs" in line:
            break
    started = psutil.Process(demo.pid).children(recursive=True)
    assert len(started) >= 3
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait()
    end = time.monotonic() + 25
    while time.monotonic() < end and any(one.is_running() and one.status() != "zombie" for one in started):
        time.sleep(0.2)
    assert [one for one in started if one.is_running() and one.status() != "zombie"] == []
