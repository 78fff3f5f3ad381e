"""The scripted day: buyers tap and buy, stores deliver, refund, edit and cancel.

Everything that a person did is noted in the stores' own journal, so that what each creator should earn can be worked
out from there alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.demo.app import App
from sandbox.demo.stores import Buyer, Clock, Doc, Stores, chances

# A store counts in whole seconds, a tap in microseconds: who pays in the same second tapped "after" the order.
A_MOMENT = 1.2


@dataclass
class Shop:
    """One stand-in store and what the connector calls it."""

    name: str  # the store's own, in the control API and the journal
    title: str
    currency: str
    time_zone: str
    taxes_included: bool
    shipping: str
    products: Doc  # for the generator
    rate: int  # basis points of the shop's open terms
    buyers: int
    platform: str = "shopify"
    domain: str = ""  # what the connector calls it
    origin: str = ""  # its storefront
    shop_id: str = ""
    listings: list[Doc] = field(default_factory=list)


@dataclass
class Link:
    creator: str
    content: str
    shop: Shop
    product_id: int
    listing_id: str
    url: str


@dataclass
class Day:
    """The running demo: who takes part, and what came of it."""

    app: App
    stores: Stores
    clock: Clock
    shops: list[Shop]
    began: datetime
    links: list[Link] = field(default_factory=list)
    rates: list[Doc] = field(default_factory=list)
    # flat fees that are owed: shop, creator, content, currency, amount
    fees: list[Doc] = field(default_factory=list)
    agreement: str = ""  # the negotiation that has one with a fee
    sample: Doc = field(default_factory=dict)  # as the app was told of it
    contents: dict[tuple[str, str], str] = field(default_factory=dict)
    creators: dict[str, str] = field(default_factory=dict)
    orders: list[tuple[Shop, Doc]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by


def share(day: Day, shop: Shop, handle: str, ref: str, listing: Doc) -> Link:
    url = day.app.link(day.creators[handle], listing["id"], day.contents[handle, ref])
    return Link(handle, ref, shop, int(listing["product_ref"]), listing["id"], url)


def _tap(day: Day, buyer: Buyer, link: Link) -> str:
    """A tap on a link, seen by the journal too; the cart link."""
    at = day.clock.now()
    cart = buyer.tap(link.url)
    day.stores.note(
        kind="touch", buyer=buyer.label, creator=link.creator, content=link.content, shop=link.shop.name,
        product_id=link.product_id, at=at.isoformat(),
    )  # fmt: skip
    day.count("taps")
    return cart


def _tap_in_app(day: Day, buyer: Buyer, link: Link) -> str:
    """A tap inside the app, which tells the connector of it by its own token; the cart link."""
    at = day.clock.now() - timedelta(minutes=3)
    cart = day.app.touch(
        creator_id=day.creators[link.creator], listing_id=link.listing_id,
        content_id=day.contents[link.creator, link.content], buyer=f"app-user-{buyer.number}", at=at,
    )  # fmt: skip
    day.stores.note(
        kind="touch", buyer=buyer.label, creator=link.creator, content=link.content, shop=link.shop.name,
        product_id=link.product_id, at=at.isoformat(),
    )  # fmt: skip
    day.count("taps in the app")
    return cart


def trade(day: Day, seed: int, tell: Callable[[int, int], None]) -> None:
    """All buyers, each once, some at a time; `tell(done, all)` reports."""
    draw = chances(seed + 1)
    plan: list[tuple[Shop, int]] = []
    for shop in day.shops:
        plan += [(shop, number) for number in range(len(plan), len(plan) + shop.buyers)]
    draw.shuffle(plan)
    kinds = [_kind(draw.random()) for _ in plan]
    picks = [draw.sample([link for link in day.links if link.shop is shop], 6) for shop, _ in plan]
    done = 0
    group = 25
    with ThreadPoolExecutor(4) as pool:
        for start in range(0, len(plan), group):
            part = slice(start, start + group)
            carts = list(pool.map(_shop_around, [day] * group, plan[part], kinds[part], picks[part]))
            time.sleep(A_MOMENT)
            for (shop, _number), order in zip(plan[part], pool.map(_pay, carts), strict=True):
                day.orders.append((shop, order))
                done += 1
            tell(done, len(plan))


def _kind(chance: float) -> str:
    steps = (
        (0.50, "one"), (0.64, "two creators"), (0.74, "last tap wins"), (0.86, "in the app"), (0.96, "nobody"),
        (1.0, "pays later"),
    )  # fmt: skip
    return next(kind for limit, kind in steps if chance < limit)


def _shop_around(day: Day, who: tuple[Shop, int], kind: str, links: Sequence[Link]) -> tuple[Buyer, str, str]:
    """Fill one buyer's cart as `kind` says; the buyer, the checkout's address and how they pay."""
    shop, number = who
    buyer = Buyer(number)
    day.count(f"buyers: {kind}")
    first = links[0]
    if shop.platform != "shopify":
        second = _another(links) if kind == "two creators" else first
        return buyer, _elsewhere(day, buyer, shop, kind, first, second), "later" if kind == "pays later" else "card"
    if kind == "two creators":
        second = _another(links)
        buyer.add(_tap(day, buyer, first) + "&storefront=true")
        checkout = buyer.add(_tap(day, buyer, second))
    elif kind == "last tap wins":
        rival = _rival(day, first)
        _tap(day, buyer, first)
        time.sleep(0.05)
        checkout = buyer.add(_tap(day, buyer, rival))
    elif kind == "in the app":
        checkout = buyer.add(_tap_in_app(day, buyer, first))
    elif kind == "nobody":
        checkout = buyer.add(f"{shop.origin}/cart/{_variant(day, first)}:1")
    else:
        checkout = buyer.add(_tap(day, buyer, first))
    return buyer, checkout, "later" if kind == "pays later" else "card"


def _another(links: Sequence[Link]) -> Link:
    """A link to another product by another creator than the first's."""
    first = links[0]
    return next(one for one in links if one.creator != first.creator and one.product_id != first.product_id)


