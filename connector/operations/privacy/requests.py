"""Privacy requests from their arrival to their end, and the job that answers them.

    customer_data    search, make the file; the merchant fetches it
    customer_erase   search, erase, keep the proof
    shop_erase       erase the shop, unless it came back; keep the proof

Nobody needs to press anything: a request is answered when it arrives. What can't be done at once (hashes of an order
whose decisions aren't final yet) is done when it can, and the request says until when it waits. Thirty days are the
law's; a request that is not done a week before that is on the list of what needs a person.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs, telemetry, vault
from connector.commerce.orders import record
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.earnings.intake.portion import said
from connector.errors import Conflict, ConnectorError, InputRefused, NotFound
from connector.events import Buyer, PrivacyAsked
from connector.operations.privacy import erase, export, search
from connector.operations.privacy.tables import PrivacyRequest
from connector.platforms import roster
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow

DAYS = timedelta(days=30)
SOON = timedelta(days=7)  # so long before its deadline an open request needs a person
TRIES = 6
SILENT = timedelta(minutes=10)  # a running one that was not heard of is taken up again
OPEN = ("waiting", "running", "ready", "failed")
KINDS = ("customer_data", "customer_erase", "shop_erase")
WHY = "which privacy requests are open, over all shops"
_log = telemetry.logger(__name__)


@jobs.workflow("privacy.answer")
def answer(delivery_id: str) -> str:
    """The job of a delivery that asks: its request is made once, then answered as far as it can be now."""
    for tries in range(TRIES):
        try:
            request_id = from_delivery(delivery_id)
            break
        except OperationalError:
            if tries + 1 == TRIES:
                raise  # the chore finds the delivery again
            jobs.pause(2.0**tries)
    if request_id:
        work(request_id)
    return request_id


@jobs.workflow("privacy.resume")
def resume(request_id: str) -> str:
    """The job that goes on with a request: its time has come, or a worker died over it."""
    work(request_id)
    return request_id


def from_delivery(delivery_id: str) -> str:
    """Make the request that a delivery asks for; its id. Asked again it is the same one. "": it can't be read any more.

    Errors: NotFound.
    """
    with db.read(Scope.system("a job begins with a delivery's id and learns the shop from it")) as session:
        row = session.get(DeliveryRow, delivery_id)
        if row is None or row.shop_id is None:
            raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
        known = session.scalar(sa.select(PrivacyRequest.id).where(PrivacyRequest.delivery_id == delivery_id))
        shop = shops.get(session, row.shop_id)
    if known is not None:
        return known
    body = inbox.body_of(row)
    if body is None:
        return ""
    events = roster.platform(shop.platform).webhooks.translate(inbox.envelope_of(row), body, shop.currency)
    (asked,) = [event for event in events if isinstance(event, PrivacyAsked)]
    with db.write(Scope.shop(shop.id)) as session:
        made = _make(
            session, shop.id, asked.kind, asked.about, asked.order_refs, by="store",
            delivery_id=delivery_id, request_ref=asked.request_ref, asked_at=row.received_at,
        )  # fmt: skip
        if asked.kind == "shop_erase":
            late = row.triggered_at is not None and shop.left_at is not None and row.triggered_at < shop.left_at
            _call_off_where_the_rule_says(session, made, shops.get(session, shop.id), late)
        return made.id


def ask(
    session: Session, shop_id: str, kind: str, *, by: str, about: Buyer = record.NOBODY, order_refs: Sequence[str] = ()
) -> PrivacyRequest:
    """A request that reached us otherwise (a letter, a call). A worker answers it.

    Errors: NotFound (shop); InputRefused when it names nobody; Conflict for a shop that is connected.
    """
    shop = shops.get(session, shop_id)
    if kind not in KINDS:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of request.", f"Use {', '.join(KINDS)}.")
    if kind == "shop_erase" and shop.status != "left":
        raise Conflict(f"{shop.domain} is {shop.status}: only a shop that has left is erased.")
    if kind != "shop_erase" and about == record.NOBODY and not order_refs:
        raise InputRefused("customer", "is missing.", "Name the store's customer id, an e-mail address, or an order.")
    made = _make(session, shop_id, kind, about, order_refs, by=by)
    audit.record(session, by, "privacy.ask", made.id, shop_id=shop_id, kind=kind, orders=len(order_refs))
    jobs.enqueue(session, "privacy.resume", f"{made.id}:first", shop_id=shop_id, request_id=made.id)
    return made


def _make(
    session: Session, shop_id: str, kind: str, about: Buyer, order_refs: Sequence[str], *, by: str,
    delivery_id: str | None = None, request_ref: str = "", asked_at: datetime | None = None,
) -> PrivacyRequest:  # fmt: skip
    asked_at = asked_at or clock.wall()
    whom = json.dumps([about.customer_ref, about.email, about.phone])
    nobody = about == record.NOBODY
    made = PrivacyRequest(
        id=new_id("prv"), shop_id=shop_id, kind=kind, delivery_id=delivery_id, request_ref=request_ref, asked_by=by,
        asked_at=asked_at, due_at=asked_at + DAYS, status="waiting",
        subject_sealed=None if nobody else vault.current().seal(whom), subject_hash=record.buyer_hash(shop_id, about),
        order_refs=list(order_refs), found={}, erased={}, proof={}, heard_at=clock.wall(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _call_off_where_the_rule_says(session: Session, request: PrivacyRequest, shop: Shop, late: bool) -> bool:
    """A shop that is connected again isn't erased; nor one that left anew since: that leaving has its own request."""
    reason = "shop_came_back" if shop.status != "left" else "older_than_last_leave" if late else ""
    if reason:
        _call_off(session, request, reason, "")
        audit.record(session, "connector", "privacy.cancel", request.id, shop_id=shop.id, reason=reason)
    return bool(reason)


