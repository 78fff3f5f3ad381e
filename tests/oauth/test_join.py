"""A merchant joins: what is refused before anything leaves, and what a join that succeeds leaves behind."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import pytest
import sqlalchemy as sa

from connector import clock, db, outbound, vault
from connector.commerce.shops.scopes import missing as missing_scopes
from connector.commerce.shops.tables import GrantRow, Shop
from connector.config import Settings
from connector.db import Database, Scope
from connector.errors import PlatformDown
from connector.oauth import revoke
from connector.oauth.tables import PendingJoin
from connector.platforms import roster
from connector.platforms.shopify.settings import ShopifySettings
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow
from tests.conftest import KEY, wired

SECRET, CLIENT_ID, SHOP = "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", "0a1b2c3d4e5f", "sample-shop.myshopify.com"
PUBLIC = "http://127.0.0.1:8080"


@dataclass
class Reply:
    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        return


@dataclass
class Store:
    """The store's side of the dance; everything that left is in `sent`."""

    sent: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=lambda: ["read_products", "read_orders", "read_fulfillments"])
    domain: str = SHOP
    down: bool = False
    installed: bool = True
    meanwhile: Callable[[], None] = lambda: None  # between the grant and its being stored

    def send(self, method: str, url: str, **given: Any) -> Reply:
        self.sent.append(f"{method} {url}")
        if self.down:
            raise PlatformDown("no answer")
        if url.endswith("/admin/oauth/access_token"):
            form = given["form"]
            assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, SECRET)
            assert form.get("expiring") == "1" or form["grant_type"] == "refresh_token"
            if "grant_type" in form:
                if not self.installed:
                    word = "invalid_subject_token" if "subject_token" in form else "invalid_grant"
                    return Reply(400, msgspec.json.encode({"error": word}))
            elif form["code"] != "good":
                return Reply(400, b'{"error":"invalid_request"}')
            return Reply(
                200,
                msgspec.json.encode(
                    {"access_token": "shpat_secret", "scope": ",".join(self.scopes), "expires_in": 3600,
                     "refresh_token": "shprt_secret", "refresh_token_expires_in": 7776000}
                ),
            )  # fmt: skip
        assert given["headers"]["X-Shopify-Access-Token"] == "shpat_secret"
        self.meanwhile()
        if b"accessScopes" in given["body"]:
            scopes = [{"handle": scope} for scope in self.scopes]
            return graphql({"currentAppInstallation": {"accessScopes": scopes}})
        return graphql(
            {"shop": {"id": "gid://shopify/Shop/1", "name": "Sample", "myshopifyDomain": self.domain,
                      "currencyCode": "EUR", "ianaTimezone": "Europe/Madrid", "taxesIncluded": True,
                      "shopAddress": {"countryCodeV2": "ES"}, "primaryDomain": {"url": "https://sample.example"}}}
        )  # fmt: skip


def graphql(data: Any) -> Reply:
    return Reply(200, msgspec.json.encode({"data": data}), {"X-Shopify-API-Version": "2026-10"})


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store()
    monkeypatch.setattr(outbound, "_current", store)
    return store


