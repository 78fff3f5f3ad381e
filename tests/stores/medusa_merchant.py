"""What the merchant of a Medusa store does, by the store's own Admin API; and what its buyers see."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import requests

from tests.stores.rig import Rig

Doc = dict[str, Any]


@dataclass
class Merchant:
    """Signed in as the rig's administrator."""

    rig: Rig
    session: requests.Session = field(default_factory=requests.Session)
    orders: dict[str, str] = field(default_factory=dict)  # those of the scenario under way, by name

    def __post_init__(self) -> None:
        token = self._send("POST", "/auth/user/emailpass", {"email": "admin@rig.test", "password": "rigadmin1"})[
            "token"
        ]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def _send(self, method: str, path: str, body: Doc | None = None, **headers: str) -> Doc:
        answer = self.session.request(method, self.rig.base + path, json=body, headers=headers, timeout=60)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        # Amounts digit by digit: what is compared must not have been a float.
        found: Doc = json.loads(answer.text, parse_float=Decimal)
        return found

    def get(self, path: str, **headers: str) -> Doc:
        return self._send("GET", path, **headers)

    def post(self, path: str, body: Doc | None = None) -> Doc:
        return self._send("POST", path, body or {})

    def delete(self, path: str) -> Doc:
        return self._send("DELETE", path)

    def key(self) -> Doc:
        """A new secret key: `id` and `token`."""
        made: Doc = self.post("/admin/api-keys", {"title": "Connector", "type": "secret"})["api_key"]
        return made

    # --- what a store is made of

    def channel(self) -> str:
        return str(self.get("/admin/stores")["stores"][0]["default_sales_channel_id"])

    def place(self) -> str:
        return str(self.get("/admin/stock-locations?limit=1")["stock_locations"][0]["id"])

    def product(self, title: str, prices: Doc, *, variants: int = 1, stock: int | None = 50, **more: Any) -> Doc:
        """A published product whose variants cost the same; `stock` None: not counted."""
        names = [f"No. {number}" for number in range(1, variants + 1)] if variants > 1 else ["One size"]
        handle = more.pop("handle", title.lower().replace(" ", "-"))
        variant_more = more.pop("variant", {})
        body = {
            "title": title, "handle": handle, "status": "published", "options": [{"title": "Kind", "values": names}],
            "sales_channels": [{"id": self.channel()}],
            "shipping_profile_id": self.get("/admin/shipping-profiles?limit=1")["shipping_profiles"][0]["id"],
            "variants": [
                {
                    "title": name, "sku": f"{handle}-{number}".upper(), "manage_inventory": stock is not None,
                    "options": {"Kind": name},
                    "prices": [{"currency_code": code, "amount": amount} for code, amount in prices.items()],
                    **variant_more,
                }
                for number, name in enumerate(names)
            ],
            **more,
        }  # fmt: skip
        made: Doc = self.post("/admin/products?fields=id,handle,*variants,*variants.inventory_items", body)["product"]
        items = [item["inventory_item_id"] for v in made["variants"] for item in v.get("inventory_items") or []]
        if stock is not None and items:
            levels = [{"inventory_item_id": i, "location_id": self.place(), "stocked_quantity": stock} for i in items]
            self.post("/admin/inventory-items/location-levels/batch", {"create": levels})
        return made

    def set_price(self, product: str, variant: str, code: str, amount: float) -> None:
        found = self.get(f"/admin/products/{product}?fields=id,variants.id,*variants.prices")["product"]
        (own,) = [v for v in found["variants"] if v["id"] == variant]
        (price,) = [p for p in own["prices"] if p["currency_code"] == code]
        changed = {"id": price["id"], "currency_code": code, "amount": amount}
        self.post(f"/admin/products/{product}/variants/{variant}", {"prices": [changed]})

    def set_stock(self, variant: Doc, count: int) -> None:
        item = variant["inventory_items"][0]["inventory_item_id"]
        self.post(f"/admin/inventory-items/{item}/location-levels/{self.place()}", {"stocked_quantity": count})

    def promotion(self, code: str, currency: str, percent: int) -> None:
        method = {"type": "percentage", "target_type": "items", "allocation": "across", "value": percent}
        self.post(
            "/admin/promotions",
            {
                "code": code, "type": "standard", "status": "active",
                "application_method": {**method, "currency_code": currency},
            },
        )  # fmt: skip

    def prices_with_tax(self, currency: str) -> None:
        rows = self.get("/admin/price-preferences?limit=100")["price_preferences"]
        (own,) = [row for row in rows if (row["attribute"], row["value"]) == ("currency_code", currency)]
        self.post(f"/admin/price-preferences/{own['id']}", {"is_tax_inclusive": True})

    # --- orders

    def buy(self, sku: str, *more: str | int) -> str:
        """The id of an order of one of each sku (parted by commas), paid unless `--capture no`."""
        return str(self.rig.run("buy.mjs", "--sku", sku, *more)["id"])

    def send(self, order: str) -> None:
        """Pack, ship and deliver all of it."""
        found = self.get(f"/admin/orders/{order}?fields=id,*items")["order"]
        items = [{"id": item["id"], "quantity": int(item["quantity"])} for item in found["items"]]
        made = self.post(f"/admin/orders/{order}/fulfillments?fields=id,*fulfillments", {"items": items})["order"]
        parcel = f"/admin/orders/{order}/fulfillments/{made['fulfillments'][0]['id']}"
        self.post(f"{parcel}/shipments", {"items": items})
        self.post(f"{parcel}/mark-as-delivered")

    def refund(self, order: str, amount: str) -> None:
        self.rig.run("refund.mjs", order, "--amount", amount)

    def payment(self, order: str) -> str:
        found = self.get(f"/admin/orders/{order}?fields=id,*payment_collections.payments")["order"]
        return str(found["payment_collections"][0]["payments"][0]["id"])

    def base(self, order: str) -> dict[str, int]:
        """{sku: commission base in minor units} by the store's own figures of the order as it was placed."""
        path = (
            f"/admin/orders/{order}?version=1&fields=id,currency_code,total,*items,*items.adjustments,*items.tax_lines"
        )
        found = self.get(path)["order"]
        digits = {"jpy": 0, "kwd": 3}.get(found["currency_code"], 2)
        return {
            item["variant_sku"]: int(
                (Decimal(item["subtotal"]) - Decimal(item["discount_subtotal"]))
                .scaleb(digits)
                .quantize(Decimal(1), ROUND_HALF_UP)
            )
            for item in found["items"]
        }

    # --- the storefront

    def storefront(self, currency: str = "usd") -> dict[str, Doc]:
        """{product id: product} as buyers see it, with the price that is asked for and what is left of it."""
        keys = self.get("/admin/api-keys?type=publishable&fields=token")["api_keys"]
        regions = self.get("/admin/regions?fields=id,currency_code")["regions"]
        (region,) = [r["id"] for r in regions if r["currency_code"] == currency]
        fields = "id,title,handle,*variants,*variants.calculated_price,%2Bvariants.inventory_quantity"
        found: dict[str, Doc] = {}
        while True:
            path = f"/store/products?limit=50&offset={len(found)}&order=id&region_id={region}&fields={fields}"
            page = self.get(path, **{"x-publishable-api-key": keys[0]["token"]})["products"]
            found |= {product["id"]: product for product in page}
            if len(page) < 50:
                return found
