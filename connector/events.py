"""What a platform tells us, in one vocabulary. Pure data: no I/O, no platform's own words.

A platform's `translate` turns bytes into these; everything above reads only these. They are msgspec structs: frozen,
fast to encode, strict to decode. Money is integer minor units of the snapshot's currency (the *shop's* currency);
times are aware UTC; `*_ref` is the platform's identifier as text, without decoration (`7100000000001`, not a GID).

A snapshot holds no personal data. What a rule needs of the buyer travels beside it, in `Buyer`, and is hashed with a
key or dropped in `orders.record`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

CarrierKind = Literal[
    "cart_attribute", "line_property", "landing_page", "referral", "order_metadata", "code", "store_journey", "referrer"
]
PaymentStatus = Literal[
    "none", "pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided", "expired"
]
# What an adjustment of a refund is about. Only "discrepancy" is money given back without an item.
AdjustmentKind = Literal["discrepancy", "pending", "balancing", "shipping", "other"]
TransactionStatus = Literal["pending", "success", "failure", "error"]


class Carrier(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place of the order where a touch token or a code may ride, as the store kept it."""

    kind: CarrierKind
    value: str
    name: str = ""  # the attribute's or property's name
    line_ref: str | None = None  # only for line properties


class Allocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a discount that the store itself put on a line."""

    amount: int  # positive, minor units
    code: str | None = None  # the buyer's code; None for automatic and manual discounts
    platform: bool = False  # the platform pays for it, not the seller


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One order line. Removed and refunded lines stay, with `current_quantity` 0."""

    line_ref: str
    quantity: int  # as ordered, never the current one
    current_quantity: int  # after edits and refunds
    unit_price: int  # as the store lists it; contains tax when the snapshot says taxes_included
    product_ref: str | None = None
    variant_ref: str | None = None
    title: str = ""
    sku: str = ""
    allocations: tuple[Allocation, ...] = ()
    tax: int | None = None  # sum of the line's tax amounts; None when the store gave no amounts
    tax_rates: tuple[Decimal, ...] = ()  # fractions (0.21), used only where amounts are absent
    gift_card: bool = False
    tip: bool = False
    fee: bool = False
    requires_shipping: bool = True
    edit_added: int = 0  # units that an edit is known to have added (by the store itself, or by an edit delivery)
    exchange_of: str = ""  # the returned line that the store itself says this one was given for
    duty: int = 0  # import duty contained in the price, for all ordered units; 0 where duty comes on top


class RefundLine(msgspec.Struct, frozen=True, omit_defaults=True):
    refund_line_ref: str
    line_ref: str
    quantity: int
    subtotal: int  # net of discounts; contains tax when taxes_included
    tax: int = 0


class Adjustment(msgspec.Struct, frozen=True, omit_defaults=True):
    adjustment_ref: str
    kind: AdjustmentKind
    amount: int  # the store's sign: money given back is negative
    tax: int = 0


class Transaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refund's movement of money. Its amount may be in the buyer's currency, so only the status is read."""

    transaction_ref: str
    status: TransactionStatus


class Refund(msgspec.Struct, frozen=True, omit_defaults=True):
    refund_ref: str
    created_at: datetime
    lines: tuple[RefundLine, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    amount_unknown: bool = False  # the platform says that money went back, and not how much
    # Never moves commission; a dispute may be about this money too. Tax as of a refund line.
    shipping: int = 0
    shipping_tax: int = 0


class Dispute(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chargeback or an inquiry about an order's payment. It lives beside the snapshot: order bodies don't know it.

    open    the bank or the merchant has yet to act: nothing of the order clears
    won     the merchant keeps the money
    lost    the bank took it back: `amount` counts as money given back without an item, at `closed_at`
    closed  it ended without money of its own (refunded by a refund record, or prevented)
    """

    dispute_ref: str
    status: Literal["open", "won", "lost", "closed"]
    said_at: datetime | None = None  # when the store said so: of two hearings the later one counts
    amount: int | None = None  # None: not said, or not one that we can count
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    currency: str = ""  # of the amount; "" is the order's. Another one than the order's is no amount


class FulfilledLine(msgspec.Struct, frozen=True, omit_defaults=True):
    line_ref: str
    quantity: int


class Return(msgspec.Struct, frozen=True, omit_defaults=True):
    """Goods on their way back, or asked to be. It lives beside the snapshot, as a dispute does.

    open    its lines don't clear
    closed  it ended, with a refund of its own or without one
    """

    return_ref: str
    status: Literal["open", "closed"]
    said_at: datetime | None = None  # when the store said so: of two hearings the later one counts
    lines: tuple[str, ...] = ()  # line refs; none named: all lines of the order


class Fulfilment(msgspec.Struct, frozen=True, omit_defaults=True):
    fulfilment_ref: str
    created_at: datetime
    delivered_at: datetime | None = None
    lines: tuple[FulfilledLine, ...] = ()


class OrderSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole order as the store had it at `changed_at`. A webhook body and an API read of one version are equal."""

    order_ref: str
    number: str  # what people call it: "#1042"
    created_at: datetime
    changed_at: datetime
    currency: str
    payment_status: PaymentStatus
    taxes_included: bool
    lines: tuple[Line, ...]
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    test: bool = False
    completed: bool = True  # False for a draft that isn't an order yet
    sample: bool = False
    gift_card_payment: bool = False  # a gift card is among the ways in which it was paid
    total_discounts: int = 0  # over lines and shipping
    shipping_discounts: int = 0  # the part of it that the store put on shipping lines
    shipping: int = 0  # net of its discounts, for the trace only
    total: int = 0  # as placed, for the trace only
    source: str = ""
    refunds: tuple[Refund, ...] = ()
    # The store can delete a refund record, and lists all that there are: one that the newest version misses is no more.
    refunds_whole: bool = False
    fulfilments: tuple[Fulfilment, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    disputed: bool = False  # its payment is, where a store tells that as a state of the order and of no dispute


class Buyer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Personal facts of one order, on their way to a keyed hash. Never stored, logged or shown."""

    customer_ref: str | None = None
    email: str | None = None
    phone: str | None = None


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    variant_ref: str
    price: int
    title: str = ""
    sku: str = ""
    barcode: str = ""
    compare_at: int | None = None
    available: bool = True  # may be bought now, by the store's own rule
    stock: int | None = None  # None: not tracked or not known; may be negative
    position: int = 0
    options: tuple[tuple[str, str], ...] = ()  # (name, value)
    image_url: str = ""
    requires_shipping: bool = True
    gtin: str = ""  # 8, 12, 13 or 14 digits whose check digit is right; "" otherwise
    mpn: str = ""
    item_ref: str = ""  # what StockSeen calls it


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    product_ref: str
    title: str
    status: Literal["active", "draft", "archived", "unlisted"]
    currency: str
    variants: tuple[Variant, ...] = ()
    changed_at: datetime | None = None
    handle: str = ""
    vendor: str = ""
    category: str = ""
    description: str = ""  # plain text
    url: str = ""
    image_url: str = ""
    images: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    published: bool = True
    gift_card: bool = False
    brand: str = ""  # "" where the store names none: the vendor stands for it
    taxonomy_ref: str = ""  # the category in the platform's own taxonomy
    taxonomy_name: str = ""  # its full name
    condition: Literal["new", "refurbished", "used"] = "new"
    variants_complete: bool = True  # False: the body was cut; the product must be re-read


class ShopProfile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the store says of itself."""

    shop_ref: str  # the platform's own shop id
    domain: str  # the platform's canonical host: the tenant key
    name: str
    currency: str
    time_zone: str  # IANA
    country: str = ""
    storefront_url: str = ""
    taxes_included: bool = False


class OrderSeen(msgspec.Struct, frozen=True, tag=True):
    snapshot: OrderSnapshot
    buyer: Buyer = Buyer()
    disputes: tuple[Dispute, ...] = ()  # as an API read knows them; a body never does
    hints: tuple[Carrier, ...] = ()  # of its way to us, as only one side tells them: landing page, journey
    returns: tuple[Return, ...] = ()  # as disputes


class OrderStub(msgspec.Struct, frozen=True, tag=True):
    """Something about an order; what exactly must be read from the store. A refund or a dispute that came alone rides
    along."""

    order_ref: str
    refunds: tuple[Refund, ...] = ()
    edit_added: tuple[FulfilledLine, ...] = ()
    edit_ref: str = ""  # the store's id of the edit: one edit heard twice adds its units once
    disputes: tuple[Dispute, ...] = ()
    returns: tuple[Return, ...] = ()
    left_out: str = ""  # why what it told is waited for and not taken: `refund_in_other_money`


class OrderGone(msgspec.Struct, frozen=True, tag=True):
    order_ref: str


class ProductSeen(msgspec.Struct, frozen=True, tag=True):
    product: Product


class ProductStub(msgspec.Struct, frozen=True, tag=True):
    product_ref: str


class ProductGone(msgspec.Struct, frozen=True, tag=True):
    product_ref: str


class StockSeen(msgspec.Struct, frozen=True, tag=True):
    item_ref: str
    available: int | None


class ShopSeen(msgspec.Struct, frozen=True, tag=True):
    profile: ShopProfile


class ScopesSeen(msgspec.Struct, frozen=True, tag=True):
    """What the merchant lets us do, from now on."""

    granted: tuple[str, ...]


class ShopLeft(msgspec.Struct, frozen=True, tag=True):
    """The merchant uninstalled. Older than the last install: a late delivery, ignored."""


class BulkFinished(msgspec.Struct, frozen=True, tag=True):
    """A bulk export that we started is done: a signal to look at once instead of at the next poll."""

    operation_ref: str


class PrivacyAsked(msgspec.Struct, frozen=True, tag=True):
    """What the law asks by way of the store. Whom it is about is on its way to a search; never logged or shown."""

    kind: Literal["customer_data", "customer_erase", "shop_erase"]
    order_refs: tuple[str, ...] = ()
    shop_ref: str = ""  # the shop as the body names it
    request_ref: str = ""  # the store's number of the request
    about: Buyer = Buyer()


class Ignored(msgspec.Struct, frozen=True, tag=True):
    """A topic we know and need nothing from."""

    topic: str


class Unrecognised(msgspec.Struct, frozen=True, tag=True):
    """A topic we don't know: parked and visible, never an error."""

    topic: str


Event = (
    OrderSeen | OrderStub | OrderGone | ProductSeen | ProductStub | ProductGone | StockSeen | ShopSeen | ScopesSeen
    | ShopLeft | BulkFinished | PrivacyAsked | Ignored | Unrecognised
)  # fmt: skip

_encoder = msgspec.json.Encoder(order="deterministic")


def encode(value: msgspec.Struct) -> bytes:
    """Deterministic JSON of any struct here: equal facts give equal bytes."""
    return _encoder.encode(value)


def content_hash(value: msgspec.Struct) -> str:
    """32 hex digits over the deterministic JSON; with the change time it names a version."""
    return hashlib.blake2b(_encoder.encode(value), digest_size=16).hexdigest()
