"""A store for the bench: a bulk file made beforehand, and just enough of the Admin API to ask for it.

    python -m bench.sync_store --products 50000 --variants 3 --file export.jsonl --port 0

All heads come first, then all variants in shuffled order: every child is far from its parent. Prints its port.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FIRST_PRODUCT, FIRST_VARIANT, FIRST_ITEM = 8_000_000_000_001, 45_000_000_000_001, 46_000_000_000_001
MUGS = "Home & Garden > Kitchen & Dining > Tableware > Drinkware > Mugs"
PAGE = 7  # products a page of the live API, as the connector asks for them
WORDS = [
    "Quiet", "Morning", "Harbour", "Autumn", "North", "Garden", "Linen", "Oak", "Stoneware", "Wool", "Cotton", "Brass",
    "Throw", "Mug", "Tray", "Lamp",
]  # fmt: skip
COLOURS = ["Sage", "Clay", "Ink", "Bone", "Rust", "Moss", "Sky", "Plum"]


def head(number: int) -> dict[str, object]:
    order = random.Random(number)  # the same product in every run, whatever came before
    title = " ".join(order.sample(WORDS, 3))
    return {
        "__typename": "Product",
        "id": f"gid://shopify/Product/{FIRST_PRODUCT + number}",
        "handle": f"{title.lower().replace(' ', '-')}-{number}",
        "title": title,
        "vendor": order.choice(WORDS),
        "productType": order.choice(WORDS),
        "status": "ACTIVE",
        "tags": order.sample(WORDS, 2),
        "updatedAt": "2026-11-20T14:00:01Z",
        "publishedAt": "2026-10-02T12:00:00Z",
        "onlineStoreUrl": f"https://sample-shop.example/products/{number}",
        "descriptionHtml": f"<p>{' '.join(order.choices(WORDS, k=24))}</p>",
        "isGiftCard": False,
        "category": {"id": "gid://shopify/TaxonomyCategory/hg-11-10-5-5", "fullName": MUGS} if number % 3 else None,
        "brand": {"value": "North & Tide"} if number % 9 == 4 else None,
        "condition": None,
        "featuredMedia": {"preview": {"image": {"url": f"https://cdn.shopify.com/s/files/1/{number}.jpg?v=1"}}},
    }


def variant(number: int, each: int) -> dict[str, object]:
    colour, size = COLOURS[number % len(COLOURS)], "SML"[number % each % 3]
    return {
        "__typename": "ProductVariant",
        "id": f"gid://shopify/ProductVariant/{FIRST_VARIANT + number}",
        "title": f"{colour} / {size}",
        "sku": f"SKU-{number}",
        "barcode": ean(number) if number % 4 else None,
        "price": f"{5 + number * 7 % 195}.{number * 13 % 100:02d}",
        "compareAtPrice": None,
        "position": number % each + 1,
        "availableForSale": True,
        "inventoryQuantity": number % 90,
        "selectedOptions": [{"name": "Color", "value": colour}, {"name": "Size", "value": size}],
        "inventoryItem": {
            "id": f"gid://shopify/InventoryItem/{FIRST_ITEM + number}",
            "tracked": True,
            "requiresShipping": True,
        },
        "gtin": None,
        "mpn": None,
        "__parentId": f"gid://shopify/Product/{FIRST_PRODUCT + number // each}",
    }


def ean(number: int) -> str:
    digits = f"40{number % 10**10:010d}"
    total = sum((3 if place % 2 else 1) * int(digit) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def pages(products: int, each: int) -> Iterator[bytes]:
    """The same catalog as answers of the live API, a page each."""
    for start in range(0, products, PAGE):
        nodes = []
        for number in range(start, min(start + PAGE, products)):
            children = [variant(number * each + position, each) for position in range(each)]
            for child in children:
                del child["__parentId"]
            last = {"hasNextPage": False, "endCursor": None}
            nodes.append(head(number) | {"variants": {"pageInfo": last, "nodes": children},
                                         "media": {"pageInfo": last, "nodes": []}})  # fmt: skip
        more = start + PAGE < products
        page = {"pageInfo": {"hasNextPage": more, "endCursor": str(start) if more else None}, "nodes": nodes}
        yield json.dumps({"data": {"products": page}}, separators=(",", ":")).encode()


def lines(products: int, each: int) -> Iterator[bytes]:
    for number in range(products):
        yield json.dumps(head(number), separators=(",", ":")).encode() + b"\n"
    order = list(range(products * each))
    random.Random(7).shuffle(order)
    for number in order:
        yield json.dumps(variant(number, each), separators=(",", ":")).encode() + b"\n"


def write(path: Path, products: int, each: int) -> None:
    with path.open("wb") as file:
        file.writelines(lines(products, each))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    path_of_file: Path
    objects: int
    port: int
    small: Path | None = None  # the file of shops called small-…
    small_objects: int = 0

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = "gid://shopify/BulkOperation/1"
        if "BulkStart" in body["query"]:
            data: object = {
                "bulkOperationRunQuery": {"bulkOperation": {"id": operation, "status": "CREATED"}, "userErrors": []}
            }
        elif "bulkOperation(" in body["query"]:
            small = self.small is not None and "/small-" in self.path
            data = {
                "bulkOperation": {
                    "id": operation, "status": "COMPLETED", "errorCode": None,
                    "objectCount": str(self.small_objects if small else self.objects), "rootObjectCount": "1",
                    "fileSize": "1", "url": f"http://127.0.0.1:{self.port}/{'small' if small else 'bulk'}.jsonl",
                }
            }  # fmt: skip
        elif "query Shop " in body["query"]:
            data = {
                "shop": {
                    "id": f"gid://shopify/Shop/{zlib.crc32(self.path.encode())}", "name": "",
                    "myshopifyDomain": self.path.split("/")[2],
                    "currencyCode": "USD", "ianaTimezone": "", "taxesIncluded": False, "primaryDomain": {"url": ""},
                    "shopAddress": None,
                }
            }  # fmt: skip
        elif "NewestChange" in body["query"]:
            data = {"products": {"nodes": [{"updatedAt": "2026-11-20T14:00:01Z"}]}}
        else:
            data = {"webhookSubscriptions": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}
        self._answer(json.dumps({"data": data}).encode())

    def do_GET(self) -> None:
        path = self.small if self.small is not None and "small" in self.path else self.path_of_file
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as file:
            self.wfile.flush()
            sent, size = 0, path.stat().st_size
            while sent < size:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, size - sent)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Shopify-API-Version", "2026-10")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--products", type=int, required=True)
    options.add_argument("--variants", type=int, default=3)
    options.add_argument("--file", type=Path, required=True)
    options.add_argument("--small", type=int, default=0, help="products of the shops called small-…")
    options.add_argument("--port", type=int, default=0)
    chosen = options.parse_args()
    write(chosen.file, chosen.products, chosen.variants)
    Handler.path_of_file, Handler.objects = chosen.file, chosen.products * (1 + chosen.variants)
    if chosen.small:
        Handler.small = chosen.file.with_suffix(".small")
        Handler.small_objects = chosen.small * (1 + chosen.variants)
        write(Handler.small, chosen.small, chosen.variants)
    server = ThreadingHTTPServer(("127.0.0.1", chosen.port), Handler)
    Handler.port = server.server_address[1]
    print(Handler.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
