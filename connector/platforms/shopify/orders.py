"""Orders through the Admin GraphQL API: one whole order, and which orders changed.

The whole order is read in two questions (what was sold, and what happened since), each list paged to its end. When the
order changes between the questions, they are asked again: a snapshot is of one version.

With read_orders alone Shopify shows orders of the last 60 days: `one` then gives None for an older one, which is not a
deletion. Source: fact sheet, sections 1.8, 3, 4 and 6; documents.py for each field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

from connector import clock, telemetry
from connector.errors import PayloadUnreadable, PlatformBusy, PlatformRefused
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
    Return,
    Transaction,
)
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.reading import amount, moment, moment_or_none
from connector.platforms.shopify import documents, snapshot
from connector.platforms.shopify.client import TooDear, ask
from connector.platforms.shopify.ids import gid, ref
from connector.platforms.shopify.payloads import (
    AdjustmentNode,
    AftermathAnswer,
    AftermathIdsAnswer,
    AftermathNode,
    ApplicationNode,
    FulfilledLineNode,
    FulfilmentAnswer,
    FulfilmentNode,
    JourneyAnswer,
    JourneyOrderNode,
    JourneysAnswer,
    LineItemNode,
    MoneyBagNode,
    Node,
    OrderAnswer,
    OrderDutiesAnswer,
    OrderHeadsAnswer,
    OrderNode,
    OrderRestAnswer,
    OrderRestNode,
    OrdersAnswer,
    Page,
    RefundAnswer,
    RefundLineNode,
    RefundNode,
    ShippingLineNode,
    TransactionNode,
    WholeOrderNode,
)

LINES = 40
REFUNDS, FULFILMENTS = 4, 5  # as many as one question holds with their lists
MOST_LISTED = 250  # Shopify's `first`; an order with more refunds isn't read in part
HEADS = 100
TOGETHER, FEW_LINES, FEW_PARTS = 6, 4, 2  # small orders that one question holds, and what makes an order small
WINDOW_PAGES = 200  # 20,000 orders: cursors end at 25,000, so a new window begins before
TRIES = 4
_TOKENS = ("cart_attribute", "line_property", "referral")
_log = telemetry.logger(__name__)
_CURSORS = {
    "refund_line_items": "lines", "refund_shipping_lines": "shipping", "order_adjustments": "adjustments",
    "transactions": "transactions",
}  # fmt: skip

N = TypeVar("N")


class Moved(Exception):
    """The order changed while it was read."""


class Orders:
    """The contract's `Orders` for Shopify."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        order_id = gid("Order", order_ref)
        for _ in range(TRIES):
            read_at = clock.now()
            try:
                found = _read(client, order_id)
            except Moved:
                continue
            if found is None:
                return None
            order, aftermath, duties = found
            made = _as_read(order, aftermath, duties, read_at)
            return replace(made, hints=_journey(client, order_id)) if _brought_nothing(made.snapshot) else made
        raise PlatformBusy(f"{client.domain}: order {order_ref} changes faster than it can be read", retry_after=5.0)

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """Heads by change time, oldest first. The checkpoint is `page|window start|cursor`, ours to read."""
        page, start, cursor = _checkpoint(checkpoint, since)
        heads, cursor = _heads(client, documents.ORDERS_CHANGED, cursor, f"updated_at:>='{start}'")
        return OrderPage(heads, next_checkpoint(page, start, cursor, heads[-1].changed_at if heads else None))

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        """Heads by creation time. The checkpoint is as that of `changed`."""
        page, start, cursor = _checkpoint(checkpoint, since)
        query = f"created_at:>='{start}' created_at:<'{instant(until)}'"
        heads, cursor = _heads(client, documents.ORDERS_PLACED, cursor, query)
        return OrderPage(heads, next_checkpoint(page, start, cursor, heads[-1].created_at if heads else None))

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        """Small orders several at once, whole and each in one version; the others by `one`."""
        found: dict[str, OrderRead | None] = {}
        waiting, size = list(dict.fromkeys(order_refs)), TOGETHER
        while waiting:
            part = waiting[:size]
            read_at = clock.now()
            try:
                nodes = _several(client, part)
            except TooDear:
                if size == 1:
                    raise
                size //= 2
                continue
            waiting = waiting[size:]
            bare: dict[str, OrderRead] = {}  # they brought no token: the journey is asked for, as `one` does
            for order_ref, node in zip(part, nodes, strict=True):
                if node is None:
                    found[order_ref] = None
                elif _fits(node):
                    aftermath = AftermathNode(
                        updated_at=node.updated_at, refunds=node.every_refund, fulfillments=node.parcels
                    )
                    found[order_ref] = made = _as_read(node, aftermath, {}, read_at)
                    if _brought_nothing(made.snapshot):
                        bare[order_ref] = made
                else:
                    found[order_ref] = self.one(client, order_ref)
            for order_ref, hints in _journeys(client, list(bare)).items():
                found[order_ref] = replace(bare[order_ref], hints=hints)
        return found


