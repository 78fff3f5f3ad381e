"""What we hold of a person: orders by the store's word and by keyed hash, bodies by order and by their words, touches.

Bodies are opened one by one, since only their index by order is in the clear; a search of a shop's month of deliveries
is a minute's work. What is found is named by id and never copied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, vault
from connector.commerce.orders import record
from connector.commerce.orders.tables import Order, OrderVersion
from connector.db import Scope
from connector.earnings.attribution import forget
from connector.events import Buyer
from connector.operations.privacy.tables import PrivacyFinding, PrivacyRequest
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow

PAGE = 200
LONG = 9  # digits from which on a number is nobody else's


def about(request: PrivacyRequest) -> Buyer:
    """Whom it is about; nobody once it is closed."""
    if request.subject_sealed is None:
        return record.NOBODY
    return Buyer(*json.loads(vault.current().open(request.subject_sealed)))


def search(request_id: str, shop_id: str) -> None:
    """Write down everything that is found; goes on where a killed search stopped. Searching again adds what is new."""
    with db.write(Scope.shop(shop_id)) as session:
        request = session.get_one(PrivacyRequest, request_id)
        whom = about(request)
        orders = _orders(session, request, whom)
        refs = {ref for ref, _, _ in orders} | set(request.order_refs)
        for _, order_id, why in orders:
            _note(session, request_id, "order", order_id, why)
        for touch_id in forget.touches_of(session, shop_id, [order_id for _, order_id, _ in orders]):
            _note(session, request_id, "touch", touch_id, "led_to_order")
        after = request.scanned_to
    marks = _marks(whom)
    for rows in _pages(shop_id, after):
        jobs.check()
        found = [(row.id, why) for row in rows if (why := _why(row, refs, marks))]
        with db.write(Scope.shop(shop_id)) as session:
            for delivery_id, why in found:
                _note(session, request_id, "delivery", delivery_id, why)
            row = session.get_one(PrivacyRequest, request_id)
            row.scanned_to, row.heard_at = rows[-1].id, clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        session.get_one(PrivacyRequest, request_id).found = counts(session, request_id)


def counts(session: Session, request_id: str) -> dict[str, int]:
    """{kind of thing: how many}."""
    rows = session.execute(
        sa.select(PrivacyFinding.kind, sa.func.count())
        .where(PrivacyFinding.request_id == request_id)
        .group_by(PrivacyFinding.kind)
        .order_by(PrivacyFinding.kind)
    )
    return {str(row[0]): int(row[1]) for row in rows}


def refs(session: Session, request_id: str, kind: str) -> list[str]:
    """Ids of what was found of a kind."""
    return list(
        session.scalars(
            sa.select(PrivacyFinding.ref)
            .where(PrivacyFinding.request_id == request_id, PrivacyFinding.kind == kind)
            .order_by(PrivacyFinding.ref)
        )
    )


def _orders(session: Session, request: PrivacyRequest, whom: Buyer) -> list[tuple[str, str, str]]:
    """(order ref, order, why) of the orders named, and of those of the same buyer by any of their marks."""
    mine = sa.select(Order.order_ref, Order.id).where(Order.shop_id == request.shop_id)
    found = {row.id: (row.order_ref, "order_named") for row in
             session.execute(mine.where(Order.order_ref.in_(request.order_refs)))}  # fmt: skip
    known = [Buyer(whom.customer_ref), Buyer(email=whom.email), Buyer(phone=whom.phone)]
    hashes = [text for each in known if (text := record.buyer_hash(request.shop_id, each))]
    if hashes:
        of_versions = sa.select(OrderVersion.order_id).where(OrderVersion.buyer_hash.in_(hashes))
        same = mine.where(sa.or_(Order.buyer_hash.in_(hashes), Order.id.in_(of_versions)))
        for row in session.execute(same):
            found.setdefault(row.id, (row.order_ref, "same_buyer"))
    return [(ref, order_id, why) for order_id, (ref, why) in sorted(found.items())]


def _pages(shop_id: str, after: str) -> Iterator[list[DeliveryRow]]:
    """A shop's deliveries that have a body still, oldest first."""
    while True:
        with db.read(Scope.shop(shop_id)) as session:
            rows = list(
                session.scalars(
                    sa.select(DeliveryRow)
                    .where(DeliveryRow.shop_id == shop_id, DeliveryRow.id > after, DeliveryRow.body_sealed.is_not(None))
                    .order_by(DeliveryRow.id)
                    .limit(PAGE)
                )
            )
        if not rows:
            return
        yield rows
        after = rows[-1].id


def _marks(whom: Buyer) -> list[tuple[str, re.Pattern[bytes]]]:
    """What betrays a person in a body: the customer's number, an e-mail address, a telephone number.

    A long number is a customer's wherever it stands. A short one (`42`) may be a quantity, so it counts only where a
    body says that it is a customer's.
    """
    marks = []
    if whom.customer_ref:
        number = rb'"?' + re.escape(whom.customer_ref.encode()) + rb"(?![0-9A-Za-z])"
        alone = rb"(?<![0-9A-Za-z])" + number.removeprefix(rb'"?')
        said = rb"|".join(
            (
                rb'\Acustomers?\W[^\n]*\n\s*\{[^{}]*?"id"\s*:\s*' + number,
                rb'"customer_?id"\s*:\s*' + number,
                rb'"customer"\s*:\s*\{[^{}]*?"id"\s*:\s*' + number,
                rb"/Customer/" + number.removeprefix(rb'"?'),
            )
        )
        marks.append(("customer_id", re.compile(alone if len(whom.customer_ref) >= LONG else said, re.IGNORECASE)))
    if whom.email and whom.email.strip():
        marks.append(("contact", re.compile(re.escape(whom.email.strip().encode()), re.IGNORECASE)))
    digits = re.sub(r"\D", "", whom.phone or "")
    if len(digits) >= 6:
        # However the store writes it: spaces, dashes and brackets between the digits.
        marks.append(
            ("contact", re.compile(rb"[\s().-]{0,2}".join(digits.encode()[n : n + 1] for n in range(len(digits)))))
        )
    return marks


def _why(row: DeliveryRow, order_refs: set[str], marks: list[tuple[str, re.Pattern[bytes]]]) -> str:
    if row.order_ref is not None and row.order_ref in order_refs:
        return "order_named"
    # With its topic in front: of a message about a customer the first id is the customer's.
    text = row.topic.encode() + b"\n" + (inbox.body_of(row) or b"")
    return next((why for why, pattern in marks if pattern.search(text)), "")


def _note(session: Session, request_id: str, kind: str, ref: str, why: str) -> None:
    insert = db.insert(session, PrivacyFinding).values(
        request_id=request_id, kind=kind, ref=ref, why=why, erased_at=None, act=""
    )
    session.execute(insert.on_conflict_do_nothing(index_elements=["request_id", "kind", "ref"]))
