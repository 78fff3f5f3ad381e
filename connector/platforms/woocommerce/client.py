"""Calls to a store's API `wc/v3`: where it is, how the key goes along, and what its errors mean.

How the key goes along, found at the join and kept in the grant's details (`auth`):

    basic    the Authorization header
    query    in the address: hosts that strip the header; it lands in the store's access log, so only where Basic failed
    oauth1   a signature in the address: stores that don't see that they are reached by https (oauth1.py)

A 401 alone proves nothing: the key may be gone, the header may be stripped since yesterday, or WooCommerce may be off.
So the other way is tried, and the index asked, before a grant counts as lost. Source: the fact sheet, section 2, [run].
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connector.errors import GrantLost, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformError, PlatformRefused
from connector.platforms import rest
from connector.platforms.contract import Budget, Client, Http, HttpAnswer
from connector.platforms.reading import decode
from connector.platforms.rest import Answered, Rest
from connector.platforms.woocommerce.oauth1 import signed
from connector.platforms.woocommerce.payloads import ErrorForm, IndexForm
from connector.platforms.woocommerce.place import API, origin
from connector.platforms.woocommerce.tolerant import Cleaned, json_within

log = logging.getLogger(__name__)

PAGE = 100  # the most that a list gives
SMALLER = (50, 20)  # where a store with heavy plug-ins doesn't finish a page of 100
READ_TIMEOUT = 40.0
Query = Sequence[tuple[str, str | int]]


class KeyUnknown(GrantLost):
    """The key is unknown or deleted, or nothing of it reached PHP: the same answer."""


class KeyRefused(GrantLost):
    """The key is known; its secret is wrong, or it may not do this (read, write)."""


class UserRefused(GrantLost):
    """The key is right and its WordPress user lacks the right: was demoted, or was never more than a customer."""


class Elsewhere(PlatformRefused):
    """A redirect of a write, which is never followed."""


class Invalid(PlatformRefused):
    """400: the store understood who asks, and not what."""


class WebPage(PlatformDown):
    """HTML in place of data: a smaller page won't help."""


@dataclass(frozen=True, slots=True)
class Keys:
    key: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def of(cls, access_token: str) -> Keys:
        """The grant holds both as `key:secret`."""
        key, _, secret = access_token.partition(":")
        return cls(key, secret)

    @property
    def joined(self) -> str:
        return f"{self.key}:{self.secret}"


@dataclass(frozen=True, slots=True)
class _Tolerant(Rest):
    """Rest, but JSON behind a byte-order mark or PHP's notices is found, whatever it is announced as."""

    def _judged(self, answer: HttpAnswer, method: str) -> Answered | None:
        body = json_within(answer.content)
        if body is not None:
            kept = {name.lower(): value for name, value in answer.headers.items()}
            answer = Cleaned(answer.status, kept | {"content-type": "application/json"}, body)
        elif 200 <= answer.status < 300:
            self.budget.landed()
            raise WebPage(str(rest.not_json(self.domain)))
        return Rest._judged(self, answer, method)