def _heads(client: Client, document: str, after: str | None, query: str) -> tuple[list[OrderHead], str | None]:
    variables = {"first": HEADS, "after": after, "query": query}
    answer = ask(client, document, variables, OrderHeadsAnswer, cost=HEADS + 2).orders
    heads = [
        OrderHead(
            order_ref=ref(node.id, f"$.orders.nodes[{i}].id"),
            number=node.name,
            created_at=moment(node.created_at, f"$.orders.nodes[{i}].createdAt"),
            changed_at=moment(node.updated_at, f"$.orders.nodes[{i}].updatedAt"),
        )
        for i, node in enumerate(answer.nodes)
    ]
    return heads, answer.cursor


def _several(client: Client, order_refs: Sequence[str]) -> list[WholeOrderNode | None]:
    ids = [gid("Order", order_ref) for order_ref in order_refs]
    variables = {"ids": ids, "lines": FEW_LINES, "buyer": "read_customers" in client.grant.scopes}
    answer = ask(
        client, documents.ORDERS, variables, OrdersAnswer, cost=164 * len(ids), spare=("nodes.customer",)
    ).nodes
    if len(answer) != len(ids) or any(node and node.id != wanted for node, wanted in zip(answer, ids, strict=True)):
        raise PayloadUnreadable("$.nodes", "answers other ids than were asked for")
    return answer


def _fits(node: WholeOrderNode) -> bool:
    """All of its lists came whole. Lists without a cursor are whole only when they are shorter than what was asked."""
    pages: list[Page[Any]] = [node.line_items, node.discount_applications, node.shipping_lines]
    for refund in node.every_refund:
        pages += [
            refund.refund_line_items, refund.refund_shipping_lines, refund.order_adjustments, refund.transactions
        ]  # fmt: skip
    pages += [parcel.fulfillment_line_items for parcel in node.parcels]
    whole = len(node.every_refund) < FEW_PARTS and len(node.parcels) < FEW_PARTS
    return whole and not node.duties_included and all(page.cursor is None for page in pages)


def _as_read(order: OrderNode, aftermath: AftermathNode, duties: Mapping[str, int], read_at: datetime) -> OrderRead:
    customer = order.customer
    return OrderRead(
        snapshot=to_snapshot(order, aftermath, duties),
        buyer=Buyer(customer_ref=None if customer is None else ref(customer.id, "$.order.customer.id")),
        read_at=read_at,
        disputes=tuple(
            Dispute(ref(node.id, "$.order.disputes.id"), snapshot.dispute_status(node.status), said_at=read_at)
            for node in order.disputes
        ),
        returns=() if order.return_status is None else (_return(order.return_status, read_at),),
    )


def _return(word: str, read_at: datetime) -> Return:
    """One status for all returns of the order. They have ids and lines of their own, which need read_returns."""
    return Return("order", snapshot.return_status(word), said_at=read_at)


def _brought_nothing(order: OrderSnapshot) -> bool:
    return not order.test and not any(carrier.kind in _TOKENS for carrier in order.carriers)


