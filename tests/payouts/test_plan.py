"""What a batch would pay and leave out: pure, and over random balances."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from connector.earnings.payouts.conversion import Rate, converted, read
from connector.earnings.payouts.plan import Owed, Person, Plan, made
from connector.earnings.payouts.policy import Debtor, Policy
from connector.earnings.payouts.rails.bank_file import BankFile
from connector.earnings.payouts.rails.sepa import Sepa
from connector.errors import InputRefused, MoneyRefused
from connector.programme.creators.payees import Details
from tests.settlement.books import utc

NOW = utc("2026-11-27")
WEEK = timedelta(days=7)
MIRA = Details(name="Mira", country="DE", iban="DE89370400440532013000")
EUR_USD = Rate("EUR", "USD", "1.0842", "ECB", NOW - timedelta(days=1))


def person(**changes: str) -> Person:
    values = {name: getattr(MIRA, name) for name in MIRA.__struct_fields__} | changes
    return Person("", None, "pye_1", Details(**values))


def plan(*owed: Owed, people: dict[str, Person] | None = None, currency: str = "EUR", **rates: Rate) -> Plan:
    known = people if people is not None else {each.creator_id: person() for each in owed}
    return made(owed, known, BankFile(), currency, rates, NOW, WEEK)


def asides(found: Plan) -> list[tuple[str, int, int]]:
    return [(each.reason, each.amount, each.missing) for each in found.aside]


def test_e28_below_the_minimum_shows_what_is_missing() -> None:
    assert asides(plan(Owed("s", "mira", 2450, 2450, 2500))) == [("below_minimum", 2450, 50)]
    assert plan(Owed("s", "mira", 2500, 2500, 2500)).total == 2500


def test_r17_the_minimum_is_held_against_the_sum_and_balances_never_net() -> None:
    found = plan(Owed("a", "mira", 2000, 2000, 2500), Owed("b", "mira", 500, 500, 2500), Owed("c", "mira", -900, 0, 0))
    assert [row.amount for row in found.pay] == [2000, 500]
    assert asides(found) == [("negative_balance", -900, 0)]


def test_what_is_funded_in_part_is_paid_in_part() -> None:
    found = plan(Owed("s", "mira", 1000, 400, 0), Owed("t", "mira", 70, 0, 0))
    assert [row.amount for row in found.pay] == [400]
    assert asides(found) == [("unfunded", 600, 0), ("unfunded", 70, 0)]


def test_who_cant_be_paid_is_left_out_and_the_others_are_paid() -> None:
    held = Person("payee_held", NOW + timedelta(hours=5))
    people = {"mira": person(), "tal": held, "kim": person(iban="", email="k@example.org")}
    found = plan(*(Owed("s", who, 100, 100, 0) for who in ("ghost", "kim", "mira", "tal")), people=people)
    assert [row.creator_id for row in found.pay] == ["mira"]
    assert [each.reason for each in found.aside] == ["creator_unknown", "payee_other_rail", "payee_held"]
    assert found.aside[2].until == NOW + timedelta(hours=5)


def test_e9_conversion_at_payout() -> None:
    """500 EUR cents at 1.0842 are 542 USD cents; the ledger keeps its EUR."""
    found = plan(Owed("s", "mira", 500, 500, 0), people={"mira": person(currency="USD")}, USD=EUR_USD)
    [row] = found.pay
    assert (row.amount, row.pay_currency, row.pay_amount) == (500, "USD", 542)
    assert (row.rate, found.leaves()) == (EUR_USD, {"USD": 542})


def test_a_rate_is_never_guessed() -> None:
    wants = {"mira": person(currency="USD")}
    owed = Owed("s", "mira", 500, 500, 0)
    backwards = Rate("USD", "EUR", "0.92", "ECB", NOW)
    assert asides(plan(owed, people=wants, EUR=backwards)) == [("rate_missing", 500, 0)]
    old = Rate("EUR", "USD", "1.08", "ECB", NOW - WEEK)
    assert asides(plan(owed, people=wants, USD=old)) == [("rate_too_old", 500, 0)]
    fresh = Rate("EUR", "USD", "1.08", "ECB", NOW - WEEK + timedelta(seconds=1))
    assert plan(owed, people=wants, USD=fresh).total == 500
    tiny = Rate("EUR", "USD", "0.0001", "ECB", NOW)
    assert asides(plan(owed, people=wants, USD=tiny)) == [("amount_too_small", 500, 0)]


@pytest.mark.parametrize(
    ("amount", "base", "quote", "rate", "gives"),
    [
        (500, "EUR", "USD", "1.0842", 542),
        (100, "USD", "JPY", "150.5", 151),  # 150.5: half up
        (3, "JPY", "USD", "0.005", 2),  # 1.5 cents: half up
        (1000, "KWD", "JPY", "490.123", 490),
        (1, "JPY", "KWD", "0.0025", 3),  # 2.5 fils: half up
        (10**15, "USD", "EUR", "0.123456789012", 123456789012000),
    ],
)
def test_conversion_rounds_half_up_once(amount: int, base: str, quote: str, rate: str, gives: int) -> None:
    assert converted(amount, Rate(base, quote, rate, "x", NOW)) == gives


@pytest.mark.parametrize("text", ["", "0", "0.0", "-1", "1,08", "1e3", "٣", "1.0000000000001", "NaN"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InputRefused):
        converted(1, Rate("EUR", "USD", text, "x", NOW))


def test_a_file_of_rates_is_read_row_by_row() -> None:
    rows = read(
        "base,quote,rate,source,quoted_at\neur,USD,1.0842,ECB,2026-11-26T16:00:00+01:00\nEUR,GBP,0.83,ECB,2026-11-26\n"
    )
    assert rows[0] == (2, Rate("EUR", "USD", "1.0842", "ECB", utc("2026-11-26T15:00:00")))
    assert rows[1][0] == 3
    assert "offset" in str(rows[1][1])
    with pytest.raises(InputRefused):
        read("from,to\nEUR,USD\n")


def test_the_digest_is_of_the_transfers() -> None:
    first = plan(Owed("a", "mira", 10, 10, 0), Owed("b", "tal", 20, 20, 0), Owed("b", "kim", -5, 0, 0))
    same = plan(Owed("b", "tal", 20, 20, 0), Owed("a", "mira", 10, 10, 0))
    other = plan(Owed("a", "mira", 10, 10, 0), Owed("b", "tal", 21, 21, 0))
    assert first.digest() == same.digest() != other.digest()


def test_every_balance_is_paid_or_set_aside_to_the_last_unit() -> None:
    draw = Random(17)
    rail = Sepa(Debtor("App", "DE89370400440532013000"))
    shapes = [
        person(), person(currency="EUR"), person(name="玛丽"), person(iban="", email="m@example.org"),
        person(currency="USD"), Person("payee_missing"), Person("payee_held", NOW),
    ]  # fmt: skip
    for _ in range(300):
        people = {f"c{n}": draw.choice(shapes) for n in range(8)}
        owed = []
        for shop in "ab":
            for n in range(10):  # two of whom are nobody
                amount = draw.choice((-50, 1, 30, 700))
                owed.append(Owed(shop, f"c{n}", amount, draw.randint(-9, max(amount, 0) + 9), draw.choice((0, 40))))
        found = made(owed, people, rail, "EUR", {}, NOW, WEEK)
        split: dict[tuple[str, str], int] = {}
        for each in (*found.pay, *found.aside):
            key = (each.shop_id, each.creator_id)
            split[key] = split.get(key, 0) + each.amount
        assert split == {(each.shop_id, each.creator_id): each.amount for each in owed}
        for row in found.pay:
            [source] = [each for each in owed if (each.shop_id, each.creator_id) == (row.shop_id, row.creator_id)]
            assert 0 < row.amount <= max(source.payable, 0)


@pytest.mark.parametrize(
    ("setting", "currency", "limit"),
    [
        ("10000, JPY 1500000", "EUR", 1000000),
        ("10000, JPY 1500000", "JPY", 1500000),
        ("10000, JPY 1500000", "KWD", 10000000),
        ("EUR 500", "EUR", 50000),
        ("EUR 500", "USD", None),
        ("", "EUR", None),
        ("0", "EUR", 0),
    ],
)
def test_above_which_sum_a_second_person_approves(setting: str, currency: str, limit: int | None) -> None:
    policy = Policy(setting, 4)
    assert policy.limit(currency) == limit
    if limit is not None:
        assert not policy.needs_second(limit, currency)
        assert policy.needs_second(limit + 1, currency)


def test_an_unknown_currency_is_refused_by_the_rate() -> None:
    with pytest.raises(MoneyRefused):
        converted(1, Rate("EUR", "EURO", "1", "x", NOW))
