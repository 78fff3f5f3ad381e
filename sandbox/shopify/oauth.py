"""Shopify's OAuth: consent, the code, expiring offline tokens with a rotating refresh token, and the launch link;
and the embedded way: managed installation, session tokens (one minute, HS256), their exchange for an offline token.

All times here are wall time. Source: shopify.dev/docs/apps/build/authentication-authorization, read 2026-11; the
grace of an old refresh token is the changelog of 2026-08-28.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from sandbox.store import wire
from sandbox.store.clock import wall
from sandbox.store.state import Doc, State

ACCESS_LIFE = 3600
REFRESH_LIFE = 90 * 86400
RETRY_LIFE = 30 * 86400  # an old refresh token after its first use, unless the replacement is used before
CODE_LIFE = 600
SESSION_LIFE = 60
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"


@dataclass(frozen=True)
class App:
    """The one app that the stand-in knows, as its dashboard would have it."""

    client_id: str
    client_secret: str
    app_url: str
    redirect_uris: tuple[str, ...]
    # As the app's configuration at Shopify would name them: granted at a managed installation, and what may be added.
    scopes: str = "read_products,read_orders,read_fulfillments"
    optional_scopes: str = (
        "read_inventory,read_all_orders,read_customers,read_publications,read_markets,write_draft_orders,write_orders"
    )


class TokenRefused(Exception):
    """The token endpoint's answer: an OAuth error with its HTTP status."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.body = {"error": error, "error_description": description}
        super().__init__(error)


def query_hmac(secret: str, pairs: list[tuple[str, str]]) -> str:
    """Hex HMAC-SHA256 over the form-encoded parameters, sorted by key, without hmac itself."""
    kept = sorted(((k, v) for k, v in pairs if k not in ("hmac", "signature")), key=lambda pair: pair[0])
    return hmac.new(secret.encode(), urlencode(kept).encode(), hashlib.sha256).hexdigest()


def admin_host(shop: str) -> str:
    """The `host` parameter: base64 of admin.shopify.com/store/{name}, unpadded as Shopify sends it."""
    name = shop.removesuffix(".myshopify.com")
    return base64.b64encode(f"admin.shopify.com/store/{name}".encode()).decode().rstrip("=")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _part(value: dict[str, Any]) -> str:
    return _base64(wire.dumps(value))


