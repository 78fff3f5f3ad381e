"""The product's rules beside the plain reading of the same pages, on ten thousand random orders, as pure functions.

Who is credited and at what rate (`rules.decide`), then what each line pays and what the app's fee comes to
(`rate.assess`). A disagreement names the seed of its order.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from connector.commerce.orders.collect import Collected, Version, collect
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.attribution import rules
from connector.earnings.attribution.rules import Decision
from connector.earnings.commission import rate
from connector.earnings.commission.rate import AmountRules, Assessment, assess
from connector.events import OrderSeen, OrderStub, content_hash
from connector.programme.collaborations import offer
from tests.money import given as handed
from tests.money import reference, reference_credit
from tests.money.credit_worlds import random_world
from tests.money.histories import arrival, chances, credit, expected, histories, plain, random_history
from tests.money.store import Delivery, Store

ORDERS = 10_000
FEES = (0, 0, 150, 999)


def facts_of(store: Store) -> OrderFacts:
    """By the product's own collecting of everything that was delivered."""
    got = collected(store.deliveries)
    if got.disputed:
        got = collected([*store.deliveries, store.read()])
    return _facts(got)


def facts_afresh(store: Store) -> OrderFacts:
    """By the product's collecting of one read of what the store has at the end."""
    return _facts(
        collected(
            [Delivery(OrderSeen(store.snapshot(edits_known=True), disputes=tuple(store.disputes.values())), store.now)]
        )
    )


def _facts(got: Collected) -> OrderFacts:
    return OrderFacts(
        order_id="ord_1", shop_id="shp_1", snapshot=got.newest.snapshot, refunds=got.refunds, carriers=got.carriers,
        added_units=got.added_units, oldest_changed_at=got.oldest.changed_at,
    )  # fmt: skip


def collected(deliveries: list[Delivery]) -> Collected:
    versions, refunds, edits, disputes = {}, [], {}, []
    for delivery in deliveries:
        disputes.extend(delivery.event.disputes)
        if isinstance(delivery.event, OrderSeen):
            snapshot = delivery.event.snapshot
            version = Version(snapshot.changed_at, delivery.triggered_at, content_hash(snapshot), snapshot)
            key = (version.changed_at, version.content_hash)
            if key not in versions or versions[key].triggered_at < version.triggered_at:
                versions[key] = version
        elif isinstance(delivery.event, OrderStub):
            refunds.extend(delivery.event.refunds)
            if delivery.event.edit_added:
                edits[delivery.event.edit_ref] = delivery.event.edit_added
    return collect(list(versions.values()), refunds, edits, disputes)


def lines_of(store: Store) -> list[dict[str, Any]]:
    """The order's lines as the plain table reads them. A code is on a line that it took something off."""
    return [
        {
            "ref": line.line_ref,
            "product": line.product_ref,
            "given_for": line.exchange_of,
            "codes": [a.code for a in line.allocations if a.code],
        }
        for line in store.snapshot().lines
    ]


# The whole way: the table, then the amounts


def test_agrees_on_ten_thousand_orders() -> None:
    seen: Counter[str] = Counter()
    for seed in range(ORDERS):
        try:
            seen.update(agrees(seed))
        except AssertionError as wrong:
            raise AssertionError(f"agrees({seed}): {wrong}") from wrong
    # None of it by never getting there.
    missing = [reason for reason in REASONS if seen[reason] < 20]
    assert not missing, f"hardly ever drawn: {missing}"


REASONS = (
    "store_disconnected", "manual", "code", "last_click_direct", "cart_carry", "last_click_indirect", "lifetime",
    "no_touch", "window_expired", "touch_invalid", "too_late", "code_leaked", "creator_ineligible", "self_purchase",
    "frozen_review", "rate_targeted", "rate_open", "rate_store", "no_plan", "rate_ads", "outranked_by_code",
    "outranked_by_later_click", "pays", "protected", "fee", "event", "new_buyer", "code_rate", "exchanged", "keeps",
    "borne",
)  # fmt: skip


