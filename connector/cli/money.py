"""An order's way to money: clearing, closing, why, and the books."""

from __future__ import annotations

import gc
import sys
from datetime import datetime
from pathlib import Path
from typing import Literal

import click

from connector import clock, db
from connector.cli.opened import open_process
from connector.operations.options import Moment, as_of_option, shop_id_of, shop_option


@click.command()
@as_of_option
@shop_option
def pin(as_of: datetime | None, shop: str | None) -> None:
    """Make the decisions final whose grace is over. A running worker does it by itself."""
    from connector.operations import rounds

    open_process()
    pinned = rounds.pin_due(as_of or clock.now(), shop_id_of(shop))
    click.echo(f"{pinned.done} orders are final now.")
    _end_with(pinned.failed)


@click.command()
@as_of_option
@shop_option
def clear(as_of: datetime | None, shop: str | None) -> None:
    """Clear the commission whose hold is over. A running worker does it by itself."""
    from connector.operations import rounds

    open_process()
    as_of, shop_id = as_of or clock.now(), shop_id_of(shop)
    pinned = rounds.pin_due(as_of, shop_id)
    waits = rounds.read_before_clearing(as_of, shop_id)
    cleared = rounds.clear_due(as_of, shop_id)
    click.echo(f"{cleared.done} lines cleared; {pinned.done} orders became final before.")
    for why in sorted(set(waits.values())):
        number = sum(reason == why for reason in waits.values())
        click.echo(f"{number} orders wait for their store to be asked: {why}", err=True)
    _end_with(pinned.failed | cleared.failed)


def _end_with(failed: dict[str, str]) -> None:
    """Name what a round could not do; exit 1 then."""
    for subject, why in failed.items():
        click.echo(f"{subject}  failed: {why}", err=True)
    if failed:
        sys.exit(1)


@click.command()
@click.argument("period", required=False)
@click.option("--due", is_flag=True, help="Every period that is over and not closed yet, as each shop closes.")
@as_of_option
@shop_option
def close(period: str | None, due: bool, as_of: datetime | None, shop: str | None) -> None:
    """Close PERIOD (2026-11, 2026-11-H1, 2026-W46) into statements and an invoice, for one shop or all. Once."""
    from connector import money
    from connector.operations import rounds

    if due == (period is not None):
        raise click.UsageError("Name one period, or give --due.")
    open_process()
    as_of, shop_id = as_of or clock.now(), shop_id_of(shop)
    if period is None:
        done = rounds.close_due(as_of, "command", shop_id)
    else:
        done = rounds.close_period(period, as_of, "command", shop_id)
    if not done:
        click.echo("Nothing is due." if due else "No shop has joined.")
    for one in done:
        for closing in one.closings:
            total = money.text(closing.total, closing.currency)
            click.echo(f"{one.domain}  {closing.period}  {closing.currency} {total}  {closing.id}")
        if one.refused:
            click.echo(f"{one.domain}  not closed: {one.refused}", err=True)
    if any(one.refused for one in done):
        sys.exit(1)


@click.command()
@click.argument("order")
@shop_option
@click.option("--json", "as_json", is_flag=True, help="The whole of it, for programs.")
@click.option("--audience", default="support", help="support, merchant or creator: in whose words, and what they see.")
@click.option("--creator", "handle", default="", help="Which creator reads, by handle or id.")
def trace(order: str, shop: str | None, as_json: bool, audience: str, handle: str) -> None:
    """Tell why ORDER (its number, the store's id, or ours) paid what it paid, with the evidence."""
    from connector.operations import trace as act
    from connector.operations import trace_audience, trace_text
    from connector.programme.creators import queries as creators

    open_process()
    shop_id = shop_id_of(shop)
    reader = trace_audience.audience(audience)
    with db.read(db.Scope.system("a command traces an order of any shop")) as session:
        found = act.trace(session, act.find(session, order, shop_id))
        creator_id = creators.named(session, handle).id if handle else None
    if reader != "support" or creator_id:
        found = trace_audience.told(found, reader, creator_id)
    if as_json:
        click.echo(act.as_json(found).decode())
    else:
        shown = trace_text.as_text(found) if reader == "support" else trace_text.as_words(found, reader)
        click.echo(shown, nl=False)


