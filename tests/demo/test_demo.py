"""The demo in small: every proof holds, and each one fails and names what broke when something is broken.

Nothing is broken through the product: a row is changed behind its back, in its SQLite file, or a stage is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.demo.run import Demo, Plan
from sandbox.demo.show import Screen
from tests.demo.broken import CATALOG, LEDGER, SMALL, broken, sql

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A whole day in small, still up."""
    demo = Demo(Plan("sqlite", directory=tmp_path_factory.mktemp("demo"), **SMALL), Screen())
    try:
        demo.day()
        assert not broken(demo)
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
    done.prove()
    assert not broken(done)


def test_a_lost_product_is_named(done: Demo) -> None:
    [(listing, ref)] = sql(done, "SELECT id, product_ref FROM listings WHERE status = 'shoppable' ORDER BY id LIMIT 1")
    sql(done, "UPDATE listings SET status = 'gone' WHERE id = ?", listing)
    assert not done.prove()
    assert set(broken(done)) == {CATALOG}
    assert str(ref) in broken(done)[CATALOG]
    sql(done, "UPDATE listings SET status = 'shoppable' WHERE id = ?", listing)
