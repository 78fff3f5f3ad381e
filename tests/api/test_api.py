"""The API as the app's back end uses it: from a creator to a touch, and every error as a problem."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from connector.commerce.catalog import take
from connector.commerce.catalog.tables import VariantRow
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import journeys, tokens
from connector.earnings.attribution.tables import Link, Touch
from connector.earnings.payouts.tables import Payout, PayoutBatch
from connector.earnings.settlement.tables import Receipt
from connector.events import Variant
from connector.insight.market import index
from connector.programme.collaborations import terms
from tests.api.conftest import Api
from tests.attribution.world import DAY, PLACED, World, product
from tests.settlement.books import Books

ALL = Scope.system("test")


def stock(world: World, *products: Any) -> None:
    with world.database.write(ALL) as session:
        take.apply_products(session, session.get_one(Shop, world.shop_id), products, "run", PLACED)
    index.follow(wait_for_syncs=False)


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """A problem of RFC 9457 with that status."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    found: dict[str, Any] = answer.json
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert found["type"].startswith("urn:connector:problem:")
    assert found["instance"].startswith("req_")
    return found


# --- listings ---


def test_a_creator_is_shown_what_is_open_to_them(api: Api, world: World) -> None:
    """A at 9 % for everybody and B for nobody, C can't be sold; then 20 % on B for X alone."""
    x, y = world.creators["x"], world.creators["y"]
    stock(world, product("A"), product("B"), product("C", price=0))
    with world.database.write(ALL) as session:
        terms.withdraw(session, world.shop_id, product_ref="", by="test", now=PLACED)
        terms.open_terms(session, world.shop_id, 900, product_ref="A", by="test", now=PLACED)
    index.follow(wait_for_syncs=False)

    def seen(creator: str, **asked: str) -> dict[str, int]:
        path = "/listings?" + urlencode({"open_to": creator, **asked})
        return {each["product_ref"]: each["rate"]["rate_bp"] for each in api.get(path)["items"]}

    assert seen(x) == seen(y) == {"A": 900}
    with world.database.write(ALL) as session:
        ends = PLACED + timedelta(days=9)
        terms.target(session, world.shop_id, x, 2000, product_ref="B", ends_at=ends, by="test", now=PLACED)
    assert seen(x, shop_id=world.shop_id) == {"A": 900, "B": 2000}
    assert seen(y, shop_id=world.shop_id) == {"A": 900}
    assert seen(y, rate_from="901") == {}
    assert seen(x, rate_from="901", shop_id=world.shop_id) == {"B": 2000}
    assert [each["rate"] for each in api.get("/listings")["items"]] == [None] * 3, "nobody was asked about"
    assert problem(api.send("GET", f"/listings?open_to={x}&status=gone"), 422)["field"] == "status"
    problem(api.send("GET", "/listings?open_to=crt_nobody"), 404)


def test_search_filters_and_money(api: Api, world: World) -> None:
    stock(
        world, product("C", "C1", "C2", title="Red shoes", price=1999, vendor="Harbour"),
        product("D", title="Blue shoes", price=0), product("E", title="50% off_coat", price=500),
    )  # fmt: skip
    titles = [item["title"] for item in api.get("/listings")["items"]]
    assert titles == sorted(titles, key=str.lower)
    assert [i["title"] for i in api.get("/listings?q=SHOES red")["items"]] == ["Red shoes"]
    assert [i["title"] for i in api.get("/listings?q=" + quote("50% off_"))["items"]] == ["50% off_coat"]
    assert api.get("/listings?q=%25")["items"] == []
    (blue,) = api.get("/listings?status=not_shoppable")["items"]
    assert (blue["title"], blue["reason"]["code"]) == ("Blue shoes", "no_price")
    assert blue["reason"]["remedy"]
    (red,) = api.get("/listings?q=harbour")["items"]
    assert red["price_from"] == {"amount": 1999, "currency": "EUR", "decimal": "19.99"}
    assert red["variant_count"] == 2
    assert api.get("/listings?shop_id=shp_nobody")["items"] == []


