"""The ledger on both databases: what it takes, what it refuses, and that nothing in it can be changed."""

from __future__ import annotations

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from connector import clock
from connector.db import Database, Scope, new_id
from connector.earnings.ledger import checks, journal, queries
from connector.earnings.ledger.entry import Draft, DraftPosting, check, moved, owed
from connector.earnings.ledger.tables import Entry, Posting
from connector.errors import Conflict, LedgerRefused, MoneyRefused

TEST = Scope.system("test")


def accrual(amount: int = 600, **more: object) -> Draft:
    fields: dict[str, object] = {
        "reference": "line:ord_1:1#1", "subject": "line:ord_1:1", "kind": "accrual", "shop_id": "shp_1",
        "currency": "USD", "reason": "last_click_direct", "occurred_at": clock.wall(), "order_id": "ord_1",
        "line_ref": "1", "creator_id": "crt_x", "content_id": "cnt_1",
        "postings": (DraftPosting("merchant_receivable", amount), owed("creator_pending", amount, "crt_x", "cnt_1")),
    }  # fmt: skip
    return Draft(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"postings": (DraftPosting("bank", 5), DraftPosting("fx", -4))}, "sum to 1"),
        ({"postings": (DraftPosting("bank", 0), DraftPosting("fx", 0))}, "isn't an amount"),
        ({"postings": (DraftPosting("bank", 1.0), DraftPosting("fx", -1.0))}, "isn't an amount"),
        ({"postings": (DraftPosting("bank", 0),)}, "two sides"),
        ({"postings": (DraftPosting("pocket", 5), DraftPosting("fx", -5))}, "isn't an account"),
        ({"postings": (DraftPosting("creator_pending", 5), DraftPosting("fx", -5))}, "names no creator"),
        ({"postings": (DraftPosting("bank", 10**16), DraftPosting("fx", -(10**16)))}, "larger than we book"),
        ({"kind": "gift"}, "isn't a kind"),
        ({"sequence": 0}, "numbered from 1"),
        ({"reason": ""}, "needs a reference"),
    ],
)
def test_refused_before_anything_is_written(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(LedgerRefused, match=says):
        check(accrual(**wrong))


def test_a_currency_that_is_none_is_refused() -> None:
    with pytest.raises(MoneyRefused):
        check(accrual(currency="XXX"))


def test_posting_and_reading_back(database: Database) -> None:
    with database.write(TEST) as session:
        first = journal.post(session, accrual())
        journal.post(
            session,
            accrual(
                reference="r2", kind="reversal", reverses=first.id, reason="refunded",
                postings=(DraftPosting("merchant_receivable", -240), owed("creator_pending", -240, "crt_x", "cnt_1")),
            ),
        )  # fmt: skip
        journal.post(
            session,
            accrual(
                reference="r3",
                kind="clearance",
                postings=moved("creator_pending", "creator_cleared", 360, "crt_x", "cnt_1"),
            ),
        )
    with database.read(TEST) as session:
        standing = queries.standing(session, "ord_1")
        key = ("1", "crt_x", "cnt_1")
        assert standing.earned == {key: 360}
        assert standing.accounts[key] == {"merchant_receivable": 360, "creator_pending": 0, "creator_cleared": -360}
        assert standing.sequences == {"line:ord_1:1": 3}
        assert standing.accruals == {key: first.id}
        assert queries.balances(session) == [queries.Balance("shp_1", "crt_x", "USD", cleared=360)]
        assert queries.balances(session, shop_id="shp_2") == []
        assert sum(queries.accounts(session).values()) == 0
        told = queries.entries(session, "ord_1")
        assert [(e.kind, e.sequence, e.reverses) for e in told] == [
            ("accrual", 1, None), ("reversal", 2, first.id), ("clearance", 3, None),
        ]  # fmt: skip
        assert told[0].sides == (("merchant_receivable", 600), ("creator_pending", -600))
        assert checks.examine(session) == []


def test_a_reference_is_booked_once(database: Database) -> None:
    draft = accrual()
    with database.write(TEST) as session:
        first = journal.post(session, draft)
        assert journal.post(session, draft).id == first.id
        assert journal.post_all(session, [draft, draft]) == [first.id, first.id]
        with pytest.raises(LedgerRefused, match="already stands for another"):
            journal.post(session, accrual(601))
        with pytest.raises(LedgerRefused, match="two different entries"):
            journal.post_all(session, [accrual(reference="n"), accrual(5, reference="n")])
        assert session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 1


def test_two_writers_cannot_take_one_number(database: Database) -> None:
    with database.write(TEST) as session:
        journal.post_all(session, [accrual(sequence=1)], unbooked=True)
    with pytest.raises(Conflict), database.write(TEST) as session:
        journal.post_all(session, [accrual(reference="other", sequence=1)], unbooked=True)
    with database.read(TEST) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Posting)) == 2


