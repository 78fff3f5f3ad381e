"""The chain and the running balances on both databases: behind all writers, exact at any moment, and bent by nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from connector.db import Database, Scope
from connector.earnings.ledger import chain, checks, journal, queries, reading, running, seal
from connector.earnings.ledger.entry import Draft, DraftPosting, moved, owed
from connector.earnings.ledger.tables import ChainHead, Entry, Posting, Seal, Unsealed
from connector.operations import sealing
from tests.ledger.test_ledger import TEST, accrual


def books(number: int, shop: str = "shp_1", currency: str = "EUR", creator: str = "crt_x") -> list[Draft]:
    """An accrual, part of it taken back, the rest cleared."""
    about = {
        "shop_id": shop, "currency": currency, "creator_id": creator, "subject": f"line:{shop}:{number}",
        "order_id": f"ord_{shop}_{number}", "content_id": None,
    }  # fmt: skip
    receivable, pending = "merchant_receivable", "creator_pending"
    return [
        accrual(reference=f"{shop}{number}a", postings=(DraftPosting(receivable, 600), owed(pending, 600, creator)),
                **about),
        accrual(reference=f"{shop}{number}b", kind="reversal",
                postings=(DraftPosting(receivable, -number), owed(pending, -number, creator)), **about),
        accrual(reference=f"{shop}{number}c", kind="clearance",
                postings=moved(pending, "creator_cleared", 600 - number, creator), **about),
    ]  # fmt: skip


@contextmanager
def past_the_triggers(database: Database) -> Iterator[Session]:
    """As a hand at the database would go: nothing refuses."""
    with database.write(TEST) as session:
        if database.is_sqlite:
            names = session.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
            for name in names:
                session.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        yield session


def wrong(database: Database) -> dict[str, list[str]]:
    with database.snapshot(TEST) as session:
        found: dict[str, list[str]] = {}
        for one in checks.examine(session):
            found.setdefault(one.check, []).append(f"{one.about}: {one.detail}")
        return found


def _by_pages(session: Session, shop_id: str | None = None) -> list[queries.Balance]:
    found: list[queries.Balance] = []
    while page := queries.balances_behind(
        session, (found[-1].shop_id, found[-1].creator_id, found[-1].currency) if found else None, 1, shop_id=shop_id
    ):
        found += page
    return found


def test_sealing_moves_no_balance_and_leaves_nothing_out(database: Database) -> None:
    with database.write(TEST) as session:
        for number, creator in ((1, "crt_x"), (2, "crt_z")):
            journal.post_all(session, books(number, creator=creator))
        journal.post_all(session, books(3, "shp_2", "JPY", "crt_y"))
    with database.read(TEST) as session:
        before = running.running(session)
        assert before == running.summed(session)
        rows = session.scalars(sa.select(Entry)).all()
        told = reading.whole(session, [row.id for row in rows])
        for row in rows:  # the database's own text of a moment is that of the arithmetic
            said = (told[row.id].occurred_at, told[row.id].booked_at)
            assert said == (chain.moment(row.occurred_at), chain.moment(row.booked_at))
        assert running.chains(session)["shp_2"].waiting == 3
        assert running.waiting_since(session) == min(row.booked_at for row in rows)
    for sealed in (4, 4, 1, 0):
        with database.write(TEST) as session:
            assert seal.seal(session, limit=4) == sealed
        with database.read(TEST) as session:
            assert running.running(session) == before
            assert _by_pages(session) == queries.balances(session)
            assert _by_pages(session, "shp_1") == queries.balances(session, shop_id="shp_1")
        assert wrong(database) == {}
    with database.read(TEST) as session:
        assert running.waiting_since(session) is None
        chains = running.chains(session)
        assert {shop: (one.position, one.waiting) for shop, one in chains.items()} == {"shp_1": (6, 0), "shp_2": (3, 0)}
        booked = session.scalars(sa.select(Entry.id).where(Entry.shop_id == "shp_1").order_by(Entry.id)).all()
        assert session.scalars(
            sa.select(Seal.entry_id).where(Seal.shop_id == "shp_1").order_by(Seal.position)
        ).all() == (booked)
    for act in ("UPDATE ledger_seals SET hash = 'x'", "DELETE FROM ledger_seals"):
        with pytest.raises(DBAPIError, match="append-only"), database.write(TEST) as session:
            session.execute(sa.text(act))


def test_replacing_a_row_is_changing_it(sqlite_database: Database) -> None:
    with sqlite_database.write(TEST) as session:
        journal.post_all(session, books(1))
    bend = "INSERT OR REPLACE INTO ledger_postings SELECT entry_id, number, shop_id, currency, account, creator_id, "
    with pytest.raises(DBAPIError, match="append-only"), sqlite_database.write(TEST) as session:
        session.execute(sa.text(f"{bend}content_id, amount + 1 FROM ledger_postings"))


def test_nothing_is_sealed_that_an_earlier_writer_can_still_come_before(postgresql_database: Database) -> None:
    database = postgresql_database
    with Session(database.engine) as early, Session(database.engine) as late:
        journal.post_all(early, books(1)[:1])  # has its place in the order of transactions, and hasn't committed
        journal.post_all(late, books(2)[:1])
        late.commit()
        assert sealing_of(database) == 0
        with database.read(TEST) as session:
            assert {one.amount for one in running.running(session)} == {600, -600}  # what waits is in the balance
        journal.post_all(early, books(1)[1:2])
        early.commit()
    assert sealing_of(database) == 3
    with database.read(TEST) as session:
        order = sa.select(Entry.reference).join(Seal, Seal.entry_id == Entry.id).order_by(Seal.position)
        assert session.scalars(order).all() == ["shp_11a", "shp_11b", "shp_12a"]
    assert wrong(database) == {}


def sealing_of(database: Database) -> int:
    with database.write(TEST) as session:
        return seal.seal(session)


def test_a_restore_into_another_cluster_leaves_no_entry_waiting(postgresql_database: Database) -> None:
    """Its transactions have smaller numbers: what waits with greater ones came with the restore."""
    with postgresql_database.write(TEST) as session:
        journal.post_all(session, books(1))
        session.execute(sa.update(Unsealed).values(xid=2**40))
    assert sealing_of(postgresql_database) == 3
    assert wrong(postgresql_database) == {}


def test_many_writers_and_two_sealers_at_once(postgresql_database: Database) -> None:
    database, done = postgresql_database, threading.Event()
    problems: list[BaseException] = []

    def write(first: int) -> None:
        for number in range(first, first + 6):
            with database.write(Scope.shop("shp_1")) as session:
                for draft in books(number):
                    journal.post(session, draft)

    def sealer() -> None:
        while not done.is_set():
            sealing.seal_waiting(done.is_set)

    def guarded(act: object, *args: int) -> None:
        try:
            act(*args)  # type: ignore[operator]
        except BaseException as error:
            problems.append(error)

    writers = [threading.Thread(target=guarded, args=(write, first)) for first in (1, 11, 21)]
    sealers = [threading.Thread(target=guarded, args=(sealer,)) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    sealing.seal_waiting()
    assert problems == []
    assert wrong(database) == {}
    with database.read(TEST) as session:
        assert running.chains(session)["shp_1"].position == 54


def bend_a_posting(session: Session, ids: list[str]) -> None:
    session.execute(sa.update(Posting).where(Posting.entry_id == ids[1], Posting.number == 1).values(amount=601))
    session.execute(sa.update(Posting).where(Posting.entry_id == ids[1], Posting.number == 2).values(amount=-601))


def bend_an_entry(session: Session, ids: list[str]) -> None:
    session.execute(sa.update(Entry).where(Entry.id == ids[1]).values(reason="code"))


def take_the_last_away(session: Session, ids: list[str]) -> None:
    session.execute(sa.delete(Seal).where(Seal.entry_id == ids[3]))
    session.execute(sa.delete(Posting).where(Posting.entry_id == ids[3]))
    session.execute(sa.delete(Entry).where(Entry.id == ids[3]))


def put_one_in(session: Session, ids: list[str]) -> None:
    journal.post_all(session, books(9)[:1])
    session.execute(sa.delete(Unsealed).where(Unsealed.entry_id.not_in(ids)))


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        (bend_a_posting, {
            "chain_is_unbroken": ["shp_1: the entry isn't what was sealed (link 2, {1})"],
            "running_balances_are_sums": [
                "shp_1 EUR creator_pending crt_x: kept -600 of 4 postings, they sum to -1202 of 4",
                "shp_1 EUR merchant_receivable: kept 1199 of 3 postings, they sum to 1801 of 3",
            ],
        }),
        (bend_an_entry, {"chain_is_unbroken": ["shp_1: the entry isn't what was sealed (link 2, {1})"]}),
        (take_the_last_away, {
            "chain_is_unbroken": ["shp_1: the chain ends at 3, its head says 4"],
            "running_balances_are_sums": [
                "shp_1 EUR creator_pending crt_x: kept -600 of 4 postings, they sum to 0 of 3",
                "shp_1 EUR merchant_receivable: kept 1199 of 3 postings, they sum to 599 of 2",
            ],
        }),
        (put_one_in, {
            "every_entry_is_chained": ["{new}: is no link, and doesn't wait to be one"],
            "running_balances_are_sums": [
                "shp_1 EUR creator_pending crt_x: kept -600 of 4 postings, they sum to -1200 of 5",
                "shp_1 EUR merchant_receivable: kept 1199 of 3 postings, they sum to 1799 of 4",
            ],
        }),
    ],
    ids=["a posting", "an entry", "the last taken away", "one put in"],
)  # fmt: skip
def test_what_was_bent_is_named(database: Database, bend: object, says: dict[str, list[str]]) -> None:
    with database.write(TEST) as session:
        ids = journal.post_all(session, [*books(1), books(2)[0]])
    sealing.seal_waiting()
    with past_the_triggers(database) as session:
        bend(session, ids)  # type: ignore[operator]
    with database.read(TEST) as session:
        new = next((one for one in session.scalars(sa.select(Entry.id)) if one not in ids), "")
    assert wrong(database) == {
        name: [text.replace("{new}", new).replace("{1}", ids[1]) for text in texts] for name, texts in says.items()
    }


def test_a_head_that_was_set_back_is_named(sqlite_database: Database) -> None:
    with sqlite_database.write(TEST) as session:
        journal.post_all(session, books(1))
    sealing.seal_waiting()
    with sqlite_database.write(TEST) as session:
        session.execute(sa.update(ChainHead).values(position=2))
    assert wrong(sqlite_database) == {"chain_is_unbroken": ["shp_1: the chain ends at 3, its head says 2"]}
