"""Joining: the callback's code, the signed load and uninstall, and what the store says of itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import (
    ConfigurationWrong,
    ConnectorError,
    GrantLost,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.bigcommerce.authorize import held
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.contract import Grant
from tests.platforms.bigcommerce.kit import (
    CLIENT_ID,
    DOMAIN,
    SCOPES,
    SECRET,
    VECTORS,
    BigCommerce,
    Reply,
    client,
    reply,
    sample,
    settings,
)

JWT = VECTORS["callback_jwt"]
NOW = datetime.fromtimestamp(JWT["verify_at_unix"], UTC)
ISSUED = datetime.fromtimestamp(1763755200, UTC)
BACK = "https://connector.example/oauth/bigcommerce/callback"
QUERY = list(sample("auth_callback_query").items())


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


def loaded(token: str, at: datetime = NOW, of: BigCommerceSettings | None = None, **more: Any) -> str:
    return PLATFORM.authorize.launched([("signed_payload_jwt", token)], of or settings(), at, **more)


def made(claims: dict[str, Any] | None = None, *, secret: str = SECRET, without: str = "", **header: Any) -> str:
    """A callback's JWT as the documentation shows it."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    every = {
        "aud": CLIENT_ID, "iss": "bc", "iat": 1763755200, "nbf": 1763755195, "exp": 1763841595, "jti": "c5f0",
        "sub": "stores/demo1hash", "user": {"id": 1, "email": "ana@example.com"}, "owner": {"id": 1}, "url": "/",
    } | (claims or {})  # fmt: skip
    every.pop(without, None)
    head = f"{part({'alg': 'HS256', 'typ': 'JWT'} | header)}.{part(every)}"
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}.get(header.get("alg", "HS256"), hashlib.sha256)
    signature = hmac.new(secret.encode(), head.encode(), digest).digest()
    return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


# --- signed callbacks -------------------------------------------------------------------------------------------------


def test_the_sheets_vectors_hold() -> None:
    assert loaded(JWT["valid"]) == f"store-{JWT['expect_store']}.mybigcommerce.com" == DOMAIN
    assert loaded(made()) == DOMAIN, "what the tests sign is what the sheet signs"
    for name in ("reject_alg_none", "reject_wrong_key_signature"):
        with pytest.raises(SignatureRejected):
            loaded(JWT[name])
    last = datetime.fromtimestamp(JWT["reject_after_unix"], UTC)
    assert loaded(JWT["valid"], last - timedelta(seconds=1)) == DOMAIN
    with pytest.raises(SignatureRejected):
        loaded(JWT["valid"], last)


def test_an_uninstall_says_who_left_and_when() -> None:
    assert PLATFORM.farewell is not None
    query = [("signed_payload_jwt", JWT["valid"])]
    assert PLATFORM.farewell.said(query, settings(), NOW) == (DOMAIN, ISSUED)
    assert PLATFORM.farewell.said(query, settings(), NOW + timedelta(hours=23))[1] == ISSUED, "its own time, not ours"
    for bad in ([], [("signed_payload_jwt", JWT["reject_alg_none"])], [*query, *query], [("signed_payload", "a.b")]):
        with pytest.raises(SignatureRejected):
            PLATFORM.farewell.said(bad, settings(), NOW)


@pytest.mark.parametrize(
    ("what", "token"),
    [
        ("another app's audience", made({"aud": "another"})),
        ("a list of others", made({"aud": ["another", "third"]})),
        ("another issuer", made({"iss": "https://bc"})),
        ("no issuer", made(without="iss")),
        ("no store", made(without="sub")),
        ("no end", made(without="exp")),
        ("no beginning", made(without="iat")),
        ("a beginning to come", made({"iat": 1763755260 + 301, "nbf": 1763755260})),
        ("not valid yet", made({"nbf": 1763755260 + 301})),
        ("an end in words", made({"exp": "tomorrow"})),
        ("a store that is a number", made({"sub": 7})),
        ("a store in disguise", made({"sub": "stores/demo1hash/../other"})),
        ("another path", made({"sub": "shops/demo1hash"})),
        ("capitals", made({"sub": "stores/Demo1Hash"})),
        ("a line feed", made({"sub": "stores/demo1hash\n"})),
        ("HS512", made(alg="HS512")),
        ("another secret", made(secret=SECRET + "x")),
        ("a time past all times", made({"iat": 10**18, "exp": 10**19, "nbf": 1})),
        ("nothing", ""),
        ("a word", "none"),
        ("two parts", ".".join(made().split(".")[:2])),
        ("letters that aren't ASCII", made() + "é"),
        ("64 kB", "a" * 65_536),
    ],
)
def test_a_callback_bent_anywhere_is_refused(what: str, token: str) -> None:
    with pytest.raises(SignatureRejected) as refused:
        loaded(token)
    assert not token or token not in str(refused.value)


