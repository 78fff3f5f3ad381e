"""What the sample orders of all platforms share: our reference and mark, what free means, and a merchant's words.

A mark alone never takes commission away where an order costs something: who marks by metadata, a note or a code asks
`free` beside it. (Shopify's tag stands alone by COMMISSION.md: only staff and their apps can set one.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from connector.errors import InputRefused
from connector.events import Line
from connector.platforms.contract import Catalog, Client, Recipient, SampleOrder

REFERENCE = re.compile(r"smp_[0-9a-z]{6,36}")  # ours; Square keeps forty characters
METADATA = "connector_sample"  # the key under which a platform's metadata holds it
TITLE = "Creator sample"  # what stands where a store wants a discount, a shipping method or a payment named
_CALLED = {
    "name": "name", "address1": "street", "address2": "second line of the address", "city": "town",
    "country": "country", "postal_code": "postal code", "region": "state or province", "phone": "phone number",
    "email": "e-mail address",
}  # fmt: skip


def is_reference(text: object) -> bool:
    return isinstance(text, str) and REFERENCE.fullmatch(text) is not None


def checked(reference: str) -> str:
    """A reference that may stand in a search, a code or an address. Errors: InputRefused."""
    if not is_reference(reference):
        raise InputRefused("reference", "isn't the reference of a sample.")
    return reference


def free(lines: Iterable[Line]) -> bool:
    """Do all the lines cost nothing? An order of no lines is nobody's sample."""
    found = list(lines)
    return bool(found) and all(
        line.unit_price * line.quantity == sum(part.amount for part in line.allocations) for line in found
    )


def names(recipient: Recipient) -> tuple[str, str]:
    """(first, last), for stores that want two; a single name is the last."""
    first, _, last = recipient.name.strip().rpartition(" ")
    return first.strip(), last


def unfit(field: str, problem: str = "isn't one that the store can send to.") -> InputRefused:
    """A part of the address that the store refused. What it was is never repeated: errors are logged."""
    return InputRefused(
        f"recipient.{field}", f"The {_CALLED[field]} {problem}", "Ask the creator for it, or send the sample by hand."
    )


def not_there() -> InputRefused:
    return InputRefused(
        "variant_ref", "The store doesn't have this product any more, or doesn't sell it.", "Offer another one."
    )


def sold_out() -> InputRefused:
    return InputRefused(
        "variant_ref", "The store has none left of this product.", "Restock it, or offer the creator another one."
    )


def in_stock(catalog: Catalog, client: Client, asked: SampleOrder) -> None:
    """Read the product just before, for stores that sell samples below zero. Errors: InputRefused("variant_ref", …)."""
    page = catalog.products(client, [asked.product_ref])
    variants = [variant for product in page.products for variant in product.variants]
    found = next((variant for variant in variants if variant.variant_ref == asked.variant_ref), None)
    if found is None:
        raise not_there()
    if not found.available:
        raise sold_out()


def granted(needed: Sequence[str], scopes: Sequence[str]) -> bool:
    return set(needed) <= set(scopes)


__all__ = [
    "METADATA", "REFERENCE", "TITLE", "checked", "free", "granted", "in_stock", "is_reference", "names", "not_there",
    "sold_out", "unfit",
]  # fmt: skip
