"""The story of the sheets from Square's answers to the ledger: 72.00, 36.00 after one candle came back, then nothing.

Everybody is credited with 10 %. Reads come in every order, and twice: the balance is the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import credit
from connector.earnings.intake.take_in import take_in
from connector.earnings.ledger import queries as ledger
from connector.platforms.contract import OrderRead
from connector.platforms.square import PLATFORM
from tests.money.books import shop as new_shop
from tests.money.builders import Credit
from tests.platforms.square.kit import Square, came_back, client, refund, sold

TEST = Scope.system("tests")
READ = datetime(2025, 12, 1, tzinfo=UTC)
LATER = READ + timedelta(days=90)


def decide(session: Session, shop: Shop, order: Order, of: Any, as_of: datetime, **more: bool) -> Any:
    return {item.line_ref: Credit("crt_x", 1000) for item in of.snapshot.lines}


def reads() -> list[OrderRead]:
    """The order as it was sold, with one candle back, with both, and with both again."""
    square = Square()
    sold(square)
    found = [PLATFORM.orders.one(client(square), "ORDDEMO1")]
    came_back(square, "RETORD1")
    refund(square, "REF1", 3920, into="RETORD1")
    found.append(PLATFORM.orders.one(client(square), "RETORD1"))
    came_back(square, "RETORD2")
    refund(square, "REF2", 3920, into="RETORD2", at="2025-11-23T19:59:00Z")
    found += [PLATFORM.orders.one(client(square), "RETORD2"), PLATFORM.orders.one(client(square), "ORDDEMO1")]
    return [
        OrderRead(each.snapshot, each.buyer, READ + timedelta(minutes=number))
        for number, each in enumerate(found)
        if each is not None
    ]


def test_the_story_ends_in_the_same_balance_however_it_is_heard(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credit, "credit_lines", decide)
    story = reads()
    assert len(story) == 4
    with database.write(TEST) as session:
        shop = new_shop(session, platform="square", domain="MLDEMO1")
        owed = [heard(session, shop, read, number) for number, read in enumerate(story)]
        assert owed == [720, 360, 0, 0]
        for place, order in enumerate(permutations(range(4), 4)):
            again = new_shop(session, platform="square", domain=f"MLDEMO{place}X")
            assert [heard(session, again, story[number], number) for number in order][-1] == 0, order


def heard(session: Session, shop: Shop, read: OrderRead, number: int) -> int:
    take_in(session, shop, read.seen, triggered_at=read.read_at, source=f"read:{shop.id}:{number}", as_of=LATER)
    return sum(balance.owed for balance in ledger.balances(session, shop_id=shop.id))
