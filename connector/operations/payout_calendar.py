"""When a creator's money that is in sight can be paid: every part of their balances, with what it waits for.

The amounts are the ledger's own, account by account, so they sum to its balances; clearances, closings, freezes,
invoices, payment details and the rules of the next batch only say what each part waits for. A date is given where a
fact or a setting promises one: the end of a hold, of a period, of a reserve, of a freeze, of held payment details, the
day by which a merchant is asked to pay. Nothing promises on which day a period is closed or a batch is made; so for
those there is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.earnings.commission import frozen
from connector.earnings.commission.tables import Clearance, ClearanceBlock, Freeze
from connector.earnings.ledger import outstanding
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.outstanding import Standing
from connector.earnings.ledger.queries import Balance
from connector.earnings.payouts import batch
from connector.earnings.payouts.plan import Aside
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement import close, funding, periods, pieces
from connector.earnings.settlement.periods import Period
from connector.earnings.settlement.tables import Reserve
from connector.operations.earned import FROZEN
from connector.programme.creators import payees
from connector.programme.creators.tables import Payee

# The ledger's accounts of a creator, the one next to their bank first.
State = Literal["in_transit", "settled", "reserve", "cleared", "pending"]
STATES: tuple[State, ...] = get_args(State)
_UNDER_WAY = {"prepared": "payout_prepared", "sent": "payout_sent", "unknown": "rail_did_not_answer"}
# Settled money that the next batch may pay: a rate of exchange is found when the batch is made.
_AT_THE_BATCH = frozenset({"rate_missing", "rate_too_old"})
TICK = timedelta(microseconds=1)
_CHUNK = 500
_Line = tuple[str, str]  # (order, line)


class _Clears(NamedTuple):
    """A line's clearance, as many are read."""

    clears_at: datetime | None
    why: str
    blocked: str


