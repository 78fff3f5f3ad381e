"""Screening the list: which products the rules keep out, whenever one came or changed, or the rules did.

A listing bears the content hash that it was screened by, and a partial index holds those whose content is another one
now: what didn't change costs nothing, and no way into the catalog has to know of rules. The verdict is written into
the listing (`rule`), and `catalog.settle` does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.commerce.catalog.settle import settle
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.errors import Conflict, InputRefused
from connector.programme.policies import rules as policy
from connector.programme.policies.rules import Against, Rule, Rules, Screen, Written
from connector.programme.policies.rules_tables import ListingRefusal, RulesApplied, RulesVersion

PAGE = 500
_UNSCREENED = (Listing.screened != Listing.content_hash, Listing.gone_at.is_(None))


@dataclass(frozen=True, slots=True)
class Looked:
    """One listing as it was read, and what stands against it; None: nothing."""

    listing_id: str
    shop_id: str
    product_ref: str
    title: str
    content_hash: str
    before: str
    against: Against | None


def versions(session: Session) -> list[Rules]:
    """All of them, oldest first."""
    rows = session.scalars(sa.select(RulesVersion).order_by(RulesVersion.version))
    kept = [
        Rules(row.version, row.starts_at, msgspec.convert(row.rules, tuple[Rule, ...]), row.disclosure, row.why)
        for row in rows
    ]
    return [policy.BORN_WITH, *kept]


def now_in_force(session: Session, moment: datetime) -> Rules:
    return policy.at(versions(session), moment)


def disclosure(session: Session) -> dict[str, str]:
    """By language, what a creator says beside a link now."""
    return now_in_force(session, clock.now()).disclosure


def publish(
    session: Session, rules: Sequence[Rule], disclosure: dict[str, str], starts_at: datetime, why: str, by: str
) -> RulesVersion:
    """A new version from a moment on; the whole list is screened by it then.

    Errors: InputRefused for rules that can't be, no reason, or a start before now or before that of the newest version.
    """
    policy.check(rules, disclosure)
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say what changes, for whoever reads the rules.")
    newest = versions(session)[-1]
    if starts_at < clock.now() or starts_at < newest.starts_at:
        raise InputRefused("starts_at", "is before now, or before the newest version's start.")
    row = RulesVersion(
        version=newest.version + 1, starts_at=starts_at, rules=msgspec.to_builtins(list(rules)), disclosure=disclosure,
        why=why.strip(), recorded_at=clock.wall(), recorded_by=by,
    )  # fmt: skip
    session.add(row)
    audit.record(
        session, by, "rules.publish", f"rules:{row.version}", rules=len(rules), starts_at=starts_at.isoformat()
    )
    session.flush()
    return row


def begin_version(session: Session, version: int, after: str, limit: int = 5000) -> str | None:
    """Mark the next listings for another version as not screened; the id reached, None at the end.

    One that was begun and not finished begins anew: marking twice is no harm.
    """
    ids = session.scalars(sa.select(Listing.id).where(Listing.id > after).order_by(Listing.id).limit(limit)).all()
    if ids:
        span = (Listing.id > after, Listing.id <= ids[-1], Listing.screened != "")  # gone ones too: they may come back
        session.execute(
            sa.update(Listing).where(*span).values(screened="").execution_options(synchronize_session=False)
        )
    if len(ids) == limit:
        return ids[-1]
    session.merge(RulesApplied(id=1, version=version))
    return None


def applied(session: Session) -> int:
    """The version by which the list was screened last; 1 at first, since a new listing is screened anyway."""
    row = session.get(RulesApplied, 1)
    return row.version if row else policy.BORN_WITH.version


def waits(session: Session) -> bool:
    return session.scalar(sa.select(Listing.id).where(*_UNSCREENED).limit(1)) is not None


def look(session: Session, screen: Screen, limit: int = PAGE) -> list[Looked]:
    """Some listings that aren't screened, and what is against each. Reads only."""
    found = session.execute(
        sa.select(
            Listing.id, Listing.shop_id, Listing.product_ref, Listing.title, Listing.description, Listing.category,
            Listing.taxonomy_name, Listing.tags, Listing.content_hash, Listing.rule, Shop.country,
        )
        .join(Shop, Shop.id == Listing.shop_id)
        .where(*_UNSCREENED)
        .order_by(Listing.id)
        .limit(limit)
    ).all()  # fmt: skip
    permits = _permits(session, [row.id for row in found])
    looked = []
    for row in found:
        tags = tuple(str(tag) for tag in row.tags)
        written = Written(row.title, row.description, row.category, row.taxonomy_name, tags, row.country)
        met = [each for each in screen.against(written) if (row.id, each.rule.code, each.found) not in permits]
        looked.append(
            Looked(row.id, row.shop_id, row.product_ref, row.title, row.content_hash, row.rule, met[0] if met else None)
        )
    return looked


