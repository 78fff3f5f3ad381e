"""One act on many: invite a list of creators, or answer the offers of a thousand. Row by row, each audited as if it had
come alone; what is refused is listed with its reason and stops no other row.

A batch keeps its own checkpoint (the rows that wait), so that a job that is killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import negotiation, proposals, terms
from connector.programme.collaborations.invitations import MOST, Invited
from connector.programme.collaborations.moves import Answer, MoveRefused
from connector.programme.collaborations.negotiation import BeginRefused
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import Negotiation, Offer, OfferBatch, OfferBatchRow
from connector.programme.creators.handles import canonical
from connector.programme.creators.tables import Creator
from connector.programme.policies import use_terms

JOB = "offers.batch"
# Rows of one transaction: invitations are a handful of statements together, an acceptance some twenty each.
AT_ONCE = {"invite": 250, "accept": 25, "decline": 100, "withdraw": 100}
# A batch no larger than this is done with while its page waits.
SMALL = 25
WAITING, TAKEN, REFUSED = "waiting", "taken", "refused"
# Fields of a proposal in a sentence.
_FIELDS = {
    "rate_bp": "The rate", "product_refs": "The products", "starts_at": "The first day", "ends_at": "The last day",
    "expires_at": "The time to answer", "flat_fee": "The flat fee", "fee_currency": "The flat fee", "note": "The note",
}  # fmt: skip


class Choice(msgspec.Struct, frozen=True):
    """Which offers of creators are answered together. Every bound that is given must hold."""

    most_bp: int | None = None
    least_followers: int | None = None
    without_sample: bool = False  # only those that wish for none
    most_fee: int | None = None  # minor units of the shop's currency; 0: only those without a flat fee


def invite(
    session: Session, shop_id: str, rows: Sequence[Invited], given: Proposal, *, by: str, file_name: str = "",
    key: str | None = None, now: datetime | None = None,
) -> OfferBatch:  # fmt: skip
    """Keep a list of invitations, each a first offer of the shop; `work` makes them. Who stands in the list twice is
    invited once.

    `key`: a request repeated with it finds the same batch. Errors: NotFound; InputRefused by field, for the offer that
    all get; TermsOwed.
    """
    now = now or clock.now()
    if known := _repeated(session, shop_id, key):
        return known
    if not 1 <= len(rows) <= MOST:
        raise InputRefused("rows", f"are none, or more than {MOST:,}.", "Split the list.")
    if session.get(Shop, shop_id) is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")
    use_terms.hold(session, "merchant", shop_id, now)
    given = proposals.checked(session, shop_id, given, now)
    made = _batch(session, shop_id, "invite", msgspec.to_builtins(given), len(rows), by, key, now, file_name)
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        reason, detail = _before(row, seen)
        found.append(
            _columns(
                made.id, row.number, row.handle, rate_bp=row.rate_bp, flat_fee=row.flat_fee, reason=reason,
                detail=detail,
            )
        )  # fmt: skip
    session.connection().execute(sa.insert(OfferBatchRow), found)
    return made


def answer(
    session: Session, shop_id: str, act: Literal["accept", "decline"], chosen: Choice, *, by: str,
    key: str | None = None, now: datetime | None = None,
) -> OfferBatch:  # fmt: skip
    """Keep the answer to every offer of a creator that waits for the shop and is among the chosen; `work` gives it.

    What is answered is the offer as it stands now: one that the creator replaces meanwhile is refused, and listed.
    Errors: NotFound; Conflict when nothing is chosen; TermsOwed.
    """
    now = now or clock.now()
    if known := _repeated(session, shop_id, key):
        return known
    if session.get(Shop, shop_id) is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")
    if act == "accept":
        use_terms.hold(session, "merchant", shop_id, now)
    rows = session.execute(_chosen(shop_id, chosen, now)).all()
    if not rows:
        raise Conflict("no offer is chosen", public="No offer waits for you that these limits let through.")
    made = _batch(session, shop_id, act, msgspec.to_builtins(chosen), len(rows), by, key, now)
    _keep_rows(session, made, rows)
    return made


def withdraw(
    session: Session, batch_id: str, *, shop_id: str | None = None, by: str, key: str | None = None,
    now: datetime | None = None,
) -> OfferBatch:  # fmt: skip
    """Keep that the shop takes back the invitations of a list that still wait for their creators; `work` does it. One
    that is answered before its turn stays as it was answered, and is listed.

    Errors: NotFound, another shop's included; Conflict for what is no list of invitations, while it is being sent, and
    where none waits.
    """
    now = now or clock.now()
    batch = get(session, batch_id, shop_id=shop_id)
    if known := _repeated(session, batch.shop_id, key):
        return known
    if batch.act != "invite":
        raise Conflict(f"{batch.id} is {batch.act}", public="Only a list of invitations can be taken back.")
    if batch.status != "done":
        raise Conflict(f"{batch.id} is under way", public="The list is still being sent. Take it back once it is done.")
    asked = (
        sa.select(Negotiation.id, Negotiation.number, Creator.handle, Offer.rate_bp, Offer.flat_fee)
        .join(OfferBatchRow, OfferBatchRow.negotiation_id == Negotiation.id)
        .join(Offer, sa.and_(Offer.negotiation_id == Negotiation.id, Offer.number == Negotiation.number))
        .join(Creator, Creator.id == Negotiation.creator_id)
        .where(OfferBatchRow.batch_id == batch.id, OfferBatchRow.offer_number == Negotiation.number)
        .where(negotiation.waits_for("creator", now))
        .order_by(OfferBatchRow.number)
    )
    rows = session.execute(asked).all()
    if not rows:
        raise Conflict("nothing waits", public="None of these invitations waits for its creator any more.")
    made = _batch(session, batch.shop_id, "withdraw", {"batch_id": batch.id}, len(rows), by, key, now, batch.file_name)
    _keep_rows(session, made, rows)
    return made


def became(session: Session, batch_id: str, now: datetime) -> dict[str, int]:
    """What became of the invitations of a list: waits | countered | agreed | declined | expired | withdrawn → how many.
    `waits`: the shop's own first offer can still be taken back."""
    living = negotiation.living(now)
    theirs = sa.and_(Negotiation.turn == "creator", Negotiation.number == OfferBatchRow.offer_number)
    what = sa.case(
        (sa.and_(living, theirs), "waits"), (living, "countered"), (Negotiation.state == "open", "expired"),
        else_=Negotiation.state,
    )  # fmt: skip
    asked = (
        sa.select(what, sa.func.count())
        .select_from(OfferBatchRow)
        .join(Negotiation, Negotiation.id == OfferBatchRow.negotiation_id)
        .where(OfferBatchRow.batch_id == batch_id, OfferBatchRow.outcome == TAKEN)
        .group_by(what)
    )
    return {str(name): int(number) for name, number in session.execute(asked)}


