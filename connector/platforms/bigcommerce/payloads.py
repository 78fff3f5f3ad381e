"""What we read of BigCommerce's JSON, and nothing more.

Source: reference/*.yml of bigcommerce/docs (2026-04-01): orders.v2.oas2, orders.v3, catalog/products_catalog.v3,
catalog/product-variants_catalog.v3, carts.v3, webhooks.v3, store_information.v2; callbacks in docs/webhooks/callbacks.
Amounts come as decimal strings in v2 and as JSON numbers in v3: both are read into exact decimals, never into floats.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

ZERO = Decimal(0)

# --- joining ----------------------------------------------------------------------------------------------------------


class TokenReply(msgspec.Struct):
    access_token: str
    context: str
    scope: str = ""


class TokenRefusal(msgspec.Struct):
    error: str = ""


class TimeZone(msgspec.Struct):
    name: str = ""


class StoreInfo(msgspec.Struct):
    """`GET /v2/store`. `id` is the hash; `store_id` another number, which is no key."""

    id: str
    name: str
    currency: str
    domain: str = ""
    secure_url: str = ""
    country_code: str = ""
    timezone: TimeZone | None = None
    is_price_entered_with_tax: bool = False
    default_channel_id: int | None = None


# --- catalog ----------------------------------------------------------------------------------------------------------


class OptionValue(msgspec.Struct):
    label: str = ""
    option_display_name: str = ""


class VariantNode(msgspec.Struct):
    id: int
    sku: str | None = None
    price: Decimal | None = None  # None: the product's
    sale_price: Decimal | None = None
    calculated_price: Decimal | None = None
    inventory_level: int | None = None
    purchasing_disabled: bool = False
    image_url: str | None = None
    upc: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    option_values: list[OptionValue] = []


class ImageNode(msgspec.Struct):
    url_standard: str | None = None
    is_thumbnail: bool = False
    sort_order: int = 0


class CustomUrl(msgspec.Struct):
    url: str = ""


class ProductNode(msgspec.Struct):
    id: int
    name: str | None = None
    type: str = "physical"
    sku: str | None = None
    description: str | None = None
    price: Decimal | None = None
    sale_price: Decimal | None = None
    calculated_price: Decimal | None = None
    brand_id: int | None = None
    is_visible: bool = False
    availability: str = "available"
    inventory_level: int | None = None
    inventory_tracking: str = "none"
    custom_url: CustomUrl | None = None
    date_modified: str | None = None
    condition: str | None = None
    upc: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    variants: list[VariantNode] = []
    images: list[ImageNode] = []


class ProductStamp(msgspec.Struct):
    """Of a product that can't be read whole, what names it; and of the newest one, its time."""

    id: int
    name: str | None = None
    date_modified: str | None = None


class BrandNode(msgspec.Struct):
    id: int
    name: str = ""


class VariantHead(msgspec.Struct):
    id: int
    product_id: int


# --- orders -----------------------------------------------------------------------------------------------------------


class BillingAddress(msgspec.Struct):
    email: str | None = None
    phone: str | None = None


class OrderNode(msgspec.Struct):
    id: int
    status_id: int
    date_created: str
    date_modified: str
    default_currency_code: str  # what the buyer pays in, and what all amounts are in
    total_inc_tax: Decimal
    customer_id: int | None = None
    payment_status: str | None = None
    payment_method: str | None = None
    is_tax_inclusive_pricing: bool = False
    subtotal_ex_tax: Decimal = ZERO
    subtotal_inc_tax: Decimal = ZERO
    discount_amount: Decimal = ZERO
    coupon_discount: Decimal = ZERO
    total_tax: Decimal | None = None
    shipping_cost_ex_tax: Decimal = ZERO
    shipping_cost_inc_tax: Decimal = ZERO
    shipping_cost_tax: Decimal = ZERO
    handling_cost_tax: Decimal = ZERO
    wrapping_cost_tax: Decimal = ZERO
    gift_certificate_amount: Decimal = ZERO
    items_shipped: int = 0
    cart_id: str | None = None
    order_source: str | None = None
    external_order_id: str | None = None
    staff_notes: str | None = None
    billing_address: BillingAddress | None = None


class SampleNode(msgspec.Struct):
    """Of an order, what tells whether it is a sample of ours and how it stands."""

    id: int
    status_id: int
    items_shipped: int = 0
    external_order_id: str | None = None


class OrderStampNode(msgspec.Struct):
    """A line of the list of orders."""

    id: int
    date_created: str
    date_modified: str


class AppliedDiscount(msgspec.Struct):
    amount: Decimal
    id: str | int | None = None
    code: str | None = None


class OrderLineNode(msgspec.Struct):
    id: int
    quantity: int
    price_ex_tax: Decimal
    price_inc_tax: Decimal
    total_ex_tax: Decimal
    total_inc_tax: Decimal
    product_id: int | None = None  # 0: an item that is in no catalog
    variant_id: int | None = None
    name: str = ""
    sku: str | None = None
    type: str = "physical"
    total_tax: Decimal = ZERO
    quantity_refunded: int = 0
    parent_order_product_id: int | None = None
    gift_certificate_id: int | None = None
    applied_discounts: list[AppliedDiscount] = []


class OrderCouponNode(msgspec.Struct):
    id: int
    code: str | None = None
    type: int | None = None  # 3 and 4 are about shipping
    discount: Decimal = ZERO


class ShipmentItem(msgspec.Struct):
    order_product_id: int
    quantity: int = 0


class ShipmentNode(msgspec.Struct):
    id: int
    date_created: str
    items: list[ShipmentItem] = []


class RefundItemNode(msgspec.Struct):
    item_type: str
    item_id: int
    quantity: int | None = None
    requested_amount: Decimal | None = None


class RefundPaymentNode(msgspec.Struct):
    id: int | None = None
    is_declined: bool = False


class RefundNode(msgspec.Struct):
    id: int
    order_id: int
    created: str
    total_amount: Decimal = ZERO
    total_tax: Decimal = ZERO
    items: list[RefundItemNode] = []
    payments: list[RefundPaymentNode] = []


class MetafieldNode(msgspec.Struct):
    key: str
    value: str


# --- carts ------------------------------------------------------------------------------------------------------------


class RedirectUrls(msgspec.Struct):
    checkout_url: str


class CartNode(msgspec.Struct):
    id: str
    redirect_urls: RedirectUrls | None = None


# --- deliveries -------------------------------------------------------------------------------------------------------


class SkuData(msgspec.Struct):
    product_id: int | None = None
    variant_id: int | None = None


class HookData(msgspec.Struct):
    """`id` is a number of an order or a product, and a UUID of a cart."""

    id: int | str | None = None
    order_id: int | str | None = None
    cart_order: int | None = msgspec.field(name="orderId", default=None)
    sku: SkuData | None = None
    inventory: SkuData | None = None
    transaction_type: str | None = None


class HookBody(msgspec.Struct):
    scope: str
    producer: str
    data: HookData
    hash: str = ""
    created_at: int | None = None


class HookScope(msgspec.Struct):
    """As much of a delivery as is read at receipt."""

    scope: str = ""
    hash: str = ""
    created_at: int | None = None


class HookNode(msgspec.Struct):
    id: int
    scope: str
    destination: str
    is_active: bool = True
    headers: dict[str, str] | None = None
