"""The world that the pages are looked at with has a bit of everything: its books are right, and follow from its facts."""

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
        assert {name: wrong for name, _, wrong in books.examine(session) if wrong} == {}
        # Its messages are made up for the pages, and hold no order that anybody took in.
        done = verify(session, found.append, retranslate=False)
    assert found == []
    assert done.orders > 5
