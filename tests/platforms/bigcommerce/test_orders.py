"""Orders: from the store's answers to a snapshot, and what commission makes of it by the rules' own arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector import money
from connector.commerce.orders.collect import Version, collect
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.commission import rate
from connector.earnings.commission.rate import Assessment
from connector.errors import PayloadUnreadable, PlatformDown, PlatformRefused
from connector.events import Allocation, Carrier, OrderSnapshot, encode
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.contract import OrderRead
from tests.money.builders import Credit
from tests.platforms.bigcommerce.kit import (
    CART,
    BigCommerce,
    Reply,
    client,
    item,
    refunded,
    reply,
    sold,
    touch,
)

TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"
SINCE = datetime(2025, 11, 1, tzinfo=UTC)
PLACED = datetime(2025, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


def read(store: BigCommerce, ref: str = "250", **given: Any) -> OrderRead:
    found = PLATFORM.orders.one(client(store, **given), ref)
    assert found is not None
    return found


def snap(store: BigCommerce, **given: Any) -> OrderSnapshot:
    return read(store, **given).snapshot


def assessed(*versions: OrderSnapshot) -> Assessment:
    """What ten per cent for one creator of every line comes to, after these versions in any order."""
    heard = [Version(s.changed_at, s.changed_at + timedelta(minutes=n), str(n), s) for n, s in enumerate(versions)]
    found = collect(heard, [], {})
    newest = found.newest.snapshot
    facts = OrderFacts(
        order_id="o", shop_id="s", snapshot=newest, refunds=found.refunds, added_units=found.added_units,
        oldest_changed_at=found.oldest.changed_at,
    )  # fmt: skip
    return rate.assess(facts, {line.line_ref: Credit("crt_x", 1000) for line in newest.lines})


def bases(*versions: OrderSnapshot) -> list[tuple[int, int]]:
    """(base, base given back) of each line."""
    return [(line.base, line.refunded_base) for line in assessed(*versions).lines]


def due(*versions: OrderSnapshot) -> int:
    return sum(line.due for line in assessed(*versions).lines)


def line(number: int = 116, quantity: int = 1, price: str = "10.0000", **changes: Any) -> dict[str, Any]:
    total = f"{float(price) * quantity:.4f}"
    return {
        "id": number, "product_id": 188, "variant_id": 301, "name": "Thing", "sku": "T", "type": "physical",
        "quantity": quantity, "price_ex_tax": price, "price_inc_tax": price, "total_ex_tax": total,
        "total_inc_tax": total, "total_tax": "0.0000", "quantity_refunded": 0, "applied_discounts": [], **changes,
    }  # fmt: skip


def bought(store: BigCommerce, *lines: dict[str, Any], **changes: Any) -> None:
    """An order of these lines, without discounts, tax and shipping but for what is named."""
    plain = {
        "coupon_discount": "0.0000", "discount_amount": "0.0000", "total_tax": "0.0000",
        "shipping_cost_ex_tax": "0.0000", "shipping_cost_inc_tax": "0.0000",
    }  # fmt: skip
    sold(store, **(plain | changes))
    store.lines[250] = list(lines)
    store.coupons.clear()


def discount(amount: Any, code: str | None = None, ref: str = "d") -> dict[str, Any]:
    return {"id": ref, "amount": amount, "name": "A discount", "code": code, "target": "order"}


# --- the story of the sheets ------------------------------------------------------------------------------------------


def test_the_story_comes_to_72_and_after_one_candle_back_to_36(store: BigCommerce) -> None:
    sold(store, TOKEN)
    first = snap(store)
    assert bases(first) == [(7200, 0)]
    assert due(first) == 720
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2, tax=3.2)
    store.orders[250] |= {"status_id": 14, "date_modified": "Sat, 22 Nov 2025 20:00:05 +0000"}
    store.lines[250][0]["quantity_refunded"] = 1
    second = snap(store)
    assert bases(first, second) == bases(second) == bases(second, first, second) == [(7200, 3600)]
    assert due(first, second) == 360
    refunded(store, 4, item("PRODUCT", 116, 39.2, 1), total=39.2, tax=3.2, created="2025-11-23T20:00:00+00:00")
    store.orders[250] |= {"status_id": 4, "date_modified": "Sun, 23 Nov 2025 20:00:05 +0000"}
    third = snap(store)
    for versions in ((first, second, third), (third, first), (second, third, first, second), (third,)):
        assert due(*versions) == 0
        assert bases(*versions) == [(7200, 7200)]


def test_the_sample_becomes_a_snapshot(store: BigCommerce) -> None:
    sold(store, TOKEN)
    found = snap(store)
    assert (found.order_ref, found.number, found.currency) == ("250", "#250", "USD")
    assert (found.created_at, found.changed_at) == (PLACED, PLACED + timedelta(seconds=40))
    assert (found.payment_status, found.paid_at, found.completed, found.test) == ("paid", PLACED, True, False)
    assert (found.total, found.total_discounts, found.shipping, found.source) == (8340, 800, 500, "www")
    (one,) = found.lines
    assert (one.line_ref, one.product_ref, one.variant_ref) == ("116", "188", "301")
    assert (one.quantity, one.current_quantity, one.unit_price, one.tax) == (2, 2, 4000, 640)
    assert one.allocations == (Allocation(800, "MAYA10"),)
    assert found.carriers == (Carrier("code", "MAYA10"), Carrier("order_metadata", TOKEN, "touch"))
    assert PLATFORM.checkout.tokens(found) == [(TOKEN, "order_metadata")]
    assert snap(store) == found


def test_who_bought_is_beside_the_snapshot_and_never_in_it(store: BigCommerce) -> None:
    person = {
        "billing_address": {
            "first_name": "Ana", "last_name": "Prueba", "email": "ana@example.com", "phone": "+34600000000",
            "street_1": "Calle Uno 1",
        },
        "customer_id": 11, "ip_address": "203.0.113.7", "staff_notes": "Ana called", "customer_message": "for Ana",
    }  # fmt: skip
    sold(store, TOKEN, **person)
    found = read(store)
    assert (found.buyer.customer_ref, found.buyer.email, found.buyer.phone) == ("11", "ana@example.com", "+34600000000")
    kept = encode(found.snapshot).decode()
    for word in ("Ana", "ana@", "+346", "Calle", "203.0.113.7"):
        assert word not in kept
    assert encode(read(store).snapshot) == encode(found.snapshot)
    sold(store, customer_id=0, billing_address={"email": "", "phone": None})
    assert read(store).buyer == type(found.buyer)()


# --- bases ------------------------------------------------------------------------------------------------------------


def test_prices_that_contain_tax_lose_it(store: BigCommerce) -> None:
    """E5: 24.00 with 20 per cent VAT (4.00) is a base of 20.00; with ten per cent off 18.00."""
    inside = {"price_ex_tax": "20.0000", "total_ex_tax": "20.0000", "total_tax": "4.0000"}
    bought(store, line(1, 1, "24.0000", **inside), is_tax_inclusive_pricing=True, total_tax="4.0000")
    assert (snap(store).taxes_included, bases(snap(store))) == (True, [(2000, 0)])
    off = {"discount_amount": "2.4000", "is_tax_inclusive_pricing": True}
    less = line(1, 1, "24.0000", **inside, applied_discounts=[discount("2.4000")])
    bought(store, {**less, "total_tax": "3.6000"}, **off, total_tax="3.6000")
    assert bases(snap(store)) == [(1800, 0)], "the line's tax is the one after its discount"
    bought(store, less, **off, total_tax="3.6000")
    assert bases(snap(store)) == [(1800, 0)], "the line's tax is the one before: the order's own sum says so"
    bought(store, less, **off, total_tax="4.6000", shipping_cost_tax="1.0000", shipping_cost_inc_tax="6.0000")
    assert bases(snap(store)) == [(1800, 0)], "with tax on shipping beside it too"
    bought(store, {**less, "total_tax": "3.6000"}, **off, total_tax="4.6000", shipping_cost_tax="1.0000",
           shipping_cost_inc_tax="6.0000")  # fmt: skip
    assert (bases(snap(store)), snap(store).shipping) == ([(1800, 0)], 600)


def test_estimated_figures_of_the_other_kind_are_not_read(store: BigCommerce) -> None:
    """Where prices contain tax, those without are estimates with digits that no money has."""
    odd = {"price_ex_tax": "62.6793", "total_ex_tax": "62.6793", "total_tax": "5.1607"}
    bought(store, line(1, 1, "67.8400", **odd), is_tax_inclusive_pricing=True, total_tax="5.1600")
    assert bases(snap(store)) == [(6784 - 516, 0)]


def test_the_figures_of_an_order_that_was_recorded_in_public(store: BigCommerce) -> None:
    """Ten units at 250.00 with tax, 100.00 off, paid on delivery: the base is the order's own total without tax."""
    ten = line(537, 10, "250.0000", price_ex_tax="236.9667", total_ex_tax="2369.6667", total_tax="125.1200",
               applied_discounts=[discount("100.0000", None, "manual-discount")])  # fmt: skip
    figures = {
        "is_tax_inclusive_pricing": True, "subtotal_ex_tax": "2369.6667", "subtotal_inc_tax": "2500.0000",
        "total_ex_tax": "2274.8800", "total_inc_tax": "2400.0000", "total_tax": "125.1200",
        "discount_amount": "100.0000", "payment_method": "Cash on Delivery", "payment_status": "pending",
    }  # fmt: skip
    bought(store, ten, **figures, status_id=2)
    assert bases(snap(store)) == [(227_488, 0)]
    assert assessed(snap(store)).reason == "awaiting_payment", "on its way, and not paid for"
    bought(store, ten, **figures, status_id=10)
    assert due(snap(store)) == 22_749


