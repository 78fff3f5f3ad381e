"""The sealing job: links entries into their shops' chains and folds their postings into the running balances.

It stands behind the writers. An entry waits in `ledger_unsealed`, written by its own transaction; on PostgreSQL with
that transaction's id, and it is sealed only when every transaction with a smaller id has ended, so that no writer can
come later with an earlier place. SQLite's writers stand in line: what is there is in order. So the chain's order is
that of (transaction, entry), and never changes afterwards.

One transaction takes a page: links, heads, balances, and the end of the waiting, all of it or nothing. One sealer at a
time; a second one finds nothing to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.earnings.ledger import chain, reading
from connector.earnings.ledger.chain import Written
from connector.earnings.ledger.tables import ChainHead, Entry, RunningBalance, Seal, Unsealed

PAGE = 1000
_LOCK = 0x6C656467  # "ledg": an advisory lock of this job alone
_log = telemetry.logger(__name__)
# No transaction with a smaller id runs any more in this database; one that is seen to run in another database of the
# cluster can't write here, and one of unknown whereabouts counts as ours. A row from before a restore into another
# cluster may bear an id that this one hasn't reached: its writer is long gone.
_SETTLED = sa.text(
    "(xid < coalesce((SELECT min(x::text::bigint) FROM pg_snapshot_xip(pg_current_snapshot()) AS x"
    " WHERE NOT EXISTS (SELECT 1 FROM pg_stat_activity AS a WHERE a.datname <> current_database()"
    " AND a.backend_xid::text::bigint = x::text::bigint % 4294967296)),"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
    " OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
)

Key = tuple[str, str, str, str]  # shop, currency, account, creator or ""


def seal(session: Session, limit: int = PAGE) -> int:
    """Seal up to `limit` entries that no earlier writer can come before; how many. 0: nothing more can be done now."""
    if not _alone(session):
        return 0
    waiting = _waiting(session, limit)
    if not waiting:
        return 0
    entries = reading.whole(session, waiting)
    by_shop: dict[str, list[Written]] = defaultdict(list)
    for entry_id in waiting:
        by_shop[entries[entry_id].shop_id].append(entries[entry_id])
    for shop_id in sorted(by_shop):
        _link(session, shop_id, by_shop[shop_id])
    _fold(session, list(entries.values()))
    for start in range(0, len(waiting), reading.PAGE):
        some = waiting[start : start + reading.PAGE]
        session.execute(sa.delete(Unsealed).where(Unsealed.entry_id.in_(some)))
    return len(waiting)


def _alone(session: Session) -> bool:
    """SQLite's write lock is held already; PostgreSQL's is this job's own, until the transaction ends."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(sa.text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


def _waiting(session: Session, limit: int) -> list[str]:
    # Joined, so that a waiting entry that somebody took away stops nobody; the audit names it.
    query = sa.select(Unsealed.entry_id).join(Entry, Entry.id == Unsealed.entry_id)
    if session.get_bind().dialect.name == "postgresql":
        query = query.where(_SETTLED)
    return list(session.scalars(query.order_by(Unsealed.xid, Unsealed.entry_id).limit(limit)))


def _link(session: Session, shop_id: str, entries: Sequence[Written]) -> None:
    head = session.get(ChainHead, shop_id)
    position, last = (head.position, head.hash) if head else (0, chain.genesis(shop_id))
    now = clock.now()
    rows: list[dict[str, Any]] = []
    for number, (entry, found) in enumerate(zip(entries, chain.links(last, entries), strict=True), position + 1):
        rows.append(
            {"shop_id": shop_id, "position": number, "entry_id": entry.id, "hash": found, "sealed_at": now}
        )  # fmt: skip
    session.connection().execute(sa.insert(Seal), rows)
    head = head or ChainHead(shop_id=shop_id, position=0, hash="", sealed_at=now)
    head.position, head.hash, head.sealed_at = rows[-1]["position"], rows[-1]["hash"], now
    session.add(head)
    session.flush()
    # The log is the witness outside of the database: whoever cuts the chain and its head can't cut this too.
    _log.info("ledger.sealed", shop_id=shop_id, position=head.position, hash=head.hash)


def _fold(session: Session, entries: Sequence[Written]) -> None:
    sums: dict[Key, list[int]] = {}
    for entry in entries:
        for side in entry.postings:
            key = (
                side.shop_id or entry.shop_id, side.currency or entry.currency, side.account, side.creator_id or "",
            )  # fmt: skip
            found = sums.setdefault(key, [0, 0])
            found[0] += side.amount
            found[1] += 1
    insert = db.insert(session, RunningBalance)
    fold = insert.on_conflict_do_update(
        index_elements=["shop_id", "currency", "account", "creator_id"],
        set_={
            "amount": RunningBalance.amount + insert.excluded.amount,
            "postings": RunningBalance.postings + insert.excluded.postings,
        },
    )
    rows: list[dict[str, Any]] = [
        {
            "shop_id": shop, "currency": currency, "account": account, "creator_id": creator, "amount": amount,
            "postings": number,
        }
        for (shop, currency, account, creator), (amount, number) in sorted(sums.items())
    ]  # fmt: skip
    if rows:
        session.connection().execute(fold, rows)
