"""Who had a tap or a code on a line and is not credited for it: for the creator who asks why an order paid nothing.

What became of each candidate stands in the decision's evidence; these rows are the way there from a creator's side.
They follow the decisions and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import PassedOver

# A tap that was none for the line, or that only proves something: nobody asks why it earned nothing.
NONE_OF_IT = frozenset({"other_product", "after_order", "cart_add", "proves_cart", "won"})

_INSERT = sa.insert(PassedOver)
_DELETE = sa.delete(PassedOver).where(
    PassedOver.order_id == sa.bindparam("of"), PassedOver.line_ref.in_(sa.bindparam("lines", expanding=True))
)


def note(
    session: Session, order_id: str, placed_at: datetime, fresh: Sequence[Decision], changed: Sequence[Decision],
    *, created: bool = False,
) -> None:  # fmt: skip
    """Write down who is passed over by decisions just made, or made anew. No statement where there is nobody."""
    rows = [row for decision in (*fresh, *changed) for row in _rows(order_id, placed_at, decision)]
    if changed:
        session.connection().execute(_DELETE, {"of": order_id, "lines": [decision.line_ref for decision in changed]})
    db.later(session, _INSERT, rows, unread=created)


def _rows(order_id: str, placed_at: datetime, decision: Decision) -> Iterator[dict[str, Any]]:
    evidence = decision.evidence
    said: dict[str, tuple[str, str | None]] = {}
    for each in (*evidence.get("codes", ()), *evidence.get("candidates", ()), evidence.get("bound") or {}):
        who, outcome = each.get("creator_id"), each.get("outcome")
        if who and who != decision.creator_id and outcome not in NONE_OF_IT:
            said.setdefault(who, (outcome, each.get("content_id")))  # codes first, then the latest tap
    for creator_id, (reason, content_id) in said.items():
        yield {
            "order_id": order_id, "line_ref": decision.line_ref, "creator_id": creator_id, "content_id": content_id,
            "reason": reason, "placed_at": placed_at,
        }  # fmt: skip
