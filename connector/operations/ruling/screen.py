"""The worker's round over what wasn't screened yet: read and judged outside of any write, written in one short one."""

from __future__ import annotations

from collections.abc import Callable

from connector import clock, db
from connector.db import Scope
from connector.programme.policies import screening
from connector.programme.policies.rules import Screen

_WHY = "the rules are the same for all shops' products"


def screen_changed(stop: Callable[[], bool] = lambda: False) -> int:
    """Screen all listings that came or changed, or all when the rules did; how many came in or went out."""
    moved = 0
    with db.read(Scope.system(_WHY)) as session:
        rules = screening.now_in_force(session, clock.now())
        begun = screening.applied(session) != rules.version
    after: str | None = ""
    while begun and after is not None and not stop():
        with db.write(Scope.system(_WHY)) as session:
            after = screening.begin_version(session, rules.version, after)
    screen = Screen(rules)
    while not stop():
        with db.read(Scope.system(_WHY)) as session:
            looked = screening.look(session, screen) if screening.waits(session) else []
        if not looked:
            return moved
        with db.write(Scope.system(_WHY)) as session:
            moved += screening.write(session, looked, rules.version)
    return moved
