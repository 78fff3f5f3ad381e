"""The touch token: what rides with the cart to the order.

Shape: `t1` + 16 random characters + 16 of signature, 34 of [A-Za-z0-9_-]: fits every carrier, needs no escaping.
`1` names the signing key's generation. Being unguessable it needs no expiry: the window is the touch's own.
"""

from __future__ import annotations

import re
import secrets

from connector import vault
from connector.db import base32

_PURPOSE = "touch_token"
_SHAPE = re.compile(r"t1([0-9a-z]{16})([A-Za-z0-9_-]{16})", re.ASCII)


def make() -> str:
    """A fresh token: 80 random bits, and a signature that tells a forged one without a look into the database."""
    random = base32(secrets.randbits(80), 16)
    return f"t1{random}{vault.current().sign(_PURPOSE, random)}"


def shaped(value: str) -> bool:
    """Does it look like one of our tokens? For carriers that anybody's words may ride in, as `?ref=newsletter`."""
    return _SHAPE.fullmatch(value) is not None


def genuine(token: str) -> bool:
    """Was it made here? Compared in constant time. Says nothing about whether the touch is still kept."""
    found = _SHAPE.fullmatch(token)
    return found is not None and vault.current().signed_by_us(_PURPOSE, found[1], found[2])
