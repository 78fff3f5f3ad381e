"""Orders through the API: whole, in one version, equal to the body; and the list of what changed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import PayloadUnreadable, PlatformBusy, PlatformRefused
from connector.events import content_hash
from connector.platforms.contract import Client, Envelope
from connector.platforms.shopify import PLATFORM
from tests.platforms.shopify.case import aftermath_answer, bag, order_answer, recorded, recorded_read
from tests.platforms.shopify.kit import DOMAIN, Script, Sent, graphql, make_client

ORDERS = PLATFORM.orders
REF = "7100000000001"


def told(name: str = "orders_updated.after_refund.json") -> Any:
    envelope = Envelope(domain=DOMAIN, topic="orders/updated")
    return PLATFORM.webhooks.translate(envelope, recorded(name), "USD")[0].snapshot


def test_the_recorded_answers_equal_the_recorded_body() -> None:
    read = ORDERS.one(make_client(recorded_read()), REF)
    assert read is not None
    assert read.snapshot == told()
    assert content_hash(read.snapshot) == content_hash(told())
    assert read.buyer.customer_ref is None


def test_an_order_that_is_not_there() -> None:
    assert ORDERS.one(make_client(Script(graphql({"order": None}))), REF) is None


@pytest.mark.parametrize("reference", ["", "abc", "gid://shopify/Order/1", "1) { id } #", "\u0661"])
def test_references_that_are_none_send_nothing(reference: str) -> None:
    http = Script()
    with pytest.raises(PayloadUnreadable):
        ORDERS.one(make_client(http), reference)
    assert http.sent == []


def test_answers_about_other_orders_are_not_taken_for_ours() -> None:
    other = order_answer()["data"]["order"] | {"id": "gid://shopify/Order/1", "parcels": [], "everyRefund": []}
    for nodes in ([other], [], [None, None]):
        with pytest.raises(PayloadUnreadable):
            ORDERS.some(make_client(Script(graphql({"nodes": nodes}))), [REF])


def test_a_batch_that_is_too_dear_is_made_smaller() -> None:
    sizes: list[int] = []

    def dear(request: Sent) -> Any:
        ids = request.variables["ids"]
        sizes.append(len(ids))
        if len(ids) > 2:
            error = {"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}
            return graphql(None, errors=[error])
        return graphql({"nodes": [None] * len(ids)})

    refs = [str(number) for number in range(1, 8)]
    assert ORDERS.some(make_client(Script(dear)), [*refs, "1"]) == dict.fromkeys(refs)
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1, 1]


# --- a Shopify whose lists have small pages ---------------------------------------------------------------------------


def connection(rows: list[Any], size: int, after: str | None) -> dict[str, Any]:
    start = int(after) if after else 0
    end = min(len(rows), start + size)
    return {
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end) if rows else None},
        "nodes": rows[start:end],
    }


class Shopify:
    """Answers the documents of orders.py for one order, in pages as small as we like."""

    def __init__(
        self, lines: int = 3, refunds: int = 1, refund_lines: int = 1, fulfilments: int = 0, size: int = 2
    ) -> None:
        order = order_answer()["data"]["order"]
        template = order["lineItems"]["nodes"][1]
        self.lines = [{**copy.deepcopy(template), "id": f"gid://shopify/LineItem/{100 + n}"} for n in range(lines)]
        self.applications = [
            {"__typename": "DiscountCodeApplication", "index": n, "code": f"CODE{n}"} for n in range(3)
        ]
        self.shipping = [
            {"isRemoved": False, "discountedPriceSet": bag("1.00"),
             "discountAllocations": [{"allocatedAmountSet": bag("0.10")}]}
        ] * 3  # fmt: skip
        self.order = order
        self.refunds = [self.refund(n, refund_lines) for n in range(refunds)]
        self.fulfilments = [self.fulfilment(n) for n in range(fulfilments)]
        self.size = size
        self.most_lines = 1000
        self.moves = 0  # how often the order changes between two questions
        self.version = 0

    def refund(self, n: int, lines: int) -> dict[str, Any]:
        row = aftermath_answer()["data"]["order"]["refunds"][0]["refundLineItems"]["nodes"][0]
        numbers = [n * 1000 + k for k in range(lines)]
        return {
            "id": f"gid://shopify/Refund/{900 + n}",
            "createdAt": f"2026-11-25T14:00:{n % 60:02d}Z",
            "processedAt": "2026-11-25T14:00:00Z",
            "lines": [
                {**row, "id": f"gid://shopify/RefundLineItem/{k}", "lineItem": {"id": "gid://shopify/LineItem/100"}}
                for k in numbers
            ],
            "adjustments": [
                {"id": f"gid://shopify/OrderAdjustment/{k}", "reason": "CUSTOMER", "amountSet": bag("-1.00")}
                for k in numbers
            ],
            "transactions": [
                {"id": f"gid://shopify/OrderTransaction/{k}", "kind": "REFUND", "status": "SUCCESS"} for k in numbers
            ],
            "shipping": [{"subtotalAmountSet": bag("1.00"), "taxAmountSet": bag("0.10")} for k in numbers],
        }

    def fulfilment(self, n: int) -> dict[str, Any]:
        return {
            "id": f"gid://shopify/Fulfillment/{300 + n}",
            "createdAt": "2026-11-21T14:00:00Z",
            "updatedAt": "2026-11-23T16:30:00Z",
            "status": "SUCCESS",
            "displayStatus": "DELIVERED",
            "lines": [{"quantity": 1, "lineItem": {"id": f"gid://shopify/LineItem/{100 + k}"}} for k in range(5)],
        }

    def __call__(self, request: Sent) -> Any:
        values = request.variables
        answer = getattr(self, f"_{request.operation}")(values)
        if request.operation == "Order" and self.moves:
            self.moves -= 1
            self.version += 1
        return answer

    @property
    def updated(self) -> str:
        return f"2026-11-25T14:00:{self.version:02d}Z"

    def _Order(self, values: dict[str, Any]) -> Any:
        if values["lines"] > self.most_lines:
            return graphql(None, errors=[{"message": "", "extensions": {"code": "MAX_COST_EXCEEDED"}}])
        order = self.order | {
            "updatedAt": self.updated,
            "lineItems": connection(self.lines, min(self.size, values["lines"]), None),
            "discountApplications": connection(self.applications, self.size, None),
            "shippingLines": connection(self.shipping, self.size, None),
            "refunds": [{"id": r["id"]} for r in self.refunds[:1]],
            "fulfillments": [{"id": f["id"]} for f in self.fulfilments[:1]],
        }
        if values["buyer"]:
            order["customer"] = {"id": "gid://shopify/Customer/66"}
        return graphql({"order": order})

    def _rest(self, name: str, rows: list[Any], values: dict[str, Any]) -> Any:
        return graphql({"order": {"updatedAt": self.updated, name: connection(rows, self.size, values["after"])}})

    def _OrderLines(self, values: dict[str, Any]) -> Any:
        return self._rest("lineItems", self.lines, values)

    def _OrderApplications(self, values: dict[str, Any]) -> Any:
        return self._rest("discountApplications", self.applications, values)

    def _OrderShipping(self, values: dict[str, Any]) -> Any:
        return self._rest("shippingLines", self.shipping, values)

    def _show(self, refund: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        shown = {key: refund[key] for key in ("id", "createdAt", "processedAt")}
        for name, ours in (
            ("refundLineItems", "lines"),
            ("orderAdjustments", "adjustments"),
            ("transactions", "transactions"),
            ("refundShippingLines", "shipping"),
        ):
            shown[name] = connection(refund[ours], self.size, values.get(ours))
        return shown

    def _show_fulfilment(self, fulfilment: dict[str, Any], after: str | None) -> dict[str, Any]:
        shown = {key: value for key, value in fulfilment.items() if key != "lines"}
        return shown | {"fulfillmentLineItems": connection(fulfilment["lines"], self.size, after)}

    def _Aftermath(self, values: dict[str, Any]) -> Any:
        return graphql({"order": {
            "updatedAt": self.updated,
            "refunds": [self._show(r, {}) for r in self.refunds[: values["refunds"]]],
            "fulfillments": [self._show_fulfilment(f, None) for f in self.fulfilments[: values["fulfilments"]]],
        }})  # fmt: skip

    def _AftermathIds(self, values: dict[str, Any]) -> Any:
        return graphql({"order": {
            "updatedAt": self.updated,
            "refunds": [{"id": r["id"]} for r in self.refunds[:250]],
            "fulfillments": [{"id": f["id"]} for f in self.fulfilments[:250]],
        }})  # fmt: skip

    def _Refund(self, values: dict[str, Any]) -> Any:
        refund = next(r for r in self.refunds if r["id"] == values["id"])
        return graphql({"refund": self._show(refund, values)})

    def _Fulfilment(self, values: dict[str, Any]) -> Any:
        found = next(f for f in self.fulfilments if f["id"] == values["id"])
        return graphql({"fulfillment": self._show_fulfilment(found, values["after"])})


def read(shopify: Shopify, **given: Any) -> Any:
    found = ORDERS.one(make_client(Script(shopify), **given), REF)
    assert found is not None
    return found


def test_every_nested_list_is_read_to_its_end() -> None:
    order = read(Shopify(lines=7, refunds=11, refund_lines=5, fulfilments=9)).snapshot
    assert [line.line_ref for line in order.lines] == [str(100 + n) for n in range(7)]
    assert [c.value for c in order.carriers if c.kind == "code"] == ["CODE0", "CODE1", "CODE2"]
    assert (order.shipping, order.shipping_discounts) == (300, 30)
    assert [refund.refund_ref for refund in order.refunds] == [str(900 + n) for n in range(11)]
    for refund in order.refunds:
        assert (len(refund.lines), len(refund.adjustments), len(refund.transactions)) == (5, 5, 5)
        assert len({line.refund_line_ref for line in refund.lines}) == 5
        assert (refund.shipping, refund.shipping_tax) == (500, 50)
    assert [f.fulfilment_ref for f in order.fulfilments] == [str(300 + n) for n in range(9)]
    assert all(len(f.lines) == 5 for f in order.fulfilments)
    assert order.fulfilments[0].delivered_at == datetime(2026, 11, 23, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_size_of_pages_changes_nothing(size: int) -> None:
    wanted = read(Shopify(lines=7, refunds=6, refund_lines=4, fulfilments=6, size=2)).snapshot
    assert read(Shopify(lines=7, refunds=6, refund_lines=4, fulfilments=6, size=size)).snapshot == wanted


def test_a_refund_with_lists_of_unequal_length_is_read_once_each() -> None:
    shopify = Shopify(refunds=1, refund_lines=5)
    shopify.refunds[0]["adjustments"] = []
    shopify.refunds[0]["transactions"] = shopify.refunds[0]["transactions"][:2]
    (refund,) = read(shopify).snapshot.refunds
    assert (len(refund.lines), len(refund.adjustments), len(refund.transactions)) == (5, 0, 2)


def test_too_many_refunds_to_be_sure_of_all_are_refused() -> None:
    shopify = Shopify(refunds=250)
    with pytest.raises(PayloadUnreadable) as refused:
        read(shopify)
    assert refused.value.path == "$.order.refunds"


def test_an_order_without_aftermath_is_one_question() -> None:
    http = Script(Shopify(lines=1, refunds=0, size=50))
    ORDERS.one(make_client(http), REF)
    assert [sent.operation for sent in http.sent] == ["Order"]


@pytest.mark.parametrize("moves", [1, 2, 3])
def test_an_order_that_changes_meanwhile_is_read_again(moves: int) -> None:
    shopify = Shopify(lines=5)
    shopify.moves = moves
    assert read(shopify).snapshot.changed_at == datetime(2026, 11, 25, 14, 0, moves, tzinfo=UTC)


def test_an_order_that_never_rests_is_left_for_later() -> None:
    shopify = Shopify(lines=5)
    shopify.moves = 99
    with pytest.raises(PlatformBusy):
        read(shopify)


def test_a_page_that_is_too_dear_is_halved() -> None:
    shopify = Shopify(lines=5, size=100)
    shopify.most_lines = 5
    http = Script(shopify)
    ORDERS.one(make_client(http), REF)
    assert [sent.variables["lines"] for sent in http.sent if sent.operation == "Order"] == [40, 20, 10, 5]


def test_the_buyer_is_asked_for_only_with_the_scope() -> None:
    http = Script(Shopify())
    assert ORDERS.one(make_client(http), REF).buyer.customer_ref is None  # type: ignore[union-attr]
    assert http.sent[0].variables["buyer"] is False
    assert read(Shopify(), scopes=("read_customers",)).buyer.customer_ref == "66"


def test_a_buyer_that_shopify_holds_back_costs_no_order() -> None:
    answer = order_answer()
    answer["data"]["order"] |= {"customer": None, "refunds": []}
    errors = [{"message": "not approved", "path": ["order", "customer"], "extensions": {"code": "ACCESS_DENIED"}}]
    client = make_client(Script(graphql(answer["data"], errors=errors)), scopes=("read_customers",))
    assert ORDERS.one(client, REF) is not None


def test_lines_that_shopify_holds_back_cost_the_order() -> None:
    errors = [{"message": "denied", "path": ["order", "lineItems"], "extensions": {"code": "ACCESS_DENIED"}}]
    client = make_client(Script(graphql(order_answer()["data"], errors=errors)))
    with pytest.raises(PlatformRefused):
        ORDERS.one(client, REF)


def test_a_refund_line_without_an_id_is_parked() -> None:
    shopify = Shopify()
    shopify.refunds[0]["lines"][0]["id"] = None
    with pytest.raises(PayloadUnreadable):
        read(shopify)


def test_a_cancelled_fulfilment_is_left_out() -> None:
    shopify = Shopify(fulfilments=2)
    shopify.fulfilments[0]["status"] = "CANCELLED"
    assert [f.fulfilment_ref for f in read(shopify).snapshot.fulfilments] == ["301"]


def test_a_fulfilment_on_its_way_is_not_delivered() -> None:
    shopify = Shopify(fulfilments=1)
    shopify.fulfilments[0]["displayStatus"] = "IN_TRANSIT"
    assert read(shopify).snapshot.fulfilments[0].delivered_at is None


# --- what changed -----------------------------------------------------------------------------------------------------

SINCE = datetime(2026, 11, 20, 14, 0, 0, 999999, tzinfo=UTC)


class Heads:
    """Orders by change time, in pages."""

    def __init__(self, count: int, page: int, every: int = 1) -> None:
        self.rows = [
            {"id": f"gid://shopify/Order/{n}", "name": f"#{n}", "createdAt": "2026-11-20T14:00:00Z",
             "updatedAt": f"2026-11-20T14:{n // every // 60:02d}:{n // every % 60:02d}Z"}
            for n in range(count)
        ]  # fmt: skip
        self.page = page
        self.queries: list[str] = []

    def __call__(self, request: Sent) -> Any:
        query = request.variables["query"]
        self.queries.append(query)
        start = query.partition(">='")[2].rstrip("'")
        rows = [row for row in self.rows if row["updatedAt"] >= start]
        return graphql({"orders": connection(rows, self.page, request.variables["after"])})


def all_heads(client: Client, since: datetime) -> list[str]:
    seen, checkpoint = [], None
    for _ in range(1000):
        page = ORDERS.changed(client, since, checkpoint)
        seen += [head.order_ref for head in page.heads]
        checkpoint = page.checkpoint
        if checkpoint is None:
            return seen
    raise AssertionError("no end")


def test_times_in_a_search_are_quoted_and_rounded_down() -> None:
    heads = Heads(1, 10)
    page = ORDERS.changed(make_client(Script(heads)), SINCE, None)
    assert heads.queries == ["updated_at:>='2026-11-20T14:00:00Z'"]
    assert page.checkpoint is None
    assert (page.heads[0].order_ref, page.heads[0].number) == ("0", "#0")
    assert page.heads[0].changed_at == datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def test_pages_go_on_to_the_end() -> None:
    assert all_heads(make_client(Script(Heads(25, 10))), SINCE) == [str(n) for n in range(25)]


def test_cursors_end_at_25000_rows_so_a_window_begins_anew_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.platforms.shopify.orders.WINDOW_PAGES", 3)
    heads = Heads(95, 10)
    seen = all_heads(make_client(Script(heads)), SINCE)
    assert set(seen) == {str(n) for n in range(95)}
    assert len(set(heads.queries)) > 3


def test_more_orders_in_one_second_than_a_window_holds_still_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.platforms.shopify.orders.WINDOW_PAGES", 3)
    heads = Heads(200, 10, every=100)
    assert set(all_heads(make_client(Script(heads)), SINCE)) == {str(n) for n in range(200)}
