"""`connector terms …`: what a shop offers, listed, set, agreed with one creator, taken back. Rates are per cent."""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.operations.options import Moment
from connector.operations.starting import open_process
from connector.programme.collaborations import rates
from connector.programme.collaborations import terms as rooms
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import queries as creators
from connector.web import rate_words, term_lines

WHY = "a command is an operator's, and names a shop by its host"
BY = "command"


@click.group()
def terms() -> None:
    """What shops offer creators: rates by product, by creator, by time."""


@terms.command("list")
@click.argument("shop")
@click.option("--all", "every", is_flag=True, help="Every version there was, not only what stands and comes.")
def list_terms(shop: str, every: bool) -> None:
    """Print what SHOP (its id or its host) offers, and what comes."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        found = shops.by_name(session, shop)
        if every:
            for row in rates.history(session, found.id):
                click.echo(_version(session, row))
            return
        lines, more = term_lines.standing_lines(session, found, clock.now())
        for line in lines:
            now = _said(line.now) if line.now is not None else "nothing yet"
            click.echo(f"{rate_words.KINDS[line.kind]:28} {line.what:30.30} {line.whom:20.20} {now}")
            for row in line.coming:
                click.echo(f"{'':28} {'':30} {'':20} from {row.starts_at:%Y-%m-%d %H:%M} UTC {_said(row)}")
        click.echo(f"{len(lines)} offers{', and more of one creator each' if more else ''}.")


@terms.command("set")
@click.argument("shop")
@click.argument("rate")
@click.option("--product", default="", help="The store's id of one product; without it the whole shop.")
@click.option("--creator", "handle", help="Agreed with this creator alone, by handle or id; needs --until.")
@click.option("--where-nothing-else", is_flag=True, help="What counts where no other terms do.")
@click.option("--from", "starts_at", type=Moment(), help="From this business time on; default: now. Never earlier.")
@click.option("--until", "ends_at", type=Moment(), help="With --creator: until then.")
@click.option("--ads", help="Another rate for taps on the shop's ads.")
@click.option("--new-buyer", help="Another rate for buyers who are new to the shop.")
@click.option("--accepted-by", default="", help="With --creator: who says that they agreed to less than all others.")
@click.option("--replaces", help="With --creator: the version (trm_…) whose place it takes.")
def set_terms(
    shop: str, rate: str, product: str, handle: str | None, where_nothing_else: bool, starts_at: datetime | None,
    ends_at: datetime | None, ads: str | None, new_buyer: str | None, accepted_by: str, replaces: str | None,
) -> None:  # fmt: skip
    """Offer RATE (12, 12.5 or 12%) at SHOP (its id or its host).

    A raise counts at once; who promoted before a cut keeps the old rate for 30 days, and is told.
    """
    if handle is not None and ends_at is None:
        raise click.UsageError("Terms of one creator end: give --until.")
    if handle is None and (ends_at is not None or accepted_by or replaces):
        raise click.UsageError("--until, --accepted-by and --replaces go with --creator.")
    open_process()
    bp, ads_bp, new_bp = rate_words.typed(rate, "rate"), _rate(ads, "ads"), _rate(new_buyer, "new_buyer")
    with db.write(Scope.system(WHY)) as session:
        found = shops.by_name(session, shop)
        if handle is not None and ends_at is not None:
            row = rooms.target(
                session, found.id, creators.living(session, creators.named(session, handle).id).id, bp,
                product_ref=product, starts_at=starts_at, ends_at=ends_at, accepted_by=accepted_by, replaces=replaces,
                ads_bp=ads_bp, new_buyer_bp=new_bp, by=BY,
            )  # fmt: skip
        elif where_nothing_else:
            row = rooms.store_terms(
                session, found.id, bp, starts_at=starts_at, ads_bp=ads_bp, new_buyer_bp=new_bp, by=BY
            )  # fmt: skip
        else:
            row = rooms.open_terms(
                session, found.id, bp, product_ref=product, starts_at=starts_at, ads_bp=ads_bp, new_buyer_bp=new_bp,
                by=BY,
            )  # fmt: skip
        click.echo(_version(session, row))


@terms.command("withdraw")
@click.argument("shop")
@click.option("--product", default="", help="The store's id of one product; without it the whole shop.")
@click.option("--creator", "handle", help="What was agreed with this creator alone.")
@click.option("--from", "starts_at", type=Moment(), help="From this business time on; default: now.")
def withdraw(shop: str, product: str, handle: str | None, starts_at: datetime | None) -> None:
    """Offer nothing more for that scope. Taps that came before keep their rate."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        found = shops.by_name(session, shop)
        row = rooms.withdraw(
            session, found.id, product_ref=product, kind="open" if handle is None else "targeted",
            creator_id=None if handle is None else creators.named(session, handle).id, starts_at=starts_at, by=BY,
        )  # fmt: skip
        click.echo(_version(session, row))


@terms.command("call-off")
@click.argument("terms_id")
def call_off(terms_id: str) -> None:
    """Undo a version (trm_…) that has not begun: what stands goes on."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row = rooms.call_off(session, terms_id, by=BY)
        click.echo(f"{row.id} says that {terms_id} is called off.")


def _rate(typed: str | None, field: str) -> int | None:
    return None if typed is None else rate_words.typed(typed, field)


def _said(row: Terms) -> str:
    more = [f"ads {_short(row.ads_bp)}"] if row.ads_bp is not None else []
    more += [f"new buyers {_short(row.new_buyer_bp)}"] if row.new_buyer_bp is not None else []
    return ", ".join([_short(row.rate_bp), *more])


def _short(bp: int | None) -> str:
    return rate_words.short(bp).replace("\u00a0", " ")


def _version(session: Session, row: Terms) -> str:
    whom = creators.some(session, [row.creator_id]) if row.creator_id else {}
    parts = [
        row.id, row.kind, row.product_ref or "whole shop", *(f"@{each.handle}" for each in whom.values()), _said(row),
        f"from {row.starts_at:%Y-%m-%d %H:%M} UTC",
    ]  # fmt: skip
    return "  ".join(parts + ([f"until {row.ends_at:%Y-%m-%d %H:%M} UTC"] if row.ends_at else []))
