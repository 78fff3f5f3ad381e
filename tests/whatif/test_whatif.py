"""What would it pay: the answer is what the rules would have said, it adds up, and it writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask

from connector import clock, db
from connector.access import tokens
from connector.cli import connector
from connector.commerce.orders.tables import Order
from connector.db import Database, Scope
from connector.errors import InputRefused
from connector.migrations.schema import METADATA
from connector.operations.whatif import commands, price
from connector.operations.whatif.asked import Change, SupposedRate, checked, stretch
from connector.programme.collaborations import terms
from tests.attribution.world import DAY, OPENED, PLACED, World, app_settings, put_on_roster
from tests.conftest import wired

ALL = Scope.system("test")


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """Four orders: x's tap in time, x's tap too old, y's on B, and one that nobody led to."""
    put_on_roster(monkeypatch)
    world = World(database).begin()
    world.order([world.tap("x")], ref="1")
    world.order([world.tap("x", at=PLACED - 19 * DAY)], ref="2", at=PLACED + DAY)
    world.order([world.tap("y", "B", at=PLACED)], ref="3", lines="AB", at=PLACED + 2 * DAY)
    world.order(ref="4", at=PLACED + 3 * DAY)
    return world


def _rows(database: Database) -> dict[str, int]:
    with database.read(ALL) as session:
        return {
            name: session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in METADATA.tables.items()
        }


def _ask(world: World, change: Change, **scope: Any) -> price.Answer:
    given = scope or {"shop_id": world.shop_id, "since": PLACED - DAY, "until": PLACED + 9 * DAY}
    with world.database.read(ALL) as session:
        return price.price(session, price.Scope(**given), change)


def _sums(answer: price.Answer) -> tuple[int, int, int]:
    sums = answer.currencies["EUR"]
    return sums.before, sums.after, sums.lines


