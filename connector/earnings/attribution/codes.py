"""Creators' codes: whose a code is at a moment, and whether it counts. Dated records; a code never moves silently.

A code is one however it is typed, and one in its shop. It is made for a creator, may end, and goes to another creator
only by `move`, with a reason that stays beside it. Nothing of it is backdated: orders were decided by what stood.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.shops import queries as shops
from connector.db import new_id
from connector.earnings.attribution.rules import CreatorCode
from connector.earnings.attribution.tables import Code, CodeRecord
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.creators import queries as creators

LONGEST = 64
OWNERSHIP = ("owned", "ended")
LEAK = ("leaked", "cleared")

# Built once: orders with a code on them come all day.
_OF_ORDER = (
    sa.select(
        Code.id, Code.text, CodeRecord.kind, CodeRecord.creator_id, CodeRecord.starts_at, CodeRecord.recorded_at,
        CodeRecord.act_id,
    )
    .join(CodeRecord, CodeRecord.code_id == Code.id)
    .where(
        Code.shop_id == sa.bindparam("shop_id"),
        Code.text.in_(sa.bindparam("texts", expanding=True)),
        CodeRecord.starts_at <= sa.bindparam("moment"),
    )
    .order_by(CodeRecord.id)
)  # fmt: skip


class State(msgspec.Struct, frozen=True):
    """A code as it stands at a moment. `owned` and `leak` are the records that say so."""

    code_id: str
    shop_id: str
    text: str
    shown: str
    creator_id: str | None  # None: nobody's (any more)
    leaked: bool
    owned: CodeRecord | None
    leak: CodeRecord | None

    @property
    def word(self) -> Literal["active", "leaked", "ended"]:
        """active | leaked | ended."""
        return "ended" if self.creator_id is None else "leaked" if self.leaked else "active"


def canonical(typed: str) -> str:
    """NFKC, case-folded, without blanks around it: `Mira10` and `ＭＩＲＡ10` are one code."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold()).strip()


def checked(typed: str) -> str:
    """Errors: InputRefused for what a store's checkout wouldn't take as a code."""
    text = canonical(typed)
    if not text:
        raise InputRefused("code", "is empty.", "Send the code as buyers type it, like MIRA10.")
    if len(text) > LONGEST:
        raise InputRefused("code", f"is longer than {LONGEST} characters.")
    if not text.isprintable() or "," in text:
        raise InputRefused("code", "has a comma or a sign that can't be typed.", "Use letters, digits and dashes.")
    return text


def create(
    session: Session, shop_id: str, creator_id: str, typed: str, *, by: str, why: str = "created",
    starts_at: datetime | None = None, now: datetime | None = None,
) -> Code:  # fmt: skip
    """A creator's code from `starts_at` (default: now) on. The same again is the same code.

    Errors: NotFound (shop, creator); InputRefused for a code or a start that can't be; Conflict when it is, or was,
    another creator's.
    """
    now = now or clock.now()
    starts = _from(starts_at, now)
    text = checked(typed)
    shops.get(session, shop_id)
    creators.get(session, creator_id)
    code = session.scalar(sa.select(Code).where(Code.shop_id == shop_id, Code.text == text))
    if code is None:
        code = Code(
            id=new_id("cod"), shop_id=shop_id, text=text, shown=typed.strip()[:LONGEST], created_at=now, created_by=by
        )
        session.add(code)
        session.flush()
        _record(session, code, "owned", creator_id, starts, now, by, why)
        return code
    last = _last(session, code.id, OWNERSHIP)
    if last is None or last.creator_id != creator_id:
        before = _last_owner(session, code.id)
        if before != creator_id:
            raise Conflict(
                f"code {code.id} belongs or belonged to creator {before}",
                public=f"The code {code.shown} is another creator's in this shop, or was. A code never moves by "
                "itself: take another one, or move this one and say why.",
            )
        _record(session, code, "owned", creator_id, _after(last, starts), now, by, why)
    return code


