"""Loading an export: a stream of product heads, variants and images in any order, a batch a transaction.

Children may come far from their parents, so nothing waits for anything: heads and variants are rows of their own, and
what needs both (price range, status) is settled when the file is through. The rows, the counts and the checkpoint of a
batch commit together; after a kill the file is asked for again behind the lines that were taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.catalog import rows
from connector.commerce.catalog.ids import listing_id, variant_id
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Scope, new_id
from connector.platforms.contract import BulkNode, RefusedItem
from connector.sync import dry, runs
from connector.sync.tables import SEEN, SyncImage, SyncRefusal, SyncRun

BATCH_LINES = 2_000
BATCH_BYTES = 4_000_000  # of content as JSON: long descriptions must not fill the memory
BATCH_SECONDS = 2.0  # a slow file still shows that it moves


@dataclass(slots=True)
class Batch:
    """What a few thousand lines brought."""

    lines: int = 0
    size: int = 0
    heads: list[rows.Weighed] = field(default_factory=list)
    variants: list[tuple[rows.Weighed, str]] = field(default_factory=list)  # with the product's ref
    images: list[tuple[int, str, str]] = field(default_factory=list)  # line within the batch, product ref, URL
    refused_heads: list[RefusedItem] = field(default_factory=list)
    refused_variants: list[tuple[RefusedItem, str]] = field(default_factory=list)

    def add(self, node: BulkNode) -> None:
        self.lines += 1
        value, parent = node.value, node.parent_ref or ""
        if isinstance(value, RefusedItem):
            if node.kind == "product":
                self.refused_heads.append(value)
            else:
                self.refused_variants.append((value, parent or value.product_ref))
        elif node.kind == "product":
            self.heads.append(rows.weigh_head(value))
            self.size += self.heads[-1].size
        elif node.kind == "variant":
            self.variants.append((rows.weigh_variant(value, parent), parent))
            self.size += self.variants[-1][0].size
        elif node.kind == "image" and value:
            self.images.append((self.lines, parent, value))
            self.size += len(value)

    @property
    def full(self) -> bool:
        return self.lines >= BATCH_LINES or self.size >= BATCH_BYTES


def batches(nodes: Iterable[BulkNode]) -> Iterator[Batch]:
    """Group a stream. What is complete goes out before an error of the stream goes on to the caller."""
    batch, since = Batch(), time.monotonic()
    try:
        for node in nodes:
            batch.add(node)
            if batch.full or (not batch.lines % 100 and time.monotonic() - since > BATCH_SECONDS):
                yield batch
                batch, since = Batch(), time.monotonic()
    except Exception:
        if batch.lines:
            yield batch
        raise
    if batch.lines:
        yield batch


def load(run_id: str, shop_id: str, nodes: Iterable[BulkNode], at: int) -> None:
    """Take a stream in that begins behind line `at`, where the run stands.

    Errors: those of the stream, after its complete lines were taken; runs.Stopped; jobs.Stopping, also when another
    worker has carried the run on (this one was silent for longer than its lease).
    """
    for batch in batches(nodes):
        with db.write(Scope.shop(shop_id)) as session:
            run = runs.hold(session, run_id)
            if run.lines_read != at:
                raise jobs.Stopping
            take_batch(session, run, batch)
            at = run.lines_read
        jobs.check()


def pass_over(session: Session, run: SyncRun, problem: str) -> None:
    """Leave out the next line of the file, which can't be read, whoever's it is: the run then removes nothing."""
    line = run.lines_read + 1
    note_refusals(session, run, [(f"line {line}", "", "line_unreadable", problem[:200])])
    run.holes += 1
    run.products_in += 1
    run.lines_read = line
    run.checkpoint = str(line)
    run.heard_at = clock.now()
    runs.note(session, run.id, f"Line {line:,} of the file can't be read and was left out: nothing will be removed.")


def take_batch(session: Session, run: SyncRun, batch: Batch) -> None:
    """Write what changed, mark what did not, and move the checkpoint. A dry run writes down what would change."""
    now = clock.now()
    if run.dry:
        dry.note_batch(session, run, batch.heads, batch.variants)
        _refuse(session, run, batch, set())
        _count(run, batch, now)
        session.flush()
        return
    overtaken = _overtaken(session, run)
    make = rows.Rows(session, run.shop_id, run.id, max(now, run.started_at or now))
    _take_heads(session, run, batch, make, overtaken)
    _take_variants(session, run, batch, make, overtaken)
    _take_images(session, run, batch)
    _refuse(session, run, batch, overtaken)
    _count(run, batch, now)
    session.flush()


def _count(run: SyncRun, batch: Batch, now: datetime) -> None:
    run.products_in += len(batch.heads) + len(batch.refused_heads)
    run.variants_in += len(batch.variants) + len(batch.refused_variants)
    run.images_in += 0 if run.dry else len(batch.images)
    run.lines_read += batch.lines
    run.checkpoint = str(run.lines_read)
    run.heard_at = now


def _overtaken(session: Session, run: SyncRun) -> set[str]:
    """Products that came whole by webhook since the export was asked for: what the file says of them may be older."""
    if run.exported_at is None:
        return set()
    return set(
        session.scalars(
            sa.select(Listing.product_ref).where(Listing.shop_id == run.shop_id, Listing.whole_at >= run.exported_at)
        )
    )


def _take_heads(session: Session, run: SyncRun, batch: Batch, make: rows.Rows, overtaken: set[str]) -> None:
    heads: dict[str, rows.Weighed] = {}
    for head in batch.heads:
        ref = head.value.product_ref
        if ref in overtaken:
            run.same += 1
        else:
            heads[listing_id(run.shop_id, ref)] = head
    same = _same(session, run, Listing, {key: head.content_hash for key, head in heads.items()})
    rows.upsert_listings(
        session, [make.listing(key, head) for key, head in heads.items() if key not in same], seen=True
    )


def _take_variants(session: Session, run: SyncRun, batch: Batch, make: rows.Rows, overtaken: set[str]) -> None:
    found = {
        variant_id(run.shop_id, variant.value.variant_ref): (variant, parent)
        for variant, parent in batch.variants
        if parent not in overtaken
    }
    hashes = {key: variant.content_hash for key, (variant, _) in found.items()}
    same = _same(session, run, VariantRow, hashes)
    changed = [make.variant(key, variant, parent) for key, (variant, parent) in found.items() if key not in same]
    rows.upsert_variants(session, changed, seen=True)


def _same(session: Session, run: SyncRun, kind: type[Listing] | type[VariantRow], hashes: dict[str, str]) -> set[str]:
    """Which of these (id → content hash) are held as they came. Their rows stay untouched; that they came is noted."""
    if run.fresh:
        return set()
    known = rows.known(session, kind, hashes)
    same = {key for key, content_hash in hashes.items() if known.get(key) == content_hash}
    name = "product" if kind is Listing else "variant"
    rows.append(session, SEEN.name, ("run_id", "kind", "key"), [(run.id, name, key) for key in same])
    return same


def _take_images(session: Session, run: SyncRun, batch: Batch) -> None:
    if batch.images:
        session.execute(
            sa.insert(SyncImage),
            [
                {"run_id": run.id, "line": run.lines_read + line, "product_ref": parent, "url": url}
                for line, parent, url in batch.images
            ],
        )


def _refuse(session: Session, run: SyncRun, batch: Batch, overtaken: set[str]) -> None:
    refused: dict[str, RefusedItem] = {}
    for item in batch.refused_heads:
        if item.product_ref in overtaken:
            run.same += 1
        else:
            refused.setdefault(item.product_ref, item)
    for item, parent in batch.refused_variants:
        if parent not in overtaken:
            refused.setdefault(parent, item)
    note_refusals(session, run, [(ref, item.title, item.reason, item.detail) for ref, item in refused.items()])


def note_refusals(session: Session, run: SyncRun, items: Sequence[tuple[str, str, str, str]]) -> None:
    """One row a product: (ref, title, reason, detail). The first reason stays."""
    for ref, title, reason, detail in items:
        session.execute(
            db.insert(session, SyncRefusal)
            .values(
                id=new_id("ref"), run_id=run.id, shop_id=run.shop_id, product_ref=ref, title=title, reason=reason,
                detail=detail,
            )
            .on_conflict_do_nothing(index_elements=["run_id", "product_ref"])
        )  # fmt: skip


def started(session: Session, run: SyncRun, now: datetime) -> None:
    """The file begins to come."""
    run.stage, run.status = "load", "running"
    run.loading_at = run.loading_at or now
    run.heard_at = now
