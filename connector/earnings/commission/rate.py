"""What an order should pay: bases, commission, reversals, due. Pure: the newest facts and the decisions go in.

Nothing is remembered between two assessments: every figure is computed anew from the whole order, and the journal books
the difference (F2, F5). Letters as in the rules: b is a line's base, c its commission, R its base given back so far.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Protocol

import msgspec

from connector.commerce.orders.facts import OrderFacts, by_ref
from connector.events import Line, OrderSnapshot, Refund
from connector.money import divided, round_half_up, split

# Raised when the same facts would give other figures: an evaluation names the rules that it was made by.
ENGINE = "1"
BP = 10_000

_AWAITING = frozenset({"none", "pending", "authorized"})
_NOT_COLLECTED = frozenset({"voided", "expired"})


class Credited(Protocol):
    """What the arithmetic reads of a line's decision (`attribution.rules.Decision`)."""

    @property
    def creator_id(self) -> str | None: ...
    @property
    def content_id(self) -> str | None: ...
    @property
    def touch_id(self) -> str | None: ...
    @property
    def terms_id(self) -> str | None: ...
    @property
    def rate_bp(self) -> int: ...
    @property
    def credit_reason(self) -> str: ...
    @property
    def rate_reason(self) -> str: ...


class AmountRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """The shop's dated settings that bear on amounts, as they stood at the order's time (`accrual.amount_rules`)."""

    fee_bp: int = 0  # the app's fee on the base of credited lines (R14)
    gift_cards_refused: bool = False  # R8b
    platform_discounts_kept: bool = False  # what the platform paid for stays in the base (R2)
    excluded: frozenset[str] = frozenset()  # refs of the products on which nothing is earned (D7)


PLAIN = AmountRules()


class BaseParts(msgspec.Struct, frozen=True):
    """How a line's base came about, part by part, in minor units (R2, R3)."""

    quantity: int  # as ordered
    unit_price: int
    gross: int
    own_discounts: int  # the store's own allocations to this line
    shared_discount: int  # its share of what the store left unallocated
    net: int  # gross less both
    tax: int  # contained in the price, or on top of it
    tax_source: str  # reported | from_rates | none
    tax_contained: bool
    base: int
    duty: int = 0  # contained in the price
    kept: int = 0  # discounts that the platform paid for: the buyer didn't pay it, and the base has it

    @property
    def with_tax(self) -> int:
        """What the buyer owes for all ordered units."""
        return self.net - self.kept + (0 if self.tax_contained else self.tax)


class LineAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """One line: who, at what rate, on what base, what came back, what is due."""

    line_ref: str
    title: str
    product_ref: str | None
    reason: str  # the first row of the table that stopped it, else the credit's reason
    credit_reason: str
    rate_reason: str
    creator_id: str | None
    content_id: str | None
    touch_id: str | None
    terms_id: str | None
    rate_bp: int
    parts: BaseParts
    base: int  # b
    commission: int  # c, the line's share of the creator's rounded sum (R4)
    added_units: int  # by edits
    removed_units: int  # by edits
    removed_base: int
    refunded_units: int
    refunded_base: int  # R, removed units included
    reversed: int  # of c (R6)
    estimate: int  # what would be due if nothing stopped the order
    due: int
    flags: tuple[str, ...] = ()


class RefundAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one refund record."""

    refund_ref: str
    status: str  # counted | pending | failed
    lines: int = 0  # base given back with returned lines
    amount_only: int = 0  # money given back without an item
    settled_removed: int = 0  # the part of it that paid for units removed by an edit
    spread: int = 0  # base given back by the rest
    unknown_lines: tuple[str, ...] = ()  # refund lines whose order line isn't known yet: parked
    flags: tuple[str, ...] = ()


class FeeShare(msgspec.Struct, frozen=True):
    """One credited line's part of the app's fee."""

    line_ref: str
    base: int
    amount: int
    due: int  # less what came back of the line (R6)


class Fee(msgspec.Struct, frozen=True):
    """The app's fee: one group an order, rounded once (R14)."""

    fee_bp: int
    base: int
    amount: int
    due: int
    shares: tuple[FeeShare, ...]


