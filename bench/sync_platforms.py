"""What a product costs us on each platform: the whole catalog by pages, from prepared answers, read and stored.

    python -m bench.sync_platforms [--products 2000] [--rounds 3] [--platform woocommerce …] [--memory]

Each platform's stand-in of the conformance suite is filled with the same catalog (three variants a product) and walked
once; what it answered is kept. Then the walk is made again from the kept answers, so that only our own processor time
counts: reading and translating alone, and with the products stored in an empty SQLite database, 500 a transaction as a
first sync does it. The peer is Shopify's walk by pages in the same run; 1.5 times of it is the limit.

`--memory` measures something else: the most that a walk holds at a time (by tracemalloc, prepared answers not counted)
at that many products and at four times as many. A walk that keeps no more than its page holds the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from connector import clock
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.conformance import Case, StandIn, balances
from connector.conformance.answers import Reply
from connector.db import Database, Scope, new_id
from connector.events import Product
from connector.platforms import rest, roster
from connector.platforms.contract import Client, HttpAnswer, Platform

PRICES = [1999, 2999, 3999]
STORED_AT_ONCE = 500
LIMIT = 1.5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--platform", action="append", help="only these, beside Shopify")
    options.add_argument("--memory", action="store_true", help="what a walk holds, at this size and at four times it")
    chosen = options.parse_args()
    rest.pause = _no_pause
    if chosen.memory:
        memory(chosen.products, chosen.platform)
        return
    found: dict[str, tuple[float, float, int]] = {}
    for platform in roster.OURS:
        if chosen.platform and platform.slug not in (*chosen.platform, "shopify"):
            continue
        case: Case = import_module(f"tests.platforms.{platform.slug}.case").CASE
        if case.stand_in is None:
            print(f"{platform.slug} has no stand-in: not measured", file=sys.stderr)
            continue
        found[platform.slug] = measured(platform, case, chosen.products, chosen.rounds)
        print(f"  {platform.slug}: {found[platform.slug]}", file=sys.stderr)
    peer = found["shopify"]
    print(
        "| platform | calls | read, µs a product | times Shopify's | read and stored, µs a product | times Shopify's |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for slug, (read, stored, calls) in found.items():
        over = " (over)" if stored / peer[1] > LIMIT else ""
        print(
            f"| {slug} | {calls:,} | {read:.0f} | {read / peer[0]:.2f} | {stored:.0f} | {stored / peer[1]:.2f}{over} |"
        )


def memory(products: int, only: list[str] | None) -> None:
    """The most that a walk holds, at `products` and at four times as many."""
    print(f"| platform | held at {products:,} products, kB | at {products * 4:,} | times |")
    print("|---|---:|---:|---:|")
    for platform in roster.OURS:
        if only and platform.slug not in only:
            continue
        case: Case = import_module(f"tests.platforms.{platform.slug}.case").CASE
        if case.stand_in is None:
            continue
        small, large = (_held(platform, case.stand_in("USD"), number) for number in (products, products * 4))
        print(f"| {platform.slug} | {small / 1024:,.0f} | {large / 1024:,.0f} | {large / small:.2f} |")


def _held(platform: Platform, store: StandIn, products: int) -> int:
    """Bytes at the peak of a walk over prepared answers."""
    for number in range(products):
        store.product(f"Thing {number}", PRICES)
    kept = _Kept(store.client.http)
    client = dataclasses.replace(store.client, http=kept)
    for _page in _walk(platform, client):
        pass
    kept.rewind()
    gc.collect()
    tracemalloc.start()
    try:
        for _page in _walk(platform, client):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _no_pause(seconds: float) -> None:
    """What a store says of waiting is its time, not ours."""


def measured(platform: Platform, case: Case, products: int, rounds: int) -> tuple[float, float, int]:
    """Microseconds of processor time a product: read, read and stored; and the calls of the walk."""
    if case.stand_in is None:
        raise LookupError(platform.slug)
    store = case.stand_in("USD")
    for number in range(products):
        store.product(f"Thing {number}", PRICES)
    kept = _Kept(store.client.http)
    client = dataclasses.replace(store.client, http=kept)
    there = sum(len(page) for page in _walk(platform, client))
    if there != products:
        raise SystemExit(f"{platform.slug}: {there} of {products} products were walked")
    read, stored = [], []
    for _ in range(rounds):
        kept.rewind()
        began = time.process_time()
        for _page in _walk(platform, client):
            pass
        read.append(time.process_time() - began)
        kept.rewind()
        with tempfile.TemporaryDirectory(prefix="bench-platforms-") as held, balances.scratch(Path(held)) as database:
            stored.append(_stored(database, platform, client))
    calls = kept.calls
    return (
        statistics.median(read) / products * 1e6,
        statistics.median(stored) / products * 1e6,
        calls,
    )


def _walk(platform: Platform, client: Client) -> Iterator[list[Product]]:
    at = None
    while True:
        page = platform.catalog.changed(client, None, at)
        yield list(page.products)
        at = page.checkpoint
        if at is None:
            return


def _stored(database: Database, platform: Platform, client: Client) -> float:
    """Seconds of processor time for the walk with its products taken in."""
    scope = Scope.system("a benchmark")
    now = clock.now()
    with database.write(scope) as session:
        shop = Shop(
            id=new_id("shp"), platform=platform.slug, domain=client.domain, currency=client.currency,
            installed_at=now - timedelta(days=1), created_at=now, status="connected",
        )  # fmt: skip
        session.add(shop)
        session.flush()
        shop_id = shop.id
    began = time.process_time()
    waiting: list[Product] = []

    def settle() -> None:
        with database.write(scope) as session:
            take.apply_products(session, session.get_one(Shop, shop_id), waiting, "run", now)
        waiting.clear()

    for page in _walk(platform, client):
        waiting.extend(page)
        if len(waiting) >= STORED_AT_ONCE:
            settle()
    if waiting:
        settle()
    return time.process_time() - began


class _Kept:
    """The first walk goes through and is kept; each walk behind a `rewind` gets the same answers to the same calls."""

    def __init__(self, way: Any) -> None:
        self._way = way
        self.answers: dict[tuple[str, str, bytes | None], list[HttpAnswer]] = {}
        self.calls = 0
        self._given: dict[tuple[str, str, bytes | None], int] | None = None

    def rewind(self) -> None:
        self._given = dict.fromkeys(self.answers, 0)  # made before anything is measured

    def send(self, method: str, url: str, **given: Any) -> HttpAnswer:
        asked = (method, url, given.get("body"))
        if self._given is not None:
            place = self._given[asked]
            self._given[asked] = place + 1
            held = self.answers[asked]
            return held[min(place, len(held) - 1)]
        answer = self._way.send(method, url, **given)
        kept = Reply(answer.status, answer.content, dict(answer.headers))
        self.answers.setdefault(asked, []).append(kept)
        self.calls += 1
        return kept


if __name__ == "__main__":
    main()
