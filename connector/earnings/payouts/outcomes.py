"""What became of payouts: outcomes heard from a rail, a bank's list or a person, and what they book.

    sent       nothing is booked
    paid       payout_in_transit → bank
    failed     payout_in_transit → creator_settled: it can be paid again, by the next batch
    returned   bank (or payout_in_transit) → creator_settled: it left and came back
    unknown    nothing is booked and nothing is sent again: the rail is asked, or a person finds out

A payout in another currency ends in `fx` in the ledger's, and what left is an entry of its own, from `fx` to the bank
of the currency that was paid: at the payout's own rate there and, should it come back, at the same rate back.

A row that says something impossible is refused with its reason, and the others count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, money, notices
from connector.db import new_id
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, moved
from connector.earnings.payouts import reached
from connector.earnings.payouts.rails.contract import Outcome, Told
from connector.earnings.payouts.tables import Payout, PayoutBatch, PayoutEvent
from connector.errors import ConnectorError, InputRefused

OUTCOMES: tuple[str, ...] = get_args(Outcome)
# status → what may become of it
NEXT: dict[str, frozenset[str]] = {
    "prepared": frozenset({"sent", "paid", "failed", "unknown"}),
    "sent": frozenset({"paid", "failed", "returned", "unknown"}),
    "unknown": frozenset({"sent", "paid", "failed", "returned"}),
    "paid": frozenset({"returned"}),
    "failed": frozenset(),
    "returned": frozenset(),
    "refused": frozenset(),
}
FINAL = ("paid", "failed", "returned", "refused")
COLUMNS = ("reference", "outcome")  # and, where the bank has them: reason, rail_reference, amount, currency, at
_MOST_ROWS = 50_000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """An outcome of one payout. `at` is when it happened, where that is known; `line` where it stood in a file."""

    payout_id: str
    told: Told
    at: datetime | None = None
    line: int = 0
    amount: tuple[int, str] | None = None  # what the bank says went out: (minor units, currency)


# What the creator and the app hear of: that it was made, too.
_TOLD = {"paid": "payout.paid", "failed": "payout.failed", "returned": "payout.returned"}


@dataclass(slots=True)
class Taken:
    """What was recorded, what was known already, and what was refused: (line, payout, why)."""

    recorded: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def take(session: Session, heard: Sequence[Heard], as_of: datetime, by: str) -> Taken:
    """Record outcomes, book what they mean, and bring their batches' status up to date."""
    taken = Taken()
    wanted = {each.payout_id for each in heard}
    handed = _handed(session, wanted)
    rows = _locked(session, wanted)
    numbers = _numbers(session, rows)
    events: list[dict[str, Any]] = []
    changed: dict[str, dict[str, Any]] = {}
    drafts: list[Draft] = []
    told: dict[str, list[dict[str, Any]]] = {}
    for each in heard:
        row = rows.get(each.payout_id)
        why = _impossible(row, each, handed)
        if row is None or why:
            taken.refused.append((each.line, each.payout_id, why))
            continue
        if row.status == each.told.outcome:
            taken.known.append(row.id)
            continue
        at = min(each.at or as_of, as_of)
        drafts += _drafts(row, each.told, at)
        row.status, row.rail_ref = each.told.outcome, each.told.ref or row.rail_ref
        numbers[row.id] = number = numbers.get(row.id, 0) + 1
        changed[row.id] = {
            "id": row.id, "status": row.status, "outcome_reason": each.told.reason, "rail_ref": row.rail_ref,
            "paid_at": at if row.status == "paid" else row.paid_at,
        }  # fmt: skip
        events.append(_event(row.id, number, each.told, at, by))
        taken.recorded.append(row.id)
        taken.counts[row.status] = taken.counts.get(row.status, 0) + 1
        if row.status in _TOLD:
            told.setdefault(_TOLD[row.status], []).append(_said(row, each.told))
    _write(session, changed, events, drafts)
    for kind, said in told.items():
        notices.say_all(session, kind, said)
    reached.follow(session, [rows[payout_id] for payout_id in changed], as_of)
    for batch_id in sorted({rows[payout_id].batch_id for payout_id in changed}):
        follow(session, batch_id, as_of)
    return taken


