"""`GET /go/<code>` as a buyer's browser, a crawler and a prefetch see it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from connector import outbound, vault
from connector.checkout import cart
from connector.checkout.routes import COOKIE
from connector.checkout.visitors import visitor
from connector.commerce.catalog import ids, take
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import connect
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import Scope
from connector.earnings.attribution import journeys, links, tokens, touches
from connector.earnings.attribution.tables import Link, LinkTag, Touch, UnknownCode
from connector.errors import Conflict, HostRefused, PlatformBusy, PlatformDown
from connector.platforms import roster
from connector.programme.content import attach
from tests.attribution.world import PLACED, World, app_settings, product
from tests.conftest import wired

ALL = Scope.system("test")
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
IN_APP = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/124.0.6367.82 Mobile Safari/537.36 trill_340103 AppName/musical_ly BytedanceWebview/d8a21c6"
)


@pytest.fixture
def link(world: World) -> Link:
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [product("S", "S1", "S2", "S3")], "run", PLACED)
        content = attach.ensure(session, world.creators["x"], "app", "v1", "video", "", PLACED).id
        listing = ids.listing_id(world.shop_id, "S")
        return links.create(session, world.creators["x"], listing, variant_ref="S2", content_id=content, now=PLACED)


def open_link(client: FlaskClient, code: str, agent: str = PHONE, **headers: str) -> TestResponse:
    sent = {"User-Agent": agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.get(f"/go/{code}", headers=sent)


def kept(world: World) -> list[Touch]:
    with world.database.read(ALL) as session:
        rows = session.query(Touch).order_by(Touch.id).all()
        session.expunge_all()
        return rows


def sell(world: World, *products: object) -> None:
    with world.database.write(ALL) as session:
        take.apply_products(session, session.get_one(Shop, world.shop_id), products, "run", PLACED)  # type: ignore[arg-type]


def test_a_click_is_recorded_and_leads_into_the_cart_with_its_token(app: Flask, world: World, link: Link) -> None:
    answer = open_link(app.test_client(), link.code)
    (touch,) = kept(world)
    target = urlsplit(answer.headers["Location"])
    assert answer.status_code == 302
    assert (target.scheme, target.netloc, target.path) == ("https", "one.plain.example", "/cart/S2:1")
    assert {value for _, value in parse_qsl(target.query)} == {touch.token}
    assert tokens.genuine(touch.token)
    assert (touch.creator_id, touch.content_id, touch.link_id) == (link.creator_id, link.content_id, link.id)
    assert (touch.kind, touch.at, touch.received_at) == ("link", PLACED, PLACED)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Path=/go" in cookie


def test_outside_dev_the_cookie_is_secure(world: World, link: Link) -> None:
    settings = app_settings(env="production", public_url="https://connector.example")
    answer = open_link(wired(settings).test_client(), link.code)
    assert answer.status_code == 302
    assert "Secure" in answer.headers["Set-Cookie"]


def test_clicks_of_one_browser_are_one_journey_and_nothing_of_it_is_kept_in_clear(
    app: Flask, world: World, link: Link
) -> None:
    client, other = app.test_client(), app.test_client()
    for each in (client, client, other):
        assert open_link(each, link.code).status_code == 302
    first, second, third = kept(world)
    assert first.journey == second.journey != third.journey
    cookie = client.get_cookie(COOKIE, path="/go")
    assert cookie is not None
    assert first.journey == journeys.of_cookie(cookie.value)
    assert cookie.value not in str(vars(first))
    assert first.device_hash is not None
    assert "127.0.0.1" not in first.device_hash
    assert first.device_until is not None
    assert first.device_until > PLACED


def test_a_cookie_that_we_did_not_give_out_is_replaced(app: Flask, world: World, link: Link) -> None:
    for value in ("", "short", "x" * 25, "a b", "x" * 4000):
        client = app.test_client()
        client.set_cookie(COOKIE, value, path="/go")
        answer = open_link(client, link.code)
        assert answer.status_code == 302
        assert journeys.usable(answer.headers["Set-Cookie"].split(";")[0].removeprefix(f"{COOKIE}="))


def test_a_browser_that_looks_ahead_makes_no_touch_and_gets_nothing_to_keep(
    app: Flask, world: World, link: Link
) -> None:
    client = app.test_client()
    for headers in (
        {"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"},
        {"X-Purpose": "preview"}, {"X-Moz": "prefetch"}, {"SEC-PURPOSE": "Prefetch"},
    ):  # fmt: skip
        answer = open_link(client, link.code, **headers)
        assert answer.status_code == 403
        assert answer.headers["Cache-Control"] == "no-store"
        assert COOKIE not in answer.headers.get("Set-Cookie", "")
    assert kept(world) == []
    # When the person really comes, it is a touch.
    assert open_link(client, link.code).status_code == 302
    assert len(kept(world)) == 1


def test_a_machine_sees_the_product_and_is_no_touch(app: Flask, world: World, link: Link) -> None:
    for agent in (
        "facebookexternalhit/1.1", "WhatsApp/2.23.20.0 A", "TelegramBot (like TwitterBot)", "curl/8.5.0", "",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "python-requests/2.32.3",
        "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    ):  # fmt: skip
        answer = open_link(app.test_client(), link.code, agent)
        assert (answer.status_code, answer.headers["Location"]) == (302, "https://one.plain.example/products/S")
        assert COOKIE not in answer.headers.get("Set-Cookie", "")
    assert kept(world) == []


@pytest.mark.parametrize("agent", [PHONE, IN_APP])
def test_people_in_a_browser_and_in_an_app_s_web_view_are_people(agent: str) -> None:
    assert visitor("GET", Headers({"User-Agent": agent})) == "person"
    assert visitor("HEAD", Headers({"User-Agent": agent})) == "machine"


def test_head_is_no_touch(app: Flask, world: World, link: Link) -> None:
    answer = app.test_client().head(f"/go/{link.code}", headers={"User-Agent": PHONE})
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://one.plain.example/products/S")
    assert kept(world) == []


def test_clicks_over_the_rate_still_lead_to_the_store_and_are_not_eligible(
    app: Flask, world: World, link: Link
) -> None:
    client = app.test_client()
    answers = [open_link(client, link.code) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {302}
    assert [touch.flags for touch in kept(world)] == [[], [], [], ["over_rate"], ["over_rate"]]


def test_a_flood_does_not_fill_the_table(app: Flask, world: World, link: Link) -> None:
    client = app.test_client()
    last = [open_link(client, link.code) for _ in range(34)][-1]
    assert (last.status_code, len(kept(world))) == (302, 30)
    assert last.headers["Location"] == "https://one.plain.example/products/S"


def test_a_damaged_link_leads_home_and_an_unknown_one_says_so(
    app: Flask, world: World, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    client = app.test_client()
    for code in (link.code.upper(), link.code + ").", link.code[:-1], link.code + "/x"):
        assert open_link(client, code).status_code == 302, code
    answer = open_link(client, link.code[:-3])
    assert answer.status_code == 404
    assert "doesn&#39;t lead anywhere" in answer.text
    assert "Location" not in answer.headers
    # One slip away is nobody's to follow, and is kept with what it may have been.
    code, other = link.code, "2" if link.code[0] != "2" else "3"
    tag = {"tag": "lamp-of-mira", "shown": "Lamp-of-Mira", "shop_id": world.shop_id, "brought_by": "t"}
    with world.database.write(ALL) as session:
        session.execute(sa.insert(LinkTag).values(tag | {"link_id": link.id, "brought_at": PLACED}))
        session.execute(sa.delete(UnknownCode))
    for bent in (other + code[1:], code[1:], code[:3] + other + code[3:], "Lamp-of-mir", "Lampo-f-mira"):
        assert open_link(client, bent).status_code == 404, bent
    with world.database.read(ALL) as session:
        assert [each.nearest for each in session.scalars(sa.select(UnknownCode))] == 5 * [code]


def test_nothing_of_the_query_decides_where_to(app: Flask, world: World, link: Link) -> None:
    for query in ("?url=https://evil.example", "?next=//evil.example", "?shop=evil.example"):
        answer = open_link(app.test_client(), link.code + query)
        assert urlsplit(answer.headers["Location"]).netloc == "one.plain.example"
        assert "evil" not in answer.headers["Location"]


def test_a_store_that_left_is_said_and_no_touch_is_recorded(app: Flask, world: World, link: Link) -> None:
    with world.database.write(ALL) as session:
        connect.leave(session, session.get_one(Shop, world.shop_id), PLACED)
    answer = open_link(app.test_client(), link.code)
    assert answer.status_code == 410
    assert "This store doesn&#39;t sell here any more." in answer.text
    assert kept(world) == []
    assert COOKIE not in answer.headers.get("Set-Cookie", "")


def test_a_product_that_is_gone_or_sold_out_is_said_and_no_touch_is_recorded(
    app: Flask, world: World, link: Link
) -> None:
    with world.database.write(ALL) as session:
        for row in session.query(VariantRow).filter_by(product_ref="S"):
            row.available = False
    answer = open_link(app.test_client(), link.code)
    assert (answer.status_code, "It is sold out." in answer.text) == (410, True)
    with world.database.write(ALL) as session:
        take.mark_gone(session, world.shop_id, ["S"], PLACED + timedelta(minutes=1))
    answer = open_link(app.test_client(), link.code)
    assert "The store doesn&#39;t sell this product any more." in answer.text
    assert kept(world) == []


def test_a_variant_that_is_sold_out_leads_to_the_first_on_sale(app: Flask, world: World, link: Link) -> None:
    with world.database.write(ALL) as session:
        session.get_one(VariantRow, ids.variant_id(world.shop_id, "S2")).available = False
    answer = open_link(app.test_client(), link.code)
    assert urlsplit(answer.headers["Location"]).path == "/cart/S1:1"
    with world.database.read(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        # A variant of another product is never put into the cart.
        assert cart.buyable(session, shop, "S", "A1") == "S1"
        with pytest.raises(Conflict):
            cart.buyable(session, shop, "nothing", None)


def test_only_get_and_head(app: Flask, link: Link) -> None:
    client = app.test_client()
    assert client.post(f"/go/{link.code}").status_code == 405


@pytest.mark.parametrize(
    ("referrer", "flagged"),
    [
        ("", False), ("https://www.tiktok.com/", False), ("https://one.plain.example/", True),
        ("https://ONE.plain.example/products/S", True), ("https://checkout.one.plain.example/", True),
        ("https://pay.plain.example/", True), ("https://one.plain.example.evil.example/", False), ("https://[", False),
    ],
)  # fmt: skip
def test_a_click_from_the_store_itself_says_so(
    app: Flask, world: World, link: Link, referrer: str, flagged: bool
) -> None:
    assert open_link(app.test_client(), link.code, Referer=referrer).status_code == 302
    (touch,) = kept(world)
    assert ("at_checkout" in touch.flags, touch.way) == (flagged, "permalink")


@pytest.mark.parametrize("destination", ["iframe", "image", "empty", "script", "embed"])
def test_what_another_page_loads_behind_the_buyer_s_back_is_no_click(
    app: Flask, world: World, link: Link, destination: str
) -> None:
    answer = open_link(app.test_client(), link.code, Sec_Fetch_Dest=destination)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://one.plain.example/products/S")
    assert kept(world) == []
    assert open_link(app.test_client(), link.code, Sec_Fetch_Dest="document").status_code == 302
    assert len(kept(world)) == 1


def grant_carts(world: World, monkeypatch: pytest.MonkeyPatch, scopes: str) -> None:
    plain = roster.platform("plain")
    can = dataclasses.replace(plain, capabilities=plain.capabilities | {"storefront_carts"})
    monkeypatch.setattr(roster, "platforms", lambda: {"plain": can})
    monkeypatch.setattr(outbound, "current", lambda: None)
    with world.database.write(ALL) as session:
        session.add(
            GrantRow(
                shop_id=world.shop_id, access_sealed=vault.current().seal("key"), refresh_sealed=None,
                previous_refresh_sealed=None,
                scopes=scopes, scopes_at=None, expires_at=None, refresh_expires_at=None, generation=1,
                renewed_at=PLACED, lease_owner=None, lease_until=None,
            )
        )  # fmt: skip


def test_a_cart_is_made_at_the_store_where_the_merchant_agreed(
    app: Flask, world: World, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_carts(world, monkeypatch, "read_orders write_carts")
    answer = open_link(app.test_client(), link.code)
    (touch,) = kept(world)
    assert answer.headers["Location"] == f"https://one.plain.example/checkouts/cn/{touch.token}"
    assert touch.way == "storefront_cart"


@pytest.mark.parametrize(
    "problem", [PlatformDown("slow"), PlatformBusy("429", retry_after=1), HostRefused("elsewhere")]
)
def test_a_store_that_makes_no_cart_is_reached_by_the_permalink(
    app: Flask, world: World, link: Link, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    grant_carts(world, monkeypatch, "write_carts")

    def fails(*_: object, **__: object) -> str:
        raise problem

    monkeypatch.setattr(type(roster.platform("plain").checkout), "make_cart", fails)
    answer = open_link(app.test_client(), link.code)
    (touch,) = kept(world)
    assert urlsplit(answer.headers["Location"]).path == "/cart/S2:1"
    assert touch.way == "permalink"


def test_without_the_scope_nobody_asks_the_storefront(
    app: Flask, world: World, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_carts(world, monkeypatch, "read_orders")
    assert urlsplit(open_link(app.test_client(), link.code).headers["Location"]).path == "/cart/S2:1"


def test_a_code_is_only_carried(world: World, link: Link) -> None:
    with world.database.write(ALL) as session:
        shop, touch = (
            session.get_one(Shop, world.shop_id),
            touches.record(session, touches.on_link(link), kind="link", at=PLACED, now=PLACED),
        )
        with_code, plain = cart.opening(session, shop, touch, code="MIRA10"), cart.opening(session, shop, touch)
    assert dict(parse_qsl(urlsplit(cart.open_cart(with_code).url).query))["discount"] == "MIRA10"
    assert "discount" not in cart.open_cart(plain).url


@pytest.mark.parametrize(
    ("env", "url", "window"),
    [
        ("production", "https://store.example/products/a", "https://store.example/products/a"),
        ("production", "http://127.0.0.1:8471/products/a", "https://store.example"),
        ("production", "javascript:alert(1)", "https://store.example"),
        ("production", "https://[x/products/a", "https://store.example"),
        ("production", "https:///products/a", "https://store.example"),
        ("dev", "http://127.0.0.1:8471/products/a", "http://127.0.0.1:8471/products/a"),
        ("dev", "http://127.0.0.1.evil.example/products/a", "https://store.example"),
    ],
)
def test_a_stand_ins_page_is_opened_in_dev_alone(
    monkeypatch: pytest.MonkeyPatch, env: str, url: str, window: str
) -> None:
    """Who plays a buyer in the sandbox must not be sent to a real store that has the same name."""
    monkeypatch.setattr(roster, "settings_of", lambda slug: SimpleNamespace(env=env))
    shop = Shop(platform="plain", domain="store.plain.example", storefront_url="https://store.example")
    assert cart.shop_window(Listing(url=url), shop) == window
