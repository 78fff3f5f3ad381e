"""`connector audit`: the books held against all else that we keep. Each check is named and returns what is wrong.

The ledger's own invariants stand in `earnings.ledger.checks`, those of closings and invoices in `settlement.checks`;
here are the ones that compare rooms with each other. All want one moment (`db.snapshot`): what is booked between two
statements would look like a difference. Checks over all orders walk them in ranges, so that nothing holds them all, and
share that walk.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import bonuses, rate
from connector.earnings.commission.tables import Clearance, Evaluation, EventBonus
from connector.earnings.ledger import checks, sums
from connector.earnings.ledger.checks import Wrong
from connector.earnings.ledger.queries import Key
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts import exchange
from connector.earnings.payouts.tables import BankExchange, BankExchangePart, Payout, PayoutBatch
from connector.earnings.settlement import checks as settlement
from connector.earnings.settlement import pieces
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.money import divided
from connector.operations.rebuild import beside

_CHUNK = 2000
_WALK = "books.walk"
# Such an order is none: its evaluation asks no decision, though one may be kept from before it turned out so.
_NO_ORDER = frozenset({"test_order", "not_completed", "sample_order"})


def orders_are_evaluated(session: Session) -> list[Wrong]:
    """The newest known version of every order was evaluated."""
    query = sa.select(Order.id).where(Order.evaluated_hash != Order.content_hash).order_by(Order.id)
    return [Wrong("orders_are_evaluated", order_id, "a newer version waits") for order_id in session.scalars(query)]


def posted_is_due(session: Session) -> list[Wrong]:
    """What stands in the ledger about each line is what its newest evaluation says is due."""
    return _walked(session)["posted_is_due"]


def fees_are_due(session: Session) -> list[Wrong]:
    """The app's fee of each order stands in the ledger as its newest evaluation says."""
    return _walked(session)["fees_are_due"]


def lines_sum_to_their_order(session: Session) -> list[Wrong]:
    """Σ lines = order: a creator's lines come to the sum rounded once (R4), each line's due follows from it (R6)."""
    return _walked(session)["lines_sum_to_their_order"]


def evaluations_follow_decisions(session: Session) -> list[Wrong]:
    """Each line's newest evaluation credits whom its decision names, at its rate."""
    return _walked(session)["evaluations_follow_decisions"]


def decisions_stand(session: Session) -> list[Wrong]:
    """No evaluation would decide a line otherwise than its pin, without a recorded act (F4)."""
    query = sa.select(DecisionRow.order_id, DecisionRow.line_ref, DecisionRow.drift).where(attribution.DRIFTED)
    return [
        Wrong("decisions_stand", f"{order_id} {line_ref}", drift)
        for order_id, line_ref, drift in session.execute(query.order_by(DecisionRow.id))
    ]


def only_cleared_lines_have_cleared_money(session: Session) -> list[Wrong]:
    """Money stands as cleared only about lines that have cleared, and nothing is pending any more about those."""
    name = "only_cleared_lines_have_cleared_money"
    has_cleared = sa.exists().where(
        Clearance.order_id == Entry.order_id, Clearance.line_ref == Entry.line_ref, Clearance.state == "cleared"
    )
    of_lines = (
        sa.select(Entry.order_id, Entry.line_ref)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.line_ref.is_not(None))
        .group_by(Entry.order_id, Entry.line_ref)
        .order_by(Entry.order_id, Entry.line_ref)
    )
    early = of_lines.where(Posting.account == "creator_cleared", ~has_cleared)
    late = of_lines.where(Posting.account == "creator_pending", has_cleared).having(sa.func.sum(Posting.amount) != 0)
    return [
        Wrong(name, f"{order} {line}", "booked as cleared, and isn't") for order, line in session.execute(early)
    ] + [
        Wrong(name, f"{order} {line}", "has cleared, and something is pending") for order, line in session.execute(late)
    ]


