"""`connector seal`, `export ledger`, `audit` and `rebuild --verify`, driven as an operator drives them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.earnings.attribution.tables import DecisionRow
from tests.attribution.world import World
from tests.ledger import exported
from tests.operations.days import SYSTEM, hear
from tests.operations.test_commands import prepared


def test_the_books_are_sealed_exported_and_rebuilt(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = prepared(sqlite_world, monkeypatch, tmp_path)
    touch = sqlite_world.tap("x", "A")
    hear(sqlite_world, [touch.token])
    assert "1 entries are sealed now." in run("seal").output
    assert "0 entries are sealed now." in run("seal").output
    shop = ("--shop", "one.plain.example", "--currency", "EUR", "--since", "2026-11-01T00:00Z")
    done = run("export", "ledger", "--format", "beancount", *shop)
    assert exported.of_beancount(done.stdout)[1] == []
    assert "1 entries, 0 of them not sealed yet." in done.stderr
    run("export", "ledger", "--format", "csv", "--out", "books/all.csv")
    assert (tmp_path / "books" / "all.csv").read_text().count("accrual") == 2
    assert "right  chain_is_unbroken" in run("audit").output

    told = run("rebuild", "--verify", "--shop", "one.plain.example").output
    assert "1 orders, 2 lines, 0 bodies, 2 balances." in told
    assert "All of it follows from what is kept." in told
    with sqlite_world.database.write(SYSTEM) as session:
        session.execute(sa.update(DecisionRow).values(drift="decision_changed: x", pinned_at=DecisionRow.decided_at))
        session.execute(sa.update(DecisionRow).where(DecisionRow.line_ref == "1").values(rate_bp=2000))
    bent = run("rebuild", "--verify", code=1)
    assert "decision_changed" in bent.output
    assert "rate_bp 1000 follows from the facts, rate_bp 2000 is kept" in bent.output
    assert "Missing option" in run("rebuild", code=2).output
