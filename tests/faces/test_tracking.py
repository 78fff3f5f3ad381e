"""The merchant's test click, as their browser asks for it: without script, for one's own shop only."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from connector import clock
from connector.access import links
from connector.commerce.catalog import ids
from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.earnings.attribution.tables import Touch, TrialClick
from connector.events import Carrier
from connector.insight.feeds import files
from tests.attribution.world import KEY, PLACED, World, add_shop, app_settings, put_on_roster
from tests.conftest import wired

ALL = Scope.system("test")


@pytest.fixture
def world(database: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    monkeypatch.setattr(files, "_folder", tmp_path)
    return World(database).begin()  # type: ignore[arg-type]


@pytest.fixture
def app(world: World) -> Flask:
    return wired(app_settings())


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def merchant(app: Flask, world: World, shop_id: str) -> FlaskClient:
    client = app.test_client()
    with world.database.write(ALL) as session:
        secret = links.issue(session, "merchant", shop_id)
    path = f"/dashboard/sign-in/link/{secret}"
    asked = token_of(client.get(path).get_data(as_text=True))
    assert client.post(path, data={"csrf_token": asked}).status_code == 303
    return client


def begin(client: FlaskClient, world: World, way: str = "cart", listing: str = "") -> str:
    page = client.get("/dashboard/tracking").get_data(as_text=True)
    answer = client.post(
        "/dashboard/tracking",
        data={"csrf_token": token_of(page), "listing_id": listing or ids.listing_id(world.shop_id, "A"), "way": way},
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def test_a_test_click_from_the_form_to_the_remedy(app: Flask, world: World) -> None:
    client = merchant(app, world, world.shop_id)
    place = begin(client, world)
    page = client.get(place).get_data(as_text=True)
    found = re.search(r'href="(https://one\.plain\.example/cart/[^"]+)"', page)
    assert found is not None
    link = urlsplit(found[1].replace("&amp;", "&"))
    (token,) = parse_qs(link.query)[KEY]
    assert 'target="_blank" rel="noopener noreferrer"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    assert page.count("Waiting for the order") == 2
    with world.database.read(ALL) as session:
        assert session.query(Touch).count() == 0  # it is nobody's tap
    world.order(carriers=(Carrier("cart_attribute", token, KEY),), test=True)
    with world.database.write(ALL) as session:
        session.query(Order).one().first_seen_at = PLACED
    part = client.get(f"{place}/part").get_data(as_text=True)
    assert 'data-state="final"' in part
    assert "brought the test click in 1 of 2 places" in part
    assert "Keep the query." in part
    page = client.get(place).get_data(as_text=True)
    assert "http-equiv" not in page
    assert "data-poll" not in page


def test_the_way_by_the_product_s_page(app: Flask, world: World) -> None:
    client = merchant(app, world, world.shop_id)
    page = client.get(begin(client, world, "page")).get_data(as_text=True)
    assert "https://one.plain.example/products/A?ref=t1" in page
    assert "Not used by this way" in page


def test_a_merchant_sees_and_ends_only_their_own(app: Flask, world: World) -> None:
    client = merchant(app, world, world.shop_id)
    place = begin(client, world)
    with world.database.write(ALL) as session:
        other = add_shop(session, "two.plain.example").id
    stranger = merchant(app, world, other)
    for path in (place, f"{place}/part"):
        assert stranger.get(path).status_code == 404
    asked = token_of(stranger.get("/dashboard/tracking").get_data(as_text=True))
    refused = stranger.post(f"{place}/end", data={"csrf_token": asked})
    assert refused.status_code == 404
    wrong = client.post(
        "/dashboard/tracking",
        data={"csrf_token": token_of(client.get("/dashboard/tracking").get_data(as_text=True)),
              "listing_id": ids.listing_id(other, "A")},
    )  # fmt: skip
    assert wrong.status_code == 422
    ended = client.post(f"{place}/end", data={"csrf_token": token_of(client.get(place).get_data(as_text=True))})
    assert ended.status_code == 303
    assert "No order came while we watched" in client.get(place).get_data(as_text=True)
    with world.database.read(ALL) as session:
        assert session.query(TrialClick).one().ended_at is not None


def test_a_shop_without_products_is_told_so(app: Flask, world: World) -> None:
    with world.database.write(ALL) as session:
        other = add_shop(session, "two.plain.example").id
    page = merchant(app, world, other).get("/dashboard/tracking").get_data(as_text=True)
    assert "No product can be bought yet" in page
    assert "<select" not in page.partition("<main")[2].partition("</main>")[0]
