"""Tokens of the app's back end: shown once, kept as a hash, each with the scopes it was given."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.access.tables import AppToken
from connector.db import new_id
from connector.errors import InputRefused, NotFound, NotSignedIn

SCOPES: dict[str, str] = {
    "shops:read": "shops and their sync runs",
    "listings:read": "the shoppable list",
    "creators:read": "creators and their status",
    "creators:write": "register creators and their content",
    "collaborations:read": "terms, events, calendars of rates",
    "collaborations:write": "offer, agree, change and withdraw terms",
    "messages:read": "what shops and creators write to each other about an offer",
    "messages:write": "write such messages for them, and report abuse",
    "samples:read": "samples and what shops give, without addresses",
    "samples:write": "ask for samples, answer and move them on, for creators and shops",
    "links:write": "make share links",
    "touches:write": "record taps made inside the app",
    "orders:read": "orders with their decisions, and traces",
    "earnings:read": "balances, statements, invoices and payouts",
    "receipts:write": "record what merchants paid in",
    "payees:read": "whether and where creators are paid, masked",
    "payees:write": "change and confirm creators' payment details",
    "notices:read": "notices for creators and merchants, with the codes in them",
    "events:read": "events as they were sent to the app",
    "events:write": "have events sent to an endpoint again",
    "feeds:read": "product feeds, their addresses and builds",
    "feeds:write": "make, build and remove product feeds",
    "studio:write": "sign-in links for creators' own pages",
    "metrics:read": "/metrics, for Prometheus",
}
_PREFIX = "ctk_"
# A row is touched at most that often: a write a request would stop SQLite's only writer.
_USE_NOTED_EVERY = timedelta(minutes=5)


def issue(session: Session, name: str, scopes: Iterable[str], *, by: str) -> tuple[AppToken, str]:
    """A new token and its secret, which is not kept. Errors: InputRefused for no name, no scope or an unknown one."""
    wanted = sorted(set(scopes))
    if not name.strip():
        raise InputRefused("name", "is empty.")
    if not wanted:
        raise InputRefused("scope", "none is given.", f"Give one or more of {', '.join(SCOPES)}.")
    for scope in wanted:
        if scope not in SCOPES:
            raise InputRefused("scope", f"{scope[:40]!r} isn't a scope.", f"Use {', '.join(SCOPES)}.")
    secret = _PREFIX + secrets.token_urlsafe(32)
    row = AppToken(
        id=new_id("tok"), name=name.strip(), token_hash=_hash(secret), scopes=" ".join(wanted),
        created_at=clock.wall(), last_used_at=None, revoked_at=None,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "token.issue", row.id, name=row.name, scopes=row.scopes)
    session.flush()
    return row, secret


def verify(session: Session, secret: str) -> AppToken:
    """The live token with that secret. Errors: NotSignedIn, the same for unknown and revoked."""
    row = session.scalar(sa.select(AppToken).where(AppToken.token_hash == _hash(secret)))
    if row is None or row.revoked_at is not None:
        raise NotSignedIn("no such app token", public="The token isn't known, or was revoked.")
    return row


def use_is_due(row: AppToken, now: datetime) -> bool:
    """Should this use be noted? At most once in five minutes."""
    return row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY


def note_use(session: Session, token_id: str, now: datetime) -> None:
    session.execute(sa.update(AppToken).where(AppToken.id == token_id).values(last_used_at=now))


def revoke(session: Session, name_or_id: str, *, by: str) -> Sequence[AppToken]:
    """End every live token of that name or id. Errors: NotFound when there is none."""
    rows = session.scalars(
        sa.select(AppToken).where(
            sa.or_(AppToken.id == name_or_id, AppToken.name == name_or_id), AppToken.revoked_at.is_(None)
        )
    ).all()
    if not rows:
        raise NotFound(f"no live token is called {name_or_id[:80]!r}")
    for row in rows:
        row.revoked_at = clock.wall()
        audit.record(session, by, "token.revoke", row.id, name=row.name)
    return rows


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
