"""A shop whose orders earn something: a creator, terms, a tap, and orders of one buyer that carry its token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from connector import db
from connector.commerce.catalog import take as catalog
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import queries
from connector.db import Scope
from connector.earnings.attribution import journeys, links, touches
from connector.events import Product, Variant
from connector.programme.collaborations import terms
from connector.programme.creators import register
from tests.webhooks.conftest import moment, sample

PLACED = "2026-11-20T12:00:00Z"
TOKEN_NAME = "connector_touch"
MAIL, PHONE, CUSTOMER = "ana@example.com", "+34 600 000 000", 6600000000001


@dataclass
class World:
    shop_id: str
    touch_id: str
    token: str

    def order(self, ref: int, *, customer: int | None = CUSTOMER, mail: str | None = MAIL, **changed: Any) -> bytes:
        """An order of a listed product whose cart carried the token."""
        body = json.loads(sample("orders_create.with_code"))
        lines = [{**body["line_items"][0], "id": ref * 10 + 1, "product_id": 7, "variant_id": 8}]
        name, phone = ("Ana", PHONE) if mail == MAIL else ("Bob", None)
        attributes = [{"name": TOKEN_NAME, "value": self.token}, {"name": "gift for", "value": f"{name} Ruiz"}]
        who = None if customer is None else {"id": customer, "email": mail, "first_name": name, "phone": phone}
        changes = {
            "id": ref, "name": f"#{ref}", "email": mail, "contact_email": mail, "phone": phone, "customer": who,
            "billing_address": None, "shipping_address": None, "line_items": lines, "note_attributes": attributes,
            "created_at": PLACED, "updated_at": PLACED, "processed_at": PLACED, "discount_codes": [],
            "discount_applications": [], **changed,
        }  # fmt: skip
        return json.dumps({**body, **changes}).encode()


def credited(shop_id: str) -> World:
    early, tapped = moment(PLACED, -8 * 86400), moment(PLACED, -3600)
    with db.write(Scope.system("test")) as session:
        shop = queries.get(session, shop_id)
        shop.installed_at = early
        catalog.apply_products(session, shop, [Product("7", "Mug", "active", "USD", (Variant("8", 8000),))])
        creator = register.register(session, "ann", "Ann", 5000, early)
        terms.open_terms(session, shop.id, 1500, by="test", starts_at=early, now=early)
        link = links.create(session, creator.id, listing_id(shop.id, "7"), now=early)
        touch = touches.record(
            session, touches.on_link(link), kind="link", at=tapped, now=tapped,
            journey=journeys.of_cookie("c" * 24), device=journeys.of_device("192.0.2.1", "browser"),
        )  # fmt: skip
        return World(shop_id, touch.id, touch.token)
