"""Two hundred random orders on each database through the real money path, beside the plain readings of the same pages.

Taps, codes, terms, events, promotions, bindings and what creators buy by stand in the tables; orders come in as
deliveries; people assign lines by hand and take commission away; lines clear, a month is closed, and the store goes on
changing orders after that. What is compared: who is credited and at what rate, what each line has pending, cleared and
settled, the app's fee; and what every set of books must hold.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders import record
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop, ShopSetting
from connector.db import Database, Scope, new_id
from connector.earnings.attribution import tokens
from connector.earnings.attribution.tables import Act, Binding, Code, CodeRecord, DecisionRow, KnownBuyer, Touch
from connector.earnings.intake import ahead, take_in
from connector.earnings.ledger import checks, queries
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.settlement import clear, close
from connector.events import Buyer, Carrier, OrderSeen
from connector.programme.collaborations.tables import PromotionRow, Terms
from connector.programme.creators import identities, register
from tests.money import books, reference, reference_books, reference_credit
from tests.money.builders import PLACED
from tests.money.credit_worlds import CREATORS, random_world
from tests.money.histories import ACTS, plain, random_history
from tests.money.store import Delivery, Store
from tests.money.test_reference import FEES, lines_of

SHOPS, ORDERS = 20, 10
SYSTEM = Scope.system("test")
DAY = timedelta(days=1)
# When each phase is worked on: heard, cleared, heard again, cleared again, closed, heard once more.
FIRST, CLEARED, SECOND, CLEARED_AGAIN = PLACED + 5 * DAY, PLACED + 30 * DAY, PLACED + 31 * DAY, PLACED + 80 * DAY
ACTED, ACTED_AGAIN = PLACED + 6 * DAY, PLACED + 81 * DAY
MONTH, CLOSED, THIRD = "2026-12", datetime(2027, 1, 2, tzinfo=PLACED.tzinfo), datetime(2027, 1, 5, tzinfo=PLACED.tzinfo)


@dataclass
class Case:
    """One order: what the store had at the end of each phase, and the world that it was placed in."""

    number: int
    phases: list[Store]
    world: dict[str, Any]
    carriers: tuple[Carrier, ...] = ()
    buyer: Buyer = field(default_factory=Buyer)
    taken: tuple[str, ...] = ()  # lines whose commission an act took away
    assigned: set[str] = field(default_factory=set)  # lines that an act gave to somebody
    life: list[dict[str, Any]] = field(default_factory=list)
    decided: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class OneShop:
    number: int
    row: Shop
    world: dict[str, Any]
    fee_bp: int
    keeps: bool  # what the platform pays of a discount stays in the base
    cases: list[Case]

    @property
    def people(self) -> list[str]:
        """The creators' ids."""
        return list(self.world["people"])


def test_two_readings_of_two_hundred_orders(database: Database) -> None:
    rng = random.Random(4)
    for number in range(SHOPS):
        with database.write(SYSTEM) as session:
            shop = a_shop(session, number)
        _live(database, shop, rng)
        with database.read(SYSTEM) as session:
            for case in shop.cases:
                try:
                    same_order(session, shop, case)
                except AssertionError as wrong:
                    raise AssertionError(f"shop {number}, order {case.number}: {wrong}") from wrong
            same_sums(session, shop)
    with database.read(SYSTEM) as session:
        assert checks.examine(session) == []
        reasons = Counter(session.scalars(sa.select(DecisionRow.credit_reason)))
        kinds = Counter(session.scalars(sa.select(Entry.kind)))
        earned = Counter(session.scalars(sa.select(Entry.reason)))
    # None of it by never getting there.
    assert {
        "code", "last_click_direct", "last_click_indirect", "window_expired", "code_leaked", "manual", "lifetime",
        "self_purchase", "frozen_review",
    } <= set(reasons)  # fmt: skip
    assert {"forfeited", "credit_moved", "manual"} <= set(earned)
    assert {"accrual", "reversal", "clearance", "settlement", "fee"} <= set(kinds)


# A shop, its programme and its orders


def a_shop(session: Session, number: int) -> OneShop:
    row = books.shop(session, currency="USD", created_at=PLACED - 100 * DAY, installed_at=PLACED - 100 * DAY)
    products = [f"p{ref}" for ref in range(8, 13)]
    world = random_world(number, [{"ref": "0", "product": product, "codes": []} for product in products])
    fee_bp = FEES[number % len(FEES)]
    order = world["order"] | {"left": False, "bound": None, "matches": {}, "manual": {}, "forged": False}
    world |= {"order": order}
    cases = [a_case(number, each, world) for each in range(ORDERS)]
    named = _named(session, number, world, cases)
    shop = OneShop(number, row, named, fee_bp, number % 3 == 0, cases)
    _write_down(session, shop)
    for case in cases:
        _know(session, shop, case, random.Random(1000 * number + case.number))
    return shop


