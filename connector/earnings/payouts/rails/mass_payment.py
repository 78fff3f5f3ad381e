"""A mass payment file, to an e-mail address each: the columns that PayPal's payouts page takes, without a header.

recipient, amount, currency, our id (at most 30 characters: a payout's id has 30), note, wallet. One currency a file, at
most 5,000 rows a file.
Source: docs.paypal.ai/growth/payouts/send-money/use-web-ui and developer.paypal.com/docs/api/reference/currency-codes,
read 2026-11. Amounts have a decimal point, as for senders in the US; a page that wants a comma says so at upload.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from connector import money
from connector.earnings.payouts.rails.bank_file import table
from connector.earnings.payouts.rails.contract import Head, Transfer
from connector.programme.creators.payees import Details

MOST_ROWS = 5000
# Left out of the listed ones: HUF and TWD, which take no decimals there while ISO 4217 gives them two; BRL, CNY and
# MYR, which only accounts of those countries hold.
_SERVED = "AUD CAD CHF CZK DKK EUR GBP HKD ILS JPY MXN NOK NZD PHP PLN SEK SGD THB USD"
CURRENCIES = frozenset(_SERVED.split(" "))


class MassPayment:
    slug = "mass"

    def refuses(self, payee: Details, currency: str) -> str:
        if currency not in CURRENCIES:
            return "currency_not_served"
        return "" if payee.email else "payee_other_rail"

    def files(self, head: Head, transfers: Sequence[Transfer]) -> list[tuple[str, bytes]]:
        found = []
        by_currency = sorted(transfers, key=lambda each: each.currency)  # a stable sort: the order within stays
        for currency, group in groupby(by_currency, key=lambda each: each.currency):
            rows = [_cells(transfer) for transfer in group]
            for number, start in enumerate(range(0, len(rows), MOST_ROWS), 1):
                name = f"{head.batch_id}-{currency}-{number}.csv"
                found.append((name, table(rows[start : start + MOST_ROWS])))
        return found


def _cells(transfer: Transfer) -> tuple[str, ...]:
    amount = money.text(transfer.amount, transfer.currency)
    note = f"Your commission from {transfer.shop}"
    return transfer.payee.email, amount, transfer.currency, transfer.payout_id, note, "PAYPAL"