@given(
    prices=st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 9)), min_size=1, max_size=6),
    off=st.integers(0, 100_000), finer=st.booleans(), back=st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_whatever_was_bought_and_in_whatever_steps_it_came_back(
    prices: list[tuple[int, int]], off: int, finer: bool, back: Any
) -> None:
    """Bases are what was paid, to the last unit; all units back is all of each base, and never more on the way."""
    store = BigCommerce()
    gross = [price * quantity for price, quantity in prices]
    off = min(off, sum(gross))
    shares = [Decimal(off * part) / sum(gross) for part in gross]
    if not finer:
        shares = [Decimal(share) for share in money.split(off, gross)]
    shares = [share.quantize(Decimal("0.01")) for share in shares]
    shares[-1] = off - sum(shares[:-1], Decimal(0))
    if shares[-1] < 0:
        return
    lines = [
        line(n + 1, quantity, f"{price / 100:.2f}00", total_ex_tax=f"{price * quantity / 100:.2f}00",
             applied_discounts=[discount(f"{share / 100:.4f}", "MAYA10")])
        for n, ((price, quantity), share) in enumerate(zip(prices, shares, strict=True))
    ]  # fmt: skip
    bought(store, *lines, coupon_discount=f"{off / 100:.4f}", status_id=11)
    before = bases(snap(store))
    assert sum(base for base, _ in before) == sum(gross) - off
    left = [n + 1 for n, (_, quantity) in enumerate(prices) for _ in range(quantity)]
    back.shuffle(left)
    given_back = [0] * len(prices)
    for number, each in enumerate(left, start=1):
        refunded(store, number, item("PRODUCT", each, None, 1), total=1)
        if number % 3 == 0 or number == len(left):
            now = bases(snap(store))
            assert all(was <= is_ <= base for was, (base, is_) in zip(given_back, now, strict=True))
            given_back = [is_ for _, is_ in now]
    assert given_back == [base for base, _ in before]


