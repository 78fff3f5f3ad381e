"""Terms of use, for creators and for merchants: versions by date, and who accepted which, word for word.

A version that is published says from when on it holds and by when it has to be accepted. Who hasn't by then does
nothing new (`hold`): a creator takes up no product, asks for no sample, makes and accepts no offer; a merchant opens
nothing, invites nobody, makes and accepts no offer. What stands goes on, earns and is paid; to decline, to withdraw and
to close is always free. The first versions, which stand in this file, hold since before anybody was asked: they stop
nobody.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.db import insert
from connector.errors import Conflict, InputRefused, TermsOwed
from connector.programme.policies.rules_tables import UseTerms, UseTermsAccepted

Audience = Literal["creator", "merchant"]
GRACE = timedelta(days=14)
# Where it is accepted, and for a program how.
_WHERE = {
    "creator": (
        "Accept it in the studio under Rules first. What you promote goes on.",
        "Show the text of GET /api/v1/creators/{creator_id}/use-terms, and record the yes by PUT.",
    ),
    "merchant": (
        "Accept it in the dashboard under Rules first. What stands goes on.",
        "The merchant accepts it in the dashboard: /dashboard/rules.",
    ),
}
_BEGAN = datetime(2021, 1, 1, tzinfo=UTC)
_CREATOR = """You promote products of merchants in this app, and earn a commission on sales that are credited to you.
You say beside each link that you earn by it, in the words of the rules or in clearer ones.
You promise nothing of a product that its merchant doesn't, and promote nothing that the rules keep out.
You don't buy through your own links, and don't have others do so for you.
Commission is earned as the rate says that held at the sale; it is reversed when the buyer gives the goods back.
Where rules are broken, money may be frozen. You are told why, until when you can appeal, and when it ends."""
_MERCHANT = """You offer products of your store to the app's creators, at rates that you set.
You may sell what you offer, where you offer it, and describe it truly.
You pay the commission and the fee of each closed period by the day that the invoice names.
A rate that you lower is kept for creators who promote the product, for thirty days.
Products that the rules keep out are not shown. You are told which rule and what to change, and can appeal.
You may leave at any time; what was earned until then is still owed."""


@dataclass(frozen=True, slots=True)
class Text:
    """A version; paragraphs are parted by line ends."""

    audience: Audience
    version: int
    starts_at: datetime
    text: str
    due_at: datetime | None = None  # by when it has to be accepted

    @property
    def text_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


FIRST: dict[Audience, Text] = {
    "creator": Text("creator", 1, _BEGAN, _CREATOR), "merchant": Text("merchant", 1, _BEGAN, _MERCHANT),
}  # fmt: skip


def in_force(session: Session, audience: Audience, moment: datetime) -> Text:
    """The version that holds at a moment."""
    row = session.scalars(
        sa.select(UseTerms)
        .where(UseTerms.audience == audience, UseTerms.starts_at <= moment)
        .order_by(UseTerms.version.desc())
        .limit(1)
    ).first()
    return Text(audience, row.version, row.starts_at, row.text, row.due_at) if row else FIRST[audience]


def publish(
    session: Session, audience: Audience, text: str, starts_at: datetime, why: str, by: str, *,
    grace: timedelta = GRACE,
) -> UseTerms:  # fmt: skip
    """A new version from a moment on, to be accepted within `grace` of it.

    Errors: InputRefused: no text, no reason, a start before now or the newest's.
    """
    if not text.strip() or len(text) > 100_000 or "\x00" in text:
        raise InputRefused("text", "is empty, or longer than 100,000 characters.")
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say what changes.")
    newest = session.scalars(
        sa.select(UseTerms).where(UseTerms.audience == audience).order_by(UseTerms.version.desc()).limit(1)
    ).first()
    if starts_at < clock.now() or (newest is not None and starts_at < newest.starts_at):
        raise InputRefused("starts_at", "is before now, or before the newest version's start.")
    row = UseTerms(
        audience=audience, version=(newest.version if newest else 1) + 1, starts_at=starts_at, text=text.strip(),
        why=why.strip(), recorded_at=clock.wall(), recorded_by=by, due_at=starts_at + grace,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "use_terms.publish", f"{audience}:{row.version}", starts_at=starts_at.isoformat())
    session.flush()
    return row


def accept(session: Session, audience: Audience, subject_id: str, version: int, by: str) -> UseTermsAccepted:
    """Accept the version in force; again is no harm. Errors: Conflict for any other version: that isn't what holds."""
    text = in_force(session, audience, clock.now())
    if version != text.version:
        raise Conflict(f"version {text.version} is in force, not {version}: show that one and ask again")
    values = {
        "audience": audience, "subject_id": subject_id, "version": version, "text_hash": text.text_hash,
        "at": clock.now(), "by": by,
    }  # fmt: skip
    done = session.connection().execute(insert(session, UseTermsAccepted).values(**values).on_conflict_do_nothing())
    if done.rowcount:
        shop = subject_id if audience == "merchant" else None
        audit.record(session, by, "use_terms.accept", subject_id, shop_id=shop, version=version)
    session.flush()
    return session.get_one(UseTermsAccepted, (audience, subject_id, version))


def accepted(session: Session, audience: Audience, subject_id: str) -> UseTermsAccepted | None:
    """The newest version that somebody accepted; None: none."""
    return session.scalars(
        sa.select(UseTermsAccepted)
        .where(UseTermsAccepted.audience == audience, UseTermsAccepted.subject_id == subject_id)
        .order_by(UseTermsAccepted.version.desc())
        .limit(1)
    ).first()


def owed(session: Session, audience: Audience, subject_id: str) -> Text | None:
    """The text that they still have to accept; None: they have."""
    text = in_force(session, audience, clock.now())
    found = accepted(session, audience, subject_id)
    return None if found is not None and found.version >= text.version else text


def hold(session: Session, audience: Audience, subject_id: str, moment: datetime) -> None:
    """Let somebody do something new.

    Errors: TermsOwed for who let a version's day pass; a later version sets no new day.
    """
    found = accepted(session, audience, subject_id)
    asked = sa.select(UseTerms.version, UseTerms.due_at).where(
        UseTerms.audience == audience, UseTerms.due_at <= moment, UseTerms.version > (found.version if found else 0)
    )
    late = session.execute(asked.order_by(UseTerms.version).limit(1)).first()
    if late is None:
        return
    version = in_force(session, audience, moment).version
    where, remedy = _WHERE[audience]
    raise TermsOwed(
        f"{audience} {subject_id} has version {late.version} of the terms of use to accept",
        f"Version {version} of the terms of use isn't accepted; it had to be by {late.due_at:%d %b %Y}.", where, remedy,
    )  # fmt: skip
