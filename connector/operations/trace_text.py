"""A trace as readable text for the terminal: the answer first, the evidence beneath.

`as_text` is support's, with everything; `as_words` is what a merchant or a creator reads of it, to be pasted to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.web import amounts, explain, words
from connector.web.words import Audience

Found = dict[str, Any]


def as_text(found: Found) -> str:
    """`trace.trace`'s value as text; plain ASCII art, no colours, one fact a line."""
    return "\n".join(_parts(found)) + "\n"


def _parts(found: Found) -> Iterator[str]:
    order = found["order"]
    yield f"Order {order['number']} · {order['shop']['name'] or order['shop']['domain']}"
    yield f"  {order['id']}, the store's {order['ref']}; placed {_day(order['placed_at'])}; {order['payment_status']}"
    yield ""
    yield from _answer(found)
    for line in found["lines"]:
        yield ""
        yield from _line(line, order["currency"])
    yield from _section("Refunds", [_refund(refund, order["currency"]) for refund in found["refunds"]])
    yield from _section("Recorded acts", [_act(act) for act in found["acts"]])
    yield from _section("Heard", list(_heard(found["heard"])))
    yield from _section("Carriers", list(_carriers(found["carriers"])))
    yield from _section("Entries", [text for entry in found["entries"] for text in _entry(entry, order["currency"])])
    if found["fee"] or found["absorbed"]:
        fee, borne = (_money(found[name], order["currency"]) for name in ("fee", "absorbed"))
        yield f"  app fee {fee}; borne by the app {borne}"
    yield from _section("Statements", [_statement(row, order["currency"]) for row in found["statements"]])
    yield from _section("Reserves", [_reserve(row, order["currency"]) for row in found["reserves"]])
    yield from _section("Invoices", [_invoice(row, order["currency"]) for row in found["invoices"]])
    yield from _section(
        "Payouts of these creators since", [_payout(row, order["currency"]) for row in found["payouts"]]
    )


def _answer(found: Found) -> Iterator[str]:
    answer, currency = found["answer"], found["order"]["currency"]
    if not found["order"]["evaluated"]:
        yield "A newer version of this order waits to be evaluated."
    if answer["reason"]:
        yield f"Nothing is due: {_why(answer['reason'])}"
    for row in answer["creators"]:
        yield (
            f"{row['creator']['name']} (@{row['creator']['handle']}) earns {_money(row['due'], currency)} "
            f"for {row['lines']} of {answer['lines']} lines."
        )
    for row in answer["nobody"]:
        yield f"Line {row['line_ref']} earns nobody anything: {_why(row['reason'])}"


def _line(line: Found, currency: str) -> Iterator[str]:
    yield f"Line {line['line_ref']}: {line['current_quantity']} of {line['quantity']} × {line['title'] or 'no title'}"
    decision = line["decision"]
    if decision is None:
        yield "  no decision: the order was stopped before its lines"
    else:
        yield from _decision(decision)
    base = line["base"]
    if base:
        tax = f"tax {_money(base['tax'], currency)} ({base['tax_source']})"
        yield (
            f"  base {_money(base['base'], currency)}"
            f" = {_money(base['gross'], currency)} - own discounts {_money(base['own_discounts'], currency)}"
            f" - share of the order's {_money(base['shared_discount'], currency)}"
            + (f" - {tax}" if base["tax_contained"] else f"; {tax} on top")
        )
    yield f"  commission {_money(line['commission'], currency)}, due {_money(line['due'], currency)}"
    if line["removed_base"] or line["refunded_base"]:
        yield (
            f"  given back {_money(line['refunded_base'], currency)} of the base"
            f" ({line['refunded_units']} units returned, {line['removed_units']} removed by edits):"
            f" {_money(line['reversed'], currency)} reversed"
        )
    if line["flags"]:
        yield f"  flags: {', '.join(line['flags'])}"
    if line["clearance"]:
        yield f"  {_clearance(line['clearance'])}"
        for freeze in line["clearance"]["freezes"]:
            ended = f"ended {_day(freeze['ended_at'])} ({freeze['ended_why']})" if freeze["ended_at"] else "stands"
            yield f"    frozen {_day(freeze['frozen_at'])} until {_day(freeze['ends_at'])}: {freeze['reason']}; {ended}"
        for until, said in explain.clearance_past(line["clearance"]):
            yield f"    {_day(until)}  {said}"
    for balance in line["balances"]:
        buckets = ", ".join(f"{name} {_money(balance[name], currency)}" for name in ("pending", "cleared", "settled"))
        yield f"  stands for {_creator(balance['creator'])}: {buckets}"


