"""Catalog: the bulk file line by line, products by id, changes; and what can't be listed, with its reason."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import HostRefused, PayloadUnreadable, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import Product, Variant
from connector.platforms.contract import BulkNode, Client, RefusedItem
from connector.platforms.reading import plain_text
from connector.platforms.shopify import PLATFORM
from tests.platforms.shopify.kit import PAYLOADS, Reply, Script, Sent, graphql, make_client, make_settings

CATALOG = PLATFORM.catalog
FILE_URL = "https://storage.googleapis.com/example-bucket/bulk-147000000001.jsonl?signed=1"
FILE = (PAYLOADS / "api/bulk_products.jsonl").read_bytes()


def api(name: str) -> Reply:
    return Reply(content=(PAYLOADS / "api" / name).read_bytes())


def nodes(content: bytes, skip: int = 0, **given: Any) -> list[BulkNode]:
    return list(CATALOG.bulk_nodes(make_client(Script(Reply(200, content)), **given), FILE_URL, skip))


def line(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(FILE.splitlines()[2])
    return made | changed


def one(value: dict[str, Any], **given: Any) -> Any:
    (node,) = nodes(json.dumps(value).encode(), **given)
    return node.value


# --- the bulk operation -----------------------------------------------------------------------------------------------


def test_an_export_is_started_with_all_statuses_and_no_variables() -> None:
    http = Script(api("graphql_bulk_start.json"))
    assert CATALOG.bulk_start(make_client(http)) == "147000000001"
    query = http.sent[0].variables["query"]
    assert "status:active,draft,archived,unlisted" in query
    assert "$" not in query
    assert query.count("__typename") == 3


@pytest.mark.parametrize("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED"])
def test_other_exports_are_waited_for(code: str) -> None:
    errors = [{"code": code, "message": "running"}]
    http = Script(graphql({"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": errors}}))
    with pytest.raises(PlatformBusy) as busy:
        CATALOG.bulk_start(make_client(http))
    assert busy.value.retry_after > 0


def test_a_query_that_shopify_refuses_is_refused() -> None:
    errors = [{"code": "INVALID", "message": "Bulk queries cannot contain a connection field within a list field."}]
    http = Script(graphql({"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": errors}}))
    with pytest.raises(PlatformRefused, match="list field"):
        CATALOG.bulk_start(make_client(http))


def test_a_finished_export_names_its_file() -> None:
    state = CATALOG.bulk_state(make_client(Script(api("graphql_bulk_completed.json"))), "147000000001")
    assert (state.status, state.objects, state.roots, state.size) == ("done", 6, 2, 2499)
    assert state.url == FILE_URL


@pytest.mark.parametrize(
    ("theirs", "ours", "problem"),
    [
        ("CREATED", "running", ""),
        ("RUNNING", "running", ""),
        ("CANCELING", "running", ""),
        ("CANCELED", "cancelled", ""),
        ("FAILED", "failed", "ACCESS_DENIED"),
        ("EXPIRED", "failed", "ACCESS_DENIED"),
        ("COMPLETED", "done", ""),
    ],
)
def test_states_of_an_export(theirs: str, ours: str, problem: str) -> None:
    node = {"id": "gid://shopify/BulkOperation/1", "status": theirs, "errorCode": "ACCESS_DENIED", "objectCount": "5",
            "rootObjectCount": "2", "fileSize": None, "url": None}  # fmt: skip
    state = CATALOG.bulk_state(make_client(Script(graphql({"bulkOperation": node}))), "1")
    assert (state.status, state.problem, state.objects, state.url) == (ours, problem, 5, None)


def test_an_export_that_is_not_there() -> None:
    with pytest.raises(PlatformRefused):
        CATALOG.bulk_state(make_client(Script(graphql({"bulkOperation": None}))), "1")


@pytest.mark.parametrize(("status", "refused"), [("COMPLETED", False), ("RUNNING", True)])
def test_cancelling_what_is_over_is_fine(status: str, refused: bool) -> None:
    error = graphql({"bulkOperationCancel": {"bulkOperation": None, "userErrors": [{"message": "cannot be canceled"}]}})
    state = graphql({"bulkOperation": {"id": "gid://shopify/BulkOperation/1", "status": status, "objectCount": "0"}})
    client = make_client(Script(error, state))
    if refused:
        with pytest.raises(PlatformRefused):
            CATALOG.bulk_cancel(client, "1")
    else:
        CATALOG.bulk_cancel(client, "1")


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_recorded_file_line_by_line() -> None:
    found = nodes(FILE)
    assert [(n.kind, n.ref, n.parent_ref) for n in found] == [
        ("product", "8000000000001", None),
        ("product", "8000000000002", None),
        ("variant", "45000000000001", "8000000000001"),
        ("variant", "45000000000002", "8000000000002"),
        ("variant", "45000000000004", "8000000000001"),
        ("image", "37000000000009", "8000000000001"),
    ]
    mug, tote, blue, plain, red, image = (n.value for n in found)
    assert mug == Product(
        product_ref="8000000000001", title="Sample Mug", status="active", currency="USD",
        changed_at=datetime(2026, 11, 20, 14, 0, 1, tzinfo=UTC), handle="sample-mug", vendor="Sample Vendor",
        category="Mugs", description="Stoneware mug", url="https://sample-shop.example/products/sample-mug",
        image_url="https://cdn.shopify.com/s/files/1/0000/0000/files/mug.jpg?v=1", tags=("affiliate", "kitchen"),
    )  # fmt: skip
    assert (tote.published, tote.url, tote.image_url) == (False, "", "")
    assert blue == Variant(
        variant_ref="45000000000001", price=4000, title="Blue", sku="MUG-1", compare_at=4800, available=True, stock=12,
        position=1, options=(("Color", "Blue"),), item_ref="45000001000001",
    )  # fmt: skip
    assert (plain.stock, plain.available) == (-3, True)  # sold on without stock
    assert (red.stock, red.available) == (0, False)
    assert image == "https://cdn.shopify.com/s/files/1/0000/0000/files/mug.jpg?v=1"


def test_lines_may_come_in_any_order() -> None:
    lines = FILE.splitlines()
    random.Random(5).shuffle(lines)
    assert sorted(map(repr, nodes(b"\n".join(lines)))) == sorted(map(repr, nodes(FILE)))


@pytest.mark.parametrize("skip", range(7))
def test_lines_that_were_taken_are_skipped(skip: int) -> None:
    assert nodes(FILE, skip) == nodes(FILE)[skip:]


def test_no_token_goes_to_the_files_host() -> None:
    http = Script(Reply(200, FILE))
    list(CATALOG.bulk_nodes(make_client(http), FILE_URL))
    assert http.sent[0].headers == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/bulk.jsonl", "http://storage.googleapis.com/x", "https://storage.googleapis.com.evil.example/x",
        "https://storage.googleapis.com@evil.example/x", "https://evil.example/storage.googleapis.com",
        "https://storage.googleapis.com:8443/x", "file:///etc/passwd", "", "//storage.googleapis.com/x",
        "https://127.0.0.1/x", "https://storage.googleapis.com\\@evil.example/x",
    ],
)  # fmt: skip
def test_files_of_other_hosts_are_refused_before_anything_leaves(url: str) -> None:
    http = Script()
    with pytest.raises(HostRefused):
        list(CATALOG.bulk_nodes(make_client(http), url))
    assert http.sent == []


def test_the_stand_ins_host_counts_in_dev_only(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:9000/bulk/bulk-1.jsonl"
    dev = make_settings(env="dev", origin_template="http://127.0.0.1:9000/shops/{shop}")
    assert len(list(CATALOG.bulk_nodes(make_client(Script(Reply(200, FILE)), dev), url))) == 6
    with pytest.raises(HostRefused):
        list(CATALOG.bulk_nodes(make_client(Script(), dev), "http://127.0.0.1:9001/bulk-1.jsonl"))
    with pytest.raises(HostRefused):
        list(CATALOG.bulk_nodes(make_client(Script()), url))


def test_hosts_are_a_setting() -> None:
    other = make_settings(bulk_hosts="storage.googleapis.com,files.example")
    client = make_client(Script(Reply(200, FILE)), other)
    assert len(list(CATALOG.bulk_nodes(client, "https://files.example/x"))) == 6


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, PlatformRefused), (404, PlatformRefused), (302, PlatformRefused), (500, PlatformDown), (429, PlatformDown)],
)
def test_a_file_that_is_not_given(status: int, error: type) -> None:
    reply = Reply(status, b"<Error>")
    with pytest.raises(error):
        list(CATALOG.bulk_nodes(make_client(Script(reply)), FILE_URL))
    assert reply.closed


@pytest.mark.parametrize("cut", range(1, 400, 13))
def test_a_file_cut_inside_a_line_fails(cut: int) -> None:
    with pytest.raises(PayloadUnreadable, match="line 6"):
        nodes(FILE.rstrip(b"\n")[:-cut]) if cut < 150 else nodes(
            FILE[: FILE.rindex(b'{"__typename":"MediaImage"') + 20]
        )


def test_the_answer_is_closed_when_the_reader_stops() -> None:
    reply = Reply(200, FILE)
    stream = CATALOG.bulk_nodes(make_client(Script(reply)), FILE_URL)
    next(stream)
    assert isinstance(stream, Iterator)
    stream.close()  # type: ignore[attr-defined]
    assert reply.closed


@pytest.mark.parametrize("bad", [b"\xff\xfe", b"null", b"[]", b"5", b"{", b'{"__typename":"Product"}', b"[" * 50_000])
def test_a_line_that_is_no_object_fails_with_its_number(bad: bytes) -> None:
    with pytest.raises(PayloadUnreadable) as cut:
        nodes(FILE.rstrip(b"\n") + b"\n" + bad)
    assert cut.value.path.startswith("line 7")


def test_a_variant_without_a_parent_fails() -> None:
    value = line()
    del value["__parentId"]
    with pytest.raises(PayloadUnreadable, match="__parentId"):
        nodes(json.dumps(value).encode())


@pytest.mark.parametrize("kind", ["Video", "ExternalVideo", "Model3d", "Metafield"])
def test_lines_of_other_kinds_are_no_harm(kind: str) -> None:
    found = nodes(
        json.dumps(
            {"__typename": kind, "id": f"gid://shopify/{kind}/5", "__parentId": "gid://shopify/Product/8"}
        ).encode()
    )
    assert found == [BulkNode("other", "5", "8", None)]
    assert nodes(json.dumps({"__typename": kind, "__parentId": "gid://shopify/Product/8"}).encode())[0].kind == "other"


def test_an_image_in_the_making_has_no_address_yet() -> None:
    value = {
        "__typename": "MediaImage",
        "id": "gid://shopify/MediaImage/5",
        "image": None,
        "__parentId": "gid://shopify/Product/8",
    }
    assert one(value) == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"price": None}, "price_missing"),
        ({"price": ""}, "price_missing"),
        ({"price": "on request"}, "price_unreadable"),
        ({"price": "19.999"}, "price_unreadable"),
        ({"price": "1e3"}, "price_unreadable"),
        ({"price": "9" * 30}, "price_unreadable"),
        ({"compareAtPrice": "x"}, "price_unreadable"),
        ({"price": "-1"}, "price_negative"),
        ({"compareAtPrice": "-0.01"}, "price_negative"),
        ({"price": "1" * 19}, "price_unreadable"),
        ({"price": 40.0}, "unreadable"),
        ({"position": "first"}, "unreadable"),
        ({"selectedOptions": [{"name": 5}]}, "unreadable"),
    ],
)
def test_a_bad_variant_refuses_its_whole_product(changed: dict[str, Any], reason: str) -> None:
    refused = one(line(**changed))
    assert isinstance(refused, RefusedItem)
    assert (refused.product_ref, refused.reason) == ("8000000000001", reason)
    assert refused.detail


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"title": None}, "title_missing"),
        ({"title": "  "}, "title_missing"),
        ({"status": "SOON"}, "status_unknown"),
        ({"status": None}, "status_unknown"),
        ({"tags": "a,b"}, "unreadable"),
    ],
)
def test_a_bad_head_refuses_its_product(changed: dict[str, Any], reason: str) -> None:
    refused = one(json.loads(FILE.splitlines()[0]) | changed)
    assert isinstance(refused, RefusedItem)
    assert (refused.product_ref, refused.reason) == ("8000000000001", reason)


@pytest.mark.parametrize(
    ("currency", "price", "units"),
    [("JPY", "3980", 3980), ("JPY", "3980.0", 3980), ("KWD", "1.500", 1500), ("EUR", "0.00", 0)],
)
def test_prices_by_currency(currency: str, price: str, units: int) -> None:
    assert one(line(price=price, compareAtPrice=None), currency=currency).price == units


def test_stock_that_is_not_tracked_is_unknown() -> None:
    variant = one(line(inventoryItem={"tracked": False, "requiresShipping": False}, inventoryQuantity=0))
    assert (variant.stock, variant.available, variant.requires_shipping) == (None, True, False)


@pytest.mark.parametrize("status", ["active", "draft", "archived", "unlisted"])
def test_every_status_is_kept(status: str) -> None:
    assert one(json.loads(FILE.splitlines()[0]) | {"status": status.upper()}).status == status


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Stoneware&nbsp;mug</p>", "Stoneware mug"),
        ("<p>one</p><p>two<br>three</p><ul><li>a</li><li>b</li></ul>", "one\ntwo\nthree\na\nb"),
        ("plain   text\n\n\n here", "plain text\nhere"),
        ("Fish &amp; Chips", "Fish & Chips"),
        ("a < b and c > d", "a < b and c > d"),
        ('<img alt="x > y" src="z">kept', "kept"),
        ("<script>alert(1)</script>kept", "kept"),
        ("<style>p { color: red }</style>kept", "kept"),
        ("<!-- hidden -->kept", "kept"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("<p>" + "long " * 3000 + "</p>", ("long " * 3000).strip()),
        ("", ""),
    ],
)
def test_descriptions_are_text(markup: str, text: str) -> None:
    assert plain_text(markup) == text


# --- the live API -----------------------------------------------------------------------------------------------------


class Store:
    """Products with many variants and images, in pages; refuses what would be too dear."""

    def __init__(self, variants: int = 3, media: int = 1, products: int = 3, most: int = 99) -> None:
        head = json.loads(FILE.splitlines()[0])
        self.heads = {
            str(n): head
            | {"id": f"gid://shopify/Product/{n}", "title": f"P{n}", "updatedAt": f"2026-11-20T14:00:{n % 60:02d}Z"}
            for n in range(1, products + 1)
        }
        self.variants = variants
        self.media = media
        self.most = most

    def connection(self, kind: str, count: int, product: str, size: int, after: str | None) -> dict[str, Any]:
        start = int(after) if after else 0
        end = min(count, start + size)
        base = int(product) * 10_000
        if kind == "variant":
            rows = [line(id=f"gid://shopify/ProductVariant/{base + n}", position=n + 1) for n in range(start, end)]
        else:
            rows = [
                {
                    "__typename": "MediaImage",
                    "id": f"gid://shopify/MediaImage/{base + n}",
                    "image": {"url": f"https://cdn.example/{n}"},
                }
                for n in range(start, end)
            ]
        return {"pageInfo": {"hasNextPage": end < count, "endCursor": str(end)}, "nodes": rows}

    def show(self, number: str, values: dict[str, Any]) -> dict[str, Any]:
        return self.heads[number] | {
            "variants": self.connection("variant", self.variants, number, values["variants"], None),
            "media": self.connection("image", self.media, number, values["media"], None),
        }

    def __call__(self, request: Sent) -> Any:
        values = request.variables
        if request.operation == "Products":
            if len(values["ids"]) > self.most:
                return graphql(None, errors=[{"message": "", "extensions": {"code": "MAX_COST_EXCEEDED"}}])
            numbers = [gid.rpartition("/")[2] for gid in values["ids"]]
            return graphql({"nodes": [self.show(n, values) if n in self.heads else None for n in numbers]})
        if request.operation == "ProductsChanged":
            start = int(values["after"] or 0)
            numbers = list(self.heads)[start : start + values["first"]]
            end = start + len(numbers)
            info = {"hasNextPage": end < len(self.heads), "endCursor": str(end)}
            return graphql({"products": {"pageInfo": info, "nodes": [self.show(n, values) for n in numbers]}})
        number = values["id"].rpartition("/")[2]
        if number not in self.heads:
            return graphql({"product": None})
        kind, count = ("variant", self.variants) if request.operation == "ProductVariants" else ("image", self.media)
        name = "variants" if kind == "variant" else "media"
        return graphql({"product": {name: self.connection(kind, count, number, values["first"], values["after"])}})


def client_of(store: Store) -> Client:
    return make_client(Script(store))


def test_2048_variants_are_read_to_the_last() -> None:
    http = Script(Store(variants=2048, media=25, products=1))
    page = CATALOG.products(make_client(http), ["1"])
    (product,) = page.products
    assert [v.variant_ref for v in product.variants] == [str(10_000 + n) for n in range(2048)]
    assert product.variants_complete
    assert len(product.images) == 25
    assert len(http.sent) < 18


def test_products_that_are_not_there_are_absent() -> None:
    page = CATALOG.products(client_of(Store()), ["2", "99", "2"])
    assert [p.product_ref for p in page.products] == ["2"]


def test_nothing_asked_for_asks_nothing() -> None:
    http = Script()
    assert CATALOG.products(make_client(http), []).products == []
    assert http.sent == []


def test_many_products_come_in_pages_that_are_halved_when_too_dear() -> None:
    http = Script(Store(products=20, most=3))
    page = CATALOG.products(make_client(http), [str(n) for n in range(1, 21)])
    assert [p.product_ref for p in page.products] == [str(n) for n in range(1, 21)]
    assert [len(sent.variables["ids"]) for sent in http.sent][:3] == [7, 3, 3]


def test_a_live_product_with_a_bad_price_is_refused_with_its_title(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    real = store.connection

    def bent(kind: str, *given: Any) -> dict[str, Any]:
        made = real(kind, *given)
        if kind == "variant":
            made["nodes"][-1]["price"] = "soon"
        return made

    monkeypatch.setattr(store, "connection", bent)
    page = CATALOG.products(client_of(store), ["1"])
    assert page.products == []
    assert [(r.product_ref, r.title, r.reason) for r in page.refused] == [("1", "P1", "price_unreadable")]


def test_a_live_product_equals_the_bulk_files() -> None:
    head = json.loads(FILE.splitlines()[0])
    answer = json.loads((PAYLOADS / "api/graphql_products_page.json").read_text())["data"]["products"]["nodes"][0]
    media = {"pageInfo": {"hasNextPage": False}, "nodes": answer["media"]["nodes"]}
    page = CATALOG.products(make_client(Script(graphql({"nodes": [answer | {"media": media}]}))), ["8000000000001"])
    (product,) = page.products
    bulk = one(head)
    assert [
        getattr(product, name) for name in ("title", "status", "handle", "description", "url", "image_url", "tags")
    ] == [getattr(bulk, name) for name in ("title", "status", "handle", "description", "url", "image_url", "tags")]
    assert product.images == ("https://cdn.shopify.com/s/files/1/0000/0000/files/mug.jpg?v=1",)
    assert product.variants[0] == one(line())


def test_changed_products_in_every_status_since_a_moment() -> None:
    http = Script(Store(products=20))
    seen: list[str] = []
    checkpoint = None
    while True:
        page = CATALOG.changed(make_client(http), datetime(2026, 11, 20, 14, 0, tzinfo=UTC), checkpoint)
        seen += [p.product_ref for p in page.products]
        checkpoint = page.checkpoint
        if checkpoint is None:
            break
    assert seen == [str(n) for n in range(1, 21)]
    assert http.sent[0].variables["query"] == (
        "status:active,draft,archived,unlisted AND updated_at:>='2026-11-20T14:00:00Z'"
    )


def test_all_products_where_there_is_no_moment() -> None:
    http = Script(Store(products=2))
    page = CATALOG.changed(make_client(http), None, None)
    assert len(page.products) == 2
    assert http.sent[0].variables["query"] == "status:active,draft,archived,unlisted"


def test_a_product_that_goes_while_it_is_read_is_tried_later() -> None:
    store = Store(variants=50, products=1)
    http = Script(
        lambda request: graphql({"product": None}) if request.operation == "ProductVariants" else store(request)
    )
    with pytest.raises(PlatformBusy):
        CATALOG.products(make_client(http), ["1"])
