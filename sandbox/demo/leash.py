"""Run a command on a leash: it ends when whoever started it ends, however that ends (Ctrl-C, kill -9).

`python -m sandbox.demo.leash COMMAND …` starts the command in its own process group and reads standard input. The demo
holds the other end of that pipe; when the demo is gone, for whatever reason, the pipe closes and the group is ended:
first SIGTERM, after ten seconds SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

PATIENCE = 10.0  # seconds between asking and killing


def main() -> None:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(_signal: int = 0, _frame: FrameType | None = None) -> None:
        threading.Thread(target=_end, args=(child,), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    code = child.wait()
    _signal_group(child.pid, signal.SIGKILL)  # a grandchild that outlived its parent
    sys.exit(code if code >= 0 else 128 - code)


def _watch(stop: object) -> None:
    while os.read(0, 4096):
        pass
    assert callable(stop)
    stop()


def _end(child: subprocess.Popen[bytes]) -> None:
    _signal_group(child.pid, signal.SIGTERM)
    try:
        child.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        _signal_group(child.pid, signal.SIGKILL)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    main()
