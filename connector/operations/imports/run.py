"""An import's two steps: look, which changes nothing but keeps a report, and take, which a person asks for.

    looking   `receive` kept the rows as they stand in the file; `judge_all` judges them, a batch at a time
    looked    the report is whole
    asks      balances above the sum that one person may book alone: a second one looks
    taking    `work` takes what nothing stands against
    taken

Both stream: a batch of rows at a time, each in its own transaction, so that a file of a million rows neither fills the
memory nor holds up the writers of everything else. Taking again after a kill goes on where it stopped; a file that
comes again finds its rows here already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db, jobs, telemetry
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.earnings.payouts import policy
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound
from connector.operations.imports import facts as reading
from connector.operations.imports import take as taking
from connector.operations.imports.judge import Facts, Judged, judge
from connector.operations.imports.rows import Reader, Row, shape
from connector.operations.imports.tables import Import, ImportRow

# Rows of one transaction; parameters of an IN stay far below what either database takes.
BATCH = 500
KEPT = timedelta(days=30)  # of a file that nobody takes
# Files of one shop within a day count together: a large sum isn't split to get round the second person.
TOGETHER = timedelta(hours=24)
# Outcomes that say something about the other rows of the file, and that `judge` alone can't see.
_WITHIN = ("twice_in_file", "contradicts_row")

UNREAD: Literal["unread"] = "unread"  # outcome of a row that wasn't judged yet

Kind = Literal["codes", "links", "balances"]
_log = telemetry.logger(__name__)


class _Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self._hash.update(part)
        return part

    read1 = read

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    @property
    def closed(self) -> bool:
        return False

    def flush(self) -> None:
        """What a text wrapper asks for at its end."""

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def look(
    stream: IO[bytes], *, kind: str, shop_id: str, file_name: str, by: str, now: datetime | None = None
) -> str:  # fmt: skip
    """Judge every row of a file here and now, and keep the report: the import's id. Nothing of it is taken.

    Errors: as `receive`.
    """
    import_id = receive(stream, kind=kind, shop_id=shop_id, file_name=file_name, by=by, now=now)
    judge_all(import_id, shop_id)
    return import_id


def receive(
    stream: IO[bytes], *, kind: str, shop_id: str, file_name: str, by: str, now: datetime | None = None
) -> str:  # fmt: skip
    """Keep the rows of a file as they stand in it, none of them judged: the import's id. `judge_all` goes on.

    Errors: InputRefused("file") when the file can't be told apart; then nothing is kept of it.
    """
    now = now or clock.now()
    shape(kind)
    hashed = _Hashed(stream)
    reader = Reader(hashed, kind)  # type: ignore[arg-type]  # a text wrapper asks for no more than this of its stream
    import_id = _begin(shop_id, kind, file_name, reader.header.unused, by, now)
    try:
        count = 0
        for batch in _batches(iter(reader)):
            with db.write(Scope.shop(shop_id)) as session:
                rows = [_columns(import_id, row, _unread(kind, row)) for row in batch]
                session.connection().execute(sa.insert(ImportRow), rows)
            count += len(batch)
        if not count:
            raise InputRefused("file", "has no rows under its header.")
        with db.write(Scope.shop(shop_id)) as session:
            row = session.get_one(Import, import_id)
            row.rows, row.file_hash = count, hashed.hexdigest()
    except BaseException:
        _forget(shop_id, import_id)
        raise
    return import_id


def _unread(kind: str, row: Row) -> Judged:
    """What is known of a row before anything is looked up: that it can't be told apart, or nothing."""
    return judge(kind, row, Facts()) if row.problem else Judged(UNREAD, said=dict(row.cells))


def judge_all(import_id: str, shop_id: str) -> None:
    """Judge what isn't judged yet, then the rows against each other. Killed, it goes on with the next batch.

    A file that was judged, or is gone, stays as it is.
    """
    with db.read(Scope.shop(shop_id)) as session:
        found = session.get(Import, import_id)
        if found is None or found.status != "looking" or not found.file_hash:
            return
        kind = found.kind
    while _judge_some(import_id, shop_id, kind):
        jobs.check()
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(Import, import_id, with_for_update=True)
        if row.status != "looking":
            return
        _compare_rows(session, import_id)
        row.status, row.token = "looked", _token(session, import_id)
        audit.record(session, row.looked_by, "import.look", import_id, shop_id=shop_id, kind=kind, rows=row.rows)


