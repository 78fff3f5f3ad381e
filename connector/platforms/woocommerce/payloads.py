"""The JSON we read from WooCommerce: only the fields we read. What isn't here is dropped before anything is stored.

`…Body`  what the REST API `wc/v3` answers and what a webhook posts: one shape, since a delivery is the API's answer of
         that moment. Source: the fact sheet, sections 3, 4 and 6, seen on WooCommerce 9.5.1; bodies in
         tests/platforms/woocommerce/payloads.
`…Form`  what stands in front of the API: the index of `/wp-json/`, errors, the keys that a store's server posts.

Amounts are decimal strings, "" where unset. `…_gmt` times carry no zone and are UTC. An empty map of PHP arrives as
`[]`, so a field that holds a map may be a list.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec


class MetaBody(msgspec.Struct):
    """An entry of meta_data: values may be anything, keys may repeat."""

    key: str = ""
    value: Any = None


class BillingBody(msgspec.Struct):
    email: str | None = None
    phone: str | None = None


class LineBody(msgspec.Struct):
    """line_items, and fee_lines (which have no quantity, no product and no `subtotal`)."""

    id: int
    total: str
    name: str | None = None
    product_id: int | None = None
    variation_id: int | None = None
    quantity: Decimal = Decimal(1)
    subtotal: str | None = None
    subtotal_tax: str | None = None
    total_tax: str | None = None
    sku: str | None = None
    meta_data: list[MetaBody] = []


class ShippingBody(msgspec.Struct):
    total: str = ""
    total_tax: str = ""


class CouponBody(msgspec.Struct):
    id: int
    code: str
    discount: str = ""
    discount_tax: str = ""


class RefundHeadBody(msgspec.Struct):
    """An entry of `refunds` in an order: no lines, no time."""

    id: int


class OrderBody(msgspec.Struct):
    id: int
    status: str
    currency: str
    date_created_gmt: str
    date_modified_gmt: str
    total: str
    line_items: list[LineBody]
    refunds: list[RefundHeadBody]
    number: str | int | None = None
    prices_include_tax: bool = False
    date_paid_gmt: str | None = None
    date_completed_gmt: str | None = None
    created_via: str | None = None
    customer_id: int = 0
    billing: BillingBody | list[Any] | None = None
    shipping_total: str | None = None
    shipping_tax: str | None = None
    fee_lines: list[LineBody] = []
    coupon_lines: list[CouponBody] = []
    meta_data: list[MetaBody] = []
    needs_processing: bool = True


# What `_fields` asks for, so that a read is as small as what we take of it.
ORDER_FIELDS = (
    "id,status,currency,date_created_gmt,date_modified_gmt,total,line_items,refunds,number,prices_include_tax,"
    "date_paid_gmt,date_completed_gmt,created_via,customer_id,billing,shipping_total,shipping_tax,fee_lines,"
    "coupon_lines,meta_data,needs_processing"
)


class SampleBody(msgspec.Struct):
    """Of an order, what tells whether it is a sample of ours and how it stands."""

    id: int
    status: str
    number: str | int | None = None
    meta_data: list[MetaBody] = []


SAMPLE_FIELDS = "id,status,number,meta_data"


class OrderHeadBody(msgspec.Struct):
    id: int
    date_created_gmt: str
    date_modified_gmt: str
    number: str | int | None = None


HEAD_FIELDS = "id,number,date_created_gmt,date_modified_gmt"


class RefundBody(msgspec.Struct):
    """Of /orders/{id}/refunds: `amount` is positive, its lines are negative."""

    id: int
    date_created_gmt: str
    amount: str
    line_items: list[LineBody] = []
    shipping_lines: list[ShippingBody] = []
    fee_lines: list[LineBody] = []


REFUND_FIELDS = "id,date_created_gmt,amount,line_items,shipping_lines,fee_lines"


class NamedBody(msgspec.Struct):
    name: str = ""


class ImageBody(msgspec.Struct):
    src: str | None = None


class AttributeBody(msgspec.Struct):
    """Of a product (`options`, `variation`) and of a variation (`option`)."""

    name: str = ""
    option: str | None = None
    variation: bool = False


class VariationBody(msgspec.Struct):
    id: int
    price: str | None = None
    regular_price: str | None = None
    status: str = "publish"
    sku: str | None = None
    global_unique_id: str | None = None
    purchasable: bool = True
    shipping_required: bool | None = None
    virtual: bool = False
    manage_stock: bool | str = False  # "parent": the parent holds the stock
    stock_quantity: Decimal | None = None
    stock_status: str = "instock"
    image: ImageBody | list[Any] | None = None
    attributes: list[AttributeBody] = []
    menu_order: int = 0


VARIATION_FIELDS = (
    "id,price,regular_price,status,sku,global_unique_id,purchasable,virtual,manage_stock,stock_quantity,stock_status,"
    "image,attributes,menu_order"
)


class ProductBody(msgspec.Struct):
    id: int
    name: str
    type: str
    status: str
    catalog_visibility: str = "visible"
    slug: str = ""
    permalink: str | None = None
    date_modified_gmt: str | None = None
    description: str | None = None
    short_description: str | None = None
    sku: str | None = None
    global_unique_id: str | None = None
    price: str | None = None
    regular_price: str | None = None
    purchasable: bool = True
    shipping_required: bool | None = None
    virtual: bool = False
    manage_stock: bool | str = False
    stock_quantity: Decimal | None = None
    stock_status: str = "instock"
    parent_id: int = 0
    post_password: str | None = None
    categories: list[NamedBody] = []
    tags: list[NamedBody] = []
    brands: list[NamedBody] = []
    images: list[ImageBody] = []
    attributes: list[AttributeBody] = []
    variations: list[Any] = []


PRODUCT_FIELDS = (
    "id,name,type,status,catalog_visibility,slug,permalink,date_modified_gmt,description,short_description,sku,"
    "global_unique_id,price,regular_price,purchasable,shipping_required,virtual,manage_stock,stock_quantity,"
    "stock_status,parent_id,post_password,categories,tags,brands,images,attributes,variations"
)


class ChangeBody(msgspec.Struct):
    id: int
    date_modified_gmt: str | None = None


class BuyableBody(msgspec.Struct):
    """Of /products/{id}, which gives variations too: what a checkout link has to know."""

    id: int
    type: str = ""
    parent_id: int = 0
    purchasable: bool = True
    attributes: list[AttributeBody] = []


class HookBody(msgspec.Struct):
    id: int
    name: str = ""
    status: str = ""
    topic: str = ""
    delivery_url: str = ""


class SettingBody(msgspec.Struct):
    id: str
    value: Any = None


class EnvironmentBody(msgspec.Struct):
    version: str | None = None


class StatusBody(msgspec.Struct):
    environment: EnvironmentBody | list[Any] | None = None


class SubjectBody(msgspec.Struct):
    """What tells one body from another before it is read whole. Any of it may be anything."""

    id: Any = None
    refunds: Any = None
    type: Any = None
    parent_id: Any = None
    code: Any = None
    name: Any = None
    status: Any = None


class ErrorForm(msgspec.Struct):
    """Messages are in the store's language, so that only the code counts."""

    code: str


class IndexForm(msgspec.Struct):
    """`/wp-json/`: open to everybody."""

    namespaces: list[str]
    name: str = ""
    home: str = ""
    timezone_string: str | None = None
    gmt_offset: Any = None


INDEX_FIELDS = "name,url,home,namespaces,timezone_string,gmt_offset"


class KeysForm(msgspec.Struct):
    """What the store's server posts once the merchant has approved. Signed by nobody."""

    user_id: str | int
    consumer_key: str
    consumer_secret: str