def _keep_rows(session: Session, made: OfferBatch, rows: Sequence[Any]) -> None:
    """The offers that a batch is about, as they stand now."""
    session.connection().execute(
        sa.insert(OfferBatchRow),
        [
            _columns(
                made.id, place, row.handle, rate_bp=row.rate_bp, flat_fee=row.flat_fee, negotiation_id=row.id,
                offer_number=row.number,
            )
            for place, row in enumerate(rows, 1)
        ],
    )  # fmt: skip


class Seen(msgspec.Struct, frozen=True):
    """What would be answered, as somebody looks at it. Rates are basis points, fees minor units of the shop's."""

    many: int
    least_bp: int
    most_bp: int
    fees: int  # of all together
    samples: int  # how many wish for one
    ends_at: datetime  # of the one that lasts longest
    mark: str  # of just these offers: where one came, went or was replaced, it is another one


def look(session: Session, shop_id: str, chosen: Choice, now: datetime) -> Seen | None:
    """Which offers are chosen now, summed up; None: none is."""
    rows = session.execute(_chosen(shop_id, chosen, now)).all()
    if not rows:
        return None
    rates = [row.rate_bp for row in rows]
    mark = hashlib.sha256("".join(f"{row.id}:{row.number}," for row in rows).encode()).hexdigest()[:32]
    return Seen(
        len(rows), min(rates), max(rates), sum(row.flat_fee for row in rows), sum(row.sample for row in rows),
        max(row.ends_at for row in rows), mark,
    )  # fmt: skip


def _chosen(
    shop_id: str, chosen: Choice, now: datetime
) -> sa.Select[str, int, str, int, int, bool, datetime]:  # fmt: skip
    asked = (
        sa.select(
            Negotiation.id,
            Negotiation.number,
            Creator.handle,
            Offer.rate_bp,
            Offer.flat_fee,
            Offer.sample,
            Offer.ends_at,
        )
        .join(Offer, sa.and_(Offer.negotiation_id == Negotiation.id, Offer.number == Negotiation.number))
        .join(Creator, Creator.id == Negotiation.creator_id)
        .where(Negotiation.shop_id == shop_id, negotiation.waits_for("merchant", now))
        .order_by(Negotiation.id)
    )
    if chosen.most_bp is not None:
        asked = asked.where(Offer.rate_bp <= chosen.most_bp)
    if chosen.least_followers is not None:
        asked = asked.where(Creator.followers >= chosen.least_followers)
    if chosen.without_sample:
        asked = asked.where(Offer.sample.is_(False))
    if chosen.most_fee is not None:
        asked = asked.where(Offer.flat_fee <= chosen.most_fee)
    return asked