def test_tax_has_digits_that_money_hasnt_and_is_rounded(store: BigCommerce) -> None:
    bought(store, line(1, 1, "10.0000", total_tax="0.8250"), total_tax="0.8250")
    assert snap(store).lines[0].tax == 83
    assert bases(snap(store)) == [(1000, 0)]


def test_a_price_with_finer_digits_counts_by_its_total(store: BigCommerce) -> None:
    bought(store, line(1, 100, "1.2345", total_ex_tax="123.4500"), line(2, 3, "3.3333", total_ex_tax="10.0000"))
    found = snap(store)
    assert bases(found) == [(12345, 0), (1000, 0)]
    assert [one.unit_price for one in found.lines] == [124, 334]
    assert found.total_discounts == sum(a.amount for one in found.lines for a in one.allocations)
    bought(store, line(1, 1, "1.2345", total_ex_tax="1.2345"))
    with pytest.raises(PayloadUnreadable, match="more decimals") as refused:
        snap(store)
    assert refused.value.path == "$.products[0].total_ex_tax"


def test_shares_of_a_discount_with_finer_digits_are_what_the_whole_comes_to(store: BigCommerce) -> None:
    """E3: 10.00 off 30.00, 20.00 and 9.99 by largest remainder: 5.00, 3.33, 1.67."""
    shares = ("5.0008", "3.3339", "1.6653")
    lines = [
        line(n + 1, 1, price, applied_discounts=[discount(share, "TEN")])
        for n, (price, share) in enumerate(zip(("30.0000", "20.0000", "9.9900"), shares, strict=True))
    ]
    bought(store, *lines, coupon_discount="10.0000")
    assert [base for base, _ in bases(snap(store))] == [2500, 1667, 832]
    assert {a.code for one in snap(store).lines for a in one.allocations} == {"TEN"}
    lines[0]["applied_discounts"] = [discount("5.0009", "TEN")]
    with pytest.raises(PayloadUnreadable, match="applied_discounts"):
        snap(store)


def test_discounts_of_the_order_that_are_on_no_line_are_shared(store: BigCommerce) -> None:
    lines = [line(1, 1, "30.0000"), line(2, 1, "20.0000"), line(3, 1, "9.9900")]
    bought(store, *lines, discount_amount="10.0000")
    assert [base for base, _ in bases(snap(store))] == [2500, 1667, 832]
    refunded(store, 3, item("PRODUCT", 1, 30, 1), total=25)
    assert bases(snap(store))[0] == (2500, 2500)


def test_what_no_line_was_told_of_a_discount_takes_nothing_from_a_certificate(store: BigCommerce) -> None:
    certificate = line(2, 1, "25.0000", type="giftcertificate", product_id=0)
    bought(store, line(1, 2, "15.0000"), certificate, discount_amount="6.0000", status_id=14)
    refunded(store, 3, item("PRODUCT", 1, None, 1), total=12)
    assert bases(snap(store)) == [(2400, 1200), (0, 0)]