def bonuses_are_the_ledgers(session: Session) -> list[Wrong]:
    """What an event's tiers came to, as last counted, stands in the ledger, and no other bonus does."""
    query = (
        sa.select(Entry.subject, Entry.currency, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind == "bonus", Posting.account == "merchant_receivable")
        .group_by(Entry.subject, Entry.currency)
    )
    booked = {(subject, currency): int(amount) for subject, currency, amount in session.execute(query)}
    counted = {
        (bonuses.subject(row.event_id, row.creator_id), row.currency): row.bonus
        for row in session.scalars(sa.select(EventBonus))
    }
    return [
        Wrong("bonuses_are_the_ledgers", " ".join(key), f"counted {counted.get(key, 0)}, booked {booked.get(key, 0)}")
        for key in sorted(counted.keys() | booked.keys())
        if counted.get(key, 0) != booked.get(key, 0)
    ]


def fees_beside_are_due(session: Session) -> list[Wrong]:
    """Each flat fee and each reimbursed sample stands in the ledger as its agreement, or its sample, says; no other."""
    name = "fees_beside_are_due"
    booked = beside.booked(session)
    kept = beside.kept(session)
    due: dict[str, dict[beside.Key, int]] = defaultdict(dict)
    for found in beside.owed(session):
        due[found.shop_id][found.key] = due[found.shop_id].get(found.key, 0) + found.amount
    wrong = []
    for shop_id in sorted(due.keys() | booked.keys()):
        owed, posted = due.get(shop_id, {}), booked.get(shop_id, {})
        for key in sorted(owed.keys() | posted.keys(), key=str):
            pair = owed.get(key, 0), posted.get(key, 0)
            # What changed of a sample's order since is booked by the next round.
            if pair[0] != pair[1] and kept.get(key[0]) != pair[1]:
                about = " ".join(part or "-" for part in key)
                wrong.append(Wrong(name, about, f"due {pair[0]}, posted {pair[1]}"))
    return wrong


def statements_are_the_ledgers(session: Session) -> list[Wrong]:
    """A closing is the sum of its statements, a statement that of its lines, and both are what was settled."""
    name = "statements_are_the_ledgers"
    lines = _sums(session, StatementLine.statement_id, StatementLine.amount)
    closings = _sums(session, Statement.closing_id, Statement.total)
    settled = sums.settled_by_statement(session)
    wrong = []
    statements = sa.select(Statement.id, Statement.shop_id, Statement.creator_id, Statement.currency, Statement.total)
    for statement_id, shop_id, creator_id, currency, total in session.execute(statements):
        if lines.get(statement_id, 0) != total:
            wrong.append(Wrong(name, statement_id, f"total {total}, its lines come to {lines.get(statement_id, 0)}"))
        booked = settled.pop(statement_id, (shop_id, creator_id, currency, 0))
        if booked != (shop_id, creator_id, currency, total):
            wrong.append(Wrong(name, statement_id, f"total {total} {currency} of {creator_id}, booked {booked}"))
    coming = pieces.statements_to_be(session)  # a closing that is under way lets them appear at its end
    wrong.extend(
        Wrong(name, statement_id, "entries name it, and it isn't there") for statement_id in settled.keys() - coming
    )
    for closing_id, total in session.execute(sa.select(Closing.id, Closing.total)):
        if closings.get(closing_id, 0) != total:
            wrong.append(Wrong(name, closing_id, f"total {total}, its statements {closings.get(closing_id, 0)}"))
    return wrong