def test_one_listing_whole(api: Api, world: World) -> None:
    red, blue = (
        Variant(variant_ref=ref, price=price, title=colour, options=(("Colour", colour), ("Size", "L")), stock=stock_,
                compare_at=compare, position=n, sku=f"S-{n}")
        for n, (ref, price, colour, stock_, compare) in enumerate(
            [("9", 1000, "Red", -2, 1500), ("8", 2500, "Blue", None, None)]
        )
    )  # fmt: skip
    red = msgspec.structs.replace(red, gtin="4006381333931", mpn="WC-9")
    whole = product(
        "C", title="Winter coat", description="Warm & dry", images=("https://cdn.example/1.jpg",), brand="Mill",
        condition="used", taxonomy_ref="aa-1", taxonomy_name="Apparel > Coats",
    )  # fmt: skip
    stock(world, msgspec.structs.replace(whole, variants=(red, blue)))
    (head,) = api.get("/listings?q=coat")["items"]
    found = api.get(f"/listings/{head['id']}")
    assert found["options"] == [{"name": "Colour", "values": ["Red", "Blue"]}, {"name": "Size", "values": ["L"]}]
    assert [v["variant_ref"] for v in found["variants"]] == ["9", "8"]
    assert [v["stock"] for v in found["variants"]] == [-2, None]
    assert found["variants"][0]["compare_at"]["amount"] == 1500
    assert (found["price_from"]["amount"], found["price_to"]["amount"]) == (1000, 2500)
    assert found["rate"]["rate_bp"] == 1000
    assert found["description"] == "Warm & dry"
    assert (found["brand"], found["condition"], found["taxonomy"]) == (
        "Mill", "used", {"ref": "aa-1", "name": "Apparel > Coats"},
    )  # fmt: skip
    assert [(v["gtin"], v["mpn"], v["requires_shipping"]) for v in found["variants"]] == [
        ("4006381333931", "WC-9", True), ("", "", True),
    ]  # fmt: skip
    problem(api.send("GET", "/listings/lst_nothing"), 404)


def test_search_ranks_narrows_and_counts(api: Api, world: World) -> None:
    stock(
        world, product("C", title="Oak chair, with arms", price=12_000, category="Chairs"),
        product("D", title="Oak chair", price=9_000, category="Chairs"),
        product("E", title="Stool", price=4_000, category="Stools", description="of oak"),
        product("F", title="Oak shelf", price=4_000, category="Shelves", tags=("chair",)),
    )  # fmt: skip

    def titles(query: str) -> list[str]:
        return [item["title"] for item in api.get(f"/listings?{query}")["items"]]

    assert titles("q=oak chair") == ["Oak chair", "Oak chair, with arms", "Oak shelf"]
    assert titles("q=oka chair") == []  # a word of three letters is met as it stands
    assert titles("q=oak chiar") == ["Oak chair", "Oak chair, with arms", "Oak shelf"]
    assert titles("q=oak&category=chairs") == ["Oak chair", "Oak chair, with arms"]
    assert titles("q=oak&currency=EUR&price_to=9000") == ["Oak chair", "Oak shelf", "Stool"]
    assert titles("q=oak&currency=EUR&price_from=9001") == ["Oak chair, with arms"]
    assert titles("q=oak&currency=USD") == []
    assert titles("q=oak&rate_from=1001") == []
    assert titles("category=Stools&available=true") == ["Stool"]
    found = api.get("/listings?q=oak&limit=2&facets=category,price,shop,rate,availability,status")
    assert [item["title"] for item in found["items"]] == ["Oak chair", "Oak shelf"]
    facets = {name: [(each["value"], each["count"]) for each in some] for name, some in found["facets"].items()}
    assert facets["category"] == [("chairs", 2), ("shelves", 1), ("stools", 1)]
    assert facets["shop"] == [(world.shop_id, 4)]
    assert facets["rate"] == [("1000", 4)]
    assert facets["availability"] == [("true", 4)]
    assert facets["status"] == [("shoppable", 4)]
    cheap = found["facets"]["price"][0]
    assert (cheap["price_from"]["amount"], cheap["price_to"]["amount"], cheap["count"]) == (2_000, 4_999, 2)
    assert cheap["label"] == "EUR 20.00 to 49.99"
    after = api.get(f"/listings?q=oak&limit=2&cursor={quote(found['next'])}")
    assert [item["title"] for item in after["items"]] == ["Oak chair, with arms", "Stool"]
    assert (after["next"], after["facets"]) == (None, None)
    assert problem(api.send("GET", f"/listings?q=elm&cursor={quote(found['next'])}"), 422)["field"] == "cursor"
    assert problem(api.send("GET", "/listings?facets=colour"), 422)["field"] == "facets"
    assert problem(api.send("GET", "/listings?price_to=5"), 422)["field"] == "currency"
    assert problem(api.send("GET", "/listings?currency=eur"), 422)["field"] == "currency"


