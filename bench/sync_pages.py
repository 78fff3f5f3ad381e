"""A first sync by pages whose bodies lie in memory, for `bench.sync`: what the connector itself costs, without a store.

    python -m bench.sync_pages PRODUCTS DATABASE_URL

The run is the one that a worker carries: client, budget, decoding, translation, rows, checkpoints. Prints seconds and
peak memory beyond the bodies.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench import sync_store
from connector import clock, db, outbound
from connector.config import read_settings
from connector.db import Database, Scope, new_id
from connector.operations.starting import open_process
from connector.platforms import roster
from connector.sync import load, paged, runs
from connector.sync.tables import SyncRun

SHOP = "shp_bench"
SYSTEM = Scope.system("bench")


class Answer:
    """A prepared body."""

    def __init__(self, content: bytes) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {"X-Shopify-API-Version": "2026-10"}
        self.content = content

    def lines(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        pass


class Prepared:
    """The way out, with nothing behind it."""

    def __init__(self, bodies: list[bytes]) -> None:
        self._bodies = iter(bodies)

    def send(self, method: str, url: str, **given: object) -> Answer:
        return Answer(next(self._bodies))


def main() -> None:
    products, url = int(sys.argv[1]), sys.argv[2]
    os.environ["CONNECTOR_DATABASE_URL"] = url
    bodies = list(sync_store.pages(products, 3))
    open_process()
    read_settings()
    db.use(Database(url))
    outbound.use(Prepared(bodies))  # type: ignore[arg-type]
    with db.write(SYSTEM) as session:
        run = SyncRun(id=new_id("run"), shop_id=SHOP, kind="full", trigger="bench", status="queued",
                      queued_at=clock.now())  # fmt: skip
        session.add(run)
        session.flush()
        load.started(session, run, clock.now())
        run.stage, run_id = "", run.id
    platform = roster.platform("shopify")
    before = _kilobytes("VmRSS")
    seconds = []
    for _ in range(1):
        began = time.perf_counter()
        status = paged.pull(run_id, SHOP, platform)
        seconds.append(time.perf_counter() - began)
        if status != "done":
            raise SystemExit(f"the run ended as {status}")
    with db.read(SYSTEM) as session:
        done = session.get_one(SyncRun, run_id)
        if done.written != products or done.status not in runs.ENDED:
            raise SystemExit(f"{done.written} of {products} were written")
    print(json.dumps({"seconds": seconds[0], "beyond": (_kilobytes("VmHWM") - before) * 1024}))


def _kilobytes(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
