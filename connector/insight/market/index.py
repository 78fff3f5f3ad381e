"""The index follows the list: what changed is taken from its queue, in rounds, and written in short transactions.

A round reads and reckons outside of any write, then holds the state's row and writes bits, words and counts of up to a
thousand listings at once. Its changes leave the queue in that same transaction, so a kill loses nothing and repeats
nothing; of two workers that read the same changes one writes and the other begins again. Large numbers of changes wait
until the sync run that brings them is through: each listing is indexed once, and the run isn't slowed down.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import changes, rows
from connector.commerce.catalog.ids import listing_id
from connector.commerce.catalog.tables import Listing, ListingChange, VariantRow
from connector.db import Scope
from connector.insight.market import bits, store
from connector.insight.market.keys import FACETS, Facts, Keyed, category_of, keyed, terms
from connector.insight.market.tables import SearchDocument, SearchState
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import in_force
from connector.programme.collaborations.tables import Terms

ROUND = 1_000  # listings a transaction
BREATH = 0.02  # seconds between rounds on SQLite: others want the only writer too
LARGE = 2_000  # a shop with so many changes waiting is being synced
QUIET = timedelta(seconds=3)  # … until nothing came for so long
LONGEST_WAIT = timedelta(minutes=5)
LOOK_EVERY = 2.0  # seconds between two looks at which shops those are
LATE_COMMIT = timedelta(minutes=2)
_ALL = Scope.system("the search index reads every shop's listings")

_LISTING = (
    Listing.id, Listing.shop_id, Listing.product_ref, Listing.title, Listing.vendor, Listing.brand, Listing.category,
    Listing.taxonomy_name, Listing.tags, Listing.description, Listing.currency, Listing.price_from,
    Listing.variant_count, Listing.status, Listing.reason, Listing.updated_at,
)  # fmt: skip
_VARIANT = (
    VariantRow.shop_id, VariantRow.product_ref, VariantRow.sku, VariantRow.barcode, VariantRow.gtin, VariantRow.mpn,
    VariantRow.options,
)  # fmt: skip
_CODES_OF = 50  # variants of a listing whose codes and options are read


@dataclass(frozen=True, slots=True)
class _Read:
    """What a round read and reckoned; `version` is the index it is to be put into."""

    version: int
    seqs: list[int]
    listings: dict[str, tuple[Any, Keyed]]  # listing id → its row, its keys
    held: dict[str, tuple[int, frozenset[str], list[int]]]  # listing id → number, keys, value ids
    lost: list[str]  # listing ids asked for that have no row any more


def follow(
    stop: Callable[[], bool] = lambda: False,
    *,
    wait_for_syncs: bool = True,
    syncing: Callable[[], bool] = lambda: False,
) -> int:
    """Bring the index up to what waits, round by round; how many listings were taken in.

    A shop with many changes waits while they still come, and while a sync run is under way anywhere (`syncing`): the
    run has the processor to itself. Few changes never wait, and nothing waits longer than LONGEST_WAIT.
    """
    follow_terms(clock.now())
    count, looked, waits = 0, float("-inf"), []
    while not stop():
        if wait_for_syncs and time.monotonic() - looked > LOOK_EVERY:
            waits, looked = _large_shops(clock.wall(), syncing()), time.monotonic()
        with db.read(_ALL) as session:
            read = _read(session, waits)
        if not read.seqs:
            return count
        with db.write(_ALL) as session:
            if _write(session, read):
                count += len(read.listings) + len(read.lost)
        if db.current().is_sqlite:
            time.sleep(BREATH)
    return count


def follow_terms(now: datetime) -> int:
    """Queue the listings whose rate began or ended since the last look; how many terms that were."""
    with db.read(_ALL) as session:
        state = session.get(SearchState, 1)
        if state is not None and state.terms_until is not None and not _unseen(session, state, now):
            return 0
    with db.write(_ALL) as session:
        state = _state(session)
        begun = _unseen(session, state, now)
        for each in begun:
            _queue(session, Listing.shop_id == each.shop_id, each.product_ref)
        state.terms_until, state.terms_seen = now, " ".join(sorted(_moved(session, now - LATE_COMMIT, now)))
        return len(begun)


def _unseen(session: Session, state: SearchState, now: datetime) -> list[Terms]:
    """Terms that began or ended since the last look. One that was committed late is still met."""
    if state.terms_until is None or now <= state.terms_until:
        return []
    seen = set(state.terms_seen.split())
    return [each for mark, each in _moved(session, state.terms_until - LATE_COMMIT, now).items() if mark not in seen]


def _moved(session: Session, since: datetime, now: datetime) -> dict[str, Terms]:
    found = session.scalars(
        sa.select(Terms).where(
            Terms.kind != "targeted",  # the list shows what anybody earns
            sa.or_(
                sa.and_(Terms.starts_at > since, Terms.starts_at <= now),
                sa.and_(Terms.ends_at > since, Terms.ends_at <= now),
            ),
        )
    )
    return {f"{each.id}{'' if each.ends_at is None or each.ends_at > now else ':ended'}": each for each in found}


def check(now: datetime | None = None) -> int:
    """Queue what the index holds otherwise than the list does, whatever the cause; how many listings.

    It compares each listing's time with the indexed one. Listings that wait already are queued again, which is no harm.
    """
    with db.read(_ALL) as session:
        shop_ids = session.scalars(sa.select(Listing.shop_id).distinct()).all()
    count = 0
    for shop_id in shop_ids:
        with db.write(_ALL) as session:
            differs = sa.select(Listing.product_ref).outerjoin(
                SearchDocument, SearchDocument.listing_id == Listing.id
            ).where(
                Listing.shop_id == shop_id, Listing.reason != "syncing",
                sa.or_(SearchDocument.listing_id.is_(None), SearchDocument.listing_at != Listing.updated_at),
            )  # fmt: skip
            waiting = session.scalar(sa.select(ListingChange.seq).where(ListingChange.shop_id == shop_id).limit(1))
            if waiting is None:
                count += _queue_refs(session, shop_id, session.scalars(differs).all())
    return count


def rebuild() -> int:
    """Forget the whole index and queue the whole list; how many listings. Searches find less until it is done."""
    with db.write(_ALL) as session:
        state = _state(session)
        for table in ("postings", "terms", "spellings", "columns", "values", "documents"):
            session.execute(sa.text(f"DELETE FROM search_{table}"))  # noqa: S608
        session.execute(sa.delete(ListingChange))
        state.version += 1
        state.documents = 0
        return _queue(session, sa.true(), "")


@dataclass(frozen=True, slots=True)
class Lag:
    """How far the index is behind: changes that wait, and since when the oldest of them (wall time)."""

    waiting: int
    since: datetime | None


def lag(session: Session) -> Lag:
    number, since = session.execute(sa.select(sa.func.count(), sa.func.min(ListingChange.noted_at))).one()
    return Lag(number, since)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(session: Session, waits: Sequence[str]) -> _Read:
    version = session.scalar(sa.select(SearchState.version)) or 0
    found = _waiting(session, waits)
    wanted = {listing_id(shop_id, ref): (shop_id, ref) for _, shop_id, ref in found}
    by_id = {
        row.id: row
        for row in session.execute(sa.select(*_LISTING).where(rows.among(session, Listing.id, list(wanted))))
    }
    variants = _variants(session, list(by_id.values()))
    offered = _rates(session, list(by_id.values()), clock.now())
    listings = {
        key: (row, keyed(_facts(row, variants.get((row.shop_id, row.product_ref), []), offered.get(key))))
        for key, row in ((key, by_id[key]) for key in wanted if key in by_id)
    }
    held = {
        row.listing_id: (row.number, store.unpacked(row.keys), [int(number) for number in row.facets.split()])
        for row in session.execute(
            sa.select(
                SearchDocument.listing_id, SearchDocument.number, SearchDocument.keys, SearchDocument.facets
            ).where(rows.among(session, SearchDocument.listing_id, list(wanted)))
        )
    }
    return _Read(version, [row[0] for row in found], listings, held, [key for key in wanted if key not in by_id])


def _waiting(session: Session, waits: Sequence[str]) -> Sequence[Any]:
    asked = sa.select(ListingChange.seq, ListingChange.shop_id, ListingChange.product_ref).order_by(ListingChange.seq)
    if waits:
        asked = asked.where(ListingChange.shop_id.not_in(waits))
    return session.execute(asked.limit(ROUND)).all()


def _large_shops(now: datetime, syncing: bool) -> list[str]:
    """Shops whose many changes wait until what brings them is through."""
    newest, oldest = sa.func.max(ListingChange.noted_at), sa.func.min(ListingChange.noted_at)
    asked = sa.select(ListingChange.shop_id).group_by(ListingChange.shop_id)
    asked = asked.having(sa.func.count() > LARGE, oldest > now - LONGEST_WAIT)
    if not syncing:
        asked = asked.having(newest > now - QUIET)
    with db.read(_ALL) as session:
        return list(session.scalars(asked))


def _variants(session: Session, listings: Sequence[Any]) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    by_shop: dict[str, list[str]] = defaultdict(list)
    for row in listings:
        by_shop[row.shop_id].append(row.product_ref)
    for shop_id, refs in by_shop.items():
        for row in session.execute(
            sa.select(*_VARIANT)
            .where(
                VariantRow.shop_id == shop_id,
                rows.among(session, VariantRow.product_ref, refs),
                VariantRow.gone_at.is_(None),
            )
            .order_by(VariantRow.product_ref, VariantRow.position, VariantRow.variant_ref)
        ):
            found[row.shop_id, row.product_ref].append(row)
    return found


def _rates(session: Session, listings: Sequence[Any], now: datetime) -> dict[str, int]:
    """listing id → the open rate in force, in basis points."""
    by_shop: dict[str, list[Any]] = defaultdict(list)
    for row in listings:
        by_shop[row.shop_id].append(row)
    found = {}
    for shop_id, some in by_shop.items():
        versions = defaultdict(list)
        for version in rates.open_versions(session, shop_id, [row.product_ref for row in some]):
            versions[version.product_ref].append(version)
        for row in some:
            rate = in_force([*versions[row.product_ref], *versions[""]], row.product_ref, now)
            if rate is not None:
                found[row.id] = rate.rate_bp
    return found


def _facts(row: Any, variants: Sequence[Any], rate_bp: int | None) -> Facts:
    read = variants[:_CODES_OF]
    options = dict.fromkeys(str(value) for each in variants for _, value in each.options if value != "Default Title")
    codes = dict.fromkeys(
        code for each in read for code in (each.sku, each.gtin, each.barcode, each.mpn) if code.strip()
    )
    return Facts(
        shop_id=row.shop_id,
        status=row.status,
        title=row.title,
        reason=row.reason,
        category=category_of(row.category, row.taxonomy_name),
        attributes=[row.brand, row.vendor, row.taxonomy_name, *map(str, row.tags), *options],
        codes=[row.product_ref, *codes],
        description=row.description,
        currency=row.currency,
        price=row.price_from if row.variant_count else None,
        rate_bp=rate_bp,
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def _state(session: Session) -> SearchState:
    """The index's own row, held until the end of the transaction."""
    session.execute(
        db.insert(session, SearchState)
        .values(id=1, version=0, documents=0, terms_seen="", terms_until=None)
        .on_conflict_do_nothing(index_elements=["id"])
    )
    return session.scalars(sa.select(SearchState).where(SearchState.id == 1).with_for_update()).one()


