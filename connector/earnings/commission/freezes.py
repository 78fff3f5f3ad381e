"""Freezes: staff hold a creator's, an order's or one line's money, with a reason, and it ends by rule, not by silence.

    freeze    after a preview: nothing of it clears, closes or is paid out. The creator reads why, and may appeal for
              30 days at least; a date of its end stands from the beginning
    appeal    what the creator has to say, kept beside it
    forfeit   an act of its own (`attribution.acts`), open only when the time for an appeal is over
    lift      staff end it before
    end_due   the end date has come: a job releases what was not forfeited

Freezing moves no money and no figure: it is a block of each line's clearance (`frozen` says what stands).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.commerce.orders.tables import Order
from connector.db import new_id
from connector.earnings.attribution.tables import Act, DecisionRow
from connector.earnings.commission import clearance, frozen
from connector.earnings.commission.tables import Clearance, ClearanceBlock, ClearancePast, Freeze, FreezeAppeal
from connector.earnings.ledger import queries
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.creators.tables import Creator

Scope = Literal["creator", "order", "line"]
# How long a creator may appeal, and how long after that a decision may take: days, least, usual, most.
APPEAL_DAYS = (30, 30, 90)
DECIDE_DAYS = (1, 14, 60)
LONGEST, MOST_WORDS = 500, 4000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Ask:
    """What to freeze, why, and for how long. `shop_id` narrows a creator's money to one shop; None: every shop's."""

    scope: Scope
    reason: str
    creator_id: str | None = None
    shop_id: str | None = None
    order_id: str | None = None
    line_ref: str | None = None
    appeal_days: int = APPEAL_DAYS[1]
    decide_days: int = DECIDE_DAYS[1]


@dataclass(frozen=True, slots=True)
class Held:
    """One currency of what a freeze holds, in minor units."""

    currency: str
    pending: int
    cleared: int
    settled: int  # in statements already; held from payouts by the freeze of a creator alone


@dataclass(frozen=True, slots=True)
class Preview:
    """What a freeze would hold. `token` names the facts that it was worked out from."""

    ask: Ask
    shop_id: str | None
    lines: int
    orders: int
    creators: tuple[str, ...]
    money: tuple[Held, ...]
    appeal_until: datetime
    ends_at: datetime
    token: str


@dataclass(frozen=True, slots=True)
class _Line:
    order_id: str
    line_ref: str
    shop_id: str
    creator_id: str
    row: Mapping[Any, Any]  # its clearance


def preview(session: Session, ask: Ask, as_of: datetime) -> Preview:
    """What the freeze would hold; nothing is written.

    Errors: NotFound for a creator, an order or a line that isn't there; InputRefused for a reason that is empty or too
    long, or days out of bounds; Conflict when the same is frozen already, or when there is nothing to freeze.
    """
    reason = ask.reason.strip()
    if not reason:
        raise InputRefused("reason", "is empty.", "Say why: the creator reads it.")
    if len(reason) > LONGEST:
        raise InputRefused("reason", f"is longer than {LONGEST} characters.")
    for field, value, (least, _, most) in (
        ("appeal_days", ask.appeal_days, APPEAL_DAYS), ("decide_days", ask.decide_days, DECIDE_DAYS),
    ):  # fmt: skip
        if not least <= value <= most:
            problem = f"{value} days are out of bounds." if value >= 0 else "that is no number of days."
            raise InputRefused(field, problem, f"Give {least} to {most} days.")
    shop_id = _known(session, ask)
    if session.execute(_same(ask)).first() is not None:
        raise Conflict("This money is frozen already: look at the freeze that stands.")
    lines = _lines(session, ask)
    if ask.scope != "creator" and not lines:
        raise Conflict("Nobody is credited there, so there is nothing to freeze.")
    appeal_until = as_of + timedelta(days=ask.appeal_days)
    return Preview(
        ask=ask, shop_id=shop_id, lines=len(lines), orders=len({line.order_id for line in lines}),
        creators=tuple(sorted({line.creator_id for line in lines} | {ask.creator_id or ""} - {""})),
        money=_money(session, ask), appeal_until=appeal_until,
        ends_at=appeal_until + timedelta(days=ask.decide_days), token=_token(ask, lines),
    )  # fmt: skip


def freeze(session: Session, ask: Ask, *, by: str, token: str, as_of: datetime) -> Freeze:
    """Hold it, in the caller's transaction. `token` is that of the preview that was shown.

    Errors: as `preview`; Conflict when the facts moved since the preview.
    """
    if ask.order_id is not None:  # as intake does: nobody follows its facts meanwhile
        session.execute(sa.select(Order.id).where(Order.id == ask.order_id).with_for_update())
    shown = preview(session, ask, as_of)
    if shown.token != token:
        raise Conflict("Something changed since this was worked out: look again. Nothing was frozen.")
    made = Freeze(
        id=new_id("frz"), scope=ask.scope, shop_id=shown.shop_id, creator_id=ask.creator_id, order_id=ask.order_id,
        line_ref=ask.line_ref, reason=ask.reason.strip(), frozen_at=as_of, frozen_by=by,
        appeal_until=shown.appeal_until, ends_at=shown.ends_at, appealed_at=None, ended_at=None,
        ended_why="", ended_by="", note="",
    )  # fmt: skip
    session.add(made)
    session.flush()
    frozen.changed(session)
    _hold(session, made, _lines(session, ask, lock=True), as_of)
    for creator_id in shown.creators:
        notices.say(
            session, "freeze.made", creator_id=creator_id, shop_id=made.shop_id, freeze_id=made.id, why=made.reason,
            appeal_until=made.appeal_until.isoformat(), ends_at=made.ends_at.isoformat(),
        )  # fmt: skip
    audit.record(
        session, by, "freeze.make", made.id, shop_id=made.shop_id, scope=ask.scope, lines=shown.lines,
        appeal_until=made.appeal_until.isoformat(), ends_at=made.ends_at.isoformat(), why=made.reason,
    )  # fmt: skip
    session.flush()
    return made


def lift(session: Session, freeze_id: str, *, by: str, why: str, as_of: datetime) -> Freeze:
    """End a freeze before its date. Errors: NotFound; InputRefused without a reason; Conflict when it has ended."""
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say why it ends: it is kept with the freeze.")
    found = _locked(session, freeze_id)
    _end(session, found, "lifted", by, why.strip()[:LONGEST], as_of)
    return found


def appeal(
    session: Session, freeze_id: str, *, by: str, words: str, as_of: datetime, creator_id: str | None = None
) -> FreezeAppeal:
    """Keep what a creator says against it; `creator_id` None: staff write it down.

    Errors: NotFound; InputRefused for no words, or too many; Conflict when it is too late, or when it has ended.
    """
    said = words.strip()
    if not said:
        raise InputRefused("words", "are empty.", "Write what speaks against it.")
    if len(said) > MOST_WORDS:
        raise InputRefused("words", f"are more than {MOST_WORDS} characters.", "Say it shorter.")
    found = _locked(session, freeze_id)
    if as_of > found.appeal_until:
        raise Conflict(f"The time for an appeal was over at {clock.said(found.appeal_until)}.")
    row = FreezeAppeal(
        id=new_id("apl"), freeze_id=found.id, creator_id=creator_id, at=as_of, by=by, words=said
    )  # fmt: skip
    session.add(row)
    found.appealed_at = found.appealed_at or as_of
    audit.record(session, by, "freeze.appeal", found.id, shop_id=found.shop_id)
    session.flush()
    return row


def appeals(
    session: Session, freeze_ids: Collection[str], creator_id: str | None = None
) -> dict[str, list[FreezeAppeal]]:
    """Freeze → what was said against it, oldest first; with `creator_id` that creator's words alone."""
    query = sa.select(FreezeAppeal).where(FreezeAppeal.freeze_id.in_(list(freeze_ids)))
    if creator_id is not None:
        query = query.where(FreezeAppeal.creator_id == creator_id)
    found: dict[str, list[FreezeAppeal]] = {}
    for row in session.scalars(query.order_by(FreezeAppeal.at, FreezeAppeal.id)):
        found.setdefault(row.freeze_id, []).append(row)
    return found