def _elsewhere(day: Day, buyer: Buyer, shop: Shop, kind: str, link: Link, second: Link) -> str:
    """The same at a store whose orders carry one token alone, the last tap's, which brings the others along. The
    checkout's address."""
    by_hand = {
        "woocommerce": f"{shop.origin}/checkout/?add-to-cart={{}}",
        "bigcommerce": f"{shop.origin}/cart.php?action=buy&variant_id={{}}",
    }[shop.platform]
    if kind == "nobody":
        return buyer.add(by_hand.format(_variant(day, link)))
    if kind == "two creators":
        buyer.add(_tap(day, buyer, link))
        if shop.platform == "woocommerce":
            buyer.add(f"{shop.origin}/cart/?add-to-cart={_variant(day, link)}")
            buyer.add(_tap(day, buyer, second))
            return buyer.add(by_hand.format(_variant(day, second)))
        buyer.add(_tap(day, buyer, second))  # a cart of its own, in the first one's place
        return buyer.add(by_hand.format(_variant(day, link)))
    if kind == "last tap wins":
        rival = _rival(day, link)
        _tap(day, buyer, link)
        time.sleep(0.05)
        link = rival
    landed = buyer.add(_tap_in_app(day, buyer, link) if kind == "in the app" else _tap(day, buyer, link))
    # WooCommerce before 10.0 is entered by the product's page: the buyer puts it into the cart there.
    return landed if "/checkouts/" in landed else buyer.add(by_hand.format(_variant(day, link)))


def _variant(day: Day, link: Link) -> str:
    """One that can be bought."""
    variants = day.app.listing(link.listing_id)["variants"]
    return str(next(one["variant_ref"] for one in variants if one["available"]))


def _rival(day: Day, link: Link) -> Link:
    """Another creator's link to the same product."""
    for other in day.links:
        if other.shop is link.shop and other.product_id == link.product_id and other.creator != link.creator:
            return other
    handle = next(handle for handle in day.creators if handle != link.creator)
    listing = next(one for one in link.shop.listings if one["id"] == link.listing_id)
    made = share(day, link.shop, handle, f"{handle}-video-1", listing)
    day.links.append(made)
    return made


def _pay(cart: tuple[Buyer, str, str]) -> Doc:
    buyer, checkout, payment = cart
    return buyer.pay(checkout, payment)


