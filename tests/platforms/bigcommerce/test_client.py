"""Calls: the quota is used and never exceeded, the store's ways to say no, and both generations' lists."""

from __future__ import annotations

import random
from typing import Any

import pytest

from connector.errors import GrantLost, PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms import rest as shared
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.bigcommerce.client import all_data, all_rows, meter, rest, rows
from connector.platforms.bigcommerce.payloads import BrandNode, OrderCouponNode
from tests.platforms.bigcommerce.kit import DOMAIN, BigCommerce, Budget, Reply, client, quota, reply


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(shared, "pause", pauses.append)
    return pauses


# --- the quota --------------------------------------------------------------------------------------------------------


class Window:
    """A store whose quota is a window, asked by workers that go by the budget alone, as `SharedBudget` reckons."""

    def __init__(self, of: int, others: float, seed: int) -> None:
        self.of, self.others, self.random = of, others, random.Random(seed)
        self.now = self.started = 0.0
        self.left = of
        self.calls = self.refused = 0
        self.stock = (1.0, 1.0, 0.0, 0.0)  # available, maximum, rate, heard at

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        self.stock = (available, maximum, restore_rate, self.now)

    def landed(self) -> None:
        raise AssertionError("the answer spoke of the quota")

    def wait(self) -> None:
        available, maximum, rate, at = self.stock
        there = min(maximum, available + rate * (self.now - at))
        if there < 1:
            self.now += (1 - there) / rate
            there = 1.0
        self.stock = (there - 1, maximum, rate, self.now)

    def call(self) -> None:
        self.wait()
        self.now += 0.001 + self.random.random() * 0.05  # on its way
        if self.now - self.started >= 30:
            self.started, self.left = self.now - (self.now - self.started) % 30, self.of
        if self.random.random() < self.others and self.left:
            self.left -= 1  # another app of the store's
        if self.left < 1:
            self.refused += 1
        else:
            self.left -= 1
            self.calls += 1
        reset = int((30 - (self.now - self.started)) * 1000)
        meter(self)({k.lower(): v for k, v in quota(self.left, self.of, reset).items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("of", [150, 450])
def test_the_quota_is_kept_busy_and_never_exceeded(of: int) -> None:
    window = Window(of, 0, seed=of)
    while window.now < 30 * 6:
        window.call()
    assert window.refused == 0
    assert window.calls >= of * 6 * 0.9, f"{window.calls} of {of * 6} calls were made"


def test_beside_other_apps_hardly_a_call_is_refused() -> None:
    window = Window(150, 0.3, seed=3)
    while window.now < 30 * 6:
        window.call()
    assert window.refused <= 6, "at most one a window: what another app takes is seen with the next answer"
    early = Window(150, 0, seed=4)
    while early.now < 3:
        early.call()
    assert early.left >= 150 - 30 - 30, "a burst leaves most of the window to others"


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-rate-limit-requests-left": "5"}, {"x-rate-limit-requests-left": "x", "x-rate-limit-requests-quota": "150"},
     {"x-rate-limit-requests-left": "-1", "x-rate-limit-requests-quota": "150"},
     {"x-rate-limit-requests-left": "nan", "x-rate-limit-requests-quota": "150"},
     {"x-rate-limit-requests-left": "1", "x-rate-limit-requests-quota": "0"}],
)  # fmt: skip
def test_headers_that_say_nothing_hold_nobody_up(headers: dict[str, str]) -> None:
    budget = Budget()
    meter(budget)(headers)
    assert (budget.told, budget.silent) == ([], 1)


@pytest.mark.parametrize(("left", "reset"), [("0", "0"), ("0", "90000"), ("150", "1"), ("7", ""), ("0", "-3")])
def test_whatever_the_headers_say_a_call_comes_again(left: str, reset: str) -> None:
    budget = Budget()
    meter(budget)({**_lower(quota(0)), "x-rate-limit-requests-left": left, "x-rate-limit-time-reset-ms": reset})
    ((available, maximum, rate),) = budget.told
    assert 0 <= available <= maximum
    assert rate >= 1 / 30


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_a_used_up_quota_is_waited_for_as_long_as_it_says(store: BigCommerce, slept: list[float]) -> None:
    store.answers = [Reply(429, b"{}", quota(0, reset=15_000)), Reply(429, b"{}", {"X-Retry-After": "7"})]
    assert PLATFORM.authorize.profile(client(store)).name == "Lantern"
    assert [round(each) >= least for each, least in zip(slept, (15, 7), strict=True)] == [True, True]
    assert slept[0] < 20
    assert slept[1] < 10


