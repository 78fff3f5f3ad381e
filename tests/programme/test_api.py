"""Terms through the API: each kind offered, looked at, changed and ended; promotions; a creator's calendar."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from connector import clock
from connector.access import studio, tokens
from connector.commerce.catalog.ids import listing_id
from connector.db import Database, Scope
from connector.programme import collaborations
from connector.programme.collaborations import terms
from tests.attribution.world import World, app_settings, put_on_roster
from tests.conftest import wired

SCOPES = ["collaborations:read", "collaborations:write", "creators:read", "creators:write"]


def test_the_terms_of_a_shop_by_the_api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    with sqlite_database.write(Scope.system("test")) as session:
        _, secret = tokens.issue(session, "app", SCOPES, by="test")
    client, shop_id, x = wired(app_settings()).test_client(), world.shop_id, world.creators["x"]

    def call(method: str, path: str, body: Any = None, status: int = 201) -> Any:
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def at(days: int) -> str:
        return (clock.now() + timedelta(days=days)).isoformat()

    def said(items: list[dict[str, Any]]) -> list[tuple[int | None, str]]:
        return [(each["rate"]["rate_bp"] if each["rate"] else None, each["why"]) for each in items]

    listing = {"listing_id": listing_id(shop_id, "A")}
    early = {**listing, "at": (clock.now() - timedelta(hours=2)).isoformat()}
    assert [each["product_ref"] for each in call("POST", f"/creators/{x}/promotions", early)["items"]] == ["A"]
    assert call("POST", f"/creators/{x}/promotions", {**listing, "at": at(-3)}, 422)["field"] == "at"

    # A cut is looked at, then made; the creator reads it in the calendar.
    cut = {"shop_id": shop_id, "rate_bp": 800, "starts_at": at(2)}
    shown = call("POST", "/collaborations/preview", cut, 200)
    assert (said(shown["before"]), said(shown["after"])) == ([(1000, "")], [(800, "")])
    (group,) = shown["groups"]
    assert (group["creators"], said(group["after"])) == (1, [(1000, "kept"), (800, "")])
    made = call("POST", "/collaborations", cut)
    assert (made["kind"], made["rate_bp"], made["notice_at"]) == ("open", 800, shown["notice_at"])
    calendar = f"/creators/{x}/calendar?shop_id={shop_id}&product_ref=A"
    assert said(call("GET", calendar, status=200)["items"]) == [(1000, ""), (1000, "kept"), (800, "")]
    off = call("POST", f"/collaborations/{made['id']}/call-off")
    assert (off["calls_off"], off["rate_bp"]) == (made["id"], None)
    call("POST", f"/collaborations/{made['id']}/call-off", status=409)
    assert said(call("GET", calendar, status=200)["items"]) == [(1000, "")]

    # One creator's terms: lower ones need a word that they agreed, and belong to somebody.
    own = {"shop_id": shop_id, "kind": "targeted", "creator_id": x, "rate_bp": 500, "ends_at": at(30)}
    assert call("POST", "/collaborations", own, 422)["field"] == "accepted_by"
    assert call("POST", "/collaborations", {**own, "kind": "open"}, 422)["field"] == "creator_id"
    assert call("POST", "/collaborations", {**own, "creator_id": None}, 422)["field"] == "creator_id"
    agreed = call("POST", "/collaborations", {**own, "accepted_by": "the creator"})
    assert (agreed["accepted_by"], agreed["ends_at"][:10]) == ("the creator", own["ends_at"][:10])
    call("POST", "/collaborations", {**own, "rate_bp": 600, "accepted_by": "the creator"}, 409)
    withdrawn = {"shop_id": shop_id, "kind": "targeted", "creator_id": x}
    assert call("POST", "/collaborations/withdrawal", withdrawn)["rate_bp"] is None

    # An event rises; the shop's own terms stand below everything.
    sale = {"shop_id": shop_id, "name": "Sale", "rate_bp": 2000, "starts_at": at(1), "ends_at": at(3),
            "tiers": [{"orders": 10, "rate_bp": 2500}]}  # fmt: skip
    event = call("POST", "/events", sale)
    assert call("POST", "/events", sale)["id"] == event["id"]  # sent again, it is the same
    assert call("POST", f"/events/{event['event_id']}/raise", {"rate_bp": 2200})["tiers"] == sale["tiers"]
    call("POST", f"/events/{event['event_id']}/raise", {"rate_bp": 2100}, 409)
    call("POST", "/collaborations", {"shop_id": shop_id, "kind": "store", "rate_bp": 300, "ads_bp": 200})
    assert said(call("GET", calendar, status=200)["items"]) == [(1000, ""), (2200, "event"), (1000, "")]
    listed = call("GET", f"/collaborations?shop_id={shop_id}&creator_id={x}", status=200)["items"]
    assert {each["kind"] for each in listed} == {"open", "targeted", "event", "store"}

    assert call("POST", f"/creators/{x}/promotions/removal", listing)["items"] == []
    call("POST", f"/creators/{x}/promotions/removal", listing, 404)
    assert call("GET", f"/creators/{x}/promotions", status=200)["items"] == []


def test_a_creator_reads_the_own_calendar_and_nobody_else_s(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_roster(monkeypatch)
    world, now = World(sqlite_database).begin(), clock.now()
    x, y = world.creators["x"], world.creators["y"]
    with sqlite_database.write(Scope.system("test")) as session:
        for creator in (x, y):
            collaborations.promote(session, creator, world.shop_id, "A", now - timedelta(days=9))
        terms.open_terms(session, world.shop_id, 800, by="test")
        terms.target(session, world.shop_id, x, 3300, ends_at=now + timedelta(days=40), by="test")
        links = {creator: studio.link(session, creator, by="test")[0] for creator in (x, y)}
    app = wired(app_settings())

    def page(creator: str) -> str:
        client = app.test_client()
        path = f"/studio/sign-in/link/{links[creator]}"
        found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
        assert found
        assert client.post(path, data={"csrf_token": found[1]}).status_code == 303
        return client.get("/studio/rates").text

    assert "33\u00a0% for you until" in page(x)
    other = page(y)
    assert "10\u00a0% for you until" in other
    assert "then 8\u00a0%" in other
    assert "33\u00a0%" not in other
    assert "33.00" not in other