def test_a_coupon_on_shipping_takes_nothing_from_the_goods(store: BigCommerce) -> None:
    bought(store, line(1, 1, "40.0000"), coupon_discount="5.0000")
    store.coupons[250] = [{"id": 1, "code": "FREESHIP", "type": 4, "discount": "5.0000", "amount": 0}]
    found = snap(store)
    assert (found.shipping_discounts, bases(found)) == (500, [(4000, 0)])
    assert Carrier("code", "FREESHIP") in found.carriers
    assert not any(a.code for one in found.lines for a in one.allocations), "it credits no line"
    store.coupons[250][0]["type"] = 2
    assert bases(snap(store)) == [(3500, 0)]


def test_several_discounts_of_a_line_keep_their_codes_in_order(store: BigCommerce) -> None:
    many = [discount("1.0000", None, "manual-discount"), discount("2.0000", "MAYA", "coupon"), discount(0, "NIL", "c")]
    bought(store, line(1, 1, "40.0000", applied_discounts=many), discount_amount="1.0000", coupon_discount="2.0000")
    assert snap(store).lines[0].allocations == (Allocation(100), Allocation(200, "MAYA"))
    assert bases(snap(store)) == [(3700, 0)]


def test_a_bundle_is_paid_once(store: BigCommerce) -> None:
    child = line(2, 1, "0.0000", parent_order_product_id=1, is_bundled_product=True, product_id=86)
    bought(store, line(1, 1, "55.9900"), child, subtotal_ex_tax="55.9900")
    assert [base for base, _ in bases(snap(store))] == [5599, 0]
    priced = {**child, "price_ex_tax": "20.0000", "total_ex_tax": "20.0000", "total_tax": "1.0000"}
    bought(store, line(1, 1, "55.9900"), priced, subtotal_ex_tax="55.9900")
    assert [base for base, _ in bases(snap(store))] == [5599, 0], "its price is in the bundle's: the subtotal says so"
    bought(store, line(1, 1, "55.9900"), priced, subtotal_ex_tax="75.9900")
    assert [base for base, _ in bases(snap(store))] == [5599, 2000], "it is paid for by itself"


def test_gift_certificates_and_store_credit(store: BigCommerce) -> None:
    """E12: what was paid with changes nothing, and buying a certificate earns nothing."""
    certificate = line(2, 1, "25.0000", type="giftcertificate", gift_certificate_id=52, product_id=0, variant_id=None)
    bought(store, line(1, 1, "50.0000"), certificate, gift_certificate_amount="30.0000", store_credit_amount="20.0000")
    found = snap(store)
    assert [base for base, _ in bases(found)] == [5000, 0]
    assert (found.gift_card_payment, found.lines[1].gift_card, found.lines[1].product_ref) == (True, True, None)
    bought(store, line(1, 1, "50.0000"), store_credit_amount="20.0000")
    assert snap(store).gift_card_payment is False


@pytest.mark.parametrize(
    ("currency", "price", "base"), [("JPY", "3980.0000", 7960), ("KWD", "1.2340", 2468), ("USD", "19.99", 3998)]
)
def test_money_has_the_decimals_of_its_currency(store: BigCommerce, currency: str, price: str, base: int) -> None:
    total = f"{float(price) * 2:.4f}"
    bought(store, line(1, 2, price), default_currency_code=currency, currency_code="EUR", total_inc_tax=total)
    found = snap(store)
    assert (found.currency, bases(found)) == (currency, [(base, 0)]), "what the buyer pays in, not what was shown"


@pytest.mark.parametrize(
    ("where", "change", "path"),
    [
        ("order", {"default_currency_code": "BTC"}, "$.products[0].total_ex_tax"),
        ("order", {"default_currency_code": None}, "$.default_currency_code"),
        ("order", {"total_inc_tax": "1e999999"}, "$.total_inc_tax"),
        ("order", {"total_inc_tax": "NaN"}, "$.total_inc_tax"),
        ("order", {"coupon_discount": "8.001"}, "$.discount_amount"),
        ("order", {"date_created": "yesterday"}, "$.date_created"),
        ("order", {"date_modified": "Fri, 21 Nov 2025 20:00:40"}, "$.date_modified"),
        ("order", {"date_modified": ""}, "$.date_modified"),
        ("order", {"status_id": 15}, "$.status_id"),
        ("order", {"payment_status": "in doubt"}, "$.payment_status"),
        ("line", {"price_ex_tax": {}}, "$[0].price_ex_tax"),
        ("line", {"quantity": -1}, "$.products[0].quantity"),
        ("line", {"total_ex_tax": "-80.0000"}, "$.products[0].total_ex_tax"),
        ("line", {"id": 0}, "$.products[0].id"),
        ("line", {"applied_discounts": [discount("-1.0000")]}, "$.products[0].applied_discounts.amount"),
        ("line", {"applied_discounts": [discount("sNaN")]}, "$[0].applied_discounts[0].amount"),
        ("order", {"subtotal_ex_tax": "-sNaN12"}, "$.subtotal_ex_tax"),
        ("order", {"coupon_discount": "Infinity"}, "$.coupon_discount"),
    ],
)
def test_what_cannot_be_read_names_its_field(store: BigCommerce, where: str, change: Any, path: str) -> None:
    sold(store)
    (store.orders[250] if where == "order" else store.lines[250][0]).update(change)
    with pytest.raises(PayloadUnreadable) as refused:
        snap(store)
    assert refused.value.path == path