def test_html_in_a_title_is_text(api: Api, world: World) -> None:
    stock(world, product("C", title="<b>Coat</b> & <script>x</script>"))
    answer = api.send("GET", "/listings?q=coat")
    assert answer.mimetype == "application/json"
    assert answer.json is not None
    assert answer.json["items"][0]["title"] == "<b>Coat</b> & <script>x</script>"


def test_a_cursor_holds_while_rows_change(api: Api, world: World) -> None:
    """Rows come, go and are renamed between the pages; what stays is met once."""
    stock(world, *(product(f"P{n:02}", title=f"Item {n:02}") for n in range(20)))
    staying = {f"Item {n:02}" for n in range(20) if n not in (3, 15)}
    seen: list[str] = []
    cursor = ""
    for turn in range(20):
        found = api.get(f"/listings?limit=4{cursor}")
        seen += [item["title"] for item in found["items"]]
        if found["next"] is None:
            break
        cursor = f"&cursor={quote(found['next'])}"
        with world.database.write(ALL) as session:
            if turn == 0:
                take.mark_gone(session, world.shop_id, ["P03", "P15"], PLACED + timedelta(minutes=1))
        stock(world, product(f"N{turn}", title=f"Aaa {turn}"), product(f"Z{turn}", title=f"Item 09{turn}"))
    assert [title for title in seen if seen.count(title) > 1] == []
    assert staying <= set(seen)


def test_a_bent_or_foreign_cursor_is_refused(api: Api) -> None:
    api.post("/creators", {"handle": "z"})
    for path in ("/listings", "/creators", "/payout-batches", "/statements"):
        foreign = api.get(f"{'/creators' if path == '/listings' else '/listings'}?limit=1")["next"]
        for cursor in ("abc", foreign):
            assert problem(api.send("GET", f"{path}?cursor={quote(cursor)}"), 422)["field"] == "cursor"


def test_the_catalog_item_by_item(api: Api, world: World) -> None:
    stock(world, *(product(f"P{n}", f"{n}a", f"{n}b") for n in range(5)))
    refs: list[str] = []
    cursor = ""
    while True:
        found = api.get(f"/shops/{world.shop_id}/catalog?limit=3{cursor}")
        refs += [v["variant_ref"] for item in found["items"] for v in item["variants"]]
        if found["next"] is None:
            break
        cursor = f"&cursor={quote(found['next'])}"
    assert refs == ["A1", "B1", *(f"{n}{v}" for n in range(5) for v in "ab")]


# --- creators, content, terms, links ---


def test_a_creator_is_one_by_handle(api: Api) -> None:
    first = api.post("/creators", {"handle": "@Mira", "name": "Mira", "followers": 5})
    again = api.post("/creators", {"handle": "ＭＩＲＡ", "name": "Mira B.", "followers": 6})
    assert (again["id"], again["handle"], again["followers"], again["status"]) == (first["id"], "mira", 6, "active")
    # What isn't said stays: who only tells what they buy by doesn't lose name and followers, by which taps are judged.
    known = api.post("/creators", {"handle": "mira", "email": "mira@example.com"})
    assert (known["name"], known["followers"]) == ("Mira B.", 6)
    assert api.get("/creators?handle=@mira")["items"] == [again]
    assert api.get("/creators?handle=nobody")["items"] == []
    assert api.get(f"/creators/{first['id']}") == again
    assert api.post("/creators", {"handle": "mira", "followers": 0})["followers"] == 0
    assert problem(api.send("POST", "/creators", {"handle": "a b"}), 422)["field"] == "handle"


