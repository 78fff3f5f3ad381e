"""From a closing to the money: what is invoiced, what merchants pay of it, and what creators may have then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.ledger import checks as ledger_checks
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.settlement import bank_file, close, funding, receipts
from connector.earnings.settlement import checks as settlement_checks
from connector.earnings.settlement.receipts import Coming
from connector.earnings.settlement.tables import Invoice, InvoiceLine, Receipt, ReceiptAsked, Reserve, Statement
from connector.errors import Conflict, InputRefused, NotAllowed
from connector.notices import Notice
from connector.operations import rounds
from connector.programme.creators.tables import Payee
from tests.payouts.test_twice_at_once import at_once
from tests.settlement.books import SYSTEM, Books, LineOfOrder, utc

NOVEMBER, DECEMBER = utc("2026-12-01"), utc("2027-01-01")


@pytest.fixture
def shop(books: Books) -> str:
    return books.shop(advance=False)


def fee(books: Books, line: LineOfOrder, amount: int, at: datetime) -> None:
    """What commission books beside a line: the app's fee of its order."""
    with books.database.write(SYSTEM) as session:
        journal.post(
            session,
            Draft(reference=new_id("x"), subject=f"fee:{line.order_id}", kind="fee", shop_id=line.shop_id,
                  currency=line.currency, reason="app_fee", occurred_at=at, order_id=line.order_id,
                  postings=(DraftPosting("merchant_receivable", amount), DraftPosting("app_fee", -amount))),
        )  # fmt: skip


def bonus(books: Books, shop: str, creator: str, amount: int, at: datetime) -> None:
    with books.database.write(SYSTEM) as session:
        journal.post(
            session,
            Draft(reference=new_id("x"), subject=f"bonus:evt_1:{creator}", kind="bonus", shop_id=shop, currency="USD",
                  reason="event_bonus", occurred_at=at, creator_id=creator,
                  postings=(DraftPosting("merchant_receivable", amount), owed("creator_pending", amount, creator))),
        )  # fmt: skip


def absorb(books: Books, line: LineOfOrder, amount: int, at: datetime) -> None:
    with books.database.write(SYSTEM) as session:
        journal.post(
            session,
            Draft(reference=new_id("x"), subject=f"absorbed:{line.order_id}:{line.line_ref}", kind="absorption",
                  shop_id=line.shop_id, currency=line.currency, reason="absorbed", occurred_at=at,
                  order_id=line.order_id, line_ref=line.line_ref, creator_id=line.creator_id,
                  postings=(DraftPosting("loss_absorbed", amount), owed("creator_cleared", amount, line.creator_id))),
        )  # fmt: skip


def set_to(books: Books, shop: str, name: str, value: int | str) -> None:
    with books.database.write(SYSTEM) as session:
        at = utc("2026-06-01")
        settings.change(session, shop, name, value, by="test", starts_at=at, now=at)


def paid_in(books: Books, shop: str, amount: int, reference: str, at: datetime = NOVEMBER) -> tuple[Receipt, bool]:
    with books.database.write(SYSTEM) as session:
        return receipts.record(session, Coming(shop, "USD", amount, reference, at.date(), "hand"), "staff:fay", at)


def may_have(books: Books, shop: str, *creators: str) -> list[int]:
    """What each creator may be paid now."""
    with books.database.read(SYSTEM) as session:
        gate = funding.funded(session, shop, "USD", DECEMBER)
        return [gate.payable(creator, books.balance(creator, shop).settled) for creator in creators]


def all_well(books: Books) -> None:
    with books.database.read(SYSTEM) as session:
        found = [wrong for check in settlement_checks.CHECKS for wrong in check(session)]
        assert found == []
        assert ledger_checks.examine(session) == []