@pytest.fixture
def browser(database: Database, store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    return make_app(database, monkeypatch).test_client()


def make_app(database: Database, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Any:
    shopify = ShopifySettings(client_id=CLIENT_ID, client_secret=SECRET, _env_file=None, **given)
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    return wired(
        Settings(
            env="dev",
            public_url=PUBLIC,
            sealing_keys=KEY,
            hash_key="h" * 32,
            session_key="s" * 32,
            database_url=str(database.url),
            _env_file=None,
        )
    )


def signed(path: str, **query: str) -> str:
    query = {"shop": SHOP, "timestamp": str(int(time.time())), **query}
    message = urlencode(sorted(query.items()))
    tag = hmac.new(SECRET.encode(), message.encode(), hashlib.sha256).hexdigest()
    return f"{path}?{urlencode({**query, 'hmac': tag})}"


def begin(browser: Any, shop: str = SHOP) -> str:
    """The state that the browser was sent away with."""
    answer = browser.get("/connect/shopify", query_string={"shop": shop})
    assert answer.status_code == 303, answer.text
    away = urlsplit(answer.location)
    assert f"{away.scheme}://{away.netloc}{away.path}" == f"https://{SHOP}/admin/oauth/authorize"
    query = dict(parse_qsl(away.query))
    assert query["client_id"] == CLIENT_ID
    assert query["redirect_uri"] == f"{PUBLIC}/oauth/shopify/callback"
    return query["state"]


def callback(browser: Any, state: str, **query: str) -> Any:
    return browser.get(signed("/oauth/shopify/callback", code="good", state=state, **query))


def shops() -> list[Shop]:
    with db.read(Scope.system("test")) as session:
        found = list(session.scalars(sa.select(Shop)))
        session.expunge_all()
        return found


def job_names() -> list[str]:
    table = "workflow_status" if db.current().is_sqlite else "dbos.workflow_status"
    with db.current().engine.connect() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql(f"SELECT name FROM {table}"))


def refused(answer: Any, store: Store) -> str:
    """A clear page of 4xx, nothing sent, nobody signed in, no shop."""
    assert 400 <= answer.status_code < 500
    assert answer.mimetype == "text/html"
    assert "<h1" in answer.text
    assert store.sent == []
    assert shops() == []
    assert job_names() == []
    return str(answer.text)


# --- joining ----------------------------------------------------------------------------------------------------------


def test_a_join_leaves_a_shop_a_sealed_grant_and_its_jobs(browser: Any, store: Store) -> None:
    answer = callback(browser, begin(browser))
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    (shop,) = shops()
    assert (shop.platform, shop.domain, shop.currency, shop.status) == ("shopify", SHOP, "EUR", "connected")
    assert (shop.time_zone, shop.country, shop.taxes_included) == ("Europe/Madrid", "ES", True)
    with db.read(Scope.system("test")) as session:
        grant = session.scalars(sa.select(GrantRow)).one()
        assert "secret" not in grant.access_sealed
        assert vault.current().open(grant.access_sealed) == b"shpat_secret"
        assert grant.expires_at is not None
        assert grant.refresh_sealed is not None
    assert job_names() == ["sync.start", "webhooks.subscribe"]
    with browser.session_transaction() as cookie:
        assert cookie["merchant"]["id"] == shop.id
    assert "secret" not in answer.text


def test_the_state_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Any) -> None:
    answer = browser.get("/connect/shopify", query_string={"shop": SHOP})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_who_was_sent_to_sign_in_comes_back_to_the_page_that_was_asked_for(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))
    browser.post("/dashboard/sign-out", data={"csrf_token": "x"})
    browser.delete_cookie("connector_session")
    to_door = browser.get("/dashboard/products?status=gone")
    assert to_door.location.startswith("/dashboard/connect?next=")
    browser.get(to_door.location)
    assert callback(browser, begin(browser)).location == "/dashboard/products?status=gone"
    assert browser.get(signed("/shopify/launch")).location == "/dashboard", "once"


def test_an_app_in_the_platforms_store_asks_nobody_for_an_address(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app(database, monkeypatch, install_url="https://apps.shopify.com/connector").test_client()
    assert client.get("/dashboard/connect?platform=shopify").location == "/install/shopify"
    page = client.get("/install/shopify").text
    assert 'href="https://apps.shopify.com/connector"' in page
    assert 'name="shop"' not in page


def test_missing_scopes_are_named_on_the_shop(browser: Any, store: Store) -> None:
    store.scopes = ["read_products"]
    callback(browser, begin(browser))
    (shop,) = shops()
    assert (shop.status, shop.status_reason) == ("connected", "scopes_missing")
    assert "read_orders" in shop.status_detail
    assert "read_products" not in shop.status_detail


def test_a_right_to_write_holds_the_right_to_read() -> None:
    assert missing_scopes(["read_orders", "read_products"], ["write_orders"]) == ("read_products",)


def test_a_known_shop_with_a_good_grant_goes_straight_to_its_dashboard(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))
    store.sent.clear()
    fresh = browser.application.test_client()
    answer = fresh.get(signed("/shopify/launch"))
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    with fresh.session_transaction() as cookie:
        assert cookie["merchant"]["id"] == shops()[0].id
    assert store.sent == []


