"""How much of each settled balance may be paid now: all of it in advance, or what the merchant has paid in (R15)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from connector.earnings.settlement import funding
from connector.earnings.settlement.funding import Funding

Balance = tuple[str, str, int]  # (shop, creator, settled)


def payable(session: Session, balances: Sequence[Balance], currency: str, as_of: datetime) -> list[int]:
    """What may be paid of each balance, in their order; below zero nothing may."""
    of_shop: dict[str, Funding] = {}
    for shop_id, _, _ in balances:
        if shop_id not in of_shop:
            of_shop[shop_id] = funding.funded(session, shop_id, currency, as_of)
    return [of_shop[shop_id].payable(creator_id, settled) for shop_id, creator_id, settled in balances]