def agrees(seed: int) -> list[str]:
    """Both readings of one order; the reasons that came up."""
    store = random_history(seed)
    world = random_world(seed, lines_of(store))
    theirs = handed.decisions(world)
    ours = read_plainly(world)
    for ref, decision in theirs.items():
        same_decision(decision, ours[ref])
    fee_bp = FEES[seed % len(FEES)]
    facts = facts_of(store) if seed % 4 == 0 else facts_afresh(store)
    keeps = seed % 3 == 0
    taken = tuple(ref for ref in sorted(theirs) if seed % 7 == 0 and int(ref) % 2)
    rules = AmountRules(fee_bp=fee_bp, platform_discounts_kept=keeps)
    result = assess(facts, theirs, rules, taken)
    order = plain(store)
    credits = {ref: (each["creator"], each["rate"]) for ref, each in ours.items() if each["creator"] is not None}
    due = reference.pays(order, order.get("refunds", []), credits, store.added, keeps=keeps, forfeited=taken)
    said = {line.line_ref: line.due for line in result.lines}
    assert said == due, f"due is {said}, read plainly {due}"
    fee = reference.app_fee(
        order, order.get("refunds", []), list(credits), store.added, fee_bp, keeps=keeps, forfeited=taken
    )
    assert (result.parts.fee.due if result.parts.fee else 0) == fee
    holds(result)
    lost = _borne(seed, store, theirs, credits) if seed % 5 == 0 else {}
    kept = any(each.parts.kept for each in result.lines)
    return [*_came_up(theirs, due, fee), *["borne"] * any(lost.values()), *["keeps"] * kept]


def _borne(
    seed: int, store: Store, decisions: dict[str, Decision], credits: dict[str, tuple[str, int]]
) -> dict[str, int]:  # fmt: skip
    """What the app would bear had the lines been paid out at some moment of the history."""
    facts = facts_of(store)
    versions = [each.event.snapshot for each in store.deliveries if isinstance(each.event, OrderSeen)]
    moments = sorted({version.changed_at for version in versions})
    paid_at = random.Random(seed).choice([*moments, moments[0]])
    now = assess(facts, decisions)
    then = assess(rate.as_stood(facts, versions, paid_at), decisions, until=paid_at)
    said = {ref: lost for (ref, _, _), lost in rate.taken_back(then, now, decisions.keys()).items()}
    order = plain(store)
    plain_versions = [msgspec.to_builtins(version, builtin_types=(datetime, Decimal)) for version in versions]
    wanted = reference.borne(plain_versions, order, order.get("refunds", []), credits, store.added, paid_at)
    wanted = {ref: lost for ref, lost in wanted.items() if ref in decisions}
    assert said == wanted, f"paid at {paid_at} the app bears {said}, read plainly {wanted}"
    return said


