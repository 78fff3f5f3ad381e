"""`connector codes …` and `connector acts …`: creators' codes, and what a person decided about credit."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from sqlalchemy.orm import Session

from connector import audit, clock, db, money
from connector.access import staff
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution import acts as kept
from connector.earnings.attribution import codes as rooms
from connector.earnings.attribution.acts import ActAsked
from connector.errors import InputRefused, NotAllowed, NotFound
from connector.operations import trace
from connector.operations.crediting import deciding, looks
from connector.operations.crediting.deciding import Preview
from connector.operations.starting import open_process
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator

WHY = "a command is an operator's, and may name any shop"
BY = "command"


@click.group()
def codes() -> None:
    """Creators' codes: whose each is, and whether it counts."""


@codes.command("list")
@click.argument("shop")
def list_codes(shop: str) -> None:
    """List the codes of SHOP (its id or its host), with their state."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        found = shops.by_name(session, shop)
        rows = rooms.page(session, found.id, limit=10_000)
        states = rooms.states(session, rows, clock.now())
        people = creators.some(session, {each.creator_id for each in states if each.creator_id})
    for state in states:
        whose = f"@{people[state.creator_id].handle}" if state.creator_id else "nobody's"
        why = f"  {state.leak.why}" if state.leaked and state.leak else ""
        click.echo(f"{state.code_id}  {state.word:7} {state.shown:24} {whose}{why}")
    click.echo(f"{len(states)} codes.")


@codes.command("create")
@click.argument("shop")
@click.argument("creator")
@click.argument("code")
def create(shop: str, creator: str, code: str) -> None:
    """Make CODE at SHOP for CREATOR (a handle), from now on."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        owner = _creator(session, creator)
        made = rooms.create(session, shops.by_name(session, shop).id, owner.id, code, by=BY)
        audit.record(session, BY, "code.create", made.id, shop_id=made.shop_id, creator=owner.id)
        click.echo(f"{made.id}: {made.shown} is @{owner.handle}'s.")


@codes.command("move")
@click.argument("code_id")
@click.argument("creator")
@click.option("--why", required=True, help="A sentence for whoever asks later.")
def move(code_id: str, creator: str, why: str) -> None:
    """Give a code to CREATOR (a handle) from now on. Orders before keep whose it was."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        owner = _creator(session, creator)
        code = rooms.move(session, code_id, owner.id, by=BY, why=why)
        audit.record(session, BY, "code.move", code.id, shop_id=code.shop_id, creator=owner.id, why=why)
        click.echo(f"{code.id}: {code.shown} is @{owner.handle}'s from now on.")


@codes.command("end")
@click.argument("code_id")
@click.option("--why", required=True, help="A sentence for whoever asks later.")
def end(code_id: str, why: str) -> None:
    """End a code: it is nobody's from now on."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        code = rooms.end(session, code_id, by=BY, why=why)
        audit.record(session, BY, "code.end", code.id, shop_id=code.shop_id, why=why)
        click.echo(f"{code.id}: {code.shown} is nobody's from now on.")


@codes.command("look")
@click.option("--shop", "shop", help="Only this one.")
def look(shop: str | None) -> None:
    """Look for leaked codes and for standing customers now instead of leaving it to a worker."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        shop_id = shops.by_name(session, shop).id if shop else None
    flagged, seen = looks.codes(shop_id=shop_id), looks.customers(shop_id=shop_id)
    click.echo(f"{flagged} codes flagged as leaked; {seen} orders looked at for standing customers.")


@click.group()
def acts() -> None:
    """What a person decides about credit: previewed, booked, and approved by a second one where it must be."""


@acts.command("list")
def list_acts() -> None:
    """List the acts that wait for a second person, and the lines under review."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        waiting, under_review = kept.waiting(session, limit=1000), deciding.reviews(session, limit=1000)
    for act in waiting:
        click.echo(f"{act.id}  {act.kind:14} {act.order_id or act.code_id}  by {act.actor}: {act.reason}")
    for row, order in under_review:
        why = ", ".join(row.evidence.get("review", {}).get("why", ()))
        click.echo(f"{order.id}  line {row.line_ref}  {order.number}  under review: {why}")
    click.echo(f"{len(waiting)} acts wait for a second person; {len(under_review)} lines are under review.")


