"""Words as the search knows them: one folding for what listings say and for what people type, on both databases.

Case, accents and the shapes of letters don't count: `Crème`, `CREME` and `ｃｒｅｍｅ` are one word. Scripts that put no
space between words (Chinese, Japanese, Thai and their neighbours) are cut into single signs and pairs of signs.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

LONGEST = 40  # characters of a word that count; what is longer is an id or a fault
_PLAIN = re.compile(r"[a-z0-9]+")
_TAG = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)

# Letters that no decomposition parts from their stroke or their second half. (ß, ſ and ligatures go by case folding.)
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n"}
)
# Marks that are left out when people type: accents of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]")
# Zero-width signs and directions inside words, and apostrophes: `men's` is `mens`.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff'’ʼ]")
_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3040, 0x30FF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF),
)  # fmt: skip


class Word(NamedTuple):
    """A word; `sign` when it is a piece of an unspaced script: it is met as it stands, without prefix or spelling."""

    text: str
    sign: bool = False


def fold(text: str) -> str:
    """Lower case, without accents, compatibility shapes made plain, unseen signs and apostrophes removed."""
    if text.isascii():
        return text.lower().replace("'", "")
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    plain = _MARKS.sub("", unicodedata.normalize("NFD", plain)).translate(_LETTERS)
    return unicodedata.normalize("NFC", plain)


def words(text: str) -> list[Word]:
    """The words of a text in their order; of unspaced scripts every pair of signs, and a sign that stands alone."""
    folded = fold(text)
    if folded.isascii():
        return [Word(found[:LONGEST]) for found in _PLAIN.findall(folded)]
    return list(_words(folded))


def indexed(text: str) -> list[Word]:
    """`words`, and each single sign of unspaced scripts: who types one sign finds it anywhere."""
    found = words(text)
    signs = [Word(sign, True) for word in found if word.sign and len(word.text) == 2 for sign in word.text]
    return found + signs


def plain_text(markup: str) -> str:
    """What a reader sees of a store's HTML: without tags, scripts and styles, entities read."""
    return html.unescape(_TAG.sub(" ", markup)) if "<" in markup or "&" in markup else markup


def _words(folded: str) -> Iterator[Word]:
    run, kind = "", "s"
    for character in folded + " ":
        now = _kind(character)
        if now == "m":  # a vowel sign or a tone belongs to what it follows
            now = kind if run else "w"
        if now == kind and kind != "s":
            run += character
            continue
        yield from _closed(run, kind)
        run, kind = ("" if now == "s" else character), now


def _closed(run: str, kind: str) -> Iterator[Word]:
    if not run:
        return
    if kind == "w":
        yield Word(run[:LONGEST])
    elif len(run) == 1:
        yield Word(run, True)
    else:
        for at in range(len(run) - 1):
            yield Word(run[at : at + 2], True)


@lru_cache(maxsize=8192)
def _kind(character: str) -> str:
    """`w` of a word, `u` of an unspaced script, `m` a mark, `s` between words."""
    point = ord(character)
    category = unicodedata.category(character)
    if any(low <= point <= high for low, high in _UNSPACED) and category[0] in "LM":
        return "u"
    if character.isalnum():
        return "w"
    return "m" if category in ("Mn", "Mc") else "s"


# --- one wrong letter ---------------------------------------------------------------------------------------------

SHORTEST_SPELT = 5  # letters of the longer of the two words: below that one letter makes another word


def spellings(word: str) -> list[str]:
    """The word, and the word with each one letter left out: two words one letter apart share one of them."""
    return [word, *dict.fromkeys(word[:at] + word[at + 1 :] for at in range(len(word)))]


def one_apart(left: str, right: str) -> bool:
    """Is `right` `left` with one letter changed, put in, left out, or swapped with its neighbour? Equals aren't."""
    if left == right or abs(len(left) - len(right)) > 1 or max(len(left), len(right)) < SHORTEST_SPELT:
        return False
    if len(left) > len(right):
        left, right = right, left
    at = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
    if len(left) < len(right):
        return left[at:] == right[at + 1 :]
    swapped = left[at : at + 2] == right[at : at + 2][::-1] and left[at + 2 :] == right[at + 2 :]
    return swapped or left[at + 1 :] == right[at + 1 :]


def spelt(word: str) -> bool:
    """May the word be met with one wrong letter? Numbers and codes may not: one digit makes another thing."""
    return len(word) >= SHORTEST_SPELT - 1 and word.isalpha()


def inflected(word: str) -> list[str]:
    """The word in the other number, as English and its neighbours write it: `throws` is `throw`, `boxes` `box`."""
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return []
    found = [word + "s", word + "es"]
    if word.endswith("y"):
        found.append(word[:-1] + "ies")
    if len(word) > 3 and word.endswith("ies"):
        found.append(word[:-3] + "y")
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        found.append(word[:-1])
        if word.endswith("es"):
            found.append(word[:-2])
    return found
