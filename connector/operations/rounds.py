"""The rounds of the money over all shops: pin what is final, clear what is due, close a month. A transaction a batch.

A worker does the first two by itself, in a loop that listens to its stop; commands call all three, with a moment of
their own. Shops that left are walked too: their pending money matures on the last known facts (R16). Each batch is
small, so that deliveries get in between, and one that another transaction crossed is repeated. An order or a shop
that fails is named, and stops nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connector import clock, db, jobs, notices, telemetry
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.commission import bonuses, freezes
from connector.earnings.intake import take_in
from connector.earnings.intake.portion import Portion, crossed, said
from connector.earnings.settlement import clear, close, funding, invoices, pieces
from connector.earnings.settlement.tables import Closing
from connector.errors import Conflict
from connector.operations.imports import run as imports
from connector.programme.collaborations import cuts, negotiation, openings
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import eligibility
from connector.sync import reread

T = TypeVar("T")
TRIES = 5
_log = telemetry.logger(__name__)
_TOLD_AT_ONCE = 500  # creators a transaction
_LOOKED_AT_ONCE, _LOOKS = 500, 20  # creators of one transaction, transactions of a round
_PIECES = 20  # of an opening in a round
_ENDED_AT_ONCE, _ENDINGS = 200, 10  # offers of one transaction, transactions of a round


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of a shop's period: its closings, one a currency, or why it wasn't closed."""

    shop_id: str
    domain: str
    closings: tuple[Closing, ...] = ()
    refused: str = ""


@dataclass(slots=True)
class Round:
    """How much was done, and what failed: order id, or shop id where the shop as a whole did, → why."""

    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def never() -> bool:
    return False


def pin_due(
    as_of: datetime, shop_id: str | None = None, *, stop: Callable[[], bool] = never, skip: Collection[str] = ()
) -> Round:
    """Make the decisions final whose grace is over; how many orders. What fails is in the Round and stops nothing."""
    return _round(take_in.pin_portion, as_of, shop_id, stop, skip)


def clear_due(
    as_of: datetime, shop_id: str | None = None, *, stop: Callable[[], bool] = never, skip: Collection[str] = ()
) -> Round:
    """Clear every line that is due; how many lines. What fails is in the Round and stops nothing."""
    return _round(clear.clear_portion, as_of, shop_id, stop, skip)


def read_before_clearing(as_of: datetime, shop_id: str | None = None) -> dict[str, str]:
    """Ask the stores for the orders that are due to clear, and wait for it; order id → why its store couldn't be asked.

    HTTP: never inside `db.write()`. A worker starts jobs for it instead (`start_rereads`).
    """
    waits: dict[str, str] = {}
    for one in _walk(shop_id):
        waits |= reread.before_clearing(one, as_of, at_once=True).waits
    return waits


def start_rereads(as_of: datetime) -> int:
    """Start the job for each shop that has orders to be read before they clear; how many shops. One a minute each."""
    started = 0
    for one in _walk(None):
        with db.read(Scope.shop(one)) as session:
            wanted = reread.wanted(session, one, as_of)
        if wanted:
            with db.write(Scope.shop(one)) as session:
                jobs.enqueue(session, reread.JOB, f"{one}:{clock.wall():%Y%m%dT%H%M}", shop_id=one)
            started += 1
    return started


def _round(
    act: Callable[..., Portion],
    as_of: datetime,
    shop_id: str | None,
    stop: Callable[[], bool],
    skip: Collection[str],
) -> Round:
    """Portions of each shop until none does anything; what fails is named, and the shops behind it have their turn."""
    total = Round()
    for one in _walk(shop_id):
        aside = set(skip)
        try:
            while not stop():
                portion = _again(one, partial(act, shop_id=one, as_of=as_of, skip=aside))
                total.done += portion.done
                total.failed |= portion.failed
                aside |= portion.failed.keys()
                if not portion.done and not portion.failed:
                    break
        except Exception as error:
            _log.error("round.shop_failed", shop_id=one, exc_info=error)
            total.failed[one] = said(error)
    return total


