"""Who is credited for an order line and at what rate, worked out a second time, plainly, from COMMISSION.md alone.

Plain dicts and lists go in; nothing of `connector` is imported. It walks the decision table from top to bottom, in the
words of the page, and asks every question anew each time. Where it and the product differ, one of the two has misread.

    order  placed, grace, left (the shop had left), settings {code_policy, indirect, indirect_share_bp,
           cart_carry_days, lifetime, inherit}, bound (creator or None), matches {creator: hard | soft},
           statuses {creator: status at the order}, manual {line: creator}, forged (a token that is none of ours)
    line   ref, product, codes [texts in the order in which they were applied], given_for (a returned line, or "")
    touch  id, creator, content, product, kind, at, received, window, ad, invalid, missed (the threshold)
    code   text, creator, starts, ends, leaked_at
    plan   id, kind, creator, product ("" is the whole shop), rate (None: withdrawn), ads, new (for a new buyer), codes
           {code: rate}, starts, ends, number
    promotion  creator, product, since, until
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

Plain = dict[str, Any]
PROTECTED = timedelta(hours=30 * 24)
KINDS = ("targeted", "open", "store")
NONE: Plain = {
    "credit_reason": "", "rate_reason": "", "creator": None, "content": None, "touch": None, "rate": 0, "plan": None,
}  # fmt: skip


def decided(order: Plain, line: Plain, touches: list[Plain], codes: list[Plain], plans: list[Plain],
            promotions: list[Plain], returned: Plain | None = None) -> Plain:  # fmt: skip
    """What the table says of one line: credit_reason, rate_reason, creator, content, touch, rate, plan, lost.

    `returned`: what it says of the returned line that the store gave this one for."""
    if order["left"]:
        return {**NONE, "credit_reason": "store_disconnected", "lost": {}}  # D1
    ways = candidates(order, line, touches, codes, returned)
    if not ways:
        return {**NONE, "credit_reason": best_failed(order, line, touches, codes), "lost": {}}  # D15
    stopped = []
    for way in ways:
        why = not_eligible(order, way)  # D16
        if not why and order["matches"].get(way["creator"]) == "hard":
            why = "self_purchase"  # D17
        if not why:
            lost = losers(order, line, touches, way, stopped)
            return {**credit(order, line, way, plans, promotions), "lost": lost, "way": way}
        stopped.append((way, why))
        if not order["settings"]["inherit"]:
            break
    first, why = stopped[0]
    lost = losers(order, line, touches, first, stopped)
    return {**NONE, "credit_reason": why, "touch": touch_of(first), "lost": lost}


# D9 to D14: who might be credited, the highest first


def candidates(
    order: Plain, line: Plain, touches: list[Plain], codes: list[Plain], returned: Plain | None = None
) -> list[Plain]:
    found = []
    manual = order["manual"].get(line["ref"])
    if manual is not None:
        found.append({"reason": "manual", "creator": manual, "touch": None})  # D9
    if returned is not None and "way" in returned:  # R8: the same creator, by the same click
        found.append(returned["way"])
    for code in codes_that_count(order, line, touches, codes):
        # D10; content is taken from the owner's latest eligible direct touch, the rate isn't
        own = [touch for touch in direct(order, line, touches) if touch["creator"] == code["creator"]]
        found.append(
            {
                "reason": "code", "creator": code["creator"], "touch": None, "shows": own[0] if own else None,
                "code": code["text"],
            }
        )  # fmt: skip
    for touch in direct(order, line, touches):  # D11
        found.append({"reason": "last_click_direct", "creator": touch["creator"], "touch": touch})
    for touch in carried(order, line, touches):  # D12
        found.append({"reason": "cart_carry", "creator": touch["creator"], "touch": touch})
    if order["settings"]["indirect"]:  # D13
        for touch in indirect(order, line, touches):
            found.append({"reason": "last_click_indirect", "creator": touch["creator"], "touch": touch})
    if order["settings"]["lifetime"] and order["bound"] is not None:  # D14
        found.append({"reason": "lifetime", "creator": order["bound"], "touch": None})
    return found


def failing(order: Plain, touch: Plain) -> str:
    """Why a touch can't lead to this order at all; "" when it can."""
    if touch["received"] > order["placed"] + order["grace"]:
        return "too_late"
    if touch["invalid"]:
        return "touch_invalid"
    if order["placed"] - touch["at"] > touch["window"]:
        return "window_expired"
    return ""


def before_the_order(order: Plain, touches: list[Plain]) -> list[Plain]:
    """A touch after the order is none. Latest first; of two at one moment the one with the greater id is later."""
    early = [touch for touch in touches if touch["at"] <= order["placed"]]
    return sorted(early, key=lambda touch: (touch["at"], touch["id"]), reverse=True)


def eligible(order: Plain, touches: list[Plain]) -> list[Plain]:
    """What can be credited: taps. A touch of kind cart proves the add, and is none."""
    taps = [touch for touch in before_the_order(order, touches) if touch["kind"] != "cart"]
    return [touch for touch in taps if failing(order, touch) == ""]


