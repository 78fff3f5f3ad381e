"""Joining: consent, the code, expiring tokens that rotate, the launch link."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from sandbox.shopify.oauth import query_hmac
from tests.sandbox.stand import CLIENT_ID, SAMPLES, SECRET, SHOP, Stand, operation

VECTORS = json.loads((SAMPLES / "vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["query"])
def test_query_signature_vectors(vector: dict[str, object]) -> None:
    pairs = [(k, v) for k, v in vector["pairs"]]  # type: ignore[attr-defined]
    assert query_hmac(VECTORS["secret"], pairs) == vector["hmac"]
    assert query_hmac(VECTORS["secret"], [*pairs, ("hmac", "x")]) == vector["hmac"]


def test_callback_is_signed_and_complete(stand: Stand) -> None:
    pairs = parse_qsl(urlsplit(stand.code(state="n0nce")).query)
    given = dict(pairs)
    assert list(given) == ["code", "hmac", "host", "shop", "state", "timestamp"]
    assert given["state"] == "n0nce"
    assert given["shop"] == SHOP
    assert given["hmac"] == query_hmac(SECRET, pairs)
    assert abs(int(given["timestamp"]) - time.time()) < 5
    padded = given["host"] + "=" * (-len(given["host"]) % 4)
    assert base64.b64decode(padded) == b"admin.shopify.com/store/alpha"


def test_token_reply_has_the_recorded_shape(stand: Stand) -> None:
    grant = stand.install()
    recorded = json.loads((SAMPLES / "oauth_token_expiring_offline.json").read_text())
    assert set(grant) == set(recorded)
    assert grant["expires_in"] == 3600
    assert grant["refresh_token_expires_in"] == 7_776_000


def test_code_is_single_use_and_bound_to_the_shop(stand: Stand) -> None:
    stand.control("POST", "/shops", {"shop": "other"})
    code = dict(parse_qsl(urlsplit(stand.code()).query))["code"]
    elsewhere = requests.post(
        f"{stand.base}/shops/other.myshopify.com/admin/oauth/access_token",
        data={"client_id": CLIENT_ID, "client_secret": SECRET, "code": code, "expiring": "1"},
        timeout=10,
    )
    assert elsewhere.status_code == 400
    assert stand.exchange(code=code, expiring="1").status_code == 200
    again = stand.exchange(code=code, expiring="1")
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_request"


def test_wrong_secret_is_refused(stand: Stand) -> None:
    code = dict(parse_qsl(urlsplit(stand.code()).query))["code"]
    answer = stand.exchange(code=code, client_secret="no")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_token_without_expiry_gets_403(stand: Stand) -> None:
    code = dict(parse_qsl(urlsplit(stand.code()).query))["code"]
    grant = stand.exchange(code=code).json()
    assert set(grant) == {"access_token", "scope"}
    assert stand.raw(operation("ShopInfo"), token=grant["access_token"]).status_code == 403


def test_old_refresh_token_works_until_its_replacement_is_used(stand: Stand) -> None:
    first = stand.install()
    second = stand.exchange(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    lost_answer = stand.exchange(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert lost_answer.status_code == 200
    third = stand.exchange(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert third.status_code == 200
    retired = stand.exchange(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert retired.status_code == 400
    assert retired.json() == json.loads((SAMPLES / "oauth_error_invalid_grant.json").read_text())


def test_expired_access_token_is_renewed(stand: Stand) -> None:
    grant = stand.install()
    assert stand.shop("POST", "/expire-tokens")["expired"] == 1
    assert stand.raw(operation("ShopInfo")).status_code == 401
    renewed = stand.exchange(grant_type="refresh_token", refresh_token=grant["refresh_token"]).json()
    assert stand.raw(operation("ShopInfo"), token=renewed["access_token"]).status_code == 200


def test_consent_needs_its_own_form(stand: Stand) -> None:
    asked = {"client_id": CLIENT_ID, "scope": "read_orders", "redirect_uri": stand.redirect_uri, "state": "s"}
    url = f"{stand.origin}/admin/oauth/authorize"
    forged = requests.post(url, data={**asked, "decision": "install", "authenticity_token": "x"}, timeout=10)
    assert forged.status_code == 400
    session = requests.Session()
    page = session.get(url, params=asked, timeout=10)
    token = re.search(r'authenticity_token" value="([^"]+)', page.text)
    assert token is not None
    stolen = requests.post(url, data={**asked, "decision": "install", "authenticity_token": token[1]}, timeout=10)
    assert stolen.status_code == 400
    form = {**asked, "authenticity_token": token[1], "decision": "cancel"}
    cancelled = session.post(url, data=form, allow_redirects=False, timeout=10)
    assert cancelled.headers["Location"].endswith("/admin")


@pytest.mark.parametrize("change", [{"redirect_uri": "http://evil.example/cb"}, {"client_id": "x"}, {"scope": ""}])
def test_consent_refuses_what_the_app_is_not(stand: Stand, change: dict[str, str]) -> None:
    asked = {"client_id": CLIENT_ID, "scope": "read_orders", "redirect_uri": stand.redirect_uri, **change}
    answer = requests.get(f"{stand.origin}/admin/oauth/authorize", params=asked, timeout=10)
    assert answer.status_code == 400
    assert "Oauth error" in answer.text


def test_launch_link_is_signed(stand: Stand) -> None:
    page = requests.get(f"{stand.origin}/admin/apps", timeout=10).text
    link = re.search(r'href="(http://127\.0\.0\.1:9/[^"]+)"', page)
    assert link is not None
    pairs = parse_qsl(urlsplit(html.unescape(link[1])).query)
    assert dict(pairs)["hmac"] == query_hmac(SECRET, pairs)
    assert {"hmac", "shop", "timestamp", "host"} == set(dict(pairs))


def test_uninstalling_kills_the_token_and_says_so(stand: Stand) -> None:
    stand.subscribe("APP_UNINSTALLED")
    stand.shop("POST", "/uninstall")
    assert stand.raw(operation("ShopInfo")).status_code == 401
    stand.quiesce()
    assert stand.receiver.topics() == ["app/uninstalled"]
    assert stand.shop("GET", "/subscriptions")["subscriptions"] == []
    recorded = json.loads((SAMPLES / "webhook_app_uninstalled.json").read_text())
    assert set(json.loads(stand.receiver.received[0][1])) == set(recorded)


def test_lost_token_answer_can_be_asked_again(stand: Stand) -> None:
    grant = stand.install()
    stand.control("PUT", "/misbehaviour", {"lose_token_answer": 1.0})
    form = {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
    assert stand.exchange(**form).status_code == 502
    stand.control("DELETE", "/misbehaviour")
    assert stand.exchange(**form).status_code == 200


def test_managed_installation_session_tokens_and_their_exchange(bare: Stand) -> None:
    """Installed in the admin, opened in its frame, and the frame's token traded for an offline token."""
    bare.create_shop()
    admin = f"{bare.base}/shops/{SHOP}/admin"
    assert requests.post(f"{admin}/session-token", timeout=10).status_code == 403
    assert "Install" in requests.get(f"{admin}/apps/{CLIENT_ID}", timeout=10).text
    framed = requests.post(f"{admin}/install", timeout=10)
    url = html.unescape(re.search(r'src="(http[^"]+launch[^"]*)"', framed.text)[1])  # type: ignore[index]
    given = dict(parse_qsl(urlsplit(url).query))
    assert given["hmac"] == query_hmac(SECRET, parse_qsl(urlsplit(url).query))
    assert {"embedded", "host", "id_token", "locale", "session", "shop", "timestamp"} < set(given)
    assert "frame-ancestors 'none'" in framed.headers["Content-Security-Policy"]
    token = requests.post(f"{admin}/session-token", timeout=10).json()["token"]
    trade = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": token, "expiring": "1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "requested_token_type": "urn:shopify:params:oauth:token-type:offline-access-token",
    }  # fmt: skip
    assert bare.exchange(**{**trade, "subject_token": token[:-2] + "xx"}).json()["error"] == "invalid_subject_token"
    grant = bare.exchange(**trade).json()
    assert grant["scope"] == "read_products,read_orders,read_fulfillments"
    bare.token = grant["access_token"]
    scopes = requests.post(f"{admin}/scopes", json={"grant": ["read_inventory", "write_products"]}, timeout=10).json()
    assert scopes["granted"] == ["read_products", "read_orders", "read_fulfillments", "read_inventory"]
    bare.shop("POST", "/uninstall")
    assert bare.exchange(**trade).json()["error"] == "invalid_subject_token"
    assert requests.post(f"{admin}/session-token", timeout=10).status_code == 403
