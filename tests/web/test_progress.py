"""A sync run in words: moving or stuck, how long yet, was anything lost?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector import clock
from connector.db import new_id
from connector.sync import runs
from connector.sync.tables import SyncRun
from connector.web import progress

NOW = datetime(2026, 11, 14, 21, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def _run(status: str = "running", **more: Any) -> SyncRun:
    fields: dict[str, Any] = {
        "id": new_id("run"), "shop_id": "shp_1", "kind": "full", "trigger": "schedule", "status": status,
        "stage": "load", "problem": "", "expected": 38_400, "lines_read": 0, "products_in": 0, "written": 0, "same": 0,
        "refused": 0, "queued_at": NOW - timedelta(minutes=3), "started_at": NOW - timedelta(minutes=3),
        "loading_at": NOW - timedelta(minutes=2), "heard_at": NOW, "finished_at": None,
    }  # fmt: skip
    return SyncRun(**(fields | more))


def test_moving() -> None:
    run = _run(lines_read=12_000, products_in=4_000, written=3_990, refused=10)
    seen = progress.view(run, NOW)
    assert (seen.read, seen.total, seen.percent, seen.rate) == (12_000, 38_400, 31, 100)
    assert seen.left.replace("\u00a0", " ") == "4 min"
    assert seen.sentence == "Reading the export. Started by schedule."
    assert seen.sum == "Products so far: read 4,000, written 3,990, same 0, refused 10"
    assert not seen.final


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    run = _run(lines_read=10_000)
    progress.view(run, NOW)
    run.lines_read = 10_400
    assert progress.view(run, NOW + timedelta(seconds=10)).rate == 40
    progress.view(run, NOW + timedelta(seconds=25))
    # looks are forgotten after 30 s: what stood still since shows as standing still
    assert progress.view(run, NOW + timedelta(seconds=41)).rate == 0


def test_no_time_left_without_a_total_or_before_twenty_seconds() -> None:
    assert progress.view(_run(lines_read=500, expected=None), NOW).left == ""
    assert progress.view(_run(lines_read=500, loading_at=NOW - timedelta(seconds=19)), NOW).left == ""


def test_silent_says_who_takes_over() -> None:
    seen = progress.view(_run(heard_at=NOW - timedelta(seconds=95)), NOW)
    assert seen.silent.replace("\u00a0", " ").startswith(
        "Nothing heard for 95 s. If its worker is gone, another takes over"
    )
    assert progress.view(_run(heard_at=NOW - timedelta(seconds=29)), NOW).silent == ""


def test_done_adds_up_or_names_what_was_lost() -> None:
    done = _run("done", products_in=12_600, written=902, same=11_676, refused=22, finished_at=NOW)
    assert progress.view(done, NOW).sum == "Read 12,600 = written 902 + same 11,676 + refused 22, 0 lost"
    lost = _run("done", products_in=12_600, written=900, same=11_676, refused=22, finished_at=NOW)
    seen = progress.view(lost, NOW)
    assert seen.lost == 2
    assert seen.sum.endswith("2 lost")


def test_a_run_that_ended_early_claims_no_loss() -> None:
    # What it wrote is counted at the end only, which it never came to.
    failed = _run("failed", products_in=12_600, refused=22, finished_at=NOW, problem="the file was cut")
    seen = progress.view(failed, NOW)
    assert seen.sentence == "The file was cut. Nothing was removed."
    assert (seen.final, seen.lost, seen.sum) == (
        True, 0, "Products so far: read 12,600, written 0, same 0, refused 22"
    )  # fmt: skip


def test_a_run_that_asks_is_over_and_says_what_it_asks() -> None:
    seen = progress.view(_run("asks", finished_at=NOW, problem="30 of 50 products went: nothing was removed"), NOW)
    assert seen.final
    assert seen.sentence == "30 of 50 products went: nothing was removed."


@pytest.mark.parametrize(
    "status", ["queued", "running", "waiting", "stopping", "stopped", "done", "refusals", "failed", "asks"]
)
def test_every_status_has_a_sentence(status: str) -> None:
    seen = progress.view(_run(status, finished_at=NOW), NOW)
    assert seen.sentence.endswith(".")
    assert seen.final == (status in runs.ENDED)