def payouts_are_the_ledgers(session: Session) -> list[Wrong]:
    """A batch is the sum of its payouts, and each payout stands in the ledger where its status says."""
    name = "payouts_are_the_ledgers"
    booked = sums.by_payout(session)
    totals = _sums(session, Payout.batch_id, Payout.amount)
    wrong = []
    query = sa.select(
        Payout.id, Payout.amount, Payout.currency, Payout.status, Payout.through_fx, Payout.pay_amount,
        Payout.pay_currency,
    )  # fmt: skip
    for payout_id, amount, currency, status, through_fx, left, paid_in in session.execute(query):
        found = {account: total for account, total in booked.pop(payout_id, {}).items() if total}
        if found != _stands(status, amount, currency, (left, paid_in) if through_fx else None):
            wrong.append(Wrong(name, payout_id, f"{status} {amount} {currency}, booked {_said(found)}"))
    wrong.extend(Wrong(name, payout_id, "entries name it, and it isn't there") for payout_id in booked)
    for batch_id, total in session.execute(sa.select(PayoutBatch.id, PayoutBatch.total)):
        if totals.get(batch_id, 0) != total:
            wrong.append(Wrong(name, batch_id, f"total {total}, its payouts {totals.get(batch_id, 0)}"))
    return wrong


def exchanges_are_the_ledgers(session: Session) -> list[Wrong]:
    """An exchange is the sum of its parts, each part stands in the ledger, and `fx` holds what is open and no more."""
    name = "exchanges_are_the_ledgers"
    booked = sums.by_exchange(session)
    wrong, parts = [], defaultdict(list)
    for part in session.scalars(sa.select(BankExchangePart)):
        parts[part.exchange_id].append(part)
    for row in session.scalars(sa.select(BankExchange)):
        shares = parts.pop(row.id, [])
        total = (sum(part.sold for part in shares), sum(part.bought for part in shares))
        if total != ((row.sold, row.bought) if row.state == "recorded" else (0, 0)):
            wrong.append(Wrong(name, row.id, f"{row.state}, {row.sold} for {row.bought}, its parts come to {total}"))
        for part in shares:
            due: Counter[tuple[str, str]] = Counter()
            share = exchange.Part(part.shop_id, part.sold, part.bought, part.covers)
            for draft in exchange.drafts(row.id, (row.sold_currency, row.bought_currency), share, row.asked_at, ""):
                due.update({(side.account, draft.currency): side.amount for side in draft.postings})
            found = booked.pop((row.id, part.shop_id), {})
            if {key: amount for key, amount in due.items() if amount} != found:
                wrong.append(Wrong(name, f"{row.id} {part.shop_id}", f"due {_said(due)}, booked {_said(found)}"))
    wrong.extend(Wrong(name, " ".join(key), "entries name it, and it isn't there") for key in booked)
    due_in_fx: Counter[tuple[str, str]] = Counter()
    for (sold, bought), opened in exchange.positions(session).items():
        for shop_id, each in opened.items():
            due_in_fx[shop_id, sold] -= each.sold
            due_in_fx[shop_id, bought] += each.bought
    stands = {key: amount for key, amount in sums.in_fx(session).items() if amount}
    due_in_fx = Counter({key: amount for key, amount in due_in_fx.items() if amount})
    wrong.extend(
        Wrong(name, " ".join(key), f"open {due_in_fx[key]}, fx holds {stands.get(key, 0)}")
        for key in sorted(due_in_fx.keys() | stands.keys())
        if due_in_fx[key] != stands.get(key, 0)
    )
    return wrong


def _stands(status: str, amount: int, currency: str, converted: tuple[int, str] | None) -> dict[tuple[str, str], int]:
    """Where a payout's money is by its status, with the ledger's own signs. `converted`: what left, and in which."""
    if status in ("failed", "returned", "refused"):
        return {}  # settled again
    found = {("creator_settled", currency): amount}
    if status != "paid":
        return found | {("payout_in_transit", currency): -amount}
    if converted is None:
        return found | {("bank", currency): -amount}
    left, paid_in = converted
    return found | {("fx", currency): -amount, ("fx", paid_in): left, ("bank", paid_in): -left}


def _said(found: Mapping[tuple[str, str], int]) -> str:
    return ", ".join(f"{account} {amount} {currency}" for (account, currency), amount in sorted(found.items()))


