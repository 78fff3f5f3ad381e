"""Taking histories in through the real money path, with decisions that are fixed by the line's product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.intake.take_in import TakenIn, take_in, take_in_stub
from connector.earnings.ledger import queries
from connector.events import OrderSeen
from tests.money.builders import PLACED, Credit
from tests.money.histories import credit
from tests.money.store import Delivery

LATER = PLACED + timedelta(days=400)


def decide(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, as_of: datetime, **more: bool
) -> dict[str, Credit]:
    """In place of attribution: final from the first moment, and the same whenever it is asked."""
    return {line.line_ref: credit(line.product_ref) for line in facts.snapshot.lines}


def shop(session: Session, **more: Any) -> Shop:
    fields = {
        "id": new_id("shp"), "platform": "shopify", "domain": f"{new_id('x')}.myshopify.com", "name": "Shop",
        "shop_ref": "1", "currency": "USD", "time_zone": "UTC", "country": "", "storefront_url": "",
        "taxes_included": False, "status": "connected", "status_reason": "", "installed_at": PLACED, "left_at": None,
        "created_at": PLACED,
    }  # fmt: skip
    made = Shop(**(fields | more))
    session.add(made)
    session.flush()
    return made


def deliver(
    session: Session, to: Shop, deliveries: Iterable[Delivery], as_of: datetime = LATER
) -> list[TakenIn | None]:
    return [deliver_one(session, to, delivery, number, as_of) for number, delivery in enumerate(deliveries)]


def deliver_one(session: Session, to: Shop, delivery: Delivery, number: int, as_of: datetime = LATER) -> TakenIn | None:
    source = f"delivery:{to.id}:{number}"
    if isinstance(delivery.event, OrderSeen):
        return take_in(session, to, delivery.event, triggered_at=delivery.triggered_at, source=source, as_of=as_of)
    return take_in_stub(session, to, delivery.event, source=source, as_of=as_of)


def stands(session: Session, of: Shop) -> dict[tuple[str, str, str | None], dict[str, int]]:
    """What is booked of the shop's one order, zeros left out: {(line, creator, content): {account: owed}}."""
    order = session.query(Order).filter(Order.shop_id == of.id).one()
    found = {}
    for (line_ref, creator_id, content_id), accounts in queries.posted(session, order.id).items():
        owed = {account: -amount for account, amount in accounts.items() if amount}
        if owed:
            found[(line_ref, creator_id or "", content_id)] = owed
    return found


def totals(session: Session, of: Shop) -> dict[tuple[str, str], int]:
    """{(creator, currency): owed}, zeros left out."""
    return {
        (balance.creator_id, balance.currency): balance.owed
        for balance in queries.balances(session, shop_id=of.id)
        if balance.owed
    }
