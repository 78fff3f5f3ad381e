"""All that the decision table needs of one order, gathered in a handful of queries, whatever its number of lines.

Candidates are (a) the touches whose tokens ride in the order's carriers, each carrier named, collected from every
version of the order, and (b) the other touches of the same journeys in that shop. All of them are candidates of every
line; the table alone ranks them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from connector import telemetry
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import absences, settings
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import hints, tokens, trial
from connector.earnings.attribution.rules import BadToken, Candidate, LineAsked, OrderAsked
from connector.earnings.attribution.tables import TokenBuyer, Touch
from connector.platforms.roster import platform
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import Rate, Version, in_force
from connector.programme.creators import queries as creators

# A token on orders of more customers than that is being passed around.
BUYERS_OF_A_TOKEN = 3
# Carriers can be edited by the buyer: more tokens than that are not read.
_MOST_TOKENS = 50
# Only the latest matters; a journey longer than that is a machine's.
_MOST_TOUCHES = 500
# Carriers that aren't ours alone: a word in them that doesn't look like a token is somebody else's, and no forgery.
_SHARED_CARRIERS = frozenset({"landing_page", "referral", "journey", "code"})
JOURNEY = "journey"
_log = telemetry.logger(__name__)

# Built once: building a statement costs more than running it. Lists are bound as expanding parameters.
_TOUCH = sa.select(
    Touch.id, Touch.token, Touch.shop_id, Touch.creator_id, Touch.content_id, Touch.product_ref, Touch.kind,
    Touch.journey, Touch.at, Touch.received_at, Touch.window_seconds, Touch.eligible, Touch.ineligible_reason,
    Touch.flags,
)  # fmt: skip
_BY_TOKEN = _TOUCH.where(Touch.token.in_(sa.bindparam("tokens", expanding=True)))
_OF_JOURNEYS = (
    _TOUCH.where(
        Touch.shop_id == sa.bindparam("shop_id"),
        Touch.journey.in_(sa.bindparam("journeys", expanding=True)),
        Touch.product_ref.in_(sa.bindparam("products", expanding=True)),
        Touch.at <= sa.bindparam("placed_at"),
    )
    .order_by(Touch.at.desc(), Touch.id.desc())
    .limit(_MOST_TOUCHES)
)
_BUYERS = (
    sa.select(sa.func.count(TokenBuyer.buyer_hash.distinct()))
    .where(
        TokenBuyer.touch_id.in_(sa.bindparam("touches", expanding=True)),
        TokenBuyer.placed_at <= sa.bindparam("placed_at"),
    )
    .group_by(TokenBuyer.touch_id)
)
# A row of `_TOUCH`.
TouchRow = sa.Row[*tuple[Any, ...]]


class Gathered(msgspec.Struct, frozen=True):
    order: OrderAsked
    lines: list[LineAsked]
    candidates: list[Candidate]


def gather(session: Session, shop: Shop, order: Order, facts: OrderFacts) -> Gathered:
    """The facts of one order for `rules.decide`. Also notes which buyer ordered with which token."""
    placed_at = facts.placed_at
    products = sorted({line.product_ref for line in facts.snapshot.lines if line.product_ref is not None})
    carried, mended = _carried(shop, facts, hints.of_order(session, order.id))
    by_token, bad, trial = _by_token(session, shop, carried)
    _note_buyer(session, order, facts.buyer_hash, [touch.id for touch, _ in by_token])
    shared = _shared(session, [touch.id for touch, _ in by_token], placed_at)
    via = {touch.id: names for touch, names in by_token}
    touches = {touch.id: touch for touch, _ in by_token}
    if not shared:
        for touch in _journey(session, shop, [touch for touch, _ in by_token], products, placed_at):
            touches.setdefault(touch.id, touch)
            via[touch.id] = (*via.get(touch.id, ()), JOURNEY)
    grace = timedelta(hours=settings.whole(session, shop.id, "touch_grace_hours", placed_at))
    asked = OrderAsked(
        placed_at=placed_at,
        grace=grace,
        disconnected=absences.away(session, shop.id, placed_at),
        flags=_flags(
            token_shared=shared, trial_click=trial, token_mended=any(touch.token in mended for touch, _ in by_token)
        ),
        bad_tokens=tuple(bad),
    )
    # Without a candidate no rate is asked for.
    versions = rates.open_versions(session, shop.id, products) if touches else []
    lines = [
        LineAsked(line.line_ref, line.product_ref, _rate(versions, line.product_ref, placed_at))
        for line in facts.snapshot.lines
    ]
    return Gathered(asked, lines, _candidates(session, touches.values(), via, versions, placed_at))


def _flags(**raised: bool) -> tuple[str, ...]:
    return tuple(name for name, up in raised.items() if up)


def _carried(
    shop: Shop, facts: OrderFacts, hinted: Sequence[tuple[str, str]]
) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """(token → names of the carriers that brought it, those that had to be mended).

    Carriers are a set over all versions of the order (F3); hints are what only one side of a store tells of it.
    """
    snapshot = msgspec.structs.replace(facts.snapshot, carriers=tuple(facts.carriers))
    names: dict[str, set[str]] = {}
    mended: set[str] = set()
    for value, carrier in [*platform(shop.platform).checkout.tokens(snapshot), *hinted]:
        read = tokens.read(value)
        if read is not None and read.mended:
            mended.add(read.token)
        if read is not None or carrier not in _SHARED_CARRIERS or tokens.shaped(value):
            names.setdefault(read.token if read is not None else value, set()).add(carrier)
    # Sorted, so that which ones are read doesn't depend on the order in which a store lists them.
    kept = {token: tuple(sorted(names[token])) for token in sorted(names)[:_MOST_TOKENS]}
    return kept, frozenset(mended)


def _by_token(
    session: Session, shop: Shop, carried: dict[str, tuple[str, ...]]
) -> tuple[list[tuple[TouchRow, tuple[str, ...]]], list[BadToken], bool]:
    """The touches of genuine tokens with their carriers, what rode there that is no token of this shop, and whether
    a merchant's test click did."""
    genuine = [token for token in carried if tokens.genuine(token)]
    rows = session.connection().execute(_BY_TOKEN, {"tokens": genuine}).all() if genuine else []
    known = {touch.token: touch for touch in rows}
    lost = [token for token in genuine if token not in known]
    trials = trial.among(session, shop.id, lost) if lost else frozenset()
    good: list[tuple[TouchRow, tuple[str, ...]]] = []
    bad: list[BadToken] = []
    for token, names in carried.items():
        touch = known.get(token)
        if touch is not None and touch.shop_id == shop.id:
            good.append((touch, names))
            continue
        if token in trials:
            continue  # it credits nobody, and nothing is wrong with it
        problem = "signature_wrong" if token not in genuine else "unknown" if touch is None else "other_shop"
        bad.append(BadToken(token=token[:8], problem=problem, via=names, nearest=_nearest(session, shop, token)))
    return good, bad, bool(trials)