def test_a_status_is_dated(api: Api, world: World) -> None:
    path = f"/creators/{world.creators['x']}/status"
    assert api.post(path, {"status": "suspended", "starts_at": "2027-01-01T00:00:00+01:00"})["status"] == "active"
    assert api.post(path, {"status": "suspended", "reason": "asked"})["status"] == "suspended"
    past = problem(api.send("POST", path, {"status": "active", "starts_at": "2020-01-01T00:00:00Z"}), 422)
    assert past["field"] == "starts_at"
    assert past["remedy"]
    problem(api.send("POST", "/creators/crt_nobody/status", {"status": "active"}), 404)


def test_content_and_links_are_one_by_what_they_stand_for(api: Api, world: World) -> None:
    x = world.creators["x"]
    video = {"network": "app", "content_ref": "v1", "kind": "video", "title": "Shoes"}
    content = api.post(f"/creators/{x}/content", video)
    assert api.post(f"/creators/{x}/content", video)["id"] == content["id"]
    problem(api.send("POST", f"/creators/{x}/content", {**video, "kind": "live"}), 409)
    listing = api.get("/listings")["items"][0]["id"]
    wanted = {"creator_id": x, "listing_id": listing, "content_id": content["id"]}
    link = api.post("/links", wanted)
    assert api.post("/links", wanted) == link
    assert link["url"] == f"http://127.0.0.1:8080/go/{link['code']}"
    assert api.get(f"/creators/{x}/links")["items"] == [link]
    assert api.get(f"/creators/{x}/content")["items"] == [content]
    # Where it can be seen: told with it or by a later call, left alone when nothing is said of it, taken away by "".
    assert (content["url"], content["url_told_at"]) == (None, None)
    for said, stands in (("https://APP.example/v1", "https://app.example/v1"), (None, "https://app.example/v1"),
                         ("https://app.example/v2", "https://app.example/v2"), ("", None)):  # fmt: skip
        told = api.post(f"/creators/{x}/content", {**video, "url": said})
        assert (told["id"], told["url"], told["url_told_at"] is not None) == (content["id"], stands, True)
        assert api.get(f"/content/{content['id']}") == told
    wrong = problem(api.send("POST", f"/creators/{x}/content", {**video, "url": "https://m:p@app.example/v1"}), 422)
    assert (wrong["field"], "user or a password" in wrong["detail"]) == ("url", True)
    wrong = problem(api.send("POST", "/links", {**wanted, "creator_id": world.creators["y"]}), 422)
    assert wrong["field"] == "content_id"
    problem(api.send("POST", "/links", {**wanted, "listing_id": "lst_nothing"}), 404)


def test_terms_are_versions(api: Api, world: World) -> None:
    body = {"shop_id": world.shop_id, "product_ref": "A", "rate_bp": 1500}
    first = api.post("/collaborations", body)
    assert (first["version"], first["rate_bp"], first["kind"]) == (1, 1500, "open")
    assert api.post("/collaborations", body) == first
    for rate in (99, 8001, 0, -1, 10**9):
        found = problem(api.send("POST", "/collaborations", {**body, "rate_bp": rate}), 422)
        assert (found["field"], "100 to 8000" in found["remedy"]) == ("rate_bp", True)
    problem(api.send("POST", "/collaborations", {**body, "rate_bp": 1600}), 409)
    later = {**body, "rate_bp": 1600, "starts_at": (PLACED + DAY).isoformat()}
    assert api.post("/collaborations", later)["version"] == 2
    end = {"shop_id": world.shop_id, "product_ref": "A", "starts_at": (PLACED + 2 * DAY).isoformat()}
    assert api.post("/collaborations/withdrawal", end)["rate_bp"] is None
    versions = api.get(f"/collaborations?shop_id={world.shop_id}")["items"]
    assert [(v["product_ref"], v["rate_bp"]) for v in versions] == [("", 1000), ("A", 1500), ("A", 1600), ("A", None)]


# --- touches ---


def tap(api: Api, world: World, **changes: Any) -> dict[str, Any]:
    index.follow(wait_for_syncs=False)
    listing = api.get("/listings?q=Product A")["items"][0]["id"]
    return {"creator_id": world.creators["x"], "listing_id": listing, **changes}


def touches(world: World) -> list[Touch]:
    with world.database.read(ALL) as session:
        rows = session.query(Touch).order_by(Touch.id).all()
        session.expunge_all()
        return rows


