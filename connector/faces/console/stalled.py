"""Money that stands still: lines whose hold is over and that don't clear, with what each waits for; and a shop whose
currency changed, which waits for a person."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.orders.tables import Order
from connector.commerce.shops import connect
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.settlement import queries as settlement
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.web import guards, words
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 200


@blueprint.get("/stalled")
@staff("support")
def stalled() -> str:
    reason, shop_id = request.args.get("reason", ""), request.args.get("shop", "")
    with db.read(Scope.system(WHY)) as session:
        every = settlement.stalled(session, clock.now(), shop_id=shop_id or None, limit=1000)
        rows = [line for line in every if not reason or line.reason == reason]
        ids = [line.order_id for line in rows[:SHOWN]]
        orders = {row.id: row for row in session.scalars(sa.select(Order).where(Order.id.in_(ids)))}
        shops = shops_by_id(session, {line.shop_id for line in rows} | {shop_id})
    counts: dict[str, int] = {}
    for line in every:
        counts[line.reason] = counts.get(line.reason, 0) + 1
    views = [("All", url_for(".stalled", shop=shop_id or None), len(every), not reason)]
    views += [
        (_words(code), url_for(".stalled", reason=code, shop=shop_id or None), number, reason == code)
        for code, number in sorted(counts.items(), key=lambda each: -each[1])
    ]
    return page(
        "console/stalled.html", rows=rows[:SHOWN], number=len(rows), orders=orders, shops=shops, views_shown=views,
        say=_words, all_of_it=len(every), now=clock.now(),
    )  # fmt: skip


def _words(reasons: str) -> str:
    """What blocks a line may be several things, parted by a blank."""
    return "; ".join(words.reason(code, "support").split(":")[0] for code in reasons.split())


@blueprint.get("/shops/<shop_id>/currency")
@staff("support")
def currency(shop_id: str) -> str:
    """A change of currency: what is owed in each, and the act that lets the shop settle again."""
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        balances = ledger.balances(session, shop_id=shop_id)
        rows = session.execute(
            sa.select(Order.currency, sa.func.count()).where(Order.shop_id == shop_id).group_by(Order.currency)
        )
        numbers: dict[str, int] = {row[0]: row[1] for row in rows}
    owed: dict[str, int] = {}
    for each in balances:
        owed[each.currency] = owed.get(each.currency, 0) + each.owed
    return page(
        "console/currency.html", shop=shop, owed=owed, numbers=numbers,
        waits=shop.currency_changed_at is not None, sentence=connect.currency_sentence(shop),
    )  # fmt: skip


@blueprint.post("/shops/<shop_id>/currency")
@staff("finance")
def accept_currency(shop_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        connect.accept_currency(session, shops_of.get(session, shop_id), guards.actor())
    flash("The change of currency is accepted. Each currency is settled and paid by itself.")
    return redirect(url_for(".shop", shop_id=shop_id), code=303)
