"""Square's shapes, as far as we read them. Unknown fields are ignored; what is absent here is absent at Square too.

Source: connect-api-specification (OpenAPI of Square), read 2026-11 (fact sheet, sections 2 to 6).
"""

from __future__ import annotations

import msgspec


class Money(msgspec.Struct, frozen=True):
    """Integer minor units, as ours."""

    amount: int = 0
    currency: str = ""


# --- joining ----------------------------------------------------------------------------------------------------------


class TokenReply(msgspec.Struct, frozen=True):
    access_token: str
    merchant_id: str
    expires_at: str | None = None  # a date as text: there is no expires_in
    refresh_token: str | None = None
    refresh_token_expires_at: str | None = None  # only of the flow without a secret


class TokenStatus(msgspec.Struct, frozen=True):
    scopes: list[str] = []
    merchant_id: str = ""


class Merchant(msgspec.Struct, frozen=True):
    id: str
    business_name: str = ""
    country: str = ""
    currency: str = ""
    main_location_id: str = ""


class MerchantReply(msgspec.Struct, frozen=True):
    merchant: Merchant


class Location(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    status: str = "ACTIVE"
    currency: str = ""
    country: str = ""
    timezone: str = ""
    website_url: str = ""


class LocationsReply(msgspec.Struct, frozen=True):
    locations: list[Location] = []


# --- catalog ----------------------------------------------------------------------------------------------------------


class LocationOverride(msgspec.Struct, frozen=True):
    location_id: str = ""
    price_money: Money | None = None
    pricing_type: str = ""
    track_inventory: bool | None = None
    sold_out: bool = False


class VariationData(msgspec.Struct, frozen=True):
    item_id: str = ""
    name: str = ""
    sku: str = ""
    upc: str = ""
    ordinal: int = 0
    pricing_type: str = ""
    price_money: Money | None = None
    location_overrides: list[LocationOverride] = []
    track_inventory: bool = False
    sellable: bool = True
    image_ids: list[str] = []


class CategoryRef(msgspec.Struct, frozen=True):
    id: str = ""


class Variation(msgspec.Struct, frozen=True):
    id: str
    is_deleted: bool = False
    present_at_all_locations: bool = True
    present_at_location_ids: list[str] = []
    absent_at_location_ids: list[str] = []
    item_variation_data: VariationData = VariationData()


class ItemData(msgspec.Struct, frozen=True):
    name: str = ""
    description_plaintext: str = ""
    product_type: str = "REGULAR"
    is_archived: bool = False
    ecom_uri: str = ""
    image_ids: list[str] = []
    categories: list[CategoryRef] = []
    reporting_category: CategoryRef | None = None
    variations: list[Variation] = []


class ImageData(msgspec.Struct, frozen=True):
    url: str = ""


class CategoryData(msgspec.Struct, frozen=True):
    name: str = ""


class CatalogObject(msgspec.Struct, frozen=True):
    type: str
    id: str
    updated_at: str = ""
    is_deleted: bool = False
    present_at_all_locations: bool = True
    present_at_location_ids: list[str] = []
    absent_at_location_ids: list[str] = []
    item_data: ItemData | None = None
    item_variation_data: VariationData | None = None
    image_data: ImageData | None = None
    category_data: CategoryData | None = None


class CatalogReply(msgspec.Struct, frozen=True):
    objects: list[CatalogObject] = []
    related_objects: list[CatalogObject] = []
    cursor: str = ""
    latest_time: str = ""


class Count(msgspec.Struct, frozen=True):
    catalog_object_id: str
    quantity: str = "0"  # a decimal, as text
    state: str = ""
    location_id: str = ""


class CountsReply(msgspec.Struct, frozen=True):
    counts: list[Count] = []
    cursor: str = ""


# --- orders -----------------------------------------------------------------------------------------------------------


class LineItem(msgspec.Struct, frozen=True):
    uid: str
    quantity: str = "1"  # a decimal, as text
    name: str = ""
    variation_name: str = ""
    catalog_object_id: str | None = None
    item_type: str = "ITEM"
    gross_sales_money: Money = Money()
    total_tax_money: Money = Money()
    total_discount_money: Money = Money()
    total_service_charge_money: Money = Money()
    total_money: Money = Money()


class Source(msgspec.Struct, frozen=True):
    name: str = ""


class Tender(msgspec.Struct, frozen=True):
    id: str = ""
    payment_id: str = ""
    type: str = ""
    created_at: str = ""
    amount_money: Money = Money()


class ReturnLine(msgspec.Struct, frozen=True):
    uid: str = ""
    source_line_item_uid: str = ""
    quantity: str = "1"
    total_tax_money: Money = Money()
    total_discount_money: Money = Money()
    total_service_charge_money: Money = Money()
    total_money: Money = Money()


class OrderReturn(msgspec.Struct, frozen=True):
    source_order_id: str = ""
    return_line_items: list[ReturnLine] = []


class Recipient(msgspec.Struct, frozen=True):
    email_address: str = ""
    phone_number: str = ""


class FulfilmentDetails(msgspec.Struct, frozen=True):
    recipient: Recipient | None = None
    shipped_at: str = ""
    picked_up_at: str = ""
    delivered_at: str = ""
    completed_at: str = ""


class FulfilmentEntry(msgspec.Struct, frozen=True):
    line_item_uid: str = ""
    quantity: str = "1"


class OrderFulfilment(msgspec.Struct, frozen=True):
    uid: str
    type: str = ""
    state: str = ""
    line_item_application: str = "ALL"
    entries: list[FulfilmentEntry] = []
    shipment_details: FulfilmentDetails | None = None
    pickup_details: FulfilmentDetails | None = None
    delivery_details: FulfilmentDetails | None = None

    @property
    def details(self) -> FulfilmentDetails:
        return self.shipment_details or self.pickup_details or self.delivery_details or FulfilmentDetails()


class Order(msgspec.Struct, frozen=True):
    id: str
    location_id: str = ""
    created_at: str = ""
    updated_at: str = ""
    closed_at: str = ""
    state: str = "OPEN"
    version: int = 0
    ticket_name: str = ""
    reference_id: str = ""
    customer_id: str = ""
    source: Source | None = None
    metadata: dict[str, str] = {}
    line_items: list[LineItem] = []
    fulfillments: list[OrderFulfilment] = []
    returns: list[OrderReturn] = []
    tenders: list[Tender] = []
    total_money: Money = Money()
    total_discount_money: Money = Money()
    net_amount_due_money: Money | None = None


class OrderReply(msgspec.Struct, frozen=True):
    order: Order


class OrdersReply(msgspec.Struct, frozen=True):
    orders: list[Order] = []
    cursor: str = ""


class Payment(msgspec.Struct, frozen=True):
    id: str
    status: str = ""  # APPROVED | PENDING | COMPLETED | CANCELED | FAILED
    order_id: str = ""
    updated_at: str = ""
    created_at: str = ""
    refund_ids: list[str] = []
    buyer_email_address: str = ""


class PaymentReply(msgspec.Struct, frozen=True):
    payment: Payment


class PaymentRefund(msgspec.Struct, frozen=True):
    id: str
    status: str = ""  # PENDING | COMPLETED | REJECTED | FAILED
    amount_money: Money = Money()
    payment_id: str = ""
    order_id: str = ""
    created_at: str = ""
    updated_at: str = ""


class RefundReply(msgspec.Struct, frozen=True):
    refund: PaymentRefund


class PaymentLink(msgspec.Struct, frozen=True):
    url: str = ""
    long_url: str = ""
    order_id: str = ""


class PaymentLinkReply(msgspec.Struct, frozen=True):
    payment_link: PaymentLink


# --- deliveries -------------------------------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True):
    """What every delivery has."""

    merchant_id: str = ""
    type: str = ""
    event_id: str = ""
    created_at: str = ""


class OrderSummary(msgspec.Struct, frozen=True):
    order_id: str


class PaymentSummary(msgspec.Struct, frozen=True):
    id: str
    order_id: str | None = None


class RefundSummary(msgspec.Struct, frozen=True):
    id: str
    order_id: str | None = None


class Revocation(msgspec.Struct, frozen=True):
    revoked_at: str
    revoker_type: str = "MERCHANT"


class About(msgspec.Struct, frozen=True):
    """`data.object`: one of these is there."""

    order_created: OrderSummary | None = None
    order_updated: OrderSummary | None = None
    order_fulfillment_updated: OrderSummary | None = None
    payment: PaymentSummary | None = None
    refund: RefundSummary | None = None
    inventory_counts: list[Count] | None = None
    revocation: Revocation | None = None


class Data(msgspec.Struct, frozen=True):
    object: About


class Notice(msgspec.Struct, frozen=True):
    merchant_id: str
    type: str
    data: Data
