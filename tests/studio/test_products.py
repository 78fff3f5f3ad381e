"""From signing up in the app to a link that works, by HTTP alone: no merchant's click, and how long it takes."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from connector import notices
from connector.access import tokens
from connector.commerce.catalog.ids import listing_id
from connector.db import Database, Scope
from connector.insight.market import index
from tests.attribution.world import World, app_settings, put_on_roster
from tests.conftest import wired

SIGN_UP = {
    "account_ref": "u-1", "handle": "@mira", "name": "Mira", "followers": 1500, "born_on": "1998-04-30",
    "country": "DE",
    "networks": [{"network": "instagram", "handle": "mira.makes", "followers": 800}], "topics": ["#Sewing"],
}  # fmt: skip


class App:
    """The app's back end, and the web view in which its creator is."""

    def __init__(self, world: World) -> None:
        self.app = wired(app_settings())
        with world.database.write(Scope.app()) as session:
            scopes = ["creators:write", "creators:read", "links:write", "studio:write"]
            self.secret = tokens.issue(session, "app", scopes, by="test")[1]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        head = {"Authorization": f"Bearer {self.secret}"}
        return self.app.test_client().open(f"/api/v1{path}", method=method, json=body, headers=head)

    def studio(self, creator_id: str) -> FlaskClient:
        client = self.app.test_client()
        path = self.call("POST", f"/creators/{creator_id}/studio-link", {}).json["url"].split("8080", 1)[1]
        sent = {"csrf_token": csrf(client.get(path).text)}
        assert client.post(path, data=sent).status_code == 303
        return client


