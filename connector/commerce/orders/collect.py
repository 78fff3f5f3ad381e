"""What all the versions of an order say together. Pure: a set goes in, so no order of arrival can matter (R13).

Newest is the version with the latest change time, as an instant; of equal ones the one with the later trigger time; of
those still equal the greater content hash stands until a re-read from the store settles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from connector import events
from connector.commerce.orders.facts import by_ref
from connector.events import (
    Adjustment,
    Carrier,
    Dispute,
    FulfilledLine,
    OrderSnapshot,
    Refund,
    Return,
    Transaction,
    TransactionStatus,
)  # fmt: skip

Rank = tuple[datetime, datetime, str]
NOTHING: Mapping[str, Any] = MappingProxyType({})
# Of a fact that came without an order version: any version knows better.
_NO_VERSION: Rank = (datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), "")


class Version(msgspec.Struct, frozen=True):
    """One version as heard; `triggered_at` is the latest trigger time of all its hearings."""

    changed_at: datetime
    triggered_at: datetime
    content_hash: str
    snapshot: OrderSnapshot
    buyer_hash: str | None = None
    buyer_hashes: str = ""

    @property
    def rank(self) -> Rank:
        return (self.changed_at, self.triggered_at, self.content_hash)


class Entered(msgspec.Struct, frozen=True):
    """What a person says a refund came to, whose amount the store doesn't give (R7). Minor units, before any spread."""

    amount: int
    entered_at: datetime
    by: str
    why: str


class Collected(msgspec.Struct, frozen=True):
    newest: Version
    oldest: Version
    refunds: tuple[Refund, ...]
    carriers: tuple[Carrier, ...]
    added_units: dict[str, int]
    first_seen: dict[str, datetime]
    # line ref → (product ref, variant ref), as any version knows them
    products: dict[str, tuple[str | None, str | None]]
    buyer_hash: str | None
    buyer_hashes: str  # all that names the same buyer
    disputes: tuple[Dispute, ...]
    returns: tuple[Return, ...]
    disputed: bool  # another version has the newest's times and another content: the store must be asked


def collect(
    versions: Sequence[Version],
    refunds: Sequence[Refund],
    edits: Mapping[str, Sequence[FulfilledLine]],
    disputes: Sequence[Dispute] = (),
    entered: Mapping[str, Sequence[Entered]] = NOTHING,
    returns: Sequence[Return] = (),
) -> Collected:
    """Everything that follows from the versions and from what came without one.

    `refunds` that came alone; `edits` by the edit's ref; every hearing of every dispute and every return;
    `entered` amounts by refund.
    """
    ranked = sorted(versions, key=lambda version: version.rank)
    newest, oldest = _cancelled_once(ranked), ranked[0]
    disputed = len(ranked) > 1 and ranked[-2].rank[:2] == newest.rank[:2]
    buyers = [(version.buyer_hash, version.buyer_hashes) for version in ranked if version.buyer_hash]
    merged = _refunds(ranked, refunds)
    known = _disputes(disputes, newest.snapshot.currency)
    lost = _lost(known, merged, newest.snapshot.taxes_included)
    return Collected(
        newest=newest,
        oldest=oldest,
        refunds=_in_order(with_amount(refund, entered.get(refund.refund_ref, ())) for refund in (*merged, *lost)),
        carriers=_carriers(ranked),
        added_units=_added_units(ranked, edits),
        first_seen=_first_seen(ranked),
        products=_products(ranked),
        # The oldest version that names a buyer at all: a body without one says nothing about who it is.
        buyer_hash=buyers[0][0] if buyers else None,
        buyer_hashes=buyers[0][1] if buyers else "",
        disputes=known,
        returns=_returns(returns),
        disputed=disputed,
    )


def _cancelled_once(ranked: Sequence[Version]) -> Version:
    """The newest version; where it is cancelled, since the first of the versions in a row that say so.

    A store that tells no time of it gives each version's own change time (WooCommerce, BigCommerce): the first is the
    nearest, and a later note on the order moves no cancellation behind a payout.
    """
    newest, since = ranked[-1], ranked[-1].snapshot.cancelled_at
    for version in reversed(ranked):
        if since is None or version.snapshot.cancelled_at is None:
            break
        since = min(since, version.snapshot.cancelled_at)
    if since == newest.snapshot.cancelled_at:
        return newest
    return msgspec.structs.replace(newest, snapshot=msgspec.structs.replace(newest.snapshot, cancelled_at=since))


