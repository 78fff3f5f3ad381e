"""Daily proofs: each shop's day at the store = seen = evaluated, with both sides' hashes and the gaps by name."""

from __future__ import annotations

from datetime import date

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.settlement import clear
from connector.errors import InputRefused, NotFound
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, paged
from connector.sync import queries as sync
from connector.sync.tables import DailyProof
from connector.web.guards import app_scope

_DAYS = 60
_COUNTED = 1000


@blueprint.get("/shops/<shop_id>/proofs")
@app_scope("shops:read")
@blueprint.output(shapes.ProofList)
@paged("list_proofs")
def list_proofs(shop_id: str) -> shapes.ProofList:
    """A shop's daily proofs, newest day first, and how its comparison with the store stands

    A day is the shop's own. Each hash is SHA-256 over sorted lines with a line feed after each: the ids, or the ids
    with their change times in UTC. Equal hashes are equal sets.
    """
    now = clock.now()
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        standing = sync.standing(session, shop, now)
        return shapes.ProofList(
            items=[shapes.ProofShown.model_validate(row) for row in sync.proofs(session, shop.id, limit=_DAYS)],
            good_at=standing.good_at,
            stuck=standing.stuck,
            last_problem=standing.last.problem if standing.last is not None else "",
            waiting_to_clear=len(clear.unread(session, shop.id, now, _COUNTED)),
        )


@blueprint.get("/shops/<shop_id>/proofs/<day>")
@app_scope("shops:read")
@blueprint.output(shapes.ProofShown)
def read_proof(shop_id: str, day: str) -> shapes.ProofShown:
    """The proof of one day of a shop"""
    try:
        date.fromisoformat(day)
    except ValueError:
        raise InputRefused("day", "is no day.", "Write it as 2026-11-20.") from None
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        row = session.get(DailyProof, (shop.id, day))
        if row is None:
            raise NotFound(f"no proof of {day} is kept for this shop")
        return shapes.ProofShown.model_validate(row)
