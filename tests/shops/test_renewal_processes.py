"""A grant at its expiry with real processes over one database: eight workers, and one that is killed in the middle.

The store is an HTTP server with Shopify's rule: a refresh token stays good until the one that it was traded for is
used, and never longer. So a pair that got lost costs nothing as long as the older one is asked with again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from connector import clock, db, outbound
from connector.commerce.shops import connect, grants, queries
from connector.commerce.shops.tables import GrantRow
from connector.db import Database, Scope
from connector.events import ShopProfile
from connector.platforms import roster
from connector.platforms.contract import Grant
from connector.platforms.shopify.settings import ShopifySettings
from tests.conftest import KEY

PROFILE = ShopProfile(
    shop_ref="1", domain="sample-shop.myshopify.com", name="Sample", currency="USD", time_zone="UTC"
)  # fmt: skip


class TokenEndpoint:
    """Trades refresh tokens; `asked` are those that it was given, in their order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.parent: dict[str, str] = {}
        self.dead: set[str] = set()
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                status, body = endpoint.trade(form["refresh_token"][0])
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def settings(self) -> dict[str, str]:
        return {
            "origin_template": f"http://127.0.0.1:{self.server.server_port}/shops/{{shop}}",
            "client_id": "renewals",
            "client_secret": "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",
        }

    def trade(self, used: str) -> tuple[int, dict[str, object]]:
        with self._lock:
            self.asked.append(used)
            if used in self.dead:
                return 400, {"error": "invalid_grant"}
            if used in self.parent:
                self.dead.add(self.parent[used])
            number = len(self.asked)
            self.parent[f"refresh-{number}"] = used
            return 200, {
                "access_token": f"access-{number}", "scope": "read_orders", "expires_in": 3600,
                "refresh_token": f"refresh-{number}", "refresh_token_expires_in": 7776000,
            }  # fmt: skip


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    made = TokenEndpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


def started(database: Database, endpoint: TokenEndpoint, *arguments: str) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CONNECTOR_ENV": "dev",
        "CONNECTOR_PUBLIC_URL": "http://127.0.0.1:1",
        "CONNECTOR_DATABASE_URL": database.url.render_as_string(hide_password=False),
        "CONNECTOR_SEALING_KEYS": KEY,
        "CONNECTOR_HASH_KEY": "a hash key that is used by tests only, 32+",
        "CONNECTOR_SESSION_KEY": "a session key that is used by tests only, 32+",
        **{f"SHOPIFY_{name.upper()}": value for name, value in endpoint.settings().items()},
    }
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("renewer.py")), *arguments],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_eight_workers_at_expiry_and_one_that_is_killed_between_answer_and_commit(
    database: Database, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = Grant("access-0", "refresh-0", (), clock.wall() - timedelta(seconds=1))
    with db.write(Scope.system("test")) as session:
        shop_id = connect.connect(session, "shopify", PROFILE, spent).id

    killed = started(database, endpoint, shop_id, "1", "die")
    _, problems = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, problems
    assert endpoint.asked == ["refresh-0"], "the store answered"
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(GrantRow, shop_id)
        assert (row.generation, row.lease_owner is None) == (1, False), "nothing of the answer was written"
        # Time goes by: the lease of who was killed runs out. (By itself, after half a minute.)
        session.execute(sa.update(GrantRow).values(lease_until=clock.wall() - timedelta(seconds=1)))

    workers = [started(database, endpoint, shop_id, "4") for _ in range(2)]
    said = [worker.communicate(timeout=90) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    # Eight got the same token, by one renewal, with the refresh token whose answer had got lost.
    assert [line for out, _ in said for line in out.split()] == ["access-2"] * 8
    assert endpoint.asked == ["refresh-0", "refresh-0"]
    with db.read(Scope.shop(shop_id)) as session:
        row = session.get_one(GrantRow, shop_id)
        assert (row.generation, row.lease_owner) == (2, None)
        assert queries.get(session, shop_id).status == "connected"

    # What is stored now goes on working, though the pair that got lost was never used.
    with db.write(Scope.shop(shop_id)) as session:
        session.execute(sa.update(GrantRow).values(expires_at=clock.wall() - timedelta(seconds=1)))
    own = ShopifySettings(CONNECTOR_ENV="dev", _env_file=None, **endpoint.settings())  # type: ignore[call-arg]
    monkeypatch.setattr(roster, "settings_of", lambda _slug: own)
    last = grants.client_for(shop_id, outbound.Outbound(allow_private=True))
    assert (last.grant.access_token, endpoint.asked[-1]) == ("access-3", "refresh-2")
