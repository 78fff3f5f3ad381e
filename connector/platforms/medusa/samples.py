"""Sample orders: a draft order whose line costs nothing, converted into an order at once (tried on 2.21).

Our reference is in the order's metadata, which is the mark; but Medusa passes over a filter by metadata in silence, and
would give any order for ours. So it stands in the company of the billing address too, which the store's own search
finds, in drafts as in orders, and which is on no parcel. What the search finds is held against the metadata.

A call that was cut leaves a draft, which is converted by the next try: a draft becomes an order only once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.platforms import sampling
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.platforms.medusa.calls import Refused, admin, read
from connector.platforms.medusa.payloads import (
    DraftAnswer,
    DraftsAnswer,
    RegionNode,
    RegionsAnswer,
    SampleNode,
    SampleOrderAnswer,
    SampleOrdersAnswer,
    ShippingOptionsAnswer,
)
from connector.platforms.rest import Query

CANCELLED = "canceled"
FIELDS = "id,display_id,status,metadata,fulfillment_status"
PAGE = 50  # of what the search finds; more than one order with our reference there never is


class Samples:
    """The contract's `Samples` for Medusa."""

    def may_place(self, scopes: Sequence[str]) -> bool:
        """A secret key opens everything."""
        return True

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        query: Query = {"q": sampling.checked(reference), "fields": FIELDS, "limit": PAGE}
        found = read(admin(client).get("/admin/orders", query), SampleOrdersAnswer).orders
        order = _ours(found, reference)
        return None if order is None else _placed(order)

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        try:
            draft = self._left_behind(client, sampling.checked(asked.reference)) or _draft(client, asked)
            done = admin(client).post(f"/admin/draft-orders/{draft}/convert-to-order", {}, {"fields": FIELDS})
        except Refused as refused:
            raise _in_words(refused) from None
        return _placed(read(done, SampleOrderAnswer).order)

    def cancel(self, client: Client, order_ref: str) -> bool:
        """A fulfilment that stands stops it, as Medusa itself has it."""
        api = admin(client)
        found = api.find(f"/admin/orders/{order_ref}", {"fields": FIELDS})
        if found is None or read(found, SampleOrderAnswer).order.status == CANCELLED:
            return True
        try:
            api.post(f"/admin/orders/{order_ref}/cancel", {})
        except Refused as refused:
            if refused.kind == "not_allowed":
                return False
            raise
        return True

    def _left_behind(self, client: Client, reference: str) -> str:
        """A draft of an earlier try; "": there is none."""
        query: Query = {"q": reference, "fields": "id,display_id,status,metadata", "limit": PAGE}
        found = read(admin(client).get("/admin/draft-orders", query), DraftsAnswer).draft_orders
        draft = _ours(found, reference)
        return "" if draft is None else draft.id


def _ours(found: Sequence[SampleNode], reference: str) -> SampleNode | None:
    return next((each for each in found if (each.metadata or {}).get(sampling.METADATA) == reference), None)


def _placed(order: SampleNode) -> PlacedSample:
    number = f"#{order.display_id}" if order.display_id is not None else order.id
    return PlacedSample(order.id, number, cancelled=order.status == CANCELLED)


def _draft(client: Client, asked: SampleOrder) -> str:
    """Errors: InputRefused for what Medusa would take and nobody could send: any country, whatever region it is of."""
    to = asked.recipient
    region = _region(client, to.country)
    first, last = sampling.names(to)
    address = {
        "first_name": first, "last_name": last, "address_1": to.address1, "address_2": to.address2, "city": to.city,
        "province": to.region, "postal_code": to.postal_code, "country_code": to.country.lower(), "phone": to.phone,
    }  # fmt: skip
    body: dict[str, Any] = {
        "region_id": region.id, "shipping_address": address,
        "billing_address": {**address, "company": asked.reference},
        "items": [{"variant_id": asked.variant_ref, "quantity": 1, "unit_price": 0}],
        "shipping_methods": [
            {"shipping_option_id": _shipping(client, to.country), "name": sampling.TITLE, "amount": 0}
        ],
        "metadata": {sampling.METADATA: asked.reference, "connector_note": asked.note},
        "no_notification_order": False,
    }  # fmt: skip
    channels = client.grant.details.get("channels", "")
    if channels:
        body["sales_channel_id"] = channels.split(",")[0]
    if to.email:
        body["email"] = to.email
    made = admin(client).post("/admin/draft-orders", body, {"fields": "id,display_id,status,metadata"})
    return read(made, DraftAnswer).draft_order.id


def _in_words(refused: Refused) -> Exception:
    if refused.code == "insufficient_inventory":
        return sampling.sold_out()
    if refused.about == "variant":
        return sampling.not_there()
    return sampling.unfit("email") if refused.about == "email" else refused


def _region(client: Client, country: str) -> RegionNode:
    """One that has the country, in the shop's own currency where there is such a one."""
    query: Query = {"fields": "id,currency_code,countries.iso_2", "limit": 200}
    regions = read(admin(client).get("/admin/regions", query), RegionsAnswer).regions
    fit = [each for each in regions if any(c.iso_2 == country.lower() for c in each.countries or ())]
    if not fit:
        raise sampling.unfit("country", "is one to which the store doesn't sell.")
    return min(fit, key=lambda each: each.currency_code.upper() != client.currency)


def _shipping(client: Client, country: str) -> str:
    """A way of shipping of the store's that goes to the country: without one nobody could send it off."""
    query: Query = {"fields": "id,service_zone.geo_zones.country_code,*rules", "limit": 200}
    options = read(admin(client).get("/admin/shipping-options", query), ShippingOptionsAnswer).shipping_options
    for option in options:
        zones = option.service_zone.geo_zones if option.service_zone is not None else ()
        back = any((rule.attribute, rule.value) == ("is_return", "true") for rule in option.rules or ())
        if not back and any(zone.country_code == country.lower() for zone in zones or ()):
            return option.id
    raise sampling.unfit("country", "is one to which the store has no way of shipping.")
