"""Bulk operations: a query without variables runs in the background and its answer is a JSONL file.

The query is checked by Shopify's rules, compiled once into plain projections (graphql-core would take a hundred times
as long), and streamed: products and variants are merged by product id, lines of children wait in a buffer and leave it
at random, so they come after their parent but far from it. Memory is bounded by that buffer.
Source: shopify.dev/docs/api/usage/bulk-operations/queries, read 2026-11.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    parse,
    validate,
    value_from_ast_untyped,
)

from sandbox.shopify import search
from sandbox.shopify.deliveries import Deliveries
from sandbox.shopify.fields import EVERYTHING, RESOLVERS, Call, Resolver, snake
from sandbox.shopify.graph import resolver_of
from sandbox.shopify.nodes import orders_since
from sandbox.store import wire
from sandbox.store.clock import Clock
from sandbox.store.misbehaviour import Misbehaviour
from sandbox.store.state import Doc, State

log = logging.getLogger("sandbox.bulk")

MOST_AT_A_TIME = 5
MOST_CONNECTIONS = 5
DEEPEST = 2
BUFFERED_LINES = 20_000
ROOTS = ("products", "productVariants", "orders")
STORED_TYPES = ("Product", "ProductVariant", "Order")  # their documents have every field by its name in snake_case


class QueryRefused(ValueError):
    """A bulk query that breaks one of Shopify's rules; the message is the userError's."""


# --- compiling a query --------------------------------------------------------------------------------------------


@dataclass
class Plan:
    """What a selection set takes from a document of one type."""

    direct: list[tuple[str, str]] = field(default_factory=list)  # answer key, document key
    computed: list[tuple[str, Callable[[Any, Call], Any]]] = field(default_factory=list)
    connections: list[tuple[Resolver, SelectionSetNode, str]] = field(default_factory=list)

    def read(self, source: Doc, call: Call) -> Doc:
        made = {key: source.get(name) for key, name in self.direct}
        for key, read in self.computed:
            made[key] = read(source, call)
        return made


class Projection:
    """Selection sets turned into plans: values in place, connections apart."""

    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.schema = schema
        self.fragments = fragments
        self._plans: dict[tuple[int, str], Plan] = {}

    def plan(self, selection: SelectionSetNode, type_name: str) -> Plan:
        """The plan for a concrete type; made once per selection set and type."""
        key = (id(selection), type_name)
        if key not in self._plans:
            self._plans[key] = Plan()
            self._collect(selection, type_name, self._plans[key])
        return self._plans[key]

    def _collect(self, selection: SelectionSetNode, type_name: str, plan: Plan) -> None:
        named = self.schema.type_map[type_name]
        assert isinstance(named, GraphQLObjectType)
        for chosen in selection.selections:
            if isinstance(chosen, FragmentSpreadNode):
                definition = self.fragments[chosen.name.value]
                if self._applies(definition.type_condition.name.value, named):
                    self._collect(definition.selection_set, type_name, plan)
            elif isinstance(chosen, InlineFragmentNode):
                if chosen.type_condition is None or self._applies(chosen.type_condition.name.value, named):
                    self._collect(chosen.selection_set, type_name, plan)
            elif isinstance(chosen, FieldNode):
                self._field(chosen, type_name, named, plan)

    def _applies(self, condition: str, named: GraphQLObjectType) -> bool:
        wanted = self.schema.type_map[condition]
        if isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(wanted, named)
        return condition == named.name

    def _field(self, chosen: FieldNode, type_name: str, named: GraphQLObjectType, plan: Plan) -> None:
        name = chosen.name.value
        key = chosen.alias.value if chosen.alias else name
        if name == "__typename":
            plan.computed.append((key, lambda _source, _call: type_name))
            return
        definition = named.fields[name]
        target = get_named_type(definition.type)
        resolver = resolver_of(type_name, name)
        arguments = {a.name.value: value_from_ast_untyped(a.value) for a in chosen.arguments or ()}
        if target.name.endswith("Connection"):
            node_type = get_named_type(target.fields["nodes"].type)
            plan.connections.append((resolver, node_selection(chosen), node_type.name))
        elif chosen.selection_set is not None:
            nested = self._nested(resolver, arguments, chosen.selection_set, target.name, _is_list(definition.type))
            plan.computed.append((key, nested))
        elif _is_stored(type_name, name):
            plan.direct.append((key, snake(name)))
        else:
            plan.computed.append((key, lambda source, call: resolver(source, call, arguments)))

    def _nested(
        self, resolver: Resolver, arguments: Doc, selection: SelectionSetNode, type_name: str, is_list: bool
    ) -> Callable[[Any, Call], Any]:
        def read(source: Any, call: Call) -> Any:
            value = resolver(source, call, arguments)
            if value is None:
                return None
            if is_list:
                return [self.object(selection, row, type_name, call) for row in value]
            return self.object(selection, value, type_name, call)

        return read

    def object(self, selection: SelectionSetNode, source: Any, type_name: str, call: Call) -> Doc:
        return self.plan(selection, source.get("__typename", type_name)).read(source, call)


def _is_stored(type_name: str, name: str) -> bool:
    """Whether the field is simply the document's value of the same name."""
    return type_name in STORED_TYPES and (type_name, name) not in RESOLVERS and name not in ("id", "legacyResourceId")


