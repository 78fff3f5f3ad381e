"""What a query costs: Shopify's calculated cost, the shop's bucket, and the answers when it is empty.

Rule: scalar 0; object 1; list of objects 1; connection 2 + n x (1 + its node's children); a list sized by `first` or
`ids` n x (1 + children); an interface or union its dearest branch; pageInfo and edges nothing; a mutation 10 flat.
Checked against the fact sheet's numbers: ProductsPage 4 x 25 is 898, ChangedProducts of 100 is 102.
Source: shopify.dev/docs/api/usage/limits, read 2026-11.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.pyutils import Undefined

MOST_PER_QUERY = 1000
MUTATION_COST = 10


class Costing:
    """Cost of one operation of a validated document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> None:
        self.schema = schema
        self.fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.variables = variables

    def requested(self, operation: OperationDefinitionNode) -> int:
        if operation.operation.value == "mutation":
            return MUTATION_COST * len(operation.selection_set.selections)
        assert self.schema.query_type is not None
        return self._selection(operation.selection_set, self.schema.query_type, None)

    def actual(self, operation: OperationDefinitionNode, data: Any) -> int:
        """The same rule on what came back: lists and connections by their real length."""
        if operation.operation.value == "mutation":
            return MUTATION_COST * len(operation.selection_set.selections)
        assert self.schema.query_type is not None
        return self._selection(operation.selection_set, self.schema.query_type, data if isinstance(data, dict) else {})

    def _selection(self, selection: SelectionSetNode, parent: Any, data: Any) -> int:
        """`data` None: the estimate. Otherwise the answer's object at this place."""
        total = 0
        branches: dict[str, int] = {}
        for node in selection.selections:
            if isinstance(node, FieldNode):
                total += self._field(node, parent, data)
            else:
                condition, inner = self._fragment(node, parent)
                price = self._selection(inner, condition, data)
                if condition is parent or isinstance(parent, GraphQLObjectType):
                    total += price
                else:
                    branches[condition.name] = branches.get(condition.name, 0) + price
        return total + max(branches.values(), default=0)

    def _fragment(self, node: Any, parent: Any) -> tuple[Any, SelectionSetNode]:
        if isinstance(node, FragmentSpreadNode):
            definition = self.fragments[node.name.value]
            return self.schema.type_map[definition.type_condition.name.value], definition.selection_set
        assert isinstance(node, InlineFragmentNode)
        condition = self.schema.type_map[node.type_condition.name.value] if node.type_condition else parent
        return condition, node.selection_set

    def _field(self, node: FieldNode, parent: Any, data: Any) -> int:
        name = node.name.value
        if name.startswith("__") or node.selection_set is None or isinstance(parent, GraphQLUnionType):
            return 0
        definition = parent.fields[name]
        named = get_named_type(definition.type)
        key = node.alias.value if node.alias else name
        value = Undefined if data is None else (data.get(key) if isinstance(data, dict) else None)
        if value is None:
            return 0
        if name == "pageInfo":
            return 0
        arguments = self._arguments(node)
        if named.name.endswith("Connection"):
            size = int(arguments.get("first") or arguments.get("last") or 50)
            return 2 + self._connection(node.selection_set, named, size, value)
        children_of = node.selection_set
        sized = arguments.get("first") if "first" in definition.args else arguments.get("ids")
        if isinstance(value, list):
            rows = [row for row in value if isinstance(row, dict)]
            return sum(1 + self._selection(children_of, named, row) for row in rows) or 1
        price = 1 + self._selection(children_of, named, None if value is Undefined else value)
        if value is Undefined and sized is not None:
            return (len(sized) if isinstance(sized, list) else int(sized)) * price
        return price

    def _connection(self, selection: SelectionSetNode, named: Any, size: int, value: Any) -> int:
        total = 0
        for child in selection.selections:
            if not isinstance(child, FieldNode):
                condition, inner = self._fragment(child, named)
                total += self._connection(inner, condition, size, value)
                continue
            name = child.name.value
            if name not in ("nodes", "edges") or child.selection_set is None:
                continue
            key = child.alias.value if child.alias else name
            rows = None if value is Undefined else value.get(key) or []
            item = get_named_type(named.fields[name].type)
            inner = child.selection_set
            if name == "edges":
                found = [n for n in inner.selections if isinstance(n, FieldNode) and n.name.value == "node"]
                if not found or found[0].selection_set is None:
                    continue
                alias = found[0].alias.value if found[0].alias else "node"
                rows = None if rows is None else [row.get(alias) or {} for row in rows]
                item, inner = get_named_type(item.fields["node"].type), found[0].selection_set
            if rows is None:
                total += size * (1 + self._selection(inner, item, None))
            else:
                total += sum(1 + self._selection(inner, item, row) for row in rows)
        return total

    def _arguments(self, node: FieldNode) -> dict[str, Any]:
        return {a.name.value: value_from_ast_untyped(a.value, self.variables) for a in node.arguments or ()}


class Bucket:
    """One shop's leaky bucket of points. `maximum` and `restore_rate` may be changed while it runs."""

    def __init__(self, maximum: float, restore_rate: float) -> None:
        self.maximum = maximum
        self.restore_rate = restore_rate
        self._available = maximum
        self._at = time.monotonic()
        self._lock = threading.Lock()
        # The newest calls: [points asked for, points there before, whether it was throttled].
        self.log: deque[tuple[float, float, bool]] = deque(maxlen=10_000)

    def _refill(self) -> None:
        now = time.monotonic()
        self._available = min(self.maximum, self._available + (now - self._at) * self.restore_rate)
        self._at = now

    def take(self, points: float) -> bool:
        """Reserve points; False (and nothing taken) when they are not there."""
        with self._lock:
            self._refill()
            throttled = points > self._available
            self.log.append((points, self._available, throttled))
            if throttled:
                return False
            self._available -= points
            return True

    def give_back(self, points: float) -> None:
        with self._lock:
            self._refill()
            self._available = min(self.maximum, self._available + points)

    def drain(self) -> None:
        with self._lock:
            self._refill()
            self._available = 0.0

    def status(self) -> dict[str, float]:
        with self._lock:
            self._refill()
            return {
                "maximumAvailable": float(self.maximum),
                "currentlyAvailable": int(self._available),
                "restoreRate": float(self.restore_rate),
            }


def throttled(points: int, bucket: Bucket) -> dict[str, Any]:
    """The answer, with HTTP 200, when the bucket does not hold the points."""
    return {
        "errors": [
            {
                "message": "Throttled",
                "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
            }
        ],
        "extensions": {
            "cost": {"requestedQueryCost": points, "actualQueryCost": None, "throttleStatus": bucket.status()}
        },
    }


def too_dear(points: int) -> dict[str, Any]:
    """The answer, with HTTP 200, to a query that no bucket may pay."""
    return {
        "errors": [
            {
                "message": f"Query cost is {points}, which exceeds the single query max cost limit ({MOST_PER_QUERY}).",
                "extensions": {
                    "code": "MAX_COST_EXCEEDED",
                    "cost": points,
                    "maxCost": MOST_PER_QUERY,
                    "documentation": "https://shopify.dev/api/usage/rate-limits",
                },
            }
        ]
    }
