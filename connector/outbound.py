"""The way out: every request to a store goes through here, and only to places that may be meant.

- A host is resolved here and the connection is made to the address that was checked, so a name can't change its mind in
  between. Private, loopback, link-local and other special addresses are refused (dev excepted).
- https only, no userinfo, no host in disguise. A redirect is followed to the same origin only, and only for GET.
- Bodies are counted after decompression, and a whole answer has a deadline beside the time-out between two reads.
- Errors name the host and what went wrong, never an address' query, a header or a body: signed links and tokens live
  there. Nothing of the environment (proxies, netrc) is read: both would carry requests or secrets past these rules.

Knows no database: a shop's budget and the recorder of calls are handed in from above.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from connector.config import read_settings
from connector.errors import HostRefused, PlatformDown

CONNECT_TIMEOUT = 5.0
WHOLE_LIMIT = 32 * 1024 * 1024  # bytes of an answer that is read whole; a page of the Admin API is far below
STREAM_LIMIT = 16 * 1024**3  # bytes of a streamed file
LINE_LIMIT = 8 * 1024 * 1024  # bytes of one line: more than any product, and a bound on memory
CHUNK = 256 * 1024
REDIRECTS = 3
PORTS = frozenset({443, 8443})  # where public stores answer https; CONNECTOR_OUTBOUND_PORTS says otherwise
POOL = 64  # connections kept to one host, shared by all threads

# (method, host, status or None, seconds)
Recorder = Callable[[str, str, int | None, float], None]

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_OWN_NAMES = (".localhost", ".local", ".internal")  # of a machine or a network, never of a public host
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Answer:
    """A status, headers, and a body that is read once: whole or in lines."""

    def __init__(self, response: requests.Response, host: str, *, stream: bool, deadline: float, limit: int) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._host = host
        self._deadline = None if stream else deadline
        self._limit = limit
        self._content: bytes | None = None

    def __repr__(self) -> str:
        return f"<Answer {self.status} from {self._host}>"

    @property
    def content(self) -> bytes:
        if self._content is None:
            try:
                self._content = b"".join(self._chunks())
            finally:
                self.close()
        return self._content

    def lines(self) -> Iterator[bytes]:
        """Lines without their end; the last one may be without an end, then it is as it came. Errors: PlatformDown.

        A line that is longer than LINE_LIMIT is given cut there, and the rest of it is passed over: a gigabyte without
        an end costs no memory, and the lines behind it keep their numbers.
        """
        rest, passing = b"", False
        for chunk in self._chunks():
            if passing:
                end = chunk.find(b"\n")
                if end < 0:
                    continue
                chunk, passing = chunk[end + 1 :], False  # noqa: PLW2901
            parts = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
            rest = parts.pop()
            yield from parts
            if len(rest) > LINE_LIMIT:
                yield rest[:LINE_LIMIT]
                rest, passing = b"", True
        if rest:
            yield rest

    def close(self) -> None:
        self._response.close()

    def _chunks(self) -> Iterator[bytes]:
        """Decompressed, in pieces, counted. A body that ends before its announced length is an error, not an end."""
        count = 0
        raw: urllib3.HTTPResponse = self._response.raw
        try:
            while True:
                # read1 gives what is there; read would collect drops until the chunk is full, past any deadline
                chunk = raw.read1(CHUNK, decode_content=True)
                if not chunk:
                    return
                count += len(chunk)
                if count > self._limit:
                    self.close()
                    raise PlatformDown(f"{self._host}: the answer is larger than {self._limit} bytes")
                if self._deadline is not None and time.monotonic() > self._deadline:
                    self.close()
                    raise PlatformDown(f"{self._host}: the answer takes too long")
                yield chunk
        except (HTTPError, OSError) as error:
            self.close()
            raise PlatformDown(f"{self._host}: the answer was cut ({type(error).__name__})") from None


class Outbound:
    """The contract's `Http` on requests; one for a process, safe to share between threads.

    `allow_private`: dev only, lets stand-in stores on loopback be reached, by http and on any port. `ports`: where else
    hosts are reached; an address that a merchant types shall not become a look at somebody's mail server. `recorder`
    hears of each call.
    """

    def __init__(
        self,
        allow_private: bool = False,
        recorder: Recorder | None = None,
        *,
        ports: Collection[int] = PORTS,
        whole_limit: int = WHOLE_LIMIT,
        stream_limit: int = STREAM_LIMIT,
    ) -> None:
        self._allow_private = allow_private
        self._recorder = recorder
        self._ports = frozenset(ports)
        self._whole_limit = whole_limit
        self._stream_limit = stream_limit
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = "connector"
        adapter = _Adapter(allow_private)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._session = session

    def __repr__(self) -> str:
        return f"<Outbound allow_private={self._allow_private}>"

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float = 20.0,
    ) -> Answer:
        """One request; `timeout` bounds each read, and three times of it the whole of an answer that isn't streamed.

        Errors: HostRefused before anything leaves (or before a redirect is followed); PlatformDown for time-outs,
        refused connections, failed names and certificates. A status is never an error.
        """
        deadline = time.monotonic() + 3 * timeout
        for _ in range(REDIRECTS + 1):
            parts = self._check(url)
            response = self._once(method, url, parts, headers, form if form is not None else body, timeout)
            host = parts.hostname or ""
            target = response.headers.get("location")
            if method != "GET" or target is None or response.status_code not in (301, 302, 303, 307, 308):
                limit = self._stream_limit if stream else self._whole_limit
                return Answer(response, host, stream=stream, deadline=deadline, limit=limit)
            response.close()
            url = self._same_origin(url, target, host)
        raise PlatformDown(f"{host}: more than {REDIRECTS} redirects")

    def permit(self, url: str) -> None:
        """Errors: HostRefused for an address that `send` would refuse as it stands; names are resolved by `send`."""
        host = (self._check(url).hostname or "").strip("[]")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if not self._allow_private and f".{host}".endswith(_OWN_NAMES):
                raise HostRefused("the host's name isn't public") from None
            return
        if not self._allow_private:
            refuse_special(host)

    def close(self) -> None:
        self._session.close()

    def _once(
        self,
        method: str,
        url: str,
        parts: SplitResult,
        headers: Mapping[str, str] | None,
        data: bytes | Mapping[str, str] | None,
        timeout: float,
    ) -> requests.Response:
        host = parts.hostname or ""
        began = time.monotonic()
        status: int | None = None
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers or {}),
                data=data,
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
            )
            status = response.status_code
        except requests.RequestException as error:
            # The chain holds the prepared request with its headers: cut it, and say what happened in our own words.
            raise PlatformDown(f"{host}: {_what_happened(error)}") from None
        finally:
            if self._recorder is not None:
                self._recorder(method, host, status, time.monotonic() - began)
        return response

    def _check(self, url: str) -> SplitResult:
        if not url.isascii() or any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
            raise HostRefused("an address with characters that don't belong there")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise HostRefused("an address that can't be read") from None
        if parts.scheme != "https" and not (self._allow_private and parts.scheme == "http"):
            raise HostRefused("only https leaves")
        if "@" in parts.netloc:
            raise HostRefused("an address with a user in it")
        if not parts.hostname or not _HOST.fullmatch(parts.netloc.removesuffix(f":{port}")) or port == 0:
            raise HostRefused("an address without a plain host")
        if not self._allow_private and (port or 443) not in self._ports:
            known = " and ".join(map(str, sorted(self._ports)))
            raise HostRefused(
                f"port {port} isn't one of those that we connect to ({known})",
                public=f"The address names port {port}, and we connect to port {known} only. Serve it on one of them, "
                "or ask whoever runs this app to allow the port.",
            )
        return parts

    def _same_origin(self, url: str, target: str, host: str) -> str:
        onward = urljoin(url, target)
        before, after = self._check(url), self._check(onward)
        if (before.scheme, before.netloc.lower()) != (after.scheme, after.netloc.lower()):
            raise HostRefused(f"{host} redirects to another host")
        return onward


def _what_happened(error: requests.RequestException) -> str:
    match error:
        case requests.exceptions.SSLError():
            return "the certificate isn't right"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ConnectionError():
            return "can't be reached"
        case _:
            return f"the request failed ({type(error).__name__})"


def refuse_special(address: str) -> None:
    """Errors: HostRefused for an address that isn't a public host, in whatever form it is wrapped."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is None and ip.is_site_local:  # fec0::/10: given up long ago, and routed inside some networks yet
            raise HostRefused("the host's address isn't public")
        ip = inner or ip
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        raise HostRefused("the host's address isn't public")