def of_creator(session: Session, creator_id: str, limit: int = 50) -> Sequence[Freeze]:
    """The freezes that hold, or held, money of this creator: what stands first, then what ended last."""
    mine = (
        sa.select(ClearanceBlock.ref)
        .join(
            DecisionRow,
            sa.and_(
                DecisionRow.order_id == ClearanceBlock.order_id, DecisionRow.line_ref == ClearanceBlock.line_ref
            ),
        )
        .where(DecisionRow.creator_id == creator_id, ClearanceBlock.kind == frozen.FREEZE)
    )  # fmt: skip
    query = sa.select(Freeze).where(sa.or_(Freeze.creator_id == creator_id, Freeze.id.in_(mine)))
    ended_last = sa.case((Freeze.ended_at.is_(None), 0), else_=1)
    return session.scalars(query.order_by(ended_last, Freeze.frozen_at.desc(), Freeze.id).limit(limit)).all()


def may_forfeit(found: Freeze, as_of: datetime) -> bool:
    """The time for an appeal is over, and it hasn't ended: an act may take the money away now."""
    return found.ended_at is None and as_of >= found.appeal_until


def end_due(session: Session, as_of: datetime, limit: int = 50) -> int:
    """Release what nobody forfeited by its date; how many freezes have ended. Then mend what a writer missed that
    crossed a freeze while it was made."""
    due = sa.select(Freeze.id).where(Freeze.ended_at.is_(None), Freeze.ends_at <= as_of).order_by(Freeze.ends_at)
    ended = 0
    for freeze_id in session.scalars(due.limit(limit)).all():
        found = _locked(session, freeze_id)
        why = "forfeited" if _forfeited(session, found) else "end_date"
        _end(session, found, why, "connector", "", as_of)
        ended += 1
    _mend(session, as_of)
    return ended


