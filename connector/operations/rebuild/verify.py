"""The walk: order by order from the kept versions to what should be booked, then account by account.

    versions, loose facts → the order's row → taps → decisions → bases and dues → clearances → entries
    → bonuses of events, flat fees, reimbursed samples → balances

Each stop is worked out from the one before as it should be, and held against what is kept. So one thing that was bent
is named where it was bent, and again wherever the books would follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import events
from connector.commerce.orders import queries as orders
from connector.commerce.orders import record
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import credit
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import accrual, bonuses, clearance, fees, rate
from connector.earnings.commission.clearance import Held
from connector.earnings.commission.rate import Assessment
from connector.earnings.commission.tables import Evaluation, EventBonus
from connector.earnings.commission.tiers import EventOrder, Reckoned, reckon
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger import running
from connector.earnings.ledger.queries import Key
from connector.earnings.settlement import pieces
from connector.events import OrderSnapshot
from connector.operations.rebuild import beside, bodies, clearances, settled, tapped
from connector.operations.rebuild.difference import Difference, Kind, Verified
from connector.operations.rebuild.tally import Tally
from connector.programme.collaborations.events import Event

_CHUNK = 200
_MOVED_BY_CLOSINGS = frozenset({"creator_pending", "creator_cleared", "creator_settled", "reserve"})
# Such an order is none: no line of it is decided.
_NO_ORDER = frozenset({"test_order", "not_completed", "sample_order"})
# What of a decision moves money or says whose it is; reasons and evidence may grow after the pin.
_DECIDED = ("creator_id", "content_id", "touch_id", "rate_bp", "terms_id")
_FIGURES = (
    "creator_id", "content_id", "rate_bp", "base", "commission", "refunded_base", "reversed", "due",
)  # fmt: skip
_snapshot = msgspec.json.Decoder(OrderSnapshot)
# Built once, run for every order.
_VERSIONS = sa.select(OrderVersion.id, OrderVersion.content_hash, OrderVersion.snapshot).where(
    OrderVersion.order_id == sa.bindparam("order_id")
)
_DECISIONS = sa.select(DecisionRow).where(DecisionRow.order_id == sa.bindparam("order_id"))
_NEWEST = (
    sa.select(Evaluation)
    .where(Evaluation.order_id == sa.bindparam("order_id"))
    .order_by(Evaluation.sequence.desc())
    .limit(1)
)

Tell = Callable[[Difference], None]


def verify(session: Session, tell: Tell, *, shop_id: str | None = None, retranslate: bool = True) -> Verified:
    """Work out everything anew and `tell` each difference as it is found. Writes nothing: the session is `db.snapshot`.

    `retranslate`: also read the raw bodies again that are still kept.
    """
    walk = _Walk(session, tell, retranslate)
    for shop in [shops.get(session, shop_id)] if shop_id is not None else shops.every(session):
        walk.shop(shop)
    settled.add_up(session, walk.tally, walk.done, shop_id)
    walk.balances(shop_id)
    return walk.done


class _Walk:
    def __init__(self, session: Session, tell: Tell, retranslate: bool) -> None:
        self._session, self._tell, self._retranslate = session, tell, retranslate
        self.tally, self.done = Tally(), Verified()
        self._events: list[_Counted] = []

    def shop(self, shop: Shop) -> None:
        self._events = [_Counted(event, at) for event, at in bonuses.counted(self._session, shop.id)]
        for order in _each(self._session, shop.id):
            self._order(shop, order)
        self._bonuses(shop)
        self._beside(shop)

    def _order(self, shop: Shop, order: Order) -> None:
        """One order through all its stops."""
        self.done.orders += 1
        self._versions(order)
        if self._retranslate:
            for found in bodies.reread(self._session, shop, order, self.done):
                self._say("delivery", shop.id, *found)
        fresh = record.anew(self._session, order)
        self._row(order, fresh)
        facts = orders.facts(fresh)
        held = {row.line_ref: row for row in self._session.scalars(_DECISIONS, {"order_id": order.id})}
        self._tapped(shop, held)
        decisions = self._decided(shop, order, facts, held)
        taken = accrual.forfeited(self._session, order.id, facts)
        assessment = self._assessed(shop, order, facts, decisions, taken)
        pinned = {ref: row.pinned_at for ref, row in held.items()}
        rows = self._cleared(shop, order, facts, decisions, assessment, pinned)
        self._booked(shop, order, facts, decisions, assessment, taken, rows)
        for counted in self._events:
            rules = assessment.parts.rules
            for creator_id, share in bonuses.shares(self._session, facts, decisions, counted.event, rules, taken):
                counted.shares.setdefault((creator_id, assessment.currency), []).append(share)

    def _versions(self, order: Order) -> None:
        for version_id, kept, text in self._session.execute(_VERSIONS, {"order_id": order.id}):
            found = events.content_hash(_snapshot.decode(text))
            if found != kept:
                about = f"{order.id} {order.number} version {version_id}"
                self._say("version", order.shop_id, about, f"content {found}", kept)

    def _row(self, order: Order, fresh: Order) -> None:
        kept, derived = record.derived(order), record.derived(fresh)
        for name in (name for name, value in derived.items() if kept[name] != value):
            self._say(
                "order", order.shop_id, f"{order.id} {order.number} {name}", _short(derived[name]), _short(kept[name])
            )

    def _tapped(self, shop: Shop, held: Mapping[str, DecisionRow]) -> None:
        touches = {each["touch_id"] for row in held.values() for each in row.evidence.get("candidates", ())}
        for about, derived, kept in tapped.differ(self._session, touches, self.done) if touches else ():
            self._say("touch", shop.id, about, derived, kept)

    def _decided(
        self, shop: Shop, order: Order, facts: OrderFacts, held: Mapping[str, DecisionRow]
    ) -> dict[str, Decision]:
        """Every line by the rules. What a pin or a later delivery settles is what counts, and is named."""
        if rate.stopped(facts.snapshot) in _NO_ORDER:
            return {}
        made = credit.anew(self._session, shop, order, facts)
        for line_ref, decision in made.items():
            row = held.get(line_ref)
            about = f"{order.id} {order.number} line {line_ref}"
            self.done.lines += 1
            if row is None:
                self._say("decision", shop.id, about, f"creator {decision.creator_id}", "no decision")
                continue
            other = [name for name in _DECIDED if getattr(row, name) != getattr(decision, name)]
            if other and row.pinned_at is None:
                # It is decided with every delivery until its pin, and a tap may have come since the last one.
                self.done.leave_out("provisional decisions that the pin will settle")
                made[line_ref] = credit.as_decision(row)
            elif other:
                derived = ", ".join(f"{name} {getattr(decision, name)}" for name in other)
                kept = ", ".join(f"{name} {getattr(row, name)}" for name in other)
                kind: Kind = "decision_changed" if row.drift else "decision"
                self._say(kind, shop.id, about, derived, kept)
                if row.drift:
                    made[line_ref] = credit.as_decision(row)
            elif row.pinned_at is not None and (lost := _losers(row, decision)):
                derived, kept = (", ".join(f"{touch} {each[n]}" for touch, each in lost.items()) for n in (0, 1))
                self._say("decision", shop.id, f"{about} candidates", derived, kept)
        return made

    def _assessed(
        self, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Decision], taken: frozenset[str]
    ) -> Assessment:  # fmt: skip
        rules = accrual.amount_rules(self._session, shop.id, facts.placed_at)
        assessment = rate.assess(facts, decisions, rules, taken)
        newest = self._session.scalars(_NEWEST, {"order_id": order.id}).first()
        about = f"{order.id} {order.number}"
        if newest is None:
            self._say("evaluation", shop.id, about, "an evaluation", "none")
            return assessment
        if newest.reason != assessment.reason:
            self._say(
                "evaluation", shop.id, about, assessment.reason or "lines decide", newest.reason or "lines decide"
            )
        kept: dict[str, dict[str, Any]] = {line["line_ref"]: line for line in newest.lines}
        for line in assessment.lines:
            was = kept.get(line.line_ref, {})
            other = [name for name in _FIGURES if was.get(name) != getattr(line, name)]
            if other:
                derived = ", ".join(f"{name} {getattr(line, name)}" for name in other)
                said = ", ".join(f"{name} {was.get(name)}" for name in other)
                self._say("evaluation", shop.id, f"{about} line {line.line_ref}", derived, said)
        return assessment

    def _cleared(
        self, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Decision], assessment: Assessment,
        pinned: Mapping[str, datetime | None],
    ) -> Held:  # fmt: skip
        """Every line's clearance by the facts. That a line cleared is a fact of the clock, taken as it is kept."""
        rows = clearance.held(self._session, order.id)
        found = list(clearances.differ(self._session, shop, order, facts, decisions, assessment, rows, pinned))
        rows, more = clearances.paid(self._session, shop, order, rows)
        for about, derived, kept in (*found, *more):
            self._say("clearance", shop.id, f"{order.id} {order.number} {about}", derived, kept)
        return rows

    def _booked(
        self, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Decision], assessment: Assessment,
        taken: frozenset[str], rows: Held,
    ) -> None:  # fmt: skip
        standing = ledger.standing(self._session, order.id)
        borne: Mapping[Key, int] = {}
        if any(row["paid_at"] is not None for row in rows.values()):
            borne = accrual.borne(self._session, facts, decisions, assessment, taken, rows)
        due = {key: amount for key, amount in assessment.due().items() if amount}
        fee = assessment.parts.fee.due if assessment.parts.fee else 0
        about = f"{order.id} {order.number}"
        for what, derived, kept in (("line", due, standing.earned), ("absorbed", borne, standing.absorbed)):
            for key in sorted(derived.keys() | kept.keys(), key=str):
                if derived.get(key, 0) != kept.get(key, 0):
                    name = " ".join([about, what, *(part or "-" for part in key)])
                    self._say("ledger", shop.id, name, str(derived.get(key, 0)), str(kept.get(key, 0)))
        if due == {key: amount for key, amount in standing.earned.items() if amount}:
            # All of it is there, so where it stands tells whether the line cleared.
            for what, *said in clearances.money(rows, standing):
                self._say("clearance", shop.id, f"{about} {what}", said[0], said[1])
        if fee != standing.fee:
            self._say("ledger", shop.id, f"{about} fee", str(fee), str(standing.fee))
        cleared = frozenset(line_ref for line_ref, row in rows.items() if row["state"] == "cleared")
        self.tally.order(shop.id, assessment.currency, due, fee, borne, cleared)

    def _bonuses(self, shop: Shop) -> None:
        """Each event's bonuses by its orders up to its close, beside what was counted (F8)."""
        for counted in self._events:
            event = counted.event
            kept = bonuses.kept(self._session, event.id)
            derived: Mapping[tuple[str, str], Reckoned | EventBonus]
            derived = {key: reckon(shares, event.tiers) for key, shares in counted.shares.items()}
            other = [
                key for key in sorted(derived.keys() | kept.keys()) if _figures(derived, key) != _figures(kept, key)
            ]
            # What was heard of since the last count the next round counts, if what was counted is what is booked.
            said = {key: kept[key].bonus if key in kept else 0 for key in other}
            if (
                other
                and bonuses.moved(self._session, event, counted.at)
                and bonuses.is_booked(self._session, event.id, said)
            ):
                self.done.leave_out("bonuses of events that the next round counts anew")
                derived = kept
            else:
                for key in other:
                    figures = (_figures(each, key) for each in (derived, kept))
                    told = [", ".join(f"{name} {value}" for name, value in each.items()) for each in figures]
                    self._say("bonus", shop.id, f"{event.id} {' '.join(key)}", told[0], told[1])
            for (creator_id, currency), one in derived.items():
                self.tally.bonus(shop.id, currency, creator_id, one.bonus)

    def _beside(self, shop: Shop) -> None:
        """Flat fees by agreements and answers, reimbursements by samples and orders, beside what is booked."""
        stands = dict(beside.booked(self._session, shop.id).get(shop.id, {}))
        kept = beside.kept(self._session, shop.id)
        derived: dict[beside.Key, int] = {}
        for found in beside.owed(self._session, shop.id):
            derived[found.key] = derived.get(found.key, 0) + found.amount
            if found.unknown:
                self.done.leave_out("reimbursements of samples whose order isn't known")
        for key in sorted(derived.keys() | stands.keys(), key=str):
            due, posted = derived.get(key, 0), stands.get(key, 0)
            subject, currency, creator_id, _ = key
            if due != posted and kept.get(subject) == posted:
                self.done.leave_out("reimbursements that the next round books anew")
                due = posted
            elif due != posted:
                kind: Kind = fees.kind_of(subject) or "flat_fee"
                self._say(kind, shop.id, " ".join(part or "-" for part in key), str(due), str(posted))
            self.tally.beside(shop.id, currency, creator_id, due)

    def balances(self, shop_id: str | None) -> None:
        """Every account, as the ledger keeps it and as all of it comes to.

        A closing under way has booked some of its pieces, and its statements aren't there yet: what it moves is held
        against them once it is done.
        """
        derived, moving = self.tally.balances(), pieces.being_closed(self._session)
        kept = {
            (one.shop_id, one.currency, one.account, one.creator_id): one.amount
            for one in running.summed(self._session, shop_id=shop_id)
        }
        for account in sorted(derived.keys() | kept.keys()):
            if account[0] in moving and account[2] in _MOVED_BY_CLOSINGS:
                self.done.leave_out("balances that a closing under way is moving")
                continue
            self.done.balances += 1
            if derived.get(account, 0) != kept.get(account, 0):
                about = " ".join(part for part in account if part)
                self._say("balance", account[0], about, str(derived.get(account, 0)), str(kept.get(account, 0)))

    def _say(self, kind: Kind, shop_id: str, about: str, derived: str, kept: str) -> None:
        self.done.differences += 1
        self._tell(Difference(kind, about, derived, kept, shop_id))


