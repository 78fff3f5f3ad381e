"""Closing a period: cleared money becomes statements for creators and an invoice for the merchant, once.

A line belongs to the period, in the shop's own zone, in which it cleared. A closing names its instant: amounts are what
occurred up to then, so a refund between the end of the period and its closing is taken off at once, and one after it
is a new negative line of the next statement (F6). A total below zero is settled too and carried forward (E25). Nothing
is ever reopened.

`planned` works everything out and writes nothing: a person looks at it first, and the closing itself books just that.
It is booked in `pieces`, so that a large shop's closing stops nobody: killed anywhere, it goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, takewhile

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import connect, settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.commission import frozen
from connector.earnings.intake.portion import crossed
from connector.earnings.ledger import outstanding
from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement import invoices, periods, pieces, reserves
from connector.earnings.settlement.periods import Period
from connector.earnings.settlement.plan import Part, Plan, token_of
from connector.earnings.settlement.tables import Closing, ClosingRun
from connector.errors import Conflict, NotFound

TRIES = 5
# SQLite: who waits for its writer looks again every tenth of a second.
_HELD_FOR, _PAUSE = timedelta(milliseconds=500), timedelta(milliseconds=100)


def close_period(
    session: Session, shop_id: str, name: str, as_of: datetime, by: str, *, token: str = ""
) -> list[Closing]:
    """Close a shop's period in each of its currencies, all of it in the caller's transaction: for a small shop.

    The closings, one a currency, also where nothing had cleared. Two at once: the second waits and is refused.
    Errors: NotFound for the shop; InputRefused for a name that is no period; Conflict when the shop has no such period,
    when it isn't over at `as_of`, when it or a later one is closed already or is being closed, when the books were
    closed after `as_of`, when no currency of the shop is known, when the shop's currency changed and nobody has looked
    at that yet, or when `token` is that of another plan.
    """
    shop = _locked(session, shop_id)
    plans = planned(session, shop_id, name, as_of)
    _seen(plans, token)
    for run in pieces.begin(session, pieces.cut(plans), by):
        for number in pieces.waiting(session, run.id):
            if (piece := pieces.ready(session, run, number)) is not None:
                pieces.book(session, piece)
    return pieces.finish(session, shop)


def in_pieces(shop_id: str, name: str, as_of: datetime, by: str, *, token: str = "") -> list[Closing]:
    """As `close_period`, in short transactions of its own: deliveries get in between, and a kill loses nothing.

    A closing of the shop that is under way is carried on first; when it is this period's, that is the answer.
    Errors: as `close_period`.
    """
    carried = carry_on(shop_id)
    if carried and carried[0].period == name:
        return carried
    begun = begin(shop_id, name, as_of, by, token=token)
    return carry_on(shop_id) or _finished(shop_id, begun)


def begin(shop_id: str, name: str, as_of: datetime, by: str, *, token: str = "") -> list[str]:
    """Take the period and write down what will be booked; ids of the closings to be. `carry_on` books it.

    It is worked out in a snapshot, before the transaction. Errors: as `close_period`.
    """
    for left in reversed(range(TRIES)):
        with db.snapshot(Scope.shop(shop_id)) as session:
            plans = planned(session, shop_id, name, as_of)
        _seen(plans, token)
        cuts = pieces.cut(plans)
        try:
            with db.write(Scope.shop(shop_id)) as session:
                span = _span(session, _locked(session, shop_id), name, as_of)
                if any(plan.period != span for plan in plans):
                    raise pieces.BalancesMoved("the period before it was closed meanwhile: work it out again")
                return [run.id for run in pieces.begin(session, cuts, by)]
        except pieces.BalancesMoved:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def carry_on(shop_id: str, told: Callable[[int, int], None] | None = None) -> list[Closing]:
    """Book what is left of the shop's closing under way, and let it appear. []: none is.

    Several may do it at once: each piece is booked by one of them. `told` hears of pieces booked, and of all.
    """
    with db.read(Scope.shop(shop_id)) as session:
        runs = pieces.under_way(session, shop_id)
        left = [(run, number) for run in runs for number in pieces.waiting(session, run.id)]
        booked, whole = pieces.progress(session, shop_id)
    if not runs:
        return []
    began = time.monotonic()
    for run, number in left:
        _repeat(partial(_book, run, number))
        booked += 1
        if told is not None:
            told(booked, whole)
        if db.current().is_sqlite and time.monotonic() - began > _HELD_FOR.total_seconds():
            time.sleep(_PAUSE.total_seconds())
            began = time.monotonic()
    return _repeat(partial(_finish, shop_id)) or _finished(shop_id, [run.id for run in runs])


def _book(run: ClosingRun, number: int) -> list[Closing]:
    with db.read(Scope.shop(run.shop_id)) as session:
        piece = pieces.ready(session, run, number)
    if piece is not None:
        with db.write(Scope.shop(run.shop_id)) as session:
            pieces.book(session, piece)
    return []


def _finish(shop_id: str) -> list[Closing]:
    with db.write(Scope.shop(shop_id)) as session:
        return pieces.finish(session, _locked(session, shop_id))


def _finished(shop_id: str, ids: Sequence[str]) -> list[Closing]:
    with db.read(Scope.shop(shop_id)) as session:
        return list(session.scalars(sa.select(Closing).where(Closing.id.in_(ids)).order_by(Closing.currency)))


def _repeat(act: Callable[[], list[Closing]]) -> list[Closing]:
    """Do it again where another transaction crossed it: a deadlock, or a number that a delivery took."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except OperationalError:
            continue
        except Conflict as error:
            if not crossed(error):
                raise
    return act()


def _seen(plans: Sequence[Plan], token: str) -> None:
    if token and token != token_of(plans):
        raise Conflict("Something changed since the preview: look again. Nothing was booked.")


