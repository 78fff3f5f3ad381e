"""Which of several dated versions stands at a moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec


class Version(msgspec.Struct, frozen=True):
    """One version of open terms, as `rates` reads it. `product_ref` "": the whole shop; `rate_bp` None: withdrawn."""

    terms_id: str
    product_ref: str
    rate_bp: int | None
    version: int
    starts_at: datetime
    ends_at: datetime | None = None


class Rate(msgspec.Struct, frozen=True):
    """What stood at a moment."""

    rate_bp: int  # basis points, 100 to 8000
    terms_id: str
    kind: str = "open"  # targeted | open | store: the precedence of D18


def in_force(versions: Iterable[Version], product_ref: str, moment: datetime) -> Rate | None:
    """The product's own rate if it has one then, else the shop's, else None.

    A withdrawal ends its own scope only: a product whose own rate was withdrawn earns the shop's rate again.
    """
    held = [v for v in versions if v.starts_at <= moment]
    for scope in (product_ref, ""):
        newest = max((v for v in held if v.product_ref == scope), key=lambda v: (v.starts_at, v.version), default=None)
        if newest is None or newest.rate_bp is None:
            continue
        if newest.ends_at is None or moment < newest.ends_at:
            return Rate(rate_bp=newest.rate_bp, terms_id=newest.terms_id)
    return None
