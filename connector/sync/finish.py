"""The end of a run: counts that must agree, tombstones for what a full sweep did not see, and every listing settled.

In chunks of products, each a transaction with its checkpoint, so that neither the memory nor SQLite's only writer is
held by a large catalog.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.catalog import changes, refusals, rows, take
from connector.commerce.catalog.settle import Sum, settle, sums
from connector.commerce.catalog.tables import Listing, RefusedProduct, VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import RunRefused
from connector.sync import load, runs
from connector.sync.tables import SEEN, SyncImage, SyncRefusal, SyncRun

CHUNK = 1_000
BREATH = 0.02  # seconds between two chunks on SQLite: webhooks and heartbeats want the only writer too
MARKED_AT_ONCE = 5_000
LARGE_SHARE, LARGE_NUMBER = 2, 20  # a sweep of more than one in two, and of more than twenty, asks first


def finish(run_id: str, shop_id: str) -> str:
    """Settle the run from where it stands; its final status.

    Errors: RunRefused when the counts don't agree, runs.Asks when the sweep is large: nothing was tombstoned then;
    runs.Stopped; jobs.Stopping.
    """
    settling, whole = _settling(run_id, shop_id)
    if not settling:
        for kind in (Listing, VariantRow) if whole else ():
            while mark_missed(run_id, shop_id, kind):
                jobs.check()
        while _mark_touched(run_id, shop_id):
            jobs.check()
        _begin(run_id, shop_id)
    while _chunk(run_id, shop_id):
        jobs.check()
        if db.current().is_sqlite:
            time.sleep(BREATH)
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        _drop_orphans(session, run)
        _name_refusals(session, run)
        list_refusals(session, run)
        _count(session, run)
        runs.end(session, run, "refusals" if run.refused else "done")
        return run.status


def _settling(run_id: str, shop_id: str) -> tuple[bool, bool]:
    """Is it past the check that the whole file came, and could every line be read? What a line that could not be read
    was about isn't known, so that nothing may be taken for missing then. Errors: RunRefused when the file was cut.
    """
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        if run.stage != "settle" and run.expected is not None and run.lines_read != run.expected:
            raise RunRefused(
                f"the store announced {run.expected:,} objects and its file had {run.lines_read:,}: nothing was removed"
            )
        return run.stage == "settle", not run.holes


def missed(run_id: str) -> str:
    """The mark of a row that the run's whole file did not name."""
    return f"missed:{run_id}"


def touched(run_id: str) -> str:
    """The mark of a listing that is the same itself, and of which a variant came, changed or went."""
    return f"touched:{run_id}"


def mark_missed(run_id: str, shop_id: str, kind: type[Listing] | type[VariantRow]) -> int:
    """Mark some live rows that the file neither changed nor named; how many. What is the same stays untouched.

    The search reads a whole shop, so it is done outside of the write.
    """
    untouched = (
        sa.select(kind.id)
        .where(kind.shop_id == shop_id, kind.gone_at.is_(None), kind.seen_run.not_in((run_id, missed(run_id))))
        .except_(sa.select(SEEN.c.key).where(SEEN.c.run_id == run_id))
        .limit(MARKED_AT_ONCE)
    )
    with db.read(Scope.shop(shop_id)) as session:
        keys = list(session.scalars(untouched))
    _mark(run_id, shop_id, kind, keys, missed(run_id))
    return len(keys)


def _mark_touched(run_id: str, shop_id: str) -> int:
    """Mark some listings that must be settled for their variants' sake alone; how many."""
    marks = (run_id, missed(run_id))
    variants = sa.select(VariantRow.product_ref).where(VariantRow.shop_id == shop_id, VariantRow.seen_run.in_(marks))
    untouched = (
        sa.select(Listing.id)
        .where(
            Listing.shop_id == shop_id,
            Listing.gone_at.is_(None),
            Listing.seen_run.not_in((*marks, touched(run_id))),
            Listing.product_ref.in_(variants),
        )
        .limit(MARKED_AT_ONCE)
    )
    with db.read(Scope.shop(shop_id)) as session:
        keys = list(session.scalars(untouched))
    _mark(run_id, shop_id, Listing, keys, touched(run_id))
    return len(keys)


