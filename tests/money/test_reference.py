"""The product's arithmetic beside the plain calculation, on thousands of random orders, as pure functions."""

from __future__ import annotations

import random

from hypothesis import given, settings

from connector.commerce.orders.collect import Collected, Version, collect
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.commission.rate import Assessment, assess
from connector.events import OrderSeen, OrderStub, content_hash
from tests.money.histories import arrival, chances, credit, expected, histories, random_history
from tests.money.store import Delivery, Store


def facts_of(store: Store) -> OrderFacts:
    """By the product's own collecting of everything that was delivered."""
    got = collected(store.deliveries)
    if got.disputed:
        got = collected([*store.deliveries, store.read()])
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


def assessed(store: Store) -> Assessment:
    facts = facts_of(store)
    return assess(facts, {line.line_ref: credit(line.product_ref) for line in facts.snapshot.lines})


def agrees(store: Store) -> None:
    result = assessed(store)
    assert {line.line_ref: line.due for line in result.lines} == expected(store)
    for line in result.lines:
        assert 0 <= line.reversed <= line.commission
        assert 0 <= line.refunded_base <= line.base
        assert line.reason
        if line.refunded_base == line.base:
            assert line.due == 0
        if line.due == 0 and line.reason == "last_click_direct" and line.rate_bp:
            # A zero has a reason: stopped, returned, or too small to make half a minor unit.
            assert line.refunded_base or line.commission == 0


def test_agrees_with_the_plain_calculation_on_thousands_of_orders() -> None:
    for seed in range(4000):
        try:
            agrees(random_history(seed))
        except AssertionError as wrong:
            raise AssertionError(f"random_history({seed})") from wrong


@settings(max_examples=200, deadline=None)
@given(histories())
def test_agrees_with_the_plain_calculation(store: Store) -> None:
    """The same from hypothesis, which makes a history that fails as small as it can."""
    agrees(store)


@settings(max_examples=200, deadline=None)
@given(histories(), chances)
def test_facts_do_not_depend_on_arrival(store: Store, chance: random.Random) -> None:
    before = facts_of(store)
    store.deliveries = arrival(store, chance)
    assert facts_of(store) == before
