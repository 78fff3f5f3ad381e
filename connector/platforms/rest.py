"""Calls to a platform's REST API, and its ways to say no in our closed tree. GraphQL over one address goes here too.

    2xx with the announced JSON       the answer
    2xx with something else           PlatformDown: a firewall, a captcha, a page of maintenance (`not_json`)
    3xx                               PlatformRefused: the address isn't the API's (GETs to the same host were followed)
    401                               GrantLost: renew where that is possible, then again
    403                               PlatformRefused: not permitted
    404                               None where the caller takes it for "there is none", else PlatformRefused
    429, 430                          waits as the answer says, some times; then PlatformBusy
    5xx                               PlatformDown

A body is never quoted in an error: it may hold anything. Platforms that answer otherwise hand in their own `judge`.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from connector.errors import GrantLost, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformError, PlatformRefused
from connector.platforms.contract import Budget, Client, Http, HttpAnswer
from connector.platforms.reading import decode

T = TypeVar("T")

TRIES = 5
LONGEST_WAIT = 30.0  # seconds that a call waits out by itself; longer ones are the caller's to schedule
_BEFORE_JSON = re.compile(rb"\A(?:\xef\xbb\xbf|\s)+")

Query = Mapping[str, str | int] | list[tuple[str, str | int]]
Judge = Callable[[HttpAnswer, bytes], PlatformError | None]


@dataclass(frozen=True, slots=True)
class Answered:
    """A good answer: its bytes, and its headers with names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    domain: str = ""

    def read(self, kind: type[T]) -> T:
        """The JSON as `kind` (fields of Decimal are exact). Errors: PlatformDown for what is no JSON at all,
        PayloadUnreadable with the path of a field that is absent or of another type."""
        body = _BEFORE_JSON.sub(b"", self.content)
        if not body or body[:1] not in b'{["-0123456789tfn':
            raise not_json(self.domain)
        return decode(body, kind)


@dataclass(frozen=True, slots=True)
class Rest:
    """One shop's API: where it is, what every call carries, and how its answers are judged.

    `judge` sees an answer that isn't 2xx, or any answer where `judges_all`, before the table above does.
    `meter` is told of every answer, for platforms whose headers speak of the budget.
    """

    http: Http = field(repr=False)
    budget: Budget = field(repr=False)
    domain: str  # for words and the log
    base: str  # without a slash at its end
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    judge: Judge | None = None
    judges_all: bool = False
    meter: Callable[[Mapping[str, str]], None] | None = None
    tries: int = TRIES

    @classmethod
    def of(cls, client: Client, base: str, headers: Mapping[str, str], **more: Any) -> Rest:
        return cls(client.http, client.budget, client.domain, base, headers, **more)

    def get(self, path: str, query: Query | None = None, *, cost: float = 1.0, timeout: float = 20.0) -> Answered:
        """Errors: as in the table above."""
        answer = self.call("GET", path, query, cost=cost, timeout=timeout)
        if answer is None:
            raise PlatformRefused(f"{self.domain}: there is nothing at {path.partition('?')[0]} (404)")
        return answer

    def find(self, path: str, query: Query | None = None, *, cost: float = 1.0) -> Answered | None:
        """As `get`; None where there is nothing (404)."""
        return self.call("GET", path, query, cost=cost)

    def post(
        self, path: str, body: Any, query: Query | None = None, *, method: str = "POST", cost: float = 1.0,
        timeout: float = 20.0,
    ) -> Answered:  # fmt: skip
        """A write, never repeated by itself but where the platform said that it was too busy to look at it."""
        answer = self.call(method, path, query, body=msgspec.json.encode(body), cost=cost, timeout=timeout)
        if answer is None:
            raise PlatformRefused(f"{self.domain}: there is nothing at {path.partition('?')[0]} (404)")
        return answer

    def delete(self, path: str, query: Query | None = None) -> None:
        """Gone already is as good."""
        self.call("DELETE", path, query)

    def call(
        self, method: str, path: str, query: Query | None = None, *, body: bytes | None = None, cost: float = 1.0,
        timeout: float = 20.0,
    ) -> Answered | None:  # fmt: skip
        """One call, waited out where the platform is busy; None for 404."""
        url = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", **self.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        busy: PlatformBusy | None = None
        for attempt in range(self.tries):
            self.budget.wait(cost)
            answer = self._sent(method, url, headers, body, timeout)
            try:
                found = self._judged(answer, method)
            except PlatformBusy as error:
                busy = error
                if attempt + 1 < self.tries and error.retry_after <= LONGEST_WAIT:
                    pause(error.retry_after * (1 + random.random() / 4))  # noqa: S311  # spreads, nothing secret
                    continue
                raise
            finally:
                answer.close()
            return found
        raise busy or PlatformDown(f"{self.domain}: no answer")

    def _sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> HttpAnswer:  # fmt: skip
        """The answer, read whole. Where none comes, nothing of the budget stays under way: others would wait for it."""
        try:
            answer = self.http.send(method, url, headers=headers, body=body, timeout=timeout)
            try:
                answer.content  # noqa: B018  # read here: it may be cut
            except BaseException:
                answer.close()
                raise
        except BaseException:
            self.budget.landed()
            raise
        return answer

    def _judged(self, answer: HttpAnswer, method: str) -> Answered | None:
        content = answer.content
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if self.meter is not None:
            self.meter(headers)
        else:
            self.budget.landed()
        good = 200 <= answer.status < 300
        if self.judge is not None and (self.judges_all or not good):
            problem = self.judge(answer, content)
            if problem is not None:
                raise problem
        if good:
            if method == "GET" and answer.status != 204 and "html" in headers.get("content-type", ""):
                raise not_json(self.domain)
            return Answered(answer.status, headers, content, self.domain)
        if answer.status == 404:
            return None
        raise refusal(answer.status, headers, self.domain)