def _mark(run_id: str, shop_id: str, kind: type[Listing] | type[VariantRow], keys: list[str], mark: str) -> None:
    if keys:
        with db.write(Scope.shop(shop_id)) as session:
            runs.hold(session, run_id).heard_at = clock.now()
            session.execute(
                sa.update(kind)
                .where(rows.among(session, kind.id, keys))
                .values(seen_run=mark)
                .execution_options(synchronize_session=False)
            )


def _begin(run_id: str, shop_id: str) -> None:
    """Check how much would go, then begin with the chunks."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        guard_sweep(session, run)
        run.stage, run.checkpoint, run.heard_at = "settle", "", clock.now()
        runs.note(session, run.id, f"Read all {run.lines_read:,} lines. Settling the listings.")


def guard_sweep(session: Session, run: SyncRun) -> None:
    refused = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)
    live = (Listing.shop_id == run.shop_id, Listing.gone_at.is_(None))
    vanishing = _number(
        session, Listing, *live, Listing.seen_run == missed(run.id), Listing.product_ref.not_in(refused),
        sa.or_(Listing.whole_at.is_(None), Listing.whole_at < run.exported_at),
    )  # fmt: skip
    held = _number(session, Listing, *live)
    emptied = 0 if run.large_sweep else _emptied(session, run)
    going = vanishing + emptied
    most = going * LARGE_SHARE > held and going > LARGE_NUMBER
    if (most or going == held > 1) and not run.large_sweep:
        what = f"no longer has {vanishing:,} of {held:,} products"
        if emptied:
            what = f"has no variant any more of {emptied:,} of {held:,} products, and {vanishing:,} of them not at all"
        raise runs.Asks(
            f"the store's catalog {what}: nothing was removed. "
            "If that is right, start the sync again and agree to the removal"
        )


def _emptied(session: Session, run: SyncRun) -> int:
    """Products that came, and of whose variants none did: an answer without them would sell nothing, quietly."""
    live = (VariantRow.shop_id == run.shop_id, VariantRow.gone_at.is_(None))
    lost = VariantRow.seen_run == missed(run.id)
    number = _number(session, VariantRow, *live, lost)
    if not number or number * LARGE_SHARE <= _number(session, VariantRow, *live):
        return 0
    bare = (
        sa.select(VariantRow.product_ref)
        .where(*live)
        .group_by(VariantRow.product_ref)
        .having(sa.func.count() == sa.func.count(sa.case((lost, 1))))
    )
    refused = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)
    return _number(
        session, Listing, Listing.shop_id == run.shop_id, Listing.gone_at.is_(None),
        Listing.seen_run != missed(run.id), Listing.product_ref.in_(bare), Listing.product_ref.not_in(refused),
        sa.or_(Listing.whole_at.is_(None), Listing.whole_at < run.exported_at),
    )  # fmt: skip


def _number(session: Session, what: Any, *where: sa.ColumnElement[bool]) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(what).where(*where)) or 0


def _chunk(run_id: str, shop_id: str) -> bool:
    """Settle the next products; False when there are none left."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        found = session.execute(
            sa.select(
                Listing.product_ref, Listing.seen_run, Listing.whole_at,
                Listing.images if run.images_in else sa.null(), Listing.image_url,
            )
            .where(
                Listing.shop_id == shop_id, Listing.product_ref > run.checkpoint, Listing.gone_at.is_(None), _open(run)
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


def _open(run: SyncRun) -> sa.ColumnElement[bool]:
    """Listings that may have to change: what the run touched or refused, and what an earlier refusal closed."""
    if run.fresh or run.settle_all or run.images_in:
        return sa.true()
    return sa.or_(
        Listing.seen_run.in_((run.id, missed(run.id), touched(run.id))),
        Listing.reason.in_(("refused", "syncing", "shop_left")),
        Listing.product_ref.in_(sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)),
    )


