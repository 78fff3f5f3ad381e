"""REST-shaped webhook bodies to snapshots and refunds.

Units: bare amounts of a body are in the shop's currency. Source: payloads.py and the fact sheet, section 6.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connector.errors import PayloadUnreadable
from connector.events import (
    Adjustment,
    Allocation,
    Buyer,
    Carrier,
    Dispute,
    FulfilledLine,
    Fulfilment,
    Line,
    OrderSnapshot,
    Refund,
    RefundLine,
    Transaction,
)
from connector.platforms.reading import amount, known, moment, moment_or_none
from connector.platforms.shopify import snapshot
from connector.platforms.shopify.payloads import (
    DisputeBody,
    FulfilmentBody,
    LineItemBody,
    MoneySetBody,
    OrderBody,
    RefundBody,
    RefundLineBody,
    TaxLineBody,
)


def to_snapshot(order: OrderBody) -> OrderSnapshot:
    """A whole order. Errors: PayloadUnreadable(path)."""
    currency = order.currency
    status = snapshot.payment_status(order.financial_status, "$.financial_status")
    duties = order.duties_included
    codes = {i: a.code for i, a in enumerate(order.discount_applications) if a.type == "discount_code"}
    lines = tuple(_line(line, currency, codes, f"$.line_items[{i}]", duties) for i, line in enumerate(order.line_items))
    shipping, shipping_discounts = _shipping(order)
    made = OrderSnapshot(
        order_ref=str(order.id),
        number=order.name,
        created_at=moment(order.created_at, "$.created_at"),
        changed_at=moment(order.updated_at, "$.updated_at"),
        currency=currency,
        payment_status=status,
        taxes_included=order.taxes_included,
        lines=lines,
        paid_at=snapshot.paid_at(status, moment_or_none(order.processed_at, "$.processed_at")),
        cancelled_at=moment_or_none(order.cancelled_at, "$.cancelled_at"),
        test=order.test,
        sample=snapshot.is_sample(order.tags.split(",")),
        gift_card_payment=snapshot.by_gift_card(order.payment_gateway_names),
        total_discounts=amount(order.total_discounts or "0", currency, "$.total_discounts"),
        shipping_discounts=shipping_discounts,
        shipping=shipping,
        total=amount(order.total_price or "0", currency, "$.total_price"),
        source=order.source_name or "",
        refunds=tuple(to_refund(r, currency, f"$.refunds[{i}]") for i, r in enumerate(order.refunds)),
        fulfilments=tuple(
            _fulfilment(f, f"$.fulfillments[{i}]")
            for i, f in enumerate(order.fulfillments)
            if (f.status or "").lower() not in snapshot.NOT_FULFILLED
        ),
    )
    carriers = [
        *(snapshot.token_carrier(a.name, a.value) for a in order.note_attributes),
        *(snapshot.token_carrier(p.name, p.value, str(line.id)) for line in order.line_items for p in line.properties),
        snapshot.referral_carrier(order.source_identifier),
        *(snapshot.code_carrier(code) for code in codes.values()),
    ]
    return snapshot.sealed(made, carriers)


def to_hints(order: OrderBody) -> tuple[Carrier, ...]:
    """What the first page of the visit brought, and from which host it came. The API doesn't tell it in this form, so
    it isn't in the snapshot."""
    came_from = snapshot.referrer_carrier(order.referring_site)
    return tuple(dict.fromkeys([*snapshot.landing_carriers(order.landing_site), *([came_from] if came_from else [])]))


def to_buyer(order: OrderBody) -> Buyer:
    """Any of it may be absent without Shopify's approval of protected customer data."""
    customer = order.customer
    return Buyer(
        customer_ref=None if customer is None or customer.id is None else str(customer.id),
        email=order.email or (customer.email if customer else None) or None,
        phone=order.phone or (customer.phone if customer else None) or None,
    )


def to_refund(refund: RefundBody, currency: str, path: str) -> Refund:
    """A refund of refunds/create, or one inside an order: the same record gives an equal refund.

    Errors: PayloadUnreadable(path), also for money of another currency than the order's.
    """
    if not in_currency(refund, currency):
        raise PayloadUnreadable(f"{path}.shop_money.currency_code", f"isn't {currency}, the currency of its order")
    return snapshot.sealed_refund(
        Refund(
            refund_ref=str(refund.id),
            created_at=moment(refund.created_at, f"{path}.created_at"),
            lines=tuple(
                _refund_line(row, currency, f"{path}.refund_line_items[{i}]")
                for i, row in enumerate(refund.refund_line_items)
            ),
            adjustments=tuple(
                Adjustment(
                    adjustment_ref=str(row.id),
                    kind=snapshot.adjustment_kind(row.kind, row.reason),
                    amount=amount(row.amount, currency, f"{path}.order_adjustments[{i}].amount"),
                    tax=amount(row.tax_amount or "0", currency, f"{path}.order_adjustments[{i}].tax_amount"),
                )
                for i, row in enumerate(refund.order_adjustments)
            ),
            transactions=tuple(
                Transaction(str(row.id), snapshot.transaction_status(row.status))
                for row in refund.transactions
                if snapshot.is_refund_transaction(row.kind)
            ),
            shipping=_sum([row.subtotal_amount_set for row in refund.refund_shipping_lines], currency, path),
            shipping_tax=_sum([row.tax_amount_set for row in refund.refund_shipping_lines], currency, path),
        )
    )


