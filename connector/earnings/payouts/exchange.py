"""The app's own exchanges at its bank: what was sold of one currency for another, so that `fx` comes to zero again.

A converted payout leaves the exchange open: 500 EUR cents stand in `fx`, and 542 USD cents left the bank that came from
nowhere. When the bank has given dollars for euros, a person records it; it is shared over the shops whose payouts
opened it, in proportion to what is open, and booked in each currency by itself:

    exchange   fx    500 EUR                               bank  -500 EUR
    exchange   bank  540 USD   exchange_difference 2 USD   fx    -542 USD

What the bank gave less (or more) than the payouts' own rates took is the app's, and is nobody's commission: it stands
in `exchange_difference`. None is ever changed; one that was recorded wrongly is taken back by another, below zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, money
from connector.db import new_id
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting
from connector.earnings.payouts.tables import BankExchange, BankExchangePart, Payout
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound

_LOCK = 7_305_117  # any number: the advisory lock of recording exchanges
# Exchanges of a day count together, as receipts and batches do: a large one isn't split to get round the second person.
TOGETHER = timedelta(hours=24)
Limit = Callable[[str], int | None]
Pair = tuple[str, str]  # (sold, bought)


@dataclass(frozen=True, slots=True)
class Open:
    """What converted payouts of a shop and a pair of currencies left open: minor units of the first, of the second."""

    sold: int
    bought: int


@dataclass(frozen=True, slots=True)
class Deal:
    """An exchange as the bank's statement says it. Minor units."""

    sold: int
    sold_currency: str
    bought: int
    bought_currency: str
    reference: str
    on: date
    note: str = ""

    @property
    def pair(self) -> Pair:
        return self.sold_currency, self.bought_currency


@dataclass(frozen=True, slots=True)
class Part:
    """One shop's share. `covers`: what its payouts took, at their own rates, of what was bought."""

    shop_id: str
    sold: int
    bought: int
    covers: int

    @property
    def difference(self) -> int:
        """What the bank gave less than the payouts took; below zero: more."""
        return self.covers - self.bought


def shared(opened: Mapping[str, Open], sold: int, bought: int) -> list[Part]:
    """An exchange shared over the shops in proportion to what is open there, by largest remainder. Pure.

    All of it sold closes all of it to the last unit. What another rate left where nothing is sold any more (a payout
    came back after it was exchanged, and was paid anew) is closed along. Errors: InputRefused("sold") for more than is
    open.
    """
    shops = sorted(shop for shop, each in opened.items() if each.sold > 0)
    whole = sum(opened[shop].sold for shop in shops)
    if sold > whole:
        raise InputRefused("sold", "is more than converted payouts left open.", "Look at what is open first.")
    parts = money.split(sold, [opened[shop].sold for shop in shops])
    got = money.split(bought, parts)
    left = [Part(shop, 0, 0, each.bought) for shop, each in sorted(opened.items()) if not each.sold and each.bought]
    return left + [
        Part(shop, part, given, money.divided(opened[shop].bought * part, opened[shop].sold))
        for shop, part, given in zip(shops, parts, got, strict=True)
        if part
    ]


def positions(session: Session, pair: Pair | None = None) -> dict[Pair, dict[str, Open]]:
    """(sold, bought) → shop → what is open; below zero where money came back after it was exchanged. No zeros."""
    sums: dict[tuple[Pair, str], list[int]] = defaultdict(lambda: [0, 0])
    key = (Payout.shop_id, Payout.currency, Payout.pay_currency)
    paid = sa.select(*key, sa.func.sum(Payout.amount), sa.func.sum(Payout.pay_amount)).where(
        Payout.through_fx, Payout.status == "paid"
    )
    part, of = BankExchangePart, BankExchange
    columns = (part.shop_id, of.sold_currency, of.bought_currency)
    done = sa.select(*columns, -sa.func.sum(part.sold), -sa.func.sum(part.covers)).join(of, of.id == part.exchange_id)
    if pair is not None:
        paid = paid.where(Payout.currency == pair[0], Payout.pay_currency == pair[1])
        done = done.where(of.sold_currency == pair[0], of.bought_currency == pair[1])
    for query in (paid.group_by(*key), done.group_by(*columns)):
        for shop_id, sold, bought, took, gave in session.execute(query):
            found = sums[(sold, bought), shop_id]
            found[0], found[1] = found[0] + int(took), found[1] + int(gave)
    opened: dict[Pair, dict[str, Open]] = {}
    for (of_pair, shop_id), (took, gave) in sorted(sums.items()):
        if took or gave:
            opened.setdefault(of_pair, {})[shop_id] = Open(took, gave)
    return opened