def _settle_chunk(session: Session, run: SyncRun, found: Sequence[Any]) -> None:
    now = clock.now()
    since = run.exported_at or run.queued_at
    refused = _refusals(session, run, [row.product_ref for row in found])
    by_file = [row for row in found if row.whole_at is None or row.whole_at < since]
    vanished = [row.product_ref for row in by_file if row.seen_run == missed(run.id) and row.product_ref not in refused]
    take.bury(session, run.shop_id, vanished, since)
    run.gone += len(vanished)
    gone = set(vanished)
    stays = [row for row in by_file if row.product_ref not in gone]
    whole = [row for row in stays if row.product_ref not in refused]
    refs = [row.product_ref for row in stays]
    figures = sums(session, run.shop_id, refs, missed(run.id))
    lost = [row.product_ref for row in whole if figures.get(row.product_ref, Sum()).missed]
    if lost:
        _bury_variants(session, run, lost, now)
        figures |= sums(session, run.shop_id, lost)
    changed = set(lost)
    if run.images_in:
        changed |= _put_images(session, run, whole)
    moved = [row.product_ref for row in whole if row.seen_run == touched(run.id) or row.product_ref in changed]
    rows.touch(session, run.shop_id, moved, now)
    settle(session, shops.get(session, run.shop_id), refs, now, refused=refused, figures=figures)
    if not run.fresh:  # else its status changed, and with that it was noted
        marks = (run.id, touched(run.id))
        changes.note(session, run.shop_id, [row.product_ref for row in whole if row.seen_run in marks])
    for row in whole:
        # Its head was the same, and something else of it was not. The others are counted at the end.
        if row.seen_run == touched(run.id) or (row.seen_run != run.id and row.product_ref in changed):
            run.written += 1
            run.same -= 1


def _name_refusals(session: Session, run: SyncRun) -> None:
    """A refused variant doesn't know its product's title; the listing does."""
    title = (
        sa.select(Listing.title)
        .where(Listing.shop_id == run.shop_id, Listing.product_ref == SyncRefusal.product_ref)
        .scalar_subquery()
    )
    session.execute(
        sa.update(SyncRefusal)
        .where(SyncRefusal.run_id == run.id, SyncRefusal.title == "")
        .values(title=sa.func.coalesce(title, ""))
        .execution_options(synchronize_session=False)
    )


def list_refusals(session: Session, run: SyncRun) -> None:
    """Bring the shop's list of what is refused now in line with a whole run: what it met, and nothing else."""
    met = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)
    session.execute(
        sa.delete(RefusedProduct)
        .where(
            RefusedProduct.shop_id == run.shop_id, RefusedProduct.product_ref.not_in(met),
            RefusedProduct.last_at < (run.exported_at or run.queued_at),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    after = ""
    while True:
        page = session.scalars(
            sa.select(SyncRefusal)
            .where(SyncRefusal.run_id == run.id, SyncRefusal.product_ref > after)
            .order_by(SyncRefusal.product_ref)
            .limit(1_000)
        ).all()
        if not page:
            return
        items = [(row.product_ref, row.title, row.reason, row.detail) for row in page]
        refusals.note(session, run.shop_id, items, clock.now(), run.id)
        after = page[-1].product_ref


def _count(session: Session, run: SyncRun) -> None:
    """What is in the database, against what came in. Errors: RunRefused when they differ."""
    refused = sa.select(SyncRefusal.product_ref).where(SyncRefusal.run_id == run.id)
    taken = (Listing.shop_id == run.shop_id, Listing.product_ref.not_in(refused))
    run.written += _number(session, Listing, *taken, Listing.seen_run == run.id)
    same = sa.select(Listing.id).where(*taken)
    run.same += _number(session, SEEN, SEEN.c.run_id == run.id, SEEN.c.kind == "product", SEEN.c.key.in_(same))
    run.refused = _number(session, SyncRefusal, SyncRefusal.run_id == run.id)
    if run.products_in != run.written + run.same + run.refused:
        raise RunRefused(
            f"the counts don't agree: {run.products_in} products came in, {run.written} were written, "
            f"{run.same} were the same, {run.refused} were refused"
        )


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
            VariantRow.seen_run == missed(run.id),
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
    live = (Listing.shop_id == run.shop_id, Listing.gone_at.is_(None))
    counted = session.scalar(sa.select(sa.func.sum(Listing.variant_count)).where(*live)) or 0
    if counted == _number(session, VariantRow, VariantRow.shop_id == run.shop_id, VariantRow.gone_at.is_(None)):
        return
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
