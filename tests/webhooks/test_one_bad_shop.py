"""A shop or a wish that fails, for whatever reason, stops nobody else and is tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.catalog import read_again
from connector.config import Settings
from connector.db import Scope
from connector.errors import PlatformDown
from connector.webhooks import drain, wanted
from connector.webhooks.tables import WantedRead
from tests.webhooks.conftest import DOMAIN, Store, join, order, rows
from tests.webhooks.test_drain import wishes
from tests.webhooks.test_wanted import AdminApi, api, wish

__all__ = ["api"]
HTTP: Any = object()


def test_a_shop_that_fails_stops_no_other(
    store: Store, shop_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("other.myshopify.com")
    for domain in (DOMAIN, "other.myshopify.com"):
        store.post("orders/create", order(1), domain=domain)
    first = drain.shops_with_work()[0]
    real = drain._next

    def fails(shop: str, limit: int) -> Any:
        if shop == first:
            raise RuntimeError
        return real(shop, limit)

    monkeypatch.setattr(drain, "_next", fails)
    assert drain.drain_once("test", settings) == 1
    assert {row.shop_id: row.status for row in rows()}[first] == "waiting"
    assert sorted(row.status for row in rows()) == ["done", "waiting"]


def test_a_wish_that_raises_something_else_starves_no_other(
    settings: Settings, shop_id: str, api: AdminApi, sooner: Callable[[timedelta], None]
) -> None:
    api.orders = {"1": KeyError("a secret"), "2": order(2)}
    wish(shop_id, "1", "2")
    assert wanted.read_wanted(shop_id, http=HTTP) == 1
    with db.read(Scope.shop(shop_id)) as session:
        row = session.scalars(sa.select(WantedRead)).one()
        assert (row.ref, row.tries, row.problem) == ("1", 1, "KeyError")
    sooner(timedelta(seconds=11))
    api.orders["1"] = order(1)
    assert wanted.read_wanted(shop_id, http=HTTP) == 1
    assert wishes() == []


def test_products_are_tried_until_they_are_read(
    store: Store, shop_id: str, run_drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch,
    sooner: Callable[[timedelta], None],
) -> None:  # fmt: skip
    for ref in (1, 2, 3):
        store.post("products/update", json.dumps({"id": ref}).encode())
    run_drain()
    said: list[Any] = [PlatformDown("away")]
    asked: list[list[str]] = []

    def read_part(shop_id: str, refs: list[str], http: Any = None) -> int:
        asked.append(refs)
        if said:
            raise said[0]
        if "2" in refs:
            raise ValueError
        return len(refs)

    monkeypatch.setattr(read_again, "read_part", read_part)
    for _ in range(wanted.TRIES + 3):
        assert wanted.read_wanted(shop_id, http=HTTP) == 0
        sooner(timedelta(hours=2))
    assert len(wishes()) == 3, "a store that is away is no reason to give up"
    assert wanted.wake_due() == 1
    said.clear()
    asked.clear()
    assert wanted.read_wanted(shop_id, http=HTTP) == 2
    assert sorted(asked[0]) == ["1", "2", "3"]
    assert sorted(asked[1:]) == [["1"], ["2"], ["3"]]
    assert [ref for ref, _ in wishes()] == ["2"], "the one that breaks the answer waits alone"
