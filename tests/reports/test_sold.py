"""What creators sold, over real orders: every way of summing agrees with orders' pages, the ledger and each other."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution.tables import KnownBuyer
from connector.earnings.commission import fees
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import journal, sums
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.ledger.queries import BESIDE
from connector.earnings.ledger.tables import Entry, Posting
from connector.events import Line, Refund, RefundLine, Transaction
from connector.insight.reports import asked as asking
from connector.insight.reports import beside, drill, engine, sold, table, taps
from connector.insight.reports.asked import DIMENSIONS, NONE, Asked
from connector.insight.reports.engine import InCurrency
from connector.programme.content import attach, views
from connector.programme.content.views import Told
from connector.programme.creators.tables import Creator
from tests.attribution.world import DAY, PLACED, World
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle, told

ZONE = ZoneInfo("Europe/Berlin")


def month(world: World, until: Any = PLACED + 2 * DAY, **narrowed: Any) -> Asked:
    return asking.of_month(Asked(shop_id=world.shop_id, zone=ZONE, **narrowed), until)


def test_sums_by_day_and_creator_agree_with_the_orders(world: World) -> None:
    x, y = world.tap("x", "A"), world.tap("y", "B")
    refund = Refund("r1", PLACED + DAY, (RefundLine("rl", "1", 1, 2000),), transactions=(Transaction("t", "success"),))
    hear(world, [x.token, y.token], ref="7001")
    hear(world, [x.token, y.token], ref="7001", at=PLACED + DAY, refunds=(refund,),
         lines=(Line("1", 2, 1, 2000, product_ref="A"), Line("2", 1, 1, 1500, product_ref="B")))  # fmt: skip
    hear(world, [x.token], ref="7002", lines=(Line("1", 1, 1, 900, product_ref="A"),))
    hear(world, [], ref="7003")
    hear(world, [x.token], ref="7004", cancelled_at=PLACED)
    hear(world, [x.token], ref="7005", payment_status="pending", lines=(Line("1", 1, 1, 5, product_ref="A"),))
    with world.database.read(SYSTEM) as session:
        (euros,) = engine.read(session, month(world), ["creator"], drawn=True)
        assert session.query(Order.id).count() == 5
        by_creator = table.read(session, month(world), "creator")
        named = by_creator.rows
        table.name(session, by_creator, named)
        outside = [month(world, PLACED - DAY), month(world, PLACED + timedelta(days=31)), Asked(shop_id="shp_other")]
        assert [engine.read(session, each) for each in outside] == [[], [], []]
    assert (euros.currency, euros.total.sales, euros.total.orders) == ("EUR", 4000 + 1500 + 900, 2)
    assert (euros.total.taken_back, euros.total.net) == (2000, 4400)
    assert euros.total.due == sum(told(world, ref)["answer"]["due"] for ref in ("7001", "7002"))
    assert [(row.name, row.money["EUR"].sales, row.orders, row.taps) for row in named] == [
        ("X", 4900, 2, 1), ("Y", 1500, 1, 1),
    ]  # fmt: skip
    assert len(euros.days) == 30
    assert sum(day.sales for day in euros.days.values()) == euros.total.sales
    assert [day for day, total in euros.days.items() if total.sales] == [PLACED.astimezone(ZONE).date()]


def test_a_random_months_sums_agree_whatever_they_are_by(world: World) -> None:
    """By the lines that evaluations keep short and as they stand whole; with the ledger; rows with their total; the
    orders beneath a row with the row. Rows from before lines were kept short give the same."""
    rnd = random.Random(20)
    with world.database.write(SYSTEM) as session:
        films = [attach.ensure(session, world.creators["x"], "app", f"v{n}", "video", f"Film {n}").id for n in range(2)]
    touched = [
        world.tap("x", "A", content_id=films[0]), world.tap("x", "B", content_id=films[1]),
        world.tap("x", "B", PLACED - 2 * DAY), world.tap("y", "B", PLACED - 3 * DAY), world.tap("y", "A"),
    ]  # fmt: skip
    for number in range(12):
        _random_order(world, rnd, f"{8000 + number}", [each.token for each in rnd.sample(touched, rnd.randrange(4))])
    with world.database.write(SYSTEM) as session:
        _known_buyers(session, world)
        _owe_beside(session, world, films[0])
        kept = _all_ways(session, month(world))
        assert _plain(session, kept["creator"]) == _line_by_line(session)
        session.execute(sa.update(Evaluation).where(Evaluation.id > session.scalar(_MIDDLE)).values(sold=None))
        assert _all_ways(session, month(world)) == kept
        for creator_id in world.creators.values():
            of_creator = engine.read(session, Asked(creator_id=creator_id), ["content"])
            balance = sum(each.owed for each in ledger.balances(session, creator_id=creator_id))
            assert sum(each.total.earned for each in of_creator) == balance
            assert sum(row.total.earned for each in of_creator for row in each.rows) == balance
            assert {kind: amount for each in of_creator for kind, amount in (each.total.kinds or {}).items()} == (
                _of_kinds(session, creator_id)
            )
        for by in ("creator", "content", "product", "collaboration", "day"):
            _rows_are_their_orders(session, month(world), by)
        whole = "".join(table.orders_as_csv(session, month(world), with_buyers=True))
        shop = session.get_one(Shop, world.shop_id)
        named = table.read(session, replace(month(world), shop_id=None), "collaboration")
        rows_of = [row for row in named.some(0, 50) if row.id.startswith("trm_")]
        table.name(session, named, rows_of)
        assert rows_of
        assert all(row.name.endswith(f" · {shop.name or shop.domain}") for row in rows_of), "of which shop"
    rows = list(csv.DictReader(io.StringIO(whole)))
    orders = [row for row in rows if row["kind"] == "order"]
    assert sum(100 * Decimal(row["net_sales"]) for row in orders) == kept["creator"].total.net
    assert sum(100 * Decimal(row["earned"]) for row in rows) == kept["creator"].total.earned
    assert {row["kind"] for row in rows} == {"order", *BESIDE}
    assert kept["creator"].total.taken_back > 0
    assert kept["creator"].total.new > 0 < kept["creator"].total.returning
    buyers = [row["buyer"] for row in orders]
    assert [buyers.count(each) for each in ("new", "returning")] == [
        kept["creator"].total.new, kept["creator"].total.returning,
    ]  # fmt: skip
    assert {row.key[0] for row in kept["content"].rows} == {None, *films, "bonus", "opening", "reimbursement"}


def _owe_beside(session: Any, world: World, film: str) -> None:
    """Of each kind something, for a video and for none, some of it taken back."""
    x, y = world.creators["x"], world.creators["y"]
    said: dict[str, Any] = {"shop_id": world.shop_id, "currency": "EUR"}
    fee, sample = fees.flat_fee("neg_1"), fees.reimbursement("smp_1")
    fees.owe(session, subject=fee, kind="flat_fee", creator_id=x, amount=9000, reason="content_approved", at=PLACED,
             content_id=film, **said)  # fmt: skip
    fees.owe(
        session, subject=sample, kind="reimbursement", creator_id=y, amount=2490, reason="sample", at=PLACED, **said
    )
    fees.owe(
        session, subject=sample, kind="reimbursement", creator_id=y, amount=490, reason="less", at=PLACED + DAY, **said
    )
    for kind, subject, who, amount in (("bonus", f"bonus:evt_1:{x}", x, 200), ("opening", "opening:imp_1:1", y, -70)):
        account = "creator_pending" if kind == "bonus" else "creator_settled"
        sides = (DraftPosting("merchant_receivable", amount), owed(account, amount, who))
        journal.post(session, Draft(reference=subject, subject=subject, kind=kind, reason="test", occurred_at=PLACED,
                                    creator_id=who, postings=sides, **said))  # fmt: skip


def _of_kinds(session: Any, creator_id: str) -> dict[str, int]:
    """What the ledger holds of each kind that isn't about an order's line, by its postings alone."""
    kinds = sa.select(Entry.kind, -sa.func.sum(Posting.amount)).join(Posting, Posting.entry_id == Entry.id)
    mine = (Posting.creator_id == creator_id, Entry.line_ref.is_(None))
    return dict(session.execute(kinds.where(*mine).group_by(Entry.kind)).all())


def _random_order(world: World, rnd: random.Random, ref: str, tokens: list[str]) -> None:
    lines = [("A", rnd.randrange(1, 4)), (rnd.choice("ABC"), 1), ("B", 2)]
    said: dict[str, Any] = {
        "ref": ref, "payment_status": rnd.choice(["paid", "paid", "paid", "pending"]),
        "customer": rnd.choice(["c1", "c2", "c3"]),
        "lines": tuple(
            Line(f"{place}", units, units, rnd.randrange(1, 9999), product_ref=product)
            for place, (product, units) in enumerate(lines[: rnd.randrange(1, 4)])
        ),
    }  # fmt: skip
    hear(world, tokens, **said)
    if rnd.random() < 0.6:
        line = rnd.choice(said["lines"])
        given = RefundLine("l", line.line_ref, 1, rnd.randrange(1, line.unit_price + 1))
        back = Refund(f"r{ref}", PLACED + DAY, (given,), transactions=(Transaction("t", "success"),))
        said["payment_status"] = "paid"
        hear(world, tokens, at=PLACED + DAY, refunds=(back,), **said)


def _known_buyers(session: Any, world: World) -> None:
    """One of the buyers had ordered here before."""
    known = session.scalar(sa.select(Order.buyer_hash).where(Order.buyer_hash.is_not(None)).order_by(Order.id).limit(1))
    session.add(KnownBuyer(id=new_id("kby"), shop_id=world.shop_id, buyer_hash=known, order_id="x", since=PLACED - DAY))
    session.flush()


def _all_ways(session: Any, asked: Asked) -> dict[str, InCurrency]:
    """By each dimension and by two at once: each has the same total, and rows that sum to it."""
    found = {}
    for by in (*[(each,) for each in DIMENSIONS], ("creator", "content"), ("content", "day", "product")):
        (euros,) = engine.read(session, asked, by, with_buyers=True)
        for name in ("sales", "taken_back", "due", "borne"):
            assert sum(getattr(row.total, name) for row in euros.rows) == getattr(euros.total, name), (by, name)
        assert all(row.total.new + row.total.returning <= row.total.orders for row in euros.rows)
        found["+".join(by)] = euros
    assert len({tuple(str(getattr(each.total, name)) for name in ("sales", "due", "orders", "new", "returning"))
                for each in found.values()}) == 1  # fmt: skip
    of_films: dict[Any, int] = {}
    for row in found["creator+content"].rows:
        of_films[row.key[0]] = of_films.get(row.key[0], 0) + row.total.earned
    assert of_films == {row.key[0]: row.total.earned for row in found["creator"].rows}  # Σ videos = creator
    return found


def _paged(session: Any, asked: Asked) -> list[beside.Owed]:
    """Pages of two are the whole of it, in its order."""
    whole, found, behind = beside.read(session, asked), [], None
    while not found or behind is not None:
        some, behind = beside.page(session, asked, behind=behind, limit=2)
        found += some
        if not some:
            break
    assert found == whole
    return found


def _rows_are_their_orders(session: Any, asked: Asked, by: str) -> None:
    whole = table.read(session, asked, by, with_buyers=True)
    for row in whole.rows:
        if by == "day":
            narrowed = asked.on(date.fromisoformat(row.id)) if row.money else None
        else:
            narrowed = asking.narrowed(session, asked, **{by: row.id})
        if narrowed is None:
            continue
        found, pages, before = [], 0, None
        while pages == 0 or before is not None:
            some, before = drill.orders(session, narrowed, before=before, limit=3, with_buyers=True)
            found, pages = [*found, *some], pages + 1
        assert len({each.order_id for each in found}) == len(found) == row.orders
        for name in ("net", "new", "returning"):
            of_row = sum(getattr(each, name) for each in row.money.values())
            assert sum(getattr(each.total, name) for each in found) == of_row
        besides = [each.entry.amount for each in _paged(session, narrowed)]
        assert sum(each.total.earned for each in found) + sum(besides) == sum(
            each.earned for each in row.money.values()
        )
        assert bool(besides) == row.beside
        assert sum(taps.count(session, narrowed).values()) == row.taps or by == "day"


_MIDDLE = sa.select(Evaluation.id).order_by(Evaluation.id).offset(6).limit(1)


def _plain(session: Any, found: InCurrency) -> dict[str, tuple[int, ...]]:
    names = dict(session.execute(sa.select(Creator.id, Creator.name)).all())
    sums = {"": found.total} | {names[row.key[0]]: row.total for row in found.rows}
    return {who: (of.orders, of.sales, of.taken_back, of.due) for who, of in sums.items()}


def _line_by_line(session: Any) -> dict[str, tuple[int, ...]]:
    newest: dict[str, Evaluation] = {}
    for row in session.scalars(sa.select(Evaluation).order_by(Evaluation.sequence)):
        newest[row.order_id] = row
    names = dict(session.execute(sa.select(Creator.id, Creator.name)).all())
    lines = [
        (who, row.order_id, line)
        for row in newest.values() if not row.reason
        for line in row.lines if line["creator_id"] is not None
        for who in ("", names[line["creator_id"]])
    ]  # fmt: skip
    return {
        who: (
            len({order_id for whose, order_id, _ in lines if whose == who}),
            *(sum(line[name] for whose, _, line in lines if whose == who) for name in ("base", "refunded_base", "due")),
        )
        for who, _, _ in lines
    }


def test_what_the_platform_bore_is_kept_and_not_due(sqlite_world: World) -> None:
    """A refund after the payout of a shop that lets the platform bear it: the report still is what the ledger holds."""
    world = sqlite_world
    with world.database.write(SYSTEM) as session:
        settings.change(session, world.shop_id, "after_payout", "absorb", by="test", now=PLACED - 30 * DAY)
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING + DAY)
    at = CLOSING + 3 * DAY
    back = Refund("r1", at, (RefundLine("rl", "1", 2, 4000),), transactions=(Transaction("t", "success"),))
    hear(world, [touch.token], at=at, refunds=(back,), fulfilments=(parcel(DELIVERED),))
    with world.database.read(SYSTEM) as session:
        (euros,) = engine.read(session, Asked(creator_id=world.creators["x"]), ["content"])
        (balance,) = ledger.balances(session, creator_id=world.creators["x"])
        (order,), _ = drill.orders(session, Asked(shop_id=world.shop_id))
    assert (euros.total.due, euros.total.borne) == (0, 400)
    assert euros.total.earned == balance.owed + balance.in_transit + balance.paid == 400
    assert order.total.earned == 400


def test_a_table_names_its_rows_counts_views_and_defuses_its_file(sqlite_world: World) -> None:
    world = sqlite_world
    with world.database.write(SYSTEM) as session:
        film = attach.ensure(session, world.creators["x"], "app", "v1", "video", "=cmd()").id
        views.tell(session, [Told(film, 10, PLACED - 40 * DAY), Told(film, 250, PLACED)], by="t", now=PLACED + DAY)
    hear(world, [world.tap("x", "A", content_id=film).token])
    hear(world, [world.tap("y", "A").token], ref="7002", lines=(Line("1", 1, 1, 900, product_ref="A"),))
    with world.database.read(SYSTEM) as session:
        found = table.read(session, month(world), "content")
        rows_of = found.rows
        table.name(session, found, rows_of)
        whole = "".join(table.as_csv(session, found))
        by_terms = table.read(session, month(world), "collaboration")
        named = by_terms.rows
        table.name(session, by_terms, named)
    assert [(row.id, row.views, row.taps, row.orders, row.rate_bp) for row in rows_of] == [
        (film, 240, 1, 1, 10_000), (NONE, None, 1, 1, 10_000),
    ]  # fmt: skip
    rows = list(csv.reader(io.StringIO(whole)))
    assert rows[0][0] == "content"
    assert rows[1][1] == "'=cmd()"
    assert rows[1][3:6] == ["240", "1", "1"]
    assert [(row.name, row.orders) for row in named] == [("Open: whole shop", 2)]


def test_a_creators_orders_are_found_by_their_decisions_alone(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row of a decision is read, and no other order is gone through, where something was borne neither."""
    seen: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.extend(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    narrowed = ({}, {"content_id": "v"}, {"since": PLACED, "until": PLACED + DAY}, {"shop_id": "s", "since": PLACED})
    for borne in ({}, {"ord_1": [sums.Absorbed("1", "x", None, 5)]}):
        monkeypatch.setattr(sums, "absorbed", lambda _session, borne=borne, **_: borne)
        for one in narrowed:
            seen.clear()
            with sqlite_world.database.read(SYSTEM) as session:
                sa.event.listen(session.connection(), "before_cursor_execute", explain)
                assert list(sold.lines(session, Asked(creator_id="x", **one), with_buyers=True)) == []
            plan = "\n".join(seen)
            assert "decisions USING COVERING INDEX ix_decisions_creator_id_content_id_order_id" in plan, plan
            assert "SEARCH orders USING INDEX sqlite_autoindex_orders_1 (id=?)" in plan, plan
            assert "SCAN orders" not in plan, plan


def test_what_is_few_among_millions_is_found_by_its_index(sqlite_world: World) -> None:
    """A partial index helps only who asks word for word what it is of."""
    seen: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "ledger_entries" in statement:
            seen.append(" ".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

    engine_of = sqlite_world.database.engine
    sa.event.listen(engine_of, "before_cursor_execute", explain)
    try:
        with sqlite_world.database.read(SYSTEM) as session:
            for narrowed in ({"creator_id": "x"}, {"shop_id": "x"}, {"shop_id": "x", "creator_id": "y"}):
                sums.absorbed(session, **narrowed)
                sums.beside(session, **narrowed)
    finally:
        sa.event.remove(engine_of, "before_cursor_execute", explain)
    assert [("ix_ledger_postings_absorbed" in plan, "ix_ledger_entries_beside" in plan) for plan in seen] == [
        (True, False), (False, True),
    ] * 3  # fmt: skip
