"""Is this a trade item number that a channel takes? Lengths 8, 12, 13, 14; weights 3 and 1 from the right; mod 10.

Source: COMMISSION.md, section 5. Google refuses numbers that begin with 2, 02 or 04 (kept for use inside a company, and
for coupons); the first digit of a 14-digit number says how it is packed and is no prefix.
"""

from __future__ import annotations

from typing import Literal

Fault = Literal["", "gtin_invalid", "gtin_restricted"]
LENGTHS = (8, 12, 13, 14)


def digits(text: str) -> str:
    """As printed on a label: spaces and hyphens between the digits are left out."""
    return text.strip().replace(" ", "").replace("-", "")


def fault(code: str) -> Fault:
    """What is wrong with a number; "" when nothing is."""
    if not (code.isascii() and code.isdigit()) or len(code) not in LENGTHS or not code.strip("0"):
        return "gtin_invalid"
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code)))
    if weighed % 10:
        return "gtin_invalid"
    # A 12-digit number is a 13-digit one with a zero in front: 2… is 02…, 4… is 04….
    prefixed = code[1:] if len(code) == 14 else code.zfill(13) if len(code) == 12 else code
    return "gtin_restricted" if prefixed.startswith(("2", "02", "04")) else ""
