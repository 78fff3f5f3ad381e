"""Shopify, as the rest of the product sees it: the one name `PLATFORM`."""

from connector.platforms.contract import Platform
from connector.platforms.shopify.authorize import Authorize
from connector.platforms.shopify.catalog import Catalog
from connector.platforms.shopify.checkout import Checkout
from connector.platforms.shopify.orders import Orders
from connector.platforms.shopify.settings import ShopifySettings
from connector.platforms.shopify.webhooks import Webhooks

PLATFORM = Platform(
    slug="shopify",
    title="Shopify",
    capabilities=frozenset(
        {"joins_by_code", "bulk_catalog", "webhooks_by_api", "fat_orders", "cart_links", "stock", "market_prices"}
    ),
    settings=ShopifySettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    overlap_seconds=600,  # searches lag writes by seconds, changes of children bump the order late
)

__all__ = ["PLATFORM"]
