"""Sample orders: a draft order that a coupon of ours makes free, paid by a manual payment of nothing.

An administrator can't set a line's price in Vendure, and a surcharge is only possible on an order that was paid. What
its API does let one do (tried on 3.7.3): a promotion that takes everything and the shipping off, with our reference for
its coupon code, for one use, gone again as soon as the order stands. So the order itself says what it is, and the
payment's transaction id finds it: by the database, without a lag.

Half of an order may stay behind when a call is cut: a draft, which nobody packs. An order is placed by the last call
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from connector import clock
from connector.errors import InputRefused, PlatformDown, PlatformError, PlatformRefused
from connector.platforms import sampling
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.reading import decode
from connector.platforms.vendure import documents
from connector.platforms.vendure.client import Problem, ask, refusal, send
from connector.platforms.vendure.payloads import (
    MethodNode,
    SampleCancelAnswer,
    SampleDraftAnswer,
    SampleFillAnswer,
    SampleFoundAnswer,
    SampleFreeAnswer,
    SampleOrderNode,
    SamplePayAnswer,
    SampleShippingAnswer,
    SampleStateAnswer,
)
from connector.platforms.vendure.settings import SAMPLES

CANCELLED = "Cancelled"
METHOD = "creator-sample"  # how the payment of nothing is called
COUPON_HOURS = 24  # after which our coupon is worth nothing, whatever became of it
NOWHERE = "connector.invalid"  # a domain that has no mail, by RFC 2606


class Samples:
    """The contract's `Samples` for Vendure."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        return sampling.granted(SAMPLES, scopes)

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        asked = {"reference": sampling.checked(reference)}
        found = ask(client, documents.SAMPLE_FIND, asked, SampleFoundAnswer).orders.items
        return _placed(found[0]) if found else None

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        code = sampling.checked(asked.reference)
        order = ask(client, documents.SAMPLE_DRAFT, {}, SampleDraftAnswer).draft.id
        promotion = ""
        try:
            _fill(client, order, asked)
            promotion = _make_free(client, order, _cheapest(client, order), code)
            return _pay(client, order, asked)
        except PlatformDown:
            raise  # the answer may be all that was lost: an order that stands must not be dropped
        except (InputRefused, PlatformError):
            _drop(client, order)
            raise
        finally:
            if promotion:
                _quietly(lambda: send(client, documents.SAMPLE_END, {"promotion": promotion}))

    def cancel(self, client: Client, order_ref: str) -> bool:
        """A fulfilment that stands says that it is packed or on its way: Vendure would cancel even then."""
        order = ask(client, documents.SAMPLE_STATE, {"order": order_ref}, SampleStateAnswer).order
        if order is None or order.state == CANCELLED:
            return True
        if any(each.state != CANCELLED for each in order.fulfillments or ()):
            return False
        done = ask(client, documents.SAMPLE_CANCEL, {"input": _cancelling(order_ref)}, SampleCancelAnswer).cancelled
        return done.state == CANCELLED or done.error_code == "EMPTY_ORDER_LINE_SELECTION_ERROR"


def reach(client: Client) -> tuple[str, ...]:
    """Which of the permissions that a sample takes the key's role has. The first that is missing ends the asking."""
    found: list[str] = []
    for name, question in documents.SAMPLE_REACH.items():
        reply, _ = send(client, question, {})
        if any(problem.code == "FORBIDDEN" for problem in reply.errors or ()):
            break
        found.append(name)
    return tuple(found)


def _placed(order: SampleOrderNode) -> PlacedSample:
    return PlacedSample(order.id, order.code, cancelled=order.state == CANCELLED)


