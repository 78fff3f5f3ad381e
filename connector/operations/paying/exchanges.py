"""`connector exchange …`: what the app's own bank gave of one currency for another, so that conversions are closed."""

from __future__ import annotations

from datetime import datetime

import click

from connector import clock, db, money
from connector.commerce.shops import queries as shops
from connector.earnings.payouts import exchange, policy
from connector.earnings.payouts.exchange import Deal
from connector.earnings.payouts.tables import BankExchange
from connector.errors import Conflict, InputRefused
from connector.operations.options import by_option, person
from connector.operations.starting import open_process

WHY = "an exchange at the app's bank covers all shops"


@click.group("exchange")
def exchanges() -> None:
    """The app's own exchanges at its bank, against what payouts in another currency left open."""


@exchanges.command("list")
def exchange_list() -> None:
    """Print what is open, and the newest exchanges."""
    open_process()
    with db.read(db.Scope.system(WHY)) as session:
        opened, rows = exchange.positions(session), exchange.newest(session)
    for (sold, bought), by_shop in opened.items():
        took = money.text(sum(each.sold for each in by_shop.values()), sold)
        gave = money.text(sum(each.bought for each in by_shop.values()), bought)
        click.echo(f"{sold} {took} for {bought} {gave} are open, of {len(by_shop)} shops")
    if not opened:
        click.echo("Nothing is open.")
    for row in rows:
        click.echo(f"{row.id}  {row.exchanged_on}  {_said(row)}  {row.state}  {row.reference}")


@exchanges.command("record")
@click.argument("sold")
@click.argument("bought")
@click.option("--reference", required=True, help="The bank's own. One that was recorded before changes nothing.")
@click.option("--on", "on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the bank's list; today without it.")
@click.option("--note", default="")
@click.option("--book", is_flag=True, help="Record it. Without it only its shares are printed.")
@by_option
def exchange_record(
    sold: str, bought: str, reference: str, on: datetime | None, note: str, book: bool, by: str | None
) -> None:
    """Record that SOLD ("EUR 1000.00") brought BOUGHT ("USD 1078.40"), shared over shops by what is open there."""
    open_process()
    now, who, limit = clock.now(), person(by), policy.current().limit
    (sold_in, away), (bought_in, got) = _sum(sold, "sold"), _sum(bought, "bought")
    deal = Deal(away, sold_in, got, bought_in, reference, on.date() if on else now.date(), note)
    if not book:
        with db.read(db.Scope.system(WHY)) as session:
            parts, second = exchange.look(session, deal, limit, now)
            for part in parts:
                gave, took = money.text(part.sold, sold_in), money.text(part.bought, bought_in)
                apart = money.text(-part.difference, bought_in)
                host = shops.get(session, part.shop_id).domain
                click.echo(f"{host}  {sold_in} {gave} for {bought_in} {took}, {apart} against the payouts' rates")
        click.echo("It asks for a second person. " * second + "Nothing is booked: add --book for that.")
        return
    with db.write(db.Scope.system(WHY)) as session:
        row = exchange.record(session, deal, who, limit, now)
        if row.state == "waits" and by is None:  # leaving it undone
            raise Conflict("no name", public="Its sum asks for two people: say with --by who does the first half.")
        waits = ": its sum asks for a second person, who records it in the console" if row.state == "waits" else ""
        click.echo(f"{row.id}  {_said(row)} {row.state}{waits}.")


@exchanges.command("undo")
@click.argument("exchange_id")
@click.option("--why", required=True, help="What was wrong with it.")
@by_option
def exchange_undo(exchange_id: str, why: str, by: str | None) -> None:
    """Take EXCHANGE_ID back: another one below zero is recorded, and what it closed is open again."""
    open_process()
    who = person(by)
    with db.write(db.Scope.system(WHY)) as session:
        row = exchange.undo(session, exchange_id, who, why)
        click.echo(f"{exchange_id} is taken back by {row.id}.")


def _sum(text: str, field: str) -> tuple[str, int]:
    """ "EUR 1000.00" as currency and minor units. Errors: InputRefused, MoneyRefused."""
    currency, _, amount = text.strip().partition(" ")
    if not amount.strip():
        raise InputRefused(field, f"{text[:40]!r} isn't a currency and an amount.", 'Write it as "EUR 1000.00".')
    return currency.upper(), money.parse(amount.strip(), currency.upper(), field)


def _said(row: BankExchange) -> str:
    sold, bought = money.text(row.sold, row.sold_currency), money.text(row.bought, row.bought_currency)
    return f"{row.sold_currency} {sold} for {row.bought_currency} {bought}"
