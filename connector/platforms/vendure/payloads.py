"""The JSON that we read: only the fields we read. Source: the Admin API's schema of Vendure 3.7.3, asked of a store.

Money fields are whole numbers in the store's own precision (`amounts.Scale`); ids are text, whatever is in them.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Node(msgspec.Struct, rename="camel"):
    """Names of GraphQL as names of Python."""


# --- the store --------------------------------------------------------------------------------------------------------


class SellerNode(Node):
    name: str = ""


class ChannelNode(Node):
    id: str
    code: str
    token: str
    default_currency_code: str
    default_language_code: str
    prices_include_tax: bool
    seller: SellerNode | None = None


class FieldNode(Node):
    name: str = ""


class EntityNode(Node):
    entity_name: str
    custom_fields: list[FieldNode] = []


class ServerConfigNode(Node):
    money_strategy_precision: int
    entity_custom_fields: list[EntityNode] = []


class SettingsNode(Node):
    server_config: ServerConfigNode


class ChannelAnswer(Node):
    active_channel: ChannelNode
    global_settings: SettingsNode


class HookFields(Node):
    connector_address: str | None = None
    connector_secret: str | None = None


class HookChannelNode(Node):
    id: str
    custom_fields: HookFields | None = None


class HookAnswer(Node):
    active_channel: HookChannelNode


class ErrorResult(Node):
    """A member of a mutation's union: business failures aren't in `errors`."""

    error_code: str = ""


class HookSetAnswer(Node):
    update_channel: ErrorResult


# --- products ---------------------------------------------------------------------------------------------------------


class AssetNode(Node):
    preview: str = ""


class FacetNode(Node):
    code: str = ""


class FacetValueNode(Node):
    name: str = ""
    facet: FacetNode | None = None


class ProductNode(Node):
    id: str
    updated_at: str
    enabled: bool
    name: str
    slug: str = ""
    description: str = ""
    featured_asset: AssetNode | None = None
    assets: list[AssetNode] = []
    facet_values: list[FacetValueNode] = []


class ProductList(Node):
    total_items: int
    items: list[ProductNode]


class HereNode(Node):
    """The channel that an answer is of."""

    id: str
    prices_include_tax: bool = False


class StockRules(Node):
    track_inventory: bool = True
    out_of_stock_threshold: int = 0


class ProductsAnswer(Node):
    active_channel: HereNode
    products: ProductList


class PriceNode(Node):
    price: int
    currency_code: str


class StockLevelNode(Node):
    stock_on_hand: int = 0
    stock_allocated: int = 0


class GroupNode(Node):
    name: str = ""


class OptionNode(Node):
    name: str = ""
    group: GroupNode | None = None


class VariantNode(Node):
    id: str
    product_id: str
    updated_at: str
    enabled: bool
    price: int
    price_with_tax: int
    currency_code: str
    name: str = ""
    sku: str = ""
    track_inventory: str = "INHERIT"
    out_of_stock_threshold: int = 0
    use_global_out_of_stock_threshold: bool = True
    stock_levels: list[StockLevelNode] = []
    prices: list[PriceNode] = []
    options: list[OptionNode] = []
    featured_asset: AssetNode | None = None


class VariantList(Node):
    total_items: int
    items: list[VariantNode]


class VariantsAnswer(Node):
    active_channel: HereNode
    global_settings: StockRules
    product_variants: VariantList


class ChangeNode(Node):
    """A row of a list of what changed."""

    id: str
    updated_at: str
    product_id: str = ""


class ChangeList(Node):
    total_items: int
    items: list[ChangeNode]


class ChangedAnswer(Node):
    active_channel: HereNode
    changed: ChangeList


class NewestAnswer(Node):
    products: ChangeList
    product_variants: ChangeList


class SampleNode(Node):
    name: str = ""
    price: int = 0
    currency_code: str = ""


class SampleList(Node):
    items: list[SampleNode] = []


class SampleAnswer(Node):
    product_variants: SampleList


# --- orders -----------------------------------------------------------------------------------------------------------


class OfProductNode(Node):
    id: str


class OrderVariantNode(Node):
    id: str
    sku: str = ""
    name: str = ""
    product: OfProductNode | None = None


class DiscountNode(Node):
    adjustment_source: str = ""
    amount_with_tax: int = 0


class OrderLineNode(Node):
    id: str
    updated_at: str
    quantity: int
    order_placed_quantity: int
    unit_price_with_tax: int
    prorated_unit_price: int
    prorated_unit_price_with_tax: int
    prorated_line_price: int
    prorated_line_price_with_tax: int
    product_variant: OrderVariantNode
    discounts: list[DiscountNode] = []
    custom_fields: dict[str, Any] | None = None


class SurchargeNode(Node):
    id: str
    description: str = ""
    sku: str = ""
    price: int = 0
    price_with_tax: int = 0


class PromotionNode(Node):
    id: str
    coupon_code: str | None = None


class RefundLineNode(Node):
    order_line_id: str
    quantity: int


class RefundNode(Node):
    id: str
    created_at: str
    updated_at: str
    state: str
    total: int
    shipping: int = 0
    lines: list[RefundLineNode] = []


class PaymentNode(Node):
    id: str
    created_at: str
    updated_at: str
    state: str
    amount: int
    refunds: list[RefundNode] = []


class FulfilmentNode(Node):
    id: str
    created_at: str
    updated_at: str
    state: str
    lines: list[RefundLineNode] = []


class CustomerNode(Node):
    id: str
    email_address: str | None = None
    phone_number: str | None = None


class HistoryNode(Node):
    created_at: str
    data: dict[str, Any] = {}


class HistoryList(Node):
    items: list[HistoryNode] = []


class OrderNode(Node):
    id: str
    code: str
    state: str
    active: bool
    created_at: str
    updated_at: str
    currency_code: str
    total_with_tax: int
    shipping_with_tax: int
    lines: list[OrderLineNode]
    type: str = "Regular"
    order_placed_at: str | None = None
    coupon_codes: list[str] = []
    surcharges: list[SurchargeNode] = []
    promotions: list[PromotionNode] = []
    payments: list[PaymentNode] | None = None
    fulfillments: list[FulfilmentNode] | None = None
    modifications: list[OfProductNode] = []
    customer: CustomerNode | None = None
    history: HistoryList = msgspec.field(default_factory=HistoryList)
    custom_fields: dict[str, Any] | None = None


class OrderList(Node):
    total_items: int
    items: list[OrderNode]


class OrdersAnswer(Node):
    active_channel: HereNode
    orders: OrderList


class HeadRefundNode(Node):
    updated_at: str


class HeadPaymentNode(Node):
    updated_at: str
    refunds: list[HeadRefundNode] = []


class HeadNode(Node):
    id: str
    code: str
    created_at: str
    updated_at: str
    order_placed_at: str | None = None
    payments: list[HeadPaymentNode] | None = None


class HeadList(Node):
    total_items: int
    items: list[HeadNode]


class HeadsAnswer(Node):
    active_channel: HereNode
    orders: HeadList


# --- sample orders ----------------------------------------------------------------------------------------------------


class StateNode(Node):
    state: str


class SampleOrderNode(Node):
    id: str
    code: str
    state: str
    fulfillments: list[StateNode] | None = None


class SampleOrderList(Node):
    items: list[SampleOrderNode]


class SampleFoundAnswer(Node):
    active_channel: HereNode
    orders: SampleOrderList


class SampleStateAnswer(Node):
    active_channel: HereNode
    order: SampleOrderNode | None = None


class SampleDraftAnswer(Node):
    draft: OfProductNode


class SampleFillAnswer(Node):
    customer: ErrorResult
    item: ErrorResult = msgspec.field(default_factory=ErrorResult)


class MethodNode(Node):
    id: str
    price: int = 0


class SampleShippingAnswer(Node):
    methods: list[MethodNode]


class MadePromotion(ErrorResult):
    id: str = ""


class MadeFree(ErrorResult):
    total_with_tax: int = -1


class SampleFreeAnswer(Node):
    shipping: ErrorResult
    promotion: MadePromotion
    free: MadeFree


class MadeOrder(ErrorResult):
    id: str = ""
    code: str = ""
    state: str = ""


class SamplePayAnswer(Node):
    ready: ErrorResult
    paid: MadeOrder


class SampleCancelAnswer(Node):
    cancelled: MadeOrder


# --- deliveries of our plug-in ----------------------------------------------------------------------------------------


class SubjectBody(Node):
    """What a delivery is about; each topic has one of them."""

    order: str | None = None
    product: str | None = None
    variant: str | None = None
    channel: str | None = None


class OrderBody(Node):
    order: str
    channel: str | None = None


class ProductBody(Node):
    product: str
    channel: str | None = None


class StockBody(Node):
    variant: str
    channel: str | None = None
