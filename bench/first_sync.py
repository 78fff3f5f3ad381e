"""Does a first sync keep a store's limit of calls busy, and stay below it? By the stand-ins' own count.

    python -m bench.first_sync [--products 220] [--calls 150] [--seconds 30]

A WooCommerce and a BigCommerce shop of the sandbox, each with a quota of `calls` in a window of `seconds`
(BigCommerce's own is 150 in 30), are joined and synced by the worker as any shop is: real processes, real HTTP, SQLite.
Every product costs a call of its own beside its page. WooCommerce tells of no limit; a host's is known by its refusals.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox.demo.run import Demo, Plan
from sandbox.demo.show import Screen
from sandbox.demo.trade import Shop

PATIENCE = 600.0


class Limited(Demo):
    def __init__(self, plan: Plan, products: int) -> None:
        super().__init__(plan, Screen())
        self.many = {"count": products, "variants_each": 10}

    def _shops(self) -> list[Shop]:
        common = ("USD", "UTC", False, "5.00", self.many, 1000, 1)
        return [
            Shop("lantern", "Lantern", *common, platform="woocommerce"),
            Shop("k1ln8works", "Kiln", *common, platform="bigcommerce"),
        ]

    def measured(self, calls: int, seconds: int) -> dict[str, Any]:
        """What each quota saw from the join to the end of the first sync."""
        self._start_somewhere()
        for shop in self.running.shops:
            self._quota("PUT", shop, calls=calls, seconds=seconds)
        self._join()
        seen: dict[str, Any] = {}
        end = time.monotonic() + PATIENCE
        while len(seen) < len(self.running.shops) and time.monotonic() < end:
            self.processes.check()
            for shop in self.running.shops:
                if shop.platform not in seen and self.app.sync(shop.shop_id)["status"] in ("done", "refusals"):
                    seen[shop.platform] = self._quota("GET", shop)
            time.sleep(0.2)
        return seen

    def _quota(self, method: str, shop: Shop, **wanted: int) -> Any:
        return self.stores.call(method, f"/{shop.platform}/{shop.name}/quota", **wanted)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=220)
    options.add_argument("--calls", type=int, default=150)
    options.add_argument("--seconds", type=int, default=30)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        demo = Limited(Plan("sqlite", 0, 0, 1, Path(folder), usual_ports=False), chosen.products)
        try:
            seen = demo.measured(chosen.calls, chosen.seconds)
        finally:
            demo.processes.stop()
    print("| platform | calls | seconds | shortest possible | a second | the limit's | refused |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for platform, told in seen.items():
        # A whole window's calls are there at once; the last ones have to wait until the windows before theirs are over.
        least = (told["taken"] - 1) // chosen.calls * chosen.seconds
        rate, limit = told["taken"] / told["span"], chosen.calls / chosen.seconds
        row = (platform, told["taken"], f"{told['span']:.1f}", least, f"{rate:.1f}", f"{limit:.1f}", told["refused"])
        print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
