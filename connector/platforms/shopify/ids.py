"""Shopify's global ids and ours: `gid://shopify/Order/71` is `71`."""

from __future__ import annotations

import re

from connector.errors import PayloadUnreadable

_GID = re.compile(r"gid://shopify/[A-Za-z]+/(\d+)(?:\?.*)?", re.S)


def ref(gid: str, path: str = "$.id") -> str:
    """`gid://shopify/Order/71` to `71`; query parts are dropped. Errors: PayloadUnreadable."""
    found = _GID.fullmatch(gid)
    if found is None:
        raise PayloadUnreadable(path, f"{gid[:60]!r} isn't a Shopify id")
    return found[1]


def gid(kind: str, number: str) -> str:
    """`71` to `gid://shopify/Order/71`. Errors: PayloadUnreadable for a reference that can't be Shopify's."""
    if not (number.isascii() and number.isdigit()):
        raise PayloadUnreadable("$.id", f"{number[:60]!r} isn't a Shopify id")
    return f"gid://shopify/{kind}/{number}"
