"""Orders of every kind at the stand-in: body = API read = read among others, and the money = the plain calculation.

The stand-in's journal goes through `sandbox.expected` (which knows nothing of the connector); the deliveries of the
same acts, doubled and shuffled, go through the money path. Both must come to the same for every line.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import credit
from connector.earnings.intake import amounts
from connector.earnings.intake.take_in import take_in, take_in_stub
from connector.earnings.ledger import queries as ledger
from connector.events import Ignored, OrderSeen, OrderSnapshot, OrderStub
from connector.platforms import reading
from connector.platforms.contract import Client, Envelope, Hook
from connector.platforms.shopify import PLATFORM, bodies, payloads
from sandbox import expected as plain
from tests.money.books import shop as new_shop
from tests.money.builders import Credit
from tests.platforms.shopify.kit import make_settings

pytestmark = pytest.mark.end_to_end
TEST = Scope.system("tests")
LATER = datetime(2030, 1, 1, tzinfo=UTC)
RATE = 1300
SCOPES = "read_products,read_orders,read_fulfillments,read_shopify_payments_disputes"


class Orders:
    """A shop at the stand-in with products of three prices, and the acts of its staff and its buyers."""

    def __init__(self, stand_in: Any, name: str, **given: Any) -> None:
        self.stand_in = stand_in
        stand_in.control("POST", "/shops", {"shop": name, "tax_rate": "0.19", **given})
        settings = make_settings(
            env="dev", origin_template=f"{stand_in.base}/shops/{{shop}}", scopes=SCOPES,
        )  # fmt: skip
        self.client: Client = stand_in.join(f"{name}.myshopify.com", settings)
        PLATFORM.webhooks.subscribe(self.client, Hook("http://127.0.0.1:9/webhooks/shopify"))
        self.path = f"/shops/{self.client.domain}"
        prices = ["19.99", "40", "7.5"] if given.get("currency") != "JPY" else ["1999", "4000", "750"]
        self.variants = [
            stand_in.control("POST", f"{self.path}/products", {"title": "Thing", "price": price})["variants"][0]["id"]
            for price in prices
        ]  # fmt: skip

    def place(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        placed: dict[str, Any] = self.stand_in.control(
            "POST", f"{self.path}/orders", {"lines": list(lines), "buyer": "ana", **more}
        )
        return placed

    def act(self, order: dict[str, Any], act: str, **given: Any) -> dict[str, Any]:
        done: dict[str, Any] = self.stand_in.control("POST", f"{self.path}/orders/{order['id']}/{act}", given)
        return done

    def body(self, number: int) -> OrderSnapshot:
        answer = requests.get(f"{self.stand_in.base}/control{self.path}/orders/{number}/body", timeout=10)
        return bodies.to_snapshot(reading.decode(answer.content, payloads.OrderBody))

    def agree(self, *numbers: int) -> None:
        """Each order reads equal from its body, alone, and among others."""
        together = PLATFORM.orders.some(self.client, [str(number) for number in numbers])
        for number in numbers:
            told, alone = self.body(number), PLATFORM.orders.one(self.client, str(number))
            among = together[str(number)]
            assert alone is not None
            assert among is not None
            assert alone.snapshot == told == among.snapshot
            assert alone.hints == among.hints
            assert [(d.dispute_ref, d.status) for d in alone.disputes] == [
                (d.dispute_ref, d.status) for d in among.disputes
            ]

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stand_in.control("GET", f"/deliveries?shop={self.client.domain}&bodies=1")[
            "deliveries"
        ]
        return found

    def journal(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stand_in.control("GET", f"/journal?shop={self.client.domain}&parts=orders")
        return found


def test_duties_exchanges_and_disputes_read_equal(stand_in: Any) -> None:
    shop = Orders(stand_in, "order-kinds")
    mug, shirt, pin = ({"variant_id": variant} for variant in shop.variants)
    inside = shop.place({**mug, "quantity": 2, "duty": "3.10"}, shirt, duties_included=True)
    on_top = shop.place({**mug, "duty": "3.10"}, duties_included=False)
    assert shop.body(inside["id"]).lines[0].duty == 310
    assert shop.body(on_top["id"]).lines[0].duty == 0
    order = shop.place(mug, pin)
    line = order["lines"][0]["id"]
    swapped = shop.act(order, "exchange", back=[{"line_item_id": line, "quantity": 1}], add=[shirt])
    assert (swapped["financial_status"], len(swapped["refunds"]), swapped["refunds"][0]["adjustments"]) == (
        "paid",
        1,
        [],
    )
    at_till = shop.place(mug, source_name="pos", cash_rounding="-0.02", payments=[{"gateway": "cash", "amount": "1"}])
    assert at_till["financial_status"] == "paid"
    disputed = shop.place(mug)
    before = disputed["updated_at"]
    disputed = shop.act(disputed, "dispute", amount="5.00")
    assert disputed["updated_at"] == before, "the order's own change time stays: only asking shows it"
    read = PLATFORM.orders.one(shop.client, str(disputed["id"]))
    assert read is not None
    assert [dispute.status for dispute in read.disputes] == ["open"]
    token = "t" * 30
    landed = shop.place(mug, landing_site=f"/products/mug?utm_content={token}")
    shipped = shop.place(mug, pin, shipping="5.00")
    shop.act(shipped, "refund", lines=[{"line_item_id": shipped["lines"][0]["id"], "quantity": 1}], shipping="full")
    (refund,) = shop.body(shipped["id"]).refunds
    assert refund.shipping == shop.body(shipped["id"]).shipping > 0
    shop.agree(*(o["id"] for o in (inside, on_top, swapped, at_till, disputed, landed, shipped)))
    among = PLATFORM.orders.some(shop.client, [str(landed["id"]), str(shipped["id"])])[str(landed["id"])]
    assert among is not None
    assert {hint.value for hint in among.hints} == {token}, "an order that got lost is known by its way too"


def test_many_orders_are_read_in_few_questions(stand_in: Any) -> None:
    shop = Orders(stand_in, "order-batches")
    mug, shirt, _ = ({"variant_id": variant} for variant in shop.variants)
    numbers = [int(shop.place(mug, shirt)["id"]) for _ in range(13)]
    large = shop.place(*[{**mug, "quantity": n + 1} for n in range(6)])
    returned = shop.place({**mug, "quantity": 3})
    for _ in range(2):
        lines = [{"line_item_id": returned["lines"][0]["id"], "quantity": 1}]
        shop.act(returned, "refund", lines=lines)
    shop.act(shop.place(mug), "fulfil")
    numbers += [int(large["id"]), int(returned["id"])]
    asked: list[str] = []
    send = shop.client.http.send

    def counting(method: str, url: str, **given: Any) -> Any:
        asked.append((given["body"] or b"").split(b"(", 1)[0].rsplit(b" ", 1)[-1].decode())
        return send(method, url, **given)

    way = type("Way", (), {"send": staticmethod(counting)})()
    client = replace(shop.client, http=way)
    found = PLATFORM.orders.some(client, [*(str(number) for number in numbers), "999999"])
    assert asked.count("Orders") == 3, "sixteen ids, six a question"
    assert asked.count("Order") == 2, "the two that don't fit are asked for alone"
    assert found.pop("999999") is None
    assert [read.snapshot for read in found.values() if read] == [shop.body(number) for number in numbers]


def test_the_orders_of_a_day_are_listed_by_their_placing(stand_in: Any) -> None:
    shop = Orders(stand_in, "order-days")
    mug = {"variant_id": shop.variants[0]}
    start = datetime(2026, 3, 29, tzinfo=UTC)
    hours = (-1, 0, 5, 23, 24)
    placed = {
        hour: int(shop.place(mug, created_at=(start + timedelta(hours=hour)).isoformat())["id"]) for hour in hours
    }
    client = shop.client
    old = PLATFORM.orders.placed(client, start, start + timedelta(days=1), None)
    assert old.heads == [], "older than 60 days: this grant doesn't see them"
    now = clock.wall().replace(microsecond=0)
    fresh = [int(shop.place(mug)["id"]) for _ in range(3)]
    page = PLATFORM.orders.placed(client, now - timedelta(hours=1), now + timedelta(hours=1), None)
    assert [int(head.order_ref) for head in page.heads] == fresh
    assert page.checkpoint is None
    assert PLATFORM.orders.placed(client, now - timedelta(hours=2), now - timedelta(hours=1), None).heads == []
    assert len(placed) == len(hours)


# --- money ------------------------------------------------------------------------------------------------------------


def step(shop: Orders, order: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One act that the order permits; what the store refuses is left out."""
    lines = [line for line in order["lines"] if line["current_quantity"] and not line["tip"]]
    one = [{"line_item_id": chance.choice(lines)["id"], "quantity": 1}] if lines else []
    extra = {"variant_id": chance.choice(shop.variants), "quantity": chance.randint(1, 2)}
    acts: list[tuple[str, dict[str, Any]]] = [
        ("refund", {"lines": one, "status": chance.choice(["success", "success", "pending", "failure"])}),
        ("refund", {"lines": one, "amount": chance.choice(["1", "3"])}),
        ("refund", {"amount": chance.choice(["2", "5"]), "status": chance.choice(["success", "failure"])}),
        ("refund", {"shipping": "1"}),
        ("refund", {"lines": one, "adjustments": [{"kind": "pending_refund_discrepancy", "amount": "-1"}]}),
        ("edit", {"remove": one, "add": [extra], "collect": True, "refund_difference": True}),
        ("edit", {"remove": one, "refund_difference": chance.random() < 0.5}),
        ("exchange", {"back": one, "add": [extra]}),
        ("dispute", {"amount": chance.choice(["2", "5", None])}),
        ("fulfil", {}),
        ("cancel", {"refund": chance.random() < 0.5}),
        ("pay", {}),
    ]
    open_disputes = [d for d in order["disputes"] if d["finalized_on"] is None]
    pending = [r for r in order["refunds"] if r["status"] == "pending"]
    name, given = chance.choice(acts)
    if open_disputes and chance.random() < 0.6:
        name = f"disputes/{open_disputes[0]['id']}/settle"
        given = {"status": chance.choice(["won", "lost", "lost", "accepted", "charge_refunded"])}
    elif pending and chance.random() < 0.6:
        name, given = f"refunds/{pending[0]['id']}/settle", {"status": chance.choice(["success", "failure"])}
    answer = requests.post(
        f"{shop.stand_in.base}/control{shop.path}/orders/{order['id']}/{name}", json=given, timeout=30
    )
    assert answer.status_code in (200, 422), answer.text
    return dict(answer.json()) if answer.ok else order


