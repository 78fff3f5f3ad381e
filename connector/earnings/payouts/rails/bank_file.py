"""A CSV file for a bank's upload: one file a batch, in whatever currencies its rows are paid."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from connector import money
from connector.earnings.payouts.rails.contract import Head, Transfer
from connector.programme.creators.payees import Details

COLUMNS = (
    "reference", "creator", "name", "shop", "amount", "currency", "country", "iban", "bic", "account", "routing",
)  # fmt: skip
# A spreadsheet reads a cell that begins like this as a formula; a quote in front makes it text.
# Source: OWASP, "CSV Injection", read 2026-11.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class BankFile:
    slug = "csv"

    def refuses(self, payee: Details, currency: str) -> str:
        return "" if payee.iban or payee.account else "payee_other_rail"

    def files(self, head: Head, transfers: Sequence[Transfer]) -> list[tuple[str, bytes]]:
        return [(f"{head.batch_id}.csv", table([COLUMNS, *map(_cells, transfers)]))]


def table(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as CSV (RFC 4180), in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def defused(cell: str) -> str:
    """The cell as text, whatever it begins with."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _cells(transfer: Transfer) -> tuple[str, ...]:
    # Only what people typed freely is defused: ids, amounts and account numbers can't begin a formula, and an amount
    # must stay a number.
    payee = transfer.payee
    return (
        transfer.payout_id, defused(transfer.creator), defused(payee.name), defused(transfer.shop),
        money.text(transfer.amount, transfer.currency), transfer.currency, payee.country, payee.iban, payee.bic,
        payee.account, payee.routing,
    )  # fmt: skip
