"""Merchants pay what they owe, for tests of what comes after it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from connector.db import new_id
from connector.earnings.settlement import funding, receipts
from connector.earnings.settlement.receipts import Coming


def pay_all(session: Session, shop_id: str, at: datetime) -> int:
    """Every open invoice of a shop is paid; how many receipts."""
    count = 0
    for account in funding.accounts(session, at.date(), shop_id=shop_id, only_open=True):
        coming = Coming(shop_id, account.currency, account.open, new_id("bank"), at.date(), "hand")
        receipts.record(session, coming, "test", at)
        count += 1
    return count