def of_lines(session: Session, order_id: str) -> dict[str, list[Freeze]]:
    """Line ref → the freezes that ever held it, newest first: for the trace."""
    query = (
        sa.select(ClearanceBlock.line_ref, Freeze)
        .join(Freeze, Freeze.id == ClearanceBlock.ref)
        .where(ClearanceBlock.order_id == order_id, ClearanceBlock.kind == frozen.FREEZE)
        .order_by(Freeze.frozen_at.desc())
    )
    found: dict[str, list[Freeze]] = {}
    for line_ref, held in session.execute(query):
        found.setdefault(line_ref, []).append(held)
    return found


def lines_of(session: Session, freeze_id: str) -> list[tuple[str, str]]:
    """(order, line) of what a freeze holds, or held."""
    query = sa.select(ClearanceBlock.order_id, ClearanceBlock.line_ref).where(
        ClearanceBlock.kind == frozen.FREEZE, ClearanceBlock.ref == freeze_id
    )
    return [(order_id, line_ref) for order_id, line_ref in session.execute(query.order_by(ClearanceBlock.order_id))]


def creators_of(session: Session, found: Freeze) -> list[str]:
    """Whose money it holds, or held."""
    if found.creator_id is not None:
        return [found.creator_id]
    query = sa.select(DecisionRow.creator_id).where(
        DecisionRow.order_id == found.order_id, DecisionRow.creator_id.is_not(None)
    )
    if found.line_ref is not None:
        query = query.where(DecisionRow.line_ref == found.line_ref)
    return sorted({creator_id for creator_id in session.scalars(query) if creator_id is not None})


# --- what is frozen ---------------------------------------------------------------------------------------------------


def _known(session: Session, ask: Ask) -> str | None:
    """The shop that the freeze belongs to, None for a creator's money everywhere."""
    if ask.scope == "creator":
        if ask.creator_id is None or session.get(Creator, ask.creator_id) is None:
            raise NotFound("no such creator")
        return ask.shop_id
    order = None if ask.order_id is None else session.get(Order, ask.order_id)
    if order is None:
        raise NotFound(f"no order has the id {(ask.order_id or '')[:40]!r}")
    if ask.scope == "line" and session.get(Clearance, (order.id, ask.line_ref or "")) is None:
        raise NotFound(f"nobody was ever credited for line {(ask.line_ref or '')[:40]!r} of the order")
    return order.shop_id


