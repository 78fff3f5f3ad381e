"""From signing up to a product in the list, over both databases: decisions, openings, limits, later drops."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from connector import notices
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import taking_up
from connector.errors import Conflict, InputRefused
from connector.operations import rounds
from connector.programme.collaborations import openings, promotions, rates, terms
from connector.programme.collaborations.tables import Opening, Terms
from connector.programme.creators import countries, eligibility, profiles, queries, register, sign_up
from connector.programme.creators.sign_up import Account, SignUp
from connector.programme.creators.tables import Creator
from tests.attribution.world import DAY, PLACED, World, product, put_on_roster

APP = Scope.app()
MIRA: dict[str, Any] = {
    "account_ref": "u-1", "handle": "@Mira", "name": "Mira", "followers": 1200, "born_on": date(1998, 4, 30),
    "country": "DE", "accounts": [Account("instagram", "mira.makes", 800)],
    "audience": {"countries": {"DE": 7000}, "ages": {"25-34": 5200}},
}  # fmt: skip
NOW = PLACED


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    return World(database).begin()


def asked(**changes: Any) -> SignUp:
    return SignUp(**{**MIRA, **changes})


def test_a_sign_up_is_decided_and_later_facts_take_nothing_back(world: World) -> None:
    with world.database.write(APP) as session:
        for changes, field in (
            ({"born_on": date(2012, 1, 1)}, "born_on"), ({"born_on": None}, "born_on"),
            ({"followers": 999}, "followers"), ({"born_on": date(1850, 1, 1)}, "born_on"),
            ({"accounts": [Account("myspace", "mira")]}, "networks.0.network"), ({"handle": "mіra"}, "handle"),
            ({"account_ref": " "}, "account_ref"), ({"audience": {"countries": {"DE": 9000, "AT": 2000}}}, "audience"),
            ({"country": "ZZ"}, "country"), ({"language": "deutsch"}, "language"),
        ):  # fmt: skip
            with pytest.raises(InputRefused) as refused, session.begin_nested():
                sign_up.sign_up(session, asked(**changes), by="app:t", now=NOW)
            assert refused.value.field == field
        assert queries.by_handle(session, "mira") is None
        assert "version 2" in _refusal(session, followers=999)

        # Registered before there were accounts: who signs up under that handle is the same creator.
        x, _, _ = sign_up.sign_up(session, asked(account_ref="u-x", handle="x", accounts=[]), by="app:t", now=NOW)
        assert (x.id, x.account_ref) == (world.creators["x"], "u-x")
        mira, row, _ = sign_up.sign_up(session, asked(), by="app:t", now=NOW)
        assert (row.outcome, row.policy_version, row.pilot_until) == ("accepted", 2, NOW + 30 * DAY)
        assert [(each.network, each.handle) for each in profiles.handles(session, mira.id)] == [
            ("app", "mira"), ("instagram", "mira.makes"),
        ]  # fmt: skip
        # The same account under another handle is the same creator, and the old handle is nobody else's.
        again, same, _ = sign_up.sign_up(session, asked(handle="mira.sews"), by="app:t", now=NOW + DAY)
        assert (again.id, again.handle, same.id) == (mira.id, "mira.sews", row.id)
        with pytest.raises(Conflict), session.begin_nested():
            sign_up.sign_up(
                session, asked(account_ref="u-2", handle="tal", accounts=[Account("Instagram", "MIRA.makes")]), by="t"
            )
        with pytest.raises(InputRefused, match="another creator's"), session.begin_nested():
            register.register(session, "mira", "Somebody", 9000, NOW + DAY)
        with pytest.raises(InputRefused, match="another creator's"), session.begin_nested():
            sign_up.sign_up(session, asked(account_ref="u-2", handle="mira.sews"), by="t", now=NOW + DAY)

        taking_up.take_up(session, mira.id, listing_id(world.shop_id, "A"), now=NOW + DAY)
        # Counts fall: nothing new, and what is promoted goes on.
        dropped = sign_up.tell_counts(session, mira, 700, {}, by="app:t", now=NOW + 2 * DAY)
        assert dropped is not None
        assert (dropped.outcome, dropped.reason, dropped.believed) == ("refused", "too_few_followers", 700)
        with pytest.raises(Conflict, match="refused") as stopped:
            taking_up.take_up(session, mira.id, listing_id(world.shop_id, "B"), now=NOW + 2 * DAY)
        assert "What they promote already goes on" in stopped.value.public
        assert promotions.stands(session, mira.id, world.shop_id, "A")
        assert queries.status_at(session, mira.id, NOW + 2 * DAY) == "active"
        # They jump: kept, flagged, and believed by itself after a week.
        jumped = sign_up.tell_counts(session, mira, 80_000, {}, by="app:t", now=NOW + 12 * DAY)
        assert jumped is not None
        assert (jumped.outcome, jumped.followers, jumped.believed, jumped.flags) == (
            "held", 80_000, 700, ["followers_jumped"],
        )  # fmt: skip
        assert eligibility.recheck_due(session, NOW + 18 * DAY, 10) == 1  # x alone: Mira was looked at since
        assert eligibility.recheck_due(session, NOW + 19 * DAY, 10) == 1
        newest = eligibility.newest(session, mira.id)
        assert newest is not None
        assert (newest.outcome, newest.occasion, newest.pilot_until) == ("accepted", "recheck", None)
        assert taking_up.take_up(session, mira.id, listing_id(world.shop_id, "B"), now=NOW + 19 * DAY).is_new
        kinds = [each.kind for each in notices.after(session, None, 50) if each.creator_id == mira.id]
        assert sorted(kinds) == sorted(
            ["creator.accepted", "creator.refused", "creator.held", "creator.flagged", "creator.accepted"]
        )
        # The programme goes off where they are.
        countries.switch(session, "DE", on=False, by="t", why="law", now=NOW + 20 * DAY)
        with pytest.raises(Conflict, match="off"):
            taking_up.take_up(session, mira.id, listing_id(world.shop_id, "B"), now=NOW + 20 * DAY)
        eligibility.decide(session, mira, "recheck", by="t", now=NOW + 20 * DAY)
        assert [each.reason for each in eligibility.history(session, mira.id)][:2] == ["country_closed", ""]


def test_counts_of_networks_add_up_where_nobody_says_the_whole(sqlite_database: Database) -> None:
    """What isn't said stays: one network's new count is no count of all."""
    with sqlite_database.write(APP) as session:

        def told(creator: Creator) -> tuple[int, int]:
            row = eligibility.newest(session, creator.id)
            return creator.followers, row.followers if row else 0

        two = [Account("instagram", "mira.makes", 4000), Account("tiktok", "mira", 2500)]
        mira, _, _ = sign_up.sign_up(session, asked(followers=None, accounts=two), by="t", now=NOW)
        assert told(mira) == (6500, 6500)
        one = asked(followers=None, accounts=[Account("instagram", "mira.makes", 4100)])
        sign_up.sign_up(session, one, by="t", now=NOW + DAY)
        assert mira.followers == 6600
        row = sign_up.tell_counts(session, mira, None, {"tiktok": 200}, by="t", now=NOW + 2 * DAY)
        assert (mira.followers, row and row.outcome, row and row.pilot_until is not None) == (4300, "accepted", True)
        # Told by itself it stays, whatever a network says.
        sign_up.tell_counts(session, mira, 9000, {}, by="t", now=NOW + 3 * DAY)
        sign_up.tell_counts(session, mira, None, {"tiktok": 100}, by="t", now=NOW + 4 * DAY)
        assert mira.followers == 9000


def _refusal(session: Any, **changes: Any) -> str:
    with pytest.raises(InputRefused) as refused, session.begin_nested():
        sign_up.sign_up(session, asked(**changes), by="app:t", now=NOW)
    return f"{refused.value.problem} {refused.value.remedy}"


def test_collections_are_opened_with_what_comes_new(world: World) -> None:
    """A and B have no tags; summer is C1…C5, of which C1 has a rate of its own."""
    shop_id, minute = world.shop_id, timedelta(minutes=1)
    with world.database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, shop_id)
        terms.withdraw(session, shop_id, by="test", now=NOW - DAY)
        summer = [product(f"C{n}", tags=("Summer", "x"), category="Hats") for n in range(1, 6)]
        take.apply_products(session, shop, summer, "run", NOW - DAY)
        terms.open_terms(session, shop_id, 3000, product_ref="C1", by="merchant", now=NOW - DAY)

        def stood(ref: str, at: Any) -> int | None:
            rate = rates.open_rate(session, shop_id, ref, at)
            return rate.rate_bp if rate else None

        for kind, value, rate, field in (
            ("tag", "winter", 1500, "value"), ("tag", "", 1500, "value"), ("shop", "x", 1500, "value"),
            ("colour", "red", 1500, "kind"), ("tag", "summer", 99, "rate_bp"), ("tag", "summer", 8001, "rate_bp"),
        ):  # fmt: skip
            with pytest.raises(InputRefused) as refused:
                openings.open_collection(session, shop_id, kind, value, rate, automatic=True, by="m", now=NOW)
            assert refused.value.field == field

        row = openings.open_collection(session, shop_id, "tag", " SUMMER", 1500, automatic=True, by="m", now=NOW)
        assert (openings.state(row), row.opened, row.kept) == ("open", 4, 1)
        assert [stood(ref, NOW) for ref in ("C1", "C2", "C5", "A")] == [3000, 1500, 1500, None]
        again = openings.open_collection(session, shop_id, "tag", "summer", 1500, automatic=True, by="m", now=NOW)
        assert again is row

        # A product that comes later, one that gets the tag later; one that isn't of it.
        later = [product("C6", tags=("summer",)), product("B", tags=("summer",)), product("Z")]
        take.apply_products(session, shop, later, "run2", NOW + minute)
        assert openings.carry_on(session, row, NOW + 2 * minute)
        assert not openings.carry_on(session, row, NOW + 3 * minute)
        assert [stood(ref, NOW + 3 * minute) for ref in ("C6", "B", "Z")] == [1500, 1500, None]

        # At a lower rate: another version; who had it keeps the old one. Then all of it is closed.
        mira, _, _ = sign_up.sign_up(session, asked(), by="t", now=NOW)
        link = taking_up.take_up(session, mira.id, listing_id(shop_id, "C2"), now=NOW + minute)
        assert (link.rate.rate_bp, link.is_new) == (1500, True)
        cut = openings.open_collection(session, shop_id, "tag", "summer", 1000, automatic=True, by="m", now=NOW + DAY)
        assert (row.replaced_by, openings.state(cut), cut.opened) == (cut.id, "open", 6)
        # Each product's version is what `terms` would have made of it alone: a cut, of which creators are told.
        versions = session.query(Terms).filter(Terms.recorded_by == f"opening:{cut.id}").all()
        assert {(each.version, each.kind, each.notice_at) for each in versions} == {(2, "open", NOW + 29 * DAY)}
        openings.carry_on(session, row, NOW + DAY)
        assert (openings.state(row), stood("C6", NOW + DAY)) == ("closed", 1000)
        kept = taking_up.take_up(session, mira.id, listing_id(shop_id, "C2"), now=NOW + DAY)
        assert (kept.link.id, kept.rate.rate_bp, kept.is_new) == (link.link.id, 1500, False)
        openings.close(session, cut.id, by="m", now=NOW + 2 * DAY)
        assert openings.state(cut) == "closed"
        assert [stood(ref, NOW + 2 * DAY) for ref in ("C1", "C2", "C6", "B")] == [3000, None, None, None]
        with pytest.raises(Conflict):
            openings.close(session, cut.id, by="m", now=NOW + 2 * DAY)
        with pytest.raises(InputRefused, match="isn't open to creators"):
            taking_up.take_up(session, mira.id, listing_id(shop_id, "C6"), now=NOW + 2 * DAY)

        # The whole shop with what comes new is one version; without it, each product of today.
        whole = openings.open_collection(session, shop_id, "shop", "", 700, automatic=True, by="m", now=NOW + 3 * DAY)
        assert [stood(ref, NOW + 3 * DAY) for ref in ("C1", "Z", "not there yet")] == [3000, 700, 700]
        with pytest.raises(Conflict, match="stands"):
            openings.open_collection(session, shop_id, "shop", "", 700, automatic=False, by="m", now=NOW + 3 * DAY)
        openings.close(session, whole.id, by="m", now=NOW + 4 * DAY)
        assert stood("Z", NOW + 4 * DAY) is None
        today = openings.open_collection(session, shop_id, "shop", "", 700, automatic=False, by="m", now=NOW + 5 * DAY)
        assert [stood(ref, NOW + 5 * DAY) for ref in ("C1", "Z", "not there yet")] == [3000, 700, None]
        assert (today.opened, today.kept) == (8, 1)
        assert session.query(Terms).filter(Terms.recorded_by == f"opening:{today.id}").count() == 8


def test_a_large_collection_is_walked_in_pieces_and_a_pilot_has_limits(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [product(f"D{n:02}", category="Deco") for n in range(7)], "run", NOW)
        row = Opening(
            id="opn_1", shop_id=shop.id, kind="category", value="deco", shown="Deco", rate_bp=2000, automatic=False,
            opened_at=NOW, opened_by="m", after_ref="", looked_at=NOW, opened=0, kept=0,
        )  # fmt: skip
        session.add(row)
        session.flush()
        steps = []
        while openings.carry_on(session, row, NOW, at_once=3):
            steps.append((row.opened, openings.state(row)))
        assert steps == [(3, "opening"), (6, "opening"), (7, "open")]

        mira, _, _ = sign_up.sign_up(session, asked(), by="t", now=NOW)
        for n in range(5):
            taking_up.take_up(session, mira.id, listing_id(shop.id, f"D{n:02}"), now=NOW)
        with pytest.raises(Conflict, match="within a day"):
            taking_up.take_up(session, mira.id, listing_id(shop.id, "D05"), now=NOW + timedelta(hours=23))
        assert not taking_up.take_up(session, mira.id, listing_id(shop.id, "D00"), now=NOW).is_new
        assert taking_up.take_up(session, mira.id, listing_id(shop.id, "D05"), now=NOW + DAY).is_new
        # The pilot is over: no limits.
        over = NOW + 31 * DAY
        for n in range(7):
            taking_up.take_up(session, mira.id, listing_id(shop.id, f"D{n:02}"), now=over)
        gone = session.get_one(Creator, mira.id)
        profiles.forget(session, gone.id)
        session.refresh(gone)
        assert (gone.account_ref, gone.born_on, list(profiles.handles(session, gone.id))) == (None, None, [])


def test_the_worker_s_rounds_open_what_comes_new_and_look_again(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [product("E1", tags=("new",))], "run", NOW)
        openings.open_collection(session, shop.id, "tag", "new", 2200, automatic=True, by="m", now=NOW)
        take.apply_products(session, shop, [product("E2", tags=("new",))], "run", NOW + timedelta(minutes=1))
        sign_up.sign_up(session, asked(), by="t", now=NOW)
    assert rounds.open_products(NOW + timedelta(minutes=2)) == 1
    assert rounds.open_products(NOW + timedelta(minutes=3)) == 0
    with world.database.read(APP) as session:
        rate = rates.open_rate(session, world.shop_id, "E2", NOW + timedelta(minutes=3))
        assert rate is not None
        assert rate.rate_bp == 2200
    assert rounds.look_at_creators(NOW + 6 * DAY) == 0
    assert rounds.look_at_creators(NOW + 7 * DAY) == 1
    assert rounds.look_at_creators(NOW + 7 * DAY) == 0
