"""Keeping versions on both databases: outcomes, loose facts, conflicts, replays, refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from connector.commerce.orders import queries, record
from connector.commerce.orders.record import Applied
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.errors import MoneyRefused, PayloadUnreadable
from connector.events import Buyer, Carrier, FulfilledLine, OrderSnapshot, OrderStub, Return
from tests.money.books import shop
from tests.money.builders import at, back, changed, line, off, refund, snapshot

TEST = Scope.system("test")
FIRST = snapshot(line("1", 1000, 2))


def heard(
    session: Session,
    of: Shop,
    order: OrderSnapshot,
    *,
    at: datetime | None = None,
    source: str = "read:test",
    **more: Any,
) -> Applied:
    return record.apply(session, of, order, triggered_at=at or order.changed_at, source=source, **more)


def test_outcomes(database: Database) -> None:
    second = changed(FIRST, total=1)
    with database.write(TEST) as session:
        of = shop(session)
        assert [(a.outcome, a.changed, a.created) for a in (
            heard(session, of, second),
            heard(session, of, second),
            heard(session, of, second, at=at(3)),  # an API read of the same version: only its trigger time counts
            heard(session, of, FIRST),  # gives the oldest version, so it may change what edits added
            heard(session, of, FIRST),
            heard(session, of, changed(second, total=2)),
        )] == [
            ("applied", True, True), ("same_version", False, False), ("same_version", False, False),
            ("stale_version", True, False), ("same_version", False, False), ("applied", True, False),
        ]  # fmt: skip
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        assert len(queries.versions(session, order.id)) == 3
        assert order.oldest_changed_at == FIRST.changed_at
    with database.read(TEST) as session:
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        facts = queries.facts(order)
        assert (facts.snapshot.total, facts.placed_at, facts.first_seen) == (2, at(0), {"1": at(0)})


def test_conflict_wants_a_read_and_is_settled_by_it(database: Database) -> None:
    other = msgspec.structs.replace(FIRST, total=5)
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, FIRST)
        assert heard(session, of, other).outcome == "conflict"
        read = heard(session, of, FIRST, at=at(1))
        assert read.outcome in ("applied", "same_version")
        assert read.order.content_hash == queries.versions(session, read.order.id)[0].content_hash
        assert queries.facts(read.order).snapshot.total == 0


def test_a_later_trigger_brings_an_older_reading_of_one_moment_back(database: Database) -> None:
    other = msgspec.structs.replace(FIRST, total=5)
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, FIRST, at=at(1))
        assert heard(session, of, other, at=at(2)).outcome == "applied"
        again = heard(session, of, FIRST, at=at(3))
        assert (again.outcome, again.changed) == ("applied", True)
        assert queries.facts(again.order).snapshot.total == 0


def test_stale_versions_still_give_refunds_and_carriers(database: Database) -> None:
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, changed(FIRST, changed_at=at(5)))
        stale = changed(FIRST, refunds=(refund("1", back("1", 1, 1000)),), carriers=(Carrier("referral", "t"),))
        done = heard(session, of, stale)
        assert (done.outcome, done.changed) == ("stale_version", True)
        facts = queries.facts(done.order)
        assert [r.refund_ref for r in facts.refunds] == ["1"]
        assert facts.carriers == (Carrier("referral", "t"),)
        assert facts.snapshot.changed_at == at(5)


def test_a_refund_before_its_order_is_parked_and_found(database: Database) -> None:
    stub = OrderStub("7001", (refund("1", back("1", 1, 1000), status="pending"),), (FulfilledLine("1", 1),), "e1")
    with database.write(TEST) as session:
        of, other = shop(session), shop(session)
        assert record.take_stub(session, of, stub, source="delivery:1") is None
        assert record.take_stub(session, of, stub, source="delivery:2") is None  # the same again
        assert {fact.kind for fact in queries.parked(session, of.id)} == {"refund", "edit"}
        assert queries.parked(session, other.id) == []
        assert queries.facts(heard(session, other, FIRST).order).refunds == ()
        facts = queries.facts(heard(session, of, FIRST).order)
        assert [r.refund_ref for r in facts.refunds] == ["1"]
        assert facts.added_units == {"1": 1}
        assert queries.parked(session) == []
        later = OrderStub("7001", (refund("1", back("1", 1, 1000), status="success"),))
        done = record.take_stub(session, of, later, source="delivery:3")
        assert done is not None
        assert done.changed
        assert [t.status for t in queries.facts(done.order).refunds[0].transactions] == ["success"]
        again = record.take_stub(session, of, stub, source="delivery:1")
        assert again is not None
        assert not again.changed


def test_an_edit_without_a_ref_counts_once_a_delivery(database: Database) -> None:
    stub = OrderStub("7001", edit_added=(FulfilledLine("1", 1),))
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, FIRST)
        for source in ("delivery:1", "delivery:1"):
            record.take_stub(session, of, stub, source=source)
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        assert order.added_units == {"1": 1}


def test_a_newer_translator_replaces_what_it_read_before(database: Database) -> None:
    """The same delivery, read anew, isn't a conflict: what the older translator made of it doesn't count any more."""
    wrong = msgspec.structs.replace(FIRST, carriers=(Carrier("referral", "wrong"),))
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, wrong, source="delivery:7")
        done = heard(session, of, FIRST, source="delivery:7")
        assert (done.outcome, done.changed) == ("applied", True)
        assert queries.facts(done.order).carriers == ()
        assert [v.superseded for v in queries.versions(session, done.order.id)].count(True) == 1


def test_the_buyer_is_a_keyed_hash_of_the_oldest_version(database: Database) -> None:
    with database.write(TEST) as session:
        of, other = shop(session), shop(session)
        heard(session, of, changed(FIRST, total=1), buyer=Buyer(customer_ref="2"))
        order = heard(session, of, FIRST, buyer=Buyer(customer_ref="1", email="a@example.com")).order
        assert order.buyer_hash == record.buyer_hash(of.id, Buyer(customer_ref="1"))
        assert order.buyer_hash is not None
        assert len(order.buyer_hash) == 32
        assert record.buyer_hash(other.id, Buyer(customer_ref="1")) != order.buyer_hash
    assert record.buyer_hash("s", Buyer(email=" A@Example.com ")) == record.buyer_hash(
        "t", Buyer(email="a@example.com")
    )
    assert record.buyer_hash("s", Buyer(phone="+1 (555) 010")) == record.buyer_hash("s", Buyer(phone="1555010"))
    assert record.buyer_hash("s", Buyer(email=" ")) is None


@pytest.mark.parametrize(
    ("order", "path"),
    [
        (snapshot(line("1", 1000, -1)), "$.lines[0].quantity"),
        (snapshot(line("1", 1000), line("1", 2000)), "$.lines"),
        (snapshot(line("1", 10**12, 10**6)), "$.lines[0].unit_price"),
        (snapshot(line("1", 1000, allocations=off(-1))), "$.lines[0].allocations"),
        (snapshot(line("1", 1000), refunds=(refund("1", back("1", -1, 5)),)), "$.refunds[0].lines"),
    ],
)
def test_refused(database: Database, order: OrderSnapshot, path: str) -> None:
    with database.write(TEST) as session:
        of = shop(session)
        with pytest.raises(PayloadUnreadable) as refused:
            heard(session, of, order)
        assert refused.value.path == path
        assert queries.by_ref(session, of.id, "7001") is None


def test_an_order_keeps_its_currency(database: Database) -> None:
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, FIRST)
        with pytest.raises(PayloadUnreadable, match="currency"):
            heard(session, of, changed(FIRST, currency="EUR"))
        with pytest.raises(MoneyRefused):
            heard(session, of, changed(FIRST, currency="ABC"))


def test_an_order_without_lines_is_refused_and_what_is_known_stays(database: Database) -> None:
    """A store keeps removed lines, so a body without any is cut: it must take nothing back."""
    with database.write(TEST) as session:
        of = shop(session)
        heard(session, of, FIRST)
        with pytest.raises(PayloadUnreadable, match=r"\$\.lines"):
            heard(session, of, snapshot(changed_at=at(1)))
        negative = OrderStub("7001", refunds=(refund("9", back("1", -1, 100)),))
        with pytest.raises(PayloadUnreadable, match=r"\$\.refunds\[0\]\.lines"):
            record.take_stub(session, of, negative, source="delivery:n")
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        assert queries.facts(order).snapshot.lines == FIRST.lines


def test_gone(database: Database) -> None:
    with database.write(TEST) as session:
        of = shop(session)
        assert record.mark_gone(session, of.id, "7001", at(1)) is False
        heard(session, of, FIRST)
        assert record.mark_gone(session, of.id, "7001", at(1)) is True
        assert record.mark_gone(session, of.id, "7001", at(2)) is True
    with database.read(TEST) as session:
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        assert order.gone_at == at(1)


def test_buyers_are_forgotten_in_every_version(database: Database) -> None:
    with database.write(TEST) as session:
        of, other = shop(session), shop(session)
        for each in (of, other):
            heard(session, each, FIRST, buyer=Buyer(customer_ref="1"))
            heard(session, each, changed(FIRST, total=1), buyer=Buyer(customer_ref="1"))
        assert record.forget_buyers(session, of.id, ["7001", "7002"]) == 1
        session.expire_all()
        mine, theirs = queries.by_ref(session, of.id, "7001"), queries.by_ref(session, other.id, "7001")
        assert mine is not None
        assert theirs is not None
        assert [mine.buyer_hash, *(v.buyer_hash for v in queries.versions(session, mine.id))] == [None] * 3
        assert None not in [theirs.buyer_hash, *(v.buyer_hash for v in queries.versions(session, theirs.id))]
        # A later version that names nobody brings no one back.
        again = heard(session, of, changed(FIRST, total=2, changed_at=at(9)))
        assert again.order.buyer_hash is None


@pytest.mark.parametrize("late", [False, True])
def test_a_line_is_of_its_product_after_the_store_deleted_it(database: Database, late: bool) -> None:
    """A store that deletes a product forgets it in its orders' lines; whichever version comes first, we don't."""
    [bought] = FIRST.lines
    named = changed(FIRST, lines=(msgspec.structs.replace(bought, product_ref="91", variant_ref="92"),))
    forgot = changed(
        FIRST, changed_at=at(5), lines=(msgspec.structs.replace(bought, product_ref=None, variant_ref=None),)
    )
    with database.write(TEST) as session:
        of = shop(session)
        for version in (forgot, named) if late else (named, forgot):
            heard(session, of, version)
        order = queries.by_ref(session, of.id, "7001")
        assert order is not None
        facts = queries.facts(order)
        assert facts.snapshot.changed_at == at(5)
        assert [(one.product_ref, one.variant_ref) for one in facts.snapshot.lines] == [("91", "92")]


def test_a_read_says_when_a_return_is_open_and_keeps_nothing_where_there_never_was_one(database: Database) -> None:
    none, back_ = Return("order", "closed", said_at=at(1)), Return("order", "open", said_at=at(2))
    with database.write(TEST) as session:
        of = shop(session)
        assert heard(session, of, FIRST, at=at(1), returns=[none]).order.returns == "[]"
        assert queries.loose_facts(session, of.id, "7001") == []
        opened = heard(session, of, FIRST, at=at(2), returns=[back_])
        assert (opened.changed, queries.facts(opened.order).on_its_way_back("1")) == (True, True)
        closed = heard(session, of, FIRST, at=at(3), returns=[Return("order", "closed", said_at=at(3))])
        assert (closed.changed, queries.facts(closed.order).on_its_way_back("1")) == (True, False)
        # One that names lines holds these alone; what was said earlier and heard later changes nothing.
        named = OrderStub("7001", returns=(Return("r1", "open", said_at=at(4), lines=("2",)), back_))
        record.take_stub(session, of, named, source="delivery:r")
        facts = queries.facts(closed.order)
        assert [facts.on_its_way_back(ref) for ref in ("1", "2")] == [False, True]
