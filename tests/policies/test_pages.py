"""The rules on pages and through the API, from a refused product to support's answer. SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from connector import clock, db
from connector.access import links, staff, studio
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.db import Database
from connector.operations.ruling.screen import screen_changed
from connector.programme.policies import violations
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import PLACED, World, app_settings, product, put_on_roster
from tests.conftest import wired
from tests.faces.conftest import form_token
from tests.settlement.books import SYSTEM


@pytest.fixture
def sqlite_world(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    return World(sqlite_database).begin()


@pytest.fixture
def api(sqlite_world: World) -> Iterator[Api]:
    guards._rates.storage.reset()
    yield Api(wired(app_settings()), sqlite_world.database)
    guards._rates.storage.reset()


def enter(api: Api, world: World, who: str) -> FlaskClient:
    client = api.app.test_client()
    with db.write(SYSTEM) as session:
        if who == "console":
            token = links.issue(session, "staff", staff.ensure(session, "Kim", "admin", by="t").id)
        elif who == "dashboard":
            token = links.issue(session, "merchant", world.shop_id)
        else:
            token, _ = studio.link(session, world.creators["x"], by="t")
    path = f"/{who}/sign-in/link/{token}"
    assert client.post(path, data={"csrf_token": form_token(client, path)}).status_code == 303
    return client


def test_from_a_refusal_to_the_answer(api: Api, sqlite_world: World) -> None:
    with db.write(SYSTEM) as session:
        shop = session.get_one(Shop, sqlite_world.shop_id)
        take.apply_products(session, shop, [product("D", category="Wine", title="Red <b>wine</b>")], "run2", PLACED)
    assert screen_changed() == 1
    merchant, kim = enter(api, sqlite_world, "dashboard"), enter(api, sqlite_world, "console")
    page = merchant.get("/dashboard/rules").text
    assert "Red &lt;b&gt;wine&lt;/b&gt;" in page
    assert "Alcohol is shown where its seller may sell it" in page
    token = {"csrf_token": form_token(merchant, "/dashboard/rules")}
    where = page.split("/dashboard/rules/products/")[1].split("/appeal")[0]
    short = merchant.post(f"/dashboard/rules/products/{where}/appeal", data=token | {"words": "why"})
    assert "fewer than 10" in short.text
    asked = merchant.post(f"/dashboard/rules/products/{where}/appeal", data=token | {"words": "We hold licence 4711."})
    assert asked.status_code == 303
    assert merchant.post("/dashboard/rules/terms", data=token | {"version": "7"}).status_code == 303
    assert "Accept version 1" in merchant.get("/dashboard/rules").text
    merchant.post("/dashboard/rules/terms", data=token | {"version": "1"})
    assert "You accepted version 1" in merchant.get("/dashboard/rules").text

    queue = kim.get("/console/rules").text
    assert "We hold licence 4711." in queue
    assert "1 appeal waits" in kim.get("/console").text
    answer = {"csrf_token": form_token(kim, "/console/rules"), "note": "Licence seen", "decision": "permit"}
    assert "neither" in kim.post(f"/console/rules/products/{where}", data=answer | {"decision": "maybe"}).text
    assert kim.post(f"/console/rules/products/{where}", data=answer).status_code == 303
    screen_changed()
    assert "No product is kept out" in merchant.get("/dashboard/rules").text
    assert "No appeal waits" in kim.get("/console/rules").text


def test_breaches_terms_and_what_is_said_beside_a_link(api: Api, sqlite_world: World) -> None:
    who = sqlite_world.creators["x"]
    kim, mira = enter(api, sqlite_world, "console"), enter(api, sqlite_world, "studio")
    path = f"/console/breaches/creator/{who}"
    form = {"csrf_token": form_token(kim, path), "rule": "claims_cure", "strikes": "3", "why": "Said that it cures."}
    assert "isn&#39;t between" in kim.post(path, data=form | {"strikes": "9"}).text
    lacks = kim.post(path, data=form | {"strikes": "", "rule": "", "why": " "}).text
    assert all(said in lacks for said in ("Choose the rule", "Choose a warning", "Say what happened"))
    assert kim.post(path, data=form).status_code == 303
    # What people do has rules of its own: nobody has to call an insult a weapon.
    assert kim.post(path, data=form | {"rule": "abuse", "strikes": "0", "why": "Insulted the shop."}).status_code == 303
    assert "Abuse of the other side" in kim.get(f"/console/creators/{who}").text
    assert "time for a person to freeze" in kim.get(path).text
    assert kim.get("/console/breaches/planet/x").status_code == 404
    assert kim.get("/console/breaches/creator/crt_none").status_code == 404

    page = mira.get("/studio/rules").text
    assert "Said that it cures." in page
    token = {"csrf_token": form_token(mira, "/studio/rules")}
    breach = api.get(f"/creators/{who}/breaches")
    assert (breach["strikes"], {each["rule"] for each in breach["items"]}) == (3, {"claims_cure", "abuse"})
    its = next(each["id"] for each in breach["items"] if each["rule"] == "claims_cure")
    assert "fewer than 10" in mira.post(f"/studio/rules/breaches/{its}/appeal", data=token | {"words": "no"}).text
    said = {"words": "I quoted somebody else."}
    appeal = f"/creators/{who}/breaches/{its}/appeal"
    assert api.send("POST", f"/creators/{sqlite_world.creators['y']}/breaches/{its}/appeal", said).status_code == 404
    assert api.send("POST", appeal, said).status_code == 200
    assert api.send("POST", appeal, said).status_code == 409
    done = kim.post(f"/console/rules/breaches/{its}", data=form | {"decision": "lift", "note": "It was a quotation"})
    assert done.status_code == 303
    assert "It was a quotation" in mira.get("/studio/rules").text
    with db.read(SYSTEM) as session:
        assert violations.strikes(violations.of(session, who), PLACED) == 0

    terms = api.get(f"/creators/{who}/use-terms")
    assert (terms["version"], terms["to_accept"]) == (1, True)
    assert api.send("PUT", f"/creators/{who}/use-terms", {"version": 2}).status_code == 409
    done_terms = api.send("PUT", f"/creators/{who}/use-terms", {"version": 1}).json
    assert (done_terms["accepted_version"], done_terms["to_accept"]) == (1, False)  # type: ignore[index]
    assert "You accepted version 1" in mira.get("/studio/rules").text
    rules = api.get("/rules")
    assert {"alcohol", "weapons", "abuse", "undisclosed"} <= {rule["code"] for rule in rules["rules"]}
    public = api.client.get("/rules")
    assert public.status_code == 200
    assert "Set-Cookie" not in public.headers
    for text in (*rules["disclosure"].values(), "Claims to cure", "Terms of use for merchants"):
        assert text in public.text