def close_events(as_of: datetime, shop_id: str | None = None) -> int:
    """Count the bonuses of events that have closed, and anew where something of one was heard of since; entries booked.

    Counting reads only; each event is booked in a short transaction of its own. One that fails is tried next time.
    """
    booked = 0
    for one in _walk(shop_id):
        with db.read(Scope.shop(one)) as session:
            due = bonuses.due(session, one, as_of)
        for event in due:
            try:
                with db.read(Scope.shop(one)) as session:
                    counted = bonuses.count(session, event, as_of)
                booked += _again(one, partial(bonuses.book, counted=counted))
            except Exception:
                _log.exception("event.not_counted", shop_id=one, event_id=event.id)
    return booked


def tell_of_cuts(as_of: datetime) -> int:
    """Tell creators whose kept rate is about to fall (R5); how many. Whom it reaches is read in no write."""
    told = 0
    with db.read(Scope.system("cuts of all shops that creators are to be told of")) as session:
        due = [(cut.shop_id, cut.id) for cut in cuts.due(session, as_of)]
    for shop_id, terms_id in due:
        with db.read(Scope.shop(shop_id)) as session:
            reaching = cuts.reached(session, session.get_one(Terms, terms_id))
        creators = sorted(reaching)
        for start in range(0, len(creators), _TOLD_AT_ONCE):
            some = creators[start : start + _TOLD_AT_ONCE]
            with db.write(Scope.shop(shop_id)) as session:
                cut = session.get_one(Terms, terms_id, with_for_update=True)  # another worker may be at it
                told += cuts.tell(session, cut, reaching, some, as_of)
        with db.write(Scope.shop(shop_id)) as session:
            cuts.done(session, session.get_one(Terms, terms_id, with_for_update=True), as_of)
    return told


def end_freezes(as_of: datetime) -> int:
    """Release frozen money whose end date has come; how many freezes have ended."""
    with db.write(Scope.system("freezes of all shops end by their dates")) as session:
        return freezes.end_due(session, as_of)


def end_offers(as_of: datetime) -> int:
    """End the offers between shops and creators that nobody answered in time; how many. A list of 10,000 invitations
    ends at one moment: its sides hear of it within minutes and not hours later, and no other round waits for it."""
    count = 0
    for _ in range(_ENDINGS):
        with db.write(Scope.system("offers of all shops end by their dates")) as session:
            ended = negotiation.expire_due(session, as_of, _ENDED_AT_ONCE)
        count += ended
        if ended < _ENDED_AT_ONCE:
            break
    return count


def open_products(as_of: datetime) -> int:
    """Openings go on: a walk, new products, a closing; how many pieces. One that has more to do than fits into
    `_PIECES` goes on in the next round, so that none holds up the others."""
    with db.read(Scope.system("openings of all shops go on")) as session:
        due = openings.unfinished(session)
    done = 0
    for shop_id, opening_id in due:
        for _ in range(_PIECES):
            with db.write(Scope.shop(shop_id)) as session:
                if not openings.go_on(session, opening_id, as_of):
                    break
            done += 1
    return done


