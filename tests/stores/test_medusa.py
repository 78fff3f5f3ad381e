"""Medusa, running: joined by its key, followed, bought from, refunded; every balance worked out by hand.

The product's own web process and worker do the work. News comes by our plug-in inside the store; where it is switched
off, the store's lists are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from connector import db, outbound
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.db import Database
from connector.errors import HostRefused, InputRefused
from connector.oauth import pasted
from connector.outbound import Outbound
from connector.platforms import roster
from connector.platforms.contract import Recipient, SampleOrder
from tests.stores.medusa_merchant import Merchant
from tests.stores.rig import Rig
from tests.stores.system import System, running

STOREFRONT = "https://www.shop.example"
RATE = 1250  # basis points


@pytest.fixture(scope="session")
def merchant(medusa_store: Rig) -> Merchant:
    """A store with an ordinary catalog, and all that is odd in one."""
    made = Merchant(medusa_store)
    if made.get("/admin/products?handle=candle&fields=id")["products"]:
        return made  # one that runs already (`STORES_MEDUSA_URL`)
    medusa_store.run("seed.mjs", 36)
    made.post("/admin/sales-channels", {"name": "Other"})  # with a single channel Medusa shows what is in none, too
    made.product("Candle", {"usd": 40, "eur": 35.7, "jpy": 1510, "kwd": 4.125}, stock=500)
    made.product("Scarf", {"usd": 25.5}, stock=500)
    made.product("Kit", {"usd": 19.999}, variants=120, stock=3)
    made.product("Endless", {"usd": 5}, stock=None)
    made.product("Later", {"usd": 5}, stock=0, variant={"allow_backorder": True})
    made.product("Only euros", {"eur": 9})
    made.product("Elsewhere", {"usd": 5}, sales_channels=[])
    sale = made.product("Sale", {"usd": 30})
    prices = [{"variant_id": sale["variants"][0]["id"], "currency_code": "usd", "amount": 24.5}]
    made.post(
        "/admin/price-lists",
        {"title": "Sale", "description": "now", "type": "sale", "status": "active", "prices": prices},
    )
    made.promotion("MAYA10", "usd", 10)
    made.promotion("EU10", "eur", 10)
    made.prices_with_tax("eur")
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


def join(merchant: Merchant, key: str, **more: str) -> str:
    given = {"address": merchant.rig.base, "secret_key": key, "storefront": STOREFRONT}
    return pasted.enter("medusa", {**given, **more})


def test_the_whole_way(system: System, merchant: Merchant) -> None:
    key = merchant.key()
    shop_id = join(merchant, key["token"])
    assert system.synced(shop_id).kind == "full"
    the_catalog_is_the_stores(system, merchant, shop_id)
    told = system.until(
        "our address in the plug-in", lambda _: merchant.get("/admin/connector")["connector"]["address"]
    )
    assert told.startswith(f"{system.public_url}/webhooks/medusa/")
    restocked = changes_come_by_the_plugin(system, merchant, shop_id)
    mira, tal = system.programme(shop_id, RATE, "mira", "tal")
    owed = orders_earn(system, merchant, shop_id, mira, tal)
    owed = money_goes_back(system, merchant, shop_id, mira, tal, owed)
    samples_are_ordered_and_earn_nothing(system, merchant, shop_id, owed)
    nothing_is_lost_while_we_are_away(system, merchant, shop_id, tal, owed)
    # News of stock is gathered for half a minute: a sale a second must not be a question a second.
    system.listing(shop_id, restocked, "the new stock", lambda row, own: own[0].stock == 7)
    assert system.deliveries(shop_id, "inventory.inventory-level.updated")
    merchant.delete("/admin/connector")
    changes_come_by_polling(system, merchant, shop_id)
    a_silent_refund_is_found(system, merchant, shop_id, mira, owed)
    a_revoked_key_is_told(system, merchant, shop_id, key["id"])


def the_catalog_is_the_stores(system: System, merchant: Merchant, shop_id: str) -> None:
    """Item by item: what buyers see is what is shoppable, at that price, with that stock."""
    shown, listings, variants = merchant.storefront(), system.listings(shop_id), system.variants(shop_id)
    shoppable = {ref for ref, row in listings.items() if row.status == "shoppable"}
    buyable = {
        ref
        for ref, product in shown.items()
        if product["title"] != "Only euros"
        and any(left(v) is None or left(v) or v["allow_backorder"] for v in product["variants"])
    }
    assert {listings[ref].title for ref in shoppable ^ buyable if ref in listings} == set()
    assert shoppable == buyable
    compared = 0
    for ref, product in shown.items():
        if product["title"] == "Only euros":
            assert ref not in listings or listings[ref].status != "shoppable"
            continue
        row = listings[ref]
        assert (row.title, row.handle, row.currency) == (product["title"], product["handle"], "USD")
        assert row.url == f"{STOREFRONT}/products/{product['handle']}"
        assert row.variant_count == len(product["variants"])
        for variant in product["variants"]:
            own, asked = variants[variant["id"]], variant["calculated_price"]
            assert (own.sku, own.title) == (variant["sku"], variant["title"])
            assert own.price == cents(asked["calculated_amount"]), product["title"]
            before = cents(asked["original_amount"])
            assert own.compare_at == (before if before > own.price else None)
            assert own.stock == left(variant)
            compared += 1
    assert compared > 150
    hidden = {row.title: row.status for ref, row in listings.items() if ref not in shown}
    assert hidden["Elsewhere"] == "not_shoppable"
    assert any(title.startswith("seed-16") or "seed-16" in title for title in hidden), "a draft is listed, not sold"


def left(variant: dict[str, object]) -> int | None:
    """What buyers are told is left; nothing is counted where the store doesn't."""
    count = variant.get("inventory_quantity")
    return None if not variant.get("manage_inventory", True) or count is None else int(str(count))


