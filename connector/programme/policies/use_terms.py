"""Terms of use, for creators and for merchants: versions by date, and who accepted which, word for word."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.db import insert
from connector.errors import Conflict, InputRefused
from connector.programme.policies.rules_tables import UseTerms, UseTermsAccepted

Audience = Literal["creator", "merchant"]
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
    return Text(audience, row.version, row.starts_at, row.text) if row else FIRST[audience]


def publish(session: Session, audience: Audience, text: str, starts_at: datetime, why: str, by: str) -> UseTerms:
    """A new version from a moment on. Errors: InputRefused: no text, no reason, a start before now or the newest's."""
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
        why=why.strip(), recorded_at=clock.wall(), recorded_by=by,
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