_CLEARS = sa.select(
    Clearance.order_id, Clearance.line_ref, Clearance.clears_at, Clearance.why, Clearance.blocked
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one balance. Amounts of one shop, currency and state sum to the ledger's balance in that state.

    `waits_for` is a code: payout_prepared, payout_sent, rail_did_not_answer | next_round, unfunded, below_minimum,
    negative_balance, payee_missing, payee_unconfirmed, payee_held, freeze, being_closed and what else a batch sets
    aside for | reserve | next_statement | hold, clearing, what holds a line (freeze, frozen_review, dispute, return,
    refund_amount_unknown), what a line's clearance waits for (waits_for_delivery_signal …).
    """

    shop_id: str
    currency: str
    state: State
    waits_for: str
    amount: int  # minor units; below zero: carried, or taken back in the next statement
    first_at: datetime | None = None  # when that ends: of several lines the first and the last one; since when, of a
    last_at: datetime | None = None  # payout under way; None: no moment is known
    period: Period | None = None  # whose statement it goes into, as it stands now
    missing: int = 0  # of the least that is paid
    lines: int = 0  # how many order lines it is made of; 0: none, it is about a balance


@dataclass(frozen=True, slots=True)
class ShopSays:
    """What a shop's settings say of its payouts. `minimum`: in minor units, held against the sum over all shops."""

    id: str
    name: str
    zone: ZoneInfo
    gated: bool  # paid once the merchant paid, and not in advance
    minimum: int
    being_closed: bool
    next_period: Period | None  # the first one that isn't closed; None: nothing can be closed yet


@dataclass(slots=True)
class Calendar:
    """Parts: by shop's name and currency, in each the next to be paid first."""

    as_of: datetime
    parts: list[Part] = field(default_factory=list)
    shops: dict[str, ShopSays] = field(default_factory=dict)
    payee: payees.Standing[Payee] = field(default_factory=lambda: payees.Standing(None, "payee_missing"))

    def of(self, shop_id: str, currency: str) -> list[Part]:
        return [each for each in self.parts if (each.shop_id, each.currency) == (shop_id, currency)]

    @property
    def currencies(self) -> list[str]:
        return sorted({each.currency for each in self.parts})


def read(session: Session, creator_id: str, as_of: datetime, zone: ZoneInfo | None = None) -> Calendar:
    """The calendar of a creator at a moment. `zone`: whose days holds are told apart by; None: each shop's own.

    Read it in a snapshot: it is made of many queries, and balances move meanwhile.
    """
    balances = [each for each in ledger.balances(session, creator_id=creator_id) if _in_sight(each)]
    calendar = Calendar(as_of, payee=payees.standing(session, creator_id, as_of))
    stops = _stops(session, creator_id)
    asides = _asides(session, balances, as_of)
    for balance in balances:
        shop = session.get_one(Shop, balance.shop_id)
        if shop.id not in calendar.shops:
            calendar.shops[shop.id] = _says(session, shop, as_of)
        stopped = max((stops[where] for where in (shop.id, "") if where in stops), default=None)
        one = _OneBalance(session, shop, balance, calendar.shops[shop.id], stopped, as_of, zone)
        calendar.parts += _complete(one.parts(asides[shop.id, balance.currency]), balance)
    calendar.parts.sort(key=lambda each: (calendar.shops[each.shop_id].name, each.shop_id, each.currency, _place(each)))
    return calendar


def together(parts: Iterable[Part]) -> list[Part]:
    """Parts of all shops that wait for the same, as one each: a currency after the other. `shop_id` is then "" where
    they are of several shops, and `period` None where it isn't one."""
    found: dict[tuple[str, str, str, str], Part] = {}
    for each in parts:
        # By when a shop is asked to pay is a day of its own zone, and each shop pays by itself.
        whose = each.shop_id if each.waits_for == "unfunded" else ""
        key = (each.currency, each.state, each.waits_for, whose)
        found[key] = _merged(found[key], each) if key in found else each
    return sorted(found.values(), key=lambda each: (each.currency, _place(each)))


def _merged(one: Part, other: Part) -> Part:
    moments = [at for at in (one.first_at, one.last_at, other.first_at, other.last_at) if at is not None]
    return replace(
        one, amount=one.amount + other.amount, first_at=min(moments, default=None), last_at=max(moments, default=None),
        shop_id=one.shop_id if one.shop_id == other.shop_id else "",
        period=one.period if one.period == other.period and one.shop_id == other.shop_id else None,
        missing=max(one.missing, other.missing), lines=one.lines + other.lines,
    )  # fmt: skip


def _place(part: Part) -> tuple[int, bool, datetime | str, str]:
    return STATES.index(part.state), part.first_at is None, part.first_at or "", part.waits_for


def _in_sight(balance: Balance) -> bool:
    return any(getattr(balance, state) for state in STATES)


def _complete(parts: list[Part], balance: Balance) -> list[Part]:
    """The parts, with what the ledger has beyond them: a closing under way has moved it on already."""
    sums: dict[str, int] = defaultdict(int)
    for part in parts:
        sums[part.state] += part.amount
    return parts + [
        Part(balance.shop_id, balance.currency, state, "being_closed", getattr(balance, state) - sums[state])
        for state in STATES if getattr(balance, state) != sums[state]
    ]  # fmt: skip


# What is read once for all shops ---------------------------------------------------------------------------------


def _stops(session: Session, creator_id: str) -> dict[str, datetime]:
    """Shop ("": every one) → when the freeze of all of the creator's money there ends by itself."""
    query = sa.select(Freeze.shop_id, Freeze.ends_at).where(
        Freeze.creator_id == creator_id, Freeze.scope == "creator", Freeze.ended_at.is_(None)
    )
    return {shop_id or "": ends_at for shop_id, ends_at in session.execute(query.order_by(Freeze.ends_at))}


def _asides(
    session: Session, balances: Sequence[Balance], as_of: datetime
) -> Mapping[tuple[str, str], list[Aside]]:  # fmt: skip
    """(shop, currency) → what the next batch would leave of the settled balance, and why."""
    found: dict[tuple[str, str], list[Aside]] = defaultdict(list)
    for currency in sorted({each.currency for each in balances}):
        settled = [(b.shop_id, b.creator_id, b.settled) for b in balances if b.currency == currency and b.settled]
        for aside in batch.in_sight(session, settled, currency, as_of).aside:
            found[aside.shop_id, currency].append(aside)
    return found


def _says(session: Session, shop: Shop, as_of: datetime) -> ShopSays:
    return ShopSays(
        shop.id, shop.name or shop.domain, periods.zone_of(shop.time_zone), funding.gated(session, shop, as_of),
        settings.whole(session, shop.id, "minimum_payout", as_of), bool(pieces.under_way(session, shop.id)),
        next(close.coming(session, shop), None),
    )  # fmt: skip


# One balance -----------------------------------------------------------------------------------------------------


class _OneBalance:
    """A creator's balance at one shop in one currency, taken apart."""

    def __init__(
        self, session: Session, shop: Shop, balance: Balance, says: ShopSays, stopped: datetime | None,
        as_of: datetime, zone: ZoneInfo | None,
    ) -> None:  # fmt: skip
        self.session, self.shop, self.balance, self.says = session, shop, balance, says
        self.stopped, self.as_of, self.zone = stopped, as_of, zone or says.zone
        self._known: list[Period] = []
        self._more = close.coming(session, shop)

    def parts(self, asides: Sequence[Aside]) -> list[Part]:
        balance = self.balance
        found = [*self._settled(asides)] if balance.settled else []
        found += self._in_transit() if balance.in_transit else ()
        found += self._reserve() if balance.reserve else ()
        found += self._cleared() if balance.cleared else ()
        found += self._pending() if balance.pending else ()
        return found

    def _in_transit(self) -> Iterator[Part]:
        query = sa.select(Payout).where(
            Payout.creator_id == self.balance.creator_id, Payout.shop_id == self.shop.id,
            Payout.currency == self.balance.currency, Payout.status.in_(_UNDER_WAY),
        )  # fmt: skip
        for row in self.session.scalars(query.order_by(Payout.id)):
            yield self._part("in_transit", _UNDER_WAY[row.status], row.amount, row.created_at)

    def _settled(self, asides: Sequence[Aside]) -> Iterator[Part]:
        left = self.balance.settled
        for aside in asides:
            if aside.reason in _AT_THE_BATCH:
                continue
            left -= aside.amount
            if aside.reason == "unfunded":
                yield self._unfunded(aside.amount)
            else:
                until = self.stopped if aside.reason == "freeze" else aside.until
                yield self._part("settled", aside.reason, aside.amount, until, missing=aside.missing)
        if left:
            yield self._part("settled", "next_round", left)

    def _unfunded(self, amount: int) -> Part:
        days = funding.due_days(self.session, self.shop.id, self.balance.currency, self.balance.creator_id)
        ends = [datetime.combine(day, time.max, self.says.zone).astimezone(UTC) for day in days]
        return self._part("settled", "unfunded", amount, min(ends, default=None), max(ends, default=None))

    def _reserve(self) -> Iterator[Part]:
        query = sa.select(Reserve).where(
            Reserve.shop_id == self.shop.id, Reserve.creator_id == self.balance.creator_id,
            Reserve.currency == self.balance.currency, Reserve.released_in.is_(None),
        )  # fmt: skip
        for row in self.session.scalars(query.order_by(Reserve.due_at, Reserve.statement_id)):
            # A reserve goes with the period that ends when its days are over, too.
            period = self._period_behind(row.due_at - TICK)
            yield self._part("reserve", "reserve", row.amount, row.due_at, period=period)

    def _cleared(self) -> list[Part]:
        lines = self._on("creator_cleared")
        held = self._freezes(lines)
        return self._added(self._for_statement("cleared", line, held) for line in lines)

    def _pending(self) -> list[Part]:
        lines = self._on("creator_pending")
        held, clearances = self._freezes(lines), self._clearances(lines)
        found = []
        for line in lines:
            clearance = clearances.get((line.order_id, line.line_ref))
            if not line.order_id:  # a bonus has no hold: it clears with its statement
                found.append(self._for_statement("pending", line, held))
            elif clearance is None:
                found.append(self._part("pending", "clearing", line.amount, lines=1))
            else:
                found.append(self._on_hold(line, clearance, held))
        return self._added(found)

    def _for_statement(self, state: State, line: Standing, held: Mapping[_Line, datetime]) -> Part:
        """The period whose statement takes what cleared then; what is frozen comes with one after its freeze."""
        lines = 1 if line.order_id else 0
        stopped = held.get((line.order_id, line.line_ref)) if line.order_id else self.stopped
        if stopped is not None:
            return self._part(state, "freeze", line.amount, stopped, lines=lines)
        return self._part(state, "next_statement", line.amount, period=self._period_behind(line.since), lines=lines)

    def _on_hold(self, line: Standing, clearance: _Clears, held: Mapping[_Line, datetime]) -> Part:
        clears_at, code = clearance.clears_at, clearance.why
        if blocked := clearance.blocked.split():
            code = next((kind for kind in FROZEN if kind in blocked), blocked[0])
            until = held.get((line.order_id, line.line_ref)) if code == "freeze" else None
            return self._part("pending", "frozen_review" if code == "review" else code, line.amount, until, lines=1)
        if clears_at is None:
            return self._part("pending", code, line.amount, lines=1)
        if clears_at <= self.as_of:
            return self._part("pending", "clearing", line.amount, lines=1)
        return self._part("pending", "hold", line.amount, clears_at, period=self._period_behind(clears_at), lines=1)

    def _part(
        self, state: State, waits_for: str, amount: int, first_at: datetime | None = None,
        last_at: datetime | None = None, *, period: Period | None = None, missing: int = 0, lines: int = 0,
    ) -> Part:  # fmt: skip
        return Part(
            self.shop.id, self.balance.currency, state, waits_for, amount, first_at, last_at or first_at, period,
            missing, lines,
        )  # fmt: skip

    def _added(self, parts: Iterable[Part]) -> list[Part]:
        """Lines that wait for the same until the same day, as one part each."""
        found: dict[tuple[str, str, str, str], Part] = {}
        for each in parts:
            day = each.first_at.astimezone(self.zone).date().isoformat() if each.first_at else ""
            key = (each.state, each.waits_for, each.period.name if each.period else "", day)
            found[key] = _merged(found[key], each) if key in found else each
        return list(found.values())

    def _period_behind(self, moment: datetime) -> Period:
        """The first of the shop's periods that isn't closed and ends after a moment."""
        while not self._known or self._known[-1].ends_at <= moment:
            self._known.append(next(self._more))
        return next(one for one in self._known if one.ends_at > moment)

    def _on(self, account: str) -> list[Standing]:
        balance = self.balance
        return outstanding.on_account(self.session, self.shop.id, balance.currency, balance.creator_id, account)

    def _clearances(self, lines: Sequence[Standing]) -> dict[_Line, _Clears]:
        found: dict[_Line, _Clears] = {}
        for some in _orders_of(lines):
            rows = self.session.execute(_CLEARS.where(Clearance.order_id.in_(some)))
            for order_id, line_ref, clears_at, why, blocked in rows:
                found[order_id, line_ref] = _Clears(clears_at, why, blocked)
        return found

    def _freezes(self, lines: Sequence[Standing]) -> dict[_Line, datetime]:
        """Frozen lines → when that ends by itself. A creator's freeze holds what had cleared before it as well."""
        found: dict[_Line, datetime] = {}
        for some in _orders_of(lines):
            query = (
                sa.select(ClearanceBlock.order_id, ClearanceBlock.line_ref, Freeze.ends_at)
                .join(Freeze, Freeze.id == ClearanceBlock.ref)
                .where(
                    ClearanceBlock.order_id.in_(some), ClearanceBlock.kind == frozen.FREEZE,
                    ClearanceBlock.closed_at.is_(None),
                )
                .order_by(Freeze.ends_at)
            )  # fmt: skip
            found |= {(order_id, line_ref): ends_at for order_id, line_ref, ends_at in self.session.execute(query)}
        return found


def _orders_of(lines: Sequence[Standing]) -> Iterator[list[str]]:
    ids = sorted({line.order_id for line in lines if line.order_id})
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