def _decision(decision: Found) -> Iterator[str]:
    whose = _creator(decision["creator"])
    content = decision["content"]
    through = f" through {content['kind']} {content['network']}/{content['ref']}" if content else ""
    final = f"final since {_day(decision['pinned_at'])}" if decision["pinned_at"] else "not final yet"
    yield f"  {whose}{through}: {_why(decision['credit_reason'])} ({final})"
    if decision["rate_reason"]:
        terms = decision["terms"]
        version = f", {terms['kind']} terms version {terms['version']} ({terms['id']})" if terms else ""
        yield f"  rate {amounts.rate(decision['rate_bp'])}: {_why(decision['rate_reason'])}{version}"
        for label, said in explain.rate_rows({"decision": decision})[1:]:
            yield f"    {label.lower()}: {said}"
    if decision["drift"]:
        yield f"  !! {decision['drift']}"
    for flag in decision["flags"]:
        yield f"  flag: {_why(flag)}"
    for candidate in decision["candidates"]:
        via = ", ".join(candidate["via"]) or "nothing"
        yield (
            f"    {candidate['outcome']}: {_creator(candidate['creator'])}, {candidate['kind']} touch"
            f" {candidate['touch_id']} of {_day(candidate['at'])}, brought by {via}"
            + (f", customers with its token: {candidate['buyers']}" if candidate["buyers"] else "")
            + (f" ({candidate['why']})" if candidate["why"] else "")
        )
    for code in decision["codes"]:
        yield f"    {code['outcome']}: {_creator(code['creator'])}, code {code['text']}"
    if decision["bound"]:
        bound = decision["bound"]
        yield f"    {bound['outcome']}: {_creator(bound['creator'])}, the buyer is bound to them"
    if decision["review"]:
        yield f"  under review until {_day(decision['review']['until'])}: {', '.join(decision['review']['why'])}"
    if decision["left_out"]:
        yield f"    and {decision['left_out']} more"
    for before in decision.get("earlier", ()):
        final = "final" if before["pinned"] else "not final"
        yield (
            f"  until {_day(before['until'])} ({final}): {_creator(before['creator'])},"
            f" {_why(before['credit_reason'])}, rate {amounts.rate(before['rate_bp'])}"
        )
        for candidate in before["candidates"]:
            yield f"    {candidate['outcome']}: {_creator(candidate['creator'])}, touch {candidate['touch_id']}"


def _clearance(clearance: Found) -> str:
    if clearance["state"] == "cleared":
        return f"cleared {_day(clearance['cleared_at'])} ({clearance['why']})"
    if clearance["clears_at"] is None:
        return f"no date yet: {_why(clearance['why'])}"
    held = f", held by {', '.join(clearance['blocked'])}" if clearance["blocked"] else ""
    return f"clears {_day(clearance['clears_at'])} ({clearance['why']}){held}"


def _refund(refund: Found, currency: str) -> str:
    parts = [f"{_money(refund['lines'], currency)} of base with returned lines"]
    if refund["amount_only"]:
        parts.append(f"{_money(refund['amount_only'], currency)} without an item")
        parts.append(f"{_money(refund['settled_removed'], currency)} of it for removed units")
        parts.append(f"{_money(refund['spread'], currency)} of base by the rest")
    flags = f" [{', '.join(refund['flags'])}]" if refund["flags"] else ""
    return f"{refund['refund_ref']} of {_day(refund['created_at'])}, {refund['status']}: {', '.join(parts)}{flags}"


def _heard(heard: Found) -> Iterator[str]:
    for row in heard["deliveries"]:
        detail = f" ({row['reason']})" if row["reason"] else ""
        repeats = f", came {row['repeats'] + 1} times" if row["repeats"] else ""
        yield f"{_day(row['received_at'])}  delivery {row['id']} {row['topic']}: {row['status']}{detail}{repeats}"
    for row in heard["versions"]:
        outcome = f"{row['outcome']}, the newest" if row["newest"] else row["outcome"]
        yield f"{_day(row['heard_at'])}  version of {_day(row['changed_at'])} by {row['source']}: {outcome}"
    for row in heard["loose"]:
        state = f"applied {_day(row['applied_at'])}" if row["applied_at"] else "parked: its order isn't known"
        yield f"{_day(row['heard_at'])}  {row['kind']} {row['ref']} came alone: {state}"


