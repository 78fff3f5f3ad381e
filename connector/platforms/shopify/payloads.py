"""The JSON we read from Shopify: only the fields we read. What isn't here is dropped before anything is stored.

Two shapes of the same facts:
- `…Body`  REST-shaped bodies of webhooks, API version 2026-10. Source: shopify.dev/docs/api/webhooks/latest and the
           recorded bodies in tests/platforms/shopify/payloads.
- `…Node`  answers of the Admin GraphQL API 2026-10 to the documents in documents.py (the names there are Shopify's in
           camelCase). Source: the introspection result in the npm package @shopify/dev-mcp 1.16.0.

Ids of bodies are 64-bit integers, ids of nodes are GIDs (`gid://shopify/Order/7100000000001`). Amounts are decimal
strings; a refund line's `subtotal` and `total_tax` are JSON numbers in bodies, so they decode to Decimal, never float.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")

# --- webhook bodies ---------------------------------------------------------------------------------------------------


class MoneyBody(msgspec.Struct):
    amount: str
    currency_code: str


class MoneySetBody(msgspec.Struct):
    shop_money: MoneyBody


class NamedValueBody(msgspec.Struct):
    """An entry of note_attributes or properties. Values of properties may be anything."""

    name: str
    value: Any = None


class AllocationBody(msgspec.Struct):
    amount: str
    discount_application_index: int


class ApplicationBody(msgspec.Struct):
    type: str  # discount_code | automatic | manual | script
    code: str | None = None


class TaxLineBody(msgspec.Struct):
    price: str | None = None
    rate: Decimal | None = None


class DutyBody(msgspec.Struct):
    """An import duty of a line. Source: the REST order reference, `line_items[].duties`."""

    shop_money: MoneyBody | None = None
    price_set: MoneySetBody | None = None


class LineItemBody(msgspec.Struct):
    id: int
    quantity: int
    price: str
    current_quantity: int | None = None
    title: str | None = None
    sku: str | None = None
    product_id: int | None = None
    variant_id: int | None = None
    product_exists: bool = True
    gift_card: bool = False
    requires_shipping: bool = True
    properties: list[NamedValueBody] = []
    tax_lines: list[TaxLineBody] = []
    discount_allocations: list[AllocationBody] = []
    duties: list[DutyBody] = []


class ShippingLineBody(msgspec.Struct):
    discounted_price: str
    is_removed: bool = False
    discount_allocations: list[AllocationBody] = []


class RefundLineBody(msgspec.Struct):
    id: int
    line_item_id: int
    quantity: int
    subtotal: Decimal | None = None
    subtotal_set: MoneySetBody | None = None
    total_tax: Decimal | None = None
    total_tax_set: MoneySetBody | None = None


class RefundShippingBody(msgspec.Struct):
    subtotal_amount_set: MoneySetBody | None = None
    tax_amount_set: MoneySetBody | None = None


class AdjustmentBody(msgspec.Struct):
    id: int
    amount: str
    tax_amount: str | None = None
    amount_set: MoneySetBody | None = None  # read for its currency
    kind: str | None = None
    reason: str | None = None


class TransactionBody(msgspec.Struct):
    id: int
    kind: str
    status: str
    order_id: int | None = None


class RefundBody(msgspec.Struct):
    """refunds/create, and an entry of `refunds` in an order."""

    id: int
    order_id: int
    created_at: str
    refund_line_items: list[RefundLineBody] = []
    refund_shipping_lines: list[RefundShippingBody] = []
    order_adjustments: list[AdjustmentBody] = []
    transactions: list[TransactionBody] = []


class FulfilledLineBody(msgspec.Struct):
    id: int
    quantity: int


class FulfilmentBody(msgspec.Struct):
    """fulfillments/create and fulfillments/update, and an entry of `fulfillments` in an order."""

    id: int
    order_id: int
    created_at: str
    updated_at: str
    status: str | None = None
    shipment_status: str | None = None
    line_items: list[FulfilledLineBody] = []


class CustomerBody(msgspec.Struct):
    """Personal: on its way to a keyed hash. May be null or cut without Shopify's approval."""

    id: int | None = None
    email: str | None = None
    phone: str | None = None


