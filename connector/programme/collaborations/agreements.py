"""An accepted offer becomes an agreement: its text word for word, who accepted it and when, and the dated terms that
creators are paid by. A change that both sides accept is another version; none is ever edited."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, jobs, money, notices
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import Conflict
from connector.programme.collaborations import proposals, terms
from connector.programme.collaborations.offer import in_effect
from connector.programme.collaborations.tables import Agreement, Negotiation, Offer, Terms
from connector.programme.creators import queries as creators

KIND = "collaboration.agreed"
# Of a room above: makes the sample that an agreement promises, or ends the one that a new version promises no more.
SAMPLE_JOB = "samples.promise"


def conclude(
    session: Session, row: Negotiation, offer: Offer, *, side: str, by: str, version: int, now: datetime
) -> Agreement:
    """The agreement that an accepted offer makes, with its terms. `side` accepted it, by the actor or rule `by`.

    The caller has locked the shop and moves the negotiation on. Errors: Conflict where the time of the terms is over,
    or other terms of the creator stand in the way; InputRefused as `terms.target`.
    """
    starts = max(offer.starts_at or now, now)
    if offer.ends_at <= starts:
        raise Conflict(
            f"offer {offer.id} ends at {offer.ends_at.isoformat()}",
            public="The time that this offer is about is over. Make another one.",
        )
    made = _terms(session, row, offer, starts, side=side, by=by, now=now)
    text = _text(session, row, offer, version=version, starts=starts, side=side, by=by, now=now)
    agreement = Agreement(
        id=new_id("agr"), negotiation_id=row.id, offer_id=offer.id, version=version, text=text,
        text_hash=hashlib.sha256(text.encode()).hexdigest(), offered_by=offer.made_by, accepted_by=by,
        accepted_side=side, accepted_at=now, starts_at=starts, ends_at=offer.ends_at,
        terms_ids=[each.id for each in made], flat_fee=offer.flat_fee, fee_currency=offer.fee_currency,
    )  # fmt: skip
    session.add(agreement)
    said: dict[str, Any] = {
        "negotiation_id": row.id, "agreement_id": agreement.id, "version": version, "rate_bp": offer.rate_bp,
        "starts_at": starts.isoformat(), "ends_at": offer.ends_at.isoformat(), "sample": offer.sample,
        "flat_fee": offer.flat_fee, "fee_currency": offer.fee_currency,
    }  # fmt: skip
    audit.record(session, by, "collaboration.agree", row.id, shop_id=row.shop_id, **said)
    notices.say(session, KIND, creator_id=row.creator_id, shop_id=row.shop_id, **said)
    session.flush()
    if offer.sample or version > 1:
        jobs.enqueue(session, SAMPLE_JOB, agreement.id, shop_id=row.shop_id, agreement_id=agreement.id)
    return agreement


def newest(session: Session, negotiation_id: str) -> Agreement | None:
    """The version in force."""
    asked = sa.select(Agreement).where(Agreement.negotiation_id == negotiation_id)
    return session.scalars(asked.order_by(Agreement.version.desc()).limit(1)).first()


def versions(session: Session, negotiation_id: str) -> Sequence[Agreement]:
    """All of them, newest first."""
    asked = sa.select(Agreement).where(Agreement.negotiation_id == negotiation_id)
    return session.scalars(asked.order_by(Agreement.version.desc())).all()


def _terms(
    session: Session, row: Negotiation, offer: Offer, starts: datetime, *, side: str, by: str, now: datetime
) -> list[Terms]:
    """A version of terms a scope. What earlier agreements of the negotiation made gives way: replaced, withdrawn, or
    called off where it has not begun."""
    stood = _stand_yet(session, row, starts, now, by)
    asked: dict[str, Any] = {"starts_at": starts, "by": by, "now": now}
    made = []
    for scope in proposals.of(offer).scopes():
        replaces = stood.pop(scope, None)
        version = terms.target(
            session, row.shop_id, row.creator_id, offer.rate_bp, product_ref=scope, ends_at=offer.ends_at,
            replaces=replaces.id if replaces is not None else None, accepted_by=f"{side}, {by}", **asked,
        )  # fmt: skip
        made.append(version)
    for scope in stood:
        made.append(
            terms.withdraw(session, row.shop_id, kind="targeted", product_ref=scope, creator_id=row.creator_id, **asked)
        )
    return made


def _stand_yet(session: Session, row: Negotiation, starts: datetime, now: datetime, by: str) -> dict[str, Terms]:
    """Scope → terms of the agreements before that still stand when the new one starts. Those that have not begun are
    called off first."""
    ids = [terms_id for version in versions(session, row.id) for terms_id in version.terms_ids]
    rows = session.scalars(sa.select(Terms).where(Terms.id.in_(ids)).order_by(Terms.starts_at, Terms.id)).all()
    for each in rows:
        if each.starts_at > now and each.id in {counting.id for counting in in_effect(_chain(session, each))}:
            terms.call_off(session, each.id, by=by, shop_id=each.shop_id, now=now)
    found: dict[str, Terms] = {}
    for each in rows:
        spans = terms.spans(in_effect(_chain(session, each)))
        if any(standing.id == each.id and until > starts for standing, until in spans):
            found[each.product_ref] = each
    return found


def _chain(session: Session, row: Terms) -> list[Terms]:
    return terms.chain_of(session, row.shop_id, row.kind, row.creator_id, row.product_ref)


def _text(
    session: Session, row: Negotiation, offer: Offer, *, version: int, starts: datetime, side: str, by: str,
    now: datetime,
) -> str:  # fmt: skip
    shop, creator = session.get_one(Shop, row.shop_id), creators.get(session, row.creator_id)
    name = shop.name or shop.domain
    titles = catalog.titles(session, shop.id, offer.product_refs)
    goods = "; ".join(f"{titles.get(ref) or ref} ({ref})" for ref in offer.product_refs) or "every product of the shop"
    rate = f"{Decimal(offer.rate_bp).scaleb(-2):f}"
    accepted = f"by itself, under the shop's rule {by.removeprefix('rule:')}" if by.startswith("rule:") else ""
    lines = [
        f"Agreement {row.id}, version {version}",
        f"between the shop {name} ({shop.domain}, {shop.id})",
        f"and the creator @{creator.handle} ({creator.id}).",
        "",
        f"1. Commission: {rate} per cent of what buyers pay for the goods, without tax and discounts.",
        f"2. Products: {goods}.",
        f"3. From {_moment(starts)} until {_moment(offer.ends_at)}. Afterwards the shop's rates for everybody count.",
        f"4. Sample: {'the shop sends one' if offer.sample else 'none'}.",
        f"5. Flat fee: {_fee(session, offer, now)}",
        "6. A tap made while this agreement counts keeps its rate inside the shop's window.",
    ]
    if offer.note:
        lines += ["", "The offer said:", offer.note]
    offered = "the shop" if offer.side == "merchant" else "the creator"
    taken = "the shop" if side == "merchant" else "the creator"
    lines += [
        "",
        f"Offered by {offered}, {_moment(offer.made_at)}, as offer {offer.number} ({offer.id}).",
        f"Accepted by {taken}{' ' + accepted if accepted else ''}, {_moment(now)}.",
    ]
    return "\n".join(lines) + "\n"


def _fee(session: Session, offer: Offer, now: datetime) -> str:
    if not offer.flat_fee:
        return "none."
    shop_id = session.get_one(Negotiation, offer.negotiation_id).shop_id
    days = settings.whole(session, shop_id, "approval_days", now)
    return (
        f"{money.text(offer.flat_fee, offer.fee_currency)} {offer.fee_currency}, once for all versions of this"
        " agreement, when the shop approves content of the creator with one of the products in it. The creator hands it"
        f" in before this agreement ends; without an answer it is approved by itself, {days} days later as the app's"
        " rules stand now, if it can be seen with one of them in it then. The app takes no fee of it."
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
