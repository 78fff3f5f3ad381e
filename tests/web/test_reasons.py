"""Each reason code has a page that explains it, and the figures of the examples are the product's own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from flask import Flask

from connector import money
from connector.earnings.attribution import rules
from connector.earnings.settlement import reserves
from connector.web import reasons, words
from connector.web.amounts import plain
from tests.web.conftest import settings as web_settings


@pytest.fixture(scope="module")
def app() -> Flask:
    from connector.app import create_app

    return create_app(web_settings())


def test_every_code_has_a_page(app: Flask) -> None:
    client = app.test_client()
    for code in reasons.every_code():
        answer = client.get(f"/reasons/{code}")
        assert answer.status_code == 200, code
        html = answer.text
        assert f'<code class="id">{code}</code>' in html, code
        assert html.count("<h1") == 1, code
        assert ">None<" not in html, code
        assert re.search(r"\sstyle\s*=|\son[a-z]+\s*=", html) is None, code
        assert "Set-Cookie" not in answer.headers, code


def test_the_list_leads_to_all_of_them(app: Flask) -> None:
    html = app.test_client().get("/reasons").text
    assert [code for code in reasons.every_code() if f'href="/reasons/{code}"' not in html] == []


def test_a_code_that_is_none(app: Flask) -> None:
    answer = app.test_client().get("/reasons/something_new")
    assert answer.status_code == 404
    assert "There is no such reason" in answer.text


# COMMISSION.md section 2, as printed, and what payouts say.
PRINTED = """
    bad_signature unknown_store store_disconnected duplicate_delivery stale_version parked_orphan test_order
    not_completed sample_order order_cancelled awaiting_payment not_collected line_excluded zero_base manual code
    last_click_direct cart_carry last_click_indirect lifetime no_touch window_expired touch_invalid code_leaked
    creator_ineligible self_purchase frozen_review rate_targeted rate_open rate_store no_plan rate_ads
    outranked_by_code outranked_by_later_click token_shared decision_changed too_late refund_pending
    refund_exceeds_base refund_amount_unknown no_delivery_signal unfunded below_minimum negative_balance
"""


def test_what_moves_money_is_explained_in_full() -> None:
    """An explanation of its own each, and every explanation is of a true code."""
    assert [code for code in PRINTED.split() if code not in reasons.EXPLAINED] == []
    assert [code for code in reasons.EXPLAINED if not reasons.known(code)] == []


def test_every_code_of_the_rooms_is_explained() -> None:
    """A new code gets an entry in `web/data/reasons.toml`; until then its page shows its three wordings."""
    assert [code for code in words.REASONS if code not in reasons.EXPLAINED] == []


def test_who_acts_is_told_what_to_do() -> None:
    for code, told in reasons.EXPLAINED.items():
        assert told.group in reasons.GROUPS, code
        if told.who in ("merchant", "support", "runner"):
            assert told.todo, code
        for text in (told.means, told.todo, told.example):
            assert not text or text.endswith("."), (code, text)
            assert "oops" not in text.lower(), code
            assert "please" not in text.lower(), code


# The figures, worked out again ------------------------------------------------------------------------------------


def commission(base: int, bp: int) -> int:
    return money.round_half_up(Fraction(base * bp, 10_000))


def reversed_after(earned: int, base: int, *refunds: int) -> list[int]:
    """R6, the entries of refunds of an earning one after the other."""
    entries, before, back = [], 0, 0
    for refund in refunds:
        back += refund
        now = money.round_half_up(Fraction(earned * back, base))
        entries.append(now - before)
        before = now
    return entries


def says(code: str, *figures: str) -> None:
    text = reasons.EXPLAINED[code].example
    for figure in figures:
        assert figure in text, (code, figure)


def eur(amount: int) -> str:
    return plain(amount, "EUR")


def test_the_figures_of_the_examples() -> None:
    says("last_click_direct", plain(commission(4000, 1500), "USD"))  # E1
    says("manual", eur(commission(4000, 1500)))
    says("code", eur(3600), eur(commission(3600, 1500)))  # E19
    says("last_click_indirect", "7.50 %", eur(commission(4000, 1500 * 5000 // 10_000)))
    says("outranked_by_later_click", eur(commission(1667, 2000)))  # E18
    says("code_leaked", eur(commission(3600, 1000)))
    says("line_excluded", eur(commission(5000, 1000)))  # E12
    says("rate_targeted", eur(commission(4000, 800)))  # E20
    says("rate_open", eur(commission(4000, 1500)), eur(commission(4000, 1200)))  # E17
    whole = commission(3 * 1999, 1200)  # E2, E6
    assert reversed_after(whole, 5997, 1999, 1999, 1999) == [240, 240, 240]
    says("refunded", eur(whole), eur(240))
    assert money.split(400, [3000, 1000]) == [300, 100]  # E7
    says("refund_amount_unknown", eur(commission(3000, 1000) - reversed_after(300, 3000, 300)[0]))
    b, c = commission(1500, 1000), commission(1000, 1200)
    says("removed_by_edit", eur(commission(2000, 1000) + b), eur(commission(2000, 1000) + c))  # E14
    assert reversed_after(100, 999, 333, 333, 333) == [33, 34, 33]  # E6b
    says("recomputed", "−33, −34 and −33")
    says("app_fee", eur(commission(3000 + 1000, 200)))
    says("kept_in_reserve", eur(reserves.share_of(20_000, 1000)))
    says("below_minimum", eur(2450), eur(2500 - 2450))  # E28
    says("negative_balance", eur(450 - 600))  # E25


def test_the_edge_of_the_window_is_as_the_example_says() -> None:
    tapped = datetime(2026, 11, 1, 12, tzinfo=UTC)
    says("window_expired", "15 November at 12:00:00", "12:00:01")
    touch = rules.Candidate("tch_1", "crt_1", None, "A", "video", tapped, tapped, timedelta(days=14))
    line = rules.LineAsked("1", "A")
    for late, outcome in ((0, ""), (1, "window_expired")):
        placed = datetime(2026, 11, 15, 12, 0, late, tzinfo=UTC)
        assert rules.failed(rules.OrderAsked(placed_at=placed, grace=timedelta(hours=24)), line, touch) == outcome


def test_a_code_without_an_explanation_of_its_own_is_told_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(words.REASONS, "brand_new", words.Wording("M", "C", "Support words", remedy="Do this."))
    told = reasons.explain("brand_new")
    assert (told.who, told.means, told.todo) == ("merchant", "Support words.", "Do this.")
