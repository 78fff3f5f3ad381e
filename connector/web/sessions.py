"""Browser sessions: signed cookies that say who is signed in, and until when. All times are wall time.

A browser may be signed in as staff, as a merchant and as a creator at once, in slots that know nothing of each other. A
slot ends by idleness, by age, by sign-out, and when what it stands on changes: a staff member's or a creator's session
epoch, a shop that left.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from flask import Flask, Response, g, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from connector import clock
from connector.access.tables import Staff
from connector.config import Settings
from connector.web import embedded

SlotName = Literal["staff", "merchant", "creator"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    idle: timedelta
    whole: timedelta


LIFETIMES: dict[SlotName, Lifetime] = {
    "staff": Lifetime(idle=timedelta(hours=1), whole=timedelta(hours=12)),
    "merchant": Lifetime(idle=timedelta(hours=12), whole=timedelta(days=7)),
    # The app opens the studio with a link of its own each time: a session needn't outlive a day.
    "creator": Lifetime(idle=timedelta(hours=2), whole=timedelta(hours=24)),
}
# The cookie is written anew at most that often while somebody only reads.
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """Who a slot says is signed in. `epoch` is the staff member's or the creator's at sign-in."""

    subject_id: str
    epoch: int
    began: datetime


class _NotInFrames(SecureCookieSessionInterface):
    """A request that brings a platform's session token leaves no cookie: who looks is known by the token alone, and a
    browser that is signed in beside the frame keeps what it has."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if embedded.peek() is None:
            super().save_session(app, session, response)


def install(app: Flask, settings: Settings) -> None:
    """Cookie rules: signed, HttpOnly, SameSite=Lax, and outside dev Secure and bound to this host by its name."""
    app.secret_key = settings.session_key.get_secret_value()
    app.session_interface = _NotInFrames()
    embedded.install(app)
    app.config.update(
        SESSION_COOKIE_NAME="connector_session" if settings.dev else "__Host-connector_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.dev,
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=max(life.whole for life in LIFETIMES.values()),
    )


def sign_in_staff(person: Staff) -> None:
    """This browser is now that person's."""
    _fill("staff", person.id, person.session_epoch)


def sign_in_merchant(shop_id: str) -> None:
    """This browser now manages that shop. Call it only after the platform (or a single-use link) proved it."""
    _fill("merchant", shop_id, 0)


def sign_in_creator(creator_id: str, epoch: int) -> None:
    """This browser now is that creator's. Call it only after a single-use link proved it."""
    _fill("creator", creator_id, epoch)


def sign_out(slot: SlotName | None = None) -> None:
    """End one slot, or everything that this browser holds."""
    if slot is None:
        session.clear()
        return
    session.pop(slot, None)
    _fresh_form_key()


def signed_in(slot: SlotName) -> Slot | None:
    """Whom the cookie says; None when nobody or when the time is over. Whether it still holds is the guard's to ask."""
    kept: Any = session.get(slot)
    if not isinstance(kept, dict):
        return None
    now, life = clock.wall(), LIFETIMES[slot]
    try:
        began, seen = _moment(kept["began"]), _moment(kept["seen"])
        found = Slot(str(kept["id"]), int(kept["epoch"]), began)
    except (KeyError, TypeError, ValueError):
        session.pop(slot, None)
        return None
    if now - began > life.whole or now - seen > life.idle or began > now + timedelta(minutes=5):
        session.pop(slot, None)
        return None
    if now - seen >= _SEEN_EVERY:
        session[slot] = {**kept, "seen": int(now.timestamp())}
    return found


def browser_id() -> str:
    """A random name of this browser, kept in its cookie: what a single-use state is bound to."""
    if "browser" not in session:
        session["browser"] = secrets.token_urlsafe(18)
    return str(session["browser"])


def keep_way_back(path: str) -> None:
    """Which page a merchant asked for before signing in; `path` was checked to be one of ours."""
    session["next"] = path


def way_back() -> str:
    """That page, once; "" where there is none."""
    return str(session.pop("next", ""))


def _fill(slot: SlotName, subject_id: str, epoch: int) -> None:
    now = int(clock.wall().timestamp())
    session[slot] = {"id": subject_id, "epoch": epoch, "began": now, "seen": now}
    _fresh_form_key()


def _fresh_form_key() -> None:
    """Forms rendered before a change of who is signed in stop working."""
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
