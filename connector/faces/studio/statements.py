"""A creator's statements: one a shop and period, with every order and video; what is carried, kept back, corrected."""

from __future__ import annotations

from flask import Response, current_app, g, request

from connector import clock
from connector.commerce.shops.tables import Shop
from connector.earnings.settlement import queries
from connector.earnings.settlement.queries import StatementHead
from connector.errors import NotFound
from connector.faces.studio.face import blueprint, reading
from connector.operations.documents import facts, files
from connector.operations.documents.facts import StatementTold
from connector.operations.documents.sheet import span
from connector.web import cursors, moments
from connector.web.guards import creator
from connector.web.layout import page

PER_PAGE, SHOWN = 24, 200


@blueprint.get("/statements")
@creator
def statements() -> str:
    cursor = request.args.get("older", "")
    before = str(cursors.unpack("own-statements", cursor)[0]) if cursor else None
    with reading() as session:
        found = queries.statements(session, creator_id=g.creator_id, before=before, limit=PER_PAGE + 1)
        shops = {row.shop_id: session.get(Shop, row.shop_id) for row in found}
    more = cursors.pack("own-statements", [found[PER_PAGE - 1].id]) if len(found) > PER_PAGE else ""
    rows = [(row, _name(shops.get(row.shop_id)), _span(row, shops.get(row.shop_id))) for row in found[:PER_PAGE]]
    return page("studio/statements.html", rows=rows, older=more)


@blueprint.get("/statements/<statement_id>")
@creator
def statement(statement_id: str) -> str:
    told = _own(statement_id)
    moments.use_zone(told.shop.time_zone)
    return page(
        "studio/statement.html", told=told, head=told.head, span=_span(told.head, told.shop), shown=SHOWN,
        name=_name(told.shop),
    )  # fmt: skip


@blueprint.get("/statements/<statement_id>/file.<any(pdf, csv):kind>")
@creator
def statement_file(statement_id: str, kind: str) -> Response:
    return files.statement(_own(statement_id), kind, current_app.config["CONNECTOR"])


def _own(statement_id: str) -> StatementTold:
    """Errors: NotFound for another creator's too: nobody learns that it is there."""
    with reading() as session:
        if queries.statement(session, statement_id).creator_id != g.creator_id:
            raise NotFound(f"statement {statement_id} is another creator's", public="You have no such statement.")
        return facts.statement(session, statement_id, clock.now())


def _name(shop: Shop | None) -> str:
    return (shop.name or shop.domain) if shop is not None else "A shop"


def _span(head: StatementHead, shop: Shop | None) -> str:
    return span(head.starts_at, head.ends_at, moments.zone_named(shop.time_zone if shop else "UTC"))
