"""What an order should pay, worked out a second time: plainly, from the text of COMMISSION.md, sharing nothing.

It reads plain dicts and lists, imports nothing of `connector`, and prefers a slow sentence to a clever one. Where it
and the product differ, one of the two has misread the rules.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Order = dict[str, Any]


def rounded(value: Fraction) -> int:
    """Half up."""
    assert value >= 0
    whole = value.numerator // value.denominator
    return whole + 1 if value - whole >= Fraction(1, 2) else whole


def shared_out(total: int, weights: list[int]) -> list[int]:
    """Largest remainder, ties to the lower index."""
    everything = sum(weights)
    exact = [Fraction(total * weight, everything) for weight in weights]
    shares = [int(part) for part in exact]
    while sum(shares) < total:
        rest = [part - share for part, share in zip(exact, shares, strict=True)]
        shares[rest.index(max(rest))] += 1
    return shares


def number(ref: str) -> tuple[int, int, str]:
    return (0, int(ref), "") if ref.isdigit() else (1, 0, ref)


def lost_disputes(order: Order, refunds: list[Order]) -> list[Order]:
    """3b: a lost dispute counts as an amount-only refund of its amount at its closing time, keyed by its id, unless a
    refund record carries the same money. One record stands for one dispute, the earliest for the first by number."""
    taken: list[str] = []
    found = []
    for dispute in sorted(order.get("disputes", []), key=lambda dispute: number(dispute["dispute_ref"])):
        if dispute["status"] != "lost":
            continue
        for refund in sorted(refunds, key=lambda refund: (refund["created_at"], number(refund["refund_ref"]))):
            statuses = [transaction["status"] for transaction in refund.get("transactions", [])]
            failed = bool(statuses) and all(status in ("failure", "error") for status in statuses)
            money = sum(part["subtotal"] for part in refund.get("lines", []))
            if not order["taxes_included"]:
                money += sum(part.get("tax", 0) for part in refund.get("lines", []))
            money -= sum(each["amount"] for each in refund.get("adjustments", []) if each["kind"] == "discrepancy")
            late_enough = refund["created_at"] >= dispute["opened_at"]
            if money == dispute["amount"] and late_enough and not failed and refund["refund_ref"] not in taken:
                taken.append(refund["refund_ref"])
                break
        else:
            back = {"kind": "discrepancy", "amount": -dispute["amount"]}
            ref = f"dispute:{dispute['dispute_ref']}"
            found.append({"refund_ref": ref, "created_at": dispute["closed_at"], "adjustments": [back]})
    return found


def stopped(order: Order) -> bool:
    if order.get("test") or not order.get("completed", True) or order.get("sample") or order.get("cancelled_at"):
        return True  # D5
    return order["payment_status"] in ("none", "pending", "authorized", "voided", "expired")  # D6


def pays(
    order: Order, refunds: list[Order], credits: dict[str, tuple[str, int]], added: dict[str, int], *,
    keeps: bool = False, forfeited: tuple[str, ...] = (),
) -> dict[str, int]:  # fmt: skip
    """{line ref: commission due}. `credits`: line → (creator, basis points). `added`: line → units added by edits.
    `keeps`: what the platform paid for stays in the base. `forfeited`: lines whose commission an act took away."""
    due = {line["line_ref"]: 0 for line in order["lines"]}
    if stopped(order):
        return due
    lines = worked_out(order, refunds, added, keeps=keeps)
    for creator in {creator for creator, _ in credits.values()}:  # R4, R6
        mine = [line for line in lines if credits.get(line["line_ref"], ("", 0))[0] == creator]
        due |= earned(mine, [credits[line["line_ref"]][1] for line in mine])
    return due | dict.fromkeys([ref for ref in forfeited if ref in due], 0)


def borne(
    versions: list[Order], order: Order, refunds: list[Order], credits: dict[str, tuple[str, int]],
    added: dict[str, int], paid_at: Any,
) -> dict[str, int]:  # fmt: skip
    """What of each line the store took back after its payout: by the refunds of then, on the order as it stood then,
    less what is due now. A line of which nothing was taken back lost nothing: then only its group was rounded anew."""
    early = [version for version in versions if version["changed_at"] <= paid_at]
    then = dict((sorted(early, key=lambda version: version["changed_at"]) or versions)[-1 if early else 0])
    if order.get("cancelled_at") is None or order["cancelled_at"] > paid_at:
        then["cancelled_at"] = None
    else:
        then["cancelled_at"] = order["cancelled_at"]
    if order["payment_status"] not in ("voided", "expired"):
        then["payment_status"] = order["payment_status"]
    known = {line["line_ref"]: line["quantity"] for line in order["lines"]}
    added_then = {}
    for line in then["lines"]:
        ref = line["line_ref"]
        added_then[ref] = max(0, added.get(ref, 0) - max(0, known.get(ref, line["quantity"]) - line["quantity"]))
    # A dispute that was lost later is no refund of then.
    then["disputes"] = [each for each in order.get("disputes", []) if (each.get("closed_at") or paid_at) <= paid_at]
    refunds_then = [refund for refund in refunds if refund["created_at"] <= paid_at]
    before, after = pays(then, refunds_then, credits, added_then), pays(order, refunds, credits, added)
    left_then = {line["line_ref"]: line["base"] - line["back"] for line in worked_out(then, refunds_then, added_then)}
    left_now = {line["line_ref"]: line["base"] - line["back"] for line in worked_out(order, refunds, added)}
    found = {}
    for ref, due in before.items():
        own = ref not in left_now or left_now[ref] < left_then[ref] or stopped(order) != stopped(then)
        if ref in credits and own and due > after.get(ref, 0):
            found[ref] = due - after.get(ref, 0)
    return found


def app_fee(
    order: Order, refunds: list[Order], credited: list[str], added: dict[str, int], fee_bp: int, *,
    keeps: bool = False, forfeited: tuple[str, ...] = (),
) -> int:  # fmt: skip
    """R14: the app's share of the base of credited lines, one group an order, rounded once, given back as R6 says."""
    if stopped(order):
        return 0
    mine = [line for line in worked_out(order, refunds, added, keeps=keeps) if line["line_ref"] in credited]
    return sum(due for ref, due in earned(mine, [fee_bp] * len(mine)).items() if ref not in forfeited)