class OrderParts(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the order as a whole, for the trace."""

    shared_discount: int = 0  # the store's discounts that it allocated to no line
    removed_value: int = 0  # units removed by edits, with tax
    added_value: int = 0  # units added by edits, with tax
    refunds: tuple[RefundAssessment, ...] = ()
    flags: tuple[str, ...] = ()
    fee: Fee | None = None  # None where the shop had none at the order's time
    rules: AmountRules = PLAIN


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What the order should pay, line by line in the order of the store's line ids."""

    reason: str  # what stops the whole order; "" when its lines decide
    currency: str
    lines: tuple[LineAssessment, ...]
    parts: OrderParts

    def due(self) -> dict[tuple[str, str | None, str | None], int]:
        """{(line ref, creator, content): amount} of all credited lines, zeros too."""
        return {
            (line.line_ref, line.creator_id, line.content_id): line.due
            for line in self.lines
            if line.creator_id is not None
        }


class _Work(msgspec.Struct):
    """One line while the order is being worked out."""

    line: Line
    excluded: bool
    parts: BaseParts
    removed: int = 0
    removed_base: int = 0
    refunded_units: int = 0
    back: int = 0  # R
    left: int = 0  # units
    flags: set[str] = msgspec.field(default_factory=set)

    @property
    def remaining(self) -> int:
        return self.parts.base - self.back


def assess(
    facts: OrderFacts,
    decisions: Mapping[str, Credited],
    rules: AmountRules = PLAIN,
    forfeited: Collection[str] = (),
    *,
    until: datetime | None = None,
) -> Assessment:
    """What the order should pay by these facts and decisions.

    Amounts follow the newest snapshot and the whole set of refunds; a line without a decision earns nothing.
    `forfeited`: refs of lines whose commission a recorded act took away. `until`: what the store gave back, or
    cancelled, after that moment is left out (what stood at a payout, or at an event's close).
    """
    snapshot = facts.snapshot
    reason = stopped(snapshot, rules, until=until)
    work, shared = _bases(facts, rules)
    known = {refund.refund_ref for refund in snapshot.refunds}
    seen = [r for r in facts.refunds if r.refund_ref in known or r.created_at <= snapshot.changed_at]
    _take_removed(work, seen)
    parts = _take_refunds(work, facts, shared, until)
    commissions = _commissions(work, decisions)
    lines = tuple(
        _line(item, decisions.get(item.line.line_ref), commission, facts, reason, item.line.line_ref in forfeited)
        for item, commission in zip(work, commissions, strict=True)
    )
    if rules is not PLAIN:
        here = rules.excluded & {line.product_ref or "" for line in snapshot.lines}
        fee = _fee(work, lines, rules, reason, forfeited)
        parts = msgspec.structs.replace(parts, fee=fee, rules=msgspec.structs.replace(rules, excluded=here))
    return Assessment(reason=reason, currency=snapshot.currency, lines=lines, parts=parts)


def stopped(snapshot: OrderSnapshot, rules: AmountRules = PLAIN, *, until: datetime | None = None) -> str:
    """D5, D6 and R8b: why nothing of this order is due, whatever its lines say; "" when nothing stops it."""
    if snapshot.test:
        return "test_order"
    if not snapshot.completed:
        return "not_completed"
    if snapshot.sample:
        return "sample_order"
    if snapshot.cancelled_at is not None and (until is None or snapshot.cancelled_at <= until):
        return "order_cancelled"
    if snapshot.payment_status in _NOT_COLLECTED:
        return "not_collected"
    if snapshot.gift_card_payment and rules.gift_cards_refused:
        return "gift_card_payment"
    if snapshot.payment_status in _AWAITING:
        return "awaiting_payment"
    return ""


def refund_status(refund: Refund) -> str:
    """R6b: one success counts all of it, all failed counts nothing, no transaction counts the record as it stands."""
    statuses = {transaction.status for transaction in refund.transactions}
    if not statuses or "success" in statuses:
        return "counted"
    return "pending" if "pending" in statuses else "failed"


# What the store did after a payout: R9's switch, F7


def as_stood(facts: OrderFacts, versions: Sequence[OrderSnapshot], moment: datetime) -> OrderFacts:
    """The facts by what the store had said of the order at `moment`. `versions`: all that are known, the oldest first.

    Refunds and cancellations have times of their own (`assess` takes `until`). Edits and voids have none: they happened
    between the newest version up to then and the one that shows them first, and count from that one on. An order of
    which no version is so old is as the oldest one has it.
    """
    if not versions:
        return facts
    then = next((each for each in reversed(versions) if each.changed_at <= moment), versions[0])
    now = {line.line_ref: line.quantity for line in facts.snapshot.lines}
    first = {line.line_ref: line.quantity for line in versions[0].lines}
    added = {}
    for line in then.lines:
        if line.line_ref in now:  # what edits added since is in neither the quantity nor what they had added by then
            since = max(0, now[line.line_ref] - line.quantity)
            added[line.line_ref] = max(0, facts.added_units.get(line.line_ref, 0) - since)
        else:  # of a line that the store has lost, what the oldest version hadn't
            added[line.line_ref] = max(0, line.quantity - first.get(line.line_ref, 0))
    # When it was cancelled is the store's own word, whichever version says it; and money that came in later came in.
    status = facts.snapshot.payment_status
    then = msgspec.structs.replace(
        then, cancelled_at=facts.snapshot.cancelled_at,
        payment_status=then.payment_status if status in _NOT_COLLECTED else status,
    )  # fmt: skip
    return msgspec.structs.replace(
        facts, snapshot=then, added_units={ref: units for ref, units in added.items() if units}
    )


def taken_back(
    then: Assessment, now: Assessment, paid: Collection[str]
) -> dict[tuple[str, str | None, str | None], int]:  # fmt: skip
    """What of the `paid` lines the store has taken back since: {(line ref, creator, content): due then less due now}.

    A line that only moved by the rounding of its group (R4), since an edit added another one, lost nothing of its own:
    that is an adjustment like any other.
    """
    after = {line.line_ref: line for line in now.lines}
    found: dict[tuple[str, str | None, str | None], int] = {}
    for line in then.lines:
        newer = after.get(line.line_ref)
        if line.line_ref not in paid or line.creator_id is None:
            continue
        due = 0 if newer is None else newer.due
        less = newer is None or newer.base - newer.refunded_base < line.base - line.refunded_base
        if due < line.due and (less or now.reason != then.reason):
            found[line.line_ref, line.creator_id, line.content_id] = line.due - due
    return found


# Bases: R2, R3, D7, D8


def _bases(facts: OrderFacts, rules: AmountRules) -> tuple[list[_Work], int]:
    snapshot = facts.snapshot
    lines = sorted(snapshot.lines, key=lambda line: by_ref(line.line_ref))
    gross = [line.unit_price * line.quantity for line in lines]
    own = [sum(allocation.amount for allocation in line.allocations) for line in lines]
    excluded = [line.gift_card or line.tip or line.fee or line.product_ref in rules.excluded for line in lines]
    shared = max(0, snapshot.total_discounts - snapshot.shipping_discounts - sum(own))
    weights = [
        0 if out or 0 < line.quantity <= facts.added_units.get(line.line_ref, 0) else max(0, price - less)
        for line, out, price, less in zip(lines, excluded, gross, own, strict=True)
    ]
    shares = split(shared, weights) if any(weights) else [0] * len(lines)
    work = []
    for index, line in enumerate(lines):
        kept = sum(a.amount for a in line.allocations if a.platform) if rules.platform_discounts_kept else 0
        parts = _parts(line, gross[index], own[index], shares[index], excluded[index], snapshot.taxes_included, kept)
        work.append(_Work(line, excluded[index], parts))
    return work, shared


def _parts(line: Line, gross: int, own: int, share: int, excluded: bool, contained: bool, kept: int) -> BaseParts:
    net = max(0, gross - own - share) + kept
    tax, source = _tax(line, net, contained)
    base = max(0, net - (tax if contained else 0) - line.duty)
    return BaseParts(
        quantity=line.quantity, unit_price=line.unit_price, gross=gross, own_discounts=own - kept,
        shared_discount=share, net=net, tax=tax, tax_source=source, tax_contained=contained,
        base=0 if excluded else base, duty=line.duty, kept=kept,
    )  # fmt: skip


def _tax(line: Line, net: int, contained: bool) -> tuple[int, str]:
    if line.tax is not None:
        return line.tax, "reported"
    if not line.tax_rates:
        return 0, "none"
    rate = sum((Fraction(rate) for rate in line.tax_rates), Fraction(0))
    return round_half_up(net * rate / (1 + rate) if contained else net * rate), "from_rates"


# What came back: R6b, R7, R8


def _take_removed(work: Sequence[_Work], seen: Iterable[Refund]) -> None:
    """Units that edits removed: neither there any more nor in a refund record that the snapshot can know."""
    refunded: dict[str, int] = {}
    for refund in seen:
        for part in refund.lines:
            refunded[part.line_ref] = refunded.get(part.line_ref, 0) + part.quantity
    for item in work:
        line = item.line
        item.removed = max(0, line.quantity - line.current_quantity - refunded.get(line.line_ref, 0))
        item.left = line.quantity - item.removed
        if line.quantity:
            item.removed_base = divided(item.parts.base * item.removed, line.quantity)
        item.back = item.removed_base


def _take_refunds(work: Sequence[_Work], facts: OrderFacts, shared: int, until: datetime | None) -> OrderParts:
    """All refunds in the order of their creation, each with its lines first, then its amount-only part."""
    removed_value = sum(_value(item, item.removed) for item in work)
    added_value = sum(_value(item, facts.added_units.get(item.line.line_ref, 0)) for item in work)
    pool = max(0, removed_value - added_value)
    by_line = {item.line.line_ref: item for item in work}
    taken = []
    for refund in facts.refunds:
        if until is not None and refund.created_at > until:
            continue
        status = refund_status(refund)
        if status == "failed":
            taken.append(_failed(refund, by_line))
            continue
        lines, unknown, flags = _take_lines(refund, by_line, facts.snapshot.taxes_included, status)
        amount = max(0, -sum(a.amount for a in refund.adjustments if a.kind == "discrepancy"))
        settled = min(pool, amount)
        pool -= settled
        spread, more = _spread(work, amount - settled, facts.snapshot.taxes_included, status)
        _hold_unknown(refund, work, by_line)
        if refund.amount_unknown:
            more.add("refund_amount_unknown")
        taken.append(
            RefundAssessment(
                refund_ref=refund.refund_ref, status=status, lines=lines, amount_only=amount, settled_removed=settled,
                spread=spread, unknown_lines=unknown, flags=tuple(sorted(flags | more)),
            )
        )  # fmt: skip
    flags = {flag for refund in taken for flag in refund.flags}
    return OrderParts(
        shared_discount=shared, removed_value=removed_value, added_value=added_value, refunds=tuple(taken),
        flags=tuple(sorted(flags)),
    )  # fmt: skip


def _value(item: _Work, units: int) -> int:
    """What the buyer owes for `units` of a line, with tax. Excluded lines too: their money comes back the same way."""
    return divided(item.parts.with_tax * units, item.line.quantity) if item.line.quantity else 0


def _failed(refund: Refund, by_line: Mapping[str, _Work]) -> RefundAssessment:
    for part in refund.lines:
        if part.line_ref in by_line:
            by_line[part.line_ref].flags.add("refund_failed")
    return RefundAssessment(refund_ref=refund.refund_ref, status="failed", flags=("refund_failed",))


def _take_lines(
    refund: Refund, by_line: Mapping[str, _Work], contained: bool, status: str
) -> tuple[int, tuple[str, ...], set[str]]:
    """Base given back with returned lines; refund lines of unknown order lines; flags of the refund."""
    total, unknown, flags = 0, [], set()
    for part in sorted(refund.lines, key=lambda part: by_ref(part.refund_line_ref)):
        item = by_line.get(part.line_ref)
        if item is None:
            unknown.append(part.line_ref)
            continue
        before = item.back
        item.refunded_units += part.quantity
        item.left -= part.quantity
        if not item.excluded:
            # What the price contains beside the base, and what the base has beside the price, for these units.
            beside = divided((item.line.duty - item.parts.kept) * part.quantity, item.line.quantity or 1)
            wanted = max(0, part.subtotal - (part.tax if contained else 0) - beside)
            if wanted > item.remaining:
                item.flags.add("refund_exceeds_base")
                flags.add("refund_exceeds_base")
            item.back += min(wanted, item.remaining)
        if item.left <= 0:
            item.back = item.parts.base
        if status == "pending":
            item.flags.add("refund_pending")
            flags.add("refund_pending")
        total += item.back - before
    return total, tuple(unknown), flags


def _spread(work: Sequence[_Work], amount: int, contained: bool, status: str) -> tuple[int, set[str]]:
    """R7: money given back without an item, over what remains of all lines that aren't excluded, nobody's too."""
    if amount <= 0:
        return 0, set()
    flags = {"refund_pending"} if status == "pending" else set()
    open_lines = [item for item in work if not item.excluded and item.remaining > 0]
    remaining = sum(item.remaining for item in open_lines)
    back = amount
    beside = [(item.parts.tax if contained else 0) - item.parts.kept for item in open_lines]
    if any(beside):
        more = (Fraction(own * item.remaining, item.parts.base) for own, item in zip(beside, open_lines, strict=True))
        paid = sum(more, Fraction(remaining))
        back = round_half_up(amount * remaining / paid) if paid > 0 else remaining
    if back > remaining:
        flags.add("refund_exceeds_base")
        back = remaining
    for item, share in zip(open_lines, split(back, [item.remaining for item in open_lines]), strict=True):
        item.back += share
        if status == "pending" and share:
            item.flags.add("refund_pending")
    return back, flags


def _hold_unknown(refund: Refund, work: Sequence[_Work], by_line: Mapping[str, _Work]) -> None:
    """Money went back and nobody knows how much: the named lines wait for a person, or all where none is named."""
    if not refund.amount_unknown:
        return
    named = [by_line[part.line_ref] for part in refund.lines if part.line_ref in by_line]
    for item in named or work:
        item.flags.add("refund_amount_unknown")


# Commission: R4, R6


def _commissions(work: Sequence[_Work], decisions: Mapping[str, Credited]) -> list[int]:
    """R4: per creator the exact sum, rounded half up once, spread over the creator's lines by largest remainder."""
    found = [0] * len(work)
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(work):
        decision = decisions.get(item.line.line_ref)
        if decision is not None and decision.creator_id is not None:
            groups.setdefault(decision.creator_id, []).append(index)
    for indexes in groups.values():
        weights = [work[i].parts.base * decisions[work[i].line.line_ref].rate_bp for i in indexes]
        total = divided(sum(weights), BP)
        for index, share in zip(indexes, split(total, weights), strict=True):
            found[index] = share
    return found


def _fee(
    work: Sequence[_Work], lines: Sequence[LineAssessment], rules: AmountRules, stop: str, forfeited: Collection[str]
) -> Fee | None:
    """R14: the exact sum over the credited lines, rounded half up once, spread over them, and reversed by R6."""
    if not rules.fee_bp:
        return None
    credited = [item for item, line in zip(work, lines, strict=True) if line.creator_id is not None]
    bases = [item.parts.base for item in credited]
    total = divided(sum(bases) * rules.fee_bp, BP)
    shares = tuple(
        FeeShare(
            item.line.line_ref, item.parts.base, share,
            0 if stop or item.line.line_ref in forfeited else share - reversed_of(share, item.back, item.parts.base),
        )
        for item, share in zip(credited, split(total, bases), strict=True)
    )  # fmt: skip
    return Fee(rules.fee_bp, sum(bases), total, sum(share.due for share in shares), shares)


def reversed_of(commission: int, back: int, base: int) -> int:
    """R6: round half up(c x R / b), cumulative; all of it when R is b, nothing of a base of 0."""
    return divided(commission * back, base) if base else 0


def _line(
    item: _Work, decision: Credited | None, commission: int, facts: OrderFacts, stop: str, forfeited: bool
) -> LineAssessment:
    base = item.parts.base
    undone = reversed_of(commission, item.back, base)
    taken = forfeited and decision is not None and decision.creator_id is not None
    if taken:
        item.flags.add("forfeited")
    return LineAssessment(
        line_ref=item.line.line_ref,
        title=item.line.title,
        product_ref=item.line.product_ref,
        reason=stop or ("forfeited" if taken else _line_reason(item, decision)),
        credit_reason=decision.credit_reason if decision else "",
        rate_reason=decision.rate_reason if decision else "",
        creator_id=decision.creator_id if decision else None,
        content_id=decision.content_id if decision else None,
        touch_id=decision.touch_id if decision else None,
        terms_id=decision.terms_id if decision else None,
        rate_bp=decision.rate_bp if decision else 0,
        parts=item.parts,
        base=base,
        commission=commission,
        added_units=facts.added_units.get(item.line.line_ref, 0),
        removed_units=item.removed,
        removed_base=item.removed_base,
        refunded_units=item.refunded_units,
        refunded_base=item.back,
        reversed=undone,
        estimate=commission - undone,
        due=0 if stop or taken else commission - undone,
        flags=tuple(sorted(item.flags)),
    )


def _line_reason(item: _Work, decision: Credited | None) -> str:
    if item.excluded:
        return "line_excluded"
    if item.parts.base <= 0:
        return "zero_base"
    return decision.credit_reason if decision else "no_touch"


def plain(assessment: Assessment) -> tuple[list[Any], dict[str, Any]]:
    """The lines and the order's parts as JSON-able values, the way an evaluation keeps them."""
    lines: list[Any] = msgspec.to_builtins(assessment.lines)
    parts: dict[str, Any] = msgspec.to_builtins(assessment.parts, order="deterministic")
    return list(lines), parts


class Sold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A credited line, as reports read it. Amounts are minor units; `back` has the units too that an edit removed."""

    line_ref: str
    creator_id: str
    content_id: str | None
    product_ref: str | None
    terms_id: str | None
    base: int
    back: int  # of the base: refunded, or removed by an edit
    due: int


class _Credit(Protocol):
    """What of a line `sold` reads: of one just assessed, or of one as it was kept."""

    @property
    def line_ref(self) -> str: ...
    @property
    def creator_id(self) -> str | None: ...
    @property
    def content_id(self) -> str | None: ...
    @property
    def product_ref(self) -> str | None: ...
    @property
    def terms_id(self) -> str | None: ...
    @property
    def base(self) -> int: ...
    @property
    def refunded_base(self) -> int: ...
    @property
    def due(self) -> int: ...


def sold(lines: Iterable[_Credit]) -> list[Sold]:
    """The credited lines, in the order's own order."""
    return [
        Sold(
            line.line_ref, line.creator_id, line.content_id, line.product_ref, line.terms_id, line.base,
            line.refunded_base, line.due,
        )
        for line in lines
        if line.creator_id is not None
    ]  # fmt: skip