@dataclass(frozen=True, slots=True)
class Store:
    """One store's API. `auth` is how the key goes along; the other way is tried where the store doesn't know it."""

    http: Http = field(repr=False)
    budget: Budget = field(repr=False)
    domain: str
    api: str  # …/wp-json
    home: str  # as the store itself is called: what OAuth signs
    keys: Keys = field(repr=False)
    auth: str = "basic"
    slash: bool = False  # resources end in a slash: the store redirects others there, and loses writes by it
    tries: int = rest.TRIES

    @classmethod
    def of(cls, client: Client) -> Store:
        details = client.grant.details
        here = origin(client.domain, client.settings)
        return cls(
            client.http, client.budget, client.domain, details.get("api") or f"{here}/wp-json",
            details.get("home") or here, Keys.of(client.grant.access_token), details.get("auth") or "basic",
            details.get("slash") == "1",
        )  # fmt: skip

    def get(self, path: str, query: Query = (), *, timeout: float = READ_TIMEOUT) -> Answered:
        """Errors: those of `find`; PlatformRefused where there is nothing."""
        found = self.find(path, query, timeout=timeout)
        if found is None:
            raise PlatformRefused(f"{self.domain}: there is nothing at {path} (404)")
        return found

    def find(self, path: str, query: Query = (), *, timeout: float = READ_TIMEOUT) -> Answered | None:
        """None for an id that the store doesn't have.

        Errors: KeyUnknown, KeyRefused, UserRefused (all GrantLost); PlatformBusy, PlatformDown, PlatformRefused.
        """
        return self._call("GET", path, query, None, timeout)

    def write(self, method: str, path: str, body: Any, query: Query = (), *, timeout: float = 60.0) -> Answered | None:
        """POST or DELETE. Redirects are never followed: they would turn a write into a read."""
        return self._call(method, path, query, None if body is None else msgspec.json.encode(body), timeout)

    def pages(self, path: str, query: Query) -> Iterator[Answered]:
        """All pages of a short list by id (a product's variations, an order's refunds, webhooks), to the end.

        Errors: as `find`; PlatformRefused for a store that gives the same page for ever.
        """
        page = 1
        watch = rest.Repeats(self.domain)
        while True:
            answer = self.get(path, [*query, ("per_page", PAGE), ("page", page)])
            ids = tuple(str(row.id) for row in _ids(answer))
            watch.look(ids)
            yield answer
            if not more(answer, page * PAGE, len(ids), PAGE):
                return
            page += 1

    def open_index(self) -> IndexForm | None:
        """The API's index, without a key; None where WooCommerce isn't in it. Errors: PlatformDown."""
        plain = _Tolerant(self.http, self.budget, self.domain, self.api, judge=self._judge, tries=1)
        answer = plain.find("/", [("_fields", "name,url,home,namespaces,timezone_string,gmt_offset")])
        try:
            index = answer.read(IndexForm) if answer is not None else None
        except PayloadUnreadable:
            return None
        return index if index is not None and API in index.namespaces else None

    def _call(self, method: str, path: str, query: Query, body: bytes | None, timeout: float) -> Answered | None:
        told = _auths.get((self.domain, self.keys.key), self.auth)
        lost: GrantLost | None = None
        for way in (told, *(way for way in ("basic", "query") if way != told)):
            try:
                answer = self.sent(way, method, path, query, body, timeout)
            except (KeyUnknown, KeyRefused) as error:
                # A signature is refused too once the store sees https: the same key then goes along otherwise.
                if isinstance(error, KeyRefused) and way != "oauth1":
                    raise
                lost = lost or error
                continue
            if way != told:
                log.warning("%s: the key goes along by %s now", self.domain, way)
                _auths[self.domain, self.keys.key] = way
            return answer
        try:
            index = self.open_index()
        except (GrantLost, PlatformRefused):
            index = None
        if index is None:
            raise PlatformDown(f"{self.domain}: WooCommerce doesn't answer there: it is switched off, or being updated")
        raise lost or KeyUnknown(f"{self.domain}: the store doesn't know our key")

    def sent(
        self, way: str, method: str, path: str, query: Query, body: bytes | None, timeout: float
    ) -> Answered | None:
        asked = [(name, str(value)) for name, value in query]
        path = f"/{API}{path}" + ("/" if self.slash else "")
        headers: dict[str, str] = {}
        match way:
            case "query":
                asked += [("consumer_key", self.keys.key), ("consumer_secret", self.keys.secret)]
            case "oauth1":
                asked = signed(method, self._as_the_store_says(path), asked, self.keys.key, self.keys.secret)
            case _:
                headers["Authorization"] = "Basic " + base64.b64encode(self.keys.joined.encode()).decode()
        made = _Tolerant(self.http, self.budget, self.domain, self.api, headers, judge=self._judge, tries=self.tries)
        return made.call(method, path, [*asked], body=body, timeout=timeout)

    def _as_the_store_says(self, path: str) -> str:
        """`home` with the API's path, by http: the store signs its own address, and looks for a signature only where it
        takes the call for one by http."""
        home = urlsplit(self.home)
        below = urlsplit(self.api).path.removeprefix(home.path)
        return f"http://{home.netloc}{home.path}{below}{path}"

    def _judge(self, answer: HttpAnswer, content: bytes) -> PlatformError | None:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return judge(answer.status, headers, content, self.domain)


