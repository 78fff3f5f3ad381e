"""The ids under which channels know a product and a variant. They never change: a channel keeps its history by them.

Shape: 26 characters of the shop's id, `-`, the store's own id. At most 50 characters of [A-Za-z0-9._-], Google's
limit, the shortest of the three. A store's id that doesn't fit goes in as `x` and 22 hexadecimal digits of its hash.
Never the SKU: merchants change it, and use it twice.
"""

from __future__ import annotations

import hashlib
import re

LONGEST = 50
_PLAIN = re.compile(r"[A-Za-z0-9._]{1,23}", re.ASCII)


def item(shop_id: str, variant_ref: str) -> str:
    return f"{_shop(shop_id)}-{_ref(variant_ref)}"


def group(shop_id: str, product_ref: str) -> str:
    """All variants of one product carry it."""
    return f"{_shop(shop_id)}-{_ref(product_ref)}"


def _shop(shop_id: str) -> str:
    short = shop_id.removeprefix("shp_")
    return (
        short if re.fullmatch(r"[a-z0-9]{26}", short) else hashlib.blake2b(shop_id.encode(), digest_size=13).hexdigest()
    )


def _ref(ref: str) -> str:
    # `x` begins no plain form that is 23 long: hashed and plain ids never meet.
    if _PLAIN.fullmatch(ref) and not re.fullmatch(r"x[0-9a-f]{22}", ref):
        return ref
    return "x" + hashlib.blake2b(ref.encode(), digest_size=11).hexdigest()
