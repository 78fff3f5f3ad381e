"""The app at BigCommerce: its codes and tokens, and the JWTs that BigCommerce signs when it calls the app.

Source: integrations/apps/guide/auth.mdx and callbacks.mdx of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.store import wire
from sandbox.store.clock import wall
from sandbox.store.state import Doc, State

CODE_LIFE = 600  # seconds
JWT_LIFE = 86_400
USER = {"id": 41001, "username": "merchant@shop.example", "email": "merchant@shop.example"}


@dataclass(frozen=True)
class App:
    """The app's profile in the Developer Portal: its secret and its callbacks."""

    client_id: str
    client_secret: str
    auth_callback: str
    load_callback: str
    uninstall_callback: str
    scopes: str = (
        "store_v2_products_read_only store_v2_orders store_v2_transactions_read_only "
        "store_v2_information_read_only store_cart store_checkouts"
    )


class TokenRefused(Exception):
    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error


def context(name: str) -> str:
    return f"stores/{name}"


class OAuth:
    def __init__(self, state: State, app: App) -> None:
        self.state = state
        self.app = app

    def granted_url(self, name: str) -> str:
        """The merchant agreed: the address of the app's auth callback, with a code. Nothing of it is signed."""
        code = secrets.token_hex(16)
        self.state.put_document("bc_code", code, name, {"shop": name, "at": wall(), "used": False})
        query = {"account_uuid": str(uuid.uuid4()), "code": code, "context": context(name), "scope": self.app.scopes}
        return f"{self.app.auth_callback}?{urlencode(query)}"

    def token(self, given: Doc) -> Doc:
        """Answer POST /oauth2/token. An earlier token of the store dies. Raises TokenRefused."""
        right = hmac.compare_digest(str(given.get("client_secret", "")), self.app.client_secret)
        if given.get("client_id") != self.app.client_id or not right:
            raise TokenRefused(401, "invalid_client")
        with self.state.writing():
            code = str(given.get("code", ""))
            known = self.state.document("bc_code", code)
            good = (
                known is not None and not known["used"] and wall() - known["at"] < CODE_LIFE
                and given.get("grant_type") == "authorization_code" and given.get("context") == context(known["shop"])
                and given.get("redirect_uri") == self.app.auth_callback
            )  # fmt: skip
            if known is None or not good:
                raise TokenRefused(400, "invalid_grant")
            self.state.put_document("bc_code", code, known["shop"], {**known, "used": True})
            self.revoke(known["shop"])
            token = secrets.token_hex(16)
            doc = {"token": token, "shop": known["shop"], "scopes": self.app.scopes}
            self.state.put_document("bc_token", token, known["shop"], doc)
        return {
            "access_token": token, "scope": self.app.scopes, "user": USER, "owner": USER,
            "context": context(known["shop"]), "account_uuid": str(uuid.uuid4()),
        }  # fmt: skip

    def find(self, name: str, token: str) -> Doc | None:
        known = self.state.document("bc_token", token)
        return known if known is not None and known["shop"] == name else None

    def installed(self, name: str) -> bool:
        return bool(self.state.documents("bc_token", name))

    def revoke(self, name: str) -> None:
        for row in self.state.documents("bc_token", name):
            self.state.drop_document("bc_token", row["token"])

    # --- what BigCommerce signs ---

    def jwt(self, name: str, **bent: Any) -> str:
        """HS256 with the client secret; `bent` claims are for tests, `secret` signs in its place."""
        now = int(wall())
        secret = str(bent.pop("secret", self.app.client_secret))
        claims = {
            "aud": self.app.client_id, "iss": "bc", "iat": now, "nbf": now - 5, "exp": now + JWT_LIFE,
            "jti": str(uuid.uuid4()), "sub": context(name), "user": {**USER, "locale": "en-US"}, "owner": USER,
            "url": "/", "channel_id": None, **bent,
        }  # fmt: skip
        head = _part({"alg": "HS256", "typ": "JWT"}) + "." + _part(claims)
        return f"{head}.{_base64(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"

    def load_url(self, name: str) -> str:
        return f"{self.app.load_callback}?{urlencode({'signed_payload_jwt': self.jwt(name)})}"

    def uninstall_url(self, name: str) -> str:
        return f"{self.app.uninstall_callback}?{urlencode({'signed_payload_jwt': self.jwt(name)})}"


def _part(value: Doc) -> str:
    return _base64(wire.dumps(value))


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