def first(shop: Orders, chance: random.Random) -> dict[str, Any]:
    lines = [
        {
            "variant_id": chance.choice(shop.variants),
            "quantity": chance.randint(1, 3),
            "duty": chance.choice(["0", "1"]),
        }
        for _ in range(chance.randint(1, 3))
    ]
    more: dict[str, Any] = {
        "duties_included": chance.random() < 0.5,
        "shipping": chance.choice([None, "4"]),
        "payment": chance.choice(["paid", "paid", "paid", "pending"]),
        "tip_line": chance.choice([None, "2"]),
        "discounts": chance.choice(
            [[], [{"code": "MIA10", "value": "10"}], [{"title": "Sale", "type": "fixed_amount", "value": "3"}]]
        ),
        "presentment": chance.choice([None, {"currency": "EUR", "rate": "0.9"}]) if chance.random() < 0.3 else None,
    }
    return shop.place(*lines, **{name: value for name, value in more.items() if value is not None})


def credited(session: Session, of: Shop, order: Order, facts: Any, as_of: datetime, **more: bool) -> dict[str, Credit]:
    return {line.line_ref: Credit("crt_x" if line.product_ref else None, RATE) for line in facts.snapshot.lines}


def heard(session: Session, shop: Shop, at: Orders, delivery: dict[str, Any], number: int) -> None:
    """One delivery through the money path; a conflict is settled by asking, as the worker does."""
    triggered_at = datetime.fromisoformat(delivery["triggered_at"])
    envelope = Envelope(domain=at.client.domain, topic=delivery["topic"], triggered_at=triggered_at)
    for event in PLATFORM.webhooks.translate(envelope, delivery["body"].encode(), at.client.currency):
        if isinstance(event, OrderStub):
            take_in_stub(session, shop, event, source=f"delivery:{number}", as_of=LATER)
        elif isinstance(event, OrderSeen):
            taken = take_in(session, shop, event, triggered_at=triggered_at, source=f"delivery:{number}", as_of=LATER)
            if taken.outcome == "conflict":
                asked(session, shop, at, event.snapshot.order_ref)
        else:
            assert isinstance(event, Ignored), event


