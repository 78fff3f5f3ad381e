"""The state that goes to the platform and must come back: random, once, ten minutes, for this browser and this shop."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.errors import ConnectorError
from connector.oauth.tables import PendingJoin

LIFETIME = timedelta(minutes=10)
_AGAIN = "Start again from the beginning; nothing was changed."


class JoinRefused(ConnectorError):
    """A join that can't be finished; nothing was asked of the store."""

    status = 400
    title = "This store was not connected"

    def __init__(self, message: str, public: str, again: str = _AGAIN) -> None:
        super().__init__(message, public=f"{public} {again}".strip())


def give(
    session: Session,
    platform_slug: str,
    domain: str,
    browser: str,
    now: datetime | None = None,
    *,
    details: dict[str, str] | None = None,
) -> str:
    """A new state; only its hash is kept, and nothing of `browser` but a hash. Old ones are swept out.

    `domain` is "" where only the platform knows the shop; `details` are what was found out about it.
    """
    now = now or clock.wall()
    session.execute(sa.delete(PendingJoin).where(PendingJoin.started_at < now - timedelta(days=1)))
    state = secrets.token_urlsafe(32)
    session.add(
        PendingJoin(
            state_hash=_hash(state),
            platform=platform_slug,
            domain=domain,
            browser_hash=_hash(browser),
            started_at=now,
            used_at=None,
            details=details or {},
        )
    )
    session.flush()
    return state


def spend(session: Session, platform_slug: str, state: str, browser: str, now: datetime | None = None) -> str:
    """The domain that the state was given for; of two callbacks at once, one gets it.

    Errors: JoinRefused for a state that we never gave, that was used, is too old, or belongs to another browser.
    """
    now = now or clock.wall()
    row = session.get(PendingJoin, _hash(state)) if state else None
    if row is None or row.platform != platform_slug:
        raise JoinRefused("a state that we never gave", "This link was not started here.")
    if row.browser_hash != _hash(browser):
        raise JoinRefused("a state of another browser", "This link was started in another browser, or without cookies.")
    if row.started_at <= now - LIFETIME:
        raise JoinRefused("a state that is too old", "More than ten minutes went by since this link was started.")
    spent = session.execute(
        sa.update(PendingJoin)
        .where(PendingJoin.state_hash == row.state_hash, PendingJoin.used_at.is_(None))
        .values(used_at=now)
        .returning(PendingJoin.domain)
    ).scalar_one_or_none()
    if spent is None:
        raise JoinRefused("a state that was used", "This link was used already.")
    return spent


def find(session: Session, platform_slug: str, state: str) -> PendingJoin | None:
    """The pending join of a state, however old or used it is."""
    row = session.get(PendingJoin, _hash(state)) if state else None
    return row if row is not None and row.platform == platform_slug else None


def is_of(row: PendingJoin, browser: str) -> bool:
    """Was it begun in this browser?"""
    return row.browser_hash == _hash(browser)


def _hash(text: str) -> str:
    # State and browser name are random: a plain hash is enough, there is nothing to guess.
    return hashlib.sha256(text.encode()).hexdigest()