def _is_list(type_: Any) -> bool:
    while isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    return isinstance(type_, GraphQLList)


def node_selection(chosen: FieldNode) -> SelectionSetNode:
    """The selection set of edges { node { … } } or nodes { … }. Raises QueryRefused without one."""
    for inner in chosen.selection_set.selections if chosen.selection_set else ():
        if isinstance(inner, FieldNode) and inner.name.value == "nodes" and inner.selection_set:
            return inner.selection_set
        if isinstance(inner, FieldNode) and inner.name.value == "edges" and inner.selection_set:
            for deeper in inner.selection_set.selections:
                if isinstance(deeper, FieldNode) and deeper.name.value == "node" and deeper.selection_set:
                    return deeper.selection_set
    raise QueryRefused(f"The connection field {chosen.name.value} must select edges and node.")


class BulkQuery:
    """A checked bulk query: its root connection and its projection.

    Raises QueryRefused where Shopify answers with a userError.
    """

    def __init__(self, schema: GraphQLSchema, text: str) -> None:
        try:
            document = parse(text)
        except GraphQLError as error:
            raise QueryRefused(f"Invalid bulk query: {error.message}") from error
        errors = validate(schema, document)
        if errors:
            raise QueryRefused("Invalid bulk query: " + "; ".join(error.message for error in errors))
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        if len(operations) != 1 or operations[0].operation.value != "query":
            raise QueryRefused("Bulk queries must contain exactly one query operation.")
        operation = operations[0]
        if operation.variable_definitions:
            raise QueryRefused("Bulk queries cannot use variables.")
        tops = [s for s in operation.selection_set.selections if isinstance(s, FieldNode)]
        if len(tops) != 1 or len(operation.selection_set.selections) != 1:
            raise QueryRefused("Bulk queries cannot contain more than one top level field.")
        self.top = tops[0]
        self.root = self.top.name.value
        if self.root in ("node", "nodes"):
            raise QueryRefused("Bulk queries cannot query the node or nodes fields.")
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        assert schema.query_type is not None
        self.schema = schema
        self.connections = 0
        self._check(self.top, schema.query_type, 0, in_list=False)
        if self.connections == 0:
            raise QueryRefused("Bulk queries must contain at least one connection.")
        if self.connections > MOST_CONNECTIONS:
            raise QueryRefused(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
        if self.root not in ROOTS:
            raise QueryRefused(f"The sandbox runs bulk queries over {', '.join(ROOTS)} only.")
        self.query = next(
            (value_from_ast_untyped(a.value) for a in self.top.arguments or () if a.name.value == "query"), None
        )
        self.projection = Projection(schema, self.fragments)
        self.selection = node_selection(self.top)

    def _check(self, chosen: FieldNode, parent: Any, depth: int, *, in_list: bool) -> None:
        name = chosen.name.value
        if name.startswith("__") or chosen.selection_set is None:
            return
        definition = parent.fields[name]
        target = get_named_type(definition.type)
        if target.name.endswith("Connection"):
            if in_list:
                raise QueryRefused(
                    f"Queries that contain a connection field within a list field are not supported: {name}"
                )
            self.connections += 1
            depth += 1
            if depth > DEEPEST + 1:
                raise QueryRefused(f"Bulk queries cannot contain connections nested deeper than {DEEPEST} levels.")
            node_type = get_named_type(target.fields["nodes"].type)
            if not any(i.name == "Node" for i in getattr(node_type, "interfaces", ())) and node_type.name != "Media":
                raise QueryRefused(f"Connections in bulk queries must implement Node: {name}")
            self._check_all(node_selection(chosen), node_type, depth, in_list=False)
            return
        self._check_all(chosen.selection_set, target, depth, in_list=in_list or _is_list(definition.type))

    def _check_all(self, selection: SelectionSetNode, parent: Any, depth: int, *, in_list: bool) -> None:
        for chosen in selection.selections:
            if isinstance(chosen, FieldNode):
                self._check(chosen, parent, depth, in_list=in_list)
            elif isinstance(chosen, InlineFragmentNode):
                condition = self.schema.type_map[chosen.type_condition.name.value] if chosen.type_condition else parent
                self._check_all(chosen.selection_set, condition, depth, in_list=in_list)
            elif isinstance(chosen, FragmentSpreadNode):
                fragment = self.fragments[chosen.name.value]
                condition = self.schema.type_map[fragment.type_condition.name.value]
                self._check_all(fragment.selection_set, condition, depth, in_list=in_list)


# --- running one --------------------------------------------------------------------------------------------------


def sources(reader: sqlite3.Connection, call: Call, query: BulkQuery) -> Iterator[tuple[str, Doc]]:
    """The root documents, in id order, as (type name, document); products come with their variants."""
    shop = call.shop["name"]
    if query.root == "orders":
        where = search.to_sql(query.query, search.ORDER_FIELDS)
        limits = orders_since(call)
        rows = reader.execute(
            f"SELECT doc FROM orders WHERE shop = ? AND {limits} AND ({where.sql}) ORDER BY id",
            [shop, *where.parameters],
        )
        for (text,) in rows:
            yield "Order", wire.loads(text)
        return
    if query.root == "productVariants":
        where = search.to_sql(query.query, search.VARIANT_FIELDS)
        rows = reader.execute(
            f"SELECT doc FROM variants WHERE shop = ? AND ({where.sql}) ORDER BY id", [shop, *where.parameters]
        )
        for (text,) in rows:
            yield "ProductVariant", wire.loads(text)
        return
    where = search.to_sql(query.query, search.PRODUCT_FIELDS)
    found = reader.execute(
        f"SELECT id, doc FROM products WHERE shop = ? AND ({where.sql}) ORDER BY id", [shop, *where.parameters]
    )
    variants = reader.execute(
        "SELECT product_id, doc FROM variants WHERE shop = ? ORDER BY product_id, position", (shop,)
    )
    pending = variants.fetchone()
    for number, text in found:
        document: Doc = wire.loads(text)
        names = [option["name"] for option in document["options"]]
        own: list[Doc] = []
        while pending is not None and pending[0] <= number:
            if pending[0] == number:
                variant = wire.loads(pending[1])
                variant["_option_names"] = names
                own.append(variant)
            pending = variants.fetchone()
        document["_variants"] = own
        yield "Product", document


class Export:
    """Writes one bulk query's answer, line by line, and counts."""

    def __init__(self, query: BulkQuery, call: Call, file: BinaryIO, seed: str) -> None:
        self.query = query
        self.call = call
        self.file = file
        self.random = random.Random(seed)
        self.buffer: list[bytes] = []
        self.objects = 0
        self.roots = 0
        self.bytes = 0

    def root(self, type_name: str, source: Doc) -> None:
        self.roots += 1
        plan = self.query.projection.plan(self.query.selection, type_name)
        self._write(self._line(plan, source, None))
        self._children(self.query.selection, type_name, source)

    def _line(self, plan: Plan, source: Doc, parent: str | None) -> bytes:
        line = plan.read(source, self.call)
        if parent is not None:
            line["__parentId"] = parent
        # Shopify's files may escape a slash, which JSON allows: a reader that compares text notices
        return wire.dumps(line).replace(b"</", b"<\\/") + b"\n"

    def _children(self, selection: SelectionSetNode, type_name: str, source: Doc) -> None:
        concrete = source.get("__typename", type_name)
        connections = self.query.projection.plan(selection, concrete).connections
        if not connections:
            return
        own_id = f"gid://shopify/{concrete}/{source['id']}"
        for resolver, inner, child_type in connections:
            nodes: list[Doc] = resolver(source, self.call, EVERYTHING)["nodes"]
            for child in nodes:
                plan = self.query.projection.plan(inner, child.get("__typename", child_type))
                line = self._line(plan, child, own_id)
                if plan.connections:  # it has children of its own: it must be out before they go in
                    self._write(line)
                    self._children(inner, child_type, child)
                else:
                    self._later(line)

    def _write(self, line: bytes) -> None:
        self.file.write(line)
        self.bytes += len(line)
        self.objects += 1

    def _later(self, line: bytes) -> None:
        self.buffer.append(line)
        if len(self.buffer) > BUFFERED_LINES:
            at = self.random.randrange(len(self.buffer))
            self.buffer[at], self.buffer[-1] = self.buffer[-1], self.buffer[at]
            self._write(self.buffer.pop())

    def finish(self) -> None:
        self.random.shuffle(self.buffer)
        for line in self.buffer:
            self._write(line)
        self.buffer.clear()


class Bulk:
    """The bulk operations of all shops. Documents of kind 'bulk'; files in the state directory."""

    def __init__(
        self,
        state: State,
        clock: Clock,
        schema: GraphQLSchema,
        deliveries: Deliveries,
        misbehaviour: Misbehaviour,
        *,
        base_url: str,
        secret: str,
        least_seconds: float = 0.0,
    ) -> None:
        self.state = state
        self.clock = clock
        self.schema = schema
        self.deliveries = deliveries
        self.misbehaviour = misbehaviour
        self.base_url = base_url
        self.secret = secret
        self.least_seconds = least_seconds  # an export takes at least this long, to see its progress
        self.directory = state.directory / "bulk"
        self.directory.mkdir(exist_ok=True)
        self._cancelled: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        for left in state.documents("bulk"):
            if left["status"] in ("CREATED", "RUNNING", "CANCELING"):  # an earlier run was stopped in the middle
                left.update(status="FAILED", error_code="INTERNAL_SERVER_ERROR", completed_at=clock.stamp())
                self._put(left)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _put(self, operation: Doc) -> None:
        self.state.put_document("bulk", str(operation["id"]), operation["shop"], operation)

    def all(self, shop: str) -> list[Doc]:
        return self.state.documents("bulk", shop)

    def find(self, shop: str, number: int | None) -> Doc | None:
        found = None if number is None else self.state.document("bulk", str(number))
        return found if found is not None and found["shop"] == shop else None

    def start(self, call: Call, text: str, group_objects: bool) -> tuple[Doc | None, list[Doc]]:
        """bulkOperationRunQuery: (operation, userErrors)."""
        running = [o for o in self.all(call.shop["name"]) if o["status"] in ("CREATED", "RUNNING", "CANCELING")]
        if len(running) >= MOST_AT_A_TIME:
            return None, [
                {
                    "code": "OPERATION_IN_PROGRESS",
                    "field": None,
                    "message": "A bulk query operation for this app and shop is already in progress: "
                    + ", ".join(f"gid://shopify/BulkOperation/{o['id']}" for o in running),
                }
            ]
        try:
            query = BulkQuery(self.schema, text)
        except QueryRefused as refused:
            return None, [{"code": "INVALID", "field": ["query"], "message": str(refused)}]
        call.require("read_orders" if query.root == "orders" else "read_products", query.root)
        with self.state.writing():
            number = self.state.next_id("bulk")
            operation: Doc = {
                "id": number,
                "shop": call.shop["name"],
                "type": "QUERY",
                "status": "CREATED",
                "error_code": None,
                "created_at": self.clock.stamp(),
                "completed_at": None,
                "object_count": "0",
                "root_object_count": "0",
                "file_size": None,
                "url": None,
                "partial_data_url": None,
                "query": text,
                "group_objects": group_objects,
            }
            self._put(operation)
        thread = threading.Thread(
            target=self._run, args=(dict(operation), query, call), name=f"bulk-{number}", daemon=True
        )
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()
        return operation, []

    def cancel(self, shop: str, number: int | None) -> tuple[Doc | None, list[Doc]]:
        found = self.find(shop, number)
        if found is None:
            return None, [{"field": ["id"], "message": "Bulk operation does not exist"}]
        if found["status"] not in ("CREATED", "RUNNING"):
            return found, [
                {"field": None, "message": f"A bulk operation cannot be canceled when it is {found['status'].lower()}"}
            ]
        found["status"] = "CANCELING"
        self._cancelled.add(found["id"])
        self._put(found)
        return found, []

    def path(self, number: int) -> Path:
        return self.directory / f"bulk-{number}.jsonl"

    def url(self, number: int) -> str:
        expires = int(time.time()) + 7 * 86400
        return f"{self.base_url}/bulk/bulk-{number}.jsonl?Expires={expires}&Signature={self.sign(number, expires)}"

    def sign(self, number: int, expires: int) -> str:
        return hmac.new(self.secret.encode(), f"{number}/{expires}".encode(), hashlib.sha256).hexdigest()

    def _run(self, operation: Doc, query: BulkQuery, call: Call) -> None:
        number = operation["id"]
        partial = self.path(number).with_suffix(".part")
        began = time.monotonic()
        try:
            with self.state.reader() as reader, partial.open("wb", buffering=1 << 20) as file:
                self._progress(operation, None)
                seed = f"{self.misbehaviour.switches(call.shop['name'])['seed']}/bulk"
                export = Export(query, call, file, seed)
                told = time.monotonic()
                for type_name, source in sources(reader, call, query):
                    export.root(type_name, source)
                    if export.roots % 50 == 0 and time.monotonic() - told > 0.2:
                        told = time.monotonic()
                        if not self._progress(operation, export):
                            break
                export.finish()
            self._linger(operation, export, began)
            if number in self._cancelled or self._stopping.is_set():
                operation["status"] = "CANCELED"
                partial.unlink()
            else:
                partial.rename(self.path(number))
                operation["status"] = "COMPLETED"
                operation["object_count"] = str(export.objects)
                operation["root_object_count"] = str(export.roots)
                if export.objects:
                    operation["file_size"] = str(export.bytes)
                    operation["url"] = self.url(number)
        except Exception:
            log.exception("bulk operation %s", number)
            operation["status"], operation["error_code"] = "FAILED", "INTERNAL_SERVER_ERROR"
        operation["completed_at"] = self.clock.stamp()
        with self.state.writing():
            self._put(operation)
            body = {
                "admin_graphql_api_id": f"gid://shopify/BulkOperation/{number}",
                "completed_at": operation["completed_at"],
                "created_at": operation["created_at"],
                "error_code": None if operation["error_code"] is None else operation["error_code"].lower(),
                "status": operation["status"].lower(),
                "type": "query",
            }
            self.deliveries.emit(call.shop, [("bulk_operations/finish", body)])

    def _progress(self, operation: Doc, export: Export | None) -> bool:
        """Publish the counts so far; False when the export has to stop."""
        if operation["id"] in self._cancelled or self._stopping.is_set():
            return False
        operation["status"] = "RUNNING"
        if export is not None:
            operation["object_count"] = str(export.objects)
            operation["root_object_count"] = str(export.roots)
        self._put(operation)
        return True

    def _linger(self, operation: Doc, export: Export, began: float) -> None:
        """Stretch a fast export to least_seconds, with counts that grow."""
        while (spent := time.monotonic() - began) < self.least_seconds:
            part = spent / self.least_seconds
            operation["status"] = "RUNNING"
            operation["object_count"] = str(int(export.objects * part))
            operation["root_object_count"] = str(int(export.roots * part))
            if operation["id"] in self._cancelled or self._stopping.wait(0.1):
                return
            self._put(operation)
