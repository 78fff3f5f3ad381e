"""`make demo`: from nothing to a running system, a day of trade, and the proofs. Exit code 0 only if every proof holds.

python -m sandbox.demo [--once] [--db sqlite|postgresql] [--products 500] [--buyers 200] [--seed 7]
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from sandbox.demo.run import Demo, Plan
from sandbox.demo.show import Screen


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--once", action="store_true", help="exit by itself instead of staying up until Ctrl-C")
    parser.add_argument("--db", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--buyers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--directory", type=Path, default=Path("var"), help="where databases, logs and the report go")
    parser.add_argument(
        "--without-repair", action="store_true", help="leave lost deliveries lost: the proofs must fail"
    )
    given = parser.parse_args()

    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    screen = Screen()
    plan = Plan(given.db, given.products, given.buyers, given.seed, given.directory, repair=not given.without_repair)
    demo = Demo(plan, screen)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        holds = demo.day()
        if given.once:
            return 0 if holds else 1
        demo.invite()
        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)
        while not stop.wait(1):
            demo.processes.check()
        return 0 if holds else 1
    except KeyboardInterrupt:
        screen.say("Stopped.")
        return 130
    finally:
        demo.processes.stop()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
