"""Why an order paid what it paid: everything that was heard, decided, computed, booked, settled and paid, in one value.

`trace` gives a JSON-able dict; faces and the command only dress it. Amounts are integers of `order.currency`'s minor
unit, times are RFC 3339 in UTC, reasons are codes (`web/words` has the wordings), and nothing in it is a person's
data: a buyer is at most "known" or "not known", a token is its touch. The shape:

    order       id, ref, number, shop {id, name, domain}, placed_at, changed_at, currency, payment_status, total,
                cancelled_at, gone_at, taxes_included, test, shipping, evaluated (the newest version is evaluated)
    answer      what the header sentence is made of: reason (of the whole order, or ""), lines, lines_credited, due,
                creators [{creator, due, lines}], nobody [{line_ref, reason}]
    heard       deliveries [{id, topic, received_at, triggered_at, status, reason, detail, tries, repeats, effects}],
                versions [{changed_at, triggered_at, heard_at, source, outcome, newest}],
                loose [{kind, ref, heard_at, source, applied_at}]: refunds and edits that came without their order
    carriers    found [{kind, name, line_ref}], brought [names that brought a touch],
                bad [{token, problem, via, nearest?}],
                ways [{name, state, shown_as, lost_when}]: each carrier of the platform, `brought` (a touch), `kept` (on
                the order, without a touch of ours), `lost` (sent and not there), `not_sent` (by the way that the taps
                went), `not_needed` (read only where no other came), or `absent` (nothing is known of what was sent)
    lines       line_ref, title, sku, product_ref, quantity, current_quantity, reason, flags, base {parts}, commission,
                estimate, due, removed_units, removed_base, refunded_units, refunded_base, reversed,
                decision {credit_reason, rate_reason, creator, content, touch_id, rate_bp, terms, pinned_at, drift,
                candidates [{touch_id, creator, content, kind, at, outcome, why, via, buyers …}], all of them, flags,
                left_out (of evidence that was kept before all were named),
                earlier [{decided_at, until, pinned, credit_reason, rate_reason, creator, content, touch_id, rate_bp,
                candidates, left_out, codes, acts}], oldest first: what was decided before, until the pin or an act,
                codes [{text, creator, outcome}], bound {creator, outcome} | None, review {why, until} | None,
                credit {reason, clicked_at, through_ad} | None, exchange_of, acts [ids],
                rates {click, order: {rate_bp, kind, ads, basis, kept_until, terms} | None} | None};
                `buyers` is how many customers have ordered with the candidate's token so far, `kept_until` says of an
                older rate until when whoever promoted before keeps it,
                clearance {state, clears_at, cleared_at, paid_at, why, blocked, blocks [{kind, ref, opened_at,
                closed_at}], freezes [{id, scope, reason, frozen_at, appeal_until, ends_at, ended_at, ended_why …}],
                history [{clears_at, why, blocked, until}] oldest first},
                balances [{creator, content, pending, cleared, settled}]
    refunds     what became of each refund record: refund_ref, created_at, status, lines, amount_only, settled_removed,
                spread, unknown_lines, flags
    evaluations [{id, sequence, at, cause, engine, reason}], newest first
    entries     [{id, subject, sequence, kind, reason, line_ref, creator, content, occurred_at, booked_at, reverses,
                evaluation_id, statement_id, sides [{account, amount}]}], as booked; debits are positive
    acts        [{id, kind, state, line_ref, creator, content, code, since, actor, reason, proposed_at, needs_second,
                approved_by, approved_at, effective_at, refused_at, refused_why}], newest first
    fee, absorbed  the app's fee on the order, and what the app bears of refunds that came after a payout
    statements  [{id, period, closed_at, creator, line_ref, content, amount, total, carried, reserved, released,
                waits}]; `waits` is what of the whole statement waits for the merchant's money
    reserves    what is kept back of those statements: [{statement_id, creator, amount, due_at, released_in}]
    invoices    the merchant's that name the order: [{id, number, period, issued_at, due_on, commission, absorbed, fee,
                total, paid, state}]; the first three are of this order
    payouts     what the order's creators were paid from this shop since: [{id, batch_id, creator, amount, status,
                created_at, paid_at, converted {currency, amount, rate, source, at} | None, reason, rail_ref,
                events [{outcome, reason, detail, at}]}]; a payout pays a balance, never an order

A creator is {id, handle, name}, content is {id, network, ref, kind, title}, terms are {id, kind, version, rate_bp,
product_ref, starts_at, ends_at}; each of them, `decision`, `clearance` and `base` may be None. What a merchant or a
creator may see of it, and in which words: `trace_audience.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.earnings.attribution import acts
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import Act, Code, DecisionPast, DecisionRow, Touch
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.queries import BookedEntry
from connector.earnings.settlement import queries as settlement
from connector.errors import InputRefused, NotFound
from connector.operations import trace_money
from connector.platforms import roster
from connector.programme.collaborations.tables import Terms
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.webhooks.tables import DeliveryRow

Named = Mapping[str, dict[str, Any]]
Decided = DecisionRow | DecisionPast


def find(session: Session, wanted: str, shop_id: str | None = None) -> Order:
    """An order by our id, the store's own id, or its number, with or without the `#`.

    Errors: NotFound; InputRefused when several shops have one of that name.
    """
    number = wanted.lstrip("#")
    query = sa.select(Order).where(
        sa.or_(Order.id == wanted, Order.order_ref == wanted, Order.number.in_([number, f"#{number}"]))
    )
    if shop_id is not None:
        query = query.where(Order.shop_id == shop_id)
    found = list(session.scalars(query.order_by(Order.id).limit(3)))
    if not found:
        raise NotFound(f"no order is called {wanted[:40]!r}")
    # An id names one order, whatever the numbers of others are.
    exact = [order for order in found if wanted in (order.id, order.order_ref)]
    if len(found) > 1 and len(exact) != 1:
        raise InputRefused("order", f"several orders are called {wanted[:40]!r}.", "Name the shop, or the order's id.")
    return exact[0] if exact else found[0]


def trace(session: Session, order: Order) -> dict[str, Any]:
    """Everything known of one order, in the shape above. Reads only."""
    facts = orders.facts(order)
    decisions = {row.line_ref: row for row in attribution.decisions(session, order.id)}
    earlier = attribution.earlier(session, order.id)
    every: list[Decided] = [*decisions.values(), *(row for rows in earlier.values() for row in rows)]
    evaluations = _evaluations(session, order.id)
    entries = ledger.entries(session, order.id)
    settled = settlement.of_order(session, order.id)
    recorded = _recorded(session, order.id, decisions.values())
    taps = _taps(session, every)
    people, videos = _named(session, every, entries, recorded, taps)
    lines = _lines(session, order, facts, decisions, evaluations, people, videos)
    _tell_decisions(session, lines, decisions, earlier, taps, people, videos)
    newest = evaluations[0] if evaluations else None
    return {
        "order": _order(session, order, facts),
        "answer": _answer(newest, lines, people),
        "heard": _heard(session, order),
        "carriers": _carriers(session, order, facts, decisions.values()),
        "lines": lines,
        "refunds": _refunds(facts, newest),
        "evaluations": [_evaluation(row) for row in evaluations],
        "acts": _acts(session, recorded, people, videos),
        "entries": [_entry(entry, people, videos) for entry in entries],
        "fee": trace_money.fee(entries),
        "absorbed": trace_money.absorbed(entries),
        "statements": trace_money.statements(session, order, settled, people, videos),
        "reserves": trace_money.reserves(session, settled, people),
        "invoices": trace_money.invoices(session, order),
        "payouts": trace_money.paid_out(session, order, settled, people),
    }


def _order(session: Session, order: Order, facts: OrderFacts) -> dict[str, Any]:
    shop, snapshot = shops.get(session, order.shop_id), facts.snapshot
    return {
        "id": order.id, "ref": order.order_ref, "number": order.number,
        "shop": {"id": shop.id, "name": shop.name, "domain": shop.domain}, "placed_at": _time(order.placed_at),
        "changed_at": _time(order.changed_at), "currency": order.currency, "payment_status": snapshot.payment_status,
        "paid_at": _time(snapshot.paid_at), "cancelled_at": _time(snapshot.cancelled_at),
        "gone_at": _time(order.gone_at), "total": snapshot.total, "shipping": snapshot.shipping,
        "taxes_included": snapshot.taxes_included, "test": snapshot.test, "source": snapshot.source,
        "buyer": "known" if facts.buyer_hash else "not known",
        "evaluated": order.evaluated_hash == order.content_hash,
    }  # fmt: skip


def _answer(newest: Evaluation | None, lines: list[dict[str, Any]], people: Named) -> dict[str, Any]:
    credited: dict[str, dict[str, Any]] = {}
    nobody = []
    for line in lines:
        creator = line["decision"]["creator"] if line["decision"] else None
        if creator is None:
            nobody.append({"line_ref": line["line_ref"], "reason": line["reason"]})
            continue
        row = credited.setdefault(creator["id"], {"creator": creator, "due": 0, "lines": 0})
        row["due"] += line["due"]
        row["lines"] += 1
    return {
        "reason": newest.reason if newest else "not_evaluated",
        "lines": len(lines),
        "lines_credited": len(lines) - len(nobody),
        "due": sum(row["due"] for row in credited.values()),
        "creators": list(credited.values()),
        "nobody": nobody,
    }


def _heard(session: Session, order: Order) -> dict[str, Any]:
    query = sa.select(DeliveryRow).where(DeliveryRow.shop_id == order.shop_id, DeliveryRow.order_ref == order.order_ref)
    deliveries = session.scalars(query.order_by(DeliveryRow.received_at, DeliveryRow.id))
    versions = sorted(orders.versions(session, order.id), key=lambda row: (row.heard_at, row.id))
    return {
        "deliveries": [
            {
                "id": row.id, "topic": row.topic, "received_at": _time(row.received_at),
                "triggered_at": _time(row.triggered_at), "status": row.status, "reason": row.reason,
                "detail": row.detail, "tries": row.tries, "repeats": row.repeats, "effects": row.effects,
            }
            for row in deliveries
        ],
        "versions": [
            {
                "id": row.id, "changed_at": _time(row.changed_at), "triggered_at": _time(row.triggered_at),
                "heard_at": _time(row.heard_at), "source": row.source, "outcome": row.outcome,
                "newest": (row.changed_at, row.content_hash) == (order.changed_at, order.content_hash),
            }
            for row in versions
        ],
        "loose": [
            {
                "kind": row.kind, "ref": row.ref, "heard_at": _time(row.heard_at), "source": row.source,
                "applied_at": _time(row.applied_at),
            }
            for row in orders.loose_facts(session, order.shop_id, order.order_ref)
        ],
    }  # fmt: skip


def _carriers(session: Session, order: Order, facts: OrderFacts, decisions: Iterable[DecisionRow]) -> dict[str, Any]:
    evidence = [row.evidence for row in decisions]
    bad = {part["token"]: part for found in evidence for part in found.get("bad_tokens", [])}
    brought = {name for found in evidence for name in found.get("carriers", [])}
    return {
        # Values stay out: a token is a key, and what else rides there may name a person.
        "found": [{"kind": part.kind, "name": part.name, "line_ref": part.line_ref} for part in facts.carriers],
        "brought": sorted(brought),
        "bad": list(bad.values()),
        "ways": _ways(session, order, facts, brought, evidence),
    }


def _ways(
    session: Session, order: Order, facts: OrderFacts, brought: set[str], evidence: list[dict[str, Any]]
) -> list[dict[str, str]]:
    """What became of each carrier that the platform keeps."""
    came = {one["touch_id"] for found in evidence for one in found.get("candidates", [])}
    sent = attribution.ways_of(session, came)
    kept = {part.kind for part in facts.carriers}
    rows = []
    for each in roster.platform(shops.get(session, order.shop_id).platform).checkout.carriers:
        if each.name in brought:
            state = "brought"
        elif each.name in kept:
            state = "kept"
        elif not sent:
            state = "absent"
        elif each.fallback and brought:
            state = "not_needed"
        else:
            state = "lost" if sent & each.ways else "not_sent"
        rows.append({"name": each.name, "state": state, "shown_as": each.shown_as, "lost_when": each.lost_when})
    return rows


def _lines(
    session: Session,
    order: Order,
    facts: OrderFacts,
    decisions: Mapping[str, DecisionRow],
    evaluations: list[Evaluation],
    people: Named,
    videos: Named,
) -> list[dict[str, Any]]:
    """A line of the newest snapshot each, then lines that have vanished from it and left something behind."""
    assessed = {line["line_ref"]: line for line in evaluations[0].lines} if evaluations else {}
    clearances = trace_money.clearances(session, order.id)
    balances = _balances(session, order.id, people, videos)
    known = {line.line_ref: line for line in facts.snapshot.lines}
    lines = []
    for line_ref in [*known, *sorted((decisions.keys() | balances.keys()) - known.keys())]:
        line, figures = known.get(line_ref), assessed.get(line_ref, {})
        lines.append(
            {
                "line_ref": line_ref, "title": line.title if line else "", "sku": line.sku if line else "",
                "product_ref": line.product_ref if line else None, "quantity": line.quantity if line else 0,
                "current_quantity": line.current_quantity if line else 0,
                "reason": figures.get("reason") or ("line_vanished" if line is None else "not_evaluated"),
                "flags": list(figures.get("flags", ())), "base": figures.get("parts"),
                **{name: figures.get(name, 0) for name in _FIGURES},
                "decision": None,
                "clearance": clearances.get(line_ref),
                "balances": balances.get(line_ref, []),
            }
        )  # fmt: skip
    return lines


_FIGURES = (
    "commission", "estimate", "due", "removed_units", "removed_base", "refunded_units", "refunded_base", "reversed",
)  # fmt: skip


def _taps(session: Session, rows: Iterable[Decided]) -> dict[str, Touch]:
    """The touches that an evidence only names, since it shows fifty whole."""
    return attribution.touches(
        session, {each for row in rows for ids in row.evidence.get("rest", {}).values() for each in ids}
    )


def _tell_decisions(
    session: Session, lines: list[dict[str, Any]], decisions: Mapping[str, DecisionRow],
    earlier: Mapping[str, list[DecisionPast]], taps: Mapping[str, Touch], people: Named, videos: Named,
) -> None:  # fmt: skip
    """Each line's decision as it stands, and what was decided of it before."""
    terms = _terms(session, decisions.values())
    shown = {row.line_ref: _candidates(row.evidence, taps) for row in decisions.values()}
    buyers = attribution.buyers_of_tokens(session, {one["touch_id"] for each in shown.values() for one in each})
    for line in lines:
        row = decisions.get(line["line_ref"])
        if row is None:
            continue
        candidates = [
            {**each, "buyers": buyers[each["touch_id"]]} for each in _whose(shown[row.line_ref], people, videos)
        ]
        before = [_before(past, taps, people, videos) for past in earlier.get(row.line_ref, ())]
        line["decision"] = {
            **_decision(row, terms, people, videos), "candidates": candidates, "left_out": _left_out(row.evidence),
            "earlier": before,
        }  # fmt: skip


