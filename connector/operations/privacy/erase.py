"""Erasure, a small transaction at a time, and the proof of it.

A body that is done with goes as a whole. One that still has something to do (waiting, failed, parked, quarantined) has
the person cut out of it and stays, so that no order is lost. Hashes of buyers, journeys and devices go once the
decisions that were made with them are final: the ledger doesn't move (F9). The proof names what went by our own ids and
counts, and nobody.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from connector import audit, clock, db, jobs, vault
from connector.commerce.catalog import forget as catalog
from connector.commerce.orders import record
from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import ApiBudget, GrantRow
from connector.db import Scope
from connector.earnings.attribution import forget
from connector.earnings.attribution.tables import DueForPin, TokenBuyer
from connector.errors import Conflict
from connector.events import Buyer
from connector.insight.feeds import feeds, files
from connector.operations.privacy import cut, search
from connector.operations.privacy.tables import PrivacyExport, PrivacyFinding, PrivacyRequest
from connector.programme.collaborations import forgetting
from connector.programme.policies import screening, violations
from connector.programme.samples import forgetting as samples
from connector.sync.tables import SEEN, SyncImage, SyncNote, SyncRefusal, SyncRun
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow, ShopSubscription, WantedRead

BATCH = 100
WHO = "connector"


class CameBack(Conflict):
    """The shop was connected again while it was being erased: what is gone is gone, and nothing more goes."""


def person(request_id: str, shop_id: str) -> str:
    """Erase what the search found; the status afterwards: done, or running until the last decision is final."""
    with db.read(Scope.shop(shop_id)) as session:
        deliveries = search.refs(session, request_id, "delivery")
    _bodies(request_id, shop_id, deliveries)
    _files(request_id, shop_id)
    later = _orders(request_id, shop_id)
    if later is not None:
        return _wait(request_id, shop_id, later)
    with db.write(Scope.shop(shop_id)) as session:
        touches = search.refs(session, request_id, "touch")
        forget.forget_touches(session, touches)
        _mark(session, request_id, "touch", touches, "hash_dropped")
    return _done(request_id, shop_id)


def _bodies(request_id: str, shop_id: str, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), BATCH):
        jobs.check()
        with db.write(Scope.shop(shop_id)) as session:
            rows = session.scalars(
                sa.select(DeliveryRow).where(DeliveryRow.id.in_(ids[start : start + BATCH])).with_for_update()
            ).all()
            for row in rows:
                act = body(row)
                if act:
                    _mark(session, request_id, "delivery", [row.id], act)
            session.get_one(PrivacyRequest, request_id).heard_at = clock.wall()


def body(row: DeliveryRow) -> str:
    """Drop a body, or cut the person out of one that isn't done with: `dropped`, `cut`, or "" when there is nothing."""
    raw = inbox.body_of(row)
    if raw is None or (row.body_cut_at is not None and row.status not in ("done", "ignored")):
        return ""
    if row.status not in ("done", "ignored"):
        return _cut(row)
    row.body_sealed, row.body_gone = None, "erased"
    return "dropped"


def _cut(row: DeliveryRow) -> str:
    """Take the person out of a body; one that can't be cut goes as a whole."""
    raw = inbox.body_of(row)
    rest = None if raw is None else cut.without_person(raw)
    if rest is None:
        row.body_sealed, row.body_gone = None, "erased"
        return "dropped"
    row.body_sealed, row.body_size, row.body_cut_at = _sealed(rest), len(rest), clock.wall()
    return "cut"


def _sealed(raw: bytes) -> str:
    return vault.current().seal(zlib.compress(raw, 1))


def _files(request_id: str, shop_id: str) -> None:
    """What was made for an earlier data request of the same person holds them as well: it goes, and one that still
    waits for its merchant is over."""
    with db.write(Scope.shop(shop_id)) as session:
        whom = search.about(session.get_one(PrivacyRequest, request_id))
        mine, theirs = aliased(PrivacyFinding), aliased(PrivacyFinding)
        shared = (
            sa.select(theirs.request_id)
            .join(mine, sa.and_(mine.kind == theirs.kind, mine.ref == theirs.ref))
            # A tap may have led several people to their orders.
            .where(mine.request_id == request_id, theirs.request_id != request_id, mine.kind != "touch")
        )
        others = session.scalars(
            sa.select(PrivacyRequest)
            .where(
                PrivacyRequest.shop_id == shop_id, PrivacyRequest.kind == "customer_data",
                sa.or_(PrivacyRequest.subject_sealed.is_not(None), PrivacyRequest.id.in_(shared)),
            )
            .order_by(PrivacyRequest.id)
            .with_for_update()
        ).all()  # fmt: skip
        same = set(session.scalars(shared))
        _overtaken(session, shop_id, [row for row in others if row.id in same or _is_same(search.about(row), whom)])