def look_at_creators(as_of: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Decide again about creators whom nobody looked at for some days; how many. A million want 1,000 each ten minutes
    to be seen within a week; a round takes up to ten times as many, so that it catches up."""
    count = 0
    for _ in range(_LOOKS):
        if stop():
            break
        with db.write(Scope.system("decisions about taking part are of no shop")) as session:
            looked = eligibility.recheck_due(session, as_of, _LOOKED_AT_ONCE)
        count += looked
        if looked < _LOOKED_AT_ONCE:
            break
    return count


def close_period(period: str, as_of: datetime, by: str, shop_id: str | None = None) -> list[Closed]:
    """Close a period of one shop or of all, each by itself; one that refuses doesn't stop the rest."""
    return [_closed(one, period, as_of, by) for one in _walk(shop_id)]


def close_due(as_of: datetime, by: str, shop_id: str | None = None) -> list[Closed]:
    """Close every period that is over, of one shop or of all, oldest first: months, half months or weeks.

    Killed anywhere, the next run goes on where this one was (`settlement.pieces`).
    """
    done = []
    for one in _walk(shop_id):
        with db.read(Scope.shop(one)) as session:
            names = [period.name for period in close.due(session, shops.get(session, one), as_of)]
        for name in names:
            done.append(_closed(one, name, as_of, by))
            if done[-1].refused:
                break
    return done


def tell_of_overdue(as_of: datetime) -> int:
    """Tell of invoices that are past their due day, each once (and again when the notice is dropped); how many."""
    told = 0
    with db.read(Scope.system("overdue invoices of all shops")) as session:
        before = notices.said(session, "invoice.overdue", "invoice_id")
        late = [
            each
            for account in funding.accounts(session, as_of.date(), only_open=True)
            for each in account.standings
            if each.state == "overdue" and each.invoice.id not in before
        ]
    for start in range(0, len(late), _TOLD_AT_ONCE):
        rows = [
            {
                "shop_id": each.invoice.shop_id, "invoice_id": each.invoice.id,
                "number": invoices.number_text(each.invoice.number), "currency": each.invoice.currency,
                "open": each.open, "due_on": each.invoice.due_on.isoformat(),
            }
            for each in late[start : start + _TOLD_AT_ONCE]
        ]  # fmt: skip
        with db.write(Scope.system("overdue invoices of all shops")) as session:
            notices.say_all(session, "invoice.overdue", rows)
        told += len(rows)
    return told


def carry_on_closings(before: datetime) -> int:
    """Go on with closings that began before a moment (wall time) and stand: whoever began them is gone; how many.

    One that fails is logged and tried next time (`closing_stands` names it), and the shops behind it have their turn.
    """
    with db.read(Scope.system("closings under way of all shops")) as session:
        waiting = {run.shop_id for run in pieces.under_way(session) if run.begun_at < before}
    done = 0
    for shop_id in sorted(waiting):
        try:
            done += len(close.carry_on(shop_id))
        except Exception:
            _log.exception("closing.not_carried_on", shop_id=shop_id)
    return done


def read_left_files(before: datetime) -> int:
    """Begin the reading of files again whose reader was killed before it had a job; how many.

    `before` is business time. A file that a job is still at may be asked for twice: the second finds nothing to do.
    """
    with db.write(Scope.system("imports under way of all shops")) as session:
        left = imports.left_unread(session, before)
        for import_id, shop_id in left:
            key = f"{import_id}:{clock.wall():%Y%m%dT%H%M}"
            jobs.enqueue(session, "imports.look", key, shop_id=shop_id, import_id=import_id)
    return len(left)


@jobs.workflow("settlement.close")
def carry_on_job(shop_id: str) -> None:
    """Book a closing that a page began. Done again it finds nothing to do."""
    close.carry_on(shop_id)


def _closed(shop_id: str, period: str, as_of: datetime, by: str) -> Closed:
    with db.read(Scope.shop(shop_id)) as session:
        domain = shops.get(session, shop_id).domain
    try:
        closings = close.in_pieces(shop_id, period, as_of, by)
    except Conflict as refused:
        return Closed(shop_id, domain, refused=refused.public)
    return Closed(shop_id, domain, tuple(closings))


def _walk(shop_id: str | None) -> list[str]:
    if shop_id is not None:
        return [shop_id]
    with db.read(Scope.system("the rounds of the money walk all shops")) as session:
        return [shop.id for shop in shops.every(session)]


def _again(shop_id: str, act: Callable[[Session], T]) -> T:
    """Run `act` in a transaction; where another one crossed it (a deadlock, a number taken), repeat it a few times."""
    for _ in range(TRIES - 1):
        try:
            with db.write(Scope.shop(shop_id)) as session:
                return act(session)
        except OperationalError:
            continue
        except Conflict as error:
            if not crossed(error):
                raise
    with db.write(Scope.shop(shop_id)) as session:
        return act(session)
