"""Shopify, as the rest of the product sees it: the one name `PLATFORM`."""

from connector.platforms.contract import Platform
from connector.platforms.shopify.authorize import Authorize
from connector.platforms.shopify.catalog import Catalog
from connector.platforms.shopify.checkout import Checkout
from connector.platforms.shopify.embedded import Embedded
from connector.platforms.shopify.orders import Orders
from connector.platforms.shopify.readiness import READINESS
from connector.platforms.shopify.samples import SAMPLES, Samples
from connector.platforms.shopify.settings import ShopifySettings
from connector.platforms.shopify.webhooks import Parting, Webhooks

# Source: the scopes that each field and topic names in the reference of API 2026-10 (fact sheet, 1.8).
FEATURES: dict[str, tuple[str, ...]] = {
    "catalog": ("read_products",),
    "orders": ("read_orders",),
    "parcels": ("read_fulfillments",),
    "old_orders": ("read_all_orders",),
    "buyers": ("read_customers",),
    "stock": ("read_inventory",),
    "publications": ("read_publications",),
    "markets": ("read_markets",),
    "samples": SAMPLES,
}

PLATFORM = Platform(
    slug="shopify",
    title="Shopify",
    capabilities=frozenset(
        {
            "joins_by_code",
            "embedded",
            "bulk_catalog",
            "webhooks_by_api",
            "fat_orders",
            "cart_links",
            "storefront_carts",
            "global_ids",
            "stock",
            "market_prices",
            "landing_links",
            "sample_orders",
        }
    ),
    settings=ShopifySettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    embedded=Embedded(),
    parting=Parting(),
    samples=Samples(),
    readiness=READINESS,
    features=FEATURES,
    # `https://{shop}/admin/…` leads on to admin.shopify.com/store/<name>/…, whoever is signed in there.
    places={"product": "/admin/products/{ref}", "order": "/admin/orders/{ref}"},
    address_example="your-store.myshopify.com",
    needs="The address of your store, and a sign-in there as its owner or as staff who may install apps.",
    overlap_seconds=600,  # searches lag writes by seconds, changes of children bump the order late
)

__all__ = ["PLATFORM"]
