"""Square's order, with what its payments and returns say, as our snapshot. Pure.

The base of a line is its total less its tax (and less its share of service charges): whether a tax is contained in the
price or comes on top is told by the line's own sums, so that the two kinds may meet in one order.
Refunds: what came back as goods names its lines; what is given back beside them is money without an item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

import msgspec

from connector.errors import PayloadUnreadable
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
from connector.platforms.links import TOKEN
from connector.platforms.reading import clean, moment, moment_or_none
from connector.platforms.sampling import METADATA, free, is_reference
from connector.platforms.square.payloads import (
    LineItem,
    Money,
    Order,
    OrderFulfilment,
    Payment,
    PaymentRefund,
    ReturnLine,
)

_GIFT_CARD = "GIFT_CARD"
_REFUND_STATUS: Mapping[str, TransactionStatus] = {
    "COMPLETED": "success",
    "APPROVED": "success",
    "PENDING": "pending",
    "REJECTED": "failure",
    "FAILED": "failure",
}


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What other calls say of an order. `returns`: id → order in which goods came back; `items`: variation → item."""

    payments: Sequence[Payment] = ()
    refunds: Sequence[PaymentRefund] = ()
    returns: Mapping[str, Order] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)


def to_snapshot(order: Order, after: Aftermath, carrier_key: str) -> OrderSnapshot:
    """Errors: PayloadUnreadable with the path of what can't be read, or contradicts itself."""
    currency = order.total_money.currency
    if not currency:
        raise PayloadUnreadable("$.order.total_money.currency", "is missing")
    contained = _contained(order.line_items)
    ships = any(each.type in ("SHIPMENT", "DELIVERY") for each in order.fulfillments)
    lines = tuple(
        _line(line, number, contained, currency, after.items, ships=ships)
        for number, line in enumerate(order.line_items)
    )
    units = {line.line_ref: line.quantity for line in lines}
    refunds = tuple(_refunds(after, units, contained, currency))
    back = _units_back(refunds)
    lines = tuple(_with_current(line, back.get(line.line_ref, 0)) for line in lines)
    changed = order.updated_at or order.created_at
    cancelled = order.state == "CANCELED"
    return OrderSnapshot(
        order_ref=order.id,
        number=clean(order.ticket_name) or order.id,
        created_at=moment(order.created_at, "$.order.created_at"),
        changed_at=moment(changed, "$.order.updated_at"),
        currency=currency,
        payment_status=_status(order, after, refunds),
        taxes_included=contained == "all",
        lines=lines,
        paid_at=_paid_at(order, after),
        cancelled_at=moment(order.closed_at or changed, "$.order.closed_at") if cancelled else None,
        completed=order.state != "DRAFT",
        sample=is_reference(order.metadata.get(METADATA)) and free(lines),
        gift_card_payment=any(tender.type == "SQUARE_GIFT_CARD" for tender in order.tenders),
        total_discounts=sum(allocation.amount for line in lines for allocation in line.allocations),
        total=order.total_money.amount,
        source=clean(order.source.name) if order.source else "",
        refunds=refunds,
        fulfilments=tuple(_fulfilments(order, units)),
        carriers=_carriers(order, carrier_key),
    )


def to_buyer(order: Order, after: Aftermath) -> Buyer:
    """Who bought: the recipient's address is the buyer's own in nearly every order that has one."""
    people = [each.details.recipient for each in order.fulfillments if each.details.recipient is not None]
    emails = [person.email_address for person in people] + [each.buyer_email_address for each in after.payments]
    phones = [person.phone_number for person in people]
    return Buyer(
        customer_ref=order.customer_id or None,
        email=next((each for each in emails if each), None),
        phone=next((each for each in phones if each), None),
    )


def _contained(lines: Sequence[LineItem]) -> str:
    """Is the tax in the prices: `all`, `none`, or `some` of it."""
    kinds = set()
    for line in lines:
        tax = line.total_tax_money.amount
        if tax:
            inside = _contained_tax(line)
            kinds.add("all" if inside == tax else "none" if inside == 0 else "some")
    return "some" if len(kinds) > 1 else kinds.pop() if kinds else "none"


def _contained_tax(line: LineItem) -> int:
    """The part of a line's tax that its gross price holds already: what the line's sums leave over."""
    on_top = (
        line.total_money.amount
        - line.gross_sales_money.amount
        + line.total_discount_money.amount
        - line.total_service_charge_money.amount
    )
    return line.total_tax_money.amount - on_top


