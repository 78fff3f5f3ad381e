"""A product that 5,000 creators promote in 30 videos each: its page, and the report of what they sold.

    python -m bench.product_page [--database sqlite|postgresql|both] [--rounds 5] [--creators 5000]

150,000 links, taps and orders of one product, three lines each, within the month that the report is about. Pages are
asked for as a browser asks, through the whole application; beside each stands its limit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bench import world
from connector import db, heap
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import base32, new_id
from connector.earnings.attribution import tokens
from connector.earnings.attribution.tables import Link, Touch
from connector.earnings.intake.take_in import take_in
from connector.insight.reports import asked as asking
from connector.insight.reports import table
from connector.insight.reports.asked import Asked
from connector.programme.content.tables import Content
from connector.programme.creators.tables import Creator, CreatorStatus

CREATORS, VIDEOS = 5_000, 30
PAGE_MS, REPORT_MS, CREATOR_MS = 100, 2_000, 50


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--creators", type=int, default=CREATORS)
    chosen = options.parse_args()
    many = chosen.creators
    name = "product" if many == CREATORS else f"product_{many}"
    print("| database | what | median | worst | limit |")
    print("|---|---|---:|---:|---:|")
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        with world.kept(database, name, lambda: _build(many)) as url:
            for what, act, limit in _asked(url, many):
                took = [_timed(act) for _ in range(chosen.rounds)]
                print(
                    f"| {database} | {what} | **{statistics.median(took):.0f} ms** | {max(took):.0f} ms | {limit} ms |",
                    flush=True,
                )


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _asked(url: str, many: int) -> list[tuple[str, Callable[[], Any], int]]:
    from connector.app import create_app

    client = create_app(world.settings(url)).test_client()
    heap.keep_what_stands()  # as a web process does when it has loaded
    with db.read(world.SYSTEM) as session:
        shop = session.scalars(sa.select(Shop)).one()
        code = session.scalars(sa.select(Link.code).limit(1)).one()
        one = session.scalars(sa.select(Content.creator_id).limit(1)).one()
    listing = listing_id(shop.id, "100")

    def page(path: str) -> Callable[[], None]:
        def ask() -> None:
            answer = client.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status}")

        return ask

    asked = asking.of_month(Asked(shop_id=shop.id), world.PLACED)
    # With a sale, an order each ten seconds, or a tap, each second from an hour before on.
    moments = [timedelta(seconds=10 * (n + 1)) for n in range(many * VIDEOS)]
    moments += [timedelta(hours=1, seconds=n) for n in range(many * VIDEOS)]
    days = {(world.PLACED - each).date() for each in moments}

    def report(by: str, rows: int) -> Callable[[], None]:
        def ask() -> None:
            with db.read(world.SYSTEM) as session:
                found = table.read(session, asked, by, drawn=True, with_buyers=True)
                table.name(session, found, found.page()[0])
            if len(found.ids) != rows:
                raise RuntimeError(f"{len(found.ids)} rows in the report by {by}")

        return ask

    def of_one() -> None:
        with db.read(world.SYSTEM) as session:
            found = table.read(session, asking.of_month(Asked(creator_id=one), world.PLACED), "content")
            table.name(session, found, found.rows)
        if len(found.rows) != VIDEOS:
            raise RuntimeError(f"{len(found.rows)} videos of a creator")

    return [
        ("the product's public page", page(f"/products/{listing}"), PAGE_MS),
        ("… by a creator's link", page(f"/products/{listing}?by={code}"), PAGE_MS),
        ("the month's report by creator", report("creator", many), REPORT_MS),
        ("… by video", report("content", many * VIDEOS), REPORT_MS),
        ("… by product", report("product", 1), REPORT_MS),
        ("… by day", report("day", len(days)), REPORT_MS),
        ("a creator's month by video", of_one, CREATOR_MS),
    ]


def _build(many: int) -> None:
    shop_id = world.shop()
    listing = listing_id(shop_id, "100")
    early = world.PLACED - timedelta(days=300)
    people: list[dict[str, Any]] = [
        {"id": new_id("crt"), "handle": f"many{n}", "name": f"Many {n}", "followers": 5000, "created_at": early}
        for n in range(many)
    ]
    videos: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    touches: list[dict[str, Any]] = []
    # By video and then by creator, so that taking turns by number keeps each video with its creator.
    for n in range(many * VIDEOS):
        creator, video, at = people[n % many]["id"], new_id("cnt"), world.PLACED - timedelta(hours=1, seconds=n)
        link = {"id": new_id("lnk"), "code": f"b{base32(n, 9)}", "subject": f"bench:{n}", "shop_id": shop_id,
                "creator_id": creator, "content_id": video, "listing_id": listing, "product_ref": "100",
                "variant_ref": None, "created_at": early}  # fmt: skip
        videos.append({"id": video, "creator_id": creator, "network": "app", "content_ref": f"v{n}", "kind": "video",
                       "title": f"Video {n}", "created_at": early})  # fmt: skip
        links.append(link)
        touches.append({
            "id": new_id("tch"), "token": tokens.make(), "shop_id": shop_id, "creator_id": creator,
            "content_id": video, "link_id": link["id"], "listing_id": listing, "product_ref": "100",
            "variant_ref": None, "kind": "link", "journey": None, "at": at, "received_at": at,
            "window_seconds": 14 * 86400, "eligible": True, "ineligible_reason": "", "terms_id": None, "flags": [],
            "request_key": None, "device_hash": None, "device_until": None, "way": "permalink",
        })  # fmt: skip
    with db.write(world.SYSTEM) as session:
        session.execute(sa.insert(Creator), people)
        session.execute(
            sa.insert(CreatorStatus),
            [{"id": new_id("cst"), "creator_id": each["id"], "status": "active", "reason": "", "starts_at": early,
              "recorded_at": early} for each in people],
        )  # fmt: skip
        for table, rows in ((Content, videos), (Link, links), (Touch, touches)):
            for start in range(0, len(rows), 10_000):
                session.execute(sa.insert(table), rows[start : start + 10_000])
    before = world.everything()
    with db.write(world.SYSTEM) as session:
        seen = world.translated(world.body(9_000_000_001, touches[0]["token"], number=0))
        of = session.get_one(Shop, shop_id)
        take_in(session, of, seen, triggered_at=world.PLACED, source="delivery:held",
                as_of=world.PLACED + timedelta(days=2))  # fmt: skip
    turns = {
        "touch_id": [each["id"] for each in touches],
        "content_id": [each["id"] for each in videos],
        "creator_id": [each["id"] for each in people],
    }
    world.multiply(world.left_behind(before), many * VIDEOS, turns)
    world.settle()


if __name__ == "__main__":
    main()
