"""The shoppable list: search, one listing whole, and a shop's catalog item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.shoppable import REASONS
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import InputRefused, NotFound
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.insight.market import search as market
from connector.insight.market.keys import step_bounds
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import rate_at
from connector.programme.creators import queries as creators
from connector.web import cursors
from connector.web.guards import app_scope


@blueprint.get("/listings")
@app_scope("listings:read")
@blueprint.input(shapes.ListingsAsked, location="query")
@blueprint.output(shapes.ListingPage)
def search_listings(query_data: shapes.ListingsAsked) -> shapes.ListingPage:
    """Search the shoppable list

    Listings that hold every word, best first: words of the title before those of brand, category, tags and options,
    these before the description's, and words with a wrong letter last. Without words and filters: in the order of
    their titles. A page goes on exactly where the one before ended, whatever was added, changed or removed meanwhile:
    nothing comes twice and nothing is left out. What is new or changed is found some seconds later; what was removed is
    never shown.
    """
    if _is_search(query_data):
        return _found(query_data)
    with db.read(Scope.app()) as session:
        rows = catalog.by_title(
            session,
            shop_id=query_data.shop_id,
            status=query_data.status,
            cursor=_place(query_data.cursor),
            limit=query_data.limit + 1,
        )
        shown, _ = page("listings", rows, query_data.limit, lambda row: [row.id])
        more = cursors.pack("listings", catalog.place(session, shown[-1])) if len(rows) > len(shown) else None
        return shapes.ListingPage(items=[_head(row) for row in shown], next=more)


def _is_search(asked: shapes.ListingsAsked) -> bool:
    """Is there anything that the order of titles can't answer?"""
    narrowed = (
        asked.category, asked.available, asked.currency, asked.price_from, asked.price_to, asked.rate_from,
        asked.open_to,
    )  # fmt: skip
    return bool(asked.q or asked.facets) or any(value is not None for value in narrowed)


def _found(asked: shapes.ListingsAsked) -> shapes.ListingPage:
    wanted = [name.strip() for name in asked.facets.split(",") if name.strip()]
    if unknown := sorted(set(wanted) - set(market.COUNTED)):
        raise InputRefused("facets", f"has no {unknown[0][:40]!r}.", f"Use {', '.join(market.COUNTED)}.")
    if asked.currency is None and (asked.price_from is not None or asked.price_to is not None):
        raise InputRefused("currency", "is missing where a price is given.", "Send the prices' ISO 4217 code.")
    if asked.open_to is not None and asked.status not in (None, "shoppable"):
        raise InputRefused("status", "goes with no open_to.", "Only what can be sold is open to a creator.")
    status = asked.status if asked.open_to is None else "shoppable"
    question = market.Asked(
        asked.q, asked.shop_id, status, category=asked.category, available=asked.available, currency=asked.currency,
        price_from=asked.price_from, price_to=asked.price_to, rate_from=asked.rate_from,
    )  # fmt: skip
    cursor = None if asked.cursor is None else cursors.unpack("listings", asked.cursor)
    with db.read(Scope.app()) as session:
        if asked.open_to is not None:
            question = _open_to(session, question, asked.open_to)
        found = market.search(session, question, cursor=cursor, limit=asked.limit, facets=wanted)
        earns = None
        if asked.open_to is not None:
            earns = _earned(session, found.listings, asked.open_to, asked.rate_from or 0)
        return shapes.ListingPage(
            items=[
                _head(row, earns[row.id] if earns is not None else None)
                for row in found.listings
                if earns is None or row.id in earns
            ],
            next=None if found.next is None else cursors.pack("listings", found.next),
            facets={name: [_count(name, each) for each in some] for name, some in found.facets.items()} or None,
        )


def _open_to(session: Session, question: market.Asked, creator_id: str) -> market.Asked:
    """The question for what is open to a creator: the index knows the rates that are everybody's. In a shop that made
    terms with this creator alone everything is looked at, and `_earned` leaves out what isn't theirs."""
    creators.living(session, creator_id)
    own = question.shop_id is not None and rates.has_own_terms(session, question.shop_id, creator_id, clock.now())
    return question if own else replace(question, rate_from=max(1, question.rate_from or 0))


def _earned(session: Session, rows: Sequence[Listing], creator_id: str, least: int) -> dict[str, shapes.RateShown]:
    """Listing → what the creator would earn by it now; those that aren't open to them, or pay less, are absent."""
    now, found = clock.now(), {}
    for shop_id in {row.shop_id for row in rows}:
        mine = [row for row in rows if row.shop_id == shop_id]
        offers = rates.offers(session, shop_id, [row.product_ref for row in mine], [creator_id])
        for row in mine:
            rate = rate_at(offers, creator_id=creator_id, product_ref=row.product_ref, moment=now)
            if rate is not None and rate.rate_bp >= least:
                found[row.id] = shapes.RateShown(rate_bp=rate.rate_bp, terms_id=rate.terms_id)
    return found


