"""Negotiations and their threads through the API, as the app's back end acts for both sides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector import clock
from connector.access import tokens
from connector.db import Database, Scope
from connector.programme.collaborations import batches, messages
from tests.attribution.world import World, app_settings, put_on_roster
from tests.conftest import wired

SCOPES = ["collaborations:read", "collaborations:write", "messages:read", "messages:write", "notices:read"]


def test_a_negotiation_by_the_api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    with sqlite_database.write(Scope.system("test")) as session:
        _, secret = tokens.issue(session, "app", SCOPES, by="test")
    client, shop_id, x = wired(app_settings()).test_client(), world.shop_id, world.creators["x"]

    def call(method: str, path: str, body: Any = None, status: int = 201, **headers: str) -> Any:
        sent = {
            "Authorization": f"Bearer {secret}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        answer = client.open(f"/api/v1{path}", method=method, json=body, headers=sent)
        assert answer.status_code == status, answer.text
        return answer.get_json() if answer.is_json else answer

    def at(days: int) -> str:
        return (clock.now() + timedelta(days=days)).isoformat()

    first = {"shop_id": shop_id, "creator_id": x, "rate_bp": 1200, "ends_at": at(60), "expires_at": at(7)}
    made = call("POST", "/negotiations", first)
    assert (made["state"], made["turn"], made["number"]) == ("open", "creator", 1)
    assert call("POST", "/negotiations", first)["id"] == made["id"]
    assert call("POST", "/negotiations", first | {"rate_bp": 50}, 422)["field"] == "rate_bp"
    where = f"/negotiations/{made['id']}"
    counter = {"side": "creator", "number": 1, "rate_bp": 1500, "product_refs": ["A"], "ends_at": at(60),
               "expires_at": at(7), "note": "<b>more</b>"}  # fmt: skip
    assert call("POST", f"{where}/offers", counter)["turn"] == "merchant"
    old = call("POST", f"{where}/answers", {"side": "creator", "number": 1, "answer": "accept"}, 409)
    assert old["detail"].startswith("Another offer took the place")
    agreed = call("POST", f"{where}/answers", {"side": "merchant", "number": 2, "answer": "accept"}, 200)
    assert (agreed["state"], agreed["agreed"], len(agreed["agreements"])) == ("agreed", 1, 1)
    assert "<b>more</b>" in agreed["agreements"][0]["text"]
    terms = call("GET", f"/collaborations?shop_id={shop_id}&creator_id={x}", status=200)["items"]
    assert [each["rate_bp"] for each in terms if each["kind"] == "targeted"] == [1500]
    assert [each["id"] for each in call("GET", f"/negotiations?creator_id={x}&state=agreed", status=200)["items"]] == [
        made["id"]
    ]

    # The thread, read by one side, flooded by the other, reported and exported.
    sent = call("POST", f"{where}/messages", {"side": "creator", "text": "hello"}, Idempotency_Key="k")
    assert call("POST", f"{where}/messages", {"side": "creator", "text": "hello"}, Idempotency_Key="k") == sent
    for _ in range(messages.AN_HOUR - 1):
        call("POST", f"{where}/messages", {"side": "creator", "text": "again"})
    late = client.post(
        f"/api/v1{where}/messages", json={"side": "creator", "text": "x"}, headers={"Authorization": f"Bearer {secret}"}
    )
    assert (late.status_code, late.headers["Retry-After"]) == (429, "3600")
    assert call("GET", where, status=200)["unread_by_merchant"] == messages.AN_HOUR
    assert call("POST", f"{where}/read", {"side": "merchant", "number": 3}, 200)["unread_by_merchant"] == 27
    page = call("GET", f"{where}/messages?limit=20", status=200)
    rest = call("GET", f"{where}/messages?limit=20&cursor={page['next']}", status=200)
    assert [each["number"] for each in page["items"] + rest["items"]] == list(range(1, 31))
    call("POST", f"{where}/messages/1/report", {"side": "creator", "words": "mine"}, 409)
    assert call("POST", f"{where}/messages/1/report", {"side": "merchant", "words": "rude"})["number"] == 1
    assert len(call("GET", f"{where}/export", status=200)["messages"]) == 30
    assert call("GET", f"{where}/export.csv", status=200).text.count("message") >= 30

    # A rule, then a list: what can't be taken is told by line.
    rule = {"shop_id": shop_id, "most_bp": 1500, "least_followers": 1000}
    standing = call("POST", "/acceptance-rules", rule)
    mine = {**first, "creator_id": world.creators["y"], "side": "creator", "rate_bp": 1400, "product_refs": ["B"]}
    assert call("POST", "/negotiations", mine)["state"] == "agreed"
    assert call("POST", f"/acceptance-rules/{standing['id']}/end", status=200)["ends_at"]
    assert len(call("GET", f"/acceptance-rules?shop_id={shop_id}", status=200)["items"]) == 1
    asked = {"shop_id": shop_id, "rate_bp": 900, "ends_at": at(60), "expires_at": at(7), "product_refs": ["A"],
             "rows": [{"handle": "x"}, {"handle": "Y", "rate_bp": 1000}, {"handle": "z"}]}  # fmt: skip
    begun = call("POST", "/invitation-lists", asked, 202, Idempotency_Key="list")
    assert (begun["waiting"], begun["status"]) == (3, "working")
    batches.work(begun["id"], shop_id)
    assert call("POST", "/invitation-lists", asked, 202, Idempotency_Key="list")["id"] == begun["id"]
    done = call("GET", f"/offer-batches/{begun['id']}", status=200)
    assert (done["status"], done["taken"], done["refused"]) == ("done", 1, 2)
    listed = call("GET", f"/offer-batches/{begun['id']}/rows?outcome=refused", status=200)["items"]
    assert [(each["number"], each["reason"]) for each in listed] == [(1, "own_terms_stand"), (3, "creator_not_found")]
    call("POST", "/offer-answers", {"shop_id": shop_id, "answer": "accept", "most_bp": 900}, 409)
    kinds = {each["kind"] for each in call("GET", "/notices?limit=200", status=200)["items"]}
    assert kinds == {"offer.made", "offer.answered", "collaboration.agreed", "message.received"}
