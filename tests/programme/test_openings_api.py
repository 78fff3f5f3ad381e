"""Openings by the API: opened, listed by pages, closed, and what is refused, by field."""

from __future__ import annotations

from typing import Any

import pytest

from connector.access import tokens
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from tests.attribution.world import PLACED, World, app_settings, product, put_on_roster
from tests.conftest import wired


def test_openings_by_the_api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    with sqlite_database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [product("C", tags=("Summer",), category="Hats")], "run", PLACED)
        _, secret = tokens.issue(session, "app", ["collaborations:read", "collaborations:write"], by="test")
    client = wired(app_settings()).test_client()

    def call(method: str, path: str, body: Any = None, status: int = 201) -> Any:
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status, answer.text
        return answer.get_json()

    tag = {"shop_id": world.shop_id, "kind": "tag", "value": "summer", "rate_bp": 1500}
    made = call("POST", "/openings", tag)
    assert (made["state"], made["opened"], made["kept"], made["automatic"]) == ("open", 1, 0, True)
    assert call("POST", "/openings", tag)["id"] == made["id"]
    category = call("POST", "/openings", {**tag, "kind": "category", "value": "Hats", "rate_bp": 1800})
    for changes, field in (
        ({"rate_bp": 50}, "rate_bp"), ({"rate_bp": 8001}, "rate_bp"), ({"value": "winter"}, "value"),
        ({"value": ""}, "value"), ({"kind": "shop"}, "value"), ({"kind": "colour"}, "kind"),
    ):  # fmt: skip
        assert call("POST", "/openings", {**tag, **changes}, 422)["field"].split(".")[-1] == field
    call("POST", "/openings", {**tag, "shop_id": "shp_nobody"}, 404)
    first = call("GET", f"/openings?shop_id={world.shop_id}&limit=1", status=200)
    rest = call("GET", f"/openings?shop_id={world.shop_id}&limit=1&cursor={first['next']}", status=200)
    assert [each["id"] for each in (*first["items"], *rest["items"])] == [category["id"], made["id"]]
    assert rest["next"] is None
    # The later one gives the rate of what both hold; closing the earlier takes nothing from it.
    assert call("POST", f"/openings/{made['id']}/close")["state"] == "closed"
    call("POST", f"/openings/{made['id']}/close", status=409)
    stands = call("GET", f"/collaborations?shop_id={world.shop_id}", status=200)["items"]
    assert [(each["rate_bp"]) for each in stands if each["product_ref"] == "C"] == [1500, 1800]