# --- statuses ---------------------------------------------------------------------------------------------------------

STATUSES = [
    # status, payment status: the snapshot's, and what stops the order
    (0, "", "none", "not_completed"), (0, "captured", "none", "not_completed"), (1, "", "pending", "awaiting_payment"),
    (6, "declined", "voided", "not_collected"), (7, "authorized", "pending", "awaiting_payment"),
    (2, "captured", "paid", ""), (3, "captured", "paid", ""), (8, "captured", "paid", ""), (9, "captured", "paid", ""),
    (10, "captured", "paid", ""), (11, "captured", "paid", ""), (12, "captured", "paid", ""), (11, "paid", "paid", ""),
    (11, "authorized", "authorized", "awaiting_payment"), (11, "capture pending", "authorized", "awaiting_payment"),
    (12, "held for review", "authorized", "awaiting_payment"), (9, "pending", "pending", "awaiting_payment"),
    (10, "authorized", "paid", ""), (10, "pending", "paid", ""), (11, "", "paid", ""), (11, None, "paid", ""),
    (11, "void", "voided", "not_collected"), (11, "declined", "voided", "not_collected"),
    (10, "void pending", "voided", "not_collected"), (5, "captured", "paid", "order_cancelled"),
    (5, "", "paid", "order_cancelled"), (13, "captured", "paid", ""), (13, "authorized", "paid", ""),
    (11, "partially refunded", "partially_refunded", ""), (11, "Refunded", "refunded", ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "payment", "told", "stops"), STATUSES)
def test_a_status_is_its_number(store: BigCommerce, status: int, payment: str | None, told: str, stops: str) -> None:
    sold(store, status_id=status, payment_status=payment, status="Completed", custom_status="Versandt")
    found = snap(store)
    assert (found.payment_status, assessed(found).reason) == (told, stops)
    assert due(found) == (0 if stops else 720)
    assert (found.cancelled_at is not None) == (status == 5)
    assert found.disputed == (status == 13)
    assert (found.paid_at is None) == (told not in ("paid", "partially_refunded", "refunded"))


def test_a_disputed_order_clears_nothing_until_it_is_no_more(store: BigCommerce) -> None:
    def held(found: OrderSnapshot) -> bool:
        return OrderFacts(order_id="o", shop_id="s", snapshot=found, oldest_changed_at=found.changed_at).under_dispute

    sold(store, status_id=13)
    assert held(snap(store))
    sold(store, status_id=11)
    assert not held(snap(store))
    assert "disputed" not in encode(snap(store)).decode(), "and orders that never were are kept as before"


def test_an_order_paid_at_a_test_gateway_is_a_test(store: BigCommerce) -> None:
    sold(store, payment_method="Test Payment Gateway")
    assert (snap(store).test, assessed(snap(store)).reason) == (True, "test_order")


def test_a_sample_is_marked_in_the_staffs_notes(store: BigCommerce) -> None:
    sold(store, staff_notes="For Mira: SAMPLE_ORDER, please wrap")
    assert (snap(store).sample, assessed(snap(store)).reason) == (True, "sample_order")
    sold(store, staff_notes="no sample_orders today")
    assert not snap(store).sample


# --- what came back ---------------------------------------------------------------------------------------------------


def test_money_for_the_order_is_spread_over_what_is_left(store: BigCommerce) -> None:
    """E7: 4.00 back over 30.00 and 10.00 is 3.00 and 1.00."""
    bought(store, line(1, 1, "30.0000"), line(2, 1, "10.0000"), status_id=14)
    refunded(store, 3, item("ORDER", 250, 4), total=4)
    assert bases(snap(store)) == [(3000, 300), (1000, 100)]


def test_shipping_handling_wrapping_fees_and_tax_move_no_commission(store: BigCommerce) -> None:
    """E8."""
    sold(store, status_id=14)
    kinds = [item(kind, 81, 1.5) for kind in ("SHIPPING", "HANDLING", "GIFT_WRAPPING", "FEE", "TAX", "SOMETHING_NEW")]
    refunded(store, 3, *kinds, total=9)
    found = snap(store)
    assert bases(found) == [(7200, 0)]
    assert found.refunds[0].shipping == 300
    assert not found.refunds[0].amount_unknown


