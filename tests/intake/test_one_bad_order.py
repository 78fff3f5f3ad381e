"""One order that raises at its pin or its clearing is undone alone: the other orders and shops go on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from connector import cli, db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution.tables import DueForPin
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in
from connector.earnings.settlement import clear
from connector.errors import LedgerRefused
from connector.events import Carrier, OrderSeen
from connector.operations import rounds
from connector.worker import Money
from tests.attribution.world import KEY, put_on_roster
from tests.intake.test_path import PRODUCTS, World
from tests.money.builders import PLACED, line, snapshot

SYSTEM = Scope.system("test")
LATER = PLACED + timedelta(days=400)


@pytest.fixture
def shops(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two shops with three orders each."""
    put_on_roster(monkeypatch)
    with db.write(SYSTEM) as session:
        worlds = sorted((World(session, "USD") for _ in range(2)), key=lambda world: world.shop.id)
        for world in worlds:
            for number in range(3):
                hear(session, world.shop.id, number, world.tokens)
        return [world.shop.id for world in worlds]


def hear(session: Any, shop_id: str, number: int, tokens: list[str]) -> None:
    order = snapshot(
        line("1", 2000, product_ref=PRODUCTS[1]), order_ref=str(number),
        carriers=tuple(Carrier("cart_attribute", token, KEY) for token in tokens),
    )  # fmt: skip
    row = session.get_one(Shop, shop_id)
    take_in.take_in(session, row, OrderSeen(order), triggered_at=PLACED, source="read:test", as_of=PLACED)


def bad_order(shop_id: str) -> str:
    with db.read(SYSTEM) as session:
        found = session.scalar(sa.select(Order.id).where(Order.shop_id == shop_id).order_by(Order.id).limit(1))
        assert found is not None
        return found


def left() -> int:
    with db.read(SYSTEM) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(DueForPin)) or 0


def cleared() -> int:
    with db.read(SYSTEM) as session:
        return session.scalar(sa.select(sa.func.count()).where(Clearance.state == "cleared")) or 0


def break_pins_of(order_id: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tried: list[str] = []
    real = take_in.reevaluate

    def reevaluate(session: Any, one: str, *, cause: str, as_of: datetime | None = None) -> Any:
        done = real(session, one, cause=cause, as_of=as_of)
        if one == order_id:
            tried.append(one)
            raise ZeroDivisionError
        return done

    monkeypatch.setattr(take_in, "reevaluate", reevaluate)
    return tried


def test_one_bad_pin_stops_no_other_order_and_no_other_shop(shops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = bad_order(shops[0])
    tried = break_pins_of(bad, monkeypatch)
    done = rounds.pin_due(LATER)
    assert (done.done, done.failed) == (5, {bad: "ZeroDivisionError"})
    assert left() == 1, "what the bad one did is undone; it is still due"
    assert len(tried) == 1, "once a round"
    monkeypatch.undo()
    put_on_roster(monkeypatch)
    assert rounds.pin_due(LATER).done == 1


def test_one_bad_clearing_stops_no_other_order(shops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = bad_order(shops[0])
    assert rounds.pin_due(LATER).done == 6
    real = clear._transfers

    def transfers(session: Any, shop_id: str, order_id: str, *more: Any) -> Any:
        if order_id == bad:
            raise LedgerRefused("does not sum to zero")
        return real(session, shop_id, order_id, *more)

    monkeypatch.setattr(clear, "_transfers", transfers)
    done = rounds.clear_due(LATER)
    assert (done.done, done.failed) == (5, {bad: "LedgerRefused: does not sum to zero"})
    assert cleared() == 5


def test_a_shop_that_fails_as_a_whole_stops_no_other(shops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = take_in.pin_portion

    def fails(session: Any, shop_id: str, *more: Any, **how: Any) -> Any:
        if shop_id == shops[0]:
            raise RuntimeError
        return real(session, shop_id, *more, **how)

    monkeypatch.setattr(take_in, "pin_portion", fails)
    done = rounds.pin_due(LATER)
    assert (done.done, done.failed) == (3, {shops[0]: "RuntimeError"})


def test_a_transaction_ends_when_its_time_is_over_and_the_next_goes_on(
    shops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr("connector.earnings.intake.portion.time.monotonic_ns", lambda: 10**9 * next(ticks))
    with db.write(Scope.shop(shops[0])) as session:
        assert take_in.pin_due(session, shops[0], LATER) == 1
    assert rounds.pin_due(LATER).done == 5
    monkeypatch.setattr(clear, "AT_ONCE", 1)
    with db.write(Scope.shop(shops[0])) as session:
        assert clear.clear_due(session, shops[0], LATER) == 1
    assert rounds.clear_due(LATER).done == 5


def test_the_worker_leaves_a_bad_order_out_for_a_while(shops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.worker.clock.now", lambda: LATER)
    moment = [1000.0]
    monkeypatch.setattr("connector.worker.time.monotonic", lambda: moment[0])
    tried = break_pins_of(bad_order(shops[0]), monkeypatch)
    money = Money()
    assert money.mature(lambda: False) == 10  # five pinned, five cleared
    for seconds, times in ((59.0, 1), (61.0, 2), (61.0 + 119.0, 2), (61.0 + 121.0, 3)):
        moment[0] = 1000.0 + seconds
        money.mature(lambda: False)
        assert len(tried) == times, seconds
    assert money.mature(lambda: True) == 0


def test_the_command_names_what_failed_and_exits_1(shops: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = bad_order(shops[0])
    break_pins_of(bad, monkeypatch)
    monkeypatch.setattr(cli.money, "open_process", lambda: None)
    monkeypatch.setattr(cli.money, "shop_id_of", lambda shop: shop)
    said = CliRunner().invoke(cli.connector, ["pin", "--as-of", LATER.isoformat()])
    assert said.exit_code == 1
    assert "5 orders are final now." in said.output
    assert f"{bad}  failed: ZeroDivisionError" in said.output
    monkeypatch.undo()
