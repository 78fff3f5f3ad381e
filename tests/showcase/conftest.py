from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from connector import clock
from connector.commerce.catalog import take
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import links
from connector.events import Product
from connector.insight.market import index
from tests.attribution.world import PLACED, World, app_settings, put_on_roster
from tests.conftest import wired

SYSTEM = Scope.system("test")


class Showcase(World):
    """The small world of attribution, with its public pages."""

    client: FlaskClient

    def put(self, *products: Product) -> None:
        with self.database.write(SYSTEM) as session:
            take.apply_products(session, session.get_one(Shop, self.shop_id), products, "run")
        index.follow(wait_for_syncs=False)

    def id(self, ref: str) -> str:
        return listing_id(self.shop_id, ref)

    def link(self, handle: str, ref: str) -> str:
        with self.database.write(SYSTEM) as session:
            return links.create(session, self.creators[handle], self.id(ref)).code


@pytest.fixture
def showcase(database: Database, monkeypatch: pytest.MonkeyPatch) -> Showcase:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    world = Showcase(database)
    world.begin()
    index.follow(wait_for_syncs=False)
    settings = app_settings(env="production", public_url="https://shop.example")
    world.client = wired(settings).test_client()
    return world
