"""Creators' codes: made, listed, moved, ended. A code is one in its shop, however it is typed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution import codes
from connector.earnings.attribution.tables import Code
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.programme.creators import queries as creators
from connector.web.guards import actor, app_scope


@blueprint.post("/codes")
@app_scope("creators:write")
@blueprint.input(shapes.CodeAsked)
@blueprint.output(shapes.CodeShown, status_code=201)
def create_code(json_data: shapes.CodeAsked) -> shapes.CodeShown:
    """Make a creator's code in a shop

    The discount itself is made in the store, with the same code. The same again is the same code; one that is, or was,
    another creator's is a conflict: a code never moves by itself.
    """
    with db.write(Scope.app()) as session:
        code = codes.create(
            session, json_data.shop_id, json_data.creator_id, json_data.code, by=actor(), starts_at=json_data.starts_at
        )
        audit.record(session, actor(), "code.create", code.id, shop_id=code.shop_id, creator=json_data.creator_id)
        return _shown(session, [code])[0]


@blueprint.get("/codes")
@app_scope("creators:read")
@blueprint.input(shapes.CodesAsked, location="query")
@blueprint.output(shapes.CodePage)
def list_codes(query_data: shapes.CodesAsked) -> shapes.CodePage:
    """Creators' codes of a shop, or of one creator, in the order in which they were made"""
    with db.read(Scope.app()) as session:
        if query_data.shop_id is not None:
            shops.get(session, query_data.shop_id)
        if query_data.creator_id is not None:
            creators.get(session, query_data.creator_id)
        rows = codes.page(
            session, query_data.shop_id, creator_id=query_data.creator_id, after=id_after("codes", query_data.cursor),
            limit=query_data.limit + 1,
        )  # fmt: skip
        shown, more = page("codes", rows, query_data.limit, lambda row: [row.id])
        return shapes.CodePage(items=_shown(session, shown), next=more)


@blueprint.post("/codes/<code_id>/owner")
@app_scope("creators:write")
@blueprint.input(shapes.CodeMoveAsked)
@blueprint.output(shapes.CodeShown, status_code=201)
def move_code(code_id: str, json_data: shapes.CodeMoveAsked) -> shapes.CodeShown:
    """Give a code to another creator from a moment on

    With a reason that stays beside it. Orders before keep what they were decided by.
    """
    with db.write(Scope.app()) as session:
        code = codes.move(
            session, code_id, json_data.creator_id, by=actor(), why=json_data.why, starts_at=json_data.starts_at
        )
        audit.record(session, actor(), "code.move", code.id, shop_id=code.shop_id, creator=json_data.creator_id)
        return _shown(session, [code])[0]


@blueprint.post("/codes/<code_id>/end")
@app_scope("creators:write")
@blueprint.input(shapes.CodeEndAsked)
@blueprint.output(shapes.CodeShown, status_code=201)
def end_code(code_id: str, json_data: shapes.CodeEndAsked) -> shapes.CodeShown:
    """End a code from a moment on: it counts for nobody"""
    with db.write(Scope.app()) as session:
        code = codes.end(session, code_id, by=actor(), why=json_data.why, starts_at=json_data.starts_at)
        audit.record(session, actor(), "code.end", code.id, shop_id=code.shop_id)
        return _shown(session, [code])[0]


def _shown(session: Session, rows: Sequence[Code]) -> list[shapes.CodeShown]:
    states = codes.states(session, rows, clock.now())
    return [
        shapes.CodeShown(
            id=row.id, shop_id=row.shop_id, code=row.shown, creator_id=state.creator_id, state=state.word,
            owned_since=None if state.owned is None else state.owned.starts_at,
            leaked_since=state.leak.starts_at if state.leaked and state.leak is not None else None,
            created_at=row.created_at,
        )
        for row, state in zip(rows, states, strict=True)
    ]  # fmt: skip
