"""Why an order paid what it paid: everything that was heard, decided, computed, booked, settled and paid, in one value.

`trace` gives a JSON-able dict; faces and the command only dress it. Amounts are integers of `order.currency`'s minor
unit, times are RFC 3339 in UTC, reasons are codes (`web/words.py` has the wordings), and nothing in it is a person's
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
                candidates [{touch_id, creator, content, kind, at, outcome, why, via, buyers …}], left_out, flags,
                rates}; `buyers` is how many customers have ordered with the candidate's token so far,
                clearance {state, clears_at, cleared_at, why, blocked, blocks [{kind, ref, opened_at, closed_at}]},
                balances [{creator, content, pending, cleared, settled}]
    refunds     what became of each refund record: refund_ref, created_at, status, lines, amount_only, settled_removed,
                spread, unknown_lines, flags
    evaluations [{id, sequence, at, cause, engine, reason}], newest first
    entries     [{id, subject, sequence, kind, reason, line_ref, creator, content, occurred_at, booked_at, reverses,
                evaluation_id, statement_id, sides [{account, amount}]}], as booked; debits are positive
    statements  [{id, period, closed_at, creator, line_ref, content, amount, total}]
    payouts     what the order's creators were paid from this shop since: [{id, batch_id, creator, amount, status,
                created_at, paid_at}]; a payout pays a balance, never an order

A creator is {id, handle, name}, content is {id, network, ref, kind, title}; each of them, `decision`, `clearance` and
`base` may be None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance, ClearanceBlock, Evaluation
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.queries import BookedEntry
from connector.earnings.payouts import queries as payouts
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.queries import SettledLine
from connector.errors import InputRefused, NotFound
from connector.platforms import roster
from connector.programme.collaborations.tables import Terms
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.webhooks.tables import DeliveryRow

Named = Mapping[str, dict[str, Any]]


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
    evaluations = _evaluations(session, order.id)
    entries = ledger.entries(session, order.id)
    settled = settlement.of_order(session, order.id)
    people, videos = _named(session, decisions.values(), entries)
    lines = _lines(session, order, facts, decisions, evaluations, people, videos)
    newest = evaluations[0] if evaluations else None
    return {
        "order": _order(session, order, facts),
        "answer": _answer(newest, lines, people),
        "heard": _heard(session, order),
        "carriers": _carriers(session, order, facts, decisions.values()),
        "lines": lines,
        "refunds": _refunds(facts, newest),
        "evaluations": [_evaluation(row) for row in evaluations],
        "entries": [_entry(entry, people, videos) for entry in entries],
        "statements": [_settled(line, people, videos) for line in settled],
        "payouts": _payouts(session, order, settled, people),
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
    terms = _terms(session, {row.terms_id for row in decisions.values() if row.terms_id})
    buyers = _buyers(session, decisions.values())
    clearances = _clearances(session, order.id)
    balances = _balances(session, order.id, people, videos)
    known = {line.line_ref: line for line in facts.snapshot.lines}
    lines = []
    for line_ref in [*known, *sorted((decisions.keys() | balances.keys()) - known.keys())]:
        line, figures = known.get(line_ref), assessed.get(line_ref, {})
        row = decisions.get(line_ref)
        lines.append(
            {
                "line_ref": line_ref, "title": line.title if line else "", "sku": line.sku if line else "",
                "product_ref": line.product_ref if line else None, "quantity": line.quantity if line else 0,
                "current_quantity": line.current_quantity if line else 0,
                "reason": figures.get("reason") or ("line_vanished" if line is None else "not_evaluated"),
                "flags": list(figures.get("flags", ())), "base": figures.get("parts"),
                **{name: figures.get(name, 0) for name in _FIGURES},
                "decision": _decision(row, terms, people, videos, buyers) if row else None,
                "clearance": clearances.get(line_ref),
                "balances": balances.get(line_ref, []),
            }
        )  # fmt: skip
    return lines


_FIGURES = (
    "commission", "estimate", "due", "removed_units", "removed_base", "refunded_units", "refunded_base", "reversed",
)  # fmt: skip


def _buyers(session: Session, decisions: Iterable[DecisionRow]) -> dict[str, int]:
    candidates = [one for row in decisions for one in row.evidence.get("candidates", [])]
    return attribution.buyers_of_tokens(session, {one["touch_id"] for one in candidates})


def _decision(
    row: DecisionRow, terms: Named, people: Named, videos: Named, buyers: Mapping[str, int]
) -> dict[str, Any]:
    evidence = row.evidence
    return {
        "credit_reason": row.credit_reason, "rate_reason": row.rate_reason,
        "creator": people.get(row.creator_id or ""), "content": videos.get(row.content_id or ""),
        "touch_id": row.touch_id, "rate_bp": row.rate_bp, "terms": terms.get(row.terms_id or ""),
        "decided_at": _time(row.decided_at), "pinned_at": _time(row.pinned_at), "drift": row.drift,
        "candidates": [
            {
                **{name: value for name, value in candidate.items() if name not in ("creator_id", "content_id")},
                "creator": people.get(candidate.get("creator_id") or ""),
                "content": videos.get(candidate.get("content_id") or ""),
                "buyers": buyers[candidate["touch_id"]],
            }
            for candidate in evidence.get("candidates", [])
        ],
        "left_out": evidence.get("left_out", 0), "flags": evidence.get("flags", []), "rates": evidence.get("rates"),
    }  # fmt: skip


def _terms(session: Session, terms_ids: Iterable[str]) -> Named:
    rows = session.scalars(sa.select(Terms).where(Terms.id.in_(list(terms_ids))))
    return {
        row.id: {
            "id": row.id, "kind": row.kind, "version": row.version, "rate_bp": row.rate_bp,
            "product_ref": row.product_ref, "starts_at": _time(row.starts_at), "ends_at": _time(row.ends_at),
        }
        for row in rows
    }  # fmt: skip


def _clearances(session: Session, order_id: str) -> dict[str, dict[str, Any]]:
    blocks: dict[str, list[dict[str, Any]]] = {}
    for block in session.scalars(sa.select(ClearanceBlock).where(ClearanceBlock.order_id == order_id)):
        blocks.setdefault(block.line_ref, []).append(
            {
                "kind": block.kind, "ref": block.ref, "opened_at": _time(block.opened_at),
                "closed_at": _time(block.closed_at),
            }
        )  # fmt: skip
    return {
        row.line_ref: {
            "state": row.state, "clears_at": _time(row.clears_at), "cleared_at": _time(row.cleared_at),
            "why": row.why, "blocked": row.blocked.split(), "blocks": blocks.get(row.line_ref, []),
        }
        for row in session.scalars(sa.select(Clearance).where(Clearance.order_id == order_id))
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


def _settled(line: SettledLine, people: Named, videos: Named) -> dict[str, Any]:
    statement = line.statement
    return {
        "id": statement.id, "period": statement.period, "closed_at": _time(statement.closed_at),
        "creator": people.get(statement.creator_id), "line_ref": line.line_ref,
        "content": videos.get(line.content_id or ""), "amount": line.amount, "total": statement.total,
    }  # fmt: skip


def _payouts(session: Session, order: Order, settled: list[SettledLine], people: Named) -> list[dict[str, Any]]:
    """Payouts that may hold some of this order's money: those after the first statement it is in."""
    since: dict[str, datetime] = {}
    for line in settled:
        since.setdefault(line.statement.creator_id, line.statement.closed_at)
    if not since:
        return []
    return [
        {
            "id": row.id, "batch_id": row.batch_id, "creator": people.get(row.creator_id), "amount": row.amount,
            "status": row.status, "created_at": _time(row.created_at), "paid_at": _time(row.paid_at),
        }
        for row in payouts.of_creators(session, order.shop_id, since, order.currency)
        if row.created_at >= since[row.creator_id]
    ]  # fmt: skip


def _named(
    session: Session, decisions: Iterable[DecisionRow], entries: Iterable[BookedEntry]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Who and what all the ids are."""
    creator_ids: set[str | None] = set()
    content_ids: set[str | None] = set()
    for row in decisions:
        for part in (
            row.evidence.get("candidates", []),
            [{"creator_id": row.creator_id, "content_id": row.content_id}],
        ):
            creator_ids.update(one.get("creator_id") for one in part)
            content_ids.update(one.get("content_id") for one in part)
    for entry in entries:
        creator_ids.add(entry.creator_id)
        content_ids.add(entry.content_id)
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


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_json(found: dict[str, Any]) -> bytes:
    return msgspec.json.encode(found)
