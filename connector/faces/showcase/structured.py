"""What search engines read: schema.org as JSON-LD. Pure; the tests hold it to the rules of the types used.

Source: schema.org's ProductGroup, Product, Offer, AggregateOffer, Organization, ProfilePage, and what Google asks of
product variants, merchant listings, organisations and profile pages (developers.google.com/search/docs/appearance/
structured-data, read 2026-11). A template prints it by `tojson`, which leaves no `<` in it, in a data block: a script
element of a type that browsers don't run, which `script-src 'self'` doesn't concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector import money
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.insight.feeds import availability, gtin, ids

Node = dict[str, Any]
MOST_VARIANTS = 50  # beyond, the page has one offer over all: a thousand would outweigh it
_LONGEST = 5_000  # characters of a description
# Option names as merchants write them → the property of schema.org that a variant differs by.
_VARIES_BY = {
    "color": "color", "colour": "color", "farbe": "color", "couleur": "color", "size": "size", "größe": "size",
    "taille": "size", "material": "material", "pattern": "pattern",
}  # fmt: skip
_CONDITIONS = {"new": "NewCondition", "refurbished": "RefurbishedCondition", "used": "UsedCondition"}


def product(
    listing: Listing, variants: Sequence[VariantRow], shop: Shop, url: str, images: Sequence[str], text: str
) -> Node:
    """A ProductGroup with a Product and its Offer a variant; a plain Product for one variant, or too many."""
    whole: Node = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": f"{url}#product",
        "url": url,
        "name": listing.title,
        **_given(description=text[:_LONGEST], image=list(images), category=listing.taxonomy_name or listing.category),
    }
    if listing.brand:
        whole["brand"] = {"@type": "Brand", "name": listing.brand}
    seller = {"@type": "Organization", "name": shop.name or shop.domain}
    if len(variants) == 1:
        return {**whole, **_marks(listing, variants[0]), "offers": _offer(listing, variants[0], seller, url)}
    if len(variants) > MOST_VARIANTS:
        return {**whole, "offers": _range(listing, variants, seller, url)}
    whole |= {"@type": "ProductGroup", "productGroupID": ids.group(listing.shop_id, listing.product_ref)}
    if varies := _varying(variants):
        whole["variesBy"] = [f"https://schema.org/{name}" for name in varies]
    whole["hasVariant"] = [_variant(listing, each, seller, url, images) for each in variants]
    return whole


def shop_page(shop: Shop, url: str, store: str, items: Sequence[tuple[str, str]]) -> Node:
    """The Organization that sells; `items` are (title, address) of what its page shows."""
    seller: Node = {"@type": "Organization", "@id": f"{url}#shop", "name": shop.name or shop.domain, "url": url}
    if store:
        seller["sameAs"] = [store]
    return {"@context": "https://schema.org", "@graph": [seller, _list(items)] if items else [seller]}


def creator_page(name: str, handle: str, url: str, items: Sequence[tuple[str, str]]) -> Node:
    """A ProfilePage about a Person: their public name and handle, and nothing else of them."""
    person = {"@type": "Person", "@id": f"{url}#creator", "name": name, "alternateName": f"@{handle}", "url": url}
    page: Node = {"@type": "ProfilePage", "url": url, "mainEntity": person}
    return {"@context": "https://schema.org", "@graph": [page, _list(items)] if items else [page]}


def _list(items: Sequence[tuple[str, str]]) -> Node:
    return {
        "@type": "ItemList",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": title, "url": url}
            for number, (title, url) in enumerate(items, 1)
        ],
    }


def _variant(listing: Listing, row: VariantRow, seller: Node, url: str, images: Sequence[str]) -> Node:
    node: Node = {"@type": "Product", "name": f"{listing.title}, {row.title}" if row.title else listing.title}
    node |= _marks(listing, row) | _given(image=[row.image_url] if row.image_url else list(images[:1]))
    for name, value in row.options:
        if known := _VARIES_BY.get(str(name).strip().lower()):
            node[known] = str(value)
    node["offers"] = _offer(listing, row, seller, url)
    return node


def _marks(listing: Listing, row: VariantRow) -> Node:
    """The ids of the feeds: a channel that reads both knows them for one thing. Never the merchant's SKU, which may
    change and come twice; nor a number that a channel would refuse."""
    gtin_ = "" if gtin.fault(row.gtin) else row.gtin
    return _given(sku=ids.item(listing.shop_id, row.variant_ref), gtin=gtin_, mpn=row.mpn)


def _offer(listing: Listing, row: VariantRow, seller: Node, url: str) -> Node:
    offer: Node = {
        "@type": "Offer",
        "url": url,
        "price": money.text(row.price, listing.currency),
        "priceCurrency": listing.currency,
        "availability": _availability(listing, row.available, row.stock),
        "itemCondition": f"https://schema.org/{_CONDITIONS.get(listing.condition, 'NewCondition')}",
        "seller": seller,
    }
    if row.compare_at is not None and row.compare_at > row.price:
        offer["priceSpecification"] = {
            "@type": "UnitPriceSpecification",
            "priceType": "https://schema.org/StrikethroughPrice",
            "price": money.text(row.compare_at, listing.currency),
            "priceCurrency": listing.currency,
        }
    return offer


def _range(listing: Listing, variants: Sequence[VariantRow], seller: Node, url: str) -> Node:
    return {
        "@type": "AggregateOffer",
        "url": url,
        "lowPrice": money.text(listing.price_from, listing.currency),
        "highPrice": money.text(listing.price_to, listing.currency),
        "priceCurrency": listing.currency,
        "offerCount": len(variants),
        "availability": _availability(listing, any(row.available for row in variants), None),
        "seller": seller,
    }


def _availability(listing: Listing, available: bool, stock: int | None) -> str:
    """In the words of the one list that feeds are made by as well."""
    return availability.SCHEMA_ORG[availability.of(available and listing.status == "shoppable", stock)]


def _varying(variants: Sequence[VariantRow]) -> list[str]:
    """Properties of schema.org in which the variants differ, in the order of their options."""
    values: dict[str, set[str]] = {}
    for row in variants:
        for name, value in row.options:
            if known := _VARIES_BY.get(str(name).strip().lower()):
                values.setdefault(known, set()).add(str(value))
    return [name for name, found in values.items() if len(found) > 1]


def _given(**fields: Any) -> Node:
    return {name: value for name, value in fields.items() if value}
