"""Calls to one shop's Admin GraphQL API: address, header, budget, and Shopify's ways to say no in our closed tree.

    200 with data                         the answer, even beside errors that touch nothing we need
    200 THROTTLED                         waits as long as the answer says, then again; after that PlatformBusy
    200 MAX_COST_EXCEEDED                 TooDear: the caller asks for a smaller page, waiting would never help
    200 ACCESS_DENIED, SHOP_INACTIVE, …   PlatformRefused
    200 INTERNAL_SERVER_ERROR, 5xx        PlatformDown
    401                                   GrantLost: renew, then again
    403                                   GrantLost(fatal) for a token that never expires (Shopify refuses those), else
                                          PlatformRefused
    402, 404, 423, other 4xx              PlatformRefused: frozen, wrong shop, locked
    429, 430                              PlatformBusy

Source: shopify.dev/docs/api/usage/limits and …/response-codes, read 2026-11 (fact sheet, section 4).
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from connector.errors import GrantLost, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformError, PlatformRefused
from connector.platforms.contract import Client, HttpAnswer
from connector.platforms.reading import decode
from connector.platforms.shopify.payloads import UserErrorNode

T = TypeVar("T")

log = logging.getLogger(__name__)

THROTTLED_TRIES = 6
LONGEST_WAIT = 20.0  # seconds: a bucket of 2000 points at 100 a second fills in this time


class TooDear(PlatformRefused):
    """One query may cost 1000 points, whatever the plan. Ask for a smaller page."""


class _ErrorExtensions(msgspec.Struct):
    code: str | None = None


class _Error(msgspec.Struct):
    message: str = ""
    path: list[str | int] | None = None
    extensions: _ErrorExtensions | None = None

    @property
    def code(self) -> str:
        return (self.extensions.code if self.extensions else None) or ""


class _Throttle(msgspec.Struct, rename="camel"):
    maximum_available: float
    currently_available: float
    restore_rate: float


class _Cost(msgspec.Struct, rename="camel"):
    requested_query_cost: float | None = None
    throttle_status: _Throttle | None = None


class _Extensions(msgspec.Struct):
    cost: _Cost | None = None


class _Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: Any = None  # a list of _Error; a bare text in answers of the front door
    extensions: _Extensions | None = None


def ask(
    client: Client,
    document: str,
    variables: Mapping[str, Any],
    kind: type[T],
    *,
    cost: float,
    spare: tuple[str, ...] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Send one document and read its data.

    `cost`: points that the budget is asked for first. `spare`: paths (`order.customer`) that may be refused without
    harm; an error at any other place refuses the whole answer, since half an answer about money is none.
    """
    body = msgspec.json.encode({"query": document, "variables": dict(variables)})
    for attempt in range(THROTTLED_TRIES):
        client.budget.wait(cost)
        try:
            answer = _send(client, body)
        except BaseException:
            client.budget.landed()
            raise
        points = answer.extensions.cost if answer.extensions else None
        throttle = points.throttle_status if points else None
        if throttle is not None:
            client.budget.heard(throttle.currently_available, throttle.maximum_available, throttle.restore_rate)
        else:
            client.budget.landed()
        errors = _errors(answer)
        if not any(error.code == "THROTTLED" for error in errors):
            _refuse(errors, spare)
            return _data(answer, kind)
        pause = _pause(points, cost, attempt)
        if attempt + 1 < THROTTLED_TRIES:
            sleep(pause)
    raise PlatformBusy(f"{client.domain}: Shopify goes on throttling", retry_after=pause)


def _pause(points: _Cost | None, cost: float, attempt: int) -> float:
    """Seconds until the points are there, with jitter so that workers don't come back together."""
    wanted = (points.requested_query_cost if points else None) or cost
    throttle = points.throttle_status if points else None
    if throttle is None or throttle.restore_rate <= 0:
        seconds = 2.0**attempt
    else:
        seconds = max(0.0, wanted - throttle.currently_available) / throttle.restore_rate
    return min(LONGEST_WAIT, seconds) + random.uniform(0.05, 0.5)  # noqa: S311 - jitter, not a secret