def _judge_some(import_id: str, shop_id: str, kind: str) -> bool:
    with db.write(Scope.shop(shop_id)) as session:
        unread = rows_of(session, import_id, outcome=UNREAD)
        batch = [Row(row.number, {name: str(value) for name, value in row.said.items()}) for row in unread]
        if not batch:
            return False
        known = reading.gather(session, shop_id, kind, batch)
        rows = [_columns(import_id, row, judge(kind, row, known)) for row in batch]
        session.expunge_all()
        numbers = [row.number for row in batch]
        session.execute(sa.delete(ImportRow).where(ImportRow.import_id == import_id, ImportRow.number.in_(numbers)))
        session.connection().execute(sa.insert(ImportRow), rows)
        return True


@jobs.workflow("imports.look")
def look_job(import_id: str, shop_id: str) -> None:
    """`judge_all`, by a worker. It keeps its own checkpoint, row by row."""
    judge_all(import_id, shop_id)


@jobs.workflow("imports.take")
def take_job(import_id: str, shop_id: str) -> None:
    """`work`, by a worker. Why it took nothing stands with the file."""
    try:
        work(import_id, shop_id)
    except Conflict as conflict:
        _log.info("import.not_taken", import_id=import_id, why=str(conflict))


def _begin(shop_id: str, kind: str, file_name: str, unused: list[str], by: str, now: datetime) -> str:
    import_id = new_id("imp")
    with db.write(Scope.shop(shop_id)) as session:
        session.add(
            Import(
                id=import_id, shop_id=shop_id, kind=kind, file_name=file_name[:200], file_hash="", unused=unused,
                status="looking", rows=0, token="", looked_at=now, looked_by=by, taken_at=None, taken_by=None,
                approved_by=None, note="",
            )
        )  # fmt: skip
    return import_id


def forget_untaken(session: Session, before: datetime, limit: int = 20) -> int:
    """Drop files that were looked at before a moment and never taken, with what their rows say of people; how many."""
    stale = sa.select(Import.id).where(Import.status.in_(("looking", "looked", "asks")), Import.looked_at < before)
    ids = session.scalars(stale.order_by(Import.looked_at).limit(limit)).all()
    session.execute(sa.delete(ImportRow).where(ImportRow.import_id.in_(ids)))
    session.execute(sa.delete(Import).where(Import.id.in_(ids)))
    return len(ids)


def left_unread(session: Session, before: datetime) -> list[tuple[str, str]]:
    """(import, its shop) of files that were brought before a moment, whole, and that nobody has judged since."""
    rows = session.execute(
        sa.select(Import.id, Import.shop_id)
        .where(Import.status == "looking", Import.file_hash != "", Import.looked_at < before)
        .order_by(Import.looked_at)
    )
    return [(import_id, shop_id) for import_id, shop_id in rows]


def _forget(shop_id: str, import_id: str) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        session.execute(sa.delete(ImportRow).where(ImportRow.import_id == import_id))
        session.execute(sa.delete(Import).where(Import.id == import_id))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _columns(import_id: str, row: Row, judged: Judged) -> dict[str, Any]:
    return {
        "import_id": import_id, "number": row.number, "key": judged.key, "said": judged.said or dict(row.cells),
        "meaning": judged.meaning, "outcome": judged.outcome, "reason": judged.reason, "field": judged.field,
        "detail": judged.detail, "result_id": "",
    }  # fmt: skip


# Rows against each other ------------------------------------------------------------------------------------------