def direct(order: Plain, line: Plain, touches: list[Plain]) -> list[Plain]:
    return [touch for touch in eligible(order, touches) if touch["product"] == line["product"]]


def indirect(order: Plain, line: Plain, touches: list[Plain]) -> list[Plain]:
    return [touch for touch in eligible(order, touches) if touch["product"] != line["product"]]


def carried(order: Plain, line: Plain, touches: list[Plain]) -> list[Plain]:
    """Touches whose product was put into the cart inside their window, if the order came within the days from then."""
    days = timedelta(days=order["settings"]["cart_carry_days"])
    if not days:
        return []
    early = [
        touch
        for touch in before_the_order(order, touches)
        if touch["product"] == line["product"] and failing(order, touch) in ("", "window_expired")
    ]
    found = []
    for added in early:
        if added["kind"] != "cart" or order["placed"] - added["at"] > days:
            continue
        for touch in early:
            inside = timedelta(0) <= added["at"] - touch["at"] <= touch["window"]
            earlier = (touch["at"], touch["id"]) < (added["at"], added["id"])
            if touch["kind"] != "cart" and inside and earlier and touch not in found:
                found.append(touch)
    return found


def codes_of(line: Plain, codes: list[Plain], moment: datetime) -> list[Plain]:
    """The creators' codes applied to the line and active at the moment, in the order in which they were applied."""
    found = []
    for text in line["codes"]:
        for code in codes:
            same = code["text"].casefold() == text.casefold()
            if same and code["starts"] <= moment and (code["ends"] is None or moment < code["ends"]):
                found.append(code)
    return found


def leaked(order: Plain, code: Plain) -> bool:
    """A flag holds for orders placed after it was raised."""
    return code["leaked_at"] is not None and order["placed"] > code["leaked_at"]


def codes_that_count(order: Plain, line: Plain, touches: list[Plain], codes: list[Plain]) -> list[Plain]:
    """Not leaked, and the shop's credit policy holds; the first applied first."""
    found = []
    for code in codes_of(line, codes, order["placed"]):
        if leaked(order, code):
            continue
        policy = order["settings"]["code_policy"]
        owners = [touch for touch in eligible(order, touches) if touch["creator"] == code["creator"]]
        if policy == "if_involved" and not owners:
            continue
        latest = direct(order, line, touches)[:1]
        if policy == "if_winner" and not (latest and latest[0]["creator"] == code["creator"]):
            continue
        found.append(code)
    return found


# D15, D16, D20


def best_failed(order: Plain, line: Plain, touches: list[Plain], codes: list[Plain]) -> str:
    """The candidate that stood highest: a leaked code, then the latest touch."""
    if any(leaked(order, code) for code in codes_of(line, codes, order["placed"])):
        return "code_leaked"
    taps = [touch for touch in before_the_order(order, touches) if touch["kind"] != "cart" and failing(order, touch)]
    for touch in taps:
        if touch["product"] == line["product"]:
            return failing(order, touch)
    if taps and order["settings"]["indirect"]:
        return failing(order, taps[0])
    return "touch_invalid" if order["forged"] else "no_touch"


def not_eligible(order: Plain, way: Plain) -> str:
    """State at the order time, thresholds at the touch."""
    if order["statuses"].get(way["creator"], "active") != "active":
        return "creator_ineligible"
    if way["touch"] is not None and way["touch"]["missed"]:
        return "creator_ineligible"
    return ""


def losers(
    order: Plain, line: Plain, touches: list[Plain], won: Plain, stopped: list[tuple[Plain, str]]
) -> dict[str, str]:
    """Of the direct touches that stood and weren't first: what outranked them, where the page has a word for it."""
    tried = [touch_of(way) for way, _ in stopped]
    lost = {}
    for touch in direct(order, line, touches):
        if touch["id"] in tried or touch is won["touch"]:
            continue
        if won["reason"] == "code":
            lost[touch["id"]] = "outranked_by_code"
        elif won["reason"] == "last_click_direct":
            lost[touch["id"]] = "outranked_by_later_click"
    return lost


# D18, D19: at what rate


