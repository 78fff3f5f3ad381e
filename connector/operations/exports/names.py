"""Account names for the plain-text formats: readable, safe in both grammars, one name for one account. Pure.

    merchant_receivable   Assets:<Shop>:Merchant-Receivable
    creator_pending       Liabilities:<Shop>:Creator-Pending:<Creator>       and so cleared, settled, reserve
    payout_in_transit     Liabilities:<Shop>:Payout-In-Transit:<Creator>
    bank                  Assets:<Shop>:Bank:<Creator> what was paid out, Assets:<Shop>:Bank:Received what came in
    app_fee               Income:<Shop>:App-Fee
    loss_absorbed         Expenses:<Shop>:Loss-Absorbed
    fx                    Expenses:<Shop>:Fx
    exchange_difference   Expenses:<Shop>:Exchange-Difference

A shop's part is its host, a creator's the handle; both end with the last letters of our id, so that they stay apart
whatever people call themselves: `Harbour-pine-example-3f9k2a`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from connector.earnings.ledger.entry import CREATOR_ACCOUNTS

_ROOTS: Mapping[str, str] = {
    "merchant_receivable": "Assets",
    "bank": "Assets",
    "creator_pending": "Liabilities",
    "creator_cleared": "Liabilities",
    "creator_settled": "Liabilities",
    "reserve": "Liabilities",
    "payout_in_transit": "Liabilities",
    "app_fee": "Income",
    "loss_absorbed": "Expenses",
    "fx": "Expenses",
    "exchange_difference": "Expenses",
}
# An account that has creators beneath it takes nothing itself: Beancount's `balance` counts what is beneath, too.
_NOBODY: Mapping[str, str] = {
    "bank": "Received",
    "payout_in_transit": "Nobody",
    **dict.fromkeys(CREATOR_ACCOUNTS, "Nobody"),
}
_OTHER = "Equity"  # an account that isn't one of ours: somebody put it in by hand, and the export shows it
_LONGEST = 40
_TAIL = 6


def component(text: str, identifier: str) -> str:
    """One part of an account name: ASCII letters, digits and dashes, a capital or a digit in front."""
    said = plain(text)[:_LONGEST].strip("-")
    tail = plain(identifier.rpartition("_")[2])[-_TAIL:].strip("-")
    whole = "-".join(part for part in (said, tail) if part) or "X"
    return whole[0].upper() + whole[1:]


def plain(text: str) -> str:
    """The text in ASCII letters, digits and single dashes; marks fall off their letters, other scripts fall away."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", bare).strip("-")


class Names:
    """Hands out account names; `shops` and `creators` say what their ids are called, as far as they are known."""

    def __init__(self) -> None:
        self.shops: dict[str, str] = {}
        self.creators: dict[str, str] = {}
        self._known: dict[tuple[str, str, str], str] = {}
        self._taken: dict[str, str] = {}

    def account(self, shop_id: str, account: str, creator_id: str | None) -> str:
        """The name of an account; the same again for the same."""
        key = (shop_id, account, creator_id or "")
        if key not in self._known:
            words = plain(account.replace("_", "-").title()) or "X"
            parts = [_ROOTS.get(account, _OTHER), self._one(self.shops, shop_id), words]
            if creator_id:
                parts.append(self._one(self.creators, creator_id))
            elif account in _NOBODY:
                parts.append(_NOBODY[account])
            self._known[key] = ":".join(parts)
        return self._known[key]

    def _one(self, called: Mapping[str, str], identifier: str) -> str:
        name = component(called.get(identifier, ""), identifier)
        if self._taken.setdefault(name, identifier) != identifier:
            # Two that are called the same and whose ids end the same: the whole id tells them apart.
            name = component(called.get(identifier, ""), "") + "-" + plain(identifier)
            name = name[0].upper() + name[1:]
            self._taken[name] = identifier
        return name