def test_a_tap_in_the_app_gives_token_and_cart_and_credits_the_order(api: Api, world: World) -> None:
    x = world.creators["x"]
    live = api.post(f"/creators/{x}/content", {"network": "app", "content_ref": "l1", "kind": "live"})
    moment = (PLACED - timedelta(hours=2)).isoformat()
    made = api.post("/touches", tap(api, world, content_id=live["id"], at=moment, buyer="buyer-77"))
    assert tokens.genuine(made["token"])
    assert urlsplit(made["cart_link"]).path == "/cart/A1:1"
    assert made["token"] in made["cart_link"]
    assert (made["kind"], made["eligible"], made["flags"]) == ("live", True, [])
    assert (made["at"], made["received_at"]) == ("2026-11-20T10:00:00Z", "2026-11-20T12:00:00Z")
    (kept,) = touches(world)
    assert kept.journey == journeys.of_buyer("buyer-77")
    decided = world.order([made["token"]])["1"]
    assert (decided.creator_id, decided.content_id) == (x, live["id"])
    assert api.get(f"/creators/{x}")["touches"] == 1


def test_a_tap_on_a_link_by_its_code(api: Api, world: World) -> None:
    wanted = tap(api, world)
    link = api.post("/links", wanted)
    made = api.post("/touches", {"link_code": link["code"].upper() + "."})
    assert (made["kind"], made["listing_id"]) == ("link", wanted["listing_id"])
    with world.database.read(ALL) as session:
        assert session.query(Touch).one().link_id == session.query(Link).one().id
    problem(api.send("POST", "/touches", {"link_code": "0000000000"}), 404)
    both = problem(api.send("POST", "/touches", {"link_code": link["code"], **wanted}), 422)
    assert both["field"] == "link_code"


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"at": "2026-11-19T11:59:59Z"}, "at"), ({"at": "2026-11-20T12:00:01Z"}, "at"), ({"at": "yesterday"}, "at"),
    ({"at": "2026-11-20T11:00:00"}, "at"), ({"at": "0001-01-01T00:00:00+14:00"}, "at"), ({"kind": "click"}, "kind"),
    ({"buyer": "mira@example.com"}, "buyer"), ({"buyer": "a\x00b"}, "buyer"), ({"buyer": "\ud800"}, "buyer"),
    ({"variant_ref": "B1"}, "variant_ref"), ({"creator_id": None}, "creator_id"), ({"listing_id": None}, "listing_id"),
    ({"surprise": 1}, "surprise"), ({"creator_id": 7}, "creator_id"),
]  # fmt: skip


def test_a_tap_that_cannot_be_taken_names_the_field(api: Api, world: World) -> None:
    for changes, field in _REFUSED:
        found = problem(api.send("POST", "/touches", tap(api, world, **changes)), 422)
        assert found["field"] == field, changes
        assert found["remedy"] is not None
    assert touches(world) == []


def test_a_repeated_request_makes_one_touch(api: Api, world: World) -> None:
    body = tap(api, world, buyer="b")
    first = api.post("/touches", body, Idempotency_Key="k1")
    assert api.post("/touches", body, Idempotency_Key="k1") == first
    assert api.post("/touches", body, Idempotency_Key="k2")["id"] != first["id"]
    assert api.post("/touches", body)["id"] != first["id"]
    assert len(touches(world)) == 3
    problem(api.send("POST", "/touches", {**body, "buyer": "c"}, Idempotency_Key="k1"), 409)
    # Another token's keys are its own.
    other = api.send("POST", "/touches", body, secret=api.token("touches:write"), Idempotency_Key="k1")
    assert other.status_code == 201
    assert other.json is not None
    assert other.json["id"] != first["id"]


def test_one_request_sent_many_times_at_once_makes_one_touch(api: Api, world: World) -> None:
    body = tap(api, world)

    def send(_number: int) -> TestResponse:
        headers = {"Authorization": f"Bearer {api.secret}", "Idempotency-Key": "same"}
        return api.app.test_client().post("/api/v1/touches", json=body, headers=headers)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert len(touches(world)) == 1


def test_taps_over_the_rate_say_so(api: Api, world: World) -> None:
    body = tap(api, world, buyer="b")
    made = [api.post("/touches", body) for _ in range(4)]
    assert [m["flags"] for m in made] == [[], [], [], ["over_rate"]]
    assert [m["eligible"] for m in made] == [True, True, True, False]


