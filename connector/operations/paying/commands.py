"""`connector invoice …`, `receipt …` and `payout …`: what merchants owe and paid in, and payout batches."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from connector import clock, db, money
from connector.earnings.payouts import batch, conversion, hand_over, outcomes, policy, queries
from connector.earnings.settlement import bank_file, funding, stripe_payments
from connector.earnings.settlement import invoices as owed
from connector.earnings.settlement import receipts as paid_in
from connector.earnings.settlement.tables import ReceiptAsked
from connector.errors import Conflict
from connector.operations.options import as_of_option, by_option, person, shop_id_of, shop_option
from connector.operations.paying.exchanges import exchanges
from connector.operations.starting import open_process

__all__ = ["exchanges", "invoices", "payouts", "receipts"]


@click.group("invoice")
def invoices() -> None:
    """What merchants owe."""


@invoices.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are paid too.")
@as_of_option
@shop_option
def invoice_list(everything: bool, as_of: datetime | None, shop: str | None) -> None:
    """Print invoices with what is paid of each, oldest first."""
    open_process()
    as_of, shop_id = as_of or clock.now(), shop_id_of(shop)
    with db.read(db.Scope.system("a command lists the invoices of all shops")) as session:
        for account in funding.accounts(session, as_of.date(), shop_id=shop_id, only_open=not everything):
            for each in account.standings:
                row = each.invoice
                if everything or each.open:
                    total, still_open = (money.text(amount, row.currency) for amount in (row.total, each.open))
                    click.echo(
                        f"{owed.number_text(row.number)}  {row.shop_id}  {row.period:10}  {row.currency} {total}  "
                        f"open {still_open}  due {row.due_on}  {each.state}"
                    )
            if account.credit:
                credit = money.text(account.credit, account.currency)
                click.echo(f"{account.shop_id}  {account.currency} {credit} credit")


@click.group("receipt")
def receipts() -> None:
    """What merchants paid in."""


@receipts.command("add")
@click.argument("invoice")
@click.argument("amount")
@click.option("--reference", required=True, help="The bank's own. One that was recorded before changes nothing.")
@click.option("--on", "received_on", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the bank received it.")
@click.option("--note", default="")
@by_option
def receipt_add(
    invoice: str, amount: str, reference: str, received_on: datetime | None, note: str, by: str | None
) -> None:
    """Record AMOUNT (1912.40) from the merchant who owes INVOICE (INV-000001). The oldest invoice is paid first."""
    open_process()
    now, who = clock.now(), person(by)
    day = received_on.date() if received_on is not None else now.date()
    with db.write(db.Scope.system("a command records a receipt by its invoice")) as session:
        found = owed.by_number(session, owed.number_of(invoice))
        coming = paid_in.Coming(
            found.shop_id, found.currency, money.parse(amount, found.currency, "amount"), reference, day, "hand", note
        )
        row, fresh = paid_in.record_or_ask(session, coming, who, policy.current().limit, now)
        if isinstance(row, ReceiptAsked):
            _named(by)  # leaving it undone
            click.echo(f"{row.id} waits: its sum asks for a second person, who records it in the console.")
            return
        said = "recorded" if fresh else "was recorded before"
        click.echo(f"{row.id}  {row.currency} {money.text(row.amount, row.currency)} {said}")


@receipts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--book", is_flag=True, help="Record what is new. Without it nothing is written.")
@by_option
def receipt_import(file: Path, book: bool, by: str | None) -> None:
    """Read a bank's statement (CSV), show what each row would do, and record it with --book. Conflicts stay out."""
    open_process()
    who, limit = person(by), policy.current().limit
    rows = bank_file.rows_of(file.read_text(encoding="utf-8-sig"))
    scope = db.Scope.system("a bank's file holds payments of all shops")
    if book:
        with db.write(scope) as session:
            done = bank_file.book(session, rows, who, limit)
            if any(each.outcome == "asks" for each in done):
                _named(by)  # leaving all of it undone
    else:
        with db.read(scope) as session:
            done = bank_file.judge(session, rows, limit)
    for each in done:
        about = each.reason
        if each.coming is not None:
            about = f"{each.coming.currency} {money.text(each.coming.amount, each.coming.currency)}  {each.shop}"
        doubt = f"  looks like {each.doubtful}" if each.doubtful else ""
        click.echo(f"{each.line}  {each.outcome}  {about}  {each.detail}{doubt}")
    conflicts = sum(each.outcome == "conflict" for each in done)
    fresh = sum(each.outcome == "new" for each in done)
    asks = sum(each.outcome == "asks" for each in done)
    known = len(done) - fresh - asks - conflicts
    wait = f"{asks} {'wait' if book else 'would wait'} for a second person, " if asks else ""
    click.echo(f"{fresh} {'recorded' if book else 'new'}, {wait}{conflicts} conflicts, {known} known")
    if conflicts:
        sys.exit(1)


