"""Terms of use that let their day pass: nothing new is done until they are accepted, and what stands goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from connector import clock, db
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.errors import TermsOwed
from connector.operations import rounds
from connector.operations.ruling import commands
from connector.programme.collaborations import batches, negotiation
from connector.programme.collaborations.invitations import Invited
from connector.programme.collaborations.proposals import Proposal
from connector.programme.policies import use_terms
from connector.web import guards
from tests.api.conftest import Api
from tests.api.test_api import problem
from tests.attribution.world import PLACED, World, app_settings, product, put_on_roster
from tests.conftest import wired

SYSTEM = Scope.system("test")
DAY = timedelta(days=1)
DUE = PLACED + use_terms.GRACE


@pytest.fixture
def api(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    guards._rates.storage.reset()
    yield Api(wired(app_settings()), sqlite_database)
    guards._rates.storage.reset()


def owes(answer: Any) -> bool:
    """Is it the answer that names the field, and where to accept?"""
    if answer.status_code != 409:
        assert answer.status_code < 300, answer.text
        return False
    said = answer.json
    assert (said["type"], said["field"]) == ("urn:connector:problem:terms-owed", "use_terms"), said
    assert "isn't accepted; it had to be by" in said["detail"]
    assert "/use-terms" in said["remedy"] or "/dashboard/rules" in said["remedy"]
    return True


def test_who_let_the_day_pass_does_nothing_new_by_the_api_until_it_is_accepted(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    world = World(api.database).begin()
    db.use(api.database)
    monkeypatch.setattr(commands, "open_process", lambda: None)
    shop_id, x, y = world.shop_id, world.creators["x"], world.creators["y"]
    with api.database.write(SYSTEM) as session:
        take.apply_products(session, session.get_one(Shop, shop_id), [product("C", tags=("Summer",))], "run", PLACED)
    file = tmp_path / "terms"
    file.write_text("Be kind.")
    for audience in ("creator", "merchant"):
        done = CliRunner().invoke(commands.rules, ["terms", audience, "--file", str(file), "--why", "kinder"])
        assert f"hasn't accepted it by {DUE:%Y-%m-%d}" in done.output, done.output

    def at(days: int) -> str:
        return (clock.now() + days * DAY).isoformat()

    def ask(side: str, creator: str) -> Any:
        offer = {"shop_id": shop_id, "creator_id": creator, "side": side, "rate_bp": 2000, "ends_at": at(60)}
        return api.send("POST", "/negotiations", offer | {"expires_at": at(7)})

    def add(creator: str, ref: str) -> Any:
        return api.send("POST", f"/creators/{creator}/products", {"listing_id": listing_id(shop_id, ref)})

    tag = {"shop_id": shop_id, "kind": "tag", "value": "summer"}
    monkeypatch.setattr(clock, "now", lambda: DUE - timedelta(seconds=1))
    assert not owes(add(x, "A"))
    asked, wanted = ask("creator", x), ask("merchant", y)
    assert not owes(asked)
    assert not owes(wanted)
    monkeypatch.setattr(clock, "now", lambda: DUE)
    accept = {"number": 1, "answer": "accept"}
    theirs = f"/negotiations/{asked.json['id']}"
    assert owes(add(x, "B"))
    assert owes(add(x, "A")), "also what is in the list: asked for again it would be new elsewhere"
    assert owes(api.send("POST", "/negotiations", {
        "shop_id": shop_id, "creator_id": y, "side": "creator", "rate_bp": 2000, "ends_at": at(60), "expires_at": at(7),
    }))  # fmt: skip
    assert owes(api.send("POST", f"{theirs}/answers", accept | {"side": "merchant"}))
    assert owes(api.send("POST", "/openings", tag | {"rate_bp": 1500}))
    assert owes(api.send("POST", f"/negotiations/{wanted.json['id']}/answers", accept | {"side": "creator"}))
    with api.database.write(SYSTEM) as session:
        given = Proposal(rate_bp=1500, ends_at=DUE + 60 * DAY, expires_at=DUE + 7 * DAY)
        with pytest.raises(TermsOwed, match="version 2"):
            batches.invite(session, shop_id, [Invited(2, "y")], given, by="merchant")
    # To decline is free, and a later version sets no new day for who let this one pass.
    assert api.send("POST", f"/negotiations/{wanted.json['id']}/answers", {
        "side": "creator", "number": 1, "answer": "decline",
    }).status_code == 200  # fmt: skip
    with api.database.write(SYSTEM) as session:
        for audience in ("creator", "merchant"):
            use_terms.publish(session, audience, "Be kinder.", DUE, "kinder still", "command", grace=30 * DAY)
    assert owes(add(x, "B"))
    shown = api.get(f"/creators/{x}/use-terms")
    assert (shown["version"], shown["to_accept"], shown["due_at"][:10]) == (3, True, f"{DUE + 30 * DAY:%Y-%m-%d}")
    assert api.send("PUT", f"/creators/{x}/use-terms", {"version": 2}).status_code == 409
    assert api.send("PUT", f"/creators/{x}/use-terms", {"version": 3}).json["to_accept"] is False  # type: ignore[index]
    assert not owes(add(x, "B"))
    assert owes(add(y, "B")), "each for themselves"
    with api.database.write(SYSTEM) as session:
        use_terms.accept(session, "merchant", shop_id, 3, "merchant")
    assert not owes(api.send("POST", f"{theirs}/answers", accept | {"side": "merchant"}))
    assert not owes(api.send("POST", "/openings", tag | {"rate_bp": 1500}))
    with api.database.read(SYSTEM) as session:
        assert negotiation.find(session, asked.json["id"]).state == "agreed"


def test_whom_the_app_registers_beside_the_sign_up_is_decided_about_at_the_next_look(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old way is no way round the policy; whom it registered before there was one goes on as they are (`x`)."""
    world = World(api.database).begin()
    db.use(api.database)
    made = api.post("/creators", {"handle": "ola", "name": "Ola", "followers": 900})
    assert made["eligibility"] is None
    path = f"/creators/{made['id']}/products"
    assert api.send("POST", path, {"listing_id": listing_id(world.shop_id, "A")}).status_code == 201
    later = PLACED + 7 * DAY
    monkeypatch.setattr(clock, "now", lambda: later - DAY)
    again = api.post("/creators", {"handle": "@Ola", "name": "Ola", "followers": 950})
    assert (again["id"], again["eligibility"]) == (made["id"], None), "a repeat puts the look off by nothing"
    monkeypatch.setattr(clock, "now", lambda: later)
    assert rounds.look_at_creators(later) == 1
    assert api.get(f"/creators/{made['id']}")["eligibility"] == "refused"
    for where, body in ((path, {}), ("/links", {"creator_id": made["id"]})):
        refused = problem(api.send("POST", where, body | {"listing_id": listing_id(world.shop_id, "B")}), 409)
        assert "Their birth date isn't known" in refused["detail"]
    assert len(api.get(f"/creators/{made['id']}/links")["items"]) == 1, "what is promoted goes on"
    known = f"/creators/{world.creators['x']}"
    assert api.get(known)["eligibility"] is None
    assert api.send("POST", f"{known}/products", {"listing_id": listing_id(world.shop_id, "B")}).status_code == 201
