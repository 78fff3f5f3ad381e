"""Links into a store: the touch token as they can hold it, and the store's own addresses with ours in their query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connector.errors import InputRefused

# The narrowest carrier that we know holds 40 of these (Square's reference).
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,40}")


def check_token(token: str) -> None:
    """Errors: InputRefused for a token that some carrier could not hold."""
    if TOKEN.fullmatch(token) is None:
        raise InputRefused("token", "isn't 1 to 40 of A-Z, a-z, 0-9, - and _.")


def check_code(code: str, most: int, *, commas: bool = True) -> None:
    """A discount code as a link may hold it; "" is none. Errors: InputRefused."""
    if len(code) > most or not code.isprintable() or code.strip() != code or (not commas and "," in code):
        without = "" if commas else " and no comma"
        raise InputRefused("code", f"isn't a code that a link can hold: up to {most} characters{without}.")


def with_parameters(url: str, ours: Mapping[str, str]) -> str:
    """`url` with these in its query, in place of what had their names before; without a fragment, since single-page
    shops route by it and would lose what stands in front."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in ours]
    path = parts.path or ("/" if parts.netloc else "")
    return urlunsplit((parts.scheme, parts.netloc, path, urlencode([*kept, *ours.items()]), ""))