def test_what_cannot_be_bought_gets_no_touch(api: Api, world: World) -> None:
    body = tap(api, world)
    with world.database.write(ALL) as session:
        session.query(VariantRow).filter_by(variant_ref="A1").one().available = False
    assert "sold out" in problem(api.send("POST", "/touches", body), 409)["detail"]
    with world.database.write(ALL) as session:
        connect.leave(session, session.get_one(Shop, world.shop_id), PLACED)
    problem(api.send("POST", "/touches", body), 409)
    assert touches(world) == []


def test_numbers_that_overlap_between_kinds_of_ids_are_not_mixed(api: Api, world: World) -> None:
    """COMPLAINTS 26: an id of one kind given for another is not found, whatever its digits are."""
    body = tap(api, world)
    problem(api.send("POST", "/touches", {**body, "creator_id": body["listing_id"]}), 404)
    problem(api.send("POST", "/touches", {**body, "listing_id": body["creator_id"]}), 404)
    problem(api.send("POST", "/touches", {**body, "content_id": world.creators["x"]}), 404)
    problem(api.send("GET", f"/creators/{world.shop_id}"), 404)
    problem(api.send("GET", f"/shops/{world.creators['x']}"), 404)


# --- shops, orders, money ---


def test_a_shop_with_its_counts_runs_passes_and_deliveries(api: Api, world: World) -> None:
    (shop,) = api.get("/shops")["items"]
    whole = api.get(f"/shops/{shop['id']}")
    assert whole["listings"] == {"shoppable": 2}
    assert whole["orders"] == 0
    assert api.get(f"/shops/{shop['id']}/sync") == {"items": [], "next": None}
    assert api.get(f"/shops/{shop['id']}/reconciliations") == {"items": [], "next": None}
    assert api.get(f"/shops/{shop['id']}/deliveries")["received"] == 0
    assert api.get(f"/shops/{shop['id']}/accounts") == {"items": [], "next": None}
    for path in ("", "/sync", "/reconciliations", "/deliveries", "/orders", "/accounts", "/catalog"):
        problem(api.send("GET", f"/shops/shp_nobody{path}"), 404)


def test_orders_by_name_and_their_trace(api: Api, world: World) -> None:
    for n in range(3):
        world.order([world.tap("x")], ref=f"900{n}", number=f"#10{n}")
    first = api.get(f"/shops/{world.shop_id}/orders?limit=2")
    rest = api.get(f"/shops/{world.shop_id}/orders?limit=2&cursor={quote(first['next'])}")
    found = first["items"] + rest["items"]
    assert [(o["order_ref"], o["number"], o["payment_status"]) for o in found] == [
        ("9000", "#100", "paid"), ("9001", "#101", "paid"), ("9002", "#102", "paid"),
    ]  # fmt: skip
    assert {o["evaluated"] for o in found} == {False}
    for name in ("#101", "101", "9001", found[1]["id"]):
        trace = api.get(f"/orders/{world.shop_id}/{quote(name)}/trace")
        assert trace["order"]["number"] == "#101"
    problem(api.send("GET", f"/orders/{world.shop_id}/nothing/trace"), 404)
    _read_by_three(api, world, found[1]["id"])


def _read_by_three(api: Api, world: World, order_id: str) -> None:
    """The same trace for support, merchant and creator: what each may see, and in whose words."""
    path = f"/orders/{order_id}/trace"
    x, y = world.creators["x"], world.creators["y"]
    assert api.get(path)["said"].startswith("Not evaluated yet")
    assert api.get(f"{path}?audience=merchant")["lines"][0]["decision"]["creator"]["id"] == x
    mine = api.get(f"{path}?audience=creator&creator_id={x}")
    assert [line["decision"]["creator"]["id"] for line in mine["lines"]] == [x]
    assert not {"heard", "carriers", "invoices", "fee"} & mine.keys()
    problem(api.send("GET", f"{path}?audience=creator&creator_id={y}"), 404)
    assert problem(api.send("GET", f"{path}?audience=creator"), 422)["field"] == "creator_id"
    problem(api.send("GET", f"{path}?audience=press"), 422)
    problem(api.send("GET", "/orders/ord_nothing/trace"), 404)


