"""The end of a run: counts that must agree, tombstones for what a full sweep did not see, and every listing settled.

In chunks of products, each a transaction with its checkpoint, so that neither the memory nor SQLite's only writer is
held by a large catalog.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.catalog import rows, take
from connector.commerce.catalog.settle import settle, sums
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import RunRefused
from connector.sync import load, runs
from connector.sync.tables import SyncImage, SyncRefusal, SyncRun

CHUNK = 2_000
LARGE_SHARE, LARGE_NUMBER = 2, 20  # a sweep of more than one in two, and of more than twenty, asks first


def finish(run_id: str, shop_id: str) -> str:
    """Settle the run from where it stands; its final status.

    Errors: RunRefused when the counts don't agree or the sweep is too large, and nothing was tombstoned;
    runs.Stopped; jobs.Stopping.
    """
    _begin(run_id, shop_id)
    while _chunk(run_id, shop_id):
        jobs.check()
    with db.write(Scope.shop(shop_id)) as session:
        run = load.hold(session, run_id)
        _drop_orphans(session, run)
        run.refused = session.scalar(
            sa.select(sa.func.count()).select_from(SyncRefusal).where(SyncRefusal.run_id == run.id)
        ) or 0  # fmt: skip
        if run.products_in != run.written + run.same + run.refused:
            raise RunRefused(
                f"the counts don't agree: {run.products_in} products came in, {run.written} were written, "
                f"{run.same} were the same, {run.refused} were refused"
            )
        runs.end(session, run, "refusals" if run.refused else "done")
        return run.status


def _begin(run_id: str, shop_id: str) -> None:
    """Check that the whole file came, and how much would go. Once: a resumed run goes on with its chunks."""
    with db.write(Scope.shop(shop_id)) as session:
        run = load.hold(session, run_id)
        if run.stage == "settle":
            return
        if run.expected is not None and run.lines_read != run.expected:
            raise RunRefused(
                f"the store announced {run.expected:,} objects and its file had {run.lines_read:,}: nothing was removed"
            )
        _guard_sweep(session, run)
        run.stage, run.checkpoint, run.heard_at = "settle", "", clock.now()
        runs.note(session, run.id, f"Read all {run.lines_read:,} lines. Settling the listings.")


def _guard_sweep(session: Session, run: SyncRun) -> None:
    vanishing = session.scalar(sa.select(sa.func.count()).select_from(Listing).where(*_vanished(run))) or 0
    live = session.scalar(
        sa.select(sa.func.count()).select_from(Listing).where(Listing.shop_id == run.shop_id, Listing.gone_at.is_(None))
    ) or 0  # fmt: skip
    most = vanishing * LARGE_SHARE > live and vanishing > LARGE_NUMBER
    if (most or vanishing == live > 1) and not run.large_sweep:
        raise RunRefused(
            f"the store's catalog no longer has {vanishing:,} of {live:,} products: nothing was removed. "
            "If that is right, start the sync again and agree to the removal"
        )


def _vanished(run: SyncRun) -> tuple[sa.ColumnElement[bool], ...]:
    """Live listings that the whole file did not name, and that nobody brought since it was asked for."""
    refused = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)
    return (
        Listing.shop_id == run.shop_id,
        Listing.gone_at.is_(None),
        Listing.seen_run != run.id,
        sa.or_(Listing.whole_at.is_(None), Listing.whole_at < run.exported_at),
        Listing.product_ref.not_in(refused),
    )


def _chunk(run_id: str, shop_id: str) -> bool:
    """Settle the next products; False when there are none left."""
    with db.write(Scope.shop(shop_id)) as session:
        run = load.hold(session, run_id)
        found = session.execute(
            sa.select(
                Listing.product_ref, Listing.seen_run, Listing.updated_at, Listing.whole_at, Listing.gone_at,
                Listing.images if run.images_in else sa.null(), Listing.image_url,
            )
            .where(
                Listing.shop_id == shop_id,
                Listing.product_ref > run.checkpoint,
                sa.or_(Listing.gone_at.is_(None), Listing.seen_run == run.id),
            )
            .order_by(Listing.product_ref)
            .limit(CHUNK)
        ).all()  # fmt: skip
        if not found:
            return False
        _settle_chunk(session, run, found)
        run.checkpoint = found[-1].product_ref
        run.heard_at = clock.now()
        return True


def _settle_chunk(session: Session, run: SyncRun, found: Sequence[Any]) -> None:
    now = clock.now()
    since = run.exported_at or run.queued_at
    refs = [row.product_ref for row in found]
    refused = _refusals(session, run, refs)
    overtaken = {row.product_ref for row in found if row.whole_at is not None and row.whole_at >= since}
    vanished = [
        row.product_ref
        for row in found
        if row.seen_run != run.id and row.product_ref not in overtaken and row.product_ref not in refused
    ]
    take.bury(session, run.shop_id, vanished, since)
    run.gone += len(vanished)
    gone = set(vanished)
    by_file = [ref for ref in refs if ref not in gone and ref not in overtaken]
    whole = [ref for ref in by_file if ref not in refused]
    figures = sums(session, run.shop_id, by_file, run.id)
    lost = [ref for ref in whole if ref in figures and figures[ref].unseen]
    if lost:
        _bury_variants(session, run, lost, now)
        figures |= sums(session, run.shop_id, lost, run.id)
    changed = set(lost)
    if run.images_in:
        changed |= _put_images(session, run, [row for row in found if row.product_ref in set(whole)])
    shop = shops.get(session, run.shop_id)
    settle(session, shop, by_file, now, refused=refused, figures=figures)
    begun = run.started_at or run.queued_at
    for row in found:
        if row.seen_run != run.id or row.product_ref in refused:
            continue
        figure = figures.get(row.product_ref)
        new = (
            row.product_ref in changed or _since(row.updated_at, begun) or (figure and _since(figure.changed_at, begun))
        )
        if new and row.product_ref not in overtaken:
            run.written += 1
        else:
            run.same += 1


def _since(moment: datetime | None, begun: datetime) -> bool:
    return moment is not None and moment >= begun


def _refusals(session: Session, run: SyncRun, refs: Sequence[str]) -> dict[str, str]:
    found = session.execute(
        sa.select(SyncRefusal.product_ref, SyncRefusal.reason).where(
            SyncRefusal.run_id == run.id, rows.among(session, SyncRefusal.product_ref, refs)
        )
    )
    return {ref: reason for ref, reason in found}  # noqa: C416  a Row is no pair to dict()


def _bury_variants(session: Session, run: SyncRun, refs: Sequence[str], now: datetime) -> None:
    """Tombstones for variants that the file no longer has."""
    session.execute(
        sa.update(VariantRow)
        .where(
            VariantRow.shop_id == run.shop_id,
            rows.among(session, VariantRow.product_ref, refs),
            VariantRow.gone_at.is_(None),
            VariantRow.seen_run != run.id,
        )
        .values(gone_at=now, updated_at=now)
        .execution_options(synchronize_session=False)
    )


def _put_images(session: Session, run: SyncRun, found: Sequence[Any]) -> set[str]:
    """The images of the file, in its order; refs of the products whose images changed."""
    images: dict[str, list[str]] = {row.product_ref: [] for row in found}
    lines = session.execute(
        sa.select(SyncImage.product_ref, SyncImage.url)
        .where(SyncImage.run_id == run.id, rows.among(session, SyncImage.product_ref, list(images)))
        .order_by(SyncImage.line)
    )
    for ref, url in lines:
        if url not in images[ref]:
            images[ref].append(url)
    changed: set[str] = set()
    for row in found:
        wanted = images[row.product_ref]
        first = row.image_url or (wanted[0] if wanted else "")
        if list(row.images or []) != wanted or first != row.image_url:
            changed.add(row.product_ref)
            session.execute(
                sa.update(Listing)
                .where(Listing.shop_id == run.shop_id, Listing.product_ref == row.product_ref)
                .values(images=wanted, image_url=first)
                .execution_options(synchronize_session=False)
            )
    return changed


def _drop_orphans(session: Session, run: SyncRun) -> None:
    """Variants of a product that was refused, or never came: no part of it stays. The latter is a refusal too."""
    of_no_listing = sa.and_(
        VariantRow.shop_id == run.shop_id,
        VariantRow.gone_at.is_(None),
        ~sa.exists().where(
            Listing.shop_id == run.shop_id, Listing.product_ref == VariantRow.product_ref, Listing.gone_at.is_(None)
        ),
    )
    refs = session.scalars(sa.select(VariantRow.product_ref).where(of_no_listing).distinct()).all()
    for start in range(0, len(refs), 500):
        part = refs[start : start + 500]
        gone = session.scalars(
            sa.select(Listing.product_ref).where(
                Listing.shop_id == run.shop_id, rows.among(session, Listing.product_ref, part)
            )
        ).all()
        take.bury(session, run.shop_id, gone, clock.now())
        known = _refusals(session, run, part) | dict.fromkeys(gone, "")
        missing = [ref for ref in part if ref not in known]
        detail = "Its variants came without the product itself."
        load.note_refusals(session, run, [(ref, "", "product_missing", detail) for ref in missing])
        run.products_in += len(missing)
        session.execute(
            sa.delete(VariantRow)
            .where(
                VariantRow.shop_id == run.shop_id,
                rows.among(session, VariantRow.product_ref, part),
                VariantRow.product_ref.not_in(gone),
            )
            .execution_options(synchronize_session=False)
        )
