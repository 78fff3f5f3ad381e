"""A payout that leaves in another currency goes through `fx`, one entry a currency, and every reading says so."""

from __future__ import annotations

import msgspec

from connector.earnings.ledger import checks, outstanding, queries
from connector.earnings.payouts import conversion, outcomes
from connector.earnings.payouts.conversion import Rate
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.rails import Told
from connector.earnings.payouts.tables import Payout
from connector.operations.books import payouts_are_the_ledgers
from connector.operations.exports import ledger
from connector.operations.rebuild import settled
from connector.operations.rebuild.difference import Verified
from connector.operations.rebuild.tally import Tally
from tests.ledger import exported as e
from tests.payees.details import MIRA, version
from tests.settlement.books import SYSTEM, Books, utc

DAY = utc("2026-12-10")


def accounts(books: Books) -> dict[tuple[str, str], int]:
    with books.database.read(SYSTEM) as session:
        assert checks.examine(session) == []
        assert payouts_are_the_ledgers(session) == []
        found = queries.accounts(session)
    return {(account, currency): amount for (_, currency, account), amount in found.items() if amount}


def test_e9_a_conversion_is_two_entries_and_each_currency_stands_by_itself(books: Books) -> None:
    """500 EUR cents leave as 542 USD cents at 1.0842; they come back, are paid again; a later refund is -500 EUR."""
    shop, mira = books.shop("EUR"), books.creator("mira")
    with books.database.write(SYSTEM) as session:
        session.add(version(mira, msgspec.structs.replace(MIRA, currency="USD"), number=2))
        conversion.enter(session, Rate("EUR", "USD", "1.0842", "ECB", DAY), "staff:jo", now=DAY)
    line = books.line(shop, mira, 500, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))
    made = books.pay("first", DAY, "EUR")
    assert accounts(books)["payout_in_transit", "EUR"] == -500  # converted only when it has left
    books.paid(made.id, DAY)
    left = {("merchant_receivable", "EUR"): 500, ("fx", "EUR"): -500, ("fx", "USD"): 542, ("bank", "USD"): -542}
    assert accounts(books) == left
    assert (books.balance(mira).currency, books.balance(mira).paid) == ("EUR", 500)  # no second balance in dollars
    [row] = books.rows(Payout)
    assert (row.rate, row.rate_source, row.through_fx) == ("1.0842", "ECB", True)
    with books.database.read(SYSTEM) as session:
        assert outstanding.currencies(session, shop) == ["EUR"]  # nothing is to be closed in dollars
        tally = Tally()
        settled.add_up(session, tally, Verified(), None)
        assert tally.balances()[shop, "USD", "bank", mira] == -542
    for kind in ("csv", "jsonl", "beancount", "hledger"):
        out: list[str] = []
        with books.database.snapshot(SYSTEM) as session:
            ledger.write(session, kind, ledger.Asked(), out.append)
        text = "".join(out)
        assert "542" in text or "5.42" in text
        if kind == "beancount":
            assert e.of_beancount(text)[1] == []
    with books.database.write(SYSTEM) as session:
        outcomes.take(session, [Heard(row.id, Told("returned", "bank_returned"))], utc("2026-12-14"), "staff:jo")
        again_at = utc("2026-12-15")
        conversion.enter(session, Rate("EUR", "USD", "1.0842", "ECB", again_at), "staff:jo", now=again_at)
    assert accounts(books) == {("merchant_receivable", "EUR"): 500, ("creator_settled", "EUR"): -500}
    again = books.pay("second", again_at, "EUR")
    books.paid(again.id, again_at)
    books.earn(line, -500, utc("2026-12-20"))  # in the original currency (R12)
    assert accounts(books) == {
        ("creator_cleared", "EUR"): 500, ("fx", "EUR"): -500, ("fx", "USD"): 542, ("bank", "USD"): -542,
    }  # fmt: skip
    assert books.balance(mira).owed == -500


def test_a_payout_that_was_prepared_before_is_booked_as_it_was_begun(books: Books) -> None:
    shop, mira = books.shop("EUR"), books.creator("mira")
    with books.database.write(SYSTEM) as session:
        session.add(version(mira, msgspec.structs.replace(MIRA, currency="USD"), number=2))
        conversion.enter(session, Rate("EUR", "USD", "1.0842", "ECB", DAY), "staff:jo", now=DAY)
    books.line(shop, mira, 500, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))
    made = books.pay("first", DAY, "EUR")
    with books.database.write(SYSTEM) as session:
        session.query(Payout).update({"through_fx": False})
    books.paid(made.id, DAY)
    assert accounts(books) == {("merchant_receivable", "EUR"): 500, ("bank", "EUR"): -500}
