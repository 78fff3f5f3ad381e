"""Reading some products again."""

from __future__ import annotations

from connector import db
from connector.commerce.catalog import queries, take
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.sync import products
from tests.sync.store import Store, product

SYSTEM = Scope.system("tests")


def status(shop_id: str, ref: str) -> tuple[str, str] | None:
    with db.read(SYSTEM) as session:
        row = queries.by_ref(session, shop_id, ref)
        return (row.status, row.reason) if row is not None else None


def test_products_are_read_in_parts_and_taken_in_whole(store: Store, shop_id: str) -> None:
    store.put(*(product(n, 100 + n) for n in range(60)))
    assert products.refetch(shop_id, [str(n) for n in range(60)] + ["0"]) == 60
    assert store.asked == ["products 50", "products 10"]
    with db.read(SYSTEM) as session:
        assert queries.counts(session, shop_id) == {"shoppable": 60}


def test_what_the_store_no_longer_has_goes_and_what_cannot_be_read_is_refused(store: Store, shop_id: str) -> None:
    with db.write(SYSTEM) as session:
        take.apply_products(session, shops.get(session, shop_id), [product(1), product(2), product(3)])
    store.put(product(2), product(3, 777), product(4))
    store.refused = {"2": "price_missing", "4": "title_missing"}
    assert products.refetch(shop_id, ["1", "2", "3", "4", "5"]) == 1
    assert status(shop_id, "1") == ("gone", "deleted")
    assert status(shop_id, "2") == ("not_shoppable", "refused")
    assert status(shop_id, "3") == ("shoppable", "")
    assert status(shop_id, "4") is None
    assert status(shop_id, "5") is None
