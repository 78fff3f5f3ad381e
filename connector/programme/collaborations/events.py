"""Events: a rate for everybody from a start to an end. Once it is live it may only rise.

Its tiers are kept with it: after so many net orders of a creator, a higher rate for those that follow, paid as a bonus
of its own when the event has closed (`commission.bonuses`). So no order's commission depends on another order (R13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import rates, terms
from connector.programme.collaborations.offer import Offers, in_effect, plan_at
from connector.programme.collaborations.tables import Terms
from connector.programme.collaborations.terms import Conditions, Wanted

_LONGEST_NAME, _MOST_TIERS = 120, 10


class Tier(msgspec.Struct, frozen=True):
    """After `orders` net orders of a creator, by their own times, `rate_bp` for those that follow."""

    orders: int
    rate_bp: int


class Event(msgspec.Struct, frozen=True):
    """An event as it stands by its newest version: what the bonus is reckoned by when it closes."""

    id: str  # evt_…
    shop_id: str
    name: str
    product_ref: str  # "": every product of the shop
    rate_bp: int
    starts_at: datetime
    ends_at: datetime  # the first moment after it
    tiers: tuple[Tier, ...]
    terms_ids: tuple[str, ...]  # all its versions, oldest first: lines credited by it name one of these


def announce(
    session: Session, shop_id: str, name: str, rate_bp: int, *, starts_at: datetime, ends_at: datetime,
    product_ref: str = "", tiers: Sequence[tuple[int, int]] = (), ads_bp: int | None = None,
    new_buyer_bp: int | None = None, code_rates: Mapping[str, int] | None = None, by: str, now: datetime | None = None,
) -> Terms:  # fmt: skip
    """An event of the whole shop or of one product. `tiers`: (net orders, rate) each, both rising.

    Errors: as `terms.draft`; InputRefused also for a rate below the open one at its start, or tiers that don't rise.
    """
    wanted = wanted_event(
        shop_id, name, Conditions(rate_bp, ads_bp, new_buyer_bp, code_rates or {}), starts_at=starts_at,
        ends_at=ends_at, product_ref=product_ref, tiers=tiers,
    )  # fmt: skip
    check(session, wanted, now or clock.now())
    return terms.record(session, wanted, by=by, now=now)


def wanted_event(
    shop_id: str, name: str, conditions: Conditions, *, starts_at: datetime, ends_at: datetime, product_ref: str,
    tiers: Sequence[tuple[int, int]],
) -> Wanted:  # fmt: skip
    """A new event, as `terms.draft` takes it."""
    return Wanted(
        shop_id=shop_id, kind="event", conditions=conditions, product_ref=product_ref, starts_at=starts_at,
        ends_at=ends_at, event_id=new_id("evt"), name=name.strip(), tiers=tuple(tiers),
    )  # fmt: skip


def raise_event(
    session: Session, event_id: str, rate_bp: int, *, tiers: Sequence[tuple[int, int]] | None = None,
    starts_at: datetime | None = None, by: str, shop_id: str | None = None, now: datetime | None = None,
) -> Terms:  # fmt: skip
    """A new version of an event, up to its end as it stands. Tiers stay as they are where none are given.

    Errors: NotFound; Conflict once it has ended, or for a rate or tiers below those that stand.
    """
    now = now or clock.now()
    versions = _versions(session, event_id)
    if not versions or (shop_id is not None and versions[-1].shop_id != shop_id):
        raise NotFound(f"no event has the id {event_id[:40]!r}")
    last = versions[-1]
    if last.rate_bp is None or last.ends_at is None or last.ends_at <= now:
        raise Conflict(f"event {event_id} is over", public="The event is over, or was called off.")
    kept = tuple((orders, bp) for orders, bp in last.tiers)
    new = kept if tiers is None else tuple(tiers)
    terms.checked_bp("rate_bp", rate_bp)
    if rate_bp < last.rate_bp or any(not any(o <= orders and b >= bp for o, b in new) for orders, bp in kept):
        raise Conflict(
            f"event {event_id} stands at {last.rate_bp}",
            public="An event that was announced may only rise, its tiers too. Call it off while it has not begun.",
        )
    wanted = Wanted(
        shop_id=last.shop_id, kind="event",
        conditions=msgspec.structs.replace(terms.conditions_of(last), rate_bp=rate_bp),
        product_ref=last.product_ref, starts_at=max(starts_at or now, last.starts_at), ends_at=last.ends_at,
        replaces=last.id, event_id=event_id, name=last.name, tiers=new,
    )  # fmt: skip
    check(session, wanted, now)
    return terms.record(session, wanted, by=by, now=now)


def check(session: Session, wanted: Wanted, now: datetime) -> None:
    """What an event needs beyond what all terms need. Errors: InputRefused."""
    if not wanted.name or len(wanted.name) > _LONGEST_NAME:
        raise InputRefused("name", f"is empty or longer than {_LONGEST_NAME} characters.", "Creators read it.")
    rate = wanted.conditions.rate_bp
    terms.checked_bp("rate_bp", rate)
    if len(wanted.tiers) > _MOST_TIERS:
        raise InputRefused("tiers", f"are more than {_MOST_TIERS}.")
    orders, bp = 0, rate or 0
    for tier in wanted.tiers:
        terms.checked_bp("tiers", tier[1])
        if isinstance(tier[0], bool) or not isinstance(tier[0], int) or tier[0] <= orders or tier[1] <= bp:
            raise InputRefused(
                "tiers", "don't rise.", "Each tier needs more orders than the one before, and a rate above it."
            )
        orders, bp = tier
    starts = max(wanted.starts_at or now, now)
    versions = [v for v in rates.open_versions(session, wanted.shop_id, [wanted.product_ref]) if v.kind == "open"]
    stands = plan_at(Offers(versions), creator_id=None, product_ref=wanted.product_ref, moment=starts)
    if stands is not None and stands.rate_bp is not None and rate is not None and rate < stands.rate_bp:
        raise InputRefused(
            "rate_bp",
            f"is below the open rate then, {terms.per_cent(stands.rate_bp)}.",
            "An event offers more, never less.",
        )


def get(session: Session, event_id: str) -> Event:
    """Errors: NotFound, for one that was called off before it began too."""
    found = _as_event(_versions(session, event_id))
    if found is None:
        raise NotFound(f"no event has the id {event_id[:40]!r}")
    return found


def ended(session: Session, shop_id: str, after: datetime, until: datetime) -> list[Event]:
    """The shop's events that ended in (`after`, `until`], oldest end first: their bonuses are due."""
    ids = session.scalars(
        sa.select(Terms.event_id)
        .where(Terms.shop_id == shop_id, Terms.kind == "event", Terms.ends_at > after, Terms.ends_at <= until)
        .distinct()
    ).all()
    found = [_as_event(_versions(session, event_id)) for event_id in ids if event_id is not None]
    return sorted((event for event in found if event is not None), key=lambda event: (event.ends_at, event.id))


def _versions(session: Session, event_id: str) -> Sequence[Terms]:
    rows = session.scalars(sa.select(Terms).where(Terms.event_id == event_id).order_by(Terms.version)).all()
    return in_effect(rows)


def _as_event(versions: Sequence[Terms]) -> Event | None:
    last = versions[-1] if versions else None
    if last is None or last.rate_bp is None or last.ends_at is None or last.event_id is None:
        return None
    return Event(
        last.event_id, last.shop_id, last.name, last.product_ref, last.rate_bp, versions[0].starts_at, last.ends_at,
        tuple(Tier(orders, bp) for orders, bp in last.tiers), tuple(row.id for row in versions),
    )  # fmt: skip
