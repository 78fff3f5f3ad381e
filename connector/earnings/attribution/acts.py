"""Recorded acts: the only way in which a pinned decision changes (F4). Who, why, when, and on which preview.

    manual          a line or an order is credited to a creator (D9)
    leak_backdated  a code counted no more from a moment in the past on
    forfeit         frozen commission is taken after its appeal; who decided the line stays as it was
    binding_moved   a buyer is another creator's from now on, and so are the lines that the old binding decided
    engine_fix      the order is decided by today's engine, whose answer was `decision_changed`
    review_passed   a person looked: nothing is wrong with the order
    review_refused  … or the buyer is the creator after all

An act is effective at once, or, where a line of it is in a closed statement, when a second person approves it. `rules`
reads effective acts as facts; commission reads forfeits. This module keeps them; `operations.crediting.deciding`
previews, books and asks for the second person, since only it sees statements too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.db import new_id
from connector.earnings.attribution import buyers, codes
from connector.earnings.attribution.rules import ActSeen
from connector.earnings.attribution.tables import Act
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound

KINDS = (
    "manual", "leak_backdated", "forfeit", "binding_moved", "engine_fix", "review_passed", "review_refused",
)  # fmt: skip
LONGEST_REASON = 500

_OF_ORDER = (
    sa.select(Act.id, Act.kind, Act.line_ref, Act.creator_id, Act.content_id, Act.code_id, Act.since)
    .where(Act.state == "effective", Act.order_id == sa.bindparam("order_id"))
    .order_by(Act.effective_at, Act.id)
)


class ActAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants done. `line_ref` "": the whole order."""

    kind: str
    shop_id: str
    order_id: str | None = None
    line_ref: str = ""
    creator_id: str | None = None
    content_id: str | None = None
    code_id: str | None = None
    since: datetime | None = None

    def seen(self, act_id: str = "act_asked") -> ActSeen:
        """As the rules would read it once it is effective."""
        return ActSeen(act_id, self.kind, self.line_ref, self.creator_id, self.content_id, self.code_id)


def of_order(session: Session, order_id: str) -> tuple[ActSeen, ...]:
    """The effective acts about an order, in the order in which they took effect: one query."""
    rows = session.connection().execute(_OF_ORDER, {"order_id": order_id})
    return tuple(ActSeen(row.id, row.kind, row.line_ref, row.creator_id, row.content_id, row.code_id) for row in rows)


def propose(
    session: Session, asked: ActAsked, *, actor: str, reason: str, token: str, needs_second: bool,
    now: datetime | None = None,
) -> Act:  # fmt: skip
    """Record an act: effective at once, or proposed where a second person must approve.

    Errors: InputRefused for a kind that isn't one, or without a reason; Conflict for one that waits already.
    """
    now = now or clock.now()
    if asked.kind not in KINDS:
        raise InputRefused("kind", f"{asked.kind[:40]!r} is no act.", f"Use {', '.join(KINDS)}.")
    reason = reason.strip()
    if not reason:
        raise InputRefused("reason", "is empty.", "Say why, in a sentence for whoever asks later.")
    _not_twice(session, asked)
    act = Act(
        id=new_id("act"), **msgspec.structs.asdict(asked), state="proposed", actor=actor,
        reason=reason[:LONGEST_REASON], token=token, proposed_at=now, needs_second=needs_second, approved_by=None,
        approved_at=None, effective_at=None, refused_by=None, refused_at=None, refused_why="",
    )  # fmt: skip
    session.add(act)
    session.flush()
    audit.record(
        session, actor, f"act.{act.kind}", act.id, shop_id=act.shop_id, order=act.order_id, line=act.line_ref,
        creator=act.creator_id, code=act.code_id, why=act.reason, needs_second=needs_second,
    )  # fmt: skip
    if not needs_second:
        _take_effect(session, act, now)
    return act


def approve(session: Session, act_id: str, *, by: str, now: datetime | None = None) -> Act:
    """The second person says yes. Errors: NotFound; Conflict for one that doesn't wait; NotAllowed for the first."""
    now = now or clock.now()
    act = _waiting(session, act_id)
    if act.actor == by:
        raise NotAllowed(
            f"{by} proposed act {act_id}", public="You proposed this yourself: a second person approves it."
        )
    act.approved_by, act.approved_at = by, now
    audit.record(session, by, "act.approve", act.id, shop_id=act.shop_id, order=act.order_id, kind=act.kind)
    _take_effect(session, act, now)
    return act


def refuse(session: Session, act_id: str, *, by: str, why: str, now: datetime | None = None) -> Act:
    """It doesn't happen; whoever proposed it may take it back too. Errors: as `approve`; InputRefused without why."""
    act = _waiting(session, act_id)
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say why, for whoever proposed it.")
    act.state, act.refused_by, act.refused_at = "refused", by, now or clock.now()
    act.refused_why = why.strip()[:LONGEST_REASON]
    session.flush()
    audit.record(session, by, "act.refuse", act.id, shop_id=act.shop_id, order=act.order_id, kind=act.kind,
                 why=act.refused_why)  # fmt: skip
    return act


def get(session: Session, act_id: str) -> Act:
    """Errors: NotFound."""
    act = session.get(Act, act_id)
    if act is None:
        raise NotFound(f"no act has the id {act_id[:40]!r}")
    return act


def waiting(session: Session, *, limit: int = 100) -> Sequence[Act]:
    """Acts that wait for a second person, the oldest first."""
    return session.scalars(
        sa.select(Act).where(Act.state == "proposed").order_by(Act.proposed_at, Act.id).limit(limit)
    ).all()


def about(session: Session, order_ids: Collection[str]) -> Sequence[Act]:
    """All acts about these orders, refused ones too, the newest first."""
    asked = sa.select(Act).where(Act.order_id.in_(list(order_ids)))
    return session.scalars(asked.order_by(Act.proposed_at.desc(), Act.id.desc())).all()


def _waiting(session: Session, act_id: str) -> Act:
    act = session.get(Act, act_id, populate_existing=True, with_for_update=True)
    if act is None:
        raise NotFound(f"no act has the id {act_id[:40]!r}")
    if act.state != "proposed":
        raise Conflict(f"act {act_id} is {act.state}", public=f"This is {act.state} already: nothing was changed.")
    return act


def _not_twice(session: Session, asked: ActAsked) -> None:
    same = [Act.state == "proposed", Act.kind == asked.kind]
    same.append(Act.code_id == asked.code_id if asked.order_id is None else Act.order_id == asked.order_id)
    held = session.scalar(sa.select(Act.id).where(*same, Act.line_ref == asked.line_ref).limit(1))
    if held is not None:
        raise Conflict(f"act {held} waits", public="The same waits for a second person already: decide that one first.")


def _take_effect(session: Session, act: Act, now: datetime) -> None:
    """Effective from now on, with the dated record that follows from it."""
    act.state, act.effective_at = "effective", now
    session.flush()
    if act.kind == "leak_backdated":
        code = codes.get(session, act.code_id or "", act.shop_id)
        codes.mark(session, code, "leaked", by=act.actor, why=act.reason, now=now, since=act.since, act_id=act.id)
    if act.kind == "binding_moved" and act.order_id is not None and act.creator_id is not None:
        buyers.move(session, act.order_id, act.creator_id, act.id, now)
