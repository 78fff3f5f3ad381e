"""Vendure, running: joined by its key, followed, bought from, refunded; every balance worked out by hand.

The product's own web process and worker do the work. News comes by our plug-in inside the store; where its address is
taken away, the store's lists are read. Tax is a fifth, on top of prices in the default channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector import db, outbound
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Database
from connector.errors import InputRefused
from connector.oauth import pasted
from connector.outbound import Outbound
from connector.platforms import roster
from connector.platforms.contract import Client, Recipient, SampleOrder
from connector.platforms.rest import NoBudget
from connector.platforms.vendure import catalog as walks
from connector.platforms.vendure.settings import SAMPLES
from tests.stores.rig import Rig
from tests.stores.system import System, running
from tests.stores.vendure_merchant import Merchant

STOREFRONT = "https://www.shop.example"
RATE = 1250  # basis points
USUAL = ("ReadCatalog", "ReadOrder")
Owed = dict[tuple[str, str], int]


@pytest.fixture(scope="session")
def merchant(vendure_store: Rig) -> Merchant:
    """The sample catalog of 54 products, and three of ours whose prices are easy to reckon with."""
    made = Merchant(vendure_store)
    there = len(made.told())
    again = "" if there == 54 else str(there)  # a store that was used before (STORES_VENDURE_URL)
    made.goods = {
        "Candle": made.product(f"Candle{again}", 4000), "Scarf": made.product(f"Scarf{again}", 2550),
        "Kit": made.product(f"Kit{again}", *(1000 + number for number in range(30))),
    }  # fmt: skip
    made.code = f"MAYA10{again}"
    made.coupon(made.code, 10)
    made.euros = made.second_channel(f"eu{again}", "EUR", {made.goods["Candle"]: 4800})
    return made


@pytest.fixture
def system(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    with running(database, tmp_path) as made:
        for name, value in made.env.items():
            monkeypatch.setenv(name, value)
        roster.settings_of.cache_clear()
        monkeypatch.setattr(outbound, "_current", Outbound(allow_private=True))
        yield made
    roster.settings_of.cache_clear()


def join(merchant: Merchant, key: dict[str, Any], **more: str) -> str:
    given = {"admin_api": f"{merchant.rig.base}/admin-api", "api_key": key["apiKey"], "storefront": STOREFRONT}
    return pasted.enter("vendure", {**given, **more})


@pytest.mark.timeout(600)
def test_the_whole_way(system: System, merchant: Merchant) -> None:
    merchant.unhook()
    key = merchant.key(*USUAL, "UpdateChannel", *SAMPLES)
    shop_id = join(merchant, key)
    assert system.synced(shop_id).kind == "full"
    the_catalog_is_the_stores(system, merchant, shop_id)
    told = system.until("our address in the plug-in", lambda _: merchant.hook()["connectorAddress"])
    assert told.startswith(f"{system.public_url}/webhooks/vendure/")
    changes_come_by_the_plugin(system, merchant, shop_id)
    mira, tal = system.programme(shop_id, RATE, "mira", "tal")
    owed = orders_earn(system, merchant, shop_id, mira, tal)
    money_goes_back(system, merchant, shop_id, mira, tal, owed)
    a_cancellation_and_its_refund_are_one_thing(system, merchant, shop_id, mira, owed)
    samples_are_ordered_and_earn_nothing(system, merchant, shop_id, owed)
    nothing_is_lost_while_we_are_away(system, merchant, shop_id, tal, owed)
    another_channel_is_another_shop(system, merchant, shop_id, owed)
    merchant.unhook()
    changes_come_by_polling(system, merchant, shop_id)
    a_silent_refund_is_found(system, merchant, shop_id, mira, owed)
    a_revoked_key_is_told(system, merchant, shop_id, key)


def the_catalog_is_the_stores(system: System, merchant: Merchant, shop_id: str) -> None:
    """Item by item, as the store's own API has it."""
    told, listings, variants = merchant.told(), system.listings(shop_id), system.variants(shop_id)
    assert set(listings) == set(told)
    assert len(told) >= 57
    compared = 0
    for ref, product in told.items():
        row = listings[ref]
        assert (row.title, row.handle, row.currency) == (product["name"], product["slug"], "USD")
        assert row.url == f"{STOREFRONT}/products/{product['slug']}"
        assert row.variant_count == len(product["variants"])
        assert row.image_url == ((product["featuredAsset"] or {}).get("preview") or "")
        brand = [value["name"] for value in product["facetValues"] if value["facet"]["code"] == "brand"]
        assert row.vendor == (brand[0] if brand else "")
        in_stock = any(v["stockLevel"] != "OUT_OF_STOCK" for v in product["variants"])
        assert (row.status == "shoppable") == in_stock, (row.title, row.reason)
        for variant in product["variants"]:
            own = variants[variant["id"]]
            assert (own.price, own.sku) == (variant["price"], variant["sku"])
            assert own.title == " / ".join(option["name"] for option in variant["options"])
            assert own.stock == sum(each["stockOnHand"] - each["stockAllocated"] for each in variant["stockLevels"])
            assert own.available == (variant["stockLevel"] != "OUT_OF_STOCK")
            compared += 1
    assert compared == len(variants) >= 120


