"""The file for a data request: everything that we hold of a person, for the merchant, sealed until it is fetched.

It goes to the merchant and to nobody else: behind their own sign-in, for a fortnight, each fetch in the audit log.
Support may fetch it for them with a reason. The names of creators and of other buyers are not in it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, vault
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.db import Scope, new_id
from connector.earnings.attribution.tables import Touch
from connector.errors import Conflict, InputRefused, NotFound
from connector.operations.privacy import search
from connector.operations.privacy.tables import PrivacyExport, PrivacyRequest
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow

KEPT = timedelta(days=14)


def make(request_id: str, shop_id: str, *, by: str) -> str:
    """Write the file anew from what was found; its id. An earlier one of the same request is dropped.

    Errors: Conflict when the request was called off meanwhile.
    """
    with db.read(Scope.shop(shop_id)) as session:
        request = session.get_one(PrivacyRequest, request_id)
        text = json.dumps(_content(session, request), ensure_ascii=False, indent=2).encode()
    sealed = vault.current().seal(zlib.compress(text, 6))
    now = clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(PrivacyRequest, request_id, with_for_update=True)
        if row.status == "cancelled":
            raise Conflict(f"{request_id} was called off", public="The request was called off: there is no file.")
        session.execute(sa.update(PrivacyExport).where(PrivacyExport.request_id == request_id).values(sealed=None))
        made = PrivacyExport(
            id=new_id("pex"), request_id=request_id, shop_id=shop_id, sealed=sealed, size=len(text),
            sha256=hashlib.sha256(text).hexdigest(), made_at=now, made_by=by, expires_at=now + KEPT, fetched=0,
        )  # fmt: skip
        session.add(made)
        row.status, row.reason, row.detail, row.resume_at = "ready", "", "", None
        audit.record(session, by, "privacy.export", request_id, shop_id=shop_id, export=made.id, bytes=made.size)
    return made.id


def _content(session: Session, request: PrivacyRequest) -> dict[str, Any]:
    whom = search.about(request)
    shop = shops.get(session, request.shop_id)
    orders = session.scalars(
        sa.select(Order).where(Order.id.in_(search.refs(session, request.id, "order"))).order_by(Order.placed_at)
    )
    taps = session.scalars(
        sa.select(Touch).where(Touch.id.in_(search.refs(session, request.id, "touch"))).order_by(Touch.at)
    )
    deliveries = session.scalars(
        sa.select(DeliveryRow)
        .where(DeliveryRow.id.in_(search.refs(session, request.id, "delivery")), DeliveryRow.id != request.delivery_id)
        .order_by(DeliveryRow.id)
    )
    return {
        "about": {"customer": whom.customer_ref, "email": whom.email, "phone": whom.phone},
        "request": {"id": request.id, "number_at_the_store": request.request_ref or None,
                    "asked_at": request.asked_at.isoformat(), "answer_until": request.due_at.isoformat()},
        "shop": shop.domain,
        "made_at": clock.wall().isoformat(),
        "orders": [_order(order) for order in orders],
        "taps": [
            {"at": touch.at.isoformat(), "kind": touch.kind, "product": touch.product_ref,
             "journey_kept": touch.journey is not None, "device_kept": touch.device_hash is not None}
            for touch in taps
        ],
        "messages": [_message(row) for row in deliveries],
    }  # fmt: skip


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number, "id_at_the_store": order.order_ref, "placed_at": order.placed_at.isoformat(),
        "currency": order.currency, "buyer_kept_as_hash": order.buyer_hash is not None,
        "as_we_keep_it": json.loads(order.snapshot), "refunds": json.loads(order.refunds),
    }  # fmt: skip


def _message(row: DeliveryRow) -> dict[str, Any]:
    raw = inbox.body_of(row)
    body: Any = None
    if raw is not None:
        try:
            body = json.loads(raw)
        except (ValueError, UnicodeDecodeError, RecursionError):
            body = raw.decode("utf-8", "replace")
    return {"topic": row.topic, "received_at": row.received_at.isoformat(), "body": body}


def open_file(session: Session, export_id: str, *, by: str, shop_id: str | None = None, why: str = "") -> bytes:
    """The file's bytes; written to the audit log. With `shop_id` only that shop's own.

    A merchant who has it is answered: the request is done, and whom it was about is forgotten here.
    Errors: NotFound; Conflict when its time is over.
    """
    row = session.get(PrivacyExport, export_id, with_for_update=True)
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise NotFound(f"no file has the id {export_id[:40]!r}")
    now = clock.wall()
    if row.sealed is None or row.expires_at <= now:
        raise Conflict(f"{row.id} is gone", public="The file's time is over. Support can have it made again.")
    text = zlib.decompress(vault.current().open(row.sealed))
    row.fetched, row.fetched_at = row.fetched + 1, now
    audit.record(session, by, "privacy.fetch", row.request_id, shop_id=row.shop_id, export=row.id, why=why)
    request = session.get_one(PrivacyRequest, row.request_id, with_for_update=True)
    if by.startswith("merchant:") and request.status == "ready":
        answered(session, request, row)
    return text


def answered(session: Session, request: PrivacyRequest, row: PrivacyExport) -> None:
    """The merchant has the file: the request is closed. The file stays for its time, in case it is lost on the way."""
    request.status, request.done_at = "done", clock.wall()
    request.subject_sealed = request.subject_hash = None
    request.proof = {
        "request": request.id, "kind": request.kind, "shop": request.shop_id, "request_ref": request.request_ref,
        "asked_at": request.asked_at.isoformat(), "due_at": request.due_at.isoformat(), "found": dict(request.found),
        "done_at": request.done_at.isoformat(), "file_sha256": row.sha256, "file_bytes": row.size,
    }  # fmt: skip
    text = json.dumps(request.proof, sort_keys=True, separators=(",", ":"))
    request.proof_hash = hashlib.sha256(text.encode()).hexdigest()
    audit.record(
        session, "connector", "privacy.done", request.id, shop_id=request.shop_id, kind=request.kind,
        proof=request.proof_hash,
    )  # fmt: skip


def hand_over(session: Session, request_id: str, *, by: str, why: str) -> None:
    """Support gave the file to the merchant by another way: the request is closed. Errors: Conflict; InputRefused."""
    if not why.strip() or len(why) > 500:
        raise InputRefused("why", "is empty or too long.", "Say how the merchant got it.")
    request = session.get_one(PrivacyRequest, request_id, with_for_update=True)
    row = newest(session, request_id)
    if request.status != "ready" or row is None:
        raise Conflict(f"{request_id} is {request.status}", public="There is no file that waits to be handed over.")
    audit.record(session, by, "privacy.hand_over", request_id, shop_id=request.shop_id, why=why.strip())
    answered(session, request, row)


def newest(session: Session, request_id: str) -> PrivacyExport | None:
    return session.scalars(
        sa.select(PrivacyExport)
        .where(PrivacyExport.request_id == request_id)
        .order_by(PrivacyExport.id.desc())
        .limit(1)
    ).first()


def drop_expired() -> int:
    """A chore: files whose time is over go; how many. The facts about them stay."""
    with db.write(Scope.system("files of privacy requests whose time is over, of all shops")) as session:
        done = session.execute(
            sa.update(PrivacyExport)
            .where(PrivacyExport.sealed.is_not(None), PrivacyExport.expires_at <= clock.wall())
            .values(sealed=None)
        )
        return int(done.rowcount)  # type: ignore[attr-defined]
