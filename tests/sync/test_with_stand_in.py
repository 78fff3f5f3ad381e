"""The whole way against the stand-in: an export, what changed since, stock by item, prices of a market."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from connector import db, jobs
from connector.commerce.catalog import markets, stock
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import budget, grants
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.platforms.contract import Client
from connector.sync import first, queries
from tests.platforms.shopify.kit import StandIn
from tests.sync.store import new_shop
from tests.sync.test_budget import stand_in
from tests.sync.test_changed import sync

__all__ = ["stand_in"]

SYSTEM = Scope.system("tests")


@pytest.fixture
def shop_id(database: Database, stand_in: tuple[StandIn, Client], monkeypatch: pytest.MonkeyPatch) -> str:
    _, client = stand_in
    made = new_shop(client.domain)
    with db.write(SYSTEM) as session:
        session.execute(sa.update(Shop).where(Shop.id == made).values(platform="shopify"))
    own = replace(client, budget=budget.SharedBudget(made))
    monkeypatch.setattr(grants, "client_for", lambda shop_id, http=None, refused=None: own)
    monkeypatch.setattr(jobs, "pause", lambda seconds: jobs.check())
    return made


def test_the_catalog_is_followed(stand_in: tuple[StandIn, Client], shop_id: str) -> None:
    running, client = stand_in
    shop = f"/shops/{client.domain}"
    running.control("PUT", f"{shop}/bucket", {"maximum": 20_000, "restore_rate": 20_000})
    run = sync(shop_id)
    assert (run.status, run.written) == ("done", run.products_in), run.problem
    with db.read(SYSTEM) as session:
        listing = session.scalars(sa.select(Listing).where(Listing.title.like("%Mug")).limit(1)).one()
        assert (listing.taxonomy_ref, listing.taxonomy_name[-7:]) == ("hg-11-10-5-5", " > Mugs")
        brands = set(session.scalars(sa.select(Listing.brand)))
        assert "North & Tide" in brands
        gtins = session.scalars(sa.select(VariantRow.gtin).where(VariantRow.gtin != "")).all()
        assert gtins
        assert {len(gtin) for gtin in gtins} <= {8, 13}
        variant = session.scalars(sa.select(VariantRow).where(VariantRow.available).limit(1)).one()
    assert watermark(shop_id) is not None
    # What changes at the store comes by the next incremental run, in its own words.
    running.control(
        "PATCH", f"{shop}/products/{listing.product_ref}", {"title": "Renamed 'mug' \"9\"", "price": "12.34"}
    )
    created = running.control(
        "POST", f"{shop}/products", {"title": "Quite new", "price": "3.00", "barcode": "96385074"}
    )
    dry = sync(shop_id, kind="changed", dry=True)
    with db.read(SYSTEM) as session:
        said = {row.product_ref: (row.kind, [detail[0] for detail in row.details]) for row in
                queries.differences(session, dry.id)}  # fmt: skip
    assert said[str(created["id"])] == ("new", [])
    assert said[listing.product_ref][0] == "changed"
    assert "title" in said[listing.product_ref][1]
    run = sync(shop_id, kind="changed")
    assert (run.kind, run.status, run.written) == ("changed", "done", 2), run.problem
    with db.read(SYSTEM) as session:
        again = session.get_one(Listing, listing.id)
        assert (again.title, again.price_from) == ("Renamed 'mug' \"9\"", 1234)
        fresh = session.scalars(sa.select(VariantRow).where(VariantRow.product_ref == str(created["id"]))).one()
        assert (fresh.price, fresh.gtin) == (300, "96385074")
    # Stock by item, and a market's price, which in a shop without markets is its own.
    left = (variant.stock or 0) + 1
    running.control(
        "PATCH", f"{shop}/products/{variant.product_ref}", {"inventory_quantity": left, "inventory_policy": "DENY"}
    )
    assert stock.read_part(shop_id, [variant.item_ref]) == (1 if variant.stock is not None else 0)
    assert markets.read(shop_id, fresh.product_ref, "ES") == 1
    with db.read(SYSTEM) as session:
        assert session.get_one(VariantRow, variant.id).stock in (left, None)
        kept = markets.prices(session, shop_id, fresh.product_ref, "ES")
        assert [(row.currency, row.price) for row in kept.values()] == [("USD", 300)]
    assert first.first(run.id) == "done"


def watermark(shop_id: str) -> object:
    with db.read(SYSTEM) as session:
        state = queries.state(session, shop_id)
        return state.watermark if state is not None else None
