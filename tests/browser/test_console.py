"""The console in Chromium: every page, by keyboard, without script, and while a sync runs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from connector import clock
from connector.db import Scope
from connector.sync.tables import SyncRun
from connector.webhooks.tables import DeliveryRow
from tests.browser import looks
from tests.browser.conftest import Site, Visitor, visit

Visit = Callable[..., Visitor]
# Pages made of the same parts as another one that is looked at whole.
SHARE_PARTS = {
    "fresh shop", "failed run", "no hits", "body gone", "broken body", "replay", "arabic", "batch", "refunded", "runs",
    "shop in need", "creators", "closing", "found nothing", "find first", "timeline of one kind", "twice", "stalled",
    "refused", "currency", "arabic product", "link", "gaps", "touch", "product", "events", "freezes",
    "reviews", "codes", "code", "act", "payouts", "payee", "invoice", "receipt ask",
    "terms", "settings", "what if", "samples", "sample", "to look at",
}  # fmt: skip


def _world(site: Site) -> dict[str, str]:
    world = site.world
    assert world is not None
    return {
        "health": "/console", "shops": "/console/shops", "shop": f"/console/shops/{world.shops['harbour']}",
        "shop in need": f"/console/shops/{world.shops['acme']}", "fresh shop": f"/console/shops/{world.shops['fresh']}",
        "runs": "/console/runs", "live run": f"/console/runs/{world.runs['live']}",
        "refusals": f"/console/runs/{world.runs['refusals']}", "failed run": f"/console/runs/{world.runs['failed']}",
        "inbox": "/console/inbox?since=30d&status=parked", "no hits": "/console/inbox?order=nothing",
        "delivery": f"/console/inbox/{world.deliveries['failed']}",
        "broken body": f"/console/inbox/{world.deliveries['broken']}",
        "body gone": f"/console/inbox/{world.deliveries['expired']}",
        "replay": f"/console/inbox/{world.deliveries['failed']}/replay",
        "replay many": "/console/inbox/replay?status=parked", "orders": "/console/orders?shop=" + world.shops["kita"],
        "order": f"/console/orders/{world.orders['10482']}", "refunded": f"/console/orders/{world.orders['9800']}",
        "arabic": f"/console/orders/{world.orders['3001']}", "creators": "/console/creators",
        "creator": f"/console/creators/{world.creators['mira.makes']}", "money": "/console/money",
        "closing": f"/console/money/closings/{world.closing_id}", "batch": f"/console/money/batches/{world.batch_id}",
        "invoices": "/console/money/invoices", "invoice": f"/console/money/invoices/{world.invoice_id}",
        "receipt ask": "/console/money/receipts/new?invoice=INV-000001&amount=12.00&reference=SEPA+7",
        "close": f"/console/money/close?shop={world.shops['harbour']}&period={world.now:%Y-%m}",
        "payouts": "/console/payouts", "payout ask": "/console/payouts/new?currency=EUR&rail=csv",
        "payee": f"/console/creators/{world.creators['mira.makes']}/payee",
        "audit": "/console/audit", "error": "/console/orders/ord_none", "find": "/console/find?q=oak",
        "found nothing": "/console/find?q=zzzzzz", "find first": "/console/find",
        "timeline": f"/console/shops/{world.shops['harbour']}/timeline",
        "timeline of one kind": f"/console/shops/{world.shops['souq']}/timeline?only=staff&days=7",
        "missed": "/console/checks/missed?all=1", "twice": "/console/checks/duplicates",
        "gaps": "/console/checks/gaps?all=1", "stalled": "/console/stalled", "refused": "/console/refused",
        "currency": f"/console/shops/{world.shops['harbour']}/currency",
        "touch": f"/console/touches/{world.taps['old']}", "link": f"/console/links/{world.link_id}",
        "product": f"/console/products/{world.listing('harbour', '9001')}",
        "freezes": "/console/freezes?only=all", "freeze": f"/console/freezes/{world.freeze_id}",
        "freeze ask": f"/console/freezes/new?order={world.orders['10482']}&reason=Own+family",
        "code": f"/console/codes/{world.code_id}",
        "decide": f"/console/orders/{world.orders['10482']}/decide/manual?creator=talb&why=They+met",
        "terms": f"/console/shops/{world.shops['harbour']}/terms?creator=mira.makes&product=9001",
        "settings": f"/console/shops/{world.shops['harbour']}/settings",
        "what if": f"/console/whatif?shop={world.shops['harbour']}&rate=12&period={world.now:%Y-%m}&who=all",
        "events": "/console/events", "event": f"/console/events/{world.event_id}",
        "samples": "/console/samples?show=all", "sample": f"/console/samples/{world.programme['sample_id']}",
        "to look at": "/console/creators/queue",
        "arabic product": f"/console/products/{world.listing('souq', '7001')}",
    }  # fmt: skip


def test_every_page_holds_at_every_width_in_both_themes(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff()
    wrong: list[str] = []
    for name, path in _world(site).items():
        page = seen.go(path)
        if name in ("order", "refunded"):
            page.evaluate("document.querySelectorAll('.tree details').forEach((each) => each.setAttribute('open', ''))")
        wrong += looks.check(page, name, narrow=name in SHARE_PARTS)
    wrong += [said for said in seen.console if "404" not in said]
    assert wrong == []


def test_signing_in_and_out(site: Site, visitor: Visit) -> None:
    seen = visitor()
    page = seen.go("/console/orders")
    expect(page).to_have_url(re.compile(r"/console/sign-in\?next="))
    assert looks.check(page, "sign in") == []
    seen.as_staff("Kim")
    expect(page).to_have_url(re.compile(r"/console/orders$"))
    expect(page.get_by_role("link", name="Money", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in to the console")).to_be_visible()


def test_by_keyboard_from_an_order_to_a_replay(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff("Kim")
    page = seen.go("/console/orders")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Order number, id, touch or link code")).to_be_focused()
    page.keyboard.type("10482")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order #10482")
    expect(page.locator(".lead-answer")).to_contain_text("Mira Okafor earns €7.47 for one of two lines.")
    base = page.locator("#t-base > summary")
    base.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#t-base")).to_contain_text("Discounts that the store put on")
    page.get_by_role("link", name="Deliveries", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="orders/updated").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Preview replay").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Replay 1 delivery").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="The delivery waits again")).to_be_visible()
    assert site.world is not None
    with site.world.database.write(Scope.system("test")) as session:
        row = session.get_one(DeliveryRow, site.world.deliveries["failed"])
        assert row.status == "waiting"
        row.status, row.reason, row.detail = "failed", "unreadable", "$.line_items[0].price: expected a decimal"
        row.next_try_at, row.tries = clock.wall(), 4


def test_anything_is_found_by_keyboard_from_any_page(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff("Kim")
    assert site.world is not None
    page = seen.go("/console/creators")
    box = page.get_by_role("searchbox", name="Find an order, shop, delivery, tap, link, creator or product")
    box.focus()
    page.keyboard.type(" gid://shopify/Order/510482\u200b ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Order #10482")
    box.fill("oak shelf")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Products")).to_be_visible()
    page.get_by_role("link", name="Oak shelf no. 000").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Oak shelf no. 000")


def test_without_script_everything_still_works(site: Site, visitor: Visit) -> None:
    seen = visitor(java_script_enabled=False).as_staff("Kim")
    page = seen.go("/console/orders")
    page.get_by_label("Order number, id, touch or link code").fill("10482")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Order #10482")
    page.locator("#t-entries > summary").click()
    expect(page.locator("#t-entries")).to_contain_text("Commission accrued")
    expect(page.get_by_role("button", name="Copy for the merchant")).to_have_count(0)
    page = seen.go("/console/inbox")
    page.get_by_text("Filter", exact=True).first.click()
    page.get_by_label("Order number").fill("10482")
    page.locator(".filter-box button").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Order 10482").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    assert site.world is not None
    page = seen.go(f"/console/runs/{site.world.runs['live']}")
    assert '<meta http-equiv="refresh" content="5">' in page.content()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "23500")
    page = seen.go("/console/orders?credit=nobody")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name").fill("Nobody earns")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("list", name="Saved views").get_by_role("link")).to_contain_text("Nobody earns")
    page.get_by_text("View “Nobody earns”", exact=True).click()
    page.get_by_role("button", name="Remove this view").click()
    expect(page.get_by_role("list", name="Saved views")).to_have_count(0)
    page = seen.go(f"/console/shops/{site.world.shops['harbour']}/timeline")
    page.get_by_role("list", name="Kinds").get_by_role("link", name="Subscriptions").click()
    expect(page.locator(".timeline > li")).to_have_count(1)


def test_a_running_sync_moves_by_itself_and_ends(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff("Kim")
    world = site.world
    assert world is not None
    page = seen.go(f"/console/runs/{world.runs['live']}")
    expect(page.get_by_text("23,500 of about 38,400 lines")).to_be_visible()
    with world.database.write(Scope.system("test")) as session:
        run = session.get_one(SyncRun, world.runs["live"])
        run.lines_read, run.heard_at = 30_720, clock.now()
    expect(page.get_by_text("30,720 of about 38,400 lines")).to_be_visible(timeout=4000)
    expect(page.locator("#voice")).to_have_text("80 % read")
    with world.database.write(Scope.system("test")) as session:
        run = session.get_one(SyncRun, world.runs["live"])
        run.status, run.finished_at = "done", clock.now()
        run.written, run.same, run.products_in, run.refused = 902, 6_888, 7_790, 0
    expect(page.get_by_text("Read 7,790 = written 902 + same 6,888 + refused 0, 0 lost")).to_be_visible(timeout=6000)
    expect(page.get_by_role("button", name="Start again")).to_be_visible()
    with world.database.write(Scope.system("test")) as session:
        run = session.get_one(SyncRun, world.runs["live"])
        run.status, run.finished_at, run.lines_read = "running", None, 23_500


def test_copying_says_so(site: Site, chromium: Browser) -> None:
    seen = visit(chromium, site, permissions=["clipboard-read", "clipboard-write"])
    assert site.world is not None
    page = seen.as_staff("Kim").go(f"/console/orders/{site.world.orders['10482']}")
    page.get_by_role("button", name="Copy for the merchant").click()
    expect(page.locator("#voice")).to_have_text("Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert "your window was 14" in text
    assert "Table runner, sage: €0.00." in text
    seen.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_device_until_one_is_chosen(visitor: Visit, scheme: str) -> None:
    seen = visitor(color_scheme=scheme)
    page = seen.go("/console/sign-in")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", scheme)
    other = "dark" if scheme == "light" else "light"
    page.get_by_label("Theme").select_option(other)
    page.get_by_role("button", name="Set view").click()
    expect(html).to_have_attribute("data-bs-theme", other)
    seen.go("/dashboard/connect")
    expect(html).to_have_attribute("data-bs-theme", other)


def test_the_zone_of_times_is_the_readers(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff("Kim")
    assert site.world is not None
    page = seen.go(f"/console/orders/{site.world.orders['10482']}")
    page.get_by_label("Times in").select_option("Asia/Kolkata")
    page.get_by_role("button", name="Set view").click()
    expect(page.locator(".head-meta")).to_contain_text("IST (UTC+5:30)")
    expect(page).to_have_url(re.compile(r"/console/orders/ord_"))
