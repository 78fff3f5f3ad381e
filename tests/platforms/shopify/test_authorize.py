"""Joining: signatures of queries, freshness, hosts, the token endpoint. Vectors: fact sheet, section 10."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.errors import (
    ConfigurationWrong,
    ConnectorError,
    GrantLost,
    HostRefused,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.platforms.contract import Grant
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.authorize import form_encoded, legacy_encoded
from tests.platforms.shopify.kit import (
    CALLBACK,
    CLIENT_ID,
    DOMAIN,
    PAYLOADS,
    SECRET,
    Reply,
    Script,
    graphql,
    make_client,
    make_settings,
)

AUTHORIZE = PLATFORM.authorize
NOW = datetime.fromtimestamp(1763650000, UTC)
HOST = "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2FtcGxlLXNob3A"

V1 = (
    f"code=0907a61c0c8d55e99db179b68161bc00&host={HOST}&shop={DOMAIN}&state=n0nce-7f3a9c&timestamp=1763650000",
    "5ef84fa33eed414076b3ea2e699acef92ebe7364bab1df9037d6e41ea4a456b6",
)
V2 = (
    f"embedded=1&host={HOST}&id_token=aaa.bbb.ccc&locale=en&session=5f2b0c&shop={DOMAIN}&timestamp=1763650001",
    "3d3f1c05ca37b6b8bdd8a257bbd124d7dfa38f8679955d73f0033a7a26586129",
)
V3A = (
    f"note=a+b%26c%3Dd%2Fe%2Bf%25&shop={DOMAIN}&timestamp=1763650002",
    "3f157fd5f47be32ed1ed761d23809e254adee140d4f5d93f26eb0964fb1b50fc",
)
V3B = (V3A[0], "675668f807dcfb3305790eeee101a9942dc12901b08214ce5e077d9fcdd89673")


def pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def signed(query: list[tuple[str, str]], secret: str = SECRET) -> list[tuple[str, str]]:
    return [*query, ("hmac", hmac.new(secret.encode(), form_encoded(query), hashlib.sha256).hexdigest())]


def callback(**changed: str) -> list[tuple[str, str]]:
    return list((dict(pairs(V1[0])) | changed).items())


def token_reply(**changed: Any) -> Reply:
    import json

    reply = json.loads((PAYLOADS / "api/oauth_token_expiring_offline.json").read_text())
    reply |= changed
    return Reply(content=json.dumps({k: v for k, v in reply.items() if v is not ...}).encode())


# --- signatures of queries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", [V1, V2, V3A, V3B], ids=["V1", "V2", "V3a form", "V3b legacy"])
def test_vectors_of_both_encodings_are_taken(settings: Any, vector: tuple[str, str]) -> None:
    query = [*pairs(vector[0]), ("hmac", vector[1])]
    assert AUTHORIZE.launched(query, settings, NOW) == DOMAIN


def test_messages_are_those_of_the_libraries() -> None:
    query = pairs(V3A[0])
    assert form_encoded(query).decode() == V3A[0]
    assert legacy_encoded(query).decode() == f"note=a b%26c=d/e+f%25&shop={DOMAIN}&timestamp=1763650002"
    repeated = [("ids[]", "2"), ("ids[]", "1"), ("a", "x")]
    assert form_encoded(repeated) == b"a=x&ids%5B%5D=2&ids%5B%5D=1"
    assert legacy_encoded(repeated) == b'a=x&ids=["2", "1"]'


@pytest.mark.parametrize(
    "bent",
    [
        lambda q: [(k, v[:-1] + "x" if k == "code" else v) for k, v in q],
        lambda q: [(k, v.upper() if k == "hmac" else v) for k, v in q],
        lambda q: [(k, v) for k, v in q if k != "hmac"],
        lambda q: [*q, next(pair for pair in q if pair[0] == "hmac")],
        lambda q: [*q, ("shop", "other.myshopify.com")],
        lambda q: [*q, ("shop", DOMAIN)],
        lambda q: [*q, ("extra", "1")],
        lambda q: [(k, v) for k, v in q if k != "state"],
        lambda q: [(k, "" if k == "hmac" else v) for k, v in q],
        lambda q: [(k, "\u0661" * 64 if k == "hmac" else v) for k, v in q],
    ],
    ids=[
        "changed", "upper-case", "no hmac", "hmac twice", "another shop", "shop twice", "one more", "one less", "empty",
        "not ASCII",
    ],
)  # fmt: skip
def test_bent_queries_are_refused(settings: Any, bent: Any) -> None:
    http = Script()
    with pytest.raises(SignatureRejected):
        AUTHORIZE.complete(bent([*pairs(V1[0]), ("hmac", V1[1])]), CALLBACK, settings, http, NOW)
    assert http.sent == []


def test_a_repeated_shop_is_refused_even_when_it_is_signed(settings: Any) -> None:
    query = signed([*callback().copy(), ("shop", "other.myshopify.com")])
    with pytest.raises(SignatureRejected):
        AUTHORIZE.complete(query, CALLBACK, settings, Script(), NOW)


@pytest.mark.parametrize(
    ("age", "taken"), [(0, True), (90, True), (91, False), (-90, True), (-91, False), (86_400, False)]
)
def test_a_callback_is_fresh_for_ninety_seconds(settings: Any, age: int, taken: bool) -> None:
    query = [*pairs(V1[0]), ("hmac", V1[1])]
    http = Script(token_reply())
    if taken:
        assert AUTHORIZE.complete(query, CALLBACK, settings, http, NOW + timedelta(seconds=age)).domain == DOMAIN
    else:
        with pytest.raises(SignatureRejected):
            AUTHORIZE.complete(query, CALLBACK, settings, http, NOW + timedelta(seconds=age))
        assert http.sent == []


def test_a_launch_is_fresh_for_a_day(settings: Any) -> None:
    query = [*pairs(V2[0]), ("hmac", V2[1])]
    assert AUTHORIZE.launched(query, settings, NOW + timedelta(hours=23, minutes=59)) == DOMAIN
    with pytest.raises(SignatureRejected):
        AUTHORIZE.launched(query, settings, NOW + timedelta(hours=24, seconds=2))


@pytest.mark.parametrize("text", ["", "abc", "1763650000.5", "-1", "\u0661763650000", "9" * 400])
def test_times_that_are_none_are_refused(settings: Any, text: str) -> None:
    with pytest.raises(SignatureRejected):
        AUTHORIZE.launched(signed(callback(timestamp=text)), settings, NOW)


@pytest.mark.parametrize(
    "shop",
    [
        "evil.com/x.myshopify.com", "a.myshopify.com.evil.com", "a.myshopify.com\n", "admin.shopify.com/store/x",
        "user@a.myshopify.com", "127.0.0.1", "a.myshopify.com:443",
    ],
)  # fmt: skip
def test_a_signed_query_for_another_host_sends_nothing(settings: Any, shop: str) -> None:
    http = Script()
    with pytest.raises(HostRefused):
        AUTHORIZE.complete(signed(callback(shop=shop)), CALLBACK, settings, http, NOW)
    assert http.sent == []


def test_the_secret_before_a_rotation_still_proves_a_query() -> None:
    rotated = make_settings(client_secret=SecretStr("new"), client_secret_previous=SecretStr(SECRET))
    assert AUTHORIZE.launched(signed(callback()), rotated, NOW) == DOMAIN
    done = make_settings(client_secret=SecretStr("new"))
    with pytest.raises(SignatureRejected):
        AUTHORIZE.launched(signed(callback()), done, NOW)


def test_no_secret_proves_nothing() -> None:
    closed = make_settings(client_secret=SecretStr(""))
    with pytest.raises(SignatureRejected):
        AUTHORIZE.launched(signed(callback(), secret=""), closed, NOW)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PARAMETERS = st.lists(st.tuples(TEXT, TEXT), max_size=6)


@settings_of_hypothesis(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(PARAMETERS)
def test_any_parameters_may_come_along(more: list[tuple[str, str]]) -> None:
    more = [(k, v) for k, v in more if k not in ("shop", "timestamp", "hmac", "signature")]
    query = signed([("shop", DOMAIN), ("timestamp", "1763650000"), *more])
    assert AUTHORIZE.launched(query, make_settings(), NOW) == DOMAIN


# --- the dance --------------------------------------------------------------------------------------------------------


def test_the_merchant_is_sent_to_agree(settings: Any) -> None:
    start = AUTHORIZE.begin(DOMAIN, "n0nce", CALLBACK, settings)
    parts = urlsplit(start.url)
    query = dict(parse_qsl(parts.query))
    assert (parts.scheme, parts.netloc, parts.path) == ("https", DOMAIN, "/admin/oauth/authorize")
    assert query["client_id"] == CLIENT_ID
    assert query["scope"] == "read_products,read_orders,read_fulfillments"
    assert query["redirect_uri"] == CALLBACK
    assert query["state"] == "n0nce"
    assert "grant_options[]" not in query  # offline


def test_an_app_without_credentials_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationWrong):
        AUTHORIZE.begin(DOMAIN, "n0nce", CALLBACK, make_settings(client_id=""))


def test_the_code_is_traded_for_an_expiring_token(settings: Any) -> None:
    http = Script(token_reply())
    joined = AUTHORIZE.complete([*pairs(V1[0]), ("hmac", V1[1])], CALLBACK, settings, http, NOW)
    sent = http.sent[0]
    assert (sent.method, sent.url) == ("POST", f"https://{DOMAIN}/admin/oauth/access_token")
    assert sent.form == {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "code": "0907a61c0c8d55e99db179b68161bc00",
        "expiring": "1",
    }
    grant = joined.grant
    assert (grant.access_token, grant.refresh_token) == ("shpat_SAMPLE_ACCESS", "shprt_SAMPLE_REFRESH")
    assert grant.scopes == ("read_orders", "read_products", "write_discounts")
    assert grant.expires_at == NOW + timedelta(hours=1)
    assert grant.refresh_expires_at == NOW + timedelta(days=90)
    assert "SAMPLE" not in repr(joined)


def test_a_reply_without_a_life_lives_an_hour(settings: Any) -> None:
    http = Script(token_reply(expires_in=...))
    grant = AUTHORIZE.complete([*pairs(V1[0]), ("hmac", V1[1])], CALLBACK, settings, http, NOW).grant
    assert grant.expires_at == NOW + timedelta(hours=1)


def test_a_token_that_never_expires_is_kept_as_such(settings: Any) -> None:
    http = Script(token_reply(expires_in=..., refresh_token=..., refresh_token_expires_in=...))
    grant = AUTHORIZE.complete([*pairs(V1[0]), ("hmac", V1[1])], CALLBACK, settings, http, NOW).grant
    assert (grant.expires_at, grant.refresh_token) == (None, None)


OLD = Grant(access_token="shpat_old", refresh_token="shprt_old", scopes=("read_orders",))


def test_renewing_gives_a_new_pair(settings: Any) -> None:
    http = Script(token_reply())
    renewed = AUTHORIZE.renew(DOMAIN, OLD, settings, http, NOW)
    assert http.sent[0].form == {
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "grant_type": "refresh_token",
        "refresh_token": "shprt_old",
    }
    assert (renewed.access_token, renewed.refresh_token) == ("shpat_SAMPLE_ACCESS", "shprt_SAMPLE_REFRESH")


def test_a_lost_reply_is_asked_for_again_with_the_same_token(settings: Any) -> None:
    for lost in (PlatformDown("no answer in time"), Reply(status=502), Reply(200, b"{")):
        http = Script(lost, token_reply())
        assert AUTHORIZE.renew(DOMAIN, OLD, settings, http, NOW).access_token == "shpat_SAMPLE_ACCESS"
        assert [sent.form and sent.form["refresh_token"] for sent in http.sent] == ["shprt_old"] * 2


def test_a_shopify_that_stays_down_leaves_the_grant_as_it_was(settings: Any) -> None:
    http = Script(lambda request: Reply(status=503))
    with pytest.raises(PlatformDown):
        AUTHORIZE.renew(DOMAIN, OLD, settings, http, NOW)
    assert len(http.sent) == 2


def test_scopes_are_kept_when_a_renewal_names_none(settings: Any) -> None:
    assert AUTHORIZE.renew(DOMAIN, OLD, settings, Script(token_reply(scope="")), NOW).scopes == ("read_orders",)


@pytest.mark.parametrize(
    ("reply", "error", "fatal"),
    [
        (Reply(400, (PAYLOADS / "api/oauth_error_invalid_grant.json").read_bytes()), GrantLost, True),
        (Reply(400, b"<html>shpat_echo"), GrantLost, True),
        (Reply(401, b"{}"), GrantLost, True),
        (Reply(401, b'{"error":"invalid_client"}'), PlatformRefused, None),
        (Reply(404, b""), PlatformRefused, None),
        (Reply(429, b"", {"Retry-After": "7"}), PlatformBusy, None),
        (Reply(200, b"<html>"), PlatformDown, None),
        (Reply(200, b'{"access_token": 5}'), PlatformDown, None),
    ],
)
def test_refusals_of_the_token_endpoint(settings: Any, reply: Reply, error: type, fatal: bool | None) -> None:
    http = Script(*[reply] * 3)
    with pytest.raises(error) as raised:
        AUTHORIZE.renew(DOMAIN, OLD, settings, http, NOW)
    if fatal is not None:
        assert raised.value.fatal is fatal
    if error is PlatformBusy:
        assert raised.value.retry_after == 7.0
    for secret in ("shprt_old", "shpat", SECRET):
        assert secret not in str(raised.value)
    assert reply.closed


def test_a_grant_without_a_refresh_token_needs_the_merchant(settings: Any) -> None:
    with pytest.raises(GrantLost) as lost:
        AUTHORIZE.renew(DOMAIN, Grant(access_token="x"), settings, Script(), NOW)
    assert lost.value.fatal


# --- what the shop says of itself -------------------------------------------------------------------------------------

SHOP = {
    "id": "gid://shopify/Shop/10000000001", "name": "Sample Shop", "myshopifyDomain": DOMAIN, "currencyCode": "JPY",
    "ianaTimezone": "Asia/Tokyo", "taxesIncluded": True, "primaryDomain": {"url": "https://sample-shop.example"},
    "shopAddress": {"countryCodeV2": "JP"},
}  # fmt: skip


def test_the_profile() -> None:
    profile = AUTHORIZE.profile(make_client(Script(graphql({"shop": SHOP}))))
    assert (profile.shop_ref, profile.domain, profile.currency) == ("10000000001", DOMAIN, "JPY")
    assert (profile.time_zone, profile.country, profile.taxes_included) == ("Asia/Tokyo", "JP", True)
    assert profile.storefront_url == "https://sample-shop.example"


def test_a_profile_of_another_shop_is_refused() -> None:
    with pytest.raises(PlatformRefused):
        AUTHORIZE.profile(make_client(Script(graphql({"shop": SHOP | {"myshopifyDomain": "other.myshopify.com"}}))))


def test_errors_carry_no_token() -> None:
    client = make_client(Script(lambda request: Reply(418, b"shpat_secret_access")))
    with pytest.raises(ConnectorError) as raised:
        AUTHORIZE.scopes(client)
    assert "secret" not in f"{raised.value!r}{raised.value.__cause__!r}{raised.value.__context__!r}"
