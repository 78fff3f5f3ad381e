"""Stops 5 to 8 on both databases: entries, buckets, kinds, reasons, clearances, evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.commission.tables import Clearance, Evaluation
from connector.earnings.intake import take_in as intake
from connector.earnings.intake.take_in import TakenIn
from connector.earnings.ledger import checks, journal, queries
from connector.earnings.ledger.entry import Draft, line_subject, moved
from connector.errors import NotFound
from connector.events import Fulfilment, OrderSeen, OrderSnapshot, OrderStub
from tests.money.books import shop
from tests.money.builders import Credit, at, back, changed, line, refund, snapshot, with_line

TEST = Scope.system("test")
DAY_100 = at(100)


class Books:
    """One shop, one session, decisions chosen by the test."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shop = shop(session)
        self.credits: dict[str, Credit] = {}
        self.count = 0

    def decide(
        self, session: Session, of: Shop, order: Order, facts: OrderFacts, as_of: datetime, **more: bool
    ) -> dict[str, Credit]:
        nobody = Credit(None, 0, credit_reason="no_touch", rate_reason="", terms_id=None)
        return {item.line_ref: self.credits.get(item.line_ref, nobody) for item in facts.snapshot.lines}

    def take(self, order: OrderSnapshot, *, as_of: datetime = DAY_100) -> TakenIn:
        self.count += 1
        return intake.take_in(
            self.session, self.shop, OrderSeen(order), triggered_at=order.changed_at,
            source=f"delivery:{self.count}", as_of=as_of,
        )  # fmt: skip

    def stub(self, stub: OrderStub) -> TakenIn | None:
        self.count += 1
        return intake.take_in_stub(self.session, self.shop, stub, source=f"delivery:{self.count}", as_of=DAY_100)

    @property
    def order(self) -> Order:
        return self.session.scalars(sa.select(Order).where(Order.shop_id == self.shop.id)).one()

    def entries(self) -> list[tuple[str, str, int]]:
        """(kind, reason, what the creator is owed more by it) in the order of booking."""
        told = queries.entries(self.session, self.order.id)
        return [(e.kind, e.reason, -sum(n for account, n in e.sides if account.startswith("creator"))) for e in told]

    def buckets(self) -> tuple[int, int]:
        """(pending, cleared) over all creators."""
        found = queries.balances(self.session, shop_id=self.shop.id)
        return sum(b.pending for b in found), sum(b.cleared for b in found)

    def clearances(self) -> dict[str, Clearance]:
        self.session.expire_all()
        rows = self.session.scalars(sa.select(Clearance).where(Clearance.order_id == self.order.id))
        return {row.line_ref: row for row in rows}

    def clear(self, line_ref: str, amount: int, creator_id: str = "crt_x") -> None:
        """What settlement does when a line's hold is over."""
        subject = line_subject(self.order.id, line_ref)
        draft = Draft(
            reference=f"clear:{subject}", subject=subject, kind="clearance", shop_id=self.shop.id, currency="USD",
            reason="delivered", occurred_at=DAY_100, order_id=self.order.id, line_ref=line_ref, creator_id=creator_id,
            postings=moved("creator_pending", "creator_cleared", amount, creator_id),
        )  # fmt: skip
        journal.post(self.session, draft)
        self.session.execute(
            sa.update(Clearance)
            .where(Clearance.order_id == self.order.id, Clearance.line_ref == line_ref)
            .values(state="cleared", cleared_at=DAY_100)
        )

    def evaluations(self) -> list[Evaluation]:
        query = sa.select(Evaluation).where(Evaluation.order_id == self.order.id).order_by(Evaluation.sequence)
        return list(self.session.scalars(query))


@pytest.fixture
def books(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    with database.write(TEST) as session:
        books = Books(session)
        monkeypatch.setattr(intake.credit, "credit_lines", books.decide)
        yield books
        assert checks.examine(session) == []


X = Credit("crt_x", 1500)
E1 = snapshot(line("1", 4000, tax=320), shipping=500)


def test_e16_duplicates_pay_once(books: Books) -> None:
    books.credits = {"1": X}
    first = books.take(E1)
    assert (first.outcome, first.entries, first.reason) == ("applied", 1, "")
    for _ in range(2):
        again = books.take(E1)
        assert (again.outcome, again.entries) == ("same_version", 0)
    assert books.entries() == [("accrual", "last_click_direct", 600)]
    assert books.order.evaluated_hash == books.order.content_hash
    assert len(books.evaluations()) == 1


def test_e15_refund_before_order(books: Books) -> None:
    books.credits = {"1": X}
    given = refund("1", back("1", 1, 4000))
    assert books.stub(OrderStub("7001", (given,))) is None
    done = books.take(with_line(E1, "1", current_quantity=1))
    assert (done.entries, books.buckets()) == (0, (0, 0))
    assert books.evaluations()[0].lines[0]["refunded_base"] == 4000


def test_in_order_the_refund_is_a_reversal_of_the_accrual(books: Books) -> None:
    books.credits = {"1": X}
    books.take(E1)
    books.stub(OrderStub("7001", (refund("1", back("1", 1, 4000)),)))
    assert books.entries() == [("accrual", "last_click_direct", 600), ("reversal", "refunded", -600)]
    accrual, reversal = queries.entries(books.session, books.order.id)
    assert reversal.reverses == accrual.id
    assert reversal.evaluation_id == books.evaluations()[-1].id
    assert books.buckets() == (0, 0)


def test_e6b_entries_of_repeated_refunds(books: Books) -> None:
    books.credits = {"1": Credit("crt_x", 1001)}
    order = snapshot(line("1", 333, 3))
    books.take(order)
    assert books.buckets() == (100, 0)
    for number in (1, 2, 3):
        books.stub(OrderStub("7001", (refund(str(number), back("1", 1, 333), days=number),)))
    assert [amount for _, _, amount in books.entries()] == [100, -33, -34, -33]


def test_e14_an_edit_books_the_differences(books: Books) -> None:
    ten, twelve = Credit("crt_x", 1000), Credit("crt_x", 1200)
    books.credits = {"1": ten, "2": ten, "3": twelve}
    books.take(snapshot(line("1", 2000), line("2", 1500)))
    books.take(changed(snapshot(line("1", 2000), line("2", 1500, current_quantity=0), line("3", 1000))))
    assert sorted(books.entries(), key=str) == [
        ("accrual", "last_click_direct", 120), ("accrual", "last_click_direct", 150),
        ("accrual", "last_click_direct", 200), ("reversal", "removed_by_edit", -150),
    ]  # fmt: skip
    assert books.buckets() == (320, 0)


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        ({"cancelled_at": at(1)}, "order_cancelled"), ({"payment_status": "voided"}, "not_collected"),
        ({"payment_status": "expired"}, "not_collected"), ({"payment_status": "pending"}, "awaiting_payment"),
        ({"sample": True}, "sample_order"), ({"test": True}, "test_order"),
    ],
)  # fmt: skip
def test_a_stop_takes_everything_back_and_says_why(books: Books, later: dict[str, Any], reason: str) -> None:
    books.credits = {"1": X}
    books.take(E1)
    done = books.take(changed(E1, **later))
    assert (done.reason, books.entries()[-1]) == (reason, ("reversal", reason, -600))
    assert books.buckets() == (0, 0)
    assert (books.clearances()["1"].clears_at, books.clearances()["1"].why) == (None, reason)
    # A refund of a cancelled order adds nothing.
    assert books.stub(OrderStub("7001", (refund("1", back("1", 1, 4000)),))).entries == 0  # type: ignore[union-attr]


def test_unpaid_is_an_estimate_until_paid(books: Books) -> None:
    books.credits = {"1": X}
    waiting = books.take(snapshot(line("1", 4000), payment_status="pending", paid_at=None))
    assert (waiting.reason, waiting.entries) == ("awaiting_payment", 0)
    assert books.evaluations()[0].lines[0]["estimate"] == 600
    paid = books.take(changed(snapshot(line("1", 4000), payment_status="paid")))
    assert (paid.reason, books.buckets()) == ("", (600, 0))


def test_e18_losing_a_line_to_another_creator_before_the_pin(books: Books) -> None:
    """A touch that arrived late: the line moves, the first creator's posting is taken back, the second's made."""
    books.credits = {"1": X}
    books.take(E1)
    books.credits = {"1": Credit("crt_y", 1000)}
    intake.reevaluate(books.session, books.order.id, cause="pin", as_of=DAY_100)
    assert {(b.creator_id, b.pending) for b in queries.balances(books.session)} == {("crt_x", 0), ("crt_y", 400)}
    assert ("reversal", "credit_moved", -600) in books.entries()


