"""Terms and promotions as they are recorded: what is refused, what a change would do, and the queries it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event as sa_event

from connector import notices
from connector.audit import AuditRow
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.operations import rounds
from connector.programme import collaborations
from connector.programme.collaborations import calendar, events, preview, promotions, rates, terms
from connector.programme.collaborations.offer import Promotion, Version, rate_at
from connector.programme.collaborations.tables import PromotionRow, Terms
from connector.programme.creators import register

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = Scope.system("test")


@pytest.fixture
def world(database: Database) -> SimpleNamespace:
    """A shop that offers 15 % since long ago, and two creators who promote A."""
    with database.write(ALL) as session:
        shop = Shop(
            id=new_id("shp"), platform="plain", domain="one.example", currency="EUR", installed_at=NOW, created_at=NOW
        )
        session.add(shop)
        session.flush()
        mira, yuki = (register.register(session, name, name, 10, NOW - 90 * DAY).id for name in ("mira", "yuki"))
        terms.open_terms(session, shop.id, 1500, by="test", now=NOW - 90 * DAY)
        for creator in (mira, yuki):
            collaborations.promote(session, creator, shop.id, "A", NOW - 60 * DAY)
        return SimpleNamespace(database=database, shop_id=shop.id, mira=mira, yuki=yuki)


def _said(spans: Sequence[calendar.Span]) -> list[tuple[int | None, datetime | None]]:
    return [(span.rate.rate_bp if span.rate else None, span.ends_at) for span in spans]


def _queries(session: Any, act: Any) -> int:
    seen: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    engine = session.get_bind()
    sa_event.listen(engine, "before_cursor_execute", count)
    act()
    sa_event.remove(engine, "before_cursor_execute", count)
    return len(seen)


def test_terms_from_their_recording_to_what_is_paid(world: SimpleNamespace) -> None:
    """A year of a shop's terms in one go: each act by its rule, and each refusal with its field."""
    shop_id, mira, yuki = world.shop_id, world.mira, world.yuki
    with world.database.write(ALL) as session:

        def bp(creator: str, moment: datetime, **asked: Any) -> int | None:
            offers = rates.offers(session, shop_id, ["A"], [mira, yuki])
            found = rate_at(offers, creator_id=creator, product_ref="A", moment=moment, **asked)
            return None if found is None else found.rate_bp

        # A cut, looked at first: nothing is written, and who keeps what until when is said.
        wanted = terms.Wanted(shop_id=shop_id, kind="open", conditions=terms.Conditions(1200), starts_at=NOW + 3 * DAY)
        before = session.scalar(sa.select(sa.func.count()).select_from(Terms))
        row = terms.draft(session, wanted, by="test", now=NOW)
        shown = preview.of(session, row)
        (group,) = shown.groups
        assert (group.creators, group.products, group.changed) == (2, 1, True)
        assert _said(group.before) == [(1500, None)]
        assert _said(group.after) == [(1500, NOW + 33 * DAY), (1200, None)]
        assert (_said(shown.after), row.notice_at) == ([(1200, None)], NOW + 31 * DAY)
        assert session.scalar(sa.select(sa.func.count()).select_from(Terms)) == before

        # Recorded, called off before it begins, recorded again: the second time it counts.
        planned = terms.record(session, wanted, by="test", now=NOW)
        terms.call_off(session, planned.id, by="test", now=NOW + DAY)
        with pytest.raises(Conflict):
            terms.call_off(session, planned.id, by="test", now=NOW + DAY)
        assert bp(yuki, NOW + 40 * DAY) == 1500
        cut = terms.open_terms(session, shop_id, 1200, starts_at=NOW + 3 * DAY, by="test", now=NOW + DAY)
        assert cut.version == 4
        with pytest.raises(Conflict):
            terms.call_off(session, cut.id, by="test", now=NOW + 3 * DAY)
        assert [bp(yuki, NOW + n * DAY) for n in (2, 32, 33)] == [1500, 1500, 1200]

        # A target below the rest needs a word that the creator agreed; overlapping ones are refused by name.
        until = NOW + 40 * DAY
        with pytest.raises(InputRefused) as refused:
            terms.target(session, shop_id, mira, 800, ends_at=until, product_ref="A", by="test", now=NOW + 4 * DAY)
        assert refused.value.field == "accepted_by"
        target = terms.target(
            session,
            shop_id,
            mira,
            800,
            ends_at=until,
            product_ref="A",
            accepted_by="mira",
            by="test",
            now=NOW + 4 * DAY,
        )
        assert (target.accepted_by, target.accepted_at) == ("mira", NOW + 4 * DAY)
        with pytest.raises(Conflict) as overlapping:
            terms.target(
                session, shop_id, mira, 900, ends_at=until, product_ref="A", accepted_by="mira", starts_at=until - DAY,
                by="test", now=NOW + 5 * DAY,
            )  # fmt: skip
        assert target.id in overlapping.value.public
        higher = terms.target(
            session, shop_id, mira, 900, ends_at=until, product_ref="A", replaces=target.id, accepted_by="mira",
            starts_at=NOW + 10 * DAY, by="test", now=NOW + 5 * DAY,
        )  # fmt: skip
        after_it = terms.target(session, shop_id, mira, 1300, ends_at=until + DAY, product_ref="A", starts_at=until,
                                accepted_by="mira", by="test", now=NOW + 5 * DAY)  # fmt: skip
        assert [v.id for v, _ in terms.spans(terms.chain_of(session, shop_id, "targeted", mira, "A"))] == [
            target.id, higher.id, after_it.id,
        ]  # fmt: skip
        assert [bp(mira, NOW + n * DAY) for n in (3, 4, 10, 40, 41)] == [1500, 800, 900, 1300, 1200]
        with pytest.raises(InputRefused) as refused:
            terms.target(session, shop_id, mira, 900, ends_at=NOW, by="test", now=NOW + 5 * DAY)
        assert refused.value.field == "ends_at"

        # An event may not offer less than the open rate, nor meet another one; live, it only rises.
        week = {"starts_at": NOW + 50 * DAY, "ends_at": NOW + 57 * DAY, "by": "test", "now": NOW + 45 * DAY}
        with pytest.raises(InputRefused) as refused:
            events.announce(session, shop_id, "Sale", 1100, **week)
        assert refused.value.field == "rate_bp"
        with pytest.raises(InputRefused) as refused:
            events.announce(session, shop_id, "Sale", 2000, tiers=[(10, 2200), (5, 2500)], **week)
        assert refused.value.field == "tiers"
        sale = events.announce(session, shop_id, "Sale", 2000, tiers=[(10, 2200), (50, 2500)], **week)
        assert events.announce(session, shop_id, "Sale", 2000, tiers=[(10, 2200), (50, 2500)], **week) is sale
        with pytest.raises(Conflict):
            events.announce(session, shop_id, "Another", 2100, **week)
        live = NOW + 52 * DAY
        for lower in ({"rate_bp": 1900}, {"rate_bp": 2000, "tiers": [(10, 2100)]}, {"rate_bp": 2000, "tiers": []}):
            with pytest.raises(Conflict):
                events.raise_event(session, sale.event_id or "", by="test", now=live, **lower)
        with pytest.raises(Conflict):
            terms.call_off(session, sale.id, by="test", now=live)
        events.raise_event(session, sale.event_id or "", 2100, by="test", now=live)
        assert [bp(yuki, NOW + n * DAY) for n in (49, 50, 52, 57)] == [1200, 2000, 2100, 1200]
        (over,) = events.ended(session, shop_id, NOW, NOW + 57 * DAY)
        assert (over.name, over.rate_bp, [t.rate_bp for t in over.tiers], len(over.terms_ids)) == (
            "Sale", 2100, [2200, 2500], 2,
        )  # fmt: skip
        assert events.ended(session, shop_id, NOW + 57 * DAY, NOW + 99 * DAY) == []

        # The shop's own terms stand where the open ones are withdrawn; every act is in the audit log.
        terms.store_terms(session, shop_id, 500, by="test", now=NOW + 58 * DAY)
        with pytest.raises(InputRefused):
            terms.record(session, terms.Wanted(shop_id=shop_id, kind="store", conditions=terms.Conditions(500),
                                               product_ref="A"), by="test", now=NOW + 58 * DAY)  # fmt: skip
        terms.withdraw(session, shop_id, by="test", now=NOW + 60 * DAY)
        assert [bp(yuki, NOW + n * DAY) for n in (59, 60)] == [1200, 500]
        acts = set(session.scalars(sa.select(AuditRow.act)))
        assert {f"terms.{act}" for act in ("open", "store", "targeted", "event", "withdraw", "called_off")} <= acts

        # Everything for an order in two queries, however many products and creators.
        some = [f"P{n}" for n in range(50)]
        assert _queries(session, lambda: rates.offers(session, shop_id, ["A"], [mira])) == 2
        assert _queries(session, lambda: rates.offers(session, shop_id, some, [mira, yuki])) == 2
        assert _queries(session, lambda: rates.offers(session, shop_id, some, [])) == 1


