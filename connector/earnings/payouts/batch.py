"""Payout batches: settled balances above zero are handed to a rail, then confirmed.

    prepare    creator_settled → payout_in_transit   rows and entries in one transaction; then the rail gets the file
    mark_sent  (nothing is booked)                   a person uploaded it
    mark_paid  payout_in_transit → bank              the bank says that it left

A shop whose setting `payout_when` is `advance` is paid from before its merchant's money came in; one that says `funded`
is left out until there are receipts to go by. Each shop's balance is paid by itself, and a negative one at another shop
takes nothing off (R17); a shop's minimum is held against the creator's sum over all shops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import audit, money
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.ledger import journal, outstanding
from connector.earnings.ledger.entry import Draft, check, moved
from connector.earnings.payouts import rails
from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.errors import Conflict, InputRefused, LedgerRefused, NotFound
from connector.programme.creators.tables import Creator

_LOCK = 7_305_116  # any number: the first half of the advisory lock of a currency's payouts


@dataclass(slots=True)
class _Plan:
    """Who gets what: (shop, creator, amount) rows to pay, and rows to leave for the next batch."""

    pay: list[tuple[str, str, int]] = field(default_factory=list)
    aside: list[dict[str, object]] = field(default_factory=list)

    def leave(self, reason: str, shop_id: str, creator_id: str, amount: int, missing: int = 0) -> None:
        self.aside.append(
            {"shop_id": shop_id, "creator_id": creator_id, "amount": amount, "missing": missing, "reason": reason}
        )


def prepare(
    session: Session,
    key: str,
    currency: str,
    as_of: datetime,
    by: str,
    *,
    minimum: int | None = None,
    rail: str = "csv",
) -> PayoutBatch:
    """Book a batch of everything that is settled and above zero in `currency`; the batch that stands, for a known key.

    Shape:  one payout a shop and creator. Rows that can't be paid are set aside with a reason, and the rest goes on.
    Units:  `minimum`, in minor units, replaces the shops' own.
    Errors: MoneyRefused for the currency; InputRefused for an empty key or a minimum below zero; Conflict when the key
            stands for a batch in another currency, or another batch took the same balances first.
    """
    money.exponent(currency)
    if not key.strip() or len(key) > 200:
        raise InputRefused("key", "is empty or longer than 200 characters.", "Name the batch, like 2026-11 EUR.")
    if minimum is not None and minimum < 0:
        raise InputRefused("minimum", "is below zero.")
    _wait_for_others(session, currency)
    known = session.execute(sa.select(PayoutBatch).where(PayoutBatch.key == key)).scalar_one_or_none()
    if known is not None:
        if known.currency != currency:
            raise Conflict(f"the key {key!r} stands for batch {known.id} in {known.currency}")
        return known
    balances = outstanding.settled(session, currency)
    rules = {shop_id: _rules(session, shop_id, as_of, minimum) for shop_id, _, _ in balances}
    plan = _plan(balances, rules, _known(session, {creator_id for _, creator_id, _ in balances}))
    batch = PayoutBatch(
        id=new_id("bat"), key=key, rail=rail, currency=currency, status="prepared", rows=0, total=0,
        prepared_at=as_of, prepared_by=by,
    )  # fmt: skip
    batch.file_name = rails.file_name(batch.id)
    try:
        _book(session, batch, plan)
    except IntegrityError as error:
        raise Conflict("another batch was prepared at the same moment; look at it, then try again") from error
    audit.record(
        session, by, "payout.prepare", batch.id, key=key, currency=currency, rows=batch.rows, total=batch.total,
        set_aside=len(plan.aside),
    )  # fmt: skip
    session.flush()
    return batch


def mark_sent(session: Session, batch_id: str, as_of: datetime, by: str) -> PayoutBatch:
    """A person handed the file to the bank. A batch that is sent or paid already stays as it is.

    Errors: NotFound.
    """
    if _moved(session, batch_id, "prepared", "sent", sent_at=as_of):
        session.execute(sa.update(Payout).where(Payout.batch_id == batch_id).values(status="sent"))
        audit.record(session, by, "payout.sent", batch_id)
    return _fresh(session, batch_id)


def mark_paid(session: Session, batch_id: str, as_of: datetime, by: str) -> PayoutBatch:
    """The money left the bank: in transit becomes paid. Once: a batch that is paid already stays as it is.

    Errors: NotFound; Conflict when it wasn't marked as sent.
    """
    if not _moved(session, batch_id, "sent", "paid", paid_at=as_of):
        batch = _fresh(session, batch_id)
        if batch.status != "paid":
            raise Conflict(f"batch {batch_id} is {batch.status}: mark it as sent first")
        return batch
    rows = session.execute(sa.select(Payout).where(Payout.batch_id == batch_id).order_by(Payout.id)).scalars().all()
    journal.post_all(session, [_draft(row, "payout_paid", as_of) for row in rows])
    session.execute(sa.update(Payout).where(Payout.batch_id == batch_id).values(status="paid", paid_at=as_of))
    audit.record(session, by, "payout.paid", batch_id, rows=len(rows))
    return _fresh(session, batch_id)


def transfers(session: Session, batch_id: str) -> list[rails.Transfer]:
    """A batch's rows as a rail wants them, always the same ones in the same order. Errors: NotFound."""
    _fresh(session, batch_id)
    query = (
        sa.select(Payout.id, Shop.domain, Creator.handle, Creator.name, Payout.amount, Payout.currency)
        .join(Shop, Shop.id == Payout.shop_id)
        .join(Creator, Creator.id == Payout.creator_id)
        .where(Payout.batch_id == batch_id)
        .order_by(Creator.handle, Shop.domain, Payout.id)
    )
    return [rails.Transfer(*row) for row in session.execute(query)]


