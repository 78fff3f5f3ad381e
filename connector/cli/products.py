"""Feeds of products, and the index behind the search."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from connector import db
from connector.cli.opened import open_process


@click.group()
def feed() -> None:
    """Product feeds for Google, Meta and TikTok."""


@feed.command("create")
@click.argument("shop")
@click.argument("channel")
@click.option("--format", "kind", default="", help="google: rss, atom, tsv; meta: csv, rss; tiktok: csv.")
@click.option(
    "--every-hours", default=24, show_default=True, help="Built again when the catalog changed; 0: on demand."
)
def feed_create(shop: str, channel: str, kind: str, every_hours: int) -> None:
    """Make SHOP's feed (its id or its host) for CHANNEL: google, meta or tiktok. A worker builds it."""
    from connector.commerce.shops import queries
    from connector.insight.feeds import feeds

    settings = open_process()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        found = queries.by_name(session, shop)
        made = feeds.create(session, found.id, channel, kind, every_hours=every_hours, by="command")
        click.echo(f"{made.id}  {made.channel} {made.format}  {settings.public_url}{feeds.path(made)}")


@feed.command("list")
@click.option("--shop", help="Only this shop, by its host or its id.")
def feed_list(shop: str | None) -> None:
    """Print the feeds, their addresses and how their newest build ended."""
    from connector.commerce.shops import queries
    from connector.insight.feeds import feeds

    settings = open_process()
    with db.read(db.Scope.system("a command lists the feeds of all shops")) as session:
        shop_id = queries.by_name(session, shop).id if shop else None
        for each in feeds.of_shop(session, shop_id):
            newest = feeds.newest_build(session, each.id)
            state = (
                "never built"
                if newest is None
                else f"{newest.status}: {newest.written} written, {newest.refused} refused"
            )
            where = queries.get(session, each.shop_id).domain
            click.echo(f"{each.id}  {where}  {each.channel} {each.format}  {state}")
            click.echo(f"    {settings.public_url}{feeds.path(each)}")


@feed.command("build")
@click.argument("feed_id")
@click.option("--queue", is_flag=True, help="Let a worker build it instead of this command.")
def feed_build(feed_id: str, queue: bool) -> None:
    """Build a feed and print what was found. Exit code 1 when it failed."""
    from connector.insight.feeds import build as builder
    from connector.insight.feeds import feeds

    open_process()
    with db.write(db.Scope.system("a command builds a feed of any shop")) as session:
        row = feeds.start(session, feeds.get(session, feed_id), "command", by_worker=queue)
        build_id, shop_id = row.id, row.shop_id
    if queue:
        click.echo(f"{build_id} is queued.")
        return
    builder.build(build_id, shop_id)
    _print_build(build_id)


@feed.command("report")
@click.argument("build_id")
def feed_report(build_id: str) -> None:
    """Print what a build refused and warned of, by code, each with its remedy and the first items."""
    open_process()
    _print_build(build_id)


def _print_build(build_id: str) -> None:
    from connector.errors import NotFound
    from connector.insight.feeds import build as builder
    from connector.insight.feeds import feeds
    from connector.insight.feeds.tables import FeedBuild

    with db.read(db.Scope.system("a command reads a build of any shop")) as session:
        row = session.get(FeedBuild, build_id)
        if row is None:
            raise NotFound(f"no build has the id {build_id[:40]!r}")
        found = feeds.told(session, row)
    click.echo(
        f"{row.id}  {row.status}: {row.items} items = {row.written} written + {row.refused} refused, "
        f"{row.warned} written with warnings, {row.size} bytes"
    )
    for each in found:
        click.echo(f"{each.count:8}  {each.code}: {each.title}. {each.remedy}")
        for item in each.items[:3]:
            click.echo(f"          {item.item_id}  {item.title[:60]}  {item.field}  {item.detail[:60]}".rstrip())
    path = builder.report_path(row)
    click.echo(f"all of them: {path}" if path else "the report isn't kept any more")
    if row.status == "failed":
        click.echo(f"failed: {row.problem}", err=True)
        sys.exit(1)


