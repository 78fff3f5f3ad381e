"""Sample orders beyond the suite: what a mark may do, what half an order becomes, what a store's odd answer means."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.conformance import Case
from connector.conformance.answers import Reply
from connector.conformance.sample_checks import RECIPIENT, Desk, desks
from connector.errors import InputRefused, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import Line, OrderSeen
from connector.platforms import rest, sampling
from connector.platforms.contract import Client, Envelope, Grant, Recipient, SampleOrder
from connector.platforms.rest import NoBudget
from connector.platforms.shopify.samples import Samples as ShopifySamples
from connector.platforms.woocommerce import samples as woo
from tests.platforms.bigcommerce.case import CASE as BIGCOMMERCE
from tests.platforms.medusa.case import CASE as MEDUSA
from tests.platforms.shopify.case import CASE as SHOPIFY
from tests.platforms.shopify.kit import make_settings
from tests.platforms.square.case import CASE as SQUARE
from tests.platforms.vendure.case import CASE as VENDURE
from tests.platforms.woocommerce.case import CASE as WOOCOMMERCE

REFERENCE = "smp_" + "7" * 26


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "pause", lambda seconds: None)


def desk(case: Case) -> Any:
    """A store of dollars that sells one thing; typed loosely, since each has its own inside."""
    return next(made for currency, made in desks(case) if currency == "USD")


# --- the mark ---------------------------------------------------------------------------------------------------------


def _woo(store: Any, order: str, mark: str) -> None:
    store.orders[int(order)]["meta_data"].append({"id": 9, "key": sampling.METADATA, "value": mark})


def _square(store: Any, order: str, mark: str) -> None:
    store.square.orders[order]["metadata"][sampling.METADATA] = mark


def _medusa(store: Any, order: str, mark: str) -> None:
    store.orders[order]["metadata"] = {sampling.METADATA: mark}


def _vendure(store: Any, order: str, mark: str) -> None:
    store.store.orders[order]["couponCodes"] = [mark]


def _bigcommerce(store: Any, order: str, mark: str) -> None:
    store.store.orders[int(order)] |= {"external_order_id": mark, "staff_notes": ""}


MARKED = [
    (WOOCOMMERCE, _woo), (SQUARE, _square), (MEDUSA, _medusa), (VENDURE, _vendure), (BIGCOMMERCE, _bigcommerce),
]  # fmt: skip


@pytest.mark.parametrize(("case", "set_mark"), MARKED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_mark_hides_no_sale_and_another_s_word_is_no_mark(
    case: Case, set_mark: Callable[[Any, str, str], None]
) -> None:
    at: Desk = desk(case)
    client, orders = at.store.client, case.platform.orders

    def sample(order: str) -> bool:
        read = orders.one(client, order)
        assert read is not None
        return read.snapshot.sample

    sold = at.store.order(at.product_ref, 1, "")
    set_mark(at.store, sold, REFERENCE)
    assert not sample(sold), "an order that was paid for, whatever it says"
    placed = at.samples.place(client, at.asked()).order_ref
    assert sample(placed)
    for word in ("yes", "sample_order", f"{REFERENCE} ", "smp_", ""):
        set_mark(at.store, placed, word)
        if case is WOOCOMMERCE:  # meta of one name may stand twice: the first stays ours
            at.store.orders[int(placed)]["meta_data"] = at.store.orders[int(placed)]["meta_data"][-1:]  # type: ignore[attr-defined]
        assert not sample(placed), word


def test_a_line_that_was_added_later_makes_an_ordinary_order_of_a_sample() -> None:
    free = Line("1", 1, 1, unit_price=0)
    sold = Line("2", 1, 1, unit_price=500)
    assert sampling.free([free])
    assert not sampling.free([free, sold])
    assert not sampling.free([])


def test_woocommerce_says_so_on_both_sides() -> None:
    at = desk(WOOCOMMERCE)
    placed = at.samples.place(at.store.client, at.asked())
    body = json.dumps(at.store.orders[int(placed.order_ref)]).encode()
    (event,) = WOOCOMMERCE.platform.webhooks.translate(Envelope(at.store.client.domain, "order"), body, "USD")
    read = WOOCOMMERCE.platform.orders.one(at.store.client, placed.order_ref)
    assert isinstance(event, OrderSeen)
    assert read is not None
    assert event.snapshot == read.snapshot
    assert event.snapshot.sample


def test_names_and_references() -> None:
    def split(name: str) -> tuple[str, str]:
        return sampling.names(replace(RECIPIENT, name=name))

    assert split("Mira van der Berg") == ("Mira van der", "Berg")
    assert split(" Cher ") == ("", "Cher")
    for wrong in ("", "smp_", "SMP_1234567", "smp_12'OR'1", "tch_" + "7" * 26, f"smp_{'7' * 40}"):
        with pytest.raises(InputRefused) as refused:
            sampling.checked(wrong)
        assert refused.value.field == "reference"
    assert "Robin" not in repr(RECIPIENT)
    assert sampling.checked(REFERENCE) == REFERENCE


# --- WooCommerce ------------------------------------------------------------------------------------------------------


def test_woocommerce_is_walked_back_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(woo, "PAGE", 2)
    monkeypatch.setattr(woo, "PAGES", 3)
    at = desk(WOOCOMMERCE)
    client, first = at.store.client, at.asked(1)
    placed = at.samples.place(client, first)
    for _ in range(4):
        at.store.order(at.product_ref, 1, "")
    assert at.samples.find(client, first.reference) == placed, "on the third page"
    for _ in range(2):
        at.store.order(at.product_ref, 1, "")
    asked = len(at.store.sent)
    assert at.samples.find(client, first.reference) is None, "further back than anybody asks after a cut call"
    assert len(at.store.sent) - asked == 3


def test_woocommerce_names_the_address_of_mail_and_keeps_statuses_that_it_does_not_know() -> None:
    at = desk(WOOCOMMERCE)
    client = at.store.client
    with pytest.raises(InputRefused) as refused:
        at.samples.place(client, at.asked(recipient=replace(RECIPIENT, email="nowhere")))
    assert refused.value.field == "recipient.email"
    placed = at.samples.place(client, at.asked())
    order = at.store.orders[int(placed.order_ref)]
    order["status"] = "packed-by-a-plugin"
    assert not at.samples.cancel(client, placed.order_ref)
    order["status"] = "trash"
    assert at.samples.cancel(client, placed.order_ref)
    assert at.samples.cancel(client, "4711"), "one that isn't there is on nobody's way"


# --- BigCommerce ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("The field 'zip' is invalid.", "recipient.postal_code"), ("state is required", "recipient.region"),
        ("The product_id 1 was not found", "variant_ref"), ("street_1 can't be blank", "recipient.address1"),
    ],
)  # fmt: skip
def test_bigcommerce_names_what_it_refuses_and_its_words_go_nowhere(text: str, field: str) -> None:
    at = desk(BIGCOMMERCE)
    said = json.dumps([{"status": 400, "message": f"{text} (Robin, private words)"}]).encode()
    asked = at.asked()
    at.store.store.answers = [None, Reply(400, said)]  # the product is read first
    with pytest.raises(InputRefused) as refused:
        at.samples.place(at.store.client, asked)
    assert refused.value.field == field
    assert "private" not in str(refused.value)


def test_a_refusal_that_names_nothing_is_for_a_person() -> None:
    at = desk(BIGCOMMERCE)
    asked = at.asked()
    at.store.store.answers = [None, Reply(400, b'[{"status": 400, "message": "private words"}]')]
    with pytest.raises(PlatformRefused) as refused:
        at.samples.place(at.store.client, asked)
    assert "private" not in str(refused.value)


# --- Square -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["find", "place"])
def test_square_finishes_what_was_left_half_made(by: str) -> None:
    at = desk(SQUARE)
    client, asked, square = at.store.client, at.asked(), at.store.square
    placed = at.samples.place(client, asked)
    order = square.orders[placed.order_ref]
    assert placed.order_ref in square.settled
    del order["metadata"]["connector_placed"]
    square.keys.clear()
    again = at.samples.find(client, asked.reference) if by == "find" else at.samples.place(client, asked)
    assert again == placed
    assert order["metadata"]["connector_placed"] == asked.reference
    assert [ref for ref, each in square.orders.items() if each.get("reference_id") == asked.reference] == [
        placed.order_ref
    ]


def test_square_completes_nothing_that_costs_something() -> None:
    at = desk(SQUARE)
    asked = at.asked()
    at.samples.place(at.store.client, asked)
    order = next(each for each in at.store.square.orders.values() if each["metadata"])
    order["total_money"]["amount"] = 5
    del order["metadata"]["connector_placed"]
    with pytest.raises(PlatformRefused, match="left to pay"):
        at.samples.place(at.store.client, asked)


# --- Medusa -----------------------------------------------------------------------------------------------------------


def test_medusa_s_draft_of_an_earlier_try_becomes_the_order() -> None:
    at = desk(MEDUSA)
    client, asked = at.store.client, at.asked()
    cut = {"seen": False}

    def before(request: Any) -> Reply | None:
        if request.path.endswith("/convert-to-order") and not cut["seen"]:
            cut["seen"] = True
            return Reply(503, b"{}")
        return None

    at.store.before = before
    with pytest.raises(PlatformDown):
        at.samples.place(client, asked)
    (draft,) = at.store.drafts
    assert at.samples.find(client, asked.reference) is None
    assert at.samples.place(client, asked).order_ref == draft
    assert not at.store.drafts


def test_what_medusa_s_search_finds_is_held_against_the_metadata() -> None:
    at = desk(MEDUSA)
    client, asked = at.store.client, at.asked()
    placed = at.samples.place(client, asked)
    at.store.orders[placed.order_ref]["metadata"] = {sampling.METADATA: at.asked(2).reference}
    assert at.samples.find(client, asked.reference) is None, "somebody wrote our word into a company"


def test_medusa_sends_only_where_the_store_sells_and_ships() -> None:
    at = desk(MEDUSA)
    client, answers = at.store.client, {"regions": "[]", "shipping-options": "[]"}
    for name in answers:
        reply = Reply(200, f'{{"{name.replace("-", "_")}": []}}'.encode())
        at.store.before = lambda request, name=name, reply=reply: reply if request.path.endswith(name) else None
        with pytest.raises(InputRefused) as refused:
            at.samples.place(client, at.asked())
        assert refused.value.field == "recipient.country"
    assert not at.store.drafts


# --- Vendure ----------------------------------------------------------------------------------------------------------


def test_vendure_leaves_no_draft_and_no_coupon_behind() -> None:
    at = desk(VENDURE)
    client, store = at.store.client, at.store.store
    with pytest.raises(InputRefused):
        at.samples.place(client, at.asked(recipient=replace(RECIPIENT, country="QZ")))
    store.methods = []
    with pytest.raises(InputRefused) as refused:
        at.samples.place(client, at.asked())
    assert refused.value.field == "recipient.country"
    assert {each["state"] for each in store.orders.values()} == {"Cancelled"}
    store.methods = [{"id": "2", "price": 900}, {"id": "1", "price": 500}]
    placed = at.samples.place(client, at.asked())
    assert store.promotions == {}
    assert store.orders[placed.order_ref]["notes"] == [at.asked().note]
    made = next(asked for name, asked in store.asked if name == "SampleFree")
    assert (made["method"], made["promotion"]["usageLimit"]) == ("1", 1)


def test_a_creator_with_an_account_at_the_store_gets_no_mail_and_the_parcel() -> None:
    at = desk(VENDURE)
    at.store.store.accounts = {RECIPIENT.email}
    placed = at.samples.place(at.store.client, at.asked())
    customer = at.store.store.orders[placed.order_ref]["customer"]
    assert customer["emailAddress"] == f"{at.asked().reference}@connector.invalid"


def test_vendure_places_nothing_that_stays_dear() -> None:
    at = desk(VENDURE)
    store = at.store.store
    whole = store._free
    store._free = lambda asked: {**whole(asked), "free": {"__typename": "Order", "totalWithTax": 500}}
    with pytest.raises(PlatformRefused, match="a price is left"):
        at.samples.place(at.store.client, at.asked())
    assert store.promotions == {}
    assert all(each["orderPlacedAt"] is None for each in store.orders.values())


# --- Shopify ----------------------------------------------------------------------------------------------------------


class Scripted:
    """Answers by the operation's name; one that is cut raises."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name: list(rows) for name, rows in answers.items()}
        self.asked: list[str] = []

    def send(self, method: str, url: str, *, body: bytes | None = None, **given: Any) -> Reply:
        operation = json.loads(body or b"")["query"].split()[1].partition("(")[0]
        self.asked.append(operation)
        said = self.answers[operation].pop(0)
        if isinstance(said, Exception):
            raise said
        return Reply(200, json.dumps({"data": said}).encode())


