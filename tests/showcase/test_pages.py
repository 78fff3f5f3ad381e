"""The public pages: what is on them, what is never on them, and what they answer when something is gone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import msgspec
import pytest

from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.events import Product, Variant
from connector.programme.collaborations import terms
from connector.programme.creators import register, sign_up
from connector.programme.creators.sign_up import SignUp
from tests.attribution.world import PLACED, product
from tests.showcase.conftest import SYSTEM, Showcase

GTIN = "4006381333931"
THROW = Product(
    product_ref="T", title="Linen throw <b>", status="active", currency="EUR", vendor="Harbour", category="Throws",
    description="<p>Woven.</p><script>alert(1)</script><p>By <i>hand</i> &amp; loom.</p>",
    url="https://one.plain.example/products/T", images=("https://cdn.example/1.jpg", "javascript:alert(1)"),
    variants=(
        Variant("T1", 6_100, title="Sage", compare_at=7_900, gtin=GTIN, sku="LT-S", options=(("Colour", "Sage"),)),
        Variant("T2", 6_100, title="Clay", compare_at=7_900, available=False, options=(("Colour", "Clay"),)),
    ),
)  # fmt: skip


def test_a_product_without_a_creator_leads_to_the_store(showcase: Showcase) -> None:
    showcase.put(THROW)
    answer = showcase.client.get(f"/products/{showcase.id('T')}")
    html = answer.text
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Linen throw &lt;b&gt;" in html
    assert "€61.00" in html
    assert "€79.00" in html
    assert '<a class="btn btn-primary buy" href="https://one.plain.example/products/T"' in html
    assert len(re.findall(r'class="btn btn-primary', html)) == 1
    assert "commission when" not in html
    assert "alert(1)" not in html
    assert "Woven." in html
    assert "By hand &amp; loom." in html
    assert "Clay</bdi> (sold out)" in html
    assert f'<link rel="canonical" href="https://shop.example/products/{showcase.id("T")}">' in html
    assert "img-src 'self' data: https:;" in answer.headers["Content-Security-Policy"]
    assert showcase.client.get(
        f"/products/{showcase.id('T')}", headers={"If-None-Match": answer.headers["ETag"]}
    ).status_code == 304  # fmt: skip


def test_a_recommended_product_leads_through_the_creators_link(showcase: Showcase) -> None:
    showcase.put(THROW)
    code, other = showcase.link("x", "T"), showcase.link("x", "A")
    page = f"/products/{showcase.id('T')}?by="
    html = showcase.client.get(page + code).text
    assert f'href="/go/{code}"' in html
    assert "<bdi>X</bdi> earns a commission when you buy" in html
    assert f'<link rel="canonical" href="https://shop.example/products/{showcase.id("T")}">' in html
    for wrong in (other, "nothing", "x" * 500):
        assert "/go/" not in showcase.client.get(page + wrong).text
    with showcase.database.write(SYSTEM) as session:
        terms.withdraw(session, showcase.shop_id, by="test", now=PLACED)
    assert "earns a commission when" not in showcase.client.get(page + code).text
    with showcase.database.write(SYSTEM) as session:
        register.set_status(session, showcase.creators["x"], "suspended", now=PLACED)
    html = showcase.client.get(page + code).text
    assert "/go/" not in html
    assert "<bdi>X</bdi>" not in html


def test_what_may_not_be_seen_is_not_seen(showcase: Showcase) -> None:
    showcase.put(
        Product(
            product_ref="out", title="Out jug", status="active", currency="EUR",
            variants=(Variant("o1", 500, available=False),),
        ),
        Product(product_ref="draft", title="Secret jug", status="draft", currency="EUR", variants=(Variant("d1", 5),)),
        Product(product_ref="old", title="Old jug", status="archived", currency="EUR", variants=(Variant("e1", 5),)),
    )  # fmt: skip
    out = showcase.client.get(f"/products/{showcase.id('out')}")
    assert out.status_code == 200
    assert "Sold out." in out.text
    assert "btn-primary" not in out.text
    draft = showcase.client.get(f"/products/{showcase.id('draft')}")
    assert draft.status_code == 404
    assert "Secret" not in draft.text
    old = showcase.client.get(f"/products/{showcase.id('old')}")
    assert old.status_code == 410
    assert "has taken it out of its catalog" in old.text
    assert showcase.client.get("/products/lst_nothing").status_code == 404
    assert "Nothing matches" in showcase.client.get("/products?q=jug").text
    with showcase.database.write(SYSTEM) as session:
        take.mark_gone(session, showcase.shop_id, ["A"])
    assert showcase.client.get(f"/products/{showcase.id('A')}").status_code == 410


def test_a_shop_that_left_is_gone_with_its_products(showcase: Showcase) -> None:
    code = showcase.link("x", "A")
    assert "Product A" in showcase.client.get(f"/shops/{showcase.shop_id}").text
    with showcase.database.write(SYSTEM) as session:
        shop = session.get_one(Shop, showcase.shop_id)
        shop.status = "left"
        take.shop_changed(session, shop)
    assert showcase.client.get(f"/shops/{showcase.shop_id}").status_code == 410
    answer = showcase.client.get(f"/products/{showcase.id('A')}?by={code}")
    assert answer.status_code == 410
    assert "doesn't sell here any more" in answer.text.replace("&#39;", "'")
    assert "Product A" not in showcase.client.get("/creators/x").text
    assert showcase.client.get("/shops/shp_none").status_code == 404


def test_a_creators_page_shows_what_is_public_alone(showcase: Showcase) -> None:
    showcase.put(THROW)
    first, code, second = showcase.link("x", "A"), showcase.link("x", "T"), showcase.link("y", "B")
    html = showcase.client.get("/creators/x").text
    assert re.findall(r'href="/go/(\w+)"', html) == [code, first]
    assert second not in html
    assert html.count("earns a commission</p>") == 2
    assert "Product B" not in html
    for private in (showcase.creators["x"], "1200", "1,200", "10.00", "1000", "followers"):
        assert private not in html, private
    moved = showcase.client.get("/creators/@X")
    assert (moved.status_code, moved.location) == (301, "/creators/x")
    assert showcase.client.get("/creators/nobody").status_code == 404
    assert showcase.client.get("/creators/a b").status_code == 404
    # A handle that was given up is nobody else's: old addresses lead on.
    with showcase.database.write(SYSTEM) as session:
        for handle in ("y", "y.sews"):
            asked = SignUp(account_ref="u-y", handle=handle, followers=9000, born_on=date(1998, 4, 30))
            sign_up.sign_up(session, asked, by="t", now=PLACED)
    moved = showcase.client.get("/creators/Y")
    assert (moved.status_code, moved.location) == (301, "/creators/y.sews")
    with showcase.database.write(SYSTEM) as session:
        register.set_status(session, showcase.creators["x"], "closed", now=PLACED, starts_at=PLACED + timedelta(0))
    closed = showcase.client.get("/creators/x")
    assert closed.status_code == 410
    assert ">X<" not in closed.text


@pytest.mark.parametrize("path", ["/products?q=oak", "/shops/{shop}?q=oak", "/creators/x?"])
def test_lists_page_through_everything_once(showcase: Showcase, path: str) -> None:
    showcase.put(*(product(f"o{n}", title=f"Oak no. {n}") for n in range(50)))
    for n in range(50):
        showcase.link("x", f"o{n}")
    url: str | None = path.format(shop=showcase.shop_id)
    seen: list[str] = []
    while url is not None:
        html = showcase.client.get(url).text
        seen += re.findall(r"<bdi>(Oak no\. \d+)</bdi>", html)
        found = re.search(r'<a class="btn btn-plain" href="([^"]+after=[^"]+)"', html)
        url = found[1].replace("&amp;", "&") if found else None
    assert len(seen) == 50
    assert len(set(seen)) == 50
    assert showcase.client.get(path.format(shop=showcase.shop_id) + "&after=bent").status_code == 422


def test_search_narrows_by_category_and_price(showcase: Showcase) -> None:
    showcase.put(
        product("1", title="Oak chair", price=4_000, category="Chairs"),
        product("2", title="Oak table", price=40_000, category="Tables"),
        product("3", title="Oak bench", price=4_500, category="Chairs"),
    )
    html = showcase.client.get("/products?q=oak").text
    narrowed = dict(re.findall(r'href="(/products\?[^"]+)" rel="nofollow"><bdi>([^<]+)', html))
    by_word = {word: url.replace("&amp;", "&") for url, word in narrowed.items()}
    assert set(by_word) == {"Chairs", "Tables", "€20.00 to €49.99", "€200.00 to €499.99"}
    chairs = showcase.client.get(by_word["Chairs"]).text
    assert "Oak bench" in chairs
    assert "Oak table" not in chairs
    dear = showcase.client.get(by_word["€200.00 to €499.99"]).text
    assert "Oak table" in dear
    assert "Oak chair" not in dear
    assert "Nothing matches" in showcase.client.get("/products?q=zzzz").text
    for odd in (
        "/products?price=EUR:99",
        "/products?price=x",
        "/products?q=%F0%9F%AB%96",
        "/products?q=" + "a" * 300,
        "/products?q=%00",
        "/products?category=%00",
        "/products?category=%ED%A0%80",
    ):
        assert showcase.client.get(odd).status_code == 200


def test_the_sitemap_names_what_can_be_bought(showcase: Showcase) -> None:
    showcase.put(
        THROW, Product(product_ref="D", title="D", status="draft", currency="EUR", variants=(Variant("d1", 500),))
    )
    robots = showcase.client.get("/robots.txt")
    assert "Sitemap: https://shop.example/sitemap.xml" in robots.text
    index = ET.fromstring(showcase.client.get("/sitemap.xml").text)
    parts = [place.text or "" for place in index.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    found = set()
    for part in parts:
        whole = ET.fromstring(showcase.client.get(part.removeprefix("https://shop.example")).text)
        found |= {place.text for place in whole.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    assert found == {f"https://shop.example/products/{showcase.id(ref)}" for ref in "ABT"}
    assert showcase.client.get("/sitemap-zz.xml").status_code == 404


def test_an_address_of_no_text_is_no_error_of_ours(showcase: Showcase) -> None:
    """NUL is no text on PostgreSQL, half a surrogate pair no UTF-8."""
    for path in ("products", "shops", "creators", "go"):
        for odd in ("%00", "lst_%00", "%ED%A0%80", "a" * 3_000):
            assert showcase.client.get(f"/{path}/{odd}").status_code == 404, (path, odd)
    assert showcase.client.get(f"/products/{showcase.id('A')}?by=%00").status_code == 200


def test_price_steps_are_those_of_most_products(showcase: Showcase) -> None:
    """Dinars and yen come before dollars by name; most things here cost dollars."""
    steps_of = {"JPY": 1, "USD": 2}
    showcase.put(
        *(
            msgspec.structs.replace(
                product(f"{currency}{n}x{copy}", title="Cup", price=100 * 3**n), currency=currency
            )
            for currency, copies in steps_of.items() for copy in range(copies) for n in range(9)
        )
    )  # fmt: skip
    html = showcase.client.get("/products?q=cup").text
    steps = re.findall(r'href="/products\?[^"]*price=([A-Z]{3})', html)
    assert len(steps) == 8
    assert set(steps[:6]) == {"USD"}
