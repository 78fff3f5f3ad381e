"""A batch on both databases: the second person, its file, a bank's list, calls that break off, and paid again."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import clock
from connector.earnings.payouts import batch, hand_over, outcomes, policy
from connector.earnings.payouts.outcomes import NEXT, Heard
from connector.earnings.payouts.policy import Policy
from connector.earnings.payouts.rails import Told, Transfer
from connector.earnings.payouts.tables import Payout, PayoutBatch, PayoutEvent, SetAside
from connector.errors import Conflict, InputRefused, NotAllowed, PlatformBusy
from connector.notices import Notice
from connector.operations import books as audit
from connector.programme.creators import payees
from tests.settlement.books import SYSTEM, Books, utc

DAY = utc("2026-12-10")
WHO = ("ann", "bob", "cem", "dee", "eva")


@pytest.fixture
def earned(books: Books) -> dict[str, str]:
    """Five creators with 100, 200 … settled at one shop: {handle: id}."""
    shop = books.shop()
    found = {handle: books.creator(handle) for handle in WHO}
    for number, creator_id in enumerate(found.values(), 1):
        books.line(shop, creator_id, 100 * number, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))
    return found


def statuses(books: Books, earned: dict[str, str], batch_id: str) -> dict[str, str]:
    by_id = {creator_id: handle for handle, creator_id in earned.items()}
    return {by_id[row.creator_id]: row.status for row in books.rows(Payout) if row.batch_id == batch_id}


def all_well(books: Books) -> None:
    with books.database.read(SYSTEM) as session:
        assert [wrong for name, _, found in audit.examine(session) if "payout" in name for wrong in found] == []


def test_two_people_a_file_a_banks_list_and_paid_again(
    books: Books, earned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "_current", Policy("10", 4))  # 15.00 are settled
    made = books.pay("one", DAY)
    assert (made.status, made.total) == ("awaiting", 1500)
    with books.database.write(SYSTEM) as session:
        with pytest.raises(NotAllowed):
            batch.approve(session, made.id, DAY, "staff:jo")
        with pytest.raises(Conflict, match="second person"):
            hand_over.files(session, made.id, DAY, "staff:jo")
        with pytest.raises(Conflict, match="second person"):
            batch.mark_sent(session, made.id, DAY, "staff:jo")
        assert batch.approve(session, made.id, DAY, "staff:fay").status == "prepared"
        # The crash between booking and hand-over: the file is fetched as often as it takes, and stays the same.
        first = hand_over.files(session, made.id, DAY, "staff:jo")
        assert hand_over.files(session, made.id, DAY + timedelta(days=1), "staff:jo") == first
        with pytest.raises(Conflict, match="handed over"):
            batch.refuse(session, made.id, DAY, "staff:fay", "too late")
        batch.mark_sent(session, made.id, DAY, "staff:jo")
    ids = {row.amount: row.id for row in books.rows(Payout)}
    listed = (
        "Reference,Outcome,Reason,Amount,Currency,At\n"
        f"{ids[100]},paid,,1.00,USD,2026-12-12T10:00:00+01:00\n"
        f"{ids[200].replace('_', '-').upper()},failed,AC04 closed,,,\n"
        f"{ids[300]},unknown,,,,\n"
        f"{ids[400]},paid,,3.99,USD,\n"
        "pay_none,paid,,,,\n"
        f"{ids[500]},lost,,,,\n"
        f"{ids[500]},paid,,,,2026-12-12\n"
    )
    with books.database.write(SYSTEM) as session:
        taken = outcomes.take_file(session, listed, utc("2026-12-12"), "staff:jo")
    assert (taken.counts, taken.known) == ({"paid": 1, "failed": 1, "unknown": 1}, [])
    assert [line for line, _, _ in taken.refused] == [5, 6, 7, 8]
    assert "the payout is of USD 4.00" in taken.refused[0][2]
    with books.database.write(SYSTEM) as session:
        again = outcomes.take_file(session, listed, utc("2026-12-13"), "staff:jo")
        assert (again.counts, len(again.known)) == ({}, 3)
        contradicts = outcomes.take(session, [Heard(ids[200], Told("paid", "x"))], DAY, "staff:jo")
        assert contradicts.refused[0][2] == "it is failed already"
        outcomes.take(session, [Heard(ids[300], Told("paid", "person_looked", "seen"))], DAY, "staff:jo")
        outcomes.take(session, [Heard(ids[100], Told("returned", "bank_returned"))], utc("2026-12-14"), "staff:jo")
        batch.mark_paid(session, made.id, utc("2026-12-14"), "staff:jo")
    assert statuses(books, earned, made.id) == {
        "ann": "returned", "bob": "failed", "cem": "paid", "dee": "paid", "eva": "paid",
    }  # fmt: skip
    [row] = [row for row in books.rows(PayoutBatch) if row.id == made.id]
    assert row.status == "finished"
    told = [(each.kind, each.creator_id) for each in books.rows(Notice)]
    assert Counter(each for each in told if each[0].startswith("payout.")) == Counter(
        [
            *(("payout.paid", earned[who]) for who in ("ann", "cem", "dee", "eva")),
            ("payout.failed", earned["bob"]), ("payout.returned", earned["ann"]),
        ]
    )  # fmt: skip
    assert Counter(event.outcome for event in books.rows(PayoutEvent)) == {
        "sent": 5, "paid": 4, "failed": 1, "returned": 1, "unknown": 1,
    }  # fmt: skip
    assert (books.balance(earned["bob"]).settled, books.balance(earned["ann"]).paid) == (200, 0)
    all_well(books)

    # New details of one of them are held: the other is paid, and what is called off is settled again.
    with books.database.write(SYSTEM) as session:
        payees.propose(session, earned["bob"], payees.Details(name="B", country="DE", email="b@b.example"), "x")
    second = books.pay("two", clock.now() + timedelta(minutes=1))
    assert (second.total, second.status) == (100, "prepared")
    [left] = [row for row in books.rows(SetAside) if row.batch_id == second.id]
    assert (left.reason, left.amount) == ("payee_unconfirmed", 200)
    with books.database.write(SYSTEM) as session:
        with pytest.raises(InputRefused):
            batch.refuse(session, second.id, DAY, "staff:jo", " ")
        assert batch.refuse(session, second.id, DAY, "staff:jo", "a slip").status == "refused"
    assert books.balance(earned["ann"]).settled == 100
    all_well(books)


class Fake:
    """A rail by calls that remembers what it sent, and whose connection breaks when told to."""

    slug = "stripe"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.made: dict[str, Told] = {}
        self.stop_after = 2
        self.lock = threading.Lock()

    def refuses(self, _payee: object, _currency: str) -> str:
        return ""

    def send(self, transfer: Transfer) -> Told:
        with self.lock:
            if len(self.sent) == self.stop_after:
                raise PlatformBusy("slow down", retry_after=1)
            self.sent.append(transfer.payout_id)
            self.made[transfer.payout_id] = Told("paid", "rail_confirmed", ref=f"tr_{len(self.sent)}")
            if transfer.amount == 400:
                return Told("unknown", "rail_did_not_answer")
            return self.made[transfer.payout_id]

    def ask(self, transfer: Transfer) -> Told | None:
        return self.made.get(transfer.payout_id)


def test_calls_that_break_off_go_on_and_send_nothing_twice(
    books: Books, earned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rail = Fake()
    monkeypatch.setattr(hand_over, "_api_rail", lambda _slug: rail)
    monkeypatch.setattr(hand_over, "AT_ONCE", 3)
    made = books.pay("one", DAY)
    with pytest.raises(PlatformBusy):
        hand_over.call(made.id, "command")
    assert (
        Counter(statuses(books, earned, made.id).values())["paid"]
        + Counter(statuses(books, earned, made.id).values())["unknown"]
        == 2
    )
    rail.stop_after = 99
    # The row that was about to be called is left alone: another hand-over might be waiting for its answer.
    gate = threading.Barrier(2)

    def go() -> None:
        gate.wait()
        hand_over.call(made.id, "command")

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [found for found in Counter(rail.sent).values() if found != 1] == []
    left = [row for row in books.rows(Payout) if row.status == "prepared"]
    assert len(left) == 1
    # … until so much time went by that it can't be; then it is asked for, and never sent.
    with books.database.write(SYSTEM) as session:
        session.execute(sa.update(Payout).where(Payout.id == left[0].id).values(tried_at=clock.wall() - DAY_AND_MORE))
    before = list(rail.sent)
    hand_over.call(made.id, "command")
    assert rail.sent == before
    [lost] = [row for row in books.rows(Payout) if row.id == left[0].id]
    assert (lost.status, lost.outcome_reason) == ("unknown", "rail_knows_nothing")
    done = hand_over.ask(made.id, "command")
    assert rail.sent == before
    assert (done.counts, done.waiting) == ({"paid": 1}, 1)
    with books.database.write(SYSTEM) as session:
        outcomes.take(session, [Heard(lost.id, Told("failed", "person_looked", "not there"))], DAY, "staff:jo")
    assert Counter(row.status for row in books.rows(Payout)) == {"paid": 4, "failed": 1}
    all_well(books)


DAY_AND_MORE = timedelta(hours=30)


def test_a_final_outcome_stays_and_an_unknown_one_can_become_any() -> None:
    assert NEXT["failed"] == NEXT["returned"] == NEXT["refused"] == frozenset()
    assert NEXT["paid"] == {"returned"}
    assert NEXT["unknown"] == {"sent", "paid", "failed", "returned"}


def test_a_file_that_is_no_list_of_outcomes_is_refused() -> None:
    with pytest.raises(InputRefused, match="reference and outcome"):
        outcomes.read("payout,state\nx,paid\n")
