"""What each row comes to, as a table: the same row and the same facts, the same outcome."""

from __future__ import annotations

import pytest

from connector.operations.imports.judge import READERS, Facts, Judged, Tag, judge
from connector.operations.imports.rows import Row
from connector.operations.imports.take import cells
from connector.web import words

PEOPLE = {"mira": "crt_1", "tal": "crt_2"}


def said(kind: str, facts: Facts, problem: str = "", /, **given: str) -> Judged:
    return judge(kind, Row(2, dict(given), problem), facts)


def outcome(judged: Judged) -> tuple[str, str, str]:
    return judged.outcome, judged.reason, judged.field


CODES = Facts(creators=PEOPLE, codes={"mira10": ("mira", True), "tal5": ("tal", True), "old": ("mira", False)})


@pytest.mark.parametrize(
    ("code", "creator", "comes_to"),
    [
        ("NEW", "@Mira", ("new", "", "")),
        ("ＭＩＲＡ10", "mira", ("same", "", "")),
        ("MIRA10", "tal", ("conflict", "code_of_another", "creator")),
        ("OLD", "mira", ("new", "", "")),  # ended, and its last owner's again
        ("old", "tal", ("conflict", "code_of_another", "creator")),
        ("NEW", "nobody", ("refused", "creator_not_found", "creator")),
        ("", "mira", ("refused", "cell_empty", "code")),
        ("NEW", "", ("refused", "cell_empty", "creator")),
        ("A,B", "mira", ("refused", "code_unreadable", "code")),
        ("X" * 65, "mira", ("refused", "code_unreadable", "code")),
        ("NEW", "mi ra", ("refused", "handle_unreadable", "creator")),
    ],
)
def test_codes(code: str, creator: str, comes_to: tuple[str, str, str]) -> None:
    assert outcome(said("codes", CODES, code=code, creator=creator)) == comes_to


LINKS = Facts(
    creators=PEOPLE, products=frozenset({"p1", "p2"}), variants={"v1": "p1"}, own_codes=frozenset({"abcdefghjk"}),
    tags={"mira-bio": Tag("mira", "p1", "", ""), "tal-bio": Tag("tal", "p2", "", "clips/9")},
    contents={"mira clips/1": "live"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "comes_to"),
    [
        ({"tag": "new-one"}, ("new", "", "")),
        ({"tag": "https://old.example/r/Mira-Bio/?utm=x."}, ("same", "", "")),
        ({"tag": "mira-bio", "product": "p2"}, ("conflict", "tag_of_another", "product")),
        ({"tag": "mira-bio", "variant": "v1"}, ("conflict", "tag_of_another", "variant")),
        ({"tag": "tal-bio", "product": "p2"}, ("conflict", "tag_of_another", "creator")),
        ({"tag": "abcdefghjk"}, ("conflict", "tag_is_a_code", "tag")),
        ({"tag": "x", "product": "p9"}, ("refused", "product_not_found", "product")),
        ({"tag": "x", "product": "p2", "variant": "v1"}, ("refused", "variant_not_found", "variant")),
        ({"tag": "x", "content": "1"}, ("refused", "content_incomplete", "network")),
        ({"tag": "x", "network": "clips"}, ("refused", "content_incomplete", "content")),
        ({"tag": "x", "kind": "video"}, ("refused", "content_incomplete", "kind")),
        ({"tag": "x", "network": "Clips", "content": "1", "kind": "Live"}, ("new", "", "")),
        ({"tag": "x", "network": "clips", "content": "1"}, ("conflict", "content_is_another", "kind")),
        ({"tag": "a b"}, ("refused", "tag_unreadable", "tag")),
        ({"tag": "https://old.example/?"}, ("refused", "tag_unreadable", "tag")),
        ({"tag": "/"}, ("refused", "tag_unreadable", "tag")),
    ],
)
def test_links(given: dict[str, str], comes_to: tuple[str, str, str]) -> None:
    assert outcome(said("links", LINKS, **{"creator": "mira", "product": "p1", **given})) == comes_to