def read_plainly(world: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every line by the plain table; one that was given for a returned line after that."""
    made: dict[str, dict[str, Any]] = {}
    waiting = list(world["lines"])
    while waiting:
        for line in list(waiting):
            if line["given_for"] in ("", *made) or line["given_for"] not in {each["ref"] for each in world["lines"]}:
                made[line["ref"]] = plainly(world, line, made.get(line["given_for"]))
                waiting.remove(line)
    return {line["ref"]: made[line["ref"]] for line in world["lines"]}


def plainly(world: dict[str, Any], line: dict[str, Any], returned: dict[str, Any] | None = None) -> dict[str, Any]:
    return reference_credit.decided(
        world["order"], line, world["touches"], world["codes"], world["plans"], world["promotions"], returned
    )


def same_decision(decision: Decision, wanted: dict[str, Any]) -> None:
    said = {
        "credit_reason": decision.credit_reason, "rate_reason": decision.rate_reason, "creator": decision.creator_id,
        "content": decision.content_id, "touch": decision.touch_id, "rate": decision.rate_bp, "plan": decision.terms_id,
    }  # fmt: skip
    plainly = {name: wanted[name] for name in reference_credit.NONE}
    assert said == plainly, f"the table says {said}, read plainly it is {plainly}"
    shown = {each["touch_id"]: each["outcome"] for each in decision.evidence["candidates"]}
    lost = {touch: shown[touch] for touch in wanted["lost"]}
    assert lost == wanted["lost"], f"losers are {lost}, read plainly {wanted['lost']}"


def _came_up(decisions: dict[str, Decision], due: dict[str, int], fee: int) -> list[str]:
    found = ["pays"] * any(due.values()) + ["fee"] * bool(fee)
    for decision in decisions.values():
        found += [decision.credit_reason, decision.rate_reason]
        found += [shown["outcome"] for shown in decision.evidence["candidates"]]
        rates = decision.evidence.get("rates") or {}
        found += ["protected"] * any(rate and rate.get("kept_until") for rate in rates.values())
        bases = {rate.get("basis", "") for rate in rates.values() if rate}
        found += [name for name in ("event", "new_buyer") if name in bases] + ["code_rate"] * ("code" in bases)
        found += ["exchanged"] * ("exchange_of" in decision.evidence and decision.creator_id is not None)
    return found


def holds(result: Assessment) -> None:
    """What is true of every assessment, whatever the order."""
    for line in result.lines:
        assert 0 <= line.reversed <= line.commission
        assert 0 <= line.refunded_base <= line.base
        assert line.reason
        if line.refunded_base == line.base:
            assert line.due == 0
        if line.due == 0 and line.reason == "last_click_direct" and line.rate_bp:
            # A zero has a reason: stopped, returned, or too small to make half a minor unit.
            assert line.refunded_base or line.commission == 0


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (rules, "higher", lambda click, order: order or click),  # only the rate at the order
        (rules, "_ineligible", lambda order, claim: ""),  # everybody may earn
        (rules, "_leaked", lambda order, code: False),
        (rules, "_share", lambda order, claim, rate: rate),  # indirect taps at the whole rate
        (offer, "PROTECTION", timedelta(days=31)),
        (offer, "KINDS", ("open", "targeted", "store")),
        (rate, "reversed_of", lambda commission, back, base: commission * back // base if base else 0),
        (rate, "refund_status", lambda refund: "counted"),  # money that never moved counts
        (rate, "stopped", lambda *given, **more: ""),
        (rate, "as_stood", lambda facts, versions, moment: facts),  # edits are carried, whatever came after them
        (offer, "_of_code", lambda code_rates, code: None),
    ],
)
def test_the_comparison_sees_a_rule_that_is_broken(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, name: str, wrong: Any
) -> None:
    """Mutants: each is found within a few hundred orders, many times over."""
    monkeypatch.setattr(where, name, wrong)
    differ = 0
    for seed in range(1000):
        try:
            agrees(seed)
        except AssertionError:
            differ += 1
            if differ == 2:
                return
    raise AssertionError(f"{where.__name__}.{name} may be anything: two readings differ on {differ} orders of 1000")


# Amounts alone, with hypothesis: a history that fails is made as small as it can be


def assessed(store: Store) -> Assessment:
    facts = facts_of(store)
    return assess(facts, {line.line_ref: credit(line.product_ref) for line in facts.snapshot.lines})


@settings(max_examples=200, deadline=None)
@given(histories())
def test_agrees_with_the_plain_calculation(store: Store) -> None:
    result = assessed(store)
    assert {line.line_ref: line.due for line in result.lines} == expected(store)
    holds(result)


@settings(max_examples=200, deadline=None)
@given(histories(), chances)
def test_facts_do_not_depend_on_arrival(store: Store, chance: random.Random) -> None:
    before = facts_of(store)
    store.deliveries = arrival(store, chance)
    assert facts_of(store) == before
