"""An order and its refunds as the store tells them, by webhook or by the API: one shape, so one reading.

Amounts. `subtotal` and `total` of a line are without tax even where prices include it, and the tax stands beside them.
A refund of a bare amount, though, is money as the buyer paid it. So where prices include tax a line is given with its
tax, and the snapshot says so: then the rules take the tax out of bare amounts too (COMMISSION.md, 3b), and a line's
base is the store's own `total` either way.

A line's discount is what the store took off: subtotal less total. Which coupon took it is told for the order alone.
Source: the fact sheet, section 4, [run].
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

from connector import clock, money
from connector.errors import MoneyRefused, PayloadUnreadable
from connector.events import (
    Adjustment,
    Allocation,
    Buyer,
    Carrier,
    CarrierKind,
    FulfilledLine,
    Fulfilment,
    Line,
    OrderSnapshot,
    PaymentStatus,
    Refund,
    RefundLine,
)
from connector.platforms.reading import by_ref, clean, known, plain_text
from connector.platforms.sampling import METADATA, free, is_reference
from connector.platforms.woocommerce.payloads import BillingBody, CouponBody, LineBody, MetaBody, OrderBody, RefundBody

ATTRIBUTION = "_wc_order_attribution_"
_OWN: CarrierKind = "order_metadata"
OUR_NAME = re.compile(r"_{0,2}[a-z][a-z0-9]{1,19}_touch", re.ASCII)
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,48}", re.ASCII)  # with what may have been added to it on its way
LEAST_TOKEN = 26  # shorter words in an address are somebody else's
AROUND = " \t\r\n.,;:!?'\"()<>[]{}*/\\"
MOST = 10**9  # units of a line, digits of an id's value: more is no order
# States in which an order isn't one yet.
_DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft", "new"})
_GONE = frozenset({"cancelled", "trash"})
_DECIMAL = re.compile(r"-?\d+\.\d+", re.ASCII)


class FinerThanCurrency(PayloadUnreadable):
    """An amount with more decimals than its currency has, as stores give them that are set so: the store is asked to
    round it (`dp`)."""


def to_snapshot(order: OrderBody, refunds: Sequence[RefundBody] = ()) -> OrderSnapshot:
    """A whole order. `refunds`: those that its list names, with their lines.

    Errors: PayloadUnreadable(path); FinerThanCurrency.
    """
    currency = order.currency
    contained = order.prices_include_tax
    reading = _Reading(currency, contained)
    given = tuple(
        sorted(
            (reading.refund(r, order, f"$.refunds[{i}]") for i, r in enumerate(refunds)),
            key=lambda r: by_ref(r.refund_ref),
        )
    )
    returned: dict[str, int] = {}
    for refund in given:
        for part in refund.lines:
            returned[part.line_ref] = returned.get(part.line_ref, 0) + part.quantity
    lines, less = reading.lines(order, returned)
    status = payment_status(order)
    paid = moment_or_none(order.date_paid_gmt, "$.date_paid_gmt")
    changed = moment(order.date_modified_gmt, "$.date_modified_gmt")
    return OrderSnapshot(
        order_ref=ref(order.id, "$.id"),
        number=str(order.number) if order.number not in (None, "") else str(order.id),
        created_at=moment(order.date_created_gmt, "$.date_created_gmt"),
        changed_at=changed,
        currency=currency,
        payment_status=status,
        taxes_included=contained,
        lines=lines,
        paid_at=paid if status not in ("pending", "none") else None,
        # The store tells no time of it: the last change is no earlier than the cancelling.
        cancelled_at=changed if order.status in _GONE else None,
        completed=order.status not in _DRAFTS,
        sample=_marked(order) and free(lines),
        total_discounts=sum(a.amount for line in lines for a in line.allocations) + less,
        shipping=reading.money(order.shipping_total, "$.shipping_total")
        + (reading.money(order.shipping_tax, "$.shipping_tax") if contained else 0),
        total=reading.money(order.total, "$.total"),
        source=clean(order.created_via or "", 60),
        refunds=given,
        refunds_whole=True,
        fulfilments=_fulfilments(order, lines),
        carriers=carriers(order),
    )


def _marked(order: OrderBody) -> bool:
    return any(meta.key == METADATA and is_reference(meta.value) for meta in order.meta_data)


def payment_status(order: OrderBody) -> PaymentStatus:
    """Money came when the store says when: cash on delivery is `processing` for days without it.

    A failed payment after that (a direct debit that bounced) is money that didn't stay.
    """
    if not order.date_paid_gmt:
        return "voided" if order.status == "refunded" else "pending"
    if order.status == "failed":
        return "voided"
    if order.status == "refunded":
        return "refunded"
    return "partially_refunded" if order.refunds else "paid"


def to_buyer(order: OrderBody) -> Buyer:
    """A guest has the number 0."""
    billing = order.billing if isinstance(order.billing, BillingBody) else BillingBody()
    return Buyer(
        customer_ref=str(order.customer_id) if order.customer_id > 0 else None,
        email=billing.email or None,
        phone=billing.phone or None,
    )


def carriers(order: OrderBody) -> tuple[Carrier, ...]:
    """Where a token may ride: the store's order attribution, our own meta, and coupons. Never a whole address."""
    found: set[Carrier] = set()
    for meta in order.meta_data:
        if isinstance(meta.value, str):
            found.update(_of_meta(meta.key, meta.value))
    for line in order.line_items:
        for meta in line.meta_data:
            if isinstance(meta.value, str) and OUR_NAME.fullmatch(meta.key):
                bare = meta.value.strip(AROUND)
                if TOKEN.fullmatch(bare):
                    found.add(Carrier(_OWN, bare, meta.key, str(line.id)))
    found.update(Carrier("code", code) for coupon in order.coupon_lines if (code := clean(coupon.code, 200)))
    return tuple(sorted(found, key=lambda c: (c.kind, by_ref(c.line_ref or ""), c.name, c.value)))