# Found since the join, in this process: (domain, key) → how the key goes along now.
_auths: dict[tuple[str, str], str] = {}


def judge(status: int, headers: Mapping[str, str], content: bytes, domain: str) -> PlatformError | None:
    """What an answer that isn't 2xx means; None: the usual (`rest.refusal`), or an id that isn't there."""
    if 300 <= status < 400:
        return Elsewhere(f"{domain}: the address leads elsewhere ({status})")
    body = json_within(content)
    if body is None:
        return _without_json(status, headers, domain)
    try:
        code = decode(body, ErrorForm).code[:80]
    except PayloadUnreadable:
        code = ""
    ours = code.startswith("woocommerce_")
    match status:
        case 401 if code == "woocommerce_rest_authentication_error":
            return KeyRefused(f"{domain}: the key's secret is wrong, or the key may not do this (401)")
        case 401 if ours:
            return KeyUnknown(f"{domain}: the store doesn't know our key, or the key doesn't reach it (401)")
        case 403 if ours:
            return UserRefused(f"{domain}: the key's user may no longer do this (403)", fatal=True)
        case 401 | 403:
            return PlatformDown(f"{domain}: a plug-in closes the store's API ({status}): let it allow /wp-json/wc/v3/")
        case 400:
            return Invalid(f"{domain}: the store can't read our call (400, {_plain(code)})")
        case 404 if code == "rest_no_route":
            return PlatformDown(f"{domain}: WooCommerce doesn't answer there: it is switched off, or being updated")
        case 503 if "retry-after" in headers:
            return PlatformBusy(f"{domain}: the host holds us up (503)", retry_after=rest.retry_after(headers, 5.0))
        case _ if status >= 500 and ours:  # a refusal dressed as a fault: the same call would end the same way
            return PlatformRefused(f"{domain}: the store refused ({status})")
        case _:
            return None


def _plain(code: str) -> str:
    """A code as it may stand in an error: whatever else an answer holds never does."""
    return code if re.fullmatch(r"[a-z0-9_]{1,60}", code) else "no code"


def _without_json(status: int, headers: Mapping[str, str], domain: str) -> PlatformError | None:
    if status == 401 and "basic" in headers.get("www-authenticate", "").lower():
        return WebPage(
            f"{domain}: a password of the host stands in front of the store (basic authentication): let "
            "/wp-json/ through without it"
        )
    if status in (401, 403, 404, 406):
        return WebPage(
            f"{domain}: a web page instead of the API ({status}): let the firewall or security plug-in allow "
            "/wp-json/ for the agent connector; permalinks must not be plain"
        )
    if status == 503 and "retry-after" in headers:
        return PlatformBusy(f"{domain}: the host holds us up (503)", retry_after=rest.retry_after(headers, 5.0))
    return None


class _Id(msgspec.Struct):
    id: int


def _ids(answer: Answered) -> list[_Id]:
    return answer.read(list[_Id])


def total_of(answer: Answered) -> int | None:
    """How many rows the list has, as the store counts; None where it doesn't say."""
    total = answer.headers.get("x-wp-total", "")
    return int(total) if total.isascii() and total.isdigit() and len(total) < 12 else None


def more(answer: Answered, covered: int, rows: int, size: int) -> bool:
    """Are there rows behind the `covered` first? By the store's own count where it gives one: it leaves out of a page
    what it can't load, or what the key's user may not see, so that a short page needn't be the last."""
    total = total_of(answer)
    return covered < total if total is not None else rows >= size
