"""A full sync: what the store has is what we hold, whatever the order, the interruptions and the bad items."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector import clock, db, jobs
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog import take
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Scope, new_id
from connector.errors import Conflict, NotFound
from connector.sync import finish, first, load, queries, resume, runs
from connector.sync.tables import SyncImage, SyncRun
from tests.sync.store import THEN, Store, new_shop, product

SYSTEM = Scope.system("tests")


def sync(shop_id: str, **options: bool) -> SyncRun:
    with db.write(SYSTEM) as session:
        run_id = first.start(session, shop_id, "command", **options).id
    first.first(run_id)
    with db.read(SYSTEM) as session:
        run = queries.run(session, run_id)
        assert run is not None
        session.expunge(run)
        return run


def held(shop_id: str) -> dict[str, tuple[str, str, int, int, dict[str, int]]]:
    """product ref → status, reason, price range, variant ref → price."""
    with db.read(SYSTEM) as session:
        listings = session.scalars(sa.select(Listing).where(Listing.shop_id == shop_id)).all()
        return {
            row.product_ref: (
                row.status, row.reason, row.price_from, row.price_to,
                {v.variant_ref: v.price for v in catalog.variants(session, shop_id, row.product_ref)},
            )
            for row in listings
        }  # fmt: skip


def counts(run: SyncRun) -> tuple[str, int, int, int, int, int]:
    return (run.status, run.products_in, run.written, run.same, run.refused, run.gone)


def test_the_catalog_is_held_as_the_store_has_it(store: Store, shop_id: str) -> None:
    store.put(product(1, 1000, 2500), product(2), product(3, 700, status="draft"), product(4, gift_card=True))
    run = sync(shop_id)
    assert counts(run) == ("done", 4, 4, 0, 0, 0)
    assert (run.lines_read, run.expected, run.variants_in) == (9, 9, 5)
    assert held(shop_id) == {
        "1": ("shoppable", "", 1000, 2500, {"10001": 1000, "10002": 2500}),
        "2": ("shoppable", "", 1000, 1000, {"20001": 1000}),
        "3": ("not_shoppable", "draft", 700, 700, {"30001": 700}),
        "4": ("not_shoppable", "gift_card", 1000, 1000, {"40001": 1000}),
    }


def test_again_with_nothing_changed_writes_nothing(store: Store, shop_id: str) -> None:
    store.put(*(product(n, 500, 600) for n in range(30)))
    sync(shop_id)
    with db.read(SYSTEM) as session:
        before = session.scalars(sa.select(Listing.updated_at)).all()
    store.seed = 2
    assert counts(sync(shop_id)) == ("done", 30, 0, 30, 0, 0)
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Listing.updated_at)).all() == before


def test_changes_removals_and_returns(store: Store, shop_id: str) -> None:
    store.put(*(product(n, 500, 600) for n in range(10)))
    sync(shop_id)
    variants = store.products["1"].variants
    store.put(
        msgspec.structs.replace(store.products["0"], title="Renamed"),
        msgspec.structs.replace(store.products["1"], variants=variants[:1]),
        product(2, 500, 999),
        product(77),
    )
    nine = store.products.pop("9")
    assert counts(sync(shop_id)) == ("done", 10, 4, 6, 0, 1)
    found = held(shop_id)
    assert found["1"] == ("shoppable", "", 500, 500, {"10001": 500})
    assert found["2"][2:4] == (500, 999)
    assert found["9"] == ("gone", "deleted", 500, 600, {})
    store.put(nine)
    assert counts(sync(shop_id)) == ("done", 11, 1, 10, 0, 0)
    assert held(shop_id)["9"] == ("shoppable", "", 500, 600, {"90001": 500, "90002": 600})


def test_a_refused_variant_refuses_its_product_whole(store: Store, shop_id: str) -> None:
    store.put(product(1, 500, 600), product(2), product(3))
    sync(shop_id)
    store.put(product(4, 100, 200), product(5))
    store.refused = {"10002": "price_unreadable", "40001": "price_missing", "3": "title_missing", "5": "title_missing"}
    run = sync(shop_id)
    assert counts(run) == ("refusals", 5, 0, 1, 4, 0)
    found = held(shop_id)
    assert {ref: row[:2] for ref, row in found.items()} == {
        "1": ("not_shoppable", "refused"),
        "2": ("shoppable", ""),
        "3": ("not_shoppable", "refused"),
        "4": ("not_shoppable", "refused"),
    }
    with db.read(SYSTEM) as session:
        said = {row.product_ref: (row.title, row.reason) for row in queries.refusals(session, run.id)}
        assert queries.refusal_reasons(session, run.id) == {
            "price_unreadable": 1,
            "price_missing": 1,
            "title_missing": 2,
        }
        # The variants of a product that has no row of its own are not kept either.
        assert session.scalars(sa.select(VariantRow).where(VariantRow.product_ref == "5")).all() == []
    assert said["1"] == ("Product 1", "price_unreadable")
    store.refused = {}
    assert counts(sync(shop_id))[:2] == ("done", 5)
    assert {row[0] for row in held(shop_id).values()} == {"shoppable"}


def test_a_variant_without_its_product_is_refused(store: Store, shop_id: str) -> None:
    store.put(product(1), product(2))
    plain = store.nodes
    store.nodes = lambda: (node for node in plain() if (node.kind, node.ref) != ("product", "2"))  # type: ignore[method-assign]
    run = sync(shop_id)
    assert counts(run) == ("refusals", 2, 1, 0, 1, 0)
    with db.read(SYSTEM) as session:
        assert queries.refusal_reasons(session, run.id) == {"product_missing": 1}
        assert len(session.scalars(sa.select(VariantRow)).all()) == 1


@pytest.mark.parametrize("quietly", [False, True])
def test_a_cut_file_fails_the_run_and_removes_nothing(store: Store, shop_id: str, quietly: bool) -> None:
    store.put(*(product(n) for n in range(30)))
    sync(shop_id)
    del store.products["29"]
    store.cut, store.cut_quietly = 40, quietly
    store.asked.clear()
    run = sync(shop_id)
    assert counts(run)[0] == "failed"
    assert run.gone == 0
    assert "40 of 58" in run.problem
    assert held(shop_id)["29"][0] == "shoppable"
    # The rest was asked for once more, behind what had come.
    assert store.asked == ["start", "state", "file from 0", "file from 40"]
    store.cut = None
    assert counts(sync(shop_id)) == ("done", 29, 0, 29, 0, 1)


def test_a_large_sweep_asks_first(store: Store, shop_id: str) -> None:
    store.put(*(product(n) for n in range(50)))
    sync(shop_id)
    store.products = {ref: item for ref, item in store.products.items() if int(ref) < 20}
    run = sync(shop_id)
    assert (run.status, run.gone) == ("asks", 0)
    assert "30 of 50 products: nothing was removed" in run.problem
    store.products = {}
    assert sync(shop_id).status == "asks"  # a catalog that suddenly answers empty
    store.put(*(product(n) for n in range(20)))
    assert counts(sync(shop_id, large_sweep=True)) == ("done", 20, 0, 20, 0, 30)


def test_a_catalog_that_comes_without_its_variants_asks_first(store: Store, shop_id: str) -> None:
    """Nothing of it would be removed, and nothing of it sold any more."""
    store.put(*(product(n) for n in range(30)))
    sync(shop_id)
    whole = dict(store.products)
    store.put(*(msgspec.structs.replace(item, variants=()) for item in whole.values() if int(item.product_ref) > 5))
    run = sync(shop_id)
    assert (run.status, run.gone) == ("asks", 0)
    assert "no variant any more of 24 of 30 products" in run.problem
    assert {row[0] for row in held(shop_id).values()} == {"shoppable"}
    store.put(*whole.values())
    assert counts(sync(shop_id))[0] == "done"
    assert {row[0] for row in held(shop_id).values()} == {"shoppable"}
    store.put(*(msgspec.structs.replace(item, variants=()) for item in whole.values()))
    assert sync(shop_id, large_sweep=True).status == "done"
    assert {row[1] for row in held(shop_id).values()} == {"no_variants"}


def test_a_listing_is_newer_when_a_variant_is(store: Store, shop_id: str) -> None:
    """Its own figures are the same; feeds and the API's `updated_at` must tell all the same."""
    store.put(product(1, 1000, 1500, 2000), product(2))
    sync(shop_id)
    before = times(shop_id)
    store.put(product(1, 1000, 1600, 2000))
    sync(shop_id)
    after = times(shop_id)
    assert after["1"] > before["1"]
    assert after["2"] == before["2"]


