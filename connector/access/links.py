"""Single-use sign-in links: issued by a command or by the app, kept as a hash, ten minutes of wall time.

Looking at a link never spends it, so that a mail scanner or a chat preview which opens it burns nothing: the page it
shows has one button, and only that button's POST spends it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.access.tables import SignInLink
from connector.errors import NotSignedIn

LinkKind = Literal["staff", "merchant", "creator"]
LIFETIME = timedelta(minutes=10)

_WORN_OUT = "This link was used already, or its ten minutes are over. Ask for a new one."


def issue(session: Session, kind: LinkKind, subject_id: str, *, now: datetime | None = None) -> str:
    """The token of a new link; only its hash is kept. Old links of the same subject stop working."""
    now = now or clock.wall()
    session.execute(
        sa.update(SignInLink)
        .where(SignInLink.kind == kind, SignInLink.subject_id == subject_id, SignInLink.used_at.is_(None))
        .values(used_at=now)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        SignInLink(
            token_hash=_hash(token),
            kind=kind,
            subject_id=subject_id,
            expires_at=now + LIFETIME,
            used_at=None,
            created_at=now,
        )
    )
    session.flush()
    return token


def look(session: Session, kind: LinkKind, token: str, *, now: datetime | None = None) -> str:
    """The subject of a link that would still work. Spends nothing. Errors: NotSignedIn."""
    now = now or clock.wall()
    row = session.get(SignInLink, _hash(token))
    if row is None or row.kind != kind or row.used_at is not None or row.expires_at <= now:
        raise NotSignedIn("a sign-in link that does not work", public=_WORN_OUT)
    return row.subject_id


def spend(session: Session, kind: LinkKind, token: str, *, now: datetime | None = None) -> str:
    """The subject, once: of two at the same moment one gets it. Errors: NotSignedIn."""
    now = now or clock.wall()
    spent = session.execute(
        sa.update(SignInLink)
        .where(
            SignInLink.token_hash == _hash(token),
            SignInLink.kind == kind,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(SignInLink.subject_id)
    ).scalar_one_or_none()
    if spent is None:
        raise NotSignedIn("a sign-in link that does not work", public=_WORN_OUT)
    return spent


def _hash(token: str) -> str:
    # The token has 256 random bits: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()
