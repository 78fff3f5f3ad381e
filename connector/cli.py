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


def main() -> None:
    """Entry point: an error of ours is one sentence and exit code 1, not a stack."""
    try:
        connector()
    except ConnectorError as error:
        click.echo(f"connector: {error}", err=True)
        sys.exit(1)