def test_a_refund_of_tax_alone_has_no_items(store: BigCommerce) -> None:
    sold(store, status_id=14)
    refunded(store, 3, total=1.2, tax=1.2)
    assert bases(snap(store)) == [(7200, 0)]


def test_declined_payments_give_nothing_back(store: BigCommerce) -> None:
    sold(store)
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2, declined=[True, True])
    store.lines[250][0]["quantity_refunded"] = 1
    found = snap(store)
    assert bases(found) == [(7200, 0)]
    assert found.lines[0].current_quantity == 2
    assert "refund_failed" in assessed(found).lines[0].flags
    store.refunds.clear()
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2, declined=[True, False])
    assert bases(snap(store)) == bases(found, snap(store)) == [(7200, 3600)], "one that went through counts"


def test_three_units_come_back_one_at_a_time(store: BigCommerce) -> None:
    """E6: 3 x 19.99: reversed 240, 480, 720 of 720."""
    bought(store, line(1, 3, "19.9900"), status_id=14)
    versions = [snap(store)]
    for number in (1, 2, 3):
        refunded(
            store, number, item("PRODUCT", 1, None, 1), total=19.99, created=f"2025-11-2{number + 1}T20:00:00+00:00"
        )
        store.orders[250]["date_modified"] = f"Tue, 2{number + 3} Nov 2025 20:00:00 +0000"
        store.lines[250][0]["quantity_refunded"] = number
        versions.append(snap(store))
    assert [bases(*versions[: n + 1])[0][1] for n in range(4)] == [0, 1999, 3998, 5997]
    assert bases(*reversed(versions)) == [(5997, 5997)]


def test_units_that_came_back_without_a_record_count_all_the_same(store: BigCommerce) -> None:
    sold(store, status_id=11)
    store.lines[250][0]["quantity_refunded"] = 1
    assert bases(snap(store)) == [(7200, 3600)]


def test_a_returned_line_that_the_order_doesnt_show_waits_for_a_person(store: BigCommerce) -> None:
    sold(store, status_id=14)
    refunded(store, 3, item("PRODUCT", 999, 10, 1), total=10)
    found = assessed(snap(store))
    assert found.parts.refunds[0].unknown_lines == ("999",)
    assert "refund_amount_unknown" in found.lines[0].flags


def test_a_whole_refund_by_hand_reverses_all_and_can_be_taken_back(store: BigCommerce) -> None:
    sold(store)
    first = snap(store)
    store.orders[250] |= {"status_id": 4, "date_modified": "Sat, 22 Nov 2025 20:00:00 +0000"}
    second = snap(store)
    assert (second.payment_status, due(first, second), bases(second)) == ("refunded", 0, [(7200, 7200)])
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2)
    assert (due(snap(store)), bases(snap(store))) == (0, [(7200, 7200)]), "a record of a part changes nothing of it"
    store.refunds.clear()
    store.orders[250] |= {"status_id": 11, "date_modified": "Sun, 23 Nov 2025 20:00:00 +0000"}
    assert due(first, second, snap(store)) == 720, "it was a mistake"


def test_a_partial_refund_by_hand_waits_for_its_amount_and_for_nothing_once_there_is_a_record(
    store: BigCommerce,
) -> None:
    sold(store, status_id=14, date_modified="Sat, 22 Nov 2025 20:00:00 +0000")
    first = snap(store)
    assert [refund.amount_unknown for refund in first.refunds] == [True]
    assert "refund_amount_unknown" in assessed(first).lines[0].flags
    assert snap(store) == first
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2)
    store.orders[250]["date_modified"] = "Sun, 23 Nov 2025 20:00:00 +0000"
    later = assessed(first, snap(store))
    assert (later.lines[0].flags, later.lines[0].refunded_base) == ((), 3600), "the store lists all that there are"


def test_a_refund_moves_the_version_on_though_the_order_says_nothing(store: BigCommerce) -> None:
    sold(store)
    before = snap(store)
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2)
    after = snap(store)
    assert before.changed_at < after.changed_at == datetime(2025, 11, 22, 20, tzinfo=UTC)


def test_money_is_given_back_of_what_holds_tax_as_it_was_paid(store: BigCommerce) -> None:
    inside = {"price_ex_tax": "20.0000", "total_ex_tax": "40.0000", "total_tax": "8.0000"}
    bought(store, line(1, 2, "24.0000", **inside), is_tax_inclusive_pricing=True, total_tax="8.0000", status_id=14)
    refunded(store, 3, item("PRODUCT", 1, 24, 1), total=24, tax=4)
    assert bases(snap(store)) == [(4000, 2000)]
    store.refunds.clear()
    refunded(store, 4, item("ORDER", 250, 12), total=12)
    assert bases(snap(store)) == [(4000, 1000)], "12.00 of 48.00 with 8.00 tax: 10.00 of the base"


# --- parcels and carriers ---------------------------------------------------------------------------------------------


