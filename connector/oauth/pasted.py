"""Joining by pasted keys: they are tried on the store itself, and only what opens it, and far enough, is kept."""

from __future__ import annotations

from collections.abc import Mapping

from connector import clock, outbound
from connector.errors import InputRefused, NotFound
from connector.oauth import join
from connector.platforms import roster
from connector.platforms.contract import Http, Pasted

LONGEST = 4096  # characters of one field; the longest key there is has a tenth of it


def enter(platform_slug: str, given: Mapping[str, str], http: Http | None = None) -> str:
    """Connect the store that the pasted keys open; the shop's id. Whoever holds them runs the store.

    What is given is read by the names of `Pasted.fields`; spaces around it are dropped, anything else is left out.
    Errors: NotFound where the platform isn't joined this way; InputRefused(field, problem, remedy) for what is missing,
    too long or doesn't open the store; HostRefused; PlatformDown and the like when the store doesn't answer; Conflict.
    Nothing is stored then. No error, log line or page holds what was pasted into a secret field.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    part = part_of(platform_slug)
    http = http or outbound.current()
    clean, now, began = _clean(part, given), clock.wall(), clock.now()
    joined = part.enter(clean, settings, http, now)
    return join.finish(platform, joined, settings, http, began, "credentials")


def part_of(platform_slug: str) -> Pasted:
    """Errors: NotFound."""
    platform = roster.platform(platform_slug)
    if platform.pasted is None or not platform.can("joins_by_credentials"):
        raise NotFound(f"{platform.title} isn't joined by pasted keys")
    return platform.pasted


def _clean(part: Pasted, given: Mapping[str, str]) -> dict[str, str]:
    """Every field by its name, without what came along when it was copied. Errors: InputRefused."""
    clean = {field.name: _copied(given.get(field.name, "")) for field in part.fields}
    for field in part.fields:
        text = clean[field.name]
        if not text and not field.optional:
            raise InputRefused(field.name, "is empty.", field.help)
        if len(text) > LONGEST or not text.isprintable():
            raise InputRefused(field.name, "isn't what the store shows there.", "Copy it again, it alone.")
    return clean


def _copied(text: str) -> str:
    """Without spaces, line ends and marks of width nought at its ends, which come along from web pages and mails."""
    return text.strip().strip("\u200b\u200c\u200d\ufeff\u2060").strip()