def cents(amount: object) -> int:
    return int((Decimal(str(amount)) * 100).quantize(Decimal(1), "ROUND_HALF_UP"))


def changes_come_by_the_plugin(system: System, merchant: Merchant, shop_id: str) -> str:
    """All but the stock is awaited; the ref of the product with a new one."""
    other = merchant.product("Restocked", {"usd": 12}, handle=f"restocked-{shop_id[-6:].lower()}")
    system.listing(shop_id, other["id"], "a new product", lambda row, own: own[0].stock is not None)
    merchant.set_stock(other["variants"][0], 7)
    made = merchant.product("Brand new", {"usd": 12}, handle=f"brand-new-{shop_id[-6:].lower()}")
    ref, variant = made["id"], made["variants"][0]
    system.listing(shop_id, ref, "the new product", lambda row, own: [v.price for v in own] == [1200])
    merchant.set_price(ref, variant["id"], "usd", 13.5)
    system.listing(shop_id, ref, "the new price", lambda row, own: own[0].price == 1350)
    merchant.post(f"/admin/products/{ref}", {"title": "Brand newer"})
    system.listing(shop_id, ref, "the new name", lambda row, own: row.title == "Brand newer")
    merchant.delete(f"/admin/products/{ref}")
    system.listing(shop_id, ref, "its end", lambda row, own: row.status == "gone")
    for topic in ("product.created", "product-variant.updated", "product.updated", "product.deleted"):
        assert system.deliveries(shop_id, topic), topic
    return str(other["id"])


