"""One box finds anything, however it was copied; an only hit is known as such."""

from __future__ import annotations

import pytest

from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import links
from connector.insight.market import index
from connector.operations import find
from connector.sync.tables import SyncRun
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import PLACED, World, add_shop
from tests.operations.days import SYSTEM, hear

UUID = "7f3b1c9e-52aa-4b0e-9b6e-0d3f5a2c1e44"


def test_what_was_copied_is_cleaned_and_never_guessed() -> None:
    for typed, asked in {
        "  #1042 ": ("#1042", None), "\u200e#1042\u200f": ("#1042", None), '"Acme".': ("Acme", None),
        "gid://shopify/Order/510482": ("510482", "order"), "(gid://shopify/ProductVariant/77?x=1)": ("77", "product"),
        "https://admin.shopify.com/store/harbour/orders/510482?link=1": ("510482", "order"),
        "https://harbour.myshopify.com/admin/products/9001": ("9001", "product"),
        "harbour.myshopify.com/admin/orders/510482": ("510482", "order"),
        "https://connector.example/console/inbox/dlv_01m8": ("dlv_01m8", None),
        "https://connector.example/go/abcdefghjk": ("abcdefghjk", "link"), "https://harbour.myshopify.com/": (
            "harbour.myshopify.com", "shop"),
        "ORD_01M8DZ3": ("ord_01m8dz3", None), "": ("", None),
        "https://connector.example/console/samples/smp_01m8": ("smp_01m8", None),
    }.items():  # fmt: skip
        read = find.read(typed)
        assert (read.text, read.only) == asked, typed
    assert find.read("https://[::1").text
    assert find.read("x" * 9000).text == "x" * find.LONGEST
    admin = find.read("https://admin.shopify.com/store/harbour/orders/510482")
    assert (admin.only, admin.shop) == ("order", "harbour")


@pytest.fixture
def filled(world: World) -> dict[str, str]:
    """An order, a second shop with an order of the same number, a delivery, a run, a link."""
    touch = world.tap("x", "A")
    hear(world, [touch.token], ref="7001")
    with world.database.write(SYSTEM) as session:
        world.shop_id, first = add_shop(session, "two.plain.example").id, world.shop_id
    hear(world, [], ref="8001", number="#7001")
    second, world.shop_id = world.shop_id, first
    with world.database.write(SYSTEM) as session:
        session.get_one(Shop, first).name = "Harbour & Pine"
        order = session.query(Order).filter_by(shop_id=first).one()
        row = DeliveryRow(
            id=new_id("dlv"), platform="plain", domain="one.plain.example", shop_id=first, topic="orders/paid",
            delivery_key=None, body_key=None, delivery_ref=UUID, event_ref=None, triggered_at=None, received_at=PLACED,
            headers={}, body_sealed=None, body_hash="", body_size=0, order_ref="7001", product_ref=None, status="done",
            next_try_at=None, done_at=None, effects=None,
        )  # fmt: skip
        run = SyncRun(id=new_id("run"), shop_id=first, kind="full", trigger="command", status="done", queued_at=PLACED)
        session.add_all([row, run])
        link = links.create(session, world.creators["x"], listing_id(first, "A"), now=PLACED)
        session.flush()
        found = {"order": order.id, "shop": first, "second": second, "delivery": row.id, "run": run.id,
                 "touch": touch.id, "token": touch.token, "link": link.id, "code": link.code}  # fmt: skip
    index.follow(wait_for_syncs=False)
    return found


def test_exact_finds_come_alone_and_an_only_one_leads_there(world: World, filled: dict[str, str]) -> None:
    code = filled["code"]
    with world.database.read(SYSTEM) as session:
        for typed, kind, wanted in (
            ("7001 ", "order", filled["order"]), ("gid://plain/Order/7001", "order", filled["order"]),
            (f"\n{filled['order']}\t", "order", filled["order"]), ("one.plain.example", "shop", filled["shop"]),
            ("HARBOUR & PINE", "shop", filled["shop"]), ("one", "shop", filled["shop"]),
            (filled["delivery"], "delivery", filled["delivery"]), (filled["run"], "run", filled["run"]),
            (filled["token"], "touch", filled["touch"]), (filled["touch"], "touch", filled["touch"]),
            (f"https://x.example/go/{code}", "link", filled["link"]), (code[:-1].upper(), "link", filled["link"]),
            ("@x", "creator", world.creators["x"]), (world.creators["y"], "creator", world.creators["y"]),
            (listing_id(filled["shop"], "A"), "product", listing_id(filled["shop"], "A")),
        ):  # fmt: skip
            found = find.search(session, typed)
            assert found.only is not None, (typed, found.hits)
            assert (found.only.kind, found.only.id) == (kind, wanted), typed
            assert found.exact


def test_several_stand_by_kind_and_words_are_looked_for_last(world: World, filled: dict[str, str]) -> None:
    with world.database.read(SYSTEM) as session:
        both = find.search(session, "#7001")
        assert [hit.shop_id for hit in both.hits["order"]] in (
            [filled["shop"], filled["second"]], [filled["second"], filled["shop"]],
        )  # fmt: skip
        assert both.only is None
        alike = find.search(session, "produc")
        assert not alike.exact
        assert {hit.title for hit in alike.hits["product"]} == {"Product A", "Product B"}
        assert find.search(session, "pine").only is not None
        assert find.search(session, "100%").hits == {}
        assert find.search(session, "_").hits == {}
        assert find.search(session, "   ").hits == {}


def test_more_than_are_listed_is_said(sqlite_world: World) -> None:
    with sqlite_world.database.write(SYSTEM) as session:
        for n in range(find.MOST + 3):
            add_shop(session, f"shop{n}.plain.example")
        found = find.search(session, "plain.example")
        assert len(found.hits["shop"]) == find.MOST
        assert found.more == {"shop"}
        assert found.only is None
