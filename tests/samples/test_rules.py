"""The arithmetic of samples: how many, the score, what counts as content, what comes back, where it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import InputRefused
from connector.events import Adjustment, Allocation, Line, OrderSnapshot, Refund, RefundLine, Transaction
from connector.faces.studio import sample_said
from connector.operations.sampling.sales import Allowance
from connector.programme.samples import asking, bought, evidence, limits, moves, offers, policy, recipients, score
from connector.programme.samples.evidence import Seen
from connector.programme.samples.policy import Numbers
from connector.programme.samples.tables import SampleOffer
from connector.web import sample_words, words

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
N = Numbers()


# ------------------------------------------------------------------ how many


@pytest.mark.parametrize(
    ("sales", "most"),
    [
        ({}, 5), ({"EUR": 499_999}, 5), ({"EUR": 500_000}, 20), ({"EUR": 15_000_000}, 20), ({"EUR": 15_000_001}, 50),
        ({"EUR": -300}, 5),
        # Currencies are never added: two that are each under the threshold stay under it, the highest counts.
        ({"EUR": 499_999, "USD": 499_999}, 5), ({"EUR": 1, "USD": 600_000}, 20),
        # One that the policy doesn't name lifts nobody: 9 billion yen are no figure in euro.
        ({"JPY": 9_000_000_000}, 5),
    ],
)  # fmt: skip
def test_how_many_may_be_open_at_the_edges(sales: dict[str, int], most: int) -> None:
    assert limits.most_open(limits.level(sales, N), N) == most


def test_a_currency_is_named_by_a_policy() -> None:
    numbers = Numbers(thresholds={"JPY": (800_000, 24_000_000)})
    assert limits.level({"JPY": 800_000, "EUR": 10**9}, numbers) == "middle"


def test_sales_that_lift_nothing_are_said_to() -> None:
    """Else a creator with millions of yen reads that five may be open because they sold millions of yen."""
    sold = {"JPY": 9_000_000, "SEK": 0, "EUR": 600_000}
    found = Allowance("middle", sold, "", 20, 1, 5000, None, 0, 0, 1)
    said = sample_said.allowance(found, N)
    assert said.endswith("Sales in JPY don't count for it yet: no sum is set for them.")
    told = dict(sample_words.standing(msgspec.to_builtins(found), N))
    assert told["Doesn't count for it"] == "Sales in JPY: no sum is set for that currency"
    named = Numbers(thresholds={**N.thresholds, "JPY": (800_000, 24_000_000)})
    assert "don't count" not in sample_said.allowance(found, named)
    assert "Doesn't count for it" not in dict(sample_words.standing(msgspec.to_builtins(found), named))


@given(st.dictionaries(st.sampled_from(["EUR", "USD", "JPY"]), st.integers(-(10**9), 10**9)), st.integers(0, 10**9))
def test_more_sales_never_mean_fewer_samples(sales: dict[str, int], more: int) -> None:
    grown = {currency: amount + more for currency, amount in sales.items()}
    ranked = limits.LEVELS.index
    assert ranked(limits.level(grown, N)) >= ranked(limits.level(sales, N))


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ({"answer_days": 0}, "answer_days"), ({"free_days": True}, "free_days"), ({"nothing": 3}, "nothing"),
        ({"open_low": 30}, "open_low"), ({"thresholds": {"EUR": [5, 4]}}, "thresholds"),
        ({"thresholds": {"XXY": [4, 5]}}, "thresholds"), ({"thresholds": {"EUR": [1]}}, "thresholds"),
        ({"thresholds": 4}, "thresholds"),
    ],
)  # fmt: skip
def test_a_policy_that_can_t_be_is_refused_by_field(numbers: dict[str, Any], field: str) -> None:
    with pytest.raises(InputRefused) as caught:
        policy.changed(N, numbers)
    assert caught.value.field == field


# ------------------------------------------------------------------ the score


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_score_is_a_share_and_says_nothing_of_few(fulfilled: int, missed: int) -> None:
    found = score.score(fulfilled, missed, N)
    if fulfilled + missed < 3:
        assert found.percent is None
        return
    assert found.percent is not None
    assert 0 <= found.percent <= 100
    assert (found.percent == 100) == (missed == 0)  # rounded down: one missed of 500 isn't a hundred
    assert found.percent * (fulfilled + missed) <= 100 * fulfilled < (found.percent + 1) * (fulfilled + missed)


def test_a_rule_approves_by_followers_and_score_and_never_by_what_isn_t_known() -> None:
    def takes(count: int, percent: int | None, **asks: int | None) -> bool:
        rule = SampleOffer(**{"auto_followers": None, "auto_score": None} | asks)
        return offers.takes_by_itself(rule, follower_count=count, percent=percent)

    assert not takes(10**6, 100)  # no rule: a person
    assert takes(1000, None, auto_followers=1000)
    assert not takes(999, 100, auto_followers=1000)
    assert takes(0, 80, auto_score=80)
    assert not takes(0, 79, auto_score=80)
    assert not takes(0, None, auto_score=0)
    assert not takes(1000, 79, auto_followers=1000, auto_score=80)


# ------------------------------------------------------------------ content


def seen(**changes: Any) -> Seen:
    return Seen(**{"content_id": "c", "kind": "video", "known_at": NOW, "with_product": ((NOW, None),),
                   "visible": ((NOW, None),)} | changes)  # fmt: skip


def counts_at(one: Seen, *, due_at: datetime | None = NOW + 14 * DAY, now: datetime = NOW) -> datetime | None:
    return evidence.judge(one, approved_at=NOW - DAY, due_at=due_at, now=now, numbers=N).at


def test_a_video_counts_after_three_days_together_and_a_live_after_ten_minutes() -> None:
    assert counts_at(seen()) == NOW + 3 * DAY
    # Taken down in between: the days count together; the product has to be in it while it can be seen.
    told = evidence.visible_spans(NOW, [(NOW + DAY, False), (NOW + 2 * DAY, True)])
    assert counts_at(seen(visible=told)) == NOW + 4 * DAY
    assert counts_at(seen(visible=told, with_product=((NOW + 2 * DAY, NOW + 4 * DAY),))) is None
    assert counts_at(seen(visible=((NOW, NOW + 3 * DAY),))) == NOW + 3 * DAY
    assert counts_at(seen(visible=((NOW, NOW + 3 * DAY - SECOND),))) is None
    # Twice in it at once is once.
    assert counts_at(seen(with_product=((NOW, NOW + 2 * DAY), (NOW, NOW + 2 * DAY)))) is None
    # Put in before the time is over it may become old enough; put in at its end it is too late.
    due = NOW + 14 * DAY
    assert counts_at(seen(with_product=((due - SECOND, None),))) == due - SECOND + 3 * DAY
    assert counts_at(seen(with_product=((due, None),))) is None
    # What was known before the approval was made for something else.
    assert counts_at(seen(known_at=NOW - DAY - SECOND)) is None
    assert counts_at(seen(known_at=NOW - DAY)) is not None
    assert counts_at(seen(kind="live", live_seconds=600)) == NOW
    assert counts_at(seen(kind="live", live_seconds=599)) is None
    assert counts_at(seen(kind="live", live_seconds=600, with_product=())) is None
    earliest = evidence.first([evidence.Judged("a", None), evidence.Judged("b", due), evidence.Judged("c", NOW)])
    assert earliest == evidence.Judged("c", NOW)
    assert evidence.first([evidence.Judged("a", None)]) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=12))
def test_what_is_told_of_visibility_never_makes_more_time_than_there_was(told: list[tuple[int, bool]]) -> None:
    changes = sorted((NOW + timedelta(hours=hours), visible) for hours, visible in told)
    spans = evidence.visible_spans(NOW, changes)
    ends = [end or NOW + timedelta(hours=300) for _, end in spans]
    assert all(start <= end for (start, _), end in zip(spans, ends, strict=True))
    assert all(end <= later[0] for end, later in zip(ends, spans[1:], strict=False))
    assert (spans == () or spans[-1][1] is not None) == (bool(changes) and not changes[-1][1])


# ------------------------------------------------------------------ what comes back


def order(*lines: Line, **changes: Any) -> OrderSnapshot:
    return OrderSnapshot(**{
        "order_ref": "7001", "number": "#1", "created_at": NOW, "changed_at": NOW, "currency": "EUR",
        "payment_status": "paid", "taxes_included": True, "lines": lines,
    } | changes)  # fmt: skip


def line(ref: str = "1", quantity: int = 1, price: int = 2000, product: str = "A", **changes: Any) -> Line:
    return Line(ref, quantity, quantity, price, product_ref=product, variant_ref=f"{product}1", **changes)


def refund(*lines: RefundLine, status: str = "success", **changes: Any) -> Refund:
    return Refund("r", NOW, lines=lines, transactions=(Transaction("t", status),), **changes)  # type: ignore[arg-type]


def test_what_was_paid_for_one_item_without_what_was_given_back() -> None:
    def paid(snapshot: OrderSnapshot, *refunds: Refund) -> int | None:
        return bought.paid(snapshot, refunds, "A", "A1")

    discounted = line(allocations=(Allocation(500), Allocation(100, platform=True)))
    assert paid(order(discounted, line("2", product="B"))) == 1400
    assert paid(order(line(tax=380), taxes_included=False)) == 2380
    assert paid(order(line(quantity=3, allocations=(Allocation(1),)))) == 2000  # (6000 - 1) / 3, half up
    assert paid(order(line()), refund(RefundLine("x", "1", 1, 2000))) == 0
    assert paid(order(line()), refund(RefundLine("x", "1", 1, 700))) == 1300
    # Of two items one came back: the other was paid whole.
    assert paid(order(line(quantity=2)), refund(RefundLine("x", "1", 1, 2000))) == 2000
    # A refund that failed gave nothing back; one that is still under way is taken to.
    assert paid(order(line()), refund(RefundLine("x", "1", 1, 2000), status="failure")) == 2000
    assert paid(order(line()), refund(RefundLine("x", "1", 1, 2000), status="pending")) == 0
    # Money without an item is shared by the lines; how much is unknown: nobody says.
    loose = refund(adjustments=(Adjustment("a", "discrepancy", -1000), Adjustment("s", "shipping", -999)))
    assert paid(order(line(), line("2", product="B")), loose) == 1500
    assert paid(order(line()), refund(amount_unknown=True)) is None
    assert paid(order(line(), payment_status="pending")) == 0
    assert paid(order(line(), cancelled_at=NOW)) == 0
    assert paid(order(line(product="B"))) == 0
    # A discount that stands on no line is shared by them (R2): of an order that was free nothing was paid.
    assert paid(order(line(), line("2", product="B"), total_discounts=1000)) == 1500
    assert paid(order(line(), total_discounts=2500, shipping_discounts=500)) == 0


def test_what_an_edit_took_out_was_not_paid_for() -> None:
    def paid(snapshot: OrderSnapshot, *refunds: Refund) -> int | None:
        return bought.paid(snapshot, refunds, "A", "A1")

    gone = msgspec.structs.replace(line(), current_quantity=0)
    other = line("2", product="B")
    assert paid(order(gone, other)) == 0
    assert paid(order(msgspec.structs.replace(line(quantity=2), current_quantity=1))) == 2000
    # Its money comes back without an item, and isn't that of what stayed; more than it is.
    out = msgspec.structs.replace(other, current_quantity=0)
    back = refund(adjustments=(Adjustment("a", "discrepancy", -2000),))
    assert paid(order(line(), out), back) == 2000
    assert paid(order(line(), out, line("3", product="C", edit_added=1)), back) == 1000
    # What a refund record gave back isn't taken out once more.
    returned = refund(RefundLine("x", "1", 1, 700))
    assert paid(order(gone, refunds=(returned,)), returned) == 1300
    # The variant that is there counts, not one that was exchanged for it.
    anew = msgspec.structs.replace(line("2", price=1800), variant_ref="A2")
    assert paid(order(gone, anew)) == 1800
    changes = {"product_ref": "A", "variant_ref": "A1", "currency": "EUR", "approved_at": NOW - DAY}
    assert bought.why_not(order(gone, other), **changes) == "order_without_item"


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_never_more_comes_back_than_was_agreed_or_paid(agreed: int, paid: int, earned: int) -> None:
    back = bought.comes_back(agreed, paid, earned)
    assert 0 <= back <= min(agreed, paid)
    assert back + earned <= max(paid, earned)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""), ({"test": True}, "order_is_none"), ({"sample": True}, "order_is_none"),
        ({"cancelled_at": NOW}, "order_called_off"), ({"created_at": NOW - DAY - SECOND}, "order_before_approval"),
        ({"lines": (line(product="B"),)}, "order_without_item"), ({"currency": "USD"}, "order_in_other_currency"),
    ],
)  # fmt: skip
def test_which_order_can_be_the_purchase(changes: dict[str, Any], code: str) -> None:
    snapshot = order(**{"lines": (line(),)} | changes) if "lines" in changes else order(line(), **changes)
    why = bought.why_not(snapshot, product_ref="A", variant_ref="A1", currency="EUR", approved_at=NOW - DAY)
    assert why == code


# ------------------------------------------------------------------ where it goes

HOME = {"name": "Mira  Okafor", "address1": "Lindenweg 4", "city": "Köln", "country": "de", "postal_code": "50667"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"), ({"address1": ""}, "address1"), ({"city": ""}, "city"), ({"country": ""}, "country"),
        ({"country": "ZZ"}, "country"), ({"postal_code": ""}, "postal_code"), ({"postal_code": "5066"}, "postal_code"),
        ({"country": "US", "postal_code": "10001"}, "region"), ({"phone": "call me"}, "phone"),
        ({"email": "at home"}, "email"), ({"name": "x" * 101}, "name"), ({"city": "a\u0000b"}, "city"),
        ({"street": "Lindenweg 4"}, "street"),
    ],
)  # fmt: skip
def test_an_address_is_refused_by_field_and_never_repeated(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InputRefused) as caught:
        recipients.checked(HOME | changes)
    assert caught.value.field == f"recipient.{field}"
    given_words = [value for value in (HOME | changes).values() if len(value.strip()) > 2]
    assert not any(value in str(caught.value) for value in given_words)


def test_an_address_is_kept_plain_and_sealed() -> None:
    home = recipients.checked(HOME | {"phone": "+49 221 1234567", "email": "mira@example.com"})
    assert (home.name, home.country) == ("Mira Okafor", "DE")
    sealed = recipients.seal(home)
    assert "Lindenweg" not in sealed
    assert "Lindenweg" not in repr(home)
    assert recipients.opened(sealed) == home
    assert recipients.fits(sealed, home)
    assert not recipients.fits(None, home)
    assert recipients.checked(HOME | {"country": "HK", "postal_code": ""}).postal_code == ""
    # A store that repeats the address in its words isn't quoted.
    assert recipients.without("“50667” isn't a postal code of Bavaria", home) == ""
    for part in ("A customer Okafor is there", "no such street: LINDENWEG", "1234567 is no number", "mira@… is taken"):
        assert recipients.without(part, home) == ""
    assert recipients.without("We don't ship to Germany", home) == "We don't ship to Germany"


def test_every_code_has_words_for_each_reader() -> None:
    for code in {*moves.REFUSALS, *asking.REFUSALS}:
        for audience in ("creator", "merchant", "support"):
            assert words.reason(code, audience) != code.replace("_", " ").capitalize(), code  # type: ignore[arg-type]
    for state in moves.STATES:
        assert words.statuses("sample")[state].word