def _connect(connection: HTTPConnection, allow_private: bool) -> socket.socket:
    """Resolve, check every address, connect to one that was checked."""
    host = connection._dns_host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"no address ({type(error).__name__})") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            refuse_special(address)
    problem: OSError | None = None
    for address in addresses:
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            problem = error
    if isinstance(problem, TimeoutError):
        raise urllib3.exceptions.ConnectTimeoutError(connection, "no connection in time") from None
    raise NewConnectionError(connection, "no connection") from None


class _Adapter(HTTPAdapter):
    """requests' adapter, with connections that go where `_connect` says."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private
        super().__init__(pool_connections=POOL, pool_maxsize=POOL, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        allow_private = self._allow_private

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allow_private)

        class Sealed(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, allow_private)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SealedPool(HTTPSConnectionPool):
            ConnectionCls = Sealed

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SealedPool}


_current: Outbound | None = None
_lock = threading.Lock()


def use(outbound: Outbound) -> Outbound:
    """Make `outbound` the process's own."""
    global _current
    with _lock:
        _current = outbound
    return outbound


def current() -> Outbound:
    """The process's own way out; made at first use, with private addresses only where CONNECTOR_ENV is dev."""
    global _current
    with _lock:
        if _current is None:
            settings = read_settings()
            _current = Outbound(allow_private=settings.dev, ports=settings.ports)
        return _current
