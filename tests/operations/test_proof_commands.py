"""`connector proof` and `connector refund-amount`, as an operator drives them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector import clock
from connector.audit import AuditRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.intake.take_in import take_in_stub
from connector.errors import InputRefused, MoneyRefused
from connector.events import OrderStub, Refund
from connector.sync.tables import DailyProof
from tests.attribution.world import PLACED, World
from tests.operations.days import SYSTEM, hear
from tests.operations.test_commands import prepared


def test_the_kept_proofs_are_printed_with_their_gaps(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = prepared(sqlite_world, monkeypatch, tmp_path)
    gap = {"order": "#7002", "order_ref": "7002", "what": "missing_here", "why": "PlatformRefused: 402"}
    with sqlite_world.database.write(SYSTEM) as session:
        for day, status, gaps in (("2026-11-20", "proved", []), ("2026-11-21", "gaps", [gap])):
            session.add(
                DailyProof(
                    shop_id=sqlite_world.shop_id, day=day, time_zone="UTC", starts_at=PLACED, ends_at=PLACED,
                    status=status, problem="", tried_at=PLACED, proved_at=None, tries=1, at_store=3, seen=3 - len(gaps),
                    evaluated=3 - len(gaps), fetched=0, store_ids_hash="a", our_ids_hash="a",
                    store_versions_hash="b" * 64, our_versions_hash=("c" if gaps else "b") * 64, gaps=gaps,
                )
            )  # fmt: skip
    said = run("proof", code=1).output
    assert "2026-11-21  gaps: 3 at the store, 2 seen, 2 evaluated; bbbbbbbbbbbb ≠ cccccccccccc" in said
    assert "#7002 is at the store and not here: PlatformRefused: 402" in said
    assert "A worker tries again from 2026-11-20 13:00 UTC on." in said
    assert "proved: 3 at the store, 3 seen, 3 evaluated" in run("proof", "--day", "2026-11-20").output
    with pytest.raises(InputRefused):
        run("proof", "--day", "yesterday")
    today = clock.now().date().isoformat()
    with pytest.raises(InputRefused, match="isn't over"):
        run("proof", "--day", today, "--make", "--shop", "one.plain.example")


def test_the_amount_of_a_refund_is_shown_first_and_booked_when_told(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = prepared(sqlite_world, monkeypatch, tmp_path)
    touch = sqlite_world.tap("x", "A")
    hear(sqlite_world, [touch.token])
    with sqlite_world.database.write(Scope.shop(sqlite_world.shop_id)) as session:
        shop = session.get_one(Shop, sqlite_world.shop_id)
        unknown = Refund("9", PLACED + timedelta(days=2), amount_unknown=True)
        take_in_stub(session, shop, OrderStub("7001", (unknown,)), source="delivery:dlv_2")
    said = run("refund-amount", "#7001", "9", "11.00").output
    # A 40.00 of 55.00 at 10 %, B of nobody: 8.00 of the 11.00 are A's.
    assert "Linen throw: commission EUR 4.00 -> 3.20" in said
    assert "Nothing was booked" in said
    with pytest.raises(InputRefused):
        run("refund-amount", "#7001", "9", "11.00", "--book")
    with pytest.raises(MoneyRefused):
        run("refund-amount", "#7001", "9", "11,00")
    assert "Booked: 1 entries" in run("refund-amount", "#7001", "9", "11.00", "--book", "--why", "bank").output
    with sqlite_world.database.read(SYSTEM) as session:
        row = session.scalars(sa.select(AuditRow).where(AuditRow.act == "refund.amount")).one()
        assert (row.actor, row.subject) == ("command", session.scalar(sa.select(Order.id)))
