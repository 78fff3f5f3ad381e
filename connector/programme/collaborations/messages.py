"""The thread of a negotiation: messages in order, who has read how far, and reports of abuse for support.

Numbers have no gaps: the negotiation's row is locked while a message is added. What is sent is kept as plain text with
the agreement, and never edited; a creator who is erased leaves a message that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.db import new_id
from connector.errors import Conflict, NotFound, TooOften
from connector.programme.collaborations import moves
from connector.programme.collaborations.moves import Side
from connector.programme.collaborations.tables import Message, MessageReport, Negotiation
from connector.programme.collaborations.wording import cleaned

KIND = "message.received"
LONGEST, LONGEST_WORDS = 4000, 2000
# Of one side: in a thread an hour, and in all of its threads a day.
AN_HOUR, A_DAY = 30, 500
ERASED = "(erased)"


def post(
    session: Session, negotiation_id: str, side: Side, text: str, *, by: str, key: str | None = None,
    now: datetime | None = None,
) -> Message:  # fmt: skip
    """Add a message; the other side is told. `key`: a request repeated with it finds the same message.

    Errors: NotFound; InputRefused("text"); TooOften.
    """
    now = now or clock.now()
    row = _locked(session, negotiation_id)
    if key is not None:
        asked = sa.select(Message).where(Message.negotiation_id == row.id, Message.request_key == key)
        if known := session.scalar(asked):
            return known
    plain = cleaned("text", text, LONGEST)
    _refuse_flood(session, row, side, now)
    row.messages, row.moved_at = row.messages + 1, now
    message = Message(
        negotiation_id=row.id, number=row.messages, side=side, text=plain, at=now, by=by, request_key=key
    )  # fmt: skip
    session.add(message)
    _read(row, side, row.messages)
    to = moves.other(side)
    notices.say(
        session, KIND, creator_id=row.creator_id, shop_id=row.shop_id, to=to, negotiation_id=row.id,
        message_number=message.number,
    )  # fmt: skip
    session.flush()
    return message


def page(
    session: Session, negotiation_id: str, *, after: int = 0, before: int | None = None, limit: int
) -> Sequence[Message]:
    """Messages in order: after a number, or (`before` given) the last ones before one."""
    asked = sa.select(Message).where(Message.negotiation_id == negotiation_id, Message.number > after)
    if before is None:
        return session.scalars(asked.order_by(Message.number).limit(limit)).all()
    newest = asked.where(Message.number < before).order_by(Message.number.desc()).limit(limit)
    return list(reversed(session.scalars(newest).all()))


def read(session: Session, negotiation_id: str, side: Side, number: int) -> Negotiation:
    """That side has read up to a message. Never falls. Errors: NotFound."""
    row = _locked(session, negotiation_id)
    _read(row, side, min(number, row.messages))
    session.flush()
    return row


def unread(row: Negotiation, side: str) -> int:
    """How many messages that side has not read: whoever writes has read what stood there."""
    return row.messages - (row.merchant_read if side == "merchant" else row.creator_read)


def unread_of(session: Session, *, shop_id: str | None = None, creator_id: str | None = None) -> int:
    """All that a shop, or a creator, has not read."""
    mark = Negotiation.merchant_read if shop_id is not None else Negotiation.creator_read
    whose = Negotiation.shop_id == shop_id if shop_id is not None else Negotiation.creator_id == creator_id
    return int(session.scalar(sa.select(sa.func.sum(Negotiation.messages - mark)).where(whose)) or 0)


def report(
    session: Session, negotiation_id: str, number: int, side: Side, words: str, *, by: str, now: datetime | None = None
) -> MessageReport:
    """Say to support that a message of the other side is abuse. A second report of it is the first one.

    Errors: NotFound; InputRefused("words"); Conflict for one's own message.
    """
    row = _locked(session, negotiation_id)
    message = session.get(Message, (row.id, number))
    if message is None:
        raise NotFound(f"no message {number} in {row.id}", public="There is no such message.")
    if message.side == side:
        raise Conflict("one's own message", public="This message is yours: report one of the other side.")
    asked = sa.select(MessageReport).where(MessageReport.negotiation_id == row.id, MessageReport.number == number)
    if known := session.scalar(asked):
        return known
    made = MessageReport(
        id=new_id("mrp"), negotiation_id=row.id, number=number, side=side,
        words=cleaned("words", words, LONGEST_WORDS), reported_at=now or clock.now(), reported_by=by, closed_at=None,
    )  # fmt: skip
    session.add(made)
    audit.record(session, by, "message.report", made.id, shop_id=row.shop_id, negotiation_id=row.id, number=number)
    session.flush()
    return made


def reported(session: Session, negotiation_id: str) -> set[int]:
    """Numbers of the messages of a thread that somebody reported."""
    return set(session.scalars(sa.select(MessageReport.number).where(MessageReport.negotiation_id == negotiation_id)))


def reports(session: Session, *, open_ones: bool) -> sa.Select[MessageReport]:
    """What support has to read, or has read."""
    return sa.select(MessageReport).where(
        MessageReport.closed_at.is_(None) if open_ones else MessageReport.closed_at.is_not(None)
    )


def close_report(session: Session, report_id: str, note: str, *, by: str, now: datetime | None = None) -> MessageReport:
    """Support has read it: what was found. Errors: NotFound; Conflict when it is closed; InputRefused("note")."""
    row = session.get(MessageReport, report_id, with_for_update=True)
    if row is None:
        raise NotFound(f"no report has the id {report_id[:40]!r}")
    if row.closed_at is not None:
        raise Conflict(f"report {row.id} is closed", public="Somebody closed this report already.")
    row.note = cleaned("note", note, LONGEST_WORDS)
    row.closed_at, row.closed_by = now or clock.now(), by
    thread = session.get_one(Negotiation, row.negotiation_id)
    audit.record(session, by, "message.report.close", row.id, shop_id=thread.shop_id, number=row.number)
    session.flush()
    return row


def _read(row: Negotiation, side: str, number: int) -> None:
    if side == "merchant":
        row.merchant_read = max(row.merchant_read, number)
    else:
        row.creator_read = max(row.creator_read, number)


def _refuse_flood(session: Session, row: Negotiation, side: str, now: datetime) -> None:
    mine = sa.select(sa.func.count()).select_from(Message).where(Message.side == side)
    here = mine.where(Message.negotiation_id == row.id, Message.at > now - timedelta(hours=1))
    if (session.scalar(here) or 0) >= AN_HOUR:
        raise TooOften(
            f"{AN_HOUR} messages an hour in {row.id}", retry_after=3600,
            public=f"You can send {AN_HOUR} messages an hour here. Wait a little, then go on.",
        )  # fmt: skip
    whose = Negotiation.shop_id == row.shop_id if side == "merchant" else Negotiation.creator_id == row.creator_id
    threads = sa.select(Negotiation.id).where(whose, Negotiation.moved_at > now - timedelta(days=1))
    all_day = mine.where(Message.negotiation_id.in_(threads), Message.at > now - timedelta(days=1))
    if (session.scalar(all_day) or 0) >= A_DAY:
        raise TooOften(
            f"{A_DAY} messages a day", retry_after=24 * 3600,
            public=f"You can send {A_DAY} messages a day. Go on tomorrow.",
        )  # fmt: skip


def _locked(session: Session, negotiation_id: str) -> Negotiation:
    asked = sa.select(Negotiation).where(Negotiation.id == negotiation_id).with_for_update()
    row = session.scalar(asked.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(f"no negotiation has the id {negotiation_id[:40]!r}", public="There is no such negotiation.")
    return row