def test_a_launch_signs_in_only_while_it_is_fresh() -> None:
    within = timedelta(seconds=90)
    assert loaded(made(), ISSUED + timedelta(seconds=90), within=within) == DOMAIN
    with pytest.raises(SignatureRejected, match="91 seconds old"):
        loaded(made(), ISSUED + timedelta(seconds=91), within=within)


def test_both_secrets_sign_while_they_rotate_and_none_closes() -> None:
    old, new = made(), made(secret="rotated-secret-of-the-app")
    rotating = settings("rotated-secret-of-the-app", SECRET)
    assert loaded(old, of=rotating) == loaded(new, of=rotating) == DOMAIN
    for token, of in (
        (old, settings("rotated-secret-of-the-app")),
        (made(secret=""), settings("")),
        (old, settings(client_id="")),
    ):
        with pytest.raises(SignatureRejected):
            loaded(token, of=of)


# --- the callback's code ----------------------------------------------------------------------------------------------


def joined(store: Any, query: Any = QUERY, of: BigCommerceSettings | None = None) -> Any:
    return PLATFORM.authorize.complete(query, BACK, of or settings(), store, NOW)


def test_a_code_becomes_a_grant_of_the_store_that_the_reply_names(store: BigCommerce) -> None:
    found = joined(store)
    assert PLATFORM.authorize.answered(QUERY, settings(), NOW) is None, "nobody signs the callback"
    assert (found.domain, found.grant.access_token) == (DOMAIN, "demo0access0token0bc")
    assert (found.grant.expires_at, found.grant.refresh_token) == (None, None), "it lasts"
    assert found.grant.details == {"channel": "1"}
    traded, tried = store.asked
    assert traded.body == {
        "client_id": CLIENT_ID, "client_secret": SECRET, "code": "k3v9demo2code8", "context": "stores/demo1hash",
        "scope": dict(QUERY)["scope"], "grant_type": "authorization_code", "redirect_uri": BACK,
    }  # fmt: skip
    assert tried.headers["X-Auth-Token"] == "demo0access0token0bc", "the token is tried on the store at once"
    assert "demo0access0token0bc" not in repr(found)


def test_an_install_from_outside_the_control_panel_is_the_same(store: BigCommerce) -> None:
    assert joined(store, [*QUERY, ("external_install", "1")]).domain == DOMAIN


def test_the_reply_decides_which_store_it_is(store: BigCommerce) -> None:
    for context in ("stores/other2hash", "stores/demo1hash/x", "", "demo1hash"):
        store.token = {**sample("token_reply"), "context": context}
        with pytest.raises(GrantLost) as lost:
            joined(store)
        assert lost.value.fatal
    store.token, store.info["id"] = sample("token_reply"), "other2hash"
    with pytest.raises(PlatformRefused, match="another store"):
        joined(store)


@pytest.mark.parametrize(
    "query",
    [
        [pair for pair in QUERY if pair[0] != "code"], [pair for pair in QUERY if pair[0] != "scope"],
        [*QUERY, ("code", "another")], [*QUERY, ("context", "stores/other2hash")],
        [("code", "c"), ("scope", "s"), ("context", "stores/../admin")],
        [("code", "c"), ("scope", "s"), ("context", "")],
        [("error", "access_denied")],
    ],
)  # fmt: skip
def test_what_is_no_callback_is_traded_nowhere(store: BigCommerce, query: Any) -> None:
    with pytest.raises(SignatureRejected):
        joined(store, query)
    assert store.asked == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply({"error": "invalid_grant", "private": "words"}, 400), GrantLost),
        (reply({"error": "Error: Not Found!"}, 404), GrantLost),
        (reply({"error": "invalid_client"}, 401), PlatformRefused),
        (Reply(302, b"", {"Location": "/"}), PlatformRefused),
        (Reply(429, b"", {"Retry-After": "3"}), PlatformBusy),
        (Reply(503, b"private words"), PlatformDown),
        (Reply(200, b"<html>private words"), PlatformDown),
        (reply({"access_token": "", "context": "stores/demo1hash"}), PlatformDown),
        (reply({"access_token": 7, "context": "stores/demo1hash"}), PlatformDown),
    ],
)
def test_a_refused_code_says_so_and_quotes_nothing(store: BigCommerce, answer: Reply, error: type[Exception]) -> None:
    store.answers = [answer]
    with pytest.raises(error) as refused:
        joined(store)
    for word in ("private", "k3v9demo2code8", SECRET):
        assert word not in f"{refused.value} {refused.value!r}"