def in_currency(refund: RefundBody, currency: str) -> bool:
    """Does a refund that came alone speak of this money? One of an order from before the shop changed its currency
    doesn't: only the order knows how to read it."""
    bags = [bag for row in refund.refund_line_items for bag in (row.subtotal_set, row.total_tax_set)]
    bags += [row.subtotal_amount_set for row in refund.refund_shipping_lines]
    bags += [row.amount_set for row in refund.order_adjustments]
    return all(bag is None or bag.shop_money.currency_code == currency for bag in bags)


def _sum(bags: list[MoneySetBody | None], currency: str, path: str) -> int:
    """Shipping that was given back; a set that is absent counts nothing, since no commission hangs on it."""
    where = f"{path}.refund_shipping_lines"
    return sum(amount(bag.shop_money.amount, currency, where) for bag in bags if bag is not None)


def to_dispute(body: DisputeBody, said_at: datetime | None) -> Dispute:
    """disputes/create and disputes/update. The amount keeps its own currency: the shop's may have changed since the
    order, and it is the order's that counts."""
    opened = moment(body.initiated_at, "$.initiated_at")
    closed = None if body.finalized_on is None else _finalized(body.finalized_on)
    money = None
    if body.amount is not None and body.currency and known(body.currency):
        money = amount(body.amount, body.currency, "$.amount")
    return Dispute(
        dispute_ref=str(body.id),
        status=snapshot.dispute_status(body.status),
        said_at=said_at or closed or opened,
        amount=money,
        opened_at=opened,
        closed_at=closed,
        currency="" if money is None else body.currency or "",
    )


def _finalized(text: str) -> datetime:
    """A time, or a bare day: its first moment."""
    return moment(f"{text}T00:00:00Z" if len(text) == 10 else text, "$.finalized_on")


def _line(line: LineItemBody, currency: str, codes: dict[int, str | None], path: str, duties: bool) -> Line:
    # Null when the product is deleted, in the API too; a body may keep the number beside product_exists=false.
    product_ref = str(line.product_id) if line.product_id is not None and line.product_exists else None
    title = line.title or ""
    tax, rates = _tax(line.tax_lines, currency, path)
    return Line(
        line_ref=str(line.id),
        quantity=line.quantity,
        current_quantity=line.quantity if line.current_quantity is None else line.current_quantity,
        unit_price=amount(line.price, currency, f"{path}.price"),
        product_ref=product_ref,
        variant_ref=None if line.variant_id is None or product_ref is None else str(line.variant_id),
        title=title,
        sku=line.sku or "",
        allocations=tuple(
            Allocation(
                amount=amount(a.amount, currency, f"{path}.discount_allocations.amount"),
                code=codes.get(a.discount_application_index),
            )
            for a in sorted(line.discount_allocations, key=lambda a: a.discount_application_index)
        ),
        tax=tax,
        tax_rates=rates,
        gift_card=line.gift_card,
        tip=snapshot.is_tip(product_ref, title),
        requires_shipping=line.requires_shipping,
        duty=_duty(line, currency, path) if duties else 0,
    )


def _duty(line: LineItemBody, currency: str, path: str) -> int:
    """Import duties that the line's price contains."""
    total = 0
    for i, duty in enumerate(line.duties):
        given = duty.shop_money or (duty.price_set.shop_money if duty.price_set else None)
        if given is None:
            raise PayloadUnreadable(f"{path}.duties[{i}].shop_money", "is absent")
        total += amount(given.amount, currency, f"{path}.duties[{i}].shop_money.amount")
    return total


def _tax(tax_lines: list[TaxLineBody], currency: str, path: str) -> tuple[int | None, tuple[Decimal, ...]]:
    """The sum of the amounts; rates only where Shopify gave no amounts."""
    if any(tax.price is None for tax in tax_lines):
        return None, tuple(tax.rate for tax in tax_lines if tax.rate is not None)
    return sum(amount(t.price or "0", currency, f"{path}.tax_lines[{i}].price") for i, t in enumerate(tax_lines)), ()


def _shipping(order: OrderBody) -> tuple[int, int]:
    """Price net of its discounts, of lines that stand; discounts of all, since total_discounts counts them all."""
    price = discounts = 0
    for i, line in enumerate(order.shipping_lines):
        path = f"$.shipping_lines[{i}]"
        if not line.is_removed:
            price += amount(line.discounted_price, order.currency, f"{path}.discounted_price")
        discounts += sum(
            amount(a.amount, order.currency, f"{path}.discount_allocations") for a in line.discount_allocations
        )
    return price, discounts


def _refund_line(row: RefundLineBody, currency: str, path: str) -> RefundLine:
    return RefundLine(
        refund_line_ref=str(row.id),
        line_ref=str(row.line_item_id),
        quantity=row.quantity,
        subtotal=_exact(row.subtotal_set, row.subtotal, currency, f"{path}.subtotal"),
        tax=_exact(row.total_tax_set, row.total_tax, currency, f"{path}.total_tax"),
    )


def _exact(bag: MoneySetBody | None, number: Decimal | None, currency: str, path: str) -> int:
    """The set's decimal string where there is one: the bare number was a float on its way through Shopify."""
    if bag is not None:
        return amount(bag.shop_money.amount, currency, f"{path}_set.shop_money.amount")
    if number is None:
        raise PayloadUnreadable(path, "is absent")
    return amount(number, currency, path)


def _fulfilment(body: FulfilmentBody, path: str) -> Fulfilment:
    delivered = (body.shipment_status or "").lower() == "delivered"
    return Fulfilment(
        fulfilment_ref=str(body.id),
        created_at=moment(body.created_at, f"{path}.created_at"),
        delivered_at=moment(body.updated_at, f"{path}.updated_at") if delivered else None,
        lines=tuple(FulfilledLine(str(row.id), row.quantity) for row in body.line_items),
    )
