"""SIGTERM to the real processes: each ends by itself, with exit code 0, well before a supervisor would kill it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from connector import clock, jobs
from connector.db import Database, Scope
from tests.kills.harness import Workers

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(120)]
ENDS_WITHIN = 15


@pytest.fixture
def processes(sqlite_database: Database, tmp_path: Path) -> Iterator[Workers]:
    found = Workers(sqlite_database, 1, tmp_path)
    yield found
    found.stop()


def await_(true: Callable[[], bool], process: subprocess.Popen[bytes], processes: Workers) -> None:
    until = time.monotonic() + 60
    while not true():
        assert process.poll() is None, f"it ended by itself\n{processes.logs()}"
        assert time.monotonic() < until, f"not ready within a minute\n{processes.logs()}"
        time.sleep(0.1)


def ended(process: subprocess.Popen[bytes], processes: Workers) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        pytest.fail(f"still there after {ENDS_WITHIN} s\n{processes.logs()}")


def test_a_worker_ends_on_sigterm_and_gives_its_seat_up(processes: Workers, tmp_path: Path) -> None:
    worker = processes.start()
    await_(lambda: "worker.started" in processes.logs(), worker, processes)
    assert ended(worker, processes) == 0, processes.logs()
    assert "worker.stopped" in processes.logs()
    with processes.database.read(Scope.system("test")) as session:
        seat = session.scalars(sa.select(jobs.WorkerSlot)).one()
        assert seat.until <= clock.wall(), "the next worker need not wait for the lease"


@pytest.mark.parametrize("ctrl_c", [False, True])
def test_the_web_ends_on_sigterm_and_on_ctrl_c(processes: Workers, tmp_path: Path, ctrl_c: bool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(tmp_path / "worker-web.log", "wb") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "connector", "serve", "--host", "127.0.0.1", "--port", str(port)],
            env=processes.env, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    processes.running.append(web)

    def ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    await_(ready, web, processes)
    if ctrl_c:  # a terminal sends it to the server's own children too
        os.killpg(web.pid, signal.SIGINT)
        assert web.wait(ENDS_WITHIN) == 0, processes.logs()
    else:
        assert ended(web, processes) == 0, processes.logs()
    assert "refused to gracefully stop" not in processes.logs()
    lines = (tmp_path / "worker-web.log").read_text().splitlines()
    assert lines
    assert all(json.loads(line)["level"] for line in lines)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