def _send(client: Client, body: bytes) -> _Answer:
    version = client.settings.api_version
    answer = client.http.send(
        "POST",
        f"{client.settings.origin(client.domain)}/admin/api/{version}/graphql.json",
        headers={
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Shopify-Access-Token": client.grant.access_token,
        },
        body=body,
    )
    try:
        if answer.status != 200:
            raise refusal(answer, client)
        served = _header(answer, "x-shopify-api-version")
        if served and served != version:
            _warn_version(version, served)
            client.budget.served(served)
        try:
            return decode(answer.content, _Answer)
        except PayloadUnreadable:
            raise PlatformDown(f"{client.domain}: the answer isn't a GraphQL answer") from None
    finally:
        answer.close()


@cache
def _warn_version(asked: str, served: str) -> None:
    """Once a process: an expired version is silently served by another one, so shapes may have moved."""
    log.warning(
        "Shopify served another API version than we asked for: raise SHOPIFY_API_VERSION",
        extra={"asked": asked, "served": served},
    )


def refusal(answer: HttpAnswer, client: Client) -> PlatformError:
    """A status that isn't 200, as the caller should react to it. The body is never quoted: it may hold anything."""
    status, domain = answer.status, client.domain
    match status:
        case 401:
            return GrantLost(f"{domain}: Shopify doesn't know the token (401)")
        case 402:
            return PlatformRefused(f"{domain}: the shop's plan is frozen (402)")
        case 403 if client.grant.refresh_token is None:
            return GrantLost(f"{domain}: a token that never expires is refused (403), join anew", fatal=True)
        case 403:
            return PlatformRefused(f"{domain}: not permitted (403)")
        case 404:
            return PlatformRefused(f"{domain}: no such shop or API version (404)")
        case 423:
            return PlatformRefused(f"{domain}: the shop is locked (423)")
        case 429 | 430:
            return PlatformBusy(f"{domain}: too many requests ({status})", retry_after=retry_after(answer, status))
        case _ if status >= 500:
            return PlatformDown(f"{domain}: Shopify answered {status}")
        case _:
            return PlatformRefused(f"{domain}: Shopify answered {status}")


def retry_after(answer: HttpAnswer, status: int) -> float:
    """430 is a security measure: keep away longer."""
    text = _header(answer, "retry-after") or ""
    try:
        return min(3600.0, max(0.0, float(text)))
    except ValueError:
        return 60.0 if status == 430 else 2.0


def _header(answer: HttpAnswer, name: str) -> str | None:
    return next((value for key, value in answer.headers.items() if key.lower() == name), None)


def _errors(answer: _Answer) -> list[_Error]:
    if not answer.errors:
        return []
    if not isinstance(answer.errors, list):
        return [_Error(message=str(answer.errors))]
    try:
        return msgspec.convert(answer.errors, list[_Error])
    except msgspec.ValidationError:
        return [_Error(message="an error in a shape that isn't documented")]


def _refuse(errors: list[_Error], spare: tuple[str, ...]) -> None:
    """Raise for the first error that touches what we need."""
    for error in errors:
        path = ".".join(str(step) for step in error.path or () if isinstance(step, str))
        if path and any(path == allowed or path.startswith(f"{allowed}.") for allowed in spare):
            continue
        text = f"{error.code or 'error'} at {path or 'the query'}: {error.message[:300]}"
        match error.code:
            case "MAX_COST_EXCEEDED":
                raise TooDear(text)
            case "INTERNAL_SERVER_ERROR" | "TIMEOUT":
                raise PlatformDown(text)
            case _:
                raise PlatformRefused(text)


def _data(answer: _Answer, kind: type[T]) -> T:
    if bytes(answer.data) == b"null":
        raise PlatformDown("an answer without data and without errors")
    return decode(answer.data, kind)


def refuse_user_errors(errors: list[UserErrorNode], what: str) -> None:
    """`userErrors` come with status 200 and without `errors`: a mutation that has one did nothing."""
    if errors:
        raise PlatformRefused(f"{what}: " + "; ".join(error.message[:200] for error in errors))
