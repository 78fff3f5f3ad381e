"""`connector import codes|links|balances FILE --shop SHOP`: what a merchant brings from an earlier programme."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import Conflict
from connector.operations.imports import report, run
from connector.operations.options import by_option, person
from connector.operations.starting import open_process

WHY = "a command is an operator's, and names a shop by its host"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _brings(command: Callable[..., None]) -> Callable[..., None]:
    """What every kind of file is brought with."""
    for option in reversed(
        (
            click.argument("file", type=_FILE),
            click.option("--shop", required=True, help="The shop's id or its host."),
            click.option("--dry-run", is_flag=True, help="Only report: nothing is taken."),
            click.option("--token", default="", help="Take only if this report of a dry run still holds."),
            by_option,
        )
    ):
        command = option(command)
    return command


@click.group("import")
def imports() -> None:
    """Codes, links and open balances from an earlier programme: looked at first, then taken."""


@imports.command("codes")
@_brings
def codes(file: Path, shop: str, dry_run: bool, token: str, by: str | None) -> None:
    """Creators' codes: columns code, creator."""
    _bring("codes", file, shop, dry_run, token, by)


@imports.command("links")
@_brings
def links(file: Path, shop: str, dry_run: bool, token: str, by: str | None) -> None:
    """Bio links with their old address: columns tag, creator, product; variant, network, content, kind, title."""
    _bring("links", file, shop, dry_run, token, by)


@imports.command("balances")
@_brings
def balances(file: Path, shop: str, dry_run: bool, token: str, by: str | None) -> None:
    """What creators are still owed from before: columns creator, currency, amount; ref makes a row its own."""
    _bring("balances", file, shop, dry_run, token, by)


@imports.command("list")
@click.option("--shop", help="Only this shop, by its host or its id.")
def list_imports(shop: str | None) -> None:
    """The newest imports and what became of them."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        shop_id = shops.by_name(session, shop).id if shop else None
        for row in run.newest(session, shop_id):
            click.echo(f"{row.id}  {row.looked_at:%Y-%m-%d %H:%M}  {row.kind:9} {row.status:8} {row.rows} rows")


@imports.command("report")
@click.argument("import_id")
@click.option("--csv", "as_csv", is_flag=True, help="Every row, as CSV.")
def show(import_id: str, as_csv: bool) -> None:
    """Print an import's report again."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        row = run.get(session, import_id)
        session.expunge(row)
        for line in report.as_csv(session, row) if as_csv else report.lines(session, row):
            click.echo(line, nl=not as_csv)


def _bring(kind: str, file: Path, shop: str, dry_run: bool, token: str, by: str | None) -> None:
    """Look, print, and unless it is a dry run take what is clean. Exit code 1 where a row conflicts or is refused."""
    open_process()
    who = person(by)
    with db.read(Scope.system(WHY)) as session:
        shop_id = shops.by_name(session, shop).id
    with file.open("rb") as stream:
        import_id = run.look(stream, kind=kind, shop_id=shop_id, file_name=file.name, by=who)
    with db.read(Scope.shop(shop_id)) as session:
        found = run.get(session, import_id)
        stands = found.token
    if token and token != stands and not dry_run:
        _print(shop_id, import_id)
        raise Conflict("another report", public="The report isn't the one of your dry run: nothing was taken.")
    if not dry_run:
        if by is None:
            with db.read(Scope.shop(shop_id)) as session:
                if run.needs_second(session, run.get(session, import_id), clock.now()):
                    raise Conflict("no name", public="Its sum asks for two people: say with --by who brings it.")
        run.take(import_id, shop_id, stands, by=who)
    came = _print(shop_id, import_id)
    if dry_run:
        click.echo("Nothing was taken. Without --dry-run what would be taken is; with --token only if all is as now.")
    sys.exit(1 if came.get("conflict") or came.get("refused") else 0)


def _print(shop_id: str, import_id: str) -> dict[str, int]:
    with db.read(Scope.shop(shop_id)) as session:
        row = run.get(session, import_id)
        session.expunge(row)
        for line in report.lines(session, row):
            click.echo(line)
        return run.counts(session, import_id)
