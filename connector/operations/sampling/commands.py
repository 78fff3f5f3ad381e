"""`connector samples …`: the dated policy, and a look at what the clock or a store has moved on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from connector import clock, db
from connector.db import Scope
from connector.errors import InputRefused
from connector.operations.sampling import following
from connector.operations.starting import open_process
from connector.programme.samples import policy as policies

WHY = "a command is an operator's, and the policy of samples is for all shops"
_THRESHOLD = "threshold."


@click.group()
def samples() -> None:
    """Samples: how many a creator may have, until when, and what content counts."""


@samples.command("show")
def show() -> None:
    """Print every version of the policy, newest first."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        for each in reversed(policies.every(session)):
            click.echo(f"version {each.version} ({each.id}) from {each.starts_at:%Y-%m-%d %H:%M} UTC: {each.why}")
            for name, value in policies.as_plain(each.numbers).items():
                if name != "thresholds":
                    click.echo(f"    {name:16} {value:,}")
            for currency, (lower, higher) in sorted(each.numbers.thresholds.items()):
                click.echo(f"    threshold.{currency}    {lower:,} and {higher:,} in minor units")


@samples.command("change")
@click.argument("numbers", nargs=-1, required=True)
@click.option("--why", required=True, help="The reason, which is kept.")
@click.option(
    "--from", "starts_at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="In UTC. Without it: from now on."
)
def change(numbers: tuple[str, ...], why: str, starts_at: datetime | None) -> None:
    """Make a new version, like `free_days=21 threshold.PLN=2000000,60000000`. What isn't named stays."""
    open_process()
    start = starts_at.replace(tzinfo=UTC) if starts_at else None
    with db.write(Scope.system(WHY)) as session:
        newest = policies.every(session)[-1].numbers
        made = policies.change(session, read(numbers, newest), why=why, by="command", starts_at=start)
    click.echo(f"Version {made.version} counts from {made.starts_at:%Y-%m-%d %H:%M} UTC on.")


@samples.command("follow")
def follow() -> None:
    """Move on what the clock, an order or content has moved. A running worker does it by itself."""
    open_process()
    click.echo(f"{following.follow_due(clock.now())} samples moved.")


def read(pairs: tuple[str, ...], newest: policies.Numbers) -> dict[str, Any]:
    """What `change` is given, by the policy's names. Errors: InputRefused for a threshold that isn't two amounts."""
    asked: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name.startswith(_THRESHOLD):
            lower, _, higher = value.partition(",")
            if not (_digits(lower) and _digits(higher)):
                raise InputRefused(name, "isn't two amounts in minor units.", "Write threshold.EUR=500000,15000000.")
            thresholds = asked.setdefault("thresholds", dict(newest.thresholds))
            thresholds[name.removeprefix(_THRESHOLD)] = (int(lower), int(higher))
        else:
            asked[name] = int(value) if _digits(value) else value
    return asked


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
