"""What a store gets for what it posts: never 2xx for something that was not kept."""

from __future__ import annotations

import io
import threading
import time
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import create_environ, run_wsgi_app

from connector import db, vault
from connector.db import Database, Scope
from connector.errors import SignatureRejected
from connector.platforms.shopify import PLATFORM
from connector.webhooks import inbox, line
from connector.webhooks.tables import DeliveryRow, RejectedCount
from tests.webhooks.conftest import DOMAIN, TRIGGERED, Store, join, moment, one, order, rows, sample

SHAPE = (
    "platform", "domain", "topic", "delivery_ref", "event_ref", "triggered_at", "api_version", "received_at", "headers",
    "body_sealed", "body_hash", "body_size", "order_ref", "product_ref",
)  # fmt: skip


def rejected() -> dict[str, int]:
    with db.read(Scope.system("test")) as session:
        return {row.reason: row.count for row in session.scalars(sa.select(RejectedCount))}


def test_a_delivery_is_kept_sealed_with_what_the_headers_say(store: Store, shop_id: str) -> None:
    body = sample("orders_create.with_code")
    answer = store.post("orders/create", body, ref="b1", event="e1")
    assert (answer.status_code, answer.data) == (200, b"kept")
    row = one()
    assert (row.shop_id, row.topic, row.delivery_ref, row.event_ref) == (shop_id, "orders/create", "b1", "e1")
    assert (row.status, row.order_ref, row.body_size) == ("waiting", "7100000000001", len(body))
    assert row.triggered_at == moment(TRIGGERED)
    assert row.body_sealed is not None
    assert "line_items" not in row.body_sealed
    assert inbox.body_of(row) == body
    assert set(row.headers) == {
        "x-shopify-topic", "x-shopify-shop-domain", "x-shopify-api-version", "x-shopify-event-id",
        "x-shopify-triggered-at", "x-shopify-webhook-id",
    }  # fmt: skip
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("named", ["7\x00", "7" * 9000])
def test_a_body_that_names_what_no_index_takes_is_kept_without_the_name(
    store: Store, shop_id: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its store would send it again for days if it were answered with an error; whoever reads it says what is wrong."""
    monkeypatch.setattr(type(PLATFORM.webhooks), "subject", lambda *_: (named, named))
    body = sample("orders_create.with_code")
    assert store.post("orders/create", body, ref="b1").status_code == 200
    assert (one().order_ref, one().product_ref, inbox.body_of(one())) == (None, None, body)


@pytest.mark.parametrize("signature", ["", "AAAA", "é", "8MZM9Vk3aebWQiTKSDtNARTrnGWg2Ar6wwF9xYlqHf4="])
def test_a_wrong_or_missing_signature_leaves_a_count_and_nothing_else(
    store: Store, shop_id: str, signature: str
) -> None:
    answer = store.post("orders/create", b'{"id":1}', signature=signature.encode().decode("latin-1"))
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert rows() == []
    assert rejected() == {"bad_signature": 1}


def test_a_flood_of_bad_signatures_is_counted_in_a_few_writes(store: Store, shop_id: str) -> None:
    for _ in range(30):
        assert store.post("orders/create", b"{}", signature="AAAA").status_code == 401
    until = time.monotonic() + 5
    while rejected() != {"bad_signature": 30} and time.monotonic() < until:
        time.sleep(0.1)
    assert rejected() == {"bad_signature": 30}


def test_the_signature_is_over_the_bytes_as_they_came(store: Store, shop_id: str) -> None:
    body = '{"title":"Café & tea"}'.encode()
    assert store.post("products/update", body).status_code == 200
    assert store.post("products/update", body + b" ", signature=None).status_code == 200
    wrong = "ngts/V+UQh9edmTENToTpcJywCyJH+jS/9t1ZlTarg8="
    assert store.post("products/update", body, signature=wrong).status_code == 401


def test_a_body_over_the_limit_is_refused(store: Store, shop_id: str) -> None:
    assert store.post("orders/create", b"x" * 100_001).status_code == 413
    assert store.post("orders/create", b"x" * 100_000).status_code == 200
    assert len(rows()) == 1
    assert rejected() == {"too_large": 1}


class Endless(io.RawIOBase):
    """A body without an announced length that would go on for ever."""

    given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.given += len(buffer)
        assert self.given < 1_000_000, "it was read on beyond the limit"
        buffer[:] = b"x" * len(buffer)
        return len(buffer)


def test_a_body_of_no_announced_length_is_cut_off_at_the_limit(store: Store, shop_id: str) -> None:
    environ = create_environ("/webhooks/shopify", method="POST")
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    environ.pop("CONTENT_LENGTH", None)
    _body, status, _headers = run_wsgi_app(store.client.application.wsgi_app, environ)
    assert status.startswith("413")
    assert rows() == []


def test_a_platform_that_we_do_not_know(store: Store, shop_id: str) -> None:
    assert store.client.post("/webhooks/nothing", data=b"{}").status_code == 404
    assert store.client.post("/webhooks/", data=b"{}").status_code == 404
    assert store.client.get("/webhooks/shopify").status_code == 405


def test_an_unknown_store_is_parked_and_goes_on_when_it_is_connected(store: Store, database: Database) -> None:
    assert store.post("orders/create", order(1), domain="late.myshopify.com").status_code == 200
    row = one()
    assert (row.shop_id, row.status, row.reason) == (None, "parked", "unknown_store")
    shop_id = join("late.myshopify.com")
    with db.write(Scope.system("test")) as session:
        assert inbox.releasable(session)
        assert inbox.release_parked(session) == 1
        assert not inbox.releasable(session)
    row = one()
    assert (row.shop_id, row.status, row.reason) == (shop_id, "waiting", "")


def test_a_disguised_host_is_no_store_of_ours(store: Store, shop_id: str) -> None:
    for domain in ("evil.com", f"{DOMAIN}.evil.com", f"evil.com/{DOMAIN}", ""):
        assert store.post("orders/create", order(1), domain=domain).status_code == 200
    assert {row.shop_id for row in rows()} == {None}


# --- repeats (D2) -----------------------------------------------------------------------------------------------------


def test_the_same_delivery_again_makes_no_row(store: Store, shop_id: str) -> None:
    for _ in range(3):
        assert store.post("refunds/create", b'{"order_id":1}', ref="b1").status_code == 200
    assert one().repeats == 2


def test_a_repeat_of_a_whole_body_under_a_new_id_makes_no_row(store: Store, shop_id: str) -> None:
    for ref in ("b1", "b2", None):
        answer = store.post("orders/create", order(1), ref=ref)
        assert answer.status_code == 200
    assert answer.data == b"repeat"
    assert one().repeats == 2


def test_a_thin_body_without_a_key_is_never_a_repeat(store: Store, shop_id: str) -> None:
    for _ in range(2):
        store.post("refunds/create", b'{"order_id":1}', ref=None)
    store.post("refunds/create", b'{"order_id":1}', ref="b3")
    assert [row.repeats for row in rows()] == [0, 0, 0]


def test_one_act_tells_several_topics_under_one_event_id(store: Store, shop_id: str) -> None:
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        store.post(topic, order(1), event="one-act")
    assert [row.topic for row in rows()] == ["orders/create", "orders/paid", "orders/updated"]


def test_the_same_body_of_another_shop_is_another_delivery(store: Store, shop_id: str) -> None:
    join("other.myshopify.com")
    store.post("orders/create", order(1), ref="b1")
    store.post("orders/create", order(1), ref="b1", domain="other.myshopify.com")
    assert len(rows()) == 2


def test_a_later_trigger_time_of_a_repeated_body_counts(store: Store, shop_id: str) -> None:
    later = "2026-11-20T12:00:05Z"
    store.post("orders/updated", order(1), ref="b1")
    with db.write(Scope.system("test")) as session:
        session.execute(sa.update(DeliveryRow).values(status="done"))
    store.post("orders/updated", order(1), ref="b2", triggered="2026-11-20T11:00:00Z")
    assert (one().status, one().triggered_at) == ("done", moment(TRIGGERED))
    store.post("orders/updated", order(1), ref="b3", triggered=later)
    assert (one().status, one().triggered_at) == ("waiting", moment(later))


def test_a_delivery_id_used_for_another_body_changes_nothing(store: Store, shop_id: str) -> None:
    store.post("orders/updated", order(1), ref="b1")
    store.post("orders/updated", order(2), ref="b1", triggered="2026-11-20T13:00:00Z")
    assert (one().order_ref, one().triggered_at, one().repeats) == ("1", moment(TRIGGERED), 1)


def test_repeats_at_the_same_instant_make_one_row(store: Store, shop_id: str) -> None:
    """Twelve at once: four bodies, each under two ids, each id sent at least once more."""
    start = threading.Barrier(12)
    answers: list[int] = []

    def post(number: int) -> None:
        mine = Store(store.client.application.test_client(), number * 100)
        start.wait()
        answers.append(mine.post("orders/create", order(number % 4), ref=f"b{number % 8}").status_code)

    threads = [threading.Thread(target=post, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 12
    assert sorted(row.order_ref or "" for row in rows()) == ["0", "1", "2", "3"]
    assert sum(row.repeats for row in rows()) == 8


def test_two_processes_that_hear_the_same_make_one_row(store: Store, shop_id: str, database: Database) -> None:
    """Two lines to one database stand for two processes."""
    lines = [line.Line(database), line.Line(database)]
    start = threading.Barrier(8)
    receipts: list[line.Receipt] = []
    store.post("orders/create", order(99), ref="shape")
    shape = one()

    def put(number: int) -> None:
        row = {name: getattr(shape, name) for name in SHAPE}
        for each in range(10):
            key = {"id": f"dlv_{number}_{each}", "delivery_key": f"k{each}", "body_key": f"b{each}"}
            start.wait()
            receipts.append(lines[number % 2].put(partial(dict, row, **key)))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not receipt.repeat for receipt in receipts) == 10
    assert len(receipts) == 80
    assert len(rows()) == 11
    assert sum(row.repeats for row in rows()) == 70


# --- the database is away ---------------------------------------------------------------------------------------------


def test_database_away_is_503_so_that_the_platform_retries(
    store: Store, shop_id: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: Any) -> Any:
        raise sa.exc.OperationalError("INSERT", None, Exception("gone"))

    with monkeypatch.context() as broken:
        broken.setattr(line._Insert, "__call__", away)
        answer = store.post("orders/create", order(1), ref="b1")
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert store.post("orders/create", b"{}", signature="AAAA").status_code == 401
    assert rows() == []
    assert store.post("orders/create", order(1), ref="b1").status_code == 200
    assert len(rows()) == 1


def test_a_fault_of_ours_is_never_2xx(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: Any, **_named: Any) -> Any:
        raise KeyError("ours")

    monkeypatch.setattr(vault.Vault, "seal", broken)
    assert store.post("orders/create", order(1)).status_code == 500
    assert rows() == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_broke_is_replaced(store: Store, shop_id: str, database: Database) -> None:
    store.post("orders/create", order(1))
    with database.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert store.post("orders/create", order(2)).status_code == 200
    assert len(rows()) == 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_whose_writer_is_busy_answers_within_the_platforms_patience(
    store: Store, shop_id: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LOCK_WAIT_MS", 300)
    with db.write(Scope.system("test")):
        began = time.monotonic()
        assert store.post("orders/create", order(1)).status_code == 503
        assert time.monotonic() - began < 5  # what Shopify waits in all
    assert store.post("orders/create", order(1)).status_code == 200


def test_one_bad_row_spoils_nothing_for_those_beside_it(shop_id: str, store: Store, database: Database) -> None:
    store.post("orders/create", order(99), ref="shape")
    shape = one()
    row = {name: getattr(shape, name) for name in SHAPE}
    ours = line.Line(database)

    def bad() -> line.Row:
        raise SignatureRejected("no row can be made of it")

    keys: list[dict[str, Any]] = [{"id": f"dlv_{n}", "delivery_key": f"k{n}", "body_key": None} for n in range(3)]
    keys[1]["topic"] = None
    group = [*(line._Waiting(partial(dict, row, **key)) for key in keys), line._Waiting(bad)]
    ours._settle(ours._free[0], line._made(group))
    assert [each.error is None for each in group] == [True, False, True, False]
    assert isinstance(group[1].error, sa.exc.IntegrityError)
    assert isinstance(group[3].error, SignatureRejected)
    assert len(rows()) == 3
