"""What needs the merchant, on the first page: each kind of thing that only the shop can answer, with how many and until
when the first of them, the nearest end first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import url_for
from sqlalchemy.orm import Session

from connector.programme.collaborations import approvals, messages, negotiation
from connector.programme.collaborations.tables import Negotiation
from connector.programme.policies import use_terms
from connector.programme.samples.tables import Sample
from connector.web.amounts import count


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of thing to do. `end`: what happens then without the merchant; `until` None: nothing does."""

    said: str
    act: str
    url: str
    until: datetime | None = None
    end: str = ""


def of(session: Session, shop_id: str, now: datetime) -> list[Need]:
    found = [
        *_terms(session, shop_id), *_offers(session, shop_id, now), *_samples(session, shop_id, now),
        *_content(session, shop_id), *_unread(session, shop_id),
    ]  # fmt: skip
    return sorted(found, key=lambda need: (need.until is None, need.until or now))


def _terms(session: Session, shop_id: str) -> Iterator[Need]:
    owed = use_terms.owed(session, "merchant", shop_id)
    if owed is not None and owed.due_at is not None:
        said = f"Version {owed.version} of the terms of use is to be accepted"
        yield Need(said, "Read and accept", url_for(".rules"), owed.due_at, "Nothing new can be done from then on")


def _offers(session: Session, shop_id: str, now: datetime) -> Iterator[Need]:
    number, first = session.execute(
        sa.select(sa.func.count(), sa.func.min(Negotiation.expires_at)).where(
            Negotiation.shop_id == shop_id, negotiation.waits_for("merchant", now)
        )
    ).one()
    if number:
        said = _many(number, "offer of a creator waits", "offers of creators wait")
        yield Need(f"{said} for your answer", "Answer", url_for(".offers", show="yours"), first, "The first ends")


def _samples(session: Session, shop_id: str, now: datetime) -> Iterator[Need]:
    mine = (Sample.shop_id == shop_id, Sample.due_at > now)
    number, first = _counted(session, *mine, Sample.state == "requested")
    if number:
        said = _many(number, "sample is asked for", "samples are asked for")
        yield Need(said, "Answer", url_for(".samples", show="answer"), first, "The first lapses")
    by_hand = (Sample.state == "approved", Sample.kind == "free", Sample.placing.in_(("", "refused")))
    number, first = _counted(session, *mine, *by_hand, Sample.ending == "")
    if number:
        said = _many(number, "approved sample is to be sent by you", "approved samples are to be sent by you")
        yield Need(said, "Send", url_for(".samples", show="send"), first, "The first lapses")
    rows = session.execute(
        sa.select(Sample.id, Sample.confirm_by)
        .where(
            Sample.shop_id == shop_id, Sample.look_at.is_not(None), Sample.confirmed.is_(False), Sample.confirm_by > now
        )
        .order_by(Sample.confirm_by)
        .limit(100)
    ).all()
    if rows:
        said = _many(len(rows), "creator says that an order is theirs", "creators say that an order is theirs")
        url = url_for(".sample", sample_id=rows[0].id)
        yield Need(f"{said}, to be paid back", "Confirm or doubt", url, rows[0].confirm_by, "Support is asked")


def _counted(session: Session, *which: sa.ColumnElement[bool]) -> tuple[int, datetime | None]:
    number, first = session.execute(sa.select(sa.func.count(), sa.func.min(Sample.due_at)).where(*which)).one()
    return number, first


def _content(session: Session, shop_id: str) -> Iterator[Need]:
    number, first = approvals.waiting(session, shop_id)
    if number:
        said = _many(number, "piece of content for a flat fee waits", "pieces of content for flat fees wait")
        end = "The first is approved by itself"
        yield Need(f"{said} for your answer", "Look", url_for(".content_for_fees"), first, end)


def _unread(session: Session, shop_id: str) -> Iterator[Need]:
    number = messages.unread_of(session, shop_id=shop_id)
    if number:
        said = _many(number, "message of a creator isn't read", "messages of creators aren't read")
        yield Need(said, "Read", url_for(".offers", show="unread"))


def _many(number: int, one: str, more: str) -> str:
    return f"{count(number)} {one if number == 1 else more}"
