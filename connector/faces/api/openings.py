"""Shops open collections, or all they have, to every creator. Single products are opened in `terms.py`.

Nothing here needs an Idempotency-Key: what stands already, asked for again, is given back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.faces.api.face import blueprint, id_after, page
from connector.faces.api.shapes import Asked, Given, Ident, Page, Text
from connector.programme.collaborations import openings
from connector.programme.collaborations.tables import Opening
from connector.web.guards import actor, app_scope


class OpeningAsked(Asked):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"shop_id": "shp_01h…", "kind": "tag", "value": "summer", "rate_bp": 1500, "automatic": True}]
        },
    )

    shop_id: Ident
    kind: Literal["shop", "category", "tag"] = Field(description="shop: everything it has.")
    value: Annotated[Text, Field(max_length=200)] = Field("", description="Of a category or tag, as the shop has it.")
    rate_bp: Annotated[int, Field(ge=-(10**9), le=10**9)] = Field(description="Basis points, 100 to 8000.")
    automatic: bool = Field(True, description="Products that come new are opened too.")


class OpeningShown(Given):
    id: str
    shop_id: str
    kind: str
    value: str
    rate_bp: int
    automatic: bool
    state: Literal["open", "opening", "closing", "closed"]
    opened: int = Field(description="Products that got its rate; not counted of a whole shop with what comes new.")
    kept: int = Field(description="Products left alone at the first walk, since they have a rate of their own.")
    replaced_by: str | None
    opened_at: datetime
    closed_at: datetime | None


class OpeningPage(Given):
    items: list[OpeningShown]
    next: str | None


class OpeningsAsked(Page):
    shop_id: Ident


@blueprint.post("/openings")
@app_scope("collaborations:write")
@blueprint.input(OpeningAsked)
@blueprint.output(OpeningShown, status_code=201)
def open_collection(json_data: OpeningAsked) -> OpeningShown:
    """Open a category, a tag or the whole shop to every creator at a rate

    The first products are open when the answer comes; of a large collection the rest follows within minutes (`state`).
    A product with a rate of its own keeps it.
    """
    with db.write(Scope.app()) as session:
        return _opening(
            openings.open_collection(
                session, json_data.shop_id, json_data.kind, json_data.value, json_data.rate_bp,
                automatic=json_data.automatic, by=actor(),
            )
        )  # fmt: skip


@blueprint.get("/openings")
@app_scope("collaborations:read")
@blueprint.input(OpeningsAsked, location="query")
@blueprint.output(OpeningPage)
def list_openings(query_data: OpeningsAsked) -> OpeningPage:
    """A shop's openings, newest first, those that were closed too"""
    with db.read(Scope.app()) as session:
        shops.get(session, query_data.shop_id)
        after = id_after("openings", query_data.cursor)
        rows = openings.page(session, query_data.shop_id, after=after, limit=query_data.limit + 1)
        shown, more = page("openings", rows, query_data.limit, lambda row: [row.id])
        return OpeningPage(items=[_opening(row) for row in shown], next=more)


@blueprint.post("/openings/<opening_id>/close")
@app_scope("collaborations:write")
@blueprint.output(OpeningShown, status_code=201)
def close_opening(opening_id: str) -> OpeningShown:
    """Close an opening: its products are no longer offered at its rate

    Taps made before keep theirs inside their window.
    """
    with db.write(Scope.app()) as session:
        return _opening(openings.close(session, opening_id, by=actor()))


def _opening(row: Opening) -> OpeningShown:
    return OpeningShown(
        id=row.id, shop_id=row.shop_id, kind=row.kind, value=row.shown, rate_bp=row.rate_bp, automatic=row.automatic,
        state=openings.state(row), opened=row.opened, kept=row.kept, replaced_by=row.replaced_by,
        opened_at=row.opened_at, closed_at=row.closed_at,
    )  # fmt: skip