def create_all(
    session: Session, shop_id: str, wanted: Sequence[tuple[str, str]], *, by: str, why: str, now: datetime
) -> list[str]:
    """Codes for (creator, as typed) pairs, each of another text: their ids, in that order. New ones in two statements.

    The caller has seen that the shop and the creators are there. Errors: as `create`, of the first that can't be.
    """
    texts = [checked(typed) for _, typed in wanted]
    asked = sa.select(Code.text, Code.id).where(Code.shop_id == shop_id, Code.text.in_(texts))
    known = {text: code_id for text, code_id in session.execute(asked)}  # noqa: C416
    made: dict[str, str] = {}
    rows, records = [], []
    for (creator_id, typed), text in zip(wanted, texts, strict=True):
        if text in known:
            made[text] = create(session, shop_id, creator_id, typed, by=by, why=why, now=now).id
            continue
        made[text] = new_id("cod")
        shown = typed.strip()[:LONGEST]
        rows.append(
            {"id": made[text], "shop_id": shop_id, "text": text, "shown": shown, "created_at": now, "created_by": by}
        )
        records.append(
            {
                "id": new_id("crd"), "code_id": made[text], "kind": "owned", "creator_id": creator_id,
                "starts_at": now, "recorded_at": now, "recorded_by": by, "why": why, "evidence": {}, "act_id": None,
            }
        )  # fmt: skip
    if rows:
        session.connection().execute(sa.insert(Code), rows)
        session.connection().execute(sa.insert(CodeRecord), records)
    return [made[text] for text in texts]


def move(
    session: Session, code_id: str, creator_id: str, *, by: str, why: str, starts_at: datetime | None = None,
    now: datetime | None = None,
) -> Code:  # fmt: skip
    """Give a code to another creator from `starts_at` (default: now) on. Orders before keep whose it was.

    Errors: NotFound; InputRefused without a reason, or for a start that has passed.
    """
    now = now or clock.now()
    code = get(session, code_id)
    creators.get(session, creator_id)
    _record(session, code, "owned", creator_id, _after(_last(session, code_id, OWNERSHIP), _from(starts_at, now)), now,
            by, _said(why))  # fmt: skip
    return code


def end(
    session: Session, code_id: str, *, by: str, why: str, starts_at: datetime | None = None, now: datetime | None = None
) -> Code:
    """It is nobody's from `starts_at` (default: now) on; ended already: nothing happens. Errors: as `move`."""
    now = now or clock.now()
    code = get(session, code_id)
    last = _last(session, code_id, OWNERSHIP)
    if last is None or last.kind != "ended":
        _record(session, code, "ended", None, _after(last, _from(starts_at, now)), now, by, _said(why))
    return code


def mark(
    session: Session, code: Code, kind: str, *, by: str, why: str, now: datetime,
    evidence: Mapping[str, Any] | None = None, since: datetime | None = None, act_id: str | None = None,
) -> CodeRecord:  # fmt: skip
    """Say `leaked` or `cleared` of it, from now on; only an act (F4) may date a leak back, to `since`."""
    if kind not in LEAK:
        raise AssertionError(f"{kind} is said of no code")
    if (since is not None) != (act_id is not None):
        raise AssertionError("a leak is dated back by an act, and by nothing else")
    row = _record(session, code, kind, None, since or now, now, by, _said(why), act_id=act_id)
    row.evidence = dict(evidence or {})
    session.flush()
    return row


def get(session: Session, code_id: str, shop_id: str | None = None) -> Code:
    """Errors: NotFound, for another shop's too."""
    code = session.get(Code, code_id)
    if code is None or (shop_id is not None and code.shop_id != shop_id):
        raise NotFound(f"no code has the id {code_id[:40]!r}")
    return code


def of_order(session: Session, shop_id: str, texts: Collection[str], placed_at: datetime) -> dict[str, CreatorCode]:
    """Those of these canonical texts that were ever a creator's in the shop, as they stood then: one query at most."""
    if not texts:
        return {}
    asked = {"shop_id": shop_id, "texts": sorted(texts), "moment": placed_at}
    rows: dict[str, list[Any]] = {}
    for row in session.connection().execute(_OF_ORDER, asked):
        rows.setdefault(row.text, []).append(row)
    found = {}
    for text, records in rows.items():
        owned = newest(records, OWNERSHIP)
        # A flag holds for orders placed after it was raised.
        leak = newest([record for record in records if record.starts_at < placed_at], LEAK)
        found[text] = CreatorCode(
            code_id=records[0].id, text=text, creator_id=None if owned is None else owned.creator_id,
            leaked=leak is not None and leak.kind == "leaked",
            leak_act=(leak.act_id or "") if leak is not None and leak.kind == "leaked" else "",
        )  # fmt: skip
    return found


