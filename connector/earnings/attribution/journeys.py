"""A journey: the touches of one buyer, without knowing who that is.

Taps in the app carry the app's opaque buyer id; clicks on links a random first-party cookie. Both are kept as keyed
hashes, under purposes of their own: an id of the one kind never meets an equal one of the other.
"""

from __future__ import annotations

import re
import secrets

from connector import vault
from connector.errors import InputRefused

_COOKIE = re.compile(r"[A-Za-z0-9_-]{24}", re.ASCII)
_LONGEST_BUYER = 200


def of_buyer(buyer: str) -> str:
    """The journey of an app's opaque buyer id. Errors: InputRefused when it is empty, overlong or an e-mail address."""
    if not buyer.strip() or len(buyer) > _LONGEST_BUYER:
        raise InputRefused("buyer", f"is empty or longer than {_LONGEST_BUYER} characters.")
    if "@" in buyer:
        raise InputRefused("buyer", "looks like an e-mail address.", "Send the app's own opaque id: we keep no people.")
    return vault.current().keyed_hash("journey:buyer", buyer)


def of_cookie(cookie: str) -> str:
    return vault.current().keyed_hash("journey:cookie", cookie)


def new_cookie() -> str:
    return secrets.token_urlsafe(18)


def usable(cookie: str | None) -> bool:
    """Does it look like a cookie that we gave out?"""
    return cookie is not None and _COOKIE.fullmatch(cookie) is not None


def of_device(address: str, agent: str) -> str:
    """A device as a keyed hash of network address and browser: only to count clicks, dropped after its retention."""
    return vault.current().keyed_hash("device", f"{address}\n{agent}")
