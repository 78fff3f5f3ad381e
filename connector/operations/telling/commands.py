"""`connector events …`: where the app hears of events, what waits, sending again."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from connector import db
from connector.db import Scope
from connector.errors import InputRefused
from connector.operations.starting import open_process
from connector.operations.telling import catalogue, gather, queries, replay
from connector.operations.telling import endpoints as rooms

WHY = "a command is an operator's, and events are of all shops"
BY = "command"


@click.group()
def events() -> None:
    """Events to the app's back end: endpoints, what waits, sending again."""


@events.command("kinds")
def kinds() -> None:
    """List the kinds of events that there are."""
    for kind, about in catalogue.KINDS.items():
        click.echo(f"{kind:22} {about.when}")


@events.command("list")
def list_endpoints() -> None:
    """List the endpoints, with what waits for each."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        rows = gather.endpoints(session)
        figures = queries.figures(session, [row.id for row in rows])
    for row in rows:
        state = row.status if not row.off_why else f"{row.status} ({row.off_why})"
        found = figures[row.id]
        click.echo(f"{row.id}  {state:14} {row.name:20} {found.waiting} wait, {found.given_up} given up")
    click.echo(f"{len(rows)} endpoints.")


@events.command("endpoint")
@click.argument("name")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Repeat it for several, like payout.*; without it every kind.")
def make_endpoint(name: str, url: str, kinds: tuple[str, ...]) -> None:
    """Make an endpoint NAME at URL (https, a public host), and print its secret: once."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row, secret = rooms.make(session, name, url, kinds, BY)
    click.echo(f"{row.id} gets what happens from now on.")
    click.echo(secret)


@events.command("rotate")
@click.argument("endpoint")
@click.option("--end", is_flag=True, help="End the rotation: the former secret signs no more.")
def rotate(endpoint: str, end: bool) -> None:
    """Print a new secret of ENDPOINT (id or name); the one before it signs too, for three days."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row = rooms.named(session, endpoint)
        if end:
            rooms.end_rotation(session, row.id, BY)
        else:
            secret = rooms.rotate(session, row.id, BY)
    click.echo("The former secret signs no more." if end else secret)


@events.command("switch")
@click.argument("endpoint")
@click.option("--on/--off", "on", required=True, help="Off: events are kept. On: what was kept leaves.")
def switch(endpoint: str, on: bool) -> None:
    """Switch ENDPOINT on or off."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        waiting = rooms.switch(session, rooms.named(session, endpoint).id, on=on, by=BY)
    click.echo(f"On. {waiting} events wait." if on else "Off. Events are kept for it.")


@events.command("remove")
@click.argument("endpoint")
def remove(endpoint: str) -> None:
    """Remove ENDPOINT: nothing more goes there."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        rooms.remove(session, rooms.named(session, endpoint).id, BY)
    click.echo("Removed.")


@events.command("test")
@click.argument("endpoint")
def test(endpoint: str) -> None:
    """Put an `endpoint.test` in line for ENDPOINT; the worker sends it."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        rooms.try_out(session, rooms.named(session, endpoint).id, BY)
    click.echo("In line. The console shows what was answered.")


@events.command("replay")
@click.argument("endpoint")
@click.argument("event", nargs=-1)
@click.option("--since", default="", help="Everything since a day or a time in UTC, like 2026-11-20T14:00.")
def replay_events(endpoint: str, event: tuple[str, ...], since: str) -> None:
    """Send events (their ids), or everything since a moment, to ENDPOINT again."""
    if bool(event) == bool(since):
        raise InputRefused("event", "either event ids or --since is needed, not both.")
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row = rooms.named(session, endpoint)
        count = replay.some(session, row, event, BY) if event else replay.since(session, row, _moment(since), BY)
    click.echo(f"{count} events are sent again.")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused(
            "since", f"{text[:40]!r} isn't a day or a time.", "Write it like 2026-11-20T14:00."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
