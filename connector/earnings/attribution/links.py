"""Share links: a short code for creator + listing (or variant) + content. Codes are never reused.

Links are pasted into captions and bios, and come back damaged: in capitals, with a full stop or a bracket behind them,
with a letter lost at the end. `resolve` mends what can be mended for certain and otherwise says what was nearest.

A shop that had another programme before brings its old addresses along as tags (`operations/imports`): `/go/<tag>`
leads to the link that took its place.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import ids as listing_ids
from connector.commerce.catalog import queries as listings
from connector.commerce.catalog.tables import VariantRow
from connector.db import base32, new_id
from connector.earnings.attribution.tables import Link, LinkTag
from connector.errors import InputRefused, NotFound
from connector.programme import collaborations
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators

# 50 random bits: nobody guesses one, and one lost character still leaves a single candidate.
CODE_LENGTH = 10
_NEAREST = 6
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Crockford's base 32 has no i, l and o: whoever reads a code aloud or types it means these.
_MEANT = str.maketrans({"i": "1", "l": "1", "o": "0"})
_OF_TAGS = "abcdefghijklmnopqrstuvwxyz0123456789-_."
# What a caption puts behind an address, and no tag ends with.
_BEHIND = ".,;:!?)]}>\"'\u2019\u201d"
LONGEST_TAG = 80


class Resolved(msgspec.Struct, frozen=True):
    """What a code in an address stands for. `mended` when it wasn't written as we gave it out."""

    link: Link | None
    code: str  # as read
    mended: bool = False
    nearest: str = ""  # for the log: a code that it may have been, when there is no link


def create(
    session: Session,
    creator_id: str,
    listing_id: str,
    *,
    variant_ref: str | None = None,
    content_id: str | None = None,
    now: datetime | None = None,
) -> Link:
    """The link of that creator for that listing, variant and content. Asked for again, it is the same link.

    Errors: NotFound (creator, listing, content); InputRefused for a variant of another product, or another's content.
    """
    creators.get(session, creator_id)
    listing = listings.listing(session, listing_id)
    if listing is None:
        raise NotFound(f"no listing has the id {listing_id[:40]!r}")
    if variant_ref is not None:
        check_variant(session, listing.shop_id, listing.product_ref, variant_ref)
    if content_id is not None:
        check_content(session, creator_id, content_id)
    subject = _subject(creator_id, listing.id, variant_ref, content_id)
    insert = db.insert(session, Link).values(
        id=new_id("lnk"),
        code=base32(secrets.randbits(5 * CODE_LENGTH), CODE_LENGTH),
        subject=subject,
        shop_id=listing.shop_id,
        creator_id=creator_id,
        content_id=content_id,
        listing_id=listing.id,
        product_ref=listing.product_ref,
        variant_ref=variant_ref,
        created_at=now or clock.now(),
    )
    session.execute(insert.on_conflict_do_nothing(index_elements=["subject"]))
    collaborations.promote(session, creator_id, listing.shop_id, listing.product_ref, now)
    return session.scalars(sa.select(Link).where(Link.subject == subject)).one()


def check_variant(session: Session, shop_id: str, product_ref: str, variant_ref: str) -> None:
    """Errors: InputRefused when the product has no such variant, or has it no more."""
    variant = session.get(VariantRow, listing_ids.variant_id(shop_id, variant_ref))
    if variant is None or variant.product_ref != product_ref or variant.gone_at is not None:
        raise InputRefused("variant_ref", "is no variant of this listing.", "Read the listing for its variants.")


def check_content(session: Session, creator_id: str, content_id: str) -> None:
    """Errors: NotFound; InputRefused when the content is another creator's."""
    if contents.get(session, content_id).creator_id != creator_id:
        raise InputRefused("content_id", "is another creator's content.", "Send one of this creator's.")


def by_code(session: Session, code: str) -> Link | None:
    """The link of a code as somebody typed it, mended where that is certain."""
    return resolve(session, code).link


def resolve(session: Session, typed: str) -> Resolved:
    """Read a code out of what stands in the address.

    Certain are: another case, i l o for 1 1 0, anything behind the ten characters, and one character lost at the end
    when only one code begins so. Everything else is unknown: crediting a guess would pay the wrong creator.
    """
    code = _as_read(typed)
    if len(code) == CODE_LENGTH:
        link = session.scalar(sa.select(Link).where(Link.code == code))
        if link is not None:
            return Resolved(link, code, mended=code != typed)
    elif len(code) == CODE_LENGTH - 1:
        alike = session.scalars(_beginning(code).limit(2)).all()
        if len(alike) == 1:
            return Resolved(alike[0], code, mended=True)
    if (old := by_tag(session, typed)) is not None:
        return Resolved(old, old.code)
    return Resolved(None, code, nearest=_nearest(session, code, typed))


def as_code(typed: str) -> str:
    """The ten characters that we read in it, "" where there are fewer."""
    read = _as_read(typed)
    return read if len(read) == CODE_LENGTH else ""


