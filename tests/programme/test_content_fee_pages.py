"""Content for a flat fee on the pages of a creator, a shop and support, and through the API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from connector import clock
from connector.access import links, staff, studio, tokens
from connector.commerce.catalog.ids import listing_id
from connector.db import Database, Scope
from connector.earnings.ledger import queries
from connector.programme import collaborations
from connector.programme.collaborations.tables import ContentApproval
from connector.programme.content import anchors, attach
from connector.programme.content.anchors import Wanted
from tests.attribution.world import World, put_on_roster
from tests.conftest import wired
from tests.web.conftest import settings

ALL = Scope.system("test")


def test_from_the_offer_to_what_support_decides(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    app = wired(settings())
    creator_id = world.creators["x"]

    def enter(path: str) -> FlaskClient:
        client = app.test_client()
        assert post(client, path, path).status_code == 303
        return client

    def post(client: FlaskClient, path: str, form_at: str, **data: Any) -> Any:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(form_at).text)
        assert token, client.get(form_at).text
        return client.post(path, data={"csrf_token": token.group(1), **data})

    def owed() -> int:
        with sqlite_database.read(ALL) as session:
            return sum(each.owed for each in queries.balances(session, creator_id=creator_id))

    with sqlite_database.write(ALL) as session:
        collaborations.promote(session, creator_id, world.shop_id, "A")
        video = attach.ensure(session, creator_id, "app", "v1", "video", "Morning light", url="https://app.example/v1")
        bare = attach.ensure(session, creator_id, "app", "v2", "video", "No product in it").id
        anchors.put(session, video, [Wanted(listing_id(world.shop_id, "A"))], by="c")
        key = studio.link(session, creator_id, by="test")[0]
        people = [staff.ensure(session, name, "support", by="command").id for name in ("Sam", "Kim")]
        merchant_key = links.issue(session, "merchant", world.shop_id)
        staff_keys = [links.issue(session, "staff", each) for each in people]
        _, secret = tokens.issue(session, "app", ["collaborations:read", "collaborations:write"], by="test")
        video_id = video.id
    shop = enter(f"/dashboard/sign-in/link/{merchant_key}")
    mine = enter(f"/studio/sign-in/link/{key}")
    support, second = (enter(f"/console/sign-in/link/{each}") for each in staff_keys)
    last_day = (clock.now() + timedelta(days=50)).date().isoformat()
    offered = {"rate": "14", "last_day": last_day, "wait": "7", "handle": "x", "products": "A"}

    # The fee is typed in the shop's currency; what is no amount, or too much, is said beside its field.
    form = "/dashboard/offers/invite"
    for fee, said in (("lots", "plain decimal"), ("1.005", "more decimals"), ("10000.01", "between nothing and")):
        assert said in post(shop, form, form, **offered, fee=fee).text, fee
    sent = post(shop, form, form, **offered, fee="90.00")
    assert sent.status_code == 303, sent.text
    theirs = sent.location.replace("/dashboard", "/studio")
    assert "Accept 14" in mine.get(theirs).text
    assert "€90.00" in mine.get(theirs).text
    assert post(mine, f"{theirs}/answer", theirs, number="1", answer="accept").status_code == 303
    assert "90.00 EUR, once" in mine.get(theirs).text

    assert "Hand in the content for €90.00" in mine.get("/studio").text

    # Handed in: what has no product of the agreement isn't offered, and is refused.
    page = mine.get(theirs).text
    assert "Morning light" in page
    assert "No product in it" not in page
    assert "No product of the agreement" in post(mine, f"{theirs}/content", theirs, video=bare).text
    assert post(mine, f"{theirs}/content", theirs, video=video_id).status_code == 303
    assert "Need your answer" in shop.get("/dashboard/offers/content").text
    assert "Morning light" in shop.get("/dashboard/offers/content").text
    assert "1 piece of content for a flat fee waits for your answer" in shop.get("/dashboard").text
    # Who judges it can see it: by the address that the app told, and is told when that changed meanwhile.
    link = 'href="https://app.example/v1" target="_blank" rel="noopener noreferrer nofollow">Open it in the app'
    assert link in shop.get("/dashboard/offers/content").text
    assert link in shop.get(sent.location).text
    assert "after it was handed in" not in shop.get(sent.location).text
    with sqlite_database.write(ALL) as session:
        attach.ensure(session, creator_id, "app", "v1", "video", url="https://app.example/v9")
    assert "app.example/v9" in shop.get(sent.location).text
    assert "after it was handed in. Look whether it shows the same." in shop.get(sent.location).text
    with sqlite_database.write(ALL) as session:
        attach.ensure(session, creator_id, "app", "v1", "video", url="")
    instead = "Look for “<bdi>Morning light</bdi>” by <bdi>@x</bdi> in the app, or ask the creator for it."
    assert instead in shop.get(sent.location).text
    assert "Shops look for it by its name" in mine.get(theirs).text
    with sqlite_database.read(ALL) as session:
        approval = session.query(ContentApproval).one().id

    # Sent back with a reason, and only so; taken up again; approved by one act, once.
    reply = f"{sent.location}/content/{approval}/answer"
    assert "The reason is empty" in post(shop, reply, sent.location, answer="send_back").text
    assert post(shop, reply, sent.location, answer="send_back", reason="Too dark").status_code == 303
    assert "Too dark" in mine.get(theirs).text
    assert "Your content for €90.00 was sent back" in mine.get("/studio").text
    assert post(mine, f"{theirs}/content/{approval}/appeal", theirs, words="It is dawn").status_code == 303
    assert owed() == 0
    listed = support.get("/console/content-fees").text
    assert "1 side asked" in listed
    where = f"/console/content-fees/{approval}"
    assert where in listed
    token = re.search(r'name="token" value="([^"]+)"', support.get(where).text)
    assert token
    assert "Say whether it is owed" in post(support, where, where, token=token.group(1), note="Fine").text
    assert "The note is empty" in post(support, where, where, verdict="owed", token=token.group(1)).text
    assert "Something changed" in post(support, where, where, verdict="owed", token="old", note="Fine").text
    assert post(support, where, where, verdict="owed", token=token.group(1), note="Dawn is fine").status_code == 303
    assert owed() == 9000
    assert "content for €90.00" not in mine.get("/studio").text
    for client, path in ((mine, theirs), (shop, sent.location), (second, where)):
        assert "Dawn is fine" in client.get(path).text
        assert "Ask support" not in client.get(path).text
    assert "Content for a flat fee decided" in support.get("/console/audit").text
    assert "Morning light" in shop.get("/dashboard/offers/content?show=owed").text
    assert "content handed in" in mine.get(f"{theirs}/export.csv").text

    # The same, through the API.
    api = app.test_client()

    def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = api.open(
            f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {secret}"}
        )  # fmt: skip
        assert answer.status_code == status, answer.text
        return answer.get_json()

    shown = call("GET", f"/content-approvals/{approval}")
    assert (shown["state"], shown["owed"], shown["fee"]["decimal"]) == ("approved", True, "90.00")
    assert [each["id"] for each in call("GET", f"/content-approvals?creator_id={creator_id}&limit=1")["items"]] == [
        approval
    ]
    negotiation = f"/negotiations/{shown['negotiation_id']}"
    assert "already" in call("POST", f"{negotiation}/content", {"content_id": video_id}, 409)["detail"]
    call("POST", f"{negotiation}/content", {"content_id": "cnt_nothing"}, 404)
    call("POST", f"/content-approvals/{approval}/answer", {"answer": "send_back", "reason": "Late"}, 409)
    assert (
        "decided"
        in call("POST", f"/content-approvals/{approval}/appeal", {"side": "merchant", "words": "x"}, 409)["detail"]
    )
    assert owed() == 9000
