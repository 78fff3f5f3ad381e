"""A creator is erased: who they are goes, what was booked stays, under the id alone.

    goes     handle, name, payment details, what they buy by, country, account, birth date, profile,
             handles on networks and audience, links into the studio, notices, titles,
             references and addresses of their videos, their own words in appeals, where samples went to,
             their name in rows of imports and notes of receipts
    stays    the ledger, decisions, statements, payouts and codes: sums that merchants and the tax office ask for

Whoever reads afterwards reads "Erased creator". It can't be undone, and needs the same words from a page and a command.
Money on its way is waited for; a balance that is still owed has to be named, because nobody can be paid it afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from connector import audit, clock, money, notices
from connector.access import studio
from connector.earnings.commission.tables import Freeze, FreezeAppeal
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement.tables import Receipt, ReceiptAsked
from connector.errors import Conflict, InputRefused
from connector.operations.imports.tables import Import, ImportRow, ImportTaken
from connector.operations.sampling import erasing
from connector.operations.telling import sending
from connector.programme.collaborations import forgetting
from connector.programme.content.tables import Content
from connector.programme.creators import identities, payees, profiles, queries, register
from connector.programme.creators.tables import Creator, CreatorCountry, CreatorStatus
from connector.programme.policies import violations
from connector.programme.samples import forgetting as samples

NAME = "Erased creator"
_UNDER_WAY = ("prepared", "sent", "unknown")
_ROWS = 500


@dataclass(slots=True)
class Found:
    """What there is of a creator. `owed`: (shop, currency, minor units) that nobody could be paid afterwards."""

    creator: Creator
    under_way: int = 0
    owed: list[tuple[str, str, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def owed_words(self) -> str:
        return ", ".join(f"{currency} {money.text(amount, currency)}" for _, currency, amount in self.owed)


def look(session: Session, creator_id: str) -> Found:
    """What an erasure would find; nothing is changed. Errors: NotFound; Conflict when the creator is erased already."""
    creator = queries.living(session, creator_id)
    found = Found(creator)
    mine = sa.and_(Payout.creator_id == creator_id, Payout.status.in_(_UNDER_WAY))
    found.under_way = _count(session, sa.select(Payout.id).where(mine))
    balances = ledger.balances(session, creator_id=creator_id)
    found.owed = [(each.shop_id, each.currency, each.owed) for each in balances if each.owed]
    found.counts = {
        "payment_details": len(payees.of(session, creator_id)),
        "identities": len(identities.known(session, creator_id)),
        "videos": _count(session, sa.select(Content.id).where(Content.creator_id == creator_id)),
        "import_rows": sum(len(rows) for rows in _import_rows(session, creator)),
        "receipt_notes": len(_receipts(session, creator)),
        "ledger_references_that_stay": _count(session, _references(creator)),
        "appeals": _count(session, sa.select(FreezeAppeal.id).where(FreezeAppeal.creator_id == creator_id)),
        "sample_addresses": samples.addresses(session, creator_id),
        "notices": notices.count(session, creator_id),
    }
    return found


def erase(
    session: Session, creator_id: str, *, by: str, why: str, although_owed: bool = False, now: datetime | None = None
) -> Found:
    """Erase a creator; what was found and is gone.

    Errors: NotFound; InputRefused without a reason; Conflict when they are erased already, when a payout is under way
    (its details are needed until it has ended), or when something is owed and the caller doesn't say that it is known.
    """
    now, why = now or clock.now(), why.strip()
    if not why or len(why) > 500:
        raise InputRefused("why", "is empty or longer than 500 characters.", "Say what was asked, and by which letter.")
    session.execute(sa.select(Creator.id).where(Creator.id == creator_id).with_for_update())
    found = look(session, creator_id)
    if found.under_way:
        raise Conflict(f"{found.under_way} payouts are under way: erase when it is known what became of them")
    if found.owed and not although_owed:
        raise Conflict(f"{found.owed_words()} are owed: pay it first, or say that you know nobody can be paid it after")
    creator = found.creator
    for rows in _import_rows(session, creator):
        for row in rows:
            _forget_row(session, row, creator)
    for brought in session.scalars(sa.select(Import).where(_names(Import.file_name, creator))):
        brought.file_name = f"{pseudonym(creator)}.csv"
    for receipt in _receipts(session, creator):
        receipt.note = _without(receipt.note, creator)
    _words(session, creator)
    forgetting.forget(session, creator_id, creator.handle, pseudonym(creator))
    erasing.erase(session, creator_id, creator.handle, pseudonym(creator), now)
    for content in session.scalars(sa.select(Content).where(Content.creator_id == creator_id)):
        content.title, content.content_ref = "", f"erased:{content.id}"
        content.url, content.url_told_at = "", None
    payees.forget(session, creator_id, now)
    identities.forget(session, creator_id)
    profiles.forget(session, creator_id)
    session.execute(sa.delete(CreatorCountry).where(CreatorCountry.creator_id == creator_id))
    session.execute(sa.update(CreatorStatus).where(CreatorStatus.creator_id == creator_id).values(reason=""))
    notices.forget_about(session, creator_id)
    sending.forget_about(session, creator_id)
    violations.forget_words(session, creator_id)
    studio.sign_out_everywhere(session, creator_id, by=by)
    register.set_status(session, creator_id, "closed", reason="erased", now=now)
    creator.handle, creator.name, creator.followers, creator.erased_at = pseudonym(creator), NAME, 0, now
    counted: dict[str, Any] = {"why": why, "owed": len(found.owed), **found.counts}
    audit.record(session, by, "creator.erase", creator_id, **counted)
    session.flush()
    return found


def pseudonym(creator: Creator) -> str:
    """The handle that an erased creator has: of the id, and so of nobody."""
    return f"erased-{creator.id.removeprefix('crt_')}"


def _forget_row(session: Session, row: ImportRow, creator: Creator) -> None:
    """A row about the creator keeps its sums, code and tag, and loses who and what they showed; another one's row
    loses the sentence that names them."""
    whose = str(row.said.get("creator", "")).strip().lower().removeprefix("@")
    if whose != creator.handle:
        row.detail = _without(row.detail, creator)
        return
    said = {**row.said, "creator": pseudonym(creator)}
    said |= {name: "" for name in ("title", "content") if name in said}
    key, beneath = row.key, ""
    if any(part.lower() in str(said.get("ref", "")).lower() for part in (creator.handle, creator.name) if part):
        said["ref"], beneath = "", f"ref:erased:{row.import_id}:{row.number}"
    if key.partition(":")[0] == creator.handle:
        beneath = f"{pseudonym(creator)}:{key.partition(':')[2]}"
    row.said, row.detail = said, ""
    if beneath:
        # What was taken under the key is known by the same one afterwards.
        taken = sa.and_(ImportTaken.import_id == row.import_id, ImportTaken.number == row.number)
        session.execute(sa.update(ImportTaken).where(taken, ImportTaken.key == key).values(key=beneath))
        row.key = beneath


def _words(session: Session, creator: Creator) -> None:
    """What the creator said, and what staff said to them: free text may say anything."""
    session.execute(
        sa.update(FreezeAppeal).where(FreezeAppeal.creator_id == creator.id).values(words="erased", by="creator")
    )
    for freeze in session.scalars(sa.select(Freeze).where(Freeze.creator_id == creator.id)):
        freeze.reason, freeze.note = _without(freeze.reason, creator), _without(freeze.note, creator)


def _import_rows(session: Session, creator: Creator) -> Iterator[list[ImportRow]]:
    """Rows of files that name the creator, however the file wrote the handle, and those that were held against them."""
    said = sa.func.lower(sa.func.trim(ImportRow.said["creator"].as_string()))
    last = ("", 0)
    while True:
        query = (
            sa.select(ImportRow)
            .join(Import, Import.id == ImportRow.import_id)
            .where(
                sa.or_(said.in_((creator.handle, f"@{creator.handle}")), _names(ImportRow.detail, creator, "@")),
                sa.tuple_(ImportRow.import_id, ImportRow.number) > sa.tuple_(sa.literal(last[0]), sa.literal(last[1])),
            )
            .order_by(ImportRow.import_id, ImportRow.number)
            .limit(_ROWS)
        )
        rows = list(session.scalars(query))
        if not rows:
            return
        last = (rows[-1].import_id, rows[-1].number)
        yield rows


def _names(column: InstrumentedAttribute[str], creator: Creator, mark: str = "") -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(f"{mark}{creator.handle}", autoescape=True)


def _references(creator: Creator) -> sa.Select[str]:
    """Openings of the first version, with the handle in their reference: the ledger is never changed. Readable exports
    leave it out (`exports.files.named`), no page shows it, and whoever erases is told how many there are."""
    old = Entry.reference.contains(f":{creator.handle}:", autoescape=True)
    mine = sa.select(Posting.entry_id).where(Posting.creator_id == creator.id)
    return sa.select(Entry.id).where(Entry.kind == "opening", Entry.id.in_(mine), old)


def _receipts(session: Session, creator: Creator) -> list[Receipt | ReceiptAsked]:
    """Receipts whose note names the creator: those that are recorded, and those that a second person was asked for."""
    found: list[Receipt | ReceiptAsked] = []
    for table in (Receipt, ReceiptAsked):
        note = sa.func.lower(table.note)
        likes = [note.contains(part.lower(), autoescape=True) for part in {creator.handle, creator.name} if part]
        found += session.scalars(sa.select(table).where(sa.or_(*likes)).order_by(table.id))
    return [row for row in found if _without(row.note, creator) != row.note]


def _without(text: str, creator: Creator) -> str:
    """The text without the handle and the name, where they stand as words of their own."""
    for part in sorted({creator.handle, creator.name}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w)@?{re.escape(part)}(?!\w)", NAME, text, flags=re.IGNORECASE)
    return text


def _count(session: Session, query: sa.Select[str]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
