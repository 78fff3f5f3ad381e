"""What a listing is found by: the keys of the postings it is in.

    t:word    a word of the title                      a:word    of brand, category, tags, options, codes
    d:word    of the description                       j:ab      two neighbours in the title, written as one word
    e:ab      two or three letters that a word of title or attributes begins with, while somebody still types
    u:status  s:shop  c:category    m:EUR:04  price step    r:01500  rate    n:3  words in the title
    w:code    why it can't be bought

A word stands under its best key alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connector.insight.market.words import LONGEST, Word, fold, indexed, plain_text, words

FACETS = ("category", "shop", "price", "rate")  # what a listing has one value of; the order of SearchDocument.facets
LONG_TITLE = 9  # titles of more words are all alike
_MOST_ATTRIBUTES, _MOST_DESCRIBED = 400, 150
_DESCRIPTION_READ = 20_000  # characters
# Steps of the lowest price in minor units: 1, 2, 5, 10 … whatever the currency, from 5.00 to 100 million.
STEPS = tuple(part * 10**power for power in range(2, 11) for part in (1, 2, 5))[2:-2]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a listing that search reads."""

    shop_id: str
    status: str
    title: str
    reason: str = ""
    category: str = ""  # the merchant's word, else the last step of the platform's taxonomy
    attributes: Sequence[str] = ()  # brand, taxonomy, tags, option values
    codes: Sequence[str] = ()  # SKU, GTIN, part number, the store's id
    description: str = ""
    currency: str = ""
    price: int | None = None  # the lowest, in minor units; None: it has no variant
    rate_bp: int | None = None


@dataclass(frozen=True, slots=True)
class Keyed:
    """A listing ready for the index. `values`: facet → (value, label)."""

    keys: frozenset[str]
    values: dict[str, tuple[str, str]]


def keyed(facts: Facts) -> Keyed:
    title = _texts(indexed(facts.title))
    shown = words(facts.title)
    attributes: dict[str, bool] = {}
    for text in (facts.category, *facts.attributes):
        attributes |= _texts(indexed(text))
    for code in facts.codes:
        attributes |= _texts(words(code)) | dict.fromkeys([joined(words(code))], True)
    attributes = dict(list(_without(attributes, title).items())[:_MOST_ATTRIBUTES])
    described = _texts(indexed(plain_text(facts.description[:_DESCRIPTION_READ])))
    described = dict(list(_without(described, title | attributes).items())[:_MOST_DESCRIBED])
    values = _values(facts)
    found = {f"t:{word}" for word in title}
    found |= {f"a:{word}" for word in attributes if word}
    found |= {f"d:{word}" for word in described}
    found |= {f"j:{a.text}{b.text}"[: LONGEST + 2] for a, b in pairwise(shown) if not (a.sign or b.sign)}
    found |= {f"e:{beginning}" for word, sign in (title | attributes).items() if not sign for beginning in _edges(word)}
    found |= {f"u:{facts.status}", f"s:{facts.shop_id}", f"n:{min(len(shown), LONG_TITLE)}"}
    if facts.reason:
        found.add(f"w:{facts.reason}")
    for facet, letter in (("category", "c"), ("price", "m"), ("rate", "r")):
        if facet in values:
            found.add(f"{letter}:{values[facet][0]}")
    return Keyed(frozenset(found), values)


def terms(keys: Iterable[str]) -> set[str]:
    """The words among the keys that prefixes and misspelt words are looked up in."""
    return {key[2:] for key in keys if key[:2] in ("t:", "a:") and not _is_sign(key[2:])}


def joined(found: Sequence[Word]) -> str:
    """Words written as one: `SKU-9001` is also found as `sku9001`, a `table cloth` as a `tablecloth`."""
    return "".join(word.text for word in found)[:LONGEST]


def price_step(currency: str, price: int) -> str:
    """`EUR:04`: the step that a price in minor units falls into."""
    return f"{currency}:{bisect_right(STEPS, price):02d}"


def step_bounds(step: str) -> tuple[str, int, int | None]:
    """Currency, lowest price and first price beyond; None: there is no higher step."""
    currency, _, number = step.partition(":")
    at = int(number)
    return currency, STEPS[at - 1] if at else 0, STEPS[at] if at < len(STEPS) else None


def category_of(category: str, taxonomy_name: str) -> str:
    """What a listing is counted under: the merchant's own word, else the last step of the platform's taxonomy."""
    return category.strip() or taxonomy_name.rpartition(">")[2].strip()


def category_value(category: str) -> str:
    return " ".join(fold(category).replace("\0", "").split())[:200]


def _values(facts: Facts) -> dict[str, tuple[str, str]]:
    found = {"shop": (facts.shop_id, facts.shop_id)}
    if category := category_value(facts.category):
        found["category"] = (category, facts.category[:200])
    if facts.price is not None:
        step = price_step(facts.currency, facts.price)
        found["price"] = (step, step)
    if facts.rate_bp is not None:
        found["rate"] = (f"{facts.rate_bp:05d}", str(facts.rate_bp))
    return found


def _texts(found: Iterable[Word]) -> dict[str, bool]:
    """Word → is it a sign, in their order, each once."""
    return {word.text: word.sign for word in found}


def _without(some: dict[str, bool], others: dict[str, bool]) -> dict[str, bool]:
    return {word: sign for word, sign in some.items() if word not in others}


def _edges(word: str) -> list[str]:
    return [word[:length] for length in (2, 3) if len(word) > length]


def _is_sign(word: str) -> bool:
    return not word.isascii() and any(each.sign for each in words(word))