def _know(session: Session, shop: OneShop, case: Case, chance: random.Random) -> None:
    """Who the buyer is: a creator, somebody who looks like one, bound to one, or known from before."""
    order, creators = case.world["order"], shop.people
    ref = f"cust-{shop.number}-{case.number}"
    email = f"{ref}@example.org"
    case.buyer = Buyer(ref, email, None)
    kind, who = chance.choice(("", "", "", "", "", "hard", "soft")), chance.choice(creators)
    if kind == "hard":
        identities.learn(session, who, email=email, now=PLACED - 50 * DAY)
    elif kind == "soft":
        phone = f"+31 20 {shop.number:03}{case.number:03}"
        identities.learn(session, who, phone=phone, now=PLACED - 50 * DAY)
        case.buyer = Buyer(ref, email, phone.replace(" ", ""))
    order["matches"] = {who: kind} if kind else {}
    of = record.buyer_hash(shop.row.id, case.buyer)
    order["bound"] = chance.choice((None, *creators))
    if order["bound"] is not None:
        session.add(
            Binding(id=new_id("bnd"), shop_id=shop.row.id, buyer_hash=of, creator_id=order["bound"], order_id="ord_0",
                    starts_at=PLACED - chance.choice((DAY, timedelta(0))), recorded_at=PLACED - DAY, act_id=None)
        )  # fmt: skip
    order["returning"] = chance.random() < 0.5
    if order["returning"]:
        session.add(KnownBuyer(id=new_id("kby"), shop_id=shop.row.id, buyer_hash=of, order_id="ord_0", since=PLACED))
    session.flush()


def a_case(shop: int, number: int, world: dict[str, Any]) -> Case:
    seed = 1000 * shop + number
    store = random_history(seed)
    store.order_ref = str(5000 + number)
    rng = random.Random(seed)
    phases = [copy.deepcopy(store)]
    for _ in range(2):
        for _ in range(rng.choice((0, 1, 2, 3))):
            store.act(rng.choice(ACTS), rng.choice((1, 60, 86400)), *(rng.randrange(400) for _ in range(3)))
        phases.append(copy.deepcopy(store))
    own = random_world(seed, [line for phase in phases for line in lines_of(phase)])
    return Case(number, phases, {**world, "touches": own["touches"], "order": dict(world["order"])})


def _named(session: Session, number: int, world: dict[str, Any], cases: list[Case]) -> dict[str, Any]:
    """The shop's world with creators of its own in place of x, y and z, and ids that no other shop has."""
    people = {}
    for name in CREATORS:
        made = register.register(session, f"{name[4:]}{number}", name, 5000, PLACED - 100 * DAY)
        people[name] = made.id
    for name, status in world["order"]["statuses"].items():
        register.set_status(session, people[name], status, starts_at=PLACED - DAY, now=PLACED - DAY)
    for rows in (world["codes"], world["plans"], world["promotions"], *(case.world["touches"] for case in cases)):
        for row in rows:
            row["creator"] = people.get(row["creator"], row["creator"])
    for plan in world["plans"]:
        plan["id"] = f"{plan['id']}-{number}"
    world["order"]["statuses"] = {people[name]: status for name, status in world["order"]["statuses"].items()}
    world["people"] = list(people.values())
    for case in cases:
        case.world["order"] = dict(world["order"]) | {"manual": {}}
        for touch in case.world["touches"]:
            touch["id"] = f"{touch['id']}-{number}-{case.number}"
    return world


