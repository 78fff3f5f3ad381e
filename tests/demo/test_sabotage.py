"""The demo without repair, with a touch swapped, and killed: the proofs name it, and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox.demo.run import MISBEHAVIOUR, Demo, Plan
from sandbox.demo.show import Screen
from tests.demo.broken import CATALOG, CREATORS, LEDGER, LINES, ORDERS, SMALL, broken, sql

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(420)]


class Sabotaged(Demo):
    """No repair, one touch gets another creator before the decisions are pinned, and nobody is paid."""

    swapped = ""

    def _reconcile(self) -> None:
        super()._reconcile()
        [(touch, old, self.swapped)] = sql(
            self,
            "SELECT d.touch_id, d.creator_id, o.number FROM decisions d JOIN orders o ON o.id = d.order_id "
            "WHERE d.credit_reason = 'last_click_direct' AND d.rate_bp > 0 AND d.pinned_at IS NULL LIMIT 1",
        )
        sql(
            self,
            "UPDATE touches SET creator_id = (SELECT id FROM creators WHERE id <> ? LIMIT 1) WHERE id = ?", old, touch,
        )  # fmt: skip

    def _close(self) -> None:
        pass


def test_lost_deliveries_without_repair_and_a_swapped_touch_are_named(tmp_path: Path) -> None:
    trouble = {**MISBEHAVIOUR, "drop_orders": 0.15}
    demo = Sabotaged(Plan("sqlite", directory=tmp_path, repair=False, misbehaviour=trouble, **SMALL), Screen())
    try:
        assert not demo.day()
        found = broken(demo)
        assert "was never seen" in found[ORDERS]
        assert demo.swapped.lstrip("#") in found[LINES]
        assert CREATORS in found
        assert LEDGER not in found
        assert CATALOG not in found
    finally:
        demo.processes.stop()


def test_nothing_stays_behind_after_kill_9(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.demo", "--products", "24", "--buyers", "12", "--directory", str(tmp_path)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "Reading their catalogs" in line:
            break
    started = psutil.Process(demo.pid).children(recursive=True)
    assert len(started) >= 3
    os.kill(demo.pid, signal.SIGKILL)
    demo.wait()
    end = time.monotonic() + 25
    while time.monotonic() < end and any(one.is_running() and one.status() != "zombie" for one in started):
        time.sleep(0.2)
    assert [one for one in started if one.is_running() and one.status() != "zombie"] == []
