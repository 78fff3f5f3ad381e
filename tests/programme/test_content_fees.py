"""Flat fees: content handed in, answered, asked about, and what is owed by it, from any order of acts to the payout."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from connector import notices
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope, new_id
from connector.earnings.commission import fees
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.settlement import close
from connector.earnings.settlement.tables import Invoice, InvoiceLine, Statement, StatementLine
from connector.errors import Conflict, InputRefused, LedgerRefused
from connector.operations import books, content_fees, find, stalled_money
from connector.operations.documents import facts, sheet, table
from connector.operations.rebuild.verify import verify
from connector.operations.telling import catalogue
from connector.programme.collaborations import (
    acceptance,
    agreements,
    approvals,
    approving,
    dossier,
    negotiation,
    terms,
)
from connector.programme.collaborations.approving import ApprovalRefused, Standing
from connector.programme.collaborations.negotiation import BeginRefused
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import ContentApproval, Offer
from connector.programme.content import anchors, attach, sightings
from connector.programme.content import queries as contents
from connector.programme.content.anchors import Wanted
from connector.programme.creators import register
from connector.web import words
from tests.attribution.world import product
from tests.money import reference_books
from tests.payouts.test_twice_at_once import at_once

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = Scope.system("test")

# ------------------------------------------------------------------ pure


def test_who_may_do_what_when() -> None:
    waiting = Standing("waiting", NOW + 7 * DAY)

    def refused(code: str, act: Callable[[], object]) -> None:
        with pytest.raises(ApprovalRefused) as caught:
            act()
        assert caught.value.code == code
        assert caught.value.public.endswith(".")

    assert approving.answer(waiting, "approve", NOW + 7 * DAY - timedelta(seconds=1)) == "approved"
    assert approving.answer(waiting, "send_back", NOW) == "sent_back"
    refused("fee_approved_by_time", lambda: approving.answer(waiting, "send_back", NOW + 7 * DAY))
    refused("fee_approved_by_time", lambda: approving.withdraw(waiting, NOW + 7 * DAY))
    refused("fee_no_appeal", lambda: approving.appeal(waiting, "creator", NOW))
    approved, sent_back = (Standing(state, NOW, NOW) for state in ("approved", "sent_back"))
    refused("fee_answered", lambda: approving.answer(approved, "send_back", NOW))
    # Each side asks about what went against it, and in time.
    assert approving.appeal(approved, "merchant", NOW + 29 * DAY) == "contested"
    assert approving.appeal(sent_back, "creator", NOW) == "appealed"
    refused("fee_no_appeal", lambda: approving.appeal(approved, "creator", NOW))
    refused("fee_no_appeal", lambda: approving.appeal(sent_back, "merchant", NOW))
    refused("fee_no_appeal", lambda: approving.appeal(approved, "merchant", NOW + 30 * DAY))
    for state, for_them, against in (("appealed", "approved", "refused"), ("contested", "approved", "taken_back")):
        asked = Standing(state, NOW, NOW)
        assert (approving.decide(asked, "owed"), approving.decide(asked, "not_owed")) == (for_them, against)
    refused("fee_decided", lambda: approving.appeal(Standing("approved", NOW, NOW, True), "merchant", NOW))
    assert approving.STANDING > approving.OWED
    assert approving.REFUSALS.keys() <= words.REASONS.keys()
    assert {code: ApprovalRefused(code).field for code in ("fee_taken", "fee_product_missing")} == {
        "fee_taken": "state", "fee_product_missing": "content_id",
    }  # fmt: skip
    assert approving.STANDING | {"sent_back", "withdrawn", "refused", "taken_back"} < (
        words.statuses("content_approval").keys()
    )


@given(st.lists(st.sampled_from(("answer", "send_back", "out", "appeal", "contest", "owed", "not_owed")), max_size=12))
@examples(max_examples=200, deadline=None, derandomize=True)
def test_whatever_is_tried_support_decides_once_and_an_end_stays_an_end(tried: list[str]) -> None:
    stands, decided = Standing("waiting", NOW + DAY), 0
    for what in tried:
        try:
            if what in ("answer", "send_back"):
                state = approving.answer(stands, "approve" if what == "answer" else "send_back", NOW)
            elif what == "out":
                state = approving.withdraw(stands, NOW)
            elif what in ("appeal", "contest"):
                state = approving.appeal(stands, "creator" if what == "appeal" else "merchant", NOW)
            else:
                state = approving.decide(stands, "owed" if what == "owed" else "not_owed")
        except ApprovalRefused:
            continue
        assert stands.state not in ("withdrawn", "refused", "taken_back"), "an end stays an end"
        if what == "contest":
            assert state in approving.OWED, "the fee stays owed while support reads"
        decided += what in ("owed", "not_owed")
        stands = Standing(state, stands.answer_by, NOW, stands.decided or what in ("owed", "not_owed"))
    assert decided <= 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9000)), max_size=8))
@examples(max_examples=100, deadline=None, derandomize=True)
def test_the_second_reading_of_money_beside_orders_holds_itself(life: list[tuple[bool, int]]) -> None:
    """Whatever is closed in between, all that stands is what is due."""
    moments = [{"what": "close"} if closes else {"what": "due", "due": {"x": due}} for closes, due in life]
    standing = reference_books.beside(moments).get("x", {})
    assert sum(standing.values()) == next((due for closes, due in reversed(life) if not closes), 0)


# ------------------------------------------------------------------ kept


@pytest.fixture
def world(database: Database) -> SimpleNamespace:
    with database.write(ALL) as session:
        shop = Shop(
            id=new_id("shp"), platform="plain", domain="one.example", name="Harbour & Pine", currency="EUR",
            installed_at=NOW, created_at=NOW,
        )  # fmt: skip
        session.add(shop)
        session.flush()
        take.apply_products(session, shop, [product("A"), product("B")], "run", NOW - DAY)
        people = [register.register(session, name, name, 2000, NOW - 90 * DAY).id for name in ("mira", "yuki", "tal")]
    return SimpleNamespace(database=database, shop_id=shop.id, people=people)


def _given(fee: int, **changes: Any) -> Proposal:
    asked = {"rate_bp": 1200, "ends_at": NOW + 60 * DAY, "expires_at": NOW + 7 * DAY, "flat_fee": fee} | changes
    return Proposal(**asked)


def _agreed(session: Session, world: SimpleNamespace, creator_id: str, given: Proposal, at: datetime = NOW) -> str:
    row = negotiation.begin(session, world.shop_id, creator_id, "merchant", given, by="merchant:m", now=at)
    negotiation.answer(session, row.id, "creator", "accept", 1, by="creator:c", now=at)
    return row.id


def _video(session: Session, world: SimpleNamespace, creator_id: str, ref: str, product_ref: str | None = "A") -> str:
    content = attach.ensure(
        session, creator_id, "app", ref, "video", f"Video {ref}", now=NOW, url=f"https://app.example/{ref}"
    )
    if product_ref:
        anchors.put(session, content, [Wanted(listing_id(world.shop_id, product_ref))], by="c", now=NOW)
    return content.id


def _refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises((ApprovalRefused, BeginRefused)) as caught:
        act()
    assert caught.value.code == code


def _owed(session: Session, creator_id: str) -> dict[str, int]:
    """What the creator is owed, by account."""
    query = (
        sa.select(Posting.account, -sa.func.sum(Posting.amount))
        .where(Posting.creator_id == creator_id)
        .group_by(Posting.account)
    )
    return {account: int(amount) for account, amount in session.execute(query) if amount}


def _right(session: Session) -> None:
    wrong = [one for _, _, found in books.examine(session) for one in found]
    assert wrong == []
    differences: list[Any] = []
    verify(session, differences.append, retranslate=False)
    assert differences == []


def _bent(session: Session, bend: Callable[[], object]) -> tuple[set[str], set[str]]:
    """(kinds of differences that a rebuild names, checks of the audit that fail) once a row was bent; then put back."""
    found: list[Any] = []
    with session.begin_nested() as undone:
        bend()
        session.flush()
        verify(session, found.append, retranslate=False)
        checks = {check for check, _, wrong in books.examine(session) if wrong}
        undone.rollback()
    session.expire_all()
    return {each.kind for each in found}, checks


def _named_when_bent(session: Session, shop_id: str, creator_id: str, at: datetime) -> None:
    """What was agreed on, an answer, or an entry that nothing explains."""
    seen = ({"flat_fee", "balance"}, {"fees_beside_are_due"})
    offers = sa.update(Offer).where(Offer.flat_fee == 4000).values(flat_fee=4001)
    assert _bent(session, lambda: session.execute(offers)) == seen
    answers = sa.update(ContentApproval).where(ContentApproval.state == "approved").values(state="refused")
    assert _bent(session, lambda: session.execute(answers)) == seen
    lost: dict[str, Any] = {"subject": "flat_fee:neg_none", "kind": "flat_fee", "creator_id": creator_id}
    unexplained = {"currency": "EUR", "amount": 5, "reason": "flat_fee", "at": at, "shop_id": shop_id}
    assert _bent(session, lambda: fees.owe(session, **lost, **unexplained)) == seen


def test_a_fee_from_the_offer_to_the_statement_and_back(world: SimpleNamespace) -> None:
    shop_id, (mira, yuki, tal) = world.shop_id, world.people
    with world.database.write(ALL) as session:
        for fee, field in ((1_000_001, "flat_fee"), (-1, "flat_fee")):
            with pytest.raises(InputRefused) as wrong:
                negotiation.begin(session, shop_id, mira, "merchant", _given(fee), by="m", now=NOW)
            assert wrong.value.field == field
        with pytest.raises(InputRefused):
            negotiation.begin(session, shop_id, mira, "merchant", _given(9000, fee_currency="USD"), by="m", now=NOW)
        # A rule takes a fee only where it says so.
        acceptance.add(session, shop_id, 1500, least_followers=0, most_fee=5000, by="m", now=NOW)
        dear = negotiation.begin(session, shop_id, tal, "creator", _given(5001), by="c", now=NOW)
        assert dear.state == "open"
        assert negotiation.offer(session, dear.id, "creator", 1, _given(5000), by="c", now=NOW).state == "agreed"

        row_id = _agreed(session, world, mira, _given(9000, product_refs=("A",)))
        (made,) = agreements.versions(session, row_id)
        assert (made.flat_fee, made.fee_currency) == (9000, "EUR")
        assert "90.00 EUR, once for all versions of this agreement" in made.text

        # Content needs a product of the agreement in it; the same, handed in again, is the same.
        hand_in: dict[str, Any] = {"by": "creator:c", "now": NOW + DAY}
        other = _video(session, world, mira, "v0", "B")
        _refused("fee_product_missing", lambda: content_fees.hand_in(session, row_id, other, **hand_in))
        video, second = _video(session, world, mira, "v1"), _video(session, world, mira, "v2")
        first = content_fees.hand_in(session, row_id, video, **hand_in)
        assert content_fees.hand_in(session, row_id, video, **hand_in).id == first.id
        assert first.answer_by == NOW + 8 * DAY
        _refused("fee_taken", lambda: content_fees.hand_in(session, row_id, second, **hand_in))
        with pytest.raises(InputRefused) as empty:
            content_fees.answer(session, first.id, "send_back", by="m", now=NOW + 2 * DAY)
        assert empty.value.field == "reason"
        sent_back = {"by": "m", "reason": "Where is it?", "now": NOW + 2 * DAY}
        assert content_fees.answer(session, first.id, "send_back", **sent_back).again_until == NOW + 9 * DAY
        assert _owed(session, mira) == {}

        # Handed in anew and approved, twice over: 90.00 once.
        again = content_fees.hand_in(session, row_id, second, by="c", now=NOW + 3 * DAY)
        for _ in range(2):
            content_fees.answer(session, again.id, "approve", by="m", now=NOW + 4 * DAY)
        assert _owed(session, mira) == {"creator_cleared": 9000}

        # A change of the agreement keeps the fee for which content stands: another one is refused, the same isn't paid.
        change: dict[str, Any] = {"agreed": 1, "by": "m", "now": NOW + 5 * DAY}
        _refused("fee_stands", lambda: negotiation.offer(session, row_id, "merchant", 1, _given(9500), **change))
        negotiation.offer(session, row_id, "merchant", 1, _given(9000, rate_bp=1500), **change)
        negotiation.answer(session, row_id, "creator", "accept", 2, by="c", now=NOW + 5 * DAY)
        _refused("fee_taken", lambda: content_fees.hand_in(session, row_id, video, by="c", now=NOW + 6 * DAY))
        assert _owed(session, mira) == {"creator_cleared": 9000}

        # Nobody answers Yuki: approved at the moment its time is over, whenever a worker comes by.
        hers = _agreed(session, world, yuki, _given(4000, product_refs=("B",)))
        late = content_fees.hand_in(session, hers, _video(session, world, yuki, "y1", "B"), by="c", now=NOW + 2 * DAY)
        late_id = late.id
        # Not handed in while the agreement stood: nothing is due.
        tals = session.scalars(sa.select(negotiation.Negotiation.id).where(negotiation.Negotiation.creator_id == tal))
        (tals_id,) = tals
        tal_video = _video(session, world, tal, "t1")
        _refused("fee_too_late", lambda: content_fees.hand_in(session, tals_id, tal_video, by="c", now=NOW + 60 * DAY))
    assert content_fees.approve_lapsed(NOW + 9 * DAY - timedelta(seconds=1)) == 0
    with world.database.read(ALL) as session:
        late_since = [
            (one.reason, one.since, one.amount) for one in stalled_money.stuck(session, NOW + 10 * DAY, shop_id)
        ]
        assert late_since == [("content_past_its_time", NOW + 9 * DAY, 4000)]
        assert [hit.kind for hit in find.search(session, late_id).hits["content_fee"]] == ["content_fee"]
    assert content_fees.approve_lapsed(NOW + 40 * DAY) == 1
    assert content_fees.approve_lapsed(NOW + 40 * DAY) == 0

    closed = datetime(2026, 12, 2, tzinfo=UTC)
    with world.database.write(ALL) as session:
        row = approvals.find(session, late_id)
        assert (row.state, row.answered_by, row.answered_at) == ("approved", "clock", NOW + 9 * DAY)
        close.close_period(session, shop_id, "2026-11", closed, "staff:jo")
        invoice = session.scalars(sa.select(Invoice)).one()
        assert (invoice.flat_fee, invoice.earned, invoice.fee, invoice.total) == (13_000, 0, 0, 13_000)
        lines = session.execute(sa.select(InvoiceLine.kind, InvoiceLine.commission).order_by(InvoiceLine.commission))
        assert lines.all() == [("flat_fee", 4000), ("flat_fee", 9000)]
        assert sorted(session.execute(sa.select(StatementLine.kind, StatementLine.amount)).all()) == [
            ("flat_fee", 4000), ("flat_fee", 9000),
        ]  # fmt: skip
        assert _owed(session, mira) == {"creator_settled": 9000}

        told = facts.invoice(session, invoice.id, closed)
        assert sorted(line.order for line in told.lines) == ["Flat fee, @mira", "Flat fee, @yuki"]
        assert ("Flat fees for content", "EUR\xa0130.00") in sheet.of_invoice(told, "App", "").sums
        mine = session.scalars(sa.select(Statement.id).where(Statement.creator_id == mira)).one()
        (line,) = facts.statement(session, mine, closed).lines
        assert (line.kind, line.order, line.content, line.amount) == ("flat_fee", "Flat fee", "Video v2", 9000)
        assert "flat_fee,90.00,EUR" in table.of_statement(facts.statement(session, mine, closed))

        # The shop asks support about it; taking it back after the statement needs two people, and a line below zero.
        content_fees.appeal(session, again.id, "merchant", "It was deleted", by="m", now=closed)
        assert _owed(session, mira) == {"creator_settled": 9000}
        undecided = stalled_money.stuck(session, closed + 4 * DAY, shop_id)
        assert [(one.reason, one.amount) for one in undecided if one.about == again.id] == [("fee_undecided", 9000)]
        shown = content_fees.preview(session, again.id, "not_owed")
        assert (shown.change, shown.in_statement) == (-9000, True)
        decide: dict[str, Any] = {"now": closed + DAY, "note": "It is gone"}
        with pytest.raises(Conflict):
            content_fees.decide(session, again.id, "not_owed", by="staff:a", token="old", **decide)
        proposed = content_fees.decide(session, again.id, "not_owed", by="staff:a", token=shown.token, **decide)
        assert (proposed.state, proposed.proposed_by) == ("contested", "staff:a")
        token = content_fees.preview(session, again.id, "not_owed").token
        alone: dict[str, Any] = {"by": "staff:a", "token": token, **decide}
        _refused("fee_second_person", lambda: content_fees.decide(session, again.id, "not_owed", **alone))
        assert _owed(session, mira) == {"creator_settled": 9000}
        taken = content_fees.decide(session, again.id, "not_owed", by="staff:b", token=token, **decide)
        assert taken.state == "taken_back"
        # What support decided about isn't handed in anew, to be approved by a shop's silence.
        anew: dict[str, Any] = {"by": "c", "now": closed + DAY}
        _refused("fee_decided", lambda: content_fees.hand_in(session, row_id, second, **anew))
        assert second not in [
            one.id for one in approvals.candidates(session, negotiation.find(session, row_id), closed, 9)
        ]
        assert _owed(session, mira) == {"creator_settled": 9000, "creator_cleared": -9000}
        reasons = sa.select(Entry.kind, Entry.reason).where(Entry.subject == fees.flat_fee(row_id))
        assert [each for each in session.execute(reasons.order_by(Entry.sequence)) if each[0] == "flat_fee"] == [
            ("flat_fee", "flat_fee"), ("flat_fee", "flat_fee_withdrawn"),
        ]  # fmt: skip
        close.close_period(session, shop_id, "2026-12", datetime(2027, 1, 2, tzinfo=UTC), "staff:jo")
        assert _owed(session, mira) == {}
        newest = session.scalars(sa.select(Statement).order_by(Statement.id.desc())).first()
        assert newest is not None
        assert (newest.creator_id, newest.total, newest.corrections) == (mira, -9000, -9000)
        credit = session.scalars(sa.select(Invoice).order_by(Invoice.number.desc())).first()
        assert credit is not None
        assert (credit.flat_fee, credit.total) == (-9000, -9000)
        _right(session)

        if world.database.is_sqlite:
            _named_when_bent(session, shop_id, yuki, closed)

        whole = dossier.of(session, negotiation.find(session, row_id))
        assert [each["state"] for each in whole["content"]] == ["sent_back", "taken_back"]
        assert "decided: taken_back" in dossier.table(whole)
        told = [each for each in notices.after(session, None, 200) if each.kind.startswith("content.")]
        assert {each.kind for each in told} == {
            "content.handed_in", "content.answered", "content.appealed", "content.decided",
        }  # fmt: skip
        assert all(each.detail["content_url"].startswith("https://app.example/") for each in told)
        ids = {"shop_id": shop_id, "creator_id": mira}
        assert all(catalogue.missing(each.kind, each.detail | ids) == [] for each in told)


def test_silence_pays_for_nothing_that_was_taken_away(world: SimpleNamespace) -> None:
    """Taken down, or its product taken out, and nobody answers: it goes back, and is owed once it is there again."""
    mira, yuki, tal = world.people
    with world.database.write(ALL) as session:
        rows = [_agreed(session, world, each, _given(3000)) for each in (mira, yuki, tal)]
        videos = [_video(session, world, each, f"v{each[-4:]}") for each in (mira, yuki, tal)]
        handed = [
            content_fees.hand_in(session, *pair, by="c", now=NOW + DAY).id for pair in zip(rows, videos, strict=True)
        ]
        sightings.tell(session, videos[0], visible=False, at=NOW + 2 * DAY, by="app", now=NOW + 2 * DAY)
        (placed,) = anchors.of_content(session, videos[1], NOW + DAY)
        anchors.take_out(session, contents.get(session, videos[1]), placed.anchor.id, now=NOW + 2 * DAY)
        # It comes and goes, and stands there at the moment; after it, it may go.
        for at, visible in ((NOW + 2 * DAY, False), (NOW + 3 * DAY, True), (NOW + 8 * DAY + timedelta(1), False)):
            sightings.tell(session, videos[2], visible=visible, at=at, by="app", now=at)
    assert content_fees.approve_lapsed(NOW + 10 * DAY) == 3
    with world.database.write(ALL) as session:
        first, second, third = (approvals.find(session, each) for each in handed)
        assert [each.state for each in (first, second, third)] == ["sent_back", "sent_back", "approved"]
        assert (first.reason, first.answered_by, first.again_until) == (approvals.NOT_SEEN, "clock", NOW + 15 * DAY)
        assert [_owed(session, each) for each in (mira, yuki, tal)] == [{}, {}, {"creator_cleared": 3000}]
        sightings.tell(session, videos[0], visible=True, at=NOW + 10 * DAY, by="app", now=NOW + 10 * DAY)
        again = content_fees.hand_in(session, rows[0], videos[0], by="c", now=NOW + 10 * DAY)
        content_fees.answer(session, again.id, "approve", by="m", now=NOW + 11 * DAY)
        assert _owed(session, mira) == {"creator_cleared": 3000}
        _right(session)


def test_a_shop_that_leaves_and_an_agreement_taken_back(world: SimpleNamespace) -> None:
    """What was handed in before is owed by its time and invoiced; afterwards nothing can be handed in."""
    shop_id, (mira, yuki, _) = world.shop_id, world.people
    with world.database.write(ALL) as session:
        first, second = (_agreed(session, world, each, _given(3000)) for each in (mira, yuki))
        content_fees.hand_in(session, first, _video(session, world, mira, "m"), by="c", now=NOW + DAY)
        stood = agreements.versions(session, second)[0]
        terms.withdraw(session, shop_id, kind="targeted", product_ref="", creator_id=yuki, by="m", now=NOW + DAY)
        assert not approvals.agreement_stands(session, stood, NOW + 2 * DAY)
        video = _video(session, world, yuki, "y")
        _refused("fee_too_late", lambda: content_fees.hand_in(session, second, video, by="c", now=NOW + 2 * DAY))
        shop = session.get_one(Shop, shop_id)
        shop.status, shop.left_at = "left", NOW + 2 * DAY
        assert approvals.hindrance(session, negotiation.find(session, second), NOW + 3 * DAY) == "fee_shop_left"
        with pytest.raises(LedgerRefused):
            fees.owe(session, subject="line:x", kind="flat_fee", shop_id=shop_id, creator_id=mira, currency="EUR",
                     amount=1, reason="flat_fee", at=NOW)  # fmt: skip
    assert content_fees.approve_lapsed(NOW + 8 * DAY) == 1
    with world.database.write(ALL) as session:
        close.close_period(session, shop_id, "2026-11", datetime(2026, 12, 2, tzinfo=UTC), "staff:jo")
        assert session.scalars(sa.select(Invoice.total)).one() == 3000
        assert _owed(session, mira) == {"creator_settled": 3000}
        _right(session)


def test_of_two_answers_at_once_one_counts(world: SimpleNamespace) -> None:
    mira = world.people[0]
    with world.database.write(ALL) as session:
        row = _agreed(session, world, mira, _given(3000))
        approval_id = content_fees.hand_in(session, row, _video(session, world, mira, "m"), by="c", now=NOW).id

    def act(what: approving.Reply) -> str:
        with world.database.write(ALL) as session:
            done = content_fees.answer(session, approval_id, what, by="m", reason="Look", now=NOW + DAY)
            return done.state

    came = at_once(lambda: act("approve"), lambda: act("send_back"), lambda: act("approve"))
    states = {each for each in came if isinstance(each, str)}
    assert len(states) == 1
    assert all(isinstance(each, str | ApprovalRefused) for each in came)
    with world.database.read(ALL) as session:
        assert _owed(session, mira) == ({"creator_cleared": 3000} if states == {"approved"} else {})


ACTS = ("hand_in", "approve", "time", "send_back", "take_out", "for_creator", "against_creator", "close")


def test_any_order_of_acts_and_closings_owes_each_fee_once(world: SimpleNamespace) -> None:
    """Random lives, every act tried twice, beside the plain reading of the same acts."""
    chance = random.Random(72)
    with world.database.write(ALL) as session:
        settings.change(session, world.shop_id, "closing", "weekly", by="t", starts_at=NOW, now=NOW)
        ends = {"ends_at": NOW + 700 * DAY}
        people = enumerate(world.people, 1)
        mine = {_agreed(session, world, who, _given(1000 * number, **ends)): who for number, who in people}
        fee = {row: agreements.versions(session, row)[0].flat_fee for row in mine}
        videos = {row: [_video(session, world, who, f"{n}") for n in range(2)] for row, who in mine.items()}
        session.flush()
        at, done, life = NOW, [], []
        for _ in range(40):
            at += 2 * DAY
            what = chance.choice(ACTS)
            row = chance.choice(sorted(mine))
            if what == "close":
                shop = session.get_one(Shop, world.shop_id)
                for period in close.due(session, shop, at):
                    close.close_period(session, world.shop_id, period.name, at, "staff:jo")
                    life.append({"what": "close"})
            elif _try(session, what, row, videos[row], at):
                done.append({"agreement": row, "what": what, "fee": fee[row]})
            due = reference_books.fee_due(done)
            life.append({"what": "due", "due": due})
        said = reference_books.beside(life)
        for row, who in mine.items():
            wanted = said.get(row, {"cleared": 0, "settled": 0})
            found = _owed(session, who)
            assert {name: found.get(f"creator_{name}", 0) for name in wanted} == wanted, row
        assert any(sum(each.values()) for each in said.values()), "the lives came to something"
        assert session.scalar(sa.select(sa.func.sum(Posting.amount))) == 0
        _right(session)


def _try(session: Session, what: str, row: str, videos: list[str], at: datetime) -> bool:
    """Try an act on the newest content of an agreement, twice; whether it was taken."""
    last = next(iter(approvals.of_negotiation(session, row)), None)
    taken = False
    for _ in range(2):
        try:
            if what == "hand_in":
                standing = {each.content_id for each in approvals.of_negotiation(session, row)}
                video = next((each for each in videos if each not in standing), videos[0])
                if last is not None and last.state in approving.STANDING:
                    return taken
                last = content_fees.hand_in(session, row, video, by="c", now=at)
            elif last is None:
                return False
            else:
                _one(session, what, last, at)
            taken = True
        except ApprovalRefused:
            continue
    return taken


def _one(session: Session, what: str, row: ContentApproval, at: datetime) -> None:
    """Errors: ApprovalRefused."""
    if what == "time":
        if row.state != "waiting":
            raise ApprovalRefused("fee_answered")
        approvals.lapse(session, row.id, row.answer_by)
        content_fees._owe(session, row, at)
    elif what in ("approve", "send_back"):
        if row.state != "waiting":
            raise ApprovalRefused("fee_answered")
        content_fees.answer(
            session, row.id, "approve" if what == "approve" else "send_back", by="m", reason="Look", now=at
        )  # fmt: skip
    elif what == "take_out":
        content_fees.withdraw(session, row.id, by="c", now=at)
    else:
        side = "creator" if row.state == "sent_back" else "merchant"
        if what == "for_creator" and side == "merchant":
            raise ApprovalRefused("fee_no_appeal")
        content_fees.appeal(session, row.id, side, "Look at it", by="x", now=at)
        verdict: approving.Verdict = "owed" if what == "for_creator" else "not_owed"
        for by in ("staff:a", "staff:b"):
            token = content_fees.preview(session, row.id, verdict).token
            content_fees.decide(session, row.id, verdict, "Seen", by=by, token=token, now=at)
            if row.decided_at is not None:
                return
