"""Checks of a platform that places sample orders: placed once, found, free and marked, cancelled, refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from connector.conformance.case import Case, expect
from connector.conformance.shop_checks import PRICES, base, listed, read, shops
from connector.conformance.stand_in import StandIn
from connector.errors import InputRefused, PlatformDown
from connector.platforms.contract import Http, HttpAnswer, PlacedSample, Recipient, SampleOrder, Samples

MOST_CALLS = 40  # of one placing
NO_COUNTRY = "QZ"  # ISO 3166 keeps it free for ever
RECIPIENT = Recipient(
    name="Robin Sample", address1="1 Sample Street", city="Springfield", country="US", postal_code="62701", region="IL",
    phone="+12175550100", email="robin@sample.example",
)  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A store that sells one thing, and the part under test."""

    case: Case
    store: StandIn
    samples: Samples
    product_ref: str
    since: datetime

    def asked(self, number: int = 1, recipient: Recipient = RECIPIENT) -> SampleOrder:
        page = self.case.platform.catalog.products(self.store.client, [self.product_ref])
        variant = page.products[0].variants[0].variant_ref
        note = "A creator's sample: nothing is to be paid."
        return SampleOrder(f"smp_{number:026}", variant, self.product_ref, "Thing", recipient, note)

    def placed(self) -> list[str]:
        """Refs of all orders that the store says were placed since."""
        orders, until = self.case.platform.orders, self.store.now() + timedelta(minutes=5)
        return listed(partial(orders.placed, self.store.client, self.since, until))


def desks(case: Case) -> Iterator[tuple[str, Desk]]:
    samples = case.platform.samples
    if not case.platform.can("sample_orders"):
        expect(samples is None, "there is a part for samples, and no capability `sample_orders`")
        return
    expect(samples is not None, "the platform can `sample_orders`, and has no part for them")
    for currency, store in shops(case):
        ref = store.product("Thing", [PRICES[currency]])
        if samples is not None:
            yield currency, Desk(case, store, samples, ref, store.now() - timedelta(minutes=5))


def one_desk(case: Case) -> Desk | None:
    return next((desk for _, desk in desks(case)), None)


def a_sample_is_placed_free_and_marked(case: Case) -> None:
    """In each currency: found by its reference and by nothing else; its snapshot says sample, and its base is 0."""
    for currency, desk in desks(case):
        client, asked = desk.store.client, desk.asked()
        expect(desk.samples.find(client, asked.reference) is None, f"{currency}: a sample is found before it is placed")
        placed = desk.samples.place(client, asked)
        expect(bool(placed.number) and not placed.cancelled, f"{currency}: placed as {placed}")
        found = desk.samples.find(client, asked.reference)
        expect(found == placed, f"{currency}: placed {placed}, found {found}")
        other = desk.samples.find(client, desk.asked(2).reference)
        expect(other is None, f"{currency}: another reference finds {other}")
        snapshot = read(case, desk.store, placed.order_ref).snapshot
        expect(snapshot.sample, f"{currency}: the snapshot of a sample order doesn't say so")
        expect(snapshot.completed, f"{currency}: a sample order is still a draft")
        expect(base(snapshot) == 0, f"{currency}: a sample has a base of {base(snapshot)}")
        expect(snapshot.total == 0, f"{currency}: a sample costs {snapshot.total}")
        sold = [line.variant_ref for line in snapshot.lines]
        expect(sold == [asked.variant_ref], f"{currency}: the sample holds {sold}")
        expect(desk.placed() == [placed.order_ref], f"{currency}: the store's list has {desk.placed()}")


def an_ordinary_order_is_no_sample(case: Case) -> None:
    for currency, desk in desks(case):
        order = desk.store.order(desk.product_ref, 1, "")
        snapshot = read(case, desk.store, order).snapshot
        expect(not snapshot.sample, f"{currency}: an order that was paid is taken for a sample")


def a_lost_answer_makes_no_second_sample(case: Case) -> None:
    """The answer of each call in turn is lost. Asked for, and placed where it isn't there, it is one order."""
    for lost in range(1, MOST_CALLS):
        desk = one_desk(case)
        if desk is None:
            return
        asked, way = desk.asked(), Losing(desk.store.client.http, lost)
        cut = replace(desk.store.client, http=way)
        try:
            placed: PlacedSample | None = desk.samples.place(cut, asked)
        except PlatformDown:
            placed = None
        client = desk.store.client
        again = desk.samples.find(client, asked.reference) or desk.samples.place(client, asked)
        expect(placed is None or placed == again, f"call {lost} was cut: placed {placed}, then found {again}")
        refs = desk.placed()
        expect(refs == [again.order_ref], f"the answer of call {lost} was lost, and the store has orders {refs}")
        if way.calls < lost:
            return
    expect(False, f"placing a sample takes more than {MOST_CALLS} calls")


