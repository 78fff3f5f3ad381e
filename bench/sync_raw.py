"""The peer of `bench.sync`: download, parse with orjson, executemany upsert of the same rows into the same tables.

    python -m bench.sync_raw URL DATABASE_URL

No hashes, no counts, no checks, no resuming: what a short script would do, with the same columns, indexes, transaction
size and durability. Prints seconds and peak memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import psycopg
import requests

SHOP = "shp_bench"
BATCH = 2_000
NOW = "2026-11-24 12:00:00.000000"
LISTING = (
    "id", "shop_id", "product_ref", "title", "handle", "vendor", "category", "description", "url", "image_url",
    "tags", "currency", "store_status", "published", "gift_card", "brand", "taxonomy_ref", "taxonomy_name",
    "condition", "content_hash", "store_changed_at", "seen_run",
    "gone_at", "updated_at", "images", "price_from", "price_to", "available", "variant_count", "refused", "status",
    "reason", "whole_at", "created_at",
)  # fmt: skip
VARIANT = (
    "id", "shop_id", "variant_ref", "product_ref", "title", "sku", "barcode", "price", "compare_at", "available",
    "stock", "position", "options", "image_url", "requires_shipping", "gtin", "mpn", "item_ref", "content_hash",
    "seen_run", "gone_at", "updated_at",
)  # fmt: skip


def key(prefix: str, ref: str) -> str:
    return prefix + base64.b32encode(hashlib.blake2b(f"{SHOP}\0{ref}".encode(), digest_size=16).digest())[:26].decode()


def listing(node: dict[str, Any], ref: str) -> tuple[Any, ...]:
    category = node["category"] or {"id": "", "fullName": ""}
    return (
        key("lst_", ref), SHOP, ref, node["title"], node["handle"], node["vendor"], node["productType"],
        node["descriptionHtml"], node["onlineStoreUrl"], node["featuredMedia"]["preview"]["image"]["url"],
        orjson.dumps(node["tags"]).decode(), "USD", "active", True, node["isGiftCard"],
        (node["brand"] or {"value": node["vendor"]})["value"], category["id"].rpartition("/")[2], category["fullName"],
        "new", "", node["updatedAt"], "", None, NOW, "[]", 0, 0, True, 0, "", "shoppable", "", None, NOW,
    )  # fmt: skip


def variant(node: dict[str, Any], ref: str) -> tuple[Any, ...]:
    whole, _, part = node["price"].partition(".")
    options = [[option["name"], option["value"]] for option in node["selectedOptions"]]
    return (
        key("var_", ref), SHOP, ref, node["__parentId"].rpartition("/")[2], node["title"], node["sku"],
        node["barcode"] or "", int(whole) * 100 + int(part), None, node["availableForSale"], node["inventoryQuantity"],
        node["position"], orjson.dumps(options).decode(), "", True, node["barcode"] or "", "",
        node["inventoryItem"]["id"].rpartition("/")[2], "", "", None, NOW,
    )  # fmt: skip


def upsert(table: str, columns: tuple[str, ...], mark: str) -> str:
    marks, changed = ", ".join([mark] * len(columns)), ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changed}"


def nodes(url: str) -> Iterator[dict[str, Any]]:
    with requests.get(url, stream=True, timeout=60) as answer:
        rest = b""
        for chunk in answer.iter_content(256 * 1024):
            parts = (rest + chunk).split(b"\n")
            rest = parts.pop()
            yield from map(orjson.loads, parts)


def connect(url: str) -> Any:
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection
    return psycopg.connect(url, autocommit=True)


def main() -> None:
    url, database = sys.argv[1:]
    connection = connect(database)
    mark = "?" if urlsplit(database).scheme == "sqlite" else "%s"
    began = time.perf_counter()
    stream = nodes(url)
    while batch := list(islice(stream, BATCH)):
        listings, variants = [], []
        for node in batch:
            ref = node["id"].rpartition("/")[2]
            if node["__typename"] == "Product":
                listings.append(listing(node, ref))
            else:
                variants.append(variant(node, ref))
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        if listings:
            cursor.executemany(upsert("listings", LISTING, mark), listings)
        if variants:
            cursor.executemany(upsert("variants", VARIANT, mark), variants)
        cursor.execute("COMMIT")
    seconds = time.perf_counter() - began
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    print(json.dumps({"seconds": seconds, "peak": peak * 1024}))


if __name__ == "__main__":
    main()
