"""Products read again from the store and taken in whole: what a thin delivery, a cut body or a person asks for."""

from __future__ import annotations

from collections.abc import Sequence

from connector import clock, db, telemetry
from connector.commerce.catalog import take
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.platforms import roster
from connector.platforms.contract import Http

PART = 50  # products asked for at once
_log = telemetry.logger(__name__)


def read_part(shop_id: str, refs: Sequence[str], http: Http | None = None, *, force: bool = False) -> int:
    """Read up to PART products by ref and take them in; how many were taken in.

    One that the store no longer has gets its tombstone; one that can't be read whole is refused with the reason.
    `force`: what we hold of them is not believed, all of it is written again.
    HTTP: never inside `db.write()`. Errors: those of the platform; nothing of the part is taken in then.
    """
    with db.read(Scope.shop(shop_id)) as session:
        platform = roster.platform(shops.get(session, shop_id).platform)
    asked_at = clock.now()
    page = grants.calling(shop_id, lambda client: platform.catalog.products(client, list(refs)), http)
    answered = {product.product_ref for product in page.products} | {item.product_ref for item in page.refused}
    with db.write(Scope.shop(shop_id)) as session:
        shop = shops.get(session, shop_id)
        counts = take.apply_products(session, shop, page.products, "", clock.now(), force=force)
        take.refuse(session, shop, page.refused, clock.now())
        gone = take.mark_gone(session, shop_id, [ref for ref in refs if ref not in answered], asked_at)
    _log.info(
        "products.read", shop_id=shop_id, asked=len(refs), written=counts.written, refused=len(page.refused), gone=gone
    )
    return counts.written + counts.same
