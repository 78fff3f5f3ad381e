"""Session tokens, their exchange, the frame, and hosts in disguise. Vectors: fact sheet, section 10."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.errors import GrantLost, HostRefused, PlatformDown, PlatformRefused, SignatureRejected
from connector.platforms.contract import Grant, Visit
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.embedded import Embedded
from tests.platforms.shopify.kit import CLIENT_ID, DOMAIN, PAYLOADS, SECRET, Reply, Script, make_settings

AT = 1763650030
NOW = datetime.fromtimestamp(AT, UTC)
VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL3NhbXBsZS1zaG9wLm15c2hvcGlmeS5jb20vYWRtaW4iLCJkZXN0Ijoi"
    "aHR0cHM6Ly9zYW1wbGUtc2hvcC5teXNob3BpZnkuY29tIiwiYXVkIjoiMGExYjJjM2Q0ZTVmNjA3MTgyOTNhNGI1YzZkN2U4ZjkiLCJzdWIiOiI0Mi"
    "IsImV4cCI6MTc2MzY1MDA2MCwibmJmIjoxNzYzNjUwMDAwLCJpYXQiOjE3NjM2NTAwMDAsImp0aSI6IjNmMGMxZDJlLTRiNWEtNGM2ZC04ZTdmLTAw"
    "MTEyMjMzNDQ1NSIsInNpZCI6IjAwZmYxMWVlMjJkZDMzY2M0NGJiNTVhYTY2OTk4ODc3MDAxMTIyMzM0NDU1NjY3Nzg4OTkwMDExYWFiYmNjZGQiLC"
    "JzaWciOiJkZWFkYmVlZiJ9.MOE9aE8upclmsmRKoMBc_DCdwzCp9_I_SCFP88ykbiQ"
)
INSIDE = Embedded()
NEWER, OLDER = "shpss_after_the_rotation", "shpss_before_the_rotation"


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(secret: str = SECRET, header: dict[str, Any] | None = None, digest: Any = hashlib.sha256, **bent: Any) -> str:
    claims = {
        "iss": f"https://{DOMAIN}/admin", "dest": f"https://{DOMAIN}", "aud": CLIENT_ID, "sub": "42",
        "exp": AT + 30, "nbf": AT - 30, "iat": AT - 30, "jti": "j", "sid": "s",
    } | bent  # fmt: skip
    head = (
        part(header or {"alg": "HS256", "typ": "JWT"})
        + "."
        + part({name: v for name, v in claims.items() if v is not ...})
    )
    made = hmac.new(secret.encode(), head.encode(), digest).digest()
    return f"{head}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def test_the_vector_is_taken() -> None:
    assert PLATFORM.can("embedded")
    assert isinstance(PLATFORM.embedded, Embedded)
    seen = INSIDE.visited(VECTOR, make_settings(), NOW)
    assert (seen.domain, seen.person_ref, seen.issued_at.timestamp()) == (DOMAIN, "42", 1763650000)
    assert VECTOR not in repr(seen)


@pytest.mark.parametrize("ahead", [9, 10])
def test_a_clock_that_is_a_little_behind_is_no_trouble(ahead: int) -> None:
    assert INSIDE.visited(token(nbf=AT + ahead, iat=AT + ahead), make_settings(), NOW).domain == DOMAIN
    assert INSIDE.visited(token(exp=AT - 9), make_settings(), NOW).domain == DOMAIN


@pytest.mark.parametrize(
    "bent",
    [
        token(nbf=AT + 11), token(exp=AT - 10), token(exp=...), token(nbf=...), token(exp="soon"), token(aud="another"),
        token(aud=[CLIENT_ID + "x"]), token(aud=...), token(sub=...), token(sub=None), token(sub=""), token(sub=42),
        token(sub="gid://shopify/Customer/1"), token(sub="４２"), token(iss="https://other.myshopify.com/admin"),
        token(iss=f"https://{DOMAIN}"), token(iss=...), token(dest=...), token(dest=["https://" + DOMAIN]),
        token(secret="shpss_of_somebody_else"), token(header={"alg": "none"}), token(header={"alg": "RS256"}),
        token(header={"alg": "HS512"}, digest=hashlib.sha512), token().rpartition(".")[0] + ".",
        token()[:-2], "", "a.b.c", "a" * 5000, VECTOR + "é", token() + ".x",
    ],
)  # fmt: skip
def test_bent_tokens_are_refused(bent: str) -> None:
    with pytest.raises(SignatureRejected) as refused:
        INSIDE.visited(bent, make_settings(), NOW)
    assert not bent or bent not in str(refused.value)


# Every way to dress another host up as a shop's. No one of them may become part of a URL, or a tenant.
DISGUISES = (
    "evil.com", "evil.com/x.myshopify.com", "a.myshopify.com.evil.com", "a.myshopify.com@evil.com", "a@b.myshopify.com",
    "user:pw@a.myshopify.com", "a.myshopify.com:8443", "a.myshopify.com:", "a.myshopify.com/", "a.myshopify.com\n",
    "a.myshopify.com\r\n", "\ta.myshopify.com", " a.myshopify.com", "a.myshopify.com ", "a.myshopify.com\x00",
    "a.myshopify.com#", "a.myshopify.com?x", "a\\.myshopify.com", "a.myshopify.com\\@evil.com", ".myshopify.com",
    "-a.myshopify.com", "a..myshopify.com", "a.b.myshopify.com", "a_b.myshopify.com", "myshopify.com",
    "a.myshopify.com.",
    "a。myshopify.com", "a．myshopify。com", "ａ.myshopify.com", "a.myshopify.cοm", "\u212a.myshopify.com",  # noqa: RUF001
    "xn--80ak6aa92e.com", "a.myshopify.io", "a.shopify.com", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1",
    "a" * 100 + ".myshopify.com", "%61.myshopify.com", "a.myshopify.com%00", "http://a.myshopify.com",
    "//a.myshopify.com",
    "https://admin.shopify.com.evil.com/store/a", "admin.shopify.com/store/a/../b", "admin.shopify.com/store/a\n",
)  # fmt: skip


@pytest.mark.parametrize("host", DISGUISES)
def test_hosts_in_disguise_are_no_shops(host: str) -> None:
    settings = make_settings()
    with pytest.raises(HostRefused):
        PLATFORM.authorize.domain(host, settings)
    with pytest.raises(SignatureRejected):
        INSIDE.visited(token(dest=f"https://{host}", iss=f"https://{host}/admin"), settings, NOW)
    nothing = Script()
    with pytest.raises((HostRefused, GrantLost)):
        PLATFORM.authorize.renew(host, Grant("a", "r"), settings, nothing, NOW)
    assert nothing.sent == []


@given(st.text(max_size=60))
def test_what_is_taken_for_a_shop_is_one(typed: str) -> None:
    try:
        domain = PLATFORM.authorize.domain(typed, make_settings())
    except HostRefused:
        return
    assert domain.isascii()
    assert domain == domain.lower()
    assert domain.endswith(".myshopify.com")
    assert set(domain.removesuffix(".myshopify.com")) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def reply(**changed: Any) -> Reply:
    body = json.loads((PAYLOADS / "api/oauth_token_expiring_offline.json").read_text()) | changed
    return Reply(content=json.dumps(body).encode())


def visit(**changed: Any) -> Visit:
    return Visit(**({"domain": DOMAIN, "person_ref": "42", "issued_at": NOW, "token": VECTOR} | changed))


def test_the_token_is_traded_for_an_expiring_offline_token() -> None:
    script = Script(reply())
    joined = INSIDE.exchange(visit(), make_settings(), script, NOW)
    sent = script.sent[0]
    assert (sent.method, sent.url) == ("POST", f"https://{DOMAIN}/admin/oauth/access_token")
    assert sent.form == {
        "client_id": CLIENT_ID, "client_secret": SECRET,
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": VECTOR,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token", "expiring": "1",
    }  # fmt: skip
    assert joined.domain == DOMAIN
    assert joined.grant.refresh_token
    assert joined.grant.expires_at
    assert joined.grant.expires_at > NOW


def test_a_token_that_is_refused_says_so() -> None:
    with pytest.raises(GrantLost) as lost:
        INSIDE.exchange(visit(), make_settings(), Script(Reply(400, b'{"error":"invalid_subject_token"}')), NOW)
    assert lost.value.fatal
    assert "invalid_subject_token" in str(lost.value)
    assert VECTOR not in str(lost.value)
    with pytest.raises(PlatformDown):
        INSIDE.exchange(visit(), make_settings(), Script(Reply(503)), NOW)


@pytest.mark.parametrize("theirs", [NEWER, OLDER])
def test_while_a_secret_rotates_either_one_may_be_the_platforms(theirs: str) -> None:
    """Set here before it is set there, or there before here: nobody is shut out, in any of the ways in and on."""
    both = make_settings(client_secret=SecretStr(NEWER), client_secret_previous=SecretStr(OLDER))
    assert INSIDE.visited(token(secret=theirs), both, NOW).domain == DOMAIN

    def endpoint(sent: Any) -> Reply:
        right = sent.form["client_secret"] == theirs
        return reply() if right else Reply(401, b'{"error":"invalid_client"}')

    for trade in (
        lambda http: INSIDE.exchange(visit(), both, http, NOW).grant,
        lambda http: PLATFORM.authorize.renew(DOMAIN, Grant("a", "refresh"), both, http, NOW),
    ):
        script = Script(endpoint)
        assert trade(script).refresh_token
        assert [each.form["client_secret"] for each in script.sent if each.form] == (
            [NEWER] if theirs == NEWER else [NEWER, OLDER]
        )
    with pytest.raises(SignatureRejected):
        INSIDE.visited(token(secret="shpss_of_another_app"), both, NOW)
    with pytest.raises(PlatformRefused):
        INSIDE.exchange(visit(), make_settings(client_secret=SecretStr("shpss_of_another_app")), Script(endpoint), NOW)


def test_the_frame_is_exactly_the_shops_admin() -> None:
    frame = INSIDE.frame(DOMAIN, make_settings())
    assert frame.ancestors == (f"https://{DOMAIN}", "https://admin.shopify.com")
    assert (frame.script, frame.script_source, frame.public_id) == (
        "https://cdn.shopify.com/shopifycloud/app-bridge.js", "https://cdn.shopify.com/shopifycloud/", CLIENT_ID,
    )  # fmt: skip
    assert INSIDE.frame(None, make_settings()).ancestors == ("https://admin.shopify.com",)
    assert not any("*" in each for each in frame.ancestors)
    assert INSIDE.admin_url(DOMAIN, make_settings()) == f"https://admin.shopify.com/store/sample-shop/apps/{CLIENT_ID}"


def test_in_dev_the_stand_in_takes_shopifys_place() -> None:
    there = make_settings(CONNECTOR_ENV="dev", origin_template="http://127.0.0.1:8471/shops/{shop}")
    frame = INSIDE.frame(DOMAIN, there)
    assert frame.ancestors == ("http://127.0.0.1:8471",)
    assert frame.script == "http://127.0.0.1:8471/shopifycloud/app-bridge.js"
