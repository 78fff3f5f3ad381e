"""The way out: where it may lead, what it may carry, how much it takes, and what its errors say."""

from __future__ import annotations

import collections
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import responses

from connector.errors import ConnectorError, HostRefused, PlatformDown
from connector.outbound import Outbound, refuse_special
from tests.web.conftest import settings

SECRET = "shpat_very_secret"


class Server:
    """A server on loopback that does what a test says, path by path."""

    def __init__(self) -> None:
        self.paths: dict[str, Callable[[Any], None]] = {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer.connections += 1

            def log_message(self, *given: Any) -> None: ...

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.seen.append((self.command, self.path, headers, body))
                outer.paths[self.path.partition("?")[0]](self)

            do_GET = do_POST = answer

            def give(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if "Content_Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *given: None  # type: ignore[method-assign]  # we hang up on purpose
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture
def out() -> Outbound:
    return Outbound(allow_private=True)


# --- what goes and comes ----------------------------------------------------------------------------------------------


def test_method_headers_body_and_form_go_as_they_are(server: Server, out: Outbound) -> None:
    server.paths["/x"] = lambda h: h.give(201, b"made", X_Shopify_API_Version="2026-10")
    answer = out.send("POST", f"{server.url}/x?a=b", headers={"X-Token": SECRET}, body=b'{"q":"\xc3\xa9"}')
    assert (answer.status, answer.content) == (201, b"made")
    assert answer.headers["x-shopify-api-version"] == "2026-10"
    method, path, headers, body = server.seen[0]
    assert (method, path, headers["x-token"], body) == ("POST", "/x?a=b", SECRET, b'{"q":"\xc3\xa9"}')
    out.send("POST", f"{server.url}/x", form={"code": "a b&c", "expiring": "1"})
    _, _, headers, body = server.seen[1]
    assert (headers["content-type"], body) == ("application/x-www-form-urlencoded", b"code=a+b%26c&expiring=1")


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 429, 500, 503])
def test_a_status_is_no_error(server: Server, out: Outbound, status: int) -> None:
    server.paths["/s"] = lambda h: h.give(status)
    assert out.send("GET", f"{server.url}/s").status == status


def test_content_is_read_once_and_kept(server: Server, out: Outbound) -> None:
    server.paths["/x"] = lambda h: h.give(200, b"abc")
    answer = out.send("GET", f"{server.url}/x")
    assert answer.content == answer.content == b"abc"


def test_cookies_are_neither_kept_nor_sent(server: Server, out: Outbound) -> None:
    server.paths["/x"] = lambda h: h.give(200, b"", Set_Cookie="session=1; Path=/")
    out.send("GET", f"{server.url}/x").close()
    out.send("GET", f"{server.url}/x").close()
    assert all("cookie" not in headers for _, _, headers, _ in server.seen)


def test_the_environment_is_not_asked(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.paths["/x"] = lambda h: h.give(200)
    assert Outbound(allow_private=True).send("GET", f"{server.url}/x").status == 200
    assert "authorization" not in server.seen[0][2]


def test_connections_are_reused_across_threads(server: Server, out: Outbound) -> None:
    server.paths["/x"] = lambda h: h.give(200, b"ok")

    def call(_: int) -> bytes:
        return out.send("GET", f"{server.url}/x").content

    for _ in range(5):
        call(0)
    assert server.connections == 1
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(80))) == [b"ok"] * 80
    assert server.connections <= 5


def test_a_recorder_hears_of_each_call(server: Server) -> None:
    heard: list[tuple[str, str, int | None]] = []
    out = Outbound(
        allow_private=True, recorder=lambda method, host, status, seconds: heard.append((method, host, status))
    )
    server.paths["/x"] = lambda h: h.give(503)
    out.send("GET", f"{server.url}/x?secret={SECRET}").close()
    with pytest.raises(PlatformDown):
        out.send("POST", "http://127.0.0.1:9/")
    assert heard == [("GET", "127.0.0.1", 503), ("POST", "127.0.0.1", None)]


