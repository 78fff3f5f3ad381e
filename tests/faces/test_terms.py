"""The merchant's pages of terms, rules and "what would it pay", and the staff's: ask, look, do."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask.testing import FlaskClient

from connector import clock
from connector.commerce.shops.tables import ShopSetting
from connector.db import Scope
from connector.programme import collaborations
from connector.programme.collaborations.tables import Terms
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")


def _hidden(page: str) -> dict[str, str]:
    """The fields of the form that books: those behind the preview."""
    form = page[page.index('action="/dashboard/terms"') :]
    return {name: html.unescape(value) for name, value in re.findall(r'name="([a-z_]+)" value="([^"]*)"', form)}


def test_a_rate_is_asked_for_looked_at_and_offered(world: World, enter: Enter) -> None:
    shop_id = world.shops["harbour"]
    with world.database.write(SYSTEM) as session:
        for handle in ("mira.makes", "talb"):
            collaborations.promote(session, world.creators[handle], shop_id, "9001", clock.now() - timedelta(days=9))
        before = session.scalar(sa.select(sa.func.count()).select_from(Terms))
    merchant = enter("harbour")
    ask = {"kind": "open", "product": "9001", "rate": "10", "look": "1", "ads": "4", "codes": "MIRA10: 8"}
    page = merchant.get("/dashboard/terms/change", query_string=ask).text
    assert "2 creators, 1 product" in page
    assert "15\u00a0% kept until" in page
    assert "Offer 10\u00a0% from now on" in page
    booking = _hidden(page)
    # Something moved since: nothing is done, and the page says so.
    moved = merchant.post("/dashboard/terms", data={**booking, "token": "stale"})
    assert "Something changed, look again" in moved.text
    with world.database.read(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Terms)) == before
    assert merchant.post("/dashboard/terms", data=booking).status_code == 303
    with world.database.read(SYSTEM) as session:
        made = session.scalars(sa.select(Terms).where(Terms.shop_id == shop_id, Terms.product_ref == "9001")).one()
        assert (made.rate_bp, made.ads_bp, made.code_rates) == (1000, 400, {"MIRA10": 800})
        assert made.notice_at == made.starts_at + timedelta(days=28)
        assert made.recorded_by.startswith("merchant:")
    shown = merchant.get("/dashboard/terms").text
    assert "10.00\u00a0%" in shown
    assert "8\u00a0% with the code MIRA10" in shown

    # An event ahead is announced, shown, called off; one that would end before it begins is refused beside its field.
    soon, late = (f"{clock.now() + timedelta(days=n):%Y-%m-%d}" for n in (5, 9))
    sale = {"kind": "event", "name": "Sale", "rate": "30", "starts": soon, "last_day": late, "tiers": "10: 35"}
    wrong = merchant.get(
        "/dashboard/terms/change", query_string={**sale, "look": "1", "starts": late, "last_day": soon}
    )
    assert 'href="#last_day"' in wrong.text
    page = merchant.get("/dashboard/terms/change", query_string={**sale, "look": "1"}).text
    assert merchant.post("/dashboard/terms", data=_hidden(page)).status_code == 303
    with world.database.read(SYSTEM) as session:
        event = session.scalars(sa.select(Terms).where(Terms.name == "Sale")).one()
        assert (event.tiers, event.ends_at) == ([[10, 3500]], event.starts_at + timedelta(days=5))
    token = form_token(merchant, "/dashboard/terms")
    assert merchant.post(f"/dashboard/terms/{event.id}/call-off", data={"csrf_token": token}).status_code == 303
    assert enter("kita").post(f"/dashboard/terms/{event.id}/call-off", data={"csrf_token": token}).status_code >= 400

    # Somebody is paid less only when they agreed.
    target = {"kind": "targeted", "handle": "@talb", "product": "9001", "rate": "5", "last_day": late, "look": "1"}
    assert 'href="#agreed"' in merchant.get("/dashboard/terms/change", query_string=target).text
    agreed = merchant.get("/dashboard/terms/change", query_string={**target, "agreed": "1"}).text
    assert merchant.post("/dashboard/terms", data=_hidden(agreed)).status_code == 303


def test_rules_are_changed_by_whom_they_belong_to_and_others_can_be_priced(world: World, enter: Enter) -> None:
    merchant = enter("harbour")
    page = "/dashboard/settings/touch_window_days"
    token = form_token(merchant, page)
    wrong = merchant.post(page, data={"csrf_token": token, "value": "91"})
    assert "It is between 1 and 90." in wrong.text
    assert 'value="91"' in wrong.text
    assert merchant.post(page, data={"csrf_token": token, "value": "30"}).status_code == 303
    assert "30 days" in merchant.get("/dashboard/settings").text
    fee = "/dashboard/settings/fee_bp"
    assert 'name="value"' not in merchant.get(fee).text
    assert merchant.post(fee, data={"csrf_token": token, "value": "1"}).status_code == 403
    assert merchant.get("/dashboard/settings/nothing").status_code == 404

    path = f"/console/shops/{world.shops['harbour']}/settings/fee_bp"
    sam = enter("Sam")
    assert sam.post(path, data={"csrf_token": form_token(sam, path), "value": "2,5"}).status_code == 303
    kim = enter("Kim")
    assert 'name="value"' not in kim.get(path).text
    assert kim.post(path, data={"csrf_token": form_token(kim, "/console"), "value": "1"}).status_code == 403
    with world.database.read(SYSTEM) as session:
        rows = session.execute(sa.select(ShopSetting.name, ShopSetting.value, ShopSetting.recorded_by))
        assert {("touch_window_days", "30"), ("fee_bp", "250")} <= {(name, value) for name, value, _ in rows}

    month = f"{clock.now():%Y-%m}"
    merchant = enter("harbour").get("/dashboard/whatif", query_string={"rate": "12", "period": month}).text
    assert "instead of" in merchant
    assert "Nothing was booked or changed." in merchant
    refused = enter("harbour").get("/dashboard/whatif", query_string={"rate": "90", "order": "10482"}).text
    assert "Write a rate from 1 to 80 per cent." in refused
    staff = enter("Kim")
    asked = {"rate": "12", "who": "all", "order": world.orders["10482"]}
    assert "Line by line" in staff.get("/console/whatif", query_string=asked).text
    assert "Name a shop, a creator or an order." in staff.get("/console/whatif", query_string={"rate": "12"}).text
