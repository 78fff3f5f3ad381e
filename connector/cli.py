"""The commands. `connector --help` lists them; each is thin: read options, call a room, print the answer."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click
from cryptography.fernet import Fernet

from connector import clock, db, vault
from connector.config import Settings, read_settings
from connector.errors import ConnectorError


def open_process() -> Settings:
    """Read the settings and open the database, the vault and the clock for this process."""
    settings = read_settings()
    if settings.clock_file is not None:
        clock.use_offset_file(settings.clock_file)
    vault.use(vault.Vault(settings.keys(), settings.hash_key.get_secret_value()))
    db.use(db.Database(settings.database_url, pool_size=settings.database_pool))
    return settings


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

    settings = read_settings()
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
    ).serve()


@connector.command()
def dev() -> None:
    """Web and worker in one terminal; Ctrl-C ends both."""
    import signal
    import subprocess

    settings = open_process()
    children = [subprocess.Popen([sys.executable, "-m", "connector", name]) for name in ("serve", "worker")]
    click.echo(f"connector is at {settings.public_url}/console. Ctrl-C ends it.")

    def stop(_signal: int, _frame: object) -> None:
        for child in children:
            child.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
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
    import sqlalchemy as sa

    from connector.access import links
    from connector.commerce.shops.tables import Shop

    settings = open_process()
    with db.write(db.Scope.system("a command finds a shop by its name")) as session:
        found = session.scalar(sa.select(Shop).where(sa.or_(Shop.id == shop, Shop.domain == shop)))
        if found is None:
            raise click.ClickException(f"No shop is called {shop}.")
        token = links.issue(session, "merchant", found.id)
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
@click.option("--order", "order", help="All about this order: the store's own id, or ours (ord_…).")
@click.option("--shop", help="Only this shop, by its host or its id.")
def replay(delivery: str | None, status: str | None, reason: str | None, order: str | None, shop: str | None) -> None:
    """Let deliveries be drained again. Repeating one that is done changes nothing."""
    from connector.webhooks import replay as act

    open_process()
    with db.write(db.Scope.system("a command replays deliveries of any shop")) as session:
        number = act.replay(
            session,
            by="command",
            delivery_id=delivery,
            status=status,
            reason=reason,
            order_ref=act.order_ref_of(session, order) if order else None,
            shop_id=act.shop_id_of(session, shop) if shop else None,
        )
    click.echo(f"{number} deliveries wait to be drained again.")


@connector.command()
@click.option("--shop", help="Only this shop, by its host or its id.")
def inbox(shop: str | None) -> None:
    """Count the deliveries by status and reason."""
    from connector.webhooks import inbox as room
    from connector.webhooks.replay import shop_id_of

    open_process()
    with db.read(db.Scope.system("a command counts the deliveries of all shops")) as session:
        rows = room.counts(session, shop_id=shop_id_of(session, shop) if shop else None)
    for status, reason, number in rows:
        click.echo(f"{number:>9}  {status}{f' ({reason})' if reason else ''}")


def main() -> None:
    """Entry point: an error of ours is one sentence and exit code 1, not a stack."""
    try:
        connector()
    except ConnectorError as error:
        click.echo(f"connector: {error}", err=True)
        sys.exit(1)
