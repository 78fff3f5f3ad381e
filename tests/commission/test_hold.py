"""When a line clears, on facts alone: R9, R9b, and the floor of placed + grace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.earnings.commission.hold import HoldTerms, Maturity, matures
from connector.events import FulfilledLine, Fulfilment
from tests.money.builders import at, line, snapshot

TERMS = HoldTerms(
    hold=timedelta(days=15), no_signal=timedelta(days=45), wait_for_signal=False, grace=timedelta(hours=24)
)


def parcel(made: float, delivered: float | None = None, *units: tuple[str, int]) -> Fulfilment:
    parts = tuple(FulfilledLine(ref, quantity) for ref, quantity in units or (("1", 1),))
    return Fulfilment(f"f{made}", at(made), None if delivered is None else at(delivered), parts)


def clears(
    *parcels: Fulfilment, quantity: int = 1, stop: str = "", terms: HoldTerms = TERMS, ships: bool = True, **order: Any
) -> Maturity:
    item = line("1", 1000, quantity, requires_shipping=ships)
    return matures(item, snapshot(item, fulfilments=parcels, **order), stop, terms)


@pytest.mark.parametrize(
    ("parcels", "quantity", "day", "why"),
    [
        ([parcel(1, 3)], 1, 18, "delivered"),
        ([parcel(1)], 1, 26, "fulfilled"),  # + 10 days counts as delivered, then the hold
        ([parcel(1, 3), parcel(2, 9, ("2", 1))], 1, 18, "delivered"),  # another line's parcel
        ([parcel(1, 3), parcel(2, 9)], 2, 24, "delivered"),  # two parcels: from the last
        ([parcel(1, 3), parcel(2)], 2, 27, "fulfilled"),
        ([], 1, 45, "no_delivery_signal"),
        ([parcel(1, 3)], 2, 45, "no_delivery_signal"),  # the second unit never left
        ([parcel(1, 40)], 2, 55, "delivered"),
    ],
)
def test_from_delivery(parcels: list[Fulfilment], quantity: int, day: float, why: str) -> None:
    assert clears(*parcels, quantity=quantity) == Maturity(at(day), why)


def test_a_parcel_that_does_not_say_what_it_holds_has_everything() -> None:
    assert clears(Fulfilment("f", at(1), at(3)), quantity=3) == Maturity(at(18), "delivered")


def test_digital_goods_count_from_payment() -> None:
    assert clears(ships=False, paid_at=at(2)) == Maturity(at(17), "digital")
    assert clears(ships=False, paid_at=None) == Maturity(at(15), "digital")


def test_a_shop_may_wait_for_a_sign_of_delivery() -> None:
    patient = HoldTerms(TERMS.hold, TERMS.no_signal, True, TERMS.grace)
    assert clears(terms=patient) == Maturity(None, "waits_for_delivery_signal")
    assert clears(parcel(1, 3), terms=patient) == Maturity(at(18), "delivered")


def test_nothing_clears_before_placed_and_grace() -> None:
    at_once = HoldTerms(timedelta(0), timedelta(days=1), False, timedelta(hours=24))
    assert clears(ships=False, terms=at_once) == Maturity(at(1), "digital")
    assert clears(parcel(0, 0.5), terms=at_once) == Maturity(at(1), "delivered")


@pytest.mark.parametrize("stop", ["order_cancelled", "awaiting_payment", "not_collected"])
def test_a_stopped_order_has_no_date(stop: str) -> None:
    assert clears(parcel(1, 3), stop=stop) == Maturity(None, stop)


def test_partly_paid_waits_for_the_rest() -> None:
    assert clears(parcel(1, 3), payment_status="partially_paid") == Maturity(None, "partially_paid")


def test_no_signal_counts_from_payment_not_from_the_order() -> None:
    late: datetime = at(20)
    assert clears(paid_at=late) == Maturity(at(65), "no_delivery_signal")


@pytest.mark.parametrize(
    "delivered",
    [
        datetime(2026, 10, 20, 22, 30, tzinfo=UTC),  # summer time ends in between, in Europe and then in America
        datetime(2027, 3, 20, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 2, 20, 12, tzinfo=UTC),  # a leap day in between
        datetime(2026, 12, 25, 1, tzinfo=UTC),  # over the year's end
    ],
)
def test_a_hold_is_so_many_times_24_hours_whatever_clocks_and_calendars_do(delivered: datetime) -> None:
    placed = delivered - timedelta(days=2)
    item = line("1", 1000)
    made = Fulfilment("f", delivered - timedelta(days=1), delivered, (FulfilledLine("1", 1),))
    order = snapshot(item, fulfilments=(made,), created_at=placed, changed_at=placed, paid_at=placed)
    assert matures(item, order, "", TERMS) == Maturity(delivered + timedelta(hours=360), "delivered")
    # Not before the last tap may come in, to the second.
    at_once = HoldTerms(hold=timedelta(0), no_signal=timedelta(0), wait_for_signal=False, grace=timedelta(hours=49))
    floor = placed + timedelta(hours=49)
    assert matures(item, order, "", at_once).clears_at == floor
    sooner = HoldTerms(timedelta(0), timedelta(0), wait_for_signal=False, grace=timedelta(hours=48))
    assert matures(item, order, "", sooner).clears_at == delivered == placed + timedelta(hours=48)
