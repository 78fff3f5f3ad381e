"""Asking a store that may be away or busy, while the run stays alive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from connector import clock, db, jobs
from connector.commerce.shops import grants
from connector.db import Scope
from connector.errors import PlatformBusy, PlatformDown, RunRefused
from connector.platforms.contract import Client
from connector.sync import runs

T = TypeVar("T")

PATIENCE = timedelta(minutes=30)  # how long a store may be away before the run fails


def patiently(run_id: str, shop_id: str, call: Callable[[Client], T], doing: str) -> T:
    """Ask the store; one that is away or busy is asked again with growing delay, and the run stays alive meanwhile."""
    began, wait = clock.wall(), 1.0
    while True:
        try:
            return grants.calling(shop_id, call)
        except PlatformBusy as error:
            delay = max(1.0, error.retry_after)
        except PlatformDown:
            delay = wait
        if clock.wall() - began > PATIENCE:
            raise RunRefused(f"the store could not be reached for half an hour while {doing}")
        with db.write(Scope.shop(shop_id)) as session:
            runs.hold(session, run_id).heard_at = clock.now()
        jobs.pause(min(delay, 60.0))
        wait = min(wait * 2, 60.0)
