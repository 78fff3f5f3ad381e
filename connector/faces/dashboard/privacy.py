"""The merchant's privacy requests: what their buyers asked, by when it is answered, and the file to give the buyer."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, g
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.dashboard.face import blueprint
from connector.operations.privacy import export
from connector.operations.privacy.tables import PrivacyExport, PrivacyRequest
from connector.web import guards, moments
from connector.web.guards import merchant
from connector.web.layout import page

KINDS = {"customer_data": "A buyer asked for their data", "customer_erase": "A buyer is erased",
         "shop_erase": "Your store is erased"}  # fmt: skip
SHOWN = 100


@blueprint.get("/privacy")
@merchant
def privacy() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        rows = session.scalars(
            sa.select(PrivacyRequest)
            .where(PrivacyRequest.shop_id == shop.id)
            .order_by(PrivacyRequest.id.desc())
            .limit(SHOWN)
        ).all()
        files = _files(session, shop.id)
    return page("dashboard/privacy.html", shop=shop, lines=[(row, files.get(row.id)) for row in rows], kinds_said=KINDS)


def _files(session: Session, shop_id: str) -> dict[str, PrivacyExport]:
    """Files that can be fetched now, by request."""
    live = sa.select(PrivacyExport).where(
        PrivacyExport.shop_id == shop_id, PrivacyExport.sealed.is_not(None), PrivacyExport.expires_at > clock.wall()
    )
    return {file.request_id: file for file in session.scalars(live)}


@blueprint.post("/privacy/<export_id>")
@merchant
def privacy_file(export_id: str) -> Response:
    """The file; the request is answered then. Posted and not linked, so that nothing fetches it unasked."""
    shop: Shop = g.shop
    with db.write(Scope.shop(shop.id)) as session:
        text = export.open_file(session, export_id, by=guards.actor(), shop_id=shop.id)
    return Response(
        text, mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{export_id}.json"', "Cache-Control": "no-store"},
    )  # fmt: skip
