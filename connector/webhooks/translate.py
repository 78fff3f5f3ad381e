"""From kept bytes to events, before any transaction: pure, so that a slow body holds no lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector import telemetry
from connector.errors import BodyOfAnotherShop, PayloadUnreadable
from connector.events import Event
from connector.platforms.contract import Platform
from connector.webhooks import inbox
from connector.webhooks.tables import DeliveryRow

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a delivery can't go on. `lasting`: another try would end the same way. `foreign`: it is another shop's."""

    reason: str
    detail: str
    lasting: bool
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A delivery with its meaning, or with the problem that hides it."""

    id: str
    topic: str
    seen_trigger: datetime | None  # as the row had it when it was read: a later one sends the row round again
    triggered_at: datetime  # the trigger time, or the time of receipt where the platform gave none
    tries: int
    passed: bool = False  # a person let it out of quarantine
    events: tuple[Event, ...] = ()
    problem: Problem | None = None


def read(row: DeliveryRow, platform: Platform, currency: str) -> Read:
    """Never raises: what can't be read carries its problem."""
    known = {
        "id": row.id,
        "topic": row.topic,
        "seen_trigger": row.triggered_at,
        "triggered_at": row.triggered_at or row.received_at,
        "tries": row.tries,
        "passed": bool(row.passed_by),
    }
    try:
        body = inbox.body_of(row)
        if body is None:
            return Read(**known, problem=_gone(row))  # type: ignore[arg-type]
        events = platform.webhooks.translate(inbox.envelope_of(row), body, currency)
        return Read(**known, events=tuple(events))  # type: ignore[arg-type]
    except BodyOfAnotherShop as error:
        return Read(**known, problem=Problem("other_shops_body", str(error), True, foreign=True))  # type: ignore[arg-type]
    except PayloadUnreadable as error:
        return Read(**known, problem=Problem("unreadable", str(error), True))  # type: ignore[arg-type]
    except Exception as error:  # a fault of ours must not stop the deliveries behind it
        _log.error("delivery.translator_broke", delivery_id=row.id, topic=row.topic, exc_info=error)
        return Read(**known, problem=Problem("translator_broke", type(error).__name__, False))  # type: ignore[arg-type]


def _gone(row: DeliveryRow) -> Problem:
    if row.body_gone == "erased":
        return Problem("body_erased", "Erased on a privacy request; the store can be read instead.", True)
    return Problem("body_gone", "The body went with its retention; the store can be read instead.", True)
