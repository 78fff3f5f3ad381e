"""Money, rates, counts, times: how they look, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from connector import clock, money
from connector.errors import MoneyRefused
from connector.web import amounts, explain, moments

AT = datetime(2026, 11, 14, 20, 7, 14, tzinfo=UTC)


def _currencies() -> list[str]:
    codes = []
    for currency in Currency:
        try:
            money.exponent(currency.code)
        except MoneyRefused:
            continue
        codes.append(currency.code)
    return codes


@pytest.mark.parametrize(
    ("amount", "currency", "style", "text"),
    [
        (747, "EUR", "symbol", "€7.47"), (-520, "EUR", "symbol", "−€5.20"), (0, "EUR", "symbol", "€0.00"),
        (1200, "USD", "code", "USD\u00a012.00"), (3980, "JPY", "symbol", "¥3,980"),
        (1_234_567, "KWD", "bare", "1,234.567"),
        (-1_234_567, "KWD", "symbol", "KWD\u00a0−1,234.567"), (5, "IQD", "code", "IQD\u00a00.005"),
        (123_456_789, "EUR", "symbol", "€1,234,567.89"),
    ],
)  # fmt: skip
def test_money(amount: int, currency: str, style: amounts.Style, text: str) -> None:
    assert amounts.plain(amount, currency, style) == text


@given(amount=st.integers(-(10**15), 10**15), currency=st.sampled_from(_currencies()))
def test_what_is_shown_is_what_it_is(amount: int, currency: str) -> None:
    """Every currency of ISO 4217 with its own decimals: reading the text back gives the very amount."""
    text = amounts.plain(amount, currency, "bare")
    assert money.parse(text.replace(",", "").replace(amounts.MINUS, "-"), currency) == amount
    decimals = text.partition(".")[2]
    assert len(decimals) == money.exponent(currency)
    shown = amounts.plain(amount, currency)
    assert text.lstrip(amounts.MINUS) in shown
    assert (amounts.MINUS in shown) == (amount < 0)
    assert "-" not in shown


def test_the_iraqi_dinar_is_not_a_thousand_times_as_much() -> None:
    assert amounts.plain(1_000_000, "IQD", "bare") == "1,000.000"


def test_an_amount_keeps_its_direction() -> None:
    assert str(amounts.amount(-520, "EUR")) == '<span class="amount" dir="ltr">−€5.20</span>'


@pytest.mark.parametrize(
    ("bp", "text"), [(1500, "15.00\u00a0%"), (1, "0.01\u00a0%"), (8000, "80.00\u00a0%"), (None, "None")]
)
def test_rates(bp: int | None, text: str) -> None:
    assert amounts.rate(bp) == text


@given(st.integers(0, 10**9))
def test_sizes_never_lie_by_more_than_their_last_digit(octets: int) -> None:
    number, unit = amounts.size(octets).split("\u00a0")
    scale = {"B": 1, "kB": 1000, "MB": 1_000_000}[unit]
    step = scale if unit != "MB" else 100_000
    assert abs(Decimal(number) * scale - octets) <= step / 2


def test_counts() -> None:
    assert amounts.count(12_600) == "12,600"
    assert amounts.count(None) == "Not known"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "14 Nov 2026, 20:07:14 UTC"),
        ("Europe/Berlin", "14 Nov 2026, 21:07:14 CET (UTC+1)"),
        ("Asia/Kolkata", "15 Nov 2026, 01:37:14 IST (UTC+5:30)"),
        ("America/Sao_Paulo", "14 Nov 2026, 17:07:14 UTC−3"),
        ("No/Where", "14 Nov 2026, 20:07:14 UTC"),
    ],
)
def test_times_name_their_zone(app: Flask, zone: str, text: str) -> None:
    with app.test_request_context():
        g.page_zone = zone
        assert moments.full(AT) == text


def test_the_hour_that_comes_twice(app: Flask) -> None:
    """On the day the clocks go back 02:30 is told apart by its offset."""
    with app.test_request_context():
        g.page_zone = "Europe/Berlin"
        first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        assert moments.full(first) == "25 Oct 2026, 02:30:00 CEST (UTC+2)"
        assert moments.full(first + timedelta(hours=1)) == "25 Oct 2026, 02:30:00 CET (UTC+1)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8, "8 s ago"), (92, "92 s ago"), (600, "10 min ago"), (3 * 3600, "3 h ago"), (19 * 86400, "19 days ago"),
     (-3 * 86400, "in 3 days"), (0, "now")],
)  # fmt: skip
def test_ages(monkeypatch: pytest.MonkeyPatch, seconds: int, text: str) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT)
    assert moments.ago(AT - timedelta(seconds=seconds)).replace("\u00a0", " ") == text


def test_business_and_wall_are_two_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(days=30))
    monkeypatch.setattr(clock, "wall", lambda: AT + timedelta(seconds=5))
    assert moments.ago(AT) == "30\u00a0days ago"
    assert moments.ago(AT, wall=True) == "5\u00a0s ago"


def test_a_time_carries_the_instant(app: Flask) -> None:
    with app.test_request_context():
        tag = str(moments.tag(AT))
        assert 'datetime="2026-11-14T20:07:14Z"' in tag
        assert 'title="14 Nov 2026, 20:07:14 UTC"' in tag
        assert str(moments.tag(None)) == "Never"
        assert "14 Nov 2026" in str(moments.tag(AT, "day"))
        assert moments.pay_day(AT) == "Sat 14 Nov 2026"


def test_what_the_app_bears_is_the_creator_s_to_keep() -> None:
    """All was paid, then half came back: who reads of half alone would look for the other half on their account."""
    mira = {"id": "crt_1", "handle": "mira", "name": "Mira"}
    line = {"decision": {"creator": mira}, "reversed": 300}
    borne = {
        "kind": "absorption", "creator": mira,
        "sides": [{"account": "loss_absorbed", "amount": 300}, {"account": "creator_cleared", "amount": -300}],
    }  # fmt: skip
    trace = {
        "answer": {"reason": "", "lines": 1, "creators": [{"creator": mira, "lines": 1, "due": 300}]},
        "order": {"currency": "EUR"}, "lines": [line], "entries": [borne],
    }  # fmt: skip
    kept = "The app bears €3.00: it came back after the payout, and"
    assert explain.sentence(trace, "creator").endswith(f"was taken back with refunds. {kept} you keep it.")
    assert explain.sentence(trace, "merchant").endswith(f"{kept} the creator keeps it.")
    # Without the app's own account, as a creator's trace has it; and where the whole order is stopped.
    cancelled = {**trace, "answer": {"reason": "order_cancelled", "lines": 1, "creators": []}}
    assert explain.sentence(cancelled, "creator").endswith(f"{kept} you keep it.")
    assert "bears" not in explain.sentence({**trace, "entries": []}, "creator")


@pytest.mark.parametrize(
    ("found", "test"),
    [
        ({"why": "country_off"}, "the programme was off in that country"),
        ({"why": "status_suspended"}, "the account was suspended"),
        (
            {"why": "followers_below_minimum", "followers": 900, "followers_needed": 1000},
            "900 followers at the tap, 1,000 needed",
        ),
        ({"why": "followers_below_minimum"}, "too few followers at the tap"),
    ],
)
def test_who_could_not_earn_is_told_which_test_and_its_values(app: Flask, found: dict[str, Any], test: str) -> None:
    """D16, in each reader's words; without the test the plain ones."""
    tap = {"outcome": "creator_ineligible", "at": AT.isoformat(), "creator": {"name": "Mira"}, "touch_id": "tch_1"}
    order, line = {"placed_at": AT.isoformat()}, {"decision": None}
    with app.test_request_context():
        said = {who: explain.candidate_reason({**tap, **found}, line, order, who) for who in ("creator", "merchant")}
        support = explain.candidate_reason({**tap, **found}, line, order)
    assert said == {
        "creator": f"Your account could not earn on 14 Nov 2026: {test}",
        "merchant": f"Mira could not earn on 14 Nov 2026: {test}",
    }
    assert support.startswith(f"D16: {test};")
