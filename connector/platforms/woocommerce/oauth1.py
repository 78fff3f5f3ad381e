"""One-legged OAuth 1.0a in the query: for stores that are reached by https and believe that it was http.

A proxy that ends TLS without telling PHP makes such a store; it then takes neither Basic nor keys in the query. It
computes the address from its own home, so that is what is signed. Source: RFC 5849, 3.4; the fact sheet, section 2,
whose vector is a test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from urllib.parse import quote

Pairs = list[tuple[str, str]]


def signed(
    method: str, url: str, query: Iterable[tuple[str, str]], key: str, secret: str, *, nonce: str = "", at: int = 0
) -> Pairs:
    """The query with OAuth's parameters and its signature. A nonce is good for one call."""
    pairs = [
        *query,
        ("oauth_consumer_key", key),
        ("oauth_nonce", nonce or secrets.token_hex(16)),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(at or int(time.time()))),
    ]
    made = hmac.new(f"{_word(secret)}&".encode(), base_string(method, url, pairs).encode(), hashlib.sha256).digest()
    return [*pairs, ("oauth_signature", base64.b64encode(made).decode())]


def base_string(method: str, url: str, pairs: Pairs) -> str:
    words = sorted((_word(name), _word(value)) for name, value in pairs)
    return "&".join((method.upper(), _word(url), _word("&".join(f"{name}={value}" for name, value in words))))


def _word(text: str) -> str:
    return quote(text, safe="~")
