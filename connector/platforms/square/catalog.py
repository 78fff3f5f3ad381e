"""Items with their variations: all, those that changed, some by id. Prices and presence are the main location's.

Deleted items come as tombstones among the changed ones; the time that Square itself names is where the next search
begins. A change of a variation alone is found too, and its item is read whole.
Source: Square's Catalog API (fact sheet, section 3). Never writes to the seller's catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from connector.errors import NotFound, PayloadUnreadable, PlatformDown
from connector.events import Product, Variant
from connector.platforms.contract import (
    BulkNode,
    BulkState,
    Client,
    MarketPrice,
    ProductPage,
    RefusedItem,
    StockLevel,
)
from connector.platforms.reading import clean, gtin, kept, moment
from connector.platforms.rest import Repeats, Rest
from connector.platforms.square.client import api
from connector.platforms.square.payloads import (
    CatalogObject,
    CatalogReply,
    CountsReply,
    ItemData,
    Location,
    Variation,
    VariationData,
)

PAGE = 100
TYPES = ("ITEM", "ITEM_VARIATION")
# Goods that are bought and sent or fetched; the others are tables' food, appointments, events, tickets.
GOODS = frozenset({"REGULAR", "DIGITAL", "LEGACY_SQUARE_ONLINE_SERVICE", "LEGACY_SQUARE_ONLINE_MEMBERSHIP"})
MOST_IDS = 1000  # of one batch call


class _Checkpoint(msgspec.Struct):
    cursor: str
    last: list[str] = []  # ids of the page before: a page that comes again ends the walk


class LocationReply(msgspec.Struct, frozen=True):
    location: Location


class Catalog:
    """The contract's `Catalog` for Square."""

    def bulk_start(self, client: Client) -> str:
        raise NotFound("Square has no bulk export")

    def bulk_state(self, client: Client, operation_ref: str) -> BulkState:
        raise NotFound("Square has no bulk export")

    def bulk_cancel(self, client: Client, operation_ref: str) -> None:
        raise NotFound("Square has no bulk export")

    def bulk_nodes(self, client: Client, url: str, skip_lines: int = 0) -> Iterator[BulkNode]:
        raise NotFound("Square has no bulk export")

    def products(self, client: Client, refs: Sequence[str]) -> ProductPage:
        """Errors: those of the platform."""
        rest = api(client)
        main = _main(rest)
        found: list[Product] = []
        refused: list[RefusedItem] = []
        for start in range(0, len(refs), PAGE):
            reply = _batch(rest, refs[start : start + PAGE])
            _take(rest, client.currency, main, reply.objects, reply.related_objects, found, refused)
        return ProductPage(found, refused, None)

    def changed(self, client: Client, since: datetime | None, checkpoint: str | None) -> ProductPage:
        """Oldest change first is not offered: a search's pages are in the order of ids, and all are walked."""
        rest = api(client)
        at = msgspec.json.decode(checkpoint, type=_Checkpoint) if checkpoint else _Checkpoint("")
        body: dict[str, Any] = {
            "object_types": list(TYPES) if since else ["ITEM"],
            "include_deleted_objects": since is not None,
            "include_related_objects": True,
            "limit": PAGE,
        }
        if since is not None:
            body["begin_time"] = _text(since)
        if at.cursor:
            body["cursor"] = at.cursor
        reply = rest.post("/v2/catalog/search", body).read(CatalogReply)
        ids = [each.id for each in reply.objects]
        watch = Repeats(client.domain)
        watch.look(tuple(at.last))
        watch.look(tuple(ids))
        main = _main(rest)
        found: list[Product] = []
        refused: list[RefusedItem] = []
        items = [each for each in reply.objects if each.type == "ITEM"]
        _take(rest, client.currency, main, items, reply.related_objects, found, refused)
        parents = _parents(reply.objects)
        for start in range(0, len(parents), PAGE):
            more = _batch(rest, parents[start : start + PAGE])
            _take(rest, client.currency, main, more.objects, more.related_objects, found, refused)
        gone = [each.id for each in items if each.is_deleted]
        onward = msgspec.json.encode(_Checkpoint(reply.cursor, ids)).decode() if reply.cursor else None
        return ProductPage(found, refused, onward, gone)

    def newest_change(self, client: Client) -> datetime | None:
        """What Square calls the time up to which its search saw everything."""
        body = {"object_types": ["ITEM"], "limit": 1}
        reply = api(client).post("/v2/catalog/search", body).read(CatalogReply)
        if not reply.latest_time or not reply.objects:
            return None
        try:
            return moment(reply.latest_time, "$.latest_time")
        except PayloadUnreadable as error:
            raise PlatformDown(f"{client.domain}: {error}") from None

    def stock(self, client: Client, item_refs: Sequence[str]) -> Sequence[StockLevel]:
        """`item_ref` is the variation's id. One whose item is gone is absent."""
        rest = api(client)
        main = _main(rest)
        levels: list[StockLevel] = []
        for start in range(0, len(item_refs), PAGE):
            reply = _batch(rest, item_refs[start : start + PAGE])
            there = [each for each in reply.objects if each.item_variation_data and not each.is_deleted]
            counts = _counts(rest, [each.id for each in there if _tracked(each.item_variation_data, main)], main)
            for each in there:
                data = each.item_variation_data
                if data is None:
                    continue
                stock = counts.get(each.id)
                levels.append(StockLevel(each.id, each.id, data.item_id, stock, _available(each, data, stock, main)))
        return levels

    def market_prices(self, client: Client, variant_refs: Sequence[str], country: str) -> Sequence[MarketPrice]:
        raise NotFound("Square has no prices by the buyer's country")


