"""The commands. `connector --help` lists them; each is thin: read options, call a room, print the answer."""

from __future__ import annotations

import secrets
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import click
from cryptography.fernet import Fernet
from sqlalchemy.exc import DBAPIError, OperationalError

from connector import clock, db
from connector.config import Settings, read_settings
from connector.errors import ConnectorError
from connector.operations.options import Moment, as_of_option, shop_id_of, shop_option


def open_process() -> Settings:
    """As `operations.opening.open_process`, imported late: `connector --help` shouldn't load the whole house."""
    from connector.operations import opening

    return opening.open_process()


@click.group()
def connector() -> None:
    """Joins merchants' stores to in-app shopping: catalog, touches, attribution, commission, payouts."""


@connector.command()
@click.option("--public-url", default="http://127.0.0.1:8080", show_default=True, help="Where we are reached.")
@click.option("--dev/--production", default=True, show_default=True)
def init(public_url: str, dev: bool) -> None:
    """Write a new .env with fresh keys. Leaves an existing one alone."""
    path = Path(".env")
    if path.exists():
        raise click.ClickException(".env is there already: nothing was changed.")
    path.touch(mode=0o600)
    path.write_text(
        f"CONNECTOR_ENV={'dev' if dev else 'production'}\n"
        f"CONNECTOR_PUBLIC_URL={public_url}\n"
        f"CONNECTOR_SEALING_KEYS={Fernet.generate_key().decode()}\n"
        f"CONNECTOR_HASH_KEY={secrets.token_urlsafe(48)}\n"
        f"CONNECTOR_SESSION_KEY={secrets.token_urlsafe(48)}\n"
        "# SHOPIFY_CLIENT_ID=\n# SHOPIFY_CLIENT_SECRET=\n"
    )
    click.echo("Wrote .env. Next: connector migrate, then connector dev.")


@connector.group()
def keys() -> None:
    """Sealing keys."""


@keys.command("new")
def keys_new() -> None:
    """Print a fresh sealing key; put it in front of the others in CONNECTOR_SEALING_KEYS."""
    click.echo(Fernet.generate_key().decode())


@keys.command("reseal")
def keys_reseal() -> None:
    """Put all that is sealed under the newest key; when it is done, the older keys may be dropped."""
    from connector.operations import reseal as act

    open_process()
    done = act.reseal()
    click.echo(f"grants: {done.grants}, {done.grants_written} sealed anew")
    click.echo(f"bodies of deliveries: {done.bodies}, {done.bodies_written} sealed anew")


@connector.command()
def migrate() -> None:
    """Bring the database to the newest version."""
    from connector import jobs
    from connector.migrations import run

    open_process()
    run.migrate(db.current())
    jobs.prepare(db.current())
    click.echo(f"Database is at {run.version(db.current())}.")


