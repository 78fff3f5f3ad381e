"""A shop's dated settings: each has words, bounds and a place; what a merchant may not change is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.errors import InputRefused, NotAllowed
from connector.operations.whatif import asked as whatif
from connector.operations.whatif import forms
from connector.web import rate_words, shop_settings

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("name", settings.DEFAULTS)
def test_every_setting_has_words_a_place_and_a_form(name: str) -> None:
    assert shop_settings.known(name)
    assert sum(name in names for _, names in shop_settings.GROUPS) == 1
    assert (name in settings.BOUNDS) != (name in settings.CHOICES)
    stands = settings.default(name)
    field = shop_settings.field(name, stands, "EUR")
    # What the form shows is taken back as the value that stands, whatever unit it is typed in.
    assert str(shop_settings.read(name, field.typed, "EUR")) == str(stands)
    assert "basis points" not in shop_settings.value(name, stands, "EUR")
    for value, word in field.choices:
        assert shop_settings.value(name, int(value) if value in ("0", "1") else value, "EUR") == word


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [("fee_bp", "2,5 %", 250), ("reserve_bp", "10", 1000), ("minimum_payout", "12.50", 1250), ("hold_days", "31", 31),
     ("code_policy", "if_winner", "if_winner"), ("indirect", "1", "1")],
)  # fmt: skip
def test_a_value_is_read_as_people_type_it(name: str, typed: str, value: int | str) -> None:
    assert shop_settings.read(name, typed, "EUR") == value


@pytest.mark.parametrize(
    ("name", "typed"),
    [("fee_bp", "31"), ("fee_bp", "2.555"), ("fee_bp", ""), ("touch_window_days", "91"), ("touch_window_days", "x"),
     ("touch_window_days", "-1"), ("minimum_payout", "1.005"), ("code_policy", "never"), ("indirect", "2")],
)  # fmt: skip
def test_what_is_no_value_is_refused_by_its_field(name: str, typed: str) -> None:
    with pytest.raises(InputRefused) as refused:
        shop_settings.read(name, typed, "EUR")
    assert refused.value.field == "value"
    assert "_bp" not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "bp"), [("12", 1200), ("12.5", 1250), ("12,05 %", 1205), ("0.5", 50), (" 80 % ", 8000)]
)
def test_a_rate_is_read_as_people_type_it(typed: str, bp: int) -> None:
    assert rate_words.typed(typed, "rate") == bp
    assert rate_words.typed(rate_words.as_typed(bp), "rate") == bp


@pytest.mark.parametrize("typed", ["", "x", "12.555", "-1", "1e3", "１２", "12%%", "1234"])
def test_what_is_no_rate_is_refused(typed: str) -> None:
    with pytest.raises(InputRefused):
        rate_words.typed(typed, "rate")


def _shop(session: Session) -> str:
    shop = Shop(id=new_id("shp"), platform="plain", domain="one.example", currency="EUR", installed_at=NOW,
                created_at=NOW)  # fmt: skip
    session.add(shop)
    session.flush()
    return shop.id


def test_a_merchant_changes_the_own_rules_and_no_others(sqlite_database: Database) -> None:
    with sqlite_database.write(Scope.system("test")) as session:
        shop_id = _shop(session)
        given: dict[str, Any] = {"by": "merchant:x", "now": NOW, "as_merchant": True}
        settings.change(session, shop_id, "touch_window_days", 30, **given)
        for name in settings.STAFF_ONLY:
            with pytest.raises(NotAllowed):
                settings.change(session, shop_id, name, settings.default(name), **given)
        settings.change(session, shop_id, "hold_days", 8, by="staff:Sam", now=NOW, starts_at=NOW + DAY)
        stood = [settings.at(session, shop_id, "hold_days", NOW + n * DAY) for n in (0, 1)]
        assert stood == [settings.default("hold_days"), 8]
        # Asked for in a supposed world, it is read at every moment; afterwards everything is as it was.
        with settings.overlaid(session, shop_id, {"hold_days": 3, "fee_bp": 250}):
            assert settings.at(session, shop_id, "hold_days", NOW - 900 * DAY) == 3
            assert settings.whole(session, shop_id, "touch_window_days", NOW) == 30
        assert settings.at(session, shop_id, "hold_days", NOW + DAY) == 8
        assert settings.whole(session, shop_id, "fee_bp", NOW) == 0
        rows = {row.setting: row for _, each in shop_settings.rows(session, shop_id, "EUR", NOW) for row in each}
        assert (rows["touch_window_days"].value, rows["touch_window_days"].since) == ("30 days", NOW)
        assert rows["hold_days"].coming == ((NOW + DAY, "8 days"),)
        assert shop_settings.history(session, shop_id, "hold_days", "EUR") == [(NOW + DAY, "8 days")]


def test_what_the_page_asks_about_can_be_answered() -> None:
    assert set(forms.ASKED) <= set(whatif.SETTINGS) <= set(settings.DEFAULTS)
    asked = forms.read({"rate": "12,5", "touch_window_days": "91", "who": "nobody", "fee_bp": "2"})
    assert forms.change(asked, "UTC", "EUR") is None
    assert set(asked.errors) == {"touch_window_days"}
    asked.errors.clear()
    asked.settings["touch_window_days"] = ""
    change = forms.change(asked, "UTC", "EUR")
    assert change is not None
    assert (change.rates[0].rate_bp, change.rates[0].kind, change.settings) == (1250, "open", {"fee_bp": 200})
    choices = [value for value, _ in forms.periods(datetime(2026, 1, 31, 23, 30, tzinfo=UTC), "Asia/Tokyo")]
    assert choices == [
        "2026-02", "2026-01", "2025-12", "2025-11", "2025-10", "2025-09", "2026-Q1", "2025-Q4", "2025-Q3", "2025-Q2",
    ]  # fmt: skip
