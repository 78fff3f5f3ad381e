"""R13: whatever the order of arrival, however often a delivery comes, balances are those of the store read afresh.

Each history goes into shops of its own on a real database: once as it happened, once shuffled with repeats, once as
a single read of what the store has at the end; and beside all three stands the plain calculation.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from connector.db import Database, Scope
from connector.earnings.commission import accrual
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import checks
from connector.events import OrderSeen
from tests.money.books import decide, deliver, deliver_one, shop, stands, totals
from tests.money.histories import arrival, chances, credit, expected, histories
from tests.money.store import Delivery, Store

HISTORIES = 220
_QUICK = settings(
    max_examples=HISTORIES, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.fixture(autouse=True)
def _decisions_fixed_by_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.credit, "credit_lines", decide)


def ways(database: Database, store: Store, chance: random.Random) -> list[dict[object, object]]:
    """What stands after each way of hearing of the history: as it happened, shuffled with repeats, read afresh."""
    known = OrderSeen(store.snapshot(edits_known=True), disputes=tuple(store.disputes.values()))
    afresh = [Delivery(known, store.now)]
    found: list[dict[object, object]] = []
    with database.write(Scope.system("test")) as session:
        for deliveries in (store.deliveries, arrival(store, chance), afresh):
            of = shop(session, currency=store.currency)
            done = deliver(session, of, deliveries)
            if any(taken is not None and taken.outcome == "conflict" for taken in done):
                deliver_one(session, of, store.read(), len(done))
            found.append({**stands(session, of), **totals(session, of)})
    return found


def wanted(store: Store) -> dict[object, object]:
    """The plain calculation, in the same shape."""
    found: dict[object, object] = {}
    sums: dict[tuple[str, str], int] = {}
    for line_ref, due in expected(store).items():
        whose = credit(f"p{line_ref}")
        if due:
            key = (line_ref, str(whose.creator_id), whose.content_id)
            found[key] = {"merchant_receivable": -due, "creator_pending": due}
            sums[(key[1], store.currency)] = sums.get((key[1], store.currency), 0) + due
    return {**found, **sums}


def test_balances_do_not_depend_on_arrival(database: Database) -> None:
    seen = 0

    @_QUICK
    @given(histories(), chances)
    def every_way_gives_the_same(store: Store, chance: random.Random) -> None:
        nonlocal seen
        seen += 1
        happened, shuffled, afresh = ways(database, store, chance)
        assert happened == shuffled == afresh == wanted(store)

    every_way_gives_the_same()
    assert seen >= 200
    with database.read(Scope.system("test")) as session:
        assert checks.examine(session) == []


def test_the_property_sees_a_ledger_that_forgets_what_was_posted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: without the `- posted` term every evaluation books the whole due again."""
    monkeypatch.setattr(accrual, "_posted", lambda standing, key: 0)

    def differs(case: tuple[Store, random.Random]) -> bool:
        happened, shuffled, afresh = ways(database, *case)
        return not happened == shuffled == afresh == wanted(case[0])

    quick = settings(_QUICK, max_examples=50, phases=(Phase.generate,))
    assert find(st.tuples(histories(), chances), differs, settings=quick)