def _line(line: LineItem, number: int, contained: str, currency: str, items: Mapping[str, str], *, ships: bool) -> Line:
    path = f"$.order.line_items[{number}]"
    for name, money in (("gross_sales_money", line.gross_sales_money), ("total_money", line.total_money)):
        if money.currency not in ("", currency):
            raise PayloadUnreadable(f"{path}.{name}.currency", f"is {money.currency[:8]!r} in an order of {currency}")
    inside = _contained_tax(line)
    tax = line.total_tax_money.amount
    if not 0 <= inside <= tax:
        raise PayloadUnreadable(f"{path}.total_money", "doesn't add up with the line's own price, discount and tax")
    # Where only a part of the taxes is contained, prices are told without any: the base stays total less tax.
    gross = line.gross_sales_money.amount - (inside if contained == "some" else 0)
    quantity, unit = _units(line.quantity, gross, f"{path}.quantity")
    variation = line.catalog_object_id
    discount = line.total_discount_money.amount
    return Line(
        line_ref=line.uid,
        quantity=quantity,
        current_quantity=quantity,
        unit_price=unit,
        product_ref=items.get(variation) if variation else None,
        variant_ref=variation,
        title=clean(" ".join(part for part in (line.name, line.variation_name) if part)),
        allocations=(Allocation(discount),) if discount else (),
        tax=tax,
        gift_card=line.item_type == _GIFT_CARD,
        requires_shipping=ships,
    )


def _units(text: str, gross: int, path: str) -> tuple[int, int]:
    """Whole units and the price of one. What is sold by weight, or whose price doesn't part evenly, is one unit."""
    count = _decimal(text, path)
    if count <= 0:
        raise PayloadUnreadable(path, f"{text[:20]!r} isn't a quantity above zero")
    whole = int(count)
    if count != whole or gross % whole:
        return 1, gross
    return whole, gross // whole


