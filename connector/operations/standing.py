"""The standing checks: credit that was missed, money that stands twice or still, codes that we don't know.

Each check returns what is wrong, one `Finding` a thing, with a reason code (`web/words` has the wordings) and
whether a rule explains it. A finding that no rule explains needs a person and is what the first page counts; an
explained one is listed beside it, so that "why did this order with a token pay nobody?" is answered in the same place.

Checks look at the orders of a span (30 days unless asked otherwise), so that their cost follows the trade and not the
age of the installation; stalled money (`stalled_money.py`) is looked at as it stands now. They read and change nothing.
`connector audit` holds the books against all else that is kept; these say where an order, a payment or a code went
another way than the people involved would expect.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session, load_only

from connector import clock
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import codes, gaps, tokens
from connector.earnings.attribution.tables import Code, DecisionRow, Touch
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import sums
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts.tables import Payout
from connector.events import Carrier
from connector.operations import stalled_money
from connector.programme.creators.tables import Creator

Check = Literal["missed", "duplicates", "gaps", "stuck"]
CHECKS: tuple[Check, ...] = ("missed", "duplicates", "gaps", "stuck")
SPAN = timedelta(days=30)
MOST = 1000  # findings of one check; a page says when there are more
_CHUNK = 500
# What looks like one of ours that a theme or a mail has bent: another case, a lost end.
_BENT = re.compile(r"\bt1[0-9a-z]{16}[a-z0-9_-]{0,16}", re.ASCII | re.IGNORECASE)
# Outcomes of a candidate, the nearest to a credit first: it is the one that is told.
_NEAREST = (
    "creator_ineligible", "self_purchase", "code_leaked", "touch_invalid", "too_late", "window_expired",
    "store_disconnected", "other_product", "after_order",
)  # fmt: skip
# An order's snapshot is long, and no check reads it.
_LEAN = load_only(
    Order.id, Order.shop_id, Order.number, Order.order_ref, Order.placed_at, Order.currency, Order.carriers,
    Order.evaluated_hash, Order.content_hash, Order.line_products,
)  # fmt: skip
_carriers = msgspec.json.Decoder(tuple[Carrier, ...])


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found. Amounts are minor units of `currency`."""

    check: Check
    reason: str
    explained: bool
    at: datetime | None
    shop_id: str | None = None
    order_id: str | None = None
    number: str = ""
    about: str = ""  # an id, a line, a code: what exactly it is about
    creator_id: str | None = None
    touch_id: str | None = None
    amount: int | None = None
    expected: int | None = None
    currency: str = ""
    nearest: str = ""  # code gaps: what we know that comes nearest
    times: int = 1
    detail: str = ""


@dataclass(slots=True)
class Checked:
    """What a check found. `counts`: reason → number, over all that was looked at, `open` of them unexplained."""

    check: Check
    since: datetime
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    open: int = 0
    cut: bool = False  # there are more than `MOST`

    def add(self, finding: Finding) -> bool:
        """Keep it; False when no more are kept."""
        self.counts[finding.reason] = self.counts.get(finding.reason, 0) + 1
        self.open += not finding.explained
        if len(self.findings) >= MOST:
            self.cut = True
            return False
        self.findings.append(finding)
        return True


def check(
    session: Session, name: Check, *, since: datetime | None = None, shop_id: str | None = None
) -> Checked:  # fmt: skip
    """One check over the orders placed since `since`, of one shop or of all: the open findings first."""
    done = Checked(name, since or clock.now() - SPAN)
    for finding in _BY_NAME[name](session, done.since, shop_id):
        done.add(finding)
        if done.cut:
            break
    done.findings.sort(key=lambda one: (one.explained, -(one.at.timestamp() if one.at else 0)))
    return done


def counts(session: Session, since: datetime | None = None) -> dict[Check, Checked]:
    """All of them, for the first page."""
    return {name: check(session, name, since=since) for name in CHECKS}


# ------------------------------------------------------------------ missed credit


