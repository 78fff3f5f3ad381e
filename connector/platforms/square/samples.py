"""Sample orders: an order of the main location with everything taken off, paid by no payment, to be shipped.

Three calls, each with a key of idempotency made of our reference, so that a call that was cut is made again without
harm: the order is created, paid (an order of nothing is paid by an empty list of payments: only then do sellers see
it), and then says in its metadata that it stands. One without that note was left half made: who finds it finishes it,
so that there is no order that nobody knows of. Metadata is private to the application that wrote it: nobody else can
mark an order.

Orders can't be asked for by a reference, so the newest are walked.
Source: CreateOrder, PayOrder, UpdateOrder, SearchOrders of Square's specification, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connector import clock
from connector.errors import InputRefused, PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms import sampling
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.rest import Rest
from connector.platforms.square.catalog import Catalog, LocationReply
from connector.platforms.square.client import Refused, api
from connector.platforms.square.orders import safe
from connector.platforms.square.payloads import Order, OrderReply, OrdersReply

SAMPLES = ("ORDERS_WRITE", "PAYMENTS_WRITE")
PLACED = "connector_placed"  # in the metadata: the order is paid, and is one
PAGES, PAGE = 4, 500
BACK = timedelta(days=60)
CANCELLED = "CANCELED"
PACKED = frozenset({"PREPARED", "COMPLETED"})  # states of a shipment
_NOTE = 500  # characters
_FIELDS = {
    "country": "country", "administrative_district_level_1": "region", "postal_code": "postal_code",
    "locality": "city", "address_line_1": "address1", "address_line_2": "address2", "phone_number": "phone",
    "email_address": "email", "display_name": "name",
}  # fmt: skip


class Samples:
    """The contract's `Samples` for Square."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        return sampling.granted(SAMPLES, scopes)

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        rest = api(client)
        order = _begun(rest, _main(rest), reference)
        return None if order is None else _placed(_whole(client, rest, order, reference))

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        rest, reference = api(client), sampling.checked(asked.reference)
        location = _main(rest)
        order = _begun(rest, location, reference)
        try:
            if order is None:
                sampling.in_stock(Catalog(), client, asked)
                order = rest.post("/v2/orders", _body(asked, location)).read(OrderReply).order
        except Refused as refused:
            raise _in_words(refused) from None
        return _placed(_whole(client, rest, order, reference))

    def cancel(self, client: Client, order_ref: str) -> bool:
        rest = api(client)
        answer = rest.find(f"/v2/orders/{safe(order_ref)}")
        if answer is None:
            return True
        order = answer.read(OrderReply).order
        if order.state == CANCELLED:
            return True
        if order.state == "COMPLETED" or any(each.state in PACKED for each in order.fulfillments):
            return False
        ended = [{"uid": each.uid, "state": CANCELLED} for each in order.fulfillments]
        changes = {"state": CANCELLED, "fulfillments": ended}
        return _update(rest, order, changes, f"{order.id}-cancel-{order.version}").state == CANCELLED


def _main(rest: Rest) -> str:
    return rest.get("/v2/locations/main").read(LocationReply).location.id


def _placed(order: Order) -> PlacedSample:
    return PlacedSample(order.id, order.ticket_name or order.id, cancelled=order.state == CANCELLED)


def _begun(rest: Rest, location: str, reference: str) -> Order | None:
    """The order with our reference, whether it stands already or not."""
    since = (clock.wall() - BACK).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body: dict[str, Any] = {
        "location_ids": [location], "limit": PAGE,
        "query": {
            "filter": {
                "date_time_filter": {"created_at": {"start_at": since}},
                "state_filter": {"states": ["OPEN", "COMPLETED", CANCELLED]},
            },
            "sort": {"sort_field": "CREATED_AT", "sort_order": "DESC"},
        },
    }  # fmt: skip
    wanted = sampling.checked(reference)
    for _ in range(PAGES):
        reply = rest.post("/v2/orders/search", body).read(OrdersReply)
        for order in reply.orders:
            if order.metadata.get(sampling.METADATA) == wanted:
                return order
        if not reply.cursor:
            return None
        body["cursor"] = reply.cursor
    return None


def _whole(client: Client, rest: Rest, order: Order, reference: str) -> Order:
    """Paid and noted. Errors: PlatformDown where Square was too busy for one of the steps: the order is there."""
    if order.metadata.get(PLACED) == reference or order.state == CANCELLED:
        return order
    if order.total_money.amount != 0:
        raise PlatformRefused(f"{client.domain}: something is left to pay on a sample: it is not placed")
    try:
        return _finish(rest, order, reference)
    except PlatformBusy as busy:
        raise PlatformDown(str(busy)) from None


def _finish(rest: Rest, order: Order, reference: str) -> Order:
    paying = {"idempotency_key": f"{reference}-pay", "order_version": order.version, "payment_ids": []}
    paid = rest.post(f"/v2/orders/{order.id}/pay", paying).read(OrderReply).order
    metadata = {sampling.METADATA: reference, PLACED: reference}
    return _update(rest, paid, {"metadata": metadata}, f"{reference}-placed")


def _update(rest: Rest, order: Order, changes: dict[str, Any], key: str) -> Order:
    body = {
        "order": {"location_id": order.location_id, "version": order.version, **changes}, "idempotency_key": key,
    }  # fmt: skip
    return rest.post(f"/v2/orders/{order.id}", body, method="PUT").read(OrderReply).order


def _body(asked: SampleOrder, location: str) -> dict[str, Any]:
    to = asked.recipient
    address = {
        "address_line_1": to.address1, "address_line_2": to.address2, "locality": to.city,
        "administrative_district_level_1": to.region, "postal_code": to.postal_code, "country": to.country,
    }  # fmt: skip
    recipient = {
        "display_name": to.name, "email_address": to.email, "phone_number": to.phone,
        "address": {name: value for name, value in address.items() if value},
    }  # fmt: skip
    return {
        "idempotency_key": asked.reference,
        "order": {
            "location_id": location, "reference_id": asked.reference,
            "metadata": {sampling.METADATA: asked.reference},
            "line_items": [{"catalog_object_id": asked.variant_ref, "quantity": "1"}],
            "discounts": [{"uid": "sample", "name": sampling.TITLE, "percentage": "100", "scope": "ORDER"}],
            "fulfillments": [
                {
                    "type": "SHIPMENT", "state": "PROPOSED",
                    "shipment_details": {
                        "recipient": {name: value for name, value in recipient.items() if value},
                        "shipping_note": asked.note[:_NOTE],
                    },
                }
            ],
        },
    }  # fmt: skip


def _in_words(refused: Refused) -> InputRefused | PlatformRefused:
    """What Square says of a field of the order, by the last step of its path."""
    last = refused.field.rpartition(".")[2]
    if last == "catalog_object_id":
        return sampling.not_there()
    known = _FIELDS.get(last)
    return refused if known is None else sampling.unfit(known)