def _carriers(ranked: Iterable[Version]) -> tuple[Carrier, ...]:
    found = {carrier for version in ranked for carrier in version.snapshot.carriers}
    return tuple(sorted(found, key=lambda c: (c.kind, c.name, c.line_ref or "", c.value)))


def _first_seen(ranked: Iterable[Version]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for version in ranked:
        for line in version.snapshot.lines:
            found.setdefault(line.line_ref, version.changed_at)
    return dict(sorted(found.items()))


def _products(ranked: Sequence[Version]) -> dict[str, tuple[str | None, str | None]]:
    """What each line was of. A store forgets it when the product is deleted; the order was of it all the same."""
    known: dict[str, tuple[str | None, str | None]] = {}
    for version in ranked:
        for line in version.snapshot.lines:
            product, variant = known.get(line.line_ref, (None, None))
            known[line.line_ref] = (product or line.product_ref, variant or line.variant_ref)
    return dict(sorted(known.items()))


def _added_units(ranked: Sequence[Version], edits: Mapping[str, Sequence[FulfilledLine]]) -> dict[str, int]:
    """Units of each line of the newest version that edits added: the most that any of three sources knows.

    The store's own word; what edit deliveries named, each edit once; and the units that the oldest known version
    doesn't have (all of a line that isn't in it).
    """
    named: dict[str, int] = {}
    for added in edits.values():
        for line in added:
            named[line.line_ref] = named.get(line.line_ref, 0) + line.quantity
    before = {line.line_ref: line.quantity for line in ranked[0].snapshot.lines}
    said: dict[str, int] = {}
    for version in ranked:
        for seen in version.snapshot.lines:
            said[seen.line_ref] = max(said.get(seen.line_ref, 0), seen.edit_added)
    found = {
        line.line_ref: min(
            line.quantity,
            max(said[line.line_ref], named.get(line.line_ref, 0), line.quantity - before.get(line.line_ref, 0)),
        )
        for line in ranked[-1].snapshot.lines
    }
    return {ref: units for ref, units in sorted(found.items()) if units > 0}


def _refunds(ranked: Iterable[Version], alone: Iterable[Refund]) -> list[Refund]:
    heard: dict[str, list[tuple[Rank, Refund]]] = {}
    for refund in alone:
        heard.setdefault(refund.refund_ref, []).append((_NO_VERSION, refund))
    for version in ranked:
        if version.snapshot.refunds_whole:  # what the store has deleted since is told by nothing else
            there = {refund.refund_ref for refund in version.snapshot.refunds}
            heard = {ref: hearings for ref, hearings in heard.items() if ref in there}
        for refund in version.snapshot.refunds:
            heard.setdefault(refund.refund_ref, []).append((version.rank, refund))
    return [_merged(hearings) for hearings in heard.values()]


def _in_order(refunds: Iterable[Refund]) -> tuple[Refund, ...]:
    return tuple(sorted(refunds, key=lambda refund: (refund.created_at, by_ref(refund.refund_ref))))


def with_amount(refund: Refund, entered: Sequence[Entered]) -> Refund:
    """The refund with the amount that a person entered last; the store's own word, once it gives one, counts more."""
    if not refund.amount_unknown or not entered:
        return refund
    last = max(entered, key=lambda one: (one.entered_at, one.amount))
    given = Adjustment(f"entered:{refund.refund_ref}", "discrepancy", -last.amount)
    return msgspec.structs.replace(refund, adjustments=(*refund.adjustments, given), amount_unknown=False)


# Disputes


def _disputes(hearings: Iterable[Dispute], currency: str) -> tuple[Dispute, ...]:
    heard: dict[str, list[Dispute]] = {}
    for dispute in hearings:
        if dispute.currency and dispute.currency != currency:
            dispute = msgspec.structs.replace(dispute, amount=None)
        heard.setdefault(dispute.dispute_ref, []).append(dispute)
    return tuple(_one_dispute(heard[ref]) for ref in sorted(heard, key=by_ref))


def _one_dispute(hearings: list[Dispute]) -> Dispute:
    """The store's newest word; its amount and times are remembered by whichever hearing knew them.

    A dispute that ended without a time of its ending ended when we first heard of it.
    """
    ranked = sorted(
        hearings, key=lambda heard: (heard.said_at or _NO_VERSION[0], heard.status != "open", events.encode(heard))
    )
    status = ranked[-1].status
    ends = [heard for heard in ranked if heard.status == status]
    closed_at = next((heard.closed_at for heard in reversed(ends) if heard.closed_at), None) or ends[0].said_at
    return Dispute(
        dispute_ref=ranked[-1].dispute_ref,
        status=status,
        amount=next((heard.amount for heard in reversed(ranked) if heard.amount is not None), None),
        opened_at=min((heard.opened_at for heard in ranked if heard.opened_at), default=None),
        closed_at=None if status == "open" else closed_at,
    )


def _returns(hearings: Iterable[Return]) -> tuple[Return, ...]:
    """The store's newest word on each; its lines are remembered by the newest hearing that named any."""
    heard: dict[str, list[Return]] = {}
    for one in hearings:
        heard.setdefault(one.return_ref, []).append(one)
    found = []
    for return_ref in sorted(heard, key=by_ref):
        ranked = sorted(
            heard[return_ref],
            key=lambda one: (one.said_at or _NO_VERSION[0], one.status != "open", events.encode(one)),
        )
        lines = next((one.lines for one in reversed(ranked) if one.lines), ())
        found.append(Return(return_ref, ranked[-1].status, lines=tuple(sorted(lines, key=by_ref))))
    return tuple(found)


def _lost(disputes: Iterable[Dispute], refunds: Sequence[Refund], contained: bool) -> list[Refund]:
    """A lost dispute as an amount-only refund of its own, unless a refund record since its opening carries the same
    money (COMMISSION.md, 3b)."""
    # The earliest first, so that two disputes of one amount find theirs in whatever order all of it arrived.
    free = [refund for refund in _in_order(refunds) if not _all_failed(refund)]
    made = []
    for dispute in disputes:
        if dispute.status != "lost":
            continue
        same = next((refund for refund in free if _carries(refund, dispute, contained)), None)
        if same is not None:
            free.remove(same)
            continue
        ref = f"dispute:{dispute.dispute_ref}"
        amount = () if dispute.amount is None else (Adjustment(ref, "discrepancy", -dispute.amount),)
        at = dispute.closed_at or dispute.opened_at or _NO_VERSION[0]
        made.append(Refund(refund_ref=ref, created_at=at, adjustments=amount, amount_unknown=dispute.amount is None))
    return made


def _all_failed(refund: Refund) -> bool:
    statuses = {transaction.status for transaction in refund.transactions}
    return bool(statuses) and statuses <= {"failure", "error"}


def _carries(refund: Refund, dispute: Dispute, contained: bool) -> bool:
    if dispute.amount is None or (dispute.opened_at is not None and refund.created_at < dispute.opened_at):
        return False
    lines = sum(line.subtotal + (0 if contained else line.tax) for line in refund.lines)
    extra = -sum(adjustment.amount for adjustment in refund.adjustments if adjustment.kind == "discrepancy")
    shipping = refund.shipping + (0 if contained else refund.shipping_tax)
    if not shipping:  # older records tell it as an adjustment
        shipping = -sum(each.amount + each.tax for each in refund.adjustments if each.kind == "shipping")
    return lines + extra + shipping == dispute.amount


def _merged(hearings: list[tuple[Rank, Refund]]) -> Refund:
    """One refund of all its hearings: lines and amounts as the newest version has them, transactions by their ids.

    It was made when the earliest says: one that only an order's status tells of has the time of that version, and the
    next version another (BigCommerce).
    """
    _, best = max(hearings, key=lambda heard: (heard[0], events.encode(heard[1])))
    statuses: dict[str, tuple[bool, Rank, bool, TransactionStatus]] = {}
    for rank, refund in hearings:
        for transaction in refund.transactions:
            status = transaction.status
            # A final status is never replaced by pending; of two final ones the newest version's counts, then success.
            weight = (status != "pending", rank, status == "success", status)
            known = statuses.get(transaction.transaction_ref)
            if known is None or weight > known:
                statuses[transaction.transaction_ref] = weight
    return msgspec.structs.replace(
        best,
        created_at=min(refund.created_at for _, refund in hearings),
        lines=tuple(sorted(best.lines, key=lambda line: by_ref(line.refund_line_ref))),
        transactions=tuple(
            Transaction(transaction_ref=ref, status=statuses[ref][3]) for ref in sorted(statuses, key=by_ref)
        ),
    )
