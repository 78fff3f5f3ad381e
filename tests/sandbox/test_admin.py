"""The Admin API's manners: tokens, scopes, costs, search, pages, and the misbehaviour that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.stand import SCOPES, Receiver, Stand, gid, operation


@pytest.fixture
def stocked(stand: Stand) -> Stand:
    stand.shop("POST", "/products/generate", {"count": 30, "seed": 5, "variants_each": 3})
    return stand


def test_unknown_token_is_401_and_unknown_shop_404(stand: Stand) -> None:
    assert stand.raw(operation("ShopInfo"), token="shpat_no").status_code == 401
    stand.origin = stand.origin.replace("alpha", "nobody")
    assert stand.raw(operation("ShopInfo")).status_code == 404


def test_version_header_tells_what_served(stand: Stand) -> None:
    assert stand.raw(operation("ShopInfo")).headers["X-Shopify-API-Version"] == "2026-10"


@pytest.mark.parametrize(
    ("name", "variables", "cost"),
    [
        ("ProductsPage", {"first": 4}, 898),
        ("ChangedProducts", {"first": 100}, 102),
        ("ProductVariantsPage", {"id": gid("Product", 8_000_000_000_001), "first": 250}, 253),
        ("BulkStart", {"q": "{ products { edges { node { id } } } }"}, 10),
    ],
)
def test_costs_are_the_published_ones(stocked: Stand, name: str, variables: dict[str, object], cost: int) -> None:
    answer = stocked.raw(operation(name), variables).json()["extensions"]["cost"]
    assert answer["requestedQueryCost"] == cost
    assert answer["actualQueryCost"] <= cost
    assert set(answer["throttleStatus"]) == {"maximumAvailable", "currentlyAvailable", "restoreRate"}


def test_too_dear_a_query_never_runs(stocked: Stand) -> None:
    answer = stocked.raw(operation("ProductsPage"), {"first": 50})
    assert answer.status_code == 200
    body = answer.json()
    assert body["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"
    assert "data" not in body


def test_empty_bucket_throttles_with_200(stocked: Stand) -> None:
    stocked.shop("PUT", "/bucket", {"drain": True, "restore_rate": 1})
    answer = stocked.raw(operation("ProductsPage"), {"first": 4})
    assert answer.status_code == 200
    body = answer.json()
    assert body["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "data" not in body
    assert body["extensions"]["cost"]["requestedQueryCost"] == 898


def test_missing_scope_denies_the_field(bare: Stand) -> None:
    bare.create_shop()
    bare.install("read_products")
    body = bare.raw(operation("OrdersSince"), {"first": 5}).json()
    assert body["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"
    assert body["errors"][0]["path"] == ["orders"]
    made = bare.ask(operation("HookCreate"), {"topic": "ORDERS_PAID", "sub": {"uri": bare.receiver.url}})
    assert made["webhookSubscriptionCreate"]["userErrors"]


def test_customer_needs_its_own_scope(stand: Stand) -> None:
    order = stand.order({"title": "Thing", "price": "5.00"}, customer={"email": "ana@example.com"})
    query = "query C($id: ID!) { order(id: $id) { id customer { id } } }"
    body = stand.raw(query, {"id": gid("Order", order["id"])}).json()
    assert body["data"]["order"]["customer"] is None
    assert body["errors"][0]["path"] == ["order", "customer"]
    stand.install(f"{SCOPES},read_customers")
    assert stand.ask(query, {"id": gid("Order", order["id"])})["order"]["customer"]["id"].startswith("gid://")


def test_pages_cover_everything_once(stocked: Stand) -> None:
    seen, after = [], None
    while True:
        page = stocked.ask(operation("ChangedProducts"), {"first": 7, "after": after})["products"]
        seen += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 30


def test_last_and_reverse(stocked: Stand) -> None:
    query = """query P($first: Int, $last: Int, $reverse: Boolean) {
      products(first: $first, last: $last, reverse: $reverse, sortKey: ID) { nodes { id } } }"""
    everything = [n["id"] for n in stocked.ask(query, {"first": 30})["products"]["nodes"]]
    backwards = [n["id"] for n in stocked.ask(query, {"first": 3, "reverse": True})["products"]["nodes"]]
    assert backwards == everything[::-1][:3]
    assert [n["id"] for n in stocked.ask(query, {"last": 3})["products"]["nodes"]] == everything[-3:]
    body = stocked.raw(query, {}).json()
    assert body["errors"][0]["message"] == "you must provide one of first or last"


def test_search_by_time_status_and_id(stocked: Stand) -> None:
    draft = stocked.product(status="DRAFT")["id"]
    ids = "query I($q: String) { products(first: 250, query: $q) { nodes { id } } }"

    def found(text: str) -> set[str]:
        return {node["id"] for node in stocked.ask(ids, {"q": text})["products"]["nodes"]}

    assert found("status:draft") == {gid("Product", draft)}
    assert len(found("status:active")) == 30
    assert len(found("status:active,draft,archived,unlisted")) == 31
    assert found(f"id:{draft}") == {gid("Product", draft)}
    assert found(f"id:>={draft} AND status:draft") == {gid("Product", draft)}
    assert len(found(f"NOT id:{draft}")) == 30
    assert len(found(f"(id:{draft} OR status:active) updated_at:>'2000-01-01T00:00:00Z'")) == 31
    assert found("updated_at:>='2100-01-01T00:00:00Z'") == set()


def test_unquoted_time_filters_nothing_and_warns(stocked: Stand) -> None:
    query = "query I($q: String) { products(first: 250, query: $q) { nodes { id } } }"
    body = stocked.raw(query, {"q": "updated_at:>=2100-01-01T00:00:00Z"}).json()
    assert len(body["data"]["products"]["nodes"]) == 30
    assert body["extensions"]["search"][0]["warnings"][0]["field"] == "updated_at"


def test_nodes_by_ids_keep_places(stocked: Stand) -> None:
    ids = [gid("Product", 8_000_000_000_001), gid("Product", 1), gid("ProductVariant", 45_000_000_000_002)]
    nodes = stocked.ask(operation("NodesByIds"), {"ids": ids})["nodes"]
    assert [n and n["__typename"] for n in nodes] == ["Product", None, "ProductVariant"]


def test_orders_older_than_60_days_need_read_all_orders(stand: Stand) -> None:
    old = stand.order({"title": "Old", "price": "5.00"}, created_at="2020-01-01T00:00:00Z")
    settle = {"id": gid("Order", old["id"])}
    assert stand.ask(operation("OrderForSettlement"), settle)["order"] is None
    assert stand.ask(operation("OrdersSince"), {"first": 5})["orders"]["nodes"] == []
    stand.install(f"{SCOPES},read_all_orders")
    assert stand.ask(operation("OrderForSettlement"), settle)["order"]["name"] == old["name"]


def test_api_fails_and_throttles_on_demand(stocked: Stand) -> None:
    stocked.control("PUT", "/misbehaviour", {"api_fail": 1.0, "api_fail_status": 502})
    assert stocked.raw(operation("ShopInfo")).status_code == 502
    stocked.control("PUT", "/misbehaviour", {"api_fail": 0.0, "throttle": 1.0})
    stocked.shop("PUT", "/bucket", {"restore_rate": 0.1})
    assert stocked.raw(operation("ShopInfo")).json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    stocked.control("DELETE", "/misbehaviour")
    stocked.shop("PUT", "/bucket", {"restore_rate": 10_000})
    assert stocked.ask(operation("ShopInfo"))["shop"]["currencyCode"] == "USD"
    assert stocked.control("PUT", "/misbehaviour", {"dorp": 1}, status=422)["error"].startswith("no switch")
    assert stocked.control("PUT", "/misbehaviour", {"drop": 2}, status=422)


def test_facts_of_the_shop(bare: Stand) -> None:
    bare.create_shop(currency="JPY", taxes_included=True, timezone="Asia/Tokyo", plan="Plus")
    bare.install()
    shop = bare.ask(operation("ShopInfo"))["shop"]
    assert (shop["currencyCode"], shop["ianaTimezone"], shop["taxesIncluded"]) == ("JPY", "Asia/Tokyo", True)
    assert shop["shopAddress"]["countryCodeV2"] == "JP"
    assert shop["plan"]["shopifyPlus"] is True
    scopes = bare.ask(operation("InstalledScopes"))["currentAppInstallation"]["accessScopes"]
    assert {s["handle"] for s in scopes} == set(SCOPES.split(","))


@pytest.mark.parametrize(
    ("currency", "price", "shown"), [("JPY", "3980", "3980"), ("KWD", "12.500", "12.500"), ("EUR", "9.90", "9.90")]
)
def test_prices_have_the_currencys_decimals(
    tmp_path: Path, receiver: Receiver, currency: str, price: str, shown: str
) -> None:
    stand = Stand(tmp_path / "s", receiver)
    try:
        stand.create_shop(currency=currency)
        stand.install()
        made = stand.product(price)
        assert made["variants"][0]["price"] == shown
        variants = stand.ask(operation("VariantsByUpdate"), {"first": 5})["productVariants"]["nodes"]
        assert variants[0]["price"] == shown
        assert stand.shop("POST", "/products", {"price": "1.0001"}, status=422)["error"].endswith(currency)
        stand.shop("POST", "/products/generate", {"count": 20, "bad": {"price_decimals": 1}})
        bad = [v["price"] for p in stand.shop("GET", "/products")["products"] for v in p["variants"]]
        decimals = {len(text.partition(".")[2]) for text in bad}
        assert len(decimals) == 2  # the currency's own, and one more on the item that nobody can price
    finally:
        stand.close()
