"""From inbox to effect: each event to its room, poison rows set aside, one worker a shop, nothing done twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import queries
from connector.config import Settings
from connector.db import Database, Scope
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Evaluation
from connector.earnings.intake import ahead
from connector.earnings.intake import take_in as intake
from connector.errors import Conflict, LedgerRefused
from connector.events import Event
from connector.webhooks import claim, drain, effect, inbox, translate
from connector.webhooks.tables import DeliveryRow, ShopClaim, WantedRead
from tests.webhooks.conftest import DOMAIN, TRIGGERED, Store, join, moment, one, order, rows, sample

Run = Callable[[], int]


def orders() -> list[str]:
    with db.read(Scope.system("test")) as session:
        return sorted(session.scalars(sa.select(Order.order_ref)))


def wishes() -> list[tuple[str, str]]:
    with db.read(Scope.system("test")) as session:
        return sorted((row.ref, row.why) for row in session.scalars(sa.select(WantedRead)))


def job_names() -> list[str]:
    """What was enqueued, as DBOS keeps it."""
    database = db.current()
    table = "workflow_status" if database.is_sqlite else "dbos.workflow_status"
    with database.engine.connect() as connection:
        return sorted(row[0] for row in connection.exec_driver_sql(f"SELECT name FROM {table}"))


def test_an_order_becomes_an_order(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/create", order(1))
    assert run_drain() == 1
    row = one()
    assert (row.status, row.tries, row.order_ref) == ("done", 1, "1")
    assert row.done_at is not None
    assert row.effects is not None
    assert row.effects["outcome"] == "applied"
    assert orders() == ["1"]
    assert run_drain() == 0


def test_a_version_that_is_known_is_done_again_without_effect(store: Store, shop_id: str, run_drain: Run) -> None:
    for topic in ("orders/create", "orders/paid"):
        store.post(topic, order(1))
    run_drain()
    assert [row.effects and row.effects["outcome"] for row in rows()] == ["applied", "same_version"]


def test_malformed_json_is_kept_parked_and_says_where(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/create", b'{"id": 5, "line_items": [')
    store.post("orders/create", order(2, currency=7))
    store.post("orders/create", order(3))
    run_drain()
    broken, wrong, good = rows()
    assert (broken.status, broken.reason) == ("parked", "unreadable")
    assert (wrong.status, wrong.reason) == ("parked", "unreadable")
    assert "$.currency" in wrong.detail
    assert good.status == "done"
    assert orders() == ["3"]
    assert inbox.body_of(broken) == b'{"id": 5, "line_items": ['


def test_topics_that_we_do_not_know_or_need(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("moon/phase", b"{}")
    store.post("carts/update", b"{}")
    run_drain()
    unknown, ignored = rows()
    assert (unknown.status, unknown.reason) == ("parked", "unrecognised")
    assert "moon/phase" in unknown.detail
    assert (ignored.status, ignored.reason) == ("ignored", "topic_ignored")


def test_a_privacy_request_starts_its_job(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("customers/redact", sample("customers_redact.one_order"))
    run_drain()
    assert (one().status, one().reason) == ("done", "privacy_request")
    assert job_names() == ["privacy.answer"]


def test_a_stub_is_taken_in_and_its_order_is_read_by_a_job(store: Store, shop_id: str, run_drain: Run) -> None:
    refund = json.loads(sample("refunds_create.one_unit"))
    store.post("refunds/create", json.dumps({**refund, "order_id": 1}).encode())
    run_drain()
    assert (one().status, one().reason) == ("done", "parked_orphan")
    assert wishes() == [("1", "stub")]
    assert job_names() == ["webhooks.read_wanted"]


def test_equal_times_with_other_content_are_read_from_the_store(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/updated", order(1))
    store.post("orders/updated", order(1, total_price="1.00"))
    run_drain()
    assert wishes() == [("1", "conflict")]


def test_products_are_read_by_one_job_a_batch(store: Store, shop_id: str, run_drain: Run) -> None:
    for ref in (1, 2, 2, 3):
        store.post("products/update", json.dumps({"id": ref}).encode())
    run_drain()
    assert {row.status for row in rows()} == {"done"}
    assert job_names() == ["webhooks.read_wanted"]
    assert wishes() == [("1", "delivery"), ("2", "delivery"), ("3", "delivery")]


def test_the_shop_says_what_it_is(store: Store, shop_id: str, run_drain: Run) -> None:
    body = json.loads(sample("shop_update.renamed"))
    store.post("shop/update", json.dumps({**body, "myshopify_domain": DOMAIN, "currency": "EUR"}).encode())
    run_drain()
    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        assert (shop.currency, shop.status_reason) == ("EUR", "currency_changed")
    assert one().status == "done"
    assert "sync.start" in job_names(), "every price is another one: the catalog is read again"


def test_a_body_that_names_another_shop_is_quarantined(store: Store, shop_id: str, run_drain: Run) -> None:
    body = json.loads(sample("app_uninstalled.shop"))
    store.post("app/uninstalled", json.dumps({**body, "myshopify_domain": "other.myshopify.com"}).encode())
    run_drain()
    assert (one().status, one().reason) == ("quarantined", "other_shops_body")
    with db.read(Scope.shop(shop_id)) as session:
        assert queries.get(session, shop_id).status == "connected"


def uninstalled(triggered: str) -> dict[str, Any]:
    body = json.loads(sample("app_uninstalled.shop"))
    named = json.dumps({**body, "myshopify_domain": DOMAIN}).encode()
    return {"topic": "app/uninstalled", "body": named, "triggered": triggered}


def test_what_happened_before_the_shop_left_counts_and_what_came_after_waits(
    store: Store, shop_id: str, run_drain: Run
) -> None:
    store.post(**uninstalled("2026-11-20T13:00:00Z"))
    run_drain()
    store.post("orders/create", order(1), triggered="2026-11-20T12:59:00Z")
    store.post("orders/create", order(2), triggered="2026-11-20T13:00:01Z")
    store.post("customers/redact", sample("customers_redact.one_order"), triggered="2026-11-20T14:00:00Z")
    run_drain()
    left, before, after, privacy = rows()
    assert left.status == "done"
    assert before.status == "done"
    assert (after.status, after.reason) == ("parked", "store_disconnected")
    assert privacy.reason == "privacy_request"
    assert orders() == ["1"]
    join(DOMAIN, moment("2026-11-21T00:00:00Z"))
    run_drain()
    assert orders() == ["1", "2"]


def test_an_uninstall_from_before_the_last_install_is_late(store: Store, run_drain: Run) -> None:
    shop_id = join(DOMAIN, moment(TRIGGERED))
    store.post(**uninstalled("2026-11-20T11:59:59Z"))
    run_drain()
    assert (one().status, one().reason) == ("ignored", "before_last_install")
    with db.read(Scope.shop(shop_id)) as session:
        assert queries.get(session, shop_id).status == "connected"


def test_an_unknown_store_goes_on_once_it_is_connected(store: Store, settings: Settings, run_drain: Run) -> None:
    store.post("orders/create", order(1), domain="late.myshopify.com")
    assert run_drain() == 0
    join("late.myshopify.com")
    assert run_drain() == 1
    assert orders() == ["1"]


# --- failures ---------------------------------------------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, ref: str, error: Exception) -> list[str]:
    """Taking order `ref` in fails half way, after its rows were written."""
    tried: list[str] = []
    real = intake.take_in

    def take_in(session: Any, shop: Any, seen: Any, **named: Any) -> Any:
        taken = real(session, shop, seen, **named)
        if seen.snapshot.order_ref == ref:
            tried.append(ref)
            raise error
        return taken

    monkeypatch.setattr(intake, "take_in", take_in)
    return tried


@pytest.mark.parametrize("error", [LedgerRefused("it does not sum to zero"), ZeroDivisionError(), Conflict("moved")])
def test_a_poison_row_does_not_undo_its_batch(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    poison(monkeypatch, "2", error)
    for ref in (1, 2, 3):
        store.post("orders/create", order(ref))
    run_drain()
    assert orders() == ["1", "3"], "what the poison row had written is undone, the others' stays"
    assert [row.status for row in rows()] == ["done", "failed", "done"]
    failed = rows()[1]
    assert failed.tries == 1
    assert failed.next_try_at is not None
    assert failed.next_try_at > clock.wall()


def test_rows_that_were_held_back_stand_where_their_delivery_does(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch: a new order, one that breaks when all its rows are made, the first again, a third. What the broken one
    held back goes with it; what the first held back is written before the first is read again."""
    real = intake.clearance.follow

    def broken(session: Any, shop: Any, of: Order, *given: Any, **more: Any) -> None:
        real(session, shop, of, *given, **more)
        if of.order_ref == "2":
            raise LedgerRefused("not this one")

    monkeypatch.setattr(intake.clearance, "follow", broken)
    store.post("orders/create", order(1))
    store.post("orders/create", order(2))
    store.post("orders/updated", order(1, updated_at="2026-11-21T12:00:00Z"))
    store.post("orders/create", order(3))
    run_drain()
    assert [row.status for row in rows()] == ["done", "failed", "done", "done"]
    assert orders() == ["1", "3"]
    with db.read(Scope.system("test")) as session:
        versions = session.execute(
            sa.select(Order.order_ref, sa.func.count()).join(OrderVersion, OrderVersion.order_id == Order.id)
            .group_by(Order.order_ref).order_by(Order.order_ref)
        ).all()  # fmt: skip
        evaluated = set(session.scalars(sa.select(Evaluation.order_id)))
        decided = set(session.scalars(sa.select(DecisionRow.order_id)))
        ids = set(session.scalars(sa.select(Order.id)))
        kept = session.scalar(sa.select(sa.func.count()).select_from(OrderVersion))
    assert [tuple(row) for row in versions] == [("1", 2), ("3", 1)]
    assert kept == 3
    assert evaluated == decided == ids


