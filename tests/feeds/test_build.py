"""A feed from the catalog to the channel: built, read back by other eyes, given out, and what was left out."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask

from connector import clock
from connector.access import tokens
from connector.commerce.catalog import stock as catalog_stock
from connector.commerce.catalog import take
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.events import Product, Variant
from connector.insight.feeds import build, categories, feeds, files, items, validator, writing
from connector.insight.feeds.channels import FORMATS
from connector.insight.feeds.tables import CategoryMap, Feed, FeedBuild, FeedFinding
from connector.platforms.contract import StockLevel
from tests.attribution.world import OPENED, PLACED, World

ALL = Scope.system("test")
G = "{http://base.google.com/ns/1.0}"
LINENS = "Home & Garden > Linens & Bedding"
EVERY = [(channel, kind) for channel, kinds in FORMATS.items() for kind in kinds]


def variant(ref: str, **changes: Any) -> Variant:
    return Variant(**{"variant_ref": ref, "price": 2000, "title": ref, "available": True, **changes})


def product(ref: str, *variants: Variant, **changes: Any) -> Product:
    return Product(**{
        "product_ref": ref, "title": f"Product {ref}", "status": "active", "currency": "EUR", "variants": variants,
        "url": f"https://one.plain.example/products/{ref}", "image_url": f"https://one.plain.example/{ref}.jpg",
        "vendor": "Harbour & Pine", **changes,
    })  # fmt: skip


def stock(world: World) -> None:
    """What is hard in a catalog: many variants, sold out ones, no image, no price, and what must not be in a feed."""
    several = tuple(
        variant(
            f"T{n}", position=n, options=(("Farbe", f"Grün {n}"), ("Größe", "M")), compare_at=2500 if n % 2 else None
        )
        for n in range(120)
    )
    goods = [
        product("T", *several, title='Linen <b>throw</b>, "sage" & co', taxonomy_name=LINENS),
        product("S", variant("S1", available=False), title="Sold out mug"),
        product("B", variant("B1", stock=-3), title="=2+3", taxonomy_name="Furniture > Sofas > Sleepers"),
        product("N", variant("N1"), image_url="", title="No image"),
        product("P", variant("P1"), variant("P2", price=0), title="Half free"),
        product("D", variant("D1"), status="draft"),
        product("G", variant("G1"), gift_card=True),
        product("Q", variant("Q1", barcode="4006381333931"), variant("Q2", barcode="123", sku="SKU"), title="Numbered"),
        product("E", variant("E1"), title="🎁 Free shipping", images=tuple(f"https://i.ex/{n}.jpg" for n in range(14))),
    ]  # fmt: skip
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        take.mark_gone(session, shop.id, ["A"], OPENED)
        take.apply_products(session, shop, goods, "run", PLACED)


def made(world: World, channel: str, kind: str = "", **changes: Any) -> str:
    with world.database.write(ALL) as session:
        return feeds.create(session, world.shop_id, channel, kind, by="command", **changes).id


def run(world: World, feed_id: str) -> FeedBuild:
    """Build what is queued; the build's row as it ended."""
    with world.database.write(ALL) as session:
        build_id = feeds.start(session, feeds.get(session, feed_id), "command", by_worker=False).id
    build.build(build_id, world.shop_id)
    with world.database.read(ALL) as session:
        row = session.get_one(FeedBuild, build_id)
        session.expunge(row)
        return row


def content(row: FeedBuild, kind: str) -> list[dict[str, str]]:
    return list(writing.read(files.built(row.feed_id, row.id, kind), kind))


