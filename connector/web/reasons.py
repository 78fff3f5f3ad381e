"""What each reason code means, in full: for its page at `/reasons/<code>`, which every shown code leads to.

`words` says a reason in one line to three readers; `data/reasons.toml` explains it to whoever asks further: what
happened, who can mend it, what they do, and an example with numbers where numbers make it plain. The figures of the
examples are those of the product: `tests/web/test_reasons.py` works them out again.

The page is public and about the rule, never about a case: it names nobody, and no order.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from connector.commerce.catalog import refusals, shoppable
from connector.insight.feeds import findings
from connector.web import words

Who = Literal["merchant", "creator", "support", "runner", "itself", "rule"]

WHO: dict[Who, str] = {
    "merchant": "The merchant",
    "creator": "The creator",
    "support": "Support",
    "runner": "Whoever runs the app",
    "itself": "Nobody has to: it settles by itself",
    "rule": "Nobody: this is how the rule is meant",
}
# In the order in which the list shows them: the way of an order, then what stands beside it.
GROUPS: dict[str, str] = {
    "credit": "Who is credited",
    "stop": "Why an order or a line pays nothing",
    "rate": "Which rate counts",
    "refund": "Refunds and changes of an order",
    "clearing": "When money clears",
    "payout": "Statements and payouts",
    "books": "Entries in the books",
    "check": "Standing checks",
    "carrier": "How a tap travels to the order",
    "delivery": "Messages from stores",
    "shop": "A shop and its permission",
    "proof": "The daily comparison with the store",
    "import": "Bringing data along",
    "privacy": "Privacy requests",
    "offer": "Offers between a shop and a creator",
    "sample": "Samples",
    "taking_part": "Who may take part",
    "product": "Why a product is not in the list",
    "feed": "Product feeds",
    "other": "Everything else",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason in full. `todo` is what `who` does; "" where there is nothing to do."""

    group: str
    who: Who
    means: str
    todo: str = ""
    example: str = ""


def explain(code: str) -> Explained:
    """The explanation of a code. One that has none of its own yet is explained by what its three readers are told."""
    found = EXPLAINED.get(code)
    if found is not None:
        return found
    wording = words.REASONS.get(code)
    if wording is None:
        return _of_catalog(code)
    who: Who = "merchant" if wording.remedy else "support" if code in words.STAFF_DO else "rule"
    return Explained("other", who, f"{wording.support}.", wording.remedy or words.staff_do(code))


def _of_catalog(code: str) -> Explained:
    """The catalog and the feeds keep title and remedy beside the rule that gives the code."""
    if code in findings.WORDS and code not in shoppable.REASONS and code not in refusals.CAUSES:
        told = findings.WORDS[code]
        return Explained("feed", "merchant", f"{told.title.rstrip('.')}.", told.remedy)
    known = shoppable.REASONS.get(code) or refusals.CAUSES[code]
    return Explained("product", "merchant", known.title, known.remedy)


def known(code: str) -> bool:
    return code in words.REASONS or code in shoppable.REASONS or code in findings.WORDS or code in refusals.CAUSES


def every_code() -> list[str]:
    """All codes that have a page, in no order."""
    return list(dict.fromkeys([*words.REASONS, *shoppable.REASONS, *refusals.CAUSES, *findings.WORDS]))


def grouped() -> dict[str, list[str]]:
    """Group → codes, groups in the order of `GROUPS`, codes by name."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for code in sorted(every_code()):
        found[explain(code).group].append(code)
    return {group: codes for group, codes in found.items() if codes}


def _read() -> dict[str, Explained]:
    text = (files("connector.web") / "data" / "reasons.toml").read_text(encoding="utf-8")
    return {code: Explained(**said) for code, said in tomllib.loads(text).items()}


EXPLAINED = _read()
