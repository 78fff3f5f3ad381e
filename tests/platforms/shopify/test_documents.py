"""Every document that we send is valid against Shopify's real Admin schema 2026-10, and none uses a deprecated field.

The schema is an introspection result in the npm package @shopify/dev-mcp (see sandbox/shopify/check_schema.py).
"""

from __future__ import annotations

import pytest
from graphql import FieldNode, GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, parse, visit

from connector.platforms.shopify import documents
from sandbox.shopify.check_schema import RealSchemaMissing, load_real_schema, load_subset, validate_documents
from sandbox.shopify.cost import Costing
from tests.conftest import missing


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    try:
        return load_real_schema()
    except RealSchemaMissing as absent:
        missing("Shopify's Admin schema", absent.remedy)
        raise


@pytest.fixture(scope="module")
def subset() -> GraphQLSchema:
    return load_subset()


def test_all_lists_every_document() -> None:
    written = {
        value
        for name, value in vars(documents).items()
        if name.isupper() and name[0] != "_" and isinstance(value, str) and "{" in value
    }
    assert written == set(documents.ALL)


@pytest.mark.npm
def test_documents_hold_against_the_real_schema(real: GraphQLSchema) -> None:
    assert validate_documents(documents.ALL, real) == []


class Deprecated(Visitor):
    """Collects deprecated fields. graphql-core's own rule looks at nodes that a schema from introspection lacks."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.found: list[str] = []

    def enter_field(self, node: FieldNode, *given: object) -> None:
        definition = self.types.get_field_def()
        if definition is not None and definition.deprecation_reason:
            self.found.append(f"{self.types.get_parent_type()}.{node.name.value}: {definition.deprecation_reason}")


def deprecated(text: str, schema: GraphQLSchema) -> list[str]:
    types = TypeInfo(schema)
    visitor = Deprecated(types)
    visit(parse(text), TypeInfoVisitor(types, visitor))
    return visitor.found


@pytest.mark.npm
def test_no_document_uses_a_deprecated_field(real: GraphQLSchema) -> None:
    assert len(deprecated("query Old { orders(first: 1) { nodes { landingPageUrl } } }", real)) == 1
    assert [found for text in documents.ALL for found in deprecated(text, real)] == []


def test_documents_hold_against_the_stand_in(subset: GraphQLSchema) -> None:
    assert validate_documents(documents.ALL, subset) == []


@pytest.mark.parametrize(
    ("document", "variables", "cost"),
    [
        ("ORDER", {"lines": 40, "buyer": True}, 590),
        ("ORDER_LINES", {"first": 40}, 523),
        ("AFTERMATH", {"refunds": 4, "fulfilments": 5}, 780),
        ("AFTERMATH_IDS", {}, 502),
        ("PRODUCTS", {"ids": ["x"] * 7, "variants": 20, "media": 10}, 926),
        ("PRODUCTS_CHANGED", {"first": 7, "variants": 20, "media": 10}, 926),
        ("PRODUCT_VARIANTS", {"first": 150}, 753),
        ("PRODUCT_MEDIA", {"first": 200}, 603),
        ("NEWEST_CHANGE", {}, 3),
        ("STOCK", {"ids": ["x"] * 100}, 700),
        ("MARKET_PRICES", {"ids": ["x"] * 100}, 400),
        ("PUBLICATION", {}, 229),
        ("REFUND", {"first": 50}, 662),
        ("FULFILMENT", {"first": 250}, 503),
        ("ORDERS_CHANGED", {"first": 100}, 102),
        ("ORDERS_PLACED", {"first": 100}, 102),
        ("ORDERS", {"ids": ["x"] * 6, "lines": 4, "buyer": True}, 984),
        ("ORDER_JOURNEYS", {"ids": ["x"] * 6}, 42),
        ("ORDER_DUTIES", {"first": 100}, 403),
    ],
)
def test_no_page_is_dearer_than_we_announce(
    subset: GraphQLSchema, document: str, variables: dict[str, object], cost: int
) -> None:
    parsed = parse(getattr(documents, document))
    assert Costing(subset, parsed, variables).requested(parsed.definitions[0]) <= cost < 1000
