"""Who works with a shop: creators who promote its products, sold for it, or have terms of their own with it.

A page of them is found by the shop's own rows, some ten thousand at most, and never by the creators of the whole app;
sales are worked out for the creators of a page alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.ledger import running
from connector.errors import NotFound
from connector.insight.reports import engine
from connector.insight.reports.asked import Asked
from connector.insight.reports.engine import Sum
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import in_effect, standing
from connector.programme.collaborations.tables import Negotiation, PromotionRow, Terms
from connector.programme.creators import countries
from connector.programme.creators import queries as creators
from connector.programme.creators.followers import ALL_TOGETHER
from connector.programme.creators.networks import APP, NETWORKS, title
from connector.programme.creators.tables import Creator, CreatorCountry, CreatorFollowers, CreatorHandle
from connector.programme.samples import queries as samples
from connector.programme.samples.score import Score

# What a list may be narrowed to, as its tabs call it.
SHOW = {"all": "All", "promoting": "Promote now", "sold": "Sold", "own": "Own rate"}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to. `text`: part of a name, the beginning of a handle, or a whole handle anywhere."""

    show: str = "all"
    text: str = ""
    least: int = 0  # followers
    network: str = ""
    country: str = ""

    @property
    def any(self) -> bool:
        return bool(self.text or self.least or self.network or self.country)


@dataclass(frozen=True, slots=True)
class Own:
    """Terms of a creator's own in a shop: what stands now, from the lowest to the highest rate."""

    least_bp: int
    most_bp: int
    until: datetime | None  # when the first of them ends; None: none has an end
    products: int  # 0: the whole shop


@dataclass(slots=True)
class Partner:
    """A creator as a shop sees them in its list."""

    creator: Creator
    status: str
    told_at: datetime | None  # since when that many follow them
    country: str = ""
    networks: list[str] = field(default_factory=list)
    since: datetime | None = None  # when they first took up a product of the shop; None: never
    promotes: int = 0  # products, now
    own: Own | None = None
    score: Score | None = None  # of samples, everywhere in the app
    money: dict[str, Sum] = field(default_factory=dict)  # by currency, of the time that is asked for

    @property
    def orders(self) -> int:
        return sum(each.orders for each in self.money.values())


def matching(shop_id: str, asked: Filter, now: datetime) -> sa.Select[Creator]:
    """The creators that a list has; its caller puts them in order and takes a page."""
    return _narrowed(sa.select(Creator).where(Creator.id.in_(_ids(shop_id, asked.show, now))), asked, now)


def _ids(shop_id: str, show: str, now: datetime) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    promoted = sa.select(PromotionRow.creator_id).where(PromotionRow.shop_id == shop_id)
    sold = running.earners(shop_id)
    own = sa.select(Terms.creator_id).where(
        Terms.shop_id == shop_id, Terms.kind == "targeted", Terms.creator_id.is_not(None)
    )
    if show == "promoting":
        return promoted.where(PromotionRow.ends_at.is_(None))
    if show == "sold":
        return sold
    if show == "own":
        return own.where(Terms.rate_bp.is_not(None), sa.or_(Terms.ends_at.is_(None), Terms.ends_at > now))
    return sa.union(promoted, sold, own)