@acts.command("book")
@click.argument("kind", type=click.Choice(kept.KINDS))
@click.argument("subject")
@click.option("--shop", help="The shop of the order, by its host or its id, where several have one of that number.")
@click.option("--line", default="", help="The store's id of one line; without it the whole order.")
@click.option("--creator", help="A handle, where the act names a creator.")
@click.option("--since", help="Of a backdated leak: 2026-11-20T14:30+00:00.")
@click.option("--why", required=True, help="A sentence for whoever asks later.")
@click.option("--yes", is_flag=True, help="Book it; without it only the preview is shown.")
def book(
    kind: str, subject: str, shop: str | None, line: str, creator: str | None, since: str | None, why: str, yes: bool
) -> None:
    """Preview what an act would do to SUBJECT, an order (its number, the store's id, or ours) or, for a leak, the id of
    a code; and book it with --yes."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        asked = _asked(session, kind, subject, shop, line, creator, since)
        shown = deciding.preview(session, asked)
        _say(shown)
        if not yes:
            click.echo("Nothing was booked: add --yes for that.")
            return
        act, _ = deciding.enter(session, asked, by=BY, reason=why, token=shown.token)
        click.echo(f"{act.id} is {act.state}." + (" A second person approves it." if act.needs_second else ""))


@acts.command("approve")
@click.argument("act_id")
@click.option("--by", required=True, help="The staff member who approves, with the role finance: not who proposed it.")
def approve(act_id: str, by: str) -> None:
    """Approve an act that somebody else proposed on a page, as its second person."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        act = kept.get(session, act_id)
        if act.actor == BY:
            # Who types commands has no name here: two of them may be one person.
            raise NotAllowed(f"act {act_id} was proposed by a command: somebody approves it in the console")
        second = staff.named(session, by)
        if not staff.may(second, "finance"):
            raise NotAllowed(f"{second.name} is {second.role}: who approves needs the role finance")
        if act.actor == f"staff:{second.name}":
            raise NotAllowed(f"{second.name} proposed act {act_id}: somebody else approves it")
        shown = deciding.preview(session, deciding.asked_of(act))
        _say(shown)
        act = deciding.approve(session, act_id, by=f"{BY}:{second.name}", token=shown.token)
        click.echo(f"{act.id} is {act.state}.")


@acts.command("refuse")
@click.argument("act_id")
@click.option("--why", required=True, help="For whoever proposed it.")
def refuse(act_id: str, why: str) -> None:
    """Refuse an act that waits: nothing is changed."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        kept.refuse(session, act_id, by=BY, why=why)
    click.echo(f"{act_id} is refused.")


def _say(shown: Preview) -> None:
    for each in shown.changes:
        mark = "*" if each.differs else " "
        before, after = (money.text(amount, each.currency) for amount in (each.due_before, each.due_after))
        click.echo(
            f"{mark} {each.number} line {each.line_ref}: {each.creator_before or 'nobody'} {each.currency} {before} "
            f"({each.reason_before}) -> {each.creator_after or 'nobody'} {each.currency} {after} "
            f"({each.reason_after})" + (", in a closed statement" if each.in_statement else "")
        )


def _asked(
    session: Session, kind: str, subject: str, shop: str | None, line: str, creator: str | None, since: str | None
) -> ActAsked:
    owner = _creator(session, creator) if creator else None
    if kind == "leak_backdated":
        code = rooms.get(session, subject)
        if since is None:
            raise InputRefused("since", "is missing.", "Say from when on the code was public.")
        return ActAsked(kind=kind, shop_id=code.shop_id, code_id=code.id, since=_moment(since))
    order = trace.find(session, subject, shops.by_name(session, shop).id if shop else None)
    return ActAsked(
        kind=kind, shop_id=order.shop_id, order_id=order.id, line_ref=line, creator_id=owner.id if owner else None
    )


def _moment(text: str) -> datetime:
    """Errors: InputRefused."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("since", f"{text[:40]!r} is no time.", "Write it like 2026-11-20T14:30+00:00.") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _creator(session: Session, handle: str) -> Creator:
    found = creators.by_handle(session, handle)
    if found is None:
        raise NotFound(f"no creator has the handle {handle[:40]!r}")
    return found
