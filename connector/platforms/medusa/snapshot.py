"""What Medusa says of an order, as a snapshot. Its totals are not history: a return or an edit shrinks them.

So nothing here reads a total. A line is worked out anew from what stays as it was (its unit price, its quantity, the
amounts of its promotions and the rates of its taxes) in exact fractions, and is rounded to the currency once, at the
end. Which arithmetic is Medusa's own stands in `@medusajs/utils/totals`; the running store agreed (NOTES.md).

Prices with tax: an order whose lines all have it is told with tax, as the shop lists it; one with mixed lines without.

Refunds belong to a payment and name no line. What was sent back stands in the returns. So the money of a refund first
pays for the units whose return was received before it, and those lines come with it; only what is left is money given
back without an item. Of that, only as much counts as Medusa itself booked as a credit: a refund of what an edit took
out of the order, or of an exchange's difference, gives nothing back that the lines still hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from connector import money
from connector.errors import MoneyRefused, PayloadUnreadable
from connector.events import (
    Adjustment,
    Allocation,
    Buyer,
    Carrier,
    FulfilledLine,
    Fulfilment,
    Line,
    OrderSnapshot,
    PaymentStatus,
    Refund,
    RefundLine,
    Return,
)
from connector.platforms.medusa.payloads import (
    AdjustmentNode,
    CreditNode,
    ExchangeNode,
    ItemNode,
    OrderNode,
    ParcelNode,
    PaymentNode,
    RefundNode,
    ReturnNode,
    ShippingNode,
    TaxLineNode,
)
from connector.platforms.reading import clean, moment, moment_or_none
from connector.platforms.sampling import METADATA, free, is_reference

T = TypeVar("T")

KEPT = re.compile(r"[A-Za-z0-9_-]{1,48}")  # a token, with what may have been added to it
OUR_NAME = re.compile(r"_{0,2}[a-z][a-z0-9]{1,19}_touch")  # any prefix: a changed setting loses no token
AROUND = " \t\r\n.,;:!?'\"()<>[]{}*/\\"
MOST_UNITS = 10**6
MOST_DIGITS = 200  # behind the point of an amount; Medusa itself keeps some twenty
CREDITED = "payment_collection"  # a credit that Medusa books for a refund of what nothing else explains

_STATUSES: dict[str, PaymentStatus] = {
    "not_paid": "pending",
    "awaiting": "pending",
    "requires_action": "pending",
    "authorized": "authorized",
    "partially_authorized": "authorized",
    "partially_captured": "partially_paid",
    "captured": "paid",
    "partially_refunded": "partially_refunded",
    "refunded": "refunded",
    "canceled": "voided",
}


@dataclass(slots=True)
class Figures:
    """One line worked out. Fractions are exact, in minor units; the rest is rounded."""

    item: ItemNode
    path: str
    quantity: int
    net: Fraction  # after promotions, without tax
    tax: Fraction
    unit: int  # as listed, or the next minor unit above it
    told: int  # the line after promotions as the snapshot tells it: with tax where prices contain it
    tax_told: int
    allocations: tuple[Allocation, ...]
    back: int = 0  # units that refunds gave the money back for

    @property
    def value(self) -> Fraction:
        return self.net + self.tax

    def units(self, number: int, *, of_tax: bool) -> int:
        """What the next `number` units are of the line; all parts together are exactly the line."""
        whole = self.tax_told if of_tax else self.told
        upto = money.divided(whole * (self.back + number), self.quantity)
        return upto - money.divided(whole * self.back, self.quantity)


def exact(amount: Decimal, twin: str | None, path: str) -> Fraction:
    """Major units, from the exact twin where there is one."""
    try:
        value = Decimal(twin) if twin is not None else amount
        if not value.is_finite() or abs(value) > money.LARGEST or digits_behind(value) > MOST_DIGITS:
            raise ValueError
        return Fraction(value)
    except (ArithmeticError, ValueError):
        raise PayloadUnreadable(path, "isn't an amount") from None


def order_currency(code: str, path: str) -> tuple[str, int]:
    """`usd` to (`USD`, 100). Errors: PayloadUnreadable for what isn't in ISO 4217."""
    try:
        return code.upper(), 10 ** money.exponent(code.upper())
    except MoneyRefused as error:
        raise PayloadUnreadable(path, error.problem) from None