@responses.activate
def test_public_hosts_are_reached_by_https() -> None:
    responses.post("https://sample-shop.myshopify.com/admin", body=b"{}")
    assert Outbound().send("POST", "https://sample-shop.myshopify.com/admin", body=b"x").content == b"{}"


# --- streams ----------------------------------------------------------------------------------------------------------

LINES = [b'{"n":%d,"pad":"%s"}' % (n, b"x" * (n % 900)) for n in range(2000)]
WHOLE = b"\n".join(LINES) + b"\n"


@pytest.mark.parametrize(
    ("body", "encoding"), [(WHOLE, None), (gzip.compress(WHOLE), "gzip"), (zlib.compress(WHOLE), "deflate")]
)
def test_lines_come_whole_whatever_the_pieces(server: Server, out: Outbound, body: bytes, encoding: str | None) -> None:
    server.paths["/f"] = lambda h: h.give(200, body, **({"Content_Encoding": encoding} if encoding else {}))
    assert list(out.send("GET", f"{server.url}/f", stream=True).lines()) == LINES


def test_lines_of_a_chunked_answer(server: Server, out: Outbound) -> None:
    def chunked(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(WHOLE), 777):
            piece = WHOLE[start : start + 777]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    server.paths["/f"] = chunked
    assert list(out.send("GET", f"{server.url}/f", stream=True).lines()) == LINES


def test_a_last_line_without_an_end_is_a_line(server: Server, out: Outbound) -> None:
    server.paths["/f"] = lambda h: h.give(200, b"one\ntwo")
    assert list(out.send("GET", f"{server.url}/f", stream=True).lines()) == [b"one", b"two"]


@pytest.mark.parametrize("kind", ["length", "chunked", "gzip"])
def test_a_stream_that_is_cut_is_an_error_and_not_an_end(server: Server, out: Outbound, kind: str) -> None:
    def cut(handler: Any) -> None:
        handler.close_connection = True
        handler.send_response(200)
        if kind == "chunked":
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            handler.wfile.write(b"10000\r\n" + WHOLE[:5000])
        else:
            body = gzip.compress(WHOLE) if kind == "gzip" else WHOLE
            handler.send_header("Content-Length", str(len(body)))
            if kind == "gzip":
                handler.send_header("Content-Encoding", "gzip")
            handler.end_headers()
            handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)

    server.paths["/f"] = cut
    with pytest.raises(PlatformDown):
        list(out.send("GET", f"{server.url}/f", stream=True).lines())


