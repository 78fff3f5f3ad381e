"""Words for channels: text out of markup, cut at a word, and the rules on what a title may not hold.

Three things are taken out of every text: characters that XML 1.0 has no place for (controls, lone surrogates), markup,
and a sign at the beginning that a spreadsheet would read as a formula (decision 0019).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

import nh3

# XML 1.0, section 2.2, "Char"; tab and line ends are folded into spaces.
_NO_CHAR = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MARKUP = re.compile(r"<[A-Za-z/!?]|&(?:#\d+|#x[0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]{1,31});")
# No `<` inside: else `<br<br<br…` would be read to its end from each of them.
_BREAKS = re.compile(r"(?i)<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>")
_LAYERS = 3  # importers escape what was escaped already: `&lt;p&gt;` is meant as markup
# Pictures, dingbats that are drawn as pictures, flags, keycaps and what joins them. © ® ™ and arrows are text.
_EMOJI = re.compile(
    "(?:[0-9#*]\ufe0f?\u20e3)|[\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b\u23e9-\u23f3"
    "\u23f8-\u23fa\u2934\u2935\u3030\u303d\u3297\u3299\U000e0020-\U000e007f\ufe0e\ufe0f\u20e3]"
)
# A cell that begins like this is a formula to a spreadsheet. Source: OWASP, "CSV Injection", read 2026-11.
_FORMULA = re.compile(r"^[=+@＝＋＠\s]+")
_MINUS = re.compile(r"^[-－]")
_KEPT_FORMATS = frozenset("\u200c\u200d")  # joiners: Persian and Indic words are spelt with them


@lru_cache(maxsize=1024)  # the variants of a product share most of their texts
def plain(text: str) -> str:
    """Text of one line: no markup, entities decoded, white space folded, nothing that XML can't hold."""
    for _ in range(_LAYERS):
        if not _MARKUP.search(text):
            break
        text = _BREAKS.sub(" ", text)
        if "<" in text:
            text = nh3.clean(_NO_CHAR.sub("", text), tags=set())
        text = html.unescape(text)
    return " ".join(_NO_CHAR.sub("", text).split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending behind a whole word where there is one in the last third, and never inside
    a character that is made of several."""
    if len(text) <= limit:
        return text
    end = limit
    while end > 1 and (unicodedata.combining(text[end]) or text[end] in "\u200d\ufe0f" or text[end - 1] == "\u200d"):
        end -= 1
    if not text[end].isspace():
        space = text.rfind(" ", limit * 2 // 3, end)
        end = space if space > 0 else end
    return text[:end].rstrip(" ,;:–—-·|/")


def defused(text: str) -> str:
    """The text with no sign in front that a spreadsheet would calculate with; a minus becomes the true one (−)."""
    bare = _FORMULA.sub("", text)
    return _MINUS.sub("−", bare)


def holds_emoji(text: str) -> bool:
    return _EMOJI.search(text) is not None


def without_emoji(text: str) -> str:
    """Without emoji, and without marks that aren't characters (direction marks, soft hyphens); joiners stay."""
    if text.isascii():
        return text
    bare = _EMOJI.sub("", text)
    if bare != text:
        bare = bare.replace("\u200d", "")
    kept = (c for c in bare if c in _KEPT_FORMATS or unicodedata.category(c) not in ("Cf", "Co", "Cn"))
    return " ".join("".join(kept).split())


def without_words(text: str, words: re.Pattern[str]) -> str:
    """Without promotional phrases, and without what they leave behind: empty brackets, doubled separators."""
    bare = words.sub(" ", text)
    if bare == text:
        return text
    bare = re.sub(r"[(\[{]\s*[)\]}]", " ", bare)
    bare = re.sub(r"(?:\s*[|,;!·•–—-]\s*){2,}", " - ", bare)
    return " ".join(bare.split()).strip(" |,;:!·•–—-")


def folded(text: str) -> str:
    """For comparison: no case, no accents, single spaces."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in bare if not unicodedata.combining(c)).split())