def _compare_rows(session: Session, import_id: str) -> None:
    """Rows of one key: saying the same, the first counts; saying different things, none does."""
    for keys in _repeated(session, import_id):
        rows = session.execute(
            sa.select(ImportRow.key, ImportRow.number, ImportRow.meaning, ImportRow.outcome)
            .where(ImportRow.import_id == import_id, ImportRow.key.in_(keys), ImportRow.outcome != "refused")
            .order_by(ImportRow.key, ImportRow.number)
        ).all()
        by_key: dict[str, list[Any]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        changes = [change for same_key in by_key.values() for change in _within(same_key)]
        for number, values in changes:
            session.execute(
                sa.update(ImportRow)
                .where(ImportRow.import_id == import_id, ImportRow.number == number)
                .values(**values)
            )


def _within(rows: Sequence[Any]) -> Iterator[tuple[int, dict[str, str]]]:
    """(row, what becomes of it) for rows of one key, in the file's order."""
    contradicted = len({row.meaning for row in rows}) > 1
    for place, row in enumerate(rows):
        if row.outcome != "new":
            continue
        if contradicted:
            other = next(each.number for each in rows if each.meaning != row.meaning)
            yield (
                row.number,
                {
                    "outcome": "conflict",
                    "reason": "contradicts_row",
                    "detail": f"Row {other} of the file says otherwise.",
                },
            )
        elif place:
            yield (
                row.number,
                {
                    "outcome": "same",
                    "reason": "twice_in_file",
                    "detail": f"Row {rows[0].number} of the file says it already.",
                },
            )


def _repeated(session: Session, import_id: str) -> Iterator[list[str]]:
    last = ""
    while True:
        keys = list(
            session.scalars(
                sa.select(ImportRow.key)
                .where(ImportRow.import_id == import_id, ImportRow.key > last)
                .group_by(ImportRow.key)
                .having(sa.func.count() > 1)
                .order_by(ImportRow.key)
                .limit(BATCH)
            )
        )
        if not keys:
            return
        yield keys
        last = keys[-1]


# Reading the report -----------------------------------------------------------------------------------------------


def get(session: Session, import_id: str) -> Import:
    """Errors: NotFound."""
    row = session.get(Import, import_id)
    if row is None:
        raise NotFound(f"no import has the id {import_id[:40]!r}")
    return row


def newest(session: Session, shop_id: str | None = None, limit: int = 50) -> list[Import]:
    """Imports, newest first; without those whose file is just being read in."""
    query = sa.select(Import).where(Import.file_hash != "").order_by(Import.looked_at.desc(), Import.id.desc())
    if shop_id is not None:
        query = query.where(Import.shop_id == shop_id)
    return list(session.scalars(query.limit(limit)))


def counts(session: Session, import_id: str) -> dict[str, int]:
    """Outcome → rows."""
    rows = session.execute(
        sa.select(ImportRow.outcome, sa.func.count())
        .where(ImportRow.import_id == import_id)
        .group_by(ImportRow.outcome)
    )
    return {outcome: int(number) for outcome, number in rows}


def reasons(session: Session, import_id: str) -> list[tuple[str, str, int]]:
    """(outcome, reason, rows) of what is not clean, the commonest first."""
    number = sa.func.count()
    rows = session.execute(
        sa.select(ImportRow.outcome, ImportRow.reason, number)
        .where(ImportRow.import_id == import_id, ImportRow.reason != "")
        .group_by(ImportRow.outcome, ImportRow.reason)
        .order_by(number.desc(), ImportRow.reason)
    )
    return [(outcome, reason, int(number)) for outcome, reason, number in rows]


def rows_of(session: Session, import_id: str, *, outcome: str = "", after: int = 0, limit: int = 0) -> list[ImportRow]:
    """Rows by their number, behind one; a batch of them without a limit."""
    query = sa.select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.number > after)
    if outcome:
        query = query.where(ImportRow.outcome == outcome)
    return list(session.scalars(query.order_by(ImportRow.number).limit(limit or BATCH)))


def every_row(session: Session, import_id: str, outcome: str = "") -> Iterator[list[ImportRow]]:
    """All rows in batches; what was read is let go of."""
    last = 0
    while rows := rows_of(session, import_id, outcome=outcome, after=last):
        yield rows
        last = rows[-1].number
        session.expunge_all()


def _token(session: Session, import_id: str) -> str:
    """A hash of what the report says of every row."""
    sums, last = hashlib.blake2b(digest_size=12), 0
    asked = sa.select(
        ImportRow.number, ImportRow.key, ImportRow.meaning, ImportRow.outcome, ImportRow.reason, ImportRow.detail
    )
    asked = asked.where(ImportRow.import_id == import_id).order_by(ImportRow.number).limit(BATCH)
    while rows := session.execute(asked.where(ImportRow.number > last)).all():
        for row in rows:
            sums.update(repr(tuple(row)).encode())
        last = rows[-1].number
    return sums.hexdigest()


# Taking -----------------------------------------------------------------------------------------------------------


def take(import_id: str, shop_id: str, token: str, *, by: str, now: datetime | None = None) -> dict[str, int]:
    """Take the rows that nothing stands against, here and now; what became of all rows.

    First everything is judged anew: where a row comes out otherwise than in the report that `token` names, nothing is
    taken and the report is written anew. From then on each row is judged once more in the transaction that takes it.
    Errors: as `agree`; Conflict when a second person has to look, or when something changed since the report.
    """
    if agree(import_id, shop_id, token, by=by, now=now) == "asks":
        raise Conflict(
            "a second person has to look",
            public=f"Its sum asks for a second person: somebody else approves {import_id} in the console.",
        )
    return work(import_id, shop_id, now=now)