def _write_down(session: Session, whole: OneShop) -> None:
    shop, world = whole.row, whole.world
    early, order = PLACED - 95 * DAY, world["order"]
    rules = {
        "fee_bp": whole.fee_bp, "platform_discounts": "keep" if whole.keeps else "deduct",
        "touch_grace_hours": int(order["grace"] / timedelta(hours=1)), "hold_days": 15,
        "no_signal_days": 45, "code_policy": order["settings"]["code_policy"],
        "indirect": order["settings"]["indirect"],
        "indirect_share_bp": order["settings"]["indirect_share_bp"],
        "cart_carry_days": order["settings"]["cart_carry_days"],
        "inherit_when_ineligible": order["settings"]["inherit"], "lifetime": order["settings"]["lifetime"],
    }  # fmt: skip
    session.add_all(
        ShopSetting(id=new_id("set"), shop_id=shop.id, name=name, value=str(value), starts_at=early, recorded_at=early,
                    recorded_by="test")
        for name, value in rules.items()
    )  # fmt: skip
    session.add_all(
        Terms(id=plan["id"], shop_id=shop.id, kind=plan["kind"], creator_id=plan["creator"],
              product_ref=plan["product"], rate_bp=plan["rate"], ads_bp=plan["ads"], version=plan["number"],
              new_buyer_bp=plan["new"], code_rates=plan["codes"], event_id="evt_1" if plan["kind"] == "event" else None,
              starts_at=plan["starts"],
              ends_at=plan["ends"], recorded_at=plan["starts"], recorded_by="test")
        for plan in world["plans"]
    )  # fmt: skip
    session.add_all(
        PromotionRow(id=new_id("prm"), creator_id=held["creator"], shop_id=shop.id, product_ref=held["product"],
                     starts_at=held["since"], ends_at=held["until"], recorded_at=held["since"])
        for held in world["promotions"]
    )  # fmt: skip
    for code in world["codes"]:
        row = Code(id=new_id("cod"), shop_id=shop.id, text=code["text"].casefold(), shown=code["text"],
                   created_at=code["starts"], created_by="test")  # fmt: skip
        session.add(row)
        session.flush()
        dated = [("owned", code["starts"]), ("ended", code["ends"]), ("leaked", code["leaked_at"])]
        session.add_all(
            CodeRecord(id=new_id("crd"), code_id=row.id, kind=kind,
                       creator_id=code["creator"] if kind == "owned" else None, starts_at=starts, recorded_at=starts,
                       recorded_by="test", why="", evidence={}, act_id=None)
            for kind, starts in dated if starts is not None
        )  # fmt: skip
    for case in whole.cases:
        _carry(session, shop, case)
    session.flush()


def _carry(session: Session, shop: Shop, case: Case) -> None:
    """The first tap's token is on the cart; of the others half are, half are known by the journey alone."""
    for number, touch in enumerate(case.world["touches"]):
        token = tokens.make()
        journey = None if number % 2 else f"journey-{shop.id}-{case.number}"
        session.add(
            Touch(id=touch["id"], token=token, shop_id=shop.id, creator_id=touch["creator"],
                  content_id=touch["content"], link_id=None, listing_id=listing_id(shop.id, touch["product"]),
                  product_ref=touch["product"], variant_ref=None, kind=touch["kind"], journey=journey, at=touch["at"],
                  received_at=touch["received"], window_seconds=int(touch["window"].total_seconds()),
                  eligible=not touch["missed"], ineligible_reason=touch["missed"], terms_id=None,
                  flags=["over_rate"] if touch["invalid"] else [], request_key=None, device_hash=None,
                  device_until=None)
        )  # fmt: skip
        if number == 0 or journey is None:
            case.carriers += (Carrier("cart_attribute", token, f"_t{number}"),)


# Their life


def _live(database: Database, shop: OneShop, rng: random.Random) -> None:
    steps = [
        ("heard", FIRST, 0), ("act", ACTED, 0), ("clear", CLEARED, 0), ("heard", SECOND, 1),
        ("clear", CLEARED_AGAIN, 1), ("act", ACTED_AGAIN, 1), ("close", CLOSED, 1), ("heard", THIRD, 2),
    ]  # fmt: skip
    for what, at, phase in steps:
        with database.write(SYSTEM) as session:
            if what == "act":
                for case in shop.cases:
                    _act(session, shop, case, phase, at)
            elif what == "heard":
                batch = [case for case in shop.cases if case.number % 5] if not phase and shop.number % 2 else []
                for case in shop.cases:
                    if not batch or case.number % 5 == 0:
                        _hear(session, shop, case, phase, at, rng)
                if batch:
                    _hear_together(session, shop, batch, phase, at, rng)
            elif what == "clear":
                while clear.clear_due(session, shop.row.id, at):
                    pass
            else:
                close.close_period(session, shop.row.id, MONTH, at, "staff:jo")
        if what in ("clear", "close"):
            for case in shop.cases:
                case.life.append({"what": what, "at": at})
    with database.write(SYSTEM) as session:  # a replay posts nothing
        before = session.scalar(sa.select(sa.func.count()).select_from(Entry))
        for case in shop.cases:
            _take(session, shop, case, [_read(case, case.phases[-1])], THIRD)
        assert session.scalar(sa.select(sa.func.count()).select_from(Entry)) == before


