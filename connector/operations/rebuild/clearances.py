"""When each line's money could clear, by the facts, beside what its clearance says; and which payout had reached it.

An open line's clearance follows the newest facts, so it has to be what they give. One that has cleared stays as it was
(F6): then its date must be what some version of the order gave that the store had made by then, its decision final, and
nothing open. That it cleared at all, and when the job came by, is a fact of the clock and taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution.rules import Decision
from connector.earnings.commission import clearance, rate
from connector.earnings.commission.clearance import Held
from connector.earnings.commission.rate import Assessment
from connector.earnings.ledger.queries import Standing
from connector.earnings.payouts import reached

# (what of the line, as it follows, as it is kept)
Found = tuple[str, str, str]


def differ(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Decision],
    assessment: Assessment, rows: Held, pinned: Mapping[str, datetime | None],
) -> Iterator[Found]:  # fmt: skip
    """Every line of the order whose clearance isn't what follows. `pinned`: line → when its decision became final."""
    reviewed = {ref for ref, decision in decisions.items() if decision.credit_reason == "frozen_review"}
    wanted = clearance.anew(session, shop, order, facts, assessment, reviewed)
    for line in assessment.lines:
        row = rows.get(line.line_ref)
        if row is None:
            if line.creator_id is not None:
                yield f"line {line.line_ref}", "a clearance", "none"
        elif row["state"] == "open":
            yield from _open(line.line_ref, row, wanted[line.line_ref])
        else:
            yield from _cleared(session, shop, order, assessment, line.line_ref, row, pinned.get(line.line_ref))


def money(rows: Held, standing: Standing) -> Iterator[Found]:
    """An open line has nothing cleared, one that has cleared nothing pending."""
    for (line_ref, creator_id, _), accounts in standing.accounts.items():
        row = rows.get(line_ref)
        if row is None:
            continue
        state = row["state"]
        wrong = "creator_cleared" if state == "open" else "creator_pending"
        stands = -accounts.get(wrong, 0) or (-accounts.get("creator_settled", 0) if state == "open" else 0)
        if stands:
            yield f"line {line_ref} {creator_id} state", f"not {state}, {stands} stands otherwise", state


def paid(session: Session, shop: Shop, order: Order, rows: Held) -> tuple[Held, list[Found]]:
    """The rows with the payouts that had reached each line by statements and payouts, and where they say otherwise.

    Where the shop didn't absorb at the order's time nothing depends on it, and a line needn't keep it: of such an
    order's creators only those have it whom a payout reached since the shop began to absorb.
    """
    absorbs = settings.at(session, shop.id, "after_payout", order.placed_at) == "absorb"
    if not absorbs and all(row["paid_at"] is None for row in rows.values()):
        return rows, []
    moments = reached.paid_lines(session, [order.id])
    found, derived = [], {}
    for line_ref, row in rows.items():
        at = moments.get((order.id, line_ref))
        derived[line_ref] = {**row, "paid_at": at}
        if at != row["paid_at"] and (absorbs or row["paid_at"] is not None):
            found.append((f"line {line_ref} paid_at", str(at), str(row["paid_at"])))
    return derived, found


def _open(line_ref: str, row: Mapping[Any, Any], wanted: tuple[datetime | None, str, str]) -> Iterator[Found]:
    for name, value in zip(("clears_at", "why", "blocked"), wanted, strict=True):
        if row[name] != value:
            yield f"line {line_ref} {name}", str(value) or "nothing", str(row[name]) or "nothing"


def _cleared(
    session: Session, shop: Shop, order: Order, assessment: Assessment, line_ref: str, row: Mapping[Any, Any],
    pinned_at: datetime | None,
) -> Iterator[Found]:  # fmt: skip
    at = row["cleared_at"]
    if at is None:
        yield f"line {line_ref} cleared_at", "a moment", "none"
        return
    rules = assessment.parts.rules
    versions = [each for each in orders.snapshots(session, order.id) if each.changed_at <= at]
    could = clearance.could_have(session, shop, versions, line_ref, lambda version: rate.stopped(version, rules))
    if (row["clears_at"], row["why"]) not in could:
        newest = could[-1] if could else (None, "nothing was known of it by then")
        yield f"line {line_ref} clears_at", f"{newest[0]} {newest[1]}", f"{row['clears_at']} {row['why']}"
    elif row["clears_at"] is None or row["clears_at"] > at:
        yield f"line {line_ref} cleared_at", f"not before {row['clears_at']}", str(at)
    if pinned_at is None or pinned_at > at:
        yield f"line {line_ref} cleared_at", f"not before the decision was final, {pinned_at}", str(at)
    held = clearance.held_at(session, order.id, line_ref, at)
    if held or row["blocked"]:
        yield f"line {line_ref} cleared_at", f"held by {', '.join(held) or row['blocked']}", str(at)
