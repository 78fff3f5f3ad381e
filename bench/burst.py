"""A burst of one shop beside the trickle of many: does it keep the others waiting, at the door and in the drain?

    python -m bench.burst [--database sqlite|postgresql|both] [--burst 5000] [--shops 20] [--each 20]

The same trickle (20 shops, 20 orders each, one after another on a connection of their own) is measured twice on
one web process and one worker: alone, and beside a burst of one shop over 16 connections, whose backlog the worker
drains meanwhile. At the door: p50, p99 and worst of the trickle's answers. In the drain: the same from receipt to done.
The limit beside it is the trickle alone in the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from bench import acceptance, acceptance_load
from bench.acceptance import SECRET

BIG = "burst-shop.myshopify.com"
SEALING = Fernet.generate_key().decode()


@dataclass(frozen=True, slots=True)
class Seen:
    """Milliseconds."""

    p50: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return f"{self.p50:.0f} / {self.p99:.0f} / {self.worst:.0f}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--burst", type=int, default=5000)
    options.add_argument("--shops", type=int, default=20)
    options.add_argument("--each", type=int, default=20)
    chosen = options.parse_args()
    print("| database | trickle | answer ms p50 / p99 / worst | from receipt to done ms p50 / p99 / worst | burst /s |")
    print("|---|---|---:|---:|---:|")
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        for name, burst in (("alone", 0), (f"beside {chosen.burst:,} of one shop", chosen.burst)):
            with acceptance.database_of(database, "burst", lambda url: _prepare(url, chosen.shops)) as url:
                door, drained, rate = _measure(url, burst, chosen.shops, chosen.each)
            print(f"| {database} | {name} | {door} | {drained} | {rate:.0f} |", flush=True)


def _prepare(url: str, shops: int) -> None:
    from connector import jobs, vault
    from connector.commerce.shops import connect
    from connector.db import Database, Scope
    from connector.events import ShopProfile
    from connector.migrations.run import migrate
    from connector.platforms.contract import Grant

    database = Database(url)
    migrate(database)
    jobs.prepare(database)
    vault.use(vault.Vault([SEALING], "h" * 40))
    with database.write(Scope.system("bench")) as session:
        for number, domain in enumerate([BIG, *_trickling(shops)]):
            profile = ShopProfile(shop_ref=str(number), domain=domain, name="Sample", currency="USD", time_zone="UTC")
            connect.connect(session, "shopify", profile, Grant("none"))
    database.close()


def _trickling(shops: int) -> list[str]:
    return [f"trickle-{number}.myshopify.com" for number in range(shops)]


def _measure(url: str, burst: int, shops: int, each: int) -> tuple[Seen, Seen, float]:
    """The trickle's answers and drains while `burst` orders of the big shop come over 16 connections."""
    os.environ.update(CONNECTOR_SEALING_KEYS=SEALING)
    rate: list[float] = []
    with _both(url) as port:
        storm = [acceptance_load.request(port, BIG, SECRET.encode(), 1_000_000 + n) for n in range(burst)]
        trickle = [
            acceptance_load.request(port, domain, SECRET.encode(), 1 + each * number + n)
            for n in range(each)
            for number, domain in enumerate(_trickling(shops))
        ]
        thread = threading.Thread(target=lambda: rate.append(acceptance_load.run(port, 16, storm)["rate"]))
        if storm:
            thread.start()
            time.sleep(0.2)  # the burst is under way
        times = [_sent(port, one) for one in trickle]
        if storm:
            thread.join()
        drained = _drained(url, shops * each)
    return _seen(times), _seen(drained), rate[0] if rate else 0.0


def _sent(port: int, data: bytes) -> float:
    """Milliseconds until its answer, over a connection of its own. Spread thinly: some fifty a second."""
    time.sleep(0.01)
    return acceptance_load.run(port, 1, [data])["worst"]


def _drained(url: str, expected: int) -> list[float]:
    """Milliseconds from receipt to done of each delivery of the trickle. Errors: RuntimeError after two minutes."""
    from connector.db import Database, Scope
    from connector.webhooks.tables import DeliveryRow

    database = Database(url)
    until = time.monotonic() + 120
    asked = sa.select(DeliveryRow.received_at, DeliveryRow.done_at, DeliveryRow.status).where(DeliveryRow.domain != BIG)
    try:
        while time.monotonic() < until:
            with database.read(Scope.system("bench")) as session:
                rows = session.execute(asked).all()
            if len(rows) == expected and all(row.status in ("done", "parked") for row in rows):
                if wrong := [row for row in rows if row.status != "done"]:
                    raise RuntimeError(f"{len(wrong)} were parked")
                return [(row.done_at - row.received_at).total_seconds() * 1000 for row in rows]
            time.sleep(0.5)
    finally:
        database.close()
    raise RuntimeError("the trickle was not drained within two minutes")


def _seen(times: list[float]) -> Seen:
    ordered = sorted(times)
    return Seen(statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1])


@contextmanager
def _both(url: str) -> Iterator[int]:
    """The web process on a free port and a worker beside it; ended at the end."""
    with acceptance.serving("granian", "connector", url, 8) as port:
        environment: dict[str, Any] = {**acceptance.environment(url, "connector"), "CONNECTOR_LOG_LEVEL": "error"}
        worker = subprocess.Popen(
            [sys.executable, "-m", "connector", "worker"], env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            time.sleep(4.0)  # it takes its seat
            if worker.poll() is not None:
                raise RuntimeError(f"the worker ended with {worker.returncode}")
            yield port
        finally:
            worker.terminate()
            worker.wait(timeout=60)


if __name__ == "__main__":
    main()
