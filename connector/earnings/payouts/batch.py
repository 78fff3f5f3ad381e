"""Payout batches: settled balances above zero are looked at, booked, approved, handed to a rail, and followed.

    preview   (nothing is booked)                   who would be paid what, what is left out and why
    prepare   creator_settled → payout_in_transit   rows and entries in one transaction
    approve   (nothing is booked)                   by a second person, where the sum asks for one
    refuse    payout_in_transit → creator_settled   by the second person, or by anybody before it was handed over
    hand over (`hand_over`)                         a file, or calls; repeated after a crash it is the same
    outcomes  (`outcomes`)                          sent, paid, failed, returned, unknown

Each shop's balance is paid by itself, and a negative one at another shop takes nothing off (R17); a shop's minimum is
held against the creator's sum over all shops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import audit, clock, money, notices
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.commission import frozen
from connector.earnings.ledger import journal, outstanding
from connector.earnings.ledger.entry import Draft, check, moved
from connector.earnings.payouts import conversion, funding, outcomes, policy, rails
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.plan import Aside, Owed, Person, Plan, Row, made
from connector.earnings.payouts.rails import Told, Transfer
from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.earnings.settlement import pieces
from connector.errors import Conflict, InputRefused, LedgerRefused, NotAllowed, NotFound
from connector.programme.creators import payees
from connector.programme.creators.payees import Details
from connector.programme.creators.tables import Creator

# What keeps a balance back and only the creator can mend, or should know of.
HELD = frozenset(
    {"payee_missing", "payee_unconfirmed", "payee_held", "payee_other_rail", "currency_not_served", "freeze"}
)
_LOCK = 7_305_116  # any number: the first half of the advisory lock of a currency's payouts
_CHUNK = 500
# Batches of one day count together: a large sum isn't split to get round the second person.
_TOGETHER = timedelta(hours=24)


def preview(session: Session, currency: str, as_of: datetime, *, minimum: int | None = None, rail: str = "csv") -> Plan:
    """What `prepare` would book now. Errors: as `prepare`."""
    money.exponent(currency)
    if minimum is not None and minimum < 0:
        raise InputRefused("minimum", "is below zero.")
    return _planned(session, outstanding.settled(session, currency), currency, as_of, minimum, rails.named(rail))


def in_sight(session: Session, balances: Sequence[tuple[str, str, int]], currency: str, as_of: datetime) -> Plan:
    """What the next batch would pay of these (shop, creator, settled) balances, and what it would leave and why, by
    whichever rail that can: for one creator's calendar. Nothing is booked."""
    return _planned(session, balances, currency, as_of, None, _AnyRail())


class _AnyRail:
    """Nobody knows by which rail the next batch goes."""

    slug = "any"

    def refuses(self, payee: Details, currency: str) -> str:
        return ""


def _planned(
    session: Session, balances: Sequence[tuple[str, str, int]], currency: str, as_of: datetime, minimum: int | None,
    chosen: rails.Rail,
) -> Plan:  # fmt: skip
    every = _owed(session, balances, currency, as_of, minimum)
    # A closing that is under way stands in the ledger by half, and its statements begin from these balances.
    closing = pieces.being_closed(session)
    open_now = [each for each in every if each.shop_id not in closing]
    owed = [each for each in open_now if not frozen.is_frozen(session, each.creator_id, each.shop_id)]
    people = _people(session, {each.creator_id for each in owed})
    quotes = {person.details.currency for person in people.values() if person.details} - {"", currency}
    rates = conversion.newest(session, currency, quotes, as_of)
    plan = made(owed, people, chosen, currency, rates, as_of, policy.current().rates_are_good_for)
    bookable, refused = [], []
    for row in plan.pay:
        try:
            check(_entry("?", row, currency, as_of))
            bookable.append(row)
        except LedgerRefused:
            refused.append(Aside(row.shop_id, row.creator_id, row.amount, "ledger_refused"))
    kept = set(owed)
    held = [Aside(each.shop_id, each.creator_id, each.amount, "freeze") for each in open_now if each not in kept]
    waits = [Aside(e.shop_id, e.creator_id, e.amount, "being_closed") for e in every if e.shop_id in closing]
    plan.pay, plan.aside = bookable, [*plan.aside, *refused, *held, *waits]
    return plan


