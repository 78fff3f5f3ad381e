"""Quarantine, replays with a look first, and privacy requests, as support and merchants meet them."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from connector import jobs, vault
from connector.audit import AuditRow
from connector.db import Scope
from connector.operations.privacy.tables import PrivacyExport, PrivacyRequest
from connector.webhooks import preview
from connector.webhooks.tables import DeliveryRow, Replay
from tests.browser.world import World
from tests.faces.conftest import form_token

Enter = Callable[[str], FlaskClient]
SYSTEM = Scope.system("test")
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def post(client: FlaskClient, page: str, path: str, **data: str) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": TOKEN.findall(client.get(page).text)[-1], **data})
    return answer.status_code, answer.location or answer.text


def test_a_quarantined_delivery_waits_for_a_reasoned_word(world: World, enter: Enter) -> None:
    kim, page = enter("Kim"), f"/console/inbox/{world.deliveries['foreign']}"
    shown = kim.get(page).text
    assert "In quarantine" in shown
    assert "Preview replay" not in shown
    assert post(kim, page, f"{page}/release", why=" ")[0] == 422
    assert post(kim, page, f"{page}/release", why="the shop moved")[0] == 303
    assert post(kim, "/console/inbox", f"{page}/discard", why="too late")[0] == 409
    with world.database.read(SYSTEM) as session:
        assert session.get_one(DeliveryRow, world.deliveries["foreign"]).passed_by == "staff:Kim"
    assert "Quarantined delivery released" in kim.get(page).text


def test_a_replay_is_looked_at_and_done_only_as_it_was_seen(world: World, enter: Enter) -> None:
    kim, page = enter("Kim"), f"/console/inbox/{world.deliveries['failed']}/replay"
    shown = kim.get(page).text
    assert "What it would do" in shown
    mark = re.search(r'name="mark" value="([^"]+)"', shown)
    assert mark is not None
    status, text = post(kim, page, page, mark="failed.9.9.0.0")
    assert (status, "Something changed, look again" in text) == (409, True)
    assert post(kim, page, page, mark=mark[1])[0] == 303
    for gone in ("expired", "unknown"):
        assert "It cannot be replayed" in kim.get(f"/console/inbox/{world.deliveries[gone]}/replay").text


def test_a_filter_is_looked_at_first_then_run_from_there(
    world: World, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = enter("Kim")
    started: list[str] = []
    monkeypatch.setattr(jobs, "enqueue", lambda _s, name, key, **_: started.append(name) or key)
    estimate = "/console/inbox/replay?status=parked"
    _, look = post(kim, estimate, "/console/inbox/replay", status="parked", kind="preview")
    assert started == ["webhooks.preview"]
    assert "Stop safely" in kim.get(look).text
    assert 'data-state="live"' in kim.get(f"{look}/part").text
    preview.preview(look.rsplit("/", 1)[1])
    shown = kim.get(look).text
    assert "No entry would be booked" in shown
    assert "Replay these 2" in shown
    _, run = post(kim, look, f"{look}/run")
    assert "2 put back, 0 of them taken in" in kim.get(run).text
    assert "Open its run" in kim.get(look).text
    assert post(kim, look, f"{look}/stop")[0] == 409
    assert look in kim.get("/console/replays").text
    assert post(kim, estimate, "/console/inbox/replay", status="parked", kind="all")[0] == 422
    with world.database.read(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).where(Replay.kind == "run")) == 2


def test_a_preview_shows_balances_before_and_after(world: World, enter: Enter) -> None:
    shown = enter("Kim").get(f"/console/replays/{world.replay_id}").text
    assert "1 ledger entry would be booked" in shown
    assert "Merchant owes" in shown
    assert "€7.47" in shown.replace("EUR\u00a07.47", "€7.47")


def test_privacy_requests_by_deadline_and_masked(world: World, enter: Enter, app: Flask) -> None:
    kim, page = enter("Kim"), f"/console/privacy/{world.request_id}"
    listed = kim.get("/console/privacy").text
    assert "1 request is past the deadline" in listed
    assert "late" in listed
    assert "Called off" not in listed
    assert "shop was connected again" in kim.get("/console/privacy?view=all").text
    shown = kim.get(page).text
    assert "mara@example.com" not in shown
    assert "m•••@e•••" in shown
    assert "Take the file out" not in shown, "a person's data is for an admin with a reason"
    assert kim.post(f"{page}/file").status_code == 403
    assert app.test_client().get(page).status_code == 303


def test_the_file_is_for_the_merchant_and_for_an_admin_with_a_reason(world: World, enter: Enter) -> None:
    with world.database.write(SYSTEM) as session:
        file = session.scalars(sa.select(PrivacyExport)).one()
        file.sealed = vault.current().seal(zlib.compress(json.dumps({"orders": [1]}).encode()))
        path, page = f"/dashboard/privacy/{file.id}", f"/console/privacy/{world.request_id}"
    sam = enter("Sam")
    assert post(sam, page, f"{page}/file", why="")[0] == 422
    assert post(sam, page, f"{page}/file", why="sent by courier") == (200, '{"orders": [1]}')
    kita = enter("kita")
    assert kita.get("/dashboard/privacy").status_code == 200
    assert kita.post(path, data={"csrf_token": form_token(kita, "/dashboard")}).status_code == 404
    harbour = enter("harbour")
    assert "Download, " in harbour.get("/dashboard/privacy").text
    answer = harbour.post(path, data={"csrf_token": form_token(harbour, "/dashboard/privacy")})
    assert (answer.json, answer.headers["Cache-Control"]) == ({"orders": [1]}, "no-store")
    with world.database.read(SYSTEM) as session:
        row = session.get_one(PrivacyRequest, world.request_id)
        assert (row.status, row.subject_sealed) == ("done", None)
        acts = session.execute(sa.select(AuditRow.actor, AuditRow.detail).where(AuditRow.act == "privacy.fetch"))
        assert [(row.actor, row.detail["why"]) for row in acts] == [
            ("staff:Sam", "sent by courier"), (f"merchant:{world.shops['harbour']}", ""),
        ]  # fmt: skip


def test_calling_off_and_taking_up_again(world: World, enter: Enter) -> None:
    with world.database.read(SYSTEM) as session:
        failed = session.scalars(sa.select(PrivacyRequest.id).where(PrivacyRequest.status == "failed")).one()
    kim, sam, page = enter("Kim"), enter("Sam"), f"/console/privacy/{failed}"
    assert post(kim, page, f"{page}/cancel", why="no")[0] == 403
    assert post(kim, page, f"{page}/run")[0] == 303
    assert post(sam, page, f"{page}/cancel", why="")[0] == 422
    assert post(sam, page, f"{page}/cancel", why="the buyer took it back")[0] == 303
    assert "the buyer took it back" in kim.get(page).text
    assert post(kim, page, f"{page}/run")[0] == 409
