"""Money beside the orders on its way: lines of its own, frozen with its creator, paid, taken back."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from connector import db
from connector.earnings.commission import fees, freezes
from connector.earnings.commission.freezes import Ask
from connector.earnings.ledger import checks
from connector.earnings.ledger.tables import Entry
from connector.earnings.settlement import checks as settlement_checks
from connector.earnings.settlement import queries
from connector.earnings.settlement.tables import Invoice, Statement, StatementLine
from connector.errors import Conflict, InputRefused
from tests.payouts.test_twice_at_once import at_once
from tests.settlement.books import SYSTEM, Books, utc

NOVEMBER, DECEMBER = utc("2026-12-01"), utc("2027-01-01")


def owe(books: Books, shop: str, creator: str, subject: str, amount: int, at: str, **more: str | None) -> list[str]:
    kind = fees.kind_of(subject)
    assert kind is not None
    with books.database.write(SYSTEM) as session:
        return fees.owe(
            session, subject=subject, kind=kind, shop_id=shop, creator_id=creator, currency="USD", amount=amount,
            reason="flat_fee", at=utc(at), order_id=more.get("order_id"), content_id=more.get("content_id"),
        )  # fmt: skip


def all_well(books: Books) -> None:
    with db.snapshot(SYSTEM) as session:
        assert checks.examine(session) == []
        assert [wrong for check in settlement_checks.CHECKS for wrong in check(session)] == []


def test_it_is_invoiced_settled_and_paid_beside_the_commission_of_its_order(books: Books) -> None:
    """A sample was bought by an order that also earned: the order's line and the reimbursement stay apart."""
    shop, mira, yuki = books.shop(), books.creator("mira"), books.creator("yuki")
    line = books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    sample, fee, hers = "sample:smp_1", "flat_fee:neg_1", "flat_fee:neg_2"
    assert len(owe(books, shop, mira, sample, 2490, "2026-11-18", order_id=line.order_id)) == 1
    assert owe(books, shop, mira, sample, 2490, "2026-11-19", order_id=line.order_id) == []
    owe(books, shop, mira, fee, 9000, "2026-11-19", content_id="cnt_1")
    owe(books, shop, yuki, hers, 4000, "2026-11-19")
    with books.database.write(SYSTEM) as session:
        ask = Ask("creator", "Looking into it", creator_id=yuki, shop_id=shop)
        shown = freezes.preview(session, ask, utc("2026-11-20"))
        freezes.freeze(session, ask, by="staff:jo", token=shown.token, as_of=utc("2026-11-20"))
    assert [closing.total for closing in books.close(shop, "2026-11", NOVEMBER)] == [12_090]
    (invoice,) = books.rows(Invoice)
    assert (invoice.earned, invoice.flat_fee, invoice.reimbursement, invoice.fee) == (600, 9000, 2490, 0)
    assert (invoice.orders, invoice.total) == (1, 12_090)
    lines = {each.line_ref: (each.kind, each.amount, each.order_id) for each in books.rows(StatementLine)}
    assert lines == {
        "1": ("commission", 600, line.order_id), sample: ("reimbursement", 2490, ""), fee: ("flat_fee", 9000, ""),
    }  # fmt: skip
    with books.database.read(SYSTEM) as session:
        assert [each.subject for each in queries.invoice_lines(session, invoice.id)] == [line.order_id, fee, sample]
    assert books.balance(yuki).cleared == 4000
    all_well(books)

    # Paid like everything else. What comes back later of the sample's order is carried.
    batch = books.pay("2026-11 USD", utc("2026-12-02"))
    books.paid(batch.id, utc("2026-12-03"))
    assert books.balance(mira).paid == 12_090
    owe(books, shop, mira, sample, 990, "2026-12-10", order_id=line.order_id)
    assert books.balance(mira).cleared == -1500
    books.close(shop, "2026-12", DECEMBER)
    newest = books.rows(Statement)[-1]
    assert (newest.creator_id, newest.total, newest.corrections) == (mira, -1500, -1500)
    assert books.rows(Invoice)[-1].reimbursement == -1500
    with books.database.read(SYSTEM) as session:
        back = session.scalars(sa.select(Entry).where(Entry.subject == sample).order_by(Entry.sequence.desc()))
        taken = next(each for each in back if each.kind == "reimbursement")
        assert taken.reverses is not None
    all_well(books)


def test_two_at_once_owe_it_once(books: Books) -> None:
    shop, mira = books.shop(), books.creator("mira")
    results = at_once(*[lambda: owe(books, shop, mira, "flat_fee:neg_1", 500, "2026-11-05")] * 3)
    made = [entry for found in results if isinstance(found, list) for entry in found]
    assert len(made) == 1
    assert all(isinstance(found, list | Conflict) for found in results)
    assert books.balance(mira).cleared == 500
    with pytest.raises(InputRefused):
        owe(books, shop, mira, "flat_fee:neg_1", -1, "2026-11-06")
