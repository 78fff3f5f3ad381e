"""Shopify's OAuth: consent, the code, expiring offline tokens with a rotating refresh token, and the launch link.

All times here are wall time. Source: shopify.dev/docs/apps/build/authentication-authorization, read 2026-11; the
grace of an old refresh token is the changelog of 2026-08-28.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.shopify.clock import wall
from sandbox.shopify.state import Doc, State

ACCESS_LIFE = 3600
REFRESH_LIFE = 90 * 86400
RETRY_LIFE = 30 * 86400  # an old refresh token after its first use, unless the replacement is used before
CODE_LIFE = 600


@dataclass(frozen=True)
class App:
    """The one app that the stand-in knows, as its dashboard would have it."""

    client_id: str
    client_secret: str
    app_url: str
    redirect_uris: tuple[str, ...]


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
        if grant_type not in (None, "authorization_code"):
            raise TokenRefused(400, "unsupported_grant_type", f"The sandbox has no grant {grant_type}.")
        return self._exchange(shop, form)

    def _exchange(self, shop: str, form: dict[str, Any]) -> Doc:
        code = str(form.get("code", ""))
        with self.state.writing():
            known = self.state.document("code", code)
            if known is None or known["shop"] != shop or known["used"] or wall() - known["at"] > CODE_LIFE:
                raise TokenRefused(400, "invalid_request", "The authorization code was not found or was already used.")
            known["used"] = True
            self.state.put_document("code", code, shop, known)
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
        return bool(self.state.documents("token", shop) or self.state.documents("refresh", shop))

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
        self._drop_all(shop)
