"""The API's blueprint, and what all its views share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import Response, request

from connector.errors import InputRefused
from connector.web import cursors, problems

blueprint = APIBlueprint("api", __name__, url_prefix="/api/v1")

Row = TypeVar("Row")


@blueprint.before_request
def refuse_unstorable() -> None:
    """NUL in an address is no text on PostgreSQL: said here once, and not by a fault in each query."""
    if "\x00" in request.path or any("\x00" in value for value in request.args.values()):
        raise InputRefused("address", "holds a character that can't be stored.")


@blueprint.errorhandler(RecursionError)
def too_deep(_error: RecursionError) -> Response:
    """JSON nested a thousand deep is no request of ours."""
    return problems.problem(400, "The body can't be read", "Its JSON is nested too deeply.", slug="too-deep")


def id_after(listing: str, cursor: str | None) -> str | None:
    """The id that a page ordered by id goes on behind. Errors: InputRefused("cursor")."""
    if cursor is None:
        return None
    key = cursors.unpack(listing, cursor)
    if len(key) != 1 or not isinstance(key[0], str):
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
    return key[0]


def page(
    listing: str, rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[Any]]
) -> tuple[Sequence[Row], str | None]:
    """The rows of this page and the cursor of the next. Ask the database for `limit + 1` rows."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursors.pack(listing, key(rows[limit - 1]))