def _permits(session: Session, ids: Sequence[str]) -> set[tuple[str, str, tuple[str, ...]]]:
    """What support let in: for a listing, a rule, and the very words that it was met by."""
    rows = session.execute(
        sa.select(ListingRefusal.listing_id, ListingRefusal.rule, ListingRefusal.found).where(
            ListingRefusal.listing_id.in_(ids), ListingRefusal.decision == "permitted"
        )
    )
    return {(row.listing_id, row.rule, tuple(row.found)) for row in rows}


def write(session: Session, looked: Sequence[Looked], version: int) -> int:
    """Write verdicts down; how many products are in or out since. One that changed since it was read waits again."""
    still = {
        row.id: row.content_hash
        for row in session.execute(
            sa.select(Listing.id, Listing.content_hash)
            .where(Listing.id.in_([each.listing_id for each in looked]))
            .with_for_update()
        )
    }
    current = [each for each in looked if still.get(each.listing_id) == each.content_hash]
    _mark(session, [each.listing_id for each in current])
    moved = [each for each in current if (each.against.rule.code if each.against else "") != each.before]
    for code in {each.against.rule.code if each.against else "" for each in moved}:
        ids = [each.listing_id for each in moved if (each.against.rule.code if each.against else "") == code]
        session.execute(
            sa.update(Listing).where(Listing.id.in_(ids)).values(rule=code).execution_options(synchronize_session=False)
        )
    now = clock.now()
    _end(session, [each.listing_id for each in moved if each.before], now, "changed")
    _refuse(session, [each for each in moved if each.against is not None], version, now)
    for shop_id in sorted({each.shop_id for each in moved}):
        shop = session.get_one(Shop, shop_id)
        settle(session, shop, [each.product_ref for each in moved if each.shop_id == shop_id], now)
    return len(moved)


def _mark(session: Session, ids: Sequence[str]) -> None:
    session.execute(
        sa.update(Listing)
        .where(Listing.id.in_(ids))
        .values(screened=Listing.content_hash)
        .execution_options(synchronize_session=False)
    )


def _refuse(session: Session, refused: Sequence[Looked], version: int, now: datetime) -> None:
    rows: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for each in refused:
        if each.against is None:
            continue
        rule = each.against.rule
        rows.append({
            "id": new_id("lrf"), "listing_id": each.listing_id, "shop_id": each.shop_id,
            "product_ref": each.product_ref, "title": each.title[:300], "rule": rule.code, "version": version,
            "found": list(each.against.found), "refused_at": now, "ended_at": None, "ended_why": "", "appeal": "",
            "appealed_at": None, "appealed_by": "", "decision": "", "decided_at": None, "decided_by": "", "note": "",
        })  # fmt: skip
        said.append({
            "shop_id": each.shop_id, "listing_id": each.listing_id, "rule": rule.code, "reason": rule.verdict,
            "why": rule.why, "remedy": rule.remedy,
        })  # fmt: skip
    if rows:
        session.execute(sa.insert(ListingRefusal), rows)
        notices.say_all(session, "listing.refused", said)


def _end(session: Session, listing_ids: Sequence[str], now: datetime, why: str) -> None:
    if listing_ids:
        session.execute(
            sa.update(ListingRefusal)
            .where(ListingRefusal.listing_id.in_(listing_ids), ListingRefusal.ended_at.is_(None))
            .values(ended_at=now, ended_why=why)
            .execution_options(synchronize_session=False)
        )