def _write(session: Session, read: _Read) -> bool:
    """Put a round into the index; False when another worker wrote since it was read: nothing is changed then."""
    state = _state(session)
    if state.version != read.version:
        return False
    added: dict[store.Place, list[int]] = defaultdict(list)
    removed: dict[store.Place, list[int]] = defaultdict(list)
    counted: Counter[str] = Counter()
    columns: dict[store.Place, dict[int, int]] = defaultdict(dict)
    ids = store.value_ids(
        session,
        {(facet, value): label for _, each in read.listings.values() for facet, (value, label) in each.values.items()},
    )
    documents = []
    for key, (row, now) in read.listings.items():
        number, before, facets = read.held.get(key) or (state.documents, frozenset(), [0] * len(FACETS))
        state.documents = max(state.documents, number + 1)
        wanted = [ids[facet, now.values[facet][0]] if facet in now.values else 0 for facet in FACETS]
        _note(number, before, now.keys, added, removed, counted)
        segment, offset = divmod(number, bits.SEGMENT)
        for facet, value, was in zip(FACETS, wanted, facets, strict=True):
            if value != was:
                columns[facet, segment][offset] = value
        documents.append(
            {
                "number": number, "listing_id": key, "shop_id": row.shop_id, "listing_at": row.updated_at,
                "keys": store.packed(now.keys), "facets": " ".join(map(str, wanted)),
            }
        )  # fmt: skip
    for key in read.lost:
        if key in read.held:
            number, before, _ = read.held[key]
            _note(number, before, frozenset(), added, removed, counted)
    store.change_postings(session, added, removed)
    store.change_columns(session, columns)
    store.change_terms(session, counted)
    _put_documents(session, documents, read.lost)
    session.execute(sa.delete(ListingChange).where(ListingChange.seq.in_(read.seqs)))
    state.version += 1
    return True