def look(session: Session, deal: Deal, limit: Limit, as_of: datetime) -> tuple[list[Part], bool]:
    """What a deal would book, and whether a second person is needed. Nothing is written. Errors: as `record`."""
    _checked(deal, as_of)
    parts = shared(positions(session, deal.pair).get(deal.pair, {}), deal.sold, deal.bought)
    return parts, _needs_second(session, deal, limit, as_of)


def record(session: Session, deal: Deal, by: str, limit: Limit, as_of: datetime | None = None) -> BankExchange:
    """Book a deal, or keep it for a second person where its sum asks for one. The same once more changes nothing.

    Errors: InputRefused for the sums, the currencies, the reference or the day; MoneyRefused for a currency; Conflict
    when the reference stands for another deal.
    """
    as_of = as_of or clock.now()
    reference = _checked(deal, as_of)
    _one_at_a_time(session)
    # One that was taken back is none any more: what the bank's list really says is recorded under its reference.
    taken_back = sa.select(BankExchange.undoes).where(BankExchange.undoes.is_not(None))
    standing = sa.and_(BankExchange.state.in_(("waits", "recorded")), BankExchange.id.not_in(taken_back))
    known = session.scalars(sa.select(BankExchange).where(BankExchange.reference == reference, standing)).first()
    if known is not None:
        if (known.sold, known.sold_currency, known.bought, known.bought_currency) != (
            deal.sold, deal.sold_currency, deal.bought, deal.bought_currency,
        ):  # fmt: skip
            raise Conflict(f"the reference {reference!r} stands for {known.id}, which is another exchange")
        return known
    parts, second = look(session, deal, limit, as_of)
    row = BankExchange(
        id=new_id("fxe"), state="waits" if second else "recorded", reference=reference, sold=deal.sold,
        sold_currency=deal.sold_currency, bought=deal.bought, bought_currency=deal.bought_currency,
        exchanged_on=deal.on, note=deal.note[:500], undoes=None, asked_at=as_of, asked_by=by, decided_at=None,
        decided_by=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if not second:
        _book(session, row, parts, as_of)
    audit.record(session, by, "exchange.ask" if second else "exchange.record", row.id, **_said(row))
    session.flush()
    return row


def decide(session: Session, exchange_id: str, *, yes: bool, by: str, as_of: datetime | None = None) -> BankExchange:
    """The second person records it, or refuses. Who asked may take it back, and no more.

    Errors: as `record`; NotFound; NotAllowed for whoever asked; Conflict when it doesn't wait any more.
    """
    as_of = as_of or clock.now()
    _one_at_a_time(session)
    row = get(session, exchange_id)
    if row.state != "waits":
        raise Conflict(f"{exchange_id} is {row.state} already")
    if yes and row.asked_by == by:
        raise NotAllowed("who asks for it approves it", public="Somebody else has to approve: you asked for it.")
    row.state, row.decided_at, row.decided_by = "recorded" if yes else "refused", as_of, by
    session.flush()
    if yes:
        pair = row.sold_currency, row.bought_currency
        _book(session, row, shared(positions(session, pair).get(pair, {}), row.sold, row.bought), as_of)
    audit.record(session, by, "exchange.approve" if yes else "exchange.refuse", row.id, **_said(row))
    session.flush()
    return row


def undo(session: Session, exchange_id: str, by: str, why: str, as_of: datetime | None = None) -> BankExchange:
    """Take an exchange back that was recorded wrongly: another one below zero, in the very same shares. Once.

    Errors: NotFound; InputRefused without a reason; Conflict for one that isn't recorded, or is taken back already.
    """
    as_of = as_of or clock.now()
    _one_at_a_time(session)
    found = get(session, exchange_id)
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say what was wrong with it.")
    taken_back = session.scalar(sa.select(BankExchange.id).where(BankExchange.undoes == found.id))
    if found.state != "recorded" or found.undoes is not None or taken_back is not None:
        raise Conflict(f"{exchange_id} is no exchange that stands: it waits, was refused, or is taken back")
    row = BankExchange(
        id=new_id("fxe"), state="recorded", reference=f"undo {found.id}", sold=-found.sold,
        sold_currency=found.sold_currency, bought=-found.bought, bought_currency=found.bought_currency,
        exchanged_on=as_of.date(), note=why.strip()[:500], undoes=found.id, asked_at=as_of, asked_by=by,
        decided_at=None, decided_by=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    back = [Part(part.shop_id, -part.sold, -part.bought, -part.covers) for part in parts_of(session, found.id)]
    _book(session, row, back, as_of)
    audit.record(session, by, "exchange.undo", row.id, undoes=found.id, **_said(row))
    session.flush()
    return row


def get(session: Session, exchange_id: str) -> BankExchange:
    """Errors: NotFound."""
    row = session.get(BankExchange, exchange_id, populate_existing=True)
    if row is None:
        raise NotFound(f"no exchange has the id {exchange_id[:40]!r}")
    return row


def newest(session: Session, limit: int = 50) -> list[BankExchange]:
    """Exchanges, newest first; those that wait for a second person before all others."""
    waits = sa.case((BankExchange.state == "waits", 0), else_=1)
    query = sa.select(BankExchange).order_by(waits, BankExchange.asked_at.desc(), BankExchange.id.desc())
    return list(session.scalars(query.limit(limit)))


def parts_of(session: Session, exchange_id: str) -> list[BankExchangePart]:
    query = sa.select(BankExchangePart).where(BankExchangePart.exchange_id == exchange_id)
    return list(session.scalars(query.order_by(BankExchangePart.shop_id)))


def drafts(exchange_id: str, pair: Pair, part: Part, at: datetime, reason: str) -> list[Draft]:
    """The entries of one shop's share: one a currency, each zero by itself; what comes to nothing is left out. Pure."""
    sold, bought = pair
    sides = {
        sold: (DraftPosting("fx", part.sold), DraftPosting("bank", -part.sold)),
        bought: (
            DraftPosting("bank", part.bought), DraftPosting("exchange_difference", part.difference),
            DraftPosting("fx", -part.covers),
        ),
    }  # fmt: skip
    found = []
    for currency, postings in sides.items():
        moved = tuple(each for each in postings if each.amount)
        if moved:
            found.append(
                Draft(
                    reference=f"exchange:{exchange_id}:{part.shop_id}:{currency}",
                    subject=f"exchange:{exchange_id}:{part.shop_id}", kind="exchange", shop_id=part.shop_id,
                    currency=currency, reason=reason, occurred_at=at, postings=moved,
                )
            )  # fmt: skip
    return found


def _book(session: Session, row: BankExchange, parts: list[Part], at: datetime) -> None:
    pair = row.sold_currency, row.bought_currency
    booked: list[Draft] = []
    for part in parts:
        session.add(
            BankExchangePart(
                exchange_id=row.id, shop_id=part.shop_id, sold=part.sold, bought=part.bought, covers=part.covers
            )
        )
        booked += drafts(row.id, pair, part, at, "taken_back" if row.undoes else "exchanged")
    session.flush()
    journal.post_all(session, booked)


def _checked(deal: Deal, as_of: datetime) -> str:
    money.exponent(deal.sold_currency)
    money.exponent(deal.bought_currency)
    if deal.sold_currency == deal.bought_currency:
        raise InputRefused("bought_currency", "is the same currency.")
    for name, amount in (("sold", deal.sold), ("bought", deal.bought)):
        if not 0 < amount <= money.LARGEST:
            raise InputRefused(name, "isn't above zero, or is larger than we book.", "Give what the bank's list says.")
    if deal.on > (as_of + timedelta(days=1)).date():  # a day ahead of UTC it is tomorrow already somewhere
        raise InputRefused("on", "lies ahead.", "Give the day of the bank's list.")
    reference = " ".join(deal.reference.split())
    if not reference or len(reference) > 140 or not reference.isprintable():
        raise InputRefused("reference", "is empty, or longer than 140 characters, or not text.", "Give the bank's own.")
    return reference


def _needs_second(session: Session, deal: Deal, limit: Limit, as_of: datetime) -> bool:
    for currency, column, amount in (
        (deal.sold_currency, BankExchange.sold, deal.sold), (deal.bought_currency, BankExchange.bought, deal.bought),
    ):  # fmt: skip
        most = limit(currency)
        if most is None:
            continue
        code = BankExchange.sold_currency if column is BankExchange.sold else BankExchange.bought_currency
        recent = session.scalar(
            sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(
                code == currency, BankExchange.state == "recorded", BankExchange.decided_by.is_(None), column > 0,
                BankExchange.asked_at > as_of - TOGETHER, BankExchange.asked_at <= as_of,
                BankExchange.id.not_in(sa.select(BankExchange.undoes).where(BankExchange.undoes.is_not(None))),
            )
        )  # fmt: skip
        if amount + int(recent or 0) > most:
            return True
    return False


def _one_at_a_time(session: Session) -> None:
    """Two exchanges at once would both cover the same payouts. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _said(row: BankExchange) -> dict[str, str]:
    return {
        "sold": f"{row.sold_currency} {money.text(row.sold, row.sold_currency)}",
        "bought": f"{row.bought_currency} {money.text(row.bought, row.bought_currency)}", "reference": row.reference,
    }  # fmt: skip