def _candidates(evidence: Mapping[str, Any], taps: Mapping[str, Touch]) -> list[dict[str, Any]]:
    """Every candidate with what became of it: those that are shown whole, then those that are named only."""
    found = list(evidence.get("candidates", []))
    for outcome, ids in evidence.get("rest", {}).items():
        for touch in (taps[each] for each in ids if each in taps):
            found.append(
                {
                    "touch_id": touch.id, "creator_id": touch.creator_id, "content_id": touch.content_id,
                    "product_ref": touch.product_ref, "kind": touch.kind, "at": touch.at.isoformat(),
                    "received_at": touch.received_at.isoformat(), "window_seconds": touch.window_seconds, "via": [],
                    "outcome": outcome, "why": "",
                }
            )  # fmt: skip
    return found


def _left_out(evidence: Mapping[str, Any]) -> int:
    named = sum(len(ids) for ids in evidence.get("rest", {}).values())
    return max(0, int(evidence.get("left_out", 0)) - named)


def _whose(candidates: Iterable[Mapping[str, Any]], people: Named, videos: Named) -> list[dict[str, Any]]:
    return [
        {
            **{name: value for name, value in each.items() if name not in ("creator_id", "content_id")},
            "creator": people.get(each.get("creator_id") or ""),
            "content": videos.get(each.get("content_id") or ""),
        }
        for each in candidates
    ]


