"""Reserves: a share of a statement's positive total is kept back, and let go in a later statement (R9b).

It is taken at statement level, so a refund need not split it: what a refund takes back comes off the next total, and
the reserve goes back whole when its days are over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import money
from connector.earnings.ledger.entry import Draft, moved
from connector.earnings.settlement.tables import ClosingRun, Reserve

BP = 10_000


@dataclass(frozen=True, slots=True)
class Release:
    """A reserve whose days are over."""

    statement_id: str  # that kept it back
    creator_id: str
    amount: int


def share_of(total: int, reserve_bp: int) -> int:
    """Minor units kept back of a statement's total: round half up, nothing of a total of zero or below."""
    return money.round_half_up(Fraction(total * reserve_bp, BP)) if total > 0 else 0


def due(session: Session, shop_id: str, currency: str, ends_at: datetime) -> list[Release]:
    """Reserves that go with a period that ends at `ends_at`, in the order of their statements."""
    query = (
        sa.select(Reserve.statement_id, Reserve.creator_id, Reserve.amount)
        .where(
            Reserve.shop_id == shop_id,
            Reserve.released_in.is_(None),
            Reserve.currency == currency,
            Reserve.due_at <= ends_at,
        )
        .order_by(Reserve.statement_id)
    )
    return [Release(*row) for row in session.execute(query)]


def drafts(
    closing: ClosingRun, statement_id: str, creator_id: str, reserved: int, releases: Sequence[Release]
) -> Iterator[Draft]:
    """The entries of one statement: what it keeps back, and what it lets go."""
    if reserved:
        yield _draft(closing, "reserve", statement_id, statement_id, creator_id, reserved)
    for release in releases:
        yield _draft(closing, "reserve_release", release.statement_id, statement_id, creator_id, release.amount)


def let_go(session: Session, statement_id: str, kept_by: Sequence[str]) -> None:
    """Note that this statement lets go of what those kept back."""
    if kept_by:
        session.execute(sa.update(Reserve).where(Reserve.statement_id.in_(kept_by)).values(released_in=statement_id))


def _draft(closing: ClosingRun, kind: str, kept_by: str, statement_id: str, creator_id: str, amount: int) -> Draft:
    source, target = ("creator_settled", "reserve") if kind == "reserve" else ("reserve", "creator_settled")
    return Draft(
        reference=f"{kind}:{kept_by}", subject=f"reserve:{kept_by}", kind=kind, shop_id=closing.shop_id,
        currency=closing.currency, reason="kept_in_reserve" if kind == "reserve" else "reserve_is_over",
        occurred_at=closing.closed_at, creator_id=creator_id, statement_id=statement_id,
        postings=moved(source, target, amount, creator_id),
    )  # fmt: skip