def _call_off(session: Session, request: PrivacyRequest, reason: str, detail: str) -> None:
    request.status, request.reason, request.detail = "cancelled", reason, detail
    request.subject_sealed = request.subject_hash = None
    request.done_at, request.resume_at = clock.wall(), None
    session.flush()


def work(request_id: str) -> str:
    """Do what can be done now; the status afterwards. May be killed at any point and called again.

    What fails is written down and taken up again; a stop of the worker passes through.
    """
    with db.read(Scope.system("a job begins with a request's id and learns the shop from it")) as session:
        request = get(session, request_id)
    if request.status not in ("waiting", "running", "failed"):
        return request.status
    try:
        return _steps(request)
    except Exception as error:
        _log.error(
            "privacy.failed", request_id=request_id, exc_info=None if isinstance(error, ConnectorError) else error
        )
        with db.write(Scope.shop(request.shop_id)) as session:
            row = get(session, request_id, lock=True)
            if row.status == "cancelled":  # somebody, or an erasure, was faster
                return "cancelled"
            row.status, row.detail, row.heard_at = "failed", said(error), clock.wall()
        return "failed"


def _steps(request: PrivacyRequest) -> str:
    with db.write(Scope.shop(request.shop_id)) as session:
        row = get(session, request.id, lock=True)
        if row.kind == "shop_erase" and _call_off_where_the_rule_says(
            session, row, shops.get(session, row.shop_id), late=False
        ):
            return "cancelled"
        row.status, row.reason, row.detail, row.heard_at = "running", "", "", clock.wall()
    if request.kind == "shop_erase":
        return erase.shop(request.id, request.shop_id)
    search.search(request.id, request.shop_id)
    if request.kind == "customer_erase":
        return erase.person(request.id, request.shop_id)
    export.make(request.id, request.shop_id, by="connector")
    return "ready"


