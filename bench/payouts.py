"""A payout batch of 10,000 transfers: looked at, booked, handed over as a file, and heard of.

    python -m bench.payouts [--database sqlite|postgresql|both] [--creators 10000] [--shops 20] [--rounds 3]

Every creator has sealed payment details and one settled statement at one of the shops, whose invoice is paid, so the
funding gate is asked as in earnest. The peer: the rows that the batch wrote (payouts, entries, postings), under other
keys, by the driver's executemany into the same tables in one commit, and nothing thought about. The aim is the booked
batch with its file under 5 seconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from bench import world
from bench.acceptance import database_of
from connector import clock, db, vault
from connector.commerce.shops.tables import Shop
from connector.db import Database, new_id
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts import batch, hand_over, outcomes, policy
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.rails import Told
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement.tables import Closing, Invoice, Receipt, Statement
from connector.migrations.run import migrate
from connector.programme.creators.payees import Details, masked
from connector.programme.creators.tables import Creator, Payee

SYSTEM = db.Scope.system("a benchmark")
RAILS = ("csv", "sepa", "mass")
AIM = 5.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--creators", type=int, default=10_000)
    options.add_argument("--shops", type=int, default=20)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    policy._current = policy.Policy("", 4, "Bench GmbH", "DE02120300000000202051")
    print("| database | rail | preview | booked | file | booked + file | aim | bare rows | heard of as paid |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        with database_of(database, "payouts", _prepare) as url:
            db.use(Database(url))
            _people(chosen.creators, chosen.shops)
            for rail in RAILS:
                took = [_round(rail, f"{rail} {n}", chosen.creators, chosen.shops) for n in range(chosen.rounds)]
                preview, booked, file, bare, heard = (statistics.median(each) for each in zip(*took, strict=True))
                print(
                    f"| {database} | {rail} | {preview:.2f} s | {booked:.2f} s | {file:.2f} s | "
                    f"**{booked + file:.2f} s** | {AIM:.0f} s | {bare:.2f} s | {heard:.2f} s |",
                    flush=True,
                )
            db.current().close()


def _prepare(url: str) -> None:
    world.set_up()
    database = Database(url)
    migrate(database)
    database.close()


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = act()
    return time.perf_counter() - began, found


def _round(rail: str, key: str, creators: int, shops: int) -> tuple[float, float, float, float, float]:
    """Seconds of preview, booking, file, the peer's rows, and taking every outcome."""
    _settled(key, creators, shops)
    now = clock.now()

    def look() -> Any:
        with db.read(SYSTEM) as session:
            return batch.preview(session, "EUR", now, rail=rail)

    def book() -> Any:
        with db.write(SYSTEM) as session:
            return batch.prepare(session, key, "EUR", now, "bench", rail=rail)

    def file() -> Any:
        with db.write(SYSTEM) as session:
            return hand_over.files(session, made.id, now, "bench")

    previewed, plan = _timed(look)
    booked, made = _timed(book)
    written, files = _timed(file)
    assert (len(plan.pay), made.rows, plan.aside) == (creators, creators, []), (len(plan.pay), plan.aside[:3])
    assert sum(len(content) for _, content in files) > 50 * creators
    bare = _bare(made.id)
    with db.read(SYSTEM) as session:
        ids = session.scalars(sa.select(Payout.id).where(Payout.batch_id == made.id)).all()

    def hear() -> None:
        with db.write(SYSTEM) as session:
            outcomes.take(session, [Heard(each, Told("paid", "bank_confirmed")) for each in ids], now, "bench")

    return previewed, booked, written, bare, _timed(hear)[0]


def _bare(batch_id: str) -> float:
    """The batch's rows once more, under other keys, by executemany alone; undone afterwards."""
    with db.read(SYSTEM) as session:
        paid = sa.select(sa.literal("payout:") + Payout.id).where(Payout.batch_id == batch_id)
        of = sa.select(Entry.id).where(Entry.subject.in_(paid))
        tables: tuple[tuple[Any, sa.Select[Any]], ...] = (
            (Payout.__table__, sa.select(Payout.__table__).where(Payout.batch_id == batch_id)),
            (Entry.__table__, sa.select(Entry.__table__).where(Entry.id.in_(of))),
            (Posting.__table__, sa.select(Posting.__table__).where(Posting.entry_id.in_(of))),
        )
        rows = [(table, [dict(row._mapping) for row in session.execute(query)]) for table, query in tables]
    for table, found in rows:
        for row in found:
            for name in ("id", "entry_id", "reference", "subject"):
                if name in row:
                    row[name] = f"x{row[name]}"
            if table is Payout.__table__:
                row["sequence"], row["batch_id"] = row["sequence"] + 10**6, batch_id
                row["creator_id"] = f"x{row['creator_id']}"
    connection = db.current().engine.connect()
    try:
        began = time.perf_counter()
        for table, found in rows:
            connection.execute(sa.insert(table), found)
        return time.perf_counter() - began
    finally:
        connection.rollback()
        connection.close()


