"""What people write to each other, as it is kept: plain text and nothing that a page would take for anything else."""

from __future__ import annotations

import unicodedata

from connector.errors import InputRefused

# They turn the direction of what follows, of another's words too.
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(field: str, text: str, longest: int, *, empty: bool = False) -> str:
    """The text without control characters, its lines parted by one mark. HTML stays as it was typed: it is shown as
    text.

    Errors: InputRefused(field) for nothing (unless `empty`), too much, or half a character.
    """
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputRefused(field, "holds a character that can't be stored.", "Type it anew.")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in plain if c in "\n\t" or (unicodedata.category(c) != "Cc" and c not in _TURNS)).strip()
    if not kept and not empty:
        raise InputRefused(field, "is empty.", "Write something.")
    if len(kept) > longest:
        raise InputRefused(field, f"is longer than {longest} characters.", "Shorten it.")
    return kept
