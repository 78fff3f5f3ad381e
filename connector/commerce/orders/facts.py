"""What is known of an order, as the rules read it. Pure: the newest snapshot, and what all versions say together."""

from __future__ import annotations

from datetime import datetime

import msgspec

from connector.events import Carrier, Dispute, OrderSnapshot, Refund, Return

# Payment statuses under which the buyer's money was taken, wholly or in part: such an order's decisions are pinned.
PAID = frozenset({"partially_paid", "paid", "partially_refunded", "refunded"})


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a rule may read of one order. Equal deliveries in any order give equal facts.

    `snapshot` is the newest version; `refunds` the merged set of all versions and of those that came alone, ordered
    by (creation time, ref), each transaction with its final status, and with one amount-only refund for each lost
    dispute; `carriers` the set over all versions, sorted.
    """

    order_id: str
    shop_id: str
    snapshot: OrderSnapshot
    refunds: tuple[Refund, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    returns: tuple[Return, ...] = ()
    added_units: dict[str, int] = {}  # line ref → units that edits added, only those above 0
    first_seen: dict[str, datetime] = {}  # line ref → change time of the oldest known version that has the line
    buyer_hash: str | None = None
    buyer_hashes: str = ""  # all that names the buyer (`buyers.hashes`)
    oldest_changed_at: datetime

    @property
    def under_dispute(self) -> bool:
        """A chargeback or an inquiry is open: nothing of the order clears."""
        return self.snapshot.disputed or any(dispute.status == "open" for dispute in self.disputes)

    def on_its_way_back(self, line_ref: str) -> bool:
        """A return of the line, or one that names no line, is open: the line doesn't clear."""
        return any(back.status == "open" and (not back.lines or line_ref in back.lines) for back in self.returns)

    @property
    def placed_at(self) -> datetime:
        """Order time of every rule: the store's creation time."""
        return self.snapshot.created_at

    @property
    def collected(self) -> bool:
        """Some of the buyer's money was taken."""
        return self.snapshot.payment_status in PAID

    def added_by_edit(self, line_ref: str) -> bool:
        """All of the line's units were added by edits."""
        units = self.added_units.get(line_ref, 0)
        return units > 0 and any(line.line_ref == line_ref and units >= line.quantity for line in self.snapshot.lines)


def by_ref(ref: str) -> tuple[int, int, str]:
    """Sort key of a store's own ids: numbers as numbers, before everything else, which is compared as text."""
    return (0, int(ref), "") if ref.isascii() and ref.isdigit() else (1, 0, ref)