@receipts.command("stripe")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How far back Stripe is asked.")
def receipt_stripe(days: int) -> None:
    """Ask Stripe for payments that its webhook may have missed, and record those that are new."""
    key = open_process().stripe_key.get_secret_value()
    if not key:
        raise click.ClickException("Set CONNECTOR_STRIPE_KEY first.")
    told = list(stripe_payments.poll(key, clock.wall() - timedelta(days=days)))
    fresh = unmatched = 0
    with db.write(db.Scope.system("a payment names its invoice, and so its shop")) as session:
        for each in told:
            done = stripe_payments.take(session, each, clock.now())
            fresh += done is not None and done[1]
            unmatched += done is None
    click.echo(f"{len(told)} heard, {fresh} recorded, {unmatched} belong to no invoice (see the audit log)")
    if unmatched:
        sys.exit(1)


@receipts.command("undo")
@click.argument("receipt_id")
@click.option("--why", required=True, help="It bounced, or was none.")
def receipt_undo(receipt_id: str, why: str) -> None:
    """Take RECEIPT_ID back: a receipt below zero is recorded, and what it paid is open again."""
    open_process()
    with db.write(db.Scope.system("a command takes a receipt back")) as session:
        row = paid_in.undo(session, receipt_id, "command", why)
        click.echo(f"{row.id} takes {receipt_id} back.")


def _named(by: str | None) -> None:
    if by is None:
        raise Conflict("no name", public="Its sum asks for two people: say with --by who does the first half.")


rail_option = click.option(
    "--rail", type=click.Choice(["csv", "sepa", "mass", "stripe"]), default="csv", show_default=True,
    help="How it leaves: a bank's CSV, SEPA pain.001, a mass payment CSV, Stripe transfers.",
)  # fmt: skip
folder_option = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("var/payouts"), show_default=True,
    help="Where files are written.",
)  # fmt: skip


@click.group("payout")
def payouts() -> None:
    """Payout batches: looked at, prepared, handed over, followed."""


@payouts.command("preview")
@click.option("--currency", required=True, help="The currency that is owed.")
@rail_option
@click.option("--minimum", help="Least sum a creator, like 25.00, in place of the shops' own setting.")
@as_of_option
def payout_preview(currency: str, rail: str, minimum: str | None, as_of: datetime | None) -> None:
    """Say what a batch would pay and leave out, and book nothing."""
    open_process()
    as_of, currency = as_of or clock.now(), currency.upper()
    least = None if minimum is None else money.parse(minimum, currency, "minimum")
    with db.read(db.Scope.system("a payout batch covers all shops")) as session:
        plan = batch.preview(session, currency, as_of, minimum=least, rail=rail)
    for row in plan.pay:
        converted = "" if row.rate is None else f" = {row.pay_currency} {money.text(row.pay_amount, row.pay_currency)}"
        click.echo(f"pay: {row.creator_id} at {row.shop_id} {money.text(row.amount, currency)}{converted}")
    for each in plan.aside:
        click.echo(_left_out(each.creator_id, each.shop_id, currency, each.amount, each.missing, each.reason))
    click.echo(f"{len(plan.pay)} payouts, {currency} {money.text(plan.total, currency)}: nothing is booked")


def _left_out(creator_id: str, shop_id: str, currency: str, amount: int, missing: int, reason: str) -> str:
    more = f", {money.text(missing, currency)} missing" if missing else ""
    return f"set aside: {creator_id} at {shop_id} {money.text(amount, currency)}: {reason}{more}"


