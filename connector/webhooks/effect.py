"""What a delivery does: each event goes to the room that it concerns. Runs inside the delivery's savepoint.

OrderSeen                 intake.take_in; an equal-time conflict is wished to be read
OrderStub                 its refunds and edit facts are taken in, the order is wished to be read
OrderGone                 marked at the order, nothing is posted
ProductSeen/Stub/Gone     the catalog, or a job that reads the product
StockSeen, BulkFinished   a signal only: what it is about is read by a job
ShopSeen, ShopLeft        the shop's profile and status
ScopesSeen                what is granted; subscriptions follow by a job
PrivacyAsked              a job that searches, and exports or erases, starts in this transaction
Ignored, Unrecognised     said so on the row
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connector import jobs
from connector.commerce.catalog import stock
from connector.commerce.catalog import take as catalog
from connector.commerce.orders import record as orders
from connector.commerce.shops import connect, scopes
from connector.commerce.shops.tables import Shop
from connector.earnings.intake import take_in as intake
from connector.events import (
    BulkFinished,
    Event,
    Ignored,
    OrderGone,
    OrderSeen,
    OrderStub,
    PrivacyAsked,
    ProductGone,
    ProductSeen,
    ProductStub,
    ScopesSeen,
    ShopLeft,
    ShopSeen,
    StockSeen,
    Unrecognised,
)  # fmt: skip
from connector.platforms import roster
from connector.webhooks import wanted
from connector.webhooks.inbox import Status
from connector.webhooks.translate import Read

# Taken even from a shop that left (D1): they say that it left, what it is, or what the law asks.
_LIFECYCLE = (ShopLeft, ShopSeen, ScopesSeen, PrivacyAsked, Ignored, Unrecognised)


@dataclass(slots=True)
class Outcome:
    """What the row says afterwards, and what the batch still has to start."""

    status: Status = "done"
    reason: str = ""
    detail: str = ""
    effects: dict[str, Any] = field(default_factory=dict)  # ids, counts, outcomes
    order_ref: str | None = None
    product_ref: str | None = None
    reads_order: bool = False
    products: list[str] = field(default_factory=list)  # to be read by a job
    privacy: bool = False  # a request of the law: its job begins with the batch's commit


@dataclass(frozen=True, slots=True)
class _At:
    """Where and when an event is applied."""

    session: Session
    shop: Shop
    delivery: Read
    now: datetime

    @property
    def source(self) -> str:
        return f"delivery:{self.delivery.id}"

    @property
    def triggered_at(self) -> datetime:
        return self.delivery.triggered_at


def apply(session: Session, shop: Shop, delivery: Read, now: datetime) -> Outcome:
    """Apply all events of one delivery. Errors: those of the rooms; the caller's savepoint undoes what was done."""
    outcome = Outcome()
    if _after_leaving(shop, delivery):
        return Outcome(
            "parked", "store_disconnected", "The shop had left; it goes on when the shop is connected again."
        )
    at = _At(session, shop, delivery, now)
    for event in delivery.events:
        _DO[type(event)](at, event, outcome)
    return outcome


def _after_leaving(shop: Shop, delivery: Read) -> bool:
    """What happened while the shop was connected counts, however late it arrives."""
    if shop.status != "left" or all(isinstance(event, _LIFECYCLE) for event in delivery.events):
        return False
    return shop.left_at is None or delivery.triggered_at > shop.left_at


def _order_seen(at: _At, event: Any, outcome: Outcome) -> None:
    taken = intake.take_in(at.session, at.shop, event, triggered_at=at.triggered_at, source=at.source, as_of=at.now)
    outcome.order_ref = event.snapshot.order_ref
    outcome.reason = taken.reason
    outcome.effects |= {"order_id": taken.order_id, "outcome": taken.outcome, "entries": taken.entries}
    if taken.outcome == "conflict":
        _wish(at, event.snapshot.order_ref, "conflict", outcome)


def _order_stub(at: _At, event: Any, outcome: Outcome) -> None:
    taken = intake.take_in_stub(at.session, at.shop, event, source=at.source, as_of=at.now)
    outcome.order_ref = event.order_ref
    if taken is None:
        outcome.reason = "parked_orphan"
    else:
        outcome.reason = taken.reason
        outcome.effects |= {"order_id": taken.order_id, "outcome": taken.outcome, "entries": taken.entries}
    if event.left_out:
        outcome.reason = event.left_out
        outcome.detail = f"Nothing is converted: order {event.order_ref} is asked of the store, with its refunds."
    _wish(at, event.order_ref, "stub", outcome)


