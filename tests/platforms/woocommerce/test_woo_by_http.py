"""The same store behind a real server and our own way out: headers, redirects and HEAD as they really travel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from connector.errors import HostRefused
from connector.outbound import Outbound
from connector.platforms.contract import Client, Hook
from connector.platforms.rest import NoBudget
from connector.platforms.woocommerce import PLATFORM
from tests.platforms.woocommerce.kit import KEY, SECRET_KEY, TOKEN, Reply, Sent, Shop, make_settings

SETTINGS = make_settings(env="dev")


class Served:
    """The kit's store on a port of this machine."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.server = make_server("127.0.0.1", 0, self.answer, threaded=True)
        self.shop.domain = f"127.0.0.1:{self.server.server_port}"

    def answer(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        headers = {"Authorization": request.headers.get("Authorization", "")}
        reply = self.shop.send(request.method, request.url, headers=headers, body=request.get_data())
        response = Response(reply.content, reply.status, {**reply.headers})
        return response(environ, start)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    thread = threading.Thread(target=served.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    served.server.shutdown()
    thread.join(5)
    served.server.server_close()


@pytest.mark.parametrize("oddity", ["none", "strips", "slash", "front"])
def test_joined_walked_bought_from_and_hooked(served: Served, oddity: str) -> None:
    shop, http = served.shop, Outbound(allow_private=True)
    shop.strips, shop.slash = oddity == "strips", oddity == "slash"
    shop.front = b"\xef\xbb\xbf" if oddity == "front" else b""
    assert PLATFORM.pasted is not None
    given = {"shop": f"http://{shop.domain}/", "consumer_key": KEY, "consumer_secret": SECRET_KEY}
    if oddity == "slash":  # the way out follows a redirect of the same host, as the store's own page may lead
        shop.before = lambda request: moved(request)
    joined = PLATFORM.pasted.enter(given, SETTINGS, http, datetime.now(UTC))
    client = Client(joined.domain, "USD", joined.grant, http, NoBudget(), SETTINGS)
    ref = shop.product("Caf\u00e9 & more", [1000, 2000])
    (product,) = PLATFORM.catalog.changed(client, None, None).products
    assert (product.title, len(product.variants)) == ("Caf\u00e9 & more", 2)
    order = PLATFORM.orders.one(client, shop.order(ref, 1, TOKEN))
    assert order is not None
    assert PLATFORM.checkout.tokens(order.snapshot)[0][0] == TOKEN
    hook = Hook(f"http://{shop.domain}/webhooks/woocommerce/k", "s" * 40)
    assert len(PLATFORM.webhooks.subscribe(client, hook)) == 8
    assert PLATFORM.webhooks.subscribe(client, hook) == []
    assert PLATFORM.authorize.profile(client).currency == "USD"
    http.close()


def moved(request: Sent) -> Reply | None:
    """GETs are redirected for real here; the kit itself follows them."""
    path, _, query = request.url.partition("?")
    if request.method == "GET" and "/wc/v3/" in path and not path.endswith("/"):
        return Reply(301, b"", {"Location": f"{path}/" + (f"?{query}" if query else "")})
    return None


def test_a_private_address_is_refused_before_anything_leaves(served: Served) -> None:
    assert PLATFORM.handover is not None
    with pytest.raises(HostRefused):
        PLATFORM.handover.locate(served.shop.domain, make_settings(), Outbound())
    assert served.shop.sent == []
