"""What a rule keeps out, appeals, breaches, endpoints of the app: as merchant, creator, support and anybody see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector import clock, notices, outbound
from connector.access import studio
from connector.commerce.catalog.tables import Listing
from connector.db import Scope
from connector.operations.ruling.screen import screen_changed
from connector.operations.telling import endpoints, gather, sending
from connector.programme.policies import violations
from tests.browser import looks
from tests.browser.conftest import Site, Visitor

Visit = Callable[..., Visitor]
OPEN = "document.querySelectorAll('details').forEach((each) => each.setAttribute('open', ''))"


def _happened(site: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """A product is kept out, a creator has a breach, an endpoint failed: its id, an event's, the creator's."""
    world = site.world
    assert world is not None
    monkeypatch.setattr(outbound, "_current", outbound.Outbound())
    with world.database.write(Scope.system("test")) as session:
        row = session.query(Listing).filter_by(shop_id=world.shops["harbour"], status="shoppable").first()
        assert row is not None
        row.category, row.content_hash = "Wine", "another"
        who = world.creators["talb"]
        breach = violations.record(
            session, "creator", who, "claims_cure", strikes=2, why="Said live that it cures.", by="staff:Kim"
        )
        violations.appeal(session, who, breach.id, "I quoted a buyer, and said that I doubt it.", f"creator:{who}")
        made, _ = endpoints.make(session, "app", "https://app.example/hook", [], "staff:Sam")
        notices.say(session, "payout.paid", creator_id=who, shop_id=world.shops["harbour"], payout_id="pay_1")
    assert screen_changed() >= 1
    gather.gather()
    monkeypatch.setattr(sending, "_post", lambda one: sending.Answered(one.seq, clock.wall(), 503, "answered", 12))
    sending.send_due("w")
    with world.database.read(Scope.system("test")) as session:
        event = session.query(sending.Told).order_by(sending.Told.seq.desc()).first()
        assert event is not None
        return made.id, event.id, who


def test_rules_and_endpoints_are_good_to_look_at(site: Site, visitor: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint_id, event_id, who = _happened(site, monkeypatch)
    assert site.world is not None
    with site.world.database.write(Scope.app()) as session:
        token, _ = studio.link(session, who, by="test")
    wrong: list[str] = []

    def look(seen: Visitor, path: str) -> None:
        page = seen.go(path)
        page.evaluate(OPEN)
        wrong.extend(looks.check(page, path, narrow=True))

    shop, support, hers, anybody = visitor().as_merchant(), visitor().as_staff(), visitor(), visitor()
    page = shop.go("/dashboard/rules")
    page.locator("main summary").first.click()
    page.get_by_label("What it is, and what you can show").first.fill("We hold licence 4711 of the city.")
    page.get_by_role("button", name="Send the appeal").first.click()
    assert "We hold licence 4711" in page.inner_text("main")
    look(shop, "/dashboard/rules")
    look(support, "/console/rules")
    for path in (
        f"/console/breaches/creator/{who}", "/console/endpoints", f"/console/endpoints/{endpoint_id}",
        f"/console/told/{event_id}",
    ):  # fmt: skip
        look(support, path)
    phone = hers.go(f"/studio/sign-in/link/{token}")
    phone.get_by_role("button", name="Open my studio").click()
    look(hers, "/studio/rules")
    look(anybody, "/rules")
    assert wrong == []
