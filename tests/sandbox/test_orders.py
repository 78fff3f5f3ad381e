"""The arithmetic of orders, held against the recorded sample and worked by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.stand import SAMPLES, Stand


def recorded(name: str) -> Any:
    return json.loads((SAMPLES / f"webhook_{name}.json").read_text())


def sample_order(stand: Stand, **wanted: Any) -> Any:
    """The order of webhook_orders_create.json: two mugs, a tote and a gift card, 10 % off, shipping, tax and a tip."""
    mug = stand.product("40.00", title="Sample Mug")
    tote = stand.product("20.00", title="Sample Tote")
    card = stand.product("25.00", title="Gift Card 25", is_gift_card=True)
    lines = [(mug, 2), (tote, 1), (card, 1)]
    return stand.order(
        *({"variant_id": p["variants"][0]["id"], "quantity": n} for p, n in lines),
        discounts=[{"code": "CREATOR-MIA10", "type": "percentage", "value": "10.0"}],
        shipping="10.00",
        tip="3.00",
        customer={"email": "ana@example.com", "first_name": "Ana", "last_name": "Prueba"},
        presentment={"currency": "EUR", "rate": "0.9"},
        address={"address1": "Calle Uno 1", "city": "Madrid", "zip": "28001", "country": "Spain", "country_code": "ES"},
        note_attributes={"exampleapp_click": "clk_01HZX"},
        landing_site="/products/sample-mug?ref=cr_8f3a",
        **wanted,
    )


def same_shape(ours: Any, theirs: Any, path: str = "$") -> list[str]:
    """Where ours lacks a key that the recorded body has, or has one of another kind."""
    found: list[str] = []
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [] if ours is None else [f"{path}: {type(ours).__name__}"]
        found += [f"{path}.{key}: missing" for key in theirs if key not in ours]
        found += [f"{path}.{key}: not on Shopify" for key in ours if key not in theirs]
        for key in set(ours) & set(theirs):
            found += same_shape(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(theirs, list):
        if ours and theirs:
            found += same_shape(ours[0], theirs[0], f"{path}[0]")
    elif theirs is not None and ours is not None and type(ours) is not type(theirs):
        found.append(f"{path}: {type(ours).__name__}, recorded {type(theirs).__name__}")
    return found


AMOUNTS = [
    "subtotal_price", "total_price", "total_tax", "total_discounts", "total_line_items_price", "total_tip_received",
    "current_subtotal_price", "current_total_price", "current_total_tax", "current_total_discounts",
    "total_price_set", "total_shipping_price_set", "current_shipping_price_set", "financial_status",
]  # fmt: skip


def test_sample_order_has_the_recorded_amounts_and_shape(stand: Stand) -> None:
    body, theirs = stand.body(sample_order(stand)["id"]), recorded("orders_create")
    assert {name: body[name] for name in AMOUNTS} == {name: theirs[name] for name in AMOUNTS}
    for ours, their in zip(body["line_items"], theirs["line_items"], strict=True):
        for name in ("price", "quantity", "current_quantity", "gift_card", "discount_allocations", "tax_lines"):
            assert ours[name] == their[name]
    assert body["shipping_lines"][0]["tax_lines"] == theirs["shipping_lines"][0]["tax_lines"]
    assert body["tax_lines"] == theirs["tax_lines"]
    assert same_shape(body, theirs) == []


def test_partial_refund_as_recorded(stand: Stand) -> None:
    order = sample_order(stand)
    mug = order["lines"][0]["id"]
    after = stand.act(order["id"], "refund", {"lines": [{"line_item_id": mug, "quantity": 1}], "note": "broken"})
    body, theirs = stand.body(order["id"]), recorded("orders_updated_after_refund")
    assert {name: body[name] for name in AMOUNTS} == {name: theirs[name] for name in AMOUNTS}
    ours, their = body["refunds"][0], theirs["refunds"][0]
    row, their_row = ours["refund_line_items"][0], their["refund_line_items"][0]
    for name in ("quantity", "subtotal", "subtotal_set", "total_tax", "total_tax_set"):
        assert row[name] == their_row[name]
    assert ours["transactions"][0]["amount"] == "43.56"
    assert same_shape(ours, recorded("refunds_create")) == []
    assert after["refunds"][0]["status"] == "success"


def test_amount_only_and_shipping_refunds_as_recorded(stand: Stand) -> None:
    order = sample_order(stand)
    stand.act(order["id"], "refund", {"amount": "5.00", "note": "goodwill"})
    stand.act(order["id"], "refund", {"shipping": "full", "status": "pending"})
    amount_only, shipping = stand.body(order["id"])["refunds"]
    theirs = recorded("refunds_create_amount_only")["order_adjustments"][0]
    ours = amount_only["order_adjustments"][0]
    for name in ("amount", "amount_set", "kind", "reason", "tax_amount"):
        assert ours[name] == theirs[name]
    assert amount_only["refund_line_items"] == []
    row, their_row = (
        shipping["refund_shipping_lines"][0],
        recorded("refunds_create_shipping_pending")["refund_shipping_lines"][0],
    )
    assert (row["subtotal_amount_set"], row["tax_amount_set"]) == (
        their_row["subtotal_amount_set"],
        their_row["tax_amount_set"],
    )
    assert (shipping["transactions"][0]["amount"], shipping["transactions"][0]["status"]) == ("12.10", "pending")


def test_cancelling_with_refund(stand: Stand) -> None:
    order = sample_order(stand)
    stand.act(order["id"], "cancel", {"refund": True, "reason": "customer"})
    body, theirs = stand.body(order["id"]), recorded("orders_cancelled")
    assert {name: body[name] for name in AMOUNTS} == {name: theirs[name] for name in AMOUNTS}
    assert [line["current_quantity"] for line in body["line_items"]] == [0, 0, 0]
    assert body["cancel_reason"] == "customer"
    assert body["cancelled_at"] == body["closed_at"]
    assert sum(float(t["amount"]) for r in body["refunds"] for t in r["transactions"]) == 149.00
    assert stand.act(order["id"], "refund", {"amount": "1.00"}, status=422)["error"]


def test_cancelling_unpaid_voids_and_without_refund_keeps_the_money(stand: Stand) -> None:
    unpaid = stand.order({"title": "A", "price": "5.00"}, payment="authorized")
    assert stand.act(unpaid["id"], "cancel")["financial_status"] == "voided"
    kept = stand.order({"title": "A", "price": "5.00"})
    after = stand.act(kept["id"], "cancel", {"refund": False})
    assert (after["financial_status"], after["refunds"], after["current_total"]) == ("paid", [], "0.00")


def test_edited_body_names_the_deltas(stand: Stand) -> None:
    stand.subscribe("ORDERS_EDITED")
    order = sample_order(stand)
    other = stand.product("12.00")["variants"][0]["id"]
    after = stand.act(
        order["id"],
        "edit",
        {
            "remove": [{"line_item_id": order["lines"][1]["id"]}],
            "add": [{"variant_id": other, "quantity": 1}],
            "note": "swap",
        },
    )
    stand.quiesce()
    body = json.loads(stand.receiver.received[0][1])
    assert same_shape(body, recorded("orders_edited")) == []
    edit = body["order_edit"]["line_items"]
    assert edit["removals"] == [{"id": order["lines"][1]["id"], "delta": 1}]
    assert edit["additions"] == [{"id": after["lines"][3]["id"], "delta": 1}]
    assert [line["current_quantity"] for line in after["lines"]] == [2, 0, 1, 1]
    now = stand.body(order["id"])
    assert now["total_price"] == "149.00"  # as placed, for ever
    assert now["line_items"][1]["discount_allocations"][0]["amount"] == "2.00"  # the original quantity's


def test_edit_that_lowers_the_total_gives_the_difference_back(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "20.00"}, {"title": "B", "price": "15.00"}, tax_rate="0")
    after = stand.act(
        order["id"],
        "edit",
        {
            "remove": [{"line_item_id": order["lines"][1]["id"]}],
            "add": [{"title": "C", "price": "10.00", "tax_rate": "0"}],
            "refund_difference": True,
        },
    )
    assert (after["current_total"], after["given_back"]) == ("30.00", "5.00")
    assert after["refunds"][0]["lines"] == []
    assert after["refunds"][0]["adjustments"][0]["amount"] == "-5.00"
    assert after["financial_status"] == "partially_refunded"


def test_edit_that_raises_the_total_waits_for_money(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "20.00"})
    body = {"add": [{"title": "C", "price": "10.00"}]}
    assert stand.act(order["id"], "edit", body)["financial_status"] == "partially_paid"
    assert stand.act(order["id"], "pay")["financial_status"] == "paid"
    assert stand.act(order["id"], "edit", {**body, "collect": True})["financial_status"] == "paid"


@pytest.mark.parametrize(
    ("payment", "status"),
    [("paid", "paid"), ("pending", "pending"), ("authorized", "authorized"), ("partially_paid", "partially_paid")],
)
def test_payment_states(stand: Stand, payment: str, status: str) -> None:
    order = stand.order({"title": "A", "price": "20.00"}, payment=payment)
    assert order["financial_status"] == status
    if status != "paid":
        assert stand.act(order["id"], "pay")["financial_status"] == "paid"
    assert stand.act(order["id"], "pay", status=422)["error"]


def test_voided_and_expired(stand: Stand) -> None:
    first = stand.order({"title": "A", "price": "20.00"}, payment="authorized")
    assert stand.act(first["id"], "void")["financial_status"] == "voided"
    second = stand.order({"title": "A", "price": "20.00"}, payment="pending")
    assert stand.act(second["id"], "expire")["financial_status"] == "expired"


def test_free_order_is_paid_without_a_transaction(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "20.00"}, discounts=[{"code": "ALL", "value": "100"}])
    assert (order["financial_status"], order["transactions"], order["total"]) == ("paid", [], "0.00")


def test_gift_card_pays_a_part(stand: Stand) -> None:
    order = stand.order(
        {"title": "A", "price": "50.00"}, payments=[{"gateway": "gift_card", "amount": "30.00"}], tax_rate="0"
    )
    assert [(t["gateway"], t["amount"]) for t in order["transactions"]] == [
        ("gift_card", "30.00"),
        ("shopify_payments", "20.00"),
    ]
    assert order["discounts"] == "0.00"


def test_refund_that_fails_leaves_the_money(stand: Stand) -> None:
    stand.subscribe("ORDER_TRANSACTIONS_CREATE", "REFUNDS_CREATE")
    order = stand.order({"title": "A", "price": "20.00"})
    line = {"lines": [{"line_item_id": order["lines"][0]["id"], "quantity": 1}], "status": "pending"}
    after = stand.act(order["id"], "refund", line)
    assert after["refunds"][0]["status"] == "pending"
    assert after["financial_status"] == "paid"
    refund = after["refunds"][0]["id"]
    after = stand.act(order["id"], f"refunds/{refund}/settle", {"status": "failure"})
    assert (after["refunds"][0]["status"], after["financial_status"], after["given_back"]) == (
        "failure",
        "paid",
        "0.00",
    )
    stand.quiesce()
    assert sorted(stand.receiver.topics()) == [
        "order_transactions/create",
        "order_transactions/create",
        "refunds/create",
    ]
    assert stand.act(order["id"], f"refunds/{refund}/settle", {"status": "success"}, status=422)["error"]


def test_fee_kept_back(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "20.00"}, tax_rate="0")
    line = {"lines": [{"line_item_id": order["lines"][0]["id"], "quantity": 1}], "amount": "15.00"}
    after = stand.act(order["id"], "refund", line)
    assert after["refunds"][0]["adjustments"][0]["amount"] == "5.00"
    assert after["given_back"] == "15.00"


@pytest.mark.parametrize(
    ("currency", "price", "rate", "tax", "net_tax"),
    [
        ("GBP", "24.00", "0.2", "4.00", "3.60"),
        ("JPY", "3980", "0.1", "362", "326"),
        ("KWD", "12.345", "0.05", "0.588", "0.529"),
    ],
)
def test_tax_inside_prices(bare: Stand, currency: str, price: str, rate: str, tax: str, net_tax: str) -> None:
    bare.create_shop(currency=currency, taxes_included=True, tax_rate=rate)
    variant = bare.product(price)["variants"][0]["id"]
    plain = bare.order({"variant_id": variant})
    assert (plain["lines"][0]["tax"], plain["total"]) == (tax, price)
    less = bare.order({"variant_id": variant}, discounts=[{"code": "TEN", "value": "10"}])
    assert less["lines"][0]["tax"] == net_tax
    after = bare.act(less["id"], "refund", {"lines": "all"})
    row = after["refunds"][0]["lines"][0]
    assert (row["subtotal"], row["tax"]) == (less["total"], net_tax)  # the tax is inside the subtotal
    assert after["given_back"] == less["total"]


def test_units_of_a_line_refund_to_its_whole(bare: Stand) -> None:
    bare.create_shop(tax_rate="0.077")
    order = bare.order(
        {"title": "A", "price": "19.99", "quantity": 3},
        discounts=[{"code": "X", "type": "fixed_amount", "value": "1.00"}],
    )
    line = {"line_item_id": order["lines"][0]["id"], "quantity": 1}
    for _ in range(3):
        order = bare.act(order["id"], "refund", {"lines": [line]})
    assert round(sum(float(r["lines"][0]["subtotal"]) for r in order["refunds"]), 2) == 58.97
    assert round(sum(float(r["lines"][0]["tax"]) for r in order["refunds"]), 2) == float(order["tax"])
    assert (order["financial_status"], order["current_total"]) == ("refunded", "0.00")
    assert bare.act(order["id"], "refund", {"lines": [line]}, status=422)["error"]


def test_discounts_are_spread_by_largest_remainder(stand: Stand) -> None:
    lines = [{"title": name, "price": price} for name, price in (("A", "30.00"), ("B", "20.00"), ("C", "9.99"))]
    order = stand.order(
        *lines, discounts=[{"title": "Autumn", "type": "fixed_amount", "value": "10.00", "kind": "automatic"}]
    )
    assert [line["discount"] for line in order["lines"]] == ["5.00", "3.33", "1.67"]
    assert order["discount_codes"] == []
    shipping = stand.order(
        {"title": "A", "price": "30.00"}, shipping="5.00", discounts=[{"code": "FREESHIP", "type": "shipping"}]
    )
    assert (shipping["shipping"], shipping["discounts"], shipping["lines"][0]["discount"]) == ("0.00", "5.00", "0.00")


def test_tip_as_a_line_and_marks(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "30.00"}, tip_line="4.00", tags=["sample_order"], test=True)
    tip = stand.body(order["id"])["line_items"][1]
    assert (tip["title"], tip["product_id"], tip["price"], tip["tax_lines"]) == ("Tip", None, "4.00", [])
    assert (order["lines"][1]["tip"], order["test"], order["tags"]) == (True, True, ["sample_order"])


def test_fulfilment_and_delivery(stand: Stand) -> None:
    stand.subscribe("FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE", "ORDERS_FULFILLED", "ORDERS_PARTIALLY_FULFILLED")
    order = stand.order({"title": "A", "price": "30.00", "quantity": 2})
    line = order["lines"][0]["id"]
    assert (
        stand.act(order["id"], "fulfil", {"lines": [{"line_item_id": line, "quantity": 1}]})["fulfillment_status"]
        == "partial"
    )
    after = stand.act(order["id"], "fulfil")
    assert (after["fulfillment_status"], len(after["fulfillments"])) == ("fulfilled", 2)
    stand.act(
        order["id"], "deliver", {"fulfillment_id": after["fulfillments"][0]["id"], "at": "2026-11-20T10:00:00+02:00"}
    )
    body = stand.body(order["id"])["fulfillments"]
    assert [f["shipment_status"] for f in body] == ["delivered", None]
    assert body[0]["updated_at"] == "2026-11-20T03:00:00-05:00"
    assert stand.act(order["id"], "fulfil", status=422)["error"]
    stand.quiesce()
    assert sorted(stand.receiver.topics()) == [
        "fulfillments/create", "fulfillments/create", "fulfillments/update", "orders/fulfilled",
        "orders/partially_fulfilled",
    ]  # fmt: skip


def test_deleted_order_and_product(stand: Stand) -> None:
    stand.subscribe("ORDERS_DELETE", "PRODUCTS_DELETE")
    product = stand.product("9.00")
    order = stand.order({"variant_id": product["variants"][0]["id"]})
    stand.shop("DELETE", f"/products/{product['id']}")
    assert stand.body(order["id"])["line_items"][0]["product_exists"] is False
    stand.shop("DELETE", f"/orders/{order['id']}")
    assert stand.shop("GET", f"/orders/{order['id']}")["deleted_at"] is not None
    stand.quiesce()
    told = {h["x-shopify-topic"]: json.loads(b) for h, b in stand.receiver.received}
    assert told == {"products/delete": {"id": product["id"]}, "orders/delete": {"id": order["id"]}}


def test_product_body_has_the_recorded_shape(stand: Stand) -> None:
    stand.subscribe("PRODUCTS_UPDATE")
    product = stand.product("9.00", variants=[{"title": "Blue"}, {"title": "Red"}])
    stand.shop("PATCH", f"/products/{product['id']}", {"price": "11.00", "title": "New <b>name</b>"})
    stand.quiesce()
    body = json.loads(stand.receiver.received[0][1])
    assert same_shape(body, recorded("products_update")) == [] or same_shape(body, recorded("products_update")) == [
        "$.image: not on Shopify"
    ]
    assert [v["price"] for v in body["variants"]] == ["11.00", "11.00"]
    assert body["title"] == "New <b>name</b>"


def test_big_products_are_cut_in_bodies(stand: Stand) -> None:
    stand.subscribe("PRODUCTS_UPDATE")
    stand.shop("POST", "/products/generate", {"count": 1, "largest": True})
    product = stand.shop("GET", "/products")["products"][0]
    stand.shop("PATCH", f"/products/{product['id']}", {"vendor": "New"})
    stand.quiesce()
    body = json.loads(stand.receiver.received[0][1])
    assert (len(body["variants"]), len(body["variant_gids"])) == (100, 2048)


def test_sale_moves_stock_and_tells(stand: Stand) -> None:
    stand.subscribe("PRODUCTS_UPDATE", "INVENTORY_LEVELS_UPDATE")
    product = stand.product("9.00", inventory_quantity=1)
    order = stand.order({"variant_id": product["variants"][0]["id"]})
    assert order["financial_status"] == "paid"
    after = stand.shop("GET", f"/products/{product['id']}")["variants"][0]
    assert (after["inventory_quantity"], after["available"]) == (0, False)
    stand.quiesce()
    assert sorted(stand.receiver.topics()) == ["inventory_levels/update", "products/update"]
    level = next(json.loads(b) for h, b in stand.receiver.received if h["x-shopify-topic"].startswith("inventory"))
    assert same_shape(level, recorded("inventory_levels_update")) == []


@pytest.mark.parametrize(
    "draft", [{"lines": []}, {"lines": [{"title": "A", "price": "1.001"}]}, {"lines": [{"variant_id": 5}]}]
)
def test_impossible_orders_are_refused(stand: Stand, draft: dict[str, Any]) -> None:
    answer = stand.shop(
        "POST", "/orders", draft, status=404 if draft["lines"] and "variant_id" in draft["lines"][0] else 422
    )
    assert answer["error"]