def prepare(
    session: Session,
    key: str,
    currency: str,
    as_of: datetime,
    by: str,
    *,
    minimum: int | None = None,
    rail: str = "csv",
    seen: str | None = None,
) -> PayoutBatch:
    """Book a batch of everything that may be paid in `currency`; the batch that stands, for a known key.

    Shape:  one payout a shop and creator. What can't be paid is set aside with a reason, and the rest goes on.
            `seen` is the digest of the plan that a person looked at.
    Units:  `minimum`, in minor units, replaces the shops' own.
    Errors: MoneyRefused for the currency; InputRefused for an empty key, a minimum below zero, or no such rail;
            ConfigurationWrong when the rail isn't set up; Conflict when the key stands for a batch in another currency
            or by another rail, when facts moved since `seen`, or when another batch took the same balances first.
    """
    money.exponent(currency)
    if not key.strip() or len(key) > 200:
        raise InputRefused("key", "is empty or longer than 200 characters.", "Name the batch, like 2026-11 EUR.")
    _wait_for_others(session, currency)
    known = session.execute(sa.select(PayoutBatch).where(PayoutBatch.key == key)).scalar_one_or_none()
    if known is not None:
        if (known.currency, known.rail) != (currency, rail):
            raise Conflict(f"the key {key!r} stands for batch {known.id} in {known.currency} by {known.rail}")
        return known
    _hold_shops(session, currency)
    plan = preview(session, currency, as_of, minimum=minimum, rail=rail)
    if seen is not None and seen != plan.digest():
        raise Conflict("what would be paid has changed since it was looked at: look again")
    batch = PayoutBatch(
        id=new_id("bat"), key=key, rail=rail, currency=currency, rows=len(plan.pay), total=plan.total,
        status="awaiting" if _needs_second(session, plan.total, currency, as_of) else "prepared",
        prepared_at=as_of, prepared_by=by,
    )  # fmt: skip
    try:
        _book(session, batch, plan)
    except IntegrityError as error:
        raise Conflict("another batch was prepared at the same moment; look at it, then try again") from error
    held = [
        {
            "creator_id": each.creator_id, "shop_id": each.shop_id, "reason": each.reason, "currency": currency,
            "amount": each.amount, "until": each.until.isoformat() if each.until else None,
        }
        for each in plan.aside
        if each.reason in HELD
    ]  # fmt: skip
    notices.say_all(session, "payout.held", held)
    audit.record(
        session, by, "payout.prepare", batch.id, key=key, currency=currency, rows=batch.rows, total=batch.total,
        set_aside=len(plan.aside), rail=rail,
    )  # fmt: skip
    session.flush()
    return batch


def approve(session: Session, batch_id: str, as_of: datetime, by: str) -> PayoutBatch:
    """The second person says yes. A batch that is approved already stays as it is.

    Errors: NotFound; NotAllowed for whoever prepared it; Conflict when it was refused.
    """
    batch = fresh(session, batch_id)
    if batch.status == "refused":
        raise Conflict(f"batch {batch_id} was refused: its money is settled again")
    if batch.status != "awaiting":
        return batch
    if batch.prepared_by == by:
        raise NotAllowed("who prepared a batch approves it", public="Somebody else has to approve: you prepared it.")
    if _moved(session, batch_id, ("awaiting",), "prepared", decided_at=as_of, decided_by=by):
        audit.record(session, by, "payout.approve", batch_id, total=batch.total, currency=batch.currency)
    return fresh(session, batch_id)


def refuse(session: Session, batch_id: str, as_of: datetime, by: str, why: str) -> PayoutBatch:
    """The batch isn't paid after all: its money is settled again. Who prepared it may take it back too.

    Errors: NotFound; InputRefused without a reason; Conflict once it was handed over: then outcomes decide.
    """
    batch = fresh(session, batch_id)
    if batch.status == "refused":
        return batch
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say why, for the one who prepared it.")
    unhanded = PayoutBatch.handed_at.is_(None)
    if not _moved(
        session, batch_id, ("awaiting", "prepared"), "refused", unhanded,
        decided_at=as_of, decided_by=by, decided_why=why.strip()[:500],
    ):  # fmt: skip
        raise Conflict(f"batch {batch_id} was handed over: say what became of its transfers instead")
    rows = _rows(session, batch_id)
    journal.post_all(
        session,
        [
            outcomes.draft(row, "payout_failed", "batch_refused", as_of, "payout_in_transit", "creator_settled")
            for row in rows
        ],
    )
    session.execute(
        sa.update(Payout).where(Payout.batch_id == batch_id).values(status="refused", outcome_reason="batch_refused")
    )
    audit.record(session, by, "payout.refuse", batch_id, rows=len(rows))
    return fresh(session, batch_id)


def mark_handed(session: Session, batch_id: str, as_of: datetime) -> PayoutBatch:
    """Note that a batch goes to its rail now, the first time. Errors: NotFound; Conflict when it may not."""
    may_be_handed(fresh(session, batch_id))
    session.execute(
        sa.update(PayoutBatch)
        .where(PayoutBatch.id == batch_id, PayoutBatch.handed_at.is_(None), PayoutBatch.status == "prepared")
        .values(handed_at=as_of)
    )
    batch = fresh(session, batch_id)
    may_be_handed(batch)
    return batch


