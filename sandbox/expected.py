"""What each creator should have earned, worked out plainly from the stand-in store's own journal.

The second witness of the demo: it imports nothing of the connector and nothing of the sandbox, and follows the
published rules of attribution and commission (decision rows D5-D8, D11, D15, D16, D18 with open terms; rules R1-R4,
R6-R8 and the fine print that goes with them) rather than anybody's code. It looks at final facts only: no deliveries,
no order of arrival.

Shape of the input:
    journal     the answer of GET /control/journal: shops[].currency, shops[].orders[]
    notes       what was seen of buyers, each a dict with `id` and `at`:
                {"kind": "touch", "buyer", "creator", "content", "shop", "product_id", "at"}
                {"kind": "order", "buyer", "shop", "order_id"}    ties a buyer to an order, if the order does not say
    rates       [{"shop", "basis_points", "starts", "ends" (or None), "product_id" (or None: the whole shop),
                  "creator" (or None: open to all; else targeted, which stands before open terms)}]
    fees        [{"shop", "creator", "content", "currency", "amount"}]: flat fees that are owed beside the orders
    creators    {handle: {"active": True}}; a creator who is not in it counts as active

Units of the output: integers of the currency's minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

WINDOW = timedelta(days=14)
TOUCH_GRACE = timedelta(hours=24)
# currencies by name, parted by blanks
NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


class NotAnAmount(ValueError):
    """R1: more decimals than the currency has."""


@dataclass
class Line:
    """One order line on its way through the rules."""

    shop: str
    order_id: int
    order: str
    line_id: int
    product_id: int | None
    currency: str
    quantity: int
    removed: int  # units taken off by edits
    base: int  # R2
    tax: int
    duty: int  # contained in the price
    excluded: bool
    added_by_edit: bool
    reason: str = ""
    creator: str | None = None
    content: str | None = None
    rate: int = 0  # basis points
    commission: int = 0  # its part of R4, before reversals
    refunded_base: int = 0  # R of R6
    units_left: int = 0

    @property
    def reversed(self) -> int:
        """R6, cumulative."""
        return half_up(Fraction(self.commission * self.refunded_base, self.base)) if self.base > 0 else 0

    @property
    def due(self) -> int:
        return self.commission - self.reversed

    def refund(self, amount: int) -> None:
        """Take refunded base; never more than the line has."""
        self.refunded_base = min(self.base, self.refunded_base + amount)

    def remaining(self) -> int:
        return 0 if self.excluded else max(0, self.base - self.refunded_base)


@dataclass
class Sum:
    """A creator's total in one currency."""

    creator: str
    currency: str
    lines: int = 0
    orders: set[tuple[str, int]] = field(default_factory=set)
    sales: int = 0
    refunds: int = 0
    commission: int = 0
    fees: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "creator": self.creator,
            "currency": self.currency,
            "orders": len(self.orders),
            "lines": self.lines,
            "sales": self.sales,
            "refunds": self.refunds,
            "commission": self.commission,
            "fees": self.fees,
            "earned": self.commission + self.fees,
        }


# --- numbers ------------------------------------------------------------------------------------------------------


def minor(text: str, currency: str) -> int:
    """R1: a decimal string as an integer of the minor unit. Zeros beyond the exponent are dropped."""
    digits = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    scaled = Decimal(text).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise NotAnAmount(f"{text} {currency}")
    return int(scaled)


