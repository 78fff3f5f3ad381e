"""A write that is sent again under its key is answered as the first time, and does nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock
from connector.access import answers
from connector.access.tables import AppAnswer
from connector.audit import AuditRow
from connector.programme.collaborations import terms
from tests.api.conftest import Api
from tests.api.test_api import ALL, problem
from tests.attribution.world import PLACED, World


def rows(api: Api, kind: Any) -> list[Any]:
    with api.database.read(ALL) as session:
        return list(session.scalars(sa.select(kind)))


def test_a_key_stands_for_one_request_and_its_answer(api: Api, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/creators/{world.creators['x']}/studio-link"
    first = api.send("POST", path, {}, Idempotency_Key="k 1")
    again = api.send("POST", path, {}, Idempotency_Key="k 1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json, "a link that is made anew each time, and was made once"
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert len([row for row in rows(api, AuditRow) if row.act == "creator.link"]) == 1
    assert api.send("POST", path, {}).json != first.json
    [kept] = rows(api, AppAnswer)
    assert first.json["url"].rpartition("/")[2] not in kept.sealed, "a link that signs in is kept sealed"  # type: ignore[index]
    # Another request under the key, another token's same key, and keys that are none.
    other = f"/creators/{world.creators['y']}/studio-link"
    assert problem(api.send("POST", other, {}, Idempotency_Key="k 1"), 422)["field"] == "idempotency_key"
    assert api.send("POST", path, {}, secret=api.token("studio:write"), Idempotency_Key="k 1").json != first.json
    assert problem(api.send("POST", path, {}, Idempotency_Key="k" * 201), 422)["field"] == "idempotency_key"
    assert problem(api.send("POST", path, {}, secret=api.token("creators:read"), Idempotency_Key="k 1"), 403)
    # A refusal is no answer that is kept: the key may try again, with what is right.
    creator = {"handle": "ola", "name": "Ola", "followers": 900}
    assert problem(api.send("POST", "/creators", creator | {"handle": ""}, Idempotency_Key="k 2"), 422)
    made = api.send("POST", "/creators", creator, Idempotency_Key="k 2")
    assert made.status_code == 201
    # What is refused when it is done twice is answered as the first time.
    api.post(f"/creators/{made.json['id']}/status", {"status": "suspended"}, Idempotency_Key="k 3")  # type: ignore[index]
    tag = {"shop_id": world.shop_id, "kind": "shop", "value": "", "rate_bp": 1500}
    opened = api.post("/openings", tag, Idempotency_Key="k 4")["id"]
    monkeypatch.setattr(clock, "now", lambda: PLACED + timedelta(minutes=1))
    for _ in range(2):
        assert api.post(f"/openings/{opened}/close", None, Idempotency_Key="k 5")["state"] == "closed"
    problem(api.send("POST", f"/openings/{opened}/close"), 409)
    # While the first is under way the second waits; one that was killed is begun again a minute later.
    with api.database.write(ALL) as session:
        token = next(row.token_id for row in rows(api, AppAnswer) if row.request_key == "k 2")  # only this one's
        asked = answers.request_hash("POST", f"/api/v1{path}?", b"{}")
        assert answers.begin(session, token, "k 6", asked, clock.wall()) is None
    busy = api.send("POST", path, {}, Idempotency_Key="k 6")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "2")
    later = clock.wall() + answers.UNDER_WAY
    monkeypatch.setattr(clock, "wall", lambda: later)
    assert api.send("POST", path, {}, Idempotency_Key="k 6").status_code == 201
    # A day later the key is free, and what is kept goes.
    tomorrow = later + answers.KEPT + timedelta(seconds=1)
    monkeypatch.setattr(clock, "wall", lambda: tomorrow)
    assert api.send("POST", path, {}, Idempotency_Key="k 1").json != first.json
    with api.database.write(ALL) as session:
        assert answers.forget_old(session, tomorrow) > 3
    assert [row.request_key for row in rows(api, AppAnswer)] == ["k 1"]


def test_a_list_that_its_view_reads_whole_goes_on_by_a_cursor(api: Api, world: World) -> None:
    """In the view's own order; by ids, and by what rows say where they have none."""
    with api.database.write(ALL) as session:
        for ref, rate in (("A", 800), ("B", 900)):
            terms.open_terms(session, world.shop_id, rate, product_ref=ref, by="test", now=PLACED)
    x = world.creators["x"]
    for status in ("suspended", "active"):
        api.post(f"/creators/{x}/status", {"status": status})
    for path in (f"/collaborations?shop_id={world.shop_id}&", f"/creators/{x}/statuses?"):
        whole = api.get(path)
        assert (len(whole["items"]), whole["next"]) == (3, None), path
        seen, cursor = [], ""
        while cursor is not None:
            page = api.get(f"{path}limit=1{'&cursor=' + cursor if cursor else ''}")
            seen, cursor = seen + page["items"], page["next"]
        assert seen == whole["items"]
        two = api.get(f"{path}limit=2")["next"]
        assert api.get(f"{path}limit=2&cursor={two}")["items"] == whole["items"][2:]
        for wrong in ("x", two[:-2] + "AA"):
            assert problem(api.send("GET", f"{path}cursor={wrong}"), 422)["field"] == "cursor"
    assert problem(api.send("GET", f"/creators/{x}/promotions?cursor={two}"), 422)["field"] == "cursor", (
        "another list's"
    )
