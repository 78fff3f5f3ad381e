"""The audit log: what staff, merchants, app tokens and commands did, newest first."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import request, url_for

from connector import db
from connector.audit import AuditRow
from connector.db import Scope
from connector.faces.console.face import blueprint
from connector.faces.console.health import WHY
from connector.faces.console.runs import name_of, shops_by_id
from connector.faces.console.shops import act_words
from connector.web import keyset
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/audit")
@staff("support")
def audit_log() -> str:
    actor, act = request.args.get("actor", "").strip(), request.args.get("act", "").strip()
    subject = request.args.get("subject", "").strip()
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(AuditRow)
        for column, value in ((AuditRow.actor, actor), (AuditRow.act, act), (AuditRow.subject, subject)):
            if value:
                asked = asked.where(column == value)
        found = keyset.read(session, "audit", asked, (AuditRow.at, AuditRow.id))
        shops = shops_by_id(session, {row.shop_id for row in found.rows if row.shop_id})
    used: dict[str, Any] = {"actor": actor, "act": act, "subject": subject}
    chips = [
        (name.capitalize(), act_words(value) if name == "act" else value,
         url_for(".audit_log", **{k: v for k, v in used.items() if v and k != name}))
        for name, value in used.items()
        if value
    ]  # fmt: skip
    lines = [(row, act_words(row.act), name_of(shops.get(row.shop_id)) if row.shop_id else "") for row in found.rows]
    return page("console/audit.html", found=found, lines=lines, chips_shown=chips, filtered=any(used.values()))
