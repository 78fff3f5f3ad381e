"""What stands here about a batch of rows: a fixed number of queries, however many rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import ids as catalog_ids
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.earnings.attribution import codes, links
from connector.earnings.attribution.tables import Code, CodeRecord, Link, LinkTag
from connector.operations.imports.judge import READERS, Facts, Judged, Tag
from connector.operations.imports.rows import Row
from connector.operations.imports.tables import Import, ImportTaken
from connector.programme.content.tables import Content
from connector.programme.creators.tables import Creator


def gather(session: Session, shop_id: str, kind: str, rows: Sequence[Row]) -> Facts:
    """The facts that `judge` asks for about these rows."""
    read = [each for each in (READERS[kind](row.cells) for row in rows if not row.problem) if each.key]
    creators = _creators(session, {str(each.said["creator"]) for each in read if "creator" in each.said})
    keys = {each.key for each in read}
    if kind == "codes":
        return Facts(creators=creators, codes=_codes(session, shop_id, keys))
    if kind == "balances":
        return Facts(creators=creators, balances=_balances(session, shop_id, keys))
    return Facts(
        creators=creators,
        products=_products(session, shop_id, {str(each.said["product"]) for each in read if each.said}),
        variants=_variants(session, shop_id, {str(each.said["variant"]) for each in read if each.said}),
        tags=_tags(session, keys),
        own_codes=_own_codes(session, keys),
        contents=_contents(session, creators, read),
    )


def _creators(session: Session, handles: Collection[str]) -> dict[str, str]:
    rows = session.execute(sa.select(Creator.handle, Creator.id).where(Creator.handle.in_(handles)))
    return dict(rows.all())


def _codes(session: Session, shop_id: str, texts: Collection[str]) -> dict[str, tuple[str, bool]]:
    """Code → (handle of the last whose it was, is it still theirs). What is said of a later time counts too."""
    owners: dict[str, tuple[str, bool]] = {}
    rows = session.execute(
        sa.select(Code.text, CodeRecord.kind, CodeRecord.creator_id)
        .join(CodeRecord, CodeRecord.code_id == Code.id)
        .where(Code.shop_id == shop_id, Code.text.in_(texts), CodeRecord.kind.in_(codes.OWNERSHIP))
        .order_by(CodeRecord.starts_at, CodeRecord.id)
    )
    for text, kind, creator_id in rows:
        owners[text] = (creator_id or "", True) if kind == "owned" else (owners.get(text, ("", False))[0], False)
    handles = _handles(session, {owner for owner, _ in owners.values() if owner})
    return {text: (handles.get(owner, ""), still) for text, (owner, still) in owners.items()}


def _handles(session: Session, creator_ids: Collection[str]) -> dict[str, str]:
    rows = session.execute(sa.select(Creator.id, Creator.handle).where(Creator.id.in_(creator_ids)))
    return dict(rows.all())


def _products(session: Session, shop_id: str, refs: Collection[str]) -> frozenset[str]:
    ids = [catalog_ids.listing_id(shop_id, ref) for ref in refs]
    rows = session.scalars(sa.select(Listing.product_ref).where(Listing.id.in_(ids), Listing.status != "gone"))
    return frozenset(rows)


def _variants(session: Session, shop_id: str, refs: Collection[str]) -> dict[str, str]:
    ids = [catalog_ids.variant_id(shop_id, ref) for ref in refs if ref]
    rows = session.execute(
        sa.select(VariantRow.variant_ref, VariantRow.product_ref).where(
            VariantRow.id.in_(ids), VariantRow.gone_at.is_(None)
        )
    )
    return dict(rows.all())


def _tags(session: Session, tags: Collection[str]) -> dict[str, Tag]:
    rows = session.execute(
        sa.select(LinkTag.tag, Creator.handle, Link.product_ref, Link.variant_ref, Content.network, Content.content_ref)
        .join(Link, Link.id == LinkTag.link_id)
        .join(Creator, Creator.id == Link.creator_id)
        .outerjoin(Content, Content.id == Link.content_id)
        .where(LinkTag.tag.in_(tags))
    )
    return {
        tag: Tag(handle, product, variant or "", f"{network}/{content}" if content else "")
        for tag, handle, product, variant, network, content in rows
    }


def _own_codes(session: Session, tags: Collection[str]) -> frozenset[str]:
    """Tags which, read as a code of ours, are one: they lead there already."""
    read = {links.as_code(tag): tag for tag in tags}
    read.pop("", None)
    rows = session.scalars(sa.select(Link.code).where(Link.code.in_(read)))
    return frozenset(read[code] for code in rows)


def _contents(session: Session, creators: dict[str, str], read: Sequence[Judged]) -> dict[str, str]:
    """`handle network/reference` → kind, of content that is known already."""
    named = {(each.said["network"], each.said["content"]) for each in read if each.said.get("content")}
    if not named:
        return {}
    handles = {creator_id: handle for handle, creator_id in creators.items()}
    rows = session.execute(
        sa.select(Content.creator_id, Content.network, Content.content_ref, Content.kind).where(
            Content.creator_id.in_(handles), Content.content_ref.in_({ref for _, ref in named})
        )
    )
    return {f"{handles[who]} {network}/{ref}": kind for who, network, ref, kind in rows if (network, ref) in named}


def _balances(session: Session, shop_id: str, keys: Collection[str]) -> dict[str, tuple[str, str]]:
    rows = session.execute(
        sa.select(ImportTaken.key, ImportTaken.meaning, ImportTaken.number, Import.file_name)
        .outerjoin(Import, Import.id == ImportTaken.import_id)
        .where(ImportTaken.shop_id == shop_id, ImportTaken.kind == "balances", ImportTaken.key.in_(keys))
    )
    return {key: (meaning, f"row {number} of {name or 'an earlier file'}") for key, meaning, number, name in rows}
