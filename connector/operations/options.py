"""What commands of several rooms take: a moment to act at, a shop by its name. Light: `connector --help` loads it."""

from __future__ import annotations

from datetime import datetime

import click

from connector import clock, db


class Moment(click.ParamType[datetime]):
    """An RFC 3339 time with its offset, like 2026-12-01T00:00Z."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else clock.parse(str(value))
        except ValueError:
            self.fail(f"{value!r} isn't a time with its offset, like 2026-12-01T00:00Z", param, ctx)


as_of_option = click.option("--as-of", type=Moment(), help="Business time to act at; default: now.")
shop_option = click.option("--shop", help="Only this shop, by its host or its id.")


by_option = click.option("--by", help="Who does it: a staff member with the role finance, by name.")


def person(name: str | None) -> str:
    """The actor of a command: the named staff member, or `command` without one. Errors: NotFound; NotAllowed."""
    from connector.access import staff
    from connector.errors import NotAllowed

    if name is None:
        return "command"
    with db.read(db.Scope.system("a command is done by somebody on staff")) as session:
        found = staff.named(session, name)
        if not staff.may(found, "finance"):
            raise NotAllowed(f"{found.name} is {found.role}: this needs the role finance")
        return f"staff:{found.name}"


def shop_id_of(shop: str | None) -> str | None:
    """The id of a shop that a command names by its id or host; None for all. Errors: NotFound."""
    from connector.commerce.shops import queries

    if shop is None:
        return None
    with db.read(db.Scope.system("a command finds a shop by its name")) as session:
        return queries.by_name(session, shop).id