def _before(row: DecisionPast, taps: Mapping[str, Touch], people: Named, videos: Named) -> dict[str, Any]:
    return {
        "decided_at": _time(row.decided_at), "until": _time(row.until), "pinned": row.pinned,
        "credit_reason": row.credit_reason, "rate_reason": row.rate_reason, "creator": people.get(row.creator_id or ""),
        "content": videos.get(row.content_id or ""), "touch_id": row.touch_id, "rate_bp": row.rate_bp,
        "candidates": _whose(_candidates(row.evidence, taps), people, videos), "left_out": _left_out(row.evidence),
        "codes": _codes(row.evidence, people), "acts": row.evidence.get("acts", []),
    }  # fmt: skip


def _codes(evidence: Mapping[str, Any], people: Named) -> list[dict[str, Any]]:
    return [
        {"text": each["text"], "creator": people.get(each["creator_id"] or ""), "outcome": each["outcome"]}
        for each in evidence.get("codes", [])
    ]


def _decision(row: DecisionRow, terms: Named, people: Named, videos: Named) -> dict[str, Any]:
    evidence = row.evidence
    return {
        "credit_reason": row.credit_reason, "rate_reason": row.rate_reason,
        "creator": people.get(row.creator_id or ""), "content": videos.get(row.content_id or ""),
        "touch_id": row.touch_id, "rate_bp": row.rate_bp, "terms": terms.get(row.terms_id or ""),
        "decided_at": _time(row.decided_at), "pinned_at": _time(row.pinned_at), "drift": row.drift,
        "codes": _codes(evidence, people),
        "bound": _bound(evidence, people), "review": evidence.get("review"), "credit": evidence.get("credit"),
        "exchange_of": evidence.get("exchange_of", ""), "acts": evidence.get("acts", []),
        "flags": evidence.get("flags", []), "rates": _rates(evidence, terms),
    }  # fmt: skip