def start(session: Session, batch: OfferBatch) -> None:
    """Let a worker do it when the session's transaction commits."""
    # The minute in the key: asked again later, where a job was lost, it is begun again.
    jobs.enqueue(session, JOB, f"{batch.id}:{clock.wall():%Y%m%dT%H%M}", shop_id=batch.shop_id, batch_id=batch.id)


@jobs.workflow(JOB)
def job(batch_id: str, shop_id: str) -> None:
    """`work`, by a worker. It keeps its own checkpoint, row by row."""
    work(batch_id, shop_id)


def work(batch_id: str, shop_id: str, *, now: datetime | None = None) -> None:
    """Do what waits, some rows a transaction. Killed, or done twice at once, each row is taken once."""
    while True:
        with db.write(Scope.shop(shop_id)) as session:
            if not _some(session, batch_id, now or clock.now()):
                return
        jobs.check()


def _some(session: Session, batch_id: str, now: datetime) -> bool:
    """The next rows. False: the batch is done, or gone."""
    batch = session.get(OfferBatch, batch_id)
    if batch is None or batch.status == "done":
        return False
    # The shop first and the batch then, in the order of every act.
    session.execute(sa.select(Shop.id).where(Shop.id == batch.shop_id).with_for_update())
    session.refresh(batch, with_for_update=True)
    if batch.status == "done":
        return False
    asked = sa.select(OfferBatchRow).where(OfferBatchRow.batch_id == batch_id, OfferBatchRow.outcome == WAITING)
    rows = session.scalars(asked.order_by(OfferBatchRow.number).limit(AT_ONCE[batch.act])).all()
    if rows:
        (_invite if batch.act == "invite" else _answer)(session, batch, rows, now)
        session.flush()
        return True
    batch.status, batch.finished_at = "done", now
    audit.record(session, batch.began_by, f"offer_batch.{batch.act}", batch.id, shop_id=batch.shop_id, rows=batch.rows)
    return False


def _invite(session: Session, batch: OfferBatch, rows: Sequence[OfferBatchRow], now: datetime) -> None:
    given = msgspec.convert(batch.asked, Proposal)
    keys = {row.number: canonical(row.said) for row in rows}
    found = session.scalars(sa.select(Creator).where(Creator.handle.in_(list(keys.values()))))
    people = {each.handle: each for each in found}
    asked: dict[str, Proposal] = {}
    by_creator: dict[str, OfferBatchRow] = {}
    for row in rows:
        person = people.get(keys[row.number])
        if person is None or person.erased_at is not None:
            _refuse(row, "creator_not_found")
            continue
        own = {name: getattr(row, name) for name in ("rate_bp", "flat_fee") if getattr(row, name) is not None}
        offered = msgspec.structs.replace(given, **own)
        asked[person.id], by_creator[person.id] = offered, row
    checked: dict[tuple[int, int], Proposal | InputRefused] = {}
    for creator_id, offered in list(asked.items()):
        key = (offered.rate_bp, offered.flat_fee)
        if key not in checked:
            try:
                checked[key] = proposals.checked(session, batch.shop_id, offered, now)
            except InputRefused as refused:  # its time passed while the batch waited, or a product went
                checked[key] = refused
        found_so = checked[key]
        if isinstance(found_so, InputRefused):
            _refuse(by_creator.pop(creator_id), "offer_not_made", _said(found_so))
            del asked[creator_id]
        else:
            asked[creator_id] = found_so
    made, refused_ones = negotiation.begin_many(session, batch.shop_id, asked, "merchant", by=batch.began_by, now=now)
    for creator_id, row in by_creator.items():
        if creator_id in made:
            row.outcome, row.negotiation_id, row.offer_number = TAKEN, made[creator_id], 1
        else:
            _refuse(row, refused_ones[creator_id])