def afterwards(day: Day, seed: int, tell: Callable[[int, int], None]) -> None:
    """What befalls orders: delivery, refunds, edits, cancellations, late payment; and the catalog moves."""
    draw = chances(seed + 2)
    for index, (shop, order) in enumerate(day.orders):
        _fate(day, shop, order, draw.random(), draw)
        if index % 20 == 0:
            tell(index, len(day.orders))
    for shop in day.shops:
        _other_orders(day, shop)
        _move_catalog(day, shop)
    tell(len(day.orders), len(day.orders))


def _fate(day: Day, shop: Shop, order: Doc, chance: float, draw: Any) -> None:
    def act(name: str, **body: Any) -> Doc:
        return day.stores.act(shop.name, order["id"], name, **body)

    lines = order["lines"]
    if order["financial_status"] != "paid":
        if chance < 0.6:
            act("pay")
            day.count("paid later")
        else:
            day.count("never paid")
            return
    if chance < 0.06:
        act("cancel", refund=chance < 0.04)
        day.count("cancelled")
        return
    edits = shop.platform == "shopify"  # the others change the order itself, as if it had been placed so
    if edits and chance < 0.12:
        act("edit", add=[{"variant_id": lines[0]["variant_id"], "quantity": 1}], collect=True)
        day.count("edited: unit added")
    elif edits and chance < 0.15 and len(lines) > 1:
        act("edit", remove=[{"line_item_id": lines[1]["id"]}], refund_difference=True)
        day.count("edited: line removed")
    act("fulfil")
    if chance < 0.95:
        act("deliver")
        day.count("delivered")
    if 0.20 <= chance < 0.28:
        act("refund", lines="all")
        day.count("refunded in full")
    elif 0.28 <= chance < 0.34 and len(lines) > 1:
        act("refund", lines=[{"line_item_id": lines[0]["id"], "quantity": lines[0]["quantity"]}])
        day.count("refunded in part")
    elif 0.34 <= chance < 0.42:
        act("refund", amount=_third(lines[0]["gross"]))
        day.count("refunded: amount only")
    elif 0.42 <= chance < 0.46:
        act("refund", shipping="full")
        day.count("refunded: shipping only")
    elif 0.46 <= chance < 0.50 and shop.platform != "woocommerce":  # which keeps no refund before its money moved
        done = act("refund", lines="all", status="pending")
        refund = done["refunds"][-1]["id"]
        act(f"refunds/{refund}/settle", status="failure" if chance < 0.48 else "success")
        day.count("refund pending, then " + ("failed" if chance < 0.48 else "done"))


def _third(gross: str) -> str:
    """A third of a price, in whole units where there are enough of them, so that every currency can carry it."""
    whole, _, part = gross.partition(".")
    third = int(whole + part) // 3
    return f"{third}" if not part else f"{third // 10 ** len(part)}.{third % 10 ** len(part):0{len(part)}d}"


def _other_orders(day: Day, shop: Shop) -> None:
    """A test order and a sample, which earn nothing and say so. WooCommerce has no word for either."""
    if shop.platform == "woocommerce":
        return
    line = {"variant_id": int(day.app.listing(shop.listings[0]["id"])["variants"][0]["variant_ref"]), "quantity": 1}
    day.stores.call("POST", f"/shops/{shop.name}/orders", lines=[line], payment="paid", test=True)
    day.stores.call("POST", f"/shops/{shop.name}/orders", lines=[line], payment="paid", tags=["sample_order"])
    day.count("test and sample orders", 2)


def _move_catalog(day: Day, shop: Shop) -> None:
    """A price changes and a product is deleted while orders run.

    The one that is deleted has sold nothing: of an order that is first heard of after its product was deleted, no
    store's API says any more what it was of.
    """
    sold = {link.listing_id for link in day.links if link.shop is shop}
    dearer, gone = next(one for one in shop.listings if one["id"] in sold), shop.listings[-1]
    product = day.stores.call("GET", f"/shops/{shop.name}/products/{dearer['product_ref']}")
    variant = product["variants"][0]
    day.stores.call(
        "PATCH", f"/shops/{shop.name}/products/{dearer['product_ref']}",
        title=f"{product['title']} (new edition)",
        variants=[{"id": variant["id"], "price": _third(variant["price"])}],
    )  # fmt: skip
    day.stores.call("DELETE", f"/shops/{shop.name}/products/{gone['product_ref']}")
    day.count("products changed")
    day.count("products deleted")