def shopify(way: Scripted) -> Client:
    settings = make_settings(env="dev", origin_template="http://127.0.0.1:9/shops/{shop}")
    return Client("a.myshopify.com", "USD", Grant("t", "r"), way, NoBudget(), settings)


DRAFT = {"id": "gid://shopify/DraftOrder/5", "tags": ["sample_order", REFERENCE], "order": None}
ORDER = {"id": "gid://shopify/Order/7", "name": "#1007", "cancelledAt": None, "tags": ["sample_order", REFERENCE]}
NOTHING: dict[str, Any] = {"orders": {"nodes": []}, "draftOrders": {"nodes": []}}
STARTED = {**NOTHING, "draftOrders": {"nodes": [DRAFT]}}


def wanted() -> SampleOrder:
    return SampleOrder(REFERENCE, "1", "2", "Thing", RECIPIENT, "a note")


def test_shopify_s_draft_of_an_earlier_try_is_completed_and_names_its_order_before_the_search_does() -> None:
    done = {"draftOrderComplete": {"draftOrder": {**DRAFT, "order": ORDER}, "userErrors": []}}
    way = Scripted(SampleFind=[STARTED], SampleComplete=[done])
    assert ShopifySamples().place(shopify(way), wanted()).order_ref == "7"
    assert way.asked == ["SampleFind", "SampleComplete"], "nothing is made anew"
    lagging = {**NOTHING, "draftOrders": {"nodes": [{**DRAFT, "order": ORDER}]}}
    assert ShopifySamples().find(shopify(Scripted(SampleFind=[lagging])), REFERENCE) is not None
    # A search by a tag that the index splits into words: what it gives is held against the tags.
    other = {**NOTHING, "orders": {"nodes": [{**ORDER, "tags": ["sample_order", "smp_other"]}]}}
    assert ShopifySamples().find(shopify(Scripted(SampleFind=[other])), REFERENCE) is None


