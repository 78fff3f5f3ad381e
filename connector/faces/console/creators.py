"""Creators and what they are owed, per shop and currency: sums of the ledger, never added over currencies."""

from __future__ import annotations

import sqlalchemy as sa
from flask import request, url_for

from connector import clock, db
from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement.tables import Closing, Statement
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import Creator
from connector.web import keyset
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/creators")
@staff("support")
def creators() -> str:
    text = request.args.get("q", "").strip()
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Creator)
        if text:
            like = f"%{text.lower().lstrip('@')}%"
            asked = asked.where(
                sa.or_(Creator.handle.like(like), sa.func.lower(Creator.name).like(like), Creator.id == text)
            )
        found = keyset.read(session, "creators", asked, (Creator.id,))
        standing = creators_of.statuses_at(session, [row.id for row in found.rows], clock.now())
        owed: dict[str, dict[str, int]] = {}
        for row in found.rows:
            for balance in ledger.balances(session, creator_id=row.id):
                by_currency = owed.setdefault(row.id, {})
                by_currency[balance.currency] = by_currency.get(balance.currency, 0) + balance.owed
    chips = [("Search", text, url_for(".creators"))] if text else []
    return page("console/creators.html", found=found, standing=standing, owed=owed, text=text, chips_shown=chips)


@blueprint.get("/creators/<creator_id>")
@staff("support")
def creator(creator_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        found = creators_of.get(session, creator_id)
        standing = creators_of.status_at(session, creator_id, clock.now())
        balances = ledger.balances(session, creator_id=creator_id)
        statements = session.execute(
            sa.select(Statement, Closing)
            .join(Closing, Closing.id == Statement.closing_id)
            .where(Statement.creator_id == creator_id)
            .order_by(Closing.closed_at.desc())
            .limit(24)
        ).all()
        payouts = session.scalars(
            sa.select(Payout).where(Payout.creator_id == creator_id).order_by(Payout.created_at.desc()).limit(24)
        ).all()
        contents = session.scalars(
            sa.select(Content).where(Content.creator_id == creator_id).order_by(Content.created_at.desc()).limit(24)
        ).all()
        decided = session.execute(
            sa.select(Order, DecisionRow)
            .join(DecisionRow, DecisionRow.order_id == Order.id)
            .where(DecisionRow.creator_id == creator_id)
            .order_by(Order.placed_at.desc())
            .limit(20)
        ).all()
        shop_ids = {each.shop_id for each in balances} | {each.shop_id for each in payouts}
        shop_ids |= {order.shop_id for order, _ in decided} | {statement.shop_id for statement, _ in statements}
        shops = shops_by_id(session, shop_ids)
    return page(
        "console/creator.html", creator=found, standing=standing, balances=balances, statements=statements,
        payouts=payouts, contents=contents, decided=decided, shops=shops,
    )  # fmt: skip
