"""Sums of any orders, whatever they are by: rows sum to their total, videos to their creator. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.ledger import entry
from connector.earnings.ledger.queries import BESIDE, EARNING
from connector.earnings.ledger.sums import Beside
from connector.insight.reports import asked as asking
from connector.insight.reports import beginnings, beside, engine, table
from connector.insight.reports.asked import DIMENSIONS, Asked
from connector.insight.reports.beginnings import Beginning
from connector.insight.reports.beside import Owed
from connector.insight.reports.engine import InCurrency
from connector.insight.reports.sold import Line, Placed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = asking.of_month(Asked(), NOW)
AMOUNTS = ("sales", "taken_back", "due", "borne", "net", "commission", "beside", "owed", "earned")
# A video is one creator's: x's are 1 and 2, y's is 3.
OWNERS = {"1": "x", "2": "x", "3": "y"}


@st.composite
def lines(draw: st.DrawFn, number: int) -> Line:
    film = draw(st.sampled_from(["1", "2", "3", None]))
    creator = OWNERS[film] if film else draw(st.sampled_from("xy"))
    base = draw(st.integers(0, 10**9))
    back = draw(st.integers(0, base))
    due = draw(st.integers(0, max(0, base - back)))
    return Line(
        str(number), creator, film, draw(st.sampled_from(["A", "B", None])), draw(st.sampled_from(["t1", "t2", None])),
        base, back, due, draw(st.sampled_from([0, 0, 7])),
    )  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> list[Placed]:
    found = []
    for number in range(draw(st.integers(0, 12))):
        found.append(
            Placed(
                f"ord_{number}", draw(st.sampled_from(["s1", "s2"])), NOW - timedelta(hours=draw(st.integers(0, 600))),
                draw(st.sampled_from(["EUR", "JPY"])), draw(st.sampled_from([True, False, None])),
                [draw(lines(line)) for line in range(draw(st.integers(1, 4)))],
            )
        )  # fmt: skip
    return found


@st.composite
def owed(draw: st.DrawFn) -> list[Owed]:
    """What is owed beside orders; below zero: taken back."""
    found = []
    for number in range(draw(st.integers(0, 5))):
        kind, film = draw(st.sampled_from(BESIDE)), draw(st.sampled_from(["1", "3", None]))
        each = Beside(
            f"ent_{number}", kind, f"{kind}:{number}", draw(st.sampled_from(["s1", "s2"])),
            OWNERS[film] if film else draw(st.sampled_from("xy")), film, draw(st.sampled_from(["EUR", "JPY"])),
            draw(st.integers(-(10**6), 10**6)), NOW - timedelta(hours=draw(st.integers(0, 600))),
        )  # fmt: skip
        found.append(Owed(each, draw(st.sampled_from(["t1", "t9", None]))))
    return found


def sums(found: Iterable[InCurrency]) -> dict[str, tuple[int, ...]]:
    return {
        place.currency: tuple(getattr(place.total, name) for name in (*AMOUNTS, "orders", "new", "returning"))
        for place in found
    }


@given(orders(), owed())
def test_a_total_is_the_sum_of_its_rows_whatever_they_are_by(placed: list[Placed], besides: list[Owed]) -> None:
    plain = engine.summed(placed, ASKED, owed=lambda: besides)
    for by in (*((each,) for each in DIMENSIONS), *combinations(DIMENSIONS, 2)):
        found = engine.summed(placed, ASKED, by, drawn=True, owed=lambda: besides)
        assert sums(found) == sums(plain)
        for place in found:
            assert len({row.key for row in place.rows}) == len(place.rows)
            for name in AMOUNTS:
                assert sum(getattr(row.total, name) for row in place.rows) == getattr(place.total, name)
                assert sum(getattr(day, name) for day in place.days.values()) == getattr(place.total, name)
            for kind in BESIDE:
                of_kind = sum((row.total.kinds or {}).get(kind, 0) for row in place.rows)
                assert of_kind == (place.total.kinds or {}).get(kind, 0)
            assert sum(day.orders for day in place.days.values()) == place.total.orders
            assert [row.days is not None for row in place.rows] == [n < engine.DRAWN for n in range(len(place.rows))]
            assert all(sum(row.days.values()) == row.total.sales for row in place.rows if row.days is not None)
            assert max((row.total.orders for row in place.rows), default=0) <= place.total.orders


@given(orders(), owed())
def test_what_is_owed_beside_orders_is_in_its_row_or_in_one_of_its_kind(
    placed: list[Placed], besides: list[Owed]
) -> None:
    """Orders' figures are the same with it and without it."""
    for by in DIMENSIONS:
        rows = {
            (place.currency, row.key[0]): row.total
            for place in engine.summed(placed, ASKED, [by], owed=lambda: besides) for row in place.rows
        }  # fmt: skip
        for place in engine.summed(placed, ASKED, [by]):
            for row in place.rows:
                with_it = rows[place.currency, row.key[0]]
                assert (with_it.sales, with_it.commission, with_it.orders) == (
                    row.total.sales, row.total.earned, row.total.orders
                )  # fmt: skip
        wanted: dict[tuple[str, object], int] = {}
        for each in besides:
            one = each.entry
            value = {
                "creator": one.creator_id, "content": one.content_id or one.kind, "product": one.kind,
                "collaboration": each.collaboration or one.kind, "shop": one.shop_id, "day": one.at.date(),
            }[by]  # fmt: skip
            wanted[one.currency, value] = wanted.get((one.currency, value), 0) + one.amount
        assert {key: total.beside for key, total in rows.items() if total.kinds} == wanted