def asked(session: Session, shop: Shop, at: Orders, order_ref: str) -> None:
    read = PLATFORM.orders.one(at.client, order_ref)
    assert read is not None
    take_in(session, shop, read.seen, triggered_at=read.read_at, source="read:test", as_of=LATER)


def enter_unknown(session: Session, shop: Shop, journal: dict[str, Any]) -> None:
    """A dispute's amount in the buyer's currency is none that we can count: a person enters it."""
    disputed = {
        (str(order["id"]), f"dispute:{dispute['id']}"): plain.minor(dispute["amount"], order["currency"])
        for order in journal["shops"][0]["orders"]
        for dispute in order["disputes"]
    }
    for order in session.query(Order).filter(Order.shop_id == shop.id).all():
        for refund in [refund for refund in orders.facts(order).refunds if refund.amount_unknown]:
            amount = disputed[order.order_ref, refund.refund_ref]
            token = amounts.preview(session, order.id, refund.refund_ref, amount).token
            amounts.enter(session, order.id, refund.refund_ref, amount, by="test", why="x", token=token, as_of=LATER)


@pytest.mark.parametrize(
    ("seed", "given"),
    [(1, {}), (2, {"taxes_included": True}), (3, {"currency": "JPY", "tax_rate": "0.1", "taxes_included": True})],
)
def test_the_money_is_what_the_plain_calculation_says(
    stand_in: Any, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, seed: int, given: dict[str, Any]
) -> None:
    chance = random.Random(seed)
    shop = Orders(stand_in, f"order-money-{seed}", **given)
    placed = [first(shop, chance) for _ in range(14)]
    for order in placed:
        now = order
        for _ in range(chance.randint(0, 5)):
            now = step(shop, now, chance)
    shop.agree(*(int(order["id"]) for order in placed))
    journal = shop.journal()
    told = plain.expected(
        journal,
        [
            {"id": n, "kind": "touch", "buyer": "ana", "creator": "x", "shop": shop.client.domain,
             "at": order["created_at"], "product_id": line["product_id"]}
            for n, (order, line) in enumerate(
                (order, line) for order in journal["shops"][0]["orders"] for line in order["lines"]
            )
        ],
        [{"shop": shop.client.domain, "basis_points": RATE, "starts": "2019-01-01T00:00:00Z", "ends": None}],
    )  # fmt: skip
    wanted = {(str(line["order_id"]), str(line["line_id"])): line["due"] for line in told["lines"] if line["due"]}
    monkeypatch.setattr(credit, "credit_lines", credited)
    deliveries = shop.deliveries()
    deliveries += [delivery for delivery in deliveries if chance.random() < 0.3]
    chance.shuffle(deliveries)
    with sqlite_database.write(TEST) as session:
        row = new_shop(session, currency=shop.client.currency)
        for number, delivery in enumerate(deliveries):
            if delivery["topic"].startswith(("orders/", "refunds/", "disputes/")):
                heard(session, row, shop, delivery, number)
        # What no delivery tells (removed units in one second, an edit's additions): the worker reads after a stub.
        for order in placed:
            asked(session, row, shop, str(order["id"]))
        enter_unknown(session, row, journal)
        found = {}
        for order in session.query(Order).filter(Order.shop_id == row.id):
            assert orders.facts(order).snapshot == shop.body(int(order.order_ref))
            for (line_ref, _, _), accounts in ledger.posted(session, order.id).items():
                due = -sum(amount for account, amount in accounts.items() if account.startswith("creator_"))
                if due:
                    found[order.order_ref, line_ref] = due
    assert found == wanted
    assert wanted, "something was earned"