@pytest.mark.parametrize("age", [100, 80_000])
def test_a_link_from_a_history_goes_through_the_store_again(browser: Any, store: Store, age: int) -> None:
    callback(browser, begin(browser))
    link = signed("/shopify/launch", timestamp=str(int(time.time()) - age))
    fresh = browser.application.test_client()
    answer = fresh.get(link)
    assert answer.location.startswith(f"https://{SHOP}/admin/oauth/authorize?")
    with fresh.session_transaction() as cookie:
        assert "merchant" not in cookie
    state = dict(parse_qsl(urlsplit(answer.location).query))["state"]
    assert callback(fresh, state).location == "/dashboard"
    assert len(shops()) == 1


@pytest.mark.parametrize("more", [{"code": "good", "state": "s"}, {"code": "good"}, {"state": "s"}])
def test_a_captured_answer_is_no_launch_link(browser: Any, store: Store, more: dict[str, str]) -> None:
    callback(browser, begin(browser))
    store.sent.clear()
    fresh = browser.application.test_client()
    answer = fresh.get(signed("/shopify/launch", **more))
    assert answer.status_code == 400
    with fresh.session_transaction() as cookie:
        assert "merchant" not in cookie
    assert store.sent == []


def test_a_shop_whose_grant_is_lost_joins_anew_and_keeps_its_history(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))
    before = shops()[0].id
    with db.write(Scope.system("test")) as session:
        session.execute(sa.update(Shop).values(status="needs_reconnect", status_reason="grant_lost"))
    answer = browser.get(signed("/shopify/launch"))
    assert answer.location.startswith(f"https://{SHOP}/admin/oauth/authorize?")
    state = dict(parse_qsl(urlsplit(answer.location).query))["state"]
    assert callback(browser, state).status_code == 303
    (shop,) = shops()
    assert (shop.id, shop.status, shop.status_reason) == (before, "connected", "")


def test_deliveries_that_came_before_the_join_are_released(browser: Any, store: Store) -> None:
    with db.write(Scope.system("test")) as session:
        session.execute(
            sa.insert(DeliveryRow).values(
                id="dlv_1",
                platform="shopify",
                domain=SHOP,
                topic="orders/create",
                received_at=clock.wall(),
                headers={},
                body_hash="",
                body_size=0,
                status="parked",
                reason="unknown_store",
                body_sealed=vault.current().seal(b"{}"),
            )
        )
    callback(browser, begin(browser))
    with db.write(Scope.system("test")) as session:
        assert inbox.release_parked(session) == 1


def test_disconnecting_drops_the_grant_and_keeps_the_rest(browser: Any, store: Store) -> None:
    callback(browser, begin(browser))
    (shop,) = shops()
    with db.write(Scope.system("test")) as session:
        revoke.disconnect(session, shop.id, "merchant:" + shop.id)
        assert session.scalars(sa.select(GrantRow)).all() == []
    assert (shops()[0].status, shops()[0].status_reason) == ("left", "disconnected")


# --- refused before anything leaves -----------------------------------------------------------------------------------


def test_a_forged_state(browser: Any, store: Store) -> None:
    begin(browser)
    page = refused(callback(browser, "forged"), store)
    assert "not started here" in page


def test_a_state_that_is_missing_or_twice(browser: Any, store: Store) -> None:
    state = begin(browser)
    refused(browser.get(signed("/oauth/shopify/callback", code="good")), store)
    refused(browser.get(signed("/oauth/shopify/callback", code="good", state=state) + "&state=other"), store)
    assert callback(browser, state).status_code == 303, "the refusals spent nothing"