pause: Callable[[float], None] = time.sleep  # a name of its own: tests of busy stores wait for nobody


class NoBudget:
    """The budget of a store that isn't connected: it has no row to count on, and a join is a few calls."""

    def wait(self, cost: float) -> None:
        """At once."""

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        """Nobody keeps it."""

    def landed(self) -> None:
        """As above."""

    def served(self, version: str) -> None:
        """As above."""


def refusal(status: int, headers: Mapping[str, str], domain: str) -> PlatformError:
    """The usual meaning of a status that isn't good. `headers` in lower case."""
    match status:
        case 401:
            return GrantLost(f"{domain}: the store doesn't know our key (401)")
        case 403:
            return PlatformRefused(f"{domain}: not permitted (403)")
        case 429 | 430:
            return PlatformBusy(f"{domain}: too many requests ({status})", retry_after=retry_after(headers, 2.0))
        case _ if 300 <= status < 400:
            return PlatformRefused(f"{domain}: the address leads elsewhere ({status})")
        case _ if status >= 500:
            return PlatformDown(f"{domain}: the store answered {status}")
        case _:
            return PlatformRefused(f"{domain}: the store answered {status}")


def not_json(domain: str) -> PlatformDown:
    return PlatformDown(
        f"{domain}: the store answered a web page instead of data (a firewall, a maintenance page, a plug-in)"
    )


def retry_after(headers: Mapping[str, str], default: float) -> float:
    """Seconds, at most an hour. Dates in this header are taken for the default."""
    try:
        return min(3600.0, max(0.0, float(headers.get("retry-after", ""))))
    except ValueError:
        return default


class Repeats:
    """Watches a walk over pages: a store that gives the same page for ever must end it, not fill the disk.

    `look(refs of a page)` raises where they are those of the page before.
    """

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._last: tuple[str, ...] = ()

    def look(self, refs: tuple[str, ...]) -> None:
        """Errors: PlatformRefused when a page is the one before again."""
        if refs and refs == self._last:
            raise PlatformRefused(f"{self._domain}: the store gives the same page again and again")
        self._last = refs


def payload_down(error: PayloadUnreadable, domain: str) -> PlatformDown:
    """An answer of the API (not a delivery) that can't be read: asked again later, with the field's path."""
    return PlatformDown(f"{domain}: the store's answer can't be read at {error.path}: {error.problem}")