def _journey(client: Client, order_id: str) -> tuple[Carrier, ...]:
    """What the store's analytics saw of the buyer's first and last visit. A store that won't tell is no failure."""
    try:
        order = ask(client, documents.ORDER_JOURNEY, {"id": order_id}, JourneyAnswer, cost=7).order
    except (PlatformRefused, PayloadUnreadable) as error:
        _log.info("journey.not_told", domain=client.domain, problem=type(error).__name__)
        return ()
    return _visits(order)


def _journeys(client: Client, order_refs: Sequence[str]) -> dict[str, tuple[Carrier, ...]]:
    """As `_journey`, of several orders in one question; those that it tells nothing of are left out."""
    if not order_refs:
        return {}
    ids = [gid("Order", order_ref) for order_ref in order_refs]
    try:
        nodes = ask(client, documents.ORDER_JOURNEYS, {"ids": ids}, JourneysAnswer, cost=7 * len(ids)).nodes
    except (PlatformRefused, PayloadUnreadable) as error:
        _log.info("journey.not_told", domain=client.domain, problem=type(error).__name__)
        return {}
    told = {ref(node.id, "$.nodes.id"): _visits(node) for node in nodes if node is not None}
    return {order_ref: told[order_ref] for order_ref in order_refs if told.get(order_ref)}


def _visits(order: JourneyOrderNode | None) -> tuple[Carrier, ...]:
    summary = order.customer_journey_summary if order is not None else None
    found: list[Carrier] = []
    for visit in (summary.first_visit, summary.last_visit) if summary is not None else ():
        if visit is None:
            continue
        campaign = visit.utm_parameters
        words = urlencode(
            {"ref": visit.referral_code or "", "utm_content": (campaign.content if campaign else "") or ""}
        )
        found += snapshot.landing_carriers(visit.landing_page, "store_journey")
        found += snapshot.landing_carriers(f"?{words}", "store_journey")
    return tuple(dict.fromkeys(found))


def instant(moment_: datetime) -> str:
    return moment_.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checkpoint(text: str | None, since: datetime) -> tuple[int, str, str | None]:
    if text is None:
        return 0, instant(since), None
    page, start, cursor = text.split("|", 2)
    return int(page), start, cursor or None


def next_checkpoint(page: int, start: str, cursor: str | None, last: datetime | None) -> str | None:
    """Where to go on. Now and then a new window begins at the last change seen, since cursors end at 25,000 rows; its
    first rows are seen twice. It never begins where the old one did, or a burst in one second would never end."""
    if cursor is None:
        return None
    if page + 1 >= WINDOW_PAGES and last is not None and instant(last) > start:
        return f"0|{instant(last)}|"
    return f"{page + 1}|{start}|{cursor}"


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(client: Client, order_id: str) -> tuple[OrderNode, AftermathNode, dict[str, int]] | None:
    lines = LINES
    buyer = "read_customers" in client.grant.scopes
    while True:
        variables = {"id": order_id, "lines": lines, "buyer": buyer}
        try:
            order = ask(
                client, documents.ORDER, variables, OrderAnswer, cost=72 + 13 * lines, spare=("order.customer",)
            ).order
            break
        except TooDear:
            if lines == 1:
                raise
            lines //= 2
    if order is None:
        return None
    _page_lists(client, order, lines)
    duties = _duties(client, order) if order.duties_included else {}
    if not order.refunds and not order.fulfillments:
        return order, AftermathNode(updated_at=order.updated_at), duties
    return order, _aftermath(client, order), duties


def _duties(client: Client, order: OrderNode) -> dict[str, int]:
    """Line id → the duty that its price contains."""
    found: dict[str, int] = {}
    cursor: str | None = None
    while True:
        variables = {"id": order.id, "first": 100, "after": cursor}
        rest = ask(client, documents.ORDER_DUTIES, variables, OrderDutiesAnswer, cost=403).order
        if rest is None or rest.updated_at != order.updated_at:
            raise Moved
        for node in rest.line_items.nodes:
            found[node.id] = sum(
                _money(duty.price, order.currency_code, "$.order.lineItems.nodes.duties") for duty in node.duties
            )
        cursor = rest.line_items.cursor
        if cursor is None:
            return found


