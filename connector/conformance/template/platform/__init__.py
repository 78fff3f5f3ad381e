"""Example, as the rest of the product sees it: the one name `PLATFORM`."""

from datetime import timedelta

from connector.conformance.template.platform.authorize import Authorize, Pasted
from connector.conformance.template.platform.catalog import Catalog
from connector.conformance.template.platform.checkout import Checkout
from connector.conformance.template.platform.orders import Orders
from connector.conformance.template.platform.readiness import READINESS
from connector.conformance.template.platform.samples import Samples
from connector.conformance.template.platform.settings import ExampleSettings
from connector.conformance.template.platform.webhooks import Webhooks
from connector.platforms.contract import Platform

PLATFORM = Platform(
    slug="example",
    title="Example",
    # What is not named here is never asked for: code above looks at capabilities, never at names.
    capabilities=frozenset(
        {"joins_by_credentials", "shop_secrets", "webhooks_by_api", "landing_links", "sample_orders"}
    ),
    settings=ExampleSettings,
    authorize=Authorize(),
    pasted=Pasted(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    samples=Samples(),
    needs="Your store's address and an API key that may read products and orders, and place them.",
    products_every=timedelta(minutes=15),
    orders_every=timedelta(minutes=15),
    readiness=READINESS,
)

__all__ = ["PLATFORM"]
