"""What several versions of an order say together, as a pure function of the set."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest

from connector.commerce.orders.collect import Collected, Version, collect
from connector.events import Carrier, FulfilledLine, OrderSnapshot, Refund, Transaction, content_hash
from tests.money.builders import PLACED, at, back, line, refund, snapshot


def version(
    order: OrderSnapshot, *, changed: datetime, triggered: datetime | None = None, buyer: str | None = None
) -> Version:
    order = msgspec.structs.replace(order, changed_at=changed)
    return Version(changed, triggered or changed, content_hash(order), order, buyer)


def alike(versions: Sequence[Version], refunds: Sequence[Refund] = (), **edits: Sequence[FulfilledLine]) -> Collected:
    """The one result of every order of arrival."""
    results = [
        collect(some, some_refunds, edits)
        for some in itertools.permutations(versions)
        for some_refunds in itertools.permutations(refunds)
    ]
    assert all(result == results[0] for result in results)
    return results[0]


ORDER = snapshot(line("1", 1000))


def test_newer_is_the_later_instant_then_the_later_trigger() -> None:
    early, late = version(ORDER, changed=at(0)), version(snapshot(line("1", 2000)), changed=at(1))
    assert alike([early, late]).newest == late
    same_time = version(snapshot(line("1", 3000)), changed=at(1), triggered=at(2))
    got = alike([early, late, same_time])
    assert (got.newest, got.disputed) == (same_time, False)


def test_equal_times_and_other_content_are_disputed_and_still_decided_alike() -> None:
    one, other = version(ORDER, changed=at(1)), version(snapshot(line("1", 2000)), changed=at(1))
    got = alike([one, other])
    assert got.disputed
    assert got.newest.content_hash == max(one.content_hash, other.content_hash)
    read = version(snapshot(line("1", 2000)), changed=at(1), triggered=at(1, seconds=9))
    assert alike([one, read]).disputed is False
    newer = version(ORDER, changed=at(2))
    assert alike([one, other, newer]).disputed is False


def test_the_buyer_is_that_of_the_oldest_version_that_names_one() -> None:
    versions = [
        version(ORDER, changed=at(0)),
        version(ORDER, changed=at(1), buyer="first"),
        version(ORDER, changed=at(2), buyer="second"),
    ]
    assert alike(versions).buyer_hash == "first"
    assert alike(versions[:1]).buyer_hash is None


def test_carriers_are_a_set_over_all_versions() -> None:
    one, two = Carrier("cart_attribute", "t1", "_cc"), Carrier("line_property", "t2", "_cc", "1")
    old = version(snapshot(line("1", 1000), carriers=(one, two)), changed=at(0))
    new = version(snapshot(line("1", 1000), carriers=(one,)), changed=at(1))
    assert alike([old, new]).carriers == (one, two)


@pytest.mark.parametrize("named", [{}, {"e1": [FulfilledLine("2", 2)]}])
def test_units_of_lines_that_the_oldest_version_lacks_were_added(named: dict[str, list[FulfilledLine]]) -> None:
    old = version(ORDER, changed=at(0))
    new = version(snapshot(line("1", 1000, 3), line("2", 500, 2)), changed=at(1))
    got = alike([old, new], **named)
    assert got.added_units == {"1": 2, "2": 2}
    assert got.first_seen == {"1": at(0), "2": at(1)}


def test_an_edit_names_units_where_the_oldest_known_version_came_after_it() -> None:
    new = version(snapshot(line("1", 1000), line("2", 500, 2)), changed=at(1))
    assert alike([new]).added_units == {}
    assert alike([new], e1=[FulfilledLine("2", 1)], e2=[FulfilledLine("2", 1)]).added_units == {"2": 2}
    said = version(snapshot(line("1", 1000), line("2", 500, 2, edit_added=1)), changed=at(1))
    assert alike([said]).added_units == {"2": 1}
    assert alike([said], e1=[FulfilledLine("2", 9)]).added_units == {"2": 2}


def moved(*statuses: str, ref: str = "1", days: float = 1) -> Refund:
    moves = tuple(Transaction(f"t{n}", status) for n, status in enumerate(statuses))  # type: ignore[arg-type]
    return refund(ref, back("1", 1, 100), transactions=moves, days=days)


def holding(refund: Refund, days: float) -> Version:
    return version(snapshot(line("1", 1000), refunds=(refund,)), changed=at(days))


@pytest.mark.parametrize(
    ("older", "newer", "alone", "counts"),
    [
        ("pending", "success", None, "success"),
        ("success", "pending", None, "success"),  # a final status is never replaced by pending
        ("failure", "pending", "pending", "failure"),
        ("success", "failure", None, "failure"),  # of two finals the newest version's
        ("failure", "success", "failure", "success"),
        ("pending", "pending", "success", "success"),
        ("failure", None, "success", "failure"),  # a version knows better than a record that came alone
    ],
)
def test_transactions_are_merged_by_id(older: str, newer: str | None, alone: str | None, counts: str) -> None:
    versions = [holding(moved(older), 1)]
    versions += [holding(moved(newer), 2)] if newer else [version(ORDER, changed=at(2))]
    got = alike(versions, [moved(alone)] if alone else [])
    assert [move.status for move in got.refunds[0].transactions] == [counts]


def test_two_finals_outside_any_version_are_a_success() -> None:
    got = alike([version(ORDER, changed=at(0))], [moved("failure"), moved("success"), moved("pending")])
    assert [move.status for move in got.refunds[0].transactions] == ["success"]


def test_refunds_are_ordered_by_creation_then_id_as_a_number() -> None:
    alone = [moved("success", ref="10"), moved("success", ref="9"), moved("success", ref="8", days=2)]
    assert [r.refund_ref for r in alike([version(ORDER, changed=at(0))], alone).refunds] == ["9", "10", "8"]


def test_a_refund_that_a_newer_version_lost_stays() -> None:
    got = alike([holding(moved("success"), 1), version(ORDER, changed=at(2))])
    assert [r.refund_ref for r in got.refunds] == ["1"]


def test_a_refund_that_a_store_with_whole_lists_deleted_is_no_more() -> None:
    """Whatever arrived first; and one that came back, or came later, counts."""
    one, other = moved(ref="1"), moved(ref="2")

    def whole(*refunds: Refund, days: float, heard: float) -> Version:
        listed = snapshot(line("1", 1000), refunds=refunds, refunds_whole=True)
        return version(listed, changed=at(days), triggered=at(heard))

    kept = whole(one, other, days=1, heard=1)
    deleted = whole(other, days=1, heard=2)  # the order's change time doesn't move
    assert [r.refund_ref for r in alike([kept, deleted]).refunds] == ["2"]
    assert [r.refund_ref for r in alike([kept, deleted, whole(one, other, days=2, heard=3)]).refunds] == ["1", "2"]


def test_what_a_store_gives_no_time_was_when_it_was_first_told() -> None:
    """Its status alone tells of it, so each later version says its own change time: nothing moves behind a payout."""

    def told(days: float, *, cancelled: bool = True) -> Version:
        gone = msgspec.structs.replace(ORDER, cancelled_at=at(days) if cancelled else None)
        return version(msgspec.structs.replace(gone, refunds=(moved(ref="by-hand", days=days),)), changed=at(days))

    got = alike([told(1, cancelled=False), told(2), told(5)])
    assert (got.newest.changed_at, got.newest.snapshot.cancelled_at) == (at(5), at(2))
    assert [refund.created_at for refund in got.refunds] == [moved(days=1).created_at]
    assert alike([told(1), told(2, cancelled=False)]).newest.snapshot.cancelled_at is None
    assert alike([told(1), told(2, cancelled=False), told(3)]).newest.snapshot.cancelled_at == at(3)


def test_instants_are_compared_not_texts() -> None:
    """A time with another offset is the same moment: the platform's `+02:00` isn't later than our `Z`."""
    early = version(ORDER, changed=datetime.fromisoformat("2026-10-05T14:30:00+02:00"))
    late = version(snapshot(line("1", 2000)), changed=PLACED + timedelta(minutes=31))
    assert alike([early, late]).newest == late