def _same(ask: Ask) -> sa.Select[Any]:
    query = sa.select(Freeze.id).where(Freeze.ended_at.is_(None), Freeze.scope == ask.scope)
    if ask.scope == "creator":
        everywhere = Freeze.shop_id.is_(None)
        mine = everywhere if ask.shop_id is None else sa.or_(everywhere, Freeze.shop_id == ask.shop_id)
        return query.where(Freeze.creator_id == ask.creator_id, mine)
    query = query.where(Freeze.order_id == ask.order_id)
    return query.where(Freeze.line_ref == ask.line_ref) if ask.scope == "line" else query


def _lines(session: Session, ask: Ask, *, lock: bool = False) -> list[_Line]:
    """The credited lines that the freeze is about, whether they have cleared or not. `lock`: their clearances stay as
    they are read until the transaction ends."""
    query = (
        sa.select(
            Clearance.order_id, Clearance.line_ref, Clearance.shop_id, DecisionRow.creator_id, Clearance.clears_at,
            Clearance.why, Clearance.blocked, Clearance.state, Clearance.changes,
        )
        .join(
            DecisionRow,
            sa.and_(DecisionRow.order_id == Clearance.order_id, DecisionRow.line_ref == Clearance.line_ref),
        )
        .where(DecisionRow.creator_id.is_not(None))
        .order_by(Clearance.order_id, Clearance.line_ref)
    )  # fmt: skip
    if ask.scope == "creator":
        query = query.where(DecisionRow.creator_id == ask.creator_id)
        if ask.shop_id is not None:
            query = query.where(Clearance.shop_id == ask.shop_id)
    else:
        query = query.where(Clearance.order_id == ask.order_id)
        if ask.scope == "line":
            query = query.where(Clearance.line_ref == ask.line_ref)
    if lock:
        query = query.with_for_update(of=Clearance)
    return [
        _Line(row["order_id"], row["line_ref"], row["shop_id"], row["creator_id"], row)
        for row in session.execute(query).mappings()
    ]


def _money(session: Session, ask: Ask) -> tuple[Held, ...]:
    sums: dict[str, list[int]] = {}
    if ask.scope == "creator":
        for balance in queries.balances(session, creator_id=ask.creator_id, shop_id=ask.shop_id):
            own = sums.setdefault(balance.currency, [0, 0, 0])
            for index, amount in enumerate((balance.pending, balance.cleared, balance.settled + balance.reserve)):
                own[index] += amount
    elif ask.order_id is not None and (order := session.get(Order, ask.order_id)) is not None:
        own = sums.setdefault(order.currency, [0, 0, 0])
        for (line_ref, _, _), accounts in queries.posted(session, order.id).items():
            if ask.scope == "line" and line_ref != ask.line_ref:
                continue
            for index, account in enumerate(("creator_pending", "creator_cleared", "creator_settled")):
                own[index] -= accounts.get(account, 0)
    return tuple(Held(currency, *sums[currency]) for currency in sorted(sums))


def _token(ask: Ask, lines: Sequence[_Line]) -> str:
    digest = hashlib.blake2b(repr(ask).encode(), digest_size=12)
    for line in lines:
        digest.update(f"{line.order_id} {line.line_ref} {line.row['state']} {line.row['blocked']}\n".encode())
    return digest.hexdigest()


# --- holding and releasing --------------------------------------------------------------------------------------------


def _hold(session: Session, made: Freeze, lines: Sequence[_Line], as_of: datetime) -> None:
    for part in _parts(lines):
        blocks = [
            {
                "id": new_id("blk"), "order_id": line.order_id, "line_ref": line.line_ref, "shop_id": line.shop_id,
                "kind": frozen.FREEZE, "ref": made.id, "opened_at": as_of, "closed_at": None,
            }
            for line in part
        ]  # fmt: skip
        session.execute(sa.insert(ClearanceBlock), blocks)
        _say(session, part, as_of, add=True)


def _say(session: Session, lines: Sequence[_Line], at: datetime, *, add: bool) -> None:
    """Write into the clearances of lines that haven't cleared that a freeze holds them, or none does any more."""
    past, now = [], []
    for line in lines:
        words = set(line.row["blocked"].split())
        blocked = " ".join(sorted(words | {frozen.FREEZE} if add else words - {frozen.FREEZE}))
        if line.row["state"] == "cleared" or blocked == line.row["blocked"]:
            continue
        past.append(clearance.before(line.order_id, line.line_ref, line.row, at))
        now.append(
            {
                "b_order": line.order_id, "b_line": line.line_ref, "b_clears_at": line.row["clears_at"],
                "b_why": line.row["why"], "b_blocked": blocked, "b_changes": line.row["changes"] + 1, "b_at": at,
            }
        )  # fmt: skip
    if now:
        session.execute(sa.insert(ClearancePast), past)
        session.connection().execute(clearance.UPDATE, now)