def times(shop_id: str) -> dict[str, datetime]:
    with db.read(SYSTEM) as session:
        found = session.execute(sa.select(Listing.product_ref, Listing.updated_at).where(Listing.shop_id == shop_id))
        return {ref: at for ref, at in found}  # noqa: C416  a Row is no pair to dict()


def test_an_empty_shop_is_done(store: Store, shop_id: str) -> None:
    assert counts(sync(shop_id)) == ("done", 0, 0, 0, 0, 0)


def test_a_webhook_in_the_midst_of_an_export_is_newer_than_it(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(product(1, 100, 200), product(2), product(3), product(4))
    sync(shop_id)
    store.put(product(1, 111, 222), product(5))  # what the export will say
    monkeypatch.setattr(load, "BATCH_LINES", 3)

    def webhooks(line: int) -> None:
        if line != 5:
            return
        with db.write(SYSTEM) as session:
            shop = shops.get(session, shop_id)
            later = THEN.replace(hour=20)
            take.apply_products(session, shop, [product(1, 150, changed_at=later), product(6, changed_at=later)])
            take.mark_gone(session, shop_id, ["2"])

    store.on_line = webhooks
    run = sync(shop_id)
    assert run.status == "done"
    assert run.products_in == run.written + run.same == 5
    found = held(shop_id)
    assert found["1"] == ("shoppable", "", 150, 150, {"10001": 150})
    assert found["2"][0] == "gone"
    assert found["6"][0] == found["5"][0] == "shoppable"


def test_images_come_as_lines(store: Store, shop_id: str) -> None:
    store.images = True
    pictures = ("https://cdn.example/b.jpg", "https://cdn.example/a.jpg")
    store.put(product(1, images=pictures), product(2))
    assert counts(sync(shop_id)) == ("done", 2, 2, 0, 0, 0)
    with db.read(SYSTEM) as session:
        row = catalog.by_ref(session, shop_id, "1")
        assert row is not None
        assert (row.images, row.image_url) == (list(pictures), pictures[0])
        assert session.scalars(sa.select(SyncImage)).all() == []
    assert counts(sync(shop_id)) == ("done", 2, 0, 2, 0, 0)
    store.put(product(1, images=pictures[1:]), product(2, images=pictures))
    assert counts(sync(shop_id)) == ("done", 2, 2, 0, 0, 0)


def test_the_largest_product_and_odd_text(store: Store, shop_id: str) -> None:
    odd = "<b>Tasse</b> \0 é 🎁 كوب \\u0000 " + "x" * 64_000
    store.put(product(1, *range(1, 2049)), product(2, title=odd))
    assert counts(sync(shop_id)) == ("done", 2, 2, 0, 0, 0)
    with db.read(SYSTEM) as session:
        big, text = catalog.by_ref(session, shop_id, "1"), catalog.by_ref(session, shop_id, "2")
        assert big is not None
        assert text is not None
        assert (big.variant_count, big.price_from, big.price_to) == (2048, 1, 2048)
        assert text.title == odd.replace("\0", "")
    assert counts(sync(shop_id)) == ("done", 2, 0, 2, 0, 0)


def test_one_run_a_shop_and_only_where_it_is_connected(store: Store, shop_id: str) -> None:
    with db.write(SYSTEM) as session:
        run = first.start(session, shop_id, "joined")
        assert first.start(session, shop_id, "merchant").id == run.id
        with pytest.raises(NotFound):
            first.start(session, "shp_unknown", "command")
    left = new_shop("left.example", status="left")
    with db.write(SYSTEM) as session, pytest.raises(Conflict):
        first.start(session, left, "command")


def test_stopping_safely(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(*(product(n) for n in range(20)))
    with db.write(SYSTEM) as session:
        waiting = first.start(session, shop_id, "command")
        # Nobody carries it yet, so it stops at once, and its job finds that it has nothing to do.
        assert first.stop(session, waiting.id, "staff:ana").status == "stopped"
        with pytest.raises(Conflict):
            first.stop(session, waiting.id, "staff:ana")
    assert first.first(waiting.id) == "stopped"
    assert store.asked == []
    monkeypatch.setattr(load, "BATCH_LINES", 5)

    def stop_it(line: int) -> None:
        if line == 12:
            with db.write(SYSTEM) as session:
                run = runs.live(session, shop_id)
                assert run is not None
                assert first.stop(session, run.id, "staff:ana").status == "stopping"

    store.on_line = stop_it
    run = sync(shop_id)
    assert (run.status, run.lines_read, run.gone) == ("stopped", 10, 0)
    store.on_line, store.polls = lambda line: None, 3

    def stop_while_waiting() -> None:
        if store.polls == 1:
            with db.write(SYSTEM) as session:
                run = runs.live(session, shop_id)
                assert run is not None
                first.stop(session, run.id, "staff:ana")

    store.on_state = stop_while_waiting
    assert sync(shop_id).status == "stopped"


@pytest.mark.parametrize("line", [0, 8, 27, 60])  # before the export, early and late in the file, while settling
def test_a_stopped_run_goes_on_at_its_checkpoint(
    store: Store, shop_id: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.images = True
    store.put(*(product(n, 100, 200) for n in range(20)))
    sync(shop_id)
    store.put(*(product(n, 100, 250) for n in range(10)), product(30))
    del store.products["19"]
    monkeypatch.setattr(load, "BATCH_LINES", 6)
    monkeypatch.setattr(finish, "CHUNK", 7)
    with db.write(SYSTEM) as session:
        run_id = first.start(session, shop_id, "command").id

    def stop_it(at: int) -> None:
        if at == line:
            with db.write(SYSTEM) as session:
                first.stop(session, run_id, "staff:ana")

    store.on_line = stop_it
    stop_it(0)
    if line == 60:
        settled = iter(range(9))
        plain = finish._chunk
        monkeypatch.setattr(finish, "_chunk", lambda *run: (next(settled) == 1 and stop_it(60)) or plain(*run))
    assert first.first(run_id) == "stopped"
    store.on_line = lambda at: None
    store.asked.clear()
    with db.write(SYSTEM) as session:
        taken = resume.resume(session, run_id, "staff:ana").lines_read
        with pytest.raises(Conflict):
            resume.resume(session, run_id, "staff:ana")
        assert first.start(session, shop_id, "command").id == run_id  # it is the run under way again
    assert first.first(run_id) == "done"
    file = [asked for asked in store.asked if asked.startswith("file")]
    assert ("start" in store.asked) == (line == 0)
    assert file == ([] if line == 60 else [f"file from {taken}"])
    with db.read(SYSTEM) as session:
        run = queries.run(session, run_id)
        assert run is not None
        assert counts(run) == ("done", 20, 11, 9, 0, 1)
        assert session.scalars(sa.select(SyncImage)).all() == []
    found = held(shop_id)
    assert found["19"][0] == "gone"
    assert {ref: row[2:4] for ref, row in found.items() if row[0] == "shoppable"} == {
        str(n): (100, 250 if n < 10 else 200) for n in range(19)
    } | {"30": (1000, 1000)}


def test_a_stopped_run_stays_stopped_behind_a_newer_one_or_an_old_export(store: Store, shop_id: str) -> None:
    store.put(product(1), product(2))
    with db.write(SYSTEM) as session:
        old = first.start(session, shop_id, "command").id
        first.stop(session, old, "staff:ana")
        session.get_one(SyncRun, old).exported_at = clock.now() - resume.EXPORT_TELLS - timedelta(seconds=1)
        with pytest.raises(Conflict, match="older than a day"):
            resume.resume(session, old, "staff:ana")
    assert sync(shop_id).status == "done"
    with db.write(SYSTEM) as session:
        session.get_one(SyncRun, old).exported_at = None
        with pytest.raises(Conflict, match="another run began"):
            resume.resume(session, old, "staff:ana")
        with pytest.raises(NotFound):
            resume.resume(session, "run_unknown", "staff:ana")
        ended = queries.newest(session, shop_id)
        assert ended is not None
        with pytest.raises(Conflict, match="neither stopped nor paused"):
            resume.resume(session, ended.id, "staff:ana")


class Killed(BaseException):
    """Stands for a kill: nothing below may catch it."""


@pytest.mark.parametrize("line", [1, 7, 20, 45])
def test_a_killed_run_goes_on_at_its_checkpoint(
    store: Store, shop_id: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "BATCH_LINES", 6)
    store.put(*(product(n, 100, 200) for n in range(15)))

    def kill(at: int) -> None:
        if at == line:
            store.on_line = lambda at: None
            raise Killed

    store.on_line = kill
    with db.write(SYSTEM) as session:
        run_id = first.start(session, shop_id, "command").id
    with pytest.raises(Killed):
        first.first(run_id)
    assert first.first(run_id) == "done"
    taken = (line - 1) // 6 * 6
    assert store.asked == ["start", "state", "file from 0", "state", f"file from {taken}"]
    with db.read(SYSTEM) as session:
        run = queries.run(session, run_id)
        assert run is not None
        assert counts(run) == ("done", 15, 15, 0, 0, 0)
    assert len(held(shop_id)) == 15


def test_a_worker_that_was_silent_too_long_leaves_the_run_alone(store: Store, shop_id: str) -> None:
    store.put(product(1), product(2))
    with db.write(SYSTEM) as session:
        run = first.start(session, shop_id, "command")
    store.export = list(store.nodes())
    with pytest.raises(jobs.Stopping):
        load.load(run.id, shop_id, store.export, 2)  # another worker has taken no line, this one believes two


def test_the_log_and_the_progress_are_readable(store: Store, shop_id: str) -> None:
    store.put(product(1), product(2))
    run = sync(shop_id)
    with db.read(SYSTEM) as session:
        assert [note.text for note in queries.notes(session, run.id)] == [
            "Queued (command).",
            "Asked the store for an export of its catalog.",
            "The export is ready: 4 objects.",
            "Read all 4 lines. Settling the listings.",
            "Done. 2 products in = 2 written + 0 the same + 0 refused; 0 removed.",
        ]
    told = runs.progress(run)
    assert (told.status, told.stage, told.done, told.expected) == ("done", "settle", 4, 4)
    assert told.rate is not None
    assert told.rate > 0


@settings(
    max_examples=6,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_history_of_syncs_ends_like_a_fresh_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Whatever was held before, and in whatever order lines come: after a sync the list is the store's."""
    monkeypatch.setattr(load, "BATCH_LINES", 2)
    shop_id = new_shop(f"{new_id('shop')}.example")
    for _ in range(3):
        refs = data.draw(st.lists(st.integers(1, 8), unique=True, min_size=1))
        store.products = {}
        store.refused = {}
        for ref in refs:
            store.put(product(ref, *data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))))
        store.refused = dict.fromkeys(data.draw(st.lists(st.sampled_from([str(ref) for ref in refs]), max_size=1)), "x")
        store.seed = data.draw(st.integers(0, 5))
        if data.draw(st.booleans()):  # a run that ends early leaves rows that the next one finds unchanged
            store.cut = data.draw(st.integers(1, len(refs)))
            assert sync(shop_id, large_sweep=True).status == "failed"
            store.cut = None
        run = sync(shop_id, large_sweep=True)
        assert run.products_in == run.written + run.same + run.refused == len(refs)
    for ref, (status, reason, low, high, variants) in held(shop_id).items():
        item = store.products.get(ref)
        if item is None:
            assert (status, variants) == ("gone", {})
        elif ref in store.refused:
            assert (status, reason) == ("not_shoppable", "refused") or (status, variants) == ("gone", {})
        else:
            prices = {variant.variant_ref: variant.price for variant in item.variants}
            assert variants == prices
            assert (low, high) == (min(prices.values()), max(prices.values()))
            assert (status, reason) == (("shoppable", "") if high else ("not_shoppable", "no_price"))
    assert {ref for ref, row in held(shop_id).items() if row[0] == "shoppable"} <= set(store.products)
