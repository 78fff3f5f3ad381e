"""Real worker processes and a store that holds them at a chosen point, so that kill -9 hits exactly there.

The product has no test hook: the store's side of a request is the hook. A `Gate` stops one shop's request (the one that
starts the export, the one that asks for its state, or the file before a given line); the test waits until every gate
has its caller, kills the worker, and opens the gates. Where no request happens, `freeze` stops the worker first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from cryptography.fernet import Fernet

from connector import jobs
from connector.db import Database

KEY, HASH_KEY = Fernet.generate_key().decode(), "a hash key that is used by the kill tests only, 32+"
SECRET = "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"


@dataclass
class Gate:
    """A point of one shop's talk with the store. `arrived`: somebody stands before it."""

    kind: str  # start | state | line
    line: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def stand(self) -> None:
        if not self.arrived.is_set():
            self.arrived.set()
            self.opened.wait(120)


class StandIn:
    """Just enough of Shopify's Admin API for an export, a catalog for all shops, and a log of what was asked."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.gates: dict[str, Gate] = {}
        self.asked: list[tuple[str, str]] = []  # (shop's name, start | state | file)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self  # type: ignore[attr-defined]
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def gate(self, shop: str, kind: str, line: int = 0) -> Gate:
        self.gates[shop] = Gate(kind, line)
        return self.gates[shop]

    def open_gates(self) -> None:
        for gate in self.gates.values():
            gate.arrived.set()
            gate.opened.set()

    def count(self, shop: str, kind: str) -> int:
        return self.asked.count((shop, kind))

    def close(self) -> None:
        self.open_gates()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a killed worker's connection is no news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def store(self) -> StandIn:
        return cast(StandIn, self.server.stand_in)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        """`/shops/{shop}/admin/api/…/graphql.json`"""
        shop = self.path.split("/")[2].partition(".")[0]
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        kind = "start" if "BulkStart" in query else "state" if "bulkOperation(" in query else "other"
        self.store.asked.append((shop, kind))
        gate = self.store.gates.get(shop)
        if gate is not None and gate.kind == kind:
            gate.stand()
        operation = "gid://shopify/BulkOperation/1"
        data: Any = {"webhookSubscriptions": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}
        if "query Shop " in query:
            data = {
                "shop": {
                    "id": f"gid://shopify/Shop/{zlib.crc32(self.path.encode())}", "name": "",
                    "myshopifyDomain": self.path.split("/")[2],
                    "currencyCode": "USD", "ianaTimezone": "", "taxesIncluded": False, "primaryDomain": {"url": ""},
                    "shopAddress": None,
                }
            }  # fmt: skip
        elif "NewestChange" in query:
            data = {"products": {"nodes": []}}
        elif kind == "start":
            data = {
                "bulkOperationRunQuery": {"bulkOperation": {"id": operation, "status": "CREATED"}, "userErrors": []}
            }
        elif kind == "state":
            data = {
                "bulkOperation": {
                    "id": operation, "status": "COMPLETED", "errorCode": None, "rootObjectCount": "1",
                    "objectCount": str(len(self.store.lines)), "fileSize": "1",
                    "url": f"http://127.0.0.1:{self.store.port}/files/{shop}.jsonl",
                }
            }  # fmt: skip
        body = json.dumps({"data": data}).encode()
        self._send(body, {"Content-Type": "application/json", "X-Shopify-API-Version": "2026-10"})

    def do_GET(self) -> None:
        """`/files/{shop}.jsonl`"""
        shop = self.path.split("/")[2].partition(".")[0]
        self.store.asked.append((shop, "file"))
        gate = self.store.gates.get(shop)
        lines = self.store.lines
        try:
            self.send_response(200)
            self.send_header("Content-Length", str(sum(map(len, lines))))
            self.end_headers()
            for start in range(0, len(lines), 100):
                if gate is not None and gate.kind == "line" and start >= gate.line:
                    self.wfile.flush()
                    gate.stand()
                self.wfile.write(b"".join(lines[start : start + 100]))
        except OSError:
            self.close_connection = True  # the worker was killed: nobody listens any more

    def _send(self, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Workers:
    """`connector worker` processes of one database. Whatever a test does, none stays behind."""

    def __init__(self, database: Database, port: int, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.running: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "CONNECTOR_ENV": "dev",
            "CONNECTOR_PUBLIC_URL": "http://127.0.0.1:1",
            "CONNECTOR_DATABASE_URL": database.url.render_as_string(hide_password=False),
            "CONNECTOR_SEALING_KEYS": KEY,
            "CONNECTOR_HASH_KEY": HASH_KEY,
            "CONNECTOR_SESSION_KEY": HASH_KEY,
            "SHOPIFY_ORIGIN_TEMPLATE": f"http://127.0.0.1:{port}/shops/{{shop}}",
            "SHOPIFY_CLIENT_ID": "kills",
            "SHOPIFY_CLIENT_SECRET": SECRET,
        }

    def start(self) -> subprocess.Popen[bytes]:
        with open(self.folder / f"worker-{len(self.running)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "connector", "worker"],
                env=self.env, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.running.append(process)
        return process

    def freeze(self, process: subprocess.Popen[bytes]) -> None:
        """Stop it where it is, so that the test may look before it kills."""
        process.send_signal(signal.SIGSTOP)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("worker-*.log")))

    def seats(self) -> int:
        """How many seats are held."""
        with self.database.engine.connect() as connection:
            return len(connection.execute(sa.select(jobs.WorkerSlot.slot)).all())


def until(holds: Callable[[], bool], seconds: float, what: str, every: float = 0.05) -> float:
    """Wait; how many seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)
    return time.monotonic() - began
