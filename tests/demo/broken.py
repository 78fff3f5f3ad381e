"""Looking into a finished demo: which proofs failed, and rows changed behind the product's back."""

from __future__ import annotations

import sqlite3

from sandbox.demo.run import Demo

SMALL = {"products": 24, "buyers": 20, "seed": 5, "usual_ports": False}
LEDGER, CATALOG, LINES = "ledger sums to zero", "catalog equal item by item", "commission line by line"
ORDERS, CREATORS = "orders at the store = seen = evaluated", "commission by creator"


def broken(demo: Demo) -> dict[str, str]:
    """{name: detail} of the proofs that don't hold.

    But for the shares of trouble: a short day has few deliveries to overtake a held one. That there was some is tested.
    """
    return {
        one["name"]: one["detail"] for one in demo.proofs if not one["holds"] and one["name"] != "the trouble was real"
    }


def sql(demo: Demo, statement: str, *values: object) -> list[tuple[object, ...]]:
    with sqlite3.connect(demo.home / "connector.db", timeout=30) as connection:
        return connection.execute(statement, values).fetchall()