def _decimal(text: str, path: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise PayloadUnreadable(path, f"{text[:20]!r} isn't a number") from None
    if not value.is_finite() or abs(value) >= 10**9:
        raise PayloadUnreadable(path, f"{text[:20]!r} isn't a number of units")
    return value


def _refunds(after: Aftermath, units: Mapping[str, int], contained: str, currency: str) -> list[Refund]:
    found = []
    bearer = _bearers(after.refunds)
    for number, refund in enumerate(sorted(after.refunds, key=lambda each: (each.created_at, each.id))):
        path = f"$.refunds[{number}]"
        if refund.amount_money.currency not in ("", currency):
            raise PayloadUnreadable(f"{path}.amount_money.currency", f"is another one than the order's ({currency})")
        order = after.returns.get(refund.order_id)
        named = _return_lines(order, units, contained, path) if order is not None else ()
        lines = named if bearer[refund.order_id] == refund.id else ()
        given = sum(
            each.total_money.amount for back in (order.returns if order else ()) for each in back.return_line_items
        )
        rest = refund.amount_money.amount - given
        found.append(
            Refund(
                refund_ref=refund.id,
                created_at=moment(refund.created_at, f"{path}.created_at"),
                lines=lines,
                adjustments=_adjustments(refund, rest, itemised=bool(named)),
                transactions=(Transaction(refund.id, _REFUND_STATUS.get(refund.status, "pending")),),
            )
        )
    return found


def _bearers(refunds: Sequence[PaymentRefund]) -> dict[str, str]:
    """Order of a return → the refund that bears its lines. Goods that were paid by card and gift card are given back by
    two refunds of one return, and came back once: the first that didn't fail tells of them."""
    ranked = sorted(refunds, key=lambda each: (_REFUND_STATUS.get(each.status) == "failure", each.created_at, each.id))
    found: dict[str, str] = {}
    for each in ranked:
        found.setdefault(each.order_id, each.id)
    return found


def _adjustments(refund: PaymentRefund, rest: int, *, itemised: bool) -> tuple[Adjustment, ...]:
    """Money beside the lines that came back. More of it than the goods is a tip or a service charge given back: no
    commission hangs on those, and where goods are named the seller said what the refund is for."""
    if itemised or rest <= 0:
        return ()
    return (Adjustment(f"{refund.id}-amount", "discrepancy", -rest),)


def _return_lines(order: Order, units: Mapping[str, int], contained: str, path: str) -> tuple[RefundLine, ...]:
    lines = []
    for back in order.returns:
        for each in back.return_line_items:
            if not each.source_line_item_uid:
                continue  # goods of an order that Square doesn't know
            sold = units.get(each.source_line_item_uid, 0)
            lines.append(
                RefundLine(
                    refund_line_ref=each.uid or f"{order.id}-{each.source_line_item_uid}",
                    line_ref=each.source_line_item_uid,
                    quantity=_returned(each, sold, path),
                    subtotal=each.total_money.amount
                    - each.total_service_charge_money.amount
                    - (0 if contained == "all" else each.total_tax_money.amount),
                    tax=each.total_tax_money.amount,
                )
            )
    return tuple(lines)


def _returned(line: ReturnLine, sold: int, path: str) -> int:
    count = _decimal(line.quantity, f"{path}.quantity")
    if count == int(count) and 0 < int(count) <= max(sold, 1):
        return int(count)
    return min(1, sold)  # of what was sold by weight: the one unit that its line has


def _units_back(refunds: Sequence[Refund]) -> dict[str, int]:
    """Units that came back for good: a refund that failed took nothing back."""
    back: dict[str, int] = {}
    for refund in refunds:
        if any(each.status in ("failure", "error") for each in refund.transactions):
            continue
        for line in refund.lines:
            back[line.line_ref] = back.get(line.line_ref, 0) + line.quantity
    return back


def _with_current(line: Line, back: int) -> Line:
    return msgspec.structs.replace(line, current_quantity=max(0, line.quantity - back)) if back else line


def _status(order: Order, after: Aftermath, refunds: Sequence[Refund]) -> PaymentStatus:
    """By the money, never by the order's state: one that is open may be paid, one that is new is not."""
    took = [each for each in after.payments if each.status == "COMPLETED"]
    foreign = len(order.tenders) > len(after.payments)  # cash and the like: the tender alone tells
    if not took and not foreign:
        if any(each.status in ("APPROVED", "PENDING") for each in after.payments):
            return "authorized"
        if order.state == "CANCELED" or any(each.status in ("CANCELED", "FAILED") for each in after.payments):
            return "voided"
        return "paid" if _nothing_due(order) and order.total_money.amount == 0 and order.line_items else "pending"
    if not _nothing_due(order):
        return "partially_paid"
    given = sum(
        refund.amount_money.amount for refund in after.refunds if _REFUND_STATUS.get(refund.status) == "success"
    )
    if not given:
        return "paid"
    return "refunded" if given >= _taken(order) else "partially_refunded"


def _taken(order: Order) -> int:
    return sum(tender.amount_money.amount for tender in order.tenders)


def _nothing_due(order: Order) -> bool:
    due: Money | None = order.net_amount_due_money
    return due is not None and due.amount <= 0


def _paid_at(order: Order, after: Aftermath) -> datetime | None:
    if not _nothing_due(order):
        return None
    times = [each.created_at or each.updated_at for each in after.payments if each.status == "COMPLETED"]
    times += [tender.created_at for tender in order.tenders if tender.created_at and not after.payments]
    return moment_or_none(max(times) if times else None, "$.payment.created_at")


def _fulfilments(order: Order, units: Mapping[str, int]) -> list[Fulfilment]:
    found = []
    for number, each in enumerate(order.fulfillments):
        path = f"$.order.fulfillments[{number}]"
        if each.state != "COMPLETED":
            continue
        details = each.details
        done = details.picked_up_at or details.delivered_at or details.completed_at
        at = details.shipped_at or done or order.updated_at
        found.append(
            Fulfilment(
                fulfilment_ref=each.uid,
                created_at=moment(at, f"{path}.shipped_at"),
                # Fetched goods are in the buyer's hands; a parcel's arrival is told by nobody.
                delivered_at=moment(done, path) if done else None,
                lines=tuple(_fulfilled(each, units, path)),
            )
        )
    return found


def _fulfilled(each: OrderFulfilment, units: Mapping[str, int], path: str) -> list[FulfilledLine]:
    if each.line_item_application == "ENTRY_LIST" and each.entries:
        return [
            FulfilledLine(
                entry.line_item_uid,
                min(units.get(entry.line_item_uid, 1), max(1, int(_decimal(entry.quantity, f"{path}.entries")))),
            )
            for entry in each.entries
        ]
    return [FulfilledLine(ref, quantity) for ref, quantity in units.items()]


def _carriers(order: Order, key: str) -> tuple[Carrier, ...]:
    """Ours alone: metadata is private to the application that wrote it, the reference is anybody's to set."""
    found = []
    value = order.metadata.get(key)
    if value and TOKEN.fullmatch(value):
        found.append(Carrier("order_metadata", value, key))
    if order.reference_id and TOKEN.fullmatch(order.reference_id) and not is_reference(order.reference_id):
        found.append(Carrier("order_metadata", order.reference_id, "reference_id"))
    return tuple(found)