class OrderBody(msgspec.Struct):
    """orders/create, paid, updated, cancelled, fulfilled, partially_fulfilled: the whole order."""

    id: int
    name: str
    created_at: str
    updated_at: str
    currency: str
    line_items: list[LineItemBody]
    processed_at: str | None = None
    cancelled_at: str | None = None
    financial_status: str | None = None
    taxes_included: bool = False
    duties_included: bool = False
    test: bool = False
    tags: str = ""
    total_discounts: str | None = None
    total_price: str | None = None
    source_name: str | None = None
    source_identifier: str | None = None
    referring_site: str | None = None  # where the visitor came from: only a coupon site's name is kept of it
    payment_gateway_names: list[str] = []
    landing_site: str | None = None  # first page of the visit, path and query; null for drafts, POS and headless
    note_attributes: list[NamedValueBody] = []
    discount_applications: list[ApplicationBody] = []
    shipping_lines: list[ShippingLineBody] = []
    refunds: list[RefundBody] = []
    fulfillments: list[FulfilmentBody] = []
    email: str | None = None
    phone: str | None = None
    customer: CustomerBody | None = None


class DisputeBody(msgspec.Struct):
    """disputes/create and disputes/update. Source: …/webhooks/latest, topic disputes/create; no recording at hand."""

    id: int
    status: str  # needs_response | under_review | accepted | won | lost | charge_refunded | prevented
    initiated_at: str
    order_id: int | None = None
    amount: str | None = None
    currency: str | None = None
    finalized_on: str | None = None


class OrderRefBody(msgspec.Struct):
    """orders/delete."""

    id: int


class EditedLineBody(msgspec.Struct):
    id: int
    delta: int


class EditedLinesBody(msgspec.Struct):
    additions: list[EditedLineBody] = []


class EditBody(msgspec.Struct):
    id: int
    order_id: int
    line_items: EditedLinesBody


class OrderEditedBody(msgspec.Struct):
    """orders/edited: the deltas only."""

    order_edit: EditBody


class SubjectEditBody(msgspec.Struct):
    order_id: int | None = None


class SubjectBody(msgspec.Struct):
    """What a body is about, read at receipt and before anything else."""

    id: int | None = None
    order_id: int | None = None
    order_edit: SubjectEditBody | None = None


class ProductRefBody(msgspec.Struct):
    """products/create, update, delete: read as a signal only (NOTES.md says why)."""

    id: int


class StockBody(msgspec.Struct):
    """inventory_levels/update: one item at one location."""

    inventory_item_id: int
    available: int | None = None


class ShopBody(msgspec.Struct):
    """shop/update and app/uninstalled."""

    id: int
    myshopify_domain: str
    name: str
    currency: str
    iana_timezone: str | None = None
    country_code: str | None = None
    domain: str | None = None
    taxes_included: bool | None = None


class BulkFinishedBody(msgspec.Struct):
    """bulk_operations/finish."""

    admin_graphql_api_id: str


class PrivacyCustomer(msgspec.Struct):
    """Whom a compliance topic is about; each field may be absent."""

    id: int | None = None
    email: str | None = None
    phone: str | None = None


class PrivacyNumber(msgspec.Struct):
    id: int | None = None


class PrivacyBody(msgspec.Struct):
    """The three compliance topics."""

    shop_domain: str
    shop_id: int | None = None
    customer: PrivacyCustomer | None = None
    data_request: PrivacyNumber | None = None
    orders_requested: list[int] = []
    orders_to_redact: list[int] = []


# --- GraphQL answers --------------------------------------------------------------------------------------------------


class Node(msgspec.Struct, rename="camel"):
    """Base of all answers: our snake_case is Shopify's camelCase."""


class PageInfoNode(Node):
    has_next_page: bool
    end_cursor: str | None = None


class Page(Node, Generic[T]):
    """A connection: rows and where to go on."""

    page_info: PageInfoNode | None = None
    nodes: list[T] = []

    @property
    def cursor(self) -> str | None:
        """Where the next page begins; None after the last one."""
        return self.page_info.end_cursor if self.page_info and self.page_info.has_next_page else None


class ShopMoneyNode(Node):
    amount: str


class MoneyBagNode(Node):
    shop_money: ShopMoneyNode


class IdNode(Node):
    id: str


class AttributeNode(Node):
    key: str
    value: str | None = None


class ApplicationIndexNode(Node):
    index: int


class AllocationNode(Node):
    allocated_amount_set: MoneyBagNode
    discount_application: ApplicationIndexNode


class ApplicationNode(msgspec.Struct):
    typename: str = msgspec.field(name="__typename")
    index: int
    code: str | None = None


class DisputeNode(Node):
    """OrderDisputeSummary: neither amount nor time."""

    id: str
    status: str


class DutyNode(Node):
    price: MoneyBagNode


class DutiesNode(Node):
    id: str
    duties: list[DutyNode] = []


class TaxLineNode(Node):
    price_set: MoneyBagNode


