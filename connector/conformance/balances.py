"""The last check, with a database: a creator's balance is the same in whatever order a platform's news arrive.

A shop of the platform, a creator, ten per cent, a tap, and an order at the stand-in that carries the tap's token. Then
one unit comes back, then the other. The reads in between are taken in, in every order and once more, each time by a
shop of its own; so is an order that is cancelled.

    from connector.conformance import balances

    def test_balances(tmp_path):
        with balances.scratch(tmp_path) as database:
            balances.converge(CASE, database)
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import msgspec

from connector import clock, db, vault
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.conformance.case import Case, expect
from connector.conformance.shop_checks import one_shop
from connector.conformance.stand_in import StandIn
from connector.db import Database, Scope, new_id
from connector.earnings.attribution import touches
from connector.earnings.intake.take_in import take_in
from connector.earnings.ledger import queries as ledger
from connector.events import Product
from connector.migrations.run import migrate
from connector.platforms import roster
from connector.platforms.contract import OrderRead
from connector.programme.collaborations import terms
from connector.programme.creators import register

RATE = 1000  # basis points
PRICE = 4000
_SCOPE = Scope.system("the conformance suite")


@contextmanager
def scratch(folder: Path) -> Iterator[Database]:
    """An empty SQLite database in `folder`, with keys that are made for it."""
    database = Database(f"sqlite:///{folder / 'conformance.db'}")
    migrate(database)
    vault.use(vault.Vault([base64.b64encode(secrets.token_bytes(32)).decode()], secrets.token_hex(32)))
    yield db.use(database)
    database.close()


@dataclass(frozen=True, slots=True)
class _Tap:
    """A shop with a creator whose tap's token an order may carry."""

    shop_id: str
    token: str


def converge(case: Case, database: Database) -> None:
    """Errors: Nonconformity."""
    store = one_shop(case)
    if store is None:
        return
    with _on_the_roster(case):
        _converge(case, database, store)


@contextmanager
def _on_the_roster(case: Case) -> Iterator[None]:
    """A platform under test may be installed nowhere: credit asks the roster how its orders carry tokens."""
    known, slug = roster.platforms(), case.platform.slug
    before = known.get(slug)
    known[slug] = case.platform
    try:
        yield
    finally:
        if before is None:
            del known[slug]
        else:
            known[slug] = before


def _converge(case: Case, database: Database, store: StandIn) -> None:
    product_ref = store.product("Story", [PRICE])
    product = case.platform.catalog.products(store.client, [product_ref]).products[0]
    first = _tap(case, database, product, store.now())
    order_ref = store.order(product_ref, 2, first.token)
    reads = [_read(case, store, order_ref)]
    for _ in range(2):
        store.refund(order_ref, 1)
        reads.append(_read(case, store, order_ref))
    reads.append(_read(case, store, order_ref))
    told = [_heard(database, first, read, number) for number, read in enumerate(reads)]
    due = PRICE * 2 * RATE // 10_000
    expect(told == [due, due // 2, 0, 0], f"the creator is owed {told}, not {[due, due // 2, 0, 0]}")
    # The last read is the one before it again; what was heard first comes once more at the end of each way.
    for order in ((*way, way[0]) for way in permutations(range(len(reads) - 1))):
        again = _tap(case, database, product, reads[0].snapshot.created_at)
        theirs = [_carrying(read, first.token, again.token) for read in reads]
        told = [_heard(database, again, theirs[number], place) for place, number in enumerate(order)]
        expect(told[-1] == 0, f"in the order {order} the creator is left with {told[-1]}, not 0")
    _cancelled(case, database, store, product)


def _cancelled(case: Case, database: Database, store: StandIn, product: Product) -> None:
    tap = _tap(case, database, product, store.now())
    order_ref = store.order(product.product_ref, 1, tap.token)
    reads = [_read(case, store, order_ref)]
    store.cancel(order_ref)
    reads.append(_read(case, store, order_ref))
    told = [_heard(database, tap, read, number) for number, read in enumerate(reads)]
    expect(told == [PRICE * RATE // 10_000, 0], f"a cancelled order leaves {told}")
    late = _tap(case, database, product, reads[0].snapshot.created_at)
    backwards = [_carrying(read, tap.token, late.token) for read in reversed(reads)]
    told = [_heard(database, late, read, number) for number, read in enumerate(backwards)]
    expect(told[-1] == 0, f"an order that was heard of after it was cancelled leaves {told[-1]}")


def _tap(case: Case, database: Database, product: Product, at: datetime) -> _Tap:
    """A shop of its own that sells the product, and a tap an hour before `at`."""
    opened, tapped_at = at - timedelta(days=30), at - timedelta(hours=1)
    with database.write(_SCOPE) as session:
        shop = Shop(
            id=new_id("shp"), platform=case.platform.slug, domain=f"{new_id('x')}.{case.domain}", name="Shop",
            currency=product.currency, installed_at=opened, created_at=opened, status="connected",
        )  # fmt: skip
        session.add(shop)
        session.flush()
        terms.open_terms(session, shop.id, RATE, starts_at=opened, by="conformance", now=opened)
        take.apply_products(session, shop, [product], "conformance", opened)
        creator = register.register(session, f"c{secrets.token_hex(6)}", "Creator", 5000, opened)
        tapped = touches.Tapped(shop.id, creator.id, listing_id(shop.id, product.product_ref), product.product_ref)
        touch = touches.record(session, tapped, kind="link", journey=None, at=tapped_at, now=tapped_at)
        return _Tap(shop.id, touch.token)


def _heard(database: Database, tap: _Tap, read: OrderRead, number: int) -> int:
    """Take a read in, in the shop of the tap; what its creator is owed then."""
    with database.write(Scope.shop(tap.shop_id)) as session:
        shop = session.get_one(Shop, tap.shop_id)
        later = read.read_at + timedelta(days=60)
        take_in(session, shop, read.seen, triggered_at=read.read_at, source=f"read:{tap.shop_id}:{number}", as_of=later)
        return sum(balance.owed for balance in ledger.balances(session, shop_id=tap.shop_id))


def _carrying(read: OrderRead, token: str, other: str) -> OrderRead:
    """The same order with another tap's token in each of its carriers."""
    carriers = tuple(
        msgspec.structs.replace(carrier, value=carrier.value.replace(token, other))
        for carrier in read.snapshot.carriers
    )
    hints = tuple(msgspec.structs.replace(hint, value=hint.value.replace(token, other)) for hint in read.hints)
    return replace(read, snapshot=msgspec.structs.replace(read.snapshot, carriers=carriers), hints=hints)


def _read(case: Case, store: StandIn, order_ref: str) -> OrderRead:
    read = case.platform.orders.one(store.client, order_ref)
    if read is None:
        expect(False, f"the order {order_ref} can't be read")
        raise AssertionError
    # Each read was asked for later than the one before, whatever the clock's grain is.
    return replace(read, read_at=clock.now())


__all__: Sequence[str] = ("converge", "scratch")
