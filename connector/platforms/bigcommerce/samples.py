"""Sample orders: a v2 order whose line, shipping and so total are nothing.

Our reference is its `external_order_id`, by which the list can be asked; the mark is the word `sample_order` in the
staff's notes, where whoever packs it reads the rest. The order of the API's own making is one call: a cut one is found
by the reference before it is placed again. Stock isn't looked at by that call: the product is read just before.
Source: reference/orders.v2.oas2.yml of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.errors import InputRefused, PlatformRefused
from connector.platforms import sampling
from connector.platforms.bigcommerce.catalog import Catalog
from connector.platforms.bigcommerce.client import PAGE, Unfit, rest, rows
from connector.platforms.bigcommerce.payloads import SampleNode
from connector.platforms.bigcommerce.snapshot import CANCELLED, COMPLETED, SAMPLE_WORD
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.rest import Query

SAMPLES = ("store_v2_orders",)
AWAITING_FULFILLMENT = 11
ON_THE_WAY = frozenset({2, 3, COMPLETED})  # shipped, partially shipped, completed
_FIELDS = {
    "country_iso2": "country", "country": "country", "state": "region", "zip": "postal_code", "city": "city",
    "street_1": "address1", "street_2": "address2", "phone": "phone", "email": "email", "first_name": "name",
    "last_name": "name",
}  # fmt: skip


class Samples:
    """The contract's `Samples` for BigCommerce."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        return sampling.granted(SAMPLES, scopes)

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        """The newest first: where a filter is passed over, ours is still among the first page."""
        query: Query = {
            "external_order_id": sampling.checked(reference), "sort": "id:desc", "limit": PAGE, "page": 1,
        }  # fmt: skip
        for row in rows(rest(client), "/v2/orders", query, SampleNode):
            if row.external_order_id == reference:
                return _placed(row)
        return None

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        sampling.in_stock(Catalog(), client, asked)
        try:
            made = rest(client).post("/v2/orders", _body(asked))
        except Unfit as refused:
            raise _in_words(refused) from None
        return _placed(made.read(SampleNode))

    def cancel(self, client: Client, order_ref: str) -> bool:
        """Whether the units go back to stock is a setting of the store's."""
        api = rest(client)
        answer = api.find(f"/v2/orders/{order_ref}")
        order = answer.read(SampleNode) if answer is not None else None
        if order is None or order.status_id == CANCELLED:
            return True
        if order.status_id in ON_THE_WAY or order.items_shipped > 0:
            return False
        done = api.post(f"/v2/orders/{order_ref}", {"status_id": CANCELLED}, method="PUT")
        return done.read(SampleNode).status_id == CANCELLED


def _placed(order: SampleNode) -> PlacedSample:
    return PlacedSample(str(order.id), f"#{order.id}", cancelled=order.status_id == CANCELLED)


def _body(asked: SampleOrder) -> dict[str, Any]:
    to = asked.recipient
    first, last = sampling.names(to)
    address = {
        "first_name": first or last, "last_name": last, "street_1": to.address1, "street_2": to.address2,
        "city": to.city, "state": to.region, "zip": to.postal_code, "country_iso2": to.country, "phone": to.phone,
        "email": to.email,
    }  # fmt: skip
    address = {name: value for name, value in address.items() if value}
    line = {"product_id": int(asked.product_ref), "variant_id": int(asked.variant_ref), "quantity": 1}
    return {
        "status_id": AWAITING_FULFILLMENT, "customer_id": 0, "billing_address": address,
        "shipping_addresses": [{**address, "shipping_method": sampling.TITLE}],
        "products": [{**line, "price_inc_tax": 0, "price_ex_tax": 0}],
        "shipping_cost_ex_tax": "0", "shipping_cost_inc_tax": "0", "payment_method": sampling.TITLE,
        "external_order_id": sampling.checked(asked.reference), "staff_notes": f"{SAMPLE_WORD}: {asked.note}",
    }  # fmt: skip


def _in_words(refused: Unfit) -> InputRefused | PlatformRefused:
    if refused.field in ("product_id", "variant_id", "products"):
        return sampling.not_there()
    known = _FIELDS.get(refused.field)
    return refused if known is None else sampling.unfit(known)
