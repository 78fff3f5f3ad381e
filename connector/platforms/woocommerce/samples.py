"""Sample orders: an order of one line that costs nothing, with our reference in its meta data.

A store has no key of idempotency, looks at neither stock nor product nor country (fact sheet, section 8, [run]), and
can't be asked for an order by its meta data. So the product and the country are read just before, and `find` walks the
newest orders: a call that was cut is asked for within minutes, and its order is among the first.
Source: the fact sheet's section 8; WooCommerce's REST reference of orders and data/countries, wc/v3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.errors import PlatformRefused
from connector.platforms import sampling
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.woocommerce.catalog import Catalog
from connector.platforms.woocommerce.client import PAGE, Invalid, Query, Store, more
from connector.platforms.woocommerce.payloads import SAMPLE_FIELDS, SampleBody

PAGES = 10  # a thousand orders back
FIELDS = ("_fields", SAMPLE_FIELDS)
OPEN = frozenset({"pending", "processing", "on-hold", "checkout-draft"})
GONE = frozenset({"cancelled", "refunded", "failed", "trash"})


class Samples:
    """The contract's `Samples` for WooCommerce."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        return "write" in scopes

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        store, wanted = Store.of(client), sampling.checked(reference)
        for page in range(1, PAGES + 1):
            query: Query = [
                ("orderby", "date"), ("order", "desc"), ("per_page", PAGE), ("page", page), ("status", "any"), FIELDS,
            ]  # fmt: skip
            answer = store.get("/orders", query)
            rows = answer.read(list[SampleBody])
            for row in rows:
                if any((meta.key, meta.value) == (sampling.METADATA, wanted) for meta in row.meta_data):
                    return _placed(row)
            if not more(answer, page * PAGE, len(rows), PAGE):
                break
        return None

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        store = Store.of(client)
        body = _body(asked)
        if store.find(f"/data/countries/{asked.recipient.country.lower()}", [("_fields", "code")]) is None:
            raise sampling.unfit("country")
        sampling.in_stock(Catalog(), client, asked)
        try:
            answer = store.write("POST", "/orders", body, [FIELDS])
        except Invalid as refused:  # the e-mail address is all that a store checks of what we fill in
            if asked.recipient.email and "rest_invalid_param" in str(refused):
                raise sampling.unfit("email") from None
            raise
        if answer is None:
            raise PlatformRefused(f"{client.domain}: the store takes no orders by its API (404)")
        return _placed(answer.read(SampleBody))

    def cancel(self, client: Client, order_ref: str) -> bool:
        """A status that we don't know is one of a plug-in's (packed, sent): it stays. The store restocks by itself."""
        store = Store.of(client)
        answer = store.find(f"/orders/{order_ref}", [FIELDS])
        status = answer.read(SampleBody).status if answer is not None else "trash"
        if status in GONE:
            return True
        if status not in OPEN:
            return False
        answer = store.write("PUT", f"/orders/{order_ref}", {"status": "cancelled"}, [FIELDS])
        return answer is None or answer.read(SampleBody).status in GONE


def _placed(row: SampleBody) -> PlacedSample:
    return PlacedSample(str(row.id), str(row.number or row.id), cancelled=row.status in GONE)


def _body(asked: SampleOrder) -> dict[str, Any]:
    to = asked.recipient
    first, last = sampling.names(to)
    address = {
        "first_name": first, "last_name": last, "address_1": to.address1, "address_2": to.address2, "city": to.city,
        "state": to.region, "postcode": to.postal_code, "country": to.country, "phone": to.phone,
    }  # fmt: skip
    line: dict[str, Any] = {"product_id": int(asked.product_ref), "quantity": 1, "subtotal": "0", "total": "0"}
    if asked.variant_ref != asked.product_ref:
        line["variation_id"] = int(asked.variant_ref)
    return {
        "set_paid": True,  # nothing is due: the order goes on to processing, and the stock moves
        "payment_method": "", "payment_method_title": sampling.TITLE, "customer_note": asked.note,
        "billing": {**address, **({"email": to.email} if to.email else {})}, "shipping": address,
        "line_items": [line],
        "shipping_lines": [{"method_id": "free_shipping", "method_title": sampling.TITLE, "total": "0"}],
        "meta_data": [{"key": sampling.METADATA, "value": sampling.checked(asked.reference)}],
    }  # fmt: skip
