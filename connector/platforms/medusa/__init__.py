"""Medusa 2, as the rest of the product sees it: the one name `PLATFORM`."""

from datetime import timedelta

from connector.platforms.contract import Platform
from connector.platforms.medusa.authorize import Authorize, Pasted
from connector.platforms.medusa.catalog import Catalog
from connector.platforms.medusa.checkout import Checkout
from connector.platforms.medusa.orders import Orders
from connector.platforms.medusa.readiness import READINESS
from connector.platforms.medusa.samples import Samples
from connector.platforms.medusa.settings import MedusaSettings
from connector.platforms.medusa.webhooks import Webhooks

_WEBHOOKS = Webhooks()

PLATFORM = Platform(
    slug="medusa",
    title="Medusa",
    capabilities=frozenset(
        {"joins_by_credentials", "shop_secrets", "plugin", "webhooks_by_api", "stock", "landing_links", "sample_orders"}
    ),
    settings=MedusaSettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=_WEBHOOKS,
    checkout=Checkout(),
    pasted=Pasted(),
    parting=_WEBHOOKS,
    samples=Samples(),
    plugin_home="connector.platforms.medusa",
    plugin_steps=(
        "Copy the folder connector-medusa that we give you beside your Medusa server's medusa-config, and run npm "
        "install ./connector-medusa there.",
        'Add { resolve: "connector-medusa" } to plugins in medusa-config, and start the server again.',
        "Nothing has to be pasted: we tell the plug-in our address and its secret through your key, within the hour. "
        "If you would rather do it yourself, set CONNECTOR_ADDRESS and CONNECTOR_SECRET in the server's environment.",
    ),
    needs="A secret API key of your Medusa 2 server, its address, and your storefront's address.",
    orders_every=timedelta(minutes=10),
    products_every=timedelta(minutes=15),
    overlap_seconds=300,
    header_prefixes=("x-medusa-",),
    readiness=READINESS,
    places={"product": "/app/products/{ref}", "order": "/app/orders/{ref}"},
)

__all__ = ["PLATFORM"]