def test_a_secret_that_isnt_theirs_yet_leaves_the_code_unspent(store: BigCommerce) -> None:
    store.answers = [reply({"error": "invalid_client"}, 401)]
    assert joined(store, of=settings("rotated-secret-of-the-app", SECRET)).domain == DOMAIN
    assert [each.body["client_secret"] for each in store.asked[:2]] == ["rotated-secret-of-the-app", SECRET]


def test_without_id_or_secret_nobody_is_sent_anywhere(store: BigCommerce) -> None:
    for of in (settings(""), settings(client_id="")):
        with pytest.raises(ConfigurationWrong, match="BIGCOMMERCE_CLIENT"):
            PLATFORM.authorize.begin(DOMAIN, "n0nce", BACK, of)
        with pytest.raises(ConfigurationWrong, match="BIGCOMMERCE_CLIENT"):
            joined(store, of=of)
    start = PLATFORM.authorize.begin("", "n0nce", BACK, settings())
    assert start.url == f"https://login.bigcommerce.com/app/{CLIENT_ID}/install" == settings().install_url
    assert settings("").install_url == ""
    assert store.asked == []


# --- a store that joined ----------------------------------------------------------------------------------------------


def test_the_profile_is_the_stores_own(store: BigCommerce) -> None:
    profile = PLATFORM.authorize.profile(client(store))
    assert (profile.shop_ref, profile.domain, profile.name, profile.currency) == ("demo1hash", DOMAIN, "Lantern", "USD")
    assert (profile.time_zone, profile.country) == ("America/Chicago", "US")
    assert (profile.storefront_url, profile.taxes_included) == ("https://candles.example", False)
    del store.info["secure_url"]
    store.info |= {"timezone": None, "is_price_entered_with_tax": True}
    plain = PLATFORM.authorize.profile(client(store))
    assert (plain.storefront_url, plain.time_zone, plain.taxes_included) == ("https://candles.example", "UTC", True)


def test_scopes_are_those_of_the_token_and_writing_holds_reading() -> None:
    assert held(sample("token_reply")["scope"]) == tuple(
        sorted({*sample("token_reply")["scope"].split(), "store_cart_read_only"})
    )
    assert "store_v2_products_read_only" in held("store_v2_products")
    assert held("store_cart <script> store_cart") == ("store_cart", "store_cart_read_only")
    assert PLATFORM.authorize.scopes(client(None, scopes=SCOPES)) == SCOPES
    asked = set(settings().wanted_scopes())
    needed = {scope for name, scopes in PLATFORM.features.items() for scope in scopes if name != "samples"}
    assert needed <= asked, "what a feature needs is asked for, but for samples: an operator adds their scope"


def test_a_token_is_never_renewed(store: BigCommerce) -> None:
    with pytest.raises(GrantLost, match="open the app") as lost:
        PLATFORM.authorize.renew(DOMAIN, Grant("old"), settings(), store, NOW)
    assert lost.value.fatal
    assert store.asked == []
    store.answers = [Reply(401, b"{}")]
    with pytest.raises(ConnectorError) as refused:
        PLATFORM.authorize.profile(client(store))
    assert isinstance(refused.value, GrantLost)


def test_only_the_real_addresses_get_a_secret() -> None:
    for name in ("api_origin", "login_origin", "storefront_template"):
        value = "http://127.0.0.1:9" + ("/stores/{hash}" if name == "storefront_template" else "")
        with pytest.raises(ValueError, match="only CONNECTOR_ENV=dev"):
            settings(**{name: value})
        assert getattr(settings(env="dev", **{name: value}), name) == value
        for bad in (f"{value}/", f"ftp://{value[7:]}", f"{value} "):
            with pytest.raises(ValueError, match="must be an http"):
                settings(env="dev", **{name: bad})
    with pytest.raises(ValueError, match="must hold"):
        settings(env="dev", storefront_template="http://127.0.0.1:9")
    assert settings().storefront("abc") == "https://store-abc.mybigcommerce.com"
