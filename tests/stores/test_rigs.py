"""The rigs themselves: a store that starts, sells and is gone afterwards."""

from __future__ import annotations

import requests

from tests.stores.rig import Rig


def test_medusa_runs_and_sells(medusa_store: Rig) -> None:
    assert requests.get(f"{medusa_store.base}/health", timeout=10).status_code == 200
    medusa_store.run("seed.mjs", 2)
    order = medusa_store.run("buy.mjs", "--lines", 1)
    assert order["payment_status"] == "captured"