def test_promotions_are_dated_and_a_repeat_is_none(world: SimpleNamespace) -> None:
    shop_id, mira = world.shop_id, world.mira
    with world.database.write(ALL) as session:
        collaborations.promote(session, mira, shop_id, "A", NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(PromotionRow)) == 2
        with pytest.raises(NotFound):
            collaborations.withdraw_promotion(session, mira, shop_id, "B", NOW)
        with pytest.raises(InputRefused):
            collaborations.withdraw_promotion(session, mira, shop_id, "A", NOW - 61 * DAY)
        collaborations.withdraw_promotion(session, mira, shop_id, "A", NOW)
        collaborations.promote(session, mira, shop_id, "A", NOW + DAY)
        terms.open_terms(session, shop_id, 1200, starts_at=NOW + DAY, by="test", now=NOW)
        held = rates.offers(session, shop_id, ["A"], [mira]).promotions
        assert sorted(held, key=lambda p: p.starts_at) == [
            Promotion(mira, "A", NOW - 60 * DAY, NOW), Promotion(mira, "A", NOW + DAY, None),
        ]  # fmt: skip
        assert [row.product_ref for row in promotions.of_creator(session, mira)] == ["A"]
        offers = rates.offers(session, shop_id, ["A"], [mira, world.yuki])
        said = {
            creator: [span.rate.rate_bp for span in calendar.spans(offers, creator_id=creator, product_ref="A",
                                                                   since=NOW + DAY) if span.rate]
            for creator in (mira, world.yuki)
        }  # fmt: skip
        assert said == {mira: [1200], world.yuki: [1500, 1200]}


