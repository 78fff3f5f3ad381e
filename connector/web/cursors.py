"""Opaque, signed cursors of keyset pages: where a page ended, so that the next goes on exactly there.

A cursor names the list it belongs to; one that was bent, or comes from another list, is refused and never guessed at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from connector import clock
from connector.errors import InputRefused

Key = tuple[str | int, ...]


def pack(listing: str, key: Sequence[str | int | datetime]) -> str:
    """A cursor of the list called `listing`, standing after the row whose sort key is `key`."""
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return str(_serializer(listing).dumps(plain))


def unpack(listing: str, cursor: str) -> Key:
    """The key in a cursor; times come back as RFC 3339 text (`moment`). Errors: InputRefused("cursor")."""
    try:
        plain = _serializer(listing).loads(cursor)
    except BadData:
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.") from None
    if not isinstance(plain, list) or not all(isinstance(part, str | int) for part in plain):
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
    return tuple(plain)


def moment(part: str | int) -> datetime:
    """A time out of a key. Errors: InputRefused("cursor")."""
    try:
        return clock.parse(str(part))
    except ValueError:
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.") from None


def _serializer(listing: str) -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt=f"cursor:{listing}")
