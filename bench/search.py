"""Search over a large list, beside what the databases bring themselves, in the same run.

    python -m bench.search [--listings 100000] [--questions 400] [--database sqlite|postgresql|both]

Questions are drawn from the listings themselves: one to four words of a title with words of brand and category among
them, a third with one wrong letter, some as a beginning, some narrowed by shop, price or category. Each is asked as the
API asks it: a session, the search, its 50 rows. The peers answer the same words (never the misspelt ones: they can't)
without filters: SQLite's FTS5 by bm25, PostgreSQL's GIN over tsvector by ts_rank, both over title, brand, category,
tags and description and joined to the live row; and LIKE, which is what the list had before.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.sync import SYSTEM, prepared
from connector import clock, db
from connector.commerce.catalog import rows
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.settle import settle
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.events import Product, Variant
from connector.insight.market import index
from connector.insight.market.search import Asked, search

SHOPS = 20


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


STEMS = _words(
    "ka lo mi ru ten sol ver bran dor el fin gal har is jun kel lan mor nor os pel quin ras sil tor ul van wes yar zan",
)
THINGS = _words(
    "throw mug tray lamp shelf chair table runner cushion blanket bowl plate vase candle basket rug mirror clock stool",
    "bench pillow towel apron jug kettle pan knife board shirt dress jacket scarf hat glove sock boot sandal bag",
    "wallet belt ring bracelet watch notebook pen pencil poster print frame speaker charger cable stand bottle",
)
MATTER = _words(
    "linen cotton wool oak walnut brass copper steel glass ceramic stoneware leather bamboo marble velvet silk cork",
)
COLOURS = _words("sage clay ink bone rust moss sky plum natural black white grey navy olive amber rose")


@dataclass(slots=True)
class Timed:
    ours: list[float] = field(default_factory=list)
    faceted: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    like: list[float] = field(default_factory=list)
    indexed: float = 0.0


def product(number: int) -> Product:
    order = random.Random(number)
    name = "".join(order.choices(STEMS, k=order.randint(2, 3)))  # some 27,000 names, most of them rare
    thing = THINGS[min(int(order.expovariate(0.07)), len(THINGS) - 1)]
    title = f"{name} {order.choice(MATTER)} {thing}" + (f", {order.choice(COLOURS)}" if order.random() < 0.6 else "")
    words = order.choices([*MATTER, *THINGS, *COLOURS, *STEMS], k=60)
    made = tuple(
        Variant(
            str(1_000_000_000 + number * 10 + n), order.randint(500, 40_000), title=colour, sku=f"SKU-{number}-{n}",
            available=order.random() < 0.9, position=n, options=(("Colour", colour),),
        )
        for n, colour in enumerate(order.sample(COLOURS, 3))
    )  # fmt: skip
    return Product(
        product_ref=f"p{number}", title=title.capitalize(), status="active", currency="EUR", published=True,
        variants=made, vendor="".join(order.choices(STEMS[:12], k=2)).capitalize(), category=f"{thing}s".capitalize(),
        tags=tuple(order.sample(MATTER, 2)), description=f"<p>{' '.join(words)}</p>",
        url=f"https://shop.example/products/p{number}", image_url="https://cdn.shop.example/1.jpg",
    )  # fmt: skip


def fill(listings: int) -> None:
    now = clock.now()
    with db.write(SYSTEM) as session:
        for number in range(SHOPS):
            session.add(
                Shop(
                    id=f"shp_{number}", platform="shopify", domain=f"s{number}.example", currency="EUR",
                    status="connected", installed_at=now, created_at=now, left_at=None,
                )
            )  # fmt: skip
    each = listings // SHOPS
    for shop in range(SHOPS):
        for start in range(0, each, 2_500):
            chunk = [product(shop * each + n) for n in range(start, min(start + 2_500, each))]
            _load(f"shp_{shop}", chunk)


def _load(shop_id: str, products: list[Product]) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        make = rows.Rows(session, shop_id, "run", clock.now())
        rows.upsert_listings(
            session, [make.listing(listing_id(shop_id, p.product_ref), rows.weigh_head(p)) for p in products]
        )
        rows.upsert_variants(
            session,
            [
                make.variant(variant_id(shop_id, v.variant_ref), rows.weigh_variant(v, p.product_ref), p.product_ref)
                for p in products
                for v in p.variants
            ],
        )
        settle(session, session.get_one(Shop, shop_id), [p.product_ref for p in products], clock.now())


def questions(listings: int, number: int) -> Iterator[tuple[Asked, bool]]:
    """(what is asked, is a letter wrong)."""
    order = random.Random(20)
    for _ in range(number):
        about = product(order.randrange(listings))
        words = about.title.lower().replace(",", "").split()
        asked = order.sample(words, min(len(words), order.choice((1, 1, 2, 2, 3, 4))))
        if order.random() < 0.15:
            asked.append(order.choice((about.vendor.lower(), about.category.lower())))
        wrong = order.random() < 0.33
        if wrong:
            at = max(range(len(asked)), key=lambda n: len(asked[n]))
            asked[at] = misspell(asked[at], order)
        elif order.random() < 0.2 and len(asked[-1]) > 4:
            asked[-1] = asked[-1][: order.randint(3, 4)]
        text = " ".join(asked)
        kind = order.random()
        if kind < 0.2:
            yield Asked(text, shop_id=f"shp_{order.randrange(SHOPS)}"), wrong
        elif kind < 0.3:
            yield Asked(text, currency="EUR", price_from=1_000, price_to=6_000, status="shoppable"), wrong
        else:
            yield Asked(text, status="shoppable"), wrong


def misspell(word: str, order: random.Random) -> str:
    at = order.randrange(len(word))
    letter = order.choice("abcdefghijklmnopqrstuvwxyz")
    return order.choice(
        (word[:at] + letter + word[at + 1 :], word[:at] + word[at + 1 :], word[:at] + letter + word[at:])
    )


def build_peer() -> None:
    with db.write(SYSTEM) as session:
        connection = session.connection()
        whole = "title || ' ' || brand || ' ' || category || ' ' || tags || ' ' || description"
        if db.current().is_sqlite:
            connection.exec_driver_sql("CREATE VIRTUAL TABLE peer USING fts5(body, listing_id UNINDEXED)")
            connection.exec_driver_sql(f"INSERT INTO peer SELECT {whole}, id FROM listings")
        else:
            whole = whole.replace("tags", "tags::text")
            connection.exec_driver_sql(
                f"CREATE TABLE peer AS SELECT id AS listing_id, to_tsvector('simple', {whole}) AS body FROM listings"
            )
            connection.exec_driver_sql("CREATE INDEX peer_body ON peer USING gin (body)")
    if not db.current().is_sqlite:
        with db.current().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def ask_peer(session: Session, text: str) -> int:
    if db.current().is_sqlite:
        asked = " ".join(f'"{word}"' for word in text.split())
        statement = (
            "SELECT l.* FROM peer JOIN listings l ON l.id = peer.listing_id "
            "WHERE peer MATCH :asked AND l.status = 'shoppable' ORDER BY rank LIMIT 50"
        )
    else:
        asked = text
        statement = (
            "SELECT l.* FROM peer JOIN listings l ON l.id = peer.listing_id, plainto_tsquery('simple', :asked) q "
            "WHERE peer.body @@ q AND l.status = 'shoppable' ORDER BY ts_rank(peer.body, q) DESC LIMIT 50"
        )
    return len(session.execute(sa.text(statement), {"asked": asked}).all())


def ask_like(session: Session, text: str) -> int:
    asked = sa.select(Listing).where(Listing.status == "shoppable")
    for word in text.split():
        asked = asked.where(
            sa.or_(*(sa.func.lower(each).contains(word) for each in (Listing.title, Listing.vendor, Listing.category)))
        )
    return len(session.scalars(asked.order_by(sa.func.lower(Listing.title), Listing.id).limit(50)).all())


def timed(act: Callable[[Session], object]) -> float:
    began = time.perf_counter()
    with db.read(Scope.app()) as session:
        act(session)
    return (time.perf_counter() - began) * 1000


def measure(listings: int, number: int) -> Timed:
    found = Timed()
    fill(listings)
    began = time.perf_counter()
    index.follow(wait_for_syncs=False)
    found.indexed = listings / (time.perf_counter() - began)
    build_peer()
    asked = list(questions(listings, number))
    hits = 0
    for each, wrong in asked[:20] + asked:  # the first twenty warm what a process keeps
        found.ours.append(timed(lambda session, each=each: search(session, each)))  # type: ignore[misc]
        found.faceted.append(
            timed(lambda session, each=each: search(session, each, facets=FACETS))  # type: ignore[misc]
        )
        if not wrong:
            found.peer.append(timed(lambda session, each=each: ask_peer(session, each.text)))  # type: ignore[misc]
        with db.read(Scope.app()) as session:
            hits += bool(search(session, each, limit=1).listings)
    for each, wrong in asked[:40]:
        if not wrong:
            found.like.append(
                timed(lambda session, each=each: ask_like(session, each.text))  # type: ignore[misc]
            )
    del found.ours[:20], found.faceted[:20]
    print(f"  {hits} of {len(asked) + 20} questions had an answer", file=sys.stderr)
    return found


FACETS = ("category", "shop", "price", "rate", "availability", "status")


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def table(found: dict[str, Timed], listings: int) -> str:
    lines = [
        f"| Database, {listings:,} listings | p50 | p95 | p99 | asked |",
        "|---|---|---|---|---|",
    ]
    for name, each in found.items():
        for what, values in (
            ("search", each.ours), ("search with all facets", each.faceted),
            ("FTS5, bm25" if name == "sqlite" else "GIN, ts_rank", each.peer), ("LIKE", each.like),
        ):  # fmt: skip
            lines.append(
                f"| {name}: {what} | {statistics.median(values):.1f} ms | {at(values, 0.95):.1f} ms | "
                f"{at(values, 0.99):.1f} ms | {len(values)} |"
            )
        lines.append(f"| {name}: indexing | {each.indexed:,.0f} listings/s | | | |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--listings", type=int, default=100_000)
    options.add_argument("--questions", type=int, default=400)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    chosen = options.parse_args()
    names = ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-search-") as held:
        for name in names:
            with prepared(Path(held), name):
                found[name] = measure(chosen.listings, chosen.questions)
    print(table(found, chosen.listings))


if __name__ == "__main__":
    main()