def to_hints(order: OrderBody) -> tuple[Carrier, ...]:
    """The host of the page before the visit, for coupon sites (R11); both sides tell it."""
    told = [meta.value for meta in order.meta_data if meta.key == f"{ATTRIBUTION}referrer"]
    hosts = [_host(value) for value in told if isinstance(value, str)]
    return tuple(Carrier("referrer", host) for host in dict.fromkeys(hosts) if host)


def _of_meta(key: str, value: str) -> list[Carrier]:
    if OUR_NAME.fullmatch(key):
        bare = value.strip(AROUND)
        return [Carrier(_OWN, bare, key)] if TOKEN.fullmatch(bare) else []
    name = key.removeprefix(ATTRIBUTION)
    if name == key:
        return []
    if name == "utm_content":
        pairs = [(name, value)]
    elif name == "session_entry":
        try:
            pairs = [pair for pair in parse_qsl(urlsplit(value[:4000]).query) if pair[0] == "utm_content"]
        except ValueError:
            return []
    else:
        return []
    bare_ones = [found.strip(AROUND) for _, found in pairs]
    return [
        Carrier("landing_page", each, name) for each in bare_ones if TOKEN.fullmatch(each) and len(each) >= LEAST_TOKEN
    ]


def _host(address: str) -> str:
    try:
        host = urlsplit(address[:2000]).hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[a-z0-9.-]{1,253}", host) else ""


