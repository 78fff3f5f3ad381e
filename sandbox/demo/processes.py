"""The demo's processes: free ports, start on a leash, wait until ready, stop."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import requests


class PortTaken(RuntimeError):
    """Somebody took a port between the look at it and the start: start again."""


def free_ports(*wanted: int | None) -> tuple[int, ...]:
    """Each port where nobody listens on it, else the next free one above; None: somewhere at random.

    Below the range from which the system takes the near ends of outgoing connections: those come and go at any moment.
    """
    with contextlib.ExitStack() as held:  # all at once, so that no two are the same
        return tuple(_free_port(held, start or random.randrange(10_000, 30_000)) for start in wanted)


def _free_port(held: contextlib.ExitStack, start: int) -> int:
    for port in range(start, start + 1000):
        probe = held.enter_context(socket.socket())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port on 127.0.0.1 from {start} on")


class Processes:
    """What the demo started, in order; stopped in reverse."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with open(self.logs / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.demo.leash", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops them in order
            )
        self._running.append((name, process))

    def wait_for(self, name: str, url: str, seconds: float = 60.0) -> None:
        """Until `url` answers 200. Errors: RuntimeError with the end of the log when it ends or stays silent."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check(name)
            try:
                if requests.get(url, timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{name} did not answer at {url} within {seconds:.0f} s:\n{self.tail(name)}")

    def check(self, *names: str) -> None:
        """Errors: RuntimeError when one of them (all, if none is named) has ended; PortTaken when that is why."""
        for name, process in self._running:
            if (not names or name in names) and process.poll() is not None:
                said = (self.logs / f"{name}.log").read_text(errors="replace")
                kind = PortTaken if "Address already in use" in said else RuntimeError
                raise kind(f"{name} ended with code {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        text = (self.logs / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        for _name, process in reversed(self._running):
            if process.stdin:
                process.stdin.close()  # the leash lets go: its command is ended
        for _name, process in reversed(self._running):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()