def _note(
    number: int, before: frozenset[str], after: frozenset[str], added: dict[store.Place, list[int]],
    removed: dict[store.Place, list[int]], counted: Counter[str],
) -> None:  # fmt: skip
    """Which bits of a listing are to be set and cleared, and which words it gained and lost."""
    segment, offset = divmod(number, bits.SEGMENT)
    for key in after - before:
        added[key, segment].append(offset)
    for key in before - after:
        removed[key, segment].append(offset)
    counted.update(terms(after - before))
    counted.subtract(terms(before - after))


def _put_documents(session: Session, documents: Sequence[dict[str, Any]], lost: Sequence[str]) -> None:
    if documents:
        insert = db.insert(session, SearchDocument)
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["number"],
                set_={name: insert.excluded[name] for name in ("listing_at", "keys", "facets")},
            ),
            documents,
        )
    if lost:
        session.execute(sa.delete(SearchDocument).where(rows.among(session, SearchDocument.listing_id, lost)))


def _queue(session: Session, where: sa.ColumnElement[bool], product_ref: str) -> int:
    """Queue the listings of a condition; `product_ref` narrows it to one product."""
    wanted = [where, Listing.reason != "syncing"]
    if product_ref:
        wanted.append(Listing.product_ref == product_ref)
    noted = sa.literal(clock.wall(), db.Moment())
    asked = sa.select(Listing.shop_id, Listing.product_ref, noted).where(*wanted).order_by(Listing.product_ref)
    session.execute(sa.insert(ListingChange).from_select(["shop_id", "product_ref", "noted_at"], asked))
    return session.scalar(sa.select(sa.func.count()).select_from(Listing).where(*wanted)) or 0


def _queue_refs(session: Session, shop_id: str, refs: Sequence[str]) -> int:
    changes.note(session, shop_id, refs)
    return len(refs)
