"""Children of this process that are killed with -9 at a chosen call, and how they ended.

A fork and not a new program: the interpreter and all rooms are loaded, so a kill costs a tenth of a second.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import Any


def die(place: Any, name: str, when: str, at: int) -> None:
    """kill -9 of this process, before or after the `at`-th call of `place.name`."""
    real, calls = getattr(place, name), [0]

    def counted(*args: Any, **named: Any) -> Any:
        calls[0] += 1
        if when == "before" and calls[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **named)
        if when == "after" and calls[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, counted)


def start(act: Callable[[], None]) -> int:
    """Fork; the child does it and ends. Dispose of the database's connections first: none may go into the child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def wait(child: int) -> int:
    """Its exit code; of one that was killed minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(act: Callable[[], None]) -> int:
    return wait(start(act))