@pytest.mark.parametrize("end", [b"", b"\n", b"\nafter", b"\nafter\n"])
def test_a_line_without_an_end_is_bounded(
    server: Server, out: Outbound, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr("connector.outbound.LINE_LIMIT", 300_000)
    server.paths["/f"] = lambda h: h.give(200, b"before\n" + b"x" * 2_000_000 + end)
    lines = list(out.send("GET", f"{server.url}/f", stream=True).lines())
    assert lines == [b"before", b"x" * 300_000, *([b"after"] if b"after" in end else [])]


BOMB = gzip.compress(b"\n" * 50_000_000, 9)  # 50 MB in 50 kB


def test_sizes_are_counted_after_decompression(server: Server) -> None:
    out = Outbound(allow_private=True, whole_limit=1_000_000, stream_limit=2_000_000)
    server.paths["/bomb"] = lambda h: h.give(200, BOMB, Content_Encoding="gzip")
    assert len(BOMB) < 100_000
    with pytest.raises(PlatformDown, match="larger"):
        _ = out.send("GET", f"{server.url}/bomb").content
    taken = out.send("GET", f"{server.url}/bomb", stream=True).lines()
    with pytest.raises(PlatformDown, match="larger"):
        collections.deque(taken, maxlen=1)


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_server_that_says_nothing_is_down(server: Server, out: Outbound) -> None:
    patience = threading.Event()
    server.paths["/slow"] = lambda h: patience.wait(60)
    with pytest.raises(PlatformDown, match="in time"):
        out.send("GET", f"{server.url}/slow", timeout=0.3)
    patience.set()  # it gave up while the server still said nothing


def test_a_server_that_drips_is_down(server: Server, out: Outbound) -> None:
    dripped: list[int] = []

    def drip(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"1\r\nx\r\n")
            handler.wfile.flush()
            dripped.append(1)
            time.sleep(0.05)

    server.paths["/drip"] = drip
    with pytest.raises(PlatformDown):
        _ = out.send("GET", f"{server.url}/drip", timeout=0.2).content
    assert len(dripped) < 200  # it gave up while the server still dripped


def test_a_closed_port_is_down(out: Outbound) -> None:
    with pytest.raises(PlatformDown, match="can't be reached"):
        out.send("GET", "http://127.0.0.1:9/")


def test_a_name_that_is_none_is_down() -> None:
    with pytest.raises(PlatformDown):
        Outbound().send("GET", "https://no-such-host.invalid/")


# --- where it may lead ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fec0::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2001:db8::1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_special_addresses_are_refused(address: str) -> None:
    with pytest.raises(HostRefused):
        refuse_special(address)


@pytest.mark.parametrize(
    "address", ["23.227.38.74", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_not(address: str) -> None:
    refuse_special(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0"],
)
def test_private_hosts_are_refused_in_any_form_before_a_connection(server: Server, host: str) -> None:
    server.paths["/"] = lambda h: h.give(200)
    with pytest.raises(ConnectorError) as refused:
        Outbound(ports=[server.port]).send("GET", f"https://{host}:{server.port}/")
    assert isinstance(refused.value, HostRefused | PlatformDown)  # the latter: no such name on this machine
    assert server.connections == 0
    if host in ("127.0.0.1", "localhost", "[::1]"):
        assert isinstance(refused.value, HostRefused)


def test_a_public_name_with_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is one where only one of several addresses is private."""
    for addresses in (["10.0.0.7"], ["8.8.8.8", "10.0.0.7"], ["8.8.8.8", "::1"]):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *a, found=addresses, **k: [(0, 0, 0, "", (ip, 443)) for ip in found]
        )
        with pytest.raises(HostRefused):
            Outbound().send("GET", "https://rebinding.example/")


def test_the_connection_goes_to_the_address_that_was_checked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its mind between check and connection gains nothing: it is asked once."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *given: Any, **named: Any) -> Any:
        if host == "shop.example":
            asked.append(host)
            return real("127.0.0.1", *given, **named)
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.paths["/x"] = lambda h: h.give(200)
    assert Outbound(allow_private=True).send("GET", f"http://shop.example:{server.port}/x").status == 200
    assert asked == ["shop.example"]
    assert server.seen[0][2]["host"] == f"shop.example:{server.port}"


@pytest.mark.parametrize(
    "url",
    [
        "http://sample-shop.myshopify.com/", "ftp://sample-shop.myshopify.com/", "file:///etc/passwd", "gopher://x/",
        "", "sample-shop.myshopify.com", "//sample-shop.myshopify.com/", "https://", "https:///x",
        "https://user@sample-shop.myshopify.com/", "https://u:p@sample-shop.myshopify.com/", "https://@x.example/",
        "https://a.example\\@b.example/", "https://a.example/\n", "https://a.example /", "https://a.example\t/",
        "https://a.example:0/", "https://a.example:99999/", "https://a.example:x/", "https://m\u00fcsli.example/",
        "https://a\u3002example/", "https://%61.example/", "https://.example/", "https://a.example./",
        "https://[::1/", "https://a[b].example/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(HostRefused):
        Outbound().send("GET", url)


def test_a_merchant_can_not_make_us_knock_on_any_port(server: Server) -> None:
    """Nothing is asked, not even the name; on a redirect neither. The setting adds ports, and dev knows any."""
    public = "https://sample-shop.myshopify.com"
    for port in (22, 25, 444, 6379, 9000):
        for ask in (Outbound().permit, lambda url: Outbound().send("GET", url)):
            with pytest.raises(HostRefused, match=rf"port {port} .*443 and 8443") as refused:
                ask(f"{public}:{port}/")
            assert "ask whoever runs this app" in refused.value.public
    for ports, url in ((None, f"{public}/"), (None, f"{public}:8443/"), ([443, 9000], f"{public}:9000/x")):
        (Outbound(ports=ports) if ports else Outbound()).permit(url)
    with pytest.raises(HostRefused):
        Outbound(ports=[9000]).permit(f"{public}/")
    Outbound(allow_private=True).permit(f"http://127.0.0.1:{server.port}/")
    assert settings(outbound_ports=" 443,9000 ").ports == {443, 9000}


# --- redirects --------------------------------------------------------------------------------------------------------


def test_a_redirect_to_the_same_origin_is_followed(server: Server, out: Outbound) -> None:
    server.paths["/a"] = lambda h: h.give(302, Location="/b?x=1")
    server.paths["/b"] = lambda h: h.give(200, b"here")
    assert out.send("GET", f"{server.url}/a", headers={"X-Token": SECRET}).content == b"here"
    assert [path for _, path, _, _ in server.seen] == ["/a", "/b?x=1"]


@pytest.mark.parametrize(
    "target",
    ["http://localhost:{port}/b", "http://127.0.0.1:9/b", "http://169.254.169.254/latest", "https://127.0.0.1:{port}/b",
     "//evil.example/b", "http://x@127.0.0.1:{port}/b", "file:///etc/passwd", "http://127.0.0.1:{port}@evil.example/"],
)  # fmt: skip
def test_a_redirect_elsewhere_is_refused(server: Server, out: Outbound, target: str) -> None:
    server.paths["/a"] = lambda h: h.give(302, Location=target.format(port=server.port))
    server.paths["/b"] = lambda h: h.give(200, b"here")
    with pytest.raises(HostRefused):
        out.send("GET", f"{server.url}/a", headers={"X-Token": SECRET})
    assert len(server.seen) == 1


def test_a_call_that_changes_something_is_never_redirected(server: Server, out: Outbound) -> None:
    server.paths["/a"] = lambda h: h.give(307, Location="/b")
    assert out.send("POST", f"{server.url}/a", body=b"x").status == 307
    assert len(server.seen) == 1


def test_redirects_without_end_are_down(server: Server, out: Outbound) -> None:
    server.paths["/a"] = lambda h: h.give(302, Location="/a")
    with pytest.raises(PlatformDown, match="redirects"):
        out.send("GET", f"{server.url}/a")


# --- what errors say --------------------------------------------------------------------------------------------------


def test_errors_name_the_host_and_nothing_that_was_sent(server: Server, out: Outbound) -> None:
    server.paths["/cut"] = lambda h: (
        h.give(200, b"half", Content_Length="99"),
        h.connection.shutdown(socket.SHUT_RDWR),
    )
    server.paths["/away"] = lambda h: h.give(302, Location=f"https://evil.example/?{SECRET}")
    server.paths["/slow"] = lambda h: time.sleep(2)
    texts: list[str] = []
    for url in (
        f"{server.url}/cut?token={SECRET}", f"{server.url}/away?token={SECRET}", f"{server.url}/slow?token={SECRET}",
        f"http://127.0.0.1:9/?token={SECRET}", f"http://{SECRET}@127.0.0.1/", f"http://127.0.0.1/{SECRET}\n",
        f"http://{SECRET}.invalid_host:0/",
    ):  # fmt: skip
        with pytest.raises(ConnectorError) as raised:
            _ = out.send("GET", url, headers={"X-Token": SECRET}, timeout=0.3).content
        error: BaseException | None = raised.value
        texts += [str(error), repr(error), raised.value.public]
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
    assert not [text for text in texts if SECRET in text]
    assert SECRET not in repr(out)


def test_a_wrong_certificate_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **named: Any) -> Any:
        raise requests.exceptions.SSLError("certificate verify failed: hostname mismatch")

    out = Outbound()
    monkeypatch.setattr(requests.Session, "request", refuse)
    with pytest.raises(PlatformDown, match="certificate"):
        out.send("GET", "https://sample-shop.myshopify.com/")