def test_shipments_are_parcels_of_their_lines(store: BigCommerce) -> None:
    sold(store, status_id=3, items_shipped=1)
    store.shipments[250] = [
        {
            "id": 6,
            "date_created": "Sat, 22 Nov 2025 08:00:00 +0000",
            "items": [{"order_product_id": 116, "quantity": 1}],
        }
    ]
    (parcel,) = snap(store).fulfilments
    assert (parcel.fulfilment_ref, parcel.created_at) == ("6", datetime(2025, 11, 22, 8, tzinfo=UTC))
    assert parcel.delivered_at is None
    assert [(part.line_ref, part.quantity) for part in parcel.lines] == [("116", 1)]
    store.asked.clear()
    sold(store)
    snap(store)
    assert not any(asked.path.endswith("shipments") for asked in store.asked), "nobody asks where nothing was sent"


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ([touch(TOKEN)], [TOKEN]), ([touch(f" {TOKEN}\n")], [TOKEN]), ([], []), ([touch("")], []),
        ([touch(TOKEN, key="other")], []), ([touch(TOKEN, namespace="other")], []), ([touch("x" * 60)], []),
        ([touch("a b")], []), ([touch(TOKEN), touch(TOKEN + "z")], [TOKEN, TOKEN + "z"]),
    ],
)  # fmt: skip
def test_the_token_rides_on_the_cart_that_the_order_was(store: BigCommerce, fields: Any, tokens: list[str]) -> None:
    sold(store)
    store.metafields[CART] = fields
    assert [value for value, _ in PLATFORM.checkout.tokens(snap(store))] == tokens
    assert {name for _, name in PLATFORM.checkout.tokens(snap(store))} <= {c.name for c in PLATFORM.checkout.carriers}


def test_an_order_of_no_cart_or_without_the_scope_asks_for_no_metafields(store: BigCommerce) -> None:
    for cart in (None, "", "../../v2/store", "a b"):
        sold(store, TOKEN, cart_id=cart)
        assert PLATFORM.checkout.tokens(snap(store)) == []
    sold(store, TOKEN)
    assert PLATFORM.checkout.tokens(snap(store, scopes=("store_v2_orders_read_only",))) == []
    assert not any("carts" in asked.path for asked in store.asked)


def test_an_order_that_we_placed_holds_its_token_itself(store: BigCommerce) -> None:
    sold(store, external_order_id=TOKEN)
    assert PLATFORM.checkout.tokens(snap(store)) == [(TOKEN, "order_metadata")]
    for other in ("PO-1042", "", None, "a" * 60):
        sold(store, external_order_id=other)
        assert PLATFORM.checkout.tokens(snap(store)) == [], "a number of somebody else's"


# --- reading and lists ------------------------------------------------------------------------------------------------


def test_several_orders_ask_for_their_refunds_together(store: BigCommerce) -> None:
    for number in (250, 251, 252):
        sold(store, TOKEN, id=number)
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), total=39.2, of=251)
    found = PLATFORM.orders.some(client(store), ["250", "251", "999", "252", "251", "nonsense", "-1", "٣"])
    assert [ref for ref, one in found.items() if one is None] == ["999", "nonsense", "-1", "٣"]
    assert found["251"] is not None
    assert len(found["251"].snapshot.refunds) == 1
    asked = [a.path for a in store.asked]
    assert sum(path.endswith("/refunds") for path in asked) == 1
    assert not any("nonsense" in path or "-1" in path for path in asked)
    assert PLATFORM.orders.one(client(store), "999") is None


def test_what_is_not_there_is_not_asked_for(store: BigCommerce) -> None:
    bought(store, line(1, 1, "10.0000"))
    snap(store)
    kinds = [asked.path.rsplit("/", 1)[-1] for asked in store.asked]
    assert kinds == ["250", "refunds", "products", "metafields"]


def test_lines_past_a_page_are_all_read(store: BigCommerce) -> None:
    bought(store, *(line(n, 1, "1.0000") for n in range(1, 521)))
    assert sum(base for base, _ in bases(snap(store))) == 52_000


def placed_at(number: int, day: int, changed: int | None = None) -> dict[str, Any]:
    return {
        "date_created": f"Fri, {day:02} Nov 2025 10:00:00 +0000",
        "date_modified": f"Fri, {changed or day:02} Nov 2025 11:00:00 +0000", "id": number,
    }  # fmt: skip


def listed(ask: Any) -> list[str]:
    refs: list[str] = []
    at = None
    for _ in range(100):
        page = ask(at)
        refs += [head.order_ref for head in page.heads]
        at = page.checkpoint
        if at is None:
            return refs
    raise AssertionError("the list doesn't end")


