"""The meaning of an order's parts: a v2 order, its lines, coupons, shipments, v3 refunds and the cart's metafields.

Units:  decimal strings and numbers of the order's currency (`default_currency_code`: what the buyer pays in) become
        minor units. Digits that the currency hasn't are refused, but for a line's tax (rounded half up, R3) and where
        the whole of something is exact: a price of 1.2345 whose 100 units are 123.45, shares of one discount.
Errors: PayloadUnreadable(path).
Source: the fact sheet's sections 5 and 6; reference/orders.v2.oas2.yml and orders.v3.yml of bigcommerce/docs.

What the store's status says, by its id (merchants rename the labels):

    0                       the buyer reached payment and didn't pay: no order yet
    1, 7                    pending; 6 declined: voided
    2, 3, 8, 9, 11, 12      by `payment_status`: an authorisation is no money yet
    10                      completed: paid, whatever an offline method's payment status says
    4, 14                   refunded, partially; where no refund record says what, see `_by_hand`
    5                       cancelled
    13                      disputed: nothing of it clears meanwhile
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from fractions import Fraction

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
    Transaction,
)
from connector.platforms.bigcommerce.ids import ref
from connector.platforms.bigcommerce.payloads import (
    ZERO,
    MetafieldNode,
    OrderCouponNode,
    OrderLineNode,
    OrderNode,
    RefundItemNode,
    RefundNode,
    ShipmentNode,
)
from connector.platforms.reading import amount, by_ref, clean, moment
from connector.platforms.sampling import free, is_reference

METAFIELD = "touch"  # the key, under the namespace of the settings
KEPT = re.compile(r"[A-Za-z0-9_-]{1,48}")  # a token, with what may have been added to it
LEAST_TOKEN = 26  # a shorter external id is somebody else's
TEST_GATEWAY = "test payment gateway"
SAMPLE_WORD = "sample_order"
SAMPLE = re.compile(rf"\b{SAMPLE_WORD}\b", re.IGNORECASE)  # in the staff's notes: BigCommerce's orders have no tags
UNPAID: Mapping[int, PaymentStatus] = {0: "none", 1: "pending", 6: "voided", 7: "pending"}
INCOMPLETE, REFUNDED, CANCELLED, COMPLETED, DISPUTED, PARTIALLY_REFUNDED = 0, 4, 5, 10, 13, 14
ACCEPTED = frozenset({2, 3, 8, 9, 11, 12})
_PAYMENTS: dict[str, PaymentStatus] = {
    "": "paid",  # offline methods have none, and a person moved the order on from "awaiting payment"
    "captured": "paid",
    "paid": "paid",
    "authorized": "authorized",
    "capture pending": "authorized",
    "held for review": "authorized",
    "pending": "pending",
    "declined": "voided",
    "void": "voided",
    "void pending": "voided",
    "partially refunded": "partially_refunded",
    "refunded": "refunded",
}
_SHIPPING_COUPONS = frozenset({3, 4})
_BY_HAND = "by-hand"  # the ref of a refund that only the order's status tells of
_LARGEST = 18  # digits before the point; 1e999999 is no amount


@dataclass(frozen=True, slots=True)
class Parts:
    """An order with everything that is asked beside it."""

    order: OrderNode
    lines: Sequence[OrderLineNode]
    coupons: Sequence[OrderCouponNode] = ()
    shipments: Sequence[ShipmentNode] = ()
    refunds: Sequence[RefundNode] = ()
    metafields: Sequence[MetafieldNode] = field(default=())


def to_snapshot(parts: Parts) -> OrderSnapshot:
    order, currency = parts.order, parts.order.default_currency_code
    changed_at = _rfc2822(order.date_modified, "$.date_modified")
    made = _Lines(parts)
    refunds = tuple(_refund(node, made, currency, f"$.refunds[{i}]") for i, node in enumerate(parts.refunds))
    status = payment_status(order)
    good = [refund for refund in refunds if not _failed(refund)]
    by_hand = not good and order.status_id in (REFUNDED, PARTIALLY_REFUNDED)
    returned = _short_of_all(order, parts.refunds, currency) if order.status_id == REFUNDED else False
    lines = tuple(made.line(index, refunds, gone=returned) for index in range(len(parts.lines)))
    if by_hand and order.status_id == PARTIALLY_REFUNDED:
        refunds = (*refunds, Refund(f"{_BY_HAND}:{order.id}", changed_at, amount_unknown=True))
    if parts.refunds:  # a refund may not move the order's own time
        changed_at = max(changed_at, *(refund.created_at for refund in refunds))
    created_at = _rfc2822(order.date_created, "$.date_created")
    paid = status in ("paid", "partially_refunded", "refunded")
    return OrderSnapshot(
        order_ref=ref(order.id, "$.id"),
        number=f"#{order.id}",
        created_at=created_at,
        changed_at=changed_at,
        currency=currency,
        payment_status=status,
        taxes_included=order.is_tax_inclusive_pricing,
        lines=tuple(sorted(lines, key=lambda line: by_ref(line.line_ref))),
        paid_at=created_at if paid else None,
        cancelled_at=changed_at if order.status_id == CANCELLED else None,
        test=(order.payment_method or "").strip().lower() == TEST_GATEWAY,
        completed=order.status_id != INCOMPLETE,
        sample=SAMPLE.search(order.staff_notes or "") is not None
        or (is_reference(order.external_order_id) and free(lines)),
        gift_card_payment=order.gift_certificate_amount > 0,
        total_discounts=made.discounts,
        shipping_discounts=made.shipping_discounts,
        shipping=made.shipping,
        total=exact(order.total_inc_tax, currency, "$.total_inc_tax"),
        source=clean(order.order_source or "", 60),
        refunds=tuple(sorted(refunds, key=lambda refund: by_ref(refund.refund_ref))),
        refunds_whole=True,  # one that only the status told of is no more once the status says otherwise
        fulfilments=tuple(_fulfilment(node, f"$.shipments[{i}]") for i, node in enumerate(parts.shipments)),
        carriers=_carriers(parts),
        disputed=order.status_id == DISPUTED,
    )


def to_buyer(order: OrderNode) -> Buyer:
    """A guest has the customer 0."""
    address = order.billing_address
    return Buyer(
        customer_ref=str(order.customer_id) if order.customer_id and order.customer_id > 0 else None,
        email=(address.email if address is not None else None) or None,
        phone=(address.phone if address is not None else None) or None,
    )


def payment_status(order: OrderNode) -> PaymentStatus:
    status = order.status_id
    if status in UNPAID:
        return UNPAID[status]
    if status == REFUNDED:
        return "refunded"
    if status == PARTIALLY_REFUNDED:
        return "partially_refunded"
    if status not in ACCEPTED and status not in (CANCELLED, COMPLETED, DISPUTED):
        raise PayloadUnreadable("$.status_id", f"{status} isn't a status we know")
    word = (order.payment_status or "").strip().lower()
    told = _PAYMENTS.get(word)
    if told is None:
        raise PayloadUnreadable("$.payment_status", f"{word[:40]!r} isn't a payment status we know")
    if status in (COMPLETED, DISPUTED) and told in ("authorized", "pending"):
        return "paid"
    return told


def _carriers(parts: Parts) -> tuple[Carrier, ...]:
    """The cart's metafield of ours, an order's external id where we placed it, and the codes."""
    order = parts.order
    found: set[Carrier] = set()
    for node in parts.metafields:
        value = node.value.strip()
        if node.key == METAFIELD and KEPT.fullmatch(value):
            found.add(Carrier("order_metadata", value, METAFIELD))
    placed = (order.external_order_id or "").strip()
    if KEPT.fullmatch(placed) and len(placed) >= LEAST_TOKEN and not is_reference(placed):
        found.add(Carrier("order_metadata", placed, "external_order_id"))
    codes = [coupon.code for coupon in parts.coupons]
    codes += [discount.code for line in parts.lines for discount in line.applied_discounts]
    found |= {Carrier("code", clean(code, 100)) for code in codes if code}
    return tuple(sorted(found, key=lambda carrier: (carrier.kind, carrier.name, carrier.value)))


# --- money ------------------------------------------------------------------------------------------------------------


def exact(value: Decimal, currency: str, path: str) -> int:
    """Minor units. Errors: PayloadUnreadable for digits that the currency hasn't, and for what is no amount."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST:
        raise PayloadUnreadable(path, "isn't an amount")
    return amount(value, currency, path)