def _wait_for_others(session: Session, currency: str) -> None:
    """One batch of a currency is prepared at a time. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, int.from_bytes(currency.encode(), "big"))))


def _known(session: Session, creator_ids: Iterable[str]) -> set[str]:
    wanted = sorted(creator_ids)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        found.update(
            session.execute(sa.select(Creator.id).where(Creator.id.in_(wanted[start : start + 500]))).scalars()
        )
    return found


def _rules(session: Session, shop_id: str, as_of: datetime, minimum: int | None) -> tuple[bool, int]:
    """(paid in advance?, minimum) of a shop at `as_of`."""
    advance = settings.at(session, shop_id, "payout_when", as_of) == "advance"
    return advance, settings.whole(session, shop_id, "minimum_payout", as_of) if minimum is None else minimum


def _plan(balances: Sequence[tuple[str, str, int]], rules: Mapping[str, tuple[bool, int]], known: set[str]) -> _Plan:
    """Pure: what to do with each (shop, creator, settled balance)."""
    plan = _Plan()
    sums: dict[str, int] = defaultdict(int)
    for _, creator_id, amount in balances:
        sums[creator_id] += max(amount, 0)
    for shop_id, creator_id, amount in balances:
        advance, minimum = rules[shop_id]
        if creator_id not in known:
            plan.leave("creator_unknown", shop_id, creator_id, amount)
        elif amount < 0:
            plan.leave("negative_balance", shop_id, creator_id, amount)
        elif not advance:
            plan.leave("unfunded", shop_id, creator_id, amount)
        elif sums[creator_id] < minimum:
            plan.leave("below_minimum", shop_id, creator_id, amount, missing=minimum - sums[creator_id])
        else:
            plan.pay.append((shop_id, creator_id, amount))
    return plan


def _book(session: Session, batch: PayoutBatch, plan: _Plan) -> None:
    last = _last_numbers(session, batch.currency)
    rows, drafts = [], []
    for shop_id, creator_id, amount in plan.pay:
        row = Payout(
            id=new_id("pay"), batch_id=batch.id, shop_id=shop_id, creator_id=creator_id, currency=batch.currency,
            sequence=last.get((shop_id, creator_id), 0) + 1, amount=amount, status="prepared",
            created_at=batch.prepared_at,
        )  # fmt: skip
        draft = _draft(row, "payout", batch.prepared_at)
        try:
            check(draft)
        except LedgerRefused:
            plan.leave("ledger_refused", shop_id, creator_id, amount)
            continue
        rows.append(row)
        drafts.append(draft)
    batch.rows, batch.total = len(rows), sum(row.amount for row in rows)
    session.add(batch)
    session.flush()
    session.add_all(rows)
    session.add_all(SetAside(id=new_id("psa"), batch_id=batch.id, currency=batch.currency, **row) for row in plan.aside)
    session.flush()
    journal.post_all(session, drafts)


def _last_numbers(session: Session, currency: str) -> dict[tuple[str, str], int]:
    query = (
        sa.select(Payout.shop_id, Payout.creator_id, sa.func.max(Payout.sequence))
        .where(Payout.currency == currency)
        .group_by(Payout.shop_id, Payout.creator_id)
    )
    return {(shop_id, creator_id): int(number) for shop_id, creator_id, number in session.execute(query)}


def _draft(row: Payout, kind: str, as_of: datetime) -> Draft:
    source, target = {
        "payout": ("creator_settled", "payout_in_transit"),
        "payout_paid": ("payout_in_transit", "bank"),
    }[kind]
    return Draft(
        reference=f"{kind}:{row.id}", subject=f"payout:{row.id}", kind=kind, shop_id=row.shop_id, currency=row.currency,
        reason="batch_prepared" if kind == "payout" else "batch_paid", occurred_at=as_of, creator_id=row.creator_id,
        postings=moved(source, target, row.amount, row.creator_id),
    )  # fmt: skip


def _moved(session: Session, batch_id: str, before: str, status: str, **moment: datetime) -> bool:
    """Whether it was us who moved the batch on: of two at once, one."""
    claim = sa.update(PayoutBatch).where(PayoutBatch.id == batch_id, PayoutBatch.status == before)
    moved_on = claim.values(status=status, **moment).returning(PayoutBatch.id)
    return session.execute(moved_on).scalar_one_or_none() is not None


def _fresh(session: Session, batch_id: str) -> PayoutBatch:
    query = sa.select(PayoutBatch).where(PayoutBatch.id == batch_id)
    batch = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if batch is None:
        raise NotFound(f"no payout batch has the id {batch_id!r}")
    return batch
