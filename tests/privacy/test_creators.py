"""A creator is erased: nobody finds who it was, and no sum moves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from connector import db, notices
from connector.access import staff
from connector.audit import AuditRow
from connector.cli import connector
from connector.db import Database
from connector.earnings.attribution import codes
from connector.earnings.ledger import checks, journal, queries
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.payouts import batch, hand_over
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement import receipts
from connector.earnings.settlement.receipts import Coming
from connector.errors import Conflict, InputRefused, NotFound
from connector.migrations.schema import METADATA
from connector.operations.imports import run as imports
from connector.operations.privacy import creators
from connector.programme.content import attach
from connector.programme.creators import countries, identities, payees, register
from connector.programme.creators import queries as people
from connector.programme.creators.tables import Creator
from tests.payees.details import payable
from tests.settlement.books import SYSTEM, Books, utc

SECRETS = ("mira_secret", "mira von secret", "mirasecret", "+4915112345")


def everything(books: Books) -> str:
    """All rows of all tables, as one text."""
    with books.database.read(SYSTEM) as session:
        rows = [str(tuple(row)) for table in METADATA.sorted_tables for row in session.execute(sa.select(table))]
    return "\n".join(rows).casefold()


def test_who_it_was_is_gone_and_no_sum_moves(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    db.use(database)
    books = Books(database)
    shop = books.shop()
    with database.write(SYSTEM) as session:
        mira = register.register(session, "Mira_Secret", "Mira von Secret", 900, utc("2026-01-01")).id
        payable(session, mira)
        identities.learn(session, mira, email="mirasecret@example.com", phone="+4915112345")
        countries.tell(session, mira, "DE")
        attach.ensure(
            session, mira, "app", "mira_secret/video/1", "video", "Mira von Secret tries a mug",
            url="https://app.example/mira_secret/1",
        )  # fmt: skip
        notices.say(session, "payout.paid", creator_id=mira, shown={"to": "mira von secret"})
        coming = Coming(shop, "USD", 900, "bank 1", date(2026, 12, 3), "hand", "for @mira_secret, Mira von Secret's")
        receipts.record(session, coming, "test", utc("2026-12-03"))
        receipts.ask(session, replace(coming, reference="bank 2"), "test", utc("2026-12-03"))
        staff.ensure(session, "Ada", "admin", by="test")
        staff.ensure(session, "Fay", "finance", by="test")
        tal_before = register.register(session, "tal", "Tal", 900, utc("2026-01-01")).id
        codes.create(session, shop, mira, "MUG10", by="test", now=utc("2026-01-01"))
        # As openings were booked at first. It stays, for the ledger is never changed: whoever erases is told.
        sides = DraftPosting("merchant_receivable", 1), owed("creator_settled", 1, tal_before)
        old = Draft(
            reference=f"opening:{shop}:tal:USD", subject="opening:imp_1:2", kind="opening", shop_id=shop,
            currency="USD", reason="opening_balance", occurred_at=utc("2026-01-01"), postings=sides,
            creator_id=tal_before,
        )  # fmt: skip
        journal.post_all(session, [old])
        assert creators.look(session, tal_before).counts["ledger_references_that_stay"] == 1
    files = {
        "balances": b"creator,currency,amount,ref\n@Mira_Secret,USD,0.01,\nmira_secret,USD,2.00,old mira_secret 7\n"
        b"mira_secret,USD,x,\nnobody_here,USD,2.00,\n",
        "codes": b"code,creator\nmug10,tal\n",  # refused, with a sentence that says whose it is
        "links": b"tag,creator,product,network,content,title\n"
        b"mug,mira_secret,8,app,mira_secret/video/1,Mira von Secret\n",
    }
    for kind, file in files.items():
        brought = imports.look(io.BytesIO(file), kind=kind, shop_id=shop, file_name="mira_secret.csv", by="test")
        if kind == "balances":
            with database.read(SYSTEM) as session:
                token = imports.get(session, brought).token
            imports.take(brought, shop, token, by="test", now=utc("2026-11-15"))
    books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.line(shop, mira, 70, clears_at=utc("2027-01-16"))
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    made = books.pay("one", utc("2026-12-10"))
    assert all(secret in everything(books) for secret in SECRETS[:2])
    with database.write(SYSTEM) as session:
        with pytest.raises(Conflict, match="under way"):
            creators.erase(session, mira, by="staff:Ada", why="letter 7", although_owed=True)
    books.paid(made.id, utc("2026-12-10"))
    before = books.balance(mira)
    with database.write(SYSTEM) as session:
        with pytest.raises(Conflict, match=r"USD 0\.70 are owed"):
            creators.erase(session, mira, by="staff:Ada", why="letter 7")
        with pytest.raises(InputRefused, match="why"):
            creators.erase(session, mira, by="staff:Ada", why=" ", although_owed=True)

    monkeypatch.setattr("connector.operations.privacy.commands.open_process", lambda: None)
    ask = ["privacy", "erase-creator", "mira_secret", "--why", "letter 7"]
    assert isinstance(CliRunner().invoke(connector, [*ask, "--by", "Fay", "--yes"]).exception, Exception)
    seen = CliRunner().invoke(connector, [*ask, "--by", "Ada"])
    assert "5  import rows" in seen.output
    assert "0  ledger references that stay" in seen.output
    assert "USD 0.70" in seen.output
    assert "Nothing was erased" in seen.output
    done = CliRunner().invoke(connector, [*ask, "--by", "Ada", "--although-owed", "--yes"])
    assert done.exit_code == 0, done.output

    left = everything(books)
    assert [secret for secret in SECRETS if secret in left] == []
    assert books.balance(mira) == before, "no sum moves"
    with database.read(SYSTEM) as session:
        assert checks.examine(session) == []
        row = session.get_one(Creator, mira)
        assert (row.name, row.handle, people.status_at(session, mira, utc("2099-01-01"))) == (
            "Erased creator", creators.pseudonym(row), "closed",
        )  # fmt: skip
        assert payees.standing(session, mira, utc("2099-01-01")).reason == "payee_missing"
        assert len(queries.balances(session, creator_id=mira)) == 1
    [act] = [row for row in books.rows(AuditRow) if row.act == "creator.erase"]
    assert (act.subject, act.actor, act.detail["why"], act.detail["import_rows"]) == (
        mira, "command:Ada", "letter 7", 5,
    )  # fmt: skip
    assert "secret" not in json.dumps(act.detail)
    # Nothing more is learnt of them, no file to their bank is made again, and the handle is free.
    with database.write(SYSTEM) as session:
        for learn in (
            lambda: creators.erase(session, mira, by="staff:Ada", why="again"),
            lambda: identities.learn(session, mira, email="m@example.com"),
            lambda: countries.tell(session, mira, "FR"),
            lambda: attach.ensure(session, mira, "app", "v2", "video", url="https://app.example/mira/2"),
            lambda: payees.confirm(session, mira, "123456", "creator"),
            lambda: hand_over.files(session, made.id, utc("2026-12-12"), "staff:Jo"),
        ):
            with pytest.raises(Conflict, match="erased"):
                learn()
        assert register.register(session, "mira_secret", "Another Mira", 1, utc("2027-01-01")).id != mira
        with pytest.raises(NotFound):
            creators.look(session, "crt_none")
        assert batch.preview(session, "USD", utc("2027-01-05")).pay == []
    assert [row.status for row in books.rows(Payout)] == ["paid"]
