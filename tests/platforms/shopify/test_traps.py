"""Every trap of an order's body (fact sheet, sections 6 and 9; COMMISSION.md), from bytes to the ledger.

A case is one payload, or several versions of one order in turn. Each line's base, the base given back and what is due
are stated here, worked out by hand from the amounts in the file; nothing of the product's arithmetic is used for them.
Everybody is credited with 10 %, unless the case says otherwise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.collect import collect
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import credit
from connector.earnings.commission.rate import assess
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake.take_in import TakenIn, reevaluate, take_in, take_in_stub
from connector.earnings.ledger import queries as ledger
from connector.events import Adjustment, Dispute, Ignored, OrderSeen, OrderStub
from connector.platforms.contract import Envelope
from connector.platforms.shopify import PLATFORM
from tests.money.books import shop as new_shop
from tests.money.builders import Credit, at, facts, line, snapshot
from tests.platforms.shopify.kit import DOMAIN, PAYLOADS

TEST = Scope.system("tests")
LATER = datetime(2027, 1, 10, tzinfo=UTC)

Lines = list[tuple[int, int, int]]  # base, base given back, due


@dataclass(frozen=True)
class Trap:
    """`versions`: payload → what stands after it. `rates`: basis points by the line's place."""

    why: str
    versions: dict[str, Lines]
    reason: str = ""
    flags: tuple[str, ...] = ()
    rates: dict[int, int] = field(default_factory=dict)
    excluded: tuple[int, ...] = ()  # places of lines that earn nothing whatever they cost


TRAPS = [
    Trap("the fact sheet's own sample: allocations describe the ordered quantity after a refund too",
         {"orders_updated.after_refund": [(7200, 3600, 360), (1800, 0, 180), (0, 0, 0)]}, excluded=(2,)),
    Trap("tax in the price is no base; E5", {"orders_create.tax_inclusive": [(2000, 0, 200), (1800, 0, 180)]}),
    Trap("total_discount is 0.00 while allocations of a code, an automatic discount and a shipping code are not",
         {"orders_create.automatic_and_codes": [(4050, 0, 405), (3600, 0, 360)]}),
    Trap("a line discount that no allocation tells of is shared over the lines",
         {"orders_create.legacy_line_discount": [(2700, 0, 270), (1800, 0, 180)]}),
    Trap("duties on top of the price are no base", {"orders_create.duties_on_top": [(10_000, 0, 1000)]}),
    Trap("duties in the price are none either, and come back in proportion",
         {"orders_create.duties_included": [(8750, 0, 875), (1000, 0, 100)],
          "orders_updated.duties_included_one_back": [(8750, 4375, 437), (1000, 0, 100)]}),
    Trap("a tip on the order, and a tip that is a line",
         {"orders_create.tips": [(4000, 0, 400), (0, 0, 0)]}, excluded=(1,)),
    Trap("paying with a gift card changes nothing, buying one earns nothing; E12",
         {"orders_create.gift_cards": [(5000, 0, 500), (0, 0, 0)]}, excluded=(1,)),
    Trap("a sale at the till, rounded to five rappen in cash", {"orders_create.pos_cash_rounding": [(1384, 0, 138)]}),
    Trap("a draft order: a custom line, and a manual discount that looks like a code",
         {"orders_create.draft_order": [(5400, 0, 540), (1350, 0, 135)]}),
    Trap("a test order", {"orders_create.test_order": [(4000, 0, 0)]}, reason="test_order"),
    Trap("a code of 100 %: paid, no gateway, nothing to pay",
         {"orders_create.free_by_code": [(0, 0, 0)]}),
    Trap("yen have no cents, and a refund's subtotal is a JSON number; E10",
         {"orders_create.yen": [(7960, 0, 637)], "orders_updated.yen_one_back": [(7960, 3980, 318)]}, rates={0: 800}),
    Trap("a subscription's renewal, with an id above 2^53", {"orders_create.subscription_renewal": [(2990, 0, 299)]}),
    Trap("an exchange is a return and an added line; E32",
         {"orders_updated.exchange#1": [(2000, 0, 200)],
          "orders_updated.exchange": [(2000, 2000, 0), (2500, 0, 250)]}),
    Trap("an edit with money back: the removed line first, less what was added; E14",
         {"orders_updated.edited_with_refund#1,2": [(2000, 0, 200), (1500, 0, 150)],
          "orders_updated.edited_with_refund": [(2000, 0, 200), (1500, 1500, 0), (1000, 0, 120)]},
         rates={2: 1200}),
    Trap("an unpaid line removed by an edit comes as a refund without money",
         {"orders_updated.unpaid_line_removed": [(2000, 0, 200), (1500, 1500, 0)]}),
    Trap("a refund on its way, that failed, and that went through after all; R6b",
         {"orders_updated.refund_pending": [(4000, 4000, 0)], "orders_updated.refund_failure": [(4000, 0, 400)],
          "orders_updated.refund_success": [(4000, 4000, 0)]}),
    Trap("a refund on its way says so", {"orders_updated.refund_pending": [(4000, 4000, 0)]},
         flags=("refund_pending",)),
    Trap("a refund that failed says so", {"orders_updated.refund_failure": [(4000, 0, 400)]},
         flags=("refund_failed",)),
    Trap("money back without an item is spread by what is left; E7",
         {"orders_updated.amount_only": [(3000, 300, 270), (1000, 100, 90)]}),
    Trap("… and without the tax in it: 12.00 of 24.00 with 4.00 VAT",
         {"orders_updated.amount_only_tax_inclusive": [(2000, 1000, 100)]}),
    Trap("a fee kept back, a pending and a balancing adjustment change nothing",
         {"orders_updated.restocking_fee": [(8000, 8000, 0)]}),
    Trap("shipping given back, as lines and as the older adjustment; E8",
         {"orders_updated.shipping_back": [(4000, 0, 400)]}),
    Trap("the buyer paid in another currency, and the refund's float is off; E9",
         {"orders_updated.presentment_money": [(10_000, 5000, 500)]}),
    Trap("cancelled, and the store kept the money", {"orders_cancelled.money_kept": [(4000, 4000, 0)]},
         reason="order_cancelled"),
    Trap("voided", {"orders_updated.voided": [(4000, 0, 0)]}, reason="not_collected"),
    Trap("paid in part: it accrues, and waits", {"orders_updated.partly_paid": [(4000, 0, 400)]}),
]  # fmt: skip


