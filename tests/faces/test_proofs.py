"""Daily proofs and the amount of a refund: what the pages say, and what their acts do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask.testing import FlaskClient

from connector.audit import AuditRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in
from connector.events import OrderStub, Refund
from connector.sync.tables import DailyProof
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")


def with_gap(world: World) -> str:
    """Yesterday's proof of the shop, with a gap in it; the day."""
    with world.database.write(SYSTEM) as session:
        row = session.scalars(sa.select(DailyProof).where(DailyProof.shop_id == world.shops["harbour"])).one()
        row.status, row.seen, row.evaluated = "gaps", 8, 8
        row.store_ids_hash = "0" * 64
        row.gaps = [{"order": "#10999", "order_ref": "10999", "what": "missing_here", "why": "PlatformRefused: 402"}]
        return row.day


def test_a_gap_is_named_with_what_happens_by_itself(world: World, enter: Enter) -> None:
    kim = enter("Kim")
    assert "= seen = evaluated" in kim.get("/console/proofs").text
    day = with_gap(world)
    assert f"the orders of {day} don&#39;t add up yet" in kim.get("/console").text
    html = kim.get("/console/proofs").text
    for said in ("#10999", "fetched by itself at the next try", "PlatformRefused: 402", "Tried again by itself from",
                 "1 of 1 day is not proved", "Harbour"):  # fmt: skip
        assert said in html, said
    html = kim.get(f"/console/proofs/{world.shops['harbour']}/{day}").text
    for said in ("#10999", "missing_here", "Differ", "0" * 64, "Compare again now"):
        assert said in html, said
    assert "No hits" not in kim.get("/console/proofs?only=open").text
    assert kim.get(f"/console/proofs/{world.shops['harbour']}/yesterday").status_code in (400, 422)
    assert kim.get(f"/console/proofs/{world.shops['harbour']}/2001-01-01").status_code == 404


def test_a_day_is_compared_again_by_a_job(world: World, enter: Enter) -> None:
    kim, day = enter("Kim"), with_gap(world)
    path = f"/console/proofs/{world.shops['harbour']}/{day}"
    answer = kim.post(f"{path}/again", data={"csrf_token": form_token(kim, path)})
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    table = "workflow_status" if world.database.is_sqlite else "dbos.workflow_status"
    with world.database.engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT workflow_uuid FROM {table}")).scalars().all()
    assert any(name.startswith(f"sync.prove:{world.shops['harbour']}:{day}:") for name in found)
    with world.database.read(SYSTEM) as session:
        assert session.scalars(sa.select(AuditRow.actor).where(AuditRow.act == "proof.again")).one() == "staff:Kim"


def test_the_amount_of_a_refund_is_asked_shown_and_booked(world: World, enter: Enter) -> None:
    order_id = world.orders["10482"]
    with world.database.write(SYSTEM) as session:
        order = session.get_one(Order, order_id)
        shop = session.get_one(Shop, order.shop_id)
        unknown = Refund("r9", order.placed_at + timedelta(hours=1), amount_unknown=True)
        take_in.take_in_stub(session, shop, OrderStub(order.order_ref, (unknown,)), source="delivery:dlv_x")
    fay, kim = enter("Fay"), enter("Kim")
    path = f"/console/orders/{order_id}/refunds/r9/amount"
    assert "Enter it" in kim.get(f"/console/orders/{order_id}").text
    assert "Error:" in fay.get(f"{path}?amount=12,50&why=x").text
    assert "Say where the amount comes from" in fay.get(f"{path}?amount=5.00&why=").text
    html = fay.get(f"{path}?amount=5.00&why=Bank+statement").text
    assert "What would be booked" in html
    assert "Book 5.00 EUR" in html
    assert "Someone from finance books it" in kim.get(f"{path}?amount=5.00&why=Bank+statement").text
    token = html.split('name="token" value="')[1].split('"')[0]
    given = {"amount": "5.00", "why": "Bank statement", "token": token}
    assert kim.post(path, data={**given, "csrf_token": form_token(kim, path)}).status_code == 403
    stale = fay.post(path, data={**given, "token": "old", "csrf_token": form_token(fay, path)})
    assert (stale.status_code, "Something changed, look again" in stale.text) == (200, True)
    done = fay.post(path, data={**given, "csrf_token": form_token(fay, path)})
    assert done.status_code == 303
    with world.database.read(SYSTEM) as session:
        blocked = session.scalars(sa.select(Clearance.blocked).where(Clearance.order_id == order_id)).all()
        assert not any("refund_amount_unknown" in each for each in blocked)
        assert session.scalars(sa.select(AuditRow.act).where(AuditRow.act == "refund.amount")).all() == [
            "refund.amount"
        ]