@pytest.mark.parametrize("became", [ORDER, None], ids=["it was completed", "it was not"])
def test_a_completion_that_was_cut_is_asked_of_the_draft(became: Any) -> None:
    way = Scripted(
        SampleFind=[STARTED], SampleComplete=[PlatformDown("cut")],
        SampleDraftState=[{"draftOrder": {**DRAFT, "order": became}}],
    )  # fmt: skip
    if became:
        assert ShopifySamples().place(shopify(way), wanted()).number == "#1007"
    else:
        with pytest.raises(PlatformDown):
            ShopifySamples().place(shopify(way), wanted())


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (["input", "shippingAddress", "zip"], "recipient.postal_code"), (["email"], "recipient.email"),
        (["input", "lineItems", "0", "variantId"], "variant_ref"), (["shippingAddress", "lastName"], "recipient.name"),
    ],
)  # fmt: skip
def test_shopify_s_user_errors_name_a_field_and_are_never_quoted(
    path: list[str], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "in_stock", lambda catalog, client, asked: None)
    errors = [{"field": path, "message": "Robin Sample, private words"}]
    refused_ = {"draftOrderCreate": {"draftOrder": None, "userErrors": errors}}
    with pytest.raises(InputRefused) as refused:
        ShopifySamples().place(shopify(Scripted(SampleFind=[NOTHING], SampleDraft=[refused_])), wanted())
    assert refused.value.field == field
    assert "private" not in str(refused.value)
    unknown = {"draftOrderCreate": {"draftOrder": None, "userErrors": [{"field": ["input"], "message": "private"}]}}
    with pytest.raises(PlatformRefused) as other:
        ShopifySamples().place(shopify(Scripted(SampleFind=[NOTHING], SampleDraft=[unknown])), wanted())
    assert "private" not in str(other.value)


