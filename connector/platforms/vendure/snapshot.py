"""One order of the Admin API as a snapshot.

Amounts are told *with tax contained* (`taxes_included`), whatever the channel's prices are: refunds come with tax in
them and nothing else, and so one rule holds for both. The contained tax is the difference of the store's own two
figures, so that the commission base is its net price after the line's own and the order's spread discounts.

As placed, and what is left: `orderPlacedQuantity` is what was bought and `quantity` what cancellations left. The store
prorates a line's discounts over the placed units (`adjustment / placed`), so that one unit's price stays what it was
and the line as placed is that price times the placed units. Of a line that was cancelled to its last unit the store
forgets the discount (it divides by what is left); what was paid tells it then, where nothing else changed.

A cancellation and a refund are two acts. Units that a refund names and that are gone are one thing (the arithmetic
above counts them once); money back without lines pays first for units that were cancelled.

Source: NOTES.md; entity/order-line and service/services/payment of Vendure 3.7.3 for how the figures are made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector import clock
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
    Transaction,
    TransactionStatus,
)
from connector.money import divided, split
from connector.platforms.reading import by_ref, clean, moment
from connector.platforms.sampling import free, is_reference
from connector.platforms.vendure.amounts import Scale, scale
from connector.platforms.vendure.payloads import (
    FulfilmentNode,
    OrderLineNode,
    OrderNode,
    PaymentNode,
    RefundNode,
    SurchargeNode,
)

KEPT = re.compile(r"[A-Za-z0-9_-]{1,48}")  # a token, with what may have been added to it
AROUND = " \t\r\n.,;:!?'\"()<>[]{}*/\\"
ONE_ACT = timedelta(minutes=1)  # refunds of several payments that one act made stand at most so far apart
_SENT = frozenset({"Shipped", "Delivered"})
_NOT_AN_ORDER = frozenset({"AddingItems", "ArrangingPayment", "Draft", "Created"})
_REFUND_STATES: Mapping[str, TransactionStatus] = {"Settled": "success", "Failed": "failure"}


@dataclass(slots=True)
class _Priced:
    """A line as placed: what was listed, what of it was paid, and what of that is net. Minor units."""

    node: OrderLineNode
    units: int
    unit: int
    paid: int
    net: int

    @property
    def listed(self) -> int:
        return self.unit * self.units


def to_snapshot(
    order: OrderNode, precision: int, token_field: str, *, default_channel: bool = False, path: str = "$.order"
) -> OrderSnapshot:
    """Errors: PayloadUnreadable(path) for a field that can't be read, or an amount that the currency can't hold."""
    money = scale(order.currency_code, precision, f"{path}.currencyCode")
    lines = _priced(order, money, path)
    _lost_discounts(order, lines, money, path)
    _take_off(order.surcharges, lines, money, path)
    codes = {f"PROMOTION:{p.id}": p.coupon_code for p in order.promotions if p.coupon_code}
    made = [_line(line, codes, money, f"{path}.lines[{i}]") for i, line in enumerate(lines)]
    made += [_fee(node, money, path) for node in order.surcharges if node.price_with_tax > 0]
    payments = order.payments or []
    refunds = _refunds(payments, {line.node.id: line for line in lines}, order, money, path)
    placed = order.order_placed_at
    state = _times_of(order)
    return OrderSnapshot(
        order_ref=order.id,
        number=order.code,
        created_at=moment(placed or order.created_at, f"{path}.orderPlacedAt"),
        changed_at=changed_at(order, path),
        currency=order.currency_code,
        payment_status=_payment_status(order, payments),
        taxes_included=True,
        lines=tuple(sorted(made, key=lambda line: by_ref(line.line_ref))),
        paid_at=_paid_at(payments, state, path),
        cancelled_at=_cancelled_at(order, state, path),
        completed=_is_order(order, default_channel),
        sample=any(is_reference(code) for code in order.coupon_codes) and free(made),
        total_discounts=sum(allocation.amount for line in made for allocation in line.allocations),
        shipping=money.at(order.shipping_with_tax, f"{path}.shippingWithTax"),
        total=money.at(order.total_with_tax, f"{path}.totalWithTax"),
        source="",
        refunds=tuple(sorted(refunds, key=lambda refund: by_ref(refund.refund_ref))),
        fulfilments=tuple(
            _fulfilment(node, f"{path}.fulfillments[{i}]")
            for i, node in enumerate(sorted(order.fulfillments or [], key=lambda node: by_ref(node.id)))
            if node.state in _SENT
        ),
        carriers=_carriers(order, token_field),
    )


def to_buyer(order: OrderNode) -> Buyer:
    customer = order.customer
    if customer is None:
        return Buyer()
    return Buyer(customer.id, customer.email_address or None, customer.phone_number or None)


def changed_at(order: OrderNode, path: str) -> datetime:
    """The latest time of the order and of what hangs on it: a refund alone leaves the order's own where it was."""
    times = [order.updated_at, *(line.updated_at for line in order.lines)]
    for payment in order.payments or []:
        times += [payment.updated_at, *(refund.updated_at for refund in payment.refunds)]
    times += [parcel.updated_at for parcel in order.fulfillments or []]
    return max(moment(time, f"{path}.updatedAt") for time in times)


