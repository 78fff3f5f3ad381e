"""What a write of the app's back end was answered, under its own key: sent again, it is answered so once more.

    begin    before the write: the answer that is kept, or none, and then this request is the one that works on it
    keep     after it went well; sealed, for it may hold a link that signs somebody in
    drop     after it was refused, which changes nothing: the same key may try again

Each write of the API is a repeat by what it is about besides (a creator by handle, a receipt by its reference), so that
one that was killed between its commit and its answer does no harm when it is sent again; the key makes the answer the
same. A key stands for a day, for one token and one request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import vault
from connector.access.tables import AppAnswer
from connector.db import insert, new_id
from connector.errors import InputRefused, TooOften

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(seconds=60)  # longer than any write takes: afterwards whoever began it is dead
LARGEST = 256 * 1024  # bytes of an answer that is kept
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given."""

    status: int
    mimetype: str
    body: bytes


def request_hash(method: str, address: str, body: bytes) -> str:
    """What a request asks for: two that differ in it are two."""
    return hashlib.sha256(b"\n".join((method.encode(), address.encode(), body))).hexdigest()


def begin(session: Session, token_id: str, key: str, asked: str, now: datetime) -> Kept | None:
    """The answer that is kept for the key; None: this request is at it from now on.

    Errors: InputRefused("idempotency_key") for one that is too long, or stands for another request; TooOften while the
    first request is under way.
    """
    if not 0 < len(key) <= LONGEST or not key.isprintable():
        raise InputRefused("idempotency_key", f"is longer than {LONGEST} characters, or no text.", "Send another.")
    values = {
        "id": new_id("aan"), "token_id": token_id, "request_key": key, "request_hash": asked, "status": 0,
        "mimetype": "", "sealed": None, "made_at": now,
    }  # fmt: skip
    fresh = insert(session, AppAnswer).values(values).on_conflict_do_nothing(
        index_elements=["token_id", "request_key"]
    )  # fmt: skip
    if session.execute(fresh.returning(AppAnswer.id)).first() is not None:
        return None
    row = session.scalars(_of(token_id, key).with_for_update()).one()
    if now - row.made_at >= KEPT or (row.sealed is None and now - row.made_at >= UNDER_WAY):
        row.request_hash, row.status, row.sealed, row.made_at = asked, 0, None, now
        return None
    if row.request_hash != asked:
        raise InputRefused(
            "idempotency_key", "was sent with another request.", "A key stands for one request, a day long."
        )
    if row.sealed is None:
        said = "The first request with this key is under way."
        raise TooOften(f"{row.id} is under way", retry_after=2.0, public=said)
    return Kept(row.status, row.mimetype, msgspec.json.decode(vault.current().open(row.sealed), type=bytes))


def keep(session: Session, token_id: str, key: str, answer: Kept) -> None:
    """Keep what the request was answered."""
    if len(answer.body) > LARGEST:
        return drop(session, token_id, key)
    sealed = vault.current().seal(msgspec.json.encode(answer.body))
    values = {"status": answer.status, "mimetype": answer.mimetype, "sealed": sealed}
    session.execute(sa.update(AppAnswer).where(*_mine(token_id, key)).values(**values))
    return None


def drop(session: Session, token_id: str, key: str) -> None:
    """The request came to nothing: its key is free."""
    session.execute(sa.delete(AppAnswer).where(*_mine(token_id, key), AppAnswer.sealed.is_(None)))


def forget_old(session: Session, now: datetime) -> int:
    """Drop answers whose day is over; how many."""
    done = session.connection().execute(sa.delete(AppAnswer).where(AppAnswer.made_at < now - KEPT))
    return done.rowcount


def _of(token_id: str, key: str) -> sa.Select[AppAnswer]:
    return sa.select(AppAnswer).where(*_mine(token_id, key)).execution_options(populate_existing=True)


def _mine(token_id: str, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return AppAnswer.token_id == token_id, AppAnswer.request_key == key
