"""`connector rules …`: what may be promoted, its versions, screening; and the terms of use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from connector import clock, db
from connector.db import Scope
from connector.errors import InputRefused
from connector.operations.ruling.screen import screen_changed
from connector.operations.starting import open_process
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, use_terms

WHY = "a command is an operator's, and the rules are for all shops"
BY = "command"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def rules() -> None:
    """What may be promoted: versions of the rules, screening, terms of use."""


@rules.command("show")
@click.option("--json", "as_json", is_flag=True, help="As a file that `publish` takes, to begin a new version with.")
def show(as_json: bool) -> None:
    """Print the rules that are in force."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        found = screening.now_in_force(session, clock.now())
    if as_json:
        whole = {"rules": found.rules, "disclosure": found.disclosure}
        click.echo(msgspec.json.format(msgspec.json.encode(whole)).decode())
        return
    for rule in found.rules:
        where = f" in {', '.join(rule.countries)}" if rule.countries else ""
        click.echo(f"{rule.code:20} {rule.verdict:10} {rule.title}{where}")
    click.echo(f"Version {found.version}, since {found.starts_at:%Y-%m-%d}.")


@rules.command("publish")
@click.argument("file", type=_FILE)
@click.option("--why", required=True, help="What changes; it stands on the public page.")
@click.option("--starts", default="", help="A day or a time in UTC; without it, now.")
def publish(file: Path, why: str, starts: str) -> None:
    """Publish FILE (JSON, as `show --json` prints it) as the next version; the list is screened by it from then on."""
    found, disclosure = policy.read(file.read_bytes())
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row = screening.publish(session, found, disclosure, _start(starts), why, BY)
    click.echo(f"Version {row.version} holds from {row.starts_at:%Y-%m-%d %H:%M} UTC.")


@rules.command("screen")
def screen() -> None:
    """Screen what waits now, and not in the worker's next round."""
    open_process()
    click.echo(f"{screen_changed()} products came in or went out.")


@rules.command("terms")
@click.argument("audience", type=click.Choice(("creator", "merchant")))
@click.option("--file", type=_FILE, default=None, help="Publish this text as the next version.")
@click.option("--why", default="", help="What changes.")
@click.option("--starts", default="", help="A day or a time in UTC; without it, now.")
@click.option(
    "--grace-days", type=click.IntRange(0, 365), default=use_terms.GRACE.days, show_default=True,
    help="Days from its start by when it has to be accepted; who hasn't then does nothing new.",
)  # fmt: skip
def terms(audience: use_terms.Audience, file: Path | None, why: str, starts: str, grace_days: int) -> None:
    """Print the terms of use of creators or merchants, or publish the next version."""
    open_process()
    if file is None:
        with db.read(Scope.system(WHY)) as session:
            found = use_terms.in_force(session, audience, clock.now())
        click.echo(f"{found.text}\n\nVersion {found.version}, since {found.starts_at:%Y-%m-%d}.")
        return
    with db.write(Scope.system(WHY)) as session:
        row = use_terms.publish(
            session, audience, file.read_text(encoding="utf-8"), _start(starts), why, BY,
            grace=timedelta(days=grace_days),
        )  # fmt: skip
    click.echo(
        f"Version {row.version} holds from {row.starts_at:%Y-%m-%d %H:%M} UTC; who hasn't accepted it by "
        f"{row.starts_at + timedelta(days=grace_days):%Y-%m-%d %H:%M} UTC does nothing new from then on."
    )


def _start(text: str) -> datetime:
    if not text:
        return clock.now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("starts", f"{text[:40]!r} isn't a day or a time.", "Write it like 2026-12-01.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
