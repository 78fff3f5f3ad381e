"""Samples: asking for one, where each stands and what comes next by when, and what the creator does on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.ids import listing_id as id_of
from connector.commerce.catalog.tables import Listing
from connector.errors import ConfigurationWrong, Conflict, InputRefused, NotFound
from connector.faces.studio import offered, sample_said
from connector.faces.studio.face import blueprint, reading, writing
from connector.insight.reports import table
from connector.operations.sampling import acts, paying, sales
from connector.platforms.contract import Recipient
from connector.programme import collaborations
from connector.programme.collaborations.tables import Agreement, Offer
from connector.programme.content import anchors
from connector.programme.content import queries as contents
from connector.programme.content.anchors import Wanted
from connector.programme.content.tables import Anchor, Content
from connector.programme.creators import countries, payees
from connector.programme.samples import moves, offers, policy, queries, recipients
from connector.programme.samples.asking import AskRefused
from connector.programme.samples.moves import MoveRefused
from connector.programme.samples.tables import Sample
from connector.web import csp, cursors, guards, moments, sample_words, words
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 30
CHOICES = 200
_LIST = "studio-samples"
VIEWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "open": ("Open", moves.OPEN),
    "over": ("Over", moves.ENDS),
}
LABELS = {
    "name": "Name", "address1": "Street and number", "address2": "Second line", "city": "Town",
    "region": "State or province", "postal_code": "Postal code", "country": "Country", "phone": "Telephone",
    "email": "E-mail address", "variant_ref": "The variant", "kind": "The kind", "note": "The message",
    "words": "What you say", "order": "The order", "content_id": "The content", "listing_id": "This product",
    "at": "The day",
}  # fmt: skip


@dataclass(slots=True)
class Typed:
    """A form as it was typed; `errors` by the id of the field, "form" for what no field is about."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    of: str = ""  # which of a page's forms


@blueprint.get("/samples")
@creator
def samples() -> str:
    """What waits for the creator first; the limit, and the score with its formula."""
    now = clock.now()
    show = request.args.get("show", "open")
    show = show if show in VIEWS else "open"
    given = request.args.get("older", "")
    before = str(cursors.unpack(f"{_LIST}-{show}", given)[0]) if given else None
    with reading() as session:
        standing = policy.at(session, now)
        found = queries.of_creator(
            session, g.creator_id, states=VIEWS[show][1], before=before, limit=SHOWN + 1
        )  # fmt: skip
        shown = found[:SHOWN]
        shops = table.names(session, "shop", {row.shop_id for row in shown})
        listings = _listings(session, shown)
        numbers = queries.counts(session, creator_id=g.creator_id)
        allowed = sales.allowance(session, g.creator_id, standing, now)
        score = queries.score_of(session, g.creator_id, now)
        stood = {row.id: sample_said.stands(row, standing.numbers, now) for row in shown}
    csp.may_show_images_of_stores()
    rows = [
        (row, shops.get(row.shop_id, "A shop"), listings.get(id_of(row.shop_id, row.product_ref)), stood[row.id])
        for row in sorted(shown, key=lambda row: (not stood[row.id].yours, row.due_at or now))
    ]  # fmt: skip
    tabs = [
        (word, url_for(".samples", show=name), sum(numbers.get(state, 0) for state in states), name == show)
        for name, (word, states) in VIEWS.items()
    ]  # fmt: skip
    more = cursors.pack(f"{_LIST}-{show}", [shown[-1].id]) if len(found) > SHOWN else ""
    return page(
        "studio/samples.html", rows=rows, tabs=tabs, show=show, older=more, first=not given,
        allowed=sample_said.allowance(allowed, standing.numbers),
        levels=sample_said.levels(standing.numbers, sorted(allowed.sales)), score=score,
        scored=sample_said.score(score), policy=standing, picture=offered.picture,
    )  # fmt: skip


@blueprint.get("/samples/<sample_id>")
@creator
def sample(sample_id: str) -> str:
    return _shown(sample_id, Typed())


