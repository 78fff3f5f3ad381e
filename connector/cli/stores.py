"""Stores: what they sent, how they are set, their catalogs, and what they are compared with."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

from connector import clock, db
from connector.cli.opened import open_process
from connector.operations.options import Moment, as_of_option


@click.command()
@click.argument("delivery", required=False)
@click.option("--status", type=click.Choice(["failed", "parked", "done", "ignored"]), help="All with this status.")
@click.option("--reason", help="Only those with this reason, beside another option.")
@click.option("--topic", help="All of this topic, like orders/paid.")
@click.option("--order", "order", help="All about this order: its number, the store's id, or ours (ord_…).")
@click.option("--shop", help="Only this shop, by its host or its id.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Received since then, UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Received before then, UTC.")
@click.option("--preview", is_flag=True, help="Only say how many; of one delivery what it would change.")
def replay(
    delivery: str | None, status: str | None, reason: str | None, topic: str | None, order: str | None,
    shop: str | None, since: datetime | None, until: datetime | None, preview: bool,
) -> None:  # fmt: skip
    """Let deliveries be drained again. Repeating one that is done changes nothing."""
    from connector.commerce.shops import queries
    from connector.webhooks import replay as act

    open_process()
    why = "a command replays deliveries of any shop"
    with db.read(db.Scope.system(why)) as session:
        shop_id = queries.by_name(session, shop).id if shop else None
        asked = act.Filter(
            delivery_id=delivery,
            status=status,
            reason=reason,
            topic=topic,
            order_ref=act.order_ref_of(session, order, shop_id) if order else None,
            shop_id=shop_id,
            since=since.replace(tzinfo=UTC) if since else None,
            until=until.replace(tzinfo=UTC) if until else None,
        )
        if preview and delivery is None:
            found = act.estimate(session, asked)
            click.echo(f"{found.deliveries} deliveries of {found.shops} shops, about {found.orders} orders.")
    if preview and delivery is not None:
        from connector.webhooks import preview as look

        seen = look.one(delivery)
        for line in seen.lines:
            click.echo(f"{line.delivery_id}  {line.outcome} {line.reason} {line.detail}".rstrip())
        click.echo(f"{seen.entries} entries would be booked.")
        for move in seen.moves:
            click.echo(f"{move['account']:22} {move['currency']} {move['before']:>12} -> {move['after']:>12}")
    if preview:
        return
    with db.write(db.Scope.system(why)) as session:
        number = act.replay(session, by="command", asked=asked)
    click.echo(f"{number} deliveries wait to be drained again." if number else "No delivery matches: nothing waits.")


@click.command()
@click.option("--shop", help="Only this shop, by its host or its id.")
def inbox(shop: str | None) -> None:
    """Count the deliveries by status and reason."""
    from connector.commerce.shops import queries
    from connector.webhooks import inbox as room

    open_process()
    with db.read(db.Scope.system("a command counts the deliveries of all shops")) as session:
        rows = room.counts(session, shop_id=queries.by_name(session, shop).id if shop else None)
    for status, reason, number in rows:
        click.echo(f"{number:>9}  {status}{f' ({reason})' if reason else ''}")


@click.group("shop")
def shop_group() -> None:
    """Shops and their dated settings."""


@shop_group.command("set")
@click.argument("shop")
@click.argument("name")
@click.argument("value")
@click.option("--from", "starts_at", type=Moment(), help="From this business time on; default: now. Never earlier.")
def shop_set(shop: str, name: str, value: str, starts_at: datetime | None) -> None:
    """Change the setting NAME of SHOP (its id or its host). What was decided before keeps the value of then."""
    from connector.commerce.shops import queries, settings

    open_process()
    now = clock.now()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        found = queries.by_name(session, shop)
        settings.change(session, found.id, name, value, by="command", starts_at=starts_at, now=now)
        click.echo(f"{found.domain}  {name} is {value} from {(starts_at or now):%Y-%m-%d %H:%M} UTC on.")


@shop_group.command("accept-currency")
@click.argument("shop")
def shop_accept_currency(shop: str) -> None:
    """Say that the change of SHOP's currency is right: its months may be closed again, each currency by itself."""
    from connector.commerce.shops import connect, queries

    open_process()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        found = queries.by_name(session, shop)
        before = found.currency_before
        connect.accept_currency(session, found, by="command")
        click.echo(f"{found.domain}  {before} became {found.currency}; its months may be closed again.")


