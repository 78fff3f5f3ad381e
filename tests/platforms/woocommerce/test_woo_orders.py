"""Orders and refunds: exact bases, what comes back, and what the store tells oddly."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce.orders.collect import Version, collect
from connector.earnings.commission import rate
from connector.errors import PayloadUnreadable, PlatformBusy
from connector.events import Carrier, OrderSeen, OrderSnapshot, OrderStub, content_hash
from connector.platforms.contract import Envelope, OrderRead
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce.bodies import to_snapshot
from connector.platforms.woocommerce.payloads import OrderBody, RefundBody
from tests.money.builders import Credit, facts
from tests.platforms.woocommerce.kit import DOMAIN, TOKEN, Shop, data, recorded

SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def body(name: str = "order.created.json", **more: Any) -> dict[str, Any]:
    return json.loads(recorded(name)) | more


def order(given: dict[str, Any], *refunds: dict[str, Any]) -> OrderSnapshot:
    made = msgspec.convert(json.loads(json.dumps(given)), OrderBody)
    return to_snapshot(made, [msgspec.json.decode(json.dumps(each), type=RefundBody) for each in refunds])


def heard(given: dict[str, Any]) -> Any:
    raw = json.dumps(given).encode()
    topic = "order.refunded" if given.get("refunds") else "order"
    (event,) = PLATFORM.webhooks.translate(Envelope(DOMAIN, topic), raw, "USD")
    return event


def bases(snapshot: OrderSnapshot) -> list[tuple[int, int]]:
    """(base, what came back of it) of the lines that aren't excluded, by the product's own arithmetic."""
    decisions = {line.line_ref: Credit("crt_x", 1000) for line in snapshot.lines}
    made = rate.assess(facts(snapshot, snapshot.refunds), decisions)
    fees = {line.line_ref for line in snapshot.lines if line.fee}
    return [(line.base, line.refunded_base) for line in made.lines if line.line_ref not in fees]


def read(shop: Shop, ref: str) -> OrderRead:
    found = PLATFORM.orders.one(shop.client, ref)
    assert found is not None
    return found


# --- what is sold -----------------------------------------------------------------------------------------------------


def test_the_story_of_all_sheets() -> None:
    """Two candles at 40.00, ten per cent off by MAYA10, shipping, tax: 72.00; after one came back 36.00."""
    assert bases(order(body("order.story.json"))) == [(7200, 0)]
    after = order(body("order_refunded.story.json"), json.loads(recorded("api/refund.story.json")))
    assert bases(after) == [(7200, 3600)]
    assert (after.refunds[0].adjustments, after.lines[0].current_quantity) == ((), 1)
    assert [value for value, _ in PLATFORM.checkout.tokens(after)] == [TOKEN, TOKEN]


def test_what_the_sheet_gives_back_line_by_line_and_in_a_bare_amount() -> None:
    partial = json.loads(recorded("api/refund.lines.json"))
    assert bases(order(body("order_refunded.partial.json"), partial)) == [(3600, 0), (4860, 2430)]
    bare = json.loads(recorded("api/refund.bare.json"))
    whole = order(body("order_refunded.full.json"), bare, partial)
    assert whole.payment_status == "refunded"
    assert bases(whole) == [(3600, 3600), (4860, 4860)]
    assert [refund.refund_ref for refund in whole.refunds] == ["9140", "9151"]


def test_prices_with_tax_have_the_stores_own_total_as_base() -> None:
    """25.00 + 5.00 tax, 2.50 + 0.50 off by a code, and 2.00 off the whole by hand (a negative fee)."""
    made = order(body("order.tax_included.json"))
    assert made.taxes_included
    assert made.lines[0].title == "Café Lantern & Co"
    assert bases(made) == [(2250 - 200, 0)]


def test_a_bare_amount_of_prices_with_tax_gives_its_tax_back_too() -> None:
    given = body("order.tax_included.json", fee_lines=[], total="32.00")
    given["refunds"] = [{"id": 9141}]
    refund = {"id": 9141, "date_created_gmt": "2026-11-21T10:00:00", "amount": "13.50"}
    assert bases(order(given, refund)) == [(2250, 1125)]  # 13.50 of 27.00 with tax


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 40)),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_a_lines_base_is_the_stores_total_whatever_the_units(rows: list[Any], contained: bool) -> None:
    """Prices that don't divide by the units lose nothing, nor do discounts and taxes."""

    def text(amount: int) -> str:
        return f"{amount // 100}.{amount % 100:02d}"

    lines = [
        {"id": n + 1, "product_id": 5, "quantity": units, "subtotal": text(total + off), "total": text(total),
         "subtotal_tax": text(tax), "total_tax": text(tax)}
        for n, (total, off, tax, units) in enumerate(rows)
    ]  # fmt: skip
    off = sum(row[1] for row in rows)
    coupons = [
        {"id": 90, "code": "a", "discount": text(off // 3)},
        {"id": 91, "code": "b", "discount": text(off - off // 3)},
    ]
    made = order(body(line_items=lines, coupon_lines=coupons, prices_include_tax=contained))
    assert [base for base, _ in bases(made)] == [row[0] for row in rows]
    by_code = sum(a.amount for line in made.lines for a in line.allocations if a.code)
    assert by_code == off


def test_each_code_has_its_part_and_what_was_cut_by_hand_has_none() -> None:
    given = body(coupon_lines=[
        {"id": 2, "code": "second", "discount": "3.4", "discount_tax": ""},
        {"id": 1, "code": "first", "discount": "3"},
        {"id": 3, "code": "freeship", "discount": "0"},
    ])  # fmt: skip
    made = order(given)  # 9.40 off: 3.00, 3.40, and 3.00 by hand
    sums: dict[str | None, int] = {}
    for line in made.lines:
        assert sum(each.amount for each in line.allocations) in (400, 540)
        assert [each.code for each in line.allocations] == ["first", "second", None]
        for each in line.allocations:
            sums[each.code] = sums.get(each.code, 0) + each.amount
    assert sum(sums.values()) == 940
    assert abs(sums["first"] - 300) <= 1
    assert Carrier("code", "freeship") in made.carriers  # seen, and on no line


def test_a_yen_order_of_a_store_with_decimals_is_read_rounded_by_the_store() -> None:
    """`9.99` is no amount of yen: the body is a reason to read, and the store is asked to round (`dp`)."""
    line = {**body()["line_items"][0], "total": "9.99", "subtotal": "9.99", "total_tax": "", "subtotal_tax": ""}
    given = body(currency="JPY", line_items=[line], coupon_lines=[], shipping_total="", total="9.99")
    assert heard(given) == OrderStub("9120")
    shop = Shop("JPY")
    shop.orders[9120] = given

    def rounded(request: Any) -> Any:
        if request.query.get("dp") != "0":
            return None
        return data(given | {"line_items": [line | {"total": "10", "subtotal": "10"}], "total": "10"})

    shop.before = rounded
    assert bases(read(shop, "9120").snapshot) == [(10, 0)]
    whole = given | {"line_items": [line | {"total": "20.00", "subtotal": "20.00"}], "total": "20.00"}
    assert isinstance(heard(whole), OrderSeen)  # nothing is behind the point


def test_lines_that_are_no_goods_and_orders_that_have_none() -> None:
    empty = order(body(line_items=[], coupon_lines=[]))
    assert (bases(empty), len(empty.lines)) == ([], 1)
    lost = body()
    lost["line_items"][0] |= {"product_id": 0, "variation_id": 0}
    assert (order(lost).lines[0].product_ref, order(lost).lines[0].variant_ref) == (None, None)


@pytest.mark.parametrize(
    ("quantity", "units", "total"), [(0, 1, 3600), (0.5, 1, 3600), (2.5, 1, 3600), ("3", 3, 3600), (7, 7, 3600)]
)
def test_goods_by_the_weight_are_one_unit(quantity: Any, units: int, total: int) -> None:
    given = body()
    given["line_items"] = [given["line_items"][0] | {"quantity": quantity}]
    made = order(given)
    assert (made.lines[0].quantity, bases(made)) == (units, [(total, 0)])


@pytest.mark.parametrize(
    ("status", "paid", "says"),
    [
        ("pending", None, "pending"), ("on-hold", None, "pending"), ("processing", None, "pending"),
        ("processing", "2026-11-19T21:02:12", "paid"), ("completed", "2026-11-19T21:02:12", "paid"),
        ("wc-packed-by-plugin", "2026-11-19T21:02:12", "paid"), ("failed", None, "pending"),
        ("failed", "2026-11-19T21:02:12", "voided"), ("refunded", "2026-11-19T21:02:12", "refunded"),
        ("refunded", None, "voided"),
    ],
)  # fmt: skip
def test_paid_is_what_has_a_date_of_payment(status: str, paid: str | None, says: str) -> None:
    made = order(body(status=status, date_paid_gmt=paid))
    assert made.payment_status == says
    assert (made.cancelled_at, made.completed) == (None, True)


@pytest.mark.parametrize("status", ["cancelled", "trash"])
def test_a_cancelled_and_a_trashed_order_pay_nothing(status: str) -> None:
    made = order(body(status=status))
    assert made.cancelled_at == made.changed_at
    assert rate.stopped(made) == "order_cancelled"
    assert rate.stopped(order(body(status="checkout-draft"))) == "not_completed"


def test_carriers_are_kept_under_known_names_and_never_as_addresses() -> None:
    attribution = "_wc_order_attribution_"
    given = body(meta_data=[
        {"id": 1, "key": f"{attribution}utm_content", "value": f"{TOKEN}."},
        {"id": 2, "key": f"{attribution}session_entry", "value": f"https://{DOMAIN}/x/?email=ana%40x.example&utm_content={TOKEN}"},
        {"id": 3, "key": f"{attribution}referrer", "value": "https://coupons.example/deals?who=ana"},
        {"id": 4, "key": f"{attribution}utm_campaign", "value": TOKEN},
        {"id": 5, "key": "_connector_touch", "value": TOKEN},
        {"id": 6, "key": "_connector_touch", "value": {"a": 1}},
        {"id": 7, "key": "billing_note", "value": TOKEN},
        {"id": 8, "key": f"{attribution}utm_content", "value": "newsletter"},
    ])  # fmt: skip
    given["line_items"][0]["meta_data"] = [{"key": "_connector_touch", "value": TOKEN}]
    made = order(given)
    assert set(made.carriers) == {
        Carrier("code", "mina-10"),
        Carrier("landing_page", TOKEN, "utm_content"),
        Carrier("landing_page", TOKEN, "session_entry"),
        Carrier("order_metadata", TOKEN, "_connector_touch"),
        Carrier("order_metadata", TOKEN, "_connector_touch", "3301"),
    }
    assert heard(given).hints == (Carrier("referrer", "coupons.example"),)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("$.currency", {"currency": "XBT"}), ("$.date_modified_gmt", {"date_modified_gmt": "yesterday"}),
        ("$.id", {"id": -1}), ("$.total", {"total": "1e3"}), ("$.line_items", {"line_items": None}),
        ("$.refunds", {"refunds": None}),
    ],
)  # fmt: skip
def test_what_can_t_be_read_names_its_place(where: str, what: dict[str, Any]) -> None:
    with pytest.raises(PayloadUnreadable) as refused:
        heard(body(**what))
    assert refused.value.path.startswith(where)


def test_an_empty_map_of_php_is_a_list() -> None:
    seen = heard(body(billing=[], meta_data=[]))
    assert seen.buyer.email is None


# --- what comes back --------------------------------------------------------------------------------------------------


def back(line: str, quantity: int, total: str, tax: str = "", **more: Any) -> dict[str, Any]:
    meta = [{"key": "_refunded_item_id", "value": line}]
    return {"id": 77, "quantity": -quantity, "total": total, "total_tax": tax, "meta_data": meta, **more}


def gave(amount: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 9140, "date_created_gmt": "2026-11-20T17:00:00", "amount": amount, "line_items": list(lines), **more}


def refunded(refund: dict[str, Any]) -> OrderSnapshot:
    return order(body(refunds=[{"id": 9140}]), refund)


def test_money_without_a_unit_comes_off_its_line() -> None:
    made = refunded(gave("5.00", back("3302", 0, "-5.00")))
    assert bases(made) == [(3600, 0), (4860, 500)]
    assert made.lines[1].current_quantity == 2


def test_shipping_moves_nothing_and_the_rest_is_without_an_item() -> None:
    sent = [{"total": "-6.00", "total_tax": "0.00"}]
    made = refunded(gave("36.24", back("3302", 1, "-24.30", "-1.94"), shipping_lines=sent))
    assert made.refunds[0].shipping == 600
    assert [each.amount for each in made.refunds[0].adjustments] == [-400]
    assert [each for _, each in bases(made)] == [239, 2430 + 161]  # 4.00 over 36.00 and 24.30


def test_a_rounded_tax_is_no_money_and_a_fee_kept_back_changes_nothing() -> None:
    assert refunded(gave("26.25", back("3302", 1, "-24.30", "-1.94"))).refunds[0].adjustments == ()
    kept = refunded(gave("20.00", back("3302", 1, "-24.30", "-1.94")))
    assert kept.refunds[0].adjustments == ()
    assert bases(kept) == [(3600, 0), (4860, 2430)]


def test_a_record_that_names_no_line_is_an_amount() -> None:
    unknown = back("", 1, "-24.30", "-1.94", meta_data=[])
    assert [each.amount for each in refunded(gave("26.24", unknown)).refunds[0].adjustments] == [-2624]
    as_number = back("3302", 1, "-24.30", "-1.94", meta_data=[{"key": "_refunded_item_id", "value": 3302}])
    assert refunded(gave("26.24", as_number)).refunds[0].lines[0].line_ref == "3302"


def test_a_deleted_refund_is_found_by_the_next_read() -> None:
    """Nothing is posted and the order's change time stays: the read is newer, and its list is whole."""
    assert PLATFORM.quiet_changes
    shop = Shop()
    ref = shop.order(shop.product("Thing", [1000]), 2, TOKEN)
    sold = read(shop, ref)
    shop.refund(ref, 1)
    given_back = read(shop, ref)
    shop.delete_refund(ref, int(given_back.snapshot.refunds[0].refund_ref))
    deleted = read(shop, ref)
    assert deleted.snapshot.changed_at == given_back.snapshot.changed_at > sold.snapshot.changed_at
    moments = [SINCE + timedelta(minutes=n) for n in range(3)]
    versions = [
        Version(each.snapshot.changed_at, at, content_hash(each.snapshot), each.snapshot)
        for each, at in zip((sold, given_back, deleted), moments, strict=True)
    ]
    assert collect(versions, [], {}).refunds == ()
    assert collect(versions[::-1], [], {}).refunds == ()
    assert len(collect(versions[:2], [], {}).refunds) == 1


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_read_asks_for_no_more_than_is_read_and_for_refunds_only_where_there_are_some() -> None:
    shop = Shop()
    ref = shop.order(shop.product("Thing", [1000]), 2, TOKEN)
    read(shop, ref)
    (asked,) = [each for each in shop.sent if "/orders" in each.path]
    assert "line_items" in asked.query["_fields"]
    assert "_fields" in asked.query
    shop.refund(ref, 1)
    read(shop, ref)
    assert [each.path.rpartition("/")[2] for each in shop.sent[1:]] == [ref, "refunds"]


def test_an_order_that_is_refunded_while_it_is_read_is_read_again() -> None:
    shop = Shop()
    ref = shop.order(shop.product("Thing", [1000]), 2, TOKEN)
    shop.refund(ref, 1)
    stale = copy.deepcopy(shop.refunds)
    shop.refund(ref, 1)
    times = [0]

    def late(request: Any) -> Any:
        if request.path.endswith("/refunds") and times[0] == 0:
            times[0] += 1
            return data(stale[int(ref)])
        return None

    shop.before = late
    assert len(read(shop, ref).snapshot.refunds) == 2
    shop.before = lambda request: data([]) if request.path.endswith("/refunds") else None
    with pytest.raises(PlatformBusy):
        read(shop, ref)


def test_some_are_read_together_and_the_trashed_alone() -> None:
    shop = Shop()
    product = shop.product("Thing", [1000])
    refs = [shop.order(product, 1, TOKEN) for _ in range(130)]
    shop.refund(refs[0], 1)
    shop.orders[int(refs[1])]["status"] = "trash"
    shop.sent.clear()
    found = PLATFORM.orders.some(shop.client, [*refs, refs[0], "999999", "not-a-number"])
    assert set(found) == {*refs, "999999", "not-a-number"}
    assert len(shop.sent) == 2 + 2 + 1 + 1  # two lists, one with its refunds, the trashed, and the one that isn't there
    assert rate.stopped(found[refs[1]].snapshot) == "order_cancelled"  # type: ignore[union-attr]
    assert (found["999999"], found["not-a-number"]) == (None, None)


def walked(shop: Shop, since: datetime, until: datetime | None = None) -> list[str]:
    refs: list[str] = []
    checkpoint = None
    for _ in range(100):
        if until is None:
            page = PLATFORM.orders.changed(shop.client, since, checkpoint)
        else:
            page = PLATFORM.orders.placed(shop.client, since, until, checkpoint)
        refs += [head.order_ref for head in page.heads]
        checkpoint = page.checkpoint
        if checkpoint is None:
            return refs
    raise AssertionError("the list has no end")


def test_no_change_is_skipped_while_rows_change_and_go() -> None:
    shop = Shop()
    product = shop.product("Thing", [1000])
    refs = [shop.order(product, 1, TOKEN) for _ in range(250)]
    at = shop._stamp()
    for ref in refs[100:230]:  # a whole page of one second
        shop.orders[int(ref)]["date_modified_gmt"] = at
    moved = iter(refs[:40])

    def touched(request: Any) -> None:
        """Between the pages an early row changes, and goes to the end."""
        for ref in [next(moved, None) for _ in range(10)]:
            if ref is not None:
                shop.orders[int(ref)]["date_modified_gmt"] = shop._stamp()

    shop.before = touched
    assert set(walked(shop, SINCE)) == set(refs)
    assert walked(shop, shop.now() + timedelta(days=1)) == []


def test_placed_is_from_the_first_second_and_before_the_last() -> None:
    shop = Shop()
    product = shop.product("Thing", [1000])
    refs = [shop.order(product, 1, TOKEN) for _ in range(3)]
    times = [datetime.fromisoformat(shop.orders[int(ref)]["date_created_gmt"]).replace(tzinfo=UTC) for ref in refs]
    assert walked(shop, times[0], times[2]) == refs[:2]
    assert walked(shop, times[1], times[2] + timedelta(seconds=1)) == refs[1:]
