"""Negotiations as they are kept: from an invitation to what a sale pays, two answers at once, lists, and the thread."""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connector import notices
from connector.audit import AuditRow
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.errors import Conflict, InputRefused, NotFound, TooOften
from connector.operations.telling import catalogue
from connector.programme.collaborations import (
    acceptance,
    agreements,
    batches,
    dossier,
    forgetting,
    invitations,
    messages,
    negotiation,
    rates,
    terms,
)
from connector.programme.collaborations.moves import MoveRefused
from connector.programme.collaborations.negotiation import BeginRefused
from connector.programme.collaborations.offer import rate_at
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import Negotiation, Offer, OfferBatchRow, Terms
from connector.programme.creators import register
from tests.attribution.world import product

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = Scope.system("test")


@pytest.fixture
def world(database: Database) -> SimpleNamespace:
    """A shop that offers 10 % on A and B, and three creators."""
    with database.write(ALL) as session:
        shop = Shop(
            id=new_id("shp"), platform="plain", domain="one.example", name="Harbour & Pine", currency="EUR",
            installed_at=NOW, created_at=NOW,
        )  # fmt: skip
        session.add(shop)
        session.flush()
        take.apply_products(session, shop, [product("A"), product("B")], "run", NOW - DAY)
        terms.open_terms(session, shop.id, 1000, by="test", now=NOW - 90 * DAY)
        followers = {"mira": 60_000, "yuki": 1200, "tal": 1200}
        people = {name: register.register(session, name, name, count, NOW - 90 * DAY).id
                  for name, count in followers.items()}  # fmt: skip
        return SimpleNamespace(database=database, shop_id=shop.id, **people)


def _given(rate_bp: int, **changes: Any) -> Proposal:
    return Proposal(**{"rate_bp": rate_bp, "ends_at": NOW + 60 * DAY, "expires_at": NOW + 7 * DAY} | changes)


