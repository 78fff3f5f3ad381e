"""`connector privacy …`: requests listed, shown, asked, run, called off; the file and the proof written out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import sqlalchemy as sa

from connector import db
from connector.access import staff
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, NotAllowed, NotFound
from connector.events import Buyer
from connector.operations.privacy import creators, export, requests, search
from connector.operations.privacy.tables import PrivacyRequest
from connector.operations.starting import open_process
from connector.programme.creators import queries as creator_queries

WHY = "a command is an operator's, and may name any request"


@click.group()
def privacy() -> None:
    """What stores ask for a person or for themselves: found, exported, erased, proven."""


@privacy.command("list")
@click.option("--all", "every", is_flag=True, help="Closed ones too.")
def list_requests(every: bool) -> None:
    """List the open requests, the one with the nearest deadline first."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(PrivacyRequest, Shop.domain).join(Shop, Shop.id == PrivacyRequest.shop_id)
        if not every:
            asked = asked.where(PrivacyRequest.status.in_(requests.OPEN))
        rows = session.execute(asked.order_by(PrivacyRequest.due_at, PrivacyRequest.id)).all()
        past, soon = requests.overdue(session)
    for request, domain in rows:
        click.echo(f"{request.id}  {request.kind:14} {request.status:10} until {request.due_at:%Y-%m-%d}  {domain}")
    click.echo(f"{len(rows)} requests; {past} past their deadline, {soon} within a week of it.")


@privacy.command("show")
@click.argument("request_id")
def show(request_id: str) -> None:
    """Print what was found, what was erased, and the proof. It names nobody."""
    open_process()
    with db.read(Scope.system(WHY)) as session:
        row = requests.get(session, request_id)
        file = export.newest(session, request_id)
        found = search.counts(session, request_id)
    said = {
        "id": row.id, "kind": row.kind, "status": row.status, "reason": row.reason, "detail": row.detail,
        "shop": row.shop_id, "asked_by": row.asked_by, "asked_at": row.asked_at.isoformat(),
        "due_at": row.due_at.isoformat(), "done_at": row.done_at.isoformat() if row.done_at else None,
        "goes_on_at": row.resume_at.isoformat() if row.resume_at else None, "found": found, "erased": row.erased,
        "file": None if file is None else {"id": file.id, "bytes": file.size, "sha256": file.sha256,
                                           "fetched": file.fetched, "until": file.expires_at.isoformat()},
        "proof": row.proof, "proof_sha256": row.proof_hash,
    }  # fmt: skip
    click.echo(json.dumps(said, indent=2))


@privacy.command("ask")
@click.argument("shop")
@click.argument("kind", type=click.Choice(requests.KINDS))
@click.option("--customer", help="The store's own id of the customer.")
@click.option("--email", help="An address; read from the terminal when it is `-`, so that no history keeps it.")
@click.option("--order", "orders", multiple=True, help="The store's id of an order; repeat it for more.")
def ask(shop: str, kind: str, customer: str | None, email: str | None, orders: tuple[str, ...]) -> None:
    """Make a request that came by letter or telephone, about somebody at SHOP (its id or its host)."""
    open_process()
    mail = click.prompt("E-mail address", hide_input=True) if email == "-" else email
    with db.write(Scope.system(WHY)) as session:
        found = shops.by_name(session, shop)
        made = requests.ask(
            session, found.id, kind, by="command", about=Buyer(customer, mail or None), order_refs=orders
        )
        click.echo(f"{made.id}: a worker answers it; due {made.due_at:%Y-%m-%d}.")


@privacy.command("run")
@click.argument("request_id")
def run(request_id: str) -> None:
    """Answer a request right here instead of leaving it to a worker. Exit code 1 when it failed."""
    open_process()
    status = requests.work(request_id)
    with db.read(Scope.system(WHY)) as session:
        row = requests.get(session, request_id)
    click.echo(f"{row.id} is {status}." + (f" {row.detail}" if row.detail else ""))
    if status == "failed":
        raise click.exceptions.Exit(1)


@privacy.command("cancel")
@click.argument("request_id")
@click.option("--why", required=True, help="A sentence for whoever asks later.")
def cancel(request_id: str, why: str) -> None:
    """Call an open request off. What was erased stays erased."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        requests.cancel(session, request_id, by="command", why=why)
    click.echo(f"{request_id} is called off.")


@privacy.command("erase-creator")
@click.argument("handle")
@click.option("--why", required=True, help="What was asked, and by which letter. It is kept.")
@click.option("--by", required=True, help="The staff member who does it, with the role admin.")
@click.option("--although-owed", is_flag=True, help="It is known that nobody can be paid what is still owed.")
@click.option("--yes", is_flag=True, help="Erase; without it only what would go is printed. It can't be undone.")
def erase_creator(handle: str, why: str, by: str, although_owed: bool, yes: bool) -> None:
    """Erase the creator HANDLE (or an id): who they are goes, the ledger stays under the id."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        person = staff.named(session, by)
        if not staff.may(person, "admin"):
            raise NotAllowed(f"{person.name} is {person.role}: who erases needs the role admin")
        creator_id = creator_queries.named(session, handle).id
        found = creators.look(session, creator_id)
        for name, number in found.counts.items():
            click.echo(f"{number:>7}  {name.replace('_', ' ')}")
        if found.owed:
            click.echo(f"Still owed: {found.owed_words()}")
        if not yes:
            click.echo("Nothing was erased: add --yes for that.")
            return
        creators.erase(session, creator_id, by=f"command:{person.name}", why=why, although_owed=although_owed)
    click.echo(f"{creator_id} is erased. The ledger stays, under this id.")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@privacy.command("export")
@click.argument("request_id")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new file.")
@click.option("--why", required=True, help="Why it is taken out here; the merchant fetches it by themselves else.")
def export_file(request_id: str, target: Path, why: str) -> None:
    """Write the file of a data request. It holds a person's data: hand it to the merchant and delete it."""
    open_process()
    with db.write(Scope.system(WHY)) as session:
        row = export.newest(session, request_id)
        if row is None:
            raise NotFound(f"{request_id[:40]!r} has no file")
        text = export.open_file(session, row.id, by="command", why=why)
        # Only for its owner, and never over a file that is there.
        try:
            with open(target, "xb", opener=_private) as out:
                out.write(text)
        except FileExistsError:
            raise Conflict(f"{target} is there already: name a new file.") from None
    click.echo(f"{target}: {len(text):,} bytes, SHA-256 {row.sha256}")