def _narrowed(query: sa.Select[Creator], asked: Filter, now: datetime) -> sa.Select[Creator]:
    if asked.text:
        text = asked.text.casefold().lstrip("@")
        whole = sa.select(CreatorHandle.creator_id).where(CreatorHandle.handle == text)
        query = query.where(
            sa.or_(
                Creator.handle.startswith(text, autoescape=True),
                sa.func.lower(Creator.name).contains(text, autoescape=True), Creator.id.in_(whole),
            )
        )  # fmt: skip
    if asked.least:
        query = query.where(Creator.followers >= asked.least)
    if asked.network:
        there = sa.exists().where(
            CreatorHandle.creator_id == Creator.id, CreatorHandle.network == asked.network,
            CreatorHandle.ends_at.is_(None),
        )  # fmt: skip
        query = query.where(there)
    if asked.country:
        newest = (
            sa.select(CreatorCountry.country)
            .where(CreatorCountry.creator_id == Creator.id, CreatorCountry.starts_at <= now)
            .order_by(CreatorCountry.starts_at.desc(), CreatorCountry.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = query.where(newest == asked.country)
    return query


def known(session: Session, shop_id: str, creator_id: str) -> Creator:
    """A creator of whom the shop may see a page: who promotes, sold, or negotiates with it. Errors: NotFound."""
    found = session.scalar(
        sa.select(Creator).where(
            Creator.id == creator_id,
            sa.or_(
                sa.exists().where(PromotionRow.shop_id == shop_id, PromotionRow.creator_id == creator_id),
                sa.exists().where(DecisionRow.creator_id == creator_id, DecisionRow.shop_id == shop_id),
                sa.exists().where(Terms.shop_id == shop_id, Terms.creator_id == creator_id),
                sa.exists().where(Negotiation.shop_id == shop_id, Negotiation.creator_id == creator_id),
            ),
        )
    )  # fmt: skip
    if found is None:
        raise NotFound(
            f"creator {creator_id[:40]!r} doesn't work with shop {shop_id}",
            public="No creator of this id works with your shop.",
        )
    return found


def laid(session: Session, shop_id: str, rows: Sequence[Creator], asked: Asked) -> list[Partner]:
    """The creators of a page, each with all that its list shows."""
    now = clock.now()
    ids = [row.id for row in rows]
    statuses = creators.statuses_at(session, ids, now)
    told, where, nets = _followers_since(session, ids, now), countries.of(session, ids, now), _networks(session, ids)
    took, own = _took_up(session, shop_id, ids), own_terms(session, shop_id, ids, now)
    scored = samples.scores(session, ids, now)
    found = []
    for row in rows:
        since, promotes = took.get(row.id, (None, 0))
        one = Partner(
            creator=row, status=statuses[row.id], told_at=told.get(row.id), country=where.get(row.id, ""),
            networks=nets.get(row.id, []), since=since, promotes=promotes, own=own.get(row.id),
            score=scored[row.id],
        )  # fmt: skip
        found.append(one)
    for one in found:
        _count(session, one, asked)
    return found


def _count(session: Session, one: Partner, asked: Asked) -> None:
    """What a creator brought in the time that is asked for: by the report engine, as everywhere."""
    mine = Asked(shop_id=asked.shop_id, creator_id=one.creator.id, since=asked.since, until=asked.until,
                 zone=asked.zone)  # fmt: skip
    one.money = {each.currency: each.total for each in engine.read(session, mine)}


def own_terms(session: Session, shop_id: str, creator_ids: Collection[str], now: datetime) -> dict[str, Own]:
    """Creator → what stands of their own terms now; who has none is absent."""
    rows = session.scalars(
        sa.select(Terms)
        .where(Terms.shop_id == shop_id, Terms.kind == "targeted", Terms.creator_id.in_(list(creator_ids)))
        .order_by(Terms.version)
    )
    chains: dict[str, dict[str, list[Terms]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        chains[row.creator_id or ""][row.product_ref].append(row)
    found = {creator_id: owned(scopes, now) for creator_id, scopes in chains.items()}
    return {creator_id: own for creator_id, own in found.items() if own is not None}


def owned(scopes: Mapping[str, Sequence[Any]], now: datetime) -> Own | None:
    """As `own_terms`, of one creator's versions by what they cover: pure. None: nothing stands."""
    stand: dict[str, tuple[int, datetime | None]] = {}
    for scope, versions in scopes.items():
        chain = in_effect(versions)
        row = standing(chain, now)
        if row is not None and row.rate_bp is not None:
            behind = next((each.starts_at for each in chain if each.starts_at > row.starts_at), None)
            ends = [at for at in (row.ends_at, behind) if at is not None]
            stand[scope] = (row.rate_bp, min(ends) if ends else None)
    if not stand:
        return None
    bps = [bp for bp, _ in stand.values()]
    ends = [at for _, at in stand.values() if at is not None]
    return Own(min(bps), max(bps), min(ends) if ends else None, 0 if "" in stand else len(stand))


def open_rate(session: Session, shop_id: str) -> int | None:
    """What anybody earns on a product without terms of its own. None: nothing."""
    found = rates.open_rate(session, shop_id, "", clock.now())
    return found.rate_bp if found is not None else None


def _followers_since(session: Session, ids: Collection[str], now: datetime) -> dict[str, datetime]:
    rows = session.execute(
        sa.select(CreatorFollowers.creator_id, sa.func.max(CreatorFollowers.starts_at))
        .where(
            CreatorFollowers.creator_id.in_(list(ids)), CreatorFollowers.network == ALL_TOGETHER,
            CreatorFollowers.starts_at <= now,
        )
        .group_by(CreatorFollowers.creator_id)
    )  # fmt: skip
    return {row[0]: row[1] for row in rows}


def _networks(session: Session, ids: Collection[str]) -> dict[str, list[str]]:
    """Creator → the networks on which they have a handle, the app itself not among them."""
    rows = session.execute(
        sa.select(CreatorHandle.creator_id, CreatorHandle.network).where(
            CreatorHandle.creator_id.in_(list(ids)), CreatorHandle.ends_at.is_(None), CreatorHandle.network != APP
        )
    )
    found: dict[str, list[str]] = defaultdict(list)
    for creator_id, network in rows:
        found[creator_id].append(title(network))
    return {creator_id: sorted(set(names)) for creator_id, names in found.items()}


def _took_up(session: Session, shop_id: str, ids: Collection[str]) -> dict[str, tuple[datetime, int]]:
    rows = session.execute(
        sa.select(
            PromotionRow.creator_id, sa.func.min(PromotionRow.starts_at),
            sa.func.count().filter(PromotionRow.ends_at.is_(None)),
        )
        .where(PromotionRow.shop_id == shop_id, PromotionRow.creator_id.in_(list(ids)))
        .group_by(PromotionRow.creator_id)
    )  # fmt: skip
    return {creator_id: (at, int(number)) for creator_id, at, number in rows}


def choices() -> list[tuple[str, str]]:
    """Networks to narrow a list by: word and name."""
    return sorted(((word, name) for word, (name, _) in NETWORKS.items() if word != APP), key=lambda each: each[1])
