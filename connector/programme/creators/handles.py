"""How a handle is written so that one creator has one."""

from __future__ import annotations

import unicodedata

from connector.errors import InputRefused

_LONGEST = 64


def canonical(typed: str) -> str:
    """NFKC, case-folded, without spaces around it and without @: `@Mira` and `ＭＩＲＡ` are `mira`.

    Errors: InputRefused for an empty or overlong handle, or one with other than letters, digits, dot, dash, underscore.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", typed).casefold()).strip().lstrip("@")
    if not folded:
        raise InputRefused("handle", "is empty.", "Send the creator's handle, like mira.")
    if len(folded) > _LONGEST:
        raise InputRefused("handle", f"is longer than {_LONGEST} characters.")
    # Marks are letters' company in many scripts (Hindi vowel signs); what else isn't a letter or a digit is refused.
    if not all(c.isalnum() or c in "._-" or unicodedata.category(c) in ("Mn", "Mc") for c in folded):
        raise InputRefused(
            "handle", "has a character that handles don't have.", "Use letters, digits, dot, dash and underscore."
        )
    return folded
