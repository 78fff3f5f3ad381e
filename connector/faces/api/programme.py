"""Creators, their content, share links. What they are offered is in `terms.py`.

Nothing here needs an Idempotency-Key, since each act is a repeat by its natural key: a creator by handle, content by
(creator, network, reference), a link by what it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flask import current_app
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution import links, taking_up
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import Link
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page
from connector.programme.content import attach
from connector.programme.content import queries as contents
from connector.programme.creators import countries, eligibility, identities, networks, register
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.programme.policies import screening, use_terms
from connector.web.guards import actor, app_scope


@blueprint.post("/creators")
@app_scope("creators:write")
@blueprint.input(shapes.CreatorAsked)
@blueprint.output(shapes.CreatorShown, status_code=201)
def register_creator(json_data: shapes.CreatorAsked) -> shapes.CreatorShown:
    """Register a creator, or bring name and followers up to date

    The handle is the key: the same handle, however it is written, is the same creator. Prefer
    `POST /creators/sign-ups`, which decides at once. Whom this registers may take part until the next look (seven days,
    by the policy), which decides as of a sign-up: without a birth date it refuses, and they add nothing new until they
    sign up under the same handle; what they promote goes on.
    """
    now = clock.now()
    with db.write(Scope.app()) as session:
        row = register.register(session, json_data.handle, json_data.name, json_data.followers, now, by=actor())
        eligibility.look_later(session, row, now)
        if json_data.country is not None:  # where they are (D16)
            countries.tell(session, row.id, json_data.country)
        know_buyer(session, row.id, json_data)
        return _creators(session, [row])[0]


@blueprint.get("/creators")
@app_scope("creators:read")
@blueprint.input(shapes.CreatorsAsked, location="query")
@blueprint.output(shapes.CreatorPage)
def list_creators(query_data: shapes.CreatorsAsked) -> shapes.CreatorPage:
    """Creators, in the order in which they came"""
    with db.read(Scope.app()) as session:
        if query_data.handle is not None:
            found = creators.once_called(session, query_data.handle)
            return shapes.CreatorPage(items=_creators(session, [found] if found else []), next=None)
        rows = creators.page(session, after=id_after("creators", query_data.cursor), limit=query_data.limit + 1)
        shown, more = page("creators", rows, query_data.limit, lambda row: [row.id])
        return shapes.CreatorPage(items=_creators(session, shown), next=more)


@blueprint.get("/creators/<creator_id>")
@app_scope("creators:read")
@blueprint.output(shapes.CreatorShown)
def read_creator(creator_id: str) -> shapes.CreatorShown:
    """One creator"""
    with db.read(Scope.app()) as session:
        return _creators(session, [creators.get(session, creator_id)])[0]


@blueprint.post("/creators/<creator_id>/status")
@app_scope("creators:write")
@blueprint.input(shapes.StatusAsked)
@blueprint.output(shapes.CreatorShown, status_code=201)
def set_creator_status(creator_id: str, json_data: shapes.StatusAsked) -> shapes.CreatorShown:
    """Set a creator's status from a moment on

    Dated and never backdated: orders placed before keep what they were decided by.
    """
    with db.write(Scope.app()) as session:
        row = register.set_status(
            session, creator_id, json_data.status, reason=json_data.reason, starts_at=json_data.starts_at
        )
        audit.record(
            session, actor(), "creator.status", creator_id, status=row.status, starts_at=row.starts_at.isoformat()
        )
        session.flush()
        return _creators(session, [creators.get(session, creator_id)])[0]


@blueprint.post("/creators/<creator_id>/content")
@app_scope("creators:write")
@blueprint.input(shapes.ContentAsked)
@blueprint.output(shapes.ContentShown, status_code=201)
def attach_content(creator_id: str, json_data: shapes.ContentAsked) -> shapes.ContentShown:
    """Make a video, a post or a live session known, with the address at which it can be seen

    Network and reference are the key: sent again, it is the same content with its title and address brought up to date.
    """
    with db.write(Scope.app()) as session:
        # An old programme's content is brought along whatever it calls its network (`operations/imports`).
        row = attach.ensure(
            session, creator_id, networks.checked(json_data.network), json_data.content_ref, json_data.kind,
            json_data.title, url=json_data.url,
        )  # fmt: skip
        return shapes.ContentShown.model_validate(row)


@blueprint.get("/creators/<creator_id>/content")
@app_scope("creators:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(shapes.ContentPage)
def list_content(creator_id: str, query_data: shapes.Page) -> shapes.ContentPage:
    """A creator's videos and live sessions"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        after = id_after("content", query_data.cursor)
        rows = contents.of_creator(session, creator_id, after=after, limit=query_data.limit + 1)
        shown, more = page("content", rows, query_data.limit, lambda row: [row.id])
        return shapes.ContentPage(items=[shapes.ContentShown.model_validate(row) for row in shown], next=more)


