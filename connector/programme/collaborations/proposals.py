"""What an offer says, held to the same rules whoever makes it, and whether something stands in its way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import money
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.errors import InputRefused
from connector.programme.collaborations import terms
from connector.programme.collaborations.offer import in_effect
from connector.programme.collaborations.tables import Offer, Terms
from connector.programme.collaborations.wording import cleaned

MOST_PRODUCTS, LONGEST_NOTE = 50, 2000
# How long an offer may wait for its answer, and how long what it offers may last.
LONGEST_WAIT, LONGEST_TERM = timedelta(days=60), timedelta(days=730)


class Proposal(msgspec.Struct, frozen=True):
    """Terms as one side offers them."""

    rate_bp: int
    ends_at: datetime
    expires_at: datetime  # until when it can be accepted
    product_refs: tuple[str, ...] = ()  # sorted; empty: the whole shop
    starts_at: datetime | None = None  # None: from its acceptance
    sample: bool = False
    note: str = ""
    # Minor units, owed once for content that the shop approves; 0: none. `checked` names the currency.
    flat_fee: int = 0
    fee_currency: str = ""

    def scopes(self) -> tuple[str, ...]:
        """The scopes of the terms that it makes."""
        return self.product_refs or ("",)


def checked(session: Session, shop_id: str, given: Proposal, now: datetime) -> Proposal:
    """The proposal tidied, or why it can't be made. Errors: InputRefused, by field."""
    terms.checked_bp("rate_bp", given.rate_bp)
    refs = tuple(sorted(set(given.product_refs)))
    if len(refs) > MOST_PRODUCTS:
        raise InputRefused("product_refs", f"are more than {MOST_PRODUCTS}.", "Name fewer, or offer the whole shop.")
    if refs:
        known = catalog.titles(session, shop_id, refs)
        missing = [ref for ref in refs if ref not in known]
        if missing:
            raise InputRefused("product_refs", f"{missing[0][:40]!r} is no product of the shop.", "Take it out.")
    if given.starts_at is not None and given.starts_at < now:
        raise InputRefused("starts_at", "has passed.", "Give a later time, or leave it out: from the acceptance on.")
    if given.ends_at <= max(now, given.starts_at or now):
        raise InputRefused("ends_at", "isn't after the start.", "Give a later time.")
    if given.ends_at > now + LONGEST_TERM:
        raise InputRefused("ends_at", f"is more than {LONGEST_TERM.days} days away.", "Agree anew before it ends.")
    if given.expires_at <= now:
        raise InputRefused("expires_at", "has passed.", "Give the other side time to answer.")
    if given.expires_at > min(given.ends_at, now + LONGEST_WAIT):
        remedy = f"Give a time within {LONGEST_WAIT.days} days that isn't after the end of the terms."
        raise InputRefused("expires_at", "is too late.", remedy)
    note = cleaned("note", given.note, LONGEST_NOTE, empty=True)
    currency = _fee_currency(session, shop_id, given, now)
    return msgspec.structs.replace(given, product_refs=refs, note=note, fee_currency=currency)


def _fee_currency(session: Session, shop_id: str, given: Proposal, now: datetime) -> str:
    """The currency of a flat fee, which is the shop's; "" without one. Errors: InputRefused, by field."""
    if not given.flat_fee:
        return ""
    shop = session.get_one(Shop, shop_id)
    most = settings.whole(session, shop_id, "most_flat_fee", now)
    if not 0 < given.flat_fee <= most:
        said = f"{money.text(most, shop.currency)} {shop.currency}" if shop.currency else str(most)
        raise InputRefused("flat_fee", f"isn't between nothing and {said}.", f"Offer at most {said}, or no flat fee.")
    if not shop.currency:
        raise InputRefused("flat_fee", "has no currency: the store hasn't told its own.", "Offer a rate alone.")
    if given.fee_currency not in ("", shop.currency):
        raise InputRefused("fee_currency", f"isn't the shop's, {shop.currency}.", "Offer it in the shop's currency.")
    return shop.currency


def of(row: Offer) -> Proposal:
    return Proposal(
        rate_bp=row.rate_bp, ends_at=row.ends_at, expires_at=row.expires_at, product_refs=tuple(row.product_refs),
        starts_at=row.starts_at, sample=row.sample, note=row.note, flat_fee=row.flat_fee,
        fee_currency=row.fee_currency,
    )  # fmt: skip


def columns(given: Proposal) -> dict[str, Any]:
    """As an offer's row holds it."""
    return {
        "rate_bp": given.rate_bp, "product_refs": list(given.product_refs), "starts_at": given.starts_at,
        "ends_at": given.ends_at, "sample": given.sample, "note": given.note, "expires_at": given.expires_at,
        "flat_fee": given.flat_fee, "fee_currency": given.fee_currency,
    }  # fmt: skip


def standing_terms(
    session: Session, shop_id: str, creator_ids: Collection[str], scopes: Collection[str], starts_at: datetime,
    ends_at: datetime, *, but: Collection[str] = (),
) -> dict[str, list[Terms]]:  # fmt: skip
    """Terms of their own that these creators have in that time for one of these scopes: one query. `but`: ids that
    don't count."""
    asked = sa.select(Terms).where(
        Terms.shop_id == shop_id, Terms.kind == "targeted", Terms.creator_id.in_(list(creator_ids)),
        Terms.product_ref.in_(list(scopes)),
    )  # fmt: skip
    chains: dict[tuple[str, str], list[Terms]] = defaultdict(list)
    for row in session.scalars(asked.order_by(Terms.version)):
        chains[row.creator_id or "", row.product_ref].append(row)
    found: dict[str, list[Terms]] = {}
    for (creator_id, _), chain in chains.items():
        rows = _between(chain, starts_at, ends_at, but)
        if rows:
            found.setdefault(creator_id, []).extend(rows)
    return found


def _between(chain: Sequence[Terms], starts_at: datetime, ends_at: datetime, but: Collection[str]) -> list[Terms]:
    return [
        row
        for row, until in terms.spans(in_effect(chain))
        if starts_at < until and row.starts_at < ends_at and row.id not in but
    ]
