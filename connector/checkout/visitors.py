"""Who opened a share link: a person, a program, or a browser that only looks ahead. Only a person's click is a touch.

Programs are known by `crawler-user-agents`, a kept list of some 1,500 patterns (crawlers, link previews of messengers,
HTTP libraries). A program that says it is a browser isn't caught here; counting clicks per device is for that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from crawleruseragents import is_crawler
from werkzeug.datastructures import Headers

Visitor = Literal["person", "machine", "look_ahead"]

# What browsers call it: the standard's name, the older ones of WebKit and Chromium, of Firefox, of Safari's previews.
_PURPOSE_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_LOOKS_AHEAD = ("prefetch", "prerender", "preview")
_LONGEST_AGENT = 512


def visitor(method: str, headers: Headers) -> Visitor:
    """Tell by method and headers."""
    for name in _PURPOSE_HEADERS:
        if any(word in headers.get(name, "").lower() for word in _LOOKS_AHEAD):
            return "look_ahead"
    # A frame, a picture or a fetch of another page: nobody opened the link (a coupon extension's way to push in).
    if headers.get("Sec-Fetch-Dest", "document") not in ("document", ""):
        return "machine"
    agent = headers.get("User-Agent", "").strip()
    # Every browser names itself.
    if method == "HEAD" or not agent or _is_machine(agent[:_LONGEST_AGENT]):
        return "machine"
    return "person"


@lru_cache(maxsize=4096)
def _is_machine(agent: str) -> bool:
    # 0.4 ms uncached: the patterns are many.
    return bool(is_crawler(agent))