def test_every_kind_of_entry_is_known_to_the_reports() -> None:
    """A new kind must say whether it owes a creator something: else a report would be less than the ledger."""
    carried = {
        "clearance",
        "settlement",
        "payout",
        "payout_paid",
        "payout_failed",
        "conversion",
        "exchange",
        "reserve",
        "reserve_release",
    }
    of_lines, nobodys = {*EARNING, "absorption"}, {"fee", "receipt"}
    assert of_lines | set(BESIDE) | carried | nobodys == entry.KINDS
    assert set(beside.NAMES) == set(BESIDE)


@given(orders())
def test_a_creators_videos_sum_to_the_creator(placed: list[Placed]) -> None:
    by_creator = engine.summed(placed, ASKED, ["creator"])
    by_both = engine.summed(placed, ASKED, ["creator", "content"])
    for place, whole in zip(by_both, by_creator, strict=True):
        for row in whole.rows:
            of_it = [each.total for each in place.rows if each.key[0] == row.key[0]]
            for name in AMOUNTS:
                assert sum(getattr(each, name) for each in of_it) == getattr(row.total, name)


@given(orders(), st.randoms())
def test_the_order_in_which_orders_come_changes_nothing(placed: list[Placed], rnd: object) -> None:
    shuffled = list(placed)
    rnd.shuffle(shuffled)  # type: ignore[attr-defined]
    for by in DIMENSIONS:
        assert engine.summed(shuffled, ASKED, [by], drawn=True) == engine.summed(placed, ASKED, [by], drawn=True)


@given(orders(), st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(1, 99)))
def test_a_table_has_each_row_once_and_pages_hold_them_all(placed: list[Placed], tapped: dict[str, int]) -> None:
    found = engine.summed(placed, ASKED, ["creator"])
    whole = table.laid(found, {(who,): number for who, number in tapped.items()}, ASKED, "creator")
    ids = [row.id for row in whole.rows]
    assert len(set(ids)) == len(ids)
    assert set(ids) == set(tapped) | {line.creator_id for order in placed for line in order.lines}
    assert sum(row.taps for row in whole.rows) == whole.whole.taps == sum(tapped.values())
    paged, after = [], ""
    while True:
        rows, after = whole.page(after, 1)
        paged += [row.id for row in rows]
        if not after:
            break
    assert paged == ids
    for currency, total in whole.whole.money.items():
        assert total.sales == sum(row.money[currency].sales for row in whole.rows if currency in row.money)


def test_days_are_the_zones_and_hold_both_ends() -> None:
    from zoneinfo import ZoneInfo

    # Berlin's clock goes back on 25 October: that day has 25 hours.
    asked = Asked(zone=ZoneInfo("Europe/Berlin"))
    month = asking.of_month(asked, datetime(2026, 11, 1, 1, tzinfo=UTC), 10)
    days = asking.span(month)
    assert (len(days), days[0].isoformat(), days[-1].isoformat()) == (10, "2026-10-23", "2026-11-01")
    ends = [(month.on(day).since, month.on(day).until) for day in days]
    assert [until for _, until in ends[:-1]] == [since for since, _ in ends[1:]]
    lengths = {
        day.isoformat(): until.astimezone(UTC) - since.astimezone(UTC)
        for day, (since, until) in zip(days, ends, strict=True)
        if since and until
    }
    assert lengths["2026-10-25"] == timedelta(hours=25)
    assert replace(month, since=ends[0][0], until=ends[-1][1]) == month


def test_half_of_those_who_began_took_no_longer() -> None:
    day = timedelta(days=1)
    begun = {
        "a": Beginning(NOW, NOW + timedelta(minutes=1), NOW + 2 * day),
        "b": Beginning(NOW, NOW + timedelta(minutes=5)),
        "c": Beginning(NOW, NOW - day, NOW + day),  # a link that was brought along
        "d": Beginning(NOW, None, NOW + 3 * day),  # by a code alone
        "e": Beginning(NOW),
    }
    found = beginnings.summed(begun)
    assert (found.joined, found.linked, found.sold) == (5, 3, 3)
    assert found.to_link == timedelta(minutes=1)
    assert found.to_sale == 2 * day
    assert beginnings.summed({}).to_link is None