def test_a_reused_state(browser: Any, store: Store) -> None:
    state = begin(browser)
    assert callback(browser, state).status_code == 303
    store.sent.clear()
    answer = callback(browser, state)
    assert answer.status_code == 400
    assert "used already" in answer.text
    assert store.sent == []


def test_an_expired_state(browser: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    state = begin(browser)
    real = clock.wall
    with monkeypatch.context() as later:
        later.setattr(clock, "wall", lambda: real() + timedelta(minutes=10, seconds=1))
        assert "ten minutes" in refused(callback(browser, state), store)


def test_a_state_of_another_browser(browser: Any, store: Store) -> None:
    state = begin(browser)
    other = browser.application.test_client()
    assert "another browser" in refused(callback(other, state), store)
    assert callback(browser, state).status_code == 303, "the refusal spent nothing"


def test_a_state_for_another_shop(browser: Any, store: Store) -> None:
    state = begin(browser)
    answer = callback(browser, state, shop="other-shop.myshopify.com")
    assert "another store" in refused(answer, store)


@pytest.mark.parametrize(
    "bend",
    [
        lambda url: url.replace("hmac=", "hmac=0"),
        lambda url: url.replace("code=good", "code=evil"),
        lambda url: url.partition("&hmac")[0],
        lambda url: url + "&shop=other-shop.myshopify.com",
        lambda url: url.replace(f"shop={SHOP}", "shop=evil.example"),
    ],
)
def test_a_wrong_signature(browser: Any, store: Store, bend: Callable[[str], str]) -> None:
    state = begin(browser)
    refused(browser.get(bend(signed("/oauth/shopify/callback", code="good", state=state))), store)


def test_a_stale_callback(browser: Any, store: Store) -> None:
    state = begin(browser)
    refused(callback(browser, state, timestamp=str(int(time.time()) - 120)), store)


@pytest.mark.parametrize(
    "shop",
    [
        "", "evil.com", "evil.com/x.myshopify.com", "sample-shop.myshopify.com.evil.com", "sample-shop.myshopify.com\n",
        "user@sample-shop.myshopify.com", "sample-shop.myshopify.com:8080", "127.0.0.1", "-a.myshopify.com",
        "https://sample-shop.myshopify.com", "a.b.myshopify.com", "sample-shop。myshopify.com",
    ],
)  # fmt: skip
def test_a_host_that_is_no_store(browser: Any, store: Store, shop: str) -> None:
    refused(browser.get("/connect/shopify", query_string={"shop": shop}), store)
    with db.read(Scope.system("test")) as session:
        assert session.scalars(sa.select(PendingJoin)).all() == []


def test_a_launch_that_is_not_signed(browser: Any, store: Store) -> None:
    refused(browser.get("/shopify/launch", query_string={"shop": SHOP, "timestamp": str(int(time.time()))}), store)
    refused(browser.get(signed("/shopify/launch", shop="evil.example")), store)
    refused(browser.get(signed("/shopify/launch", timestamp=str(int(time.time()) - 90_000))), store)


def test_a_platform_that_we_do_not_know(browser: Any, store: Store) -> None:
    for path in ("/connect/nothing?shop=x", "/nothing/launch", "/oauth/nothing/callback"):
        assert browser.get(path).status_code == 404


def test_a_code_that_the_store_refuses_connects_nothing(browser: Any, store: Store) -> None:
    answer = browser.get(signed("/oauth/shopify/callback", code="old", state=begin(browser)))
    assert answer.status_code >= 400
    assert shops() == []


def test_a_store_that_is_down_connects_nothing(browser: Any, store: Store) -> None:
    state = begin(browser)
    store.down = True
    answer = callback(browser, state)
    assert answer.status_code == 502
    assert shops() == []


def test_a_state_is_kept_as_a_hash_only(browser: Any, store: Store) -> None:
    state = begin(browser)
    with db.read(Scope.system("test")) as session:
        row = session.scalars(sa.select(PendingJoin)).one()
        assert state not in (row.state_hash, row.browser_hash)
        assert len(row.state_hash) == 64