def _is_same(one: Buyer, other: Buyer) -> bool:
    return any(
        mine and yours and mine.strip().casefold() == yours.strip().casefold()
        for mine, yours in zip((one.customer_ref, one.email, one.phone), (other.customer_ref, other.email, other.phone),
                               strict=True)
    )  # fmt: skip


def _overtaken(session: Session, shop_id: str, others: Sequence[PrivacyRequest]) -> None:
    """What these requests were about is erased: their files go, and the open ones are closed."""
    ids = [row.id for row in others]
    session.execute(sa.update(PrivacyExport).where(PrivacyExport.request_id.in_(ids)).values(sealed=None))
    for row in others:
        if row.status in ("done", "cancelled"):
            continue
        row.status, row.reason, row.detail, row.done_at, row.resume_at = (
            "cancelled", "erased_since", "", clock.wall(), None,
        )  # fmt: skip
        row.subject_sealed = row.subject_hash = None
        audit.record(session, WHO, "privacy.cancel", row.id, shop_id=shop_id, reason="erased_since")


def _orders(request_id: str, shop_id: str) -> timedelta | None:
    """Drop the buyers of the orders whose decisions are final; how long until the last one's are, None when all are."""
    with db.write(Scope.shop(shop_id)) as session:
        ids = search.refs(session, request_id, "order")
        open_ones = forget.undecided(session, ids)
        final = [order_id for order_id in ids if order_id not in open_ones]
        for start in range(0, len(final), BATCH):
            _forget(session, shop_id, final[start : start + BATCH])
        _mark(session, request_id, "order", final, "hash_dropped")
    if not open_ones:
        return None
    return max(max(open_ones.values()) - clock.now(), timedelta(0)) + timedelta(minutes=2)


def _forget(session: Session, shop_id: str, order_ids: Sequence[str]) -> None:
    order_refs = session.scalars(sa.select(Order.order_ref).where(Order.id.in_(order_ids))).all()
    record.forget_buyers(session, shop_id, order_refs)
    forget.forget_buyers(session, order_ids)


def _mark(session: Session, request_id: str, kind: str, refs: Sequence[str], act: str) -> None:
    for start in range(0, len(refs), 500):
        session.execute(
            sa.update(PrivacyFinding)
            .where(
                PrivacyFinding.request_id == request_id, PrivacyFinding.kind == kind,
                PrivacyFinding.ref.in_(refs[start : start + 500]), PrivacyFinding.erased_at.is_(None),
            )
            .values(erased_at=clock.wall(), act=act)
        )  # fmt: skip


def _wait(request_id: str, shop_id: str, by: timedelta) -> str:
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(PrivacyRequest, request_id, with_for_update=True)
        if row.status == "cancelled":  # a person called it off meanwhile: the rest stays
            return "cancelled"
        row.status, row.reason, row.resume_at = "running", "waits_for_pin", clock.wall() + by
        row.erased = _so_far(session, request_id)
    return "running"


def _so_far(session: Session, request_id: str) -> dict[str, int]:
    rows = session.execute(
        sa.select(PrivacyFinding.kind, PrivacyFinding.act, sa.func.count())
        .where(PrivacyFinding.request_id == request_id, PrivacyFinding.erased_at.is_not(None))
        .group_by(PrivacyFinding.kind, PrivacyFinding.act)
    )
    return {f"{row[0]}_{row[1]}": int(row[2]) for row in rows}


def _done(request_id: str, shop_id: str, more: dict[str, int] | None = None) -> str:
    """Close the request: whom it was about is forgotten too, and the tombstone is written, with its hash in the audit
    log as a second witness."""
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(PrivacyRequest, request_id, with_for_update=True)
        if row.delivery_id and (asked := session.get(DeliveryRow, row.delivery_id)):
            # The delivery that asked names the person as well.
            asked.body_sealed, asked.body_gone = None, "erased"
        row.erased = {**_so_far(session, request_id), **(more or {})}
        row.subject_sealed = row.subject_hash = None
        row.status, row.reason, row.detail, row.resume_at, row.done_at = "done", "", "", None, clock.wall()
        row.proof, row.proof_hash = proof(session, row)
        audit.record(
            session, WHO, "privacy.done", row.id, shop_id=shop_id, kind=row.kind, erased=row.erased,
            proof=row.proof_hash,
        )  # fmt: skip
    return "done"


