"""Rows of the index in batches, in each database's own way: thousands of small rows a round, below the ORM."""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import rows
from connector.insight.market import bits
from connector.insight.market.tables import SearchSpelling, SearchTerm, SearchValue
from connector.insight.market.words import spellings, spelt

Place = tuple[str, int]  # key (or facet) and segment
_json = msgspec.json.Encoder().encode


def packed(keys: Iterable[str]) -> bytes:
    return zlib.compress("\n".join(sorted(keys)).encode(), 1)


def unpacked(stored: bytes) -> frozenset[str]:
    return frozenset(zlib.decompress(stored).decode().split("\n"))


def change_postings(
    session: Session, added: Mapping[Place, Sequence[int]], removed: Mapping[Place, Sequence[int]]
) -> None:
    """Set and clear bits: (key, segment) → offsets in it."""
    places = sorted(added.keys() | removed.keys())
    held = _at(session, "search_postings", "key", "bits", places)
    _put(
        session, "search_postings", "key", "bits",
        [
            (*place, bits.changed(held.get(place, b""), added.get(place, ()), removed.get(place, ())))
            for place in places
        ],
    )  # fmt: skip


def change_columns(session: Session, values: Mapping[Place, Mapping[int, int]]) -> None:
    """Put values in: (facet, segment) → offset → value id, 0 for none."""
    places = sorted(values)
    held = _at(session, "search_columns", "facet", "ids", places)
    written = []
    for place in places:
        column = array("I", held.get(place) or bytes(bits.SEGMENT * 4))
        for offset, value in values[place].items():
            column[offset] = value
        written.append((*place, column.tobytes()))
    _put(session, "search_columns", "facet", "ids", written)


def change_terms(session: Session, changes: Counter[str]) -> None:
    """Count words up and down; new ones get their spellings."""
    wanted = {term: number for term, number in changes.items() if number}
    if not wanted:
        return
    known = set(session.scalars(sa.select(SearchTerm.term).where(rows.among(session, SearchTerm.term, list(wanted)))))
    _insert(
        session,
        f"INSERT INTO {SearchTerm.__tablename__} (term, documents)",
        ("text", "bigint"),
        sorted(wanted.items()),
        "ON CONFLICT (term) DO UPDATE SET documents = search_terms.documents + excluded.documents",
    )
    fresh = [(spelling, term) for term in sorted(wanted.keys() - known) if spelt(term) for spelling in spellings(term)]
    _insert(
        session,
        f"INSERT INTO {SearchSpelling.__tablename__} (spelling, term)",
        ("text", "text"),
        fresh,
        "ON CONFLICT DO NOTHING",
    )


def value_ids(session: Session, wanted: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], int]:
    """(facet, value) → id, made where there was none; the label is the one given."""
    values = sorted({value for _, value in wanted})
    found = {
        (facet, value): number
        for number, facet, value in session.execute(
            sa.select(SearchValue.id, SearchValue.facet, SearchValue.value).where(
                rows.among(session, SearchValue.value, values)
            )
        )
    }
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        first = (session.scalar(sa.select(sa.func.max(SearchValue.id))) or 0) + 1
        session.execute(
            sa.insert(SearchValue),
            [
                {"id": first + n, "facet": facet, "value": value, "label": wanted[facet, value]}
                for n, (facet, value) in enumerate(missing)
            ],
        )
        found |= {pair: first + n for n, pair in enumerate(missing)}
    return found


def postings(session: Session, keys: Iterable[str]) -> Sequence[Any]:
    """(key, segment, bits) of every segment of these keys."""
    connection = session.connection()
    listed = list(keys)
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(
            "SELECT key, segment, bits FROM search_postings WHERE key IN (SELECT value FROM json_each(?))",
            (_json(listed).decode(),),
        ).fetchall()
    return _binary(session, "SELECT key, segment, bits FROM search_postings WHERE key = ANY(%s)", (listed,))


def columns(session: Session, facets: Sequence[str], segments: Sequence[int]) -> Sequence[Any]:
    """(facet, segment, value ids) of these segments."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(
            "SELECT facet, segment, ids FROM search_columns WHERE facet IN (SELECT value FROM json_each(?)) "
            "AND segment IN (SELECT value FROM json_each(?))",
            (_json(facets).decode(), _json(segments).decode()),
        ).fetchall()
    return _binary(
        session,
        "SELECT facet, segment, ids FROM search_columns WHERE facet = ANY(%s) AND segment = ANY(%s)",
        (list(facets), list(segments)),
    )


def _binary(session: Session, statement: str, given: tuple[Any, ...]) -> Sequence[Any]:
    """PostgreSQL's rows in binary: as text each byte would come as two."""
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor(binary=True) as cursor:
        found: Sequence[Any] = cursor.execute(statement, given).fetchall()
    return found


def _at(session: Session, table: str, name: str, data: str, places: Sequence[Place]) -> dict[Place, bytes]:
    """What lies at these places now."""
    if not places:
        return {}
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(
            f"SELECT p.{name}, p.segment, p.{data} FROM json_each(?) AS w JOIN {table} AS p "  # noqa: S608
            f"ON p.{name} = json_extract(w.value, '$[0]') AND p.segment = json_extract(w.value, '$[1]')",
            (_json(places).decode(),),
        )
    else:
        found = connection.exec_driver_sql(
            f"SELECT p.{name}, p.segment, p.{data} FROM unnest(%s::text[], %s::bigint[]) AS w(name, segment) "  # noqa: S608
            f"JOIN {table} AS p ON p.{name} = w.name AND p.segment = w.segment",
            ([place[0] for place in places], [place[1] for place in places]),
        )
    return {(row[0], row[1]): bytes(row[2]) for row in found}


def _put(session: Session, table: str, name: str, data: str, written: Sequence[tuple[Any, ...]]) -> None:
    _insert(
        session,
        f"INSERT INTO {table} ({name}, segment, {data})",
        ("text", "bigint", "bytea"),
        written,
        f"ON CONFLICT ({name}, segment) DO UPDATE SET {data} = excluded.{data}",
    )


def _insert(
    session: Session, into: str, kinds: Sequence[str], written: Sequence[tuple[Any, ...]], conflict: str
) -> None:
    if not written:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"{into} VALUES ({', '.join('?' * len(kinds))}) {conflict}", list(written))
        return
    arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
    connection.exec_driver_sql(
        f"{into} SELECT * FROM unnest({arrays}) {conflict}",  # noqa: S608
        tuple(list(values) for values in zip(*written, strict=True)),
    )
