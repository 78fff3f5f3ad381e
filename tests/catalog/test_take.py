"""Products as webhooks and reads bring them: whole, newest first served, and the listing follows."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector import db
from connector.commerce.catalog import queries, take
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.shoppable import REASONS, Facts, decide
from connector.commerce.catalog.take import Counts
from connector.commerce.shops import queries as shops
from connector.db import Database, Scope, new_id
from connector.events import Product
from connector.platforms.contract import RefusedItem
from tests.sync.store import THEN, new_shop, product

SYSTEM = Scope.system("tests")
LATER = THEN + timedelta(hours=1)


@pytest.fixture
def shop_id(database: Database) -> str:
    return new_shop()


def apply(shop_id: str, *products: Product) -> Counts:
    with db.write(SYSTEM) as session:
        return take.apply_products(session, shops.get(session, shop_id), products)


def shown(shop_id: str, ref: str) -> tuple[str, str, int, int, int, bool]:
    with db.read(SYSTEM) as session:
        row = queries.by_ref(session, shop_id, ref)
        assert row is not None
        return (row.status, row.reason, row.price_from, row.price_to, row.variant_count, row.available)


def test_a_product_is_written_once_and_followed(shop_id: str) -> None:
    first = product(1, 1000, 2500, images=("https://cdn.example/a.jpg",), tags=("a", "b"))
    assert apply(shop_id, first) == Counts(written=1)
    assert apply(shop_id, first) == Counts(same=1)
    assert shown(shop_id, "1") == ("shoppable", "", 1000, 2500, 2, True)
    changed = msgspec.structs.replace(first, variants=first.variants[1:], changed_at=LATER, images=())
    assert apply(shop_id, changed) == Counts(written=1)
    assert shown(shop_id, "1") == ("shoppable", "", 2500, 2500, 1, True)
    with db.read(SYSTEM) as session:
        row = queries.listing(session, listing_id(shop_id, "1"))
        assert row is not None
        assert (row.tags, row.images, row.store_changed_at) == (["a", "b"], [], LATER)
        assert [v.variant_ref for v in queries.variants(session, shop_id, "1")] == ["10002"]
        assert len(queries.variants(session, shop_id, "1", gone=True)) == 2
        gone = queries.variant(session, shop_id, "10001")
        assert gone is not None
        assert gone.id == variant_id(shop_id, "10001")
        assert gone.gone_at is not None
        kept = queries.first_buyable(session, shop_id, "1")
        assert kept is not None
        assert (kept.variant_ref, kept.options, kept.price) == ("10002", [["Size", "2"]], 2500)


def test_an_older_body_changes_nothing(shop_id: str) -> None:
    apply(shop_id, product(1, 1000, changed_at=LATER))
    assert apply(shop_id, product(1, 500, 600)) == Counts(stale=1)
    assert shown(shop_id, "1")[2:5] == (1000, 1000, 1)
    # Of several that come together the newest counts, whatever their order.
    newest = product(2, 300, changed_at=LATER)
    assert apply(shop_id, newest, product(2, 200)) == Counts(written=1)
    assert shown(shop_id, "2")[2] == 300


def test_gone_is_a_tombstone_and_only_something_newer_returns(shop_id: str) -> None:
    apply(shop_id, product(1, 1000, 2000))
    with db.write(SYSTEM) as session:
        assert take.mark_gone(session, shop_id, ["1", "unknown"], LATER) == 1
        assert take.mark_gone(session, shop_id, ["1"], LATER) == 0
    assert shown(shop_id, "1")[:2] == ("gone", "deleted")
    with db.read(SYSTEM) as session:
        assert queries.variants(session, shop_id, "1") == []
        assert queries.first_buyable(session, shop_id, "1") is None
    assert apply(shop_id, product(1, 1000, 2000)) == Counts(stale=1)  # a late delivery of before its end
    assert shown(shop_id, "1")[0] == "gone"
    assert apply(shop_id, product(1, 1500, changed_at=LATER + timedelta(seconds=1))) == Counts(written=1)
    assert shown(shop_id, "1") == ("shoppable", "", 1500, 1500, 1, True)


def test_a_cut_body_is_refused(shop_id: str) -> None:
    with pytest.raises(ValueError, match="read it again"):
        apply(shop_id, product(1, variants_complete=False))


def test_a_refused_product_is_not_sold_until_it_can_be_read(shop_id: str) -> None:
    apply(shop_id, product(1, 1000))
    with db.write(SYSTEM) as session:
        take.refuse(session, shops.get(session, shop_id), [RefusedItem("1", "Mug", "price_missing", "Variant 2")])
    assert shown(shop_id, "1")[:2] == ("not_shoppable", "refused")
    apply(shop_id, product(1, 1000))
    assert shown(shop_id, "1")[:2] == ("shoppable", "")


def test_a_shop_that_left_sells_nothing(shop_id: str) -> None:
    apply(shop_id, product(1), product(2, status="draft"), product(3))
    with db.write(SYSTEM) as session:
        take.mark_gone(session, shop_id, ["3"])
        shop = shops.get(session, shop_id)
        shop.status = "left"
        assert take.shop_changed(session, shop) == 2
    assert shown(shop_id, "1")[:2] == shown(shop_id, "2")[:2] == ("not_shoppable", "shop_left")
    assert shown(shop_id, "3")[0] == "gone"
    with db.write(SYSTEM) as session:
        shop = shops.get(session, shop_id)
        shop.status = "connected"
        take.shop_changed(session, shop)
    assert shown(shop_id, "1")[:2] == ("shoppable", "")
    assert shown(shop_id, "2")[:2] == ("not_shoppable", "draft")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"shop_connected": False, "refused": True}, "shop_left"),
        ({"refused": True, "store_status": "draft"}, "refused"),
        ({"store_status": "draft", "published": False}, "draft"),
        ({"store_status": "archived"}, "archived"),
        ({"store_status": "unlisted"}, "unlisted"),
        ({"published": False, "gift_card": True}, "not_published"),
        ({"gift_card": True, "variants": 0}, "gift_card"),
        ({"variants": 0, "price_to": 0, "available": False}, "no_variants"),
        ({"price_to": 0, "available": False}, "no_price"),
        ({"available": False}, "sold_out"),
        ({}, ""),
    ],
)
def test_the_first_reason_that_holds_is_shown(facts: dict[str, object], reason: str) -> None:
    sold = {
        "shop_connected": True, "refused": False, "store_status": "active", "published": True, "gift_card": False,
        "variants": 1, "price_to": 1, "available": True,
    }  # fmt: skip
    status = "not_shoppable" if reason else "shoppable"
    assert decide(Facts(**{**sold, **facts})) == (status, reason)  # type: ignore[arg-type]
    assert not reason or reason in REASONS


def test_every_reason_says_what_to_do() -> None:
    for code, reason in REASONS.items():
        assert reason.title.endswith("."), code
        assert reason.remedy.endswith("."), code


@settings(
    max_examples=25, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_any_order_of_a_products_bodies_ends_with_the_newest(shop_id: str, data: st.DataObject) -> None:
    ref = new_id("p")
    bodies = [
        product(
            ref, *data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)), changed_at=THEN + timedelta(hours=n)
        )
        for n in range(4)
    ]
    for body in data.draw(st.permutations([*bodies, *data.draw(st.lists(st.sampled_from(bodies), max_size=3))])):
        apply(shop_id, body)
    prices = {variant.variant_ref: variant.price for variant in bodies[-1].variants}
    with db.read(SYSTEM) as session:
        assert {v.variant_ref: v.price for v in queries.variants(session, shop_id, ref)} == prices
    assert shown(shop_id, ref)[2:5] == (min(prices.values()), max(prices.values()), len(prices))


def test_the_list_pages_through_everything_once(shop_id: str) -> None:
    other = new_shop("other.example")
    titles = ["Éclair", "apple", "Apple", "100% wool", "100x wool", "banana", "_x", "Mug", "mug", "Mug"]
    apply(shop_id, *(product(n, title=title, vendor="Acme") for n, title in enumerate(titles)))
    apply(other, product(1, title="Mug", status="draft"))
    seen: list[tuple[str, str]] = []
    cursor = None
    while True:
        with db.read(SYSTEM) as session:
            page = queries.by_title(session, shop_id=shop_id, cursor=cursor, limit=3)
            seen += [(row.title, row.id) for row in page]
            if not page:
                break
            cursor = queries.place(session, page[-1])
    assert sorted(title for title, _ in seen) == sorted(titles)
    assert len(set(seen)) == len(titles)

    def found(**asked: object) -> list[str]:
        with db.read(SYSTEM) as session:
            return sorted(row.title for row in queries.by_title(session, **asked))  # type: ignore[arg-type]

    assert found(status="not_shoppable") == found(reason="draft") == ["Mug"]
    assert found(shop_id=other) == ["Mug"]
    with db.write(SYSTEM) as session:
        take.mark_gone(session, shop_id, ["5"])
        assert queries.counts(session, shop_id) == {"shoppable": 9, "gone": 1}
        assert queries.reasons(session, other) == {"draft": 1}
    assert "banana" not in found()
    assert found(status="gone") == ["banana"]
