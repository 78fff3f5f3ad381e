"""Booking what an order owes: due, minus posted, per line, creator and content (F5).

Stop 7 of an order's way. Nothing is remembered beside the ledger: the difference between what the newest facts give and
what stands there becomes new balanced entries, and where there is none, nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.commission import clearance, rate
from connector.earnings.commission.clearance import Held
from connector.earnings.commission.rate import Assessment, Credited, LineAssessment
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import journal, queries
from connector.earnings.ledger.entry import Draft, DraftPosting, line_subject, owed
from connector.earnings.ledger.queries import Key, Standing


@dataclass(frozen=True, slots=True)
class Accrued:
    """What an evaluation came to. `due` is what stands in the ledger now, per (line ref, creator, content)."""

    evaluation_id: str
    entries: list[str]
    due: dict[Key, int]
    assessment: Assessment


def accrue(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Credited],
    *, cause: str, as_of: datetime, created: bool = False, rows: Held | None = None,
) -> Accrued:  # fmt: skip
    """Evaluate the order and book the difference. The caller holds the order's row.

    `created`: the order was made in this transaction, so nothing is posted about it. `rows`: its clearances, if read.
    Errors: Conflict when another writer booked about one of its lines meanwhile; LedgerRefused never, in our hope.
    """
    assessment = rate.assess(facts, decisions)
    evaluation_id = _evaluate(session, order, assessment, cause, as_of, created)
    standing = Standing() if created else queries.standing(session, order.id)
    rows = rows if rows is not None else {} if created else clearance.held(session, order.id)
    due = assessment.due()
    drafts = []
    for key in sorted({*due, *standing.earned}, key=lambda key: tuple(part or "" for part in key)):
        difference = due.get(key, 0) - _posted(standing, key)
        if difference:
            drafts.append(_draft(shop, order, assessment, standing, rows, key, difference, evaluation_id, as_of))
    entries = journal.post_all(session, drafts, unbooked=True)
    return Accrued(evaluation_id, entries, due, assessment)


def _posted(standing: Standing, key: Key) -> int:
    return standing.earned.get(key, 0)


def _draft(
    shop: Shop, order: Order, assessment: Assessment, standing: Standing, rows: Held, key: Key, difference: int,
    evaluation_id: str, as_of: datetime,
) -> Draft:  # fmt: skip
    line_ref, creator_id, content_id = key
    if creator_id is None:
        raise AssertionError("a line without a creator has nothing due and nothing posted")
    subject = line_subject(order.id, line_ref)
    standing.sequences[subject] = sequence = standing.sequences.get(subject, 0) + 1
    line = next((line for line in assessment.lines if line.line_ref == line_ref), None)
    earning = standing.accruals.get(key)
    kind, reason = _why(assessment, line, key, difference, first=earning is None)
    # F6: a decrease is taken from where the line's money is, an increase after clearing is cleared at once. A line that
    # an edit added later has a clearance of its own, still open.
    cleared = line_ref in rows and rows[line_ref]["state"] == "cleared"
    account = "creator_cleared" if cleared else "creator_pending"
    return Draft(
        reference=f"{subject}#{sequence}", subject=subject, sequence=sequence, kind=kind, shop_id=shop.id,
        currency=assessment.currency, order_id=order.id, line_ref=line_ref, creator_id=creator_id,
        content_id=content_id, reverses=None if kind == "accrual" else earning, evaluation_id=evaluation_id,
        reason=reason, occurred_at=as_of,
        postings=(
            DraftPosting("merchant_receivable", difference),
            owed(account, difference, creator_id, content_id),
        ),
    )  # fmt: skip


def _why(
    assessment: Assessment, line: LineAssessment | None, key: Key, difference: int, *, first: bool
) -> tuple[str, str]:
    """Kind and reason code of an entry."""
    if line is None:
        return "reversal", "line_vanished"
    if (line.line_ref, line.creator_id, line.content_id) != key:
        return "reversal", assessment.reason or "credit_moved"
    if difference > 0:
        if first:
            return "accrual", line.credit_reason
        return "adjustment", "refund_undone" if "refund_failed" in line.flags else "recomputed"
    if assessment.reason:
        return "reversal", assessment.reason
    if line.refunded_base > line.removed_base:
        return "reversal", "refunded"
    if line.removed_base:
        return "reversal", "removed_by_edit"
    return "adjustment", "recomputed"


_NEWEST = (
    sa.select(Evaluation.id, Evaluation.sequence, Evaluation.fingerprint)
    .where(Evaluation.order_id == sa.bindparam("order_id"))
    .order_by(Evaluation.sequence.desc())
    .limit(1)
)


_KEEP = sa.insert(Evaluation)


def _evaluate(
    session: Session, order: Order, assessment: Assessment, cause: str, as_of: datetime, created: bool
) -> str:
    """Keep how every figure came about; an evaluation equal to the newest one isn't written again. Its id."""
    fingerprint = _fingerprint(order, assessment)
    newest = None if created else session.execute(_NEWEST, {"order_id": order.id}).one_or_none()
    if newest is not None and newest.fingerprint == fingerprint:
        return str(newest.id)
    lines, parts = rate.plain(assessment)
    evaluation_id = new_id("evl")
    session.connection().execute(
        _KEEP,
        [
            {
                "id": evaluation_id, "order_id": order.id, "sequence": newest.sequence + 1 if newest else 1,
                "shop_id": order.shop_id, "content_hash": order.content_hash, "engine": rate.ENGINE, "cause": cause,
                "reason": assessment.reason, "at": as_of, "lines": lines, "order_parts": parts,
                "fingerprint": fingerprint,
            }
        ],
    )  # fmt: skip
    return evaluation_id


def _fingerprint(order: Order, assessment: Assessment) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{rate.ENGINE}:{order.content_hash}:".encode())
    digest.update(msgspec.json.encode(assessment, order="deterministic"))
    return digest.hexdigest()