def body(name: str) -> dict[str, Any]:
    """A payload; `name#1,2` is an earlier version of it, with these lines alone as they were ordered."""
    file, _, places = name.partition("#")
    made: dict[str, Any] = json.loads((PAYLOADS / f"{file}.json").read_text())
    if places:
        kept = [made["line_items"][int(place) - 1] for place in places.split(",")]
        made["line_items"] = [{**item, "current_quantity": item["quantity"]} for item in kept]
        made |= {"refunds": [], "updated_at": made["created_at"], "financial_status": "paid"}
    return made


def translate(topic: str, value: Any, currency: str = "USD") -> Any:
    envelope = Envelope(domain=DOMAIN, topic=topic, triggered_at=None)
    (event,) = PLATFORM.webhooks.translate(envelope, json.dumps(value).encode(), currency)
    return event


def credited(monkeypatch: pytest.MonkeyPatch, rates: dict[int, int]) -> None:
    def decide(session: Session, shop: Shop, order: Order, of: Any, as_of: datetime, **more: bool) -> Any:
        refs = [item.line_ref for item in of.snapshot.lines]
        return {ref: Credit("crt_x", rates.get(place, 1000)) for place, ref in enumerate(refs)}

    monkeypatch.setattr(credit, "credit_lines", decide)


def heard(session: Session, shop: Shop, event: Any, number: int = 0) -> TakenIn:
    source = f"delivery:{number}"
    if isinstance(event, OrderStub):
        taken = take_in_stub(session, shop, event, source=source, as_of=LATER)
        assert taken is not None
        return taken
    return take_in(session, shop, event, triggered_at=event.snapshot.changed_at, source=source, as_of=LATER)


def booked(session: Session, shop: Shop) -> int:
    return sum(balance.owed for balance in ledger.balances(session, shop_id=shop.id))