def _nearest(session: Session, shop: Shop, token: str) -> str:
    """The shop's touch whose token begins alike; for people, never for credit. Told to the log as well."""
    head = tokens.head(token)
    found = None
    if head:
        begins = (f"t1{head}" + "0" * 24, f"t1{head}" + "z" * 24)
        found = session.scalar(
            sa.select(Touch.id).where(Touch.shop_id == shop.id, Touch.token.between(*begins)).limit(1)
        )
    _log.warning("token.unknown", shop_id=shop.id, begins=token[:8], nearest=found or "")
    return found or ""


def _note_buyer(session: Session, order: Order, buyer_hash: str | None, touch_ids: Collection[str]) -> None:
    if buyer_hash is None or not touch_ids:
        return
    session.connection().execute(
        _noted(session.get_bind().dialect.name),
        [
            {"touch_id": touch_id, "order_id": order.id, "buyer_hash": buyer_hash, "placed_at": order.placed_at}
            for touch_id in touch_ids
        ],
    )


@cache
def _noted(dialect: str) -> sa.Insert:
    insert = postgresql.insert(TokenBuyer) if dialect == "postgresql" else sqlite.insert(TokenBuyer)
    # An older version may name the buyer otherwise: that one counts, and the order counts once.
    return insert.on_conflict_do_update(
        index_elements=["touch_id", "order_id"], set_={"buyer_hash": insert.excluded.buyer_hash}
    )


def _shared(session: Session, touch_ids: Sequence[str], placed_at: datetime) -> bool:
    """Had more than three customers ordered with one of these tokens, up to and with this order?"""
    if not touch_ids:
        return False
    counts = session.connection().execute(_BUYERS, {"touches": touch_ids, "placed_at": placed_at})
    return any(count > BUYERS_OF_A_TOKEN for (count,) in counts)


def _journey(
    session: Session, shop: Shop, found: Sequence[TouchRow], products: Sequence[str], placed_at: datetime
) -> Sequence[TouchRow]:
    """The touches of the same journeys on these products. Those on other products can't count (D13 is off)."""
    journeys = sorted({touch.journey for touch in found if touch.journey is not None})
    if not journeys or not products:
        return []
    asked = {"shop_id": shop.id, "journeys": journeys, "products": products, "placed_at": placed_at}
    return session.connection().execute(_OF_JOURNEYS, asked).all()


def _rate(versions: list[Version], product_ref: str | None, moment: datetime) -> Rate | None:
    return None if product_ref is None else in_force(versions, product_ref, moment)


def _candidates(
    session: Session,
    touches: Iterable[TouchRow],
    via: dict[str, tuple[str, ...]],
    versions: list[Version],
    placed_at: datetime,
) -> list[Candidate]:
    rows = list(touches)
    statuses = creators.statuses_at(session, {touch.creator_id for touch in rows}, placed_at)
    return [
        Candidate(
            touch_id=touch.id,
            creator_id=touch.creator_id,
            content_id=touch.content_id,
            product_ref=touch.product_ref,
            kind=touch.kind,
            at=touch.at,
            received_at=touch.received_at,
            window=timedelta(seconds=touch.window_seconds),
            via=via[touch.id],
            invalid="over_rate" if "over_rate" in touch.flags else "",
            at_checkout="at_checkout" in touch.flags,
            threshold_missed="" if touch.eligible else touch.ineligible_reason,
            creator_status=statuses[touch.creator_id],
            rate=_rate(versions, touch.product_ref, touch.at),
        )
        for touch in rows
    ]
