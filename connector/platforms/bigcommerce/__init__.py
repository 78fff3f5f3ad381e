"""BigCommerce, as the rest of the product sees it: the one name `PLATFORM`."""

from connector.platforms.bigcommerce.authorize import Authorize, Farewell
from connector.platforms.bigcommerce.catalog import Catalog
from connector.platforms.bigcommerce.checkout import Checkout
from connector.platforms.bigcommerce.orders import Orders
from connector.platforms.bigcommerce.readiness import READINESS
from connector.platforms.bigcommerce.samples import SAMPLES, Samples
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.bigcommerce.webhooks import Parting, Webhooks
from connector.platforms.contract import Platform

# Source: the scopes that each page of the reference names (fact sheet, section 2).
FEATURES: dict[str, tuple[str, ...]] = {
    "catalog": ("store_v2_products_read_only", "store_v2_information_read_only"),
    "orders": ("store_v2_orders_read_only",),
    "carts": ("store_cart",),
    "samples": SAMPLES,
}

PLATFORM = Platform(
    slug="bigcommerce",
    title="BigCommerce",
    capabilities=frozenset(
        {"joins_from_platform", "shop_secrets", "webhooks_by_api", "stock", "storefront_carts", "sample_orders"}
    ),
    settings=BigCommerceSettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    farewell=Farewell(),
    parting=Parting(),
    samples=Samples(),
    # The control panel, which shows the page that ends an install or a launch.
    frames=("https://*.mybigcommerce.com",),
    needs="Your BigCommerce control panel: install the app there, as the store's owner or with the right to use apps.",
    features=FEATURES,
    places={"product": "/manage/products/edit/{ref}", "order": "/manage/orders/{ref}"},
    overlap_seconds=600,
    header_prefixes=("webhook-",),
    readiness=READINESS,
)

__all__ = ["PLATFORM"]