def test_a_quota_that_stays_used_up_is_said_to_whoever_asked(store: BigCommerce) -> None:
    store.answers = [Reply(429, b"{}", quota(0, reset=12_000))] * 3
    with pytest.raises(PlatformBusy) as busy:
        PLATFORM.authorize.profile(client(store))
    assert busy.value.retry_after == 12
    assert len(store.asked) == 3


def test_a_platform_under_load_is_left_alone(store: BigCommerce, slept: list[float]) -> None:
    store.answers = [Reply(429, b"<html>busy</html>", {})]
    with pytest.raises(PlatformBusy) as busy:
        PLATFORM.authorize.profile(client(store))
    assert busy.value.retry_after > 30
    assert (len(store.asked), slept) == (1, [])


# --- ways to say no ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Reply(200, b"<?xml version='1.0'?><store/>", {"Content-Type": "application/xml"}), PlatformDown, "XML"),
        (Reply(200, b"  <!doctype html><p>", {"Content-Type": "text/html"}), PlatformDown, "web page"),
        (Reply(200, b"", {}), PlatformDown, "instead of data"),
        (Reply(401, b'{"private": "words"}'), GrantLost, "401"),
        (Reply(403, b'{"private": "words"}'), PlatformRefused, "BIGCOMMERCE_SCOPES"),
        (Reply(302, b"", {"Location": "https://x.example"}), PlatformRefused, "elsewhere"),
        (Reply(503, b"words"), PlatformDown, "503"),
        (Reply(422, b"words"), PlatformRefused, "422"),
        (PlatformDown("no connection"), PlatformDown, "no connection"),
    ],
)
def test_each_no_says_what_to_do(store: BigCommerce, answer: Any, error: type[Exception], words: str) -> None:
    store.answers, asks = [answer], client(store)
    with pytest.raises(error, match=words) as raised:
        PLATFORM.authorize.profile(asks)
    assert "private" not in str(raised.value)
    budget: Any = asks.budget
    assert budget.silent or budget.told, "nothing stays under way, for which other workers would wait"


def test_every_call_has_the_token_and_asks_for_json(store: BigCommerce) -> None:
    PLATFORM.authorize.profile(client(store))
    ((asked),) = store.asked
    assert asked.headers["X-Auth-Token"] == "tok-secret"
    assert (asked.path, asked.query) == ("/stores/demo1hash/v2/store", {})
    assert "tok-secret" not in repr(rest(client(store)))


# --- lists ------------------------------------------------------------------------------------------------------------


def coupons(numbers: range) -> Reply:
    return reply([{"id": n, "code": f"C{n}"} for n in numbers])


def test_an_empty_list_of_the_old_kind_has_no_body(store: BigCommerce) -> None:
    api = rest(client(store))
    store.answers = [Reply(204, b"", {}), Reply(404, b"{}", {}), Reply(200, b" ", {})]
    assert [rows(api, "/v2/orders/1/coupons", {}, OrderCouponNode) for _ in range(3)] == [[], [], []]


def test_lists_are_read_to_their_end(store: BigCommerce) -> None:
    api = rest(client(store))
    store.answers = [coupons(range(250)), coupons(range(250, 500)), Reply(204, b"", {})]
    found = all_rows(api, "/v2/orders/1/coupons", OrderCouponNode, lambda row: row.id)
    assert [each.id for each in found] == list(range(500))
    store.brands = {n: str(n) for n in range(5)}
    pages = [store._page([{"id": n} for n in range(5)], {"limit": "250", "page": str(n)}) for n in (1, 2, 3)]
    store.answers = pages
    assert [brand.id for brand in all_data(api, "/v3/catalog/brands", {}, BrandNode)] == list(range(5))


def test_a_list_that_never_ends_is_refused(store: BigCommerce) -> None:
    api = rest(client(store))
    store.answers = [coupons(range(250))] * 9
    with pytest.raises(PlatformRefused, match="again and again"):
        all_rows(api, "/v2/orders/1/coupons", OrderCouponNode, lambda row: row.id)
    page = reply({"data": [{"id": 1}], "meta": {"pagination": {"total_pages": 9}}})
    store.answers = [page] * 9
    with pytest.raises(PlatformRefused, match="again and again") as refused:
        list(all_data(api, "/v3/catalog/brands", {}, BrandNode))
    assert DOMAIN in str(refused.value)
