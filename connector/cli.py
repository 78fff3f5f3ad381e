"""The commands. `connector --help` lists them; each is thin: read options, call a room, print the answer."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from cryptography.fernet import Fernet
from sqlalchemy.exc import DBAPIError, OperationalError

from connector import clock, db
from connector.config import Settings, read_settings
from connector.errors import ConnectorError


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
@click.option("--order", "order", help="All about this order: its number, the store's id, or ours.")
@click.option("--shop", help="Only this shop, by its host or its id.")
def replay(delivery: str | None, status: str | None, reason: str | None, order: str | None, shop: str | None) -> None:
    """Let deliveries be drained again. Repeating one that is done changes nothing."""
    from connector.commerce.shops import queries
    from connector.webhooks import replay as act

    open_process()
    with db.write(db.Scope.system("a command replays deliveries of any shop")) as session:
        shop_id = queries.by_name(session, shop).id if shop else None
        number = act.replay(
            session,
            by="command",
            delivery_id=delivery,
            status=status,
            reason=reason,
            order_ref=act.order_ref_of(session, order, shop_id) if order else None,
            shop_id=shop_id,
        )
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


class _Moment(click.ParamType[datetime]):
    """An RFC 3339 time with its offset, like 2026-12-01T00:00Z."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else clock.parse(str(value))
        except ValueError:
            self.fail(f"{value!r} isn't a time with its offset, like 2026-12-01T00:00Z", param, ctx)


as_of_option = click.option("--as-of", type=_Moment(), help="Business time to act at; default: now.")
shop_option = click.option("--shop", help="Only this shop, by its host or its id.")


def _shop_id(shop: str | None) -> str | None:
    from connector.commerce.shops import queries

    if shop is None:
        return None
    with db.read(db.Scope.system("a command finds a shop by its name")) as session:
        return queries.by_name(session, shop).id


@connector.group("shop")
def shop_group() -> None:
    """Shops and their dated settings."""


@shop_group.command("set")
@click.argument("shop")
@click.argument("name")
@click.argument("value")
@click.option("--from", "starts_at", type=_Moment(), help="From this business time on; default: now. Never earlier.")
def shop_set(shop: str, name: str, value: str, starts_at: datetime | None) -> None:
    """Change the setting NAME of SHOP (its id or its host). What was decided before keeps the value of then."""
    from connector.commerce.shops import queries, settings

    open_process()
    now = clock.now()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        found = queries.by_name(session, shop)
        settings.change(session, found.id, name, value, by="command", starts_at=starts_at, now=now)
        click.echo(f"{found.domain}  {name} is {value} from {(starts_at or now):%Y-%m-%d %H:%M} UTC on.")


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
    pinned = rounds.pin_due(as_of or clock.now(), _shop_id(shop))
    click.echo(f"{pinned.done} orders are final now.")
    _end_with(pinned.failed)


@connector.command()
@as_of_option
@shop_option
def clear(as_of: datetime | None, shop: str | None) -> None:
    """Clear the commission whose hold is over. A running worker does it by itself."""
    from connector.operations import rounds

    open_process()
    as_of, shop_id = as_of or clock.now(), _shop_id(shop)
    pinned = rounds.pin_due(as_of, shop_id)
    cleared = rounds.clear_due(as_of, shop_id)
    click.echo(f"{cleared.done} lines cleared; {pinned.done} orders became final before.")
    _end_with(pinned.failed | cleared.failed)


def _end_with(failed: dict[str, str]) -> None:
    """Name what a round could not do; exit 1 then."""
    for subject, why in failed.items():
        click.echo(f"{subject}  failed: {why}", err=True)
    if failed:
        sys.exit(1)


@connector.command()
@click.argument("period")
@as_of_option
@shop_option
def close(period: str, as_of: datetime | None, shop: str | None) -> None:
    """Close the month PERIOD (2026-11) into statements, for one shop or all. A month is closed once."""
    from connector import money
    from connector.operations import rounds

    open_process()
    done = rounds.close_period(period, as_of or clock.now(), "command", _shop_id(shop))
    if not done:
        click.echo("No shop has joined.")
    for one in done:
        for closing in one.closings:
            total = money.text(closing.total, closing.currency)
            click.echo(f"{one.domain}  {closing.period}  {closing.currency} {total}  {closing.id}")
        if one.refused:
            click.echo(f"{one.domain}  not closed: {one.refused}", err=True)
    if any(one.refused for one in done):
        sys.exit(1)


@connector.group()
def payout() -> None:
    """Payout batches: prepared, sent, paid."""


