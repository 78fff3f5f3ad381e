"""kill -9 at every stop of a payout, by file and by calls: done again it pays everybody once, or says it is unknown.

The world outside is a file: what was sent stands in it, one line a transfer, whatever is killed.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector import db
from connector.db import Database
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.payouts import batch, hand_over, outcomes, rails
from connector.earnings.payouts.rails import BankFile, StripeTransfers, Told, Transfer
from connector.earnings.payouts.tables import Payout
from connector.operations import books as audit
from tests.kills.dying import die, run
from tests.settlement.books import SYSTEM, Books, utc

pytestmark = pytest.mark.kill

DAY = utc("2026-12-10")
BY_FILE = (
    (batch, "_book", "before", 1),
    (batch, "_book", "after", 1),  # written, not committed
    (hand_over, "files", "before", 1),  # booked
    (BankFile, "files", "after", 1),  # noted as handed over, not committed
    (hand_over, "write", "before", 1),
    (hand_over, "write", "after", 1),
    (outcomes, "take", "after", 1),  # marked as sent, not committed
)
BY_CALLS = (
    (hand_over, "_claimed", "before", 1),
    (hand_over, "_claimed", "after", 1),  # noted as tried, nothing was sent
    ("rail", "send", "before", 2),
    ("rail", "send", "after", 1),  # sent, and nobody noted it
    ("rail", "send", "after", 3),
    (outcomes, "take", "after", 1),  # noted, not committed
    (hand_over, "_take", "after", 1),
)


class World(StripeTransfers):
    """A rail that pays whatever it is sent, each time, and remembers it outside of this process."""

    def __init__(self, ledger: Path) -> None:
        super().__init__("sk_test")
        self.ledger = ledger
        ledger.touch()

    def sent(self) -> list[str]:
        return self.ledger.read_text().split()

    def send(self, transfer: Transfer) -> Told:
        with self.ledger.open("a") as file:
            file.write(f"{transfer.payout_id}\n")
        return Told("paid", "rail_confirmed", ref=f"tr_{transfer.payout_id}")

    def ask(self, transfer: Transfer) -> Told | None:
        found = transfer.payout_id in self.sent()
        return Told("paid", "rail_confirmed", ref=f"tr_{transfer.payout_id}") if found else None


@pytest.fixture
def books(database: Database) -> Books:
    db.use(database)
    return Books(database)


@pytest.fixture
def people(books: Books) -> tuple[str, list[str]]:
    return books.shop(), [books.creator(handle) for handle in ("mira", "tal", "uma")]


def earn(books: Books, people: tuple[str, list[str]], name: str) -> None:
    """Six hundred settled for each."""
    shop, creators = people
    with books.database.write(SYSTEM) as session:
        journal.post_all(
            session,
            [
                Draft(
                    reference=f"opening:{name}:{creator}", subject=f"opening:{name}:{creator}", kind="opening",
                    shop_id=shop, currency="USD", reason="opening_balance", occurred_at=DAY, creator_id=creator,
                    postings=(DraftPosting("merchant_receivable", 600), owed("creator_settled", 600, creator)),
                )
                for creator in creators
            ],
        )  # fmt: skip


def killed(books: Books, stop: tuple[Any, str, str, int], act: Callable[[], None]) -> None:
    url = books.database.url.render_as_string(hide_password=False)
    books.database.engine.dispose()  # nothing of this process's connections goes into the child

    def child() -> None:
        db.use(Database(url))
        die(*stop)
        act()

    assert run(child) == -signal.SIGKILL, stop[1:]


def paid(books: Books, creators: list[str]) -> list[int]:
    with books.database.read(SYSTEM) as session:
        assert audit.payouts_are_the_ledgers(session) == []
    return [books.balance(creator).paid for creator in creators]


def test_a_killed_payout_by_file_is_done_again_and_pays_once(
    books: Books, people: tuple[str, list[str]], tmp_path: Path
) -> None:
    def pay(key: str) -> None:
        with db.write(SYSTEM) as session:
            made = batch.prepare(session, key, "USD", DAY, "command")
        with db.write(SYSTEM) as session:
            files = hand_over.files(session, made.id, DAY, "command")
        hand_over.write(tmp_path / key, files)
        with db.write(SYSTEM) as session:
            batch.mark_sent(session, made.id, DAY, "command")

    for number, stop in enumerate(BY_FILE, 1):
        key = f"key {number}"
        earn(books, people, key)
        killed(books, stop, lambda key=key: pay(key))  # type: ignore[misc]
        pay(key)
        [file] = (tmp_path / key).iterdir()
        [made] = {row.batch_id for row in books.rows(Payout) if row.status == "sent"}
        rows = [row for row in books.rows(Payout) if row.batch_id == made]
        assert [(row.amount, file.read_text().count(row.id)) for row in rows] == [(600, 1)] * 3, stop[1:]
        with books.database.write(SYSTEM) as session:
            batch.mark_paid(session, made, DAY, "command")
        assert paid(books, people[1]) == [600 * number] * 3, stop[1:]


def test_a_killed_payout_by_calls_sends_nothing_twice(
    books: Books, people: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "world")
    monkeypatch.setattr(rails, "named", lambda _slug: world)
    monkeypatch.setattr(world, "refuses", lambda _payee, _currency: "", raising=False)
    monkeypatch.setattr(hand_over, "_LEAVE_ALONE", timedelta(0))  # as if ten minutes had passed
    for number, (place, *how) in enumerate(BY_CALLS, 1):
        earn(books, people, f"key {number}")
        made = None
        with books.database.write(SYSTEM) as session:
            made = batch.prepare(session, f"key {number}", "USD", DAY, "command", rail="stripe").id
        stop = (world if place == "rail" else place, *how)
        killed(books, stop, lambda made=made: hand_over.call(made, "command"))  # type: ignore[arg-type,misc]
        hand_over.call(made, "command")
        rows = [row for row in books.rows(Payout) if row.batch_id == made]
        assert max(Counter(world.sent()).values()) == 1, how
        # What the world has is paid; what was begun and isn't there stays unknown until a person looked.
        assert {row.status for row in rows} <= {"paid", "unknown"}
        assert {row.id for row in rows if row.status == "paid"} == {row.id for row in rows} & set(world.sent()), how
        before = world.sent()
        hand_over.call(made, "command")
        hand_over.ask(made, "command")
        assert world.sent() == before, how
    assert sum(paid(books, people[1])) == 600 * len(world.sent())
