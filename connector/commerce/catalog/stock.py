"""Stock by topic: what a message about an item becomes. The item is asked for again: a message tells of one place only.

Messages come in bursts (every sale is one), so that they are collected a while and asked for together; only stock and
availability are written, and the listing follows. A product that is read whole brings its stock itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.commerce.catalog import rows
from connector.commerce.catalog.ids import variant_id
from connector.commerce.catalog.settle import settle
from connector.commerce.catalog.tables import VariantRow
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.platforms import roster
from connector.platforms.contract import Http, StockLevel

PART = 100  # items asked for at once
DEBOUNCE = 30.0  # seconds that messages are collected
_log = telemetry.logger(__name__)


def read_part(shop_id: str, item_refs: Sequence[str], http: Http | None = None) -> int:
    """Ask for up to PART items and write what changed; how many variants changed.

    HTTP: never inside `db.write()`. Errors: those of the platform; nothing of the part is written then.
    """
    with db.read(Scope.shop(shop_id)) as session:
        platform = roster.platform(shops.get(session, shop_id).platform)
    if not platform.can("stock"):
        return 0
    levels = grants.calling(shop_id, lambda client: platform.catalog.stock(client, list(item_refs)), http)
    with db.write(Scope.shop(shop_id)) as session:
        changed = apply(session, shops.get(session, shop_id), levels, clock.now())
    _log.info("stock.read", shop_id=shop_id, asked=len(item_refs), changed=changed)
    return changed


def apply(session: Session, shop: Shop, levels: Sequence[StockLevel], now: datetime) -> int:
    """Write stock and availability of the variants that we hold; how many changed.

    The row's content hash goes: it was of the product as it came whole, and a later one with just that stock again must
    not be taken for what is held.
    """
    session.flush()
    wanted = {variant_id(shop.id, level.variant_ref): level for level in levels}
    held = session.execute(
        sa.select(VariantRow.id, VariantRow.product_ref, VariantRow.stock, VariantRow.available)
        .where(rows.among(session, VariantRow.id, list(wanted)), VariantRow.gone_at.is_(None))
        .with_for_update()
    ).all()
    products: set[str] = set()
    for key, product_ref, stock, available in held:
        level = wanted[key]
        if (stock, available) == (level.stock, level.available):
            continue
        products.add(product_ref)
        session.execute(
            sa.update(VariantRow)
            .where(VariantRow.id == key)
            .values(stock=level.stock, available=level.available, content_hash="", updated_at=now)
            .execution_options(synchronize_session=False)
        )
    rows.touch(session, shop.id, sorted(products), now)
    settle(session, shop, list(products), now)
    session.expire_all()
    return len(products)