def orders_earn(system: System, merchant: Merchant, shop_id: str, mira: str, tal: str) -> dict[tuple[str, str], int]:
    by_title = {row.title: row.product_ref for row in system.listings(shop_id).values()}
    candle = system.tap(shop_id, mira, by_title["Candle"])
    scarf = system.tap(shop_id, tal, by_title["Scarf"])
    # Two candles at 40.00 less ten per cent: 72.00, of which an eighth is 9.00.
    first = merchant.buy("CANDLE-0", "--qty", 2, "--promo", "MAYA10", "--token", candle, "--ship")
    system.owes(shop_id, {(mira, "USD"): 900})
    assert merchant.base(first) == {"CANDLE-0": 7200}
    # Each line goes to who led to it, whichever place its token rode in: 40.00 and 25.50 (3.1875).
    second = merchant.buy("CANDLE-0,SCARF-0", "--token", candle, "--line-token", scarf)
    owed = {(mira, "USD"): 900 + 500, (tal, "USD"): 319}
    system.owes(shop_id, owed)
    # Money that is only authorized earns nothing; the capture, which leaves the order's own time as it was, does.
    third = merchant.buy("SCARF-0", "--token", scarf, "--capture", "no")
    system.order(shop_id, third, "an authorized order")
    system.owes(shop_id, owed)
    merchant.post(f"/admin/payments/{merchant.payment(third)}/capture")
    owed[tal, "USD"] += 319
    system.owes(shop_id, owed)
    # Prices with 19 % tax: 35.70 less ten per cent is 32.13, without tax 27.00: 3.375. Yen have no decimals, dinars
    # three: 1510 and 4.125.
    euros = merchant.buy("CANDLE-0", "--country", "de", "--promo", "EU10", "--token", candle)
    yen = merchant.buy("CANDLE-0", "--country", "jp", "--token", candle)
    dinars = merchant.buy("CANDLE-0", "--country", "kw", "--line-token", candle)
    owed |= {(mira, "EUR"): 338, (mira, "JPY"): 189, (mira, "KWD"): 516}
    system.owes(shop_id, owed)
    assert [merchant.base(order) for order in (euros, yen, dinars)] == [
        {"CANDLE-0": 2700}, {"CANDLE-0": 1510}, {"CANDLE-0": 4125}
    ]  # fmt: skip
    # Without a token nobody earns.
    merchant.buy("SCARF-0")
    system.owes(shop_id, owed)
    merchant.orders = {"first": first, "second": second, "third": third}
    return owed


