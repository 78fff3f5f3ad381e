"""When a line's money may clear: R9 and R9b over one snapshot. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from connector.events import Fulfilment, Line, OrderSnapshot

# A store that never says "delivered": a fulfilment counts as delivered that long after it was made.
ARRIVES_AFTER = timedelta(days=10)


class HoldTerms(msgspec.Struct, frozen=True):
    """A shop's settings as they stood at the order's time."""

    hold: timedelta
    no_signal: timedelta
    wait_for_signal: bool
    grace: timedelta  # nothing clears before placed + grace (F3)


class Maturity(msgspec.Struct, frozen=True):
    clears_at: datetime | None  # None: nothing to count from
    why: str  # delivered | fulfilled | digital | no_delivery_signal, or what is waited for


def matures(line: Line, snapshot: OrderSnapshot, stop: str, terms: HoldTerms) -> Maturity:
    """When this line's hold is over. `stop` is what stops the whole order ("" when nothing does).

    A line that came in several parcels counts from the last one. Units without any fulfilment clear `no_signal` days
    after payment without a further hold, or wait, as the shop has set.
    """
    if stop:
        return Maturity(None, stop)
    if snapshot.payment_status == "partially_paid":
        return Maturity(None, "partially_paid")
    floor = snapshot.created_at + terms.grace
    paid_at = snapshot.paid_at or snapshot.created_at
    if not line.requires_shipping:
        return Maturity(max(floor, paid_at + terms.hold), "digital")
    parcels = [parcel for parcel in snapshot.fulfilments if _units(parcel, line)]
    starts = [_arrival(parcel) for parcel in parcels]
    ends = [(start + terms.hold, why) for start, why in starts]
    if not parcels or sum(_units(parcel, line) for parcel in parcels) < line.current_quantity:
        if terms.wait_for_signal:
            return Maturity(None, "waits_for_delivery_signal")
        ends.append((paid_at + terms.no_signal, "no_delivery_signal"))
    clears_at, why = max(ends)
    return Maturity(max(floor, clears_at), why)


def _units(parcel: Fulfilment, line: Line) -> int:
    """Units of the line in a parcel; a parcel that doesn't say what it holds has everything."""
    if not parcel.lines:
        return line.quantity
    return sum(part.quantity for part in parcel.lines if part.line_ref == line.line_ref)


def _arrival(parcel: Fulfilment) -> tuple[datetime, str]:
    if parcel.delivered_at is not None:
        return parcel.delivered_at, "delivered"
    return parcel.created_at + ARRIVES_AFTER, "fulfilled"
