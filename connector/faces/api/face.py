"""The API's blueprint, and what all its views share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel

from connector.errors import InputRefused
from connector.faces.api.shapes import LongPage
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
    key = key_after(listing, cursor, str)
    return None if key is None else str(key[0])


def key_after(listing: str, cursor: str | None, *kinds: type) -> cursors.Key | None:
    """The key that a page goes on behind, its parts of these kinds. Errors: InputRefused("cursor")."""
    if cursor is None:
        return None
    key = cursors.unpack(listing, cursor)
    if len(key) != len(kinds) or not all(map(isinstance, key, kinds)):
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
    return key


def page(
    listing: str, rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[Any]]
) -> tuple[Sequence[Row], str | None]:
    """The rows of this page and the cursor of the next. Ask the database for `limit + 1` rows."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursors.pack(listing, key(rows[limit - 1]))


def paged(listing: str, *, asked: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Right over a view that reads its whole list, which is never long: given out a page at a time, in its own order.

    `asked`: the view has an input of its own, which is a page too. A page begins behind the row that the cursor names.
    Errors: InputRefused("cursor") when that row isn't in the list any more.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def sliced(*args: Any, query_data: Any, **named: Any) -> Any:
            whole = view(*args, **named, **({"query_data": query_data} if asked else {}))
            names = [_name(row) for row in whole.items]
            start = 0
            if query_data.cursor is not None:
                key = cursors.unpack(listing, query_data.cursor)
                if len(key) != 1 or key[0] not in names:
                    raise InputRefused("cursor", "names a row that isn't in the list.", "Start again without a cursor.")
                start = names.index(str(key[0])) + 1
            end = start + query_data.limit
            more = cursors.pack(listing, [names[end - 1]]) if end < len(names) else None
            return whole.model_copy(update={"items": whole.items[start:end], "next": more})

        return sliced if asked else blueprint.input(LongPage, location="query")(sliced)

    return decorate


def _name(row: BaseModel) -> str:
    """A row's id, or what it says where it has none."""
    own = getattr(row, "id", None)
    return str(own) if own else hashlib.blake2b(row.model_dump_json().encode(), digest_size=12).hexdigest()
