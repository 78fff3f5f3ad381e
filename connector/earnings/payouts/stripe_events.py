"""What Stripe tells of transfers after their call: one that was made after all, failed, or was taken back later.

A transfer belongs to us when its `transfer_group` and its metadata name a payout (`pay_…`), and, where we know its id,
when it is that one. Others are left alone.

    transfer.created                     paid: the answer to our call was lost, or comes later
    transfer.reversed, transfer.updated  reversed in full: returned. In part: nothing is booked, a person looks
    transfer.failed                      failed; returned where it had been paid

Source: docs.stripe.com/api/events/types, /api/transfers/object, /api/transfer_reversals, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.db import new_id
from connector.earnings.payouts import outcomes
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.rails.contract import Told
from connector.earnings.payouts.tables import Payout, PayoutEvent
from connector.errors import PayloadUnreadable

KINDS = ("transfer.created", "transfer.reversed", "transfer.updated", "transfer.failed")
BY = "connector"
IN_PART = "reversed_in_part"

Said = Literal["recorded", "repeat", "looked at by a person"]


@dataclass(frozen=True, slots=True)
class Moved:
    """What an event says of one transfer. Amounts in the currency's minor units."""

    kind: str
    ref: str  # tr_…
    payout_id: str
    amount: int
    taken_back: int
    currency: str
    at: datetime


def of_event(event: Mapping[str, Any]) -> Moved | None:
    """What an event says of a transfer; None for what is none of our business. Errors: PayloadUnreadable."""
    kind = event.get("type")
    if kind not in KINDS:
        return None
    try:
        thing = event["data"]["object"]
        payout_id = str(thing.get("transfer_group") or "")
        if not payout_id.startswith("pay_") or (thing.get("metadata") or {}).get("payout") != payout_id:
            return None
        moved = Moved(
            str(kind), str(thing["id"]), payout_id, int(thing["amount"]), int(thing.get("amount_reversed") or 0),
            str(thing["currency"]).upper(), datetime.fromtimestamp(int(event["created"]), UTC),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PayloadUnreadable(f"$.data.object.{error}", "isn't there, or of another type") from None
    return None if moved.kind == "transfer.updated" and not moved.taken_back else moved


def take(session: Session, moved: Moved, as_of: datetime) -> Said:
    """Record it. What says something impossible, or takes a part back, is kept in the audit log: a person looks."""
    row = session.execute(sa.select(Payout).where(Payout.id == moved.payout_id).with_for_update()).scalar_one_or_none()
    why = _strange(row, moved)
    if row is None or why:
        return _for_a_person(session, moved, why)
    if 0 < moved.taken_back < moved.amount:
        return _in_part(session, row, moved)
    told = _told(row, moved)
    taken = outcomes.take(session, [Heard(row.id, told, moved.at, 0, (moved.amount, moved.currency))], as_of, BY)
    if taken.refused:
        # That it was made says nothing new of one that came back since.
        late = moved.kind == "transfer.created" and row.status in ("failed", "returned")
        return "repeat" if late else _for_a_person(session, moved, taken.refused[0][2])
    if not taken.recorded:
        return "repeat"
    audit.record(session, BY, "payout.told", row.id, kind=moved.kind, ref=moved.ref, outcome=told.outcome)
    return "recorded"


def _told(row: Payout, moved: Moved) -> Told:
    if moved.kind == "transfer.created" and not moved.taken_back:
        return Told("paid", "rail_confirmed", ref=moved.ref)
    if moved.kind == "transfer.failed" and row.status not in ("paid", "returned"):
        return Told("failed", "rail_refused", "transfer.failed", moved.ref)
    return Told("returned", "transfer_reversed", moved.kind, moved.ref)


def _strange(row: Payout | None, moved: Moved) -> str:
    if row is None:
        return "no payout has that reference"
    if row.rail_ref and row.rail_ref != moved.ref:
        return f"the payout went out as {row.rail_ref}"
    return "" if (moved.amount, moved.currency) == outcomes.leaves(row) else "its amount is another one"


def _in_part(session: Session, row: Payout, moved: Moved) -> Said:
    """A part came back: what is owed now only a person can say. The payout stays paid, and says so on its page."""
    detail = f"{moved.taken_back} of {moved.amount} {moved.currency} (minor units)"
    known = sa.select(PayoutEvent.id).where(
        PayoutEvent.payout_id == row.id, PayoutEvent.reason == IN_PART, PayoutEvent.detail == detail
    )
    if session.execute(known.limit(1)).first() is not None:
        return "repeat"
    number = session.scalar(sa.select(sa.func.max(PayoutEvent.number)).where(PayoutEvent.payout_id == row.id)) or 0
    session.add(
        PayoutEvent(
            id=new_id("pev"), payout_id=row.id, number=number + 1, outcome=row.status, reason=IN_PART, detail=detail,
            rail_ref=moved.ref, occurred_at=moved.at, recorded_at=clock.wall(), recorded_by=BY,
        )
    )  # fmt: skip
    row.outcome_reason = IN_PART
    return _for_a_person(session, moved, "a part of it was taken back")


def _for_a_person(session: Session, moved: Moved, why: str) -> Said:
    audit.record(
        session, BY, "payout.unmatched", moved.payout_id, ref=moved.ref, kind=moved.kind, why=why,
        taken_back=moved.taken_back, currency=moved.currency,
    )  # fmt: skip
    notices.say(session, "payout.unmatched", payout_id=moved.payout_id, why=why)
    session.flush()
    return "looked at by a person"