def csrf(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', html)
    assert found
    return found.group(1)


def test_from_the_sign_up_to_the_first_link(world: World) -> None:
    index.follow(wait_for_syncs=False)
    app, began = App(world), time.monotonic()
    mira = app.call("POST", "/creators/sign-ups", SIGN_UP)
    assert mira.status_code == 201, mira.text
    assert (mira.json["eligibility"]["outcome"], mira.json["eligibility"]["policy_version"]) == ("accepted", 2)
    added = app.call("POST", f"/creators/{mira.json['id']}/products", {"listing_id": listing_id(world.shop_id, "A")})
    assert added.status_code == 201, added.text
    path = added.json["link"]["url"].removeprefix("http://127.0.0.1:8080")
    opened = app.app.test_client().get(path)
    took = time.monotonic() - began
    assert opened.status_code == 302, opened.text
    assert "one.plain.example" in opened.headers["Location"]
    assert took < 120, "the issue's bound"
    # The same by the creator's own hand, in the studio.
    client = app.studio(mira.json["id"])
    shown = client.get("/studio/products")
    assert shown.text.count("You earn 10\u00a0%, about") == 2
    assert "there is a limit on how many products you can add" in shown.text
    assert (shown.text.count(">Your link<span"), shown.text.count(">Add<span")) == (1, 1)
    assert "Your link is ready: share it" in client.get("/studio").text
    profile = client.get("/studio/profile").text
    assert "1,500 count for you" in profile
    assert re.search(r"Products in your list</dt><dd>1</dd><dd class=\"note\">of 20", profile)
    for narrowed, hits in (("rate=1000", 2), ("rate=1500", 0), (f"shop={world.shop_id}", 2), ("shop=shp_no", 0),
                           ("price=EUR:99", 2), ("rate=7", 2)):  # fmt: skip
        found = client.get(f"/studio/products?{narrowed}").text
        assert found.count("You earn 10\u00a0%, about") == hits, narrowed
        assert ("Nothing matches these filters" in found) is (hits == 0), narrowed
    form = {"csrf_token": csrf(shown.text), "listing_id": listing_id(world.shop_id, "B")}
    made = client.post("/studio/products", data=form)
    assert made.status_code == 303
    own = client.get(made.headers["Location"])
    assert re.search(r"http://127\.0\.0\.1:8080/go/[0-9a-z]{10}", own.text)
    svg, png = (client.get(f"{made.headers['Location']}/qr.{kind}") for kind in ("svg", "png"))
    assert svg.data.startswith(b"<?xml")
    assert (svg.mimetype, png.mimetype, png.data[:4]) == ("image/svg+xml", "image/png", b"\x89PNG")
    assert b"style=" not in svg.data
    assert client.get("/studio/links?show=links").text.count("/go/") == 2
    assert client.get("/studio/links").text.count("<dt>Taps</dt>") == 2
    out = client.post(f"{made.headers['Location']}/remove", data={"csrf_token": csrf(own.text)})
    assert out.status_code == 303
    assert "not in your list any more" in client.get(made.headers["Location"]).text
    assert client.get("/studio/links/lnk_nobody").status_code == 404
    with world.database.read(Scope.app()) as session:
        assert [each.kind for each in notices.after(session, None, 9)] == ["creator.accepted"]


def test_what_the_app_is_told_when_it_cannot_be(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    app = App(world)
    for path, body in (("products", {"listing_id": "lst_x"}), ("followers", {"followers": 1})):
        assert app.call("POST", f"/creators/crt_no/{path}", body).status_code == 404
    for changes, field in (
        ({"born_on": "2015-01-01"}, "born_on"), ({"followers": 10}, "followers"), ({"followers": -1}, "followers"),
        ({"networks": [{"network": "myspace", "handle": "m"}]}, "network"), ({"handle": "mіra"}, "handle"),
        ({"account_ref": ""}, "account_ref"), ({"audience": {"genders": {"f": 1}}}, "audience"),
    ):  # fmt: skip
        refused = app.call("POST", "/creators/sign-ups", {**SIGN_UP, **changes})
        assert refused.status_code == 422, (changes, refused.text)
        assert refused.json["field"].split(".")[-1] == field, refused.text
        if changes.get("followers") == 10:
            assert "Eligibility policy, version 2" in refused.json["remedy"]
    assert app.call("GET", "/creators?handle=mira").json["items"] == []

    then = {"followers": 3000, "born_on": "1998-04-30"}
    for at, outcome in (("2024-04-30T12:00:00Z", "refused"), ("2024-05-01T00:00:00Z", "accepted")):
        looked = app.call("POST", "/eligibility/look", {**then, "at": at})
        assert looked.json["outcome"] == outcome, looked.text
    assert [each["version"] for each in app.call("GET", "/eligibility").json["items"]] == [2, 1]

    mira = app.call("POST", "/creators/sign-ups", SIGN_UP).json["id"]
    dropped = app.call("POST", f"/creators/{mira}/followers", {"followers": 400, "networks": {"instagram": 300}})
    assert dropped.json["eligibility"]["reason"] == "too_few_followers", dropped.text
    for path, body in (
        (f"/creators/{mira}/products", {"listing_id": listing_id(world.shop_id, "A")}),
        ("/links", {"creator_id": mira, "listing_id": listing_id(world.shop_id, "A")}),
    ):
        stopped = app.call("POST", path, body)
        assert stopped.status_code == 409
        assert "What they promote already goes on" in stopped.json["detail"]
    client = app.studio(mira)
    assert "You have too few followers to add products" in client.get("/studio/products").text
    assert "1,000 followers are needed; 400 count for you." in client.get("/studio/profile").text
    first = client.get("/studio").text
    assert "Three steps to your first link" in first
    assert "You can add no new product" in first
    decisions = app.call("GET", f"/creators/{mira}/eligibility").json["items"]
    assert [(each["outcome"], each["policy_id"]) for each in decisions] == [("refused", "elp_2"), ("accepted", "elp_2")]
    assert [each["status"] for each in app.call("GET", f"/creators/{mira}/statuses").json["items"]] == ["active"]
    profile = app.call("GET", f"/creators/{mira}/profile").json
    assert (profile["topics"], profile["country"]) == (["sewing"], "DE")
    app.call("POST", f"/creators/{mira}/followers", {"followers": 90_000})
    jumped = client.get("/studio/profile").text
    assert "at least 3 times what stood a week before" in jumped
    assert "Your follower count jumped" in client.get("/studio/news").text
