"""The commands `connector sync` and `connector reconcile`, as a person at a terminal sees them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session

from connector import clock, db, jobs
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, NotFound
from connector.sync import products as anew
from connector.sync import queries, runs
from connector.sync import reconcile as passes
from connector.sync import resume as resume_run
from connector.sync.tables import SyncRun

LOOK_EVERY = 0.5
_STAGES = {
    "": "Queued",
    "export": "The store prepares its export",
    "load": "Reading",
    "settle": "Settling the listings",
}


def command(
    shop: str, *, kind: runs.Kind = "full", dry: bool = False, large_sweep: bool = False, wait: bool = True
) -> int:
    """Start a run (or join the one under way), show it to its end; 0 when the catalog was taken in.

    Errors: NotFound, Conflict.
    """
    found = find(shop)
    with db.write(Scope.shop(found.id)) as session:
        run = runs.start(session, found.id, "command", kind=kind, large_sweep=large_sweep, dry=dry)
        if run.dry != dry:
            raise Conflict(f"another run is under way ({run.id}): wait for its end, or stop it")
    return _follow(found, run.id, wait=wait)


def products(shop: str, refs: Sequence[str], *, wait: bool = True) -> int:
    """Have some products read again and written whatever is held; 0 when all were taken in. Errors: NotFound."""
    found = find(shop)
    with db.write(Scope.shop(found.id)) as session:
        run_id = anew.start(session, found.id, refs, "command").id
    return _follow(found, run_id, wait=wait)


def resume(shop: str, *, wait: bool = True) -> int:
    """Let the newest run go on where a person paused or stopped it. Errors: NotFound, Conflict."""
    found = find(shop)
    with db.write(Scope.shop(found.id)) as session:
        run_id = resume_run.resume(session, _newest(session, found), "command").id
    return _follow(found, run_id, wait=wait)


def act(shop: str, what: Literal["pause", "stop"]) -> int:
    """Pause or stop the run under way, at its next checkpoint. Errors: NotFound when there is none; Conflict."""
    found = find(shop)
    with db.write(Scope.shop(found.id)) as session:
        run = runs.live(session, found.id)
        if run is None:
            raise NotFound(f"no run of {found.domain} is under way")
        do = {"pause": runs.pause, "stop": runs.stop}[what]
        status = do(session, run.id, "command").status
        Console().print(f"{found.domain}: run {run.id} is {status}.", highlight=False, soft_wrap=True)
    return 0


def refused(shop: str) -> int:
    """Print what can't be taken in now, by cause; 0 when there is nothing. Errors: NotFound."""
    console = Console()
    found = find(shop)
    with db.read(Scope.shop(found.id)) as session:
        groups = queries.dead_letters(session, found.id)
    for group in groups:
        console.print(f"{group.count:,} × {group.title} {group.remedy}", highlight=False, markup=False)
        for item in group.items:
            name = item.title or item.product_ref
            console.print(f"  {name} ({item.product_ref}): {item.detail}", highlight=False, markup=False)
        if group.count > len(group.items):
            console.print(f"  … and {group.count - len(group.items):,} more")
    if not groups:
        console.print(f"{found.domain}: everything could be taken in.", highlight=False)
    return 1 if groups else 0


def _follow(found: Shop, run_id: str, *, wait: bool) -> int:
    console = Console()
    if not _worker_lives():
        console.print("No worker is running, so nothing moves yet: start one with [bold]connector worker[/bold].")
    if not wait:
        console.print(f"{found.domain}: run {run_id} is queued.")
        return 0
    run = _watch(console, found, run_id)
    figures = (
        f"{run.products_in:,} products in = {run.written:,} written + {run.same:,} the same + {run.refused:,} refused; "
        f"{run.gone:,} removed"
    )
    console.print(f"{found.domain}: {run.status}. {run.problem or figures}", highlight=False, soft_wrap=True)
    _show_differences(console, run)
    _show_refusals(console, run)
    return 0 if run.status in ("done", "refusals") else 1


