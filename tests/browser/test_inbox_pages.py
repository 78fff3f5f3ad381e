"""The inbox's acts and the privacy pages in Chromium, console and dashboard: widths, themes, axe, a quiet console."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import looks
from tests.browser.conftest import Site, Visitor

Visit = Callable[..., Visitor]


def pages(site: Site) -> dict[str, str]:
    world = site.world
    assert world is not None
    return {
        "quarantine": f"/console/inbox/{world.deliveries['foreign']}",
        "replay preview": f"/console/replays/{world.replay_id}",
        "replays": "/console/replays",
        "privacy": "/console/privacy?view=all",
        "privacy request": f"/console/privacy/{world.request_id}",
    }


def test_every_page_holds_at_every_width_in_both_themes(site: Site, visitor: Visit) -> None:
    seen = visitor().as_staff("Sam")
    wrong: list[str] = []
    for name, path in pages(site).items():
        wrong += looks.check(seen.go(path), name, narrow=name == "replays")
    merchant = visitor().as_merchant("harbour")
    wrong += looks.check(merchant.go("/dashboard/privacy"), "merchant's privacy")
    assert wrong + seen.console + merchant.console == []


def test_a_filter_is_looked_at_by_keyboard(site: Site, visitor: Visit) -> None:
    page = visitor().as_staff("Sam").go("/console/inbox?status=parked")
    page.get_by_role("link", name="Replay these").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Look first").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What a replay would change")).to_be_visible()
    expect(page.get_by_role("button", name="Stop safely")).to_be_visible()
    page.get_by_role("button", name="Stop safely").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It was asked to stop")).to_be_visible()
