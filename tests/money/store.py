"""A plain store for tests: acts change an order, every act sends deliveries, and what is true at the end is known.

It behaves as stores do: change times have whole seconds (so two acts may share one), a refund record is made before its
money moved, removed lines stay with current quantity 0, a failed refund's units stay gone, an edit is told of apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from connector.events import (
    Adjustment,
    Allocation,
    Carrier,
    Dispute,
    FulfilledLine,
    Fulfilment,
    Line,
    OrderSeen,
    OrderSnapshot,
    OrderStub,
    Refund,
    RefundLine,
    Transaction,
)  # fmt: skip
from connector.money import split
from tests.money.builders import PLACED

VAT = Decimal("0.19")


@dataclass
class Delivery:
    event: OrderSeen | OrderStub
    triggered_at: datetime


@dataclass
class Store:
    """One order of one shop. `facts` are the free choices of a test: currency, tax, lines, how payment begins."""

    currency: str = "USD"
    taxes_included: bool = False
    tax_given: bool = True  # amounts reported; else rates only
    coarse: bool = False  # trigger times in whole seconds too: two acts in one second can't be told apart
    order_ref: str = "5001"
    status: str = "paid"
    now: datetime = PLACED
    sent: int = 0
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    fulfilments: list[Fulfilment] = field(default_factory=list)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    unallocated: int = 0
    cancelled_at: datetime | None = None
    paid_at: datetime | None = PLACED
    deliveries: list[Delivery] = field(default_factory=list)

    # Placing

    def put(self, price: int, quantity: int, discount: int = 0, kind: str = "", codes: tuple[str, ...] = ()) -> str:
        ref = str(len(self.lines) + 8)  # 8, 9, 10 …: as text they would sort otherwise
        self.lines[ref] = {
            "price": price, "quantity": quantity, "current": quantity, "discount": min(discount, price * quantity),
            "kind": kind, "dropped": False, "codes": codes, "platform": False, "given_for": "",
        }  # fmt: skip
        return ref

    def place(self) -> None:
        if self.status not in ("paid", "partially_paid"):
            self.paid_at = None
        self._tell()

    # What the order is right now

    def net(self, ref: str) -> int:
        return self.lines[ref]["price"] * self.lines[ref]["quantity"] - self.lines[ref]["discount"]

    def tax(self, ref: str) -> int:
        rate = VAT / (1 + VAT) if self.taxes_included else VAT
        return int(self.net(ref) * rate)

    def snapshot(self, *, edits_known: bool = False) -> OrderSnapshot:
        """The order as an API read gives it now. `edits_known`: the store itself says what edits added."""
        return OrderSnapshot(
            order_ref=self.order_ref, number=f"#{self.order_ref}", created_at=PLACED, changed_at=self.now,
            currency=self.currency, payment_status=self._payment(), taxes_included=self.taxes_included,
            lines=tuple(self._line(ref, edits_known) for ref in self.lines if not self.lines[ref]["dropped"]),
            paid_at=self.paid_at, cancelled_at=self.cancelled_at,
            total_discounts=self.unallocated + sum(li["discount"] for li in self.lines.values() if not li["dropped"]),
            refunds=tuple(self._refund(ref) for ref in self.refunds), fulfilments=tuple(self.fulfilments),
            carriers=(Carrier("cart_attribute", f"token-{self.order_ref}", "_cc"),),
        )  # fmt: skip

    def _line(self, ref: str, edits_known: bool) -> Line:
        line = self.lines[ref]
        allocations = (Allocation(line["discount"], platform=line["platform"]),) if line["discount"] else ()
        if allocations and line["codes"]:  # several codes share the discount, the first applied first
            parts = split(line["discount"], [1] * len(line["codes"]))
            allocations = tuple(Allocation(part, code) for part, code in zip(parts, line["codes"], strict=True))
        return Line(
            line_ref=ref, quantity=line["quantity"], current_quantity=line["current"], unit_price=line["price"],
            product_ref=f"p{ref}", allocations=allocations, tax=self.tax(ref) if self.tax_given else None,
            tax_rates=() if self.tax_given else (VAT,), gift_card=line["kind"] == "gift_card",
            tip=line["kind"] == "tip", edit_added=self.added.get(ref, 0) if edits_known else 0,
            exchange_of=line["given_for"],
        )  # fmt: skip

    def _payment(self) -> Any:
        if self.status != "paid" or not self.refunds:
            return self.status
        return "refunded" if all(not line["current"] for line in self.lines.values()) else "partially_refunded"

    def _refund(self, ref: str) -> Refund:
        held = self.refunds[ref]
        moves = tuple(Transaction(f"t{ref}{n}", status) for n, status in enumerate(held["statuses"]))
        return Refund(ref, held["at"], held["lines"], held["adjustments"], moves)

    # Acts. Each takes free numbers and does nothing where it can't be done.

    def act(self, name: str, gap: int, a: int, b: int, c: int) -> None:
        self.now += timedelta(seconds=gap)
        if getattr(self, f"_{name}")(a, b, c):
            self._tell()

    def _pay(self, a: int, b: int, c: int) -> bool:
        if self.status not in ("pending", "authorized", "partially_paid"):
            return False
        self.status = "partially_paid" if a % 3 == 0 else "paid"
        self.paid_at = self.paid_at or self.now
        return True

    def _void(self, a: int, b: int, c: int) -> bool:
        if self.refunds or self.cancelled_at:
            return False
        self.status = "voided" if a % 2 else "expired"
        return True

    def _cancel(self, a: int, b: int, c: int) -> bool:
        self.cancelled_at = self.cancelled_at or self.now
        return True

    def _give_back(self, a: int, b: int, c: int) -> bool:
        """Return units of one line or two, with money in three states; sometimes a cent or a lot too much."""
        parts = []
        for step in range(1 + b % 2):
            ref = self._pick(a + step, lambda line: line["current"] > 0)
            if ref is None:
                break
            line = self.lines[ref]
            units = 1 + c % line["current"]
            line["current"] -= units
            odd = (0, 0, 0, 1, -1, 700)[c % 6]
            subtotal = max(0, self.net(ref) * units // line["quantity"] + odd)
            tax = self.tax(ref) * units // line["quantity"]
            parts.append(RefundLine(f"{len(self.refunds)}{step}", ref, units, subtotal, min(tax, subtotal)))
        if not parts:
            return False
        self._record(tuple(parts), (), c)
        return True

    def _money_only(self, a: int, b: int, c: int) -> bool:
        total = sum(self.net(ref) for ref in self.lines)
        amount = (a * 37 + b * 11) % (total + 1) + (5000 if c % 11 == 0 else 0)
        kind = ("discrepancy", "discrepancy", "shipping", "pending", "balancing")[b % 5]
        self._record((), (Adjustment(f"a{len(self.refunds)}", kind, -amount),), c)  # type: ignore[arg-type]
        return True

    def _settle(self, a: int, b: int, c: int) -> bool:
        """Money that was on its way arrives, or doesn't."""
        waiting = [held for held in self.refunds.values() if "pending" in held["statuses"]]
        if not waiting:
            return False
        held = waiting[a % len(waiting)]
        at = held["statuses"].index("pending")
        held["statuses"][at] = ("success", "failure", "error")[b % 3]
        return True

    def _add(self, a: int, b: int, c: int) -> bool:
        ref = self.put(100 + a * 13, 1 + b % 3)
        self._edited(ref, self.lines[ref]["quantity"])
        return True

    def _add_units(self, a: int, b: int, c: int) -> bool:
        ref = self._pick(a, lambda line: True)
        if ref is None:
            return False
        self.lines[ref]["quantity"] += 1 + b % 2
        self.lines[ref]["current"] += 1 + b % 2
        self._edited(ref, 1 + b % 2)
        return True

    def _remove(self, a: int, b: int, c: int) -> bool:
        ref = self._pick(a, lambda line: line["current"] > 0)
        if ref is None:
            return False
        self.lines[ref]["current"] -= 1 + b % self.lines[ref]["current"]
        return True

    def _drop(self, a: int, b: int, c: int) -> bool:
        """Some stores lose removed lines altogether."""
        given_for = {line["given_for"] for line in self.lines.values()}
        ref = self._pick(a, lambda line: True)
        if ref is None or ref in given_for or sum(not line["dropped"] for line in self.lines.values()) < 2:
            return False
        self.lines[ref]["dropped"] = True
        return True

    def _exchange(self, a: int, b: int, c: int) -> bool:
        """A line comes back, and the store itself says which one was given for it."""
        ref = self._pick(a, lambda line: line["current"] > 0 and not line["kind"])
        if ref is None:
            return False
        self._give_back(list(self.lines).index(ref), 0, c)
        new = self.put(100 + b * 13, 1)
        self.lines[new]["given_for"] = ref
        self._edited(new, 1)
        return True

    def _fulfil(self, a: int, b: int, c: int) -> bool:
        parts = tuple(
            FulfilledLine(ref, line["current"])
            for ref, line in self.lines.items()
            if line["current"] and not line["dropped"]
        )
        delivered = self.now + timedelta(days=2) if a % 2 else None
        self.fulfilments.append(Fulfilment(f"f{len(self.fulfilments)}", self.now, delivered, parts))
        return True

    def _dispute(self, a: int, b: int, c: int) -> bool:
        """The order itself doesn't change by it. Now and then it is about just the money of a refund."""
        total = sum(self.net(ref) for ref in self.lines) or 1
        parts = [part for held in self.refunds.values() for part in held["lines"]]
        amount = 1 + (a * 31 + b * 17) % total
        if parts and c % 3 == 0:
            part = parts[a % len(parts)]
            amount = part.subtotal + (0 if self.taxes_included else part.tax)
        ref = str(len(self.disputes) + 8)
        self.disputes[ref] = Dispute(ref, "open", self.now, max(1, amount), self.now)
        self._send(OrderStub(self.order_ref, disputes=(self.disputes[ref],)))
        return False

    def _judge(self, a: int, b: int, c: int) -> bool:
        waiting = [ref for ref, dispute in self.disputes.items() if dispute.status == "open"]
        if waiting:
            ref = waiting[a % len(waiting)]
            status: Any = ("lost", "won", "lost", "closed")[b % 4]
            self.disputes[ref] = replace(self.disputes[ref], status=status, said_at=self.now, closed_at=self.now)
            self._send(OrderStub(self.order_ref, disputes=(self.disputes[ref],)))
        return False

    def _touch(self, a: int, b: int, c: int) -> bool:
        """Somebody edits a note: a new change time, nothing else."""
        return True

    # Telling

    def _pick(self, number: int, may: Any) -> str | None:
        refs = [ref for ref, line in self.lines.items() if may(line) and not line["dropped"]]
        return refs[number % len(refs)] if refs else None

    def _record(self, lines: tuple[RefundLine, ...], adjustments: tuple[Adjustment, ...], choice: int) -> None:
        ref = str(len(self.refunds) + 98)  # 98, 99, 100 …
        statuses = ([], ["success"], ["pending"], ["pending", "failure"], ["success", "pending"])[choice % 5]
        self.refunds[ref] = {"at": self.now, "lines": lines, "adjustments": adjustments, "statuses": statuses}
        self._send(OrderStub(self.order_ref, (self._refund(ref),)))

    def _edited(self, ref: str, units: int) -> None:
        self.added[ref] = self.added.get(ref, 0) + units
        self._send(OrderStub(self.order_ref, edit_added=(FulfilledLine(ref, units),), edit_ref=f"e{self.sent}"))

    def _tell(self) -> None:
        self._send(OrderSeen(self.snapshot()))

    def _send(self, event: OrderSeen | OrderStub) -> None:
        self.sent += 1
        # Trigger times are finer than change times: of two acts within one second the later one is still told apart.
        finer = timedelta(0) if self.coarse else timedelta(milliseconds=self.sent)
        self.deliveries.append(Delivery(event, self.now + finer))

    def read(self) -> Delivery:
        """What a read through the API gives after everything: it has the time of its request."""
        known = OrderSeen(self.snapshot(), disputes=tuple(self.disputes.values()))
        return Delivery(known, self.now + timedelta(days=1))