class LineItemNode(Node):
    id: str
    title: str
    quantity: int
    current_quantity: int
    original_unit_price_set: MoneyBagNode
    is_gift_card: bool
    requires_shipping: bool
    sku: str | None = None
    product: IdNode | None = None
    variant: IdNode | None = None
    custom_attributes: list[AttributeNode] = []
    discount_allocations: list[AllocationNode] = []
    tax_lines: list[TaxLineNode] = []


class ShippingAllocationNode(Node):
    allocated_amount_set: MoneyBagNode


class ShippingLineNode(Node):
    is_removed: bool
    discounted_price_set: MoneyBagNode
    discount_allocations: list[ShippingAllocationNode] = []


class RefundLineNode(Node):
    quantity: int
    subtotal_set: MoneyBagNode
    total_tax_set: MoneyBagNode
    line_item: IdNode
    id: str | None = None


class RefundShippingNode(Node):
    subtotal_amount_set: MoneyBagNode
    tax_amount_set: MoneyBagNode | None = None


class AdjustmentNode(Node):
    id: str
    amount_set: MoneyBagNode
    tax_amount_set: MoneyBagNode | None = None
    reason: str | None = None


class TransactionNode(Node):
    id: str
    kind: str
    status: str


class RefundNode(Node):
    id: str
    processed_at: str
    created_at: str | None = None
    refund_line_items: Page[RefundLineNode] = msgspec.field(default_factory=Page[RefundLineNode])
    refund_shipping_lines: Page[RefundShippingNode] = msgspec.field(default_factory=Page[RefundShippingNode])
    order_adjustments: Page[AdjustmentNode] = msgspec.field(default_factory=Page[AdjustmentNode])
    transactions: Page[TransactionNode] = msgspec.field(default_factory=Page[TransactionNode])


class FulfilledLineNode(Node):
    line_item: IdNode
    quantity: int | None = None


class FulfilmentNode(Node):
    id: str
    created_at: str
    updated_at: str
    status: str
    display_status: str | None = None
    fulfillment_line_items: Page[FulfilledLineNode] = msgspec.field(default_factory=Page[FulfilledLineNode])


class OrderNode(Node):
    id: str
    name: str
    created_at: str
    updated_at: str
    currency_code: str
    taxes_included: bool
    line_items: Page[LineItemNode]
    total_price_set: MoneyBagNode
    processed_at: str | None = None
    cancelled_at: str | None = None
    display_financial_status: str | None = None
    test: bool = False
    tags: list[str] = []
    source_name: str | None = None
    source_identifier: str | None = None
    total_discounts_set: MoneyBagNode | None = None
    custom_attributes: list[AttributeNode] = []
    discount_applications: Page[ApplicationNode] = msgspec.field(default_factory=Page[ApplicationNode])
    shipping_lines: Page[ShippingLineNode] = msgspec.field(default_factory=Page[ShippingLineNode])
    customer: IdNode | None = None
    refunds: list[IdNode] = []
    fulfillments: list[IdNode] = []
    duties_included: bool = False
    payment_gateway_names: list[str] = []
    return_status: str | None = None
    disputes: list[DisputeNode] = []


class OrderAnswer(Node):
    order: OrderNode | None = None


class WholeOrderNode(OrderNode):
    """An order with what happened to it since, as a batch asks for it."""

    every_refund: list[RefundNode] = []
    parcels: list[FulfilmentNode] = []


class OrdersAnswer(Node):
    nodes: list[WholeOrderNode | None]


class OrderRestNode(Node):
    """The next page of one of an order's lists."""

    updated_at: str
    line_items: Page[LineItemNode] | None = None
    discount_applications: Page[ApplicationNode] | None = None
    shipping_lines: Page[ShippingLineNode] | None = None


class OrderDutiesNode(Node):
    updated_at: str
    line_items: Page[DutiesNode]


class OrderDutiesAnswer(Node):
    order: OrderDutiesNode | None = None


class OrderRestAnswer(Node):
    order: OrderRestNode | None = None


class AftermathNode(Node):
    updated_at: str
    refunds: list[RefundNode] = []
    fulfillments: list[FulfilmentNode] = []


class AftermathAnswer(Node):
    order: AftermathNode | None = None


class AftermathIdsNode(Node):
    updated_at: str
    refunds: list[IdNode] = []
    fulfillments: list[IdNode] = []


class CampaignNode(Node):
    content: str | None = None


class VisitNode(Node):
    landing_page: str | None = None
    referral_code: str | None = None
    utm_parameters: CampaignNode | None = None


class JourneyNode(Node):
    first_visit: VisitNode | None = None
    last_visit: VisitNode | None = None


class JourneyOrderNode(Node):
    id: str = ""
    customer_journey_summary: JourneyNode | None = None  # null for headless stores and orders that were made by hand


