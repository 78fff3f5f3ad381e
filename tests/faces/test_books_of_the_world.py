"""The world of the pages has a bit of everything: its books are right, and follow from its facts."""

from __future__ import annotations

from connector.db import Scope
from connector.operations import books
from connector.operations.rebuild.difference import Difference
from connector.operations.rebuild.verify import verify
from tests.browser.world import World

SYSTEM = Scope.system("test")


def test_audit_and_rebuild_agree_with_it(world: World) -> None:
    found: list[Difference] = []
    with world.database.snapshot(SYSTEM) as session:
        # For the pages an event's bonus is put in by hand and not booked: that is seen, and nothing else is off.
        wrong = {name: [one.detail for one in wrong] for name, _, wrong in books.examine(session) if wrong}
        assert wrong == {"bonuses_are_the_ledgers": ["counted 1200, booked 0"]}
        # Its messages are made up for the pages, and hold no order that anybody took in.
        done = verify(session, found.append, retranslate=False)
    people = sorted((world.creators["mira.makes"], world.creators["talb"]))
    assert [(one.kind, one.about.split()[1:3]) for one in found] == [("bonus", [who, "JPY"]) for who in people]
    assert done.orders > 5
