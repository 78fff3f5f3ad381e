"""The Singer tap for Shopify on the same catalog, beside our sync by pages, both fed with prepared answers from memory.

    python -m bench.sync_singer [--products 20000] [--rounds 3]

The tap is installed from its package into a virtual environment of its own under `var/`; where it can't be had, that is
said and nothing else happens. It reads products and variants (two streams, 250 a page) and writes its records to
nowhere: what it costs to store them comes on top. Ours reads, translates and stores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import sync_store

VARIANTS, PAGE = 3, 250
PLACE = Path("var/singer")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--inside", action="store_true", help="run the tap: only with the tap's own interpreter")
    chosen = options.parse_args()
    if chosen.inside:
        print(json.dumps(read_all(chosen.products)), file=sys.stderr)
        return
    python = installed()
    if python is None:
        print("tap-shopify could not be installed here: nothing to compare with")
        return
    from bench import sync

    taps, ours = [], []
    for _ in range(chosen.rounds):
        taps.append(tap(python, chosen.products))
        with tempfile.TemporaryDirectory(prefix="bench-sync-") as held, sync.prepared(Path(held), "sqlite") as url:
            ours.append(sync.by_pages(url, chosen.products))
        print(f"  tap {taps[-1]['seconds']:.1f} s, ours {ours[-1]:.1f} s", file=sys.stderr)
    theirs, own = statistics.median(each["seconds"] for each in taps), statistics.median(ours)
    print(f"| tap-shopify {taps[0]['version']} /s | its peak memory | ours by pages, stored /s | times |")
    print("|---:|---:|---:|---:|")
    print(
        f"| {chosen.products / theirs:,.0f} | {max(each['peak'] for each in taps) / 1e6:.0f} MB "
        f"| {chosen.products / own:,.0f} | **{theirs / own:.1f}** |"
    )


def installed() -> Path | None:
    """The interpreter of an environment that has the tap."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        venv.create(PLACE, with_pip=True)
    asked = subprocess.run([python, "-c", "import tap_shopify"], capture_output=True, check=False)
    if asked.returncode:
        asked = subprocess.run([python, "-m", "pip", "install", "--quiet", "tap-shopify"], check=False)
    return python.absolute() if asked.returncode == 0 else None


def tap(python: Path, products: int) -> dict[str, Any]:
    command = [str(python), "-m", "bench.sync_singer", "--inside", "--products", str(products)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"the tap failed: {done.stderr[-800:]}")
    answer: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return answer


def read_all(products: int) -> dict[str, Any]:
    """Inside the tap's environment: its own loop over both streams, its way out replaced by prepared answers."""
    import logging
    from importlib.metadata import version

    import shopify  # type: ignore[import-not-found]
    import tap_shopify  # type: ignore[import-not-found]
    from tap_shopify.context import Context  # type: ignore[import-not-found]

    logging.disable(logging.CRITICAL)
    bodies = {"GetProducts": list(_pages(products, _products)), "GetProductVariants": list(_pages(products, _variants))}
    waiting = {name: iter(held) for name, held in bodies.items()}

    def execute(_self: object, query: str, *_given: object, **_named: object) -> str:
        name = "GetProductVariants" if "productVariants(" in query else "GetProducts"
        return next(waiting[name])

    shopify.GraphQL.__init__ = lambda _self: None
    shopify.GraphQL.execute = execute
    shop = {"id": 1, "name": "Sample", "myshopify_domain": "bench.myshopify.com"}
    tap_shopify.initialize_shopify_client = lambda: shop
    tap_shopify.has_read_users_access = lambda: True
    Context.config = {
        "shop": "bench", "start_date": "2026-01-01T00:00:00Z", "date_window_size": 3650, "results_per_page": PAGE,
    }  # fmt: skip
    Context.state, Context.catalog = {}, tap_shopify.discover()
    for entry in Context.catalog["streams"]:
        chosen = entry["tap_stream_id"] in ("products", "product_variants")
        entry["metadata"].append({"breadcrumb": [], "metadata": {"selected": chosen}})
        for each in entry["metadata"]:
            each["metadata"]["selected"] = chosen
    before = _kilobytes("VmRSS")
    began = time.perf_counter()
    tap_shopify.sync()
    seconds = time.perf_counter() - began
    if Context.counts != {"products": products, "product_variants": products * VARIANTS}:
        raise SystemExit(f"the tap read {Context.counts}")
    return {"seconds": seconds, "peak": (_kilobytes("VmHWM") - before) * 1024, "version": version("tap-shopify")}


def _pages(products: int, nodes: Any) -> Iterator[str]:
    every = nodes(products)
    for start in range(0, len(every), PAGE):
        more = start + PAGE < len(every)
        edges = [{"node": node} for node in every[start : start + PAGE]]
        page = {"edges": edges, "pageInfo": {"hasNextPage": more, "endCursor": str(start) if more else None}}
        key = "products" if nodes is _products else "productVariants"
        yield json.dumps({"data": {key: page}}, separators=(",", ":"))


def _products(number: int) -> list[dict[str, Any]]:
    """The bench's catalog in the words of the tap's query."""
    made = []
    for each in range(number):
        head: dict[str, Any] = dict(sync_store.head(each))
        image = {
            "id": head["id"].replace("Product", "MediaImage"), "alt": "", "status": "READY",
            "mediaContentType": "IMAGE",
            "mediaWarnings": [], "mediaErrors": [], "createdAt": head["updatedAt"], "updatedAt": head["updatedAt"],
            "mimeType": "image/jpeg",
            "image": {"url": head["featuredMedia"]["preview"]["image"]["url"], "width": 800, "height": 800, "id": "1"},
        }  # fmt: skip
        made.append(
            {name: head[name] for name in (
                "id", "title", "descriptionHtml", "vendor", "tags", "handle", "publishedAt", "updatedAt", "status",
                "productType", "isGiftCard",
            )}
            | {
                "createdAt": head["publishedAt"],
                "category": {"id": head["category"]["id"]} if head["category"] else None,
                "description": head["descriptionHtml"], "templateSuffix": None, "giftCardTemplateSuffix": None,
                "hasOnlyDefaultVariant": False, "hasOutOfStockVariants": False, "requiresSellingPlan": False,
                "hasVariantsThatRequiresComponents": False, "totalInventory": 9, "tracksInventory": True,
                "options": [], "compareAtPriceRange": None, "media": {"edges": [{"node": image}]},
                "featuredMedia": {"id": image["id"], "mediaContentType": "IMAGE", "status": "READY"},
            }
        )  # fmt: skip
    return made


def _variants(products: int) -> list[dict[str, Any]]:
    made = []
    for number in range(products * VARIANTS):
        row: dict[str, Any] = dict(sync_store.variant(number, VARIANTS))
        parent = row.pop("__parentId")
        for name in ("__typename", "selectedOptions", "gtin", "mpn"):
            del row[name]
        row["inventoryItem"] = {
            "id": row["inventoryItem"]["id"],
            "measurement": {"weight": {"unit": "GRAMS", "value": 1}},
        }
        made.append(
            row
            | {
                "product": {"id": parent}, "createdAt": "2026-10-02T12:00:00Z", "updatedAt": "2026-11-20T14:00:01Z",
                "displayName": row["title"], "image": None, "inventoryPolicy": "DENY", "requiresComponents": False,
                "sellableOnlineQuantity": 1, "taxCode": "", "taxable": True,
            }
        )  # fmt: skip
    return made


def _kilobytes(name: str) -> int:
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