def whole(value: Decimal, currency: str) -> int | None:
    """Minor units; None where the amount has finer digits."""
    try:
        return exact(value, currency, "$")
    except PayloadUnreadable:
        return None


def rounded(value: Decimal, currency: str, path: str) -> int:
    """Minor units, half up: only of taxes, which are worked out and never paid by themselves."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST:
        raise PayloadUnreadable(path, "isn't an amount")
    try:
        return money.round_half_up(Fraction(value) * 10 ** money.exponent(currency))
    except MoneyRefused as error:
        raise PayloadUnreadable(path, error.problem) from None


class _Lines:
    """The order's lines while they are worked out: prices, discounts, taxes, and what is given back of them."""

    def __init__(self, parts: Parts) -> None:
        order = parts.order
        self.order, self.nodes, self.currency = order, parts.lines, order.default_currency_code
        self.contained = order.is_tax_inclusive_pricing
        self.free = _paid_with_their_bundle(order, parts.lines)
        self.place = {node.id: index for index, node in enumerate(self.nodes)}
        priced = [self._price(node, f"$.products[{i}]") for i, node in enumerate(self.nodes)]
        self.prices = [price for price, _ in priced]
        self.gross = [price * node.quantity for (price, _), node in zip(priced, self.nodes, strict=True)]
        finer = [gross - total for gross, (_, total) in zip(self.gross, priced, strict=True)]
        self.allocations = _allocations(self.nodes, self.currency)
        for own, rest in zip(self.allocations, finer, strict=True):
            if rest:
                own.append(Allocation(rest))
        self.own = [sum(allocation.amount for allocation in own) for own in self.allocations]
        said = exact(order.discount_amount + order.coupon_discount, self.currency, "$.discount_amount")
        self.discounts = said + sum(finer)
        left = max(0, self.discounts - sum(self.own))
        on_shipping = sum((c.discount for c in parts.coupons if c.type in _SHIPPING_COUPONS), ZERO)
        self.shipping_discounts = min(left, exact(on_shipping, self.currency, "$.coupons.discount"))
        self.taxes = self._taxes()
        self.nets = self._nets(left - self.shipping_discounts)
        shipped = order.shipping_cost_inc_tax if self.contained else order.shipping_cost_ex_tax
        self.shipping = rounded(shipped, self.currency, "$.shipping_cost")

    def _price(self, node: OrderLineNode, path: str) -> tuple[int, int]:
        """(unit price, total of all units). A price with finer digits than the currency's counts by its total."""
        if node.quantity < 0:
            raise PayloadUnreadable(f"{path}.quantity", "is below zero")
        if node.id in self.free or not node.quantity:
            return 0, 0
        name = "inc" if self.contained else "ex"
        total = exact(
            node.total_inc_tax if self.contained else node.total_ex_tax, self.currency, f"{path}.total_{name}_tax"
        )
        if total < 0:
            raise PayloadUnreadable(f"{path}.total_{name}_tax", "is below zero")
        each = whole(node.price_inc_tax if self.contained else node.price_ex_tax, self.currency)
        if each is not None and each * node.quantity == total:
            return each, total
        return -(-total // node.quantity), total

    def _taxes(self) -> list[int]:
        """Of each line, for all its units and after its discounts.

        Nobody says whether a line's tax is the one before discounts. Where all parts together are the order's tax, it
        is the one after them; else, where prices contain it, the same rate is taken of what the buyer paid (R3).
        """
        order, currency = self.order, self.currency
        told = [
            0 if node.id in self.free else rounded(node.total_tax, currency, f"$.products[{i}].total_tax")
            for i, node in enumerate(self.nodes)
        ]
        if order.total_tax is None or not self.contained:
            return told
        parts = sum((node.total_tax for node in self.nodes if node.id not in self.free), ZERO)
        parts += order.shipping_cost_tax + order.handling_cost_tax + order.wrapping_cost_tax
        if rounded(abs(parts - order.total_tax), currency, "$.total_tax") == 0:
            return told
        return [
            money.divided(tax * max(0, gross - own), gross) if gross else 0
            for tax, gross, own in zip(told, self.gross, self.own, strict=True)
        ]

    def _nets(self, left: int) -> list[int]:
        """What the buyer pays for a line: less its own discounts, and less its share of those that the store put on no
        line (the engine works the same share out, unless a product is excluded)."""
        nets = [max(0, gross - own) for gross, own in zip(self.gross, self.own, strict=True)]
        weights = [0 if _is_gift(node) else net for node, net in zip(self.nodes, nets, strict=True)]
        shares = money.split(left, weights) if any(weights) else [0] * len(nets)
        return [max(0, net - share) for net, share in zip(nets, shares, strict=True)]

    def line(self, index: int, refunds: Sequence[Refund], *, gone: bool) -> Line:
        """`gone`: the order's status says that all of it was given back."""
        node = self.nodes[index]
        line_ref = ref(node.id, f"$.products[{index}].id")
        good = bad = 0
        for refund in refunds:
            units = sum(part.quantity for part in refund.lines if part.line_ref == line_ref)
            if _failed(refund):
                bad += units
            else:
                good += units
        back = min(node.quantity, max(good, node.quantity_refunded - bad, 0))
        return Line(
            line_ref=line_ref,
            quantity=node.quantity,
            current_quantity=0 if gone else node.quantity - back,
            unit_price=self.prices[index],
            product_ref=str(node.product_id) if node.product_id and node.product_id > 0 else None,
            variant_ref=str(node.variant_id) if node.variant_id and node.variant_id > 0 else None,
            title=clean(node.name),
            sku=clean(node.sku or ""),
            allocations=tuple(self.allocations[index]),
            tax=self.taxes[index],
            gift_card=_is_gift(node),
            requires_shipping=node.type == "physical",
        )


def _is_gift(node: OrderLineNode) -> bool:
    return node.type == "giftcertificate" or bool(node.gift_certificate_id)


def _paid_with_their_bundle(order: OrderNode, nodes: Sequence[OrderLineNode]) -> frozenset[int]:
    """Lines that belong to a bundle and whose price is in the bundle's own: theirs would be paid twice.

    They come with a price of 0. Where one comes with another, the order's own subtotal says whether it counts.
    """
    children = [node for node in nodes if node.parent_order_product_id]
    inc = order.is_tax_inclusive_pricing
    told = sum((node.total_inc_tax if inc else node.total_ex_tax for node in children), ZERO)
    if not told:
        return frozenset()
    everything = sum((node.total_inc_tax if inc else node.total_ex_tax for node in nodes), ZERO)
    if everything == (order.subtotal_inc_tax if inc else order.subtotal_ex_tax):
        return frozenset()
    return frozenset(node.id for node in children)


def _allocations(nodes: Sequence[OrderLineNode], currency: str) -> list[list[Allocation]]:
    """The store's own discounts a line, in its order. Shares of one discount may have finer digits than the currency;
    then they are what its whole sum comes to, spread by them (R2)."""
    found: list[list[Allocation]] = [[] for _ in nodes]
    groups: dict[tuple[str, str | None], list[tuple[int, Decimal]]] = {}
    for index, node in enumerate(nodes):
        for discount in node.applied_discounts:
            path = f"$.products[{index}].applied_discounts.amount"
            if not discount.amount.is_finite() or discount.amount < 0:
                raise PayloadUnreadable(path, "isn't an amount of zero or more")
            if discount.amount:
                groups.setdefault((str(discount.id), discount.code), []).append((index, discount.amount))
    for (_, code), shares in groups.items():
        parts = [whole(share, currency) for _, share in shares]
        exact_parts = [part for part in parts if part is not None]
        if len(exact_parts) != len(parts):
            total = exact(sum((s for _, s in shares), ZERO), currency, "$.products.applied_discounts.amount")
            weights = [int((share * 10**6).to_integral_value()) for _, share in shares]
            exact_parts = money.split(total, weights)
        for (index, _), part in zip(shares, exact_parts, strict=True):
            if part:
                found[index].append(Allocation(part, clean(code, 100) if code else None))
    return found


# --- what came back ---------------------------------------------------------------------------------------------------


def _failed(refund: Refund) -> bool:
    statuses = {transaction.status for transaction in refund.transactions}
    return bool(statuses) and statuses == {"failure"}


def _short_of_all(order: OrderNode, refunds: Iterable[RefundNode], currency: str) -> bool:
    """A person set the status "refunded", and the records of refunds give back less than the order came to."""
    back = sum((n.total_amount for n in refunds if not n.payments or not all(p.is_declined for p in n.payments)), ZERO)
    return back < order.total_inc_tax


def _refund(node: RefundNode, lines: _Lines, currency: str, path: str) -> Refund:
    """Units of lines by the order's own arithmetic: nobody says whether a requested amount holds the tax, and a fee
    that was kept back changes nothing (COMMISSION.md, 3b). Money for the order as a whole is spread by R7."""
    kept: list[RefundLine] = []
    extra: list[Adjustment] = []
    shipping, unknown = 0, False
    for i, item in enumerate(node.items):
        own = f"{node.id}-{i}"
        index = lines.place.get(item.item_id) if item.item_type == "PRODUCT" else None
        if item.item_type == "PRODUCT" and item.quantity:
            kept.append(_refund_line(own, item, index, lines, path))
            unknown = unknown or index is None
            continue
        given = _requested(item, node, currency, f"{path}.items[{i}].requested_amount")
        if item.item_type in ("SHIPPING", "HANDLING"):
            shipping += given or 0
        elif item.item_type in ("PRODUCT", "ORDER"):
            unknown = unknown or given is None
            if given:
                extra.append(Adjustment(own, "discrepancy", -given))
        elif given:  # gift wrapping, fees, tax: nothing that commission was paid on
            extra.append(Adjustment(own, "other", -given))
    return Refund(
        refund_ref=ref(node.id, f"{path}.id"),
        created_at=moment(node.created, f"{path}.created"),
        lines=tuple(sorted(kept, key=lambda line: by_ref(line.refund_line_ref))),
        adjustments=tuple(extra),
        transactions=tuple(
            Transaction(
                f"{node.id}-{i}" if payment.id is None else str(payment.id),
                "failure" if payment.is_declined else "success",
            )
            for i, payment in enumerate(node.payments)
        ),
        amount_unknown=unknown,
        shipping=shipping,
    )


def _refund_line(own: str, item: RefundItemNode, index: int | None, lines: _Lines, path: str) -> RefundLine:
    units = item.quantity or 0
    if units < 0:
        raise PayloadUnreadable(f"{path}.items.quantity", "is below zero")
    line_ref = ref(item.item_id, f"{path}.items.item_id")
    if index is None:  # of a line that the order doesn't show: parked by the engine, and a person looks
        return RefundLine(own, line_ref, units, 0)
    of = lines.nodes[index].quantity or 1
    return RefundLine(
        own,
        line_ref,
        units,
        money.divided(lines.nets[index] * units, of),
        money.divided(lines.taxes[index] * units, of),
    )


def _requested(item: RefundItemNode, node: RefundNode, currency: str, path: str) -> int | None:
    """What was given back for one item; the refund's own total where it is the only one. None: nobody says."""
    if item.requested_amount is not None:
        return exact(item.requested_amount, currency, path)
    return exact(node.total_amount, currency, path) if len(node.items) == 1 else None


def _fulfilment(node: ShipmentNode, path: str) -> Fulfilment:
    return Fulfilment(
        fulfilment_ref=ref(node.id, f"{path}.id"),
        created_at=_rfc2822(node.date_created, f"{path}.date_created"),
        lines=tuple(FulfilledLine(str(item.order_product_id), item.quantity) for item in node.items),
    )


def _rfc2822(text: str, path: str) -> datetime:
    """`Fri, 21 Nov 2025 20:00:00 +0000`, as the v2 API writes times; UTC. Errors: PayloadUnreadable."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise PayloadUnreadable(path, f"{text[:40]!r} isn't a time of RFC 2822") from None
    if found.tzinfo is None:  # `-0000`: of no zone that is told
        raise PayloadUnreadable(path, f"{text[:40]!r} names no offset")
    return found.astimezone(UTC)


def listed_at(text: str, path: str) -> datetime:
    return _rfc2822(text, path)