def _locked(session: Session, freeze_id: str) -> Freeze:
    query = sa.select(Freeze).where(Freeze.id == freeze_id).with_for_update()
    found = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"no freeze has the id {freeze_id[:40]!r}")
    if found.ended_at is not None:
        raise Conflict(f"It has ended already, at {clock.said(found.ended_at)}.")
    return found


def _end(session: Session, found: Freeze, why: str, by: str, note: str, as_of: datetime) -> None:
    found.ended_at, found.ended_why, found.ended_by, found.note = as_of, why, by, note
    session.execute(
        sa.update(ClearanceBlock)
        .where(ClearanceBlock.kind == frozen.FREEZE, ClearanceBlock.ref == found.id, ClearanceBlock.closed_at.is_(None))
        .values(closed_at=as_of)
    )
    session.flush()
    frozen.changed(session)
    for part in _parts(lines_of(session, found.id)):
        _say(session, _free(session, part), as_of, add=False)
    for creator_id in creators_of(session, found):
        notices.say(session, "freeze.ended", creator_id=creator_id, shop_id=found.shop_id, freeze_id=found.id, how=why)
    audit.record(session, by, "freeze.end", found.id, shop_id=found.shop_id, how=why, note=note)
    session.flush()


def _free(session: Session, keys: Sequence[tuple[str, str]]) -> list[_Line]:
    """Those of the lines that no other freeze holds."""
    order_ids = sorted({order_id for order_id, _ in keys})
    still = {
        (order_id, line_ref)
        for order_id, line_ref in session.execute(
            sa.select(ClearanceBlock.order_id, ClearanceBlock.line_ref).where(
                ClearanceBlock.order_id.in_(order_ids), ClearanceBlock.kind == frozen.FREEZE,
                ClearanceBlock.closed_at.is_(None),
            )
        )
    }  # fmt: skip
    wanted = set(keys) - still
    query = sa.select(
        Clearance.order_id, Clearance.line_ref, Clearance.shop_id, Clearance.clears_at, Clearance.why,
        Clearance.blocked, Clearance.state, Clearance.changes,
    ).where(Clearance.order_id.in_(order_ids)).with_for_update()  # fmt: skip
    return [
        _Line(row["order_id"], row["line_ref"], row["shop_id"], "", row)
        for row in session.execute(query).mappings()
        if (row["order_id"], row["line_ref"]) in wanted
    ]


def _forfeited(session: Session, found: Freeze) -> bool:
    """Did an act take money away that this freeze holds?"""
    held = set(lines_of(session, found.id))
    orders = sorted({order_id for order_id, _ in held})
    for start in range(0, len(orders), _CHUNK):
        query = sa.select(Act.order_id, Act.line_ref).where(
            Act.kind == "forfeit", Act.state == "effective", Act.effective_at >= found.frozen_at,
            Act.order_id.in_(orders[start : start + _CHUNK]),
        )  # fmt: skip
        if any(not line_ref or (order_id, line_ref) in held for order_id, line_ref in session.execute(query)):
            return True
    return False


def _mend(session: Session, as_of: datetime) -> None:
    """A line that was first credited, or evaluated, while its freeze was being made says nothing of it yet."""
    for found in session.scalars(sa.select(Freeze).where(Freeze.ended_at.is_(None))).all():
        ask = Ask(
            found.scope, found.reason, found.creator_id, found.shop_id if found.scope == "creator" else None,  # type: ignore[arg-type]
            found.order_id, found.line_ref,
        )  # fmt: skip
        held = set(lines_of(session, found.id))
        lines = _lines(session, ask, lock=True)
        _hold(session, found, [line for line in lines if (line.order_id, line.line_ref) not in held], as_of)
        silent = [line for line in lines if frozen.FREEZE not in line.row["blocked"].split()]
        _say(session, [line for line in silent if (line.order_id, line.line_ref) in held], as_of, add=True)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