CHECKS: tuple[Callable[[Session], list[Wrong]], ...] = (
    *checks.CHECKS,
    orders_are_evaluated,
    posted_is_due,
    fees_are_due,
    lines_sum_to_their_order,
    evaluations_follow_decisions,
    decisions_stand,
    only_cleared_lines_have_cleared_money,
    bonuses_are_the_ledgers,
    fees_beside_are_due,
    statements_are_the_ledgers,
    payouts_are_the_ledgers,
    exchanges_are_the_ledgers,
    *settlement.CHECKS,
)


def examine(session: Session) -> Iterator[tuple[str, str, list[Wrong]]]:
    """(name, what it promises, what is wrong) of every check, one after the other."""
    session.info.pop(_WALK, None)
    for check in CHECKS:
        yield check.__name__, " ".join((check.__doc__ or "").split()), check(session)
    session.info.pop(_WALK, None)


# ------------------------------------------------------------------ the walk over all orders


class Kept(msgspec.Struct, frozen=True):
    """What an evaluation keeps of a line, as far as it is checked here."""

    line_ref: str
    creator_id: str | None
    content_id: str | None
    rate_bp: int
    base: int
    commission: int
    refunded_base: int
    reversed: int
    due: int
    flags: tuple[str, ...] = ()


class _Fee(msgspec.Struct, frozen=True):
    due: int


class _Parts(msgspec.Struct, frozen=True):
    fee: _Fee | None = None


@dataclass(slots=True)
class Evaluated:
    """The newest evaluation of one order."""

    reason: str
    lines: list[Kept]
    fee: int


@dataclass(slots=True)
class Stretch:
    """Orders of one range of ids, with what is kept and booked of them."""

    evaluated: dict[str, Evaluated]
    booked: sums.Booked
    decisions: dict[tuple[str, str], tuple[str | None, str | None, int]] = field(default_factory=dict)


_lines = msgspec.json.Decoder(list[Kept])
_parts = msgspec.json.Decoder(_Parts)


def stretches(session: Session) -> Iterator[Stretch]:
    """All orders by ranges of their ids; the last range is open, so that nothing booked about no order is left out."""
    after = ""
    while True:
        ids = sa.select(Order.id).where(Order.id > after).order_by(Order.id).offset(_CHUNK - 1).limit(1)
        until = session.scalar(ids)
        yield Stretch(
            evaluated=_evaluated(session, after, until),
            booked=sums.booked(session, after, until),
            decisions=_decisions(session, after, until),
        )
        if until is None:
            return
        after = until


def _between(column: Any, after: str, until: str | None) -> Any:
    return column > after if until is None else sa.and_(column > after, column <= until)


def _evaluated(session: Session, after: str, until: str | None) -> dict[str, Evaluated]:
    newest = (
        sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
        .where(_between(Evaluation.order_id, after, until))
        .group_by(Evaluation.order_id)
        .subquery()
    )
    # As text: only a few fields of a line are read, and decoding all of them is what would take the time.
    query = sa.select(
        Evaluation.order_id, Evaluation.reason, sa.cast(Evaluation.lines, sa.Text),
        sa.cast(Evaluation.order_parts, sa.Text),
    ).join(
        newest, sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence)
    )  # fmt: skip
    found = {}
    for order_id, reason, lines, parts in session.connection().execute(query).all():
        fee = _parts.decode(parts).fee
        found[str(order_id)] = Evaluated(reason, _lines.decode(lines), fee.due if fee else 0)
    return found


def _decisions(
    session: Session, after: str, until: str | None
) -> dict[tuple[str, str], tuple[str | None, str | None, int]]:
    query = sa.select(
        DecisionRow.order_id, DecisionRow.line_ref, DecisionRow.creator_id, DecisionRow.content_id, DecisionRow.rate_bp
    ).where(_between(DecisionRow.order_id, after, until))
    rows = session.connection().execute(query).all()
    return {(order_id, line): (creator, content, bp) for order_id, line, creator, content, bp in rows}