class JourneyAnswer(Node):
    order: JourneyOrderNode | None = None


class JourneysAnswer(Node):
    nodes: list[JourneyOrderNode | None]


class AftermathIdsAnswer(Node):
    order: AftermathIdsNode | None = None


class RefundAnswer(Node):
    refund: RefundNode | None = None


class FulfilmentAnswer(Node):
    fulfillment: FulfilmentNode | None = None


class OrderHeadNode(Node):
    id: str
    name: str
    created_at: str
    updated_at: str


class OrderHeadsAnswer(Node):
    orders: Page[OrderHeadNode]


class ImageNode(Node):
    url: str | None = None


class PreviewNode(Node):
    image: ImageNode | None = None


class FeaturedMediaNode(Node):
    preview: PreviewNode | None = None


class SelectedOptionNode(Node):
    name: str
    value: str


class MetafieldNode(Node):
    value: str | None = None


class CategoryNode(Node):
    """Shopify's taxonomy: `gid://shopify/TaxonomyCategory/aa-1-13-8`, "Apparel & Accessories > Clothing > …"."""

    id: str
    full_name: str | None = None


class InventoryItemNode(Node):
    id: str = ""
    tracked: bool = True
    requires_shipping: bool = True


class VariantNode(Node, tag_field="__typename", tag="ProductVariant"):
    """A variant; in a bulk file it names its parent. What may be off is optional: it is refused with a reason."""

    id: str
    title: str | None = None
    sku: str | None = None
    barcode: str | None = None
    price: str | None = None
    compare_at_price: str | None = None
    position: int = 0
    available_for_sale: bool = False
    inventory_quantity: int | None = None
    selected_options: list[SelectedOptionNode] = []
    inventory_item: InventoryItemNode | None = None
    gtin: MetafieldNode | None = None
    mpn: MetafieldNode | None = None
    parent_id: str | None = msgspec.field(default=None, name="__parentId")


class MediaNode(Node):
    image: ImageNode | None = None


class ProductNode(Node, tag_field="__typename", tag="Product"):
    """A product's head; a line of a bulk file, or with `variants` and `media` an answer of the live API."""

    id: str
    title: str | None = None
    status: str | None = None
    handle: str | None = None
    vendor: str | None = None
    product_type: str | None = None
    tags: list[str] = []
    updated_at: str | None = None
    published_at: str | None = None
    online_store_url: str | None = None
    description_html: str | None = None
    is_gift_card: bool = False
    featured_media: FeaturedMediaNode | None = None
    category: CategoryNode | None = None
    brand: MetafieldNode | None = None
    condition: MetafieldNode | None = None
    on_publication: bool | None = None  # asked for only where our app has a publication of its own
    variants: Page[VariantNode] | None = None
    media: Page[MediaNode] | None = None


class MediaImageNode(Node, tag_field="__typename", tag="MediaImage"):
    """A line of a bulk file. `image` is null while Shopify still works on it."""

    id: str
    image: ImageNode | None = None
    parent_id: str | None = msgspec.field(default=None, name="__parentId")


BulkLine = ProductNode | VariantNode | MediaImageNode


class AnyLine(msgspec.Struct):
    """What is left to read of a line that isn't one of the above: a video, or a line with a field of a wrong type."""

    typename: str | None = msgspec.field(default=None, name="__typename")
    id: str | None = None
    title: Any = None
    parent_id: str | None = msgspec.field(default=None, name="__parentId")


class ProductNodesAnswer(Node):
    nodes: list[ProductNode | None]


class ProductsAnswer(Node):
    products: Page[ProductNode]


class ChangedAtNode(Node):
    updated_at: str | None = None


class NewestChangePage(Node):
    nodes: list[ChangedAtNode] = []


class NewestChangeAnswer(Node):
    products: NewestChangePage


class StockVariantNode(Node):
    id: str
    product: IdNode
    inventory_quantity: int | None = None
    available_for_sale: bool = False


class StockVariantPage(Node):
    nodes: list[StockVariantNode] = []


class StockItemNode(Node):
    """An inventory item with the variant (or, rarely, two) that it is the stock of."""

    id: str | None = None
    tracked: bool = True
    variants: StockVariantPage | None = None


class StockAnswer(Node):
    nodes: list[StockItemNode | None]


class MoneyNode(Node):
    amount: str
    currency_code: str


class ContextualPricingNode(Node):
    price: MoneyNode
    compare_at_price: MoneyNode | None = None


class MarketPriceNode(Node):
    id: str | None = None
    contextual_pricing: ContextualPricingNode | None = None


