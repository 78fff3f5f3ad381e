"""When money that is in sight can be paid: each part of a balance with what it waits for, and no date that nothing
promises. That parts are the ledger's balances for any history is in `test_interleaving.py`."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector import clock
from connector.commerce.shops import settings
from connector.earnings.commission import freezes
from connector.earnings.commission.freezes import Ask
from connector.earnings.settlement import close, pieces
from connector.operations import payout_calendar
from connector.operations.payout_calendar import Calendar, Part
from connector.programme.creators import payees
from tests.payees.details import version
from tests.settlement.books import SYSTEM, Books, utc
from tests.settlement.paid_in import pay_all

NOW = utc("2026-11-20")


def read(books: Books, creator_id: str, as_of: datetime = NOW) -> Calendar:
    with books.database.snapshot(SYSTEM) as session:
        return payout_calendar.read(session, creator_id, as_of)


def told(parts: list[Part]) -> list[tuple[str, str, int, str, str]]:
    """(state, waits for, amount, until when, period)."""

    def day(moment: datetime | None) -> str:
        return moment.strftime("%d %b %H") if moment is not None else ""

    return [
        (each.state, each.waits_for, each.amount, day(each.last_at), each.period.name if each.period else "")
        for each in parts
    ]


def test_a_shop_with_a_part_of_everything(books: Books) -> None:
    shop, mira = books.shop(), books.creator("mira")
    change(books, shop, minimum_payout=1000, reserve_bp=1000, reserve_days=30)
    books.line(shop, mira, 900, clears_at=utc("2026-10-10"))
    books.clear(shop, utc("2026-10-11"))
    books.close(shop, "2026-10", utc("2026-11-01"))  # 810 settled, 90 in reserve until 1 December
    books.line(shop, mira, 41, clears_at=utc("2026-11-10"))
    books.clear(shop, utc("2026-11-11"))
    for amount, clears_at in ((600, "2026-11-28"), (40, "2026-11-28T23:00"), (100, "2026-12-04")):
        books.line(shop, mira, amount, clears_at=utc(clears_at))
    books.line(shop, mira, 7, clears_at=utc("2026-11-27"), blocked="return")
    books.line(shop, mira, 8, clears_at=None, why="waits_for_delivery_signal")
    books.line(shop, mira, 9, clears_at=utc("2026-11-19"))
    books.line(shop, mira, 3, clears_at=utc("2026-11-27"), blocked="freeze review")
    found = read(books, mira)
    assert told(found.parts) == [
        ("settled", "below_minimum", 810, "", ""),
        ("reserve", "reserve", 90, "01 Dec 00", "2026-11"),
        ("cleared", "next_statement", 41, "", "2026-11"),
        ("pending", "hold", 640, "28 Nov 23", "2026-11"),
        ("pending", "hold", 100, "04 Dec 00", "2026-12"),
        ("pending", "clearing", 9, "", ""),
        ("pending", "freeze", 3, "", ""),
        ("pending", "return", 7, "", ""),
        ("pending", "waits_for_delivery_signal", 8, "", ""),
    ]
    assert (found.parts[0].missing, found.parts[3].lines) == (190, 2)
    says = found.shops[shop]
    assert (says.gated, says.minimum, says.next_period and says.next_period.name) == (False, 1000, "2026-11")
    # In sum: what waits for the same is one, from its first day to its last.
    (held,) = (each for each in payout_calendar.together(found.parts) if each.waits_for == "hold")
    assert (held.amount, held.first_at, held.last_at, held.period, held.shop_id) == (
        740, utc("2026-11-28"), utc("2026-12-04"), None, shop,
    )  # fmt: skip


def test_what_settled_money_waits_for_one_after_the_other(books: Books) -> None:
    """The shop's payment by its due day, held details, a freeze, nothing; then a payout, and what came back after."""
    shop, mira = books.shop("EUR", advance=False), books.creator("mira")
    line = books.line(shop, mira, 900, clears_at=utc("2026-10-10"), currency="EUR")
    books.clear(shop, utc("2026-10-11"))
    assert told(read(books, mira, utc("2026-11-01")).parts) == [("cleared", "next_statement", 900, "", "2026-10")]
    books.close(shop, "2026-10", utc("2026-11-01"))
    assert told(read(books, mira).parts) == [("settled", "unfunded", 900, "15 Nov 23", "")]
    with books.database.write(SYSTEM) as session:
        pay_all(session, shop, NOW)
        session.add(version(mira, confirmed_at=clock.now() - timedelta(days=1), number=2))
    now = clock.now()
    (held,) = read(books, mira, now).parts
    assert held.last_at is not None
    assert (held.waits_for, timedelta(days=1) < held.last_at - now < timedelta(days=2)) == ("payee_held", True)
    with books.database.write(SYSTEM) as session:
        payees.refuse(session, mira, "creator", now)
    assert told(read(books, mira).parts) == [("settled", "next_round", 900, "", "")]
    with books.database.write(SYSTEM) as session:
        ask = Ask("creator", "We look at it", mira)
        made = freezes.freeze(session, ask, by="staff:jo", token=freezes.preview(session, ask, NOW).token, as_of=NOW)
    (part,) = read(books, mira).parts
    assert (part.state, part.waits_for, part.amount, part.last_at) == ("settled", "freeze", 900, made.ends_at)
    with books.database.write(SYSTEM) as session:
        freezes.lift(session, made.id, by="staff:jo", why="fine", as_of=NOW)
    paid = books.pay("one", NOW, "EUR")
    assert told(read(books, mira).parts) == [("in_transit", "payout_prepared", 900, "20 Nov 00", "")]
    books.paid(paid.id, NOW)
    books.earn(line, -250, NOW)
    books.line(shop, mira, 100, clears_at=utc("2027-01-10"), currency="EUR")
    assert told(read(books, mira).parts) == [
        ("cleared", "next_statement", -250, "", "2026-11"), ("pending", "hold", 100, "10 Jan 00", "2027-01"),
    ]  # fmt: skip
    books.close(shop, "2026-11", utc("2026-12-01"))
    assert told(read(books, mira, utc("2026-12-01")).parts)[0] == ("settled", "negative_balance", -250, "", "")