# --- what the merchant says against it ----------------------------------------------------------------------------


def standing(session: Session, shop_id: str) -> Sequence[ListingRefusal]:
    """What the rules keep out of a shop's list now, the newest first."""
    return session.scalars(
        sa.select(ListingRefusal)
        .join(Listing, Listing.id == ListingRefusal.listing_id)
        .where(ListingRefusal.shop_id == shop_id, ListingRefusal.ended_at.is_(None), Listing.gone_at.is_(None))
        .order_by(ListingRefusal.refused_at.desc(), ListingRefusal.id.desc())
        .limit(500)
    ).all()


def appeals(session: Session, limit: int = 200) -> Sequence[ListingRefusal]:
    """What waits for support, the oldest first."""
    waiting = (ListingRefusal.appealed_at.is_not(None), ListingRefusal.decided_at.is_(None))
    return session.scalars(
        sa.select(ListingRefusal)
        .where(*waiting, ListingRefusal.ended_at.is_(None))
        .order_by(ListingRefusal.appealed_at, ListingRefusal.id)
        .limit(limit)
    ).all()


def appeal(session: Session, shop_id: str, refusal_id: str, words: str, by: str) -> ListingRefusal:
    """Errors: InputRefused for no words or too many; NotFound by `_open`; Conflict for a second appeal."""
    words = words.strip()
    if not 10 <= len(words) <= 2000:
        raise InputRefused(
            "words", "are fewer than 10 characters, or more than 2000.", "Say what it is, and what you can show."
        )
    row = _open(session, refusal_id)
    if row.shop_id != shop_id:
        raise InputRefused("refusal", "is another shop's.")
    if row.appealed_at is not None:
        raise Conflict("you have appealed already; support answers here")
    row.appeal, row.appealed_at, row.appealed_by = words, clock.now(), by
    audit.record(session, by, "listing.appeal", row.listing_id, shop_id=shop_id, rule=row.rule, refusal=row.id)
    session.flush()
    return row


def forget_words(session: Session, shop_id: str) -> int:
    """Drop what a shop wrote against refusals of its products, what it was answered, and how the products were called:
    it is erased. How many."""
    mine = sa.update(ListingRefusal).where(ListingRefusal.shop_id == shop_id)
    done = session.connection().execute(mine.values(appeal="", note="", title="", found=[]))
    return done.rowcount


def decide(session: Session, refusal_id: str, *, permit: bool, note: str, by: str) -> ListingRefusal:
    """Let it in, or uphold the refusal; either with a reason that the merchant reads.

    A permit holds for the rule and the words that were met: another edit of the text doesn't void it, another phrase
    of the rule does. Errors: InputRefused("note"); Conflict where it has ended or was decided.
    """
    note = note.strip()
    if not 5 <= len(note) <= 1000:
        raise InputRefused("note", "is shorter than 5 characters, or longer than 1000.", "The merchant reads it.")
    row = _open(session, refusal_id)
    if row.decided_at is not None:
        raise Conflict("it was decided already")
    row.decision, row.decided_at, row.decided_by, row.note = (
        ("permitted" if permit else "upheld"),
        clock.now(),
        by,
        note,
    )
    if permit:
        row.ended_at, row.ended_why = clock.now(), "permitted"
        # Screened anew: another rule may be against it as well.
        session.execute(sa.update(Listing).where(Listing.id == row.listing_id).values(screened=""))
        notices.say(
            session, "listing.permitted", shop_id=row.shop_id, listing_id=row.listing_id, rule=row.rule, why=note
        )
    audit.record(
        session,
        by,
        "listing.decide",
        row.listing_id,
        shop_id=row.shop_id,
        rule=row.rule,
        decision=row.decision,
        why=note,
    )
    session.flush()
    return row


def _open(session: Session, refusal_id: str) -> ListingRefusal:
    row = session.scalars(
        sa.select(ListingRefusal).where(ListingRefusal.id == refusal_id).with_for_update()
    ).first()  # fmt: skip
    if row is None or row.ended_at is not None:
        raise Conflict("the product isn't kept out any more")
    return row
