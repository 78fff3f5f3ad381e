"""A programme of a million creators: joining, adding a product, tapping and a creator's report, beside a busy worker.

    python -m bench.programme [--database sqlite|postgresql|both] [--calls 400]
                              [--creators 1000000] [--listings 100000]

1,000,000 creators who signed up, each with a product, a link and a tap; 100,000 listings of 20 shops that opened all of
them; 200 busy creators with 30 videos and 300 orders each in the month. Asked as the app's back end asks, through the
whole application in this process (its test client, so without a network between), one call at a time, while
`connector worker` as it ships, in a process of its own, drains orders from an inbox that never gets empty. The limit is
50 ms, p95, of each of the four, on PostgreSQL; SQLite has one writer, so that a call there waits for the batch that the
worker is writing. Then what else grows with a programme, without a limit.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from bench import search, world
from bench.acceptance import SECRET, SHOP
from connector import clock, db, heap
from connector.access import tokens as app_tokens
from connector.commerce.catalog.ids import listing_id
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import taking_up, touches
from connector.earnings.attribution.tables import Link
from connector.earnings.intake.take_in import take_in
from connector.insight.market import index
from connector.notices import Notice
from connector.operations import rounds
from connector.operations.ruling import screen
from connector.programme.collaborations import terms
from connector.programme.content.tables import Content
from connector.programme.creators import sign_up
from connector.programme.creators.tables import Creator
from connector.web import cursors
from connector.webhooks.tables import DeliveryRow

CREATORS, LISTINGS, SHOPS = 1_000_000, 100_000, 20
BY_PRODUCT = 4  # of the shops opened each product by itself, as an opened collection is; the others the whole shop
BUSY, VIDEOS, ORDERS = 200, 30, 60_000
LIMIT_MS = 50
# So many deliveries wait at least, looked at every twenty calls, and so many are put in where fewer do.
LEAST_WAITING, PUT_IN = 4_000, 6_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options.add_argument("--calls", type=int, default=400)
    options.add_argument("--creators", type=int, default=CREATORS)
    options.add_argument("--listings", type=int, default=LISTINGS)
    chosen = options.parse_args()
    size = _Size(chosen.creators, chosen.listings)
    print("| database | what | p50 | p95 | worst | limit, p95 | orders drained beside it, a second |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for database in ["sqlite", "postgresql"] if chosen.database == "both" else [chosen.database]:
        held = world.kept(database, size.name, lambda: _build(size), copied=True)
        with held as url, _worker(url) as process:
            limit = LIMIT_MS if database == "postgresql" else None
            for measured in _phases(_App(url), chosen.calls, limit):
                print(f"| {database} | {measured.line()} |", flush=True)
                if process.poll() is not None:
                    raise RuntimeError(f"the worker ended with {process.returncode}")
    print(f"load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}")


@dataclass(frozen=True, slots=True)
class _Size:
    creators: int
    listings: int

    @property
    def name(self) -> str:
        """Of its world."""
        asked_for = (self.creators, self.listings) == (CREATORS, LISTINGS)
        return "programme" if asked_for else f"programme_{self.creators}_{self.listings}"


@dataclass(frozen=True, slots=True)
class _Measured:
    what: str
    limit: int | None
    took: list[float]  # ms
    drained: float  # orders a second

    def line(self) -> str:
        ordered = sorted(self.took)
        p95 = ordered[int(len(ordered) * 0.95)]
        limit = f"{self.limit} ms" if self.limit else ""
        return (
            f"{self.what} | {statistics.median(ordered):.1f} ms | **{p95:.1f} ms** | {ordered[-1]:.0f} ms | {limit} "
            f"| {self.drained:,.0f}"
        )


# What is asked


class _App:
    """The app's back end, with a token of all scopes."""

    def __init__(self, url: str) -> None:
        from connector.app import create_app

        # One token asks here as often as many do.
        settings = world.settings(url).model_copy(update={"requests_per_minute": 1_000_000})
        self.client: FlaskClient = create_app(settings).test_client()
        heap.keep_what_stands()  # as a web process does when it has loaded
        with db.write(world.SYSTEM) as session:
            secret = app_tokens.issue(session, "bench", app_tokens.SCOPES, by="bench")[1]
        self._headers = {"Authorization": f"Bearer {secret}"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.open(f"/api/v1{path}", method=method, json=body, headers=self._headers)
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer.json


def _phases(app: _App, calls: int, limit: int | None) -> Iterator[_Measured]:
    order = random.Random(time.time_ns())  # a world is kept: another run's creators join and add what isn't there yet
    known = _Known()
    limited: list[tuple[str, Callable[[], Any]]] = [
        ("join: the whole sign-up", lambda: _join(app, order)),
        ("add a product and have its link", lambda: _add(app, order, known)),
        ("touch: a tap by a link, with its buyer", lambda: _tap(app, order, known)),
        ("a busy creator's month, by video", lambda: _report(app, order, known)),
    ]
    others: list[tuple[str, int, Callable[[], Any]]] = [
        ("a sign-up brought up to date", calls, lambda: _rejoin(app, order)),
        ("a count of followers told", calls, lambda: _count(app, order, known)),
        ("the list of creators, a page of 50", calls // 4, lambda: _list(app, order, known)),
        ("search of opened products", calls // 4, lambda: _search(app, order, known)),
        ("a shop's month by creator", calls // 20, lambda: _shop_report(app, known)),
        ("eligibility looked at again, a round of the worker", 4, lambda: rounds.look_at_creators(clock.now())),
    ]
    for what, act in limited:
        yield _phase(what, limit, calls, act)
    for what, number, act in others:
        yield _phase(what, None, max(2, number), act)


def _phase(what: str, limit: int | None, calls: int, act: Callable[[], Any]) -> _Measured:
    _fill()
    act()  # what is read once by a process
    before, put, began, took = _waiting(), 0, time.perf_counter(), []
    for number in range(calls):
        if number % 20 == 0:
            put += _fill()
        start = time.perf_counter()
        act()
        took.append((time.perf_counter() - start) * 1000)
    left, seconds = _waiting(), time.perf_counter() - began
    if not left and limit:
        raise RuntimeError(f"the inbox got empty while {what!r} was measured: nothing was drained beside it")
    return _Measured(what, limit, took, (before + put - left) / seconds)


class _Known:
    """Of the kept world: links to tap, creators, listings."""

    def __init__(self) -> None:
        with db.read(world.SYSTEM) as session:
            self.codes = list(session.scalars(sa.select(Link.code).where(Link.code.like("b%")).limit(20_000)))
            self.creators = list(session.scalars(sa.select(Link.creator_id).order_by(Link.code).limit(20_000)))
            searched = sa.select(Listing.id).where(Listing.shop_id.like("shp\\_%", escape="\\"))
            self.listings = list(session.scalars(searched.where(Listing.status == "shoppable").limit(20_000)))
            self.count = session.scalar(sa.select(sa.func.count()).select_from(searched.subquery())) or 0
            self.busy = list(session.scalars(sa.select(Content.creator_id).distinct()))
            self.shop_id = session.scalars(sa.select(Shop.id).where(Shop.domain == SHOP)).one()


def _sign_up(number: int, handle: str) -> dict[str, Any]:
    return {
        "account_ref": f"account-{number}", "handle": handle, "name": f"Joined {number}", "followers": 12_400,
        "born_on": "1998-04-30", "country": "DE", "language": "de", "topics": ["sewing", "home"],
        "networks": [{"network": "instagram", "handle": handle, "followers": 8_100}],
        "audience": {"countries": {"DE": 7000, "AT": 1500}, "ages": {"25-34": 5200}},
    }  # fmt: skip


_joined: list[int] = []


def _join(app: _App, order: random.Random) -> None:
    number = order.getrandbits(48)
    app.ask("POST", "/creators/sign-ups", _sign_up(number, f"joined{number}"))
    _joined.append(number)


def _rejoin(app: _App, order: random.Random) -> None:
    number = order.choice(_joined)
    app.ask(
        "POST",
        "/creators/sign-ups",
        {**_sign_up(number, f"joined{number}"), "followers": order.randrange(9_000, 13_000)},
    )


def _add(app: _App, order: random.Random, known: _Known) -> None:
    app.ask("POST", f"/creators/{order.choice(known.creators)}/products", {"listing_id": order.choice(known.listings)})


def _tap(app: _App, order: random.Random, known: _Known) -> None:
    app.ask("POST", "/touches", {"link_code": order.choice(known.codes), "buyer": f"buyer-{order.getrandbits(40)}"})


def _report(app: _App, order: random.Random, known: _Known) -> None:
    creator = order.choice(known.busy)
    found = app.ask("GET", f"/reports/sales?creator_id={creator}&by=content&{_MONTH}&time_zone=Europe/Berlin")
    if len(found["items"]) != VIDEOS:
        raise RuntimeError(f"{len(found['items'])} videos of a busy creator")


_MONTH = f"since={world.PLACED.date() - timedelta(days=29)}&until={world.PLACED.date()}"


def _count(app: _App, order: random.Random, known: _Known) -> None:
    body = {"followers": order.randrange(5_000, 20_000), "networks": {"instagram": order.randrange(5_000, 20_000)}}
    app.ask("POST", f"/creators/{order.choice(known.creators)}/followers", body)


def _list(app: _App, order: random.Random, known: _Known) -> None:
    with app.client.application.app_context():
        cursor = cursors.pack("creators", [order.choice(known.creators)])
    app.ask("GET", f"/creators?limit=50&cursor={cursor}")


def _search(app: _App, order: random.Random, known: _Known) -> None:
    words = search.product(order.randrange(known.count)).title.replace(",", "").split()
    app.ask("GET", f"/listings?q={order.choice(words)}&status=shoppable&rate_from=1&limit=50")


def _shop_report(app: _App, known: _Known) -> None:
    app.ask("GET", f"/reports/sales?shop_id={known.shop_id}&by=creator&{_MONTH}")


# The worker beside it


@contextmanager
def _worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """`connector worker` on the world's database, with orders to drain."""
    _fill()
    environment = {
        **os.environ, "CONNECTOR_ENV": "dev", "CONNECTOR_DATABASE_URL": url, "CONNECTOR_LOG_LEVEL": "error",
        "CONNECTOR_PUBLIC_URL": "http://127.0.0.1:8080", "CONNECTOR_SEALING_KEYS": world.SEALING_KEY,
        "CONNECTOR_HASH_KEY": "k" * 40, "CONNECTOR_SESSION_KEY": "s" * 40, "SHOPIFY_CLIENT_ID": "id",
        "SHOPIFY_CLIENT_SECRET": SECRET,
    }  # fmt: skip
    # Its words are of shops that can't be reached, since nobody stands in for their stores.
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "worker"], env=environment, stdout=quiet, stderr=quiet
    )
    try:
        before, until = _waiting(), time.monotonic() + 60
        while _waiting() >= before:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the worker drains nothing")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _waiting() -> int:
    with db.read(world.SYSTEM) as session:
        waits = sa.select(sa.func.count()).select_from(DeliveryRow).where(DeliveryRow.status == "waiting")
        return session.scalar(waits) or 0


def _fill() -> int:
    """Put orders into the inbox until enough of them wait; how many."""
    put = 0
    while _waiting() < LEAST_WAITING:
        world.deliver(100_000_000 + time.time_ns() // 1_000_000 % 800_000_000, PUT_IN)
        put += PUT_IN
    return put


# The world


def _build(size: _Size) -> None:
    search.fill(size.listings)
    early = world.PLACED - timedelta(days=200)
    for number in range(SHOPS):
        with db.write(world.SYSTEM) as session:
            if number >= BY_PRODUCT:
                terms.open_terms(session, f"shp_{number}", 1500, by="bench", starts_at=early, now=early)
                continue
            each = size.listings // SHOPS
            refs = [f"p{n}" for n in range(number * each, (number + 1) * each)]
            terms.open_many(session, f"shp_{number}", 1500, refs, by="bench", now=early)
    screen.screen_changed(lambda: False)
    index.follow(wait_for_syncs=False)
    _many_creators(size)
    shop_id = world.shop()
    _busy_creators(shop_id)
    _forget_notices()
    world.settle()


def _many_creators(size: _Size) -> None:
    """One creator signs up, takes up a product and is tapped; all that this leaves behind as often as asked for."""
    before, now = world.everything(), world.PLACED
    middle = size.listings // 2  # a reference that is part of no other text
    listing = listing_id(f"shp_{middle // (size.listings // SHOPS)}", f"p{middle}")
    asked = sign_up.SignUp(
        account_ref="held-account", handle="heldone", name="Held", followers=12_400, born_on=date(1998, 4, 30),
        country="DE", language="de", topics=["home"], audience={"countries": {"DE": 7000}},
        accounts=[sign_up.Account("instagram", "heldone", 8_100)],
    )  # fmt: skip
    with db.write(world.SYSTEM) as session:
        creator, _, _ = sign_up.sign_up(session, asked, by="bench", now=now)
        taken = taking_up.take_up(session, creator.id, listing, now=now)
        touch = touches.record(
            session, touches.on_link(taken.link), kind="link", journey="held-journey", at=now, now=now
        )
        numbered = ["held-account", "heldone", taken.link.subject, touch.token, "held-journey"]
        also = {value: f"'{value}' || s.n" for value in numbered}
        ten = "printf('b%09d', s.n)" if db.current().is_sqlite else "'b' || lpad(CAST(s.n AS text), 9, '0')"
        also[taken.link.code] = ten  # a code has ten characters
    _forget_notices()
    with db.read(world.SYSTEM) as session:
        rows = session.execute(sa.select(Listing.shop_id, Listing.product_ref, Listing.id).order_by(Listing.id)).all()
    names = ("shop_id", "product_ref", "listing_id")
    turns = {name: [str(row[place]) for row in rows] for place, name in enumerate(names)}
    world.multiply(world.left_behind(before), size.creators, turns, also=also)


def _busy_creators(shop_id: str) -> None:
    """The creators of the world's own shop have videos, taps in them, and orders."""
    with db.read(world.SYSTEM) as session:
        own = sa.select(Creator.id).where(Creator.account_ref.is_(None)).order_by(Creator.id)  # who joined has one
        creators = list(session.scalars(own))
    videos: list[dict[str, Any]] = [
        {"id": new_id("cnt"), "creator_id": creators[n % BUSY], "network": "app", "content_ref": f"v{n}",
         "kind": "video", "title": f"Video {n}", "created_at": world.PLACED - timedelta(days=90)}
        for n in range(BUSY * VIDEOS)
    ]  # fmt: skip
    with db.write(world.SYSTEM) as session:
        session.execute(sa.insert(Content), videos)
    tapped = world.put_touches(shop_id, creators, ORDERS, [video["id"] for video in videos])
    before = world.everything()
    with db.write(world.SYSTEM) as session:
        seen = world.translated(world.body(9_000_000_001, tapped[0][1], number=0))
        of = session.get_one(Shop, shop_id)
        take_in(session, of, seen, triggered_at=world.PLACED, source="delivery:held",
                as_of=world.PLACED + timedelta(days=2))  # fmt: skip
    turns = {
        "touch_id": [touch_id for touch_id, _ in tapped], "content_id": [video["id"] for video in videos],
        "creator_id": creators,
    }  # fmt: skip
    world.multiply(world.left_behind(before), ORDERS, turns)


def _forget_notices() -> None:
    """Told long ago: else the worker had a million events to make."""
    with db.write(world.SYSTEM) as session:
        session.execute(sa.delete(Notice))


if __name__ == "__main__":
    main()