def _page_lists(client: Client, order: OrderNode, size: int) -> None:
    """Append the further pages of the order's own lists."""
    _rest(client, order, documents.ORDER_LINES, size, order.line_items, lambda rest: rest.line_items)
    applications = order.discount_applications
    _rest(client, order, documents.ORDER_APPLICATIONS, 50, applications, lambda rest: rest.discount_applications)
    _rest(client, order, documents.ORDER_SHIPPING, 50, order.shipping_lines, lambda rest: rest.shipping_lines)


def _rest(
    client: Client,
    order: OrderNode,
    document: str,
    size: int,
    page: Page[N],
    pick: Callable[[OrderRestNode], Page[N] | None],
) -> None:
    cursor = page.cursor
    while cursor is not None:
        variables = {"id": order.id, "first": size, "after": cursor}
        rest = ask(client, document, variables, OrderRestAnswer, cost=13 * size + 3).order
        if rest is None or rest.updated_at != order.updated_at:
            raise Moved
        more = pick(rest)
        if more is None:
            raise PayloadUnreadable("$.order", "a list that was asked for is absent")
        page.nodes.extend(more.nodes)
        cursor = more.cursor


def _aftermath(client: Client, order: OrderNode) -> AftermathNode:
    variables = {"id": order.id, "refunds": REFUNDS, "fulfilments": FULFILMENTS}
    found = ask(client, documents.AFTERMATH, variables, AftermathAnswer, cost=780).order
    if found is None or found.updated_at != order.updated_at:
        raise Moved
    if len(found.refunds) == REFUNDS or len(found.fulfillments) == FULFILMENTS:
        _add_unlisted(client, order, found)
    for refund in found.refunds:
        _page_refund(client, refund)
    for fulfilment in found.fulfillments:
        _page_fulfilment(client, fulfilment)
    return found


def _add_unlisted(client: Client, order: OrderNode, found: AftermathNode) -> None:
    """`refunds` and `fulfillments` have no cursor: list their ids, then read alone those that didn't fit."""
    ids = ask(client, documents.AFTERMATH_IDS, {"id": order.id}, AftermathIdsAnswer, cost=502).order
    if ids is None or ids.updated_at != order.updated_at:
        raise Moved
    for name, listed in (("refunds", ids.refunds), ("fulfillments", ids.fulfillments)):
        if len(listed) >= MOST_LISTED:
            raise PayloadUnreadable(f"$.order.{name}", f"there are {MOST_LISTED} or more, too many to be sure of all")
    known = {refund.id for refund in found.refunds}
    found.refunds.extend(_refund(client, node.id) for node in ids.refunds if node.id not in known)
    known = {fulfilment.id for fulfilment in found.fulfillments}
    found.fulfillments.extend(_fulfilment(client, node.id) for node in ids.fulfillments if node.id not in known)


def _refund(client: Client, refund_id: str, **after: str | None) -> RefundNode:
    variables = {"id": refund_id, "first": 50, **after}
    refund = ask(client, documents.REFUND, variables, RefundAnswer, cost=662).refund
    if refund is None:
        raise Moved
    return refund


def _fulfilment(client: Client, fulfilment_id: str, after: str | None = None) -> FulfilmentNode:
    variables = {"id": fulfilment_id, "first": 250, "after": after}
    fulfilment = ask(client, documents.FULFILMENT, variables, FulfilmentAnswer, cost=503).fulfillment
    if fulfilment is None:
        raise Moved
    return fulfilment


def _page_refund(client: Client, refund: RefundNode) -> None:
    """The lists of a refund, each from its own cursor; what comes again beside them is left."""
    for name in _CURSORS:
        page: Page[Node] = getattr(refund, name)
        cursor = page.cursor
        while cursor is not None:
            more: Page[Node] = getattr(_refund(client, refund.id, **{_CURSORS[name]: cursor}), name)
            page.nodes.extend(more.nodes)
            cursor = more.cursor


def _page_fulfilment(client: Client, fulfilment: FulfilmentNode) -> None:
    lines = fulfilment.fulfillment_line_items
    cursor = lines.cursor
    while cursor is not None:
        more = _fulfilment(client, fulfilment.id, cursor).fulfillment_line_items
        lines.nodes.extend(more.nodes)
        cursor = more.cursor


