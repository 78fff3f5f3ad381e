"""What Prometheus is told of the state of things: counted in the database when it asks, not kept in a process."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.insight.market import index
from connector.sync.tables import SyncRun
from connector.webhooks.tables import DeliveryRow, RejectedCount


class StateCollector(Collector):
    """Inbox by status, age of the oldest waiting delivery, refused signatures, sync runs, shops, lag of the search."""

    def collect(self) -> Iterable[Metric]:
        with db.read(Scope.system("metrics count over all shops")) as session:
            yield _by(session, "connector_deliveries", "Deliveries in the inbox, by status.", DeliveryRow.status)
            yield _by(session, "connector_sync_runs", "Sync runs, by status.", SyncRun.status)
            yield _by(session, "connector_shops", "Shops, by status.", Shop.status)
            oldest = session.scalar(
                sa.select(sa.func.min(DeliveryRow.received_at)).where(DeliveryRow.status == "waiting")
            )
            age = 0.0 if oldest is None else max(0.0, (clock.wall() - oldest).total_seconds())
            yield GaugeMetricFamily(
                "connector_oldest_waiting_seconds", "Age of the oldest delivery that waits.", value=age
            )
            behind = index.lag(session)
            yield GaugeMetricFamily(
                "connector_search_waiting", "Changed listings that the search index has not taken in.",
                value=behind.waiting,
            )  # fmt: skip
            since = 0.0 if behind.since is None else max(0.0, (clock.wall() - behind.since).total_seconds())
            yield GaugeMetricFamily("connector_search_lag_seconds", "Age of the oldest of these changes.", value=since)
            rejected = GaugeMetricFamily(
                "connector_rejected_deliveries", "Requests refused before they were kept, by reason.",
                labels=["platform", "reason"],
            )  # fmt: skip
            rows = session.execute(
                sa.select(RejectedCount.platform, RejectedCount.reason, sa.func.sum(RejectedCount.count)).group_by(
                    RejectedCount.platform, RejectedCount.reason
                )
            )
            for platform, reason, number in rows:
                rejected.add_metric([platform, reason], int(number))
            yield rejected


def _by(session: sa.orm.Session, name: str, words: str, column: sa.orm.InstrumentedAttribute[str]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["status"])
    for status, number in session.execute(sa.select(column, sa.func.count()).group_by(column)):
        family.add_metric([status], int(number))
    return family