def test_a_vanished_line_is_taken_back(books: Books) -> None:
    books.credits = {"1": X, "2": X}
    books.take(snapshot(line("1", 4000), line("2", 1000)))
    books.take(changed(snapshot(line("2", 1000))))
    assert ("reversal", "line_vanished", -600) in books.entries()
    assert books.buckets() == (150, 0)


def test_f6_after_clearing_both_directions_are_cleared_at_once(books: Books) -> None:
    books.credits = {"1": X, "2": X}
    order = snapshot(line("1", 4000, 2))
    books.take(order)
    books.clear("1", 1200)
    assert books.buckets() == (0, 1200)
    pending = refund("1", back("1", 1, 4000), status="pending")
    books.stub(OrderStub("7001", (pending,)))
    assert books.buckets() == (0, 600)
    # The refund fails: what it took comes back, cleared at once.
    books.stub(OrderStub("7001", (refund("1", back("1", 1, 4000), status="failure"),)))
    assert books.buckets() == (0, 1200)
    assert books.entries()[-1] == ("adjustment", "refund_undone", 600)
    # A line that an edit adds has a hold of its own.
    books.take(changed(snapshot(line("1", 4000, 2), line("2", 1000))))
    assert books.buckets() == (150, 1200)
    assert books.clearances()["2"].state == "open"


def test_r6b_flags_reach_the_evaluation(books: Books) -> None:
    books.credits = {"1": X}
    books.take(changed(E1, refunds=(refund("1", back("1", 1, 4000), status="pending"),)))
    assert books.evaluations()[0].lines[0]["flags"] == ["refund_pending"]


def test_an_unknown_amount_blocks_the_line(books: Books) -> None:
    books.credits = {"1": X}
    books.take(changed(E1, refunds=(refund("1", amount_unknown=True, status=None),)))
    assert books.clearances()["1"].blocked == "refund_amount_unknown"


def test_clearances_follow_the_facts_and_only_they_move_the_date(books: Books) -> None:
    books.credits = {"1": X}
    books.take(E1, as_of=at(1))
    assert (books.clearances()["1"].clears_at, books.clearances()["1"].why) == (at(45), "no_delivery_signal")
    books.take(changed(E1, total=7), as_of=at(3))
    assert books.clearances()["1"].updated_at == at(1)
    books.take(changed(E1, total=7, changed_at=at(4), fulfilments=(Fulfilment("f", at(4)),)), as_of=at(5))
    row = books.clearances()["1"]
    assert (row.clears_at, row.why, row.updated_at) == (at(29), "fulfilled", at(5))


def test_lines_of_nobody_have_reasons_and_no_clearance(books: Books) -> None:
    books.take(E1)
    assert books.clearances() == {}
    assert books.evaluations()[0].lines[0]["reason"] == "no_touch"
    assert books.entries() == []


def test_a_kill_leaves_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops in the middle, the caller's savepoint undoes all of it, and the delivery can come again."""
    books.credits = {"1": X}

    def dies(*args: object, **more: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(intake.clearance, "follow", dies)
        with pytest.raises(RuntimeError, match="killed"), books.session.begin_nested():
            books.take(E1)
    assert books.session.scalars(sa.select(Order)).all() == []
    assert queries.balances(books.session) == []
    assert books.take(E1).entries == 1


def test_an_evaluation_row_a_version(books: Books) -> None:
    books.credits = {"1": X}
    books.take(E1)
    books.take(changed(E1, total=9))
    books.stub(OrderStub("7001", (refund("1", back("1", 1, 4000)),)))
    assert [(e.sequence, e.cause, e.reason) for e in books.evaluations()] == [
        (1, "delivery:1", ""), (2, "delivery:2", ""), (3, "delivery:3", ""),
    ]  # fmt: skip
    intake.reevaluate(books.session, books.order.id, cause="replay", as_of=DAY_100)
    assert len(books.evaluations()) == 3


def test_no_such_order(books: Books) -> None:
    with pytest.raises(NotFound):
        intake.reevaluate(books.session, "ord_x", cause="pin")


def test_shops_do_not_see_each_other(books: Books) -> None:
    books.credits = {"1": X}
    books.take(E1)
    mine = books.shop
    books.shop = shop(books.session)
    books.stub(OrderStub("7001", (refund("1", back("1", 1, 4000)),)))
    assert [b.pending for b in queries.balances(books.session, shop_id=mine.id)] == [600]
