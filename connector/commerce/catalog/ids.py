"""Identifiers of listings and variants, derived from the shop and the platform's own id.

The same product gets the same id after a reinstall, on another machine, and before its row was ever read back: a link
or an order line can name its variant without asking the database.
"""

from __future__ import annotations

import base64
import hashlib

# Crockford's letters, as `db.base32` uses them, in the place of RFC 4648's.
_LETTERS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz")


def listing_id(shop_id: str, product_ref: str) -> str:
    """`lst_` and 26 digits in base 32 over 128 bits of blake2b."""
    return "lst_" + _digits(shop_id, b"product", product_ref)


def variant_id(shop_id: str, variant_ref: str) -> str:
    """`var_` and 26 digits in base 32 over 128 bits of blake2b."""
    return "var_" + _digits(shop_id, b"variant", variant_ref)


def _digits(shop_id: str, kind: bytes, ref: str) -> str:
    digest = hashlib.blake2b(f"{shop_id}\0{ref}".encode(), digest_size=16, person=kind).digest()
    return base64.b32encode(digest)[:26].translate(_LETTERS).decode()
