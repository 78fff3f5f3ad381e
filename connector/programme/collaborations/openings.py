"""A merchant opens a product, a collection or the whole shop at a rate; with what comes new, if they wish.

    product            open terms of that product (`terms.open_terms`), nothing more
    whole shop         and what comes new: the shop's own open terms. Without what comes new: each product of today
    category, tag      each product that has it; where `automatic`, each that gets it later too

The more special stands before the less: a product that has open terms which no opening made keeps them, and a product's
terms stand before the shop's. Of two openings that hold one product the later one gives the rate. A product that leaves
its collection keeps its rate until the opening is closed: creators show it at that rate.

Everything goes through `terms`: dated, versioned, audited a product. A walk goes on where it stopped (`carry_on`), some
hundred products a transaction, in the act itself for small collections, else in the worker's rounds.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops import queries as shops
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import terms
from connector.programme.collaborations.offer import in_effect, standing
from connector.programme.collaborations.tables import OpenedProduct, Opening, Terms
from connector.programme.policies import use_terms

SHOP, CATEGORY, TAG = KINDS = ("shop", "category", "tag")
AT_ONCE = 200  # products that get terms in one transaction
_READ = 1000  # listings looked at for them
_LONGEST = 200
# A listing is written a moment after its time was taken: look back a little, twice changes nothing.
_OVERLAP = timedelta(minutes=10)


def by_whom(opening_id: str) -> str:
    """How terms say that an opening made them."""
    return f"opening:{opening_id}"


def folded(text: str) -> str:
    """How categories and tags are compared."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def open_collection(
    session: Session, shop_id: str, kind: str, value: str, rate_bp: int, *, automatic: bool, by: str,
    now: datetime | None = None,
) -> Opening:  # fmt: skip
    """Open a collection at a rate from now on; the first products have their terms when this returns.

    What stands already, asked for again, is given back. At another rate it takes the place of what stands, which is
    closed; who promotes a product keeps a higher rate for 30 days (R5), by the terms' own rules.
    Errors: NotFound (shop); InputRefused for a kind, a value that no product has, or a rate outside 1-80 %; Conflict
    where the whole shop stands open the other way round (with or without what comes new); TermsOwed.
    """
    now = now or clock.now()
    key = check(session, shop_id, kind, value, rate_bp)
    use_terms.hold(session, "merchant", shop_id, now)
    terms.lock(session, shop_id)
    before = live_of(session, shop_id, kind, key)
    if before is not None and (before.rate_bp, before.automatic) == (rate_bp, automatic):
        return before
    if before is not None and kind == SHOP and before.automatic is not automatic:
        raise Conflict(
            f"opening {before.id} stands", public="The whole shop is open the other way. Close that opening first."
        )
    made = Opening(
        id=new_id("opn"), shop_id=shop_id, kind=kind, value=key, shown=value.strip(), rate_bp=rate_bp,
        automatic=automatic, opened_at=now, opened_by=by, after_ref="", looked_at=now, opened=0, kept=0,
    )  # fmt: skip
    if before is not None:
        before.closed_at, before.closed_by, before.replaced_by = now, by, made.id
        session.flush()
    session.add(made)
    audit.record(
        session, by, "opening.open", made.id, shop_id=shop_id, what=kind, value=made.shown, rate_bp=rate_bp,
        automatic=automatic,
    )  # fmt: skip
    session.flush()
    if kind == SHOP and automatic:
        terms.open_terms(session, shop_id, rate_bp, by=by_whom(made.id), now=now)
        made.whole_at = now
        if before is not None:
            before.over_at = now
    else:
        carry_on(session, made, now)
    return made


def check(session: Session, shop_id: str, kind: str, value: str, rate_bp: int) -> str:
    """The collection's key, of what could be opened so. Errors: NotFound (shop); InputRefused, as `open_collection`."""
    shops.get(session, shop_id)
    terms.checked_bp("rate_bp", rate_bp)
    return _checked(session, shop_id, kind, value)


def close(
    session: Session, opening_id: str, *, by: str, shop_id: str | None = None, now: datetime | None = None
) -> Opening:
    """Offer its products no longer at its rate, from now on: taps before keep theirs (D18).

    Errors: NotFound, another shop's included; Conflict for one that is closed.
    """
    now = now or clock.now()
    row = get(session, opening_id, shop_id=shop_id)
    terms.lock(session, row.shop_id)
    session.refresh(row)
    if row.closed_at is not None:
        raise Conflict(f"opening {row.id} is closed", public="It is closed already.")
    row.closed_at, row.closed_by = now, by
    audit.record(session, by, "opening.close", row.id, shop_id=row.shop_id, what=row.kind, value=row.shown)
    session.flush()
    carry_on(session, row, now)
    return row


