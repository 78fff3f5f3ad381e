"""The OpenAPI document and what schemathesis finds when it believes it."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.transport import Response as Answer
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from connector import clock, db
from connector.db import Database
from connector.faces.api.document import _plain_names
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import PLACED, World, app_settings, put_on_roster
from tests.conftest import wired


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """It is of the program: no database is asked for it."""
    found: dict[str, Any] = wired(app_settings()).test_client().get("/openapi.json").json
    return found


def test_the_document_is_3_1_and_holds_the_api_alone(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert document["servers"] == [{"url": "http://127.0.0.1:8080"}]
    assert not [name for name in document["components"]["schemas"] if "." in name]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(re.findall(r"#/components/schemas/([A-Za-z0-9_.]+)", str(document)))
    assert found <= set(document["components"]["schemas"])
    assert {"Problem", "Money", "VariantShown"} <= found


def test_every_operation_names_its_scope_its_problems_and_itself(document: dict[str, Any]) -> None:
    operations = [
        operation for path in document["paths"].values() for name, operation in path.items() if name != "parameters"
    ]
    assert len(operations) == len({operation["operationId"] for operation in operations}) >= 27
    for operation in operations:
        assert operation["summary"]
        assert re.fullmatch(r"[a-z]+:(read|write)", operation["security"][0]["appToken"][0])
        for status in ("401", "403", "422", "429"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
    touch = document["paths"]["/api/v1/touches"]["post"]
    assert touch["security"] == [{"appToken": ["touches:write"]}]
    assert touch["parameters"][0]["name"].lower() == "idempotency-key"


def test_every_operation_stands_under_a_heading_that_says_what_it_is_about(document: dict[str, Any]) -> None:
    headings = {each["name"] for each in document["tags"]}
    used = [operation["tags"] for path in document["paths"].values() for operation in path.values()]
    assert {name for tags in used for name in tags} == headings
    assert all(each["description"] for each in document["tags"])
    assert max(used.count([name]) for name in headings) < 50, "a page can be read"


def test_every_write_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method not in ("parameters", "get"):
                names = [each["name"].lower() for each in operation["parameters"] if each["in"] == "header"]
                assert names == ["idempotency-key"], (method, path)


def shapes_of(document: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The names of what is sent to us as JSON, and of what we answer."""
    asked, answered = set(), set()
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            given = [each for status, each in operation["responses"].items() if status.startswith("2")]
            for bodies, names in (([operation.get("requestBody", {})], asked), (given, answered)):
                for body in bodies:
                    shape = body.get("content", {}).get("application/json", {}).get("schema", {})
                    names.update([shape["$ref"].rpartition("/")[2]] if "$ref" in shape else [])
    return asked, answered


def test_every_body_and_every_answer_has_an_example_that_its_own_schema_takes(document: dict[str, Any]) -> None:
    """Answers were recorded (`sandbox/examples.py`): where a shape changed, its example says so here."""
    schemas = document["components"]["schemas"]
    asked, answered = shapes_of(document)
    examples = {name: schemas[name].get("examples") for name in answered}
    for name in asked:
        fields = {
            field: each["examples"][0] for field, each in schemas[name]["properties"].items() if "examples" in each
        }
        examples[name] = schemas[name].get("examples") or [fields]
    assert not [name for name, found in examples.items() if not found], "record them anew"
    bare = {name: {key: each for key, each in shape.items() if key != "examples"} for name, shape in schemas.items()}
    several = {name: {"items": {"$ref": f"#/components/schemas/{name}"}} for name in examples}
    whole = {"components": {"schemas": bare}, "properties": several}
    validator = jsonschema_rs.validator_for(whole, validate_formats=True)
    assert not [f"{each.instance_path}: {each.message}" for each in validator.iter_errors(examples)]


def test_a_write_may_come_too_late_with_a_body_or_without(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                assert ("409" in operation["responses"]) == (method != "get"), (method, path)


def test_two_shapes_of_one_name_are_no_document() -> None:
    """`GET /payout-batches` was once described as a batch of offers."""
    schemas = {"Page.Batch": {"type": "object"}, "Batch": {"type": "string"}}
    with pytest.raises(AssertionError, match="Batch"):
        _plain_names({"components": {"schemas": schemas}})


# Lists that end by themselves: why each can't grow beyond a page.
BOUNDED = {
    "/api/v1/creators/{creator_id}/calendar": "the spans of one product's rate",
    "/api/v1/feeds/builds/{build_id}": "one build, with its newest findings",
}


def test_every_list_goes_on_by_a_cursor(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    without = set()
    for path, operations in document["paths"].items():
        operation = operations.get("get")
        if operation is None:
            continue
        shape = operation["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
        fields = schemas.get(shape.get("$ref", "").rpartition("/")[2], shape).get("properties", {})
        asked = {each["name"] for each in operation.get("parameters", [])}
        if "items" in fields and not {"cursor", "limit"} <= asked:
            without.add(path)
    assert without == set(BOUNDED)


def test_the_page_and_its_assets_come_from_here() -> None:
    client = wired(app_settings()).test_client()
    page = client.get("/docs")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) >= 5
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address).status_code == 200, address
    assert "<script>" not in page.text
    for absent in ("index.css", "swagger-ui.js", "../__init__.py", "%2e%2e/LICENSE"):
        assert client.get(f"/docs/assets/{absent}").status_code == 404


@pytest.fixture
def both(sqlite_database: Database, postgresql_database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Api]:
    """The API over either database, with the same world in it."""
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    apis = []
    for database in (sqlite_database, postgresql_database):
        db.use(database)
        apis.append(Api(wired(app_settings()), World(database).begin().database))
    return apis


@pytest.mark.database
@pytest.mark.timeout(240)
def test_schemathesis_finds_no_server_error(both: list[Api]) -> None:
    """Generated requests, right and wrong, each to both databases (making them up takes longer than answering them):
    no 5xx, nothing that the document doesn't say, and the same status from both."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", both[0].app)
    seen: set[str] = set()
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=5, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def run(case: schemathesis.Case) -> None:
            said = []
            for api in both:
                db.use(api.database)
                guards._rates.storage.reset()
                answer: Answer = case.call(headers={"Authorization": f"Bearer {api.secret}"}, session=api.client)
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)
                case.validate_response(answer, checks=[status_code_conformance, response_schema_conformance])
                said.append(answer.status_code)
            assert said[0] == said[1], (case.as_curl_command(), said)

        given(case=operation.as_strategy())(run)()
        seen.add(operation.label)
    assert len(seen) >= 27