def _taken(**given: str) -> dict[str, tuple[str, str]]:
    read = READERS["balances"]({"ref": "", **given})
    return {read.key: (read.meaning, "row 2 of old.csv")}


@pytest.mark.parametrize(
    ("given", "comes_to", "amount"),
    [
        ({"amount": "90"}, ("new", "", ""), 9000),
        ({"amount": "-12.50", "currency": "usd"}, ("new", "", ""), -1250),
        ({"amount": "3980.0", "currency": "JPY"}, ("new", "", ""), 3980),
        ({"amount": "1.250", "currency": "KWD"}, ("new", "", ""), 1250),
        ({"amount": "1.005"}, ("refused", "amount_unreadable", "amount"), None),
        ({"amount": "1,20"}, ("refused", "amount_unreadable", "amount"), None),
        ({"amount": "1e3"}, ("refused", "amount_unreadable", "amount"), None),
        ({"amount": "9" * 20}, ("refused", "amount_unreadable", "amount"), None),
        ({"amount": "0.00"}, ("refused", "amount_zero", "amount"), None),
        ({"amount": "90", "currency": "EURO"}, ("refused", "currency_not_iso", "currency"), None),
        ({"amount": "90", "currency": "XAU"}, ("refused", "currency_not_iso", "currency"), None),
        ({"amount": "90", "creator": "nobody"}, ("refused", "creator_not_found", "creator"), 9000),
        ({"amount": "41.10", "creator": "@MIRA"}, ("same", "", ""), 4110),
        ({"amount": "41.11"}, ("conflict", "balance_differs", "amount"), 4111),
        ({"amount": "41.11", "ref": "inv-7"}, ("new", "", ""), 4111),  # a row of its own beside the other
    ],
)
def test_balances(given: dict[str, str], comes_to: tuple[str, str, str], amount: int | None) -> None:
    facts = Facts(creators=PEOPLE, balances=_taken(creator="mira", currency="EUR", amount="41.10")
                  if given["amount"].startswith("41") else {})  # fmt: skip
    judged = said("balances", facts, **{"creator": "mira", "currency": "EUR", **given})
    assert outcome(judged) == comes_to
    assert judged.said.get("amount") == amount
    if comes_to[0] in ("conflict", "refused"):
        assert not judged.detail[:1].islower()
        assert judged.detail.endswith(".")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("codes", {"code": "Mira10", "creator": "@Mira"}),
        ("links", {"tag": "https://x.example/Old?y", "creator": "mira", "product": "p1", "variant": "", "title": "T",
                   "network": "clips", "content": "9", "kind": "live"}),
        ("balances", {"creator": "mira", "currency": "kwd", "amount": "-1.2500", "ref": "r"}),
    ],
)  # fmt: skip
def test_a_kept_row_is_judged_as_it_was(kind: str, given: dict[str, str]) -> None:
    """What is kept of a row says all that its cells said: judged again, it has the same key and meaning."""
    first = READERS[kind](given)
    again = READERS[kind](cells(kind, dict(first.said)))
    assert (again.key, again.meaning, again.said) == (first.key, first.meaning, first.said)


def test_a_row_that_can_not_be_told_apart() -> None:
    judged = said("codes", CODES, "has 3 cells, the header has 2")
    assert (judged.outcome, judged.reason) == ("refused", "cells_unclear")


def test_every_reason_has_words_and_a_remedy() -> None:
    import inspect
    import re

    from connector.operations.imports import judge as module
    from connector.operations.imports import run

    found = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', inspect.getsource(module))) & set(words.REASONS)
    for code in (*run._WITHIN, *found, "cells_unclear", "creator_not_found", "balance_differs"):
        assert words.reason(code, "support") != code.replace("_", " ").capitalize(), code