def cancel(session: Session, request_id: str, *, by: str, why: str) -> None:
    """Call an open request off: what was erased stays erased. Errors: NotFound; InputRefused; Conflict."""
    if not why.strip() or len(why) > 500:
        raise InputRefused("why", "is empty or too long.", "Say in a sentence why: the law may ask.")
    row = get(session, request_id, lock=True)
    if row.status not in OPEN:
        raise Conflict(f"{row.id} is {row.status}", public="It is closed already.")
    _call_off(session, row, "called_off", why.strip())
    audit.record(session, by, "privacy.cancel", row.id, shop_id=row.shop_id, why=why.strip())


def again(session: Session, request_id: str, *, by: str) -> None:
    """Take an open request up now instead of at its time. Errors: NotFound; Conflict when it is closed."""
    row = get(session, request_id, lock=True)
    if row.status not in ("waiting", "running", "failed"):
        raise Conflict(
            f"{row.id} is {row.status}", public="There is nothing to run: it is closed, or its file is made."
        )
    row.resume_at = clock.wall()
    audit.record(session, by, "privacy.run", row.id, shop_id=row.shop_id)
    jobs.enqueue(
        session, "privacy.resume", f"{row.id}:{clock.wall():%Y%m%dT%H%M%S}", shop_id=row.shop_id, request_id=row.id
    )


def wake_due() -> int:
    """A chore: take up what waits for its time, failed, or was left by a dead worker; how many."""
    now = clock.wall()
    due = sa.or_(
        PrivacyRequest.resume_at <= now,
        sa.and_(PrivacyRequest.resume_at.is_(None), PrivacyRequest.heard_at < now - SILENT),
    )
    unheard = sa.select(DeliveryRow.id, DeliveryRow.shop_id).where(
        DeliveryRow.reason == "privacy_request",
        DeliveryRow.status == "done",
        DeliveryRow.body_sealed.is_not(None),
        DeliveryRow.done_at < now - SILENT,
        DeliveryRow.id.not_in(sa.select(PrivacyRequest.delivery_id).where(PrivacyRequest.delivery_id.is_not(None))),
    )
    with db.read(Scope.system(WHY)) as session:
        lost = session.execute(unheard).all()
        asked = sa.select(PrivacyRequest.id, PrivacyRequest.shop_id).where(
            PrivacyRequest.status.in_(("waiting", "running", "failed")), due
        )
        rows = session.execute(asked).all()
    # Ten minutes in the key: several workers wake it once.
    span = f"{now:%Y%m%dT%H}{now.minute // 10}"
    for delivery_id, shop_id in lost:
        with db.write(Scope.shop(shop_id or "")) as session:
            key = f"{delivery_id}:{span}"
            jobs.enqueue(session, "privacy.answer", key, shop_id=shop_id, delivery_id=delivery_id)
    for request_id, shop_id in rows:
        with db.write(Scope.shop(shop_id)) as session:
            key = f"{request_id}:{span}"
            jobs.enqueue(session, "privacy.resume", key, shop_id=shop_id, request_id=request_id)
    return len(rows) + len(lost)


def get(session: Session, request_id: str, *, lock: bool = False) -> PrivacyRequest:
    """Errors: NotFound."""
    row = session.get(PrivacyRequest, request_id, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFound(f"no privacy request has the id {request_id[:40]!r}")
    return row


def about(request: PrivacyRequest) -> Buyer:
    """Whom it is about; nobody once it is closed."""
    return search.about(request)


def overdue(session: Session) -> tuple[int, int]:
    """(open ones whose deadline has passed, open ones whose deadline is within a week)."""
    now = clock.wall()
    opened = PrivacyRequest.status.in_(OPEN)
    count = sa.select(sa.func.count()).select_from(PrivacyRequest)
    past = session.scalar(count.where(opened, PrivacyRequest.due_at <= now)) or 0
    soon = session.scalar(count.where(opened, PrivacyRequest.due_at > now, PrivacyRequest.due_at <= now + SOON)) or 0
    return past, soon