def test_commission_fee_and_bonus_are_invoiced_and_creators_wait_for_the_money(books: Books, shop: str) -> None:
    mira, tal = books.creator("mira"), books.creator("tal")
    one = books.line(shop, mira, 700, clears_at=utc("2026-11-16"))
    two = books.line(shop, tal, 200, clears_at=utc("2026-11-17"))
    later = books.line(shop, tal, 90, clears_at=utc("2026-12-10"))
    for line, amount in ((one, 35), (two, 10), (later, 5)):
        fee(books, line, amount, utc("2026-11-02"))
    bonus(books, shop, tal, 100, utc("2026-11-20"))
    books.clear(shop, utc("2026-11-30"))
    [closing] = books.close(shop, "2026-11", NOVEMBER)
    [invoice] = books.rows(Invoice)
    assert closing.total == 1000
    assert (invoice.number, invoice.earned, invoice.bonus, invoice.fee, invoice.total) == (1, 900, 100, 45, 1045)
    assert (invoice.orders, str(invoice.issued_on), str(invoice.due_on)) == (2, "2026-12-01", "2026-12-15")
    assert {row.subject for row in books.rows(InvoiceLine)} == {one.order_id, two.order_id, f"bonus:evt_1:{tal}"}
    # R15: nothing before the merchant paid; a part is shared in proportion; creators come before the fee
    assert may_have(books, shop, mira, tal) == [0, 0]
    paid_in(books, shop, 100, "bank 1")
    assert may_have(books, shop, mira, tal) == [70, 30]
    paid_in(books, shop, 900, "bank 2")
    assert may_have(books, shop, mira, tal) == [700, 300]
    # a double payment is money that came: it is a credit, and pays the next invoice
    assert paid_in(books, shop, 900, "bank  2")[1] is False
    paid_in(books, shop, 900, "bank 3")
    books.clear(shop, utc("2026-12-20"))
    books.earn(one, -200, utc("2026-12-21"))  # a refund behind the closing, and its fee
    fee(books, one, -10, utc("2026-12-21"))
    books.close(shop, "2026-12", DECEMBER)
    second = books.rows(Invoice)[1]
    assert (second.number, second.earned, second.reversed, second.fee, second.total) == (2, 90, -200, -5, -115)
    with books.database.read(SYSTEM) as session:
        account = funding.account(session, shop, "USD", DECEMBER.date())
        assert [(each.state, each.open) for each in account.standings] == [("paid", 0), ("credit", 0)]
        assert (account.received, account.credit) == (1900, 1900 + 115 - 1045)
    assert may_have(books, shop, mira, tal) == [500, 390]
    statement = {row.creator_id: row for row in books.rows(Statement) if row.closing_id == second.closing_id}[mira]
    assert (statement.total, statement.corrections, statement.carried) == (-200, -200, 700)
    all_well(books)


def test_what_the_app_absorbs_is_given_back_to_the_merchant_alone(books: Books, shop: str) -> None:
    mira = books.creator("mira")
    line = books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    books.close(shop, "2026-11", NOVEMBER)
    books.earn(line, -600, utc("2026-12-05"))
    absorb(books, line, 600, utc("2026-12-05"))
    books.close(shop, "2026-12", DECEMBER)
    first, second = books.rows(Invoice)
    assert (first.total, second.total, second.absorbed, second.earned, second.reversed) == (600, -600, -600, 0, 0)
    assert books.balance(mira).settled == 600
    assert len(books.rows(Statement)) == 1
    # what was said once isn't said again
    books.close(shop, "2027-01", utc("2027-02-01"))
    assert len(books.rows(Invoice)) == 2
    all_well(books)