def proof(session: Session, row: PrivacyRequest) -> tuple[dict[str, Any], str]:
    """The tombstone and its SHA-256: what was erased, how many, when, by which request. It names nobody."""
    lines = session.execute(
        sa.select(PrivacyFinding.kind, PrivacyFinding.ref, PrivacyFinding.act, PrivacyFinding.erased_at)
        .where(PrivacyFinding.request_id == row.id)
        .order_by(PrivacyFinding.kind, PrivacyFinding.ref)
    )
    digest = hashlib.sha256()
    for kind, ref, act, erased_at in lines:
        digest.update(f"{kind} {ref} {act} {erased_at.isoformat() if erased_at else '-'}\n".encode())
    made: dict[str, Any] = {
        "request": row.id, "kind": row.kind, "shop": row.shop_id, "delivery": row.delivery_id,
        "request_ref": row.request_ref, "asked_at": row.asked_at.isoformat(), "due_at": row.due_at.isoformat(),
        "done_at": row.done_at.isoformat() if row.done_at else None, "found": dict(row.found),
        "erased": dict(row.erased), "findings_sha256": digest.hexdigest(),
    }  # fmt: skip
    return made, proof_hash(made)


def proof_hash(made: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# --- a whole shop -----------------------------------------------------------------------------------------------------


def shop(request_id: str, shop_id: str) -> str:
    """Erase a shop that has left: its permission, its catalog, everybody in it. Entries, statements and snapshots of
    orders stay: they name the shop by our id, orders by the store's, creators by ours, and no buyer.

    The status afterwards: done, or running until the last decision is final; cancelled when the shop came back.
    """
    done: dict[str, int] = {}
    try:
        for name, act in _STEPS:
            done[name] = 0
            while number := _a_step(request_id, shop_id, act):
                done[name] += number
                jobs.check()
        with db.read(Scope.shop(shop_id)) as session:
            pin_at = session.scalar(sa.select(sa.func.max(DueForPin.pin_at)).where(DueForPin.shop_id == shop_id))
        if pin_at is not None:
            return _wait(request_id, shop_id, max(pin_at - clock.now(), timedelta(0)) + timedelta(minutes=2))
        for feed_id in _close_shop(request_id, shop_id):
            files.drop_all(feed_id)
    except CameBack:
        return _called_off(request_id, shop_id)
    return _done(request_id, shop_id, {name: number for name, number in done.items() if number})


def _a_step(request_id: str, shop_id: str, act: Callable[[Session, str], int]) -> int:
    with db.write(Scope.shop(shop_id)) as session:
        _still_gone(session, shop_id)
        number = act(session, shop_id)
        row = session.get_one(PrivacyRequest, request_id)
        row.heard_at = clock.wall()
    return number


def _still_gone(session: Session, shop_id: str) -> None:
    """Errors: CameBack, when the shop was connected again."""
    if shops.get(session, shop_id).status != "left":
        raise CameBack(f"{shop_id} came back")


def _called_off(request_id: str, shop_id: str) -> str:
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(PrivacyRequest, request_id)
        row.status, row.reason, row.done_at, row.resume_at = "cancelled", "shop_came_back", clock.wall(), None
        audit.record(session, WHO, "privacy.cancel", row.id, shop_id=shop_id, reason="shop_came_back")
    return "cancelled"


def _grants(session: Session, shop_id: str) -> int:
    return _gone(session, sa.delete(GrantRow).where(GrantRow.shop_id == shop_id))


def _all_bodies(session: Session, shop_id: str) -> int:
    ids = session.scalars(
        sa.select(DeliveryRow.id)
        .where(DeliveryRow.shop_id == shop_id, DeliveryRow.body_sealed.is_not(None))
        .limit(5 * BATCH)
    ).all()
    mine = DeliveryRow.id.in_(ids)
    open_ones = DeliveryRow.status.not_in(("done", "ignored"))
    session.execute(
        sa.update(DeliveryRow)
        .where(mine, open_ones)
        .values(status="ignored", reason="body_erased", done_at=clock.wall())
    )
    return _gone(session, sa.update(DeliveryRow).where(mine).values(body_sealed=None, body_gone="erased"))


def _buyers(session: Session, shop_id: str) -> int:
    """Hashes of the buyers of orders whose decisions are final."""
    some = sa.select(Order.id).where(
        Order.shop_id == shop_id,
        Order.id.not_in(sa.select(DueForPin.order_id).where(DueForPin.shop_id == shop_id)),
        sa.or_(
            Order.buyer_hash.is_not(None),
            sa.exists().where(OrderVersion.order_id == Order.id, OrderVersion.buyer_hash.is_not(None)),
            sa.exists().where(TokenBuyer.order_id == Order.id, TokenBuyer.buyer_hash.is_not(None)),
        ),
    )
    ids = session.scalars(some.limit(BATCH)).all()
    _forget(session, shop_id, ids)
    return len(ids)


def _touches(session: Session, shop_id: str) -> int:
    if session.scalar(sa.select(DueForPin.order_id).where(DueForPin.shop_id == shop_id).limit(1)):
        return 0  # a journey may still decide: they go when the last decision is final
    return forget.forget_shop(session, shop_id)


def _listings(session: Session, shop_id: str) -> int:
    return catalog.forget_listings(session, shop_id, clock.now())


def _gone(session: Session, statement: Any) -> int:
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]


