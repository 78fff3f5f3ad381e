"""A process that asks for clients of one shop, as a worker does. Started by test_renewal_processes.py.

    renewer.py SHOP THREADS [die]     prints the access tokens that its threads got, one a line, sorted

`die`: it kills itself (SIGKILL) once the store has answered and before anything of the answer is written. The product
has no hook for that; the function that would write is replaced in this process alone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from connector.commerce.shops import grants
from connector.operations.starting import open_process


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(shop_id: str, threads: int, dies: bool) -> None:
    open_process()
    if dies:
        grants._write_down = die  # type: ignore[assignment]
    got: list[str] = []
    together = threading.Barrier(threads)

    def work() -> None:
        together.wait()
        got.append(grants.client_for(shop_id).grant.access_token)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    print("\n".join(sorted(got)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), "die" in sys.argv[3:])