def credit(order: Plain, line: Plain, way: Plain, plans: list[Plain], promotions: list[Plain]) -> Plain:
    touch = way["touch"]
    ad = touch is not None and touch["ad"] and way["reason"] in ("last_click_direct", "cart_carry")
    moments = [order["placed"]] if touch is None else [touch["at"], order["placed"]]
    rates = []
    for moment in moments:
        found = rate_at(plans, promotions, way["creator"], line["product"], moment, ad, order, way.get("code"))
        if found is not None:
            rates.append(found)
    shown = touch or way.get("shows")
    result = {
        **NONE, "credit_reason": way["reason"], "creator": way["creator"], "touch": touch_of(way),
        "content": None if shown is None else shown["content"], "rate_reason": "no_plan",
    }  # fmt: skip
    if order["matches"].get(way["creator"]) == "soft":
        result["credit_reason"] = "frozen_review"  # D17: it earns, and waits for a person
    if not rates:
        return result
    best = rates[0]
    for rate in rates[1:]:  # the higher one; equal: targeted, then open, then store; equal in that too: at the click
        if (rate["rate"], -KINDS.index(rate["kind"])) > (best["rate"], -KINDS.index(best["kind"])):
            best = rate
    bp = best["rate"]
    if way["reason"] == "last_click_indirect":
        bp = bp * order["settings"]["indirect_share_bp"] // 10000
    reason = "rate_ads" if best["through_ads"] else f"rate_{best['kind']}"
    return {**result, "rate": bp, "rate_reason": reason, "plan": best["plan"]}


def priced(plan: Plain, order: Plain, code: str | None) -> int:
    """Optional rates: that of the code that credits the order, else that of a buyer's first order, else the plan's."""
    if code is not None and plan.get("codes"):
        for name in (code.upper(), "*"):
            if name in plan["codes"]:
                return plan["codes"][name]  # type: ignore[no-any-return]
    if order.get("returning") is False and plan.get("new") is not None:
        return plan["new"]  # type: ignore[no-any-return]
    return plan["rate"]  # type: ignore[no-any-return]


def rate_at(plans: list[Plain], promotions: list[Plain], creator: str, product: str, moment: datetime,
            ad: bool, order: Plain, code: str | None) -> Plain | None:  # fmt: skip
    """What precedence picks at a moment: one kind, its ads rate for a touch through an ad, else protected (R5)."""
    for kind in KINDS:
        mine = [plan for plan in plans if plan["kind"] == kind and (kind != "targeted" or plan["creator"] == creator)]
        plan = best = current(mine, product, moment)
        # An event lifts the open rate while it is live; of two that give the same the product's own.
        for event in sorted(plans, key=lambda each: each["product"] == "") if kind == "open" else ():
            lifts = event["kind"] == "event" and live(event, product, moment)
            if lifts and (best is None or event["rate"] > best["rate"]):
                plan = best = event
        if plan is None or best is None:
            continue
        if ad and plan["ads"] is not None:
            return {"rate": plan["ads"], "kind": kind, "plan": plan["id"], "through_ads": True}
        for older, changed in reversed(superseded(mine, product)):  # of equal ones the page names none: the newest
            more = priced(older, order, code) > priced(best, order, code)
            kept = changed <= moment < changed + PROTECTED and more
            if kept and promoted(promotions, creator, product, changed, moment):
                best = older
        return {"rate": priced(best, order, code), "kind": kind, "plan": best["id"], "through_ads": False}
    return None


def live(event: Plain, product: str, moment: datetime) -> bool:
    return event["product"] in (product, "") and event["starts"] <= moment < event["ends"]  # type: ignore[no-any-return]


def newest(mine: list[Plain], scope: str, moment: datetime, *, strictly: bool = False) -> Plain | None:
    """The version of one scope that started last, by the moment or (`strictly`) before it."""
    found = None
    for plan in mine:
        started = plan["starts"] < moment if strictly else plan["starts"] <= moment
        later = found is None or (plan["starts"], plan["number"]) > (found["starts"], found["number"])
        if plan["product"] == scope and started and later:
            found = plan
    return found


def current(mine: list[Plain], product: str, moment: datetime, *, strictly: bool = False) -> Plain | None:
    """What one kind offers: the product's own plan, else the whole shop's; a withdrawal or an end leaves nothing."""
    for scope in (product, ""):
        plan = newest(mine, scope, moment, strictly=strictly)
        if plan is None or plan["rate"] is None:
            continue
        over = plan["ends"] is not None and (plan["ends"] < moment if strictly else plan["ends"] <= moment)
        if not over:
            return plan
    return None


def superseded(mine: list[Plain], product: str) -> list[tuple[Plain, datetime]]:
    """(plan, when another one took its place). What ended by itself or was withdrawn is not superseded."""
    found = []
    for change in sorted({plan["starts"] for plan in mine}):
        before = current(mine, product, change, strictly=True)
        after = current(mine, product, change)
        if before is None or after is None or before is after:
            continue
        ended = before["ends"] is not None and before["ends"] <= change
        there = newest(mine, before["product"], change)
        withdrawn = there is not None and there["rate"] is None
        if not ended and not withdrawn:
            found.append((before, change))
    return found


def promoted(promotions: list[Plain], creator: str, product: str, change: datetime, moment: datetime) -> bool:
    """Had it in the list or in content before the change, and has not removed it since."""
    for held in promotions:
        before = held["creator"] == creator and held["product"] == product and held["since"] < change
        if before and (held["until"] is None or held["until"] > moment):
            return True
    return False


def touch_of(way: Plain) -> str | None:
    return None if way["touch"] is None else way["touch"]["id"]