def test_a_shop_s_time_under_other_terms_and_rules(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rows(world.database)
    flat = Change(rates=(SupposedRate(rate_bp=1250),))
    assert _sums(_ask(world, flat)) == (400, 500, 2)

    # What stands already changes nothing; a target is only reached by "whatever was agreed".
    assert _sums(_ask(world, Change(rates=(SupposedRate(rate_bp=1000),)))) == (400, 400, 0)
    # One product alone, and one creator alone.
    assert _sums(_ask(world, Change(rates=(SupposedRate(rate_bp=2000, kind="open", product_ref="B"),)))) == (
        400,
        600,
        1,
    )
    mine = SupposedRate(rate_bp=500, kind="targeted", creator_id=world.creators["x"])
    answer = _ask(world, Change(rates=(mine,)))
    assert {creator: sums.after for (creator, _), sums in answer.creators.items()} == {
        world.creators["x"]: 100, world.creators["y"]: 200,
    }  # fmt: skip

    # A longer window brings x the order whose tap was too old, with the reason before and after.
    answer = _ask(world, Change(settings={"touch_window_days": 30}))
    assert _sums(answer) == (400, 600, 1)
    assert list(answer.reasons) == [("EUR", "window_expired", "last_click_direct")]
    (line,) = answer.lines
    assert (line.number, line.creator_before, line.creator_after, line.rate_after) == (
        "#2", None, world.creators["x"], 1000,
    )  # fmt: skip
    # Taps on other products count half, once they count: y's on B for A too.
    assert _sums(_ask(world, Change(settings={"indirect": 1}))) == (400, 500, 1)
    answer = _ask(world, Change(settings={"fee_bp": 300}))
    assert (answer.currencies["EUR"].fee_before, answer.currencies["EUR"].fee_after) == (0, 120)
    assert _sums(answer) == (400, 400, 0)

    # A cut from a day on: the higher of the rates at tap and order counts, as it would have.
    cut = Change(rates=(SupposedRate(rate_bp=500, kind="open", starts_at=PLACED + DAY),))
    assert _sums(_ask(world, cut)) == (400, 400, 0)
    earlier = Change(rates=(SupposedRate(rate_bp=500, kind="open", starts_at=PLACED - timedelta(hours=1)),))
    assert _sums(_ask(world, earlier)) == (400, 300, 1)

    # A creator's own time; one order with every line of it.
    answer = _ask(world, flat, creator_id=world.creators["y"], since=OPENED, until=PLACED + 9 * DAY)
    assert (_sums(answer), answer.orders) == ((200, 250, 1), 1)
    with world.database.read(ALL) as session:
        order_id = session.scalars(sa.select(Order.id).where(Order.order_ref == "3")).one()
    answer = _ask(world, flat, order_id=order_id)
    assert [(line.line_ref, line.before, line.after) for line in answer.lines] == [("1", 0, 0), ("2", 200, 250)]

    # In pieces it says how far it came, and the pieces add up.
    monkeypatch.setattr(price, "_BATCH", 2)
    scope = {"shop_id": world.shop_id, "since": PLACED - DAY, "until": PLACED + 9 * DAY}
    with world.database.read(ALL) as session:
        first = price.price(session, price.Scope(**scope), flat, seconds=0)
        assert (first.covered, first.orders, first.finished) == (2, 4, False)
        rest = price.price(session, price.Scope(**scope, after=first.next), flat)
        assert (rest.covered, rest.finished) == (2, True)
    assert [a + b for a, b in zip(_sums(first), _sums(rest), strict=True)] == [400, 500, 2]
    assert _rows(world.database) == before


def test_it_is_asked_by_command_by_api_and_answers_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "open_process", lambda: None)
    with world.database.write(ALL) as session:
        terms.target(session, world.shop_id, world.creators["x"], 2000, ends_at=clock.now() + 9 * DAY, by="test")
        _, secret = tokens.issue(session, "app", ["orders:read"], by="test")
    before = _rows(world.database)
    said = CliRunner().invoke(
        connector, ["whatif", "shop", world.shop_id, "--period", "2026-11", "--rate", "12.5"], catch_exceptions=False
    )
    assert said.exit_code == 0, said.output
    assert "EUR: commission 4.00 -> 5.00 (1.00), 2 lines differ" in said.output
    assert "4 of 4 orders." in said.output
    said = CliRunner().invoke(connector, ["whatif", "creator", "y", "--period", "2026-Q4", "--set", "fee_bp=300"])
    assert "EUR: commission 2.00 -> 2.00 (0.00), 0 lines differ" in said.output
    # Under other dates: a cut on the day before, and one that was over by then.
    november = ["whatif", "shop", world.shop_id, "--period", "2026-11"]
    hour_before = (PLACED - timedelta(hours=1)).isoformat()
    cut = [*november, "--rate", "5", "--open", "--from", hour_before]
    assert "EUR: commission 4.00 -> 3.00 (-1.00), 1 lines differ" in CliRunner().invoke(connector, cut).output
    over = [*november, "--rate", "5", "--open", "--until", (PLACED - 30 * DAY).isoformat()]
    assert "EUR: commission 4.00 -> 4.00 (0.00), 0 lines differ" in CliRunner().invoke(connector, over).output
    refused = CliRunner().invoke(connector, [*november, "--from", hour_before])
    assert isinstance(refused.exception, InputRefused)
    assert (refused.exception.field, refused.exit_code) == ("--rate", 1)

    app: Flask = wired(app_settings())
    asked = {"shop_id": world.shop_id, "period": "2026-11", "rates": [{"rate_bp": 1250}], "seconds": 1}
    got = app.test_client().post("/api/v1/whatif", json=asked, headers={"Authorization": f"Bearer {secret}"})
    assert got.status_code == 200, got.text
    told = got.get_json()
    assert [(each["before"]["decimal"], each["after"]["decimal"]) for each in told["currencies"]] == [("4.00", "5.00")]
    assert (told["covered"], told["orders"], told["next"]) == (4, 4, None)
    for wrong, field in (({**asked, "period": "2026-13"}, "period"), ({**asked, "shop_id": None}, "shop_id")):
        got = app.test_client().post("/api/v1/whatif", json=wrong, headers={"Authorization": f"Bearer {secret}"})
        assert (got.status_code, got.get_json()["field"]) == (422, field)
    after = _rows(world.database)
    assert {name for name in after if after[name] != before[name]} == set()
    assert db.current() is world.database


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("change", Change()),
        ("rate_bp", Change(rates=(SupposedRate(rate_bp=99),))),
        ("ads_bp", Change(rates=(SupposedRate(rate_bp=1000, ads_bp=9000),))),
        ("creator_id", Change(rates=(SupposedRate(rate_bp=1000, kind="targeted"),))),
        ("kind", Change(rates=(SupposedRate(rate_bp=1000, kind="some"),))),
        ("product_ref", Change(rates=(SupposedRate(rate_bp=1000, product_ref="A"),))),
        ("settings", Change(settings={"hold_days": 3})),  # when money moves, not how much
        ("name", Change(settings={"nothing": 3})),
        ("value", Change(settings={"touch_window_days": 91})),
    ],
)
def test_what_can_t_be_answered_is_refused_by_its_field(field: str, change: Change) -> None:
    with pytest.raises(InputRefused) as refused:
        checked(change)
    assert refused.value.field == field


def test_a_period_is_the_shop_s_own_with_its_clock_changes() -> None:
    since, until = stretch("2026-Q4", "Europe/Berlin")
    assert (since.isoformat(), until.isoformat()) == ("2026-09-30T22:00:00+00:00", "2026-12-31T23:00:00+00:00")
    assert stretch("2026-12", "UTC")[1] == stretch("2027", "UTC")[0]
    since, until = stretch("2028-02", "America/New_York")
    assert until - since == timedelta(days=29)
    for wrong in ("2026-13", "2026-Q5", "1999", "", "2026-1"):
        with pytest.raises(InputRefused):
            stretch(wrong, "UTC")