def _bound(evidence: Mapping[str, Any], people: Named) -> dict[str, Any] | None:
    bound = evidence.get("bound")
    return None if bound is None else {"creator": people.get(bound["creator_id"]), "outcome": bound["outcome"]}


def _rates(evidence: Mapping[str, Any], terms: Named) -> dict[str, Any] | None:
    """What stood at the click and at the order, each with its version of the terms."""
    rates = evidence.get("rates")
    if rates is None:
        return None
    return {
        moment: None
        if rate is None
        else {
            "rate_bp": rate["rate_bp"], "kind": rate["kind"], "ads": rate.get("ads", False),
            "basis": rate.get("basis", "standard"), "kept_until": rate.get("kept_until"),
            "terms": terms.get(rate["terms_id"]),
        }
        for moment, rate in rates.items()
    }  # fmt: skip


def _terms(session: Session, decisions: Iterable[DecisionRow]) -> Named:
    terms_ids: set[str | None] = set()
    for row in decisions:
        terms_ids.add(row.terms_id)
        terms_ids.update(rate["terms_id"] for rate in (row.evidence.get("rates") or {}).values() if rate)
    rows = session.scalars(sa.select(Terms).where(Terms.id.in_([each for each in terms_ids if each])))
    return {
        row.id: {
            "id": row.id, "kind": row.kind, "version": row.version, "rate_bp": row.rate_bp,
            "product_ref": row.product_ref, "starts_at": _time(row.starts_at), "ends_at": _time(row.ends_at),
        }
        for row in rows
    }  # fmt: skip