@feed.command("renew")
@click.argument("feed_id")
def feed_renew(feed_id: str) -> None:
    """Give a feed a new address; the one that is out leads nowhere from now on."""
    from connector.insight.feeds import feeds

    settings = open_process()
    with db.write(db.Scope.system("a command renews a feed of any shop")) as session:
        found = feeds.get(session, feed_id)
        feeds.renew(session, found, by="command")
        click.echo(f"{settings.public_url}{feeds.path(found)}")


@feed.command("remove")
@click.argument("feed_id")
def feed_remove(feed_id: str) -> None:
    """Take a feed away: its address leads nowhere, its files are deleted."""
    from connector.insight.feeds import feeds, files

    open_process()
    with db.write(db.Scope.system("a command removes a feed of any shop")) as session:
        feeds.remove(session, feeds.get(session, feed_id), by="command")
    files.drop_all(feed_id)
    click.echo(f"{feed_id} is removed.")


@feed.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--channel", required=True, type=click.Choice(["google", "meta", "tiktok"]))
@click.option("--format", "kind", required=True, type=click.Choice(["rss", "atom", "tsv", "csv"]))
def feed_check(file: Path, channel: str, kind: str) -> None:
    """Hold any feed FILE to a channel's rules, ours or another program's. Exit code 1 when an item is refused."""
    from connector.insight.feeds import validator, writing

    rules, items, refused = validator.rules(channel), 0, 0
    try:
        for fields in writing.read(file, kind):
            items += 1
            found = validator.check(rules, fields)
            refused += any(each.severity == "refused" for each in found)
            for each in found:
                click.echo(
                    f"{fields.get(rules.id, '')}  {each.severity}  {each.code}  {each.field}  {each.detail}".rstrip()
                )
    except (ValueError, StopIteration) as error:
        raise click.ClickException(f"{file.name} can't be read: {error}") from None
    click.echo(f"{items} items, {refused} refused")
    sys.exit(1 if refused else 0)


@feed.command("categories")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def feed_categories(file: Path | None) -> None:
    """Load the released map from Shopify's taxonomy to Google's out of FILE; without one say which is loaded.

    FILE is shopify_<release>_to_google_<release>.txt (or .txt.gz) of Shopify's public product taxonomy.
    """
    from connector.insight.feeds import categories

    open_process()
    if file is None:
        with db.read(db.Scope.system("a command asks for the map of categories")) as session:
            click.echo(categories.loaded(session) or "The two upper levels, which come with the program.")
        return
    with db.write(db.Scope.system("a command loads the map of categories")) as session:
        release, count = categories.load(session, file)
    click.echo(f"{count} categories of {release}.")


@click.group("search")
def search_group() -> None:
    """The index behind the search of listings. Workers keep it; these are for looking and mending."""


@search_group.command("status")
def search_status() -> None:
    """How many changed listings the index has not taken in yet."""
    from connector.insight.market import index

    open_process()
    with db.read(db.Scope.system("a command looks how far the search index is behind")) as session:
        behind = index.lag(session)
    since = "" if behind.since is None else f", the oldest since {behind.since.isoformat(timespec='seconds')}"
    click.echo(f"{behind.waiting} changed listings wait{since}.")


@search_group.command("follow")
def search_follow() -> None:
    """Take in what waits, here and now."""
    from connector.insight.market import index

    open_process()
    click.echo(f"{index.follow(wait_for_syncs=False)} listings taken in.")


@search_group.command("rebuild")
def search_rebuild() -> None:
    """Forget the index and make it again out of the list. Until that is done searches find less."""
    from connector.insight.market import index

    open_process()
    click.echo(f"{index.rebuild()} listings are waiting; a worker takes them in, some thousand a second.")


COMMANDS = (feed, search_group)
