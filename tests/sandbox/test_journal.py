"""The journal: the whole truth, with the notes and every delivery's fate; and the clock that shifts business time."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.sandbox.stand import CLIENT_ID, SECRET, Receiver, Stand, operation

ROOT = Path(__file__).parents[2]


def test_journal_tells_products_orders_deliveries_and_notes(stand: Stand) -> None:
    stand.subscribe("ORDERS_CREATE")
    product = stand.product("9.50")
    order = stand.order({"variant_id": product["variants"][0]["id"]}, buyer="17")
    note = {
        "kind": "touch",
        "buyer": "17",
        "creator": "mira",
        "product_id": product["id"],
        "shop": "alpha.myshopify.com",
    }
    kept = stand.control("POST", "/journal/notes", note, status=201)
    assert kept["id"] == 1
    assert kept["at"].endswith("Z")
    stand.quiesce()
    told = stand.control("GET", "/journal")
    (shop,) = told["shops"]
    assert shop["products"] == [stand.shop("GET", f"/products/{product['id']}")]
    assert shop["orders"] == [order]
    assert [(d["topic"], d["state"], d["subject"]) for d in shop["deliveries"]] == [
        ("orders/create", "delivered", f"order/{order['id']}")
    ]
    assert told["notes"] == [kept]
    assert told["counts"]["delivered"] == 1
    assert "orders" not in stand.control("GET", "/journal?parts=products")["shops"][0]


def test_clock_file_moves_business_time_only(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "offset"
    file.write_text("0")
    stand = Stand(tmp_path / "s", receiver, clock_file=file)
    try:
        stand.create_shop()
        stand.install()
        file.write_text(str(20 * 86400))
        order = stand.order({"title": "A", "price": "5.00"})
        made = datetime.fromisoformat(order["created_at"])
        assert timedelta(days=19, hours=23) < made - datetime.now(UTC) < timedelta(days=20, hours=1)
        assert stand.raw(operation("ShopInfo")).status_code == 200  # the token has not aged
        assert f"timestamp={int(time.time())}"[:17] in stand.code()
    finally:
        stand.close()


def test_generator_is_the_same_for_the_same_seed(bare: Stand) -> None:
    for name in ("one", "two"):
        bare.control("POST", "/shops", {"shop": name, "currency": "JPY"})
    titles = []
    for name, seed in (("one", 3), ("one", 3), ("one", 4)):
        path = f"/shops/{name}.myshopify.com/products"
        before = len(bare.control("GET", f"{path}?limit=1000")["products"])
        bare.control("POST", f"{path}/generate", {"count": 20, "seed": seed})
        made = bare.control("GET", f"{path}?limit=1000")["products"][before:]
        titles.append([(p["title"], [v["price"] for v in p["variants"]]) for p in made])
    assert titles[0] == titles[1] != titles[2]
    assert all("." not in price for _, prices in titles[0] for price in prices)


def test_bad_items_on_request(stand: Stand) -> None:
    bad = {
        "html_title": 2,
        "price_decimals": 1,
        "no_image": 1,
        "draft": 1,
        "archived": 1,
        "unlisted": 1,
        "gift_card": 1,
    }
    stand.shop("POST", "/products/generate", {"count": 40, "bad": bad})
    products = stand.shop("GET", "/products")["products"]
    assert sum(p["images"] == 0 for p in products) == 1
    assert sorted(p["status"] for p in products if p["status"] != "ACTIVE") == ["ARCHIVED", "DRAFT", "UNLISTED"]
    assert sum(p["is_gift_card"] for p in products) == 1
    assert sum(any(len(v["price"].partition(".")[2]) > 2 for v in p["variants"]) for p in products) == 1


def start(directory: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "sandbox", "--port", str(port), "--state-dir", str(directory),
        "--client-id", CLIENT_ID, "--client-secret", SECRET, "--app-url", "http://127.0.0.1:9/launch",
        "--redirect-uri", "http://127.0.0.1:9/oauth/callback",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    for _ in range(200):
        try:
            requests.get(f"http://127.0.0.1:{port}/control/health", timeout=1)
            return process
        except requests.RequestException:
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the sandbox did not start")


@pytest.mark.end_to_end
@pytest.mark.parametrize("way", ["terminate", "kill"])
def test_state_survives_a_restart(tmp_path: Path, way: str) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    control = f"http://127.0.0.1:{port}/control"
    process = start(tmp_path / "s", port)
    try:
        requests.post(f"{control}/shops", json={"shop": "alpha", "products": {"count": 5}}, timeout=10)
        shop = f"{control}/shops/alpha.myshopify.com"
        requests.post(f"{shop}/orders", json={"lines": [{"title": "A", "price": "5.00"}]}, timeout=10)
        before = requests.get(f"{control}/journal", timeout=10).json()["shops"]
        getattr(process, way)()
        code = process.wait(timeout=15)
        assert code == (0 if way == "terminate" else -9)
        process = start(tmp_path / "s", port)
        assert requests.get(f"{control}/journal", timeout=10).json()["shops"] == before
        again = requests.post(f"{shop}/orders", json={"lines": [{"title": "B", "price": "5.00"}]}, timeout=10).json()
        assert again["name"] == "#1002"
    finally:
        process.kill()
        process.wait(timeout=15)


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_witness_is_independent() -> None:
    """Nothing of the product is imported; the store behind the faces knows none, and none knows another."""
    faces = {"shopify", "woocommerce", "bigcommerce"}
    for path in (ROOT / "sandbox").rglob("*.py"):
        names = {name.split(".")[0] for name in imports_of(path)}
        assert "connector" not in names, path
        room = path.relative_to(ROOT / "sandbox").parts[0]
        if room in faces | {"store"}:
            known = {name.split(".")[1] for name in imports_of(path) if name.startswith("sandbox.")}
            assert known <= {room, "store"}, path
    plain = {name.split(".")[0] for name in imports_of(ROOT / "sandbox" / "expected.py")}
    assert plain <= set(sys.stdlib_module_names)