def _main(rest: Rest) -> Location:
    return rest.get("/v2/locations/main").read(LocationReply).location


def _batch(rest: Rest, ids: Sequence[str]) -> CatalogReply:
    if not ids:
        return CatalogReply()
    body = {"object_ids": list(ids), "include_related_objects": True}
    return rest.post("/v2/catalog/batch-retrieve", body).read(CatalogReply)


def _parents(objects: Sequence[CatalogObject]) -> list[str]:
    """Items whose variation changed and that are not in the page themselves; of a deleted variation too."""
    there = {each.id for each in objects if each.type == "ITEM"}
    found = [
        each.item_variation_data.item_id
        for each in objects
        if each.type == "ITEM_VARIATION" and each.item_variation_data is not None
    ]
    return [ref for ref in dict.fromkeys(found) if ref and ref not in there]


def _take(
    rest: Rest,
    currency: str,
    main: Location,
    objects: Iterable[CatalogObject],
    related: Iterable[CatalogObject],
    found: list[Product],
    refused: list[RefusedItem],
) -> None:
    """Items to products, each whole or refused with a reason."""
    items = [each for each in objects if each.type == "ITEM" and not each.is_deleted and each.item_data is not None]
    others = {each.id: each for each in related}
    tracked = [
        variation.id
        for item in items
        if item.item_data is not None
        for variation in item.item_data.variations
        if _tracked(variation.item_variation_data, main)
    ]
    counts = _counts(rest, tracked, main)
    for item in items:
        made = _product(item, others, counts, currency, main)
        if isinstance(made, RefusedItem):
            refused.append(made)
        elif made is not None:
            found.append(made)


def _product(
    item: CatalogObject, others: dict[str, CatalogObject], counts: dict[str, int], currency: str, main: Location
) -> Product | RefusedItem | None:
    data = item.item_data
    if data is None or data.product_type not in GOODS:
        return None  # food at a table, an appointment, a ticket: nothing that a creator's viewer orders
    title = clean(data.name)
    if not title.strip():
        return RefusedItem(item.id, "", "title_missing", "The item has no name.")
    variants: list[Variant] = []
    for number, variation in enumerate(data.variations):
        if variation.is_deleted:
            continue
        made = _variant(item, variation, counts, currency, main, number, others)
        if isinstance(made, RefusedItem):
            return made
        if made is not None:
            variants.append(made)
    if not variants:
        return RefusedItem(
            item.id, title, "price_missing",
            "Its price is set at the counter (variable pricing), so nobody can buy it here.",
        )  # fmt: skip
    images = [_image(others, ref) for ref in data.image_ids]
    images = [url for url in images if url]
    category = _category(data, others)
    return Product(
        product_ref=item.id,
        title=title,
        status="archived" if data.is_archived else "active" if _present(item, main) else "draft",
        currency=currency,
        variants=tuple(variants),
        changed_at=moment(item.updated_at, "$.updated_at") if item.updated_at else None,
        description=data.description_plaintext,
        url=data.ecom_uri if data.ecom_uri.startswith("https://") else "",
        image_url=images[0] if images else "",
        images=tuple(images),
        category=category,
        published=_present(item, main),
    )


