"""A database that an older version wrote: after the migrations nobody is paid otherwise, and no entry is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from connector import db
from connector.commerce.shops import settings
from connector.db import Database, Scope
from connector.earnings.ledger import checks, running
from connector.migrations import run
from connector.operations import sealing

JOINED = datetime(2026, 5, 4, 12, tzinfo=UTC)
SYSTEM = Scope.system("tests look at everything")


def upgraded(database: Database, revision: str) -> None:
    with database.engine.connect().execution_options(begin="immediate") as connection:
        alembic = run.config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        connection.commit()


def test_what_stood_before_the_upgrade_stands_after_it(tmp_path: Path) -> None:
    database = db.use(Database(f"sqlite:///{tmp_path / 'old.db'}"))
    upgraded(database, "0008")
    with database.engine.connect().execution_options(begin="immediate") as connection:
        at = "2026-05-04 12:00:00.000000"
        for shop_id, domain in (("shp_old", "old.example"), ("shp_set", "set.example")):
            connection.execute(sa.text(
                "INSERT INTO shops (id, platform, domain, shop_ref, name, currency, time_zone, country, storefront_url,"
                " taxes_included, status, status_reason, status_detail, currency_before, installed_at, created_at) "
                f"VALUES ('{shop_id}', 'shopify', '{domain}', '', '', 'EUR', 'UTC', '', '', 0, 'connected', '', '', '',"
                f" '{at}', '{at}')"
            ))  # fmt: skip
        connection.execute(sa.text(
            "INSERT INTO shop_settings (id, shop_id, name, value, starts_at, recorded_at, recorded_by) VALUES "
            f"('set_1', 'shp_set', 'payout_when', 'funded', '2026-06-01 00:00:00.000000', '{at}', 'command')"
        ))  # fmt: skip
        connection.execute(sa.text(
            "INSERT INTO ledger_entries (id, reference, subject, sequence, kind, shop_id, currency, reason,"
            " occurred_at, booked_at) VALUES ('ent_1', 'r', 'line:1', 1, 'accrual', 'shp_old', 'EUR', 'tapped',"
            f" '{at}', '{at}')"
        ))  # fmt: skip
        for number, account, whose, amount in (
            (1, "merchant_receivable", "NULL", 700), (2, "creator_pending", "'crt_1'", -700),
        ):  # fmt: skip
            connection.execute(sa.text(
                "INSERT INTO ledger_postings (entry_id, number, shop_id, currency, account, creator_id, amount) VALUES "
                f"('ent_1', {number}, 'shp_old', 'EUR', '{account}', {whose}, {amount})"
            ))  # fmt: skip
        connection.commit()
    run.migrate(database)
    with database.read(SYSTEM) as session:
        assert settings.at(session, "shp_old", "payout_when", JOINED) == "advance"
        assert settings.at(session, "shp_old", "payout_when", JOINED + timedelta(days=400)) == "advance"
        assert settings.at(session, "shp_set", "payout_when", JOINED) == "advance"
        assert settings.at(session, "shp_set", "payout_when", JOINED + timedelta(days=60)) == "funded"
        assert settings.at(session, "shp_new", "payout_when", JOINED) == "funded"
    assert sealing.seal_waiting() == 1
    with database.snapshot(SYSTEM) as session:
        assert checks.examine(session) == []
        assert running.accounts(session) == {
            ("shp_old", "EUR", "merchant_receivable"): 700, ("shp_old", "EUR", "creator_pending"): -700,
        }  # fmt: skip
    database.close()
