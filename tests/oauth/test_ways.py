"""Joining otherwise than by a code of ours: approval in the store, pasted keys, the platform's pages; and leaving."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa

from connector import clock, db, jobs, vault
from connector.commerce.shops.tables import GrantRow, Shop, ShopAbsence
from connector.db import Database, Scope
from connector.faces.console import health
from connector.oauth import farewell
from connector.oauth.tables import PendingJoin
from connector.web import pace
from connector.webhooks import heard, hooks
from connector.webhooks.tables import DeliveryRow, ShopHook
from tests.attribution.world import app_settings
from tests.conftest import wired
from tests.oauth import fakes
from tests.oauth.fakes import Reply, Stores

PUBLIC = "http://127.0.0.1:8080"
FRAME = {"Sec-Fetch-Dest": "iframe"}
# What both databases do alike is seen in the others.
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Stores:
    pace._rates.storage.reset()
    fakes.Parting.parted.clear()
    stores = fakes.open_stores(monkeypatch)
    stores.keys = {"one.example": {"rw-1", "rw-2", "read-1"}, "two.example": {"rw-9"}}
    return stores


@pytest.fixture
def app(database: Database, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Any:
    app = wired(app_settings())
    monkeypatch.setitem(app.config, "WTF_CSRF_METHODS", set())  # forms are looked at by one test alone
    return app


def shops() -> list[Shop]:
    with db.read(Scope.system("test")) as session:
        found = list(session.scalars(sa.select(Shop).order_by(Shop.domain)))
        session.expunge_all()
        return found


def key_of(shop_id: str) -> str:
    with db.read(Scope.system("test")) as session:
        return vault.current().open(session.get_one(GrantRow, shop_id).access_sealed).decode()


def signed_in(browser: Any) -> str | None:
    with browser.session_transaction() as cookie:
        return (cookie.get("merchant") or {}).get("id")


def approve(browser: Any) -> tuple[str, str]:
    """(where the store posts, where the browser comes back), as our page sends the browser to the store."""
    answer = browser.post("/install/stall/go", data={"shop": "https://One.example/"})
    assert answer.status_code == 200
    away = re.search(r'url=(https://one\.example/approve\?[^"]+)', answer.text.replace("&amp;", "&"))
    assert away is not None
    query = dict(parse_qsl(urlsplit(away[1]).query))
    return query["keys"].removeprefix(PUBLIC), query["back"].removeprefix(PUBLIC)


def settle() -> None:
    """As if the keys had come a moment ago."""
    with db.write(Scope.system("test")) as session:
        session.execute(sa.update(PendingJoin).values(used_at=clock.wall() - timedelta(minutes=1)))


def test_approval_in_the_store(app: Any, stores: Stores) -> None:
    browser, server = app.test_client(), app.test_client()
    keys, back = approve(browser)
    assert "Waiting for your store" in browser.get(back).text, "the browser may be first"
    assert "connected" in browser.get(f"{back}?agreed=0").text, "who did not agree is told so"
    for body, status, words in (
        (b"<html>", 422, ""),
        (b'{"key":"wrong"}', 422, "doesn&#39;t open the store. Copy it again"),
        (b'{"key":"read-1"}', 422, "may only read. Make one with the right"),
    ):
        answer = server.post(keys, data=body)
        assert answer.status_code == status
        assert "wrong" not in answer.text
        assert "read-1" not in answer.text
        page = browser.get(back)
        assert (page.status_code, words in page.text) == (422, True)
        assert shops() == []
    stores.wrong["one.example"] = Reply(200, b"<html>", {"Content-Type": "text/html"})
    assert server.post(keys, data=b'{"key":"rw-1"}').status_code == 502, "a firewall in front"
    stores.wrong.clear()
    assert server.post(keys, data=b'{"key":"rw-1"}').status_code == 200
    assert "Waiting" in browser.get(back).text, "another browser may yet be the one that agreed"
    assert server.post(keys, data=b'{"key":"rw-2"}').status_code == 200
    assert server.post(keys, data=b'{"key":"wrong"}').status_code == 422
    (shop,) = shops()
    assert (shop.domain, shop.status, shop.joined_by, key_of(shop.id)) == (
        "one.example",
        "connected",
        "handover",
        "rw-2",
    )
    settle()
    answer = browser.get(back)
    assert (answer.status_code, answer.location, signed_in(browser)) == (303, "/dashboard/sync", shop.id)
    with db.read(Scope.system("test")) as session:
        assert session.get_one(GrantRow, shop.id).details == {"base": "https://one.example/api"}


@ON_SQLITE
def test_an_approval_that_somebody_else_began_signs_nobody_in(app: Any, stores: Stores) -> None:
    """Anybody may begin a join of a store and send its owner the store's page."""
    stranger, owner, server = app.test_client(), app.test_client(), app.test_client()
    keys, back = approve(stranger)
    assert server.post(keys, data=b'{"key":"rw-1"}').status_code == 200
    answer = owner.get(back)
    assert (answer.status_code, "another browser" in answer.text) == (400, True)
    settle()
    assert stranger.get(back).status_code == 400
    assert signed_in(stranger) is signed_in(owner) is None
    # And where the stranger was quicker, what it got ends in the moment in which the owner comes. (Sessions begin in
    # whole seconds: what happens here in one is drawn apart.)
    with db.write(Scope.system("test")) as session:
        session.execute(sa.update(ShopAbsence).values(heard_at=clock.wall() - timedelta(minutes=1)))
    keys, back = approve(stranger)
    assert server.post(keys, data=b'{"key":"rw-1"}').status_code == 200
    settle()
    assert stranger.get(back).status_code == 303
    with stranger.session_transaction() as cookie:
        cookie["merchant"] = {**cookie["merchant"], "began": cookie["merchant"]["began"] - 3}
    assert stranger.get("/dashboard/store").status_code == 200
    owner.get(back)
    assert stranger.get("/dashboard/store").status_code == 303
    assert shops()[0].status == "connected", "the store itself agreed"


