"""Shopify's face: its parts over the shared store, wired together once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema

from sandbox.shopify.bodies import compliance_body
from sandbox.shopify.bulk import Bulk
from sandbox.shopify.check_schema import load_subset
from sandbox.shopify.cost import Bucket
from sandbox.shopify.deliveries import Deliveries, Subscriptions
from sandbox.shopify.face import Shopify
from sandbox.shopify.oauth import App, OAuth
from sandbox.store.store import Store as Shared
from sandbox.store.store import StoreSettings, json_answer


@dataclass(frozen=True)
class Settings:
    """How the stand-in Shopify was started."""

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

    def shared(self) -> StoreSettings:
        return StoreSettings(
            self.state_dir, self.base_url, self.clock_file, self.retry_compression, self.delivery_threads
        )


class Store:
    """All Shopify shops, over a store of its own unless it is given one that other platforms share."""

    def __init__(self, settings: Settings, shared: Shared | None = None) -> None:
        self.settings = settings
        self.shared = shared or Shared(settings.shared())
        self.state, self.clock = self.shared.state, self.shared.clock
        self.misbehaviour, self.acts = self.shared.misbehaviour, self.shared.acts
        self.schema: GraphQLSchema = load_subset()
        self.oauth = OAuth(self.state, settings.app)
        self.subscriptions = Subscriptions(self.state, self.clock)
        self.deliveries = Deliveries(self.shared.sending, compliance_uri=settings.compliance_uri)
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
        self.shared.faces[Shopify.platform] = Shopify(
            self.state, self.oauth, self.deliveries, settings.base_url, settings.app.client_secret
        )
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
            self.deliveries.uninstalled(self.state.shop(shop))
            self.oauth.revoke(shop)

    def compliance(self, name: str, topic: str, wanted: dict[str, Any]) -> int | None:
        shop = self.state.shop(name)
        after = float(wanted.get("after_hours", 0)) * 3600
        return self.deliveries.emit_compliance(shop, topic, compliance_body(topic, shop, wanted), after=after)

    def start(self) -> None:
        self.shared.start()

    def stop(self) -> None:
        self.bulk.stop()
        self.shared.stop()


__all__ = ["Settings", "Store", "json_answer"]