def test_a_reserve_is_kept_back_and_comes_with_a_later_statement(books: Books, shop: str) -> None:
    set_to(books, shop, "reserve_bp", 1000)
    set_to(books, shop, "reserve_days", 45)
    mira = books.creator("mira")
    books.line(shop, mira, 1005, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    books.close(shop, "2026-11", NOVEMBER)
    balance = books.balance(mira)
    assert (balance.settled, balance.reserve) == (904, 101)
    paid_in(books, shop, 1005, "bank 1")
    assert may_have(books, shop, mira) == [904]
    books.close(shop, "2026-12", DECEMBER)  # 31 days are not 45
    assert books.balance(mira).reserve == 101
    books.close(shop, "2027-01", utc("2027-02-01"))
    balance = books.balance(mira)
    assert (balance.settled, balance.reserve) == (1005, 0)
    last = max(books.rows(Statement), key=lambda row: row.created_at)
    assert (last.total, last.released, last.carried) == (0, 101, 904)
    assert [row.released_in for row in books.rows(Reserve)] == [last.id]
    assert may_have(books, shop, mira) == [1005]
    all_well(books)


def test_a_shop_that_left_is_invoiced_and_stays_unfunded_until_it_pays(books: Books) -> None:
    """R16, and it was one that is paid in advance."""
    shop, mira = books.shop(), books.creator("mira")
    books.line(shop, mira, 600, clears_at=utc("2026-12-16"), placed_at=utc("2026-11-20"))
    assert may_have(books, shop, mira) == [0]
    with books.database.write(SYSTEM) as session:
        session.execute(sa.update(Shop).where(Shop.id == shop).values(status="left", left_at=utc("2026-12-01")))
    books.clear(shop, utc("2026-12-20"))
    books.close(shop, "2026-12", DECEMBER)
    assert [row.total for row in books.rows(Invoice)] == [600]
    assert may_have(books, shop, mira) == [0]
    receipt, _ = paid_in(books, shop, 600, "bank 1")
    assert may_have(books, shop, mira) == [600]
    with books.database.write(SYSTEM) as session:  # it bounced
        receipts.undo(session, receipt.id, "staff:fay", "returned by the bank")
    assert may_have(books, shop, mira) == [0]
    with books.database.write(SYSTEM) as session, pytest.raises(Conflict, match="taken back"):
        receipts.undo(session, receipt.id, "staff:fay", "again")
    all_well(books)


def test_weeks_are_closed_one_after_the_other_and_a_preview_books_just_what_it_shows(books: Books, shop: str) -> None:
    set_to(books, shop, "closing", "weekly")
    mira = books.creator("mira")
    books.line(shop, mira, 100, clears_at=utc("2026-11-04"))
    books.line(shop, mira, 40, clears_at=utc("2026-11-12"))
    books.clear(shop, utc("2026-11-15"))
    as_of = utc("2026-11-16T08:00")
    with pytest.raises(Conflict, match="2026-W44"):
        books.close(shop, "2026-11", as_of)
    with books.database.read(SYSTEM) as session:
        found = close.due(session, session.get_one(Shop, shop), as_of)
        assert [period.name for period in found][-2:] == ["2026-W45", "2026-W46"]
        plans = close.planned(session, shop, "2026-W45", as_of)
        token = close.token_of(plans)
        assert [(plan.total, plan.bill.total) for plan in plans] == [(100, 100)]
    books.line(shop, mira, 7, clears_at=utc("2026-11-05"))
    books.clear(shop, utc("2026-11-15"))
    with books.database.write(SYSTEM) as session, pytest.raises(Conflict, match="look again"):
        close.close_period(session, shop, "2026-W45", as_of, "staff:fay", token=token)
    books.close(shop, "2026-W45", as_of)
    books.close(shop, "2026-W46", as_of)
    assert [(row.period, row.total) for row in sorted(books.rows(Invoice), key=lambda row: row.number)] == [
        ("2026-W45", 107), ("2026-W46", 40),
    ]  # fmt: skip
    all_well(books)


FILE = """Date;Amount;Currency;Reference;Invoice;Text;Shop
2026-12-03;600.00;USD;bank 1;;thank you, inv-000001;
2026-12-03;600.00;USD;bank 1;;thank you, inv-000001;
2026-12-04;5.00;USD;bank 2;INV-000001;;
2026-12-04;5.00;EUR;bank 3;INV-000001;;
2026-12-04;5.00;USD;bank 4;INV-000077;;
2026-12-04;5.00;USD;bank 5;;;
2026-12-04;-5.00;USD;bank 6;INV-000001;;
2026-12-04;5.005;USD;bank 7;INV-000001;;
soon;5.00;USD;bank 8;INV-000001;;
2026-12-05;5.00;USD;bank 2;INV-000001;and more;
2026-12-05;9.00;USD;bank 1;INV-000001;;
2026-12-05;5.00;USD;bank 9;;;nowhere.example
2026-12-05;5.00;USD;bank 10;;;{domain}
"""


def ANY(_currency: str) -> None:  # noqa: N802
    """No sum asks for a second person."""


def test_a_banks_file_is_judged_row_by_row_and_booked_once(books: Books, shop: str) -> None:
    mira = books.creator("mira")
    books.line(shop, mira, 60_000, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    books.close(shop, "2026-11", NOVEMBER)
    text = FILE.format(domain=f"{shop[-8:]}.myshopify.com")
    said = [
        ("new", ""), ("known", ""), ("new", ""), ("conflict", "currency_differs"), ("conflict", "invoice_unknown"),
        ("conflict", "no_invoice_named"), ("conflict", "not_incoming"), ("conflict", "row_unreadable"),
        ("conflict", "row_unreadable"), ("known", ""), ("conflict", "reference_twice"),
        ("conflict", "shop_unknown"), ("new", ""),
    ]  # fmt: skip
    with books.database.read(SYSTEM) as session:
        dry = bank_file.judge(session, bank_file.rows_of(text), ANY)
    assert [(row.outcome, row.reason) for row in dry] == said
    assert books.rows(Receipt) == []
    with books.database.write(SYSTEM) as session:
        bank_file.book(session, bank_file.rows_of(text), "staff:fay", ANY, DECEMBER)
    assert sorted(row.amount for row in books.rows(Receipt)) == [500, 500, 60_000]
    with books.database.write(SYSTEM) as session:
        again = bank_file.book(session, bank_file.rows_of(text), "staff:fay", ANY, DECEMBER)
    assert [row.outcome for row in again] == ["known" if one == "new" else one for one, _ in said]
    assert len(books.rows(Receipt)) == 3
    all_well(books)


def test_people_are_told_of_invoices_statements_and_what_is_held(books: Books) -> None:
    db.use(books.database)
    shop, mira = books.shop(advance=False), books.creator("mira")
    paid, tal = books.shop(), books.creator("tal")
    for whose, creator in ((shop, mira), (paid, tal)):
        books.line(whose, creator, 600, clears_at=utc("2026-11-16"))
        books.clear(whose, utc("2026-11-30"))
    books.close(shop, "2026-11", NOVEMBER)
    books.close(paid, "2026-11", NOVEMBER)
    with books.database.write(SYSTEM) as session:
        session.query(Payee).filter(Payee.creator_id == tal).delete()
    books.pay("one", NOVEMBER)
    days = [NOVEMBER + timedelta(days=days) for days in (14, 15, 16)]
    assert [rounds.tell_of_overdue(day) for day in days] == [0, 2, 0], "due on the 14th day, told once"
    told = {(row.kind, row.shop_id, row.creator_id): row.detail for row in books.rows(Notice)}
    assert told["invoice.issued", shop, None]["total"] == 600
    assert told["invoice.overdue", shop, None]["open"] == 600
    assert told["statement.ready", shop, mira]["total"] == 600
    held = told["payout.held", paid, tal]
    assert (held["reason"], held["amount"]) == ("payee_missing", 600)
    assert len(books.rows(Notice)) == 7


def test_a_receipt_above_the_sum_of_one_person_is_no_money_until_a_second_one_says_so(books: Books, shop: str) -> None:
    coming = Coming(shop, "USD", 900_000, "bank 9", NOVEMBER.date(), "hand")
    with books.database.write(SYSTEM) as session:
        asked = receipts.ask(session, coming, "staff:ada", NOVEMBER).id
        assert receipts.ask(session, coming, "staff:jo", NOVEMBER).id == asked
        with pytest.raises(Conflict, match="other money"):
            receipts.ask(session, replace(coming, amount=1), "staff:jo", NOVEMBER)
        with pytest.raises(NotAllowed):
            receipts.decide(session, asked, yes=True, by="staff:ada", as_of=NOVEMBER)
        assert [row.id for row in receipts.waiting(session)] == [asked]
    assert books.rows(Receipt) == []
    with books.database.write(SYSTEM) as session:
        made = receipts.decide(session, asked, yes=True, by="staff:fay", as_of=NOVEMBER)
        assert made is not None
        assert (made.amount, made.recorded_by) == (900_000, "staff:ada")
        with pytest.raises(Conflict, match="already"):
            receipts.decide(session, asked, yes=False, by="staff:fay", as_of=NOVEMBER)
        with pytest.raises(Conflict, match="stands for"):
            receipts.ask(session, coming, "staff:ada", NOVEMBER)
        other = receipts.ask(session, replace(coming, reference="bank 10"), "staff:ada", NOVEMBER).id
        assert receipts.decide(session, other, yes=False, by="staff:ada", as_of=NOVEMBER) is None
    assert len(books.rows(Receipt)) == 1
    all_well(books)


def test_small_receipts_count_together_until_a_second_person_is_asked(books: Books, shop: str) -> None:
    """By hand and from a file, of one shop, currency and day; what was approved, undone or told by Stripe doesn't."""
    other, most = books.shop(), {"USD": 1000, "EUR": None}.__getitem__
    host = f"{shop[-8:]}.myshopify.com"
    rows = [
        (6, "EUR", host),
        (5, "USD", host),
        (4, "USD", host),
        (2, "USD", host),
        (9, "USD", f"{other[-8:]}.myshopify.com"),
        (1, "USD", host),
    ]  # noqa: E501
    text = "date,amount,currency,reference,shop\n" + "".join(
        f"2026-12-01,{units}.00,{code},b {number},{name}\n" for number, (units, code, name) in enumerate(rows)
    )
    said = ["new", "new", "new", "asks", "new", "new"]
    with books.database.read(SYSTEM) as session:
        assert [row.outcome for row in bank_file.judge(session, bank_file.rows_of(text), most, NOVEMBER)] == said
    for expected in (said, [each if each == "asks" else "known" for each in said]):
        with books.database.write(SYSTEM) as session:
            booked = bank_file.book(session, bank_file.rows_of(text), "staff:ada", most, NOVEMBER)
        assert [row.outcome for row in booked] == expected
    assert len(books.rows(Receipt)) == 5
    by_hand = Coming(shop, "USD", 1, "hand 1", NOVEMBER.date(), "hand")
    with books.database.write(SYSTEM) as session:
        [waits] = receipts.waiting(session)
        assert (waits.amount, waits.source, waits.asked_by) == (200, "csv", "staff:ada")
        made = receipts.decide(session, waits.id, yes=True, by="staff:fay", as_of=NOVEMBER)
        assert made is not None
        assert made.source == "csv"
        stripe = replace(by_hand, amount=700, reference="pi_1", source="stripe")
        receipts.record(session, stripe, "stripe", NOVEMBER)
        assert receipts.alone(session, shop, "USD", NOVEMBER) == 1000
        asked, _ = receipts.record_or_ask(session, by_hand, "staff:jo", most, NOVEMBER)
        assert isinstance(asked, ReceiptAsked), "somebody else's small one, of the same day"
        receipts.decide(session, asked.id, yes=False, by="staff:jo", as_of=NOVEMBER)
        later = NOVEMBER + receipts.TOGETHER
        assert isinstance(receipts.record_or_ask(session, by_hand, "staff:jo", most, later)[0], Receipt)
        one = session.scalars(sa.select(Receipt).where(Receipt.reference == "b 1")).one()
        receipts.undo(session, one.id, "staff:ada", "bounced", NOVEMBER)
        assert receipts.alone(session, shop, "USD", NOVEMBER) == 500, "what was taken back counts no more"
    all_well(books)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column"),
        ("date,amount\n", "currency, reference"),
        ("date,amount,currency,reference\n" + "x" * 200_000, "CSV"),
    ],
)
def test_a_file_that_cant_be_read_is_refused_whole(text: str, why: str) -> None:
    with pytest.raises(InputRefused, match=why) as refused:
        bank_file.rows_of(text)
    assert refused.value.field == "file"


def test_two_closings_and_two_receipts_at_once_are_one_each_and_numbers_have_no_gap(books: Books, shop: str) -> None:
    """Threads on PostgreSQL; on SQLite the second waits for the only writer."""
    mira, other = books.creator("mira"), books.shop(advance=False)
    for whose in (shop, other):
        books.line(whose, mira, 600, clears_at=utc("2026-11-16"))
        books.clear(whose, utc("2026-11-30"))

    def refused() -> None:
        """A closing that is undone at its very end gives its number back."""
        with books.database.write(SYSTEM) as session:
            close.close_period(session, shop, "2026-11", NOVEMBER, "test")
            raise Conflict("the power went")

    closings = [lambda: books.close(shop, "2026-11", NOVEMBER), lambda: books.close(other, "2026-11", NOVEMBER)]
    at_once(refused, *closings * 2)
    assert sorted(row.number for row in books.rows(Invoice)) == [1, 2]
    results = at_once(*[lambda: paid_in(books, shop, 600, "bank 1")] * 3)
    assert any(isinstance(result, tuple) for result in results)
    assert [row.amount for row in books.rows(Receipt)] == [600]
    all_well(books)