def test_a_closing_under_way_leaves_nothing_out(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it is booked: what no record explains yet is said to be in closing, and the sums are the ledger's."""
    monkeypatch.setattr(pieces, "ROWS", 1)
    shop, mira = books.shop(), books.creator("mira")
    change(books, shop, reserve_bp=1000)
    for amount in (500, 300):
        books.line(shop, mira, amount, clears_at=utc("2026-10-10"))
    books.clear(shop, utc("2026-10-11"))
    close.begin(shop, "2026-10", utc("2026-11-01"), "test")
    with books.database.write(SYSTEM) as session:
        (run,) = pieces.under_way(session, shop)
        piece = pieces.ready(session, run, 1)
        assert piece is not None
        pieces.book(session, piece)
    balance, found = books.balance(mira), read(books, mira)
    sums = {state: sum(each.amount for each in found.parts if each.state == state) for state in payout_calendar.STATES}
    assert sums == {state: getattr(balance, state) for state in payout_calendar.STATES}
    assert sums["cleared"]
    assert sums["reserve"]
    assert {each.waits_for for each in found.parts if each.state != "cleared"} == {"being_closed"}
    assert found.shops[shop].being_closed
    close.carry_on(shop)
    assert told(read(books, mira).parts)[0] == ("settled", "next_round", 720, "", "")


def change(books: Books, shop_id: str, **values: int) -> None:
    with books.database.write(SYSTEM) as session:
        for name, value in values.items():
            at = utc("2026-01-01")
            settings.change(session, shop_id, name, value, by="test", starts_at=at, now=at)