# --- translating ------------------------------------------------------------------------------------------------------


NO_DUTIES: Mapping[str, int] = MappingProxyType({})


def to_snapshot(order: OrderNode, aftermath: AftermathNode, duties: Mapping[str, int] = NO_DUTIES) -> OrderSnapshot:
    """Answers to the two questions, as the snapshot that a webhook of the same version gives.

    Units:  shop money in minor units of the order's currency. Errors: PayloadUnreadable(path).
    """
    currency = order.currency_code
    processed_at = moment_or_none(order.processed_at, "$.order.processedAt")
    status = snapshot.payment_status(order.display_financial_status, "$.order.displayFinancialStatus")
    codes = {a.index: a.code for a in order.discount_applications.nodes if _is_code(a)}
    lines = tuple(
        _line(node, currency, codes, f"$.order.lineItems.nodes[{i}]", duties.get(node.id, 0))
        for i, node in enumerate(order.line_items.nodes)
    )
    shipping, shipping_discounts = _shipping(order.shipping_lines.nodes, currency)
    discounts = order.total_discounts_set
    made = OrderSnapshot(
        order_ref=ref(order.id, "$.order.id"),
        number=order.name,
        created_at=moment(order.created_at, "$.order.createdAt"),
        changed_at=moment(order.updated_at, "$.order.updatedAt"),
        currency=currency,
        payment_status=status,
        taxes_included=order.taxes_included,
        lines=lines,
        paid_at=snapshot.paid_at(status, processed_at),
        cancelled_at=moment_or_none(order.cancelled_at, "$.order.cancelledAt"),
        test=order.test,
        sample=snapshot.is_sample(order.tags),
        gift_card_payment=snapshot.by_gift_card(order.payment_gateway_names),
        total_discounts=0 if discounts is None else _money(discounts, currency, "$.order.totalDiscountsSet"),
        shipping_discounts=shipping_discounts,
        shipping=shipping,
        total=_money(order.total_price_set, currency, "$.order.totalPriceSet"),
        source=order.source_name or "",
        refunds=tuple(_to_refund(r, currency, f"$.order.refunds[{i}]") for i, r in enumerate(aftermath.refunds)),
        fulfilments=tuple(
            _to_fulfilment(f, f"$.order.fulfillments[{i}]")
            for i, f in enumerate(aftermath.fulfillments)
            if f.status.lower() not in snapshot.NOT_FULFILLED
        ),
    )
    carriers = [
        *(snapshot.token_carrier(a.key, a.value) for a in order.custom_attributes),
        *(
            snapshot.token_carrier(a.key, a.value, line.line_ref)
            for line, node in zip(lines, order.line_items.nodes, strict=True)
            for a in node.custom_attributes
        ),
        snapshot.referral_carrier(order.source_identifier),
        *(snapshot.code_carrier(code) for code in codes.values()),
    ]
    return snapshot.sealed(made, carriers)


def _money(bag: MoneyBagNode, currency: str, path: str) -> int:
    return amount(bag.shop_money.amount, currency, f"{path}.shopMoney.amount")


def _is_code(application: ApplicationNode) -> bool:
    return application.typename == "DiscountCodeApplication"


def _line(node: LineItemNode, currency: str, codes: dict[int, str | None], path: str, duty: int) -> Line:
    product_ref = None if node.product is None else ref(node.product.id, f"{path}.product.id")
    return Line(
        line_ref=ref(node.id, f"{path}.id"),
        quantity=node.quantity,
        current_quantity=node.current_quantity,
        unit_price=_money(node.original_unit_price_set, currency, f"{path}.originalUnitPriceSet"),
        product_ref=product_ref,
        variant_ref=None if node.variant is None else ref(node.variant.id, f"{path}.variant.id"),
        title=node.title,
        sku=node.sku or "",
        allocations=tuple(
            Allocation(
                amount=_money(a.allocated_amount_set, currency, f"{path}.discountAllocations"),
                code=codes.get(a.discount_application.index),
            )
            for a in sorted(node.discount_allocations, key=lambda a: a.discount_application.index)
        ),
        tax=sum(_money(t.price_set, currency, f"{path}.taxLines") for t in node.tax_lines),
        gift_card=node.is_gift_card,
        tip=snapshot.is_tip(product_ref, node.title),
        requires_shipping=node.requires_shipping,
        duty=duty,
    )


