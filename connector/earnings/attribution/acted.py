"""The facts that a pinned decision was made from, read once more, for `redecide`: an act is decided on those alone."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.earnings.attribution import candidates, redecide
from connector.earnings.attribution.candidates import Gathered
from connector.earnings.attribution.rules import Candidate, Decision
from connector.earnings.attribution.tables import Touch


def decided(
    session: Session, facts: OrderFacts, gathered: Gathered, pin: Decision, returned: Decision | None
) -> Decision:
    """The pinned line's decision with all acts that are effective, and no more of what came since than they say.

    A candidate that was found by a journey stays one although the journey was erased: the pin names its touch.
    """
    line = next(each for each in gathered.lines if each.line_ref == pin.line_ref)
    lost = (redecide.candidates_of(pin.evidence) or frozenset()) - {each.touch_id for each in gathered.candidates}
    again = _again(session, pin, sorted(lost))
    order = gathered.order
    if again:
        people = {each.creator_id for each in (*gathered.candidates, *again)}
        order = candidates.with_creators(session, facts, order, gathered.lines, people, gathered.personal)
    return redecide.redecided(pin, order, line, [*gathered.candidates, *again], returned)


def _again(session: Session, pin: Decision, touch_ids: list[str]) -> list[Candidate]:
    if not touch_ids:
        return []
    via = {each["touch_id"]: tuple(each["via"]) for each in pin.evidence.get("candidates", ())}
    rows = session.scalars(sa.select(Touch).where(Touch.id.in_(touch_ids)))
    return candidates.as_candidates(rows, {touch_id: via.get(touch_id, ()) for touch_id in touch_ids})