@pytest.mark.parametrize(("channel", "kind"), EVERY)
def test_every_channel_in_every_format(world: World, channel: str, kind: str) -> None:
    stock(world)
    row = run(world, made(world, channel, kind))
    # 120 + S1 + B1 + N1 + P1 + P2 + Q1 + Q2 + E1; not drafts, gift cards, and what is gone.
    assert (row.status, row.items, row.refused) == ("refusals", 128, 3 if channel == "tiktok" else 2)
    assert row.written == row.items - row.refused
    refused = {"image_missing", "price_wrong"} | ({"field_missing"} if channel == "tiktok" else set())
    assert refused <= row.counts.keys()
    found = content(row, kind)
    assert len(found) == row.written
    asked = validator.rules(channel)
    assert [each for item in found for each in validator.check(asked, item) if each.severity == "refused"] == []
    by_id = {item[asked.id].partition("-")[2]: item for item in found}
    assert len(by_id) == len(found)
    throw = by_id["T1"]
    assert throw["title"] == 'Linen throw, "sage" & co - T1'
    assert (throw["price"], throw["sale_price"]) == ("25.00 EUR", "20.00 EUR")
    assert (throw["color"], throw["size"]) == ("Grün 1", "M")
    assert throw["link"] == "https://one.plain.example/products/T?variant=T1"
    assert throw["item_group_id"] == by_id["T2"]["item_group_id"] != by_id["Q1"]["item_group_id"]
    assert throw["google_product_category"] == "Home & Garden > Linens & Bedding"
    assert by_id["B1"]["google_product_category"] == "Furniture > Sofas"
    assert "sale_price" not in by_id["T2"]
    assert by_id["S1"]["availability"].replace("_", " ") == "out of stock"
    assert "item_group_id" not in by_id["S1"]
    assert by_id["B1"]["title"] == "2+3"
    assert (by_id["Q1"].get("gtin"), by_id["Q2"].get("gtin")) == ("4006381333931", None)


def test_the_bytes_are_what_each_channel_reads(world: World) -> None:
    stock(world)
    rss = run(world, made(world, "google", "rss"))
    root = ElementTree.parse(files.built(rss.feed_id, rss.id, "rss")).getroot()
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    items_ = root.findall("channel/item")
    assert [child.tag for child in items_[0]][:2] == [f"{G}id", f"{G}title"]
    present = next(one for one in items_ if one.findtext(f"{G}title") == "🎁 Free shipping")
    assert len(present.findall(f"{G}additional_image_link")) == items.MORE_IMAGES
    atom = run(world, made(world, "google", "atom"))
    root = ElementTree.parse(files.built(atom.feed_id, atom.id, "atom")).getroot()
    assert len(root.findall("{http://www.w3.org/2005/Atom}entry")) == atom.written
    table = run(world, made(world, "google", "tsv"))
    lines = files.built(table.feed_id, table.id, "tsv").read_text().splitlines()
    assert lines[0].split("\t")[:3] == ["id", "item_group_id", "title"]
    assert len(lines) == table.written + 1
    meta = run(world, made(world, "meta", "rss"))
    longest = max(len(line) for line in files.built(meta.feed_id, meta.id, "rss").read_bytes().splitlines())
    assert longest < validator.rules("meta").line_bytes


def test_the_report_names_every_item_with_a_remedy(world: World, app: Flask) -> None:
    stock(world)
    row = run(world, made(world, "google"))
    with world.database.write(ALL) as session:
        _, secret = tokens.issue(session, "app", ["feeds:read"], by="test")
    client, who = app.test_client(), {"Authorization": f"Bearer {secret}"}
    answer = client.get(f"/api/v1/feeds/builds/{row.id}/report", headers=who)
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    counted: dict[str, int] = {}
    for one in rows:
        counted[one["code"]] = counted.get(one["code"], 0) + 1
        assert one["what to do"]
        assert one["verdict"] in ("refused", "warning")
    assert counted == row.counts
    assert {one["variant"] for one in rows if one["verdict"] == "refused"} == {"N1", "P2"}
    assert next(one for one in rows if one["variant"] == "B1" and one["code"] == "sign_removed")["title"] == "'=2+3"
    told = client.get(f"/api/v1/feeds/builds/{row.id}", headers=who).get_json()["found"]
    assert {each["code"]: each["count"] for each in told} == row.counts
    assert all(each["remedy"] and each["items"] and len(each["items"]) <= build.SAMPLES for each in told)
    assert max(each["count"] for each in told) > build.SAMPLES