def _balances(session: Session, order_id: str, people: Named, videos: Named) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for (line_ref, creator_id, content_id), accounts in ledger.posted(session, order_id).items():
        if creator_id is not None:
            found.setdefault(line_ref, []).append(
                {
                    "creator": people.get(creator_id), "content": videos.get(content_id or ""),
                    **{name: -accounts.get(f"creator_{name}", 0) for name in ("pending", "cleared", "settled")},
                }
            )  # fmt: skip
    return found


def _refunds(facts: OrderFacts, newest: Evaluation | None) -> list[dict[str, Any]]:
    created = {refund.refund_ref: refund.created_at for refund in facts.refunds}
    parts = newest.order_parts.get("refunds", []) if newest else []
    return [{**part, "created_at": _time(created.get(part["refund_ref"]))} for part in parts]


def _evaluations(session: Session, order_id: str) -> list[Evaluation]:
    query = sa.select(Evaluation).where(Evaluation.order_id == order_id).order_by(Evaluation.sequence.desc())
    return list(session.scalars(query))


def _evaluation(row: Evaluation) -> dict[str, Any]:
    return {
        "id": row.id, "sequence": row.sequence, "at": _time(row.at), "cause": row.cause, "engine": row.engine,
        "reason": row.reason,
    }  # fmt: skip