def test_all_of_a_batch_or_none(database: Database) -> None:
    good = accrual(reference="good", subject="s")
    bad = msgspec.structs.replace(accrual(reference="bad"), postings=(DraftPosting("bank", 1), DraftPosting("fx", 1)))
    with pytest.raises(LedgerRefused), database.write(TEST) as session:
        journal.post_all(session, [good, bad])
    with database.read(TEST) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 0


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings"])
@pytest.mark.parametrize("act", ["UPDATE {} SET currency = 'EUR'", "DELETE FROM {}"])
def test_rows_are_never_changed(database: Database, table: str, act: str) -> None:
    with database.write(TEST) as session:
        journal.post(session, accrual())
    with pytest.raises(DBAPIError, match="append-only"), database.write(TEST) as session:
        session.execute(sa.text(act.format(table)))
    with database.read(TEST) as session:
        assert sum(queries.accounts(session).values()) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Posting)) == 2


def test_truncate_is_refused_too(postgresql_database: Database) -> None:
    with pytest.raises(DBAPIError, match="append-only"), postgresql_database.write(TEST) as session:
        session.execute(sa.text("TRUNCATE ledger_postings"))


def forged(session: Session, *postings: tuple[str, int, str | None], kind: str = "accrual", sequence: int = 1) -> str:
    """An entry past every check, as a bad migration or a hand at the database would make one."""
    entry_id = new_id("ent")
    now = clock.wall()
    session.execute(
        sa.insert(Entry),
        {
            "id": entry_id, "reference": entry_id, "subject": f"line:{entry_id}", "sequence": sequence, "kind": kind,
            "shop_id": "shp_1", "currency": "USD", "order_id": entry_id, "line_ref": "1", "creator_id": "crt_x",
            "content_id": None, "reverses": None, "evaluation_id": None, "statement_id": None, "reason": "x",
            "occurred_at": now, "booked_at": now,
        },
    )  # fmt: skip
    session.execute(
        sa.insert(Posting),
        [
            {
                "entry_id": entry_id, "number": number, "shop_id": "shp_1", "currency": "USD", "account": account,
                "creator_id": creator, "content_id": None, "amount": amount,
            }
            for number, (account, amount, creator) in enumerate(postings, 1)
        ],
    )  # fmt: skip
    return entry_id


@pytest.mark.parametrize(
    ("postings", "more", "names"),
    [
        ((("bank", 5, None), ("fx", -4, None)), {}, {"entries_sum_to_zero", "ledger_sums_to_zero"}),
        ((("bank", 0, None),), {}, {"entries_sum_to_zero"}),
        ((("bank", 5, None), ("fx", -5, None)), {"sequence": 2}, {"subjects_are_numbered"}),
        ((("pocket", 5, None), ("fx", -5, None)), {}, {"accounts_are_known"}),
        (
            (("creator_pending", 5, None), ("fx", -5, None)),
            {},
            {"accounts_are_known", "nothing_pending_is_negative", "postings_are_their_entries"},
        ),
        (
            (("merchant_receivable", -5, None), ("creator_pending", 5, "crt_x")),
            {},
            {"nothing_reversed_beyond_earned", "nothing_pending_is_negative"},
        ),
    ],
)
def test_each_check_names_what_is_off(
    database: Database, postings: tuple[tuple[str, int, str | None], ...], more: dict[str, int], names: set[str]
) -> None:
    with database.write(TEST) as session:
        journal.post(session, accrual())
        entry_id = forged(session, *postings, **more)
    with database.read(TEST) as session:
        found = checks.examine(session)
        # Whoever puts an entry in by hand puts it past the chain and the balances, too.
        by_hand = {"every_entry_is_chained", "running_balances_are_sums"}
        assert {wrong.check for wrong in found} == names | by_hand
        assert any(entry_id in wrong.about for wrong in found)


def test_e25_a_refund_after_the_payout_is_carried(database: Database) -> None:
    """Paid 600, refund of all of it, next earning 450: the balance is -150 and nothing is paid."""
    who = ("crt_x", "cnt_1")
    steps = [
        accrual(600),
        accrual(reference="c", kind="clearance", postings=moved("creator_pending", "creator_cleared", 600, *who)),
        accrual(reference="s", kind="settlement", postings=moved("creator_cleared", "creator_settled", 600, *who)),
        accrual(
            reference="p", kind="payout",
            postings=(owed("creator_settled", -600, *who), DraftPosting("payout_in_transit", -600, *who)),
        ),
        accrual(
            reference="q", kind="payout_paid",
            postings=(DraftPosting("payout_in_transit", 600, "crt_x"), DraftPosting("bank", -600, *who)),
        ),
        accrual(
            reference="b", kind="reversal",
            postings=(DraftPosting("merchant_receivable", -600), owed("creator_cleared", -600, *who)),
        ),
        accrual(
            450, reference="n", subject="line:ord_2:1", order_id="ord_2",
            postings=(DraftPosting("merchant_receivable", 450), owed("creator_cleared", 450, *who)),
        ),
    ]  # fmt: skip
    with database.write(TEST) as session:
        journal.post_all(session, steps)
    with database.read(TEST) as session:
        (balance,) = queries.balances(session)
        assert (balance.owed, balance.cleared, balance.paid, balance.in_transit) == (-150, -150, 600, 0)
        assert checks.examine(session) == []