@click.command("audit")
def audit_books() -> None:
    """Hold the books against themselves and against all else that we keep. Exit code 1 when something is wrong."""
    from connector.operations import books

    open_process()
    number = 0
    gc.freeze()  # the collector needn't go through all that is loaded, over and over, while millions of rows pass
    # One moment for all checks: what is booked meanwhile would look like a difference.
    with db.snapshot(db.Scope.system("the audit reads the books of all shops")) as session:
        for name, promise, wrong in books.examine(session):
            click.echo(f"{'wrong' if wrong else 'right':6} {name}: {promise}")
            for one in wrong:
                click.echo(f"         {one.about}: {one.detail}")
            number += len(wrong)
    gc.unfreeze()
    if number:
        raise click.ClickException(f"{number} things are wrong.")


@click.command()
@shop_option
@click.option("--verify", is_flag=True, required=True, help="Compare and write nothing: the only thing that it does.")
@click.option("--without-bodies", is_flag=True, help="Leave out the raw bodies that are still kept.")
def rebuild(shop: str | None, verify: bool, without_bodies: bool) -> None:
    """Work out anew what every order pays and every account holds, and name what differs. Exit code 1 when it does."""
    from connector.operations.rebuild import verify as act

    open_process()
    shop_id = shop_id_of(shop)
    with db.snapshot(db.Scope.system("a rebuild reads the books of all shops")) as session:
        done = act.verify(session, click.echo, shop_id=shop_id, retranslate=not without_bodies)
    for what, number in sorted(done.left_out.items()):
        click.echo(f"left out: {number} {what}")
    click.echo(f"{done.orders} orders, {done.lines} lines, {done.bodies} bodies, {done.balances} balances.")
    if done.differences:
        raise click.ClickException(f"{done.differences} things differ.")
    click.echo("All of it follows from what is kept.")


@click.command()
def seal() -> None:
    """Link what was booked into the shops' hash chains. A running worker does it by itself."""
    from connector.operations import sealing

    open_process()
    click.echo(f"{sealing.seal_waiting()} entries are sealed now.")


@click.group("export")
def export_group() -> None:
    """The books as files for other programs."""


@export_group.command("ledger")
@click.option(
    "--format", "kind", required=True, type=click.Choice(["csv", "jsonl", "beancount", "hledger"]),
    help="jsonl: docs/ledger-export.schema.json.",
)  # fmt: skip
@shop_option
@click.option("--currency", help="Only entries in this currency.")
@click.option("--since", type=Moment(), help="Business time at this moment or later.")
@click.option("--until", type=Moment(), help="Business time before this moment.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file; default: standard output.")
def export_ledger(
    kind: Literal["csv", "jsonl", "beancount", "hledger"], shop: str | None, currency: str | None,
    since: datetime | None, until: datetime | None, out: Path | None,
) -> None:  # fmt: skip
    """Write the ledger's entries, all or some, as of one moment."""
    from connector.operations.exports import ledger as act

    open_process()
    asked = act.Asked(shop_id_of(shop), currency, since, until)
    with db.snapshot(db.Scope.system("a command exports the books of all shops")) as session:
        if out is None:
            totals = act.write(session, kind, asked, lambda piece: click.echo(piece, nl=False))
        else:
            totals = act.to_file(session, kind, asked, out)
    click.echo(f"{totals.entries} entries, {totals.unsealed} of them not sealed yet.", err=True)


@click.command("refund-amount")
@click.argument("order")
@click.argument("refund")
@click.argument("amount")
@shop_option
@click.option("--why", default="", help="Where the amount comes from. Needed with --book.")
@click.option("--book", is_flag=True, help="Book it. Without, only what it would do is printed.")
def refund_amount(order: str, refund: str, amount: str, shop: str | None, why: str, book: bool) -> None:
    """Enter the AMOUNT (like 12.50) of a REFUND of ORDER whose amount the store doesn't give."""
    from connector import money
    from connector.earnings.intake import amounts
    from connector.operations import trace as act

    open_process()
    shop_id = shop_id_of(shop)
    with db.write(db.Scope.system("a command enters an amount for an order of any shop")) as session:
        found = act.find(session, order, shop_id)
        minor = money.parse(amount, found.currency, "amount")
        shown = amounts.preview(session, found.id, refund, minor)
        for line in shown.changes:
            before, after = (money.text(due, found.currency) for due in (line.due_before, line.due_after))
            held = ", still held" if line.held_after else ""
            click.echo(f"{line.title or line.line_ref}: commission {found.currency} {before} -> {after}{held}")
        if book:
            taken = amounts.enter(session, found.id, refund, minor, by="command", why=why, token=shown.token)
            click.echo(f"Booked: {taken.entries} entries.")
        else:
            click.echo("Nothing was booked. Add --book and --why to book it.")


COMMANDS = (pin, clear, close, trace, audit_books, rebuild, seal, export_group, refund_amount)