def test_a_link_to_a_studio_opens_once(api: Api, world: World) -> None:
    x = world.creators["x"]
    made = api.post(f"/creators/{x}/studio-link", {"to": "/studio/earnings"})
    path = made["url"].removeprefix("http://127.0.0.1:8080")
    assert path.endswith("?to=%2Fstudio%2Fearnings")
    browser = api.app.test_client()
    assert "Open the studio of <bdi>X</bdi>" in browser.get(path).text
    again = api.post(f"/creators/{x}/studio-link", {})
    assert browser.get(path).status_code == 401, "a newer link ends the one before"
    assert api.send("DELETE", f"/creators/{x}/studio-sessions").status_code == 204
    assert browser.get(again["url"].removeprefix("http://127.0.0.1:8080")).status_code == 401
    problem(api.send("POST", f"/creators/{x}/studio-link", {"to": "/console"}), 422)
    problem(api.send("POST", "/creators/crt_nobody/studio-link", {}), 404)
    problem(api.send("POST", f"/creators/{x}/studio-link", {}, secret=api.token("creators:write")), 403)


def test_receipts_and_payouts_go_on_to_the_oldest_while_new_ones_come(api: Api, world: World) -> None:
    """Neither list ends where the newest two hundred do."""
    x, many, at = world.creators["x"], range(205), {"currency": "USD", "status": "paid"}

    def receipt(name: str, days: int) -> Receipt:
        return Receipt(
            id=f"rcp_{name}", reference=name, source="hand", shop_id=world.shop_id, currency="USD", amount=1,
            received_on=PLACED.date() - timedelta(days=days), recorded_at=PLACED, recorded_by="test",
        )  # fmt: skip

    def one_more() -> None:
        with world.database.write(Scope.app()) as session:
            session.add(receipt(f"later{next(numbers)}", 0))

    def every(path: str, between: Callable[[], None] = lambda: None) -> list[str]:
        seen: list[str] = []
        got = api.get(f"{path}limit=100")
        while seen.extend(row["id"] for row in got["items"]) or got["next"]:
            between()
            got = api.get(f"{path}limit=100&cursor={quote(got['next'])}")
        return seen

    with world.database.write(Scope.app()) as session:
        batch = {"id": "bat_1", "key": "one", "rail": "csv", "rows": 205, "total": 205, "prepared_by": "test"}
        session.add(PayoutBatch(**batch, **at, prepared_at=PLACED))
        session.flush()
        of_x = {"batch_id": "bat_1", "creator_id": x, "sequence": 1, "amount": 1, "created_at": PLACED, **at}
        session.add_all(Payout(id=f"pay_{n:03}", shop_id=f"shp_{n}", **of_x) for n in many)
        session.add_all(receipt(f"{n:03}", 1 + n % 7) for n in many)
    numbers = iter(many)
    newest_first = sorted(many, key=lambda n: (n % 7, -n))
    assert every(f"/receipts?shop_id={world.shop_id}&", one_more) == [f"rcp_{n:03}" for n in newest_first]
    assert every(f"/creators/{x}/payouts?") == [f"pay_{n:03}" for n in reversed(many)]
    bent = api.send("GET", f"/receipts?shop_id={world.shop_id}&cursor=bent")
    assert problem(bent, 422)["field"] == "cursor"


def test_money_reads_of_an_empty_ledger(api: Api, world: World) -> None:
    x = world.creators["x"]
    assert api.get(f"/creators/{x}/earnings") == {"account": [], "items": [], "by_content": [], "next": None}
    assert api.get("/earnings") == {"items": [], "next": None}
    assert api.get(f"/earnings?shop_id={world.shop_id}") == {"items": [], "next": None}
    assert api.get(f"/creators/{x}/payouts") == {"items": [], "next": None}
    assert api.get("/statements") == {"items": [], "next": None}
    assert api.get("/payout-batches") == {"items": [], "next": None}
    found = api.get(f"/creators/{x}/payout-calendar")
    assert (found["sums"], found["items"], found["payee"]["reason"]) == ([], [], "payee_missing")
    for path in (
        "/creators/crt_no/payout-calendar",
        "/creators/crt_no/earnings",
        "/statements/stm_no",
        "/payout-batches/bat_no",
        "/earnings?shop_id=shp_no",
    ):
        problem(api.send("GET", path), 404)


