"""The touch token: what rides with the cart to the order.

A store, a theme or a mail program may lose or add characters on the way; `read` mends what can be mended for certain.

Shape: `t1` + 16 random characters + 16 of signature, 34 of [A-Za-z0-9_-]: fits every carrier, needs no escaping.
`1` names the signing key's generation. Being unguessable it needs no expiry: the window is the touch's own.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import NamedTuple

from connector import vault
from connector.db import base32

_PURPOSE = "touch_token"
# Anywhere in a value, in any case: the random part whole, and what is there of the signature.
_WITHIN = re.compile(r"(?=t1([0-9a-z]{16})([A-Za-z0-9_-]{0,16}))", re.ASCII | re.IGNORECASE)
# So many characters of the signature must have arrived as they were (72 bits), or all of them in another case (80).
_LEAST_SIGNED = 12
_SHAPE = re.compile(r"t1([0-9a-z]{16})([A-Za-z0-9_-]{16})", re.ASCII)


def make() -> str:
    """A fresh token: 80 random bits, and a signature that tells a forged one without a look into the database."""
    random = base32(secrets.randbits(80), 16)
    return f"t1{random}{vault.current().sign(_PURPOSE, random)}"


class Read(NamedTuple):
    """A genuine token. `mended` when it didn't stand there as we gave it out."""

    token: str
    mended: bool


def read(value: str) -> Read | None:
    """The genuine token in a value, with characters added around it, up to four lost at its end, or its case changed.

    The random part must be whole: nothing of it is guessed, and the signature is made anew from it and compared.
    """
    if genuine(value):
        return Read(value, mended=False)
    for found in _WITHIN.finditer(value[:400]):
        random, tail = found[1].lower(), found[2]
        signed = vault.current().sign(_PURPOSE, random)
        whole = hmac.compare_digest(signed.lower(), tail.lower())
        if whole or (len(tail) >= _LEAST_SIGNED and hmac.compare_digest(signed[: len(tail)], tail)):
            return Read(f"t1{random}{signed}", mended=True)
    return None


def head(value: str) -> str:
    """The first eight random characters of what looks like a token of ours: by them its like is looked for."""
    found = re.search(r"t1([0-9a-z]{8})", value[:400], re.ASCII | re.IGNORECASE)
    return found[1].lower() if found else ""


def shaped(value: str) -> bool:
    """Does it look like one of our tokens? For carriers that anybody's words may ride in, as `?ref=newsletter`."""
    return _SHAPE.fullmatch(value) is not None


def genuine(token: str) -> bool:
    """Was it made here? Compared in constant time. Says nothing about whether the touch is still kept."""
    found = _SHAPE.fullmatch(token)
    return found is not None and vault.current().signed_by_us(_PURPOSE, found[1], found[2])
