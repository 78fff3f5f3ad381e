"""Square, as the rest of the product sees it: the one name `PLATFORM`."""

from datetime import timedelta

from connector.platforms.contract import Platform
from connector.platforms.square.authorize import Authorize
from connector.platforms.square.catalog import Catalog
from connector.platforms.square.checkout import Checkout
from connector.platforms.square.orders import Orders
from connector.platforms.square.readiness import READINESS
from connector.platforms.square.samples import SAMPLES, Samples
from connector.platforms.square.settings import SquareSettings
from connector.platforms.square.webhooks import Webhooks

# Source: the scopes that each endpoint names in Square's specification (fact sheet, section 2).
FEATURES: dict[str, tuple[str, ...]] = {
    "catalog": ("ITEMS_READ",),
    "orders": ("ORDERS_READ", "PAYMENTS_READ"),
    "stock": ("INVENTORY_READ",),
    "carts": ("ORDERS_WRITE", "PAYMENTS_WRITE"),
    "samples": SAMPLES,
}

PLATFORM = Platform(
    slug="square",
    title="Square",
    capabilities=frozenset({"joins_by_code", "storefront_carts", "stock", "global_ids", "sample_orders"}),
    settings=SquareSettings,
    authorize=Authorize(),
    catalog=Catalog(),
    orders=Orders(),
    webhooks=Webhooks(),
    checkout=Checkout(),
    samples=Samples(),
    features=FEATURES,
    places={"order": "/dashboard/orders/overview/{ref}", "product": "/dashboard/items/library/{ref}"},
    needs="Your Square sign-in. Buyers pay by a Square payment link that is made for each tap.",
    # A counter that was offline brings its orders up to 72 hours late.
    overlap_seconds=int(timedelta(hours=73).total_seconds()),
    products_overlap_seconds=600,
    products_every=timedelta(minutes=5),
    quiet_changes=True,  # a refund moves nothing of the order itself
    header_prefixes=("x-square-", "square-"),
    readiness=READINESS,
)

__all__ = ["PLATFORM"]
