"""How each field of the Admin schema subset is read from the stored documents.

One registry serves both the live API (graphql-core) and the bulk export (a compiled projection): a field without a
function here is the document's value of the same name in snake_case. `id` becomes a gid of its type.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from sandbox.shopify import search
from sandbox.store.clock import Clock
from sandbox.store.state import Doc, State

API_VERSION = "2026-10"


@dataclass
class Call:
    """What a resolver may know of the request it serves."""

    state: State
    clock: Clock
    shop: Doc
    scopes: frozenset[str]
    origin: str  # http://127.0.0.1:P/shops/{shop}
    services: Any  # the running sandbox: bulk, subscriptions, oauth
    warnings: list[Doc] = field(default_factory=list)

    def has(self, scope: str) -> bool:
        return scope in self.scopes or scope.replace("read_", "write_") in self.scopes

    def require(self, scope: str, name: str) -> None:
        """Raise Shopify's ACCESS_DENIED for a field when the grant has not the scope (write_x implies read_x)."""
        if self.has(scope):
            return
        wanted = f"`{scope}` access scope."
        raise GraphQLError(
            f"Access denied for {name} field. Required access: {wanted}",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes",
                "requiredAccess": wanted,
            },
        )


Resolver = Callable[[Any, Call, dict[str, Any]], Any]
RESOLVERS: dict[tuple[str, str], Resolver] = {}


def resolves(type_name: str, *names: str) -> Callable[[Resolver], Resolver]:
    def keep(function: Resolver) -> Resolver:
        for name in names:
            RESOLVERS[type_name, name] = function
        return function

    return keep


def reads(type_name: str, fields: dict[str, Callable[[Doc], Any]]) -> None:
    """Fields of a type that need nothing but the document."""

    def one(read: Callable[[Doc], Any]) -> Resolver:
        return lambda source, _call, _arguments: read(source)

    for name, read in fields.items():
        RESOLVERS[type_name, name] = one(read)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def plain(type_name: str, name: str) -> Resolver:
    """The resolver of a field that has none of its own."""
    key = snake(name)
    if name == "id":
        return lambda source, _call, _arguments: (
            source["id"] if isinstance(source["id"], str) else f"gid://shopify/{type_name}/{source['id']}"
        )
    if name == "legacyResourceId":
        return lambda source, _call, _arguments: str(source["id"])
    if name == key:
        return lambda source, _call, _arguments: source.get(name)
    return lambda source, _call, _arguments: source[key] if key in source else source.get(name)


def number_of(identifier: str, kind: str) -> int | None:
    """The number in gid://shopify/{kind}/{number}; None when it is another kind's or no gid."""
    match = re.fullmatch(rf"gid://shopify/{kind}/(\d+)", identifier)
    return int(match.group(1)) if match else None


# --- connections --------------------------------------------------------------------------------------------------


# The arguments that the bulk export gives: all nodes, no pages.
EVERYTHING: dict[str, Any] = {}


def cursor(value: Doc) -> str:
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def read_cursor(text: str) -> Doc:
    try:
        value = json.loads(base64.b64decode(text, validate=True))
        if isinstance(value, dict):
            return value
    except ValueError:
        pass
    raise GraphQLError(f"Invalid cursor for current pagination sort: {text}", extensions={"code": "BAD_REQUEST"})


def page_size(arguments: dict[str, Any]) -> int:
    size = arguments.get("first") if arguments.get("first") is not None else arguments.get("last")
    if size is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    if not 0 <= size <= 250:
        raise GraphQLError(f"first must be between 0 and 250, was {size}", extensions={"code": "BAD_REQUEST"})
    return int(size)


def pages(rows: list[Doc], keys: list[Doc], has_next: bool, has_previous: bool) -> Doc:
    cursors = [cursor(key) for key in keys]
    return {
        "nodes": rows,
        "edges": [{"cursor": c, "node": row} for c, row in zip(cursors, rows, strict=True)],
        "page_info": {
            "has_next_page": has_next,
            "has_previous_page": has_previous,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
    }


def connection(rows: list[Doc], arguments: dict[str, Any]) -> Doc:
    """A connection over a list in memory; the cursor is the place in the list."""
    if arguments is EVERYTHING:
        return {"nodes": rows}
    if arguments.get("reverse"):
        rows = rows[::-1]
    start = read_cursor(arguments["after"])["at"] + 1 if arguments.get("after") else 0
    stop = read_cursor(arguments["before"])["at"] if arguments.get("before") else len(rows)
    size = page_size(arguments)
    if arguments.get("first") is not None:
        stop = min(stop, start + size)
    else:
        start = max(start, stop - size)
    picked = rows[start:stop]
    return pages(picked, [{"at": start + n} for n in range(len(picked))], stop < len(rows), start > 0)


def table_connection(
    call: Call, table: str, columns: dict[str, str], sort: str, arguments: dict[str, Any], extra: str = "1"
) -> Doc:
    """A connection over a table of the shop by keyset: the cursor is the last row's sort value and id."""
    size = page_size(arguments)
    where = search.to_sql(arguments.get("query"), columns)
    if where.warnings:
        call.warnings.append({"path": [table], "query": arguments.get("query"), "warnings": where.warnings})
    backwards = arguments.get("first") is None
    descending = bool(arguments.get("reverse")) != backwards
    clauses, parameters = [f"shop = ? AND {extra} AND ({where.sql})"], [call.shop["name"], *where.parameters]
    for name, further in (("after", not bool(arguments.get("reverse"))), ("before", bool(arguments.get("reverse")))):
        if arguments.get(name):
            last = read_cursor(arguments[name])
            clauses.append(f"({sort}, id) {'>' if further else '<'} (?, ?)")
            parameters += [last.get("last_value"), last.get("last_id")]
    direction = "DESC" if descending else "ASC"
    sql = (
        f"SELECT id, {sort}, doc FROM {table} WHERE {' AND '.join(clauses)}"
        f" ORDER BY {sort} {direction}, id {direction} LIMIT ?"
    )
    with call.state.lock:
        found = call.state.con.execute(sql, [*parameters, size + 1]).fetchall()
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    keys = [{"last_id": row[0], "last_value": row[1]} for row in found]
    has_next = bool(arguments.get("before")) if backwards else more
    has_previous = more if backwards else bool(arguments.get("after"))
    return pages([json.loads(row[2]) for row in found], keys, has_next, has_previous)


def table_count(call: Call, table: str, columns: dict[str, str], arguments: dict[str, Any], extra: str = "1") -> Doc:
    where = search.to_sql(arguments.get("query"), columns)
    with call.state.lock:
        row = call.state.con.execute(
            f"SELECT count(*) FROM {table} WHERE shop = ? AND {extra} AND ({where.sql})",
            [call.shop["name"], *where.parameters],
        ).fetchone()
    return {"count": row[0], "precision": "EXACT"}