def changes_come_by_the_plugin(system: System, merchant: Merchant, shop_id: str) -> None:
    ref = merchant.product(f"New {shop_id[-6:]}", 1200)
    (variant,) = merchant.variants(ref)
    system.listing(shop_id, ref, "the new product", lambda row, own: [v.price for v in own] == [1200])
    merchant.change(variant, price=1350)
    system.listing(shop_id, ref, "the new price", lambda row, own: own[0].price == 1350)
    merchant.change(variant, stockOnHand=7)
    system.listing(shop_id, ref, "the new stock", lambda row, own: own[0].stock == 7)
    merchant.rename(ref, f"Newer {shop_id[-6:]}")
    system.listing(shop_id, ref, "the new name", lambda row, own: row.title == f"Newer {shop_id[-6:]}")
    merchant.delete(ref)
    system.listing(shop_id, ref, "its end", lambda row, own: row.status == "gone")
    for topic in ("product.changed", "product.deleted", "stock.changed"):
        assert system.deliveries(shop_id, topic), topic


def orders_earn(system: System, merchant: Merchant, shop_id: str, mira: str, tal: str) -> Owed:
    (candle,), (scarf,) = (merchant.variants(merchant.goods[name]) for name in ("Candle", "Scarf"))
    by_mira = system.tap(shop_id, mira, merchant.goods["Candle"])
    by_tal = system.tap(shop_id, tal, merchant.goods["Scarf"])
    # Two candles at 40.00 less ten per cent: 72.00, of which an eighth is 9.00.
    first = merchant.buy((candle, 2, ""), token=by_mira, code=merchant.code)
    owed: Owed = {(mira, "USD"): 900}
    system.owes(shop_id, owed)
    assert [
        (line["proratedLinePrice"], line["proratedLinePriceWithTax"]) for line in merchant.order(first)["lines"]
    ] == [(7200, 8640)]
    # Two creators in one cart, each on their own line: 40.00 and 25.50 (3.1875).
    second = merchant.buy((candle, 1, by_mira), (scarf, 1, by_tal))
    owed |= {(mira, "USD"): 1400, (tal, "USD"): 319}
    system.owes(shop_id, owed)
    # Money that is only authorized earns nothing; settled, it does.
    third = merchant.buy((scarf, 1, ""), token=by_tal, settle=False)
    system.order(shop_id, third, "an authorized order")
    system.owes(shop_id, owed)
    merchant.settle(third)
    owed[tal, "USD"] += 319
    system.owes(shop_id, owed)
    # Without a token nobody earns.
    fourth = merchant.buy((scarf, 1, ""))
    system.order(shop_id, fourth, "an order of nobody")
    system.owes(shop_id, owed)
    merchant.orders = {"first": first, "second": second, "third": third}
    return owed


def money_goes_back(system: System, merchant: Merchant, shop_id: str, mira: str, tal: str, owed: Owed) -> None:
    orders = merchant.orders
    # One of two candles, by its line: 36.00 and tax. Half of the 9.00 goes.
    merchant.refund(orders["first"], 1)
    owed[mira, "USD"] -= 450
    system.owes(shop_id, owed)
    # A bare 10.00 over 48.00 and 30.60 with tax: 8.33 of base, 5.09 and 3.24. 64 of 500, 41 of 319.
    merchant.refund(orders["second"], amount=1000)
    owed[mira, "USD"] -= 64
    owed[tal, "USD"] -= 41
    system.owes(shop_id, owed)
    # One that is under way counts already: it is held back until the store says that the money went.
    pending = merchant.refund(orders["third"], 1, settle=False)
    owed[tal, "USD"] -= 319
    system.owes(shop_id, owed)
    merchant.finish_refund(pending)
    system.order(shop_id, orders["third"], "the refund's end", lambda row: '"success"' in row.refunds)
    system.owes(shop_id, owed)
    # A cancelled order earns nothing, though no money went back.
    (scarf,) = merchant.variants(merchant.goods["Scarf"])
    fifth = merchant.buy((scarf, 1, ""), token=system.tap(shop_id, tal, merchant.goods["Scarf"]))
    system.owes(shop_id, owed | {(tal, "USD"): owed[tal, "USD"] + 319})
    merchant.cancel(fifth)
    system.owes(shop_id, owed)
    for topic in ("order.placed", "order.changed", "payment.changed", "refund.changed"):
        assert system.deliveries(shop_id, topic), topic


