"""Taking rows that nothing stands against: a code becomes its creator's, an old address leads to a link, a balance is
booked as an opening entry. All of a batch in one transaction, with the keys under which it came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db, money, vault
from connector.earnings.attribution import codes, links
from connector.earnings.attribution.tables import LinkTag
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.operations.imports.tables import ImportRow, ImportTaken
from connector.programme.content import attach
from connector.programme.creators.tables import Creator


def take(
    session: Session, shop_id: str, kind: str, import_id: str, rows: Sequence[ImportRow], *, by: str, now: datetime
) -> None:
    """Take these rows, each judged `new` in this very transaction. They come out as `taken`, with what they became."""
    if not rows:
        return
    people = _creators(session, rows)
    results = _TAKING[kind](session, shop_id, import_id, rows, people, by, now)
    keys = db.insert(session, ImportTaken).on_conflict_do_nothing(index_elements=["shop_id", "kind", "key"])
    session.connection().execute(
        keys,
        [
            {
                "shop_id": shop_id, "kind": kind, "key": row.key, "meaning": row.meaning, "import_id": import_id,
                "number": row.number, "result_id": result, "taken_at": now,
            }
            for row, result in zip(rows, results, strict=True)
        ],
    )  # fmt: skip
    for row, result in zip(rows, results, strict=True):
        row.outcome, row.result_id = "taken", result


def cells(kind: str, said: dict[str, Any]) -> dict[str, str]:
    """The cells of a kept row as they would stand in a file: what `judge` reads."""
    read = {name: str(value) for name, value in said.items()}
    if kind == "balances" and isinstance(said.get("amount"), int):
        read["amount"] = money.text(said["amount"], str(said["currency"]))
    shown = read.pop("shown", None)
    if shown is not None:
        read["code" if kind == "codes" else "tag"] = shown
    return read


def _creators(session: Session, rows: Sequence[ImportRow]) -> dict[str, str]:
    handles = {str(row.said["creator"]) for row in rows}
    found = session.execute(sa.select(Creator.handle, Creator.id).where(Creator.handle.in_(handles)))
    return dict(found.all())


def _codes(
    session: Session, shop_id: str, import_id: str, rows: Sequence[ImportRow], people: dict[str, str], by: str,
    now: datetime,
) -> list[str]:  # fmt: skip
    wanted = [(people[row.said["creator"]], str(row.said["shown"])) for row in rows]
    return codes.create_all(session, shop_id, wanted, by=by, why=f"import {import_id}", now=now)


def _links(
    session: Session, shop_id: str, import_id: str, rows: Sequence[ImportRow], people: dict[str, str], by: str,
    now: datetime,
) -> list[str]:  # fmt: skip
    wanted = []
    for row in rows:
        said, who = row.said, people[row.said["creator"]]
        content = None
        if said["content"]:
            content = attach.ensure(
                session, who, said["network"], said["content"], said["kind"], said["title"], now=now
            ).id
        wanted.append(links.Wanted(who, said["product"], said["variant"] or None, content))
    made = links.create_all(session, shop_id, wanted, now)
    session.connection().execute(
        sa.insert(LinkTag),
        [
            {
                "tag": row.key, "shown": row.said["shown"], "link_id": link_id, "shop_id": shop_id,
                "brought_by": f"import:{import_id}", "brought_at": now,
            }
            for row, link_id in zip(rows, made, strict=True)
        ],
    )  # fmt: skip
    return made


def _balances(
    session: Session, shop_id: str, import_id: str, rows: Sequence[ImportRow], people: dict[str, str], by: str,
    now: datetime,
) -> list[str]:  # fmt: skip
    drafts = []
    for row in rows:
        who, amount = people[row.said["creator"]], int(row.said["amount"])
        drafts.append(
            Draft(
                # Not the import but the key: however often it comes, it is booked once. Hashed, because the key has
                # the handle in it, and the ledger is never changed: not for an erasure either.
                reference=f"opening:{shop_id}:{vault.current().keyed_hash('opening', row.key)}",
                subject=f"opening:{import_id}:{row.number}", kind="opening",
                shop_id=shop_id, currency=row.said["currency"], reason="opening_balance", occurred_at=now,
                postings=(
                    DraftPosting("merchant_receivable", amount), owed("creator_settled", amount, who)
                ),
                creator_id=who,
            )
        )  # fmt: skip
    return journal.post_all(session, drafts)


_TAKING = {"codes": _codes, "links": _links, "balances": _balances}