def money_goes_back(
    system: System, merchant: Merchant, shop_id: str, mira: str, tal: str, owed: dict[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    orders = merchant.orders
    # One of two candles comes back, with its tax: 36.00 + 2.88. Half of the 9.00 goes.
    merchant.rig.run("refund.mjs", orders["first"], "--return", "--qty", 1, "--amount", "38.88")
    owed[mira, "USD"] -= 450
    system.owes(shop_id, owed)
    # 10.00 for goodwill over 40.00 and 25.50 at 8 % tax: 9.26 of base, 5.66 and 3.60. 71 of 500, 45 of 319.
    merchant.refund(orders["second"], "10")
    owed[mira, "USD"] -= 71
    owed[tal, "USD"] -= 45
    system.owes(shop_id, owed)
    # A cancelled order earns nothing, though Medusa tells of no refund.
    merchant.post(f"/admin/orders/{orders['third']}/cancel")
    owed[tal, "USD"] -= 319
    system.owes(shop_id, owed)
    for topic in ("order.placed", "payment.captured", "payment.refunded", "order.return_received", "order.canceled"):
        assert system.deliveries(shop_id, topic), topic
    return owed


def samples_are_ordered_and_earn_nothing(
    system: System, merchant: Merchant, shop_id: str, owed: dict[tuple[str, str], int]
) -> None:
    """Placed, heard of, found, sent and delivered, cancelled; and what the store refuses, by its field."""
    handle = f"sample-{shop_id[-6:].lower()}"
    product = merchant.product("Sample", {"usd": 40}, stock=2, handle=handle)
    (variant,) = product["variants"]

    def asked(**other: str) -> SampleOrder:
        given = {"name": "Sam Maker", "address1": "1 Test Way", "city": "Testville", "country": "US",
                 "postal_code": "10001", "region": "NY", "email": "maker@example.test", **other}  # fmt: skip
        to = Recipient(**{name: value for name, value in given.items() if name != "variant"})
        note = "For @mira, sample of the scenario"
        return SampleOrder(db.new_id("smp"), given.get("variant", variant["id"]), product["id"], "Sample", to, note)

    first = asked()
    assert system.samples(shop_id, lambda part, client: part.find(client, first.reference)) is None
    placed = system.samples(shop_id, lambda part, client: part.place(client, first))
    assert system.samples(shop_id, lambda part, client: part.find(client, first.reference)) == placed
    told = merchant.get(f"/admin/orders/{placed.order_ref}?fields=id,total,status,is_draft_order")["order"]
    assert (told["total"], told["status"], told["is_draft_order"]) == (0, "pending", False)
    system.look(shop_id)
    system.order(shop_id, placed.order_ref, "the sample", lambda row: '"sample":true' in row.snapshot)
    for wrong, field in (
        ({"country": "QZ"}, "recipient.country"), ({"variant": "variant_none"}, "variant_ref"),
        ({"email": "no address"}, "recipient.email"),
    ):  # fmt: skip
        with pytest.raises(InputRefused) as refused:
            system.samples(shop_id, lambda part, client, wrong=wrong: part.place(client, asked(**wrong)))  # type: ignore[misc]
        assert refused.value.field == field
    second = asked()
    gone = system.samples(shop_id, lambda part, client: part.place(client, second))
    with pytest.raises(InputRefused) as refused:  # two were there
        system.samples(shop_id, lambda part, client: part.place(client, asked()))
    assert refused.value.field == "variant_ref"
    merchant.send(gone.order_ref)
    system.look(shop_id)
    system.order(shop_id, gone.order_ref, "its delivery", lambda row: "delivered_at" in row.snapshot)
    assert not system.samples(shop_id, lambda part, client: part.cancel(client, gone.order_ref))
    for _ in range(2):
        assert system.samples(shop_id, lambda part, client: part.cancel(client, placed.order_ref))
    system.order(shop_id, placed.order_ref, "its end", lambda row: "cancelled_at" in row.snapshot)
    found = system.samples(shop_id, lambda part, client: part.find(client, first.reference))
    assert found is not None
    assert found.cancelled
    assert merchant.get("/admin/draft-orders?fields=id")["count"] == 0, "nothing is left behind"
    system.owes(shop_id, owed)


def nothing_is_lost_while_we_are_away(
    system: System, merchant: Merchant, shop_id: str, tal: str, owed: dict[tuple[str, str], int]
) -> None:
    scarf = next(row.product_ref for row in system.listings(shop_id).values() if row.title == "Scarf")
    token = system.tap(shop_id, tal, scarf)
    system.stop("serve")
    merchant.buy("SCARF-0", "--token", token)
    waiting = system.until("news that waits", lambda _: merchant.get("/admin/connector")["connector"]["waiting"])
    assert waiting >= 1
    system.start("serve")
    owed[tal, "USD"] += 319
    system.owes(shop_id, owed)


def changes_come_by_polling(system: System, merchant: Merchant, shop_id: str) -> None:
    """Price, stock, name and end of a product each move another time, or none, and all are seen."""
    made = merchant.product("Quiet", {"usd": 12}, variants=2, handle=f"quiet-{shop_id[-6:].lower()}")
    ref, (one, two) = made["id"], made["variants"]
    system.sync(shop_id, "changed")
    merchant.set_price(ref, one["id"], "usd", 13.5)
    merchant.set_stock(two, 9)
    before = system.listings(shop_id)[ref]
    assert before.price_to == 1200, "nobody told us yet"
    run = system.sync(shop_id, "changed")
    assert run.products_in <= len(system.listings(shop_id)) + 1, "nothing is read twice"

    def now(row: Listing, own: list[VariantRow]) -> bool:
        found = {variant.variant_ref: (variant.price, variant.stock) for variant in own}
        return found == {one["id"]: (1350, 50), two["id"]: (1200, 9)}

    system.listing(shop_id, ref, "price and stock", now)
    merchant.post(f"/admin/products/{ref}", {"title": "Quieter"})
    system.sync(shop_id, "changed")
    assert system.listings(shop_id)[ref].title == "Quieter"
    merchant.delete(f"/admin/products/{ref}")
    system.sync(shop_id, "full")
    assert ref not in system.listings(shop_id)


def a_silent_refund_is_found(
    system: System, merchant: Merchant, shop_id: str, mira: str, owed: dict[tuple[str, str], int]
) -> None:
    """The refund of exactly what a return left owing moves neither the order's time nor its version."""
    order = merchant.orders["first"]
    path = f"/admin/orders/{order}?fields=id,version,updated_at,summary.*"
    merchant.rig.run("return.mjs", order)
    system.look(shop_id)
    system.owes(shop_id, owed)
    before = merchant.get(path)["order"]
    merchant.refund(order, str(-before["summary"]["pending_difference"]))
    after = merchant.get(path)["order"]
    assert (after["version"], after["updated_at"]) == (before["version"], before["updated_at"])
    passed = system.look(shop_id)
    assert (passed.status, passed.gaps) == ("done", [])
    owed[mira, "USD"] -= 450
    system.owes(shop_id, owed)


def a_revoked_key_is_told(system: System, merchant: Merchant, shop_id: str, key_id: str) -> None:
    merchant.post(f"/admin/api-keys/{key_id}/revoke")
    assert system.look(shop_id).status == "failed"
    shop = system.shop(shop_id)
    assert (shop.status, shop.status_reason) == ("needs_reconnect", "grant_lost")
    # A new key, and all goes on where it was.
    assert join(merchant, merchant.key()["token"]) == shop_id
    assert system.shop(shop_id).status == "connected"
    assert system.look(shop_id).status == "done"


def test_what_is_wrong_is_said(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the running store: each way in which a join fails, by its field and in a merchant's words."""
    kind = roster.platform("medusa").settings
    dev = kind(_env_file=None, env="dev")  # type: ignore[call-arg]
    way = Outbound(allow_private=True)

    def enter(settings: object = dev, http: Outbound = way, **given: str) -> InputRefused:
        asked = {"address": merchant.rig.base, "secret_key": good["token"], "storefront": STOREFRONT, **given}
        part = roster.platform("medusa").pasted
        assert part is not None
        with pytest.raises(InputRefused) as refused:
            part.enter(asked, settings, http, datetime.now(UTC))
        assert good["token"] not in str(refused.value)
        return refused.value

    good = merchant.key()
    revoked = merchant.key()
    merchant.post(f"/admin/api-keys/{revoked['id']}/revoke")
    public = merchant.get("/admin/api-keys?type=publishable&fields=token")["api_keys"][0]["token"]
    signed_in = str(merchant.session.headers["Authorization"]).removeprefix("Bearer ")
    for given, field, word in (
        ({"secret_key": "sk_" + "0" * 64}, "secret_key", "isn't known"),
        ({"secret_key": revoked["token"]}, "secret_key", "isn't known"),
        ({"secret_key": good["redacted"]}, "secret_key", "whole secret key"),
        ({"secret_key": public}, "secret_key", "publishable"),
        ({"secret_key": signed_in}, "secret_key", "sign-in token"),
        ({"publishable_key": "pk_" + "0" * 64}, "publishable_key", "live key"),
        ({"address": f"{merchant.rig.base}/nowhere"}, "address", "web page"),
        ({"address": "http://127.0.0.1:9"}, "address", "doesn't answer"),
        ({"product_page": "/products/"}, "product_page", "{handle}"),
        ({"storefront": "shop"}, "storefront", "public host"),
    ):  # fmt: skip
        found = enter(**given)
        assert found.field == field
        assert word in str(found)
    production = kind(_env_file=None, env="production")  # type: ignore[call-arg]
    part = roster.platform("medusa").pasted
    assert part is not None
    for address in (merchant.rig.base, "http://api.shop.example"):
        with pytest.raises(HostRefused):
            part.enter(
                {"address": address, "secret_key": good["token"], "storefront": STOREFRONT}, production, Outbound(),
                datetime.now(UTC),
            )  # fmt: skip
    # As the sheet says: the key as Bearer is refused, as Basic taken.
    answer = requests.get(
        f"{merchant.rig.base}/admin/stores", headers={"Authorization": f"Bearer {good['token']}"}, timeout=10
    )
    assert answer.status_code == 401
