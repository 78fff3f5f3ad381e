"""Staff sign in at their own issuer: Authlib's flow against an issuer that lives in this test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwk, jwt

from connector import db
from connector.access import staff
from connector.app import create_app
from connector.db import Database, Scope
from tests.web.conftest import settings

ISSUER = "https://issuer.example"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})


@pytest.fixture
def issuer() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as answers:
        answers.get(f"{ISSUER}/.well-known/openid-configuration", json={
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys", "id_token_signing_alg_values_supported": ["RS256"],
        })  # fmt: skip
        answers.get(f"{ISSUER}/keys", json={"keys": [KEY.as_dict(private=False)]})
        yield answers


@pytest.fixture
def client(sqlite_database: Database, issuer: responses.RequestsMock) -> FlaskClient:
    app: Flask = create_app(settings(staff_oidc_issuer=ISSUER, staff_oidc_client_id="us", staff_oidc_client_secret="s"))
    with db.write(Scope.system("test")) as session:
        staff.ensure(session, "kim@example.com", "finance", by="test")
    return app.test_client()


def _begin(client: FlaskClient) -> dict[str, str]:
    html = client.get("/console/sign-in").text
    token = html.split('name="csrf_token" value="')[1].split('"')[0]
    answer = client.post("/console/sign-in/openid", data={"csrf_token": token})
    assert answer.status_code == 200  # a page that goes on: form-action allows no redirect to another host
    url = answer.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{ISSUER}/authorize?")
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/console/sign-in/openid/callback"
    assert asked["code_challenge_method"] == "S256"
    assert "nonce" in asked
    return asked


def _answer(issuer: responses.RequestsMock, asked: dict[str, str], key: jwk.RSAKey = KEY, **claims: Any) -> None:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "us", "sub": "s-1", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "email": "kim@example.com", "email_verified": True} | claims  # fmt: skip
    token = jwt.encode({"alg": "RS256", "kid": "k1"}, said, key)
    issuer.post(f"{ISSUER}/token", json={"access_token": "a", "token_type": "Bearer", "id_token": token})


def test_in_by_the_verified_address(client: FlaskClient, issuer: responses.RequestsMock) -> None:
    asked = _begin(client)
    _answer(issuer, asked)
    back = client.get(f"/console/sign-in/openid/callback?code=c&state={asked['state']}")
    assert (back.status_code, back.location) == (303, "/console")
    assert "kim@example.com" in client.get("/console").text
    body = parse_qs(str(issuer.calls[-1].request.body))
    assert "code_verifier" in body or any("code_verifier" in str(call.request.body) for call in issuer.calls)


def test_an_address_that_is_not_verified_is_nobody(client: FlaskClient, issuer: responses.RequestsMock) -> None:
    asked = _begin(client)
    _answer(issuer, asked, email_verified=False)
    back = client.get(f"/console/sign-in/openid/callback?code=c&state={asked['state']}")
    assert back.status_code == 403
    assert "Nobody has given you a role here" in back.text
    assert client.get("/console").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "another"}, {"aud": "them"}, {"iss": "https://evil.example"}, {"exp": 1_600_000_000}],
)
def test_a_wrong_token_opens_nothing(
    client: FlaskClient, issuer: responses.RequestsMock, claims: dict[str, Any]
) -> None:
    asked = _begin(client)
    _answer(issuer, asked, **claims)
    back = client.get(f"/console/sign-in/openid/callback?code=c&state={asked['state']}")
    assert back.status_code == 401
    assert "Start again from the sign-in page" in back.text
    assert client.get("/console").status_code == 303


def test_a_token_of_another_key(client: FlaskClient, issuer: responses.RequestsMock) -> None:
    asked = _begin(client)
    _answer(issuer, asked, key=OTHER)
    assert client.get(f"/console/sign-in/openid/callback?code=c&state={asked['state']}").status_code == 401


def test_a_state_of_another_browser(client: FlaskClient, issuer: responses.RequestsMock) -> None:
    asked = _begin(client)
    _answer(issuer, asked)
    other = client.application.test_client()
    assert other.get(f"/console/sign-in/openid/callback?code=c&state={asked['state']}").status_code == 401


def test_without_an_issuer_there_is_none(sqlite_database: Database) -> None:
    client = create_app(settings()).test_client()
    assert "connector staff link" in client.get("/console/sign-in").text
    assert client.get("/console/sign-in/openid/callback?code=c&state=s").status_code == 401