def _as_read(typed: str) -> str:
    return _all_read(typed)[:CODE_LENGTH]


def _all_read(typed: str) -> str:
    return "".join(c for c in typed[:200].lower().translate(_MEANT) if c in _ALPHABET)


def as_tag(typed: str) -> str:
    """How an old address is compared: what stands behind its last slash, NFKC, case-folded, without what follows it."""
    path = typed.strip().split("?")[0].split("#")[0]
    if "://" in path:
        path = path.split("://", 1)[1].partition("/")[2]
    last = path.rstrip("/").rsplit("/", 1)[-1]
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", last).casefold())
    return folded.strip().rstrip(_BEHIND)


def by_tag(session: Session, typed: str) -> Link | None:
    """The link that took the place of an old address."""
    tag = as_tag(typed[: 4 * LONGEST_TAG])
    if not tag or len(tag) > LONGEST_TAG or not tag.isprintable():  # NUL is no text on PostgreSQL
        return None
    return session.scalar(sa.select(Link).join(LinkTag, LinkTag.link_id == Link.id).where(LinkTag.tag == tag))


class Wanted(msgspec.Struct, frozen=True):
    """What a link shall stand for. The caller has seen that all of it is there and belongs together."""

    creator_id: str
    product_ref: str
    variant_ref: str | None = None
    content_id: str | None = None


def create_all(session: Session, shop_id: str, wanted: Sequence[Wanted], now: datetime) -> list[str]:
    """The links' ids, in the order asked; those that are there already stay. Two statements, however many."""
    rows = {}
    for one in wanted:
        listing_id = listing_ids.listing_id(shop_id, one.product_ref)
        subject = _subject(one.creator_id, listing_id, one.variant_ref, one.content_id)
        rows[one] = {
            "id": new_id("lnk"), "code": base32(secrets.randbits(5 * CODE_LENGTH), CODE_LENGTH), "subject": subject,
            "shop_id": shop_id, "creator_id": one.creator_id, "content_id": one.content_id, "listing_id": listing_id,
            "product_ref": one.product_ref, "variant_ref": one.variant_ref, "created_at": now,
        }  # fmt: skip
    if not rows:
        return []
    insert = db.insert(session, Link).on_conflict_do_nothing(index_elements=["subject"])
    session.connection().execute(insert, list(rows.values()))
    subjects = [row["subject"] for row in rows.values()]
    found = session.execute(sa.select(Link.subject, Link.id).where(Link.subject.in_(subjects)))
    stand = {row.subject: row.id for row in found}
    return [stand[str(rows[one]["subject"])] for one in wanted]


def _nearest(session: Session, code: str, typed: str) -> str:
    """The code of a link that somebody may have meant: one slip away, by code or by old address; else one that begins
    alike. "" for none."""
    if len(code) < _NEAREST:
        return ""
    read = _all_read(typed)
    near = [each for each in slips(read, _ALPHABET) if len(each) == CODE_LENGTH] if len(read) <= CODE_LENGTH + 1 else []
    tags = slips(as_tag(typed[: 4 * LONGEST_TAG])[: LONGEST_TAG + 1], _OF_TAGS, changed=False)
    asked = [
        sa.select(Link.code).where(Link.code.in_(near)).order_by(Link.code),
        sa.select(Link.code).join(LinkTag, LinkTag.link_id == Link.id).where(LinkTag.tag.in_(tags)),
    ]
    for query in asked:
        if (found := session.scalar(query.limit(1))) is not None:
            return found
    return session.scalar(sa.select(_beginning(code[:_NEAREST]).subquery().c.code).limit(1)) or ""


def slips(text: str, letters: str, *, changed: bool = True) -> list[str]:
    """What `text` may have been before one slip: a letter lost, one too many, two swapped, or one `changed`. Pure."""
    if not 0 < len(text) <= LONGEST_TAG + 1 or not text.isprintable():
        return []
    ends = range(len(text))
    lost = [text[:n] + c + text[n:] for n in range(len(text) + 1) for c in letters] if changed else []
    lost = lost or [text + c for c in letters]  # of a long one only at its end, where they get lost
    more = [text[:n] + text[n + 1 :] for n in ends]
    swapped = [text[:n] + text[n + 1] + text[n] + text[n + 2 :] for n in ends[:-1]]
    other = [text[:n] + c + text[n + 1 :] for n in ends for c in letters] if changed else []
    return sorted({*lost, *more, *swapped, *other} - {text})


def _beginning(head: str) -> sa.Select[Link]:
    # A range and not LIKE: both databases answer it from the index, whatever their collation says of LIKE.
    pad = CODE_LENGTH - len(head)
    return sa.select(Link).where(Link.code.between(head + "0" * pad, head + "z" * pad)).order_by(Link.code)


def _subject(creator_id: str, listing_id: str, variant_ref: str | None, content_id: str | None) -> str:
    parts = msgspec.json.encode([creator_id, listing_id, variant_ref, content_id])
    return hashlib.sha256(parts).hexdigest()
