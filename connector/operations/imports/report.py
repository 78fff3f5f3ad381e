"""An import's report: in lines for a terminal, and every row of it as CSV for whoever corrects the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session

from connector.operations.imports import run
from connector.operations.imports.rows import SHAPES
from connector.operations.imports.tables import Import, ImportRow
from connector.operations.imports.take import cells
from connector.web import words

WORDS = {
    "unread": "being read", "new": "would be taken", "taken": "taken", "same": "here already", "conflict": "conflict",
    "refused": "refused",
}  # fmt: skip
ORDER = ("unread", "taken", "new", "same", "conflict", "refused")


def lines(session: Session, row: Import, *, shown: int = 20) -> Iterator[str]:
    """The report for a terminal: counts, what stands against rows with the first of them, what to do next."""
    came = run.counts(session, row.id)
    yield f"{row.id}  {row.kind} of {row.file_name or 'a file'}: {row.rows} rows"
    yield "  " + ", ".join(
        f"{came.get(name, 0)} {WORDS[name]}" for name in ORDER if name not in ("taken", "unread") or came.get(name)
    )
    if row.unused:
        yield f"  columns not used: {', '.join(row.unused)}"
    for outcome, reason, number in run.reasons(session, row.id):
        yield f"{number:8}  {WORDS[outcome]}: {words.reason(reason, 'support')} [{reason}]"
        said = words.remedy(reason)
        if said:
            yield f"          {said}"
    for outcome in ("conflict", "refused"):
        found = run.rows_of(session, row.id, outcome=outcome, limit=shown)
        for each in found:
            yield f"          row {each.number}, {each.field or 'the row'}: {each.detail}"
        if came.get(outcome, 0) > len(found):
            yield f"          and {came[outcome] - len(found)} more {WORDS[outcome]}"
    if row.status != "taken":
        yield f"  token {row.token}"


def columns(kind: str) -> tuple[str, ...]:
    return ("row", "outcome", "reason", "field", "detail", "remedy", *SHAPES[kind].columns, "became")


def as_csv(session: Session, row: Import) -> Iterator[str]:
    """Every row with its outcome, and the file's own columns behind it: to be corrected and brought again."""
    yield _line(columns(row.kind))
    for rows in run.every_row(session, row.id):
        yield "".join(_line(_cells(row.kind, each)) for each in rows)


def _cells(kind: str, row: ImportRow) -> list[str]:
    read = cells(kind, row.said)
    own = [read.get(name, "") for name in SHAPES[kind].columns]
    head = [str(row.number), WORDS[row.outcome], row.reason, row.field, row.detail, words.remedy(row.reason)]
    return [*head, *own, row.result_id]


def _line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_defused(value) for value in values])
    return out.getvalue()


def _defused(value: str) -> str:
    """A cell that a spreadsheet would reckon with is text; a sum below zero is a number and stays one."""
    if value[:1] in ("=", "+", "@", "\t", "\r") or (value[:1] == "-" and not value[1:].replace(".", "", 1).isdigit()):
        return "'" + value
    return value