def _act(session: Session, shop: OneShop, case: Case, phase: int, at: datetime) -> None:
    """Now and then a person gives a line to somebody, or takes its commission away; also one that has cleared."""
    chance = random.Random(f"{shop.number}-{case.number}-{phase}")
    store = case.phases[phase]
    lines = [line for line in lines_of(store) if line["ref"] in case.decided]
    if not lines or chance.random() < 0.7:
        return
    line, kind = chance.choice(lines), chance.choice(("manual", "manual", "forfeit"))
    who = chance.choice(shop.people) if kind == "manual" else None
    order_id = session.scalars(
        sa.select(Order.id).where(Order.shop_id == shop.row.id, Order.order_ref == case.phases[0].order_ref)
    ).one()
    session.add(
        Act(id=new_id("act"), shop_id=shop.row.id, kind=kind, state="effective", order_id=order_id,
            line_ref=line["ref"], creator_id=who, content_id=None, code_id=None, since=None, actor="staff:jo",
            reason="because", token="t", proposed_at=at, needs_second=False, approved_by=None, approved_at=None,
            effective_at=at, refused_by=None, refused_at=None, refused_why="")
    )  # fmt: skip
    session.flush()
    take_in.reevaluate(session, order_id, cause="act", as_of=at)
    if kind == "manual":
        case.world["order"]["manual"][line["ref"]] = who
        case.assigned.add(line["ref"])
        case.taken = tuple(ref for ref in case.taken if ref != line["ref"])  # who is assigned after it earns
        case.decided.pop(line["ref"])
        _decide(shop, case, line)
    else:
        case.taken = (*case.taken, line["ref"])
    case.life.append(_heard(shop, case, store))


def _heard(shop: OneShop, case: Case, store: Store) -> dict[str, Any]:
    due = _due(shop, case, store)
    under_review = {ref for ref, each in case.decided.items() if each["credit_reason"] == "frozen_review"}
    return {"what": "heard", "order": plain(store), "due": due, "held": under_review}


def _hear(session: Session, shop: OneShop, case: Case, phase: int, at: datetime, rng: random.Random) -> None:
    """Some orders by all that was sent, in any order; the others by one read of what the store has."""
    store = case.phases[phase]
    deliveries = [_read(case, store)]
    if case.number % 5 == 0 and phase == 0:
        deliveries += [_carrying(case, delivery) for delivery in store.deliveries]
        rng.shuffle(deliveries)
        for delivery in store.deliveries:  # a line that is gone by now was decided all the same
            if isinstance(delivery.event, OrderSeen):
                for line in delivery.event.snapshot.lines:
                    codes = [a.code for a in line.allocations if a.code]
                    given_for = line.exchange_of
                    asked = {"ref": line.line_ref, "product": line.product_ref, "codes": codes, "given_for": given_for}
                    _decide(shop, case, asked)
    _take(session, shop, case, deliveries, at)
    case.life.append(_heard(shop, case, store))


def _hear_together(
    session: Session, shop: OneShop, batch: list[Case], phase: int, at: datetime, rng: random.Random
) -> None:
    """As the drain does it with new orders: their questions asked ahead, their rows written at the end."""
    waiting = db.hold_back(session)
    events = (_read(case, case.phases[phase]).event for case in batch)
    with ahead.read(session, shop.row, [each for each in events if isinstance(each, OrderSeen)]):
        for case in batch:
            _hear(session, shop, case, phase, at, rng)
    waiting.write()


def _take(session: Session, shop: OneShop, case: Case, deliveries: list[Delivery], at: datetime) -> None:
    for number, delivery in enumerate(deliveries):
        books.deliver_one(session, shop.row, delivery, 1000 * case.number + number, at)


def _read(case: Case, store: Store) -> Delivery:
    known = OrderSeen(store.snapshot(edits_known=True), disputes=tuple(store.disputes.values()))
    return _carrying(case, Delivery(known, store.now + DAY))


def _carrying(case: Case, delivery: Delivery) -> Delivery:
    """As the case's own order, with the tokens on its cart."""
    ref = case.phases[0].order_ref
    if not isinstance(delivery.event, OrderSeen):
        return Delivery(replace(delivery.event, order_ref=ref), delivery.triggered_at)
    snapshot = replace(delivery.event.snapshot, carriers=case.carriers, order_ref=ref, number=f"#{ref}")
    return Delivery(replace(delivery.event, snapshot=snapshot, buyer=case.buyer), delivery.triggered_at)


# The plain readings