def agree(import_id: str, shop_id: str, token: str, *, by: str, now: datetime | None = None) -> str:
    """A person has seen the report that `token` names: the status, `taking` (then `work` goes on) or `asks`.

    Errors: NotFound; Conflict when it was taken already, isn't read yet, waits, or has another report by now.
    """
    with db.write(Scope.shop(shop_id)) as session:
        row = _of_shop(session, import_id, shop_id)
        if row.status == "taken":
            raise Conflict(
                "taken already", public="This file was taken already. Bring it again to see that all is there."
            )
        if row.status == "looking":
            raise Conflict("not looked at yet", public="This file isn't read to its end yet.")
        if row.status == "asks":
            raise Conflict("waits", public="This file waits for a second person.")
        if row.token != token:
            raise Conflict("another report", public="This is not the newest report of this file. Look at it again.")
        if row.status == "looked":
            row.taken_by, row.note = by, ""
            row.status = "asks" if needs_second(session, row, now or clock.now()) else "taking"
            if row.status == "asks":
                audit.record(session, by, "import.ask", import_id, shop_id=shop_id, kind=row.kind)
        return row.status


def needs_second(session: Session, row: Import, now: datetime) -> bool:
    """Do the file's new balances, with those of the shop that one person took within a day, pass the sum of one person?

    Codes and links move no money.
    """
    if row.kind != "balances":
        return False
    # FOR NO KEY UPDATE: two files of one shop at once would each not see the other's sums. SQLite has one writer.
    session.execute(sa.select(Shop.id).where(Shop.id == row.shop_id).with_for_update(key_share=True))
    coming = _sums(session, sa.and_(Import.id == row.id, ImportRow.outcome == "new"))
    recent = sa.or_(Import.status == "taking", Import.taken_at > now - TOGETHER)
    before = _sums(
        session,
        sa.and_(
            Import.shop_id == row.shop_id, Import.kind == "balances", Import.id != row.id, Import.approved_by.is_(None),
            Import.status.in_(("taking", "taken")), recent, ImportRow.outcome.in_(("new", "taken")),
        ),
    )  # fmt: skip
    return any(policy.current().needs_second(total + before.get(each, 0), each) for each, total in coming.items())


def _sums(session: Session, of: sa.ColumnElement[bool]) -> dict[str, int]:
    """Currency → what rows of balances come to in minor units; what is owed by a creator counts as much as to one."""
    currency = ImportRow.said["currency"].as_string()
    amount = sa.cast(ImportRow.said["amount"].as_string(), sa.BigInteger)
    query = sa.select(currency, sa.func.sum(sa.func.abs(amount))).join(Import, Import.id == ImportRow.import_id)
    return {str(code): int(total or 0) for code, total in session.execute(query.where(of).group_by(currency))}


def approve(import_id: str, shop_id: str, token: str, *, by: str) -> None:
    """The second person has seen the report too: `work` goes on.

    Errors: NotFound; NotAllowed for whoever asked; Conflict when it doesn't wait, or has another report by now.
    """
    with db.write(Scope.shop(shop_id)) as session:
        row = _of_shop(session, import_id, shop_id)
        if row.status != "asks":
            raise Conflict("does not wait", public="This file doesn't wait for a second person.")
        if row.taken_by == by:
            raise NotAllowed("who asks for it approves it", public="Somebody else has to approve: you asked for it.")
        if row.token != token:
            raise Conflict("another report", public="This is not the newest report of this file. Look at it again.")
        row.status, row.approved_by = "taking", by
        audit.record(session, by, "import.approve", import_id, shop_id=shop_id, kind=row.kind, asked_by=row.taken_by)


def refuse(import_id: str, shop_id: str, *, by: str) -> None:
    """Not taken after all: the report stands, and may be agreed to again. Errors: NotFound; Conflict."""
    with db.write(Scope.shop(shop_id)) as session:
        row = _of_shop(session, import_id, shop_id)
        if row.status != "asks":
            raise Conflict("does not wait", public="This file doesn't wait for a second person.")
        row.status, row.note = "looked", "Somebody else looked at it and said no."
        audit.record(session, by, "import.refuse", import_id, shop_id=shop_id, kind=row.kind, asked_by=row.taken_by)


