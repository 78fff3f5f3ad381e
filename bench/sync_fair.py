"""One large shop and many small ones at once: how long the small ones take, beside their time alone, in the same run.

    python -m bench.sync_fair [--variants 500000] [--shops 50] [--products 40] [--database sqlite|postgresql|both]

A worker as it ships takes the jobs. First the small shops are synced with nothing else under way; then the large one is
started, and once its file is being read the small ones are synced again, from nothing. What is measured of each is the
time from its start to its end, waiting in the queue included, since that is what a merchant sees.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bench.sync import DOMAIN, SHOP, SYSTEM, prepared, store, worker
from connector import db
from connector.commerce.catalog.tables import Listing, RefusedProduct, VariantRow
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.platforms.contract import Grant
from connector.sync import runs
from connector.sync.tables import SyncRun

EACH = 3  # variants of a product


@dataclass(slots=True)
class Found:
    """Seconds of the small shops, alone and beside the large one."""

    alone: list[float]
    beside: list[float]
    large_went_on: bool


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--variants", type=int, default=500_000)
    options.add_argument("--shops", type=int, default=50)
    options.add_argument("--products", type=int, default=40, help="products of each small shop")
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    chosen = options.parse_args()
    databases = ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]
    rows = ["| Database | Small shops alone, median / p95 | beside the large one | times |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="bench-fair-") as held:
        folder = Path(held)
        with stores(folder, chosen.variants // EACH, chosen.products) as port:
            for name in databases:
                found = measure(folder, name, port, chosen.shops)
                rows.append(line(name, found))
                if not found.large_went_on:
                    print(
                        f"  {name}: the large run ended before the small ones; give it more variants", file=sys.stderr
                    )
    print("\n".join(rows))


@contextmanager
def stores(folder: Path, large: int, small: int) -> Iterator[int]:
    """One store process whose file is the large one's; a small shop's domain gets the head of it."""
    with store(folder, large, small=small) as port:
        yield port


def measure(folder: Path, name: str, port: int, number: int) -> Found:
    with prepared(folder, name) as url:
        small = add_shops(number)
        with worker(folder, url, port):
            alone = sync_all(small)
            forget(small)
            with db.write(SYSTEM) as session:
                large = runs.start(session, SHOP, "bench").id
            until_loading(large)
            beside = sync_all(small)
            with db.read(SYSTEM) as session:
                went_on = session.get_one(SyncRun, large).status in runs.LIVE
    return Found(alone, beside, went_on)


def add_shops(number: int) -> list[str]:
    then = datetime.now(UTC)
    ids = [f"shp_small{n:03d}" for n in range(number)]
    with db.write(SYSTEM) as session:
        for n, shop_id in enumerate(ids):
            session.add(
                Shop(
                    id=shop_id, platform="shopify", domain=f"small-{n}.myshopify.com", currency="USD",
                    status="connected", installed_at=then, created_at=then, left_at=None,
                )
            )  # fmt: skip
            session.flush()
            grants.seal_grant(session, shop_id, Grant("shpat_bench", scopes=("read_products",)))
    return ids


def sync_all(shops: list[str]) -> list[float]:
    """Seconds of each shop's run, from its start to its end."""
    began: dict[str, float] = {}
    for shop_id in shops:
        with db.write(SYSTEM) as session:
            began[runs.start(session, shop_id, "bench").id] = time.monotonic()
    took: dict[str, float] = {}
    while len(took) < len(began):
        time.sleep(0.05)
        with db.read(SYSTEM) as session:
            ended = session.execute(
                sa.select(SyncRun.id, SyncRun.status, SyncRun.problem).where(
                    SyncRun.id.in_(began.keys() - took.keys()), SyncRun.status.in_(runs.ENDED)
                )
            ).all()
        for run_id, status, problem in ended:
            if status != "done":
                raise SystemExit(f"a small run ended as {status}: {problem}")
            took[run_id] = time.monotonic() - began[run_id]
    return list(took.values())


def forget(shops: list[str]) -> None:
    """The small shops have nothing again."""
    with db.write(SYSTEM) as session:
        for kind in (Listing, VariantRow, RefusedProduct):
            session.execute(sa.delete(kind).where(kind.shop_id.in_(shops)).execution_options(synchronize_session=False))


def until_loading(run_id: str) -> None:
    while True:
        time.sleep(0.1)
        with db.read(SYSTEM) as session:
            run = session.get_one(SyncRun, run_id)
            if run.lines_read > 5_000:
                return
            if run.status in runs.ENDED:
                raise SystemExit(f"the large run of {DOMAIN} ended as {run.status}: {run.problem}")


def line(name: str, found: Found) -> str:
    def both(values: list[float]) -> tuple[float, float]:
        return statistics.median(values), statistics.quantiles(values, n=20)[-1]

    (alone, alone_high), (beside, beside_high) = both(found.alone), both(found.beside)
    return (
        f"| {name} | {alone:.1f} / {alone_high:.1f} s | {beside:.1f} / {beside_high:.1f} s | "
        f"{beside / alone:.2f}× / {beside_high / alone_high:.2f}× |"
    )


if __name__ == "__main__":
    main()
