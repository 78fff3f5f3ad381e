"""Calls to one store's API: address, token, budget, and the two generations' ways to give a list.

    200 with an envelope {data, meta}   the v3 API
    200 with a bare list or object      the v2 API
    204 without a body                  the v2 API's empty list, and its page behind the last
    XML                                 PlatformDown: the v2 API answers it where `Accept` got lost on the way
    401                                 GrantLost: tokens last until the app is removed or accepted anew
    429 with the quota's headers        waits until the window ends, then again; after that PlatformBusy
    429 without them                    PlatformBusy at once: the platform itself is under load

The quota is a window (150, 450 or more calls in 30 s, shared by all apps of the store), not a bucket: see `meter`.
Source: api-rate-limits.mdx and start/about/index.mdx of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from connector.errors import PlatformBusy, PlatformDown, PlatformError, PlatformRefused
from connector.platforms.bigcommerce.ids import store_hash
from connector.platforms.contract import Budget, Client, HttpAnswer
from connector.platforms.rest import LONGEST_WAIT, Query, Rest

T = TypeVar("T")

PAGE = 250  # the most that either generation gives
MOST_PAGES = 2_000  # of one nested list; a walk over a whole store has checkpoints instead
BURST = 5  # a fifth of the quota may go at once: small stores' whole joins, and room for the store's other apps
UNDER_LOAD = LONGEST_WAIT + 1.0  # longer than a call waits by itself: whoever asked comes back later
_WINDOW = 30_000.0


# Of what an order is made of: what a refusal may name. Longer names before those that they hold.
_NAMED = (
    "country_iso2", "country", "state", "zip", "city", "street_1", "street_2", "phone", "email", "first_name",
    "last_name", "product_id", "variant_id", "products",
)  # fmt: skip


class Unfit(PlatformRefused):
    """400, 422: the store names a part of what was sent. Its words, which may repeat the rest, are never quoted."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class Pagination(msgspec.Struct):
    total: int | None = None
    per_page: int | None = None
    total_pages: int | None = None
    current_page: int | None = None


class Meta(msgspec.Struct):
    pagination: Pagination | None = None


class Envelope(msgspec.Struct, Generic[T]):
    """What the v3 API puts around everything."""

    data: T
    meta: Meta | None = None

    @property
    def left(self) -> int | None:
        """Entries from this page on, itself included; None where the store doesn't say."""
        numbers = self.meta.pagination if self.meta is not None else None
        if numbers is None or numbers.total is None:
            return None
        return numbers.total - (numbers.per_page or PAGE) * ((numbers.current_page or 1) - 1)


def rest(client: Client, *, tries: int = 3) -> Rest:
    base = f"{client.settings.api_origin}/stores/{store_hash(client.domain)}"
    return Rest.of(
        client, base, {"X-Auth-Token": client.grant.access_token}, judge=judge(client.domain), judges_all=True,
        meter=meter(client.budget), tries=tries,
    )  # fmt: skip


def judge(domain: str) -> Callable[[HttpAnswer, bytes], PlatformError | None]:
    def judged(answer: HttpAnswer, content: bytes) -> PlatformError | None:
        if answer.status == 429:
            return PlatformBusy(
                f"{domain}: the store's quota of calls is used up (429)", retry_after=_until_reset(_lower(answer))
            )
        if answer.status == 403:
            return PlatformRefused(
                f"{domain}: the app lacks the scope for this call (403): compare the scopes of its profile at "
                "BigCommerce with BIGCOMMERCE_SCOPES"
            )
        if answer.status in (400, 422):
            text = content.decode("utf-8", "replace").lower()
            named = next((name for name in _NAMED if name in text), "")
            if named:
                return Unfit(f"{domain}: the store refuses {named} ({answer.status})", named)
        if answer.status == 409:
            return PlatformRefused(f"{domain}: the store has that already (409)")
        if 200 <= answer.status < 300 and content.lstrip()[:1] == b"<":
            return PlatformDown(f"{domain}: the store answered XML or a web page instead of JSON")
        return None

    return judged


def meter(budget: Budget) -> Callable[[Mapping[str, str]], None]:
    """Tells the budget what is left of the window, as a stock that keeps to an even pace through it.

    `at_once` is how far we are behind an even use of the quota, and a fifth of it more; what flows in until the window
    ends is the rest of what is left. Where nothing is left, one call comes when the window ends.
    """

    def heard(headers: Mapping[str, str]) -> None:
        left, quota = _number(headers, "x-rate-limit-requests-left"), _number(headers, "x-rate-limit-requests-quota")
        if left is None or quota is None or quota < 1:
            budget.landed()
            return
        window = max(1.0, _number(headers, "x-rate-limit-time-window-ms") or _WINDOW)
        reset = _number(headers, "x-rate-limit-time-reset-ms")
        ends = window if reset is None else min(window, max(1.0, reset))
        most = max(1.0, quota / BURST)
        at_once = min(left, most, max(0.0, left - quota * ends / window + most))
        budget.heard(at_once, most, max(left - at_once, 1.0) * 1000 / ends)

    return heard


def _until_reset(headers: Mapping[str, str]) -> float:
    reset = _number(headers, "x-rate-limit-time-reset-ms")
    if reset is not None:
        return max(0.1, reset / 1000)
    seconds = _number(headers, "x-retry-after")
    return max(0.1, seconds) if seconds is not None else UNDER_LOAD


def _number(headers: Mapping[str, str], name: str) -> float | None:
    """Nothing below zero and nothing beyond an hour in milliseconds: whatever else it says is no figure to go by."""
    try:
        value = float(headers.get(name, ""))
    except ValueError:
        return None
    return value if 0 <= value <= 3_600_000 else None


def _lower(answer: HttpAnswer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}


def rows(api: Rest, path: str, query: Query, kind: type[T]) -> list[T]:
    """One page of a v2 list. Nothing there is 204 without a body, or 404 under an order that is gone."""
    answer = api.find(path, query)
    if answer is None or answer.status == 204 or not answer.content.strip():
        return []
    found: list[T] = answer.read(list[kind])  # type: ignore[valid-type]
    return found


def all_rows(api: Rest, path: str, kind: type[T], ref: Callable[[T], Any]) -> list[T]:
    """A v2 list to its end. Errors: PlatformRefused for one that never ends."""
    found: list[T] = []
    for page in range(1, MOST_PAGES + 1):
        part = rows(api, path, {"limit": PAGE, "page": page}, kind)
        known = {ref(row) for row in found}
        fresh = [row for row in part if ref(row) not in known]
        if part and not fresh:
            break
        found += fresh
        if len(part) < PAGE:
            return found
    raise PlatformRefused(f"{api.domain}: the store gives the same page of {path} again and again")


def all_data(api: Rest, path: str, query: Mapping[str, str | int], kind: type[T]) -> Iterator[T]:
    """A v3 list to its end, by pages. Errors: PlatformRefused for one that never ends."""
    before: list[T] = []
    for page in range(1, MOST_PAGES + 1):
        answer = api.find(path, {**query, "limit": PAGE, "page": page})
        if answer is None or answer.status == 204:
            return
        found: Envelope[list[T]] = answer.read(Envelope[list[kind]])  # type: ignore[valid-type]
        if found.data and found.data == before:
            break
        yield from found.data
        before = found.data
        pages = found.meta.pagination.total_pages if found.meta and found.meta.pagination else None
        if not before or (page >= pages if pages is not None else len(before) < PAGE):
            return
    raise PlatformRefused(f"{api.domain}: the store gives the same page of {path} again and again")