@connector.command()
@click.option("--host", default=None, help="Overrides CONNECTOR_HOST.")
@click.option("--port", type=int, default=None, help="Overrides CONNECTOR_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Answer HTTP: webhooks, pages, the JSON API. Holds no state: start as many as needed."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    from connector import telemetry

    settings = read_settings()
    telemetry.configure(settings.log_level, settings.log_format)
    Granian(
        "connector.app:from_environment",
        factory=True,
        interface=Interfaces.WSGI,
        address=host or settings.host,
        port=port or settings.port,
        workers=settings.web_processes,
        blocking_threads=settings.web_threads,
        # A web process that is told to stop finishes what it answers, for as long as a store waits for an answer.
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
        # The server's own words go the way of ours: one JSON object a line, scrubbed.
        log_dictconfig={"loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}}},
    ).serve()


@connector.command()
def dev() -> None:
    """Web and worker in one terminal; Ctrl-C ends both."""
    import signal
    import subprocess

    settings = open_process()
    # In sessions of their own: Ctrl-C reaches this process alone, which then asks each of them once.
    children = [
        subprocess.Popen([sys.executable, "-m", "connector", name], start_new_session=True)
        for name in ("serve", "worker")
    ]
    click.echo(f"connector is at {settings.public_url}/console. Ctrl-C ends it.")

    def stop(_signal: int, _frame: object) -> None:
        for child in children:
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    codes = [children[0].wait(), 0]
    stop(0, None)
    codes[1] = children[1].wait()
    sys.exit(max(codes))


@connector.group()
def staff() -> None:
    """Support staff: who they are and how they come in."""


@staff.command("link")
@click.argument("name")
@click.option("--role", default=None, help="support, finance or admin. Someone new is support without it.")
def staff_link(name: str, role: str | None) -> None:
    """Print a sign-in link for NAME: it works once, for ten minutes. Makes NAME when not there yet."""
    from connector.access import links, staff

    settings = open_process()
    with db.write(db.Scope.system("a command gives a role")) as session:
        person = staff.ensure(session, name, role, by="command")
        token = links.issue(session, "staff", person.id)
    click.echo(f"{settings.public_url}/console/sign-in/link/{token}")


@staff.command("off")
@click.argument("name")
def staff_off(name: str) -> None:
    """NAME may not sign in any more, and is signed out everywhere."""
    from connector.access import staff

    open_process()
    with db.write(db.Scope.system("a command takes a role away")) as session:
        staff.switch_off(session, name, by="command")
    click.echo(f"{name} may not sign in any more.")


@connector.group()
def merchant() -> None:
    """Merchants' ways in."""


@merchant.command("link")
@click.argument("shop")
def merchant_link(shop: str) -> None:
    """Print a sign-in link for SHOP (its id or its address): once, for ten minutes. For dev and stand-alone use."""
    from connector.access import links
    from connector.commerce.shops import queries

    settings = open_process()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        token = links.issue(session, "merchant", queries.by_name(session, shop).id)
    click.echo(f"{settings.public_url}/dashboard/sign-in/link/{token}")


@connector.group()
def creator() -> None:
    """Creators' ways in."""


@creator.command("link")
@click.argument("handle")
def creator_link(handle: str) -> None:
    """Print a link to the studio of HANDLE (or of a creator's id): once, for ten minutes. For dev and support."""
    from connector.access import studio
    from connector.programme.creators import queries

    settings = open_process()
    with db.write(db.Scope.system("a command finds a creator by handle")) as session:
        made, _ = studio.link(session, queries.named(session, handle).id, by="command")
    click.echo(f"{settings.public_url}/studio/sign-in/link/{made}")


@creator.command("sign-out")
@click.argument("handle")
def creator_sign_out(handle: str) -> None:
    """End every session of HANDLE in the studio, and links not used yet: for an account that was taken over."""
    from connector.access import studio
    from connector.programme.creators import queries

    open_process()
    with db.write(db.Scope.system("a command finds a creator by handle")) as session:
        studio.sign_out_everywhere(session, queries.named(session, handle).id, by="command")
    click.echo(f"{handle} is signed out everywhere.")


@connector.command("country")
@click.argument("code")
@click.option("--off/--on", "off", default=None, help="Switch it, from now on: creators there earn nothing, or again.")
@click.option("--why", default="", help="The reason, which is kept.")
def country_switch(code: str, off: bool | None, why: str) -> None:
    """Say whether the programme is on in a country (two letters), or switch it.

    Orders placed before keep what they were decided by.
    """
    from connector.programme.creators import countries

    open_process()
    with db.write(db.Scope.system("a command about a country")) as session:
        if off is not None:
            countries.switch(session, code, on=not off, by="command", why=why)
        name = countries.checked(code)
        stands = "off" if name in countries.off_at(session, clock.now()) else "on"
    click.echo(f"{name}: the programme is {stands}.")


@connector.group()
def token() -> None:
    """Tokens of the app's back end."""


@token.command("new")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="Repeat it for several; `connector token scopes` lists them.")
def token_new(name: str, scopes: tuple[str, ...]) -> None:
    """Print a new token with the given scopes. It is shown once and kept as a hash."""
    from connector.access import tokens

    open_process()
    with db.write(db.Scope.app()) as session:
        _, secret = tokens.issue(session, name, scopes, by="command")
    click.echo(secret)


@token.command("revoke")
@click.argument("name")
def token_revoke(name: str) -> None:
    """End every live token of that name (or id)."""
    from connector.access import tokens

    open_process()
    with db.write(db.Scope.app()) as session:
        rows = tokens.revoke(session, name, by="command")
    click.echo(f"Revoked {len(rows)}.")


@token.command("scopes")
def token_scopes() -> None:
    """List the scopes that there are."""
    from connector.access.tokens import SCOPES

    for name, words in SCOPES.items():
        click.echo(f"{name:22} {words}")


@connector.command()
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


@connector.command()
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


@connector.group("shop")
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


@connector.command()
@as_of_option
@shop_option
def pin(as_of: datetime | None, shop: str | None) -> None:
    """Make the decisions final whose grace is over. A running worker does it by itself."""
    from connector.operations import rounds

    open_process()
    pinned = rounds.pin_due(as_of or clock.now(), shop_id_of(shop))
    click.echo(f"{pinned.done} orders are final now.")
    _end_with(pinned.failed)


@connector.command()
@as_of_option
@shop_option
def clear(as_of: datetime | None, shop: str | None) -> None:
    """Clear the commission whose hold is over. A running worker does it by itself."""
    from connector.operations import rounds

    open_process()
    as_of, shop_id = as_of or clock.now(), shop_id_of(shop)
    pinned = rounds.pin_due(as_of, shop_id)
    waits = rounds.read_before_clearing(as_of, shop_id)
    cleared = rounds.clear_due(as_of, shop_id)
    click.echo(f"{cleared.done} lines cleared; {pinned.done} orders became final before.")
    for why in sorted(set(waits.values())):
        number = sum(reason == why for reason in waits.values())
        click.echo(f"{number} orders wait for their store to be asked: {why}", err=True)
    _end_with(pinned.failed | cleared.failed)


def _end_with(failed: dict[str, str]) -> None:
    """Name what a round could not do; exit 1 then."""
    for subject, why in failed.items():
        click.echo(f"{subject}  failed: {why}", err=True)
    if failed:
        sys.exit(1)


@connector.command()
@click.argument("period", required=False)
@click.option("--due", is_flag=True, help="Every period that is over and not closed yet, as each shop closes.")
@as_of_option
@shop_option
def close(period: str | None, due: bool, as_of: datetime | None, shop: str | None) -> None:
    """Close PERIOD (2026-11, 2026-11-H1, 2026-W46) into statements and an invoice, for one shop or all. Once."""
    from connector import money
    from connector.operations import rounds

    if due == (period is not None):
        raise click.UsageError("Name one period, or give --due.")
    open_process()
    as_of, shop_id = as_of or clock.now(), shop_id_of(shop)
    if period is None:
        done = rounds.close_due(as_of, "command", shop_id)
    else:
        done = rounds.close_period(period, as_of, "command", shop_id)
    if not done:
        click.echo("Nothing is due." if due else "No shop has joined.")
    for one in done:
        for closing in one.closings:
            total = money.text(closing.total, closing.currency)
            click.echo(f"{one.domain}  {closing.period}  {closing.currency} {total}  {closing.id}")
        if one.refused:
            click.echo(f"{one.domain}  not closed: {one.refused}", err=True)
    if any(one.refused for one in done):
        sys.exit(1)


@connector.command()
@click.argument("order")
@shop_option
@click.option("--json", "as_json", is_flag=True, help="The whole of it, for programs.")
@click.option("--audience", default="support", help="support, merchant or creator: in whose words, and what they see.")
@click.option("--creator", "handle", default="", help="Which creator reads, by handle or id.")
def trace(order: str, shop: str | None, as_json: bool, audience: str, handle: str) -> None:
    """Tell why ORDER (its number, the store's id, or ours) paid what it paid, with the evidence."""
    from connector.operations import trace as act
    from connector.operations import trace_audience, trace_text
    from connector.programme.creators import queries as creators

    open_process()
    shop_id = shop_id_of(shop)
    reader = trace_audience.audience(audience)
    with db.read(db.Scope.system("a command traces an order of any shop")) as session:
        found = act.trace(session, act.find(session, order, shop_id))
        creator_id = creators.named(session, handle).id if handle else None
    if reader != "support" or creator_id:
        found = trace_audience.told(found, reader, creator_id)
    if as_json:
        click.echo(act.as_json(found).decode())
    else:
        shown = trace_text.as_text(found) if reader == "support" else trace_text.as_words(found, reader)
        click.echo(shown, nl=False)


@connector.command("audit")
def audit_books() -> None:
    """Hold the books against themselves and against all else that we keep. Exit code 1 when something is wrong."""
    from connector.operations import books

    open_process()
    number = 0
    # One moment for all checks: what is booked meanwhile would look like a difference.
    with db.snapshot(db.Scope.system("the audit reads the books of all shops")) as session:
        for name, promise, wrong in books.examine(session):
            click.echo(f"{'wrong' if wrong else 'right':6} {name}: {promise}")
            for one in wrong:
                click.echo(f"         {one.about}: {one.detail}")
            number += len(wrong)
    if number:
        raise click.ClickException(f"{number} things are wrong.")


@connector.command()
@shop_option
@click.option("--verify", is_flag=True, required=True, help="Compare and write nothing: the only thing that it does.")
@click.option("--without-bodies", is_flag=True, help="Leave out the raw bodies that are still kept.")
def rebuild(shop: str | None, verify: bool, without_bodies: bool) -> None:
    """Work out anew what every order pays and every account holds, and name what differs. Exit code 1 when it does."""
    from connector.operations.rebuild import verify as act

    open_process()
    shop_id = shop_id_of(shop)
    with db.snapshot(db.Scope.system("a rebuild reads the books of all shops")) as session:
        done = act.verify(session, click.echo, shop_id=shop_id, retranslate=not without_bodies)
    for what, number in sorted(done.left_out.items()):
        click.echo(f"left out: {number} {what}")
    click.echo(f"{done.orders} orders, {done.lines} lines, {done.bodies} bodies, {done.balances} balances.")
    if done.differences:
        raise click.ClickException(f"{done.differences} things differ.")
    click.echo("All of it follows from what is kept.")


@connector.command()
def seal() -> None:
    """Link what was booked into the shops' hash chains. A running worker does it by itself."""
    from connector.operations import sealing

    open_process()
    click.echo(f"{sealing.seal_waiting()} entries are sealed now.")


@connector.group("export")
def export_group() -> None:
    """The books as files for other programs."""


@export_group.command("ledger")
@click.option(
    "--format", "kind", required=True, type=click.Choice(["csv", "jsonl", "beancount", "hledger"]),
    help="jsonl: docs/ledger-export.schema.json.",
)  # fmt: skip
@shop_option
@click.option("--currency", help="Only entries in this currency.")
@click.option("--since", type=Moment(), help="Business time at this moment or later.")
@click.option("--until", type=Moment(), help="Business time before this moment.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; default: standard output.")
def export_ledger(
    kind: Literal["csv", "jsonl", "beancount", "hledger"], shop: str | None, currency: str | None,
    since: datetime | None, until: datetime | None, out: Path | None,
) -> None:  # fmt: skip
    """Write the ledger's entries, all or some, as of one moment."""
    from connector.operations.exports import ledger as act

    open_process()
    asked = act.Asked(shop_id_of(shop), currency, since, until)
    with db.snapshot(db.Scope.system("a command exports the books of all shops")) as session:
        if out is None:
            totals = act.write(session, kind, asked, lambda piece: click.echo(piece, nl=False))
        else:
            totals = act.to_file(session, kind, asked, out)
    click.echo(f"{totals.entries} entries, {totals.unsealed} of them not sealed yet.", err=True)


@connector.command()
def doctor() -> None:
    """Say what is off with this installation and what to do. Exit code 1 when something must be mended."""
    from connector.migrations import run
    from connector.operations import doctor as act

    found = act.examine(open_process(), newest=run.newest())
    for finding in found:
        click.echo(f"{finding.severity}  {finding.check}: {finding.what}\n      {finding.remedy}")
    if any(finding.severity == "mend" for finding in found):
        sys.exit(1)
    click.echo("Nothing must be mended." if found else "All is well.")


@connector.command("settings")
@click.option("--markdown", is_flag=True, help="As docs/settings.md has it.")
def print_settings(markdown: bool) -> None:
    """Print every setting with its default and what it does."""
    from connector.operations import settings

    found = settings.listed()
    click.echo(settings.as_markdown(found) if markdown else settings.as_text(found), nl=not markdown)


@connector.command()
def worker() -> None:
    """Drain the inbox and run the durable jobs. As many as needed on PostgreSQL, one on SQLite."""
    from connector import worker as room

    settings = open_process()
    room.leave(room.run(settings))


@connector.command()
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


@connector.command()
@click.option("--shop", help="Only this shop, by its host or its id; otherwise all that are connected.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="UTC. Otherwise the last pass.")
def reconcile(shop: str | None, since: datetime | None) -> None:
    """Compare each shop's orders with the store's, fetch what is missing, and print the proof."""
    from connector.sync import watch

    open_process()
    sys.exit(watch.reconcile(shop, since.replace(tzinfo=UTC) if since else None))


@connector.group()
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


@connector.group("search")
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


@connector.command()
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


@connector.command("refund-amount")
@click.argument("order")
@click.argument("refund")
@click.argument("amount")
@shop_option
@click.option("--why", default="", help="Where the amount comes from. Needed with --book.")
@click.option("--book", is_flag=True, help="Book it. Without, only what it would do is printed.")
def refund_amount(order: str, refund: str, amount: str, shop: str | None, why: str, book: bool) -> None:
    """Enter the AMOUNT (like 12.50) of a REFUND of ORDER whose amount the store doesn't give."""
    from connector import money
    from connector.earnings.intake import amounts
    from connector.operations import trace as act

    open_process()
    shop_id = shop_id_of(shop)
    with db.write(db.Scope.system("a command enters an amount for an order of any shop")) as session:
        found = act.find(session, order, shop_id)
        minor = money.parse(amount, found.currency, "amount")
        shown = amounts.preview(session, found.id, refund, minor)
        for line in shown.changes:
            before, after = (money.text(due, found.currency) for due in (line.due_before, line.due_after))
            held = ", still held" if line.held_after else ""
            click.echo(f"{line.title or line.line_ref}: commission {found.currency} {before} -> {after}{held}")
        if book:
            taken = amounts.enter(session, found.id, refund, minor, by="command", why=why, token=shown.token)
            click.echo(f"Booked: {taken.entries} entries.")
        else:
            click.echo("Nothing was booked. Add --book and --why to book it.")


class _OfRoom(click.Group):
    """A group that stands with its room, which is only loaded when the group is asked for."""

    def __init__(self, *args: Any, room: str = "", group: str = "", **kwargs: Any) -> None:
        self.room, self.group_name = room, group
        super().__init__(*args, **kwargs)

    def _there(self) -> click.Group:
        found: click.Group = getattr(import_module(f"connector.{self.room}.commands"), self.group_name)
        return found

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        return self._there().commands

    @commands.setter
    def commands(self, _none: MutableMapping[str, click.Command]) -> None:
        """What click's own constructor sets."""


connector.add_command(
    _OfRoom(
        "privacy", room="operations.privacy", group="privacy",
        help="What stores ask for a person or for themselves: found, exported, erased, proven.",
    )
)  # fmt: skip
connector.add_command(_OfRoom("codes", room="operations.crediting", group="codes", help="Creators' codes."))
connector.add_command(
    _OfRoom("acts", room="operations.crediting", group="acts", help="What a person decides about credit.")
)
connector.add_command(
    _OfRoom(
        "import", room="operations.imports", group="imports",
        help="Codes, links and open balances from an earlier programme: looked at first, then taken.",
    )
)  # fmt: skip
connector.add_command(_OfRoom("invoice", room="operations.paying", group="invoices", help="What merchants owe."))
connector.add_command(_OfRoom("receipt", room="operations.paying", group="receipts", help="What merchants paid in."))
connector.add_command(
    _OfRoom(
        "payout", room="operations.paying", group="payouts",
        help="Payout batches: looked at, prepared, handed over, followed.",
    )
)  # fmt: skip
connector.add_command(
    _OfRoom(
        "whatif", room="operations.whatif", group="whatif",
        help="What would it pay? Other rates, terms or settings over what is kept. Nothing is written.",
    )
)  # fmt: skip


def main() -> None:
    """Entry point: an error of ours is one sentence and exit code 1, not a stack."""
    try:
        connector()
    except ConnectorError as error:
        click.echo(f"connector: {error}", err=True)
        sys.exit(1)
    except DBAPIError as error:
        said = str(error.orig).splitlines()[0]
        if not isinstance(error, OperationalError) and "does not exist" not in said:
            raise
        # The database is away, or was never migrated.
        click.echo(f"connector: the database can't be used: {said}. `connector doctor` says what to do.", err=True)
        sys.exit(1)
