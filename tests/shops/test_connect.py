"""A shop joins, changes, leaves and comes back; its settings are dated."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.shops import absences, budget, connect, queries, settings
from connector.commerce.shops.tables import ApiBudget, GrantRow, Shop, ShopSetting
from connector.config import Settings
from connector.db import Database, Scope
from connector.errors import InputRefused, NotFound
from connector.events import ShopProfile
from connector.platforms.contract import Grant

PROFILE = ShopProfile(
    shop_ref="1", domain="sample-shop.myshopify.com", name="Sample", currency="EUR", time_zone="Europe/Madrid"
)
GRANT = Grant("access", "refresh")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_reinstall_keeps_the_shop_and_its_history(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        first = shop.id
        assert connect.leave(session, shop, NOW + timedelta(days=1))
        assert (shop.status, session.get(GrantRow, first)) == ("left", None)
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW + timedelta(days=2))
        assert (shop.id, shop.status, shop.status_reason, shop.left_at) == (first, "connected", "", None)
        assert shop.created_at == NOW
        assert session.get(GrantRow, first) is not None


def test_a_late_uninstall_after_a_reinstall_changes_nothing(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        assert not connect.leave(session, shop, NOW - timedelta(seconds=1))
        assert shop.status == "connected"


def test_absences_are_kept_after_the_return(database: Database) -> None:
    def away(*days: float) -> list[bool]:
        return [absences.away(session, shop.id, NOW + timedelta(days=day)) for day in days]

    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        assert absences.last_known(session, shop.id) is None
        connect.leave(session, shop, NOW + timedelta(days=1))
        connect.leave(session, shop, NOW + timedelta(days=1))
        assert away(0, 0.9, 1, 99) == [False, False, True, True]
        connect.connect(session, "shopify", PROFILE, GRANT, NOW + timedelta(days=3))
        assert away(0.9, 1, 2.9, 3, 99) == [False, True, True, False, False]
        connect.leave(session, shop, NOW + timedelta(days=5))
        connect.connect(session, "shopify", PROFILE, GRANT, NOW + timedelta(days=6))
        assert away(2, 4, 5.5, 6) == [True, False, True, False]
        assert not connect.leave(session, shop, NOW + timedelta(days=1)), "delivered again, after the return"
        assert away(2, 4, 5.5, 6) == [True, False, True, False]
        assert absences.last_known(session, shop.id) is not None


def test_an_uninstall_heard_after_the_return_still_dates_the_absence(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        connect.connect(session, "shopify", PROFILE, GRANT, NOW + timedelta(hours=2))
        assert not connect.leave(session, shop, NOW + timedelta(hours=1))
        found = [absences.away(session, shop.id, NOW + timedelta(minutes=at)) for at in (59, 60, 119, 120)]
        assert found == [False, True, True, False]


def test_another_currency_is_said(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        connect.refresh_profile(session, shop, msgspec.structs.replace(PROFILE, currency="USD"))
        assert (shop.currency, shop.status_reason) == ("USD", "currency_changed")
        assert shop.status_detail.startswith("The store's currency changed from EUR to USD: nothing is settled")
        again = connect.connect(session, "shopify", msgspec.structs.replace(PROFILE, currency="USD"), GRANT, NOW)
        assert again.status_reason == "currency_changed", "coming back does not hide it"


def test_missing_scopes_are_named(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW, missing_scopes=("read_orders",))
        assert shop.status == "connected"
        assert "read_orders" in shop.status_detail


def test_two_joins_at_once_end_in_one_shop(database: Database) -> None:
    start, found = threading.Barrier(4), []

    def join() -> None:
        start.wait()
        with db.write(Scope.system("test")) as session:
            found.append(connect.connect(session, "shopify", PROFILE, GRANT).id)

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    with db.read(Scope.system("test")) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Shop)) == 1


def test_settings_are_read_as_they_stood(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        settings.change(session, shop.id, "hold_days", 7, by="test", starts_at=NOW + timedelta(days=3), now=NOW)
        settings.change(session, shop.id, "hold_days", 31, by="test", starts_at=NOW + timedelta(days=9), now=NOW)
        found = [settings.at(session, shop.id, "hold_days", NOW + timedelta(days=days)) for days in (0, 3, 8, 9, 40)]
        assert found == [15, 7, 7, 31, 31]
        assert settings.at(session, shop.id, "payout_when", NOW) == "funded"
        assert settings.at(session, shop.id, "wait_for_signal", NOW) == 0


def test_a_setting_is_never_backdated_nor_out_of_bounds(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        for name, value, starts_at in (
            ("hold_days", 7, NOW - timedelta(seconds=1)),
            ("hold_days", 91, None),
            ("hold_days", "many", None),
            ("payout_when", "sometimes", None),
            ("colour", "red", None),
        ):
            with pytest.raises(InputRefused):
                settings.change(session, shop.id, name, value, by="test", starts_at=starts_at, now=NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(ShopSetting)) == 0
        with pytest.raises(KeyError):
            settings.at(session, shop.id, "colour", NOW)


def test_defaults_come_from_the_configuration(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_configured", None)
    settings.use_defaults(
        Settings(
            public_url="http://127.0.0.1:1",
            sealing_keys="k",
            hash_key="h" * 32,
            session_key="s" * 32,
            hold_days=3,
            _env_file=None,
        )
    )
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        assert settings.whole(session, shop.id, "hold_days", NOW) == 3
    monkeypatch.setattr(settings, "_configured", None)


def test_the_budget_is_shared_and_refills(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.write(Scope.system("test")) as session:
        shop_id = connect.connect(session, "shopify", PROFILE, GRANT, NOW).id
    moment = [clock.wall()]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        moment[0] += timedelta(seconds=seconds)

    monkeypatch.setattr(clock, "wall", lambda: moment[0])
    monkeypatch.setattr(budget.time, "sleep", sleep)
    one, two = budget.SharedBudget(shop_id), budget.SharedBudget(shop_id)
    one.wait(5000)
    assert slept == [], "nothing is known yet"
    one.heard(100, 2000, 50)
    one.wait(80)
    assert slept == []
    two.wait(60)
    assert 0.8 <= sum(slept) < 1.2, "20 are left, 40 come at 50 a second"
    two.heard(2000, 2000, 50)
    one.wait(9999)
    with db.read(Scope.shop(shop_id)) as session:
        assert session.get_one(ApiBudget, shop_id).available == 0, "a call dearer than the bucket takes all of it"


def test_workers_together_stay_near_the_bucket(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop_id = connect.connect(session, "shopify", PROFILE, GRANT, NOW).id
    began = clock.wall()  # from then on it fills
    budget.SharedBudget(shop_id).heard(100, 100, 1000)
    spent, lock = [0.0], threading.Lock()

    def work() -> None:
        for _ in range(5):
            budget.SharedBudget(shop_id).wait(20)
            with lock:
                spent[0] += 20

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = (clock.wall() - began).total_seconds()
    assert spent[0] == 400
    assert spent[0] <= 100 + 1000 * seconds + 1


def test_shops_are_found(database: Database) -> None:
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", PROFILE, GRANT, NOW)
        assert queries.find(session, "shopify", PROFILE.domain) is shop
        assert queries.find(session, "woocommerce", PROFILE.domain) is None
        assert queries.by_name(session, shop.id) is queries.by_name(session, PROFILE.domain) is shop
        with pytest.raises(NotFound):
            queries.by_name(session, "nobody.myshopify.com")
        assert [each.id for each in queries.connected(session)] == [shop.id]
        connect.leave(session, shop, NOW)
        assert queries.connected(session) == []
        assert [each.id for each in queries.every(session)] == [shop.id]
        other = connect.connect(session, "elsewhere", PROFILE, GRANT, NOW)
        with pytest.raises(InputRefused, match="several shops"):
            queries.by_name(session, PROFILE.domain)
        assert queries.by_name(session, other.id) is other
