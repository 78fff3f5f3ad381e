"""The commands. `connector --help` lists them; each is thin: read options, call a room, print the answer.

Each stands in the module of its subject (`process`, `people`, `stores`, `money`, `products`) and in that module's
`COMMANDS`. A group that is a room's own stands in the room (`commands.py`) and is named here: it is only loaded when it
is asked for.
"""

from __future__ import annotations

import sys

import click
from sqlalchemy.exc import DBAPIError, OperationalError

from connector import heap
from connector.cli import money, people, process, products, stores
from connector.cli.of_room import OfRoom
from connector.errors import ConnectorError


@click.group()
def connector() -> None:
    """Joins merchants' stores to in-app shopping: catalog, touches, attribution, commission, payouts."""


for _subject in (process, people, stores, money, products):
    for _command in _subject.COMMANDS:
        connector.add_command(_command)

connector.add_command(
    OfRoom(
        "privacy", room="operations.privacy", group="privacy",
        help="What stores ask for a person or for themselves: found, exported, erased, proven.",
    )
)  # fmt: skip
connector.add_command(OfRoom("codes", room="operations.crediting", group="codes", help="Creators' codes."))
connector.add_command(
    OfRoom("acts", room="operations.crediting", group="acts", help="What a person decides about credit.")
)
connector.add_command(
    OfRoom(
        "import", room="operations.imports", group="imports",
        help="Codes, links and open balances from an earlier programme: looked at first, then taken.",
    )
)  # fmt: skip
connector.add_command(OfRoom("invoice", room="operations.paying", group="invoices", help="What merchants owe."))
connector.add_command(OfRoom("receipt", room="operations.paying", group="receipts", help="What merchants paid in."))
connector.add_command(
    OfRoom(
        "payout", room="operations.paying", group="payouts",
        help="Payout batches: looked at, prepared, handed over, followed.",
    )
)  # fmt: skip
connector.add_command(
    OfRoom(
        "exchange", room="operations.paying", group="exchanges",
        help="The app's own exchanges, against what payouts in another currency left open.",
    )
)  # fmt: skip
connector.add_command(
    OfRoom(
        "terms",
        room="operations.offering",
        group="terms",
        help="What shops offer creators: rates by product, creator, time.",
    )
)
connector.add_command(
    OfRoom("rules", room="operations.ruling", group="rules", help="What may be promoted, and the terms of use.")
)
connector.add_command(
    OfRoom("samples", room="operations.sampling", group="samples", help="Samples: the dated policy; moved on by hand.")
)
connector.add_command(
    OfRoom("events", room="operations.telling", group="events", help="Events to the app's back end, and its endpoints.")
)
connector.add_command(
    OfRoom(
        "whatif", room="operations.whatif", group="whatif",
        help="What would it pay? Other rates, terms or settings over what is kept. Nothing is written.",
    )
)  # fmt: skip


def main() -> None:
    """Entry point: an error of ours is one sentence and exit code 1, not a stack."""
    heap.rest()
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
