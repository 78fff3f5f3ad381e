"""The registry with every field in it: importing this module fills it."""

from __future__ import annotations

from sandbox.shopify import app_fields, draft_fields, order_fields, product_fields
from sandbox.shopify.fields import RESOLVERS, Resolver, plain

FILLED_BY = (app_fields, draft_fields, order_fields, product_fields)


def resolver_of(type_name: str, name: str) -> Resolver:
    """How a field is read: its own function, or the document's value of the same name."""
    return RESOLVERS.get((type_name, name)) or plain(type_name, name)