def test_shopify_s_cancellation_is_a_job_and_is_looked_at_until_it_is_done() -> None:
    open_ = {"order": {**ORDER, "displayFulfillmentStatus": "UNFULFILLED"}}
    gone = {"order": {**ORDER, "displayFulfillmentStatus": "UNFULFILLED", "cancelledAt": "2026-11-27T00:00:00Z"}}
    packed = {"order": {**ORDER, "displayFulfillmentStatus": "FULFILLED"}}
    taken = {"orderCancel": {"orderCancelUserErrors": []}}
    refused = {"orderCancel": {"orderCancelUserErrors": [{"field": None, "message": "private", "code": "INVALID"}]}}
    part = ShopifySamples()
    assert part.cancel(shopify(Scripted(SampleState=[open_, open_, gone], SampleCancel=[taken])), "7")
    assert part.cancel(shopify(Scripted(SampleState=[gone])), "7")
    assert part.cancel(shopify(Scripted(SampleState=[{"order": None}])), "7")
    assert not part.cancel(shopify(Scripted(SampleState=[packed])), "7")
    assert not part.cancel(shopify(Scripted(SampleState=[open_, packed], SampleCancel=[refused])), "7")
    with pytest.raises(PlatformBusy):
        part.cancel(shopify(Scripted(SampleState=[open_] * 9, SampleCancel=[taken])), "7")


