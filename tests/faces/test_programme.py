"""The merchant opens products to creators in three steps: what, for how much, look and open."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.db import Scope
from connector.operations import rounds
from connector.programme.collaborations import openings
from connector.programme.collaborations.tables import Opening, Terms
from tests.browser.world import World

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
    first = merchant.get(SET_UP).text
    assert "Step 1 of 3" in first
    assert f'value="{html.escape(what)}"' in first
    second = merchant.get(SET_UP, query_string={"step": "2", "what": what}).text
    assert f"{number:,} product" in second
    assert "Open products that come new by themselves" in second
    # A rate that is none leads back to its step, beside its field; a collection that isn't there to the first.
    for rate in ("90", "0.5", "ten", ""):
        wrong = merchant.get(SET_UP, query_string={"step": "3", "what": what, "rate": rate}).text
        assert "Step 2 of 3" in wrong
        assert "Write a rate from 1 to 80 per cent" in wrong
    nothing = merchant.get(SET_UP, query_string={"step": "3", "what": "tag:nothing has this", "rate": "12"}).text
    assert "Step 1 of 3" in nothing
    assert "of no product of this shop" in html.unescape(nothing)
    third = merchant.get(SET_UP, query_string={"step": "3", "what": what, "rate": "12,5", "automatic_asked": "1"}).text
    assert "12.5\u00a0%" in third
    assert "Not opened; you open them yourself" in third
    asked = _hidden(third, SET_UP)
    with world.database.read(SYSTEM) as session:
        assert session.query(Opening).count() == 0  # looking changes nothing
    assert merchant.post(SET_UP, data=asked).headers["Location"] == "/dashboard/programme"
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
    token = _hidden(other.get(SET_UP, query_string={"step": "3", "what": "shop", "rate": "9"}).text, SET_UP)
    close = f"/dashboard/programme/{opening_id}/close"
    assert other.post(close, data=token).status_code == 404
    assert merchant.post(close, data=_hidden(shown, close)).status_code == 303
    # The first fifty at once, the rest in the worker's rounds.
    assert "Closing" in merchant.get("/dashboard/programme").text
    rounds.open_products(clock.now())
    assert "Closed" in merchant.get("/dashboard/programme").text
