"""What a rail takes and gives. A rail gets rows that are booked already and never books, and knows no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from connector.programme.creators.payees import Details

Outcome = Literal["sent", "paid", "failed", "returned", "unknown"]


@dataclass(frozen=True, slots=True)
class Head:
    """A batch, as far as a rail needs it. `handed_at` is that of its first hand-over, so a later one is the same."""

    batch_id: str
    handed_at: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of a batch. `amount` is in minor units of `currency`, above zero: what leaves, converted if need be."""

    payout_id: str  # the idempotency key
    shop: str  # the store's domain
    creator: str  # handle
    amount: int
    currency: str
    payee: Details


@dataclass(frozen=True, slots=True)
class Told:
    """What a rail says became of a transfer. `reason` is a code, `detail` the rail's own words, `ref` its own id."""

    outcome: Outcome
    reason: str
    detail: str = ""
    ref: str = ""


class Rail(Protocol):
    slug: str

    def refuses(self, payee: Details, currency: str) -> str:
        """Why a transfer in `currency` can't go to these details: a reason code, "" when it can."""
        ...


class FileRail(Rail, Protocol):
    """A rail that a person carries a file to. The same batch gives the same files, byte by byte."""

    def files(self, head: Head, transfers: Sequence[Transfer]) -> list[tuple[str, bytes]]:
        """(name, content) of each file."""
        ...


class ApiRail(Rail, Protocol):
    """A rail that is called. Whatever happens on the way, a transfer whose fate isn't certain is told as unknown."""

    def send(self, transfer: Transfer) -> Told:
        """Send one transfer under its idempotency key.

        Errors: ConfigurationWrong, PlatformBusy: certainly nothing was sent.
        """
        ...

    def ask(self, transfer: Transfer) -> Told | None:
        """What became of a transfer; None when the rail has none of it. Sends nothing. Errors: as `send`."""
        ...
