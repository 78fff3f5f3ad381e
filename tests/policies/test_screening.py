"""Screening against the database: only what changed is read, verdicts follow text and rules, appeals are heard."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import audit, clock, db
from connector.commerce.catalog import take
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, InputRefused, NotFound
from connector.notices import Notice
from connector.operations.ruling.screen import screen_changed
from connector.programme.policies import screening, use_terms, violations
from connector.programme.policies.rules import BORN_WITH, Rule
from connector.programme.policies.rules_tables import ListingRefusal
from tests.attribution.world import PLACED, World, product
from tests.settlement.books import SYSTEM


def sync(world: World, *products: object, force: bool = False) -> None:
    with db.write(SYSTEM) as session:
        take.apply_products(session, session.get_one(Shop, world.shop_id), products, "run2", PLACED, force=force)  # type: ignore[arg-type]


def listed(ref: str) -> tuple[str, str, str]:
    with db.read(SYSTEM) as session:
        row = session.scalars(sa.select(Listing).where(Listing.product_ref == ref)).one()
        return row.status, row.reason, row.rule


def kinds() -> list[str]:
    with db.read(SYSTEM) as session:
        return list(session.scalars(sa.select(Notice.kind).order_by(Notice.id)))


def test_a_product_is_out_while_a_rule_is_met_and_comes_back_by_itself(world: World) -> None:
    assert screen_changed() == 0  # the plain ones of the world
    with db.read(SYSTEM) as session:
        assert not screening.waits(session)
        assert session.scalar(sa.select(sa.func.count()).where(Listing.screened == Listing.content_hash)) == 2
    sync(world, product("C", description="Cures cancer."), product("D", category="Wine"), product("E", title="Bread"))
    assert screen_changed() == 2
    assert listed("C") == ("not_shoppable", "against_rules", "claims_cure")
    assert listed("D")[2] == "alcohol"
    assert listed("E") == ("shoppable", "", "")
    # The same product again, whatever is believed, doesn't bring it back; nothing waits.
    sync(world, product("C", description="Cures cancer."), force=True)
    assert listed("C")[1] == "against_rules"
    assert screen_changed() == 0
    sync(world, product("C", description="Smells of pine."))
    assert screen_changed() == 1
    assert listed("C") == ("shoppable", "", "")
    assert kinds().count("listing.refused") == 2
    with db.read(SYSTEM) as session:
        [left] = screening.standing(session, world.shop_id)
        assert (left.rule, left.found, left.version) == ("alcohol", ["wine"], 1)
        ended = session.scalars(sa.select(ListingRefusal).where(ListingRefusal.rule == "claims_cure")).one()
        assert ended.ended_why == "changed"


def test_an_appeal_is_heard_and_a_permit_holds_for_what_was_met(world: World) -> None:
    sync(world, product("D", category="Wine"), product("E", tags=("wine", "cbd")))
    screen_changed()
    with db.write(SYSTEM) as session:
        refusal = {row.product_ref: row.id for row in screening.standing(session, world.shop_id)}
        with pytest.raises(InputRefused, match="words"):
            screening.appeal(session, world.shop_id, refusal["D"], "no", "merchant:x")
        with pytest.raises(InputRefused, match="another shop"):
            screening.appeal(session, "shp_other", refusal["D"], "We hold the licence 4711", "merchant:x")
        for ref in "DE":
            screening.appeal(session, world.shop_id, refusal[ref], "We hold the licence 4711", "merchant:x")
        with pytest.raises(Conflict, match="already"):
            screening.appeal(session, world.shop_id, refusal["D"], "We hold the licence 4711", "merchant:x")
        assert {row.id for row in screening.appeals(session)} == set(refusal.values())
        for ref in "DE":
            screening.decide(session, refusal[ref], permit=True, note="Licence seen", by="staff:Kim")
        assert screening.appeals(session) == []
        with pytest.raises(Conflict):
            screening.decide(session, refusal["D"], permit=False, note="Licence seen", by="staff:Kim")
        acts = set(session.scalars(sa.select(audit.AuditRow.act)))
    assert {"listing.appeal", "listing.decide"} <= acts
    screen_changed()
    assert listed("D")[0] == "shoppable"
    assert listed("E") == ("not_shoppable", "against_rules", "cannabinoids")  # another rule is against it too
    sync(world, product("D", category="Wine", title="Another year"))
    screen_changed()
    assert listed("D")[0] == "shoppable"
    sync(world, product("D", category="Wine", tags=("whisky",)))
    screen_changed()
    assert listed("D")[2] == "alcohol"
    assert "listing.permitted" in kinds()


def test_a_new_version_screens_the_whole_list_from_its_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sync(world, product("D", category="Wine"))
    screen_changed()
    named = Rule(code="product_a", title="No A", verdict="prohibited", why="w", remedy="r", claims=("product a",))
    start = PLACED + timedelta(days=1)
    with db.write(SYSTEM) as session:
        for early in (PLACED - timedelta(days=1),):
            with pytest.raises(InputRefused, match="starts_at"):
                screening.publish(session, (named,), BORN_WITH.disclosure, early, "why", "command")
        with pytest.raises(InputRefused, match="why"):
            screening.publish(session, (named,), BORN_WITH.disclosure, start, " ", "command")
        made = screening.publish(session, (named,), BORN_WITH.disclosure, start, "A is out", "command")
        assert made.version == 2
    assert screen_changed() == 0
    monkeypatch.setattr(clock, "now", lambda: start)
    assert screen_changed() == 2
    assert (listed("A")[2], listed("D")) == ("product_a", ("shoppable", "", ""))
    assert screen_changed() == 0
    with db.read(SYSTEM) as session:
        assert screening.applied(session) == 2
        assert [each.version for each in screening.versions(session)] == [1, 2]


def test_breaches_count_until_they_end_and_terms_are_accepted_by_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = world.creators["x"]
    with db.write(SYSTEM) as session:
        for wrong, field in (
            ({"subject": "app"}, "subject"), ({"rule": "no_rule"}, "rule"), ({"strikes": 9}, "strikes"),
            ({"why": "x"}, "why"),
        ):  # fmt: skip
            asked = {
                "subject": "creator",
                "rule": "claims_cure",
                "strikes": 1,
                "why": "Said it cures in a video",
            } | wrong
            with pytest.raises(InputRefused, match=field):
                violations.record(session, asked.pop("subject"), who, asked.pop("rule"), by="staff:Kim", **asked)  # type: ignore[arg-type]
        made = [
            violations.record(session, "creator", who, "claims_cure", strikes=n, why="Said it cures in a video", by="s")
            for n in (2, 1)
        ]
        assert violations.due(violations.of(session, who), PLACED)
        with pytest.raises(NotFound):
            violations.appeal(session, world.creators["y"], made[0].id, "It was a quotation", "creator:y")
        violations.appeal(session, who, made[0].id, "It was a quotation", "creator:x")
        assert [row.id for row in violations.appeals(session)] == [made[0].id]
        violations.decide(session, made[0].id, lift=True, note="Seen, it was one", by="staff:Kim")
        rows = violations.of(session, who)
        assert violations.strikes(rows, PLACED) == 1
        assert violations.strikes(rows, PLACED + violations.COUNTS) == 0
        monkeypatch.setattr(clock, "now", lambda: PLACED + violations.APPEAL)
        with pytest.raises(Conflict, match="time"):
            violations.appeal(session, who, made[1].id, "It was a quotation", "creator:x")
        monkeypatch.setattr(clock, "now", lambda: PLACED)

        assert violations.forget_words(session, who) == 2
        session.expire_all()
        assert {row.appeal + row.why + row.note for row in violations.of(session, who)} == {""}

        first = use_terms.owed(session, "creator", who)
        assert first is not None
        assert use_terms.accept(session, "creator", who, 1, "app:x").text_hash == first.text_hash
        use_terms.accept(session, "creator", who, 1, "app:x")
        assert use_terms.owed(session, "creator", who) is None
        assert use_terms.owed(session, "merchant", world.shop_id) is not None
        use_terms.publish(session, "creator", "Be kind.", PLACED + timedelta(hours=1), "shorter", "command")
        monkeypatch.setattr(clock, "now", lambda: PLACED + timedelta(hours=1))
        owed = use_terms.owed(session, "creator", who)
        assert owed is not None
        assert (owed.version, owed.text) == (2, "Be kind.")
        with pytest.raises(Conflict, match="version 2"):
            use_terms.accept(session, "creator", who, 1, "app:x")
    assert {"violation.recorded", "violation.ended"} <= set(kinds())
