"""WooCommerce, as the rest of the product sees it: the one name `PLATFORM`."""

from datetime import timedelta

from connector.platforms.contract import Platform
from connector.platforms.woocommerce.authorize import Authorize, Handover, Pasted
from connector.platforms.woocommerce.catalog import Catalog
from connector.platforms.woocommerce.checkout import Checkout
from connector.platforms.woocommerce.orders import Orders
from connector.platforms.woocommerce.readiness import READINESS
from connector.platforms.woocommerce.samples import Samples
from connector.platforms.woocommerce.settings import WooCommerceSettings
from connector.platforms.woocommerce.webhooks import Parting, Webhooks

FEATURES: dict[str, tuple[str, ...]] = {
    "catalog": ("read",),
    "orders": ("read",),
    "buyers": ("read",),
    "samples": ("write",),
}

PLATFORM = Platform(
    slug="woocommerce",
    title="WooCommerce",
    capabilities=frozenset(
        {
            "joins_by_handover",
            "joins_by_credentials",
            "shop_secrets",
            "webhooks_by_api",
            "fat_orders",
            "storefront_carts",
            "landing_links",
            "sample_orders",
        }
    ),
    settings=WooCommerceSettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    handover=Handover(),
    pasted=Pasted(),
    parting=Parting(),
    samples=Samples(),
    address_example="your-store.com or your-store.com/shop",
    needs="Your store's address by https, and an administrator or shop manager of it who approves us.",
    orders_every=timedelta(minutes=10),  # a delivery that failed is never sent again
    products_every=timedelta(minutes=15),
    quiet_changes=True,  # a deleted refund moves no time and posts nothing
    header_prefixes=("x-wc-webhook-",),
    readiness=READINESS,
    features=FEATURES,
    places={
        "product": "/wp-admin/post.php?post={ref}&action=edit",
        "order": "/wp-admin/admin.php?page=wc-orders&action=edit&id={ref}",
    },
    overlap_seconds=600,
)

__all__ = ["PLATFORM"]
