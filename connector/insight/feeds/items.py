"""A shop's variants as items of a feed, streamed from the database in constant memory, a variant an item.

In the feed are the listings that can be sold, and those that are merely sold out: a channel wants to hear that too.
Everything else (drafts, refused, gift cards, removed ones) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.insight.feeds import availability, details, gtin, ids
from connector.insight.feeds.availability import Availability
from connector.insight.feeds.categories import Categories
from connector.insight.feeds.findings import Finding
from connector.platforms import roster

PRODUCTS_AT_ONCE = 200
VARIANTS_AT_ONCE = 2500
MORE_IMAGES = 10
_NO_OPTION = ("default title", "default", "")


class Item(msgspec.Struct, frozen=True, gc=False):
    """Facts of one variant, before a channel's rules cut and word them."""

    item_id: str
    group_id: str
    product_ref: str
    variant_ref: str
    title: str
    description: str
    link: str
    image: str
    more_images: tuple[str, ...]
    currency: str
    price: int  # minor units: what is asked now
    compare_at: int | None  # what was asked before
    availability: Availability
    condition: str
    brand: str
    gtin: str
    mpn: str
    category: str  # Google's full name; "" where none is known
    product_type: str  # the merchant's own
    details: dict[str, str]
    several: bool  # the product has other variants
    found: tuple[Finding, ...] = ()


class Source:
    """What an item is made with besides its rows: the shop's name, its platform's links, the map of categories."""

    def __init__(self, shop_id: str) -> None:
        with db.read(Scope.shop(shop_id)) as session:
            shop = shops.get(session, shop_id)
            self.categories = Categories(session)
        self.shop_id = shop_id
        self.shop_name = shop.name or shop.domain
        self.link: Callable[[str, str], str] = roster.platform(shop.platform).checkout.variant_link


def stream(source: Source) -> Iterator[tuple[int, list[Item]]]:
    """(listings read so far, items of the next few products). A session each: nothing is held open in between."""
    after, read = "", 0
    while True:
        with db.read(Scope.shop(source.shop_id)) as session:
            heads = _heads(session, source.shop_id, after)
            if not heads:
                return
            refs = [head.product_ref for head in heads]
            rows: dict[str, list[VariantRow]] = {ref: [] for ref in refs}
            for row in session.scalars(
                sa.select(VariantRow)
                .where(
                    VariantRow.shop_id == source.shop_id,
                    VariantRow.product_ref.in_(refs),
                    VariantRow.gone_at.is_(None),
                )
                .order_by(VariantRow.position, VariantRow.variant_ref)
            ):
                rows[row.product_ref].append(row)
            mapped = {
                head.taxonomy_name: source.categories.google(session, head.taxonomy_name)
                for head in heads
                if head.taxonomy_name
            }
        after, read = refs[-1], read + len(refs)
        yield (
            read,
            [
                item(source, head, row, len(rows[head.product_ref]) > 1, mapped.get(head.taxonomy_name))
                for head in heads
                for row in rows[head.product_ref]
            ],
        )


def _heads(session: Session, shop_id: str, after: str) -> Sequence[Listing]:
    """The next listings, as many as bring a bounded number of variants, and at least one."""
    found = session.scalars(
        sa.select(Listing)
        .where(
            Listing.shop_id == shop_id,
            Listing.gone_at.is_(None),
            sa.or_(Listing.status == "shoppable", Listing.reason == "sold_out"),
            Listing.product_ref > after,
        )
        .order_by(Listing.product_ref)
        .limit(PRODUCTS_AT_ONCE)
    ).all()
    variants = 0
    for number, head in enumerate(found):
        variants += head.variant_count
        if variants > VARIANTS_AT_ONCE and number:
            return found[:number]
    return found


def item(source: Source, head: Listing, row: VariantRow, several: bool, category: tuple[str, bool] | None) -> Item:
    """One variant's facts with what was found in reading them."""
    code, found = _gtin(row)
    target, exact = category or ("", False)
    if not head.taxonomy_name:
        found.append(Finding("warning", "category_missing", "google_product_category"))
    elif not target:
        found.append(Finding("warning", "category_unmapped", "google_product_category", head.taxonomy_name))
    elif not exact:
        found.append(
            Finding("warning", "category_broad", "google_product_category", f"{head.taxonomy_name} → {target}")
        )
    images = [str(image) for image in head.images if image]
    first = row.image_url or head.image_url or (images[0] if images else "")
    named = row.title if several and row.title.strip().casefold() not in _NO_OPTION else ""
    return Item(
        item_id=ids.item(source.shop_id, row.variant_ref),
        group_id=ids.group(source.shop_id, row.product_ref) if several else "",
        product_ref=row.product_ref,
        variant_ref=row.variant_ref,
        title=f"{head.title} - {named}" if named else head.title,
        description=head.description,
        link=_address(source.link(head.url, row.variant_ref)) if head.url else "",
        image=_address(first),
        more_images=tuple(_address(image) for image in images if image != first)[:MORE_IMAGES],
        currency=head.currency,
        price=row.price,
        compare_at=row.compare_at,
        availability=availability.of(row.available, row.stock),
        condition=head.condition or "new",
        brand=head.brand or head.vendor or source.shop_name,
        gtin=code,
        mpn=row.mpn,
        category=target,
        product_type=head.category,
        details=details.of(row.options),
        several=several,
        found=tuple(found),
    )


def _address(url: str) -> str:
    """The address in ASCII, as channels want it; what is escaped already stays so."""
    return quote(url.strip(), safe="%/:=&?~#+!$,;'@()*[]")


def _gtin(row: VariantRow) -> tuple[str, list[Finding]]:
    """The number that may go out, and why one that is there may not."""
    code = gtin.digits(row.gtin or row.barcode)
    if not code:
        return "", [] if row.mpn else [Finding("warning", "gtin_missing", "gtin")]
    wrong = gtin.fault(code)
    return ("", [Finding("warning", wrong, "gtin", code[:40])]) if wrong else (code, [])