def test_each_trap_from_bytes_to_the_ledger(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for trap in TRAPS:
        credited(monkeypatch, trap.rates)
        with database.write(TEST) as session:
            taken_in(session, trap)


def taken_in(session: Session, trap: Trap) -> None:
    shop = new_shop(session, currency=body(next(iter(trap.versions)))["currency"])
    for number, (name, wanted) in enumerate(trap.versions.items()):
        taken = heard(session, shop, translate("orders/updated", body(name), shop.currency), number)
        found = orders.facts(session.get_one(Order, taken.order_id))
        lines = {
            item.line_ref: Credit("crt_x", trap.rates.get(place, 1000))
            for place, item in enumerate(found.snapshot.lines)
        }
        assessed = assess(found, {} if taken.reason == "test_order" else lines)
        assert [(item.base, item.refunded_base, item.due) for item in assessed.lines] == wanted, (name, trap.why)
        assert booked(session, shop) == sum(due for _, _, due in wanted), (name, trap.why)
    assert assessed.reason == trap.reason, trap.why
    assert {flag for item in assessed.lines for flag in item.flags} >= set(trap.flags), trap.why
    for place in trap.excluded:
        assert assessed.lines[place].reason == "line_excluded", trap.why


def test_what_only_the_snapshot_shows() -> None:
    """Facts of the same bodies that no amount depends on, but a rule does."""
    seen = translate("orders/create", body("orders_create.draft_order")).snapshot
    assert [c for c in seen.carriers if c.kind == "code"] == [], "a manual discount's title is no code"
    assert seen.lines[1].product_ref is None
    assert seen.source == "shopify_draft_order"
    seen = translate("orders/create", body("orders_create.automatic_and_codes")).snapshot
    assert [[(a.amount, a.code) for a in item.allocations] for item in seen.lines] == [
        [(450, "MIA10"), (500, None)], [(400, "MIA10")],
    ]  # fmt: skip
    assert (seen.total_discounts, seen.shipping_discounts, seen.shipping) == (1840, 490, 0)
    seen = translate("orders/create", body("orders_create.subscription_renewal")).snapshot
    assert seen.lines[0].line_ref == "9007199254740995"
    seen = translate("orders/create", body("orders_create.pos_cash_rounding"), "CHF").snapshot
    assert (seen.source, len(seen.fulfilments), seen.total) == ("pos", 1, 1496)
    seen = translate("orders/updated", body("orders_updated.presentment_money"), "EUR").snapshot
    assert (seen.lines[0].unit_price, seen.refunds[0].lines[0].subtotal) == (5000, 5000)
    assert translate("orders/create", body("orders_create.duties_included")).snapshot.lines[0].duty == 1250
    assert translate("orders/create", body("orders_create.duties_on_top")).snapshot.lines[0].duty == 0


def test_a_duty_without_an_amount_is_parked_with_its_place() -> None:
    from connector.errors import PayloadUnreadable

    order = body("orders_create.duties_included")
    del order["line_items"][0]["duties"][0]["shop_money"]
    with pytest.raises(PayloadUnreadable) as parked:
        translate("orders/create", order)
    assert parked.value.path == "$.line_items[0].duties[0].shop_money"


# --- disputes ---------------------------------------------------------------------------------------------------------

DISPUTED = "orders_updated.shipping_back"  # 40.00, commission 4.00; refunds of shipping only


def blocked(session: Session, order_id: str) -> list[tuple[str, str]]:
    return [(row.blocked, row.state) for row in session.query(Clearance).filter(Clearance.order_id == order_id)]


def test_a_deleted_product_that_is_called_tip_was_sold_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    credited(monkeypatch, {})
    order = body(DISPUTED)
    order["line_items"][0]["title"] = "Tip"
    later = json.loads(json.dumps(order)) | {"updated_at": "2026-12-24T00:00:00Z"}
    later["line_items"][0] |= {"product_exists": False, "product_id": None, "variant_id": None}
    with database.write(TEST) as session:
        shop = new_shop(session)
        heard(session, shop, translate("orders/updated", order))
        assert booked(session, shop) == 400
        heard(session, shop, translate("orders/updated", later), 1)
        assert booked(session, shop) == 400


def test_an_open_dispute_freezes_and_a_won_one_releases(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """E27, first half."""
    credited(monkeypatch, {})
    with database.write(TEST) as session:
        shop = new_shop(session)
        order_id = heard(session, shop, translate("orders/updated", body(DISPUTED))).order_id
        assert blocked(session, order_id) == [("", "open")]
        heard(session, shop, translate("disputes/create", body("disputes_create.needs_response")), 1)
        assert (blocked(session, order_id), booked(session, shop)) == ([("dispute", "open")], 400)
        heard(session, shop, translate("disputes/update", body("disputes_update.won")), 2)
        assert (blocked(session, order_id), booked(session, shop)) == ([("", "open")], 400)


@pytest.mark.parametrize(("amount", "due"), [("12.00", 280), ("48.20", 0)])
def test_a_lost_dispute_is_money_back_without_an_item(
    database: Database, monkeypatch: pytest.MonkeyPatch, amount: str, due: int
) -> None:
    """E27, second half: the whole amount with shipping and tax takes all of it, and no more."""
    credited(monkeypatch, {})
    with database.write(TEST) as session:
        shop = new_shop(session)
        lost = body("disputes_update.lost") | {"amount": amount}
        order_id = heard(session, shop, translate("orders/updated", body(DISPUTED))).order_id
        heard(session, shop, translate("disputes/create", body("disputes_create.needs_response")), 1)
        heard(session, shop, translate("disputes/update", lost), 2)
        assert (blocked(session, order_id), booked(session, shop)) == ([("", "open")], due)
        # Heard again, and the order again: nothing moves.
        assert heard(session, shop, translate("disputes/update", lost), 3).entries == 0
        assert heard(session, shop, translate("orders/updated", body(DISPUTED)), 4).entries == 0


def test_a_lost_dispute_before_its_order_waits_for_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    credited(monkeypatch, {})
    with database.write(TEST) as session:
        shop = new_shop(session)
        event = translate("disputes/update", body("disputes_update.lost"))
        assert take_in_stub(session, shop, event, source="delivery:1", as_of=LATER) is None
        heard(session, shop, translate("orders/updated", body(DISPUTED)), 2)
        assert booked(session, shop) == 280


def test_an_amount_in_another_currency_is_none_and_holds_the_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    credited(monkeypatch, {})
    foreign = body("disputes_update.buyers_currency")
    with database.write(TEST) as session:
        shop = new_shop(session)
        order_id = heard(session, shop, translate("orders/updated", body(DISPUTED))).order_id
        heard(session, shop, translate("disputes/update", foreign), 1)
        assert blocked(session, order_id) == [("dispute", "open")]
        lost = {**foreign, "status": "lost", "finalized_on": "2026-12-01"}
        heard(session, shop, translate("disputes/update", lost), 2)
        assert (blocked(session, order_id), booked(session, shop)) == ([("refund_amount_unknown", "open")], 400)


def test_money_is_read_in_the_orders_currency_and_not_in_what_the_shop_has_now() -> None:
    """A shop that went from USD to JPY since: 12.00 are no 12 yen, and a dispute of yen is none of this order's."""
    from connector.commerce.orders.collect import Version

    refund = body("refunds_create.one_unit")
    assert len(translate("refunds/create", refund).refunds) == 1
    assert translate("refunds/create", refund, "JPY").refunds == (), "the order is asked for instead"
    order = snapshot(line("1", 4000))
    version = Version(order.changed_at, order.changed_at, "h", order)
    for currency, amount in (("USD", 1200), ("JPY", None)):
        lost = body("disputes_update.lost") | {"currency": currency, "amount": "12"}
        (told,) = translate("disputes/update", lost, currency="JPY").disputes
        (known,) = collect([version], [], {}, [told]).disputes
        assert (known.status, known.amount) == ("lost", amount)


def test_the_orders_own_field_freezes_and_an_api_read_of_the_same_version_is_no_repetition(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    credited(monkeypatch, {})
    with database.write(TEST) as session:
        shop = new_shop(session)
        event = translate("orders/updated", body(DISPUTED))
        order_id = heard(session, shop, event).order_id
        for hour, (status, wanted) in enumerate([("open", "dispute"), ("won", ""), ("open", "dispute")]):
            read_at = event.snapshot.changed_at + timedelta(hours=hour + 1)
            known = OrderSeen(event.snapshot, event.buyer, disputes=(Dispute("77", status, read_at),))  # type: ignore[arg-type]
            take_in(session, shop, known, triggered_at=read_at, source="read:clearing", as_of=read_at)
            assert blocked(session, order_id) == [(wanted, "open")]
            assert session.get_one(Order, order_id).read_at == read_at
        reevaluate(session, order_id, cause="pin", as_of=LATER)
        assert blocked(session, order_id) == [("dispute", "open")]


def test_a_dispute_about_no_order_is_ignored() -> None:
    assert translate("disputes/create", body("disputes_create.needs_response") | {"order_id": None}) == Ignored(
        "disputes/create"
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [("needs_response", "open"), ("under_review", "open"), ("won", "won"), ("lost", "lost"), ("accepted", "lost"),
     ("charge_refunded", "closed"), ("prevented", "closed"), ("something_new", "open")],
)  # fmt: skip
def test_words_of_a_dispute(word: str, status: str) -> None:
    event = translate("disputes/update", body("disputes_create.needs_response") | {"status": word})
    assert event.disputes[0].status == status


def hearings() -> list[Dispute]:
    return [
        Dispute("5", "open", at(10), amount=1200, opened_at=at(9)),
        Dispute("5", "lost", at(20), amount=1200, opened_at=at(9), closed_at=at(19)),
        Dispute("5", "lost", at(21)),  # an API read: neither amount nor time
        Dispute("5", "won", at(15)),  # older than the loss, whenever it arrives
    ]


def test_hearings_of_a_dispute_converge_in_any_order() -> None:
    from connector.commerce.orders.collect import Version

    order = snapshot(line("1", 4000))
    version = Version(order.changed_at, order.changed_at, "h", order)
    results = [collect([version], [], {}, list(each)) for each in permutations(hearings())]
    assert len({(found.disputes, found.refunds) for found in results}) == 1
    found = results[0]
    assert found.disputes == (Dispute("5", "lost", None, 1200, at(9), at(19)),)
    (lost,) = found.refunds
    assert (lost.refund_ref, lost.created_at, lost.adjustments[0].amount) == ("dispute:5", at(19), -1200)


def test_a_refund_that_carries_the_same_money_stands_for_the_dispute() -> None:
    from connector.commerce.orders.collect import Version
    from tests.money.builders import back, refund

    order = snapshot(line("1", 4000, 2), line("2", 1000))
    version = Version(order.changed_at, order.changed_at, "h", order)
    lost = Dispute("5", "lost", at(20), amount=4400, opened_at=at(9), closed_at=at(19))

    def refunds(*given: Any) -> list[str]:
        return [known.refund_ref for known in collect([version], given, {}, [lost]).refunds]

    same = refund("9", back("1", 1, 4000, 400), days=12)
    assert refunds(same) == ["9"], "40.00 and 4.00 tax on top: the same 44.00"
    assert refunds(refund("9", back("1", 1, 4000, 300), days=12)) == ["9", "dispute:5"]
    assert refunds(refund("9", back("1", 1, 4000, 400), days=3)) == ["9", "dispute:5"], "before it was opened"
    assert refunds(refund("9", back("1", 1, 4000, 400), days=12, status="failure")) == ["9", "dispute:5"]
    shipped = refund("9", back("1", 1, 3500, 350), days=12, shipping=500, shipping_tax=50)
    assert refunds(shipped) == ["9"], "a buyer who disputes gets the shipping back too"
    told = Adjustment("a9", "shipping", -500, -50)
    assert refunds(refund("9", back("1", 1, 3500, 350), days=12, adjustments=(told,))) == ["9"], "an older record"
    both = facts(order, collect([version], [same], {}, [lost]).refunds)
    assert [item.due for item in assess(both, {"1": Credit("x", 1000), "2": Credit("x", 1000)}).lines] == [400, 100]
