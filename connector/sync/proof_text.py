"""The command `connector proof`, as a person at a terminal sees it."""

from __future__ import annotations

from datetime import date, timedelta

from rich.console import Console

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.sync import proof, queries, watch
from connector.sync.tables import DailyProof

DAYS = 7
# What a gap is, and what happens about it without anybody's doing.
GAPS = {
    "missing_here": "is at the store and not here",
    "older_here": "is newer at the store",
    "not_evaluated": "is here and not evaluated",
    "not_listed": "is here, and the store lists it on no day of its own yet",
    "unreadable_here": "could not be read again",
}


def command(shop: str | None, day: str | None, *, make: bool) -> int:
    """Print the kept proofs of a shop or of all, or make them anew first; 0 when every day shown holds.

    Errors: NotFound; InputRefused for a day that isn't over.
    """
    console = Console()
    if shop is None:
        with db.read(Scope.system("a command prints the proofs of every shop")) as session:
            found = shops.every(session)
            session.expunge_all()
    else:
        found = [watch.find(shop)]
    bad = 0
    for one in found:
        for row in _rows(one, day, make=make):
            _print(console, one, row)
            bad += row.status != "proved"
    if not found:
        console.print("No shop has joined.")
    return 1 if bad else 0


def _rows(shop: Shop, day: str | None, *, make: bool) -> list[DailyProof]:
    if make:
        today = clock.now().astimezone(proof.zone_of(shop)).date()
        days = [date.fromisoformat(day)] if day else [today - timedelta(days=back) for back in range(1, DAYS + 1)]
        whole = [proof.day_of(shop, each) for each in days]
        return [
            proof.prove(shop.id, date.fromisoformat(each.name))
            for each in whole
            if day or each.starts_at < each.ends_at
        ]
    with db.read(Scope.shop(shop.id)) as session:
        rows = list(queries.proofs(session, shop.id, since=day or "", until=day or "", limit=DAYS))
        session.expunge_all()
        return rows


def _print(console: Console, shop: Shop, row: DailyProof) -> None:
    equal = "=" if row.store_versions_hash == row.our_versions_hash else "≠"
    figures = f"{row.at_store} at the store, {row.seen} seen, {row.evaluated} evaluated"
    hashes = f"{row.store_versions_hash[:12]} {equal} {row.our_versions_hash[:12]}"
    said = row.problem or f"{figures}; {hashes}"
    console.print(f"{shop.domain}  {row.day}  {row.status}: {said}", highlight=False, markup=False, soft_wrap=True)
    for gap in row.gaps:
        why = f": {gap['why']}" if gap["why"] else ""
        console.print(f"  {gap['order']} {GAPS[gap['what']]}{why}", highlight=False, markup=False, soft_wrap=True)
    if row.gaps:
        again = row.tried_at + proof.next_try(row.tries)
        console.print(f"  A worker tries again from {again:%Y-%m-%d %H:%M} UTC on.", highlight=False, soft_wrap=True)
