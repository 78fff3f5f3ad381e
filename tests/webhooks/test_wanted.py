"""Orders that must be read from the store: no transaction open while the store is asked, no wish lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.orders.tables import Order, OrderVersion
from connector.config import Settings
from connector.db import Scope
from connector.errors import GrantLost, PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms.contract import OrderRead
from connector.platforms.shopify import PLATFORM
from connector.webhooks import wanted
from connector.webhooks.tables import WantedRead
from tests.webhooks.conftest import Store, moment, order
from tests.webhooks.test_drain import job_names, wishes


class AdminApi:
    """What the Admin API would say of orders, asked through `platform.orders.one`."""

    def __init__(self) -> None:
        self.orders: dict[str, Any] = {}
        self.asked: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def one(self, _client: Any, ref: str) -> OrderRead | None:
        self.asked.append(ref)
        self.meanwhile()
        said = self.orders.get(ref)
        if isinstance(said, Exception):
            raise said
        if said is None:
            return None
        (seen,) = PLATFORM.webhooks.translate(_envelope(), said, "USD")
        return OrderRead(seen.snapshot, seen.buyer, moment("2026-11-20T12:00:30Z"))  # type: ignore[union-attr]


def _envelope() -> Any:
    from connector.platforms.contract import Envelope

    return Envelope(domain="sample-shop.myshopify.com", topic="orders/updated")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> AdminApi:
    api = AdminApi()
    monkeypatch.setattr(type(PLATFORM.orders), "one", lambda _self, client, ref: api.one(client, ref))
    return api


def wish(shop_id: str, *refs: str) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        for ref in refs:
            wanted.want(session, shop_id, ref, "stub")


def test_a_wish_is_read_and_goes(settings: Settings, shop_id: str, api: AdminApi) -> None:
    api.orders = {"1": order(1)}
    wish(shop_id, "1", "1", "2")
    assert len(wishes()) == 2, "wishing twice is one wish"
    assert wanted.read_wanted(shop_id, http=object()) == 1  # type: ignore[arg-type]
    assert wishes() == [], "an order that the store doesn't have is wished no more"
    with db.read(Scope.shop(shop_id)) as session:
        assert session.scalars(sa.select(Order.order_ref)).all() == ["1"]
        assert session.scalars(sa.select(OrderVersion.source)).all() == ["read:stub"]


def test_no_transaction_is_open_while_the_store_is_asked(settings: Settings, shop_id: str, api: AdminApi) -> None:
    """On SQLite an open one would make this write wait for ever."""
    api.orders = {"1": order(1), "2": order(2)}
    written: list[int] = []

    def write() -> None:
        with db.write(Scope.system("test")) as session:
            session.execute(sa.update(WantedRead).values(problem="seen"))
            written.append(1)

    api.meanwhile = write
    wish(shop_id, "1", "2")
    assert wanted.read_wanted(shop_id, http=object()) == 2  # type: ignore[arg-type]
    assert len(written) == 2


def test_a_wish_renewed_while_its_order_is_read_stays(settings: Settings, shop_id: str, api: AdminApi) -> None:
    api.orders = {"1": order(1)}
    api.meanwhile = lambda: wish(shop_id, "1")
    wish(shop_id, "1")
    assert wanted.read_wanted(shop_id, http=object()) == 1  # type: ignore[arg-type]
    assert wishes() == [("1", "stub")]


def test_one_that_cannot_be_read_waits_and_the_others_go_on(
    settings: Settings, shop_id: str, api: AdminApi, sooner: Callable[[timedelta], None]
) -> None:
    api.orders = {"1": PlatformRefused("not permitted"), "2": order(2)}
    wish(shop_id, "1", "2")
    assert wanted.read_wanted(shop_id, http=object()) == 1  # type: ignore[arg-type]
    with db.read(Scope.shop(shop_id)) as session:
        row = session.scalars(sa.select(WantedRead)).one()
        assert (row.ref, row.tries) == ("1", 1)
        assert "not permitted" in row.problem
        assert row.next_try_at is not None
        assert row.next_try_at > clock.wall()
    assert wanted.read_wanted(shop_id, http=object()) == 0  # type: ignore[arg-type]
    assert api.asked == ["1", "2"], "not asked again before its time"
    sooner(timedelta(seconds=11))
    assert wanted.wake_due() == 1
    assert job_names() == ["webhooks.read_wanted"]
    api.orders["1"] = order(1)
    assert wanted.read_wanted(shop_id, http=object()) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error", [PlatformDown("gone"), PlatformBusy("wait", retry_after=7), GrantLost("no", fatal=True)]
)
def test_a_store_that_is_away_ends_the_pass_and_keeps_the_wishes(
    settings: Settings, shop_id: str, api: AdminApi, error: Exception
) -> None:
    api.orders = {"1": error, "2": order(2)}
    wish(shop_id, "1", "2")
    assert wanted.read_wanted(shop_id, http=object()) == 0  # type: ignore[arg-type]
    assert api.asked == ["1"]
    assert len(wishes()) == 2


def test_a_wish_that_a_lost_job_left_behind_is_woken(
    settings: Settings, shop_id: str, sooner: Callable[[timedelta], None]
) -> None:
    wish(shop_id, "1")
    assert wanted.wake_due() == 0, "its own job has its chance first"
    sooner(timedelta(seconds=21))
    assert wanted.wake_due() == 1
    assert wanted.wake_due() == 1
    assert job_names() == ["webhooks.read_wanted"], "one job a shop and minute"


def test_a_read_settles_a_conflict(store: Store, shop_id: str, api: AdminApi, run_drain: Callable[[], int]) -> None:
    """Two bodies of one change time: the store says which holds, since its read is triggered later."""
    first, second = order(1), order(1, total_price="1.00")
    for body in (first, second):
        store.post("orders/updated", body)
    run_drain()
    api.orders = {"1": first}
    wanted.read_wanted(shop_id, http=object())  # type: ignore[arg-type]
    with db.read(Scope.shop(shop_id)) as session:
        held = session.scalars(sa.select(Order)).one()
        assert json.loads(held.snapshot)["total"] == 14900
        assert held.triggered_at == moment("2026-11-20T12:00:30Z")