def a_cancellation_and_its_refund_are_one_thing(
    system: System, merchant: Merchant, shop_id: str, mira: str, owed: Owed
) -> None:
    (candle,) = merchant.variants(merchant.goods["Candle"])
    token = system.tap(shop_id, mira, merchant.goods["Candle"])
    order = merchant.buy((candle, 4, ""), token=token)
    owed[mira, "USD"] += 2000
    system.owes(shop_id, owed)
    merchant.cancel(order, 1)
    owed[mira, "USD"] -= 500
    system.owes(shop_id, owed)
    before = system.deliveries(shop_id, "refund.changed")
    merchant.refund(order, 1)  # the unit that was cancelled
    system.until("news of the refund", lambda _: system.deliveries(shop_id, "refund.changed") > before)
    system.owes(shop_id, owed)
    # The other way: cancelled, and paid back as a bare sum of 48.00.
    merchant.cancel(order, 1)
    owed[mira, "USD"] -= 500
    system.owes(shop_id, owed)
    before = system.deliveries(shop_id, "refund.changed")
    merchant.refund(order, amount=4800)
    system.until("news of the sum", lambda _: system.deliveries(shop_id, "refund.changed") > before)
    system.look(shop_id)
    system.owes(shop_id, owed)
    merchant.ship(order)
    system.order(shop_id, order, "the delivered parcel", lambda row: "delivered_at" in row.snapshot)
    assert system.deliveries(shop_id, "fulfilment.changed")


def samples_are_ordered_and_earn_nothing(system: System, merchant: Merchant, shop_id: str, owed: Owed) -> None:
    """Placed, heard of, found, sent and delivered, cancelled; and what the store refuses, by its field."""
    product = merchant.product(f"Sample {shop_id[-6:]}", 4000, stock=2)
    (variant,) = merchant.variants(product)

    def asked(**other: str) -> SampleOrder:
        given = {"name": "Sam Maker", "address1": "1 Test Way", "city": "Testville", "country": "GB",
                 "postal_code": "T1 1TT", "email": f"maker-{shop_id[-6:].lower()}@example.test", **other}  # fmt: skip
        to = Recipient(**{name: value for name, value in given.items() if name != "variant"})
        note = "For @mira, sample of the scenario"
        return SampleOrder(db.new_id("smp"), given.get("variant", variant), product, "Sample", to, note)

    first = asked()
    assert system.samples(shop_id, lambda part, client: part.find(client, first.reference)) is None
    placed = system.samples(shop_id, lambda part, client: part.place(client, first))
    assert system.samples(shop_id, lambda part, client: part.find(client, first.reference)) == placed
    told = merchant.order(placed.order_ref)
    assert (told["state"], told["totalWithTax"], told["code"]) == ("PaymentSettled", 0, placed.number)
    system.order(shop_id, placed.order_ref, "the sample", lambda row: '"sample":true' in row.snapshot)
    for wrong, field in (
        ({"country": "ZZ"}, "recipient.country"), ({"variant": "999999"}, "variant_ref"),
    ):  # fmt: skip
        with pytest.raises(InputRefused) as refused:
            system.samples(shop_id, lambda part, client, wrong=wrong: part.place(client, asked(**wrong)))  # type: ignore[misc]
        assert refused.value.field == field
    second = asked()
    gone = system.samples(shop_id, lambda part, client: part.place(client, second))
    with pytest.raises(InputRefused) as refused:  # two were there
        system.samples(shop_id, lambda part, client: part.place(client, asked()))
    assert refused.value.field == "variant_ref"
    merchant.ship(gone.order_ref)
    system.order(shop_id, gone.order_ref, "its delivery", lambda row: "delivered_at" in row.snapshot)
    assert not system.samples(shop_id, lambda part, client: part.cancel(client, gone.order_ref))
    for _ in range(2):
        assert system.samples(shop_id, lambda part, client: part.cancel(client, placed.order_ref))
    system.order(shop_id, placed.order_ref, "its end", lambda row: "cancelled_at" in row.snapshot)
    found = system.samples(shop_id, lambda part, client: part.find(client, first.reference))
    assert found is not None
    assert found.cancelled
    left = merchant.admin("{ promotions { totalItems } orders(options: { filter: { state: { in: [\"Draft\"] } } }) "
                          "{ totalItems } }")  # fmt: skip
    assert (left["promotions"]["totalItems"], left["orders"]["totalItems"]) == (1, 0), "the coupon of the scenario"
    system.owes(shop_id, owed)
    merchant.delete(product)


