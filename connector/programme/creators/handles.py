"""How a handle is written so that one creator has one."""

from __future__ import annotations

import unicodedata

from fontTools.unicodedata import script_extension

from connector.errors import InputRefused

_LONGEST = 64
# Scripts written together (UTS 39): Japanese, Chinese with Bopomofo, Korean, each with Latin beside it.
_TOGETHER = tuple(frozenset(each.split()) for each in ("Latn Hani Hira Kana", "Latn Hani Bopo", "Latn Hani Hang"))
_ANY = frozenset({"Zyyy", "Zinh"})  # digits, dots, marks: of no script of their own


def canonical(typed: str) -> str:
    """NFKC, case-folded, without spaces around it and without @: `@Mira` and `ＭＩＲＡ` are `mira`.

    Errors: InputRefused for an empty or overlong handle, one with other than letters, digits, dot, dash, underscore, or
    of marks alone.
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
    # `.` and `..` are no names in an address: /creators/.. is somewhere else.
    if not any(c.isalnum() for c in folded):
        raise InputRefused("handle", "has no letter and no digit.", "Send the creator's handle, like mira.")
    return folded


def unmixed(handle: str) -> str:
    """A canonical handle in one script, as it is given. Only where one is taken: what is looked up need not be.

    Errors: InputRefused where scripts are mixed that no language writes together: `mіra` with a Cyrillic і is not mira.
    """
    # Each character's possible scripts; a common one fits them all.
    found = [scripts for c in handle if not (scripts := frozenset(script_extension(c))) & _ANY]
    one = frozenset.intersection(*found) if found else frozenset({"Zyyy"})
    if not one and not any(all(scripts & group for scripts in found) for group in _TOGETHER):
        raise InputRefused(
            "handle", "mixes letters of different scripts.", "Write it in one script: others could not tell it apart."
        )
    return handle
