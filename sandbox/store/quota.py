"""A counted limit of API calls: so many in a window of seconds, per shop, with a log of what it saw."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response

from sandbox.store.control import answers_for, body
from sandbox.store.store import Store, json_answer


@dataclass
class Quota:
    """`calls` in each window of `seconds`, windows beginning with the first call; 0 calls: no limit.

    `log`: (second since the quota was set, allowed?) of every call.
    """

    calls: int
    seconds: float
    taken: int = 0
    refused: int = 0
    log: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=100_000))

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.began = time.monotonic()
        self._window = -math.inf
        self._used = 0
        self.by_window: list[int] = []  # calls refused in each window

    def take(self) -> bool:
        """Count a call; is it allowed?"""
        with self._lock:
            now = time.monotonic()
            if now - self._window >= self.seconds:
                self._window, self._used = now, 0
                self.by_window.append(0)
            allowed = not self.calls or self._used < self.calls
            self._used += allowed
            self.taken += allowed
            self.refused += not allowed
            self.by_window[-1] += not allowed
            self.log.append((now - self.began, allowed))
            return allowed

    def left(self) -> int:
        return max(0, self.calls - self._used)

    def resets_in(self) -> float:
        """Seconds until the window at hand ends."""
        return max(0.0, self._window + self.seconds - time.monotonic())

    def seen(self) -> dict[str, Any]:
        """What the control API tells: `busiest` is the most calls allowed in any stretch as long as a window,
        `by_window` how many were refused in each."""
        with self._lock:
            allowed = [at for at, good in self.log if good]
            by_window = list(self.by_window)
        busiest, first = 0, 0
        for last, at in enumerate(allowed):
            while at - allowed[first] >= self.seconds:
                first += 1
            busiest = max(busiest, last - first + 1)
        span = allowed[-1] - allowed[0] if len(allowed) > 1 else 0.0
        return {
            "calls": self.calls, "seconds": self.seconds, "taken": self.taken, "refused": self.refused,
            "busiest": busiest, "span": round(span, 3), "by_window": by_window,
        }  # fmt: skip


class Quotas:
    """The quota of each shop of one face."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._usual = (calls, seconds)
        self._of: dict[str, Quota] = {}
        self._lock = threading.Lock()

    def of(self, shop: str) -> Quota:
        with self._lock:
            return self._of.setdefault(shop, Quota(*self._usual))

    def put(self, shop: str, calls: int, seconds: float) -> Quota:
        """A new limit, counted from nothing."""
        with self._lock:
            self._of[shop] = Quota(calls, seconds)
            return self._of[shop]


def blueprint(platform: str, store: Store, quotas: Quotas) -> Blueprint:
    """`GET`/`PUT /control/{platform}/{shop}/quota`: what the limit saw, and another one."""
    room = Blueprint(f"{platform}_quota", __name__, url_prefix=f"/control/{platform}")
    answers_for(room)

    @room.get("/<shop>/quota")
    def seen(shop: str) -> Response:
        store.state.shop(shop)
        return json_answer(quotas.of(shop).seen())

    @room.put("/<shop>/quota")
    def put(shop: str) -> Response:
        store.state.shop(shop)
        wanted = body()
        return json_answer(quotas.put(shop, int(wanted["calls"]), float(wanted["seconds"])).seen())

    return room
