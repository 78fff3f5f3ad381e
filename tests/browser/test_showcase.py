"""The public pages in Chromium: nobody signs in, pictures come from the stores, nothing else comes from anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import links
from connector.events import Product, Variant
from connector.insight.market import index
from tests.browser import looks
from tests.browser.conftest import PICTURES, Site, Visitor

SYSTEM = Scope.system("test")


def _product(ref: str, title: str, price: int = 6_100, **more: object) -> Product:
    made = tuple(
        Variant(f"{ref}-{n}", price + 500 * n, title=value, position=n, available=n != 2, options=(("Colour", value),))
        for n, value in enumerate(("Sage", "Clay", "Ink"))
    )
    return Product(
        product_ref=ref, title=title, status="active", currency="EUR", variants=made, vendor="Harbour & Pine",
        category=str(more.get("category", "Throws")), url=f"https://store.example/products/{ref}",
        images=tuple(f"{PICTURES}{ref}-{n}.png" for n in range(3)),
        description="<p>Woven in a small mill by the harbour.</p><p>Wash at 30 °C. &lt;/script&gt; &amp; more.</p>",
    )  # fmt: skip


@pytest.fixture
def market(site: Site) -> dict[str, str]:
    """Products with pictures in the seeded world, what Mira recommends of them, and an index that knows them."""
    world = site.world
    assert world is not None
    database: Database = world.database
    with database.write(SYSTEM) as session:
        shop = session.get_one(Shop, world.shops["harbour"])
        names = ("Linen throw, sage", "Wool blanket", "Stoneware mug, hand-thrown", "Throw pillow", "Oak stool")
        take.apply_products(session, shop, [_product(f"77{n}", name) for n, name in enumerate(names)], "run")
        found = {}
        for n in range(len(names)):
            row = catalog.by_ref(session, shop.id, f"77{n}")
            assert row is not None
            found[f"77{n}"] = row.id
            links.create(session, world.creators["mira.makes"], row.id)
        code = links.create(session, world.creators["mira.makes"], found["770"]).code
        sold = catalog.by_ref(session, shop.id, "9003")
        assert sold is not None
    index.follow(wait_for_syncs=False)
    return {"shop": shop.id, "product": found["770"], "code": code, "sold": sold.id}


def test_every_page_holds_at_every_width_in_both_themes(
    site: Site, market: dict[str, str], guest: Callable[..., Visitor]
) -> None:
    seen, wrong = guest(), []
    for name, path in {
        "search": "/products?q=throw", "browse": "/products", "no hits": "/products?q=zzz",
        "product": f"/products/{market['product']}", "sold out": f"/products/{market['sold']}",
        "recommended": f"/products/{market['product']}?by={market['code']}", "shop": f"/shops/{market['shop']}",
        "creator": "/creators/mira.makes", "gone": "/products/lst_nothing",
    }.items():  # fmt: skip
        wrong += looks.check(
            seen.go(path), name, narrow=name in ("browse", "no hits", "recommended", "sold out", "gone")
        )
    # The data block is no script: the policy has nothing to say about it.
    wrong += [said for said in seen.console if "404" not in said]
    assert wrong == []
    assert seen.context.cookies() == []


def test_from_a_creators_page_to_the_way_to_buy(market: dict[str, str], guest: Callable[..., Visitor]) -> None:
    seen = guest(viewport={"width": 390, "height": 844})
    page = seen.go("/creators/mira.makes")
    expect(page.get_by_text("earns a commission").first).to_be_visible()
    page.get_by_role("link", name="Linen throw, sage", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Linen throw, sage")
    buy = page.get_by_role("link", name="Buy at Harbour & Pine")
    expect(buy).to_have_count(1)
    assert buy.get_attribute("href") == f"/go/{market['code']}"
    box = buy.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    expect(page.get_by_text("earns a commission when you buy")).to_be_visible()
    data = json.loads(page.locator('script[type="application/ld+json"]').text_content() or "")
    assert data["@type"] == "ProductGroup"
    assert data["description"].endswith("Wash at 30 °C. </script> & more.")


def test_pictures_have_their_place_before_they_come(market: dict[str, str], guest: Callable[..., Visitor]) -> None:
    seen = guest()
    seen.context.route(f"{PICTURES}**", lambda route: route.abort())
    for path in (f"/shops/{market['shop']}", f"/products/{market['product']}"):
        boxes = seen.go(path).evaluate(
            "() => [...document.querySelectorAll('main img')].map((each) => [each.clientWidth, each.clientHeight])"
        )
        assert len(boxes) >= 3
        assert all(width > 50 and abs(width - height) <= 1 for width, height in boxes), boxes
