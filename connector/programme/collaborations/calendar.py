"""What a creator will earn on a product, by all that is known now: "15 % until 12 March, then 12 %". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from connector.programme.collaborations.offer import PROTECTION, Offers, Rate, Version, plan_at, rate_at


class Span(msgspec.Struct, frozen=True):
    """A stretch of time with one rate, half open. `rate` None: nothing is offered."""

    starts_at: datetime
    ends_at: datetime | None  # None: as far as anybody knows
    rate: Rate | None
    ads_bp: int | None = None  # for a tap on a seller's ad, where the terms have a rate for it
    why: str = ""  # kept | targeted | event | "": what is special about it


def spans(
    offers: Offers, *, creator_id: str | None, product_ref: str, since: datetime, most: int = 12
) -> list[Span]:  # fmt: skip
    """The stretches from `since` on, as far as versions, their ends and the protection of older rates reach.

    Whoever promotes the product now is taken to go on with it. At most `most` stretches: the last one then stays open.
    """
    found: list[Span] = []
    for moment in moments(offers, creator_id, product_ref, since):
        fresh = _at(offers, creator_id, product_ref, moment)
        if found and _same(found[-1], fresh):
            continue
        if found:
            found[-1] = msgspec.structs.replace(found[-1], ends_at=moment)
            if len(found) == most:
                break
        found.append(fresh)
    return found


def moments(offers: Offers, creator_id: str | None, product_ref: str, since: datetime) -> list[datetime]:
    """`since` and every later moment at which the rate may change, in order."""
    at = {since}
    for version in bearing(offers.versions, creator_id, product_ref):
        at |= {version.starts_at, version.starts_at + PROTECTION}
        if version.ends_at is not None:
            at.add(version.ends_at)
    for promotion in offers.promotions:
        if promotion.creator_id == creator_id and promotion.product_ref == product_ref and promotion.ends_at:
            at.add(promotion.ends_at)
    return sorted(moment for moment in at if moment >= since)


def bearing(versions: Sequence[Version], creator_id: str | None, product_ref: str) -> list[Version]:
    """Those that can bear on a creator and a product."""
    return [
        v
        for v in versions
        if v.product_ref in ("", product_ref) and (v.kind != "targeted" or v.creator_id == creator_id)
    ]


def _at(offers: Offers, creator_id: str | None, product_ref: str, moment: datetime) -> Span:
    rate = rate_at(offers, creator_id=creator_id, product_ref=product_ref, moment=moment)
    plan = plan_at(offers, creator_id=creator_id, product_ref=product_ref, moment=moment)
    if rate is None:
        return Span(moment, None, None)
    why = "kept" if rate.kept_until else "event" if rate.basis == "event" else ""
    if not why and rate.kind == "targeted":
        why = "targeted"
    return Span(moment, None, rate, None if plan is None else plan.ads_bp, why)


def _same(before: Span, after: Span) -> bool:
    """Would anybody notice? Another version with the same figures and the same reason is the same stretch."""
    old, new = before.rate, after.rate
    if old is None or new is None:
        return old is new
    return (old.rate_bp, old.kind, before.ads_bp, before.why) == (new.rate_bp, new.kind, after.ads_bp, after.why)