@shop_group.command("settings")
@click.argument("shop")
@as_of_option
def shop_settings(shop: str, as_of: datetime | None) -> None:
    """Print the settings of SHOP (its id or its host), where each comes from, and changes that lie ahead."""
    from connector.commerce.shops import queries, settings

    open_process()
    as_of = as_of or clock.now()
    with db.read(db.Scope.system("a command finds a shop by its name")) as session:
        found = queries.by_name(session, shop)
        for name in settings.DEFAULTS:
            changes = settings.changes(session, found.id, name)
            since = [start for start, _ in changes if start <= as_of]
            origin = f"since {since[-1]:%Y-%m-%d %H:%M} UTC" if since else "default"
            click.echo(f"{name:20} {settings.at(session, found.id, name, as_of)!s:12} {origin}")
            for start, value in changes:
                if start > as_of:
                    click.echo(f"{'':20} {value:12} from {start:%Y-%m-%d %H:%M} UTC on")


@click.command()
@click.argument("shop")
@click.option("--agree-to-removal", is_flag=True, help="Let the run remove most of the catalog, if the store did.")
@click.option("--changed", is_flag=True, help="Only what changed at the store since the last run.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would change.")
@click.option("--product", "products", multiple=True, help="Read this product again and write it, whatever is held.")
@click.option("--refused", is_flag=True, help="Start nothing; list what can't be taken in, by cause, with the remedy.")
@click.option("--pause", "act", flag_value="pause", help="Let the run under way rest at its next checkpoint.")
@click.option("--stop", "act", flag_value="stop", help="Ask the run under way to stop at its next checkpoint.")
@click.option("--resume", "act", flag_value="resume", help="Let a paused or stopped run go on where it stands.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay and show how far it is.")
def sync(
    shop: str,
    agree_to_removal: bool,
    changed: bool,
    dry_run: bool,
    products: tuple[str, ...],
    refused: bool,
    act: Literal["pause", "stop", "resume"] | None,
    wait: bool,
) -> None:
    """Pull the catalog of SHOP (its id or its host), and show the progress. A worker does the work."""
    from connector.sync import watch

    open_process()
    if refused:
        sys.exit(watch.refused(shop))
    if act == "resume":
        sys.exit(watch.resume(shop, wait=wait))
    if act is not None:
        sys.exit(watch.act(shop, act))
    if products:
        sys.exit(watch.products(shop, products, wait=wait))
    kind: Literal["full", "changed"] = "changed" if changed else "full"
    sys.exit(watch.command(shop, kind=kind, dry=dry_run, large_sweep=agree_to_removal, wait=wait))


@click.command()
@click.option("--shop", help="Only this shop, by its host or its id; otherwise all that are connected.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="UTC. Otherwise the last pass.")
def reconcile(shop: str | None, since: datetime | None) -> None:
    """Compare each shop's orders with the store's, fetch what is missing, and print the proof."""
    from connector.sync import watch

    open_process()
    sys.exit(watch.reconcile(shop, since.replace(tzinfo=UTC) if since else None))


@click.command()
@click.option("--shop", help="Only this shop, by its host or its id.")
@click.option("--day", help="One day, like 2026-11-20; otherwise the newest seven.")
@click.option("--make", is_flag=True, help="Compare with the store now, fetch what is missing, and keep the proof.")
def proof(shop: str | None, day: str | None, make: bool) -> None:
    """Print each shop's daily proofs: orders at the store = seen = evaluated. Exit code 1 when a day doesn't hold."""
    from datetime import date

    from connector.errors import InputRefused
    from connector.sync import proof_text

    open_process()
    if day is not None:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise InputRefused("day", f"{day[:20]!r} is no day.", "Write it like 2026-11-20.") from None
    sys.exit(proof_text.command(shop, day, make=make))


@click.command("new-platform")
@click.argument("slug")
@click.option("--into", type=click.Path(path_type=Path), help="The folder; default: connector-SLUG here.")
def new_platform(slug: str, into: Path | None) -> None:
    """Lay down a package for another store platform: it works, and passes the suite, from the first minute."""
    from connector.conformance import new_platform as act

    made = act.lay_down(slug, into or Path(f"connector-{slug}"))
    root = made[0].parent
    click.echo(f"Wrote {len(made)} files into {root}. Next: pip install -e {root}, then pytest {root}.")
    click.echo("docs/adding-a-platform.md walks through what to change.")


COMMANDS = (replay, inbox, shop_group, sync, reconcile, proof, new_platform)
