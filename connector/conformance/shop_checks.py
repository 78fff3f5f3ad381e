"""Checks that run a shop at a stand-in: its whole catalog, what changed, its orders and what is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from connector.conformance.case import Case, expect
from connector.conformance.stand_in import StandIn
from connector.events import OrderSnapshot, Product
from connector.platforms.contract import OrderPage, OrderRead, ProductPage

MANY = 260  # variants: past the page of every platform that we know
MOST_PAGES = 1_000
TOUCH = "t1abcdefghij012345ABCDEFGHIJ-_6789"
# Minor units of one price in currencies of two, none and three decimals.
PRICES = {"USD": 1999, "JPY": 3980, "KWD": 12345}


def shops(case: Case) -> Iterator[tuple[str, StandIn]]:
    """An empty store of each currency that the stand-in can have."""
    if case.stand_in is None:
        expect("shop_checks" in case.platform.exemptions, "there is no stand-in to run a shop at, and no reason why")
        return
    for currency in case.currencies:
        yield currency, case.stand_in(currency)


def one_shop(case: Case) -> StandIn | None:
    return next((store for _, store in shops(case)), None)


def pages(case: Case, store: StandIn, since: datetime | None, at: str | None = None) -> Iterator[ProductPage]:
    for _ in range(MOST_PAGES):
        page = case.platform.catalog.changed(store.client, since, at)
        yield page
        at = page.checkpoint
        if at is None:
            return
    expect(False, f"the catalog has no end after {MOST_PAGES} pages")


def walked(case: Case, store: StandIn, since: datetime | None = None) -> dict[str, Product]:
    return {product.product_ref: product for page in pages(case, store, since) for product in page.products}


def the_whole_catalog_is_walked(case: Case) -> None:
    """Every product, with every variant and its exact price, in each currency."""
    for currency, store in shops(case):
        price = PRICES[currency]
        wanted = {store.product(f"Thing {number}", [price + number]): [price + number] for number in range(3)}
        many = [price + number for number in range(MANY)]
        wanted[store.product("Many", many)] = many
        found = walked(case, store)
        expect(set(found) == set(wanted), f"{currency}: walked {sorted(found)}, put {sorted(wanted)}")
        for ref, prices in wanted.items():
            product = found[ref]
            made = sorted(variant.price for variant in product.variants)
            expect(made == sorted(prices), f"{currency}: {ref} has {len(made)} variants from {made[:3]}")
            expect(product.currency == currency, f"{ref} is priced in {product.currency}")
            expect(len({variant.variant_ref for variant in product.variants}) == len(prices), f"{ref}: refs repeat")
        some = case.platform.catalog.products(store.client, [*wanted, "999999999"])
        expect({each.product_ref for each in some.products} == set(wanted), "products by ref differ from the walk's")
        for product in some.products:
            expect(product.variants == found[product.product_ref].variants, f"{product.product_ref} reads otherwise")


def a_walk_goes_on_where_it_was_cut(case: Case) -> None:
    """From each checkpoint on, the rest and nothing less comes, as after a kill."""
    store = one_shop(case)
    if store is None:
        return
    wanted = {store.product(f"Thing {number}", [1000 + number]) for number in range(5)}
    seen: set[str] = set()
    for page in pages(case, store, None):
        seen |= {product.product_ref for product in page.products}
        if page.checkpoint is not None:
            rest = {
                product.product_ref for more in pages(case, store, None, page.checkpoint) for product in more.products
            }
            expect(seen | rest == wanted, f"behind {page.checkpoint[:60]!r} is {sorted(rest)}, seen {sorted(seen)}")
    expect(seen == wanted, f"walked {sorted(seen)}, put {sorted(wanted)}")


def a_changed_price_is_found(case: Case) -> None:
    """An incremental read from the store's own newest time, less the overlap, has it."""
    store = one_shop(case)
    if store is None:
        return
    ref = store.product("Thing", [1000, 2000])
    mark = case.platform.catalog.newest_change(store.client)
    expect(mark is not None, "the store has a product, and no time of its newest change")
    overlap = case.platform.products_overlap_seconds or case.platform.overlap_seconds
    since = (mark or store.now()) - timedelta(seconds=overlap)
    store.reprice(ref, 1500)
    found = walked(case, store, since).get(ref)
    expect(found is not None, "a change of a variant's price is not among the changes")
    prices = sorted(variant.price for variant in found.variants) if found is not None else []
    expect(prices == [1500, 2000], f"the changed product has the prices {prices}")


def a_deleted_product_is_gone(case: Case) -> None:
    """A full walk lacks it and it can't be read; where the platform keeps tombstones, changes name it."""
    store = one_shop(case)
    if store is None:
        return
    stays, goes = store.product("Stays", [1000]), store.product("Goes", [1000])
    since = store.now() - timedelta(days=1)
    store.delete(goes)
    expect(set(walked(case, store)) == {stays}, "a deleted product is still walked")
    expect(not case.platform.catalog.products(store.client, [goes]).products, "a deleted product is still read")
    changes = list(pages(case, store, since))
    again = {product.product_ref for page in changes for product in page.products}
    expect(goes not in again, "a deleted product is among the changes, as if it lived")
    expect(stays not in {ref for page in changes for ref in page.gone}, "a product that lives is said to be gone")