def test_an_unchanged_catalog_is_given_out_unchanged(world: World, app: Flask) -> None:
    stock(world)
    feed_id = made(world, "meta")
    run(world, feed_id)
    with world.database.read(ALL) as session:
        path = feeds.path(feeds.get(session, feed_id))
    client = app.test_client()
    first = client.get(path)
    assert (first.status_code, first.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Content-Disposition"].startswith("attachment")
    assert first.headers["X-Robots-Tag"] == "noindex, nofollow"
    again = run(world, feed_id)
    same = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert client.head(path).headers["Content-Length"] == str(again.size)
    assert client.get(path, headers={"Range": "bytes=0-9"}).data == first.data[:10]
    with world.database.write(ALL) as session:
        session.execute(sa.update(VariantRow).where(VariantRow.variant_ref == "T1").values(price=2100))
    run(world, feed_id)
    other = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200
    assert b"21.00 EUR" in other.data


def test_only_its_address_opens_a_feed_and_a_new_one_voids_it(world: World, app: Flask) -> None:
    stock(world)
    feed_id = made(world, "tiktok")
    with world.database.read(ALL) as session:
        path = feeds.path(feeds.get(session, feed_id))
    client = app.test_client()
    assert client.get(path).status_code == 404  # not built yet
    run(world, feed_id)
    assert client.get(path).status_code == 200
    key = path.split("/")[3]
    for wrong in (path.replace(key, key[:-1] + ("A" if key[-1] != "A" else "B")), path.replace(key, "x"),
                  path.replace(feed_id, "fed_0"), path.replace(key, key.upper() + "-")):  # fmt: skip
        assert client.get(wrong).status_code == 404
    with world.database.write(ALL) as session:
        feeds.renew(session, feeds.get(session, feed_id), by="test")
        renewed = feeds.path(feeds.get(session, feed_id))
    assert (client.get(path).status_code, client.get(renewed).status_code) == (404, 200)
    with world.database.write(ALL) as session:
        feeds.remove(session, feeds.get(session, feed_id), by="test")
    assert client.get(renewed).status_code == 404
    again = made(world, "tiktok")
    with world.database.read(ALL) as session:
        assert again == feed_id
        assert feeds.path(feeds.get(session, again)) not in (path, renewed)


def test_a_build_that_fails_leaves_the_last_good_file(
    world: World, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(world)
    feed_id = made(world, "meta")
    good = run(world, feed_id)
    with world.database.read(ALL) as session:
        path = feeds.path(feeds.get(session, feed_id))
    before = app.test_client().get(path).data

    def broken(spoil: Callable[[Any], None]) -> FeedBuild:
        def end(self: Any) -> None:
            spoil(self)

        monkeypatch.setattr(writing._Table, "end", end)
        return run(world, feed_id)

    def lost(self: Any) -> None:
        self.item({"id": "x"})

    def cut(self: Any) -> None:
        self._out.write('"unclosed')

    for spoil, said in ((lost, "breaks a rule"), (cut, "read back")):
        row = broken(spoil)
        assert (row.status, said in row.problem) == ("failed", True), row.problem
        assert app.test_client().get(path).data == before
    with world.database.read(ALL) as session:
        assert feeds.get(session, feed_id).built_id == good.id


def test_a_killed_build_begins_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stock(world)
    feed_id = made(world, "google")

    class Killed(BaseException):
        pass

    def dies(self: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(build._Build, "read_back", dies)
        with world.database.write(ALL) as session:
            build_id = feeds.start(session, feeds.get(session, feed_id), "command").id
        with pytest.raises(Killed):
            build.build(build_id, world.shop_id)
    assert build.build(build_id, world.shop_id) == 126
    assert build.build(build_id, world.shop_id) == 0  # it is over
    left = sorted(path.name for path in files.built(feed_id, build_id, "rss").parent.iterdir())
    assert left == [f"{build_id}.report.csv", f"{build_id}.xml"]


def test_pages_of_a_catalog_neither_lose_nor_repeat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    goods = [product(f"K{n}", *(variant(f"K{n}-{m}") for m in range(n % 7 + 1))) for n in range(60)]
    with world.database.write(ALL) as session:
        take.apply_products(session, session.get_one(Shop, world.shop_id), goods, "run", PLACED)
    monkeypatch.setattr(items, "VARIANTS_AT_ONCE", 5)
    monkeypatch.setattr(items, "PRODUCTS_AT_ONCE", 4)
    pages = list(items.stream(items.Source(world.shop_id)))
    refs = [item.variant_ref for _, page in pages for item in page]
    wanted = {f"K{n}-{m}" for n in range(60) for m in range(n % 7 + 1)} | {"A1", "B1"}
    assert (len(refs), set(refs)) == (len(wanted), wanted)
    assert max(len(page) for _, page in pages) <= 5 + 7
    assert pages[-1][0] == 62


def test_what_only_a_variant_knows_makes_a_feed_due_too(world: World) -> None:
    """A price between the lowest and the highest, one size sold out, a product that was deleted an hour ago by the
    store's clock: the listing's own figures stay as they are, and the channel must hear of it."""
    whole = product("W", variant("W1"), variant("W2", price=2500), variant("W3", price=3000))
    daily = made(world, "google")

    def due_after(change: Callable[[Any, Shop], object]) -> int:
        run(world, daily)
        now = clock.now()
        with world.database.write(ALL) as session:
            session.execute(sa.update(FeedBuild).values(queued_at=now))
            session.execute(sa.update(Listing).values(updated_at=now - timedelta(hours=1)))
            assert feeds.start_due(session, now + timedelta(hours=25)) == 0
            change(session, session.get_one(Shop, world.shop_id))
            return feeds.start_due(session, now + timedelta(hours=25))

    with world.database.write(ALL) as session:
        take.apply_products(session, session.get_one(Shop, world.shop_id), [whole])
    dearer = product("W", variant("W1"), variant("W2", price=2600), variant("W3", price=3000))
    assert due_after(lambda session, shop: take.apply_products(session, shop, [dearer])) == 1
    sold = StockLevel("", "W2", "W", stock=0, available=False)
    assert due_after(lambda session, shop: catalog_stock.apply(session, shop, [sold], clock.now())) == 1
    ago = clock.now() - timedelta(days=1)
    assert due_after(lambda session, shop: take.mark_gone(session, shop.id, ["W"], ago)) == 1


def test_a_feed_that_is_removed_while_it_is_built_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    feed_id = made(world, "meta")
    read_back = build._Build.read_back

    def removed_meanwhile(self: build._Build) -> None:
        read_back(self)
        with world.database.write(ALL) as session:
            feeds.forget_shop(session, world.shop_id)
        files.drop_all(feed_id)
        self.place.parent.mkdir(parents=True)
        self.draft.write_text("late")

    monkeypatch.setattr(build._Build, "read_back", removed_meanwhile)
    with world.database.read(ALL) as session:
        newest = feeds.newest_build(session, feed_id)
    assert newest is not None
    assert build.build(newest.id, world.shop_id) == 0
    assert not files.built(feed_id, newest.id, "csv").parent.exists()


def test_a_shop_whose_name_no_xml_can_hold_has_a_feed(world: World) -> None:
    with world.database.write(ALL) as session:
        session.get_one(Shop, world.shop_id).name = "Kiln\x01 & <b>Co</b>"
    row = run(world, made(world, "google", "rss"))
    assert row.status in ("done", "refusals")
    root = ElementTree.parse(files.built(row.feed_id, row.id, "rss")).getroot()
    assert root.findtext("channel/title") == "Kiln & Co"


def test_due_feeds_are_built_when_the_catalog_changed(world: World) -> None:
    daily, never = made(world, "google"), made(world, "meta", every_hours=0)
    run(world, daily)
    with world.database.write(ALL) as session:
        newest = feeds.newest_build(session, daily)
        assert newest is not None
        later = newest.queued_at + timedelta(hours=25)
        session.execute(sa.update(Listing).values(updated_at=newest.queued_at - timedelta(hours=1)))
        assert feeds.start_due(session, later) == 0
        session.execute(sa.update(Listing).values(updated_at=newest.queued_at + timedelta(hours=1)))
        assert feeds.start_due(session, later - timedelta(hours=2)) == 0
        assert feeds.start_due(session, later) == 1
        assert feeds.start_due(session, later) == 0
        assert len(feeds.builds(session, never)) == 1


def test_what_there_is_no_feed_for_is_refused(world: World) -> None:
    with world.database.write(ALL) as session:
        for channel, kind, hours in (("ebay", "", 1), ("tiktok", "rss", 1), ("google", "csv", 1), ("meta", "", 999)):
            with pytest.raises(InputRefused):
                feeds.create(session, world.shop_id, channel, kind, every_hours=hours, by="test")
        with pytest.raises(NotFound):
            feeds.create(session, "shp_none", "meta", by="test")
        assert session.scalar(sa.select(sa.func.count()).select_from(Feed)) == 0


def release(count: int = 1200) -> str:
    head = "# Shopify Product Taxonomy - Mapping shopify/2026-08 to google/2021-09-21\n# Format:\n\n"
    rows = [("Furniture > Sofas > Sleepers", "Furniture > Sofas"), ("Gift Cards", "Arts > Gift Cards")]
    rows += [(f"Toys & Games > Kind {n}", "Toys & Games > Toys") for n in range(count)]
    return head + "".join(f"→ {source}\n⇒ {target}\n\n" for source, target in rows)


def test_the_released_map_of_categories(world: World, tmp_path: Path) -> None:
    whole, packed, cut = tmp_path / "map.txt", tmp_path / "map.txt.gz", tmp_path / "cut.txt"
    whole.write_text(release())
    packed.write_bytes(gzip.compress(release(1300).encode()))
    cut.write_text(release(10))
    with world.database.write(ALL) as session:
        assert categories.Categories(session).google(session, "Furniture > Sofas > Sleepers") == (
            "Furniture > Sofas",
            False,
        )
        assert categories.load(session, whole) == ("shopify/2026-08 to google/2021-09-21", 1202)
        known = categories.Categories(session)
        assert known.google(session, "furniture >  SOFAS > Sleepers") == ("Furniture > Sofas", True)
        assert known.google(session, "Toys & Games > Kind 7 > Deeper") == ("Toys & Games > Toys", False)
        assert known.google(session, "Electronics > Audio") == ("Electronics > Audio", True)  # the bundled part
        assert known.google(session, "Nothing of the kind > At all") == ("", False)
        assert categories.load(session, packed)[1] == 1302
    for wrong in (cut, Path(__file__), tmp_path / "absent.txt"):
        with world.database.write(ALL) as session, pytest.raises(InputRefused):
            categories.load(session, wrong)
    broken = tmp_path / "broken.txt.gz"
    broken.write_bytes(packed.read_bytes()[:-200])
    with world.database.write(ALL) as session, pytest.raises(InputRefused):
        categories.load(session, broken)
    with world.database.read(ALL) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(CategoryMap)) == 1302
        assert categories.loaded(session) == "shopify/2026-08 to google/2021-09-21"


def test_the_api(world: World, app: Flask) -> None:
    with world.database.write(ALL) as session:
        _, writer = tokens.issue(session, "writer", ["feeds:read", "feeds:write"], by="test")
        _, reader = tokens.issue(session, "reader", ["feeds:read"], by="test")
    client, who = app.test_client(), {"Authorization": f"Bearer {writer}"}
    url = f"/api/v1/shops/{world.shop_id}/feeds"
    assert client.post(url, json={"channel": "meta"}, headers={"Authorization": f"Bearer {reader}"}).status_code == 403
    assert client.post(url, json={"channel": "ebay"}, headers=who).status_code == 422
    assert client.post(url, json={"channel": "tiktok", "format": "rss"}, headers=who).status_code == 422
    feed = client.post(url, json={"channel": "meta", "format": "rss"}, headers=who).get_json()
    assert (feed["ready"], feed["newest_build"]["status"]) == (False, "queued")
    assert client.post(url, json={"channel": "meta", "format": "rss"}, headers=who).get_json()["id"] == feed["id"]
    queued = client.post(f"/api/v1/feeds/{feed['id']}/builds", headers=who).get_json()
    assert queued["id"] == feed["newest_build"]["id"]  # under way
    build.build(queued["id"], world.shop_id)
    assert client.get(f"/api/v1/feeds/{feed['id']}", headers=who).get_json()["ready"] is True
    assert client.get(feed["url"].removeprefix("http://127.0.0.1:8080")).status_code == 200
    assert len(client.get(f"/api/v1/feeds/{feed['id']}/builds", headers=who).get_json()["items"]) == 1
    assert len(client.get(url, headers=who).get_json()["items"]) == 1
    assert client.post(f"/api/v1/feeds/{feed['id']}/renew", headers=who).get_json()["url"] != feed["url"]
    assert client.delete(f"/api/v1/feeds/{feed['id']}", headers=who).status_code == 204
    for gone in (f"/api/v1/feeds/{feed['id']}", "/api/v1/feeds/builds/fbd_0", "/api/v1/feeds/builds/fbd_0/report"):
        assert client.get(gone, headers=who).status_code == 404
    assert client.get(url, headers=who).get_json()["items"] == []


def test_any_file_can_be_held_to_the_rules(tmp_path: Path) -> None:
    from connector.cli import connector

    path = tmp_path / "theirs.csv"
    path.write_text(
        "id,title,description,availability,condition,price,link,image_link,brand\n"
        "1,Mug,Blue,in stock,new,10.00 EUR,https://s.example/1,https://s.example/1.jpg,Kita\n"
        "2,Cup,Red,in_stock,new,10 EUR,https://s.example/2,https://s.example/2.jpg,Kita\n"
    )
    done = CliRunner().invoke(connector, ["feed", "check", str(path), "--channel", "meta", "--format", "csv"])
    assert done.exit_code == 1
    assert "2  refused  value_unknown  availability  in_stock" in done.output
    assert "2  refused  price_wrong  price  10 EUR" in done.output
    assert "2 items, 1 refused" in done.output
    path.write_text('id,title\n"1')
    assert (
        CliRunner().invoke(connector, ["feed", "check", str(path), "--channel", "meta", "--format", "csv"]).exit_code
        == 1
    )


def test_a_shop_that_left_is_advertised_no_more_and_one_that_is_erased_leaves_nothing(world: World, app: Flask) -> None:
    stock(world)
    feed_id = made(world, "meta")
    row = run(world, feed_id)
    with world.database.write(ALL) as session:
        path = feeds.path(feeds.get(session, feed_id))
        session.get_one(Shop, world.shop_id).status = "left"
        assert feeds.start_due(session, row.queued_at + timedelta(days=9)) == 0
    assert app.test_client().get(path).status_code == 404
    with world.database.write(ALL) as session:
        session.get_one(Shop, world.shop_id).status = "connected"
    assert app.test_client().get(path).status_code == 200
    with world.database.write(ALL) as session:
        (gone,) = feeds.forget_shop(session, world.shop_id)
    files.drop_all(gone)
    assert app.test_client().get(path).status_code == 404
    assert not files.built(feed_id, row.id, "csv").parent.exists()
    with world.database.read(ALL) as session:
        left = [
            session.scalar(sa.select(sa.func.count()).select_from(table)) for table in (Feed, FeedBuild, FeedFinding)
        ]
    assert left == [0, 0, 0]