@payouts.command("prepare")
@click.option("--currency", required=True, help="One batch is of what is owed in one currency.")
@rail_option
@click.option(
    "--key", help="The same key gives the same batch; default: day, currency and rail, and a number where it has to."
)
@click.option("--minimum", help="Least sum a creator, like 25.00, in place of the shops' own setting.")
@folder_option
@by_option
@as_of_option
def payout_prepare(
    currency: str, rail: str, key: str | None, minimum: str | None, folder: Path, by: str | None, as_of: datetime | None
) -> None:
    """Book what may be paid and write the file for the bank. Repeating it with the same key pays nobody twice."""
    open_process()
    who = person(by)
    as_of, currency = as_of or clock.now(), currency.upper()
    least = None if minimum is None else money.parse(minimum, currency, "minimum")
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        key = key or queries.key_of_day(session, as_of.date(), currency, rail)
        stands = queries.by_key(session, key) is not None
        made = batch.prepare(session, key, currency, as_of, who, minimum=least, rail=rail)
        if made.status == "awaiting" and made.prepared_by == "command":
            _named(by)  # leaving it undone: whoever approves must be another person than this one
    with db.read(db.Scope.system("a payout batch covers all shops")) as session:
        for row in queries.set_aside(session, made.id):
            click.echo(_left_out(row.creator_id, row.shop_id, currency, row.amount, row.missing, row.reason))
    click.echo(f"{made.id}: {made.rows} payouts, {currency} {money.text(made.total, currency)}, {made.status}")
    if stands:
        click.echo(
            f"It stands since {made.prepared_at:%Y-%m-%d %H:%M} UTC under the key {key!r}: nothing more is booked. "
            "What can be paid since then goes by another --key."
        )
    if made.status == "awaiting":
        click.echo("Its sum asks for a second person: approve it in the console, then `connector payout hand-over`.")
    elif made.rows and made.rail not in hand_over.API_RAILS:
        _write_files(made.id, folder, as_of)


def _write_files(batch_id: str, folder: Path, as_of: datetime) -> None:
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        made = hand_over.files(session, batch_id, as_of, "command")
    for path in hand_over.write(folder, made):
        click.echo(path)


@payouts.command("hand-over")
@click.argument("batch_id")
@folder_option
@as_of_option
def payout_hand_over(batch_id: str, folder: Path, as_of: datetime | None) -> None:
    """Hand BATCH_ID to its rail: write its file, or call. Repeating it after a crash pays nobody twice."""
    open_process()
    with db.read(db.Scope.system("a payout batch covers all shops")) as session:
        rail = queries.batch(session, batch_id).rail
    if rail not in hand_over.API_RAILS:
        _write_files(batch_id, folder, as_of or clock.now())
        return
    _print_handed(hand_over.call(batch_id, "command"))


@payouts.command("ask")
@click.argument("batch_id")
def payout_ask(batch_id: str) -> None:
    """Ask the rail what became of the payouts of BATCH_ID whose outcome isn't known. Nothing is sent."""
    open_process()
    _print_handed(hand_over.ask(batch_id, "command"))


def _print_handed(done: Any) -> None:
    for outcome, number in sorted(done.counts.items()):
        click.echo(f"{outcome}: {number}")
    if done.waiting:
        click.echo(f"still open: {done.waiting}")
    if done.counts.get("unknown") or done.waiting:
        sys.exit(1)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} isn't text in UTF-8: save it so, and try again.") from None


@payouts.command("outcomes")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_of_option
def payout_outcomes(file: Path, as_of: datetime | None) -> None:
    """Record what a bank's list (CSV: reference, outcome, …) says became of payouts. Rows that can't be are named."""
    open_process()
    text = _text_of(file)
    with db.write(db.Scope.system("a bank's list is about all shops")) as session:
        taken = outcomes.take_file(session, text, as_of or clock.now(), "command")
    for line, reference, why in taken.refused:
        click.echo(f"line {line}: {reference}: {why}", err=True)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(taken.counts.items())) or "nothing new"
    click.echo(f"{counts}; {len(taken.known)} known already, {len(taken.refused)} refused")
    if taken.refused:
        sys.exit(1)


@payouts.command("rates")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def payout_rates(file: Path) -> None:
    """Keep the conversion rates of a CSV: base, quote, rate, source, quoted_at."""
    open_process()
    text = _text_of(file)
    with db.write(db.Scope.system("conversion rates belong to no shop")) as session:
        taken, refused = conversion.enter_all(session, text, "command")
    for line, why in refused:
        click.echo(f"line {line}: {why}", err=True)
    click.echo(f"{taken} rates kept, {len(refused)} refused")
    if refused:
        sys.exit(1)


@payouts.command("sent")
@click.argument("batch_id")
@as_of_option
def payout_sent(batch_id: str, as_of: datetime | None) -> None:
    """The file of BATCH_ID was handed to the bank."""
    open_process()
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        found = batch.mark_sent(session, batch_id, as_of or clock.now(), "command")
        click.echo(f"{found.id} is {found.status}.")


@payouts.command("paid")
@click.argument("batch_id")
@as_of_option
def payout_paid(batch_id: str, as_of: datetime | None) -> None:
    """The bank says that BATCH_ID left: book it as paid."""
    open_process()
    with db.write(db.Scope.system("a payout batch covers all shops")) as session:
        found = batch.mark_paid(session, batch_id, as_of or clock.now(), "command")
        click.echo(f"{found.id} is {found.status}.")
