"""Shapes of Medusa's answers, as far as we read them. Source: @medusajs 2.21.2, seen running (NOTES.md).

Amounts are JSON numbers in major units; as Decimal fields they are read digit by digit, never through a float.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class Node(msgspec.Struct):
    """What Medusa adds tomorrow is passed over."""


class Raw(Node):
    """The exact twin of an amount."""

    value: str


# --- the store --------------------------------------------------------------------------------------------------------


class CurrencyNode(Node):
    currency_code: str
    is_default: bool = False


class StoreNode(Node):
    id: str
    name: str = ""
    default_sales_channel_id: str | None = None
    default_region_id: str | None = None
    supported_currencies: list[CurrencyNode] = []


class StoresAnswer(Node):
    stores: list[StoreNode]


class IdNode(Node):
    id: str


class ApiKeyNode(Node):
    id: str
    token: str
    title: str = ""
    revoked_at: str | None = None
    sales_channels: list[IdNode] = []


class ApiKeysAnswer(Node):
    api_keys: list[ApiKeyNode]


class CountryNode(Node):
    iso_2: str = ""


class RegionNode(Node):
    id: str
    currency_code: str
    countries: list[CountryNode] | None = None


class RegionsAnswer(Node):
    regions: list[RegionNode]


class PreferenceNode(Node):
    attribute: str
    value: str | None = None
    is_tax_inclusive: bool = False


class PreferencesAnswer(Node):
    price_preferences: list[PreferenceNode] = []


class ProblemBody(Node):
    message: str = ""
    type: str = ""
    code: str = ""


# --- the catalog ------------------------------------------------------------------------------------------------------


class PriceNode(Node):
    amount: msgspec.Raw  # the number as it stands there: most prices of a page are other currencies', and never read
    currency_code: str
    min_quantity: float | None = None
    rules: dict[str, Any] | None = None
    price_rules: list[Any] | None = None


class LevelNode(Node):
    stocked_quantity: float = 0
    reserved_quantity: float = 0
    updated_at: str | None = None


class InventoryNode(Node):
    id: str
    requires_shipping: bool = True
    location_levels: list[LevelNode | None] | None = None


class StockItemNode(Node):
    inventory_item_id: str
    required_quantity: float = 1
    inventory: InventoryNode | None = None


class OptionNameNode(Node):
    title: str = ""


class OptionNode(Node):
    value: str
    option: OptionNameNode | None = None


class VariantNode(Node):
    id: str
    title: str | None = None
    sku: str | None = None
    barcode: str | None = None
    ean: str | None = None
    upc: str | None = None
    manage_inventory: bool = True
    allow_backorder: bool = False
    variant_rank: int | None = None
    thumbnail: str | None = None
    prices: list[PriceNode] | None = None
    options: list[OptionNode] | None = None
    inventory_items: list[StockItemNode | None] | None = None


class ImageNode(Node):
    url: str | None = None
    rank: int | None = None


class ValueNode(Node):
    value: str | None = None


class NameNode(Node):
    name: str | None = None


class TitleNode(Node):
    title: str | None = None


class ProductNode(Node):
    id: str
    title: str | None = None
    handle: str | None = None
    status: str | None = None
    description: str | None = None
    thumbnail: str | None = None
    updated_at: str | None = None
    is_giftcard: bool = False
    type: ValueNode | None = None
    collection: TitleNode | None = None
    categories: list[NameNode] | None = None
    tags: list[ValueNode] | None = None
    images: list[ImageNode] | None = None
    variants: list[VariantNode] | None = None
    sales_channels: list[IdNode | None] | None = None


class RawProductsAnswer(Node):
    """The same page, a product a piece: one in another shape must not take the others with it."""

    products: list[msgspec.Raw]


class OddProduct(Node):
    """What is left to read of one with a field of another type."""

    id: str
    title: Any = None
    problem: str = msgspec.field(default="", name="__problem")


class ProductsAnswer(Node):
    products: list[ProductNode]
    count: int = 0


class TimeNode(Node):
    updated_at: str | None = None


class ChangedVariantNode(Node):
    id: str
    updated_at: str
    product_id: str | None = None
    product: TimeNode | None = None


class ChangedVariantsAnswer(Node):
    variants: list[ChangedVariantNode]


class ChangedProductNode(Node):
    id: str
    updated_at: str


class ChangedProductsAnswer(Node):
    products: list[ChangedProductNode]


class OwnerNode(Node):
    id: str
    product_id: str | None = None
    updated_at: str | None = None
    product: TimeNode | None = None


class ChangedItemNode(Node):
    id: str
    location_levels: list[LevelNode | None] | None = None
    variants: list[OwnerNode | None] | None = None


class ChangedItemsAnswer(Node):
    inventory_items: list[ChangedItemNode]


class CalculatedNode(Node):
    calculated_amount: Decimal | None = None
    original_amount: Decimal | None = None
    currency_code: str | None = None


class PricedVariantNode(Node):
    id: str
    calculated_price: CalculatedNode | None = None


class PricedProductNode(Node):
    id: str
    variants: list[PricedVariantNode] | None = None


class PricedProductsAnswer(Node):
    products: list[PricedProductNode]


# --- orders -----------------------------------------------------------------------------------------------------------


class OrderHeadNode(Node):
    id: str
    display_id: int | None
    created_at: str
    updated_at: str


class OrderHeadsAnswer(Node):
    orders: list[OrderHeadNode]


class PaidOrderNode(Node):
    id: str
    display_id: int | None = None
    created_at: str | None = None


class PaidCollectionNode(Node):
    updated_at: str
    order: PaidOrderNode | None = None


class PaidNode(Node):
    id: str
    payment_collection: PaidCollectionNode | None = None


class PaymentsAnswer(Node):
    payments: list[PaidNode]


class AdjustmentNode(Node):
    amount: Decimal
    raw_amount: Raw | None = None
    code: str | None = None
    is_tax_inclusive: bool = False


class TaxLineNode(Node):
    rate: Decimal
    raw_rate: Raw | None = None


class ItemNode(Node):
    id: str
    quantity: Decimal
    unit_price: Decimal
    raw_unit_price: Raw | None = None
    title: str | None = None
    product_title: str | None = None
    variant_title: str | None = None
    product_id: str | None = None
    variant_id: str | None = None
    variant_sku: str | None = None
    requires_shipping: bool = True
    is_giftcard: bool = False
    is_tax_inclusive: bool = False
    metadata: dict[str, Any] | None = None
    adjustments: list[AdjustmentNode] | None = None
    tax_lines: list[TaxLineNode] | None = None


class ShippingNode(Node):
    amount: Decimal
    raw_amount: Raw | None = None
    is_tax_inclusive: bool = False
    adjustments: list[AdjustmentNode] | None = None
    tax_lines: list[TaxLineNode] | None = None


class CaptureNode(Node):
    created_at: str


class RefundNode(Node):
    id: str
    amount: Decimal
    created_at: str
    raw_amount: Raw | None = None


class PaymentNode(Node):
    id: str
    captured_at: str | None = None
    captures: list[CaptureNode] | None = None
    refunds: list[RefundNode] | None = None


class CollectionNode(Node):
    id: str
    updated_at: str | None = None
    payments: list[PaymentNode] | None = None


class ParcelItemNode(Node):
    quantity: Decimal
    line_item_id: str | None = None


class ParcelNode(Node):
    id: str
    created_at: str
    updated_at: str | None = None
    delivered_at: str | None = None
    canceled_at: str | None = None
    items: list[ParcelItemNode] | None = None


class ReturnItemNode(Node):
    item_id: str
    quantity: Decimal = Decimal(0)
    received_quantity: Decimal | None = None


class ReturnNode(Node):
    id: str
    status: str
    created_at: str
    updated_at: str | None = None
    received_at: str | None = None
    canceled_at: str | None = None
    exchange_id: str | None = None
    claim_id: str | None = None
    items: list[ReturnItemNode] | None = None


class CreditNode(Node):
    amount: Decimal
    raw_amount: Raw | None = None
    reference: str | None = None


class SummaryNode(Node):
    pending_difference: Decimal = Decimal(0)


class OrderNode(Node):
    id: str
    display_id: int | None
    status: str
    payment_status: str | None
    currency_code: str
    created_at: str
    updated_at: str
    items: list[ItemNode]
    canceled_at: str | None = None
    is_draft_order: bool = False
    email: str | None = None
    customer_id: str | None = None
    sales_channel_id: str | None = None
    metadata: dict[str, Any] | None = None
    shipping_methods: list[ShippingNode] | None = None
    payment_collections: list[CollectionNode | None] | None = None
    fulfillments: list[ParcelNode | None] | None = None
    returns: list[ReturnNode | None] | None = None
    credit_lines: list[CreditNode] | None = None
    summary: SummaryNode | None = None


class OrderAnswer(Node):
    order: OrderNode


class OrdersAnswer(Node):
    orders: list[OrderNode]


class ExchangeItemNode(Node):
    item_id: str


class ExchangeNode(Node):
    id: str
    order_id: str
    return_id: str | None = None
    canceled_at: str | None = None
    additional_items: list[ExchangeItemNode] | None = None


class ExchangesAnswer(Node):
    exchanges: list[ExchangeNode]


# --- sample orders ----------------------------------------------------------------------------------------------------


class SampleNode(Node):
    """A draft order, or an order."""

    id: str
    display_id: int | None = None
    status: str = ""
    metadata: dict[str, Any] | None = None


class SampleOrderAnswer(Node):
    order: SampleNode


class SampleOrdersAnswer(Node):
    orders: list[SampleNode]


class DraftAnswer(Node):
    draft_order: SampleNode


class DraftsAnswer(Node):
    draft_orders: list[SampleNode]


class GeoZoneNode(Node):
    country_code: str | None = None


class ServiceZoneNode(Node):
    geo_zones: list[GeoZoneNode] | None = None


class OptionRuleNode(Node):
    attribute: str = ""
    value: Any = None


class ShippingOptionNode(Node):
    id: str
    rules: list[OptionRuleNode] | None = None
    service_zone: ServiceZoneNode | None = None


class ShippingOptionsAnswer(Node):
    shipping_options: list[ShippingOptionNode]


# --- the plug-in ------------------------------------------------------------------------------------------------------


class PluginNode(Node):
    """How our plug-in stands in the store."""

    version: str
    address: str | None = None
    set_by: str | None = None


class PluginAnswer(Node):
    connector: PluginNode


class NewsData(Node):
    order: str | None = None
    product: str | None = None
    item: str | None = None
    id: str | None = None


class NewsBody(Node):
    """A delivery of the plug-in's."""

    topic: str
    made_at: str
    data: NewsData
