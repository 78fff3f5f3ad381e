"""kill -9 of a worker in the midst of syncs: they go on by themselves, and end as if nothing had happened.

One shop a point, all stopped at their points at once, so that one kill hits five of them. On SQLite a new worker starts
afterwards; on PostgreSQL another one lives beside and takes over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.sync_store import lines
from connector import db, vault
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.platforms.contract import Grant
from connector.sync import runs
from connector.sync.tables import SEEN, SyncImage, SyncRun
from tests.kills import harness
from tests.kills.harness import StandIn, Workers, until

pytestmark = [pytest.mark.kill, pytest.mark.timeout(240)]
SYSTEM = Scope.system("tests")
PRODUCTS, EACH = 1_500, 3
OBJECTS = PRODUCTS * (1 + EACH)


@pytest.fixture
def store() -> Iterator[StandIn]:
    made = StandIn(list(lines(PRODUCTS, EACH)))
    yield made
    made.close()


@pytest.fixture
def workers(database: Database, store: StandIn, tmp_path: Path) -> Iterator[Workers]:
    folder = tmp_path / "workers"
    folder.mkdir()
    made = Workers(database, store.port, folder)
    yield made
    store.open_gates()
    made.stop()


def start_sync(name: str) -> str:
    """A connected shop with a run that is queued."""
    vault.use(vault.Vault([harness.KEY], harness.HASH_KEY))
    then = datetime(2026, 11, 1, tzinfo=UTC)
    with db.write(SYSTEM) as session:
        shop = Shop(
            id=new_id("shp"), platform="shopify", domain=f"{name}.myshopify.com", currency="USD", status="connected",
            installed_at=then, created_at=then, left_at=None,
        )  # fmt: skip
        session.add(shop)
        session.flush()
        grants.seal_grant(session, shop.id, Grant("shpat_kills", scopes=("read_products",)))
        return runs.start(session, shop.id, "command").id


def look(run_id: str) -> SyncRun:
    with db.read(SYSTEM) as session:
        return session.get_one(SyncRun, run_id)


def facts(run_id: str) -> dict[str, object]:
    """What a run left: its counts and what the shop's catalog adds up to."""
    run = look(run_id)
    with db.read(SYSTEM) as session:
        listings = session.execute(
            sa.select(
                sa.func.count(), sa.func.sum(Listing.price_from), sa.func.sum(Listing.price_to),
                sa.func.sum(Listing.variant_count), sa.func.count(sa.case((Listing.status == "shoppable", 1))),
            ).where(Listing.shop_id == run.shop_id)
        ).one()  # fmt: skip
        variants = session.execute(
            sa.select(sa.func.count(), sa.func.sum(VariantRow.price), sa.func.sum(VariantRow.stock)).where(
                VariantRow.shop_id == run.shop_id, VariantRow.gone_at.is_(None)
            )
        ).one()
        left = session.scalar(sa.select(sa.func.count()).select_from(SEEN)) or session.scalar(
            sa.select(sa.func.count()).select_from(SyncImage)
        )
    return {
        "run": (run.status, run.lines_read, run.products_in, run.variants_in),
        "counts": (run.written, run.same, run.refused, run.gone),
        "listings": tuple(map(int, listings)),
        "variants": tuple(map(int, variants)),
        "left": left,
    }  # fmt: skip


def test_syncs_go_on_after_a_kill_as_if_nothing_had_happened(
    database: Database, store: StandIn, workers: Workers
) -> None:
    gates = {
        "asking": store.gate("asking", "start"),  # the export is asked for, its id is not stored
        "polling": store.gate("polling", "state"),  # its id is stored, nothing is read
        "reading": store.gate("reading", "line", OBJECTS // 2),
        "ending": store.gate("ending", "line", OBJECTS - 100),
    }
    started = {name: start_sync(name) for name in gates}
    victim = workers.start()
    for name, gate in gates.items():
        until(gate.arrived.is_set, 60, f"{name} came to its point\n{workers.logs()}")
    for name in ("reading", "ending"):
        until(lambda name=name: look(started[name]).lines_read >= 2_000, 20, f"{name}: a batch")  # type: ignore[misc]
    if not database.is_sqlite:
        workers.start()
        until(lambda: workers.seats() == 2, 60, "the other worker sits")
        time.sleep(1.0)
    settling = started["settling"] = start_sync("settling")
    until(lambda: look(settling).stage == "settle", 60, "settling", every=0.001)
    workers.freeze(victim)  # on PostgreSQL the run may be the other worker's: then the kill passes it by
    if database.is_sqlite:
        assert look(settling).status == "running", "it was over before it could be killed"
    workers.kill(victim)
    store.open_gates()
    killed_at = time.monotonic()
    before = {name: look(run_id).heard_at for name, run_id in started.items() if look(run_id).status in runs.LIVE}
    if database.is_sqlite:
        workers.start()
    for name, heard_at in before.items():
        until(
            lambda name=name, heard_at=heard_at: look(started[name]).heard_at != heard_at,  # type: ignore[misc]
            30 - (time.monotonic() - killed_at),
            f"{name} goes on by itself\n{workers.logs()}",
        )
    started["undisturbed"] = start_sync("undisturbed")
    for name, run_id in started.items():
        until(lambda run_id=run_id: look(run_id).status in runs.ENDED, 90, f"{name} ends")  # type: ignore[misc]
    expected = facts(started["undisturbed"])
    assert expected["run"] == ("done", OBJECTS, PRODUCTS, PRODUCTS * EACH)
    assert expected["counts"] == (PRODUCTS, 0, 0, 0)
    assert expected["left"] == 0
    for name, run_id in started.items():
        assert facts(run_id) == expected, name
        assert store.count(name, "start") <= (2 if name == "asking" else 1), f"{name}: a second export"
        assert store.count(name, "file") <= 2, f"{name}: the file was asked for too often"
