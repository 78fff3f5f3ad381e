"""Searching the list: which listings hold every word, in which order, and how they fall into categories and prices.

A listing is found when each word of the query is in it somewhere. How well is a sum over the words: a word of the title
costs nothing, one that only begins so or stands in the other number a little, one of brand, category, tags or options
more, one of the description still more, and one with a wrong letter most. Among equal sums: the words side by side
in the title, what can be bought, the shorter title, the older number. All of that is arithmetic on bitmaps, equal on
both databases; the rows of a page are then read live, so that what was removed or sold a moment ago isn't shown.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import compress, pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from connector.commerce.catalog import rows
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.errors import InputRefused
from connector.insight.market import bits, store
from connector.insight.market.keys import FACETS, LONG_TITLE, STEPS, category_of, category_value, joined, price_step
from connector.insight.market.tables import SearchDocument, SearchSpelling, SearchTerm, SearchValue
from connector.insight.market.words import Word, inflected, one_apart, spellings, spelt, words

Cursor = tuple[str | int, ...]
MOST_WORDS = 12
_MOST_BEGUN, _MOST_MISSPELT = 48, 24  # words that a beginning, or a misspelt word, may stand for
_SHOWN_VALUES = 50  # of a facet
_STATUSES = ("shoppable", "not_shoppable", "gone")
_FOR_SALE = "u:shoppable"
LAST_STEP = len(STEPS)
COUNTED = (*FACETS, "availability", "status")  # what may be asked for as facets
# What a word costs by where it was found; see the module's head.
_TITLE, _TITLE_LIKE, _ATTRIBUTE, _ATTRIBUTE_LIKE, _DESCRIBED, _TITLE_MISSPELT, _ATTRIBUTE_MISSPELT = 0, 1, 2, 3, 5, 6, 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for. Prices are minor units of `currency` and mean a listing's lowest price."""

    text: str = ""
    shop_id: str | None = None
    status: str | None = None  # None: everything that isn't gone
    reason: str | None = None  # why it can't be bought: a code of catalog.shoppable.REASONS
    category: str | None = None
    available: bool | None = None
    currency: str | None = None
    price_from: int | None = None  # at least
    price_to: int | None = None  # at most
    rate_from: int | None = None  # basis points, at least

    @property
    def mark(self) -> str:
        """Tells this question from others: a cursor goes on with its own only."""
        parts = (
            self.text, self.shop_id, self.status, self.reason, self.category, self.available, self.currency,
            self.price_from, self.price_to, self.rate_from,
        )  # fmt: skip
        return blake2b(repr(parts).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Count:
    """One value of a facet, and how many of the found listings have it."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """A page, the cursor of the next, and where asked for the facets of everything that was found."""

    listings: list[Listing]
    next: Cursor | None
    facets: dict[str, list[Count]] = field(default_factory=dict)
    total: int = 0  # as the index knows it


def search(
    session: Session, asked: Asked, *, cursor: Cursor | None = None, limit: int = 50, facets: Sequence[str] = ()
) -> Found:
    """The page of `limit` behind `cursor`, best first. The listings' long fields are not loaded.

    Shape:  facets of COUNTED; counted over all that was found, not over the page.
    Errors: InputRefused("cursor") for a cursor of another question.
    """
    after = _place(asked, cursor)
    query = _Query(session, asked)
    ranks = query.ranked()
    page: list[tuple[tuple[int, ...], Listing]] = []
    for wanted in _batches(ranks, after, limit + 1):
        page += _live(session, asked, wanted)
        if len(page) > limit:
            break
    shown = page[:limit]
    more: Cursor | None = (asked.mark, *shown[-1][0]) if len(page) > limit else None
    return Found([row for _, row in shown], more, query.facets(facets) if facets else {}, query.hits.bit_count())


class _Query:
    """One question against the index: bitmaps by word and cost, filters, and what they leave."""

    def __init__(self, session: Session, asked: Asked) -> None:
        self._session = session
        self._asked = asked
        found = words(asked.text)[:MOST_WORDS]
        # A pair of words may be written as one: both are then found in it.
        self._words = list(dict.fromkeys(found))
        self._pairs = [(a, b) for a, b in pairwise(found) if not (a.sign or b.sign)]
        self._nothing = bool(asked.text.strip()) and not found
        self._read()
        self.classes = self._classes()
        self.hits = 0
        for some in self.classes.values():
            self.hits |= some

    def _read(self) -> None:
        begun, misspelt = _alike(self._session, self._words)
        self._levels: dict[Word, list[tuple[int, list[str]]]] = {
            word: _levels(word, begun[word], misspelt[word]) for word in self._words
        }
        for a, b in self._pairs:
            one = joined((a, b))
            for word in {a, b}:
                self._levels[word][0][1].append(f"t:{one}")
                self._levels[word][2][1].append(f"a:{one}")
        names = {name for levels in self._levels.values() for _, keys in levels for name in keys}
        names |= {f"j:{joined(pair)}" for pair in self._pairs}
        names |= {f"u:{status}" for status in _STATUSES} | {f"n:{length}" for length in range(LONG_TITLE + 1)}
        names |= set(self._filter_keys())
        groups: dict[str, bits.Union] = {name: bits.Union() for name in names}
        for key, segment, stored in store.postings(self._session, names):
            groups[key].add(segment, bytes(stored))
        self._sets = {name: union.whole() for name, union in groups.items()}

    def _filter_keys(self) -> Iterator[str]:
        asked = self._asked
        if asked.shop_id is not None:
            yield f"s:{asked.shop_id}"
        if asked.reason is not None:
            yield f"w:{asked.reason}"
        if asked.category is not None:
            yield f"c:{category_value(asked.category)}"
        yield from self._price_keys()
        yield from self._rate_keys()

    def _price_keys(self) -> list[str]:
        asked = self._asked
        if asked.currency is None:
            return []
        lowest = 0 if asked.price_from is None else int(price_step("", asked.price_from)[1:])
        highest = len(STEPS) if asked.price_to is None else int(price_step("", asked.price_to)[1:])
        return [f"m:{asked.currency}:{step:02d}" for step in range(lowest, highest + 1)]

    def _rate_keys(self) -> list[str]:
        if self._asked.rate_from is None:
            return []
        values = self._session.scalars(
            sa.select(SearchValue.value).where(
                SearchValue.facet == "rate", SearchValue.value >= f"{self._asked.rate_from:05d}"
            )
        )
        return [f"r:{value}" for value in values]

    def _union(self, keys: Iterable[str]) -> int:
        whole = 0
        for key in keys:
            whole |= self._sets.get(key, 0)
        return whole

    def _base(self) -> int:
        """What the filters leave."""
        asked, sets = self._asked, self._sets
        if self._nothing:
            return 0
        wanted = [asked.status] if asked.status else ["shoppable", "not_shoppable"]
        base = self._union(f"u:{status}" for status in wanted)
        if asked.shop_id is not None:
            base &= sets.get(f"s:{asked.shop_id}", 0)
        if asked.reason is not None:
            base &= sets.get(f"w:{asked.reason}", 0)
        if asked.category is not None:
            base &= sets.get(f"c:{category_value(asked.category)}", 0)
        if asked.available is not None:
            base &= sets[_FOR_SALE] if asked.available else ~sets[_FOR_SALE]
        if asked.currency is not None:
            base &= self._union(self._price_keys())
        if asked.rate_from is not None:
            base &= self._union(self._rate_keys())
        return base

    def _classes(self) -> dict[int, int]:
        """Cost → the listings that hold every word at that cost. Each listing is in one class, its best."""
        classes = {0: self._base()}
        for word in self._words:
            levels = [(cost, self._union(keys)) for cost, keys in self._levels[word]]
            after: dict[int, int] = defaultdict(int)
            for paid, some in classes.items():
                left = some
                for cost, held in levels:
                    hit = left & held
                    if hit:
                        after[paid + cost] |= hit
                        left ^= hit
            classes = dict(after)
        return {cost: some for cost, some in sorted(classes.items()) if some}

    def ranked(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """(cost, apart, not for sale, words of the title) → listings, best first; equal ones are in one set."""
        phrase = -1
        for pair in self._pairs:
            phrase &= self._sets.get(f"j:{joined(pair)}", 0)
        sale = self._sets[_FOR_SALE]
        lengths = [self._sets[f"n:{length}"] for length in range(LONG_TITLE + 1)]
        for cost, some in self.classes.items():
            for apart, together in enumerate((some & phrase, some & ~phrase)):
                for sold, part in enumerate((together & sale, together & ~sale)):
                    for length, of_length in enumerate(lengths):
                        if equal := part & of_length:
                            yield (cost, apart, sold, length), equal

    def facets(self, names: Sequence[str]) -> dict[str, list[Count]]:
        found: dict[str, list[Count]] = {}
        counted = self._counted([name for name in names if name in FACETS])
        for name in names:
            if name == "status":
                found[name] = _some((status, status, self.hits & self._sets[f"u:{status}"]) for status in _STATUSES)
            elif name == "availability":
                held = self._sets[_FOR_SALE]
                found[name] = _some((("true", "", self.hits & held), ("false", "", self.hits & ~held)))
            elif name in counted:
                found[name] = self._named(name, counted[name])
        return found

    def _counted(self, facets: Sequence[str]) -> dict[str, Counter[int]]:
        """Facet → value id → how many of the found listings."""
        counted: dict[str, Counter[int]] = {facet: Counter() for facet in facets}
        segments = range(-(-self.hits.bit_length() // bits.SEGMENT))
        selected = {segment: bits.selectors(self.hits, segment) for segment in segments}
        wanted = [segment for segment, some in selected.items() if some]
        for facet, segment, stored in store.columns(self._session, facets, wanted) if facets and wanted else ():
            values = array("I")
            values.frombytes(bytes(stored))
            counted[facet].update(compress(values, selected[segment]))
        return counted

    def _named(self, facet: str, counted: Counter[int]) -> list[Count]:
        counted.pop(0, None)
        most = counted.most_common(_SHOWN_VALUES * 4)
        named = {
            row.id: row
            for row in self._session.scalars(
                sa.select(SearchValue).where(SearchValue.id.in_([number for number, _ in most]))
            )
        }
        labels = self._shop_names(named.values()) if facet == "shop" else {}
        counts = [
            Count(named[number].value, labels.get(named[number].value) or named[number].label, count)
            for number, count in most
        ]
        counts.sort(key=lambda each: (-each.count, each.value))
        shown = counts[:_SHOWN_VALUES]
        return sorted(shown, key=lambda each: each.value) if facet in ("price", "rate") else shown

    def _shop_names(self, values: Iterable[SearchValue]) -> dict[str, str]:
        found = self._session.execute(
            sa.select(Shop.id, Shop.name, Shop.domain).where(Shop.id.in_([each.value for each in values]))
        )
        return {row.id: row.name or row.domain for row in found}


# --- words that stand for others ---------------------------------------------------------------------------------


def _levels(word: Word, begun: Sequence[str], misspelt: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Cost → the keys in which a word counts as found at that cost, cheapest first."""
    text = word.text
    if word.sign:
        return [(_TITLE, [f"t:{text}"]), (_TITLE_LIKE, []), (_ATTRIBUTE, [f"a:{text}"]), (_DESCRIBED, [f"d:{text}"])]
    like = [*inflected(text), *begun]
    return [
        (_TITLE, [f"t:{text}", f"j:{text}"]),
        (_TITLE_LIKE, [f"t:{each}" for each in like]),
        (_ATTRIBUTE, [f"a:{text}"]),
        (_ATTRIBUTE_LIKE, [f"a:{each}" for each in like] + [f"e:{text}"] * (len(text) in (2, 3))),
        (_DESCRIBED, [f"d:{text}", *(f"d:{each}" for each in inflected(text))]),
        (_TITLE_MISSPELT, [f"t:{each}" for each in misspelt]),
        (_ATTRIBUTE_MISSPELT, [f"a:{each}" for each in misspelt]),
    ]


def _alike(session: Session, found: Sequence[Word]) -> tuple[dict[Word, list[str]], dict[Word, list[str]]]:
    """For each word the known ones that begin with it, and those that are it with one wrong letter."""
    begun: dict[Word, list[str]] = {word: [] for word in found}
    misspelt: dict[Word, list[str]] = {word: [] for word in found}
    long = [word for word in found if not word.sign and len(word.text) > 3]
    if long:
        for word, term in session.execute(sa.union_all(*(_beginning(word.text) for word in long))):
            begun[Word(word)].append(term)
    spelt_ones = [word for word in found if not word.sign and spelt(word.text)]
    if spelt_ones:
        wanted = sorted({spelling for word in spelt_ones for spelling in spellings(word.text)})
        near = session.execute(
            sa.select(SearchTerm.term)
            .join(SearchSpelling, SearchSpelling.term == SearchTerm.term)
            .where(rows.among(session, SearchSpelling.spelling, wanted), SearchTerm.documents > 0)
            .distinct()
            .add_columns(SearchTerm.documents)
            .order_by(SearchTerm.documents.desc(), SearchTerm.term)
        ).all()
        for word in spelt_ones:
            misspelt[word] = [row.term for row in near if one_apart(word.text, row.term)][:_MOST_MISSPELT]
    return begun, misspelt


def _beginning(text: str) -> sa.Select[Any]:
    """The most frequent words that begin with `text`: a range, answered by the primary key on both databases."""
    part = (
        sa.select(sa.literal(text).label("word"), SearchTerm.term)
        .where(SearchTerm.term > text, SearchTerm.term < text + "\U0010ffff", SearchTerm.documents > 0)
        .order_by(SearchTerm.documents.desc(), SearchTerm.term)
        .limit(_MOST_BEGUN)
        .subquery()
    )
    return sa.select(part)


def _some(counted: Iterable[tuple[str, str, int]]) -> list[Count]:
    return [Count(value, label or value, some.bit_count()) for value, label, some in counted if some]


# --- pages -----------------------------------------------------------------------------------------------------------


def _place(asked: Asked, cursor: Cursor | None) -> tuple[int, ...] | None:
    """Rank and number behind which the page begins."""
    if cursor is None:
        return None
    if len(cursor) != 6 or cursor[0] != asked.mark or not all(isinstance(part, int) for part in cursor[1:]):
        raise InputRefused("cursor", "belongs to another search.", "Start again without a cursor.")
    return tuple(int(part) for part in cursor[1:])


def _batches(
    ranks: Iterator[tuple[tuple[int, ...], int]], after: tuple[int, ...] | None, size: int
) -> Iterator[dict[int, tuple[int, ...]]]:
    """Numbers in their order, each with its place, as many at a time as a page may need."""
    batch: dict[int, tuple[int, ...]] = {}
    for rank, some in ranks:
        if after is not None and rank < after[:-1]:
            continue
        behind = after[-1] if after is not None and rank == after[:-1] else -1
        for number in bits.numbers(some, behind):
            batch[number] = (*rank, number)
            if len(batch) == size:
                yield batch
                batch = {}
    if batch:
        yield batch


def _live(session: Session, asked: Asked, wanted: dict[int, tuple[int, ...]]) -> list[tuple[tuple[int, ...], Listing]]:
    """Those whose own row still fits, with their places."""
    found = session.execute(
        sa.select(SearchDocument.number, Listing)
        .join(Listing, Listing.id == SearchDocument.listing_id)
        .where(SearchDocument.number.in_(list(wanted)))
        .options(defer(Listing.description), defer(Listing.images), defer(Listing.tags))
    ).all()
    fitting = [(wanted[number], row) for number, row in found if _fits(asked, row)]
    return sorted(fitting, key=lambda each: each[0])


def _fits(asked: Asked, row: Listing) -> bool:
    if row.status == "gone" if asked.status is None else row.status != asked.status:
        return False
    if asked.reason is not None and row.reason != asked.reason:
        return False
    if asked.available is not None and (row.status == "shoppable") != asked.available:
        return False
    if asked.currency is not None and (
        row.currency != asked.currency
        or not row.variant_count
        or row.price_from < (asked.price_from or 0)
        or (asked.price_to is not None and row.price_from > asked.price_to)
    ):
        return False
    wanted = None if asked.category is None else category_value(asked.category)
    return wanted is None or category_value(category_of(row.category, row.taxonomy_name)) == wanted