class Losing:
    """A way out on which one answer is lost: the call arrives, and nobody hears what came of it."""

    def __init__(self, way: Http, lost: int) -> None:
        self._way, self._lost, self.calls = way, lost, 0

    def send(self, method: str, url: str, **given: Any) -> HttpAnswer:
        self.calls += 1
        answer = self._way.send(method, url, **given)
        if self.calls != self._lost:
            return answer
        answer.close()
        raise PlatformDown("the answer was lost on its way")


def a_sample_is_cancelled_until_it_is_on_its_way(case: Case) -> None:
    desk = one_desk(case)
    if desk is None:
        return
    client = desk.store.client
    numbers = count(1)
    asked = desk.asked(next(numbers))
    placed = desk.samples.place(client, asked)
    expect(desk.samples.cancel(client, placed.order_ref), "a sample that nobody packed isn't cancelled")
    found = desk.samples.find(client, asked.reference)
    expect(found is not None and found.cancelled, f"a cancelled sample is found as {found}")
    expect(desk.samples.cancel(client, placed.order_ref), "a second cancellation of a sample isn't harmless")
    snapshot = read(case, desk.store, placed.order_ref).snapshot
    over = snapshot.cancelled_at is not None or snapshot.payment_status == "voided"
    expect(over and snapshot.sample, "a cancelled sample's snapshot says nothing of it")
    sent = desk.asked(next(numbers))
    gone = desk.samples.place(client, sent)
    desk.store.send_off(gone.order_ref)
    expect(not desk.samples.cancel(client, gone.order_ref), "a sample on its way is said to be cancelled")
    found = desk.samples.find(client, sent.reference)
    expect(found is not None and not found.cancelled, "a sample on its way was cancelled")


def what_a_store_refuses_names_its_field(case: Case) -> None:
    """Nothing left, no such product, nowhere to send to: `variant_ref` or `recipient.country`, and no order is made."""
    desk = one_desk(case)
    if desk is None:
        return
    right = desk.asked()
    nowhere = replace(RECIPIENT, country=NO_COUNTRY)
    _refused(desk, replace(right, recipient=nowhere), "recipient.country", "a country that there isn't")
    _refused(desk, replace(right, variant_ref=case.no_order), "variant_ref", "a variant that the store doesn't have")
    desk.store.sell_out(desk.product_ref)
    _refused(desk, right, "variant_ref", "a product of which nothing is left")


def _refused(desk: Desk, asked: SampleOrder, field: str, what: str) -> None:
    try:
        placed = desk.samples.place(desk.store.client, asked)
    except InputRefused as error:
        expect(error.field == field, f"{what}: refused as {error.field}, not {field}")
        expect(bool(error.problem), f"{what}: refused without a word")
        kept = [word for word in (RECIPIENT.name, RECIPIENT.address1, RECIPIENT.email) if word in str(error)]
        expect(not kept, f"{what}: the refusal repeats {kept}")
    else:
        expect(False, f"{what}: placed as {placed}")
    expect(not desk.placed(), f"{what}: the store has an order all the same")


def who_did_not_grant_it_ships_by_hand(case: Case) -> None:
    desk = one_desk(case)
    if desk is None:
        return
    scopes = desk.store.client.grant.scopes
    expect(desk.samples.may_place(scopes), f"samples may not be placed with all that is granted: {sorted(scopes)}")
    needed = case.platform.features.get("samples", ())
    for scope in needed:
        less = tuple(each for each in needed if each != scope)
        expect(not desk.samples.may_place(less), f"samples may be placed without {scope}")


SAMPLE_CHECKS: tuple[Callable[[Case], None], ...] = (
    a_sample_is_placed_free_and_marked,
    an_ordinary_order_is_no_sample,
    a_lost_answer_makes_no_second_sample,
    a_sample_is_cancelled_until_it_is_on_its_way,
    what_a_store_refuses_names_its_field,
    who_did_not_grant_it_ships_by_hand,
)
