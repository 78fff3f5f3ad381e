"""The programme's bad input, as the app's back end would send it: each answer names the field and the reason, what was
refused changed nothing, and the rest went on. (Samples: `tests/samples/test_api.py`.)"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connector import app as application
from connector import clock, db
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution.tables import UnknownCode
from connector.programme.collaborations import batches
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import PLACED, World, app_settings, product, put_on_roster

DAY = timedelta(days=1)


@pytest.fixture
def api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    db.use(sqlite_database)
    guards._rates.storage.reset()
    yield Api(application.create_app(app_settings()), sqlite_database)
    guards._rates.storage.reset()


def refused(answer: Any, status: int, field: str, *says: str) -> dict[str, Any]:
    """A problem that names the field, and says why and what to do."""
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json
    assert said.get("field") == field, said
    text = f"{said['detail']} {said.get('remedy', '')}"
    for each in says:
        assert each in text, text
    return said


def test_who_may_not_sign_up_reads_why_and_is_not_kept(api: Api) -> None:
    fine = {"account_ref": "u1", "handle": "mira", "followers": 5000, "born_on": "2000-01-01", "country": "DE"}
    for changes, field, says in (
        ({"born_on": "2012-01-01"}, "born_on", ("under 18", "on the day they turn 18", "version")),
        ({"born_on": None}, "born_on", ("minimum age",)),
        ({"followers": 999}, "followers", ("are 999, and 1000 are needed", "as soon as they have 1000", "version")),
        ({"networks": [{"network": "orkut", "handle": "mira", "followers": 1}]}, "networks.0.network", ("orkut",)),
        ({"networks": [{"network": "x", "handle": "a b"}]}, "networks.0.handle", ("handles don't have",)),
        ({"handle": "mіra"}, "handle", ("script",)),  # a Cyrillic i
        ({"handle": ""}, "handle", ()),
        ({"handle": ".."}, "handle", ("no letter",)),  # /creators/.. is another page
        ({"networks": [{"network": "x", "handle": each} for each in ("m1", "m2")]}, "networks", ("one handle",)),
        ({"networks": [{"network": "app", "handle": "mira2"}]}, "networks", ("in the app",)),
        ({"country": "XX"}, "country", ()),
        ({"followers": -1}, "followers", ()),
    ):  # fmt: skip
        refused(api.send("POST", "/creators/sign-ups", fine | changes), 422, field, *says)
    few = refused(api.send("POST", "/creators/sign-ups", fine | {"followers": 999}), 422, "followers")
    assert few["code"] == "too_few_followers"
    assert api.get("/creators?handle=mira")["items"] == [], "least of all of a child is anything kept"
    made = api.post("/creators/sign-ups", fine | {"networks": [{"network": "x", "handle": "mira.x"}]})
    other = fine | {"account_ref": "u2", "handle": "mirra", "networks": [{"network": "X", "handle": "@MIRA.X"}]}
    assert (
        refused(api.send("POST", "/creators/sign-ups", other), 409, "networks.0.handle", "mira.x")["code"]
        == "handle_taken"
    )
    assert api.get("/creators?handle=mirra")["items"] == []
    # A count that jumps is kept, flagged, and not believed; the answer says so by name.
    creator = made["id"]
    answer = api.post(f"/creators/{creator}/followers", {"followers": 900_000})
    newest = api.get(f"/creators/{creator}/eligibility")["items"][0]
    assert (newest["followers"], newest["believed"], newest["flags"]) == (900_000, 5000, ["followers_jumped"])
    assert answer["eligibility"]["outcome"] == "accepted", "what was accepted before isn't taken back by a doubt"
    told = [each["kind"] for each in api.get("/notices")["items"] if each["creator_id"] == creator]
    assert "creator.flagged" in told
    refused(api.send("POST", f"/creators/{creator}/followers", {"networks": {"orkut": 1}}), 422, "networks", "orkut")


def test_who_may_add_nothing_adds_nothing_whichever_way_and_a_pilot_s_limits_hold(api: Api) -> None:
    """By a link alone, in a video, in the app's own list: the policy is asked about each product that is new."""
    world = World(api.database).begin()
    with api.database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [product(f"N{n}") for n in range(7)], "run", PLACED - DAY)
    ids = [listing_id(world.shop_id, f"N{n}") for n in range(7)]
    sign_up = {"account_ref": "u1", "handle": "mira", "followers": 1200, "born_on": "2000-01-01", "country": "DE"}
    mira = api.post("/creators/sign-ups", sign_up)["id"]
    nowhere = api.send("POST", f"/creators/{mira}/content", {"network": "orkut", "content_ref": "v1", "kind": "video"})
    refused(nowhere, 422, "network", "orkut", "tiktok")
    video = api.post(f"/creators/{mira}/content", {"network": "tiktok", "content_ref": "v1", "kind": "video"})["id"]

    def into_the_video(*listings: str) -> Any:
        products = [{"listing_id": each} for each in listings]
        return api.send("POST", f"/content/{video}/products", {"products": products})

    def answers(listing: str) -> set[tuple[int, str]]:
        said = [
            api.send("POST", f"/creators/{mira}/products", {"listing_id": listing}),
            api.send("POST", "/links", {"creator_id": mira, "listing_id": listing}),
            api.send("POST", f"/creators/{mira}/promotions", {"listing_id": listing}),
            into_the_video(ids[0], listing),
        ]
        problems: list[dict[str, Any]] = [each.get_json() for each in said]
        return {(each.status_code, found.get("code", "")) for each, found in zip(said, problems, strict=True)}

    assert into_the_video(*ids[:6]).status_code == 409, "six on one day"
    assert into_the_video(*ids[:3]).status_code == 201
    code = api.post("/links", {"creator_id": mira, "listing_id": ids[3]})["code"]
    # A tap by a code with a slip in it credits nobody, and is kept with the code that it may have been.
    for path, asked in (("touches", {"link_code": code[1:]}), ("carts", {"lines": [{"link_code": code[1:]}]})):
        assert api.send("POST", f"/{path}", asked).status_code == 404
    with api.database.read(Scope.system("test")) as session:
        assert [(each.nearest, each.times) for each in session.query(UnknownCode)] == [(code, 2)]
    api.post(f"/creators/{mira}/promotions", {"listing_id": ids[4]})
    assert answers(ids[5]) == {(409, "")}, "five were new today"
    assert into_the_video(ids[4]).status_code == 201, "what is in the list goes into a video"
    api.post(f"/creators/{mira}/followers", {"followers": 900})
    assert answers(ids[6]) == {(409, "too_few_followers")}
    last = api.send("POST", "/links", {"creator_id": mira, "listing_id": ids[6]})
    refused(last, 409, "creator_id", "900 follow them, and 1,000 are needed", "version 2")
    assert into_the_video(ids[3]).status_code == 201
    promoted = api.get(f"/creators/{mira}/promotions")["items"]
    assert {each["product_ref"] for each in promoted} == {"N0", "N1", "N2", "N3", "N4"}


