"""A run by pages of whole products: what changed since the last run, or all of a store that has no export.

Pages are asked for one after another and taken in together, some hundreds of products a transaction, with the store's
own checkpoint: after a kill the page after the last committed one is asked for. Every product comes whole, so that it
is settled at once; only a run over all of a catalog sweeps at its end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.catalog import rows, take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import PlatformBusy, PlatformDown
from connector.events import Product
from connector.platforms.contract import Client, Platform, ProductPage, RefusedItem
from connector.sync import dry, finish, load, runs
from connector.sync.patience import patiently
from connector.sync.tables import SEEN, SyncRun

MOST_PRODUCTS = 500
MOST_VARIANTS = 2_500
MOST_SECONDS = 5.0  # slow pages are taken in all the same, so that the run shows that it moves
BURIED_AT_ONCE = 1_000


@dataclass(slots=True)
class Part:
    """Some pages, until they are taken in; `checkpoint` is where to go on behind them, None at the end."""

    checkpoint: str | None
    pages: int = 0
    products: list[Product] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    variants: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, page: ProductPage) -> None:
        self.pages += 1
        self.products += page.products
        self.refused += page.refused
        self.gone += page.gone
        self.variants += sum(len(product.variants) for product in page.products)
        self.checkpoint = page.checkpoint

    @property
    def full(self) -> bool:
        return (
            len(self.products) + len(self.refused) >= MOST_PRODUCTS
            or self.variants >= MOST_VARIANTS
            or time.monotonic() - self.since > MOST_SECONDS
        )


def pull(run_id: str, shop_id: str, platform: Platform) -> str:
    """Carry the run on from its page to its end; its final status.

    Errors: runs.Asks when a sweep is large; RunRefused; those of the platform; runs.Stopped, Paused; jobs.Stopping.
    """
    since, checkpoint, stage = _begin(run_id, shop_id, platform.products_overlap_seconds or platform.overlap_seconds)
    while stage != "settle":
        read = partial(_read_part, platform, since, checkpoint)
        part = patiently(run_id, shop_id, read, "reading its products")
        checkpoint = part.checkpoint
        _take(run_id, shop_id, part)
        if checkpoint is None:
            break
        jobs.check()
    return _end(run_id, shop_id)


def _read_part(platform: Platform, since: datetime | None, checkpoint: str | None, client: Client) -> Part:
    """Pages until they are worth a transaction, or the store goes away behind the first of them."""
    part = Part(checkpoint)
    while True:
        try:
            page = platform.catalog.changed(client, since, part.checkpoint)
        except (PlatformBusy, PlatformDown):
            if part.pages:
                return part
            raise
        part.add(page)
        if part.full or part.checkpoint is None:
            return part


def _begin(run_id: str, shop_id: str, overlap: int) -> tuple[datetime | None, str | None, str]:
    """Since when to ask, the page to go on with, and the stage."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        now = clock.now()
        if not run.stage:
            run.exported_at = run.exported_at or now
            load.started(session, run, now)
            if run.kind == "changed":
                mark = runs.watermark(session, shop_id)
                run.since = mark - timedelta(seconds=overlap) if mark is not None else None
                told = f"{run.since:%Y-%m-%d %H:%M:%S} UTC" if run.since else "the beginning"
                runs.note(session, run.id, f"Asking for the products that changed since {told}.")
        return run.since, run.checkpoint or None, run.stage


def _take(run_id: str, shop_id: str, part: Part) -> None:
    """Take the products in; the counts and the checkpoint go with them."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        now = clock.now()
        if run.dry:
            dry.note_products(session, run, part.products)
        else:
            _take_products(session, run, part, max(now, run.started_at or now))
            if part.gone:
                take.bury(session, shop_id, part.gone, run.exported_at or now)
                run.gone += len(part.gone)
        items = [(item.product_ref, item.title, item.reason, item.detail) for item in part.refused]
        load.note_refusals(session, run, items)
        run.products_in += len(part.products) + len(part.refused)
        run.variants_in += part.variants
        run.lines_read += len(part.products) + len(part.refused)
        run.refused += len(part.refused)
        run.heard_at = now
        if part.checkpoint is None:
            run.stage, run.checkpoint = "settle", ""
        else:
            run.checkpoint = part.checkpoint


def _take_products(session: Session, run: SyncRun, part: Part, now: datetime) -> None:
    shop = shops.get(session, run.shop_id)
    counts = take.apply_products(session, shop, part.products, run.id, now)
    take.refuse(session, shop, part.refused, now, run.id)
    run.written += counts.written
    run.same += len(part.products) - counts.written  # the same, older than what we hold, or twice in these pages
    if run.kind == "full":
        refs = [*(product.product_ref for product in part.products), *(item.product_ref for item in part.refused)]
        came = [(run.id, "product", listing_id(run.shop_id, ref)) for ref in refs]
        rows.append(session, SEEN.name, ("run_id", "kind", "key"), came)


def _end(run_id: str, shop_id: str) -> str:
    with db.read(Scope.shop(shop_id)) as session:
        run = session.get_one(SyncRun, run_id)
        is_dry, whole = run.dry, run.kind == "full"
    if is_dry:
        return dry.finish(run_id, shop_id)
    if whole:
        while finish.mark_missed(run_id, shop_id, Listing):
            jobs.check()
        with db.write(Scope.shop(shop_id)) as session:
            finish.guard_sweep(session, runs.hold(session, run_id))
        while _bury(run_id, shop_id):
            jobs.check()
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        if whole:
            finish.list_refusals(session, run)
        runs.end(session, run, "refusals" if run.refused else "done")
        return run.status


def _bury(run_id: str, shop_id: str) -> int:
    """Tombstones for some listings that no page had; how many."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        since = run.exported_at or run.queued_at
        refs = session.scalars(
            sa.select(Listing.product_ref)
            .where(
                Listing.shop_id == shop_id, Listing.gone_at.is_(None), Listing.seen_run == finish.missed(run_id),
                sa.or_(Listing.whole_at.is_(None), Listing.whole_at < since),
            )
            .order_by(Listing.product_ref)
            .limit(BURIED_AT_ONCE)
        ).all()  # fmt: skip
        take.bury(session, shop_id, refs, since)
        run.gone += len(refs)
        run.heard_at = clock.now()
        return len(refs)