def _walked(session: Session) -> Mapping[str, list[Wrong]]:
    """What the checks over all orders found. Walked once for all of them, as long as the session lives."""
    found: dict[str, list[Wrong]] | None = session.info.get(_WALK)
    if found is None:
        found = defaultdict(list)
        for stretch in stretches(session):
            for wrong in _compared(stretch):
                found[wrong.check].append(wrong)
        session.info[_WALK] = found
    return found


def _compared(stretch: Stretch) -> Iterator[Wrong]:
    for order_id in sorted(stretch.evaluated.keys() | stretch.booked.lines.keys() | stretch.booked.fees.keys()):
        evaluated = stretch.evaluated.get(order_id)
        lines = evaluated.lines if evaluated else []
        due: dict[Key, int] = {
            (line.line_ref, line.creator_id, line.content_id): line.due
            for line in lines
            if line.creator_id is not None and line.due
        }
        yield from _different(order_id, due, stretch.booked.lines.get(order_id, {}))
        fee, booked = evaluated.fee if evaluated else 0, stretch.booked.fees.get(order_id, 0)
        if fee != booked:
            yield Wrong("fees_are_due", order_id, f"due {fee}, posted {booked}")
        if evaluated is not None:
            yield from _off(order_id, evaluated.reason, lines)
            if evaluated.reason not in _NO_ORDER:
                yield from _otherwise(order_id, lines, stretch.decisions)


def _different(order_id: str, due: Mapping[Key, int], posted: Mapping[Key, int]) -> Iterator[Wrong]:
    if due == posted:
        return
    for key in sorted(due.keys() | posted.keys(), key=str):
        if due.get(key, 0) != posted.get(key, 0):
            about = " ".join([order_id, *(part or "-" for part in key)])
            yield Wrong("posted_is_due", about, f"due {due.get(key, 0)}, posted {posted.get(key, 0)}")


def _off(order_id: str, stopped: str, lines: Sequence[Kept]) -> Iterator[Wrong]:
    """Where an evaluation's own figures don't follow from one another."""
    name = "lines_sum_to_their_order"
    groups: dict[str, list[Kept]] = defaultdict(list)
    for line in lines:
        if line.creator_id is not None:
            groups[line.creator_id].append(line)
        undone = rate.reversed_of(line.commission, line.refunded_base, line.base)
        due = 0 if stopped or "forfeited" in line.flags else line.commission - line.reversed
        if (line.reversed, line.due) != (undone, due):
            detail = f"of {line.commission} {line.reversed} is taken back and {line.due} due, not {undone} and {due}"
            yield Wrong(name, f"{order_id} {line.line_ref}", detail)
    for creator_id, own in groups.items():
        whole = divided(sum(line.base * line.rate_bp for line in own), rate.BP)
        commissions = sum(line.commission for line in own)
        if commissions != whole:
            yield Wrong(name, f"{order_id} {creator_id}", f"the lines come to {commissions}, the order to {whole}")


def _otherwise(
    order_id: str, lines: Sequence[Kept], decisions: Mapping[tuple[str, str], tuple[str | None, str | None, int]]
) -> Iterator[Wrong]:
    for line in lines:
        said = decisions.get((order_id, line.line_ref), (None, None, 0))
        if said != (line.creator_id, line.content_id, line.rate_bp):
            detail = f"evaluated {line.creator_id} at {line.rate_bp}, decided {said[0]} at {said[2]}"
            yield Wrong("evaluations_follow_decisions", f"{order_id} {line.line_ref}", detail)


def _sums(session: Session, key: Any, amount: Any) -> dict[str, int]:
    query = sa.select(key, sa.func.sum(amount)).group_by(key)
    return {found: int(total) for found, total in session.execute(query)}
