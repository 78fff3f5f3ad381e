"""The product itself beside a real store: its web process and its worker, over the database of a test.

Nothing of the product is replaced. A test waits for what it expects, by polling the database that they share.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import touches
from connector.earnings.ledger import queries as ledger
from connector.platforms import roster
from connector.platforms.contract import Client, Samples
from connector.programme.collaborations import terms
from connector.programme.creators import register
from connector.sync import queries, reconcile, runs
from connector.sync.tables import Reconciliation, SyncRun
from connector.webhooks.tables import DeliveryRow
from sandbox.demo.processes import Processes, free_ports
from tests.conftest import KEY

T = TypeVar("T")
TEST = Scope.system("tests against real stores")
HASH_KEY = "a hash key that is used by tests only, 32+"
PATIENCE = 90.0  # seconds that anything may take; most take one
DONE = frozenset({"done", "refusals"})


def environment(database: Database, port: int) -> dict[str, str]:
    return {
        "CONNECTOR_ENV": "dev",
        "CONNECTOR_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "CONNECTOR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CONNECTOR_PORT": str(port),
        "CONNECTOR_SEALING_KEYS": KEY,
        "CONNECTOR_HASH_KEY": HASH_KEY,
        "CONNECTOR_SESSION_KEY": "a session key for tests only, 32+ long",
    }


@dataclass
class System:
    """The running product. Its processes and the test see one database."""

    env: Mapping[str, str]
    processes: Processes

    @property
    def public_url(self) -> str:
        return self.env["CONNECTOR_PUBLIC_URL"]

    def start(self, *names: str) -> None:
        for name in names:
            self.processes.start(name, [sys.executable, "-m", "connector", name], self.env)
        if "serve" in names:
            self.processes.wait_for("serve", f"{self.public_url}/readyz")

    def stop(self, name: str) -> None:
        """End one process, as a machine does that is restarted."""
        (found,) = [each for each in self.processes._running if each[0] == name]
        self.processes._running.remove(found)
        assert found[1].stdin is not None
        found[1].stdin.close()
        found[1].wait(20)

    def until(self, what: str, look: Callable[[Session], T | None]) -> T:
        """What `look` finds, asked again until it finds something. Errors: AssertionError that says what never came."""
        end = time.monotonic() + PATIENCE
        while True:
            with db.read(TEST) as session:
                found = look(session)
                if found:
                    session.expunge_all()
                    return found
            self.processes.check()
            assert time.monotonic() < end, f"{what} never came\n{self.processes.tail('worker', 25)}"
            time.sleep(0.1)

    # --- the catalog

    def synced(self, shop_id: str, run_id: str | None = None) -> SyncRun:
        """The run, or the newest one, at its end; it must have taken the catalog in."""

        def look(session: Session) -> SyncRun | None:
            run = queries.run(session, run_id) if run_id else queries.newest(session, shop_id)
            return run if run is not None and run.finished_at is not None else None

        run = self.until("the end of the sync", look)
        assert run.status in DONE, f"{run.status}: {run.problem}"
        return run

    def sync(self, shop_id: str, kind: runs.Kind) -> SyncRun:
        with db.write(Scope.shop(shop_id)) as session:
            run_id = runs.start(session, shop_id, "command", kind=kind).id
        return self.synced(shop_id, run_id)

    def listings(self, shop_id: str) -> dict[str, Listing]:
        """Those that the store still has, by ref."""
        with db.read(TEST) as session:
            rows = session.scalars(sa.select(Listing).where(Listing.shop_id == shop_id, Listing.status != "gone")).all()
            session.expunge_all()
            return {row.product_ref: row for row in rows}

    def variants(self, shop_id: str) -> dict[str, VariantRow]:
        with db.read(TEST) as session:
            kept = sa.select(VariantRow).where(VariantRow.shop_id == shop_id, VariantRow.gone_at.is_(None))
            rows = session.scalars(kept).all()
            session.expunge_all()
            return {row.variant_ref: row for row in rows}

    def listing(self, shop_id: str, ref: str, what: str, holds: Callable[[Listing, list[VariantRow]], bool]) -> None:
        """Wait until the listing is as it should be."""

        def look(session: Session) -> bool:
            row = session.scalar(sa.select(Listing).where(Listing.shop_id == shop_id, Listing.product_ref == ref))
            own = sa.select(VariantRow).where(
                VariantRow.shop_id == shop_id, VariantRow.product_ref == ref, VariantRow.gone_at.is_(None)
            )
            return row is not None and holds(row, list(session.scalars(own.order_by(VariantRow.position))))

        self.until(what, look)

    # --- creators and money

    def programme(self, shop_id: str, rate_bp: int, *handles: str) -> list[str]:
        """Creators, and the shop open to all of them; their ids."""
        with db.write(TEST) as session:
            terms.open_terms(session, shop_id, rate_bp, by="test")
            return [register.register(session, handle, handle.title(), 1000).id for handle in handles]

    def tap(self, shop_id: str, creator_id: str, product_ref: str) -> str:
        """A tap a minute ago; the token that its order will carry. (Two clocks: the store's may be a moment behind.)"""
        with db.write(Scope.shop(shop_id)) as session:
            found = sa.select(Listing.id).where(Listing.shop_id == shop_id, Listing.product_ref == product_ref)
            tapped = touches.Tapped(shop_id, creator_id, session.scalars(found).one(), product_ref)
            at = clock.now() - timedelta(minutes=1)
            return touches.record(session, tapped, kind="video", at=at).token

    def order(self, shop_id: str, ref: str, what: str, holds: Callable[[Order], bool] = lambda _: True) -> Order:
        def look(session: Session) -> Order | None:
            row = session.scalar(sa.select(Order).where(Order.shop_id == shop_id, Order.order_ref == ref))
            return row if row is not None and holds(row) else None

        return self.until(what, look)

    def owed(self, shop_id: str) -> dict[tuple[str, str], int]:
        """{(creator's id, currency): what the creator has earned and not lost again}"""
        with db.read(TEST) as session:
            return owed(session, shop_id)

    def owes(self, shop_id: str, wanted: Mapping[tuple[str, str], int]) -> None:
        """Wait until the balances are exactly these (those of nothing left out)."""
        sought = {key: amount for key, amount in wanted.items() if amount}
        last: dict[str, object] = {}

        def look(session: Session) -> bool:
            last["found"] = owed(session, shop_id)
            return last["found"] == sought

        try:
            self.until("a balance", look)
        except AssertionError as error:
            raise AssertionError(f"owed {last['found']}, expected {sought}") from error

    def look(self, shop_id: str) -> Reconciliation:
        """Compare with the store's list of changed orders, at once instead of at its time."""
        return reconcile.reconcile(shop_id)

    def samples(self, shop_id: str, act: Callable[[Samples, Client], T]) -> T:
        """What the platform's part for samples does with the shop's own grant, as the product calls it."""
        part = roster.platform(self.shop(shop_id).platform).samples
        assert part is not None
        return grants.calling(shop_id, lambda client: act(part, client))

    def deliveries(self, shop_id: str, topic: str) -> int:
        """How many deliveries of a topic were kept and handled."""
        with db.read(TEST) as session:
            held = sa.select(sa.func.count()).where(
                DeliveryRow.shop_id == shop_id, DeliveryRow.topic == topic, DeliveryRow.status == "done"
            )
            return session.scalar(held) or 0

    def shop(self, shop_id: str) -> Shop:
        with db.read(TEST) as session:
            row = session.get_one(Shop, shop_id)
            session.expunge_all()
            return row


def owed(session: Session, shop_id: str) -> dict[tuple[str, str], int]:
    found = ledger.balances(session, shop_id=shop_id)
    return {(one.creator_id, one.currency): one.pending + one.cleared for one in found if one.pending + one.cleared}


@contextmanager
def running(database: Database, folder: Path) -> Iterator[System]:
    """Web and worker over this database; ended with the test."""
    (port,) = free_ports(None)
    system = System(environment(database, port), Processes(folder))
    try:
        system.start("serve", "worker")
        yield system
    finally:
        system.processes.stop()