class _Counted:
    """An event that was counted, and what of it is found on the walk: (creator, currency) → their parts of orders."""

    def __init__(self, event: Event, at: datetime) -> None:
        self.event, self.at = event, at
        self.shares: dict[tuple[str, str], list[EventOrder]] = {}


_RECKONED = ("orders", "base", "commission", "tier_commission", "bonus", "tier_bp")


def _figures(found: Mapping[tuple[str, str], Any], key: tuple[str, str]) -> dict[str, int]:
    one = found.get(key, _NOTHING)
    return {name: getattr(one, name) for name in _RECKONED}


_NOTHING = Reckoned()


def _losers(row: DecisionRow, decision: Decision) -> dict[str, tuple[str, str]]:
    """Touch → (what becomes of it, what is kept), of the candidates that the pin shows and that are found again."""
    if row.evidence.get("engine") != decision.evidence.get("engine"):
        return {}  # pinned by other rules: what they called it is theirs
    now = {each["touch_id"]: each["outcome"] for each in decision.evidence.get("candidates", ())}
    found = {}
    for each in row.evidence.get("candidates", ()):
        touch, outcome = each["touch_id"], each["outcome"]
        if now.get(touch, outcome) != outcome:
            found[touch] = (now[touch], outcome)
    return found


def _each(session: Session, shop_id: str) -> Iterator[Order]:
    """A shop's orders by their ids, some at a time; the session keeps none of them."""
    last = ""
    while True:
        query = sa.select(Order).where(Order.shop_id == shop_id, Order.id > last).order_by(Order.id).limit(_CHUNK)
        rows = session.scalars(query).all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        last = rows[-1].id
        session.expunge_all()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