def a_busy_store_is_waited_for(case: Case) -> None:
    store = one_shop(case)
    if store is None:
        return
    ref = store.product("Thing", [1000])
    store.busy(2)
    expect(set(walked(case, store)) == {ref}, "after the store was busy the catalog is another one")


def an_order_has_its_exact_base(case: Case) -> None:
    """Price times units in each currency; the token comes back; lists by change and by creation have it."""
    for currency, store in shops(case):
        price = PRICES[currency]
        product_ref = store.product("Thing", [price])
        before = store.now() - timedelta(minutes=5)
        order_ref = store.order(product_ref, 2, TOUCH)
        seen = read(case, store, order_ref)
        expect(base(seen.snapshot) == 2 * price, f"{currency}: the base is {base(seen.snapshot)}, not {2 * price}")
        expect(seen.snapshot.currency == currency, f"the order is in {seen.snapshot.currency}")
        expect(seen.snapshot.payment_status == "paid", f"a paid order is {seen.snapshot.payment_status}")
        lines = [line for line in seen.snapshot.lines if line.product_ref == product_ref]
        expect(bool(lines), f"no line names the product {product_ref}")
        tokens = [value for value, _ in case.platform.checkout.tokens(seen.snapshot)]
        expect(TOUCH in tokens, f"the token came back as {tokens}")
        changed, placed_in = case.platform.orders.changed, case.platform.orders.placed
        moved = listed(partial(changed, store.client, before))
        expect(order_ref in moved, f"the list of changed orders has {moved}")
        until = store.now() + timedelta(minutes=5)
        placed = listed(partial(placed_in, store.client, before, until))
        expect(order_ref in placed, f"the list of placed orders has {placed}")
        earlier = listed(partial(placed_in, store.client, before - timedelta(days=9), before))
        expect(order_ref not in earlier, "an order is listed in a window that ended before it was placed")
        some = case.platform.orders.some(store.client, [order_ref, case.no_order])
        expect(some[case.no_order] is None, "an order that isn't there is read")
        among = some[order_ref]
        expect(among is not None and among.snapshot == seen.snapshot, "an order reads otherwise among others")


def what_is_given_back_is_told(case: Case) -> None:
    """One unit of two, then the other; and an order that is cancelled: what stays is 1, 0 and 0 units' money."""
    store = one_shop(case)
    if store is None:
        return
    product_ref = store.product("Thing", [1000])
    order_ref = store.order(product_ref, 2, TOUCH)
    for units, status in ((1, "partially_refunded"), (2, "refunded")):
        store.refund(order_ref, 1)
        snapshot = read(case, store, order_ref).snapshot
        expect(given_back(snapshot) == 1000 * units, f"after {units} units came back: {given_back(snapshot)}")
        known = snapshot.payment_status in (status, "paid")  # some platforms leave the order itself as it was
        expect(known, f"after {units} units came back the order is {snapshot.payment_status}")
        again = read(case, store, order_ref).snapshot
        expect([each.refund_ref for each in again.refunds] == [each.refund_ref for each in snapshot.refunds],
               "a second read gives the refunds other refs")  # fmt: skip
    other = store.order(product_ref, 1, TOUCH)
    store.cancel(other)
    cancelled = read(case, store, other).snapshot
    over = cancelled.cancelled_at is not None or cancelled.payment_status in ("voided", "refunded", "expired")
    expect(over or given_back(cancelled) == 1000, f"a cancelled order is {cancelled.payment_status}")


def base(snapshot: OrderSnapshot) -> int:
    """COMMISSION.md R2 and R3, for lines without discounts of the whole order."""
    total = 0
    for line in snapshot.lines:
        total += line.unit_price * line.quantity - sum(each.amount for each in line.allocations)
        total -= (line.tax or 0) if snapshot.taxes_included else 0
    return total


def given_back(snapshot: OrderSnapshot) -> int:
    """Money of refunds that count: their lines, and what was given back without one."""
    total = 0
    for refund in snapshot.refunds:
        if refund.transactions and all(each.status in ("failure", "error") for each in refund.transactions):
            continue
        total += sum(line.subtotal for line in refund.lines)
        total -= sum(each.amount for each in refund.adjustments if each.kind == "discrepancy")
    return total


def read(case: Case, store: StandIn, order_ref: str) -> OrderRead:
    found = case.platform.orders.one(store.client, order_ref)
    if found is None:
        expect(False, f"the order {order_ref} can't be read")
        raise AssertionError
    return found


def listed(ask: Callable[[str | None], OrderPage]) -> list[str]:
    """Refs of all pages, from the first on."""
    refs: list[str] = []
    at: str | None = None
    for _ in range(MOST_PAGES):
        page = ask(at)
        refs += [head.order_ref for head in page.heads]
        at = page.checkpoint
        if at is None:
            return refs
    expect(False, f"the list of orders has no end after {MOST_PAGES} pages")
    return refs


SHOP_CHECKS: tuple[Callable[[Case], None], ...] = (
    the_whole_catalog_is_walked,
    a_walk_goes_on_where_it_was_cut,
    a_changed_price_is_found,
    a_deleted_product_is_gone,
    a_busy_store_is_waited_for,
    an_order_has_its_exact_base,
    what_is_given_back_is_told,
)
