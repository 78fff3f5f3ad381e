"""A move is written down: the sample's row, its step, the audit log where a person acted, and a notice for the app.

The caller has locked the row (`locked`) and asked `moves` what the move makes of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, notices
from connector.errors import NotFound
from connector.programme.samples import policy
from connector.programme.samples.moves import Side, Standing
from connector.programme.samples.policy import Numbers
from connector.programme.samples.tables import Sample, SampleStep

MOVED = "sample.moved"
# What is told though the state stays: somebody waits for it.
_TOLD = frozenset(
    {"ask", "extend", "place_refused", "call_off", "not_called_off", "pay_back", "doubt", "confirm", "ask_support"}
)
# Who acted by themselves: these acts stand in the audit log.
_PEOPLE = frozenset({"creator", "merchant", "staff"})
# How often a sample is looked at whose store or content may have moved on.
LOOK, LOOK_AT_STOCK, LOOK_ON_THE_WAY = timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1)
LOOK_AT_CONTENT = timedelta(hours=6)
# Stock may run out, the store may ship, content may come before the parcel is told of.
_LOOKED_AT = {
    "requested": LOOK_AT_STOCK, "approved": LOOK_AT_STOCK, "ordered": LOOK, "shipped": LOOK_ON_THE_WAY,
    "delivered": LOOK_AT_CONTENT,
}  # fmt: skip
# The order of a refundable one that was paid back: refunds come late, disputes later.
LOOK_AT_ORDER, FOLLOWED = timedelta(days=1), timedelta(days=180)


def standing(row: Sample) -> Standing:
    """How it stands. A missed one that was decided can't be appealed again: `appealed` is whether it ever was."""
    return Standing(
        row.kind, row.state, row.due_at, row.placing, row.ending, row.extended, row.appealed
    )  # fmt: skip


def locked(
    session: Session, sample_id: str, *, shop_id: str | None = None, creator_id: str | None = None
) -> Sample:  # fmt: skip
    """The row, for one act at a time. Errors: NotFound, another shop's or creator's included."""
    asked = sa.select(Sample).where(Sample.id == sample_id).with_for_update()
    row = session.scalar(asked.execution_options(populate_existing=True))
    return _theirs(row, sample_id, shop_id, creator_id)


def find(session: Session, sample_id: str, *, shop_id: str | None = None, creator_id: str | None = None) -> Sample:
    """Errors: NotFound, another shop's or creator's included."""
    return _theirs(session.get(Sample, sample_id), sample_id, shop_id, creator_id)


def _theirs(row: Sample | None, sample_id: str, shop_id: str | None, creator_id: str | None) -> Sample:
    if row is None or shop_id not in (None, row.shop_id) or creator_id not in (None, row.creator_id):
        raise NotFound(f"no sample of theirs has the id {sample_id[:40]!r}", public="There is no such sample.")
    return row


def numbers_of(session: Session, row: Sample) -> Numbers:
    """The policy that it was asked under."""
    return policy.numbered(policy.every(session), row.policy_version).numbers


def take(
    session: Session, row: Sample, stands: Standing, act: str, *, side: Side, by: str, now: datetime,
    reason: str = "", **detail: Any,
) -> None:  # fmt: skip
    """Write `stands` to the row, with the step that led there. `detail`: ids, dates and codes, never people."""
    before = row.state
    _put(session, row, stands, now)
    row.reason = reason
    number = session.scalar(sa.select(sa.func.max(SampleStep.number)).where(SampleStep.sample_id == row.id)) or 0
    session.add(
        SampleStep(
            sample_id=row.id, number=number + 1, act=act, state=stands.state, side=side, by=by, at=now,
            due_at=stands.due_at, reason=reason, detail=detail,
        )
    )  # fmt: skip
    if side in _PEOPLE:
        audit.record(session, by, f"sample.{act}", row.id, shop_id=row.shop_id, state=stands.state, reason=reason)
    if row.state != before or act in _TOLD:
        _tell(session, row, act, {name: detail[name] for name in ("amount", "currency") if name in detail})
    session.flush()


def _put(session: Session, row: Sample, stands: Standing, now: datetime) -> None:
    ended = stands.over or stands.state == "missed"
    if ended and row.state != stands.state:
        row.ended_at = now
    elif not ended:
        row.ended_at = None
    for name, value in msgspec.structs.asdict(stands).items():
        if name != "kind":
            setattr(row, name, value)
    row.moved_at = now
    row.look_at = next_look(row, stands, now)
    if stands.placing not in ("waiting", "unknown") and not stands.ending:
        row.place_at = None
    if stands.over and row.forget_at is None and row.recipient_sealed is not None:
        # On its way yet (its content was there first): the address is kept as long as of one that arrives now.
        row.forget_at = now + timedelta(days=numbers_of(session, row).address_days if row.shipped_at else 0)


def unproven(row: Sample) -> bool:
    """Was an order named that nothing proves, and which the shop doubts or didn't answer in its days to?"""
    named = row.kind == "refundable" and row.order_ref is not None
    return named and not row.confirmed and row.confirm_by is None


def doubted(row: Sample) -> bool:
    """`unproven`, and the shop said why it doubts it."""
    return unproven(row) and bool(row.words)


def unanswered(row: Sample) -> bool:
    """`unproven`, and the shop said nothing of it: support does."""
    return unproven(row) and not row.words


def next_look(row: Sample, stands: Standing, now: datetime) -> datetime | None:
    """When the clock, the store or content may have moved it on; None: nothing moves it but a person."""
    asked = [row.confirm_by] if row.confirm_by is not None and row.confirm_by > now else []
    if stands.over and unanswered(row):
        return now + LOOK_AT_ORDER  # support has it before it
    if stands.over:
        paid = stands.state == "fulfilled" and row.kind == "refundable"
        if paid and now < (row.ended_at or now) + FOLLOWED:
            return min([now + LOOK_AT_ORDER, *asked])
        return min(asked) if paid and asked else None  # named late: its days to be doubted run all the same
    wanted = asked + ([stands.due_at] if stands.due_at is not None else [])
    if stands.state in _LOOKED_AT:
        wanted.append(now + _LOOKED_AT[stands.state] + _longer(row, stands, now))
    return min(wanted) if wanted else None


def _longer(row: Sample, stands: Standing, now: datetime) -> timedelta:
    """An order that wasn't sent for long is looked at less often, so that many such ones don't keep the others waiting:
    a tenth of the time that it stands so, up to three hours."""
    if stands.state != "ordered":
        return timedelta(0)
    return min((now - row.moved_at) / 10, timedelta(hours=3))


def _tell(session: Session, row: Sample, act: str, money: dict[str, Any]) -> None:
    said: dict[str, Any] = {"sample_id": row.id, "status": row.state, "act": act, "sample_kind": row.kind, **money}
    if row.due_at is not None:
        said["due_at"] = row.due_at.isoformat()
    if row.reason:
        said["reason"] = row.reason
    if row.product_ref:
        said["product_ref"] = row.product_ref
    notices.say(session, MOVED, creator_id=row.creator_id, shop_id=row.shop_id, **said)
