"""Samples as a creator meets them: what is said of each state, and the way from asking to an appeal by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product

from flask.testing import FlaskClient

from connector.access import studio
from connector.commerce.catalog.ids import listing_id
from connector.db import Scope
from connector.faces.studio import sample_said
from connector.operations.sampling import acts
from connector.operations.sampling.sales import Allowance
from connector.programme.content import anchors, attach
from connector.programme.samples import moves, offers, queries
from connector.programme.samples.policy import Numbers
from connector.programme.samples.tables import Sample
from connector.web import words
from tests.attribution.world import World, app_settings
from tests.conftest import wired

APP = Scope.app()
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ADDRESS = {
    "name": "Mira Okafor", "address1": "Elm Street 12", "city": "Berlin", "postal_code": "10115", "country": "DE",
}  # fmt: skip


def _row(**given: object) -> Sample:
    plain: dict[str, object] = {
        "kind": "free", "state": "requested", "due_at": NOW + timedelta(days=3), "placing": "", "ending": "",
        "extended": False, "appealed": False, "currency": "EUR", "agreed_amount": 4550, "paid_back": None, "reason": "",
        "problem_field": "", "order_number": "#1", "confirmed": False, "policy_version": 1, "order_ref": None,
        "confirm_by": None, "words": "",
    }  # fmt: skip
    return Sample(**{**plain, **given})


def test_every_state_says_what_is_so_and_whose_turn_it_is() -> None:
    """Over all states, kinds and ways of placing: a whole sentence, and a form wherever it waits for the creator."""
    placings = ("", "waiting", "unknown", "placed", "refused")
    for state, kind, placing, extended, ending in product(
        moves.STATES, ("free", "refundable"), placings, (False, True), ("", "withdrawn")
    ):
        for due in (NOW + timedelta(days=3), None, NOW):
            row = _row(state=state, kind=kind, placing=placing, extended=extended, ending=ending, due_at=due)
            stands = sample_said.stands(row, Numbers(), NOW)
            may = sample_said.acts(row, NOW)
            assert stands.said.endswith("."), row
            assert "{" not in stands.said, row
            assert not stands.yours or may, f"{state} {kind} waits for them, and they can do nothing"
            assert not may or (state in moves.OPEN and not ending)
            if state in moves.ENDS:
                assert not stands.yours
    named = {"kind": "refundable", "order_ref": "51", "due_at": None}
    for state in ("ordered", "fulfilled"):
        doubted = _row(state=state, words="Another name stands on it", **named)
        assert sample_said.stands(doubted, Numbers(), NOW).said.startswith("The shop doubts that order #1 is yours")
        assert "name_order" in sample_said.acts(doubted, NOW)
        silent = _row(state=state, **named)
        stands = sample_said.stands(silent, Numbers(), NOW)
        assert (stands.yours, "Support does; you need do nothing" in stands.said) == (False, True)
        assert "name_order" in sample_said.acts(silent, NOW)
    waits = sample_said.stands(_row(state="ordered", confirm_by=NOW, **named), Numbers(), NOW)
    assert (waits.yours, "until 27 Nov 2026; then support does" in waits.said) == (False, True)
    mended = _row(state="approved", placing="refused", problem_field="recipient.postal_code")
    assert "address (postal code)" in sample_said.stands(mended, Numbers(), NOW).said
    assert "address" in sample_said.acts(mended, NOW)


def test_each_reason_is_told_and_the_limit_says_why() -> None:
    for code in moves.REFUSALS:
        assert words.reason(code, "creator"), code
    for reason in ("not_answered", "not_sent", "no_content", "cancelled_at_store"):
        said = sample_said.stands(_row(state="lapsed", due_at=None, reason=reason), Numbers(), NOW).said
        assert words.reason(reason, "creator") in said
    some = Allowance("low", {"EUR": 7960, "USD": 0}, NOW.isoformat(), 5, 3, 1500, None, 0, 0, 1)
    assert sample_said.allowance(some, Numbers()) == (
        "3 of 5 are open. So many may be, because your net sales in the app in the last 30 days were €79.60."
    )
    none = Allowance("low", {}, NOW.isoformat(), 5, 0, 1500, None, 0, 0, 1)
    assert "you had no sale in the app in the last 30 days" in sample_said.allowance(none, Numbers())
    assert sample_said.levels(Numbers(), ["JPY", "USD"]) == (
        "With sales under $5,000.00 in 30 days, 5 may be open at once; from $5,000.00 on, 20; over $150,000.00, 50."
    )


class Hand:
    """A creator's browser."""

    def __init__(self, world: World, handle: str) -> None:
        self.client: FlaskClient = wired(app_settings()).test_client()
        with world.database.write(APP) as session:
            token, _ = studio.link(session, world.creators[handle], by="test")
        self.post(f"/studio/sign-in/link/{token}", {}, at=f"/studio/sign-in/link/{token}")

    def post(self, path: str, form: dict[str, str], *, at: str = "/studio/account") -> str:
        """The page that follows, with its own problems if there are any."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(at).text)
        assert found
        answer = self.client.post(path, data={**form, "csrf_token": found.group(1)}, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        self.path = answer.request.path
        return answer.text


def test_from_asking_to_an_appeal_by_hand(world: World) -> None:
    with world.database.write(APP) as session:
        offers.add(session, world.shop_id, "free", by="merchant:test")
        video = attach.ensure(session, world.creators["x"], "app", "v1", "video", "A corner")
    mira, other = Hand(world, "x"), Hand(world, "y")
    product_page = f"/studio/products/{listing_id(world.shop_id, 'A')}"
    assert "Ask for a sample" in mira.client.get(product_page).text
    form = mira.client.get(f"{product_page}/sample").text
    assert "0 of 5 are open" in form
    wrong = mira.post(f"{product_page}/sample", {**ADDRESS, "kind": "free", "postal_code": "1", "city": ""})
    assert "<title>Error: " in wrong
    assert 'href="#city">Town is missing.' in wrong
    assert 'value="Elm Street 12"' in wrong, "what was typed is kept"
    asked = mira.post(f"{product_page}/sample", {**ADDRESS, "kind": "free", "note": "<b>For a corner</b>"})
    where = mira.path
    sample_id = where.rsplit("/", 1)[1]
    assert "The shop answers until" in asked
    assert "&lt;b&gt;For a corner&lt;/b&gt;" in asked
    assert "There is a sample of this product already" in mira.client.get(f"{product_page}/sample").text
    moved = mira.post(f"{where}/address", {**ADDRESS, "address1": "Oak Lane 3"})
    assert "Oak Lane 3" in moved
    assert other.client.get(where).status_code == 404
    with world.database.write(APP) as session:
        acts.approve(session, sample_id, shop_id=world.shop_id, by="merchant:test")
        acts.shipped(session, sample_id, shop_id=world.shop_id, tracking="JD01", by="merchant:test")
    assert "It has arrived" in mira.client.get(where).text
    assert "Noted. Show it in time" in mira.post(f"{where}/received", {})
    assert "Show it in a video" in mira.client.get("/studio").text, "home says what is due"
    old = mira.post(f"{where}/content", {"content_id": video.id})
    assert words.reason("content_too_old", "creator") in old
    with world.database.write(APP) as session:
        fresh = attach.ensure(session, world.creators["x"], "app", "v2", "video", "A new corner").id
        theirs = attach.ensure(session, world.creators["y"], "app", "v3", "video", "Another's").id
    assert "A new corner (the product is put in)" in mira.client.get(where).text
    assert words.reason("content_unknown", "creator") in mira.post(f"{where}/content", {"content_id": theirs})
    assert "The shop sees it" in mira.post(f"{where}/content", {"content_id": fresh})
    assert "Can be tapped" in mira.client.get(f"/studio/content/{fresh}").text, "the product is in it"
    with world.database.read(APP) as session:
        assert anchors.of_content(session, video.id) == [], "a refusal puts nothing in"
    assert "You have more time" in mira.post(f"{where}/extend", {})
    assert "extension" in mira.post(f"{where}/extend", {}).lower()
    with world.database.write(APP) as session:
        row = queries.one(session, sample_id)
        row.state = "missed"  # as the clock would leave it
    assert "What you say is empty" in mira.post(f"{where}/appeal", {"words": " "})
    assert "Support reads" in mira.post(f"{where}/appeal", {"words": "I was in hospital until Monday"})
    assert "Your sample of" in mira.client.get("/studio/news").text
    listed = mira.client.get("/studio/samples").text
    assert "Support decides" in listed
    assert "Shops see the same" in listed