@blueprint.post("/links")
@app_scope("links:write")
@blueprint.input(shapes.LinkAsked)
@blueprint.output(shapes.LinkShown, status_code=201)
def create_link(json_data: shapes.LinkAsked) -> shapes.LinkShown:
    """Make a share link for a creator and a listing, perhaps in a video

    Asked for again with the same creator, listing, variant and content, it is the same link. 409 for a creator who may
    add nothing now, or beyond a pilot period's limits.
    """
    now = clock.now()
    with db.write(Scope.app()) as session:
        if creators.get(session, json_data.creator_id).eligibility:  # decided, so the decision counts
            eligibility.may_add(session, json_data.creator_id, now)
            listing = catalog.listing(session, json_data.listing_id)
            if listing is not None:
                product = (listing.shop_id, listing.product_ref)
                taking_up.may_promote(session, json_data.creator_id, [product], now)
        use_terms.hold(session, "creator", json_data.creator_id, now)
        row = links.create(
            session,
            json_data.creator_id,
            json_data.listing_id,
            variant_ref=json_data.variant_ref,
            content_id=json_data.content_id,
        )
        return link_shown(row, screening.disclosure(session))


@blueprint.get("/creators/<creator_id>/links")
@app_scope("creators:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(shapes.LinkPage)
def list_links(creator_id: str, query_data: shapes.Page) -> shapes.LinkPage:
    """A creator's share links"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        after = id_after("links", query_data.cursor)
        rows = attribution.links_of(session, creator_id, after=after, limit=query_data.limit + 1)
        shown, more = page("links", rows, query_data.limit, lambda row: [row.id])
        said = screening.disclosure(session)
        return shapes.LinkPage(items=[link_shown(row, said) for row in shown], next=more)


class _Buyer(Protocol):
    """What says what a creator buys by."""

    email: str | None
    phone: str | None
    customers: list[shapes.CreatorCustomer]


def know_buyer(session: Session, creator_id: str, asked: _Buyer) -> None:
    """What the creator buys by, as keyed hashes: an own purchase earns nothing (D17)."""
    identities.learn(session, creator_id, email=asked.email, phone=asked.phone)
    for customer in asked.customers:
        shops.get(session, customer.shop_id)
        identities.learn(session, creator_id, customer=(customer.shop_id, customer.customer_ref))


def _creators(session: Session, rows: Sequence[Creator]) -> list[shapes.CreatorShown]:
    ids = [row.id for row in rows]
    statuses = creators.statuses_at(session, ids, clock.now())
    where = countries.of(session, ids, clock.now())
    touched = attribution.touch_counts(session, ids)
    return [
        shapes.CreatorShown(
            id=row.id,
            handle=row.handle,
            name=row.name,
            followers=row.followers,
            country=where.get(row.id),
            status=statuses[row.id],
            touches=touched[row.id],
            eligibility=row.eligibility or None,
            created_at=row.created_at,
        )
        for row in rows
    ]


def link_shown(row: Link, disclosure: dict[str, str]) -> shapes.LinkShown:
    return shapes.LinkShown(
        disclosure=disclosure,
        id=row.id,
        code=row.code,
        url=f"{current_app.config['CONNECTOR'].public_url}/go/{row.code}",
        shop_id=row.shop_id,
        creator_id=row.creator_id,
        content_id=row.content_id,
        listing_id=row.listing_id,
        variant_ref=row.variant_ref,
        created_at=row.created_at,
    )