def _carriers(carriers: Found) -> Iterator[str]:
    found = sorted({part["kind"] for part in carriers["found"]})
    yield f"on the order: {', '.join(found) or 'none'}"
    yield f"brought a touch: {', '.join(carriers['brought']) or 'none'}"
    for part in carriers["ways"]:
        yield f"{part['name']}: {part['state']}" + (f" ({part['lost_when']})" if part["state"] == "lost" else "")
    for part in carriers["bad"]:
        yield f"bad token {part['token']}…: {part['problem']}, in {', '.join(part['via'])}"


def _entry(entry: Found, currency: str) -> Iterator[str]:
    yield (
        f"{_day(entry['booked_at'])}  {entry['kind']} ({entry['reason']}), line {entry['line_ref'] or '-'},"
        f" {_creator(entry['creator'])}  {entry['id']}"
    )
    for side in entry["sides"]:
        yield f"    {side['account']:22}{_money(side['amount'], currency):>16}"


def _act(act: Found) -> str:
    return f"{_day(act['proposed_at'])}  {act['id']} by {act['actor']}: {explain.act_sentence(act)} ({act['reason']})"


def _statement(row: Found, currency: str) -> str:
    waits = f", {_money(row['waits'], currency)} of it unfunded" if row["waits"] else ""
    return (
        f"{row['period']} {row['id']}: {_creator(row['creator'])}, line {row['line_ref']}"
        f" {_money(row['amount'], currency)} of {_money(row['total'], currency)}{waits}"
    )


def _reserve(row: Found, currency: str) -> str:
    until = f"let go of in {row['released_in']}" if row["released_in"] else f"until {_day(row['due_at'])}"
    return f"{row['statement_id']}: {_creator(row['creator'])} {_money(row['amount'], currency)}, {until}"


def _invoice(row: Found, currency: str) -> str:
    asked = ("commission", "fee", "absorbed")
    parts = ", ".join(f"{name} {_money(row[name], currency)}" for name in asked if row[name]) or "nothing"
    paid = f"{_money(row['paid'], currency)} of {_money(row['total'], currency)} paid"
    return f"{row['period']} {row['id']}: {parts} of this order; {row['state']}, {paid}, due {row['due_on']}"


def _payout(row: Found, currency: str) -> str:
    whose = f"{_creator(row['creator'])} {_money(row['amount'], currency)}"
    converted = row["converted"]
    paid_as = (
        f", as {_money(converted['amount'], converted['currency'])} at {converted['rate']} ({converted['source']})"
        if converted
        else ""
    )
    heard = "".join(f"; {each['outcome']} {_day(each['at'])} ({each['reason']})" for each in row["events"])
    return f"{_day(row['created_at'])}  {row['id']}: {whose}{paid_as}, {row['status']}{heard}"


def as_words(found: Found, audience: Audience) -> str:
    """What a merchant or a creator reads: `trace_audience.told`'s value for them, in sentences."""
    order = found["order"]
    currency = order["currency"]
    said = [f"Order {order['number']} · {order['shop'].get('name') or 'your shop'}", found["said"], ""]
    for line in found["lines"]:
        said.append(f"{line['title'] or 'Another line'}: {amounts.plain(line['due'], currency)}. {line['said']}.")
        said += [f"  {label}: {text}" for label, text in explain.rate_rows(line, audience)]
        if line["clearance"]:
            said.append(f"  {explain.clearance_sentence(line['clearance'], audience)}")
    said += [f"{act['said']}." for act in found["acts"]]
    said += [f"{name}: {badge.word}. {text}." for name, badge, text in explain.money_rows(found, audience)]
    return "\n".join(said) + "\n"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    yield ""
    yield title if lines else f"{title}: none"
    for line in lines:
        yield f"  {line}"


def _creator(creator: Found | None) -> str:
    return f"@{creator['handle']}" if creator else "nobody"


def _why(code: str) -> str:
    return f"{words.reason(code, 'support')} [{code}]"


def _money(amount: int, currency: str) -> str:
    return amounts.plain(amount, currency, "code")


def _day(moment: str | None) -> str:
    return "never" if moment is None else moment[:19].replace("T", " ") + "Z"
