"""Endpoints in the console, and events through the API. SQLite alone: the rooms themselves are tested on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector import clock, db, notices, outbound
from connector.access import links, staff
from connector.db import Database
from connector.operations.telling import gather, sending
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import app_settings, put_on_roster
from tests.conftest import wired
from tests.faces.conftest import form_token
from tests.settlement.books import SYSTEM


@pytest.fixture
def api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(outbound, "_current", outbound.Outbound())
    guards._rates.storage.reset()
    yield Api(wired(app_settings()), sqlite_database)
    guards._rates.storage.reset()


def test_an_operator_makes_one_and_the_app_reads_and_asks_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    kim = api.app.test_client()
    with db.write(SYSTEM) as session:
        path = (
            f"/console/sign-in/link/{links.issue(session, 'staff', staff.ensure(session, 'Kim', 'admin', by='t').id)}"
        )
    assert kim.post(path, data={"csrf_token": form_token(kim, path)}).status_code == 303
    form = {
        "csrf_token": form_token(kim, "/console/endpoints"),
        "name": "app",
        "url": "app.example",
        "kinds": "payee.*",
    }
    refused = kim.post("/console/endpoints", data=form)
    assert "an address" in refused.text or "only https" in refused.text
    made = kim.post("/console/endpoints", data=form | {"url": "https://app.example/hook?key=hidden"})
    assert made.status_code == 200
    secret = made.text.split("whsec_")[1].split("<")[0]
    assert secret not in kim.get("/console/endpoints").text
    with db.write(SYSTEM) as session:
        notices.say(session, "payee.changed", payee_id="pye_1", shown={"iban": "3000"}, secret="42-42")
        notices.say(session, "payout.paid", payout_id="pay_1")
    monkeypatch.setattr(sending, "_post", lambda one: sending.Answered(one.seq, clock.wall(), 503, "answered", 12))
    assert (gather.gather(), sending.send_due("w")) == (2, 1)

    page = api.get("/events")
    assert [(each["type"], each["data"]["payee_id"]) for each in page["items"][:1]] == [("payee.changed", "pye_1")]
    assert "42-42" not in str(page)
    assert [each["type"] for each in api.get(f"/events?cursor={page['next']}")["items"]] == []
    assert [each["type"] for each in api.get("/events?kind=payout.made")["items"]] == ["payout.made"]
    event = page["items"][0]
    assert api.get(f"/notices/{event['notice_id']}")["secret"] == "42-42"
    assert api.get(f"/events/{event['id']}") == event
    assert api.send("GET", "/notices/ntc_none").status_code == 404
    again = api.send("POST", "/events/replay", {"endpoint": "app", "event_ids": [event["id"]]})
    assert (again.status_code, again.json) == (200, {"events": 1})
    for wrong in ({"endpoint": "app"}, {"endpoint": "app", "since": "2099-01-01T00:00:00Z"}):
        assert api.send("POST", "/events/replay", wrong).status_code == 422
    poor, ask = api.token("events:read"), {"endpoint": "app", "since": "2026-01-01T00:00:00Z"}
    assert api.send("POST", "/events/replay", ask, secret=poor).status_code == 403

    listed = kim.get("/console/endpoints").text
    assert "Fails" in listed
    assert "key=hidden" not in listed
    where = listed.split('href="/console/endpoints/')[1].split('"')[0]
    for shown in (f"/console/endpoints/{where}", f"/console/told/{event['id']}"):
        text = kim.get(shown).text
        assert "payee.changed" in text
        assert "42-42" not in text
    assert "503" in kim.get(f"/console/told/{event['id']}").text
    token = {"csrf_token": form["csrf_token"]}
    since = kim.post(f"/console/endpoints/{where}/replay", data=token | {"since": "yesterday"})
    assert "a day or a time" in since.text
    for act in ("try", "switch", "secret", "remove"):
        done = kim.post(f"/console/endpoints/{where}/{act}", data=token)
        assert done.status_code in (200, 303), act
    assert kim.get(f"/console/endpoints/{where}").status_code == 200


def test_the_document_tells_what_is_sent(api: Api) -> None:
    told = api.client.get("/openapi.json").json["webhooks"]  # type: ignore[index]
    body = told["commission.cleared"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "amount" in body["properties"]["data"]["required"]
    assert body["examples"][0]["data"]["currency"] == "EUR"
