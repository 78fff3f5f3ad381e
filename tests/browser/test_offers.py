"""A negotiation on both sides of the screen: the shop invites at 1280 px, the creator answers on a phone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from playwright.sync_api import Page

from connector import clock
from connector.access import studio
from connector.commerce.catalog.tables import Listing
from connector.db import Scope
from connector.programme.content import anchors, attach
from connector.programme.content.anchors import Wanted
from tests.browser import looks
from tests.browser.conftest import Site, Visitor

Visit = Callable[..., Visitor]
PHONE = {"width": 390, "height": 844}


def test_a_shop_and_a_creator_agree(site: Site, visitor: Visit) -> None:
    world = site.world
    assert world is not None
    with world.database.write(Scope.app()) as session:
        token, _ = studio.link(session, world.creators["talb"], by="test")
        video = attach.ensure(session, world.creators["talb"], "app", "window", "video", "By the window")
        listed = sa.select(Listing.id).where(Listing.shop_id == world.shops["harbour"], Listing.status == "shoppable")
        anchors.put(session, video, [Wanted(session.scalars(listed.order_by(Listing.id)).first() or "")], by="test")
    shop, hers = visitor().as_merchant(), visitor(viewport=PHONE)
    wrong: list[str] = []

    def look(seen: Visitor, page: Page, name: str) -> None:
        page.evaluate("document.querySelectorAll('details').forEach((each) => each.setAttribute('open', ''))")
        wrong.extend(looks.check(page, name, narrow=name != "dashboard-offer"))

    page = shop.go("/dashboard/offers/invite")
    page.get_by_role("button", name="Send the offer").click()
    assert "There is a problem" in page.inner_text("main")
    page.get_by_label("Creator", exact=True).fill("@talb")
    page.get_by_label("Rate in per cent").fill("14")
    page.get_by_label("Last day").fill((clock.now() + timedelta(days=60)).date().isoformat())
    page.get_by_label("Note").fill("<b>We like your videos</b>")
    page.get_by_role("button", name="Send the offer").click()
    assert "Waits for their answer" in page.inner_text("main")
    where = page.url.rsplit("/", 1)[1]

    phone = hers.go(f"/studio/sign-in/link/{token}")
    phone.get_by_role("button", name="Open my studio").click()
    phone.get_by_role("navigation", name="Your studio").get_by_role("link", name="Messages").click()
    phone.get_by_role("navigation", name="Messages").get_by_role("link", name="Offers").click()
    look(hers, phone, "studio-offers")
    phone.get_by_role("link", name="Harbour & Pine").first.click()
    assert "<b>We like your videos</b>" in phone.inner_text("main"), "what was typed is shown as text"
    look(hers, phone, "studio-offer")
    phone.reload()
    phone.get_by_text("Make a counter-offer").click()
    phone.get_by_label("Rate in per cent").fill("18")
    phone.get_by_label("Flat fee in").fill("90.00")
    phone.get_by_label("I would like a sample").check()
    phone.get_by_role("button", name="Send the offer").click()
    phone.get_by_label("Your message").fill("Is a sample possible?\nThe blue one")
    phone.get_by_role("button", name="Send", exact=True).dblclick()  # sent once all the same: 1 unread
    phone.locator("#messages .thread > li").first.wait_for()

    page = shop.go("/dashboard/offers?show=yours")
    assert "1 unread" in page.inner_text("main")
    look(shop, page, "dashboard-offers")
    page.get_by_role("link", name="Tal", exact=False).first.click()
    page.get_by_label("Your message").fill("It goes out on Monday.")
    page.get_by_role("button", name="Send", exact=True).click()
    look(shop, page, "dashboard-offer")
    page.reload()
    page.get_by_role("button", name="Accept 18 % and").click()
    assert "Agreement, version 1" in page.inner_text("main")
    look(shop, page, "dashboard-agreed")
    phone = hers.go(f"/studio/offers/{where}")
    assert "18.00 per cent" in phone.inner_text("main")
    look(hers, phone, "studio-agreed")

    # She hands in the video for the fee; the shop approves it.
    phone.reload()
    phone.get_by_label("Which content?").select_option(label="By the window")
    phone.get_by_role("button", name="Hand it in").click()
    look(hers, phone, "studio-handed-in")
    page = shop.go("/dashboard/offers/content")
    look(shop, page, "content-for-fees")
    page.get_by_role("link", name="By the window").click()
    look(shop, page, "content-to-answer")
    page.reload()
    page.get_by_role("button", name="Approve it for").click()
    assert "Approved: the fee is owed" in page.inner_text("main")
    for name, path in {
        "rules": "/dashboard/offers/rules", "many": "/dashboard/offers/many?look=1",
        "invite": "/dashboard/offers/invite",
    }.items():  # fmt: skip
        look(shop, shop.go(path), name)
    assert wrong == []
    assert shop.console + hers.console == []