def earned(mine: list[Order], rates: list[int]) -> dict[str, int]:
    """One group: the exact sum rounded once, spread by largest remainder (R4), less what came back (R6)."""
    weights = [line["base"] * rate for line, rate in zip(mine, rates, strict=True)]
    if sum(weights) == 0:
        return {line["line_ref"]: 0 for line in mine}
    total = rounded(Fraction(sum(weights), 10000))
    found = {}
    for line, commission in zip(mine, shared_out(total, weights), strict=True):
        taken_back = rounded(Fraction(commission * line["back"], line["base"])) if line["base"] else 0
        found[line["line_ref"]] = commission - taken_back
    return found


def worked_out(order: Order, refunds: list[Order], added: dict[str, int], *, keeps: bool = False) -> list[Order]:
    """Every line with its base (R2, R3) and what of it came back (R6b, R7, R8), in the order of their ids."""
    lines = [dict(line) for line in sorted(order["lines"], key=lambda line: number(line["line_ref"]))]
    inclusive = order["taxes_included"]

    # R2, R3: bases
    for line in lines:
        line["excluded"] = line.get("gift_card", False) or line.get("tip", False) or line.get("fee", False)  # D7
        line["gross"] = line["unit_price"] * line["quantity"]
        line["own"] = sum(allocation["amount"] for allocation in line.get("allocations", []))
        line["kept"] = sum(each["amount"] for each in line.get("allocations", []) if each.get("platform") and keeps)
        line["share"] = 0
        line["added"] = added.get(line["line_ref"], 0)
    left_over = (
        order.get("total_discounts", 0) - order.get("shipping_discounts", 0) - sum(line["own"] for line in lines)
    )
    if left_over > 0:
        takers = [
            line
            for line in lines
            if not line["excluded"]
            and not (line["quantity"] > 0 and line["added"] >= line["quantity"])
            and line["gross"] - line["own"] > 0
        ]
        if takers:
            for line, share in zip(
                takers, shared_out(left_over, [line["gross"] - line["own"] for line in takers]), strict=True
            ):
                line["share"] = share
    for line in lines:
        net = max(0, line["gross"] - line["own"] - line["share"]) + line["kept"]
        rate = sum((Fraction(rate) for rate in line.get("tax_rates", [])), Fraction(0))
        if line.get("tax") is not None:
            line["tax"] = line["tax"]
        elif inclusive:
            line["tax"] = rounded(net * rate / (1 + rate))
        else:
            line["tax"] = rounded(net * rate)
        # What the buyer owes: the platform's part isn't theirs.
        line["net and tax"] = (net if inclusive else net + line["tax"]) - line["kept"]
        base = max(0, net - line["tax"]) if inclusive else net
        line["base"] = 0 if line["excluded"] else base

    # Units removed by an edit come before all refunds
    listed = [refund["refund_ref"] for refund in order.get("refunds", [])]
    knowable = [
        refund for refund in refunds if refund["refund_ref"] in listed or refund["created_at"] <= order["changed_at"]
    ]
    for line in lines:
        units = sum(
            part["quantity"]
            for refund in knowable
            for part in refund.get("lines", [])
            if part["line_ref"] == line["line_ref"]
        )
        line["removed"] = max(0, line["quantity"] - line["current_quantity"] - units)
        line["left"] = line["quantity"] - line["removed"]
        line["back"] = rounded(Fraction(line["base"] * line["removed"], line["quantity"])) if line["quantity"] else 0

    def worth(line: Order, units: int) -> int:
        return rounded(Fraction(line["net and tax"] * units, line["quantity"])) if line["quantity"] else 0

    to_settle = sum(worth(line, line["removed"]) for line in lines) - sum(worth(line, line["added"]) for line in lines)
    to_settle = max(0, to_settle)

    refunds = [*refunds, *lost_disputes(order, refunds)]
    for refund in sorted(refunds, key=lambda refund: (refund["created_at"], number(refund["refund_ref"]))):
        statuses = [transaction["status"] for transaction in refund.get("transactions", [])]
        if statuses and all(status in ("failure", "error") for status in statuses):
            continue  # R6b
        for part in sorted(refund.get("lines", []), key=lambda part: number(part["refund_line_ref"])):
            for line in lines:
                if line["line_ref"] != part["line_ref"]:
                    continue
                line["left"] -= part["quantity"]
                if not line["excluded"]:
                    amount = part["subtotal"] - part.get("tax", 0) if inclusive else part["subtotal"]
                    if line["kept"]:  # units that come back take their part of it along
                        amount += rounded(Fraction(line["kept"] * part["quantity"], line["quantity"]))
                    line["back"] = min(line["base"], line["back"] + max(0, amount))
                if line["left"] <= 0:
                    line["back"] = line["base"]
        amount = -sum(
            adjustment["amount"] for adjustment in refund.get("adjustments", []) if adjustment["kind"] == "discrepancy"
        )
        if amount <= 0:
            continue
        settled = min(amount, to_settle)
        to_settle -= settled
        amount -= settled
        # R7
        open_lines = [line for line in lines if not line["excluded"] and line["base"] > line["back"]]
        remaining = [line["base"] - line["back"] for line in open_lines]
        if not open_lines or amount == 0:
            continue
        # What the buyer paid for what remains: with the tax that is contained, without what the platform paid.
        paid = Fraction(0)
        for line in open_lines:
            beside = (line["tax"] if inclusive else 0) - line["kept"]
            paid += (line["base"] - line["back"]) * (1 + Fraction(beside, line["base"]))
        amount = rounded(Fraction(amount * sum(remaining)) / paid) if paid > 0 else sum(remaining)
        for line, share in zip(open_lines, shared_out(min(amount, sum(remaining)), remaining), strict=True):
            line["back"] += share

    return lines