def test_a_country_that_shopify_s_list_has_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "in_stock", lambda catalog, client, asked: None)

    class Refuses(Scripted):
        def send(self, method: str, url: str, *, body: bytes | None = None, **given: Any) -> Reply:
            if b"SampleDraft" not in (body or b""):
                return super().send(method, url, body=body, **given)
            text = "Variable $input of type DraftOrderInput! was provided invalid value for shippingAddress.countryCode"
            said = {"errors": [{"message": text, "extensions": {"code": "INVALID_VARIABLE"}}]}
            return Reply(200, json.dumps(said).encode())

    with pytest.raises(InputRefused) as refused:
        ShopifySamples().place(shopify(Refuses(SampleFind=[NOTHING])), wanted())
    assert refused.value.field == "recipient.country"


def test_what_buyers_write_marks_no_order() -> None:
    """Shopify's tag is the staff's to set: notes, attributes and properties of its name are nothing."""
    body = json.loads((SHOPIFY.folder / "orders_create.with_code.json").read_text())
    word = {"name": "sample_order", "value": "sample_order"}
    for line in body["line_items"]:
        line["properties"] = [word]

    def sample(**changes: Any) -> bool:
        told = json.dumps({**body, **changes}).encode()
        (event,) = SHOPIFY.platform.webhooks.translate(SHOPIFY.envelope("orders/create"), told, "USD")
        assert isinstance(event, OrderSeen)
        return event.snapshot.sample

    assert not sample(note="sample_order", note_attributes=[word], tags="")
    assert not sample(tags="sample_orders, no sample_order")
    assert sample(tags="vip, Sample_Order")


def test_recipients_are_personal() -> None:
    assert repr(Recipient("A", "B", "C", "GB")) == "Recipient(country='GB')"
