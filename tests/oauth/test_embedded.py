"""Joining inside the store's admin, and the guard of its pages, on both databases. The browser's part of it:
tests/browser/test_embedded.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa

from connector import clock, db, outbound, vault
from connector.commerce.shops import connect, grants, queries, scopes
from connector.commerce.shops.tables import GrantRow, Shop, ShopAbsence
from connector.db import Database, Scope
from connector.errors import GrantLost
from connector.events import ShopProfile
from connector.platforms.contract import Grant
from connector.web import embedded
from connector.webhooks import drain
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import app_settings
from tests.oauth.test_join import CLIENT_ID, SECRET, SHOP, Store, begin, callback, job_names, make_app, shops, signed

OTHER = "other-shop.myshopify.com"


def token(shop: str = SHOP, *, secret: str = SECRET, at: float | None = None, **bent: Any) -> str:
    now = int(at if at is not None else time.time())
    claims = {"iss": f"https://{shop}/admin", "dest": f"https://{shop}", "aud": CLIENT_ID, "sub": "42",
              "exp": now + 60, "nbf": now, "iat": now} | bent  # fmt: skip

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    first = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    head = f"{first}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"


def bearer(given: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {given or token()}", "X-Frame": "1", "Accept": "text/html"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setattr(outbound, "_current", store)
    return store


@pytest.fixture
def browser(database: Database, store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    return make_app(database, monkeypatch).test_client()


def launch(browser: Any, given: str | None = None, **query: str) -> Any:
    return browser.get(
        "/shopify/launch",
        query_string={"embedded": "1", "shop": SHOP, "host": "aG9zdA", "id_token": given or token(), **query},
        headers={"Sec-Fetch-Dest": "iframe"},
    )


def path(answer: Any) -> str:
    return str(urlsplit(answer.location).path)


def exchanges(store: Store) -> int:
    return sum(each.endswith("/access_token") for each in store.sent)


def grant_row() -> GrantRow | None:
    with db.read(Scope.system("test")) as session:
        found = session.scalar(sa.select(GrantRow))
        session.expunge_all()
        return found


def left(at: Any, shop: str = SHOP, ref: str = "1") -> None:
    """app/uninstalled arrives, as the route would keep it."""
    body = {"id": 1, "myshopify_domain": shop, "name": "Sample", "currency": "EUR"}
    with db.write(Scope.system("test")) as session:
        known = queries.find(session, "shopify", shop)
        session.add(
            DeliveryRow(
                id=f"dlv_{ref}", platform="shopify", domain=shop, shop_id=known.id if known else None,
                topic="app/uninstalled", received_at=clock.wall(), triggered_at=at, headers={}, body_hash=ref, tries=0,
                body_size=1, body_sealed=vault.current().seal(zlib.compress(json.dumps(body).encode())),
                status="waiting" if known else "parked", reason="" if known else "unknown_store",
            )
        )  # fmt: skip


def drained() -> list[tuple[str, str]]:
    drain.drain_once("test", app_settings())
    with db.read(Scope.system("test")) as session:
        return [tuple(row) for row in session.execute(
            sa.select(DeliveryRow.status, DeliveryRow.reason).order_by(DeliveryRow.id)
        )]  # fmt: skip


# --- the join ---------------------------------------------------------------------------------------------------------


def test_the_first_launch_connects_the_shop_and_leads_to_the_first_sync(browser: Any, store: Store) -> None:
    answer = launch(browser)
    assert (answer.status_code, path(answer)) == (303, "/dashboard/sync")
    assert "Set-Cookie" not in answer.headers
    (shop,) = shops()
    assert (shop.domain, shop.status, shop.status_reason) == (SHOP, "connected", "")
    assert job_names() == ["sync.start", "webhooks.subscribe"]
    row = grant_row()
    assert row is not None
    assert "shpat" not in row.access_sealed
    # The page that it leads to is shown to exactly this store's admin, and the way there carries the token.
    page = browser.get(answer.location, headers={"Sec-Fetch-Dest": "iframe"})
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors https://{SHOP} https://admin.shopify.com")
    assert "X-Frame-Options" not in page.headers
    assert page.text.index("shopifycloud/app-bridge.js") < page.text.index("frame.js")
    assert exchanges(store) == 1
    # Opened again nothing is asked of the store.
    assert path(launch(browser)) == "/dashboard"
    assert exchanges(store) == 1


def test_a_join_by_code_and_one_inside_the_admin_end_in_the_same_shop(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))
    (before,) = shops()
    with db.write(Scope.shop(before.id)) as session:
        connect.needs_reconnect(session, queries.get(session, before.id), "grant_lost", "lost")
    assert path(launch(browser)) == "/dashboard/sync"
    (after,) = shops()
    assert (after.id, after.status, after.status_reason) == (before.id, "connected", "")
    # And the other way round: the launch in a window of its own signs in by a cookie.
    alone = browser.get(signed("/shopify/launch"))
    assert (alone.status_code, path(alone)) == (303, "/dashboard")
    home = browser.get("/dashboard")
    assert home.status_code == 200
    assert home.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert "app-bridge" not in home.text


def test_a_launch_without_a_good_token_asks_for_one_and_not_for_ever(browser: Any, store: Store) -> None:
    for given in ("", "none", token(exp=1), token(secret="shpss_of_somebody_else")):
        answer = launch(browser, given or "x")
        assert (answer.status_code, path(answer)) == (303, "/oauth/shopify/bounce")
        assert dict(parse_qsl(urlsplit(answer.location).query))["to"] == "/shopify/launch"
    third = browser.get("/oauth/shopify/bounce", query_string={"to": "/dashboard", "shop": SHOP, "bounced": "3"})
    assert third.status_code == 401
    assert "We could not tell who you are" in third.text
    assert "data-bounce" not in third.text
    assert (store.sent, shops()) == ([], [])


def test_the_bounce_page_leads_nowhere_else(browser: Any) -> None:
    for to in ("https://evil.com", "//evil.com", "/\\evil.com", "javascript:alert(1)", "\n/dashboard"):
        page = browser.get("/oauth/shopify/bounce", query_string={"to": to, "shop": SHOP})
        assert 'data-bounce="/dashboard"' in page.text
    for shop in ("evil.com", "a.myshopify.com.evil.com", "a.myshopify.com\n", "x; frame-ancestors *"):
        page = browser.get("/oauth/shopify/bounce", query_string={"to": "/dashboard", "shop": shop})
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors https://admin.shopify.com")


def test_an_app_that_was_removed_meanwhile_is_not_connected(browser: Any, store: Store) -> None:
    store.installed = False
    assert path(launch(browser)) == "/oauth/shopify/bounce", "a newer token may do"
    last = launch(browser, bounced="2")
    assert last.status_code == 409
    assert "install it again" in last.text
    assert shops() == []
    store.installed, store.down = True, True
    assert launch(browser).status_code == 502
    assert shops() == []


# --- leaving, before, during and after --------------------------------------------------------------------------------


def test_an_uninstall_before_the_install_was_finished_is_not_lost(browser: Any, store: Store) -> None:
    """Its news may come before the shop is known: then it waits, and counts once the shop is there."""
    store.meanwhile = lambda: left(clock.now() + timedelta(seconds=2)) if not shops_left() else None
    launch(browser)
    assert shops()[0].status == "connected"
    assert drained() == [("done", "")]
    assert shops()[0].status == "left"
    assert grant_row() is None


def shops_left() -> int:
    with db.read(Scope.system("test")) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(DeliveryRow)) or 0


def test_an_uninstall_that_was_heard_during_a_reinstall_wins(browser: Any, store: Store) -> None:
    """The other order: the shop is known, and leaves while its new grant is on the way. That grant is dead."""
    launch(browser)
    with db.write(Scope.system("test")) as session:
        shop = session.scalars(sa.select(Shop)).one()
        connect.leave(session, shop, clock.now() - timedelta(seconds=5) if shop.visited_at is None else clock.now())

    def meanwhile() -> None:
        with db.write(Scope.system("test")) as session:
            known = session.scalars(sa.select(Shop)).one()
            known.left_at = clock.now() + timedelta(seconds=30)

    store.meanwhile = meanwhile
    answer = launch(browser)
    assert answer.status_code == 409
    assert "was removed from the store while" in answer.text
    assert (shops()[0].status, grant_row()) == ("left", None)


def test_uninstalls_that_come_late_or_twice_undo_no_reinstall(browser: Any, store: Store) -> None:
    """Removed and installed again, twice; each removal is heard late and then replayed."""
    launch(browser)
    (first,) = shops()
    removals = []
    for number in range(2):
        removals.append(clock.now())
        time.sleep(0.002)
        with db.write(Scope.shop(first.id)) as session:  # the store voided the grant; we hear of it by a refusal
            connect.needs_reconnect(session, queries.get(session, first.id), "grant_lost", "refused")
        launch(browser, token(at=time.time() + 1))
        left(removals[-1], ref=f"late{number}")
        left(removals[-1], ref=f"again{number}")
    assert {status for status, _ in drained()} == {"ignored"}
    (shop,) = shops()
    assert (shop.id, shop.status) == (first.id, "connected")
    assert grant_row() is not None
    with db.read(Scope.shop(shop.id)) as session:
        kept = session.scalars(sa.select(ShopAbsence).order_by(ShopAbsence.left_at)).all()
        assert [each.left_at for each in kept] == removals
        assert all(each.returned_at is not None for each in kept)


def test_a_reinstall_that_is_known_only_by_a_visit_keeps_the_shop(browser: Any, store: Store) -> None:
    """The removal is heard after somebody opened the app again with a grant that looked good: the shop is there, its
    grant is not, and the next launch connects it."""
    launch(browser)
    removed = clock.now() + timedelta(seconds=1)
    with db.write(Scope.system("test")) as session:
        shop = session.scalars(sa.select(Shop)).one()
        connect.note_visit(session, shop, removed + timedelta(seconds=5))
    left(removed)
    assert drained() == [("done", "")]
    assert (shops()[0].status, shops()[0].left_at) == ("needs_reconnect", None)
    assert path(launch(browser)) == "/dashboard/sync"
    assert shops()[0].status == "connected"


# --- the guard --------------------------------------------------------------------------------------------------------


def test_a_session_token_opens_its_own_shop_and_no_other(browser: Any, store: Store) -> None:
    launch(browser)
    assert "Sample" in browser.get("/dashboard", headers=bearer()).text
    stranger = browser.get("/dashboard", headers=bearer(token(OTHER)))
    assert (stranger.status_code, stranger.headers["X-Frame-Document"]) == (204, "/shopify/launch")
    # A parameter never says whose shop it is.
    assert "Sample" in browser.get(f"/dashboard?shop={OTHER}", headers=bearer()).text


BAD: tuple[str | dict[str, Any], ...] = (
    "undefined", "null", "", "a.b.c", "x" * 9000, {"aud": "another"}, {"secret": "shpss_of_somebody_else"},
    {"exp": 1}, {"nbf": 9999999999}, {"sub": "gid://shopify/Customer/1"},
)  # fmt: skip


def test_a_bad_token_is_answered_with_the_retry_header_and_no_cookie_helps(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))  # this browser is signed in beside the frame
    for bent in BAD:
        given = bent if isinstance(bent, str) else token(**bent)
        for method in ("get", "post"):
            headers = {**bearer("x"), "Authorization": f"Bearer {given}"}
            answer = getattr(browser, method)("/dashboard/sync", headers=headers)
            assert (answer.status_code, answer.headers[embedded.RETRY]) == (401, "1"), bent
            assert "Sample" not in answer.text
    assert browser.get("/dashboard").status_code == 200, "and it stays signed in"


def test_a_token_in_an_address_reads_and_never_changes(browser: Any, store: Store) -> None:
    launch(browser)
    in_frame = {"Sec-Fetch-Dest": "iframe"}
    assert browser.get(f"/dashboard/sync?id_token={token()}", headers=in_frame).status_code == 200
    assert browser.post(f"/dashboard/sync?id_token={token()}", headers=in_frame).status_code in (400, 401)
    assert browser.post("/dashboard/sync", headers=bearer()).status_code == 204, "in a header it needs no form token"
    # Links of the page don't carry the token on.
    assert "id_token" not in browser.get(f"/dashboard/orders?id_token={token()}", headers=in_frame).text


def test_what_an_act_says_rides_along_without_a_cookie(browser: Any, store: Store) -> None:
    launch(browser)
    answer = browser.post("/dashboard/sync", headers=bearer())
    assert (answer.status_code, answer.headers["X-Frame-Location"]) == (204, "/dashboard/sync")
    assert "Set-Cookie" not in answer.headers
    said = answer.headers["X-Frame-Said"]
    page = browser.get("/dashboard/sync", headers={**bearer(), "X-Frame-Said": said})
    assert "We read your catalog again." in page.text
    assert "Set-Cookie" not in page.headers
    forged = browser.get("/dashboard/sync", headers={**bearer(), "X-Frame-Said": said[:-2] + "xx"})
    assert "We read your catalog again." not in forged.text


def test_errors_are_framed_by_the_shop_too(browser: Any, store: Store) -> None:
    launch(browser)
    for where in ("/dashboard/orders/ord_none", "/nowhere", "/dashboard/sync/refused.csv/x"):
        answer = browser.get(where, headers=bearer())
        assert answer.status_code == 404
        policy = answer.headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors https://{SHOP} https://admin.shopify.com")
        document = browser.get(where, headers={"Sec-Fetch-Dest": "iframe"})
        assert (document.status_code, path(document)) == (303, "/oauth/shopify/bounce")
        assert browser.get(where).headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_staff_pages_are_not_opened_by_a_merchants_token(browser: Any, store: Store) -> None:
    launch(browser)
    answer = browser.get("/console", headers=bearer())
    assert answer.status_code == 401
    assert browser.get("/api/v1/shops", headers=bearer()).status_code == 401


# --- scopes, revocation, currency -------------------------------------------------------------------------------------


def test_scopes_follow_what_the_store_says_last(browser: Any, store: Store) -> None:
    launch(browser)
    (shop,) = shops()
    asked = ("read_products", "read_orders", "read_fulfillments")
    now = clock.now() + timedelta(seconds=1)
    with db.write(Scope.shop(shop.id)) as session:
        row = queries.get(session, shop.id)
        assert scopes.take(session, row, ("read_orders",), now, asked) == "changed"
        assert (row.status, row.status_reason) == ("connected", "scopes_missing")
        assert "did not grant read_products, read_fulfillments" in row.status_detail
        assert scopes.take(session, row, asked, now - timedelta(seconds=1), asked) == "stale"
        assert row.status_reason == "scopes_missing", "older news changes nothing"
        held = session.get_one(GrantRow, shop.id)
        assert held.expires_at is not None
        assert held.expires_at <= clock.wall(), "a token for the new scopes is got next"
        assert scopes.take(session, row, (*asked, "read_inventory"), now + timedelta(seconds=1), asked) == "changed"
        assert (row.status_reason, row.status_detail) == ("", "")
        assert scopes.granted(session, shop.id) == tuple(sorted((*asked, "read_inventory")))
    lacks = scopes.lacking({"catalog": ("read_products",), "stock": ("read_inventory",)}, ("write_products",))
    assert lacks == {"stock": ("read_inventory",)}


def test_a_token_that_is_revoked_in_the_middle_costs_one_launch(browser: Any, store: Store) -> None:
    """Two pages of a long read were taken, the third is refused: it stops and says so, nothing is undone, and the
    merchant's next launch lets it go on."""
    launch(browser)
    (shop,) = shops()
    read = []

    def work(client: Any) -> None:
        for number in range(3):
            if number == 2 and not store.installed:
                raise GrantLost("401")
            read.append(number)

    store.installed = False
    with pytest.raises(GrantLost) as lost:
        grants.calling(shop.id, work, store)
    assert lost.value.fatal
    assert read[:2] == [0, 1]
    (after,) = shops()
    assert (after.status, after.status_reason) == ("needs_reconnect", "grant_lost")
    with pytest.raises(GrantLost):
        grants.client_for(shop.id, store)
    store.installed = True
    assert path(launch(browser)) == "/dashboard/sync"
    grants.calling(shop.id, work, store)
    assert read[-3:] == [0, 1, 2]