def test_a_negotiation_from_its_invitation_to_what_a_sale_pays(world: SimpleNamespace) -> None:
    shop_id, mira = world.shop_id, world.mira
    with world.database.write(ALL) as session:

        def bp(moment: datetime, product_ref: str = "A") -> int | None:
            found = rates.offers(session, shop_id, [product_ref], [mira])
            rate = rate_at(found, creator_id=mira, product_ref=product_ref, moment=moment)
            return None if rate is None else rate.rate_bp

        def refused(code: str, act: Callable[[], object]) -> None:
            with pytest.raises((MoveRefused, BeginRefused)) as caught:
                act()
            assert caught.value.code == code
            assert caught.value.public.endswith(".")

        first = _given(1200, product_refs=("B", "A", "A"), note="Try us")
        row = negotiation.begin(session, shop_id, mira, "merchant", first, by="merchant:m", now=NOW)
        assert negotiation.begin(session, shop_id, mira, "merchant", first, by="merchant:m", now=NOW).id == row.id
        refused(
            "offer_open", lambda: negotiation.begin(session, shop_id, mira, "merchant", _given(1300), by="m", now=NOW)
        )

        # A counter-offer takes its place: the old one can't be accepted any more, nor one's own.
        counter = _given(1800, product_refs=("A",), sample=True, ends_at=NOW + 90 * DAY)
        negotiation.offer(session, row.id, "creator", 1, counter, by="creator:m", now=NOW + DAY)
        assert negotiation.offer(session, row.id, "creator", 1, counter, by="creator:m", now=NOW + DAY).number == 2
        later = {"by": "x", "now": NOW + 2 * DAY}
        refused("offer_replaced", lambda: negotiation.answer(session, row.id, "creator", "accept", 1, **later))
        refused("offer_own", lambda: negotiation.answer(session, row.id, "creator", "accept", 2, **later))
        refused("offer_not_yours", lambda: negotiation.answer(session, row.id, "merchant", "withdraw", 2, **later))
        assert bp(NOW + 3 * DAY) == 1000

        # Accepted: dated terms of that product alone, and the text that both accepted.
        negotiation.answer(session, row.id, "merchant", "accept", 2, by="merchant:m", now=NOW + 2 * DAY)
        negotiation.answer(session, row.id, "merchant", "accept", 2, by="merchant:m", now=NOW + 2 * DAY)
        refused("offer_answered", lambda: negotiation.answer(session, row.id, "merchant", "decline", 2, **later))
        assert [bp(NOW + days * DAY) for days in (1, 3, 89, 91)] == [1000, 1800, 1800, 1000]
        assert bp(NOW + 3 * DAY, "B") == 1000
        (made,) = agreements.versions(session, row.id)
        assert (made.version, made.accepted_side, made.accepted_by, made.accepted_at) == (
            1, "merchant", "merchant:m", NOW + 2 * DAY,
        )  # fmt: skip
        assert hashlib.sha256(made.text.encode()).hexdigest() == made.text_hash
        for said in ("18.00 per cent", "Product A (A)", "Sample: the shop sends one", "@mira", "Harbour & Pine"):
            assert said in made.text
        stood = session.get_one(Terms, made.terms_ids[0])
        assert (stood.accepted_by, stood.accepted_at) == ("merchant, merchant:m", NOW + 2 * DAY)

        # Terms of her own stand now: no second negotiation about A, but one about B.
        again = _given(1500, product_refs=("A",))
        refused("own_terms_stand", lambda: negotiation.begin(session, shop_id, mira, "creator", again, **later))

        # A change of it that is declined changes nothing; one that is accepted is version 2, from its start on.
        change = _given(2000, product_refs=("B",), starts_at=NOW + 30 * DAY)
        negotiation.offer(session, row.id, "creator", 2, change, agreed=1, by="c", now=NOW + 3 * DAY)
        assert negotiation.answer(session, row.id, "merchant", "decline", 3, **later).state == "agreed"
        negotiation.offer(session, row.id, "creator", 3, change, agreed=1, by="c", now=NOW + 4 * DAY)
        negotiation.answer(session, row.id, "merchant", "accept", 4, by="merchant:m", now=NOW + 4 * DAY)
        assert (bp(NOW + 20 * DAY), bp(NOW + 31 * DAY), bp(NOW + 31 * DAY, "B")) == (1800, 1000, 2000)
        assert [each.version for each in agreements.versions(session, row.id)] == [2, 1]
        # Before that starts they agree on less, of both: what had not begun is called off, what stands is replaced.
        third = _given(1100, product_refs=("A", "B"))
        negotiation.offer(session, row.id, "merchant", 4, third, agreed=2, by="merchant:m", now=NOW + 5 * DAY)
        negotiation.answer(session, row.id, "creator", "accept", 5, by="creator:m", now=NOW + 5 * DAY)
        for days in (6, 31, 59):
            assert (bp(NOW + days * DAY), bp(NOW + days * DAY, "B")) == (1100, 1100), days
        assert (bp(NOW + 61 * DAY), bp(NOW + 61 * DAY, "B")) == (1000, 1000)

        came = Counter(session.scalars(sa.select(AuditRow.act).where(AuditRow.subject == row.id)))
        assert came == {"offer.make": 5, "offer.accepted": 3, "offer.declined": 1, "collaboration.agree": 3}
        written = notices.after(session, None, 99)
        told = [(each.kind, each.detail.get("to")) for each in written]
        ids = {"creator_id": mira, "shop_id": shop_id}
        assert all((each.creator_id, each.shop_id) == (mira, shop_id) for each in written)
        assert all(catalogue.missing(each.kind, each.detail | ids) == [] for each in written)
        assert Counter(told) == {
            ("offer.made", "creator"): 2, ("offer.made", "merchant"): 3, ("offer.answered", "creator"): 3,
            ("offer.answered", "merchant"): 1, ("collaboration.agreed", None): 3,
        }  # fmt: skip