def may_be_handed(batch: PayoutBatch) -> None:
    """Errors: Conflict when nothing of this batch may leave."""
    if batch.status == "awaiting":
        raise Conflict(f"batch {batch.id} waits for a second person to approve it")
    if batch.status == "refused":
        raise Conflict(f"batch {batch.id} was refused")


def mark_sent(session: Session, batch_id: str, as_of: datetime, by: str) -> PayoutBatch:
    """A person handed the file to the bank. A batch that is sent or paid already stays as it is.

    Errors: NotFound; Conflict when it may not be handed over.
    """
    batch = mark_handed(session, batch_id, as_of)
    if batch.status != "prepared":
        return batch
    told = Told("sent", "handed_to_rail")
    waiting = [Heard(row.id, told) for row in _rows(session, batch_id) if row.status == "prepared"]
    outcomes.take(session, waiting, as_of, by)
    if _moved(session, batch_id, ("prepared",), "sent", sent_at=as_of) or waiting:
        audit.record(session, by, "payout.sent", batch_id)
    return fresh(session, batch_id)


def mark_paid(session: Session, batch_id: str, as_of: datetime, by: str) -> PayoutBatch:
    """The money of every row that was sent left the bank. Rows that failed, came back or aren't known stay so.

    Errors: NotFound; Conflict when it wasn't marked as sent.
    """
    batch = fresh(session, batch_id)
    if batch.status in ("paid", "finished"):
        return batch
    if batch.status != "sent":
        raise Conflict(f"batch {batch_id} is {batch.status}: mark it as sent first")
    told = Told("paid", "batch_paid")
    sent = [Heard(row.id, told) for row in _rows(session, batch_id) if row.status == "sent"]
    outcomes.take(session, sent, as_of, by)
    if not sent:
        outcomes.follow(session, batch_id, as_of)
    audit.record(session, by, "payout.paid", batch_id, rows=len(sent))
    return fresh(session, batch_id)


def transfers(
    session: Session, batch_id: str, *, statuses: Sequence[str] | None = None, payout_ids: Sequence[str] | None = None
) -> list[Transfer]:
    """A batch's rows as a rail wants them, always the same ones in the same order. Errors: NotFound.

    They go to the version of the details that was in force when the batch was booked.
    """
    fresh(session, batch_id)
    query = (
        sa.select(
            Payout.id, Shop.domain, Creator.handle, Creator.name, Payout.amount, Payout.currency, Payout.pay_amount,
            Payout.pay_currency, Payout.payee_id,
        )
        .join(Shop, Shop.id == Payout.shop_id)
        .join(Creator, Creator.id == Payout.creator_id)
        .where(Payout.batch_id == batch_id)
        .order_by(Creator.handle, Shop.domain, Payout.id)
    )  # fmt: skip
    if statuses is not None:
        query = query.where(Payout.status.in_(statuses))
    if payout_ids is not None:
        query = query.where(Payout.id.in_(payout_ids))
    rows = session.execute(query).all()
    opened = payees.details(session, {row.payee_id for row in rows if row.payee_id})
    return [
        Transfer(
            row.id, row.domain, row.handle, row.pay_amount or row.amount, row.pay_currency or row.currency,
            opened.get(row.payee_id) or Details(name=row.name, country=""),
        )
        for row in rows
    ]  # fmt: skip


