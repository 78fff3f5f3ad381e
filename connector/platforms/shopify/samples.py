"""Sample orders: a draft order with everything taken off, completed into an order.

A draft becomes an order only once, and that is why it is a draft and no `orderCreate` (decision 0071): of a call that
was cut nothing stays but a draft, or an order that the draft itself names. Our reference is a tag beside the mark,
`sample_order` (COMMISSION.md); the search by tag lags writes by seconds, so a draft that it doesn't know yet is at
worst made twice. Two orders it becomes only where the search forgets a completed draft for as long as we wait.

Shopify completes drafts of what it has none of: the product is read just before.
Source: mutations draftOrderCreate, draftOrderComplete, orderCancel of API 2026-10, as the schema has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connector.errors import PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms import rest, sampling
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.shopify import documents
from connector.platforms.shopify.catalog import Catalog
from connector.platforms.shopify.client import ask
from connector.platforms.shopify.ids import gid, ref
from connector.platforms.shopify.payloads import (
    SampleCancelAnswer,
    SampleCompleteAnswer,
    SampleDraftAnswer,
    SampleDraftStateAnswer,
    SampleFoundAnswer,
    SampleOrderNode,
    SampleStateAnswer,
    UserErrorNode,
)
from connector.platforms.shopify.snapshot import SAMPLE_TAG

SAMPLES = ("write_draft_orders", "write_orders")
NOT_PACKED = frozenset({"UNFULFILLED", "OPEN", "ON_HOLD", "SCHEDULED", ""})
LOOKS = 5  # at an order that is being cancelled: a job of Shopify's does it, within a second or two
_COST = 30.0
_FIELDS = {
    "countryCode": "country", "country": "country", "provinceCode": "region", "province": "region",
    "zip": "postal_code", "city": "city", "address1": "address1", "address2": "address2", "phone": "phone",
    "email": "email", "firstName": "name", "lastName": "name",
}  # fmt: skip


class Samples:
    """The contract's `Samples` for Shopify."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        return sampling.granted(SAMPLES, scopes)

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        order, _ = _search(client, reference)
        return order

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        order, draft = _search(client, asked.reference)
        if order is not None:
            return order
        if not draft:
            sampling.in_stock(Catalog(), client, asked)
            draft = _draft(client, asked)
        return _complete(client, draft)

    def cancel(self, client: Client, order_ref: str) -> bool:
        order_id = gid("Order", order_ref)
        order = _state(client, order_id)
        if order is None or order.cancelled_at is not None:
            return True
        if order.display_fulfillment_status not in NOT_PACKED:
            return False
        asked = {"id": order_id, "note": sampling.TITLE}
        done = ask(client, documents.SAMPLE_CANCEL, asked, SampleCancelAnswer, cost=_COST).order_cancel
        for look in range(LOOKS):
            order = _state(client, order_id)
            if order is None or order.cancelled_at is not None:
                return True
            if done.order_cancel_user_errors or order.display_fulfillment_status not in NOT_PACKED:
                return False  # it went into a parcel meanwhile
            rest.pause(0.3 * (look + 1))
        raise PlatformBusy(f"{client.domain}: Shopify is still cancelling order {order_ref}", retry_after=10.0)


def _search(client: Client, reference: str) -> tuple[PlacedSample | None, str]:
    """The order with our reference, and else the id of a draft that waits for its completion ("": there is none)."""
    query = {"query": f"tag:'{sampling.checked(reference)}'"}
    found = ask(client, documents.SAMPLE_FIND, query, SampleFoundAnswer, cost=_COST)
    order = next((each for each in found.orders.nodes if reference in each.tags), None)
    drafts = [each for each in found.draft_orders.nodes if reference in each.tags]
    # A draft that was completed names its order before the search by tag does.
    order = order or next((each.order for each in drafts if each.order is not None), None)
    if order is not None:
        return _placed(order), ""
    return None, drafts[0].id if drafts else ""


