"""Every reason code that the code base can write has words for all three readers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter

import connector
from connector.commerce.catalog import refusals, shoppable
from connector.commerce.shops import settings
from connector.insight.feeds import findings
from connector.programme.collaborations.calendar import Span
from connector.programme.collaborations.offer import Rate
from connector.web import rate_words, words
from connector.web import shop_settings as shown_settings

ROOT = Path(connector.__file__).parent
# These rooms word codes, they don't make them.
OUTSIDE = ("web/", "faces/", "migrations/", "access/", "operations/", "cli/", "app.py", "telemetry.py", "config.py")
# Names under which codes travel, and calls that take one.
NAMES = {
    "reason", "why", "blocked", "credit_reason", "rate_reason", "status_reason", "outcome", "flags", "invalid",
    "threshold_missed", "lost", "by",
}  # fmt: skip
CALLS = {"Outcome", "RefusedItem", "leave", "_nobody", "reject", "_again", "needs_reconnect", "BadToken", "Problem",
         "Maturity", "_merchant_must_return", "_decision", "Claim", "_by_touch"}  # fmt: skip
SHAPE = re.compile(
    r"^[a-z]+(_[a-z0-9]+)+$|^(parked|refused|unreadable|unrecognised|digital|delivered|fulfilled|unfunded)$"
)
# Found by the walk and no reason: names of columns and parameters, words of other vocabularies.
NOT_A_REASON = {
    "b_blocked", "b_reason", "b_why", "from_rates", "look_ahead", "minimum_payout", "needs_reconnect", "not_shoppable",
    "same_version", "parked", "stale_version", "in_stock", "out_of_stock", "days_1_30", "days_31_60", "days_over_60",
    "partly_paid", "payout_when", "in_force", "leak_backdated", "review_refused",
    "country_off", "conversion_back", "not_yet", "product_gone", "partially_refunded", "sent_back",
}  # fmt: skip


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and SHAPE.match(each.value):
            yield each.value


def _codes(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        found: list[ast.AST] = []
        if isinstance(node, ast.DictComp):
            found = [node.value]
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in ast.walk(target)]
            named = {getattr(part, "attr", getattr(part, "id", getattr(part, "value", ""))) for part in parts}
            named = {name for name in named if isinstance(name, str)}
            found = [node.value] if named & NAMES else []
        elif isinstance(node, ast.keyword) and node.arg in NAMES:
            found = [node.value]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            flagged = name == "add" and "flags" in ast.dump(node.func)
            flagged |= name == "append" and "'stops'" in ast.dump(node.func)
            pairs = [arg for arg in node.args if isinstance(arg, ast.Tuple)] if name == "append" else []
            found = list(node.args) if name in CALLS or flagged else pairs
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Constant | ast.IfExp | ast.Tuple | ast.BoolOp):
            found = [node.value]
        for part in found:
            for code in _texts(part):
                if code.endswith(("_id", "_ref", "_at")):
                    continue  # a column
                yield code, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def _every_code() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if not str(path.relative_to(ROOT)).startswith(OUTSIDE):
            for code, place in _codes(path):
                found.setdefault(code, place)
    return found


def test_every_code_has_words() -> None:
    known = words.REASONS.keys() | shoppable.REASONS.keys() | findings.WORDS.keys() | NOT_A_REASON
    known |= refusals.CAUSES.keys()
    silent = {code: place for code, place in _every_code().items() if code not in known}
    assert silent == {}, "give them words in web/words/, or put them on NOT_A_REASON"


def test_the_walk_finds_what_it_should() -> None:
    """The walk itself can break: these are known to be written by rules, rate, hold, drain and batch."""
    found = _every_code()
    for code in (
        "window_expired", "no_touch", "outranked_by_later_click", "creator_ineligible", "zero_base", "line_excluded",
        "cart_carry", "self_purchase", "frozen_review", "last_click_indirect", "outranked_by_code",
        "order_cancelled", "no_delivery_signal", "parked_orphan", "below_minimum", "refund_exceeds_base",
        "unknown_store", "price_missing",
    ):  # fmt: skip
        assert code in found, code


def test_the_codes_of_the_rules_are_all_there() -> None:
    """COMMISSION.md section 2, as printed, for the rows of this product so far."""
    printed = (
        "bad_signature unknown_store store_disconnected duplicate_delivery stale_version parked_orphan test_order "
        "not_completed sample_order order_cancelled awaiting_payment not_collected line_excluded zero_base "
        "last_click_direct no_touch window_expired touch_invalid creator_ineligible rate_targeted rate_open rate_store "
        "no_plan outranked_by_later_click refund_pending refund_exceeds_base refund_amount_unknown token_shared "
        "decision_changed too_late no_delivery_signal"
    )
    assert [code for code in printed.split() if code not in words.REASONS] == []


def test_three_readers_each_in_their_words() -> None:
    for code, wording in words.REASONS.items():
        for text in (wording.merchant, wording.creator, wording.support):
            assert text, code
            assert not text.endswith("."), (code, "no full stop: a sentence may go on")
            assert text[:1].isupper() or text[:1] == "“", (code, text)
            assert "_" not in text, (code, text)
            assert "oops" not in text.lower()
            assert "please" not in text.lower()


def test_a_creator_reads_of_no_other_creator() -> None:
    for code, wording in words.REASONS.items():
        slots = {name for _, name, _, _ in Formatter().parse(wording.creator_exact) if name}
        assert slots <= {"age", "window", "day", "content", "until", "test"}, code  # `test`: which of D16, of their own


def test_slots_are_used_only_when_all_are_known() -> None:
    assert words.reason("window_expired", "merchant", {"age": "19 days", "window": "14 days"}) == (
        "The tap was 19 days old; your window was 14 days"
    )
    assert words.reason("window_expired", "merchant", {"age": "19 days"}) == "The tap was older than your window"
    assert words.reason("last_click_direct", "creator", {"content": "video"}) == "Your video brought this sale"
    assert words.reason("last_click_direct", "creator") == "Your content brought this sale"


def test_each_code_is_worded_in_one_subject() -> None:
    assert sum(len(subject.REASONS) for subject in words.SUBJECTS) == len(words.REASONS)
    assert set(words.STAFF_DO) <= set(words.REASONS)


def test_an_unknown_code_is_shown_as_it_stands() -> None:
    assert words.reason("something_new", "support") == "Something new"
    assert words.status("delivery", "something_new").word == "Something new"


def test_the_catalog_brings_its_own_words() -> None:
    for code, known in shoppable.REASONS.items():
        assert words.reason(code, "merchant")
        assert words.remedy(code) == known.remedy


def test_statuses_say_themselves_without_colour() -> None:
    for domain in ("delivery", "run", "shop", "listing", "money", "payout", "proof", "creator"):
        shown = words.statuses(domain)
        assert len({badge.word for badge in shown.values()}) == len(shown), domain
        assert all(badge.word and badge.icon for badge in shown.values())


def test_every_setting_of_a_shop_has_words() -> None:
    shown = {name: (shown_settings.name(name), shown_settings.value(name, settings.default(name), "KWD"))
             for name in settings.DEFAULTS}  # fmt: skip
    assert [name for name, (called, _) in shown.items() if called == name.replace("_", " ").capitalize()] == []
    assert shown["hold_days"] == ("Hold after delivery", "15 days")
    assert shown["wait_for_signal"][1] == "Clear by that time"
    assert shown_settings.value("minimum_payout", 2500, "KWD").replace("\u00a0", " ") == "KWD 2.500"
    assert shown_settings.value("hold_days", 1, "KWD") == "1 day"


def test_a_calendar_of_rates_is_a_sentence() -> None:
    begins = datetime(2026, 11, 20, tzinfo=UTC)
    ends = begins + timedelta(days=90)

    def said(*rates: tuple[int | None, str]) -> str:
        last = len(rates) - 1
        return rate_words.calendar([
            Span(begins, ends if n < last else None, Rate(bp, "trm_1") if bp else None, why=why)
            for n, (bp, why) in enumerate(rates)
        ]).replace("\u00a0", " ")  # fmt: skip

    assert said((2000, "targeted"), (1500, "")) == "20 % for you until 18 Feb 2027, then 15 %"
    assert said((2000, "targeted"), (2000, "")) == "20 % for you until 18 Feb 2027, then the same"
    assert said((1000, "event"), (None, "")) == "10 % in an event until 18 Feb 2027, then nothing"