def _order_gone(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.order_ref = event.order_ref
    outcome.effects["known"] = orders.mark_gone(at.session, at.shop.id, event.order_ref, at.triggered_at)


def _wish(at: _At, order_ref: str, why: str, outcome: Outcome) -> None:
    wanted.want(at.session, at.shop.id, order_ref, why)
    outcome.reads_order = True


def _product_seen(at: _At, event: Any, outcome: Outcome) -> None:
    product = event.product
    outcome.product_ref = product.product_ref
    if not product.variants_complete:
        outcome.reason, outcome.products = "cut_by_the_store", [product.product_ref]
        return
    counts = catalog.apply_products(at.session, at.shop, [product], "", at.now)
    outcome.effects |= {"written": counts.written, "same": counts.same, "stale": counts.stale}
    outcome.reason = "stale_version" if counts.stale else ""


def _product_stub(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.product_ref, outcome.products = event.product_ref, [event.product_ref]


def _product_gone(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.product_ref = event.product_ref
    outcome.effects["gone"] = catalog.mark_gone(at.session, at.shop.id, [event.product_ref], at.triggered_at)


def _stock_seen(at: _At, event: Any, outcome: Outcome) -> None:
    # Every sale is such a message: they are collected, and the items asked for together.
    wait = timedelta(seconds=stock.DEBOUNCE)
    wanted.want(at.session, at.shop.id, event.item_ref, "stock", kind="stock", wait=wait)
    outcome.effects["stock_item"] = event.item_ref


def _shop_seen(at: _At, event: Any, outcome: Outcome) -> None:
    before = at.shop.currency
    if not connect.refresh_profile(at.session, at.shop, event.profile, at.triggered_at):
        outcome.status, outcome.reason = "ignored", "stale_version"
        return
    outcome.effects["status"] = at.shop.status_reason or at.shop.status
    if at.shop.currency != before and at.shop.status == "connected":
        # Every price is another one. A run that is under way began with the old ones: the next one finds that out.
        key = f"{at.shop.id}:currency:{at.delivery.id}"
        jobs.enqueue(at.session, "sync.start", key, shop_id=at.shop.id, trigger="webhook")


def _scopes_seen(at: _At, event: Any, outcome: Outcome) -> None:
    """New scopes may bring new topics, and a catalog that could not be read before; both are seen to by a job."""
    asked = scopes.asked(roster.settings_of(at.shop.platform))
    needed = roster.platform(at.shop.platform).features.get("catalog", ())
    could_read = not scopes.missing(needed, scopes.granted(at.session, at.shop.id))
    said = scopes.take(at.session, at.shop, event.granted, at.triggered_at, asked)
    outcome.effects["granted"] = len(event.granted)
    if said == "stale":
        outcome.status, outcome.reason = "ignored", "stale_version"
    elif said == "changed" and at.shop.status == "connected":
        key = f"{at.shop.id}:scopes:{at.delivery.id}"
        jobs.enqueue(at.session, "webhooks.subscribe", key, shop_id=at.shop.id)
        if not could_read and not scopes.missing(needed, event.granted):
            jobs.enqueue(at.session, "sync.start", key, shop_id=at.shop.id, trigger="joined")


def _shop_left(at: _At, event: Any, outcome: Outcome) -> None:
    if not connect.leave(at.session, at.shop, at.triggered_at):
        outcome.status, outcome.reason = "ignored", "before_last_install"
        return
    outcome.effects["listings"] = catalog.shop_changed(at.session, at.shop, at.now)


def _bulk_finished(at: _At, event: Any, outcome: Outcome) -> None:
    # The run polls its export within seconds; the signal is kept to be seen.
    outcome.effects["operation_ref"] = event.operation_ref


def _privacy_asked(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.reason, outcome.privacy = "privacy_request", True
    outcome.effects |= {"asks": event.kind, "orders": len(event.order_refs)}


def _ignored(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.status, outcome.reason = "ignored", "topic_ignored"


def _unrecognised(at: _At, event: Any, outcome: Outcome) -> None:
    outcome.status, outcome.reason = "parked", "unrecognised"
    outcome.detail = f"We know no topic {event.topic[:100]!r}."


_DO: dict[type[Event], Callable[[_At, Any, Outcome], None]] = {
    OrderSeen: _order_seen,
    OrderStub: _order_stub,
    OrderGone: _order_gone,
    ProductSeen: _product_seen,
    ProductStub: _product_stub,
    ProductGone: _product_gone,
    StockSeen: _stock_seen,
    ShopSeen: _shop_seen,
    ScopesSeen: _scopes_seen,
    ShopLeft: _shop_left,
    BulkFinished: _bulk_finished,
    PrivacyAsked: _privacy_asked,
    Ignored: _ignored,
    Unrecognised: _unrecognised,
}