# --- lines ------------------------------------------------------------------------------------------------------------


def _priced(order: OrderNode, money: Scale, path: str) -> list[_Priced]:
    found = []
    for index, node in enumerate(order.lines):
        at = f"{path}.lines[{index}]"
        units = max(node.order_placed_quantity, node.quantity, 0)
        if node.quantity > 0:
            # The line's own figures, and not a unit's times units: the store rounds the line as a whole.
            paid = divided(node.prorated_line_price_with_tax * units, node.quantity)
            net = divided(node.prorated_line_price * units, node.quantity)
        else:
            paid, net = node.prorated_unit_price_with_tax * units, node.prorated_unit_price * units
        found.append(
            _Priced(
                node, units, money.at(node.unit_price_with_tax, f"{at}.unitPriceWithTax"),
                money.at(paid, f"{at}.proratedLinePriceWithTax"), money.at(net, f"{at}.proratedLinePrice"),
            )
        )  # fmt: skip
    return found


def _lost_discounts(order: OrderNode, lines: Sequence[_Priced], money: Scale, path: str) -> None:
    """Lines cancelled to their last unit are told without their discounts: what was paid for the order tells them.

    Only where nothing else moved the order's sum: no modification, and the payments are those of the placed order.
    """
    gone = [line for line in lines if line.node.quantity == 0 and line.units]
    if not gone or order.modifications:
        return
    came = [payment.amount for payment in order.payments or [] if payment.state in ("Settled", "Authorized")]
    if not came:
        return
    beside = order.shipping_with_tax + sum(node.price_with_tax for node in order.surcharges)
    left = money.at(sum(came) - beside, f"{path}.payments.amount")
    left -= sum(line.paid for line in lines if line.node.quantity)
    listed = sum(line.paid for line in gone)
    if not 0 <= left < listed:
        return
    for line, less in zip(gone, split(listed - left, [line.paid for line in gone]), strict=True):
        rest = line.paid - less
        line.net = divided(line.net * rest, line.paid) if line.paid else 0
        line.paid = rest


def _take_off(surcharges: Sequence[SurchargeNode], lines: Sequence[_Priced], money: Scale, path: str) -> None:
    """A surcharge below zero is money off the whole order: spread over what was paid for its lines."""
    for node in surcharges:
        if node.price_with_tax >= 0 or not any(line.paid for line in lines):
            continue
        weights = [line.paid for line in lines]
        less = min(-money.at(node.price_with_tax, f"{path}.surcharges"), sum(weights))
        less_net = min(-money.at(node.price, f"{path}.surcharges"), sum(line.net for line in lines))
        for line, off, off_net in zip(lines, split(less, weights), split(less_net, weights), strict=True):
            line.paid -= off
            line.net = min(line.paid, max(0, line.net - off_net))


def _line(line: _Priced, codes: Mapping[str, str | None], money: Scale, path: str) -> Line:
    node = line.node
    variant = node.product_variant
    placed = node.order_placed_quantity
    return Line(
        line_ref=node.id,
        quantity=line.units,
        current_quantity=max(0, node.quantity),
        unit_price=line.unit,
        product_ref=variant.product.id if variant.product is not None else None,
        variant_ref=variant.id,
        title=clean(variant.name),
        sku=clean(variant.sku),
        allocations=_allocations(line, codes, money, path),
        tax=max(0, line.paid - line.net),
        edit_added=max(0, node.quantity - placed),
    )


