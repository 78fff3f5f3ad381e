"""Dry runs say what a run would do and do none of it; broken files cost what is broken in them; one product anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from connector import db, jobs
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Scope
from connector.errors import PayloadUnreadable
from connector.platforms.contract import BulkNode
from connector.sync import dry, first, load, products, queries, runs
from tests.sync.store import THEN, Store, product
from tests.sync.test_changed import run_of, start, state_of, sync
from tests.sync.test_first import counts, held

SYSTEM = Scope.system("tests")
LATER = THEN + timedelta(hours=3)


def said(run_id: str) -> dict[str, tuple[str, str, list[list[str]]]]:
    with db.read(SYSTEM) as session:
        return {row.product_ref: (row.kind, row.title, row.details) for row in queries.differences(session, run_id)}


def everything() -> list[Any]:
    with db.read(SYSTEM) as session:
        rows = [*session.scalars(sa.select(Listing)), *session.scalars(sa.select(VariantRow))]
        return sorted(
            [[getattr(row, column.key) for column in sa.inspect(type(row)).columns] for row in rows], key=lambda r: r[0]
        )  # fmt: skip


def changes(store: Store) -> None:
    variants = store.products["1"].variants
    store.put(
        msgspec.structs.replace(store.products["0"], title="Renamed <b>", status="draft", changed_at=LATER),
        msgspec.structs.replace(store.products["1"], variants=variants[:1], changed_at=LATER),
        product(2, 500, 999, changed_at=LATER),
        product(3, 500, 600, 700, changed_at=LATER),
        product(77, changed_at=LATER),
    )


EXPECTED = {
    "0": ("changed", "Renamed <b>", [["title", "Product 0", "Renamed <b>"], ["status", "active", "draft"]]),
    "1": ("changed", "Product 1", [["variant No. 2", "for sale at the store", "gone"]]),
    "2": ("changed", "Product 2", [["variant No. 2: price", "6.00 USD", "9.99 USD"]]),
    "3": ("changed", "Product 3", [["variant No. 3", "not there", "7.00 USD"]]),
    "77": ("new", "Product 77", []),
}


@pytest.mark.parametrize("kind", ["full", "changed"])
def test_a_dry_run_says_what_would_change_and_changes_nothing(
    store: Store, shop_id: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BATCH_LINES", 4)
    monkeypatch.setattr(dry, "GONE_AT_ONCE", 3)
    store.put(*(product(n, 500, 600) for n in range(10)))
    sync(shop_id)
    changes(store)
    del store.products["9"]
    before, state = everything(), state_of(shop_id)
    run = sync(shop_id, kind=kind, dry=True)
    gone = 1 if kind == "full" else 0  # an incremental run removes nothing
    assert counts(run) == ("done", 10, 5, 5, 0, gone)
    expected: dict[str, Any] = EXPECTED | ({"9": ("gone", "Product 9", [])} if gone else {})
    assert said(run.id) == expected
    with db.read(SYSTEM) as session:
        assert queries.difference_counts(session, run.id) == {"new": 1, "changed": 4} | ({"gone": 1} if gone else {})
        assert [row.product_ref for row in queries.differences(session, run.id, kind="changed", after="1")] == [
            "2",
            "3",
        ]
        assert queries.notes(session, run.id)[-1].text.startswith(
            "Dry run: nothing was written. Of 10 products 5 would"
        )
    assert everything() == before
    assert state_of(shop_id).watermark == state.watermark
    # The real one does just that.
    run = sync(shop_id)
    assert (run.written, run.gone) == (5, 1)


def test_a_dry_run_of_an_empty_answer_asks_nobody(store: Store, shop_id: str) -> None:
    store.put(*(product(n) for n in range(30)))
    sync(shop_id)
    store.products = {}
    run = sync(shop_id, dry=True)
    assert counts(run) == ("done", 0, 0, 0, 0, 30)
    assert {row[0] for row in held(shop_id).values()} == {"shoppable"}


def break_lines(store: Store, *broken: int) -> None:
    """These lines of the file can't be read, however often it is asked for."""
    whole = store.bulk_nodes

    def nodes(client: Any, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        for number, node in enumerate(whole(client, url, skip_lines), start=skip_lines + 1):
            if number in broken:
                raise PayloadUnreadable(f"line {number}", "isn't a JSON object")
            yield node

    store.bulk_nodes = nodes  # type: ignore[method-assign]


@pytest.mark.parametrize("line", [1, 17, 60])
def test_one_broken_line_is_left_out_and_nothing_is_removed(
    store: Store, shop_id: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BATCH_LINES", 7)
    store.put(*(product(n) for n in range(30)))
    sync(shop_id)
    mark = state_of(shop_id).watermark
    del store.products["29"]
    store.put(product(3, 4321, changed_at=LATER), product(40))
    break_lines(store, line)
    run = sync(shop_id)
    assert (run.status, run.holes, run.gone, run.lines_read) == ("refusals", 1, 0, 60)
    assert run.products_in == run.written + run.same + run.refused
    with db.read(SYSTEM) as session:
        reasons = queries.refusal_reasons(session, run.id)
        assert reasons["line_unreadable"] == 1
        assert any("left out" in note.text for note in queries.notes(session, run.id))
        letters = {group.reason: group for group in queries.dead_letters(session, shop_id)}
        assert "again" in letters["line_unreadable"].remedy
    assert held(shop_id)["29"][0] == "shoppable", "what the line was about isn't known"
    assert state_of(shop_id).watermark == mark, "nor does the next incremental run go on behind it"


def test_a_file_full_of_broken_lines_fails(store: Store, shop_id: str) -> None:
    store.put(*(product(n) for n in range(30)))
    break_lines(store, *range(1, 61))
    run = sync(shop_id)
    assert (run.status, run.holes) == ("failed", first.MOST_HOLES)
    assert "not whole: 20 of 60" in run.problem


def test_a_product_anew_whatever_is_held(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(product(1, 500, 600), product(2), product(3), product(4))
    sync(shop_id)
    with db.write(SYSTEM) as session:  # somebody damaged a row without touching its hash or its time
        session.execute(sa.update(Listing).where(Listing.product_ref == "1").values(title="Damaged", price_from=1))
        session.execute(sa.update(VariantRow).where(VariantRow.variant_ref == "10001").values(price=1))
    assert counts(sync(shop_id))[2:4] == (0, 4), "by its hash it is the same"
    del store.products["3"]
    store.refused = {"4": "price_missing"}
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda session, name, key, **given: started.append({"name": name, **given}))
    with db.write(SYSTEM) as session:
        run_id = products.start(session, shop_id, ["1", "2", "3", "4", "1"], "staff:ana").id
        with pytest.raises(ValueError, match="1 to 250"):
            products.start(session, shop_id, [], "staff:ana")
    assert started[0]["name"] == "sync.resync"
    assert products.resync(shop_id, run_id, started[0]["refs"]) == "refusals"
    run = run_of(run_id)
    assert counts(run) == ("refusals", 3, 2, 0, 1, 1)
    assert held(shop_id)["1"] == ("shoppable", "", 500, 600, {"10001": 500, "10002": 600})
    assert held(shop_id)["3"][0] == "gone"
    assert held(shop_id)["4"][:2] == ("not_shoppable", "refused")
    with db.read(SYSTEM) as session:
        assert session.scalar(sa.select(Listing.title).where(Listing.product_ref == "1")) == "Product 1"
        assert any("no product 3" in note.text for note in queries.notes(session, run_id))
        assert runs.live(session, shop_id) is None
    assert start(shop_id)
