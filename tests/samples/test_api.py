"""Samples by the API: asked for, answered, refused by field and code, listed; an address never comes out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.access import tokens
from connector.db import Scope
from connector.programme.samples import moves
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import app_settings
from tests.conftest import wired
from tests.samples.world import HOME, World


class Samples(Api):
    """The app's back end with a token for samples alone."""

    def token(self, *scopes: str) -> str:
        with self.database.write(Scope.app()) as session:
            return tokens.issue(session, "app", ["samples:read", "samples:write", "creators:write"], by="test")[1]

    def do(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = self.send("POST", path, body if body is not None else {}, **headers)
        assert answer.status_code == status, answer.text
        assert not any(part in answer.text for part in HOME.values() if len(part) > 2)
        return answer.json


@pytest.fixture
def api(plain_world: World) -> Samples:
    guards._rates.storage.reset()
    return Samples(wired(app_settings()), plain_world.database)


def test_samples_by_the_api(plain_world: World, api: Samples) -> None:
    world = plain_world
    x, shop = world.creators["x"], world.shop_id
    wanted = {"creator_id": x, "listing_id": world.listing_id("A"), "recipient": HOME, "note": "Kitchen series"}
    key = {"Idempotency_Key": "k1"}
    made = api.do("/samples", wanted, 201, **key)
    assert api.do("/samples", wanted, 201, **key)["id"] == made["id"]
    other = wanted | {"listing_id": world.listing_id("B")}
    assert api.do("/samples", other, 409, **key)["detail"] == "This Idempotency-Key was used for another request."
    assert (made["state"], made["country"], made["due_at"]) == ("requested", "DE", "2026-11-17T00:00:00Z")
    assert made["standing"]["most_open"] == 5

    # Refusals say by field and code.
    twice = api.do("/samples", wanted, 409)
    assert (twice["field"], twice["code"], twice["type"]) == (
        "listing_id", "have_one", "urn:connector:problem:ask-refused",
    )  # fmt: skip
    no_code = api.do("/samples", other | {"recipient": HOME | {"postal_code": "1"}}, 422)
    assert (no_code["field"], no_code["remedy"]) == ("recipient.postal_code", "Compare it with the address.")
    early = api.do(f"/samples/{made['id']}/received", {}, 409)
    assert (early["field"], early["code"]) == ("state", "not_shipped")
    assert early["detail"] == moves.REFUSALS["not_shipped"]
    assert api.send("GET", "/samples/smp_none").status_code == 404

    # Many in one act; placed by the worker; the whole of it, without where it went.
    second = api.do("/samples", wanted | {"creator_id": world.creators["y"]}, 201)
    ids = [made["id"], second["id"], "smp_none"]
    many = api.do("/sample-acts", {"shop_id": shop, "act": "approve", "sample_ids": ids})
    assert (many["done"], many["refused"]) == (2, 1)
    assert [item["code"] for item in many["items"]] == [None, None, "not_found"]
    assert world.place(made["id"]) == "placed"
    whole = api.get(f"/samples/{made['id']}")
    assert (whole["state"], whole["placing"], whole["order_number"]) == ("ordered", "placed", "#S1")
    assert [step["act"] for step in whole["steps"]] == ["ask", "approve", "place"]
    assert "Lindenweg" not in str(whole)

    # By hand, arrived, extended once; by content with what the app tells of a live session.
    api.do(f"/samples/{second['id']}/by-hand")
    assert api.do(f"/samples/{second['id']}/shipped", {}, 422)["field"] == "tracking"
    api.do(f"/samples/{second['id']}/shipped", {"carrier": "DHL", "tracking": "JJD01"})
    due = api.do(f"/samples/{second['id']}/received")["due_at"]
    assert due == "2026-11-24T00:00:00Z"
    for _ in range(2):
        longer = api.do(f"/samples/{second['id']}/extend", **key)
        assert longer["due_at"] == "2026-12-01T00:00:00Z"
    assert api.do(f"/samples/{second['id']}/extend", status=409)["code"] == "extended_already"
    live = world.video("y", "live1", "live")
    api.do(f"/samples/{second['id']}/content", {"content_id": live})
    told = {"visible": True, "live_seconds": 599}
    world.now += timedelta(minutes=11)
    api.do(f"/content/{live}/visibility", told, 201)
    assert api.do(f"/content/{live}/visibility", told | {"at": "2031-01-01T00:00:00Z"}, 422)["field"] == "at"
    world.follow(timedelta(hours=6))
    assert api.get(f"/samples/{second['id']}")["state"] == "delivered"
    api.do(f"/content/{live}/visibility", {"visible": True, "live_seconds": 600}, 201)
    world.follow(timedelta(hours=6))
    done = api.get(f"/samples/{second['id']}")
    assert (done["state"], done["content_id"], done["contents"]) == ("fulfilled", live, [live])

    # Lists go on by their cursors; the limit and the score are read beside them.
    first = api.get(f"/samples?shop_id={shop}&limit=1")
    rest = api.get(f"/samples?shop_id={shop}&limit=1&cursor={first['next']}")
    assert [each["items"][0]["id"] for each in (first, rest)] == [second["id"], made["id"]]
    assert rest["next"] is None
    assert api.get(f"/samples?creator_id={x}&state=fulfilled")["items"] == []
    allowed = api.get(f"/creators/{world.creators['y']}/samples-allowed")
    assert (allowed["most_open"], allowed["open"], allowed["score"]["fulfilled"]) == (5, 0, 1)
    assert allowed["score"]["percent"] is None

    # What the shop gives, dated; the policy that it all went by.
    given = api.do("/sample-offers", {"shop_id": shop, "kind": "free", "per_month": 2, "auto_score": 80}, 201)
    assert given["left_this_month"] == 0
    assert api.do(f"/sample-offers/{given['id']}/end")["ends_at"] is not None
    assert len(api.get(f"/sample-offers?shop_id={shop}")["items"]) == 3
    assert api.do("/sample-offers", {"shop_id": shop, "kind": "free", "per_month": 0}, 422)["field"] == "per_month"
    assert api.get("/sample-policy")["numbers"]["thresholds"]["EUR"] == [500_000, 15_000_000]


def test_a_shop_doubts_an_order_by_the_api(plain_world: World, api: Samples) -> None:
    """Confirmed or doubted while that is open; the creator reads why."""
    world = plain_world
    asked = {"creator_id": world.creators["x"], "listing_id": world.listing_id("A"), "kind": "refundable"}
    made = api.do("/samples", asked, 201)
    api.do(f"/samples/{made['id']}/approve", {"most": 1800})
    world.now += timedelta(days=1)
    world.heard(world.snapshot("6001"), customer="77")
    named = api.do(f"/samples/{made['id']}/order", {"order": "#6001"})
    assert (named["confirm_by"], named["agreed"]["decimal"]) == ("2026-11-18T00:00:00Z", "18.00")
    doubted = api.do(f"/samples/{made['id']}/doubt-order", {"reason": "Another name"})
    assert (doubted["reason"], doubted["words"], doubted["confirm_by"]) == ("order_doubted", "Another name", None)
    assert doubted["why"] == "The shop doubts that this order is yours; name another one"
    assert api.do(f"/samples/{made['id']}/doubt-order", {"reason": ""}, 422)["field"] == "reason"
    assert api.do(f"/samples/{made['id']}/confirm-order")["order_confirmed"] is True
    assert api.do(f"/samples/{made['id']}/doubt-order", {"reason": "x"}, 409)["code"] == "order_confirmed"