def test_what_ends_without_an_agreement_and_what_a_rule_takes(world: SimpleNamespace) -> None:
    shop_id, mira, yuki, tal = world.shop_id, world.mira, world.yuki, world.tal
    with world.database.write(ALL) as session:
        gone = negotiation.begin(session, shop_id, tal, "merchant", _given(1200), by="m", now=NOW)
        assert negotiation.expire_due(session, NOW + 7 * DAY - timedelta(seconds=1)) == 0
        with pytest.raises(MoveRefused):  # nobody came by to end it, and it is over
            negotiation.answer(session, gone.id, "creator", "accept", 1, by="c", now=NOW + 7 * DAY)
        assert negotiation.expire_due(session, NOW + 7 * DAY) == 1
        assert (gone.state, gone.turn) == ("expired", "")
        assert session.scalars(sa.select(Offer.outcome).where(Offer.negotiation_id == gone.id)).one() == "expired"

        turned = negotiation.begin(session, shop_id, yuki, "merchant", _given(1200), by="m", now=NOW)
        negotiation.answer(session, turned.id, "creator", "decline", 1, by="c", now=NOW)
        with pytest.raises(BeginRefused) as refused:
            negotiation.begin(session, shop_id, yuki, "merchant", _given(1300), by="m", now=NOW + DAY)
        assert refused.value.code == "declined_lately"
        mine = negotiation.begin(session, shop_id, yuki, "creator", _given(2500), by="c", now=NOW + DAY)
        negotiation.answer(session, mine.id, "creator", "withdraw", 1, by="c", now=NOW + DAY)
        assert mine.state == "withdrawn"

        # "Up to 15 % for creators over 50,000 followers", from a day on.
        rule = acceptance.add(
            session, shop_id, 1500, least_followers=50_000, starts_at=NOW + 2 * DAY, by="m", now=NOW
        )  # fmt: skip
        assert acceptance.add(session, shop_id, 1500, least_followers=50_000, by="m", now=NOW + 3 * DAY).id == rule.id
        early = negotiation.begin(session, shop_id, mira, "creator", _given(1500), by="c", now=NOW + DAY)
        assert early.state == "open"
        taken = negotiation.offer(session, early.id, "creator", 1, _given(1450), by="c", now=NOW + 2 * DAY)
        assert (taken.state, taken.agreed) == ("agreed", 1)
        (made,) = agreements.versions(session, taken.id)
        assert made.accepted_by == f"rule:{rule.id}"
        assert "by itself, under the shop's rule" in made.text
        small = negotiation.begin(session, shop_id, yuki, "creator", _given(1200), by="c", now=NOW + 2 * DAY)
        assert small.state == "open"
        register.set_status(session, yuki, "suspended", now=NOW + 3 * DAY)
        with pytest.raises(BeginRefused):  # nobody agrees with somebody who can't earn
            negotiation.answer(session, small.id, "merchant", "accept", 1, by="m", now=NOW + 3 * DAY)
        acceptance.end(session, rule.id, shop_id=shop_id, by="m", now=NOW + 3 * DAY)
        assert acceptance.match(session, shop_id, mira, _given(1400), NOW + 3 * DAY) is None

        for field, wrong in (
            ("rate_bp", {"rate_bp": 99}), ("product_refs", {"product_refs": ("nothing",)}),
            ("starts_at", {"starts_at": NOW - DAY}), ("ends_at", {"ends_at": NOW}),
            ("expires_at", {"expires_at": NOW + 61 * DAY}), ("note", {"note": "x" * 2001}),
        ):  # fmt: skip
            with pytest.raises(InputRefused) as bad:
                negotiation.begin(
                    session, shop_id, tal, "merchant", _given(**{"rate_bp": 1200} | wrong), by="m", now=NOW
                )
            assert bad.value.field == field
        with pytest.raises(NotFound):
            negotiation.find(session, small.id, creator_id=mira)
        with pytest.raises(NotFound):
            negotiation.find(session, small.id, shop_id="shp_other")


