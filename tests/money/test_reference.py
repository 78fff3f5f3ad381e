"""The product's arithmetic beside the plain calculation, on thousands of random orders, as pure functions."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.commerce.orders.collect import Version, collect
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.commission.rate import Assessment, assess
from connector.events import OrderSeen, OrderStub, content_hash
from tests.money.histories import arrival, credit, expected, histories
from tests.money.store import Store


def facts_of(store: Store) -> OrderFacts:
    """By the product's own collecting of everything that was delivered."""
    versions, refunds, edits = {}, [], {}
    for delivery in store.deliveries:
        if isinstance(delivery.event, OrderSeen):
            snapshot = delivery.event.snapshot
            version = Version(snapshot.changed_at, delivery.triggered_at, content_hash(snapshot), snapshot)
            versions[(version.changed_at, version.content_hash)] = version
        elif isinstance(delivery.event, OrderStub):
            refunds.extend(delivery.event.refunds)
            if delivery.event.edit_added:
                edits[delivery.event.edit_ref] = delivery.event.edit_added
    got = collect(list(versions.values()), refunds, edits)
    return OrderFacts(
        order_id="ord_1", shop_id="shp_1", snapshot=got.newest.snapshot, refunds=got.refunds, carriers=got.carriers,
        added_units=got.added_units, oldest_changed_at=got.oldest.changed_at,
    )  # fmt: skip


def assessed(store: Store) -> Assessment:
    facts = facts_of(store)
    return assess(facts, {line.line_ref: credit(line.product_ref) for line in facts.snapshot.lines})


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_agrees_with_the_plain_calculation(store: Store) -> None:
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


@settings(max_examples=300, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_facts_do_not_depend_on_arrival(store: Store, chance: random.Random) -> None:
    before = facts_of(store)
    store.deliveries = arrival(store, chance)
    assert facts_of(store) == before
