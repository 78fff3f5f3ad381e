"""The running stand-in: its parts, wired together once. Every view finds it as `here`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, current_app
from graphql import GraphQLSchema
from werkzeug.local import LocalProxy

from sandbox.shopify import wire
from sandbox.shopify.acts import Acts
from sandbox.shopify.bulk import Bulk
from sandbox.shopify.check_schema import load_subset
from sandbox.shopify.clock import Clock
from sandbox.shopify.cost import Bucket
from sandbox.shopify.deliveries import Deliveries, Subscriptions
from sandbox.shopify.misbehaviour import Misbehaviour
from sandbox.shopify.oauth import App, OAuth
from sandbox.shopify.state import State


@dataclass(frozen=True)
class Settings:
    """How the stand-in was started."""

    state_dir: Path
    base_url: str  # http://127.0.0.1:P
    app: App
    clock_file: Path | None = None
    compliance_uri: str | None = None
    retry_compression: float = 240.0  # Shopify's 4 hours of retries take a minute
    delivery_threads: int = 4
    bulk_seconds: float = 0.0
    bucket_size: float = 2000.0
    restore_rate: float = 100.0


class Store:
    """All shops of one stand-in Shopify."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State(settings.state_dir)
        self.clock = Clock(settings.clock_file)
        self.schema: GraphQLSchema = load_subset()
        self.misbehaviour = Misbehaviour(self.state)
        self.oauth = OAuth(self.state, settings.app)
        self.subscriptions = Subscriptions(self.state, self.clock)
        self.deliveries = Deliveries(
            self.state,
            self.clock,
            self.misbehaviour,
            settings.app.client_secret,
            compression=settings.retry_compression,
            threads=settings.delivery_threads,
            compliance_uri=settings.compliance_uri,
        )
        self.bulk = Bulk(
            self.state,
            self.clock,
            self.schema,
            self.deliveries,
            self.misbehaviour,
            base_url=settings.base_url,
            secret=settings.app.client_secret,
            least_seconds=settings.bulk_seconds,
        )
        self.acts = Acts(self.state, self.clock, self.deliveries, settings.base_url)
        self._buckets: dict[str, Bucket] = {}
        self._lock = threading.Lock()

    def origin(self, shop: str) -> str:
        return f"{self.settings.base_url}/shops/{shop}"

    def bucket(self, shop: str) -> Bucket:
        """The shop's points. The size is 20 seconds' worth of its plan's rate."""
        with self._lock:
            if shop not in self._buckets:
                self._buckets[shop] = Bucket(self.settings.bucket_size, self.settings.restore_rate)
            return self._buckets[shop]

    def uninstall(self, shop: str) -> None:
        """The merchant removes the app: tokens die, app/uninstalled goes out."""
        with self.state.writing():
            self.acts.uninstalled(shop)
            self.oauth.revoke(shop)

    def start(self) -> None:
        self.deliveries.start()

    def stop(self) -> None:
        self.bulk.stop()
        self.deliveries.stop()
        self.state.close()


def _of_this_app() -> Store:
    found: Store = current_app.config["STORE"]
    return found


# The store that the request at hand is for: what views of this process speak to.
here: Store = LocalProxy(_of_this_app)  # type: ignore[assignment]


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    answer = Response(wire.dumps(body), status, content_type="application/json; charset=utf-8")
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer
