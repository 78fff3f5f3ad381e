"""Touches, tokens, journeys, links: what is recorded, what is refused, what survives a bad copy."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import vault
from connector.commerce.catalog import ids, take
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import journeys, links, queries, tokens, touches
from connector.earnings.attribution.tables import Link, Touch
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.content import attach
from connector.programme.creators import followers, register
from tests.attribution.world import DAY, OPENED, PLACED, World, product

ALL = Scope.system("test")
SECOND = timedelta(seconds=1)


def test_a_token_is_short_signed_and_never_the_same() -> None:
    made = {tokens.make() for _ in range(500)}
    assert len(made) == 500
    for token in made:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", token)
        assert tokens.genuine(token)


@given(st.integers(0, 33), st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_is_forged(place: int, put: str) -> None:
    vault.use(vault.Vault([_KEY], "a hash key that is used by tests only, 32+"))
    token = tokens.make()
    bent = token[:place] + put + token[place + 1 :]
    assert tokens.genuine(bent) == (bent == token)


_KEY = "c2FtcGxlLXNlYWxpbmcta2V5LWZvci10ZXN0cy1vbmw="


@pytest.mark.parametrize("bent", ["", "t1", "T1" + "0" * 32, "t1" + "0" * 32, "t1" + "0" * 31 + "é", " "])
def test_what_only_looks_like_a_token_is_forged(bent: str) -> None:
    assert not tokens.genuine(bent)
    assert not tokens.genuine(tokens.make() + "\n")
    assert not tokens.genuine(bent + tokens.make() + "x")


def test_a_token_of_another_key_is_forged() -> None:
    token = tokens.make()
    vault.use(vault.Vault([_KEY], "another hash key that is used by tests only"))
    assert not tokens.genuine(token)


def test_a_buyer_id_and_a_cookie_of_equal_text_are_two_journeys() -> None:
    assert journeys.of_buyer("12345") != journeys.of_cookie("12345")
    assert journeys.of_buyer("12345") == journeys.of_buyer("12345")
    assert "12345" not in journeys.of_buyer("12345")


@pytest.mark.parametrize("buyer", ["", "  ", "x" * 201, "mira@example.com"])
def test_a_buyer_id_that_is_none_is_refused(buyer: str) -> None:
    with pytest.raises(InputRefused) as refused:
        journeys.of_buyer(buyer)
    assert refused.value.field == "buyer"


def test_a_touch_keeps_what_stood_at_the_tap(world: World) -> None:
    touch = world.tap("x", at=PLACED - DAY, heard=PLACED - timedelta(hours=3), buyer="b")
    with world.database.read(ALL) as session:
        kept = session.get_one(Touch, touch.id)
        assert (kept.at, kept.received_at) == (PLACED - DAY, PLACED - timedelta(hours=3))
        assert kept.window_seconds == 14 * 86400
        assert kept.terms_id is not None
        assert (kept.eligible, kept.flags, kept.journey) == (True, [], journeys.of_buyer("b"))
        assert queries.touch_counts(session, list(world.creators.values())) == {
            world.creators["x"]: 1, world.creators["y"]: 0,
        }  # fmt: skip


def test_a_tap_is_at_most_a_day_back_and_never_ahead(world: World) -> None:
    for at in (PLACED - DAY, PLACED):
        assert world.tap("x", at=at, heard=PLACED).at == at
    for at in (PLACED - DAY - SECOND, PLACED + SECOND):
        with pytest.raises(InputRefused) as refused:
            world.tap("x", at=at, heard=PLACED)
        assert refused.value.field == "at"


def test_a_touch_of_a_suspended_creator_is_kept_and_says_so(world: World) -> None:
    with world.database.write(ALL) as session:
        register.set_status(session, world.creators["x"], "suspended", now=PLACED - 2 * DAY)
    assert world.tap("x").flags == ["creator_suspended"]


def _record(world: World, now: Any, *, journey: str | None = None, device: str | None = None) -> Touch:
    tapped = touches.Tapped(world.shop_id, world.creators["x"], "lst_A", "A")
    with world.database.write(ALL) as session:
        return touches.record(session, tapped, kind="link", journey=journey, device=device, per_minute=3, now=now)


def test_clicks_over_the_rate_are_kept_flagged_and_never_credited(world: World) -> None:
    flags = [_record(world, PLACED - DAY + n * SECOND, journey="j").flags for n in range(5)]
    assert flags == [[], [], [], ["over_rate"], ["over_rate"]]
    assert _record(world, PLACED - DAY + 60 * SECOND, journey="other").flags == []
    # A minute after the first one, one may click again... unless one went on clicking meanwhile.
    assert _record(world, PLACED - DAY + 61 * SECOND, journey="j").flags == ["over_rate"]
    assert _record(world, PLACED - DAY + 130 * SECOND, journey="j").flags == []
    last = _record(world, PLACED - DAY + 131 * SECOND, journey="j")
    world.order([last], ref="1")
    flooded = [_record(world, PLACED - SECOND * 30, journey="k") for _ in range(4)]
    decided = world.order([flooded[-1]], ref="2")["1"]
    # The flooding token's own touch isn't credited; the journey's earlier, honest ones are.
    assert decided.touch_id == flooded[2].id


def test_a_device_that_throws_its_cookies_away_is_counted_by_itself(world: World) -> None:
    flags = [_record(world, PLACED + n * SECOND, journey=f"j{n}", device="d").flags for n in range(5)]
    assert flags == [[], [], [], ["over_rate"], ["over_rate"]]
    # A returning journey behind the same address isn't blamed for it.
    assert _record(world, PLACED + 5 * SECOND, journey="j0", device="d").flags == []


def test_device_hashes_go_after_their_time(world: World) -> None:
    touch = _record(world, PLACED, device="d")
    assert touch.device_until is not None
    with world.database.write(ALL) as session:
        assert touches.forget_devices(session, touch.device_until - SECOND) == 0
        assert touches.forget_devices(session, touch.device_until) == 1
    with world.database.read(ALL) as session:
        kept = session.get_one(Touch, touch.id)
        assert (kept.device_hash, kept.device_until, kept.token) == (None, None, touch.token)


def test_a_touch_keeps_the_window_of_its_kind_as_it_stood(world: World) -> None:
    tapped = touches.Tapped(world.shop_id, world.creators["x"], "lst_A", "A")
    with world.database.write(ALL) as session:
        settings.change(session, world.shop_id, "live_window_minutes", 30, by="test", starts_at=PLACED, now=PLACED)
        settings.change(session, world.shop_id, "ad_window_days", 3, by="test", starts_at=PLACED, now=PLACED)
        before = {k: touches.record(session, tapped, kind=k, at=PLACED - DAY / 2, now=PLACED) for k in touches.KINDS}
        after = {k: touches.record(session, tapped, kind=k, now=PLACED) for k in touches.KINDS}
    days = {kind: touch.window_seconds / 86400 for kind, touch in before.items()}
    assert days == {"link": 14, "video": 14, "post": 14, "live": 7, "ad": 7, "cart": 14}
    assert (after["live"].window_seconds, after["ad"].window_seconds) == (1800, 3 * 86400)
    for kind in ("", "click"):
        with world.database.write(ALL) as session, pytest.raises(InputRefused):
            touches.record(session, tapped, kind=kind, now=PLACED)


def test_a_repeated_request_finds_its_touch_and_another_one_is_a_conflict(world: World) -> None:
    tapped = touches.Tapped(world.shop_id, world.creators["x"], "lst_A", "A")
    key = touches.request_key("tok_1", "abc")
    with world.database.write(ALL) as session:
        made = touches.record(session, tapped, kind="video", request_key=key, now=PLACED)
        assert touches.repeated(session, key, tapped, "video", None) is made
        assert touches.repeated(session, touches.request_key("tok_2", "abc"), tapped, "video", None) is None
        with pytest.raises(Conflict):
            touches.repeated(session, key, tapped, "live", None)
    for bad in ("", "x" * 201):
        with pytest.raises(InputRefused):
            touches.request_key("tok_1", bad)


@pytest.fixture
def link(world: World) -> Link:
    with world.database.write(ALL) as session:
        return links.create(session, world.creators["x"], ids.listing_id(world.shop_id, "A"), now=PLACED)


def test_a_link_asked_for_again_is_the_same_link(world: World, link: Link) -> None:
    listing_id = ids.listing_id(world.shop_id, "A")
    with world.database.write(ALL) as session:
        content = attach.ensure(session, world.creators["x"], "app", "v1", "video", "", PLACED).id
        again = links.create(session, world.creators["x"], listing_id, now=PLACED + DAY)
        others = [
            links.create(session, world.creators["y"], listing_id, now=PLACED),
            links.create(session, world.creators["x"], listing_id, content_id=content, now=PLACED),
            links.create(session, world.creators["x"], listing_id, variant_ref="A1", now=PLACED),
            links.create(session, world.creators["x"], ids.listing_id(world.shop_id, "B"), now=PLACED),
        ]
        assert (again.id, again.code) == (link.id, link.code)
        assert len({each.code for each in others} | {link.code}) == 5
        assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{10}", link.code)


def test_a_link_needs_what_it_stands_for(world: World, link: Link) -> None:
    a, b = ids.listing_id(world.shop_id, "A"), world.creators
    with world.database.write(ALL) as session:
        of_y = attach.ensure(session, b["y"], "app", "v1", "video", "", PLACED).id
        for error, asked in (
            (NotFound, {"creator_id": "crt_nobody", "listing_id": a}),
            (NotFound, {"creator_id": b["x"], "listing_id": "lst_nothing"}),
            (NotFound, {"creator_id": b["x"], "listing_id": a, "content_id": "cnt_nothing"}),
            (InputRefused, {"creator_id": b["x"], "listing_id": a, "content_id": of_y}),
            (InputRefused, {"creator_id": b["x"], "listing_id": a, "variant_ref": "B1"}),
            (InputRefused, {"creator_id": b["x"], "listing_id": a, "variant_ref": "nothing"}),
        ):
            with pytest.raises(error):
                links.create(session, **asked, now=PLACED)  # type: ignore[arg-type]


_DAMAGE: list[Callable[[str], str]] = [
    lambda c: c.upper(), lambda c: c + ".", lambda c: c + ")", lambda c: c + "…", lambda c: f"({c})",
    lambda c: c + "x", lambda c: c + "/?utm=1", lambda c: c[:-1], lambda c: c[:-1] + ".", lambda c: " " + c,
    lambda c: c.replace("0", "o").replace("1", "l"), lambda c: c[:5] + "-" + c[5:],
]  # fmt: skip


def test_a_damaged_code_still_leads_home(world: World, link: Link) -> None:
    """COMPLAINTS 19."""
    with world.database.read(ALL) as session:
        for damage in _DAMAGE:
            found = links.resolve(session, damage(link.code))
            assert found.link is not None, damage(link.code)
            assert found.link.id == link.id
        assert links.resolve(session, link.code).mended is False


def test_what_cannot_be_mended_for_certain_is_unknown_and_names_the_nearest(world: World, link: Link) -> None:
    with world.database.write(ALL) as session:
        other = "0" if link.code[-1] != "0" else "2"
        for typed in (link.code[:-2], link.code[:-1] + other, link.code[:7]):
            found = links.resolve(session, typed)
            assert (found.link, found.nearest) == (None, link.code)
        for typed in ("", "zzzzzzzzzz", "....", "\x00" * 30, "é" * 5000):
            assert links.resolve(session, typed).link is None
        twin = links.create(session, world.creators["y"], link.listing_id, now=PLACED)
        twin.code = link.code[:-1] + other
        session.flush()
        # Two codes begin so: crediting either would be a guess.
        assert links.resolve(session, link.code[:-1]).link is None


def test_a_code_of_a_gone_product_is_kept_for_ever(world: World, link: Link) -> None:
    with world.database.write(ALL) as session:
        take.mark_gone(session, world.shop_id, ["A"], PLACED)
        assert links.by_code(session, link.code) is not None
        take.apply_products(session, session.get_one(Shop, world.shop_id), [product("A")], "run", PLACED)
        again = links.create(session, world.creators["x"], link.listing_id, now=PLACED)
        assert again.code == link.code
    assert OPENED < PLACED


def test_followers_are_counted_as_of_the_tap(world: World) -> None:
    """A later drop takes nothing back, a later rise gives nothing afterwards (F1): whoever heard of it when."""
    with world.database.write(Scope.system("test")) as session:
        settings.change(session, world.shop_id, "minimum_followers", "1000", by="test", starts_at=OPENED, now=OPENED)
        x = world.creators["x"]
        first = followers.at(session, x, PLACED)
        assert first is not None
        assert (first.count, first.said_by) == (1200, "app")
        followers.say(session, x, 900, by="app:two", now=PLACED - DAY)
        assert followers.say(session, x, 900, by="app:two", now=PLACED).starts_at == PLACED - DAY
        assert (followers.count_at(session, x, PLACED - 2 * DAY), followers.count_at(session, x, PLACED)) == (1200, 900)
        with pytest.raises(InputRefused):
            followers.say(session, x, -1, by="test")
        with pytest.raises(NotFound):
            followers.count_at(session, "crt_nobody", PLACED)
    # Heard of after the drop, and tapped before it.
    before = world.tap("x", at=PLACED - DAY - DAY / 24, heard=PLACED - DAY / 2)
    after = world.tap("x", at=PLACED - DAY / 2)
    assert [(t.eligible, t.followers, t.followers_needed) for t in (before, after)] == [
        (True, 1200, 1000), (False, 900, 1000),
    ]  # fmt: skip
    assert world.order([before])["1"].credit_reason == "last_click_direct"
    held = world.order([after], ref="7002")["1"]
    assert (held.credit_reason, held.creator_id) == ("creator_ineligible", None)
    shown = held.evidence["candidates"][0]
    assert (shown["why"], shown["followers"], shown["followers_needed"]) == ("followers_below_minimum", 900, 1000)
