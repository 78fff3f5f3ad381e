"""Vendure, as the rest of the product sees it: the one name `PLATFORM`."""

from datetime import timedelta

from connector.platforms.contract import Platform
from connector.platforms.vendure.authorize import Authorize, Pasted
from connector.platforms.vendure.catalog import Catalog
from connector.platforms.vendure.checkout import Checkout
from connector.platforms.vendure.orders import Orders
from connector.platforms.vendure.readiness import READINESS
from connector.platforms.vendure.samples import Samples
from connector.platforms.vendure.settings import SAMPLES, VendureSettings
from connector.platforms.vendure.webhooks import Parting, Webhooks

PLATFORM = Platform(
    slug="vendure",
    title="Vendure",
    capabilities=frozenset(
        {"joins_by_credentials", "shop_secrets", "plugin", "webhooks_by_api", "landing_links", "stock", "sample_orders"}
    ),
    settings=VendureSettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    pasted=Pasted(),
    parting=Parting(),
    samples=Samples(),
    plugin_home="connector.platforms.vendure",
    plugin_steps=(
        "Copy the folder connector-vendure-plugin into your server's project and add ConnectorPlugin.init() to the "
        "plugins of your configuration. Its README says how.",
        "Deploy, with a migration of the database: the plug-in adds a field to orders, to order lines and to channels.",
        "If the key's role has UpdateChannel, the plug-in is told by itself where to post. If not, paste address and "
        "secret in Settings, Channels.",
        "In your storefront, keep the parameter connector_touch of a visit and put it into the cart's custom fields.",
    ),
    needs="An API key of your Vendure 3.6 or newer with ReadCatalog and ReadOrder, and your storefront's address.",
    orders_every=timedelta(minutes=10),
    products_every=timedelta(minutes=15),
    quiet_changes=True,
    overlap_seconds=120,  # lists are of the database itself; only clocks of several servers may differ
    readiness=READINESS,
    features={"catalog": ("ReadCatalog",), "orders": ("ReadOrder",), "samples": SAMPLES},
)

__all__ = ["PLATFORM"]