def _count(facet: str, counted: market.Count) -> shapes.FacetCount:
    if facet == "price":
        currency, low, beyond = step_bounds(counted.value)
        least, most = shapes.as_money(low, currency), None if beyond is None else shapes.as_money(beyond - 1, currency)
        label = f"{currency} {least.decimal} to {most.decimal}" if most else f"{currency} {least.decimal} and more"
        return shapes.FacetCount(value=counted.value, label=label, count=counted.count, price_from=least, price_to=most)
    value = str(int(counted.value)) if facet == "rate" else counted.value
    return shapes.FacetCount(value=value, label=counted.label, count=counted.count)


def _place(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    key = cursors.unpack("listings", cursor)
    if len(key) != 2:
        raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
    return str(key[0]), str(key[1])


@blueprint.get("/listings/<listing_id>")
@app_scope("listings:read")
@blueprint.output(shapes.ListingWhole)
def read_listing(listing_id: str) -> shapes.ListingWhole:
    """One listing with all that a buyer and a creator want to know

    Variants, options, images, prices, stock, whether it can be bought now and if not why, and the rate on offer.
    """
    with db.read(Scope.app()) as session:
        row = catalog.listing(session, listing_id)
        if row is None:
            raise NotFound(f"no listing has the id {listing_id[:40]!r}")
        rows = catalog.variants(session, row.shop_id, row.product_ref)
        rate = rates.open_rate(session, row.shop_id, row.product_ref, clock.now())
        return shapes.ListingWhole(
            **_head(row).model_dump(exclude={"rate"}),
            description=row.description,
            url=row.url,
            handle=row.handle,
            images=row.images,
            tags=row.tags,
            options=_options(rows),
            variants=[_variant(each, row.currency) for each in rows],
            rate=None if rate is None else shapes.RateShown(rate_bp=rate.rate_bp, terms_id=rate.terms_id),
        )


@blueprint.get("/shops/<shop_id>/catalog")
@app_scope("listings:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(shapes.CatalogPage)
def read_catalog(shop_id: str, query_data: shapes.Page) -> shapes.CatalogPage:
    """A shop's live products with all their variants

    In the order of the store's own ids, for comparing item by item with the store.
    """
    with db.read(Scope.app()) as session:
        shops.get(session, shop_id)
        after = id_after("catalog", query_data.cursor) or ""
        refs = catalog.live_refs(session, shop_id, after, query_data.limit + 1)
        shown, more = page("catalog", refs, query_data.limit, lambda ref: [ref])
        return shapes.CatalogPage(items=_items(session, shop_id, shown), next=more)


def _items(session: Session, shop_id: str, refs: object) -> list[shapes.CatalogItem]:
    wanted = list(refs)  # type: ignore[call-overload]
    heads, rows = catalog.whole(session, shop_id, wanted)
    return [
        shapes.CatalogItem(
            id=head.id,
            product_ref=head.product_ref,
            title=head.title,
            status=head.status,
            reason=head.reason,
            currency=head.currency,
            variants=[_variant(row, head.currency) for row in rows[head.product_ref]],
        )
        for head in heads
    ]


def _head(row: Listing, rate: shapes.RateShown | None = None) -> shapes.ListingHead:
    priced = row.variant_count > 0
    return shapes.ListingHead(
        id=row.id,
        shop_id=row.shop_id,
        product_ref=row.product_ref,
        title=row.title,
        vendor=row.vendor,
        brand=row.brand,
        category=row.category,
        taxonomy=shapes.Taxonomy(ref=row.taxonomy_ref, name=row.taxonomy_name) if row.taxonomy_ref else None,
        condition=row.condition,
        image_url=row.image_url,
        price_from=shapes.as_money(row.price_from, row.currency) if priced else None,
        price_to=shapes.as_money(row.price_to, row.currency) if priced else None,
        available=row.available,
        variant_count=row.variant_count,
        status=row.status,
        reason=_reason(row.reason),
        rate=rate,
        updated_at=row.updated_at,
    )


def _reason(code: str) -> shapes.NotShoppable | None:
    if not code:
        return None
    known = REASONS.get(code)
    return shapes.NotShoppable(
        code=code, title=known.title if known else code, remedy=known.remedy if known else "Ask us."
    )


def _options(rows: list[VariantRow]) -> list[shapes.Option]:
    """Each option with its values, both in the order in which the variants bring them."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in row.options:
            found.setdefault(name, {})[value] = None
    return [shapes.Option(name=name, values=list(values)) for name, values in found.items()]


def _variant(row: VariantRow, currency: str) -> shapes.VariantShown:
    return shapes.VariantShown(
        id=row.id,
        variant_ref=row.variant_ref,
        title=row.title,
        sku=row.sku,
        barcode=row.barcode,
        gtin=row.gtin,
        mpn=row.mpn,
        price=shapes.as_money(row.price, currency),
        compare_at=None if row.compare_at is None else shapes.as_money(row.compare_at, currency),
        available=row.available,
        stock=row.stock,
        options=[shapes.OptionValue(name=name, value=value) for name, value in row.options],
        image_url=row.image_url,
        requires_shipping=row.requires_shipping,
    )
