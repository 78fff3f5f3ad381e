"""Creators are told of a cut two days before the lower rate reaches them. Each is told once, whatever stops in between.

Who keeps an older rate is asked when the notice is due, not when the cut was recorded: creators come and go meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from connector import notices
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import PROTECTION, Offers, rate_at
from connector.programme.collaborations.tables import CutNotice, PromotionRow, Terms

KIND = "terms.cut"
# In `CutNotice`, of nobody: all who keep that rate were told.
_ALL = ""
_AT_ONCE = 500
# Products named in one notice; their number stands beside them.
_NAMED = 20
_TICK = timedelta(microseconds=1)


class Reach(msgspec.Struct, frozen=True):
    """What falls for one creator: a product, and its rate before and after. Basis points; None: nothing."""

    product_ref: str
    rate_bp: int
    then_bp: int | None


def due(session: Session, now: datetime, limit: int = 50) -> Sequence[Terms]:
    """Cuts of which creators are to be told by now. Called off ones, and those told of already, are not among them."""
    told = sa.exists().where(CutNotice.terms_id == Terms.id, CutNotice.creator_id == _ALL)
    later = aliased(Terms)
    called_off = sa.exists().where(later.calls_off == Terms.id)
    return session.scalars(
        sa.select(Terms)
        .where(Terms.notice_at <= now, ~told, ~called_off)
        .order_by(Terms.notice_at, Terms.id)
        .limit(limit)
    ).all()


def reached(session: Session, cut: Terms) -> dict[str, list[Reach]]:
    """Whom the lower rate reaches when the protection of this cut ends, each with the products. Reads only."""
    pairs = _pairs(session, cut)
    falls_at = cut.starts_at + PROTECTION
    found: dict[str, list[Reach]] = defaultdict(list)
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        offers = rates.offers(session, cut.shop_id, {ref for _, ref in some}, {creator for creator, _ in some})
        for creator_id, product_ref in some:
            fall = _fall(offers, creator_id, product_ref, falls_at)
            if fall is not None:
                found[creator_id].append(fall)
    return dict(found)


def tell(
    session: Session, cut: Terms, reaching: dict[str, list[Reach]], creator_ids: Sequence[str], now: datetime
) -> int:
    """Write the notices of these creators, but those that were written before; how many."""
    asked = sa.select(CutNotice.creator_id).where(CutNotice.terms_id == cut.id)
    known = set(session.scalars(asked.where(CutNotice.creator_id.in_(list(creator_ids)))))
    fresh = [creator_id for creator_id in creator_ids if creator_id not in known]
    for creator_id in fresh:
        falls = reaching[creator_id]
        session.add(CutNotice(terms_id=cut.id, creator_id=creator_id, told_at=now))
        notices.say(
            session, KIND, creator_id=creator_id, shop_id=cut.shop_id, terms_id=cut.id,
            falls_at=(cut.starts_at + PROTECTION).isoformat(), products=len(falls),
            rates=[msgspec.to_builtins(fall) for fall in falls[:_NAMED]],
        )  # fmt: skip
    session.flush()
    return len(fresh)


def done(session: Session, cut: Terms, now: datetime) -> None:
    """All were told."""
    if session.get(CutNotice, (cut.id, _ALL)) is None:
        session.add(CutNotice(terms_id=cut.id, creator_id=_ALL, told_at=now))
        session.flush()


def _fall(offers: Offers, creator_id: str, product_ref: str, falls_at: datetime) -> Reach | None:
    before = rate_at(offers, creator_id=creator_id, product_ref=product_ref, moment=falls_at - _TICK)
    if before is None or before.kept_until != falls_at:
        return None
    then = rate_at(offers, creator_id=creator_id, product_ref=product_ref, moment=falls_at)
    return Reach(product_ref, before.rate_bp, None if then is None else then.rate_bp)


def _pairs(session: Session, cut: Terms) -> list[tuple[str, str]]:
    asked = sa.select(PromotionRow.creator_id, PromotionRow.product_ref).where(
        PromotionRow.shop_id == cut.shop_id, PromotionRow.ends_at.is_(None), PromotionRow.starts_at < cut.starts_at
    )
    if cut.product_ref:
        asked = asked.where(PromotionRow.product_ref == cut.product_ref)
    if cut.creator_id is not None:
        asked = asked.where(PromotionRow.creator_id == cut.creator_id)
    rows = session.execute(asked.order_by(PromotionRow.creator_id, PromotionRow.product_ref))
    return [(creator_id, product_ref) for creator_id, product_ref in rows]
