"""What a rebuild finds: one thing that isn't what follows from the facts. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

# What differs, in the order of an order's way: the first of several about one order is the likely cause of the rest.
Kind = Literal[
    "delivery", "version", "order", "touch", "decision", "decision_changed", "evaluation", "clearance", "ledger",
    "bonus", "flat_fee", "reimbursement", "balance",
]  # fmt: skip
KINDS: dict[Kind, str] = {
    "delivery": "a kept body reads otherwise today than what was taken in of it",
    "version": "a kept version isn't what it was when it was heard",
    "order": "the order's row isn't what its versions and loose facts come to",
    "touch": "a touch says otherwise whether its creator had followers enough than the dated counts do",
    "decision": "the rules decide the line otherwise than is kept, and nothing recorded says why",
    "decision_changed": "the rules decide the line otherwise than its pin, which stands (F4): known to the health page",
    "evaluation": "the newest evaluation has other figures than the facts give",
    "clearance": "when a line's money clears, or what holds it, isn't what the facts give",
    "ledger": "what is booked about the order isn't what it should pay",
    "bonus": "an event's bonus isn't what its orders come to up to its close",
    "flat_fee": "what is booked of a flat fee isn't what its agreement and the content that stands for it come to",
    "reimbursement": "what is booked of a refundable sample isn't what the sample and its order come to",
    "balance": "an account holds another sum than all of it comes to",
}


class Difference(msgspec.Struct, frozen=True):
    """`about` says exactly what: ids and names, parted by blanks. `derived` is what follows, `kept` what stands."""

    kind: Kind
    about: str
    derived: str
    kept: str
    shop_id: str = ""

    def __str__(self) -> str:
        return f"{self.kind:16} {self.about}: {self.derived} follows from the facts, {self.kept} is kept"


class Verified(msgspec.Struct):
    """What was gone through. `left_out` names what could not be derived, with how often: not wrong, and not proven."""

    orders: int = 0
    lines: int = 0
    bodies: int = 0
    balances: int = 0
    differences: int = 0
    left_out: dict[str, int] = {}

    def leave_out(self, what: str) -> None:
        self.left_out[what] = self.left_out.get(what, 0) + 1
