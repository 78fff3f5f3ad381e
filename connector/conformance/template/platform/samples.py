"""Sample orders of creators: free, marked in the order's notes, found by our reference.

Example keeps one order a reference: a second call with the same one is answered by the first one's order. Few platforms
are so kind; `find` is asked before each `place` in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from connector.conformance.template.platform import payloads
from connector.conformance.template.platform.client import api
from connector.errors import PlatformError, PlatformRefused
from connector.platforms import sampling
from connector.platforms.contract import Client, HttpAnswer, PlacedSample, SampleOrder
from connector.platforms.rest import Query, Rest

FIELDS = {"ship_to.country": "country", "ship_to.name": "name", "ship_to.street": "address1"}


class Unfit(PlatformRefused):
    """422: the field that Example names. Its words are never quoted: they may repeat an address."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class Samples:
    """The contract's `Samples` for Example."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        """A key has no scopes here."""
        return True

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        query: Query = {"reference": sampling.checked(reference), "page": "1"}
        found = api(client).get("/orders", query).read(payloads.OrdersReply).orders
        return _placed(found[0]) if found else None

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        to = asked.recipient
        body = {
            "reference": sampling.checked(asked.reference), "note": asked.note,
            "notes": {sampling.METADATA: asked.reference},
            "lines": [{"variant": asked.variant_ref, "quantity": 1, "price": "0"}],
            "ship_to": {
                "name": to.name, "street": to.address1, "city": to.city, "postcode": to.postal_code,
                "country": to.country,
            },
        }  # fmt: skip
        try:
            return _placed(_judged(client).post("/orders", body).read(payloads.Order))
        except Unfit as refused:
            if refused.field == "variant":
                raise sampling.not_there() from None
            if refused.field == "stock":
                raise sampling.sold_out() from None
            if refused.field in FIELDS:
                raise sampling.unfit(FIELDS[refused.field]) from None
            raise

    def cancel(self, client: Client, order_ref: str) -> bool:
        done = api(client).post(f"/orders/{order_ref}/cancel", {}).read(payloads.Order)
        return done.status == "cancelled"


def _placed(order: payloads.Order) -> PlacedSample:
    return PlacedSample(order.id, order.number, cancelled=order.status == "cancelled")


def _judged(client: Client) -> Rest:
    def judge(answer: HttpAnswer, content: bytes) -> PlatformError | None:
        if answer.status != 422:
            return None
        try:
            field = msgspec.json.decode(content, type=payloads.Problem).field
        except (msgspec.MsgspecError, UnicodeDecodeError):
            field = ""
        return Unfit(f"{client.domain}: the store refuses {field or 'the order'}", field)

    return replace(api(client), judge=judge)
