"""Invoices and statements as sheets, PDF and CSV: they add up, and are the same bytes for the same facts."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from connector import money
from connector.commerce.shops.tables import Shop
from connector.earnings.settlement.funding import Standing
from connector.earnings.settlement.queries import StatementHead
from connector.earnings.settlement.tables import Invoice
from connector.operations.documents import pdf, sheet, table
from connector.operations.documents.facts import InvoiceLineTold, InvoiceTold, StatementLineTold, StatementTold
from connector.operations.documents.tax import FeeTax, in_fees
from connector.programme.creators.tables import Creator
from tests.settlement.books import utc

CLOSED = utc("2026-12-02T09:30")
SHOP = Shop(
    id="shp_1", domain="harbour.myshopify.com", name="Harbour & Pine", time_zone="Europe/Berlin", currency="EUR"
)


def invoice(**more: Any) -> InvoiceTold:
    lines = [
        InvoiceLineTold("order", "ord_1", "#1001", date(2026, 11, 3), 74_700, 0, 3_735),
        InvoiceLineTold("order", "ord_2", "=HYPERLINK(1)", date(2026, 11, 4), -9_250, 0, -462),
        InvoiceLineTold("bonus", "", "Bonus", None, 5_000, 0, 0),
    ]
    row = Invoice(
        id="inv_1", number=12, shop_id="shp_1", currency="EUR", closing_id="cls_1", period="2026-11", issued_at=CLOSED,
        issued_on=date(2026, 12, 2), due_on=date(2026, 12, 16), orders=2, earned=74_700, reversed=-9_250, bonus=5_000,
        opening=0, absorbed=0, fee=3_273, total=73_723,
    )  # fmt: skip
    told = InvoiceTold(
        row, Standing(row, 0, "due"), SHOP, utc("2026-10-31T23:00"), utc("2026-11-30T23:00"), lines
    )  # fmt: skip
    return replace(told, **more)


def statement(**more: Any) -> StatementTold:
    head = StatementHead(
        "stm_1", "shp_1", "crt_1", "EUR", "2026-11", utc("2026-10-31T23:00"), utc("2026-11-30T23:00"), CLOSED, 65_450,
        1_200, -9_250, 300, 6_545, 90, "cls_1",
    )  # fmt: skip
    creator = Creator(
        id="crt_1", handle="mira", name="Míra Ωmega Жанна 李小龙 さくら 김", followers=1, created_at=CLOSED
    )
    lines = [
        StatementLineTold(
            "ord_1", "#1001", "Linen throw, naturelle œuvre", "Autumn corner", "commission", False, 60_000
        ),
        StatementLineTold("ord_3", "#1003", "@SUM(A1)", "Live: 秋の市", "commission", False, 14_700),
        StatementLineTold("ord_2", "#1002", "Table runner", "", "commission", True, -9_250),
    ]
    return replace(StatementTold(head, SHOP, creator, lines, None, 5_000), **more)


def text_of(body: bytes) -> str:
    # pypdf sets a NUL before each sign of the font that holds CFF outlines.
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages).replace("\x00", "")


def test_an_invoice_says_what_it_asks_for_and_how_to_pay() -> None:
    body = pdf.render(
        sheet.of_invoice(invoice(), "Example GmbH\nBerlin", "Example GmbH, IBAN DE89 3704 0044 0532 0130 00")
    )
    text = text_of(body).replace("\u00a0", " ")
    for words in (
        "Invoice INV-000012", "Harbour & Pine", "Example GmbH", "1 Nov 2026 to 30 Nov 2026", "16 Dec 2026",
        "Commission of 2 orders", "EUR 747.00", "Reversed, of earlier invoices", "−92.50", "App fee", "EUR 32.73",
        "Bonuses", "EUR 737.23", "#1001", "3 Nov 2026", "Give INV-000012 as the reference",
    ):  # fmt: skip
        assert words in text, words


def test_the_same_facts_are_the_same_bytes() -> None:
    first = pdf.render(sheet.of_invoice(invoice(), "Example", ""))
    assert pdf.render(sheet.of_invoice(invoice(), "Example", "")) == first
    other = pdf.render(sheet.of_statement(statement(), "Example"))
    assert pdf.render(sheet.of_statement(statement(), "Example")) == other
    assert first != other


def test_a_statement_has_orders_videos_and_the_way_to_the_balance() -> None:
    text = text_of(pdf.render(sheet.of_statement(statement(), "Example"))).replace("\u00a0", " ")
    for words in (
        "Statement 2026-11", "Míra Ωmega Жанна 李小龙 さくら 김", "Harbour & Pine", "Carried over from before",
        "EUR 12.00", "Opening balance", "EUR 3.00", "Earned in this period", "EUR 747.00",
        "Corrections of earlier statements",
        "Kept in reserve", "Let go from reserve", "EUR 0.90", "EUR 604.95", "Autumn corner", "Live: 秋の市",
        "Without a video", "Linen throw, naturelle œuvre", "(correction)",
        "EUR 50.00 of it waits until the shop has paid its invoice",
    ):  # fmt: skip
        assert words in text, words
    assert statement().head.payable == 60_495


def test_without_the_fonts_letters_are_written_plain_and_the_document_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_installed", lambda: ())
    text = text_of(pdf.render(sheet.of_statement(statement(), "Example")))
    assert "Míra ?mega ????? ??? ??? " in text
    assert "-92.50" in text
    assert "Some signs can't be printed here" in text


def test_a_long_invoice_lists_its_first_thousand_orders_on_numbered_pages() -> None:
    one = invoice().lines[0]
    many = [replace(one, order=f"#{number}") for number in range(1, 1_202)]
    body = pdf.render(sheet.of_invoice(invoice(lines=many), "Example", ""))
    pages = PdfReader(io.BytesIO(body)).pages
    assert len(pages) > 15
    assert "201 more lines are in the CSV file" in pages[-1].extract_text()
    assert f"2 / {len(pages)}" in pages[1].extract_text()
    assert "Commission" in pages[3].extract_text()  # the names of the columns stand on each page
    assert len(list(csv.reader(io.StringIO(table.of_invoice(invoice(lines=many)))))) == 1_202


def test_csv_rows_sum_to_the_document_and_run_nothing() -> None:
    rows = list(csv.DictReader(io.StringIO(table.of_invoice(invoice()))))
    assert [row["total"] for row in rows] == ["784.35", "-97.12", "50.00"]
    assert sum(Decimal(row["total"]) * 100 for row in rows) == invoice().invoice.total
    assert rows[1]["order"] == "'=HYPERLINK(1)"
    assert rows[1]["commission"] == "-92.50"  # an amount stays a number
    rows = list(csv.DictReader(io.StringIO(table.of_statement(statement()))))
    assert sum(Decimal(row["amount"]) * 100 for row in rows) == statement().head.payable
    assert [row["kind"] for row in rows] == [
        "commission", "commission", "correction", "carried", "opening", "reserve", "reserve_release",
    ]  # fmt: skip
    assert rows[1]["product"] == "'@SUM(A1)"


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "JPY 73,723"), ("KWD", "KWD 73.723")])
def test_decimals_are_those_of_the_currency(currency: str, shown: str) -> None:
    told = invoice()
    told.invoice.currency = currency
    assert shown in dict(sheet.of_invoice(told, "x", "").sums)["Total"].replace("\u00a0", " ")


def test_a_span_is_named_by_its_own_days() -> None:
    start: datetime = utc("2026-11-30T23:00")
    assert sheet.span(start, start + timedelta(days=7), sheet.moments.zone_named("Europe/Berlin")) == (
        "1 Dec 2026 to 7 Dec 2026"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2026-11", "November 2026"), ("2026-11-H1", "the first half of November 2026"),
        ("2026-11-H2", "the second half of November 2026"), ("2026-W06", "week 6 of 2026"),
        ("2026-12-21_2026-12-31", "21 Dec 2026 to 31 Dec 2026"),
    ],
)  # fmt: skip
def test_a_period_is_named_as_people_say_it(name: str, said: str) -> None:
    assert sheet.period_words(name) == said


@given(st.lists(st.integers(-(10**9), 10**9), max_size=30), st.integers(0, 5000))
def test_the_tax_in_fees_is_within_a_unit_on_every_line_and_the_same_in_every_order(fees: list[int], rate: int) -> None:
    taxes = in_fees(fees, rate)
    for fee, tax in zip(fees, taxes, strict=True):
        assert abs(Fraction(fee * rate, 10_000 + rate) - tax) < 2
        assert tax == 0 or (tax > 0) == (fee > 0)
    assert sum(in_fees(sorted(fees), rate)) == sum(taxes)
    asked = sum(fee for fee in fees if fee > 0)
    assert sum(tax for tax in taxes if tax > 0) == money.round_half_up(Fraction(asked * rate, 10_000 + rate))


def test_an_invoice_says_what_of_its_fee_is_tax_and_that_commission_is_passed_on() -> None:
    plain = sheet.of_invoice(invoice(), "Example", "")
    assert "No tax is worked out on the app fee." in plain.notes[-1]
    taxed = sheet.of_invoice(invoice(tax=FeeTax("included", 1900, "DE 123")), "Example", "")
    sums = {word.replace("\xa0", " "): amount.replace("\xa0", " ") for word, amount in taxed.sums}
    # 37.35 × 19/119 = 5.963…, 4.62 × 19/119 = 0.737…: 5.96 - 0.74
    assert (sums["App fee, net"], sums["Tax on it, 19 %"]) == ("EUR 27.51", "EUR 5.22")
    assert sums["Total"] == dict(plain.sums)["Total"].replace("\xa0", " ")
    assert "passed on" in taxed.notes[-1]
    assert "DE 123" in taxed.notes[-1]
    reverse = sheet.of_invoice(invoice(tax=FeeTax("reverse_charge", 1900, "DE 123", "Reverse charge, §13b")), "E", "")
    assert "Reverse charge, §13b Our tax number: DE 123." in reverse.notes[-1]
    assert "Tax on it" not in str(reverse.sums)
    rows = list(csv.DictReader(io.StringIO(table.of_invoice(invoice(tax=FeeTax("included", 1900))))))
    assert [row["tax in fee"] for row in rows] == ["5.96", "-0.74", "0.00"]
