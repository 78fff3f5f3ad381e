"""An event's bonus as people meet it: announced by the API, earned, closed by the worker's round, invoiced, paid."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from connector import app as application
from connector import clock, db
from connector.access import links, staff, studio
from connector.db import Database
from connector.earnings.settlement.tables import Invoice, Statement
from connector.operations import books, rounds
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import DAY, OPENED, PLACED, World, app_settings, put_on_roster
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle


def test_a_bonus_from_its_announcement_to_all_who_read_of_it(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two orders in the event's time, the second at 20 % instead of 12 %: 8 % of 40.00 EUR more, EUR 3.20."""
    put_on_roster(monkeypatch)
    world = World(sqlite_database).begin()
    db.use(sqlite_database)
    guards._rates.storage.reset()
    now = OPENED
    monkeypatch.setattr(clock, "now", lambda: now)
    app = application.create_app(app_settings())
    api = Api(app, sqlite_database)
    event = {
        "shop_id": world.shop_id, "name": "Harvest", "rate_bp": 1200, "starts_at": (PLACED - DAY).isoformat(),
        "ends_at": (PLACED + DAY).isoformat(), "tiers": [{"orders": 1, "rate_bp": 2000}],
    }  # fmt: skip
    made = api.post("/events", event)
    tap = world.tap("x", "A", at=PLACED - DAY / 2)
    for ref in ("7001", "7002"):
        hear(world, [tap.token], ref=ref, fulfilments=(parcel(DELIVERED),), at=DELIVERED)
    now = PLACED + DAY
    assert rounds.close_events(now - timedelta(seconds=1)) == 0
    now = DELIVERED + DAY
    assert (rounds.close_events(now), rounds.close_events(now)) == (1, 0)
    now = CLOSING
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    with sqlite_database.read(SYSTEM) as session:
        invoice, statement = session.query(Invoice).one(), session.query(Statement).one()
        assert (invoice.bonus, invoice.total, statement.total) == (320, 1280, 1280)
        assert [wrong for _, _, found in books.examine(session) for wrong in found] == []

    def signed_in(path: str):  # type: ignore[no-untyped-def]
        client = app.test_client()
        token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[-1]
        assert client.post(path, data={"csrf_token": token}).status_code == 303
        return client

    with sqlite_database.write(SYSTEM) as session:
        person = staff.ensure(session, "Fay", "finance", by="test").id
        ways = (
            f"/console/sign-in/link/{links.issue(session, 'staff', person)}",
            f"/dashboard/sign-in/link/{links.issue(session, 'merchant', world.shop_id)}",
            f"/studio/sign-in/link/{studio.link(session, world.creators['x'], by='test')[0]}",
        )
    fay, merchant, creator = map(signed_in, ways)

    def read(client, path: str) -> str:  # type: ignore[no-untyped-def]
        answer = client.get(path)
        assert answer.status_code == 200, path
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text.split("<main")[1]))

    event_id = made["event_id"]
    for client, path, says in (
        (fay, "/console/events", ("Harvest", "3.20")),
        (fay, f"/console/events/{event_id}", ("X", "3.20", "of bonus for 1 creator", "Counted")),
        (fay, f"/console/money/invoices/{invoice.id}", ("Bonus", "3.20")),
        (merchant, f"/dashboard/money/{invoice.id}", ("onus", "3.20", "Harvest")),
        (creator, f"/studio/statements/{statement.id}", ("onus", "3.20", "Harvest")),
    ):  # fmt: skip
        text = read(client, path)
        assert [each for each in says if each not in text] == [], (path, text[:3000])
