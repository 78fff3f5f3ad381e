"""May it be bought? One word inside, and one each for schema.org and the channels."""

from __future__ import annotations

from typing import Literal

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder", "discontinued"]

SCHEMA_ORG: dict[Availability, str] = {
    "in_stock": "https://schema.org/InStock",
    "out_of_stock": "https://schema.org/OutOfStock",
    "preorder": "https://schema.org/PreOrder",
    "backorder": "https://schema.org/BackOrder",
    "discontinued": "https://schema.org/Discontinued",
}
# Google asks for a date with preorder and backorder, and stores name none: see channels.google.
GOOGLE: dict[Availability, str] = {
    "in_stock": "in_stock",
    "out_of_stock": "out_of_stock",
    "preorder": "preorder",
    "backorder": "backorder",
    "discontinued": "out_of_stock",
}
TIKTOK: dict[Availability, str] = {
    "in_stock": "in stock",
    "out_of_stock": "out of stock",
    "preorder": "preorder",
    "backorder": "available for order",
    "discontinued": "discontinued",
}
META: dict[Availability, str] = {
    "in_stock": "in stock",
    "out_of_stock": "out of stock",
    "preorder": "available for order",
    "backorder": "available for order",
    "discontinued": "out of stock",
}


def of(available: bool, stock: int | None) -> Availability:
    """A variant that the store sells on although it has none left is on back order.

    `stock` None: the store doesn't count it.
    """
    if not available:
        return "out_of_stock"
    return "backorder" if stock is not None and stock <= 0 else "in_stock"
