"""A store asks for a person's data, a person's erasure, or its own: found, done in time, proven; no balance moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from connector import clock, db, vault
from connector.audit import AuditRow
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import queries
from connector.commerce.shops.tables import GrantRow
from connector.config import Settings
from connector.db import Scope, new_id
from connector.earnings.attribution.tables import DueForPin, TokenBuyer, Touch
from connector.earnings.intake import take_in
from connector.earnings.ledger.tables import Entry, Posting
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import Buyer
from connector.operations import doctor, rekey, rounds
from connector.operations.privacy import erase, export, requests
from connector.operations.privacy.tables import PrivacyExport, PrivacyFinding, PrivacyRequest
from connector.operations.sampling import acts
from connector.programme.collaborations import messages, negotiation
from connector.programme.collaborations.proposals import Proposal
from connector.programme.collaborations.tables import Agreement
from connector.programme.policies import screening, violations
from connector.programme.policies.rules_tables import ListingRefusal
from connector.programme.samples import recipients
from connector.programme.samples.tables import Sample
from connector.webhooks import drain, inbox, preview
from connector.webhooks.tables import DeliveryRow
from tests.conftest import KEY
from tests.privacy.world import CUSTOMER, MAIL, PHONE, World
from tests.webhooks.conftest import DOMAIN, Store, join, moment, rows, sample
from tests.webhooks.test_drain import uninstalled

Run = Callable[[], int]
SYSTEM = Scope.system("test")
SECRETS = (MAIL, PHONE, PHONE.replace(" ", ""), str(CUSTOMER), "Ana")


def ask(store: Store, kind: str, orders: list[int], customer: int | None = CUSTOMER, **more: Any) -> bytes:
    field = "orders_requested" if kind == "customers/data_request" else "orders_to_redact"
    who = {"id": customer, "email": MAIL, "phone": PHONE} if customer else {}
    body = {"shop_id": 1, "shop_domain": DOMAIN, "customer": who, field: orders, "data_request": {"id": 9999}}
    store.post(kind, json.dumps(body).encode(), **more)
    return json.dumps(body).encode()


def answer() -> PrivacyRequest:
    """What the job does, for the newest delivery that asks."""
    asked = [row for row in rows() if row.reason == "privacy_request"][-1]
    return found(requests.answer(asked.id))


def found(request_id: str) -> PrivacyRequest:
    with db.read(SYSTEM) as session:
        return requests.get(session, request_id)


def money() -> Any:
    with db.read(SYSTEM) as session:
        sums = session.execute(
            sa.select(Posting.account, Posting.creator_id, sa.func.sum(Posting.amount))
            .group_by(Posting.account, Posting.creator_id)
            .order_by(Posting.account, Posting.creator_id)
        ).all()
        return [tuple(row) for row in sums], session.scalars(sa.select(Entry.reference).order_by(Entry.reference)).all()


def everything_kept() -> str:
    """All bodies, opened, and all rows of the tables that could hold a person, as one text."""
    with db.read(SYSTEM) as session:
        bodies = [(inbox.body_of(row) or b"").decode() for row in session.scalars(sa.select(DeliveryRow))]
        others = [
            str(list(session.execute(sa.select(table.__table__)).all()))
            for table in (Order, OrderVersion, Touch, TokenBuyer, PrivacyRequest, PrivacyFinding, AuditRow)
        ]
    return "\n".join(bodies + others)


def test_a_person_is_erased_everywhere_and_no_balance_moves(store: Store, world: World, run_drain: Run) -> None:
    store.post("orders/create", world.order(1))
    store.post("orders/create", world.order(2, customer=None))  # the same person as a guest, by the address
    store.post("orders/create", world.order(3, customer=77, mail="bob@example.com"))
    store.post("customers/update", json.dumps({"id": CUSTOMER, "email": MAIL.upper()}).encode())
    run_drain()
    rounds.pin_due(clock.now())
    assert money()[1], "something was earned"
    before = money()
    store.post("orders/updated", b'{"broken": "' + MAIL.encode() + b'"')  # parked, and no JSON
    store.post("orders/paid", world.order(4))
    ask(store, "customers/redact", [1])
    run_drain()
    rounds.pin_due(clock.now())
    before = money()
    with db.write(SYSTEM) as session:  # one that isn't done with yet
        session.execute(sa.update(DeliveryRow).where(DeliveryRow.topic == "orders/paid").values(status="failed"))

    request = answer()
    assert (request.status, request.subject_sealed, request.subject_hash) == ("done", None, None)
    assert request.due_at - request.asked_at == timedelta(days=30)
    left = everything_kept()
    for secret in SECRETS:
        assert secret not in left.replace("bob@", ""), secret
    assert "bob@example.com" in left, "nobody else is touched"
    by_topic = {row.topic: row for row in rows()}
    assert (by_topic["orders/paid"].body_gone, by_topic["orders/paid"].body_cut_at is None) == ("", False)
    assert by_topic["customers/redact"].body_gone == "erased"
    with db.read(SYSTEM) as session:
        kept = {order.order_ref: order.buyer_hash is not None for order in session.scalars(sa.select(Order))}
        assert kept == {"1": False, "2": False, "3": True, "4": False}
        touch = session.get_one(Touch, world.touch_id)
        assert (touch.journey, touch.device_hash) == (None, None)
        assert session.scalar(sa.select(sa.func.count(TokenBuyer.buyer_hash))) == 1

    # F9: nothing moves, now or when everything is evaluated again, replayed, and heard of again.
    assert money() == before
    with db.write(SYSTEM) as session:
        for order_id in session.scalars(sa.select(Order.id)).all():
            take_in.reevaluate(session, order_id, cause="test")
        session.execute(sa.update(DeliveryRow).where(DeliveryRow.topic == "orders/paid").values(status="waiting"))
    run_drain()
    assert {row.status for row in rows() if row.topic == "orders/paid"} == {"done"}, "the cut body is an order still"
    assert money() == before


def test_the_proof_names_what_went_and_nobody(store: Store, world: World, run_drain: Run) -> None:
    store.post("orders/create", world.order(1))
    ask(store, "customers/redact", [1])
    run_drain()
    rounds.pin_due(clock.now())
    request = answer()
    assert request.proof["erased"] == {"delivery_dropped": 2, "order_hash_dropped": 1, "touch_hash_dropped": 1}
    assert request.proof["request"] == request.id
    assert erase.proof_hash(request.proof) == request.proof_hash
    with db.read(SYSTEM) as session:
        act = session.scalars(sa.select(AuditRow).where(AuditRow.act == "privacy.done")).one()
        assert act.detail["proof"] == request.proof_hash, "a second witness"
        assert erase.proof(session, request) == (request.proof, request.proof_hash), "it can be made again"
        finding = session.get_one(PrivacyFinding, (request.id, "delivery", rows()[0].id))
        assert (finding.why, finding.act) == ("order_named", "dropped")
    assert requests.answer(rows()[1].id) == request.id, "asked again it is the same request"
    assert found(request.id).done_at == request.done_at
    with pytest.raises(Conflict, match="privacy request"):
        preview.one(rows()[0].id)


def test_hashes_wait_for_the_last_decision_and_bodies_do_not(
    store: Store, world: World, run_drain: Run, sooner: Callable[[timedelta], None]
) -> None:
    now = clock.now()
    store.post("orders/create", world.order(1, created_at=now.isoformat(), processed_at=now.isoformat()))
    ask(store, "customers/redact", [1])
    run_drain()
    with db.read(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(DueForPin)) == 1
    request = answer()
    assert (request.status, request.reason) == ("running", "waits_for_pin")
    assert request.resume_at is not None
    assert timedelta(hours=23) < request.resume_at - clock.wall() < timedelta(hours=25)
    assert rows()[0].body_gone == "erased", "what can be done is done at once"
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Order.buyer_hash)).one() is not None
    before = money()
    assert requests.wake_due() == 0
    sooner(timedelta(hours=25))
    rounds.pin_due(now + timedelta(hours=25))
    assert requests.wake_due() == 1
    requests.resume(request.id)
    assert found(request.id).status == "done"
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Order.buyer_hash)).one() is None
    assert money() == before
    # The store tells of the order once more, with its buyer: forgotten again.
    store.post("orders/updated", world.order(1, updated_at=(now + timedelta(hours=30)).isoformat()))
    run_drain()
    rounds.pin_due(now + timedelta(days=3))
    assert erase.keep_forgotten() == 2, "the buyer's hash, and the person in the message"
    assert erase.keep_forgotten() == 0
    again = rows()[-1]
    assert (again.status, again.body_gone, again.body_cut_at is None) == ("done", "", False)
    assert not any(secret in everything_kept() for secret in SECRETS)
    assert money() == before


def test_a_killed_search_goes_on_where_it_stopped(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch, sooner: Callable[[timedelta], None]
) -> None:
    from connector.operations.privacy import search

    for ref in range(1, 6):
        store.post("orders/create", world.order(ref))
    ask(store, "customers/redact", [1])
    run_drain()
    rounds.pin_due(clock.now())
    monkeypatch.setattr(search, "PAGE", 2)
    real, looked = search._why, []

    def why(row: DeliveryRow, *more: Any) -> str:
        looked.append(row.id)
        if len(looked) == 4:
            raise KeyboardInterrupt
        return real(row, *more)

    monkeypatch.setattr(search, "_why", why)
    with pytest.raises(KeyboardInterrupt):
        answer()
    (waiting,) = [found(row) for row in _request_ids()]
    assert waiting.status == "running"
    assert requests.wake_due() == 0
    sooner(timedelta(minutes=11))
    assert requests.wake_due() == 1
    requests.resume(waiting.id)
    assert found(waiting.id).status == "done"
    assert len(looked) == 4 + 4, "the first page wasn't looked through again"
    assert all(row.body_sealed is None for row in rows())


def _request_ids() -> list[str]:
    with db.read(SYSTEM) as session:
        return list(session.scalars(sa.select(PrivacyRequest.id)))


def test_a_short_number_is_a_customers_only_where_a_body_says_so(store: Store, world: World, run_drain: Run) -> None:
    """Of stores that count their customers from one: a quantity of 42 is nobody."""
    for ref, customer in ((1, 42), (2, 43)):
        store.post("orders/create", world.order(ref, customer=customer, mail=None, note="42 pieces, ring 42 please"))
    store.post("customers/update", b'{"customer_id": "42", "tags": "x"}')
    store.post("customers/update", b'{"tags": "x", "id": 42, "orders_count": 1}')
    store.post("carts/update", b'{"line_items": [{"quantity": 42}], "total": 42}')
    run_drain()
    rounds.pin_due(clock.now())
    with db.write(SYSTEM) as session:
        asked = requests.ask(session, world.shop_id, "customer_erase", by="command", about=Buyer("42")).id
    assert requests.work(asked) == "done"
    assert [row.body_gone for row in rows()] == ["erased", "", "erased", "erased", ""]


def test_a_data_request_ends_with_the_file_in_the_merchants_hands(
    store: Store, world: World, run_drain: Run, sooner: Callable[[timedelta], None]
) -> None:
    store.post("orders/create", world.order(1))
    store.post("orders/create", world.order(3, customer=77, mail="bob@example.com"))
    ask(store, "customers/data_request", [1])
    run_drain()
    request = answer()
    assert (request.status, request.found) == ("ready", {"delivery": 2, "order": 1, "touch": 1})
    with db.read(SYSTEM) as session:
        file = session.scalars(sa.select(PrivacyExport)).one()
        assert file.sealed is not None
        assert MAIL not in file.sealed
    with db.write(SYSTEM) as session, pytest.raises(NotFound):
        export.open_file(session, file.id, by="merchant:shp_other", shop_id="shp_other")
    with db.write(SYSTEM) as session:
        text = json.loads(export.open_file(session, file.id, by="staff:ann", why="the merchant asked by telephone"))
    assert found(request.id).status == "ready", "support having it is not the merchant having it"
    assert text["about"] == {"customer": str(CUSTOMER), "email": MAIL, "phone": PHONE}
    assert [order["number"] for order in text["orders"]] == ["#1"]
    assert [message["topic"] for message in text["messages"]] == ["orders/create"]
    assert text["messages"][0]["body"]["customer"]["first_name"] == "Ana"
    assert len(text["taps"]) == 1
    assert "bob@example.com" not in json.dumps(text)
    with db.write(SYSTEM) as session:
        export.open_file(session, file.id, by=f"merchant:{world.shop_id}", shop_id=world.shop_id)
    done = found(request.id)
    assert (done.status, done.subject_sealed) == ("done", None)
    assert done.proof["file_sha256"] == file.sha256
    assert export.drop_expired() == 0
    sooner(timedelta(days=15))
    with db.write(SYSTEM) as session, pytest.raises(Conflict):
        export.open_file(session, file.id, by="staff:ann")
    assert export.drop_expired() == 1
    with db.read(SYSTEM) as session:
        audited = sa.select(AuditRow.act).where(AuditRow.act.startswith("privacy.")).order_by(AuditRow.id)
        acts = session.scalars(audited).all()
        assert acts == ["privacy.export", "privacy.fetch", "privacy.fetch", "privacy.done"]


def test_an_erasure_takes_the_files_of_earlier_data_requests_along(store: Store, world: World, run_drain: Run) -> None:
    store.post("orders/create", world.order(1))
    store.post("orders/create", world.order(3, customer=77, mail="bob@example.com"))
    ask(store, "customers/data_request", [1])
    run_drain()
    rounds.pin_due(clock.now())
    fetched = answer()
    with db.write(SYSTEM) as session:
        bobs = requests.ask(session, world.shop_id, "customer_data", by="command", about=Buyer("77"))
        again = requests.ask(session, world.shop_id, "customer_data", by="command", about=Buyer(email=MAIL.upper()))
        waiting = requests.ask(session, world.shop_id, "customer_data", by="command", about=Buyer(str(CUSTOMER)))
        file = session.scalars(sa.select(PrivacyExport).where(PrivacyExport.request_id == fetched.id)).one()
        export.open_file(session, file.id, by=f"merchant:{world.shop_id}", shop_id=world.shop_id)
    assert [requests.work(each.id) for each in (bobs, again)] == ["ready", "ready"]
    ask(store, "customers/redact", [1])
    run_drain()
    assert answer().status == "done"
    with db.read(SYSTEM) as session:
        kept = {row.request_id: row.sealed is not None for row in session.scalars(sa.select(PrivacyExport))}
    assert kept == {fetched.id: False, again.id: False, bobs.id: True}
    over = [found(each.id) for each in (fetched, again, waiting, bobs)]
    assert [(row.status, row.reason) for row in over] == [
        ("done", ""), ("cancelled", "erased_since"), ("cancelled", "erased_since"), ("ready", ""),
    ]  # fmt: skip
    assert [row.subject_sealed is None for row in over] == [True, True, True, False]
    assert requests.work(waiting.id) == "cancelled"
    with pytest.raises(Conflict):
        export.make(again.id, world.shop_id, by="connector")


def shop_redact(store: Store, triggered: str) -> None:
    body = json.loads(sample("shop_redact.shop"))
    store.post("shop/redact", json.dumps({**body, "shop_domain": DOMAIN}).encode(), triggered=triggered)


def test_a_shop_that_left_is_erased_and_its_books_stay(store: Store, world: World, run_drain: Run) -> None:
    for ref in (1, 2):
        store.post("orders/create", world.order(ref))
    run_drain()
    rounds.pin_due(clock.now())
    with db.write(SYSTEM) as session:  # what it wrote, to support and to a creator
        listing = session.scalars(sa.select(Listing)).one()
        refused = {"title": f"Mug of {MAIL}", "found": [MAIL], "appeal": f"ask {MAIL}", "note": f"asked {MAIL}"}
        session.add(
            ListingRefusal(
                id=new_id("lrf"), listing_id=listing.id, shop_id=world.shop_id, product_ref="1", rule="r", version=1,
                refused_at=clock.now(), ended_at=clock.now(), ended_why="changed", appealed_by="m", decided_by="s",
                decision="upheld", **refused,
            )
        )  # fmt: skip
        rule = screening.now_in_force(session, clock.now()).rules[0].code
        breach = violations.record(
            session, "shop", world.shop_id, rule, strikes=1, why="as they wrote themselves", by="staff:Kim"
        )
        violations.appeal(session, world.shop_id, breach.id, f"it was {MAIL}'s own", "m")
        given = Proposal(
            rate_bp=2000, ends_at=clock.now() + timedelta(days=9), expires_at=clock.now() + timedelta(days=7),
            note=f"write to {MAIL}",
        )  # fmt: skip
        creator = session.get_one(Touch, world.touch_id).creator_id
        talk = negotiation.begin(session, world.shop_id, creator, "merchant", given, by="m", now=clock.now())
        messages.post(session, talk.id, "merchant", f"or to {MAIL}", by="m")
        negotiation.answer(session, talk.id, "creator", "accept", 1, by="c", now=clock.now())
        accepted = [row.text_hash for row in session.scalars(sa.select(Agreement))]
        sample = acts.new(world.shop_id, creator, "free", 1, now=clock.now())
        sample.state, sample.words, sample.problem_words = "declined", f"ask {MAIL}", f"asked {MAIL}"
        home = {"name": "M", "address1": "Quay 1", "city": "Köln", "country": "DE", "postal_code": "50667"}
        sample.recipient_sealed = recipients.seal(recipients.checked(home))
        session.add(sample)
        sample_id = sample.id
    store.post(**uninstalled("2026-11-21T12:00:00Z"))
    run_drain()
    before = money()
    with db.write(SYSTEM) as session:
        other = requests.ask(session, world.shop_id, "customer_data", by="command", about=Buyer("1", MAIL, PHONE)).id
    assert requests.work(other) == "ready"
    shop_redact(store, "2026-11-23T12:00:00Z")
    run_drain()
    request = answer()
    assert request.status == "done"
    assert (found(other).status, found(other).subject_sealed, found(other).subject_hash) == ("cancelled", None, None)
    assert request.erased == {"bodies": 4, "buyers": 2, "listings": 1, "touches": 1, "variants": 1}
    left = everything_kept()
    for secret in SECRETS:
        assert secret not in left, secret
    with db.read(SYSTEM) as session:
        shop = queries.get(session, world.shop_id)
        assert (shop.name, shop.status, shop.status_reason, shop.domain) == ("", "left", "erased", DOMAIN)
        listing = session.scalars(sa.select(Listing)).one()
        assert (listing.title, listing.content_hash, listing.status) == ("", "", "gone")
        assert session.scalar(sa.select(sa.func.count()).select_from(VariantRow)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(GrantRow)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Order)) == 2
        assert [row.text_hash for row in session.scalars(sa.select(Agreement))] == accepted != []
        sample = session.get_one(Sample, sample_id)
        assert (sample.recipient_sealed, sample.words, sample.problem_words) == (None, messages.ERASED, "")
    assert money() == before
    # It may come back: the same shop, its history, and a catalog that is written anew.
    assert join(DOMAIN, clock.now()) == world.shop_id
    with db.read(SYSTEM) as session:
        assert queries.get(session, world.shop_id).name == "Sample"


def test_a_return_calls_the_erasure_off_by_rule(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.post("orders/create", world.order(1))
    run_drain()
    rounds.pin_due(clock.now())
    store.post(**uninstalled("2026-11-21T12:00:00Z"))
    run_drain()
    join(DOMAIN, moment("2026-11-22T00:00:00Z"))
    shop_redact(store, "2026-11-23T12:00:00Z")
    run_drain()
    request = answer()
    assert (request.status, request.reason) == ("cancelled", "shop_came_back")
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Order.buyer_hash)).one() is not None

    # It leaves again: what was asked before that speaks of the first leaving.
    store.post(**{**uninstalled("2026-11-24T12:00:00Z"), "ref": "again"})
    shop_redact(store, "2026-11-23T13:00:00Z")
    run_drain()
    assert answer().reason == "older_than_last_leave"

    # And one that comes back in the middle keeps what is left of it.
    real = erase._all_bodies

    def back(session: Any, shop_id: str) -> int:
        number = real(session, shop_id)
        if number == 0:
            queries.get(session, shop_id).status = "connected"
        return number

    monkeypatch.setattr(erase, "_STEPS", (("bodies", back), *[step for step in erase._STEPS if step[0] != "bodies"]))
    shop_redact(store, "2026-11-26T12:00:00Z")
    run_drain()
    assert (answer().status, rows()[0].body_gone) == ("cancelled", "erased")
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Listing.title)).one() == "Mug"


def test_what_a_person_asks_here_and_calls_off(store: Store, world: World, run_drain: Run) -> None:
    store.post("orders/create", world.order(1))
    run_drain()
    rounds.pin_due(clock.now())
    with db.write(SYSTEM) as session:
        for wrong in ({"kind": "all"}, {"kind": "customer_erase"}):
            with pytest.raises(InputRefused):
                requests.ask(session, world.shop_id, by="command", **wrong)
        with pytest.raises(Conflict):
            requests.ask(session, world.shop_id, "shop_erase", by="command")
        asked = requests.ask(session, world.shop_id, "customer_erase", by="command", about=Buyer(email=MAIL)).id
        second = requests.ask(session, world.shop_id, "customer_data", by="command", order_refs=["1"]).id
        with pytest.raises(InputRefused):
            requests.cancel(session, second, by="staff:ann", why=" ")
        requests.cancel(session, second, by="staff:ann", why="the buyer took it back")
        assert requests.get(session, second).subject_sealed is None
        with pytest.raises(Conflict):
            requests.again(session, second, by="staff:ann")
    assert requests.work(second) == "cancelled"
    assert requests.resume(asked) == asked
    assert (found(asked).status, rows()[0].body_gone) == ("done", "erased")


def test_what_fails_says_why_and_is_taken_up_again(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch, sooner: Callable[[timedelta], None]
) -> None:
    store.post("orders/create", world.order(1))
    ask(store, "customers/redact", [1])
    run_drain()
    rounds.pin_due(clock.now())
    with monkeypatch.context() as broken:
        broken.setattr(erase, "person", lambda *_: (_ for _ in ()).throw(KeyError(MAIL)))
        request = answer()
    assert (request.status, request.detail) == ("failed", "KeyError")
    with db.read(SYSTEM) as session:
        assert requests.overdue(session) == (0, 0)
    sooner(timedelta(days=24))
    with db.read(SYSTEM) as session:
        assert requests.overdue(session) == (0, 1)
    sooner(timedelta(days=7))
    with db.read(SYSTEM) as session:
        assert requests.overdue(session) == (1, 0)
    assert requests.wake_due() == 1
    requests.resume(request.id)
    assert found(request.id).status == "done"


def test_a_delivery_whose_job_was_lost_is_found_by_the_chore(
    store: Store, world: World, run_drain: Run, sooner: Callable[[timedelta], None]
) -> None:
    ask(store, "customers/redact", [1])
    run_drain()
    assert requests.wake_due() == 0
    sooner(timedelta(minutes=11))
    assert requests.wake_due() == 1
    assert drain.PRIVACY_JOB == "privacy.answer"


def test_what_is_sealed_for_a_request_moves_to_a_new_key(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.post("orders/create", world.order(1))
    ask(store, "customers/data_request", [1])
    run_drain()
    request = answer()
    fresh = Fernet.generate_key().decode()
    vault.use(vault.Vault([fresh, KEY], "a hash key that is used by tests only, 32+"))
    assert rekey.reseal().bodies_written == 4  # two deliveries, whom it is about, the file
    vault.use(vault.Vault([fresh], "a hash key that is used by tests only, 32+"))
    with db.write(SYSTEM) as session:
        file = export.newest(session, request.id)
        assert file is not None
        assert MAIL.encode() in export.open_file(session, file.id, by="command")
        assert requests.about(requests.get(session, request.id)).email == MAIL


def test_the_doctor_names_deadlines(
    store: Store, world: World, settings: Settings, sooner: Callable[[timedelta], None]
) -> None:
    with db.write(SYSTEM) as session:
        requests.ask(session, world.shop_id, "customer_data", by="command", order_refs=["1"])

    def said() -> list[tuple[str, str]]:
        return [(each.severity, each.what) for each in doctor.examine(settings) if each.check == "privacy"]

    assert said() == []
    sooner(timedelta(days=25))
    assert said() == [("look", "1 privacy requests are due within a week")]
    sooner(timedelta(days=6))
    assert said() == [("mend", "1 privacy requests are past their deadline of 30 days")]