class OAuth:
    """Codes and tokens of all shops. Documents: 'code' and 'token' (access), 'refresh', by their own text."""

    def __init__(self, state: State, app: App) -> None:
        self.state = state
        self.app = app

    def signed_url(self, address: str, pairs: list[tuple[str, str]]) -> str:
        """An address with the parameters and their hmac, as Shopify's redirects carry them."""
        signed = sorted([*pairs, ("hmac", query_hmac(self.app.client_secret, pairs))])
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(signed)}"

    def launch_url(self, shop: str) -> str:
        """The link that opens the app from the store's admin."""
        pairs = [("shop", shop), ("timestamp", str(int(wall()))), ("host", admin_host(shop))]
        return self.signed_url(self.app.app_url, pairs)

    def grant(self, shop: str, scopes: str, redirect_uri: str, state: str) -> str:
        """The merchant agreed: a code, and the address that the browser is sent to."""
        code = secrets.token_hex(16)
        doc = {"shop": shop, "scopes": scopes, "at": wall(), "used": False}
        self.state.put_document("code", code, shop, doc)
        pairs = [
            ("code", code),
            ("host", admin_host(shop)),
            ("shop", shop),
            ("state", state),
            ("timestamp", str(int(wall()))),
        ]
        return self.signed_url(redirect_uri, pairs)

    # --- inside the admin ---

    def framed_url(self, shop: str, path: str = "") -> str:
        """The address that the admin opens in its frame: signed, with a fresh session token."""
        address = self.app.app_url if path in ("", "/") else urljoin(self.app.app_url, path)
        pairs = [
            ("embedded", "1"), ("host", admin_host(shop)), ("id_token", self.session_token(shop)), ("locale", "en"),
            ("session", secrets.token_hex(16)), ("shop", shop), ("timestamp", str(int(wall()))),
        ]  # fmt: skip
        return self.signed_url(address, pairs)

    def session_token(self, shop: str, **bent: Any) -> str:
        """The JWT that App Bridge hands out; `bent` claims are for tests. `secret` signs in the app's place."""
        now = int(wall())
        secret = str(bent.pop("secret", self.app.client_secret))
        claims = {
            "iss": f"https://{shop}/admin", "dest": f"https://{shop}", "aud": self.app.client_id, "sub": "42",
            "exp": now + SESSION_LIFE, "nbf": now, "iat": now, "jti": str(uuid.uuid4()), "sid": secrets.token_hex(32),
            **bent,
        }  # fmt: skip
        head = _part({"alg": "HS256", "typ": "JWT"}) + "." + _part(claims)
        return f"{head}.{_base64(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())}"

    def _visited(self, shop: str, token: str) -> bool:
        """Is it a session token of ours for this shop that still lives?"""
        head, _, signature = token.rpartition(".")
        made = _base64(hmac.new(self.app.client_secret.encode(), head.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(made, signature):
            return False
        body = head.partition(".")[2]
        claims = wire.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return bool(claims["dest"] == f"https://{shop}" and claims["exp"] > wall() and claims["nbf"] <= wall() + 10)

    def install(self, shop: str) -> None:
        """Managed installation: the merchant agreed in the admin, the app hears of it when it is opened."""
        self.state.put_document("install", shop, shop, {"scopes": self.app.scopes, "at": wall()})

    def scopes_of(self, shop: str) -> str | None:
        """What the merchant granted; None where the app isn't installed."""
        known = self.state.document("install", shop)
        return None if known is None else str(known["scopes"])

    def change_scopes(self, shop: str, scopes: str) -> None:
        """The merchant added or took away scopes: what the app holds follows, and new tokens have them."""
        with self.state.writing():
            known = self.state.document("install", shop)
            if known is None:
                raise KeyError(f"the app is not installed in {shop}")
            self.state.put_document("install", shop, shop, {**known, "scopes": scopes})
            for kind in ("token", "refresh"):
                for row in self.state.documents(kind, shop):
                    self.state.put_document(kind, row["token"], shop, {**row, "scopes": scopes})

    # --- the token endpoint ---

    def token(self, shop: str, form: dict[str, Any]) -> Doc:
        """Answer POST /admin/oauth/access_token. Raises TokenRefused."""
        if form.get("client_id") != self.app.client_id or not hmac.compare_digest(
            str(form.get("client_secret", "")), self.app.client_secret
        ):
            raise TokenRefused(401, "invalid_client", "Client authentication failed.")
        grant_type = form.get("grant_type")
        if grant_type == "refresh_token":
            return self._refresh(shop, str(form.get("refresh_token", "")))
        if grant_type == EXCHANGE:
            return self._trade(shop, form)
        if grant_type not in (None, "authorization_code"):
            raise TokenRefused(400, "unsupported_grant_type", f"The sandbox has no grant {grant_type}.")
        return self._exchange(shop, form)

    def _trade(self, shop: str, form: dict[str, Any]) -> Doc:
        """A session token for an expiring offline token. What the app held before goes on working until it expires."""
        if form.get("subject_token_type") != ID_TOKEN or form.get("requested_token_type") != OFFLINE:
            raise TokenRefused(400, "invalid_request", "The sandbox trades id tokens for offline access tokens only.")
        with self.state.writing():
            scopes = self.scopes_of(shop)
            if scopes is None or not self._visited(shop, str(form.get("subject_token", ""))):
                raise TokenRefused(400, "invalid_subject_token", "The session token is invalid or has expired.")
            return self._issue(shop, scopes, parent=None)

    def _exchange(self, shop: str, form: dict[str, Any]) -> Doc:
        code = str(form.get("code", ""))
        with self.state.writing():
            known = self.state.document("code", code)
            if known is None or known["shop"] != shop or known["used"] or wall() - known["at"] > CODE_LIFE:
                raise TokenRefused(400, "invalid_request", "The authorization code was not found or was already used.")
            known["used"] = True
            self.state.put_document("code", code, shop, known)
            self.state.put_document("install", shop, shop, {"scopes": known["scopes"], "at": wall()})
            self._drop_all(shop)  # a new installation replaces what the app held
            if str(form.get("expiring", "0")) != "1":
                access = f"shpat_{secrets.token_hex(16)}"
                doc = {"token": access, "shop": shop, "scopes": known["scopes"], "expires_at": None}
                self.state.put_document("token", access, shop, doc)
                return {"access_token": access, "scope": known["scopes"]}
            return self._issue(shop, known["scopes"], parent=None)

    def _issue(self, shop: str, scopes: str, parent: str | None) -> Doc:
        access, refresh = f"shpat_{secrets.token_hex(16)}", f"shprt_{secrets.token_hex(24)}"
        now = wall()
        self.state.put_document(
            "token", access, shop, {"token": access, "shop": shop, "scopes": scopes, "expires_at": now + ACCESS_LIFE}
        )
        self.state.put_document(
            "refresh",
            refresh,
            shop,
            {
                "token": refresh,
                "shop": shop,
                "scopes": scopes,
                "expires_at": now + REFRESH_LIFE,
                "parent": parent,
                "first_used_at": None,
            },
        )
        return {
            "access_token": access,
            "scope": scopes,
            "expires_in": ACCESS_LIFE,
            "refresh_token": refresh,
            "refresh_token_expires_in": REFRESH_LIFE,
        }

    def _refresh(self, shop: str, token: str) -> Doc:
        with self.state.writing():
            known = self.state.document("refresh", token)
            now = wall()
            dead = known is None or known["shop"] != shop or known["expires_at"] < now
            if not dead and known is not None and known["first_used_at"] is not None:
                dead = now - known["first_used_at"] > RETRY_LIFE
            if dead or known is None:
                raise TokenRefused(400, "invalid_grant", "Token has been expired or revoked.")
            if known["first_used_at"] is None:
                known["first_used_at"] = now
                self.state.put_document("refresh", token, shop, known)
            if known["parent"] is not None:  # the replacement is in use now: its predecessor is retired
                self.state.drop_document("refresh", known["parent"])
            return self._issue(shop, known["scopes"], parent=token)

    def find(self, shop: str, access: str) -> Doc | None:
        """The live grant behind an access token of this shop; None when unknown, expired or revoked."""
        known = self.state.document("token", access)
        if known is None or known["shop"] != shop:
            return None
        if known["expires_at"] is not None and known["expires_at"] < wall():
            return None
        return known

    def installed(self, shop: str) -> bool:
        return self.scopes_of(shop) is not None

    def expire(self, shop: str, *, refresh_too: bool = False) -> int:
        """End every access token now (and refresh tokens, if asked). Returns how many."""
        with self.state.writing():
            found = [("token", row) for row in self.state.documents("token", shop)]
            if refresh_too:
                found += [("refresh", row) for row in self.state.documents("refresh", shop)]
            for kind, row in found:
                self.state.put_document(kind, row["token"], shop, {**row, "expires_at": wall() - 1})
        return len(found)

    def _drop_all(self, shop: str) -> None:
        with self.state.writing():
            for kind in ("token", "refresh"):
                for row in self.state.documents(kind, shop):
                    self.state.drop_document(kind, row["token"])

    def revoke(self, shop: str) -> None:
        """The app is uninstalled: every token is dead."""
        self.state.drop_document("install", shop)
        self._drop_all(shop)