def carry_on(session: Session, row: Opening, now: datetime, *, at_once: int = AT_ONCE) -> bool:
    """One piece of what an opening has still to do; whether there was any. Idempotent: a repeat changes nothing."""
    if row.over_at is not None:
        return False
    if row.closed_at is not None:
        return _walk_back(session, row, now, max(1, at_once // 4))  # a withdrawal takes longer
    if row.kind == SHOP and row.automatic:
        return False
    if row.whole_at is None:
        return _walk(session, row, now, at_once)
    return _look_at_new(session, row, now, at_once) if row.automatic else False


def _walk(session: Session, row: Opening, now: datetime, at_once: int) -> bool:
    found = session.execute(
        _listings(row.shop_id).where(Listing.product_ref > row.after_ref).order_by(Listing.product_ref).limit(_READ)
    ).all()
    inside: list[str] = []
    for product_ref, category, tags, _changed in found:
        if len(inside) == at_once:
            break
        row.after_ref = product_ref
        if holds(row.kind, row.value, category, tags):
            inside.append(product_ref)
    else:
        if len(found) < _READ:
            row.whole_at = now
    _give(session, row, inside, now)
    return True


def _look_at_new(session: Session, row: Opening, now: datetime, at_once: int) -> bool:
    """Products that came, or changed, since the last look. Few at a time in the order of their change."""
    since = row.looked_at - _OVERLAP
    changed = session.execute(
        _listings(row.shop_id).where(Listing.updated_at >= since).order_by(Listing.updated_at, Listing.product_ref)
    )
    inside: list[str] = []
    place = now
    for product_ref, category, tags, changed_at in changed:
        if len(inside) == at_once:
            place = max(changed_at, row.looked_at)
            break
        if holds(row.kind, row.value, category, tags):
            inside.append(product_ref)
    known = set(
        session.scalars(
            sa.select(OpenedProduct.product_ref).where(
                OpenedProduct.opening_id == row.id, OpenedProduct.product_ref.in_(inside)
            )
        )
    )
    fresh = [ref for ref in inside if ref not in known]
    _give(session, row, fresh, now, count_kept=False)
    row.looked_at = place
    session.flush()
    return bool(fresh)


def _give(session: Session, row: Opening, refs: Sequence[str], now: datetime, *, count_kept: bool = True) -> None:
    """Each of these products gets the rate, but those that have one of their own."""
    if refs:
        chains: dict[str, list[Terms]] = {ref: [] for ref in refs}
        for each in session.scalars(
            sa.select(Terms)
            .where(Terms.shop_id == row.shop_id, Terms.kind == "open", Terms.product_ref.in_(list(refs)))
            .order_by(Terms.starts_at, Terms.version)
        ):
            chains[each.product_ref].append(each)
        free = [ref for ref in refs if not _own(chains[ref], now)]
        row.kept += len(refs) - len(free) if count_kept else 0
        made = terms.open_many(session, row.shop_id, row.rate_bp, free, by=by_whom(row.id), now=now)
        marks = [{"opening_id": row.id, "product_ref": ref, "terms_id": each.id} for ref, each in made.items()]
        if marks:
            insert = db.insert(session, OpenedProduct).on_conflict_do_nothing()
            session.connection().execute(insert, marks)
        row.opened += len(made)
    session.flush()


def _own(chain: Sequence[Terms], now: datetime) -> bool:
    """Has the product open terms, now or ahead, that somebody gave it by itself?"""
    counting = in_effect(chain)
    now_stands = standing(counting, now)
    relevant = [each for each in counting if each is now_stands or each.starts_at > now]
    return any(each.rate_bp is not None and not each.recorded_by.startswith("opening:") for each in relevant)


def _walk_back(session: Session, row: Opening, now: datetime, at_once: int) -> bool:
    """Withdraw what still stands by this opening. One that was replaced waits until the other has walked."""
    if row.replaced_by is not None:
        other = session.get_one(Opening, row.replaced_by)
        if other.whole_at is None and other.closed_at is None:
            return False
    if row.kind == SHOP and row.automatic:
        _withdraw(session, row, "", now)
        row.over_at = now
        session.flush()
        return True
    refs = session.scalars(
        sa.select(OpenedProduct.product_ref)
        .where(OpenedProduct.opening_id == row.id)
        .order_by(OpenedProduct.product_ref)
        .limit(at_once)
    ).all()
    for ref in refs:
        _withdraw(session, row, ref, now)
    if refs:
        session.execute(
            sa.delete(OpenedProduct).where(
                OpenedProduct.opening_id == row.id, OpenedProduct.product_ref.in_(list(refs))
            )
        )
    if len(refs) < at_once:
        row.over_at = now
    session.flush()
    return True


def _withdraw(session: Session, row: Opening, product_ref: str, now: datetime) -> None:
    chain = terms.chain_of(session, row.shop_id, "open", None, product_ref)
    counting = in_effect(chain)
    stands = standing(counting, now)
    if stands is None or stands.rate_bp is None or stands.recorded_by != by_whom(row.id) or stands is not counting[-1]:
        return  # another rate took its place, or will
    terms.withdraw(session, row.shop_id, product_ref=product_ref, by=by_whom(row.id), now=now)


def holds(kind: str, value: str, category: str, tags: Sequence[str]) -> bool:
    """Is a product of that category, with these tags, inside? Pure."""
    if kind == SHOP:
        return True
    if kind == CATEGORY:
        return folded(category) == value
    return any(folded(str(tag)) == value for tag in tags)


def state(row: Opening) -> Literal["open", "opening", "closing", "closed"]:
    """How far it is."""
    if row.closed_at is not None:
        return "closing" if row.over_at is None else "closed"
    return "opening" if row.whole_at is None else "open"


def get(session: Session, opening_id: str, *, shop_id: str | None = None) -> Opening:
    """Errors: NotFound, another shop's included."""
    row = session.get(Opening, opening_id)
    if row is None or (shop_id is not None and row.shop_id != shop_id):
        raise NotFound(f"no opening has the id {opening_id[:40]!r}")
    return row


def live_of(session: Session, shop_id: str, kind: str, value: str) -> Opening | None:
    return session.scalar(
        sa.select(Opening).where(
            Opening.shop_id == shop_id, Opening.kind == kind, Opening.value == value, Opening.closed_at.is_(None)
        )
    )


def page(
    session: Session, shop_id: str, *, after: str | None = None, limit: int = 50, live: bool = False
) -> Sequence[Opening]:
    """A shop's openings, newest first, behind an id; `live`: those that are not closed."""
    asked = sa.select(Opening).where(Opening.shop_id == shop_id)
    if after is not None:
        asked = asked.where(Opening.id < after)
    if live:
        asked = asked.where(Opening.closed_at.is_(None))
    return session.scalars(asked.order_by(Opening.id.desc()).limit(limit)).all()


def collections(session: Session, shop_id: str, limit: int = 200) -> list[tuple[str, str, int]]:
    """(kind, as written, products) of the shop's categories and tags, the largest first."""
    counts: dict[tuple[str, str], int] = {}
    shown: dict[tuple[str, str], str] = {}
    for _ref, category, tags, _changed in session.execute(_listings(shop_id)):
        inside = {(CATEGORY, folded(category)): category} if category.strip() else {}
        inside |= {(TAG, folded(str(tag))): str(tag) for tag in tags if str(tag).strip()}
        for key, written in inside.items():
            counts[key] = counts.get(key, 0) + 1
            shown.setdefault(key, written.strip())
    largest = sorted(counts, key=lambda key: (-counts[key], key))[:limit]
    return [(key[0], shown[key], counts[key]) for key in largest]


def size(session: Session, shop_id: str, kind: str, value: str) -> int:
    """How many products are inside now."""
    rows = session.execute(_listings(shop_id))
    return sum(holds(kind, folded(value), category, tags) for _ref, category, tags, _changed in rows)


def unfinished(session: Session) -> Sequence[tuple[str, str]]:
    """(shop, opening) of all that may have something to do: those that aren't over."""
    asked = sa.select(Opening.shop_id, Opening.id).where(Opening.over_at.is_(None)).order_by(Opening.id)
    return [(shop_id, opening_id) for shop_id, opening_id in session.execute(asked)]


def go_on(session: Session, opening_id: str, now: datetime) -> bool:
    """A round's piece of an opening, under the shop's lock; whether there was any."""
    row = get(session, opening_id)
    terms.lock(session, row.shop_id)
    session.refresh(row)
    return carry_on(session, row, now)


def _listings(shop_id: str) -> sa.Select[str, str, list[Any], datetime]:
    return sa.select(Listing.product_ref, Listing.category, Listing.tags, Listing.updated_at).where(
        Listing.shop_id == shop_id, Listing.status != "gone"
    )


def _checked(session: Session, shop_id: str, kind: str, value: str) -> str:
    if kind not in KINDS:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of collection.", f"Use {', '.join(KINDS)}.")
    key = folded(value)
    if kind == SHOP:
        if key:
            raise InputRefused("value", "comes with a category or a tag only.", "Leave it out for the whole shop.")
        return ""
    if not key or len(value) > _LONGEST:
        raise InputRefused("value", f"is empty or longer than {_LONGEST} characters.", f"Name the {kind}.")
    if not size(session, shop_id, kind, key):
        raise InputRefused(
            "value", f"{value[:40]!r} is a {kind} of no product of this shop.", "Write it as the shop has it."
        )
    return key