class _Reading:
    """Amounts of one order: its currency, and whether a line is given with its tax."""

    def __init__(self, currency: str, contained: bool) -> None:
        if not known(currency):
            raise PayloadUnreadable("$.currency", f"{currency[:10]!r} is no currency that we can count")
        self._currency = currency
        self._contained = contained

    def money(self, text: str | None, path: str) -> int:
        """Minor units; "" and null are nothing."""
        if not text:
            return 0
        try:
            return money.parse(text, self._currency)
        except MoneyRefused as error:
            if _DECIMAL.fullmatch(text) and len(text) < 40:
                raise FinerThanCurrency(path, error.problem) from None
            raise PayloadUnreadable(path, error.problem) from None

    def lines(self, order: OrderBody, returned: dict[str, int]) -> tuple[tuple[Line, ...], int]:
        """All lines, and what negative fees (discounts that the merchant made by hand) take off the whole order."""
        goods = [self._figures(line, f"$.line_items[{i}]") for i, line in enumerate(order.line_items)]
        shares = _shares([max(0, before - after) for before, after, _ in goods], self._coupons(order.coupon_lines))
        made = [
            self._line(line, goods[i], shares[i], returned, order.needs_processing, f"$.line_items[{i}]")
            for i, line in enumerate(order.line_items)
        ]
        less = 0
        for i, fee in enumerate(order.fee_lines):
            amount = self.money(fee.total, f"$.fee_lines[{i}].total")
            tax = self.money(fee.total_tax, f"$.fee_lines[{i}].total_tax")
            price = amount + (tax if self._contained else 0)
            less += max(0, -price)
            made.append(
                Line(
                    line_ref=ref(fee.id, f"$.fee_lines[{i}].id"), quantity=1, current_quantity=1,
                    unit_price=max(0, price), title=name_of(fee.name or ""), tax=max(0, tax), fee=True,
                    requires_shipping=False,
                )
            )  # fmt: skip
        if not made:  # all were removed by hand: the store keeps no trace of them
            made.append(Line("0", 1, 1, 0, title="", tax=0, fee=True, requires_shipping=False))
        return tuple(sorted(made, key=lambda line: by_ref(line.line_ref))), less

    def _figures(self, line: LineBody, path: str) -> tuple[int, int, int]:
        """(before coupons, after coupons, tax of the latter), as the snapshot counts them."""
        after, tax = self.money(line.total, f"{path}.total"), self.money(line.total_tax, f"{path}.total_tax")
        before = after if line.subtotal in (None, "") else self.money(line.subtotal, f"{path}.subtotal")
        if self._contained:
            after += tax
            before += tax if line.subtotal_tax in (None, "") else self.money(line.subtotal_tax, f"{path}.subtotal_tax")
        # A line that was made dearer by hand has no discount: its price is what was taken.
        return max(before, after), after, tax

    def _line(
        self, line: LineBody, figures: tuple[int, int, int], allocations: list[Allocation], returned: dict[str, int],
        ships: bool, path: str,
    ) -> Line:  # fmt: skip
        before, _, tax = figures
        line_ref = ref(line.id, f"{path}.id")
        quantity = units(line.quantity, line.quantity, f"{path}.quantity")
        # Rounded up, and what that is too much stands as a discount of nobody: the sum stays the store's own.
        unit_price = -(-before // quantity)
        over = unit_price * quantity - before
        if over:
            allocations = [*allocations, Allocation(over)]
        product_ref = str(line.product_id) if line.product_id and line.product_id > 0 else None
        variation = line.variation_id if line.variation_id and line.variation_id > 0 else line.product_id
        return Line(
            line_ref=line_ref,
            quantity=quantity,
            current_quantity=max(0, quantity - returned.get(line_ref, 0)),
            unit_price=unit_price,
            product_ref=product_ref,
            variant_ref=None if product_ref is None else str(variation),
            title=name_of(line.name or ""),
            sku=clean(line.sku or ""),
            allocations=tuple(allocations),
            tax=tax,
            requires_shipping=ships,
        )

    def _coupons(self, coupons: Sequence[CouponBody]) -> list[tuple[str, int]]:
        """(code, what it took off), the first applied first."""
        found = []
        for i, coupon in sorted(enumerate(coupons), key=lambda pair: pair[1].id):
            amount = self.money(coupon.discount, f"$.coupon_lines[{i}].discount")
            if self._contained:
                amount += self.money(coupon.discount_tax, f"$.coupon_lines[{i}].discount_tax")
            if amount > 0:
                found.append((clean(coupon.code, 200), amount))
        return found

    def refund(self, body: RefundBody, order: OrderBody, path: str) -> Refund:
        """A refund record. What its lines, shipping and fees don't account for is money given back without an item."""
        lines, told, parts = [], 0, 0
        sold = {str(line.id): line.quantity for line in order.line_items} | {
            str(line.id): Decimal(1) for line in order.fee_lines
        }
        for name, rows in (("line_items", body.line_items), ("fee_lines", body.fee_lines)):
            for i, row in enumerate(rows):
                made = self._refund_line(row, sold, f"{path}.{name}[{i}]", fee=name == "fee_lines")
                if made is not None:
                    lines.append(made)
                    told += made.subtotal + (0 if self._contained else made.tax)
                    parts += 1
        shipping = tax = 0
        for i, sent in enumerate(body.shipping_lines):
            shipping -= self.money(sent.total, f"{path}.shipping_lines[{i}].total")
            tax -= self.money(sent.total_tax, f"{path}.shipping_lines[{i}].total_tax")
            parts += 1
        told += shipping + tax
        amount = abs(self.money(body.amount, f"{path}.amount"))
        refund_ref = ref(body.id, f"{path}.id")
        rest = amount - told
        # Each part may be rounded by half a unit; that is no money given back.
        bare = rest > parts
        return Refund(
            refund_ref=refund_ref,
            created_at=moment(body.date_created_gmt, f"{path}.date_created_gmt"),
            lines=tuple(sorted(lines, key=lambda line: by_ref(line.refund_line_ref))),
            adjustments=(Adjustment(refund_ref, "discrepancy", -rest),) if bare else (),
            shipping=shipping + (tax if self._contained else 0),
            shipping_tax=tax,
        )

    def _refund_line(self, row: LineBody, sold: dict[str, Decimal], path: str, *, fee: bool) -> RefundLine | None:
        """None for a line that names no line of the order (an old version's record, or an import's): its money counts
        as given back without an item."""
        line_ref = _refunded(row.meta_data)
        if line_ref not in sold:
            return None
        subtotal, tax = -self.money(row.total, f"{path}.total"), -self.money(row.total_tax, f"{path}.total_tax")
        back = Decimal(1) if fee else abs(row.quantity)
        return RefundLine(
            refund_line_ref=ref(row.id, f"{path}.id"),
            line_ref=line_ref,
            quantity=units(back, sold[line_ref], f"{path}.quantity", refunded=True) if subtotal > 0 or not fee else 0,
            subtotal=max(0, subtotal + (tax if self._contained else 0)),
            tax=max(0, tax),
        )


def _refunded(meta: Sequence[MetaBody]) -> str:
    """The order line that a refund's line is about: text or a number, as the store likes."""
    for each in meta:
        if each.key == "_refunded_item_id" and isinstance(each.value, str | int) and not isinstance(each.value, bool):
            return str(each.value)
    return ""


def units(quantity: Decimal, sold: Decimal, path: str, *, refunded: bool = False) -> int:
    """Whole units. A line sold by parts (0.5 kg, by a plug-in) is one unit, which is back when all of it is.

    A line of quantity 0 with money on it is one unit too; a refund may have 0 of them.
    """
    if not quantity.is_finite() or not sold.is_finite() or quantity < 0 or quantity > MOST:
        raise PayloadUnreadable(path, "isn't a quantity")
    if sold > 0 and sold == sold.to_integral_value():
        return int(quantity)
    if not refunded:
        return 1
    return int(quantity > 0 and quantity >= sold)


def _shares(discounts: Sequence[int], coupons: Sequence[tuple[str, int]]) -> list[list[Allocation]]:
    """Each line's discount, parted among the coupons in proportion to what each took off the order.

    What the coupons don't account for was made by hand, and is nobody's code. Rounded amounts differ by a unit a line.
    """
    whole, told = sum(discounts), sum(amount for _, amount in coupons)
    by_hand = whole - told if whole - told > len(discounts) else 0
    names: list[str | None] = [*(code for code, _ in coupons), *([None] if by_hand else [])]
    weights = [*(amount for _, amount in coupons), *([by_hand] if by_hand else [])]
    if not weights:
        return [[Allocation(each)] if each else [] for each in discounts]
    found = []
    for each in discounts:
        parts = zip(names, money.split(each, weights), strict=True)
        found.append([Allocation(part, name) for name, part in parts if part])
    return found


def _fulfilments(order: OrderBody, lines: Sequence[Line]) -> tuple[Fulfilment, ...]:
    """`completed` is the store's word for sent, all of it. Parcels, and when they came, it doesn't know."""
    if order.status not in ("completed", "refunded") or not order.date_completed_gmt:
        return ()
    sent = tuple(FulfilledLine(line.line_ref, line.quantity) for line in lines if not line.fee)
    return (Fulfilment("completed", moment(order.date_completed_gmt, "$.date_completed_gmt"), lines=sent),)


def name_of(text: str) -> str:
    """Names come as HTML: `Caf&eacute; &amp; tea`, now and then with tags."""
    return clean(" ".join(plain(text).split()))


def plain(text: str) -> str:
    if "<" in text:
        return plain_text(text)
    return html.unescape(text) if "&" in text else text


def ref(number: int, path: str) -> str:
    if number <= 0 or number >= 2**63:
        raise PayloadUnreadable(path, "isn't an id")
    return str(number)


def moment(text: str, path: str) -> datetime:
    """`2026-11-19T21:02:11` of a `…_gmt` field: UTC, without saying so. Errors: PayloadUnreadable."""
    try:
        return clock.parse(text if text[19:] else f"{text}+00:00")
    except (ValueError, OverflowError):
        raise PayloadUnreadable(path, f"{text[:40]!r} isn't a time") from None


def moment_or_none(text: str | None, path: str) -> datetime | None:
    return moment(text, path) if text else None