def _missed(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Orders that carry a token, or whose buyer tapped in the window, and that credit nobody: each with its reason."""
    for orders in _chunks(_uncredited(since), session, shop_id):
        ids = [order.id for order in orders]
        decisions = _by_order(session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id.in_(ids))))
        newest = _newest_evaluations(session, ids)
        carried = {order.id: {_as_made(text) for text in _like_tokens(order.carriers)} for order in orders}
        touches = _touches_of(session, {token for each in carried.values() for token in each})
        for order in orders:
            mine = {token: touches.get(token) for token in carried[order.id]}
            found = _why_nobody(session, order, decisions.get(order.id, ()), newest.get(order.id), mine)
            if found is not None:
                yield found


def _uncredited(since: datetime) -> sa.Select[Order]:
    credited = sa.exists().where(DecisionRow.order_id == Order.id, DecisionRow.creator_id.is_not(None))
    reached = sa.exists().where(
        DecisionRow.order_id == Order.id, DecisionRow.credit_reason.not_in(("no_touch", "store_disconnected"))
    )
    return sa.select(Order).where(
        Order.placed_at >= since, Order.gone_at.is_(None), ~credited, sa.or_(Order.carriers.ilike("%t1%"), reached)
    )


def _why_nobody(
    session: Session,
    order: Order,
    decisions: Sequence[DecisionRow],
    newest: Evaluation | None,
    carried: Mapping[str, Touch | None],
) -> Finding | None:
    def finding(reason: str, *, explained: bool, **more: Any) -> Finding:
        return Finding("missed", reason, explained, order.placed_at, order.shop_id, order.id, order.number, **more)

    candidates = [each for row in decisions for each in row.evidence.get("candidates", [])]
    bad = [each for row in decisions for each in row.evidence.get("bad_tokens", [])]
    if not carried and not candidates and not bad:
        return None  # `t1` stood in a word that is no token
    if order.evaluated_hash != order.content_hash or newest is None:
        return finding("not_evaluated", explained=False)
    if newest.reason:
        return finding(newest.reason, explained=True)
    known = {each["touch_id"] for each in candidates}
    late = [touch for touch in carried.values() if touch is not None and touch.shop_id == order.shop_id]
    unseen = [*(touch for touch in late if touch.id not in known), *_journey_unseen(session, order, late, known)]
    if unseen:
        return finding("not_considered", explained=False, touch_id=unseen[0].id, creator_id=unseen[0].creator_id)
    drifted = next((row for row in decisions if row.drift), None)
    if drifted is not None:
        return finding("decision_changed", explained=False, detail=drifted.drift)
    if bad:
        return finding(bad[0]["problem"], explained=False, about=bad[0]["token"], detail=", ".join(bad[0]["via"]))
    ranked = sorted(candidates, key=lambda each: _rank(each["outcome"]))
    if not ranked:
        return finding("not_considered", explained=False)
    best = ranked[0]
    return finding(
        best["outcome"], explained=True, touch_id=best["touch_id"], creator_id=best["creator_id"], detail=best["why"]
    )


def _rank(outcome: str) -> int:
    return _NEAREST.index(outcome) if outcome in _NEAREST else 0


def _journey_unseen(session: Session, order: Order, carried: Sequence[Touch], known: set[str]) -> list[Touch]:
    """Taps of the same journeys on what was bought, in their window, heard in time, and in no decision."""
    journeys = {touch.journey for touch in carried if touch.journey}
    products = {ref for ref, _ in order.line_products.values() if ref}
    if not journeys or not products:
        return []
    rows = session.scalars(
        sa.select(Touch)
        .where(
            Touch.shop_id == order.shop_id, Touch.journey.in_(journeys), Touch.product_ref.in_(products),
            Touch.at <= order.placed_at, Touch.received_at <= order.placed_at, Touch.id.not_in(known),
        )
        .order_by(Touch.at.desc())
        .limit(20)
    )  # fmt: skip
    return [touch for touch in rows if order.placed_at - touch.at <= timedelta(seconds=touch.window_seconds)]


def _touches_of(session: Session, wanted: set[str]) -> dict[str, Touch]:
    found: dict[str, Touch] = {}
    for some in _some(sorted(wanted)):
        found.update((row.token, row) for row in session.scalars(sa.select(Touch).where(Touch.token.in_(some))))
    return found


def _newest_evaluations(session: Session, order_ids: Sequence[str]) -> dict[str, Evaluation]:
    last = (
        sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
        .where(Evaluation.order_id.in_(order_ids))
        .group_by(Evaluation.order_id)
        .subquery()
    )
    rows = session.scalars(
        sa.select(Evaluation).join(
            last, sa.and_(Evaluation.order_id == last.c.order_id, Evaluation.sequence == last.c.sequence)
        )
    )
    return {row.order_id: row for row in rows}


# ------------------------------------------------------------------ twice


def _duplicates(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Lines that stand credited twice, or booked otherwise than due; a store, an order, a transfer held twice."""
    yield from _shops_twice(session, shop_id)
    for orders in _chunks(_booked(since), session, shop_id):
        yield from _lines_off(session, orders)
    yield from _cleared_twice(session, since, shop_id)
    yield from _orders_twice(session, since, shop_id)
    yield from _transfers_twice(session, since, shop_id)


def _booked(since: datetime) -> sa.Select[Order]:
    return sa.select(Order).where(
        Order.placed_at >= since, sa.exists().where(Entry.order_id == Order.id, Entry.line_ref.is_not(None))
    )


def _lines_off(session: Session, orders: Sequence[Order]) -> Iterator[Finding]:
    """Two creators who hold money of one line at the same time, and lines whose sum isn't what is due."""
    ids = [order.id for order in orders]
    newest, posted = _newest_evaluations(session, ids), sums.earned(session, ids)
    for order in orders:
        evaluation = newest.get(order.id)
        due = _due(evaluation)
        booked = posted.get(order.id, {})
        by_line: dict[str, list[str | None]] = defaultdict(list)
        for (line_ref, creator_id, _content), amount in booked.items():
            if amount > 0:
                by_line[line_ref].append(creator_id)
        for line_ref, creators in by_line.items():
            if len(set(creators)) > 1:
                total = sum(amount for (line, _, _), amount in booked.items() if line == line_ref)
                yield _line(order, "credited_twice", line_ref, creators[0], total, _of_line(due, line_ref))
        for line_ref, creator_id, content_id in sorted(due.keys() | booked.keys(), key=str):
            key = (line_ref, creator_id, content_id)
            if booked.get(key, 0) != due.get(key, 0) and len(set(by_line[line_ref])) < 2:
                reason = "posted_too_much" if booked.get(key, 0) > due.get(key, 0) else "posted_too_little"
                # A version that waits for its evaluation settles it by itself.
                waits = order.evaluated_hash != order.content_hash
                yield _line(order, reason, line_ref, creator_id, booked.get(key, 0), due.get(key, 0), explained=waits)


def _due(evaluation: Evaluation | None) -> dict[tuple[str, str | None, str | None], int]:
    if evaluation is None:
        return {}
    return {
        (line["line_ref"], line["creator_id"], line["content_id"]): line["due"]
        for line in evaluation.lines
        if line["creator_id"] is not None and line["due"]
    }


def _of_line(due: Mapping[tuple[str, str | None, str | None], int], line_ref: str) -> int:
    return sum(amount for (line, _, _), amount in due.items() if line == line_ref)


def _line(
    order: Order, reason: str, line_ref: str, creator_id: str | None, booked: int, due: int, *, explained: bool = False
) -> Finding:
    return Finding(
        "duplicates", reason, explained, order.placed_at, order.shop_id, order.id, order.number, f"line {line_ref}",
        creator_id, amount=booked, expected=due, currency=order.currency,
    )  # fmt: skip


def _cleared_twice(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Lines that cleared in the span for more than was pending on them: their cleared money was booked twice.

    By the time of clearing and not of the order: a line clears weeks after it was placed. What a refund takes back
    after clearing comes out of what cleared, so nothing else leaves less than nothing pending.
    """
    cleared = sa.select(Entry.order_id).where(Entry.kind == "clearance", Entry.booked_at >= since)
    cleared = cleared.where(Entry.shop_id == shop_id) if shop_id else cleared
    pending = sa.func.sum(Posting.amount)
    out = sa.func.sum(sa.case((Entry.kind == "clearance", Posting.amount), else_=0))
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id)
    query = (
        sa.select(*key, pending, out)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(
            Entry.order_id.in_(cleared), Entry.line_ref.is_not(None), Posting.account == "creator_pending",
        )
        .group_by(*key)
        .having(pending > 0)
        .order_by(*key)
        .limit(MOST + 1)
    )  # fmt: skip
    rows = session.execute(query).all()
    ids = {str(row[0]) for row in rows}
    orders = session.scalars(sa.select(Order).where(Order.id.in_(ids)).options(_LEAN)) if ids else ()
    by_id = {order.id: order for order in orders}
    for order_id, line_ref, creator_id, too_much, all_of_it in rows:
        booked = int(all_of_it)
        yield _line(
            by_id[str(order_id)], "cleared_twice", str(line_ref), creator_id, booked, booked - int(too_much)
        )  # fmt: skip


def _shops_twice(session: Session, shop_id: str | None) -> Iterator[Finding]:
    """One store under two shops of ours: each of its orders would be heard, and paid, twice."""
    ref = sa.func.count(Shop.id)
    query = (
        sa.select(Shop.platform, Shop.shop_ref)
        .where(Shop.shop_ref != "", Shop.status != "left")
        .group_by(Shop.platform, Shop.shop_ref)
        .having(ref > 1)
    )
    for platform, shop_ref in session.execute(query):
        rows = session.scalars(
            sa.select(Shop).where(Shop.platform == platform, Shop.shop_ref == shop_ref).order_by(Shop.created_at)
        ).all()
        if shop_id is None or shop_id in {row.id for row in rows}:
            names = ", ".join(row.domain for row in rows)
            yield Finding("duplicates", "shop_twice", False, rows[-1].created_at, rows[-1].id, about=names)


def _orders_twice(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Two orders of one shop under one number, both of them paying: an order that was placed or imported twice."""
    paying = sa.exists().where(Entry.order_id == Order.id, Entry.kind == "accrual")
    query = (
        sa.select(Order.shop_id, Order.number)
        .where(Order.placed_at >= since, Order.gone_at.is_(None), paying, Order.shop_id.in_(sa.select(Shop.id)))
        .group_by(Order.shop_id, Order.number)
        .having(sa.func.count() > 1)
    )
    for shop, number in session.execute(query.where(Order.shop_id == shop_id) if shop_id else query):
        rows = session.scalars(
            sa.select(Order).where(Order.shop_id == shop, Order.number == number).order_by(Order.placed_at)
        ).all()
        refs = ", ".join(row.order_ref for row in rows)
        yield Finding("duplicates", "order_twice", False, rows[-1].placed_at, shop, rows[-1].id, number, refs)


def _transfers_twice(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Payouts that were handed out, or confirmed by the bank, for another sum in the ledger than the payout's own."""
    booked = -sa.func.sum(Posting.amount)
    key = (
        Payout.id, Payout.shop_id, Payout.creator_id, Payout.currency, Payout.amount, Payout.created_at, Entry.kind,
    )  # fmt: skip
    handed = sa.and_(Entry.kind == "payout", Posting.account == "payout_in_transit")
    confirmed = sa.and_(Entry.kind == "payout_paid", Posting.account.in_(("bank", "fx")))
    query = (
        sa.select(*key, booked)
        .join(Entry, Entry.subject == sa.literal("payout:") + Payout.id)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(sa.or_(Payout.created_at >= since, Payout.paid_at >= since), sa.or_(handed, confirmed))
        .group_by(*key)
        .having(booked != Payout.amount)
        .order_by(Payout.created_at, Payout.id, Entry.kind)
    )
    query = query.where(Payout.shop_id == shop_id) if shop_id else query
    for payout_id, shop, creator_id, currency, amount, at, _kind, out in session.execute(query):
        yield Finding(
            "duplicates", "paid_twice", False, at, shop, about=payout_id, creator_id=creator_id, amount=int(out),
            expected=amount, currency=currency,
        )  # fmt: skip


# ------------------------------------------------------------------ code gaps


def _code_gaps(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Codes and tokens that came and that we don't know, each once, with what we know that comes nearest."""
    yield from _tokens_unknown(session, since, shop_id)
    yield from _codes_alike(session, since, shop_id)
    if shop_id is None:
        for row in gaps.seen(session, since, MOST):
            yield Finding(
                "gaps", "link_unknown", False, row.last_at, about=row.text, nearest=row.nearest, times=row.times
            )


def _tokens_unknown(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    query = sa.select(Order).where(Order.placed_at >= since, Order.carriers.ilike("%t1%"))
    met: dict[str, list[Order]] = {}
    where: dict[str, set[str]] = defaultdict(set)
    for orders in _chunks(query, session, shop_id):
        shown = {order.id: _like_tokens(order.carriers) for order in orders}
        ours = _touches_of(session, {text for each in shown.values() for text in each})
        for order in orders:
            for text, carrier in shown[order.id].items():
                touch = ours.get(text)
                if touch is None or touch.shop_id != order.shop_id:
                    met.setdefault(text, []).append(order)
                    where[text].add(carrier)
    handles = _Handles(session)
    for text, orders in met.items():
        last = max(orders, key=lambda order: order.placed_at)
        reason, nearest, creator_id, counted = _judge(session, text, last.shop_id, handles)
        yield Finding(
            "gaps", reason, counted, last.placed_at, last.shop_id, last.id, last.number, text[:8] + "…", creator_id,
            nearest=nearest, times=len(orders), detail=", ".join(sorted(where[text])),
        )  # fmt: skip


def _like_tokens(carriers: str) -> dict[str, str]:
    """What stands in the carriers and looks like a token of ours, whole or bent → the kind of carrier."""
    return {
        text: carrier.kind
        for carrier in _carriers.decode(carriers)
        for text in _BENT.findall(carrier.value)
    }  # fmt: skip


def _as_made(text: str) -> str:
    """The token as it was given out, where it can be told for certain; else what stood there."""
    found = tokens.read(text)
    return found.token if found is not None else text


def _judge(session: Session, text: str, shop_id: str, handles: _Handles) -> tuple[str, str, str | None, bool]:
    """(reason, nearest, its creator, does it count all the same).

    The random part of a token is 18 characters of lower case: whoever lost the rest, or its capital letters, is still
    told from all others by it. Where the signature can be made anew the order was credited as if nothing was lost.
    """
    head = text[:18].lower()
    near = session.scalars(sa.select(Touch).where(Touch.token.between(head, head + "z" * 16)).limit(1)).first()
    if near is not None:
        here = near.shop_id == shop_id
        reason = "other_shop" if near.token == text and not here else "token_bent"
        counted = here and _as_made(text) == near.token
        return reason, f"{near.id} (@{handles.of(near.creator_id)})", near.creator_id, counted
    if len(text) != 34:
        return "token_bent", "", None, False
    return ("unknown" if tokens.genuine(text) else "signature_wrong"), "", None, False


class _Handles:
    """Creators' handles, asked for once each."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, str] = {}

    def of(self, creator_id: str) -> str:
        if creator_id not in self._known:
            found = self._session.get(Creator, creator_id)
            self._known[creator_id] = found.handle if found else creator_id
        return self._known[creator_id]


def _codes_alike(session: Session, since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """Discount codes of orders that read like a creator's name, and that credit nobody by themselves.

    A merchant who hands out MIRA10 at the store's own desk means Mira; we have no code of that name.
    """
    query = sa.select(Order).where(Order.placed_at >= since, Order.carriers.like('%"kind":"code"%'))
    used: dict[tuple[str, str], list[Order]] = {}
    for orders in _chunks(query, session, shop_id):
        for order in orders:
            for carrier in _carriers.decode(order.carriers):
                if carrier.kind == "code" and not _BENT.search(carrier.value):
                    used.setdefault((order.shop_id, carrier.value.upper()), []).append(order)
    if not used:
        return
    known, ours = _spellings(session), _creators_codes(session)
    for (shop, code), orders in used.items():
        if (shop, codes.canonical(code)) in ours:
            continue
        near = _sounds_like(code, known)
        if near is not None:
            creator_id, handle = near
            credited = _credited(session, [order.id for order in orders], creator_id)
            yield Finding(
                "gaps", "code_like_a_creator", credited == len(orders), orders[0].placed_at, shop, orders[0].id,
                orders[0].number, code, creator_id, nearest=f"@{handle}", times=len(orders),
            )  # fmt: skip


def _creators_codes(session: Session) -> set[tuple[str, str]]:
    return {(shop_id, text) for shop_id, text in session.execute(sa.select(Code.shop_id, Code.text))}


def _spellings(session: Session) -> dict[str, tuple[str, str]]:
    """How a creator may be spelt in a code → (creator, handle): the handle without marks, and its first word."""
    found: dict[str, tuple[str, str]] = {}
    for creator_id, handle in session.execute(sa.select(Creator.id, Creator.handle).order_by(Creator.id)):
        words = [word for word in re.split(r"[._-]+", handle.lower()) if word]
        for spelling in {"".join(words), words[0] if words else ""}:
            if len(spelling) >= 4:
                found.setdefault(spelling, (creator_id, handle))
    return found


def _sounds_like(code: str, known: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    bare = re.sub(r"[^a-z]+", "", code.lower())
    if bare in known:
        return known[bare]
    near = difflib.get_close_matches(bare, known, n=1, cutoff=0.85) if len(bare) >= 5 else []
    return known[near[0]] if near else None


def _credited(session: Session, order_ids: Sequence[str], creator_id: str) -> int:
    """How many of the orders credit that creator anyway, by a tap."""
    total = 0
    for some in _some(order_ids):
        rows = sa.select(DecisionRow.order_id).where(
            DecisionRow.order_id.in_(some), DecisionRow.creator_id == creator_id
        )
        total += len(set(session.scalars(rows)))
    return total


# ------------------------------------------------------------------ stalled money


def _stuck(session: Session, _since: datetime, shop_id: str | None) -> Iterator[Finding]:
    """What stands still now, however long ago it began."""
    for one in stalled_money.stuck(session, clock.now(), shop_id):
        yield Finding(
            "stuck", one.reason, one.explained, one.since, one.shop_id, one.order_id, one.number, one.about,
            one.creator_id, amount=one.amount, currency=one.currency, detail=one.detail,
        )  # fmt: skip


# ------------------------------------------------------------------ shared


def _chunks(query: sa.Select[Order], session: Session, shop_id: str | None) -> Iterator[Sequence[Order]]:
    """The query's orders a shop, the newest first, some at a time: in the order of the one index that they have."""
    shops = [shop_id] if shop_id else session.scalars(sa.select(Shop.id).order_by(Shop.id)).all()
    for shop in shops:
        mine = query.where(Order.shop_id == shop).options(_LEAN)
        before: tuple[datetime, str] | None = None
        while True:
            asked = mine.order_by(Order.placed_at.desc(), Order.id.desc()).limit(_CHUNK)
            if before is not None:
                at = sa.literal(before[0], Order.placed_at.type)
                asked = asked.where(
                    Order.placed_at <= at, sa.tuple_(Order.placed_at, Order.id) < sa.tuple_(at, sa.literal(before[1]))
                )
            rows = session.scalars(asked).all()
            if rows:
                yield rows
                before = (rows[-1].placed_at, rows[-1].id)
            if len(rows) < _CHUNK:
                break


def _by_order(rows: Iterable[DecisionRow]) -> dict[str, list[DecisionRow]]:
    found: dict[str, list[DecisionRow]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


def _some(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


_BY_NAME: dict[Check, Callable[[Session, datetime, str | None], Iterator[Finding]]] = {
    "missed": _missed,
    "duplicates": _duplicates,
    "gaps": _code_gaps,
    "stuck": _stuck,
}
