"""Who may come in: staff, merchants, creators, the app's tokens, and countries."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from connector import clock, db
from connector.cli.opened import open_process


@click.group()
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


@click.group()
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


@click.group()
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
        found = queries.living(session, queries.named(session, handle).id)
        made, _ = studio.link(session, found.id, by="command")
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


@click.command("country")
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


@click.group()
def eligibility() -> None:
    """Who may take part as a creator: the dated policy."""


@eligibility.command("show")
def eligibility_show() -> None:
    """Print every version of the policy, newest first."""
    import msgspec

    from connector.programme.policies import eligibility as policies

    open_process()
    with db.read(db.Scope.system("a command reads the policy")) as session:
        for each in reversed(policies.every(session)):
            click.echo(f"version {each.version} ({each.id}) from {each.starts_at:%Y-%m-%d %H:%M} UTC: {each.why}")
            for name, value in msgspec.to_builtins(each.numbers).items():
                click.echo(f"    {name:16} {value:,}")


@eligibility.command("change")
@click.argument("numbers", nargs=-1, required=True)
@click.option("--why", required=True, help="The reason, which is kept.")
@click.option(
    "--from", "starts_at", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="In UTC. Without it: from now on."
)
def eligibility_change(numbers: tuple[str, ...], why: str, starts_at: datetime | None) -> None:
    """Make a new version of the policy, like `least_followers=2000 pilot_days=14`. What isn't named stays."""
    from connector.programme.policies import eligibility as policies

    asked: dict[str, int | str] = {}
    for pair in numbers:
        name, _, value = pair.partition("=")
        asked[name] = int(value) if value.isascii() and value.isdigit() else value
    open_process()
    start = starts_at.replace(tzinfo=UTC) if starts_at else None
    with db.write(db.Scope.system("a command changes the policy")) as session:
        made = policies.change(session, asked, why=why, by="command", starts_at=start)
    click.echo(f"Version {made.version} counts from {made.starts_at:%Y-%m-%d %H:%M} UTC on.")


@click.group()
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


COMMANDS = (staff, merchant, creator, country_switch, eligibility, token)