_STEPS: tuple[tuple[str, Callable[[Session, str], int]], ...] = (
    ("grants", _grants),
    ("bodies", _all_bodies),
    ("buyers", _buyers),
    ("touches", _touches),
    ("variants", catalog.forget_variants),
    ("listings", _listings),
)


def _close_shop(request_id: str, shop_id: str) -> list[str]:
    """The small rest in one transaction: what syncs wrote down, feeds, wishes, files, the shop's own words.

    The host stays: it is the key by which the shop's books are found, and by which a return is known.
    """
    with db.write(Scope.shop(shop_id)) as session:
        _still_gone(session, shop_id)
        runs = sa.select(SyncRun.id).where(SyncRun.shop_id == shop_id)
        for table in (SyncNote, SyncImage, SyncRefusal):
            session.execute(sa.delete(table).where(table.run_id.in_(runs)))
        session.execute(sa.delete(SEEN).where(SEEN.c.run_id.in_(runs)))
        for owned in (WantedRead, ShopSubscription, ApiBudget):
            session.execute(sa.delete(owned).where(owned.shop_id == shop_id))
        catalog.forget_remarks(session, shop_id)
        session.execute(sa.update(PrivacyExport).where(PrivacyExport.shop_id == shop_id).values(sealed=None))
        mine = sa.select(PrivacyRequest).where(PrivacyRequest.shop_id == shop_id, PrivacyRequest.id != request_id)
        _overtaken(session, shop_id, session.scalars(mine.with_for_update()).all())
        removed = feeds.forget_shop(session, shop_id)  # their findings name products
        screening.forget_words(session, shop_id)
        violations.forget_words(session, shop_id)
        forgetting.forget_shop(session, shop_id)
        samples.forget_shop(session, shop_id)
        row = shops.get(session, shop_id)
        row.name, row.storefront_url, row.status_reason, row.status_detail = "", "", "erased", "Erased on its request."
    return removed


def keep_forgotten() -> int:
    """A chore: what came back with a later message about an erased person's order goes again, the buyer's hash and the
    person in the message; how many. The store erases its side at its own time, and tells of the order until then."""
    return _hashes_again() + _bodies_again()


def _of_erased(asked: Any) -> sa.Select[Any]:
    """Of orders of people who were erased lately."""
    lately: sa.Select[Any] = (
        asked.join(PrivacyFinding, sa.and_(PrivacyFinding.kind == "order", PrivacyFinding.ref == Order.id))
        .join(PrivacyRequest, PrivacyRequest.id == PrivacyFinding.request_id)
        .where(
            PrivacyRequest.kind == "customer_erase", PrivacyRequest.status == "done",
            PrivacyRequest.done_at > clock.wall() - timedelta(days=90),
        )
        .limit(1000)
    )  # fmt: skip
    return lately


def _bodies_again() -> int:
    """They lose the person and stay: the order is still the merchant's."""
    later = _of_erased(
        sa.select(DeliveryRow.shop_id, DeliveryRow.id)
        .distinct()
        .join(Order, sa.and_(Order.shop_id == DeliveryRow.shop_id, Order.order_ref == DeliveryRow.order_ref))
        .where(
            DeliveryRow.body_sealed.is_not(None), DeliveryRow.body_cut_at.is_(None),
            DeliveryRow.status.in_(("done", "ignored")),
        )
    )  # fmt: skip
    with db.read(Scope.system("messages about orders of people who were erased, of all shops")) as session:
        found = session.execute(later).all()
    for shop_id in {row.shop_id for row in found}:
        ids = [row.id for row in found if row.shop_id == shop_id]
        for start in range(0, len(ids), BATCH):
            jobs.check()
            with db.write(Scope.shop(shop_id)) as session:
                rows = session.scalars(
                    sa.select(DeliveryRow).where(DeliveryRow.id.in_(ids[start : start + BATCH])).with_for_update()
                )
                for row in rows:
                    _cut(row)
    return len(found)


def _hashes_again() -> int:
    ours = _of_erased(
        sa.select(Order.shop_id, Order.id).where(
            Order.buyer_hash.is_not(None), Order.id.not_in(sa.select(DueForPin.order_id))
        )
    )
    with db.read(Scope.system("orders of people who were erased, of all shops")) as session:
        rows = session.execute(ours).all()
    for shop_id in {row.shop_id for row in rows}:
        with db.write(Scope.shop(shop_id)) as session:
            _forget(session, shop_id, [row.id for row in rows if row.shop_id == shop_id])
    return len(rows)
