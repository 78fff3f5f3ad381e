"""Rails: how a prepared batch reaches a bank. One interface; the first writes a CSV file for a bank's upload.

A rail gets rows that are already booked and never books itself. Handing over the same batch again gives the same file,
so a crash between booking and writing is mended by handing it over once more.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from connector import money

COLUMNS = ("reference", "creator", "name", "shop", "amount", "currency")
# A spreadsheet reads a cell that begins like this as a formula; a quote in front makes it text.
# Source: OWASP, "CSV Injection", read 2026-11.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row of a batch. `amount` is in minor units of `currency`, above zero."""

    payout_id: str
    shop: str  # the store's domain
    creator: str  # handle
    name: str
    amount: int
    currency: str


class Rail(Protocol):
    slug: str

    def hand_over(self, batch_id: str, transfers: Iterable[Transfer]) -> str:
        """Pass a batch on; the name under which it is found again. The same batch again changes nothing."""
        ...


class CsvFile:
    """A file a batch, `<batch id>.csv`, written beside its place and renamed, so that nobody reads half of one."""

    slug = "csv"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hand_over(self, batch_id: str, transfers: Iterable[Transfer]) -> str:
        name = file_name(batch_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{name}.{os.getpid()}"
        try:
            with draft.open("w", encoding="utf-8", newline="") as file:
                os.fchmod(file.fileno(), 0o600)
                writer = csv.writer(file, lineterminator="\r\n")
                writer.writerow(COLUMNS)
                writer.writerows(_cells(transfer) for transfer in transfers)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.folder / name)
        finally:
            draft.unlink(missing_ok=True)
        return name


def file_name(batch_id: str) -> str:
    return f"{batch_id}.csv"


def defused(cell: str) -> str:
    """The cell as text, whatever it begins with."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cells(transfer: Transfer) -> tuple[str, ...]:
    # Only what people typed is defused: our ids and amounts can't begin a formula, and an amount must stay a number.
    return (
        transfer.payout_id,
        defused(transfer.creator),
        defused(transfer.name),
        defused(transfer.shop),
        money.text(transfer.amount, transfer.currency),
        transfer.currency,
    )
