"""The search index: which listings hold a word, as bitmaps over numbered listings.

Made from the list, never its source: all of it may be dropped and built again (`connector search rebuild`). Why
bitmaps of our own: decisions/0017.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base

# Ranges of words and keys are asked for: in the order of their bytes on both databases.
_BYTEWISE = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


class SearchState(Base):
    """One row. Who writes to the index holds it; a writer that read an older version starts its round again."""

    __tablename__ = "search_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # always 1
    version: Mapped[int] = mapped_column(default=0)  # rounds written so far
    documents: Mapped[int] = mapped_column(default=0)  # the highest number given to a listing, plus one
    # Terms up to here are in the index; the ids of those that began shortly before, so that a late commit is not lost.
    terms_until: Mapped[datetime | None]
    terms_seen: Mapped[str] = mapped_column(default="")


class SearchDocument(Base):
    """A listing as it stands in the index."""

    __tablename__ = "search_documents"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # its bit, never given to another one
    listing_id: Mapped[str] = mapped_column(unique=True)
    shop_id: Mapped[str]
    listing_at: Mapped[datetime]  # the listing's `updated_at` that was read
    keys: Mapped[bytes] = mapped_column(sa.LargeBinary)  # the postings it is in, zlib over lines
    facets: Mapped[str]  # value ids by column: `category shop price rate`


class SearchPosting(Base):
    """The listings of one segment (8,192 numbers) under one key; keys are told in `market.keys`."""

    __tablename__ = "search_postings"

    key: Mapped[str] = mapped_column(_BYTEWISE, primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bits: Mapped[bytes] = mapped_column(sa.LargeBinary)  # 1,024 bytes, bit 0 first; while few, two bytes a listing


class SearchTerm(Base):
    """A word of titles, brands, categories, tags or options: what prefixes and misspelt words are looked up in."""

    __tablename__ = "search_terms"

    term: Mapped[str] = mapped_column(_BYTEWISE, primary_key=True)
    documents: Mapped[int]  # how many listings hold it; may be 0


class SearchSpelling(Base):
    """A term, and a term with one letter left out."""

    __tablename__ = "search_spellings"

    spelling: Mapped[str] = mapped_column(_BYTEWISE, primary_key=True)
    term: Mapped[str] = mapped_column(_BYTEWISE, primary_key=True)


class SearchValue(Base):
    """A value that listings are counted by: a category, a shop, a price step, a rate."""

    __tablename__ = "search_values"
    __table_args__ = (sa.UniqueConstraint("facet", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    facet: Mapped[str]
    value: Mapped[str]  # folded where it is a person's word
    label: Mapped[str]  # as it was first written


class SearchColumn(Base):
    """The value of each listing of a segment in one facet: 8,192 value ids of four bytes, 0 for none."""

    __tablename__ = "search_columns"

    facet: Mapped[str] = mapped_column(primary_key=True)
    segment: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ids: Mapped[bytes] = mapped_column(sa.LargeBinary)