def _allocations(line: _Priced, codes: Mapping[str, str | None], money: Scale, path: str) -> tuple[Allocation, ...]:
    """What the line's discounts come to as placed, shared out as the store's own rows are to each other.

    The rows are of the units that are left, and each is rounded by itself; the sum is the line's.
    """
    off = line.listed - line.paid
    if off <= 0:
        return ()
    rows = [row for row in line.node.discounts if row.amount_with_tax < 0]
    if not rows:
        return (Allocation(amount=off),)
    shares = split(off, [-row.amount_with_tax for row in rows])
    return tuple(
        Allocation(amount=share, code=codes.get(row.adjustment_source))
        for row, share in zip(rows, shares, strict=True)
        if share
    )


def _fee(node: SurchargeNode, money: Scale, path: str) -> Line:
    """A surcharge is no merchandise: nothing is earned on it."""
    price = money.at(node.price_with_tax, f"{path}.surcharges.priceWithTax")
    net = money.at(node.price, f"{path}.surcharges.price")
    return Line(
        line_ref=f"surcharge-{node.id}", quantity=1, current_quantity=1, unit_price=price, tax=max(0, price - net),
        title=clean(node.description), sku=clean(node.sku), fee=True, requires_shipping=False,
    )  # fmt: skip


# --- refunds ----------------------------------------------------------------------------------------------------------


def _refunds(
    payments: Sequence[PaymentNode], lines: Mapping[str, _Priced], order: OrderNode, money: Scale, path: str
) -> list[Refund]:
    nodes = sorted(
        ((payment, refund) for payment in payments for refund in payment.refunds), key=lambda pair: by_ref(pair[1].id)
    )
    made: list[Refund] = []
    acts: list[tuple[str, RefundNode]] = []  # refunds with lines, whose lines count
    whole = sum(payment.amount for payment in payments)
    for payment, node in nodes:
        # One act on an order that was paid by several payments makes a refund of each, all with the same lines.
        repeats = any(_same_act(other, node) for owner, other in acts if owner != payment.id)
        counted = [] if repeats else [line for line in node.lines if line.quantity > 0]
        if counted:
            acts.append((payment.id, node))
        made.append(_refund(node, counted, lines, order, money, path, repeats=repeats, whole=node.total == whole))
    return made


def _same_act(one: RefundNode, other: RefundNode) -> bool:
    def units(node: RefundNode) -> list[tuple[str, int]]:
        return sorted((line.order_line_id, line.quantity) for line in node.lines)

    apart = clock.parse(other.created_at) - clock.parse(one.created_at)
    return bool(one.lines) and units(one) == units(other) and abs(apart) <= ONE_ACT


def _refund(
    node: RefundNode, counted: Sequence[object], lines: Mapping[str, _Priced], order: OrderNode, money: Scale,
    path: str, *, repeats: bool, whole: bool,
) -> Refund:  # fmt: skip
    """Lines as the store names them, each at its paid price; what else went back is money without an item.

    A sum below that of its lines is a fee kept back: the lines reverse in full. A refund of all that was paid, without
    lines, has the shipping in it.
    """
    at = f"{path}.payments.refunds"
    total = money.at(node.total, f"{at}.total")
    shipping = money.at(node.shipping, f"{at}.shipping")
    rows = []
    for number, row in enumerate(node.lines if counted else ()):
        line = lines.get(row.order_line_id)
        if row.quantity <= 0:
            continue
        paid = net = 0
        if line is not None and line.units:
            paid = divided(line.paid * row.quantity, line.units)
            net = divided(line.net * row.quantity, line.units)
        rows.append(
            RefundLine(f"{node.id}-{number}", row.order_line_id, row.quantity, subtotal=paid, tax=max(0, paid - net))
        )
    if whole and not rows and not shipping:
        shipping = min(total, money.at(order.shipping_with_tax, f"{path}.shippingWithTax"))
    extra = 0 if repeats else total - shipping - sum(row.subtotal for row in rows)
    return Refund(
        refund_ref=node.id,
        created_at=moment(node.created_at, f"{at}.createdAt"),
        lines=tuple(rows),
        adjustments=(Adjustment(f"{node.id}-rest", "discrepancy", -extra),) if extra > 0 else (),
        transactions=(Transaction(node.id, _REFUND_STATES.get(node.state, "pending")),),
        shipping=shipping,
    )