def _answer(session: Session, batch: OfferBatch, rows: Sequence[OfferBatchRow], now: datetime) -> None:
    what = cast("Answer", batch.act)
    for row in rows:
        try:
            with session.begin_nested():
                negotiation.answer(
                    session,
                    str(row.negotiation_id),
                    "merchant",
                    what,
                    int(row.offer_number or 0),
                    by=batch.began_by,
                    now=now,
                )
        except (MoveRefused, BeginRefused) as refused:
            _refuse(row, refused.code)
        except (Conflict, InputRefused) as refused:
            said = _said(refused) if isinstance(refused, InputRefused) else refused.public
            _refuse(row, "offer_not_made", said)
        else:
            row.outcome = TAKEN


def _before(row: Invited, seen: dict[str, int]) -> tuple[str, str]:
    """(code, detail) of a row that can be refused by itself and those before it; ("", "") else."""
    if row.reason:
        return row.reason, ""
    if row.rate_bp is not None and not terms.LEAST_BP <= row.rate_bp <= terms.MOST_BP:
        return "rate_out_of_range", ""
    try:
        key = canonical(row.handle)
    except InputRefused as refused:
        return "handle_unreadable", f"{refused.problem} {refused.remedy}".strip()
    if key in seen:
        return "twice_in_list", f"It stands on line {seen[key]} already."
    seen[key] = row.number
    return "", ""


def _said(refused: InputRefused) -> str:
    """A refusal as the merchant reads it beside the row."""
    return f"{_FIELDS.get(refused.field, 'This')} {refused.problem} {refused.remedy}".strip()


def _refuse(row: OfferBatchRow, reason: str, detail: str = "") -> None:
    row.outcome, row.reason, row.detail = REFUSED, reason, detail


def _columns(
    batch_id: str, number: int, said: str, *, reason: str = "", detail: str = "", **given: Any
) -> dict[str, Any]:
    return {
        "batch_id": batch_id, "number": number, "said": said, "rate_bp": given.get("rate_bp"),
        "flat_fee": given.get("flat_fee"), "negotiation_id": given.get("negotiation_id"),
        "offer_number": given.get("offer_number"),
        "outcome": REFUSED if reason else WAITING, "reason": reason, "detail": detail,
    }  # fmt: skip


def _batch(
    session: Session, shop_id: str, act: str, asked: dict[str, Any], rows: int, by: str, key: str | None, now: datetime,
    file_name: str = "",
) -> OfferBatch:  # fmt: skip
    made = OfferBatch(
        id=new_id("ofb"), shop_id=shop_id, act=act, file_name=file_name[:200], asked=asked, request_key=key, rows=rows,
        status="working", began_at=now, began_by=by, finished_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _repeated(session: Session, shop_id: str, key: str | None) -> OfferBatch | None:
    if key is None:
        return None
    # Locked, so that the same request, sent twice at once, ends in one batch.
    session.execute(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update())
    asked = sa.select(OfferBatch).where(OfferBatch.shop_id == shop_id, OfferBatch.request_key == key)
    return session.scalar(asked)


def get(session: Session, batch_id: str, *, shop_id: str | None = None) -> OfferBatch:
    """Errors: NotFound, another shop's included."""
    row = session.get(OfferBatch, batch_id)
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise NotFound(f"no batch has the id {batch_id[:40]!r}", public="There is no such list.")
    return row


def newest(session: Session, shop_id: str, limit: int = 20) -> Sequence[OfferBatch]:
    asked = sa.select(OfferBatch).where(OfferBatch.shop_id == shop_id).order_by(OfferBatch.id.desc())
    return session.scalars(asked.limit(limit)).all()


def outcomes(session: Session, batch_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """Batch → outcome → rows."""
    asked = sa.select(OfferBatchRow.batch_id, OfferBatchRow.outcome, sa.func.count()).where(
        OfferBatchRow.batch_id.in_(list(batch_ids))
    )
    found: dict[str, dict[str, int]] = {each: {} for each in batch_ids}
    for batch_id, outcome, number in session.execute(asked.group_by(OfferBatchRow.batch_id, OfferBatchRow.outcome)):
        found[batch_id][outcome] = number
    return found


def rows_of(
    session: Session, batch_id: str, *, outcome: str | None = None, after: int = 0, limit: int
) -> Sequence[OfferBatchRow]:
    """Rows by line, after a line."""
    asked = sa.select(OfferBatchRow).where(OfferBatchRow.batch_id == batch_id, OfferBatchRow.number > after)
    if outcome is not None:
        asked = asked.where(OfferBatchRow.outcome == outcome)
    return session.scalars(asked.order_by(OfferBatchRow.number).limit(limit)).all()
