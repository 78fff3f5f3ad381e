"""The exports: whatever was booked, each file adds up, reads back to the same balances, and is taken by the other
program's own checker. A file that lost a line or a cent isn't."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.operations.exports import files, names
from connector.operations.exports.files import Row
from tests.ledger import exported as e

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(__file__).parents[2] / "docs" / "ledger-export.schema.json"
HARBOUR, MIRA = "shp_01jabc3f9k2a", "crt_01jmira7kq2a"


def small() -> list[Row]:
    """Three currencies, one refund, one entry that isn't sealed yet; the first at 09:07 of the next day in Auckland."""
    return e.chained([
        e.entry(1, "EUR", HARBOUR, ("merchant_receivable", 600, None), ("creator_pending", -600, MIRA)),
        e.entry(
            2, "EUR", HARBOUR, ("merchant_receivable", -240, None), ("creator_pending", 240, MIRA), kind="reversal",
            reason="refunded", reverses="ent_0001",
        ),
        e.entry(3, "JPY", HARBOUR, ("merchant_receivable", 637, None), ("creator_pending", -637, MIRA)),
        e.entry(
            4, "KWD", HARBOUR, ("merchant_receivable", 1234, None), ("app_fee", -1234, None), kind="fee",
            subject="fee:ord_4", line_ref=None,
        ),
    ])  # fmt: skip


@pytest.mark.parametrize("kind", files.KINDS)
def test_the_small_files_are_what_was_looked_at(kind: files.Kind) -> None:
    text, _ = e.exported(kind, small())
    golden = GOLDEN / f"small.{files.ENDINGS[kind]}"
    assert text == golden.read_bytes().decode(), f"if it should be so, write it to {golden}"


@given(e.journals())
@settings(max_examples=25, deadline=None)
def test_every_file_reads_back_to_the_same_balances(rows: list[Row]) -> None:
    wanted = e.balances(rows)
    by_currency = Counter[tuple[str, str]]()
    for (shop, currency, _, _), amount in wanted.items():
        by_currency[shop, currency] += amount
    assert set(by_currency.values()) <= {0}

    assert e.of_csv(e.exported("csv", rows)[0]) == wanted
    assert e.of_jsonl(e.exported("jsonl", rows)[0]) == wanted
    text, about = e.exported("beancount", rows)
    found, errors = e.of_beancount(text)
    assert errors == []
    assert Counter({key: amount for key, amount in found.items() if amount}) == e.by_name(wanted, about)


@given(e.journals())
@settings(max_examples=25, deadline=None)
def test_json_lines_follow_their_schema_and_prove_their_chains(rows: list[Row]) -> None:
    """With the recipe of docs/ledger.md: JSON and SHA-256, nothing of ours."""
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    lines = [json.loads(line) for line in e.exported("jsonl", rows)[0].splitlines()]
    for line in lines:
        validator.validate(line)
    assert [next(iter(line)) for line in (lines[0], lines[-1])] == ["ledger", "end"]
    last: dict[str, str] = {}
    for line in (one for one in lines if "entry" in one and one["seal"]):
        shop = line["entry"]["shop_id"]
        before = last.get(shop) or hashlib.sha256(f"connector ledger 1 {shop}".encode()).hexdigest()
        said = json.dumps(line["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        last[shop] = hashlib.sha256(f"{before}\n{said}".encode()).hexdigest()
        assert line["seal"]["hash"] == last[shop]
    assert {line["head"]["shop_id"]: line["head"]["hash"] for line in lines if "head" in line} == last


def test_a_cent_more_is_noticed_by_beancount_and_a_lost_entry_too() -> None:
    rows = small()
    sums = e.balances(rows)
    sums[HARBOUR, "EUR", "merchant_receivable", ""] += 1
    _, errors = e.of_beancount(e.exported("beancount", rows, sums)[0])
    assert len(errors) == 1
    assert "Balance failed" in errors[0]
    assert "(0.01 too little)" in errors[0]
    _, errors = e.of_beancount(e.exported("beancount", rows[1:], e.balances(rows))[0])
    assert len(errors) == 2
    text = e.exported("beancount", rows)[0].replace("600 EUR", "601 EUR").replace("6.00 EUR", "6.01 EUR", 1)
    assert any("does not balance" in error for error in e.of_beancount(text)[1])


def test_hledger_takes_the_journal_and_notices_a_cent() -> None:
    rows = small()
    text, about = e.exported("hledger", rows)
    done = e.hledger(text, "check", "--strict")
    assert done.returncode == 0, done.stderr
    assert e.of_hledger(text) == e.by_name(e.balances(rows), about)
    sums = e.balances(rows)
    sums[HARBOUR, "JPY", "merchant_receivable", ""] += 1
    refused = e.hledger(e.exported("hledger", rows, sums)[0], "check", "--strict")
    assert refused.returncode != 0
    assert "assertion" in refused.stderr


@given(e.journals())
@settings(max_examples=5, deadline=None)
def test_hledger_takes_any_journal(rows: list[Row]) -> None:
    text, about = e.exported("hledger", rows)
    done = e.hledger(text, "check", "--strict")
    assert done.returncode == 0, done.stderr
    assert e.of_hledger(text) == e.by_name(e.balances(rows), about)


@given(st.lists(st.tuples(st.text(max_size=60), st.from_regex(r"crt_[0-9a-z]{1,26}", fullmatch=True)), max_size=20))
def test_account_names_are_safe_and_never_shared(called: list[tuple[str, str]]) -> None:
    made = names.Names()
    made.creators.update((identifier, text) for text, identifier in called)
    accounts = {creator: made.account("shp_1", "creator_pending", creator) for creator in made.creators}
    assert len(set(accounts.values())) == len(accounts)
    for account in accounts.values():
        assert re.fullmatch(r"Liabilities(:[A-Z0-9][A-Za-z0-9-]*){3}", account), account


def test_a_name_can_begin_no_formula_and_leave_no_line() -> None:
    rows = e.chained([
        e.entry(
            1, "EUR", "shp_01jabd77xx0q", ("merchant_receivable", 1, None),
            ("creator_pending", -1, "crt_01jform0000y"), subject="=1+1",
        )
    ])  # fmt: skip
    text, _ = e.exported("csv", rows)
    assert ",'=1+1," in text
    assert '"\'=cmd|""x""; \\ drop"' in text
    journal, _ = e.exported("hledger", rows)
    assert all(
        line.startswith((" ", ";", "20", "commodity", "account", "decimal")) for line in journal.split("\n") if line
    )


def test_what_people_read_names_nobody_in_an_openings_reference() -> None:
    """Openings of the first version have the creator's handle in their reference; a hashed one is left as it is."""
    sides = ("merchant_receivable", 900, None), ("creator_settled", -900, "crt_01jmira7kq2a")
    shop, digest = "shp_01jabc3f9k2a", "0123456789abcdef" * 2
    opened = [
        e.entry(number, "EUR", shop, *sides, kind="opening", reference=f"opening:{shop}:{what}", order_id=None,
                line_ref=None)
        for number, what in enumerate(("secret_handle:EUR", digest))
    ]  # fmt: skip
    for kind in files.KINDS:
        text, _ = e.exported(kind, e.chained(opened, unsealed=0))
        assert digest in text
        assert ("secret_handle" in text) == (kind == "jsonl"), "its chain is proved over the very words"