def test_two_answers_at_once_end_in_one(world: SimpleNamespace) -> None:
    """Two threads, two connections: one accepts while the other withdraws, or puts another offer in its place."""
    for place, (creator, other) in enumerate(((world.mira, "withdraw"), (world.yuki, "offer"), (world.tal, "accept"))):
        with world.database.write(ALL) as session:
            row_id = negotiation.begin(
                session, world.shop_id, creator, "merchant", _given(1200 + place), by="m", now=NOW
            ).id
        together, ends = threading.Barrier(2), []

        def act(
            what: str, row_id: str = row_id, together: threading.Barrier = together, ends: list[str] = ends
        ) -> None:
            together.wait()
            try:
                with world.database.write(ALL) as session:
                    if what == "offer":
                        negotiation.offer(session, row_id, "merchant", 1, _given(1000), by="m", now=NOW)
                    else:
                        side: Any = "creator" if what == "accept" else "merchant"
                        negotiation.answer(session, row_id, side, what, 1, by=what, now=NOW)  # type: ignore[arg-type]
                ends.append(what)
            except MoveRefused as late:
                ends.append(late.code)

        threads = [threading.Thread(target=act, args=(what,)) for what in ("accept", other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with world.database.read(ALL) as session:
            row = session.get_one(Negotiation, row_id)
            made = agreements.versions(session, row_id)
        if other == "accept":  # the same answer twice is one answer
            assert (sorted(ends), len(made)) == (["accept", "accept"], 1)
            continue
        assert len(set(ends) & {"accept", other}) == 1, ends
        assert len(made) == ("accept" in ends) == row.agreed
        assert set(ends) & {"offer_answered", "offer_replaced"}


def test_a_list_of_invitations_and_an_answer_to_many(world: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(batches.AT_ONCE, "invite", 25)
    monkeypatch.setitem(batches.AT_ONCE, "accept", 4)
    shop_id = world.shop_id
    with world.database.write(ALL) as session:
        crowd = [register.register(session, f"c{number}", "", 2000, NOW - DAY).id for number in range(60)]
        terms.target(session, shop_id, world.tal, 1500, ends_at=NOW + 30 * DAY, by="m", now=NOW)
        register.set_status(session, world.yuki, "suspended", now=NOW)
        lines = ["handle,rate", *(f"@C{number}" for number in range(60)), "mira,22", "nobody", "MIRA", "a b", "yuki",
                 "tal", "c0", "c1,99"]  # fmt: skip
        rows = invitations.read(io.BytesIO("\n".join(lines).encode()), "USD")
        batch = batches.invite(session, shop_id, rows, _given(1200), by="m", file_name="list.csv", key="k", now=NOW)
        assert batches.invite(session, shop_id, rows, _given(1200), by="m", key="k", now=NOW).id == batch.id
    batches.work(batch.id, shop_id, now=NOW)
    batches.work(batch.id, shop_id, now=NOW)
    with world.database.write(ALL) as session:
        assert batches.outcomes(session, [batch.id])[batch.id] == {"taken": 61, "refused": 7}
        listed = batches.rows_of(session, batch.id, outcome="refused", limit=99)
        assert [(row.number, row.reason) for row in listed] == [
            (63, "creator_not_found"), (64, "twice_in_list"), (65, "handle_unreadable"),
            (66, "creator_not_active"), (67, "own_terms_stand"), (68, "twice_in_list"), (69, "rate_out_of_range"),
        ]  # fmt: skip
        rate = sa.select(Offer.rate_bp).join(Negotiation, Negotiation.id == Offer.negotiation_id)
        assert session.scalars(rate.where(Negotiation.creator_id == world.mira)).all() == [2200]
        found = session.scalars(sa.select(Negotiation).where(Negotiation.creator_id.in_(crowd[:40]))).all()
        assert len(found) == 40
        for place, row in enumerate(found):
            wish = _given(1300 + 100 * (place // 10), sample=place % 2 == 0)
            negotiation.offer(session, row.id, "creator", 1, wish, by="c", now=NOW)
        chosen = batches.Choice(most_bp=1500, without_sample=True)
        seen = batches.look(session, shop_id, chosen, NOW)
        assert seen is not None
        assert (seen.many, seen.least_bp, seen.most_bp, seen.fees, seen.samples) == (15, 1300, 1500, 0, 0)
        many = batches.answer(session, shop_id, "accept", chosen, by="m", now=NOW)
        # One of them asks for more in the meantime: that offer was not among those that were looked at.
        replaced = session.scalars(
            sa.select(OfferBatchRow.negotiation_id).where(OfferBatchRow.batch_id == many.id, OfferBatchRow.number == 3)
        ).one()
        negotiation.offer(session, str(replaced), "creator", 2, _given(7000), by="c", now=NOW)
    batches.work(many.id, shop_id, now=NOW)
    with world.database.read(ALL) as session:
        assert batches.outcomes(session, [many.id])[many.id] == {"taken": 14, "refused": 1}
        assert [row.reason for row in batches.rows_of(session, many.id, outcome="refused", limit=9)] == [
            "offer_replaced"
        ]
        acts = sa.select(sa.func.count()).select_from(AuditRow).where(AuditRow.act == "offer.accepted")
        assert session.scalar(acts) == 14
        assert session.scalar(sa.select(sa.func.count()).where(Negotiation.state == "agreed")) == 14
        with pytest.raises(Conflict):
            batches.answer(session, shop_id, "accept", batches.Choice(most_bp=1000), by="m", now=NOW)
        assert batches.became(session, batch.id, NOW) == {"agreed": 14, "countered": 26, "waits": 21}
    # The list was a mistake: what isn't answered is taken back, and of those one is quicker.
    with world.database.write(ALL) as session:
        with pytest.raises(Conflict):
            batches.withdraw(session, many.id, by="m", now=NOW)
        back = batches.withdraw(session, batch.id, shop_id=shop_id, by="m", key="back", now=NOW)
        assert batches.withdraw(session, batch.id, by="m", key="back", now=NOW).id == back.id
        quick = batches.rows_of(session, back.id, limit=1)[0]
        negotiation.answer(session, str(quick.negotiation_id), "creator", "accept", 1, by="c", now=NOW)
    batches.work(back.id, shop_id, now=NOW)
    with world.database.write(ALL) as session:
        assert batches.became(session, batch.id, NOW) == {"agreed": 15, "countered": 26, "withdrawn": 20}
        assert [row.reason for row in batches.rows_of(session, back.id, outcome="refused", limit=9)] == [
            "offer_answered"
        ]
        with pytest.raises(Conflict):
            batches.withdraw(session, batch.id, by="m", now=NOW)


def test_a_thread_is_kept_with_its_agreement(world: SimpleNamespace) -> None:
    with world.database.write(ALL) as session:
        row = negotiation.begin(session, world.shop_id, world.mira, "merchant", _given(1200), by="m", now=NOW)

        def say(side: Any, text: str, at: datetime = NOW, key: str | None = None) -> int:
            return messages.post(session, row.id, side, text, by=side, key=key, now=at).number

        assert [say("merchant", "=HYPERLINK(1)"), say("merchant", "two"), say("creator", "<script>x</script>")] == [
            1,
            2,
            3,
        ]
        assert [say("creator", "four", key="k"), say("creator", "four", key="k")] == [4, 4]
        assert (messages.unread(row, "merchant"), messages.unread(row, "creator")) == (2, 0)
        assert messages.unread_of(session, shop_id=world.shop_id) == 2
        messages.read(session, row.id, "merchant", 3)
        messages.read(session, row.id, "merchant", 1)
        assert messages.unread_of(session, shop_id=world.shop_id) == 1
        assert [each.text for each in messages.page(session, row.id, before=4, limit=2)] == [
            "two",
            "<script>x</script>",
        ]
        for _ in range(messages.AN_HOUR - 2):
            say("creator", "again", NOW + timedelta(minutes=1))
        with pytest.raises(TooOften):
            say("creator", "once more", NOW + timedelta(minutes=2))
        say("merchant", "the other side may", NOW + timedelta(minutes=2))
        say("creator", "an hour later", NOW + timedelta(minutes=62))

        report = messages.report(session, row.id, 3, "merchant", "Rude", by="m", now=NOW)
        assert messages.report(session, row.id, 3, "merchant", "Rude again", by="m", now=NOW).id == report.id
        with pytest.raises(Conflict):
            messages.report(session, row.id, 1, "merchant", "Mine", by="m", now=NOW)
        with pytest.raises(NotFound):
            messages.report(session, row.id, 999, "merchant", "None", by="m", now=NOW)
        messages.close_report(session, report.id, "Warned", by="staff:Sam", now=NOW)
        with pytest.raises(Conflict):
            messages.close_report(session, report.id, "Twice", by="staff:Sam", now=NOW)

        negotiation.answer(session, row.id, "creator", "accept", 1, by="c", now=NOW + DAY)
        whole = dossier.of(session, row)
        told = list(csv.DictReader(io.StringIO(dossier.table(whole))))
        # The creator is erased: what she wrote goes, and her name; what was agreed stays.
        forgetting.forget(session, world.mira, "mira", world.mira)
        gone = dossier.of(session, row)
        assert {each["text"] for each in gone["messages"] if each["side"] == "creator"} == {messages.ERASED}
        assert gone["agreements"][0]["text_sha256"] == whole["agreements"][0]["text_sha256"]
        assert "@mira" not in str(gone["agreements"])
        assert "12.00 per cent" in gone["agreements"][0]["text"]
    assert [each["number"] for each in whole["messages"]] == list(range(1, len(whole["messages"]) + 1))
    assert Counter(each["what"] for each in told) == {
        "offer": 1, "accepted": 1, "agreement": 1, "message": len(whole["messages"]),
    }  # fmt: skip
    assert told[1]["text"] == "'=HYPERLINK(1)"  # no formula for a spreadsheet
    assert [each["at"] for each in told] == sorted(each["at"] for each in told)
