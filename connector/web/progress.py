"""How a sync run stands, for a page: one sentence, progress, rate, time left, the count that must add up.

Pure but for one thing: the rate over the last half minute needs an earlier look at the same run. This process remembers
the looks it had (a few numbers a run); without one the average since the lines began to come is shown.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from connector import clock
from connector.web import moments, words
from connector.web.amounts import count

FINAL = ("stopped", "done", "refusals", "failed", "asks")
LIVE = ("queued", "running", "waiting", "pausing", "paused", "stopping")
SILENT_AFTER = timedelta(seconds=30)
_TRIGGERS = {
    "joined": "when the shop joined",
    "schedule": "by schedule",
    "webhook": "by a message from the shop",
    "merchant": "by the merchant",
    "command": "by a command",
}
_STAGES = {
    "export": "The shop is preparing the export.",
    "load": "Reading the export.",
    "settle": "All is read; marking what is gone.",
}


class Run(Protocol):
    """What is read of a sync run's row."""

    id: str
    status: str
    stage: str
    problem: str
    trigger: str
    expected: int | None
    lines_read: int
    products_in: int
    written: int
    same: int
    refused: int
    queued_at: datetime
    started_at: datetime | None
    loading_at: datetime | None
    heard_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunView:
    state: words.Badge
    sentence: str
    read: int
    total: int | None
    percent: int
    rate: int  # lines a second; 0: not known yet
    left: str  # "" when nothing can be said
    heard: str
    sum: str
    lost: int
    silent: str  # what to say when nothing was heard for 30 s
    final: bool
    trigger: str


def view(run: Run, now: datetime | None = None) -> RunView:
    now = now or clock.now()
    final = run.status in FINAL
    rate = 0 if final else _rate(run, now)
    total = None if final else run.expected
    lost = run.products_in - run.written - run.same - run.refused
    dry = bool(getattr(run, "dry", False))  # then "written" is what would be
    # While lines come, a product's variants may still be on their way: only at the end is a difference a loss. A run
    # that ended early never came to count what it wrote.
    counted = run.status in ("done", "refusals")
    sum_line = (
        f"Read {count(run.products_in)} = {'would be written' if dry else 'written'} {count(run.written)} "
        f"+ same {count(run.same)} + refused {count(run.refused)}, {count(max(lost, 0))} lost"
        if counted
        else f"Products so far: read {count(run.products_in)}, written {count(run.written)}, same {count(run.same)}, "
        f"refused {count(run.refused)}"
    )
    return RunView(
        state=words.status("run", run.status),
        sentence=_sentence(run),
        read=run.lines_read,
        total=total,
        percent=min(100, 100 * run.lines_read // total) if total else 0,
        rate=rate,
        left=_left(run, total, rate, now),
        heard=moments.ago(run.heard_at) if run.heard_at else "",
        sum=sum_line,
        lost=max(lost, 0) if counted else 0,
        silent=_silent(run, now),
        final=final,
        trigger=_by(run.trigger),
    )


def _by(trigger: str) -> str:
    return _TRIGGERS.get(trigger) or f"by {trigger.removeprefix('staff:')}"


def _sentence(run: Run) -> str:
    if run.status == "failed":
        problem = run.problem[:1].upper() + run.problem[1:].rstrip(".")
        return f"{problem}. Nothing was removed." if problem else "The run failed. Nothing was removed."
    if run.status == "queued":
        return f"Waits for a worker since {moments.ago(run.queued_at)}."
    if run.status == "pausing":
        return "Pauses at the next safe point. What was read stays."
    if run.status == "paused":
        return "Paused. What was read stays; it goes on from there when you let it."
    if run.status == "stopping":
        return "Stops at the next safe point. What was read stays."
    if run.status == "stopped":
        return f"Stopped. What was read stays; nothing was removed. {run.problem}".strip()
    if run.status == "asks":
        return f"{run.problem[:1].upper()}{run.problem[1:].rstrip('.')}."
    if run.status == "waiting":
        return "Waits for the shop: it is preparing the export."
    if run.status in ("done", "refusals") and run.started_at and run.finished_at:
        took = moments.lasting(run.finished_at - run.started_at)
        end = "All of it was taken in." if run.status == "done" else "What was refused is listed below, by reason."
        if getattr(run, "dry", False):
            end = "Nothing was written: this says what a run would do."
        return f"Took {took}. {end}"
    return f"{_STAGES.get(run.stage, 'Under way.')} Started {_by(run.trigger)}."


def _silent(run: Run, now: datetime) -> str:
    if run.status not in ("running", "waiting", "stopping") or run.heard_at is None:
        return ""
    if now - run.heard_at <= SILENT_AFTER:
        return ""
    return (
        f"Nothing heard for {moments.lasting(now - run.heard_at)}. If its worker is gone, another takes over "
        "from the last checkpoint within a minute."
    )


def _left(run: Run, total: int | None, rate: int, now: datetime) -> str:
    if not total or not rate or run.loading_at is None or (now - run.loading_at).total_seconds() < 20:
        return ""
    return moments.lasting(timedelta(seconds=max(1, max(0, total - run.lines_read) // rate)))


_looks: OrderedDict[str, deque[tuple[datetime, int]]] = OrderedDict()


def _rate(run: Run, now: datetime) -> int:
    looks = _looks.setdefault(run.id, deque(maxlen=60))
    _looks.move_to_end(run.id)
    while len(_looks) > 200:
        _looks.popitem(last=False)
    while looks and now - looks[0][0] > timedelta(seconds=30):
        looks.popleft()
    looks.append((now, run.lines_read))
    began, lines = looks[0]
    span = (now - began).total_seconds()
    if span >= 4:
        return max(0, int((run.lines_read - lines) / span))
    if run.loading_at is None or not run.lines_read:
        return 0
    whole = (now - run.loading_at).total_seconds()
    return int(run.lines_read / whole) if whole >= 1 else 0