def _shop(number: int) -> str:
    return f"shp_bench{number:04d}"


def _people(creators: int, shops: int) -> None:
    began = clock.now() - timedelta(days=60)
    with db.write(SYSTEM) as session:
        for number in range(shops):
            session.add(
                Shop(id=_shop(number), platform="shopify", domain=f"shop-{number}.myshopify.com", name="Shop",
                     currency="EUR", time_zone="UTC", installed_at=began, created_at=began)
            )  # fmt: skip
        session.flush()
        session.execute(
            sa.insert(Creator),
            [
                {"id": f"crt_{n:08d}", "handle": f"creator{n}", "name": f"Creator {n}", "followers": 1,
                 "created_at": began}
                for n in range(creators)
            ],
        )  # fmt: skip
        session.execute(sa.insert(Payee), [_payee(n, began) for n in range(creators)])


def _payee(number: int, at: Any) -> dict[str, Any]:
    account = f"{number:018d}"
    details = Details(
        name=f"Zoë Müller {number}", country="DE", email=f"creator{number}@example.org",
        iban=f"DE{98 - int(account + '131400') % 97:02d}{account}",
    )  # fmt: skip
    return {
        "id": new_id("pye"), "creator_id": f"crt_{number:08d}", "number": 1, "shown": masked(details),
        "account_hash": "", "sealed": vault.current().seal(msgspec.json.encode(details)), "proposed_at": at,
        "proposed_by": "bench", "code_hash": "", "wrong_codes": 0, "confirmed_at": at,
    }  # fmt: skip


def _settled(key: str, creators: int, shops: int) -> None:
    """A closed period of every shop, its invoice paid, and what it settled in the ledger."""
    now = clock.now()
    today = date(now.year, now.month, now.day)
    with db.write(SYSTEM) as session:
        statements: list[dict[str, Any]] = []
        drafts: list[Draft] = []
        closings = {number: new_id("cls") for number in range(shops)}
        totals = dict.fromkeys(range(shops), 0)
        for n in range(creators):
            shop, creator, amount = n % shops, f"crt_{n:08d}", 100 + n % 7
            totals[shop] += amount
            statements.append(
                {"id": new_id("stm"), "closing_id": closings[shop], "shop_id": _shop(shop), "creator_id": creator,
                 "currency": "EUR", "total": amount, "carried": 0, "created_at": now}
            )  # fmt: skip
            drafts.append(
                Draft(reference=f"bench:{key}:{n}", subject=f"bench:{key}:{n}", kind="settlement", shop_id=_shop(shop),
                      currency="EUR", reason="period_closed", occurred_at=now, creator_id=creator,
                      postings=(DraftPosting("merchant_receivable", amount), owed("creator_settled", amount, creator)))
            )  # fmt: skip
        for number, closing_id in closings.items():
            session.add(
                Closing(id=closing_id, shop_id=_shop(number), currency="EUR", period=key, starts_at=now, ends_at=now,
                        closed_at=now, closed_by="bench", total=totals[number])
            )  # fmt: skip
        session.flush()
        session.execute(sa.insert(Statement), statements)
        last = session.scalar(sa.select(sa.func.coalesce(sa.func.max(Invoice.number), 0))) or 0
        for number, closing_id in closings.items():
            total = totals[number]
            session.add(
                Invoice(id=new_id("inv"), number=last + number + 1, shop_id=_shop(number), currency="EUR",
                        closing_id=closing_id, period=key, issued_at=now, issued_on=today, due_on=today, orders=1,
                        earned=total, reversed=0, total=total)
            )  # fmt: skip
            session.add(
                Receipt(id=new_id("rcp"), reference=f"{key} {number}", source="hand", shop_id=_shop(number),
                        currency="EUR", amount=total, received_on=today, recorded_at=now, recorded_by="bench")
            )  # fmt: skip
        session.flush()
        journal.post_all(session, drafts, unbooked=True)


if __name__ == "__main__":
    main()
