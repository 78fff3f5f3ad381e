"""Booking what an order owes: due, minus posted, per line, creator and content (F5).

Stop 7 of an order's way. Nothing is remembered beside the ledger: the difference between what the newest facts give and
what stands there becomes new balanced entries, and where there is none, nothing is written. Beside its lines an order
has two more subjects: the app's fee, and what the platform bore of refunds that the store made after a payout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution.tables import Act, DecisionRow
from connector.earnings.commission import clearance, exclusions, rate
from connector.earnings.commission.clearance import Held
from connector.earnings.commission.rate import PLAIN, AmountRules, Assessment, Credited, LineAssessment
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


@dataclass(frozen=True, slots=True)
class _Booking:
    """What every entry about one evaluation shares."""

    shop: Shop
    order: Order
    assessment: Assessment
    standing: Standing
    rows: Held
    evaluation_id: str
    as_of: datetime

    def number(self, subject: str) -> int:
        """The next of the subject's numbers."""
        self.standing.sequences[subject] = number = self.standing.sequences.get(subject, 0) + 1
        return number


def accrue(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Credited],
    *, cause: str, as_of: datetime, created: bool = False, rows: Held | None = None,
) -> Accrued:  # fmt: skip
    """Evaluate the order and book the difference. The caller holds the order's row.

    `created`: the order was made in this transaction, so nothing is posted about it. `rows`: its clearances, if read.
    Errors: Conflict when another writer booked about one of its lines meanwhile; LedgerRefused never, in our hope.
    """
    rules = amount_rules(session, shop.id, facts.placed_at)
    taken = frozenset[str]() if created else forfeited(session, order.id, facts)
    assessment = rate.assess(facts, decisions, rules, taken)
    evaluation_id = _evaluate(session, order, assessment, cause, as_of, created)
    standing = Standing() if created else queries.standing(session, order.id)
    rows = rows if rows is not None else {} if created else clearance.held(session, order.id)
    booking = _Booking(shop, order, assessment, standing, rows, evaluation_id, as_of)
    due = assessment.due()
    drafts = []
    for key in sorted({*due, *standing.earned}, key=_sorted_by):
        difference = due.get(key, 0) - _posted(standing, key)
        if difference:
            drafts.append(_draft(booking, key, difference))
    drafts.extend(_fee(booking))
    if standing.absorbed or any(row["paid_at"] is not None for row in rows.values()):
        held = borne(session, facts, decisions, assessment, taken, rows)
        drafts.extend(_absorptions(booking, held))
    entries = journal.post_all(session, drafts, unbooked=True, unread=created)
    return Accrued(evaluation_id, entries, due, assessment)


def amount_rules(session: Session, shop_id: str, moment: datetime) -> AmountRules:
    """The shop's settings that bear on amounts, and the products that it excludes, as at `moment`: the order's time."""
    fee_bp = settings.whole(session, shop_id, "fee_bp", moment)
    refused = settings.at(session, shop_id, "gift_card_payments", moment) == "refuse"
    kept = settings.at(session, shop_id, "platform_discounts", moment) == "keep"
    out = exclusions.at(session, shop_id, moment)
    return AmountRules(fee_bp, refused, kept, out) if fee_bp or refused or kept or out else PLAIN


_TAKEN = (
    sa.select(Act.kind, Act.line_ref)
    .where(
        Act.order_id == sa.bindparam("order_id"), Act.kind.in_(("forfeit", "manual")), Act.state == "effective"
    )
    .order_by(Act.effective_at, Act.id)
)  # fmt: skip


def forfeited(
    session: Session, order_id: str, facts: OrderFacts, *, then: tuple[str, str] | None = None
) -> frozenset[str]:
    """Refs of the lines whose commission a recorded act took away. An act of a whole order names none.

    A forfeit takes from who earned then: who is assigned by hand after it earns. `then`: an act (kind, line ref) that
    isn't recorded: what would it do?
    """
    lines = {line.line_ref for line in facts.snapshot.lines}
    taken: set[str] = set()
    for kind, line_ref in (*session.connection().execute(_TAKEN, {"order_id": order_id}), *((then,) if then else ())):
        about = {line_ref} if line_ref else lines
        if kind == "forfeit":
            taken |= about
        elif kind == "manual":
            taken -= about
    return frozenset(taken)


def _posted(standing: Standing, key: Key) -> int:
    return standing.earned.get(key, 0)


def _sorted_by(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)


