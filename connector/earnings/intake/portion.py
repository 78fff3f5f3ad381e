"""What one transaction takes on of a shop's due orders: each in a savepoint of its own, until the time is over.

On SQLite a transaction holds the only writer, and deliveries want it too; so a portion ends early and the caller goes
on in the next one. An order that raises is undone alone and named; the others of its portion stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from connector import telemetry
from connector.errors import Conflict, ConnectorError

MILLISECONDS = 250
_log = telemetry.logger(__name__)


@dataclass(slots=True)
class Portion:
    """`done` counts what `act` says; `failed` has each order that raised, with the reason. Neither: nothing is left."""

    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def take(
    session: Session,
    order_ids: Sequence[str],
    act: Callable[[Sequence[str]], int],
    *,
    name: str,
    at_once: int = 1,
    milliseconds: int = MILLISECONDS,
) -> Portion:
    """Hand `act` the orders, `at_once` a savepoint; a group that raises is tried order by order.

    The first group is always taken, so that every call gets further. Errors: OperationalError and a Conflict over a
    number that another transaction took: those are the transaction's trouble, which the caller repeats.
    """
    portion, until = Portion(), time.monotonic_ns() + milliseconds * 1_000_000
    for start in range(0, len(order_ids), at_once):
        group = order_ids[start : start + at_once]
        why = _tried(session, group, act, portion)
        if why is not None:
            for order_id in group if len(group) > 1 else ():
                _one(session, order_id, _tried(session, [order_id], act, portion), name, portion)
            if len(group) == 1:
                _one(session, group[0], why, name, portion)
        if time.monotonic_ns() > until:
            break
    return portion


def _tried(
    session: Session, group: Sequence[str], act: Callable[[Sequence[str]], int], portion: Portion
) -> Exception | None:
    try:
        with session.begin_nested():
            portion.done += act(group)
    except Exception as error:
        if isinstance(error, OperationalError) or crossed(error):
            raise
        return error
    return None


def _one(session: Session, order_id: str, why: Exception | None, name: str, portion: Portion) -> None:
    if why is None:
        return
    _log.error(f"{name}.failed", order_id=order_id, exc_info=why)
    portion.failed[order_id] = said(why)


def crossed(error: Exception) -> bool:
    """Whether another transaction took the same number first: repeated, it succeeds."""
    return isinstance(error, Conflict) and isinstance(error.__cause__, IntegrityError)


def said(error: Exception) -> str:
    """An error in a line. The words of one that isn't ours may quote a body, so it is only named."""
    return f"{type(error).__name__}: {error}"[:300] if isinstance(error, ConnectorError) else type(error).__name__