def nothing_is_lost_while_we_are_away(system: System, merchant: Merchant, shop_id: str, tal: str, owed: Owed) -> None:
    (scarf,) = merchant.variants(merchant.goods["Scarf"])
    token = system.tap(shop_id, tal, merchant.goods["Scarf"])
    system.stop("serve")
    merchant.buy((scarf, 1, ""), token=token)
    system.start("serve")
    owed[tal, "USD"] += 319
    system.owes(shop_id, owed)


def another_channel_is_another_shop(system: System, merchant: Merchant, shop_id: str, owed: Owed) -> None:
    """Prices there are euros with tax in them: 48.00 are 40.00 without."""
    channel = merchant.euros
    key = merchant.key(*USUAL, "UpdateChannel", channel=channel)
    other = join(merchant, key, channel=channel["token"])
    assert other != shop_id
    system.synced(other)
    (listing,) = system.listings(other).values()
    (variant,) = system.variants(other).values()
    assert (listing.title, variant.price, listing.currency) == (merchant.name("Candle"), 4800, "EUR")
    (ana,) = system.programme(other, RATE, f"ana{other[-6:].lower()}")
    system.until("the other shop's address", lambda _: system.shop(other).status == "connected")
    token = system.tap(other, ana, merchant.goods["Candle"])
    order = merchant.buy((variant.variant_ref, 2, token), channel=channel["token"])
    system.look(other)
    system.owes(other, {(ana, "EUR"): 1000})
    # The default channel has every order; the token is another shop's there, and pays nobody twice.
    system.order(shop_id, order, "the same order in the default channel")
    system.owes(shop_id, owed)


def changes_come_by_polling(system: System, merchant: Merchant, shop_id: str) -> None:
    """A variant's price and stock leave its product's own time where it was, and are seen."""
    ref = merchant.product(f"Quiet {shop_id[-6:]}", 1200, 1200)
    one, two = merchant.variants(ref)
    system.sync(shop_id, "changed")
    before = merchant.told()[ref]["updatedAt"]
    merchant.change(one, price=1350)
    merchant.change(two, stockOnHand=9)
    assert merchant.told()[ref]["updatedAt"] == before, "the trap: the product's own time moved"
    assert system.listings(shop_id)[ref].price_to == 1200, "nobody told us yet"
    system.sync(shop_id, "changed")

    def now(row: Listing, own: list[VariantRow]) -> bool:
        return [(v.price, v.stock) for v in own] == [(1350, 500), (1200, 9)]

    system.listing(shop_id, ref, "price and stock", now)
    merchant.rename(ref, f"Quieter {shop_id[-6:]}")
    system.sync(shop_id, "changed")
    assert system.listings(shop_id)[ref].title == f"Quieter {shop_id[-6:]}"
    merchant.delete(ref)
    system.sync(shop_id, "changed")
    assert ref in system.listings(shop_id), "a deletion is silent"
    system.sync(shop_id, "full")
    assert ref not in system.listings(shop_id)


def a_silent_refund_is_found(system: System, merchant: Merchant, shop_id: str, mira: str, owed: Owed) -> None:
    order = merchant.orders["first"]
    system.look(shop_id)
    before = merchant.order(order)["updatedAt"]
    merchant.refund(order, 1)
    assert merchant.order(order)["updatedAt"] == before, "the trap: the order's own time moved"
    passed = system.look(shop_id)
    assert (passed.status, passed.gaps) == ("done", [])
    owed[mira, "USD"] -= 450
    system.owes(shop_id, owed)


def a_revoked_key_is_told(system: System, merchant: Merchant, shop_id: str, key: dict[str, Any]) -> None:
    merchant.revoke(key)
    assert system.look(shop_id).status == "failed"
    shop = system.shop(shop_id)
    assert (shop.status, shop.status_reason) == ("needs_reconnect", "grant_lost")
    # A new key, and all goes on where it was.
    assert join(merchant, merchant.key(*USUAL)) == shop_id
    assert system.shop(shop_id).status == "connected"
    assert system.look(shop_id).status == "done"


