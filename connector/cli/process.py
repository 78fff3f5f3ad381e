"""Running it: keys, the database, the processes, and what is off with an installation."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cryptography.fernet import Fernet

from connector import db, heap
from connector.cli.opened import open_process
from connector.config import read_settings

if TYPE_CHECKING:
    from flask import Flask


@click.command()
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
    processes = "connector dev" if dev else "connector serve and connector worker"
    click.echo(f"Wrote .env. Next: connector migrate, then {processes}.")


@click.group()
def keys() -> None:
    """Sealing keys."""


@keys.command("new")
def keys_new() -> None:
    """Print a fresh sealing key. docs/going-to-production.md, section 2, says how it comes in without a pause."""
    click.echo(Fernet.generate_key().decode())


@keys.command("reseal")
def keys_reseal() -> None:
    """Put all that is sealed under the newest key; when it is done, the older keys may be dropped."""
    from connector.operations import rekey as act

    open_process()
    done = act.reseal()
    click.echo(f"grants: {done.grants}, {done.grants_written} sealed anew")
    click.echo(f"bodies of deliveries: {done.bodies}, {done.bodies_written} sealed anew")


@click.command()
def migrate() -> None:
    """Bring the database to the newest version."""
    from connector import jobs
    from connector.migrations import run

    open_process()
    run.migrate(db.current())
    jobs.prepare(db.current())
    click.echo(f"Database is at {run.version(db.current())}.")


@click.command()
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
        "connector.cli.process:web",
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


def web() -> Flask:
    """A web process of its own, which `serve` starts."""
    heap.rest()
    from connector.app import from_environment

    return from_environment()


@click.command()
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
    # One that was still starting dies of the signal itself: it ended as it was asked to.
    sys.exit(max(0 if code == -signal.SIGTERM else code for code in codes))


@click.command()
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


@click.command("settings")
@click.option("--markdown", is_flag=True, help="As docs/settings.md has it.")
def print_settings(markdown: bool) -> None:
    """Print every setting with its default and what it does."""
    from connector.operations import settings

    found = settings.listed()
    click.echo(settings.as_markdown(found) if markdown else settings.as_text(found), nl=not markdown)


@click.command()
def worker() -> None:
    """Drain the inbox and run the durable jobs. As many as needed on PostgreSQL, one on SQLite."""
    from connector import worker as room

    settings = open_process()
    room.leave(room.run(settings))


COMMANDS = (init, keys, migrate, serve, dev, doctor, print_settings, worker)