def _placed(order: SampleOrderNode) -> PlacedSample:
    return PlacedSample(ref(order.id), order.name, cancelled=order.cancelled_at is not None)


def _draft(client: Client, asked: SampleOrder) -> str:
    to = asked.recipient
    first, last = sampling.names(to)
    address = {
        "firstName": first, "lastName": last, "address1": to.address1, "address2": to.address2, "city": to.city,
        "provinceCode": to.region, "zip": to.postal_code, "countryCode": to.country, "phone": to.phone,
    }  # fmt: skip
    given: dict[str, Any] = {
        "lineItems": [{"variantId": gid("ProductVariant", asked.variant_ref), "quantity": 1}],
        "appliedDiscount": {"title": sampling.TITLE, "value": 100.0, "valueType": "PERCENTAGE"},
        "shippingLine": {
            "title": sampling.TITLE, "priceWithCurrency": {"amount": "0", "currencyCode": client.currency},
        },
        "taxExempt": True, "acceptAutomaticDiscounts": False, "useCustomerDefaultAddress": False,
        "visibleToCustomer": False, "tags": [SAMPLE_TAG, asked.reference], "note": asked.note,
        "customAttributes": [{"key": sampling.METADATA, "value": asked.reference}],
        "shippingAddress": {name: value for name, value in address.items() if value},
        **({"email": to.email} if to.email else {}),
    }  # fmt: skip
    try:
        made = ask(client, documents.SAMPLE_DRAFT, {"input": given}, SampleDraftAnswer, cost=_COST).draft_order_create
    except PlatformRefused as refused:
        if "countryCode" in str(refused):  # not one of Shopify's list of countries: the document itself is refused
            raise sampling.unfit("country") from None
        raise
    _refuse(client, made.user_errors)
    if made.draft_order is None:
        raise PlatformRefused(f"{client.domain}: a draft order was made, and not told")
    total = made.draft_order.total_price_set
    if total is not None and Decimal(total.shop_money.amount) != 0:
        raise PlatformRefused(f"{client.domain}: something is left to pay on a sample: its draft is not completed")
    return made.draft_order.id


def _complete(client: Client, draft: str) -> PlacedSample:
    """Complete it. Of an answer that was lost, and of a draft that is completed already, the draft itself tells: it is
    read by its id, which lags nothing."""
    errors: Sequence[UserErrorNode] = ()
    cut: PlatformDown | None = None
    try:
        made = ask(client, documents.SAMPLE_COMPLETE, {"id": draft}, SampleCompleteAnswer, cost=_COST)
        errors, found = made.draft_order_complete.user_errors, made.draft_order_complete.draft_order
    except PlatformDown as error:
        cut, found = error, None
    if found is None or found.order is None:
        found = ask(client, documents.SAMPLE_DRAFT_STATE, {"id": draft}, SampleDraftStateAnswer, cost=5.0).draft_order
    if found is not None and found.order is not None:
        return _placed(found.order)
    _refuse(client, errors)
    raise cut or PlatformDown(f"{client.domain}: the draft has not become an order yet")


def _refuse(client: Client, errors: Sequence[UserErrorNode]) -> None:
    """Errors: InputRefused for a part of the address or the item; PlatformRefused, which quotes no message: they repeat
    what was sent."""
    for error in errors:
        path = error.field or []
        if "lineItems" in path or "variantId" in path:
            raise sampling.not_there()
        known = next((_FIELDS[step] for step in reversed(path) if step in _FIELDS), None)
        if known is not None:
            raise sampling.unfit(known)
    if errors:
        where = ", ".join(".".join(error.field or ["the call"])[:80] for error in errors)
        raise PlatformRefused(f"{client.domain}: Shopify refused a sample order at {where}")


def _state(client: Client, order_id: str) -> SampleOrderNode | None:
    return ask(client, documents.SAMPLE_STATE, {"id": order_id}, SampleStateAnswer, cost=5.0).order