def _due(shop: OneShop, case: Case, store: Store) -> dict[str, int]:
    """{line ref: due} by the plain calculation, of credited lines; what was decided once stays (F3)."""
    order = plain(store)
    for line in lines_of(store):
        _decide(shop, case, line)
    credits = _credits(case)
    due = reference.pays(order, order.get("refunds", []), credits, store.added, keeps=shop.keeps, forfeited=case.taken)
    return {ref: amount for ref, amount in due.items() if ref in credits}


def _decide(shop: OneShop, case: Case, line: dict[str, Any]) -> None:
    if line["ref"] not in case.decided:
        case.decided[line["ref"]] = reference_credit.decided(
            case.world["order"], line, case.world["touches"], shop.world["codes"], shop.world["plans"],
            shop.world["promotions"], case.decided.get(line["given_for"]),
        )  # fmt: skip


def _credits(case: Case) -> dict[str, tuple[str, int]]:
    return {ref: (each["creator"], each["rate"]) for ref, each in case.decided.items() if each["creator"] is not None}


_COLUMNS = {
    "credit_reason": "credit_reason", "rate_reason": "rate_reason", "creator": "creator_id", "content": "content_id",
    "touch": "touch_id", "rate": "rate_bp", "plan": "terms_id",
}  # fmt: skip


def same_order(session: Session, shop: OneShop, case: Case) -> None:
    order = session.scalars(
        sa.select(Order).where(Order.shop_id == shop.row.id, Order.order_ref == str(5000 + case.number))
    ).one()
    rows = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order.id)).all()
    said = {row.line_ref: {name: getattr(row, column) for name, column in _COLUMNS.items()} for row in rows}
    plainly = {ref: {name: each[name] for name in _COLUMNS} for ref, each in case.decided.items()}
    # A line that only a stale version had was never decided.
    lasting = {line["ref"] for phase in case.phases for line in lines_of(phase)}
    assert said == {ref: plainly[ref] for ref in said}
    assert set(said) >= lasting or not said
    wanted = reference_books.buckets(case.life, case.world["order"]["grace"])
    found: dict[str, dict[str, int]] = {}
    for (line_ref, creator_id, content_id), accounts in queries.posted(session, order.id).items():
        decided = case.decided[line_ref]
        mine = (creator_id, content_id) == (decided["creator"], decided["content"])
        assert mine or line_ref in case.assigned
        held = {name: -accounts.get(f"creator_{name}", 0) for name in ("pending", "cleared", "settled")}
        assert mine or sum(held.values()) == 0  # who had it before has nothing of it
        before = found.get(line_ref, {})
        found[line_ref] = {name: before.get(name, 0) + amount for name, amount in held.items()}
    assert {ref: held for ref, held in found.items() if any(held.values())} == {
        ref: held for ref, held in wanted.items() if any(held.values())
    }


def same_sums(session: Session, shop: OneShop) -> None:
    """Σ lines = order = creator = video = view: every way of adding up gives the plain sum, a currency each."""
    owed: Counter[tuple[str, str]] = Counter()
    videos: Counter[tuple[str, str | None, str]] = Counter()
    fees: Counter[str] = Counter()
    for case in shop.cases:
        store = case.phases[-1]
        credits = _credits(case)
        for ref, due in _due(shop, case, store).items():
            owed[credits[ref][0], store.currency] += due
            videos[credits[ref][0], case.decided[ref]["content"], store.currency] += due
        order = plain(store)
        fees[store.currency] += reference.app_fee(
            order, order.get("refunds", []), list(credits), store.added, shop.fee_bp, keeps=shop.keeps,
            forfeited=case.taken,
        )  # fmt: skip
    balances = queries.balances(session, shop_id=shop.row.id)
    assert {(each.creator_id, each.currency): each.owed for each in balances if each.owed} == _some(owed)
    accounts = queries.accounts(session, shop_id=shop.row.id)
    for currency in fees:
        sums = {account: amount for (_, code, account), amount in accounts.items() if code == currency}
        due = sum(amount for (_, code), amount in owed.items() if code == currency)
        assert sum(sums.values()) == 0
        assert (-sums.get("app_fee", 0), sums.get("merchant_receivable", 0)) == (fees[currency], due + fees[currency])
    by_video = session.execute(
        sa.select(Posting.creator_id, Posting.content_id, Posting.currency, sa.func.sum(-Posting.amount))
        .where(Posting.shop_id == shop.row.id, Posting.account.like("creator_%"))
        .group_by(Posting.creator_id, Posting.content_id, Posting.currency)
    )
    assert {(who, what, code): int(amount) for who, what, code, amount in by_video if amount} == _some(videos)


def _some(sums: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in sums.items() if amount}