@blueprint.post("/samples/<sample_id>/<any(received, content, extend, appeal, withdraw, order, address, take_up):act>")
@creator
def move_sample(sample_id: str, act: str) -> str | AnyResponse:
    typed = Typed({name: value.strip() for name, value in request.form.items() if name != "csrf_token"}, of=act)
    try:
        with writing() as session:
            _ACTS[act][0](session, sample_id, typed.values)
    except (InputRefused, Conflict) as refused:
        put(typed, refused)
        return _shown(sample_id, typed)
    flash(_ACTS[act][1])
    return redirect(url_for(".sample", sample_id=sample_id), code=303)


def _received(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    at = moments.first_of(typed["at"], "at") if typed.get("at") else None
    acts.received(session, sample_id, creator_id=g.creator_id, at=at, by=guards.actor())


def _content(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    """Name it; the product is put into it first where it isn't in yet."""
    row = queries.one(session, sample_id, creator_id=g.creator_id)
    content_id = typed.get("content_id", "")[:64]
    content = contents.some(session, [content_id]).get(content_id)
    if content is not None and content.creator_id == g.creator_id and not _inside(session, row, [content_id]):
        anchors.put(session, content, [Wanted(id_of(row.shop_id, row.product_ref))], by=guards.actor())
        collaborations.promote(session, g.creator_id, row.shop_id, row.product_ref, clock.now())
    acts.name_content(session, sample_id, content_id, creator_id=g.creator_id, by=guards.actor())


def _appeal(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    acts.appeal(session, sample_id, typed.get("words", ""), creator_id=g.creator_id, by=guards.actor())


def _order(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    acts.name_order(session, sample_id, typed.get("order", "")[:200], creator_id=g.creator_id, by=guards.actor())


def _address(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    acts.readdress(session, sample_id, _recipient(typed), creator_id=g.creator_id, by=guards.actor())


def _take_up(session: Session, sample_id: str, typed: Mapping[str, str]) -> None:
    acts.take_up(
        session, sample_id, typed.get("listing_id", "")[:64], _recipient(typed),
        variant_ref=typed.get("variant_ref", "")[:100], creator_id=g.creator_id, by=guards.actor(),
    )  # fmt: skip


# Act → what it does, and what is said after it.
_ACTS: dict[str, tuple[Callable[[Session, str, Mapping[str, str]], Any], str]] = {
    "received": (_received, "Noted. Show it in time: the day stands here."),
    "content": (_content, "The shop sees it. It counts once the product was in it long enough."),
    "extend": (
        lambda session, sample_id, _: acts.extend(session, sample_id, creator_id=g.creator_id, by=guards.actor()),
        "You have more time. The new day stands here.",
    ),
    "appeal": (_appeal, "We have your words. Support reads them and decides."),
    "withdraw": (
        lambda session, sample_id, _: acts.withdraw(session, sample_id, creator_id=g.creator_id, by=guards.actor()),
        "You took it back.",
    ),
    "order": (_order, "The order is named."),
    "address": (_address, "The new address counts."),
    "take_up": (_take_up, "It is yours: it will be sent there."),
}  # fmt: skip


@blueprint.get("/products/<listing_id>/sample")
@creator
def ask_sample(listing_id: str) -> str:
    return _asking(listing_id, Typed({"kind": request.args.get("kind", "")[:20]}))


@blueprint.post("/products/<listing_id>/sample")
@creator
def send_sample_ask(listing_id: str) -> str | AnyResponse:
    typed = Typed({name: value.strip() for name, value in request.form.items() if name != "csrf_token"})
    kind = typed.values.get("kind", "free")[:20]
    try:
        with writing() as session:
            row = acts.ask(
                session, g.creator_id, listing_id, kind=cast(moves.Kind, kind),
                variant_ref=typed.values.get("variant_ref", "")[:100],
                recipient=_recipient(typed.values) if kind == "free" else None, note=typed.values.get("note", ""),
                by=guards.actor(),
            )  # fmt: skip
    except (InputRefused, Conflict) as refused:
        put(typed, refused)
        return _asking(listing_id, typed)
    flash("You asked for it." if row.state == "requested" else "It is yours: the shop's rule said yes at once.")
    return redirect(url_for(".sample", sample_id=row.id), code=303)


def offer_of(session: Session, listing: Listing) -> dict[str, Any]:
    """What a product's page says of samples: the kinds that are given, and the creator's own one of it."""
    now = clock.now()
    kinds = offers.kinds_of(session, listing.shop_id, [listing.product_ref], now)[listing.product_ref]
    mine = session.scalars(
        sa.select(Sample)
        .where(
            Sample.creator_id == g.creator_id, Sample.shop_id == listing.shop_id,
            Sample.product_ref == listing.product_ref,
        )
        .order_by(Sample.id.desc())
        .limit(1)
    ).first()  # fmt: skip
    numbers = policy.at(session, now).numbers
    return {
        "kinds": kinds, "mine": mine, "stands": sample_said.stands(mine, numbers, now) if mine else None,
        "listing_id": listing.id,
    }  # fmt: skip


def _shown(sample_id: str, typed: Typed) -> str:
    now = clock.now()
    with reading() as session:
        row = queries.one(session, sample_id, creator_id=g.creator_id)
        numbers = next(each for each in policy.every(session) if each.version == row.policy_version).numbers
        listing = catalog.by_ref(session, row.shop_id, row.product_ref) if row.product_ref else None
        named = queries.contents(session, [row.id])[row.id]
        may = sample_said.acts(row, now)
        values: dict[str, Any] = {
            "shop": table.names(session, "shop", {row.shop_id}).get(row.shop_id, "A shop"),
            "steps": sample_said.story(queries.steps(session, row.id)),
            "appeal": queries.appeal_of(session, row.id),
            "contents": list(contents.some(session, named).values()),
            "held_until": paying.waits_until(session, row, now),
            "counted": paying.counted(session, row, now) if row.approved_at and row.state in moves.OPEN else None,
            "offered": _nameable(session, row, set(named)) if "content" in may else [],
            "choices": _promised(session, row) if "take_up" in may else [],
            "agreed_in": _negotiation(session, row),
        }  # fmt: skip
        if "take_up" in may and not typed.errors:
            typed.values = {**_known_address(session), **typed.values}
    csp.may_show_images_of_stores()
    address = _address_of(row)
    if not typed.errors and address is not None:
        typed.values |= {name: getattr(address, name) for name in recipients.FIELDS}
    return page(
        "studio/sample.html", row=row, listing=listing, stands=sample_said.stands(row, numbers, now), may=may,
        typed=typed, numbers=numbers, address=address, state=words.status("sample", row.state), now=now, labels=LABELS,
        kind_word=sample_words.KINDS.get(row.kind, row.kind), asked=sample_words.standing(row.standing, numbers),
        countries=_countries(), picture=offered.picture, **values,
    )  # fmt: skip


def _asking(listing_id: str, typed: Typed) -> str:
    now = clock.now()
    with reading() as session:
        listing = catalog.listing(session, listing_id)
        if listing is None:
            raise NotFound(f"no listing has the id {listing_id[:40]!r}", public="There is no such product.")
        standing = policy.at(session, now)
        kinds = offers.kinds_of(session, listing.shop_id, [listing.product_ref], now)[listing.product_ref]
        allowed = sales.allowance(session, g.creator_id, standing, now)
        score = queries.score_of(session, g.creator_id, now)
        variants = [row for row in catalog.variants(session, listing.shop_id, listing.product_ref) if row.available]
        shop = table.names(session, "shop", {listing.shop_id}).get(listing.shop_id, "A shop")
        mine = offer_of(session, listing)["mine"]
        if not typed.errors:
            typed.values = {**_known_address(session), **typed.values}
    kind = typed.values.get("kind") if typed.values.get("kind") in kinds else next(iter(kinds), "")
    return page(
        "studio/sample_ask.html", listing=listing, shop=shop, kinds=kinds, kind=kind, typed=typed, labels=LABELS,
        kind_words=sample_words.KINDS, variants=variants, countries=_countries(),
        full=allowed.open >= allowed.most_open, allowed=sample_said.allowance(allowed, standing.numbers),
        levels=sample_said.levels(standing.numbers, sorted(allowed.sales)), scored=sample_said.score(score),
        goes_on=sample_said.goes_on(kind or "free", standing.numbers), days=standing.numbers.address_days,
        mine=mine if mine is not None and mine.state in moves.HOLDING else None,
    )  # fmt: skip


def put(typed: Typed, refused: InputRefused | Conflict) -> None:
    """A refusal beside the field that it is about, in the creator's words."""
    if isinstance(refused, InputRefused):
        name = refused.field.removeprefix("recipient.")
        name = "content_id" if name == "products" else name  # what is put in with the content
        said = f"{LABELS.get(name, name)} {refused.problem} {refused.remedy}".strip()
        typed.errors[name if name in LABELS else "form"] = "Choose the country." if name == "country" else said
        if refused.field.startswith("recipient."):  # an address is given at once: all that it lacks is said at once
            lacks = recipients.missing(_recipient(typed.values))
            said_of = {
                each: "Choose the country." if each == "country" else f"{LABELS[each]} is missing." for each in lacks
            }
            typed.errors = said_of | typed.errors
    elif isinstance(refused, AskRefused) and refused.code != "creator_not_eligible":
        said = f"{words.reason(refused.code, 'creator')}."
        if refused.until is not None:
            said += f" You can ask again from {moments.day(refused.until)} on."
        typed.errors[refused.field if refused.field in ("variant_ref", "order", "content_id") else "form"] = said
    elif isinstance(refused, MoveRefused):
        typed.errors["form"] = f"{words.reason(refused.code, 'creator')}."
    else:
        typed.errors["form"] = refused.public


def _recipient(typed: Mapping[str, str]) -> dict[str, str]:
    return {name: typed.get(name, "") for name in recipients.FIELDS}


def _countries() -> list[tuple[str, str]]:
    return sorted(payees.countries().items(), key=lambda each: each[1])


def _address_of(row: Sample) -> Recipient | None:
    """Where it goes, as the creator gave it; None once it is gone, or where no live key opens it."""
    if row.recipient_sealed is None:
        return None
    try:
        return recipients.opened(row.recipient_sealed)
    except ConfigurationWrong:
        return None


def _known_address(session: Session) -> dict[str, str]:
    """The address that the creator gave last, while it is kept; else their country."""
    for row in queries.of_creator(session, g.creator_id, limit=10):
        address = _address_of(row)
        if address is not None:
            return {name: getattr(address, name) for name in recipients.FIELDS}
    country = countries.of(session, [g.creator_id], clock.now()).get(g.creator_id, "")
    return {"country": country}


def _listings(session: Session, rows: Sequence[Sample]) -> dict[str, Listing]:
    ids = {id_of(row.shop_id, row.product_ref) for row in rows if row.product_ref}
    return {row.id: row for row in session.scalars(sa.select(Listing).where(Listing.id.in_(ids)))}


def _nameable(session: Session, row: Sample, named: set[str]) -> list[tuple[Content, bool]]:
    """(content, is the product in it) of what the creator made since the approval and hasn't named, those with the
    product in front."""
    found = session.scalars(
        sa.select(Content)
        .where(Content.creator_id == g.creator_id, Content.created_at >= (row.approved_at or row.asked_at))
        .order_by(Content.id.desc())
        .limit(CHOICES)
    ).all()
    inside = _inside(session, row, [each.id for each in found])
    known = [(each, each.id in inside) for each in found if each.id not in named]
    return sorted(known, key=lambda each: not each[1])


def _inside(session: Session, row: Sample, content_ids: Sequence[str]) -> set[str]:
    """Those of the content in which the product is, or was."""
    return set(
        session.scalars(
            sa.select(Anchor.content_id).where(
                Anchor.content_id.in_(content_ids), Anchor.shop_id == row.shop_id,
                Anchor.product_ref == row.product_ref,
            )
        )
    )  # fmt: skip


def _promised(session: Session, row: Sample) -> list[tuple[str, str]]:
    """(listing, title) of what an agreement's promise may be taken up with."""
    refs = session.scalar(
        sa.select(Offer.product_refs)
        .join(Agreement, Agreement.offer_id == Offer.id)
        .where(Agreement.id == row.agreement_id)
    )
    found: Sequence[Listing]
    if refs:
        asked = sa.select(Listing).where(
            Listing.shop_id == row.shop_id, Listing.product_ref.in_(refs), Listing.status == "shoppable"
        )
        found = session.scalars(asked.order_by(Listing.title)).all()
    else:
        found = catalog.by_title(session, shop_id=row.shop_id, status="shoppable", limit=CHOICES)
    return [(each.id, each.title) for each in found]


def _negotiation(session: Session, row: Sample) -> str:
    """In which negotiation it was promised; "" for one that was asked for."""
    agreement = session.get(Agreement, row.agreement_id) if row.agreement_id else None
    return agreement.negotiation_id if agreement is not None else ""
