"""The walk: order by order from the kept versions to what should be booked, then account by account.

    versions, loose facts → the order's row → decisions → bases and dues → entries → balances

Each stop is worked out from the one before as it should be, and held against what is kept. So one thing that was bent
is named where it was bent, and again wherever the books would follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from connector.earnings.commission import accrual, clearance, rate
from connector.earnings.commission.rate import Assessment
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger import running
from connector.earnings.ledger.queries import Key
from connector.events import OrderSnapshot
from connector.operations.rebuild import bodies, settled
from connector.operations.rebuild.difference import Difference, Kind, Verified
from connector.operations.rebuild.tally import Tally

_CHUNK = 200
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

    def shop(self, shop: Shop) -> None:
        for order in _each(self._session, shop.id):
            self._order(shop, order)

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
        decisions = self._decided(shop, order, facts)
        taken = accrual.forfeited(self._session, order.id, facts)
        assessment = self._assessed(shop, order, facts, decisions, taken)
        self._booked(shop, order, facts, decisions, assessment, taken)

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

    def _decided(self, shop: Shop, order: Order, facts: OrderFacts) -> dict[str, Decision]:
        """Every line by the rules. What a pin or a later delivery settles is what counts, and is named."""
        if rate.stopped(facts.snapshot) in _NO_ORDER:
            return {}
        made = credit.anew(self._session, shop, order, facts)
        held = {row.line_ref: row for row in self._session.scalars(_DECISIONS, {"order_id": order.id})}
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

    def _booked(
        self, shop: Shop, order: Order, facts: OrderFacts, decisions: Mapping[str, Decision], assessment: Assessment,
        taken: frozenset[str],
    ) -> None:  # fmt: skip
        standing = ledger.standing(self._session, order.id)
        rows = clearance.held(self._session, order.id)
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
        if fee != standing.fee:
            self._say("ledger", shop.id, f"{about} fee", str(fee), str(standing.fee))
        cleared = frozenset(line_ref for line_ref, row in rows.items() if row["state"] == "cleared")
        self.tally.order(shop.id, assessment.currency, due, fee, borne, cleared)

    def balances(self, shop_id: str | None) -> None:
        """Every account, as the ledger keeps it and as all of it comes to."""
        derived = self.tally.balances()
        kept = {
            (one.shop_id, one.currency, one.account, one.creator_id): one.amount
            for one in running.summed(self._session, shop_id=shop_id)
        }
        for account in sorted(derived.keys() | kept.keys()):
            self.done.balances += 1
            if derived.get(account, 0) != kept.get(account, 0):
                about = " ".join(part for part in account if part)
                self._say("balance", account[0], about, str(derived.get(account, 0)), str(kept.get(account, 0)))

    def _say(self, kind: Kind, shop_id: str, about: str, derived: str, kept: str) -> None:
        self.done.differences += 1
        self._tell(Difference(kind, about, derived, kept, shop_id))


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