@pytest.mark.parametrize(("products", "variants", "changes"), [(5, 7, 6), (5000, 5000, 5000)])
def test_pages_of_any_size_walk_the_same(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch, products: int, variants: int, changes: int
) -> None:
    """Smaller than a product's variants, and larger than the store's own limit of a list (1,000)."""
    for name, size in (("PRODUCTS", products), ("VARIANTS", variants), ("CHANGES", changes)):
        monkeypatch.setattr(walks, name, size)
    told = merchant.told()
    wanted = {ref: sorted(row["id"] for row in product["variants"]) for ref, product in told.items()}
    client = direct(merchant)
    before = datetime(2020, 1, 1, tzinfo=UTC)
    for since in (None, before):
        found: dict[str, list[str]] = {}
        at, pages = None, 0
        while True:
            page = roster.platform("vendure").catalog.changed(client, since, at)
            found |= {made.product_ref: sorted(v.variant_ref for v in made.variants) for made in page.products}
            at, pages = page.checkpoint, pages + 1
            if at is None:
                break
        assert found == wanted
        assert pages > 10 if products == 5 else pages <= 2


def direct(merchant: Merchant) -> Client:
    """What a call needs, without the product around it."""
    platform = roster.platform("vendure")
    assert platform.pasted is not None
    settings = platform.settings(_env_file=None, env="dev")  # type: ignore[call-arg]
    key = merchant.key(*USUAL)["apiKey"]
    given = {"admin_api": f"{merchant.rig.base}/admin-api", "api_key": key, "storefront": STOREFRONT}
    way = Outbound(allow_private=True)
    joined = platform.pasted.enter(given, settings, way, datetime.now(UTC))
    return Client(joined.domain, "USD", joined.grant, way, NoBudget(), settings)


def test_what_is_wrong_is_said(merchant: Merchant) -> None:
    """On the running store: each way in which a join fails, by its field and in a merchant's words."""
    platform = roster.platform("vendure")
    assert platform.pasted is not None
    dev = platform.settings(_env_file=None, env="dev")  # type: ignore[call-arg]
    good, revoked = merchant.key(*USUAL), merchant.key(*USUAL)
    merchant.revoke(revoked)
    api = f"{merchant.rig.base}/admin-api"

    def enter(http: Any = None, **given: str) -> InputRefused:
        asked = {"admin_api": api, "api_key": good["apiKey"], "storefront": STOREFRONT, **given}
        with pytest.raises(InputRefused) as refused:
            platform.pasted.enter(asked, dev, http or Outbound(allow_private=True), datetime.now(UTC))  # type: ignore[union-attr]
        assert good["apiKey"] not in str(refused.value)
        return refused.value

    for given, field, word in (
        ({"api_key": "0" * 24 + ":" + "0" * 64}, "api_key", "isn't known"),
        ({"api_key": revoked["apiKey"]}, "api_key", "isn't known"),
        ({"api_key": merchant.key("ReadCatalog")["apiKey"]}, "api_key", "ReadOrder"),
        ({"api_key": merchant.key("ReadOrder")["apiKey"]}, "api_key", "ReadCatalog"),
        ({"api_key": good["apiKey"][:6]}, "api_key", "whole"),
        ({"channel": "no-such-token"}, "channel", "no channel"),
        ({"channel": merchant.euros["token"]}, "channel", "made in another one"),
        ({"admin_api": f"{merchant.rig.base}/shop-api"}, "admin_api", "Shop API"),
        ({"admin_api": f"{merchant.rig.base}/nowhere"}, "admin_api", "404"),
        ({"storefront": "shop"}, "storefront", "storefront"),
        ({"product_page": "/products/"}, "product_page", "{slug}"),
        ({"decimals": "many"}, "decimals", "number"),
    ):  # fmt: skip
        found = enter(**given)
        assert (found.field, word in str(found)) == (field, True), str(found)
    # What a store answers that takes sessions only, or stands behind a proxy that removes the header.
    assert "isn't looked at" in str(enter(_Stripping()))


class _Stripping(Outbound):
    """A way on which the key's header gets lost."""

    def __init__(self) -> None:
        super().__init__(allow_private=True)

    def send(self, method: str, url: str, *, headers: Any = None, **given: Any) -> Any:
        kept = {name: value for name, value in (headers or {}).items() if name != "vendure-api-key"}
        return super().send(method, url, headers=kept, **given)