def _wait_for_others(session: Session, currency: str) -> None:
    """One batch of a currency is prepared at a time. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, int.from_bytes(currency.encode(), "big"))))


def _hold_shops(session: Session, currency: str) -> None:
    """No closing begins until the batch is booked: its statements begin from these balances. SQLite has one writer."""
    if session.get_bind().dialect.name == "postgresql":
        shop_ids = sorted({shop_id for shop_id, _, _ in outstanding.settled(session, currency)})
        for start in range(0, len(shop_ids), _CHUNK):
            some = sa.select(Shop.id).where(Shop.id.in_(shop_ids[start : start + _CHUNK])).order_by(Shop.id)
            session.execute(some.with_for_update(read=True))


def _owed(
    session: Session, balances: Sequence[tuple[str, str, int]], currency: str, as_of: datetime, minimum: int | None
) -> list[Owed]:
    payable = funding.payable(session, balances, currency, as_of)
    least: dict[str, int] = {}
    for shop_id, _, _ in balances:
        if shop_id not in least:
            own = settings.whole(session, shop_id, "minimum_payout", as_of) if minimum is None else minimum
            least[shop_id] = own
    return [
        Owed(shop_id, creator_id, amount, now, least[shop_id])
        for (shop_id, creator_id, amount), now in zip(balances, payable, strict=True)
    ]


def _people(session: Session, creator_ids: set[str]) -> Mapping[str, Person]:
    """Whom the balances belong to, and their details by the clock, whatever moment the books are read as of: no
    backdated batch pays to an account that was given up, and no forward one to an account that is held."""
    wanted = sorted(creator_ids)
    known: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        some = sa.select(Creator.id).where(Creator.id.in_(wanted[start : start + _CHUNK]))
        known.update(session.scalars(some))
    found = {}
    for creator_id, stands in payees.standings(session, known, clock.now()).items():
        if stands.reason or stands.payee is None:
            found[creator_id] = Person(stands.reason, stands.until)
        else:
            found[creator_id] = Person("", None, stands.payee.id, payees.unsealed(stands.payee.sealed))
    return found


def _needs_second(session: Session, total: int, currency: str, as_of: datetime) -> bool:
    recent = session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(PayoutBatch.total), 0)).where(
            PayoutBatch.currency == currency, PayoutBatch.prepared_at > as_of - _TOGETHER,
            PayoutBatch.prepared_at <= as_of, PayoutBatch.status != "refused", PayoutBatch.decided_by == "",
        )
    )  # fmt: skip
    return total > 0 and policy.current().needs_second(total + int(recent or 0), currency)


def _book(session: Session, batch: PayoutBatch, plan: Plan) -> None:
    last = _last_numbers(session, batch.currency)
    rows: list[dict[str, Any]] = []
    drafts: list[Draft] = []
    for row in plan.pay:
        payout_id = new_id("pay")
        rows.append(_row(payout_id, batch, row, last.get((row.shop_id, row.creator_id), 0) + 1))
        drafts.append(_entry(payout_id, row, batch.currency, batch.prepared_at))
    session.add(batch)
    session.flush()
    if rows:
        session.execute(sa.insert(Payout), rows)
    aside = [
        {
            "id": new_id("psa"), "batch_id": batch.id, "shop_id": each.shop_id, "creator_id": each.creator_id,
            "currency": batch.currency, "amount": each.amount, "missing": each.missing, "reason": each.reason,
            "until": each.until,
        }
        for each in plan.aside
    ]  # fmt: skip
    if aside:
        session.execute(sa.insert(SetAside), aside)
    # Their subjects are new: nothing to look up.
    journal.post_all(session, drafts, unbooked=True)


def _row(payout_id: str, batch: PayoutBatch, row: Row, sequence: int) -> dict[str, Any]:
    rate = row.rate
    return {
        "id": payout_id, "batch_id": batch.id, "shop_id": row.shop_id, "creator_id": row.creator_id,
        "currency": batch.currency, "sequence": sequence, "amount": row.amount, "status": "prepared",
        "created_at": batch.prepared_at, "payee_id": row.payee_id, "pay_currency": row.pay_currency,
        "pay_amount": row.pay_amount, "rate": rate.rate if rate else "", "rate_source": rate.source if rate else "",
        "rate_at": rate.quoted_at if rate else None, "through_fx": rate is not None,
    }  # fmt: skip


def _entry(payout_id: str, row: Row, currency: str, as_of: datetime) -> Draft:
    return Draft(
        reference=f"payout:{payout_id}", subject=f"payout:{payout_id}", kind="payout", shop_id=row.shop_id,
        currency=currency, reason="batch_prepared", occurred_at=as_of, creator_id=row.creator_id, sequence=1,
        postings=moved("creator_settled", "payout_in_transit", row.amount, row.creator_id),
    )  # fmt: skip


def _last_numbers(session: Session, currency: str) -> dict[tuple[str, str], int]:
    query = (
        sa.select(Payout.shop_id, Payout.creator_id, sa.func.max(Payout.sequence))
        .where(Payout.currency == currency)
        .group_by(Payout.shop_id, Payout.creator_id)
    )
    return {(shop_id, creator_id): int(number) for shop_id, creator_id, number in session.execute(query)}


def _rows(session: Session, batch_id: str) -> list[Payout]:
    query = sa.select(Payout).where(Payout.batch_id == batch_id).order_by(Payout.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _moved(
    session: Session, batch_id: str, before: Sequence[str], status: str, *more: sa.ColumnElement[bool], **values: Any
) -> bool:
    """Whether it was us who moved the batch on: of two at once, one."""
    claim = sa.update(PayoutBatch).where(PayoutBatch.id == batch_id, PayoutBatch.status.in_(before), *more)
    moved_on = claim.values(status=status, **values).returning(PayoutBatch.id)
    return session.execute(moved_on).scalar_one_or_none() is not None


def fresh(session: Session, batch_id: str) -> PayoutBatch:
    """A batch as it stands in the database now. Errors: NotFound."""
    query = sa.select(PayoutBatch).where(PayoutBatch.id == batch_id)
    batch = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if batch is None:
        raise NotFound(f"no payout batch has the id {batch_id[:40]!r}")
    return batch