def test_a_payout_calendar_goes_on_by_a_cursor_and_sums_to_the_balances(api: Api, world: World) -> None:
    x, shop, books = world.creators["x"], world.shop_id, Books(world.database)
    books.line(shop, x, 900, clears_at=PLACED - 2 * DAY, currency="EUR")
    books.clear(shop, PLACED - DAY)
    for amount, days in ((600, 3), (40, 3), (100, 20)):
        books.line(shop, x, amount, clears_at=PLACED + days * DAY, currency="EUR")
    books.line(shop, x, 7, clears_at=PLACED + DAY, currency="EUR", blocked="return")
    path = f"/creators/{x}/payout-calendar?limit=2"
    found = api.get(path)
    second = api.get(f"{path}&cursor={found['next']}")
    items = [*found["items"], *second["items"]]
    assert second["next"] is None
    assert [(each["state"], each["waits_for"], each["amount"]["amount"], each["lines"]) for each in items] == [
        ("cleared", "next_statement", 900, 1), ("pending", "hold", 640, 2), ("pending", "hold", 100, 1),
        ("pending", "return", 7, 1),
    ]  # fmt: skip
    assert (items[1]["first_at"], items[1]["period"], items[2]["period"]) == (
        "2026-11-23T12:00:00Z", "2026-11", "2026-12",
    )  # fmt: skip
    (says,) = found["shops"]
    assert (says["payout_when"], says["next_period_ends_at"] is not None) == ("funded", True)
    (account,) = api.get(f"/creators/{x}/earnings")["account"]
    assert found["sums"] == second["sums"] == [
        {name: account[name] for name in ("currency", "in_transit", "settled", "reserve", "cleared", "pending")}
    ]  # fmt: skip


# --- errors, scopes, rates ---


def test_who_asks_must_be_known_and_may_only_what_the_token_says(api: Api) -> None:
    answer = api.send("GET", "/listings", secret="ctk_nothing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    problem(answer, 401)
    problem(api.client.get("/api/v1/listings"), 401)
    only = api.token("listings:read")
    assert api.send("GET", "/listings", secret=only).status_code == 200
    assert "touches:write" in problem(api.send("POST", "/touches", {}, secret=only), 403)["detail"]
    writer = api.token("touches:write")
    problem(api.send("GET", "/listings", secret=writer), 403)


def test_every_error_is_a_problem(api: Api, app_limit: Flask) -> None:
    problem(api.send("GET", "/nothing/here"), 404)
    problem(api.send("DELETE", "/listings"), 405)
    problem(api.send("GET", "/listings?limit=0"), 422)
    problem(api.send("GET", "/listings?limit=many"), 422)
    unknown = problem(api.send("GET", "/listings?shop=x"), 422)
    assert (unknown["field"], unknown["fields"][0]["in"]) == ("shop", "query")
    assert "/docs" in unknown["remedy"]
    problem(api.send("GET", "/listings?q=%00"), 422)
    problem(api.send("GET", "/listings/a%00b"), 422)
    bearer = {"Authorization": f"Bearer {api.secret}"}
    problem(api.client.post("/api/v1/creators", data=b"{not json", headers=bearer), 400)
    problem(api.client.post("/api/v1/creators", data=b"[" * 100_000, headers=bearer), 400)
    problem(api.client.post("/api/v1/creators", json=["a", "list"], headers=bearer), 422)
    large = api.client.post("/api/v1/creators", data=b'{"handle": "' + b"x" * 3_000_000 + b'"}', headers=bearer)
    problem(large, 413)


def test_a_token_that_asks_too_often_waits(api: Api, app_limit: Flask) -> None:
    client = app_limit.test_client()
    sent = {"Authorization": f"Bearer {api.secret}"}
    answers = [client.get("/api/v1/shops", headers=sent) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert problem(answers[-1], 429)
    assert int(answers[-1].headers["Retry-After"]) > 0
    other = {"Authorization": f"Bearer {api.token('shops:read')}"}
    assert client.get("/api/v1/shops", headers=other).status_code == 200


@pytest.fixture
def app_limit(api: Api) -> Flask:
    from connector import app as application
    from tests.attribution.world import app_settings

    return application.create_app(app_settings(requests_per_minute=5))