def test_orders_that_changed_are_listed_by_their_change_and_then_by_their_refunds(store: BigCommerce) -> None:
    for number in range(1, 6):
        sold(store, **placed_at(number, number + 1, changed=20 + number))
    sold(store, **placed_at(9, 1, changed=2))
    refunded(store, 3, item("ORDER", 9, 1), total=1, of=9, created="2025-11-22T20:00:00+00:00")
    refunded(store, 4, item("ORDER", 9, 1), total=1, of=9, created="2025-11-23T20:00:00+00:00")
    since = datetime(2025, 11, 22, tzinfo=UTC)
    refs = listed(lambda at: PLATFORM.orders.changed(client(store), since, at))
    assert refs == ["2", "3", "4", "5", "9"], "a refund that moved nothing of its order is found"
    queries = [asked.query for asked in store.asked]
    assert queries[0] == {
        "min_date_modified": "2025-11-22T00:00:00Z", "sort": "date_modified:asc", "limit": "250", "page": "1",
    }  # fmt: skip
    assert queries[-1]["created:min"] == "2025-11-22T00:00:00Z"
    page = PLATFORM.orders.changed(client(store), since, None)
    assert (page.heads[0].number, page.heads[0].changed_at) == ("#2", datetime(2025, 11, 22, 11, tzinfo=UTC))
    refund = PLATFORM.orders.changed(client(store), since, page.checkpoint).heads[0]
    assert refund.changed_at == datetime(2025, 11, 23, 20, tzinfo=UTC), "of two refunds the later one"
    assert PLATFORM.orders.one(client(store), "9").snapshot.changed_at == refund.changed_at  # type: ignore[union-attr]


def test_a_long_list_of_orders_is_walked_by_windows(store: BigCommerce) -> None:
    start = datetime(2025, 11, 1, tzinfo=UTC)
    for number in range(1, 701):
        at = start + timedelta(seconds=number // 3)
        sold(store, id=number, date_created=_rfc(at), date_modified=_rfc(at))
    refs = listed(lambda at: PLATFORM.orders.changed(client(store), start, at))
    assert set(refs) == {str(n) for n in range(1, 701)}
    assert len(refs) < 720, "only the edges of windows come twice"
    store.orders.clear()
    for number in range(1, 601):
        sold(store, id=number, date_created=_rfc(start), date_modified=_rfc(start))
    refs = listed(lambda at: PLATFORM.orders.changed(client(store), start, at))
    assert sorted(map(int, refs)) == list(range(1, 601)), "all of one second: page by page"


def _rfc(at: datetime) -> str:
    return at.strftime("%a, %d %b %Y %H:%M:%S +0000")


def test_orders_that_were_placed_are_listed_by_their_creation(store: BigCommerce) -> None:
    for number in range(1, 9):
        sold(store, **placed_at(number, number + 1, changed=28))
    since, until = datetime(2025, 11, 3, 10, tzinfo=UTC), datetime(2025, 11, 6, 10, tzinfo=UTC)
    refs = listed(lambda at: PLATFORM.orders.placed(client(store), since, until, at))
    assert refs == ["2", "3", "4"], "from the beginning on, and before the end"
    assert PLATFORM.orders.placed(client(store), until, until, None).checkpoint is None


def test_a_list_that_repeats_for_ever_ends_the_walk(store: BigCommerce) -> None:
    rows = [{**placed_at(n, 20), "date_modified": "Thu, 20 Nov 2025 11:00:00 +0000"} for n in range(250)]
    store.answers = [reply(rows)] * 9
    with pytest.raises(PlatformRefused, match="again and again"):
        listed(lambda at: PLATFORM.orders.changed(client(store), SINCE, at))
    page = {"data": [{"id": n, "order_id": 1, "created": "2025-11-22T20:00:00Z"} for n in range(250)]}
    store.answers = [Reply(204, b"", {}), *[reply(page)] * 9]
    with pytest.raises(PlatformRefused, match="again and again"):
        listed(lambda at: PLATFORM.orders.changed(client(store), SINCE, at))


def test_answers_that_are_no_orders_are_asked_for_again_or_named(store: BigCommerce) -> None:
    for answer in (Reply(200, b"<html>"), Reply(200, b"")):
        store.answers = [answer]
        with pytest.raises(PlatformDown):
            PLATFORM.orders.one(client(store), "250")
    store.answers = [reply({"id": 250})]
    with pytest.raises(PayloadUnreadable) as refused:
        PLATFORM.orders.one(client(store), "250")
    assert refused.value.path.startswith("$.")
    store.answers = [Reply(204, b"", {})]
    assert PLATFORM.orders.one(client(store), "250") is None


def test_a_snapshot_is_read_back_as_it_was_written(store: BigCommerce) -> None:
    sold(store, TOKEN, status_id=13, items_shipped=0)
    refunded(store, 3, item("PRODUCT", 116, 39.2, 1), item("ORDER", 250, 1), item("SHIPPING", 81, 5), total=45.2)
    found = snap(store)
    assert msgspec.json.decode(encode(found), type=OrderSnapshot) == found
