"""What a platform's face is to the store behind it: how it names things, what it tells when something happens, and how
its deliveries look on the wire.

The store (`acts`, `sending`, `storefront`, `journal`) knows of no platform but by this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.store.state import Doc

# transaction, refund, edit: written anew · fulfilment, dispute: new, or moved on
PartKind = Literal[
    "transaction", "refund", "edit", "fulfilment_made", "fulfilment_moved", "dispute_made", "dispute_moved"
]
Act = Literal[
    "placed", "paid", "voided", "fulfilled", "delivered", "refunded", "settled", "edited", "exchanged", "disputed",
    "cancelled",
]  # fmt: skip
Parts = Sequence[tuple[PartKind, Doc]]


@dataclass(frozen=True)
class Paths:
    """Where a face's storefront has its pages, below the shop's root."""

    product: str = "/products/{handle}"
    cart: str = "/cart"
    # The product page's form: its method, address, and the name of the field that says which variant.
    add: tuple[str, str, str] = ("post", "/cart/add", "id")


class Face(Protocol):
    """One platform. `gaps`: seconds between tries of a delivery, one fewer than tries."""

    platform: str
    paths: Paths
    gaps: Sequence[float]
    answer_seconds: float
    id_header: str  # the header that names a delivery; "" where none does
    event_header: str

    def name(self, wanted: str) -> str:
        """The shop's name in the state and in the control API, of what the caller asked for."""
        ...

    def domain(self, shop: Doc) -> str:
        """What an app of the platform calls the shop."""
        ...

    def root(self, shop: Doc) -> str:
        """The path under which the shop's storefront is, without a slash at its end."""
        ...

    def order_name(self, number: int, order_id: int) -> str: ...

    def one_number(self) -> bool:
        """Does a product without versions have one number with its only variant?"""
        ...

    def installed(self, shop: Doc) -> bool: ...

    # --- what happens, inside the transaction of what it tells of ---

    def shop_changed(self, shop: Doc) -> None: ...

    def product_changed(self, shop: Doc, product: Doc, act: Literal["created", "updated"]) -> None: ...

    def product_deleted(self, shop: Doc, product_id: int) -> None: ...

    def stock_moved(self, shop: Doc, variant: Doc) -> None: ...

    def order_moved(self, shop: Doc, order: Doc, act: Act, parts: Parts) -> None: ...

    def order_deleted(self, shop: Doc, order: Doc) -> None: ...

    # --- deliveries ---

    def wrapped(self, shop: Doc, topic: str, subscription: str, headers: Doc, body: bytes) -> tuple[Doc, bytes] | None:
        """Headers and body as they go out now; None where there is nothing to send any more."""
        ...

    def good(self, status: int) -> bool: ...

    def heard(self, subscription: str, *, good: bool, last: bool) -> None:
        """A try ended. `last`: there will be no other one."""
        ...