def _variant(
    item: CatalogObject,
    variation: Variation,
    counts: dict[str, int],
    currency: str,
    main: Location,
    number: int,
    others: dict[str, CatalogObject],
) -> Variant | RefusedItem | None:
    """None: it has no price of its own, or isn't sold at the main location."""
    data = variation.item_variation_data
    override = next((each for each in data.location_overrides if each.location_id == main.id), None)
    pricing = (override.pricing_type if override else "") or data.pricing_type
    money = (override.price_money if override and override.price_money else None) or data.price_money
    if pricing == "VARIABLE_PRICING" or money is None:
        return None
    name = clean(data.name) or variation.id
    if money.currency != currency:
        return RefusedItem(
            item.id, "", "price_unreadable", f"{name} is priced in {money.currency[:8]}, the shop sells in {currency}."
        )
    if money.amount < 0:
        return RefusedItem(item.id, "", "price_negative", f"{name} has a price below zero.")
    stock = counts.get(variation.id)
    return Variant(
        variant_ref=variation.id,
        price=money.amount,
        title=kept(data.name),
        sku=clean(data.sku),
        barcode=clean(data.upc),
        available=_available(variation, data, stock, main),
        stock=stock,
        position=data.ordinal or number,
        options=(("Variation", kept(data.name)),) if data.name else (),
        image_url=_image(others, data.image_ids[0]) if data.image_ids else "",
        gtin=gtin(data.upc) if data.upc else "",
        item_ref=variation.id,
    )


def _present(thing: CatalogObject | Variation, main: Location) -> bool:
    if thing.present_at_all_locations:
        return main.id not in thing.absent_at_location_ids
    return main.id in thing.present_at_location_ids


def _tracked(data: VariationData | None, main: Location) -> bool:
    if data is None:
        return False
    for each in data.location_overrides:
        if each.location_id == main.id and each.track_inventory is not None:
            return each.track_inventory
    return data.track_inventory


def _available(thing: CatalogObject | Variation, data: VariationData, stock: int | None, main: Location) -> bool:
    """Square's own rule: sold here, not marked sold out, and where stock is counted there is some."""
    if not data.sellable or not _present(thing, main):
        return False
    if any(each.location_id == main.id and each.sold_out for each in data.location_overrides):
        return False
    return stock is None or stock > 0


def _counts(rest: Rest, variation_ids: Sequence[str], main: Location) -> dict[str, int]:
    """Units in stock at the main location, whole ones; a tracked variation that has no count has none."""
    found = dict.fromkeys(variation_ids, 0)
    for start in range(0, len(variation_ids), MOST_IDS):
        body: dict[str, Any] = {
            "catalog_object_ids": list(variation_ids[start : start + MOST_IDS]),
            "location_ids": [main.id],
            "states": ["IN_STOCK"],
        }
        seen: set[str] = set()
        while True:
            reply = rest.post("/v2/inventory/counts/batch-retrieve", body).read(CountsReply)
            for each in reply.counts:
                if each.catalog_object_id in found:
                    found[each.catalog_object_id] += whole(each.quantity)
            if not reply.cursor or reply.cursor in seen:
                break
            seen.add(reply.cursor)
            body["cursor"] = reply.cursor
    return found


def whole(quantity: str) -> int:
    """Whole units of a decimal that came as text: half a pound left is nothing that can be ordered.

    Errors: PayloadUnreadable.
    """
    try:
        value = Decimal(quantity)
        return int(value) if value.is_finite() and abs(value) < 10**12 else _unreadable(quantity)
    except InvalidOperation:
        return _unreadable(quantity)


def _unreadable(quantity: str) -> int:
    raise PayloadUnreadable("$.quantity", f"{quantity[:40]!r} isn't a number of units")


def _image(others: dict[str, CatalogObject], ref: str) -> str:
    found = others.get(ref)
    url = found.image_data.url if found is not None and found.image_data is not None else ""
    return url if url.startswith("https://") else ""


def _category(data: ItemData, others: dict[str, CatalogObject]) -> str:
    refs = [data.reporting_category] if data.reporting_category else data.categories
    for each in refs:
        found = others.get(each.id) if each is not None else None
        if found is not None and found.category_data is not None:
            return kept(found.category_data.name)
    return ""


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
