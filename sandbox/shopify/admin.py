"""POST /admin/api/{version}/graphql.json: checks the token, counts the cost, executes with graphql-core."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, request
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
)

from sandbox.shopify.cost import MOST_PER_QUERY, Bucket, Costing, throttled, too_dear
from sandbox.shopify.fields import API_VERSION, Call
from sandbox.shopify.graph import resolver_of
from sandbox.shopify.store import Store, json_answer

SUPPORTED = ("2026-01", "2026-04", "2026-07", "2026-10")


def read_field(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """graphql-core's default resolver: our registry, or the document's value of the same name."""
    type_name, name = info.parent_type.name, info.field_name
    return resolver_of(type_name, name)(source, info.context, arguments)


def read_type(value: Any, info: GraphQLResolveInfo[Any], abstract: Any) -> str | None:
    name: str | None = value.get("__typename")
    return name


class Documents:
    """Parsed and validated documents, kept by their text: the same few are sent all day."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._known: dict[str, tuple[DocumentNode | None, list[GraphQLError]]] = {}

    def get(self, text: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
        if text not in self._known:
            if len(self._known) > 500:
                self._known.clear()
            try:
                document = parse(text)
                self._known[text] = (document, validate(self.schema, document))
            except GraphQLError as error:
                self._known[text] = (None, [error])
        return self._known[text]


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("admin", __name__)
    documents = Documents(store.schema)

    def headers(asked: str) -> dict[str, str]:
        served = asked if asked in SUPPORTED else (SUPPORTED[0] if asked < SUPPORTED[0] else API_VERSION)
        return {"X-Shopify-API-Version": served, "X-Request-Id": f"sandbox-{time.monotonic_ns()}"}

    @room.post("/shops/<shop>/admin/api/<version>/graphql.json")
    def graphql(shop: str, version: str) -> Response:
        own = headers(version)
        try:
            owner = store.state.shop(shop)
        except KeyError:
            return json_answer({"errors": "Not Found"}, 404, own)
        switches = store.misbehaviour.switches(shop)
        if switches["answer_late_seconds"]:
            time.sleep(float(switches["answer_late_seconds"]))
        if store.misbehaviour.picks("api_fail", shop):
            return json_answer({"errors": "Internal Server Error"}, int(switches["api_fail_status"]), own)
        grant = store.oauth.find(shop, request.headers.get("X-Shopify-Access-Token", ""))
        if grant is None:
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_answer({"errors": message}, 401, own)
        if grant["expires_at"] is None:
            message = "Non-expiring access tokens are no longer accepted for the Admin API."
            return json_answer({"errors": message}, 403, own)
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            return json_answer({"errors": {"query": "Required parameter missing or invalid"}}, 400, own)
        call = Call(store.state, store.clock, owner, frozenset(grant["scopes"].split(",")), store.origin(shop), store)
        bucket = store.bucket(shop)
        if store.misbehaviour.picks("throttle", shop):
            bucket.drain()
        return json_answer(run(store, documents, call, bucket, asked), 200, own)

    @room.delete("/shops/<shop>/admin/api_permissions/current.json")
    def uninstall(shop: str) -> Response:
        """The app removes itself, the old REST way."""
        if store.oauth.find(shop, request.headers.get("X-Shopify-Access-Token", "")) is None:
            return json_answer({"errors": "[API] Invalid API key or access token"}, 401, {})
        store.uninstall(shop)
        return json_answer({}, 200, {})

    return room


def run(store: Store, documents: Documents, call: Call, bucket: Bucket, asked: dict[str, Any]) -> dict[str, Any]:
    """One GraphQL request to its answer, with the cost beside it."""
    document, errors = documents.get(asked["query"])
    if document is None or errors:
        return {"errors": [_formatted(error) for error in errors]}
    variables = asked.get("variables") or {}
    operation = get_operation_ast(document, asked.get("operationName"))
    if not isinstance(operation, OperationDefinitionNode):
        return {"errors": [{"message": "An operation name is required."}]}
    variables = {**_defaults(operation), **variables}
    costing = Costing(store.schema, document, variables)
    points = costing.requested(operation)
    if points > MOST_PER_QUERY:
        return too_dear(points)
    if not bucket.take(points):
        return throttled(points, bucket)
    result = execute_sync(
        store.schema,
        document,
        context_value=call,
        variable_values=variables,
        operation_name=asked.get("operationName"),
        field_resolver=read_field,
        type_resolver=read_type,
    )
    spent = costing.actual(operation, result.data)
    bucket.give_back(max(0, points - spent))
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [_formatted(error) for error in result.errors]
    answer["data"] = result.data
    answer["extensions"] = {
        "cost": {"requestedQueryCost": points, "actualQueryCost": spent, "throttleStatus": bucket.status()}
    }
    if call.warnings:
        answer["extensions"]["search"] = call.warnings
    return answer


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def _formatted(error: GraphQLError) -> dict[str, Any]:
    return dict(error.formatted)