def _draft(booking: _Booking, key: Key, difference: int) -> Draft:
    line_ref, creator_id, content_id = key
    if creator_id is None:
        raise AssertionError("a line without a creator has nothing due and nothing posted")
    order, assessment, rows = booking.order, booking.assessment, booking.rows
    subject = line_subject(order.id, line_ref)
    sequence = booking.number(subject)
    line = next((line for line in assessment.lines if line.line_ref == line_ref), None)
    earning = booking.standing.accruals.get(key)
    kind, reason = _why(assessment, line, key, difference, first=earning is None)
    # F6: a decrease is taken from where the line's money is, an increase after clearing is cleared at once. A line that
    # an edit added later has a clearance of its own, still open.
    cleared = line_ref in rows and rows[line_ref]["state"] == "cleared"
    account = "creator_cleared" if cleared else "creator_pending"
    return Draft(
        reference=f"{subject}#{sequence}", subject=subject, sequence=sequence, kind=kind, shop_id=booking.shop.id,
        currency=assessment.currency, order_id=order.id, line_ref=line_ref, creator_id=creator_id,
        content_id=content_id, reverses=None if kind == "accrual" else earning, evaluation_id=booking.evaluation_id,
        reason=reason, occurred_at=booking.as_of,
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
    if "forfeited" in line.flags:
        return "reversal", "forfeited"
    if line.refunded_base > line.removed_base:
        return "reversal", "refunded"
    if line.removed_base:
        return "reversal", "removed_by_edit"
    return "adjustment", "recomputed"


def fee_subject(order_id: str) -> str:
    return f"fee:{order_id}"


def _fee(booking: _Booking) -> Iterator[Draft]:
    """The app's fee: one subject an order (R14)."""
    fee, assessment = booking.assessment.parts.fee, booking.assessment
    difference = (fee.due if fee else 0) - booking.standing.fee
    if not difference:
        return
    subject = fee_subject(booking.order.id)
    sequence = booking.number(subject)
    reason = "app_fee" if difference > 0 else assessment.reason or "refunded"
    yield Draft(
        reference=f"{subject}#{sequence}", subject=subject, sequence=sequence, kind="fee", shop_id=booking.shop.id,
        currency=assessment.currency, order_id=booking.order.id, evaluation_id=booking.evaluation_id, reason=reason,
        occurred_at=booking.as_of,
        postings=(DraftPosting("merchant_receivable", difference), DraftPosting("app_fee", -difference)),
    )  # fmt: skip


def absorbed_subject(order_id: str, line_ref: str) -> str:
    return f"absorbed:{order_id}:{line_ref}"


def borne(
    session: Session, facts: OrderFacts, decisions: Mapping[str, Credited], now: Assessment, taken: frozenset[str],
    rows: Held,
) -> dict[Key, int]:  # fmt: skip
    """What the platform bears: what a line had due at its payout, less what it has due by all that the store did since.

    Refunds, lost disputes and the cancellation by the store's own time; voids and edits by the change time of the first
    version that shows them.
    """
    if settings.at(session, facts.shop_id, "after_payout", facts.placed_at) != "absorb":
        return {}
    paid: dict[datetime, set[str]] = {}
    for line_ref, row in rows.items():
        if row["paid_at"] is not None:
            paid.setdefault(row["paid_at"], set()).add(line_ref)
    if not paid:
        return {}
    versions = orders.snapshots(session, facts.order_id)
    credits = _with_vanished(session, facts, decisions, {ref for refs in paid.values() for ref in refs})
    borne: dict[Key, int] = {}
    for paid_at, line_refs in sorted(paid.items()):
        stood = rate.as_stood(facts, versions, paid_at)
        then = rate.assess(stood, credits, now.parts.rules, taken, until=paid_at)
        borne |= rate.taken_back(then, now, line_refs)
    return borne


def _with_vanished(
    session: Session, facts: OrderFacts, decisions: Mapping[str, Credited], paid: set[str]
) -> Mapping[str, Credited]:
    """The decisions, with those of paid lines that the store has lost since: they were decided once, and stand."""
    gone = paid - decisions.keys()
    if not gone:
        return decisions
    query = sa.select(DecisionRow).where(DecisionRow.order_id == facts.order_id, DecisionRow.line_ref.in_(gone))
    return {**decisions, **{row.line_ref: row for row in session.scalars(query)}}


def _absorptions(booking: _Booking, borne: Mapping[Key, int]) -> Iterator[Draft]:
    for key in sorted({*borne, *booking.standing.absorbed}, key=_sorted_by):
        line_ref, creator_id, content_id = key
        difference = borne.get(key, 0) - booking.standing.absorbed.get(key, 0)
        if not difference or creator_id is None:
            continue
        subject = absorbed_subject(booking.order.id, line_ref)
        sequence = booking.number(subject)
        yield Draft(
            reference=f"{subject}#{sequence}", subject=subject, sequence=sequence, kind="absorption",
            shop_id=booking.shop.id, currency=booking.assessment.currency, order_id=booking.order.id,
            line_ref=line_ref, creator_id=creator_id, content_id=content_id, evaluation_id=booking.evaluation_id,
            reason="after_payout" if difference > 0 else "recomputed", occurred_at=booking.as_of,
            postings=(
                DraftPosting("loss_absorbed", difference), owed("creator_cleared", difference, creator_id, content_id),
            ),
        )  # fmt: skip


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
    newest = None if created else session.connection().execute(_NEWEST, {"order_id": order.id}).one_or_none()
    if newest is not None and newest.fingerprint == fingerprint:
        return str(newest.id)
    lines, parts = rate.plain(assessment)
    evaluation_id = new_id("evl")
    row = {
        "id": evaluation_id, "order_id": order.id, "sequence": newest.sequence + 1 if newest else 1,
        "shop_id": order.shop_id, "content_hash": order.content_hash, "engine": rate.ENGINE, "cause": cause,
        "reason": assessment.reason, "at": as_of, "lines": lines, "order_parts": parts, "fingerprint": fingerprint,
        "sold": msgspec.json.encode(rate.sold(assessment.lines)).decode(),
    }  # fmt: skip
    db.later(session, _KEEP, [row], unread=created)
    return evaluation_id


def _fingerprint(order: Order, assessment: Assessment) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{rate.ENGINE}:{order.content_hash}:".encode())
    digest.update(msgspec.json.encode(assessment, order="deterministic"))
    return digest.hexdigest()
