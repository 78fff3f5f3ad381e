"""Freezing as a money act: ask, preview, result; the creator's own words; who may do what."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from connector.access import studio
from connector.audit import AuditRow
from connector.db import Scope
from connector.earnings.commission.tables import Clearance, Freeze
from connector.notices import Notice
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]


def as_creator(app: Flask, world: World, handle: str) -> FlaskClient:
    client = app.test_client()
    with world.database.write(Scope.app()) as session:
        token, _ = studio.link(session, world.creators[handle], by="test")
    path = f"/studio/sign-in/link/{token}"
    assert client.post(path, data={"csrf_token": form_token(client, path)}).status_code == 303
    return client


def test_asked_looked_at_frozen_appealed_and_lifted(world: World, app: Flask, enter: Enter) -> None:
    order_id = world.orders["10482"]
    asked = {"order": order_id, "reason": "One address, nine names", "appeal_days": "30", "decide_days": "14"}
    kim, fay = enter("Kim"), enter("Fay")
    assert "Is empty" not in kim.get(f"/console/freezes/new?order={order_id}").text
    wrong = kim.get("/console/freezes/new", query_string=asked | {"appeal_days": "3"}).text
    assert "The time for an appeal: 3 days are out of bounds. Give 30 to 90 days." in wrong
    assert kim.get("/console/freezes/new?order=ord_none").status_code == 404
    shown = fay.get("/console/freezes/new", query_string=asked).text
    for said in ("Freeze EUR\xa07.47", "Unchanged", "Mira", "The creator, with reason and dates"):
        assert said in shown, said
    given = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown))
    assert kim.post("/console/freezes/new", data=given).status_code == 403  # support looks, finance acts
    assert "look again" in fay.post("/console/freezes/new", data=given | {"token": "old"}).text
    answer = fay.post("/console/freezes/new", data=given)
    assert answer.status_code == 303
    path = answer.headers["Location"]
    assert "Frozen: the creator may appeal until" in fay.get(path).text
    assert "look at the freeze that stands" in fay.get("/console/freezes/new", query_string=asked).text

    mira, tal = as_creator(app, world, "mira.makes"), as_creator(app, world, "talb")
    assert "One address, nine names" in mira.get("/studio/frozen").text
    assert "Nothing is frozen" in tal.get("/studio/frozen").text
    words = {"csrf_token": form_token(mira, "/studio/frozen"), "words": "A school bought together."}
    freeze_id = path.rpartition("/")[2]
    assert (
        "Write what speaks against it"
        in mira.post(f"/studio/frozen/{freeze_id}/appeal", data=words | {"words": " "}).text
    )
    assert mira.post(f"/studio/frozen/{freeze_id}/appeal", data=words).status_code == 303
    theirs = words | {"csrf_token": form_token(tal, "/studio")}
    assert tal.post(f"/studio/frozen/{freeze_id}/appeal", data=theirs).status_code == 404
    assert "A school bought together." in kim.get(path).text
    assert "creators have appealed" in kim.get("/console/freezes").text  # the world holds another one

    lift = {"csrf_token": form_token(fay, path), "why": ""}
    assert "Say why it ends" in fay.post(f"{path}/lift", data=lift).text
    assert fay.post(f"{path}/lift", data=lift | {"why": "It was a school."}).status_code == 303
    assert "It was a school." in fay.get(path).text
    with world.database.read(Scope.system("test")) as session:
        made = session.get_one(Freeze, freeze_id)
        assert (made.ended_why, made.frozen_by.partition(":")[0]) == ("lifted", "staff")
        rows = session.scalars(sa.select(Clearance).where(Clearance.order_id == order_id)).all()
        assert [(row.blocked, row.changes) for row in rows] == [("", 2)]
        acts = set(session.scalars(sa.select(AuditRow.act).where(AuditRow.subject == freeze_id)))
        assert acts == {"freeze.make", "freeze.appeal", "freeze.end"}
        told = session.scalars(sa.select(Notice).where(Notice.creator_id == world.creators["mira.makes"])).all()
        assert {"freeze.made", "freeze.ended"} <= {notice.kind for notice in told}


def test_a_product_is_excluded_and_taken_back(world: World, enter: Enter) -> None:
    path = f"/console/products/{world.listing('harbour', '9001')}"
    kim, fay = enter("Kim"), enter("Fay")
    assert "Pay no commission" not in kim.get(path).text
    form = {"csrf_token": form_token(fay, path)}
    assert kim.post(f"{path}/exclude", data=form).status_code == 403
    assert fay.post(f"{path}/exclude", data=form).status_code == 303
    assert "excluded by the merchant" in fay.get(path).text
    assert fay.post(f"{path}/exclude", data=form).status_code == 409
    assert fay.post(f"{path}/include", data=form).status_code == 303
    assert "excluded by the merchant" not in fay.get(path).text
