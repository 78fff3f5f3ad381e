"""What the worker does by the clock: events are counted, freezes end, each in transactions of its own."""

from __future__ import annotations

from datetime import timedelta

from connector.db import Database
from connector.earnings.commission import freezes
from connector.earnings.commission.freezes import Ask
from connector.earnings.commission.tables import Clearance, EventClose, Freeze
from connector.operations import rounds
from connector.programme.collaborations import events
from tests.settlement.books import SYSTEM, Books, utc

DAY = timedelta(days=1)


def test_events_are_counted_and_freezes_end(database: Database) -> None:
    books = Books(database)
    shop, mira = books.shop(), books.creator("mira")
    books.line(shop, mira, 600, clears_at=utc("2026-11-16T10:00"))
    start, end = utc("2026-11-01"), utc("2026-11-08")
    with database.write(SYSTEM) as session:
        events.announce(
            session, shop, "Harvest", 1500, starts_at=start, ends_at=end, tiers=[(10, 1800)], by="staff:jo",
            now=start - DAY,
        )  # fmt: skip
        ask = Ask("creator", "One address, nine names", creator_id=mira)
        shown = freezes.preview(session, ask, start)
        freezes.freeze(session, ask, by="staff:jo", token=shown.token, as_of=start)
    # Taps may still come in for a day after an event's end.
    assert (rounds.close_events(end), books.rows(EventClose)) == (0, [])
    assert rounds.close_events(end + 2 * DAY) == 0
    assert [(row.orders, row.creators, row.counted_at) for row in books.rows(EventClose)] == [(0, 0, end + 2 * DAY)]
    assert rounds.end_freezes(start + 43 * DAY) == 0
    assert books.clear(shop, start + 43 * DAY) == 0
    assert rounds.end_freezes(start + 44 * DAY) == 1
    assert [row.ended_why for row in books.rows(Freeze)] == ["end_date"]
    assert [(row.blocked, row.updated_at) for row in books.rows(Clearance)] == [("", start + 44 * DAY)]
    assert books.clear(shop, start + 45 * DAY) == 1
