"""Just the fields that are read. A field without a default must be there: what lacks it is parked with its path.

Source: say here which page or schema of the platform, in which version, read when.
"""

from __future__ import annotations

import msgspec


class Shop(msgspec.Struct, frozen=True):
    id: str
    name: str
    currency: str
    time_zone: str = "UTC"
    country: str = ""
    url: str = ""


class Variant(msgspec.Struct, frozen=True):
    id: str
    price: str  # a decimal, as text: never a float
    title: str = ""
    sku: str = ""
    stock: int | None = None


class Product(msgspec.Struct, frozen=True):
    id: str
    changed_at: str
    title: str = ""
    active: bool = True
    url: str = ""
    image: str = ""
    variants: list[Variant] = []


class ProductsReply(msgspec.Struct, frozen=True):
    products: list[Product] = []
    next: str | None = None  # the next page


class Line(msgspec.Struct, frozen=True):
    id: str
    quantity: int
    price: str
    product: str | None = None
    variant: str | None = None
    title: str = ""
    discount: str = "0"
    tax: str = "0"


class RefundLine(msgspec.Struct, frozen=True):
    id: str
    line: str
    quantity: int
    amount: str  # net of discounts, without tax


class Refund(msgspec.Struct, frozen=True):
    id: str
    created_at: str
    lines: list[RefundLine] = []


class Order(msgspec.Struct, frozen=True):
    id: str
    number: str
    created_at: str
    changed_at: str
    currency: str
    status: str  # waiting | paid | refunded | cancelled
    lines: list[Line]
    email: str = ""
    refunds: list[Refund] = []
    notes: dict[str, str] = {}


class Problem(msgspec.Struct, frozen=True):
    """422: what of an order can't be taken."""

    field: str = ""


class OrdersReply(msgspec.Struct, frozen=True):
    orders: list[Order] = []
    next: str | None = None


class Notice(msgspec.Struct, frozen=True):
    """A delivery: what changed, by its id."""

    id: str
    event: str
    at: str = ""
    order: str | None = None
    product: str | None = None
