"""A code that is on coupon sites earns no more: a scheduled look writes dated flags (R11, F8).

Leaked is a code that more than a set share of its buyers used without a tap of its creator before, judged from a set
number of orders on; or one that came with a visit from a coupon site. A flag holds for orders placed after it was
raised. Orders count once no tap can reach us late any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.earnings.attribution import codes
from connector.earnings.attribution.codes import State
from connector.earnings.attribution.tables import Code, CodeUse
from connector.events import Carrier

BY = "connector"
# Orders older than that say nothing about how a code is passed around today.
WATCHED = timedelta(days=90)
BP = 10_000
REFERRER = "referrer"
# Sites that live on coupon codes, and what their browser extensions call themselves. Subdomains count.
COUPON_SITES = frozenset(
    {
        "capitaloneshopping.com", "couponbirds.com", "couponcabin.com", "couponfollow.com", "coupons.com",
        "dealspotr.com", "goodshop.com", "groupon.com", "honey.com", "hotdeals.com", "joinhoney.com", "knoji.com",
        "mydealz.de", "promocodes.com", "rakuten.com", "retailmenot.com", "savings.com", "simplycodes.com",
        "slickdeals.net", "vouchercodes.co.uk", "wethrift.com", "worthepenny.com",
    }
)  # fmt: skip


def coupon_site(host: str) -> str:
    """The coupon site that a host belongs to; "" for any other."""
    parts = host.strip().lower().rstrip(".").split(".")
    return next((site for n in range(len(parts)) if (site := ".".join(parts[n:])) in COUPON_SITES), "")


def referrer(hinted: list[tuple[str, str]]) -> str:
    """The coupon site among what is known of the order's way."""
    return next((site for value, carrier in hinted if carrier == REFERRER and (site := coupon_site(value))), "")


def kept(carrier: Carrier) -> str:
    """What of a referrer is kept: a coupon site's name, and nothing of where anybody else came from."""
    return coupon_site(carrier.value) if carrier.kind == REFERRER else ""


def look(session: Session, shop_id: str, now: datetime | None = None) -> int:
    """Flag the shop's codes that have leaked; how many."""
    now = now or clock.now()
    rows = session.scalars(sa.select(Code).where(Code.id.in_(_suspect(session, shop_id, now))).order_by(Code.id)).all()
    flagged = 0
    for code, state in zip(rows, codes.states(session, rows, now), strict=True):
        if state.word != "active":
            continue
        found = judge(session, state, now)
        if found["leaked"]:
            codes.mark(session, code, "leaked", by=BY, why=found.pop("why"), now=now, evidence=found)
            audit.record(session, BY, "code.leaked", code.id, shop_id=shop_id, **found)
            flagged += 1
    return flagged


def _suspect(session: Session, shop_id: str, now: datetime) -> list[str]:
    """Codes that could leak by all their orders of the time that is watched; most have too few, and aren't judged."""
    least = settings.whole(session, shop_id, "leak_least_orders", now)
    site, bare = sa.func.max(CodeUse.referrer), sa.func.sum(sa.case((CodeUse.touched.is_(False), 1), else_=0))
    found = (
        sa.select(CodeUse.code_id)
        .where(CodeUse.shop_id == shop_id, CodeUse.placed_at > now - WATCHED)
        .group_by(CodeUse.code_id)
        .having(sa.or_(site != "", sa.and_(sa.func.count() >= least, bare > 0)))
    )
    return list(session.scalars(found))


def judge(session: Session, state: State, now: datetime) -> dict[str, Any]:
    """What speaks for a leak: buyers, those without a tap, their share in basis points, a coupon site, the settings.

    Counted since the code became its owner's, or was cleared, at most `WATCHED` back.
    """
    shop_id = state.shop_id
    share_bp = settings.whole(session, shop_id, "leak_share_bp", now)
    least = settings.whole(session, shop_id, "leak_least_orders", now)
    grace = timedelta(hours=settings.whole(session, shop_id, "touch_grace_hours", now))
    since = max(now - WATCHED, *(record.starts_at for record in (state.owned, state.leak) if record is not None))
    mine = (
        CodeUse.shop_id == shop_id, CodeUse.code_id == state.code_id, CodeUse.placed_at >= since,
        CodeUse.placed_at <= now - grace,
    )  # fmt: skip
    # A buyer who isn't known counts once an order.
    buyer = sa.func.coalesce(Order.buyer_hash, Order.id)
    counted = sa.select(
        sa.func.count(), sa.func.count(sa.distinct(buyer)),
        sa.func.count(sa.distinct(sa.case((CodeUse.touched.is_(False), buyer)))), sa.func.max(CodeUse.referrer),
    ).join(Order, Order.id == CodeUse.order_id)  # fmt: skip
    orders, buyers, without, site = session.execute(counted.where(*mine)).one()
    found: dict[str, Any] = {
        "leaked": False, "orders": orders, "buyers": buyers, "without_tap": without, "referrer": site or "",
        "share_bp": without * BP // buyers if buyers else 0, "leak_share_bp": share_bp, "leak_least_orders": least,
    }  # fmt: skip
    if site:
        found |= {"leaked": True, "why": f"used by a visitor from {site}"}
    elif orders >= least and without * BP > share_bp * buyers:
        found |= {"leaked": True, "why": f"{without} of {buyers} buyers used it without a tap before"}
    return found


def note(
    session: Session, shop_id: str, order_id: str, placed_at: datetime, touched: dict[str, bool], site: str
) -> None:
    """Keep that these codes were on the order; `touched`: code → had the buyer tapped its owner's content before?"""
    if not touched:
        return
    dialect = session.get_bind().dialect.name
    session.connection().execute(
        _noted(dialect),
        [
            {"code_id": code_id, "order_id": order_id, "shop_id": shop_id, "placed_at": placed_at, "touched": before,
             "referrer": site}
            for code_id, before in sorted(touched.items())
        ],
    )  # fmt: skip


_NOTES: dict[str, sa.Insert] = {}


def _noted(dialect: str) -> sa.Insert:
    if dialect not in _NOTES:
        insert = postgresql.insert(CodeUse) if dialect == "postgresql" else sqlite.insert(CodeUse)
        _NOTES[dialect] = insert.on_conflict_do_update(
            index_elements=["code_id", "order_id"],
            set_={"touched": insert.excluded.touched, "referrer": insert.excluded.referrer},
        )
    return _NOTES[dialect]
