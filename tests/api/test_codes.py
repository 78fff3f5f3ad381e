"""Creators' codes as the app's back end makes them, and what a creator buys by, which is never given back."""

from __future__ import annotations

from datetime import timedelta

from connector import clock
from connector.db import Scope
from connector.earnings.attribution import codes
from connector.programme.creators import identities
from connector.programme.creators.tables import CreatorIdentity
from tests.api.conftest import Api
from tests.api.test_api import problem
from tests.attribution.world import PLACED, World


def test_a_code_is_made_listed_moved_and_ended(api: Api, world: World, monkeypatch: object) -> None:
    x, y = world.creators["x"], world.creators["y"]
    asked = {"shop_id": world.shop_id, "creator_id": x, "code": "MIRA10"}
    made = api.post("/codes", asked)
    assert (made["state"], made["creator_id"], made["code"], made["leaked_since"]) == ("active", x, "MIRA10", None)
    assert api.post("/codes", {**asked, "code": " mira10"})["id"] == made["id"]
    taken = problem(api.send("POST", "/codes", {**asked, "creator_id": y}), 409)
    assert "never moves by itself" in taken["detail"]
    for wrong, field in (({"code": "a,b"}, "code"), ({"starts_at": "2026-11-19T00:00:00Z"}, "starts_at")):
        assert problem(api.send("POST", "/codes", {**asked, **wrong}), 422)["field"] == field
    problem(api.send("POST", "/codes", {**asked, "creator_id": "crt_none"}), 404)
    moved = api.post(f"/codes/{made['id']}/owner", {"creator_id": y, "why": "they swapped"})
    assert (moved["creator_id"], moved["state"]) == (y, "active")
    with world.database.write(Scope.system("test")) as session:
        now = PLACED + timedelta(hours=1)
        codes.mark(session, codes.get(session, made["id"]), "leaked", by="test", why="public", now=now)
    clock_at(monkeypatch, PLACED + timedelta(hours=2))
    [listed] = api.get(f"/codes?creator_id={x}")["items"]  # that are or were hers
    assert (listed["state"], listed["leaked_since"]) == ("leaked", "2026-11-20T13:00:00Z")
    assert api.post(f"/codes/{made['id']}/end", {"why": "over"})["state"] == "ended"
    assert api.get(f"/codes?shop_id={world.shop_id}&limit=1")["next"] is None
    problem(api.send("POST", "/codes/cod_none/end", {"why": "over"}), 404)
    problem(api.send("POST", "/codes", asked, secret=api.token("creators:read")), 403)


def clock_at(monkeypatch: object, moment: object) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)  # type: ignore[attr-defined]


def test_what_a_creator_buys_by_is_kept_as_hashes_only(api: Api, world: World) -> None:
    asked = {
        "handle": "x", "name": "X", "email": "xavier@example.org", "phone": "+31 20 1",
        "customers": [{"shop_id": world.shop_id, "customer_ref": "77"}],
    }  # fmt: skip
    shown = api.post("/creators", asked)
    assert "xavier" not in str(shown)
    for wrong, field in (({"email": "xavier"}, "email"), ({"phone": "none"}, "phone")):
        assert problem(api.send("POST", "/creators", {**asked, **wrong}), 422)["field"] == field
    with world.database.read(Scope.system("test")) as session:
        assert identities.known(session, shown["id"]) == ["customer", "email", "mailbox", "phone"]
        stored = str([(row.kind, row.hash) for row in session.query(CreatorIdentity)])
    assert "xavier" not in stored
    assert "31201" not in stored
