"""Another shop's ids in a merchant's addresses: no page shows anything of them, and no form changes anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.earnings.attribution.tables import Act, Code, CodeRecord
from connector.earnings.settlement.tables import Invoice
from connector.programme.collaborations.tables import Negotiation, Terms
from connector.programme.samples.tables import Sample, SampleOffer
from tests.browser.world import World
from tests.faces.conftest import form_token

EVERYTHING = Scope.system("tests look at everything")
TABLES: dict[str, Any] = {
    "order_id": Order, "code_id": Code, "invoice_id": Invoice, "terms_id": Terms, "event_id": Terms,
    "sample_id": Sample, "sample_offer_id": SampleOffer, "negotiation_id": Negotiation,
}  # fmt: skip
# What else an address of theirs holds.
OTHER = {"kind": "csv", "sample_act": "approve", "number": 1, "approval_id": "cap_x"}
# What the forms carry: enough that nothing is refused for an empty field.
TYPED = {
    "creator": "@mira", "why": "because", "line": "", "token": "", "rate": "60", "number": "1", "answer": "accept",
    "agreed": "0", "text": "Hello there", "words": "It is abuse of us", "reason": "None left", "tracking": "JD1",
    "last_day": "2099-01-01", "wait": "7",
}  # fmt: skip


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_no_merchant_reaches_another_shop(world: World, enter: Callable[[str], FlaskClient]) -> None:
    tried, open_doors = set(), []
    with world.database.read(EVERYTHING) as session:
        rows = {name: session.execute(sa.select(table.id, table.shop_id)).all() for name, table in TABLES.items()}
        before = facts(session)
    for name, shop_id in world.shops.items():
        try:
            client = enter(name)
        except AssertionError:  # one that left
            continue
        token = form_token(client, "/dashboard/codes")
        for rule in client.application.url_map.iter_rules():
            argument = next((each for each in TABLES if each in rule.arguments), None)
            if argument is None or not rule.rule.startswith("/dashboard"):
                continue
            for theirs in [row.id for row in rows[argument] if row.shop_id != shop_id][:2]:
                path = rule.build({**OTHER, argument: theirs})[1].partition("?")[0]  # type: ignore[index]
                for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                    form = {"csrf_token": token, **TYPED} if method == "POST" else None
                    answer = client.open(path, method=method, data=form)
                    tried.add((rule.rule, method))
                    if answer.status_code != 404:
                        open_doors.append(f"{name}: {method} {path}: {answer.status_code}")
    assert open_doors == []
    assert len(tried) >= 9, sorted(tried)
    with world.database.read(EVERYTHING) as session:
        assert facts(session) == before


def facts(session: Session) -> list[int]:
    """How many rows of what a form could write for another shop."""
    return [session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (Act, CodeRecord, Terms)]