def looked(session: Session, heard: Sequence[Heard]) -> Taken:
    """What `take` would do with these, as things stand now; nothing is written, and nothing is locked."""
    taken = Taken()
    rows: dict[str, Payout] = {}
    handed: set[str] = set()
    wanted = sorted({each.payout_id for each in heard})
    for start in range(0, len(wanted), _CHUNK):
        some = sa.select(Payout, PayoutBatch.handed_at).join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        for row, handed_at in session.execute(some.where(Payout.id.in_(wanted[start : start + _CHUNK]))):
            rows[row.id] = row
            handed |= {row.batch_id} if handed_at is not None else set()
    status = {payout_id: row.status for payout_id, row in rows.items()}
    for each in heard:
        found = rows.get(each.payout_id)
        why = _impossible(found, each, handed)
        if found is None or why:
            taken.refused.append((each.line, each.payout_id, why))
        elif status[found.id] == each.told.outcome:
            taken.known.append(found.id)
        else:
            status[found.id] = each.told.outcome
            taken.recorded.append(found.id)
            taken.counts[each.told.outcome] = taken.counts.get(each.told.outcome, 0) + 1
    return taken


def read(text: str) -> list[Heard | tuple[int, str, str]]:
    """A bank's list of outcomes as CSV: what was heard, or (line, reference, what is wrong) of each row. Pure.

    Shape:  a first line that names `reference` and `outcome` at least; `outcome` is one of OUTCOMES.
    Errors: InputRefused when it isn't such a file at all.
    """
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if not set(COLUMNS) <= {(name or "").strip().lower() for name in rows.fieldnames or ()}:
        raise InputRefused("file", "lacks a column.", f"Its first line names {' and '.join(COLUMNS)} at least.")
    found: list[Heard | tuple[int, str, str]] = []
    for line, row in enumerate(rows, 2):
        if line > _MOST_ROWS + 1:
            raise InputRefused("file", f"has more than {_MOST_ROWS} rows.", "Split it.")
        cells = {(name or "").strip().lower(): (cell or "").strip() for name, cell in row.items() if name}
        # A scheme without underscores has our ids with dashes.
        payout_id = cells["reference"].replace("-", "_").lower()
        try:
            found.append(_heard(payout_id, cells, line))
        except ConnectorError as error:
            found.append((line, cells["reference"], error.public))
        except ValueError:
            found.append((line, cells["reference"], "at isn't a time with its offset, like 2026-11-27T16:00:00+01:00"))
    return found


def take_file(session: Session, text: str, as_of: datetime, by: str) -> Taken:
    """Record what a bank's list says. Errors: as `read`."""
    rows = read(text)
    taken = take(session, [row for row in rows if isinstance(row, Heard)], as_of, by)
    taken.refused = sorted([*taken.refused, *(row for row in rows if not isinstance(row, Heard))])
    audit.record(
        session, by, "payout.outcomes", "file", recorded=len(taken.recorded), known=len(taken.known),
        refused=len(taken.refused), outcomes=taken.counts,
    )  # fmt: skip
    session.flush()
    return taken


def follow(session: Session, batch_id: str, as_of: datetime) -> None:
    """Bring a batch's status up to what its rows say. A batch that isn't handed over yet stays as it is."""
    query = sa.select(Payout.status, sa.func.count()).where(Payout.batch_id == batch_id).group_by(Payout.status)
    counts: dict[str, int] = {status: number for status, number in session.execute(query)}  # noqa: C416
    batch = session.get_one(PayoutBatch, batch_id)
    if batch.status in ("awaiting", "refused") or (counts.get("prepared") and batch.status == "prepared"):
        return
    if set(counts) <= {"paid"}:
        status = "paid"
    elif set(counts) <= set(FINAL):
        status = "finished"
    else:
        status = "sent"
    batch.status = status
    if batch.sent_at is None:
        batch.sent_at = as_of
    if status != "sent" and batch.paid_at is None:
        batch.paid_at = as_of
    session.flush()


def _heard(payout_id: str, cells: dict[str, str], line: int) -> Heard:
    outcome = cells["outcome"].lower()
    if outcome not in OUTCOMES:
        raise InputRefused("outcome", f"{outcome[:40]!r} is none.", f"Use {', '.join(OUTCOMES)}.")
    reasons = {"failed": "bank_refused", "returned": "bank_returned", "unknown": "bank_did_not_say"}
    amount = None
    if cells.get("amount") and cells.get("currency"):
        currency = cells["currency"].upper()
        amount = (money.parse(cells["amount"], currency), currency)
    told = Told(
        cast("Outcome", outcome), reasons.get(outcome, "bank_confirmed"), cells.get("reason", "")[:200],
        cells.get("rail_reference", "")[:100],
    )  # fmt: skip
    return Heard(payout_id, told, clock.parse(cells["at"]) if cells.get("at") else None, line, amount)


def _locked(session: Session, payout_ids: Collection[str]) -> dict[str, Payout]:
    found: dict[str, Payout] = {}
    wanted = sorted(payout_ids)
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(Payout).where(Payout.id.in_(wanted[start : start + _CHUNK])).order_by(Payout.id)
        for row in session.scalars(query.with_for_update().execution_options(populate_existing=True)):
            session.expunge(row)  # written in bulk
            found[row.id] = row
    return found


