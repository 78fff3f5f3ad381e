"""The index follows the list: each way in which a listing changes, late rates, kills, two workers, a sync under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.catalog import changes, take
from connector.commerce.catalog.tables import Listing, ListingChange
from connector.commerce.shops.tables import Shop
from connector.insight.market import bits, index, store
from connector.insight.market.tables import SearchDocument, SearchPosting, SearchTerm
from tests.market.conftest import CATALOG, SYSTEM, Market, product


def test_every_change_of_a_listing_is_found(market: Market) -> None:
    assert market.follow() == 0
    market.put(product("4", "Porcelain mug", 1_850, vendor="Kiln", category="Mugs"))
    market.put(product("34", "Teapot, cast iron", 8_800))
    market.put(product("9", "Tablecloth, natural flax", 5_400, category="Table linen", options=("Round", "Oval")))
    assert market.follow() == 3
    assert market.find("porcelain mug") == ["Porcelain mug"]
    assert "Porcelain mug" not in market.find("stoneware mug")
    assert market.find("teapot") == ["Teapot, cast iron"]
    assert market.find("tablecloth oval") == ["Tablecloth, natural flax"]
    with market.database.write(SYSTEM) as session:
        shop = session.get_one(Shop, "one")
        shop.status = "left"
        take.shop_changed(session, shop)
    assert market.follow() == len(CATALOG) + 1
    assert market.find("teapot", status="shoppable") == []
    assert market.find("teapot", status="not_shoppable") == ["Teapot, cast iron"]


def test_a_rate_is_followed_when_it_begins(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    market.offer(3_000, "7", starts_at=now + timedelta(hours=1))
    market.follow()
    assert market.find("runner", rate_from=3_000) == []
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=2))
    market.follow()
    assert market.find("runner", rate_from=3_000) == ["Table runner"]
    market.offer(4_000)
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=2, seconds=10))
    assert market.follow() == len(CATALOG)
    assert market.follow() == 0
    assert market.find("runner", rate_from=4_000) == ["Runner's table lamp"]
    assert [each.value for each in market.found("runner", facets=("rate",)).facets["rate"]] == ["03000", "04000"]


def test_two_workers_write_once(market: Market) -> None:
    market.put(product("35", "Kettle"))
    with db.read(SYSTEM) as session:
        read = index._read(session, [])
    assert market.follow() == 1
    with db.write(SYSTEM) as session:
        assert index._write(session, read) is False
    assert market.find("kettle") == ["Kettle"]
    with db.read(SYSTEM) as session:
        assert session.scalar(sa.select(SearchTerm.documents).where(SearchTerm.term == "kettle")) == 1


def test_a_kill_in_the_middle_loses_nothing(empty: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "ROUND", 10)
    empty.put(*CATALOG)
    rounds = 0
    written = store.change_terms

    def dies(*given: Any) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            raise KeyboardInterrupt
        written(*given)

    monkeypatch.setattr(store, "change_terms", dies)
    with pytest.raises(KeyboardInterrupt):
        empty.follow()
    monkeypatch.setattr(store, "change_terms", written)
    assert 0 < index_size() < len(CATALOG)
    empty.follow()
    assert index_size() == len(CATALOG)
    assert empty.find("bread knife") == ["Bread knife"]
    agree(empty)


def test_a_shop_under_sync_waits_and_others_do_not(empty: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "LARGE", 5)
    empty.shop("two")
    empty.put(product("1", "Jug"), shop="two")
    empty.put(*CATALOG[:12])
    assert index.follow() == 1
    assert empty.find("jug") == ["Jug"]
    assert empty.find("mug") == []
    later = clock.wall() + index.QUIET * 2
    monkeypatch.setattr(clock, "wall", lambda: later)
    assert index.follow(syncing=lambda: True) == 0
    assert index.follow() == 12
    assert "Stoneware mug" in empty.find("mug")


def test_the_check_finds_what_no_mark_told(market: Market) -> None:
    assert index.check() == 0
    with market.database.write(SYSTEM) as session:
        moment = clock.now() + timedelta(seconds=1)
        session.execute(
            sa.update(Listing).where(Listing.product_ref == "7").values(title="Hall runner", updated_at=moment)
        )
        session.execute(sa.delete(SearchDocument).where(SearchDocument.listing_id == market.id("8")))
    assert index.check() == 2
    market.follow()
    assert market.find("hall runner") == ["Hall runner"]
    assert market.find("table lamp") == ["Runner's table lamp"]
    assert index.check() == 0


def test_rebuilt_it_is_the_same(market: Market) -> None:
    market.put(product("4", "Porcelain mug", category="Mugs"), product("36", "Ladle"))
    market.follow()
    before = held()
    assert index.rebuild() == len(CATALOG) + 1
    assert market.find("ladle") == []
    market.follow()
    assert {key: some for key, some in held().items() if some} == {key: some for key, some in before.items() if some}
    agree(market)


def test_the_lag_is_told(market: Market) -> None:
    with db.read(SYSTEM) as session:
        assert index.lag(session) == index.Lag(0, None)
    with market.database.write(SYSTEM) as session:
        changes.note(session, "one", ["1", "2"])
    with db.read(SYSTEM) as session:
        found = index.lag(session)
    assert found.waiting == 2
    assert found.since is not None
    assert clock.wall() - found.since < timedelta(minutes=1)


def test_a_listing_that_is_no_more_leaves_the_index(market: Market) -> None:
    with market.database.write(SYSTEM) as session:
        session.execute(sa.delete(Listing).where(Listing.product_ref == "27"))
        changes.note(session, "one", ["27", "never-was"])
    market.follow()
    assert market.find("bread") == []
    assert index_size() == len(CATALOG) - 1
    agree(market)


def test_bits_are_what_they_say() -> None:
    stored = b""
    members: set[int] = set()
    for step in range(0, 8192, 37):
        stored = bits.changed(stored, [step, step + 1], [step - 37] if step % 3 == 0 and step else [])
        members |= {step, step + 1}
        members -= {step - 37} if step % 3 == 0 and step else set()
    union = bits.Union()
    union.add(1, stored)
    union.add(0, bits.changed(b"", [5], []))
    union.add(1, bits.changed(b"", [7], []))
    whole = sorted({5, 8192 + 7} | {8192 + each for each in members if each < 8192})
    assert list(bits.numbers(union.whole())) == whole
    assert list(bits.numbers(union.whole(), after=whole[9])) == whole[10:]
    assert sum(bits.selectors(union.whole(), 1)) == len(whole) - 1
    emptied = bits.changed(stored, [], range(8192))
    assert emptied == b""


def index_size() -> int:
    with db.read(SYSTEM) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(SearchDocument)) or 0


def held() -> dict[str, set[str]]:
    """key → listing ids, whatever their numbers are."""
    with db.read(SYSTEM) as session:
        names = dict(session.execute(sa.select(SearchDocument.number, SearchDocument.listing_id)).all())  # type: ignore[arg-type]
        found: dict[str, set[str]] = {}
        for row in session.scalars(sa.select(SearchPosting)):
            union = bits.Union()
            union.add(row.segment, row.bits)
            found.setdefault(row.key, set()).update(names[number] for number in bits.numbers(union.whole()))
        return found


def agree(market: Market) -> None:
    """Postings are what the documents say, words are counted right, and nothing waits."""
    with db.read(SYSTEM) as session:
        wanted: dict[str, set[str]] = {}
        counted: dict[str, int] = {}
        for document in session.scalars(sa.select(SearchDocument)):
            keys = store.unpacked(document.keys)
            for key in keys:
                wanted.setdefault(key, set()).add(document.listing_id)
            for term in index.terms(keys):
                counted[term] = counted.get(term, 0) + 1
        kept = {row.term: row.documents for row in session.scalars(sa.select(SearchTerm)) if row.documents}
        assert session.scalar(sa.select(sa.func.count()).select_from(ListingChange)) == 0
    assert {key: some for key, some in held().items() if some} == wanted
    assert kept == counted
