"""Histories: what a store did, drawn by hypothesis, and how its deliveries may arrive."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from tests.money import reference
from tests.money.builders import Credit
from tests.money.store import Delivery, Store

ACTS = (
    "pay", "void", "cancel", "give_back", "give_back", "give_back", "money_only", "money_only", "settle", "settle",
    "add", "add_units", "remove", "remove", "drop", "fulfil", "touch", "exchange",
    "dispute", "judge",
)  # fmt: skip
# A seed and not `st.randoms()`: that one draws mostly small numbers, so little would be shuffled.
chances = st.integers(0, 2**32 - 1).map(random.Random)
# Creators' codes in any case, and one that is the shop's own.
_CODES = ("ANN10", "ann10", "Ann-VIP", "ben", "SPRING", "WELCOME")
# Two creators, a third of the lines for nobody, one creator without a rate: by the line's product.
_CREDITS = (("crt_x", 1000), ("crt_y", 1250), None, ("crt_x", 333), ("crt_z", 0))


def history(choose: Callable[[int, int], int]) -> Store:
    """An order and what became of it; `choose(low, high)` makes every choice."""

    def one(*options: Any) -> Any:
        return options[choose(0, len(options) - 1)]

    store = Store(
        currency=one("USD", "EUR", "JPY", "KWD"),
        taxes_included=one(False, True),
        tax_given=one(True, False),
        coarse=one(False, False, True),
        status=one("paid", "paid", "paid", "pending", "authorized", "partially_paid"),
    )
    for _ in range(choose(1, 4)):
        discount = choose(0, 900)
        kind = one("", "", "", "", "", "gift_card", "tip")
        codes = tuple(one(*_CODES) for _ in range(one(0, 0, 1, 2)))
        ref = store.put(choose(0, 9999), choose(1, 4), discount if discount % 3 == 0 else 0, kind, codes)
        store.lines[ref]["platform"] = one(False, False, True)
    store.unallocated = one(0, 0, 0, 100, 999)
    store.place()
    for _ in range(choose(1, 6)):
        store.act(one(*ACTS), one(0, 1, 60, 86400), choose(0, 400), choose(0, 400), choose(0, 400))
    return store


@st.composite
def histories(draw: st.DrawFn) -> Store:
    """Drawn by hypothesis, so that one that fails is made smaller."""
    return history(lambda low, high: draw(st.integers(low, high)))


def random_history(seed: int) -> Store:
    """As fast as they come, for thousands of them."""
    return history(random.Random(seed).randint)


def credit(product_ref: str | None) -> Credit:
    """Whose a line is: fixed by its product, so that every evaluation decides alike."""
    chosen = _CREDITS[int((product_ref or "p2")[1:]) % len(_CREDITS)]
    if chosen is None:
        return Credit(None, 0, credit_reason="no_touch", rate_reason="")
    return Credit(chosen[0], chosen[1], content_id=f"cnt_{chosen[0]}")


def arrival(store: Store, chance: random.Random) -> list[Delivery]:
    """All deliveries, some of them twice, in any order."""
    deliveries = store.deliveries + [d for d in store.deliveries if chance.random() < 0.3]
    chance.shuffle(deliveries)
    return deliveries


def plain(store: Store) -> dict[str, Any]:
    """The order as the store has it at the end, in plain values."""
    order: dict[str, Any] = msgspec.to_builtins(store.snapshot(), builtin_types=(datetime, Decimal))
    order["changed_at"] = store.now
    order["disputes"] = msgspec.to_builtins(tuple(store.disputes.values()), builtin_types=(datetime,))
    return order


def expected(store: Store) -> dict[str, int]:
    """By the plain calculation, from what is true at the store: {line ref: due}."""
    order = plain(store)
    credits: dict[str, tuple[str, int]] = {}
    for line in order["lines"]:
        chosen = credit(line["product_ref"])
        if chosen.creator_id is not None:
            credits[line["line_ref"]] = (chosen.creator_id, chosen.rate_bp)
    return reference.pays(order, order.get("refunds", []), credits, store.added)
