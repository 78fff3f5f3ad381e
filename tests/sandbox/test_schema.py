"""Our Admin schema subset says nothing that Shopify's real schema does not; the documents in use fit both."""

from __future__ import annotations

import os

import pytest
from graphql import GraphQLSchema, build_schema

from sandbox.shopify import check_schema
from tests.sandbox.stand import BULK_QUERY, DEFINITIONS, operation

# Operations of the fact sheet that the stand-in answers.
ANSWERED = [
    "ShopInfo", "InstalledScopes", "ProductsPage", "ChangedProducts", "ProductVariantsPage", "VariantsByUpdate",
    "NodesByIds", "BulkStart", "BulkById", "BulkList", "BulkCancel", "HookCreate", "HookList", "HookDelete",
    "OrdersSince", "OrderForSettlement", "OrderRefunds", "OrderJourney", "OrderBySource",
]  # fmt: skip


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    try:
        return check_schema.load_real_schema()
    except check_schema.RealSchemaMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing.remedy)
        pytest.skip(missing.remedy)


@pytest.mark.npm
def test_subset_says_only_what_is_real(real: GraphQLSchema) -> None:
    assert check_schema.differences(check_schema.load_subset(), real) == []


@pytest.mark.npm
def test_subset_is_what_the_list_cuts(real: GraphQLSchema) -> None:
    wanted = check_schema.read_cut(check_schema.CUT_FILE.read_text())
    assert check_schema.cut(real, wanted) == check_schema.SUBSET_FILE.read_text()


@pytest.mark.npm
def test_sample_operations_are_real(real: GraphQLSchema) -> None:
    samples = [operation(name) for name in DEFINITIONS if name not in ("M", "V")]
    assert check_schema.validate_documents([*samples, BULK_QUERY], real) == []


@pytest.mark.npm
def test_a_wrong_document_is_found(real: GraphQLSchema) -> None:
    errors = check_schema.validate_documents(["query Wrong { shop { nmae } }", "query {"], real)
    assert len(errors) == 2
    assert errors[0].startswith("Wrong: Cannot query field 'nmae'")


@pytest.mark.npm
def test_differences_are_found(real: GraphQLSchema) -> None:
    wrong = build_schema(
        """
        type Query { shop: Shop orders(first: String): OrderConnection }
        type Shop { name: String nick: String! }
        type OrderConnection { pageInfo: PageInfo! }
        type PageInfo { hasNextPage: Boolean! }
        type Unheard { a: Int }
        enum ProductStatus { ACTIVE }
        extend type Query { u: Unheard s: ProductStatus }
        """
    )
    found = "\n".join(check_schema.differences(wrong, real))
    assert "Shop.name: type String, really String!" in found
    assert "Shop.nick: no such field" in found
    assert "Unheard: no such type" in found
    assert "ProductStatus: values" in found


def test_subset_answers_the_sheets_operations() -> None:
    documents = [*(operation(name) for name in ANSWERED), BULK_QUERY]
    assert check_schema.validate_documents(documents, check_schema.load_subset()) == []


def test_connectors_documents_fit_the_subset() -> None:
    documents = pytest.importorskip("connector.platforms.shopify.documents")
    assert check_schema.validate_documents(documents.ALL, check_schema.load_subset()) == []


@pytest.mark.npm
def test_connectors_documents_are_real(real: GraphQLSchema) -> None:
    documents = pytest.importorskip("connector.platforms.shopify.documents")
    assert check_schema.validate_documents(documents.ALL, real) == []


def test_missing_package_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPIFY_SCHEMA_DIR", "/nowhere")
    with pytest.raises(check_schema.RealSchemaMissing, match="npm pack @shopify/dev-mcp"):
        check_schema.load_real_schema()