def digits_behind(value: Decimal) -> int:
    """Digits behind the point of a finite number. `1e-999999` is small, and takes minutes as a fraction."""
    return -int(value.as_tuple().exponent)


def whole(quantity: Decimal, path: str) -> int:
    if not quantity.is_finite() or quantity != quantity.to_integral_value() or not 0 <= quantity <= MOST_UNITS:
        raise PayloadUnreadable(path, "isn't a whole number of units")
    return int(quantity)


def _rate(lines: Sequence[TaxLineNode] | None, path: str) -> Fraction:
    percent = (exact(t.rate, t.raw_rate.value if t.raw_rate else None, f"{path}.tax_lines") for t in lines or ())
    return sum(percent, Fraction(0)) / 100


def _discounts(
    adjustments: Sequence[AdjustmentNode] | None, rate: Fraction, scale: int, path: str
) -> list[tuple[Fraction, str | None]]:
    """Each promotion's part without tax, in minor units, with its code."""
    found = []
    for row in adjustments or ():
        amount = exact(row.amount, row.raw_amount.value if row.raw_amount else None, f"{path}.adjustments.amount")
        net = amount / (1 + rate) if row.is_tax_inclusive else amount
        found.append((net * scale, row.code or None))
    return found


def figures(item: ItemNode, scale: int, included: bool, path: str) -> Figures:
    quantity = whole(item.quantity, f"{path}.quantity")
    unit = exact(item.unit_price, item.raw_unit_price.value if item.raw_unit_price else None, f"{path}.unit_price")
    if unit < 0:
        raise PayloadUnreadable(f"{path}.unit_price", "is below zero")
    rate = _rate(item.tax_lines, path)
    plain = unit / (1 + rate) if item.is_tax_inclusive else unit
    parts = _discounts(item.adjustments, rate, scale, path)
    net = max(Fraction(0), plain * scale * quantity - sum((part for part, _ in parts), Fraction(0)))
    tax = net * rate
    base, with_tax = money.round_half_up(net), money.round_half_up(net + tax)
    listed = (unit if included else plain) * scale
    shown = -((-listed.numerator) // listed.denominator)  # a price finer than the currency: its ceiling
    told = with_tax if included else base
    return Figures(
        item=item, path=path, quantity=quantity, net=net, tax=tax, unit=shown, told=told,
        tax_told=with_tax - base if included else money.round_half_up(tax),
        allocations=_allocations(shown * quantity - told, parts),
    )  # fmt: skip


def _allocations(total: int, parts: Sequence[tuple[Fraction, str | None]]) -> tuple[Allocation, ...]:
    """What the line costs less, spread over its promotions; what only rounding made is nobody's."""
    if total <= 0:
        return ()
    weights = [max(0, int(part * 10**9)) for part, _ in parts]
    if not any(weights):
        return (Allocation(amount=total),)
    shares = zip(money.split(total, weights), parts, strict=True)
    return tuple(Allocation(amount=share, code=code) for share, (_, code) in shares if share)


def _shipping(methods: Sequence[ShippingNode], scale: int, included: bool) -> tuple[int, int, Fraction]:
    """Its price after promotions and the promotions, as the snapshot tells prices; and what the buyer paid for it."""
    price = off = paid = Fraction(0)
    for number, method in enumerate(methods):
        path = f"$.order.shipping_methods[{number}]"
        rate = _rate(method.tax_lines, path)
        amount = exact(method.amount, method.raw_amount.value if method.raw_amount else None, f"{path}.amount") * scale
        net = amount / (1 + rate) if method.is_tax_inclusive else amount
        less = sum((part for part, _ in _discounts(method.adjustments, rate, scale, path)), Fraction(0))
        factor = 1 + rate if included else Fraction(1)
        price += (net - less) * factor
        off += less * factor
        paid += (net - less) * (1 + rate)
    return money.round_half_up(price), money.round_half_up(off), paid


# --- refunds and returns ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Back:
    """A return whose goods are there: what it is worth in minor units, and what no refund has paid for yet."""

    node: ReturnNode
    at: datetime
    units: list[tuple[Figures, int]]
    taken: bool = False


@dataclass(slots=True)
class _Purse:
    """The refunds of one order, oldest first, against what explains them."""

    included: bool
    scale: int
    lines: list[Figures]
    credited: Fraction | None  # minor units; None: Medusa doesn't tell credits
    owed: Fraction = Fraction(0)  # for goods that are back
    loose: Fraction = Fraction(0)  # given back without an item so far

    def refund(self, node: RefundNode, backs: Sequence[_Back], path: str) -> Refund:
        at = moment(node.created_at, f"{path}.created_at")
        amount = exact(node.amount, node.raw_amount.value if node.raw_amount else None, f"{path}.amount") * self.scale
        rows: list[RefundLine] = []
        for back in backs:
            if not back.taken and back.at <= at and not back.node.exchange_id:
                back.taken = True
                rows += _rows(back, node.id, self)
        paid = min(amount, self.owed)
        self.owed -= paid
        adjustments, shipping = self._loose(amount - paid, node.id, bool(rows))
        return Refund(refund_ref=node.id, created_at=at, lines=tuple(rows), adjustments=adjustments, shipping=shipping)

    def _loose(self, left: Fraction, ref: str, beside_lines: bool) -> tuple[tuple[Adjustment, ...], int]:
        """What is left of the money: of the lines as far as they still hold it, of the shipping beyond that."""
        if beside_lines and left <= len(self.lines):
            return (), 0  # a minor unit a line is how merchants round
        if self.credited is not None:
            left = min(left, self.credited - self.loose)
        if left < Fraction(1, 2):
            return (), 0
        held = [(line, Fraction(line.quantity - line.back, line.quantity)) for line in self.lines if line.quantity]
        goods = sum((line.value * share for line, share in held), Fraction(0))
        net = sum((line.net * share for line, share in held), Fraction(0))
        of_goods = min(left, max(Fraction(0), goods - self.loose))
        self.loose += left
        total = money.round_half_up(of_goods)
        shipping = money.round_half_up(left) - total
        if not total:
            return (), shipping
        bare = money.round_half_up(of_goods * net / goods)
        amount = total if self.included else bare
        return (Adjustment(f"{ref}:amount", "discrepancy", -amount, bare - total),), shipping


def _rows(back: _Back, ref: str, purse: _Purse | None) -> list[RefundLine]:
    rows = []
    for line, number in back.units:
        units = min(number, line.quantity - line.back)
        if units <= 0:
            continue
        rows.append(
            RefundLine(
                refund_line_ref=f"{ref}:{back.node.id}:{line.item.id}", line_ref=line.item.id, quantity=units,
                subtotal=line.units(units, of_tax=False), tax=line.units(units, of_tax=True),
            )
        )  # fmt: skip
        if purse is not None:
            purse.owed += line.value * units / line.quantity
        line.back += units
    return rows


def _backs(order: OrderNode, by_ref: Mapping[str, Figures]) -> list[_Back]:
    """Returns whose goods came back, in the order in which they did."""
    found = []
    for number, node in enumerate(each(order.returns)):
        path = f"$.order.returns[{number}]"
        if node.canceled_at is not None or node.status not in ("received", "partially_received"):
            continue
        units = [
            (by_ref[row.item_id], whole((row.received_quantity or Decimal(0)), f"{path}.items.received_quantity"))
            for row in node.items or ()
            if row.item_id in by_ref
        ]
        at = moment(node.received_at or node.updated_at or node.created_at, f"{path}.received_at")
        found.append(_Back(node, at, [(line, count) for line, count in units if count]))
    return sorted(found, key=lambda back: (back.at, back.node.id))


def _refunds(
    order: OrderNode, lines: list[Figures], scale: int, included: bool
) -> tuple[tuple[Refund, ...], list[_Back]]:
    backs = _backs(order, {line.item.id: line for line in lines})
    credits = None if order.credit_lines is None else _credited(order.credit_lines) * scale
    purse = _Purse(included, scale, lines, credits)
    nodes = sorted((r for p in payments(order) for r in p.refunds or ()), key=lambda r: (r.created_at, r.id))
    found = []
    for back in backs:  # goods for goods: no money tells of it
        if back.node.exchange_id:
            back.taken = True
            rows = _rows(back, back.node.id, None)
            if rows:
                found.append(Refund(refund_ref=back.node.id, created_at=back.at, lines=tuple(rows)))
    found += [
        purse.refund(node, backs, f"$.order.payment_collections.payments.refunds[{n}]") for n, node in enumerate(nodes)
    ]
    return tuple(sorted(found, key=lambda refund: refund.refund_ref)), backs


def _credited(rows: Iterable[CreditNode]) -> Fraction:
    path = "$.order.credit_lines.amount"
    amounts = (
        exact(row.amount, row.raw_amount.value if row.raw_amount else None, path)
        for row in rows
        if row.reference == CREDITED
    )
    return sum(amounts, Fraction(0))


def returns(order: OrderNode, taken: frozenset[str]) -> tuple[Return, ...]:
    """Goods asked for or on their way hold their lines; so do goods that are back while their money isn't."""
    owes = order.summary is not None and order.summary.pending_difference < 0
    found = []
    for number, node in enumerate(each(order.returns)):
        path = f"$.order.returns[{number}]"
        if node.status == "open":  # a draft that nobody has sent off
            continue
        waits = node.status in ("requested", "partially_received") or (
            node.status == "received" and owes and node.id not in taken and not node.claim_id and not node.exchange_id
        )
        found.append(
            Return(
                return_ref=node.id,
                status="open" if waits and node.canceled_at is None else "closed",
                said_at=moment(node.updated_at or node.created_at, f"{path}.updated_at"),
                lines=tuple(sorted({row.item_id for row in node.items or ()})),
            )
        )
    return tuple(sorted(found, key=lambda back: back.return_ref))


# --- the whole order --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """An order as we tell it on."""

    snapshot: OrderSnapshot
    buyer: Buyer
    returns: tuple[Return, ...] = field(default=())


def told(order: OrderNode, exchanges: Sequence[ExchangeNode] = ()) -> Told:
    """Units:  minor units of the order's own currency. Errors: PayloadUnreadable(path)."""
    currency, scale = order_currency(order.currency_code, "$.order.currency_code")
    status = _STATUSES.get(order.payment_status or "")
    if status is None:
        raise PayloadUnreadable("$.order.payment_status", f"{str(order.payment_status)[:40]!r} isn't one we know")
    included = bool(order.items) and all(item.is_tax_inclusive for item in order.items)
    lines = [figures(item, scale, included, f"$.order.items[{n}]") for n, item in enumerate(order.items)]
    shipping, shipping_off, paid_shipping = _shipping(order.shipping_methods or [], scale, included)
    refunds, backs = _refunds(order, lines, scale, included)
    swapped = _swapped(order, exchanges)
    made = [_line(line, swapped) for line in lines]
    snapshot = OrderSnapshot(
        order_ref=order.id,
        number=f"#{order.display_id}" if order.display_id is not None else order.id,
        created_at=moment(order.created_at, "$.order.created_at"),
        changed_at=_changed_at(order),
        currency=currency,
        payment_status="voided" if order.canceled_at and status == "pending" else status,
        taxes_included=included,
        lines=tuple(sorted(made, key=lambda line: line.line_ref)),
        paid_at=_paid_at(order),
        cancelled_at=moment_or_none(order.canceled_at, "$.order.canceled_at"),
        completed=not order.is_draft_order,
        sample=is_reference((order.metadata or {}).get(METADATA)) and free(made),
        total_discounts=sum(a.amount for line in lines for a in line.allocations) + shipping_off,
        shipping_discounts=shipping_off,
        shipping=shipping,
        total=money.round_half_up(sum((line.value for line in lines), Fraction(0)) + paid_shipping),
        source=order.sales_channel_id or "",
        refunds=refunds,
        fulfilments=tuple(sorted(_parcels(order), key=lambda parcel: parcel.fulfilment_ref)),
        carriers=_carriers(order),
    )
    buyer = Buyer(customer_ref=order.customer_id, email=order.email or None)
    return Told(snapshot, buyer, returns(order, frozenset(back.node.id for back in backs if back.taken)))


def _line(line: Figures, swapped: Mapping[str, str]) -> Line:
    item = line.item
    title = item.product_title or item.title or ""
    kind = item.variant_title if item.variant_title and item.variant_title != title else ""
    return Line(
        line_ref=item.id,
        quantity=line.quantity,
        current_quantity=line.quantity - line.back,
        unit_price=line.unit,
        product_ref=item.product_id,
        variant_ref=item.variant_id,
        title=clean(f"{title} ({kind})" if kind else title),
        sku=clean(item.variant_sku or ""),
        allocations=line.allocations,
        tax=line.tax_told,
        gift_card=item.is_giftcard,
        requires_shipping=item.requires_shipping,
        exchange_of=swapped.get(item.id, ""),
    )


def _swapped(order: OrderNode, exchanges: Sequence[ExchangeNode]) -> dict[str, str]:
    """Line that was given → line that came back for it, where the store's exchange names one that came back."""
    back = {node.id: {row.item_id for row in node.items or ()} for node in each(order.returns)}
    found: dict[str, str] = {}
    for exchange in exchanges:
        returned = back.get(exchange.return_id or "", set())
        if exchange.canceled_at is None and len(returned) == 1:
            found |= dict.fromkeys((row.item_id for row in exchange.additional_items or ()), *returned)
    return found


def _parcels(order: OrderNode) -> Iterable[Fulfilment]:
    for number, node in enumerate(each(order.fulfillments)):
        path = f"$.order.fulfillments[{number}]"
        if node.canceled_at is not None:
            continue
        yield Fulfilment(
            fulfilment_ref=node.id,
            created_at=moment(node.created_at, f"{path}.created_at"),
            delivered_at=moment_or_none(node.delivered_at, f"{path}.delivered_at"),
            lines=_fulfilled(node, path),
        )


def _fulfilled(node: ParcelNode, path: str) -> tuple[FulfilledLine, ...]:
    rows = (
        FulfilledLine(row.line_item_id, whole(row.quantity, f"{path}.items.quantity"))
        for row in node.items or ()
        if row.line_item_id is not None
    )
    return tuple(sorted(rows, key=lambda row: row.line_ref))


def payments(order: OrderNode) -> list[PaymentNode]:
    return [payment for collection in each(order.payment_collections) for payment in collection.payments or ()]


def _paid_at(order: OrderNode) -> datetime | None:
    times = [
        moment(p.captured_at, "$.order.payment_collections.payments.captured_at")
        for p in payments(order)
        if p.captured_at
    ]
    return min(times, default=None)


def _changed_at(order: OrderNode) -> datetime:
    """A capture, and a refund of what the order already owes, leave the order's own time as it was."""
    times = [order.updated_at]
    times += [each_.updated_at for each_ in each(order.payment_collections) if each_.updated_at]
    times += [refund.created_at for payment in payments(order) for refund in payment.refunds or ()]
    times += [parcel.updated_at for parcel in each(order.fulfillments) if parcel.updated_at]
    times += [back.updated_at for back in each(order.returns) if back.updated_at]
    return max(moment(text, "$.order.updated_at") for text in times)


def _carriers(order: OrderNode) -> tuple[Carrier, ...]:
    found: set[Carrier] = set()
    for name, value in (order.metadata or {}).items():
        if (word := _ours(name, value)) is not None:
            found.add(Carrier(kind="order_metadata", value=word, name=name))
    for item in order.items:
        for name, value in (item.metadata or {}).items():
            if (word := _ours(name, value)) is not None:
                found.add(Carrier(kind="line_property", value=word, name=name, line_ref=item.id))
        found |= {Carrier(kind="code", value=row.code) for row in item.adjustments or () if row.code}
    for method in order.shipping_methods or ():
        found |= {Carrier(kind="code", value=row.code) for row in method.adjustments or () if row.code}
    return tuple(sorted(found, key=lambda c: (c.kind, c.line_ref or "", c.name, c.value)))


def _ours(name: str, value: object) -> str | None:
    """Metadata is written by buyers' browsers: taken only under our own name and in a token's shape."""
    if not isinstance(value, str) or OUR_NAME.fullmatch(name) is None:
        return None
    word = value.strip(AROUND)
    return word if KEPT.fullmatch(word) else None


def each(rows: Sequence[T | None] | None) -> list[T]:
    """Without what was deleted on the other side of a link: Medusa leaves null there."""
    return [row for row in rows or () if row is not None]
