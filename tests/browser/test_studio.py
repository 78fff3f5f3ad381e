"""The studio as a creator meets it on a phone: from the app's link to the reason why an order paid nothing."""

from __future__ import annotations

from collections.abc import Callable

from connector.access import studio
from connector.db import Scope
from tests.browser import looks
from tests.browser.conftest import Site, Visitor

Visit = Callable[..., Visitor]
PHONE = {"width": 390, "height": 844}


def test_a_creator_asks_why_an_order_paid_nothing(site: Site, visitor: Visit) -> None:
    world = site.world
    assert world is not None
    with world.database.write(Scope.app()) as session:
        token, _ = studio.link(session, world.creators["talb"], by="test")
    # Without script, as a web view may be: it only makes it quicker.
    seen = visitor(viewport=PHONE, java_script_enabled=False)
    page = seen.go(f"/studio/sign-in/link/{token}")
    page.get_by_role("button", name="Open my studio").click()
    page.get_by_label("Order number").fill("10482")
    page.get_by_role("button", name="Look it up").click()
    assert "A later tap by someone else came before the sale" in page.inner_text("main")
    assert "Mira" not in page.inner_text("body")
    page.get_by_role("link", name="window_expired").first.click()
    assert "window_expired" in page.inner_text("main")
    page.go_back()
    bar = page.get_by_role("navigation", name="Your studio")
    assert [each.inner_text().split("\n")[0] for each in bar.get_by_role("link").all()] == [
        "Home", "Products", "Earnings", "Messages",
    ]  # fmt: skip
    box = bar.bounding_box()
    assert box is not None
    assert round(box["y"] + box["height"]) == PHONE["height"], "the bar stands at the foot of the screen"
    bar.get_by_role("link", name="Earnings").click()
    page.get_by_role("link", name="What earned nothing").click()
    assert page.get_by_role("row").count() > 2
    assert seen.console == []


def test_from_the_apps_link_to_a_link_with_its_code(site: Site, guest: Visit) -> None:
    """Who was given a link by the app has a product's own link, its QR code and the text to share it with, in four
    taps; and the pages on the way and around it hold."""
    world = site.world
    assert world is not None
    with world.database.write(Scope.app()) as session:
        token, _ = studio.link(session, world.creators["mira.makes"], by="test")
    seen = guest(viewport=PHONE)  # the products' pictures are the stores'
    wrong: list[str] = []

    def look(name: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.setAttribute('open', ''))")
        wrong.extend(looks.check(page, name, narrow=True))

    page = seen.go(f"/studio/sign-in/link/{token}")
    page.get_by_role("button", name="Open my studio").click()
    look("studio")
    page.get_by_role("navigation", name="Your studio").get_by_role("link", name="Products").click()
    look("products")
    page.get_by_role("button", name="Oak shelf no. 000").click()
    assert "It is in your list. Share your link." in page.inner_text("main")
    link = page.locator("code.id").first.inner_text()
    code = page.get_by_role("img", name="QR code of your link")
    assert code.evaluate("each => each.complete && each.naturalWidth > 100")
    assert link in page.locator(".copy-box").first.inner_text()
    assert "commission" in page.locator(".copy-box").first.inner_text(), "it says that they earn by it"
    look("link")
    for name, path in {
        "order": f"/studio/orders/{world.orders['10482']}", "reason": "/reasons/rate_open",
        "profile": "/studio/profile", "messages": "/studio/messages",
        "sample": f"/studio/samples/{world.ids()['sample_id']}",
        "sample-ask": f"/studio/products/{world.listing('harbour', '9101')}/sample",
    }.items():  # fmt: skip
        page = seen.go(path)
        look(name)
    assert wrong == []
    assert seen.console == []
