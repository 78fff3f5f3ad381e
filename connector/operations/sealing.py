"""Sealing what waits: the worker does it every few seconds, `connector seal` at once. A transaction a page."""

from __future__ import annotations

from collections.abc import Callable

from connector import db
from connector.db import Scope
from connector.earnings.ledger import seal


def seal_waiting(stop: Callable[[], bool] = lambda: False) -> int:
    """Link every entry into its shop's chain that no earlier writer can come before any more; how many."""
    count = 0
    while not stop():
        with db.write(Scope.system("the ledger's sealing job takes the entries of all shops")) as session:
            done = seal.seal(session)
        count += done
        if done < seal.PAGE:
            break
    return count
