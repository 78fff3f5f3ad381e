"""Bulk operations: what comes out, in which disorder, and how they end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import requests

from tests.sandbox.stand import BULK_QUERY, SAMPLES, Receiver, Stand, operation


def lines_of(url: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in requests.get(url, timeout=30).iter_lines()]


def test_everything_comes_out_children_far_from_their_parents(stand: Stand) -> None:
    stand.shop("POST", "/products/generate", {"count": 120, "seed": 7, "large": 1, "largest": True})
    done = stand.bulk(BULK_QUERY)
    lines = lines_of(str(done["url"]))
    assert done["status"] == "COMPLETED"
    assert (str(len(lines)), done["rootObjectCount"]) == (done["objectCount"], "120")
    places = {line["id"]: place for place, line in enumerate(lines)}
    children = [(place, line) for place, line in enumerate(lines) if "__parentId" in line]
    assert all(places[line["__parentId"]] < place for place, line in children)
    adjacent = sum(
        lines[place - 1].get("__parentId", lines[place - 1]["id"]) == line["__parentId"] for place, line in children
    )
    assert adjacent < len(children)
    listing = stand.control("GET", "/journal?parts=products")["shops"][0]["products"]
    told = {f"gid://shopify/ProductVariant/{v['id']}": v["price"] for p in listing for v in p["variants"]}
    assert {line["id"]: line["price"] for line in lines if line["__typename"] == "ProductVariant"} == told
    assert max(len(p["variants"]) for p in listing) == 2048


def test_lines_have_the_recorded_keys(stand: Stand) -> None:
    stand.product("40.00", variants=[{"title": "Blue", "price": "40.00"}, {"title": "Red", "price": "41.00"}])
    recorded: dict[object, set[str]] = {}
    for text in (SAMPLES / "bulk_products.jsonl").read_text().splitlines():
        line = json.loads(text)
        recorded[line["__typename"]] = set(line)
    for line in lines_of(str(stand.bulk(BULK_QUERY)["url"])):
        assert set(line) == recorded[line["__typename"]]


def test_odd_titles_survive(stand: Stand) -> None:
    stand.product(title='<script>"x"</script> \\ كوب 🎁', description_html="<p>a</p>")
    lines = lines_of(str(stand.bulk(BULK_QUERY)["url"]))
    assert lines[0]["title"] == '<script>"x"</script> \\ كوب 🎁'


def test_empty_answer_has_no_url(stand: Stand) -> None:
    done = stand.bulk(BULK_QUERY)
    assert (done["status"], done["objectCount"], done["url"]) == ("COMPLETED", "0", None)


def test_orders_can_be_exported(stand: Stand) -> None:
    order = stand.order({"title": "A", "price": "5.00"}, {"title": "B", "price": "6.00"})
    done = stand.bulk("{ orders { edges { node { id name lineItems { edges { node { id title } } } } } } }")
    lines = lines_of(str(done["url"]))
    assert lines[0]["name"] == order["name"]
    assert sorted(str(line["title"]) for line in lines[1:]) == ["A", "B"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("{ shop { name } }", "at least one connection"),
        ("{ products { edges { node { id } } } orders { edges { node { id } } } }", "more than one top level"),
        ("query Q($x: String) { products(query: $x) { edges { node { id } } } }", "variables"),
        ("{ orders { edges { node { id refunds { id refundLineItems { edges { node { id } } } } } } } }", "list field"),
        ("{ products { pageInfo { hasNextPage } } }", "edges and node"),
        ("{ products { edges { node { nmae } } } }", "Cannot query field"),
        ("{ products ", "Syntax Error"),
    ],
)
def test_broken_rules_are_user_errors(stand: Stand, query: str, why: str) -> None:
    started = stand.ask(operation("BulkStart"), {"q": query})["bulkOperationRunQuery"]
    assert started["bulkOperation"] is None
    assert why in started["userErrors"][0]["message"]


def test_result_needs_its_signature(stand: Stand) -> None:
    stand.product()
    url = str(stand.bulk(BULK_QUERY)["url"])
    assert requests.get(url.split("?")[0], timeout=5).status_code == 403
    assert requests.get(url[:-1] + ("0" if url[-1] != "0" else "1"), timeout=5).status_code == 403


def test_truncated_files_on_demand(stand: Stand) -> None:
    stand.shop("POST", "/products/generate", {"count": 50, "seed": 2})
    done = stand.bulk(BULK_QUERY)
    stand.control("PUT", "/misbehaviour", {"truncate_bulk": 0.5})
    short = requests.get(str(done["url"]), timeout=10).content
    assert abs(len(short) - int(str(done["fileSize"])) // 2) <= 1
    stand.control("PUT", "/misbehaviour", {"truncate_mode": "connection"})
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(str(done["url"]), timeout=10)


def test_end_is_told_and_progress_grows(tmp_path: Path, receiver: Receiver) -> None:
    stand = Stand(tmp_path / "s", receiver, bulk_seconds=1.0, bucket_size=20_000.0)
    try:
        stand.create_shop()
        stand.install()
        stand.subscribe("BULK_OPERATIONS_FINISH")
        stand.shop("POST", "/products/generate", {"count": 50, "seed": 2})
        started = stand.ask(operation("BulkStart"), {"q": BULK_QUERY})["bulkOperationRunQuery"]["bulkOperation"]
        assert started["status"] == "CREATED"
        counts = []
        while not counts or counts[-1] == 0:
            time.sleep(0.02)
            counts.append(int(stand.ask(operation("BulkById"), {"id": started["id"]})["bulkOperation"]["objectCount"]))
        running = stand.ask(operation("BulkList"))["bulkOperations"]["nodes"]
        assert [o["id"] for o in running] == [started["id"]]
        counts.append(int(stand.ask(operation("BulkById"), {"id": started["id"]})["bulkOperation"]["objectCount"]))
        assert counts == sorted(counts)
        assert stand.bulk_end(started["id"])["status"] == "COMPLETED"
        stand.quiesce()
        body = json.loads(receiver.received[0][1])
        recorded = json.loads((SAMPLES / "webhook_bulk_operations_finish.json").read_text())
        assert set(body) == set(recorded)
        assert (body["admin_graphql_api_id"], body["status"]) == (started["id"], "completed")
    finally:
        stand.close()


def test_cancel_and_most_at_a_time(tmp_path: Path, receiver: Receiver) -> None:
    stand = Stand(tmp_path / "s", receiver, bulk_seconds=120.0, bucket_size=20_000.0)
    try:
        stand.create_shop()
        stand.install()
        stand.product()
        ids = [
            stand.ask(operation("BulkStart"), {"q": BULK_QUERY})["bulkOperationRunQuery"]["bulkOperation"]["id"]
            for _ in range(5)
        ]
        sixth = stand.ask(operation("BulkStart"), {"q": BULK_QUERY})["bulkOperationRunQuery"]
        assert sixth["userErrors"][0]["code"] == "OPERATION_IN_PROGRESS"
        cancelled = stand.ask(operation("BulkCancel"), {"id": ids[0]})["bulkOperationCancel"]
        assert cancelled["bulkOperation"]["status"] == "CANCELING"
        assert stand.bulk_end(ids[0])["status"] == "CANCELED"
    finally:
        stand.close()