@payout.command("prepare")
@click.option("--currency", required=True, help="One batch is of one currency.")
@click.option("--key", help="The same key gives the same batch; default: day and currency.")
@click.option("--minimum", help="Least sum a creator, like 25.00, in place of the shops' own setting.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("var/payouts"), show_default=True
)
@as_of_option
def payout_prepare(currency: str, key: str | None, minimum: str | None, folder: Path, as_of: datetime | None) -> None:
    """Book what is settled and write the file for the bank. Repeating it with the same key pays nobody twice."""
    from connector import money
    from connector.earnings.payouts import batch, queries, rails

    open_process()
    as_of, currency = as_of or clock.now(), currency.upper()
    least = None if minimum is None else money.parse(minimum, currency, "minimum")
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        made = batch.prepare(session, key or f"{as_of:%Y-%m-%d} {currency}", currency, as_of, "command", minimum=least)
    with db.read(db.Scope.system("a payout batch covers all shops")) as session:
        transfers = batch.transfers(session, made.id)
        aside = queries.set_aside(session, made.id)
        for row in aside:
            missing = f", {money.text(row.missing, currency)} missing" if row.missing else ""
            amount = money.text(row.amount, currency)
            click.echo(f"set aside: {row.creator_id} at {row.shop_id} {amount}: {row.reason}{missing}")
    click.echo(f"{made.id}: {made.rows} payouts, {currency} {money.text(made.total, currency)}, {made.status}")
    if transfers:
        click.echo(folder / rails.CsvFile(folder).hand_over(made.id, transfers))


@payout.command("sent")
@click.argument("batch_id")
@as_of_option
def payout_sent(batch_id: str, as_of: datetime | None) -> None:
    """The file of BATCH_ID was handed to the bank."""
    from connector.earnings.payouts import batch

    open_process()
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        found = batch.mark_sent(session, batch_id, as_of or clock.now(), "command")
        click.echo(f"{found.id} is {found.status}.")


@payout.command("paid")
@click.argument("batch_id")
@as_of_option
def payout_paid(batch_id: str, as_of: datetime | None) -> None:
    """The bank says that BATCH_ID left: book it as paid."""
    from connector.earnings.payouts import batch

    open_process()
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        found = batch.mark_paid(session, batch_id, as_of or clock.now(), "command")
        click.echo(f"{found.id} is {found.status}.")


@connector.command()
@click.argument("order")
@shop_option
@click.option("--json", "as_json", is_flag=True, help="The whole of it, for programs.")
def trace(order: str, shop: str | None, as_json: bool) -> None:
    """Tell why ORDER (its number, the store's id, or ours) paid what it paid, with the evidence."""
    from connector.operations import trace as act
    from connector.operations.trace_text import as_text

    open_process()
    shop_id = _shop_id(shop)
    with db.read(db.Scope.system("a command traces an order of any shop")) as session:
        found = act.trace(session, act.find(session, order, shop_id))
    click.echo(act.as_json(found).decode() if as_json else as_text(found), nl=as_json)


@connector.command("audit")
def audit_books() -> None:
    """Hold the books against themselves and against all else that we keep. Exit code 1 when something is wrong."""
    from connector.operations import books

    open_process()
    number = 0
    with db.read(db.Scope.system("the audit reads the books of all shops")) as session:
        for name, promise, wrong in books.examine(session):
            click.echo(f"{'wrong' if wrong else 'right':6} {name}: {promise}")
            for one in wrong:
                click.echo(f"         {one.about}: {one.detail}")
            number += len(wrong)
    if number:
        raise click.ClickException(f"{number} things are wrong.")


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
@click.option("--stop", is_flag=True, help="Ask the run under way to stop at its next checkpoint.")
@click.option("--resume", is_flag=True, help="Let the run that was stopped go on at its checkpoint.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Stay and show how far it is.")
def sync(shop: str, agree_to_removal: bool, stop: bool, resume: bool, wait: bool) -> None:
    """Pull the whole catalog of SHOP (its id or its host), and show the progress. A worker does the work."""
    from connector.sync import watch

    if stop and resume:
        raise click.UsageError("--stop and --resume are each alone.")
    open_process()
    sys.exit(watch.stop(shop) if stop else watch.command(shop, large_sweep=agree_to_removal, resume=resume, wait=wait))


@connector.command()
@click.option("--shop", help="Only this shop, by its host or its id; otherwise all that are connected.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="UTC. Otherwise the last pass.")
def reconcile(shop: str | None, since: datetime | None) -> None:
    """Compare each shop's orders with the store's, fetch what is missing, and print the proof."""
    from connector.sync import watch

    open_process()
    sys.exit(watch.reconcile(shop, since.replace(tzinfo=UTC) if since else None))


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
