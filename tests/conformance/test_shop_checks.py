"""The checks that run a shop find what they are for: each mutant of a good platform fails the one that names its fault.

Square's stand-in is the shop: it is all in memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connector.conformance import SHOP_CHECKS, Case, Nonconformity, balances, sample_checks, shop_checks
from connector.db import Database
from connector.errors import InputRefused, PlatformBusy
from connector.events import OrderSnapshot, Refund
from connector.platforms.contract import Client, OrderPage, OrderRead, PlacedSample, ProductPage, SampleOrder
from connector.platforms.square import PLATFORM
from connector.platforms.square.catalog import Catalog
from connector.platforms.square.checkout import Checkout
from connector.platforms.square.orders import Orders
from connector.platforms.square.samples import Samples
from tests.platforms.square.case import CASE

SAMPLES = frozenset({"sample_orders"})


def mutant(**parts: Any) -> Case:
    return dataclasses.replace(CASE, platform=dataclasses.replace(CASE.platform, **parts))


class FirstPageOnly(Catalog):
    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        return dataclasses.replace(super().changed(client, since, checkpoint), checkpoint=None)


class CutsVariants(Catalog):
    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        page = super().changed(client, since, checkpoint)
        cut = [msgspec.structs.replace(each, variants=each.variants[:100]) for each in page.products]
        return dataclasses.replace(page, products=cut)


class TimesAHundred(Catalog):
    """Takes yen for something that has cents."""

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        page = super().changed(client, since, checkpoint)
        if client.currency != "JPY":
            return page
        dear = [
            msgspec.structs.replace(
                each, variants=tuple(msgspec.structs.replace(v, price=v.price * 100) for v in each.variants)
            )
            for each in page.products
        ]
        return dataclasses.replace(page, products=dear)


class SkipsBehindACut(Catalog):
    """A checkpoint that is one page too far."""

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        page = super().changed(client, since, checkpoint)
        if checkpoint is None or page.checkpoint is None:
            return page
        return super().changed(client, since, page.checkpoint)


class ItemsAlone(Catalog):
    """Asks for changed products, where a price is its variant's."""

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        page = super().changed(client, since, checkpoint)
        return dataclasses.replace(page, products=[]) if since else page


class BuriesTheLiving(Catalog):
    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        page = super().changed(client, since, checkpoint)
        return dataclasses.replace(page, gone=[*page.gone, *(each.product_ref for each in page.products)])


class Impatient(Catalog):
    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        return super().changed(_once(client), since, checkpoint)


def _once(client: Client) -> Client:
    class Once:
        def send(self, *given: Any, **more: Any) -> Any:
            answer = client.http.send(*given, **more)
            if answer.status == 429:
                raise PlatformBusy("at once", retry_after=1)
            return answer

    return dataclasses.replace(client, http=Once())


class Changed(Orders):
    """Orders whose snapshot was changed."""

    def __init__(self, change: Callable[[OrderSnapshot], OrderSnapshot]) -> None:
        self._change = change

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        read = super().one(client, order_ref)
        return None if read is None else dataclasses.replace(read, snapshot=self._change(read.snapshot))

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        return {
            ref: None if read is None else dataclasses.replace(read, snapshot=self._change(read.snapshot))
            for ref, read in super().some(client, order_refs).items()
        }


def unpaid(order: OrderSnapshot) -> OrderSnapshot:
    return msgspec.structs.replace(order, payment_status="pending")


def as_ordered(order: OrderSnapshot) -> OrderSnapshot:
    """Nothing ever comes back: neither in the refunds nor in the lines."""
    lines = tuple(msgspec.structs.replace(line, current_quantity=line.quantity) for line in order.lines)
    return msgspec.structs.replace(order, refunds=(), lines=lines, payment_status="paid", cancelled_at=None)


def without_refunds(order: OrderSnapshot) -> OrderSnapshot:
    return msgspec.structs.replace(order, refunds=())


def without_carriers(order: OrderSnapshot) -> OrderSnapshot:
    return msgspec.structs.replace(order, carriers=())


def a_unit_dearer(order: OrderSnapshot) -> OrderSnapshot:
    lines = tuple(msgspec.structs.replace(line, unit_price=line.unit_price + 1) for line in order.lines)
    return msgspec.structs.replace(order, lines=lines)


class Counted:
    """Names refunds by the read, not by the store."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, order: OrderSnapshot) -> OrderSnapshot:
        self.reads += 1

        def named(refund: Refund) -> Refund:
            return msgspec.structs.replace(refund, refund_ref=f"{refund.refund_ref}-{self.reads}")

        return msgspec.structs.replace(order, refunds=tuple(named(each) for each in order.refunds))


class ListsNothing(Orders):
    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        return OrderPage([], None)


class NoWindow(Orders):
    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        return super().changed(client, since, checkpoint)


class Forgetful(Samples):
    """Finds nothing."""

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        return None


class FindsAny(Samples):
    """Asks with a filter that the store passes over in silence."""

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        orders = PLATFORM.orders.changed(client, datetime(2020, 1, 1, tzinfo=UTC), None).heads
        return PlacedSample(orders[0].order_ref, orders[0].number) if orders else None


class AtOnce(Samples):
    """Each placing begins anew, and what no answer told of isn't found."""

    def __init__(self) -> None:
        self.tries, self.done = 0, ""

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        self.tries, self.done = self.tries + 1, ""
        made = super().place(client, dataclasses.replace(asked, reference=f"{asked.reference}{self.tries}"))
        self.done = f"{asked.reference}{self.tries}"
        return made

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        return super().find(client, self.done) if self.done else None