@ON_SQLITE
def test_another_site_begins_no_hand_over_in_a_visitor_s_browser(app: Any, stores: Stores) -> None:
    """Its own server would play the store's page, and sign the visitor in for a store that isn't theirs."""
    browser = app.test_client()
    for site in ("cross-site", "same-site"):
        answer = browser.get("/connect/stall?shop=one.example", headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, answer.location) == (303, "/install/stall?shop=one.example")
    assert stores.sent == []
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}):
        answer = browser.get("/connect/stall?shop=one.example", headers=headers)
        assert answer.location.startswith("https://one.example/approve?")


@ON_SQLITE
def test_a_hand_over_that_was_never_begun_or_is_too_late(
    app: Any, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = app.test_client()
    keys, back = approve(browser)
    stores.sent.clear()
    assert browser.post("/oauth/stall/handover/forged", data=b'{"key":"rw-1"}').status_code == 403
    assert browser.post(keys.replace("stall", "till"), data=b'{"key":"rw-1"}').status_code == 403
    assert browser.post(keys, data=b"x" * 70_000).status_code == 413
    real = clock.wall
    monkeypatch.setattr(clock, "wall", lambda: real() + timedelta(minutes=31))
    assert browser.post(keys, data=b'{"key":"rw-1"}').status_code == 403
    assert browser.get(back).status_code == 400
    assert (stores.sent, shops()) == ([], [])


@ON_SQLITE
def test_pasted_keys_are_tried_and_never_shown_again(app: Any, stores: Stores, caplog: Any) -> None:
    browser = app.test_client()
    for given, words in (
        ({"shop": "one.example", "key": ""}, "Secret key is empty. Settings, then Keys."),
        ({"shop": "one.example", "key": "oops"}, "Secret key doesn&#39;t open the store. Copy it again"),
        ({"shop": "one.example", "key": "read-1"}, "May only read. Make one with the right Read and write."),
        ({"shop": "localhost", "key": "rw-1"}, "That is no store&#39;s address."),
        ({"shop": "nobody.example", "key": "rw-1"}, "nobody.example: can&#39;t be reached"),
        ({"shop": "one.example", "key": "a\x00b"}, "isn&#39;t what the store shows there"),
    ):
        answer = browser.post("/install/stall/keys", data=given)
        assert (answer.status_code, words.lower() in answer.text.lower()) == (422, True), (given, answer.text)
        assert not given["key"] or f'"{given["key"]}"' not in answer.text
        assert f'value="{given["shop"]}"' in answer.text
        assert shops() == []
    answer = browser.post("/install/stall/keys", data={"shop": "one.example", "key": " rw-1\u200b\n"})
    assert (answer.status_code, answer.location) == (303, "/dashboard/sync")
    (shop,) = shops()
    assert (signed_in(browser), shop.joined_by, key_of(shop.id)) == (shop.id, "credentials", "rw-1")
    assert not re.search("rw-1|read-1|oops", caplog.text)
    app.config["WTF_CSRF_METHODS"] = {"POST"}
    assert browser.post("/install/stall/keys", data={"shop": "one.example", "key": "rw-1"}).status_code == 400
    app.config["WTF_CSRF_METHODS"] = set()
    tries = [browser.post("/install/stall/keys", data={"shop": "one.example"}).status_code for _ in range(8)]
    assert tries[-1] == 429


@ON_SQLITE
def test_only_the_platform_says_which_shop_it_is(app: Any, stores: Stores) -> None:
    browser = app.test_client()
    page = browser.get("/install/till").text
    assert 'name="shop"' not in page
    away = re.search(r"state=([\w-]+)", browser.post("/install/till/go").text)
    assert away is not None
    answer = browser.get("/oauth/till/callback", query_string={"state": away[1], "code": "two.example|rw-9"})
    assert (answer.status_code, signed_in(browser)) == (303, shops()[0].id)
    assert (shops()[0].domain, shops()[0].joined_by) == ("two.example", "code")
    assert browser.get("/oauth/till/callback", query_string={"code": "two.example|rw-9"}).status_code == 400


def test_the_platform_begins_and_says_farewell(app: Any, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback without a state can be sent to any browser: it connects the store of its code, and signs nobody in."""
    browser = app.test_client()
    answer = browser.get("/oauth/bazaar/callback", query_string={"code": "two.example|rw-9"}, headers=FRAME)
    assert answer.status_code == 200
    assert "frame-ancestors https://*.bazaar.example" in answer.headers["Content-Security-Policy"]
    assert signed_in(browser) is None
    (shop,) = shops()
    assert (shop.status, shop.joined_by) == ("connected", "platform")
    link = re.search(r'href="(/dashboard/sign-in/link/[^"]+)"', answer.text)
    assert link is not None
    assert "Two" in browser.get(link[1]).text, "it names whose store it is"
    assert browser.post(link[1].partition("?")[0]).location == "/dashboard/sync"
    assert signed_in(browser) == shop.id
    launch = fakes.signed_query(shop="two.example", at=str(clock.wall().timestamp()))
    inside = app.test_client()
    for headers in (FRAME, {}):
        answer = inside.get("/bazaar/launch", query_string=launch, headers=headers)
        assert ("Open the dashboard" in answer.text, signed_in(inside)) == (True, None)
    assert browser.get("/oauth/bazaar/callback", query_string={"code": "nothing"}).status_code == 502
    early = fakes.signed_query(shop="two.example", at=str(shop.installed_at.timestamp() - 3600))
    now = fakes.signed_query(shop="two.example", at=str(clock.wall().timestamp()))
    assert browser.get("/oauth/bazaar/farewell", query_string={**now, "shop": "one.example"}).status_code == 401
    assert browser.get("/oauth/stall/farewell", query_string=now).status_code == 404
    assert browser.get("/oauth/bazaar/farewell", query_string=early).status_code == 200
    assert shops()[0].status == "connected", "it came back since"
    monkeypatch.setattr(jobs, "pause", lambda _seconds: None)
    at = clock.now().isoformat()
    for trouble in (None, Reply(500, b"{}")):  # signed as other links are, which staff's browsers hold: the store says
        stores.wrong = {"two.example": trouble} if trouble else {}
        assert browser.get("/oauth/bazaar/farewell", query_string=now).status_code == 200
        assert (farewell.look_again(shop.id, at), shops()[0].status) == (False, "connected")
    stores.wrong.clear()
    stores.keys["two.example"].clear()
    assert (farewell.look_again(shop.id, at), shops()[0].status) == (True, "left"), "said before the key was taken"
    for _ in range(2):
        assert browser.get("/oauth/bazaar/farewell", query_string=now).status_code == 200
        assert shops()[0].status == "left"
    tries = [browser.get("/oauth/bazaar/farewell", query_string=now).status_code for _ in range(60)]
    assert (tries[0], tries[-1]) == (200, 429)
    assert browser.get("/dashboard/settings").status_code == 303
    assert browser.get("/bazaar/launch", query_string=launch).status_code == 404, "install it again there"
    assert browser.get("/connect/bazaar").location == "/install/bazaar"


def test_a_secret_of_the_shop_s_own(app: Any, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown on one answer; changed without a gap, whatever another process still believes; gone with the shop."""
    monkeypatch.setattr(hooks, "FRESH", 0.0)
    browser, other = app.test_client(), app.test_client()
    browser.post("/install/stall/keys", data={"shop": "one.example", "key": "rw-1"})
    (shop,) = shops()
    page = browser.get("/dashboard/store").text
    address = re.search(r"/webhooks/stall/[\w-]+", page)
    assert address is not None

    def shown(act: str) -> str:
        found = re.search(r"[0-9a-f]{64}", browser.post("/dashboard/store/secret", data={"act": act}).text)
        assert found is not None
        return found[0]

    def post(secret: str, ref: str, to: str = address[0]) -> int:
        headers = {"X-Stall-Signature": fakes.signature(secret, ref), "X-Stall-Id": ref}
        return int(other.post(to, data=ref.encode(), headers=headers).status_code)

    silent = heard.Heard("never", None, clock.wall())
    with monkeypatch.context() as never, db.read(Scope.system("test")) as session, app.test_request_context():
        never.setattr(heard, "of", lambda _session, _shop_id: silent)
        (trouble,) = health._of_hooks(session)
        assert (trouble.who, trouble.name, trouble.badge.word) == ("merchant", "One", "Never heard")
    first = shown("show")
    assert first not in page
    assert first not in browser.get("/dashboard/store").text
    assert (post(first, "a"), post("forged", "b"), post(first, "c", "/webhooks/stall/nobody")) == (200, 401, 404)
    for made_up in ("a%00b", "k" * 3000, "k" * 32):  # the first is no text to PostgreSQL, the second none to keep
        assert post(first, "c", f"/webhooks/stall/{made_up}") == 404
    assert {len(key) for _, key in hooks._known_of(db.current())} == {32}
    assert other.post(address[0], data=b"hello").status_code == 200
    second = shown("change")
    assert second != first
    assert (post(second, "d"), post(first, "e")) == (200, 200)
    third = shown("change")
    assert (post(third, "f"), post(first, "g")) == (200, 401)
    with db.read(Scope.system("test")) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DeliveryRow)) == 4
        assert third not in session.get_one(ShopHook, shop.id).secret_sealed
    assert "messages arrive" in browser.get("/dashboard/store").text
    answer = browser.post("/dashboard/store/disconnect")
    assert (answer.location, shops()[0].status, signed_in(browser)) == ("/install", "left", None)
    assert fakes.Parting.parted == [("one.example", f"{PUBLIC}{address[0]}")]