def _handed(session: Session, payout_ids: Collection[str]) -> set[str]:
    """The batches of these payouts, locked first so that their status follows all rows; those that were handed over."""
    batch_ids: set[str] = set()
    wanted = sorted(payout_ids)
    for start in range(0, len(wanted), _CHUNK):
        some = Payout.id.in_(wanted[start : start + _CHUNK])
        batch_ids.update(session.scalars(sa.select(Payout.batch_id).where(some).distinct()))
    query = sa.select(PayoutBatch).where(PayoutBatch.id.in_(sorted(batch_ids))).order_by(PayoutBatch.id)
    rows = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {row.id for row in rows if row.handed_at is not None}


def _impossible(row: Payout | None, heard: Heard, handed: set[str]) -> str:
    if row is None:
        return "no payout has that reference"
    if row.batch_id not in handed:
        return "its batch was never handed over"
    if heard.amount is not None and heard.amount != leaves(row):
        amount, currency = leaves(row)
        return f"the payout is of {currency} {money.text(amount, currency)}"
    if row.status == heard.told.outcome or heard.told.outcome in NEXT[row.status]:
        return ""
    return f"it is {row.status} already"


def leaves(row: Payout) -> tuple[int, str]:
    """(minor units, currency) that leave for a payout."""
    return (row.pay_amount, row.pay_currency) if row.pay_currency else (row.amount, row.currency)


def _numbers(session: Session, rows: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    wanted = sorted(rows)
    for start in range(0, len(wanted), _CHUNK):
        some = PayoutEvent.payout_id.in_(wanted[start : start + _CHUNK])
        query = sa.select(PayoutEvent.payout_id, sa.func.max(PayoutEvent.number)).where(some)
        for payout_id, number in session.execute(query.group_by(PayoutEvent.payout_id)):
            found[payout_id] = int(number)
    return found


def _drafts(row: Payout, told: Told, at: datetime) -> list[Draft]:
    out = "fx" if row.through_fx else "bank"
    if told.outcome == "paid":
        paid = [draft(row, "payout_paid", told.reason, at, "payout_in_transit", out)]
        return [*paid, _conversion(row, "conversion", told.reason, at)] if row.through_fx else paid
    if told.outcome in ("failed", "returned"):
        left = row.status == "paid"
        failed = [draft(row, "payout_failed", told.reason, at, out if left else "payout_in_transit", "creator_settled")]
        back = left and row.through_fx
        return [_conversion(row, "conversion_back", told.reason, at), *failed] if back else failed
    return []


def _conversion(row: Payout, name: str, reason: str, at: datetime) -> Draft:
    """What left in the currency that was paid, or came back: zero within it, so that each currency stands by itself."""
    amount = row.pay_amount if name == "conversion" else -row.pay_amount
    return Draft(
        reference=f"{name}:{row.id}", subject=f"payout:{row.id}", kind="conversion", shop_id=row.shop_id,
        currency=row.pay_currency, reason=reason, occurred_at=at, creator_id=row.creator_id,
        postings=moved("fx", "bank", amount, row.creator_id),
    )  # fmt: skip


def draft(row: Payout, kind: str, reason: str, at: datetime, source: str, target: str) -> Draft:
    """The entry that carries a payout's amount from one account to another."""
    return Draft(
        reference=f"{kind}:{row.id}", subject=f"payout:{row.id}", kind=kind, shop_id=row.shop_id, currency=row.currency,
        reason=reason, occurred_at=at, creator_id=row.creator_id,
        postings=moved(source, target, row.amount, row.creator_id),
    )  # fmt: skip


def _event(payout_id: str, number: int, told: Told, at: datetime, by: str) -> dict[str, Any]:
    return {
        "id": new_id("pev"), "payout_id": payout_id, "number": number, "outcome": told.outcome, "reason": told.reason,
        "detail": told.detail[:200], "rail_ref": told.ref, "occurred_at": at, "recorded_at": clock.wall(),
        "recorded_by": by,
    }  # fmt: skip


def _write(
    session: Session, changed: dict[str, dict[str, Any]], events: list[dict[str, Any]], drafts: list[Draft]
) -> None:
    if not changed:
        return
    session.execute(sa.update(Payout), list(changed.values()))
    session.execute(sa.insert(PayoutEvent), events)
    journal.post_all(session, drafts)


def _said(row: Payout, told: Told) -> dict[str, Any]:
    amount, currency = leaves(row)
    return {
        "creator_id": row.creator_id, "shop_id": row.shop_id, "payout_id": row.id, "reason": told.reason,
        "amount": amount, "currency": currency,
    }  # fmt: skip