def test_offers_that_can_not_be_are_refused_by_field_and_an_answered_one_stays_answered(api: Api) -> None:
    world = World(api.database).begin()
    shop_id, x = world.shop_id, world.creators["x"]

    def at(days: int) -> str:
        return (PLACED + days * DAY).isoformat()

    first = {"shop_id": shop_id, "creator_id": x, "rate_bp": 1200, "ends_at": at(60), "expires_at": at(7)}
    for changes, field in (
        ({"rate_bp": 99}, "rate_bp"), ({"rate_bp": 8001}, "rate_bp"), ({"rate_bp": "12"}, "rate_bp"),
        ({"ends_at": at(-1)}, "ends_at"), ({"expires_at": at(-1)}, "expires_at"), ({"ends_at": "soon"}, "ends_at"),
        ({"product_refs": ["nobody's"]}, "product_refs"), ({"flat_fee": -1}, "flat_fee"),
    ):  # fmt: skip
        refused(api.send("POST", "/negotiations", first | changes), 422, field)
    assert api.send("POST", "/negotiations", first | {"creator_id": "crt_nobody"}).status_code == 404
    assert api.get(f"/negotiations?shop_id={shop_id}")["items"] == []
    made = api.post("/negotiations", first)
    where = f"/negotiations/{made['id']}/answers"
    yes = {"side": "creator", "number": 1, "answer": "accept"}
    assert api.send("POST", where, yes | {"answer": "decline"}).status_code == 200
    assert refused(api.send("POST", where, yes), 409, "number", "answered already")["code"] == "offer_answered"
    early = refused(api.send("POST", "/negotiations", first | {"side": "merchant"}), 409, "creator_id", "days ago")
    assert early["code"] == "declined_lately"
    assert api.get(f"/negotiations/{made['id']}")["state"] == "declined"
    refused(api.send("POST", where, yes | {"answer": "maybe"}), 422, "answer")
    assert refused(api.send("POST", where, yes | {"number": 0}), 409, "number")["code"] == "offer_replaced"


def test_a_list_goes_on_around_its_bad_rows_and_a_message_is_text(api: Api) -> None:
    world = World(api.database).begin()
    shop_id = world.shop_id
    rows = [{"handle": each} for each in ("@x", "X ", "nobody", "mіra", "")] + [{"handle": "y", "rate_bp": 900}]
    rows.append({"handle": "tal", "rate_bp": 8001})
    offer = {"shop_id": shop_id, "rate_bp": 1500, "ends_at": (PLACED + 60 * DAY).isoformat(),
             "expires_at": (PLACED + 7 * DAY).isoformat()}  # fmt: skip
    refused(api.send("POST", "/invitation-lists", offer | {"rows": []}), 422, "rows")
    made = api.send("POST", "/invitation-lists", offer | {"rows": rows}, Idempotency_Key="list 1").json
    batches.work(made["id"], shop_id)  # type: ignore[index]
    said = api.get(f"/offer-batches/{made['id']}/rows")["items"]  # type: ignore[index]
    assert [(each["number"], each["outcome"], each["reason"]) for each in said] == [
        (1, "taken", ""), (2, "refused", "twice_in_list"), (3, "refused", "creator_not_found"),
        (4, "refused", "creator_not_found"), (5, "refused", "handle_unreadable"), (6, "taken", ""),
        (7, "refused", "rate_out_of_range"),
    ]  # fmt: skip
    assert "line 1" in said[1]["detail"]
    found = api.get(f"/negotiations?shop_id={shop_id}")["items"]
    assert {each["creator_id"] for each in found} == set(world.creators.values())
    where = f"/negotiations/{found[0]['id']}/messages"
    text = "<script>alert(1)</script> & <b>more</b>"
    sent = api.post(where, {"side": "creator", "text": text})
    assert sent["text"] == text, "kept word for word, shown as text"
    for bad, field in (({"text": ""}, "text"), ({"text": "x" * 4001}, "text"), ({"side": "nobody"}, "side")):
        refused(api.send("POST", where, {"side": "creator", "text": "hello"} | bad), 422, field)
    refused(api.send("POST", where, {"side": "creator", "text": "a\x00b"}), 422, "text")