def _entry(entry: BookedEntry, people: Named, videos: Named) -> dict[str, Any]:
    return {
        "id": entry.id, "subject": entry.subject, "sequence": entry.sequence, "kind": entry.kind,
        "reason": entry.reason, "line_ref": entry.line_ref, "creator": people.get(entry.creator_id or ""),
        "content": videos.get(entry.content_id or ""), "occurred_at": _time(entry.occurred_at),
        "booked_at": _time(entry.booked_at), "reverses": entry.reverses, "evaluation_id": entry.evaluation_id,
        "statement_id": entry.statement_id,
        "sides": [{"account": account, "amount": amount} for account, amount in entry.sides],
    }  # fmt: skip


def _recorded(session: Session, order_id: str, decisions: Iterable[DecisionRow]) -> list[Act]:
    """Acts about the order, and those about a code that decided a line of it; newest first."""
    found = {row.id: row for row in acts.about(session, [order_id])}
    named = {act_id for row in decisions for act_id in row.evidence.get("acts", [])} - found.keys()
    if named:
        found |= {row.id: row for row in session.scalars(sa.select(Act).where(Act.id.in_(named)))}
    return sorted(found.values(), key=lambda row: (row.proposed_at, row.id), reverse=True)


def _acts(session: Session, recorded: list[Act], people: Named, videos: Named) -> list[dict[str, Any]]:
    code_ids = {row.code_id for row in recorded if row.code_id}
    codes = {row.id: row.shown for row in session.scalars(sa.select(Code).where(Code.id.in_(code_ids)))}
    return [
        {
            "id": row.id, "kind": row.kind, "state": row.state, "line_ref": row.line_ref,
            "creator": people.get(row.creator_id or ""), "content": videos.get(row.content_id or ""),
            "code": codes.get(row.code_id or ""), "since": _time(row.since), "actor": row.actor, "reason": row.reason,
            "proposed_at": _time(row.proposed_at), "needs_second": row.needs_second, "approved_by": row.approved_by,
            "approved_at": _time(row.approved_at), "effective_at": _time(row.effective_at),
            "refused_at": _time(row.refused_at), "refused_why": row.refused_why,
        }
        for row in recorded
    ]  # fmt: skip


def _named(
    session: Session, decisions: Iterable[Decided], entries: Iterable[BookedEntry], recorded: Iterable[Act],
    taps: Mapping[str, Touch],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:  # fmt: skip
    """Who and what all the ids are."""
    creator_ids: set[str | None] = {touch.creator_id for touch in taps.values()}
    content_ids: set[str | None] = {touch.content_id for touch in taps.values()}
    for row in decisions:
        for part in (
            row.evidence.get("candidates", []),
            row.evidence.get("codes", []),
            [row.evidence.get("bound") or {}],
            [{"creator_id": row.creator_id, "content_id": row.content_id}],
        ):
            creator_ids.update(one.get("creator_id") for one in part)
            content_ids.update(one.get("content_id") for one in part)
    for creator_id, content_id in (
        *((entry.creator_id, entry.content_id) for entry in entries),
        *((act.creator_id, act.content_id) for act in recorded),
    ):
        creator_ids.add(creator_id)
        content_ids.add(content_id)
    people = {
        row.id: {"id": row.id, "handle": row.handle, "name": row.name}
        for row in creators.some(session, {one for one in creator_ids if one}).values()
    }
    videos = {
        row.id: {
            "id": row.id, "network": row.network, "ref": row.content_ref, "kind": row.kind, "title": row.title,
        }
        for row in contents.some(session, {one for one in content_ids if one}).values()
    }  # fmt: skip
    return people, videos


_time = trace_money.time


def as_json(found: dict[str, Any]) -> bytes:
    return msgspec.json.encode(found)