class MarketPricesAnswer(Node):
    nodes: list[MarketPriceNode | None]


class IdsPage(Node):
    nodes: list[IdNode] = []


class PublicationCatalogNode(Node):
    apps: IdsPage | None = None


class PublicationNode(Node):
    id: str
    catalog: PublicationCatalogNode | None = None


class PublicationPage(Node):
    nodes: list[PublicationNode] = []


class AppInstallationNode(Node):
    app: IdNode


class PublicationAnswer(Node):
    current_app_installation: AppInstallationNode
    publications: PublicationPage


class ProductRestNode(Node):
    variants: Page[VariantNode] | None = None
    media: Page[MediaNode] | None = None


class ProductRestAnswer(Node):
    product: ProductRestNode | None = None


class UserErrorNode(Node):
    message: str
    code: str | None = None
    field: list[str] | None = None


class BulkOperationNode(Node):
    id: str
    status: str
    error_code: str | None = None
    object_count: str | int = 0
    root_object_count: str | int | None = None
    file_size: str | int | None = None
    url: str | None = None


class BulkStartNode(Node):
    bulk_operation: BulkOperationNode | None = None
    user_errors: list[UserErrorNode] = []


class BulkStartAnswer(Node):
    bulk_operation_run_query: BulkStartNode


class BulkStateAnswer(Node):
    bulk_operation: BulkOperationNode | None = None


class BulkCancelAnswer(Node):
    bulk_operation_cancel: BulkStartNode


class DomainNode(Node):
    url: str


class AddressNode(Node):
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")


class ShopNode(Node):
    id: str
    name: str
    myshopify_domain: str
    currency_code: str
    iana_timezone: str
    taxes_included: bool
    primary_domain: DomainNode
    shop_address: AddressNode | None = None


class ShopAnswer(Node):
    shop: ShopNode


class ScopeNode(Node):
    handle: str


class InstallationNode(Node):
    access_scopes: list[ScopeNode]


class ScopesAnswer(Node):
    current_app_installation: InstallationNode


class ApiVersionNode(Node):
    handle: str


class SubscriptionNode(Node):
    id: str
    topic: str
    uri: str | None = None
    format: str | None = None
    filter: str | None = None
    include_fields: list[str] = []
    api_version: ApiVersionNode | None = None


class SubscriptionsAnswer(Node):
    webhook_subscriptions: Page[SubscriptionNode]


class SubscriptionMadeNode(Node):
    user_errors: list[UserErrorNode] = []


class SubscriptionMadeAnswer(Node):
    webhook_subscription_create: SubscriptionMadeNode


class SubscriptionGoneAnswer(Node):
    webhook_subscription_delete: SubscriptionMadeNode


# --- sample orders ----------------------------------------------------------------------------------------------------


class SampleOrderNode(Node):
    id: str
    name: str
    cancelled_at: str | None = None
    display_fulfillment_status: str = ""
    tags: list[str] = []


class SampleDraftNode(Node):
    id: str
    tags: list[str] = []
    order: SampleOrderNode | None = None
    total_price_set: MoneyBagNode | None = None


class SampleOrderNodes(Node):
    nodes: list[SampleOrderNode] = []


class SampleDraftNodes(Node):
    nodes: list[SampleDraftNode] = []


class SampleFoundAnswer(Node):
    orders: SampleOrderNodes
    draft_orders: SampleDraftNodes


class SampleMadeNode(Node):
    draft_order: SampleDraftNode | None = None
    user_errors: list[UserErrorNode] = []


class SampleDraftAnswer(Node):
    draft_order_create: SampleMadeNode


class SampleCompleteAnswer(Node):
    draft_order_complete: SampleMadeNode


class SampleDraftStateAnswer(Node):
    draft_order: SampleDraftNode | None = None


class SampleStateAnswer(Node):
    order: SampleOrderNode | None = None


class SampleCancelNode(Node):
    order_cancel_user_errors: list[UserErrorNode] = []


class SampleCancelAnswer(Node):
    order_cancel: SampleCancelNode


# --- OAuth ------------------------------------------------------------------------------------------------------------


class ScopesBody(msgspec.Struct):
    """app/scopes_update. Source: webhooks reference, 2026-10, read 2026-11."""

    current: list[str]


class TokenBody(msgspec.Struct):
    """Reply of the token endpoint. Source: offline-access-tokens page, read 2026-11 (sheet 1.1, 1.6)."""

    access_token: str
    scope: str = ""
    expires_in: int | None = None
    refresh_token: str | None = None
    refresh_token_expires_in: int | None = None


class TokenErrorBody(msgspec.Struct):
    error: str = ""