def work(import_id: str, shop_id: str, now: datetime | None = None) -> dict[str, int]:
    """Take a file that was agreed to; what became of all rows. Done again after a kill it goes on.

    Errors: NotFound; Conflict when it wasn't agreed to, or when something changed since its report: then nothing is
    taken, and the report is new.
    """
    now = now or clock.now()
    with db.read(Scope.shop(shop_id)) as session:
        row = _of_shop(session, import_id, shop_id)
        kind, status, by = row.kind, row.status, row.taken_by or "connector"
        begun = counts(session, import_id).get("taken", 0)
    if status == "taken":
        with db.read(Scope.shop(shop_id)) as session:
            return counts(session, import_id)
    if status != "taking":
        raise Conflict("nobody agreed to it", public="Nobody has agreed to this file's report yet.")
    if not begun and _look_again(import_id, shop_id, kind):
        said = "Something changed since the report was made: nothing was taken. The report is new; look again."
        with db.write(Scope.shop(shop_id)) as session:
            row = get(session, import_id)
            row.status, row.note, row.taken_by, row.approved_by = "looked", said, None, None
        raise Conflict("facts moved", public=said)
    _take_rows(import_id, shop_id, kind, by, now)
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get_one(Import, import_id, with_for_update=True)
        came = counts(session, import_id)
        if row.status == "taking":
            row.status, row.taken_at = "taken", now
            audit.record(
                session, by, "import.take", import_id, shop_id=shop_id, kind=kind, taken=came.get("taken", 0),
                same=came.get("same", 0), conflict=came.get("conflict", 0), refused=came.get("refused", 0),
            )  # fmt: skip
        return came


def _of_shop(session: Session, import_id: str, shop_id: str) -> Import:
    row = session.get(Import, import_id, with_for_update=True)
    if row is None or row.shop_id != shop_id:
        raise NotFound(f"no import of this shop has the id {import_id[:40]!r}")
    return row


def _look_again(import_id: str, shop_id: str, kind: str) -> bool:
    """Judge all rows anew and write down what changed; did anything?"""
    moved, last = False, 0
    while True:
        with db.write(Scope.shop(shop_id)) as session:
            rows = rows_of(session, import_id, after=last)
            if not rows:
                break
            last = rows[-1].number
            moved |= bool(_rejudge(session, shop_id, kind, rows))
    if moved:
        with db.write(Scope.shop(shop_id)) as session:
            _compare_rows(session, import_id)
            session.get_one(Import, import_id).token = _token(session, import_id)
    return moved


def _rejudge(session: Session, shop_id: str, kind: str, rows: Sequence[ImportRow]) -> list[ImportRow]:
    """Bring rows up to date with what stands now; those that came out otherwise."""
    judged = {row.number: judged for row, judged in _judged(session, shop_id, kind, rows)}
    moved = []
    for row in rows:
        fresh = judged.get(row.number)
        if fresh is None or (row.reason in _WITHIN and fresh.outcome == "new"):
            continue
        if (row.outcome, row.reason, row.detail) != (fresh.outcome, fresh.reason, fresh.detail):
            row.outcome, row.reason, row.field, row.detail = fresh.outcome, fresh.reason, fresh.field, fresh.detail
            moved.append(row)
    return moved


def _judged(session: Session, shop_id: str, kind: str, rows: Sequence[ImportRow]) -> Iterator[tuple[ImportRow, Judged]]:
    """Rows with their judgement; one whose cells could not be read stays as it is."""
    asked = [(row, Row(row.number, _cells(kind, row.said))) for row in rows if row.reason != "cells_unclear"]
    known = reading.gather(session, shop_id, kind, [cells for _, cells in asked])
    for row, cells in asked:
        yield row, judge(kind, cells, known)


def _cells(kind: str, said: dict[str, Any]) -> dict[str, str]:
    """The cells of a kept row as they would stand in a file again."""
    return taking.cells(kind, said)


def _take_rows(import_id: str, shop_id: str, kind: str, by: str, now: datetime) -> None:
    last = 0
    while True:
        with db.write(Scope.shop(shop_id)) as session:
            rows = rows_of(session, import_id, outcome="new", after=last)
            if not rows:
                return
            last = rows[-1].number
            moved = {row.number for row in _rejudge(session, shop_id, kind, rows)}
            clean = [row for row in rows if row.number not in moved]
            taking.take(session, shop_id, kind, import_id, clean, by=by, now=now)
