"""A merchant's set-up of the programme in three steps: what is open for how much, who is accepted by rule, whom they
invite.

Each step can be left half typed and gone on with later. Whether it is done is told by what stands, not by a tick: an
opening, a rule, an invitation. A merchant who wants none of a step passes it over, and may come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from connector import clock
from connector.commerce.shops.tables import Shop
from connector.db import Base
from connector.programme.collaborations.tables import AcceptanceRule, Negotiation, Opening, Terms

Step = Literal["open", "rules", "invite"]
STEPS: tuple[Step, ...] = ("open", "rules", "invite")
TYPED, PASSED = "typed", "passed"


class SetUpStep(Base):
    """What a merchant typed at a step and left, or that they passed it over."""

    __tablename__ = "set_up_steps"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)  # of STEPS
    state: Mapped[str]  # typed | passed
    typed: Mapped[dict[str, Any]]  # by the names of the form's fields
    moved_at: Mapped[datetime]
    moved_by: Mapped[str]


def keep(session: Session, shop_id: str, step: Step, typed: Mapping[str, str], *, by: str) -> None:
    """Keep what was typed at a step, to go on with it later."""
    _put(session, shop_id, step, TYPED, dict(typed), by)


def passed(session: Session, shop_id: str, step: Step, *, by: str) -> None:
    """The merchant wants nothing of this step now."""
    _put(session, shop_id, step, PASSED, {}, by)


def taken(session: Session, shop_id: str, step: Step) -> None:
    """What was typed at a step has been done: nothing of it is kept."""
    session.execute(sa.delete(SetUpStep).where(SetUpStep.shop_id == shop_id, SetUpStep.step == step))


def kept(session: Session, shop_id: str) -> dict[str, SetUpStep]:
    """Step → what was left there; a step at which nothing was left is absent."""
    return {row.step: row for row in session.scalars(sa.select(SetUpStep).where(SetUpStep.shop_id == shop_id))}


def done(session: Session, shop_id: str) -> dict[Step, bool]:
    """Which steps are done, or passed over: three short looks."""
    over = {step for step, row in kept(session, shop_id).items() if row.state == PASSED}
    stands = {
        "open": sa.exists().where(Terms.shop_id == shop_id, Terms.rate_bp.is_not(None)),
        "rules": sa.exists().where(AcceptanceRule.shop_id == shop_id),
        "invite": sa.exists().where(Negotiation.shop_id == shop_id),
    }
    walks = sa.exists().where(Opening.shop_id == shop_id, Opening.closed_at.is_(None))
    query = sa.select(sa.or_(stands["open"], walks), stands["rules"], stands["invite"])
    found = session.execute(query).one()
    return {step: bool(each) or step in over for step, each in zip(STEPS, found, strict=True)}


def _put(session: Session, shop_id: str, step: Step, state: str, typed: dict[str, Any], by: str) -> None:
    # One form at a time of a shop: its row is the lock.
    session.execute(sa.select(Shop.id).where(Shop.id == shop_id).with_for_update(key_share=True))
    row = session.get(SetUpStep, (shop_id, step))
    if row is None:
        row = SetUpStep(shop_id=shop_id, step=step)
        session.add(row)
    row.state, row.typed, row.moved_at, row.moved_by = state, typed, clock.now(), by
    session.flush()
