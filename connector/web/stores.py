"""Addresses in a store's own admin: where a merchant, or support beside them, mends what we can't.

A platform says which pages it has (`Platform.places`); where it says nothing a page shows no link rather than a wrong
one. A stand-in store of a development machine has the same pages under its own origin.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote

from connector.errors import ConfigurationWrong
from connector.platforms import roster


class _Shop(Protocol):
    @property
    def platform(self) -> str: ...

    @property
    def domain(self) -> str: ...


def product_url(shop: _Shop, product_ref: str) -> str:
    """The product's page in the store's admin; "" where the platform has none that we know."""
    return _admin(shop, "product", product_ref)


def order_url(shop: _Shop, order_ref: str) -> str:
    return _admin(shop, "order", order_ref)


def _admin(shop: _Shop, place: str, ref: str) -> str:
    known = roster.platforms().get(shop.platform)
    path = known.places.get(place) if known is not None else None
    if path is None:
        return ""
    try:
        origin = getattr(roster.settings_of(shop.platform), "origin", None)
    except ConfigurationWrong:
        return ""
    return f"{origin(shop.domain)}{path.replace('{ref}', quote(ref, safe=''))}" if origin is not None else ""
