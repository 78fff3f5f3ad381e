"""Single products, read again at once: by a job, or because a person doesn't believe what we hold of one.

A delivery's products go through `webhooks.wanted`, which tries again.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs
from connector.commerce.catalog import read_again
from connector.commerce.catalog.tables import Listing, RefusedProduct
from connector.commerce.shops import queries as shops
from connector.db import Scope, new_id
from connector.errors import ConnectorError
from connector.platforms.contract import Http
from connector.sync import load, runs
from connector.sync.tables import SyncRun

MOST = 250  # products of one run: a job's arguments are bounded


@jobs.workflow("sync.products")
def refetch(shop_id: str, refs: Sequence[str], http: Http | None = None) -> int:
    """Read products by ref and take them in whole; how many were taken in.

    Errors: those of the platform; what was taken in stays, and doing it again is safe.
    """
    wanted = list(dict.fromkeys(refs))
    taken = 0
    for start in range(0, len(wanted), read_again.PART):
        jobs.check()
        taken += read_again.read_part(shop_id, wanted[start : start + read_again.PART], http)
    return taken


def start(session: Session, shop_id: str, refs: Sequence[str], by: str) -> SyncRun:
    """Queue a run that reads some products again and writes all of them, whatever is held. Beside any other run.

    Errors: NotFound; ValueError for none, or for more than MOST.
    """
    wanted = list(dict.fromkeys(refs))
    if not 0 < len(wanted) <= MOST:
        raise ValueError(f"name 1 to {MOST} products")
    shop = shops.get(session, shop_id)
    run = SyncRun(
        id=new_id("run"), shop_id=shop.id, kind="products", trigger=by, status="queued", expected=len(wanted),
        queued_at=clock.now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    runs.note(session, run.id, f"Queued ({by}): {', '.join(wanted[:10])}{' …' if len(wanted) > 10 else ''}.")
    audit.record(session, by, "run.products", run.id, shop_id=shop.id)
    jobs.enqueue(session, "sync.resync", run.id, shop_id=shop.id, run_id=run.id, refs=wanted)
    return run


@jobs.workflow("sync.resync")
def resync(shop_id: str, run_id: str, refs: Sequence[str], http: Http | None = None) -> str:
    """Carry such a run to its end; its final status. What the store does wrong ends it with a sentence."""
    try:
        with db.write(Scope.shop(shop_id)) as session:
            run = runs.hold(session, run_id)
            load.started(session, run, clock.now())
            run.started_at = run.started_at or run.heard_at
        for start in range(0, len(refs), read_again.PART):
            jobs.check()
            part = list(refs[start : start + read_again.PART])
            read_again.read_part(shop_id, part, http, force=True)
            _count(shop_id, run_id, part)
    except (runs.Stopped, runs.Paused):
        return _ended(shop_id, run_id, "stopped")
    except ConnectorError as error:
        return _ended(shop_id, run_id, "failed", str(error))
    except Exception as error:
        _ended(shop_id, run_id, "failed", f"an error on our side ({type(error).__name__})")
        raise
    return _ended(shop_id, run_id, "done")


def _count(shop_id: str, run_id: str, refs: Sequence[str]) -> None:
    """What became of each product: taken in, refused, or gone at the store."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.hold(session, run_id)
        refused = session.scalars(
            sa.select(RefusedProduct).where(RefusedProduct.shop_id == shop_id, RefusedProduct.product_ref.in_(refs))
        ).all()
        load.note_refusals(session, run, [(row.product_ref, row.title, row.reason, row.detail) for row in refused])
        out = {row.product_ref for row in refused}
        live = set(
            session.scalars(
                sa.select(Listing.product_ref).where(
                    Listing.shop_id == shop_id, Listing.product_ref.in_(refs), Listing.gone_at.is_(None)
                )
            )
        )
        gone = [ref for ref in refs if ref not in live and ref not in out]
        for ref in gone:
            runs.note(session, run.id, f"The store has no product {ref}: it is removed here.")
        run.products_in += len(refs) - len(gone)
        run.written += len(live - out)
        run.refused += len(out)
        run.gone += len(gone)
        run.lines_read += len(refs)
        run.heard_at = clock.now()


def _ended(shop_id: str, run_id: str, status: str, problem: str = "") -> str:
    with db.write(Scope.shop(shop_id)) as session:
        run = session.get(SyncRun, run_id, with_for_update=True)
        if run is None:
            return "missing"
        if run.status not in runs.ENDED:
            runs.end(session, run, "refusals" if status == "done" and run.refused else status, problem)
        return run.status