class SaysCancelled(Samples):
    def cancel(self, client: Client, order_ref: str) -> bool:
        return True


class CancelsOnce(Samples):
    """Takes an order that is cancelled already for one that can't be."""

    def cancel(self, client: Client, order_ref: str) -> bool:
        read = PLATFORM.orders.one(client, order_ref)
        return False if read and read.snapshot.cancelled_at else super().cancel(client, order_ref)


class SellsNothing(Samples):
    """Looks at no stock."""

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        try:
            return super().place(client, asked)
        except InputRefused as refused:
            if refused.field != "variant_ref":
                raise
            return PlacedSample("ORDER1", "ORDER1")


class TellsTheAddress(Samples):
    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        try:
            return super().place(client, asked)
        except InputRefused as refused:
            raise InputRefused(refused.field, f"{asked.recipient.address1} is nowhere.") from None


class MayAlways(Samples):
    def may_place(self, scopes: Sequence[str]) -> bool:
        return True


def unmarked(order: OrderSnapshot) -> OrderSnapshot:
    return msgspec.structs.replace(order, sample=False)


def marked(order: OrderSnapshot) -> OrderSnapshot:
    return msgspec.structs.replace(order, sample=True)


class LosesTokens(Checkout):
    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return []


@pytest.mark.parametrize(
    ("check", "case"),
    [
        (shop_checks.the_whole_catalog_is_walked, mutant(catalog=FirstPageOnly())),
        (shop_checks.the_whole_catalog_is_walked, mutant(catalog=CutsVariants())),
        (shop_checks.the_whole_catalog_is_walked, mutant(catalog=TimesAHundred())),
        (shop_checks.a_walk_goes_on_where_it_was_cut, mutant(catalog=SkipsBehindACut())),
        (shop_checks.a_changed_price_is_found, mutant(catalog=ItemsAlone())),
        (shop_checks.a_deleted_product_is_gone, mutant(catalog=BuriesTheLiving())),
        (shop_checks.an_order_has_its_exact_base, mutant(orders=Changed(a_unit_dearer))),
        (shop_checks.an_order_has_its_exact_base, mutant(orders=Changed(unpaid))),
        (shop_checks.an_order_has_its_exact_base, mutant(orders=Changed(without_carriers))),
        (shop_checks.an_order_has_its_exact_base, mutant(orders=ListsNothing())),
        (shop_checks.an_order_has_its_exact_base, mutant(orders=NoWindow())),
        (shop_checks.an_order_has_its_exact_base, mutant(checkout=LosesTokens())),
        (shop_checks.what_is_given_back_is_told, mutant(orders=Changed(without_refunds))),
        (shop_checks.what_is_given_back_is_told, mutant(orders=Changed(Counted()))),
        (shop_checks.the_whole_catalog_is_walked, dataclasses.replace(CASE, stand_in=None)),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(samples=None)),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(capabilities=PLATFORM.capabilities - SAMPLES)),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(samples=Forgetful())),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(samples=FindsAny())),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(orders=Changed(unmarked))),
        (sample_checks.a_sample_is_placed_free_and_marked, mutant(orders=Changed(a_unit_dearer))),
        (sample_checks.an_ordinary_order_is_no_sample, mutant(orders=Changed(marked))),
        (sample_checks.a_lost_answer_makes_no_second_sample, mutant(samples=AtOnce())),
        (sample_checks.a_sample_is_cancelled_until_it_is_on_its_way, mutant(samples=SaysCancelled())),
        (sample_checks.a_sample_is_cancelled_until_it_is_on_its_way, mutant(samples=CancelsOnce())),
        (sample_checks.what_a_store_refuses_names_its_field, mutant(samples=SellsNothing())),
        (sample_checks.what_a_store_refuses_names_its_field, mutant(samples=TellsTheAddress())),
        (sample_checks.who_did_not_grant_it_ships_by_hand, mutant(samples=MayAlways())),
    ],
    ids=lambda value: getattr(value, "__name__", "mutant"),
)
def test_a_mutant_is_found(check: Callable[[Case], None], case: Case) -> None:
    with pytest.raises(Nonconformity):
        check(case)


def test_who_does_not_wait_is_found() -> None:
    with pytest.raises(PlatformBusy):
        shop_checks.a_busy_store_is_waited_for(mutant(catalog=Impatient()))


def test_a_platform_that_says_why_needs_no_stand_in() -> None:
    excused = dataclasses.replace(CASE.platform, exemptions={"shop_checks": "no store of it can be had"})
    for check in SHOP_CHECKS:
        check(dataclasses.replace(CASE, stand_in=None, platform=excused))


@pytest.mark.parametrize(
    "orders",
    [Changed(as_ordered), Changed(without_carriers), Changed(unpaid)],
    ids=["no refunds", "no token", "unpaid"],
)
def test_a_balance_that_is_wrong_is_found(orders: Orders, sqlite_database: Database) -> None:
    with pytest.raises(Nonconformity):
        balances.converge(mutant(orders=orders), sqlite_database)