def half_up(value: Fraction) -> int:
    """Round to the nearest integer, halves up (amounts here are never negative)."""
    return int((2 * value.numerator + value.denominator) // (2 * value.denominator))


def spread(total: int, weights: list[Fraction]) -> list[int]:
    """Largest remainder: whole parts first, then one unit each to the largest remainders, ties to the lower index."""
    whole = sum(weights, Fraction(0))
    if whole <= 0:
        return [0 for _ in weights]
    exact = [total * weight / whole for weight in weights]
    parts = [int(value // 1) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- who ----------------------------------------------------------------------------------------------------------


def buyer_of(order: dict[str, Any], shop: str, notes: list[dict[str, Any]]) -> str | None:
    """The buyer's label: a note that names the order, else what the order says of itself."""
    for note in notes:
        if note.get("kind") == "order" and note.get("shop") == shop and note.get("order_id") == order["id"]:
            return str(note["buyer"])
    label = order.get("buyer") or order.get("email")
    return None if label is None else str(label)


def last_touch(
    line: Line, order: dict[str, Any], buyer: str | None, notes: list[dict[str, Any]]
) -> tuple[dict[str, Any] | None, str]:
    """D11: the latest touch of this buyer on the line's product inside the window. None comes with D15's reason."""
    placed = moment(order["created_at"])
    direct = [
        note
        for note in notes
        if note.get("kind") == "touch"
        and buyer is not None
        and str(note["buyer"]) == buyer
        and note["shop"] == line.shop
        and note["product_id"] == line.product_id
        and moment(note["at"]).replace(microsecond=0) <= placed  # the store's time is in whole seconds, cut off
        and moment(note.get("received_at", note["at"])) <= placed + TOUCH_GRACE
    ]
    inside = [note for note in direct if placed - moment(note["at"]) <= WINDOW]
    if inside:
        return max(inside, key=lambda note: (moment(note["at"]), note["id"])), "last_click_direct"
    return None, "window_expired" if direct else "no_touch"


def rate_at(rates: list[dict[str, Any]], shop: str, creator: str, product_id: int | None, at: datetime) -> int | None:
    """The rate in force at a moment: the creator's own before the open one, the product's before the shop's; of several
    the latest begun."""
    valid = [
        rate
        for rate in rates
        if rate["shop"] == shop
        and moment(rate["starts"]) <= at
        and (rate.get("ends") is None or at < moment(rate["ends"]))
        and rate.get("product_id") in (None, product_id)
        and rate.get("creator") in (None, creator)
    ]
    if not valid:
        return None
    best = max(
        valid,
        key=lambda rate: (
            rate.get("creator") is not None,
            rate.get("product_id") is not None,
            moment(rate["starts"]),
        ),
    )
    return int(best["basis_points"])


def credit(
    line: Line,
    order: dict[str, Any],
    buyer: str | None,
    notes: list[dict[str, Any]],
    rates: list[dict[str, Any]],
    creators: dict[str, dict[str, Any]],
) -> None:
    """Decide one line: the first row of the decision table that matches gives its reason."""
    stopped = order_reason(order)
    if stopped:
        line.reason = stopped
    elif line.excluded:
        line.reason = "line_excluded"  # D7
    elif line.base <= 0:
        line.reason = "zero_base"  # D8
    else:
        touch, line.reason = last_touch(line, order, buyer, notes)
        if touch is None:
            return
        if not creators.get(touch["creator"], {}).get("active", True):
            line.reason = "creator_ineligible"  # D16: zero, and nobody else inherits
            return
        found = [
            rate_at(rates, line.shop, touch["creator"], line.product_id, moment(touch["at"])),
            rate_at(rates, line.shop, touch["creator"], line.product_id, moment(order["created_at"])),
        ]
        known = [rate for rate in found if rate is not None]
        if not known:
            line.reason = "no_plan"
            return
        line.creator, line.content, line.rate = touch["creator"], touch.get("content"), max(known)  # D18


def order_reason(order: dict[str, Any]) -> str | None:
    """D5 and D6: why a whole order earns nothing; None when it does."""
    if order["test"]:
        return "test_order"
    if "sample_order" in order["tags"]:
        return "sample_order"
    if order["cancelled_at"] is not None:
        return "order_cancelled"
    if order["financial_status"] in ("pending", "authorized", None):
        return "awaiting_payment"
    if order["financial_status"] in ("voided", "expired"):
        return "not_collected"
    return None


# --- how much -----------------------------------------------------------------------------------------------------


def lines_of(order: dict[str, Any], shop: str) -> list[Line]:
    """R2 and R3: every line's base, in the order of the store's line ids."""
    currency = order["currency"]
    made = []
    for row in sorted(order["lines"], key=lambda row: row["id"]):
        tax = minor(row["tax"], currency)
        duty = minor(row.get("duty", "0"), currency) if order.get("duties_included") else 0
        net = minor(row["gross"], currency) - minor(row["discount"], currency)
        made.append(
            Line(
                shop=shop,
                order_id=order["id"],
                order=order["name"],
                line_id=row["id"],
                product_id=row["product_id"],
                currency=currency,
                quantity=row["quantity"],
                removed=row["removed"],
                base=(net - tax if order["taxes_included"] else net) - duty,
                tax=tax,
                duty=duty,
                excluded=row["gift_card"] or row["tip"],
                added_by_edit=row["added_by_edit"],
                units_left=row["quantity"],
            )
        )
    return made


def commission(lines: list[Line]) -> None:
    """R4: one rounding per creator of the order, spread over its lines by largest remainder."""
    for creator in {line.creator for line in lines if line.creator is not None}:
        group = [line for line in lines if line.creator == creator]
        exact = [Fraction(line.base * line.rate, 10000) for line in group]
        for line, part in zip(group, spread(half_up(sum(exact, Fraction(0))), exact), strict=True):
            line.commission = part


def take_back(order: dict[str, Any], lines: list[Line]) -> None:
    """R6 to R8: units that edits removed, then the refunds in the order in which the store made them."""
    currency = order["currency"]
    by_id = {line.line_id: line for line in lines}
    unpaid_for = 0  # value of units that left by edits, less what edits added: money back settles this first
    for line in lines:
        value = Fraction(line.base + line.tax + line.duty)
        if line.removed:
            line.refund(half_up(Fraction(line.base * line.removed, line.quantity)))
            unpaid_for += half_up(value * line.removed / line.quantity)
            take_units(line, line.removed)
        if line.added_by_edit:
            unpaid_for -= half_up(value)
    unpaid_for = max(0, unpaid_for)
    everything = [*order["refunds"], *lost_disputes(order)]
    for refund in sorted(everything, key=lambda refund: (moment(refund["created_at"]), refund["id"])):
        if refund["status"] == "failure":
            continue  # R6b: every transaction of it failed, so no money moved
        for row in sorted(refund["lines"], key=lambda row: row["id"]):
            line = by_id[row["line_item_id"]]
            given = minor(row["subtotal"], currency)
            if order["taxes_included"]:
                given -= minor(row["tax"], currency)
            given -= half_up(Fraction(line.duty * row["quantity"], line.quantity))
            line.refund(max(0, given))
            take_units(line, row["quantity"])
        extra = -sum(minor(a["amount"], currency) for a in refund["adjustments"] if a["kind"] == "refund_discrepancy")
        if extra > 0:
            settled = min(extra, unpaid_for)
            unpaid_for -= settled
            spread_amount(extra - settled, lines, taxes_included=order["taxes_included"])


def lost_disputes(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Each lost dispute as money back without an item at its closing, unless a refund since its opening carries the
    same money. It sorts behind the store's own refunds of one moment."""
    currency = order["currency"]
    unused = [refund for refund in order["refunds"] if refund["status"] != "failure"]
    found = []
    for dispute in sorted(order.get("disputes", []), key=lambda dispute: dispute["id"]):
        if dispute["status"] not in ("lost", "accepted"):
            continue
        amount = minor(dispute["amount"], currency)
        for refund in unused:
            money = sum(minor(row["subtotal"], currency) for row in refund["lines"])
            if not order["taxes_included"]:
                money += sum(minor(row["tax"], currency) for row in refund["lines"])
            for row in refund.get("shipping", []):
                money += minor(row["subtotal"], currency)
                money += 0 if order["taxes_included"] else minor(row["tax"], currency)
            money -= sum(
                minor(a["amount"], currency) for a in refund["adjustments"] if a["kind"] == "refund_discrepancy"
            )
            if money == amount and moment(refund["created_at"]) >= moment(dispute["initiated_at"]):
                unused.remove(refund)
                break
        else:
            found.append(
                {
                    "id": float("inf"), "created_at": dispute["finalized_on"], "status": "success", "lines": [],
                    "adjustments": [{"kind": "refund_discrepancy", "amount": f"-{dispute['amount']}"}],
                }
            )  # fmt: skip
    return found


def take_units(line: Line, units: int) -> None:
    """A line without units left has lost its whole base."""
    line.units_left -= units
    if line.units_left <= 0:
        line.refunded_base = max(line.base, 0)


def spread_amount(amount: int, lines: list[Line], *, taxes_included: bool) -> None:
    """R7: money back without an item, in proportion to what is left of each line that can earn."""
    rest = [line.remaining() for line in lines]
    total = sum(rest)
    if amount <= 0 or total <= 0:
        return
    if taxes_included:
        taxes = sum(
            (Fraction(line.tax * left, line.base) for line, left in zip(lines, rest, strict=True) if left), Fraction(0)
        )
        amount = half_up(amount * total / (total + taxes))
    for line, part in zip(lines, spread(min(amount, total), [Fraction(left) for left in rest]), strict=True):
        line.refund(part)


# --- all together -------------------------------------------------------------------------------------------------


def expected(
    journal: dict[str, Any],
    notes: list[dict[str, Any]],
    rates: list[dict[str, Any]],
    creators: dict[str, dict[str, Any]] | None = None,
    fees: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Commission by the rules: {"creators": [per creator and currency], "lines": [per order line], "fees": as given}.

    Shape:  creators: creator, currency, orders, lines, sales (base), refunds (base given back), commission (due), fees,
            earned (commission and fees);
            lines: shop, order_id, order, line_id, product_id, reason, creator, content, rate, base, refunded_base,
            commission, reversed, due. Every line of every order is there, with its reason when it earns nothing.
    Units:  minor units of `currency`; rate in basis points.
    """
    sums: dict[tuple[str, str], Sum] = {}
    told: list[dict[str, Any]] = []
    for shop in journal["shops"]:
        for order in shop["orders"]:
            lines = lines_of(order, shop["shop"])
            buyer = buyer_of(order, shop["shop"], notes)
            for line in lines:
                credit(line, order, buyer, notes, rates, creators or {})
            commission(lines)
            take_back(order, lines)
            for line in lines:
                told.append(line_dict(line))
                if line.creator is not None:
                    add(sums, line)
    for fee in fees or []:
        key = (fee["creator"], fee["currency"])
        sums.setdefault(key, Sum(*key)).fees += fee["amount"]
    ordered = sorted(sums.values(), key=lambda total: (total.creator, total.currency))
    return {"creators": [total.as_dict() for total in ordered], "lines": told, "fees": fees or []}


def add(sums: dict[tuple[str, str], Sum], line: Line) -> None:
    assert line.creator is not None
    total = sums.setdefault((line.creator, line.currency), Sum(line.creator, line.currency))
    total.lines += 1
    total.orders.add((line.shop, line.order_id))
    total.sales += line.base
    total.refunds += line.refunded_base
    total.commission += line.due


def line_dict(line: Line) -> dict[str, Any]:
    return {
        "shop": line.shop,
        "order_id": line.order_id,
        "order": line.order,
        "line_id": line.line_id,
        "product_id": line.product_id,
        "currency": line.currency,
        "reason": line.reason,
        "creator": line.creator,
        "content": line.content,
        "rate": line.rate,
        "base": line.base,
        "refunded_base": line.refunded_base,
        "commission": line.commission,
        "reversed": line.reversed,
        "due": line.due,
    }