def _shipping(nodes: list[ShippingLineNode], currency: str) -> tuple[int, int]:
    path = "$.order.shippingLines"
    price = sum(_money(line.discounted_price_set, currency, path) for line in nodes if not line.is_removed)
    discounts = sum(_money(a.allocated_amount_set, currency, path) for line in nodes for a in line.discount_allocations)
    return price, discounts


def _to_refund(node: RefundNode, currency: str, path: str) -> Refund:
    return Refund(
        refund_ref=ref(node.id, f"{path}.id"),
        created_at=moment(node.created_at or node.processed_at, f"{path}.createdAt"),
        lines=tuple(_to_refund_line(row, currency, path) for row in node.refund_line_items.nodes),
        adjustments=tuple(_to_adjustment(row, currency, path) for row in node.order_adjustments.nodes),
        transactions=tuple(
            _to_transaction(row, path) for row in node.transactions.nodes if snapshot.is_refund_transaction(row.kind)
        ),
        shipping=_sum([row.subtotal_amount_set for row in node.refund_shipping_lines.nodes], currency, path),
        shipping_tax=_sum([row.tax_amount_set for row in node.refund_shipping_lines.nodes], currency, path),
    )


def _sum(bags: Sequence[MoneyBagNode | None], currency: str, path: str) -> int:
    return sum(_money(bag, currency, f"{path}.refundShippingLines.nodes") for bag in bags if bag is not None)


def _to_refund_line(row: RefundLineNode, currency: str, path: str) -> RefundLine:
    if row.id is None:  # nullable in the schema; without it a refund can't be told from its repetition
        raise PayloadUnreadable(f"{path}.refundLineItems.nodes.id", "is null")
    return RefundLine(
        refund_line_ref=ref(row.id, f"{path}.refundLineItems.nodes.id"),
        line_ref=ref(row.line_item.id, f"{path}.refundLineItems.nodes.lineItem.id"),
        quantity=row.quantity,
        subtotal=_money(row.subtotal_set, currency, f"{path}.refundLineItems.nodes.subtotalSet"),
        tax=_money(row.total_tax_set, currency, f"{path}.refundLineItems.nodes.totalTaxSet"),
    )


def _to_adjustment(row: AdjustmentNode, currency: str, path: str) -> Adjustment:
    tax = row.tax_amount_set
    return Adjustment(
        adjustment_ref=ref(row.id, f"{path}.orderAdjustments.nodes.id"),
        kind=snapshot.adjustment_kind(None, row.reason),
        amount=_money(row.amount_set, currency, f"{path}.orderAdjustments.nodes.amountSet"),
        tax=0 if tax is None else _money(tax, currency, f"{path}.orderAdjustments.nodes.taxAmountSet"),
    )


def _to_transaction(row: TransactionNode, path: str) -> Transaction:
    return Transaction(
        transaction_ref=ref(row.id, f"{path}.transactions.nodes.id"), status=snapshot.transaction_status(row.status)
    )


def _to_fulfilment(node: FulfilmentNode, path: str) -> Fulfilment:
    delivered = (node.display_status or "").upper() == "DELIVERED"
    return Fulfilment(
        fulfilment_ref=ref(node.id, f"{path}.id"),
        created_at=moment(node.created_at, f"{path}.createdAt"),
        delivered_at=moment(node.updated_at, f"{path}.updatedAt") if delivered else None,
        lines=tuple(_to_fulfilled(row, path) for row in node.fulfillment_line_items.nodes),
    )


def _to_fulfilled(row: FulfilledLineNode, path: str) -> FulfilledLine:
    return FulfilledLine(
        line_ref=ref(row.line_item.id, f"{path}.fulfillmentLineItems.nodes.lineItem.id"), quantity=row.quantity or 0
    )
