"""Content and reports through the API: products placed for a time, views told, what came of it, and its orders."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from connector import clock
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.intake.take_in import take_in
from connector.events import Buyer, Carrier, Line, OrderSeen, OrderSnapshot
from tests.api.conftest import Api
from tests.attribution.world import KEY, World
from tests.operations.days import SYSTEM

HOUR = timedelta(hours=1)


def sell(world: World, token: str, ref: str, amount: int) -> None:
    now = clock.now()
    whole = OrderSnapshot(
        order_ref=ref, number=f"#{ref}", created_at=now, changed_at=now, currency="EUR", payment_status="paid",
        taxes_included=False, lines=(Line("1", 1, 1, amount, product_ref="A", title="Throw"),),
        carriers=(Carrier("cart_attribute", token, KEY),), paid_at=now,
    )  # fmt: skip
    with world.database.write(Scope.shop(world.shop_id)) as session:
        shop = session.get_one(Shop, world.shop_id)
        take_in(session, shop, OrderSeen(whole, Buyer(None)), triggered_at=now, source=f"delivery:{ref}", as_of=now)


def test_a_video_from_its_products_to_its_orders(api: Api, world: World) -> None:
    def post(path: str, body: Any, status: int = 201) -> Any:
        answer = api.send("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    x, a = world.creators["x"], listing_id(world.shop_id, "A")
    film = post(f"/creators/{x}/content", {"network": "app", "content_ref": "v1", "kind": "post", "title": "Film"})[
        "id"
    ]
    now = clock.now()
    asked = {"products": [{"listing_id": a}, {"listing_id": listing_id(world.shop_id, "B"),
                                              "starts_at": (now + HOUR).isoformat()}]}  # fmt: skip
    first = post(f"/content/{film}/products", asked)["items"]
    assert [each["state"] for each in first] == ["active", "not_yet"]
    assert post(f"/content/{film}/products", asked)["items"] == first
    promoted = api.get(f"/creators/{x}/promotions")["items"]
    assert [each["product_ref"] for each in promoted] == ["A"]  # what begins later isn't promoted yet
    wrong = post(
        f"/content/{film}/products", {"products": [{"listing_id": a, "starts_at": "2001-01-01T00:00:00Z"}]}, 422
    )
    assert (wrong["field"], wrong["remedy"]) == ("starts_at", "Leave it out to begin now.")
    post(f"/content/{film}/products", {"products": [{"listing_id": a, "ends_at": (now + HOUR).isoformat()}]}, 409)

    told = post("/content/views", {"items": [
        {"content_id": film, "views": 1000, "at": now.isoformat()}, {"content_id": "cnt_no", "views": 1},
        {"content_id": film, "views": 900, "at": now.isoformat()}, {"content_id": film, "views": 1000,
                                                                    "at": now.isoformat()},
        {"content_id": film, "views": -1},
    ]})  # fmt: skip
    assert (told["new"], [(each["place"], each["field"]) for each in told["refused"]]) == (
        1, [(1, "content_id"), (2, "views"), (4, "views")],
    )  # fmt: skip
    long = {"network": "app", "content_ref": "v2", "kind": "post", "title": "x" * 501}
    assert "at most 500 characters, not 501" in post(f"/creators/{x}/content", long, 422)["detail"]

    taps = [post("/touches", {"creator_id": x, "listing_id": a, "content_id": film})["token"] for _ in range(2)]
    sell(world, taps[0], "7001", 4000)
    # Deleted at the store: nothing more is tapped, and what was tapped still sells.
    with world.database.write(SYSTEM) as session:
        take.mark_gone(session, world.shop_id, ["A"], now)
    page = api.get(f"/content/{film}/products?limit=1")
    (gone, _) = [*page["items"], *api.get(f"/content/{film}/products?cursor={page['next']}")["items"]]
    assert (gone["state"], gone["reason"]) == ("product_gone", "deleted")
    assert "deleted at the store" in gone["why"]
    assert post(f"/content/{film}/products", {"products": [{"listing_id": a}]}, 422)["field"] == "products"
    sell(world, taps[1], "7002", 1000)

    found = api.get(f"/content/{film}/results")
    assert (found["views"], found["taps"], found["orders"], found["orders_per_tap_bp"]) == (1000, 2, 2, 10_000)
    (euros,) = found["money"]
    assert (euros["net_sales"]["decimal"], euros["commission"]["amount"]) == ("50.00", 500)

    by_film = api.get(f"/reports/sales?shop_id={world.shop_id}&by=content")
    assert [(row["name"], row["orders"], row["views"]) for row in by_film["items"]] == [("Film", 2, 1000)]
    assert by_film["total"]["money"] == by_film["items"][0]["money"] == found["money"], "new buyers, too"
    orders = api.get(f"/reports/sales/orders?content_id={film}&limit=1")
    more = api.get(f"/reports/sales/orders?content_id={film}&limit=1&cursor={orders['next']}")
    pages = [*orders["items"], *more["items"]]
    assert ([each["number"] for each in pages], more["next"]) == (["#7002", "#7001"], None)
    assert sum(each["money"]["commission"]["amount"] for each in pages) == 500
    whole = api.send("GET", f"/reports/sales.csv?creator_id={x}&by=product")
    (row,) = csv.DictReader(io.StringIO(whole.text))
    assert (row["product"], row["net_sales"], row["orders"]) == (a, "50.00", "2")
    assert api.send("GET", "/reports/sales/orders.csv?shop_id=" + world.shop_id).text.count("\r\n") == 3
    assert api.get(f"/creators/{x}/earnings")["by_content"][0]["earned"]["amount"] == 500

    long = api.send("GET", "/reports/sales?since=2026-01-01&until=2026-12-31")
    assert (long.status_code, long.get_json()["field"]) == (422, "since")
    assert api.send("GET", "/reports/sales?creator_id=crt_no").status_code == 404
    assert api.send("GET", f"/reports/sales?shop_id={world.shop_id}&time_zone=Mars/North").status_code == 422

    ended = post(f"/content/{film}/products/{gone['id']}/end", {})
    assert ended["state"] == "ended"
    begun = api.get(f"/reports/beginnings?shop_id={world.shop_id}")
    assert (begun["joined"], begun["sold"]) == (1, 1)
    assert api.get(f"/reports/beginnings?shop_id={world.shop_id}&creator_id={x}") == begun
    other = api.get(f"/reports/beginnings?shop_id={world.shop_id}&creator_id={world.creators['y']}")
    assert (other["joined"], other["seconds_to_link"]) == (0, None)
    assert api.send("GET", "/reports/beginnings?creator_id=crt_no").status_code == 404