def newest(records: Iterable[Any], kinds: Sequence[str]) -> Any:
    """The record that stands, of those that have started. One dated back (by an act) is as new as its writing."""
    mine = [(max(record.starts_at, record.recorded_at), number, record) for number, record in enumerate(records)
            if record.kind in kinds]  # fmt: skip
    return max(mine, key=lambda one: one[:2])[2] if mine else None


def states(session: Session, rows: Sequence[Code], moment: datetime) -> list[State]:
    """How these codes stand at `moment`, in their order: one query."""
    held: dict[str, list[CodeRecord]] = {}
    started = CodeRecord.starts_at <= moment
    asked = sa.select(CodeRecord).where(CodeRecord.code_id.in_([row.id for row in rows]), started)
    for record in session.scalars(asked.order_by(CodeRecord.id)):
        held.setdefault(record.code_id, []).append(record)
    found = []
    for row in rows:
        owned, leak = newest(held.get(row.id, ()), OWNERSHIP), newest(held.get(row.id, ()), LEAK)
        found.append(
            State(
                code_id=row.id,
                shop_id=row.shop_id,
                text=row.text,
                shown=row.shown,
                creator_id=None if owned is None else owned.creator_id,
                leaked=leak is not None and leak.kind == "leaked",
                owned=owned,
                leak=leak,
            )
        )
    return found


def state(session: Session, code: Code, moment: datetime) -> State:
    return states(session, [code], moment)[0]


def history(session: Session, code_id: str) -> Sequence[CodeRecord]:
    """All that was ever said of a code, the newest first."""
    asked = sa.select(CodeRecord).where(CodeRecord.code_id == code_id)
    return session.scalars(asked.order_by(CodeRecord.recorded_at.desc(), CodeRecord.id.desc())).all()


def page(
    session: Session, shop_id: str | None, *, creator_id: str | None = None, after: str | None = None, limit: int
) -> Sequence[Code]:
    """A shop's codes, or a creator's that are or were theirs, in the order in which they were made, after an id."""
    asked = sa.select(Code).order_by(Code.id).limit(limit)
    if shop_id is not None:
        asked = asked.where(Code.shop_id == shop_id)
    if creator_id is not None:
        asked = asked.where(Code.id.in_(sa.select(CodeRecord.code_id).where(CodeRecord.creator_id == creator_id)))
    if after is not None:
        asked = asked.where(Code.id > after)
    return session.scalars(asked).all()


def _record(
    session: Session, code: Code, kind: str, creator_id: str | None, starts_at: datetime, now: datetime, by: str,
    why: str, act_id: str | None = None,
) -> CodeRecord:  # fmt: skip
    row = CodeRecord(
        id=new_id("crd"), code_id=code.id, kind=kind, creator_id=creator_id, starts_at=starts_at, recorded_at=now,
        recorded_by=by, why=why, evidence={}, act_id=act_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _last(session: Session, code_id: str, kinds: Sequence[str]) -> CodeRecord | None:
    """The last one said, whether it has started or not."""
    return session.scalar(
        sa.select(CodeRecord)
        .where(CodeRecord.code_id == code_id, CodeRecord.kind.in_(kinds))
        .order_by(CodeRecord.starts_at.desc(), CodeRecord.id.desc())
        .limit(1)
    )


def _last_owner(session: Session, code_id: str) -> str | None:
    return session.scalar(
        sa.select(CodeRecord.creator_id)
        .where(CodeRecord.code_id == code_id, CodeRecord.kind == "owned")
        .order_by(CodeRecord.starts_at.desc(), CodeRecord.id.desc())
        .limit(1)
    )


def _from(starts_at: datetime | None, now: datetime) -> datetime:
    if starts_at is not None and starts_at < now:
        raise InputRefused("starts_at", "has passed.", "Codes are never backdated: give a time from now on.")
    return starts_at or now


def _after(last: CodeRecord | None, starts_at: datetime) -> datetime:
    """Errors: Conflict when something is said of a later time already: it would be overruled without a word."""
    if last is not None and last.starts_at > starts_at:
        raise Conflict(
            f"code record {last.id} starts at {last.starts_at.isoformat()}",
            public=f"Something is already said of this code from {clock.said(last.starts_at)} on: give a later start.",
        )
    return starts_at


def _said(why: str) -> str:
    why = why.strip()
    if not why:
        raise InputRefused("why", "is empty.", "Say why, in a sentence for whoever asks later.")
    return why[:500]