# --- the order as a whole ---------------------------------------------------------------------------------------------


def _is_order(order: OrderNode, default_channel: bool) -> bool:
    """Not a cart, nor a draft. In the default channel an order of several sellers shows as a whole and as its parts:
    the whole counts there, the parts count for the sellers' own channels."""
    if order.active or order.state in _NOT_AN_ORDER or order.order_placed_at is None:
        return False
    return not (default_channel and order.type == "Seller")


def _payment_status(order: OrderNode, payments: Sequence[PaymentNode]) -> PaymentStatus:
    """By what was settled, never by the name of a state: merchants add states of their own."""
    settled = sum(payment.amount for payment in payments if payment.state == "Settled")
    back = sum(r.total for payment in payments for r in payment.refunds if r.state == "Settled")
    if settled > 0:
        if back >= settled:
            return "refunded"
        if back > 0:
            return "partially_refunded"
        return "paid" if settled >= order.total_with_tax else "partially_paid"
    if any(payment.state == "Settled" for payment in payments):  # a free order is paid by a payment of nothing
        return "paid"
    states = {payment.state for payment in payments}
    if "Authorized" in states:
        return "authorized"
    return "voided" if states == {"Cancelled"} else "pending"


def _times_of(order: OrderNode) -> list[tuple[str, str]]:
    """(state, when the order came into it), oldest first."""
    rows = [(str(node.data.get("to", "")), node.created_at) for node in order.history.items]
    return sorted(rows, key=lambda row: row[1])


def _paid_at(payments: Sequence[PaymentNode], states: Sequence[tuple[str, str]], path: str) -> datetime | None:
    settled = [payment for payment in payments if payment.state == "Settled"]
    if not settled:
        return None
    told = next((at for state, at in states if state == "PaymentSettled"), None)
    return moment(told or min(payment.created_at for payment in settled), f"{path}.payments.createdAt")


def _cancelled_at(order: OrderNode, states: Sequence[tuple[str, str]], path: str) -> datetime | None:
    """There is no such field: the order's history has the moment; its change time stands in for one that is lost."""
    if order.state != "Cancelled":
        return None
    told = next((at for state, at in reversed(states) if state == "Cancelled"), order.updated_at)
    return moment(told, f"{path}.history.createdAt")


def _fulfilment(node: FulfilmentNode, path: str) -> Fulfilment:
    return Fulfilment(
        fulfilment_ref=node.id,
        created_at=moment(node.created_at, f"{path}.createdAt"),
        delivered_at=moment(node.updated_at, f"{path}.updatedAt") if node.state == "Delivered" else None,
        lines=tuple(
            FulfilledLine(row.order_line_id, row.quantity)
            for row in sorted(node.lines, key=lambda row: by_ref(row.order_line_id))
            if row.quantity > 0
        ),
    )


def _carriers(order: OrderNode, token_field: str) -> tuple[Carrier, ...]:
    found = [_token("order_metadata", order.custom_fields, token_field, None)]
    found += [_token("line_property", line.custom_fields, token_field, line.id) for line in order.lines]
    found += [Carrier(kind="code", value=code) for code in order.coupon_codes if code]
    kept = {carrier for carrier in found if carrier is not None}
    return tuple(sorted(kept, key=lambda c: (c.kind, by_ref(c.line_ref or ""), c.name, c.value)))


def _token(kind: str, fields: Mapping[str, object] | None, name: str, line_ref: str | None) -> Carrier | None:
    """A value of a token's shape in our own field. Whatever else a buyer wrote there isn't ours to keep."""
    value = (fields or {}).get(name)
    if not isinstance(value, str):
        return None
    bare = value.strip(AROUND)
    if not KEPT.fullmatch(bare):
        return None
    return Carrier("order_metadata" if kind == "order_metadata" else "line_property", bare, name, line_ref)
