"""Creators, content and terms: canonical names, dated facts, nothing backdated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy.exc
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import rates, terms
from connector.programme.collaborations.offer import Rate, Version, in_force
from connector.programme.collaborations.tables import Terms
from connector.programme.content import attach
from connector.programme.creators import queries, register
from connector.programme.creators.handles import canonical

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = Scope.system("test")


@pytest.fixture
def shop_id(database: Database) -> str:
    with database.write(ALL) as session:
        shop = Shop(
            id=new_id("shp"), platform="plain", domain="one.example", currency="EUR", installed_at=NOW, created_at=NOW
        )
        session.add(shop)
        return shop.id


@pytest.mark.parametrize(("typed", "handle"), [("@Mira", "mira"), ("  @@MIRA ", "mira"), ("ＭＩＲＡ", "mira"),
                                               ("straße", "strasse"), ("İpek", "i̇pek"), ("a.b-c_9", "a.b-c_9"),
                                               ("मीरा", "मीरा"), ("ﬁt", "fit")])  # fmt: skip
def test_a_handle_has_one_form(typed: str, handle: str) -> None:
    assert canonical(typed) == handle
    assert canonical(handle) == handle


@pytest.mark.parametrize("typed", ["", "@", " ", "a b", "a/b", "<b>", "a" * 65, "mira\u202e", "a\x00", "😀"])
def test_what_is_no_handle_is_refused(typed: str) -> None:
    with pytest.raises(InputRefused) as refused:
        canonical(typed)
    assert refused.value.field == "handle"


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_the_form(typed: str) -> None:
    try:
        handle = canonical(typed)
    except InputRefused:
        return
    assert canonical("@" + handle.upper()) in (handle, canonical(handle.upper()))
    assert canonical(handle) == handle


def test_registering_again_updates_and_makes_no_second_creator(database: Database) -> None:
    with database.write(ALL) as session:
        first = register.register(session, "@Mira", "Mira", 10, NOW)
        again = register.register(session, "MIRA", "Mira B.", 20, NOW + DAY)
        assert (again.id, again.name, again.followers, again.created_at) == (first.id, "Mira B.", 20, NOW)
        assert queries.by_handle(session, "@mira ") is again
        assert queries.status_at(session, first.id, NOW) == "active"


def test_a_status_counts_from_its_start_and_is_never_backdated(database: Database) -> None:
    with database.write(ALL) as session:
        mira = register.register(session, "mira", "Mira", 10, NOW)
        register.set_status(session, mira.id, "suspended", starts_at=NOW + 2 * DAY, now=NOW)
        register.set_status(session, mira.id, "active", starts_at=NOW + 3 * DAY, now=NOW)
        tick = timedelta(microseconds=1)
        stood = [queries.status_at(session, mira.id, NOW + moment) for moment in
                 (-tick, 0 * tick, 2 * DAY - tick, 2 * DAY, 3 * DAY)]  # fmt: skip
        assert stood == ["unknown", "active", "active", "suspended", "active"]
        with pytest.raises(InputRefused):
            register.set_status(session, mira.id, "closed", starts_at=NOW - tick, now=NOW)
        with pytest.raises(InputRefused):
            register.set_status(session, mira.id, "asleep", now=NOW)
        with pytest.raises(NotFound):
            register.set_status(session, "crt_nobody", "active", now=NOW)


@pytest.mark.parametrize(("followers", "name"), [(-1, "x"), (10**11, "x"), (1, "x" * 201)])
def test_a_creator_that_cannot_be_is_refused(database: Database, followers: int, name: str) -> None:
    with database.write(ALL) as session, pytest.raises(InputRefused):
        register.register(session, "mira", name, followers, NOW)


def test_content_is_known_by_network_and_reference(database: Database) -> None:
    with database.write(ALL) as session:
        mira = register.register(session, "mira", "Mira", 10, NOW).id
        yuki = register.register(session, "yuki", "Yuki", 10, NOW).id
        video = attach.ensure(session, mira, "App", "v1", "video", "Shoes", NOW)
        again = attach.ensure(session, mira, "app", " v1 ", "video", "", NOW + DAY)
        assert (again.id, again.title, again.network) == (video.id, "Shoes", "app")
        assert attach.ensure(session, yuki, "app", "v1", "video", "", NOW).id != video.id
        with pytest.raises(Conflict):
            attach.ensure(session, mira, "app", "v1", "live", "", NOW)
        for changes in ({"kind": "photo"}, {"network": " "}, {"content_ref": ""}, {"content_ref": "x" * 201}):
            asked: dict[str, Any] = {"network": "app", "content_ref": "v9", "kind": "video", **changes}
            with pytest.raises(InputRefused) as refused:
                attach.ensure(session, mira, **asked, now=NOW)
            assert refused.value.field in changes
        with pytest.raises(NotFound):
            attach.ensure(session, "crt_nobody", "app", "v1", "video", "", NOW)


@pytest.mark.parametrize("rate", [99, 8001, 0, -100, True, 12.5])
def test_a_rate_outside_one_to_eighty_per_cent_is_refused(database: Database, shop_id: str, rate: Any) -> None:
    with database.write(ALL) as session, pytest.raises(InputRefused) as refused:
        terms.open_terms(session, shop_id, rate, by="test", now=NOW)
    assert refused.value.field == "rate_bp"


def test_the_tables_refuse_such_a_rate_too(database: Database, shop_id: str) -> None:
    with database.write(ALL) as session:
        row = terms.open_terms(session, shop_id, 100, by="test", now=NOW)
        row.rate_bp = 8001
        with pytest.raises(sqlalchemy.exc.IntegrityError):
            session.flush()
        session.rollback()


def test_a_product_s_own_rate_stands_before_the_shop_s_and_each_version_for_its_time(
    database: Database, shop_id: str
) -> None:
    with database.write(ALL) as session:
        whole = terms.open_terms(session, shop_id, 1000, by="test", now=NOW)
        own = terms.open_terms(session, shop_id, 2000, product_ref="A", by="test", now=NOW + DAY)
        cut = terms.open_terms(session, shop_id, 800, starts_at=NOW + 3 * DAY, by="test", now=NOW + DAY)
        terms.withdraw(session, shop_id, product_ref="A", by="test", now=NOW + 2 * DAY)
        tick = timedelta(microseconds=1)

        def stood(product: str, moment: timedelta) -> Rate | None:
            return rates.open_rate(session, shop_id, product, NOW + moment)

        assert stood("A", -tick) is None
        assert stood("A", 0 * DAY) == Rate(1000, whole.id)
        assert stood("A", DAY) == Rate(2000, own.id)
        assert stood("A", 2 * DAY - tick) == Rate(2000, own.id)
        assert stood("A", 2 * DAY) == Rate(1000, whole.id)
        assert stood("B", DAY) == Rate(1000, whole.id)
        assert stood("B", 3 * DAY) == Rate(800, cut.id)
        assert (whole.version, cut.version, own.version) == (1, 2, 1)


def test_terms_are_never_edited_or_backdated(database: Database, shop_id: str) -> None:
    with database.write(ALL) as session:
        first = terms.open_terms(session, shop_id, 1000, by="test", now=NOW)
        with pytest.raises(InputRefused) as refused:
            terms.open_terms(session, shop_id, 900, starts_at=NOW - timedelta(minutes=2), by="test", now=NOW)
        assert refused.value.field == "starts_at"
        # A start that the caller wrote down a moment ago is now.
        moment = NOW + DAY
        just = terms.open_terms(session, shop_id, 900, starts_at=moment - timedelta(seconds=5), by="test", now=moment)
        assert just.starts_at == moment
        with pytest.raises(Conflict):
            terms.open_terms(session, shop_id, 700, starts_at=moment, by="test", now=moment)
        terms.open_terms(session, shop_id, 700, starts_at=moment + 5 * DAY, by="test", now=moment)
        with pytest.raises(Conflict):
            terms.open_terms(session, shop_id, 600, starts_at=moment + 2 * DAY, by="test", now=moment)
        assert (first.rate_bp, first.starts_at, first.ends_at) == (1000, NOW, None)


def test_the_standing_rate_asked_for_again_makes_no_new_version(database: Database, shop_id: str) -> None:
    with database.write(ALL) as session:
        first = terms.open_terms(session, shop_id, 1000, by="test", now=NOW)
        assert terms.open_terms(session, shop_id, 1000, by="test", now=NOW + DAY) is first
        terms.withdraw(session, shop_id, by="test", now=NOW + 2 * DAY)
        terms.withdraw(session, shop_id, by="test", now=NOW + 3 * DAY)
        assert session.query(Terms).count() == 2
        assert terms.open_terms(session, shop_id, 1000, by="test", now=NOW + 4 * DAY).version == 3


def test_terms_need_a_shop_and_something_to_withdraw(database: Database, shop_id: str) -> None:
    with database.write(ALL) as session:
        with pytest.raises(NotFound):
            terms.open_terms(session, "shp_nobody", 1000, by="test", now=NOW)
        with pytest.raises(NotFound):
            terms.withdraw(session, shop_id, product_ref="A", by="test", now=NOW)


versions = st.lists(
    st.builds(
        Version,
        terms_id=st.uuids().map(str),
        product_ref=st.sampled_from(["", "A", "B"]),
        rate_bp=st.one_of(st.none(), st.integers(100, 8000)),
        version=st.integers(1, 100),
        starts_at=st.integers(-10, 10).map(lambda n: NOW + n * DAY),
    ),
    max_size=8,
    unique_by=lambda v: (v.product_ref, v.version),
)


@given(versions, st.integers(-11, 11))
def test_what_starts_later_never_changes_what_stood(held: list[Version], day: int) -> None:
    """F1: no rule reads now; a version recorded later only counts from its start on."""
    moment = NOW + day * DAY
    by_then = [v for v in held if v.starts_at <= moment]
    assert in_force(held, "A", moment) == in_force(by_then, "A", moment) == in_force(held[::-1], "A", moment)