def test_who_keeps_a_rate_is_told_two_days_before_it_falls_and_once(world: SimpleNamespace) -> None:
    shop_id, mira, yuki = world.shop_id, world.mira, world.yuki
    with world.database.write(ALL) as session:
        new = register.register(session, "new", "new", 10, NOW).id
        collaborations.promote(session, new, shop_id, "A", NOW + DAY)
        cut = terms.open_terms(session, shop_id, 1200, by="test", now=NOW)
        planned = terms.open_terms(session, shop_id, 1000, product_ref="B", starts_at=NOW + DAY, by="test", now=NOW)
        terms.call_off(session, planned.id, by="test", now=NOW)
        collaborations.withdraw_promotion(session, yuki, shop_id, "A", NOW)
    assert [rounds.tell_of_cuts(NOW + n * DAY) for n in (27, 28, 29)] == [0, 1, 0]
    with world.database.read(ALL) as session:
        (told,) = notices.after(session, None, 9)
    assert (told.kind, told.creator_id, told.shop_id) == ("terms.cut", mira, shop_id)
    assert told.detail == {
        "terms_id": cut.id, "falls_at": (NOW + 30 * DAY).isoformat(), "products": 1,
        "rates": [{"product_ref": "A", "rate_bp": 1500, "then_bp": 1200}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "given"),
    [("ads_bp", {"ads_bp": 99}), ("new_buyer_bp", {"new_buyer_bp": 8001}), ("code_rates", {"code_rates": {"X": 50}}),
     ("code_rates", {"code_rates": {" ": 500}}), ("code_rates", {"code_rates": {str(n): 500 for n in range(51)}})],
)  # fmt: skip
def test_every_rate_of_a_version_is_held_to_the_range(field: str, given: dict[str, Any]) -> None:
    session: Any = None
    with pytest.raises(InputRefused) as refused:
        terms._check(session, terms.Wanted(shop_id="shp", kind="open", conditions=terms.Conditions(1000, **given)))
    assert refused.value.field == field


def test_a_preview_names_those_whom_a_change_does_not_reach() -> None:
    """Pure: one with a target keeps it, one who keeps the old rate is named with its end, one who began later isn't."""
    versions = [
        Version("trm_1", "", 1500, 1, NOW - 90 * DAY),
        Version("trm_2", "A", 800, 1, NOW - 9 * DAY, NOW + 9 * DAY, "targeted", "c_own"),
    ]
    row = Terms(id="trm_new", shop_id="s", kind="open", product_ref="", rate_bp=1000, code_rates={}, version=2,
                starts_at=NOW)  # fmt: skip
    promoted = [Promotion("c_old", "A", NOW - DAY), Promotion("c_own", "A", NOW - DAY), Promotion("c_new", "A", NOW)]
    shown = preview.worked_out(versions, promoted, row, [(p.creator_id, "A") for p in promoted])
    found = {group.named[0]: (_said(group.before), _said(group.after)) for group in shown.groups}
    assert found == {
        "c_old": ([(1500, None)], [(1500, NOW + 30 * DAY), (1000, None)]),
        "c_own": ([(800, NOW + 9 * DAY), (1500, None)],
                  [(800, NOW + 9 * DAY), (1500, NOW + 30 * DAY), (1000, None)]),
        "c_new": ([(1500, None)], [(1000, None)]),
    }  # fmt: skip