def _fill(client: Client, order: str, asked: SampleOrder) -> None:
    to = asked.recipient
    first, last = sampling.names(to)
    customer = {"firstName": first, "lastName": last, "emailAddress": to.email or f"{asked.reference}@{NOWHERE}"}
    given: dict[str, Any] = {
        "order": order,
        "item": {"productVariantId": asked.variant_ref, "quantity": 1},
        "address": {
            "fullName": to.name, "streetLine1": to.address1, "streetLine2": to.address2, "city": to.city,
            "province": to.region, "postalCode": to.postal_code, "countryCode": to.country, "phoneNumber": to.phone,
        },
        "customer": customer,
    }  # fmt: skip
    reply, answered = send(client, documents.SAMPLE_FILL, given)
    for problem in reply.errors or ():
        _unfit(problem)
    if reply.errors:
        raise refusal(reply.errors, answered.headers, client.domain)
    filled = decode(reply.data, SampleFillAnswer)
    match filled.item.error_code:
        case "":
            pass
        case "INSUFFICIENT_STOCK_ERROR":
            raise sampling.sold_out()
        case other:
            raise _refused(client, "the item", other)
    refused = filled.customer.error_code
    if refused == "EMAIL_ADDRESS_CONFLICT_ERROR":  # the creator has an account there, which we may not look up
        nobody = {"order": order, "customer": {**customer, "emailAddress": f"{asked.reference}@{NOWHERE}"}}
        refused = ask(client, documents.SAMPLE_CUSTOMER, nobody, SampleFillAnswer).customer.error_code
    if refused:
        raise _refused(client, "the recipient", refused)


def _unfit(problem: Problem) -> None:
    """Errors: InputRefused for what is wrong with the item or the address."""
    if problem.where == "item" and problem.code == "ENTITY_NOT_FOUND":
        raise sampling.not_there()
    if problem.where == "address" and problem.code == "USER_INPUT_ERROR":
        raise sampling.unfit("country")


def _cheapest(client: Client, order: str) -> MethodNode:
    methods = ask(client, documents.SAMPLE_SHIPPING, {"order": order}, SampleShippingAnswer).methods
    if not methods:
        raise sampling.unfit("country", "is one to which the store has no way of shipping.")
    return min(methods, key=lambda each: each.price)


def _make_free(client: Client, order: str, method: MethodNode, code: str) -> str:
    """The id of our promotion, which took all of the price away."""
    promotion = {
        "enabled": True, "couponCode": code, "usageLimit": 1, "conditions": [],
        "endsAt": (clock.wall() + timedelta(hours=COUPON_HOURS)).isoformat(),
        "actions": [
            {"code": "order_percentage_discount", "arguments": [{"name": "discount", "value": "100"}]},
            {"code": "free_shipping", "arguments": []},
        ],
        "translations": [
            {"languageCode": client.grant.details.get("language") or "en", "name": f"{sampling.TITLE} {code}"}
        ],
    }  # fmt: skip
    given = {"order": order, "method": method.id, "promotion": promotion, "code": code}
    made = ask(client, documents.SAMPLE_FREE, given, SampleFreeAnswer)
    refused = made.shipping.error_code or made.promotion.error_code or made.free.error_code
    if not refused and made.free.total_with_tax == 0:
        return made.promotion.id
    if made.promotion.id:
        _quietly(lambda: send(client, documents.SAMPLE_END, {"promotion": made.promotion.id}))
    raise _refused(client, "an order of nothing", refused or "a price is left")


def _pay(client: Client, order: str, asked: SampleOrder) -> PlacedSample:
    given = {
        "order": order,
        "note": {"id": order, "note": asked.note, "isPublic": False},
        "payment": {"orderId": order, "method": METHOD, "transactionId": asked.reference, "metadata": {}},
    }
    done = ask(client, documents.SAMPLE_PAY, given, SamplePayAnswer)
    refused = done.ready.error_code or done.paid.error_code
    if refused == "INSUFFICIENT_STOCK_ERROR":
        raise sampling.sold_out()
    if refused or not done.paid.id:
        raise _refused(client, "the order", refused)
    return PlacedSample(done.paid.id, done.paid.code)


def _drop(client: Client, order: str) -> None:
    """A draft with a line ends by a cancellation, an empty one by its transition."""
    _quietly(lambda: send(client, documents.SAMPLE_CANCEL, {"input": _cancelling(order)}))
    _quietly(lambda: send(client, documents.SAMPLE_DROP, {"order": order}))


def _cancelling(order: str) -> dict[str, Any]:
    return {"orderId": order, "reason": sampling.TITLE, "cancelShipping": True}


def _refused(client: Client, what: str, code: str) -> PlatformRefused:
    return PlatformRefused(f"{client.domain}: the store refused {what} ({code[:60] or 'no reason given'})")


def _quietly(act: Callable[[], object]) -> None:
    """Tidying up behind an order: what fails here is a draft or a coupon that ends by itself."""
    try:
        act()
    except PlatformError:
        return