def planned(session: Session, shop_id: str, name: str, as_of: datetime) -> list[Plan]:
    """What closing the period would book, a plan a currency; nothing is written. Errors: as `close_period`."""
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id!r}")
    span = _span(session, shop, name, as_of)
    currencies = sorted({*outstanding.currencies(session, shop_id), shop.currency} - {""})
    if not currencies:
        raise Conflict("the store has told no currency yet, and nothing was ever booked: there is nothing to close")
    return [_plan(session, shop, currency, span, as_of) for currency in currencies]


def _span(session: Session, shop: Shop, name: str, as_of: datetime) -> Period:
    """The time that the closing of a period covers. Errors: as `close_period`."""
    if changed := connect.currency_sentence(shop):
        raise Conflict(f"{changed} Run `connector shop accept-currency {shop.domain}` when it is right.")
    return _refuse(session, shop.id, periods.named(name, shop.time_zone, rules(session, shop.id)), as_of)


def rules(session: Session, shop_id: str) -> periods.Changes:
    """A shop's changes of how it closes."""
    return settings.changes(session, shop_id, "closing")


def due(session: Session, shop: Shop, as_of: datetime) -> list[Period]:
    """The periods that are over at `as_of` and not closed yet, oldest first, from the last closing on.

    A shop that was never closed begins with the period in which it joined. One whose currency isn't known yet, and for
    which nothing was booked, has none.
    """
    if not shop.currency and not outstanding.currencies(session, shop.id):
        return []
    return list(takewhile(lambda one: one.ends_at <= as_of, coming(session, shop)))


def coming(session: Session, shop: Shop) -> Iterator[Period]:
    """The shop's periods that aren't closed, without end, from the last closing on or from when it joined."""
    last = _last(session, shop.id)
    since = last.ends_at if last is not None else shop.installed_at
    closed = set(session.scalars(sa.select(Closing.period).where(Closing.shop_id == shop.id)))
    return (one for one in periods.following(since, shop.time_zone, rules(session, shop.id)) if one.name not in closed)


def _locked(session: Session, shop_id: str) -> Shop:
    # FOR NO KEY UPDATE: one closing of a shop at a time, while orders that refer to the shop still come in.
    query = sa.select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    shop = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id!r}")
    return shop


def _last(session: Session, shop_id: str) -> Closing | None:
    query = sa.select(Closing).where(Closing.shop_id == shop_id).order_by(Closing.ends_at.desc()).limit(1)
    return session.execute(query).scalar_one_or_none()


def _refuse(session: Session, shop_id: str, asked: Period, as_of: datetime) -> Period:
    """The span that the closing covers: from the last closing's end, so that spans never overlap or leave a gap."""
    if as_of < asked.ends_at:
        raise Conflict(f"{asked.name} isn't over yet: it ends at {clock.said(asked.ends_at)}")
    if under_way := pieces.under_way(session, shop_id):
        raise Conflict(
            f"{under_way[0].period} is being closed: `connector close {under_way[0].period}` goes on with it"
        )
    last = _last(session, shop_id)
    if last is None:
        return asked
    same = sa.select(Closing).where(Closing.shop_id == shop_id, Closing.period == asked.name).limit(1)
    if (closed := session.execute(same).scalar_one_or_none()) is not None:
        raise Conflict(f"{asked.name} is closed already, at {clock.said(closed.closed_at)}")
    if last.ends_at >= asked.ends_at:
        raise Conflict(f"{last.period} is closed already, and {asked.name} lies before it")
    if as_of < last.closed_at:
        raise Conflict(f"the books were closed at {clock.said(last.closed_at)}; no closing may lie before that")
    return Period(asked.name, last.ends_at, asked.ends_at)


def _stays(session: Session, line: Unsettled, shop_id: str, held: set[tuple[str, str]]) -> bool:
    """Is it frozen? What is about no order's line is frozen with its creator."""
    if line.subject:
        return frozen.is_frozen(session, line.creator_id, shop_id)
    return (line.order_id, line.line_ref) in held


def _plan(session: Session, shop: Shop, currency: str, span: Period, as_of: datetime) -> Plan:
    held = frozen.lines(session, shop.id)  # they come with the closing after the freeze has ended
    lines = outstanding.cleared(session, shop.id, currency, cleared_before=span.ends_at, until=as_of)
    lines = [line for line in lines if not _stays(session, line, shop.id, held)]
    bonuses = outstanding.bonuses(session, shop.id, currency, before=span.ends_at, until=as_of)
    bonuses = [bonus for bonus in bonuses if not frozen.is_frozen(session, bonus.creator_id, shop.id)]
    parts: dict[str, Part] = {}

    def part(creator_id: str) -> Part:
        return parts.setdefault(creator_id, Part(creator_id))

    both = sorted([*lines, *bonuses], key=lambda line: line.creator_id)
    for creator_id, own in groupby(both, key=lambda line: line.creator_id):
        part(creator_id).lines.extend(own)
    for release in reserves.due(session, shop.id, currency, span.ends_at):
        part(release.creator_id).releases.append(release)
    opened = invoices.new_openings(session, shop.id, currency, as_of)
    for creator_id, amount in opened.items():
        part(creator_id).opening = amount
    settled = outstanding.settled_at(session, shop.id, currency)
    share = settings.whole(session, shop.id, "reserve_bp", span.ends_at)
    for one in parts.values():
        one.carried = settled.get(one.creator_id, 0) - one.opening
        one.reserved = reserves.share_of(one.total, share)
    bill = invoices.bill(session, shop.id, currency, both, opened, span.ends_at, as_of)
    ordered = [parts[creator_id] for creator_id in sorted(parts)]
    return Plan(shop.id, currency, span, as_of, ordered, bonuses, bill)
