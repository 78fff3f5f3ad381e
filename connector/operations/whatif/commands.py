"""`connector whatif …`: an order, a creator's month or a shop's quarter under other terms or settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from connector import db, money
from connector.commerce.shops import queries as shops
from connector.db import Scope as Sees
from connector.errors import InputRefused, NotFound
from connector.operations import trace
from connector.operations.options import Moment
from connector.operations.starting import open_process
from connector.operations.whatif.asked import Change, SupposedRate, read_settings, stretch
from connector.operations.whatif.price import Answer, Scope, price
from connector.programme.creators import queries as creators
from connector.web import rate_words

WHY = "a command is an operator's, and may price any order"


def _change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--seconds", default=60, show_default=True, help="About how long to go on."),
        click.option("--without", multiple=True, metavar="TERMS", help="As if these terms never were; repeatable."),
        click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Another setting; repeatable."),
        click.option("--product", default="", help="With --rate and --open: for this product alone."),
        click.option("--until", type=Moment(), help="With --rate: until then, then as it is.  [default: for good]"),
        click.option(
            "--from",
            "since",
            type=Moment(),
            help="With --rate: as if changed then; who promoted before keeps a higher rate for 30 days.  "
            "[default: as if it had always been so]",
        ),
        click.option("--ads", help="With --rate: the rate of taps on ads."),
        click.option("--open", "only_open", is_flag=True, help="With --rate: creators' own terms stay as they are."),
        click.option("--rate", help="Another rate in per cent, like 12.5, whatever was agreed."),
    ):
        command = option(command)
    return command


@click.group()
def whatif() -> None:
    """What would it pay? Other rates, terms or settings over what is kept. Nothing is written."""


@whatif.command("order")
@click.argument("order")
@click.option("--shop", help="The shop of the order, by its host or its id.")
@_change_options
def of_order(order: str, shop: str | None, **given: Any) -> None:
    """Price ORDER (its id, or its number with --shop)."""
    open_process()
    with db.read(Sees.system(WHY)) as session:
        shop_id = shops.by_name(session, shop).id if shop else None
        found = trace.find(session, order, shop_id)
        _print(price(session, Scope(order_id=found.id), _change(given), seconds=given["seconds"]))


@whatif.command("creator")
@click.argument("handle")
@click.option("--period", required=True, help="2026-11, 2026-Q4 or 2026.")
@click.option("--shop", help="In this shop alone; its zone says when months begin. Else UTC.")
@_change_options
def of_creator(handle: str, period: str, shop: str | None, **given: Any) -> None:
    """Price what the creator HANDLE earned in a period."""
    open_process()
    with db.read(Sees.system(WHY)) as session:
        creator = creators.by_handle(session, handle)
        if creator is None:
            raise NotFound(f"no creator has the handle {handle[:40]!r}")
        where = shops.by_name(session, shop) if shop else None
        since, until = stretch(period, where.time_zone if where else "UTC")
        scope = Scope(creator_id=creator.id, shop_id=where.id if where else None, since=since, until=until)
        _print(price(session, scope, _change(given), seconds=given["seconds"]))


@whatif.command("shop")
@click.argument("shop")
@click.option("--period", required=True, help="2026-11, 2026-Q4 or 2026, in the shop's zone.")
@_change_options
def of_shop(shop: str, period: str, **given: Any) -> None:
    """Price the orders of SHOP (its host or its id) in a period."""
    open_process()
    with db.read(Sees.system(WHY)) as session:
        found = shops.by_name(session, shop)
        since, until = stretch(period, found.time_zone)
        scope = Scope(shop_id=found.id, since=since, until=until)
        _print(price(session, scope, _change(given), seconds=given["seconds"]))


def _change(given: dict[str, Any]) -> Change:
    supposed: tuple[SupposedRate, ...] = ()
    if given["rate"]:
        kind = "open" if given["only_open"] or given["product"] else "all"
        supposed = (
            SupposedRate(
                rate_bp=rate_words.typed(given["rate"], "rate"), kind=kind, product_ref=given["product"],
                ads_bp=rate_words.typed(given["ads"], "ads") if given["ads"] else None,
                starts_at=given["since"], ends_at=given["until"],
            ),
        )  # fmt: skip
    elif any(given[name] for name in ("ads", "since", "until", "only_open", "product")):
        raise InputRefused(
            "--rate", "is missing.", "Name the rate that --ads, --from, --until, --open or --product is about."
        )
    pairs = {}
    for each in given["sets"]:
        name, sign, value = each.partition("=")
        if not sign:
            raise InputRefused("--set", f"{each[:40]!r} has no value.", "Write it as NAME=VALUE.")
        pairs[name.strip()] = value.strip()
    return Change(rates=supposed, without=tuple(given["without"]), settings=read_settings(pairs))


def _print(answer: Answer) -> None:
    for line in answer.lines:
        before, after = (money.text(amount, line.currency) for amount in (line.before, line.after))
        rates = f"{rate_words.short(line.rate_before)} -> {rate_words.short(line.rate_after)}".replace("\u00a0", " ")
        reasons = line.reason_before if line.reason_before == line.reason_after else (
            f"{line.reason_before} -> {line.reason_after}"
        )  # fmt: skip
        click.echo(f"{line.number:12} {line.title[:40]:40} {line.currency} {before} -> {after}  {rates}  {reasons}")
    if answer.left_out:
        click.echo(f"… and {answer.left_out} more lines that differ.")
    for currency, sums in sorted(answer.currencies.items()):
        told = [money.text(amount, currency) for amount in (sums.before, sums.after, sums.difference)]
        click.echo(f"{currency}: commission {told[0]} -> {told[1]} ({told[2]}), {sums.lines} lines differ")
        if sums.fee_before or sums.fee_after:
            fees = [money.text(amount, currency) for amount in (sums.fee_before, sums.fee_after)]
            click.echo(f"{currency}: app fee {fees[0]} -> {fees[1]}")
    rest = "" if answer.finished else " The time was over: --seconds gives it more."
    click.echo(f"{answer.covered} of {answer.orders} orders.{rest}")
