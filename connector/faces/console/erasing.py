"""A creator is erased: what would go is looked at, the handle is typed once more, and it is done for good."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.operations.privacy import creators as act
from connector.programme.creators import queries
from connector.programme.creators.handles import canonical
from connector.web import guards
from connector.web.guards import staff
from connector.web.layout import page

WORDS = {
    "payment_details": "Versions of payment details",
    "identities": "Identities that tell own purchases, kept as hashes",
    "videos": "Titles and references of videos and live sessions",
    "import_rows": "Rows of files that name them",
    "receipt_notes": "Notes of receipts that name them",
    "sample_addresses": "Addresses that samples went to",
    "appeals": "Their own words in appeals",
    "notices": "Notices to them",
}


@blueprint.get("/creators/<creator_id>/erase")
@staff("finance")
def erase_ask(creator_id: str) -> str:
    return _ask(creator_id, {}, {})


def _ask(creator_id: str, typed: dict[str, str], errors: dict[str, str], moved: str = "") -> str:
    found, refused = None, ""
    shops: dict[str, Shop] = {}
    with db.read(Scope.system(WHY)) as session:
        creator = queries.get(session, creator_id)
        try:
            found = act.look(session, creator_id)
            shops = shops_by_id(session, {shop_id for shop_id, _, _ in found.owed})
        except Conflict as conflict:
            refused = conflict.public
    return page(
        "console/erase.html", creator=creator, found=found, refused=refused, shops=shops, typed=typed, errors=errors,
        moved=moved, words=WORDS,
    )  # fmt: skip


@blueprint.post("/creators/<creator_id>/erase")
@staff("admin")
def erase_creator(creator_id: str) -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in ("handle", "why", "owed")}
    with db.read(Scope.system(WHY)) as session:
        handle = queries.get(session, creator_id).handle
    errors = {}
    try:
        if canonical(typed["handle"]) != handle:
            errors["handle"] = "This is another handle than the creator's"
    except InputRefused:
        errors["handle"] = "Type the creator's handle, so that nobody else is erased"
    if not typed["why"]:
        errors["why"] = "Say what was asked, and by which letter"
    if errors:
        return _ask(creator_id, typed, errors)
    try:
        with db.write(Scope.system(WHY)) as session:
            act.erase(session, creator_id, by=guards.actor(), why=typed["why"], although_owed=typed["owed"] == "known")
    except Conflict as conflict:
        return _ask(creator_id, typed, {}, conflict.public)
    except InputRefused as refused:
        return _ask(creator_id, typed, {refused.field: refused.public})
    flash("The creator is erased. The ledger stays, under the id.")
    return redirect(url_for(".creator", creator_id=creator_id), code=303)
