"""Every document that we send is valid against Shopify's real Admin schema 2026-10, and none uses a deprecated field.

The schema is an introspection result in the npm package @shopify/dev-mcp (see sandbox/shopify/check_schema.py).
"""

from __future__ import annotations

import pytest
from graphql import GraphQLSchema, build_schema, parse, print_schema, validate
from graphql.validation import NoDeprecatedCustomRule

from connector.platforms.shopify import documents
from sandbox.shopify.check_schema import RealSchemaMissing, load_real_schema, load_subset, validate_documents
from sandbox.shopify.cost import Costing
from tests.conftest import missing

NOT_IN_THE_STAND_IN = {documents.REFUND, documents.FULFILMENT}


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    try:
        return load_real_schema()
    except RealSchemaMissing as absent:
        missing("Shopify's Admin schema", absent.remedy)
        raise


def test_all_lists_every_document() -> None:
    written = {
        value for name, value in vars(documents).items() if name.isupper() and isinstance(value, str) and "{" in value
    }
    assert written == set(documents.ALL)


@pytest.mark.npm
def test_documents_hold_against_the_real_schema(real: GraphQLSchema) -> None:
    assert validate_documents(documents.ALL, real) == []


@pytest.mark.npm
def test_no_document_uses_a_deprecated_field(real: GraphQLSchema) -> None:
    printed = build_schema(print_schema(real), assume_valid=True)  # the rule looks at nodes that introspection lacks
    for text in documents.ALL:
        assert validate(printed, parse(text), [NoDeprecatedCustomRule]) == []


def test_documents_hold_against_the_stand_in() -> None:
    assert validate_documents([text for text in documents.ALL if text not in NOT_IN_THE_STAND_IN], load_subset()) == []


@pytest.mark.parametrize(
    ("document", "variables", "cost"),
    [
        ("ORDER", {"lines": 40, "buyer": True}, 590),
        ("ORDER_LINES", {"first": 40}, 523),
        ("AFTERMATH", {"refunds": 4, "fulfilments": 5}, 730),
        ("AFTERMATH_IDS", {}, 502),
        ("PRODUCTS", {"ids": ["x"] * 8, "variants": 20, "media": 10}, 720),
        ("PRODUCTS_CHANGED", {"first": 8, "variants": 20, "media": 10}, 720),
        ("PRODUCT_VARIANTS", {"first": 200}, 603),
        ("ORDERS_CHANGED", {"first": 100}, 102),
    ],
)
def test_no_page_is_dearer_than_we_announce(document: str, variables: dict[str, object], cost: int) -> None:
    parsed = parse(getattr(documents, document))
    assert Costing(load_subset(), parsed, variables).requested(parsed.definitions[0]) <= cost < 1000
