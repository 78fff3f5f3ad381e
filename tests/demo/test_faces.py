"""WooCommerce and BigCommerce from join to balance, over real HTTP; and a first sync against a counted limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from sandbox.demo import proofs, trade
from sandbox.demo.app import BUCKETS
from sandbox.demo.run import Demo, Plan
from sandbox.demo.show import Screen
from sandbox.demo.stores import Buyer
from sandbox.demo.trade import Link, Shop
from sandbox.expected import expected, half_up, minor
from tests.demo.broken import SMALL

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(420)]

RATE = 1500  # basis points
# Every product costs a call of its own: a variable one has its variations listed, and ten variants may be cut off.
MANY = {"count": 45, "variants_each": 10}
CALLS, SECONDS = 20, 2


class Two(Demo):
    """A shop of each platform, with a limit of calls that the first sync goes beyond. Not joined yet."""

    def _shops(self) -> list[Shop]:
        return [
            Shop("lantern", "Lantern", "USD", "UTC", True, "5.00", MANY, RATE, 1, platform="woocommerce"),
            Shop("k1ln8works", "Kiln", "USD", "UTC", False, "5.00", MANY, RATE, 1, platform="bigcommerce"),
        ]

    def shop(self, platform: str) -> Shop:
        return next(shop for shop in self.running.shops if shop.platform == platform)

    def quota(self, shop: Shop, **wanted: int) -> Any:
        path = f"/{shop.platform}/{shop.name}/quota"
        return self.stores.call("PUT" if wanted else "GET", path, **wanted)

    def quiet(self) -> None:
        self.stores.quiesce()
        self.app.wait_until_drained()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    demo = Two(Plan("sqlite", directory=tmp_path_factory.mktemp("faces"), **SMALL), Screen())
    try:
        demo._start_somewhere()
        for shop in demo.running.shops:
            demo.quota(shop, calls=CALLS, seconds=SECONDS)
        demo._join()
        demo._sync()
        yield demo
    finally:
        demo.processes.stop()


@pytest.mark.parametrize("platform", ["woocommerce", "bigcommerce"])
def test_a_first_sync_is_refused_once_a_window_by_each_that_calls(two: Two, platform: str) -> None:
    """BigCommerce tells what is left, so that nothing is refused; of WooCommerce only a refusal tells of a host's
    limit, and then the call waits until the window is over. The sync and what follows the join may have a call under
    way each when it is full, so that no window refuses more than two: whoever called again in it would make a third."""
    shop = two.shop(platform)
    seen = two.quota(shop)
    share = seen["taken"] / (CALLS * max(1.0, seen["span"] / SECONDS))
    rate = f"{seen['taken']} calls in {seen['span']:.1f} s, {share:.0%} of the limit"
    print(f"{platform}: {rate}, {seen['refused']} refused: {seen['by_window']}")
    assert seen["taken"] > MANY["count"] > 2 * CALLS, "more than the limit lets through at once"
    assert sum(seen["by_window"]) == seen["refused"]
    if platform == "woocommerce":
        assert len(seen["by_window"]) > 2
        assert max(seen["by_window"]) <= 2
    else:
        assert seen["refused"] <= 2
    assert len(two.app.listings(shop.shop_id, "shoppable")) + 5 > MANY["count"]


@pytest.mark.parametrize("platform", ["woocommerce", "bigcommerce"])
def test_from_the_tap_to_the_balance(two: Two, platform: str) -> None:
    """Tap, two units and something else bought at the storefront, the webhook, one unit given back, then money alone:
    the balance is what the journal alone says it is, and goes down each time."""
    day, shop = two.running, two.shop(platform)
    two.quota(shop, calls=5000, seconds=1)
    link = _shared(two, shop)
    order = _bought(two, shop, link)
    balance = _agrees(two, shop, link)
    assert [line["quantity"] for line in order["lines"]] == [2, 1]
    first = order["lines"][0]
    base = minor(first["gross"], "USD") - (minor(first["tax"], "USD") if shop.taxes_included else 0)
    assert balance == half_up(Fraction(base * RATE, 10_000)) > 0
    assert two.stores.call("GET", f"/deliveries?shop={shop.name}")["counts"]["failed"] == 0

    day.stores.act(shop.name, order["id"], "refund", lines=[{"line_item_id": first["id"], "quantity": 1}])
    less = _agrees(two, shop, link)
    assert abs(2 * less - balance) <= 1
    day.stores.act(shop.name, order["id"], "refund", amount="2.00")
    assert 0 < _agrees(two, shop, link) < less
    day.stores.act(shop.name, order["id"], "refund", lines="all")
    assert _agrees(two, shop, link) == 0


def _shared(two: Two, shop: Shop) -> Link:
    """A creator of the shop's own with a video, and a link to a product of it."""
    day, handle = two.running, f"ana-{shop.platform[:3]}"
    ref = f"{handle}-video-1"
    day.creators[handle] = day.app.sign_up(handle, "Ana", 1200, "1990-05-05")
    day.contents[handle, ref] = day.app.content(day.creators[handle], ref, "video", "A video")
    started = day.app.open_terms(shop.shop_id, RATE)
    day.rates.append({"shop": shop.name, "basis_points": RATE, "starts": started, "product_id": None})
    shop.listings = day.app.listings(shop.shop_id, "shoppable")
    return trade.share(day, shop, handle, ref, shop.listings[0])


def _bought(two: Two, shop: Shop, link: Link) -> Any:
    """As the platform's own storefront lets it be bought: two of the tapped thing, one of another."""
    day, buyer = two.running, Buyer(1 if shop.platform == "woocommerce" else 2)
    landed = buyer.add(trade._tap(day, buyer, link))
    tapped = trade._variant(day, link)
    other = day.app.listing(shop.listings[1]["id"])["variants"][0]["variant_ref"]
    if shop.platform == "woocommerce":
        assert "/product/" in landed
        buyer.add(f"{shop.origin}/cart/?add-to-cart={tapped}&quantity=2")
        checkout = buyer.add(f"{shop.origin}/checkout/?add-to-cart={other}")
    else:
        assert "/checkouts/" in landed, "the cart that the connector made"
        buyer.add(f"{shop.origin}/cart.php?action=add&variant_id={tapped}&qty=1")
        checkout = buyer.add(f"{shop.origin}/cart.php?action=buy&variant_id={other}")
    time.sleep(trade.A_MOMENT)
    return buyer.pay(checkout)


def _agrees(two: Two, shop: Shop, link: Link) -> int:
    """What the creator has pending, once both witnesses say the same of every line."""
    two.quiet()
    journal = two.stores.journal("products", "orders")
    told = two.app.tell({one.shop_id: one.name for one in two.running.shops}, [], two.running.began)
    should = expected(journal, journal["notes"], two.running.rates)
    for proof in (proofs.lines_agree(should, told), proofs.creators_agree(should, told), proofs.ledger_balanced(told)):
        assert proof["holds"], proof
    own = [row for row in told["balances"] if row["creator"] == link.creator]
    return sum(row[bucket] for row in own for bucket in BUCKETS)