def test_an_order_that_another_transaction_made_after_it_was_read_ahead(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch took it for new; the unique key knows better. All of the batch is undone and done one by one."""
    store.post("orders/create", order(2))
    run_drain()
    real = ahead.record.read_ahead

    def blind(session: Any, shop_id: str, refs: Any) -> set[str]:
        new = real(session, shop_id, refs)
        missed = db.known(session, ahead.record._Unheard)
        assert missed is not None
        missed.refs.add("2")
        return new

    monkeypatch.setattr(ahead.record, "read_ahead", blind)
    store.post("orders/create", order(1))
    store.post("orders/updated", order(2, updated_at="2026-11-21T12:00:00Z"))
    store.post("orders/create", order(3))
    run_drain()
    assert [row.status for row in rows()] == ["done"] * 4
    assert orders() == ["1", "2", "3"]
    with db.read(Scope.system("test")) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(OrderVersion)) == 4


def test_a_failure_is_tried_again_with_growing_delay_then_parked(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch, sooner: Callable[[timedelta], None]
) -> None:
    tried = poison(monkeypatch, "1", Conflict("something moved"))
    store.post("orders/create", order(1))
    waits = []
    for _ in range(drain.TRIES):
        assert run_drain() == 1
        assert run_drain() == 0, "it is not tried before its time"
        row = one()
        if row.status == "failed":
            assert row.next_try_at is not None
            waits.append(round((row.next_try_at - clock.wall()).total_seconds()))
            sooner(row.next_try_at - clock.wall() + timedelta(seconds=1))
    assert len(tried) == drain.TRIES
    assert waits == sorted(waits)
    assert waits[0] < 6
    assert waits[-1] > 1000
    assert (one().status, one().reason) == ("parked", "conflict")
    assert "something moved" in one().detail
    sooner(timedelta(days=1))
    assert run_drain() == 0


def test_a_fault_of_a_translator_stops_nothing_behind_it(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inbox.body_of

    def body_of(row: DeliveryRow) -> bytes | None:
        if row.order_ref == "1":
            raise RuntimeError("secret@example.com")
        return real(row)

    monkeypatch.setattr(translate.inbox, "body_of", body_of)
    for ref in (1, 2):
        store.post("orders/create", order(ref))
    run_drain()
    assert [(row.status, row.reason) for row in rows()] == [("failed", "translator_broke"), ("done", "")]
    assert "example.com" not in rows()[0].detail


def test_a_delivery_that_breaks_even_its_transaction_is_found_and_set_aside(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, "2", sa.exc.OperationalError("too many SQL variables", None, Exception()))
    for ref in (1, 2, 3):
        store.post("orders/create", order(ref))
    run_drain()
    assert orders() == ["1", "3"]
    assert [row.status for row in rows()] == ["done", "failed", "done"]


def test_a_database_that_is_away_loses_nothing(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.post("orders/create", order(1))

    def away(*_args: Any) -> Any:
        raise sa.exc.OperationalError("away", None, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(drain, "_mark", away)
        with pytest.raises(sa.exc.OperationalError):
            run_drain()
    assert (one().status, one().tries) == ("waiting", 0)
    assert orders() == []
    with db.write(Scope.system("test")) as session:
        session.execute(sa.delete(ShopClaim))
    run_drain()
    assert orders() == ["1"]


def test_a_repeat_with_a_later_trigger_time_during_the_drain_goes_round_again(
    store: Store, shop_id: str, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is read, then the repeat comes, then the effect commits: the later time must not be lost."""
    later = "2026-11-20T12:00:09Z"
    applied: list[Any] = []
    real = drain._next

    def read_then_repeat(held_shop: str, limit: int) -> Any:
        read = real(held_shop, limit)
        if not applied:
            store.post("orders/updated", order(1), ref="b2", triggered=later)
        return read

    real_apply = effect.apply

    def apply(session: Any, shop: Any, delivery: Any, now: Any) -> Any:
        applied.append(delivery.triggered_at)
        return real_apply(session, shop, delivery, now)

    monkeypatch.setattr(drain, "_next", read_then_repeat)
    monkeypatch.setattr(effect, "apply", apply)
    store.post("orders/updated", order(1), ref="b1")
    run_drain()
    assert applied == [moment(TRIGGERED), moment(later)]
    assert (one().status, one().triggered_at, one().repeats) == ("done", moment(later), 1)


# --- one worker a shop ------------------------------------------------------------------------------------------------


def test_a_claim_is_one_workers_until_it_runs_out(
    shop_id: str, settings: Settings, sooner: Callable[[timedelta], None]
) -> None:
    first = claim.take(shop_id, "drain", "w1")
    assert first is not None
    assert claim.take(shop_id, "drain", "w1") is None, "not even another thread of the same worker gets it"
    assert claim.take(shop_id, "drain", "w2") is None
    assert claim.take(shop_id, "read", "w2") is not None
    sooner(claim.LEASE - timedelta(seconds=1))
    first.renew()
    sooner(claim.LEASE - timedelta(seconds=1))
    assert claim.take(shop_id, "drain", "w2") is None
    sooner(timedelta(seconds=2))
    second = claim.take(shop_id, "drain", "w2")
    assert second is not None
    with pytest.raises(claim.ClaimLost):
        first.renew()
    first.release()
    assert claim.take(shop_id, "drain", "w3") is None, "the old owner's release frees nothing"
    second.release()
    assert claim.take(shop_id, "drain", "w3") is not None


def test_a_worker_that_lost_its_claim_commits_nothing(
    store: Store, shop_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.post("orders/create", order(1))
    real = drain._next

    def slow(held_shop: str, limit: int) -> Any:
        read = real(held_shop, limit)
        with db.write(Scope.shop(held_shop)) as session:
            session.execute(sa.update(ShopClaim).values(owner="somebody else"))
        return read

    monkeypatch.setattr(drain, "_next", slow)
    assert drain.drain_once("w1", settings) == 0
    assert orders() == []
    assert one().status == "waiting"


def test_drains_at_once_never_work_for_one_shop_together(
    store: Store, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = [f"shop-{number}.myshopify.com" for number in range(3)]
    for number, domain in enumerate(domains):
        join(domain)
        for ref in range(12):
            store.post("orders/create", order(100 * number + ref), domain=domain)
    inside: dict[str, int] = {}
    overlaps: list[str] = []
    together: list[int] = []
    lock = threading.Lock()
    real = drain._handle

    def handle(held: Any, read: Any) -> int:
        with lock:
            inside[held.shop_id] = inside.get(held.shop_id, 0) + 1
            if inside[held.shop_id] > 1:
                overlaps.append(held.shop_id)
            together.append(sum(inside.values()))
        try:
            time.sleep(0.02)
            return real(held, read)
        finally:
            with lock:
                inside[held.shop_id] -= 1

    monkeypatch.setattr(drain, "_handle", handle)
    small = settings.model_copy(update={"drain_batch": 3})
    until = time.monotonic() + 60

    def work(name: str) -> None:
        while any(row.status == "waiting" for row in rows()) and time.monotonic() < until:
            drain.drain_once(name, small)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert {row.status for row in rows()} == {"done"}
    assert {row.tries for row in rows()} == {1}, "nothing was done twice"
    assert len(orders()) == 36
    assert max(together) > 1, "different shops are drained side by side"


def test_deliveries_of_a_shop_go_in_the_order_of_their_receipt(
    store: Store, shop_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ref in range(7):
        store.post("orders/create", order(ref))
    seen: list[str] = []
    real = effect.apply

    def apply(session: Any, shop: Any, delivery: Any, now: Any) -> Any:
        seen.append(delivery.events[0].snapshot.order_ref)
        return real(session, shop, delivery, now)

    monkeypatch.setattr(effect, "apply", apply)
    drain.drain_once("w1", settings.model_copy(update={"drain_batch": 2}))
    assert seen == [str(ref) for ref in range(7)]


def test_a_batch_that_could_not_be_read_ahead_is_read_in_its_turn(
    store: Store, shop_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a stop signal between two batches leave anything half done, or done twice."""
    for ref in range(7):
        store.post("orders/create", order(ref))
    real, failed, looks = drain._next, [], iter(range(100))

    def read(shop: str, limit: int, *, behind: str | None = None) -> list[translate.Read]:
        if behind is not None:
            failed.append(behind)
            raise sa.exc.OperationalError("the reader's connection", None, Exception("cut"))
        return real(shop, limit)

    monkeypatch.setattr(drain, "_next", read)
    small = settings.model_copy(update={"drain_batch": 2})
    assert drain.drain_once("w1", small, stop=lambda: next(looks) > 4) == 4
    assert drain.drain_once("w1", small) == 3
    assert len(failed) == 3
    assert [(row.status, row.tries) for row in rows()] == [("done", 1)] * 7
    assert orders() == [str(ref) for ref in range(7)]


def test_a_long_queue_of_one_shop_leaves_the_others_their_turn(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("a.myshopify.com")
    join("b.myshopify.com")
    for ref in range(6):
        store.post("orders/create", order(ref), domain="a.myshopify.com")
    store.post("orders/create", order(1), domain="b.myshopify.com")
    monkeypatch.setattr(drain, "TURN_SECONDS", 0.0)
    drain.drain_once("w1", settings.model_copy(update={"drain_batch": 2}))
    left = [row.domain for row in rows() if row.status == "waiting"]
    assert left == ["a.myshopify.com"] * 4


def test_every_event_has_a_place_to_go() -> None:
    assert set(effect._DO) == set(get_args(Event))