def test_another_currency_stops_the_settlement_until_somebody_looked(database: Database) -> None:
    from connector.earnings.settlement.close import close_period
    from connector.errors import Conflict

    now = clock.now()
    profile = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="USD", time_zone="UTC")
    with db.write(Scope.system("test")) as session:
        shop = connect.connect(session, "shopify", profile, Grant("a", "r"), now)
        newer = now + timedelta(minutes=5)
        in_euro = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="EUR", time_zone="UTC")
        assert connect.refresh_profile(session, shop, in_euro, newer)
        assert not connect.refresh_profile(session, shop, profile, now + timedelta(minutes=1)), "older news"
        assert (shop.currency, shop.currency_before) == ("EUR", "USD")
        for _ in range(2):  # said again, and after a reconnect, it still stands
            with pytest.raises(Conflict, match="from USD to EUR"):
                close_period(session, shop.id, "2020-01", now, "test")
            connect.connect(session, "shopify", in_euro, Grant("a", "r"), newer, missing_scopes=("read_orders",))
            assert shop.status_reason == "currency_changed"
        assert connect.refresh_profile(session, shop, profile, newer + timedelta(minutes=1))
        assert "went back to USD" in connect.currency_sentence(shop)
        connect.accept_currency(session, shop, "test")
        assert (shop.status_reason, shop.currency_changed_at) == ("", None)
        assert [closing.currency for closing in close_period(session, shop.id, "2020-01", now, "test")] == ["USD"]
        with pytest.raises(Conflict):
            connect.accept_currency(session, shop, "test")


def test_another_api_version_is_kept_for_people(database: Database) -> None:
    from connector.commerce.shops.budget import SharedBudget
    from connector.commerce.shops.tables import ApiBudget

    profile = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="USD", time_zone="UTC")
    with db.write(Scope.system("test")) as session:
        shop_id = connect.connect(session, "shopify", profile, Grant("a", "r")).id
    budget = SharedBudget(shop_id)
    for _ in range(2):
        budget.served("2026-01")
    budget.heard(1000, 2000, 100)
    with db.read(Scope.shop(shop_id)) as session:
        row = session.get_one(ApiBudget, shop_id)
        assert (row.served_version, row.maximum) == ("2026-01", 2000)
        assert row.served_at is not None
