"""The icons in use, cut at run time out of the sprite that bootstrap-flask carries (2,000 icons, 1.1 MB) into a few KB.

No copy of an icon is kept in this repository. A name that the package doesn't have stops the start, not a page.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from connector.errors import ConfigurationWrong

# One icon a kind of status (PAGES section 2), then those of the few acts and things that have one.
KINDS = {
    "good": "check-circle",
    "info": "hourglass-split",
    "warn": "exclamation-triangle",
    "bad": "x-octagon",
    "hold": "snow",
    "idle": "dash-circle",
}
_OTHERS = (
    "arrow-left", "arrow-right", "bank", "box-arrow-up-right", "chat-dots", "clipboard", "download", "house-door",
    "chevron-right", "list", "percent", "person-circle", "search", "shop", "wallet2", "x-lg",
)  # fmt: skip
NAMES = frozenset((*KINDS.values(), *_OTHERS))


@cache
def sprite() -> bytes:
    """An SVG with a symbol an icon, its id the icon's name. Errors: ConfigurationWrong when the package lacks one."""
    whole = (files("flask_bootstrap") / "static/bootstrap5/icons/bootstrap-icons.svg").read_text(encoding="utf-8")
    found = {
        name: symbol
        for symbol, name in re.findall(r'(<symbol [^>]*id="([a-z0-9-]+)".*?</symbol>)', whole, re.DOTALL)
        if name in NAMES
    }
    if missing := sorted(NAMES - found.keys()):
        raise ConfigurationWrong("icons", f"bootstrap-flask has no {', '.join(missing)}", "Use the locked version.")
    body = "".join(found[name] for name in sorted(found))
    return f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>'.encode()
