"""What every page must hold, whatever it shows: axe finds nothing in both themes at three widths, nothing scrolls
sideways (down to 320 px, which is 200 % zoom of a small window), no word in the browser's console.

Colours are what takes axe its time. In the dark theme they are looked at in the middle width only where it shows what
neither of the others shows: light is looked at in all three, and dark differs in colours alone.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page

WIDTHS = (1280, 390, 768)  # the last in dark only for what the others don't show
# The rule that asks for a level-one heading and landmarks is among the best practices: they are on.
_RUN = """async ([only, leave]) => {
  const options = { resultTypes: ["violations"], elementRef: false };
  if (only) options.runOnly = only;
  const found = await axe.run({ include: [document.documentElement], exclude: leave }, options);
  return found.violations.map((each) => ({
    rule: each.id, help: each.help, nodes: each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)),
    count: each.nodes.length, why: each.nodes[0].failureSummary,
  }));
}"""


# Is anything visible now that wasn't at any width before? What is visible is remembered.
_FRESH = """() => {
  const seen = (window.seenByTheTest ??= new WeakSet());
  const now = [...document.body.querySelectorAll("*")].filter((each) => each.checkVisibility());
  const fresh = now.some((each) => !seen.has(each));
  now.forEach((each) => seen.add(each));
  return fresh;
}"""


# What most pages of a face share to the letter; what they must hold as a whole (landmarks, headings) is asked of the
# whole page all the same, this only leaves out to look at the same bar and foot once more.
_SHARED = """() => Object.fromEntries(["header.bar", "footer.foot"].map((name) => {
  const part = document.querySelector(`body > ${name}`);
  const unseen = /(type="hidden"[^>]* value=)"[^"]*"|<p class="print-only">.*?<[/]p>/g;
  return [name, part && document.body.className + part.outerHTML.replace(unseen, "$1")];
}))"""
_looked_at: set[tuple[str, int, str]] = set()  # (the part, width, theme)


def check(page: Page, name: str, *, narrow: bool = False) -> list[str]:
    """What is wrong with the page that is open, each as one line; empty when nothing is.

    `narrow`: at a phone's width alone, for pages that share their parts with others that are looked at whole.
    """
    wrong: list[str] = []
    page.wait_for_load_state()
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    shared: dict[str, str | None] = page.evaluate(_SHARED)
    for width in (390,) if narrow else WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wrong += _sideways(page, name, width)
        shows_more = page.evaluate(_FRESH)
        for theme, only in (("light", None), ("dark", ["color-contrast"])):
            if theme == "dark" and width == WIDTHS[-1] and not shows_more:
                continue
            page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
            leave = [name for name, part in shared.items() if part and (part, width, theme) in _looked_at]
            found: list[dict[str, Any]] = page.evaluate(_RUN, [only, leave])
            _looked_at.update((part, width, theme) for part in shared.values() if part and not found)
            wrong += [
                f"{name} {width} {theme}: {each['rule']} ×{each['count']} {each['nodes']} {each['why']}"
                for each in found
            ]
    page.set_viewport_size({"width": 320, "height": 900})
    wrong += _sideways(page, name, 320)
    page.set_viewport_size({"width": 1280, "height": 900})
    return wrong


def check_frame(frame: Frame, name: str, *, axe: bool = True) -> list[str]:
    """As `check`, of a page inside a frame at the width that it has; axe must be in it already."""
    found: list[dict[str, Any]] = frame.evaluate(_RUN, [None, []]) if axe else []
    wrong = [f"{name}: {each['rule']} ×{each['count']} {each['nodes']} {each['why']}" for each in found]
    return wrong + _sideways(frame, name, int(frame.evaluate("innerWidth")))


def _sideways(page: Page | Frame, name: str, width: int) -> list[str]:
    found = page.evaluate(
        """width => {
          const over = document.documentElement.scrollWidth - width;
          if (over <= 0) return null;
          const all = [...document.querySelectorAll("body *")];
          const wide = all.filter((each) => each.getBoundingClientRect().right > width + 1);
          return `${over} px too wide: ` + wide.slice(-2).map((each) => each.outerHTML.slice(0, 120)).join(" | ");
        }""",
        width,
    )
    return [f"{name} {width}: {found}"] if found else []
