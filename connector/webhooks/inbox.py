"""The inbox: a delivery whose signature is right becomes a row before it is answered.

A repeat (COMMISSION.md, D2) makes no row: unique keys over (shop, topic, delivery ref) and, for a body that carries the
whole thing, over (shop, topic, body) turn it into `repeats + 1`. The event id never makes a repeat: one act sends
several topics under one. A repeated body with a later trigger time is news all the same: that version of the order
counts again (3b), so the row goes back to the drain with the later time.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

import sqlalchemy as sa
from isal import isal_zlib
from sqlalchemy.orm import Session

from connector import clock, db, vault
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.platforms import roster
from connector.platforms.contract import Delivery, Envelope, Platform
from connector.webhooks import line
from connector.webhooks.line import Receipt
from connector.webhooks.tables import DeliveryRow

Status = Literal["waiting", "failed", "parked", "quarantined", "done", "ignored"]
STATUSES: tuple[Status, ...] = ("waiting", "failed", "parked", "quarantined", "done", "ignored")
# Events whose body is the whole thing: an equal body is the same news.
_WHOLE = frozenset({"OrderSeen", "ProductSeen"})
LONGEST_NAME = 500  # characters of a reference or a host
_SECRET_HEADERS = ("hmac", "signature", "token", "secret")


def record(platform: Platform, envelope: Envelope, delivery: Delivery, *, now: datetime | None = None) -> Receipt:
    """Keep a verified delivery, durably, or raise: whoever gets a receipt may answer 200.

    Errors: SQLAlchemy's OperationalError and its like when the database is away, or busy beyond line.LOCK_WAIT_MS.
    """
    return line.of(db.current()).put(lambda: _row(platform, envelope, delivery, now))


def receive(platform: Platform, delivery: Delivery) -> Receipt:
    """Verify a delivery and keep it. Errors: SignatureRejected, then nothing is kept; as `record`."""
    settings = roster.settings_of(platform.slug)

    def make() -> line.Row:
        return _row(platform, platform.webhooks.verify(delivery, settings), delivery, None)

    return line.of(db.current()).put(make)


def _row(platform: Platform, envelope: Envelope, delivery: Delivery, now: datetime | None) -> line.Row:
    order_ref, product_ref = platform.webhooks.subject(envelope, delivery.body)
    digest = hashlib.sha256(delivery.body).hexdigest()
    return {
        "id": new_id("dlv"),
        "platform": platform.slug,
        "domain": _fit(envelope.domain) or "",
        "topic": envelope.topic.replace("\x00", "\ufffd"),
        "delivery_key": _key(platform.slug, envelope, "delivery", envelope.delivery_ref),
        "body_key": _key(platform.slug, envelope, "body", digest if _whole(platform, envelope.topic) else None),
        "delivery_ref": _fit(envelope.delivery_ref),
        "event_ref": _fit(envelope.event_ref),
        "triggered_at": envelope.triggered_at,
        "api_version": envelope.api_version,
        "received_at": now or clock.wall(),
        "headers": named_headers(platform, delivery.headers),
        "body_sealed": vault.current().seal(_packed(delivery.body)),
        "body_hash": digest,
        "body_size": len(delivery.body),
        "order_ref": _fit(order_ref),
        "product_ref": _fit(product_ref),
    }


def _fit(text: str | None) -> str | None:
    """A name as an index takes it; None for one that is none. The body is kept whole, whatever it names: PostgreSQL
    has no text with a zero in it and no index of long ones, and a receipt that fails would be sent again for days."""
    return text if text is not None and len(text) <= LONGEST_NAME and "\x00" not in text else None


def reject(platform_slug: str, reason: str) -> None:
    """Count a delivery that was refused before it was kept. Never raises: the refusal stands without the count.

    At most one write a second: a flood of bad requests must not take the writer from the good ones.
    """
    line.of(db.current()).count(platform_slug, reason)


def body_of(row: DeliveryRow) -> bytes | None:
    """The bytes as received; None after retention or erasure."""
    return None if row.body_sealed is None else zlib.decompress(vault.current().open(row.body_sealed))


def _packed(body: bytes) -> bytes:
    """In zlib's format, by the faster of its two makers: 8 kB become 1.5 kB in 4 µs, where zlib's own level 1 takes 28
    (70 with its usual window, whose 268 kB the system clears anew for every body)."""
    return isal_zlib.compress(body, 0)


def envelope_of(row: DeliveryRow) -> Envelope:
    return Envelope(
        domain=row.domain,
        topic=row.topic,
        delivery_ref=row.delivery_ref,
        event_ref=row.event_ref,
        triggered_at=row.triggered_at,
        api_version=row.api_version,
    )


def releasable(session: Session) -> bool:
    """Is there a parked delivery whose shop is connected now?"""
    return session.execute(_parked_of_connected().limit(1)).first() is not None


def release_parked(session: Session, *, limit: int = 1000) -> int:
    """Hand deliveries of shops that were not known at receipt, or had left, to the drain once the shop is connected."""
    waiting = session.execute(_parked_of_connected().order_by(DeliveryRow.id).limit(limit)).all()
    for delivery_id, shop_id in waiting:
        session.execute(
            sa.update(DeliveryRow)
            .where(DeliveryRow.id == delivery_id, DeliveryRow.status == "parked")
            .values(shop_id=shop_id, status="waiting", reason="", detail="", tries=0, next_try_at=None)
        )
    return len(waiting)


def _parked_of_connected() -> sa.Select[str, str]:
    return (
        sa.select(DeliveryRow.id, Shop.id)
        .join(Shop, sa.and_(Shop.platform == DeliveryRow.platform, Shop.domain == DeliveryRow.domain))
        .where(
            DeliveryRow.status == "parked",
            DeliveryRow.reason.in_(("unknown_store", "store_disconnected")),
            DeliveryRow.body_sealed.is_not(None),
            Shop.status == "connected",
        )
    )


def counts(session: Session, *, shop_id: str | None = None) -> list[tuple[str, str, int]]:
    """(status, reason, number), every status named, for the command and the health page."""
    query = sa.select(DeliveryRow.status, DeliveryRow.reason, sa.func.count()).group_by(
        DeliveryRow.status, DeliveryRow.reason
    )
    if shop_id is not None:
        query = query.where(DeliveryRow.shop_id == shop_id)
    found = {(status, reason): number for status, reason, number in session.execute(query)}
    for status in STATUSES:
        if not any(known == status for known, _ in found):
            found[status, ""] = 0
    return [
        (status, reason, found[status, reason])
        for status, reason in sorted(found, key=lambda pair: (STATUSES.index(pair[0]), pair[1]))
    ]


def named_headers(platform: Platform, headers: Mapping[str, str]) -> dict[str, str]:
    """The platform's own headers, without its signature. No cookies, no addresses."""
    prefixes = platform.header_prefixes or (f"x-{platform.slug}-",)
    return {name: value[:500] for name, value in headers.items() if _kept(prefixes, name)}


@lru_cache(1024)
def _kept(prefixes: tuple[str, ...], name: str) -> bool:
    return name.startswith(prefixes) and not any(secret in name for secret in _SECRET_HEADERS)


def _whole(platform: Platform, topic: str) -> bool:
    return platform.webhooks.topics.get(topic) in _WHOLE


def _key(slug: str, envelope: Envelope, kind: str, part: str | None) -> str | None:
    if part is None:
        return None
    text = "\x00".join((slug, envelope.domain, envelope.topic, kind, part))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def due_again(tries: int) -> timedelta:
    """How long a failed delivery waits before its next try: 5 s, growing fourfold, at most an hour."""
    return min(timedelta(seconds=5 * 4 ** max(0, tries - 1)), timedelta(hours=1))
