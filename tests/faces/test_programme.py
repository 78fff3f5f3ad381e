"""The merchant opens products to creators in three steps: what, for how much, look and open."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.db import Scope
from connector.operations import rounds
from connector.programme.collaborations import openings
from connector.programme.collaborations.tables import AcceptanceRule, Opening, Terms
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")
SET_UP = "/dashboard/programme/set-up"


def _hidden(page: str, act: str) -> dict[str, str]:
    form = page[page.index(f'method="post" action="{act}"') :].split("</form>")[0]
    return {name: html.unescape(value) for name, value in re.findall(r'name="([a-z_]+)" value="([^"]*)"', form)}


def test_three_steps_open_a_collection(world: World, enter: Enter) -> None:
    shop_id = world.shops["harbour"]
    with world.database.write(SYSTEM) as session:
        session.execute(sa.update(Listing).where(Listing.shop_id == shop_id).values(tags=["Spring & Summer"]))
        kind, written, number = openings.collections(session, shop_id)[0]
    merchant = enter("harbour")
    what = f"{kind}:{written}"
    first = merchant.get(SET_UP, query_string={"step": "1"}).text
    assert "Step 1 of 3" in first
    assert f'value="{html.escape(what)}"' in first
    # A rate that is none, or a collection that isn't there, is said beside its field.
    for rate in ("90", "0.5", "ten", ""):
        wrong = merchant.get(SET_UP, query_string={"step": "1", "look": "1", "what": what, "rate": rate}).text
        assert "Write a rate from 1 to 80 per cent" in wrong
        assert "What opening does" not in wrong
    nothing = merchant.get(SET_UP, query_string={"look": "1", "what": "tag:nothing has this", "rate": "12"}).text
    assert "of no product of this shop" in html.unescape(nothing)
    # Left half typed, it stands there when they come back, and nothing is open by it.
    token = {"csrf_token": form_token(merchant, SET_UP)}
    typed = {"what": what, "rate": "12,5", "automatic_asked": "1"}
    assert merchant.post(SET_UP, data={**token, **typed, "do": "save"}).headers["Location"] == "/dashboard/programme"
    assert "left half typed" in merchant.get("/dashboard/programme").text
    assert 'value="12,5"' in merchant.get(SET_UP, query_string={"step": "1"}).text
    seen = merchant.post(SET_UP, data={**token, **typed, "do": "look"}).headers["Location"]
    look = merchant.get(seen).text
    assert f"{number:,} product" in look
    assert "12.5\u00a0%" in look
    assert "Not opened; you open them yourself" in look
    asked = _hidden(look.split("What opening does")[1], SET_UP)
    with world.database.read(SYSTEM) as session:
        assert session.query(Opening).count() == 0  # looking and keeping change nothing
    onward = merchant.post(SET_UP, data={**asked, "do": "open"}).headers["Location"]
    assert onward == "/dashboard/programme"  # the shop gives samples and made an offer already
    with world.database.read(SYSTEM) as session:
        row = session.query(Opening).one()
        assert (row.kind, row.rate_bp, row.automatic) == (kind, 1250, False)
        assert row.opened + row.kept == number
        assert session.query(Terms).filter(Terms.recorded_by == f"opening:{row.id}").count() == row.opened
        opening_id = row.id
    shown = merchant.get("/dashboard/programme").text
    assert "12.50\u00a0%" in shown
    assert "Open" in shown
    # Another shop's merchant neither sees nor closes it.
    other = enter("kita")
    assert written not in other.get("/dashboard/programme").text.split("<main")[1]
    token = {"csrf_token": form_token(other, SET_UP)}
    close = f"/dashboard/programme/{opening_id}/close"
    assert other.post(close, data=token).status_code == 404
    assert merchant.post(close, data=_hidden(shown, close)).status_code == 303
    # The first fifty at once, the rest in the worker's rounds.
    assert "Closing" in merchant.get("/dashboard/programme").text
    rounds.open_products(clock.now())
    assert "Closed" in merchant.get("/dashboard/programme").text


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_rules_and_invitations_are_steps_that_can_be_passed_over(world: World, enter: Enter) -> None:
    merchant, rules, invite = enter("fresh"), f"{SET_UP}/rules", f"{SET_UP}/invite"
    token = {"csrf_token": form_token(merchant, SET_UP)}
    assert "Step 1 of 3" in merchant.get(SET_UP).text
    assert "Setup, 1 of 5" in merchant.get("/dashboard").text
    typed = {"most": "15", "followers": "many", "days": "60", "sample": "1"}
    wrong = merchant.post(rules, data={**token, **typed, "do": "add"}).text
    assert "Write digits alone." in wrong
    assert 'value="many"' in wrong
    merchant.post(rules, data={**token, **typed, "do": "save"})
    assert 'value="many"' in merchant.get(SET_UP, query_string={"step": "2"}).text
    made = merchant.post(rules, data={**token, **typed, "followers": "50,000", "do": "add"})
    assert made.headers["Location"] == f"{SET_UP}?step=1"
    with world.database.read(SYSTEM) as session:
        rule = session.query(AcceptanceRule).one()
        assert (rule.shop_id, rule.most_bp, rule.least_followers, rule.most_days, rule.sample) == (
            world.shops["fresh"], 1500, 50_000, 60, True,
        )  # fmt: skip
    assert merchant.post(invite, data=token).status_code == 303
    home = merchant.get("/dashboard").text
    assert "Setup, 3 of 5" in home
    assert f"{SET_UP}?step=1" in home