def _newest(session: Session, shop: Shop) -> str:
    run = queries.newest(session, shop.id)
    if run is None:
        raise NotFound(f"{shop.domain} never had a sync run")
    return run.id


def _watch(console: Console, shop: Shop, run_id: str) -> SyncRun:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(shop.domain, total=None, rate="")
        while True:
            with db.read(Scope.shop(shop.id)) as session:
                run = session.get_one(SyncRun, run_id)
                session.expunge(run)
            _draw(bar, task, shop, run)
            if run.status in runs.ENDED or run.status == "paused":
                return run
            time.sleep(LOOK_EVERY)


def _draw(bar: Progress, task: TaskID, shop: Shop, run: SyncRun) -> None:
    told = runs.progress(run)
    rate = f"{told.rate:,.0f}/s" if told.rate else ""
    total = told.expected if run.stage in ("load", "settle") else None
    bar.update(
        task, description=f"{shop.domain}: {_STAGES[run.stage]}", completed=told.done, total=total, rate=rate
    )  # fmt: skip


def _show_differences(console: Console, run: SyncRun) -> None:
    """What a dry run would change, as a person reads it."""
    if not run.dry:
        return
    with db.read(Scope.shop(run.shop_id)) as session:
        shown = queries.differences(session, run.id, limit=50)
        total = sum(queries.difference_counts(session, run.id).values())
    for item in shown:
        name = item.title or item.product_ref
        console.print(f"  {item.kind}: {name} ({item.product_ref})", highlight=False, markup=False)
        for what, before, after in item.details:
            console.print(f"    {what}: {before} → {after}", highlight=False, markup=False)
    if total > len(shown):
        console.print(f"  … and {total - len(shown):,} more")


def _show_refusals(console: Console, run: SyncRun) -> None:
    if not run.refused:
        return
    with db.read(Scope.shop(run.shop_id)) as session:
        shown = queries.refusals(session, run.id, limit=20)
        for item in shown:
            console.print(
                f"  {item.title or item.product_ref}: {item.reason}. {item.detail}", highlight=False, markup=False
            )
    if run.refused > len(shown):
        console.print(f"  … and {run.refused - len(shown):,} more")


def reconcile(shop: str | None, since: datetime | None) -> int:
    """One pass over one shop or all connected ones; 0 when no gap is left. Errors: NotFound."""
    console = Console()
    if shop is None:
        with db.read(Scope.system("a command reconciles every shop")) as session:
            every = [(row.id, row.domain) for row in shops.connected(session)]
    else:
        found = find(shop)
        every = [(found.id, found.domain)]
    left = 0
    for shop_id, domain in every:
        row = passes.reconcile(shop_id, since=since, as_of=clock.now())
        console.print(
            f"{domain}: {row.at_store} orders at the store = {row.seen_before} seen + {row.fetched} fetched; "
            f"{row.evaluated} evaluated ({row.status})",
            highlight=False,
            soft_wrap=True,
        )
        for name in row.missing:
            console.print(f"  repaired: {name}", highlight=False, markup=False, soft_wrap=True)
        for gap in row.gaps:
            console.print(f"  still open: {gap['order']}: {gap['why']}", highlight=False, markup=False, soft_wrap=True)
        if row.problem:
            console.print(f"  {row.problem}", highlight=False, markup=False, soft_wrap=True)
        left += row.status != "done"
    if not every:
        console.print("No shop is connected.")
    return 1 if left else 0


def find(name: str) -> Shop:
    """A shop by id or host. Errors: NotFound."""
    with db.read(Scope.system("a command finds a shop by its name")) as session:
        found = session.scalar(sa.select(Shop).where(sa.or_(Shop.id == name, Shop.domain == name.lower())))
        if found is None:
            raise NotFound(f"no shop is called {name[:80]!r}")
        session.expunge(found)
        return found


def _worker_lives() -> bool:
    with db.read(Scope.system("is a worker running?")) as session:
        held = jobs.holder(session)
        return held is not None and held.until > clock.wall()
